"""Keys that hold every kind of character that a vendor's keys may hold."""

from __future__ import annotations

import pytest

from kobling_mocks import find_dialect, installed_dialects, key_of
from kobling_mocks.clinic import demo_clinic, synthetic_clinic


@pytest.mark.parametrize("seed", range(20))
def test_a_key_has_small_letters_capitals_and_digits(seed: int) -> None:
    key = key_of(synthetic_clinic(seed, weeks=1), 5)
    assert len(key) == 5
    assert all(any(kind(one) for one in key) for kind in (str.islower, str.isupper, str.isdigit))


def test_the_same_clinic_has_the_same_key_and_another_key_for_whoever_else_is_named() -> None:
    keys = [key_of(demo_clinic(weeks=1), whose=whose) for whose in ("", "", "reading")]
    assert keys[0] == keys[1] != keys[2]


def test_a_vendor_may_make_keys_of_other_characters() -> None:
    assert set(key_of(demo_clinic(weeks=1), 40, of="0123456789")) <= {*"0123456789"}
    with pytest.raises(ValueError, match="2 characters can't be of 3 kinds"):
        key_of(demo_clinic(weeks=1), 2)


@pytest.mark.parametrize("name", sorted(installed_dialects()[0]))
def test_every_mock_of_ours_gives_such_a_key(name: str) -> None:
    key = find_dialect(name).open_account(demo_clinic(weeks=1)).api_key
    assert key not in (key.lower(), key.upper())
