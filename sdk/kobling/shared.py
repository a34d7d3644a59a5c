"""What the sessions of one `Kobling` share: tokens, rate budgets, short memory, references with an unknown outcome.

All of it is held in memory, guarded by one lock, and keyed by a connection's channel; none of it does I/O.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from .connection import Secret
from .exchange import WireReply
from .limits import Rate

MEMORY_ENTRIES = 5000
FRESH_AT_MOST = 900
"""The longest that an earlier answer will do (`fresh_for`), in seconds: what staff have changed must soon be seen."""
UNKNOWN_ENTRIES = 100_000


@dataclass(frozen=True, slots=True, repr=False)
class _Remembered:
    until: float
    reply: WireReply


@dataclass(frozen=True, slots=True)
class UnknownWrite:
    """A write whose outcome is not known. sent_at: when it was sent (UTC)."""

    because: str
    sent_at: datetime


@dataclass(slots=True, repr=False)
class Shared:
    """The state that outlives a session."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    tokens: dict[str, tuple[Secret, float]] = field(default_factory=dict)
    buckets: dict[str, deque[float]] = field(default_factory=dict)
    memory: OrderedDict[tuple[str, str], _Remembered] = field(default_factory=OrderedDict)
    epochs: dict[str, int] = field(default_factory=dict)
    unknown: OrderedDict[tuple[str, UUID], UnknownWrite] = field(default_factory=OrderedDict)
    busy: set[tuple[str, UUID]] = field(default_factory=set)

    # ---- tokens of `sign_in`

    def token(self, channel: str, now: float) -> Secret | None:
        """The connection's token, while it is good."""
        with self.lock:
            kept = self.tokens.get(channel)
            return kept[0] if kept and now < kept[1] else None

    def keep_token(self, channel: str, secret: Secret, until: float) -> None:
        """Keep a token until a moment of the monotonic clock."""
        with self.lock:
            self.tokens[channel] = (secret, until)

    def drop_token(self, channel: str, secret: Secret) -> None:
        """Forget this token, unless a newer one has taken its place."""
        with self.lock:
            if channel in self.tokens and self.tokens[channel][0] is secret:
                del self.tokens[channel]

    # ---- rate budgets

    def reserve(self, bucket: str, rate: Rate, now: float, *, urgent: bool) -> float:
        """Seconds to wait before a call may be sent; 0.0 takes a place in the budget at once.

        urgent: of a booking; other calls leave `rate.for_bookings` of the budget alone.
        """
        room = rate.calls if urgent else max(1, int(rate.calls * (1 - rate.for_bookings)))
        with self.lock:
            taken = self.buckets.setdefault(bucket, deque())
            while taken and taken[0] <= now - rate.per:
                taken.popleft()
            if len(taken) < room:
                taken.append(now)
                return 0.0
            return taken[len(taken) - room] + rate.per - now

    # ---- the short memory of `fresh_for`

    def remembered(self, channel: str, digest: str, now: float) -> WireReply | None:
        """An earlier answer to the same read of this connection, while it is fresh."""
        with self.lock:
            kept = self.memory.get((channel, digest))
            return kept.reply if kept and now < kept.until else None

    def epoch(self, channel: str) -> int:
        """Changes with every write; an answer read in one epoch is not remembered in the next."""
        with self.lock:
            return self.epochs.get(channel, 0)

    def remember(self, channel: str, digest: str, reply: WireReply, until: float, epoch: int) -> None:
        """Keep an answer, unless the connection has written since `epoch`."""
        with self.lock:
            if self.epochs.get(channel, 0) != epoch:
                return
            self.memory[channel, digest] = _Remembered(until, reply)
            while len(self.memory) > MEMORY_ENTRIES:
                self.memory.popitem(last=False)

    def forget(self, channel: str) -> None:
        """Forget every remembered answer of a connection: it has written."""
        with self.lock:
            self.epochs[channel] = self.epochs.get(channel, 0) + 1
            for key in [key for key in self.memory if key[0] == channel]:
                del self.memory[key]

    # ---- references whose outcome is unknown

    def mark_unknown(self, connection_id: str, reference: UUID, write: UnknownWrite) -> None:
        """From now on `book` refuses this reference until `resolve` has found out."""
        with self.lock:
            self.unknown[connection_id, reference] = write
            while len(self.unknown) > UNKNOWN_ENTRIES:
                self.unknown.popitem(last=False)

    def unknown_write(self, connection_id: str, reference: UUID) -> UnknownWrite | None:
        """The unknown write of this reference, if there is one."""
        with self.lock:
            return self.unknown.get((connection_id, reference))

    def clear_unknown(self, connection_id: str, reference: UUID) -> None:
        """`resolve` has found out."""
        with self.lock:
            self.unknown.pop((connection_id, reference), None)

    def begin(self, connection_id: str, reference: UUID) -> bool:
        """Take the reference for one `book` at a time; False while another one is under way."""
        with self.lock:
            if (connection_id, reference) in self.busy:
                return False
            self.busy.add((connection_id, reference))
            return True

    def end(self, connection_id: str, reference: UUID) -> None:
        """Give the reference back."""
        with self.lock:
            self.busy.discard((connection_id, reference))
