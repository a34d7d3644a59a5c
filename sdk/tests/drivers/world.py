"""What the drivers' tests are told in: one request as a flow, both drivers behind one face, and servers' scripts."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from kobling.commands import Flow, Send
from kobling.drivers import AsyncDriver, SyncDriver
from kobling.exchange import WireFailure, WireReply, WireRequest

Script = Callable[[socket.socket], None]

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def send(url: str, **given: Any) -> Generator[Any, Any, Any]:
    """A flow of one request; `body` and `headers` are the request's, the rest is `Send`'s."""
    write = given.pop("write", False)
    request = WireRequest(
        given.pop("method", "POST" if write else "GET"),
        url,
        tuple(given.pop("headers", {}).items()),
        given.pop("body", b""),
    )
    given.setdefault("timeout", 5.0)
    answer: WireReply | WireFailure = yield Send(request, given.pop("channel", "clinic"), write=write, **given)
    return answer


class SyncSide:
    """The sync driver; flows given together run in a thread each."""

    name = "sync"

    def __init__(self, **settings: Any) -> None:
        self.driver = SyncDriver(**settings)

    def run(self, flow: Flow[Any]) -> Any:
        return self.driver.run(flow)

    def run_together(self, flows: list[Flow[Any]]) -> list[Any]:
        with ThreadPoolExecutor(len(flows)) as pool:
            return [each.result() for each in [pool.submit(self.driver.run, flow) for flow in flows]]

    def end(self) -> None:
        """Close the driver."""
        self.driver.close()

    close = end


class AsyncSide:
    """The async driver, on a loop in a thread of its own; flows given together run in a task each."""

    name = "async"

    def __init__(self, **settings: Any) -> None:
        if "sleep" in settings:
            settings["sleep"] = _awaited(settings["sleep"])
        self.driver = AsyncDriver(**settings)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, flow: Flow[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(self.driver.run(flow), self.loop).result(30)

    def run_together(self, flows: list[Flow[Any]]) -> list[Any]:
        async def together() -> list[Any]:
            return list(await asyncio.gather(*(self.driver.run(flow) for flow in flows)))

        return asyncio.run_coroutine_threadsafe(together(), self.loop).result(30)

    def end(self) -> None:
        """Close the driver."""
        asyncio.run_coroutine_threadsafe(self.driver.aclose(), self.loop).result(10)

    def close(self) -> None:
        """Close the driver and end its loop."""
        self.end()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


Side = SyncSide | AsyncSide


def _awaited(call: Callable[[float], Any]) -> Callable[[float], Any]:
    async def awaited(seconds: float) -> None:
        call(seconds)

    return awaited


@dataclass
class Server:
    """A listening socket, and what came in: the first lines of every request, and how many connections."""

    url: str
    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


def read_request(conn: socket.socket) -> bytes:
    """One request from the socket, head and body; b"" when the peer is done."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = conn.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while lengths and len(body) < lengths[0]:
        body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


def answers(body: bytes = b"ok", *, status: str = "200 OK", headers: str = "") -> Script:
    """A script that sends a well-formed reply and keeps the connection."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()
    return lambda conn: conn.sendall(head + body)


def raw(data: bytes) -> Script:
    """A script that sends these bytes and closes."""

    def script(conn: socket.socket) -> None:
        conn.sendall(data)
        conn.shutdown(socket.SHUT_RDWR)
        conn.close()

    return script


def dribbles(start: bytes, piece: bytes, *, every: float = 0.05, pieces: int = 400) -> Script:
    """A script that sends a beginning and then a piece at a time, for twenty seconds unless the peer goes away."""
    pause = threading.Event()

    def script(conn: socket.socket) -> None:
        conn.sendall(start)
        for _ in range(pieces):
            pause.wait(every)
            conn.sendall(piece)

    return script
