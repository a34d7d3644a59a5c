"""When a clinic is open by the clock on its wall, on ordinary days and on the nights of a change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.localtime import TimeProblem, day_bounds, local, wall_spans

OSLO = "Europe/Oslo"
AUTUMN, SPRING = date(2026, 10, 25), date(2027, 3, 28)


def told(day: date, begin: int, end: int) -> list[str]:
    return [f"{first:%H:%M}-{last:%H:%M}" for first, last in wall_spans(day, begin, end, OSLO)]


def test_an_ordinary_day_has_one_span() -> None:
    assert told(date(2026, 12, 1), 9 * 60, 16 * 60) == ["08:00-15:00"]
    assert told(date(2026, 12, 1), 0, 1440) == ["23:00-23:00"]
    assert told(date(2026, 12, 1), 600, 600) == []


def test_what_lies_in_the_repeated_hour_comes_twice() -> None:
    assert told(AUTUMN, 130, 150) == ["00:10-00:30", "01:10-01:30"]
    assert told(AUTUMN, 60, 180) == ["23:00-02:00"]


def test_what_lies_in_the_missing_hour_never_comes() -> None:
    assert told(SPRING, 130, 150) == []
    assert told(SPRING, 90, 210) == ["00:30-01:30"]


def test_a_moment_is_no_day() -> None:
    with pytest.raises(TimeProblem):
        wall_spans(datetime(2026, 12, 1, tzinfo=UTC), 0, 60, OSLO)


ZONES = st.sampled_from([OSLO, "America/Santiago", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata"])


@given(
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)) | st.sampled_from([AUTUMN, SPRING]),
    begin=st.integers(0, 1440),
    length=st.integers(0, 1440),
    zone=ZONES,
)
def test_every_minute_is_in_a_span_when_the_clock_shows_it(day: date, begin: int, length: int, zone: str) -> None:
    end = min(1440, begin + length)
    spans = wall_spans(day, begin, end, zone)
    assert spans == sorted(spans)
    minute, last = day_bounds(day, day, zone)
    while minute < last:
        wall = local(minute, zone)
        assert any(first <= minute < until for first, until in spans) == (begin <= wall.hour * 60 + wall.minute < end)
        minute += timedelta(minutes=1)
