"""The open times of vendors who write them by the clinic's wall clock, read by the contract's rule.

A wall time of the hour that comes twice names two instants, and one of the hour that is jumped over names none. Which
instant a vendor means can be told from a whole list only, never from one text (`kobling.localtime` reads those).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from .localtime import FIRST_YEAR, LAST_YEAR, Missing, Repeated, TimeProblem, Unique, Zone, parse_local, to_utc, zone_of
from .slots import SlotProblem

T = TypeVar("T")
Once: TypeAlias = Literal["unknown", "first"]


def wall_rows(
    rows: Sequence[T], wall: Callable[[T], str], zone: Zone, *, key: Callable[[T], Hashable], once: Once = "unknown"
) -> tuple[list[tuple[T, datetime]], tuple[SlotProblem, ...]]:
    """The starts of a vendor's rows that state wall times without offset, and the rows that had to be left out.

    wall: a row's wall time, as text for `parse_local`. key: what makes two rows the same offer but for their time
    (timebook, appointment type and, where it varies, place): only rows with equal keys can be a time listed twice.

    The contract's rule: a time in the missing hour is left out (`missing_hour`). In the repeated hour a time that a
    key lists exactly twice stands for both instants, the first row for the first one, provided that the key's rows
    of that day are in order of instants or of wall times. Any other row there is undecidable and is left out
    (`repeated_hour`): the vendor may mean either hour. once: "first" where the vendor's page says that a time which
    is listed once is the first of the two: then it is no longer left out. A time that not every clock can show
    (`on_every_clock`) is left out too (`outside_calendar`).

    Returns (row, instant in UTC) in the rows' order, and for `Slots.problems` what was left out, in the rows' order,
    with a row's place from 0 as its `where`. Raises `TimeProblem("malformed")` for a text that is not a wall time,
    which is the vendor's error and not the clock's.
    """
    found, left_out = _starts(rows, wall, zone, key, once)
    return [(rows[index], start) for index, start in found], _in_order(left_out)


def wall_ranges(
    rows: Sequence[T],
    span: Callable[[T], tuple[str, str]],
    zone: Zone,
    *,
    key: Callable[[T], Hashable],
    minutes: Callable[[T], int | None] | None = None,
    once: Once = "unknown",
) -> tuple[list[tuple[T, datetime, datetime]], tuple[SlotProblem, ...]]:
    """As `wall_rows`, for rows that tell their end by the wall clock too, and no length: (row, start, end).

    span: a row's start and end, as texts. minutes: how long a row's service takes, or None where that is not known. It
    is asked for only where the end comes twice after the start; a row whose end stays undecided is left out
    (`repeated_hour`), as is one that would end in the hour that is jumped over (`missing_hour`).

    Raises `TimeProblem`: `malformed` as `wall_rows`; `reversed` for a row that ends before it starts, or when it
    starts. Both are the vendor's error.
    """
    starts, left_out = _starts(rows, lambda row: span(row)[0], zone, key, once)
    found: list[tuple[T, datetime, datetime]] = []
    for index, start in starts:
        row = rows[index]
        end = to_utc(parse_local(span(row)[1]), zone)
        later = [one for one in end.instants if one > start]
        if len(later) > 1 and minutes is not None and (length := minutes(row)) is not None:
            later = [one for one in later if one - start == timedelta(minutes=length)]
        if len(later) == 1:
            found.append((row, start, later[0]))
        elif isinstance(end, Missing):
            left_out[index] = "missing_hour"
        elif start < end.instants[-1]:
            left_out[index] = "repeated_hour"
        else:
            raise TimeProblem("reversed")
    return found, _in_order(left_out)


def _in_order(left_out: dict[int, str]) -> tuple[SlotProblem, ...]:
    return tuple(SlotProblem(because=left_out[index], where=str(index)) for index in sorted(left_out))


def _starts(
    rows: Sequence[T], wall: Callable[[T], str], zone: Zone, key: Callable[[T], Hashable], once: Once
) -> tuple[list[tuple[int, datetime]], dict[int, str]]:
    """The instants of the rows by index, in order, and why the others were left out."""
    where = zone_of(zone)
    instants: dict[int, datetime] = {}
    left_out: dict[int, str] = {}
    nights: defaultdict[tuple[Hashable, date], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        local_time = parse_local(wall(row))
        if not FIRST_YEAR <= local_time.year <= LAST_YEAR:
            left_out[index] = "outside_calendar"
            continue
        match to_utc(local_time, where):
            case Unique(at):
                instants[index] = at
            case Missing():
                left_out[index] = "missing_hour"
            case Repeated():
                nights[key(row), local_time.date()].append(index)
    if nights:
        instants |= _repeated_hours(rows, wall, where, key, nights)
        if once == "first":
            instants |= _listed_once(rows, wall, where, nights)
        left_out |= {index: "repeated_hour" for at in nights.values() for index in at if index not in instants}
    return sorted(instants.items()), left_out


def _listed_once(
    rows: Sequence[T],
    wall: Callable[[T], str],
    zone: ZoneInfo,
    nights: dict[tuple[Hashable, date], list[int]],
) -> dict[int, datetime]:
    """The first instant of each row in a repeated hour that no other row with its key has the wall time of."""
    decided: dict[int, datetime] = {}
    for night in nights.values():
        walls = {index: parse_local(wall(rows[index])) for index in night}
        often = Counter(walls.values())
        decided |= {index: to_utc(at, zone).instants[0] for index, at in walls.items() if often[at] == 1}
    return decided


def _repeated_hours(
    rows: Sequence[T],
    wall: Callable[[T], str],
    zone: ZoneInfo,
    key: Callable[[T], Hashable],
    nights: dict[tuple[Hashable, date], list[int]],
) -> dict[int, datetime]:
    """The instants of the rows in a repeated hour that can be decided, by index."""
    days: defaultdict[tuple[Hashable, date], list[tuple[int, datetime]]] = defaultdict(list)
    for index, row in enumerate(rows):
        local_time = parse_local(wall(row))
        group = key(row), local_time.date()
        if group in nights:
            days[group].append((index, local_time))
    decided: dict[int, datetime] = {}
    for day in days.values():
        listed: defaultdict[datetime, list[int]] = defaultdict(list)
        for index, local_time in day:
            listed[local_time].append(index)
        walls: list[datetime] = []
        instants: list[datetime] = []
        twice: dict[int, datetime] = {}
        for index, local_time in day:
            match to_utc(local_time, zone):
                case Unique(at):
                    instants.append(at)
                case Repeated(first, second) if len(listed[local_time]) == 2:
                    twice[index] = first if index == listed[local_time][0] else second
                    instants.append(twice[index])
                case _:
                    continue
            walls.append(local_time)
        if walls == sorted(walls) or instants == sorted(instants):
            decided.update(twice)
    return decided
