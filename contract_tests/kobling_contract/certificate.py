"""The result of a run: the verdict on every rule, one exit code, and how to read it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .detectability import cannot_know
from .runner import Result
from .verdicts import CONFORMANT, NOT_CONFORMANT, NOTHING_TESTED, SUITE_ERROR, Verdict, exit_code

__all__ = ["Certificate", "LOST_ANSWERS"]

LOST_ANSWERS = {
    "reading": "lost answers are resolved by reading the booking back",
    "found": "a lost booking that stands is found by reading; that one does not stand, a person must find out",
    "slot": "lost answers are resolved by looking at the open times",
    "person": "lost answers are resolved by a person only: the vendor can't be asked",
}
"""How sure lost answers are, as measured: the headline of a certificate."""

_HEADLINES = {
    CONFORMANT: "CONFORMANT",
    NOT_CONFORMANT: "NOT CONFORMANT",
    SUITE_ERROR: "NO VERDICT: the suite or the mock broke",
    NOTHING_TESTED: "NO VERDICT: nothing was tested",
}


def suite_version() -> str:
    """The version of the contract and its suite."""
    try:
        return version("kobling")
    except PackageNotFoundError:
        return "source"


@dataclass(frozen=True)
class Certificate:
    """One run. adapter: `module:Class`. target: what it was run against."""

    vendor: str
    adapter: str
    adapter_version: str
    target: str
    seed: int
    results: tuple[Result, ...]

    @property
    def exit_code(self) -> int:
        """0 conformant, 1 not, 10 the suite broke, 12 nothing was tested."""
        return exit_code(result.verdict for result in self.results)

    @property
    def conformant(self) -> bool:
        """True when every rule holds, or is skipped or waived as declared."""
        return self.exit_code == CONFORMANT

    @property
    def counts(self) -> dict[str, int]:
        """How many rules have each verdict, strongest first; only those that occur."""
        seen = Counter(result.verdict for result in self.results)
        return {verdict.value: seen[verdict] for verdict in Verdict if seen[verdict]}

    @property
    def lost_answers(self) -> str | None:
        """How sure lost answers are, as a key of `LOST_ANSWERS`; None when the run did not measure it."""
        found = [result.facts["lost_answers"] for result in self.results if "lost_answers" in result.facts]
        return found[0] if found else None

    def of(self, rule_id: str) -> Result:
        """The result of one rule. Raises `LookupError` when it was not chosen."""
        for result in self.results:
            if result.rule.id == rule_id:
                return result
        raise LookupError(f"{rule_id} was not part of this run")

    @property
    def cannot_know(self) -> tuple[str, ...]:
        """What this run does not know because of what it was run against; nothing for a mock."""
        return cannot_know(self.target, self.results)

    def headline(self) -> str:
        """The verdict, and how sure lost answers are."""
        sure = f"; {LOST_ANSWERS[self.lost_answers]}" if self.lost_answers else ""
        return f"{_HEADLINES[self.exit_code]}{sure}"

    def summary(self) -> list[str]:
        """Lines for a terminal, without colour: headline, what was run, counts, and everything that does not hold."""
        lines = [
            f"{self.vendor}: {self.headline()}",
            f"adapter {self.adapter} {self.adapter_version}, suite {suite_version()}, "
            f"target {self.target}, seed {self.seed}",
            ", ".join(f"{count} {verdict}" for verdict, count in self.counts.items()) or "no rules",
        ]
        for result in sorted(self.results, key=lambda one: one.verdict.strength):
            if result.verdict not in (Verdict.PASS, Verdict.NOT_PROVABLE):
                lines += ["", *result.lines()]
        if self.cannot_know:
            lines += ["", f"what a run on this target ({self.target}) can't know:"]
            lines += [f"  - {limit}" for limit in self.cannot_know]
        return lines

    def as_dict(self) -> dict[str, Any]:
        """The certificate for machines. `evidence_hash` covers the rules' verdicts, controls and evidence."""
        rows = [result.as_dict() for result in self.results]
        return {
            "schema": "kobling-certificate/1",
            "vendor": self.vendor,
            "adapter": self.adapter,
            "adapter_version": self.adapter_version,
            "suite_version": suite_version(),
            "target": self.target,
            "seed": self.seed,
            "headline": self.headline(),
            "conformant": self.conformant,
            "exit_code": self.exit_code,
            "lost_answers": self.lost_answers,
            "counts": self.counts,
            "cannot_know": list(self.cannot_know),
            "evidence_hash": _digest(rows),
            "results": rows,
        }


def _digest(rows: list[dict[str, Any]]) -> str:
    kept = [{name: row[name] for name in ("rule", "verdict", "seed", "controls", "evidence", "facts")} for row in rows]
    return hashlib.sha256(json.dumps(kept, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
