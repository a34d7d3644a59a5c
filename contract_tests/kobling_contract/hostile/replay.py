"""One replay of a script with changed answers: what came out, and what was sent on the way.

The engine, its strict reading of JSON, the adapter and the flows above it are the real ones; time is a clock that
moves when somebody waits, and nothing is sent anywhere. What takes no call and does not end is broken off from outside.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final
from urllib.parse import urlsplit

from kobling import KoblingError, WireReply
from kobling.commands import Send
from kobling.exchange import NEVER_LEFT

from .mutations import Answer, Change, altered
from .recording import Script

__all__ = ["LONGEST_TURN", "MOST_ANSWERS", "Ended", "Stuck", "Watch", "play"]

MOST_ANSWERS: Final = 1_500
"""Far above what the engine lets the operations of one call ask for."""
LONGEST_TURN: Final = 5.0
"""Seconds of work for one replay. A good one takes a thousandth of it, a collection of garbage in a process that holds
much a part of it; a loop that asks nothing takes all of it."""
UNHEARD: Final = ("weakref.py", "_weakrefset.py")
"""Where Python calls back on its own account, so that nobody would hear what is raised there."""

_NOWHERE: Final = WireReply(404, (("Content-Type", "application/json"),), b"{}")
"""The answer where nothing of the kind was recorded."""


class Stuck(BaseException):
    """Breaks off what does not end. No adapter catches it by `except Exception`."""


class Watch:
    """Looks from time to time whether the replays go on, and breaks off the one that does not. It costs a replay
    nothing. Only in the main thread of a system with alarms; elsewhere a loop without calls is not broken off."""

    def __init__(self, longest: float = LONGEST_TURN) -> None:
        self._longest = longest
        self._begun: float | None = None
        self.rang = False

    @contextmanager
    def on(self) -> Iterator[None]:
        """Watch for as long as this lasts."""
        if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
            yield
            return
        before = signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, self._longest / 4, self._longest / 4)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def begin(self) -> None:
        """A replay begins."""
        self.rang = False
        self._begun = time.thread_time()

    def end(self) -> None:
        """It has ended."""
        self._begun = None

    def _look(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename.endswith(UNHEARD):
            return
        if self._begun is not None and time.thread_time() - self._begun > self._longest:
            self._begun = None
            self.rang = True
            raise Stuck


@dataclass(slots=True, repr=False)
class Ended:
    """How a replay ended: with a value, an error of the contract, or something else (`escaped`, by its class).

    served: the answers in order, with the exchange that each was made from. sent: the requests. stuck: it was broken
    off. writes: how often something was sent as a write.
    """

    value: Any = None
    error: KoblingError | None = None
    escaped: str = ""
    stuck: bool = False
    served: list[tuple[int | None, Answer]] = field(default_factory=list)
    sent: list[Send] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """True when a value came back."""
        return self.error is None and not self.escaped and not self.stuck

    def __str__(self) -> str:
        if self.stuck:
            return f"no end, after {len(self.served)} answers"
        if self.escaped:
            return f"{self.escaped} got out"
        if self.error is None:
            return f"{type(self.value).__name__} returned"
        because = f" ({self.error.because})" if self.error.because else ""
        place = f" at {', '.join(self.error.fields)}" if self.error.fields else ""
        return f"{type(self.error).__name__}{because}{place}, effect {self.error.effect}"


def play(script: Script, changes: tuple[Change, ...], data: Mapping[int, Any], watch: Watch) -> Ended:
    """Replay a script with changes. data: the recorded answers' JSON by position."""
    ended = Ended()
    session = script.rehearsal.session(_Answering(script, changes, data, ended))
    watch.begin()
    try:
        ended.value = script.call(session)
    except KoblingError as error:
        ended.error = error
    except (Stuck, AssertionError):
        ended.stuck = True
    except Exception as error:  # noqa: BLE001 - whatever else comes out is the finding
        ended.escaped = type(error).__name__
    finally:
        watch.end()
    if watch.rang or (ended.error is not None and ended.error.because == "too_many_calls"):
        ended.stuck = True
    return ended


class _Answering:
    """Answers as recorded, but for the changes. What was asked before is answered as often as it is asked."""

    __slots__ = ("_asked", "_changes", "_data", "_ended", "_paths", "_script")

    def __init__(self, script: Script, changes: tuple[Change, ...], data: Mapping[int, Any], ended: Ended) -> None:
        self._script = script
        self._changes = changes
        self._data = data
        self._ended = ended
        self._asked: dict[Any, int] = {}
        self._paths = {_path(script, one.position) for one in changes if one.everywhere}

    def __call__(self, command: Send) -> Answer:
        ended = self._ended
        ended.sent.append(command)
        if len(ended.sent) > MOST_ANSWERS:
            raise AssertionError("too many answers")
        request = command.request
        key = (request.method, request.url, request.body)
        times = self._asked.get(key, 0)
        self._asked[key] = times + 1
        position = self._script.find(command, times)
        answer: Answer = _NOWHERE
        if position is not None:
            answer = self._script.exchanges[position].answer
            changes = [one for one in self._changes if one.position == position or self._everywhere(one, position)]
            if changes:
                answer = altered(answer, self._data.get(position), changes, len(ended.served))
        ended.served.append((position, answer))
        return answer

    def _everywhere(self, change: Change, position: int) -> bool:
        return change.everywhere and _path(self._script, position) in self._paths


def _path(script: Script, position: int) -> tuple[str, str]:
    request = script.exchanges[position].request
    return request.method, urlsplit(request.url).path


def may_have_left(answer: Answer) -> bool:
    """Whether a request that was answered so may have reached the vendor."""
    return isinstance(answer, WireReply) or answer.kind not in NEVER_LEFT
