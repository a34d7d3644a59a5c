"""The call under way: one `Send` while it is being carried out.

The network streams outlive a call (reads keep their connections), so what belongs to a call, its deadline first of
all, is found through a context variable by everything that waits for the network on its behalf.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from kobling.commands import Send
from kobling.exchange import WireFailure


@dataclass(slots=True, repr=False)
class Call:
    """deadline: on `time.monotonic`'s clock. scheme: of the URL. not_after: the write's fence, see `Send`."""

    deadline: float
    scheme: str
    public_only: bool
    not_after: datetime | None
    now: Callable[[], datetime]
    failure: WireFailure | None = None
    """What went wrong, where the place that saw it knows more than the exception says."""
    begun: bool = False
    """True from the moment a byte of the request is handed over."""
    abort: Callable[[], None] | None = field(default=None)
    """Breaks off whatever the call is waiting for; may be called from another thread."""

    @classmethod
    def of(cls, command: Send, now: Callable[[], datetime]) -> Call:
        """The call for a command, its time starting to run."""
        return cls(
            deadline=time.monotonic() + command.timeout,
            scheme=command.request.url.partition(":")[0].lower(),
            public_only=command.public_only,
            not_after=command.not_after,
            now=now,
        )

    def left(self) -> float:
        """Seconds until the deadline; zero or less when it has passed."""
        return self.deadline - time.monotonic()

    def expired(self) -> bool:
        """True when the fence has passed, so that no byte may be sent any more."""
        return self.not_after is not None and self.now() > self.not_after


CURRENT: ContextVar[Call | None] = ContextVar("kobling_call", default=None)
"""The call that the running code works for; None outside of every call."""


def current() -> Call:
    """The call under way. Raises `RuntimeError` outside of one: the transports belong to the drivers alone."""
    call = CURRENT.get()
    if call is None:
        raise RuntimeError("Kobling's transports send only what a driver asks them to; use a session instead.")
    return call
