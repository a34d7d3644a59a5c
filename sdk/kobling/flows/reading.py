"""Bookings as the vendor shows them: one by its id, or a listing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ..adapter import lists_by_day
from ..booking import Booking, BookingQuery, BookingRef, BookingRequest, Bookings
from ..booking import stamped as with_stamps
from ..clinic import Clinic
from ..commands import Flow
from ..engine import LIST_READINGS, Task, operate
from ..errors import KoblingError, UnsupportedOperation, VendorUnavailable
from ..localtime import chunks, zone_of
from ..slots import Slot
from .results import checked_booking, checked_bookings
from .state import State, catalogue, clinic

AROUND = timedelta(days=7)
"""How far from its day a booking of ours is looked for by its reference: the clinic may have moved it meanwhile."""


def stamp(state: State, booking: Booking, zone: str, asked: Slot | None = None) -> Booking:
    """The booking with its connection, zone and the slot asked for."""
    return with_stamps(booking, connection_id=state.connection.id, zone=zone, asked=asked)


def one(state: State, ref: BookingRef, place: Clinic, asked: Slot | None = None) -> Flow[Booking]:
    """The booking as the vendor shows it now, stamped."""
    task = Task(
        "get_booking",
        lambda adapter, http: adapter.get_booking(http, ref),
        checked_booking,
        clinic=place,
        fresh=True,
        urgent=True,
    )
    return stamp(state, (yield from operate(state.line, task)), place.zone, asked)


def again(state: State, ref: BookingRef, place: Clinic, asked: Slot) -> Flow[Booking | None]:
    """The booking read back after a write; None when it can't be read, which changes nothing about it."""
    if not state.offers("get_booking"):
        return None
    try:
        return (yield from one(state, ref, place, asked))
    except KoblingError:
        return None


def listing(state: State, query: BookingQuery, place: Clinic) -> Flow[Bookings]:
    """The vendor's bookings of a query, stamped; asked for in parts where one call takes fewer days or practitioners.
    What reaches over midnight may stand in two of them, and is told once."""
    parts = yield from _parts(state, query)
    answers = yield from _agreed(state, parts, place)
    found: list[Booking] = []
    for part in answers:
        known = {one.id for one in found}
        found += [stamp(state, each, place.zone) for each in part.found if each.id not in known]
    return Bookings(found=tuple(found), complete=bool(parts) and all(part.complete for part in answers))


def _parts(state: State, query: BookingQuery) -> Flow[list[BookingQuery]]:
    """A query as the vendor takes it; nothing where nobody has a timebook that could be asked for."""
    facts = state.line.adapter.limits.booking
    first, last, size = query.first_day, query.last_day, facts.listed_days
    windows = [(first, last)] if size is None else chunks(first, last, size)
    asked = [query.practitioner_ids]
    if facts.listed_per == "practitioner" and (facts.listed_by == "days" or query.reference is None):
        people = query.practitioner_ids
        if not people:  # all of them, also those who have come since the catalogue was read
            people = tuple((yield from catalogue(state, fresh=True, urgent=True)).practitioner_by_id)
        asked = [(one,) for one in people]
    return [
        query.model_copy(update={"first_day": begin, "last_day": end, "practitioner_ids": who})
        for begin, end in windows
        for who in asked
    ]


def _agreed(state: State, parts: Sequence[BookingQuery], place: Clinic) -> Flow[list[Bookings]]:
    """The answer for each part. Several are read until two readings agree, since what staff move meanwhile from a
    later one into an earlier one would stand in none; the last one needs no second look."""
    answers = yield from _each(state, parts, place)
    for _ in range(LIST_READINGS - 1):
        if len(parts) < 2:
            return answers
        again = yield from _each(state, parts[:-1], place)
        if again == answers[:-1]:
            return answers
        answers = again + (yield from _each(state, parts[-1:], place))
    raise VendorUnavailable("list_keeps_changing", vendor=state.line.adapter.key, operation="list_bookings")


def _each(state: State, parts: Sequence[BookingQuery], place: Clinic) -> Flow[list[Bookings]]:
    answers: list[Bookings] = []
    for part in parts:
        answers.append((yield from _listed(state, part, place)))
    return answers


def _listed(state: State, query: BookingQuery, place: Clinic) -> Flow[Bookings]:
    task = Task(
        "list_bookings", lambda adapter, http: adapter.list_bookings(http, query), checked_bookings, clinic=place,
        fresh=True, urgent=True,
    )  # fmt: skip
    return operate(state.line, task)


def get(state: State, ref: BookingRef) -> Flow[Booking]:
    """See `Session.get`."""
    state.need("get_booking")
    state.own(ref.connection_id, "booking")
    place = yield from clinic(state)
    state.need("get_booking", place)
    return (yield from one(state, ref, place))


def bookings(state: State, query: BookingQuery) -> Flow[Bookings]:
    """See `Session.bookings`."""
    state.need("list_bookings")
    if query.reference is None and not lists_by_day(state.line.adapter):
        key = state.line.adapter.key
        raise UnsupportedOperation("only_by_reference", vendor=key, operation="list_bookings")
    place = yield from clinic(state)
    state.need("list_bookings", place)
    return (yield from listing(state, query, place))


def day_of(slot: Slot, place: Clinic) -> BookingQuery:
    """The question for everything in the practitioner's timebook on the slot's local day."""
    zone = zone_of(place.zone)
    return BookingQuery(
        first_day=slot.start.astimezone(zone).date(),
        last_day=slot.end.astimezone(zone).date(),
        practitioner_ids=(slot.practitioner_id,),
    )


def by_reference(request: BookingRequest, place: Clinic) -> BookingQuery:
    """The question for one reference, wherever it stands by now: on the days around, in any timebook."""
    zone = zone_of(place.zone)
    return BookingQuery(
        first_day=request.slot.start.astimezone(zone).date() - AROUND,
        last_day=request.slot.end.astimezone(zone).date() + AROUND,
        reference=request.reference,
        patient_id=request.patient_id,
    )
