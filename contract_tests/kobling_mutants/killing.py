"""Killing a mutant: the rules that can reach its line are run on it, in a process of its own, until one fails.

That process is forked from one in which the suite is warm and the adapter is not imported, and finds the adapter's
package, one file of it changed, before the installed one. A mutant is killed by the first rule that FAILs or does not
end. A rule that becomes VACUOUS or breaks (ERROR) refuses the certificate too, but shows nothing: the rules go on, and
what it was is told where none fails.
"""

from __future__ import annotations

import gc
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kobling import load
from kobling_contract.contract import RULES
from kobling_contract.rule import Rule
from kobling_contract.runner import run_rule
from kobling_contract.target import Target, TargetUnavailable, adapter_at, find_target
from kobling_contract.verdicts import Verdict

from .lines import probed, taken

__all__ = ["SEED", "Adapter", "Fate", "Reach", "look", "reach_of"]

SEED = 1
LEAST_CPU = 15.0
"""Seconds of work that any rule may take on a mutant, beside ten times what it takes on the adapter."""
LONGEST_SILENCE = 300.0
"""Seconds without a word from the process, after which it hangs."""
ELSEWHERE = frozenset({"SLOT-14", "FAIL-11"})
"""Rules that run the adapter in another process, where nobody sees which lines are run: they may reach any."""


@dataclass(frozen=True)
class Adapter:
    """An adapter as it is. source: its `src`. path: `module:Class`."""

    vendor: str
    source: Path
    path: str

    @property
    def package(self) -> str:
        """Its top-level package."""
        return self.path.partition(".")[0].partition(":")[0]


@dataclass(frozen=True)
class Reach:
    """What a rule does with the adapter as it is. verdict: what it came to. cost: seconds of work, other processes
    included. ran: file and line of the statements that it runs in functions. probed: by file, the lines of which that
    is known."""

    rule: Rule
    verdict: Verdict
    cost: float
    ran: frozenset[tuple[str, int]]
    probed: Mapping[str, frozenset[int]]

    def reaches(self, file: str, lines: frozenset[int]) -> bool:
        """Whether it runs what begins on one of these lines, or may."""
        known = lines & self.probed[file]
        return not known or self.rule.id in ELSEWHERE or any((file, line) in self.ran for line in known)


@dataclass(frozen=True)
class Fate:
    """What became of a mutant. outcome: killed, refused (nothing fails, but it is not conformant either), survived, or
    stillborn (it can't be loaded). rule, cause: what killed it. odd: what else rules came to, where it differs from the
    adapter's own. tried: how many rules."""

    outcome: str
    rule: str = ""
    cause: str = ""
    odd: Mapping[str, str] = field(default_factory=dict)
    tried: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)


# ---- the adapter as it is


def reach_of(adapter: Adapter, rules: Iterable[Rule] = RULES) -> dict[str, Reach]:
    """These rules on the adapter as it is, in this process, which is warm afterwards and has forgotten the adapter.
    Raises RuntimeError when it is not conformant: then nothing can be said of a mutant."""
    everywhere: dict[str, frozenset[int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = _copied(adapter, folder)
        for path in (root / adapter.package).rglob("*.py"):
            file = path.relative_to(root).as_posix()
            code, everywhere[file] = probed(path.read_text("utf-8"), file)
            path.write_text(code, "utf-8")
        with _imported(adapter, root) as target:
            found = {rule.id: _measured(rule, target, everywhere) for rule in rules}
    wrong = ", ".join(f"{one.rule.id} {one.verdict}" for one in found.values() if not one.verdict.conformant)
    if wrong:
        raise RuntimeError(f"{adapter.vendor} is not conformant as it is: {wrong}")
    return found


@contextmanager
def _imported(adapter: Adapter, root: Path) -> Iterator[Target]:
    """The adapter as it stands in a folder, which is forgotten afterwards."""
    sys.dont_write_bytecode = True
    _forget(adapter)
    sys.path.insert(0, str(root))
    try:
        yield _loaded(adapter, root)
    finally:
        sys.path.remove(str(root))
        _forget(adapter)


def _forget(adapter: Adapter) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == adapter.package]:
        del sys.modules[name]


def _measured(rule: Rule, target: Target, everywhere: Mapping[str, frozenset[int]]) -> Reach:
    taken()
    before = sum(os.times()[:4])
    verdict = run_rule(rule, target, SEED, repeats=0).verdict
    return Reach(rule, verdict, sum(os.times()[:4]) - before, frozenset(taken()), everywhere)


# ---- a mutant


def look(adapter: Adapter, file: str, code: str, order: Sequence[Reach]) -> tuple[Fate, float]:
    """Run these rules in this order on the adapter with one file changed; what became of it, and the seconds it took.

    The adapter's package must not be imported in this process.
    """
    if adapter.package in sys.modules:
        raise RuntimeError(f"{adapter.package} is imported here, so that a process made from this one has it unchanged")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        root = _copied(adapter, folder)
        (root / file).write_text(code, "utf-8")
        rows = [json.loads(line) for line in _from_child(lambda tell: _try(adapter, root, order, tell))]
    return _fate(rows, order), time.monotonic() - started


def _copied(adapter: Adapter, folder: str) -> Path:
    """The adapter's `src`, without what it was compiled to."""
    shutil.copytree(adapter.source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return Path(folder)


def _try(adapter: Adapter, root: Path, order: Sequence[Reach], tell: Callable[[str], None]) -> None:
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(root))  # rules that start another process hand it on
    gc.freeze()
    try:
        target = _loaded(adapter, root)
    except Exception as error:  # noqa: BLE001 - however it fails to load
        tell(json.dumps({"stillborn": type(error).__name__}))
        return
    for one in order:
        tell(json.dumps({"begins": one.rule.id}))
        signal.setitimer(signal.ITIMER_PROF, LEAST_CPU + 10 * one.cost)
        result = run_rule(one.rule, target, SEED, repeats=0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        tell(json.dumps({"rule": one.rule.id, "verdict": result.verdict.value, "cause": result.cause}))
        if result.verdict is Verdict.FAIL:
            return
    tell(json.dumps({"ended": True}))


def _loaded(adapter: Adapter, root: Path) -> Target:
    target = find_target(adapter.vendor, adapter_at(adapter.path))
    place = sys.modules[adapter.package].__file__ or ""
    if not Path(place).is_relative_to(root):
        raise AssertionError(f"{adapter.package} comes from {place}")
    if load().adapters.get(adapter.vendor) is not target.adapter:
        raise TargetUnavailable("a registry does not find it")
    return target


def _fate(rows: Sequence[Mapping[str, Any]], order: Sequence[Reach]) -> Fate:
    if rows and "stillborn" in rows[0]:
        return Fate("stillborn", cause=rows[0]["stillborn"])
    done = [row for row in rows if "rule" in row]
    own = {one.rule.id: one.verdict.value for one in order}
    odd = {row["rule"]: row["verdict"] for row in done if row["verdict"] not in (own[row["rule"]], Verdict.FAIL.value)}
    failed = next((row for row in done if row["verdict"] == Verdict.FAIL.value), None)
    if failed is not None:
        return Fate("killed", failed["rule"], failed["cause"], odd, len(done))
    if "begins" in rows[-1]:
        return Fate("killed", rows[-1]["begins"], "did_not_end", odd, len(done))
    refused = any(not Verdict(verdict).conformant for verdict in odd.values())
    return Fate("refused" if refused else "survived", odd=odd, tried=len(done))


# ---- a process of its own


def _from_child(work: Callable[[Callable[[str], None]], None]) -> Iterator[str]:
    """The lines that the work tells in a forked process, which is ended when it falls silent. Raises RuntimeError when
    the work itself broke."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        _child(work, reading, writing)
    os.close(writing)
    rest, ended = b"", False
    try:
        while select.select([reading], [], [], LONGEST_SILENCE)[0]:
            came = os.read(reading, 1 << 16)
            if not came:
                ended = True
                break
            *lines, rest = (rest + came).split(b"\n")
            yield from (line.decode() for line in lines)
    finally:
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        os.close(reading)
    if ended and os.waitstatus_to_exitcode(status) not in (0, -signal.SIGPROF, -signal.SIGKILL):
        raise RuntimeError(f"the process that tried a mutant ended with {os.waitstatus_to_exitcode(status)}")


def _child(work: Callable[[Callable[[str], None]], None], reading: int, writing: int) -> None:
    """Never returns."""
    os.close(reading)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    try:
        work(lambda line: _all_of(writing, f"{line}\n".encode()))
    except BaseException as error:  # noqa: BLE001 - told, and the process ends all the same
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    os._exit(0)


def _all_of(writing: int, data: bytes) -> None:
    while data:
        data = data[os.write(writing, data) :]
