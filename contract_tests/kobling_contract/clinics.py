"""The clinics that rules run in. Everybody in them is invented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Literal

from kobling_mocks.clinic import (
    Clinic,
    Clock,
    WeekTemplate,
    demo_clinic,
    demo_id,
    grid,
    monday_of,
    synthetic_clinic,
    synthetic_id,
)

__all__ = ["AUTUMN_NIGHT", "CLINICS", "ClinicName", "SPRING_NIGHT", "open_clinic"]

AUTUMN_NIGHT = date(2026, 10, 25)
"""03:00 becomes 02:00 in Oslo: 02:00 to 03:00 happens twice."""
SPRING_NIGHT = date(2027, 3, 28)
"""02:00 becomes 03:00 in Oslo: 02:00 to 03:00 does not happen."""

ClinicName = Literal["demo", "many_weeks", "random", "round_the_clock", "autumn", "spring"]


def _round_the_clock(now: datetime, night: date | None = None) -> Clinic:
    """The demonstration clinic, its two practitioners working at all hours of one week: `night`'s, or the clock's.

    Of the repeated hour Kari works both halves; Jovnna's 02:00 is in the first and his 02:30 in the second, so
    that on a wall clock nobody can know which is meant."""
    clinic = demo_clinic(Clock(now), weeks=2)
    week = monday_of(night or now.date())
    type_ids = [demo_id("type", "oppfolging")]
    both = grid(range(7), time(0), time(23, 30), 30, type_ids, "both")
    once = grid(range(7), time(0), time(2), 30, type_ids) + grid(
        range(7), time(2, 30), time(23, 30), 30, type_ids, "second"
    )
    for who, rows in (("kari", both), ("jovnna", once)):
        template = WeekTemplate(synthetic_id("round-the-clock", "template", who), "Døgnet rundt", rows)
        clinic.put_template(template)
        clinic.lay_plan(demo_id("timebook", who), template.id, week, 1)
    return clinic


CLINICS: Mapping[ClinicName, Callable[[int], Clinic]] = {
    "demo": lambda _: demo_clinic(weeks=3),
    "many_weeks": lambda _: demo_clinic(weeks=8),
    "random": synthetic_clinic,
    "round_the_clock": lambda _: _round_the_clock(datetime(2026, 11, 23, 7, 0, tzinfo=UTC), date(2026, 11, 30)),
    "autumn": lambda _: _round_the_clock(datetime(2026, 10, 20, 7, 0, tzinfo=UTC), AUTUMN_NIGHT),
    "spring": lambda _: _round_the_clock(datetime(2027, 3, 23, 7, 0, tzinfo=UTC), SPRING_NIGHT),
}


def open_clinic(name: ClinicName, seed: int) -> Clinic:
    """A new clinic by its name; `seed` decides the random one."""
    return CLINICS[name](seed)
