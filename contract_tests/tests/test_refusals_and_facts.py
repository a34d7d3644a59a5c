"""What a refusal is told as, what is sent with a write, and facts that the vendor's mock contradicts."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from kobling import (
    Adapter,
    Booking,
    BookingNotFound,
    BookingQuery,
    BookingRequest,
    ErrorMap,
    Http,
    NotActivated,
    Refusal,
    TooLateToChange,
)
from kobling_contract.contract import chosen
from kobling_contract.runner import Result, run_rule
from kobling_contract.synthetic.adapter import ERRORS, BookingRow, ByRequest, Synthetic
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict


def run(rule: str, adapter: type[Adapter]) -> Result:
    return run_rule(chosen([rule])[0], find_target(adapter.key, adapter), 1, repeats=0)


def with_code(code: str, meaning: object) -> ErrorMap:
    return replace(ERRORS, codes={**ERRORS.codes, code: meaning})  # type: ignore[dict-item]


class WithdrawnIsTooLate(Synthetic):
    """Takes what is not offered any more for a booking that can't be changed."""

    contract = 1
    errors = with_code("slot_not_offered", TooLateToChange)


class WithdrawnIsNoBooking(Synthetic):
    """Takes it for a booking that is not there."""

    contract = 1
    errors = with_code("slot_not_offered", BookingNotFound)


@pytest.mark.parametrize("adapter", [WithdrawnIsTooLate, WithdrawnIsNoBooking])
def test_whoever_has_no_booking_yet_hears_of_none(adapter: type[Adapter]) -> None:
    told = run("BOOK-19", adapter)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "of_a_booking")
    assert "ErrorMap.codes has an entry for the code slot_not_offered" in told.got


def test_a_time_for_which_it_became_too_late_is_refused_as_one_that_is_not_offered() -> None:
    told = run("BOOK-19", Synthetic)
    assert told.verdict is Verdict.PASS
    assert any(one.startswith("the clinic wants more notice: answered 409, refused") for one in told.evidence)


class AnotherKeyEachTime(Synthetic):
    """Sends a key against second bookings that is another one with each call."""

    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        answer = await http.post("bookings", headers={"Idempotency-Key": uuid4()}, json=self._order(request))
        made = answer.read(BookingRow, at="/booking")
        return Booking(id=made.id, status="booked" if made.status == "confirmed" else "unknown")


def test_what_a_write_sends_follows_from_what_was_asked_for() -> None:
    told = run("FUZZ-07", AnotherKeyEachTime)
    assert (told.verdict, told.cause, told.got) == (
        Verdict.FAIL, "written_otherwise", "book: another header Idempotency-Key",
    )  # fmt: skip
    assert run("FUZZ-07", Synthetic).verdict is Verdict.PASS


class NoPageIsNoBooking(Synthetic):
    """Reads whatever can't be found as a list of nothing."""

    contract = 1

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        days = {"first_day": query.first_day.isoformat(), "last_day": query.last_day.isoformat()}
        answer = await http.get("bookings", params=days, expect=(404,))
        return [] if answer.status == 404 else await super().list_bookings(http, query)


def test_a_page_that_is_not_there_is_no_list_in_which_the_booking_is_not() -> None:
    told = run("BOOK-09", NoPageIsNoBooking)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "no_page")
    assert run("BOOK-09", Synthetic).verdict is Verdict.PASS


class StandsAtOnce(ByRequest):
    """States that every booking stands as soon as it is answered."""

    contract = 1
    limits = Synthetic.limits


def test_a_vendor_whose_clinics_answer_every_booking_is_not_stated_to_book_at_once() -> None:
    told = run("BOOK-17", StandsAtOnce)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "said_sync")
    assert "untried" not in run("BOOK-17", ByRequest).facts
    assert "may wait for the clinic" in run("BOOK-17", Synthetic).facts["untried"]


class SwitchedOffByTheClinic(Synthetic):
    """Sends the clinic to its own settings."""

    contract = 1
    errors = with_code("not_enabled", Refusal(NotActivated, "switched_off_by_clinic"))


def test_who_switches_the_integration_on_is_told_as_the_mock_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = run("CONN-08", SwitchedOffByTheClinic)
    assert (told.verdict, told.cause, told.expected) == (Verdict.FAIL, "wrong_person", "the vendor switches it on")
    dialect = type(find_target("synthetic").dialect)
    monkeypatch.setattr(dialect, "switched_on_by", "clinic")
    assert run("CONN-08", SwitchedOffByTheClinic).verdict is Verdict.PASS
    assert run("CONN-08", Synthetic).cause == "wrong_person"
    monkeypatch.setattr(dialect, "switched_on_by", None)
    unknown = run("CONN-08", Synthetic)
    assert (unknown.verdict, "does not say" in unknown.facts["untried"]) == (Verdict.PASS, True)
