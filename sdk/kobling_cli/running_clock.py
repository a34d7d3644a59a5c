"""The clock of a mock that people look at: it starts at a moment and goes on by itself."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from kobling_mocks.clinic import Clock


class RunningClock(Clock):
    """A clinic's clock that runs. It can still be set and moved forwards, and runs on from there."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self._set_at = time.monotonic()

    def now(self) -> datetime:
        """The moment it was set to, and what has passed since."""
        return super().now() + timedelta(seconds=time.monotonic() - self._set_at)

    def set(self, now: datetime) -> datetime:
        """Set the clock to an aware moment, from which it runs on."""
        self._set_at = time.monotonic()
        return super().set(now)
