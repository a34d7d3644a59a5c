"""What the adapter says is open, against what the clinic itself says: with its options, and without each of them.

`KOBLING_CLINICS` is how many random clinics are tried; the whole claim is about 500.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from easypractice_worlds import OSLO, World, lively_mock, world

from kobling import SlotQuery
from kobling_easypractice import ClinicSettings
from kobling_mocks.clinic import (
    BookingOrder,
    Clinic,
    DayHours,
    OpeningHours,
    PatientDetails,
    Restrictions,
    Rule,
    WeeklyPause,
    demo_id,
    synthetic_clinic,
)
from kobling_mocks.mock import Mock

CLINICS = int(os.environ.get("KOBLING_CLINICS", "12"))
KARI, JOVNNA, FOLLOW_UP = demo_id("timebook", "kari"), demo_id("timebook", "jovnna"), demo_id("type", "oppfolging")


@pytest.mark.parametrize("seed", range(CLINICS))
def test_open_times_equal_the_clinics_own(seed: int) -> None:
    place = world(lively_mock(seed))
    first = place.clock.now().astimezone(OSLO).date()
    found, expected = place.found(first, 9), place.expected(first, 9)
    assert found == expected


def test_the_random_clinics_have_what_they_are_to_try() -> None:
    """Open times, full days, links, pauses and the nights of a change do occur."""
    mocks = [lively_mock(seed) for seed in range(6)]
    books = [book for mock in mocks for book in mock.world.clinic.timebooks]
    assert any(book.blocked_by for book in books)
    assert any(book.daily_limit is not None for book in books)
    assert any(mock.world.clinic.closed_days for mock in mocks)
    assert {mock.world.clock.now().month for mock in mocks} == {10, 11, 3}
    assert sum(bool(world(mock).expected(mock.world.clock.now().date(), 9)) for mock in mocks) >= 4


@pytest.mark.parametrize("spelling", ["long", "short", "from_to"])
@pytest.mark.parametrize(("weekday", "midnight"), [("number", "24:00"), ("name", "00:00"), ("number", "23:59")])
def test_pauses_and_midnight_are_read_in_every_spelling(spelling: str, weekday: str, midnight: str) -> None:
    mock = Mock("easypractice")
    days = tuple(DayHours(number, 0, 1440) for number in range(7))
    pauses = (WeeklyPause(6, 600, 660), WeeklyPause(0, 1380, 1440))
    mock.world.clinic.keep_hours(KARI, OpeningHours(days, 30, pauses))
    mock.world.clinic.close_day(date(2026, 11, 27))
    mock.world.switches.set(pause_fields=spelling, weekday_form=weekday, midnight=midnight)
    place = world(mock)
    assert place.found(date(2026, 11, 23), 14) == place.expected(date(2026, 11, 23), 14)


# ---- each option, left at its default


def hourly(clinic: Clinic) -> None:
    hours = clinic.hours(KARI)
    assert hours is not None
    clinic.keep_hours(KARI, replace(hours, every_minutes=45))


def a_day_ahead(clinic: Clinic) -> None:
    clinic.set_restrictions(Restrictions(booking_deadline_hours=24))


def booked(clinic: Clinic, timebook: str) -> None:
    start = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
    clinic.staff_book(BookingOrder(timebook, FOLLOW_UP, start, PatientDetails(email="a@example.test"), source="staff"))


def a_full_day(clinic: Clinic) -> None:
    kari = clinic.timebook(KARI)
    assert kari is not None
    clinic.put_timebook(replace(kari, daily_limit=1))
    booked(clinic, KARI)


def a_shared_room(clinic: Clinic) -> None:
    kari = clinic.timebook(KARI)
    assert kari is not None
    clinic.put_timebook(replace(kari, blocked_by=(JOVNNA,)))
    booked(clinic, JOVNNA)


def as_it_is(_: Clinic) -> None:
    """Åse's calendar is not open, and not everybody offers everything."""


LEFT_OUT: list[tuple[str, Callable[[Clinic], None], str]] = [
    ("intervals", hourly, "invented"),
    ("intervals", hourly, "missing"),
    ("lead_time_hours", a_day_ahead, "invented"),
    ("daily_limits", a_full_day, "invented"),
    ("linked_calendars", a_shared_room, "invented"),
    ("open_calendars", as_it_is, "invented"),
    ("services", as_it_is, "invented"),
]


@pytest.mark.parametrize(("option", "arrange", "goes_wrong"), LEFT_OUT)
def test_an_option_left_at_its_default_shows_wrong_times_and_is_named_by_the_test(
    option: str, arrange: Callable[[Clinic], None], goes_wrong: str
) -> None:
    mock = Mock("easypractice")
    arrange(mock.world.clinic)
    told = mock.options
    right, wrong = world(mock), world(mock, options={name: value for name, value in told.items() if name != option})
    first, days = date(2026, 11, 23), 7
    expected = right.expected(first, days)
    assert right.found(first, days) == expected
    found = wrong.found(first, days)
    assert bool(found - expected if goes_wrong == "invented" else expected - found)
    assert guessed(right) == set()
    assert guessed(wrong) == {option}


def guessed(place: World) -> set[str]:
    report = place.session.test_connection()
    return {one.subject for one in report.findings if one.code == "option_is_a_guess"}


def test_nobody_can_be_booked_in_the_owners_calendar_until_it_is_said_to_be_a_persons() -> None:
    mock = Mock("easypractice")
    group = demo_id("timebook", "gruppe")
    told = mock.options
    own = world(mock, options={**told, "person_calendars": (mock.dialect.ids.wire(mock.world.clinic, group),)})
    query = SlotQuery(first_day=date(2026, 11, 24), last_day=date(2026, 11, 24), practitioner_ids=(own.wire(group),))
    assert own.session.slots(query).found
    assert not world(mock).session.slots(query).found
    assert world(mock).session.explain(own.wire(group)).findings[0].code == "not_person_owned"


def test_every_option_is_named_while_nobody_has_said_anything() -> None:
    assert guessed(world(options={})) == set(ClinicSettings.model_fields)


# ---- the vendor's limit on calls


def test_four_weeks_of_twelve_calendars_fit_into_one_minute_of_calls(capsys: pytest.CaptureFixture[str]) -> None:
    mock = Mock("easypractice", synthetic_clinic(4, timebooks=12))
    clinic = mock.world.clinic
    for book in clinic.timebooks:
        clinic.put_timebook(replace(book, owner_kind="person", online=True))
        clinic.keep_hours(book.id, OpeningHours(tuple(DayHours(day, 540, 960) for day in range(5)), 30))
    rules = tuple(Rule(book.id) for book in clinic.timebooks)
    clinic.put_type(replace(clinic.types[0], rules=rules, online=True, kind="ordinary"))
    place = world(mock)
    assert len({who for who, _, _ in place.expected(date(2026, 11, 23), 28)}) == 12
    window = SlotQuery(first_day=date(2026, 11, 23), last_day=date(2026, 12, 20))
    counts = []
    for _ in range(2):
        before = len(mock.world.journal)
        assert place.session.slots(window).complete
        counts.append(len(mock.world.journal) - before)
    with capsys.disabled():
        print(f"\n28 days of 12 calendars: {counts[0]} calls, and {counts[1]} more for a second search")
    assert all(call.status == 200 for call in mock.world.journal.calls)
    assert sum(counts) <= 54
    assert counts[1] <= 13
