"""Connections: kept for reads, fresh for writes, apart for each channel, few, and closed when idle."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable

import pytest

from kobling.addresses import UrlPolicy
from kobling.drivers import AsyncDriver, SyncDriver, WrongEventLoop
from kobling.drivers.channels import Channels

from .world import Server, Side, answers, send

Serve = Callable[..., Server]
Make = Callable[..., Side]


def test_reads_of_one_channel_share_a_connection_and_channels_share_none(driver: Side, serve: Serve) -> None:
    server = serve(answers())
    for channel in ("a", "a", "a", "b", "b"):
        driver.run(send(server.url, channel=channel))
    assert server.connections == 2


def test_every_write_has_a_connection_of_its_own(driver: Side, serve: Serve) -> None:
    server = serve(answers())
    for _ in range(3):
        driver.run(send(server.url, write=True))
        driver.run(send(server.url))
    assert server.connections == 4


def test_many_reads_at_once_lose_none_when_the_server_keeps_closing(driver: Side, serve: Serve) -> None:
    """The pool must never close a connection that it has just handed out (httpcore issue 1110)."""
    url = serve(answers()).url
    for _ in range(10):
        together = driver.run_together([send(url) for _ in range(20)])
        assert [answer.status for answer in together] == [200] * 20
        time.sleep(0.002)


def test_an_idle_channel_is_closed_without_anybody_calling(make: Make, serve: Serve) -> None:
    gone = threading.Event()
    reply = answers()

    def notes_the_end(conn: object) -> None:
        reply(conn)  # type: ignore[arg-type]
        if conn.recv(1) == b"":  # type: ignore[attr-defined]
            gone.set()

    driver = make(idle_seconds=0.1)
    driver.run(send(serve(notes_the_end).url))
    assert not gone.is_set()
    assert gone.wait(2)


def test_the_least_recently_used_channel_beyond_the_bound_is_closed(make: Make, serve: Serve) -> None:
    server = serve(answers())
    driver = make(max_channels=1)
    for channel in ("a", "b", "a", "b"):  # two transports per channel are counted, and only reads are used here
        driver.run(send(server.url, channel=channel))
    assert server.connections == 2
    for channel in ("c", "a"):
        driver.run(send(server.url, channel=channel))
    assert server.connections == 4


class TestBookKeeping:
    def test_what_is_in_use_is_never_due(self) -> None:
        channels: Channels[str] = Channels(lambda write: "write" if write else "read", idle=10, most=1)
        assert channels.take("a", False, now=0) == "read"
        assert channels.take("a", True, now=0) == "write"
        channels.take("b", False, now=1)
        assert channels.due(now=100) == []
        channels.give("a", True, now=100)
        assert channels.due(now=100) == ["write"], "three are one too many"
        channels.give("a", False, now=100)
        assert channels.due(now=109) == []
        assert channels.due(now=110) == ["read"]
        assert len(channels) == 1

    def test_draining_takes_all(self) -> None:
        channels: Channels[int] = Channels(lambda write: int(write), idle=10, most=5)
        channels.take("a", True, now=0)
        channels.take("b", False, now=0)
        assert channels.drain() == [1, 0]
        channels.give("a", True, now=1)
        assert len(channels) == 0


def test_a_forgotten_sync_driver_leaves_no_thread_behind(serve: Serve) -> None:
    driver = SyncDriver(policy=UrlPolicy(), idle_seconds=0.1)
    driver.run(send(serve(answers(headers="Connection: close\r\n")).url))
    del driver
    gc.collect()
    ends = time.monotonic() + 2
    while any(isinstance(thread, threading.Timer) for thread in threading.enumerate()):
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_second_event_loop_is_refused_with_a_sentence(serve: Serve) -> None:
    url = serve(answers(headers="Connection: close\r\n")).url
    driver = AsyncDriver(policy=UrlPolicy())
    assert asyncio.run(driver.run(send(url))).status == 200
    with pytest.raises(WrongEventLoop, match="one per event loop"):
        asyncio.run(driver.run(send(url)))
    with pytest.raises(WrongEventLoop, match="one per event loop"):
        asyncio.run(driver.aclose())


def test_without_asyncio_the_async_driver_says_what_it_runs_on() -> None:
    driver = AsyncDriver(policy=UrlPolicy())
    with pytest.raises(WrongEventLoop, match="asyncio only"):
        driver.run(send("http://127.0.0.1/")).send(None)
