"""JUnit XML as CI servers read it (Jenkins' junit-10.xsd, GitLab, GitHub actions): a suite for each area, a case for
each rule.

FAIL, XPASS, FLAKY and VACUOUS are failures. ERROR and NOT_RUN are errors: a server must not show a run that broke off
as green. SKIP, XFAIL and NOT_PROVABLE are skipped, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal
from xml.etree import ElementTree

from ..certificate import Area, Certificate, suite_version
from ..runner import Result
from ..verdicts import Verdict

__all__ = ["junit_xml"]

Outcome = Literal["passed", "failure", "error", "skipped"]
_OUTCOMES: dict[Verdict, Outcome] = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failure",
    Verdict.XPASS: "failure",
    Verdict.FLAKY: "failure",
    Verdict.VACUOUS: "failure",
    Verdict.ERROR: "error",
    Verdict.NOT_RUN: "error",
    Verdict.SKIP: "skipped",
    Verdict.XFAIL: "skipped",
    Verdict.NOT_PROVABLE: "skipped",
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(certificate: Certificate, at: datetime) -> str:
    """The certificate as JUnit XML. at: when the run ended, aware."""
    root = ElementTree.Element("testsuites", {"name": f"kobling {certificate.vendor}", **_sums(certificate.results)})
    for area in certificate.areas:
        root.append(_suite(certificate, area, at))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _sums(results: Iterable[Result]) -> dict[str, str]:
    rows = list(results)
    seen = [_OUTCOMES[one.verdict] for one in rows]
    return {
        "tests": str(len(rows)),
        "failures": str(seen.count("failure")),
        "errors": str(seen.count("error")),
        "skipped": str(seen.count("skipped")),
        "time": f"{sum(one.seconds for one in rows):.3f}",
    }


def _suite(certificate: Certificate, area: Area, at: datetime) -> ElementTree.Element:
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": f"{area.name}: {area.about}",
            **_sums(area.results),
            "timestamp": moment,
            "hostname": certificate.target,
        },
    )
    facts = {
        "vendor": certificate.vendor,
        "adapter": f"{certificate.adapter} {certificate.adapter_version}",
        "suite": suite_version(),
        "seeds": " ".join(map(str, certificate.seeds)),
        "headline": certificate.headline(),
    }
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in facts.items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": _xml(value)})
    for result in area.results:
        suite.append(_case(certificate, result))
    return suite


def _case(certificate: Certificate, result: Result) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        {
            "classname": f"kobling.{certificate.vendor}.{result.rule.area}",
            "name": f"{result.rule.id} {result.rule.title}",
            "time": f"{result.seconds:.3f}",
        },
    )
    outcome = _OUTCOMES[result.verdict]
    if outcome != "passed":
        first = (
            result.reason
            if result.reason
            else f"{result.cause}: {result.got.partition(chr(10))[0]}"
            if result.cause
            else result.verdict
        )
        told = ElementTree.SubElement(case, outcome, {"message": _xml(first)})
        if outcome != "skipped":
            told.set("type", f"{result.verdict}{f'.{result.cause}' if result.cause else ''}")
        told.text = _xml("\n".join(result.lines()))
    return case


def _xml(text: str) -> str:
    """The text without what XML 1.0 can't hold, not even escaped."""
    return _NOT_XML.sub("�", text)
