"""What "Test kobling" says of an Extensor connection: where it stops, which field, who must act, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from extensor_worlds import world

from kobling import ConnectionReport, Finding
from kobling_extensor import Extensor
from kobling_mocks.faults import Fault
from kobling_mocks.mock import Mock


def nothing(mock: Mock) -> None:
    """As it is."""


def broken(kind: str, **more: Any) -> Callable[[Mock], None]:
    """Every call of this mock ends in the same fault."""
    return lambda mock: mock.world.faults.add(Fault(operation="*", kind=kind, times=0, **more)) and None  # type: ignore[arg-type]


def switched(**switches: Any) -> Callable[[Mock], None]:
    return lambda mock: mock.world.switches.set(**switches)


def not_activated(mock: Mock) -> None:
    mock.world.account.activated = False


def at_night(mock: Mock) -> None:
    mock.world.switches.set(night="off")
    mock.world.clock.set(datetime(2026, 11, 24, 1, 30, tzinfo=UTC))


def report(arrange: Callable[[Mock], None], **fields: str) -> ConnectionReport:
    mock = Mock("extensor")
    mock.patience = 0.2
    arrange(mock)
    return world(mock, **fields).session.test_connection()


FAILURES = [
    # what, how, fields, probe, code, fields told, actor, counts as an attempt
    ("a wrong key", nothing, {"api_key": "wrong"}, "auth", "credentials_rejected", ("api_key",), "administrator", True),
    ("no key", nothing, {"api_key": ""}, "form", "invalid_connection", ("api_key",), "administrator", True),
    ("a masked key", nothing, {"api_key": "********"},
     "form", "invalid_connection", ("api_key",), "administrator", True),
    ("no booking URL", nothing, {"booking_url": ""},
     "form", "invalid_connection", ("booking_url",), "administrator", True),
    ("a clinic that is no number", nothing, {"external_id": "3f0c1d20-0000-11ef-8000-000000000001"},
     "form", "invalid_connection", ("external_id",), "administrator", True),
    ("an unknown clinic", nothing, {"external_id": "999"},
     "clinic", "clinic_not_found", ("external_id",), "administrator", True),
    ("an unknown department", nothing, {"department_id": "999"},
     "clinic", "department_not_found", ("department_id",), "administrator", True),
    ("an integration that is off", not_activated, {}, "auth", "not_activated", (), "vendor", False),
    ("a server that is off at night", at_night, {}, "address", "vendor_unavailable", (), "nobody", False),
    ("a gateway's page", switched(page="502"), {}, "address", "vendor_unavailable", (), "nobody", False),
    ("a page with 200", switched(page="200"), {},
     "address", "vendor_protocol_error", ("booking_url",), "administrator", False),
    ("a slow server", broken("slow", seconds=60.0), {}, "address", "vendor_timeout", (), "nobody", False),
    ("a server that hangs", broken("hang"), {}, "address", "vendor_timeout", (), "nobody", False),
    ("a reset", broken("reset"), {}, "address", "vendor_unavailable", (), "nobody", False),
    ("an empty answer", broken("empty"), {}, "address", "vendor_protocol_error", (), "vendor", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arrange", "fields", "probe", "code", "told", "actor", "counts"),
    [row[1:] for row in FAILURES],
    ids=[row[0] for row in FAILURES],
)
def test_a_failure_has_its_probe_code_fields_and_actor(
    arrange: Callable[[Mock], None],
    fields: dict[str, str],
    probe: str,
    code: str,
    told: tuple[str, ...],
    actor: str,
    counts: bool,
) -> None:
    found = report(arrange, **fields)
    assert (found.outcome, found.counts_as_attempt) == ("failed", counts)
    (failed,) = [one for one in found.probes if one.status == "fail"]
    (finding,) = [one for one in failed.findings if one.severity == "fail"]
    assert (failed.name, finding.code, finding.fields, finding.actor) == (probe, code, told, actor)
    assert finding.explain("nb") != finding.explain("en")
    assert "{" not in finding.explain("nb") + finding.explain("en")


def test_the_server_that_is_off_at_night_answers_by_day() -> None:
    def by_day(mock: Mock) -> None:
        mock.world.switches.set(night="off")

    assert report(by_day).outcome != "failed"


def test_a_slow_server_is_waited_for() -> None:
    assert report(switched(slow_milliseconds=20)).outcome != "failed"


def test_the_clinic_and_its_department_are_named_so_that_the_wrong_clinic_is_seen() -> None:
    mock = Mock("extensor")
    found = world(mock).session.test_connection().identified_as
    clinic = mock.world.clinic
    assert (found.clinic, found.organisation_number) == (clinic.name, clinic.organisation_number)
    assert found.department == clinic.departments[0].name


@pytest.mark.parametrize("code", [
    "not_person_owned", "restricted_patient_list", "no_insurance_rate", "address_missing", "offline"
])  # fmt: skip
def test_what_will_not_be_seen_is_named_with_the_clinic_as_its_mender_and_marked_as_inferred(code: str) -> None:
    found = report(nothing)
    findings: list[Finding] = [one for one in found.probe("catalogue").findings if one.code == code]
    assert findings
    for one in findings:
        assert (one.actor, one.inferred) == ("clinic", True)


def test_the_request_to_the_vendor_asks_for_exactly_its_four_details() -> None:
    for lang in ("nb", "en"):
        text = Extensor.form.request_details(
            vendor="Extensor", clinic="Prøveklinikken", contact="drift@register.example", lang=lang
        )  # type: ignore[arg-type]
        for field in ("Ekstern ID", "Ekstern avdeling ID", "API-nøkkel", "Booking-URL"):
            assert f"- {field}" in text
        assert "Prøveklinikken" in text


def test_the_report_never_holds_the_key() -> None:
    mock = Mock("extensor")
    found = world(mock).session.test_connection()
    assert mock.connection["api_key"] not in found.model_dump_json() + repr(found)
