"""What a refusal is told as, what is sent with a write, and facts that the vendor's mock contradicts."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from kobling import (
    Adapter,
    Booking,
    BookingNotFound,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    Clinic,
    ErrorMap,
    Http,
    InvalidRequest,
    NotActivated,
    Refusal,
    TooLateToChange,
    find_tags,
)
from kobling.wallrows import wall_rows
from kobling_contract.contract import chosen
from kobling_contract.runner import run_rule
from kobling_contract.synthetic.adapter import ERRORS, BookingRow, ByRequest, Synthetic
from kobling_contract.synthetic.dialect import SyntheticVendor
from kobling_contract.target import Target, find_target
from kobling_contract.verdicts import Verdict
from kobling_contract.wrong_values import almost
from kobling_easypractice.adapter import EasyPractice
from kobling_extensor.adapter import Extensor
from kobling_mocks import Account, Answer, Operation, Refused, Visit
from kobling_mocks import clinic as clinic_model
from one_rule import run


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


class AsOAuthSays(SyntheticVendor):
    """The same vendor, whose refusals of a token look as OAuth 2 has them, and whose keys may all do the same."""

    switches = tuple(
        replace(one, choices=(one.default,)) if one.name == "scopes" else one for one in SyntheticVendor.switches
    )

    def keys(self, account: Account) -> frozenset[str]:
        return frozenset({account.api_key})

    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(
            replace(one, handle=partial(_as_oauth_says, one.handle)) if one.signs_in else one
            for one in super().operations
        )


def _as_oauth_says(handle: Callable[[Visit], Answer], visit: Visit) -> Answer:
    try:
        return handle(visit)
    except Refused as refused:
        raise Refused(replace(refused.answer, json={"error": refused.answer.json["error"]["code"]})) from None


class KnowsBothPlaces(Synthetic):
    """Looks for the vendor's word in both places."""

    contract = 1
    errors = replace(ERRORS, code=("/error/code", "/error"))


def test_a_clinic_that_was_never_tested_before_hears_that_it_is_not_switched_on_too() -> None:
    (rule,), dialect = chosen(["CONN-08"]), AsOAuthSays()
    told = run_rule(rule, Target(Synthetic, dialect), 1, repeats=0)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "wrong_reason")
    assert run_rule(rule, Target(KnowsBothPlaces, dialect), 1, repeats=0).verdict is Verdict.PASS


class TwoMayCancel(Synthetic):
    """Has words for the patient and the clinic, and for nobody else."""

    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        if reason.by not in ("patient", "clinic"):
            raise InvalidRequest("refused_by_vendor", fields=("by",))
        return await super().cancel(http, booking, reason)


def test_whoever_may_give_a_booking_up_can() -> None:
    told = run("CNCL-01", TwoMayCancel)
    assert (told.verdict, told.cause, told.expected) == (
        Verdict.FAIL, "refused", "Cancelled, on behalf of the insurer",
    )  # fmt: skip


class CancelledIsNothing(Synthetic):
    """Tells a booking that was called off as one that is not there."""

    contract = 1

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        found = await super().get_booking(http, booking)
        if found.status == "cancelled":
            raise BookingNotFound("already_cancelled")
        return found


def test_what_the_vendor_shows_as_called_off_is_not_told_as_never_there() -> None:
    told = run("BOOK-23", CancelledIsNothing)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "other_status")


class OfThoseWhoCanBeBooked(Synthetic):
    """Lists for all what stands with those who can be booked."""

    contract = 1
    closed_too = False

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        found = await super().list_bookings(http, query)
        if query.practitioner_ids:
            return found
        people = (await self.catalogue(http)).practitioner_by_id
        return [
            one
            for one in found
            if (who := people.get(one.practitioner_id or "")) is None
            or (who.owner_kind == "person" and (who.online or self.closed_too))
        ]


class OfPersons(OfThoseWhoCanBeBooked):
    """Leaves out what stands with a group."""

    contract = 1
    closed_too = True


@pytest.mark.parametrize(("adapter", "what"), [(OfThoseWhoCanBeBooked, "is closed online"), (OfPersons, "'s")])
def test_a_list_of_all_bookings_leaves_no_timebook_out(adapter: type[Adapter], what: str) -> None:
    told = run("BOOK-22", adapter)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "missing")
    assert what in told.expected


FJELLVIK = Path(__file__).parents[2] / "docs" / "tutorial" / "output"


def module_of(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fjellvik_{name}", FJELLVIK / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pydantic looks a model's annotations up in its module by name
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("step", [1, -1])
def test_of_two_tags_in_a_note_the_one_that_is_asked_for_is_told(step: int) -> None:
    written = module_of("adapter")
    right = Target(written.Fjellvik, module_of("mock").dialect)
    (rule,) = chosen(["BOOK-22"])
    good = run_rule(rule, right, 1, repeats=0)
    assert good.verdict is Verdict.PASS
    assert any("of two tags in a note" in one for one in good.evidence)
    written.find_tag = lambda text, _=None: next(iter(find_tags(text or "")[::step]), None)
    told = run_rule(rule, right, 1, repeats=0)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "other_tag")


def test_of_two_tags_the_one_of_the_ref_is_told_where_a_booking_is_read_by_itself() -> None:
    written = module_of("adapter")

    class AnyTag(written.Fjellvik):  # type: ignore[name-defined, misc]
        """Reads one booking without a look at the reference that its BookingRef has."""

        contract = 1

        async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
            read: Booking = await super().get_booking(http, booking.model_copy(update={"reference": None}))
            return read

    (rule,) = chosen(["BOOK-22"])
    told = run_rule(rule, Target(AnyTag, module_of("mock").dialect), 1, repeats=0)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "other_tag")
    assert "get_booking" in told.wrong


class WaitsForTheClinic(EasyPractice):
    """States that the clinic accepts bookings, at a vendor where each stands as soon as it is answered."""

    contract = 1
    limits = EasyPractice.limits.model_copy(
        update={"booking": EasyPractice.limits.booking.model_copy(update={"mode": "request"})}
    )


def test_a_vendor_where_no_booking_waits_is_not_stated_to_let_them_wait() -> None:
    told = run("BOOK-17", WaitsForTheClinic)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "said_request")


def test_two_types_at_one_wall_time_of_the_repeated_hour_are_not_one_time_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """wall_rows with a key that has the calendar in it and not the type, at a vendor with all types in one list."""
    told = run("SLOT-13", Extensor)
    assert told.verdict is Verdict.PASS

    def by_calendar(*args: object, key: Callable[[object], tuple[object, ...]], **more: object) -> object:
        return wall_rows(*args, key=lambda row: key(row)[:1], **more)  # type: ignore[arg-type]

    monkeypatch.setattr("kobling_extensor.adapter.wall_rows", by_calendar)
    told = run("SLOT-13", Extensor)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "undecidable_guessed")


class NamesTheFirst(Synthetic):
    """Reads the first of the fields that a refusal names."""

    contract = 1
    errors = replace(ERRORS, field="/error/fields/0")


def test_every_field_that_one_answer_names_is_named() -> None:
    told = run("BOOK-14", NamesTheFirst)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "one_of_several")
    assert run("BOOK-14", Synthetic).verdict is Verdict.PASS


def test_a_run_tells_of_one_word_for_whoever_cancels() -> None:
    told = run("CNCL-01", EasyPractice)
    assert told.verdict is Verdict.PASS
    assert "cancelled is sent for the patient and for the clinic" in told.facts["untried"]
    assert "untried" not in run("CNCL-01", Synthetic).facts


def test_a_run_tells_of_a_clinic_that_cancels_as_the_partner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor here knows a patient's cancel from everybody else's."""
    cancel = clinic_model.Clinic.cancel

    def by_the_reason(self: clinic_model.Clinic, appointment_id: str, *, by: Any, reason: str = "") -> Any:
        return cancel(self, appointment_id, by="patient" if "pasienten" in reason.lower() else by, reason=reason)

    monkeypatch.setattr(clinic_model.Clinic, "cancel", by_the_reason)
    told = run("CNCL-01", Synthetic)
    assert told.verdict is Verdict.PASS
    assert "the clinic's cancel stands as the registry's" in told.facts["untried"]


class FindsByTelephone(Synthetic):
    """States that the vendor finds patients by their telephone."""

    contract = 1
    patient_fields = Synthetic.patient_fields.model_copy(update={"match": "phone"})


def test_how_patients_are_found_is_stated_as_the_vendor_does_it() -> None:
    told = run("BOOK-15", FindsByTelephone)
    assert (told.verdict, told.cause, told.got) == (
        Verdict.FAIL, "otherwise_matched", "the appointment stands on a new record",
    )  # fmt: skip
    assert run("BOOK-15", Synthetic).verdict is Verdict.PASS


class AnotherToken(Synthetic):
    """Sends with each booking an open time's token that is none."""

    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        return await super().book(
            http, request.model_copy(update={"slot": request.slot.model_copy(update={"token": "x"})})
        )


def test_an_ordinary_booking_that_is_refused_fails_the_first_rule_and_names_what_decided() -> None:
    told = run("BOOK-01", AnotherToken)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "failed")
    assert "ErrorMap" in told.got
    other = run("BOOK-02", AnotherToken)
    assert other.verdict is Verdict.VACUOUS
    assert "ErrorMap" in other.got


class OneCalendar(Synthetic):
    """Lists the bookings of one practitioner where all are asked for."""

    contract = 1

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        if not query.practitioner_ids:
            people = (await self.catalogue(http)).practitioners
            query = query.model_copy(update={"practitioner_ids": (people[0].id,)})
        return await super().list_bookings(http, query)


@pytest.mark.parametrize("rule", ["BOOK-09", "BOOK-22"])
def test_a_list_that_lacks_a_booking_says_whose_was_never_asked_for(rule: str) -> None:
    told = run(rule, OneCalendar)
    assert told.verdict is Verdict.FAIL
    assert "and never for" in told.got


class NoPageIsGone(Synthetic):
    """Takes any 404 for the vendor's word that there is no such booking."""

    contract = 1
    errors = replace(ERRORS, statuses={**ERRORS.statuses, ("cancel", 404): BookingNotFound})


def test_a_page_that_is_not_there_is_no_booking_that_is_gone() -> None:
    told = run("CNCL-05", NoPageIsGone)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "no_page")
    assert run("CNCL-05", Synthetic).verdict is Verdict.PASS


class DemandsAnAddress(Synthetic):
    """Books nobody without an e-mail, which the vendor can do without."""

    contract = 1
    patient_fields = Synthetic.patient_fields.model_copy(
        update={"required": Synthetic.patient_fields.required | {"email"}, "optional": frozenset()}
    )


def test_nothing_is_demanded_of_a_patient_that_the_vendor_can_do_without() -> None:
    told = run("BOOK-11", DemandsAnAddress)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "demanded")
    assert "no appointment without email" in told.expected
    good = run("BOOK-11", Synthetic)
    assert good.verdict is Verdict.PASS
    assert any("without phone, were it not demanded: PatientFieldRequired" in one for one in good.evidence)


class WithoutItsNumber(Synthetic):
    """Does not tell the clinic's organisation number."""

    contract = 1

    async def identify(self, http: Http) -> Clinic:
        return (await super().identify(http)).model_copy(update={"organisation_number": None})


def test_the_clinics_own_number_is_told_where_the_vendor_tells_it() -> None:
    told = run("CONN-12", WithoutItsNumber)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "no_number")
    assert run("CONN-12", Synthetic).verdict is Verdict.PASS


class DeclinedStands(ByRequest):
    """Takes only what is cancelled for gone."""

    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        if (await self.get_booking(http, booking)).status == "declined":
            raise TooLateToChange
        return await super().cancel(http, booking, reason)


def test_what_the_clinic_has_declined_is_not_told_as_standing() -> None:
    told = run("CNCL-02", DeclinedStands)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "declined_stands")
    good = run("CNCL-02", ByRequest)
    assert good.verdict is Verdict.PASS
    assert any(one.startswith("a booking that the clinic has declined is given up") for one in good.evidence)


class KnowsTheDeadline(Synthetic):
    """Refuses a cancel by the deadline that was told with the booking."""

    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        if booking.change_by is not None and http.now > booking.change_by:
            raise TooLateToChange
        return await super().cancel(http, booking, reason)


def test_the_vendor_is_asked_whether_it_is_too_late_to_cancel() -> None:
    told = run("CNCL-04", KnowsTheDeadline)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "unasked")
    good = run("CNCL-04", Synthetic)
    assert good.verdict is Verdict.PASS
    assert any("taken its deadline back: a cancel is told as Cancelled" in one for one in good.evidence)


def test_a_wrong_value_of_the_right_form_is_no_other_right_one() -> None:
    assert almost("AB12") == "AB11"
    assert almost("AB12", {"AB11"}) == "AB22"
    assert almost("1111", {"2222"}) == "wrong-1111"
