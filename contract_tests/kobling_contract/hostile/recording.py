"""What an adapter's calls look like when all is well: the exchanges of each operation, recorded from the mock.

A recording is what the changed answers are made from. It is made in process, on one rig; afterwards nothing but the
adapter, the engine and the recorded answers is needed.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from kobling import (
    Adapter,
    BookingQuery,
    CancelReason,
    Catalogue,
    Clinic,
    Connection,
    KoblingError,
    Operation,
    Session,
    Slots,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling.adapter import OPERATIONS, unkept
from kobling.commands import Send
from kobling.testing import Rehearsal
from kobling_mocks.clinic import BookingOrder, PatientDetails

from ..rig import Rig

__all__ = ["Exchanged", "NotRecorded", "Recording", "Script", "record"]

Call: TypeAlias = Callable[[Session], Any]
REFERENCE = UUID("5ca1ab1e-0000-4000-8000-000000000000")
"""The reference of every recorded booking, so that its replays send what was sent."""


class NotRecorded(Exception):
    """The adapter asks nothing, finds nothing, or does not do the same twice, so that there is nothing to change. The
    text says which."""


@dataclass(frozen=True, slots=True, repr=False)
class Exchanged:
    """One request with its answer. operation: the adapter's, in whose turn it was asked. write: it may change
    something."""

    operation: Operation
    write: bool
    request: WireRequest
    answer: WireReply | WireFailure


@dataclass(frozen=True, repr=False)
class Script:
    """One call of a session: how it is made, which exchanges it took, and what it returned.

    rehearsal: opens a session at the same moment, with what was known then. catalogue: the one known then.
    """

    call: Call
    exchanges: tuple[Exchanged, ...]
    result: Any
    rehearsal: Rehearsal
    catalogue: Catalogue | None
    asked: Any = None
    """What was asked for, where the result must keep to it: a window of days, or a booking's request."""
    by_request: Mapping[Any, list[int]] = field(default_factory=dict)
    by_path: Mapping[Any, list[int]] = field(default_factory=dict)

    def positions(self, operation: Operation) -> tuple[int, ...]:
        """Which of the exchanges were this operation's."""
        return tuple(position for position, one in enumerate(self.exchanges) if one.operation == operation)

    def find(self, command: Send, times: int) -> int | None:
        """The exchange that answers a request: the same one, or where nothing was asked quite so, one with the same
        path, or any other of that kind. times: how often it was asked before."""
        request = command.request
        found = self.by_request.get(_asked(request)) or self.by_path.get((request.method, urlsplit(request.url).path))
        if found is None:
            found = self.by_path.get(command.write)
        return found[min(times, len(found) - 1)] if found else None


def _asked(request: WireRequest) -> tuple[str, str, bytes]:
    return request.method, request.url, request.body


@dataclass(frozen=True, repr=False)
class Recording:
    """Everything that was recorded of one adapter. refusals: other answers of the vendor to the same operations.
    key: the connection's. bases: what every address begins with, the sign-in's too."""

    adapter: type[Adapter]
    scripts: Mapping[Operation, Script]
    refusals: tuple[Exchanged, ...]
    key: str
    bases: tuple[str, ...]

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Those that were recorded, in the contract's order."""
        return tuple(one for one in OPERATIONS if one in self.scripts)


@dataclass
class _Notes:
    """Whose turn it is, and what was exchanged."""

    operation: Operation = "identify"
    exchanged: list[Exchanged] = field(default_factory=list)


class _Noted:
    """An adapter's coroutine that says whose turn it is before each of its calls."""

    def __init__(self, work: Coroutine[Any, Any, Any], operation: Operation, notes: _Notes) -> None:
        self._work, self._operation, self._notes = work, operation, notes

    def __await__(self) -> Generator[Any, Any, Any]:
        notes, before = self._notes, self._notes.operation
        answer: Any = None
        error: BaseException | None = None
        try:
            while True:
                notes.operation = self._operation
                try:
                    step = self._work.send(answer) if error is None else self._work.throw(error)
                except StopIteration as end:
                    return end.value
                try:
                    answer, error = (yield step), None
                except BaseException as problem:  # noqa: BLE001 - whatever is thrown in is the adapter's to see
                    answer, error = None, problem
        finally:
            notes.operation = before


def _noted(adapter: type[Adapter], notes: _Notes) -> type[Adapter]:
    """The adapter, saying whose turn it is."""

    def operation(name: Operation) -> Callable[..., Any]:
        original = getattr(adapter, name)

        async def noted(self: Any, *given: Any) -> Any:
            return await _Noted(original(self, *given), name, notes)

        return noted

    def body(space: dict[str, Any]) -> None:
        space.update({name: operation(name) for name in OPERATIONS if name in adapter.supports})
        space.update(contract=adapter.contract, __module__=adapter.__module__)

    return types.new_class(adapter.__name__, (adapter,), exec_body=body)


class _Recorder:
    """Makes calls at a rig and keeps each as a script."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.notes = _Notes()
        self.scripts: dict[Operation, Script] = {}
        self.connection = Connection(rig.adapter.key, **rig.fields())
        self.options = rig.mock.dialect.options(rig.world.account, rig.world.switches)
        self.clinic: Clinic | None = None
        self.catalogue: Catalogue | None = None

    def _answer(self, command: Send) -> WireReply | WireFailure:
        answer = self.rig.mock.exchange(command.request)
        self.notes.exchanged.append(Exchanged(self.notes.operation, command.write, command.request, answer))
        return answer

    def _rehearsal(self, adapter: type[Adapter], now: datetime, connection: Connection | None = None) -> Rehearsal:
        return Rehearsal(
            adapter, connection or self.connection, options=self.options or None, clinic=self.clinic,
            catalogue=self.catalogue, now=now,
        )  # fmt: skip

    def session(self, connection: Connection | None = None) -> Session:
        """A session at the rig, at its present time; what it exchanges is noted."""
        noted = _noted(self.rig.adapter, self.notes)
        return self._rehearsal(noted, self.rig.pace.now(), connection).session(self._answer, self.rig.pace)

    def keep(self, operation: Operation, call: Call, asked: Any = None) -> Any:
        """Make a call, and keep it as the script of this operation, and of others that it has exchanges of and that
        have none yet. Returns what it returned."""
        self.notes.operation = operation
        self.notes.exchanged = []
        rehearsal = self._rehearsal(self.rig.adapter, self.rig.pace.now())
        result = call(self.session())
        exchanges = tuple(self.notes.exchanged)
        if not exchanges:
            raise NotRecorded(f"{operation} asks the vendor nothing")
        by_request: dict[Any, list[int]] = {}
        by_path: dict[Any, list[int]] = {}
        for position, one in enumerate(exchanges):
            by_request.setdefault(_asked(one.request), []).append(position)
            by_path.setdefault((one.request.method, urlsplit(one.request.url).path), []).append(position)
            by_path.setdefault(one.write, []).append(position)
        script = Script(call, exchanges, result, rehearsal, self.catalogue, asked, by_request, by_path)
        for name in dict.fromkeys(one.operation for one in exchanges):
            if name == operation:
                self.scripts[name] = script
            else:
                self.scripts.setdefault(name, script)
        return result


def record(rig: Rig, recorded: Callable[[], object] = lambda: None) -> Recording:
    """Record every operation that the adapter has, once each and in order, in a rig's world. recorded: called when that
    is done, before the vendor is asked for what it refuses.

    Raises `NotRecorded`, and the `KoblingError` of a call that fails."""
    recorder = _Recorder(rig)
    recorder.clinic = recorder.keep("identify", lambda session: session.clinic())
    recorder.catalogue = recorder.keep("catalogue", lambda session: session.catalogue())
    query = rig.days(2, 1)
    open_times: Slots = recorder.keep("list_slots", lambda session: session.slots(query), query)
    known = rig.shown.known(open_times.found, query.first_day, query.last_day)
    if len(known) < 2:
        raise NotRecorded("fewer than two open times are found")
    if "book" in rig.adapter.supports and not unkept(rig.adapter):
        _record_writes(recorder, open_times)
    recorded()
    asked = [urlsplit(one.request.url) for script in recorder.scripts.values() for one in script.exchanges]
    bases = tuple(sorted({f"{one.scheme}://{one.netloc}/" for one in asked}))
    return Recording(rig.adapter, recorder.scripts, _refusals(recorder, open_times), rig.key, bases)


def _record_writes(recorder: _Recorder, open_times: Slots) -> None:
    rig, reason = recorder.rig, CancelReason(by="patient", why="unwell")
    slot = open_times.found[0]
    later = next((one for one in open_times.found if one.start >= slot.end and _alike(one, slot)), None)
    request = rig.request(slot, reference=REFERENCE)
    booking = recorder.keep("book", lambda session: session.book(request), request)
    supports = recorder.session().supports
    if "get_booking" in supports:
        recorder.keep("get_booking", lambda session: session.get(booking.ref))
    if "list_bookings" in supports:
        day = slot.local_start.date()
        ours = None if rig.adapter.limits.booking.listed_by == "days" else REFERENCE
        query = BookingQuery(first_day=day, last_day=day, reference=ours)
        recorder.keep("list_bookings", lambda session: session.bookings(query), query)
    if "reschedule" in supports and later is not None:
        moved = rig.request(later, reference=UUID(int=REFERENCE.int + 1))
        booking = recorder.keep("reschedule", lambda session: session.reschedule(booking.ref, moved), moved)
    recorder.keep("cancel", lambda session, ref=booking.ref: session.cancel(ref, reason))  # type: ignore[misc]


def _alike(one: Any, other: Any) -> bool:
    return (one.practitioner_id, one.service_id) == (other.practitioner_id, other.service_id)


def _refusals(recorder: _Recorder, open_times: Slots) -> tuple[Exchanged, ...]:
    """How the vendor says no: to a wrong key, to a time that somebody took at the last moment, to what it does not
    know, and to what was done already."""
    rig = recorder.rig
    recorder.notes.exchanged = []
    wrong = Connection(rig.adapter.key, **rig.fields(api_key="not-the-key-of-this-clinic"))
    calls: list[tuple[Operation, Call, Connection | None]] = [("identify", lambda session: session.clinic(), wrong)]
    if "book" in recorder.scripts:
        request = rig.request(open_times.found[-1], reference=UUID(int=REFERENCE.int + 2))
        cancelled = recorder.scripts["cancel"].call
        calls += [
            ("book", lambda session: session.book(request, before_write=lambda _: _take(rig, request.slot)), None),
            ("cancel", cancelled, None),
        ]
        if "get_booking" in recorder.scripts:
            calls.append(("get_booking", recorder.scripts["get_booking"].call, None))
    for operation, call, connection in calls:
        recorder.notes.operation = operation
        try:
            call(recorder.session(connection))
        except KoblingError:
            continue
    return tuple(one for one in recorder.notes.exchanged if isinstance(one.answer, WireReply))


def _take(rig: Rig, slot: Any) -> None:
    """The clinic's staff book the time."""
    somebody = PatientDetails("Rask Prøvesen", email="rask@example.test", phone="+4790000006")
    order = BookingOrder(rig.own(slot.practitioner_id), rig.own(slot.service_id), slot.start, somebody, source="staff")
    rig.clinic.staff_book(order)
