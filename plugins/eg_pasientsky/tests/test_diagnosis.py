"""What "Test kobling" says of a Pasientsky connection: where it stops, which field, who must act, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from pasientsky_worlds import world

from kobling import ConnectionReport, Finding
from kobling_mocks.faults import Fault
from kobling_mocks.mock import Mock

OTHER_ID = "3f0c1d20-0000-11ef-8000-00000000dead"


def broken(kind: str, **more: Any) -> Callable[[Mock], None]:
    """Every search of this mock ends in the same fault."""

    def arm(mock: Mock) -> None:
        mock.world.faults.add(Fault(operation="search", nth=1, times=0, when="before_commit", kind=kind, **more))  # type: ignore[arg-type]

    return arm


def switched(**switches: Any) -> Callable[[Mock], None]:
    return lambda mock: mock.world.switches.set(**switches)


def not_activated(mock: Mock) -> None:
    mock.world.account.activated = False


def nothing(mock: Mock) -> None:
    """As it is."""


def report(arrange: Callable[[Mock], None], **fields: str) -> ConnectionReport:
    mock = Mock("eg-pasientsky")
    mock.patience = 0.2
    arrange(mock)
    return world(mock, **fields).session.test_connection()


def assert_told(finding: Finding) -> None:
    """Both languages say something, and nothing is left unfilled."""
    for lang in ("nb", "en"):
        text = finding.explain(lang)  # type: ignore[arg-type]
        assert len(text) > 40
        assert "{" not in text
    assert finding.explain("nb") != finding.explain("en")


FAILURES = [
    # what, how, fields, probe, code, fields told, actor, counts as an attempt
    ("a wrong key", nothing, {"api_key": "wrong"}, "auth", "credentials_rejected", ("api_key",), "administrator", True),
    ("a wrong key, told with 403", switched(unauthorized="403"), {"api_key": "wrong"},
     "auth", "credentials_rejected", ("api_key",), "administrator", True),
    ("a wrong key, told with 200", switched(unauthorized="200"), {"api_key": "wrong"},
     "auth", "credentials_rejected", ("api_key",), "administrator", True),
    ("no key", nothing, {"api_key": ""}, "form", "invalid_connection", ("api_key",), "administrator", True),
    ("a masked key", nothing, {"api_key": "********"},
     "form", "invalid_connection", ("api_key",), "administrator", True),
    ("a URL that is not used", nothing, {"booking_url": "https://a.example"},
     "form", "invalid_connection", ("booking_url",), "administrator", True),
    ("an unknown clinic", nothing, {"external_id": OTHER_ID},
     "clinic", "clinic_not_found", ("external_id",), "administrator", True),
    ("an unknown clinic that the vendor hides", switched(unknown_clinic="403"), {"external_id": OTHER_ID},
     "auth", "credentials_rejected", ("external_id", "api_key"), "administrator", True),
    ("an unknown department", nothing, {"department_id": OTHER_ID},
     "clinic", "department_not_found", ("department_id",), "administrator", True),
    ("an integration that is off", not_activated, {}, "auth", "not_activated", (), "vendor", False),
    ("a vendor that is down", broken("http_503"), {}, "address", "vendor_unavailable", (), "nobody", False),
    ("a gateway's page", broken("html_502"), {}, "address", "vendor_unavailable", (), "nobody", False),
    ("a vendor that hangs", broken("hang"), {}, "address", "vendor_timeout", (), "nobody", False),
    ("a slow vendor", broken("slow", seconds=60.0), {}, "address", "vendor_timeout", (), "nobody", False),
    ("a reset", broken("reset"), {}, "address", "vendor_unavailable", (), "nobody", False),
    ("a web page with 200", broken("html_200"), {}, "address", "vendor_protocol_error", (), "vendor", False),
    ("an empty answer", broken("empty"), {}, "address", "vendor_protocol_error", (), "vendor", False),
    ("JSON without end", broken("deep_json"), {}, "address", "vendor_protocol_error", (), "vendor", False),
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
    assert found.outcome == "failed"
    assert found.counts_as_attempt is counts
    failed = [one for one in found.probes if one.status == "fail"]
    assert [one.name for one in failed] == [probe]
    (finding,) = [one for one in failed[0].findings if one.severity == "fail"]
    assert (finding.code, finding.fields, finding.actor) == (code, told, actor)
    assert_told(finding)
    assert found.probe("slots").status == "skip"


def find(found: ConnectionReport, code: str) -> list[Finding]:
    return [one for one in found.probe("catalogue").findings if one.code == code]


@pytest.mark.parametrize(("code", "about"), [
    ("not_person_owned", "Fysioteamet"),
    ("restricted_patient_list", "Bedriftsavtale"),
    ("no_insurance_rate", "Undersøkelse med trygderefusjon"),
    ("address_missing", "Oppfølging"),
])  # fmt: skip
def test_what_will_not_be_seen_is_named_with_the_clinic_as_its_mender(code: str, about: str) -> None:
    found = report(nothing)
    assert found.outcome == "degraded"
    assert found.counts_as_attempt is False
    findings = find(found, code)
    assert any(about in one.subject for one in findings)
    for one in findings:
        assert one.actor == "clinic"
        assert one.inferred is True
        assert_told(one)


def test_the_practitioners_found_stand_in_for_a_clinic_that_has_no_name_on_the_wire() -> None:
    found = report(nothing)
    assert found.identified_as.clinic is None
    assert "Fysioterapeut Kari Prøve" in found.identified_as.practitioners


def test_a_department_is_not_told_where_the_vendor_hides_its_departments() -> None:
    found = report(switched(locations="hidden"))
    (finding,) = found.probe("clinic").findings
    assert (finding.code, finding.severity) == ("department_not_told", "info")
    assert found.outcome != "failed"


def test_a_clinic_without_planned_times_is_told_so() -> None:
    def unplanned(mock: Mock) -> None:
        for timebook in mock.world.clinic.timebooks:
            mock.world.clinic.clear_plan(timebook.id, date(2026, 11, 1), date(2027, 3, 1))

    found = report(unplanned)
    assert [one.code for one in found.probe("slots").findings] == ["no_open_times"]
    assert_told(found.probe("slots").findings[0])


def test_the_report_never_holds_the_key() -> None:
    mock = Mock("eg-pasientsky")
    found = world(mock).session.test_connection()
    assert mock.connection["api_key"] not in found.model_dump_json() + repr(found)
