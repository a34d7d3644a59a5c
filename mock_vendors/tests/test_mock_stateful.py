"""No sequence of a vendor's own calls, staff's edits, clock jumps, faults and switches breaks a clinic, whatever the
dialect; every answer fits the dialect's document, and what it tells is what the clinic holds.

Run it for long with `KOBLING_STATEFUL_EXAMPLES=500`; every run of that kind is a new one.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kobling.exchange import WireReply
from kobling_mocks import Fault, Mock, installed_dialects
from kobling_mocks.clinic import (
    Appointment,
    BookingOrder,
    Clock,
    ConsistentView,
    DayHours,
    OpeningHours,
    PatientDetails,
    Refusal,
    synthetic_clinic,
)
from kobling_mocks.faults import NEEDS_THE_ANSWER, FaultKind, When
from mock_document import assert_described
from vendor_speech import SPEECHES, Offer, Row, Sentence, Speech

EXAMPLES = int(os.environ.get("KOBLING_STATEFUL_EXAMPLES", "0"))
DIALECTS = sorted(installed_dialects()[0])
OSLO = ZoneInfo("Europe/Oslo")
MONDAYS = st.sampled_from([date(2026, 11, 23), date(2026, 10, 19), date(2026, 3, 23)])
"""An ordinary week, and the two whose Sunday night the clocks change."""
NIGHT = OpeningHours(tuple(DayHours(weekday, 0, 300) for weekday in range(7)), 60)
PEOPLE = ("Kari", "Ola", "Jovnna")
FAULTS: st.SearchStrategy[FaultKind] = st.sampled_from(
    ["http_503", "html_200", "empty", "no_id", "set_cookie", "slow", "wrong_charset", "hang", "reset", "truncated"]
)
WHEN: st.SearchStrategy[When] = st.sampled_from(["before_commit", "after_commit"])


def speaks(word: str) -> Callable[[DialectMachine], bool]:
    """Whether the vendor has a call for it."""
    return lambda machine: getattr(SPEECHES[machine.key], word) is not getattr(Speech, word)


class DialectMachine(RuleBasedStateMachine):
    """Two callers with the clinic's key, one stranger, staff, time and the administrator at one mock."""

    key: str
    done: Counter[str]
    """How often each operation changed something, in all runs."""
    offers: Bundle[Offer] = Bundle("offers")
    bookings: Bundle[str] = Bundle("bookings")

    @initialize(target=offers, seed=st.integers(0, 30), monday=MONDAYS)
    def open_clinic(self, seed: int, monday: date) -> Any:
        clock = Clock(datetime.combine(monday, time(8), tzinfo=OSLO))
        clinic = synthetic_clinic(seed, clock, timebooks=2, weeks=1)
        clinic.keep_hours(clinic.timebooks[0].id, NIGHT)
        self.first, self.last = monday, monday + timedelta(days=6)
        self.mock = Mock(self.key, clinic)
        self.world, self.clinic = self.mock.world, clinic
        speech = SPEECHES[self.key]
        self.callers = [speech(self.mock), speech(self.mock)]
        self.stranger = speech(self.mock, key="mock-wrong")
        self.deleted: set[str] = set()
        self.sent = 0
        if "requests_per_minute" in self.world.switches:
            self.world.switches.set(requests_per_minute=100_000)
        for who in PEOPLE:
            self.register(0, who)
            self.register(1, who)
        return multiple(*self.found(0, 2), *self.found(1, 6))

    def own(self, wire: str) -> str:
        return self.mock.dialect.ids.own(self.clinic, wire) or "none"

    def say(self, sentence: Sentence) -> Any:
        """The JSON of a good answer, None for any other. What the journal calls no effect must have had none."""
        self.world.run_due()
        before = self.held()
        reply = self.mock.exchange(sentence.request)
        call = self.world.journal.calls[-1]
        assert call.operation == sentence.operation
        self.done[sentence.operation] += call.effect == "done"
        after = self.held()
        accepted = len(after[1]) > len(before[1])
        assert (before != after) == (call.effect == "done" or accepted), call
        if call.fault is not None:
            assert call.fault_when != "before_commit" or call.effect != "done", "a fault came too late"
            return None
        assert isinstance(reply, WireReply)
        assert reply.status < 400 or call.effect == "none" or reply.status == 504, call
        assert_described(self.key, sentence.operation, sentence.request, reply)
        is_json = (reply.header("content-type") or "").startswith("application/json")
        charset = self.world.switches.text("charset") if "charset" in self.world.switches else "utf-8"
        return json.loads(reply.body.decode(charset)) if is_json and reply.status in (200, 201) else None

    def held(self) -> tuple[ConsistentView, tuple[Appointment, ...]]:
        """All that a call could change: what is booked, who is on file, what was sent, and what waits to be booked."""
        return self.clinic.consistent_view(), self.clinic.accepted_bookings()

    @rule(target=offers, day=st.integers(0, 6), number=st.integers(0, 1))
    def search(self, day: int, number: int) -> Any:
        return multiple(*self.found(number, day))

    def found(self, number: int, day: int) -> list[Offer]:
        """A few of the offers of a day; all of them must be what the clinic would show."""
        caller, at = self.callers[number], self.first + timedelta(days=day)
        expected = self.clinic.open_slots(None, None, at, at)
        told = [self.say(sentence) for sentence in caller.searches(at, at)][-1]
        if told is None or "error" in told:
            return []
        offers = caller.offers(told, expected)
        assert [offer.start for offer in offers] == [caller.offer_of(slot) for slot in expected]
        return offers[:: max(1, len(offers) // 4)]

    @rule(target=bookings, offer=offers, number=st.integers(0, 1), who=st.sampled_from(PEOPLE), again=st.booleans())
    def book(self, offer: Offer, number: int, who: str, again: bool) -> Any:
        """An offer that may be old. The reference is a new one, or the last one once more."""
        booking = self.booked(offer, number, who, again)
        return multiple() if booking is None else booking

    @rule(
        target=bookings,
        day=st.integers(0, 6),
        place=st.integers(0, 3),
        number=st.integers(0, 1),
        who=st.sampled_from(PEOPLE),
    )
    def book_what_is_shown(self, day: int, place: int, number: int, who: str) -> Any:
        offers = self.found(number, day)
        booking = self.booked(offers[place % len(offers)], number, who, again=False) if offers else None
        return multiple() if booking is None else booking

    def booked(self, offer: Offer, number: int, who: str, again: bool) -> str | None:
        caller = self.callers[number]
        self.sent += not again
        told = self.say(caller.book(offer, who, f"ref-{self.sent}"))
        return caller.booked(told) if told is not None else None

    @precondition(speaks("register"))
    @rule(number=st.integers(0, 1), who=st.sampled_from(PEOPLE))
    def register(self, number: int, who: str) -> None:
        caller = self.callers[number]
        sentence = caller.register(who)
        told = self.say(sentence) if sentence is not None else None
        if told is not None:
            caller.registered(who, told)

    @rule(booking=bookings, number=st.integers(0, 1), way=st.integers(0, 1))
    def cancel(self, booking: str, number: int, way: int) -> None:
        ways = self.callers[number].cancel(booking)
        sentence = ways[way % len(ways)]
        self.say(sentence)
        if sentence.operation == self.callers[number].hides and self.world.journal.calls[-1].effect == "done":
            self.deleted.add(booking)

    @precondition(speaks("move"))
    @rule(booking=bookings, offer=offers, number=st.integers(0, 1))
    def move(self, booking: str, offer: Offer, number: int) -> None:
        sentence = self.callers[number].move(booking, offer)
        told = self.say(sentence) if sentence is not None else None
        if told is not None:
            moved = next(one for one in self.clinic.all_appointments() if one.id == self.own(booking))
            assert self.callers[number].row_of(moved).start == offer.start

    @precondition(speaks("read"))
    @rule(booking=bookings, number=st.integers(0, 1))
    def read(self, booking: str, number: int) -> None:
        sentence = self.callers[number].read(booking)
        if sentence is not None:
            self.say(sentence)

    @rule(offer=offers, booking=bookings)
    def a_stranger_tries(self, offer: Offer, booking: str) -> None:
        """Nothing is told to a wrong key, and nothing is changed by it."""
        stranger = self.stranger
        listing = stranger.listing(self.first, self.last, 1)
        for sentence in (
            *stranger.cancel(booking),
            stranger.book(offer, "Kari", "ref-x"),
            stranger.read(booking),
            listing,
        ):
            if sentence is not None:
                told = self.say(sentence)
                assert told is None or "error" in told
                assert self.world.journal.calls[-1].effect == "none"

    @rule(shift=st.integers(0, 600), number=st.integers(0, 1), who=st.sampled_from(PEOPLE))
    def staff_book(self, shift: int, number: int, who: str) -> None:
        start = self.clinic.clock.now() + timedelta(minutes=15 * shift)
        person = PatientDetails(name=who, email=f"{who}@example.test")
        order = BookingOrder(self.clinic.timebooks[number].id, self.clinic.types[0].id, start, person)
        self.staff(self.clinic.staff_book, order)

    @rule(
        booking=bookings,
        what=st.sampled_from(["staff_cancel", "staff_delete", "staff_move", "confirm", "decline", "mark_no_show"]),
        shift=st.integers(0, 600),
    )
    def staff_change(self, booking: str, what: str, shift: int) -> None:
        start = self.clinic.clock.now() + timedelta(minutes=15 * shift)
        self.staff(getattr(self.clinic, what), self.own(booking), *([start] if what == "staff_move" else []))

    @staticmethod
    def staff(work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except Refusal:
            return

    @rule(seconds=st.sampled_from([1, 10, 120, 3600, 86_400]), hour_of_the_last_night=st.integers(-4, 3))
    def time_passes(self, seconds: int, hour_of_the_last_night: int) -> None:
        """A little, or at once until the night on which the clocks change."""
        self.clinic.clock.advance(seconds)
        if hour_of_the_last_night >= 0:
            night = datetime.combine(self.last, time(hour_of_the_last_night, 59, 50), tzinfo=OSLO).astimezone(UTC)
            self.clinic.clock.set(max(night, self.clinic.clock.now()))

    @rule(kind=FAULTS, when=WHEN, nth=st.integers(1, 2))
    def something_will_go_wrong(self, kind: FaultKind, when: When, nth: int) -> None:
        when = "after_commit" if kind in NEEDS_THE_ANSWER else when
        seconds = 60.0 if kind == "slow" else None
        self.world.faults.add(Fault("*", kind, nth=nth, when=when, seconds=seconds))

    @rule(data=st.data())
    def the_vendor_turns_out_otherwise(self, data: st.DataObject) -> None:
        known = self.world.switches.known.values()
        switch = data.draw(st.sampled_from([one for one in known if one.name not in ("requests_per_minute", SLOW)]))
        value = data.draw(st.integers(*switch.choices) if switch.number else st.sampled_from(switch.choices))
        self.world.switches.set(**{switch.name: value})

    @rule()
    def the_vendor_is_as_we_think(self) -> None:
        self.world.switches.reset()
        self.world.faults.clear()

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def the_world_is_sound(self) -> None:
        self.world.assert_sound()

    @precondition(lambda self: hasattr(self, "world") and not self.world.faults.waiting)
    @invariant()
    def the_list_is_what_the_clinic_holds(self) -> None:
        caller = self.callers[0]
        rows = self.listed(caller)
        if rows is not None:
            held = self.clinic.appointments(first_day=self.first, last_day=self.last)
            expected = [caller.row_of(one) for one in held]
            assert sorted(rows, key=str) == sorted((row for row in expected if row.id not in self.deleted), key=str)

    def listed(self, caller: Speech) -> list[Row] | None:
        """Every page of the list; None where this vendor has none, or answers none now."""
        found: list[Row] = []
        page, more = 1, True
        while more:
            sentence = caller.listing(self.first, self.last, page)
            told = self.say(sentence) if sentence is not None else None
            if told is None:
                return None
            rows, more = caller.rows(told)
            found += rows
            page += 1
        return found


PLAYING = settings(
    max_examples=EXAMPLES or 12,
    stateful_step_count=25,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
SLOW = "slow_milliseconds"
"""The one switch that only costs real time."""


@pytest.mark.parametrize("key", DIALECTS)
def test_no_sequence_of_calls_breaks_a_clinic_or_leaves_the_document(key: str) -> None:
    assert key in SPEECHES, f"say in vendor_speech.py how {key} is spoken"
    done: Counter[str] = Counter()
    machine = type("Machine", (DialectMachine,), {"key": key, "done": done})
    run_state_machine_as_test(machine, settings=PLAYING)
    assert sum(done.values()) > 5, f"next to nothing was ever done: {done}"


@pytest.mark.parametrize("key", DIALECTS)
def test_the_words_for_these_sequences_reach_everything_that_a_vendor_can_change(key: str) -> None:
    done: Counter[str] = Counter()
    machine: DialectMachine = type("Machine", (DialectMachine,), {"key": key, "done": done})()
    machine.open_clinic(0, date(2026, 11, 23))
    for way in (0, 1):
        booking = machine.book_what_is_shown(2, 0, 0, "Kari")
        if speaks("move")(machine):
            machine.move(booking, machine.found(1, 3)[-1], 1)
        machine.cancel(booking, 0, way)
        machine.the_world_is_sound()
        machine.the_list_is_what_the_clinic_holds()
    writes = {operation.name for operation in machine.mock.dialect.operations if operation.writes}
    assert {name for name, times in done.items() if times} == writes
