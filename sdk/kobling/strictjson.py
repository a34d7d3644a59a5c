"""Strict JSON: what a vendor's body says, exactly, or one word for why it can't be read.

`pydantic_core.from_json` is the gate: its nesting limit is fixed (the standard library's depends on how deep the
caller's stack is) and it refuses lone surrogates. Then the standard library parses, with hooks for what both let
through: duplicate keys, `1e400`, NUL characters. Integers stay exact, however long up to 4 300 digits.

A problem or finding has a place, never content. A place is a JSON pointer (RFC 6901), or `offset:<n>` where there is
no structure to point into, counted in bytes of the text in UTF-8. A key stands in a pointer only if it is spelled as
a field's name (small and capital letters, `_`, beginning with a small letter, at most 32); any other is `_key_`,
because a vendor may use a patient's name or number as a key.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from pydantic_core import from_json

from . import charset

Json: TypeAlias = Any

JsonCode = Literal[
    "not_json",
    "html",
    "empty",
    "too_deep",
    "nan",
    "surrogate",
    "nul",
    "duplicate_key",
    "bad_charset",
    "number_out_of_range",
]
CODES: Final[frozenset[str]] = frozenset(get_args(JsonCode))

MAX_FINDINGS: Final = 10
MAX_PLACE: Final = 80

_GATE_WORDS: Final[tuple[tuple[str, JsonCode], ...]] = (
    ("recursion limit", "too_deep"),
    ("number out of range", "number_out_of_range"),
)
"""What the gate says of bodies that only it understood; anything else it says is `not_json`."""

_GATE_PLACE = re.compile(r"line (\d+) column (\d+)$")
_FIELD_NAME = re.compile(r"[a-z][A-Za-z_]{0,31}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_HARMLESS_ESCAPE: Final = rb"\\ue0"
_NUL_ESCAPE: Final = rb"\u0000"


class JsonProblem(ValueError):
    """A body that is not strict JSON. It holds two words and nothing of the body, no cause and no context.

    code: one of `CODES`. place: a JSON pointer or `offset:<bytes>`; "" when the whole body is meant.
    """

    def __init__(self, code: JsonCode, place: str = "") -> None:
        super().__init__(f"{code} at {place}" if place else code)
        self.code: JsonCode = code
        self.place = place


class Finding(NamedTuple):
    """Something odd in a body that could still be read. `str()` gives the code."""

    code: JsonCode
    place: str

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True, repr=False)
class Parsed:
    """A body that was read. value: the JSON value; of a duplicate key, the last. findings: at most `MAX_FINDINGS`."""

    value: Json
    findings: tuple[Finding, ...] = ()


def loads(data: bytes, content_type: str | None = None, *, strict_keys: bool = False) -> Parsed:
    """Read a body as strict JSON.

    data: the body, content encoding undone. content_type: the reply's header, for its charset (see `charset`); the
    media type is not looked at, since vendors answer JSON as `text/html` and pages as `application/json`.
    strict_keys: a duplicate key is a `JsonProblem` instead of a finding, for answers to writes.

    Raises `JsonProblem`. Neither it nor its traceback's frames from this module hold any of the body; a caller that
    lets it pass must not keep the body in a local of its own.
    """
    outcome = _read(data, content_type, strict_keys)
    del data, content_type
    if isinstance(outcome, Parsed):
        return outcome
    raise JsonProblem(outcome.code, outcome.place)


def _read(data: bytes, content_type: str | None, strict_keys: bool) -> Parsed | Finding:
    codec = charset.codec_of(data, content_type)
    text = charset.decoded(data, codec)
    if text is None:
        return Finding("html" if data.lstrip()[:1] == b"<" else "bad_charset", "")
    if codec != "utf-8":
        data = text.encode()
    try:
        from_json(data, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        refused = str(error)
    else:
        return _parse(text, data, strict_keys)
    return _why_refused(text, data, refused)


class _Odd(Exception):
    """The text holds what strict JSON does not."""


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    raise _Odd


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _Odd
    return number


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float)
"""Made once: the standard library's own function makes one for every text that it reads with hooks."""


def _parse(text: str, data: bytes, strict_keys: bool) -> Parsed | Finding:
    """The value of a text that has passed the gate."""
    odd = _NUL_ESCAPE in data
    try:
        try:
            value = _STRICT.decode(text)
        except _Odd:
            value, odd = json.loads(text), True
    except RecursionError:  # the caller's own stack is nearly full
        return Finding("too_deep", "")
    except ValueError:  # the process allows fewer digits in an integer than the gate (`sys.set_int_max_str_digits`)
        return Finding("number_out_of_range", "")
    if not odd:
        return Parsed(value)
    findings: list[Finding] = []
    for oddity in _oddities(text):
        if oddity.code != "duplicate_key" or strict_keys:
            return oddity
        if len(findings) < MAX_FINDINGS:
            findings.append(oddity)
    return Parsed(value, tuple(findings))


def _why_refused(text: str, data: bytes, refused: str) -> Finding:
    """The code and place of what the gate refused; `refused` is what it said."""
    start = text.lstrip()
    if not start:
        return Finding("empty", "")
    if start.startswith("<"):
        return Finding("html", "")
    # With surrogates made harmless and NaN allowed, does the gate pass? Then those are all that is wrong.
    try:
        from_json(_SURROGATE_ESCAPE.sub(_HARMLESS_ESCAPE, data), allow_inf_nan=True)
    except ValueError as error:
        refused = str(error)
    else:
        for oddity in _oddities(text):
            if oddity.code != "duplicate_key":
                return oddity
    code: JsonCode = next((code for words, code in _GATE_WORDS if words in refused), "not_json")
    found = _GATE_PLACE.search(refused)
    return Finding(code, f"offset:{_offset(data, int(found[1]), int(found[2]))}" if found else "")


def _offset(data: bytes, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = data.index(b"\n", start) + 1
    return start + max(column - 1, 0)


class _Pairs(NamedTuple):
    """An object with every key as it was written, duplicates included."""

    pairs: list[tuple[str, Json]]


_Path: TypeAlias = "tuple[_Path, str | int] | None"


def _oddities(text: str) -> Iterator[Finding]:
    """Everything in a text that is JSON by the gate but not strict JSON, in the order in which it stands."""
    try:
        root = json.loads(text, object_pairs_hook=_Pairs, parse_constant=lambda _: math.nan)
    except RecursionError:
        yield Finding("too_deep", "")
        return
    except ValueError:
        yield Finding("number_out_of_range", "")
        return
    waiting: list[tuple[Json, _Path]] = [(root, None)]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, str):
            if _SURROGATE.search(value):
                yield Finding("surrogate", _pointer(path))
            if "\0" in value:
                yield Finding("nul", _pointer(path))
        elif isinstance(value, float):
            if math.isnan(value):
                yield Finding("nan", _pointer(path))
            elif math.isinf(value):
                yield Finding("number_out_of_range", _pointer(path))
        elif isinstance(value, _Pairs):
            seen: set[str] = set()
            for key, _ in value.pairs:
                here = (path, key)
                if key in seen:
                    yield Finding("duplicate_key", _pointer(here))
                seen.add(key)
                if _SURROGATE.search(key):
                    yield Finding("surrogate", _pointer(here))
                if "\0" in key:
                    yield Finding("nul", _pointer(here))
            waiting.extend((inner, (path, key)) for key, inner in reversed(value.pairs))
        elif isinstance(value, list):
            waiting.extend((inner, (path, index)) for index, inner in reversed(list(enumerate(value))))


def _pointer(path: _Path) -> str:
    """The JSON pointer of a path, without keys that may be content; of a very long one, its beginning."""
    parts: list[str] = []
    while path is not None:
        path, part = path
        parts.append(str(part) if isinstance(part, int) else part if _FIELD_NAME.fullmatch(part) else "_key_")
    pointer = "".join(f"/{part}" for part in reversed(parts))
    return pointer if len(pointer) <= MAX_PLACE else pointer[: pointer.rindex("/", 0, MAX_PLACE + 1)]
