"""Week templates (ukemaler), laid onto weeks in a work plan (arbeidsplan), give the planned slots.

A template row is a wall-clock time in the clinic's zone. Laying a template writes planned slots into the plan, with the
appointment type's duration as it is at that moment: a later change of the type or the template shows only when the plan
is laid again (documented: the plan must be updated). A planned slot is a moment, so a wall-clock time must become one:

- a time in the hour that is skipped in spring does not exist and gives no slot;
- a time in the hour that is repeated in autumn gives the first, the second or both occurrences, as the row's
  `in_repeated_hour` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

__all__ = ["Event", "PlannedSlot", "RepeatedHour", "TemplateRow", "WeekTemplate", "grid", "moments", "monday_of"]

RepeatedHour = Literal["first", "second", "both"]


@dataclass(frozen=True)
class TemplateRow:
    """One planned time of one type: `weekday` 0 is Monday, `start` a naive wall-clock time in the clinic's zone."""

    weekday: int
    start: time
    type_id: str
    in_repeated_hour: RepeatedHour = "first"


@dataclass(frozen=True)
class WeekTemplate:
    """A week template (ukemal): the planned times of one week."""

    id: str
    name: str
    rows: tuple[TemplateRow, ...]


@dataclass(frozen=True)
class PlannedSlot:
    """A planned time in a timebook, free or not. `start` and `end` are aware UTC; `end - start` is absolute time.

    `day` is the local date. `fold` is 1 for the second occurrence of a repeated wall-clock time, else 0.
    """

    timebook_id: str
    type_id: str
    start: datetime
    end: datetime
    day: date
    fold: int = 0


@dataclass(frozen=True)
class Event:
    """An event (hendelse) that blocks a period of a timebook: half-open, aware UTC."""

    id: str
    timebook_id: str
    start: datetime
    end: datetime
    title: str = ""


def grid(
    weekdays: Iterable[int],
    first: time,
    last: time,
    every_minutes: int,
    type_ids: Iterable[str],
    in_repeated_hour: RepeatedHour = "first",
) -> tuple[TemplateRow, ...]:
    """Rows from `first` to `last` (both included) every so many wall-clock minutes, one per weekday, time and type.

    Raises `ValueError` for a step below one minute.
    """
    if every_minutes < 1:
        raise ValueError("a grid needs a step of at least one minute")
    kinds = tuple(type_ids)
    minutes = range(first.hour * 60 + first.minute, last.hour * 60 + last.minute + 1, every_minutes)
    return tuple(
        TemplateRow(weekday, time(minute // 60, minute % 60), kind, in_repeated_hour)
        for weekday in weekdays
        for minute in minutes
        for kind in kinds
    )


def monday_of(day: date) -> date:
    """The Monday of the week that holds `day`."""
    return day - timedelta(days=day.weekday())


@lru_cache(maxsize=1 << 14)
def moments(day: date, at: time, zone: ZoneInfo, in_repeated_hour: RepeatedHour = "first") -> tuple[datetime, ...]:
    """The moments, aware UTC in order, at which the clocks of `zone` show `at` on `day`: none, one or two.

    None for a time skipped in spring; for a repeated one the choice of `in_repeated_hour`.
    """
    wall = datetime.combine(day, at.replace(tzinfo=None, fold=0))
    found: list[datetime] = []
    for fold in (0, 1):
        moment = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None, fold=0) == wall and moment not in found:
            found.append(moment)
    if len(found) == 2 and in_repeated_hour != "both":
        found = [min(found)] if in_repeated_hour == "first" else [max(found)]
    return tuple(sorted(found))
