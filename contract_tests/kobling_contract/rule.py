"""A rule: what must hold, why, what to look at when it does not, and the check that finds out.

Rules are data for the report, the pytest items and the documentation alike. A rule is

- a claim about the adapter, in the words of the contract and never of a vendor;
- a positive control: the same call without the fault succeeded in the same world, seen in the mock's journal;
- evidence, counted in the journal, the clinic's own timebook, the wire or the logs, never in the adapter's answer
  alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from kobling import Operation

if TYPE_CHECKING:
    from .trial import Trial

__all__ = ["COMMON_CAUSES", "Check", "Evidence", "Rule", "RuleBook", "TargetKind"]

Check: TypeAlias = "Callable[[Trial], Awaitable[None]]"
Evidence = Literal["journal", "timebook", "wire", "logs", "process"]
"""Where a rule's evidence comes from: the calls the vendor received, the clinic's own timebook, the raw requests,
captured logs, reprs and exceptions, or what the adapter did to the process that it ran in."""
TargetKind = Literal["mock", "cassette", "live"]
"""What an adapter is run against: the mock of its vendor, recorded answers, or the vendor's own sandbox."""

COMMON_CAUSES: Mapping[str, str] = {
    "unexpected_error": "The call had to succeed here. Read the error's code and reason; the exchange shows what the "
    "vendor had answered.",
    "foreign_error": "An exception that is no KoblingError reached the caller of a session. That is a defect of the "
    "SDK: report it with the reproduction line.",
    "not_recorded": "The adapter sent a request that is not in the recording. Either it asks otherwise than when the "
    "recording was made, and the recording must be made anew, or it depends on something that is not the same again.",
    "did_not_end": "The call did not end. Look for a loop that awaits no call, and for paging without an end.",
}
"""Causes that any rule may end with."""


@dataclass(frozen=True)
class Rule:
    """One rule.

    id: area and number (`SLOT-07`), never reused. title: the sentence that must hold. why: what goes wrong for people
    otherwise. check: what to look at first when it fails. source: where the rule comes from. needs: the operations it
    calls; an adapter that declares one of them absent is skipped, once that absence is proven. evidence: where the
    proof is. causes: a code for each way to fail, with the remedy. driver: run through the sync and the async driver.
    safety: can never be waived. targets: those that can show whether the rule holds; on others it is NOT_PROVABLE.
    """

    id: str
    title: str
    why: str
    check: str
    source: str
    needs: frozenset[Operation]
    evidence: frozenset[Evidence]
    causes: Mapping[str, str]
    run: Check = field(repr=False, compare=False)
    driver: bool = False
    safety: bool = False
    targets: frozenset[TargetKind] = frozenset({"mock"})

    @property
    def area(self) -> str:
        """The part before the hyphen."""
        return self.id.partition("-")[0]

    def remedy(self, cause: str) -> str:
        """What to do about a cause of this rule, or a common one. A KeyError names a cause that does not exist."""
        return {**COMMON_CAUSES, **self.causes}[cause]


class RuleBook:
    """The rules of one area, in order. `@book.rule(...)` adds the check that it decorates."""

    def __init__(self, area: str, about: str) -> None:
        self.area = area
        self.about = about
        self.rules: list[Rule] = []

    def rule(
        self,
        number: int,
        title: str,
        *,
        why: str,
        check: str,
        source: str,
        needs: tuple[Operation, ...],
        evidence: tuple[Evidence, ...],
        causes: Mapping[str, str],
        driver: bool = False,
        safety: bool = False,
        targets: tuple[TargetKind, ...] = ("mock",),
    ) -> Callable[[Check], Check]:
        """Add a rule `AREA-NN`; its check is the decorated function."""

        def add(function: Check) -> Check:
            self.rules.append(
                Rule(
                    id=f"{self.area}-{number:02}",
                    title=title,
                    why=why,
                    check=check,
                    source=source,
                    needs=frozenset(needs),
                    evidence=frozenset(evidence),
                    causes=dict(causes),
                    run=function,
                    driver=driver,
                    safety=safety,
                    targets=frozenset(targets),
                )
            )
            return function

        return add
