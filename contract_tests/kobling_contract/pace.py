"""One time for both sides: the clinic's clock is the SDK's clock, and waiting moves it on instead of taking time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta

from kobling_mocks.clinic import Clock

__all__ = ["Pace"]

STUCK = 0.3
"""Real seconds after which a sleeper waits no longer for callers that are held up elsewhere, as by a barrier; where
nobody ever is, waiting longer keeps the order on a busy machine."""

_ACTOR: ContextVar[object | None] = ContextVar("actor", default=None)
"""On whose behalf something is done, also by the threads of their calls."""


class Pace:
    """A `kobling.Clock` on top of a clinic's clock. Every wait is kept in `waits`, in seconds. ahead: by how much the
    caller's wall clock is wrong.

    Callers that wait at the same time share the time that passes: it moves on to the earliest moment at which one of
    them wakes, once nobody is awake any more.
    """

    def __init__(self, clock: Clock, ahead: timedelta = timedelta()) -> None:
        self.stuck = STUCK
        self._clock = clock
        self._ahead = ahead
        self._ticks = 0.0
        self._changed = threading.Condition()
        self._awake = 0
        self._due: list[tuple[float, object]] = []
        self.waits: list[float] = []

    def now(self) -> datetime:
        """The caller's time, aware UTC: the clinic's, but for what it is ahead."""
        return self._clock.now() + self._ahead

    def monotonic(self) -> float:
        """Seconds waited so far."""
        with self._changed:
            return self._ticks

    @contextmanager
    def caller(self) -> Iterator[None]:
        """Somebody who is awake meanwhile but for their waits; the call of an `actor` is no caller beside them."""
        if _ACTOR.get() is not None:
            yield
            return
        with self._one_more():
            yield

    @contextmanager
    def actor(self) -> Iterator[None]:
        """Somebody who is awake from the first of their calls to the last, also between them."""
        _ACTOR.set(object())
        try:
            with self._one_more():
                yield
        finally:
            _ACTOR.set(None)  # not a reset: who is given up halfway is closed in another context

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        with self._changed:
            self._awake += 1
        try:
            yield
        finally:
            with self._changed:
                self._awake -= 1
                self._changed.notify_all()

    def sleep(self, seconds: float) -> None:
        """Wait as the SDK does: time passes for the clinic too."""
        with self._changed:
            due = self._lie_down(seconds)
            while not self._may_wake(due):
                if not self._changed.wait(self.stuck):
                    break
            self._wake(due)

    async def asleep(self, seconds: float) -> None:
        """`sleep`, awaited."""
        loop = asyncio.get_running_loop()
        with self._changed:
            due = self._lie_down(seconds)
        tired = loop.time() + self.stuck
        while loop.time() < tired:
            with self._changed:
                if self._may_wake(due):
                    break
            await asyncio.sleep(0.001)
        with self._changed:
            self._wake(due)

    def _lie_down(self, seconds: float) -> tuple[float, object]:
        due = (self._ticks + seconds, _ACTOR.get() or object())
        self.waits.append(seconds)
        self._due.append(due)
        self._changed.notify_all()
        return due

    def _may_wake(self, due: tuple[float, object]) -> bool:
        """An actor who waits for several calls at once lies down once."""
        moment, asleep = due[0], {who for _, who in self._due}
        return moment <= self._ticks or (len(asleep) >= self._awake and moment <= min(one for one, _ in self._due))

    def _wake(self, due: tuple[float, object]) -> None:
        self._due.remove(due)
        self._advance(due[0] - self._ticks)
        self._changed.notify_all()

    def _advance(self, seconds: float) -> None:
        if seconds > 0:
            self._ticks += seconds
            self._clock.advance(seconds)

    def pass_time(self, seconds: float) -> None:
        """Let time pass between two calls."""
        with self._changed:
            self._advance(seconds)
