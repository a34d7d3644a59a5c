"""The engine's guards, and how each is switched off: for tests that must go red without it, and for nothing else.

A guard is switched off by putting a careless version of one step in its place. The names below are the engine's own
private ones, on purpose: when one moves, the test that switches it off says so.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from kobling import KoblingError, PatientFields, VendorUnavailable, WireRequest, adapter, http, request
from kobling import engine as _engine
from kobling.addresses import UrlPolicy
from kobling.commands import Sleep
from kobling.drivers import call, running, wire
from kobling.flows import searching
from kobling.strictjson import JsonProblem, Parsed, loads

__all__ = ["Guard"]

engine: Any = _engine
"""Untyped, since what is replaced in it is its own business."""


@dataclass(frozen=True)
class Guard:
    """A guard: what it sees to, and how it is switched off."""

    about: str
    off: Callable[[], AbstractContextManager[Any]]


def _together(*off: Callable[[], AbstractContextManager[Any]]) -> Callable[[], AbstractContextManager[Any]]:
    @contextmanager
    def all_off() -> Iterator[None]:
        with ExitStack() as stack:
            for one in off:
                stack.enter_context(one())
            yield

    return all_off


def _ignored(value: Any) -> Any:
    """A field of a run that always has this value."""
    return property(lambda _run: value, lambda _run, _value: None)


def _forgiving() -> AbstractContextManager[Any]:
    return patch.object(engine._Run, "stick", lambda _run, _error: None)


def _writes_again() -> AbstractContextManager[Any]:
    return patch.object(engine._Run, "write_begun", _ignored(False))


def _uncounted() -> AbstractContextManager[Any]:
    return patch.object(engine._Run, "calls", _ignored(0))


def _as_the_adapter_says() -> AbstractContextManager[Any]:
    return patch.object(engine, "_certain", lambda _run, error: error)


STICKY = Guard("an error that the engine raised decides the operation, whatever the adapter makes of it", _forgiving)
ONE_WRITE = Guard("one operation sends one write", _together(_forgiving, _writes_again))
CERTAIN = Guard(
    "after a write only the vendor's listed refusal is certain", _together(_forgiving, _as_the_adapter_says)
)
BOUNDED = Guard("an operation sends a limited number of calls, and none after an error",
                _together(_forgiving, _uncounted))  # fmt: skip
COUNTED = Guard("an operation sends a limited number of calls", _uncounted)
READS_ONLY = Guard(
    "an operation that reads sends no write",
    lambda: patch.object(engine, "WRITES", engine.WRITES | {"get_booking", "list_slots"}),
)


# ---- keys and addresses


def _unstripped() -> AbstractContextManager[Any]:
    return patch.object(PatientFields, "stripped", lambda _fields, patient: patient)


DECLARED = Guard("an adapter sees those fields of a patient that it declares", _unstripped)


def _key_first() -> AbstractContextManager[Any]:
    real = engine.build

    def build(call: http.Call, **more: Any) -> WireRequest:
        auth = more["auth"]
        named = {name.lower() for name in call.extra_headers}
        made: WireRequest = real(call, **{**more, "auth": None if getattr(auth, "name", "").lower() in named else auth})
        return made

    return patch.object(engine, "build", build)


KEY_LAST = Guard("the key is put in after the adapter's turn, over whatever the adapter put there", _key_first)


def _anywhere() -> AbstractContextManager[Any]:
    """A part of a path, or a link between pages, that is an address leads there."""
    real, parts = engine.build, request.quoted

    def build(call: http.Call, **more: Any) -> WireRequest:
        to = next((str(part) for part in call.parts if str(part).startswith("https://")), None)
        to = to or call.query_values.get("to_address")
        made: WireRequest = real(call, **more)
        return made if to is None else replace(made, url=to)

    def followed(_run: Any, call: http.Call, link: object) -> Any:
        return engine._asking_for(call, {"to_address": link})

    return _together(
        lambda: patch.object(engine, "build", build),
        lambda: patch.object(engine, "_followed", followed),
        lambda: patch.object(request, "quoted", lambda part: parts(part)),
    )()


ONE_HOST = Guard("every call goes to the connection's own host", _anywhere)
NO_COOKIES = Guard("an adapter can set no cookie", lambda: patch.object(request, "OURS", request.OURS - {"cookie"}))
HTTPS = Guard(
    "an adapter's address must be https", lambda: patch.object(adapter, "_address_faults", lambda *_given: iter(()))
)


def _trusting_anybody() -> AbstractContextManager[Any]:
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    return patch.object(wire.Settings, "context", careless)


VERIFIED = Guard("a server's certificate is checked, and its name", _trusting_anybody)
PUBLIC = Guard(
    "a typed address must be public", lambda: patch.object(UrlPolicy, "refuses", lambda *_given, **_more: None)
)


# ---- waiting, deadlines, answers


def _obeys() -> AbstractContextManager[Any]:
    real = engine._answer

    def answer(run: Any, step: Any) -> Any:
        if isinstance(step, Sleep):
            yield step
            return None
        return (yield from real(run, step))

    return patch.object(engine, "_answer", answer)


ONLY_CALLS = Guard("an adapter can wait for its calls only", _obeys)


def _seconds_only() -> AbstractContextManager[Any]:
    real = engine.retry_after

    def read(reply: Any) -> float | None:
        return real(reply) if (reply.header("retry-after") or "").isdigit() else None

    return patch.object(engine, "retry_after", read)


DATES = Guard("Retry-After is read as seconds and as a date", _seconds_only)
DEADLINE = Guard(
    "a call has one deadline, for its last byte too",
    lambda: patch.object(call.Call, "left", lambda one: 60.0 if one.begun else one.deadline - time.monotonic()),
)
FENCE = Guard(
    "nothing is written after its last moment",
    _together(
        lambda: patch.object(engine, "_may_still_write", lambda _run: None),
        lambda: patch.object(call.Call, "expired", lambda _call: False),
    ),
)


def _salvaged(body: bytes, *given: Any, **more: Any) -> Parsed:
    """The rows of a cut answer up to the last whole one."""
    try:
        return loads(body, *given, **more)
    except JsonProblem:
        whole = body[: body.rfind(b"}") + 1]
        for end in (b"", b"]}", b"]}}"):
            try:
                return loads(whole + end, *given, **more)
            except (JsonProblem, json.JSONDecodeError):
                continue
        raise


WHOLE = Guard("an answer is read strictly, whole or not at all", lambda: patch.object(http, "loads", _salvaged))


THEIR_CLOCK = Guard(
    "the moment that an adapter is told is the vendor's",
    lambda: patch.object(engine.Line, "by_vendors_clock", lambda _line, moment: moment),
)


# ---- the caller goes away


def _thrown_in() -> AbstractContextManager[Any]:
    real = engine._answer

    def answer(run: Any, step: Any) -> Any:
        try:
            return (yield from real(run, step))
        except (KoblingError, GeneratorExit):
            raise
        except BaseException:  # noqa: BLE001 - the careless version: a cancellation is an error like others
            raise VendorUnavailable from None

    def advance(self: Any, result: Any, error: BaseException | None) -> Any:
        try:
            return self._flow.send(result) if error is None else self._flow.throw(error)
        except StopIteration as end:
            self.value = end.value
            return None

    return _together(
        _forgiving,
        lambda: patch.object(engine, "_answer", answer),
        lambda: patch.object(running.Running, "advance", advance),
    )()


CANCELLED = Guard("a caller's cancellation is never handed to the adapter", _thrown_in)


def _raised_as_it_is(problem: BaseException) -> Any:
    raise problem


BARE = Guard(
    "an adapter's own exception is told by its class and place only",
    lambda: patch.object(engine, "_bug", _raised_as_it_is),
)


# ---- what a search does with an answer


class _Doubles(dict[Any, Any]):
    """Slots by what they are, in which nothing is found again."""

    def __init__(self, found: dict[Any, Any]) -> None:
        super().__init__()
        self._found = found

    def __setitem__(self, identity: Any, slot: Any) -> None:
        self._found[identity, len(self._found)] = slot


def _merging_doubles() -> AbstractContextManager[Any]:
    real = searching._merge
    return patch.object(searching, "_merge", lambda state, found, *rest: real(state, _Doubles(found), *rest))


def _merging_everything() -> AbstractContextManager[Any]:
    real = searching._merge

    def merge(
        state: Any, found: Any, problems: Any, answer: Any, part: Any, place: Any, pairs: Any, offered: Any
    ) -> None:
        every = {pair for pair in offered.offer_by_ids if offered.bookable(*pair)}
        wide = part.model_copy(
            update={
                "practitioner_ids": tuple(sorted({who for who, _ in every})),
                "service_ids": tuple(sorted({what for _, what in every})),
            }
        )
        real(state, found, problems, answer, wide, place, every, offered)

    return patch.object(searching, "_merge", merge)


ONCE = Guard("one time is told once", _merging_doubles)
ASKED_FOR = Guard("what was not asked for is not told", _merging_everything)
ORDERED = Guard(
    "times are ordered by start, practitioner and service", lambda: patch.object(searching, "_order", lambda _slot: 0)
)
