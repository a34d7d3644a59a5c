"""Both drivers, and servers on loopback that misbehave as told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from kobling.addresses import UrlPolicy

from .world import AsyncSide, Script, Server, Side, SyncSide, read_request


@pytest.fixture(params=[SyncSide, AsyncSide], ids=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Side]]:
    """Makes a driver with settings; a test that uses it runs once with each of the two."""
    made: list[Side] = []

    def make_one(**settings: Any) -> Side:
        settings.setdefault("policy", UrlPolicy())
        made.append(request.param(**settings))
        return made[-1]

    yield make_one
    for side in made:
        side.close()


@pytest.fixture
def driver(make: Callable[..., Side]) -> Side:
    """A driver with the settings it has by itself."""
    return make()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts a server that answers each request on each connection by a script; `greet=False` leaves reading to it."""
    stop = threading.Event()
    listening: list[socket.socket] = []

    def start(script: Script, *, greet: bool = True, host: str = "127.0.0.1") -> Server:
        listener = socket.create_server((host, 0), backlog=128)
        listening.append(listener)
        server = Server(f"http://{host}:{listener.getsockname()[1]}", listener.getsockname()[1])

        def answer(conn: socket.socket) -> None:
            with conn, suppress(OSError, ValueError):
                while not stop.is_set():
                    if greet:
                        request = read_request(conn)
                        if not request:
                            return
                        server.requests.append(request)
                    script(conn)
                    if not greet:
                        return

        def accept() -> None:
            with suppress(OSError):
                while True:
                    conn, _ = listener.accept()
                    server.connections += 1
                    threading.Thread(target=answer, args=(conn,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return server

    yield start
    stop.set()
    for listener in listening:
        listener.close()
