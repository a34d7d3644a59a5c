"""What was seen of each mutant: one line of JSON for each, so that a run that is broken off goes on later.

A row counts for as long as the file that it was measured on stays as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Log", "digest"]


def digest(path: Path) -> str:
    """16 hexadecimal digits over a source file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@dataclass
class Log:
    """The rows by mutant; the last one of a mutant counts."""

    path: Path

    def rows(self) -> dict[str, dict[str, Any]]:
        """Every mutant that was looked at, with the digest of its file then."""
        return {row["id"]: row for row in self._read()}

    def _read(self) -> Iterator[dict[str, Any]]:
        if self.path.exists():
            yield from map(json.loads, self.path.read_text("utf-8").splitlines())

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
