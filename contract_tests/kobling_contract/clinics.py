"""The clinics that rules run in. Everybody in them is invented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from kobling_mocks import Dialect
from kobling_mocks.clinic import (
    BookingOrder,
    Clinic,
    Clock,
    DayHours,
    OpeningHours,
    PatientDetails,
    WeeklyPause,
    WeekTemplate,
    demo_clinic,
    demo_id,
    grid,
    monday_of,
    synthetic_clinic,
    synthetic_id,
)

__all__ = ["AUTUMN_NIGHT", "CLINICS", "CROWDED", "ClinicName", "SPRING_NIGHT", "open_clinic"]

AUTUMN_NIGHT = date(2026, 10, 25)
"""03:00 becomes 02:00 in Oslo: 02:00 to 03:00 happens twice."""
SPRING_NIGHT = date(2027, 3, 28)
"""02:00 becomes 03:00 in Oslo: 02:00 to 03:00 does not happen."""

CROWDED = date(2026, 11, 30)
"""The Monday of the week in which the crowded clinic is booked."""

ClinicName = Literal[
    "demo",
    "few",
    "faroe",
    "many_weeks",
    "leap",
    "particular",
    "random",
    "round_the_clock",
    "autumn",
    "spring",
    "crowded",
    "large",
]


def _round_the_clock(now: datetime, night: date | None = None) -> Clinic:
    """The demonstration clinic, its two practitioners working at all hours of one week: `night`'s, or the clock's. From
    Monday 23:30 to Tuesday 00:30 Kari is taken.

    Of the repeated hour Kari works both halves; Jovnna's 02:00 is in the first and his 02:30 in the second, so
    that on a wall clock nobody can know which is meant. He has two types at each time, so that a wall time stands
    twice in his timebook and is one time of each. In the week of the spring night he is open from 02:00 to 03:00
    only, so that a time of the missing hour can hide behind no other."""
    clinic = demo_clinic(Clock(now), weeks=2)
    week = monday_of(night or now.date())
    type_ids = [demo_id("type", "oppfolging")]
    two_ids = [*type_ids, demo_id("type", "helfo")]
    both = grid(range(7), time(0), time(23, 30), 30, type_ids, "both")
    once = grid(range(7), time(0), time(2), 30, two_ids) + grid(
        range(7), time(2, 30), time(23, 30), 30, two_ids, "second"
    )
    for who, rows in (("kari", both), ("jovnna", once)):
        template = WeekTemplate(synthetic_id("round-the-clock", "template", who), "Døgnet rundt", rows)
        clinic.put_template(template)
        clinic.lay_plan(demo_id("timebook", who), template.id, week, 1)
    evening = datetime.combine(week, time(23, 30), ZoneInfo(clinic.zone))
    somebody = PatientDetails("Vaken Prøvesen", date(1970, 1, 2), "+4790000006", "vaken@example.test")
    clinic.staff_book(
        BookingOrder(demo_id("timebook", "kari"), demo_id("type", "forste"), evening, somebody, source="staff")
    )
    if night == SPRING_NIGHT:
        hours = OpeningHours(tuple(DayHours(weekday, 2 * 60, 3 * 60) for weekday in range(7)), 30)
        clinic.keep_hours(demo_id("timebook", "jovnna"), hours)
    return clinic


def _particular() -> Clinic:
    """The demonstration clinic with all that a clinic may set up for its online booking: Kari's hours begin off the
    full hour, in steps that do not divide it, with a lunch of her own and at most two bookings a day; Jovnna's time is
    taken by Kari's bookings too. On Wednesday Kari is full; on Thursday she has one booking, and another that was
    cancelled. Somebody else has Kari's name, and an assessment takes three hours."""
    clinic = demo_clinic(weeks=2)
    kari, jovnna, namesake = demo_id("timebook", "kari"), demo_id("timebook", "jovnna"), _other("timebook", "kari")
    days = tuple(DayHours(weekday, 9 * 60 + 10, 15 * 60 + 35) for weekday in range(5))
    lunch = tuple(WeeklyPause(weekday, 11 * 60 + 20, 12 * 60 + 5) for weekday in range(5))
    for timebook in clinic.timebooks:
        if timebook.id == kari:
            clinic.put_timebook(replace(timebook, id=namesake, internal_name="Kari nr. 2", hpr="919999998"))
            clinic.put_timebook(replace(timebook, daily_limit=2))
        elif timebook.id == jovnna:
            clinic.put_timebook(replace(timebook, blocked_by=(kari,)))
    for kind in clinic.types:
        if kind.id == demo_id("type", "oppfolging"):
            rules = {rule.timebook_id: rule for rule in kind.rules}
            more = replace(rules[kari], timebook_id=namesake)
            clinic.put_type(replace(kind, rules=(*kind.rules, more)))
            long = replace(kind, id=_other("type", "lang"), name="Utredning", minutes=180, rules=(rules[kari], more))
            clinic.put_type(long)
    clinic.keep_hours(kari, OpeningHours(days, 25, lunch))
    clinic.keep_hours(jovnna, OpeningHours(days, 40))
    clinic.keep_hours(namesake, OpeningHours(days[3:], 30, lunch))
    somebody = PatientDetails("Fullbooket Prøvesen", date(1970, 1, 2), "+4790000004", "full@example.test")
    zone = ZoneInfo(clinic.zone)
    for day, hour in ((25, 9), (25, 13), (26, 13), (26, 9)):
        start = datetime(2026, 11, day, hour, 10, tzinfo=zone)
        made = clinic.staff_book(BookingOrder(kari, demo_id("type", "oppfolging"), start, somebody, source="staff"))
    clinic.staff_cancel(made.id)
    return clinic


def _other(kind: str, key: str) -> str:
    return synthetic_id("particular", kind, key)


def _crowded() -> Clinic:
    """The demonstration clinic with a week that fills several pages of any list: Kari and Jovnna are booked every half
    hour from Monday 30 November to Friday, from six to ten in the evening, but for one time in nine; Kari has time in
    every night and all weekend, too."""
    clinic = demo_clinic(weeks=3)
    kinds = [demo_id("type", "oppfolging")]
    rows = grid(range(5), time(0), time(21, 30), 30, kinds) + grid((5, 6), time(0), time(23, 30), 30, kinds)
    template = WeekTemplate(synthetic_id("crowded", "template", "kari"), "Døgnet rundt", rows)
    clinic.put_template(template)
    clinic.lay_plan(demo_id("timebook", "kari"), template.id, CROWDED, 1)
    zone = ZoneInfo(clinic.zone)
    somebody = clinic.put_patient(
        PatientDetails("Stadig Prøvesen", date(1970, 1, 2), "+4790000005", "stadig@example.test")
    )
    times = [(day, half) for day in range(5) for half in range(12, 44)]
    clinic.behave(overlap="accepted")  # none does; looking for them three hundred times takes long
    for number, (day, half) in enumerate(times):
        start = datetime.combine(CROWDED + timedelta(days=day), time(half // 2, half % 2 * 30), zone)
        for who in ("kari", "jovnna"):
            if number % 9 != (4 if who == "kari" else 7):
                order = BookingOrder(
                    demo_id("timebook", who), demo_id("type", "oppfolging"), start, patient_id=somebody.id
                )
                clinic.staff_book(order)
    clinic.behave(overlap="refused")
    return clinic


MANY = 110
"""More practitioners and types than most pages hold, and few enough for an adapter that asks about each by itself."""


def _large() -> Clinic:
    """The demonstration clinic with many more practitioners, each with a type of their own."""
    clinic = demo_clinic(weeks=1)
    kari, oppfolging = clinic.timebook(demo_id("timebook", "kari")), clinic.type(demo_id("type", "oppfolging"))
    if kari is None or oppfolging is None:
        raise LookupError("the demonstration clinic has no Kari, or no follow-up")
    rule = oppfolging.rules[0]
    for number in range(MANY):
        timebook_id, name = synthetic_id("large", "timebook", str(number)), f"Fysioterapeut Prøve Prøvesen {number:03}"
        hpr = str(int(kari.hpr or "910000000") + 1000 + number)
        clinic.put_timebook(
            replace(kari, id=timebook_id, public_name=name, internal_name=name, owner_name=name, hpr=hpr)
        )
        rules = (replace(rule, timebook_id=timebook_id),)
        type_id = synthetic_id("large", "type", str(number))
        clinic.put_type(replace(oppfolging, id=type_id, name=f"Oppfølging {number:03}", rules=rules))
    return clinic


def _few() -> Clinic:
    """Two of nearly everything, so that lists of an answer have a second row and few a third: practitioners, types,
    rates, departments, times of each practitioner on a weekday, around a pause. On Thursday one time is taken."""
    kept = {kind: tuple(demo_id(kind, key) for key in keys) for kind, keys in _FEW.items()}
    clinic = demo_clinic(weeks=1)
    for timebook in clinic.timebooks:
        if timebook.id not in kept["timebook"]:
            clinic.remove_timebook(timebook.id)
    for one in clinic.types:
        if one.id not in kept["type"]:
            clinic.remove_type(one.id)
        else:
            rules = (rule for rule in one.rules if rule.timebook_id in kept["timebook"])
            clinic.put_type(replace(one, rules=tuple(replace(rule, rates=rule.rates[:2]) for rule in rules)))
    days = tuple(DayHours(weekday, 9 * 60, 12 * 60) for weekday in range(5))
    lunch = tuple(WeeklyPause(weekday, 10 * 60, 11 * 60) for weekday in range(5))
    for timebook_id in kept["timebook"]:
        clinic.keep_hours(timebook_id, OpeningHours(days, 60, lunch))
    start = datetime(2026, 11, 26, 9, tzinfo=ZoneInfo(clinic.zone))
    somebody = PatientDetails("Opptatt Prøvesen", date(1970, 1, 2), "+4790000005", "opptatt@example.test")
    clinic.staff_book(BookingOrder(kept["timebook"][0], kept["type"][0], start, somebody, source="staff"))
    return clinic


_FEW = {"timebook": ("kari", "jovnna"), "type": ("forste", "oppfolging")}

CLINICS: Mapping[ClinicName, Callable[[int], Clinic]] = {
    "demo": lambda _: demo_clinic(weeks=3),
    "few": lambda _: _few(),
    "faroe": lambda _: demo_clinic(weeks=1, zone="Atlantic/Faroe"),
    "many_weeks": lambda _: demo_clinic(weeks=8),
    "leap": lambda _: demo_clinic(Clock(datetime(2028, 2, 21, 7, 0, tzinfo=UTC)), weeks=2),
    "particular": lambda _: _particular(),
    "random": synthetic_clinic,
    "crowded": lambda _: _crowded(),
    "large": lambda _: _large(),
    "round_the_clock": lambda _: _round_the_clock(datetime(2026, 11, 23, 7, 0, tzinfo=UTC), date(2026, 11, 30)),
    "autumn": lambda _: _round_the_clock(datetime(2026, 10, 20, 7, 0, tzinfo=UTC), AUTUMN_NIGHT),
    "spring": lambda _: _round_the_clock(datetime(2027, 3, 23, 7, 0, tzinfo=UTC), SPRING_NIGHT),
}


def open_clinic(name: ClinicName, seed: int, dialect: Dialect) -> Clinic:
    """A new clinic by its name, set up as this vendor's system can hold it; `seed` decides the random one."""
    return _pristine(name, seed, dialect).twin()


@lru_cache(maxsize=32)
def _pristine(name: ClinicName, seed: int, dialect: Dialect) -> Clinic:
    """A clinic that nobody touches: laying its plan costs more than most rules' calls."""
    clinic = CLINICS[name](seed)
    dialect.fit(clinic)
    return clinic
