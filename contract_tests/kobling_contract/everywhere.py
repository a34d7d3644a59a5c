"""All departments of a clinic, where the vendor wants one in every call: a session in each, told as one.

A registry's connection leads to one department there. What a rule claims of the whole clinic is the union over the
departments; a booking is made, read and cancelled through the session that told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from kobling import Bookings, Catalogue, Offer, Practitioner, Service, Slot, Slots

from .sides import Side

__all__ = ["Everywhere", "one_catalogue", "one_answer"]

T = TypeVar("T")


class Everywhere(Side):
    """Sessions by department (the vendor's ids) with the words of one."""

    def __init__(self, sides: Mapping[str, Side]) -> None:
        first = next(iter(sides.values()))
        super().__init__(first._session, first._threads, first._pace)
        self._sides = dict(sides)

    async def _call(self, operation: str, *arguments: Any, **options: Any) -> Any:
        if operation in ("catalogue", "slots", "bookings"):
            told = {place: await side._call(operation, *arguments) for place, side in self._sides.items()}
            if operation == "catalogue":
                return one_catalogue(told)
            if operation == "slots":
                return one_answer(_each_once(told), arguments[0].at_most)
            return _one_list(told.values())
        side = next((one for one in self._sides.values() if one.connection_id == _leads_to(arguments)), None)
        return await (side or next(iter(self._sides.values())))._call(operation, *arguments, **options)

    async def reschedule(self, ref: Any, request: Any, **options: Any) -> Any:
        """`Session.reschedule`, in the booking's own department: a time of every department is also that one's."""
        if request.slot.location_id is None:
            slot = request.slot.model_copy(update={"connection_id": ref.connection_id})
            request = request.model_copy(update={"slot": slot})
        return await super().reschedule(ref, request, **options)

    def movable(self, connection_id: str, slot: Slot) -> bool:
        """Whether a booking of a connection can be moved to this time: another department is another connection."""
        return slot.location_id is None or slot.connection_id == connection_id


def _leads_to(arguments: tuple[Any, ...]) -> str:
    """The connection that the first argument (a slot, a request or a reference) belongs to."""
    first = arguments[0] if arguments else None
    return str(getattr(getattr(first, "slot", first), "connection_id", ""))


def _united(parts: Iterable[Iterable[T]], key: Callable[[T], object]) -> tuple[T, ...]:
    """What is told in any part, once; what one part tells twice stays twice."""
    found: list[T] = []
    known: set[object] = set()
    for part in parts:
        new = [one for one in part if key(one) not in known]
        known |= set(map(key, new))
        found += new
    return tuple(found)


def one_catalogue(told: Mapping[str, Catalogue]) -> Catalogue:
    """What the departments' catalogues tell of the clinic. A service that some of them list, without a place or as
    their own, stands at those; one that all list so stands at every department."""
    parts = list(told.values())
    offers: list[Iterable[Offer]] = [
        one.offers if isinstance(one.offers, tuple) else one.offer_by_ids.values() for one in parts
    ]
    return parts[0].model_copy(
        update={
            "practitioners": tuple(
                _at(one, told) for one in _united([part.practitioners for part in parts], lambda one: one.id)
            ),
            "services": tuple(
                _placed(one, told) for one in _united([part.services for part in parts], lambda one: one.id)
            ),
            "offers": _united(offers, lambda one: (one.practitioner_id, one.service_id)),
            "inferred": frozenset().union(*(one.inferred for one in parts)),
            "department_id": None,
        }
    )


def _at(who: Practitioner, told: Mapping[str, Catalogue]) -> Practitioner:
    """A practitioner at every department that any catalogue tells of them; at none in particular where each catalogue
    tells none or its own, which says no more than that it was asked."""
    listed = {
        place: part.practitioner_by_id[who.id] for place, part in told.items() if who.id in part.practitioner_by_id
    }
    if all(one.departments in (None, {place}) for place, one in listed.items()):
        return who.model_copy(update={"departments": None})
    places = frozenset().union(*(one.departments or {place} for place, one in listed.items()))
    return who.model_copy(update={"departments": places})


def _placed(service: Service, told: Mapping[str, Catalogue]) -> Service:
    listed = {place: part.service_by_id[service.id] for place, part in told.items() if service.id in part.service_by_id}
    if len(listed) == len(told) and all(one.locations in (None, {place}) for place, one in listed.items()):
        return service.model_copy(update={"locations": None})
    places = frozenset().union(*(one.locations or {place} for place, one in listed.items()))
    return service.model_copy(update={"locations": places})


def _each_once(told: Mapping[str, Slots]) -> list[Slots]:
    """What each department tells, without the times that one before it told, where both tell them without a place or as
    their own: it is one time of one practitioner, and stands at the first."""
    parts, known = [], set[object]()
    for place, part in told.items():
        own = {_time(one) for one in part.found if one.location_id in (None, place)}
        found = tuple(one for one in part.found if _time(one) not in known & own)
        parts.append(part.model_copy(update={"found": found}))
        known |= own
    return parts


def one_answer(told: Iterable[Slots], at_most: int | None = None) -> Slots:
    """Several answers about open times as one, in the contract's order; what one of them does not know is unknown."""
    parts = list(told)
    once = _united([one.found for one in parts], lambda one: (*_order(one), one.location_id))
    found = sorted(once, key=_order)
    return Slots(
        found=tuple(found[:at_most]),
        unknown=tuple(part for one in parts for part in one.unknown),
        problems=tuple(problem for one in parts for problem in one.problems),
        derived=any(one.derived for one in parts),
    )


def _order(slot: Slot) -> tuple[datetime, str, str, str]:
    return *_time(slot), slot.location_id or ""


def _time(slot: Slot) -> tuple[datetime, str, str]:
    return slot.start, slot.practitioner_id, slot.service_id


def _one_list(told: Iterable[Bookings]) -> Bookings:
    parts = list(told)
    found = _united([one.found for one in parts], lambda one: one.id)
    return parts[0].model_copy(update={"found": found, "complete": all(one.complete for one in parts)})
