"""The vendor-neutral truth of a clinic: what its timebooks hold, whatever dialect asks.

Pure Python: no web framework, no I/O, no wall clock. Start reading at `clinic.py`.

    setup.py         departments, timebooks, appointment types, rules, rates
    workplan.py      week templates laid onto weeks: planned slots, DST nights
    hours.py         opening hours with pauses and an interval, for systems that plan no slots
    restrictions.py  which level's restriction wins
    appointments.py  appointments, patients, claims, messages
    clinic.py        the clinic and its operations, each atomic, with an explicit commit
    behaviour.py     switches: overlaps, requests, lags
    offers.py        open slots and the reasons why others are hidden
    refusals.py      why the clinic's system says no
    invariants.py    what must hold after every call
    demo.py          Solsiden Fysioterapi, to read and to show
    synthetic.py     random clinics that follow from a seed
"""

from .appointments import (
    HOLDS_TIME,
    IN_THE_TEXT,
    Appointment,
    AppointmentState,
    BookingOrder,
    CancelledBy,
    Claim,
    Hold,
    InTheText,
    Message,
    MessageKind,
    Patient,
    PatientDetails,
    PatientMatch,
    Source,
)
from .behaviour import Behaviour, Lags
from .clinic import DELETE_WITHIN, Change, Clinic, ConsistentView, Snapshot
from .clock import EARLIEST, LATEST, Clock, as_utc
from .demo import DEMO_START, PHYSIOTHERAPY, SYNTHETIC_FIRST, SYNTHETIC_TRAINING, demo_clinic, demo_id
from .hours import DAY_MINUTES, DayHours, OpeningHours, WeeklyPause, clock_spans, hours_of_plan
from .identifiers import organisation_number_is_valid, synthetic_id, synthetic_organisation_number
from .invariants import check_invariants
from .offers import HIDDEN_BECAUSE, HiddenCode, HiddenReason, OpenSlot
from .refusals import (
    AlreadyCancelled,
    AlreadyStarted,
    CancelNotAllowed,
    HoldOver,
    NoSuchAppointment,
    NoSuchPatient,
    NotConfirmed,
    NotPending,
    NotStarted,
    PatientRequired,
    ReferenceInUse,
    Refusal,
    SlotNotOffered,
    SlotTaken,
    TooLateToCancel,
    TooLateToDelete,
    TooManyBookings,
)
from .restrictions import EffectiveRestrictions, Level, effective
from .sakid import SAK_ID_LINE, read_sak_id
from .setup import (
    ALL_PATIENTS,
    AppointmentType,
    Department,
    Medium,
    OwnerKind,
    Rate,
    RateKind,
    Restrictions,
    Rule,
    Timebook,
    TypeKind,
    VisitingAddress,
)
from .synthetic import synthetic_clinic
from .workplan import Event, PlannedSlot, RepeatedHour, TemplateRow, WeekTemplate, grid, moments, monday_of

__all__ = [
    "HIDDEN_BECAUSE",
    "ALL_PATIENTS",
    "DAY_MINUTES",
    "DELETE_WITHIN",
    "DEMO_START",
    "EARLIEST",
    "HOLDS_TIME",
    "IN_THE_TEXT",
    "PHYSIOTHERAPY",
    "SAK_ID_LINE",
    "SYNTHETIC_FIRST",
    "SYNTHETIC_TRAINING",
    "AlreadyCancelled",
    "AlreadyStarted",
    "Appointment",
    "AppointmentState",
    "AppointmentType",
    "Behaviour",
    "BookingOrder",
    "CancelNotAllowed",
    "CancelledBy",
    "Change",
    "Claim",
    "InTheText",
    "Clinic",
    "Clock",
    "ConsistentView",
    "DayHours",
    "Department",
    "EffectiveRestrictions",
    "Event",
    "HiddenCode",
    "HiddenReason",
    "LATEST",
    "Lags",
    "Level",
    "Medium",
    "Message",
    "MessageKind",
    "NoSuchAppointment",
    "NoSuchPatient",
    "NotConfirmed",
    "NotPending",
    "NotStarted",
    "OpenSlot",
    "OpeningHours",
    "OwnerKind",
    "Patient",
    "PatientDetails",
    "PatientMatch",
    "PatientRequired",
    "PlannedSlot",
    "Rate",
    "RateKind",
    "ReferenceInUse",
    "Refusal",
    "RepeatedHour",
    "Restrictions",
    "Rule",
    "SlotNotOffered",
    "Hold",
    "HoldOver",
    "SlotTaken",
    "Snapshot",
    "Source",
    "TemplateRow",
    "Timebook",
    "TooLateToCancel",
    "TooLateToDelete",
    "TooManyBookings",
    "TypeKind",
    "VisitingAddress",
    "WeekTemplate",
    "WeeklyPause",
    "as_utc",
    "check_invariants",
    "clock_spans",
    "demo_clinic",
    "demo_id",
    "effective",
    "grid",
    "hours_of_plan",
    "moments",
    "monday_of",
    "organisation_number_is_valid",
    "read_sak_id",
    "synthetic_clinic",
    "synthetic_id",
    "synthetic_organisation_number",
]
