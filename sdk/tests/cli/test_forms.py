"""`kobling form`: each vendor's own fields in the page's order, and the request that asks for exactly these."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from kobling import load
from kobling_cli.app import app

VENDORS = sorted(load().adapters)
CLINIC, CONTACT = "Ærlige Åses klinikk", "post@aase.example"
LABELS = {
    "external_id": "Ekstern ID",
    "department_id": "Ekstern avdeling ID",
    "api_key": "API-nøkkel",
    "booking_url": "Booking-URL",
}


def form(*arguments: str) -> str:
    ran = CliRunner().invoke(app, ["form", *arguments], standalone_mode=False)
    assert (ran.return_value, ran.exception) == (0, None)
    return ran.output


def told(vendor: str, *arguments: str) -> Any:
    return json.loads(form(vendor, "--json", *arguments))


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_form_has_the_vendors_own_fields_in_the_order_of_the_page_with_help_in_both_languages(vendor: str) -> None:
    facts = told(vendor)
    declared = load()[vendor].form
    names = [one["field"] for one in facts["fields"]]
    assert names == [name for name in LABELS if getattr(declared, name).use != "unused"]
    assert [one["label"] for one in facts["fields"]] == [LABELS[name] for name in names]
    for one in facts["fields"]:
        field = getattr(declared, one["field"])
        assert one["use"] == field.use
        assert one["help"] == {"nb": field.nb, "en": field.en}
        assert all(one["help"].values())
    assert facts["unused"] == [name for name in LABELS if name not in names]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_request_is_the_clinics_own_and_asks_for_exactly_the_vendors_fields(vendor: str) -> None:
    facts = told(vendor, "--clinic", CLINIC, "--contact", CONTACT)
    for lang, text in facts["request"].items():
        assert text.count(CLINIC) == 2
        assert CONTACT in text
        assert facts["name"] in text
        assert "{" not in text
        asked = [line for line in text.splitlines() if line.startswith("- ")]
        assert len(asked) == len(facts["fields"])
        for line, one in zip(asked, facts["fields"], strict=True):
            assert line.startswith(f"- {one['label']}: {one['help'][lang]}")
            assert line.endswith(")") or one["use"] == "required"


@pytest.mark.parametrize(("lang", "words"), [("nb", ("må fylles ut", "Vennlig hilsen", "[klinikkens navn]")),
                                             ("en", ("required", "Kind regards", "[the clinic's name]"))])  # fmt: skip
def test_a_person_reads_the_form_and_the_request_with_places_left_for_what_is_not_given(
    lang: str, words: tuple[str, ...]
) -> None:
    shown = form("extensor", "--lang", lang)
    for one in (*LABELS.values(), *words):
        assert one in shown


def test_a_vendor_that_is_not_installed_is_told() -> None:
    ran = CliRunner().invoke(app, ["form", "nobody"], standalone_mode=False)
    assert ran.return_value == 2


def test_a_variable_says_the_language_for_every_command_and_an_option_goes_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KOBLING_LANG", "en")
    assert "required" in form("extensor")
    assert "required" not in form("extensor", "--lang", "nb")
    assert "Error: No such command" in CliRunner().invoke(app, ["frm"]).output
