"""Which of the vendor's calls, and of the optional fields in them, an adapter never makes use of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from kobling_mocks import Dialect
from kobling_mocks.dialect import Operation

from .asks import fields_of, filled
from .rig import Rig

__all__ = ["by_call", "documented_uses", "made_use_of"]


def documented_uses(dialect: Dialect) -> frozenset[str]:
    """Each call by its name, and each optional field of its body or query after that: `cancel: why`. A call that
    answers whatever none of its endpoint's others does is none."""
    by_body = {one.rule for one in dialect.operations if one.told_by is not None}
    calls = [one for one in dialect.operations if one.told_by is not None or one.rule not in by_body]
    return frozenset(use for one in calls for use in (one.name, *(f"{one.name}: {name}" for name in _optional(one))))


def made_use_of(rigs: Iterable[Rig]) -> tuple[str, ...]:
    """The calls that were made, and the optional fields that held something in them."""
    used: set[str] = set()
    for rig in rigs:
        optional = {one.name: frozenset(_optional(one)) for one in rig.mock.dialect.operations}
        names = {call.number: call.operation for call in rig.received}
        for one in rig.wire:
            name = names.get(one.number)
            if name is not None:
                used |= {name, *(f"{name}: {field}" for field in optional[name] & filled(one.request))}
    return tuple(sorted(used))


def by_call(unused: Collection[str]) -> str:
    """For people: the calls that were never made, and the fields of others, each call's together."""
    never = sorted(one for one in unused if ": " not in one)
    fields: dict[str, list[str]] = {}
    for call, _, name in (one.partition(": ") for one in sorted(unused)):
        if name and call not in never:
            fields.setdefault(call, []).append(name)
    return "; ".join([*never, *(f"{call} with {', '.join(those)}" for call, those in fields.items())])


def _optional(operation: Operation) -> Iterator[str]:
    for model in (operation.query, operation.body):
        if model is not None:
            yield from (one.place for one in fields_of(model) if one.whole and not one.required)
