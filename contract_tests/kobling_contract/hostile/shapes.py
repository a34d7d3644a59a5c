"""Structures built from recorded shapes: a Hypothesis strategy for each recorded JSON value, and the smallest failure.

The mutator does the volume; Hypothesis adds answers in which many places differ at once, and makes what failed small.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any, Final

_FIRST = "hypothesis" not in sys.modules

from hypothesis import HealthCheck, Phase, Verbosity, configuration, find, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.errors import NoSuchExample  # noqa: E402

from .mutations import Change, Place  # noqa: E402
from .strange import FLOATS, NUMBERS, TEXTS, TIMES, kind_of  # noqa: E402

__all__ = ["differences", "like", "smaller", "smallest"]

if _FIRST:  # nobody else in this process uses it: it need not leave a folder where the command was given
    _home = TemporaryDirectory(prefix="kobling-hypothesis-")
    configuration.set_hypothesis_home_dir(_home.name)

MOST_ROWS: Final = 4


def like(value: Any) -> st.SearchStrategy[Any]:
    """JSON values of the recorded one's shape: the value itself first, then others of its kind, then of another kind.
    Lists have rows of the recorded rows' shapes, objects may lack fields."""
    same = st.just(value)
    strange = st.one_of(
        st.none(), st.booleans(), st.sampled_from(NUMBERS), st.sampled_from(FLOATS), st.sampled_from(TEXTS),
        st.just([]), st.just({}),
    )  # fmt: skip
    kind = kind_of(value)
    if kind == "object":
        wanted = {name: like(inner) for name, inner in value.items()}
        whole = st.fixed_dictionaries(wanted)
        lacking = st.fixed_dictionaries({}, optional=wanted)
        return _mostly(whole, st.one_of(lacking, strange))
    if kind == "list":
        rows = st.one_of([like(row) for row in value[:MOST_ROWS]]) if value else strange
        return _mostly(st.lists(rows, max_size=MOST_ROWS), strange)
    if kind == "number":
        return _mostly(same, st.one_of(st.integers(), strange))
    if kind == "time":
        return _mostly(same, st.one_of(st.sampled_from(TIMES), strange))
    return _mostly(same, strange)


def _mostly(usual: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 11).flatmap(lambda number: other if number == 11 else usual)


def smaller(good: Any, bad: Any) -> st.SearchStrategy[Any]:
    """What lies between a good value and a bad one, good parts first: for making a failure small."""
    if type(good) is type(bad) and isinstance(bad, dict):
        parts = {name: smaller(good[name], bad[name]) if name in good else _left_out_or(bad[name]) for name in bad}
        parts.update({name: st.sampled_from([one, LEFT_OUT]) for name, one in good.items() if name not in bad})
        return st.fixed_dictionaries(parts).map(_without_left_out)
    if type(good) is type(bad) and isinstance(bad, list):
        pairs = [smaller(good[index], row) if index < len(good) else _left_out_or(row) for index, row in enumerate(bad)]
        return st.tuples(*pairs).map(lambda rows: [row for row in rows if row is not LEFT_OUT])
    if good == bad and type(good) is type(bad):
        return st.just(good)
    return st.one_of(st.just(good), _simpler(bad))


class _LeftOut:
    """Stands for a row or field that is not there."""


LEFT_OUT: Final = _LeftOut()


def _left_out_or(bad: Any) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(LEFT_OUT), _simpler(bad))


def _without_left_out(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in fields.items() if one is not LEFT_OUT}


def _simpler(bad: Any) -> st.SearchStrategy[Any]:
    if isinstance(bad, bool) or bad is None:
        return st.just(bad)
    if isinstance(bad, int):  # a free choice would nearly always be a small number
        known = sorted((one for one in NUMBERS if abs(one) < abs(bad)), key=abs)
        return st.sampled_from([*known, bad])
    if isinstance(bad, str):
        return st.integers(0, len(bad)).map(lambda count: bad[:count])
    return st.just(bad)


def smallest(
    strategy: st.SearchStrategy[Any], fails: Callable[[Any], bool], *, seed: int, examples: int
) -> tuple[bool, Any]:
    """The smallest value for which `fails`; (False, None) where none of so many examples does."""
    try:
        found = find(
            strategy,
            fails,
            settings=settings(
                max_examples=examples, database=None, deadline=None, derandomize=False, verbosity=Verbosity.quiet,
                suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
                report_multiple_bugs=False,
            ),
            random=random.Random(seed),
        )  # fmt: skip
    except NoSuchExample:
        return False, None
    return True, found


def differences(good: Any, bad: Any, position: int) -> tuple[Change, ...]:
    """The changes that lead from a good value to a bad one, at the deepest places where they differ."""
    found: list[Change] = []
    _collect(good, bad, (), position, found)
    return tuple(found)


def _collect(good: Any, bad: Any, place: Place, position: int, found: list[Change]) -> None:
    if isinstance(good, dict) and isinstance(bad, dict) and set(bad) <= set(good):
        for name in good:
            if name not in bad:
                found.append(Change(position, "remove", "remove", (*place, name)))
            else:
                _collect(good[name], bad[name], (*place, name), position, found)
    elif isinstance(good, list) and isinstance(bad, list) and len(good) == len(bad):
        for index, (one, other) in enumerate(zip(good, bad, strict=True)):
            _collect(one, other, (*place, index), position, found)
    elif type(good) is not type(bad) or good != bad:
        found.append(Change(position, "changed", "set", place, bad))
