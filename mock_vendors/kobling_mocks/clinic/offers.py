"""What online booking shows, and why it does not show the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from .setup import Rate

__all__ = ["HIDDEN_BECAUSE", "HiddenCode", "HiddenReason", "OpenSlot"]

HiddenCode = Literal[
    "no_such_timebook",
    "no_such_type",
    "clinic_offline",
    "calendar_offline",
    "type_offline",
    "hidden_type",
    "no_rule_for_calendar",
    "restricted_patient_list",
    "no_planned_slots",
    "closed_day",
    "blocked_by_event",
    "started",
    "booking_deadline",
    "days_ahead",
    "taken",
    "linked_timebook",
    "daily_limit",
    "first_free_slot_only",
    "profile_not_person_owned",
    "group_type",
    "no_insurance_rate",
]
HIDDEN_BECAUSE: Final[Mapping[HiddenCode, str]] = {
    "no_such_timebook": "the clinic has no such timebook (any more)",
    "no_such_type": "the clinic has no such type (any more)",
    "clinic_offline": "the clinic takes no bookings online",
    "calendar_offline": "this timebook takes none",
    "type_offline": "this type is not offered online",
    "hidden_type": "the type is for staff only",
    "no_rule_for_calendar": "the type is not offered in this timebook",
    "restricted_patient_list": "the type is kept to a list of patients here",
    "no_planned_slots": "nothing is planned at this time",
    "closed_day": "the clinic is closed that day",
    "blocked_by_event": "staff have blocked the time",
    "started": "the time has begun",
    "booking_deadline": "it is too near: the clinic wants more notice",
    "days_ahead": "it is too far ahead",
    "taken": "somebody has booked or holds it",
    "linked_timebook": "a timebook that blocks this one is busy then",
    "daily_limit": "the timebook has as many bookings that day as it takes",
    "first_free_slot_only": "only the day's first free time is shown",
    "profile_not_person_owned": "no person owns the timebook",
    "group_type": "the type is for groups",
    "no_insurance_rate": "the type has no rate of an insurer's here",
}
"""What each word means, for developers."""


@dataclass(frozen=True)
class OpenSlot:
    """A time that online booking shows. `start` and `end` are aware UTC.

    `wall` is the naive local time of the start, `day` its date, `fold` 1 for the second of two equal wall-clock times.
    `address_id` and `department_id` are None where neither the type nor its timebook has a visiting address: it belongs
    to every department.
    `group_id` names the group appointment of a group type, and `places_left` is 1 for other types.
    """

    id: str
    timebook_id: str
    type_id: str
    start: datetime
    end: datetime
    wall: datetime
    fold: int
    rates: tuple[Rate, ...]
    patients: str
    address_id: str | None = None
    department_id: str | None = None
    group_id: str | None = None
    places_left: int = 1

    @property
    def day(self) -> date:
        """The local date of the start."""
        return self.wall.date()


@dataclass(frozen=True)
class HiddenReason:
    """Why times of one type in one timebook are not shown.

    `hides_from` is "everyone", or "insurance" where the clinic's own patients still see the times. `slots` is how many
    planned times it hides in the period asked about; None where the whole type or timebook is hidden.
    """

    code: HiddenCode
    hides_from: Literal["everyone", "insurance"] = "everyone"
    slots: int | None = None
