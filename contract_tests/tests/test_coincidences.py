"""What an answer holds by chance is no statement: values that are equal today and differ tomorrow."""

from __future__ import annotations

from typing import Any

import pytest

from kobling import Booking, BookingRef, Http
from kobling_contract.contract import chosen
from kobling_contract.runner import Result, run_rule
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from kobling_extensor import Extensor
from kobling_mocks.dialects import extensor


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
