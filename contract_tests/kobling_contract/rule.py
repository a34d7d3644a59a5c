"""A rule: what must hold, why, what to look at when it does not, and the check that finds out.

Rules are data for the report, the pytest items and the documentation alike. A rule is

- a claim about the adapter, in the words of the contract and never of a vendor;
- a positive control: the same call without the fault succeeded in the same world, seen in the mock's journal;
- evidence, counted in the journal, the clinic's own timebook, the wire or the logs, never in the adapter's answer
  alone.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import types
from bisect import insort
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from kobling import Operation

if TYPE_CHECKING:
    from .trial import Trial

__all__ = [
    "COMMON_CAUSES",
    "NEVER_VARIED",
    "NOT_WRITTEN",
    "SEARCH_ONLY",
    "UNKEPT",
    "UNTRIED",
    "Check",
    "Evidence",
    "Rule",
    "RuleBook",
    "TargetKind",
    "code_of",
]

Check: TypeAlias = "Callable[[Trial], Awaitable[None]]"
Evidence = Literal["journal", "timebook", "wire", "logs", "process"]
"""Where a rule's evidence comes from: the calls the vendor received, the clinic's own timebook, the raw requests,
captured logs, reprs and exceptions, or what the adapter did to the process that it ran in."""
TargetKind = Literal["mock", "cassette", "live"]
"""What an adapter is run against: the mock of its vendor, recorded answers, or the vendor's own sandbox."""

NOT_WRITTEN = "not_written"
"""The cause of every rule that waits for an operation which its author has yet to write."""
SEARCH_ONLY = "search_only"
"""The fact of every rule that is skipped because the adapter can't book."""
UNKEPT = "unkept"
"""The fact of every rule that is skipped because no booking could be kept, though the adapter can make one."""
NEVER_VARIED = "never_varied"
"""The fact of a rule that saw a field of the vendor's rows which always says the same, yes or no, or which the adapter
leaves room for null in and which is never null."""
UNTRIED = "untried"
"""The fact of a rule that could not try all of what it is about: what it was, with the reason."""
COMMON_CAUSES: Mapping[str, str] = {
    "unexpected_error": "The call had to succeed here. Read the error's code and reason; the exchange shows what the "
    "vendor had answered.",
    "foreign_error": "An exception that is no KoblingError reached the caller of a session. That is a defect of the "
    "SDK: report it with the reproduction line.",
    "not_recorded": "The adapter sent a request that is not in the recording. Either it asks otherwise than when the "
    "recording was made, and the recording must be made anew, or what it asks changes from run to run: look for a "
    "clock or a random number.",
    NOT_WRITTEN: "An operation that the rule needs raises NotWritten. Write it: `kobling about start-an-adapter` says "
    "what belongs there.",
    "did_not_end": "The call did not end. Look for a loop that awaits no call, and for paging without an end.",
}
"""Causes that any rule may end with."""
COMMON_LOOK: Mapping[str, str] = {
    "unexpected_error": "The call that was refused, at the end of the exchange: what was asked, and what the vendor "
    "answered. A vendor that answers it in other rules may be asked for too much at once here: `Limits`.",
}
"""What to look at for such a cause, which says nothing about what the rule is about."""


@dataclass(frozen=True)
class Rule:
    """One rule.

    id: area and number (`SLOT-07`), never reused. title: the sentence that must hold. why: what goes wrong for people
    otherwise. check: what to look at first when it fails. control: the positive control, in one sentence: what must
    have succeeded in the same world, or in a twin of it, so that a pass means something. source: where the rule comes
    from. needs: the operations it calls; an adapter that declares one of them absent is skipped, once that absence is
    proven. evidence: where the proof is. causes: a code for each way to fail, with the remedy. look: by cause, what to
    look at first where that is something else than `check`. driver: run through the
    sync and the async driver. safety: can never be waived. targets: those that can show whether the rule holds; on
    others it is NOT_PROVABLE. times: how many times as long as another it may take, asked when it runs.
    """

    id: str
    title: str
    why: str
    check: str
    control: str
    source: str
    needs: frozenset[Operation]
    evidence: frozenset[Evidence]
    causes: Mapping[str, str]
    run: Check = field(repr=False, compare=False)
    driver: bool = False
    safety: bool = False
    targets: frozenset[TargetKind] = frozenset({"mock"})
    times: Callable[[], int] = field(default=lambda: 1, repr=False, compare=False)
    look: Mapping[str, str] = field(default_factory=dict)

    @property
    def area(self) -> str:
        """The part before the hyphen."""
        return self.id.partition("-")[0]

    @property
    def fingerprint(self) -> str:
        """The same for as long as the rule asks the same: 16 hexadecimal digits over its id, title, needs, evidence,
        cause codes, targets, flags, and the code of its check with what that reaches in the rules' own modules.

        Comments and the spacing of code do not count, nor do why, check, control, source and the remedies' wording.
        What all rules share (trial, rig, mock) is not in it: that is the suite's version.
        """
        told = (
            self.id,
            self.title,
            sorted(self.needs),
            sorted(self.evidence),
            sorted(self.causes),
            sorted(self.targets),
            self.driver,
            self.safety,
            code_of(self.run),
        )
        return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()[:16]

    def waits_for(self, unwritten: Iterable[Operation]) -> tuple[Operation, ...]:
        """Which of the operations that are not written yet keep the rule from being run. A sign-in stands before every
        call, and a booking may use whatever an adapter offers beside it."""
        books = bool(self.needs & {"book", "cancel"})
        return tuple(one for one in unwritten if books or one == "sign_in" or one in self.needs)

    def look_at(self, cause: str) -> str:
        """What to look at first in the adapter, for a cause or without one."""
        return self.look.get(cause) or COMMON_LOOK.get(cause, self.check)

    def remedy(self, cause: str) -> str:
        """What to do about a cause of this rule, or a common one. A KeyError names a cause that does not exist."""
        return {**COMMON_CAUSES, **self.causes}[cause]


PLAIN = (str, int, float, bytes, tuple, list, set, frozenset, Mapping, date, timedelta)
"""Constants that belong to the code of a check."""


@cache
def code_of(check: Callable[..., object]) -> tuple[str, ...]:
    """The code of a check, and of every function, class and constant that it reaches by name in its own package, by
    name; without comments and without spacing, so that a formatter changes nothing."""
    package = check.__module__.rpartition(".")[0] or check.__module__
    waiting: list[Any] = [check]
    seen: dict[str, str] = {}
    while waiting:
        one = waiting.pop()
        name = f"{one.__module__}.{one.__qualname__}"
        if name in seen:
            continue
        seen[name] = _bare(inspect.getsource(one))
        for function in _functions(one):
            for each in _names(function.__code__):
                found = function.__globals__.get(each)
                if isinstance(found, types.FunctionType | type):
                    waiting += [found] if found.__module__.startswith(package) else []
                elif isinstance(found, PLAIN):
                    seen[f"{function.__module__}.{each}"] = _constant(found)
    return tuple(f"{name} {code}" for name, code in sorted(seen.items()))


def _functions(one: Any) -> list[types.FunctionType]:
    candidates = [one] if isinstance(one, types.FunctionType) else list(vars(one).values())
    return [each for each in map(inspect.unwrap, candidates) if isinstance(each, types.FunctionType)]


def _names(code: types.CodeType) -> set[str]:
    inner = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _bare(source: str) -> str:
    lines = [line for line in source.splitlines() if not line.lstrip().startswith("#")]
    return "".join("".join(lines).split())


def _constant(value: object) -> str:
    """A constant as a text that is the same in every process: a set has no order, and an object no address."""
    if isinstance(value, set | frozenset):
        return repr(sorted(map(_constant, value)))
    if isinstance(value, tuple | list):
        return repr([_constant(one) for one in value])
    if isinstance(value, Mapping):
        return repr([(_constant(name), _constant(inner)) for name, inner in value.items()])
    return repr(value) if isinstance(value, PLAIN) else getattr(value, "__qualname__", type(value).__name__)


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
        control: str,
        source: str,
        needs: tuple[Operation, ...],
        evidence: tuple[Evidence, ...],
        causes: Mapping[str, str],
        look: Mapping[str, str] = types.MappingProxyType({}),
        driver: bool = False,
        safety: bool = False,
        targets: tuple[TargetKind, ...] = ("mock",),
        times: Callable[[], int] = lambda: 1,
    ) -> Callable[[Check], Check]:
        """Add a rule `AREA-NN`; its check is the decorated function. A `ValueError` for a `look` without its cause."""
        unknown = sorted(look.keys() - causes.keys())
        if unknown:
            raise ValueError(f"{self.area}-{number:02} has no cause {', '.join(unknown)} to look at something for")

        def add(function: Check) -> Check:
            rule = Rule(
                id=f"{self.area}-{number:02}",
                title=title,
                why=why,
                check=check,
                control=control,
                source=source,
                needs=frozenset(needs),
                evidence=frozenset(evidence),
                causes=dict(causes),
                look=dict(look),
                run=function,
                driver=driver,
                safety=safety,
                targets=frozenset(targets),
                times=times,
            )
            insort(self.rules, rule, key=lambda one: one.id)
            return function

        return add
