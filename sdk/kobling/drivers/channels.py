"""The transports in use, by channel: bounded in number, closed when idle.

Only the book-keeping; whoever owns it does the locking and the closing, which differ between threads and tasks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Transport = TypeVar("Transport")


@dataclass(slots=True)
class _Held(Generic[Transport]):
    transport: Transport
    used: float
    calls: int = 0


class Channels(Generic[Transport]):
    """Two transports per channel at most, one for reads and one for writes, each made when first needed.

    idle: seconds without a call after which a transport is due to be closed. most: channels kept; beyond that the
    least recently used ones without a call under way are due. Times are `time.monotonic`'s.
    """

    def __init__(self, make: Callable[[bool], Transport], *, idle: float, most: int) -> None:
        self._make = make
        self._idle = idle
        self._most = 2 * most
        self._held: OrderedDict[tuple[str, bool], _Held[Transport]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def take(self, channel: str, write: bool, now: float) -> Transport:
        """The transport for a call; `give` it back afterwards."""
        held = self._held.get((channel, write))
        if held is None:
            held = self._held[channel, write] = _Held(self._make(write), now)
        held.calls += 1
        held.used = now
        self._held.move_to_end((channel, write))
        return held.transport

    def give(self, channel: str, write: bool, now: float) -> None:
        """The call has ended."""
        held = self._held.get((channel, write))
        if held is not None:
            held.calls -= 1
            held.used = now
            self._held.move_to_end((channel, write))

    def due(self, now: float) -> list[Transport]:
        """Take out every transport that is to be closed now."""
        surplus = len(self._held) - self._most
        found: list[tuple[str, bool]] = []
        for key, held in self._held.items():
            idle = now - held.used >= self._idle
            if not idle and len(found) >= surplus:
                break
            if held.calls == 0:
                found.append(key)
        return [self._held.pop(key).transport for key in found]

    def drain(self) -> list[Transport]:
        """Take out all, calls under way or not."""
        found = [held.transport for held in self._held.values()]
        self._held.clear()
        return found
