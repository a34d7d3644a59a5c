"""`kobling form`: the registration form of one vendor, and the ready-written request for its details."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kobling import Adapter, FormField
from kobling.texts import LANGUAGES, field_names

from ..desk import Json, Lang, Vendor, find_adapter
from ..exit_codes import ExitCode
from ..output import Output
from ..wording import say


def form(
    vendor: Vendor,
    *,
    clinic: Annotated[
        str | None, typer.Option("--clinic", help="The clinic's name, for the request.", show_default=False)
    ] = None,
    contact: Annotated[
        str | None,
        typer.Option("--contact", help="Whom the vendor should answer, as an e-mail address.", show_default=False),
    ] = None,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Show a vendor's registration form, and the request ("Forespør detaljer") that asks the vendor for its details.

    JSON: {"vendor", "name", "contact", "fields": [{"field", "label", "use", "help": {"nb", "en"}, "example",
    "inferred"}], "unused": [field], "request": {"nb", "en"}}
    """
    out = Output(lang=lang, as_json=as_json)
    _, adapter = find_adapter(vendor)
    request = {
        each: adapter.form.request_details(
            vendor=adapter.name,
            clinic=clinic or say("form", "clinic", each),
            contact=contact or say("form", "contact", each),
            lang=each,
        )
        for each in LANGUAGES
    }
    if as_json:
        fields = adapter.form.fields().items()
        facts: dict[str, Any] = {
            "vendor": adapter.key,
            "name": adapter.name,
            "contact": adapter.form.contact,
            "fields": [_facts(name, field) for name, field in fields if field.use != "unused"],
            "unused": [name for name, field in fields if field.use == "unused"],
            "request": request,
        }
        out.document("form", facts)
        return ExitCode.SUCCESS
    out.table(
        [out.say("word", key) for key in ("field", "use", "help", "example")], _rows(adapter, out), ("bold cyan",)
    )
    to = f" ({adapter.form.contact})" if adapter.form.contact else ""
    out.line()
    out.line(out.say("form", "request", vendor=adapter.name) + to, "bold")
    out.line(request[lang])
    return ExitCode.SUCCESS


def _rows(adapter: type[Adapter], out: Output) -> list[tuple[str, str, str, str]]:
    return [
        (field_names((name,), out.lang), out.say("use", field.use), getattr(field, out.lang), field.example)
        for name, field in adapter.form.fields().items()
        if field.use != "unused"
    ]


def _facts(name: str, field: FormField) -> dict[str, Any]:
    return {
        "field": name,
        "label": field_names((name,), "nb"),
        "use": field.use,
        "help": {lang: getattr(field, lang) for lang in LANGUAGES},
        "example": field.example,
        "inferred": field.inferred,
    }
