"""One request over HTTP and back: from a `Send` to a `WireReply` or a `WireFailure`, sync and async.

Whatever the network does comes back as data. What still is raised (an interrupt, a cancelled task) has frames that
hold the request; the driver empties them when it leaves.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, TypeAlias

import httpx

from kobling.addresses import UrlPolicy
from kobling.commands import Send
from kobling.exchange import WireFailure, WireReply

from .body import ACCEPT_ENCODING, Body
from .call import CURRENT, Call
from .channels import Channels
from .failures import failure_of
from .lookup import Lookups, Resolver
from .silence import hush
from .transport import AsyncBackend, AsyncTransport, Backend, Refused, Transport

Outcome: TypeAlias = WireReply | WireFailure
_Headers: TypeAlias = tuple[tuple[str, str], ...]

OWN_HEADERS: Final = frozenset({"accept-encoding", "connection", "content-length", "host", "transfer-encoding"})
"""Headers that the driver writes itself; given ones are dropped, because they would change where a message ends."""

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_NO_BODY: Final = frozenset({204, 304})
_WITH_A_LENGTH: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods that state a length even when it is 0, as servers expect."""
_ASKING_TO_KEEP: Final = [(b"Accept-Encoding", ACCEPT_ENCODING.encode()), (b"Connection", b"keep-alive")]
_ASKING_TO_CLOSE: Final = [(b"Accept-Encoding", ACCEPT_ENCODING.encode()), (b"Connection", b"close")]


@dataclass(frozen=True)
class Settings:
    """What both wires are made with; see `SyncDriver`."""

    policy: UrlPolicy
    ssl_context: ssl.SSLContext | None
    idle_seconds: float
    max_channels: int
    now: Callable[[], datetime]
    resolver: Resolver

    @cached_property
    def context(self) -> ssl.SSLContext:
        """The one SSL context, made when first needed because reading all authorities takes tens of milliseconds."""
        return self.ssl_context or httpx.create_ssl_context(trust_env=False)


def prepare(command: Send, policy: UrlPolicy) -> httpx.Request | WireFailure:
    """The request as httpx's transports take it, or why it cannot be sent."""
    given = command.request
    if not _METHOD.fullmatch(given.method):
        return WireFailure("protocol", "illegal_request")
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in given.headers):
        return WireFailure("protocol", "illegal_header")
    try:
        url = httpx.URL(given.url)
        port = url.port or {"https": 443, "http": 80}.get(url.scheme)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return WireFailure("address", "illegal_url")
    if url.userinfo:
        return WireFailure("address", "user_info")
    if not url.host or port is None or not 0 < port < 65536:
        return WireFailure("address", "illegal_url")
    if command.public_only and url.scheme not in policy.schemes:
        return WireFailure("address", "not_https")
    if command.public_only and port not in policy.ports:
        return WireFailure("address", "port")
    # What httpx would add by itself is put in here: with a stream given it leaves the rest as it is, and is faster.
    headers = [(b"Host", url.netloc)]
    headers += [(name.encode(), value.encode()) for name, value in given.headers if name.lower() not in OWN_HEADERS]
    headers += _ASKING_TO_CLOSE if command.write else _ASKING_TO_KEEP
    if given.body or given.method in _WITH_A_LENGTH:
        headers.append((b"Content-Length", b"%d" % len(given.body)))
    request = httpx.Request(
        given.method, url, headers=headers, stream=httpx.ByteStream(given.body), extensions={"timeout": {}}
    )
    request.read()
    return request


def _opened(command: Send, settings: Settings) -> tuple[httpx.Request, Call] | WireFailure:
    call = Call.of(command, settings.now)
    if call.expired():
        return WireFailure("expired")
    request = prepare(command, settings.policy)
    if isinstance(request, WireFailure):
        return request
    request.extensions["timeout"]["pool"] = max(call.left(), 0)
    return request, call


def _headers(response: httpx.Response) -> _Headers:
    return tuple((name.decode("ascii", "replace"), value.decode("latin-1")) for name, value in response.headers.raw)


def _body(response: httpx.Response, headers: _Headers, command: Send) -> Body:
    empty = command.request.method == "HEAD" or response.status_code in _NO_BODY
    return Body(headers, limit=command.max_bytes, empty=empty)


def _reply(response: httpx.Response, headers: _Headers, body: Body) -> Outcome:
    data = body.end()
    return data if isinstance(data, WireFailure) else WireReply(response.status_code, headers, data)


class Wire:
    """Sends for the sync driver; safe to use from several threads at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._backend = Backend(settings.policy, Lookups(settings.resolver))
        self._channels = Channels(self._make, idle=settings.idle_seconds, most=settings.max_channels)
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def _make(self, write: bool) -> Transport:
        return Transport(write=write, ssl_context=self._settings.context, backend=self._backend)

    def send(self, command: Send, watch: Callable[[Call | None], None]) -> Outcome:
        """Send one request. `watch` is told the call while it runs and None afterwards, to be able to break it off."""
        opened = _opened(command, self._settings)
        if isinstance(opened, WireFailure):
            return opened
        request, call = opened
        hush()
        with self._lock:
            transport = self._channels.take(command.channel, command.write, time.monotonic())
        token = CURRENT.set(call)
        try:
            watch(call)
            return self._exchange(transport, request, command)
        except (httpx.HTTPError, httpx.StreamError, Refused) as error:
            return failure_of(error, call)
        finally:
            watch(None)
            CURRENT.reset(token)
            with self._lock:
                self._channels.give(command.channel, command.write, time.monotonic())
            self._sweep()

    def _exchange(self, transport: Transport, request: httpx.Request, command: Send) -> Outcome:
        response = transport.handle_request(request)
        assert isinstance(response.stream, httpx.SyncByteStream)
        try:
            headers = _headers(response)
            body = _body(response, headers, command)
            for chunk in response.stream:
                failure = body.feed(chunk)
                if failure is not None:
                    return failure
            transport.settle(response)
            return _reply(response, headers, body)
        finally:
            response.stream.close()

    def _sweep(self) -> None:
        with self._lock:
            due = self._channels.due(time.monotonic())
            if len(self._channels) and self._timer is None:
                self._timer = _after(self._settings.idle_seconds, self)
        for transport in due:
            transport.close()

    def close(self) -> None:
        """Close every connection, those in use included."""
        with self._lock:
            due = self._channels.drain()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        for transport in due:
            transport.close()


def _after(seconds: float, wire: Wire) -> threading.Timer:
    """Sweep the wire later, unless it is gone by then."""
    known = weakref.ref(wire)

    def sweep() -> None:
        found = known()
        if found is not None:
            found._timer = None
            found._sweep()

    timer = threading.Timer(seconds + 0.01, sweep)
    timer.daemon = True
    timer.start()
    return timer


class AsyncWire:
    """Sends for the async driver, within one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._backend = AsyncBackend(settings.policy, Lookups(settings.resolver))
        self._channels = Channels(self._make, idle=settings.idle_seconds, most=settings.max_channels)
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def _make(self, write: bool) -> AsyncTransport:
        return AsyncTransport(write=write, ssl_context=self._settings.context, backend=self._backend)

    async def send(self, command: Send) -> Outcome:
        """Send one request."""
        opened = _opened(command, self._settings)
        if isinstance(opened, WireFailure):
            return opened
        request, call = opened
        hush()
        transport = self._channels.take(command.channel, command.write, time.monotonic())
        token = CURRENT.set(call)
        try:
            return await self._exchange(transport, request, command)
        except (httpx.HTTPError, httpx.StreamError, Refused) as error:
            return failure_of(error, call)
        finally:
            CURRENT.reset(token)
            self._channels.give(command.channel, command.write, time.monotonic())
            self._sweep()

    async def _exchange(self, transport: AsyncTransport, request: httpx.Request, command: Send) -> Outcome:
        response = await transport.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        try:
            headers = _headers(response)
            body = _body(response, headers, command)
            async for chunk in response.stream:
                failure = body.feed(chunk)
                if failure is not None:
                    return failure
            await transport.settle(response)
            return _reply(response, headers, body)
        finally:
            await response.stream.aclose()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for transport in self._channels.due(time.monotonic()):
            task = loop.create_task(transport.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        if len(self._channels) and self._timer is None:
            self._timer = loop.call_later(self._settings.idle_seconds + 0.01, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._sweep()

    async def aclose(self) -> None:
        """Close every connection, those in use included."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for transport in self._channels.drain():
            await transport.aclose()
        if self._closing:
            await asyncio.gather(*self._closing)
