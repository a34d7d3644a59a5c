"""`kobling about`: what a word means that Kobling has said, from the installed packages, without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from kobling.errors import all_errors
from kobling.texts import messages

from ..desk import Json, Lang
from ..exit_codes import ExitCode
from ..output import Output
from ..problems import Problem
from ..wording import LANGUAGES, Language

KINDS = ("rule", "error", "defect", "finding")
PAGES = {"error": "reference/errors", "defect": "reference/adapter-defects", "finding": "reference/session"}
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
        typer.Argument(help="A rule (SLOT-05), an error (slot_taken), an adapter's defect (second_write), a finding."),
    ] = None,
    *,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Say what a word means that Kobling has said: a rule of the suite, an error, a defect of an adapter, a finding.

    Without a topic all of them are listed.

    JSON: {"topics": {kind: [..]}} or {"articles": [{"kind", "name", "page", "text": {"nb": {"title", "sections"},
    "en": {..}}}]}
    """
    out = Output(lang=lang, as_json=as_json)
    if topic is None:
        return _list(out)
    found = articles(topic, lang)
    if not found:
        near = get_close_matches(topic.lower(), [name.lower() for names in topics().values() for name in names], n=3)
        raise Problem("no_topic", near=", ".join(near) or "–")
    if as_json:
        out.document("about", {"articles": [_facts(article, topic) for article in found]})
        return int(ExitCode.SUCCESS)
    for article in found:
        out.line(f"{article.name}: {article.title}", "bold")
        for name, paragraph in article.sections:
            out.line()
            out.line(out.say("about", name), "cyan")
            out.line(f"  {paragraph}")
        out.line()
        out.line(out.say("about", "read", page=article.page), "dim")
    return int(ExitCode.SUCCESS)


def _list(out: Output) -> int:
    known = topics()
    if out.as_json:
        out.document("about", {"topics": known})
        return int(ExitCode.SUCCESS)
    for kind, names in known.items():
        out.line(out.say("about", kind), "bold")
        out.line("  " + ", ".join(names))
    return int(ExitCode.SUCCESS)


def articles(topic: str, lang: Language) -> list[Article]:
    """What there is to read about a word, in any case; rules are told in English only."""
    return [article for kind in KINDS if (article := _article(kind, topic, lang)) is not None]


def topics() -> dict[str, list[str]]:
    """Every word that there is something to read about, by its kind."""
    tables = messages("en")
    return {
        "rule": sorted(_rules()),
        "error": sorted(all_errors()),
        "defect": sorted(tables["defect"]),
        "finding": sorted(tables["finding"]),
    }


def _rules() -> dict[str, Any]:
    """The suite's rules by id; none where the suite is not installed."""
    try:
        from kobling_contract.contract import RULES
    except ModuleNotFoundError:
        return {}
    return {rule.id: rule for rule in RULES}


def _article(kind: str, topic: str, lang: Language) -> Article | None:
    if kind == "rule":
        rule = _rules().get(topic.upper())
        return None if rule is None else _rule(rule)
    tables, name = messages(lang), topic.lower()
    entry = tables[kind].get(name)
    if entry is None:
        return None
    actor = all_errors()[name].actor if kind == "error" else ""
    who = tables["actor"][actor] if actor else entry.get("who", "")
    values = {"vendor": tables["word"]["vendor"], "fields": tables["word"]["details"]}
    sections = [("do", _filled(entry["do"], values)), ("who", who)]
    what = _filled(entry["what"], values)
    return Article(kind, name, what, PAGES[kind], tuple((head, text) for head, text in sections if text))


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
            yield "cause", f"{cause}: {remedy}"

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
