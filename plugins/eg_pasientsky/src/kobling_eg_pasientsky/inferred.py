"""Everything about EG Pasientsky's partner API that no page says, in one place, so that it can be corrected as data.

Each name below is a reading: it fits the pages, the help articles and the public clients that are known, and it may
be wrong. Findings that rest on one of `INFERRED_REASONS` say so to the administrator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from kobling import (
    BookingNotFound,
    ClinicNotFound,
    CredentialsRejected,
    Department,
    ErrorMap,
    InvalidRequest,
    NotActivated,
    PatientLimitReached,
    Provenance,
    Rate,
    Refusal,
    RequestRejected,
    SlotTaken,
    TooLateToChange,
    VendorProtocolError,
    WhyNot,
)

from .wire import Calendar, Location, TimeslotType

ZONE: Final = "Europe/Oslo"
"""The zone of all times on the wire, which carry no offset."""

INFERRED_REASONS: Final[frozenset[WhyNot]] = frozenset(
    {"not_person_owned", "restricted_patient_list", "no_insurance_rate", "other_department"}
)

PROVENANCE: Final = Provenance(
    known=frozenset({"cancel"}), partly=frozenset({"identify", "catalogue", "list_slots", "book"}), tried=("mock",)
)
"""The three calls and their bodies are documented. What a search means and a booking answers is in part a guess."""

ERRORS: Final = ErrorMap(
    codes={
        "UNAUTHORIZED": CredentialsRejected,
        "FORBIDDEN": Refusal(CredentialsRejected, fields=("external_id", "api_key")),
        "INTEGRATION_NOT_ENABLED": NotActivated,
        "NOT_FOUND": ClinicNotFound,
        ("cancel", "NOT_FOUND"): BookingNotFound,
        "VALIDATION": Refusal(InvalidRequest, "refused_by_vendor"),
        "TIMESLOT_UNAVAILABLE": SlotTaken,
        "BOOKING_LIMIT_REACHED": PatientLimitReached,
        "BOOKING_REFUSED": RequestRejected,
        "BOOKING_NOT_FOUND": BookingNotFound,
        "ALREADY_CANCELLED": Refusal(BookingNotFound, "already_cancelled"),
        "CANCELLATION_DEADLINE_PASSED": TooLateToChange,
        "CANCELLATION_NOT_ALLOWED": Refusal(TooLateToChange, "not_allowed"),
        "BOOKING_STARTED": Refusal(TooLateToChange, "started"),
    },
    statuses={
        403: Refusal(CredentialsRejected, fields=("external_id", "api_key")),
        404: ClinicNotFound,
        ("cancel", 404): Refusal(VendorProtocolError, "status_404"),  # a gateway says so too, and the booking stands
        ("book", 409): SlotTaken,
    },
    code="/error/code",
    field="/error/fields",
    field_names={"phoneNumber": "phone", "personalNumber": "national_id", "timeslotId": "slot"},
)
"""No error is documented: neither the envelope, nor the codes, nor the statuses."""

STATUS_WORDS: Final[Mapping[str, Literal["pending", "booked", "declined"]]] = {
    "PENDING": "pending",
    "REQUESTED": "pending",
    "BOOKED": "booked",
    "CONFIRMED": "booked",
    "DECLINED": "declined",
    "REJECTED": "declined",
}
"""Words that the answer to a booking may carry. An answer without a word, or with another one, is "unknown": the page
speaks of a booking request, so silence is not an acceptance."""

MODES: Final[Mapping[str, Literal["in_person", "video", "telephone"]]] = {
    "FACE_TO_FACE": "in_person",
    "VIDEO": "video",
    "TELEPHONE": "telephone",
}
"""FACE_TO_FACE is documented, the others are guesses."""

_CODE = re.compile(r"\bB\d{4}\b")
_TIME_ID = re.compile(r"(?P<calendar>[^_]+)_2_(?P<start>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?)_[^_]+")


def owner_kind(calendar: Calendar) -> Literal["person", "department"]:
    """`ownedByDepartment` null: a person owns the timebook. It is never read as the department filter."""
    return "person" if calendar.owned_by_department is None else "department"


def department(location: Location | None) -> Department | None:
    """A department is a visiting address: the type's `location`. None: the type has none, and is offered everywhere."""
    if location is None:
        return None
    known = (location.id or location.name or location.address)[:200]
    return Department(id=known, name=location.name, address=location.address) if known else None


def is_restricted(kind: TimeslotType, calendar_id: str) -> bool:
    """`calendarsWithClientListIds` names the calendars in which the type is kept to a list of patients."""
    return calendar_id in kind.client_list_calendars


def rates(kind: TimeslotType) -> tuple[Rate, ...]:
    """Rates stand in `insuranceRates`, else as B-codes in the type's name or extra information."""
    if kind.insurance_rates is not None:
        return tuple(Rate(code=rate.code, name=rate.name) for rate in kind.insurance_rates)
    codes = _CODE.findall(f"{kind.name} {kind.extra_information or ''}")
    return tuple(Rate(code=code) for code in dict.fromkeys(codes))


def shows_rates(kinds: tuple[TimeslotType, ...]) -> bool:
    """False when no type shows any rate anywhere: then rates are simply not on the wire."""
    return any(kind.insurance_rates is not None or rates(kind) for kind in kinds)


def start_in_id(time_id: str) -> str | None:
    """The local start inside a time's id, for answers that hold nothing but ids."""
    found = _TIME_ID.fullmatch(time_id)
    return found["start"] if found else None


def calendar_in_id(time_id: str) -> str | None:
    """The calendar inside a time's id."""
    found = _TIME_ID.fullmatch(time_id)
    return found["calendar"] if found else None
