"""A random sequence of steps, and how a failing one is made short.

A step is plain data: what is done, by which caller, and numbers that choose among what is there when its turn comes. A
step that finds nothing to choose from does nothing, so that every part of a sequence is a sequence too.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Act", "Loss", "Mix", "Step", "sequence", "shortened"]

Act: TypeAlias = Literal[
    "search", "book", "book_again", "retry", "resolve", "cancel", "cancel_again", "move", "read", "list",
    "staff_book", "staff_cancel", "staff_move", "staff_delete", "staff_block", "staff_unblock", "staff_patient",
    "wait",
]  # fmt: skip
Mix: TypeAlias = Mapping[Act, int]
"""How often each act is drawn, in proportion."""
Loss: TypeAlias = tuple[str, str]
"""What becomes of a write's answer: the kind of fault, and whether it strikes before or after the commit."""


@dataclass(frozen=True)
class Step:
    """One step. pick, more: choose among what is there. loss: what becomes of the answer to its write."""

    act: Act
    caller: int = 0
    pick: int = 0
    more: int = 0
    loss: Loss | None = None


LOOKS: frozenset[Act] = frozenset({"search", "read", "list"})
WRITES: frozenset[Act] = frozenset({"book", "book_again", "retry", "cancel", "move"})
FOLLOWS: Mapping[Act, tuple[Act, ...]] = {
    "staff_move": ("cancel", "read", "move"),
    "staff_cancel": ("cancel", "read"),
    "staff_delete": ("cancel", "read"),
    "cancel": ("book_again", "cancel_again"),
    "move": ("cancel", "read"),
}
"""What may be tried at once with what was changed: there a wrong idea of it shows."""
OFTEN = 0.5
LAST = -1
"""Chooses the last of what is there."""


def sequence(
    chance: random.Random,
    mix: Mix,
    length: int,
    *,
    losses: Sequence[Loss] = (),
    lost: float = 0.0,
    callers: int = 2,
    motif: Sequence[Step] = (),
) -> tuple[Step, ...]:
    """A random sequence of about `length` steps. lost: the share of writes whose answer is lost. motif: some steps that
    stand in its midst.

    Most choices are among the first few of what is there, so that callers meet. After a change often what was looked at
    last is looked at again, where an answer that was kept would show; or what was changed is tried at once.
    """
    steps: list[Step] = []
    looked: Step | None = None
    for act in chance.choices(list(mix), list(mix.values()), k=length):
        pick = chance.randrange(3) if chance.random() < 0.6 else chance.randrange(1000)
        loss = chance.choice(losses) if act in WRITES and chance.random() < lost else None
        steps.append(Step(act, chance.randrange(callers), pick, chance.randrange(1000), loss))
        if act in LOOKS:
            looked = steps[-1]
        elif loss is not None and act != "cancel" and "resolve" in mix and chance.random() < OFTEN:
            steps.append(Step("resolve", chance.randrange(callers), LAST))
        elif (next_acts := [one for one in FOLLOWS.get(act, ()) if one in mix]) and chance.random() < OFTEN:
            steps.append(Step(chance.choice(next_acts), chance.randrange(callers), pick, chance.randrange(1000)))
        elif looked is not None and chance.random() < OFTEN:
            steps.append(looked)
    middle = chance.randrange(len(steps) + 1)
    return (*steps[:middle], *motif, *steps[middle:])


async def shortened(
    steps: Sequence[Step], fails: Callable[[tuple[Step, ...]], Awaitable[bool]], *, tries: int
) -> tuple[Step, ...]:
    """A short sequence that fails too: delta debugging (Zeller and Hildebrandt 2002), parts left out in halves,
    quarters and so on down to single steps. tries: how often it may be played."""
    shortest, size, left = tuple(steps), max(1, len(steps) // 2), tries
    while left > 0:
        for start in range(0, len(shortest), size):
            candidate = shortest[:start] + shortest[start + size :]
            left -= 1
            if candidate and await fails(candidate):
                shortest = candidate
                break
            if left <= 0:
                return shortest
        else:
            if size == 1:
                return shortest
            size = max(1, size // 2)
    return shortest
