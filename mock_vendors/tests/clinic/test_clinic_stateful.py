"""No sequence of calls breaks an invariant, changes anything when refused, or shows a time that cannot be booked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule
from small_clinic import MONDAY, OSLO

from kobling_mocks.clinic import (
    ALL_PATIENTS,
    Behaviour,
    BookingOrder,
    CancelledBy,
    Clock,
    DayHours,
    Lags,
    OpeningHours,
    OpenSlot,
    PatientDetails,
    Refusal,
    Restrictions,
    SlotNotOffered,
    SlotTaken,
    Snapshot,
    WeeklyPause,
    check_invariants,
    synthetic_clinic,
)

PEOPLE = st.sampled_from([PatientDetails(email=f"{name}@example.test") for name in ("en", "to", "tre")])
NOTES = st.sampled_from(["", "SakID: 6QPTR", "SakID: 7ABCD"])
REFERENCES = st.sampled_from([None, None, "ref-1", "ref-2"])
ACTORS: st.SearchStrategy[CancelledBy] = st.sampled_from(["patient", "clinic", "insurer", "registry"])
MAYBE = st.one_of(st.none(), st.integers(0, 30))
WEEKS = st.sampled_from([MONDAY, date(2026, 10, 19), date(2026, 3, 23)])
"""An ordinary week, and the two whose Sunday night the clocks change."""
LAGS = st.sampled_from([Lags(), Lags(commit=30), Lags(search=60, listing=60), Lags(commit=90, search=60, listing=30)])
RESOLUTIONS = st.sampled_from([timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=1)])


def opening_hours(closes: int, every: int, pause: int) -> OpeningHours:
    """Open every day from midnight, so that the night on which the clocks change is offered too."""
    days = tuple(DayHours(weekday, 0, closes) for weekday in range(7))
    return OpeningHours(days, every, tuple(WeeklyPause(day, pause, pause + 45) for day in (0, 6)))


HOURS = st.builds(opening_hours, st.sampled_from([300, 720]), st.sampled_from([30, 60]), st.integers(0, 400))


class ClinicMachine(RuleBasedStateMachine):
    """Callers, staff, time and the administrator at one clinic."""

    appointments: Bundle[str] = Bundle("appointments")
    snapshots: Bundle[Snapshot] = Bundle("snapshots")

    @initialize(
        seed=st.integers(0, 30),
        confirmation=st.sampled_from(["direct", "request"]),
        late_cancel=st.sampled_from(["refused", "accepted"]),
        overlap=st.sampled_from(["refused", "refused", "accepted"]),
        lags=LAGS,
        resolution=RESOLUTIONS,
        monday=WEEKS,
        hours=st.one_of(st.none(), HOURS),
    )
    def open_clinic(
        self,
        seed: int,
        confirmation: Any,
        late_cancel: Any,
        overlap: Any,
        lags: Lags,
        resolution: timedelta,
        monday: date,
        hours: OpeningHours | None,
    ) -> None:
        behaviour = Behaviour(overlap, confirmation, late_cancel, lags=lags, created_at_resolution=resolution)
        clock = Clock(datetime.combine(monday, time(8), tzinfo=OSLO))
        self.clinic = synthetic_clinic(seed, clock, timebooks=2, weeks=1, behaviour=behaviour)
        self.first, self.last = monday, monday + timedelta(days=6)
        if hours is not None:
            self.clinic.keep_hours(self.clinic.timebooks[0].id, hours)

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

    @rule(target=appointments, data=st.data(), minutes=st.sampled_from([1, 20, 95]), shift=st.integers(0, 800))
    def book_any_time_for_somebody_on_file(self, data: st.DataObject, minutes: int, shift: int) -> str:
        """As systems do that take any time of any length."""
        patients = self.clinic.patients
        if not patients:
            return "none"
        timebook, kind = self.clinic.timebooks[shift % 2], self.clinic.types[0]
        start = self.clinic.clock.now() + timedelta(minutes=15 * shift)
        patient = data.draw(st.sampled_from(patients))
        order = BookingOrder(timebook.id, kind.id, start, patient_id=patient.id, minutes=minutes)
        made = self.attempt(self.clinic.book, order)
        assert made or self.clinic.behaviour.overlap == "refused", "where overlaps are accepted, any time can be booked"
        return made.id if made else "none"

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

    @rule(linked=st.booleans(), limit=st.sampled_from([None, None, 0, 1, 3]), number=st.integers(0, 1))
    def link_and_limit(self, linked: bool, limit: int | None, number: int) -> None:
        one, other = self.clinic.timebooks[number], self.clinic.timebooks[1 - number]
        self.clinic.put_timebook(replace(one, blocked_by=(other.id,) if linked else (), daily_limit=limit))

    @rule(hours=HOURS, number=st.integers(0, 1))
    def keep_hours(self, hours: OpeningHours, number: int) -> None:
        before = self.clinic.all_appointments()
        self.clinic.keep_hours(self.clinic.timebooks[number].id, hours)
        assert self.clinic.all_appointments() == before

    @rule(confirmation=st.sampled_from(["direct", "request"]), lags=LAGS, resolution=RESOLUTIONS, tells=st.booleans())
    def behave(self, confirmation: Any, lags: Lags, resolution: timedelta, tells: bool) -> None:
        self.clinic.behave(confirmation=confirmation, lags=lags, created_at_resolution=resolution, tells_account=tells)

    @rule(hour=st.integers(0, 4))
    def the_night_on_which_the_clocks_change_comes(self, hour: int) -> None:
        night = datetime.combine(self.last, time(hour, 59, 50), tzinfo=OSLO).astimezone(UTC)
        if night > self.clinic.clock.now():
            self.clinic.clock.set(night)

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
        slots = self.clinic.open_slots(None, None, self.first, self.last)
        self.clinic.appointments()
        assert self.clinic.revision == before
        for slot in slots:
            assert slot.start > self.clinic.clock.now()
            assert slot.patients == ALL_PATIENTS

        if self.clinic.behaviour.lags.search == 0:
            self.nothing_is_shown_where_somebody_is(slots)

    def nothing_is_shown_where_somebody_is(self, slots: tuple[OpenSlot, ...]) -> None:
        """Neither in the timebook, nor in a linked one, nor on a full day; also where overlaps are accepted."""
        live = [one for one in self.clinic.all_appointments() if one.live]
        timebooks = {timebook.id: timebook for timebook in self.clinic.timebooks}
        for slot in slots:
            timebook = timebooks[slot.timebook_id]
            at_once = [one for one in live if one.start < slot.end and slot.start < one.end]
            here = [one for one in at_once if one.timebook_id == timebook.id]
            assert not here or self.clinic.any_type(slot.type_id).kind == "group"
            assert not [one for one in at_once if one.timebook_id in timebook.blocked_by]
            if timebook.daily_limit is not None:
                day = [a for a in live if a.timebook_id == timebook.id and a.start.astimezone(OSLO).date() == slot.day]
                assert len(day) < timebook.daily_limit


TestClinic = ClinicMachine.TestCase
TestClinic.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
