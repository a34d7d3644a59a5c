"""Opening hours with pauses and an interval, for systems that plan no slots: times are offered on a grid.

Everything is read off the clinic's wall clock. A moment is open when the clock then shows a time from `opens` on and
before `closes`, and no pause covers it; a start is on the grid when the clock shows the opening time plus a multiple of
the interval. So what lies in the hour that is skipped in spring does not exist, and what lies in the hour that is
repeated in autumn comes twice. A service must fit whole into the open time of the day on which it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from .workplan import PlannedSlot, moments

__all__ = ["DAY_MINUTES", "DayHours", "OpeningHours", "WeeklyPause", "clock_spans", "hours_of_plan", "planned_by_hours"]

DAY_MINUTES = 24 * 60


@dataclass(frozen=True)
class DayHours:
    """Open from `opens` to `closes` on a weekday (0 is Monday): minutes on the clock since 00:00, 1440 for midnight."""

    weekday: int
    opens: int
    closes: int


@dataclass(frozen=True)
class WeeklyPause:
    """A pause every week: minutes on the clock, half-open."""

    weekday: int
    begins: int
    ends: int


@dataclass(frozen=True)
class OpeningHours:
    """The hours of one timebook, for every week. A weekday that is not named is closed."""

    days: tuple[DayHours, ...]
    every_minutes: int
    pauses: tuple[WeeklyPause, ...] = ()

    def on(self, weekday: int) -> DayHours | None:
        """The hours of a weekday, None when it is closed."""
        return next((day for day in self.days if day.weekday == weekday), None)


def clock_spans(day: date, begins: int, ends: int, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The moments (UTC, half-open, in order) at which the clock shows `begins` or later and less than `ends` on a day.

    One span on most days; two where the hour is repeated, none where it is skipped.
    """
    midnight = datetime.combine(day, time())
    first, last = (_first_moment(day + timedelta(days=n), zone) for n in (0, 1))
    spans = []
    for offset in dict.fromkeys((first.astimezone(zone).utcoffset(), (last - _TICK).astimezone(zone).utcoffset())):
        assert offset is not None
        low, high = _reach(first, last, offset, zone)
        shifted = midnight.replace(tzinfo=UTC) - offset
        begin = max(low, shifted + timedelta(minutes=begins))
        end = min(high, shifted + timedelta(minutes=ends))
        if begin < end:
            spans.append((begin, end))
    spans.sort()
    joined: list[tuple[datetime, datetime]] = []
    for begin, end in spans:
        if joined and joined[-1][1] == begin:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


_TICK = timedelta(microseconds=1)


def _first_moment(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _reach(first: datetime, last: datetime, offset: timedelta, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when in [first, last) the zone is at this offset; clocks change on whole minutes, once a day."""

    def at(moment: datetime) -> bool:
        return moment.astimezone(zone).utcoffset() == offset

    if at(first) and at(last - _TICK):
        return first, last
    low, high = first, last
    while high - low > timedelta(minutes=1):
        middle = low + (high - low) // timedelta(minutes=2) * timedelta(minutes=1)
        if at(middle) == at(first):
            low = middle
        else:
            high = middle
    return (first, high) if at(first) else (high, last)


@lru_cache(maxsize=4096)
def planned_by_hours(
    hours: OpeningHours, timebook_id: str, day: date, zone_name: str, kinds: tuple[tuple[str, int], ...]
) -> tuple[PlannedSlot, ...]:
    """Every time that these hours offer on a day, free or not, for types given as (id, minutes)."""
    open_day = hours.on(day.weekday())
    if open_day is None:
        return ()
    zone = ZoneInfo(zone_name)
    spans = clock_spans(day, open_day.opens, open_day.closes, zone)
    pauses = [
        span
        for pause in hours.pauses
        if pause.weekday == day.weekday()
        for span in clock_spans(day, pause.begins, pause.ends, zone)
    ]
    found = []
    for minute in range(open_day.opens, min(open_day.closes, DAY_MINUTES), hours.every_minutes):
        for start in moments(day, time(minute // 60, minute % 60), zone, "both"):
            for type_id, minutes in kinds:
                end = start + timedelta(minutes=minutes)
                fits = any(begin <= start and end <= close for begin, close in spans)
                if fits and not any(begin < end and start < close for begin, close in pauses):
                    fold = start.astimezone(zone).fold
                    found.append(PlannedSlot(timebook_id, type_id, start, end, day, fold))
    return tuple(sorted(found, key=lambda slot: (slot.start, slot.type_id)))


def hours_of_plan(slots: tuple[PlannedSlot, ...], zone: ZoneInfo, every_minutes: int) -> OpeningHours:
    """The hours that a work plan comes closest to: from the first start to the last end of each weekday, with a pause
    wherever the plan of that weekday's first planned day leaves more than one interval open."""
    days: dict[int, DayHours] = {}
    first_day: dict[int, date] = {}
    pauses: list[WeeklyPause] = []
    for slot in sorted(slots, key=lambda slot: slot.start):
        weekday, begins, ends = slot.day.weekday(), *_on_the_clock(slot, zone)
        known = days.get(weekday)
        if known is not None and first_day[weekday] == slot.day and begins - known.closes > every_minutes:
            pauses.append(WeeklyPause(weekday, known.closes, begins))
        first_day.setdefault(weekday, slot.day)
        opens, closes = (known.opens, known.closes) if known else (begins, ends)
        days[weekday] = DayHours(weekday, min(opens, begins), max(closes, ends))
    kept = tuple(one for one in pauses if one.begins >= days[one.weekday].opens)
    return OpeningHours(tuple(days[weekday] for weekday in sorted(days)), every_minutes, kept)


def _on_the_clock(slot: PlannedSlot, zone: ZoneInfo) -> tuple[int, int]:
    wall = slot.start.astimezone(zone)
    begins = wall.hour * 60 + wall.minute
    return begins, min(DAY_MINUTES, begins + (slot.end - slot.start) // timedelta(minutes=1))
