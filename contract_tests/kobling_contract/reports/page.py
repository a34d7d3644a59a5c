"""The report that people read: one HTML file that needs no other, on a screen, on a phone and on paper."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from ..certificate import Certificate, suite_version
from ..contract import RULES
from ..exchanges import marks_in
from ..headline import rules_wait
from ..verdicts import MEANINGS, Verdict

__all__ = ["html_page"]

SIGNS = {
    Verdict.ERROR: "!", Verdict.FAIL: "✗", Verdict.XPASS: "✗", Verdict.FLAKY: "~", Verdict.VACUOUS: "∅",
    Verdict.NOT_RUN: "…", Verdict.XFAIL: "w", Verdict.NOT_PROVABLE: "?", Verdict.SKIP: "–", Verdict.PASS: "✓",
}  # fmt: skip
"""A sign for each verdict, so that colour is never the only difference."""


MOST_MARKED = 6
"""How often a word may stand in an exchange and still be marked there."""


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


def _marked(exchange: str, said: str) -> Markup:
    """The lines of an exchange, each call's first one strong, and what the text beside it speaks of marked."""
    told = [mark for mark in marks_in(said) if 0 < exchange.count(mark) <= MOST_MARKED]
    words = "|".join(map(re.escape, sorted(told, key=len, reverse=True))) or "(?!)"
    found = re.compile(rf"(?<!\w)(?:{words})(?!\w)")

    def line(text: str) -> Markup:
        parts, end = [], 0
        for one in found.finditer(text):
            parts += [escape(text[end : one.start()]), Markup("<mark>{}</mark>").format(one[0])]
            end = one.end()
        whole = Markup("").join([*parts, escape(text[end:])])
        return Markup("<strong>{}</strong>").format(whole) if text[:1].isdigit() else whole

    return Markup("\n").join(map(line, exchange.splitlines()))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["marked"] = _marked
    return environment.get_template("page.html")
