"""The checker of histories finds an order exactly where there is one, and says which call could not be explained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobling_contract.model import bookings
from kobling_contract.model.bookings import Span, State
from kobling_contract.model.history import Operation, explained, parts

# ---- a register that is written and read


def write(value: int, begun: int, ended: int | None) -> Operation[int]:
    return Operation(f"write {value}", begun, ended, lambda _: (value,))


def read(value: int, begun: int, ended: int) -> Operation[int]:
    return Operation(f"read {value}", begun, ended, lambda state: (state,) if state == value else ())


@pytest.mark.parametrize(
    ("history", "holds"),
    [
        ([write(1, 0, 2), read(1, 3, 4)], True),
        ([write(1, 0, 2), read(0, 3, 4)], False),
        ([write(1, 0, 5), read(0, 1, 2), read(1, 3, 4)], True),
        ([write(1, 0, 5), read(1, 1, 2), read(0, 3, 4)], False),
        ([write(1, 0, 9), write(2, 0, 9), read(1, 10, 11), read(2, 12, 13)], False),
        ([write(1, 0, None), read(0, 1, 2), read(1, 30, 31)], True),
        ([write(1, 0, None), read(0, 30, 31)], True),
        ([write(1, 0, None), read(1, 1, 2), read(0, 3, 4)], False),
        ([write(1, 5, None), read(1, 1, 2)], False),
    ],
    ids=[
        "one after the other", "an old value", "at the same time", "back in time", "two values at last",
        "lost and late", "lost for good", "lost and undone", "before it was written",
    ],
)  # fmt: skip
def test_a_known_history_is_explained_or_not(history: list[Operation[int]], holds: bool) -> None:
    assert (explained(history, 0) is None) is holds


def test_what_can_not_be_explained_is_named() -> None:
    problem = explained([write(1, 0, 2), read(1, 3, 4), read(0, 5, 6)], 0)
    assert problem is not None
    assert [one.name for one in problem.placed] == ["write 1", "read 1"]
    assert [one.name for one in problem.stuck] == ["read 0"]


def by_trying(history: Sequence[Operation[Any]], initial: Any) -> bool:
    """Whether any order that holds every call with an answer keeps to the moments and explains the answers."""
    answered = {number for number, one in enumerate(history) if not one.lost}
    lost = [number for number in range(len(history)) if number not in answered]
    for bits in range(1 << len(lost)):
        chosen = answered | {number for place, number in enumerate(lost) if bits >> place & 1}
        for order in permutations(sorted(chosen)):
            if _in_time(history, order) and _reached(history, order, initial):
                return True
    return False


def _in_time(history: Sequence[Operation[Any]], order: Sequence[int]) -> bool:
    return not any(
        history[after].ended is not None and history[after].ended < history[before].begun
        for place, before in enumerate(order)
        for after in order[place + 1 :]
    )


def _reached(history: Sequence[Operation[Any]], order: Sequence[int], initial: Any) -> bool:
    states = {initial}
    for number in order:
        states = {after for state in states for after in history[number].after(state)}
    return bool(states)


@st.composite
def registers(draw: st.DrawFn) -> list[Operation[int]]:
    history = []
    for _ in range(draw(st.integers(1, 6))):
        begun = draw(st.integers(0, 8))
        ended = begun + draw(st.integers(0, 4))
        value = draw(st.integers(0, 2))
        kind = draw(st.sampled_from(["write", "read", "read", "lost"]))
        history.append(
            read(value, begun, ended) if kind == "read" else write(value, begun, ended if kind == "write" else None)
        )
    return history


@settings(max_examples=150, deadline=None)
@given(registers())
def test_random_histories_of_a_register_are_judged_as_by_trying_every_order(history: list[Operation[int]]) -> None:
    assert (explained(history, 0) is None) is by_trying(history, 0)


def test_a_history_is_cut_where_its_calls_touch_nothing_in_common() -> None:
    def touching(name: str, *things: str) -> Operation[int]:
        return Operation(name, 0, 1, lambda state: (state,), frozenset(things))

    calls = [touching("1", "a"), touching("2", "b"), touching("3", "b", "c"), touching("4", "a"), touching("5", "c")]
    assert sorted(sorted(one.name for one in part) for part in parts(calls)) == [["1", "4"], ["2", "3", "5"]]


def test_sixty_calls_of_which_six_overlap_are_judged_in_a_moment() -> None:
    many = [write(number % 3, number // 2, number // 2 + 2) for number in range(60)]
    assert explained([*many, read(7, 0, 99)], 0) is not None
    assert explained([*many, read(2, 28, 99)], 0) is None


# ---- timebooks

ZERO = datetime(2026, 11, 24, 8, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return ZERO + timedelta(seconds=seconds)


def span(hour: int, hours: int = 1, timebook: str = "kari") -> Span:
    return Span(timebook, at(3600 * hour), at(3600 * (hour + hours)))


NINE, TEN, NINE_TO_ELEVEN = span(1), span(2), span(1, 2)


def holds(
    history: Sequence[bookings.Call], final: set[tuple[str, Span]], initial: set[tuple[str, Span]] | None = None
) -> bool:
    return not list(bookings.unexplained(history, frozenset(initial or ()), frozenset(final), at(99)))


A_BOOKS = bookings.booked("A books", at(0), at(3), "a", NINE)
B_BOOKS = bookings.booked("B books", at(1), at(4), "b", NINE)
B_LATE = bookings.taken("B is told taken", at(1), at(4), "b", NINE_TO_ELEVEN)


def test_one_is_told_yes_and_the_other_that_it_is_taken() -> None:
    assert holds([A_BOOKS, B_LATE], {("a", NINE)})


def test_two_who_are_told_yes_for_times_that_overlap_are_not_explained() -> None:
    assert not holds([A_BOOKS, B_BOOKS], {("a", NINE), ("b", NINE)})
    assert holds([A_BOOKS, bookings.booked("B books", at(1), at(4), "b", TEN)], {("a", NINE), ("b", TEN)})


def test_who_is_told_taken_when_nobody_had_the_time_is_not_explained() -> None:
    assert not holds([B_LATE], set())
    assert not holds([B_LATE, bookings.booked("A books", at(5), at(6), "a", NINE)], {("a", NINE)})


def test_a_time_that_was_held_for_a_moment_explains_a_refusal_and_keeps_nobody_from_it() -> None:
    briefly = [
        bookings.made("made", at(2), f"{bookings.BRIEFLY}1", NINE),
        bookings.gone("gone", at(3), f"{bookings.BRIEFLY}1"),
    ]
    assert holds([B_LATE, *briefly], set())
    assert holds([A_BOOKS, *briefly], {("a", NINE)})


@pytest.mark.parametrize("stands", [True, False])
def test_a_lost_booking_may_stand_later_or_never(stands: bool) -> None:
    lost = bookings.lost("A books, no answer", at(0), "a", NINE, doubles=False)
    final = {("a", NINE)} if stands else set()
    assert holds([lost], final)
    assert holds([lost, B_LATE], final) is stands


def test_a_cancel_that_was_done_has_left_nothing_and_frees_the_time() -> None:
    cancel = bookings.left("A gives up", at(5), at(6), "a")
    assert holds([A_BOOKS, cancel, bookings.booked("B books", at(5), at(8), "b", NINE)], {("b", NINE)})
    assert not holds([A_BOOKS, cancel], {("a", NINE)})


def test_a_move_leaves_the_old_time_and_takes_the_new_one() -> None:
    move = [
        bookings.booked("A moves", at(5), at(8), "a", TEN),
        bookings.left("A leaves", at(5), at(8), "a", TEN),
    ]
    assert holds([A_BOOKS, *move], {("a", TEN)})
    assert not holds([A_BOOKS, *move], {("a", NINE), ("a", TEN)})
    assert holds(move, {("a", TEN)}, {("a", NINE)})


def test_what_stands_and_nobody_asked_for_is_not_explained() -> None:
    assert not holds([A_BOOKS], {("a", NINE), ("x", span(8))})


@st.composite
def meetings(draw: st.DrawFn) -> tuple[list[bookings.Call], State]:
    spans = [NINE, TEN, NINE_TO_ELEVEN, span(1, 1, "jovnna")]
    history: list[bookings.Call] = []
    for number in range(draw(st.integers(1, 4))):
        whose, where = f"p{draw(st.integers(0, 2))}", draw(st.sampled_from(spans))
        begun, lasting = draw(st.integers(0, 6)), draw(st.integers(0, 4))
        kind = draw(st.sampled_from(["booked", "taken", "lost", "left", "made"]))
        name = f"{number} {kind}"
        if kind == "booked":
            history.append(bookings.booked(name, at(begun), at(begun + lasting), whose, where))
        elif kind == "taken":
            history.append(bookings.taken(name, at(begun), at(begun + lasting), whose, where))
        elif kind == "lost":
            history.append(bookings.lost(name, at(begun), whose, where, doubles=draw(st.booleans())))
        elif kind == "left":
            history.append(bookings.left(name, at(begun), at(begun + lasting), whose))
        else:
            history.append(bookings.made(name, at(begun), whose, where))
    known = [(whose, where) for call in history for whose in call.touches if isinstance(whose, str)
             for where in spans]  # fmt: skip
    final = draw(st.frozensets(st.sampled_from(known), max_size=3))
    return history, final


@settings(max_examples=100, deadline=None)
@given(meetings())
def test_random_meetings_are_judged_as_by_trying_every_order_of_the_whole(
    meeting: tuple[list[bookings.Call], State],
) -> None:
    history, final = meeting
    end: bookings.Call = Operation("end", at(99), at(99), lambda state: (state,) if state == final else ())
    assert holds(history, set(final)) is by_trying([*history, end], frozenset())
