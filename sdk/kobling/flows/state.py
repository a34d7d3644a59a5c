"""One session's own state, and the two readings everything else needs: the clinic and its catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ..adapter import Operation
from ..catalogue import Catalogue, placed
from ..clinic import Clinic
from ..commands import Flow
from ..connection import Connection
from ..engine import Line, Task, operate
from ..errors import DepartmentNotFound, InvalidRequest, UnsupportedOperation
from .results import FIRST, LAST, checked_catalogue, checked_clinic

T = TypeVar("T")
MEMORY_SECONDS = 300.0


@dataclass(slots=True, repr=False)
class State:
    """What one session knows of its connection. Nothing here is a secret but the line's connection."""

    line: Line
    rates: Mapping[str, tuple[str, ...]] | None = None
    kept: dict[str, tuple[Any, float]] = field(default_factory=dict)

    @property
    def connection(self) -> Connection:
        """The accepted connection."""
        return self.line.connection

    @property
    def zone(self) -> str:
        """The clinic's zone, as far as it is known yet."""
        kept = self.kept.get("clinic")
        return kept[0].zone if kept else "Europe/Oslo"

    def need(self, operation: Operation, clinic: Clinic | None = None) -> None:
        """Refuse, before any request, what this vendor or this connection does not offer."""
        can = clinic.can if clinic is not None else None
        if operation not in self.line.adapter.supports or (can is not None and operation not in can):
            raise UnsupportedOperation(operation, vendor=self.line.adapter.key, operation=operation)

    def offers(self, operation: Operation) -> bool:
        """True when the adapter has the operation."""
        return operation in self.line.adapter.supports

    def longest_service(self, service_id: str | None = None) -> timedelta:
        """How long a service lasts at most, by the catalogue as far as it was read; a day when nothing is known."""
        kept = self.kept.get("catalogue")
        services = kept[0].services if kept else ()
        known = [one.minutes for one in services if service_id in (None, one.id)]
        minutes = [one for one in known if one is not None]
        return timedelta(minutes=max(minutes)) if minutes and len(minutes) == len(known) else timedelta(days=1)

    def own(self, connection_id: str, name: str) -> None:
        """Refuse a slot or booking of another connection."""
        if connection_id != self.connection.id:
            raise InvalidRequest("other_connection", fields=(name,), vendor=self.line.adapter.key)

    def aware(self, moment: datetime | None, name: str) -> None:
        """Refuse a moment without an offset, since nobody knows when it is, and one that leaves the calendar."""
        if moment is not None and moment.utcoffset() is None:
            raise InvalidRequest("naive_time", fields=(name,), vendor=self.line.adapter.key)
        if moment is not None and not FIRST <= moment <= LAST:
            raise InvalidRequest("odd_time", fields=(name,), vendor=self.line.adapter.key)

    def _fresh(self, name: str) -> Any:
        kept = self.kept.get(name)
        return kept[0] if kept and self.line.clock.monotonic() < kept[1] else None

    def _keep(self, name: str, value: T) -> T:
        self.kept[name] = (value, self.line.clock.monotonic() + MEMORY_SECONDS)
        return value


def clinic(state: State, *, fresh: bool = False, urgent: bool = False) -> Flow[Clinic]:
    """The clinic, at most five minutes old, with the connection's department checked against the vendor's own list.
    urgent: it is read for a booking."""
    known: Clinic | None = None if fresh else state._fresh("clinic")
    if known is None:
        task = Task(
            "identify", lambda adapter, http: adapter.identify(http), checked_clinic, fresh=fresh, urgent=urgent
        )
        known = state._keep("clinic", (yield from operate(state.line, task)))
    check_department(state, known)
    return known


def check_department(state: State, known: Clinic) -> None:
    """`DepartmentNotFound` when the vendor has a list of departments and the connection's is not on it."""
    wanted = state.connection.public.department_id
    if wanted and known.departments is not None and wanted not in {one.id for one in known.departments}:
        raise DepartmentNotFound(vendor=state.line.adapter.key, operation="identify")


def catalogue(state: State, *, fresh: bool = False, urgent: bool = False) -> Flow[Catalogue]:
    """The catalogue, at most five minutes old. urgent: it is read for a booking."""
    known: Catalogue | None = None if fresh else state._fresh("catalogue")
    if known is not None:
        return known
    place = yield from clinic(state, urgent=urgent)
    task = Task(
        "catalogue",
        lambda adapter, http: adapter.catalogue(http),
        checked_catalogue,
        clinic=place,
        fresh=fresh,
        urgent=urgent,
    )
    read = yield from operate(state.line, task)
    stamps = {
        "services": placed(read),
        "rate_table": state.rates,
        "department_id": state.connection.public.department_id or None,
    }
    return state._keep("catalogue", read.model_copy(update=stamps))
