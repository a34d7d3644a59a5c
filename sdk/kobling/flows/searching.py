"""Open times: the question split to the vendor's limits, the answers checked, merged, ordered and stamped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from ..catalogue import Catalogue
from ..clinic import Clinic
from ..commands import All, Flow
from ..engine import Task, operate
from ..errors import (
    ConnectionProblem,
    ContractViolation,
    InvalidRequest,
    KoblingError,
    SlotTaken,
    SlotWithdrawn,
    VendorProtocolError,
    VendorUnavailable,
)
from ..localtime import chunks, day_bounds, zone_of
from ..slots import Slot, SlotProblem, SlotQuery, Slots, UnknownPart, stamped
from .results import checked_slots
from .state import State, catalogue, clinic


def slots(state: State, query: SlotQuery, *, fresh: bool = False, urgent: bool = False) -> Flow[Slots]:
    """Every bookable open time of the query, ordered by (start, practitioner, service).

    A chunk that could not be read is named in `unknown`. When nothing at all could be read, its error is raised, and
    so is an error that a new try can't mend (a wrong key, a defect)."""
    place = yield from clinic(state, urgent=urgent)
    offered = yield from catalogue(state, urgent=urgent)
    location = _location(state, query, place)
    pairs, problems = _wanted(query, offered)
    found: dict[Any, Slot] = {}
    unknown: list[UnknownPart] = []
    answered = False
    failed: KoblingError | None = None
    limits = state.line.adapter.limits.slots
    if pairs:
        for first, last in chunks(query.first_day, query.last_day, limits.days):
            parts = list(_parts(query, pairs, limits.per, first, last, location))
            answers = yield All(
                [_chunk(state, part, place, fresh=fresh, urgent=urgent) for part in parts], limit=limits.together
            )
            for part, answer in zip(parts, answers, strict=True):
                if isinstance(answer, KoblingError):
                    if isinstance(answer, ConnectionProblem | ContractViolation) and not _passing(answer):
                        raise answer
                    failed = failed or answer
                    unknown.append(_unknown_part(part, answer.code))
                    continue
                answered = True
                unknown += answer.unknown
                problems += answer.problems
                _merge(state, found, problems, answer, part, place, pairs, offered)
            if query.at_most is not None and len(found) >= query.at_most:
                break
        if failed is not None and not answered:
            raise failed
    ordered = sorted(found.values(), key=_order)
    cut = ordered[: query.at_most] if query.at_most is not None else ordered
    return Slots.model_construct(
        found=tuple(cut), unknown=tuple(unknown), problems=tuple(problems), derived=any(slot.derived for slot in cut)
    )


def verify(state: State, slot: Slot) -> Flow[Slot]:
    """The same slot as the vendor offers it now, with a fresh token. `SlotTaken` when it is no longer listed,
    `SlotWithdrawn` when the practitioner or the service is no longer offered at all."""
    state.own(slot.connection_id, "slot")
    offered = yield from catalogue(state, urgent=True)
    if not offered.bookable(slot.practitioner_id, slot.service_id):
        raise SlotWithdrawn("not_offered", vendor=state.line.adapter.key, operation="verify")
    place = yield from clinic(state, urgent=True)
    day = slot.start.astimezone(zone_of(place.zone)).date()
    query = SlotQuery(
        first_day=day,
        last_day=day,
        practitioner_ids=(slot.practitioner_id,),
        service_ids=(slot.service_id,),
        location_id=slot.location_id,
    )
    answer = yield from slots(state, query, fresh=True, urgent=True)
    for one in answer.found:
        if one.identity == slot.identity:
            return one
    if not answer.complete:
        raise VendorUnavailable(answer.unknown[0].because, vendor=state.line.adapter.key, operation="verify")
    raise SlotTaken("not_listed", vendor=state.line.adapter.key, operation="verify")


def _passing(error: KoblingError) -> bool:
    """A broken answer can be a passing fault of the vendor's; a wrong key or a defect of the adapter is not."""
    return isinstance(error, VendorProtocolError)


def _location(state: State, query: SlotQuery, place: Clinic) -> str | None:
    wanted = query.location_id or state.connection.public.department_id or None
    if wanted is not None and place.departments is not None and wanted not in {one.id for one in place.departments}:
        raise InvalidRequest("unknown_department", fields=("location_id",), vendor=state.line.adapter.key)
    return wanted


def _wanted(query: SlotQuery, offered: Catalogue) -> tuple[set[tuple[str, str]], list[SlotProblem]]:
    """The (practitioner, service) pairs to ask for: those asked for that can be booked."""
    problems = [
        SlotProblem(because="not_shown", where=name)
        for names, known in (
            (query.practitioner_ids, offered.practitioner_by_id),
            (query.service_ids, offered.service_by_id),
        )
        for name in names
        if name not in known
    ]
    pairs = {
        (who, what)
        for who, what in offered.offer_by_ids
        if (not query.practitioner_ids or who in query.practitioner_ids)
        and (not query.service_ids or what in query.service_ids)
        and offered.bookable(who, what)
    }
    return pairs, problems


def _parts(
    query: SlotQuery, pairs: set[tuple[str, str]], per: tuple[str, ...], first: date, last: date, location: str | None
) -> Iterator[SlotQuery]:
    """The questions of one window: exactly one of each kind in `per`, all the wanted ones of the other kind."""
    groups: dict[tuple[str | None, str | None], set[tuple[str, str]]] = {}
    for who, what in pairs:
        key = (who if "practitioner" in per else None, what if "service" in per else None)
        groups.setdefault(key, set()).add((who, what))
    for key in sorted(groups, key=lambda one: (one[0] or "", one[1] or "")):
        yield SlotQuery(
            first_day=first,
            last_day=last,
            practitioner_ids=tuple(sorted({who for who, _ in groups[key]})),
            service_ids=tuple(sorted({what for _, what in groups[key]})),
            location_id=location,
            at_most=query.at_most,
        )


def _chunk(state: State, part: SlotQuery, place: Clinic, *, fresh: bool, urgent: bool) -> Flow[Slots]:
    task = Task(
        "list_slots",
        lambda adapter, http: adapter.list_slots(http, part),
        checked_slots,
        clinic=place,
        fresh=fresh,
        urgent=urgent,
    )
    return operate(state.line, task)


def _merge(
    state: State,
    found: dict[Any, Slot],
    problems: list[SlotProblem],
    answer: Slots,
    part: SlotQuery,
    place: Clinic,
    pairs: set[tuple[str, str]],
    offered: Catalogue,
) -> None:
    """Put what belongs to the question into `found`, stamped; what does not is a problem, not a slot."""
    begin, end = day_bounds(part.first_day, part.last_day, place.zone)
    asked = {pair for pair in pairs if pair[0] in part.practitioner_ids and pair[1] in part.service_ids}
    now: datetime = state.line.clock.now()
    offers = offered.offer_by_ids
    connection_id, location, derived = state.connection.id, part.location_id, state.line.adapter.limits.slots.computed
    places: dict[tuple[str, str], str | None] = {}
    for slot in answer.found:
        pair = (slot.practitioner_id, slot.service_id)
        where = slot.location_id
        if where is None:
            where = places[pair] if pair in places else places.setdefault(pair, offered.place_of(*pair))
        if pair not in asked:
            if pair in offers and not offered.bookable(*pair):
                continue
            problems.append(SlotProblem(because="not_asked_for"))
        elif not begin <= slot.start < end:
            problems.append(SlotProblem(because="outside_window"))
        elif slot.end <= slot.start:
            problems.append(SlotProblem(because="ends_before_it_starts"))
        elif location is None or where is None or where == location:
            identity = (slot.start, *pair, where)
            if identity in found:
                problems.append(SlotProblem(because="doubled"))
                continue
            found[identity] = stamped(
                slot,
                connection_id=connection_id,
                zone=place.zone,
                location_id=where,
                rates=offers[pair].rates,
                derived=derived,
                observed_at=now,
            )


def _order(slot: Slot) -> tuple[datetime, str, str, str]:
    return slot.start, slot.practitioner_id, slot.service_id, slot.location_id or ""


def _unknown_part(part: SlotQuery, because: str) -> UnknownPart:
    only_practitioner = part.practitioner_ids[0] if len(part.practitioner_ids) == 1 else None
    only_service = part.service_ids[0] if len(part.service_ids) == 1 else None
    return UnknownPart(
        first_day=part.first_day,
        last_day=part.last_day,
        because=because,
        practitioner_id=only_practitioner,
        service_id=only_service,
    )
