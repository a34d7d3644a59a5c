"""What an answer holds by chance is no statement: values that are equal today and differ tomorrow."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from kobling import Booking, BookingRef, Http
from kobling_contract.contract import chosen
from kobling_contract.runner import Result, run_rule
from kobling_contract.synthetic.adapter import Synthetic
from kobling_contract.synthetic.dialect import SyntheticVendor
from kobling_contract.target import Target, find_target
from kobling_contract.verdicts import Verdict
from kobling_extensor import Extensor
from kobling_mocks.dialects import extensor
from kobling_zoo.synthetic import SaysNothingOfLateness


class TellsNoCreation(Extensor):
    """Does not tell when a booking was made."""

    contract = 1

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking, without the moment at which it was made."""
        return (await super().get_booking(http, booking)).model_copy(update={"created_at": None})


def read_back() -> Result:
    return run_rule(chosen(["BOOK-20"])[0], find_target("extensor", TellsNoCreation), 1, repeats=0)


def test_when_a_booking_was_changed_last_does_not_state_when_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    told = extensor._time

    def changed_last(asked: Any, one: Any) -> dict[str, Any]:
        return {**told(asked, one), "opprettet": asked.wall(one.changed_at or one.created_at)}

    monkeypatch.setattr(extensor, "_time", changed_last)
    assert read_back().verdict is Verdict.PASS


def test_when_a_booking_was_made_is_missed_where_the_answer_states_it() -> None:
    result = read_back()
    assert (result.verdict, result.cause, result.got) == (Verdict.FAIL, "lost", "no created_at")


class SaysNothingOfIt(SyntheticVendor):
    """A mock without a word for lateness."""

    late_told_by = None


class SaysItElsewhere(SyntheticVendor):
    """A mock that names a place at which none of its answers says anything."""

    late_told_by = ("/booking/fee_due", True)


def late_cancel(adapter: type[Synthetic], dialect: SyntheticVendor) -> Result:
    return run_rule(chosen(["CNCL-04"])[0], Target(adapter, dialect), 1, repeats=0)


def test_a_yes_or_no_that_differs_after_the_deadline_need_not_say_that_a_cancel_came_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synthetic = import_module(SyntheticVendor.__module__)
    told, seen = synthetic._booking, set[bool]()

    def reminded(asked: Any, one: Any) -> dict[str, Any]:
        seen.add(one.late)
        return {**told(asked, one), "late": None, "reminder_sent": one.late}

    monkeypatch.setattr(synthetic, "_booking", reminded)
    assert late_cancel(Synthetic, SaysNothingOfIt()).verdict is Verdict.PASS
    assert seen == {True, False}


def test_that_a_cancel_came_late_is_missed_where_the_mock_has_a_word_for_it() -> None:
    assert late_cancel(SaysNothingOfLateness, SyntheticVendor()).cause == "late_lost"
    assert late_cancel(SaysNothingOfLateness, SaysNothingOfIt()).verdict is Verdict.PASS


def test_a_mock_whose_answers_do_not_hold_its_word_for_lateness_proves_nothing() -> None:
    result = late_cancel(SaysNothingOfLateness, SaysItElsewhere())
    assert (result.verdict, "late_told_by" in result.reason) == (Verdict.VACUOUS, True)
