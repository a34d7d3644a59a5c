"""A catalogue: what can be booked, and that a changed copy is judged by its own facts."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from full_vendor import FullVendor, connect
from kobling import Catalogue, Http, Kobling, Offer, Practitioner, Rate, Service
from kobling.catalogue import EVERYONE_OFFERS_EVERYTHING, Everyone
from kobling.connection import Connection
from kobling.plugins import Installed


def catalogue(
    offers: tuple[Offer, ...] | Everyone = EVERYONE_OFFERS_EVERYTHING, *, kind: Any = "ordinary", **facts: Any
) -> Catalogue:
    who = Practitioner(id="a", name="A", owner_kind="person", departments=frozenset({"east"}))
    return Catalogue(practitioners=(who,), services=(Service(id="s", name="S", kind=kind),), offers=offers, **facts)


@pytest.mark.parametrize("stamps", [{"rate_table": {"s": ()}}, {"department_id": "west"}, {"practitioners": ()},
                                    {"offers": ()}])  # fmt: skip
@pytest.mark.parametrize("deep", [False, True])
def test_a_copy_with_other_facts_forgets_what_was_derived_from_the_old_ones(stamps: dict[str, Any], deep: bool) -> None:
    read = catalogue()
    assert read.bookable("a", "s")
    assert not read.model_copy(update=stamps, deep=deep).bookable("a", "s")
    assert read.bookable("a", "s")


def test_a_plain_copy_judges_as_before() -> None:
    read = catalogue()
    assert read.bookable("a", "s")
    assert copy.copy(read).bookable("a", "s")
    assert copy.deepcopy(read).why_not("a", "s") == ()


@pytest.mark.parametrize(
    ("patients", "reasons"),
    [("all", ()), ("restricted", ("restricted_patient_list",)), ("unknown", ("patients_unknown",))],
)
def test_what_is_not_known_to_be_open_to_everybody_is_not_bookable(patients: Any, reasons: tuple[str, ...]) -> None:
    read = catalogue((Offer(practitioner_id="a", service_id="s", patients=patients),))
    assert read.why_not("a", "s") == reasons


@pytest.mark.parametrize(
    ("kind", "reasons"),
    [("ordinary", ()), ("group", ("group_type",)), ("hidden", ("hidden_type",)), ("unknown", ("kind_unknown",))],
)
def test_what_is_not_known_to_be_an_ordinary_type_is_not_bookable(kind: Any, reasons: tuple[str, ...]) -> None:
    assert catalogue(kind=kind).why_not("a", "s") == reasons


def test_an_adapter_that_looks_at_its_own_catalogue_does_not_make_offers_without_a_rate_bookable() -> None:
    class Looks(FullVendor):
        key = "looks"
        contract = 1

        async def catalogue(self, http: Http) -> Catalogue:
            read = (await super().catalogue(http)).model_copy(update={"offers": EVERYONE_OFFERS_EVERYTHING})
            assert read.bookable("a", "s")
            return read

    vendor = connect("sync").vendor
    with Kobling(adapters=Installed({"looks": Looks}), exchange=vendor) as kobling:
        session = kobling.session(Connection("looks", external_id="1", api_key="k"), rates={"other": ["B1010"]})
        assert session.catalogue().why_not("a", "s") == ("no_insurance_rate",)


@pytest.mark.parametrize(("code", "insurance"), [("B1010", True), ("B101", False), ("b1010", False), ("B10100", False),
                                                 ("B1010 ", False), ("B１０１０", False), ("B٠١", False)])  # fmt: skip
def test_an_insurance_rate_is_a_b_and_four_digits(code: str, insurance: bool) -> None:
    assert Rate(code=code).is_insurance is insurance


@pytest.mark.parametrize("rates", [{"s": "B1010"}, {"s": [""]}, {"s": [None]}, {"s": None}, ["B1010"], {"": ["B1010"]},
                                   {"s": ["B" * 41]}])  # fmt: skip
def test_rates_that_are_none_are_refused_where_they_come_in(rates: Any) -> None:
    with (
        Kobling(adapters=Installed({"full": FullVendor})) as kobling,
        pytest.raises(ValueError, match="codes by service id"),
    ):
        kobling.session(Connection("full", external_id="1", api_key="k"), rates=rates)
