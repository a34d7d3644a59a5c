"""A clinic that plans no slots: opening hours, pauses, an interval, linked timebooks, a limit to a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from small_clinic import MONDAY, TUESDAY, SmallClinic

from kobling_mocks.clinic import (
    BookingOrder,
    DayHours,
    OpeningHours,
    PatientDetails,
    Timebook,
    WeeklyPause,
    clock_spans,
    demo_clinic,
    demo_id,
    hours_of_plan,
)

OSLO = ZoneInfo("Europe/Oslo")


def starts(small: SmallClinic, day: date = TUESDAY) -> list[str]:
    return [f"{slot.wall:%H:%M}" for slot in small.clinic.open_slots([small.book], None, day, day)]


def keep(small: SmallClinic, opens: int, closes: int, every: int, *pauses: WeeklyPause) -> None:
    days = tuple(DayHours(weekday, opens, closes) for weekday in range(7))
    small.clinic.keep_hours(small.book, OpeningHours(days, every, pauses))


def test_the_grid_is_anchored_at_the_opening_time(small: SmallClinic) -> None:
    keep(small, 9 * 60 + 15, 12 * 60, 60)
    assert starts(small) == ["09:15", "10:15", "11:15"]


def test_a_type_must_fit_before_closing_and_beside_pauses(small: SmallClinic) -> None:
    keep(small, 540, 660, 30, WeeklyPause(1, 570, 600))
    length = small.clinic.types[0].minutes
    assert length == 30
    assert starts(small) == ["09:00", "10:00", "10:30"]
    assert starts(small, MONDAY + timedelta(days=9)) == ["09:00", "09:30", "10:00", "10:30"]


def test_hours_go_on_in_every_week(small: SmallClinic) -> None:
    keep(small, 540, 600, 30)
    assert starts(small, TUESDAY + timedelta(weeks=50)) == ["09:00", "09:30"]


def test_a_weekday_without_hours_is_closed(small: SmallClinic) -> None:
    small.clinic.keep_hours(small.book, OpeningHours((DayHours(0, 540, 600),), 30))
    assert starts(small) == []


def test_a_booking_in_a_linked_timebook_takes_the_time(small: SmallClinic) -> None:
    keep(small, 540, 660, 30)
    clinic, own = small.clinic, small.clinic.timebooks[0]
    clinic.put_timebook(Timebook("room", "Rom 1", "Rom 1", "clinic", "Rom 1"))
    clinic.put_timebook(replace(own, blocked_by=("room",)))
    order = BookingOrder("room", small.kind, small.at(9, 45), PatientDetails(email="a@example.test"), source="staff")
    clinic.staff_book(order)
    assert starts(small) == ["09:00", "10:30"]
    reasons = clinic.hidden_reasons(own.id, small.kind, TUESDAY, TUESDAY)
    assert [(one.code, one.slots) for one in reasons] == [("linked_timebook", 2)]


def test_a_full_day_shows_no_more(small: SmallClinic) -> None:
    keep(small, 540, 660, 30)
    small.clinic.put_timebook(replace(small.clinic.timebooks[0], daily_limit=1))
    assert len(starts(small)) == 4
    small.clinic.book(BookingOrder(small.book, small.kind, small.at(9), PatientDetails(email="a@example.test")))
    assert starts(small) == []
    assert len(starts(small, TUESDAY + timedelta(days=1))) == 4


def test_a_system_that_takes_any_time_looks_at_other_appointments_only(small: SmallClinic) -> None:
    order = BookingOrder(small.book, small.kind, small.at(6, 7), PatientDetails(email="a@example.test"), minutes=11)
    made = small.clinic.book(order)
    assert made.end - made.start == timedelta(minutes=11)


def test_a_new_booking_is_told_to_the_main_account_only_when_staff_did_not_make_it(small: SmallClinic) -> None:
    small.clinic.behave(tells_account=True)
    made = small.clinic.book(BookingOrder(small.book, small.kind, small.at(9), PatientDetails(email="a@example.test")))
    staff = BookingOrder(small.book, small.kind, small.at(10), PatientDetails(email="b@example.test"))
    small.clinic.staff_book(staff)
    told = [one for one in small.clinic.messages if one.kind == "new_booking"]
    assert [(one.appointment_id, one.patient_id) for one in told] == [(made.id, "")]


def test_hours_come_close_to_a_work_plan() -> None:
    clinic = demo_clinic()
    plan = [slot for slot in clinic.plan if slot.timebook_id == demo_id("timebook", "kari")]
    hours = hours_of_plan(tuple(plan), OSLO, 30)
    assert hours.on(0) == DayHours(0, 9 * 60, 16 * 60)
    assert hours.on(1) == DayHours(1, 9 * 60, 17 * 60 + 30)
    assert hours.on(5) is None


def test_the_clock_on_the_wall_decides_when_it_is_open() -> None:
    autumn, spring = date(2026, 10, 25), date(2027, 3, 28)
    assert [len(clock_spans(day, 130, 150, OSLO)) for day in (autumn, spring, date(2026, 12, 1))] == [2, 0, 1]
    first, last = clock_spans(autumn, 0, 1440, OSLO)[0]
    assert (first, last - first) == (datetime(2026, 10, 24, 22, tzinfo=UTC), timedelta(hours=25))
