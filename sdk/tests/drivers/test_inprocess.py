"""An exchange in this process, in place of the network, under the same limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from kobling.exchange import WireFailure, WireReply, WireRequest, reply

from .world import Side, send

Make = Callable[..., Side]

URL = "https://klinikk.example/api"


def test_the_request_arrives_as_it_was_given(make: Make) -> None:
    seen: list[WireRequest] = []

    def exchange(request: WireRequest) -> WireReply:
        seen.append(request)
        return reply(json={"id": "7"})

    answer = make(exchange=exchange).run(send(URL, write=True, body=b"{}", headers={"X-A": "1"}))
    assert answer.body == b'{"id": "7"}'
    assert seen == [WireRequest("POST", URL, (("X-A", "1"),), b"{}")]


def test_a_failure_of_the_exchange_is_passed_on(make: Make) -> None:
    assert make(exchange=lambda request: WireFailure("read", "broken")).run(send(URL)) == WireFailure("read", "broken")


def test_fifty_can_be_held_open_together(make: Make) -> None:
    together = threading.Barrier(50)

    def exchange(request: WireRequest) -> WireReply:
        together.wait(5)
        return reply(text="met")

    met = make(exchange=exchange).run_together([send(URL, write=True) for _ in range(50)])
    assert [answer.status for answer in met] == [200] * 50


def test_it_is_given_up_at_the_deadline(make: Make) -> None:
    release = threading.Event()

    def hangs(request: WireRequest) -> WireReply:
        release.wait(5)
        return reply()

    started = time.monotonic()
    answer = make(exchange=hangs).run(send(URL, write=True, timeout=0.2))
    release.set()
    assert answer == WireFailure("timeout", "exchange")
    assert time.monotonic() - started < 1.5


def test_one_that_never_blocks_is_called_where_the_caller_is(make: Make) -> None:
    class Immediate:
        immediate = True

        def __call__(self, request: WireRequest) -> WireReply:
            return reply(text=threading.current_thread().name)

    driver = make(exchange=Immediate())
    assert "kobling-exchange" not in driver.run(send(URL)).body.decode()
    assert driver.run(send(URL, max_bytes=1)) == WireFailure("too_large", "raw")
    assert make(exchange=lambda request: Immediate()(request)).run(send(URL)).body.startswith(b"kobling-exchange")


def test_a_reply_beyond_the_bound_is_refused(make: Make) -> None:
    driver = make(exchange=lambda request: reply(body=b"x" * 11))
    assert driver.run(send(URL, max_bytes=10)) == WireFailure("too_large", "raw")
    assert driver.run(send(URL, max_bytes=11)).status == 200


def test_a_late_write_does_not_reach_it(make: Make) -> None:
    noon = datetime(2026, 10, 25, 11, tzinfo=UTC)
    calls: list[WireRequest] = []

    def counts(request: WireRequest) -> WireReply:
        calls.append(request)
        return reply()

    driver = make(exchange=counts, now=lambda: noon)
    assert driver.run(send(URL, write=True, not_after=noon - timedelta(seconds=1))) == WireFailure("expired")
    assert calls == []
    assert driver.run(send(URL, write=True, not_after=noon)).status == 200


@pytest.mark.parametrize("error", [RuntimeError("no such route"), TimeoutError("its own")])
def test_what_it_raises_is_a_defect_and_is_raised(make: Make, error: Exception) -> None:
    def broken(request: WireRequest) -> WireReply:
        raise error

    with pytest.raises(type(error), match=str(error)):
        make(exchange=broken).run(send(URL))
