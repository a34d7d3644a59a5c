"""What fills a timebook: appointments, the patients they are for, claims made from a SakID, messages sent.

Records are frozen; a change makes a new version. Moments are aware UTC datetimes. Nothing about a patient is in a repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Final, Literal

__all__ = [
    "HOLDS_TIME",
    "IN_THE_TEXT",
    "Appointment",
    "AppointmentState",
    "BookingOrder",
    "CancelledBy",
    "Claim",
    "Hold",
    "InTheText",
    "Message",
    "MessageKind",
    "Patient",
    "PatientDetails",
    "PatientMatch",
    "Source",
]

AppointmentState = Literal["booked", "pending", "cancelled", "attended", "no_show", "declined"]
"""How an appointment stands; `pending` waits for the clinic's staff, who then book or decline it."""
Source = Literal["online", "staff", "other"]
"""Who booked: a caller of the API, or a patient (`online`), the clinic's staff, or something else."""
CancelledBy = Literal["patient", "clinic", "insurer", "registry"]
"""On whose behalf an appointment was cancelled; a dialect says `registry` for what its API was asked."""
MessageKind = Literal["confirmation", "request_received", "cancelled", "moved", "declined", "new_booking"]
"""What a message of the clinic's system is about."""
PatientMatch = Literal["email", "national_id", "name_and_birth_date", "phone", "never"]
"""By what a booking finds its patient on file; `never` puts a new record there for each booking."""


class InTheText(Enum):
    """That a vendor has no field of its own for the SakID."""

    IN_THE_TEXT = "in the text"


IN_THE_TEXT: Final = InTheText.IN_THE_TEXT
HOLDS_TIME: frozenset[AppointmentState] = frozenset({"booked", "pending", "attended", "no_show"})
"""The states in which an appointment is live: it takes its time in the timebook."""


@dataclass(frozen=True)
class PatientDetails:
    """What a booking says about its patient. Every field may be missing; a vendor's wire often carries two of them.

    `notes` is the free text on the patient's card, for vendors where bookings have none.
    """

    name: str = field(default="", repr=False)
    birth_date: date | None = field(default=None, repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    national_id: str | None = field(default=None, repr=False)
    notes: str = field(default="", repr=False)


@dataclass(frozen=True)
class Patient:
    """A patient on file at the clinic. A missing text is empty."""

    id: str
    name: str = field(default="", repr=False)
    birth_date: date | None = field(default=None, repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    national_id: str | None = field(default=None, repr=False)
    notes: str = field(default="", repr=False)


@dataclass(frozen=True)
class BookingOrder:
    """One wish to book, as a dialect reads it from a request.

    `start` is aware. `minutes` is given by systems that take any time of any length, where only other appointments are
    looked at; None books an offered time. The patient is given as `patient_id` (on file) or as `patient` details, which
    are matched to a patient on file by the field named in `match`, or put on file when nobody matches. Where the
    vendor's API does not say how it finds a patient, use "never": two people may share an address or a telephone.
    `reference` is the caller's own: `Clinic.appointments(reference=…)` finds it, and a second live appointment with the
    same one is refused (`ReferenceInUse`) unless `Behaviour.references` says "free". `sak_id` is what stood in the
    vendor's own field for it, None where that was left empty; a vendor without such a field leaves it out, and it is
    read from the note, then from the patient's comment. `hold_id` is the hold (`Clinic.hold`) that the booking uses up.
    """

    timebook_id: str
    type_id: str
    start: datetime
    patient: PatientDetails | None = None
    patient_id: str | None = None
    match: PatientMatch = "email"
    patient_comment: str = field(default="", repr=False)
    note: str = field(default="", repr=False)
    reference: str | None = None
    sak_id: str | InTheText | None = field(default=IN_THE_TEXT, repr=False)
    source: Source = "online"
    minutes: int | None = None
    hold_id: str | None = None


@dataclass(frozen=True)
class Hold:
    """A time that is kept from `made_at` on for whoever holds it, and ends by itself at `until`. All moments are in
    UTC."""

    id: str
    timebook_id: str
    type_id: str
    start: datetime
    end: datetime
    made_at: datetime
    until: datetime


@dataclass(frozen=True)
class Appointment:
    """An appointment. `start`, `end` and `created_at` are aware UTC; `end - start` is absolute time.

    `patient_comment` is "Pasientbemerkning" and `note` is "Notat". `sak_id_field` says that the vendor has a field of
    its own for the SakID, so that none is read from the texts. `late` is set on a cancellation after the deadline.
    """

    id: str
    timebook_id: str
    type_id: str
    start: datetime
    end: datetime
    patient_id: str
    state: AppointmentState
    created_at: datetime
    source: Source
    patient_comment: str = field(default="", repr=False)
    note: str = field(default="", repr=False)
    reference: str | None = None
    sak_id: str | None = field(default=None, repr=False)
    sak_id_field: bool = False
    cancelled_by: CancelledBy | None = None
    reason: str = field(default="", repr=False)
    late: bool = False
    changed_at: datetime | None = None

    @property
    def live(self) -> bool:
        """True while the appointment takes its time in the timebook."""
        return self.state in HOLDS_TIME


@dataclass(frozen=True)
class Claim:
    """A claim on a patient, made by the clinic's system from a SakID found in a booking."""

    id: str
    patient_id: str
    sak_id: str = field(repr=False)
    appointment_id: str
    created_at: datetime


@dataclass(frozen=True)
class Message:
    """A message the clinic's system sent about an appointment: to a patient, or to the clinic's main account, where
    `patient_id` is empty."""

    id: str
    kind: MessageKind
    patient_id: str
    appointment_id: str
    sent_at: datetime
