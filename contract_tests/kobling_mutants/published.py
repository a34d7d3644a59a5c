"""What the site tells of the mutants: sums by file and by rule, and each mutant that was not killed, with a reason.

`docs/reference/mutants.json` is the last measurement. `triage.toml`, beside this module, says of each mutant that is
left what kind of survivor it is and why; one reason may hold for several.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kobling import Adapter

from .log import digest

__all__ = [
    "KINDS",
    "LEFT",
    "OUTCOMES",
    "SURE",
    "Reason",
    "changed_since",
    "reasons",
    "source_of",
    "summed",
    "told_of",
    "write",
]

OUTCOMES = ("killed", "refused", "survived", "stillborn")
LEFT = ("survived", "refused")
"""Outcomes of mutants for which no rule fails."""
KINDS: Mapping[str, str] = {
    "equivalent": "does the same, whatever a vendor answers",
    "outside": "changes what the contract promises nothing about",
    "vendor": "shows only for what the vendor's mock never answers, or never is in",
    "gap": "breaks a promise that no rule holds it to",
}
SURE = ("equivalent", "outside")
"""Kinds for which no rule will ever fail."""
TRIAGE = Path(__file__).with_name("triage.toml")


@dataclass(frozen=True)
class Reason:
    """Why mutants are left. kind: a word of `KINDS`. mutants: their ids."""

    kind: str
    why: str
    mutants: tuple[str, ...]


def reasons(path: Path = TRIAGE) -> list[Reason]:
    """The reasons, in their order."""
    rows = tomllib.loads(path.read_text("utf-8")).get("reason", [])
    return [Reason(row["kind"], row["why"], tuple(row["mutants"])) for row in rows]


def told_of(files: Mapping[str, Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One vendor's part of the result. files: by file its digest and how many mutants it has."""
    seen = [row for row in rows if row["digest"] == files.get(row["file"], {}).get("digest")]
    outcomes = Counter((row["file"], row["outcome"]) for row in seen)
    by_file = {file: {**facts, **{name: outcomes[file, name] for name in OUTCOMES}} for file, facts in files.items()}
    killers = Counter(row["rule"] for row in seen if row["outcome"] == "killed")
    left = sorted(
        (row for row in seen if row["outcome"] in LEFT), key=lambda row: (row["file"], row["line"], row["id"])
    )
    return {
        "files": by_file,
        "killed_by": dict(sorted(killers.items())),
        "left": [{name: one[name] for name in _TOLD if one[name]} for one in map(_counted, left)],
    }


def _counted(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "rules_not_tried": len(row["not_tried"])}


_TOLD = ("id", "file", "where", "line", "was", "becomes", "outcome", "odd", "rules_not_tried")


def summed(told: Mapping[str, Any]) -> dict[str, int]:
    """One vendor's numbers over all of its files."""
    return {name: sum(facts[name] for facts in told["files"].values()) for name in ("mutants", *OUTCOMES)}


def source_of(adapter: type[Adapter]) -> Path:
    """The `src` in which an adapter's package stands."""
    package = adapter.__module__.partition(".")[0]
    return Path(sys.modules[package].__file__ or "").parents[1]


def changed_since(told: Mapping[str, Any], source: Path) -> list[str]:
    """The files of one vendor's part that are not as they were when it was measured. source: the adapter's `src`."""
    return [
        file
        for file, facts in told["files"].items()
        if not (source / file).exists() or digest(source / file) != facts["digest"]
    ]


def write(path: Path, by_vendor: Mapping[str, Any], seed: int) -> None:
    """Publish."""
    told = {"seed": seed, "vendors": by_vendor}
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
