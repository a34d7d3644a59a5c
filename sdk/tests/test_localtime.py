"""Wall-clock text becomes instants by one rule, also on the two nights when the clock changes, on any host."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.localtime import (
    Missing,
    Repeated,
    TimeProblem,
    Unique,
    chunks,
    comes_once,
    day_bounds,
    days,
    instant_of,
    local,
    parse_epoch,
    parse_local,
    parse_offset,
    to_utc,
    zone_of,
)

OSLO = "Europe/Oslo"
AUTUMN = date(2026, 10, 25)
SPRING = date(2027, 3, 28)
ZONES = [
    "Europe/Oslo",
    "UTC",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # half an hour
    "America/Santiago",  # midnight is missing
    "America/Havana",  # midnight comes twice
    "Africa/Casablanca",
    "Pacific/Apia",
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def code_of(error: pytest.ExceptionInfo[TimeProblem]) -> str:
    assert error.value.__context__ is None
    return error.value.code


# ---- zones


@pytest.mark.parametrize("name", ZONES)
def test_a_zone_is_known_by_its_iana_name(name: str) -> None:
    assert zone_of(name) == ZoneInfo(name)
    assert zone_of(zone_of(name)) is zone_of(name)


@pytest.mark.parametrize(
    "name",
    ["", "Oslo", "Europe", "Europe/", "localtime", "posixrules", "right/Europe/Oslo", "../Oslo", "/etc/localtime"]
    + ["Europe/Oslo\n", "Europe/Osl\u00f8", "Factory", "zone.tab", "+01:00"],
)
def test_what_is_no_clinics_zone_is_refused(name: str) -> None:
    with pytest.raises(TimeProblem) as caught:
        zone_of(name)
    assert code_of(caught) == "unknown_zone"


# ---- wall-clock text


def test_wall_text_is_read_with_and_without_seconds() -> None:
    assert parse_local("2026-12-01T09:00") == datetime(2026, 12, 1, 9)
    assert parse_local("2026-12-01T09:00:30") == datetime(2026, 12, 1, 9, 0, 30)
    assert parse_local("2028-02-29T23:59").date() == date(2028, 2, 29)
    assert parse_local("2026-12-01T09:00").tzinfo is None


@pytest.mark.parametrize(
    "text",
    ["", "2026-12-01", "2026-12-01 09:00", "2026-12-01T9:00", "2026-12-01T09:00Z", "2026-12-01T09:00+01:00"]
    + ["2026-12-01T24:00", "2026-12-01T09:00:60", "2026-12-01T09:00:00.5", "2027-02-29T09:00", "2026-13-01T09:00"]
    + ["01.12.2026 09:00", "2026-W49-2T09:00", "20261201T0900", "2026-12-01T09:00\n", " 2026-12-01T09:00"]
    + ["2026-12-01t09:00", "\u0662026-12-01T09:00", "0000-01-01T00:00"],
)
def test_any_other_wall_text_is_malformed(text: str) -> None:
    with pytest.raises(TimeProblem) as caught:
        parse_local(text)
    assert code_of(caught) == "malformed"


# ---- one wall time


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        ("2026-10-25T01:59", Unique(utc("2026-10-24T23:59"))),
        ("2026-10-25T02:00", Repeated(utc("2026-10-25T00:00"), utc("2026-10-25T01:00"))),
        ("2026-10-25T02:59:59", Repeated(utc("2026-10-25T00:59:59"), utc("2026-10-25T01:59:59"))),
        ("2026-10-25T03:00", Unique(utc("2026-10-25T02:00"))),
        ("2027-03-28T01:59:59", Unique(utc("2027-03-28T00:59:59"))),
        ("2027-03-28T02:00", Missing()),
        ("2027-03-28T02:59", Missing()),
        ("2027-03-28T03:00", Unique(utc("2027-03-28T01:00"))),
        ("2026-12-31T00:00", Unique(utc("2026-12-30T23:00"))),  # a Thursday of week 53
        ("2027-01-03T23:30", Unique(utc("2027-01-03T22:30"))),  # the Sunday of week 53
        ("2028-02-29T12:00", Unique(utc("2028-02-29T11:00"))),
    ],
)
def test_a_wall_time_in_oslo_names_one_instant_two_or_none(wall: str, expected: object) -> None:
    assert to_utc(parse_local(wall), OSLO) == expected


def test_the_fold_of_a_wall_time_is_not_looked_at() -> None:
    for wall in (datetime(2026, 10, 25, 2, 30), datetime(2027, 3, 28, 2, 30), datetime(2026, 7, 1, 2, 30)):
        assert to_utc(wall.replace(fold=1), OSLO) == to_utc(wall, OSLO)


def test_computed_slots_get_every_instant_of_a_wall_time() -> None:
    assert to_utc(datetime(2026, 10, 25, 2, 30), OSLO).instants == (utc("2026-10-25T00:30"), utc("2026-10-25T01:30"))
    assert to_utc(datetime(2027, 3, 28, 2, 30), OSLO).instants == ()
    assert to_utc(datetime(2026, 7, 1, 2, 30), OSLO).instants == (utc("2026-07-01T00:30"),)


def test_a_time_comes_once_but_in_the_two_halves_of_the_repeated_hour() -> None:
    quarters = [datetime(2026, 10, 24, 23, 30, tzinfo=UTC) + timedelta(minutes=15 * n) for n in range(14)]
    twice = [moment for moment in quarters if not comes_once(moment, "Europe/Oslo")]
    assert twice == quarters[2:10]
    with pytest.raises(TimeProblem, match="naive"):
        comes_once(datetime(2026, 10, 25, 2, 30), "Europe/Oslo")


def test_an_aware_datetime_is_no_wall_time_and_a_naive_one_no_instant() -> None:
    with pytest.raises(TimeProblem) as caught:
        to_utc(utc("2026-10-25T02:30"), OSLO)
    assert code_of(caught) == "naive"
    with pytest.raises(TimeProblem) as caught:
        local(datetime(2026, 10, 25, 2, 30), OSLO)
    assert code_of(caught) == "naive"


@pytest.mark.parametrize("wall", [datetime.min, datetime.max])
def test_the_ends_of_the_calendar_are_malformed_and_no_crash(wall: datetime) -> None:
    with pytest.raises(TimeProblem) as caught:
        to_utc(wall, "Pacific/Apia" if wall == datetime.min else "America/New_York")
    assert code_of(caught) == "malformed"


def instants_by_trying(wall: datetime, zone: str) -> tuple[datetime, ...]:
    """An independent reckoning: every instant, by any offset of the days around, whose wall time is this one."""
    there = ZoneInfo(zone)
    around = [wall.replace(tzinfo=UTC) + timedelta(hours=hours) for hours in range(-40, 41)]
    offsets = {moment.astimezone(there).utcoffset() or timedelta() for moment in around}
    tries = sorted(wall.replace(tzinfo=UTC) - offset for offset in offsets)
    return tuple(moment for moment in tries if moment.astimezone(there).replace(tzinfo=None) == wall)


_walls = st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31)).map(lambda wall: wall.replace(microsecond=0))
_changes = st.sampled_from([AUTUMN, SPRING, date(2026, 3, 8), date(2026, 11, 1), date(2011, 12, 30), date(2026, 4, 5)])
_near_changes = st.builds(
    lambda day, minutes: datetime(day.year, day.month, day.day) + timedelta(minutes=minutes),
    _changes,
    st.integers(-1500, 3000),
)


@given(_walls | _near_changes, st.sampled_from(ZONES))
def test_a_wall_time_names_exactly_the_instants_that_show_it(wall: datetime, zone: str) -> None:
    assert to_utc(wall, zone).instants == instants_by_trying(wall, zone)


@given(_walls | _near_changes, st.sampled_from(ZONES))
def test_an_instant_comes_back_from_its_wall_time(moment: datetime, zone: str) -> None:
    instant = moment.replace(tzinfo=UTC)
    found = to_utc(local(instant, zone).replace(tzinfo=None), zone)
    assert instant in found.instants
    if isinstance(found, Unique):
        assert found.utc == instant


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-07-01T12:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-10-25T02:30", None),  # twice
        ("2027-03-28T02:30", None),  # never
        ("9999-12-31T23:59", None),  # a vendor's way of saying "none"
        (None, None),
    ],
)
def test_one_wall_time_is_an_instant_only_where_it_names_one(text: str | None, told: datetime | None) -> None:
    assert instant_of(text, OSLO) == told


# ---- text with an offset


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-10-25T02:30:00+02:00", "2026-10-25T00:30"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30"),
        ("2026-10-25T02:30+0100", "2026-10-25T01:30"),
        ("2026-10-25 02:30+01", "2026-10-25T01:30"),
        ("2026-10-25T00:30:00Z", "2026-10-25T00:30"),
        ("2026-10-25T00:30:00.000000Z", "2026-10-25T00:30"),
        ("2026-10-24T20:30:00-04:00", "2026-10-25T00:30"),
        ("2026-10-25T06:00:00+05:30", "2026-10-25T00:30"),
        ("2028-02-29T00:00:00+01:00", "2028-02-28T23:00"),
    ],
)
def test_a_time_with_an_offset_is_its_instant_in_utc(text: str, instant: str) -> None:
    assert parse_offset(text) == utc(instant)
    assert parse_offset(text).tzinfo is UTC


def test_a_fraction_is_kept_to_the_microsecond() -> None:
    assert parse_offset("2026-10-25T00:30:00.123456789Z").microsecond == 123456
    assert parse_offset("2026-10-25T00:30:00.5+00:00").microsecond == 500000


@pytest.mark.parametrize("text", ["2026-10-25T02:30", "2026-10-25T02:30:00", "2026-10-25 02:30:00.123"])
def test_a_time_without_an_offset_is_refused_as_such(text: str) -> None:
    with pytest.raises(TimeProblem) as caught:
        parse_offset(text)
    assert code_of(caught) == "no_offset"


@pytest.mark.parametrize(
    "text",
    ["", "Z", "2026-10-25", "2026-10-25Z", "2026-10-25T02:30+25:00", "2026-10-25T02:30:00 +01:00", "2026-02-30T00:00Z"]
    + ["2026-10-25T02:30 Europe/Oslo", "25.10.2026 02:30+01:00", "0001-01-01T00:00+14:00", "2026-10-25T02:30Z\n"],
)
def test_other_text_is_malformed(text: str) -> None:
    with pytest.raises(TimeProblem) as caught:
        parse_offset(text)
    assert code_of(caught) == "malformed"


# ---- days


@pytest.mark.parametrize(
    ("first", "last", "start", "end", "hours"),
    [
        (date(2026, 10, 24), date(2026, 10, 24), "2026-10-23T22:00", "2026-10-24T22:00", 24),
        (AUTUMN, AUTUMN, "2026-10-24T22:00", "2026-10-25T23:00", 25),
        (SPRING, SPRING, "2027-03-27T23:00", "2027-03-28T22:00", 23),
        (date(2026, 10, 19), AUTUMN, "2026-10-18T22:00", "2026-10-25T23:00", 7 * 24 + 1),
        (date(2026, 12, 28), date(2027, 1, 3), "2026-12-27T23:00", "2027-01-03T23:00", 7 * 24),  # week 53
    ],
)
def test_a_window_of_days_lies_between_local_midnights(
    first: date, last: date, start: str, end: str, hours: int
) -> None:
    bounds = day_bounds(first, last, OSLO)
    assert bounds == (utc(start), utc(end))
    assert bounds[1] - bounds[0] == timedelta(hours=hours)


@given(st.dates(date(2000, 1, 2), date(2037, 12, 30)) | _changes, st.sampled_from(ZONES))
def test_a_day_holds_exactly_the_instants_of_its_date(day: date, zone: str) -> None:
    start, end = day_bounds(day, day, zone)
    assert day_bounds(day + timedelta(days=1), day + timedelta(days=1), zone)[0] == end
    moment = timedelta(microseconds=1)
    assert local(start - moment, zone).date() < day
    assert local(end, zone).date() > day
    if start < end:  # Apia had no 30 December 2011
        assert local(start, zone).date() == local(end - moment, zone).date() == day
    else:
        assert (zone, day) == ("Pacific/Apia", date(2011, 12, 30))


def test_days_are_listed_with_both_ends() -> None:
    assert days(date(2028, 2, 28), date(2028, 3, 1)) == [date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)]
    assert days(AUTUMN, AUTUMN) == [AUTUMN]
    assert days(date.max, date.max) == [date.max]


def test_days_are_cut_into_pieces_by_the_calendar() -> None:
    assert chunks(date(2026, 10, 20), date(2026, 10, 31), 7) == [
        (date(2026, 10, 20), date(2026, 10, 26)),
        (date(2026, 10, 27), date(2026, 10, 31)),
    ]
    assert chunks(AUTUMN, AUTUMN, 31) == [(AUTUMN, AUTUMN)]


@given(st.dates(date(2026, 1, 1), date(2028, 12, 31)), st.integers(0, 400), st.integers(1, 60))
def test_pieces_hold_every_day_once_and_none_is_too_long(first: date, more: int, size: int) -> None:
    last = first + timedelta(days=more)
    pieces = chunks(first, last, size)
    assert [day for piece in pieces for day in days(*piece)] == days(first, last)
    assert all((end - start).days < size for start, end in pieces)
    instants = [day_bounds(start, end, OSLO) for start, end in pieces]
    assert all(before[1] == after[0] for before, after in pairwise(instants))


def test_days_that_make_no_window_are_refused() -> None:
    for first, last, code in [(SPRING, AUTUMN, "reversed"), (datetime(2026, 10, 25), SPRING, "not_a_day")]:
        for refused in (lambda a, b: day_bounds(a, b, OSLO), days, lambda a, b: chunks(a, b, 7)):
            with pytest.raises(TimeProblem) as caught:
                refused(first, last)
            assert code_of(caught) == code
    with pytest.raises(TimeProblem) as caught:
        chunks(AUTUMN, SPRING, 0)
    assert code_of(caught) == "bad_size"


# ---- the host

_ON_ANY_HOST = """
import json
from datetime import date, datetime
from kobling.localtime import chunks, day_bounds, local, parse_local, parse_offset, to_utc
from kobling.wallrows import wall_rows

nights = (date(2026, 10, 25), date(2027, 3, 28))
rows = [f"{day}T{hour:02}:30" for day in nights for hour in (1, 2, 2, 3)]
found, problems = wall_rows(rows, str, "Europe/Oslo", key=lambda row: "")
print(json.dumps({
    "bounds": [[str(at) for at in day_bounds(day, day, "Europe/Oslo")] for day in nights],
    "rows": [[row, str(at)] for row, at in found],
    "problems": [[problem.because, problem.where] for problem in problems],
    "one": [repr(to_utc(parse_local(row), "Europe/Oslo")) for row in rows],
    "offset": str(parse_offset("2026-10-25T02:30:00+01:00")),
    "local": str(local(parse_offset("2026-10-25T01:30:00Z"), "Europe/Oslo")),
    "host": str(datetime(2026, 10, 25, 12).astimezone().utcoffset()),
}))
"""


def on_a_host_in(zone: str) -> dict[str, object]:
    answer = subprocess.run(
        [sys.executable, "-c", _ON_ANY_HOST],
        env={**os.environ, "TZ": zone, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told: dict[str, object] = json.loads(answer.stdout)
    return told


def test_the_hosts_own_time_zone_changes_nothing() -> None:
    hosts = {zone: on_a_host_in(zone) for zone in ("Europe/Oslo", "America/New_York", "Asia/Kolkata")}
    offsets = [told.pop("host") for told in hosts.values()]
    assert offsets == ["1:00:00", "-1 day, 20:00:00", "5:30:00"], "each child should live in its own zone"
    oslo = hosts["Europe/Oslo"]
    assert oslo["problems"] == [["missing_hour", "5"], ["missing_hour", "6"]]
    assert oslo["bounds"] == [
        ["2026-10-24 22:00:00+00:00", "2026-10-25 23:00:00+00:00"],
        ["2027-03-27 23:00:00+00:00", "2027-03-28 22:00:00+00:00"],
    ]
    assert oslo["local"] == "2026-10-25 02:30:00+01:00"
    assert hosts["America/New_York"] == oslo
    assert hosts["Asia/Kolkata"] == oslo


# ---- whatever a vendor or caller gives, the answer is a time or a `TimeProblem`


@pytest.mark.parametrize("given", [None, 5, 1.5, True, [], {}, b"2026-10-25T02:30:00Z", AUTUMN])
def test_what_is_no_text_is_malformed_and_no_crash(given: Any) -> None:
    for read in (parse_local, parse_offset):
        with pytest.raises(TimeProblem) as caught:
            read(given)
        assert code_of(caught) == "malformed"


@pytest.mark.parametrize("given", [None, 5, [], "\ud800", "A" * 5000, "UTC/" + "A" * 5000])
def test_what_names_no_zone_is_unknown_and_no_crash(given: Any) -> None:
    with pytest.raises(TimeProblem) as caught:
        zone_of(given)
    assert code_of(caught) == "unknown_zone"


@pytest.mark.parametrize(
    "text", ["2026-10-25T24:00:00+01:00", "2026-10-25T02:30:00+01:60", "2026-10-25T02:30:00+24:00"]
)
def test_an_hour_24_and_an_offset_that_is_none_are_malformed(text: str) -> None:
    with pytest.raises(TimeProblem) as caught:
        parse_offset(text)
    assert code_of(caught) == "malformed"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York", OSLO])
@pytest.mark.parametrize("ask", [
    lambda zone: local(datetime.max.replace(tzinfo=UTC), zone),
    lambda zone: local(datetime.min.replace(tzinfo=UTC), zone),
    lambda zone: day_bounds(date.min, date.min, zone),
    lambda zone: day_bounds(date.max, date.max, zone),
    lambda zone: day_bounds(date.min, date.max, zone),
    lambda zone: to_utc(datetime.max, zone),
    lambda zone: to_utc(datetime.min, zone),
])  # fmt: skip
def test_the_first_and_the_last_day_of_all_are_times_or_malformed(ask: Callable[[str], object], zone: str) -> None:
    try:
        assert ask(zone) is not None
    except TimeProblem as problem:
        assert problem.code == "malformed"
        assert problem.__context__ is None


def test_the_last_day_of_all_has_no_end() -> None:
    with pytest.raises(TimeProblem) as caught:
        day_bounds(date.max, date.max, "UTC")
    assert code_of(caught) == "malformed"


@pytest.mark.parametrize("first", ["2026-10-25", None, 5, datetime(2026, 10, 25)])
def test_what_is_no_day_is_told(first: Any) -> None:
    for ask in (lambda: days(first, AUTUMN), lambda: day_bounds(AUTUMN, first, OSLO), lambda: chunks(first, first, 1)):
        with pytest.raises(TimeProblem) as caught:
            ask()
        assert code_of(caught) == "not_a_day"


@pytest.mark.parametrize(
    ("number", "unit"),
    [(1_795_500_000, "s"), (1_795_500_000.0, "s"), (1_795_500_000_000, "ms"), (1.7955e12, "ms")],
)
def test_seconds_and_milliseconds_since_1970_are_an_instant(number: float, unit: Any) -> None:
    assert parse_epoch(number, unit) == datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert parse_epoch(number, unit).tzinfo is UTC


@pytest.mark.parametrize("number", [1_795_500_000_000, 0, -1, 10**400, math.nan, math.inf, True, "1795500000", None])
def test_what_no_vendor_means_by_seconds_is_malformed(number: Any) -> None:
    with pytest.raises(TimeProblem, match="malformed"):
        parse_epoch(number)


@pytest.mark.parametrize("number", [1_795_500_000, 0, 10**400, "1795500000000", False])
def test_what_no_vendor_means_by_milliseconds_is_malformed(number: Any) -> None:
    with pytest.raises(TimeProblem, match="malformed"):
        parse_epoch(number, "ms")
