"""The arithmetic of open times, alone: by examples, and against an oracle that looks at every minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobling.localtime import day_bounds, local
from kobling_easypractice.opentimes import BookingRules, CalendarDay, ClockSpan, open_starts

OSLO = "Europe/Oslo"
TUESDAY = date(2026, 12, 1)
AUTUMN, SPRING = date(2026, 10, 25), date(2027, 3, 28)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def told(calendar: CalendarDay, minutes: int = 30, **rules: object) -> str:
    found = open_starts(calendar, BookingRules(**{"interval": 30, "now": LONG_AGO, **rules}), minutes, OSLO)  # type: ignore[arg-type]
    return " ".join(local(start, OSLO).strftime("%H:%M") for start in found)


def at(clock: str, day: date = TUESDAY) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}:00+01:00").astimezone(UTC)


def hours(begins: int, ends: int, **more: object) -> CalendarDay:
    return CalendarDay(**{"day": TUESDAY, "hours": ClockSpan(begins, ends), **more})  # type: ignore[arg-type]


def test_the_grid_begins_at_the_opening_time() -> None:
    assert told(hours(9 * 60 + 15, 12 * 60 + 15), 60, interval=60) == "09:15 10:15 11:15"


def test_a_service_must_fit_whole_before_closing() -> None:
    assert told(hours(540, 660), 45) == "09:00 09:30 10:00"


def test_periods_are_half_open() -> None:
    lunch = (ClockSpan(570, 600),)
    assert told(hours(540, 660, pauses=lunch)) == "09:00 10:00 10:30"
    assert told(hours(540, 660, busy=((at("09:30"), at("10:00")),))) == "09:00 10:00 10:30"


def test_a_booking_that_is_off_the_grid_takes_every_start_that_it_touches() -> None:
    assert told(hours(540, 660, busy=((at("09:29"), at("10:01")),))) == "10:30"


def test_a_closed_day_and_a_full_day_have_none() -> None:
    assert told(CalendarDay(TUESDAY, None)) == ""
    assert told(hours(540, 660, booked=2), daily_limit=2) == ""
    assert told(hours(540, 660, booked=1), daily_limit=2) == "09:00 09:30 10:00 10:30"


def test_the_lead_time_ends_with_the_minute() -> None:
    assert told(hours(540, 660), now=at("09:00"), lead_time=timedelta(hours=1)) == "10:00 10:30"
    assert told(hours(540, 660), now=at("09:00")) == "09:30 10:00 10:30"


def test_starts_of_the_repeated_hour_come_twice_and_of_the_missing_hour_never() -> None:
    night = CalendarDay(AUTUMN, ClockSpan(90, 210))
    assert told(night) == "01:30 02:00 02:30 02:00 02:30 03:00"
    assert told(CalendarDay(SPRING, ClockSpan(90, 210))) == "01:30 03:00"


def test_a_duration_is_absolute_time() -> None:
    assert told(CalendarDay(AUTUMN, ClockSpan(90, 180)), 90) == "01:30 02:00 02:30"
    assert told(CalendarDay(SPRING, ClockSpan(90, 210)), 60) == "01:30"


# ---- against every minute


def oracle(calendar: CalendarDay, rules: BookingRules, minutes: int) -> list[datetime]:
    """Look at each minute of the day, and at each minute that a booking from then on would take."""
    if calendar.hours is None or (rules.daily_limit is not None and calendar.booked >= rules.daily_limit):
        return []
    hours = calendar.hours

    def shown(minute: datetime) -> int:
        wall = local(minute, OSLO)
        return wall.hour * 60 + wall.minute

    def can_work(minute: datetime) -> bool:
        return (
            local(minute, OSLO).date() == calendar.day
            and hours.begins <= shown(minute) < hours.ends
            and not any(pause.begins <= shown(minute) < pause.ends for pause in calendar.pauses)
            and not any(first < minute + MINUTE and minute < last for first, last in calendar.busy)
        )

    found = []
    minute, end = day_bounds(calendar.day, calendar.day, OSLO)
    while minute < end:
        on_grid = shown(minute) >= hours.begins and (shown(minute) - hours.begins) % rules.interval == 0
        in_time = minute > rules.now and minute - rules.now >= rules.lead_time
        if on_grid and in_time and all(can_work(minute + n * MINUTE) for n in range(minutes)):
            found.append(minute)
        minute += MINUTE
    return found


@st.composite
def calendars(draw: st.DrawFn) -> CalendarDay:
    day = draw(st.sampled_from([AUTUMN, SPRING, TUESDAY]) | st.dates(date(2026, 10, 1), date(2027, 4, 30)))
    begin, end = day_bounds(day, day, OSLO)
    length = int((end - begin) / MINUTE)

    def spans(most: int) -> st.SearchStrategy[list[tuple[int, int]]]:
        return st.lists(st.tuples(st.integers(-90, length), st.integers(1, 180)), max_size=most)

    opens = draw(st.integers(0, 1439))
    closes = draw(st.integers(opens, 1440) | st.just(1440))
    pauses = [ClockSpan(max(0, a), min(1440, max(0, a) + b)) for a, b in draw(spans(3)) if a < 1440]
    busy = [(begin + a * MINUTE, begin + (a + b) * MINUTE) for a, b in draw(spans(6))]
    is_open = draw(st.integers(0, 9)) > 0
    return CalendarDay(day, ClockSpan(opens, closes) if is_open else None, tuple(pauses), tuple(busy),
                       draw(st.integers(0, 3)))  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    calendar=calendars(),
    interval=st.sampled_from([5, 15, 20, 30, 45, 60, 75, 97]),
    minutes=st.sampled_from([5, 20, 30, 45, 60, 90, 240]),
    late=st.integers(-2000, 1600),
    lead=st.integers(0, 48),
    limit=st.none() | st.integers(0, 3),
)
def test_every_start_is_open_minute_by_minute_and_no_other_is(
    calendar: CalendarDay, interval: int, minutes: int, late: int, lead: int, limit: int | None
) -> None:
    now = day_bounds(calendar.day, calendar.day, OSLO)[0] + late * MINUTE
    rules = BookingRules(interval, now, timedelta(hours=lead), limit)
    assert open_starts(calendar, rules, minutes, OSLO) == oracle(calendar, rules, minutes)


@pytest.mark.parametrize("night", [AUTUMN, SPRING])
@pytest.mark.parametrize("interval", [15, 20, 30, 45])
def test_the_two_nights_minute_by_minute(night: date, interval: int) -> None:
    calendar = CalendarDay(night, ClockSpan(0, 1440), (ClockSpan(125, 140),))
    rules = BookingRules(interval, LONG_AGO)
    assert open_starts(calendar, rules, 30, OSLO) == oracle(calendar, rules, 30)
