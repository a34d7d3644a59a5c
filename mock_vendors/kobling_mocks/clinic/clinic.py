"""The clinic: one timebook truth, changed by atomic operations under one lock.

Every operation that changes something comes as a pair. `prepare_book(…)` checks and returns a `Change`; its `commit()`
checks again and does it. `book(…)` is both in one. A server puts its faults between the two, or after the commit; a
change that is never committed leaves nothing behind. A refusal (`refusals.py`) leaves nothing behind either.

    clinic = demo_clinic(Clock(datetime(2026, 11, 30, 7, tzinfo=UTC)))
    slot = clinic.open_slots(None, None, date(2026, 12, 1), date(2026, 12, 1))[0]
    clinic.book(BookingOrder(slot.timebook_id, slot.type_id, slot.start, PatientDetails(email="kari@example.test")))

Time is the clinic's `Clock`; bookings that were accepted and are not committed yet (`Lags.commit`) become real when the
clock has reached their moment, at the start of the next call.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, Generic, TypeVar, cast
from zoneinfo import ZoneInfo

from .appointments import (
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
)
from .behaviour import Behaviour
from .clock import EARLIEST, LATEST, Clock, as_utc
from .hours import OpeningHours, planned_by_hours
from .identifiers import organisation_number_is_valid, synthetic_id
from .offers import HiddenCode, HiddenReason, OpenSlot
from .plaindata import plain
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
from .restrictions import EffectiveRestrictions, effective
from .sakid import read_sak_id
from .setup import ALL_PATIENTS, AppointmentType, Department, Restrictions, Timebook, VisitingAddress
from .workplan import Event, PlannedSlot, WeekTemplate, moments, monday_of

__all__ = ["DELETE_WITHIN", "Change", "Clinic", "ConsistentView", "Snapshot"]

DELETE_WITHIN = timedelta(minutes=5)
"""How long staff may delete a new appointment without notice; source: the vendor's help pages on cancelling."""

MOST_SEARCHES = 64
"""Answers of `open_slots` that are kept until something changes: a caller asks the same again and again."""

_T = TypeVar("_T")
_MATCH_FIELDS = {
    "email": ("email",),
    "national_id": ("national_id",),
    "phone": ("phone",),
    "name_and_birth_date": ("name", "birth_date"),
    "never": (),
}


@dataclass(frozen=True)
class _Version:
    """An appointment as it was from `at` on; None once it was deleted."""

    at: datetime
    appointment: Appointment | None


@dataclass(frozen=True)
class _Accepted:
    """A booking that was accepted and becomes real at `due`."""

    due: datetime
    asked_at: datetime
    order: BookingOrder
    preview: Appointment


@dataclass
class _State:
    """Everything that can change. Values are frozen; a change replaces them, so a shallow copy is a snapshot."""

    online: bool = True
    restrictions: Restrictions = field(default_factory=Restrictions)
    behaviour: Behaviour = field(default_factory=Behaviour)
    departments: dict[str, Department] = field(default_factory=dict)
    addresses: dict[str, VisitingAddress] = field(default_factory=dict)
    timebooks: dict[str, Timebook] = field(default_factory=dict)
    types: dict[str, AppointmentType] = field(default_factory=dict)
    removed_timebooks: dict[str, Timebook] = field(default_factory=dict)
    removed_types: dict[str, AppointmentType] = field(default_factory=dict)
    patient_lists: dict[str, frozenset[str]] = field(default_factory=dict)
    templates: dict[str, WeekTemplate] = field(default_factory=dict)
    plan: dict[tuple[str, date], tuple[PlannedSlot, ...]] = field(default_factory=dict)
    hours: dict[str, OpeningHours] = field(default_factory=dict)
    closed: dict[tuple[str | None, date], bool] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    patients: dict[str, Patient] = field(default_factory=dict)
    history: dict[str, tuple[_Version, ...]] = field(default_factory=dict)
    accepted: tuple[_Accepted, ...] = ()
    holds: dict[str, Hold] = field(default_factory=dict)
    past_holds: dict[str, Hold] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    made: int = 0
    revision: int = 0

    def copy(self) -> _State:
        twin = copy(self)
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, dict):
                setattr(twin, each.name, dict(value))
        return twin


@dataclass(frozen=True)
class ConsistentView:
    """What the clinic holds at one moment. `made` are the ids of all appointments ever made, deleted ones too."""

    appointments: tuple[Appointment, ...]
    made: frozenset[str]
    patients: tuple[Patient, ...]
    claims: tuple[Claim, ...]
    messages: tuple[Message, ...]


class Snapshot:
    """The whole state of a clinic at one moment, for `Clinic.restore`. Its content is the clinic's own business."""

    def __init__(self, state: _State, now: datetime) -> None:
        self._state = state
        self._now = now

    def __repr__(self) -> str:
        return f"Snapshot(revision={self._state.revision}, now={self._now.isoformat()})"


class Change(Generic[_T]):
    """A checked change that has not happened yet. `commit()` checks again, does it and returns what became of it."""

    def __init__(self, operation: str, commit: Callable[[], _T]) -> None:
        self.operation = operation
        self._commit = commit
        self._committed = False

    def commit(self) -> _T:
        """Do it, once. Raises the operation's refusals, or `RuntimeError` when it was committed before."""
        if self._committed:
            raise RuntimeError(f"this {self.operation} was already committed")
        result = self._commit()
        self._committed = True
        return result


class _Busy:
    """The live appointments of one view, found by timebook and day."""

    def __init__(self, appointments: Iterable[Appointment]) -> None:
        self._by_day: dict[tuple[str, date], list[Appointment]] = defaultdict(list)
        for appointment in appointments:
            if appointment.live:
                for day in _days(appointment.start, appointment.end):
                    self._by_day[appointment.timebook_id, day].append(appointment)

    def overlapping(self, timebook_id: str, start: datetime, end: datetime) -> list[Appointment]:
        """Live appointments whose half-open interval overlaps [start, end)."""
        first, last = start.date(), end.date()
        days: Iterable[date] = (first,) if first == last else _days(start, end)
        found = {
            appointment.id: appointment
            for day in days
            for appointment in self._by_day.get((timebook_id, day), ())
            if appointment.start < end and start < appointment.end
        }
        return list(found.values())

    def starting(self, timebook_id: str, day: date, zone: ZoneInfo) -> int:
        """How many live appointments of a timebook start on a local day."""
        near = {a.id: a for n in (-1, 0, 1) for a in self._by_day.get((timebook_id, day + timedelta(days=n)), ())}
        return sum(a.start.astimezone(zone).date() == day for a in near.values())

    def places_left(self, timebook_id: str, kind: AppointmentType, start: datetime, end: datetime) -> int:
        """How many more appointments of this type fit: 1 or 0, or the free places of a group."""
        overlapping = self.overlapping(timebook_id, start, end)
        if kind.kind != "group":
            return 0 if overlapping else 1
        same = [a for a in overlapping if (a.type_id, a.start, a.end) == (kind.id, start, end)]
        return 0 if len(same) < len(overlapping) else max(0, kind.places - len(same))


def _days(start: datetime, end: datetime) -> Iterator[date]:
    day = start.date()
    while day <= end.date():
        yield day
        day += timedelta(days=1)


class Clinic:
    """A clinic with its timebooks. Thread safe; every public method is atomic.

    `organisation_number` must have nine digits and a right check digit, else `ValueError`. `zone` is an IANA name.
    `seed` decides every id the clinic makes.
    """

    def __init__(
        self,
        name: str,
        organisation_number: str,
        clock: Clock,
        *,
        seed: object = 0,
        zone: str = "Europe/Oslo",
        departments: Iterable[Department] = (),
        restrictions: Restrictions | None = None,
        behaviour: Behaviour | None = None,
    ) -> None:
        if not organisation_number_is_valid(organisation_number):
            raise ValueError(f"{organisation_number!r} is not a valid organisation number (nine digits, mod 11)")
        self.name = name
        self.organisation_number = organisation_number
        self.clock = clock
        self.seed = seed
        self.zone = zone
        self.id = synthetic_id(seed, "clinic", name)
        self._tz = ZoneInfo(zone)
        self._lock = threading.RLock()
        self._numbers: dict[str, int] = {}
        self._searched: dict[object, tuple[OpenSlot, ...]] = {}
        self._state = _State(
            restrictions=restrictions or Restrictions(),
            behaviour=behaviour or Behaviour(),
            departments={self._numbered(department.id): department for department in departments},
        )

    def __repr__(self) -> str:
        return f"Clinic({self.name!r}, {self.organisation_number!r}, revision={self.revision})"

    # ---- numbers, for vendors that count

    def number_of(self, own_id: str) -> int | None:
        """1 for the first thing that this clinic got, 2 for the second, and so on; None for an id it never had.

        A number is never given again: not after a deletion, and not after `restore`, where the same id keeps it.
        """
        with self._lock:
            return self._numbers.get(own_id)

    def numbered(self, number: int) -> str | None:
        """The id with that number, None where there is none."""
        with self._lock:
            return next(islice(self._numbers, number - 1, number), None) if number > 0 else None

    def _numbered(self, own_id: str) -> str:
        self._numbers.setdefault(own_id, len(self._numbers) + 1)
        return own_id

    # ---- what is set up

    @property
    def revision(self) -> int:
        """A number that grows with every committed change; equal numbers mean that nothing was changed."""
        with self._settled() as state:
            return state.revision

    @property
    def online(self) -> bool:
        """False when the whole clinic is offline."""
        with self._lock:
            return self._state.online

    @property
    def restrictions(self) -> Restrictions:
        """The clinic's own level of restrictions."""
        with self._lock:
            return self._state.restrictions

    @property
    def behaviour(self) -> Behaviour:
        """The switches of this clinic's system."""
        with self._lock:
            return self._state.behaviour

    @property
    def departments(self) -> tuple[Department, ...]:
        """All departments, in the order they were put."""
        with self._lock:
            return tuple(self._state.departments.values())

    @property
    def addresses(self) -> tuple[VisitingAddress, ...]:
        """All visiting addresses."""
        with self._lock:
            return tuple(self._state.addresses.values())

    @property
    def timebooks(self) -> tuple[Timebook, ...]:
        """All timebooks that were not removed, offline ones too, by sorting position and then as they were put."""
        with self._lock:
            return tuple(sorted(self._state.timebooks.values(), key=lambda timebook: timebook.sorting_position))

    @property
    def types(self) -> tuple[AppointmentType, ...]:
        """All appointment types that were not removed, offline and hidden ones too."""
        with self._lock:
            return tuple(self._state.types.values())

    @property
    def patients(self) -> tuple[Patient, ...]:
        """Everybody on file."""
        with self._settled() as state:
            return tuple(state.patients.values())

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim, oldest first."""
        with self._settled() as state:
            return tuple(state.claims.values())

    @property
    def messages(self) -> tuple[Message, ...]:
        """Every message sent, oldest first."""
        with self._settled() as state:
            return state.messages

    @property
    def events(self) -> tuple[Event, ...]:
        """Every event that blocks a period."""
        with self._lock:
            return tuple(self._state.events.values())

    def timebook(self, timebook_id: str) -> Timebook | None:
        """One timebook, or None when it does not exist or was removed."""
        with self._lock:
            return self._state.timebooks.get(timebook_id)

    def type(self, type_id: str) -> AppointmentType | None:
        """One appointment type, or None when it does not exist or was removed."""
        with self._lock:
            return self._state.types.get(type_id)

    def address(self, address_id: str) -> VisitingAddress | None:
        """One visiting address, or None."""
        with self._lock:
            return self._state.addresses.get(address_id)

    def patient(self, patient_id: str) -> Patient | None:
        """One patient, or None."""
        with self._lock:
            return self._state.patients.get(patient_id)

    def effective_restrictions(self, timebook_id: str, type_id: str) -> EffectiveRestrictions:
        """What applies to one type in one timebook. Raises `KeyError` for ids that never existed."""
        with self._lock:
            return self._effective(timebook_id, type_id)

    def address_of(self, timebook_id: str, type_id: str) -> VisitingAddress | None:
        """Where patients are received for this type in this timebook: at the type's visiting address, else at the
        timebook's; None where neither has one, which is every department. Raises `KeyError` for ids that never
        existed."""
        with self._lock:
            state = self._state
            timebook = state.timebooks.get(timebook_id) or state.removed_timebooks[timebook_id]
            return self._address_of(timebook, self.any_type(type_id))

    # ---- changing the set-up; none of these touches an appointment

    def put_department(self, department: Department) -> None:
        """Add or replace a department."""
        with self._changing() as state:
            state.departments[self._numbered(department.id)] = department

    def put_address(self, address: VisitingAddress) -> None:
        """Add or replace a visiting address. Raises `ValueError` for an unknown department."""
        with self._changing() as state:
            if address.department_id not in state.departments:
                raise ValueError(f"no department {address.department_id}; put the department first")
            state.addresses[self._numbered(address.id)] = address

    def put_timebook(self, timebook: Timebook) -> None:
        """Add or replace a timebook. Raises `ValueError` for an unknown visiting address."""
        with self._changing() as state:
            if timebook.address_id is not None and timebook.address_id not in state.addresses:
                raise ValueError(f"no visiting address {timebook.address_id}; put the address first")
            state.timebooks[self._numbered(timebook.id)] = timebook

    def remove_timebook(self, timebook_id: str) -> None:
        """Delete a timebook; its appointments stay. Raises `KeyError` when there is none."""
        with self._changing() as state:
            state.removed_timebooks[timebook_id] = state.timebooks.pop(timebook_id)

    def put_type(self, appointment_type: AppointmentType) -> None:
        """Add or replace a type. The plan keeps the old duration until it is laid again.

        Raises `ValueError` for a duration or number of places below one, or an unknown visiting address.
        """
        if appointment_type.minutes < 1 or appointment_type.places < 1:
            raise ValueError("an appointment type needs at least one minute and one place")
        with self._changing() as state:
            if appointment_type.address_id is not None and appointment_type.address_id not in state.addresses:
                raise ValueError(f"no visiting address {appointment_type.address_id}; put the address first")
            state.types[self._numbered(appointment_type.id)] = appointment_type

    def remove_type(self, type_id: str) -> None:
        """Delete an appointment type; its appointments stay. Raises `KeyError` when there is none."""
        with self._changing() as state:
            state.removed_types[type_id] = state.types.pop(type_id)

    def put_patient(self, details: PatientDetails) -> Patient:
        """Put a new patient on file."""
        with self._changing() as state:
            return self._new_patient(state, details)

    def change_patient(self, patient_id: str, **changes: Any) -> Patient:
        """Change what stands on a patient's card. Raises `KeyError` for an unknown patient."""
        with self._changing() as state:
            state.patients[patient_id] = replace(state.patients[patient_id], **changes)
            return state.patients[patient_id]

    def put_patient_list(self, name: str, patient_ids: Iterable[str]) -> None:
        """Set who is on a patient list. Raises `ValueError` for the reserved name of "all patients"."""
        if name == ALL_PATIENTS:
            raise ValueError(f"{ALL_PATIENTS!r} means every patient; choose another name for a list")
        with self._changing() as state:
            state.patient_lists[name] = frozenset(patient_ids)

    def set_online(self, online: bool) -> None:
        """Put the whole clinic online or offline."""
        with self._changing() as state:
            state.online = online

    def set_restrictions(self, restrictions: Restrictions) -> None:
        """Replace the clinic's own level of restrictions."""
        with self._changing() as state:
            state.restrictions = restrictions

    def behave(self, **changes: Any) -> None:
        """Change switches of `Behaviour` by name: `clinic.behave(overlap="accepted")`."""
        with self._changing() as state:
            state.behaviour = replace(state.behaviour, **changes)

    # ---- the work plan (arbeidsplan)

    def put_template(self, template: WeekTemplate) -> None:
        """Add or replace a week template. Weeks that were already laid keep their old slots."""
        with self._changing() as state:
            state.templates[template.id] = template

    def lay_plan(self, timebook_id: str, template_id: str, first_monday: date, weeks: int) -> None:
        """Lay a template onto weeks of a timebook, replacing what was planned there; appointments are not touched.

        Raises `ValueError` for a day that is no Monday, `KeyError` for an unknown timebook, template or type.
        """
        if first_monday.weekday() != 0:
            raise ValueError(f"{first_monday} is not a Monday; {monday_of(first_monday)} is")
        with self._changing() as state:
            template = state.templates[template_id]
            if timebook_id not in state.timebooks:
                raise KeyError(timebook_id)
            for number in range(weeks * 7):
                day = first_monday + timedelta(days=number)
                rows = [row for row in template.rows if row.weekday == day.weekday()]
                slots = [
                    PlannedSlot(
                        timebook_id=timebook_id,
                        type_id=row.type_id,
                        start=moment,
                        end=moment + timedelta(minutes=state.types[row.type_id].minutes),
                        day=day,
                        fold=moment.astimezone(self._tz).fold,
                    )
                    for row in rows
                    for moment in moments(day, row.start, self._tz, row.in_repeated_hour)
                ]
                state.plan[timebook_id, day] = tuple(sorted(set(slots), key=lambda slot: (slot.start, slot.type_id)))

    def clear_plan(self, timebook_id: str, first_day: date, last_day: date) -> None:
        """Take the planned slots of these local days (both included) out of the plan; appointments are not touched."""
        with self._changing() as state:
            for key in [key for key in state.plan if key[0] == timebook_id and first_day <= key[1] <= last_day]:
                del state.plan[key]

    def keep_hours(self, timebook_id: str, hours: OpeningHours) -> None:
        """Offer times by opening hours from now on, in every week, for every type with a rule there; what was planned
        in this timebook is forgotten. Raises `KeyError` for an unknown timebook, `ValueError` for a step below one."""
        if hours.every_minutes < 1:
            raise ValueError("a grid needs a step of at least one minute")
        with self._changing() as state:
            if timebook_id not in state.timebooks:
                raise KeyError(timebook_id)
            for key in [key for key in state.plan if key[0] == timebook_id]:
                del state.plan[key]
            state.hours[timebook_id] = hours

    def hours(self, timebook_id: str) -> OpeningHours | None:
        """The opening hours of a timebook, None where times are planned one by one."""
        with self._lock:
            return self._state.hours.get(timebook_id)

    @property
    def plan(self) -> tuple[PlannedSlot, ...]:
        """Everything that was planned one by one, closed days included."""
        with self._lock:
            return tuple(slot for slots in self._state.plan.values() for slot in slots)

    @property
    def closed_days(self) -> tuple[tuple[str | None, date], ...]:
        """The closed days: the timebook, or None for the whole clinic, and the day."""
        with self._lock:
            return tuple(self._state.closed)

    def close_day(self, day: date, timebook_id: str | None = None) -> None:
        """Mark a local day as closed ("rød dag") for one timebook or, without one, for the whole clinic."""
        with self._changing() as state:
            state.closed[timebook_id, day] = True

    def reopen_day(self, day: date, timebook_id: str | None = None) -> None:
        """Take back a `close_day` of the same reach."""
        with self._changing() as state:
            state.closed.pop((timebook_id, day), None)

    def block(self, timebook_id: str, start: datetime, end: datetime, title: str = "") -> Event:
        """Block a period (half-open, aware) by an event. Raises `ValueError` when it is empty."""
        if as_utc(start) >= as_utc(end):
            raise ValueError("an event must end after it starts")
        with self._changing() as state:
            event = Event(self._next_id(state, "event"), timebook_id, as_utc(start), as_utc(end), title)
            state.events[event.id] = event
            return event

    def unblock(self, event_id: str) -> None:
        """Remove an event. Raises `KeyError` when there is none."""
        with self._changing() as state:
            del state.events[event_id]

    def planned_slots(self, timebook_id: str, first_day: date, last_day: date) -> tuple[PlannedSlot, ...]:
        """What the work plan holds on these local days, free or not, closed days left out; by start, then type."""
        with self._lock:
            return tuple(
                slot
                for day in _days_between(first_day, last_day)
                if not self._is_closed(timebook_id, day)
                for slot in self._planned(timebook_id, day)
            )

    def _planned(self, timebook_id: str, day: date) -> tuple[PlannedSlot, ...]:
        state = self._state
        hours = state.hours.get(timebook_id)
        if not EARLIEST.date() < day < LATEST.date():
            return ()
        if hours is None:
            return state.plan.get((timebook_id, day), ())
        kinds = tuple((kind.id, kind.minutes) for kind in state.types.values() if kind.rule_for(timebook_id))
        return planned_by_hours(hours, timebook_id, day, self.zone, kinds)

    # ---- searching

    def open_slots(
        self,
        timebook_ids: Collection[str] | None,
        type_ids: Collection[str] | None,
        first_day: date,
        last_day: date,
        now: datetime | None = None,
        *,
        patient_id: str | None = None,
        patient_lists: Collection[str] = (),
        department_id: str | None = None,
    ) -> tuple[OpenSlot, ...]:
        """What online booking shows on these local days (both included), by start, timebook and type.

        `None` for timebooks or types means all of them; unknown ids find nothing. `now` is aware; None means the
        clinic's clock. Slots of a patient list are shown when it is named in `patient_lists` or holds `patient_id`.
        A number-of-bookings limit hides slots only where the patient is known. `department_id` keeps what has a
        visiting address there and what has no address at all. The timebook is seen `Lags.search` seconds old.
        """
        with self._settled() as state:
            moment = as_utc(now) if now is not None else self.clock.now()
            asked = (
                None if timebook_ids is None else frozenset(timebook_ids),
                None if type_ids is None else frozenset(type_ids),
                first_day, last_day, moment, patient_id, frozenset(patient_lists), department_id,
            )  # fmt: skip
            known = self._searched.get(asked)
            if known is not None:
                return known
            busy = _Busy(self._seen(moment, state.behaviour.lags.search))
            found: list[OpenSlot] = []
            for timebook in self.timebooks:
                if timebook_ids is not None and timebook.id not in timebook_ids:
                    continue
                planned: dict[str, list[PlannedSlot]] = defaultdict(list)
                for slot in self.planned_slots(timebook.id, first_day, last_day):
                    planned[slot.type_id].append(slot)
                for kind in state.types.values():
                    if (type_ids is None or kind.id in type_ids) and self._in_department(timebook, kind, department_id):
                        found += self._open(
                            timebook, kind, planned.get(kind.id, ()), moment, busy, patient_id, patient_lists
                        )
            position = {timebook.id: number for number, timebook in enumerate(self.timebooks)}
            answer = tuple(sorted(found, key=lambda slot: (slot.start, position[slot.timebook_id], slot.type_id)))
            if len(self._searched) >= MOST_SEARCHES:
                self._searched.clear()
            self._searched[asked] = answer
            return answer

    def hidden_reasons(
        self, timebook_id: str, type_id: str, first_day: date, last_day: date, now: datetime | None = None
    ) -> tuple[HiddenReason, ...]:
        """Why times of this type in this timebook are not shown on these local days; empty when all are shown.

        For diagnosis: no vendor tells this to a caller. Reasons for the whole type or timebook come first.
        """
        with self._settled() as state:
            moment = as_utc(now) if now is not None else self.clock.now()
            timebook, kind = state.timebooks.get(timebook_id), state.types.get(type_id)
            if timebook is None or kind is None:
                missing: list[HiddenCode] = ["no_such_timebook"] if timebook is None else []
                missing += ["no_such_type"] if kind is None else []
                return tuple(HiddenReason(code) for code in missing)
            reasons = [HiddenReason(code) for code in self._closed_doors(timebook, kind, None, ())]
            rule = kind.rule_for(timebook.id)
            if timebook.owner_kind != "person":
                reasons.append(HiddenReason("profile_not_person_owned", "insurance"))
            if kind.kind == "group":
                reasons.append(HiddenReason("group_type", "insurance"))
            if rule is not None and not rule.insurance_rates:
                reasons.append(HiddenReason("no_insurance_rate", "insurance"))
            return (*reasons, *self._hidden_times(timebook, kind, first_day, last_day, moment))

    def _hidden_times(
        self, timebook: Timebook, kind: AppointmentType, first_day: date, last_day: date, now: datetime
    ) -> list[HiddenReason]:
        state = self._state
        busy = _Busy(self._seen(now, state.behaviour.lags.search))
        counted: Counter[HiddenCode] = Counter()
        planned = 0
        shown_days: set[date] = set()
        limits = self._effective(timebook.id, kind.id)
        first_only = limits.first_free_slot_only and kind.kind != "group"
        events = self._events_of(timebook.id)
        for day in _days_between(first_day, last_day):
            for slot in self._planned(timebook.id, day):
                if slot.type_id != kind.id:
                    continue
                planned += 1
                codes = self._hidden_time(slot, limits, now, events)
                if not codes and (
                    not busy.places_left(timebook.id, kind, slot.start, slot.end)
                    or self._is_held(timebook.id, slot.start, slot.end)
                ):
                    codes = ["taken"]
                if not codes and (held_up := self._held_up(timebook, slot, busy)):
                    codes = [held_up]
                if not codes and first_only and slot.day in shown_days:
                    codes = ["first_free_slot_only"]
                if not codes:
                    shown_days.add(slot.day)
                counted.update(codes)
        if not planned:
            return [HiddenReason("no_planned_slots", slots=0)]
        return [HiddenReason(code, slots=number) for code, number in counted.items()]

    def _open(
        self,
        timebook: Timebook,
        kind: AppointmentType,
        planned: Iterable[PlannedSlot],
        now: datetime,
        busy: _Busy,
        patient_id: str | None,
        patient_lists: Collection[str],
    ) -> list[OpenSlot]:
        if self._closed_doors(timebook, kind, patient_id, patient_lists):
            return []
        rule = kind.rule_for(timebook.id)
        if rule is None or (patient_id and self._limit_reached(timebook.id, kind.id, patient_id, now) is not None):
            return []
        limits = self._effective(timebook.id, kind.id)
        first_only = limits.first_free_slot_only and kind.kind != "group"
        address = self._address_of(timebook, kind)
        found: list[OpenSlot] = []
        shown_days: set[date] = set()
        events = self._events_of(timebook.id)
        for slot in planned:
            if (first_only and slot.day in shown_days) or self._hidden_time(slot, limits, now, events):
                continue
            places = busy.places_left(timebook.id, kind, slot.start, slot.end)
            if not places or self._is_held(timebook.id, slot.start, slot.end) or self._held_up(timebook, slot, busy):
                continue
            shown_days.add(slot.day)
            key = f"{slot.timebook_id}/{slot.type_id}/{slot.start.isoformat()}"
            found.append(
                OpenSlot(
                    id=synthetic_id(self.seed, "slot", key),
                    timebook_id=slot.timebook_id,
                    type_id=slot.type_id,
                    start=slot.start,
                    end=slot.end,
                    wall=slot.start.astimezone(self._tz).replace(tzinfo=None, fold=0),
                    fold=slot.fold,
                    rates=rule.rates,
                    patients=rule.patients,
                    address_id=address.id if address else None,
                    department_id=address.department_id if address else None,
                    group_id=synthetic_id(self.seed, "group", key) if kind.kind == "group" else None,
                    places_left=places,
                )
            )
        return found

    def _closed_doors(
        self, timebook: Timebook, kind: AppointmentType, patient_id: str | None, patient_lists: Collection[str]
    ) -> list[HiddenCode]:
        """Why the whole type in this timebook is not offered online."""
        codes: list[HiddenCode] = []
        for offline, code in (
            (not self._state.online, "clinic_offline"),
            (not timebook.online, "calendar_offline"),
            (not kind.online, "type_offline"),
            (kind.kind == "hidden", "hidden_type"),
        ):
            if offline:
                codes.append(cast(HiddenCode, code))
        rule = kind.rule_for(timebook.id)
        if rule is None:
            codes.append("no_rule_for_calendar")
        elif not (
            rule.patients == ALL_PATIENTS
            or rule.patients in patient_lists
            or patient_id in self._state.patient_lists.get(rule.patients, frozenset())
        ):
            codes.append("restricted_patient_list")
        return codes

    def _events_of(self, timebook_id: str) -> tuple[Event, ...]:
        return tuple(event for event in self._state.events.values() if event.timebook_id == timebook_id)

    def _hidden_time(
        self, slot: PlannedSlot, limits: EffectiveRestrictions, now: datetime, events: tuple[Event, ...]
    ) -> list[HiddenCode]:
        """Why one planned time is not shown, whether or not it is taken. events: those of its timebook."""
        codes: list[HiddenCode] = []
        if self._is_closed(slot.timebook_id, slot.day):
            codes.append("closed_day")
        if any(event.start < slot.end and slot.start < event.end for event in events):
            codes.append("blocked_by_event")
        if slot.start <= now:
            codes.append("started")
        elif slot.start - now < timedelta(hours=limits.booking_deadline_hours):
            codes.append("booking_deadline")
        days_ahead = limits.days_ahead
        if days_ahead is not None and slot.day > now.astimezone(self._tz).date() + timedelta(days=days_ahead):
            codes.append("days_ahead")
        return codes

    def _held_up(self, timebook: Timebook, slot: PlannedSlot, busy: _Busy) -> HiddenCode | None:
        """What else keeps a free time from being shown: bookings in a linked timebook, or a full day."""
        if any(busy.overlapping(other, slot.start, slot.end) for other in timebook.blocked_by):
            return "linked_timebook"
        if timebook.daily_limit is not None and busy.starting(timebook.id, slot.day, self._tz) >= timebook.daily_limit:
            return "daily_limit"
        return None

    def _in_department(self, timebook: Timebook, kind: AppointmentType, department_id: str | None) -> bool:
        address = self._address_of(timebook, kind) if department_id is not None else None
        return address is None or address.department_id == department_id

    def _address_of(self, timebook: Timebook, kind: AppointmentType) -> VisitingAddress | None:
        """Where a type is received in a timebook; None for every department."""
        where = kind.address_id or timebook.address_id
        return self._state.addresses.get(where) if where else None

    # ---- reading appointments

    def appointments(
        self,
        *,
        timebook_ids: Collection[str] | None = None,
        first_day: date | None = None,
        last_day: date | None = None,
        patient_id: str | None = None,
        states: Collection[AppointmentState] | None = None,
        reference: str | None = None,
    ) -> tuple[Appointment, ...]:
        """Appointments as a listing shows them (`Lags.listing` seconds old), by start and id.

        The days are local dates of the start, both included; None means no bound.
        """
        with self._settled() as state:
            found = [
                appointment
                for appointment in self._seen(self.clock.now(), state.behaviour.lags.listing)
                if (timebook_ids is None or appointment.timebook_id in timebook_ids)
                and (first_day is None or appointment.start.astimezone(self._tz).date() >= first_day)
                and (last_day is None or appointment.start.astimezone(self._tz).date() <= last_day)
                and (patient_id is None or appointment.patient_id == patient_id)
                and (states is None or appointment.state in states)
                and (reference is None or appointment.reference == reference)
            ]
            return tuple(sorted(found, key=lambda appointment: (appointment.start, appointment.id)))

    def appointment(self, appointment_id: str) -> Appointment:
        """One appointment as a reader sees it, `Lags.listing` seconds old. Raises `NoSuchAppointment`."""
        with self._settled() as state:
            for appointment in self._seen(self.clock.now(), state.behaviour.lags.listing):
                if appointment.id == appointment_id:
                    return appointment
            raise NoSuchAppointment(f"no appointment {appointment_id}")

    def all_appointments(self) -> tuple[Appointment, ...]:
        """The truth: every committed appointment that was not deleted, in the order they were made, without any lag."""
        with self._settled():
            return tuple(self._current())

    def accepted_bookings(self) -> tuple[Appointment, ...]:
        """Bookings that were accepted and are not committed yet, as they will be if nothing comes in between."""
        with self._settled() as state:
            return tuple(accepted.preview for accepted in state.accepted)

    # ---- online operations

    def is_free(self, slot: OpenSlot) -> bool:
        """Whether nobody has an open time, or holds it, at this moment: a search may be `Lags.search` seconds old."""
        with self._settled() as state:
            return self._is_free(state, slot.timebook_id, self.any_type(slot.type_id), slot.start, slot.end)

    def hold(self, timebook_id: str, type_id: str, start: datetime, seconds: float) -> Hold:
        """Keep an offered time for so many seconds: nobody else is shown it, or can book or hold it. `start` is aware.
        Raises `SlotNotOffered`, `SlotTaken`."""
        with self._changing() as state:
            now, begin = self.clock.now(), as_utc(start)
            end = self._check_offer(state, timebook_id, type_id, begin, "", now)
            until = now + timedelta(seconds=seconds)
            made = Hold(self._next_id(state, "hold"), timebook_id, type_id, begin, end, now, until)
            for lapsed in [one for one in state.holds.values() if one.until <= now]:
                _end(state, lapsed, lapsed.until)
            state.holds[made.id] = made
            return made

    def held(self, hold_id: str) -> Hold:
        """A hold that has not ended. Raises `HoldOver`."""
        with self._settled():
            return self._held(hold_id)

    def release(self, hold_id: str) -> None:
        """Give a hold back. Raises `HoldOver`."""
        with self._changing() as state:
            _end(state, self._held(hold_id), self.clock.now())

    @property
    def holds(self) -> tuple[Hold, ...]:
        """Holds that have not ended."""
        with self._settled():
            return tuple(self._holding())

    def all_holds(self) -> tuple[Hold, ...]:
        """Every hold that was ever made, in that order. `until` of one that was given back, or used up by its booking,
        is the moment of that."""
        with self._settled() as state:
            both = {**state.past_holds, **state.holds}
            return tuple(sorted(both.values(), key=lambda one: one.made_at))

    def _held(self, hold_id: str) -> Hold:
        found = next((one for one in self._holding() if one.id == hold_id), None)
        if found is None:
            raise HoldOver("there is no such hold, or it has ended")
        return found

    def _holding(self) -> Iterator[Hold]:
        now = self.clock.now()
        return (one for one in self._state.holds.values() if now < one.until)

    def _is_held(self, timebook_id: str, start: datetime, end: datetime) -> bool:
        if not self._state.holds:
            return False
        return any(one.timebook_id == timebook_id and one.start < end and start < one.end for one in self._holding())

    def prepare_book(self, order: BookingOrder) -> Change[Appointment]:
        """Check an online booking. Raises `SlotNotOffered`, `SlotTaken` (unless overlaps are accepted),
        `TooManyBookings`, `PatientRequired`, `NoSuchPatient`, `ReferenceInUse`, `HoldOver`; `commit` raises the same.

        With a commit lag, `commit` returns the appointment as it will be; it does not exist before its moment.
        """

        def work(state: _State, now: datetime) -> Appointment:
            lag = state.behaviour.lags.commit
            if lag <= 0:
                return self._book(state, order, self._next_id(state, "appointment"), now, now)
            if order.reference is not None and state.behaviour.references == "unique":
                for waiting in state.accepted:
                    if waiting.order.reference == order.reference:
                        raise ReferenceInUse("a booking with this reference was accepted", waiting.preview.id)
            before, due = state.copy(), now + timedelta(seconds=lag)
            preview = self._book(state, order, self._next_id(state, "appointment"), due, now)
            before.made, before.patients = state.made, state.patients  # who books is put on file at once
            before.accepted += (_Accepted(due, now, replace(order, patient_id=preview.patient_id), preview),)
            self._state = before
            return preview

        return self._prepare("book", work)

    def book(self, order: BookingOrder) -> Appointment:
        """`prepare_book(order).commit()`."""
        return self.prepare_book(order).commit()

    def prepare_cancel(self, appointment_id: str, by: CancelledBy = "patient", reason: str = "") -> Change[Appointment]:
        """Check an online cancellation. Raises `NoSuchAppointment`, `AlreadyCancelled`, `AlreadyStarted`,
        `CancelNotAllowed`, `TooLateToCancel` (where late ones are refused)."""

        def work(state: _State, now: datetime) -> Appointment:
            appointment = self._changeable(state, appointment_id, now)
            late = self._check_deadline(state, appointment, now)
            return self._cancelled(state, appointment, by, reason, late, now)

        return self._prepare("cancel", work)

    def cancel(self, appointment_id: str, by: CancelledBy = "patient", reason: str = "") -> Appointment:
        """`prepare_cancel(…).commit()`."""
        return self.prepare_cancel(appointment_id, by, reason).commit()

    def prepare_move(
        self, appointment_id: str, start: datetime, timebook_id: str | None = None, type_id: str | None = None
    ) -> Change[Appointment]:
        """Check an online move to another offered time; the id, the reference and the SakID stay.

        The old time must still be cancellable and the new one offered: raises what `prepare_cancel` and `prepare_book`
        raise. The appointment is not in its own way.
        """

        def work(state: _State, now: datetime) -> Appointment:
            old = self._changeable(state, appointment_id, now)
            self._check_deadline(state, old, now, late_is_refused=True)
            timebook, kind = timebook_id or old.timebook_id, type_id or old.type_id
            end = self._check_offer(state, timebook, kind, as_utc(start), old.patient_id, now, moving=old)
            moved = replace(old, timebook_id=timebook, type_id=kind, start=as_utc(start), end=end, changed_at=now)
            self._write(state, moved, now)
            self._notify(state, "moved", moved, now)
            return moved

        return self._prepare("move", work)

    def move(
        self, appointment_id: str, start: datetime, timebook_id: str | None = None, type_id: str | None = None
    ) -> Appointment:
        """`prepare_move(…).commit()`."""
        return self.prepare_move(appointment_id, start, timebook_id, type_id).commit()

    # ---- what staff do

    def confirm(self, appointment_id: str) -> Appointment:
        """Accept a pending request. Raises `NoSuchAppointment`, `AlreadyCancelled`, `NotPending`."""

        def work(state: _State, now: datetime) -> Appointment:
            confirmed = replace(self._pending(state, appointment_id), state="booked", changed_at=now)
            self._write(state, confirmed, now)
            self._notify(state, "confirmation", confirmed, now)
            return confirmed

        return self._prepare("confirm", work).commit()

    def decline(self, appointment_id: str, reason: str = "") -> Appointment:
        """Refuse a pending request; its time is free again. Raises what `confirm` raises."""

        def work(state: _State, now: datetime) -> Appointment:
            declined = replace(self._pending(state, appointment_id), state="declined", reason=reason, changed_at=now)
            self._write(state, declined, now)
            self._notify(state, "declined", declined, now)
            return declined

        return self._prepare("decline", work).commit()

    def staff_book(self, order: BookingOrder, minutes: int | None = None) -> Appointment:
        """Book as staff: any time, any length, also between the slots and for a restricted type.

        Raises `SlotNotOffered` for an unknown timebook or type, `SlotTaken` (unless overlaps are accepted),
        `PatientRequired`, `NoSuchPatient`, `ReferenceInUse`, and `ValueError` for less than one minute.
        """

        def work(state: _State, now: datetime) -> Appointment:
            kind = self._known(state, order.timebook_id, order.type_id)[1]
            start = as_utc(order.start)
            end = start + timedelta(minutes=_length(kind.minutes if minutes is None else minutes))
            patient = self._patient_for(state, order)
            self._check_reference(order.reference)
            self._check_free(state, order.timebook_id, kind, start, end)
            appointment_id = self._next_id(state, "appointment")
            staff_order = order if order.source != "online" else replace(order, source="staff")
            return self._make(state, staff_order, appointment_id, patient.id, start, end, now, "booked")

        return self._prepare("staff_book", work).commit()

    def staff_move(
        self,
        appointment_id: str,
        start: datetime | None = None,
        timebook_id: str | None = None,
        type_id: str | None = None,
        minutes: int | None = None,
    ) -> Appointment:
        """Drag an appointment to any time, timebook, type or length; what is None stays as it is.

        Raises `NoSuchAppointment`, `AlreadyCancelled`, `SlotNotOffered` (unknown timebook or type), `SlotTaken`.
        """

        def work(state: _State, now: datetime) -> Appointment:
            old = self._live(state, appointment_id)
            timebook, kind_id = timebook_id or old.timebook_id, type_id or old.type_id
            if (timebook, kind_id) != (old.timebook_id, old.type_id):
                self._known(state, timebook, kind_id)
            new_start = as_utc(start) if start is not None else old.start
            length = old.end - old.start if minutes is None else timedelta(minutes=_length(minutes))
            self._check_free(state, timebook, self.any_type(kind_id), new_start, new_start + length, moving=old)
            moved = replace(
                old, timebook_id=timebook, type_id=kind_id, start=new_start, end=new_start + length, changed_at=now
            )
            self._write(state, moved, now)
            self._notify(state, "moved", moved, now)
            return moved

        return self._prepare("staff_move", work).commit()

    def staff_cancel(self, appointment_id: str, by: CancelledBy = "clinic", reason: str = "") -> Appointment:
        """Cancel as staff, for the clinic or on somebody's behalf; no deadline holds, but a patient's is marked late.

        Raises `NoSuchAppointment`, `AlreadyCancelled`, `AlreadyStarted`.
        """

        def work(state: _State, now: datetime) -> Appointment:
            appointment = self._changeable(state, appointment_id, now)
            late = by == "patient" and now > self._cancel_deadline(appointment)
            return self._cancelled(state, appointment, by, reason, late, now)

        return self._prepare("staff_cancel", work).commit()

    def staff_delete(self, appointment_id: str) -> None:
        """Delete a new appointment without notice. Raises `NoSuchAppointment`, or `TooLateToDelete` after 5 minutes."""

        def work(state: _State, now: datetime) -> None:
            appointment = self._existing(state, appointment_id)
            if now - appointment.created_at > DELETE_WITHIN:
                raise TooLateToDelete(f"appointment {appointment_id} is older than five minutes; cancel it")
            state.history[appointment_id] += (_Version(now, None),)

        self._prepare("staff_delete", work).commit()

    def mark_no_show(self, appointment_id: str) -> Appointment:
        """Mark that the patient did not come (ikke møtt). Raises `NoSuchAppointment`, `AlreadyCancelled`,
        `NotConfirmed`, `NotStarted`."""
        return self._mark(appointment_id, "no_show")

    def mark_attended(self, appointment_id: str) -> Appointment:
        """Mark that the patient came. Raises what `mark_no_show` raises."""
        return self._mark(appointment_id, "attended")

    def _mark(self, appointment_id: str, mark: AppointmentState) -> Appointment:
        def work(state: _State, now: datetime) -> Appointment:
            appointment = self._live(state, appointment_id)
            if appointment.state == "pending":
                raise NotConfirmed(f"appointment {appointment_id} is a request; confirm it first")
            if appointment.start > now:
                raise NotStarted(f"appointment {appointment_id} starts at {appointment.start.isoformat()}")
            marked = replace(appointment, state=mark, changed_at=now)
            self._write(state, marked, now)
            return marked

        return self._prepare(f"mark_{mark}", work).commit()

    # ---- time, state, diagnosis

    def settle(self) -> None:
        """Commit what was accepted and is due by the clinic's clock. Every other call does this first."""
        with self._settled():
            pass

    def snapshot(self) -> Snapshot:
        """The whole state and the clock's time, for `restore`."""
        with self._settled() as state:
            return Snapshot(state.copy(), self.clock.now())

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of this clinic; the clock is set back too. A snapshot can be restored many times."""
        with self._lock:
            self._searched.clear()
            self._state = snapshot._state.copy()
            self.clock.set(snapshot._now)

    def twin(self) -> Clinic:
        """A clinic of its own, with a clock of its own, that begins as this one is now; making one costs little."""
        with self._settled() as state:
            other = copy(self)
            other.clock = Clock(self.clock.now())
            other._lock = threading.RLock()
            other._numbers = dict(self._numbers)
            other._searched = {}
            other._state = state.copy()
            return other

    def consistent_view(self) -> ConsistentView:
        """Appointments, patients, claims and messages of one and the same moment."""
        with self._settled() as state:
            return ConsistentView(
                appointments=tuple(self._current()),
                made=frozenset(state.history),
                patients=tuple(state.patients.values()),
                claims=tuple(state.claims.values()),
                messages=state.messages,
            )

    def dump(self) -> dict[str, Any]:
        """The whole truth as plain JSON data, for a state page and for comparing before and after. Moments are ISO 8601
        in UTC. It names patients: it is for the clinic's own page, never for a log."""
        with self._settled() as state:
            return {
                "id": self.id,
                "name": self.name,
                "organisation_number": self.organisation_number,
                "zone": self.zone,
                "now": plain(self.clock.now()),
                "revision": state.revision,
                "online": state.online,
                "restrictions": plain(state.restrictions),
                "behaviour": plain(state.behaviour),
                "departments": plain(tuple(state.departments.values())),
                "addresses": plain(tuple(state.addresses.values())),
                "timebooks": plain(self.timebooks),
                "types": plain(tuple(state.types.values())),
                "patient_lists": {name: sorted(ids) for name, ids in state.patient_lists.items()},
                "templates": plain(tuple(state.templates.values())),
                "plan": self._plain_plan(),
                "hours": plain(state.hours),
                "closed_days": [
                    {"timebook_id": timebook_id, "day": day.isoformat()} for timebook_id, day in state.closed
                ],
                "events": plain(tuple(state.events.values())),
                "patients": plain(tuple(state.patients.values())),
                "appointments": plain(tuple(self._current())),
                "accepted": [
                    {"due": plain(accepted.due), "appointment": plain(accepted.preview)} for accepted in state.accepted
                ],
                "holds": plain(tuple(self._holding())),
                "claims": plain(tuple(state.claims.values())),
                "messages": plain(state.messages),
            }

    def _plain_plan(self) -> dict[str, dict[str, dict[str, list[str]]]]:
        """timebook id -> local day -> type id -> starts in UTC."""
        found: dict[str, dict[str, dict[str, list[str]]]] = {}
        for (timebook_id, day), slots in self._state.plan.items():
            starts = found.setdefault(timebook_id, {}).setdefault(day.isoformat(), {})
            for slot in slots:
                starts.setdefault(slot.type_id, []).append(slot.start.isoformat())
        return found

    # ---- the machinery: one lock, one state, all or nothing

    @contextmanager
    def _settled(self) -> Iterator[_State]:
        """The state under the lock, after everything that is due was committed."""
        with self._lock:
            now = self.clock.now()
            while due := [accepted for accepted in self._state.accepted if accepted.due <= now]:
                self._commit_accepted(min(due, key=lambda accepted: accepted.due))
            yield self._state

    def _commit_accepted(self, accepted: _Accepted) -> None:
        before = self._state.copy()
        before.accepted = tuple(other for other in before.accepted if other is not accepted)
        before.revision += 1
        self._searched.clear()
        self._state = before.copy()
        try:
            self._book(self._state, accepted.order, accepted.preview.id, accepted.due, accepted.asked_at)
        except Refusal as refusal:
            self._state = before
            declined = replace(accepted.preview, state="declined", reason=refusal.code)
            self._write(before, declined, accepted.due)
            self._notify(before, "declined", declined, accepted.due)

    @contextmanager
    def _changing(self) -> Iterator[_State]:
        """The state under the lock, to be changed; an exception takes back everything that was done."""
        with self._settled() as state:
            before = state.copy()
            try:
                yield state
            except BaseException:
                self._state = before
                raise
            finally:
                self._searched.clear()
            self._state.revision += 1

    def _prepare(self, operation: str, work: Callable[[_State, datetime], _T]) -> Change[_T]:
        with self._settled() as state:
            before = state.copy()
            try:
                work(state, self.clock.now())
            finally:
                self._state = before
                self._searched.clear()

        def commit() -> _T:
            with self._changing() as state:
                return work(state, self.clock.now())

        return Change(operation, commit)

    def _next_id(self, state: _State, kind: str) -> str:
        state.made += 1
        return self._numbered(synthetic_id(self.seed, kind, state.made))

    # ---- appointments and their versions

    def _current(self) -> Iterator[Appointment]:
        for versions in self._state.history.values():
            if versions[-1].appointment is not None:
                yield versions[-1].appointment

    def _seen(self, now: datetime, lag: float) -> Iterator[Appointment]:
        """The appointments as they were `lag` seconds before `now`; the truth when there is no lag."""
        if lag <= 0:
            yield from self._current()
            return
        until = now - timedelta(seconds=lag)
        for versions in self._state.history.values():
            known = [version for version in versions if version.at <= until]
            if known and known[-1].appointment is not None:
                yield known[-1].appointment

    def _write(self, state: _State, appointment: Appointment, at: datetime) -> None:
        state.history[appointment.id] = (*state.history.get(appointment.id, ()), _Version(at, appointment))

    def _existing(self, state: _State, appointment_id: str) -> Appointment:
        versions = state.history.get(appointment_id)
        if not versions or versions[-1].appointment is None:
            raise NoSuchAppointment(f"no appointment {appointment_id}")
        return versions[-1].appointment

    def _live(self, state: _State, appointment_id: str) -> Appointment:
        appointment = self._existing(state, appointment_id)
        if not appointment.live:
            raise AlreadyCancelled(f"appointment {appointment_id} is {appointment.state}")
        return appointment

    def _pending(self, state: _State, appointment_id: str) -> Appointment:
        appointment = self._live(state, appointment_id)
        if appointment.state != "pending":
            raise NotPending(f"appointment {appointment_id} is {appointment.state}")
        return appointment

    def _changeable(self, state: _State, appointment_id: str, now: datetime) -> Appointment:
        appointment = self._live(state, appointment_id)
        if appointment.start <= now or appointment.state in ("attended", "no_show"):
            raise AlreadyStarted(f"appointment {appointment_id} started at {appointment.start.isoformat()}")
        return appointment

    def _cancelled(
        self, state: _State, appointment: Appointment, by: CancelledBy, reason: str, late: bool, now: datetime
    ) -> Appointment:
        gone = replace(appointment, state="cancelled", cancelled_by=by, reason=reason, late=late, changed_at=now)
        self._write(state, gone, now)
        self._notify(state, "cancelled", gone, now)
        return gone

    def _cancel_deadline(self, appointment: Appointment) -> datetime:
        hours = self._effective(appointment.timebook_id, appointment.type_id).cancel_deadline_hours
        return appointment.start - timedelta(hours=hours)

    def _check_deadline(
        self, state: _State, appointment: Appointment, now: datetime, late_is_refused: bool = False
    ) -> bool:
        """Whether the change is late. Raises `CancelNotAllowed`, and `TooLateToCancel` where late ones are refused."""
        if not self._effective(appointment.timebook_id, appointment.type_id).cancel_allowed:
            raise CancelNotAllowed(f"appointment {appointment.id} cannot be cancelled online")
        deadline = self._cancel_deadline(appointment)
        if now <= deadline:
            return False
        if late_is_refused or state.behaviour.late_cancel == "refused":
            raise TooLateToCancel(f"the deadline for {appointment.id} was {deadline.isoformat()}", deadline)
        return True

    # ---- booking, step by step

    def _book(
        self, state: _State, order: BookingOrder, appointment_id: str, at: datetime, asked_at: datetime
    ) -> Appointment:
        kind = self._known(state, order.timebook_id, order.type_id)[1]
        if order.hold_id is not None:
            _end(state, self._held(order.hold_id), at)
        patient = self._patient_for(state, order)
        self._check_reference(order.reference)
        start = as_utc(order.start)
        if order.minutes is not None:
            end = start + timedelta(minutes=_length(order.minutes))
            self._check_free(state, order.timebook_id, kind, start, end)
        else:
            end = self._check_offer(state, order.timebook_id, order.type_id, start, patient.id, asked_at)
        result: AppointmentState = "pending" if state.behaviour.confirmation == "request" else "booked"
        return self._make(state, order, appointment_id, patient.id, start, end, at, result)

    def _make(
        self,
        state: _State,
        order: BookingOrder,
        appointment_id: str,
        patient_id: str,
        start: datetime,
        end: datetime,
        at: datetime,
        result: AppointmentState,
    ) -> Appointment:
        line = state.behaviour.sak_id_line
        if isinstance(order.sak_id, InTheText):
            sak_id = read_sak_id(order.note, line) or read_sak_id(order.patient_comment, line)
        else:
            sak_id = order.sak_id or None
        appointment = Appointment(
            id=appointment_id,
            timebook_id=order.timebook_id,
            type_id=order.type_id,
            start=start,
            end=end,
            patient_id=patient_id,
            state=result,
            created_at=_cut(at, state.behaviour.created_at_resolution),
            source=order.source,
            patient_comment=order.patient_comment,
            note=order.note,
            reference=order.reference,
            sak_id=sak_id,
            sak_id_field=not isinstance(order.sak_id, InTheText),
        )
        self._write(state, appointment, at)
        if sak_id and not any((c.patient_id, c.sak_id) == (patient_id, sak_id) for c in state.claims.values()):
            claim = Claim(self._next_id(state, "claim"), patient_id, sak_id, appointment.id, at)
            state.claims[claim.id] = claim
        self._notify(state, "confirmation" if result == "booked" else "request_received", appointment, at)
        if state.behaviour.tells_account and order.source != "staff":
            message = Message(self._next_id(state, "message"), "new_booking", "", appointment.id, at)
            state.messages += (message,)
        return appointment

    def _known(self, state: _State, timebook_id: str, type_id: str) -> tuple[Timebook, AppointmentType]:
        timebook, kind = state.timebooks.get(timebook_id), state.types.get(type_id)
        if timebook is None:
            raise SlotNotOffered(f"no timebook {timebook_id}", ("no_such_timebook",))
        if kind is None:
            raise SlotNotOffered(f"no appointment type {type_id}", ("no_such_type",))
        return timebook, kind

    def _check_offer(
        self,
        state: _State,
        timebook_id: str,
        type_id: str,
        start: datetime,
        patient_id: str,
        now: datetime,
        moving: Appointment | None = None,
    ) -> datetime:
        """The end of the offered slot that starts then. Raises `SlotNotOffered`, `SlotTaken`, `TooManyBookings`.

        "First free slot only" is about what is shown [inferred]: a later planned time is not refused.
        """
        timebook, kind = self._known(state, timebook_id, type_id)
        day = start.astimezone(self._tz).date()
        slot = next((s for s in self._planned(timebook_id, day) if s.type_id == type_id and s.start == start), None)
        if slot is None:
            raise SlotNotOffered(f"nothing is planned at {start.isoformat()}", ("no_planned_slots",))
        codes = [
            *self._closed_doors(timebook, kind, patient_id, ()),
            *self._hidden_time(slot, self._effective(timebook_id, type_id), now, self._events_of(timebook_id)),
        ]
        if codes:
            raise SlotNotOffered(f"{start.isoformat()} is not offered: {', '.join(codes)}", tuple(codes))
        self._check_free(state, timebook_id, kind, start, slot.end, moving)
        limit = self._limit_reached(timebook_id, type_id, patient_id, now, moving)
        if limit is not None:
            raise TooManyBookings(f"at most {limit} upcoming bookings are allowed", limit)
        return slot.end

    def _check_free(
        self,
        state: _State,
        timebook_id: str,
        kind: AppointmentType,
        start: datetime,
        end: datetime,
        moving: Appointment | None = None,
    ) -> None:
        if state.behaviour.overlap != "accepted" and not self._is_free(state, timebook_id, kind, start, end, moving):
            raise SlotTaken(f"{start.isoformat()} is taken in timebook {timebook_id}, or in one that is linked to it")

    def _is_free(
        self,
        state: _State,
        timebook_id: str,
        kind: AppointmentType,
        start: datetime,
        end: datetime,
        moving: Appointment | None = None,
    ) -> bool:
        others = (a for a in self._current() if a.timebook_id == timebook_id and (not moving or a.id != moving.id))
        linked = state.timebooks[timebook_id].blocked_by if timebook_id in state.timebooks else ()
        busy = _Busy(self._current()) if linked else None
        if busy is not None and any(busy.overlapping(other, start, end) for other in linked):
            return False
        left = _Busy(others).places_left(timebook_id, kind, start, end)
        return left > 0 and not self._is_held(timebook_id, start, end)

    def _check_reference(self, reference: str | None) -> None:
        if reference is None or self._state.behaviour.references == "free":
            return
        for appointment in self._current():
            if appointment.live and appointment.reference == reference:
                raise ReferenceInUse("a live appointment carries this reference", appointment.id)

    def _limit_reached(
        self, timebook_id: str, type_id: str, patient_id: str, now: datetime, moving: Appointment | None = None
    ) -> int | None:
        """The lowest limit the patient has reached, each counted within its own level; None when there is room."""
        state = self._state
        own = [
            appointment
            for appointment in self._current()
            if appointment.patient_id == patient_id
            and appointment.state in ("booked", "pending")
            and appointment.source != "staff"
            and appointment.start > now
            and (not moving or appointment.id != moving.id)
        ]
        levels = (
            (state.types[type_id].restrictions.max_bookings, sum(a.type_id == type_id for a in own)),
            (state.timebooks[timebook_id].restrictions.max_bookings, sum(a.timebook_id == timebook_id for a in own)),
            (state.restrictions.max_bookings, len(own)),
        )
        reached = [limit for limit, count in levels if limit is not None and count >= limit]
        return min(reached, default=None)

    def _patient_for(self, state: _State, order: BookingOrder) -> Patient:
        if order.patient_id is not None:
            if order.patient_id not in state.patients:
                raise NoSuchPatient(f"no patient {order.patient_id}")
            return state.patients[order.patient_id]
        wanted = _MATCH_FIELDS[order.match]
        details = order.patient
        missing = tuple(name for name in wanted if details is None or not getattr(details, name))
        if details is None or missing:
            raise PatientRequired(f"the patient's {', '.join(missing) or 'details'} must be given", missing)
        if wanted:
            for patient in state.patients.values():
                if all(_same(getattr(patient, name), getattr(details, name)) for name in wanted):
                    return patient
        return self._new_patient(state, details)

    def _new_patient(self, state: _State, details: PatientDetails) -> Patient:
        patient = Patient(
            self._next_id(state, "patient"),
            details.name,
            details.birth_date,
            details.phone,
            details.email,
            details.national_id,
            details.notes,
        )
        state.patients[patient.id] = patient
        return patient

    def _notify(self, state: _State, kind: MessageKind, appointment: Appointment, at: datetime) -> None:
        if self.any_type(appointment.type_id).notify_patient:
            message = Message(self._next_id(state, "message"), kind, appointment.patient_id, appointment.id, at)
            state.messages += (message,)

    # ---- look-ups that also know what was removed

    def any_type(self, type_id: str) -> AppointmentType:
        """One appointment type, also a removed one. Raises `KeyError` for an id that never existed."""
        with self._lock:
            return self._state.types.get(type_id) or self._state.removed_types[type_id]

    def _effective(self, timebook_id: str, type_id: str) -> EffectiveRestrictions:
        state = self._state
        timebook = state.timebooks.get(timebook_id) or state.removed_timebooks[timebook_id]
        return effective(state.restrictions, timebook, self.any_type(type_id), clinic_online=state.online)

    def _is_closed(self, timebook_id: str, day: date) -> bool:
        return (None, day) in self._state.closed or (timebook_id, day) in self._state.closed


def _days_between(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _end(state: _State, hold: Hold, at: datetime) -> None:
    del state.holds[hold.id]
    state.past_holds[hold.id] = replace(hold, until=at)


def _length(minutes: int) -> int:
    if minutes < 1:
        raise ValueError("an appointment needs at least one minute")
    return minutes


def _same(known: object, given: object) -> bool:
    if isinstance(known, str) and isinstance(given, str):
        return known.strip().casefold() == given.strip().casefold()
    return known == given


def _cut(moment: datetime, resolution: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (moment - epoch) // resolution * resolution
