"""The kill matrix on recordings and at a sandbox: which planted faults are seen there, and by which rule.

    sights = look_from(("cassette", "live"), on_progress=lambda done, total, what: bar.update(done, total))

The sandbox is a mock on a socket. For recordings the twin, without the fault, is run against it and recorded; then the
faulty adapter is played that recording. Most exhibits have a designated rule that needs the clinic's timebook or a
fault, which only a mock in this process has; so every rule that the target can show is tried, and one that fails where
the twin passes has seen the fault.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from kobling import Adapter
from kobling.adapter import WRITES
from kobling_contract.contract import RULES, chosen
from kobling_contract.ledger import Ledger
from kobling_contract.live import Budget, LiveTarget, Sandbox
from kobling_contract.pace import Pace
from kobling_contract.recording.played import CassetteTarget
from kobling_contract.recording.recorder import record_rules
from kobling_contract.rule import Rule
from kobling_contract.runner import Result, run_rule
from kobling_contract.sides import Mode
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from kobling_mocks import Mock
from kobling_mocks.clinic import demo_clinic

from .exhibit import Exhibit
from .housing import exhibits

__all__ = ["COLUMNS", "STATES", "Column", "Sight", "TargetName", "look_from", "target_rows"]

TargetName = Literal["cassette", "live"]
Column = Literal["cassette", "live_reading", "live_writing"]
State = Literal["killed", "seen", "asks_otherwise", "survives", "unprovable"]
COLUMNS: Final[Mapping[TargetName, tuple[Column, ...]]] = {
    "cassette": ("cassette",),
    "live": ("live_reading", "live_writing"),
}
"""What is told of a target: of a sandbox what is seen by reading alone, and with leave to book."""
STATES: Final[Mapping[State, str]] = {
    "killed": "its own rule fails, for its own cause",
    "seen": "another rule fails, or its own for another cause",
    "asks_otherwise": "it sends what its twin did not send when that was recorded",
    "survives": "its own rule can be shown here, and holds",
    "unprovable": "its own rule can't be shown here, and no other one fails",
}
SEED: Final = 7
BOOKINGS: Final = 12
"""More than any rule makes."""
OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Sight:
    """What is seen of an exhibit from one target. rule: the cause by which each rule fails that its twin passes.
    provable: whether its own rule can be shown there, and its twin passes it. errors: what broke in the suite."""

    exhibit: Exhibit
    column: Column
    provable: bool
    failing: Mapping[str, str]
    errors: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """What it comes to, the strongest first."""
        if self.failing.get(self.exhibit.rule) == self.exhibit.cause:
            return "killed"
        if self.by:
            return "seen"
        if self.failing:
            return "asks_otherwise"
        return "survives" if self.provable else "unprovable"

    @property
    def by(self) -> dict[str, str]:
        """The rules that see it, with their causes; not those that only miss a recorded request."""
        return {rule: cause for rule, cause in self.failing.items() if cause != "not_recorded"}

    def as_dict(self) -> dict[str, Any]:
        """For a machine."""
        one = self.exhibit
        return {
            "adapter": one.name,
            "vendor": one.vendor,
            "faults": list(one.faults),
            "rule": one.rule,
            "cause": one.cause,
            "state": self.state,
            "by": self.by,
        }


def target_rows(sights: Sequence[Sight]) -> list[dict[str, Any]]:
    """The matrix for a machine, a row for each target: how many exhibits came to what, and each of them."""
    rows = []
    for column in (each for columns in COLUMNS.values() for each in columns):
        mine = [one for one in sights if one.column == column]
        states: dict[str, int] = {state: sum(one.state == state for one in mine) for state in STATES}
        if mine:
            rows.append(
                {
                    "target": column,
                    "rules": [rule.id for rule in _shown_on(column)],
                    **states,
                    "errors": [error for one in mine for error in one.errors],
                    "exhibits": [one.as_dict() for one in mine],
                }
            )
    return rows


def _shown_on(column: Column) -> tuple[Rule, ...]:
    """The rules that can be shown there."""
    if column == "cassette":
        return tuple(rule for rule in RULES if "cassette" in rule.targets)
    live = (rule for rule in RULES if "live" in rule.targets)
    return tuple(rule for rule in live if column == "live_writing" or not rule.needs & WRITES)


# ---- looking


@dataclass(frozen=True)
class _Twin:
    """What an adapter without a fault comes to, by rule: when it was recorded, which is at a sandbox, and played."""

    directory: str
    recorded: Mapping[str, Verdict]
    played: Mapping[str, Verdict]


@dataclass(frozen=True)
class _Found:
    """The rules that a faulty adapter fails, with their causes, and those that broke, with what did."""

    failing: Mapping[str, str]
    errors: Mapping[str, str]


class _OneSide(CassetteTarget):
    """Recordings that are played on the async side: both drivers are compared elsewhere."""

    def modes(self, rule: Rule) -> tuple[Mode, ...]:
        """The async side."""
        return ("async",)


def look_from(
    targets: Collection[TargetName],
    only: Collection[int] = (),
    *,
    rules: Collection[str] = (),
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Sight, ...]:
    """Look at every exhibit, or those of some faults, from each target: a quarter of an hour for each. rules: those
    that are tried; all that the target can show when there are none."""
    shown = [one for one in exhibits().values() if not only or set(one.faults) & set(only)]
    twins = {one.twin: one.name for one in reversed(shown)}
    total, done = len(twins) + len(targets) * len(shown), 0

    def tell(what: str) -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(done, total, what)

    with (
        tempfile.TemporaryDirectory(prefix="kobling-zoo-") as folder,
        ProcessPoolExecutor(workers or os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        asked = tuple(rule.id for rule in _shown_on("cassette") if not rules or rule.id in rules)
        first = {pool.submit(_recorded, name, f"{folder}/{name}", asked): name for name in twins.values()}
        known = {}
        for each in as_completed(first):
            known[exhibits()[first[each]].twin] = each.result()
            tell(f"the twin of {first[each]}")
        second = {
            pool.submit(_LOOKS[target], one.name, known[one.twin]): (one.name, target)
            for one in shown
            for target in targets
        }
        found = {}
        for seen in as_completed(second):
            found[second[seen]] = seen.result()
            tell(" ".join(second[seen]))
    return tuple(
        _sight(one, column, known[one.twin], found[one.name, target])
        for target in targets
        for column in COLUMNS[target]
        for one in shown
    )


def _sight(one: Exhibit, column: Column, twin: _Twin, found: _Found) -> Sight:
    ids = {rule.id for rule in _shown_on(column)}
    passed = twin.played if column == "cassette" else twin.recorded
    return Sight(
        one,
        column,
        one.rule in ids and passed.get(one.rule) is Verdict.PASS,
        {rule: cause for rule, cause in found.failing.items() if rule in ids},
        tuple(f"{rule} {reason}" for rule, reason in found.errors.items() if rule in ids),
    )


@contextmanager
def _sandbox(adapter: type[Adapter]) -> Iterator[LiveTarget]:
    """The adapter at a mock on a socket, which plays the sandbox. Time passes as fast as it is waited for."""
    found = find_target(adapter.key, adapter)
    assert found.dialect is not None
    mock = Mock(found.dialect, demo_clinic(weeks=2))
    with mock.serve() as served, tempfile.TemporaryDirectory(prefix="kobling-zoo-") as folder:
        sandbox = Sandbox(mock.connection, mock.options, served.url, pace=lambda: Pace(mock.world.clock))
        yield LiveTarget(
            adapter, sandbox=sandbox, budget=Budget(BOOKINGS), ledger=Ledger(Path(folder) / "ledger.jsonl")
        )


def _recorded(name: str, directory: str, asked: Sequence[str]) -> _Twin:
    """Record the twin of an exhibit by these rules, and play it."""
    twin, rules, path = exhibits()[name].twin, chosen(asked), Path(directory)
    recorded = {}
    for rule in rules:
        with _sandbox(twin) as target:
            (told,) = record_rules(target, path, [rule], seed=SEED)
        recorded[rule.id] = told.result.verdict
    played = _OneSide.open(twin, path)
    return _Twin(directory, recorded, {rule.id: run_rule(rule, played, SEED, repeats=0).verdict for rule in rules})


def _from_recordings(name: str, twin: _Twin) -> _Found:
    target = _OneSide.open(exhibits()[name].adapter, Path(twin.directory))
    passed = _own_first(name, twin.played)
    return _told(name, [run_rule(rule, target, SEED, repeats=0) for rule in passed])


def _from_a_sandbox(name: str, twin: _Twin) -> _Found:
    results = []
    for rule in _own_first(name, twin.recorded):
        if "live" in rule.targets:
            with _sandbox(exhibits()[name].adapter) as target:
                results.append(run_rule(replace(rule, driver=False), target, SEED, repeats=1))  # a socket may be slow
    return _told(name, results)


_LOOKS: Final[Mapping[TargetName, Callable[[str, _Twin], _Found]]] = {
    "cassette": _from_recordings,
    "live": _from_a_sandbox,
}


def _own_first(name: str, twin: Mapping[str, Verdict]) -> list[Rule]:
    """The rules that the twin passes; the exhibit's own first, before it has seen anything else."""
    own = exhibits()[name].rule
    passed = [rule for rule, verdict in twin.items() if verdict is Verdict.PASS]
    return sorted(chosen(passed) if passed else (), key=lambda rule: rule.id != own)


def _told(name: str, results: Sequence[Result]) -> _Found:
    return _Found(
        {one.rule.id: one.cause for one in results if one.verdict is Verdict.FAIL},
        {one.rule.id: f"{name}: {one.reason}" for one in results if one.verdict is Verdict.ERROR},
    )
