"""Tables and texts that are read from the code when the site is built, so that they can't fall behind it.

    ```{live-table} errors
    ```
    ```{live-text} request extensor
    ```
    ```{live-rules} PAGE-01 PAGE-02
    ```

A table is a function here that returns a heading row and rows of Markdown cells; a text, one that returns texts by
their captions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

import kobling
from kobling import texts
from kobling.adapter import OPERATIONS
from kobling.errors import KoblingError, all_errors
from kobling_cli.app import app
from kobling_cli.exit_codes import MEANING
from kobling_contract.contract import chosen
from kobling_contract.detectability import TARGETS, UNKNOWABLE, provable_on
from kobling_contract.rule import COMMON_CAUSES, COMMON_LOOK
from kobling_contract.target import find_target
from kobling_mocks import FACTS, FINDINGS, KINDS, Mock, find_dialect
from kobling_mocks.clinic import HIDDEN_BECAUSE
from kobling_mutants import published
from kobling_zoo.faults import AREAS
from kobling_zoo.missing import MISSING
from kobling_zoo.odd import ODD
from kobling_zoo.per_target import STATES

Rows = list[tuple[str, ...]]
Cells = tuple[tuple[str, ...], Rows]

_ERRORS = KoblingError.__subclasses__()


def _code(value: object) -> str:
    return f"`{value}`"


def _said(entry: Mapping[str, str]) -> str:
    return " ".join(entry[part] for part in ("what", "do", "who") if part in entry)


def errors(_: str) -> Cells:
    """Every error with its code, what is certain after it, and what people read."""
    nb, en = texts.messages("nb")["error"], texts.messages("en")["error"]
    rows: Rows = []
    for branch in _ERRORS:
        members = [one for one in all_errors().values() if issubclass(one, branch)]
        for one in sorted(members, key=lambda each: (each is not branch, each.__name__)):
            name = f"**`{one.__name__}`**" if one is branch else f"`{one.__name__}`"
            facts = f"`{one.code}`; effect {one.effect}; {one.actor}; {one.retry}"
            rows.append((name, facts, _said(nb[one.code]), _said(en[one.code])))
    return ("Error", "Code; effect; who acts; next step", "Norsk", "English"), rows


def _both(table: str) -> Rows:
    nb, en = texts.messages("nb")[table], texts.messages("en")[table]
    pairs = [(word, nb[word], en[word]) for word in nb]
    return [(_code(word), *((_said(one) if isinstance(one, dict) else one) for one in both)) for word, *both in pairs]


def reasons(_: str) -> Cells:
    """Words that narrow an error, with their sentence."""
    return ("because", "Norsk", "English"), _both("because")


def defects(_: str) -> Cells:
    """What the engine refuses in an adapter."""
    return ("Reason", "What the adapter did", "How to write it"), [
        (_code(name), one["what"], one["do"]) for name, one in texts.messages("en")["defect"].items()
    ]


def findings(_: str) -> Cells:
    """What a test of a connection or `explain` may find, beside errors."""
    return ("Finding", "Norsk", "English"), _both("finding")


def attempts(_: str) -> Cells:
    """What the attempt guard says to the person who pressed."""
    return ("Answer", "Norsk", "English"), _both("attempt")


def links(_: str) -> Cells:
    """Why a link is proposed or not, and how a confirmed one has broken."""
    return ("Reason", "Norsk", "English"), _both("link")


def form(vendor: str) -> Cells:
    """The four fields as one vendor uses them."""
    rows: Rows = []
    for name, field in _adapter(vendor).form.fields().items():
        if field.use == "unused":
            rows.append((_label(name), "unused", "", "", ""))
        else:
            rows.append(
                (_label(name), field.use, _source("inferred" if field.inferred else "known"),
                 f"{field.nb} / {field.en}", _code(field.example) if field.example else "")
            )  # fmt: skip
    return ("Field", "Use", "Known", "Help", "Example"), rows


def _label(name: str) -> str:
    return f"{texts.field_names((name,), 'nb')} `{name}`"


def operations(vendor: str) -> Cells:
    """Which of the contract's twelve operations one vendor's adapter has."""
    supports = _adapter(vendor).supports
    return ("Operation", "Offered"), [(_code(name), "yes" if name in supports else "no") for name in OPERATIONS]


def limits(vendor: str) -> Cells:
    """How one vendor may be asked."""
    declared = _adapter(vendor).limits
    rate = declared.rate
    rows = [
        ("longest window of one search", f"{declared.slots.days} local days"),
        ("asked separately for each", ", ".join(declared.slots.per) or "nothing"),
        ("questions at the same time", str(declared.slots.together)),
        ("limit on calls", f"{rate.calls} in {rate.per:g} s for each {rate.scope}" if rate else "none is known"),
        ("moved in one step within", ", ".join(sorted(declared.reschedule_within)) or "never"),
        ("seconds for a read, for a write", f"{declared.timeout_read:g}, {declared.timeout_write:g}"),
    ]
    return ("Limit", "Value"), rows


def facts(vendor: str) -> Cells:
    """How one vendor books, each fact with its grade and source."""
    booking = _adapter(vendor).limits.booking
    rows: Rows = []
    for name in type(booking).model_fields:
        if name in ("inferred", "sources"):
            continue
        value = getattr(booking, name)
        shown = "not known" if value is None else f"`{value}`"
        rows.append((_code(name), shown, _source(booking.source(name)), booking.sources.get(name, "")))
    return ("Fact", "Value", "Known", "Source"), rows


def _source(source: str) -> str:
    return texts.text("source", source, "en")


def patient(vendor: str) -> Cells:
    """What one vendor is told of a patient."""
    declared = _adapter(vendor).patient_fields
    rows = [
        (name, ", ".join(_code(field) for field in sorted(getattr(declared, name))) or "none")
        for name in ("required", "optional", "in_url", "unsent")
    ]
    rows.insert(1, ("at least one of each", "; ".join(", ".join(sorted(one)) for one in declared.one_of) or "none"))
    return ("Patient", "Fields"), [*rows, ("found at the vendor by", _code(declared.match))]


def matrix(_: str) -> Cells:
    """What each installed vendor offers: a row for each capability, a column for each vendor."""
    installed = kobling.load().adapters
    adapters = [installed[key] for key in sorted(installed)]
    columns = [kobling.capabilities(one) for one in adapters]
    rows = [(f"**{row[0].title('en')}**", *map(_cell_of, row)) for row in zip(*columns, strict=True)]
    return ("", *(f"[{one.name}]({one.key.replace('-', '_')}.md)" for one in adapters)), rows


def _cell_of(row: kobling.Capability) -> str:
    """`**grade** text *(how it is known; against what it was tried)*`"""
    tried = [texts.text("tried", target, "en") for target in row.tried]
    grade = texts.text("grade", row.grade, "en")
    return f"**{grade}** {row.explain('en')} *({'; '.join((_source(row.source), *tried))})*"


def switches(vendor: str) -> Cells:
    """What one mock can be switched to, because the vendor's pages leave it open."""
    rows: Rows = []
    for one in find_dialect(vendor).switches:
        settings = (
            " to ".join(map(str, one.choices)) if one.number else ", ".join(_code(choice) for choice in one.choices)
        )
        rows.append((_code(one.name), settings, one.known, f"{one.what} {one.why}"))
    return ("Switch", "Settings, the first is the default" if rows else "", "Grade", "What and why"), rows


def common_causes(_: str) -> Cells:
    """The causes that any rule may end with."""
    told = {name: f"{remedy} {COMMON_LOOK.get(name, '')}" for name, remedy in COMMON_CAUSES.items()}
    return ("Cause", "What it means and what to do"), [(_code(name), text) for name, text in told.items()]


def hidden_codes(_: str) -> Cells:
    """Why a clinic's online booking does not show a time."""
    return ("Word", "Meaning"), [(_code(word), meaning) for word, meaning in HIDDEN_BECAUSE.items()]


def untold(_: str) -> Cells:
    """What each word of a dialect's `untold` means."""
    rows = [(_code(word), one.what, one.then, "yes" if one.held else "") for word, one in FACTS.items()]
    return ("Word", "What the API does not tell", "Then, in the suite", "Follows from `fit`"), rows


def faults(_: str) -> Cells:
    """The faults that a mock can be ordered to have."""
    return ("Kind", "What happens", "In process"), [
        (_code(name), one.what, _code(one.failure) if one.failure else "a reply") for name, one in KINDS.items()
    ]


def journal(_: str) -> Cells:
    """What a mock's journal notices."""
    return ("Finding", "Meaning"), [(_code(code), text) for code, text in FINDINGS.items()]


def control(_: str) -> Cells:
    """The control API, from the OpenAPI document that a mock serves."""
    mock = Mock("eg-pasientsky")
    answer = mock.exchange(kobling.WireRequest("GET", f"{mock.origin}/openapi/openapi.json"))
    if not isinstance(answer, kobling.WireReply) or answer.status != 200:
        raise RuntimeError("the mock serves no OpenAPI document")
    document: dict[str, Any] = json.loads(answer.body)
    rows: Rows = []
    for path, methods in document["paths"].items():
        if path.startswith("/__mock__"):
            rows += [
                (_code(f"{verb.upper()} {path}"), one["summary"], _body(document, one)) for verb, one in methods.items()
            ]
    return ("Call", "What it does", "Body"), rows


def _body(document: dict[str, Any], operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = content.get("schema", {}).get("$ref", "")
    if not reference:
        return ""
    schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    needed = schema.get("required", [])
    return ", ".join(_code(name) + ("" if name in needed else "?") for name in schema["properties"])


def exit_codes(_: str) -> Cells:
    """What the command line's exit codes mean."""
    return ("Exit code", "Meaning"), [(_code(int(code)), meaning) for code, meaning in MEANING.items()]


def commands(_: str) -> Cells:
    """The command line's commands with what must be given to each."""
    return ("Command", "What it does"), [
        (_code(" ".join(("kobling", *path, *_arguments(one)))), (one.help or "").partition("\n\n")[0])
        for path, one in _commands(get_command(app), ())
    ]


def _commands(one: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(one, "commands"):
        yield path, one
        return
    for name, below in one.commands.items():
        yield from _commands(below, (*path, name))


def _arguments(one: Any) -> list[str]:
    needed = [parameter for parameter in one.params if parameter.required]
    return [each.name.upper() if each.param_type_name == "argument" else each.opts[0] for each in needed]


def rules(area: str) -> Cells:
    """The contract suite's rules of one area."""
    rows = [
        (f"[`{one.id}`](rules/{one.id}.md)" + (" *safety*" if one.safety else ""), one.title, one.why, one.control)
        for one in chosen([area])
    ]
    return ("Rule", "What must hold", "Why", "Positive control"), rows


def detectability(_: str) -> Cells:
    """Each rule, and the targets that can show whether it holds."""
    rows: Rows = []
    for one in chosen(None):
        shown = ("yes" if kind in provable_on(one) else "" for kind in TARGETS)
        rows.append((_code(one.id), one.title, *shown, ", ".join(sorted(one.evidence))))
    return ("Rule", "What must hold", *TARGETS, "Evidence on a mock"), rows


def unknowable(_: str) -> Cells:
    """What no run on a target can know."""
    return ("Target", "It can't show"), [(kind, limit) for kind in TARGETS for limit in UNKNOWABLE[kind]]


BENCHMARKS = Path(__file__).parents[1] / "reference" / "benchmarks.json"
MEASURED = Path(__file__).parents[1] / "reference" / "zoo.json"


def _measured() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(MEASURED.read_text("utf-8"))
    return told


def zoo_sums(_: str) -> Cells:
    """What the last measurement of the zoo came to."""
    told = _measured()
    looked = told["looked_at"]
    rows: Rows = [
        ("faults on the list", str(told["faults"])),
        ("found by their rule, for their cause", str(told["killed"])),
        ("impossible by construction", str(told["by_construction"])),
        ("neither", ", ".join(map(str, told["open"])) or "none"),
        ("adapters with a planted fault", str(told["exhibits"])),
        ("false reds", f"{told['false_reds']} in {looked['odd'] + looked['twin']} runs of adapters that are right"),
        ("passes of adapters that do nothing", f"{told['null_passes']} in {looked['nothing']} runs"),
        ("errors of the suite", str(len(told["errors"]))),
    ]
    return ("Measured", ""), rows


def zoo_kills(_: str) -> Cells:
    """Each fault with its exhibits, in the order of the list."""
    told = {one["number"]: one for one in _measured()["faults_detail"]}
    rows: Rows = []
    for area, faults in AREAS.items():
        for number, text in faults.items():
            found = "; ".join(_exhibit(one) for one in told[number]["exhibits"])
            rows.append((str(number), f"{area}: {text}", found or "", told[number]["state"].replace("_", " ")))
    return ("", "Fault", "Exhibit: rule and cause", "State"), rows


def _exhibit(one: dict[str, Any]) -> str:
    survives = "" if one["killed"] else " **survives**"
    return f"{_code(one['adapter'])} ({one['vendor']}): {_code(one['rule'])} {_code(one['cause'])}{survives}"


def zoo_target_sums(_: str) -> Cells:
    """What each target comes to: how many exhibits are seen from it, and how."""
    rows: Rows = [
        (SEEN_FROM[one["target"]], str(len(one["rules"])), *(str(one[state]) for state in STATES))
        for one in _measured()["targets"]
    ]
    return ("Seen from", "Rules", *STATES.values()), rows


def zoo_targets(_: str) -> Cells:
    """Each exhibit, and what is seen of it from each target."""
    told = _measured()
    mock = {
        each["adapter"]: each
        for each in (*(one for fault in told["faults_detail"] for one in fault["exhibits"]), *told["beyond_the_list"])
    }
    columns = {row["target"]: {one["adapter"]: one for one in row["exhibits"]} for row in told["targets"]}
    rows: Rows = []
    for name, each in mock.items():
        numbers = next((one[name]["faults"] for one in columns.values() if name in one), [])
        cells = (_sight(columns[one].get(name)) for one in SEEN_FROM if one in columns)
        own = f"{_code(each['rule'])} {_code(each['cause'])}{'' if each['killed'] else ' **survives**'}"
        rows.append((", ".join(map(str, numbers)), f"{_code(name)} ({each['vendor']})", own, *cells))
    return ("Fault", "Exhibit", "Mock", *(SEEN_FROM[one] for one in SEEN_FROM if one in columns)), rows


SEEN_FROM = {"cassette": "Recordings", "live_reading": "Sandbox, reading", "live_writing": "Sandbox, with bookings"}


def _sight(one: dict[str, Any] | None) -> str:
    if one is None:
        return "not measured"
    if one["state"] == "seen":
        return ", ".join(f"{rule} {_code(cause)}" for rule, cause in list(one["by"].items())[:2])
    words = {"killed": "**killed**", "asks_otherwise": "asks otherwise", "survives": "survives", "unprovable": "—"}
    return words[one["state"]]


def zoo_attempts(_: str) -> Cells:
    """What adapters try in vain, the guard in their way, and what happens without it."""
    rows: Rows = [
        (
            str(one["number"]),
            each["about"],
            each["guard"],
            each["without_the_guard"],
            _code(each["test"].partition("[")[2].removesuffix("]")),
        )
        for one in _measured()["faults_detail"]
        for each in one["attempts"]
    ]
    return ("", "An adapter that", "Guard", "Without it", "In `test_what_the_engine_forbids.py`"), rows


def zoo_about(numbers: str) -> Cells:
    """A few faults, as "49,51": what is in their way, or which rule finds them, and what was seen."""
    told = {one["number"]: one for one in _measured()["faults_detail"]}
    rows: Rows = []
    for one in (told[int(number)] for number in numbers.split(",")):
        rows += [
            (one["fault"], f"impossible: {each['guard']}", each["without_the_guard"])
            for each in one["attempts"]
            if each["held"]
        ]
        if found := dict.fromkeys(f"`{each['rule']}`" for each in one["exhibits"] if each["killed"]):
            tried = sum(each["killed"] for each in one["exhibits"])
            rows.append((one["fault"], f"found by {', '.join(found)}", f"{tried} of {len(one['exhibits'])} adapters"))
    return ("An adapter in which", "Is", "Seen without the guard, or found"), rows


def zoo_beyond(_: str) -> Cells:
    """Exhibits of faults that are not on the list."""
    return ("Exhibit", "Fault", "Rule and cause"), [
        (f"{_code(one['adapter'])} ({one['vendor']})", one["about"], f"{_code(one['rule'])} {_code(one['cause'])}")
        for one in _measured()["beyond_the_list"]
    ]


def zoo_odd(_: str) -> Cells:
    """Odd adapters that are right."""
    return ("Adapter", "What is odd about it"), [
        (f"{_code(one.name)} ({one.adapter.key})", one.about) for one in ODD.values()
    ]


def zoo_missing(_: str) -> Cells:
    """Faults that are neither shown nor tried."""
    texts_of = {number: text for area in AREAS.values() for number, text in area.items()}
    return ("", "Fault", "Waits for"), [(str(number), texts_of[number], why) for number, why in MISSING.items()]


def benchmarks(which: str) -> Cells:
    """What `make bench` measured last; which: only rows that begin so, as "catalogue"."""
    told = json.loads(BENCHMARKS.read_text("utf-8"))
    rows = [
        (one["what"], one["median"], one["against"], one["ratio"], one["aim"], one["met"])
        for one in told["lines"]
        if one["what"].startswith(which)
    ]
    if not rows:
        raise ValueError(f"no benchmark begins with {which!r}")
    return ("Measured", "Median", "Against", "Ratio", "Aim", "Met"), rows


def benchmarks_in_short(begins: str) -> Cells:
    """What a few rows came to: each row whose name begins with one of these, divided by bars, by ratio alone."""
    rows: Rows = []
    for begin in begins.split("|"):
        found = benchmarks(begin.replace("_", " "))[1]
        rows += [(what, median, f"{ratio} times {against}") for what, median, against, ratio, *_ in found]
    return ("Measured", "Takes", "Beside"), rows


def benchmarked(_: str) -> Cells:
    """On what it was measured."""
    told = json.loads(BENCHMARKS.read_text("utf-8"))
    return ("", ""), list(told["measured"].items())


MUTANTS = Path(__file__).parents[1] / "reference" / "mutants.json"


def _mutants() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(MUTANTS.read_text("utf-8"))["vendors"]
    return told


def mutants_sums(_: str) -> Cells:
    """Each file of an adapter, what became of its mutants, and whether it has changed since."""
    rows: Rows = []
    for vendor, told in _mutants().items():
        changed = published.changed_since(told, published.source_of(_adapter(vendor)))
        rows += [_mutants_row(_code(file), facts, file in changed) for file, facts in told["files"].items()]
        rows.append(_mutants_row(f"**{vendor}**", published.summed(told), bool(changed)))
    head = ("File", "Mutants", "Looked at", "Killed", "Refused", "Left", "Stillborn", "Killed of those that live", "")
    return head, rows


def _mutants_row(name: str, facts: Mapping[str, Any], changed: bool) -> tuple[str, ...]:
    alive = facts["killed"] + facts["refused"] + facts["survived"]
    numbers = (facts["mutants"], alive + facts["stillborn"], facts["killed"], facts["refused"], facts["survived"],
               facts["stillborn"])  # fmt: skip
    rate = f"{facts['killed'] / alive:.0%}" if alive else ""
    return (name, *map(str, numbers), rate, "changed since" if changed else "")


def mutants_kills(_: str) -> Cells:
    """How many mutants each rule was the first to fail on, by vendor; the order in which rules are run tells which."""
    by_vendor = {vendor: told["killed_by"] for vendor, told in _mutants().items()}
    rows: Rows = [
        (_code(rule.id), rule.title, *(str(kills.get(rule.id, "")) for kills in by_vendor.values()))
        for rule in chosen(None)
        if any(rule.id in kills for kills in by_vendor.values())
    ]
    return ("Rule", "What must hold", *by_vendor), rows


def mutants_left(_: str) -> Cells:
    """Each reason with the mutants that are left for it."""
    left = {one["id"]: one for told in _mutants().values() for one in told["left"]}
    rows: Rows = []
    for reason in published.reasons():
        shown = "<br>".join(_mutant(left[one]) for one in reason.mutants if one in left)
        rows.append((f"**{reason.kind}**: {published.KINDS[reason.kind]}", reason.why, shown))
    return ("Kind", "Why", "Mutants"), rows


def _mutant(one: Mapping[str, Any]) -> str:
    place = f"{one['file'].removeprefix('kobling_')}:{one['line']}"
    by = f" ({one['rules_not_tried']} rules not tried)" if "rules_not_tried" in one else ""
    return f"{place} {_code(one['was'])} becomes {_code(one['becomes'])}{by}"


def _adapter(vendor: str) -> type[kobling.Adapter]:
    return find_target(vendor).adapter


TABLES: Mapping[str, Callable[[str], Cells]] = {
    one.__name__: one
    for one in (
        errors, reasons, defects, findings, attempts, links, form, operations, limits, facts, patient, matrix,
        switches, untold, hidden_codes, common_causes, faults, journal, control, exit_codes, commands, rules,
        detectability, unknowable, zoo_sums, zoo_kills, zoo_attempts, zoo_about, zoo_target_sums, zoo_targets,
        zoo_beyond, zoo_odd, zoo_missing, mutants_sums, mutants_kills, mutants_left, benchmarks, benchmarks_in_short,
        benchmarked,
    )
}  # fmt: skip
_PLACEHOLDER = re.compile(r"(`[^`]*`)|\{(\w+)\}")


def markdown(name: str, argument: str = "") -> list[str]:
    """A table's lines of Markdown."""
    head, rows = TABLES[name](argument)
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]


def _cell(text: str) -> str:
    shown = _PLACEHOLDER.sub(lambda found: found[1] or f"*{found[2]}*", " ".join(text.split()))
    return shown.replace("|", "\\|")


def request(vendor: str) -> dict[str, str]:
    """The ready-written request for one vendor's details, as a clinic sends it."""
    adapter = _adapter(vendor)
    named = {"vendor": adapter.name, "clinic": "Fjord fysioterapi", "contact": "post@fjord.example"}
    captions: dict[texts.Language, str] = {"nb": "Norsk", "en": "English"}
    return {caption: adapter.form.request_details(**named, lang=lang) for lang, caption in captions.items()}


TEXTS: Mapping[str, Callable[[str], Mapping[str, str]]] = {"request": request}


class LiveTable(SphinxDirective):
    """`{live-table} name [vendor]`."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        name, argument = self.arguments[0], (self.arguments[1:] or [""])[0]
        holder = nodes.container()
        self.state.nested_parse(StringList(markdown(name, argument), name), self.content_offset, holder)
        return holder.children


class LiveText(SphinxDirective):
    """`{live-text} name vendor`: each text as it is sent, under its caption."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        name, argument = self.arguments
        shown: list[nodes.Node] = []
        for caption, text in TEXTS[name](argument).items():
            shown += [nodes.rubric(text=caption), nodes.literal_block(text, text, language="text")]
        return shown


class LiveRules(SphinxDirective):
    """`{live-rules} ID ID …`: rules of the suite, each with its title and a link to its page. For pages of `how-to`."""

    required_arguments = 1
    optional_arguments = 20

    def run(self) -> list[nodes.Node]:
        titles = {one.id: one.title for one in chosen(self.arguments)}
        lines = [f"- [{name}](../reference/rules/{name}.md): {titles[name]}" for name in self.arguments]
        holder = nodes.container()
        self.state.nested_parse(StringList(lines, "live-rules"), self.content_offset, holder)
        return holder.children


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("live-table", LiveTable)
    app.add_directive("live-text", LiveText)
    app.add_directive("live-rules", LiveRules)
    return {"parallel_read_safe": True}
