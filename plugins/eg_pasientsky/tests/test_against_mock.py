"""The adapter against its vendor's mock: what it says is open, what a booking leaves, and every documented unknown."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pasientsky_worlds import World, open_for_insurance, request, world

from kobling import (
    BookingRef,
    CancelReason,
    NeedsPerson,
    OutcomeUnknown,
    SlotQuery,
    SlotTaken,
    StillUnknown,
    TooLateToChange,
)
from kobling_mocks.clinic import Clinic, Clock, Restrictions, synthetic_clinic
from kobling_mocks.faults import Fault
from kobling_mocks.mock import Mock

CLINICS = int(os.environ.get("KOBLING_CLINICS", "40"))
"""How many random clinics are tried; the whole claim is about 500."""

FIRST_DAY = date(2026, 11, 23)


def found(place: World, first: date, last: date) -> set[tuple[str, str, datetime]]:
    answer = place.session.slots(SlotQuery(first_day=first, last_day=last))
    assert answer.complete
    assert not answer.problems
    return {(slot.practitioner_id, slot.service_id, slot.start) for slot in answer.found}


def departments_seen(clinic: Clinic) -> list[str]:
    """No department, and each one that is some visible type's visiting address: only these does the wire show."""
    addresses = [
        clinic.address(kind.address_id)
        for kind in clinic.types
        if kind.address_id and kind.online and kind.kind != "hidden"
    ]
    return ["", *sorted({address.department_id for address in addresses if address is not None})]


def assert_open_as_the_clinic_says(mock: Mock, first: date, last: date, now: datetime | None = None) -> None:
    clinic = mock.world.clinic
    for department_id in departments_seen(clinic):
        place = world(mock, now=now, department_id=department_id)
        assert found(place, first, last) == open_for_insurance(clinic, first, last, department_id)


@pytest.mark.parametrize("seed", range(CLINICS))
def test_open_times_equal_the_clinic_models(seed: int) -> None:
    mock = Mock("eg-pasientsky", synthetic_clinic(seed))
    assert_open_as_the_clinic_says(mock, FIRST_DAY, FIRST_DAY + timedelta(days=17))


@pytest.mark.parametrize(("now", "night"), [
    (datetime(2026, 10, 19, 6, tzinfo=UTC), date(2026, 10, 25)),
    (datetime(2027, 3, 22, 6, tzinfo=UTC), date(2027, 3, 28)),
])  # fmt: skip
@pytest.mark.parametrize("seed", range(CLINICS // 8))
def test_open_times_equal_the_models_around_a_change_of_the_clock(seed: int, now: datetime, night: date) -> None:
    mock = Mock("eg-pasientsky", synthetic_clinic(seed, Clock(now)))
    assert_open_as_the_clinic_says(mock, night - timedelta(days=3), night + timedelta(days=3), now)


@pytest.mark.parametrize("switches", [{"rates": "name"}, {"rates": "extra_information"}, {"timeslot_fields": False}])
@pytest.mark.parametrize("seed", [1, 5, 9])
def test_every_reading_of_the_undocumented_fields_gives_the_same_times(seed: int, switches: dict[str, object]) -> None:
    mock = Mock("eg-pasientsky", synthetic_clinic(seed))
    mock.world.switches.set(**switches)
    assert_open_as_the_clinic_says(mock, FIRST_DAY, FIRST_DAY + timedelta(days=6))


def any_slot(place: World, *, after_days: int = 5):  # type: ignore[no-untyped-def]
    first = FIRST_DAY + timedelta(days=after_days)
    return place.session.slots(SlotQuery(first_day=first, last_day=first + timedelta(days=7), at_most=1)).found[0]


def live(place: World):  # type: ignore[no-untyped-def]
    return [
        one
        for one in place.mock.world.clinic.all_appointments()
        if one.source == "online" and one.state in ("booked", "pending")
    ]


def test_a_booking_carries_tag_sakid_name_and_birth_year_in_the_note() -> None:
    place = world()
    wanted = request(any_slot(place))
    booking = place.session.book(wanted)
    (kept,) = live(place)
    assert kept.id == booking.id
    assert kept.note.splitlines() == [wanted.note().splitlines()[0], "SakID: 6QPTR", "Kari Prøve (1980)"]
    assert kept.sak_id == "6QPTR"
    place.mock.world.assert_sound()


def test_an_answer_without_a_status_word_is_not_called_booked() -> None:
    place = world()
    assert place.session.book(request(any_slot(place))).status == "unknown"


def test_a_pending_booking_is_called_pending() -> None:
    place = world()
    place.mock.world.switches.set(confirmation="pending")
    assert place.session.book(request(any_slot(place))).status == "pending"


@pytest.mark.parametrize("taken", ["409", "400", "200"])
def test_a_time_taken_between_search_and_book_is_slot_taken(taken: str) -> None:
    place = world()
    place.mock.world.switches.set(taken=taken, search_cache_seconds=600)
    slot = any_slot(place)
    place.session.book(request(slot))
    with pytest.raises(SlotTaken) as caught:
        place.session.book(request(slot))
    assert caught.value.vendor_code == "TIMESLOT_UNAVAILABLE"
    assert len(live(place)) == 1


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
@pytest.mark.parametrize(
    "kind", ["reset", "hang", "http_503", "html_502", "redirect", "empty", "truncated", "html_200"]
)
def test_a_lost_answer_is_unknown_and_only_a_person_can_find_out(kind: str, when: str) -> None:
    place = world()
    wanted = request(any_slot(place))
    sent_at = place.clock.now()
    to = "https://psno-portal.svc.pasientsky.no/elsewhere" if kind == "redirect" else None
    place.mock.world.faults.add(Fault(operation="book", nth=1, when=when, kind=kind, to=to))
    with pytest.raises(OutcomeUnknown):
        place.session.book(wanted)
    assert len(live(place)) == (1 if when == "after_commit" else 0)
    answer = place.session.resolve(wanted, sent_at)
    assert isinstance(answer, NeedsPerson)
    seen = {(one.looked_at, one.saw) for one in answer.evidence}
    assert ("slot", "gone" if when == "after_commit" else "free") in seen
    assert ("facts", "no_bound_on_a_late_commit") in seen
    assert len([call for call in place.mock.world.journal.calls if call.operation == "book"]) == 1


def test_a_gateway_that_gives_up_before_the_commit_ends_the_same_way() -> None:
    place = world()
    place.mock.world.switches.set(gateway="gives_up", commit_lag_seconds=30)
    wanted = request(any_slot(place))
    sent_at = place.clock.now()
    with pytest.raises(OutcomeUnknown):
        place.session.book(wanted)
    assert isinstance(place.session.resolve(wanted, sent_at), NeedsPerson)
    place.mock.world.clock.advance(60)
    assert len(live(place)) == 1


def test_resolve_says_still_unknown_while_the_vendor_is_down() -> None:
    place = world()
    wanted = request(any_slot(place))
    place.mock.world.faults.add(Fault(operation="book", nth=1, when="after_commit", kind="reset"))
    with pytest.raises(OutcomeUnknown):
        place.session.book(wanted)
    for nth in range(1, 4):
        place.mock.world.faults.add(Fault(operation="search", nth=nth, when="before_commit", kind="http_503"))
    answer = place.session.resolve(wanted, place.clock.now())
    assert isinstance(answer, StillUnknown)
    assert answer.next_at > place.clock.now()


def test_a_cancelled_booking_is_gone_and_cancelling_again_reaches_the_same_goal() -> None:
    place = world()
    booking = place.session.book(request(any_slot(place)))
    reason = CancelReason(by="patient", why="unwell")
    assert place.session.cancel(booking.ref, reason).already_gone is False
    assert live(place) == []
    assert place.session.cancel(booking.ref, reason).already_gone is True


def test_not_cancelled_without_a_reason_is_an_unknown_outcome() -> None:
    place = world()
    place.mock.world.switches.set(cancel_gone="200")
    ref = BookingRef(connection_id=place.session.connection.id, id="3f0c1d20-0000-11ef-8000-000000000009")
    with pytest.raises(OutcomeUnknown) as caught:
        place.session.cancel(ref, CancelReason(by="patient"))
    assert caught.value.because == "not_cancelled"


def test_a_passed_deadline_is_told_as_such() -> None:
    place = world()
    place.mock.world.clinic.set_restrictions(Restrictions(cancel_deadline_hours=24 * 30))
    for kind in place.mock.world.clinic.types:
        place.mock.world.clinic.put_type(replace(kind, restrictions=Restrictions()))
    booking = place.session.book(request(any_slot(place, after_days=0)))
    with pytest.raises(TooLateToChange):
        place.session.cancel(booking.ref, CancelReason(by="patient"))
    assert len(live(place)) == 1


def test_moving_books_the_new_time_and_then_gives_up_the_old() -> None:
    place = world()
    old = place.session.book(request(any_slot(place, after_days=7)))
    new = place.session.reschedule(old.ref, request(any_slot(place, after_days=9)))
    (kept,) = live(place)
    assert kept.id == new.id != old.id


def test_a_day_that_can_not_be_read_is_unknown_and_the_others_stand() -> None:
    place = world()
    days = {"first_day": FIRST_DAY, "last_day": FIRST_DAY + timedelta(days=4)}
    service_id = place.session.slots(SlotQuery(**days)).found[0].service_id
    place.mock.world.faults.add(Fault(operation="search", nth=2, times=0, when="before_commit", kind="html_502"))
    answer = place.session.slots(SlotQuery(**days, service_ids=(service_id,)))
    assert not answer.complete
    assert {part.because for part in answer.unknown} == {"vendor_unavailable"}
    assert answer.found
