"""The verdict of a run in one sentence, as parts for which each language has words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from .rule import SEARCH_ONLY, UNKEPT
from .verdicts import CONFORMANT, NOT_CONFORMANT, NOTHING_TESTED, SUITE_ERROR, Verdict

__all__ = [
    "ENGLISH",
    "LOST_ANSWERS",
    "Part",
    "lost_answers",
    "rules_wait",
    "sentence",
    "not_booked",
    "unwritten",
    "verdict_parts",
    "waived",
]

Part: TypeAlias = "tuple[str, Mapping[str, object]]"
"""The name of a text, and what it is filled in with."""
ENGLISH: Final[Mapping[str, str]] = {
    "conformant": "CONFORMANT",
    "not_conformant": "NOT CONFORMANT",
    "suite_error": "NO VERDICT: the suite or the mock broke",
    "nothing_tested": "NO VERDICT: nothing was tested",
    "broken_off": "NO VERDICT: broken off with {left} of {count} rules left",
    "in_part_one": "in the one rule that was chosen, of {every}",
    "not_all_one": "in the one rule that was chosen, which was not all",
    "hidden_one": "as far as a {target} target can show: 1 rule needs another one",
    "in_part": "in the {count} rules that were chosen, of {every}",
    "not_all": "in the {count} rules that were chosen, which were not all",
    "hidden": "as far as a {target} target can show: {count} rules need another one",
    "waived_one": "waived: 1 rule until {until} ({rules})",
    "waived": "waived: {count} rules until {until} ({rules})",
    "waived_each": "waived: {count} rules, each until its day ({rules})",
    "waived_many": "waived: {count} rules, the first until {until}",
    "not_written": "not written yet: {operations}",
    "search_only": "can be searched and not booked",
    "unkept": "can be searched and not booked: overlapping bookings may be accepted, and a day's can't be listed",
    "lost_reading": "lost answers are resolved by reading the booking back",
    "lost_found": "where an answer is lost, a booking that stands is found by reading; that none stands, only a person "
    "can find out",
    "lost_slot": "lost answers are resolved by looking at the open times",
    "lost_person": "lost answers are resolved by a person only: the vendor can't be asked",
}
LOST_ANSWERS: Final = ("reading", "found", "slot", "person")
"""How sure lost answers are, as measured."""
FEW: Final = 4
"""So many waived rules are named; of more, how many there are."""
_CODES: Final[Mapping[int, str]] = {
    CONFORMANT: "conformant",
    NOT_CONFORMANT: "not_conformant",
    SUITE_ERROR: "suite_error",
    NOTHING_TESTED: "nothing_tested",
}


def verdict_parts(
    code: int, counts: Mapping[str, int], target: str, every: int | None, *, complete: bool
) -> list[Part]:
    """The verdict, and what it does not cover. code: the run's exit code. counts: how many rules have each verdict.
    every: how many there are, None where that is not known. complete: whether all of them were part of the run."""
    count, left = sum(counts.values()), counts.get(Verdict.NOT_RUN, 0)
    bad = [name for name in counts if not Verdict(name).conformant and name != Verdict.NOT_RUN]
    if left and code == NOT_CONFORMANT and not bad:
        return [("broken_off", {"left": left, "count": count})]
    told: list[Part] = [(_CODES[code], {})]
    if code == CONFORMANT and not complete:
        told.append(("not_all", {"count": count}) if every is None else ("in_part", {"count": count, "every": every}))
    if code == CONFORMANT and counts.get(Verdict.NOT_PROVABLE, 0):
        told.append(("hidden", {"target": target, "count": counts[Verdict.NOT_PROVABLE]}))
    return told


def rules_wait(count: int) -> str:
    """How many rules wait for something, as the beginning of a sentence."""
    return "1 rule waits" if count == 1 else f"{count} rules wait"


def lost_answers(sure: str | None) -> list[Part]:
    """How sure lost answers are; nothing where that was not measured."""
    return [(f"lost_{sure}", {})] if sure in LOST_ANSWERS else []


def not_booked(facts: Iterable[Mapping[str, str]]) -> list[Part]:
    """That nothing can be booked, because the adapter can't or because none could be kept. facts: of each result."""
    told = {name for one in facts for name in one}
    parts: list[Part] = [(name, {}) for name in (SEARCH_ONLY, UNKEPT) if name in told]
    return parts


def waived(ends: Mapping[str, str]) -> list[Part]:
    """Which rules do not hold and may wait until when. ends: the last day (a date) of each, by the rule's id."""
    if not ends:
        return []
    values: dict[str, object] = {"count": len(ends), "until": min(ends.values())}
    if len(ends) > FEW:
        return [("waived_many", values)]
    if len(set(ends.values())) == 1:
        return [("waived", values | {"rules": ", ".join(ends)})]
    return [("waived_each", values | {"rules": ", ".join(f"{rule} {until}" for rule, until in ends.items())})]


def unwritten(operations: Sequence[str]) -> list[Part]:
    """What the adapter's author has yet to write."""
    return [("not_written", {"operations": ", ".join(operations)})] if operations else []


def sentence(*clauses: list[Part], words: Mapping[str, str] = ENGLISH) -> str:
    """The clauses that say something, in a language's words."""
    told = [" ".join(_filled(words, name, values) for name, values in parts) for parts in clauses if parts]
    return "; ".join(told)


def _filled(words: Mapping[str, str], name: str, values: Mapping[str, object]) -> str:
    one = f"{name}_one"
    return words[one if values.get("count") == 1 and one in words else name].format(**values)
