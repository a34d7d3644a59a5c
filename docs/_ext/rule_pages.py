"""A page for each rule of the contract suite, written from the catalogue, the zoo and the last measurement.

    python docs/_ext/rule_pages.py               # measure again: run every rule on every vendor, and keep what was seen
    python docs/_ext/rule_pages.py SLOT FAIL-11  # these only

The pages are written when the site is built, into `docs/reference/rules`; git does not keep them.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from kobling_contract.certify import certify
from kobling_contract.contract import BOOKS, RULES, chosen
from kobling_contract.rule import COMMON_CAUSES, Rule
from kobling_zoo.exhibit import Exhibit
from kobling_zoo.housing import exhibits

REFERENCE = Path(__file__).parents[1] / "reference"
SEEN = REFERENCE / "rules.json"
"""What each rule saw on each vendor's adapter when it was last measured."""
PAGES = REFERENCE / "rules"
HOW_TO = Path(__file__).parents[1] / "how-to"
VENDORS = ("eg-pasientsky", "extensor", "easypractice", "synthetic")
SEED = 1
MOST_LINES = 40

WHERE = {
    "journal": "the calls that the vendor received",
    "timebook": "the clinic's own timebook",
    "wire": "the raw requests and connections",
    "logs": "logs, reprs and exceptions",
    "process": "what was done to the process",
}
TARGETS = {"mock": "the vendor's mock", "cassette": "recordings", "live": "a live sandbox"}


def page(rule: Rule, seen: dict[str, Any]) -> str:
    """The page of one rule, as Markdown."""
    return "\n".join([*_head(rule), *_mending(rule), *_passing(rule, seen.get(rule.id, {})), *_breaking(rule)])


def _head(rule: Rule) -> Iterator[str]:
    operations = ", ".join(f"`{one}`" for one in sorted(rule.needs)) or "nothing"
    yield from (f"# {rule.id}: {rule.title}", "", rule.why, "")
    rows = [
        ("calls", operations + "; an adapter that declares one of them absent is skipped, once that is proven"),
        ("positive control", rule.control),
        ("evidence", "; ".join(WHERE[one] for one in sorted(rule.evidence))),
        ("can be shown on", ", ".join(TARGETS[one] for one in sorted(rule.targets))),
        ("runs", "through the async and the sync driver" if rule.driver else "through the async driver"),
        ("waiver", "never: people's safety rests on it" if rule.safety else "with a reason and an end date"),
        ("source", rule.source),
    ]
    yield from ("| | |", "|---|---|", *(f"| {name} | {_cell(text)} |" for name, text in rows), "")
    yield from ("Run it alone:", "", "```text", f"kobling certify VENDOR --rule {rule.id}", "```", "")


def _mending(rule: Rule) -> Iterator[str]:
    yield from ("## When it fails", "", f"Look first at: {rule.check}", "")
    pages = {name: (rules.index(rule.id), title) for name, (title, rules) in how_to().items() if rule.id in rules}
    links = [f"[{pages[name][1]}](../../how-to/{name})" for name in sorted(pages, key=pages.__getitem__)]
    if links:
        yield from (f"How it is done: {', '.join(links)}.", "")
    causes = {name: told for name, told in rule.causes.items() if name not in COMMON_CAUSES}
    yield from ("| cause | what it means and what to do |", "|---|---|")
    for cause, remedy in causes.items():
        look = f" Look at: {rule.look[cause]}" if cause in rule.look else ""
        yield f"| `{cause}` | {_cell(remedy + look)} |"
    yield from ("", "Or one of [the causes that every rule may end with](../suite.md#causes-of-every-rule).", "")


@cache
def how_to() -> dict[str, tuple[str, list[str]]]:
    """The how-to pages that name rules: title by file name, and the rules, those first that the page is most about."""
    texts = {path.name: path.read_text("utf-8") for path in sorted(HOW_TO.glob("*.md"))}
    named = {name: re.findall(r"^```\{live-rules\} (.+)$", text, re.MULTILINE) for name, text in texts.items()}
    return {
        name: (texts[name].partition("\n")[0].removeprefix("# "), " ".join(lines).split())
        for name, lines in named.items()
        if lines
    }


def _passing(rule: Rule, seen: dict[str, Any]) -> Iterator[str]:
    vendor = next((one for one in VENDORS if seen.get(one, {}).get("verdict") == "PASS"), None)
    skipped = {one: told["reason"] for one, told in seen.items() if told["verdict"] == "SKIP"}
    if vendor is not None:
        yield from ("## What a pass looks like", "", f"Seen on `{vendor}`, seed {SEED}.", "")
        yield from (f"- control: {_plain(one)}" for one in dict.fromkeys(seen[vendor]["controls"][:4]))
        yield from (f"- evidence: {_plain(one)}" for one in dict.fromkeys(seen[vendor]["evidence"][:6]))
        yield ""
    for one, reason in skipped.items():
        yield from (f"Skipped on `{one}`: {_plain(reason)}.", "")


def _breaking(rule: Rule) -> Iterator[str]:
    breaking = [one for one in exhibits().values() if one.rule == rule.id]
    if not breaking:
        return
    shortest = min(breaking, key=lambda one: (not _shows_how(one), len(inspect.getsource(one.adapter))))
    yield from ("## An adapter that breaks it", "", f"{shortest.about} Found as `{shortest.cause}`.", "")
    yield from ("```python", *_source(shortest), "```", "")
    others = [one for one in breaking if one is not shortest]
    if others:
        told = (f"- `{one.name}`: {one.about} Found as `{one.cause}`." for one in others)
        yield from ("Others that break it:", "", *told, "")


def _shows_how(one: Exhibit) -> bool:
    """Whether the class itself holds the mistake, and not one that it extends."""
    own = set(vars(one.adapter)) - {"contract", "supports"}
    return any(not name.startswith(("__", "_abc")) for name in own)


def _source(one: Exhibit) -> list[str]:
    lines = textwrap.dedent(inspect.getsource(one.adapter)).splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("class "))
    shown = lines[begin:]
    return shown if len(shown) <= MOST_LINES else [*shown[:MOST_LINES], "    ..."]


def _plain(text: str) -> str:
    return text.replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def index() -> str:
    """The page over all rules, by area."""
    lines = ["# Rules", "", "One page for each rule of the [contract suite](../suite.md).", ""]
    for book in BOOKS:
        lines += [f"## {book.area}: {book.about[0].lower()}{book.about[1:]}", ""]
        lines += [f"- [{rule.id}]({rule.id}.md): {rule.title}" for rule in book.rules]
        lines.append("")
    return "\n".join([*lines, ":::{toctree}", ":hidden:", "", *(f"{rule.id} <{rule.id}>" for rule in RULES), ":::", ""])


def write(_: Sphinx | None = None) -> None:
    """Write every page that has changed, and take away those of rules that are no more."""
    seen = json.loads(SEEN.read_text("utf-8"))
    pages = {f"{rule.id}.md": page(rule, seen) for rule in RULES} | {"index.md": index()}
    PAGES.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = PAGES / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
    for path in PAGES.glob("*.md"):
        if path.name not in pages:
            path.unlink()


def measure(names: list[str]) -> None:
    """Run these rules, or every rule, on every vendor's adapter and keep what was seen."""
    kept: dict[str, Any] = json.loads(SEEN.read_text("utf-8")) if names else {}
    wanted = [rule.id for rule in chosen(names or None)]
    for vendor in VENDORS:
        certificate = certify(vendor, seed=SEED, rules=wanted, jobs=None)
        for result in certificate.results:
            said = {"verdict": result.verdict.value, "reason": result.reason}
            seen = {"controls": list(result.controls), "evidence": list(result.evidence)}
            kept.setdefault(result.rule.id, {})[vendor] = said | seen
        sys.stderr.write(f"{vendor}: {certificate.headline()}\n")
    told = {rule.id: kept[rule.id] for rule in RULES if rule.id in kept}
    SEEN.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    measure(sys.argv[1:])
