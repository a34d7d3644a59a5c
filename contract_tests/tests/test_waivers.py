"""Waivers from a file: a rule, a reason, a last day; what can't be used is told in words."""

from __future__ import annotations

from datetime import date

import pytest

from kobling_contract.contract import RULES
from kobling_contract.waivers import TEXTS, BadWaiver, Waiver, checked, read_waivers

TODAY = date(2026, 11, 27)
GOOD = '[[waiver]]\nrule = "cat-01"\nreason = "mended in March"\nuntil = 2027-03-31\n'


def test_a_file_of_waivers_is_read_and_holds_until_its_last_day() -> None:
    assert read_waivers("") == ()
    (waiver,) = read_waivers(GOOD)
    assert waiver == Waiver("CAT-01", "mended in March", date(2027, 3, 31))
    assert checked([waiver], RULES, waiver.until) == {"CAT-01": waiver}


def test_a_waiver_is_for_twelve_months_ahead_at_most() -> None:
    (waiver,) = read_waivers(GOOD.replace("2027-03-31", "2027-11-27"))
    assert checked([waiver], RULES, TODAY) == {"CAT-01": waiver}
    with pytest.raises(BadWaiver, match="12 months at most, so today until 2027-11-26"):
        checked([waiver], RULES, date(2026, 11, 26))
    (leap,) = read_waivers(GOOD.replace("2027-03-31", "2029-02-28"))
    assert checked([leap], RULES, date(2028, 2, 29))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[[waiver", "waivers_not_toml"),
        ("[waiver]\nrule = 1", "waivers_shape"),
        ("[other]\n", "waivers_shape"),
        ("waiver = [1]", "waivers_shape"),
        (GOOD.replace("rule =", "rules ="), "waivers_shape"),
        (GOOD.replace("2027-03-31", '"2027-03-31"'), "waivers_shape"),
        (GOOD.replace("2027-03-31", "2027-03-31T10:00:00"), "waivers_shape"),
        (GOOD.replace('"cat-01"', "7"), "waivers_shape"),
        (GOOD.replace("cat-01", "CAT-99"), "waiver_no_rule"),
        (GOOD + GOOD, "waiver_twice"),
        (GOOD.replace("cat-01", "BOOK-08"), "waiver_of_safety"),
        (GOOD.replace("mended in March", " "), "waiver_without_reason"),
        (GOOD.replace("2027-03-31", "2026-11-26"), "waiver_over"),
        (GOOD.replace("2027-03-31", "2027-11-28"), "waiver_too_long"),
    ],
)
def test_a_waiver_that_cannot_be_used_is_told_in_words(text: str, code: str) -> None:
    with pytest.raises(BadWaiver) as caught:
        checked(read_waivers(text), RULES, TODAY)
    assert caught.value.code == code
    assert str(caught.value) == TEXTS[code].format(**caught.value.values)
    assert "{" not in str(caught.value)
