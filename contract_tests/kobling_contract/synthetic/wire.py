"""Bodies, parameters and answers of the synthetic vendor, as pydantic models. All of it is ours."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
    "BookingAnswer",
    "BookingBody",
    "BookingPath",
    "BookingsAnswer",
    "BookingsQuery",
    "CancelBody",
    "ClinicAnswer",
    "ErrorAnswer",
    "MoveBody",
    "NoPath",
    "PageQuery",
    "PatientAnswer",
    "PatientBody",
    "PractitionersAnswer",
    "ServicesAnswer",
    "SlotsAnswer",
    "SlotsBody",
    "TokenAnswer",
    "TokenBody",
]


def _day(given: object) -> date:
    """pydantic would take a number, or a text of digits, for seconds since 1970."""
    if isinstance(given, str) and len(given) == len("2026-11-23"):
        return date.fromisoformat(given)
    raise ValueError("a day as YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_day)]
Number = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Given(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


# ---- what is asked with


class NoPath(BaseModel):
    """A path without parameters."""


class BookingPath(BaseModel):
    """A booking."""

    booking_id: str


class TokenBody(_Given):
    """`POST /oauth/token`: both parts of the key."""

    client_id: Text
    client_secret: Text


class PageQuery(_Parameters):
    """Which page of a list; the link to the next one holds it."""

    page: Annotated[int, Field(ge=1, le=10_000)] = 1


class SlotsBody(_Given):
    """`POST /v1/slots/search`: any number of practitioners and services at once, whole local days, both included."""

    practitioner_ids: list[Number]
    service_ids: list[Number]
    first_day: Day
    last_day: Day


class PatientBody(_Given):
    """`POST /v1/patients`"""

    given_name: Text
    family_name: Text
    birth_date: Day
    phone: Text
    email: Text | None = None


class MoveBody(_Given):
    """`PATCH /v1/bookings/{id}`: to another open time."""

    slot_id: Text


class BookingBody(MoveBody):
    """`POST /v1/bookings`: an open time, for a patient on file."""

    patient_id: Number
    reference: Text = Field(description="The registry's own, unique among standing bookings")
    insurance_case: Annotated[str, Field(max_length=40)] | None = None
    message: Annotated[str, Field(max_length=500)] | None = None


class HeldBookingBody(BookingBody):
    """`POST /v1/bookings` where times are held first: the open time's hold, too."""

    hold_id: str


class HoldPath(BaseModel):
    """A hold."""

    hold_id: str


class BookingsQuery(_Parameters):
    """`GET /v1/bookings`: whole local days, both included; the cursor is the one of the page before."""

    first_day: Day
    last_day: Day
    practitioner_id: Number | None = None
    cursor: str | None = None


class CancelBody(_Given):
    """`DELETE /v1/bookings/{id}`"""

    reason: Annotated[str, Field(max_length=200)] | None = None


# ---- what is answered


class TokenAnswer(BaseModel):
    """A token, and for how many seconds it is good."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int


class Department(BaseModel):
    """A department with its first visiting address."""

    id: Number
    name: str
    address: str


class ClinicAnswer(BaseModel):
    """The clinic that the token belongs to, and what the token may do."""

    id: Number
    name: str
    organisation_number: str
    time_zone: str
    departments: list[Department]
    scopes: list[Literal["search", "bookings"]]


class Practitioner(BaseModel):
    """A timebook and who owns it."""

    id: Number
    name: str
    owner: Literal["person", "group", "department", "clinic"]
    online: bool
    hpr_number: str | None
    profession: str | None


class PractitionersAnswer(BaseModel):
    """A page of timebooks. `next` is the whole address of the next page; null on the last."""

    practitioners: list[Practitioner]
    next: str | None


class Rate(BaseModel):
    """A rate: insurers', HELFO's and the clinic's own, in the clinic's order."""

    code: str
    name: str


class Offer(BaseModel):
    """A service in one timebook. `patients` is "everybody", or "listed" where it is kept to a list."""

    practitioner_id: Number
    patients: Literal["everybody", "listed"]
    rates: list[Rate]


class Service(BaseModel):
    """A kind of appointment; `department_id` is null where it has no visiting address."""

    id: Number
    name: str
    minutes: int
    kind: Literal["ordinary", "hidden", "group"]
    online: bool
    department_id: Number | None
    offers: list[Offer]


class ServicesAnswer(BaseModel):
    """A page of services. The address of the next page is in the `Link` header."""

    services: list[Service]


class Slot(BaseModel):
    """An open time. `link`: where a person can book it, for clinics that let nobody else do so."""

    id: str
    practitioner_id: Number
    service_id: Number
    department_id: Number | None
    start: datetime
    end: datetime
    link: str | None


class SlotsAnswer(BaseModel):
    """Every open time that was asked for, in order."""

    slots: list[Slot]


class Patient(BaseModel):
    """A record on the clinic's file."""

    id: Number


class Hold(BaseModel):
    """A time that is kept for its caller."""

    id: str
    until: str


class HoldAnswer(BaseModel):
    """The hold that was made."""

    hold: Hold


class PatientAnswer(BaseModel):
    """The record that was made."""

    patient: Patient


class Booking(BaseModel):
    """A booking. `late`: given up after the clinic's deadline."""

    id: Number
    practitioner_id: Number
    service_id: Number
    department_id: Number | None
    patient_id: Number
    start: datetime
    end: datetime
    status: Literal["requested", "confirmed", "declined", "cancelled", "attended", "missed"]
    reference: str | None
    created_at: datetime
    change_by: datetime
    late: bool


class BookingAnswer(BaseModel):
    """One booking as it is after the call."""

    booking: Booking


class BookingsAnswer(BaseModel):
    """A page of bookings by start, cancelled ones and the clinic's own included. `cursor` is null on the last page."""

    bookings: list[Booking]
    cursor: str | None


class Error(BaseModel):
    """Why not. `fields` names what is wrong in the body."""

    code: str
    fields: list[str]


class ErrorAnswer(BaseModel):
    """Every refusal."""

    error: Error
