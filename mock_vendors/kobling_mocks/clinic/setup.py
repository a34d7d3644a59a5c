"""How a clinic is set up: departments, timebooks, appointment types with their rules and rates, restrictions.

All records are frozen; a change of the set-up replaces a record (`Clinic.put_timebook` and its siblings). Ids are
strings in UUID form. Nothing here knows a vendor's wire words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "ALL_PATIENTS",
    "AppointmentType",
    "Department",
    "Medium",
    "OwnerKind",
    "Rate",
    "RateKind",
    "Restrictions",
    "Rule",
    "Timebook",
    "TypeKind",
    "VisitingAddress",
]

OwnerKind = Literal["person", "group", "department", "clinic"]
"""Whose a timebook is; insurance customers are booked with a person only."""
TypeKind = Literal["ordinary", "hidden", "group"]
"""An ordinary type, one for the clinic's own use (`hidden`), or one with several places (`group`)."""
RateKind = Literal["insurance", "helfo", "own"]
"""A rate of the insurers' (B-takst), of HELFO, or of the clinic's own."""
Medium = Literal["face_to_face", "video", "telephone"]
"""How a patient is received."""

ALL_PATIENTS = "all"
"""`Rule.patients` for "Alle pasienter"; any other value is the name of one of the clinic's patient lists."""


@dataclass(frozen=True)
class Department:
    """A department (avdeling) of the clinic."""

    id: str
    name: str


@dataclass(frozen=True)
class VisitingAddress:
    """A visiting address (besøksadresse): a contact card that an appointment type may point at.

    `street` is the whole address in one line, with code and town: `"Prøvegata 1, 0001 Oslo"`.
    """

    id: str
    name: str
    street: str
    department_id: str


@dataclass(frozen=True)
class Rate:
    """A rate (takst). Only insurance rates (B-takster) count for insurance; HELFO and own rates may stand beside."""

    code: str
    name: str
    kind: RateKind = "insurance"


@dataclass(frozen=True)
class Rule:
    """A row of an appointment type's rules (regler): in this timebook, for these patients, with these rates.

    `patients` is `ALL_PATIENTS` or the name of a patient list. `rates` keeps the clinic's order, which means nothing.
    """

    timebook_id: str
    patients: str = ALL_PATIENTS
    rates: tuple[Rate, ...] = ()

    @property
    def insurance_rates(self) -> tuple[Rate, ...]:
        """The B-rates of this rule, in the clinic's order."""
        return tuple(rate for rate in self.rates if rate.kind == "insurance")


@dataclass(frozen=True)
class Restrictions:
    """Restrictions on online booking at one level: clinic, timebook or appointment type.

    `None` means "not customised at this level". `restrictions.effective` combines the three levels. Whether something
    is online at all stands on the clinic, timebook and type themselves.

    `max_bookings` counts a patient's own upcoming online bookings; `days_ahead` counts local calendar days from today;
    the two deadlines are in hours before the start.
    """

    max_bookings: int | None = None
    days_ahead: int | None = None
    booking_deadline_hours: int | None = None
    cancel_allowed: bool | None = None
    cancel_deadline_hours: int | None = None
    first_free_slot_only: bool | None = None


@dataclass(frozen=True)
class Timebook:
    """A timebook (timebok): the calendar of one practitioner, or of a group, a department or the whole clinic.

    Patients see `owner_name` and `public_name`; `internal_name` is for staff. `owner_department_id` is set where a
    department owns the timebook. `address_id` is where its owner receives patients, for every type that has no address
    of its own; None where the owner has no place. `hpr` and `profession` describe the practitioner of a person-owned
    timebook. Appointments in the timebooks of `blocked_by` take the time here too. `daily_limit` is how many
    appointments may start on a local day before online booking shows no more of it; None for no limit.
    """

    id: str
    public_name: str
    internal_name: str
    owner_kind: OwnerKind
    owner_name: str
    owner_department_id: str | None = None
    address_id: str | None = None
    hpr: str | None = None
    profession: str | None = None
    online: bool = True
    restrictions: Restrictions = field(default_factory=Restrictions)
    sorting_position: int = 1000
    blocked_by: tuple[str, ...] = ()
    daily_limit: int | None = None


@dataclass(frozen=True)
class AppointmentType:
    """An appointment type (timetype). `minutes` is absolute time, also over a DST night.

    `address_id` is None where no visiting address is chosen: then the type is received where the timebook's owner is,
    and at every department where the owner has no place either. `places`
    (antall plasser) matters for `kind="group"` only. `notify_patient` sends the vendor's own notices.
    """

    id: str
    name: str
    minutes: int
    kind: TypeKind = "ordinary"
    online: bool = True
    address_id: str | None = None
    extra_information: str = ""
    price_nok: int | None = None
    rules: tuple[Rule, ...] = ()
    restrictions: Restrictions = field(default_factory=Restrictions)
    mediums: tuple[Medium, ...] = ("face_to_face",)
    places: int = 1
    notify_patient: bool = True

    def rule_for(self, timebook_id: str) -> Rule | None:
        """The rule for one timebook, or None where the type has no rule there."""
        return next((rule for rule in self.rules if rule.timebook_id == timebook_id), None)
