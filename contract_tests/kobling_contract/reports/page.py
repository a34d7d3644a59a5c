"""The report that people read: one HTML file that needs no other, on a screen, on a phone and on paper."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from ..certificate import Certificate, suite_version
from ..contract import RULES
from ..headline import rules_wait
from ..marks import spans
from ..runner import Result
from ..verdicts import MEANINGS, Verdict

__all__ = ["html_page"]

SIGNS = {
    Verdict.ERROR: "!", Verdict.FAIL: "✗", Verdict.XPASS: "✗", Verdict.FLAKY: "~", Verdict.VACUOUS: "∅",
    Verdict.NOT_RUN: "…", Verdict.XFAIL: "w", Verdict.NOT_PROVABLE: "?", Verdict.SKIP: "–", Verdict.PASS: "✓",
}  # fmt: skip
"""A sign for each verdict, so that colour is never the only difference."""


WORDS = {
    "timebook": "one calendar of the clinic's, a person's or a group's; “the clinic's own timebook” is all of them",
    "stands": "an appointment that is in the timebook and not cancelled",
    "told": "what the adapter, and with it the SDK, says to the registry: “told as SlotTaken” is the error that the "
    "caller got",
    "registry": "the program that uses the SDK: patients look for a practitioner there, and book",
    "session.book, your book": "after a call in an exchange: the vendor's name of it, as in the mock, and for what it "
    "was made. “in session.book” is the caller's call, in which the SDK uses several operations of the adapter; “your "
    "book” is the adapter's own operation",
    "control": "the same call where nothing is wrong; without it a rule that holds would prove nothing (VACUOUS)",
    "world": "a new invented clinic with its mock; each part of a rule has its own, whose calls are numbered from 1",
    "twin, quiet clinic": "a second world that is the same, in which nothing is struck, changed or deleted meanwhile",
    "mock set to taken=400": "how the mock was set to answer in this world; a rule tries every setting that the mock "
    "has of a switch",
    "struck, changed": "what the suite did to a call or to its answer on purpose; what then kept the answer from the "
    "adapter stands in brackets: “nothing (protocol)” is an answer that is no HTTP",
    "the same again": "calls that were the same and were answered the same; the first one is shown",
    "judgement": "the moment when the rule compares what was expected with what it got",
    "tag": "the request's reference as a short text, [K:…], by which the booking is found again",
    "note()": "request.note(), the text that goes to the clinic with a booking: the tag, the SakID and the message",
    "reference_in": "BookingFacts.reference_in, where the adapter says that the reference goes: a field of the "
    "vendor's, the note, or nowhere",
    "CredentialsRejected": "the error for a key or a token that the vendor does not take",
    "VendorUnavailable": "the error for a vendor that can't answer at present, which says nothing of the key",
    "effect": "what an error says of the write before it: none (nothing happened), done, or unknown",
    "certain": "of a write: it is known whether it happened; of a time: there is only one moment that it can be",
    "problem, left out": "what the adapter's answer names as not readable, and leaves out rather than guess",
    "ErrorMap": "the adapter's table of the vendor's refusals: code says where the vendor's code stands in an answer, "
    "codes what each one means, statuses what a status means where no code is listed",
    "refused_by_vendor": "the reason of an error that says only that the vendor refused: no more was listed",
    "http.pages": "the SDK's way through a list that comes in pages, to its end",
    "Limits.rate": "how many calls in how many seconds the vendor allows, as the adapter states it",
    "SakID": "the number of the patient's case at their insurer, which the clinic needs for its claim",
    "sync, async": "the same adapter, called from ordinary and from asynchronous code; some rules are tried in both",
}
"""What the words of a report mean that are no everyday ones."""
OCCURS: Mapping[str, tuple[str, ...]] = {
    "session.book, your book": ("in session.", "; your "),
    "twin, quiet clinic": ("twin", "quiet"),
    "mock set to taken=400": ("mock set to",),
    "problem, left out": ("problem", "problems", "left out"),
    "world": ("world", "worlds"),
    "registry": ("registry", "registry's"),
    "tag": ("tag", "tags", "[K:"),
}
"""By what a word is found in a report, where not by itself."""
MOST_MARKED = 6
"""How often a value may stand in an exchange and still be marked there."""


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
        words=_words(certificate.broken),
        alike=_alike(certificate.broken),
    )


def _words(failures: Sequence[Result]) -> dict[str, str]:
    """What those words mean that stand in what is told of the failures."""
    told = "\n".join(
        text
        for one in failures
        for text in (one.rule.title, one.wrong, one.expected, one.got, one.look_at, one.exchange, *one.controls)
    )
    return {
        word: meaning
        for word, meaning in WORDS.items()
        if any(_stands(text, told) for text in OCCURS.get(word, tuple(word.split(", "))))
    }


def _stands(text: str, told: str) -> bool:
    begin, end = (r"(?<!\w)" if text[0].isalnum() else "", r"(?!\w)" if text[-1].isalnum() else "")
    return re.search(f"{begin}{re.escape(text)}{end}", told) is not None


def _alike(failures: Iterable[Result]) -> dict[str, list[str]]:
    """The rules that fail with one and the same cause, by that cause, where there are several."""
    by_cause: dict[str, list[str]] = defaultdict(list)
    for one in failures:
        by_cause[one.cause].append(one.rule.id)
    return {cause: ids for cause, ids in by_cause.items() if cause and ids[1:]}


def _marked(exchange: str, marks: Sequence[str]) -> Markup:
    """The lines of an exchange, each call's first one strong, and the values marked that the text beside it names."""
    rare = [mark for mark in marks if 0 < sum(1 for _ in spans(exchange, [mark])) <= MOST_MARKED]

    def line(text: str) -> Markup:
        parts, end = [], 0
        for start, stop in spans(text, rare):
            parts += [escape(text[end:start]), Markup("<mark>{}</mark>").format(text[start:stop])]
            end = stop
        whole = Markup("").join([*parts, escape(text[end:])])
        return Markup("<strong>{}</strong>").format(whole) if text[:1].isdigit() else whole

    return Markup("\n").join(map(line, exchange.splitlines()))


@cache
def _first_sentence(text: str) -> str:
    return text if ". " not in text else f"{text.partition('. ')[0]}."


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["marked"] = _marked
    environment.filters["first_sentence"] = _first_sentence
    return environment.get_template("page.html")
