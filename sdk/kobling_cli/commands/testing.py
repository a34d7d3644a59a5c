"""`kobling test`: the staged test of a connection ("Test kobling")."""

from __future__ import annotations

from kobling import ConnectionReport, Finding
from kobling.texts import text

from ..desk import Desk, connected
from ..exit_codes import ExitCode
from ..output import Output, shown
from ..wording import LANGUAGES

MARKS = {"pass": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "bold red"), "skip": ("·", "dim"),
         "not_told": ("?", "dim")}  # fmt: skip
"""How each status of a probe is shown."""
NOBODY_ANSWERS = frozenset({"dns", "dns_timeout", "connect", "connect_timeout"})
"""Reasons of a vendor whose own address is not there, as of one that is invented and has a mock only."""
FINDING_STYLES = {"fail": "red", "warn": "yellow", "info": "dim"}


@connected
def test(desk: Desk) -> int:
    """Test a connection ("Test kobling"): seven stages, what is wrong, and who can mend it. Changes nothing.

    Exit code 0 when it works (also with remarks), 1 when the test failed.

    JSON: {"vendor", "outcome": "success"|"degraded"|"failed", "headline": {"nb", "en"}, "counts_as_attempt",
    "probes": [{"name", "status", "findings": [{"code", "severity", "actor", "because", "fields", "subject",
    "evidence", "inferred", "text": {"nb", "en"}}]}], "identified_as", "origin", "tested_at"}
    """
    out = desk.out
    with out.busy(out.say("line", "testing", vendor=desk.adapter.name)):
        report = desk.session.test_connection()
    if out.as_json:
        headline = {lang: report.headline(lang) for lang in LANGUAGES}
        out.document("test", {**report.model_dump(mode="json"), "headline": headline})
    else:
        show_report(report, out)
        hint_at_a_mock(report, desk.vendor, out)
    return ExitCode.NO if report.outcome == "failed" else ExitCode.SUCCESS


def show_report(report: ConnectionReport, out: Output) -> None:
    """The report for a person: headline, probes with their findings, whom the key belongs to."""
    style = {"success": "bold green", "degraded": "bold yellow", "failed": "bold red"}[report.outcome]
    out.line(text("outcome", report.outcome, out.lang), style)
    for probe in report.probes:
        mark, colour = MARKS[probe.status]
        out.line(f"{mark} {text('probe', probe.name, out.lang)}: {text('status', probe.status, out.lang)}", colour)
        for finding in probe.findings:
            out.line(f"    {_finding(finding, out)}", FINDING_STYLES[finding.severity])
    who = report.identified_as
    named = [who.clinic, who.department, *who.practitioners]
    if any(named):
        out.line(out.say("line", "identified", who=shown(", ".join(name for name in named if name))))
    if report.origin:
        out.line(out.say("line", "origin", origin=report.origin), "dim")
    if report.outcome == "failed":
        out.line(out.say("line", "attempt" if report.counts_as_attempt else "no_attempt"), "dim")


def hint_at_a_mock(report: ConnectionReport, vendor: str, out: Output) -> None:
    """Say how a mock is asked, where nothing is at the vendor's own address: a vendor may be invented."""
    failed = [finding for probe in report.probes for finding in probe.findings if probe.status == "fail"]
    if report.origin is None and any(one.because in NOBODY_ANSWERS and one.actor == "nobody" for one in failed):
        out.note(out.say("line", "try_origin", vendor=vendor))


def _finding(finding: Finding, out: Output) -> str:
    evidence = f" [{', '.join(finding.evidence)}]" if finding.severity == "fail" and finding.evidence else ""
    return shown(f"{finding.explain(out.lang)} ({finding.code}){evidence}")
