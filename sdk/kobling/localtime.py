"""The only converter between a clinic's wall clock and instants.

Vendors write times in two ways: with an offset (`parse_offset`), or as the clinic's wall clock shows them, without
one (`parse_local`, `to_utc`, `instant_of`; whole lists of open times: `kobling.wallrows`). Instants are aware
datetimes in UTC; wall times are naive datetimes; days are dates of the clinic's calendar. Nothing here reads the
host's time zone or clock.

Two nights a year a wall time does not name one instant. When clocks go forward (Oslo: 2027-03-28) the hour 02:00-03:00
is missing; when they go back (Oslo: 2026-10-25) it comes twice. Compare and subtract instants, never wall times or
datetimes of the same zone: Python takes the two 02:30s for equal, and says that 2026-10-25 in Oslo has 24 hours.
For the same reason an end is `start + duration` in UTC, and a window is a range of local days
(`day_bounds`), never "+24 h".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

Zone: TypeAlias = str | ZoneInfo
"""An IANA time zone, by name ("Europe/Oslo") or as an object."""

TimeCode = Literal["unknown_zone", "malformed", "no_offset", "naive", "not_a_day", "reversed", "bad_size"]

_WALL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}(?::[0-9]{2})?")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?!24)[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(Z|[+-][0-9]{2}(?::?[0-5][0-9])?)?"
)
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+){0,2}")
_NOT_A_PLACE: Final = ("localtime", "Factory", "posixrules", "posix/", "right/")
"""Names in a zone database that are no zone of a clinic: the host's own, a placeholder, copies with leap seconds."""

_DAY: Final = timedelta(days=1)

FIRST_YEAR, LAST_YEAR = 2, 9997
"""Every zone's clock can show these years, and a day before and after them."""


class TimeProblem(ValueError):
    """A time, zone or day that can't be read. It holds one word and nothing of what was given.

    code: `unknown_zone`, `malformed`, `no_offset` (a time without an offset where one is needed), `naive` (a datetime
    that should be aware, or the other way round), `not_a_day`, `reversed` (last day before first), `bad_size`.
    """

    def __init__(self, code: TimeCode) -> None:
        super().__init__(code)
        self.code: TimeCode = code


def zone_of(zone: Zone) -> ZoneInfo:
    """The zone of an IANA name; a zone object is returned as it is.

    Raises `TimeProblem("unknown_zone")` for any other text, also for the host's own zone under the name `localtime`.
    """
    if isinstance(zone, ZoneInfo):
        return zone
    found = _zone(zone) if isinstance(zone, str) else None
    if found is None:
        raise TimeProblem("unknown_zone")
    return found


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    if not _ZONE_NAME.fullmatch(name) or name.startswith(_NOT_A_PLACE):
        return None
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown; not a zone file; a folder of the database ("Europe")
        return None


def on_every_clock(instant: datetime) -> bool:
    """True when every zone's clock can show the instant, and what lies a day around it. Outside of that lies a vendor's
    way of not saying when, which no slot or booking can hold."""
    return FIRST_YEAR <= instant.year <= LAST_YEAR


# ---- wall-clock text


def parse_local(text: str) -> datetime:
    """A wall time `YYYY-MM-DDTHH:MM` or `YYYY-MM-DDTHH:MM:SS`, as a naive datetime.

    Nothing else is taken: no blank for the T, no fraction, no offset (use `parse_offset`), no 24:00 and no second 60.
    Raises `TimeProblem("malformed")`.
    """
    if isinstance(text, str) and _WALL.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise TimeProblem("malformed")


@dataclass(frozen=True, slots=True)
class Unique:
    """A wall time that comes once. utc: its instant."""

    utc: datetime

    @property
    def instants(self) -> tuple[datetime, ...]:
        """The one instant."""
        return (self.utc,)


@dataclass(frozen=True, slots=True)
class Missing:
    """A wall time that the clock jumps over: it never comes."""

    @property
    def instants(self) -> tuple[datetime, ...]:
        """No instant."""
        return ()


@dataclass(frozen=True, slots=True)
class Repeated:
    """A wall time that comes twice. first_utc: before the clock goes back; second_utc: after."""

    first_utc: datetime
    second_utc: datetime

    @property
    def instants(self) -> tuple[datetime, ...]:
        """Both instants in order. A vendor whose slots are computed from opening hours offers both."""
        return (self.first_utc, self.second_utc)


def to_utc(wall: datetime, zone: Zone) -> Unique | Missing | Repeated:
    """Which instants a wall time names in a zone: one, none or two.

    wall: naive; its `fold` is not looked at, since a vendor's text has none. Raises `TimeProblem`.
    """
    if wall.tzinfo is not None:
        raise TimeProblem("naive")
    first, second = _both(wall, zone_of(zone))
    if first == second:
        return Unique(first)
    return Repeated(first, second) if first < second else Missing()


def instant_of(text: str | None, zone: Zone) -> datetime | None:
    """The instant, in UTC, of a wall time as `parse_local` reads it, for a single value such as a booking's start (a
    list of open times is for `kobling.wallrows`). None where the text does not name one instant: it comes twice, or
    never, or not every clock can show it (`on_every_clock`), or the vendor told none.

    Raises `TimeProblem("malformed")` for a text that is not a wall time, which is the vendor's error.
    """
    if text is None:
        return None
    wall = parse_local(text)
    found = to_utc(wall, zone) if on_every_clock(wall) else None
    return found.utc if isinstance(found, Unique) else None


def comes_once(instant: datetime, zone: Zone) -> bool:
    """True when the zone's wall clock shows the time of this aware instant once only, so that its wall text names it.

    What a booking names by its wall text can't be offered where this is False: leave the time out of `list_slots` with
    `SlotProblem(because="repeated_hour")`. Raises `TimeProblem` as `local`.
    """
    return isinstance(to_utc(local(instant, zone).replace(tzinfo=None), zone), Unique)


def _both(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants by the offset before and after a change of the clock (PEP 495): equal for a wall time that comes
    once, in order for one that comes twice, in reverse for one that is missing."""
    calm = _calm_offset(zone, wall.date())
    as_utc = wall.replace(tzinfo=UTC, fold=0)
    try:
        if calm is not None:
            first = second = as_utc - calm
        else:
            first = as_utc - _offset(zone, wall.replace(fold=0))
            second = as_utc - _offset(zone, wall.replace(fold=1))
    except OverflowError:  # within a day of the year 1 or 9999
        pass
    else:
        return first, second
    raise TimeProblem("malformed")


@lru_cache(maxsize=8192)
def _calm_offset(zone: ZoneInfo, day: date) -> timedelta | None:
    """The offset of a day that no change of the clock touches; None for another day."""
    start = _offset(zone, datetime.combine(day, time()))
    end = _offset(zone, datetime.combine(day, time.max).replace(fold=1))
    return start if start == end else None


def _offset(zone: ZoneInfo, wall: datetime) -> timedelta:
    offset = zone.utcoffset(wall)
    if offset is None:  # only a zone object of another make could say so
        raise TimeProblem("unknown_zone")
    return offset


# ---- text with an offset


def parse_offset(text: str) -> datetime:
    """The instant, in UTC, of an ISO 8601 time with an offset: `2026-10-25T02:30:00+01:00`, `…Z`, `…+0100`, `…+01`.

    A blank may stand for the T; seconds and a fraction of up to nine digits may follow (microseconds are kept).
    Raises `TimeProblem`: `no_offset` for a time without an offset, `malformed` for anything else.
    """
    problem: TimeCode = "malformed"
    form = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if form is not None and form[1] is None:
        problem = "no_offset"
    elif form is not None:
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise TimeProblem(problem)


def parse_epoch(number: float, unit: Literal["s", "ms"] = "s") -> datetime:
    """The instant, in UTC, that is so many seconds or milliseconds after the beginning of 1970 (UTC).

    unit: which of the two the vendor counts; a number that is taken for the other lies in 1970, or thousands of years
    away.

    Raises `TimeProblem("malformed")` for what is no number (a text, True, NaN), for a moment before 1971, which no
    vendor means, and for one that no calendar holds.
    """
    if isinstance(number, int | float) and not isinstance(number, bool):
        try:
            found = datetime.fromtimestamp(number / 1000 if unit == "ms" else number, UTC)
            if found.year > 1970:
                return found
        except (ValueError, OverflowError, OSError):
            pass
    raise TimeProblem("malformed")


# ---- days


def local(instant: datetime, zone: Zone) -> datetime:
    """An instant on a zone's wall clock, aware. Raises `TimeProblem`: `naive` for a naive datetime, `malformed` within
    a day of the year 1 or 9999, where that clock would show a year that there is not."""
    if instant.tzinfo is None:
        raise TimeProblem("naive")
    where = zone_of(zone)
    try:
        return instant.astimezone(where)
    except OverflowError:
        pass
    raise TimeProblem("malformed")


def day_bounds(first_day: date, last_day: date, zone: Zone) -> tuple[datetime, datetime]:
    """The instants (UTC) between which whole local days lie: from the first moment of `first_day`, included, to the
    first moment after `last_day`, not included. A day of a clock change has its 23 or 25 hours.

    Raises `TimeProblem`: `not_a_day` for a datetime, `reversed` for a last day before the first, `malformed` for the
    last day of the calendar or one within a day of its ends.
    """
    _check(first_day, last_day)
    where = zone_of(zone)
    if last_day == date.max:
        raise TimeProblem("malformed")
    return _first_moment(first_day, where), _first_moment(last_day + _DAY, where)


def _first_moment(day: date, zone: ZoneInfo) -> datetime:
    """Midnight; the first one of two; and where midnight is jumped over, the moment of the jump."""
    return _both(datetime.combine(day, time()), zone)[0]


def wall_spans(day: date, begin: int, end: int, zone: Zone) -> list[tuple[datetime, datetime]]:
    """The instants of a local day at which its clock shows `begin` or later and less than `end`: (first, last) in UTC,
    half-open, in order. begin, end: minutes on the clock since 00:00; 1440 for the end of the day.

    One span on nearly every day. What lies in a repeated hour comes twice, what lies in a missing one never; opening
    hours and pauses are read so, since the clock on the wall decides. Raises `TimeProblem("not_a_day")`.
    """
    _check(day, day)
    where = zone_of(zone)
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    calm = _calm_offset(where, day)
    stretches = [(*day_bounds(day, day, where), calm)] if calm is not None else _stretches(day, where)
    found: list[tuple[datetime, datetime]] = []
    for first, last, offset in stretches:
        shown = max(first, midnight - offset + timedelta(minutes=begin))
        hidden = min(last, midnight - offset + timedelta(minutes=end))
        if shown >= hidden:
            continue
        if found and found[-1][1] == shown:
            shown = found.pop()[0]
        found.append((shown, hidden))
    return found


def _stretches(day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime, timedelta]]:
    """A day on which the clock changes, as (first, last, offset) before and after the change."""
    first, last = day_bounds(day, day, zone)
    before, after = (instant.astimezone(zone).utcoffset() for instant in (first, last - timedelta(seconds=1)))
    low, high = first, last
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low).total_seconds() // 2)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return [(first, high, before or timedelta()), (high, last, after or timedelta())]


def days(first_day: date, last_day: date) -> list[date]:
    """Every day from the first to the last, both included. Raises `TimeProblem` as `day_bounds`."""
    _check(first_day, last_day)
    return [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]


def chunks(first_day: date, last_day: date, size: int) -> list[tuple[date, date]]:
    """The days from the first to the last in pieces of at most `size` days, as (first, last) with both included.

    Raises `TimeProblem` as `day_bounds`, and `bad_size` for a size below 1.
    """
    if size < 1:
        raise TimeProblem("bad_size")
    every = days(first_day, last_day)
    return [(every[start], every[min(start + size, len(every)) - 1]) for start in range(0, len(every), size)]


def _check(first_day: date, last_day: date) -> None:
    if not all(isinstance(day, date) and not isinstance(day, datetime) for day in (first_day, last_day)):
        raise TimeProblem("not_a_day")
    if last_day < first_day:
        raise TimeProblem("reversed")
