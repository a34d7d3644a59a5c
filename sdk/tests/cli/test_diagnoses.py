"""`kobling test --json`: each thing that can be wrong has its own probe, code, fields, actor and texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kobling_mocks import Fault, Mock
from kobling_mocks.clinic import demo_id

from .command_line import CommandLine

ELSEWHERE = "3f0c1d20-0000-11ef-8000-00000000dead"
WRONG_KEY = "mock-wrong-4711"
KEY = ["api_key"]
BOTH = ["external_id", "api_key"]


def diagnosis(cli: CommandLine, *arguments: str, **more: str) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """The report, and (probe, code, fields, actor, counts as attempt) of its only failure."""
    ran = cli.ask("test", "--json", *arguments, **more)
    assert ran.code == 1
    assert ran.err == ""
    report = ran.json
    assert report["outcome"] == "failed"
    failures = [(p["name"], f) for p in report["probes"] for f in p["findings"] if f["severity"] == "fail"]
    ((probe, finding),) = failures
    assert set(finding["text"]) == {"nb", "en"}
    assert finding["text"]["nb"] != finding["text"]["en"]
    assert report["headline"] == finding["text"]
    told = (probe, finding["code"], finding["fields"], finding["actor"], report["counts_as_attempt"])
    return report, told


# What was typed: switches of the mock, what is typed instead, and how it is told. Every one counts as an attempt.
TYPED = {
    "a wrong key": ({}, {"key": WRONG_KEY}, "auth", "credentials_rejected", KEY),
    "a wrong key, told by 403": ({"unauthorized": "403"}, {"key": WRONG_KEY}, "auth", "credentials_rejected", KEY),
    "a wrong key, told by 200": ({"unauthorized": "200"}, {"key": WRONG_KEY}, "auth", "credentials_rejected", KEY),
    "an unknown clinic": ({}, {"external_id": ELSEWHERE}, "clinic", "clinic_not_found", ["external_id"]),
    "a clinic that the vendor hides": (
        {"unknown_clinic": "403"}, {"external_id": ELSEWHERE}, "auth", "credentials_rejected", BOTH,
    ),
    "a clinic that the vendor hides, as it does a wrong key": (
        {"unknown_clinic": "403", "unauthorized": "403"}, {"external_id": ELSEWHERE},
        "auth", "credentials_rejected", BOTH,
    ),
    "an unknown department": ({}, {"department_id": ELSEWHERE}, "clinic", "department_not_found", ["department_id"]),
    "stars for a key": ({}, {"key": "********"}, "form", "invalid_connection", KEY),
    "an id of another kind": ({}, {"external_id": "12"}, "form", "invalid_connection", ["external_id"]),
    "a field that is not used": (
        {}, {"booking_url": "https://clinic.example"}, "form", "invalid_connection", ["booking_url"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TYPED)
def test_what_was_typed_wrong_is_named_and_counts(cli: CommandLine, what: str) -> None:
    switches, typed, probe, code, fields = TYPED[what]
    cli.mock.world.switches.set(**switches)
    _, told = diagnosis(cli, **typed)
    assert told == (probe, code, fields, "administrator", True)


# What the vendor does: a fault for ever, and how it is told. None counts as an attempt.
OUTAGES = {
    "HTML with 200": (Fault("*", "html_200", times=0), "vendor_protocol_error", "vendor"),
    "HTML with 502": (Fault("*", "html_502", times=0), "vendor_unavailable", "nobody"),
    "503": (Fault("*", "http_503", times=0), "vendor_unavailable", "nobody"),
    "a reset connection": (Fault("*", "reset", times=0), "vendor_unavailable", "nobody"),
    "a slow answer": (Fault("*", "slow", times=0, seconds=3), "vendor_timeout", "nobody"),
    "no answer": (Fault("*", "hang", times=0, seconds=3), "vendor_timeout", "nobody"),
    "half an answer": (Fault("*", "truncated", times=0), "vendor_protocol_error", "vendor"),
    "an empty answer": (Fault("*", "empty", times=0), "vendor_protocol_error", "vendor"),
    "a redirect": (Fault("*", "redirect", times=0, to="https://login.example.no/"), "vendor_protocol_error", "vendor"),
}


@pytest.mark.parametrize("what", OUTAGES)
def test_a_vendors_outage_is_never_an_attempt(cli: CommandLine, what: str) -> None:
    fault, code, actor = OUTAGES[what]
    cli.mock.world.faults.add(fault)
    _, told = diagnosis(cli, "--timeout", "0.7")
    assert told == ("address", code, [], actor, False)


def test_a_vendor_that_is_down_is_told_at_the_address(cli: CommandLine) -> None:
    with Mock("eg-pasientsky").serve() as server:
        gone = server.url
    cli.url = gone
    report, told = diagnosis(cli)
    assert told == ("address", "vendor_unavailable", [], "nobody", False)
    assert report["origin"] == gone


def test_an_integration_that_is_switched_off_is_the_vendors_to_mend(cli: CommandLine) -> None:
    cli.mock.world.account.activated = False
    _, told = diagnosis(cli)
    assert told == ("auth", "not_activated", [], "vendor", False)


@pytest.mark.parametrize(
    ("code", "about"),
    [
        ("not_person_owned", "Fysioteamet"),
        ("restricted_patient_list", "Bedrift"),
        ("no_insurance_rate", "trygderefusjon"),
        ("address_missing", "Oppfølging"),
    ],
)
def test_what_will_not_be_seen_is_a_remark_for_the_clinic(cli: CommandLine, code: str, about: str) -> None:
    ran = cli.ask("test", "--json")
    assert ran.code == 0
    assert ran.json["outcome"] == "degraded"
    assert ran.json["counts_as_attempt"] is False
    catalogue = next(probe for probe in ran.json["probes"] if probe["name"] == "catalogue")
    found = [one for one in catalogue["findings"] if one["code"] == code]
    assert any(about.casefold() in one["subject"].casefold() for one in found), [one["subject"] for one in found]
    for one in found:
        assert (one["severity"], one["actor"]) == ("warn", "clinic")
        assert one["text"]["nb"] != one["text"]["en"]


def test_a_clinic_with_nothing_to_remark_is_success(cli: CommandLine) -> None:
    clinic = cli.mock.world.clinic
    cli.mock.world.clock.set(datetime.now(UTC))  # a clock that differs is a remark
    for book in ("gruppe", "avdeling"):
        clinic.remove_timebook(demo_id("timebook", book))
    for kind in ("helfo", "bedrift", "oppfolging", "rygg"):
        clinic.remove_type(demo_id("type", kind))
    ran = cli.ask("test", "--json")
    assert [f for p in ran.json["probes"] for f in p["findings"] if f["severity"] != "info"] == []
    assert (ran.code, ran.json["outcome"]) == (0, "success")


def test_a_person_reads_the_probes_the_remedy_and_whether_it_counts(cli: CommandLine) -> None:
    ran = cli.ask("test", key=WRONG_KEY)
    assert ran.code == 1
    assert ran.out.startswith("Testen mislyktes.\n✓ Skjema: i orden\n✓ Adresse: i orden\n✗ Tilgang: ")
    assert "«API-nøkkel»" in ran.out
    assert "Dette teller som et forsøk." in ran.out
    english = cli.ask("test", "--lang", "en", key=WRONG_KEY)
    assert "You can correct this as administrator." in english.out
    assert "This counts as an attempt." in english.out
