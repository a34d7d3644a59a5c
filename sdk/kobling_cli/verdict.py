"""A certificate on a terminal, as a person reads it in ten seconds: the verdict, the areas, what does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .output import Output, shown
from .wording import words

if TYPE_CHECKING:
    from kobling_contract.certify import Certificate
    from kobling_contract.runner import Result

__all__ = ["tell_verdict"]

MOST_FAILURES = 12
MOST_LINES = 3
"""So many failures are told at length, and the others in a line each; so many lines of what was expected and got are
shown. The reports have them all."""


def tell_verdict(out: Output, certificate: Certificate, written: Sequence[Path], durations: int) -> None:
    """Tell the verdict. written: files that hold more. durations: how many of the slowest rules to show."""
    style = "bold green" if certificate.conformant else "bold red" if certificate.failures else "bold yellow"
    out.line(f"{certificate.vendor}: {certificate.headline(words(out.lang)['headline'])}", style)
    out.line(certificate.about(), "dim")
    out.line()
    heads = [out.say("certify", name) for name in ("area", "about", "rules")]
    rows = [
        (area.name, area.about, ", ".join(f"{count} {verdict}" for verdict, count in area.counts.items()))
        for area in certificate.areas
    ]
    out.table(heads, rows, ("bold",))
    if certificate.waiting:
        _unwritten(out, certificate)
    for result in certificate.broken[:MOST_FAILURES]:
        _failure(out, result)
    others = certificate.broken[MOST_FAILURES:]
    if others:
        out.line()
        out.line(out.say("certify", "more_failures", count=len(others)), "bold red")
        for result in others:
            out.line(f"  {_head(result)}")
    waived = [one for one in certificate.results if one.verdict == "XFAIL"]
    for result in waived:
        out.line(f"XFAIL {result.rule.id} {shown(result.reason)}", "yellow")
    if certificate.cannot_know:
        out.line()
        out.line(out.say("certify", "cannot_know"), "yellow")
        for limit in certificate.cannot_know:
            out.line(f"  - {shown(limit)}")
    if durations:
        _slowest(out, certificate, durations)
    if certificate.failures and not any(path.suffix == ".html" for path in written):
        out.line()
        out.line(out.say("certify", "html_hint"), "dim")
    for path in written:
        out.note(out.say("certify", "written", path=shown(str(path))))


def _unwritten(out: Output, certificate: Certificate) -> None:
    """What is not written yet is said once, however many rules wait for it."""
    out.line()
    count = len(certificate.waiting)
    out.line(out.say("certify", "unwritten", operations=", ".join(certificate.unwritten), count=count), "bold red")
    out.line(f"  {out.say('certify', 'write_it')}")
    out.line(f"  {shown(max((one.got for one in certificate.waiting), key=len))}")


def _failure(out: Output, result: Result) -> None:
    out.line()
    out.line(_head(result), "bold red")
    told = {
        "wrong" if result.judged else "not_judged": result.wrong,
        "expected": result.expected,
        "got": result.got,
        "seeds": result.differing,
        "look_at": result.look_at,
        "again": result.reproduce,
        "more": f"kobling about {result.rule.id}",
    }
    width = max(len(out.say("certify", name)) for name in told)
    for name, text in told.items():
        lines = [" ".join(shown(line).split()) for line in text.splitlines()]
        left = len(lines) - MOST_LINES
        if left > 0:
            lines[MOST_LINES:] = [out.say("certify", "more_lines", count=left)]
        for number, line in enumerate(lines):
            out.line(f"  {'' if number else out.say('certify', name):<{width}}  {line}")


def _head(result: Result) -> str:
    cause = f" ({result.cause})" if result.cause else ""
    return f"{result.verdict} {result.rule.id}  {result.rule.title}{cause}"


def _slowest(out: Output, certificate: Certificate, count: int) -> None:
    slowest = sorted(certificate.results, key=lambda one: -one.cpu_seconds)[:count]
    out.line()
    heads = [out.say("certify", name) for name in ("rules", "cpu_seconds", "seconds")]
    out.table(heads, [(one.rule.id, f"{one.cpu_seconds:.2f}", f"{one.seconds:.2f}") for one in slowest], ("bold",))
