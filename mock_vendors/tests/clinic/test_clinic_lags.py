"""A system that answers before it commits, and one whose readers see an older timebook."""

from __future__ import annotations

import pytest
from small_clinic import TUESDAY, SmallClinic, small_clinic

from kobling_mocks.clinic import (
    Behaviour,
    Lags,
    NoSuchAppointment,
    PatientDetails,
    ReferenceInUse,
    Restrictions,
    SlotTaken,
    check_invariants,
)

OLA = PatientDetails(email="ola@example.test")


def lagging(**seconds: float) -> SmallClinic:
    return small_clinic(Behaviour(lags=Lags(**seconds)))


def test_an_accepted_booking_does_not_exist_before_its_moment_and_then_does() -> None:
    small = lagging(commit=30)
    accepted = small.clinic.book(small.order(note="SakID: 6QPTR"))
    assert small.clinic.accepted_bookings() == (accepted,)
    assert small.clinic.all_appointments() == ()
    assert small.clinic.claims == ()
    assert "09:00" in small.walls()
    small.clinic.clock.advance(29.9)
    with pytest.raises(NoSuchAppointment):
        small.clinic.appointment(accepted.id)
    small.clinic.clock.advance(0.1)
    assert small.clinic.appointment(accepted.id) == accepted
    assert small.clinic.accepted_bookings() == ()
    assert len(small.clinic.claims) == 1
    assert accepted.created_at == small.clinic.clock.now()
    assert check_invariants(small.clinic) == []


def test_two_accepted_bookings_of_one_time_end_as_one_booked_and_one_declined() -> None:
    small = lagging(commit=30)
    first = small.clinic.book(small.order())
    small.clinic.clock.advance(5)
    second = small.clinic.book(small.order(patient=OLA))
    assert first.id != second.id
    small.clinic.clock.advance(60)
    assert small.clinic.appointment(first.id).state == "booked"
    late = small.clinic.appointment(second.id)
    assert (late.state, late.reason) == ("declined", "slot_taken")
    assert [message.kind for message in small.clinic.messages] == ["confirmation", "declined"]
    assert check_invariants(small.clinic) == []


def test_staff_who_are_quicker_than_the_commit_keep_the_time() -> None:
    small = lagging(commit=30)
    accepted = small.clinic.book(small.order())
    small.clinic.staff_book(small.order(patient=OLA))
    small.clinic.clock.advance(30)
    assert small.clinic.appointment(accepted.id).state == "declined"


def test_a_deadline_that_passes_between_acceptance_and_commit_does_not_undo_the_booking() -> None:
    small = lagging(commit=7200)
    small.clinic.clock.set(small.at(8, 59))
    accepted = small.clinic.book(small.order(9))
    small.clinic.clock.advance(7200)
    assert small.clinic.appointment(accepted.id).state == "booked"


def test_a_reference_that_was_accepted_is_in_use_before_it_is_committed() -> None:
    small = lagging(commit=30)
    small.clinic.book(small.order(9, reference="ref-1"))
    with pytest.raises(ReferenceInUse):
        small.clinic.book(small.order(10, reference="ref-1"))
    small.clinic.behave(references="free")
    assert small.clinic.book(small.order(10, reference="ref-1"))


def test_a_patient_without_anything_to_match_is_put_on_file_once() -> None:
    small = lagging(commit=30)
    accepted = small.clinic.book(small.order(match="never"))
    small.clinic.clock.advance(30)
    assert [patient.id for patient in small.clinic.patients] == [accepted.patient_id]


def test_a_cached_search_still_shows_a_taken_time_that_booking_refuses() -> None:
    small = lagging(search=60)
    small.clinic.book(small.order(9))
    assert "09:00" in small.walls()
    with pytest.raises(SlotTaken):
        small.clinic.book(small.order(9, patient=OLA))
    small.clinic.clock.advance(60)
    assert "09:00" not in small.walls()


def test_a_cached_search_hides_a_cancelled_time_for_as_long() -> None:
    small = lagging(search=60)
    booked = small.clinic.book(small.order(9))
    small.clinic.clock.advance(60)
    small.clinic.cancel(booked.id)
    assert "09:00" not in small.walls()
    small.clinic.clock.advance(60)
    assert "09:00" in small.walls()


def test_a_listing_that_lags_shows_bookings_cancellations_and_deletions_late() -> None:
    small = lagging(listing=60)
    kept, removed = small.clinic.book(small.order(9)), small.clinic.book(small.order(10))
    assert small.clinic.appointments() == ()
    small.clinic.clock.advance(60)
    assert small.clinic.appointments(first_day=TUESDAY, last_day=TUESDAY) == (kept, removed)
    small.clinic.cancel(kept.id)
    small.clinic.staff_delete(removed.id)
    assert [a.state for a in small.clinic.appointments()] == ["booked", "booked"]
    small.clinic.clock.advance(60)
    assert [a.state for a in small.clinic.appointments()] == ["cancelled"]


def test_a_snapshot_brings_back_everything_with_the_clock_and_can_be_used_twice() -> None:
    small = lagging(commit=30)
    small.clinic.book(small.order(9))
    before, saved = small.clinic.dump(), small.clinic.snapshot()
    for _ in range(2):
        small.clinic.set_restrictions(Restrictions(days_ahead=30))
        small.clinic.clock.advance(60)
        small.clinic.book(small.order(10))
        assert small.clinic.dump() != before
        small.clinic.restore(saved)
        assert small.clinic.dump() == before
