"""Looking for a key or a patient in everything that a caller or a log may hold: in clear, escaped, quoted, encoded."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from types import TracebackType
from typing import Any, TypeAlias
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

from kobling import Patient, WireReply, WireRequest

__all__ = ["Canaries", "Place", "places_in_error", "places_in_value", "told_by_error", "told_by_value"]

Place: TypeAlias = "tuple[str, str]"
"""A canary's name, and where it was found: an attribute, a word of an error, a local of a frame."""

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


def places_in_value(value: Any, watch: Canaries) -> list[Place]:
    """The attributes in which a returned value holds a canary, as `Slots.found[3].token`; the value itself where only
    its repr, str or dump does."""
    kind = type(value).__name__
    found = {name for text in told_by_value(value) for name in watch.found_in(text)}
    places = [place for place in _attributes(value, kind, watch, DEPTH) if place[0] in found]
    hidden = found - {name for name, _ in places}
    return [*dict.fromkeys(places), *((name, f"the repr, str or dump of the {kind}") for name in sorted(hidden))]


def _attributes(value: Any, path: str, watch: Canaries, depth: int) -> Iterator[Place]:
    if depth <= 0:
        return
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _attributes(getattr(value, name), f"{path}.{name}", watch, depth - 1)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _attributes(name, f"a key of {path}", watch, depth - 1)
            yield from _attributes(inner, f"{path}[…]", watch, depth - 1)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _attributes(inner, f"{path}[{number}]", watch, depth - 1)
    else:
        shown = repr(value) if isinstance(value, str) else str(value)  # private text does not show itself
        yield from ((name, path) for name in watch.found_in(shown))


def places_in_error(error: BaseException, watch: Canaries) -> list[Place]:
    """Where an exception holds a canary: in itself or in what lies behind it, in an attribute or a local of a frame."""
    found = [(name, place) for text, place in _placed(error) for name in watch.found_in(text)]
    return list(dict.fromkeys(found))


def told_by_error(error: BaseException) -> Iterator[str]:
    """Every text that an exception holds: itself, what lies behind it, and the locals of each frame but the suite's."""
    return (text for text, _ in _placed(error))


def _placed(error: BaseException) -> Iterator[tuple[str, str]]:
    """Every text that an exception holds, each with its place."""
    for one in _chain(error):
        kind = type(one).__name__ + ("" if one is error else f", which lies behind the {type(error).__name__}")
        for name, value in vars(one).items():
            if name != "__notes__":
                yield from ((text, f"the attribute {name} of the {kind}") for text in _texts({name: value}, DEPTH))
        yield from ((text, f"a note of the {kind}") for text in getattr(one, "__notes__", ()))
        yield from ((text, f"the text of the {kind}") for text in (repr(one), str(one), repr(one.args)))
        as_dict = getattr(one, "as_dict", None)
        if callable(as_dict):
            yield json.dumps(as_dict(), ensure_ascii=False), f"as_dict() of the {kind}"
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


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, str]]:
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        code = trace.tb_frame.f_code
        if module.partition(".")[0] not in _OWN:
            frame = f"{code.co_name} ({PurePath(code.co_filename).name}:{trace.tb_lineno})"
            for name, value in list(trace.tb_frame.f_locals.items()):
                yield from ((text, f"the local {name} of {frame}") for text in _texts(value, DEPTH))
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
