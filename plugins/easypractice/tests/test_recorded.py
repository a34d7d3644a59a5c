"""The adapter on recorded answers: recorded from the mock over HTTP, scrubbed, and played without it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import kobling_easypractice
from kobling import ClinicNotFound, Connection, CredentialsRejected, Kobling
from kobling_contract.cassette_scan.scan import scan
from kobling_contract.recording.for_pytest import RecordedConnection
from kobling_easypractice import EasyPractice

SANDBOX = RecordedConnection(EasyPractice, external_id="1000000064", api_key="zqb1k2m3n4p5q6r7s8")


@pytest.fixture(scope="module")
def vcr_config() -> Mapping[str, Any]:
    return SANDBOX.vcr_config(date(2026, 11, 23))


def kobling() -> Kobling:
    return Kobling(origins={"easypractice": SANDBOX.origin or "http://vendor.example.test"})


@pytest.mark.vcr
def test_the_catalogue_is_read_from_recorded_answers() -> None:
    with kobling() as opened:
        found = opened.session(Connection("easypractice", **SANDBOX.fields)).catalogue()
    assert len(found.practitioners) == 5
    assert {one.owner_kind for one in found.practitioners} == {"person", "unknown"}
    assert {service.minutes for service in found.services} == {30, 45, 60}


# [a refusal]
@pytest.mark.vcr
def test_a_recorded_refusal_names_the_key() -> None:
    wrong = {**SANDBOX.fields, "api_key": f"wrong-{SANDBOX.fields['api_key']}"}
    with kobling() as opened, pytest.raises((CredentialsRejected, ClinicNotFound)) as refused:
        opened.session(Connection("easypractice", **wrong)).clinic()
    assert "api_key" in refused.value.fields


def test_the_recordings_leak_nothing() -> None:
    declared = tomllib.loads((Path(kobling_easypractice.__file__).parent / "recording.toml").read_text("utf-8"))
    scanned = scan(Path(__file__).parent / "cassettes", declared=declared)
    assert scanned.files == 2
    assert scanned.findings == []
