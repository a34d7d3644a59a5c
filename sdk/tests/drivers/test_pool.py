"""A channel's connections: so many at once, waited for no longer than the deadline, and never lost to a failed call."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from kobling.addresses import UrlPolicy
from kobling.drivers import pool
from kobling.exchange import WireFailure

from .world import AsyncSide, Server, Side, answers, raw, send

Serve = Callable[..., Server]
Limit = Callable[[int], None]


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Limit:
    """Lets every transport made from now on have so many connections."""
    return lambda number: monkeypatch.setattr(pool, "CONNECTIONS", number)


def test_reads_beyond_the_limit_wait_for_a_connection(driver: Side, serve: Serve, limit: Limit) -> None:
    limit(2)
    reply = answers()

    def late(conn: socket.socket) -> None:
        time.sleep(0.05)
        reply(conn)

    server = serve(late)
    together = driver.run_together([send(server.url) for _ in range(6)])
    assert [answer.status for answer in together] == [200] * 6
    assert server.connections == 2


def test_a_read_that_waits_until_its_deadline_was_never_sent(driver: Side, serve: Serve, limit: Limit) -> None:
    limit(1)
    arrived, go_on = threading.Event(), threading.Event()
    reply = answers()

    def held(conn: socket.socket) -> None:
        arrived.set()
        go_on.wait(5)
        reply(conn)

    server = serve(held)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(driver.run, send(server.url))
        assert arrived.wait(5)
        assert driver.run(send(server.url, timeout=0.1)) == WireFailure("busy")
        go_on.set()
        assert first.result().status == 200
    assert len(server.requests) == 1
    assert driver.run(send(server.url)).status == 200


def test_failed_calls_give_their_places_back(driver: Side, serve: Serve, limit: Limit) -> None:
    limit(1)
    broken, sound = serve(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")), serve(answers())
    for _ in range(3):
        assert isinstance(driver.run(send(broken.url)), WireFailure)
    assert driver.run(send("http://127.0.0.1:1/", timeout=1.0)).kind == "connect"
    assert driver.run(send(sound.url)).status == 200


def test_a_kept_connection_makes_room_for_another_host(driver: Side, serve: Serve, limit: Limit) -> None:
    limit(1)
    here, there = serve(answers(b"here")), serve(answers(b"there"))
    for server, body in ((here, b"here"), (here, b"here"), (there, b"there"), (here, b"here")):
        assert driver.run(send(server.url)).body == body
    assert (here.connections, there.connections) == (2, 1)


def test_a_connection_that_its_peer_has_closed_is_not_used_again(driver: Side, serve: Serve) -> None:
    reply = answers()

    def closes(conn: socket.socket) -> None:
        reply(conn)
        conn.shutdown(socket.SHUT_RDWR)

    server = serve(closes)
    for _ in range(3):
        assert driver.run(send(server.url)).status == 200
        time.sleep(0.05)
    assert server.connections == 3


def test_bytes_after_a_reply_never_pass_for_the_next_one(driver: Side, serve: Serve) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    server = serve(lambda conn: conn.sendall(head + b"ok" + head + b"no"))
    assert [driver.run(send(server.url)).body for _ in range(2)] == [b"ok", b"ok"]
    assert server.connections == 2


def test_cancelled_tasks_give_their_places_back(serve: Serve, limit: Limit) -> None:
    limit(1)
    patience = threading.Event()
    reply = answers()

    def silent_at_first(conn: socket.socket) -> None:
        if not patience.is_set():
            patience.wait(5)
            return
        reply(conn)

    server = serve(silent_at_first)

    async def story(side: AsyncSide) -> int:
        waiting = [asyncio.create_task(side.driver.run(send(server.url))) for _ in range(3)]
        while not server.requests:
            await asyncio.sleep(0.01)
        for task in waiting:
            task.cancel()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in ended] == [asyncio.CancelledError] * 3
        patience.set()
        answer = await side.driver.run(send(server.url))
        return int(answer.status)

    side = AsyncSide(policy=UrlPolicy())
    try:
        assert asyncio.run_coroutine_threadsafe(story(side), side.loop).result(10) == 200
    finally:
        patience.set()
        side.close()
