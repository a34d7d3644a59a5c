"""A flow while it runs: what both drivers do with it between two commands, and how flows side by side are stopped."""

from __future__ import annotations

import threading
import time
from typing import Any, Generic, TypeVar

from kobling.commands import Command, Flow

from .call import Call

T = TypeVar("T")


class Running(Generic[T]):
    """A flow on its way. `value` is what it returned, once `advance` has given None."""

    value: T

    def __init__(self, flow: Flow[T]) -> None:
        self._flow = flow

    def advance(self, result: Any, error: BaseException | None) -> Command | None:
        """Hand the flow its last command's result, or throw the error into it; gives the next command, None at the end.

        An `Exception` is the flow's to handle. Anything else (an interrupt, a cancellation) is raised again whatever
        the flow does: it may record, it cannot stay.
        """
        interrupt = None if error is None or isinstance(error, Exception) else error
        other: BaseException | None = None
        command: Command | None = None
        try:
            command = self._flow.send(result) if error is None else self._flow.throw(error)
        except StopIteration as end:
            self.value = end.value
        except BaseException as raised:  # noqa: BLE001 - raised below, unless an interrupt goes first
            other = raised
        if interrupt is not None:
            if command is not None:
                self._close()
            raise interrupt
        if other is not None:
            raise other
        return command

    def _close(self) -> None:
        try:
            self._flow.close()
        except BaseException:  # noqa: BLE001 - the interrupt that is about to be raised says more
            return


class Stopped(BaseException):
    """Thrown into a flow that is to end because another one beside it failed; never seen outside of a driver."""


class Stop:
    """Tells the flows of one `All` that run in threads to end, and breaks off what they wait for."""

    def __init__(self, above: Stop | None) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._below: list[Stop] = []
        self._above = above
        if above is not None:
            above._adopt(self)

    @property
    def asked(self) -> bool:
        """True once the flows are to end."""
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep, but not longer than until asked to end."""
        self._event.wait(seconds)

    def watch(self, call: Call | None) -> None:
        """The calling thread waits for this call now, or for none any more."""
        with self._lock:
            if call is None:
                self._calls.pop(threading.get_ident(), None)
            else:
                self._calls[threading.get_ident()] = call
                if self.asked:
                    call.deadline = time.monotonic()

    def ask(self) -> None:
        """End them."""
        with self._lock:
            self._event.set()
            calls, below = list(self._calls.values()), list(self._below)
        for call in calls:
            call.deadline = time.monotonic()
            if call.abort is not None:
                call.abort()
        for stop in below:
            stop.ask()

    def end(self) -> None:
        """All of them have ended."""
        if self._above is not None:
            with self._above._lock:
                self._above._below.remove(self)

    def _adopt(self, stop: Stop) -> None:
        with self._lock:
            self._below.append(stop)
        if self.asked:
            stop.ask()
