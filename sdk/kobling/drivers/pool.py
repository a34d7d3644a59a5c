"""One channel's connections: each lent to one call at a time, and kept afterwards if it is a reader's and in order.

In place of httpcore's own pools, which serve many hosts: they look at every connection and every waiting call before
and after each request, and close an expired or surplus connection even when it has just been handed to another caller
(httpcore issue 1110). Here nothing expires; the whole transport is closed when its channel has been idle. How a
connection is made, and everything that it does, stays httpcore's.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import anyio
import httpcore

CONNECTIONS: Final = 64
"""Sockets per transport at most; a caller beyond that waits for a free one until its deadline."""


def _speakable(request: httpcore.Request) -> httpcore.Origin:
    """Where a request goes to, if it is one for HTTP."""
    if request.url.scheme not in (b"http", b"https"):
        raise httpcore.UnsupportedProtocol
    return request.url.origin


def _more_came(connection: Any) -> bool:
    """True when the peer has sent more than the reply that was just read to its end: the rest would pass for the next
    reply."""
    http11 = connection._connection
    return http11 is not None and bool(http11._h11_state.trailing_data[0])


class _Shelf:
    """Which connections there are, and which of them are free; the oldest free one goes out first, so that those which
    their peer has closed are found in turn."""

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._idle: deque[Any] = deque()
        self.all: list[Any] = []

    def take(self, origin: httpcore.Origin) -> tuple[Any | None, list[Any]]:
        """A free connection to an origin if there is one, and those that are to be closed now."""
        stale: list[Any] = []
        found: Any | None = None
        for connection in [one for one in self._idle if one.can_handle_request(origin)]:
            self._idle.remove(connection)
            if not connection.has_expired():
                found = connection
                break
            self.all.remove(connection)
            stale.append(connection)
        if found is None and self._idle and len(self.all) >= CONNECTIONS:
            oldest = self._idle.popleft()
            self.all.remove(oldest)
            stale.append(oldest)
        return found, stale

    def back(self, connection: Any) -> bool:
        """True when the connection was put back; else it is to be closed."""
        if self._keep and connection in self.all and connection.is_available() and not _more_came(connection):
            self._idle.append(connection)
            return True
        if connection in self.all:
            self.all.remove(connection)
        return False

    def empty(self) -> list[Any]:
        """Take out all, lent or not."""
        everything, self.all = self.all, []
        self._idle.clear()
        return everything


class _Lent:
    """The body of a reply; closing it gives the connection back."""

    def __init__(self, stream: Any, connection: Any, pool: Pool) -> None:
        self._stream = stream
        self._connection = connection
        self._pool: Pool | None = pool

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        """The reply has been read, or nobody wants the rest."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                self._stream.close()
            finally:
                pool.back(self._connection)


class Pool(httpcore.ConnectionPool):
    """For the sync transports; used by several threads at once. keep: connections are used again."""

    def __init__(self, *, ssl_context: ssl.SSLContext, backend: httpcore.NetworkBackend, keep: bool) -> None:
        super().__init__(ssl_context=ssl_context, network_backend=backend)
        self._shelf = _Shelf(keep=keep)
        self._guard = threading.Lock()
        self._places = threading.BoundedSemaphore(CONNECTIONS)

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request over a connection of its own until the reply's body is closed."""
        origin = _speakable(request)
        if not self._places.acquire(timeout=request.extensions["timeout"]["pool"]):
            raise httpcore.PoolTimeout
        connection: Any = None
        try:
            with self._guard:
                connection, stale = self._shelf.take(origin)
                if connection is None:
                    connection = self.create_connection(origin)
                    self._shelf.all.append(connection)
            for one in stale:
                one.close()
            response: httpcore.Response = connection.handle_request(request)
        except BaseException:
            self.back(connection)
            raise
        response.stream = _Lent(response.stream, connection, self)
        return response

    def back(self, connection: Any) -> None:
        """A call has ended, well or not; None when it never got a connection."""
        self._places.release()
        with self._guard:
            kept = connection is None or self._shelf.back(connection)
        if not kept:
            connection.close()

    def close(self) -> None:
        """Close every connection, those in use included."""
        with self._guard:
            everything = self._shelf.empty()
        for connection in everything:
            connection.close()


class _AsyncLent:
    """The same for asyncio."""

    def __init__(self, stream: Any, connection: Any, pool: AsyncPool) -> None:
        self._stream = stream
        self._connection = connection
        self._pool: AsyncPool | None = pool

    def __aiter__(self) -> AsyncIterator[bytes]:
        iterator: AsyncIterator[bytes] = self._stream.__aiter__()
        return iterator

    async def aclose(self) -> None:
        """The reply has been read, or nobody wants the rest."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await self._stream.aclose()
            finally:
                await pool.back(self._connection)


class AsyncPool(httpcore.AsyncConnectionPool):
    """The same for asyncio; used within one event loop."""

    def __init__(self, *, ssl_context: ssl.SSLContext, backend: httpcore.AsyncNetworkBackend, keep: bool) -> None:
        super().__init__(ssl_context=ssl_context, network_backend=backend)
        self._shelf = _Shelf(keep=keep)
        self._places = asyncio.BoundedSemaphore(CONNECTIONS)

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request over a connection of its own until the reply's body is closed."""
        origin = _speakable(request)
        await self._place(request.extensions["timeout"]["pool"])
        connection: Any = None
        try:
            connection, stale = self._shelf.take(origin)
            if connection is None:
                connection = self.create_connection(origin)
                self._shelf.all.append(connection)
            await _close(stale)
            response: httpcore.Response = await connection.handle_async_request(request)
        except BaseException:
            await self.back(connection)
            raise
        response.stream = _AsyncLent(response.stream, connection, self)
        return response

    async def _place(self, seconds: float) -> None:
        if self._places.locked():
            try:
                async with asyncio.timeout(seconds):
                    await self._places.acquire()
            except TimeoutError:
                raise httpcore.PoolTimeout from None
        else:
            await self._places.acquire()

    async def back(self, connection: Any) -> None:
        """A call has ended, well or not; None when it never got a connection."""
        self._places.release()
        if connection is not None and not self._shelf.back(connection):
            await _close([connection])

    async def aclose(self) -> None:
        """Close every connection, those in use included."""
        await _close(self._shelf.empty())


async def _close(connections: list[Any]) -> None:
    """Close them, also when the calling task is being cancelled."""
    if connections:
        with anyio.CancelScope(shield=True):
            for connection in connections:
                await connection.aclose()
