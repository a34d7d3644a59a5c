"""The kill matrix: every exhibit against its designated rule, its twin too, and what must pass everything or nothing.

    matrix = examine(on_progress=lambda done, total, what: bar.update(done, total))
    print("\\n".join(matrix.lines()))
    json.dumps(matrix.as_dict())

A fault counts as killed only when each of its exhibits fails its rule with its cause, the twin passes that rule, and
nothing ends in ERROR. A fault by construction counts when the attempt comes to nothing, and to something with the
engine's guard switched off.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, Literal

from kobling_contract.contract import RULES, chosen
from kobling_contract.runner import run_rule
from kobling_contract.target import Target, find_target
from kobling_contract.verdicts import Verdict

from .exhibit import Exhibit
from .faults import FAULTS
from .forbidden import ATTEMPTS, Attempt, examined
from .housing import exhibits, nothings
from .odd import ODD

__all__ = ["SEED", "Job", "Matrix", "Seen", "examine", "look"]

SEED = 7
Kind = Literal["exhibit", "twin", "attempt", "odd", "nothing"]
OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """One thing to look at: who, and by which rule."""

    kind: Kind
    name: str
    rule: str = ""


@dataclass(frozen=True)
class Seen:
    """What was seen: a verdict with its cause, or for an attempt what it came to with the guard, and without it."""

    verdict: Verdict
    cause: str = ""
    got: str = ""
    reason: str = ""


def look(job: Job, *, repeats: int = 0) -> Seen:
    """Do one job. repeats: how often a failing rule is run again."""
    if job.kind == "attempt":
        held, opened = examined(ATTEMPTS[job.name])
        if held:
            return Seen(Verdict.FAIL, "happened", held)
        if not opened:
            return Seen(Verdict.VACUOUS, "guard_needless", reason="nothing happens without the guard either")
        return Seen(Verdict.PASS, got=opened)
    (rule,) = chosen([job.rule])
    result = run_rule(rule, _target(job), SEED, repeats=repeats)
    return Seen(result.verdict, result.cause, result.got, result.reason)


def _target(job: Job) -> Target:
    if job.kind == "odd":
        one = ODD[job.name]
        return find_target(one.adapter.key, one.adapter)
    if job.kind == "nothing":
        adapter = nothings()[job.name]
        return find_target(adapter.key, adapter)
    exhibit = exhibits()[job.name]
    return exhibit.target(exhibit.adapter if job.kind == "exhibit" else exhibit.twin)


# ---- what was seen


@dataclass(frozen=True)
class Kill:
    """An exhibit with what became of it. blunt: the other rules that it fails; None where nobody looked."""

    exhibit: Exhibit
    seen: Seen
    twin: Seen
    blunt: tuple[str, ...] | None = None

    @property
    def killed(self) -> bool:
        """Whether it was found, by its rule, for its cause, and its twin was not."""
        found = (self.seen.verdict, self.seen.cause) == (Verdict.FAIL, self.exhibit.cause)
        return found and self.twin.verdict is Verdict.PASS

    def as_dict(self) -> dict[str, Any]:
        """For a machine."""
        told = {
            "adapter": self.exhibit.name,
            "vendor": self.exhibit.vendor,
            "about": self.exhibit.about,
            "rule": self.exhibit.rule,
            "cause": self.exhibit.cause,
            "verdict": self.seen.verdict.value,
            "seen_cause": self.seen.cause,
            "twin": self.twin.verdict.value,
            "killed": self.killed,
        }
        return told if self.blunt is None else {**told, "blunt": list(self.blunt)}


@dataclass(frozen=True)
class Kept:
    """An attempt with what became of it."""

    attempt: Attempt
    seen: Seen

    @property
    def held(self) -> bool:
        """Whether the engine keeps it out, and nothing else does."""
        return self.seen.verdict is Verdict.PASS

    def as_dict(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "attempt": self.attempt.name,
            "vendor": self.attempt.adapter.key,
            "about": self.attempt.about,
            "guard": self.attempt.guard.about,
            "test": self.attempt.test,
            "held": self.held,
            "without_the_guard": self.seen.got.partition("\n")[0],
        }


@dataclass(frozen=True)
class Matrix:
    """Everything that was seen from the mock. false_reds, null_passes: adapters that must pass and did not, or must not
    and did, with the rule. targets: what is seen from others, as `per_target.target_rows` tells it."""

    numbers: tuple[int, ...]
    kills: tuple[Kill, ...]
    kept: tuple[Kept, ...]
    false_reds: tuple[tuple[str, str, Seen], ...] = ()
    null_passes: tuple[tuple[str, str, Seen], ...] = ()
    errors: tuple[str, ...] = ()
    looked_at: Mapping[str, int] = field(default_factory=dict)
    targets: tuple[Mapping[str, Any], ...] = ()

    def killed(self, number: int) -> bool:
        """Whether a fault is found, in every exhibit of it."""
        mine = [kill for kill in self.kills if number in kill.exhibit.faults]
        return bool(mine) and all(kill.killed for kill in mine)

    def by_construction(self, number: int) -> bool:
        """Whether a fault is impossible, by every attempt at it, and has no exhibit."""
        mine = [one for one in self.kept if one.attempt.fault == number]
        return bool(mine) and all(one.held for one in mine) and not self._shown(number)

    def _shown(self, number: int) -> bool:
        return any(number in kill.exhibit.faults for kill in self.kills)

    @property
    def open(self) -> tuple[int, ...]:
        """Faults that are neither found nor impossible."""
        return tuple(one for one in self.numbers if not self.killed(one) and not self.by_construction(one))

    @property
    def good(self) -> bool:
        """True when nothing is left over and nothing is wrong."""
        return not (self.open or self.false_reds or self.null_passes or self.errors or self._misses())

    def _misses(self) -> tuple[str, ...]:
        return tuple(kill.exhibit.name for kill in self.kills if not kill.killed) + tuple(
            one.attempt.name for one in self.kept if not one.held
        )

    def as_dict(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "faults": len(self.numbers),
            "killed": sum(map(self.killed, self.numbers)),
            "by_construction": sum(map(self.by_construction, self.numbers)),
            "false_reds": len(self.false_reds),
            "null_passes": len(self.null_passes),
            "errors": list(self.errors),
            "open": list(self.open),
            "exhibits": len(self.kills),
            "looked_at": dict(self.looked_at),
            "faults_detail": [self._detail(number) for number in self.numbers],
            "beyond_the_list": [kill.as_dict() for kill in self.kills if not kill.exhibit.faults],
            "false_reds_detail": [_told(one) for one in self.false_reds],
            "null_passes_detail": [_told(one) for one in self.null_passes],
            "targets": [dict(one) for one in self.targets],
        }

    def _detail(self, number: int) -> dict[str, Any]:
        state = "killed" if self.killed(number) else "by_construction" if self.by_construction(number) else "open"
        return {
            "number": number,
            "fault": FAULTS[number],
            "state": state,
            "exhibits": [kill.as_dict() for kill in self.kills if number in kill.exhibit.faults],
            "attempts": [one.as_dict() for one in self.kept if one.attempt.fault == number],
        }

    def lines(self) -> list[str]:
        """The matrix for a person: one line for each exhibit and attempt, and the sums."""
        found = [self._line(kill) for kill in self.kills]
        kept = [
            f"{'kept out' if one.held else 'NOT KEPT':<9}{one.attempt.fault:>3}  {one.attempt.name} "
            f"({one.attempt.adapter.key}): {one.attempt.guard.about}"
            for one in self.kept
        ]
        wrong = [f"FALSE RED     {name} {rule}: {seen.verdict} {seen.cause} {seen.got}{seen.reason}"
                 for name, rule, seen in self.false_reds]  # fmt: skip
        wrong += [f"NULL PASS     {name} {rule}" for name, rule, _ in self.null_passes]
        told = self.as_dict()
        sums = (
            f"{told['killed']} of {told['faults']} faults killed, {told['by_construction']} impossible, "
            f"{len(self.open)} open; {told['false_reds']} false reds, {told['null_passes']} null passes, "
            f"{len(self.errors)} errors"
        )
        left = [f"open: {', '.join(map(str, self.open))}"] if self.open else []
        errors = [f"ERROR {one}" for one in (*self.errors, *(one for row in self.targets for one in row["errors"]))]
        return [*found, *kept, *wrong, *errors, *left, *map(_summed, self.targets), sums]

    def _line(self, kill: Kill) -> str:
        numbers = ",".join(map(str, kill.exhibit.faults)) or "-"
        head = "killed" if kill.killed else "SURVIVES"
        other = "" if kill.killed else f"; got {kill.seen.verdict} {kill.seen.cause}, its twin {kill.twin.verdict}"
        blunt = "" if kill.blunt is None else f"; {len(kill.blunt)} other rules fail {' '.join(kill.blunt)}".rstrip()
        one = kill.exhibit
        return f"{head:<9}{numbers:>5}  {one.name} ({one.vendor}): {one.rule} {one.cause}{other}{blunt}"


def _summed(row: Mapping[str, Any]) -> str:
    """What one target comes to, in a line."""
    return (
        f"{row['target'].replace('_', ', ')}: {row['killed']} of {len(row['exhibits'])} killed, "
        f"{row['seen']} seen by another rule, {row['asks_otherwise']} ask otherwise, "
        f"{row['survives']} survive, {row['unprovable']} are not seen"
    )


def _told(one: tuple[str, str, Seen]) -> dict[str, str]:
    name, rule, seen = one
    return {"adapter": name, "rule": rule, "verdict": seen.verdict.value, "cause": seen.cause, "got": seen.got}


# ---- looking


def examine(
    only: Collection[int] = (), *, full: bool = False, workers: int | None = None, on_progress: OnProgress | None = None
) -> Matrix:
    """Look at everything, or at the exhibits and attempts of some faults. full: every exhibit and every odd adapter by
    every rule, failing rules run again. A LookupError for a number that is no fault's."""
    strange = sorted(set(only) - set(FAULTS))
    if strange:
        raise LookupError(f"there is no fault {', '.join(map(str, strange))}")
    numbers = tuple(sorted(only)) or tuple(sorted(FAULTS))
    shown = [one for one in exhibits().values() if not only or set(one.faults) & set(only)]
    tried = [one for one in ATTEMPTS.values() if not only or one.fault in numbers]
    jobs = list(dict.fromkeys(_jobs(shown, tried, everybody=not only, full=full)))
    seen = _look_at(jobs, 2 if full else 0, workers, on_progress or _nobody)
    kills = tuple(_kill(one, seen, full=full) for one in shown)
    kept = tuple(Kept(one, seen[Job("attempt", one.name)]) for one in tried)
    by_kind = {kind: sum(job.kind == kind for job in seen) for kind in ("exhibit", "twin", "attempt", "odd", "nothing")}
    return Matrix(
        numbers,
        kills,
        kept,
        tuple(
            (job.name, job.rule, one) for job, one in seen.items() if job.kind == "odd" and not one.verdict.conformant
        ),
        tuple(
            (job.name, job.rule, one)
            for job, one in seen.items()
            if job.kind == "nothing" and one.verdict is Verdict.PASS
        ),
        tuple(f"{job.name} {job.rule}: {one.reason}" for job, one in seen.items() if one.verdict is Verdict.ERROR),
        by_kind,
    )


def _jobs(shown: Sequence[Exhibit], tried: Sequence[Attempt], *, everybody: bool, full: bool) -> Iterator[Job]:
    for one in shown:
        yield Job("exhibit", one.name, one.rule)
        yield Job("twin", _namesake(one).name, one.rule)
        if full:
            yield from (Job("exhibit", one.name, rule.id) for rule in RULES)
    yield from (Job("attempt", attempt.name) for attempt in tried)
    if everybody:
        for odd in ODD.values():
            yield from (Job("odd", odd.name, rule) for rule in (_every() if full else odd.rules))
        yield from (Job("nothing", name, rule) for name in nothings() for rule in _every())


def _every() -> tuple[str, ...]:
    return tuple(rule.id for rule in RULES)


def _namesake(one: Exhibit) -> Exhibit:
    """The first exhibit with the same twin and rule: a twin is looked at once for all of them."""
    return next(each for each in exhibits().values() if (each.twin, each.rule) == (one.twin, one.rule))


def _kill(one: Exhibit, seen: Mapping[Job, Seen], *, full: bool) -> Kill:
    blunt: tuple[str, ...] | None = None
    if full:
        rules = [rule for rule in _every() if rule != one.rule]
        blunt = tuple(rule for rule in rules if seen[Job("exhibit", one.name, rule)].verdict is Verdict.FAIL)
    twin = seen[Job("twin", _namesake(one).name, one.rule)]
    return Kill(one, seen[Job("exhibit", one.name, one.rule)], twin, blunt)


def _look_at(jobs: Sequence[Job], repeats: int, workers: int | None, tell: OnProgress) -> dict[Job, Seen]:
    count = workers or os.cpu_count() or 1
    found: dict[Job, Seen] = {}
    tell(0, len(jobs), "")
    if count == 1 or len(jobs) < 8:
        for number, job in enumerate(jobs, 1):
            found[job] = look(job, repeats=repeats)
            tell(number, len(jobs), f"{job.name} {job.rule}")
        return found
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        coming = {pool.submit(look, job, repeats=repeats): job for job in jobs}
        for number, done in enumerate(as_completed(coming), 1):
            found[coming[done]] = done.result()
            tell(number, len(jobs), f"{coming[done].name} {coming[done].rule}")
    return {job: found[job] for job in jobs}


def _nobody(_done: int, _total: int, _what: str) -> None:
    return None
