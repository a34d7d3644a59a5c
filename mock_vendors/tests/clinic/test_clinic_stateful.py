"""No sequence of calls breaks an invariant, changes anything when refused, or shows a time that cannot be booked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule
from small_clinic import MONDAY

from kobling_mocks.clinic import (
    ALL_PATIENTS,
    Behaviour,
    BookingOrder,
    CancelledBy,
    Lags,
    PatientDetails,
    Refusal,
    Restrictions,
    SlotNotOffered,
    SlotTaken,
    Snapshot,
    check_invariants,
    synthetic_clinic,
)

PEOPLE = st.sampled_from([PatientDetails(email=f"{name}@example.test") for name in ("en", "to", "tre")])
NOTES = st.sampled_from(["", "SakID: 6QPTR", "SakID: 7ABCD"])
REFERENCES = st.sampled_from([None, None, "ref-1", "ref-2"])
ACTORS: st.SearchStrategy[CancelledBy] = st.sampled_from(["patient", "clinic", "insurer", "registry"])
MINUTES = st.sampled_from([None, 5, 95])
MAYBE = st.one_of(st.none(), st.integers(0, 30))


class ClinicMachine(RuleBasedStateMachine):
    """Callers, staff, time and the administrator at one clinic."""

    appointments: Bundle[str] = Bundle("appointments")
    snapshots: Bundle[Snapshot] = Bundle("snapshots")

    @initialize(
        seed=st.integers(0, 30),
        confirmation=st.sampled_from(["direct", "request"]),
        late_cancel=st.sampled_from(["refused", "accepted"]),
        lags=st.sampled_from([Lags(), Lags(commit=30), Lags(search=60, listing=60)]),
    )
    def open_clinic(self, seed: int, confirmation: Any, late_cancel: Any, lags: Lags) -> None:
        behaviour = Behaviour(confirmation=confirmation, late_cancel=late_cancel, lags=lags)
        self.clinic = synthetic_clinic(seed, timebooks=2, weeks=1, behaviour=behaviour)
        self.first, self.last = MONDAY, MONDAY + timedelta(days=6)

    def attempt(self, call: Any, *arguments: Any, **named: Any) -> Any:
        """The result, or None when refused; a refusal must leave everything as it was."""
        before = self.clinic.dump()
        try:
            return call(*arguments, **named)
        except Refusal:
            assert self.clinic.dump() == before
            return None

    @rule(target=appointments, data=st.data(), person=PEOPLE, note=NOTES, reference=REFERENCES)
    def book_what_is_shown(self, data: st.DataObject, person: PatientDetails, note: str, reference: str | None) -> str:
        slots = self.clinic.open_slots(None, None, self.first, self.last)
        if not slots:
            return "none"
        slot = data.draw(st.sampled_from(slots))
        order = BookingOrder(slot.timebook_id, slot.type_id, slot.start, person, note=note, reference=reference)
        try:
            return self.clinic.book(order).id
        except (SlotNotOffered, SlotTaken):
            assert self.clinic.behaviour.lags.search > 0, "a live search showed a time that cannot be booked"
            return "none"
        except Refusal:
            return "none"

    @rule(
        target=appointments,
        data=st.data(),
        person=PEOPLE,
        minutes=st.sampled_from([None, 5, 95]),
        shift=st.integers(0, 40),
    )
    def staff_book(self, data: st.DataObject, person: PatientDetails, minutes: int | None, shift: int) -> str:
        timebook, kind = (
            data.draw(st.sampled_from(self.clinic.timebooks)),
            data.draw(st.sampled_from(self.clinic.types)),
        )
        start = self.clinic.clock.now() + timedelta(minutes=15 * shift)
        order = BookingOrder(timebook.id, kind.id, start, person, source="staff")
        made = self.attempt(self.clinic.staff_book, order, minutes)
        return made.id if made else "none"

    @rule(target=appointments, appointment=appointments, by=ACTORS, staff=st.booleans())
    def cancel(self, appointment: str, by: CancelledBy, staff: bool) -> str:
        self.attempt(self.clinic.staff_cancel if staff else self.clinic.cancel, appointment, by, "grunn")
        return appointment

    @rule(appointment=appointments, data=st.data())
    def move(self, appointment: str, data: st.DataObject) -> None:
        slots = self.clinic.open_slots(None, None, self.first, self.last)
        if slots:
            slot = data.draw(st.sampled_from(slots))
            self.attempt(self.clinic.move, appointment, slot.start, slot.timebook_id, slot.type_id)

    @rule(appointment=appointments, minutes=st.sampled_from([None, 10, 120]), shift=st.integers(0, 60))
    def staff_move(self, appointment: str, minutes: int | None, shift: int) -> None:
        start = self.clinic.clock.now() + timedelta(minutes=10 * shift)
        self.attempt(self.clinic.staff_move, appointment, start, minutes=minutes)

    @rule(appointment=appointments, what=st.sampled_from(["confirm", "decline", "mark_no_show", "mark_attended"]))
    def staff_mark(self, appointment: str, what: str) -> None:
        self.attempt(getattr(self.clinic, what), appointment)

    @rule(appointment=consumes(appointments))
    def delete(self, appointment: str) -> None:
        self.attempt(self.clinic.staff_delete, appointment)

    @rule(seconds=st.sampled_from([1, 30, 60, 301, 3600, 86400]))
    def time_passes(self, seconds: int) -> None:
        self.clinic.clock.advance(seconds)

    @rule(level=st.sampled_from(["clinic", "timebook", "type"]), limit=MAYBE, days=MAYBE, book=MAYBE, cancel=MAYBE)
    def restrict(self, level: str, limit: int | None, days: int | None, book: int | None, cancel: int | None) -> None:
        new = Restrictions(limit, days, book, None, cancel, None)
        if level == "clinic":
            self.clinic.set_restrictions(new)
        elif level == "timebook":
            self.clinic.put_timebook(replace(self.clinic.timebooks[0], restrictions=new))
        else:
            self.clinic.put_type(replace(self.clinic.types[0], restrictions=new))

    @rule(day=st.integers(0, 6), reopen=st.booleans())
    def close_or_clear(self, day: int, reopen: bool) -> None:
        when = self.first + timedelta(days=day)
        if reopen:
            self.clinic.reopen_day(when)
        else:
            self.clinic.close_day(when)

    @rule(day=st.integers(0, 6))
    def edit_the_plan(self, day: int) -> None:
        before = self.clinic.all_appointments()
        when = self.first + timedelta(days=day)
        self.clinic.clear_plan(self.clinic.timebooks[0].id, when, when)
        assert self.clinic.all_appointments() == before

    @rule(target=snapshots)
    def save(self) -> Snapshot:
        return self.clinic.snapshot()

    @rule(snapshot=snapshots)
    def go_back(self, snapshot: Snapshot) -> None:
        self.clinic.restore(snapshot)

    @precondition(lambda self: hasattr(self, "clinic"))
    @invariant()
    def all_invariants_hold(self) -> None:
        assert check_invariants(self.clinic) == []

    @precondition(lambda self: hasattr(self, "clinic"))
    @invariant()
    def reading_changes_nothing(self) -> None:
        self.clinic.settle()
        before = self.clinic.revision
        slots = self.clinic.open_slots(None, None, self.first, date(2026, 11, 25))
        self.clinic.appointments()
        assert self.clinic.revision == before
        for slot in slots:
            assert slot.start > self.clinic.clock.now()
            assert slot.patients == ALL_PATIENTS


TestClinic = ClinicMachine.TestCase
TestClinic.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
