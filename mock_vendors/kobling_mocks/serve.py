"""Serving a mock on a real socket: cheroot on loopback, with threads enough for a barrier of fifty.

with mock.serve() as server:
    print(server.url)
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from cheroot.wsgi import Server

from .app import MockApp
from .wire import BreakingGateway

__all__ = ["Served", "serve_app"]

THREADS = 80
BACKLOG = 256


class Served:
    """A running server. `url` is where the mock's world answers; leaving the `with` block stops it."""

    def __init__(self, server: Any, thread: threading.Thread, app: MockApp, path: str) -> None:
        self._server = server
        self._thread = thread
        self._app = app
        self.port: int = server.bind_addr[1]
        self.url = f"http://127.0.0.1:{self.port}{path}"

    def stop(self) -> None:
        """Stop listening, let the calls in flight end, release barriers. Stopping twice is harmless."""
        self._app.worlds.stopping.set()
        for name in self._app.worlds.names:
            world = self._app.worlds.get(name)
            if world is not None:
                world.barriers.clear()
        self._server.stop()
        self._thread.join(timeout=10)
        self._app.worlds.served_by(0)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def serve_app(app: MockApp, path: str = "", *, port: int = 0, threads: int = THREADS) -> Served:
    """Serve on 127.0.0.1 at `port`, 0 for any free one. `path` is the namespace's prefix for `Served.url`.

    Raises `OSError` where the port is in use, and `ValueError` where an armed barrier has more parties than `threads`.
    """
    for name in app.worlds.names:
        world = app.worlds.get(name)
        for barrier in world.barriers.armed if world is not None else ():
            if barrier.parties > threads:
                raise ValueError(f"a barrier of {barrier.parties} would wait for ever on {threads} threads")
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
    app.worlds.stopping.clear()
    thread = threading.Thread(target=server.serve, name=f"mock on port {server.bind_addr[1]}", daemon=True)
    thread.start()
    app.worlds.served_by(threads)
    return Served(server, thread, app, path)
