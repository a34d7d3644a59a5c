"""Feeding an adapter with changed answers: so many cases, or so long; and what was found, with how to find it again.

    report = fuzz(find_target("eg-pasientsky"), seconds=15)
    print("\n".join(report.lines()))

A case is found again by vendor, operation, seed and number: `kobling fuzz eg-pasientsky --operation list_slots --seed 1
--case 4711`. The seed decides the order of a plan that holds every kind of change for every place of every answer.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from kobling import Operation, WireRequest
from kobling.adapter import WRITES

from ..rig import Rig
from ..target import Target
from .mutations import Case, Change, Plan, changed, places
from .oracle import AREAS, Breach, Judge, alike
from .recording import NotRecorded, Recording, Script, record
from .replay import Ended, Watch, play

__all__ = ["Finding", "Fuzzer", "Report", "Tally", "fuzz", "prepared"]

CLINIC: Final = "few"
SLICE: Final = 64
"""Cases of one operation before the next one has its turn."""
MOST_FINDINGS: Final = 20
EXAMPLES: Final = 200
"""What Hypothesis tries to make one finding small."""
GARBAGE: Final = 20_000
"""Objects made before the youngest are looked through for garbage."""
MADE: Final = 800
"""Structures that it makes for one answer."""


@dataclass(frozen=True)
class Finding:
    """A claim that a case breaks. changes: in the smallest form that still breaks it, without what must not be told.
    exchange: which call it was."""

    operation: Operation
    number: int | str
    breach: Breach
    changes: tuple[str, ...]
    exchange: str
    reproduce: str

    @property
    def rule(self) -> str:
        """The rule that the claim belongs to."""
        return AREAS[self.breach.cause]

    def lines(self) -> list[str]:
        """The finding for a person."""
        return [
            f"{self.rule} {self.breach.cause}: {self.operation}, case {self.number}",
            *(f"    changed: {one}" for one in self.changes),
            f"    in the answer to: {self.exchange}",
            f"    expected: {self.breach.expected}",
            f"    got: {self.breach.got}",
            f"    reproduce: {self.reproduce}",
        ]

    def as_dict(self) -> dict[str, Any]:
        """The finding for a machine."""
        return {
            "rule": self.rule, "cause": self.breach.cause, "operation": self.operation, "case": self.number,
            "changes": list(self.changes), "exchange": self.exchange, "expected": self.breach.expected,
            "got": self.breach.got, "reproduce": self.reproduce,
        }  # fmt: skip


@dataclass
class Tally:
    """What was done with one operation: cases, answers that were read, and how the calls ended."""

    cases: int = 0
    answers: int = 0
    returned: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def count(self, ended: Ended) -> None:
        """Count a replay."""
        self.answers += len(ended.served)
        if ended.error is not None:
            self.refused[ended.error.code] += 1
        else:
            self.returned += 1

    def as_dict(self) -> dict[str, Any]:
        """The numbers for a machine."""
        return {"cases": self.cases, "answers": self.answers, "returned": self.returned, "refused": dict(self.refused)}


@dataclass
class Report:
    """A run: what was done by operation, what was found, and the seconds of one core that it took.

    made: answers among them that Hypothesis made. making: its seconds, most of which are its own."""

    vendor: str
    seed: int
    tallies: dict[Operation, Tally]
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    made: int = 0
    making: float = 0.0

    @property
    def cases(self) -> int:
        """Replays with a changed answer."""
        return sum(one.cases for one in self.tallies.values())

    @property
    def answers(self) -> int:
        """Answers that went through engine, strict JSON and models."""
        return sum(one.answers for one in self.tallies.values())

    @property
    def per_second(self) -> float:
        """Changed answers in a second of one core: made, read, and held against every claim."""
        spent = self.seconds - self.making
        return (self.answers - self.made) / spent if spent > 0 else 0.0

    def lines(self) -> list[str]:
        """The run for a person."""
        width = max((len(name) for name in self.tallies), default=0)
        rows = [
            f"{name:<{width}}  {one.cases:>7} cases  {one.answers:>8} answers  {one.returned:>7} read, "
            f"{sum(one.refused.values())} refused"
            for name, one in self.tallies.items()
        ]
        found = [line for one in self.findings for line in ("", *one.lines())]
        done = f"{len(self.findings)} findings in {self.cases} cases and {self.answers} answers"
        rates = [f"{_spaced(self.per_second)} changed answers a second of one core"] if self.per_second else []
        rates += [f"{_spaced(self.made / self.making)} that Hypothesis made"] if self.making else []
        return [*rows, *found, "", ", ".join([f"{self.vendor}: {done}", *rates, f"seed {self.seed}"])]

    def as_dict(self) -> dict[str, Any]:
        """The run for a machine."""
        return {
            "vendor": self.vendor, "seed": self.seed, "cases": self.cases, "answers": self.answers,
            "seconds": round(self.seconds, 3), "answers_per_second": round(self.per_second),
            "made": {"answers": self.made, "seconds": round(self.making, 3)},
            "operations": {name: one.as_dict() for name, one in self.tallies.items()},
            "findings": [one.as_dict() for one in self.findings],
        }  # fmt: skip


class Fuzzer:
    """Plays the cases of one recording."""

    def __init__(self, recording: Recording, seed: int) -> None:
        self.recording = recording
        self.seed = seed
        self.judge = Judge(recording)
        self.watch = Watch()
        self._plans: dict[Operation, Plan] = {}
        answers = [one.answer for script in recording.scripts.values() for one in script.exchanges]
        self._others = tuple(dict.fromkeys([*answers, *(one.answer for one in recording.refusals)]))

    def plan(self, operation: Operation) -> Plan:
        """The plan of an operation: its own answers, and of one that writes, also what is read after the write."""
        if operation not in self._plans:
            script = self.recording.scripts[operation]
            positions = script.positions(operation)
            if operation in WRITES:
                positions = tuple(range(positions[0], len(script.exchanges)))
            self._plans[operation] = Plan(
                operation, tuple(one.answer for one in script.exchanges), positions, self._others, self.seed,
                self.judge.planted(operation),
            )  # fmt: skip
        return self._plans[operation]

    def written_otherwise(self, operation: Operation) -> tuple[str, ...]:
        """Which parts of an operation's writes are not the same in two replays without changes: `method`, `address`,
        `body`, `header X`; `number of writes`."""
        one, other = ([sent.request for sent in self.unchanged(operation).sent if sent.write] for _ in range(2))
        if len(one) != len(other):
            return ("number of writes",)
        return tuple(dict.fromkeys(part for pair in zip(one, other, strict=True) for part in _different_parts(*pair)))

    def unchanged(self, operation: Operation) -> Ended:
        """A replay of an operation without changes: it must return what was recorded."""
        return self._play(self.recording.scripts[operation], operation, ())

    def look(self, case: Case, tally: Tally | None = None) -> tuple[Breach | None, Ended]:
        """Play a case, and hold it against every claim."""
        operation: Operation = case.operation  # type: ignore[assignment]
        script = self.recording.scripts[operation]
        ended = self._play(script, operation, case.changes)
        tally = tally or Tally()
        tally.cases += 1
        tally.count(ended)

        def again(changes: tuple[Change, ...]) -> Ended:
            other = self._play(script, operation, changes)
            tally.count(other)
            return other

        return self.judge.breach(script, case, ended, again), ended

    def _play(self, script: Script, operation: Operation, changes: tuple[Change, ...]) -> Ended:
        return play(script, changes, self.plan(operation).data, self.watch)

    def run(
        self,
        numbers: Mapping[Operation, Iterable[int]],
        *,
        seconds: float | None = None,
        answers: int | None = None,
        causes: frozenset[str] | None = None,
        until_found: bool = False,
        on_progress: Callable[[int, float], None] | None = None,
    ) -> Report:
        """Play cases by their numbers, the operations in turns, until they or the seconds of CPU are used up. answers:
        at most so many for each operation. causes: the only ones that count. until_found: stop at the first finding."""
        report = Report(self.recording.adapter.key, self.seed, {name: Tally() for name in numbers})
        seen: set[tuple[str, ...]] = set()
        waiting = {name: iter(each) for name, each in numbers.items()}
        begun = time.process_time()
        with self.watch.on(), _little_garbage():
            while waiting and len(report.findings) < (1 if until_found else MOST_FINDINGS):
                for operation in list(waiting):
                    if not self._slice(operation, waiting[operation], answers, report, seen, causes):
                        del waiting[operation]
                    report.seconds = time.process_time() - begun
                    if on_progress is not None:
                        on_progress(report.cases, report.seconds)
                if seconds is not None and report.seconds >= seconds:
                    break
        return report

    def _slice(
        self, operation: Operation, numbers: Iterator[int], most: int | None, report: Report,
        seen: set[tuple[str, ...]], causes: frozenset[str] | None,
    ) -> bool:  # fmt: skip
        """Some cases of an operation; False when it has had its share."""
        plan, tally = self.plan(operation), report.tallies[operation]
        for _ in range(SLICE):
            number = next(numbers, None)
            if number is None or (most is not None and tally.answers >= most):
                return False
            case = plan.case(number)
            breach, ended = self.look(case, tally)
            if breach is not None and breach.cause == "did_not_end":  # once may be the machine's doing
                breach, ended = self.look(case, tally)
            if breach is None or (causes is not None and breach.cause not in causes):
                continue
            where = (operation, breach.cause, *(ended.error.fields if ended.error else ()))
            if where not in seen:
                seen.add(where)
                report.findings.append(self.finding(case, breach))
        return True

    def finding(self, case: Case, breach: Breach) -> Finding:
        """A finding in its smallest form."""
        operation: Operation = case.operation  # type: ignore[assignment]
        changes, breach = self._small(case, breach)
        exchange = self.recording.scripts[operation].exchanges[changes[0].position]
        what = f"{exchange.request.method} of {exchange.operation}, exchange {changes[0].position + 1} of the call"
        vendor = self.recording.adapter.key
        again = f"kobling fuzz {vendor} --operation {operation} --seed {self.seed} --case {case.number}"
        return Finding(operation, case.number, breach, tuple(map(self.judge.hushed, changes)), what, again)

    # ---- making it small

    def _small(self, case: Case, breach: Breach) -> tuple[tuple[Change, ...], Breach]:
        """Fewer changes, and smaller ones, that break the same claim."""
        if case.claim is not None and breach.cause == "misread":
            return case.changes, breach  # it is one change, and what it is held against belongs to it
        best = case.changes, breach
        for change in case.changes if len(case.changes) > 1 else ():
            found = self._still(case, breach, (change,))
            if found is not None:
                best = (change,), found
                break
        changes = best[0]
        position = changes[0].position
        if breach.cause == "did_not_end":
            return best  # each try takes as long as a replay may
        if any(one.act in ("wire", "endless", "twice") or one.position != position for one in changes):
            return best
        good = bad = self.plan(case.operation).data[position]  # type: ignore[arg-type]
        for one in changes:
            bad = changed(bad, one.place, one.act, one.value)
        if not _is_plain(bad):
            return best
        from .shapes import differences, smaller, smallest

        def fails(value: Any) -> bool:
            return self._still(case, breach, (Change(position, "changed", "set", (), value),)) is not None

        there, least = smallest(smaller(good, bad), fails, seed=self.seed, examples=EXAMPLES)
        fewer = differences(good, least, position) if there else ()
        found = self._still(case, breach, fewer) if fewer else None
        return (fewer, found) if found is not None else best

    def _still(self, case: Case, breach: Breach, changes: tuple[Change, ...]) -> Breach | None:
        """The breach of the same claim by other changes, if they break it."""
        found, _ = self.look(Case(case.operation, case.number, changes, case.claim, case.twin, case.probe))
        return found if found is not None and found.cause == breach.cause else None

    # ---- structures that Hypothesis makes

    def generated(self, operation: Operation, position: int, examples: int, tally: Tally) -> Finding | None:
        """Answers of the recorded one's shape in which many places differ at once: the smallest that breaks a claim.
        Its number is `g` and the answer's position."""
        from .shapes import differences, like, smallest

        good = self.plan(operation).data[position]
        number = f"g{position}"

        def case_of(value: Any) -> Case:
            return Case(operation, number, (Change(position, "changed", "set", (), value),))

        with self.watch.on():
            there, least = smallest(
                like(good),
                lambda value: self.look(case_of(value), tally)[0] is not None,
                seed=self.seed,
                examples=examples,
            )
            breach, _ = self.look(case_of(least)) if there else (None, None)
            if breach is None:
                return None
            changes = differences(good, least, position) or case_of(least).changes
            return self.finding(Case(operation, number, changes), breach)

    def run_generated(
        self, report: Report, seconds: float, on_progress: Callable[[int, float], None] | None = None
    ) -> None:
        """Let Hypothesis make answers for each answer of each operation in turn, until so many seconds of the report
        are used up, and all of them once if there is time."""
        begun, before, answers = time.process_time(), report.seconds, report.answers
        known = {(one.operation, one.breach.cause) for one in report.findings}
        for operation, position in [(name, each) for name in report.tallies for each in self.generatable(name)]:
            found = self.generated(operation, position, MADE, report.tallies[operation])
            if found is not None and (operation, found.breach.cause) not in known:
                known.add((operation, found.breach.cause))
                report.findings.append(found)
            report.making, report.made = time.process_time() - begun, report.answers - answers
            report.seconds = before + report.making
            if on_progress is not None:
                on_progress(report.cases, report.seconds)
            if report.seconds >= seconds:
                return

    def chosen(self, names: Sequence[str]) -> tuple[Operation, ...]:
        """The recorded operations of these names; all for none. A `LookupError` for one that was not recorded."""
        known = self.recording.operations
        missing = [name for name in names if name not in known]
        if missing:
            raise LookupError(f"there is no {', '.join(missing)}; recorded are {', '.join(known)}")
        return tuple(one for one in known if not names or one in names)

    def generatable(self, operation: Operation) -> tuple[int, ...]:
        """Which of an operation's answers are JSON, each shape once."""
        plan = self.plan(operation)
        shapes: dict[Any, int] = {}
        for position in plan.positions:
            if plan.data[position] is not None:
                places_ = frozenset(
                    tuple(step for step in place if isinstance(step, str)) for place in places(plan.data[position])
                )
                shapes.setdefault(places_, position)
        return tuple(shapes.values())


def _spaced(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


@contextmanager
def _little_garbage() -> Iterator[None]:
    """A replay leaves little to collect, so what was there before is not looked through again and again meanwhile."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(GARBAGE, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _is_plain(data: Any) -> bool:
    """Whether it is JSON and nothing else."""
    try:
        json.dumps(data)
    except (TypeError, ValueError):
        return False
    return True


def _different_parts(one: WireRequest, other: WireRequest) -> Iterator[str]:
    parts = ("method", one.method, other.method), ("address", one.url, other.url), ("body", one.body, other.body)
    yield from (name for name, mine, theirs in parts if mine != theirs)
    headers = {name: sorted(value for each, value in one.headers if each == name) for name, _ in one.headers}
    others = {name: sorted(value for each, value in other.headers if each == name) for name, _ in other.headers}
    yield from (f"header {name}" for name in sorted({*headers, *others}) if headers.get(name) != others.get(name))


def prepared(rig: Rig, seed: int, recorded: Callable[[], object] = lambda: None) -> Fuzzer:
    """The adapter's calls recorded in a rig's world, each replayed once without changes. recorded: called when all is
    recorded that the vendor answers well.

    Raises `NotRecorded` when the adapter does nothing that could be changed, or not the same twice, and the
    `KoblingError` of a recorded call that fails."""
    fuzzer = Fuzzer(record(rig, recorded), seed)
    for operation in fuzzer.recording.operations:
        ended = fuzzer.unchanged(operation)
        if not ended.accepted or not alike(ended.value, fuzzer.recording.scripts[operation].result):
            raise NotRecorded(f"{operation} does not do the same twice: {ended}")
    return fuzzer


def fuzz(
    target: Target,
    *,
    seed: int = 1,
    operations: Sequence[str] = (),
    seconds: float | None = 15.0,
    cases: int | None = None,
    case: str | None = None,
    on_progress: Callable[[int, float], None] | None = None,
) -> Report:
    """Record the adapter against its mock, and feed it with changed answers.

    operations: all that it has when empty. seconds: of one core, an eighth of them for structures that Hypothesis
    makes. cases: at most so many of the mutator's for each operation; without seconds also the only ones. case: this
    one only, by its number.

    Raises as `prepared`, and a `LookupError` for an operation that the adapter does not have, or a case that is none.
    """
    rig = Rig(target, "sync", CLINIC, seed)
    try:
        fuzzer = prepared(rig, seed)
    finally:
        asyncio.run(rig.close())
    chosen = fuzzer.chosen(operations)
    if case is not None:
        return _one_case(fuzzer, chosen, case)
    numbers = dict.fromkeys(chosen, range(cases) if cases is not None else range(10**9))
    share = None if seconds is None else seconds * 7 / 8
    report = fuzzer.run(numbers, seconds=share, on_progress=on_progress)
    if seconds is not None:
        fuzzer.run_generated(report, seconds, on_progress)
    return report


def _one_case(fuzzer: Fuzzer, chosen: Sequence[Operation], case: str) -> Report:
    if len(chosen) != 1:
        raise LookupError("a case belongs to one operation")
    (operation,) = chosen
    if case.isascii() and case.isdecimal():
        return fuzzer.run({operation: [int(case)]})
    position = case.removeprefix("g")
    report = Report(fuzzer.recording.adapter.key, fuzzer.seed, {operation: Tally()})
    if not position.isdecimal() or int(position) not in fuzzer.generatable(operation):
        raise LookupError(f"{operation} has no case {case}")
    found = fuzzer.generated(operation, int(position), MADE, report.tallies[operation])
    report.findings += [found] if found is not None else []
    return report
