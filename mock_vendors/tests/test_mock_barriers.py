"""Fifty callers for one slot: every call is inside before any is decided."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from kobling.exchange import WireReply
from partner_caller import Caller

FIFTY = 50


def in_threads(count: int, call: Callable[[int], int]) -> Counter[int]:
    results: list[int] = []
    threads = [threading.Thread(target=lambda n=n: results.append(call(n))) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return Counter(results)


@pytest.mark.parametrize("taken", ["409", "400", "200"])
def test_fifty_threads_in_process_get_one_booking(caller: Caller, taken: str) -> None:
    world = caller.mock.world
    world.switches.set(taken=taken)
    slot = caller.slot()
    barrier = world.barriers.add("book", FIFTY)
    bodies: list[bytes] = []

    def book(number: int) -> int:
        answer = caller.call("/book", caller.order(slot, email=f"pasient{number}@example.test"))
        assert isinstance(answer, WireReply)
        bodies.append(answer.body)
        return answer.status

    statuses = in_threads(FIFTY, book)
    assert barrier.passed
    assert sum(b"bookingId" in body for body in bodies) == 1
    assert sum(b"TIMESLOT_UNAVAILABLE" in body for body in bodies) == FIFTY - 1
    assert statuses == Counter({200: 1, int(taken): FIFTY - 1}) if taken != "200" else Counter({200: FIFTY})
    assert Counter(call.effect for call in world.journal.of("book")) == Counter(done=1, none=FIFTY - 1)
    assert all(call.held for call in world.journal.of("book"))


def test_fifty_connections_to_a_socket_get_one_booking(caller: Caller) -> None:
    slot = caller.slot()
    barrier = caller.mock.world.barriers.add("book", FIFTY)
    with caller.mock.serve() as server:

        def book(number: int) -> int:
            order = {"apikey": caller.api_key, **caller.order(slot, email=f"pasient{number}@example.test")}
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            connection.request("POST", f"/partner-api/{caller.external_id}/book", json.dumps(order))
            status = connection.getresponse().status
            connection.close()
            return status

        assert in_threads(FIFTY, book) == Counter({200: 1, 409: FIFTY - 1})
    assert barrier.passed
    assert sum(a.source == "online" for a in caller.mock.world.clinic.all_appointments()) == 1


def test_a_call_too_many_goes_straight_through(caller: Caller) -> None:
    caller.mock.world.barriers.add("search", 2)
    assert in_threads(2, lambda _: caller.reply("/search", {}).status) == Counter({400: 2})
    assert caller.reply("/search", {}).status == 400
    assert [call.held for call in caller.mock.world.journal.of("search")] == [True, True, False]


def test_a_barrier_that_is_not_filled_lets_go_and_says_that_it_broke(caller: Caller) -> None:
    barrier = caller.mock.world.barriers.add("search", 3, timeout=0.05)
    assert caller.reply("/search", {}).status == 400
    assert (barrier.arrived, barrier.passed, barrier.broken) == (1, False, True)


def test_a_barrier_that_could_wait_for_ever_is_refused(caller: Caller) -> None:
    world = caller.mock.world
    with pytest.raises(ValueError, match="2 to 50 calls, not 51"):
        world.barriers.add("book", 51)
    with pytest.raises(ValueError, match="no operation 'pay'"):
        world.barriers.add("pay", 2)
    with caller.mock.serve(threads=4), pytest.raises(ValueError, match="the server has 4 threads"):
        world.barriers.add("book", 5)
    world.barriers.add("book", 5)
    with pytest.raises(ValueError, match="would wait for ever on 4 threads"):
        caller.mock.serve(threads=4)


def test_clearing_releases_the_calls_that_wait(caller: Caller) -> None:
    barrier = caller.mock.world.barriers.add("search", 2, timeout=30)
    waiting = threading.Thread(target=lambda: caller.reply("/search", {}))
    waiting.start()
    while barrier.arrived == 0:
        pass
    caller.mock.world.barriers.clear()
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    assert barrier.broken
