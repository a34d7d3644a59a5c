"""What a rule tells of several things is short, and the same in every run."""

from __future__ import annotations

from kobling_contract.wording import counted, either, setting_told, some


def test_the_first_few_are_named_and_the_rest_is_counted() -> None:
    assert some({"d", "b", "a", "c", "e"}) == "a, b, c and 2 more"
    assert some(["b", "a", "b"]) == "a, b"
    assert some(["b", "a"], most=1) == "a and 1 more"


def test_nothing_is_told_in_words() -> None:
    assert some([]) == "none"
    assert some((), "no department") == "no department"


def test_alternatives_settings_and_numbers_read_as_text() -> None:
    assert either({"c", "b", "a"}) == "a, b or c"
    assert either(["api_key"]) == "api_key"
    assert setting_told({"taken": "422"}) == "mock set to taken=422"
    assert setting_told({}) == "mock as usual"
    assert (counted(1, "call"), counted(2, "call")) == ("1 call", "2 calls")
