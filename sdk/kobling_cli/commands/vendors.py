"""`kobling vendors`: which adapters are installed, and what each needs and can."""

from __future__ import annotations

from typing import Any

from kobling import Adapter, capabilities, load
from kobling.adapter import unkept
from kobling.texts import field_names

from ..desk import Json, Lang
from ..exit_codes import ExitCode
from ..output import Output, shown
from ..wording import LANGUAGES


def vendors(*, as_json: Json = False, lang: Lang = "nb") -> int:
    """List the installed vendors: which details each needs, and what it can.

    JSON: {"vendors": [{"key", "name", "contract", "search_only", "supports": [..], "form": {field: {"use", "example",
    "help": {"nb", "en"}, "inferred"}}, "patient": {"required", "one_of", "optional", "match"}, "booking": {..},
    "capabilities": [{"name", "grade", "how", "names": [..], "source", "tried": [..], "text": {"nb", "en"}}]}],
    "problems": [{"plugin", "what"}]}
    """
    out = Output(lang=lang, as_json=as_json)
    installed = load()
    adapters = [installed.adapters[key] for key in sorted(installed.adapters)]
    if as_json:
        out.document(
            "vendors",
            {
                "vendors": [_facts(adapter) for adapter in adapters],
                "problems": [{"plugin": one.plugin, "what": one.what} for one in installed.problems],
            },
        )
        return ExitCode.SUCCESS
    if adapters:
        rows = [(cls.key, cls.name, _needs(cls, out), ", ".join(sorted(cls.supports))) for cls in adapters]
        heads = [out.say("word", key) for key in ("key", "vendor", "needs", "can")]
        out.table(heads, rows, ("bold cyan",))
    else:
        out.line(out.say("line", "no_plugins"))
    for problem in installed.problems:
        out.note(out.say("line", "plugin_problem", plugin=shown(problem.plugin), what=shown(problem.what)), "yellow")
    return ExitCode.SUCCESS


def _needs(adapter: type[Adapter], out: Output) -> str:
    named = []
    for name, field in adapter.form.fields().items():
        if field.use != "unused":
            optional = "" if field.use == "required" else f" ({out.say('word', 'optional')})"
            named.append(field_names((name,), out.lang) + optional)
    return ", ".join(named)


def _facts(adapter: type[Adapter]) -> dict[str, Any]:
    fields = adapter.patient_fields
    facts = adapter.limits.booking
    return {
        "key": adapter.key,
        "name": adapter.name,
        "contract": adapter.contract,
        "search_only": "book" not in adapter.supports or unkept(adapter),
        "supports": sorted(adapter.supports),
        "form": {
            name: {
                "use": field.use,
                "example": field.example,
                "help": {lang: getattr(field, lang) for lang in LANGUAGES},
                "inferred": field.inferred,
            }
            for name, field in adapter.form.fields().items()
        },
        "patient": {
            "required": sorted(fields.required),
            "one_of": [sorted(choice) for choice in fields.one_of],
            "optional": sorted(fields.optional),
            "match": fields.match,
        },
        "booking": {
            "mode": facts.mode,
            "overlap": facts.overlap,
            "reference_in": facts.reference_in,
            "sak_id_in": facts.sak_id_place,
            "latest_commit": facts.latest_commit,
            "inferred": sorted(facts.inferred),
        },
        "capabilities": [row.model_dump(mode="json") for row in capabilities(adapter)],
    }
