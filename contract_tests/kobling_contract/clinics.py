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
    """The demonstration clinic, its two practitioners working at all hours of one week (the week of `night`, or the
    clock's). Kari's rows name both occurrences of a repeated time, Jovnna's only the first."""
    clinic = demo_clinic(Clock(now), weeks=2)
    week = monday_of(night or now.date())
    for who, repeated in (("kari", "both"), ("jovnna", "first")):
        rows = grid(range(7), time(0), time(23, 30), 30, [demo_id("type", "oppfolging")], repeated)  # type: ignore[arg-type]
        template = WeekTemplate(synthetic_id("round-the-clock", "template", who), "Døgnet rundt", rows)
        clinic.put_template(template)
        clinic.lay_plan(demo_id("timebook", who), template.id, week, 1)
    return clinic


CLINICS: Mapping[ClinicName, Callable[[int], Clinic]] = {
    "demo": lambda seed: demo_clinic(weeks=3),
    "many_weeks": lambda seed: demo_clinic(weeks=8),
    "random": synthetic_clinic,
    "round_the_clock": lambda seed: _round_the_clock(datetime(2026, 11, 23, 7, 0, tzinfo=UTC), date(2026, 11, 30)),
    "autumn": lambda seed: _round_the_clock(datetime(2026, 10, 20, 7, 0, tzinfo=UTC), AUTUMN_NIGHT),
    "spring": lambda seed: _round_the_clock(datetime(2027, 3, 23, 7, 0, tzinfo=UTC), SPRING_NIGHT),
}


def open_clinic(name: ClinicName, seed: int) -> Clinic:
    """A new clinic by its name; `seed` decides the random one."""
    return CLINICS[name](seed)
