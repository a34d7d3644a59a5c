"""The result of a run: the verdict on every rule, one exit code, and how to read it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from kobling.adapter import OPERATIONS

from .canonical import canonical
from .contract import BOOKS, RULES
from .detectability import cannot_know
from .headline import (
    ENGLISH,
    Part,
    lost_answers,
    not_booked,
    rules_wait,
    sentence,
    unwritten,
    verdict_parts,
    waived,
)
from .rule import COMMON_CAUSES, NOT_WRITTEN
from .runner import Result
from .verdicts import CONFORMANT, Verdict, exit_code

__all__ = ["Area", "Certificate", "suite_version"]


def suite_version() -> str:
    """The version of the contract and its suite."""
    try:
        return version("kobling")
    except PackageNotFoundError:
        return "source"


_NOT_RUN = (Verdict.SKIP, Verdict.NOT_PROVABLE, Verdict.NOT_RUN)


def counted(results: Iterable[Result]) -> dict[str, int]:
    """How many results have each verdict, strongest first; only those that occur."""
    seen = Counter(result.verdict for result in results)
    return {verdict.value: seen[verdict] for verdict in Verdict if seen[verdict]}


@dataclass(frozen=True)
class Area:
    """The results of one area: its short name (`SLOT`), what it is about, and every result in order."""

    name: str
    about: str
    results: tuple[Result, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many results have each verdict, strongest first."""
        return counted(self.results)


_FIRST = ("CONN", "PAGE")
"""Areas whose faults make rules of others fail."""
_FIRST_WITHOUT_TIMES = ("CONN", "SLOT", "PAGE")
"""The same where the open times themselves are wrong: then the rules about their pages fail, too."""
_OPEN_TIMES = "SLOT-01"


@dataclass(frozen=True)
class Certificate:
    """One run, or several with a seed each. adapter: `module:Class`. target: what it was run against; vendor_version:
    what stood for the vendor there. results: one for each rule, the strongest of its seeds. listed_codes,
    listed_words: the vendor's codes that the adapter's ErrorMap has entries for, and the words of its tables.
    documented_uses: the vendor's calls and the optional fields in them, by its mock."""

    vendor: str
    adapter: str
    adapter_version: str
    target: str
    seeds: tuple[int, ...]
    results: tuple[Result, ...]
    vendor_version: str = ""
    listed_codes: frozenset[str] = frozenset()
    listed_words: frozenset[str] = frozenset()
    documented_uses: frozenset[str] = frozenset()

    @property
    def seed(self) -> int:
        """The first seed."""
        return self.seeds[0]

    @property
    def exit_code(self) -> int:
        """0 conformant, 1 not, 10 the suite broke, 12 nothing was tested."""
        return exit_code(result.verdict for result in self.results)

    @property
    def conformant(self) -> bool:
        """True when every rule that was run holds, or is skipped or waived as declared."""
        return self.exit_code == CONFORMANT

    @property
    def complete(self) -> bool:
        """True when every rule of the catalogue was part of the run."""
        return {rule.id for rule in RULES} <= {result.rule.id for result in self.results}

    @property
    def counts(self) -> dict[str, int]:
        """How many rules have each verdict, strongest first; only those that occur."""
        return counted(self.results)

    @property
    def areas(self) -> tuple[Area, ...]:
        """The results by area, in the catalogue's order; areas of which no rule was chosen are left out."""
        about = {book.area: book.about for book in BOOKS}
        names = list(dict.fromkeys([*about, *(result.rule.area for result in self.results)]))
        found = [Area(name, about.get(name, ""), tuple(one for one in self.results if one.rule.area == name))
                 for name in names]  # fmt: skip
        return tuple(area for area in found if area.results)

    @property
    def failures(self) -> tuple[Result, ...]:
        """Everything that keeps the adapter from being conformant, strongest verdict first, and of these first what
        makes others fail: a connection that can't be tested, then open times that are wrong, then lists that are not
        read to their end; after that the safety rules. Without what was not run, about which there is nothing to
        tell."""
        left = [one for one in self.results if one.needs_mending and one.verdict is not Verdict.NOT_RUN]
        wrong_times = any(one.rule.id == _OPEN_TIMES and one.judged for one in left)
        first = _FIRST_WITHOUT_TIMES if wrong_times else _FIRST

        def place(one: Result) -> tuple[int, int, bool]:
            rank = first.index(one.rule.area) if one.rule.area in first else len(first)
            return one.verdict.strength, rank, rank == len(first) and not one.rule.safety

        return tuple(sorted(left, key=place))

    @property
    def tally(self) -> str:
        """How many of the rules that were run do not hold, and how many could not be judged, for people; "" where that
        is none."""
        run = sum(one.verdict not in _NOT_RUN for one in self.results)
        wrong = sum(one.judged for one in self.failures)
        unjudged = len(self.failures) - wrong
        if run == 1:
            return (
                f"the one rule that was run {'does not hold' if wrong else 'could not be judged'}"
                if self.failures
                else ""
            )
        of_them = f"of the {run} rules that were run "
        parts = [f"{wrong} {of_them}{'does' if wrong == 1 else 'do'} not hold"] if wrong else []
        parts += [f"{unjudged} {'' if wrong else of_them}could not be judged"] if unjudged else []
        return ", ".join(parts)

    @property
    def unwritten(self) -> tuple[str, ...]:
        """The operations that the adapter's author has yet to write, as far as rules wait for them."""
        named = {name for one in self.waiting for name in one.facts.get(NOT_WRITTEN, "").split()}
        return tuple(name for name in OPERATIONS if name in named)

    @property
    def waiting(self) -> tuple[Result, ...]:
        """The failures that have one cause in common: the adapter is not written to its end."""
        return tuple(one for one in self.failures if one.cause == NOT_WRITTEN)

    @property
    def broken(self) -> tuple[Result, ...]:
        """The failures with a cause of their own."""
        return tuple(one for one in self.failures if one.cause != NOT_WRITTEN)

    @property
    def waived(self) -> tuple[Result, ...]:
        """The rules that do not hold and may wait, those first that must be mended first."""
        found = [one for one in self.results if one.verdict is Verdict.XFAIL]
        return tuple(sorted(found, key=lambda one: one.waived_until))

    @property
    def _waived(self) -> list[Part]:
        return waived({one.rule.id: one.waived_until for one in self.waived})

    @property
    def lost_answers(self) -> str | None:
        """How sure lost answers are, one of `LOST_ANSWERS`; None when the run did not measure it."""
        found = [result.facts["lost_answers"] for result in self.results if "lost_answers" in result.facts]
        return found[0] if found else None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What is certified of each rule: its verdict and what it rests on, and the fingerprint of what was asked."""
        kept = (
            "rule",
            "title",
            "safety",
            "verdict",
            "seed",
            "seeds",
            "mode",
            "controls",
            "evidence",
            "facts",
            "waiver",
        )
        rows = []
        for result in self.results:
            told = result.as_dict()
            cause = {"cause": result.cause} if result.cause else {}
            rows.append({name: told[name] for name in kept} | {"fingerprint": result.rule.fingerprint} | cause)
        return rows

    @property
    def evidence_hash(self) -> str:
        """SHA-256 over `rows` in canonical JSON: the same for the same verdicts on the same evidence."""
        return evidence_hash(self.rows)

    def of(self, rule_id: str) -> Result:
        """The result of one rule. Raises `LookupError` when it was not chosen."""
        for result in self.results:
            if result.rule.id == rule_id:
                return result
        raise LookupError(f"{rule_id} was not part of this run")

    def verdict(self, words: Mapping[str, str] = ENGLISH) -> str:
        """The verdict in a language's words, what it does not cover, and which rules are waived until when."""
        return sentence(self._verdict, self._waived, words=words)

    @property
    def _verdict(self) -> list[Part]:
        return verdict_parts(self.exit_code, self.counts, self.target, len(RULES), complete=self.complete)

    @property
    def cannot_know(self) -> tuple[str, ...]:
        """What this run does not know because of what it was run against; for a mock, what its rows never show."""
        return cannot_know(self.target, self.results, self.untried_codes, self.untried_words, self.unused)

    @property
    def untried_codes(self) -> frozenset[str]:
        """Entries of the adapter's ErrorMap that no answer of the mock's had, where the whole suite was run."""
        return self._where_all_was_run(self.listed_codes - {code for one in self.results for code in one.codes})

    @property
    def untried_words(self) -> frozenset[str]:
        """Words of the adapter's own tables that no answer of the mock's had, where the whole suite was run."""
        return self._where_all_was_run(self.listed_words - {word for one in self.results for word in one.words})

    @property
    def unused(self) -> frozenset[str]:
        """Calls of the vendor's, and optional fields in them, that the adapter never made use of, where the whole suite
        was run."""
        return self._where_all_was_run(self.documented_uses - {use for one in self.results for use in one.used})

    def _where_all_was_run(self, untried: frozenset[str]) -> frozenset[str]:
        return untried if self.complete and self.target == "mock" else frozenset()

    def headline(self, words: Mapping[str, str] = ENGLISH) -> str:
        """`verdict`, whether nothing can be booked, what is not written yet, how sure lost answers are, in words."""
        more = not_booked(one.facts for one in self.results), unwritten(self.unwritten), lost_answers(self.lost_answers)
        return sentence(self._verdict, self._waived, *more, words=words)

    @property
    def about_bookings(self) -> str:
        """Whether nothing can be booked, in words; "" where bookings can be made."""
        return sentence(not_booked(one.facts for one in self.results))

    @property
    def about_lost_answers(self) -> str:
        """How sure lost answers are, in words; "" where that was not measured."""
        return sentence(lost_answers(self.lost_answers))

    def about(self) -> str:
        """What was run against what."""
        seeds = f"seed {self.seed}" if len(self.seeds) == 1 else f"seeds {', '.join(map(str, self.seeds))}"
        return (
            f"adapter {self.adapter} {self.adapter_version}, suite {suite_version()}, target {self.target}, "
            f"vendor {self.vendor_version or '-'}, {seeds}"
        )

    def summary(self) -> list[str]:
        """Lines for a terminal, without colour: headline, what was run, counts by area, and all that does not hold."""
        width = max((len(area.name) for area in self.areas), default=0)
        told = [
            f"{area.name:<{width}}  {', '.join(f'{count} {verdict}' for verdict, count in area.counts.items())}"
            for area in self.areas
        ]
        lines = [f"{self.vendor}: {self.headline()}", self.about(), *(told or ["no rules"])]
        for result in sorted(self.results, key=lambda one: one.verdict.strength):
            quiet = result.verdict in (Verdict.PASS, Verdict.NOT_RUN, Verdict.NOT_PROVABLE)
            if not quiet and result.cause != NOT_WRITTEN:
                lines += ["", *result.lines()]
        if self.waiting:
            lines += ["", f"{rules_wait(len(self.waiting))} for what is not written yet. {COMMON_CAUSES[NOT_WRITTEN]}"]
        if self.cannot_know:
            lines += ["", f"what a run on this target ({self.target}) can't know:"]
            lines += [f"  - {limit}" for limit in self.cannot_know]
        return lines

    def as_dict(self) -> dict[str, Any]:
        """The report for machines, as `reports/report.schema.json` describes it. `evidence_hash` covers `rows`."""
        return {
            "schema": "kobling-report/1",
            "vendor": self.vendor,
            "vendor_version": self.vendor_version,
            "adapter": self.adapter,
            "adapter_version": self.adapter_version,
            "suite_version": suite_version(),
            "target": self.target,
            "seed": self.seed,
            "seeds": list(self.seeds),
            "headline": self.headline(),
            "conformant": self.conformant,
            "complete": self.complete,
            "exit_code": self.exit_code,
            "lost_answers": self.lost_answers,
            "counts": self.counts,
            "waived": {one.rule.id: one.waived_until for one in self.waived},
            "cannot_know": list(self.cannot_know),
            "areas": {area.name: area.counts for area in self.areas},
            "seconds": round(sum(one.seconds for one in self.results), 3),
            "cpu_seconds": round(sum(one.cpu_seconds for one in self.results), 3),
            "evidence_hash": self.evidence_hash,
            "results": [one.as_dict() | {"fingerprint": one.rule.fingerprint} for one in self.results],
        }


def evidence_hash(rows: list[dict[str, Any]]) -> str:
    """SHA-256 over a certificate's rows in canonical JSON, in hexadecimal digits."""
    return hashlib.sha256(canonical(rows)).hexdigest()
