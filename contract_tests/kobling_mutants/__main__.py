"""Measure mutants, and publish what was seen.

    python -m kobling_mutants extensor --minutes 20              # by the cheap rules: mutants not looked at yet
    python -m kobling_mutants extensor --survivors               # by every other rule: those left without a good reason
    python -m kobling_mutants --only 1b629d89                    # by every rule: some mutants again
    python -m kobling_mutants --minutes 0 --publish docs/reference/mutants.json

Mutants are looked at in an order drawn by lot, so that those looked at when the time is over are a fair sample.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kobling_contract.contract import chosen
from kobling_contract.target import find_adapter

from .killing import SEED, Adapter, Fate, Reach, look, reach_of
from .log import Log, digest
from .mutation import Mutant, mutants_of, sources
from .published import LEFT, SURE, reasons, source_of, told_of, write

CHEAP = 0.5
"""Seconds of work on the adapter as it is: a rule that takes longer is tried on what the others leave."""
VENDORS = ("eg-pasientsky", "extensor", "easypractice")


def main() -> None:
    """The command line."""
    asked = argparse.ArgumentParser(prog="kobling_mutants", description="Mutation testing of the vendors' adapters")
    asked.add_argument("vendor", nargs="*", default=VENDORS)
    asked.add_argument("--log", type=Path, default=Path(".mutants"), help="the folder of what was seen before")
    asked.add_argument("--minutes", type=float, default=float("inf"), help="the time for each vendor")
    asked.add_argument("--survivors", action="store_true", help="mutants that are left, by the rules not tried yet")
    asked.add_argument("--cost", type=float, help=f"of a rule at most, in seconds of work: {CHEAP} for a first look")
    asked.add_argument("--only", nargs="*", default=(), metavar="ID", help="these mutants, by every rule")
    asked.add_argument("--rule", nargs="*", default=(), metavar="RULE", help="these rules only, as after mending one")
    asked.add_argument("--publish", type=Path, metavar="FILE", help="write what the site tells")
    options = asked.parse_args()
    if options.rule and not options.survivors:
        asked.error("--rule goes with --survivors: a first look is by every rule")
    if options.cost is None:
        options.cost = float("inf") if options.survivors or options.only else CHEAP
    told = {}
    for vendor in options.vendor:
        adapter = _adapter(vendor)
        log = Log(options.log / f"{vendor}.jsonl")
        every = [one for path in sources(adapter.source / adapter.package) for one in mutants_of(path, adapter.source)]
        digests = {file: digest(adapter.source / file) for file in {one.file: None for one in every}}
        todo = [one for one in every if _wanted(one, log.rows(), digests, options)] if options.minutes else []
        _say(f"{vendor}: {len(every)} mutants, {len(todo)} to look at")
        if todo:
            random.Random(f"{SEED} mutants").shuffle(todo)
            _look_at(adapter, todo, log, digests, options)
        count = Counter(one.file for one in every)
        files = {file: {"digest": digests[file], "mutants": count[file]} for file in digests}
        told[vendor] = told_of(files, log.rows().values())
    if options.publish:
        write(options.publish, told, SEED)


def _adapter(vendor: str) -> Adapter:
    found = find_adapter(vendor)
    return Adapter(vendor, source_of(found), f"{found.__module__}:{found.__qualname__}")


def _wanted(one: Mutant, known: Mapping[str, Any], digests: Mapping[str, str], options: Any) -> bool:
    if options.only:
        return one.id in options.only
    row = known.get(one.id)
    if row is None or row["digest"] != digests[one.file]:
        return not options.survivors
    known_why = any(one.id in reason.mutants for reason in reasons() if reason.kind in SURE)
    return options.survivors and row["outcome"] in LEFT and bool(row["not_tried"] or options.rule) and not known_why


def _look_at(adapter: Adapter, todo: list[Mutant], log: Log, digests: Mapping[str, str], options: Any) -> None:
    reach = reach_of(adapter, chosen(options.rule or None))
    known = log.rows()
    chances = Chances()
    for row in known.values():
        chances.learn(row)
    deadline = time.monotonic() + 60 * options.minutes
    for done, one in enumerate(todo):
        if time.monotonic() > deadline:
            _say(f"{adapter.vendor}: the time is over after {done} of {len(todo)}")
            return
        reaching = [each for each in reach.values() if each.reaches(one.file, one.lines)]
        before = known[one.id] if options.survivors else {}
        row = _row(adapter, one, reaching, before, chances, options)
        row |= {"out_of_reach": before.get("out_of_reach", len(reach) - len(reaching)), "digest": digests[one.file]}
        chances.learn(row)
        log.add(row)
        result = f"{row['outcome']} {row['rule']} {row['cause']}".rstrip()
        _say(f"{done + 1}/{len(todo)} {one.id} {one.file}:{one.line} {one.was}  =>  {one.becomes}\n    {result}")


def _row(
    adapter: Adapter,
    one: Mutant,
    reaching: Iterable[Reach],
    before: Mapping[str, Any],
    chances: Chances,
    options: Any,
) -> dict[str, Any]:
    """Look at a mutant by the rules that are asked for. before: an earlier look, which is gone on with."""
    due = [each for each in reaching if not before or each.rule.id in {*before["not_tried"], *options.rule}]
    wanted = [each for each in due if each.cost < options.cost]
    left = before["not_tried"] if before else [each.rule.id for each in due]
    fate, seconds = Fate("survived"), 0.0
    if wanted:
        fate, seconds = look(adapter, one.file, one.source(), chances.order(one, wanted))
    told = fate.as_dict()
    told["odd"] = {**before.get("odd", {}), **told["odd"]}
    told["tried"] += before.get("tried", 0)
    if fate.outcome == "survived":
        told["outcome"] = before.get("outcome", "survived")
    done = {each.rule.id for each in wanted} if told["outcome"] in LEFT else {*left}
    facts = {
        "id": one.id,
        "file": one.file,
        "where": one.where,
        "line": one.line,
        "was": one.was,
        "becomes": one.becomes,
    }
    return {**facts, **told, "not_tried": [one for one in left if one not in done], "seconds": round(seconds, 2)}


class Chances:
    """Which rule is likely to kill: what it killed before, near by most of all, for what it costs."""

    def __init__(self) -> None:
        self._kills: Counter[tuple[str, ...]] = Counter()

    def learn(self, row: Mapping[str, Any]) -> None:
        """Count a kill."""
        if row["outcome"] == "killed":
            self._kills.update([(row["rule"],), (row["rule"], row["file"]), (row["rule"], row["file"], row["where"])])

    def order(self, one: Mutant, rules: Iterable[Reach]) -> list[Reach]:
        """The likeliest for its cost first."""

        def chance(each: Reach) -> float:
            rule, kills = each.rule.id, self._kills
            told = 3 * kills[rule, one.file, one.where] + kills[rule, one.file] + 0.2 * kills[rule,]
            return (told + 0.1) / (each.cost + 0.02)

        return sorted(rules, key=chance, reverse=True)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
