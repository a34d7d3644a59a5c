"""The asynchronous driver: carries out a flow's commands on one asyncio event loop."""

from __future__ import annotations

import asyncio
import inspect
import ssl
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from kobling.addresses import UrlPolicy
from kobling.commands import All, Command, Flow, Hook, Once, Send, Sleep
from kobling.errors import KoblingError
from kobling.exchange import Exchange, WireFailure, WireReply

from .inprocess import InProcess
from .lookup import Resolver, system_resolver
from .refusals import DriverClosed, HttpxMissing, WrongEventLoop
from .running import Running
from .silence import forget
from .single_flight import Ended
from .sync import utc_now

T = TypeVar("T")


class AsyncDriver:
    """Runs flows for any number of tasks of one event loop, the one in which the first flow is run.

    The parameters are `SyncDriver`'s, `sleep` being awaited; so are the errors when it is made. Used from another
    event loop, or without asyncio, it raises `WrongEventLoop` before anything is sent.
    """

    def __init__(
        self,
        *,
        policy: UrlPolicy,
        exchange: Exchange | None = None,
        ssl_context: ssl.SSLContext | None = None,
        idle_seconds: float = 60.0,
        max_channels: int = 512,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = utc_now,
        resolver: Resolver = system_resolver,
    ) -> None:
        self._sleep = sleep
        self._inprocess = InProcess(exchange, now) if exchange is not None else None
        if exchange is None:
            try:
                from .wire import AsyncWire, Settings
            except ImportError as error:
                if not (error.name or "").startswith("httpx"):
                    raise
                raise HttpxMissing from None
            self._wire = AsyncWire(Settings(policy, ssl_context, idle_seconds, max_channels, now, resolver))
        self._flights: dict[Any, asyncio.Future[Ended]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; gives what it returns and raises what it raises.

        A cancellation of the calling task is thrown into the flow, for it to record what it must, and raised whatever
        the flow makes of it. No frame of a raised exception holds a request.
        """
        try:
            self._check()
        except RuntimeError:
            flow.close()
            raise
        return await self._run(flow)

    def _check(self) -> None:
        if self._closed:
            raise DriverClosed
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is None:
            raise WrongEventLoop(running=False)
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise WrongEventLoop(running=True)

    async def _run(self, flow: Flow[T]) -> T:
        before = sys.exception()
        running = Running(flow)
        command: Command | None = None
        result: Any = None
        error: BaseException | None = None
        try:
            command = running.advance(None, None)
            while command is not None:
                try:
                    result, error = await self._perform(command), None
                except BaseException as raised:  # noqa: BLE001 - thrown into the flow
                    result, error = None, raised
                command = running.advance(result, error)
            return running.value
        except BaseException as raised:
            forget(raised, keep=before)
            raise
        finally:
            before = command = result = error = None
            del flow, running

    async def _perform(self, command: Command) -> Any:
        match command:
            case Send():
                return await self._send(command)
            case Sleep():
                return await self._sleep(command.seconds)
            case All():
                return await self._all(command)
            case Once():
                return await self._once(command)
            case Hook():
                answer = command.call()
                if inspect.isawaitable(answer):
                    await answer
                return None

    async def _send(self, command: Send) -> WireReply | WireFailure:
        if self._inprocess is not None:
            return await self._inprocess.send_async(command)
        return await self._wire.send(command)

    async def _all(self, command: All) -> list[Any]:
        flows = list(command.flows)
        if not flows:
            return []
        places = asyncio.Semaphore(max(1, command.limit))
        failed: list[BaseException] = []
        tasks = [asyncio.create_task(self._one(flow, places, failed)) for flow in flows]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        except BaseException as raised:  # noqa: BLE001 - raised below, when all have ended
            failed.insert(0, raised)
        if failed:
            await _end(tasks)
        for flow in flows:
            flow.close()
        if failed:
            raise failed[0]
        return [task.result() for task in tasks]

    async def _one(self, flow: Flow[Any], places: asyncio.Semaphore, failed: list[BaseException]) -> Any:
        async with places:
            if failed:
                return None
            try:
                return await self._run(flow)
            except KoblingError as error:
                return error
            except BaseException as raised:
                failed.append(raised)
                raise

    async def _once(self, command: Once) -> Any:
        while True:
            flight = self._flights.get(command.key)
            if flight is None:
                return await self._lead(command)
            await asyncio.wait([flight])
            ended = flight.result()
            if not ended.broken_off:
                return ended.share()

    async def _lead(self, command: Once) -> Any:
        flight: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._flights[command.key] = flight
        ended = Ended(broken_off=True)
        try:
            value = await self._run(command.flow())
            ended = Ended(value=value)
            return value
        except Exception as error:
            ended = Ended(error=error)
            raise
        finally:
            del self._flights[command.key]
            flight.set_result(ended)

    async def aclose(self) -> None:
        """Close all connections. Calls under way fail."""
        self._closed = True
        if self._inprocess is not None:
            self._inprocess.close()
        elif self._loop is not None:
            if self._loop is not asyncio.get_running_loop():
                raise WrongEventLoop(running=True)
            await self._wire.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.aclose()


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait until each has ended, however often we are cancelled meanwhile ourselves."""
    for task in tasks:
        task.cancel()
    again = False
    while any(not task.done() for task in tasks):
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            again = True
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not log it
    if again:
        raise asyncio.CancelledError
