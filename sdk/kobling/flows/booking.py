"""Making a booking: verify, look at the calendar, patient on file, the caller's hook, the one write, read back, settle.

Everything before the hook may be repeated, nothing after it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..adapter import lists_by_day
from ..booking import Booking, BookingRequest, private_texts
from ..booking import stamped as with_stamps
from ..clinic import Clinic
from ..commands import Flow, Hook
from ..engine import Task, hidden_texts, operate, says_any
from ..errors import (
    BookedDifferently,
    InvalidRequest,
    KoblingError,
    OutcomeUnknown,
    PatientFieldRequired,
    ResolveFirst,
    ScopeMissing,
    SlotWithdrawn,
    UnsupportedOperation,
    VendorUnavailable,
)
from ..reference import NoteRefused, NoteTooLong
from ..shared import UnknownWrite
from .comparing import GONE, compare
from .holding import hold, release
from .reading import again, stamp
from .results import checked_booking, checked_patient_id
from .searching import verify
from .settling import look_before, settle
from .state import State, clinic

BOOKED = "already_booked"
UNNAMED_RECORD = "patient:unknown"
"""Residue: perhaps a patient's record, or one whose id may not be told."""
BeforeWrite = Callable[[BookingRequest], "Awaitable[None] | None"]


@dataclass(slots=True, repr=False)
class Order:
    """A booking on its way. request: as the caller made it. prepared: as the adapter may see it. residue: records that
    it has left at the vendor so far."""

    request: BookingRequest
    prepared: BookingRequest
    place: Clinic
    not_after: datetime | None
    residue: tuple[str, ...] = ()


def book(
    state: State, request: BookingRequest, *, not_after: datetime | None, before_write: BeforeWrite | None
) -> Flow[Booking]:
    """One booking, or an error whose effect is certain; see `Session.book`."""
    order = yield from ordered(state, request, not_after)

    def steps() -> Flow[Booking]:
        yield from ready(state, order)
        yield from announce(state, order, before_write)
        return (yield from write(state, order))

    return (yield from under_reference(state, order, steps()))


def ordered(state: State, request: BookingRequest, not_after: datetime | None) -> Flow[Order]:
    """The order, after everything that can be refused by looking at it and at the clinic alone."""
    state.need("book")
    state.own(request.slot.connection_id, "slot")
    state.aware(not_after, "not_after")
    prepared = _prepared(state, request)
    place = yield from clinic(state, urgent=True)
    state.need("book", place)
    _can_settle(state, place)
    return Order(request, prepared, place, not_after)


def under_reference(state: State, order: Order, work: Flow[Booking]) -> Flow[Booking]:
    """Run work under the order's reference: once at a time, and never where its outcome is unknown or it is spent."""
    shared, connection_id, reference = state.line.shared, state.connection.id, order.request.reference
    if not shared.begin(connection_id, reference):
        raise _refused(state, ResolveFirst("under_way"))
    try:
        earlier = shared.unknown_write(connection_id, reference)
        if earlier is not None:
            raise _refused(state, ResolveFirst(BOOKED if earlier.because == BOOKED else ""))
        return (yield from work)
    except KoblingError as error:
        error.residue = error.residue or order.residue
        raise
    finally:
        work.close()
        shared.end(connection_id, reference)


def ready(state: State, order: Order) -> Flow[None]:
    """What may be repeated: the slot as it is now, a calendar that can be kept, the patient on file."""
    slot = yield from verify(state, order.request.slot)
    order.prepared = order.prepared.model_copy(update={"slot": slot})
    yield from on_file(state, order)


def on_file(state: State, order: Order, *, free: bool = True) -> Flow[None]:
    """`ready` without the slot. free: where overlaps are accepted, see that nobody has the time already."""
    if _accepts_overlaps(state):
        yield from look_before(state, order.prepared, order.place, free=free)
    if state.offers("register_patient") and order.prepared.patient_id is None:
        patient_id = yield from _register(state, order)
        order.residue = (_record(state, order, patient_id),)
        order.prepared = order.prepared.model_copy(update={"patient_id": patient_id})


def announce(state: State, order: Order, before_write: BeforeWrite | None) -> Flow[None]:
    """Call the caller's hook, with the vendor's id of the patient on the request where there is one: whoever resolves
    later finds the booking by it. From then on the write has the time of one operation, whatever must be done before
    it: another process counts on that when it resolves."""
    if before_write is not None:
        told = order.request.model_copy(update={"patient_id": order.prepared.patient_id})
        yield Hook(lambda: before_write(told))
    last = state.line.clock.now() + timedelta(seconds=state.line.longest("book"))
    order.not_after = min(order.not_after or last, last)


def write(state: State, order: Order) -> Flow[Booking]:
    """The one write, and everything that its answer is held against."""
    shared, connection_id, reference = state.line.shared, state.connection.id, order.request.reference
    try:
        held = yield from hold(state, order.prepared, order.place, order.not_after)
        answer = yield from _sent(state, order, held)
        note_write(state, order.request, "cancelled_by_caller")
        kept = yield from _finish(state, order, answer)
    except BookedDifferently:
        note_write(state, order.request, BOOKED)
        raise
    except KoblingError as error:
        if error.effect == "none":
            shared.clear_unknown(connection_id, reference)
        raise
    note_write(state, order.request, BOOKED)
    return kept


def note_write(state: State, request: BookingRequest, because: str) -> None:
    """From here on the reference is spent: a second `book` under it is refused. Until the booking is finished it
    counts as unknown, so that a caller who goes away meanwhile leaves the right mark."""
    mark = UnknownWrite(because, state.line.clock.now())
    state.line.shared.mark_unknown(state.connection.id, request.reference, mark)


def _refused(state: State, error: KoblingError) -> KoblingError:
    error.vendor, error.operation = state.line.adapter.key, "book"
    return error


def _accepts_overlaps(state: State) -> bool:
    return state.line.adapter.limits.booking.overlap != "refused"


def _can_settle(state: State, place: Clinic) -> None:
    """Where the vendor may accept overlaps, a booking can only be kept after looking at the others."""
    if not _accepts_overlaps(state):
        return
    if not lists_by_day(state.line.adapter):
        raise _refused(state, UnsupportedOperation("overlaps_need_a_listing"))
    if place.can is not None and "list_bookings" not in place.can:
        raise _refused(state, ScopeMissing("bookings_hidden", fields=("api_key",)))


def _prepared(state: State, request: BookingRequest) -> BookingRequest:
    """The request as this vendor's adapter may see it: declared patient fields only, and a note that fits.

    Where the reference stands in the patient's own record, every booking has a record of its own, so that an earlier
    `patient_id` is left out: under it this booking could not be told from the earlier one.
    """
    adapter = state.line.adapter
    fields, facts = adapter.patient_fields, adapter.limits.booking
    missing = fields.missing(request.patient)
    if missing:
        raise _refused(state, PatientFieldRequired(fields=missing))
    update: dict[str, Any] = {
        "patient": fields.stripped(request.patient),
        "note_lines": fields.note_lines(request.patient),
        "hold_id": None,
    }
    if facts.reference_in == "patient_note":
        update["patient_id"] = None
    prepared = request.model_copy(update=update)
    if not facts.note_is_composed:
        bounded = facts.reference_in == "field" and facts.note_length is not None
        if bounded and len(request.message or "") > (facts.note_length or 0):
            raise _refused(state, InvalidRequest("note_too_long", fields=("message",)))
    else:
        problem = ""
        try:
            prepared.note(facts.note_length)
        except NoteTooLong:
            problem = "note_too_long"
        except NoteRefused:
            problem = "note_refused"
        if problem:
            raise _refused(state, InvalidRequest(problem, fields=("message",)))
    return prepared


def _register(state: State, order: Order) -> Flow[str]:
    """Put the patient on file. Its lost answer means that there is no appointment, and perhaps a record."""
    prepared = order.prepared
    task = Task(
        "register_patient",
        lambda adapter, http: adapter.register_patient(http, prepared),
        checked_patient_id,
        clinic=order.place,
        not_after=order.not_after,
        urgent=True,
        private=private_texts(order.request),
    )
    lost: OutcomeUnknown | None = None
    try:
        return (yield from operate(state.line, task))
    except OutcomeUnknown as error:
        lost = error
    raise VendorUnavailable(
        "patient_record_unknown",
        vendor=lost.vendor,
        operation=lost.operation,
        correlation_id=lost.correlation_id,
        residue=(UNNAMED_RECORD,),
    )


def _record(state: State, order: Order, patient_id: str) -> str:
    """A patient's record as an error names it: a vendor's id of it may be their national id or phone."""
    texts = hidden_texts(state.line, private_texts(order.request))
    return UNNAMED_RECORD if says_any(patient_id, texts) else f"patient:{patient_id}"


def _sent(state: State, order: Order, held: BookingRequest) -> Flow[Booking]:
    """The one write. held: the prepared request, with its hold where there is one; where the write was certainly not
    done, it is given back."""
    task = Task(
        "book",
        lambda adapter, http: adapter.book(http, held),
        checked_booking,
        clinic=order.place,
        reference=held.reference,
        not_after=order.not_after,
        fresh=True,
        urgent=True,
        private=private_texts(order.request),
    )
    try:
        return (yield from operate(state.line, task))
    except KoblingError as error:
        if error.effect == "none":
            yield from release(state, held, order.place)
        raise


def _finish(state: State, order: Order, answer: Booking) -> Flow[Booking]:
    """Compare with what was asked, read back, settle."""
    request, place = order.prepared, order.place
    booking = stamp(state, answer, place.zone, request.slot)
    _check(state, booking, request)
    read = yield from again(state, booking.ref, place, request.slot)
    if read is not None:
        _check(state, read, request)
        booking = as_read(booking, read)
    if _accepts_overlaps(state):
        kept = yield from settle(state, booking, request, place)
        booking = as_read(booking, kept)
    if request.patient_id is not None and state.offers("register_patient"):
        booking = with_stamps(booking, residue=(f"patient:{request.patient_id}",))
    return booking


def _check(state: State, booking: Booking, request: BookingRequest) -> None:
    if booking.status in GONE:
        raise _refused(state, SlotWithdrawn("declined"))
    compare(state, booking, request)


_READ = (
    "status",
    "start",
    "end",
    "practitioner_id",
    "service_id",
    "location_id",
    "reference",
    "created_at",
    "change_by",
)


def as_read(booking: Booking, read: Booking) -> Booking:
    """The booking with what the vendor showed when it was read again."""
    known = {name: getattr(read, name) for name in _READ if getattr(read, name) is not None}
    return with_stamps(booking, verified=True, **known)
