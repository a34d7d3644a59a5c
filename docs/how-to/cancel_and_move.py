"""Code of `cancel-and-move.md`, and its tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest

from kobling import (
    BookingRef,
    BookingRequest,
    CancelReason,
    Connection,
    Kobling,
    OutcomeUnknown,
    Patient,
    RescheduleHalfDone,
    Session,
    Slot,
    SlotQuery,
    TooLateToChange,
)
from kobling_mocks import Mock
from kobling_mocks.faults import Fault


# [cancel]
def cancel(session: Session, kept: str, reason: CancelReason) -> str:
    """kept: `booking.ref.model_dump_json()`, as it was stored when the time was booked."""
    try:
        done = session.cancel(BookingRef.model_validate_json(kept), reason)
    except TooLateToChange as error:
        return error.explain("nb")  # it stands: the patient calls the clinic
    if done.already_gone:
        return "Timen var avlyst fra før."
    return "Timen er avlyst. Fristen var ute, så klinikken kan ta betalt." if done.late else "Timen er avlyst."


# [move]
def move(
    session: Session, kept: str, request: BookingRequest, before_write: Callable[[BookingRequest], None]
) -> tuple[str, str]:
    """What to store in place of `kept`, and what a person must look at ("" for nothing). request: a new one, for the
    new time."""
    old = BookingRef.model_validate_json(kept)
    try:
        return session.reschedule(old, request, before_write=before_write).ref.model_dump_json(), ""
    except RescheduleHalfDone as error:
        new = error.new.ref.model_dump_json() if error.new is not None else ""
        return new, f"{error.because}: {error.old.model_dump_json()}"


# [test]
KARI = Patient(
    given_name="Kari", family_name="Prøve", birth_date=date(1980, 1, 2), phone="+47 900 00 042", email="kari@example.no"
)
UNWELL = CancelReason(by="patient", why="unwell")


@contextmanager
def at(mock: Mock) -> Iterator[Session]:
    """A registry's session at a vendor's mock."""
    with Kobling(exchange=mock.exchange, clock=mock.clock) as kobling:
        connection = Connection(mock.dialect.key, **mock.connection)
        services = kobling.session(connection, options=mock.options).services()
        rates = {one.id: ["B1010"] for one in services}
        yield kobling.session(connection, options=mock.options, rates=rates)


def offered(mock: Mock, session: Session) -> tuple[Slot, ...]:
    day = mock.clock.now().date() + timedelta(days=3)
    return session.slots(SlotQuery(first_day=day, last_day=day + timedelta(days=7))).found


def open_times(mock: Mock, session: Session) -> list[Slot]:
    """The open times of one practitioner for one service."""
    first, *more = offered(mock, session)
    same = (first.practitioner_id, first.service_id)
    return [first, *(one for one in more if (one.practitioner_id, one.service_id) == same)]


def booked(session: Session, slot: Slot) -> str:
    return session.book(BookingRequest(slot=slot, patient=KARI)).ref.model_dump_json()


def no_ledger(request: BookingRequest) -> None:
    """A registry writes a row here."""


def test_a_cancel_from_what_was_stored_may_be_repeated() -> None:
    mock = Mock("extensor")
    with at(mock) as session:
        kept = booked(session, open_times(mock, session)[0])
        assert cancel(session, kept, UNWELL) == "Timen er avlyst."
        assert cancel(session, kept, UNWELL) == "Timen var avlyst fra før."


def test_after_the_deadline_the_patient_calls_the_clinic_or_may_have_to_pay() -> None:
    mock = Mock("extensor")
    with at(mock) as session:
        kept = booked(session, offered(mock, session)[-1])  # its service has a deadline of a day
        deadline = BookingRef.model_validate_json(kept).change_by
        assert deadline is not None
        mock.world.clock.set(deadline + timedelta(minutes=1))
        assert "Ring klinikken." in cancel(session, kept, UNWELL)
        mock.world.clinic.behave(late_cancel="accepted")
        assert cancel(session, kept, UNWELL).startswith("Timen er avlyst. Fristen var ute")


@pytest.mark.parametrize(("vendor", "in_one_step"), [("extensor", True), ("eg-pasientsky", False)])
def test_a_move_gives_what_to_store_and_frees_the_old_time(vendor: str, in_one_step: bool) -> None:
    mock = Mock(vendor)
    with at(mock) as session:
        slot, *_, later = open_times(mock, session)
        kept = booked(session, slot)
        moved, problem = move(session, kept, BookingRequest(slot=later, patient=KARI), no_ledger)
        assert problem == ""
        new, old = BookingRef.model_validate_json(moved), BookingRef.model_validate_json(kept)
        assert (new.id == old.id) is in_one_step
        assert new.start == later.start
        still = [one.start for one in open_times(mock, session)]
        assert (slot.start in still, later.start in still) == (True, False)


def test_a_move_that_stops_in_the_middle_shows_both_bookings() -> None:
    mock = Mock("eg-pasientsky")
    with at(mock) as session:
        slot, *_, later = open_times(mock, session)
        kept = booked(session, slot)
        mock.world.faults.add(Fault(operation="cancel", kind="reset", times=0))
        new, problem = move(session, kept, BookingRequest(slot=later, patient=KARI), no_ledger)
        assert BookingRef.model_validate_json(new).start == later.start
        because, _, old = problem.partition(": ")
        assert because == "old_unknown"
        assert BookingRef.model_validate_json(old) == BookingRef.model_validate_json(kept)


def test_a_move_in_one_step_whose_answer_was_lost_names_no_reference_to_resolve() -> None:
    mock = Mock("extensor")
    with at(mock) as session:
        slot, *_, later = open_times(mock, session)
        kept = booked(session, slot)
        mock.world.faults.add(Fault(operation="flytt", kind="reset"))
        with pytest.raises(OutcomeUnknown) as lost:
            move(session, kept, BookingRequest(slot=later, patient=KARI), no_ledger)
        assert lost.value.reference is None
        assert session.get(BookingRef.model_validate_json(kept)).start == slot.start
