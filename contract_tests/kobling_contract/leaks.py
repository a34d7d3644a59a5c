"""Looking for a key or a patient in everything that a caller or a log may hold: in clear, escaped, quoted, encoded."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

from kobling import Patient, WireReply, WireRequest

__all__ = ["Canaries", "told_by_error", "told_by_value"]

_OWN = ("kobling_contract", "asyncio", "concurrent", "threading", "contextvars")
DEPTH = 6


class Canaries:
    """Values that must be found nowhere: name, and every spelling in which they could stand."""

    def __init__(self, **values: str) -> None:
        self._spellings = {name: tuple(_spellings(value)) for name, value in values.items() if len(value) > 3}

    @classmethod
    def of(cls, key: str, patient: Patient, **more: str) -> Canaries:
        """The key, and every field of a patient."""
        fields = {name: getattr(patient, name) for name in type(patient).model_fields}
        texts = {
            name: value.isoformat() if hasattr(value, "isoformat") else str(value)
            for name, value in fields.items()
            if value
        }
        return cls(key=key, **texts, **more)

    def found_in(self, text: str) -> list[str]:
        """Names of the canaries that a text holds, in any spelling."""
        return [name for name, spellings in self._spellings.items() if any(one in text for one in spellings)]

    def hidden(self, text: str) -> str:
        """The text with the name of a canary wherever it held one."""
        known = sorted(
            ((one, name) for name, each in self._spellings.items() for one in each), key=lambda row: -len(row[0])
        )
        for spelling, name in known:
            text = text.replace(spelling, f"‹{name}›")
        return text


def _spellings(value: str) -> Iterator[str]:
    raw = value.encode()
    yield from dict.fromkeys(
        (
            value,
            quote(value),
            quote_plus(value),
            json.dumps(value)[1:-1],
            str.__repr__(value)[1:-1],  # private text does not show itself
            repr(raw)[2:-1],
            base64.b64encode(raw).decode().rstrip("="),
            raw.hex(),
        )
    )


def told_by_value(value: Any) -> Iterator[str]:
    """Every text that a returned value shows: repr, str, dumps."""
    yield repr(value)
    yield str(value)
    if isinstance(value, BaseModel):
        yield value.model_dump_json()
        yield repr(value.model_dump())


def told_by_error(error: BaseException) -> Iterator[str]:
    """Every text that an exception holds: itself, what lies behind it, and the locals of each frame but the suite's."""
    for one in _chain(error):
        yield from (repr(one), str(one), repr(one.args))
        as_dict = getattr(one, "as_dict", None)
        if callable(as_dict):
            yield json.dumps(as_dict(), ensure_ascii=False)
        yield from _texts({name: value for name, value in vars(one).items() if name != "__notes__"}, DEPTH)
        yield from getattr(one, "__notes__", ())
        yield from _frames(one.__traceback__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
        waiting += list(getattr(one, "exceptions", ()))


def _frames(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] not in _OWN:
            for value in list(trace.tb_frame.f_locals.values()):
                yield from _texts(value, DEPTH)
        trace = trace.tb_next


def _texts(value: Any, depth: int) -> Iterator[str]:
    """Texts in a value: strings, bytes, containers of them, and requests or replies with what they hold."""
    if depth <= 0:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes | bytearray):
        yield bytes(value).decode("utf-8", "replace")
    elif isinstance(value, dict):
        for name, inner in list(value.items()):
            yield from _texts(name, depth - 1)
            yield from _texts(inner, depth - 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in list(value):
            yield from _texts(inner, depth - 1)
    elif isinstance(value, WireRequest):
        yield from _texts([value.url, value.headers, value.body], depth - 1)
    elif isinstance(value, WireReply):
        yield from _texts([value.headers, value.body], depth - 1)
    elif isinstance(value, BaseException):
        yield repr(value)
    elif isinstance(value, Iterable) and not isinstance(value, Iterator):
        return
    else:
        yield repr(value)
