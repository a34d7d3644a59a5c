"""Bookings: the patient, the request, what the vendor says of it, and what is certain after a lost answer."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID, uuid4

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from . import texts
from .errors import InvalidRequest
from .localtime import zone_of
from .model import (
    CallerModel,
    ClinicTime,
    DayWindow,
    Model,
    Moment,
    Private,
    PrivateBirthDate,
    PrivateText,
    QuietModel,
    VendorId,
)
from .pasted import without_invisible
from .reference import compose_note, looks_like_tag
from .slots import Slot

Status = Literal["pending", "booked", "declined", "cancelled", "attended", "no_show", "unknown"]
"""How far a booking has come. pending: the clinic has yet to say yes. unknown: the vendor said nothing, or a word that
the adapter does not know."""
LIVE: frozenset[Status] = frozenset({"pending", "booked", "unknown"})
"""Statuses of a booking that may still take place."""

PatientField = Literal["given_name", "family_name", "birth_date", "phone", "email", "national_id"]
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
_Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_ONE_LINE), Private
]
_SAKID_USUAL = re.compile(r"[A-Z0-9]{4,12}")


def _without_invisible(value: object) -> object:
    return without_invisible(value) if isinstance(value, str) else value


def _for_the_clinic(value: str) -> str:
    if looks_like_tag(value):
        raise ValueError("looks like a reference tag")
    if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Cs") for sign in value if sign not in "\r\n"):
        raise ValueError("holds control characters")
    return PrivateText(value)


_ForTheClinic = AfterValidator(_for_the_clinic)
"""A text that the clinic reads: line breaks and no other control characters, nothing like a reference tag."""


class SakID(CallerModel):
    """The insurance case's id (SakID), as the insurer gave it. Its grammar is not published: only an empty one, one
    over 40 characters, or one with control characters is refused. Invisible characters, which come along with what is
    pasted, are taken out. `unusual` is worth a warning to the person typing."""

    value: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=_ONE_LINE),
        BeforeValidator(_without_invisible),
        Private,
    ]

    def __init__(self, value: str) -> None:
        wrong: tuple[str, ...] = ()
        try:
            QuietModel.__init__(self, value=value)
        except InvalidRequest as problem:
            wrong = problem.fields
        del value
        if wrong:
            raise self._refusal(wrong)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @property
    def unusual(self) -> bool:
        """True when it is not 4 to 12 capital letters and digits, as every published example is."""
        return _SAKID_USUAL.fullmatch(self.value) is None


class Patient(CallerModel):
    """Who the time is for. Which fields a vendor needs is its adapter's `patient_fields`; others are not sent.

    phone: as typed, with country code for a foreign one. national_id: only where the vendor's contract demands it.
    """

    given_name: _Line | None = None
    family_name: _Line | None = None
    birth_date: PrivateBirthDate | None = None
    phone: _Line | None = None
    email: _Line | None = None
    national_id: _Line | None = None

    @property
    def name(self) -> str:
        """Given and family name with a blank between; "" when neither is known."""
        return PrivateText(" ".join(part for part in (self.given_name, self.family_name) if part))


class BookingRequest(CallerModel):
    """A booking to be made. `reference` exists before anything is sent, and travels to the vendor as a tag.

    message: a text for the clinic, at most 500 characters; it may not hold anything that looks like a reference tag.
    """

    slot: Slot
    patient: Patient = Field(exclude=True)
    sak_id: SakID | None = Field(default=None, exclude=True)
    message: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), _ForTheClinic] | None = Field(
        default=None, exclude=True
    )
    reference: UUID = Field(default_factory=uuid4)
    patient_id: VendorId | None = None
    """The vendor's id of this patient, from `register_patient`: the `before_write` hook is told it, and `resolve` finds
    the booking by it. One from an earlier booking is used again unless the vendor keeps the reference in the patient's
    record."""
    hold_id: VendorId | None = None
    """The vendor's id of the hold, from `hold_slot`. Kobling fills it in before `book`; a caller's own is not used."""
    note_lines: tuple[Annotated[str, Private], ...] = Field(default=(), exclude=True)
    """Lines that the SDK adds to the note for this vendor (name and birth year where it matches by e-mail)."""

    @property
    def patient_on_file(self) -> str:
        """`patient_id` in `book`, where the vendor has a patient on file before each booking. A `ValueError` where
        nobody was put on file: nothing is sent then."""
        if self.patient_id is None:
            raise ValueError("the patient is on no file: the adapter has no register_patient")
        return self.patient_id

    def note(self, limit: int | None = None) -> str:
        """The whole note for the clinic: tag, SakID, the SDK's lines, message. Written whole or not at all: raises
        `NoteTooLong` when it does not fit into `limit` characters. Adapters never compose or cut a note."""
        note = compose_note(
            reference=self.reference,
            sak_id=self.sak_id.value if self.sak_id else None,
            lines=self.note_lines,
            message=self.message,
            limit=limit,
        )
        return PrivateText(note)


def private_texts(request: BookingRequest) -> tuple[str, ...]:
    """What a request says of the patient, each as a text: no word of an error may hold any of it."""
    patient = request.patient
    known = [getattr(patient, name) for name in Patient.model_fields]
    known += [request.sak_id.value] if request.sak_id is not None else []
    return tuple(str(one) for one in known if one is not None)


class BookingRef(Model):
    """What is needed to find a booking again. `confirmed` is True when it came from a booking that the vendor or the
    SDK confirmed; only then does "not there" on a cancel mean that the goal is reached."""

    connection_id: str
    id: VendorId
    reference: UUID | None = None
    confirmed: bool = False
    practitioner_id: str | None = None
    service_id: str | None = None
    location_id: str | None = None
    start: ClinicTime | None = None
    end: ClinicTime | None = None
    change_by: Moment | None = None


class Booking(QuietModel):
    """What the vendor says of a booking. None means that the vendor did not say; nothing is filled in from the
    request. `verified` is True when the SDK read the booking back and it was as asked, False when it could not be read.
    """

    id: VendorId
    status: Status
    start: ClinicTime | None = None
    end: ClinicTime | None = None
    practitioner_id: VendorId | None = None
    service_id: VendorId | None = None
    location_id: VendorId | None = None
    reference: UUID | None = None
    patient: Patient | None = Field(default=None, exclude=True, repr=False)
    created_at: Moment | None = None
    change_by: Moment | None = None
    """The clinic's deadline for cancelling or moving it, where the vendor tells."""
    # ---- stamped by the SDK
    connection_id: str = ""
    zone: str = "Europe/Oslo"
    verified: bool = False
    asked: Slot | None = None
    """The slot that was asked for, on the answer to a `book`."""
    residue: tuple[str, ...] = ()

    @property
    def ref(self) -> BookingRef:
        """What to keep in order to find, cancel or move it later."""
        asked = self.asked
        return BookingRef(
            connection_id=self.connection_id,
            id=self.id,
            reference=self.reference,
            confirmed=True,
            practitioner_id=self.practitioner_id or (asked.practitioner_id if asked else None),
            service_id=self.service_id or (asked.service_id if asked else None),
            location_id=self.location_id or (asked.location_id if asked else None),
            start=self.start or (asked.start if asked else None),
            end=self.end or (asked.end if asked else None),
            change_by=self.change_by,
        )

    @property
    def local_start(self) -> datetime | None:
        """`start` on the clinic's clock; None when the vendor did not say it."""
        return self.start.astimezone(zone_of(self.zone)) if self.start else None


class BookingQuery(DayWindow):
    """Which bookings to list: by local days (both ends included, a year at most), practitioner, or reference.

    reference: what does not carry it may be left out, but not what carries no reference at all. Beside it, days and
    practitioners are those for which it was booked: a vendor that finds a reference by itself is asked for nothing
    else, since staff may have moved the booking. patient_id: the vendor's id of the patient that a booking of this
    reference was made for, where it is known.
    """

    practitioner_ids: tuple[VendorId, ...] = ()
    reference: UUID | None = None
    patient_id: VendorId | None = None

    @property
    def practitioner_id(self) -> str:
        """The only practitioner asked for, as `BookingFacts.listed_per` wants it; a ValueError when there are none or
        several."""
        (only,) = self.practitioner_ids
        return only


class Bookings(Model):
    """A listing of bookings. `complete` is False when the vendor shows this token only some of them."""

    found: tuple[Booking, ...] = ()
    complete: bool = True


CancelledBy = Literal["patient", "clinic", "insurer", "registry"]
CancelWhy = Literal["unwell", "no_longer_needed", "other_time", "practitioner_away", "mistake", "other"]


class CancelReason(CallerModel):
    """Who gives the time up, and why. message: a text for the clinic, at most 200 characters."""

    by: CancelledBy
    why: CancelWhy = "other"
    message: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), _ForTheClinic] | None = None

    def note(self, limit: int | None = None) -> str:
        """A line for the clinic in Norwegian, for vendors that take a free text: who, why, then the message.

        limit: characters that the vendor takes, None for all of them (fewer than 300). What is beyond is cut off, since
        a cancel must not fail for its reason."""
        line = texts.text(
            "cancel", "line", "nb", by=texts.text("cancel", self.by, "nb"), why=texts.text("cancel", self.why, "nb")
        )
        return PrivateText((f"{line} {self.message}" if self.message else line)[:limit])


class Cancelled(Model):
    """The booking does not stand any more. late: after the clinic's deadline, so that it may be charged; None when the
    vendor does not say. already_gone: it was not there when we came."""

    late: bool | None = None
    already_gone: bool = False


# ---- what is certain after a lost answer


class Evidence(Model):
    """One thing that was looked at after a lost answer, and what it showed: two words and a time."""

    looked_at: Literal["reference", "listing", "slot", "facts"]
    saw: str
    at: Moment


class Booked(Model):
    """The booking stands."""

    booking: Booking
    evidence: tuple[Evidence, ...] = ()


class NotBooked(Model):
    """It is proven that the write did not happen and can't happen any more.

    only_same_slot: the proof is a slot that is still free; only that same slot may be tried again by itself.
    """

    evidence: tuple[Evidence, ...] = ()
    only_same_slot: bool = False


class StillUnknown(Model):
    """Nothing is certain yet; looking again at `next_at` (UTC) can change that."""

    next_at: Moment
    evidence: tuple[Evidence, ...] = ()


class NeedsPerson(Model):
    """The vendor offers no way to find out: somebody must ask the clinic. Never book the time again by itself.

    booking: what stands under the reference, when it is at another time or otherwise not what was asked.
    """

    evidence: tuple[Evidence, ...] = ()
    booking: Booking | None = None


Resolution: TypeAlias = Booked | NotBooked | StillUnknown | NeedsPerson


def live(booking: Booking) -> bool:
    """True when the booking may still take place."""
    return booking.status in LIVE


def stamped(booking: Booking, **stamps: Any) -> Booking:
    """The booking with what only the SDK knows."""
    return booking.model_copy(update=stamps)
