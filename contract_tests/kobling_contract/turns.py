"""What an adapter does in its own turns: between one call and the next it may think, and nothing else.

`watched` makes an adapter whose every turn is observed: Python's audit events tell what reaches out of the process (a
connection, a file, a program), stand-ins what holds it up (a sleep) or leaves it (a thread), for which Python 3.11 has
no event, and a thread's CPU clock how long it thinks. Turns of the SDK, the driver and the mock are not looked at.
"""

from __future__ import annotations

import sys
import threading
import time
import types
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from kobling import Adapter
from kobling.adapter import OPERATIONS

__all__ = ["ACTS", "Turns", "watched"]

ACTS = {
    "socket.": "connection",
    "subprocess.": "program",
    "os.system": "program",
    "os.posix_spawn": "program",
}
"""Beginnings of audit events, and the act that each is. Writing a file is told apart from reading one below."""
WRITING = frozenset("wax+")
STOOD_IN: tuple[tuple[Any, str, str], ...] = ((time, "sleep", "sleep"), (threading.Thread, "start", "thread"))
"""Whose function is stood in for during a turn, and the act that calling it is."""


@dataclass
class Turns:
    """What was seen: how many turns, what was done in them, and the longest one in seconds of CPU."""

    count: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0

    @contextmanager
    def one(self) -> Iterator[None]:
        """One turn of the adapter."""
        _install()
        self.count += 1
        begun = time.thread_time()
        _HERE.turns = self
        try:
            with ExitStack() as stack:
                for owner, name, act in STOOD_IN:
                    stack.enter_context(patch.object(owner, name, _counting(getattr(owner, name), act)))
                yield
        finally:
            _HERE.turns = None
            self.longest = max(self.longest, time.thread_time() - begun)

    def saw(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit event of this turn."""
        act = next((act for beginning, act in ACTS.items() if event.startswith(beginning)), None)
        if event == "open" and isinstance(arguments[1], str) and WRITING & set(arguments[1]):
            act = None if ".pyc" in str(arguments[0]) else "file"  # Python's own cache of a module
        if act is not None:
            self.acts[act] += 1


def _counting(real: Callable[..., Any], act: str) -> Callable[..., Any]:
    """The function, which counts when it is called in a turn of the thread that calls it."""

    def stand_in(*given: Any, **more: Any) -> Any:
        if _HERE.turns is not None:
            _HERE.turns.acts[act] += 1
        return real(*given, **more)

    return stand_in


class _Here(threading.local):
    turns: Turns | None = None


_HERE = _Here()
_INSTALLED = threading.Lock()
_installed = False


def _install() -> None:
    """The hook can't be taken away again; outside of a turn it does nothing."""
    global _installed
    with _INSTALLED:
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    turns = _HERE.turns
    if turns is not None:
        turns.saw(event, arguments)


class _Step:
    """An adapter's coroutine, each of whose turns is watched."""

    def __init__(self, work: Coroutine[Any, Any, Any], turns: Turns) -> None:
        self._work = work
        self._turns = turns

    def __await__(self) -> Generator[Any, Any, Any]:
        answer: Any = None
        error: BaseException | None = None
        while True:
            with self._turns.one():
                try:
                    step = self._work.send(answer) if error is None else self._work.throw(error)
                except StopIteration as end:
                    return end.value
            try:
                answer, error = (yield step), None
            except BaseException as problem:  # noqa: BLE001 - whatever is thrown in is the adapter's to see
                answer, error = None, problem


def watched(adapter: type[Adapter], turns: Turns) -> type[Adapter]:
    """The adapter with its turns watched; nothing else of it is changed."""

    def body(space: dict[str, Any]) -> None:
        space.update({name: _operation(adapter, name, turns) for name in OPERATIONS if name in adapter.supports})
        space.update(
            contract=adapter.contract,
            __module__=adapter.__module__,
        )

    return types.new_class(adapter.__name__, (adapter,), exec_body=body)


def _operation(adapter: type[Adapter], name: str, turns: Turns) -> Callable[..., Any]:
    original = getattr(adapter, name)

    async def operation(self: Any, *given: Any) -> Any:
        return await _Step(original(self, *given), turns)

    return operation
