"""Sync and async, in process and over a socket: the same call under the same fault ends the same way, after the same
requests at the vendor."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from kobling import (
    Booking,
    CancelReason,
    Connection,
    Http,
    Installed,
    Kobling,
    KoblingError,
    ResolveFirst,
    SlotTaken,
    Token,
    UrlPolicy,
    WireReply,
    WireRequest,
)
from kobling.drivers.sync import SyncDriver
from kobling.exchange import reply
from kobling_contract.pace import Pace
from kobling_contract.rig import Rig
from kobling_contract.sides import Mode, Office
from kobling_contract.target import find_target
from kobling_eg_pasientsky import EgPasientsky
from kobling_mocks import Fault, Mock

Act = Callable[[Rig], Awaitable[Any]]


class ShortReads(EgPasientsky):
    """The adapter with a time limit short enough for a vendor that never answers a read."""

    contract = 1
    limits = EgPasientsky.limits.model_copy(update={"timeout_read": 0.5})


class ShortWrites(EgPasientsky):
    """The adapter with a time limit short enough for a vendor that never answers a write."""

    contract = 1
    limits = EgPasientsky.limits.model_copy(update={"timeout_write": 0.5})


def hurried(faults: tuple[Fault, ...]) -> type[EgPasientsky]:
    """The adapter with a short limit for the one call that has to run into it: every other call may take its time on a
    busy machine."""
    slow = {one.operation for one in faults if one.kind in WAITING}
    if slow & {"book", "cancel"}:
        return ShortWrites
    return ShortReads if slow else EgPasientsky


class Lane(NamedTuple):
    """One way of sending."""

    mode: Mode
    wired: bool


LANES = (Lane("async", False), Lane("sync", False), Lane("async", True), Lane("sync", True))


class Ended(NamedTuple):
    """How a call ended, and what the vendor received on the way."""

    error: str
    because: str
    effect: str
    received: dict[str, int]
    appointments: int


async def _ended(lane: Lane, act: Act, faults: tuple[Fault, ...]) -> Ended:
    rig = Rig(find_target("eg-pasientsky", hurried(faults)), lane.mode, "demo", 1, wired=lane.wired)
    try:
        before, mark = len(rig.appointments()), rig.mark()
        for fault in faults:
            rig.world.faults.add(fault)
        error: KoblingError | None = None
        try:
            await act(rig)
        except KoblingError as problem:
            error = problem
        received = dict(Counter(str(call.operation) for call in rig.since(mark)))
        made = len(rig.appointments()) - before
        if error is None:
            return Ended("", "", "", received, made)
        return Ended(type(error).__name__, error.because, error.effect, received, made)
    finally:
        await rig.close()


def in_every_lane(act: Act, *faults: Fault) -> Ended:
    """Run in all lanes and claim that all ended alike."""
    ended = {lane: asyncio.run(_ended(lane, act, faults)) for lane in LANES}
    first = ended[LANES[0]]
    assert all(one == first for one in ended.values()), "\n".join(f"{lane}: {one}" for lane, one in ended.items())
    return first


async def read_clinic(rig: Rig) -> None:
    await rig.session.clinic()


async def read_slots(rig: Rig) -> None:
    await rig.session.slots(rig.days(4, 1))


async def book(rig: Rig) -> Booking:
    slots = await rig.session.slots(rig.days(3, 1))
    return await rig.session.book(rig.request(slots.found[0]))


async def book_and_cancel(rig: Rig) -> None:
    booking = await book(rig)
    await rig.session.cancel(booking.ref, CancelReason(by="patient"))


KINDS = (
    "http_503", "html_200", "html_502", "empty", "redirect", "deep_json", "gzip_bomb", "stacked_gzip", "hang", "reset",
    "truncated", "length_too_long", "dribble_headers", "dribble_body", "dribble_chunks", "dribble_1xx",
)  # fmt: skip


WAITING = ("hang", "dribble_headers", "dribble_body", "dribble_chunks", "dribble_1xx")
"""Faults that the caller's time limit ends."""


def fault(operation: str, kind: Any, **more: Any) -> Fault:
    details = {"to": "https://elsewhere.example.test/"} if kind == "redirect" else {}
    if kind in WAITING:
        details["seconds"] = 2.0  # type: ignore[assignment]
    return Fault(operation=operation, kind=kind, **{**details, **more})


@pytest.fixture(autouse=True, scope="module")
def _packed() -> None:
    """The mock packs its bomb once a process, which takes longer than these tests' time limits."""
    mock = Mock("eg-pasientsky")
    mock.world.faults.add(Fault(operation="search", kind="gzip_bomb"))
    mock.exchange(WireRequest("POST", f"{mock.origin}/partner-api/{mock.connection['external_id']}/search"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_read_ends_the_same_way_everywhere(kind: str) -> None:
    ended = in_every_lane(read_clinic, fault("search", kind, times=0))
    assert ended.effect == "none"
    assert 1 <= ended.received["search"] <= 3


@pytest.mark.parametrize("kind", ["http_503", "reset"])
def test_a_read_that_recovers_recovers_everywhere(kind: str) -> None:
    assert in_every_lane(read_clinic, fault("search", kind, times=2)) == Ended("", "", "", {"search": 3}, 0)


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_booking_whose_answer_is_lost_is_unknown_everywhere_and_sent_once(kind: str, when: str) -> None:
    ended = in_every_lane(book, fault("book", kind, when=when, times=0))
    assert (ended.error, ended.effect, ended.received["book"]) == ("OutcomeUnknown", "unknown", 1)
    assert ended.appointments == (when == "after_commit")


@pytest.mark.parametrize("wired", [False, True], ids=["in process", "over a socket"])
def test_bytes_that_are_not_http_end_the_same_way_in_both_drivers(wired: bool) -> None:
    lost = fault("book", "random_bytes", when="after_commit")
    ended = [asyncio.run(_ended(Lane(mode, wired), book, (lost,))) for mode in ("async", "sync")]
    assert ended[0] == ended[1]
    assert (ended[0].error, ended[0].received["book"], ended[0].appointments) == ("OutcomeUnknown", 1, 1)


def test_a_booking_without_an_id_in_its_answer_is_unknown_everywhere() -> None:
    ended = in_every_lane(book, fault("book", "no_id", when="after_commit"))
    assert (ended.error, ended.received["book"], ended.appointments) == ("OutcomeUnknown", 1, 1)


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 429])
def test_a_refused_booking_is_refused_alike_everywhere(status: int) -> None:
    ended = in_every_lane(book, fault("book", "reply", status=status, body={"error": {"code": "", "message": "no"}}))
    assert (ended.effect, ended.received["book"], ended.appointments) == ("none", 1, 0)


@pytest.mark.parametrize("kind", ["http_503", "reset", "hang", "html_200"])
def test_a_lost_cancel_is_unknown_everywhere(kind: str) -> None:
    ended = in_every_lane(book_and_cancel, fault("cancel", kind, when="after_commit"))
    assert (ended.error, ended.received["cancel"]) == ("OutcomeUnknown", 1)


def test_calls_sent_together_and_a_whole_journey_are_the_same_everywhere() -> None:
    assert in_every_lane(read_slots).error == ""
    assert in_every_lane(book_and_cancel).received["book"] == 1


def test_a_hook_that_refuses_stops_the_booking_unsent_everywhere() -> None:
    async def refused(rig: Rig) -> None:
        def ledger(request: object) -> None:
            raise SlotTaken("ledger_is_full")

        slots = await rig.session.slots(rig.days(3, 1))
        await rig.session.book(rig.request(slots.found[0]), before_write=ledger)

    ended = in_every_lane(refused)
    assert (ended.error, ended.because, ended.appointments) == ("SlotTaken", "ledger_is_full", 0)
    assert "book" not in ended.received


@pytest.mark.parametrize("lane", [lane for lane in LANES if lane.wired], ids=lambda lane: lane.mode)
def test_fifty_callers_over_sockets_get_one_appointment(lane: Lane) -> None:
    async def race() -> tuple[Counter[str], int]:
        rig = Rig(find_target("eg-pasientsky", EgPasientsky), lane.mode, "demo", 1, wired=True)
        try:
            slot = (await rig.session.slots(rig.days(3, 1))).found[0]
            barrier, before = rig.world.barriers.add("book", 50), rig.appointments()

            async def one() -> str:
                try:
                    await rig.session.book(rig.request(slot))
                except KoblingError as error:
                    return type(error).__name__
                return "booked"

            told = Counter(await asyncio.gather(*(one() for _ in range(50))))
            assert barrier.passed
            return told, len(rig.made_since(before))
        finally:
            await rig.close()

    assert asyncio.run(race()) == (Counter({"SlotTaken": 49, "booked": 1}), 1)


# ---- the caller goes away


def _quick_sync(mock: Mock, url: str) -> Kobling:
    pace, policy = Pace(mock.world.clock), UrlPolicy()
    return Kobling(
        adapters=Installed({EgPasientsky.key: EgPasientsky}),
        origins={EgPasientsky.key: url},
        clock=pace,
        policy=policy,
        driver=SyncDriver(policy=policy, sleep=pace.sleep, now=pace.now),
    )


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
def test_an_interrupt_during_a_booking_leaves_it_unknown_and_the_reference_spent(when: Any) -> None:
    mock = Mock("eg-pasientsky")
    with mock.serve() as server, _quick_sync(mock, server.url) as kobling:
        session = kobling.session(Connection(EgPasientsky.key, **mock.connection))
        rig = Rig(find_target("eg-pasientsky", EgPasientsky), "sync", "demo", 1)
        slot = session.slots(rig.days(3, 1)).found[0]
        request = rig.request(slot)
        mock.world.faults.add(Fault(operation="book", kind="hang", when=when, seconds=3.0))
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.4, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.book(request)
        timer.join()
        with pytest.raises(ResolveFirst):
            session.book(request)
        assert len(mock.world.journal.of("book")) == 1
        asyncio.run(rig.close())


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
@pytest.mark.parametrize("wired", [False, True], ids=["in process", "over a socket"])
def test_a_cancelled_task_leaves_its_booking_unknown_and_the_reference_spent(when: Any, wired: bool) -> None:
    async def story() -> None:
        rig = Rig(find_target("eg-pasientsky", EgPasientsky), "async", "demo", 1, wired=wired)
        rig.mock.patience = 5.0
        try:
            slot = (await rig.session.slots(rig.days(3, 1))).found[0]
            request = rig.request(slot)
            rig.fault("book", "slow", when=when, seconds=1.0)
            task = asyncio.create_task(rig.session.book(request))
            while not rig.world.journal.of("book"):
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(ResolveFirst):
                await rig.session.book(request)
            assert len(rig.world.journal.of("book")) == 1
        finally:
            await rig.close()

    asyncio.run(story())


# ---- one sign-in for all


class SignsIn(EgPasientsky):
    """The adapter with a short token, as other vendors have."""

    contract = 1

    async def sign_in(self, http: Http) -> Token:
        answer = await http.query("token", json={})
        return Token(answer.secret("/token"), 600.0)


@pytest.mark.parametrize("mode", ["async", "sync"])
def test_twenty_callers_sign_in_once(mode: Mode) -> None:
    mock = Mock("eg-pasientsky")
    calls: Counter[str] = Counter()
    lock = threading.Lock()

    def vendor(request: WireRequest) -> WireReply:
        with lock:
            calls[request.url.rpartition("/")[2]] += 1
        if request.url.endswith("/token"):
            return reply(json={"token": "short-lived"})
        empty: dict[str, list[object]] = {"calendars": [], "timeslotTypes": [], "dateSlots": [], "timeslots": []}
        assert b"short-lived" in request.body
        return reply(json={"data": empty})

    async def many() -> None:
        office = Office(SignsIn, mode, Pace(mock.world.clock), vendor)
        sides = [office.side(Connection(SignsIn.key, **mock.connection)) for _ in range(20)]
        await asyncio.gather(*(side.clinic() for side in sides))
        await office.close()

    asyncio.run(many())
    assert calls["token"] == 1
    assert calls["search"] == 20
