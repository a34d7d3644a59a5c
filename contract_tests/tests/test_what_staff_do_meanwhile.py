"""What becomes of a booking between two calls, and what of a vendor's API an adapter never uses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kobling import Adapter, Booking, BookingNotFound, BookingQuery, BookingRef, BookingRequest, Http
from kobling_contract.certificate import Certificate
from kobling_contract.certify import certificate_of
from kobling_contract.contract import RULES, chosen
from kobling_contract.rules.cancel import _in_the_place_of
from kobling_contract.runner import Result
from kobling_contract.synthetic.adapter import ERRORS, HoldsFirst, Synthetic
from kobling_contract.target import find_target
from kobling_contract.unused import by_call, documented_uses
from kobling_contract.verdicts import Verdict
from one_rule import run


class OnTheDaysInTheMiddle(Synthetic):
    """Lists the bookings of the days in the middle of a window only."""

    contract = 1

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        aside = timedelta(days=(query.last_day - query.first_day).days // 2 - 1)
        if aside > timedelta():
            days = {"first_day": query.first_day + aside, "last_day": query.last_day - aside}
            query = query.model_copy(update=days)
        return await super().list_bookings(http, query)


def test_a_lost_booking_that_staff_have_moved_is_not_told_as_not_booked() -> None:
    told = run("BOOK-09", OnTheDaysInTheMiddle)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "moved_left_out")
    good = run("BOOK-09", Synthetic)
    assert good.verdict is Verdict.PASS
    assert any("a lost booking that staff have moved: 5 days later" in one for one in good.evidence)


class ByItsReference(Synthetic):
    """Finds one booking by its reference, and lists nothing else."""

    contract = 1
    limits = Synthetic.limits.model_copy(
        update={"booking": Synthetic.limits.booking.model_copy(update={"listed_by": "reference"})}
    )
    gone: tuple[str, ...] = ()

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        listed = await super().list_bookings(http, query.model_copy(update={"reference": None}))
        return [one for one in listed if one.reference == query.reference and one.status not in self.gone]


class WhoHasComeIsLeftOut(ByItsReference):
    """Leaves out whose patient has come."""

    contract = 1
    gone = ("attended",)


def test_a_lost_booking_whose_patient_has_come_is_not_told_as_not_booked() -> None:
    told = run("BOOK-09", WhoHasComeIsLeftOut)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "begun_left_out")
    good = run("BOOK-09", ByItsReference)
    assert good.verdict is Verdict.PASS
    assert any("on the days around, by day" in one for one in good.evidence)


class WhatWaitsIsLeftOut(ByItsReference):
    """Leaves out what the clinic has to accept."""

    contract = 1
    gone = ("pending",)


def test_what_waits_is_missed_also_where_a_booking_is_found_by_its_reference() -> None:
    told = run("BOOK-09", WhatWaitsIsLeftOut)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "waiting_left_out")


class ADayBefore(Synthetic):
    """Tells a deadline where the vendor tells none."""

    contract = 1

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        read = await super().get_booking(http, booking)
        told = read.change_by if read.start is None or read.change_by != read.start else read.start - timedelta(days=1)
        return read.model_copy(update={"change_by": told})


def test_no_deadline_is_made_up_where_the_clinic_has_none() -> None:
    told = run("BOOK-20", ADayBefore)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "differs")
    assert "the clinic takes changes until the start" in told.expected
    assert run("BOOK-20", Synthetic).verdict is Verdict.PASS


class AHoldIsABooking(HoldsFirst):
    """Takes a hold that is over for a booking that is not there."""

    contract = 1
    errors = replace(ERRORS, codes={**ERRORS.codes, "hold_over": BookingNotFound})


def test_a_hold_that_is_over_when_the_booking_comes_is_an_error_about_the_time() -> None:
    told = run("BOOK-27", AHoldIsABooking)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "told_otherwise")
    assert "the hold was over" in told.expected
    assert run("BOOK-27", HoldsFirst).verdict is Verdict.PASS


class NoWordForItsEnd(HoldsFirst):
    """Lists no code for a hold that is over, and gives none back."""

    contract = 1
    errors = replace(ERRORS, codes={name: one for name, one in ERRORS.codes.items() if name != "hold_over"})


class GivesNothingBack(HoldsFirst):
    """Lets a hold end by itself."""

    contract = 1
    release_slot = Adapter.release_slot


def test_a_hold_that_is_over_and_one_that_stays_are_told_of() -> None:
    told = run("BOOK-27", NoWordForItsEnd)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "not_listed")
    stays = run("BOOK-27", GivesNothingBack)
    assert (stays.verdict, "the adapter has no release_slot" in stays.facts["untried"]) == (Verdict.PASS, True)
    assert "untried" not in run("BOOK-27", HoldsFirst).facts


class InCapitals(Synthetic):
    """Writes names as a rule for capitals makes them."""

    contract = 1

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        patient = request.patient
        titled = patient.model_copy(update={"family_name": str(patient.family_name).title()})
        return await super().register_patient(http, request.model_copy(update={"patient": titled}))


class AlwaysNorwegian(Synthetic):
    """Writes the clinic's country before every number that has no plus."""

    contract = 1

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        phone = str(request.patient.phone)
        with_country = phone if phone.startswith("+") else f"+47{phone}"
        patient = request.patient.model_copy(update={"phone": with_country})
        return await super().register_patient(http, request.model_copy(update={"patient": patient}))


@pytest.mark.parametrize(("adapter", "field"), [(InCapitals, "family_name"), (AlwaysNorwegian, "phone")])
def test_names_and_numbers_reach_the_clinic_as_they_were_typed(adapter: type[Adapter], field: str) -> None:
    told = run("BOOK-02", adapter)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "other_details")
    assert field in told.expected


class OnOneLine(Synthetic):
    """Writes a message on one line."""

    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        message = " ".join((request.message or "").split()) or None
        return await super().book(http, request.model_copy(update={"message": message}))


def test_line_breaks_that_are_made_blanks_are_told() -> None:
    told = run("BOOK-02", OnOneLine)
    assert (told.verdict, "line breaks" in told.facts["untried"]) == (Verdict.PASS, True)
    assert "untried" not in run("BOOK-02", Synthetic).facts


def test_every_spelling_of_a_moment_has_that_of_another_also_where_day_and_clock_stand_apart() -> None:
    zone = ZoneInfo("Europe/Oslo")
    new, old = datetime(2026, 12, 1, 9, tzinfo=UTC), datetime(2026, 11, 30, 7, 30, tzinfo=UTC)
    pairs = _in_the_place_of(new, old, zone)
    assert pairs['"2026-12-01"'] == '"2026-11-30"'
    assert pairs['"10:00"'] == '"08:30"'
    assert pairs["2026-12-01T10:00:00+01:00"] == "2026-11-30T08:30:00+01:00"
    assert pairs[str(int(new.timestamp()))] == str(int(old.timestamp()))
    same_day = _in_the_place_of(new, new - timedelta(hours=1), zone)
    assert '"2026-12-01"' not in same_day


# ---- what is never used


def test_calls_and_optional_fields_that_a_rule_makes_use_of_are_known() -> None:
    used = set(run("CNCL-01", HoldsFirst).used)
    dialect = find_target("synthetic-holds").dialect
    assert dialect is not None
    documented = documented_uses(dialect)
    assert {one for one in used if ": " in one} <= documented
    assert {"cancel", "cancel: reason", "hold", "book: insurance_case"} <= used
    assert {"move", "release"} <= documented - used


def test_what_no_rule_makes_use_of_is_told_where_the_whole_suite_was_run() -> None:
    target = find_target("synthetic")
    whole = [Result(rule, Verdict.PASS, 1, used=("book",)) for rule in RULES]
    run_whole: Certificate = certificate_of(target, [1], whole)
    assert any("never uses these calls and fields" in one for one in run_whole.cannot_know)
    some: Certificate = certificate_of(target, [1], whole[:3])
    assert not any("never uses" in one for one in some.cannot_know)


def test_unused_fields_are_told_by_their_call_and_those_of_an_unused_call_not_at_all() -> None:
    assert by_call({"cancel: why", "cancel: by", "letgo", "letgo: hold"}) == "letgo; cancel with by, why"


def test_of_failures_those_come_first_that_make_others_fail() -> None:
    def order(*names: str) -> list[str]:
        results = [Result(rule, Verdict.FAIL, 1) for rule in chosen(names)]
        return [one.rule.id for one in certificate_of(find_target("synthetic"), [1], results).failures]

    first = ["CONN-01", "CONN-02", "PAGE-01"]
    assert order("SLOT-06", "CAT-01", "WIRE-08", "PAGE-01", "CONN-02", "CONN-01")[:4] == [*first, "WIRE-08"]
    assert order("SLOT-06", "PAGE-01", "SLOT-01", "CONN-01") == ["CONN-01", "SLOT-01", "SLOT-06", "PAGE-01"]


def test_after_them_come_the_safety_rules() -> None:
    results = [Result(rule, Verdict.FAIL, 1) for rule in RULES if rule.area not in ("CONN", "PAGE", "SLOT")]
    told = [one.rule.safety for one in certificate_of(find_target("synthetic"), [1], results).failures]
    assert 0 < told.index(False) == sum(told)
