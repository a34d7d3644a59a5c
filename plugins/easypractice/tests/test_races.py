"""Two registries and one time, at a vendor that accepts overlapping bookings: one keeps it, whatever the delays.

`KOBLING_RACES` is how many seeds are tried; the whole claim is about 200.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime, timedelta
from threading import Thread
from typing import NamedTuple
from uuid import UUID

import pytest
from easypractice_worlds import INSTALLED, request

from kobling import (
    Booked,
    Booking,
    BookingRequest,
    Connection,
    Kobling,
    KoblingError,
    NeedsPerson,
    NotBooked,
    OutcomeUnknown,
    Session,
    Slot,
    SlotQuery,
    SlotTaken,
    StillUnknown,
    UrlPolicy,
    find_tags,
)
from kobling.drivers.sync import SyncDriver
from kobling.exchange import WireFailure, WireReply, WireRequest
from kobling_contract.pace import Pace
from kobling_easypractice.inferred import SETTLE_SECONDS
from kobling_mocks.clinic import Appointment, BookingOrder, Lags, PatientDetails, demo_id
from kobling_mocks.mock import Mock

RACES = int(os.environ.get("KOBLING_RACES", "32"))
DAY = date(2026, 11, 24)
Exchange = Callable[[WireRequest], "WireReply | WireFailure"]


class Registry:
    """One registry with its own process, clock and budget, on a clinic that it shares with another."""

    def __init__(self, mock: Mock, pace: Pace, exchange: Exchange | None = None, ahead: float = 0.0) -> None:
        self.clock = _Ahead(pace, timedelta(seconds=ahead))
        driver = SyncDriver(
            sleep=pace.sleep, exchange=exchange or mock.exchange, now=self.clock.now, policy=UrlPolicy()
        )
        self.kobling = Kobling(adapters=INSTALLED, clock=self.clock, driver=driver)
        options = mock.options
        connection = Connection("easypractice", **mock.connection)
        self.session: Session = self.kobling.session(connection, options=options)
        self.patient_id: str | None = None

    def times(self) -> tuple[Slot, ...]:
        return self.session.slots(SlotQuery(first_day=DAY, last_day=DAY)).found

    def book(self, wanted: BookingRequest) -> Booking | KoblingError:
        def told(with_patient: BookingRequest) -> None:
            self.patient_id = with_patient.patient_id

        try:
            return self.session.book(wanted, before_write=told)
        except KoblingError as error:
            return error


class _Ahead:
    """A process's own clock, which may be wrong."""

    def __init__(self, pace: Pace, ahead: timedelta) -> None:
        self._pace = pace
        self._ahead = ahead

    def now(self) -> datetime:
        return self._pace.now() + self._ahead

    def monotonic(self) -> float:
        return self._pace.monotonic()


def live(mock: Mock) -> list[Appointment]:
    return [one for one in mock.world.clinic.all_appointments() if one.live and one.source == "online"]


def record_of(mock: Mock, reference: UUID) -> tuple[str, ...]:
    """The client that was added under a reference, as a residue names it."""
    clinic = mock.world.clinic
    return tuple(
        f"patient:{mock.dialect.ids.wire(clinic, one.id)}"
        for one in clinic.patients
        if reference in find_tags(one.notes)
    )


def travelling(mock: Mock, pace: Pace, rng: random.Random) -> Exchange:
    """The way to the vendor and back, which takes time; each booking is committed after a while of its own."""

    def exchange(sent: WireRequest) -> WireReply | WireFailure:
        pace.sleep(rng.uniform(0.0, 0.5))
        if sent.method == "POST" and sent.url.endswith("/bookings"):
            lags = mock.world.clinic.behaviour.lags
            mock.world.clinic.behave(lags=replace(lags, commit=rng.choice((0.0, rng.uniform(0.0, 2.0)))))
        answer = mock.exchange(sent)
        pace.sleep(rng.uniform(0.0, 0.5))
        return answer

    return exchange


class Race(NamedTuple):
    """How a race ended. withdrawn: how many bookings of ours were made and given up again."""

    mock: Mock
    kept: Booking
    lost: SlotTaken
    withdrawn: int


def race(seed: int) -> Race:
    rng = random.Random(seed)
    mock = Mock("easypractice")
    pace = Pace(mock.world.clock)
    ways = [travelling(mock, pace, random.Random(f"{seed} {name}")) for name in "ab"]
    registries = [Registry(mock, pace, way, rng.uniform(-90, 90)) for way in ways]
    slots = registries[0].times()
    mock.world.clinic.behave(lags=Lags(listing=rng.choice((0.0, rng.uniform(0.0, 1.5)))))
    first = rng.choice(slots)
    rivals = [one for one in slots if one.practitioner_id == first.practitioner_id and one.start < first.end
              and first.start < one.end]  # fmt: skip
    wanted = [request(first), request(rng.choice(rivals))]
    late = [0.0, rng.choice((0.0, rng.uniform(0.0, 4.0)))]
    ends: list[Booking | KoblingError] = []
    order: list[int] = []

    def run(number: int, awake: AbstractContextManager[None]) -> None:
        pace.sleep(late[number])
        end = registries[number].book(wanted[number])
        ends.append(end)
        order.append(number)
        awake.__exit__(None, None, None)

    callers = [pace.caller(), pace.caller()]
    for one in callers:
        one.__enter__()
    threads = [Thread(target=run, args=(number, callers[number])) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    kept = [end for end in ends if isinstance(end, Booking)]
    lost = [(number, end) for number, end in zip(order, ends, strict=True) if isinstance(end, SlotTaken)]
    assert (len(kept), len(lost)) == (1, 1), ends
    loser, error = lost[0]
    assert error.effect == "none"
    assert error.residue == record_of(mock, wanted[loser].reference)
    mock.world.assert_sound()
    standing = live(mock)
    assert [mock.dialect.ids.wire(mock.world.clinic, one.id) for one in standing] == [kept[0].id]
    withdrawn = sum(one.state == "cancelled" for one in mock.world.clinic.all_appointments())
    return Race(mock, kept[0], error, withdrawn)


@pytest.mark.parametrize("part", range(8))
def test_exactly_one_of_two_registries_keeps_the_time_and_the_other_is_told(part: int) -> None:
    ends = {seed: _ended(seed) for seed in range(part, RACES, 8)}
    assert {seed: end for seed, end in ends.items() if end} == {}


def _ended(seed: int) -> str:
    try:
        race(seed)
    except AssertionError as error:
        return str(error)
    return ""


def test_the_races_try_both_ways_of_losing() -> None:
    """Before anything was written, with nothing left behind; and by withdrawing, with a client record left."""
    ways = {(race(seed).withdrawn, bool(race(seed).lost.residue)) for seed in range(10)}
    assert {(0, False), (1, True)} <= ways


# ---- one registry, and what happens to it


class _Crash(BaseException):
    """The process dies."""


def crashed(mock: Mock, pace: Pace, wanted: Callable[[Registry], BookingRequest]) -> tuple[Registry, BookingRequest]:
    """A registry that books and dies before it has settled."""
    booked: list[bool] = []

    def exchange(sent: WireRequest) -> WireReply | WireFailure:
        if booked:
            raise _Crash
        booked.extend([True] * (sent.method == "POST" and sent.url.endswith("/bookings")))
        return mock.exchange(sent)

    registry = Registry(mock, pace, exchange)
    order = wanted(registry)
    with pytest.raises(_Crash):
        registry.book(order)
    assert len(live(mock)) == 1
    return registry, order.model_copy(update={"patient_id": registry.patient_id})


@pytest.fixture
def place() -> tuple[Mock, Pace]:
    mock = Mock("easypractice")
    return mock, Pace(mock.world.clock)


def kari_at_nine(registry: Registry) -> BookingRequest:
    slot = next(one for one in registry.times() if one.local_start.hour == 9)
    return request(slot)


def staff_book(mock: Mock, slot: Slot) -> None:
    own = mock.dialect.ids.own(mock.world.clinic, slot.practitioner_id) or ""
    details = PatientDetails("Annen Prøvesen", email="annen@example.test")
    order = BookingOrder(own, demo_id("type", "oppfolging"), slot.start, details, source="staff")
    mock.world.clinic.staff_book(order)


def move_in(mock: Mock) -> None:
    """Staff drag an old appointment to our time."""
    clinic = mock.world.clinic
    (ours,) = live(mock)
    old = next(one for one in clinic.all_appointments() if one.source == "staff")
    clinic.staff_move(old.id, ours.start, timebook_id=ours.timebook_id)


def test_a_crash_before_settling_is_finished_by_resolve(place: tuple[Mock, Pace]) -> None:
    mock, pace = place
    sent_at = pace.now()
    _, order = crashed(mock, pace, kari_at_nine)
    after = Registry(mock, pace)
    assert isinstance(after.session.resolve(order, sent_at), StillUnknown)
    pace.pass_time(120)
    ended = after.session.resolve(order, sent_at)
    assert isinstance(ended, Booked)
    assert ended.booking.verified


def test_a_crash_before_settling_is_withdrawn_by_resolve_when_somebody_was_first(place: tuple[Mock, Pace]) -> None:
    mock, pace = place
    sent_at = pace.now()
    _, order = crashed(mock, pace, kari_at_nine)
    move_in(mock)
    pace.pass_time(120)
    assert isinstance(Registry(mock, pace).session.resolve(order, sent_at), NotBooked)
    assert live(mock) == []


def test_without_the_record_that_was_added_a_person_must_look(place: tuple[Mock, Pace]) -> None:
    mock, pace = place
    sent_at = pace.now()
    _, order = crashed(mock, pace, kari_at_nine)
    pace.pass_time(2 * 3600)
    ended = Registry(mock, pace).session.resolve(order.model_copy(update={"patient_id": None}), sent_at)
    assert isinstance(ended, NeedsPerson)
    assert [one.saw for one in ended.evidence][-1] == "unmarked_booking"


def test_nothing_is_withdrawn_after_it_was_confirmed(place: tuple[Mock, Pace]) -> None:
    mock, pace = place
    registry = Registry(mock, pace)
    order = kari_at_nine(registry)
    booked = registry.book(order)
    assert isinstance(booked, Booking)
    staff_book(mock, order.slot)
    pace.pass_time(600)
    told = order.model_copy(update={"patient_id": registry.patient_id})
    ended = registry.session.resolve(told, pace.now())
    assert isinstance(ended, Booked)
    assert len(live(mock)) == 1


def test_staff_who_move_an_appointment_in_beat_ours(place: tuple[Mock, Pace]) -> None:
    mock, pace = place

    def moved_in(sent: WireRequest) -> WireReply | WireFailure:
        answer = mock.exchange(sent)
        if sent.method == "POST" and sent.url.endswith("/bookings"):
            move_in(mock)
        return answer

    registry = Registry(mock, pace, moved_in)
    end = registry.book(kari_at_nine(registry))
    assert isinstance(end, SlotTaken)
    assert live(mock) == []
    assert end.residue == (f"patient:{registry.patient_id}",)


def test_a_booking_that_is_not_seen_in_time_is_unknown_and_resolved_later(place: tuple[Mock, Pace]) -> None:
    mock, pace = place
    registry = Registry(mock, pace)
    order = kari_at_nine(registry)
    sent_at = pace.now()
    mock.world.clinic.behave(lags=Lags(commit=SETTLE_SECONDS + 30))
    end = registry.book(order)
    assert isinstance(end, OutcomeUnknown)
    assert end.because == "not_settled"
    pace.pass_time(120)
    told = order.model_copy(update={"patient_id": registry.patient_id})
    assert isinstance(registry.session.resolve(told, sent_at), Booked)


def test_a_withdrawal_that_is_not_confirmed_is_unknown(place: tuple[Mock, Pace]) -> None:
    mock, pace = place

    def deaf(sent: WireRequest) -> WireReply | WireFailure:
        if sent.method in ("PATCH", "DELETE"):
            return WireFailure("timeout", left=True)
        answer = mock.exchange(sent)
        if sent.method == "POST" and sent.url.endswith("/bookings"):
            move_in(mock)
        return answer

    registry = Registry(mock, pace, deaf)
    order = kari_at_nine(registry)
    sent_at = pace.now()
    end = registry.book(order)
    assert isinstance(end, OutcomeUnknown)
    assert end.because == "withdrawal_unconfirmed"
    pace.pass_time(120)
    told = order.model_copy(update={"patient_id": registry.patient_id})
    assert isinstance(Registry(mock, pace).session.resolve(told, sent_at), NotBooked)
    assert live(mock) == []
