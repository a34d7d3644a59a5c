"""Types for what a vendor's rows hold: fields that stand deep in a row, and rows of several kinds in one list.

class Time(WireModel):
    start: str = at("/attributes/start")
    place: str | None = at("/relationships/place/data/id", default=None)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Union

from pydantic import AliasPath, Discriminator, Field, Tag

from .http import BadPointer, checked_pointer, find
from .model import WireModel

__all__ = ["OtherRow", "at", "rows_by"]

OTHER: Final = "(another)"
"""The tag of a row whose kind nobody named."""


def at(pointer: str, **more: Any) -> Any:
    """A field of a `WireModel` that stands deep in the row, or under another name. pointer: a JSON pointer from the
    row. more: as for pydantic's `Field`: with `default=None` the field may be absent, also where something on the way
    to it is null."""
    checked_pointer(pointer)
    first, *rest = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]] or [""]
    if not first:
        raise BadPointer("a field stands somewhere in its row: write at('/name')")
    return Field(validation_alias=AliasPath(first, *(int(one) if one.isdecimal() else one for one in rest)), **more)


class OtherRow(WireModel):
    """A row of a kind that the adapter does not read; see `rows_by`."""


def rows_by(field: str, kinds: Mapping[str, type[WireModel]]) -> Any:
    """A type for the rows of a list that holds several kinds, told apart by the word in `field`: for `http.pages(of=…)`
    and `read(list[…])`. field: a name, or a JSON pointer from the row (`"/resource/resourceType"`). A row of a named
    kind is read as its model, one with any other word as an `OtherRow`, since vendors add kinds without notice; one
    without a word does not fit."""
    place = field if field.startswith("/") else f"/{field.replace('~', '~0').replace('/', '~1')}"

    def kind_of(row: object) -> str | None:
        word = find(row, place)
        return None if not isinstance(word, str) else word if word in kinds else OTHER

    tagged = [Annotated[kind, Tag(name)] for name, kind in kinds.items()]
    return Annotated[Union[(*tagged, Annotated[OtherRow, Tag(OTHER)])], Discriminator(kind_of)]
