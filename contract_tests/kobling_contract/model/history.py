"""Whether what several callers were told can be explained by one order of their calls.

A history is linearizable when every call can be given one moment between its beginning and its end so that, one after
the other, they lead to exactly the answers that were given (Herlihy and Wing 1990). A call whose answer was lost has no
end: it may take effect at any later moment, or never. The search is Wing and Gong's, with Lowe's memory of what was
tried: the same calls done, and the same state reached, need not be tried twice.

    read = Operation("A reads 0", 1, 4, lambda state: (state,) if state == 0 else ())
    write = Operation("B writes 1", 2, 3, lambda state: (1,))
    assert explained((read, write), 0) is None

Calls that touch nothing in common do not matter to each other (locality), so `parts` cuts a history into small ones.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

__all__ = ["Operation", "Unexplained", "explained", "parts"]

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True)
class Operation(Generic[S]):
    """One call of a history. begun, ended: moments of one clock, in any unit that can be compared; ended is None where
    no answer came. after: the states that it may leave behind when it takes effect in a state, none where its answer
    can't be explained there. touches: what it reads or changes, for `parts`."""

    name: str
    begun: Any
    ended: Any
    after: Callable[[S], Iterable[S]] = field(compare=False, repr=False)
    touches: frozenset[Hashable] = frozenset()

    @property
    def lost(self) -> bool:
        """True where no answer came, so that it need not have happened."""
        return self.ended is None


@dataclass(frozen=True)
class Unexplained(Generic[S]):
    """No order explains the history. placed: the longest order that explains some of it. stuck: the calls that had to
    come next, none of which could."""

    placed: tuple[Operation[S], ...]
    stuck: tuple[Operation[S], ...]


def explained(history: Sequence[Operation[S]], initial: S) -> Unexplained[S] | None:
    """None when some order of the calls explains every answer.

    The calls of a history that need an explanation may be some dozens; the time grows with how many overlap.
    """
    calls = sorted(history, key=lambda one: (one.begun, one.ended is None))
    needed = sum(1 << number for number, one in enumerate(calls) if not one.lost)
    tried: set[tuple[int, S]] = set()
    best = Unexplained[S]((), _next(calls, 0))
    stack: list[tuple[int, S, tuple[int, ...]]] = [(0, initial, ())]
    while stack:
        done, state, order = stack.pop()
        if done & needed == needed:
            return None
        if (done, state) in tried:
            continue
        tried.add((done, state))
        if len(order) > len(best.placed):
            best = Unexplained(tuple(calls[number] for number in order), _next(calls, done))
        for number in reversed(_may_be_next(calls, done)):
            for reached in calls[number].after(state):
                stack.append((done | 1 << number, reached, (*order, number)))
    return best


def _may_be_next(calls: Sequence[Operation[S]], done: int) -> list[int]:
    """Calls that began before every other call that is left had ended."""
    left = [number for number in range(len(calls)) if not done >> number & 1]
    ends = [calls[number].ended for number in left if not calls[number].lost]
    if not ends:
        return left
    first_end = min(ends)
    return [number for number in left if calls[number].begun <= first_end]


def _next(calls: Sequence[Operation[S]], done: int) -> tuple[Operation[S], ...]:
    return tuple(calls[number] for number in _may_be_next(calls, done) if not calls[number].lost)


def parts(history: Iterable[Operation[S]]) -> list[list[Operation[S]]]:
    """The history cut into parts that touch nothing in common; a call that touches nothing is a part of its own."""
    found: list[tuple[set[Hashable], list[Operation[S]]]] = []
    for one in history:
        touched: set[Hashable] = set(one.touches)
        together = [one]
        apart = []
        for part in found:
            if part[0] & touched:
                touched |= part[0]
                together = part[1] + together
            else:
                apart.append(part)
        found = [*apart, (touched, together)]
    return [calls for _, calls in found]
