"""The attempt guard: six wrong keys an hour at most, however many press at once, and never a vendor's fault."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from full_vendor import FullVendor
from kobling import (
    AsyncAttemptGuard,
    AttemptAnswered,
    AttemptGuard,
    AttemptLease,
    AttemptLimits,
    AttemptRefused,
    AttemptsInMemory,
    AttemptState,
    AttemptStore,
    Connection,
    ConnectionReport,
    Finding,
    Installed,
    Kobling,
    Probe,
)
from kobling.attempts import Step, take
from kobling.testing import ManualClock, reply

T = TypeVar("T")
START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HOUR = 3600.0
PLACE = "location 17"


def made(code: str, actor: str, counts: bool) -> ConnectionReport:
    finding = Finding.model_validate({"code": code, "severity": "fail", "actor": actor, "fields": ("api_key",)})
    probe = Probe(name="auth", status="fail", findings=(finding,))
    return ConnectionReport(vendor="v", outcome="failed", probes=(probe,), counts_as_attempt=counts, tested_at=START)


WRONG = made("credentials_rejected", "administrator", counts=True)
OUTAGE = made("vendor_unavailable", "nobody", counts=False)
RIGHT = ConnectionReport(vendor="v", outcome="success", probes=(), counts_as_attempt=False, tested_at=START)


class SqliteStore:
    """States in a database file, as a registry would keep them: a connection and a transaction for each change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.execute("CREATE TABLE attempts (scope TEXT PRIMARY KEY, state TEXT NOT NULL)")

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, isolation_level=None, timeout=30)

    def change(self, scope: str, step: Step[T]) -> T:
        database = self._open()
        try:
            database.execute("BEGIN IMMEDIATE")
            row = database.execute("SELECT state FROM attempts WHERE scope = ?", (scope,)).fetchone()
            state, answer = step(AttemptState.model_validate_json(row[0]) if row else AttemptState())
            database.execute("REPLACE INTO attempts VALUES (?, ?)", (scope, state.model_dump_json()))
            database.execute("COMMIT")
            return answer
        finally:
            database.close()

    def dump(self) -> str:
        with self._open() as database:
            return json.dumps(database.execute("SELECT * FROM attempts").fetchall())


class EagerStore:
    """A store with optimistic locking that loses every first race: it calls each step twice."""

    def __init__(self) -> None:
        self.states: dict[str, AttemptState] = {}

    def change(self, scope: str, step: Step[T]) -> T:
        step(self.states.get(scope, AttemptState()))
        self.states[scope], answer = step(self.states.get(scope, AttemptState()))
        return answer


@pytest.fixture(params=["memory", "sqlite", "eager"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AttemptStore:
    return {"memory": AttemptsInMemory, "sqlite": lambda: SqliteStore(tmp_path / "db"), "eager": EagerStore}[
        request.param
    ]()


def guarded(store: AttemptStore | None = None, **limits: Any) -> tuple[AttemptGuard, ManualClock]:
    clock = ManualClock(START)
    return AttemptGuard(store, limits=AttemptLimits(**limits), clock=clock), clock


def answered(guard: AttemptGuard, report: ConnectionReport = WRONG, scope: str = PLACE) -> AttemptAnswered:
    outcome = guard.run(scope, lambda: report)
    assert isinstance(outcome, AttemptAnswered), outcome
    return outcome


def refused(guard: AttemptGuard, scope: str = PLACE) -> AttemptRefused:
    def never() -> ConnectionReport:
        raise AssertionError("a refused press asked the vendor")

    outcome = guard.run(scope, never)
    assert isinstance(outcome, AttemptRefused), outcome
    return outcome


def lease_of(guard: AttemptGuard) -> AttemptLease:
    lease = guard.take(PLACE)
    assert isinstance(lease, AttemptLease), lease
    return lease


# ---- the sixth failing press


def test_the_sixth_failing_press_is_explained_and_the_seventh_is_refused_for_one_hour(store: AttemptStore) -> None:
    guard, clock = guarded(store)
    for n in range(5):
        answer = answered(guard)
        assert (answer.left, answer.blocked_until) == (5 - n, None)
        clock.advance(60)
    sixth = answered(guard)
    assert sixth.report is WRONG
    assert sixth.blocked_until == START + timedelta(minutes=5, hours=1)
    clock.advance(HOUR - 0.000001)
    refusal = refused(guard)
    assert (refusal.because, refusal.until) == ("blocked", sixth.blocked_until)
    clock.advance(0.000001)
    assert answered(guard, RIGHT).report is RIGHT


def test_a_right_connection_is_refused_too_while_the_block_lasts() -> None:
    guard, _ = guarded()
    for _ in range(6):
        answered(guard)
    asked = []
    outcome = guard.run(PLACE, lambda: asked.append("vendor") or RIGHT)  # type: ignore[func-returns-value]
    assert isinstance(outcome, AttemptRefused)
    assert asked == []


def test_refused_presses_do_not_prolong_the_block_and_the_count_begins_anew_after_it(store: AttemptStore) -> None:
    guard, clock = guarded(store)
    until = [answered(guard) for _ in range(6)][-1].blocked_until
    for _ in range(50):
        clock.advance(71)
        assert refused(guard).until == until
    clock.advance(HOUR - 50 * 71)
    assert [answered(guard).left for _ in range(5)] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("seconds", "blocked"), [(HOUR - 0.000001, True), (HOUR, False)], ids=["within the hour", "exactly one hour"]
)
def test_a_failure_counts_for_less_than_one_hour(seconds: float, blocked: bool) -> None:
    guard, clock = guarded()
    answered(guard)
    clock.advance(seconds)
    assert [answered(guard).blocked_until is not None for _ in range(5)] == [False] * 4 + [blocked]


def test_a_block_that_is_shorter_than_the_window_uses_its_failures_up() -> None:
    guard, clock = guarded(block=timedelta(minutes=1))
    for _ in range(6):
        answered(guard)
    clock.advance(60)
    assert answered(guard).left == 5


@pytest.mark.parametrize("report", [RIGHT, OUTAGE], ids=["a success", "a vendor's outage"])
def test_what_is_not_the_typed_fields_fault_gives_its_lease_back_and_takes_no_failure_away(
    report: ConnectionReport, store: AttemptStore
) -> None:
    guard, _ = guarded(store)
    for _ in range(5):
        answered(guard)
    for _ in range(20):
        assert answered(guard, report).left == 1
    assert answered(guard).blocked_until is not None


def test_scopes_do_not_know_each_other() -> None:
    guard, _ = guarded()
    for _ in range(6):
        answered(guard, scope="one")
    assert answered(guard, scope="two").left == 5


@pytest.mark.parametrize("scope", ["", "x" * 201, 17, Connection("v", api_key="hemmelig")], ids=lambda s: str(s)[:9])
def test_a_scope_is_a_short_text_and_a_wrong_one_is_not_repeated_in_the_error(scope: Any) -> None:
    guard, _ = guarded()
    with pytest.raises(ValueError, match="a scope is a text of 1 to 200 characters") as raised:
        guard.take(scope)
    assert "hemmelig" not in str(raised.value)


def test_no_failure_may_be_allowed_and_the_wider_limit_has_to_be_wider() -> None:
    guard, _ = guarded(failures=0)
    assert answered(guard).blocked_until is not None
    for wrong in ({"presses": 5}, {"failures": -1}, {"lease": timedelta()}, {"block": timedelta(seconds=-1)}):
        with pytest.raises(ValueError, match="validation error"):
            AttemptLimits.model_validate(wrong)


def test_a_limit_that_is_lowered_later_refuses_until_enough_failures_are_old() -> None:
    store = AttemptsInMemory()
    before, clock = guarded(store)
    for _ in range(4):
        answered(before)
        clock.advance(60)
    after = AttemptGuard(store, limits=AttemptLimits(failures=1), clock=clock)
    refusal = refused(after)
    assert (refusal.because, refusal.until) == ("too_many", START + timedelta(hours=1, minutes=2))
    clock.set(refusal.until)
    assert answered(after).blocked_until is not None


def test_failures_over_a_lowered_limit_are_the_reason_also_while_others_are_under_way() -> None:
    store = AttemptsInMemory()
    before, clock = guarded(store)
    for _ in range(3):
        answered(before)
    lease_of(before)
    lowered = AttemptGuard(store, limits=AttemptLimits(failures=2), clock=clock)
    assert refused(lowered).because == "too_many"
    assert refused(AttemptGuard(store, limits=AttemptLimits(failures=3), clock=clock)).because == "under_way"


def test_a_lowered_limit_is_not_held_against_a_success_that_was_under_way() -> None:
    store = AttemptsInMemory()
    before, clock = guarded(store)
    for _ in range(4):
        answered(before)
    lease = lease_of(before)
    answer = AttemptGuard(store, limits=AttemptLimits(failures=1), clock=clock).settle(lease, RIGHT)
    assert (answer.counted, answer.left, answer.blocked_until) == (False, 1, None)


def test_a_lowered_wider_limit_refuses_until_enough_presses_are_old() -> None:
    store = AttemptsInMemory()
    before, clock = guarded(store)
    for _ in range(9):
        answered(before, OUTAGE)
        clock.advance(60)
    after = AttemptGuard(store, limits=AttemptLimits(presses=6), clock=clock)
    clock.set(refused(after).until)
    assert clock.now() == START + timedelta(hours=1, minutes=3)
    answered(after, OUTAGE)
    refused(after)


# ---- the wider limit


def test_presses_of_any_outcome_are_limited_too(store: AttemptStore) -> None:
    guard, clock = guarded(store, presses=10)
    for report in [OUTAGE, RIGHT] * 5:
        answered(guard, report)
        clock.advance(60)
    for _ in range(3):
        refusal = refused(guard)
        assert (refusal.because, refusal.until) == ("too_many", START + timedelta(hours=1))
    clock.set(refusal.until)
    answered(guard)
    assert refused(guard).until == START + timedelta(hours=1, minutes=1)


# ---- leases


class SlowClock(ManualClock):
    """A clock that lets other threads run while it is read, which is in the middle of a store's change."""

    def now(self) -> datetime:
        time.sleep(0.001)
        return super().now()


@pytest.mark.parametrize("shared", ["memory", "sqlite"])
def test_twenty_threads_at_once_send_six_wrong_keys_and_no_more(shared: str, tmp_path: Path) -> None:
    store = AttemptsInMemory() if shared == "memory" else SqliteStore(tmp_path / "db")
    guard = AttemptGuard(store, clock=SlowClock(START))
    ready, sent = threading.Barrier(20), []

    def vendor() -> ConnectionReport:
        sent.append("key")
        return WRONG

    def press() -> AttemptAnswered | AttemptRefused:
        ready.wait(30)
        return guard.run(PLACE, vendor)

    with ThreadPoolExecutor(20) as pool:
        outcomes = [one.result() for one in [pool.submit(press) for _ in range(20)]]
    assert len(sent) == 6
    assert sum(isinstance(one, AttemptRefused) for one in outcomes) == 14
    assert refused(guard).because == "blocked"


def test_presses_that_all_wait_for_the_vendor_hold_six_leases_and_the_others_are_told_so() -> None:
    guard, _ = guarded()
    all_refused = threading.Event()
    outcomes: list[AttemptAnswered | AttemptRefused] = []

    def vendor() -> ConnectionReport:
        assert all_refused.wait(30), "fourteen presses should have been refused while six wait"
        return WRONG

    def press() -> None:
        outcomes.append(guard.run(PLACE, vendor))
        if len(outcomes) == 14:
            all_refused.set()

    with ThreadPoolExecutor(20) as pool:
        for one in [pool.submit(press) for _ in range(20)]:
            one.result()
    assert [one.because for one in outcomes[:14] if isinstance(one, AttemptRefused)] == ["under_way"] * 14
    assert sorted(one.left for one in outcomes[14:] if isinstance(one, AttemptAnswered)) == [0, 1, 2, 3, 4, 5]


def test_twenty_tasks_at_once_send_six_wrong_keys_and_no_more() -> None:
    sent = []

    async def vendor() -> ConnectionReport:
        sent.append("key")
        await asyncio.sleep(0)
        return WRONG

    async def main() -> list[AttemptAnswered | AttemptRefused]:
        guard = AsyncAttemptGuard(clock=ManualClock(START))
        return await asyncio.gather(*(guard.run(PLACE, vendor) for _ in range(20)))

    outcomes = asyncio.run(main())
    assert len(sent) == 6
    assert [one.because for one in outcomes if isinstance(one, AttemptRefused)] == ["under_way"] * 14


def test_a_sync_and_an_async_guard_share_one_memory() -> None:
    memory, clock = AttemptsInMemory(), ManualClock(START)
    threads = AttemptGuard(memory, clock=clock)
    tasks = AsyncAttemptGuard(memory, clock=clock)

    async def vendor() -> ConnectionReport:
        return WRONG

    for n in range(3):
        assert answered(threads).left == 5 - 2 * n
        asyncio.run(tasks.run(PLACE, vendor))
    assert refused(threads).because == "blocked"


def test_the_lease_of_a_press_that_crashed_holds_its_place_until_it_runs_out_and_counts_nothing() -> None:
    guard, clock = guarded()
    for _ in range(4):
        answered(guard)

    def crash() -> ConnectionReport:
        raise RuntimeError("the process is going down")

    for _ in range(2):
        with pytest.raises(RuntimeError):
            guard.run(PLACE, crash)
    refusal = refused(guard)
    assert (refusal.because, refusal.until) == ("under_way", START + timedelta(minutes=2))
    clock.advance(119.999999)
    refused(guard)
    clock.advance(0.000001)
    assert answered(guard).left == 1


def test_a_cancelled_press_is_a_crashed_one() -> None:
    clock = ManualClock(START)
    guard = AsyncAttemptGuard(limits=AttemptLimits(failures=0, presses=9), clock=clock)

    async def forever() -> ConnectionReport:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        press = asyncio.create_task(guard.run(PLACE, forever))
        await asyncio.sleep(0)
        press.cancel()
        with pytest.raises(asyncio.CancelledError):
            await press
        assert isinstance(await guard.take(PLACE), AttemptRefused)
        clock.advance(120)
        assert isinstance(await guard.take(PLACE), AttemptLease)

    asyncio.run(main())


def test_a_report_that_comes_after_its_lease_ran_out_still_counts_once() -> None:
    guard, clock = guarded()
    late = [lease_of(guard) for _ in range(6)]
    clock.advance(121)
    more = [lease_of(guard) for _ in range(6)]
    assert [guard.settle(one, WRONG).left for one in late[:5]] == [5, 4, 3, 2, 1]
    assert guard.settle(late[0], WRONG).left == 1
    until = guard.settle(more[0], WRONG).blocked_until
    assert until is not None
    clock.advance(30)
    ending = guard.settle(more[1], WRONG)
    assert (ending.counted, ending.left, ending.blocked_until) == (False, 0, until)


def test_a_report_handed_in_twice_counts_once_and_a_success_can_not_take_it_back() -> None:
    guard, _ = guarded()
    lease = lease_of(guard)
    assert guard.settle(lease, WRONG).left == 5
    assert (guard.settle(lease, WRONG).left, guard.settle(lease, RIGHT).left) == (5, 5)
    other = lease_of(guard)
    assert guard.settle(other, RIGHT).counted is False
    assert guard.settle(other, WRONG).counted is False


# ---- what is stored


def test_what_is_stored_is_the_scope_random_ids_and_times(tmp_path: Path) -> None:
    kept = SqliteStore(tmp_path / "db")
    guard, _ = guarded(kept)
    for report in (WRONG, OUTAGE, RIGHT):
        answered(guard, report)
    (row,) = json.loads(kept.dump())
    state = json.loads(row[1])
    assert row[0] == PLACE
    assert set(state) == {"presses", "blocked_at", "as_of", "keep_until"}
    assert {key for press in state["presses"] for key in press} == {"id", "taken_at", "answered", "failed_at"}
    assert len(row[1]) < 3 * 160 + 120


def test_a_key_that_was_tested_is_nowhere_in_what_the_guard_says_or_stores(tmp_path: Path) -> None:
    kept = SqliteStore(tmp_path / "db")
    guard, _ = guarded(kept)
    connection = Connection("full-vendor", external_id="1", api_key="K3Y-THAT-LEAKS")
    told = []
    with Kobling(adapters=Installed({"full-vendor": FullVendor}), exchange=lambda call: reply(401)) as kobling:
        session = kobling.session(Connection("full-vendor", external_id="1", api_key="K3Y-THAT-LEAKS"))
        for _ in range(7):
            outcome = guard.run(connection.id, session.test_connection)
            told += [repr(outcome), outcome.explain("nb"), outcome.explain("en"), outcome.model_dump_json()]
    assert "K3Y-THAT-LEAKS" not in kept.dump() + "".join(told)


def test_memory_holds_no_more_scopes_than_were_pressed_lately() -> None:
    memory = AttemptsInMemory()
    guard, clock = guarded(memory)
    for n in range(5000):
        answered(guard, scope=f"location {n}")
        clock.advance(36)  # a hundred in an hour
    assert memory.scopes <= 1000


def test_a_sweep_forgets_no_scope_that_still_counts() -> None:
    memory = AttemptsInMemory()
    guard, clock = guarded(memory)
    for _ in range(6):
        answered(guard)
    for n in range(5000):
        answered(guard, scope=f"another {n}")
    clock.advance(HOUR - 1)
    assert refused(guard).because == "blocked"
    assert memory.scopes == 5001


def test_a_state_may_be_deleted_from_keep_until_on_and_not_before() -> None:
    store = EagerStore()
    guard, clock = guarded(store)
    for _ in range(6):
        answered(guard)
        clock.advance(60)
    until = store.states[PLACE].keep_until
    assert until == START + timedelta(minutes=5, hours=1)
    offered = AttemptLease(scope=PLACE, id="new", expires_at=until)
    just_before, _ = take(guard.limits, store.states[PLACE], until - timedelta(microseconds=1), offered)
    then, answer = take(guard.limits, store.states[PLACE], until, offered)
    assert just_before.blocked_at is not None
    assert (then, answer) == take(guard.limits, AttemptState(), until, offered)


# ---- clocks


def test_a_clock_set_back_neither_shortens_a_block_nor_prolongs_it_by_more_than_itself() -> None:
    guard, clock = guarded()
    for _ in range(6):
        answered(guard)
    clock.set(START - timedelta(days=400))
    for _ in range(10):
        assert refused(guard).until == START - timedelta(days=400) + timedelta(hours=1)
        clock.advance(359)
    clock.advance(HOUR - 3590)
    assert answered(guard).left == 5


def test_a_clock_set_back_frees_neither_failures_nor_leases() -> None:
    guard, clock = guarded()
    for _ in range(4):
        answered(guard)
    lease_of(guard)
    clock.set(START - timedelta(days=1))
    lease_of(guard)
    assert refused(guard).because == "under_way"
    clock.advance(120)
    assert [answered(guard).left for _ in range(2)] == [1, 0]


def test_a_failure_that_has_ceased_to_count_does_not_begin_again_when_the_clock_is_set_back() -> None:
    guard, clock = guarded(presses_window=timedelta(hours=3))
    for _ in range(5):
        answered(guard)
    clock.advance(HOUR)
    assert answered(guard).left == 5
    clock.set(START + timedelta(minutes=30))
    assert [answered(guard).left for _ in range(4)] == [4, 3, 2, 1]


# ---- texts


def test_a_person_reads_what_happened_when_it_ends_what_to_do_and_who_can_help() -> None:
    guard, clock = guarded()
    clock.advance(30)
    fifth, sixth = [answered(guard) for _ in range(6)][-2:]
    assert "1 feil til sperres testing i 60 min." in fifth.explain("nb")
    assert sixth.explain("nb").startswith(WRONG.headline("nb"))
    assert "sperret til kl. 10:01 (om 60 min), også med riktige opplysninger." in sixth.explain("nb")
    clock.advance(1800)
    refusal = refused(guard)
    assert "Testing is blocked until 10:01 (in 30 min), with right details too." in refusal.explain("en")
    assert "09:01" in refusal.explain("en", zone="Europe/London")
    assert "brukerstøtte" in refusal.explain("nb")
    assert answered(guarded()[0], RIGHT).explain("nb") == "Suksess"
    assert answered(guarded()[0], OUTAGE).explain("nb") == OUTAGE.headline("nb")


@pytest.mark.parametrize(
    ("now", "zone", "nb", "en"),
    [
        (datetime(2026, 11, 23, 22, 30, tzinfo=UTC), "Europe/Oslo", "24.11.2026 kl. 00:30", "00:30 on 2026-11-24"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/Oslo", "kl. 02:30 (om 60 min)", "02:30 (in 60 min)"),
        (datetime(2027, 3, 28, 0, 30, tzinfo=UTC), "Europe/Oslo", "kl. 03:30 (om 60 min)", "03:30 (in 60 min)"),
        (datetime(2026, 11, 23, 8, 0, 0, 1, tzinfo=UTC), "Europe/Oslo", "kl. 10:01 (om 60", "10:01 (in 60"),
    ],
    ids=["past midnight", "the hour that comes twice", "the missing hour", "rounded up"],
)
def test_the_end_is_told_on_the_clinics_clock(now: datetime, zone: str, nb: str, en: str) -> None:
    refusal = AttemptRefused(because="blocked", at=now, until=now + timedelta(hours=1))
    assert nb in refusal.explain("nb", zone=zone)
    assert en in refusal.explain("en", zone=zone)


@pytest.mark.parametrize("because", ["blocked", "too_many", "under_way"])
def test_every_refusal_has_its_words(because: Any) -> None:
    refusal = AttemptRefused(because=because, at=START, until=START + timedelta(minutes=2))
    for lang, end in (("nb", "kl. 09:02 (om 2 min)"), ("en", "09:02 (in 2 min)")):
        assert end in refusal.explain(lang)  # type: ignore[arg-type]


# ---- against an oracle that keeps every event and works each answer out from the beginning


class Oracle:
    """The rules as the module's text states them: a log of what happened, and no state but that."""

    def __init__(self, limits: AttemptLimits) -> None:
        self.limits = limits
        self.log: list[dict[str, Any]] = []

    def look(self, now: datetime) -> None:
        """Nothing is later than now, and a press, a failure or a block that says nothing any more is forgotten for
        good."""
        for event in self.log:
            for name in ("taken", "failed", "blocked"):
                if event[name] is not None:
                    event[name] = min(event[name], now)
            if event["blocked"] is not None and now >= event["blocked"] + self.limits.block:
                event["blocked"] = None
            pressed = now < event["taken"] + max(self.limits.lease, self.limits.presses_window)
            if event["failed"] is not None and now >= event["failed"] + self.limits.window:
                event["failed"] = None
            event["gone"] |= not (pressed or event["failed"] is not None)

    def present(self) -> list[dict[str, Any]]:
        return [event for event in self.log if not event["gone"]]

    def block_end(self, now: datetime) -> datetime | None:
        ends = [event["blocked"] + self.limits.block for event in self.log if event["blocked"] is not None]
        return max((end for end in ends if now < end), default=None)

    def failures(self, now: datetime) -> list[dict[str, Any]]:
        failed = (event for event in self.present() if event["failed"] is not None)
        return [event for event in failed if now < event["failed"] + self.limits.window]

    def live(self, now: datetime) -> list[dict[str, Any]]:
        return [one for one in self.present() if not one["answered"] and now < one["taken"] + self.limits.lease]

    def take(self, now: datetime) -> tuple[str, datetime | None]:
        self.look(now)
        end = self.block_end(now)
        if end is not None:
            return "blocked", end
        at = now
        while sum(at < one["taken"] + self.limits.presses_window for one in self.present()) >= self.limits.presses:
            at = min(e for one in self.present() if (e := one["taken"] + self.limits.presses_window) > at)
        if at > now:
            return "too_many", at
        if len(self.failures(now)) + len(self.live(now)) > self.limits.failures:
            while len(self.failures(at)) + len(self.live(at)) > self.limits.failures:
                ends = [one["failed"] + self.limits.window for one in self.failures(at)]
                at = min(ends + [one["taken"] + self.limits.lease for one in self.live(at)])
            return "under_way", at
        self.log.append({"taken": now, "answered": False, "failed": None, "blocked": None, "gone": False})
        return "lease", None

    def settle(self, now: datetime, number: int, counts: bool) -> tuple[bool, int, datetime | None]:
        self.look(now)
        event = self.log[number]
        counted = counts and not event["answered"] and not event["gone"] and self.block_end(now) is None
        event["answered"] = True
        if counted:
            event["failed"] = now
            if len(self.failures(now)) > self.limits.failures:
                for one in self.log:  # used up, but for what is under way
                    one["failed"] = None
                event["blocked"] = now
        end = self.block_end(now)
        return counted, 0 if end else self.limits.failures + 1 - len(self.failures(now)), end


SPAN = st.integers(1, 5).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def some_limits(draw: st.DrawFn) -> AttemptLimits:
    failures = draw(st.integers(0, 3))
    presses = failures + draw(st.integers(1, 8))
    spans = {name: draw(SPAN) for name in ("window", "block", "presses_window", "lease")}
    return AttemptLimits.model_validate({"failures": failures, "presses": presses, **spans})


ACTIONS = st.lists(
    st.one_of(
        st.just(("take", 0)),
        st.tuples(st.sampled_from(["wrong", "wrong", "right"]), st.sampled_from([-1, -1, -2, -3, -6])),
        st.tuples(st.just("wait"), st.integers(1, 3)),
        st.tuples(st.just("set"), st.integers(-6, 6)),
    ),
    min_size=10,
    max_size=80,
)
"""Waiting and setting are in seconds; a report is for the lease that was taken that many leases ago."""


class ForgetfulStore:
    """A store that deletes each state as soon as it may."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._state = AttemptState()

    def change(self, scope: str, step: Step[T]) -> T:
        if self._state.keep_until is None or self._state.keep_until <= self._clock.now():
            self._state = AttemptState()
        self._state, answer = step(self._state)
        return answer


@settings(max_examples=600, deadline=None)
@given(some_limits(), ACTIONS)
def test_every_answer_is_the_oracles(limits: AttemptLimits, actions: list[tuple[str, int]]) -> None:
    clock = ManualClock(START)
    guard, oracle = AttemptGuard(ForgetfulStore(clock), limits=limits, clock=clock), Oracle(limits)
    leases: list[AttemptLease] = []
    for what, number in actions:
        if what == "wait":
            clock.advance(number)
        elif what == "set":
            clock.set(clock.now() + timedelta(seconds=number))
        elif what == "take":
            outcome = guard.take(PLACE)
            because, until = oracle.take(clock.now())
            if isinstance(outcome, AttemptLease):
                assert because == "lease"
                leases.append(outcome)
            else:
                assert (outcome.because, outcome.until) == (because, until)
        elif -number <= len(leases):
            answer = guard.settle(leases[number], WRONG if what == "wrong" else RIGHT)
            expected = oracle.settle(clock.now(), number, what == "wrong")
            assert (answer.counted, answer.left, answer.blocked_until) == expected


@settings(max_examples=200, deadline=None)
@given(some_limits(), ACTIONS)
def test_within_any_window_no_more_wrong_keys_are_sent_than_one_block_allows(
    limits: AttemptLimits, actions: list[tuple[str, int]]
) -> None:
    """Whatever an attacker does who always sends wrong keys and waits for each answer, at any pace, and however the
    clock is set back on the way: real time, not the guard's clock, is what is measured."""
    limits = limits.model_copy(update={"block": max(limits.block, limits.window)})
    clock, real = ManualClock(START), 0.0
    guard = AttemptGuard(limits=limits, clock=clock)
    sent: list[float] = []
    for what, number in actions * 3:
        if what == "wait":
            clock.advance(number)
            real += number
        elif what == "set":
            clock.set(clock.now() - timedelta(seconds=abs(number)))
        elif isinstance(guard.run(PLACE, lambda: WRONG), AttemptAnswered):
            sent.append(real)
    span = limits.window.total_seconds()
    for first in sent:
        assert sum(first <= at < first + span for at in sent) <= limits.failures + 1


def test_a_store_is_given_only_the_scope_and_a_step() -> None:
    calls: list[tuple[str, Callable[..., Any]]] = []

    class Listening(AttemptsInMemory):
        def change(self, scope: str, step: Step[T]) -> T:
            calls.append((scope, step))
            return super().change(scope, step)

    guard, _ = guarded(Listening())
    answered(guard)
    assert [scope for scope, _ in calls] == [PLACE, PLACE]
