"""Callers who meet: several processes and staff at one clinic at once, and the history of what each was told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kobling import (
    Booked,
    BookingRef,
    BookingRequest,
    Cancelled,
    NeedsPerson,
    NotBooked,
    OutcomeUnknown,
    Patient,
    RescheduleHalfDone,
    Slot,
    SlotTaken,
    SlotWithdrawn,
    StillUnknown,
)
from kobling_mocks.clinic import Appointment, BookingOrder, Hold, PatientDetails, Refusal

from ..clinics import ClinicName
from ..outcome import Outcome
from ..rules.booking import LIVE_STATES
from ..rules.slots import fault_details
from ..trial import Trial
from . import bookings
from .bookings import Call, Span, State
from .play import REASON, Words
from .steps import Act, Loss, Mix, Step, sequence
from .world import Travelling, person

__all__ = ["CALLERS", "Meeting", "meeting"]

CALLERS = 3
DELAY = 2.0
"""Seconds after which a caller calls at the latest, from the start or the last answer on."""
ACTS: Mix = {"book": 8, "cancel": 2, "move": 2, "staff_book": 1, "staff_cancel": 1}
SETTLED = 1200.0
HELD_UP = 10.0
"""Real seconds that nobody in a meeting is ever held up: there are no barriers in it."""
ENDS = 24
"""How often a lost answer is looked at before it counts as never found out."""


@dataclass
class Wish:
    """A patient of one caller. request: the last one that was sent. ref: what stands, as far as was told."""

    number: int
    caller: int
    patient: Patient
    request: BookingRequest
    ref: BookingRef | None = None
    unknown: bool = False
    unsure: bool = False
    sent_at: datetime | None = None
    begun: datetime | None = None

    def __str__(self) -> str:
        return f"patient {self.number}"


def meeting(chance: random.Random, length: int, losses: Sequence[Loss], lost: float) -> tuple[Step, ...]:
    """What callers and staff do who meet: every caller books at once, gives up, and books again a little later; then
    anything. lost: how often an answer is lost."""

    def step(act: Act, caller: int, more: int) -> Step:
        loss = chance.choice(losses) if chance.random() < lost else None
        return Step(act, caller, chance.randrange(2), more, loss)

    rounds: tuple[tuple[Act, int], ...] = (("book", 0), ("cancel", 100), ("book", 990))
    known = [step(act, caller, more + caller) for act, more in rounds for caller in range(CALLERS)]
    return (*known, *sequence(chance, ACTS, length, losses=losses, lost=lost, callers=CALLERS))


class Meeting:
    """One meeting, in a world of its own: the trial's `number`th. focus: chooses the time that everybody wants. After
    `run`, `history` holds every call in the words of `bookings`."""

    def __init__(self, trial: Trial, world: ClinicName, words: Words, focus: int, number: int = 0) -> None:
        self.focus = focus
        self.trial = Trial(trial.rule, trial.target, trial.seed, trial.mode)
        self._ends = trial.seen_the_last_of
        self.words = words
        self.rig = Travelling(trial.target, trial.mode, world, trial.seed)
        self.rig.begin_apart(number)
        self.rig.pace.stuck = HELD_UP
        self.rig.journey = f"{trial.seed} {focus}"
        self.callers = tuple(self.rig.process() for _ in range(CALLERS))
        self.wishes: list[Wish] = []
        self.history: list[Call] = []
        self.initial: State = frozenset()
        self.told_yes = 0
        self.refused = 0
        self.lost = 0
        self.final: State = frozenset()
        self.ended = self.rig.pace.now()
        self._staffs: dict[str, str] = {}
        self._given_up: set[str] = set()

    async def run(self, steps: Sequence[Step]) -> None:
        """Let everybody act, wait until all is settled, and find out about every lost answer."""
        try:
            await self._prepare(steps)
            await self._meet(steps)
            await self._settle()
            self.rig.world.assert_sound()
            self.final = self._standing()
            self.ended = self._now()
            self.history += [*self._withdrawn(), *self._kept()]
        finally:
            self._ends(self.rig)
            await self.rig.close()

    # ---- before

    async def _prepare(self, steps: Sequence[Step]) -> None:
        """Somebody has looked at the times and told the others; who will cancel or move has a booking."""
        query = self.rig.days(1, 1 + self.focus % 2)
        found = (await self.callers[0].slots(query)).found
        known = self.rig.shown.known(found, query.first_day, query.last_day)
        self.trial.need(known, "the adapter finds no open time that the clinic's timebook has")
        focus = known[self.focus % len(known)]
        self.rivals = [one for one in known if one.practitioner_id == focus.practitioner_id and _meet(one, focus)][:4]
        spared = [one for one in known if not any(_same_time(one, rival) for rival in self.rivals)]
        for step in steps:
            if step.act in ("cancel", "move") and not [one for one in self.wishes if one.caller == step.caller]:
                free = [one for one in spared if self.rig.open_time(one) is not None]
                if free:
                    self.rig.rested()
                    wish = self._new_wish(step.caller, free[step.pick % len(free)])
                    wish.ref = (await self.callers[step.caller].book(wish.request)).ref
        self.rig.rested()
        self.initial = self._standing()

    def _new_wish(self, caller: int, slot: Slot) -> Wish:
        number = len(self.wishes) + 1
        patient = person(number)
        wish = Wish(number, caller, patient, self.rig.request(slot, patient=patient))
        self.wishes.append(wish)
        return wish

    # ---- meeting

    async def _meet(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.loss is not None:
                kind, when = step.loss
                more: dict[str, Any] = {"seconds": 600.0} if kind == "slow" else dict(fault_details(kind))
                operation = {"cancel": self.words.cancel, "move": self.words.move[-1]}.get(step.act, self.words.book)
                self.rig.fault(operation, kind, when=when, nth=1 + step.pick % 2, **more)
        queues: dict[Any, list[Step]] = {}
        for step in steps:
            queues.setdefault("staff" if step.act.startswith("staff") else step.caller, []).append(step)
        here, go = 0, asyncio.Event()

        async def act(queue: list[Step]) -> None:
            nonlocal here
            with self.rig.pace.actor():
                here += 1
                if here == len(queues):
                    go.set()
                await go.wait()
                for step in queue:
                    await self.rig.pace.asleep(step.more / 1000 * DELAY)
                    do: Callable[[Step], Awaitable[None]] = getattr(self, f"_{step.act}")
                    await do(step)

        await asyncio.gather(*(act(queue) for queue in queues.values()))
        self.rig.world.faults.clear()

    def _now(self) -> datetime:
        return self.rig.pace.now()

    def _span(self, slot: Slot) -> Span:
        return Span(slot.practitioner_id, slot.start, slot.end)

    def _before_write(self, wish: Wish) -> Callable[[BookingRequest], None]:
        def note(request: BookingRequest) -> None:
            wish.sent_at, wish.request = self._now(), request

        return note

    async def _book(self, step: Step) -> None:
        wish = self._new_wish(step.caller, self.rivals[step.pick % len(self.rivals)])
        begun = wish.begun = self._now()
        side = self.callers[step.caller]
        outcome = await self.trial.outcome(side.book(wish.request, before_write=self._before_write(wish)))
        self._note_booking(wish, begun, outcome)

    def _note_booking(self, wish: Wish, begun: datetime, outcome: Outcome) -> None:
        span, error = self._span(wish.request.slot), outcome.error
        name = f"{'ABC'[wish.caller]} books {_when(wish.request.slot)} for {wish}"
        if error is None:
            self.told_yes += 1
            wish.ref = outcome.value.ref
            self.history.append(bookings.booked(f"{name}: booked", begun, self._now(), str(wish), span))
        elif isinstance(error, SlotTaken | SlotWithdrawn):
            self.refused += 1
            self.history.append(bookings.taken(f"{name}: taken", begun, self._now(), str(wish), span))
        elif error.effect != "none":
            self.lost += 1
            wish.unknown, wish.unsure = isinstance(error, OutcomeUnknown), not isinstance(error, OutcomeUnknown)

    async def _cancel(self, step: Step) -> None:
        wish = self._last_of(step.caller)
        if wish is None or wish.ref is None:
            return
        begun, name = self._now(), f"{'ABC'[step.caller]} gives up the booking of {wish}"
        outcome = await self.trial.outcome(self.callers[step.caller].cancel(wish.ref, REASON))
        for _ in range(3):
            if not isinstance(outcome.error, OutcomeUnknown):
                break
            outcome = await self.trial.outcome(self.callers[step.caller].cancel(wish.ref, REASON))
        if isinstance(outcome.value, Cancelled):
            self.history.append(bookings.left(f"{name}: given up", begun, self._now(), str(wish)))
            self._given_up.add(wish.ref.id)
            wish.ref = None
        elif outcome.error is not None and outcome.error.effect != "none":
            wish.unsure = True
            self.history.append(bookings.left(f"{name}: no answer", begun, None, str(wish)))

    async def _move(self, step: Step) -> None:
        wish = self._last_of(step.caller)
        if wish is None or wish.ref is None:
            return
        slot = self.rivals[step.pick % len(self.rivals)]
        request = self.rig.request(slot, patient=wish.patient)
        begun, span, old = self._now(), self._span(slot), wish.ref
        name = f"{'ABC'[step.caller]} moves {wish} to {_when(slot)}"
        sent = Wish(wish.number, wish.caller, wish.patient, request)
        side = self.callers[step.caller]
        outcome = await self.trial.outcome(side.reschedule(old, request, before_write=self._before_write(sent)))
        error, ended = outcome.error, self._now()
        if error is None:
            self.told_yes += 1
            self._given_up.add(old.id)
            wish.ref, wish.request = outcome.value.ref, request
            self.history += [
                bookings.booked(f"{name}: booked", begun, ended, str(wish), span),
                bookings.left(f"{name}: the old time is given up", begun, ended, str(wish), span),
            ]
        elif isinstance(error, SlotTaken | SlotWithdrawn):
            self.refused += 1
            self.history.append(bookings.taken(f"{name}: taken", begun, ended, str(wish), span))
        elif error.effect != "none":
            self.lost += 1
            wish.unsure = True
            new = error.new if isinstance(error, RescheduleHalfDone) else None
            self.history += [
                bookings.booked(f"{name}: booked", begun, ended, str(wish), span)
                if new is not None
                else bookings.lost(f"{name}: no answer", begun, str(wish), span, doubles=self._doubles()),
                bookings.left(f"{name}: the old time, no answer", begun, None, str(wish), span),
            ]

    def _last_of(self, caller: int) -> Wish | None:
        return next((one for one in reversed(self.wishes) if one.caller == caller and one.ref is not None), None)

    def _doubles(self) -> bool:
        return self.rig.clinic.behaviour.overlap == "accepted"

    # ---- staff

    async def _staff_book(self, step: Step) -> None:
        slot = self.rivals[step.pick % len(self.rivals)]
        details = PatientDetails("Annen Prøvesen", None, "+4790000009", "annen@example.test")
        order = BookingOrder(self.rig.own(slot.practitioner_id), self.rig.own(slot.service_id), slot.start, details)
        try:
            one = self.rig.clinic.staff_book(order)
        except Refusal:
            return
        whose = self._staffs[one.id] = f"staff {len(self._staffs) + 1}"
        name = f"Staff book {_when(slot)} for somebody else"
        self.history.append(bookings.made(name, self._now(), whose, self._where(one)))

    async def _staff_cancel(self, step: Step) -> None:
        found = self._standing_wish(step)
        if found is None:
            return
        wish, one = found
        try:
            self.rig.clinic.staff_cancel(one.id)
        except Refusal:
            return
        self.history.append(bookings.gone(f"Staff cancel the appointment of {wish}", self._now(), str(wish)))

    def _standing_wish(self, step: Step) -> tuple[Wish, Appointment] | None:
        """A booking that its caller was told of and that nobody is changing."""
        found = [(wish, one) for wish in self.wishes if wish.ref is not None for one in self._of(wish)]
        return found[step.pick % len(found)] if found else None

    # ---- afterwards

    async def _settle(self) -> None:
        """Everybody has returned: what was under way has come about, and each lost answer is looked at to its end."""
        self.rig.pace.pass_time(SETTLED)
        for wish in self.wishes:
            if wish.unknown and wish.sent_at is not None:
                await self._find_out(wish, wish.sent_at)

    async def _find_out(self, wish: Wish, sent_at: datetime) -> None:
        side, begun = self.callers[(wish.caller + 1) % CALLERS], wish.begun or sent_at
        span, name = self._span(wish.request.slot), f"{'ABC'[wish.caller]} books {_when(wish.request.slot)} for {wish}"
        for _ in range(ENDS):
            self.rig.rested()
            found = await side.resolve(wish.request, sent_at)
            if not isinstance(found, StillUnknown):
                break
            self.rig.pace.pass_time(max(1.0, (found.next_at - self._now()).total_seconds()))
        live = self._of(wish)
        if isinstance(found, Booked):
            wish.unknown, wish.ref = False, found.booking.ref
            self.history.append(
                bookings.booked(f"{name}: booked, found out later", begun, self._now(), str(wish), span)
            )
            ids = [self.rig.wire_id(one.id) for one in live]
            got = f"those that stand for {wish}: {', '.join(ids) or 'none'}"
            expected = f"booking {found.booking.id} stands, as told"
            self.trial.claim(ids == [found.booking.id], "false_booked", expected=expected, got=got)
        elif isinstance(found, NotBooked):
            wish.unknown = False
            got = f"those that stand: {', '.join(self.rig.wire_id(one.id) for one in live)}"
            self.trial.claim(not live, "false_not_booked", expected=f"nothing stands for {wish}, as told", got=got)
        else:
            self.trial.claim(isinstance(found, NeedsPerson), "no_end", expected="Booked, NotBooked or NeedsPerson "
                             f"for {wish} in the end", got=type(found).__name__)  # fmt: skip
            wish.unknown, wish.unsure = False, True
            self.history.append(bookings.lost(f"{name}: no answer", begun, str(wish), span, doubles=self._doubles()))

    # ---- what stands

    def _of(self, wish: Wish) -> list[Appointment]:
        records = self.rig.records(wish.patient)
        return [
            one for one in self.rig.clinic.all_appointments() if one.state in LIVE_STATES and one.patient_id in records
        ]

    def _where(self, one: Appointment | Hold) -> Span:
        return Span(self.rig.wire_id(one.timebook_id), one.start, one.end)

    def _standing(self) -> State:
        """What stands at the clinic and concerns this meeting: the wishes', and what staff made in it."""
        found = {(str(wish), self._where(one)) for wish in self.wishes for one in self._of(wish)}
        theirs = (one for one in self.rig.clinic.all_appointments() if one.live and one.id in self._staffs)
        return frozenset(found | {(self._staffs[one.id], self._where(one)) for one in theirs})

    def overlaps(self) -> list[tuple[str, str, Span]]:
        """Two of the registry's that stand at one time, but for those that a person was told to look at."""
        sure = {str(wish) for wish in self.wishes if not wish.unsure}
        ours = sorted(one for one in self.final if one[0] in sure)
        return [(a, b, where) for n, (a, where) in enumerate(ours) for b, there in ours[n + 1 :] if where.meets(there)]

    def told(self) -> Iterator[str]:
        """The history as a person reads it: each call with its beginning and end, in seconds from the first one."""
        zero = min((one.begun for one in self.history), default=self.ended)
        for number, one in enumerate(sorted(self.history, key=lambda call: (call.begun, call.name)), 1):
            end = f"{(one.ended - zero).total_seconds():.2f}" if one.ended is not None else "never"
            yield f"{number}. {(one.begun - zero).total_seconds():.2f} to {end} s: {one.name}"
        for whose, where in sorted(self.final):
            yield f"at the end: {whose} at {where.begin:%Y-%m-%d %H:%M} UTC ({where.timebook})"

    def _withdrawn(self) -> Iterator[Call]:
        """Bookings that were made and given up again by themselves, as the clinic saw it, which may be long after the
        call: others were refused for them."""
        told = {wish.ref.id for wish in self.wishes if wish.ref is not None} | self._given_up
        for one in self.rig.clinic.all_appointments():
            calls = [
                call.number
                for call in self.rig.world.journal.calls
                if call.appointment == one.id and call.effect != "none"
            ]
            if one.live or self.rig.wire_id(one.id) in told or len(calls) < 2 or one.changed_at is None:
                continue
            whose = f"{bookings.BRIEFLY}{calls[0]}"
            yield bookings.made(f"call {calls[0]} makes a booking", one.created_at, whose, self._where(one))
            yield bookings.gone(f"call {calls[-1]} withdraws it", one.changed_at, whose)

    def _kept(self) -> Iterator[Call]:
        """Times that a vendor kept for one caller: others were refused for them, until the hold was given back, used up
        or over, which is long after a booking whose answer was lost."""
        first = min((call.begun for call in self.history), default=self.ended)
        for number, one in enumerate(self.rig.clinic.all_holds(), 1):
            if one.until > first:
                whose, where = f"{bookings.BRIEFLY}held {number}", self._where(one)
                name = f"{where.begin:%Y-%m-%d %H:%M} UTC"
                yield bookings.made(f"hold {number} keeps {name}", one.made_at, whose, where)
                yield bookings.gone(f"hold {number} ends", min(one.until, self.ended), whose)


def _meet(one: Slot, other: Slot) -> bool:
    return one.start < other.end and other.start < one.end


def _same_time(one: Slot, other: Slot) -> bool:
    return one.practitioner_id == other.practitioner_id and _meet(one, other)


def _when(slot: Slot) -> str:
    return f"{slot.start.astimezone(UTC):%Y-%m-%d %H:%M} UTC"  # as what stands in the end is told
