"""Sending to an `Exchange` in this process instead of over the network, with the same limits.

Each request gets a thread of its own, because an exchange may block (a mock that holds two bookings until both have
arrived) and must not hold up the caller beyond its deadline. The threads belong to the driver: asyncio's own are as
few as the machine has cores. An exchange that never blocks says so with an attribute, `immediate = True`, and is called
where the caller is: that costs no change of thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import datetime
from typing import Final, TypeAlias

from kobling.commands import Send
from kobling.exchange import Exchange, WireFailure, WireReply

from .call import Call

THREADS: Final = 64
"""Requests that may be held open at once; more than any barrier of the mock vendors."""

Outcome: TypeAlias = WireReply | WireFailure


class InProcess:
    """Sends to an exchange. What the exchange raises is a defect of it and is raised here."""

    def __init__(self, exchange: Exchange, now: Callable[[], datetime]) -> None:
        self._exchange = exchange
        self._now = now
        self._immediate = bool(getattr(exchange, "immediate", False))
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="kobling-exchange")

    def send(self, command: Send) -> Outcome:
        """Send one request and block for the answer until the command's deadline."""
        call = Call.of(command, self._now)
        if self._immediate:
            return _within(self._answer(command, call), command)
        answer = self._submit(command, call)
        try:
            wait((answer,), max(call.left(), 0))
            return _within(answer.result(), command) if answer.done() else _late(answer, call)
        finally:
            answer.cancel()

    async def send_async(self, command: Send) -> Outcome:
        """Send one request and await the answer until the command's deadline."""
        call = Call.of(command, self._now)
        if self._immediate:
            return _within(self._answer(command, call), command)
        source = self._submit(command, call)
        answer = asyncio.wrap_future(source)
        try:
            await asyncio.wait([answer], timeout=max(call.left(), 0))
            return _within(answer.result(), command) if answer.done() else _late(source, call)
        finally:
            answer.cancel()

    def _submit(self, command: Send, call: Call) -> Future[Outcome]:
        return self._threads.submit(copy_context().run, self._answer, command, call)

    def _answer(self, command: Send, call: Call) -> Outcome:
        if call.expired():
            return WireFailure("expired")
        call.begun = True
        return self._exchange(command.request)

    def close(self) -> None:
        """Take no more requests; those under way are left to end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _within(answer: Outcome, command: Send) -> Outcome:
    if isinstance(answer, WireReply) and len(answer.body) > command.max_bytes:
        return WireFailure("too_large", "raw")
    return answer


def _late(answer: Future[Outcome], call: Call) -> WireFailure:
    return WireFailure("busy") if answer.cancel() and not call.begun else WireFailure("timeout", "exchange")
