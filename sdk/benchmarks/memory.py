"""A network in memory, below httpcore: what httpx's own clients and Kobling's drivers both send and receive over.

Only the socket is replaced. Everything above it runs as it does in earnest: on both sides httpcore's stream and
HTTP/1.1 and its pool; beside them httpx's client on one side, and on Kobling's the check of the address, the deadline
and the bounded reading of the body.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import httpcore
import httpx
from anyio.abc import SocketAttribute
from httpcore._backends.anyio import AnyIOStream
from httpcore._backends.sync import SyncStream

from kobling.drivers.aio import AsyncDriver
from kobling.drivers.sync import SyncDriver


class _Socket(socket.socket):
    """A connected socket, to be waited for like any other, that takes whatever is sent and always has the answer."""

    answer: bytes

    def send(self, data: Any, flags: int = 0) -> int:
        """All of it, at once."""
        return len(data)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """The whole reply: httpcore reads once for each request."""
        return self.answer


class _Stream(anyio.abc.ByteStream):
    """The same as anyio's streams show it."""

    def __init__(self, answer: bytes, sock: socket.socket) -> None:
        self._answer = answer
        self._socket = sock

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """The whole reply."""
        return self._answer

    async def send(self, item: bytes) -> None:
        """Taken."""

    async def send_eof(self) -> None:
        """Nothing more will come."""

    async def aclose(self) -> None:
        """Whoever made the network closes its sockets."""

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """The socket, where httpcore asks for it."""
        return {SocketAttribute.raw_socket: lambda: self._socket}


class Network(httpcore.NetworkBackend):
    """Every connection leads to the one answer."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._far: list[socket.socket] = []

    def connect_tcp(self, *_: object, **__: object) -> httpcore.NetworkStream:
        """A new connection."""
        return SyncStream(self.connected())

    def connected(self) -> socket.socket:
        """A new socket; its other end stays open and silent."""
        near, far = socket.socketpair()
        self._far.append(far)
        sock = _Socket(near.family, near.type, near.proto, near.detach())
        sock.answer = self._answer
        return sock


class AsyncNetwork(httpcore.AsyncNetworkBackend):
    """The same for asyncio."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._network = Network(answer)

    async def connect_tcp(self, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
        """A new connection."""
        return AnyIOStream(_Stream(self._answer, self._network.connected()))


def client(network: Network) -> httpx.Client:
    """httpx's own client on this network."""
    transport = httpx.HTTPTransport()
    transport._pool = httpcore.ConnectionPool(network_backend=network)
    return httpx.Client(transport=transport)


def async_client(network: AsyncNetwork) -> httpx.AsyncClient:
    """httpx's own async client on this network."""
    transport = httpx.AsyncHTTPTransport()
    transport._pool = httpcore.AsyncConnectionPool(network_backend=network)
    return httpx.AsyncClient(transport=transport)


def put_below(driver: SyncDriver | AsyncDriver, network: Network | AsyncNetwork) -> None:
    """Put the network where the driver would dial."""
    driver._wire._backend._inner = network  # type: ignore[assignment]
