"""Which level's restriction wins: the documented table, row by row, and the inferred rows named as such."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from small_clinic import MONDAY, TUESDAY, SmallClinic

from kobling_mocks.clinic import (
    AppointmentType,
    EffectiveRestrictions,
    PatientDetails,
    Restrictions,
    Rule,
    SlotNotOffered,
    Timebook,
    TooManyBookings,
    effective,
)

BOOK = Timebook("t", "", "", "person", "")
KIND = AppointmentType("k", "", 30)
NEAREST = ["days_ahead", "booking_deadline_hours", "cancel_deadline_hours", "cancel_allowed", "first_free_slot_only"]


def combine(clinic: Restrictions, timebook: Restrictions, kind: Restrictions) -> EffectiveRestrictions:
    return effective(clinic, replace(BOOK, restrictions=timebook), replace(KIND, restrictions=kind))


@pytest.mark.parametrize("setting", NEAREST)
@pytest.mark.parametrize(
    ("clinic", "timebook", "kind", "winner"),
    [
        (1, 2, 3, 3),
        (3, 2, 1, 1),
        (1, 2, None, 2),
        (3, 2, None, 2),
        (1, None, 3, 3),
        (1, None, None, 1),  # inferred: the vendor's page stops at the timebook
        (None, 2, None, 2),
        (None, None, 3, 3),
    ],
)
def test_the_types_own_setting_wins_then_the_timebooks_then_the_clinics(
    setting: str, clinic: int | None, timebook: int | None, kind: int | None, winner: int
) -> None:
    levels = [Restrictions(**{setting: value}) for value in (clinic, timebook, kind)]  # type: ignore[arg-type]
    assert getattr(combine(*levels), setting) == winner


@pytest.mark.parametrize("setting", ["cancel_allowed", "first_free_slot_only"])
def test_a_no_at_the_type_is_a_setting_and_beats_a_yes_at_the_timebook(setting: str) -> None:
    no, yes = Restrictions(**{setting: False}), Restrictions(**{setting: True})
    assert getattr(combine(yes, yes, no), setting) is False


def test_a_deadline_of_zero_hours_at_the_type_is_a_setting_of_its_own() -> None:
    longer = Restrictions(booking_deadline_hours=24)
    assert combine(longer, longer, Restrictions(booking_deadline_hours=0)).booking_deadline_hours == 0


@pytest.mark.parametrize(
    ("clinic", "timebook", "kind", "lowest"),
    [(1, 2, 3, 1), (3, 2, 1, 1), (3, 1, 2, 1), (None, 2, 3, 2), (None, None, 3, 3), (None, None, None, None)],
)
def test_the_lowest_number_of_bookings_wins_whatever_its_level(
    clinic: int | None, timebook: int | None, kind: int | None, lowest: int | None
) -> None:
    levels = [Restrictions(max_bookings=value) for value in (clinic, timebook, kind)]
    assert combine(*levels).max_bookings == lowest


@pytest.mark.parametrize("clinic", [True, False])
@pytest.mark.parametrize("timebook", [True, False])
@pytest.mark.parametrize("kind", [True, False])
def test_only_what_is_online_at_every_level_is_online(clinic: bool, timebook: bool, kind: bool) -> None:
    found = effective(Restrictions(), replace(BOOK, online=timebook), replace(KIND, online=kind), clinic_online=clinic)
    assert found.online == (clinic and timebook and kind)
    assert (found.offline_at is None) == found.online


def test_an_offline_timebook_hides_an_online_type(small: SmallClinic) -> None:
    assert small.walls()
    small.clinic.put_timebook(replace(small.timebook, online=False))
    assert small.walls() == []
    with pytest.raises(SlotNotOffered) as refused:
        small.clinic.book(small.order())
    assert refused.value.reasons == ("calendar_offline",)


def test_every_setting_stands_in_a_tested_row() -> None:
    assert {each.name for each in fields(Restrictions)} == {*NEAREST, "max_bookings"}


def test_a_booking_deadline_hides_times_that_are_too_near_and_keeps_the_one_exactly_at_it(small: SmallClinic) -> None:
    small.restrict(kind=Restrictions(booking_deadline_hours=2))
    assert small.walls(MONDAY, MONDAY) == ["10:00", "10:30", "11:00"]
    small.clinic.clock.advance(1)
    assert small.walls(MONDAY, MONDAY) == ["10:30", "11:00"]


def test_days_ahead_counts_local_days_from_today(small: SmallClinic) -> None:
    small.restrict(kind=Restrictions(days_ahead=1))
    days = {slot.day for slot in small.slots(MONDAY, MONDAY + timedelta(days=13))}
    assert days == {MONDAY, TUESDAY}


def test_today_is_the_local_day_also_when_it_is_still_yesterday_in_utc(small: SmallClinic) -> None:
    small.restrict(kind=Restrictions(days_ahead=0))
    small.clinic.clock.set(small.at(0, 30))
    assert {slot.day for slot in small.slots(MONDAY, MONDAY + timedelta(days=13))} == {TUESDAY}


def test_the_first_free_time_of_a_day_is_the_only_one_shown_and_moves_on_after_a_booking(small: SmallClinic) -> None:
    small.restrict(kind=Restrictions(first_free_slot_only=True))
    assert small.walls(MONDAY, TUESDAY) == ["09:00", "09:00"]
    small.clinic.book(small.order(9))
    assert small.walls() == ["09:30"]


def test_a_patient_with_the_allowed_number_of_bookings_is_refused_and_others_are_not(small: SmallClinic) -> None:
    small.restrict(clinic=Restrictions(max_bookings=5), timebook=Restrictions(max_bookings=1))
    first = small.clinic.book(small.order(9))
    with pytest.raises(TooManyBookings) as refused:
        small.clinic.book(small.order(10))
    assert refused.value.limit == 1
    other = small.clinic.put_patient(PatientDetails(email="ola@example.test"))
    assert small.clinic.book(small.order(10, patient_id=other.id)).live
    small.clinic.cancel(first.id)
    assert small.clinic.book(small.order(11)).live


def test_a_limit_of_one_type_does_not_count_bookings_of_another_inferred(small: SmallClinic) -> None:
    other = AppointmentType("annen", "Annen", 30, rules=(Rule("kari"),))
    small.clinic.put_type(other)
    start = small.at(14)
    small.clinic.staff_book(small.order(start=start, type_id="annen", source="other"))
    small.restrict(kind=Restrictions(max_bookings=1))
    assert small.clinic.book(small.order(9)).live


def test_bookings_made_by_staff_do_not_use_up_the_patients_own_number(small: SmallClinic) -> None:
    small.restrict(clinic=Restrictions(max_bookings=1))
    small.clinic.staff_book(small.order(14))
    assert small.clinic.book(small.order(9)).live
