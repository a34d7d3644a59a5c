"""The contract suite on this adapter: what it relies on here and nowhere else, and faults of its own that it must see.

The whole suite is run by `kobling certify easypractice`.
"""

from __future__ import annotations

from typing import Any

import pytest

from kobling import Adapter, BookingRequest, Catalogue, Http
from kobling_contract.contract import chosen
from kobling_contract.rule import Rule
from kobling_contract.runner import run_rule
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from kobling_easypractice import EasyPractice
from kobling_easypractice.adapter import OverlapsRefused
from kobling_easypractice.opentimes import CalendarDay

COMPUTED_AND_SETTLED = (
    "CONN-04",
    "CAT-09",
    "SLOT-01",
    "SLOT-08",
    "SLOT-13",
    "BOOK-02",
    "BOOK-05",
    "BOOK-06",
    "CNCL-06",
)
"""The rules whose worlds this vendor makes special: computed times, records of patients, overlaps that are settled."""


@pytest.mark.parametrize("rule", chosen(COMPUTED_AND_SETTLED), ids=lambda rule: rule.id)
def test_the_adapter_keeps_the_rule(rule: Rule) -> None:
    result = run_rule(rule, find_target("easypractice"), 1)
    assert result.verdict is Verdict.PASS, "\n".join(result.lines())


class IgnoresPauses(EasyPractice):
    contract = 1

    def _calendar_days(self, *given: Any) -> Any:
        for one in super()._calendar_days(*given):
            yield CalendarDay(one.day, one.hours, (), one.busy, one.booked)


class IgnoresBookings(EasyPractice):
    contract = 1

    def _calendar_days(self, *given: Any) -> Any:
        for one in super()._calendar_days(*given):
            yield CalendarDay(one.day, one.hours, one.pauses)


class SaysThatOverlapsAreRefused(OverlapsRefused):
    contract = 1


class SearchesTheClinicsClients(EasyPractice):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        await http.get("clients", params={"page_size": 200})
        return await super().catalogue(http)


class WritesNoNote(EasyPractice):
    contract = 1

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        reply = await http.post("clients", json={"name": request.patient.name})
        return str(reply.at("/data/id"))


FAULTS = [
    (IgnoresPauses, "SLOT-08", "invented"),
    (IgnoresBookings, "SLOT-01", "invented"),
    (SaysThatOverlapsAreRefused, "BOOK-05", "told_booked"),
    (SaysThatOverlapsAreRefused, "BOOK-06", "two_told_yes"),
    (SearchesTheClinicsClients, "SECR-03", "register_read"),
    (WritesNoNote, "BOOK-02", "no_sak_id"),
]


@pytest.mark.parametrize(("adapter", "rule_id", "cause"), FAULTS)
def test_the_suite_sees_what_can_go_wrong_with_this_vendor(adapter: type[Adapter], rule_id: str, cause: str) -> None:
    (rule,) = chosen([rule_id])
    result = run_rule(rule, find_target("easypractice", adapter), 1)
    assert (result.verdict, result.cause) == (Verdict.FAIL, cause), "\n".join(result.lines())
