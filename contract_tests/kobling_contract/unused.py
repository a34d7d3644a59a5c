"""Which of the vendor's calls, and of the optional fields in them, an adapter never makes use of."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, get_args
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel

from kobling import WireRequest
from kobling_mocks import Dialect
from kobling_mocks.dialect import Operation

from .rig import Rig

__all__ = ["by_call", "documented_uses", "made_use_of"]

DEEPEST: Final = 4
"""Models within models that are looked into."""


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
                used |= {name, *(f"{name}: {field}" for field in optional[name] & set(_sent(one.request)))}
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
            yield from _of(model, "")


def _of(model: type[BaseModel], inside: str, depth: int = DEEPEST) -> Iterator[str]:
    for name, field in model.model_fields.items():
        place = f"{inside}{field.alias or name}"
        inner = [one for one in (field.annotation, *get_args(field.annotation)) if _is_model(one)]
        if inner and depth:
            yield from _of(inner[0], f"{place}.", depth - 1)
        elif not field.is_required():
            yield place


def _is_model(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, BaseModel)


def _sent(request: WireRequest) -> Iterator[str]:
    """The places of what a request holds, in its query, its form or its JSON, and is not empty."""
    text = request.body.decode("utf-8", "replace")
    try:
        body = json.loads(text) if text else None
    except ValueError:
        body = dict(parse_qsl(text))
    yield from (name for name, value in parse_qsl(urlsplit(request.url).query) if value)
    yield from _filled(body, "")


def _filled(data: Any, inside: str) -> Iterator[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _filled(value, f"{inside}.{name}" if inside else name)
    elif data not in (None, "", []):
        yield inside
