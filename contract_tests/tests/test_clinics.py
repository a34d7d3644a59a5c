"""The clinics of rules: each world its own, and the same as one that was laid out anew."""

from __future__ import annotations

import pytest

from kobling_contract.clinics import CLINICS, ClinicName, open_clinic
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
