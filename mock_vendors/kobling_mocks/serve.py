"""Serving a mock on a real socket: cheroot on loopback, with threads enough for a barrier of fifty.

with mock.serve() as server:
    print(server.url)
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from cheroot.wsgi import Server

from .app import MockApp
from .wire import BreakingGateway

__all__ = ["Listening", "Served", "listen", "serve_app"]

THREADS = 80
BACKLOG = 256


class Listening:
    """A running server on 127.0.0.1; leaving the `with` block stops it."""

    def __init__(self, server: Any, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread
        self.port: int = server.bind_addr[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop listening and let the calls in flight end. Stopping twice is harmless."""
        self._server.stop()
        self._thread.join(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class Served(Listening):
    """A running mock. `url` is where the mock's world answers; leaving the `with` block stops it."""

    def __init__(self, server: Any, thread: threading.Thread, app: MockApp, path: str) -> None:
        super().__init__(server, thread)
        self._app = app
        self.url += path

    def stop(self) -> None:
        """Stop listening, let the calls in flight end, release barriers. Stopping twice is harmless."""
        self._app.worlds.stopping.set()
        for name in self._app.worlds.names:
            world = self._app.worlds.get(name)
            if world is not None:
                world.barriers.clear()
        super().stop()
        self._app.worlds.served_by(0)


def listen(app: Any, *, port: int = 0, threads: int) -> Listening:
    """Serve a WSGI application on 127.0.0.1 at `port`, 0 for any free one. Raises `OSError` where it is in use."""
    return Listening(*_started(app, port, threads))


def _started(app: Any, port: int, threads: int) -> tuple[Any, threading.Thread]:
    server = Server(
        ("127.0.0.1", port),
        app,
        numthreads=threads,
        max=threads,
        request_queue_size=BACKLOG,
        shutdown_timeout=5,
        server_name="kobling-mock",
    )
    server.gateway = BreakingGateway
    server.expiration_interval = 0.05  # how long stop() waits for the accept loop; the default is half a second
    server.prepare()
    thread = threading.Thread(target=server.serve, name=f"mock on port {server.bind_addr[1]}", daemon=True)
    thread.start()
    return server, thread


def serve_app(app: MockApp, path: str = "", *, port: int = 0, threads: int = THREADS) -> Served:
    """Serve on 127.0.0.1 at `port`, 0 for any free one. `path` is the namespace's prefix for `Served.url`.

    Raises `OSError` where the port is in use, and `ValueError` where an armed barrier has more parties than `threads`.
    """
    for name in app.worlds.names:
        world = app.worlds.get(name)
        for barrier in world.barriers.armed if world is not None else ():
            if barrier.parties > threads:
                raise ValueError(f"a barrier of {barrier.parties} would wait for ever on {threads} threads")
    app.worlds.stopping.clear()
    server, thread = _started(app, port, threads)
    app.worlds.served_by(threads)
    return Served(server, thread, app, path)
