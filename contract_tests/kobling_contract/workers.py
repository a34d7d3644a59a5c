"""Running rules one after the other, or in several processes at once; what comes out is the same.

A rule builds its own world, so that it does not matter where it is run or what was run before it.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Any

from kobling.adapter import unwritten
from kobling_mocks import Dialect
from kobling_mocks.dialect import GROUP

from .contract import chosen
from .rule import Rule
from .runner import Result, run_rule
from .target import Target
from .verdicts import Verdict
from .waivers import Waiver

__all__ = ["Job", "OnStep", "processes", "run_jobs"]

MOST_PROCESSES = 8
FEW = 8
"""Jobs below this number are done here: a process takes longer to start than most rules take."""


@dataclass(frozen=True)
class Job:
    """One rule, to be run with one seed."""

    rule: Rule = field(hash=False)
    seed: int
    rule_id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rule_id", self.rule.id)


OnStep = Callable[[Job, Result | None], None]
"""Told of each job when it is begun (where that is known) and, with its result, when it is done."""


def processes(wanted: int | None) -> int:
    """How many processes to use: as many as wanted, and as there are cores for None."""
    if wanted is not None:
        return max(1, wanted)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_PROCESSES)


def run_jobs(
    jobs: Sequence[Job], target: Target, waivers: Mapping[str, Waiver], count: int, tell: OnStep
) -> dict[Job, Result]:
    """The result of every job in their order. count: of processes; one process where the target can't be told to
    another. A KeyboardInterrupt leaves the jobs that are not done out."""
    found: dict[Job, Result] = {}
    left = unwritten(target.adapter)
    many = sum(not job.rule.waits_for(left) for job in jobs) >= FEW
    parcel = _parcel(target, waivers) if count > 1 and many else None
    steps = _here(jobs, target, waivers, tell) if parcel is None else _elsewhere(jobs, parcel, count)
    try:
        for job, result in steps:
            found[job] = result
            tell(job, result)
    except KeyboardInterrupt:
        pass
    finally:
        steps.close()
    return {job: found[job] for job in jobs if job in found}


Steps = Iterator[tuple[Job, Result]]


def _here(jobs: Sequence[Job], target: Target, waivers: Mapping[str, Waiver], tell: OnStep) -> Any:
    for job in jobs:
        tell(job, None)
        yield job, run_rule(job.rule, target, job.seed, waivers.get(job.rule.id))


def _parcel(target: Target, waivers: Mapping[str, Waiver]) -> bytes | None:
    """The target for another process, which finds the adapter and the dialect by their names and takes no copy of
    either; None where one has no name there, and for a sandbox or recordings: their budget and what was played of them
    are one process's."""
    if target.adapter.__module__ == "__main__" or target.kind != "mock":
        return None
    packed = io.BytesIO()
    try:
        _Packer(packed).dump((target, dict(waivers)))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return packed.getvalue()


class _Packer(pickle.Pickler):
    """Writes a dialect down as the place where it is found: what its module makes of it on import (an application with
    middleware, say) hangs on that very object."""

    def persistent_id(self, one: object) -> str | None:
        """`module:name` of a dialect; None for everything else. Raises `PicklingError` where no module holds it."""
        return _place(one) if isinstance(one, Dialect) else None


class _Unpacker(pickle.Unpickler):
    def persistent_load(self, place: str) -> object:
        """The dialect of that place."""
        return _at(place)


def _at(place: str) -> object:
    module, _, name = place.partition(":")
    return attrgetter(name)(import_module(module))


def _place(dialect: Dialect) -> str:
    module = type(dialect).__module__
    places = [f"{module}:{name}" for name, value in vars(sys.modules[module]).items() if value is dialect]
    places += [f"{point.module}:{point.attr}" for point in entry_points(group=GROUP) if point.module in sys.modules]
    for place in places:
        with suppress(AttributeError):  # another entry point may be wrong
            if not place.startswith("__main__:") and _at(place) is dialect:
                return place
    raise pickle.PicklingError(f"no module holds the dialect of {dialect.key}")


def _elsewhere(jobs: Sequence[Job], parcel: bytes, count: int) -> Any:
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(count, len(jobs)), mp_context=context, initializer=_begin, initargs=(parcel,))
    done = False
    try:
        with _deaf_children():
            coming: dict[Future[dict[str, Any]], Job] = {pool.submit(_run, job.rule.id, job.seed): job for job in jobs}
        for future in as_completed(coming):
            job = coming[future]
            try:
                yield job, Result.from_dict(future.result(), job.rule)
            except BrokenProcessPool:
                yield (
                    job,
                    Result(job.rule, Verdict.ERROR, job.seed, reason="the process that ran the rules ended early"),
                )
        done = True
    finally:
        pool.shutdown(wait=done, cancel_futures=True)
        if not done:
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that are started meanwhile never hear Ctrl-C, which a terminal sends to all of them at once: the first
    process ends the others. A Ctrl-C of this moment is heard when it is over."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Told:
    target: Target
    waivers: Mapping[str, Waiver]


def _ends_with(first: Any) -> None:
    """End this process once the first one has ended, by whatever way: nobody would hear its results."""
    first.join()
    os._exit(1)


def _begin(parcel: bytes) -> None:
    """The first thing in another process."""
    if (first := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_ends_with, args=(first,), daemon=True).start()
    _Told.target, _Told.waivers = _Unpacker(io.BytesIO(parcel)).load()


def _run(rule_id: str, seed: int) -> dict[str, Any]:
    (rule,) = chosen([rule_id])
    return run_rule(rule, _Told.target, seed, _Told.waivers.get(rule.id)).as_dict()
