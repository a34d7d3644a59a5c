"""The documented bodies of EG Pasientsky's partner API, as pydantic models.

Source: the vendor's help pages on the partner API (pp-help.patientsky.com: search, booking, cancellation), read
2026-11-22. Fields marked "inferred" stand on no page; the mock's switches leave them out or change them.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictBool

__all__ = [
    "BookAnswer",
    "BookBody",
    "BookOrError",
    "BookingPath",
    "CancelAnswer",
    "CancelBody",
    "CancelOrError",
    "ClinicPath",
    "ErrorAnswer",
    "SearchAnswer",
    "SearchBody",
    "SearchOrError",
]

Uuid = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
Day = Annotated[date, Field(strict=False, description="YYYY-MM-DD, a local date")]


class Body(BaseModel):
    """What every body has: the key. Fields that the vendor does not know are ignored, as most systems do (inferred)."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    apikey: str = Field(description="The key that the vendor issued to the clinic. There is no authorization header.")


class DateRange(BaseModel):
    """Both days included (inferred)."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")


class ClinicPath(BaseModel):
    """The clinic in the path."""

    clinicId: str = Field(description="The clinic's id at the vendor (Ekstern ID)")


class BookingPath(ClinicPath):
    """The clinic and the booking in the path."""

    bookingId: str = Field(description="The id that the book call returned")


class SearchBody(Body):
    """`POST /{clinicId}/search`"""

    dateRange: DateRange = Field(description="The days to count free times for")
    selectedDateForDetails: Day | None = Field(None, description="The day whose times are listed; today if absent")
    calendarIds: list[str] | None = Field(None, description="Only these calendars; null for all")
    timeslotTypeIds: list[str] | None = Field(None, description="Only these appointment types; null for all")


class BookBody(Body):
    """`POST /{clinicId}/book`"""

    createFromEmail: StrictBool | None = Field(None, description="Find or make the patient by e-mail")
    personalNumber: str | None = Field(None, description="Required unless createFromEmail is true")
    idTerminology: str | None = Field(
        None,
        description="Required with personalNumber, such as reference.identificationNumber.norwegian.birthNumber",
    )
    email: str | None = Field(None, description="Required if createFromEmail is true")
    phoneNumber: str = Field(description="Required; may be empty")
    calendarId: str
    timeslotId: str = Field(description="An id from timeslots, to be treated as opaque")
    groupAppointmentId: str | None = Field(None, description="For group types")
    medium: Literal["FACE_TO_FACE", "VIDEO", "TELEPHONE"] = Field(
        description="FACE_TO_FACE is documented, the other two are inferred"
    )
    note: str | None = None


class CancelBody(Body):
    """`POST /{clinicId}/{bookingId}/cancel`"""

    note: str | None = None


class Calendar(BaseModel):
    """A timebook (timebok)."""

    id: Uuid
    containsSelectedTimeslotTypes: bool
    name: str
    sortingPosition: int
    ownedByDepartment: Uuid | None = Field(description="null: owned by a person (inferred)")


class DateSlots(BaseModel):
    """How many free times a day has, within the filters."""

    date: date
    availableSlots: int


class Location(BaseModel):
    """The visiting address of a type. Documented as null or an object; its fields are inferred."""

    id: Uuid
    name: str
    address: str


class InsuranceRate(BaseModel):
    """A rate on the type's rules. Inferred: no page shows rates on the wire."""

    code: str
    name: str


class TimeslotType(BaseModel):
    """An appointment type (timetype)."""

    id: Uuid
    name: str
    isContainedInSelectedCalendars: bool
    estimatedPrice: str
    extraInformation: str
    appointmentType: Literal["appointment", "groupAppointment"]
    mediums: list[str]
    location: Location | None
    calendarsWithClientListIds: list[Uuid] = Field(
        description="Calendars where it is kept to a patient list (inferred)"
    )
    durationInMinutes: int
    insuranceRates: list[InsuranceRate] | None = Field(None, description="Inferred")


class Timeslot(BaseModel):
    """A free time on the selected day. Only `id` is documented."""

    id: str = Field(description="{calendarId}_2_{local start}_{uuid}")
    calendarId: Uuid | None = Field(None, description="Inferred")
    timeslotTypeId: Uuid | None = Field(None, description="Inferred")
    start: str | None = Field(None, alias="from", description="Inferred; local time without offset")
    end: str | None = Field(None, alias="to", description="Inferred; local time without offset")
    groupAppointmentId: Uuid | None = Field(None, description="Inferred")


class Search(BaseModel):
    """What a search found."""

    calendars: list[Calendar]
    dateSlots: list[DateSlots]
    timeslotTypes: list[TimeslotType]
    timeslots: list[Timeslot]


class SearchAnswer(BaseModel):
    """The envelope of a search."""

    data: Search


class Booked(BaseModel):
    """Inferred: the page does not show what a booking answers."""

    bookingId: Uuid
    status: Literal["PENDING", "BOOKED"] | None = None


class BookAnswer(BaseModel):
    """The envelope of a booking (inferred)."""

    data: Booked


class Cancelled(BaseModel):
    """Documented."""

    cancelled: bool


class CancelAnswer(BaseModel):
    """The envelope of a cancellation."""

    data: Cancelled


class Error(BaseModel):
    """Inferred: no page shows an error."""

    code: str
    message: str
    fields: list[str] | None = None


class ErrorAnswer(BaseModel):
    """The envelope of an error (inferred); with some switches it comes with status 200."""

    error: Error


class SearchOrError(RootModel[SearchAnswer | ErrorAnswer]):
    """What comes with 200: with some switches an error does."""


class BookOrError(RootModel[BookAnswer | ErrorAnswer]):
    """What comes with 200: with some switches an error does."""


class CancelOrError(RootModel[CancelAnswer | ErrorAnswer]):
    """What comes with 200: with some switches an error does."""
