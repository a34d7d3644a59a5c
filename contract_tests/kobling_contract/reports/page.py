"""The report that people read: one HTML file that needs no other, on a screen, on a phone and on paper."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from ..certificate import Certificate, suite_version
from ..contract import RULES
from ..headline import rules_wait
from ..verdicts import MEANINGS, Verdict

__all__ = ["html_page"]

SIGNS = {
    Verdict.ERROR: "!", Verdict.FAIL: "✗", Verdict.XPASS: "✗", Verdict.FLAKY: "~", Verdict.VACUOUS: "∅",
    Verdict.NOT_RUN: "…", Verdict.XFAIL: "w", Verdict.NOT_PROVABLE: "?", Verdict.SKIP: "–", Verdict.PASS: "✓",
}  # fmt: skip
"""A sign for each verdict, so that colour is never the only difference."""


def html_page(certificate: Certificate, at: datetime) -> str:
    """The certificate as an HTML document. at: when it is written, aware."""
    good = certificate.conformant
    return _template().render(
        certificate=certificate,
        every=len(RULES),
        tone="good" if good else "bad" if certificate.exit_code == 1 and certificate.failures else "none",
        written=at.strftime("%Y-%m-%d %H:%M %Z"),
        suite=suite_version(),
        others=[one for one in certificate.results if one.verdict.conformant and one.verdict is not Verdict.PASS],
        left=[one for one in certificate.results if one.verdict is Verdict.NOT_RUN],
        signs=SIGNS,
        meanings=MEANINGS,
        rules_wait=rules_wait,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html")
