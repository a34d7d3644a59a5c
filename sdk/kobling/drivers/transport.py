"""httpx's transports with our own way to the network: checked addresses, and a deadline for the whole call.

Subclasses of httpx's own transports, because recording and mocking tools (vcrpy, respx) patch those by class and
would not see anything else. What is ours sits one floor below, in the network backend of the connection pool:

- a name is looked up within the deadline, every address of it is checked when a person typed it, and the address
  that was checked is the one that is dialled, while TLS still asks for and verifies the name;
- every single read, write and handshake gets the time that is left of the whole call, so that a server which sends
  a byte now and then (headers, chunk lines, 1xx replies, a handshake) ends at the deadline like any other;
- the first byte of a write is held back when its fence has passed while connecting.

No cookies, no redirects, no proxies, no environment: those live in httpx's clients, which are not used.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, NoReturn

import httpcore
import httpx

from kobling.addresses import UrlPolicy
from kobling.exchange import WireFailure

from .call import Call, current
from .failures import tls_detail
from .lookup import Found, Lookups

CONNECTIONS: Final = 64
"""Sockets per transport at most; a caller beyond that waits for a free one until its deadline."""


class Refused(Exception):
    """Ends a call whose `failure` says why. Not an error of httpcore's, so it passes through all layers as it is."""


def refuse(call: Call, failure: WireFailure) -> NoReturn:
    """End the call here."""
    call.failure = failure
    raise Refused


def time_left(call: Call, error: type[Exception], phase: float | None = None) -> float:
    """Seconds that one wait may take: what is left of the whole call, or less; raises `error` when there are none."""
    left = call.left()
    if left <= 0:
        raise error
    return left if phase is None else min(left, phase)


def _begin(call: Call) -> None:
    """Before the first byte: the last moment at which a failure proves that nothing was sent."""
    if not call.begun:
        time_left(call, httpcore.ConnectTimeout)
        if call.expired():
            refuse(call, WireFailure("expired"))
        call.begun = True


def _dialled(found: Found | None, call: Call, policy: UrlPolicy) -> Found:
    """The addresses that may be dialled: all of the name's, or none."""
    if found is None:
        refuse(call, WireFailure("dns", "timeout"))
    if not found:
        refuse(call, WireFailure("dns", "no_address"))
    if call.public_only:
        for address in found:
            reason = policy.refuses(address, scheme=call.scheme)
            if reason is not None:
                refuse(call, WireFailure("address", reason))
    return found


def _handshake_failed(call: Call, error: Exception) -> NoReturn:
    if isinstance(error, httpcore.ConnectTimeout):
        refuse(call, WireFailure("connect_timeout", "tls"))
    refuse(call, WireFailure("tls", tls_detail(error.__cause__)))


class Stream(httpcore.NetworkStream):
    """A connection whose every wait ends with the call that waits."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive what has come, within the time that is left."""
        call = current()
        call.abort = self._break
        return self._inner.read(max_bytes, time_left(call, httpcore.ReadTimeout, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it, within the time that is left; nothing when the call's fence has passed."""
        call = current()
        call.abort = self._break
        _begin(call)
        sock = self._socket()
        rest = memoryview(buffer)
        # Piece by piece and each with the time that is left: a peer that takes a byte now and then gets no more.
        while rest:
            left = time_left(call, httpcore.WriteTimeout, timeout)
            try:
                sock.settimeout(left)
                rest = rest[sock.send(rest) :]
            except TimeoutError:
                raise httpcore.WriteTimeout from None
            except OSError:
                raise httpcore.WriteError from None

    def close(self) -> None:
        """Close the socket."""
        self._break()  # closing alone does not wake a thread that waits for this socket
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Shake hands within the time that is left; a failure is said on the call."""
        call = current()
        call.abort = self._break
        try:
            left = time_left(call, httpcore.ConnectTimeout, timeout)
            return Stream(self._inner.start_tls(ssl_context, server_hostname, left))
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            self.close()
            _handshake_failed(call, error)

    def get_extra_info(self, info: str) -> Any:
        """What the wrapped stream knows of itself."""
        return self._inner.get_extra_info(info)

    def _socket(self) -> socket.socket:
        sock: socket.socket = self._inner.get_extra_info("socket")
        return sock

    def _break(self) -> None:
        with suppress(OSError):  # already closed: nothing waits for it any more
            socket.socket.shutdown(self._socket(), socket.SHUT_RDWR)


class Backend(httpcore.NetworkBackend):
    """Dials for the sync transports."""

    def __init__(self, policy: UrlPolicy, lookups: Lookups) -> None:
        self._policy = policy
        self._lookups = lookups
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Look up, check and dial, each within the time that is left."""
        call = current()
        addresses = _dialled(self._lookups.wait(host, call.left()), call, self._policy)
        for number, address in enumerate(addresses):
            left = time_left(call, httpcore.ConnectTimeout, timeout) / (len(addresses) - number)
            try:
                return Stream(self._inner.connect_tcp(address, port, left, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses) - 1:
                    raise
        raise httpcore.ConnectError


class AsyncStream(httpcore.AsyncNetworkStream):
    """The same for asyncio."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._socket: socket.socket | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive what has come, within the time that is left."""
        return await self._inner.read(max_bytes, time_left(current(), httpcore.ReadTimeout, timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it, within the time that is left; nothing when the call's fence has passed."""
        call = current()
        _begin(call)
        await self._inner.write(buffer, time_left(call, httpcore.WriteTimeout, timeout))

    async def aclose(self) -> None:
        """Close the socket."""
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Shake hands within the time that is left; a failure is said on the call."""
        call = current()
        try:
            left = time_left(call, httpcore.ConnectTimeout, timeout)
            return AsyncStream(await self._inner.start_tls(ssl_context, server_hostname, left))
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            await self.aclose()
            _handshake_failed(call, error)

    def get_extra_info(self, info: str) -> Any:
        """What the wrapped stream knows of itself. The pool asks at every call whether a kept connection has something
        to read; the socket is looked up for that once, since anyio builds a table of attributes each time."""
        if info == "is_readable":
            if self._socket is None:
                self._socket = self._inner.get_extra_info("socket")
            if self._socket is not None:
                return _is_readable(self._socket)
        return self._inner.get_extra_info(info)


def _is_readable(sock: socket.socket) -> bool:
    """True when receiving would give something at once, be it the end: also for a socket that is closed."""
    number = sock.fileno()
    if number < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([number], [], [], 0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """Dials for the async transports."""

    def __init__(self, policy: UrlPolicy, lookups: Lookups) -> None:
        self._policy = policy
        self._lookups = lookups
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Look up, check and dial, each within the time that is left."""
        call = current()
        addresses = _dialled(await self._lookups.wait_async(host, call.left()), call, self._policy)
        for number, address in enumerate(addresses):
            left = time_left(call, httpcore.ConnectTimeout, timeout) / (len(addresses) - number)
            try:
                return AsyncStream(await self._inner.connect_tcp(address, port, left, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses) - 1:
                    raise
        raise httpcore.ConnectError


def _kept(write: bool) -> int:
    """Connections kept for reuse: none for writes; for reads all, and without an expiry of the pool's own.

    The pool closes an expired or surplus connection even when it has just handed it to another caller (httpcore
    issue 1110), so neither may happen: the whole transport is closed when its channel has been idle instead.
    """
    return 0 if write else CONNECTIONS


def _excess(connections: Iterable[Any], stream: object) -> bool:
    """True when the peer has sent more on this stream than the reply that was just read to its end."""
    for connection in connections:
        http11 = connection._connection
        if http11 is not None and http11._network_stream is stream:
            return bool(http11._h11_state.trailing_data[0])
    return False


class Transport(httpx.HTTPTransport):
    """One channel's connections for reads, or for writes."""

    def __init__(self, *, write: bool, ssl_context: ssl.SSLContext, backend: Backend) -> None:
        super().__init__(verify=ssl_context, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=CONNECTIONS,
            max_keepalive_connections=_kept(write),
            keepalive_expiry=None,
            network_backend=backend,
        )

    def settle(self, response: httpx.Response) -> None:
        """Give up the connection when more came than the reply: the rest would pass for the next reply."""
        stream = response.extensions.get("network_stream")
        if stream is not None and _excess(self._pool.connections, stream):
            stream.close()


class AsyncTransport(httpx.AsyncHTTPTransport):
    """The same for asyncio."""

    def __init__(self, *, write: bool, ssl_context: ssl.SSLContext, backend: AsyncBackend) -> None:
        super().__init__(verify=ssl_context, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=CONNECTIONS,
            max_keepalive_connections=_kept(write),
            keepalive_expiry=None,
            network_backend=backend,
        )

    async def settle(self, response: httpx.Response) -> None:
        """Give up the connection when more came than the reply: the rest would pass for the next reply."""
        stream = response.extensions.get("network_stream")
        if stream is not None and _excess(self._pool.connections, stream):
            await stream.aclose()
