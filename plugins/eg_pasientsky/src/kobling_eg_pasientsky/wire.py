"""The partner API's answers, as the vendor's pages describe them.

Source: pp-help.patientsky.com, pages on search, booking and cancellation. Fields marked [inferred] stand on no page;
how they are read is decided in `inferred.py`, and each may be absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from kobling import Name, RateCode, VendorId, WireModel

Word = Annotated[str, StringConstraints(max_length=100)]
"""A word of a fixed list, sent back in a booking."""


class Calendar(WireModel):
    """A timebook (timebok)."""

    id: VendorId
    name: Name
    owned_by_department: str | None = Field(default=None, alias="ownedByDepartment")


class Location(WireModel):
    """The visiting address of a type. That it is null or an object is documented; its fields are [inferred]."""

    id: VendorId | None = None
    name: Name = ""
    address: Name = ""


class InsuranceRate(WireModel):
    """A rate on the type's rules [inferred]."""

    code: RateCode
    name: Name = ""


KINDS: Final[Mapping[str, Literal["ordinary", "group"]]] = {"appointment": "ordinary", "groupAppointment": "group"}
"""The two words of `appointmentType`, which are documented."""


class TimeslotType(WireModel):
    """An appointment type (timetype)."""

    id: VendorId
    name: Name
    in_selected_calendars: bool = Field(alias="isContainedInSelectedCalendars")
    extra_information: str | None = Field(default=None, alias="extraInformation")
    appointment_type: str = Field(default="appointment", alias="appointmentType")
    mediums: tuple[Word, ...] = ()
    location: Location | None = None
    client_list_calendars: tuple[str, ...] = Field(default=(), alias="calendarsWithClientListIds")
    minutes: int | None = Field(default=None, alias="durationInMinutes", ge=1, le=24 * 60)
    insurance_rates: tuple[InsuranceRate, ...] | None = Field(default=None, alias="insuranceRates")


class DateSlots(WireModel):
    """How many open times a day has."""

    date: date
    available: int = Field(alias="availableSlots")


class Timeslot(WireModel):
    """An open time of the selected day. Only `id` is documented; the rest is [inferred]."""

    id: str = Field(max_length=1000)
    calendar_id: VendorId | None = Field(default=None, alias="calendarId")
    type_id: VendorId | None = Field(default=None, alias="timeslotTypeId")
    start: str | None = Field(default=None, alias="from")
    end: str | None = Field(default=None, alias="to")
    group_appointment_id: str | None = Field(default=None, alias="groupAppointmentId")


class Search(WireModel):
    """What a search found: everything the filters let through, and the times of the one selected day."""

    calendars: tuple[Calendar, ...]
    types: tuple[TimeslotType, ...] = Field(alias="timeslotTypes")
    counts: tuple[DateSlots, ...] = Field(alias="dateSlots")
    times: tuple[Timeslot, ...] = Field(alias="timeslots")


class BookAnswer(WireModel):
    """The answer to a booking [inferred]: the page says only "a booking response or an error"."""

    id: VendorId = Field(alias="bookingId")
    status: str | None = None


def search_body(
    first: date,
    last: date,
    *,
    details: date,
    calendars: tuple[str, ...] | None = None,
    types: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """The body of a search, without the key, which the engine adds."""
    return {
        "dateRange": {"from": first.isoformat(), "to": last.isoformat()},
        "selectedDateForDetails": details.isoformat(),
        "calendarIds": list(calendars) if calendars is not None else None,
        "timeslotTypeIds": list(types) if types is not None else None,
    }
