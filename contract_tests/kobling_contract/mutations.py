"""Answers as no vendor should give them: a real JSON answer with one place changed.

`changes` lists every place of an answer's shape (of a list, its first row stands for all) with several changes each, so
that a run misses no field by bad luck; a seed only chooses among the strange values.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from kobling import WireFailure, WireReply, WireRequest

__all__ = ["Change", "Mutator", "changes"]

Place: TypeAlias = tuple[str | int, ...]
How = Literal["remove", "null", "strange", "wrap", "rename"]
STRANGE: tuple[Any, ...] = (
    True, 0, -1, 2**63, 1.5, "", " ", "æøå", "null", "2026-02-30", "2026-11-24T25:61", "0000-00-00", "T", "not-a-uuid",
    [], {}, [[]], {"id": None}, ["x"] * 3, 10**400,
)  # fmt: skip
"""What a changed place may hold."""
TOO_LONG = "å" * 5000


@dataclass(frozen=True)
class Change:
    """One change of one place. `str` of it names both, and no value of the vendor's."""

    place: Place
    how: How
    strange: Any = None

    def __str__(self) -> str:
        shown = f" {str(self.strange)[:20]!r}" if self.how == "strange" else ""
        return f"{self.how}{shown} at /{'/'.join(map(str, self.place))}"

    def apply(self, data: Any) -> Any:
        """The data, changed; as it is where it has no such place."""
        if not self.place:
            return {"remove": {}, "null": None, "wrap": [data]}.get(self.how, self.strange)
        holder = data
        try:
            for step in self.place[:-1]:
                holder = holder[step]
            self._change(holder, self.place[-1])
        except (KeyError, IndexError, TypeError):
            return data
        return data

    def _change(self, holder: Any, last: str | int) -> None:
        value = holder[last]
        if self.how == "remove":
            del holder[last]
        elif self.how == "null":
            holder[last] = None
        elif self.how == "strange":
            holder[last] = self.strange
        elif self.how == "wrap":
            holder[last] = [value]
        elif isinstance(holder, dict):
            holder[f"{last}2"] = holder.pop(last)


def changes(body: bytes, chance: random.Random) -> list[Change]:
    """Every change of an answer: each place removed, null, and of a strange value, and one of the others."""
    found: list[Change] = []
    data = json.loads(body)
    for place in _places(data, ()):
        if isinstance(_at(data, place), str):
            found += [Change(place, "strange", text) for text in ("", TOO_LONG)]
        found += [Change(place, "remove"), Change(place, "null"), Change(place, "strange", chance.choice(STRANGE))]
        found.append(Change(place, chance.choice(("wrap", "rename"))))
    return found


class Mutator:
    """Applies a change to the `nth` good JSON answer from now on, and leaves the others alone."""

    def __init__(self, change: Change, nth: int = 1) -> None:
        self.change = change
        self._nth = nth
        self._seen = 0

    def __call__(self, _: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        """The answer, changed when it is the one."""
        if not isinstance(outcome, WireReply) or not 200 <= outcome.status < 300:
            return outcome
        try:
            data = json.loads(outcome.body)
        except ValueError:
            return outcome
        self._seen += 1
        if self._seen != self._nth:
            return outcome
        changed = json.dumps(self.change.apply(data), ensure_ascii=False)
        return WireReply(outcome.status, outcome.headers, changed.encode())

    @property
    def struck(self) -> bool:
        """True when the answer came and was changed."""
        return self._seen >= self._nth


def _at(data: Any, place: Place) -> Any:
    for step in place:
        data = data[step]
    return data


def _places(data: Any, place: Place) -> Iterator[Place]:
    yield place
    if isinstance(data, dict):
        for name, inner in data.items():
            yield from _places(inner, (*place, name))
    elif isinstance(data, list) and data:
        yield from _places(data[0], (*place, 0))
