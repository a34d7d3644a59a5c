"""Giving a booking up, moving it, and reading it again."""

from __future__ import annotations

from datetime import datetime

from ..booking import (
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Bookings,
    Cancelled,
    CancelReason,
    live,
)
from ..clinic import Clinic
from ..commands import Flow, Hook
from ..engine import Task, operate
from ..errors import (
    BookedDifferently,
    BookingNotFound,
    KoblingError,
    OutcomeUnknown,
    PatientLimitReached,
    RequestRejected,
    RescheduleHalfDone,
    RescheduleNeedsGap,
    TooLateToChange,
    UnsupportedOperation,
    VendorUnavailable,
)
from .booking import BeforeWrite, book, cancel_once, checked_booking, list_all, stamp
from .searching import verify
from .state import State, clinic

MOVED = CancelReason(by="patient", why="other_time")
UNWANTED = CancelReason(by="registry", why="mistake")


def get(state: State, ref: BookingRef) -> Flow[Booking]:
    """The booking as the vendor shows it now."""
    place = yield from clinic(state)
    state.need("get_booking", place)
    state.own(ref.connection_id, "booking")
    task = Task(
        "get_booking", lambda adapter, http: adapter.get_booking(http, ref), checked_booking, clinic=place, fresh=True
    )
    return stamp(state, (yield from operate(state.line, task)), place.zone)


def bookings(state: State, query: BookingQuery) -> Flow[Bookings]:
    """The vendor's bookings of a query."""
    place = yield from clinic(state)
    state.need("list_bookings", place)
    return (yield from list_all(state, query, place))


def cancel(state: State, ref: BookingRef, reason: CancelReason, not_after: datetime | None) -> Flow[Cancelled]:
    """Reach the state in which the booking does not stand; see `Session.cancel`."""
    place = yield from clinic(state)
    state.need("cancel", place)
    state.own(ref.connection_id, "booking")
    lost: OutcomeUnknown | None = None
    try:
        return (yield from cancel_once(state, ref, reason, place, not_after))
    except BookingNotFound as error:
        if not _reached(ref, error):
            raise
        return Cancelled(already_gone=True)
    except OutcomeUnknown as error:
        lost = error
    if (yield from _is_gone(state, ref, place)):
        return Cancelled()
    raise lost


def _reached(ref: BookingRef, error: BookingNotFound) -> bool:
    """The goal of a cancel: what was confirmed once and is not there now, or what the vendor calls cancelled."""
    return ref.confirmed or error.because == "already_cancelled"


def _is_gone(state: State, ref: BookingRef, place: Clinic) -> Flow[bool]:
    """True when the vendor itself shows, after a lost answer, that the booking no longer stands."""
    if not state.offers("get_booking"):
        return False
    task = Task(
        "get_booking", lambda adapter, http: adapter.get_booking(http, ref), checked_booking, clinic=place, fresh=True
    )
    try:
        return (yield from operate(state.line, task)).status == "cancelled"
    except BookingNotFound:
        return ref.confirmed
    except KoblingError:
        return False


def reschedule(
    state: State,
    ref: BookingRef,
    request: BookingRequest,
    *,
    allow_gap: bool,
    not_after: datetime | None,
    before_write: BeforeWrite | None,
) -> Flow[Booking]:
    """Move a booking: in the vendor's one step where there is one, else book the new time and cancel the old."""
    place = yield from clinic(state)
    state.need("book", place)
    state.own(ref.connection_id, "booking")
    state.own(request.slot.connection_id, "slot")
    _in_time(state, ref)
    if _in_one_step(state, ref, request):
        return (yield from _move(state, ref, request, place, not_after, before_write))
    if _touches(ref, request):
        if not allow_gap:
            raise RescheduleNeedsGap("overlapping_times", vendor=state.line.adapter.key, operation="reschedule")
        return (yield from _with_gap(state, ref, request, place, not_after, before_write))
    limited = False
    try:
        new = yield from book(state, request, not_after=not_after, before_write=before_write)
    except PatientLimitReached:
        limited = True
    if limited:
        if not allow_gap:
            raise RescheduleNeedsGap("patient_limit", vendor=state.line.adapter.key, operation="reschedule")
        return (yield from _with_gap(state, ref, request, place, not_after, before_write))
    yield from _give_up_old(state, ref, new, place)
    return new


def _in_time(state: State, ref: BookingRef) -> None:
    if ref.change_by is not None and state.line.clock.now() > ref.change_by:
        raise TooLateToChange(vendor=state.line.adapter.key, operation="reschedule")


def _in_one_step(state: State, ref: BookingRef, request: BookingRequest) -> bool:
    limits = state.line.adapter.limits
    if not state.offers("reschedule") or limits.booking.overlap != "refused":
        return False
    same = {
        "practitioner": ref.practitioner_id == request.slot.practitioner_id,
        "service": ref.service_id == request.slot.service_id,
    }
    return all(same[kind] for kind in limits.reschedule_within)


def _move(
    state: State,
    ref: BookingRef,
    request: BookingRequest,
    place: Clinic,
    not_after: datetime | None,
    before_write: BeforeWrite | None,
) -> Flow[Booking]:
    slot = yield from verify(state, request.slot)
    if before_write is not None:
        yield Hook(lambda: before_write(request))
    task = Task(
        "reschedule",
        lambda adapter, http: adapter.reschedule(http, ref, slot),
        checked_booking,
        clinic=place,
        reference=request.reference,
        not_after=not_after,
        fresh=True,
    )
    booking = stamp(state, (yield from operate(state.line, task)), place.zone, slot)
    wrong = [
        name
        for name, said, asked in (
            ("start", booking.start, slot.start),
            ("practitioner_id", booking.practitioner_id, slot.practitioner_id),
            ("service_id", booking.service_id, slot.service_id),
        )
        if said is not None and said != asked
    ]
    if not live(booking):
        wrong.append("status")
    if wrong:
        raise BookedDifferently(
            booking=booking, differences=tuple(wrong), vendor=state.line.adapter.key, operation="reschedule"
        )
    return booking


def _touches(ref: BookingRef, request: BookingRequest) -> bool:
    """True when the new time overlaps the old one in the same practitioner's timebook."""
    if ref.start is None or ref.practitioner_id not in (None, request.slot.practitioner_id):
        return False
    end = ref.end or ref.start
    return (ref.start < request.slot.end and request.slot.start < end) or ref.start == request.slot.start


def _give_up_old(state: State, ref: BookingRef, new: Booking, place: Clinic) -> Flow[None]:
    """Cancel the old booking; when that is refused for good, withdraw the new one again."""
    refused: KoblingError | None = None
    try:
        yield from _cancel_twice(state, ref, place)
        return
    except (RequestRejected, UnsupportedOperation) as error:
        refused = error
    except KoblingError as error:
        raise _half(state, error.because or error.code, new, ref) from None
    try:
        yield from _cancel_twice(state, new.ref, place, UNWANTED)
    except KoblingError as error:
        raise _half(state, error.because or error.code, new, ref) from None
    raise refused


def _cancel_twice(state: State, ref: BookingRef, place: Clinic, reason: CancelReason = MOVED) -> Flow[None]:
    """A cancel whose answer was lost may be repeated: it aims at a state, not at an act."""
    for last in (False, True):
        try:
            yield from cancel_once(state, ref, reason, place)
            return
        except BookingNotFound as error:
            if _reached(ref, error):
                return
            raise
        except (OutcomeUnknown, VendorUnavailable):
            if last:
                raise


def _with_gap(
    state: State,
    ref: BookingRef,
    request: BookingRequest,
    place: Clinic,
    not_after: datetime | None,
    before_write: BeforeWrite | None,
) -> Flow[Booking]:
    """Cancel first, then book: the caller accepted that the patient may end without a time, and is told if so."""
    if not _touches(ref, request):
        yield from verify(state, request.slot)
    yield from _cancel_twice(state, ref, place)
    problem = ""
    try:
        return (yield from book(state, request, not_after=not_after, before_write=before_write))
    except OutcomeUnknown:
        raise
    except KoblingError as error:
        problem = error.code
    raise _half(state, f"old_cancelled_{problem}", None, ref)


def _half(state: State, because: str, new: Booking | None, old: BookingRef) -> RescheduleHalfDone:
    return RescheduleHalfDone(because, new=new, old=old, vendor=state.line.adapter.key, operation="reschedule")
