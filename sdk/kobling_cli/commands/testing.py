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
        failed = (one for probe in report.probes if probe.status == "fail" for one in probe.findings)
        if hint := desk.mock_hint(*failed):
            out.note(hint)
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


def _finding(finding: Finding, out: Output) -> str:
    evidence = f" [{', '.join(finding.evidence)}]" if finding.severity == "fail" and finding.evidence else ""
    return shown(f"{finding.explain(out.lang)} ({finding.code}){evidence}")
