"""What `Once` needs: who is running a flow under a key, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kobling.errors import KoblingError


@dataclass(frozen=True, slots=True)
class Ended:
    """How a flow under a key ended: with a value, with an error, or, broken off, with neither."""

    value: Any = None
    error: Exception | None = None
    broken_off: bool = False
    """The one who ran it was interrupted or cancelled: that concerns nobody else, and the next one runs it."""

    def share(self) -> Any:
        """The value, or the error raised: one of Kobling's as a copy, so that no two callers grow one traceback."""
        if isinstance(self.error, KoblingError):
            raise _copy(self.error)
        if self.error is not None:
            raise self.error
        return self.value


def _copy(error: KoblingError) -> KoblingError:
    copied = type(error).__new__(type(error), *error.args)
    copied.__dict__.update(error.__dict__)
    return copied
