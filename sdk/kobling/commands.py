"""What the engine asks of a driver: five commands, and nothing else.

Everything above the drivers is a `Flow`: a generator that yields commands and is sent their results. A flow
never performs I/O, so one flow serves the sync driver, the async driver and the tests.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from .exchange import WireRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Send:
    """Send one request. Answered with a `WireReply` or a `WireFailure`; never raises for what the network does."""

    request: WireRequest
    channel: str
    """Which pair of transports: one per connection, so that clinics share neither sockets nor queues."""
    timeout: float
    """Seconds for everything: name look-up, connect, TLS, request, headers and the whole body."""
    write: bool
    """A write goes over a fresh TCP connection and is never sent after `not_after`."""
    not_after: datetime | None = None
    public_only: bool = False
    """The host was typed by a person: only addresses that the URL policy allows may be dialled."""
    max_bytes: int = 8 * 1024 * 1024
    """Bound on the reply's body, raw and decoded alike."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait. Answered with None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class All:
    """Run flows side by side, at most `limit` at once. Answered with a list in order: each result, or the
    `KoblingError` that the flow raised. Any other exception stops the rest and is raised."""

    flows: Sequence[Generator[Any, Any, Any]]
    limit: int = 8


@dataclass(frozen=True, slots=True)
class Once:
    """Run a flow unless one with the same key is under way: then wait for that one and share its result or error."""

    key: Hashable
    flow: Callable[[], Generator[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class Hook:
    """Call the caller's own function (`before_write`). An async driver awaits what it returns, a sync one refuses an
    awaitable. What it raises is raised into the flow."""

    call: Callable[[], Awaitable[None] | None]


Command: TypeAlias = Send | Sleep | All | Once | Hook
Flow: TypeAlias = Generator[Command, Any, T]
