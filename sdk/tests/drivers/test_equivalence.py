"""Every command means the same in both drivers."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any

import pytest

from kobling.addresses import UrlPolicy
from kobling.commands import All, Hook, Once, Sleep
from kobling.drivers import AsyncDriver, AwaitableFromHook, DriverClosed, SyncDriver
from kobling.errors import KoblingError, RateLimited, SlotTaken

from .world import Server, Side, answers, send

Serve = Callable[..., Server]
Make = Callable[..., Side]
Steps = Generator[Any, Any, Any]


def returns(value: object, after: float = 0) -> Steps:
    """A flow that sleeps, and returns."""
    if after:
        yield Sleep(after)
    return value


def raises(error: BaseException, after: float = 0) -> Steps:
    if after:
        yield Sleep(after)
    raise error


def test_a_flow_returns_or_raises_what_it_returns_or_raises(driver: Side) -> None:
    assert driver.run(returns(7)) == 7
    with pytest.raises(LookupError, match="gone"):
        driver.run(raises(LookupError("gone"), after=0.001))


class TestSleep:
    def test_it_is_waited_for_by_the_given_sleeper(self, make: Make) -> None:
        waited: list[float] = []
        assert make(sleep=waited.append).run(returns("late", after=3600.0)) == "late"
        assert waited == [3600.0]

    def test_it_takes_its_time(self, driver: Side) -> None:
        started = time.monotonic()
        driver.run(returns(None, after=0.05))
        assert 0.05 <= time.monotonic() - started < 2.5


class TestAll:
    def test_results_come_in_order_and_kobling_errors_as_values(self, driver: Side) -> None:
        taken = SlotTaken("overlap")

        def flow() -> Steps:
            return (yield All([returns(1, after=0.05), raises(taken, after=0.001), returns(3)]))

        assert driver.run(flow()) == [1, taken, 3]

    def test_nothing_gives_nothing(self, driver: Side) -> None:
        def flow() -> Steps:
            return (yield All([]))

        assert driver.run(flow()) == []

    def test_as_many_run_at_once_as_allowed_and_no_more(self, driver: Side) -> None:
        running, most, lock = 0, 0, threading.Lock()

        def counted() -> Steps:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            yield Sleep(0.03)
            with lock:
                running -= 1

        def flow() -> Steps:
            yield All([counted() for _ in range(9)], limit=3)

        driver.run(flow())
        assert most == 3

    def test_each_flow_has_the_callers_context_and_keeps_its_own_changes(self, driver: Side) -> None:
        tone: ContextVar[str] = ContextVar("tone")

        def changes(name: str) -> Steps:
            before = tone.get()
            tone.set(name)
            yield Sleep(0.01)
            return before, tone.get()

        def flow() -> Steps:
            tone.set("outer")
            inner = yield All([changes("a"), changes("b")])
            return inner, tone.get()

        assert driver.run(flow()) == ([("outer", "a"), ("outer", "b")], "outer")

    def test_another_error_stops_the_rest_at_once(self, driver: Side, serve: Serve) -> None:
        ended: list[str] = []
        hanging = serve(lambda conn: threading.Event().wait(3))

        def told(name: str, steps: Steps) -> Steps:
            try:
                return (yield from steps)
            except BaseException as error:
                ended.append(name)
                ended.append("as an error" if isinstance(error, Exception) else "")
                raise
            finally:
                ended.append(f"{name} closed")

        def unstarted() -> Steps:
            ended.append("started")
            yield Sleep(0)

        def flow() -> Steps:
            waiting = [told("sleeps", returns(1, after=5)), told("sends", send(hanging.url, timeout=5))]
            yield All([*waiting, raises(ZeroDivisionError(), after=0.1), unstarted()], limit=3)

        started = time.monotonic()
        with pytest.raises(ZeroDivisionError):
            driver.run(flow())
        assert time.monotonic() - started < 2.5
        assert sorted(filter(None, ended)) == ["sends", "sends closed", "sleeps", "sleeps closed"]

    def test_it_nests(self, driver: Side) -> None:
        def inner(base: int) -> Steps:
            return (yield All([returns(base + 1, after=0.01), returns(base + 2)], limit=1))

        def flow() -> Steps:
            return (yield All([inner(10), inner(20)]))

        assert driver.run(flow()) == [[11, 12], [21, 22]]

    def test_an_error_stops_what_is_nested_beside_it(self, driver: Side) -> None:
        def inner() -> Steps:
            return (yield All([returns(1, after=5), returns(2, after=5)]))

        def flow() -> Steps:
            yield All([inner(), raises(ZeroDivisionError(), after=0.05)])

        started = time.monotonic()
        with pytest.raises(ZeroDivisionError):
            driver.run(flow())
        assert time.monotonic() - started < 2.5


class TestOnce:
    def test_flows_under_one_key_share_one_run(self, driver: Side) -> None:
        runs: list[int] = []

        def signs_in() -> Steps:
            runs.append(1)
            yield Sleep(0.1)
            return f"token {len(runs)}"

        def flow(key: str = "connection") -> Steps:
            return (yield Once(key, signs_in))

        assert driver.run_together([flow() for _ in range(20)]) == ["token 1"] * 20
        assert driver.run(flow()) == "token 2", "nothing is kept afterwards"
        both = driver.run_together([flow("a"), flow("b")])
        assert len(runs) == 4
        assert both[0].startswith("token")

    def test_an_error_is_shared_too_with_all_its_facts(self, driver: Side) -> None:
        gate = threading.Barrier(1)

        def refused() -> Steps:
            gate.wait()
            yield Sleep(0.1)
            raise RateLimited("budget", retry_after=30.0, vendor="eg-pasientsky")

        def flow() -> Steps:
            try:
                yield Once("key", refused)
            except KoblingError as error:
                return error

        errors = driver.run_together([flow() for _ in range(5)])
        assert len({id(error) for error in errors}) == 5, "no two callers raise the same object"
        for error in errors:
            assert (type(error), error.because, error.retry_after) == (RateLimited, "budget", 30.0)

    def test_one_who_is_broken_off_hands_over_to_those_who_wait(self, driver: Side) -> None:
        runs: list[int] = []

        def signs_in() -> Steps:
            runs.append(1)
            mine = len(runs)
            yield Sleep(0.2)
            if mine == 1:
                raise KeyboardInterrupt if driver.name == "sync" else asyncio.CancelledError
            return f"token {mine}"

        def flow(after: float) -> Steps:
            yield Sleep(after)
            return (yield Once("key", signs_in))

        def broken_off() -> Steps:
            return (yield Once("key", signs_in))

        def leads() -> None:
            with pytest.raises((KeyboardInterrupt, asyncio.CancelledError, BaseException)):
                driver.run(broken_off())

        first = threading.Thread(target=leads)
        first.start()
        assert driver.run_together([flow(0.05) for _ in range(4)]) == ["token 2"] * 4
        first.join()

    def test_cancelled_tasks_take_nobody_with_them(self) -> None:
        runs: list[int] = []

        def signs_in() -> Steps:
            runs.append(1)
            yield Sleep(0.05)
            return f"token {len(runs)}"

        def flow() -> Steps:
            return (yield Once("key", signs_in))

        async def main() -> list[Any]:
            async with AsyncDriver(policy=UrlPolicy()) as driver:
                leader, *waiting = [asyncio.create_task(driver.run(flow())) for _ in range(5)]
                await asyncio.sleep(0.01)
                leader.cancel()
                waiting[0].cancel()
                return await asyncio.gather(leader, *waiting, return_exceptions=True)

        first, second, *others = asyncio.run(main())
        assert [type(each) for each in (first, second)] == [asyncio.CancelledError] * 2
        assert others == ["token 2"] * 3


class TestHook:
    def test_the_callers_function_is_called_in_its_place(self, driver: Side) -> None:
        told: list[str] = []

        def flow() -> Steps:
            told.append("before")
            yield Hook(lambda: told.append("hook"))
            told.append("after")

        driver.run(flow())
        assert told == ["before", "hook", "after"]

    def test_what_it_raises_is_raised_into_the_flow_which_may_go_on(self, driver: Side) -> None:
        def full() -> None:
            raise OSError("disk full")

        def flow() -> Steps:
            try:
                yield Hook(full)
            except OSError as error:
                yield Sleep(0)
                return f"not booked: {error}"

        assert driver.run(flow()) == "not booked: disk full"

    def test_an_awaitable_is_awaited_or_refused_with_a_sentence(self, driver: Side) -> None:
        told: list[str] = []

        async def records() -> None:
            await asyncio.sleep(0)
            told.append("recorded")

        def flow() -> Steps:
            yield Hook(records)
            told.append("sent")

        if driver.name == "async":
            driver.run(flow())
            assert told == ["recorded", "sent"]
        else:
            with pytest.raises(AwaitableFromHook, match="ordinary function"):
                driver.run(flow())
            assert told == []


def test_an_interrupt_is_thrown_into_the_flow_and_raised_whatever_it_does(driver: Side, serve: Serve) -> None:
    recorded: list[str] = []

    def stubborn() -> Steps:
        try:
            yield Hook(interrupts)
        except BaseException as error:
            recorded.append(type(error).__name__)
            yield Sleep(0)
            recorded.append("went on")

    def replaces() -> Steps:
        try:
            yield Hook(interrupts)
        except BaseException:
            raise SlotTaken from None

    def swallows() -> Steps:
        try:
            yield Hook(interrupts)
        except BaseException:
            return "fine"

    class Interrupt(BaseException):
        pass

    def interrupts() -> None:
        raise Interrupt

    for flow in (stubborn, replaces, swallows):
        with pytest.raises(Interrupt):
            driver.run(flow())
    assert recorded == ["Interrupt"]


def test_ctrl_c_ends_flows_in_threads_at_once(serve: Serve) -> None:
    arrived = threading.Barrier(
        3, action=lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    )
    ended: list[str] = []

    def hangs(conn: Any) -> None:
        arrived.wait(5)
        conn.recv(1)

    url = serve(hangs).url

    def one(name: str) -> Steps:
        try:
            yield from send(url, timeout=5)
        except BaseException:
            ended.append(name)
            raise

    def flow() -> Steps:
        yield All([one("a"), one("b"), one("c"), one("never started")], limit=3)

    started = time.monotonic()
    with SyncDriver(policy=UrlPolicy()) as driver, pytest.raises(KeyboardInterrupt):
        driver.run(flow())
    assert time.monotonic() - started < 2
    assert sorted(ended) == ["a", "b", "c"]


def test_a_closed_driver_says_so(make: Make) -> None:
    driver = make()
    driver.end()
    with pytest.raises(DriverClosed, match="Make a new one"):
        driver.run(returns(1))


def test_fifty_callers_share_one_driver(driver: Side, serve: Serve) -> None:
    """All fifty requests have to be at the server together before any is answered."""
    together = threading.Barrier(50)
    reply = answers(b"met")

    def meets(conn: Any) -> None:
        together.wait(5)
        reply(conn)

    url = serve(meets).url
    for write in (True, False):
        met = driver.run_together([send(url, write=write, timeout=5) for _ in range(50)])
        assert [answer.body for answer in met] == [b"met"] * 50
