"""The adapter against its vendor's mock: what a booking leaves at the clinic, whose token may do what, and limits."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from easypractice_worlds import World, request, world

from kobling import (
    Cancelled,
    CancelReason,
    KoblingError,
    OutcomeUnknown,
    ScopeMissing,
    Slot,
    SlotQuery,
    SlotTaken,
    VendorProtocolError,
    find_tags,
)
from kobling_mocks.clinic import Appointment, BookingOrder, PatientDetails, demo_id
from kobling_mocks.faults import Fault
from kobling_mocks.mock import Mock

DAY = date(2026, 11, 24)
BY_PATIENT = CancelReason(by="patient")


def times(place: World) -> tuple[Slot, ...]:
    return place.session.slots(SlotQuery(first_day=DAY, last_day=DAY)).found


def ours(place: World) -> list[Appointment]:
    return [one for one in place.clinic.all_appointments() if one.source == "online"]


def strict(**switches: Any) -> World:
    """A clinic whose system refuses overlaps, and a session that knows it."""
    mock = Mock("easypractice")
    mock.world.switches.set(strict_overlap=True, **switches)
    return world(mock)


def test_a_booking_leaves_a_client_of_its_own_with_tag_and_sak_id_and_a_mail_to_the_main_account() -> None:
    place = world()
    wanted = request(times(place)[0])
    made = place.session.book(wanted)
    (appointment,) = ours(place)
    client = place.clinic.patient(appointment.patient_id)
    assert client is not None
    assert find_tags(client.notes) == [wanted.reference]
    assert "SakID: 6QPTR" in client.notes
    assert (appointment.note, appointment.patient_comment) == ("", "")
    assert (made.id, made.verified) == (place.wire(appointment.id), True)
    assert made.residue == (f"patient:{place.wire(client.id)}",)
    told = [one for one in place.clinic.messages if one.kind == "new_booking"]
    assert [(one.appointment_id, one.patient_id) for one in told] == [(appointment.id, "")]


def test_the_clinics_list_of_clients_is_never_read() -> None:
    place = world()
    place.session.book(request(times(place)[0]))
    place.session.test_connection()
    assert place.mock.world.journal.of("clients") == ()
    assert place.mock.world.journal.findings == ()


def test_the_same_patient_gets_a_record_for_every_booking() -> None:
    place = world()
    first = times(place)[0]
    place.session.book(request(first))
    place.session.book(request(next(one for one in times(place) if one.start >= first.end)))
    assert len({one.patient_id for one in ours(place)}) == 2


@pytest.mark.parametrize("way", ["status", "delete"])
def test_a_booking_is_cancelled_either_way_and_cancelling_twice_is_no_error(way: str) -> None:
    mock = Mock("easypractice")
    mock.world.switches.set(cancel=way)
    place = world(mock)
    made = place.session.book(request(times(place)[0]))
    assert isinstance(place.session.cancel(made.ref, BY_PATIENT), Cancelled)
    assert [one.state for one in ours(place)] == ["cancelled"]
    assert isinstance(place.session.cancel(made.ref, BY_PATIENT), Cancelled)


@pytest.mark.parametrize(("way", "wrong"), [("status", "delete"), ("delete", "status")])
def test_the_wrong_way_to_cancel_is_never_told_as_done(way: str, wrong: str) -> None:
    mock = Mock("easypractice")
    mock.world.switches.set(cancel=way)
    told = mock.options
    place = world(mock, options={**told, "cancel_by": wrong})
    made = place.session.book(request(times(place)[0]))
    with pytest.raises((OutcomeUnknown, VendorProtocolError)):
        place.session.cancel(made.ref, BY_PATIENT)
    assert [one.state for one in ours(place)] == ["booked"]


def test_a_lost_cancel_is_not_told_as_done_where_single_bookings_can_not_be_read() -> None:
    place = world()
    made = place.session.book(request(times(place)[0]))
    place.mock.world.switches.set(single_booking=False)
    place.mock.world.faults.add(Fault(operation="change_booking", kind="reset"))
    with pytest.raises(OutcomeUnknown):
        place.session.cancel(made.ref, BY_PATIENT)
    assert [one.state for one in ours(place)] == ["booked"]


def test_a_move_books_settles_and_cancels_where_overlaps_may_be_accepted() -> None:
    place = world()
    first = times(place)[0]
    made = place.session.book(request(first))
    new = next(one for one in times(place) if one.start >= first.end)
    moved = place.session.reschedule(made.ref, request(new))
    assert moved.id != made.id
    assert [(one.state, one.start) for one in ours(place)] == [("cancelled", first.start), ("booked", new.start)]


def test_a_move_is_one_step_within_calendar_and_service_where_overlaps_are_refused() -> None:
    place = strict()
    first = times(place)[0]
    made = place.session.book(request(first))
    new = next(one for one in times(place) if one.start >= first.end
               and (one.practitioner_id, one.service_id) == (first.practitioner_id, first.service_id))  # fmt: skip
    moved = place.session.reschedule(made.ref, request(new))
    assert (moved.id, moved.start) == (made.id, new.start)
    assert [one.start for one in ours(place)] == [new.start]
    before = len(place.mock.world.journal.of("change_booking"))
    other = next(one for one in times(place) if one.practitioner_id != first.practitioner_id)
    elsewhere = place.session.reschedule(moved.ref, request(other))
    assert elsewhere.id != made.id
    assert len(place.mock.world.journal.of("change_booking")) == before + 1
    assert place.mock.world.journal.of("create_booking")[-1].status == 201


@pytest.mark.parametrize("taken", ["409", "422"])
def test_a_refused_overlap_is_taken_and_nothing_is_settled(taken: str) -> None:
    place = strict(taken=taken)
    slot = times(place)[0]
    own = place.mock.dialect.ids.own(place.clinic, slot.practitioner_id) or ""

    def staff_are_faster(_: object) -> None:
        details = PatientDetails("Annen Prøvesen", email="annen@example.test")
        order = BookingOrder(own, demo_id("type", "oppfolging"), slot.start, details, source="staff")
        place.clinic.staff_book(order)

    with pytest.raises(SlotTaken):
        place.session.book(request(slot), before_write=staff_are_faster)
    assert ours(place) == []
    assert place.mock.world.journal.calls[-1].operation == "create_booking"


# ---- tokens


def test_an_employees_token_fails_the_test_and_can_not_book() -> None:
    mock = Mock("easypractice")
    kari = demo_id("timebook", "kari")
    slot = times(world(mock))[0]
    place = world(mock, token=mock.dialect.employee_token(mock.world.account, kari))  # type: ignore[attr-defined]
    report = place.session.test_connection()
    assert report.outcome == "failed"
    (failed,) = [one for one in report.findings if one.severity == "fail"]
    assert (failed.code, failed.because) == ("scope_missing", "bookings_hidden")
    assert not report.counts_as_attempt
    with pytest.raises(ScopeMissing) as caught:
        place.session.book(request(slot))
    assert caught.value.because == "bookings_hidden"
    assert {call.method for call in mock.world.journal.calls} == {"GET"}


def test_a_token_that_may_only_read_is_told_as_a_missing_scope_at_the_first_booking() -> None:
    mock = Mock("easypractice")
    place = world(mock, token=mock.dialect.reading_token(mock.world.account))  # type: ignore[attr-defined]
    report = place.session.test_connection()
    assert report.outcome != "failed"
    assert "writing_not_tested" in {one.code for one in report.findings}
    with pytest.raises(ScopeMissing) as caught:
        place.session.book(request(times(place)[0]))
    assert caught.value.effect == "none"
    assert ours(place) == []


def test_a_wrong_token_and_another_accounts_token_name_the_fields() -> None:
    mock = Mock("easypractice")
    other = Mock("easypractice", seed=5)
    mock.world.add_clinic(other.world.clinic)
    for token, fields in (("nothing", {"api_key"}), (other.connection["api_key"], {"external_id", "api_key"})):
        report = world(mock, token=token).session.test_connection()
        (failed,) = [one for one in report.findings if one.severity == "fail"]
        assert (failed.code, set(failed.fields) <= fields, report.counts_as_attempt) == (
            "credentials_rejected", True, True,
        )  # fmt: skip


# ---- the limit on calls


def test_a_retry_after_on_a_good_answer_is_not_slept_on() -> None:
    place = world()
    before = place.clock.monotonic()
    times(place)
    assert place.clock.monotonic() == before
    assert place.mock.world.journal.calls


def test_the_budget_keeps_within_sixty_calls_a_minute() -> None:
    place = world()
    found: list[KoblingError] = []
    for _ in range(12):
        try:
            times(place)
        except KoblingError as error:
            found.append(error)
    assert 429 not in {call.status for call in place.mock.world.journal.calls}
    assert len(place.mock.world.journal) <= 60 * (1 + int(place.clock.monotonic() // 60))
