"""Week templates, work plans, and the two nights on which the clocks change in Oslo."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from small_clinic import MONDAY, OSLO, TUESDAY, SmallClinic

from kobling_mocks.clinic import (
    BookingOrder,
    Clock,
    PatientDetails,
    RepeatedHour,
    SlotNotOffered,
    TemplateRow,
    WeekTemplate,
    check_invariants,
    demo_clinic,
    moments,
    monday_of,
)

SPRING = date(2027, 3, 28)
AUTUMN = date(2026, 10, 25)


def utc(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "at", "choice", "expected"),
    [
        (SPRING, time(1, 30), "first", [utc(SPRING, 0, 30)]),
        (SPRING, time(2, 0), "both", []),
        (SPRING, time(2, 30), "first", []),
        (SPRING, time(2, 59), "second", []),
        (SPRING, time(3, 0), "first", [utc(SPRING, 1, 0)]),
        (AUTUMN, time(1, 59), "both", [utc(AUTUMN - timedelta(days=1), 23, 59)]),
        (AUTUMN, time(2, 30), "first", [utc(AUTUMN, 0, 30)]),
        (AUTUMN, time(2, 30), "second", [utc(AUTUMN, 1, 30)]),
        (AUTUMN, time(2, 30), "both", [utc(AUTUMN, 0, 30), utc(AUTUMN, 1, 30)]),
        (AUTUMN, time(3, 0), "both", [utc(AUTUMN, 2, 0)]),
    ],
)
def test_a_wall_clock_time_is_none_one_or_two_moments(
    day: date, at: time, choice: RepeatedHour, expected: list[datetime]
) -> None:
    assert list(moments(day, at, OSLO, choice)) == expected


def test_a_zone_without_summer_time_has_every_time_once() -> None:
    assert moments(SPRING, time(2, 30), ZoneInfo("UTC"), "both") == (utc(SPRING, 2, 30),)


def planned_at_night(small: SmallClinic, night: date, choice: RepeatedHour) -> list[tuple[str, int, datetime]]:
    """Lay a Sunday of 01:30, 02:30 and 03:30 on the week of the night: (wall, fold, start) of what online shows."""
    small.clinic.clock.set(datetime.combine(night - timedelta(days=1), time(12), tzinfo=UTC))
    rows = tuple(TemplateRow(6, time(hour, 30), small.kind, choice) for hour in (1, 2, 3))
    small.clinic.put_template(WeekTemplate("natt", "Natt", rows))
    small.clinic.lay_plan(small.book, "natt", monday_of(night), 1)
    return [(slot.wall.strftime("%H:%M"), slot.fold, slot.start) for slot in small.slots(night, night)]


def test_in_spring_half_past_two_is_planned_and_does_not_exist(small: SmallClinic) -> None:
    assert planned_at_night(small, SPRING, "both") == [
        ("01:30", 0, utc(SPRING, 0, 30)),
        ("03:30", 0, utc(SPRING, 1, 30)),
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("first", [("02:30", 0, utc(AUTUMN, 0, 30))]),
        ("second", [("02:30", 1, utc(AUTUMN, 1, 30))]),
        ("both", [("02:30", 0, utc(AUTUMN, 0, 30)), ("02:30", 1, utc(AUTUMN, 1, 30))]),
    ],
)
def test_in_autumn_half_past_two_is_there_as_often_as_the_template_says(
    small: SmallClinic, choice: RepeatedHour, expected: list[tuple[str, int, datetime]]
) -> None:
    shown = planned_at_night(small, AUTUMN, choice)
    assert [row for row in shown if row[0] == "02:30"] == expected


def test_both_occurrences_of_a_repeated_time_can_be_booked_by_different_people(small: SmallClinic) -> None:
    planned_at_night(small, AUTUMN, "both")
    for hour, person in ((0, "en@example.test"), (1, "to@example.test")):
        order = BookingOrder(small.book, small.kind, utc(AUTUMN, hour, 30), PatientDetails(email=person))
        small.clinic.book(order)
    assert small.walls(AUTUMN, AUTUMN) == ["01:30", "03:30"]


@pytest.mark.parametrize("night", [SPRING, AUTUMN])
def test_a_duration_over_the_change_is_absolute_time(small: SmallClinic, night: date) -> None:
    small.clinic.put_type(replace(small.type, minutes=120))
    planned_at_night(small, night, "first")
    slot = small.slots(night, night)[0]
    assert slot.end - slot.start == timedelta(hours=2)
    walls = slot.end.astimezone(OSLO).strftime("%H:%M")
    assert walls == ("04:30" if night == SPRING else "02:30")


def test_windows_are_local_days_so_the_long_night_holds_25_hours(small: SmallClinic) -> None:
    rows = tuple(TemplateRow(6, time(hour), small.kind, "both") for hour in range(24))
    small.clinic.clock.set(utc(AUTUMN - timedelta(days=3), 12))
    small.clinic.put_template(WeekTemplate("døgn", "Døgn", rows))
    small.clinic.lay_plan(small.book, "døgn", monday_of(AUTUMN), 1)
    assert len(small.slots(AUTUMN, AUTUMN)) == 25


def test_slots_exist_only_where_the_plan_was_laid(small: SmallClinic) -> None:
    assert small.slots(MONDAY + timedelta(days=13), MONDAY + timedelta(days=60)) == ()
    later = MONDAY + timedelta(days=14)
    reasons = small.clinic.hidden_reasons(small.book, small.kind, later, later)
    assert [reason.code for reason in reasons] == ["no_planned_slots"]


def test_a_new_duration_shows_only_when_the_plan_is_laid_again(small: SmallClinic) -> None:
    small.clinic.put_type(replace(small.type, minutes=20))
    assert {slot.end - slot.start for slot in small.slots()} == {timedelta(minutes=30)}
    small.clinic.lay_plan(small.book, "uke", MONDAY, 2)
    assert {slot.end - slot.start for slot in small.slots()} == {timedelta(minutes=20)}


def test_editing_the_plan_drops_free_times_and_never_an_appointment(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order(9))
    small.clinic.clear_plan(small.book, TUESDAY, TUESDAY)
    assert small.slots() == ()
    assert small.now(booked) == booked
    small.clinic.lay_plan(small.book, "uke", MONDAY, 1)
    assert small.walls() == ["09:30", "10:00", "10:30", "11:00"]


@pytest.mark.parametrize("whole_clinic", [True, False])
def test_a_closed_day_has_no_times_until_it_is_opened_again(small: SmallClinic, whole_clinic: bool) -> None:
    reach = None if whole_clinic else small.book
    before = small.walls()
    small.clinic.close_day(TUESDAY, reach)
    assert small.walls() == []
    with pytest.raises(SlotNotOffered):
        small.clinic.book(small.order())
    small.clinic.reopen_day(TUESDAY, reach)
    assert small.walls() == before


def test_an_event_hides_what_it_overlaps_and_nothing_that_only_touches_it(small: SmallClinic) -> None:
    event = small.clinic.block(small.book, small.at(9, 30), small.at(10), "Møte")
    assert small.walls() == ["09:00", "10:00", "10:30", "11:00"]
    with pytest.raises(SlotNotOffered) as refused:
        small.clinic.book(small.order(9, 30))
    assert refused.value.reasons == ("blocked_by_event",)
    small.clinic.unblock(event.id)
    assert "09:30" in small.walls()


def test_a_plan_starts_on_a_monday_or_says_which_day_is_one(small: SmallClinic) -> None:
    with pytest.raises(ValueError, match="2026-11-23"):
        small.clinic.lay_plan(small.book, "uke", TUESDAY, 1)


@pytest.mark.parametrize("night", [AUTUMN, SPRING])
def test_the_demo_clinic_is_planned_over_the_change_with_office_hours_unmoved(night: date) -> None:
    clinic = demo_clinic(Clock(datetime.combine(night - timedelta(days=7), time(7), tzinfo=UTC)))
    slots = clinic.open_slots(None, None, night - timedelta(days=2), night + timedelta(days=2))
    assert {slot.day for slot in slots} >= {night - timedelta(days=2), night + timedelta(days=1)}
    assert min(slot.wall.hour for slot in slots) == 9
    assert len({slot.start.hour for slot in slots if slot.wall.hour == 9}) == 2
    assert check_invariants(clinic) == []
