"""Faults that the engine makes impossible: an adapter tries each, and only with the guard off it comes about."""

from __future__ import annotations

import pytest

from kobling_zoo.forbidden import ATTEMPTS, Attempt


def named(attempt: Attempt) -> str:
    return f"{attempt.fault or 'beyond'}-{attempt.name}"


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=named)
def test_what_an_adapter_tries_comes_to_nothing(attempt: Attempt) -> None:
    assert attempt.story(attempt.adapter) == ""


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=named)
def test_with_its_guard_switched_off_it_happens(attempt: Attempt) -> None:
    with attempt.guard.off():
        assert attempt.story(attempt.adapter) != ""


def test_every_attempt_names_the_test_in_which_it_is_made() -> None:
    for attempt in ATTEMPTS.values():
        path, _, test = attempt.test.partition("::")
        assert path == "contract_tests/tests/test_what_the_engine_forbids.py"
        assert test == f"{test_what_an_adapter_tries_comes_to_nothing.__name__}[{named(attempt)}]"
