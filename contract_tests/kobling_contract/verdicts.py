"""What the suite can say of a rule, strongest first, and of a whole run as an exit code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

__all__ = [
    "CONFORMANT",
    "MEANINGS",
    "NOTHING_TESTED",
    "NOT_CONFORMANT",
    "SUITE_ERROR",
    "TARGET_UNAVAILABLE",
    "Verdict",
    "exit_code",
]


class Verdict(StrEnum):
    """The verdict on one rule. The order of the members is their strength: of several, the first one counts."""

    ERROR = "ERROR"
    """The suite or the target broke; nothing was learnt about the adapter."""
    FAIL = "FAIL"
    """The rule does not hold."""
    XPASS = "XPASS"
    """The rule was waived and holds: take the waiver away."""
    FLAKY = "FLAKY"
    """The rule failed, and failed otherwise or held when it was run again with the same seed."""
    VACUOUS = "VACUOUS"
    """The positive control or the evidence is missing: a pass would have meant nothing."""
    NOT_RUN = "NOT_RUN"
    """The run was broken off before this rule."""
    XFAIL = "XFAIL"
    """The rule does not hold, as a waiver says, with its reason and end date."""
    NOT_PROVABLE = "NOT_PROVABLE"
    """This target cannot show whether the rule holds; another one can."""
    SKIP = "SKIP"
    """The vendor does not have this or does not tell it. An operation that the adapter declares absent was tried, and
    refused before any write; what the mock names in `untold` rests on the mock."""
    PASS = "PASS"
    """The rule holds; control and evidence were seen."""

    @property
    def strength(self) -> int:
        """0 is the strongest."""
        return list(Verdict).index(self)

    @property
    def conformant(self) -> bool:
        """True when an adapter may carry this verdict and still be conformant."""
        return self in (Verdict.XFAIL, Verdict.NOT_PROVABLE, Verdict.SKIP, Verdict.PASS)


MEANINGS: Final[Mapping[Verdict, str]] = {
    Verdict.ERROR: "not judged, since the suite or the mock broke; nothing was learnt about the adapter",
    Verdict.FAIL: "the rule does not hold",
    Verdict.XPASS: "the rule was waived, but holds: take the waiver away",
    Verdict.FLAKY: "the rule failed, and ended otherwise when it was run again with the same seed",
    Verdict.VACUOUS: "not judged: the same call failed where nothing was wrong, or left no evidence",
    Verdict.NOT_RUN: "the run was broken off before this rule",
    Verdict.XFAIL: "the rule does not hold, and is waived for a while",
    Verdict.NOT_PROVABLE: "this target can't show whether the rule holds; another one can",
    Verdict.SKIP: "the vendor lacks this or does not tell it, as the adapter (which was tried) or its mock says",
    Verdict.PASS: "the rule holds",
}
"""Each verdict in a sentence, for reports and `kobling about`."""

CONFORMANT = 0
NOT_CONFORMANT = 1
SUITE_ERROR = 10
TARGET_UNAVAILABLE = 11
NOTHING_TESTED = 12
"""Exit codes of a run. 2 to 5 belong to pytest and the command line."""

_TESTED = frozenset({Verdict.FAIL, Verdict.XPASS, Verdict.FLAKY, Verdict.VACUOUS, Verdict.XFAIL, Verdict.PASS})


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """The exit code of a run with these verdicts. All skipped is not a success: nothing was tested."""
    seen = set(verdicts)
    if Verdict.ERROR in seen:
        return SUITE_ERROR
    if not seen & _TESTED:
        return NOTHING_TESTED
    return CONFORMANT if all(verdict.conformant for verdict in seen) else NOT_CONFORMANT
