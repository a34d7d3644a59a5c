"""The report that people read: one HTML file that needs no other, on a screen, on a phone and on paper."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from ..certificate import Certificate, suite_version
from ..verdicts import Verdict

__all__ = ["html_page"]

SIGNS = {
    Verdict.ERROR: "!", Verdict.FAIL: "✗", Verdict.XPASS: "✗", Verdict.FLAKY: "~", Verdict.VACUOUS: "∅",
    Verdict.NOT_RUN: "…", Verdict.XFAIL: "w", Verdict.NOT_PROVABLE: "?", Verdict.SKIP: "–", Verdict.PASS: "✓",
}  # fmt: skip
"""A sign for each verdict, so that colour is never the only difference."""
MEANINGS = {
    Verdict.ERROR: "the suite or the mock broke; nothing was learnt about the adapter",
    Verdict.FAIL: "the rule does not hold",
    Verdict.XPASS: "the rule was waived, but holds: take the waiver away",
    Verdict.FLAKY: "the rule failed, and ended otherwise when it was run again with the same seed",
    Verdict.VACUOUS: "the same call without a fault did not succeed, so that a pass would have meant nothing",
    Verdict.NOT_RUN: "the run was broken off before this rule",
    Verdict.XFAIL: "the rule does not hold, and is waived for a while",
    Verdict.NOT_PROVABLE: "this target can't show whether the rule holds; another one can",
    Verdict.SKIP: "the vendor can't do this, as the adapter declares; that was proven",
    Verdict.PASS: "the rule holds",
}


def html_page(certificate: Certificate, at: datetime) -> str:
    """The certificate as an HTML document. at: when it is written, aware."""
    good = certificate.conformant
    return _template().render(
        certificate=certificate,
        tone="good" if good else "bad" if certificate.exit_code == 1 and certificate.failures else "none",
        written=at.strftime("%Y-%m-%d %H:%M %Z"),
        suite=suite_version(),
        others=[one for one in certificate.results if one.verdict.conformant and one.verdict is not Verdict.PASS],
        left=[one for one in certificate.results if one.verdict is Verdict.NOT_RUN],
        signs=SIGNS,
        meanings=MEANINGS,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html")
