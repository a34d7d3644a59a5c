"""How a call of a session ended: a value, or a KoblingError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kobling import KoblingError, OutcomeUnknown

__all__ = ["Outcome", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """How a call ended: a value, or a KoblingError."""

    value: Any = None
    error: KoblingError | None = None

    def __str__(self) -> str:
        if self.error is None:
            return f"{type(self.value).__name__} returned"
        because = f" ({self.error.because})" if self.error.because else ""
        fields = f" at {', '.join(self.error.fields)}" if self.error.fields else ""
        return f"{type(self.error).__name__}{because}{fields}, effect {self.error.effect}"


def unknown(outcome: Outcome) -> bool:
    """True when a call ended with an outcome that is not known."""
    return isinstance(outcome.error, OutcomeUnknown)
