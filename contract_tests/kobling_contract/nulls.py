"""Which fields the adapter's own rows leave room for null in, and no answer of the mock's ever has null in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from kobling import Adapter, WireModel

from .answers import parsed
from .rig import WireCall

__all__ = ["never_null"]


def never_null(adapter: type[Adapter], calls: Iterable[WireCall]) -> tuple[str, ...]:
    """Fields of the adapter's rows that the vendor always sends and may send as null, each as `Row.field (never null)`,
    where rows of the kind are in the answers: what the adapter makes of a null there is not tried. A field with
    a default is left out: it is there in case, and not because the vendor's pages name it."""
    rows = [row for call in calls for row in _rows(call)]
    seen: Counter[str] = Counter()
    empty: Counter[str] = Counter()
    models = [(model, *_fields(model)) for model in _models(adapter)]
    for row in rows:
        fitting = [(model, known, nullable) for model, known, needed, nullable in models if needed <= row.keys()]
        most = max((len(known & row.keys()) for _, known, _ in fitting), default=0)
        for model, known, nullable in fitting:
            if len(known & row.keys()) == most:
                for name in nullable:
                    seen[f"{model.__name__}.{name}"] += 1
                    empty[f"{model.__name__}.{name}"] += row[name] is None
    return tuple(f"{name} (never null)" for name in sorted(seen) if not empty[name])


def _rows(call: WireCall) -> Iterator[dict[str, Any]]:
    """Every object in an answer, whole rows and what stands in them."""
    yield from _objects(parsed(call.outcome))


def _objects(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict):
        yield data
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    for one in inner:
        yield from _objects(one)


def _models(adapter: type[Adapter]) -> Iterator[type[WireModel]]:
    """The models of the packages that the adapter's classes stand in, the SDK's left out."""
    homes = {one.__module__.rpartition(".")[0] or one.__module__ for one in adapter.__mro__} - {"kobling"}
    left: list[type[WireModel]] = [WireModel]
    while left:
        model = left.pop()
        left += model.__subclasses__()
        if (model.__module__.rpartition(".")[0] or model.__module__) in homes:
            yield model


def _fields(model: type[WireModel]) -> tuple[set[str], set[str], set[str]]:
    """A model's fields by their names on the wire: all, those that must be there, those of them that may be null."""
    known, needed, nullable = set(), set(), set()
    for name, field in model.model_fields.items():
        wire = field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name
        known.add(wire)
        if not field.is_required():
            continue
        needed.add(wire)
        if get_origin(field.annotation) in (Union, UnionType) and NoneType in get_args(field.annotation):
            nullable.add(wire)
    return known, needed, nullable
