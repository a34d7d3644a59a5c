"""A vendor's endpoints, each with the operations that stand behind it, which what is asked must tell apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .dialect import Operation

__all__ = ["endpoints"]

_PARAMETER = re.compile(r"<[^<>]*>")


def endpoints(operations: Iterable[Operation]) -> Mapping[tuple[str, str], tuple[Operation, ...]]:
    """The operations by method and rule, each endpoint's in their order, those told by the body first.

    Raises `ValueError` that says which two operations cannot be told apart, so that one would never be reached.
    """
    found: dict[tuple[str, str], list[Operation]] = {}
    names: set[str] = set()
    shapes: dict[tuple[str, str], Operation] = {}
    for one in operations:
        if one.name in names:
            raise ValueError(f"two operations are named {one.name!r}: faults and the journal know them by their names")
        names.add(one.name)
        other = shapes.setdefault((one.method, _PARAMETER.sub("<>", one.rule)), one)
        if other.rule != one.rule:
            raise ValueError(f"{_both(other, one)}: {other.rule} and {one.rule} are one path; write it in one way")
        found.setdefault((one.method, one.rule), []).append(one)
    for calls in found.values():
        _check_told_apart(calls)
    return {place: tuple(sorted(calls, key=lambda one: one.told_by is None)) for place, calls in found.items()}


def _both(one: Operation, other: Operation) -> str:
    return f"the operations {one.name!r} and {other.name!r} cannot be told apart"


def _check_told_apart(calls: Sequence[Operation]) -> None:
    told: dict[tuple[str, str | int] | None, Operation] = {}
    pointers: dict[str, Operation] = {}
    for one in calls:
        if one.told_by in told:
            say = "give each a told_by" if one.told_by is None else f"both are told by {one.told_by}"
            raise ValueError(f"{_both(told[one.told_by], one)}: both are {one.method} {one.rule}; {say}")
        told[one.told_by] = one
        if one.told_by is None:
            continue
        pointer = one.told_by[0]
        first = pointer[1:].partition("/")[0].replace("~1", "/").replace("~0", "~")
        if not pointer.startswith("/") or first not in one.known_fields:
            raise ValueError(f"{one.name!r} is told by {pointer!r}, which is no place in its body model")
        if pointer not in pointers and pointers:
            raise ValueError(f"{_both(next(iter(pointers.values())), one)}: their told_by look at different places")
        pointers[pointer] = one
