"""What callers may be told of timebooks: the sequential truth against which a history of their calls is held.

The state is what stands: (whose, where). Whoever was told "booked" must have found the time free; whoever was told that
it is taken must have found it taken, or held for a moment by somebody who gave it up again; a cancel that was done has
left nothing; and at the end exactly what the clinic shows stands. What staff do happens at one moment, and is right.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from .history import Operation, Unexplained, explained, parts

__all__ = [
    "BRIEFLY",
    "Call",
    "Span",
    "State",
    "booked",
    "gone",
    "left",
    "lost",
    "made",
    "taken",
    "unexplained",
]


@dataclass(frozen=True, order=True)
class Span:
    """A time in a timebook, its end not included."""

    timebook: str
    begin: datetime
    end: datetime

    def meets(self, other: Span) -> bool:
        """Whether two of them share some time."""
        return self.timebook == other.timebook and self.begin < other.end and other.begin < self.end


BRIEFLY = "briefly "
"""How the name of a booking begins that was made and withdrawn by itself: others may be refused for it, and none is
kept from a time by it."""
State: TypeAlias = frozenset[tuple[str, Span]]
Call: TypeAlias = Operation[State]


def _free(state: State, whose: str, span: Span) -> bool:
    return not any(span.meets(where) for other, where in state if other != whose and not other.startswith(BRIEFLY))


def _without(state: State, whose: str, but: Span | None = None) -> State:
    return frozenset(one for one in state if one[0] != whose or one[1] == but)


def booked(name: str, begun: datetime, ended: datetime, whose: str, span: Span) -> Call:
    """A caller was told that the booking stands: nobody else had the time at that moment."""
    return Operation(
        name,
        begun,
        ended,
        lambda state: (state | {(whose, span)},) if _free(state, whose, span) else (),
        frozenset({whose, span}),
    )


def lost(name: str, begun: datetime, whose: str, span: Span, *, doubles: bool) -> Call:
    """The answer to a booking was lost: it takes effect at some later moment, or never. doubles: also beside others."""
    return Operation(
        name,
        begun,
        None,
        lambda state: (state | {(whose, span)},) if doubles or _free(state, whose, span) else (),
        frozenset({whose, span}),
    )


def taken(name: str, begun: datetime, ended: datetime, whose: str, span: Span) -> Call:
    """A caller was told that the time is taken: somebody had it at that moment, if only briefly."""

    def after(state: State) -> Iterable[State]:
        return (state,) if any(span.meets(where) for _, where in state) else ()

    return Operation(name, begun, ended, after, frozenset({whose, span}))


def left(name: str, begun: datetime, ended: datetime | None, whose: str, but: Span | None = None) -> Call:
    """A caller gave up everything of theirs, or all but one time: from then on it does not stand. ended: None where
    the answer was lost."""
    return Operation(name, begun, ended, lambda state: (_without(state, whose, but),), frozenset({whose}))


def made(name: str, at: datetime, whose: str, span: Span) -> Call:
    """Something came to stand at one moment, whatever stood there."""
    return Operation(name, at, at, lambda state: (state | {(whose, span)},), frozenset({whose, span}))


def gone(name: str, at: datetime, whose: str) -> Call:
    """Something ceased to stand at one moment."""
    return Operation(name, at, at, lambda state: (_without(state, whose),), frozenset({whose}))


def unexplained(history: Sequence[Call], initial: State, final: State, at: datetime) -> Iterator[Unexplained[State]]:
    """Each part of a history that no order explains. initial: what stood before the first call; final: what the clinic
    shows at `at`, when all have returned."""
    spans = {item for call in history for item in call.touches if isinstance(item, Span)}
    spans |= {span for _, span in initial | final}
    standing = [made("stood before", datetime.min.replace(tzinfo=at.tzinfo), *one) for one in sorted(initial)]
    for part in parts([_with_what_it_meets(one, spans) for one in [*standing, *history]]):
        touched: frozenset[Hashable] = frozenset().union(*(one.touches for one in part))
        end = _shown(frozenset(one for one in final if touched & set(one)), at)
        problem = explained([*part, end], frozenset())
        if problem is not None:
            yield problem
    strange = frozenset(one for one in final if one[0] not in _whose(history) | {whose for whose, _ in initial})
    if strange:
        yield Unexplained((), (_shown(strange, at),))


def _shown(stands: State, at: datetime) -> Call:
    def same(state: State) -> Iterable[State]:
        return (state,) if state == stands else ()

    told = ", ".join(f"{whose} at {where.begin:%Y-%m-%d %H:%M} UTC" for whose, where in sorted(stands))
    return Operation(f"the clinic shows {told or 'nothing'}", at, at, same)


def _whose(history: Iterable[Call]) -> frozenset[Hashable]:
    return frozenset(item for call in history for item in call.touches if isinstance(item, str))


def _with_what_it_meets(one: Call, spans: Iterable[Span]) -> Call:
    """The call with every time that shares time with its own, so that a part holds all that can matter to it."""
    own = [item for item in one.touches if isinstance(item, Span)]
    near = {other for other in spans for span in own if span.meets(other)}
    return replace(one, touches=one.touches | near)
