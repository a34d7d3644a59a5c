"""What must hold in a clinic after every call, whoever called and whatever failed."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from operator import attrgetter

from .appointments import Appointment
from .clinic import Clinic

__all__ = ["check_invariants"]


def check_invariants(clinic: Clinic) -> list[str]:
    """Every broken invariant as a sentence with ids and times, never a patient's name; empty when all is well.

    - no two live appointments overlap in a timebook, except in one group's places, where overlaps are refused
    - every appointment ends after it starts, in aware UTC, and belongs to a patient on file
    - a claim belongs to a patient on file and an appointment made, and is the only one for its patient and SakID
    - a reference stands on one live appointment only, unless references are free
    - a cancelled appointment says by whom; only a cancelled one does, and only a cancelled one is late
    - a message is about an appointment that was made
    """
    snapshot = clinic.consistent_view()
    appointments, patients = snapshot.appointments, {patient.id for patient in snapshot.patients}
    broken: list[str] = []
    for appointment in appointments:
        broken += _broken_in_one(appointment, patients)
    if clinic.behaviour.overlap == "refused":
        broken += _overlaps(clinic, appointments)
    unique = clinic.behaviour.references == "unique"
    references = Counter(a.reference for a in appointments if unique and a.live and a.reference is not None)
    broken += [f"reference {ref} stands on {count} live appointments" for ref, count in references.items() if count > 1]
    claims = Counter((claim.patient_id, claim.sak_id) for claim in snapshot.claims)
    broken += [
        f"patient {patient_id} has {count} claims for one SakID"
        for (patient_id, _), count in claims.items()
        if count > 1
    ]
    for claim in snapshot.claims:
        if claim.patient_id not in patients:
            broken.append(f"claim {claim.id} belongs to nobody on file")
        if claim.appointment_id not in snapshot.made:
            broken.append(f"claim {claim.id} comes from no appointment")
    broken += [
        f"message {message.id} is about no appointment"
        for message in snapshot.messages
        if message.appointment_id not in snapshot.made
    ]
    return broken


def _broken_in_one(appointment: Appointment, patients: set[str]) -> list[str]:
    broken: list[str] = []
    name = f"appointment {appointment.id}"
    if appointment.end <= appointment.start:
        broken.append(f"{name} does not end after it starts ({appointment.start.isoformat()})")
    for what in ("start", "end", "created_at"):
        moment = getattr(appointment, what)
        if moment.utcoffset() is None or moment.utcoffset().total_seconds() != 0:
            broken.append(f"{name}: {what} is not in UTC")
    if appointment.patient_id not in patients:
        broken.append(f"{name} belongs to nobody on file")
    if (appointment.state == "cancelled") != (appointment.cancelled_by is not None):
        broken.append(f"{name} is {appointment.state} but cancelled by {appointment.cancelled_by}")
    if appointment.late and appointment.state != "cancelled":
        broken.append(f"{name} is marked late but {appointment.state}")
    return broken


def _overlaps(clinic: Clinic, appointments: tuple[Appointment, ...]) -> list[str]:
    broken: list[str] = []
    live = sorted((a for a in appointments if a.live), key=attrgetter("timebook_id", "start", "id"))
    for timebook_id, group in groupby(live, key=attrgetter("timebook_id")):
        open_ones: list[Appointment] = []
        for appointment in group:
            open_ones = [other for other in open_ones if other.end > appointment.start]
            crowd = [other for other in open_ones if not _same_group(clinic, other, appointment)]
            broken += [
                f"appointments {other.id} and {appointment.id} overlap in timebook {timebook_id}"
                f" at {appointment.start.isoformat()}"
                for other in crowd
            ]
            together = len(open_ones) - len(crowd) + 1
            if together > 1 and together > clinic.any_type(appointment.type_id).places:
                broken.append(f"group at {appointment.start.isoformat()} in timebook {timebook_id} holds {together}")
            open_ones.append(appointment)
    return broken


def _same_group(clinic: Clinic, one: Appointment, other: Appointment) -> bool:
    same = (one.type_id, one.start, one.end) == (other.type_id, other.start, other.end)
    return same and clinic.any_type(one.type_id).kind == "group"
