"""What of one vendor's answers may stand in a recording: names of members, words of a fixed vocabulary, headers.

The list is data beside the adapter: `recording.toml` in the package of its module. An adapter without one has an empty
list, and then everything is replaced.

    members = ["id", "name", "status"]        # names of JSON members, form fields and query parameters
    segments = ["api", "v1", "bookings"]      # fixed parts of paths
    headers = ["x-request-id"]                # answers' headers beside those of HTTP itself
    stand = []                                # places whose values stand as recorded

    [values]                                  # places, and the words that may stand there
    "/data/*/status" = ["booked", "cancelled"]
    "?order_by_date" = ["asc", "desc"]

A place is a JSON pointer in which `*` stands for one member or index and `**` for any number, or `?name` for a query
parameter.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from kobling import Adapter

__all__ = ["FILE", "AllowList", "allow_list_of"]

FILE = "recording.toml"


class BadAllowList(ValueError):
    """A `recording.toml` that cannot be understood. The text says what is wrong in it."""


@dataclass(frozen=True)
class AllowList:
    """What may stand as recorded."""

    members: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    stand: tuple[str, ...] = ()
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> AllowList:
        """From the text of a `recording.toml`. Raises `BadAllowList`."""
        told = tomllib.loads(text)
        values = told.pop("values", {})
        lists = {name: told.pop(name, []) for name in ("members", "segments", "headers", "stand")}
        if told:
            raise BadAllowList(f"{FILE} knows members, segments, headers, stand and values, not {', '.join(told)}")
        for name, one in (*lists.items(), *values.items()):
            if not (isinstance(one, list) and all(isinstance(each, str) for each in one)):
                raise BadAllowList(f"{name} in {FILE} must be a list of texts")
        for place in (*values, *lists["stand"]):
            if not place.startswith(("/", "?")):
                raise BadAllowList(f"{place} in {FILE} is no place: it begins with / or ?")
        return cls(
            members=frozenset(lists["members"]),
            segments=frozenset(lists["segments"]),
            headers=frozenset(name.lower() for name in lists["headers"]),
            stand=tuple(lists["stand"]),
            values={place: frozenset(words) for place, words in values.items()},
        )

    @property
    def empty(self) -> bool:
        """True when nothing at all may stand."""
        return self == AllowList()

    def stands(self, place: str, value: str) -> bool:
        """Whether this text may stand at this place, whole."""
        return any(_fits(pattern, place) for pattern in self.stand) or value in self.words(place)

    def words(self, place: str) -> frozenset[str]:
        """The words that may stand at this place, alone or in a sentence."""
        return frozenset().union(*(words for pattern, words in self.values.items() if _fits(pattern, place)))

    def as_dict(self) -> dict[str, Any]:
        """As a recording declares it, for whoever checks the recording."""
        return {
            "members": sorted(self.members),
            "segments": sorted(self.segments),
            "headers": sorted(self.headers),
            "stand": sorted(self.stand),
            "values": {place: sorted(words) for place, words in sorted(self.values.items())},
        }


@cache
def _pattern(place: str) -> re.Pattern[str]:
    parts = [{"*": "[^/]*", "**": ".*"}.get(part, re.escape(part)) for part in place.split("/")]
    return re.compile("/".join(parts))


def _fits(pattern: str, place: str) -> bool:
    return _pattern(pattern).fullmatch(place) is not None


def allow_list_of(adapter: type[Adapter]) -> AllowList:
    """The list beside an adapter, or beside the nearest one that it is made from; empty where there is none."""
    for one in adapter.__mro__:
        if not (isinstance(one, type) and issubclass(one, Adapter)) or one is Adapter:
            continue
        found = _beside(one.__module__)
        if found is not None:
            return AllowList.read(found)
    return AllowList()


def _beside(module_name: str) -> str | None:
    module = import_module(module_name)
    package = module.__spec__.parent if module.__spec__ is not None else ""
    if not package:
        return None
    file = files(package) / FILE
    return file.read_text("utf-8") if file.is_file() else None
