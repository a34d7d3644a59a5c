"""One time for both sides: the clinic's clock is the SDK's clock, and waiting moves it on instead of taking time."""

from __future__ import annotations

import threading
from datetime import datetime

from kobling_mocks.clinic import Clock

__all__ = ["Pace"]


class Pace:
    """A `kobling.Clock` on top of a clinic's clock. Every wait is kept in `waits`, in seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ticks = 0.0
        self._lock = threading.Lock()
        self.waits: list[float] = []

    def now(self) -> datetime:
        """The clinic's time, aware UTC."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Seconds waited so far."""
        with self._lock:
            return self._ticks

    def sleep(self, seconds: float) -> None:
        """Wait as the SDK does: time passes for the clinic too."""
        with self._lock:
            self._ticks += seconds
            self.waits.append(seconds)
        self._clock.advance(seconds)

    async def asleep(self, seconds: float) -> None:
        """`sleep`, awaited."""
        self.sleep(seconds)

    def pass_time(self, seconds: float) -> None:
        """Let time pass between two calls."""
        with self._lock:
            self._ticks += seconds
        self._clock.advance(seconds)
