"""Host names to addresses, with an end: the C library's look-up knows no time limit and cannot be broken off.

Each look-up runs in a daemon thread of its own, so that one that hangs holds up neither a caller nor the end of the
process. Callers who ask for the same name while it is under way share it; nothing is remembered afterwards.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from ipaddress import ip_address
from typing import TypeAlias

Resolver: TypeAlias = Callable[[str], Sequence[str]]
"""All addresses of a name, best first, as text. Raises OSError or UnicodeError when there are none. May block."""

Found: TypeAlias = "tuple[str, ...]"


def system_resolver(host: str) -> Sequence[str]:
    """What the machine's own name service says."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


class Lookups:
    """Look-ups under way. Answers with the addresses, an empty tuple when there are none, None when time ran out."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[Found]] = {}

    def wait(self, host: str, seconds: float) -> Found | None:
        """Block for the answer, `seconds` at most."""
        if _is_address(host):
            return (host,)
        try:
            return self._start(host).result(timeout=max(seconds, 0))
        except TimeoutError:
            return None

    async def wait_async(self, host: str, seconds: float) -> Found | None:
        """Await the answer, `seconds` at most."""
        if _is_address(host):
            return (host,)
        answer = asyncio.wrap_future(self._start(host))
        try:
            done, _ = await asyncio.wait([answer], timeout=max(seconds, 0))
            return answer.result() if done else None
        finally:
            answer.cancel()  # ours alone: the look-up itself is running and goes on for those who share it

    def _start(self, host: str) -> Future[Found]:
        with self._lock:
            known = self._under_way.get(host)
            if known is not None:
                return known
            future: Future[Found] = Future()
            future.set_running_or_notify_cancel()
            self._under_way[host] = future
        threading.Thread(target=self._look, args=(host, future), name="kobling-lookup", daemon=True).start()
        return future

    def _look(self, host: str, future: Future[Found]) -> None:
        found: Found = ()
        try:
            found = tuple(dict.fromkeys(self._resolver(host)))
        except (OSError, UnicodeError):
            found = ()
        finally:
            with self._lock:
                del self._under_way[host]
            future.set_result(found)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
