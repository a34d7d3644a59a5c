"""Where patients come to: what the SDK fills in from the catalogue where the vendor's rows name no place."""

from __future__ import annotations

from typing import Any

import pytest

from full_vendor import FIRST, FullVendor, connect
from kobling import (
    EVERYONE_OFFERS_EVERYTHING,
    Catalogue,
    Clinic,
    Department,
    Http,
    Offer,
    Practitioner,
    Service,
    SlotQuery,
    address_line,
)

PLACES = (Department(id="1"), Department(id="2"), Department(id="3"))


class InPlaces(FullVendor):
    """Its open times name no place. "a" receives patients at 1, "b" at 1 and 2; the service "s" is nowhere in
    particular."""

    key = "in-places"
    contract = 1

    async def identify(self, http: Http) -> Clinic:
        return Clinic(departments=PLACES)

    async def catalogue(self, http: Http) -> Catalogue:
        found = await super().catalogue(http)
        at = {"a": {"1"}, "b": {"1", "2"}}
        people = [one.model_copy(update={"departments": frozenset(at[one.id])}) for one in found.practitioners]
        return found.model_copy(update={"practitioners": tuple(people)})


def world_of(adapter: type[FullVendor] = InPlaces) -> Any:
    return connect("sync", adapter)


def test_a_time_without_a_place_is_at_the_only_one_that_is_left() -> None:
    found = world_of().run(lambda session: session.slots(SlotQuery(first_day=FIRST, last_day=FIRST))).found
    assert {(slot.practitioner_id, slot.location_id) for slot in found} == {("a", "1"), ("b", None)}


def test_a_service_without_a_place_is_where_its_practitioners_are() -> None:
    (service,) = world_of().run(lambda session: session.catalogue()).services
    assert service.locations == {"1", "2"}


def test_a_time_at_another_place_than_is_asked_for_is_left_out() -> None:
    query = SlotQuery(first_day=FIRST, last_day=FIRST, location_id="2")
    found = world_of().run(lambda session: session.slots(query)).found
    assert {slot.practitioner_id for slot in found} == {"b"}


def test_such_a_time_is_found_again_and_booked() -> None:
    world = world_of()
    slot = world.run(lambda session: session.slots(SlotQuery(first_day=FIRST, last_day=FIRST))).found[0]
    assert (slot.location_id, world.run(lambda session: session.verify(slot)).identity) == ("1", slot.identity)


def catalogue(people: dict[str, set[str] | None], services: dict[str, set[str] | None], *offers: str) -> Catalogue:
    def frozen(places: set[str] | None) -> frozenset[str] | None:
        return None if places is None else frozenset(places)

    return Catalogue(
        practitioners=tuple(Practitioner(id=who, name=who, departments=frozen(at)) for who, at in people.items()),
        services=tuple(Service(id=what, name=what, locations=frozen(at)) for what, at in services.items()),
        offers=tuple(Offer(practitioner_id=one[0], service_id=one[1]) for one in offers)
        if offers
        else EVERYONE_OFFERS_EVERYTHING,
    )


@pytest.mark.parametrize(
    ("who", "what", "place"),
    [
        ({"1"}, None, "1"),
        (None, {"2"}, "2"),
        ({"1", "2"}, {"2", "3"}, "2"),
        ({"1", "2"}, None, None),
        (None, None, None),
        ({"1"}, {"2"}, None),
        (set(), None, None),
    ],
)
def test_the_place_of_an_offer(who: set[str] | None, what: set[str] | None, place: str | None) -> None:
    assert catalogue({"a": who}, {"s": what}).place_of("a", "s") == place


def test_an_offer_of_somebody_who_is_not_shown_has_no_place() -> None:
    assert catalogue({}, {}).place_of("a", "s") is None


@pytest.mark.parametrize(
    ("people", "own", "offers", "told"),
    [
        ({"a": {"1"}, "b": {"2"}}, None, ("as", "bs"), {"1", "2"}),
        ({"a": {"1"}, "b": {"2"}}, None, (), {"1", "2"}),
        ({"a": {"1"}, "b": {"2"}}, None, ("as",), {"1"}),
        ({"a": {"1"}, "b": {"2"}}, {"3"}, ("as",), {"3"}),
        ({"a": {"1"}, "b": None}, None, ("as", "bs"), None),
        ({"a": {"1", "2"}, "b": {"3"}}, None, ("as", "bs"), {"1", "2", "3"}),
        ({"a": {"1"}}, None, ("xs",), None),
    ],
)
def test_where_a_service_is(
    people: dict[str, set[str] | None], own: set[str] | None, offers: tuple[str, ...], told: set[str] | None
) -> None:
    class Told(InPlaces):
        contract = 1

        async def catalogue(self, http: Http) -> Catalogue:
            return catalogue(people, {"s": own}, *offers)

    (service,) = world_of(Told).run(lambda session: session.catalogue()).services
    assert service.locations == told


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (("Storgata 1", "0155", "Oslo"), "Storgata 1, 0155 Oslo"),
        (("Storgata 1", None, "Oslo"), "Storgata 1, Oslo"),
        (("", "0155", " Oslo "), "0155 Oslo"),
        ((" Storgata 1 ",), "Storgata 1"),
        ((None, "", None), ""),
    ],
)
def test_an_address_in_one_line(parts: tuple[str | None, ...], line: str) -> None:
    assert address_line(*parts) == line
