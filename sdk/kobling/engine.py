"""The engine: runs one operation of an adapter, and decides everything that is dangerous.

    adapter ── Call ──▶ engine ── Send ──▶ driver ──▶ vendor
    adapter ◀─ Response ─ engine ◀─ WireReply │ WireFailure ── driver

It is one generator, pure: it yields commands (see `commands.py`) and performs no I/O. What it enforces for every
adapter: where a request may go, how long, how much and how often; that an operation writes at most once and a read
never; that an error which the engine raised decides the operation even if the adapter swallows it; and, at one exit,
what is certain afterwards: once a byte of a write may have left, every failure that is not a listed refusal of the
vendor's is `OutcomeUnknown`.
"""

from __future__ import annotations

import hashlib
import logging
import re
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from inspect import CORO_CLOSED, getcoroutinestate
from pathlib import PurePath
from secrets import token_hex
from typing import Any, Generic, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

from pydantic import ValidationError

from .adapter import WRITES, Adapter, NotWritten, Operation, Token
from .auth import KeyPart
from .booking import Bookings
from .clinic import Clinic
from .clock import Clock
from .commands import All, Flow, Once, Send, Sleep
from .connection import Connection, PublicConnection, Secret
from .errormap import code_in, fail, joined, judge
from .errors import (
    AdapterBug,
    CredentialsRejected,
    KoblingError,
    LeaseExpired,
    OutcomeUnknown,
    RateLimited,
    Unfinished,
    VendorProtocolError,
    VendorTimeout,
    VendorUnavailable,
    all_errors,
    word,
)
from .exchange import WireFailure, WireReply, WireRequest
from .http import BadPointer, ByCursor, ByLink, ByNumber, ByOffset, Call, Calls, Http, Pages, Response, find, named_link
from .localtime import TimeProblem
from .model import Malformed, malformed
from .reference import NoteTooLong
from .request import base_address, build
from .retryafter import LONGEST as LONGEST_ASKED
from .retryafter import http_date, retry_after
from .shared import FRESH_AT_MOST, Shared, UnknownWrite
from .slots import Slots

T = TypeVar("T")
log = logging.getLogger("kobling")

READ_TRIES = 3
LIST_READINGS = 4
"""How often a list of several pages is read, until two readings agree."""
BACKOFF = 0.25
TOGETHER = 4
LONGEST_WAIT = 10.0
CLOCK_TOLERANCE = timedelta(minutes=2)
"""By how much a vendor's clock may differ before anything is made of it: a `Date` is as old as its answer took."""
NO_CLOCK = timedelta(days=1)
"""A `Date` that is further from ours is not the time of day anywhere."""
LONGEST_TOKEN = 366 * 86_400.0
"""Seconds for which a token is kept at most, whatever its vendor says."""
CLOSING_TURNS = 10
TURNS_AFTER_AN_ERROR = 50
"""How often an adapter may go on asking after an error that has already decided its operation."""
RETRIED_STATUSES = frozenset({429, 502, 503, 504})
RETRIED_FAILURES = frozenset({"connect", "connect_timeout", "busy", "read", "write"})
RESENT_WRITES = frozenset({"connect", "connect_timeout", "busy"})


@dataclass(slots=True, repr=False)
class Line:
    """One connection as the engine uses it: the adapter's class, the accepted details, and what is shared.

    origin: replaces scheme and host of the adapter's own addresses (a mock or sandbox). channel: which transports,
    tokens and budgets it uses. typed_host: the host comes from the connection's booking URL.
    typed_url: that URL in its one spelling.
    """

    adapter: type[Adapter]
    connection: Connection
    options: Any
    shared: Shared
    clock: Clock
    user_agent: str
    channel: str
    base: str
    auth_base: str | None
    typed_host: bool
    typed_url: str = ""
    operation_seconds: float = 60.0
    vendor_clock: tuple[datetime, datetime] | None = None
    """The last `Date` of a reply, and our own time when it came."""

    def longest(self, operation: Operation) -> float:
        """Seconds that an operation may take in all, waiting for its place in the budget and for tokens included."""
        return max(self.operation_seconds, self.adapter.limits.timeout_write * 1.5 if operation in WRITES else 0.0)

    def by_vendors_clock(self, moment: datetime) -> datetime:
        """One of our moments, as the vendor's clock has it; as it is where that clock is not known or agrees."""
        if self.vendor_clock is None:
            return moment
        theirs, ours = self.vendor_clock
        return moment + (theirs - ours) if CLOCK_TOLERANCE < abs(theirs - ours) <= NO_CLOCK else moment

    def key(self, part: KeyPart) -> str:
        """The connection's key, or a named part of it."""
        if not part.group:
            return self.connection.secret.reveal()
        return self.adapter.form.key_part(self.connection, part.group)


def line_address(template: str, connection: PublicConnection, origin: str | None) -> str:
    """Where the adapter's calls go: its own address, or the same path at `origin`."""
    address = base_address(template, connection)
    if origin is None:
        return address
    return origin.rstrip("/") + urlsplit(address).path.rstrip("/")


@dataclass(slots=True, repr=False)
class Task(Generic[T]):
    """One operation to run: which, how the adapter starts it, and how its result is checked.

    check: returns the result as the contract wants it, or raises. reference: of a booking, recorded when the outcome
    becomes unknown. not_after: the last moment at which the write may be sent. fresh: nothing may come from memory.
    urgent: its calls may take the budget's share for bookings. private: what is told of the patient; a vendor may say
    it again where its code should stand. within: seconds after which the operation is given up, where nobody needs to
    know what became of it.
    """

    operation: Operation
    start: Callable[[Adapter, Http], Coroutine[Any, Any, Any]]
    check: Callable[[Any], T]
    clinic: Clinic | None = None
    reference: UUID | None = None
    not_after: datetime | None = None
    fresh: bool = False
    urgent: bool = False
    private: tuple[str, ...] = ()
    within: float | None = None


@dataclass(slots=True, repr=False)
class _Run:
    """The state of one running operation."""

    line: Line
    task: Task[Any]
    deadline: float
    correlation_id: str = field(default_factory=partial(token_hex, 8))
    calls: int = 0
    write_begun: bool = False
    write_sent: bool = False
    sent_at: datetime | None = None
    write_error: KoblingError | None = None
    sticky: KoblingError | None = None
    unaccounted: KoblingError | None = None

    def left(self) -> float:
        return self.deadline - self.line.clock.monotonic()

    @property
    def write_needs(self) -> float:
        """Seconds that must be left for a write: its own whole deadline, wherever its outcome matters."""
        return self.line.adapter.limits.timeout_write if self.task.within is None else 0.0

    def stick(self, error: KoblingError) -> None:
        if self.sticky is None:
            self.sticky = error


def operate(line: Line, task: Task[T]) -> Flow[T]:
    """Run one operation to its checked result. Raises a `KoblingError` whose `effect` is certain, and nothing else but
    the caller's own cancellation."""
    __tracebackhide__ = True  # in pytest the error says where the adapter's line is
    started = line.clock.monotonic()
    longest = line.longest(task.operation)
    run = _Run(line, task, started + (longest if task.within is None else min(longest, task.within)))
    error: KoblingError | None = None
    result: Any = None
    try:
        result = yield from _drive(run)
        error = run.sticky or _unaccounted(run, result)
        if error is None:
            result = _checked(task, result)
    except KoblingError as problem:
        error = run.sticky or problem
    except TimeProblem as problem:
        error = run.sticky or VendorProtocolError(problem.code)
    except Exception as problem:  # noqa: BLE001 - the adapter's own exception: it becomes an AdapterBug with its place
        error = run.sticky or _own(problem, line.adapter)
    except BaseException:
        _record_cancelled(run)
        raise
    if error is None:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s ok in %.3f s, %d calls, id %s", *_facts(run, started))
        return cast("T", result)
    final = _certain(run, error)
    log.log(
        logging.WARNING if final.effect != "none" else logging.DEBUG,
        "%s %s in %.3f s, %d calls, id %s: %s, because %s, effect %s",
        *_facts(run, started),
        final.code,
        final.because or "-",
        final.effect,
    )
    raise _bare(final)


def _facts(run: _Run, started: float) -> tuple[str, str, float, int, str]:
    spent = run.line.clock.monotonic() - started
    return run.line.adapter.key, run.task.operation, spent, run.calls, run.correlation_id


def _certain(run: _Run, error: KoblingError) -> KoblingError:
    """The one exit: what the caller is told, with the effect that is certain."""
    final = error
    refused = run.write_error is not None and run.write_error.effect == "none"
    if run.write_sent and refused:
        final = cast("KoblingError", run.write_error)
    elif run.write_sent:
        told = _made_anew(error)
        final = OutcomeUnknown(
            told.because or told.code,
            vendor_code=told.vendor_code,
            vendor_request_id=told.vendor_request_id,
            retry_after=told.retry_after,
        )
    elif not run.write_sent and isinstance(error, OutcomeUnknown):
        final = AdapterBug("unknown_without_a_write")
    elif not run.write_sent and error.effect != "none":
        final = AdapterBug("effect_without_a_write")
    final = _made_anew(final)
    _hush(run, final)
    if isinstance(final, OutcomeUnknown):
        final.reference = run.task.reference
        _record_unknown(run, final.because)
    final.vendor = run.line.adapter.key
    final.vendor_name = run.line.adapter.name
    final.operation = run.task.operation
    final.correlation_id = run.correlation_id
    return final


_KINDS = frozenset(all_errors().values())


def _made_anew(error: KoblingError) -> KoblingError:
    """The error as one of Kobling's own kinds, with words and numbers only: an adapter may have made it, of a class of
    its own, or have written into it what it likes."""
    kind = next((one for one in type(error).__mro__ if one in _KINDS), None)
    if kind is None or issubclass(kind, Unfinished):
        return AdapterBug(word(type(error).__name__) or "exception")
    facts = vars(error)
    wait = facts.get("retry_after")
    return kind(
        _word(facts.get("because")),
        detail=_word(facts.get("detail")),
        fields=_words(facts.get("fields")),
        vendor_code=_word(facts.get("vendor_code")),
        vendor_request_id=_word(facts.get("vendor_request_id")),
        retry_after=float(wait) if isinstance(wait, int | float) and 0 <= wait <= LONGEST_ASKED else None,
        residue=_words(facts.get("residue")),
        target=facts["target"] if isinstance(facts.get("target"), str) else "",
    )


_PLUS_AND_BLANKS = re.compile(r"[+\s]")
LEAST_HIDDEN = 5
"""Signs in a text that is looked for in the vendor's words: a shorter one stands in too many of them by chance."""


def hidden_texts(line: Line, private: tuple[str, ...]) -> tuple[str, ...]:
    """The key and what was told of the patient, as they are looked for in the vendor's words by `says_any`."""
    given = {_PLUS_AND_BLANKS.sub("", text).casefold() for text in (line.connection.secret.reveal(), *private)}
    return tuple(text for text in given if len(text) >= LEAST_HIDDEN)


def says_any(value: str, texts: Iterable[str]) -> bool:
    """Whether one of the texts of `hidden_texts` stands in words of the vendor's."""
    return any(text in value.casefold() for text in texts)


def _hush(run: _Run, error: KoblingError) -> None:
    """Take the key, and what was told of the patient, out of an error's words: a vendor may send them back as its code
    or request id. Words of our own are left alone, unless they hold a number of theirs."""
    hidden = hidden_texts(run.line, run.task.private)
    numbers = [text for text in hidden if any(map(str.isdigit, text))]

    def told(value: str, texts: Iterable[str]) -> str:
        return "" if says_any(value, texts) else value

    error.vendor_code = told(error.vendor_code, hidden)
    error.vendor_request_id = told(error.vendor_request_id, hidden)
    error.because = told(error.because, numbers)
    error.detail = told(error.detail, numbers)
    error.target = told(error.target, hidden)
    error.fields = tuple(filter(None, (told(name, numbers) for name in error.fields)))
    error.args = (error.because,)


def _word(value: object) -> str:
    return word(value) if isinstance(value, str) else ""


def _words(values: object) -> tuple[str, ...]:
    return tuple(filter(None, map(_word, values))) if isinstance(values, list | tuple) else ()


def _record_unknown(run: _Run, because: str) -> None:
    if run.task.reference is not None and run.task.operation == "book":
        sent_at = run.sent_at or run.line.clock.now()
        run.line.shared.mark_unknown(run.line.connection.id, run.task.reference, UnknownWrite(because, sent_at))


def _record_cancelled(run: _Run) -> None:
    """The caller went away (a cancelled task, an interrupt): what may have been written is recorded before that
    propagates."""
    refused = run.write_error is not None and run.write_error.effect == "none"
    if run.write_sent and not refused:
        _record_unknown(run, "cancelled_by_caller")
        log.warning("%s %s: cancelled by the caller after a write, id %s", run.line.adapter.key, run.task.operation,
                    run.correlation_id)  # fmt: skip


def _unaccounted(run: _Run, result: Any) -> KoblingError | None:
    """An error among calls sent together that the result does not own up to."""
    owned_up = (isinstance(result, Slots) and not result.complete) or (
        isinstance(result, Bookings) and not result.complete
    )
    return None if owned_up else run.unaccounted


def _checked(task: Task[T], result: Any) -> T:
    return task.check(result)


_LOOP_WANTED = re.compile(r"(running|current) event loop")


def _own(problem: Exception, adapter: type[Adapter]) -> KoblingError:
    """An exception that the adapter let out. One of the contract's values that does not take what the vendor answered
    is the vendor's error, so that adapters need not check each text's length before; any other is the adapter's."""
    unfit = malformed(problem) if isinstance(problem, ValidationError) else problem
    if not isinstance(unfit, Malformed):
        return _bug(problem, adapter)
    places = tuple(filter(None, map(word, unfit.places)))
    if not unfit.misused:
        traceback.clear_frames(problem.__traceback__)
        return VendorProtocolError("unfit_value", fields=places)
    return _bug(problem, adapter, because="misused_value", more=places)


def _bug(
    problem: BaseException, adapter: type[Adapter], *, because: str = "", more: tuple[str, ...] = ()
) -> AdapterBug:
    """An adapter's own exception: its class and place, without its text, its locals or itself."""
    place = _place(problem, adapter)
    waits = isinstance(problem, RuntimeError) and _LOOP_WANTED.search(str(problem)) is not None
    traceback.clear_frames(problem.__traceback__)
    name = "awaits_something_else" if waits else because or word(type(problem).__name__) or "exception"
    name = next((told for kind, told in _TOLD_OF.items() if isinstance(problem, kind)), name)
    if isinstance(problem, NoteTooLong):
        more = (f"note:{problem.needed}", f"limit:{problem.limit}")
    return AdapterBug(name, fields=((place,) if place else ()) + more)


_TOLD_OF: Mapping[type[Exception], str] = {
    NotWritten: "not_written",
    NoteTooLong: "note_over_limit",
    BadPointer: "bad_pointer",
}
"""Exceptions of Kobling's own that an adapter runs into, and the defect that each is."""


def _place(problem: BaseException, adapter: type[Adapter]) -> str:
    """The last line of the adapter's own package on the way to the exception, or the last of all."""
    frames = traceback.extract_tb(problem.__traceback__, limit=-50)
    modules = {cls.__module__ for cls in adapter.__mro__[: adapter.__mro__.index(Adapter)]}
    folders = [folder for folder in map(_folder, modules) if folder is not None]
    own = [frame for frame in frames if any(_lies_in(frame.filename, folder) for folder in folders)]
    last = (own or frames)[-1:]
    return word(f"{PurePath(last[0].filename).name}:{last[0].lineno}") if last else ""


def _folder(module: str) -> PurePath | None:
    source = getattr(sys.modules.get(module), "__file__", None)
    return PurePath(source).parent if source else None


def _lies_in(file: str, folder: PurePath) -> bool:
    """A project's folder may hold the environment that other people's packages are installed in."""
    path = PurePath(file)
    return path.is_relative_to(folder) and "site-packages" not in path.relative_to(folder).parts


def _bare(error: KoblingError) -> KoblingError:
    error.__traceback__ = None
    error.__cause__ = None
    error.__context__ = None
    return error


# ---- running the adapter


def _drive(run: _Run) -> Flow[Any]:
    http = Http(partial(run.line.by_vendors_clock, run.line.clock.now()), run.line.adapter.lists)
    adapter = run.line.adapter(run.line.connection.public, run.line.options, run.task.clinic)
    work = run.task.start(adapter, http)
    answer: Any = None
    error: KoblingError | None = None
    own: BaseException | None = None
    turns_after = 0
    try:
        while True:
            try:
                step = _step(work, answer, error)
            except StopIteration as end:
                return end.value
            except (Exception, KeyboardInterrupt):
                raise
            except BaseException as problem:  # noqa: BLE001 - only a driver may cancel; an adapter that exits is wrong
                own = problem
            if own is not None:
                raise _bug(own, run.line.adapter)
            answer, error = None, None
            try:
                answer = yield from _answer(run, step)
            except KoblingError as problem:
                error = _bare(problem)
                run.stick(error)
            if run.sticky is not None:
                turns_after += 1
                if turns_after > TURNS_AFTER_AN_ERROR:
                    raise run.sticky
    finally:
        _close(work)


def _step(work: Coroutine[Any, Any, Any], answer: Any, error: BaseException | None) -> Any:
    """One turn of the adapter, with the caller's event loop hidden from it."""
    asyncio = sys.modules.get("asyncio")
    loop = asyncio._get_running_loop() if asyncio else None
    hooks = sys.get_asyncgen_hooks()
    if asyncio and loop is not None:
        asyncio._set_running_loop(None)
    sys.set_asyncgen_hooks(None, None)
    try:
        return work.throw(error) if error is not None else work.send(answer)
    finally:
        sys.set_asyncgen_hooks(*hooks)
        if asyncio and loop is not None:
            asyncio._set_running_loop(loop)


def _close(work: Coroutine[Any, Any, Any]) -> None:
    """Close the adapter's coroutine. One that awaits while it is being closed only loses its own clean-up."""
    for _ in range(CLOSING_TURNS):
        if getcoroutinestate(work) == CORO_CLOSED:
            return
        try:
            _step(work, None, GeneratorExit())
        except (StopIteration, GeneratorExit):
            return
        except KeyboardInterrupt:
            raise
        except BaseException as problem:  # noqa: BLE001 - what its clean-up raises must not hide why it is being closed
            traceback.clear_frames(problem.__traceback__)
            log.warning("an adapter's clean-up raised %s", type(problem).__name__)
            return
        log.warning("an adapter awaits in a `finally` or `except GeneratorExit`: its clean-up was cut off")


def _answer(run: _Run, step: Any) -> Flow[Any]:
    """What the adapter waits for. After an error that decides the operation nothing more is sent: a write least of all,
    since its caller would be told that nothing happened."""
    if run.sticky is not None:
        raise run.sticky
    if isinstance(step, Call):
        return (yield from _call(run, step))
    if isinstance(step, Calls):
        return (yield from _together(run, step))
    if isinstance(step, Pages):
        return (yield from _pages(run, step))
    raise AdapterBug("awaits_something_else")


# ---- one call


def _call(run: _Run, call: Call) -> Flow[Response]:
    response = yield from (_write(run, call) if call.is_write else _read(run, call))
    response.strict_keys, response.record = call.is_write, run.stick
    return response


def _together(run: _Run, step: Calls) -> Flow[list[Response | KoblingError]]:
    for call in step.calls:
        if not isinstance(call, Call):
            raise AdapterBug("all_takes_calls")
        if call.is_write:
            raise AdapterBug("write_in_all")
    found = yield All([_one_of_many(run, call) for call in step.calls], limit=TOGETHER)
    for one in found:
        if isinstance(one, KoblingError) and run.unaccounted is None:
            run.unaccounted = _bare(one)
    return cast("list[Response | KoblingError]", found)


def _one_of_many(run: _Run, call: Call) -> Flow[Response]:
    """One of several reads. Its body is parsed here, so that an unreadable one is this call's error alone."""
    response = yield from _read(run, call)
    if 200 <= response.status < 300 and response.reply.body:
        _ = response.data
    response.record = run.stick
    return response


def _request(run: _Run, call: Call, token: Secret | None) -> WireRequest:
    line = run.line
    signing_in = run.task.operation == "sign_in"

    def reveal(part: KeyPart) -> str:
        return token.reveal() if token is not None and not part.group else line.key(part)

    return build(
        call,
        base=line.auth_base if signing_in and line.auth_base else line.base,
        auth=line.adapter.sign_in_auth if signing_in else line.adapter.auth,
        connection=line.connection.public,
        headers=line.adapter.headers,
        params=line.adapter.params,
        user_agent=line.user_agent,
        reveal=reveal,
    )


def _read(run: _Run, call: Call, *, anew: bool = False) -> Flow[Response]:
    """A read: from memory if allowed, else sent, tried again within the deadline where that can help. anew: not from
    memory, but for it."""
    if not 0 <= call.remember <= FRESH_AT_MOST:
        raise AdapterBug("fresh_too_long")
    line, shared = run.line, run.line.shared
    token = yield from _token(run)
    request = _request(run, call, token)
    digest = ""
    if call.remember > 0 and not run.task.fresh:
        digest = _digest(request)
        kept = None if anew else shared.remembered(line.channel, digest, line.clock.monotonic())
        remembered = Response(kept) if kept is not None else None
        if remembered is not None and _judged(run, call, request, remembered) is None:
            return remembered
    epoch = shared.epoch(line.channel)
    tries, renewed = 0, False
    while True:
        tries += 1
        outcome = yield from _exchange(run, request, write=False)
        answer = _read_once(outcome)
        error = _judged(run, call, request, answer)
        if error is None:
            response = cast("Response", answer)
            if digest:
                shared.remember(line.channel, digest, response.reply, line.clock.monotonic() + call.remember, epoch)
            return response
        if not renewed and _renewable(outcome, error, token):
            renewed = True
            token = yield from _renewed(run, token)
            request = _request(run, call, token)
            tries -= 1
            continue
        wait = _wait(outcome, tries)
        if wait is None or wait >= run.left() or tries >= READ_TRIES:
            raise error
        yield Sleep(wait)


def _write(run: _Run, call: Call) -> Flow[Response]:
    """The operation's one write. It is sent again only when it provably never left, or was refused for its token."""
    if run.task.operation not in WRITES:
        raise AdapterBug("write_in_a_read")
    if run.write_begun:
        raise AdapterBug("second_write")
    if run.unaccounted is not None:
        raise run.unaccounted
    run.write_begun = True
    token = yield from _token(run)
    request = _request(run, call, token)
    tries, renewed = 0, False
    while True:
        tries += 1
        outcome = yield from _exchange(run, request, write=True)
        answer = _read_once(outcome)
        error = _judged(run, call, request, answer)
        if isinstance(outcome, WireFailure) and not outcome.left:
            run.write_sent = False
            if outcome.kind in RESENT_WRITES and tries < READ_TRIES and run.left() >= run.write_needs + BACKOFF * tries:
                yield Sleep(BACKOFF * tries)
                continue
        if error is None:
            return cast("Response", answer)
        if not renewed and _renewable(outcome, error, token):
            renewed = True
            run.write_sent = False
            token = yield from _renewed(run, token)
            request = _request(run, call, token)
            tries -= 1
            continue
        run.write_error = error
        raise error


def _exchange(run: _Run, request: WireRequest, *, write: bool) -> Flow[WireReply | WireFailure]:
    line = run.line
    limits = line.adapter.limits
    run.calls += 1
    if run.calls > limits.calls:
        raise AdapterBug("too_many_calls")
    if limits.rate is not None:
        yield from _budget(run, request, write=write)
    timeout = min(limits.timeout_write if write else limits.timeout_read, run.left())
    if timeout <= 0:
        raise VendorTimeout("timeout")
    if write:
        _may_still_write(run)
        run.write_sent = True
        run.sent_at = line.clock.now()
    try:
        outcome: WireReply | WireFailure = yield Send(
            request,
            channel=line.channel,
            timeout=timeout,
            write=write,
            not_after=run.task.not_after if write else None,
            public_only=line.typed_host,
            max_bytes=limits.reply_bytes,
        )
    finally:
        if write:
            line.shared.forget(line.channel)
    if isinstance(outcome, WireReply):
        moment = http_date(outcome.header("date"))
        if moment is not None and outcome.header("age") is None:
            line.vendor_clock = (moment, line.clock.now())
    return outcome


def _may_still_write(run: _Run) -> None:
    """A write starts only while its own full deadline is left, and not after its lease: asked at the last moment, since
    waiting for a token or a place in the budget takes time."""
    if run.left() < run.write_needs:
        raise VendorTimeout("no_time_left_to_write")
    if run.task.not_after is not None and run.line.clock.now() > run.task.not_after:
        raise LeaseExpired


def _budget(run: _Run, request: WireRequest, *, write: bool) -> Flow[None]:
    """Wait for a place in the vendor's budget. The reads of a booking have its share too: a search would
    otherwise keep it from being verified."""
    rate = run.line.adapter.limits.rate
    if rate is None:
        return
    host = urlsplit(request.url).netloc
    bucket = {"key": f"key {run.line.channel}", "host": f"host {host}", "egress": f"egress {run.line.adapter.key}"}
    while True:
        urgent = write or run.task.urgent
        wait = run.line.shared.reserve(bucket[rate.scope], rate, run.line.clock.monotonic(), urgent=urgent)
        if wait <= 0:
            return
        if wait >= run.left():
            raise RateLimited("own_budget", retry_after=wait)
        yield Sleep(wait)


def _read_once(outcome: WireReply | WireFailure) -> Response | WireFailure:
    """The one reading of a reply that everybody shares."""
    return Response(outcome) if isinstance(outcome, WireReply) else outcome


def _judged(run: _Run, call: Call, request: WireRequest, outcome: Response | WireFailure) -> KoblingError | None:
    line = run.line
    if isinstance(outcome, WireFailure):
        return fail(outcome, write=call.is_write, typed_host=line.typed_host)
    if call.accepts:
        outcome.code = code_in(outcome, line.adapter.errors)
    return judge(
        outcome,
        table=line.adapter.errors,
        operation=run.task.operation,
        write=call.is_write,
        expect=call.accepts,
        typed_host=line.typed_host,
        url=request.url,
        typed_url=line.typed_url,
    )


def _wait(outcome: WireReply | WireFailure, tries: int) -> float | None:
    """Seconds before a read is tried again; None when trying again can't help."""
    if isinstance(outcome, WireFailure):
        return BACKOFF * 2 ** (tries - 1) if outcome.kind in RETRIED_FAILURES else None
    if outcome.status not in RETRIED_STATUSES:
        return None
    asked = retry_after(outcome) if outcome.status in (429, 503) else None
    wait = BACKOFF * 2 ** (tries - 1) if asked is None else asked
    return wait if wait <= LONGEST_WAIT else None


def _digest(request: WireRequest) -> str:
    parts = (request.method, request.url, repr(request.headers))
    return hashlib.sha256("\x1f".join(parts).encode() + b"\x1f" + request.body).hexdigest()


# ---- tokens


def _token(run: _Run) -> Flow[Secret | None]:
    line = run.line
    if "sign_in" not in line.adapter.supports or run.task.operation == "sign_in":
        return None
    kept = line.shared.token(line.channel, line.clock.monotonic())
    if kept is not None:
        return kept
    return cast("Secret", (yield Once(("token", line.channel), lambda: _signed_in(line))))


def _signed_in(line: Line) -> Flow[Secret]:
    kept = line.shared.token(line.channel, line.clock.monotonic())
    if kept is not None:
        return kept
    task: Task[Token] = Task(
        "sign_in", lambda adapter, http: adapter.sign_in(http), _checked_token, fresh=True, urgent=True
    )
    token = yield from operate(line, task)
    lifetime = float(min(token.lifetime, LONGEST_TOKEN))
    until = line.clock.monotonic() + lifetime - min(30.0, lifetime * 0.1)
    line.shared.keep_token(line.channel, token.secret, until)
    return token.secret


def _checked_token(result: Any) -> Token:
    if not (isinstance(result, Token) and isinstance(result.secret, Secret) and _is_number(result.lifetime)):
        raise AdapterBug("sign_in_returns_a_token")
    if not (_can_be_sent(result.secret.reveal()) and result.lifetime > 0):
        raise VendorProtocolError("token_is_no_good")
    return result


def _can_be_sent(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and text == text.strip()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _renewable(outcome: object, error: KoblingError, token: Secret | None) -> bool:
    """A token that the vendor no longer takes is renewed, once for each call, since calls that are sent together find
    it out together. A 401, or the vendor's own code for it, is a certain refusal, also of a write."""
    return isinstance(outcome, WireReply) and isinstance(error, CredentialsRejected) and token is not None


def _renewed(run: _Run, token: Secret | None) -> Flow[Secret | None]:
    if token is not None:
        run.line.shared.drop_token(run.line.channel, token)
    return (yield from _token(run))


# ---- paging


def _pages(run: _Run, step: Pages[Any]) -> Flow[list[Any]]:
    """Every row, whole or an error. What changes at the vendor between two pages hides a row that moves forward over
    their edge, or doubles one that moves back. A list of several pages is therefore read again until two readings
    agree page by page; the last page needs no second look, since all the others were the same before and after it."""
    sent = run.calls
    pages, agreed = yield from _one_reading(run, step, None)
    for _ in range(LIST_READINGS - 1):
        if agreed or len(pages) == 1 or run.calls == sent:  # all of it in one answer, or from memory: it agreed then
            return [row for page in pages for row in page]
        again, agreed = yield from _one_reading(run, step, pages[:-1])
        pages = pages if agreed else again
    if agreed or len(pages) == 1:
        return [row for page in pages for row in page]
    run.line.shared.forget(run.line.channel)
    raise VendorUnavailable("list_keeps_changing")


def _one_reading(run: _Run, step: Pages[Any], before: list[list[Any]] | None) -> Flow[tuple[list[list[Any]], bool]]:
    """Every page, in order, each seen once. before: the pages of an earlier reading but for its last; once they have
    all come again the reading ends, and True says that the two agree. Then nothing is answered from memory."""
    pages: list[list[Any]] = []
    total = 0
    seen: set[str] = set()
    call: Call | None = _first_page(step)
    same = before is not None
    while call is not None:
        if len(pages) == step.page_limit:
            raise VendorProtocolError("endless_pages")
        response = yield from _read(run, call, anew=before is not None)
        response.record = run.stick
        listed, *beside = step.item_pointers
        left_out = step.absent_when_empty and find(response.data, listed) is None
        rows = [] if left_out else response.read(list[step.item_type], at=listed)  # type: ignore[name-defined]
        items = len(rows)
        total += items
        for pointer in beside:
            if find(response.data, pointer) is not None:
                rows += response.read(list[step.item_type], at=pointer)  # type: ignore[name-defined]
        mark = hashlib.sha256(response.reply.body).hexdigest()
        if rows and mark in seen:
            raise VendorProtocolError("page_twice")
        seen.add(mark)
        same = same and before is not None and _same_rows(step, rows, before[len(pages)])
        pages.append(rows)
        if same and before is not None and len(pages) == len(before):
            return pages, True
        call = _next_page(run, step, call, response, len(pages), items, total)
    return pages, False


def _same_rows(step: Pages[Any], rows: list[Any], others: list[Any]) -> bool:
    key = step.row_key
    return rows == others if key is None else [key(row) for row in rows] == [key(row) for row in others]


def _first_page(step: Pages[Any]) -> Call:
    match step.paging:
        case ByNumber(param, first, size, _):
            return _asking_for(step.first_call, {param: first, **dict([size] if size else [])})
        case ByOffset(size, param, _):
            return _asking_for(step.first_call, {param: 0, size[0]: size[1]})
        case _:
            return step.first_call


def _next_page(
    run: _Run, step: Pages[Any], call: Call, response: Response, number: int, items: int, total: int
) -> Call | None:
    match step.paging:
        case ByNumber(param, first, _, last):
            if last is not None:
                more = first + number - 1 < _whole(response, last)
            else:
                more = items > 0
            return _asking_for(call, {param: first + number}) if more else None
        case ByOffset(_, param, count):
            more = total < _whole(response, count) if count is not None else items > 0
            if more and items == 0:
                raise VendorProtocolError("pages_end_early")
            return _asking_for(call, {param: total}) if more else None
        case ByCursor(at, param):
            cursor = find(response.data, at)
            if cursor in (None, ""):
                return None
            if not isinstance(cursor, str | int) or isinstance(cursor, bool):
                raise VendorProtocolError("cursor_is_not_text")
            return _asking_for(call, {param: cursor})
        case ByLink(at):
            link = find(response.data, at) if at is not None else _link_header(response.header("link"))
            link = named_link(link, "next") if isinstance(link, list) else link
            return _followed(run, call, link) if link else None


def _asking_for(call: Call, page: dict[str, Any]) -> Call:
    """The call with these values in their places: a name that begins with `/` is one in the body."""
    query, payload = dict(call.query_values), call.payload
    for name, value in page.items():
        if name.startswith("/"):
            payload = _put(payload, name.split("/")[1:], value)
        else:
            query[name] = value
    return replace(call, query_values=query, payload=payload)


def _put(data: Any, way: list[str], value: Any) -> dict[str, Any]:
    """The object with a value at the end of this way; objects on the way are made where there are none."""
    if not isinstance(data, Mapping):
        raise AdapterBug("page_has_no_place")
    name = way[0].replace("~1", "/").replace("~0", "~")
    return {**data, name: _put(data.get(name, {}), way[1:], value) if way[1:] else value}


def _whole(response: Response, pointer: str) -> int:
    return response.read(int, at=pointer)


_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^\s;,=]+(?:\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]*))?)*)")
_REL = re.compile(r";\s*rel\s*=\s*(\"[^\"]*\"|[^\s;,\"]+)", re.IGNORECASE)
"""The links of a `Link` header, and the relation of one (RFC 8288)."""


def _link_header(value: str | None) -> str | None:
    for target, marks in _LINK.findall(value or ""):
        rels = _REL.findall(marks)
        if rels and "next" in rels[0].strip('"').lower().split():
            return str(target)
    return None


def _followed(run: _Run, call: Call, link: object) -> Call:
    """A paging link as a call: on the connection's own scheme, host and base path, or refused."""
    if not isinstance(link, str) or len(link) > 4000:
        raise VendorProtocolError("link_is_not_text")
    base = urlsplit(run.line.base)
    root = base.path.rstrip("/")
    target = joined(f"{base.scheme}://{base.netloc}/", link)
    if target is None or (target.scheme, target.netloc) != (base.scheme, base.netloc) or target.fragment:
        raise VendorProtocolError("link_leaves_the_connection")
    if target.path.rstrip("/") != root and not target.path.startswith(root + "/"):
        raise VendorProtocolError("link_leaves_the_connection")
    rest = target.path[len(root) :].strip("/")
    parts = tuple(unquote(part) for part in rest.split("/")) if rest else ()
    if any(part in ("", ".", "..") or not part.isprintable() for part in parts):
        raise VendorProtocolError("link_leaves_the_connection")
    slash = "/" if parts and target.path.endswith("/") else ""
    query: dict[str, Any] = {}
    for name, value in parse_qsl(target.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    return Call(
        call.verb, "/".join("{}" for _ in parts) + slash, parts, query, call.extra_headers, call.payload, None,
        call.accepts, call.remember, is_write=False,
    )  # fmt: skip
