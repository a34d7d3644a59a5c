"""Results and certificates without running anything: for tests of what is told about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kobling_contract.certificate import Certificate
from kobling_contract.contract import RULES, chosen
from kobling_contract.runner import Result
from kobling_contract.verdicts import Verdict

__all__ = ["AT", "certificate", "result"]

AT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


def result(rule_id: str, verdict: Verdict = Verdict.PASS, **facts: Any) -> Result:
    """One result; a failing one has everything that a report shows."""
    (rule,) = chosen([rule_id])
    usual: dict[str, Any] = {"controls": ("a search: 3 calls answered",), "evidence": ("3 times",), "seconds": 0.25}
    if verdict in (Verdict.FAIL, Verdict.FLAKY):
        cause = next(iter(rule.causes))
        usual |= {
            "cause": cause, "expected": "4 times <b>", "got": "3 & none", "remedy": rule.remedy(cause),
            "exchange": "1. GET /api/times?day=2026-11-27 (times)\n   answered: 200, []",
            "reproduce": f"kobling certify mysystem --rule {rule_id} --seed 1",
        }  # fmt: skip
    return Result(rule, verdict, 1, **{**usual, **facts})


def certificate(*results: Result, complete: bool = False, seeds: tuple[int, ...] = (1,)) -> Certificate:
    """A certificate with these results; complete: every other rule of the catalogue passes."""
    named = {one.rule.id: one for one in results}
    rows = tuple(named.get(rule.id) or result(rule.id) for rule in RULES) if complete else results
    return Certificate("mysystem", "kobling_mysystem:MySystem", "1.2", "mock", seeds, rows, "mock 0.4")
