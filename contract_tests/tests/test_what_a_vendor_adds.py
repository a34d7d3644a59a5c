"""Answers with something new in them, answers that are not the vendor's, and searches that are behind."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from kobling import (
    Adapter,
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    ByCursor,
    ByLink,
    Catalogue,
    Http,
    Offer,
    Slot,
    SlotQuery,
)
from kobling_contract.contract import chosen
from kobling_contract.runner import Result, run_rule
from kobling_contract.synthetic.adapter import BookingRow, PractitionerRow, Synthetic
from kobling_contract.synthetic.dialect import SyntheticVendor
from kobling_contract.target import Target
from kobling_contract.verdicts import Verdict
from kobling_mocks.clinic import Clinic
from kobling_mocks.clinic.behaviour import Lags
from one_rule import run


class NoPageIsNoTime(Synthetic):
    """Takes whatever can't be found for a day without open times."""

    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        asked = {
            "practitioner_ids": [int(one) for one in query.practitioner_ids],
            "service_ids": [int(one) for one in query.service_ids],
            "first_day": query.first_day.isoformat(),
            "last_day": query.last_day.isoformat(),
        }
        if (await http.query("slots/search", json=asked, expect=(404,))).status == 404:
            return []
        return await super().list_slots(http, query)


class KnownOwnersRow(PractitionerRow):
    """A timebook of an owner of one of four kinds."""

    owner: Literal["person", "group", "department", "clinic"]


class KnowsEveryOwner(Synthetic):
    """Reads no timebook whose owner is of a new kind, and none beside it."""

    contract = 1

    async def _people(self, http: Http) -> list[PractitionerRow]:
        found = await http.pages("practitioners", items="/practitioners", next=ByLink("/next"), of=KnownOwnersRow)
        return list(found)


class KnownStatesRow(BookingRow):
    """A booking in one of six states."""

    status: Literal["requested", "confirmed", "declined", "cancelled", "attended", "missed"]


class KnowsEveryState(Synthetic):
    """Lists no booking in a new state, and none beside it."""

    contract = 1

    async def _rows(self, http: Http, asked: Any) -> list[BookingRow]:
        found = await http.pages(
            "bookings", items="/bookings", next=ByCursor("/cursor"), of=KnownStatesRow, params=asked
        )
        return list(found)


class UnknownCase(Synthetic):
    """Names a case where the patient has none."""

    contract = 1

    def _order(self, request: BookingRequest) -> dict[str, Any]:
        order = super()._order(request)
        return {**order, "insurance_case": order["insurance_case"] or "UKJENT"}


class InLatin1(Synthetic):
    """Leaves out every letter of a name that Latin-1 does not have."""

    contract = 1

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        name = (request.patient.family_name or "").encode("latin-1", "ignore").decode("latin-1")
        patient = request.patient.model_copy(update={"family_name": name})
        return await super().register_patient(http, request.model_copy(update={"patient": patient}))


class OfItsOwnDepartment(Synthetic):
    """Lists the bookings of the connection's department."""

    contract = 1

    async def _rows(self, http: Http, asked: Any) -> list[BookingRow]:
        own = self.connection.department_id
        return [one for one in await super()._rows(http, asked) if not own or one.department_id in (None, own)]


class ReferenceAsAsked(Synthetic):
    """Tells the reference that it was asked by."""

    contract = 1

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        return (await super().get_booking(http, booking)).model_copy(update={"reference": booking.reference})


class DaysInUtc(Synthetic):
    """Lists the bookings of a day in Greenwich."""

    contract = 1

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        listed = await super().list_bookings(http, query)
        return [one for one in listed if one.start is None or query.first_day <= one.start.date() <= query.last_day]


@pytest.mark.parametrize(
    ("rule", "adapter", "cause"),
    [
        ("FAIL-07", NoPageIsNoTime, "no_page"),
        ("CAT-03", KnowsEveryOwner, "nothing_read"),
        ("BOOK-26", KnowsEveryState, "nothing_listed"),
        ("BOOK-20", ReferenceAsAsked, "echoed"),
        ("BOOK-21", UnknownCase, "invented"),
        ("BOOK-02", InLatin1, "other_details"),
        ("BOOK-09", OfItsOwnDepartment, "moved_left_out"),
        ("BOOK-22", DaysInUtc, "edge_left_out"),
    ],
)
def test_it_is_found(rule: str, adapter: type[Adapter], cause: str) -> None:
    told = run(rule, adapter)
    assert (told.verdict, told.cause) == (Verdict.FAIL, cause), told
    assert run(rule, Synthetic).verdict is Verdict.PASS


class SaysWhetherAnInsurerPays(Synthetic):
    """Reads of the rates only whether an insurer pays by one."""

    contract = 1
    otherwise: tuple[()] | None = ()

    async def catalogue(self, http: Http) -> Catalogue:
        found = await super().catalogue(http)
        offers = [
            one.model_copy(
                update={"rates": None if any(rate.is_insurance for rate in one.rates or ()) else self.otherwise}
            )
            for one in found.offers
            if isinstance(one, Offer)
        ]
        return found.model_copy(update={"offers": tuple(offers)})


class SaysNothingOfRates(SaysWhetherAnInsurerPays):
    """Leaves out what no insurer pays, too."""

    contract = 1
    otherwise = None


class WithoutCodes(SyntheticVendor):
    """The same vendor, of whose rates it is known only whether an insurer pays."""

    untold = SyntheticVendor.untold | {"rate_codes"}


def at(dialect: SyntheticVendor, rule: str, adapter: type[Adapter]) -> Result:
    return run_rule(chosen([rule])[0], Target(adapter, dialect), 1, repeats=0)


def test_a_vendor_may_say_that_an_insurer_pays_and_not_by_which_rate() -> None:
    for rule in ("CAT-06", "CAT-12", "SLOT-01"):
        assert at(WithoutCodes(), rule, SaysWhetherAnInsurerPays).verdict is Verdict.PASS
    told = at(WithoutCodes(), "CAT-06", SaysNothingOfRates)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "without_rate")


class SearchesLate(Synthetic):
    """States that a search is behind."""

    contract = 1
    limits = Synthetic.limits.model_copy(
        update={"booking": Synthetic.limits.booking.model_copy(update={"live_search": False})}
    )


class IsBehind(SyntheticVendor):
    """The same vendor, whose search is a minute behind."""

    def fit(self, clinic: Clinic) -> None:
        """As the model is, and late."""
        super().fit(clinic)
        clinic.behave(lags=Lags(search=60))


@pytest.mark.parametrize("rule", ["BOOK-22", "MODEL-01", "MODEL-04", "WIRE-07"])
def test_a_vendor_whose_search_is_behind_can_be_conformant(rule: str) -> None:
    told = at(IsBehind(), rule, SearchesLate)
    assert told.verdict is Verdict.PASS, told
