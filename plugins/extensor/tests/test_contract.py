"""The contract suite on this adapter: what it relies on here and nowhere else, and that it sees a move that is none.

The whole suite is run by `kobling certify extensor`.
"""

from __future__ import annotations

import pytest

from kobling import Booking, BookingRef, Http, Slot
from kobling_contract.contract import chosen
from kobling_contract.rule import Rule
from kobling_contract.runner import run_rule
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from kobling_extensor import Extensor

OWN_SERVER = ("CONN-01", "CONN-03", "CONN-05", "CONN-07", "BOOK-09", "BOOK-13", "CNCL-06", "CNCL-07", "SLOT-04")
"""The rules whose worlds this vendor makes special: a typed host, integer ids, a move in one step, wall clocks."""


@pytest.mark.parametrize("rule", chosen(OWN_SERVER), ids=lambda rule: rule.id)
def test_the_adapter_keeps_the_rule(rule: Rule) -> None:
    result = run_rule(rule, find_target("extensor"), 1)
    assert result.verdict is Verdict.PASS, "\n".join(result.lines())


class MovesNothing(Extensor):
    """Says that a booking moved without asking the vendor to move it."""

    contract = 1

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        """Read the booking, and tell the new time as if it were there."""
        read = await self.get_booking(http, booking)
        return read.model_copy(update={"start": slot.start, "end": slot.end})


@pytest.mark.parametrize("rule", chosen(["CNCL-06", "CNCL-07"]), ids=lambda rule: rule.id)
def test_a_move_in_one_step_that_moves_nothing_is_seen(rule: Rule) -> None:
    result = run_rule(rule, find_target("extensor", MovesNothing), 1)
    failed = (
        Verdict.FAIL if rule.id == "CNCL-06" else Verdict.VACUOUS
    )  # the latter needs a move that works to begin with
    assert result.verdict is failed, "\n".join(result.lines())
