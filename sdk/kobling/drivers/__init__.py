"""Carrying out what the engine asks for: the only part of Kobling that waits, and the only one that knows httpx.

A driver runs flows (`kobling.commands`). `SyncDriver` blocks, `AsyncDriver` awaits, and a flow cannot tell which of
the two runs it. Importing this package needs no httpx; making a driver that sends over the network does.
"""

from .aio import AsyncDriver
from .refusals import AwaitableFromHook, DriverClosed, HttpxMissing, WrongEventLoop
from .sync import SyncDriver

__all__ = ["AsyncDriver", "AwaitableFromHook", "DriverClosed", "HttpxMissing", "SyncDriver", "WrongEventLoop"]
