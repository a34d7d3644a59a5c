"""The synchronous driver: carries out a flow's commands by blocking, from as many threads as the caller has."""

from __future__ import annotations

import inspect
import ssl
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from kobling.addresses import UrlPolicy
from kobling.commands import All, Command, Flow, Hook, Once, Send, Sleep
from kobling.errors import KoblingError
from kobling.exchange import Exchange, WireFailure, WireReply

from .call import Call
from .inprocess import InProcess
from .lookup import Resolver, system_resolver
from .refusals import AwaitableFromHook, DriverClosed, HttpxMissing
from .running import Running, Stop, Stopped
from .silence import forget
from .single_flight import Ended

T = TypeVar("T")


def utc_now() -> datetime:
    """The machine's clock, in UTC."""
    return datetime.now(UTC)


class SyncDriver:
    """Runs flows for any number of threads; one for the whole process is enough.

    policy: where hosts that a person typed may point; asked at every dial of a `Send` with `public_only`.
    exchange: answers every request in place of the network (a mock in this process); httpx is not needed then.
    ssl_context: for all connections; by default httpx's with certifi's authorities, whatever the environment says.
    idle_seconds: a channel without calls for so long has its connections closed.
    max_channels: channels kept open; beyond that the least recently used are closed.
    sleep, now, resolver: the waiting, the clock (aware) and the name service, to be replaced in tests.

    Raises `HttpxMissing` when there is no exchange and httpx is not installed.
    """

    def __init__(
        self,
        *,
        policy: UrlPolicy,
        exchange: Exchange | None = None,
        ssl_context: ssl.SSLContext | None = None,
        idle_seconds: float = 60.0,
        max_channels: int = 512,
        sleep: Callable[[float], None] | None = None,
        now: Callable[[], datetime] = utc_now,
        resolver: Resolver = system_resolver,
    ) -> None:
        self._sleep = sleep
        self._inprocess = InProcess(exchange, now) if exchange is not None else None
        if exchange is None:
            try:
                from .wire import Settings, Wire
            except ImportError as error:
                if not (error.name or "").startswith("httpx"):
                    raise
                raise HttpxMissing from None
            self._wire = Wire(Settings(policy, ssl_context, idle_seconds, max_channels, now, resolver))
        self._flights: dict[Any, Future[Ended]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; gives what it returns and raises what it raises.

        What interrupts the calling thread (KeyboardInterrupt) is thrown into the flow, for it to record what it must,
        and raised whatever the flow makes of it. No frame of a raised exception holds a request.
        """
        if self._closed:
            flow.close()
            raise DriverClosed
        return self._run(flow, None)

    def _run(self, flow: Flow[T], stop: Stop | None) -> T:
        before = sys.exception()
        running = Running(flow)
        command: Command | None = None
        result: Any = None
        error: BaseException | None = None
        try:
            command = running.advance(None, None)
            while command is not None:
                try:
                    result, error = self._perform(command, stop), None
                except BaseException as raised:  # noqa: BLE001 - thrown into the flow
                    result, error = None, raised
                if stop is not None and stop.asked:
                    error = Stopped()
                command = running.advance(result, error)
            return running.value
        except BaseException as raised:
            forget(raised, keep=before)
            raise
        finally:
            before = command = result = error = None
            del flow, running

    def _perform(self, command: Command, stop: Stop | None) -> Any:
        match command:
            case Send():
                return self._send(command, stop)
            case Sleep():
                return self._wait(command.seconds, stop)
            case All():
                return self._all(command, stop)
            case Once():
                return self._once(command, stop)
            case Hook():
                return _call(command)

    def _send(self, command: Send, stop: Stop | None) -> WireReply | WireFailure:
        if self._inprocess is not None:
            return self._inprocess.send(command)
        return self._wire.send(command, stop.watch if stop is not None else _unwatched)

    def _wait(self, seconds: float, stop: Stop | None) -> None:
        if self._sleep is not None:
            self._sleep(seconds)
        elif stop is not None:
            stop.wait(seconds)
        else:
            time.sleep(seconds)

    def _all(self, command: All, above: Stop | None) -> list[Any]:
        flows = list(command.flows)
        if len(flows) < 2:
            return [self._alone(flow, above) for flow in flows]
        stop = Stop(above)
        failed: list[BaseException] = []
        pool = ThreadPoolExecutor(max(1, min(command.limit, len(flows))), thread_name_prefix="kobling-all")
        futures: list[Future[Any]] = []
        try:
            futures += [pool.submit(copy_context().run, self._one, flow, stop, failed) for flow in flows]
            wait(futures, return_when=FIRST_EXCEPTION)
        except BaseException as raised:  # noqa: BLE001 - raised below, when all have ended
            failed.insert(0, raised)
            stop.ask()
        pool.shutdown(wait=True, cancel_futures=bool(failed))
        stop.end()
        for flow in flows:
            flow.close()
        if failed:
            raise failed[0]
        return [future.result() for future in futures]

    def _alone(self, flow: Flow[Any], stop: Stop | None) -> Any:
        """A single flow needs no thread of its own."""
        try:
            return self._run(flow, stop)
        except KoblingError as error:
            return error

    def _one(self, flow: Flow[Any], stop: Stop, failed: list[BaseException]) -> Any:
        if stop.asked:
            return None
        try:
            return self._run(flow, stop)
        except KoblingError as error:
            return error
        except BaseException as raised:
            failed.append(raised)
            stop.ask()
            raise

    def _once(self, command: Once, stop: Stop | None) -> Any:
        while True:
            with self._lock:
                flight = self._flights.get(command.key)
                if flight is None:
                    mine: Future[Ended] = Future()
                    self._flights[command.key] = mine
            if flight is None:
                return self._lead(command, mine, stop)
            ended = flight.result()
            if not ended.broken_off:
                return ended.share()

    def _lead(self, command: Once, flight: Future[Ended], stop: Stop | None) -> Any:
        ended = Ended(broken_off=True)
        try:
            value = self._run(command.flow(), stop)
            ended = Ended(value=value)
            return value
        except Exception as error:
            ended = Ended(error=error)
            raise
        finally:
            with self._lock:
                del self._flights[command.key]
            flight.set_result(ended)

    def close(self) -> None:
        """Close all connections. Calls under way fail."""
        self._closed = True
        if self._inprocess is not None:
            self._inprocess.close()
        else:
            self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def _call(command: Hook) -> None:
    answer = command.call()
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise AwaitableFromHook


def _unwatched(call: Call | None) -> None:
    """A call that nobody will break off."""
