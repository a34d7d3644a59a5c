"""The settle rule, for vendors that accept overlapping bookings: of two that meet, one is kept and one withdrawn.

A booking is kept only if every other live overlapping one was created after it, by the vendor's (created_at, id), and
within the settling time; anything else beats it. Nothing is withdrawn once a booking was returned to the caller.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..booking import Booking, BookingRequest, Bookings, live
from ..clinic import Clinic
from ..commands import Flow, Sleep
from ..errors import KoblingError, OutcomeUnknown, ResolveFirst, ScopeMissing, SlotTaken, SlotWithdrawn
from ..shared import UnknownWrite
from .cancelling import UNWANTED, cancel_twice
from .comparing import GONE, compare
from .reading import day_of, listing
from .state import State


def look_before(state: State, request: BookingRequest, place: Clinic, *, free: bool) -> Flow[None]:
    """Before anything is written: a calendar that can't be seen whole can't be booked in, since a booking there could
    never be kept. A reference that stands on that day has been booked, by whichever process. free: a time that already
    has a booking is taken."""
    listed = yield from listing(state, day_of(request.slot, place), place)
    if not listed.complete:
        raise ScopeMissing("bookings_hidden", fields=("api_key",), vendor=state.line.adapter.key, operation="book")
    if any(live(one) and one.reference == request.reference for one in listed.found):
        raise ResolveFirst("already_booked", vendor=state.line.adapter.key, operation="book")
    slot = request.slot
    wanted = Booking(id="new", status="booked", start=slot.start, end=slot.end, practitioner_id=slot.practitioner_id)
    if free and rivals(wanted, listed, state.longest_service()):
        raise SlotTaken("overlap", vendor=state.line.adapter.key, operation="book")


def settle(state: State, booking: Booking, request: BookingRequest, place: Clinic) -> Flow[Booking]:
    """Wait, look once, and return the booking as listed if it is kept; else withdraw it and raise `SlotTaken`.
    What can't be settled is `OutcomeUnknown`."""
    seconds = state.line.adapter.limits.booking.settle
    if seconds > 0:
        yield Sleep(seconds)
    failed = ""
    listed: Bookings | None = None
    try:
        listed = yield from listing(state, day_of(request.slot, place), place)
    except KoblingError as error:
        failed = error.code
    if listed is None:
        raise unsettled(state, request, failed)
    return (yield from decide(state, booking.id, request, place, listed))


def decide(state: State, booking_id: str, request: BookingRequest, place: Clinic, listed: Bookings) -> Flow[Booking]:
    """The rule itself, on a listing that is old enough."""
    ours = next((one for one in listed.found if one.id == booking_id), None)
    if not listed.complete or ours is None or ours.created_at is None:
        raise unsettled(state, request, "not_settled")
    if ours.status in GONE:
        raise SlotWithdrawn("declined", vendor=state.line.adapter.key, operation="book")
    compare(state, ours, request)
    if not _stronger(state, ours, listed):
        return ours
    yield from _withdraw(state, ours, request, place)
    raise SlotTaken("overlap", vendor=state.line.adapter.key, operation="book")


def _stronger(state: State, ours: Booking, listed: Bookings) -> tuple[Booking, ...]:
    seconds = state.line.adapter.limits.booking.settle
    others = rivals(ours, listed, state.longest_service())
    return tuple(other for other in others if not _later(other, ours, seconds))


def none_at_the_time(state: State, booking_id: str, listed: Bookings, before: datetime) -> bool:
    """True when nothing that beats a booking stood beside it while it was settled: made after its settling time, or
    so long `before` it that it must have been moved there since. It may have been kept and returned by then, so that
    whoever did not settle it can't withdraw it."""
    ours = next((one for one in listed.found if one.id == booking_id), None)
    if ours is None or ours.created_at is None:
        return False
    over = ours.created_at + timedelta(seconds=state.line.adapter.limits.booking.settle)
    stronger = _stronger(state, ours, listed)
    times = [one.created_at for one in stronger]
    return bool(times) and all(made is not None and (made > over or made < before) for made in times)


def rivals(ours: Booking, listed: Bookings, longest: timedelta) -> tuple[Booking, ...]:
    """The other live bookings that overlap, or may. longest: how long one lasts whose end the vendor does not say."""
    if ours.start is None:
        return tuple(one for one in listed.found if one.id != ours.id and live(one))
    start, end = ours.start, ours.end or ours.start + longest
    found = []
    for other in listed.found:
        if other.id == ours.id or not live(other):
            continue
        if None not in (other.practitioner_id, ours.practitioner_id) and other.practitioner_id != ours.practitioner_id:
            continue
        if other.start is None or (other.start < end and start < (other.end or other.start + longest)):
            found.append(other)
    return tuple(found)


def _later(other: Booking, ours: Booking, seconds: float) -> bool:
    if other.created_at is None or ours.created_at is None:
        return False
    after = (other.created_at, _rank(other.id)) > (ours.created_at, _rank(ours.id))
    return after and other.created_at <= ours.created_at + timedelta(seconds=seconds)


def _rank(booking_id: str) -> tuple[int, str]:
    return (int(booking_id), "") if booking_id.isascii() and booking_id.isdigit() else (0, booking_id)


def unsettled(state: State, request: BookingRequest, because: str) -> OutcomeUnknown:
    """The booking stands and can't be kept or withdrawn with certainty: `resolve` goes on from here."""
    shared, connection_id = state.line.shared, state.connection.id
    earlier = shared.unknown_write(connection_id, request.reference)
    sent_at = earlier.sent_at if earlier is not None else state.line.clock.now()
    shared.mark_unknown(connection_id, request.reference, UnknownWrite(because, sent_at))
    return OutcomeUnknown(because, reference=request.reference, vendor=state.line.adapter.key, operation="book")


def _withdraw(state: State, booking: Booking, request: BookingRequest, place: Clinic) -> Flow[None]:
    """Somebody was first: give ours up again."""
    confirmed = False
    try:
        yield from cancel_twice(state, booking.ref, place, UNWANTED)
        confirmed = True
    except KoblingError:
        confirmed = False
    if not confirmed:
        raise unsettled(state, request, "withdrawal_unconfirmed")
