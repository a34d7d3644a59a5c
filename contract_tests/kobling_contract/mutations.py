"""Answers as no vendor should give them: a real JSON answer with one place changed, seeded."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from kobling import WireFailure, WireReply, WireRequest

__all__ = ["Mutator"]

STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 1.5, "", " ", "æøå", "null", "2026-02-30", "2026-11-24T25:61", "0000-00-00",
    "T", "not-a-uuid", "🦷" * 3, [], {}, [[]], {"id": None}, ["x"] * 3, 10**400,
)  # fmt: skip
"""What a changed place may hold."""


class Mutator:
    """Changes one place in the `nth` answer with a JSON body, and leaves the others alone."""

    def __init__(self, seed: str, nth: int = 1) -> None:
        self._random = random.Random(seed)
        self._nth = nth
        self._seen = 0
        self.what = ""
        """Which change was made; "" when no answer was changed."""

    def __call__(self, request: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
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
        changed = self._changed(data)
        return WireReply(outcome.status, outcome.headers, json.dumps(changed, ensure_ascii=False).encode())

    def _changed(self, data: Any) -> Any:
        places = list(_places(data, ()))
        path = self._random.choice(places)
        how = self._random.choice(("replace", "remove", "wrap", "double"))
        strange = self._random.choice(STRANGE)
        self.what = f"{how} /{'/'.join(map(str, path))}"
        if not path:
            return strange if how == "replace" else [data] if how != "remove" else None
        holder = data
        for step in path[:-1]:
            holder = holder[step]
        last = path[-1]
        if how == "replace":
            holder[last] = strange
        elif how == "remove":
            del holder[last]
        elif how == "wrap":
            holder[last] = [holder[last]]
        elif isinstance(holder, list):
            holder.insert(last, holder[last])
        else:
            holder[f"{last}2"] = holder.pop(last)
        return data


def _places(data: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    yield path
    if isinstance(data, dict):
        for name, inner in data.items():
            yield from _places(inner, (*path, name))
    elif isinstance(data, list):
        for number, inner in enumerate(data[:3]):
            yield from _places(inner, (*path, number))
