"""Rows of a vendor's answers that tell of one thing: by its id and its name, the name as one text or in parts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from .answers import parsed
from .rig import WireCall

__all__ = ["Rows"]


class Rows:
    """The objects of JSON answers. An object is a row of what it names by its id: as one of its own values, or as the
    name under which it stands."""

    def __init__(self, calls: Iterable[WireCall]) -> None:
        self._by_id: dict[str, list[frozenset[str]]] = {}
        for call in calls:
            self._read(parsed(call.outcome), "")

    def of(self, wire_id: str, name: str) -> list[frozenset[str]]:
        """The rows with this id in which every word of the name stands, each as the words of its texts."""
        words = set(_words(name))
        return [row for row in self._by_id.get(wire_id, ()) if words and words <= row]

    def _read(self, data: Any, under: str) -> frozenset[str]:
        """The words of a value. under: the name that it stands under."""
        if isinstance(data, dict):
            words = frozenset().union(*(self._read(one, name) for name, one in data.items()))
            own = {str(one) for one in data.values() if isinstance(one, str | int)}
            for one in {under, *own}:
                self._by_id.setdefault(one, []).append(words)
            return words
        if isinstance(data, list):
            return frozenset().union(*(self._read(one, "") for one in data))
        return frozenset(_words(data)) if isinstance(data, str) else frozenset()


def _words(text: str) -> list[str]:
    return unicodedata.normalize("NFC", text).split()
