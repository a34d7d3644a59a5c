"""Playing a sequence of steps: after each one, what the callers were told is held against the clinic's own timebook.

Callers carry wishes: one patient each, nobody else's details, so that the clinic's records tell whose an appointment
is. Whatever a session says must be so at that moment, and must stay so until somebody changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from kobling import (
    Booked,
    Booking,
    BookingNotFound,
    BookingQuery,
    BookingRequest,
    Cancelled,
    CancelReason,
    NeedsPerson,
    NotBooked,
    OutcomeUnknown,
    RescheduleHalfDone,
    ResolveFirst,
    Slot,
    SlotTaken,
    SlotWithdrawn,
    StillUnknown,
)
from kobling_mocks.clinic import Appointment, OpenSlot

from ..clinics import ClinicName
from ..outcome import Outcome
from ..rules.booking import LIVE_STATES
from ..rules.slots import fault_details, judge_night, may_be_left_out
from ..timebook import times_of
from ..trial import Trial
from ..wording import clock_told, counted, some, starts_told
from .steps import Step
from .surroundings import LATE, WAITS, Surroundings, Wish
from .world import AtOnce, person

__all__ = ["REASON", "Play", "Words"]

PATIENCE = timedelta(hours=3)
REASON = CancelReason(by="patient", why="other")


@dataclass(frozen=True)
class Words:
    """The vendor's own names of the calls that book, cancel and move, from the journal of a control."""

    book: str
    cancel: str
    move: tuple[str, ...]


class Play(Surroundings):
    """One sequence, played in a world of its own: the trial's `number`th. `lines` tell in a person's words what was
    done and what came of it."""

    def __init__(self, trial: Trial, world: ClinicName, words: Words, number: int = 0) -> None:
        super().__init__(AtOnce(trial.target, trial.mode, world, trial.seed), world)
        self.rig.begin_apart(number)
        self.trial = Trial(trial.rule, trial.target, trial.seed, trial.mode)
        self._ends = trial.seen_the_last_of
        self.words = words
        self.callers = (self.rig.process(), self.rig.process())
        self.checked = 0

    async def run(self, steps: Sequence[Step]) -> None:
        """Play every step. Raises `Broken` at the first one after which the callers' world is not the clinic's. Before
        the first one both callers search; after the last one what is on its way comes about."""
        try:
            for caller in (0, 1):
                await self._step(Step("search", caller))
            for step in steps:
                await self._step(step)
            await self._step(Step("wait", pick=WAITS.index(LATE)))
            self._arrived(self._timebook())
        finally:
            self._ends(self.rig)
            await self.rig.close()

    def told(self) -> Iterator[str]:
        """What was done and what came of it, as a numbered list."""
        return (f"{number}. {line}" for number, line in enumerate(self.lines, 1))

    async def _step(self, step: Step) -> None:
        self.rig.rested()
        before = self._timebook()
        self._arrived(before)
        act: Callable[[Step], Any] = getattr(self, f"_{step.act}")
        mark = self.rig.mark()
        done = await act(step)
        self.rig.world.faults.clear()
        if done is None:
            return
        self.checked += 1
        if not step.act.startswith("staff") and step.act != "wait":
            self._only_this(before, done if isinstance(done, Wish) else None)
            if step.act in ("search", "read", "list", "resolve"):
                self._no_write(self.rig.since(mark))
        self._all_as_told()
        self.rig.world.assert_sound()

    # ---- what stands

    def _timebook(self) -> dict[str, Appointment]:
        self.rig.world.run_due()
        return {one.id: one for one in self.rig.appointments()}

    def _span(self, appointment: Appointment) -> str:
        return self._time(appointment.start)

    def _time(self, at: datetime | None) -> str:
        return "a time that is not told" if at is None else clock_told(self.rig, at)

    # ---- what always holds

    def _arrived(self, now: dict[str, Appointment]) -> None:
        """What came about between two steps: only a booking whose answer was lost may, and it may only once."""
        for wish in self.wishes:
            records = self.rig.records(wish.patient)
            live = [one for one in now.values() if one.patient_id in records and one.state in LIVE_STATES]
            if wish.told in ("not booked", "nothing"):
                self.trial.claim(not live, "false_not_booked" if wish.sent_at else "told_not_booked",
                                 expected=f"nothing stands for {wish}", got=self._spans(live))  # fmt: skip
            if wish.told == "unknown":
                self._one_at_most(wish, live)

    def _spans(self, live: Sequence[Appointment]) -> str:
        return starts_told(self.rig, live)

    def _one_at_most(self, wish: Wish, live: Sequence[Appointment]) -> None:
        expected = f"at most 1 appointment for {wish}"
        self.trial.claim(len(live) <= 1, "two_made", expected=expected, got=self._spans(live))

    def _only_this(self, before: dict[str, Appointment], about: Wish | None) -> None:
        """A call changes only what it is about; a booking whose answer was lost earlier may come about meanwhile."""
        after = self._timebook()
        for key in before.keys() | after.keys():
            if before.get(key) == after.get(key):
                continue
            changed = after.get(key) or before[key]
            owner = self._owner(changed)
            late = owner is not None and owner.told in ("unknown", "leaving", "unsure")
            holds = (owner is about and about is not None) or late
            self.trial.claim(
                holds,
                "touched_another",
                expected=f"only {about} is changed" if about else "nothing is changed",
                got=f"{owner or 'another patient'}, {self._span(changed)}: {changed.state}",
            )

    def _no_write(self, calls: Sequence[Any]) -> None:
        wrote = [one for one in self.rig.writing(calls) if one.effect != "none"]
        self.trial.claim(not wrote or self._settles(), "wrote", expected="a call that only reads",
                         got=f"writes: {len(wrote)}", calls=wrote)  # fmt: skip

    def _settles(self) -> bool:
        """Where overlaps are accepted, `resolve` may owe a withdrawal."""
        return self.rig.adapter.limits.booking.overlap != "refused"

    def _all_as_told(self) -> None:
        """Every booking that was told stands as told, until staff or its caller change it; its reference is its own."""
        for wish in self.wishes:
            live = self._of(wish)
            if wish.told == "booked" and not wish.touched:
                ids = [self.rig.wire_id(one.id) for one in live]
                want = [wish.ref.id] if wish.ref is not None else ids[:1]
                self.trial.claim(ids == want, "told_booked" if len(ids) < 2 else "two_made",
                                 expected=f"{wish} has appointment {', '.join(want)}, as told",
                                 got=f"{', '.join(ids) or 'no appointment'}")  # fmt: skip
            if wish.told == "given up" and not wish.touched:
                self.trial.claim(not live, "told_cancelled", expected=f"nothing stands for {wish}, as told",
                                 got=self._spans(live))  # fmt: skip
            for one in live:
                self._own_reference(wish, one)

    def _own_reference(self, wish: Wish, appointment: Appointment) -> None:
        if self.rig.adapter.limits.booking.reference_in == "nowhere":
            return
        found = self.rig.references(appointment)
        own = found & set(wish.references)
        holds = len(own) == 1 and not found - own
        self.trial.claim(holds, "other_reference", expected=f"{wish}'s own reference",
                         got=f"references with its appointment: {len(found)}, of them its own: {len(own)}")  # fmt: skip

    # ---- searching and reading

    async def _search(self, step: Step) -> bool:
        query = self._days(step)
        begun = self.rig.pace.now()
        self.rig.searched = self.rig.mark()
        answer = await self.callers[step.caller].slots(query)
        offered = self._offered(query)
        self.shown[step.caller] = tuple(self.rig.shown.known(answer.found, query.first_day, query.last_day))
        self.lines.append(f"{self._name(step)} searches {query.first_day} to {query.last_day}: "
                          f"{len(answer.found)} times, the clinic shows {len(offered)}")  # fmt: skip
        if begun == self.rig.pace.now():
            problems = [problem.because for problem in answer.problems]
            what = f"{query.first_day} to {query.last_day}"
            judge_night(self.trial, self.rig, times_of(answer.found), problems, offered, what)
        return True

    def _name(self, step: Step) -> str:
        return f"Caller {'AB'[step.caller]}"

    async def _read(self, step: Step) -> Wish | None:
        wish = self._pick([one for one in self.wishes if one.ref and one.told in ("booked", "given up")], step.pick)
        if wish is None or wish.ref is None or "get_booking" not in self.rig.adapter.supports:
            return None
        outcome = await self.trial.outcome(self.callers[step.caller].get(wish.ref))
        self.lines.append(f"{self._name(step)} reads the booking of {wish}: {self._said(outcome)}")
        stands = next((one for one in self._of(wish) if self.rig.wire_id(one.id) == wish.ref.id), None)
        if isinstance(outcome.value, Booking):
            status = outcome.value.status
            holds = status == "unknown" or (status in ("booked", "pending")) == (stands is not None)
            state = stands.state if stands else "it does not stand"
            self.trial.claim(holds, "told_other", expected=f"{state} at the clinic", got=f"read as {status}")
            told = (outcome.value.start, outcome.value.end)
            if stands is not None:
                holds = told[0] in (None, stands.start) and told[1] in (None, stands.end)
                expected = f"{self._time(stands.start)} to {self._time(stands.end)} at the clinic"
                got = f"read as {self._time(told[0])} to {self._time(told[1])}"
                self.trial.claim(holds, "told_other", expected=expected, got=got)
        else:
            holds = isinstance(outcome.error, BookingNotFound) and stands is None
            self.trial.claim(holds, "told_other", expected=stands.state if stands else "not found", got=outcome)
        return wish

    async def _list(self, step: Step) -> bool | None:
        if not self.trial.lists_by_day:
            return None
        first = self.rig.today()
        query = BookingQuery(first_day=first, last_day=first + timedelta(days=8))
        listed = await self.callers[step.caller].bookings(query)
        last = datetime.combine(query.last_day + timedelta(days=1), time(), self.rig.tz)
        begin = datetime.combine(first, time(), self.rig.tz)
        live = [one for one in self.rig.clinic.all_appointments() if one.state in LIVE_STATES and one.start < last]
        stands = {self.rig.wire_id(one.id): one.start for one in live if one.start >= begin}
        reaching = {self.rig.wire_id(one.id): one.start for one in live if one.start < begin < one.end}
        told = {(one.id, one.start) for one in listed.found if one.status in ("booked", "pending")}
        self.lines.append(f"{self._name(step)} lists the bookings of {first} to {query.last_day}: {len(told)} stand, "
                          f"at the clinic {len(stands)}")  # fmt: skip
        if listed.complete:
            missing = stands.keys() - {name for name, _ in told}
            known = stands | reaching  # what began the evening before may be told, or not
            strange = [
                f"{name} at {self._time(start)} ({self._time(known[name]) if name in known else 'not'} at the clinic)"
                for name, start in told
                if name not in known or start not in (None, known[name])
            ]
            got = f"missing: {some(missing)}; listed, and not so: {some(strange)}"
            self.trial.claim(not missing and not strange, "not_listed", got=got,
                             expected=f"{counted(len(stands), 'booking')} that stand, at their times")  # fmt: skip
        return True

    # ---- booking

    async def _book(self, step: Step) -> Wish | None:
        slot = self._pick(self.shown[step.caller], step.pick)
        return None if slot is None else await self._wish(step, slot)

    async def _book_again(self, step: Step) -> Wish | None:
        """The time that was given up, refused or lost last, for a new patient."""
        again = [one for one in self.wishes if one.told in ("given up", "not booked", "unknown")]
        return await self._wish(step, again[-1].request.slot) if again else None

    async def _wish(self, step: Step, slot: Slot) -> Wish:
        patient = person(len(self.wishes) + 1)
        wish = Wish(len(self.wishes) + 1, patient, self.rig.request(slot, patient=patient))
        self.wishes.append(wish)
        return await self._send(step, wish)

    async def _send(self, step: Step, wish: Wish) -> Wish:
        slot = wish.request.slot
        open_before = self.rig.open_time(slot)
        self._lose(self.words.book, step)
        mark, calls = self.rig.mark(), self.callers[step.caller]
        outcome = await self.trial.outcome(calls.book(wish.request, before_write=self._before_write(wish)))
        self._told_of_write(step, f"books {self._when(slot)} for {wish}", outcome)
        self._one_write(wish, mark)
        wish.by = step.caller
        self._learn(wish, outcome, open_before)
        return wish

    def _when(self, slot: Slot) -> str:
        return f"{slot.local_start:%Y-%m-%d %H:%M} ({slot.practitioner_id})"

    def _before_write(self, wish: Wish) -> Callable[[BookingRequest], None]:
        def note(request: BookingRequest) -> None:
            wish.sent_at, wish.request = self.rig.pace.now(), request
            wish.references.append(request.reference)

        return note

    def _lose(self, operation: str, step: Step) -> None:
        if step.loss is not None:
            kind, when = step.loss
            more: dict[str, Any] = {"seconds": LATE - 100} if kind == "slow" else dict(fault_details(kind))
            self.rig.fault(operation, kind, when=when, **more)

    def _told_of_write(self, step: Step, what: str, outcome: Outcome) -> None:
        lost = ""
        if step.loss is not None:
            lost = f", whose answer is lost ({step.loss[0]}, {step.loss[1].replace('_', ' the ')})"
        self.lines.append(f"{self._name(step)} {what}{lost}: {self._said(outcome)}")

    def _said(self, outcome: Outcome) -> str:
        if outcome.error is None:
            return _name_of(outcome.value)
        return f"{type(outcome.error).__name__}, effect {outcome.error.effect}"

    def _one_write(self, wish: Wish, mark: Any) -> None:
        calls = [one for one in self.rig.since(mark) if one.operation == self.words.book]
        self.trial.claim(len(calls) <= 1, "two_writes", expected=f"1 booking sent for {wish}",
                         got=f"{len(calls)} sent", calls=calls)  # fmt: skip

    def _learn(self, wish: Wish, outcome: Outcome, open_before: OpenSlot | None) -> None:
        """Take what a booking's caller was told, after it was held against what stands."""
        live, error = self._of(wish), outcome.error
        if error is None:
            wish.told, wish.touched, wish.ref = "booked", False, outcome.value.ref
            self._stands_as_told(wish, live, "told_booked")
            return
        if error.effect == "none":
            wish.told = "not booked"
            self.trial.claim(not live, "told_not_booked", expected=f"nothing stands for {wish}", got=self._spans(live))
            wrong = _refused_an_open_time(error, open_before)
            expected = f"not refused: {self._when(wish.request.slot)} is open at the clinic"
            self.trial.claim(not wrong, "refused_wrongly", expected=expected, got=outcome)
            wrong = isinstance(error, ResolveFirst)
            self.trial.claim(not wrong, "refused_wrongly", expected="the reference is new to the vendor", got=outcome)
        else:
            wish.told = "unknown" if isinstance(error, OutcomeUnknown) else "unsure"
            self._one_at_most(wish, live)

    def _stands_as_told(self, wish: Wish, live: Sequence[Appointment], cause: str) -> None:
        slot = wish.request.slot
        want = [(slot.practitioner_id, slot.start, slot.end)]
        got = [(self.rig.wire_id(one.timebook_id), one.start, one.end) for one in live]
        self.trial.claim(got == want, cause, expected=f"{wish} stands once, {self._when(slot)}",
                         got=self._spans(live))  # fmt: skip
        beside = [
            one for one in self.rig.clinic.all_appointments() if _beside(one, live[0]) and not self._open_end(one)
        ]
        self.trial.claim(not beside, cause, expected=f"the time is {wish}'s alone",
                         got=f"others stand there, too: {len(beside)}")  # fmt: skip

    async def _retry(self, step: Step) -> Wish | None:
        """What was certainly not booked, once more under the same reference."""
        mine = [one for one in self.wishes if one.told == "not booked" and one.by == step.caller]
        wish = self._pick(mine, step.pick)
        return None if wish is None else await self._send(step, wish)

    def _open_end(self, appointment: Appointment) -> bool:
        """One that may stand beside another for now: its answer was lost, and nobody has looked at its end yet."""
        owner = self._owner(appointment)
        return self._settles() and owner is not None and owner.told in ("unknown", "unsure")

    # ---- after a lost answer

    async def _resolve(self, step: Step) -> Wish | None:
        wish = self._pick([one for one in self.wishes if one.told == "unknown" and one.sent_at], step.pick)
        if wish is None or wish.sent_at is None:
            return None
        found = await self.callers[step.caller].resolve(wish.request, wish.sent_at)
        evidence = ", ".join(f"{one.looked_at} {one.saw}" for one in found.evidence)
        self.lines.append(f"{self._name(step)} resolves {wish}: {type(found).__name__} ({evidence})")
        live, wish.by = self._of(wish), step.caller
        if isinstance(found, Booked):
            ids = [self.rig.wire_id(one.id) for one in live]
            expected, got = f"booking {found.booking.id} of {wish}", ", ".join(ids) or "none"
            self.trial.claim(ids == [found.booking.id], "false_booked", expected=f"{expected} stands, as told",
                             got=f"those that stand: {got}")  # fmt: skip
            if not wish.touched:
                self._stands_as_told(wish, live, "false_booked")
            wish.told, wish.ref = "booked", found.booking.ref
        elif isinstance(found, NotBooked):
            self.trial.claim(not live, "false_not_booked", expected=f"nothing stands for {wish}", got=self._spans(live))
            wish.told = "not booked"
        elif isinstance(found, StillUnknown):
            late = self.rig.pace.now() - wish.sent_at >= PATIENCE
            self.trial.claim(not late, "no_end", expected=f"an end {PATIENCE} after it was sent", got="StillUnknown")
        elif isinstance(found, NeedsPerson):
            wish.told = "unsure"
        return wish

    # ---- giving up and moving

    def _held(self, step: Step) -> Wish | None:
        return self._pick([one for one in self.wishes if one.told == "booked" and one.ref], step.pick)

    async def _cancel(self, step: Step) -> Wish | None:
        wish = self._held(step)
        return None if wish is None else await self._give_up(step, wish)

    async def _cancel_again(self, step: Step) -> Wish | None:
        wish = self._pick([one for one in self.wishes if one.told in ("leaving", "given up") and one.ref], step.pick)
        return None if wish is None else await self._give_up(step, wish)

    async def _give_up(self, step: Step, wish: Wish) -> Wish:
        ref = wish.ref
        assert ref is not None
        stood = [one for one in self._of(wish) if self.rig.wire_id(one.id) == ref.id]
        self._lose(self.words.cancel, step)
        outcome = await self.trial.outcome(self.callers[step.caller].cancel(ref, REASON))
        self._told_of_write(step, f"gives up the booking of {wish}", outcome)
        stands = [one for one in self._of(wish) if self.rig.wire_id(one.id) == ref.id]
        if isinstance(outcome.value, Cancelled):
            booking = f"booking {ref.id} of {wish}"
            self.trial.claim(not stands, "told_cancelled", expected=f"{booking} is gone", got="it stands")
            gone = outcome.value.already_gone and stood and step.loss is None
            expected = f"Cancelled(already_gone=False): {booking} stood until then"
            self.trial.claim(not gone, "told_other", expected=expected, got="already_gone=True")
            wish.told = "given up"
            return wish
        if outcome.error is not None and outcome.error.effect != "none":
            wish.told = "leaving"
        elif outcome.error is not None:
            same = [one.id for one in stood] == [one.id for one in stands]
            booking = f"booking {ref.id} of {wish}"
            got = f"{outcome}, and it does not stand"
            self.trial.claim(same, "told_other", expected=f"{booking} stands as before", got=got)
            wrong = bool(stood) and isinstance(outcome.error, BookingNotFound)
            self.trial.claim(not wrong, "refused_wrongly", expected=f"{booking} stands at the clinic", got=outcome)
            wrong = bool(stood) and step.loss is None and self._may_cancel(stood[0])
            expected = f"the clinic lets {booking} be cancelled"
            self.trial.claim(not wrong, "refused_wrongly", expected=expected, got=outcome)
        return wish

    def _may_cancel(self, appointment: Appointment) -> bool:
        limits = self.rig.clinic.effective_restrictions(appointment.timebook_id, appointment.type_id)
        left = appointment.start - self.rig.pace.now()
        return limits.cancel_allowed and left > timedelta(hours=limits.cancel_deadline_hours or 0, minutes=5)

    async def _move(self, step: Step) -> Wish | None:
        wish, slot = self._held(step), self._pick(self.shown[step.caller], step.more)
        if wish is None or slot is None or wish.ref is None:
            return None
        if not self.callers[step.caller].movable(wish.ref.connection_id, slot):
            return None
        old, stood = wish.ref, self._of(wish)
        request = self.rig.request(slot, patient=wish.patient)
        open_before = self.rig.open_time(slot)
        ending = self.words.move[step.pick % len(self.words.move)]
        self._lose(ending, step)
        mark = self.rig.mark()
        sent = Wish(wish.number, wish.patient, request, references=wish.references)
        outcome = await self.trial.outcome(
            self.callers[step.caller].reschedule(old, request, before_write=self._before_write(sent))
        )
        self._told_of_write(step, f"moves {wish} to {self._when(slot)}", outcome)
        self._one_write(wish, mark)
        live, error = self._of(wish), outcome.error
        self.trial.claim(bool(live) or not stood, "without_any", expected=f"{wish} has at least 1 appointment",
                         got=f"none, told {self._said(outcome)}")  # fmt: skip
        if error is None:
            wish.told, wish.ref, wish.request, wish.touched = "booked", outcome.value.ref, request, False
            self._stands_as_told(wish, live, "told_moved")
        elif error.effect == "none":
            same = {(one.id, one.start) for one in live} == {(one.id, one.start) for one in stood}
            self.trial.claim(same, "told_not_booked", expected=f"as before: {self._spans(stood)}",
                             got=self._spans(live))  # fmt: skip
            wrong = _refused_an_open_time(error, open_before)
            expected = f"not refused: {self._when(slot)} is open at the clinic"
            self.trial.claim(not wrong, "refused_wrongly", expected=expected, got=outcome)
            wrong = isinstance(error, BookingNotFound) and bool(stood)
            self.trial.claim(not wrong, "refused_wrongly", expected="the old booking stands", got=outcome)
        else:
            wish.told = "unsure"
            self._half_told(wish, error, live)
        return wish

    def _half_told(self, wish: Wish, error: Any, live: Sequence[Appointment]) -> None:
        """A move that came half through: never more than the two that it is about, and what it names stands."""
        self.trial.claim(len(live) <= 2, "two_made", expected=f"at most 2 appointments for {wish}",
                         got=self._spans(live))  # fmt: skip
        if isinstance(error, RescheduleHalfDone) and error.new is not None:
            ids = {self.rig.wire_id(one.id) for one in live}
            self.trial.claim(error.new.id in ids, "told_other", expected=f"booking {error.new.id} stands, as told",
                             got=f"those that stand: {', '.join(sorted(ids)) or 'none'}")  # fmt: skip


def _refused_an_open_time(error: Any, open_before: OpenSlot | None) -> bool:
    """Whether a time was said to be gone that the clinic has open. One of the repeated hour may not be listed any more
    once the other one has passed: a wall clock can't tell which of the two is left."""
    if open_before is None or not isinstance(error, SlotTaken | SlotWithdrawn):
        return False
    return not (error.because == "not_listed" and may_be_left_out(open_before))


def _name_of(value: Any) -> str:
    if isinstance(value, Booking):
        return f"told {value.status}"
    if isinstance(value, Cancelled):
        return "told given up" + (" already" if value.already_gone else "")
    return type(value).__name__


def _beside(one: Appointment, other: Appointment) -> bool:
    """True for two live ones that share some time of one timebook."""
    apart = one.id == other.id or one.timebook_id != other.timebook_id
    return one.live and not apart and one.start < other.end and other.start < one.end
