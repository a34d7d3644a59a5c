"""What a driver says to a caller who uses it in a way that cannot work. Each sentence tells what to do instead."""

from __future__ import annotations


class HttpxMissing(ImportError):
    """A driver that is to send over the network was made, and httpx is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Sending over the network needs httpx, and it is not installed. Run: pip install kobling "
            "(or: pip install 'httpx>=0.28.1,<0.29'). Models, adapters and play() work without it.",
            name="httpx",
        )


class AwaitableFromHook(TypeError):
    """A hook of a synchronous session returned something to await."""

    def __init__(self) -> None:
        super().__init__(
            "The function given as a hook returned an awaitable, and a synchronous session cannot wait for it. "
            "Give an ordinary function (def, not async def), or use the async session."
        )


class WrongEventLoop(RuntimeError):
    """An async driver was used from an event loop that is not its own, or from none of asyncio's."""

    def __init__(self, *, running: bool) -> None:
        super().__init__(
            "This async session belongs to another event loop: its connections cannot be used from here. Make one per "
            "event loop, or use the synchronous session from threads."
            if running
            else "The async session runs on asyncio only, and no asyncio event loop is running here. Use it inside "
            "asyncio.run(...), or use the synchronous session."
        )


class DriverClosed(RuntimeError):
    """A driver was used after it was closed."""

    def __init__(self) -> None:
        super().__init__("This session's driver is closed. Make a new one, and close it when the last session is done.")
