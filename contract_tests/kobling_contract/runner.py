"""From a rule to a verdict: run it, look whether it had control and evidence, run a failure again.

This is the one way to run a rule; `certify` and the pytest plugin both use it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import traceback
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import PurePath
from typing import Any

from kobling import (
    Adapter,
    BookingQuery,
    BookingRef,
    CancelReason,
    CredentialsRejected,
    KoblingError,
    Operation,
    UnsupportedOperation,
)
from kobling.adapter import OPERATIONS, unkept, unwritten

from .decided import answered_codes
from .leaks import Canaries
from .marks import marked_in
from .rig import PATIENT, SAK_ID, Rig
from .rule import NOT_WRITTEN, SEARCH_ONLY, UNKEPT, Rule
from .sides import Escaped, Mode
from .target import Target
from .trial import Broken, NotOffered, Trial, Vacuous
from .unused import made_use_of
from .verdicts import MEANINGS, Verdict
from .waivers import Waiver
from .word_tables import answered_words

__all__ = ["Result", "run_rule", "strongest"]

logging.getLogger("kobling").addHandler(logging.NullHandler())  # what a rule provokes is told by its verdict

LONGEST = 120.0
"""Seconds that one rule may take; waiting inside it is virtual, so a longer one hangs."""
REPEATS = 2
NOT_THERE = "the vendor does not have this or does not tell it, as the adapter or its mock says"
"""Why a rule is skipped; what `Trial.not_offered` names follows."""
NOT_SUPPORTED = "the vendor does not support this, as the adapter says, which was tried"
"""The same for operations, whose names follow."""
NO_LISTING = (
    "can't be booked: the vendor may accept overlapping bookings (Limits.booking.overlap), and without list_bookings "
    "none can be kept; every booking is refused before it is sent. See how-to/overlaps-accepted"
)


@dataclass(frozen=True)
class Result:
    """The verdict on one rule. cause, expected, got, exchange and remedy are filled in where it does not hold.

    marks: the values in the exchange that expected and got speak of. modes: the verdict of each side that a driver rule
    was run on, of which `mode` gave this one. seed: the one that gave this verdict. seeds: the verdict by every seed
    that the rule was run with, where there were several. seconds, cpu_seconds: what it took, repeats included; the
    second is this process's own work. waiver: why and until when it may not hold. codes, words: those of the
    adapter's ErrorMap, and of its tables of words, that the mock answered with.
    """

    rule: Rule
    verdict: Verdict
    seed: int
    mode: Mode | None = None
    cause: str = ""
    expected: str = ""
    got: str = ""
    exchange: str = ""
    remedy: str = ""
    reason: str = ""
    controls: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    reproduce: str = ""
    cpu_seconds: float = 0.0
    seeds: Mapping[int, Verdict] = field(default_factory=dict)
    waiver: Waiver | None = None
    marks: tuple[str, ...] = ()
    modes: Mapping[Mode, Verdict] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    used: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The result for a machine, and for another process: `from_dict` reads it."""
        facts = {name: getattr(self, name) for name in _SHOWN if getattr(self, name)}
        waiver = {"reason": self.waiver.reason, "until": self.waiver.until.isoformat()} if self.waiver else None
        return {
            "rule": self.rule.id,
            "area": self.rule.area,
            "title": self.rule.title,
            "control": self.rule.control,
            "safety": self.rule.safety,
            "verdict": self.verdict.value,
            "seed": self.seed,
            "seeds": {str(seed): verdict.value for seed, verdict in self.seeds.items()},
            "mode": self.mode,
            "modes": {mode: verdict.value for mode, verdict in self.modes.items()},
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "controls": list(self.controls),
            "evidence": list(self.evidence),
            "facts": dict(self.facts),
            "waiver": waiver,
            "marks": list(self.marks),
            "codes": list(self.codes),
            "words": list(self.words),
            "used": list(self.used),
            **facts,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any], rule: Rule) -> Result:
        """What `as_dict` told of this rule."""
        waiver = row["waiver"]
        return cls(
            rule,
            Verdict(row["verdict"]),
            row["seed"],
            row["mode"],
            controls=tuple(row["controls"]),
            evidence=tuple(row["evidence"]),
            facts=dict(row["facts"]),
            seconds=row["seconds"],
            cpu_seconds=row["cpu_seconds"],
            seeds={int(seed): Verdict(verdict) for seed, verdict in row["seeds"].items()},
            waiver=Waiver(rule.id, waiver["reason"], date.fromisoformat(waiver["until"])) if waiver else None,
            marks=tuple(row["marks"]),
            codes=tuple(row["codes"]),
            words=tuple(row["words"]),
            used=tuple(row["used"]),
            modes={mode: Verdict(verdict) for mode, verdict in row["modes"].items()},
            **{name: row[name] for name in _SHOWN if name in row},
        )

    @property
    def needs_mending(self) -> bool:
        """Whether somebody must do something before an adapter with this result is conformant."""
        return not self.verdict.conformant

    @property
    def waived_until(self) -> str:
        """The last day (a date) of its waiver; "" without one."""
        return self.waiver.until.isoformat() if self.waiver else ""

    @property
    def differing(self) -> str:
        """Which seeds gave which verdict, where they differ; "" where all agree."""
        if len(set(self.seeds.values())) < 2:
            return ""
        by_verdict: dict[Verdict, list[int]] = {}
        for seed, verdict in self.seeds.items():
            by_verdict.setdefault(verdict, []).append(seed)
        ordered = sorted(by_verdict, key=lambda verdict: verdict.strength)
        return "; ".join(f"{verdict} with seed {', '.join(map(str, by_verdict[verdict]))}" for verdict in ordered)

    @property
    def judged(self) -> bool:
        """Whether anything was learnt about what the rule asks: not where the suite or the mock broke, nor where what
        had to succeed first failed."""
        return self.verdict not in (Verdict.ERROR, Verdict.VACUOUS)

    @property
    def wrong(self) -> str:
        """What is wrong, in sentences; the remedy, or why there is no judgement."""
        if self.verdict is Verdict.VACUOUS:
            return f"{_sentence(self.reason)} Mend that first: the rule itself can be tried then."
        if self.verdict is Verdict.FLAKY:
            return f"{_sentence(MEANINGS[self.verdict])} When it failed: {self.remedy} ({self.reason})"
        if self.verdict is Verdict.FAIL:
            return self.remedy
        if self.verdict is Verdict.ERROR:
            return (
                f"The suite or the mock broke, so that nothing was learnt about the adapter. {_sentence(self.reason)}"
            )
        return f"{_sentence(MEANINGS[self.verdict])} {_sentence(self.reason)}"

    @property
    def sides(self) -> str:
        """Which sides a driver rule failed on, and what the other one gave; "" for another rule."""
        same = [mode for mode, verdict in self.modes.items() if verdict is self.verdict]
        others = [f"{mode}: {verdict}" for mode, verdict in self.modes.items() if verdict is not self.verdict]
        if self.mode is None or not same:
            return ""
        return "; ".join(["the same in async and sync calls" if not others and len(same) > 1 else
                          f"in {' and '.join(same)} calls", *others])  # fmt: skip

    @property
    def look_at(self) -> str:
        """Where to look in the adapter; "" where nothing was learnt about it."""
        return self.rule.look_at(self.cause) if self.judged else ""

    def lines(self) -> list[str]:
        """The result for a person: one line when the rule holds, and everything that is needed to mend it when not."""
        head = f"{self.verdict.value:<8} {self.rule.id}  {self.rule.title}"
        if self.verdict in (Verdict.PASS, Verdict.NOT_RUN):
            return [head]
        rows = [] if self.judged else [("not judged", self.wrong)]
        shown = [name for name in _SHOWN if self.judged or name != "reason"]
        rows += [(name, getattr(self, name)) for name in shown if getattr(self, name)]
        rows += [("sides", self.sides)] if self.sides and self.needs_mending else []
        rows += [("seeds", self.differing)] if self.differing else []
        if self.judged and self.verdict not in (Verdict.SKIP, Verdict.XFAIL, Verdict.NOT_PROVABLE):
            rows += [("why it matters", self.rule.why)]
            rows += [("look at", self.look_at)] if self.look_at else []
            rows += [("source", self.rule.source), ("the same call without the fault", self.rule.control)]
        return [head, *(f"    {name}: {_indented(text)}" for name, text in rows)]


_SHOWN = ("cause", "expected", "got", "remedy", "reason", "exchange", "reproduce")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _indented(text: str) -> str:
    return text.replace("\n", "\n        ")


def run_rule(rule: Rule, target: Target, seed: int, waiver: Waiver | None = None, *, repeats: int = REPEATS) -> Result:
    """Run one rule to its verdict. repeats: how often a failure is run again, to see whether it is FLAKY. Must not be
    called from a running event loop."""
    started, worked = time.monotonic(), time.process_time()
    unprovable = target.unprovable(rule)
    if unprovable is not None:
        return Result(rule, Verdict.NOT_PROVABLE, seed, reason=unprovable)
    waits_for = rule.waits_for(unwritten(target.adapter))
    if waits_for:
        return _not_written(rule, target, seed, waits_for)
    result = _run_modes(rule, target, seed)
    if result.cause == NOT_WRITTEN:
        repeats, waiver = 0, None
    if result.verdict is Verdict.FAIL:
        for _ in range(repeats):
            again = _run_modes(rule, target, seed)
            if again.verdict is Verdict.ERROR:
                result = again  # nothing is known of the adapter when the suite broke on it
                break
            if (again.verdict, again.cause) != (result.verdict, result.cause):
                reason = f"the same seed gave {again.verdict.value} {again.cause} the next time"
                result = replace(result, verdict=Verdict.FLAKY, reason=reason)
                break
    result = replace(_waived(result, waiver), waiver=waiver)
    return replace(result, seconds=time.monotonic() - started, cpu_seconds=time.process_time() - worked)


def _not_written(rule: Rule, target: Target, seed: int, operations: tuple[Operation, ...]) -> Result:
    """A rule that nobody has to run to know that it does not hold. No waiver helps: nothing is waited for but the
    adapter's author."""
    places = ", ".join(f"{one} ({place_of(target.adapter, one)})" for one in operations)
    return Result(
        rule,
        Verdict.FAIL,
        seed,
        cause=NOT_WRITTEN,
        expected=f"written: {', '.join(rule_operations(rule))}",
        got=f"not written yet: {places}",
        remedy=rule.remedy(NOT_WRITTEN),
        reproduce=target.reproduce(rule, seed),
        facts={NOT_WRITTEN: " ".join(operations)},
    )


def rule_operations(rule: Rule) -> tuple[Operation, ...]:
    """What a rule calls, in the contract's order."""
    return tuple(name for name in OPERATIONS if name in rule.needs)


def place_of(adapter: type[Adapter], operation: Operation) -> str:
    """Where an operation stands, as `adapter.py:57`."""
    code = inspect.unwrap(getattr(adapter, operation)).__code__
    return f"{PurePath(code.co_filename).name}:{code.co_firstlineno}"


def strongest(results: Iterable[Result]) -> Result:
    """One result for a rule that was run with several seeds: the strongest verdict counts, and says with which seed."""
    rows = list(results)
    chosen = min(rows, key=lambda one: one.verdict.strength)
    facts = {name: value for one in reversed(rows) for name, value in one.facts.items()}
    return replace(
        chosen,
        seeds={one.seed: one.verdict for one in rows} if len(rows) > 1 else {},
        facts=facts,
        codes=_all_of(one.codes for one in rows),
        words=_all_of(one.words for one in rows),
        used=_all_of(one.used for one in rows),
        seconds=sum(one.seconds for one in rows),
        cpu_seconds=sum(one.cpu_seconds for one in rows),
    )


def _waived(result: Result, waiver: Waiver | None) -> Result:
    if waiver is None:
        return result
    if result.verdict is Verdict.PASS:
        return replace(
            result, verdict=Verdict.XPASS, reason=f"waived until {waiver.until}, but it holds: {waiver.reason}"
        )
    if result.verdict is Verdict.FAIL:
        return replace(result, verdict=Verdict.XFAIL, reason=f"waived until {waiver.until}: {waiver.reason}")
    return result


def _run_modes(rule: Rule, target: Target, seed: int) -> Result:
    """The async run, and for driver rules the sync one: the strongest verdict counts."""
    results = {mode: asyncio.run(_heard(_run_once(rule, target, seed, mode))) for mode in target.modes(rule)}
    chosen = min(results.values(), key=lambda one: one.verdict.strength)
    return replace(
        chosen,
        codes=_all_of(one.codes for one in results.values()),
        words=_all_of(one.words for one in results.values()),
        used=_all_of(one.used for one in results.values()),
        modes={mode: one.verdict for mode, one in results.items()} if rule.driver else {},
    )


def _all_of(told: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({one for each in told for one in each}))


async def _heard(run: Coroutine[Any, Any, Result]) -> Result:
    """The result of a run. Ctrl-C cancels it; where the code that it meets swallows that, it is heard afterwards."""
    result = await run
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return result


async def _run_once(rule: Rule, target: Target, seed: int, mode: Mode) -> Result:
    trial = Trial(rule, target, seed, mode)
    facts: dict[str, Any] = {}
    missing = sorted(rule.needs - target.adapter.supports)
    verdict = Verdict.PASS
    longest = LONGEST * rule.times()
    try:
        if missing:
            verdict, facts = Verdict.SKIP, {"reason": await _proven_absent(trial, missing)}
            if "book" in missing:
                trial.facts[SEARCH_ONLY] = "not_supported"
        elif "book" in rule.needs and await _proven_unkept(trial):
            verdict, facts = Verdict.SKIP, {"reason": NO_LISTING}
            trial.facts[UNKEPT] = "overlaps_need_a_listing"
        else:
            await asyncio.wait_for(rule.run(trial), longest)
            trial_problem = _unsound(trial)
            if trial_problem:
                verdict, facts = Verdict.ERROR, {"reason": trial_problem}
            elif not trial.controls or not trial.evidence:
                verdict = Verdict.VACUOUS
                facts = {
                    "reason": "the rule ended without a " + ("control" if not trial.controls else "piece of evidence")
                }
    except Broken as broken:
        verdict = Verdict.FAIL
        facts = {"cause": broken.cause, "expected": broken.expected, "got": broken.got, "exchange": broken.exchange}
        facts |= {"remedy": broken.wrong} if broken.wrong else {}
    except Vacuous as vacuous:
        verdict, facts = Verdict.VACUOUS, {"reason": str(vacuous), "expected": vacuous.expected, "got": vacuous.got}
        facts["exchange"] = vacuous.exchange or (trial.exchange() if trial.called else "")
    except NotOffered as absent:
        verdict, facts = Verdict.SKIP, {"reason": f"{NOT_THERE}: {absent}"}
    except KoblingError as error:
        verdict = Verdict.FAIL
        cause = "unexpected_error"
        if error.because == NOT_WRITTEN:
            cause, trial.facts[NOT_WRITTEN] = NOT_WRITTEN, error.operation
        where = trial.rigs[-1].key_went_elsewhere() if trial.rigs and isinstance(error, CredentialsRejected) else ""
        facts = {"cause": cause, "expected": "the call succeeds", "got": f"{error}{where}"}
        facts["exchange"] = trial.exchange()
    except Escaped as escaped:
        verdict = Verdict.FAIL
        facts = {"cause": "foreign_error", "expected": "only a KoblingError", "got": str(escaped)}
        facts["exchange"] = trial.exchange()
    except TimeoutError:
        verdict = Verdict.FAIL
        facts = {"cause": "did_not_end", "expected": f"an end within {longest:.0f} s", "got": "none"}
        facts["exchange"] = trial.exchange()
    except Exception as error:  # noqa: BLE001 - whatever else happens is the suite's own fault, and said so
        verdict, facts = Verdict.ERROR, {"reason": _place(error)}
    finally:
        await trial.close()
    if trial.mock_failures and verdict is not Verdict.PASS:
        verdict, facts = Verdict.ERROR, {"reason": _mock_failed(trial.mock_failures)}
    objection = trial.scene.objection()
    if objection is not None:
        verdict, facts = Verdict.FAIL, dict(zip(("cause", "expected", "got"), objection, strict=True))
    if verdict is Verdict.FAIL:
        facts = {"remedy": rule.remedy(facts["cause"]), **facts}
    if verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.VACUOUS):
        facts["reproduce"] = target.reproduce(rule, seed)
    hide = _hidden(trial)
    told: dict[str, Any] = {name: hide(text) for name, text in facts.items()}
    said = "\n".join(told.get(name, "") for name in ("expected", "got"))
    zone = trial.rigs[-1].tz if trial.rigs else None
    return Result(
        rule,
        verdict,
        seed,
        mode if rule.driver else None,
        controls=tuple(map(hide, trial.controls)),
        evidence=tuple(map(hide, trial.evidence)),
        facts={**trial.facts, **trial.scene.facts()},
        marks=marked_in(told.get("exchange", ""), said, zone),
        codes=answered_codes(trial.rigs),
        words=answered_words(trial.rigs),
        used=made_use_of(trial.rigs) if target.kind == "mock" else (),
        **told,
    )


def _hidden(trial: Trial) -> Callable[[str], str]:
    """What an adapter put into an error of its own goes into a report by name only: ‹key›, ‹email›."""
    first, *others = [*dict.fromkeys(trial.keys), ""]
    more = {f"key {number}": key for number, key in enumerate(others, 2)}
    return Canaries.of(first, PATIENT, sak_id=SAK_ID.value, **more).hidden


def _unsound(trial: Trial) -> str:
    """What broke in the mock itself, or in a clinic's invariants, which no adapter may be blamed for."""
    if trial.mock_failures:
        return _mock_failed(trial.mock_failures)
    for rig in trial.rigs:
        if rig.broken:
            return f"the mock is not sound: {'; '.join(rig.broken)}"
    return ""


def _mock_failed(failures: tuple[str, ...]) -> str:
    return f"{'; '.join(failures)}. Nothing was learnt about the adapter: mend the mock there, and run the rule again"


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__} at {place}: {error}"


# ---- absence, proven


async def _proven_absent(trial: Trial, missing: list[Operation]) -> str:
    """Call what the adapter declares absent: it must be refused as unsupported, and nothing may be written."""
    rig = trial.rig()
    mark = rig.mark()
    for operation in missing:
        refused = await _refused(rig, operation)
        if not refused or rig.writing(rig.since(mark)):
            raise Broken(
                "unexpected_error",
                f"{operation} is declared absent, so it is refused as UnsupportedOperation before any write",
                "it was not refused" if not refused else "the vendor received a write",
            )
    if "sign_in" in missing:
        await rig.session.catalogue()
        signing = {one.name for one in rig.mock.dialect.operations if one.signs_in}
        if any(call.operation in signing for call in rig.world.journal.calls):
            raise Broken("unexpected_error", "sign_in is declared absent, so nobody signs in", "a token was fetched")
    return f"{NOT_SUPPORTED}: {', '.join(missing)}"


async def _proven_unkept(trial: Trial) -> bool:
    """Whether every booking is refused before anything is written, because none could be kept. Where one is not, the
    rule is run."""
    if not unkept(trial.adapter):
        return False
    rig = trial.rig()
    found, mark = (await rig.session.slots(rig.days())).found, rig.mark()
    if not found:
        return False
    try:
        await rig.session.book(rig.request(found[0]))
    except UnsupportedOperation as refusal:
        return refusal.because == "overlaps_need_a_listing" and not rig.writing(rig.since(mark))
    except KoblingError:
        return False
    return False


async def _refused(rig: Rig, operation: Operation) -> bool:
    calls = _ABSENT_CALLS.get(operation)
    if calls is None:
        return True
    try:
        await calls(rig)
    except UnsupportedOperation:
        return True
    except KoblingError:
        return False
    return False


async def _try_book(rig: Rig) -> None:
    slots = await rig.session.slots(rig.days())
    await rig.session.book(rig.request(slots.found[0]))


async def _try_cancel(rig: Rig) -> None:
    await rig.session.cancel(_nobodys_booking(rig), CancelReason(by="registry"))


async def _try_get(rig: Rig) -> None:
    await rig.session.get(_nobodys_booking(rig))


def _nobodys_booking(rig: Rig) -> BookingRef:
    """A booking that never was. A sandbox lets the suite cancel no other one that it did not make."""
    return BookingRef(connection_id=rig.session.connection_id, id=rig.nowhere("appointment"))


async def _try_list(rig: Rig) -> None:
    today = rig.today()
    await rig.session.bookings(BookingQuery(first_day=today, last_day=today))


_ABSENT_CALLS: Mapping[str, Any] = {
    "book": _try_book,
    "cancel": _try_cancel,
    "get_booking": _try_get,
    "list_bookings": _try_list,
}
"""How a caller reaches an optional operation. `sign_in`, `register_patient`, `hold_slot`, `release_slot` and
`reschedule` are used by the SDK itself where they exist, and have no call of their own that must be refused."""
