"""`certify`: run the rules on a vendor's adapter and hand back the certificate. The command line calls this.

    certificate = certify("eg-pasientsky", on_progress=lambda step: bar.update(step.done, step.total))
    print("\\n".join(certificate.summary()))       # what a person reads in ten seconds
    json.dumps(certificate.as_dict())             # for machines
    raise SystemExit(certificate.exit_code)       # 0, 1, 10 or 12

Raises `TargetUnavailable` (exit code 11: `verdicts.TARGET_UNAVAILABLE`) when there is no adapter or mock of that
vendor, `NoSuchRule` for a rule that does not exist, `BadWaiver` (a `ValueError`) for a waiver that can't be used.
A KeyboardInterrupt ends the run: the rules that are left are NOT_RUN, and the certificate says so.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from kobling import Adapter

from .certificate import Certificate
from .contract import RULES, chosen
from .decided import listed_codes
from .rule import Rule
from .runner import Result, strongest
from .target import Target, TargetUnavailable, find_target
from .unused import documented_uses
from .verdicts import Verdict
from .waivers import BadWaiver, Waiver, checked
from .word_tables import listed_words
from .workers import Job, processes, run_jobs

__all__ = ["BadWaiver", "Certificate", "Progress", "TargetUnavailable", "Waiver", "certify"]


@dataclass(frozen=True)
class Progress:
    """One step of a run. `result` is None while `rule` is under way, and its result when it is done. With several
    seeds each rule counts once for each of them."""

    done: int
    total: int
    rule: Rule
    result: Result | None = None


def certify(
    vendor: str,
    *,
    seed: int = 1,
    repeat: int = 1,
    rules: Iterable[str] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    adapter: type[Adapter] | None = None,
    waivers: Iterable[Waiver] = (),
    jobs: int | None = 1,
    today: date | None = None,
    target: Target | None = None,
) -> Certificate:
    """Run rules (ids or areas; all when None) on the installed adapter of a vendor, or on `adapter`; see the module.

    seed: of every random choice, and of the order in which the rules are run. repeat: as many runs, with the seeds that
    follow; a rule's strongest verdict counts. jobs: processes, None for one on each core; then the main module must be
    safe to import. today: the day by which waivers run out. target:
    instead of the vendor's mock.
    """
    if repeat < 1:
        raise ValueError("repeat is at least 1")
    selected = chosen(rules)
    target = target or find_target(vendor, adapter)
    excused = checked(waivers, RULES, today or date.today())
    todo = [job for each in range(seed, seed + repeat) for job in _in_order_of(each, selected)]
    tell, done = on_progress or _nobody, 0

    def told(job: Job, result: Result | None) -> None:
        nonlocal done
        done += result is not None
        tell(Progress(done, len(todo), job.rule, result))

    found = run_jobs(todo, target, excused, processes(jobs), told)
    results = [_of(rule, range(seed, seed + repeat), found) for rule in selected]
    return certificate_of(target, range(seed, seed + repeat), results)


def certificate_of(target: Target, seeds: Iterable[int], results: Iterable[Result]) -> Certificate:
    """The certificate for results that are there."""
    return Certificate(
        vendor=target.vendor,
        adapter=target.adapter_path,
        adapter_version=target.adapter_version,
        vendor_version=target.vendor_version,
        target=target.kind,
        seeds=tuple(seeds),
        results=tuple(results),
        listed_codes=listed_codes(target.adapter.errors),
        listed_words=listed_words(target.adapter),
        documented_uses=documented_uses(target.dialect) if target.dialect is not None else frozenset(),
    )


def _in_order_of(seed: int, rules: Iterable[Rule]) -> list[Job]:
    jobs = [Job(rule, seed) for rule in rules]
    random.Random(f"{seed} order").shuffle(jobs)
    return jobs


def _of(rule: Rule, seeds: Iterable[int], found: Mapping[Job, Result]) -> Result:
    return strongest(found.get(Job(rule, seed)) or Result(rule, Verdict.NOT_RUN, seed) for seed in seeds)


def _nobody(_: Progress) -> None:
    return None
