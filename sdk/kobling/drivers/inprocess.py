"""Sending to an `Exchange` in this process instead of over the network, with the same limits.

Each request gets a thread of its own, because an exchange may block (a mock that holds two bookings until both have
arrived) and must not hold up the caller beyond its deadline. The threads belong to the driver: asyncio's own are as
few as the machine has cores.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from typing import Final, TypeAlias

from ..commands import Send
from ..exchange import Exchange, WireFailure, WireReply
from .call import Call
from .silence import forget

THREADS: Final = 64
"""Requests that may be held open at once; more than any barrier of the mock vendors."""

Outcome: TypeAlias = WireReply | WireFailure


class InProcess:
    """Sends to an exchange. What the exchange raises is a defect of it and is raised here."""

    def __init__(self, exchange: Exchange, now: Callable[[], datetime]) -> None:
        self._exchange = exchange
        self._now = now
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="kobling-exchange")

    def send(self, command: Send) -> Outcome:
        """Send one request and block for the answer until the command's deadline."""
        call = Call.of(command, self._now)
        answer = self._submit(command, call)
        try:
            return _within(answer.result(max(call.left(), 0)), command)
        except TimeoutError:
            if not answer.done():
                return _late(answer, call)
            raise
        except BaseException as error:
            answer.cancel()
            del command, answer
            forget(error)
            raise

    async def send_async(self, command: Send) -> Outcome:
        """Send one request and await the answer until the command's deadline."""
        call = Call.of(command, self._now)
        source = self._submit(command, call)
        answer = asyncio.wrap_future(source)
        try:
            done, _ = await asyncio.wait([answer], timeout=max(call.left(), 0))
            return _within(answer.result(), command) if done else _late(source, call)
        except BaseException as error:
            del command
            forget(error)
            raise
        finally:
            answer.cancel()
            del answer, source

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
