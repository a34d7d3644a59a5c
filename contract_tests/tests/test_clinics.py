"""The clinics of rules: each world its own, and the same as one that was laid out anew."""

from __future__ import annotations

import pytest

from kobling_contract.certify import certify
from kobling_contract.clinics import CLINICS, ClinicName, open_clinic
from kobling_contract.target import Target
from kobling_extensor import Extensor
from kobling_mocks import Mock, find_dialect

VENDORS = ("eg-pasientsky", "extensor", "easypractice")


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("name", ["demo", "particular"])
def test_a_clinic_from_memory_is_the_one_that_was_laid_out(name: ClinicName, vendor: str) -> None:
    dialect = find_dialect(vendor)
    anew, twin = Mock(dialect, CLINICS[name](1)).world, Mock(dialect, open_clinic(name, 1, dialect)).world
    told = [{key: value for key, value in one.clinic.dump().items() if key != "revision"} for one in (anew, twin)]
    assert told[0] == told[1]
    twin.clinic.set_online(False)
    assert open_clinic(name, 1, dialect).online


@pytest.mark.parametrize(
    ("mediums", "seen"),
    [
        ((("face_to_face",), ("video",)), {"CAT-11": "2 ways", "BOOK-25": "video"}),
        ((("telephone", "face_to_face"),), {"CAT-11": "1 way ", "BOOK-25": "telephone"}),
    ],
)
def test_types_are_received_only_in_the_ways_that_the_vendor_has(
    mediums: tuple[str, ...], seen: dict[str, str]
) -> None:
    made = type("Fewer", (type(find_dialect("extensor")),), {"mediums": mediums})()
    results = certify("extensor", rules=seen, target=Target(Extensor, made)).results
    assert [one.verdict.value for one in results] == ["PASS", "PASS"]
    for one in results:
        told = " ".join(one.evidence)
        assert seen[one.rule.id] in told
        assert ("telephone" in told) == ("telephone" in seen.values() and one.rule.id == "BOOK-25")
