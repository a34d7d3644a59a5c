"""Faults in how an answer is read: each right for every answer that the vendor gives, and wrong for one that it may."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from kobling import (
    Adapter,
    Booking,
    BookingRequest,
    Catalogue,
    Clinic,
    Http,
    Offer,
    Operation,
    Practitioner,
    Response,
    Service,
    SlotQuery,
    Slots,
)
from kobling_contract.target import Target, find_target
from kobling_easypractice import EasyPractice
from kobling_eg_pasientsky import EgPasientsky
from kobling_extensor import Extensor, inferred

from .alterations import data_of, with_people
from .exhibit import CONTRACT, exhibit

__all__ = ["PLANTED", "Planted"]

A = TypeVar("A", bound=type[Adapter])


@dataclass(frozen=True)
class Planted:
    """A fault in how an operation's answer is read, and the cause by which changed answers must find it."""

    adapter: type[Adapter]
    operation: Operation
    cause: str

    @property
    def target(self) -> Target:
        """The adapter with its vendor's mock."""
        return find_target(self.adapter.key, self.adapter)


PLANTED: list[Planted] = []
"""Every fault of this file. Those that the short runs of the suite's rules find are exhibits as well."""


def planted(operation: Operation, cause: str) -> Callable[[A], A]:
    """Put the decorated adapter on the list."""

    def add(adapter: A) -> A:
        adapter.contract = CONTRACT
        PLANTED.append(Planted(adapter, operation, cause))
        return adapter

    return add


# ---- EG Pasientsky


class _Searches(EgPasientsky):
    """Where the faults of reading a search are: in a look at its answer."""

    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times, after a look at the first day's answer."""
        day = query.first_day.isoformat()
        body = {
            "dateRange": {"from": day, "to": day},
            "selectedDateForDetails": day,
            "calendarIds": None,
            "timeslotTypeIds": [query.service_id],
        }
        data = data_of(await http.query("search", json=body))
        found = data.get("data") if isinstance(data, dict) else None
        if isinstance(found, dict):
            await self._look(http, body, found)
        return await super().list_slots(http, query)

    async def _look(self, http: Http, body: Mapping[str, Any], found: Any) -> None:
        raise NotImplementedError


@planted("list_slots", "crashed")
class EveryTimeIsATime(_Searches):
    """Reads a time with the standard library, which raises ValueError for one that is none."""

    async def _look(self, http: Http, body: Mapping[str, Any], found: Any) -> None:
        for row in found["timeslots"] if isinstance(found.get("timeslots"), list) else ():
            if isinstance(row, dict) and isinstance(row.get("from"), str):
                datetime.fromisoformat(row["from"])


@exhibit(rule="FUZZ-01", cause="crashed")
@planted("list_slots", "crashed")
class ThereIsAFirstOne(_Searches):
    """Takes the first type of a list that may be empty."""

    async def _look(self, http: Http, body: Mapping[str, Any], found: Any) -> None:
        types = found.get("timeslotTypes")
        if isinstance(types, list):
            _ = types[0]


@planted("list_slots", "crashed")
class OnlyTheFirstRowIsChecked(_Searches):
    """Looks whether the first row has a field, and then reads it in every row."""

    async def _look(self, http: Http, body: Mapping[str, Any], found: Any) -> None:
        rows = found.get("timeslots")
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows) and "id" in rows[0]:
            _ = [row["id"] for row in rows]


@exhibit(rule="FUZZ-02", cause="did_not_end")
@planted("list_slots", "did_not_end")
class AsksUntilItAddsUp(_Searches):
    """Asks for a day again and again, until as many times have come as were counted."""

    async def _look(self, http: Http, body: Mapping[str, Any], found: Any) -> None:
        counts, came = found.get("dateSlots"), found.get("timeslots")
        wanted = (
            [row.get("availableSlots") for row in counts if isinstance(row, dict)] if isinstance(counts, list) else []
        )
        most = max((one for one in wanted if isinstance(one, int)), default=0)
        seen = len(came) if isinstance(came, list) else 0
        while seen < most:
            again = await http.query("search", json={**body, "calendarIds": [str(seen)]})
            seen += len(data_of(again) or ()) > 5


@exhibit(rule="FUZZ-04", cause="told_not_done")
@planted("book", "told_not_done")
class UnreadableIsDeclined(EgPasientsky):
    """Takes an answer to a booking that it can't read for a no."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """The booking, or a declined one."""
        booking = _Kept()
        try:
            return await super().book(booking.over(http), request)
        except Exception:
            if booking.reply is None or booking.reply.status != 200:
                raise
        return Booking(id=str(request.reference), status="declined")


class _Kept:
    """An `Http` whose answer to a write is parsed by hand, so that what can't be read is an exception of Python's."""

    def __init__(self) -> None:
        self.reply: Response | None = None
        self._http: Any = None

    def over(self, http: Http) -> Any:
        self._http = http
        return self

    async def post(self, *path: Any, **more: Any) -> Any:
        self.reply = await self._http.post(*path, **more)
        return _ByHand(json.loads(self.reply.reply.body))


class _ByHand:
    def __init__(self, data: Any) -> None:
        self._data = data

    def read(self, kind: Any, at: str) -> Any:
        """The value at the pointer, checked by its model and by nobody else."""
        return kind.model_validate(self._data[at.strip("/")])


# ---- Extensor


class _Rows(Extensor):
    """Where the faults of reading rows are: in a second look at the practitioners."""

    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, with what the rows say by hand."""
        told = await super().catalogue(http)
        data = (await http.get(inferred.PRACTITIONERS)).data
        rows = data.get("behandlere") if isinstance(data, dict) else None
        by_id = {str(row.get("id")): row for row in rows if isinstance(row, dict)} if isinstance(rows, list) else {}
        return self._told(told, by_id)

    def _told(self, told: Catalogue, rows: Mapping[str, Any]) -> Catalogue:
        raise NotImplementedError


@planted("identify", "digits_lost")
class IdsAreNumbers(Extensor):
    """Takes ids for numbers, and numbers for floats: from 2 to the power of 53 on they lose their last digit."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic with its departments' ids as numbers."""
        clinic = await super().identify(http)
        places = tuple(one.model_copy(update={"id": str(int(float(one.id)))}) for one in clinic.departments or ())
        return clinic.model_copy(update={"departments": places})


@exhibit(rule="FUZZ-01", cause="crashed")
@planted("catalogue", "crashed")
class IsDigitIsANumber(_Rows):
    """Asks `isdigit` before `int`, which says yes to ² and raises ValueError."""

    def _told(self, told: Catalogue, rows: Mapping[str, Any]) -> Catalogue:
        for row in rows.values():
            text = row.get("hprNr")
            if isinstance(text, str) and text.isdigit():
                int(text)
        return told


@planted("catalogue", "misread")
class EveryWordIsTrue(_Rows):
    """Asks Python whether "false" is true."""

    def _told(self, told: Catalogue, rows: Mapping[str, Any]) -> Catalogue:
        return with_people(told, online=lambda one: bool(rows.get(one.id, {}).get("nettbestilling", one.online)))


@planted("catalogue", "crashed")
class EveryWordIsAWord(_Rows):
    """Looks a word up in a set without asking whether it is one: a list can't be looked up."""

    KNOWN: ClassVar = frozenset({"PERSON", "GRUPPE", "AVDELING", "KLINIKK"})

    def _told(self, told: Catalogue, rows: Mapping[str, Any]) -> Catalogue:
        _ = [row for row in rows.values() if row.get("eier") in self.KNOWN]
        return told


# ---- EasyPractice


@planted("catalogue", "did_not_end")
class StepsByTheAnswer(EasyPractice):
    """Walks through a day in steps as long as the answer says, which may be nothing."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, after a count of how often each service fits into a day."""
        told = await super().catalogue(http)
        data = (await http.get("services", params={"page_size": 1})).data
        for row in data["data"] if isinstance(data, dict) and isinstance(data.get("data"), list) else ():
            minutes = row.get("duration") if isinstance(row, dict) else None
            at = 0
            while isinstance(minutes, int) and at < 24 * 60:
                at += minutes
        return told


@planted("identify", "crashed")
class EveryEnvelopeIsAnObject(EasyPractice):
    """Calls `get` on what may be a list."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic, after a look at how many calendars there are."""
        data = (await http.get("calendars", params={"page_size": 1})).data
        _ = data.get("meta") if isinstance(data, dict) else None
        if _ is not None:
            _.get("total")
        return await super().identify(http)


@exhibit(rule="FUZZ-06", cause="misread")
@planted("catalogue", "misread")
class AnyDigitsWillDo(EasyPractice):
    """Reads ids with `int`, which takes the digits of every script for the same number."""

    async def catalogue(self, http: Http) -> Catalogue:
        """Calendars and services, read by hand."""
        calendars = (await http.get("calendars", params={"page_size": 200})).read(list[dict[str, Any]], at="/data")
        services = (await http.get("services", params={"page_size": 200})).read(list[dict[str, Any]], at="/data")
        people = [
            Practitioner(id=_number(row), name=str(row.get("name")), owner_kind="person", online=True)
            for row in calendars
        ]
        kinds = [Service(id=_number(row), name=str(row.get("name"))) for row in services]
        offers = [Offer(practitioner_id=who.id, service_id=what.id) for who in people for what in kinds]
        return Catalogue(practitioners=tuple(people), services=tuple(kinds), offers=tuple(offers))


def _number(row: Mapping[str, Any]) -> str:
    try:
        return str(int(row["id"]))
    except (KeyError, TypeError, ValueError):
        return str(row.get("id") or "-")
