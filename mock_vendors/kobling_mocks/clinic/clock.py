"""The clinic's clock: set and advanced by a test, never read from the wall.

Every rule that depends on time (deadlines, lags, lead times, DST nights) asks this object, so a test decides what time
it is. The clock is thread safe and holds aware moments in UTC.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

__all__ = ["EARLIEST", "LATEST", "Clock", "as_utc"]


EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Between these a clock runs, so that no rule that looks days ahead or back can leave the calendar."""


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises `ValueError` for a naive datetime: a wall-clock time alone is not a moment."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"{moment!r} has no time zone; give an aware datetime")
    return moment.astimezone(UTC)


class Clock:
    """A settable clock. `now()` is an aware UTC datetime; it moves only when `set` or `advance` is called."""

    def __init__(self, now: datetime) -> None:
        """Start at `now`, an aware datetime in any zone. Raises `ValueError` when it is naive, or out of all reach."""
        self._now = _within_reach(now)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        with self._lock:
            return self._now

    def set(self, now: datetime) -> datetime:
        """Set the clock to an aware moment, forwards or backwards, and return it in UTC. Raises `ValueError` when it is
        naive, or out of all reach."""
        with self._lock:
            self._now = _within_reach(now)
            return self._now

    def advance(self, by: timedelta | float) -> datetime:
        """Move forwards by a timedelta or a number of seconds. Raises `ValueError` for a negative step (use `set`), and
        where it leads out of all reach."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta(0):
            raise ValueError("advance only moves forwards; use set() to go back")
        with self._lock:
            if step > LATEST - self._now:
                raise ValueError(_REACH)
            self._now += step
            return self._now

    def __repr__(self) -> str:
        return f"Clock({self.now().isoformat()})"


_REACH = f"a clinic's clock runs from {EARLIEST:%Y} to {LATEST:%Y}"


def _within_reach(moment: datetime) -> datetime:
    try:
        found = as_utc(moment)
    except OverflowError:
        raise ValueError(_REACH) from None
    if not EARLIEST <= found <= LATEST:
        raise ValueError(_REACH)
    return found
