"""A search that is asked again is answered from memory, and never from a state of the clinic that has passed."""

from __future__ import annotations

from datetime import date, timedelta

from kobling_mocks.clinic import BookingOrder, Clinic, OpenSlot, PatientDetails, demo_clinic

DAY = date(2026, 11, 26)
SOMEBODY = PatientDetails("Prøve Prøvesen", date(1980, 1, 2), "+4790000009", "prove@example.test")


def times(clinic: Clinic) -> tuple[OpenSlot, ...]:
    return clinic.open_slots(None, None, DAY, DAY)


def book(clinic: Clinic, slot: OpenSlot) -> None:
    clinic.staff_book(BookingOrder(slot.timebook_id, slot.type_id, slot.start, SOMEBODY, source="staff"))


def test_the_same_question_has_the_same_answer_and_another_question_its_own() -> None:
    clinic = demo_clinic(weeks=2)
    assert times(clinic) is times(clinic)
    assert clinic.open_slots([], None, DAY, DAY) == ()
    assert clinic.open_slots(None, None, DAY, DAY + timedelta(days=1)) != times(clinic)


def test_every_change_is_seen_also_one_that_is_taken_back_and_made_otherwise() -> None:
    clinic = demo_clinic(weeks=2)
    first, second, *_ = before = times(clinic)
    snapshot = clinic.snapshot()
    book(clinic, first)
    assert first not in times(clinic)
    clinic.restore(snapshot)
    assert times(clinic) == before
    book(clinic, second)
    assert second not in times(clinic)
    assert first in times(clinic) or first.timebook_id == second.timebook_id


def test_time_that_passes_is_seen() -> None:
    clinic = demo_clinic(weeks=2)
    assert times(clinic)
    clinic.clock.advance(timedelta(days=7))
    assert times(clinic) == ()


def test_a_clinic_that_goes_offline_shows_nothing_until_it_is_back() -> None:
    clinic = demo_clinic(weeks=2)
    snapshot = times(clinic)
    clinic.set_online(False)
    assert times(clinic) == ()
    clinic.set_online(True)
    assert times(clinic) == snapshot


def test_a_twin_begins_alike_and_goes_its_own_way() -> None:
    clinic = demo_clinic(weeks=2)
    twin = clinic.twin()
    before = times(clinic)
    assert times(twin) == before
    assert twin.dump() == clinic.dump()
    book(twin, before[0])
    twin.clock.advance(60)
    assert times(clinic) == before
    assert clinic.clock.now() != twin.clock.now()
    assert clinic.dump() != twin.dump()
