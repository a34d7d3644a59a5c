"""Opening a target by its name: `mock`, `cassette` or `live`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kobling import Adapter

from .ledger import Ledger
from .live import Budget, LiveTarget, Sandbox
from .recording.played import CassetteTarget
from .rule import TargetKind
from .target import Target, TargetUnavailable, find_adapter, find_target

__all__ = ["ledger_of", "open_live", "open_target"]


def ledger_of(vendor: str) -> Path:
    """Where the clean-up ledger of a vendor's sandbox stands, seen from where the command is run."""
    return Path("kobling-live") / f"{vendor}.jsonl"


def open_live(
    vendor: str,
    environment: Mapping[str, str],
    *,
    adapter: type[Adapter] | None = None,
    bookings: int = 0,
    ledger: Path | None = None,
) -> LiveTarget:
    """The sandbox that the environment names. Raises `TargetUnavailable`, and nothing has been sent."""
    found = adapter or find_adapter(vendor)
    sandbox = Sandbox.from_environment(found, environment)
    return LiveTarget(found, sandbox=sandbox, budget=Budget(bookings), ledger=Ledger(ledger or ledger_of(vendor)))


def open_target(
    vendor: str,
    kind: TargetKind,
    environment: Mapping[str, str],
    *,
    adapter: type[Adapter] | None = None,
    cassettes: Path | None = None,
    bookings: int = 0,
    ledger: Path | None = None,
) -> Target:
    """A target. cassettes: the directory of recordings. bookings: how many a live run may make. Raises
    `TargetUnavailable`."""
    if kind == "live":
        return open_live(vendor, environment, adapter=adapter, bookings=bookings, ledger=ledger)
    if kind == "cassette":
        if cassettes is None:
            raise TargetUnavailable("say where the recordings are: --cassettes DIR")
        return CassetteTarget.open(adapter or find_adapter(vendor), cassettes)
    return find_target(vendor, adapter)
