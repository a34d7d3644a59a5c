"""A trial: one run of one rule. It opens rigs, keeps control and evidence, and ends in a claim that holds or not."""

from __future__ import annotations

import logging
import sys
import types
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, NoReturn, TextIO, TypeVar, cast

from kobling import (
    Adapter,
    BookedDifferently,
    Booking,
    BookingQuery,
    BookingRequest,
    KoblingError,
    Slot,
)
from kobling.adapter import lists_by_day, unkept, unwritten
from kobling.booking import PatientField
from kobling_mocks import Call
from kobling_mocks.clinic import Appointment

from .clinics import ClinicName
from .decided import decided
from .exchanges import Personal, told
from .outcome import Outcome
from .rig import Mark, Rig, Spoil
from .rule import NOT_WRITTEN, Rule
from .sides import ASKED, Asked, Mode
from .target import Target
from .wording import counted

__all__ = ["Booked", "Broken", "Logged", "NotOffered", "Trial", "Vacuous", "differing"]

T = TypeVar("T")
MOST_SHOWN = 600
MOST_LINES = 10
PATIENCE = 0.5
"""Seconds that a hurried adapter waits for an answer."""


class Broken(Exception):
    """The rule does not hold: the claim's cause, what was expected, what came, and on which exchange. wrong: what
    happened, where more is known than the cause's own text says."""

    def __init__(self, cause: str, expected: str, got: str, exchange: str = "", wrong: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.expected = _short(expected)
        self.got = _short(got)
        self.exchange = exchange
        self.wrong = wrong


class Vacuous(Exception):
    """The control did not succeed, so that nothing can be claimed. The text says what was missing; expected, got and
    exchange, where the control is a call of the adapter's, what it should have given, what it gave, and how."""

    def __init__(self, text: str, expected: str = "", got: str = "", exchange: str = "") -> None:
        super().__init__(text)
        self.expected = _short(expected)
        self.got = _short(got)
        self.exchange = exchange


class NotOffered(Exception):
    """The adapter or its mock declares that the vendor does not have what the rule is about, or does not tell it, and
    that holds. The text names what that is."""


@dataclass(frozen=True)
class Booked:
    """A booking that the positive control made: what was asked, what was told, and what stands in the timebook (None
    where nobody sees it)."""

    request: BookingRequest
    booking: Booking
    stands: Appointment | None
    calls: tuple[Call, ...]
    write: str
    """The vendor's name of the call that booked."""
    deciding: str
    """The vendor's name of the call after which nobody else has the time: the hold, where times are held first."""

    @property
    def appointment(self) -> Appointment:
        """What stands in the timebook. Raises `LookupError` where nobody sees it."""
        if self.stands is None:
            raise LookupError("the timebook can't be seen here: this rule is provable on a mock only")
        return self.stands


class Trial:
    """One run of one rule against one target."""

    def __init__(self, rule: Rule, target: Target, seed: int, mode: Mode) -> None:
        self.rule = rule
        self.target = target
        self.seed = seed
        self.mode: Mode = mode
        self.random = target.random(seed, rule.id)
        self.controls: list[str] = []
        self.evidence: list[str] = []
        self.facts: dict[str, str] = {}
        self.scene = target.scene(rule, seed, mode)
        self.keys: list[str] = []
        self._mock_failures: list[str] = []
        self._rigs: list[Rig] = []

    @property
    def adapter(self) -> type[Adapter]:
        """The adapter under test."""
        return self.target.adapter

    @property
    def books(self) -> bool:
        """Whether the adapter can book; a vendor that can only be searched is asked all the rest. `Broken` where that
        part of the adapter is not written yet."""
        waits_for = [one for one in unwritten(self.adapter) if one not in self.rule.needs]
        if waits_for:
            self.facts[NOT_WRITTEN] = " ".join(waits_for)
            self.broken(NOT_WRITTEN, expected="bookings are written", got=f"not written yet: {', '.join(waits_for)}")
        return "book" in self.adapter.supports and not unkept(self.adapter)

    @property
    def lists_by_day(self) -> bool:
        """Whether the adapter shows all bookings of a window, and not only the one whose reference it is given."""
        return lists_by_day(self.adapter)

    def listing(self, request: BookingRequest, days: int = 1) -> BookingQuery:
        """How the adapter is asked for the bookings of a request's day and the next ones: all, or that one by its
        reference."""
        first = request.slot.local_start.date()
        reference = None if self.adapter.limits.booking.listed_by == "days" else request.reference
        return BookingQuery(first_day=first, last_day=first + timedelta(days=days - 1), reference=reference)

    # ---- worlds

    def rig(
        self,
        clinic: ClinicName = "demo",
        *,
        switches: Mapping[str, object] | None = None,
        adapter: type[Adapter] | None = None,
        spoil: Spoil | None = None,
        wired: bool = False,
        ahead: timedelta = timedelta(),
    ) -> Rig:
        """A new world with the adapter connected to it. switches: settings of the mock. adapter: a wrapped one. spoil:
        changes an answer on its way. wired: over a socket. ahead: of the clinic's clock, the caller's."""
        rig = self.scene.rig(clinic, adapter=adapter, switches=switches, spoil=spoil, wired=wired, ahead=ahead)
        self._rigs.append(rig)
        self.keys += rig.keys
        return rig

    def hurried(self, *limits: Literal["timeout_read", "timeout_write"]) -> type[Adapter]:
        """The adapter with these limits so short that a vendor who never answers is given up soon, in real time. Name
        only those that a rule runs into: a busy machine must not decide about the other calls."""
        return self._changed(limits=self.adapter.limits.model_copy(update=dict.fromkeys(limits, PATIENCE)))

    def undemanding(self, name: PatientField) -> type[Adapter]:
        """The adapter with one of the patient's required fields optional."""
        fields = self.adapter.patient_fields
        less = {"required": fields.required - {name}, "optional": fields.optional | {name}}
        return self._changed(patient_fields=fields.model_copy(update=less))

    def _changed(self, **more: Any) -> type[Adapter]:
        body = {"contract": self.adapter.contract, "__module__": self.adapter.__module__, **more}
        return types.new_class(self.adapter.__name__, (self.adapter,), exec_body=lambda space: space.update(body))

    async def close(self) -> None:
        """Close every world."""
        for rig in self._rigs:
            await rig.close()
        self.scene.close()

    async def done_with(self, rig: Rig) -> None:
        """Close one world early, where a rule opens many; what broke in it is still seen."""
        if not rig.broken:
            self._rigs.remove(rig)
        await rig.close()

    def seen_the_last_of(self, rig: Rig) -> None:
        """Remember where the mock of a world crashed that isn't the trial's own to close."""
        self._mock_failures += rig.mock_failures

    @property
    def mock_failures(self) -> tuple[str, ...]:
        """Where the mock itself crashed in any world of this run, each place once."""
        return tuple(dict.fromkeys([*self._mock_failures, *(one for rig in self._rigs for one in rig.mock_failures)]))

    @property
    def rigs(self) -> tuple[Rig, ...]:
        """Every world that was opened."""
        return tuple(self._rigs)

    # ---- control, evidence, claim

    def control(self, rig: Rig, mark: Mark, what: str) -> tuple[Call, ...]:
        """Record that the call succeeded without a fault: at least one call arrived since `mark`, none was answered
        with an error, none was struck by a fault. Raises `Vacuous` otherwise."""
        calls = rig.since(mark)
        good = [call for call in calls if call.fault is None and call.status is not None and 200 <= call.status < 300]
        if not calls or len(good) != len(calls):
            expected = f"{what}: every call is answered with a status of 200 to 299"
            got = f"{len(calls) - len(good)} of {counted(len(calls), 'call')} failed" if calls else "no call was made"
            raise self._vacuous("a call where nothing is wrong failed", expected, got, [one for one in calls
                                if one not in good])  # fmt: skip
        self.controls.append(f"{what}: {counted(len(calls), 'call')} answered")
        return calls

    def saw(self, what: str) -> None:
        """Record a piece of evidence: a sentence with numbers, no patient and no key in it."""
        self.evidence.append(what)

    def _vacuous(self, text: str, expected: str, got: str, calls: Iterable[Call]) -> Vacuous:
        return Vacuous(text, expected, got, told(self._rigs, calls, f"{expected} {got}"))

    def need(self, present: T | None, what: str) -> T:
        """`present`, or `Vacuous` when the world holds nothing to try the rule on."""
        if present is None or present == () or present == []:
            raise Vacuous(f"nothing to try it on: {what}")
        return present

    def not_offered(self, what: str, *, proof: bool) -> NoReturn:
        """End the rule as skipped: the adapter or its mock declares that the vendor does not have this or does not tell
        it. what: a name of it, as "departments"; a report puts words before it. proof: what was seen of the vendor
        supports it; without that the declaration can't be believed and the rule is `Vacuous`."""
        if not proof:
            raise Vacuous(f"declared absent, but not proven: {what}")
        raise NotOffered(what)

    def claim(
        self,
        holds: bool,
        cause: str,
        *,
        expected: object,
        got: object,
        calls: Iterable[Call] = (),
        wrong: str = "",
        about: str = "",
    ) -> None:
        """The claim. cause: one of the rule's, used when it does not hold. calls: the exchange to show; without
        it the last calls are shown. wrong: what happened, instead of the cause's own text. about: words by which the
        rows of long answers are chosen, instead of what was expected and got."""
        self.rule.remedy(cause)
        if not holds:
            exchange = told(self._rigs, calls, about or f"{expected} {got}")
            raise Broken(cause, str(expected), str(got), exchange, wrong)

    @property
    def called(self) -> bool:
        """Whether the vendor was asked anything at all."""
        return any(rig.received for rig in self._rigs)

    def exchange(self, calls: Iterable[Call] = ()) -> str:
        """Calls with their answers as a report shows them; without calls, the last ones that were made."""
        return told(self._rigs, calls)

    def broken(
        self,
        cause: str,
        *,
        expected: object,
        got: object,
        calls: Iterable[Call] = (),
        wrong: str = "",
        about: str = "",
    ) -> NoReturn:
        """A claim that does not hold."""
        self.claim(False, cause, expected=expected, got=got, calls=calls, wrong=wrong, about=about)
        raise AssertionError

    async def outcome(self, call: Awaitable[Any]) -> Outcome:
        """Run a call of a session to its value or its KoblingError."""
        try:
            return Outcome(value=await call)
        except KoblingError as error:
            return Outcome(error=error)

    # ---- the controls that many rules share

    async def open_times(self, rig: Rig, *, count: int = 2, first: int = 1) -> tuple[Slot, ...]:
        """Open times that the adapter finds in `count` days, in random order, from tomorrow on, each known to the
        clinic. `Vacuous` when it finds none."""
        mark = rig.mark()
        query = rig.days(count, first)
        answer = await rig.session.slots(query)
        known = rig.known(answer.found, query.first_day, query.last_day)
        if not known:
            raise self._vacuous(
                "a search where nothing is wrong found no open time",
                f"open times from {query.first_day} to {query.last_day} that the clinic's timebook has",
                f"{counted(len(answer.found), 'time')}, none of which the timebook has"
                f"{f'; left out with a problem: {len(answer.problems)}' if answer.problems else ''}",
                rig.since(mark),
            )
        self.control(rig, mark, "open times are found")
        self.random.shuffle(known)
        return tuple(known)

    async def booked(self, rig: Rig, slot: Slot | None = None, **changes: Any) -> Booked:
        """The control of every rule about bookings: a booking without any fault, which stands in the timebook."""
        chosen = slot or (await self.open_times(rig))[0]
        before, mark = rig.appointments(), rig.mark()
        request = rig.request(chosen, **changes)
        outcome = await self.outcome(rig.session.book(request))
        made, calls = rig.made_since(before), rig.since(mark)
        writes = [call for call in rig.writing(calls) if call.effect != "none"]
        if outcome.error is not None or not rig.vouches(made, writes):
            error = outcome.error if self.target.kind == "mock" else None
            lines = differing(Personal(rig), request, error) if isinstance(error, BookedDifferently) else ""
            raise self._vacuous(
                "an ordinary booking, with nothing wrong at the vendor, failed first",
                "book returns a Booking as the request asked, and one new appointment is in the timebook",
                f"{decided(rig, outcome, calls)}; new appointments in the timebook: {len(made)}{lines}",
                calls,
            )
        self.controls.append(f"a booking without a fault stands in the timebook after {counted(len(calls), 'call')}")
        deciding = writes[-2:][0] if "hold_slot" in self.adapter.supports else writes[-1]
        names = writes[-1].operation or "", deciding.operation or ""
        return Booked(request, outcome.value, made[0] if made else None, calls, *names)

    @contextmanager
    def logs(self) -> Iterator[list[Logged]]:
        """Everything that is logged at any level by anybody, formatted, with its arguments and tracebacks, and what is
        printed: where a service runs, that stands in its log."""
        lines: list[Logged] = []
        handler = _Collector(lines)
        loggers = [logging.getLogger(name) for name in ("", "kobling", "httpx", "httpcore")]
        levels = [(logger, logger.level, logger.disabled) for logger in loggers]
        logging.getLogger().addHandler(handler)
        for logger in loggers:
            logger.setLevel(logging.DEBUG)
            logger.disabled = False
        streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (
            cast("TextIO", _Printed(stream, name, lines))
            for stream, name in zip(streams, ("stdout", "stderr"), strict=True)
        )
        try:
            yield lines
        finally:
            sys.stdout, sys.stderr = streams
            logging.getLogger().removeHandler(handler)
            for logger, level, disabled in levels:
                logger.setLevel(level)
                logger.disabled = disabled


@dataclass(frozen=True)
class Logged:
    """One log line. text: with the raw arguments and the exception. place: the line of code and the logger, for people.
    asked: the call of a session for which it was written, where that is known."""

    text: str
    place: str
    asked: Asked | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the calls that the vendor received for that call of a session."""
        return () if self.asked is None else tuple(self.asked.numbers)


class _Collector(logging.Handler):
    """Keeps records as text: the message, the raw arguments, the exception."""

    def __init__(self, lines: list[Logged]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines
        self._formatter = logging.Formatter("%(name)s %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        asked = ASKED.get()
        during = f", during session.{asked.operation}" if asked is not None else ""
        place = f"{record.filename}:{record.lineno} (logger {record.name}){during}"
        self._lines.append(Logged(f"{self._formatter.format(record)} {record.args!r}", place, asked))


class _Printed:
    """Standard output or error: what is written goes on, and is kept. All else is the stream's own."""

    def __init__(self, stream: TextIO, name: str, lines: list[Logged]) -> None:
        self._stream = stream
        self._name = name
        self._lines = lines

    def write(self, text: str) -> int:
        """Write, and keep what is no blank."""
        if text.strip():
            asked, caller = ASKED.get(), sys._getframe(1)
            during = f", during session.{asked.operation}" if asked is not None else ""
            place = f"{Path(caller.f_code.co_filename).name}:{caller.f_lineno} ({self._name}){during}"
            self._lines.append(Logged(text, place, asked))
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def differing(hidden: Personal, request: BookingRequest, error: BookedDifferently) -> str:
    """What a booking that was made says otherwise than was asked, a line for each: both values, without a patient's."""

    def told(value: Any) -> str:
        text = value.isoformat() if hasattr(value, "isoformat") else str(value)
        return "None" if value is None else hidden.without(text)

    lines = ""
    for name in error.differences:
        holder, part = ("request", request) if hasattr(request, name.partition(".")[0]) else ("slot", request.slot)
        asked = "booked or pending" if name == "status" else told(attrgetter(name)(part))
        lines += f"\nBooking.{name} is {told(attrgetter(name)(error.booking))}; {holder}.{name}: {asked}"
        lines += _by_the_zone(attrgetter(name)(error.booking), request.slot) if name == "start" else ""
    return lines


def _by_the_zone(start: datetime | None, slot: Slot) -> str:
    """What it means that a start is off by just as much as the clinic's clock is from UTC."""
    offset = slot.local_start.utcoffset()
    if start is None or not offset or abs(start - slot.start) != offset:
        return ""
    return (
        "\nThat is as far apart as the clinic's clock and UTC are: a time was sent, or read, on the one clock as if it "
        "were on the other (kobling about times-without-offset)"
    )


def _short(text: str, most: int = MOST_SHOWN) -> str:
    """The text, each of its lines cut."""
    if "\n" in text:
        return "\n".join(_short(line, most) for line in text.splitlines()[:MOST_LINES])
    return text if len(text) <= most else f"{text[:most]} … ({len(text)} characters)"
