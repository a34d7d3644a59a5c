"""Each rule says what must succeed without the fault, and an adapter for which that does not succeed passes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from kobling import (
    Adapter,
    BookingNotFound,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    Clinic,
    Http,
    Slot,
    SlotQuery,
    Slots,
    TooLateToChange,
    UnsupportedOperation,
    WireModel,
    WireReply,
    WireRequest,
)
from kobling_contract.contract import RULES, chosen
from kobling_contract.detectability import cannot_know
from kobling_contract.nulls import never_null
from kobling_contract.rig import WireCall
from kobling_contract.rule import NEVER_VARIED, Rule
from kobling_contract.rules.catalogue import ENOUGH, never_varied
from kobling_contract.rules.slots import few_own_links
from kobling_contract.runner import Result, run_rule
from kobling_contract.synthetic.adapter import Synthetic
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from kobling_eg_pasientsky import EgPasientsky
from kobling_mocks import World
from made_results import certificate


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_its_positive_control_in_one_sentence_of_its_own(rule: Rule) -> None:
    assert rule.control[:1].isupper(), rule.control
    assert rule.control.endswith("."), rule.control
    assert not any(f"{end} " in rule.control for end in ".!?"), "one sentence"
    assert rule.control.rstrip(".") not in (rule.title, rule.why.rstrip("."), rule.check.rstrip("."))


class NeverFound(EgPasientsky):
    """Knows no booking, also not one that stands."""

    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        await super().cancel(http, booking, reason)
        raise BookingNotFound


class AlwaysTooLate(EgPasientsky):
    """Says of every cancel that it is too late."""

    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        await super().cancel(http, booking, reason)
        raise TooLateToChange


class SeesNoTimes(EgPasientsky):
    """Asks for open times, and tells none."""

    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        await super().list_slots(http, query)
        return Slots()


class TellsNoDepartments(EgPasientsky):
    """Knows of no list of departments, and states so, though the vendor has one."""

    contract = 1
    limits = EgPasientsky.limits.model_copy(
        update={"catalogue": EgPasientsky.limits.catalogue.model_copy(update={"departments": "nowhere"})}
    )

    async def identify(self, http: Http) -> Clinic:
        return (await super().identify(http)).model_copy(update={"departments": None})


class NeverMay(Synthetic):
    """Holds that no key may book."""

    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Any:
        raise UnsupportedOperation


@pytest.mark.parametrize(
    ("adapter", "rule_id"),
    [(NeverFound, "CNCL-03"), (AlwaysTooLate, "CNCL-04"), (SeesNoTimes, "FAIL-08"), (SeesNoTimes, "FAIL-10"),
     (SeesNoTimes, "SLOT-09"), (TellsNoDepartments, "CONN-05"), (NeverMay, "CONN-11")],
)  # fmt: skip
def test_what_never_succeeds_proves_nothing(adapter: type[Adapter], rule_id: str) -> None:
    (rule,) = chosen([rule_id])
    result = run_rule(rule, find_target(adapter.key, adapter), 1, repeats=0)
    assert result.verdict is Verdict.VACUOUS, "\n".join(result.lines())


def test_a_list_that_the_mock_never_gives_in_two_pages_leaves_it_open_whether_it_is_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(World, "rows_on_a_page", lambda self, most: most)
    result = run_rule(chosen(["PAGE-01"])[0], find_target("easypractice"), 1, repeats=0)
    assert result.verdict is Verdict.VACUOUS
    assert "no second page of calendars (115 rows in one answer), services" in result.reason


class Person(WireModel):
    """A row of a vendor that sends null where there is no title, and may leave the room out."""

    id: str
    title: str | None
    room: str | None = None


@pytest.mark.parametrize(
    ("titles", "told"), [((None, "dr."), ()), (("dr.", "dr."), ("Person.title (never null)",)), ((), ())]
)
def test_a_field_that_may_be_null_and_never_is_in_the_mocks_rows_is_told(
    titles: Sequence[str | None], told: Sequence[str]
) -> None:
    class Small(Adapter):
        __module__ = Person.__module__
        key = name = "small"
        contract = 1

    rows = [{"id": str(number), "title": title} for number, title in enumerate(titles)]
    reply = WireReply(200, (), json.dumps({"people": rows, "whole": {"id": "1"}}).encode())
    call = WireCall(WireRequest("GET", "https://vendor.example/people", (), b""), reply)
    assert never_null(Small, [call, call]) == told


def test_a_field_that_is_the_same_in_every_row_of_the_mock_is_told_with_what_a_run_cannot_know() -> None:
    rows = [{"id": str(number), "active": True, "online": number > 2} for number in range(ENOUGH)]
    reply = WireReply(200, (), json.dumps({"items": rows, "whole": True}).encode())
    told = never_varied([WireCall(WireRequest("GET", "https://vendor.example/people", (), b""), reply)])
    assert told == ("/items/active (always true)",)
    result = run_rule(chosen(["CAT-09"])[0], find_target("extensor"), 1, repeats=0)
    assert cannot_know("mock", [result]) == ()
    assert cannot_know("mock", [replace(result, facts={NEVER_VARIED: told[0]})]) == (
        "what the adapter makes of another value of /items/active (always true): no row of the mock's has one",
    )


class OnePractitioner(Synthetic):
    """Offers the times of one practitioner."""

    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        """The times of whoever has the lowest number."""
        found = await super().list_slots(http, query)
        return [one for one in found if one.practitioner_id == min(each.practitioner_id for each in found)]


def test_a_move_that_no_clinic_has_times_for_is_told_with_what_a_run_cannot_know() -> None:
    with_all = run_rule(chosen(["CNCL-08"])[0], find_target("synthetic"), 1, repeats=0)
    assert (with_all.verdict, cannot_know("mock", [with_all])) == (Verdict.PASS, ())
    with_one = run_rule(chosen(["CNCL-08"])[0], find_target("synthetic", OnePractitioner), 1, repeats=0)
    assert with_one.verdict is Verdict.PASS
    (told,) = cannot_know("mock", [with_one])
    assert told.startswith("CNCL-08: what becomes of a move in one step to another practitioner")


def test_codes_of_the_error_map_that_no_answer_had_are_told_where_the_whole_suite_was_run() -> None:
    one = run_rule(chosen(["BOOK-05"])[0], find_target("synthetic"), 1, repeats=0)
    assert "slot_taken" in one.codes
    listed = frozenset({"slot_taken", "never_said", "nor_this"})
    whole = replace(certificate(one, complete=True), listed_codes=listed)
    told = "whether these codes of ErrorMap are right, since no answer of the mock's had them: never_said, nor_this"
    assert whole.cannot_know == (told,)
    assert replace(certificate(one), listed_codes=listed).cannot_know == (), "one rule tries few of them"
    assert replace(whole, target="live").untried_codes == frozenset(), "nobody orders refusals from a sandbox"
    assert Result.from_dict(one.as_dict(), one.rule).codes == one.codes


class EitherWillDo(Synthetic):
    """Asks for a telephone or an e-mail address."""

    contract = 1
    patient_fields = Synthetic.patient_fields.model_copy(
        update={
            "required": Synthetic.patient_fields.required - {"phone"},
            "optional": frozenset(),
            "one_of": (frozenset({"phone", "email"}),),
        }
    )


def test_what_a_vendor_asks_for_as_one_of_several_is_sent_and_its_refusal_tried() -> None:
    result = run_rule(chosen(["BOOK-14"])[0], find_target("synthetic", EitherWillDo), 1, repeats=0)
    assert (result.verdict, result.reason) == (Verdict.PASS, "")
    assert any("without email, phone" in seen for seen in result.evidence)


@pytest.mark.parametrize(
    ("bodies", "few"),
    [
        ((b'{"id": "visit-1", "book": "https:\\/\\/v.example\\/t\\/1"}',), False),
        ((b'{"id": "visit-1", "kind": "https://v.example/kind", "was": "https://v.example/kind"}',), True),
        ((b'{"id": "visit-1", "next": "https://api.example/v1/times?page=2"}',), True),
        ((b'{"id": "another", "book": "https://v.example/t/1"}',), True),
        ((b'{"id": "visit-1", "book": "https://v.example/t/1"}',) * 2, False),
    ],
)
def test_an_address_that_may_lead_to_one_time_is_told_from_those_of_pages_and_vocabularies(
    bodies: tuple[bytes, ...], few: bool
) -> None:
    asked = WireRequest("GET", "https://api.example/v1/times?day=2026-12-01", (), b"")
    rig: Any = SimpleNamespace(wire=[WireCall(asked, WireReply(200, (), body)) for body in bodies])
    time = {"service_id": "visit-1", "practitioner_id": "1"}
    slots: Any = SimpleNamespace(found=[SimpleNamespace(**time, start=hour) for hour in (8, 9)])
    assert few_own_links(rig, slots) == few


def test_a_rule_without_the_times_that_it_needs_says_which_and_what_there_was() -> None:
    result = run_rule(chosen(["BOOK-22"])[0], find_target("synthetic", OnePractitioner), 1, repeats=0)
    assert result.verdict is Verdict.VACUOUS
    assert "each of two practitioners" in result.reason
    there = r"found at department \d+ of the connection from 2026-\S+ to 2026-\S+: practitioner \d+ \(\d+ times\)"
    assert re.search(there, result.reason)
