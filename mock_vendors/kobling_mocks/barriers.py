"""Barriers: hold the calls of an operation until a number of them have arrived, then let all go at once.

This is how a test gets fifty callers for one slot: every call is inside the vendor's system before any is decided.
"""

from __future__ import annotations

import threading

__all__ = ["MAX_PARTIES", "Barrier", "Barriers"]

MAX_PARTIES = 50


class Barrier:
    """One armed barrier. `timeout` is in real seconds; when it passes, the calls go on and `broken` is set."""

    def __init__(self, operation: str, parties: int, timeout: float) -> None:
        self.operation = operation
        self.parties = parties
        self.timeout = timeout
        self._arrived = 0
        self._broken = False
        self._condition = threading.Condition()

    @property
    def arrived(self) -> int:
        """How many calls have come so far."""
        with self._condition:
            return self._arrived

    @property
    def passed(self) -> bool:
        """True when all parties were inside together."""
        with self._condition:
            return self._arrived >= self.parties and not self._broken

    @property
    def broken(self) -> bool:
        """True when the time ran out before all had come."""
        with self._condition:
            return self._broken

    def arrive(self) -> bool:
        """Wait for the others. True when the call was held with all of them; a call too many goes straight through."""
        with self._condition:
            if self._broken or self._arrived >= self.parties:
                return False
            self._arrived += 1
            if self._arrived >= self.parties:
                self._condition.notify_all()
                return True
            if not self._condition.wait_for(lambda: self._arrived >= self.parties or self._broken, self.timeout):
                self._broken = True
                self._condition.notify_all()
            return not self._broken

    def release(self) -> None:
        """Let the waiting calls go on now; the barrier counts as broken unless it had been passed."""
        with self._condition:
            self._broken = self._arrived < self.parties
            self._condition.notify_all()


class Barriers:
    """The barriers of one world. Thread safe."""

    def __init__(self, operations: tuple[str, ...]) -> None:
        self._operations = operations
        self._armed: dict[str, Barrier] = {}
        self._lock = threading.Lock()
        self.threads = 0
        """How many calls the server can hold at once; 0 while the world is only called in process."""

    def add(self, operation: str, parties: int, timeout: float = 20.0) -> Barrier:
        """Hold the next `parties` calls of `operation` until all have arrived.

        Raises `ValueError` for an unknown operation, and for more parties than can ever be inside together: over
        `MAX_PARTIES`, or over the threads of the server that serves this world.
        """
        if operation not in self._operations:
            raise ValueError(f"no operation {operation!r}; the dialect has {', '.join(self._operations)}")
        if not 2 <= parties <= MAX_PARTIES:
            raise ValueError(f"a barrier holds 2 to {MAX_PARTIES} calls, not {parties}")
        if self.threads and parties > self.threads:
            raise ValueError(f"a barrier of {parties} would wait for ever: the server has {self.threads} threads")
        barrier = Barrier(operation, parties, timeout)
        with self._lock:
            self._armed[operation] = barrier
        return barrier

    def arrive(self, operation: str) -> bool:
        """Called as an operation begins: waits where a barrier is armed. True when held with the others."""
        with self._lock:
            barrier = self._armed.get(operation)
        return barrier.arrive() if barrier is not None else False

    def clear(self) -> None:
        """Disarm all and release what waits."""
        with self._lock:
            barriers, self._armed = list(self._armed.values()), {}
        for barrier in barriers:
            barrier.release()

    @property
    def armed(self) -> tuple[Barrier, ...]:
        """Every barrier that was added and not cleared, also the ones that have been passed."""
        with self._lock:
            return tuple(self._armed.values())
