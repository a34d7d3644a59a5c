"""Why the clinic's system says no: one class per reason.

    Refusal
    ├─ SlotNotOffered        no such planned slot, or online booking does not offer it to this patient
    ├─ SlotTaken             another live appointment overlaps
    ├─ TooManyBookings       the patient has as many upcoming online bookings as allowed
    ├─ PatientRequired       the details needed to find or make the patient are missing (`fields`)
    ├─ NoSuchPatient         the patient id is not on file
    ├─ ReferenceInUse        a live appointment already carries this reference
    ├─ NoSuchAppointment     never existed, not committed yet, or deleted
    ├─ AlreadyCancelled      cancelled or declined before
    ├─ AlreadyStarted        the start has passed
    ├─ NotStarted            attendance can only be marked after the start
    ├─ CancelNotAllowed      patients may not cancel this online
    ├─ TooLateToCancel       after the deadline (`deadline`, aware UTC)
    ├─ NotPending            only a pending request is confirmed or declined
    ├─ NotConfirmed          attendance of a pending request cannot be marked
    └─ TooLateToDelete       staff may delete without notice only within five minutes

The text of a refusal names ids and times, never a patient. `code` is the stable word for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

__all__ = [
    "AlreadyCancelled",
    "AlreadyStarted",
    "CancelNotAllowed",
    "HoldOver",
    "NoSuchAppointment",
    "NoSuchPatient",
    "NotConfirmed",
    "NotPending",
    "NotStarted",
    "PatientRequired",
    "ReferenceInUse",
    "Refusal",
    "SlotNotOffered",
    "SlotTaken",
    "TooLateToCancel",
    "TooLateToDelete",
    "TooManyBookings",
]


class Refusal(Exception):
    """The clinic's system refused; nothing was changed."""

    code: ClassVar[str] = "refused"


class SlotNotOffered(Refusal):
    """The time is not planned, or online booking does not offer it. `reasons` are `HiddenReason` codes."""

    code = "slot_not_offered"

    def __init__(self, text: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.reasons = reasons


class SlotTaken(Refusal):
    """Another live appointment overlaps the wanted time."""

    code = "slot_taken"


class HoldOver(Refusal):
    """There is no such hold, or it has ended."""

    code = "hold_over"


class TooManyBookings(Refusal):
    """The patient has reached the allowed number of upcoming online bookings, `limit`."""

    code = "too_many_bookings"

    def __init__(self, text: str, limit: int) -> None:
        super().__init__(text)
        self.limit = limit


class PatientRequired(Refusal):
    """The order does not say who the patient is; `fields` of `PatientDetails` are missing."""

    code = "patient_required"

    def __init__(self, text: str, fields: tuple[str, ...]) -> None:
        super().__init__(text)
        self.fields = fields


class NoSuchPatient(Refusal):
    """The patient id is not on file."""

    code = "no_such_patient"


class ReferenceInUse(Refusal):
    """A live appointment already carries the reference; `appointment_id` names it."""

    code = "reference_in_use"

    def __init__(self, text: str, appointment_id: str) -> None:
        super().__init__(text)
        self.appointment_id = appointment_id


class NoSuchAppointment(Refusal):
    """There is no such appointment (any more, or yet)."""

    code = "no_such_appointment"


class AlreadyCancelled(Refusal):
    """The appointment was cancelled or declined before."""

    code = "already_cancelled"


class AlreadyStarted(Refusal):
    """The appointment has started, so it can no longer be cancelled or moved."""

    code = "already_started"


class NotStarted(Refusal):
    """The appointment has not started, so nobody can have attended or missed it."""

    code = "not_started"


class CancelNotAllowed(Refusal):
    """Online cancellation is switched off for this appointment."""

    code = "cancel_not_allowed"


class TooLateToCancel(Refusal):
    """The deadline for cancelling or moving has passed; `deadline` is aware UTC."""

    code = "too_late_to_cancel"

    def __init__(self, text: str, deadline: datetime) -> None:
        super().__init__(text)
        self.deadline = deadline


class NotPending(Refusal):
    """Only a pending request can be confirmed or declined."""

    code = "not_pending"


class TooLateToDelete(Refusal):
    """Staff may delete an appointment without notice only within five minutes; after that it is cancelled."""

    code = "too_late_to_delete"


class NotConfirmed(Refusal):
    """The appointment is a pending request; it must be confirmed first."""

    code = "not_confirmed"
