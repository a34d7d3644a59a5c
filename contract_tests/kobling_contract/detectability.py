"""What a target can show and what it can't: the limits that a report from recordings or a sandbox states."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .rule import NEVER_VARIED, UNTRIED, Rule, TargetKind
from .runner import Result
from .unused import by_call
from .verdicts import Verdict
from .word_tables import by_table

__all__ = ["TARGETS", "UNKNOWABLE", "cannot_know", "provable_on"]

TARGETS: tuple[TargetKind, ...] = ("mock", "cassette", "live")

UNKNOWABLE: Mapping[TargetKind, tuple[str, ...]] = {
    "mock": (),
    "cassette": (
        "whether anything stands in the clinic's timebook, and for whom: only answers are recorded",
        "what the adapter does when an answer is lost, late or broken: recordings hold what went well",
        "whether the vendor still answers as it did when the recording was made",
        "whether names and texts come through letter by letter: they were replaced",
    ),
    "live": (
        "whether anything stands in the clinic's timebook, and for whom: only answers are seen",
        "what the adapter does when an answer is lost, late or broken: a sandbox has no faults to order",
        "what happens when several ask for one time: that is not tried on somebody's system",
    ),
}
"""What no run on a target can know, whatever the rules say."""


def provable_on(rule: Rule) -> tuple[TargetKind, ...]:
    """The targets that can show whether a rule holds, the strongest first."""
    return tuple(kind for kind in TARGETS if kind in rule.targets)


def cannot_know(
    kind: str,
    results: Iterable[Result],
    codes: Collection[str] = (),
    words: Collection[str] = (),
    unused: Collection[str] = (),
) -> tuple[str, ...]:
    """What a run does not know: the limits of its target, the rules that were not provable on it, what the mock's rows
    never show otherwise, and what a rule had no times to try. codes, words: entries of ErrorMap, and words of the
    adapter's own tables, that no answer had. unused: the vendor's calls and fields that no request had."""
    every = tuple(results)
    limits = next((told for target, told in UNKNOWABLE.items() if target == kind), ())
    reasons: dict[str, list[str]] = {}
    for result in every:
        if limits and result.verdict is Verdict.NOT_PROVABLE:
            reasons.setdefault(result.reason, []).append(result.rule.id)
    left = [f"{len(ids)} of {len(every)} rules ({reason}): {', '.join(ids)}" for reason, ids in reasons.items()]
    constant = dict.fromkeys(one.facts[NEVER_VARIED] for one in every if NEVER_VARIED in one.facts)
    unvaried = [f"what the adapter makes of another value of {one}: no row of the mock's has one" for one in constant]
    untried = dict.fromkeys(f"{one.rule.id}: {one.facts[UNTRIED]}" for one in every if UNTRIED in one.facts)
    told = ", ".join(sorted(codes))
    unanswered = (
        [f"whether these codes of ErrorMap are right, since no answer of the mock's had them: {told}"] if told else []
    )
    if words:
        unanswered.append(
            "whether the adapter reads these words of its tables rightly, since no answer of the mock's had them: "
            f"{by_table(words)}"
        )
    if unused:
        told = by_call(unused)
        unanswered.append(
            f"whether it is meant that the adapter never uses these calls and fields of the vendor's: {told}"
        )
    return (*limits, *left, *unvaried, *untried, *unanswered)
