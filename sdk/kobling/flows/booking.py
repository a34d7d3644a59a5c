"""Making a booking: verify, patient on file, the caller's hook, the one write, read back, settle.

Everything before the hook may be repeated, nothing after it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from ..booking import (
    LIVE,
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Bookings,
    Cancelled,
    CancelReason,
    live,
)
from ..booking import stamped as with_stamps
from ..clinic import Clinic
from ..commands import Flow, Hook, Sleep
from ..engine import Task, operate
from ..errors import (
    AdapterBug,
    BookedDifferently,
    InvalidRequest,
    KoblingError,
    OutcomeUnknown,
    PatientFieldRequired,
    ResolveFirst,
    ScopeMissing,
    SlotTaken,
    SlotWithdrawn,
    UnsupportedOperation,
    VendorUnavailable,
)
from ..localtime import zone_of
from ..reference import NoteRefused, NoteTooLong
from ..shared import UnknownWrite
from ..slots import Slot
from .searching import verify
from .state import State, clinic

BOOKED = "already_booked"
BeforeWrite = Callable[[BookingRequest], "Awaitable[None] | None"]


def book(
    state: State, request: BookingRequest, *, not_after: datetime | None, before_write: BeforeWrite | None
) -> Flow[Booking]:
    """One booking, or an error whose effect is certain; see `Session.book`."""
    shared, connection_id = state.line.shared, state.connection.id
    place = yield from clinic(state)
    state.need("book", place)
    state.own(request.slot.connection_id, "slot")
    state.aware(not_after, "not_after")
    _can_settle(state, place)
    prepared = _prepared(state, request)
    if not shared.begin(connection_id, request.reference):
        raise _refused(state, ResolveFirst("under_way"))
    residue: tuple[str, ...] = ()
    try:
        earlier = shared.unknown_write(connection_id, request.reference)
        if earlier is not None:
            raise _refused(state, ResolveFirst(BOOKED if earlier.because == BOOKED else ""))
        slot = yield from verify(state, request.slot)
        prepared = prepared.model_copy(update={"slot": slot})
        if state.offers("register_patient") and prepared.patient_id is None:
            patient_id = yield from _register(state, prepared)
            residue = (f"patient:{patient_id}",)
            prepared = prepared.model_copy(update={"patient_id": patient_id})
        if before_write is not None:
            yield Hook(lambda: before_write(request))
        try:
            booking = yield from _write(state, prepared, place, not_after)
            _note_write(state, request, "cancelled_by_caller")
            kept = yield from _finish(state, prepared, booking, place)
        except BookedDifferently as error:
            _note_write(state, request, BOOKED)
            error.residue = error.residue or residue
            raise
        except KoblingError as error:
            if error.effect == "none":
                shared.clear_unknown(connection_id, request.reference)
            error.residue = error.residue or residue
            raise
        _note_write(state, request, BOOKED)
        return kept
    finally:
        shared.end(connection_id, request.reference)


def _note_write(state: State, request: BookingRequest, because: str) -> None:
    """From here on the reference is spent: a second `book` under it is refused. Until the booking is finished it
    counts as unknown, so that a caller who goes away meanwhile leaves the right mark."""
    write = UnknownWrite(because, state.line.clock.now())
    state.line.shared.mark_unknown(state.connection.id, request.reference, write)


def _refused(state: State, error: KoblingError) -> KoblingError:
    error.vendor, error.operation = state.line.adapter.key, "book"
    return error


def _can_settle(state: State, place: Clinic) -> None:
    """Where the vendor may accept overlaps, a booking can only be kept after looking at the others."""
    facts = state.line.adapter.limits.booking
    if facts.overlap == "refused":
        return
    if not state.offers("list_bookings"):
        raise _refused(state, UnsupportedOperation("overlaps_need_a_listing"))
    if place.can is not None and "list_bookings" not in place.can:
        raise _refused(state, ScopeMissing("bookings_hidden", fields=("api_key",)))


def _prepared(state: State, request: BookingRequest) -> BookingRequest:
    """The request as this vendor's adapter may see it: declared patient fields only, and a note that fits."""
    adapter = state.line.adapter
    fields = adapter.patient_fields
    missing = fields.missing(request.patient)
    if missing:
        raise _refused(state, PatientFieldRequired(fields=missing))
    prepared = request.model_copy(
        update={"patient": fields.stripped(request.patient), "note_lines": fields.note_lines(request.patient)}
    )
    if adapter.limits.booking.reference_in in ("note", "patient_note"):
        problem = ""
        try:
            prepared.note(adapter.limits.booking.note_length)
        except NoteTooLong:
            problem = "note_too_long"
        except NoteRefused:
            problem = "note_refused"
        if problem:
            raise _refused(state, InvalidRequest(problem, fields=("message",)))
    return prepared


def _register(state: State, request: BookingRequest) -> Flow[str]:
    """Put the patient on file. Its lost answer means that there is no appointment, and perhaps a record."""
    task = Task("register_patient", lambda adapter, http: adapter.register_patient(http, request.patient), _patient_id)
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
        residue=("patient:unknown",),
    )


def _patient_id(result: Any) -> str:
    if not isinstance(result, str) or not result:
        raise AdapterBug("register_patient_returns_an_id")
    return result


def _write(state: State, request: BookingRequest, place: Clinic, not_after: datetime | None) -> Flow[Booking]:
    task = Task(
        "book",
        lambda adapter, http: adapter.book(http, request),
        checked_booking,
        clinic=place,
        reference=request.reference,
        not_after=not_after,
        fresh=True,
    )
    return operate(state.line, task)


def checked_booking(result: Any) -> Booking:
    """What an adapter says of one booking."""
    if not isinstance(result, Booking):
        raise AdapterBug("returns_a_booking")
    return result


def _finish(state: State, request: BookingRequest, answer: Booking, place: Clinic) -> Flow[Booking]:
    """Compare with what was asked, read back, settle."""
    booking = stamp(state, answer, place.zone, request.slot)
    if booking.status in ("declined", "cancelled"):
        raise _refused(state, SlotWithdrawn("declined"))
    _compare(state, booking, request)
    if state.offers("get_booking"):
        read = yield from _read_back(state, booking, place)
        if read is not None:
            _compare(state, read, request)
            known = {name: getattr(read, name) for name in _READ if getattr(read, name) is not None}
            booking = with_stamps(booking, verified=True, **known)
    if state.line.adapter.limits.booking.overlap != "refused":
        yield from settle(state, booking, request, place)
    if request.patient_id is not None and state.offers("register_patient"):
        booking = with_stamps(booking, residue=(f"patient:{request.patient_id}",))
    return booking


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


def _read_back(state: State, booking: Booking, place: Clinic) -> Flow[Booking | None]:
    """The booking as the vendor shows it now; None when it can't be read, which changes nothing about it."""
    task = Task(
        "get_booking",
        lambda adapter, http: adapter.get_booking(http, booking.ref),
        checked_booking,
        clinic=place,
        fresh=True,
    )
    try:
        return (yield from operate(state.line, task))
    except KoblingError:
        return None


def stamp(state: State, booking: Booking, zone: str, asked: Slot | None = None) -> Booking:
    """The booking with its connection, zone and the slot asked for."""
    return with_stamps(booking, connection_id=state.connection.id, zone=zone, asked=asked)


def differences(booking: Booking, request: BookingRequest) -> tuple[str, ...]:
    """What the vendor says otherwise than asked, by name. Only what it says is compared."""
    slot = request.slot
    pairs: list[tuple[str, Any, Any]] = [
        ("start", booking.start, slot.start),
        ("practitioner_id", booking.practitioner_id, slot.practitioner_id),
        ("service_id", booking.service_id, slot.service_id),
        ("location_id", booking.location_id if slot.location_id else None, slot.location_id),
        ("reference", booking.reference, request.reference),
    ]
    if booking.patient is not None:
        for name in type(booking.patient).model_fields:
            sent, said = getattr(request.patient, name), getattr(booking.patient, name)
            pairs.append((f"patient.{name}", said if sent is not None else None, sent))
    found = [name for name, said, asked in pairs if said is not None and not _same(said, asked)]
    if booking.status not in LIVE:
        found.append("status")
    return tuple(found)


def _same(said: Any, asked: Any) -> bool:
    if isinstance(said, str) and isinstance(asked, str):
        return "".join(said.split()).casefold() == "".join(asked.split()).casefold()
    return bool(said == asked)


def _compare(state: State, booking: Booking, request: BookingRequest) -> None:
    found = differences(booking, request)
    if found:
        raise BookedDifferently(booking=booking, differences=found, vendor=state.line.adapter.key, operation="book")


# ---- the settle rule, for vendors that accept overlapping bookings


def settle(state: State, booking: Booking, request: BookingRequest, place: Clinic) -> Flow[None]:
    """Wait, look once at the calendar, and keep the booking only if every other live overlapping one was created
    after it, by the vendor's (created_at, id), and within the settling time; else withdraw it and raise `SlotTaken`.

    Nothing is withdrawn once a booking was returned to the caller; what can't be settled is `OutcomeUnknown`.
    """
    seconds = state.line.adapter.limits.booking.settle
    if seconds > 0:
        yield Sleep(seconds)
    failed = ""
    listed: Bookings | None = None
    try:
        listed = yield from listing(state, booking.asked or request.slot, place)
    except KoblingError as error:
        failed = error.code
    ours = next((one for one in listed.found if one.id == booking.id), None) if listed else None
    if listed is None or not listed.complete or ours is None or ours.created_at is None:
        raise _unsettled(state, request, failed or "not_settled")
    if _keeps(ours, request.slot, listed, seconds):
        return
    yield from _withdraw(state, booking, request, place)


def _keeps(ours: Booking, slot: Slot, listed: Bookings, seconds: float) -> bool:
    start, end = ours.start or slot.start, ours.end or slot.end
    for other in listed.found:
        if other.id == ours.id or not live(other) or other.start is None or other.end is None:
            continue
        if other.practitioner_id is not None and other.practitioner_id != slot.practitioner_id:
            continue
        if not (other.start < end and start < other.end):
            continue
        if other.created_at is None or ours.created_at is None:
            return False
        later = (other.created_at, _rank(other.id)) > (ours.created_at, _rank(ours.id))
        if not later or other.created_at > ours.created_at + timedelta(seconds=seconds):
            return False
    return True


def _rank(booking_id: str) -> tuple[int, str]:
    return (int(booking_id), "") if booking_id.isascii() and booking_id.isdigit() else (0, booking_id)


def _unsettled(state: State, request: BookingRequest, because: str) -> OutcomeUnknown:
    line = state.line
    line.shared.mark_unknown(state.connection.id, request.reference, UnknownWrite(because, line.clock.now()))
    return OutcomeUnknown(because, reference=request.reference, vendor=line.adapter.key, operation="book")


def _withdraw(state: State, booking: Booking, request: BookingRequest, place: Clinic) -> Flow[None]:
    """Somebody was first: give ours up again."""
    confirmed = False
    try:
        gone = yield from cancel_once(state, booking.ref, CancelReason(by="registry", why="mistake"), place)
        confirmed = isinstance(gone, Cancelled)
    except KoblingError:
        confirmed = False
    if not confirmed:
        raise _unsettled(state, request, "withdrawal_unconfirmed")
    raise SlotTaken("overlap", vendor=state.line.adapter.key, operation="book")


def cancel_once(
    state: State, ref: BookingRef, reason: CancelReason, place: Clinic, not_after: datetime | None = None
) -> Flow[Cancelled]:
    """One cancel, as the vendor answers it."""
    task = Task(
        "cancel",
        lambda adapter, http: adapter.cancel(http, ref, reason),
        checked_cancel,
        clinic=place,
        not_after=not_after,
        fresh=True,
    )
    return operate(state.line, task)


def checked_cancel(result: Any) -> Cancelled:
    """What an adapter says of a cancel."""
    if not isinstance(result, Cancelled):
        raise AdapterBug("cancel_returns_cancelled")
    return result


def listing(state: State, slot: Slot, place: Clinic, request: BookingRequest | None = None) -> Flow[Bookings]:
    """The practitioner's bookings on the slot's local day, or those of one reference around it."""
    zone = zone_of(place.zone)
    query = BookingQuery(
        first_day=slot.start.astimezone(zone).date(),
        last_day=slot.end.astimezone(zone).date(),
        practitioner_ids=(slot.practitioner_id,),
        reference=request.reference if request is not None else None,
    )
    return list_all(state, query, place)


def list_all(state: State, query: BookingQuery, place: Clinic) -> Flow[Bookings]:
    """The vendor's bookings of a query, stamped."""
    task = Task(
        "list_bookings",
        lambda adapter, http: adapter.list_bookings(http, query),
        _checked_list,
        clinic=place,
        fresh=True,
    )
    answer = yield from operate(state.line, task)
    return answer.model_copy(update={"found": tuple(stamp(state, one, place.zone) for one in answer.found)})


def _checked_list(result: Any) -> Bookings:
    answer = Bookings(found=tuple(result)) if isinstance(result, list) else result
    if not isinstance(answer, Bookings):
        raise AdapterBug("list_bookings_returns_bookings")
    return answer
