"""For adapter authors: run one operation of an adapter against canned replies, with no network and no HTTP library.

    played = play(MySystem, "list_slots", query, replies=[reply(200, json={"slots": []})])
    assert played.result.found == ()
    assert played.requests[0].path == "/api/slots"

The engine is the real one: it builds the requests, maps the errors and decides the effect; only the sending is played.
`Rehearsal` plays whole calls of a session in the same way, many thousands a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from .adapter import Adapter, Operation
from .app import Kobling, typed_host
from .booking import BookingRequest, Patient, private_texts
from .catalogue import Catalogue
from .clinic import Clinic
from .clock import Clock
from .commands import All, Flow, Hook, Once, Send, Sleep
from .connection import Connection, Secret
from .engine import Line, Task, line_address, operate
from .errors import KoblingError
from .exchange import Exchange, WireFailure, WireReply, WireRequest, reply
from .flows.results import (
    checked_booking,
    checked_bookings,
    checked_cancel,
    checked_catalogue,
    checked_clinic,
    checked_hold_id,
    checked_patient_id,
    checked_release,
    checked_slots,
)
from .flows.state import MEMORY_SECONDS, State
from .plugins import Installed
from .session import Session
from .shared import Shared

T = TypeVar("T")

__all__ = [
    "ManualClock",
    "PlayedRequest",
    "Played",
    "Rehearsal",
    "answering",
    "example_connection",
    "play",
    "reply",
    "run_flow",
]


class ManualClock:
    """A clock that a test sets. Sleeping on it moves it on."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = (now or datetime(2026, 11, 23, 8, 0, tzinfo=UTC)).astimezone(UTC)
        self._ticks = 0.0
        self._lock = Lock()

    def now(self) -> datetime:
        """The present moment, in UTC."""
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        """Seconds slept or advanced so far."""
        with self._lock:
            return self._ticks

    def advance(self, seconds: float) -> None:
        """Move both clocks on."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._ticks += seconds

    def set(self, moment: datetime) -> None:
        """Set the wall clock; the monotonic one stays."""
        with self._lock:
            self._now = moment.astimezone(UTC)

    sleep = advance

    async def asleep(self, seconds: float) -> None:
        """`sleep` for an async driver."""
        self.advance(seconds)


@dataclass(frozen=True, slots=True, repr=False)
class PlayedRequest:
    """A request as the vendor would have received it. Its repr shows the method only: the rest may hold the key, and
    what the test calls a patient.

    path: unquoted, from the host's root. params: the query string, as (name, value). There is no `url`: it may hold
    the key, and a test that fails prints what it compares.
    """

    method: str
    path: str
    params: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __repr__(self) -> str:
        return f"<PlayedRequest {self.method}, {len(self.body)} bytes>"

    @property
    def json(self) -> Any:
        """The body, parsed; None when it is empty."""
        return json.loads(self.body) if self.body else None

    def header(self, name: str) -> str | None:
        """A header by its name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True, repr=False)
class Played:
    """What an operation did: its result, the requests it made, and the seconds it would have waited."""

    result: Any
    requests: tuple[PlayedRequest, ...]
    waited: float

    def __repr__(self) -> str:
        return f"<Played {type(self.result).__name__}, {len(self.requests)} requests>"


class _Stopped(BaseException):
    """The test's own code raised: it goes past the adapter and the engine, which would take it for a bug of theirs."""

    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self.failure = failure


class _Waits(Clock, Protocol):
    """A clock on which waiting takes no time."""

    def sleep(self, seconds: float) -> None:
        """Move the clock on."""


Answer = Callable[[Send], "WireReply | WireFailure"]
"""Answers a request of the engine's, told with it whether it is a write."""


@dataclass(slots=True, repr=False)
class _Stage:
    send: Answer
    clock: _Waits
    waited: float = 0.0

    def perform(self, flow: Flow[T]) -> T:
        __tracebackhide__ = True  # in pytest an author reads their own line, and none of the engine's
        try:
            return cast("T", self.run(flow))
        except _Stopped as stopped:
            failure = stopped.failure
        finally:
            flow.close()
        raise failure

    def run(self, flow: Flow[Any]) -> Any:
        __tracebackhide__ = True
        value: Any = None
        error: BaseException | None = None
        while True:
            try:
                command = flow.throw(error) if error is not None else flow.send(value)
            except StopIteration as end:
                return end.value
            value, error = None, None
            try:
                value = self._do(command)
            except Exception as problem:  # noqa: BLE001 - whatever a command raises is the flow's to handle
                error = problem

    def _do(self, command: Any) -> Any:
        match command:
            case Send():
                return self._sent(command)
            case Sleep(seconds):
                self.clock.sleep(seconds)
                self.waited += seconds
                return None
            case All(flows, _):
                return [self._settled(one) for one in flows]
            case Once(_, make):
                return self.run(make())
            case Hook(call):
                return call()
        raise AssertionError(f"unknown command {command!r}")

    def _settled(self, flow: Flow[Any]) -> Any:
        try:
            return self.run(flow)
        except KoblingError as error:
            return error

    def _sent(self, command: Send) -> WireReply | WireFailure:
        try:
            return self.send(command)
        except KoblingError:
            raise
        except Exception as problem:  # noqa: BLE001 - it is the test's own code that raised, whatever it is
            raise _Stopped(problem) from None


def _as_received(request: WireRequest) -> PlayedRequest:
    parts = urlsplit(request.url)
    return PlayedRequest(
        request.method, unquote(parts.path), tuple(parse_qsl(parts.query, keep_blank_values=True)), request.headers,
        request.body,
    )  # fmt: skip


def run_flow(flow: Flow[Any], exchange: Exchange, clock: ManualClock | None = None) -> Any:
    """Run a flow to its end in this thread, waiting on a manual clock: a driver for tests."""
    return _Stage(lambda command: exchange(command.request), clock or ManualClock()).perform(flow)


def example_connection(adapter: type[Adapter], **fields: str) -> Connection:
    """A connection that the adapter's form accepts: each field's example, or what is given."""
    examples: dict[str, str] = {
        name: form.example or ("example-key" if name == "api_key" else "")
        for name, form in adapter.form.fields().items()
        if form.use == "required"
    }
    examples.update(fields)
    del fields
    key = Secret(examples.pop("api_key", ""))
    return Connection(adapter.key, api_key=key, **examples)


def play(
    adapter: type[Adapter],
    operation: Operation,
    *arguments: Any,
    replies: Iterable[WireReply | WireFailure] | Exchange,
    connection: Connection | None = None,
    options: Mapping[str, Any] | None = None,
    clinic: Clinic | None = None,
    clock: ManualClock | None = None,
) -> Played:
    """Run one operation. replies: the vendor's answers in the order of the calls, or an exchange that answers each.

    Raises the `KoblingError` that a session would raise, and an `AssertionError` when a call has no reply left or a
    reply was not asked for. A booking request is prepared for the adapter as a session does.
    """
    __tracebackhide__ = True
    waiting: list[WireReply | WireFailure] = []
    exchange: Exchange
    if callable(replies):
        exchange = replies
    else:
        waiting = list(replies)
        exchange = _from_list(waiting, operation, show_path=not adapter.patient_fields.in_url)
    clock = clock or ManualClock()
    chosen: dict[str, Any] = dict(options or {})
    accepted = adapter.form.accept(connection or example_connection(adapter))
    typed = typed_host(adapter)
    line = Line(
        adapter=adapter,
        connection=accepted,
        options=adapter.Options.model_validate(chosen),
        shared=Shared(),
        clock=clock,
        user_agent="kobling-play",
        channel="play",
        base=line_address(adapter.base_url, accepted.public, None),
        auth_base=line_address(adapter.auth_url, accepted.public, None) if adapter.auth_url else None,
        typed_host=typed,
        typed_url=accepted.public.booking_url if typed else "",
    )
    given = tuple(_as_session_gives(adapter, one) for one in arguments)
    task: Task[Any] = Task(
        operation,
        lambda one, http: getattr(one, operation)(http, *given),
        _CHECKS.get(operation, lambda result: result),
        clinic=clinic,
        reference=next((one.reference for one in given if isinstance(one, BookingRequest)), None),
        private=next((private_texts(one) for one in arguments if isinstance(one, BookingRequest)), ()),
    )
    requests: list[PlayedRequest] = []

    def answered(command: Send) -> WireReply | WireFailure:
        requests.append(_as_received(command.request))
        return exchange(command.request)

    stage = _Stage(answered, clock)
    result = stage.perform(operate(line, task))
    if waiting:
        raise AssertionError(f"{operation} left {len(waiting)} replies unasked for, after {len(requests)} calls")
    return Played(result, tuple(requests), stage.waited)


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "identify": checked_clinic,
    "catalogue": checked_catalogue,
    "list_slots": checked_slots,
    "list_bookings": checked_bookings,
    "book": checked_booking,
    "get_booking": checked_booking,
    "reschedule": checked_booking,
    "cancel": checked_cancel,
    "register_patient": checked_patient_id,
    "hold_slot": checked_hold_id,
    "release_slot": checked_release,
}


def _from_list(waiting: list[WireReply | WireFailure], operation: str, *, show_path: bool) -> Exchange:
    def answer(request: WireRequest) -> WireReply | WireFailure:
        if not waiting:
            call = request.method + (f" {urlsplit(request.url).path}" if show_path else "")
            raise AssertionError(f"{operation} made one call more than there are replies: {call}")
        return waiting.pop(0)

    return answer


def _as_session_gives(adapter: type[Adapter], argument: Any) -> Any:
    fields = adapter.patient_fields
    if isinstance(argument, BookingRequest):
        update = {"patient": fields.stripped(argument.patient), "note_lines": fields.note_lines(argument.patient)}
        return argument.model_copy(update=update)
    if isinstance(argument, Patient):
        return fields.stripped(argument)
    return argument


def answering(**answers: Any) -> Answer:
    """A vendor for `Rehearsal.session`, which answers each call by the last part of its path: with JSON (status 200), a
    whole `reply`, or what a function makes of the call.

        Rehearsal(MySystem).session(answering(clinic={}, bookings=lambda call: [ours] if not call.write else ours))

    A call that it has no answer for is an `AssertionError`, which says what was asked for."""

    def answer(command: Send) -> WireReply | WireFailure:
        last = urlsplit(command.request.url).path.rpartition("/")[2]
        if last not in answers:
            raise AssertionError(
                f"no answer to {command.request.method} …/{last}: {', '.join(answers) or 'there is none'}"
            )
        told = answers[last]
        told = told(command) if callable(told) else told
        return told if isinstance(told, WireReply | WireFailure) else reply(200, json=told)

    return answer


class Rehearsal:
    """A connection whose session is played again and again, each time from the same beginning.

        rehearsal = Rehearsal(MySystem, connection)
        session = rehearsal.session(lambda command: reply(200, json={"slots": []}))
        session.slots(query)

    Nothing is kept from one session to the next: no token, no budget, no memory, no reference. clinic, catalogue: what
    a session remembers from the start, as one that has read them before. options, rates: as for `Kobling.session`.
    A connection that its form refuses is told by the session's methods.
    """

    def __init__(
        self,
        adapter: type[Adapter],
        connection: Connection | None = None,
        *,
        options: Mapping[str, Any] | None = None,
        rates: Mapping[str, Sequence[str]] | None = None,
        clinic: Clinic | None = None,
        catalogue: Catalogue | None = None,
        now: datetime | None = None,
    ) -> None:
        installed = Installed(MappingProxyType({adapter.key: adapter}))
        office = Kobling(adapters=installed, exchange=_answers_nothing)
        self._opened = office.session(connection or example_connection(adapter), options=options, rates=rates)
        self._now = now
        self._known = {"clinic": clinic, "catalogue": catalogue}

    def session(self, answer: Answer, clock: _Waits | None = None) -> Session:
        """A session whose every request is answered by `answer`: a function of a `Send`, whose `request` is the
        `WireRequest` and whose `write` says whether it is a write. What it raises comes out of the session's method,
        unless it is a `KoblingError`. clock: one of its own unless given."""
        opened = self._opened._opened
        clock = clock or ManualClock(self._now)
        if isinstance(opened, State):
            until = clock.monotonic() + MEMORY_SECONDS
            kept = {name: (value, until) for name, value in self._known.items() if value is not None}
            line = replace(opened.line, shared=Shared(), clock=clock, vendor_clock=None)
            opened = State(line, rates=opened.rates, kept=kept)
        session = Session(self._opened.connection, opened, self._opened._refused_report, None)
        session._driver = _Player(answer, clock)  # type: ignore[assignment]
        return session


@dataclass(frozen=True, slots=True, repr=False)
class _Player:
    """A driver that plays."""

    answer: Answer
    clock: _Waits

    def run(self, flow: Flow[T]) -> T:
        return _Stage(self.answer, self.clock).perform(flow)


def _answers_nothing(_: WireRequest) -> WireFailure:
    return WireFailure("connect")
