"""How open times follow from opening hours, pauses and bookings. Pure: nothing is asked, no clock is read.

A time is open when all of this holds; every period is half-open, so that one may begin when another ends.

1. Grid: the clock on the wall then shows the opening time plus a multiple of the interval. 09:15 and 60 minutes give
   09:15, 10:15, and so on. In the hour that is repeated in autumn a start comes twice, in the hour that is skipped in
   spring never.
2. Hours: from start to start + duration the clock shows nothing but opening hours of the day of the start. A duration
   is absolute time.
3. Pauses: in none of that time the clock shows a pause, weekly or dated.
4. Bookings: none overlaps, in this calendar or in one that is linked to it.
5. Lead time: the start is in the future, and not nearer than the lead time.
6. Daily limit: fewer bookings of this calendar start on that local day than the clinic takes.

Sources: the vendor's help page on available times (1, 4 to 6), a public client (2 to 4). That a service has to fit
whole into the hours, and that each booking counts for the limit, is inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

from kobling.localtime import to_utc, wall_spans

Span: TypeAlias = tuple[datetime, datetime]
"""From the first instant, included, to the last, not included; UTC."""


@dataclass(frozen=True, slots=True)
class ClockSpan:
    """A period of a day as the clock shows it: minutes since 00:00, half-open; 1440 is the end of the day."""

    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One calendar on one local day.

    hours: None when it is closed. busy: bookings that take its time, of linked calendars too. booked: how many bookings
    of its own start on the day.
    """

    day: date
    hours: ClockSpan | None
    pauses: tuple[ClockSpan, ...] = ()
    busy: tuple[Span, ...] = ()
    booked: int = 0


@dataclass(frozen=True, slots=True)
class BookingRules:
    """What the clinic has set up for one calendar. interval: minutes. earliest: no start before this instant (the lead
    time is over). daily_limit: None for no limit."""

    interval: int
    now: datetime
    lead_time: timedelta = timedelta()
    daily_limit: int | None = None


def open_starts(calendar: CalendarDay, rules: BookingRules, minutes: int, zone: str) -> list[datetime]:
    """The starts (UTC, in order) at which a service of so many minutes can begin."""
    hours = calendar.hours
    if hours is None or (rules.daily_limit is not None and calendar.booked >= rules.daily_limit):
        return []
    open_spans = wall_spans(calendar.day, hours.begins, hours.ends, zone)
    taken = [*_spans(calendar.day, calendar.pauses, zone), *calendar.busy]
    duration = timedelta(minutes=minutes)
    found = []
    for start in _grid(calendar.day, hours, rules.interval, zone):
        end = start + duration
        in_hours = any(first <= start and end <= last for first, last in open_spans)
        if in_hours and _in_time(start, rules) and not overlaps(start, end, taken):
            found.append(start)
    return sorted(found)


def overlaps(start: datetime, end: datetime, spans: Iterable[Span]) -> bool:
    """True when a period shares at least an instant with one of the others."""
    return any(first < end and start < last for first, last in spans)


def _in_time(start: datetime, rules: BookingRules) -> bool:
    return start > rules.now and start - rules.now >= rules.lead_time


def _spans(day: date, periods: Sequence[ClockSpan], zone: str) -> list[Span]:
    return [span for one in periods for span in wall_spans(day, one.begins, one.ends, zone)]


def _grid(day: date, hours: ClockSpan, interval: int, zone: str) -> Iterable[datetime]:
    """Every instant of the day at which the clock shows the opening time plus a multiple of the interval."""
    for minute in range(hours.begins, hours.ends, interval):
        yield from to_utc(datetime.combine(day, time(minute // 60, minute % 60)), zone).instants
