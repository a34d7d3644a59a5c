"""Code of `types-for-your-rows.md`, and its tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from invented import Invented
from pydantic import Field

from kobling import (
    EVERYONE_OFFERS_EVERYTHING,
    AdapterBug,
    Catalogue,
    Http,
    Practitioner,
    Service,
    ServiceKind,
    Slot,
    SlotQuery,
    VendorProtocolError,
    WireModel,
    at,
)
from kobling.localtime import parse_offset
from kobling.testing import play, reply

# [rows]
KINDS: Mapping[str, ServiceKind] = {"PATIENT": "ordinary", "TEAM": "group", "PAUSE": "hidden"}


class Person(WireModel):
    """As `{"id": 7, "name": "Kari Prøve"}`."""

    id: str
    name: str


class Kind(WireModel):
    """As `{"id": 3, "title": "Vurdering", "minutes": 45, "type": "PATIENT", "web": true}`; some have no `minutes`."""

    id: str
    title: str
    minutes: int | None = Field(default=None, ge=5, le=480)  # as the vendor's page says
    type: str
    web: bool


# [class]
class Rows(Invented):
    contract = 1
    # [body]

    async def catalogue(self, http: Http) -> Catalogue:
        reply = await http.get("catalogue")
        people = reply.read(list[Person], at="/people")
        kinds = reply.read(list[Kind], at="/kinds")
        return Catalogue(
            practitioners=tuple(Practitioner(id=one.id, name=one.name) for one in people),
            services=tuple(
                Service(
                    id=one.id,
                    name=one.title,
                    minutes=one.minutes,
                    kind=KINDS.get(one.type, "unknown"),
                    online=one.web,
                )
                for one in kinds
            ),
            offers=EVERYONE_OFFERS_EVERYTHING,
        )

    # [indexed]


class Indexed(Invented):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        kinds: Any = (await http.get("catalogue")).read(dict[str, Any])["kinds"]
        return Catalogue(
            practitioners=(),
            services=tuple(Service(id=one["id"], name=one["title"], minutes=one["minutes"]) for one in kinds),
            offers=EVERYONE_OFFERS_EVERYTHING,
        )


# [deep-rows]
class Hour(WireModel):
    """As `{"id": 7, "attributes": {"start": "…", "length": "PT5M"}, "relationships": {"who": {"data": {"id": 9}}}}`."""

    id: str
    start: str = at("/attributes/start")
    length: timedelta = at("/attributes/length")
    who: str = at("/relationships/who/data/id")
    room: str | None = at("/relationships/room/data/id", default=None)  # "room" or its "data" may be null


# [deep]
class Deep(Invented):
    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        rows = (await http.get("hours")).read(list[Hour], at="/data")
        found = [(row, parse_offset(row.start)) for row in rows]
        return [
            Slot(practitioner_id=row.who, service_id="visit", location_id=row.room, start=start, end=start + row.length)
            for row, start in found
        ]


# [test]
GOOD = {"id": 3, "title": "Vurdering", "minutes": 45, "type": "PATIENT", "web": True}


def read(**changed: Any) -> Service:
    """The service that is made of a row in which something is changed."""
    answer = {"people": [{"id": 7, "name": "Kari Prøve"}], "kinds": [GOOD | changed]}
    catalogue: Catalogue = play(Rows, "catalogue", replies=[reply(200, json=answer)]).result
    return catalogue.services[0]


def test_another_spelling_is_read_as_the_value_that_it_spells() -> None:
    assert read(id="3", minutes="45", web="true") == read()
    assert read(web="false").online is False
    assert read(type="NEW_WORD").kind == "unknown"


@pytest.mark.parametrize("odd", [{"minutes": 45.5}, {"minutes": 10**30}, {"web": "kanskje"}, {"title": None}])
def test_a_value_that_the_row_does_not_take_is_the_vendors_error_with_its_place(odd: dict[str, Any]) -> None:
    with pytest.raises(VendorProtocolError) as refused:
        read(**odd)
    assert refused.value.because == "wrong_shape"
    assert refused.value.fields == (f"kinds.0.{next(iter(odd))}",)


def test_a_value_that_koblings_own_class_does_not_take_is_the_vendors_error_too() -> None:
    with pytest.raises(VendorProtocolError) as refused:
        read(id="")
    assert (refused.value.because, refused.value.fields) == ("unfit_value", ("Service.id",))


# [tested]
def hours(**changed: Any) -> list[Slot]:
    """The open time that is made of a row in which something is changed."""
    row = {
        "id": 7,
        "attributes": {"start": "2026-12-01T08:00:00+01:00", "length": "PT1H15M"},
        "relationships": {"who": {"data": {"id": 9}}, "room": {"data": None}},
    }
    query = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1))
    played = play(Deep, "list_slots", query, replies=[reply(200, json={"data": [row | changed]})])
    return list(played.result.found)


def test_a_field_that_stands_deep_in_a_row_is_read_from_there() -> None:
    (slot,) = hours()
    assert (slot.practitioner_id, slot.location_id, slot.end - slot.start) == ("9", None, timedelta(minutes=75))
    (slot,) = hours(relationships={"who": {"data": {"id": 9}}, "room": {"data": {"id": 3}}})
    assert slot.location_id == "3"


@pytest.mark.parametrize(
    ("odd", "place"),
    [
        ({"relationships": {"who": None}}, "data.0.relationships.who.data.id"),
        ({"relationships": []}, "data.0.relationships.who.data.id"),
        ({"attributes": {"start": None, "length": "PT1H"}}, "data.0.attributes.start"),
        ({"attributes": {"start": "2026-12-01T08:00:00+01:00", "length": "1 time"}}, "data.0.attributes.length"),
    ],
)
def test_what_does_not_fit_deep_in_a_row_is_told_with_its_place(odd: dict[str, Any], place: str) -> None:
    with pytest.raises(VendorProtocolError) as refused:
        hours(**odd)
    assert (refused.value.because, refused.value.fields) == ("wrong_shape", (place,))


def test_a_field_that_is_indexed_and_not_there_is_the_adapters_crash() -> None:
    with pytest.raises(AdapterBug) as crash:
        play(Indexed, "catalogue", replies=[reply(200, json={"kinds": [{"id": 3}]})])
    assert crash.value.because == "KeyError"
