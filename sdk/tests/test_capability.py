"""The matrix of vendors: one set of rows for docs and machines, and each row true of what the adapter does."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from typer.testing import CliRunner

from full_vendor import FullVendor
from kobling import (
    Adapter,
    BookingFacts,
    Capability,
    CatalogueFacts,
    Connection,
    Kobling,
    Limits,
    Operation,
    PatientFields,
    Provenance,
    SlotQuery,
    capabilities,
    load,
)
from kobling.adapter import Tried
from kobling.capability import CAPABILITIES, CapabilityName, Grade
from kobling.limits import Source
from kobling.texts import LANGUAGES, messages
from kobling_cli.app import app
from kobling_contract.certify import certify
from kobling_mocks import Mock, installed_dialects

ROOT = Path(__file__).parents[2]
VENDORS = sorted(load().adapters)
OPERATION_OF: Mapping[CapabilityName, Operation] = {
    "sign_in": "sign_in",
    "book": "book",
    "patient_on_file": "register_patient",
    "hold": "hold_slot",
    "read_back": "get_booking",
    "listing": "list_bookings",
    "cancel": "cancel",
}
RESOLVED = {
    "resolved_by_reading": "reading",
    "resolved_when_found": "found",
    "resolved_by_slot": "slot",
    "resolved_by_person": "person",
}


def rows_of(adapter: type[Adapter]) -> dict[str, Capability]:
    return {row.name: row for row in capabilities(adapter)}


def told_by_the_command() -> list[dict[str, Any]]:
    ran = CliRunner().invoke(app, ["vendors", "--json"], standalone_mode=False)
    vendors: list[dict[str, Any]] = json.loads(ran.output)["vendors"]
    return vendors


def live_tables() -> Any:
    spec = importlib.util.spec_from_file_location("live_tables", ROOT / "docs" / "_ext" / "live_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["live_tables"] = module
    spec.loader.exec_module(module)
    return module


def test_three_vendors_are_told_and_only_extensor_uses_a_booking_url() -> None:
    vendors = told_by_the_command()
    assert [one["key"] for one in vendors] == ["easypractice", "eg-pasientsky", "extensor"]
    assert [one["key"] for one in vendors if one["form"]["booking_url"]["use"] != "unused"] == ["extensor"]
    fields = {one["key"]: one["capabilities"][0]["names"] for one in vendors}
    assert {vendor: "booking_url" in names for vendor, names in fields.items()} == {
        "easypractice": False,
        "eg-pasientsky": False,
        "extensor": True,
    }


def test_the_matrix_in_the_docs_is_what_the_command_tells() -> None:
    _, _, *lines = live_tables().markdown("matrix")
    shown = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    words = messages("en")
    vendors = told_by_the_command()
    assert [line[0] for line in shown] == [f"**{words['capability'][name]}**" for name in CAPABILITIES]
    for number, line in enumerate(shown):
        for vendor, cell in zip(vendors, line[1:], strict=True):
            row = vendor["capabilities"][number]
            known = "; ".join([words["source"][row["source"]], *(words["tried"][one] for one in row["tried"])])
            assert cell == f"**{words['grade'][row['grade']]}** {row['text']['en']} *({known})*"


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_an_adapter_supports_agrees_with_its_rows(vendor: str) -> None:
    adapter = load()[vendor]
    rows = rows_of(adapter)
    offered = {name for name in OPERATION_OF if rows[name].grade != "not_offered"}
    assert offered == {name for name, operation in OPERATION_OF.items() if operation in adapter.supports}
    assert (rows["move"].grade == "native") is ("reschedule" in adapter.supports)


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_declared_facts_are_what_the_mock_shows(vendor: str) -> None:
    adapter = load()[vendor]
    facts, mock = adapter.limits.catalogue, Mock(vendor)
    first = mock.world.clock.now().date()
    with Kobling(exchange=mock.exchange, clock=mock.clock) as registry:
        session = registry.session(Connection(vendor, **mock.connection))
        place, offered = session.clinic(), session.catalogue()
        times = session.slots(SlotQuery(first_day=first, last_day=first + timedelta(days=7)))
    assert (place.name is not None) is facts.names_clinic
    assert bool(place.departments) is (facts.departments != "nowhere")
    assert any(offer.rates is not None for offer in offered.offer_by_ids.values()) is (facts.rates != "nowhere")
    assert times.derived is adapter.limits.slots.computed
    assert {slot.derived for slot in times.found} <= {adapter.limits.slots.computed}


@pytest.mark.parametrize("vendor", VENDORS)
def test_how_a_lost_answer_is_resolved_is_what_the_contract_suite_measures(vendor: str) -> None:
    measured = certify(vendor, rules=["BOOK-09"]).lost_answers
    assert RESOLVED[rows_of(load()[vendor])["lost_answer"].how] == measured


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_adapter_was_tried_on_a_mock_if_there_is_one_and_never_on_the_vendor(vendor: str) -> None:
    tried = load()[vendor].provenance.tried
    assert ("mock" in tried) is (vendor in installed_dialects()[0])
    assert "live" not in tried


def test_what_nobody_stated_is_never_called_known() -> None:
    class Silent(FullVendor):
        contract = 1
        limits = Limits()
        patient_fields = PatientFields()

    rows = capabilities(Silent)
    known = {row.name for row in rows if row.source == "known"}
    assert known == {"connection", "options"}
    assert {row.tried for row in rows} == {()}


def test_facts_and_operations_carry_the_source_that_they_were_given() -> None:
    class Sourced(FullVendor):
        contract = 1
        limits = Limits(
            catalogue=CatalogueFacts(rates="offers", inferred=frozenset({"rates"})),
            booking=BookingFacts(mode="sync", reference_in="note"),
        )
        provenance = Provenance(known=frozenset({"cancel"}), partly=frozenset({"book"}), tried=("recorded",))

    rows = rows_of(Sourced)
    assert {name: rows[name].source for name in ("cancel", "book", "read_back", "rates", "confirmation")} == {
        "cancel": "known", "book": "partly", "read_back": "inferred", "rates": "inferred", "confirmation": "known",
    }  # fmt: skip
    assert rows["cancel"].tried == ("recorded",)
    assert (rows["overlap"].source, rows["overlap"].grade) == ("nobody", "saga")


def test_a_vendor_that_can_only_be_searched_offers_nothing_of_a_booking() -> None:
    class SearchOnly(Adapter):
        key, name, contract = "search-only", "Search only", 1
        form, base_url, auth = FullVendor.form, FullVendor.base_url, FullVendor.auth
        errors, limits, patient_fields = FullVendor.errors, FullVendor.limits, FullVendor.patient_fields
        identify, catalogue, list_slots = FullVendor.identify, FullVendor.catalogue, FullVendor.list_slots

    rows = rows_of(SearchOnly)
    after = CAPABILITIES[CAPABILITIES.index("book") :]
    assert {rows[name].grade for name in after} == {"not_offered"}
    assert "not_offered" not in {rows[name].grade for name in ("practitioners", "open_times")}


def test_an_option_that_states_a_fact_changes_the_rows_of_that_clinic() -> None:
    adapter = load()["easypractice"]
    stated = adapter.suited(adapter.Options.model_validate({"overlap": "refused"}))
    assert (rows_of(adapter)["overlap"].grade, rows_of(adapter)["move"].grade) == ("saga", "saga")
    assert (rows_of(stated)["overlap"].grade, rows_of(stated)["move"].how) == ("native", "moved_within")


def test_an_operation_is_known_or_partly_known_and_not_both() -> None:
    with pytest.raises(ValueError, match="book can't be both"):
        Provenance(known=frozenset({"book"}), partly=frozenset({"book"}))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_row_grade_and_source_has_its_words(lang: Any) -> None:
    words = messages(lang)
    assert list(words["capability"]) == list(CAPABILITIES) == list(get_args(CapabilityName))
    assert set(words["grade"]) == set(get_args(Grade))
    assert set(words["source"]) == set(get_args(Source))
    assert set(words["tried"]) == set(get_args(Tried))
    choices: tuple[tuple[str, Any, str], ...] = (
        ("departments", CatalogueFacts, "departments"), ("rates", CatalogueFacts, "rates"),
        ("answer", BookingFacts, "mode"), ("overlap", BookingFacts, "overlap"),
        ("sak_id", BookingFacts, "reference_in"), ("match", PatientFields, "match"),
    )  # fmt: skip
    for prefix, model, field in choices:
        assert {f"{prefix}_{value}" for value in get_args(get_type_hints(model)[field])} <= set(words["how"])
