"""Moving a booking: in the vendor's one step where there is one, else book the new time and cancel the old."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from ..booking import Booking, BookingRef, BookingRequest, live
from ..clinic import Clinic
from ..commands import Flow, Hook
from ..engine import Task, operate
from ..errors import (
    BookedDifferently,
    BookingNotFound,
    KoblingError,
    OutcomeUnknown,
    PatientLimitReached,
    RescheduleHalfDone,
    RescheduleNeedsGap,
    TooLateToChange,
)
from ..slots import Slot
from .booking import BeforeWrite, Order, announce, as_read, note_write, on_file, ordered, ready, under_reference, write
from .cancelling import MOVED, UNWANTED, cancel_twice
from .comparing import GONE, moved
from .reading import again, one, stamp
from .results import checked_booking
from .searching import verify
from .state import State

OLD_GONE = "old_cancelled"


def reschedule(
    state: State,
    ref: BookingRef,
    request: BookingRequest,
    *,
    allow_gap: bool,
    not_after: datetime | None,
    before_write: BeforeWrite | None,
) -> Flow[Booking]:
    """See `Session.reschedule`."""
    state.own(ref.connection_id, "booking")
    order = yield from ordered(state, request, not_after)
    old = yield from _current(state, ref, order.place)
    if _in_one_step(state, old, request):
        return (yield from _in_place(state, old, order, before_write))
    if _touches(state, old, request):
        if not allow_gap:
            raise RescheduleNeedsGap("overlapping_times", vendor=state.line.adapter.key, operation="reschedule")
        steps = _with_gap(state, old, order, before_write)
    else:
        steps = _book_then_cancel(state, old, order, before_write, allow_gap=allow_gap)
    return (yield from under_reference(state, order, steps))


def _current(state: State, ref: BookingRef, place: Clinic) -> Flow[BookingRef]:
    """The old booking as it stands now, where the vendor can tell: the clinic may have moved or cancelled it. Its
    deadline is checked before anything is sent."""
    if state.offers("get_booking"):
        known = yield from one(state, ref, place)
        if known.status in GONE:
            raise BookingNotFound("already_cancelled", vendor=state.line.adapter.key, operation="reschedule")
        if not live(known):
            raise TooLateToChange(vendor=state.line.adapter.key, operation="reschedule")
        facts = ("practitioner_id", "service_id", "location_id", "start", "end", "change_by")
        told = {name: getattr(known, name) for name in facts if getattr(known, name) is not None}
        ref = ref.model_copy(update=told)
    if ref.change_by is not None and state.line.clock.now() > ref.change_by:
        raise TooLateToChange(vendor=state.line.adapter.key, operation="reschedule")
    return ref


def _in_one_step(state: State, ref: BookingRef, request: BookingRequest) -> bool:
    limits = state.line.adapter.limits
    if not state.offers("reschedule") or limits.booking.overlap != "refused":
        return False
    names = (f"{kind}_id" for kind in limits.reschedule_within)
    return all(getattr(ref, name) == getattr(request.slot, name) for name in names)


def _touches(state: State, ref: BookingRef, request: BookingRequest) -> bool:
    """True when the new time overlaps the old one in the same practitioner's timebook, as far as is known."""
    if ref.start is None or ref.practitioner_id not in (None, request.slot.practitioner_id):
        return False
    end = ref.end or ref.start + state.longest_service(ref.service_id)
    return ref.start < request.slot.end and request.slot.start < end


# ---- one step


def _in_place(state: State, ref: BookingRef, order: Order, before_write: BeforeWrite | None) -> Flow[Booking]:
    """The vendor's own move. The booking keeps its reference, and `request.reference` is not used: a lost answer is
    looked at by the booking's id."""
    slot = order.request.slot
    if not _touches(state, ref, order.request):
        slot = yield from verify(state, slot)
    if before_write is not None:
        yield Hook(lambda: before_write(order.request))
    task = Task(
        "reschedule",
        lambda adapter, http: adapter.reschedule(http, ref, slot),
        checked_booking,
        clinic=order.place,
        not_after=order.not_after,
        fresh=True,
        urgent=True,
    )
    lost: OutcomeUnknown | None = None
    told: Booking | None = None
    try:
        told = stamp(state, (yield from operate(state.line, task)), order.place.zone, slot)
    except OutcomeUnknown as error:
        lost = error
    read = yield from again(state, ref, order.place, slot)
    if lost is not None and (read is None or _not_as_asked(read, slot)):
        raise lost
    for shown in (told, read):
        if shown is not None and (wrong := _not_as_asked(shown, slot)):
            raise BookedDifferently(
                booking=shown, differences=wrong, vendor=state.line.adapter.key, operation="reschedule"
            )
    return as_read(told or read, read) if read is not None else cast("Booking", told)


def _not_as_asked(booking: Booking, slot: Slot) -> tuple[str, ...]:
    return moved(booking, slot) + (() if live(booking) else ("status",))


# ---- two steps


def _book_then_cancel(
    state: State, ref: BookingRef, order: Order, before_write: BeforeWrite | None, *, allow_gap: bool
) -> Flow[Booking]:
    limited = False
    new: Booking | None = None
    yield from ready(state, order)
    yield from announce(state, order, before_write)
    try:
        new = yield from write(state, order)
    except PatientLimitReached:
        limited = True
    if limited and not allow_gap:
        raise RescheduleNeedsGap("patient_limit", vendor=state.line.adapter.key, operation="reschedule")
    if new is None:
        return (yield from _cancel_then_book(state, ref, order))
    if new.status == "pending" and not allow_gap:  # the clinic may still say no
        raise _half(state, "not_confirmed", new, ref, new.status)
    yield from _give_up_old(state, ref, new, order)
    return new


def _give_up_old(state: State, ref: BookingRef, new: Booking, order: Order) -> Flow[None]:
    """Cancel the old booking; when it is certain that it stands, withdraw the new one again. A new one that was never
    read back counts as withdrawn only when the vendor says so: "not there" may be a reading that lags behind."""
    refused: KoblingError | None = None
    problem = ""
    try:
        yield from cancel_twice(state, ref, order.place, MOVED)
        return
    except OutcomeUnknown as error:
        problem = error.because
    except KoblingError as error:
        refused = error
    if refused is None:
        raise _half(state, "old_unknown", new, ref, problem)
    unwanted = new.ref.model_copy(update={"confirmed": new.verified})
    try:
        yield from cancel_twice(state, unwanted, order.place, UNWANTED)
    except KoblingError as error:
        problem = error.because or error.code
    if problem:
        raise _half(state, "both_stand", new, ref, problem)
    state.line.shared.clear_unknown(state.connection.id, order.request.reference)
    raise refused


def _with_gap(state: State, ref: BookingRef, order: Order, before_write: BeforeWrite | None) -> Flow[Booking]:
    """Cancel first, then book: the caller accepted that the patient may end without a time, and is told if so.

    The old booking covers the new time, so that it can only be verified once the old one is gone. Everything else that
    may go wrong is tried before."""
    yield from on_file(state, order, free=False)
    yield from announce(state, order, before_write)
    return (yield from _cancel_then_book(state, ref, order, verify_after=True))


def _cancel_then_book(state: State, ref: BookingRef, order: Order, *, verify_after: bool = False) -> Flow[Booking]:
    yield from cancel_twice(state, ref, order.place, MOVED, order.not_after)
    note_write(state, order.request, OLD_GONE)
    failed: KoblingError | None = None
    try:
        if verify_after:
            slot = yield from verify(state, order.request.slot)
            order.prepared = order.prepared.model_copy(update={"slot": slot})
        return (yield from write(state, order))
    except KoblingError as error:
        failed = error
    if failed.effect == "none":
        state.line.shared.clear_unknown(state.connection.id, order.request.reference)
        raise _half(state, OLD_GONE, None, ref, failed.because or failed.code)
    failed.detail, failed.because = failed.because, OLD_GONE
    raise failed


def _half(state: State, because: str, new: Booking | None, old: BookingRef, detail: str) -> RescheduleHalfDone:
    return RescheduleHalfDone(
        because, new=new, old=old, detail=detail, vendor=state.line.adapter.key, operation="reschedule"
    )
