"""What a request asks for: the values in its query and body, and the fields that the vendor's mock documents there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel

from kobling import WireRequest

__all__ = ["Field", "body_of", "fields_of", "filled", "values_of"]

DEEPEST: Final = 4
"""Models within models that are looked into."""


def body_of(request: WireRequest) -> Any:
    """A body as it is meant, in JSON or as a form; None where there is none."""
    text = request.body.decode("utf-8", "replace")
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return dict(parse_qsl(text))


def values_of(request: WireRequest) -> list[tuple[str, Any]]:
    """Each value of the query, and each of the body's that holds no names of its own, with the names that lead to it:
    `args.page`. A list of values is one value."""
    return [*parse_qsl(urlsplit(request.url).query), *_values(body_of(request), "")]


def _values(data: Any, inside: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _values(value, f"{inside}.{name}" if inside else str(name))
    elif isinstance(data, list) and any(isinstance(one, dict) for one in data):
        for one in data:
            yield from _values(one, inside)
    elif inside:
        yield inside, data


def filled(request: WireRequest) -> frozenset[str]:
    """The places of values that are not empty."""
    return frozenset(place for place, value in values_of(request) if value not in (None, "", []))


@dataclass(frozen=True)
class Field:
    """A documented field. place: the names on the wire that lead to it. names: what it is called, there and in the
    model. whole: it holds a value, and no fields of its own."""

    place: str
    names: tuple[str, str]
    required: bool
    whole: bool


def fields_of(model: type[BaseModel], inside: str = "", depth: int = DEEPEST) -> Iterator[Field]:
    """Every field of a model, those that hold others included."""
    for name, field in model.model_fields.items():
        place = f"{inside}{field.alias or name}"
        inner = [one for one in (field.annotation, *get_args(field.annotation)) if _is_model(one)] if depth else []
        yield Field(place, (name, field.alias or name), field.is_required(), whole=not inner)
        for one in inner:
            yield from fields_of(one, f"{place}.", depth - 1)


def _is_model(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, BaseModel)
