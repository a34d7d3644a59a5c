"""What a vendor's answers hold, as they were read from the wire: their JSON, and the starts of times in it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from kobling import WireReply

from .rig import WireCall
from .timebook import Times

__all__ = ["Starts", "Time", "parsed"]

Time: TypeAlias = "tuple[str, str, datetime]"
"""(timebook, appointment type, start in UTC), in the vendor's ids."""

MINUTE = "%Y-%m-%dT%H:%M"
_START = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


def parsed(outcome: object) -> Any:
    """The JSON of an answer; None where it has none, or none that can be read."""
    try:
        return json.loads(outcome.body) if isinstance(outcome, WireReply) and outcome.body else None
    except (ValueError, RecursionError):
        return None


class Starts:
    """Every start in some answers, each with the texts that stand around it: in its own object, in those above it, and
    in the address that was asked for. zone: the clinic's, in which a start without an offset is meant."""

    def __init__(self, calls: Iterable[WireCall], zone: ZoneInfo) -> None:
        self._rows: dict[str, list[frozenset[str]]] = defaultdict(list)
        self._texts: dict[str, str] = {}
        self._spellings: tuple[Callable[[datetime], str], ...] = (
            lambda start: f"{start.astimezone(UTC):{MINUTE}}Z",
            lambda start: f"{start.astimezone(zone):{MINUTE}}",
            lambda start: f"{start.astimezone(UTC):{MINUTE}}",
        )
        for one in calls:
            asked = frozenset(re.split(r"[/?&=]", one.request.url))
            for text, around in _texts(parsed(one.outcome), asked):
                if _START.match(text):
                    self._rows[_minute(text)].append(around)
                    self._texts[_minute(text)] = text

    def _hold(self, one: Time, spelling: Callable[[datetime], str]) -> bool:
        who, kind, start = one
        return any(who in around and kind in around for around in self._rows.get(spelling(start), ()))

    def spelt(self, one: Time) -> str | None:
        """A start as the answers spell it, None where it does not stand in them."""
        return next((self._texts[each(one[2])] for each in self._spellings if self._hold(one, each)), None)

    def spellings(self, right: Times) -> list[Callable[[datetime], str]]:
        """How the answers may spell starts: so that they hold all that were found rightly."""
        return [each for each in self._spellings if right and all(self._hold(one, each) for one in right)]

    def held(self, right: Times, missing: Times) -> Times | None:
        """Which of the missing times stand in the answers; None where that can't be told: the answers don't list
        starts, or it isn't sure how they spell them."""
        held = [frozenset(one for one in missing if self._hold(one, each)) for each in self.spellings(right)]
        return held[0] if held and all(one == held[0] for one in held) else None


def _minute(text: str) -> str:
    """A start as `2026-10-25T23:00` on whatever clock it is, and as `2026-10-25T22:00Z` where its offset is told."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return f"{text[:10]}T{text[11:16]}"
    return f"{told.astimezone(UTC):{MINUTE}}Z" if told.tzinfo else f"{told:{MINUTE}}"


def _texts(data: Any, around: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    if isinstance(data, dict):
        around = around | data.keys() | {str(value) for value in data.values() if isinstance(value, str | int)}
        for value in data.values():
            yield from _texts(value, around)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value, around)
    elif isinstance(data, str):
        yield data, around
