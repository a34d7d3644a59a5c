"""Drivers that let the suite hear what goes over a real wire: every request, whether it is a write, and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from kobling import WireFailure, WireReply
from kobling.commands import Send
from kobling.drivers.aio import AsyncDriver
from kobling.drivers.running import Stop
from kobling.drivers.sync import SyncDriver

__all__ = ["Heard", "HearingAsyncDriver", "HearingSyncDriver"]

Heard: TypeAlias = "Callable[[Send, WireReply | WireFailure], None]"
"""Told of each request once its outcome is there; called from several threads."""


class HearingSyncDriver(SyncDriver):
    """The sync driver, heard. The parameters after `heard` are the driver's own."""

    def __init__(self, heard: Heard, **given: Any) -> None:
        super().__init__(**given)
        self._heard = heard

    def _send(self, command: Send, stop: Stop | None) -> WireReply | WireFailure:
        outcome = super()._send(command, stop)
        self._heard(command, outcome)
        return outcome


class HearingAsyncDriver(AsyncDriver):
    """The async driver, heard."""

    def __init__(self, heard: Heard, **given: Any) -> None:
        super().__init__(**given)
        self._heard = heard

    async def _send(self, command: Send) -> WireReply | WireFailure:
        outcome = await super()._send(command)
        self._heard(command, outcome)
        return outcome
