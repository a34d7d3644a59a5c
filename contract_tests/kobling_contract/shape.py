"""What JSON looks like, place by place, without anything that stands in it: which kinds of value, and whether always.

A place is a pointer in which `*` stands for any row. A member's name is shown when it is known, or when it looks like
one and stands beside a known one; else it may be a person's name or a number that a vendor uses as a key, and all of
them are one `{}`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["ANY_KEY", "Shape", "names_in"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z_]{0,39}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(?P<offset>Z|[+-]\d\d(:?\d\d)?)?")
ANY_KEY = "{}"
"""Stands for every name, and every part of a path, that may not be told."""


class Shape:
    """The kinds of value at each place of some JSON, seen in as many texts as were added.

    known: names of members that may be shown. words: members of which the values are shown too, where every one of
    them is a word of the contract's own.
    """

    def __init__(self, known: Iterable[str], words: Iterable[str] = ()) -> None:
        self._known = frozenset(known)
        self._words = frozenset(words)
        self._kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._holders: Counter[str] = Counter()

    def add(self, value: Any) -> None:
        """Take a value in."""
        self._add("", value, "")

    def _add(self, place: str, value: Any, name: str) -> None:
        self._kinds[place][kind(value, shown=name in self._words)] += 1
        if isinstance(value, dict):
            self._holders[place] += 1
            beside = any(one in self._known for one in value)
            for one, inner in value.items():
                shown = one in self._known or (beside and _NAME.fullmatch(one) is not None)
                self._add(f"{place}/{one if shown else ANY_KEY}", inner, one if shown else "")
        elif isinstance(value, list):
            for inner in value:
                self._add(f"{place}/*", inner, name)

    @property
    def places(self) -> tuple[str, ...]:
        """Every place, in the order in which they were first seen."""
        return tuple(self._kinds)

    def kinds(self, place: str) -> frozenset[str]:
        """The kinds of value that were seen at a place; `absent` where an object was seen without it. An empty list or
        a text of digits beside others of its kind is no kind of its own."""
        seen = set(self._kinds.get(place, ()))
        holder, _, name = place.rpartition("/")
        if name not in ("", "*", ANY_KEY) and self._kinds.get(place, Counter()).total() < self._holders[holder]:
            seen.add("absent")
        for usual, special in (("list", "empty list"), ("text", "digits as text")):
            if usual in seen:
                seen.discard(special)
        return frozenset(seen)


def kind(value: Any, *, shown: bool = False) -> str:
    """What kind of JSON value it is. shown: the value itself, where it is a single word, true or false."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower() if shown else "boolean"
    if isinstance(value, int):
        return "whole number"
    if isinstance(value, float):
        return "number"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "list" if value else "empty list"
    return value if shown and re.fullmatch(r"[a-z_]{1,40}", value) else _kind_of_text(value)


def _kind_of_text(text: str) -> str:
    moment = _MOMENT.fullmatch(text)
    if moment is not None:
        return "time with offset" if moment["offset"] else "time without offset"
    if _DAY.fullmatch(text):
        return "day"
    if text.isdecimal():
        return "digits as text"
    return "text" if text else "empty text"


def names_in(value: Any) -> Iterator[str]:
    """The names of all members in some JSON."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from names_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names_in(inner)
