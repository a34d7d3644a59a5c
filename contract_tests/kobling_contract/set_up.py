"""How a clinic has set up its timebooks, and what it told the registry of them, in words."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from kobling_mocks.clinic import OpeningHours

from .rig import Rig
from .wording import WEEKDAYS, counted, some, timebook_told

__all__ = ["MOST_TIMEBOOKS", "settings_told"]

MOST_TIMEBOOKS = 3
"""So many timebooks are told about."""


def settings_told(rig: Rig, timebooks: Sequence[str]) -> str:
    """How the clinic has set up these timebooks, a line for each, and what it told the registry beside that."""
    lines = [_set_up(rig, who) for who in timebooks[:MOST_TIMEBOOKS]]
    options = rig.mock.dialect.options(rig.world.account, rig.world.switches)
    told = {name: _of_those(value, timebooks[:MOST_TIMEBOOKS]) for name, value in options.items()}
    if any(told.values()):
        said = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in told.items() if value)
        lines.append(f"the connection's options for these: {said}")
    return "\n".join(f"- {line}" for line in lines)


def _of_those(value: Any, timebooks: Sequence[str]) -> Any:
    """What an option says of these timebooks, where it names timebooks; else all of it."""
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if name in timebooks}
    return [one for one in value if one in timebooks] if isinstance(value, list | tuple) else value


def _set_up(rig: Rig, who: str) -> str:
    own = rig.own(who)
    timebook, hours = rig.clinic.timebook(own), rig.clinic.hours(own)
    parts = _hours(hours) if hours else ["times by a work plan"]
    if timebook is not None and timebook.daily_limit is not None:
        parts.append(f"at most {counted(timebook.daily_limit, 'booking')} a day")
    if timebook is not None and timebook.blocked_by:
        parts.append(f"also taken by the bookings of timebook {some(map(rig.wire_id, timebook.blocked_by))}")
    return f"{timebook_told(rig, who)}: {', '.join(parts)}"


def _hours(hours: OpeningHours) -> list[str]:
    open_at: Mapping[int, str] = {one.weekday: f"{_minutes(one.opens)}–{_minutes(one.closes)}" for one in hours.days}
    parts = [f"{days} {span}" for span, days in _by_weekdays(open_at)]
    parts.append(f"a start every {hours.every_minutes} min, counted from opening")
    by_span: dict[str, dict[int, str]] = defaultdict(dict)
    for pause in hours.pauses:
        span = f"{_minutes(pause.begins)}–{_minutes(pause.ends)}"
        by_span[span][pause.weekday] = span
    return [*parts, *(f"pause {days} {span}" for each in by_span.values() for span, days in _by_weekdays(each))]


def _minutes(since_midnight: int) -> str:
    return f"{since_midnight // 60:02}:{since_midnight % 60:02}"


def _by_weekdays(told: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """What is said of weekdays, with the days that follow one another and say the same as `Mon–Fri`."""
    days = sorted(told)
    for (text, _), group in groupby(days, key=lambda day: (told[day], day - days.index(day))):
        same = list(group)
        yield text, WEEKDAYS[same[0]] + (f"–{WEEKDAYS[same[-1]]}" if len(same) > 1 else "")
