"""`kobling about`: what a word means that Kobling has said, and the pages it names, from the installed packages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from kobling.errors import all_errors
from kobling.texts import messages

from ..desk import Json, Lang
from ..exit_codes import ExitCode
from ..files import write_file
from ..output import Output
from ..pages import Page, find, pages
from ..problems import Problem
from ..wording import LANGUAGES, Language, say

KINDS = ("rule", "area", "verdict", "error", "defect", "finding", "reason")
PAGES = {
    "area": "reference/suite",
    "verdict": "reference/suite",
    "reason": "reference/errors",
    "error": "reference/errors",
    "defect": "reference/adapter-defects",
    "finding": "reference/session",
}
IN_ENGLISH = ("rule", "area", "verdict")
"""What the contract suite says of itself, which is written in English only."""
_PLACEHOLDER = re.compile(r"(`[^`]*`)|\{(\w+)\}")
Section = tuple[str, str]
"""(the name of a paragraph in `words`, table `about`; the paragraph)."""


@dataclass(frozen=True)
class Article:
    """What there is to read about one word. page: in the documentation."""

    kind: str
    name: str
    title: str
    page: str
    sections: tuple[Section, ...]


def about(
    topic: Annotated[
        str | None,
        typer.Argument(
            help="A rule (SLOT-05), an error (slot_taken), an adapter's defect (second_write), a finding, a page."
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write the page or file there, instead of showing it.")
    ] = None,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Say what a word means that Kobling has said, or show a page of the documentation.

    Words are rules and areas of the suite, verdicts, errors and their reasons, defects of an adapter, findings of a
    test. Pages are named as how-to/read-pages, and are in English.

    Without a topic all of them are listed.

    JSON: {"topics": {kind: [..]}, "pages": {name: title}} or {"articles": [{"kind", "name", "page", "text": {"nb":
    {"title", "sections"}, "en": {..}}}], "pages": [{"name", "markdown"}]}
    """
    out = Output(lang=lang, as_json=as_json)
    if topic is None:
        return _list(out)
    found, shown = articles(topic, lang), find(topic)
    if not found and not shown:
        known = [*(name for names in topics().values() for name in names), *(page.file.stem for page in pages())]
        near = get_close_matches(topic.lower(), [name.lower() for name in known], n=3)
        raise Problem("no_topic", near=", ".join(near) or "–")
    if as_json:
        texts = [{"name": page.name, "markdown": page.text(_titles())} for page in shown]
        out.document("about", {"articles": [_facts(article, topic) for article in found], "pages": texts})
        return int(ExitCode.SUCCESS)
    if output is not None:
        if len(shown) != 1:
            raise Problem("no_one_page", topic=topic)
        write_file(output, shown[0].text(_titles()).encode())
        return int(ExitCode.SUCCESS)
    for article in found:
        spoken: Language = "en" if article.kind in IN_ENGLISH else lang
        out.line(f"{article.name}: {article.title}", "bold")
        for name, paragraphs in groupby(article.sections, key=lambda section: section[0]):
            out.line()
            out.line(say("about", name, spoken), "cyan")
            for _, paragraph in paragraphs:
                out.line(f"  {paragraph}")
        out.line()
        out.line(say("about", "read", spoken, page=article.page), "dim")
    _show(out, shown)
    return int(ExitCode.SUCCESS)


def _show(out: Output, shown: Sequence[Page]) -> None:
    """One page as it is; where several have the name, which they are."""
    if len(shown) == 1:
        (page,) = shown
        if page.file.suffix == ".md":
            out.markdown(page.text(_titles()))
        else:
            out.text(page.text(_titles()))
    elif shown:
        out.line(out.say("about", "pages"), "bold")
        for page in shown:
            out.line(f"  {page.name}: {page.title}")


def _titles() -> dict[str, str]:
    return {name: rule.title for name, rule in _rules().items()}


def _list(out: Output) -> int:
    known = topics()
    if out.as_json:
        out.document("about", {"topics": known, "pages": {page.name: page.title for page in pages()}})
        return int(ExitCode.SUCCESS)
    for kind, names in known.items():
        out.line(out.say("about", kind), "bold")
        out.line("  " + ", ".join(names))
    out.line(out.say("about", "pages"), "bold")
    for page in pages():
        out.line(f"  {page.name}: {page.title}")
    return int(ExitCode.SUCCESS)


def articles(topic: str, lang: Language) -> list[Article]:
    """What there is to read about a word, in any case; rules are told in English only."""
    return [article for kind in KINDS if (article := _article(kind, topic, lang)) is not None]


def topics() -> dict[str, list[str]]:
    """Every word that there is something to read about, by its kind."""
    tables = messages("en")
    return {
        "rule": sorted(_rules()),
        "area": sorted(_books()),
        "verdict": list(_verdicts()),
        "error": sorted(all_errors()),
        "defect": sorted(tables["defect"]),
        "finding": sorted(tables["finding"]),
        "reason": sorted(tables["because"]),
    }


def _rules() -> dict[str, Any]:
    """The suite's rules by id; none where the suite is not installed."""
    try:
        from kobling_contract.contract import RULES
    except ModuleNotFoundError:
        return {}
    return {rule.id: rule for rule in RULES}


def _books() -> dict[str, Any]:
    """The suite's areas by name."""
    try:
        from kobling_contract.contract import BOOKS
    except ModuleNotFoundError:
        return {}
    return {book.area: book for book in BOOKS}


def _verdicts() -> dict[str, str]:
    """What each verdict means, the strongest first."""
    try:
        from kobling_contract.verdicts import MEANINGS
    except ModuleNotFoundError:
        return {}
    return {str(verdict): meaning for verdict, meaning in MEANINGS.items()}


def _article(kind: str, topic: str, lang: Language) -> Article | None:
    if kind == "rule":
        rule = _rules().get(topic.upper())
        return None if rule is None else _rule(rule)
    if kind == "area":
        book = _books().get(topic.upper())
        rules = "" if book is None else "; ".join(f"{rule.id} {rule.title}" for rule in book.rules)
        return None if book is None else Article(kind, book.area, book.about, PAGES[kind], (("rules", rules),))
    if kind == "verdict":
        meaning = _verdicts().get(topic.upper())
        return None if meaning is None else Article(kind, topic.upper(), f"{meaning}.", PAGES[kind], ())
    tables, name = messages(lang), topic.lower()
    if kind == "reason":
        return _reason(tables, name)
    entry = tables[kind].get(name)
    if entry is None:
        return None
    actor = all_errors()[name].actor if kind == "error" else ""
    who = tables["actor"][actor] if actor else entry.get("who", "")
    values = {"vendor": tables["word"]["vendor"], "fields": tables["word"]["details"]}
    sections = [("do", _filled(entry["do"], values)), ("who", who)]
    what = _filled(entry["what"], values)
    return Article(kind, name, what, PAGES[kind], tuple((head, text) for head, text in sections if text))


def _reason(tables: Mapping[str, Any], name: str) -> Article | None:
    """A reason, and what it calls for where that differs from what the error does."""
    if name not in tables["because"]:
        return None
    values = {"vendor": tables["word"]["vendor"], "fields": tables["word"]["details"]}
    do = tables["remedy"].get(name)
    sections = (("do", _filled(do, values)),) if do else ()
    return Article("reason", name, _filled(tables["because"][name], values), PAGES["reason"], sections)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """What stands for every case of a text: `{vendor}` as a general word, anything else as three dots. Braces in code
    are left alone."""
    return _PLACEHOLDER.sub(lambda found: found[1] or values.get(found[2], "…"), text)


def _rule(rule: Any) -> Article:
    def sections() -> Iterator[Section]:
        yield "why", rule.why
        yield "check", rule.check
        yield "control", rule.control
        yield "source", rule.source
        for cause, remedy in rule.causes.items():
            look = rule.look.get(cause)
            yield "cause", f"{cause}: {remedy}{f' ({look})' if look else ''}"

    return Article("rule", rule.id, rule.title, f"reference/rules/{rule.id}", tuple(sections()))


def _facts(article: Article, topic: str) -> dict[str, Any]:
    told = {lang: _article(article.kind, topic, lang) for lang in LANGUAGES}
    return {
        "kind": article.kind,
        "name": article.name,
        "page": article.page,
        "text": {
            lang: {"title": one.title, "sections": [list(section) for section in one.sections]}
            for lang, one in told.items()
            if one is not None
        },
    }
