"""Code of `several-departments.md`, and its tests."""

from __future__ import annotations

from datetime import date

import pytest
from invented import Invented

from kobling import (
    EVERYONE_OFFERS_EVERYTHING,
    Catalogue,
    CatalogueFacts,
    Clinic,
    ConnectionForm,
    Department,
    DepartmentNotFound,
    Http,
    Limits,
    Practitioner,
    Service,
    Slot,
    SlotQuery,
    WireModel,
    optional,
    required,
)
from kobling.localtime import parse_offset
from kobling.testing import Rehearsal, answering, example_connection


# [adapter]
class Place(WireModel):
    id: str
    name: str
    street: str = ""


class Kind(WireModel):
    id: str
    name: str
    place: str | None = None


class Time(WireModel):
    kind: str
    begins: str
    ends: str
    place: str | None = None


# [class]
class ManyPlaces(Invented):
    contract = 1
    # [body]
    form = ConnectionForm(
        external_id=required(nb="klinikkens nummer", en="the clinic's number", example="12"),
        department_id=optional(
            nb="avdelingens nummer, når klinikken har flere",
            en="the department's number, where there are several",
            example="3",
        ),
        api_key=required(nb="nøkkelen", en="the key"),
    )
    limits = Limits(catalogue=CatalogueFacts(departments="listed"))

    async def identify(self, http: Http) -> Clinic:
        places = (await http.get("places")).read(list[Place])
        return Clinic(departments=tuple(Department(id=one.id, name=one.name, address=one.street) for one in places))

    async def catalogue(self, http: Http) -> Catalogue:
        kinds = (await http.get("kinds")).read(list[Kind])
        return Catalogue(
            practitioners=(Practitioner(id="7", name="Kari Prøve", owner_kind="person"),),
            services=tuple(
                Service(id=one.id, name=one.name, locations=frozenset({one.place}) if one.place else None)
                for one in kinds
            ),
            offers=EVERYONE_OFFERS_EVERYTHING,
        )

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        asked = {"from": query.first_day, "to": query.last_day, "place": query.location_id}  # None is left out
        times = (await http.get("open", params=asked)).read(list[Time])
        return [
            Slot(
                practitioner_id="7",
                service_id=one.kind,
                start=parse_offset(one.begins),
                end=parse_offset(one.ends),
                location_id=one.place,
            )
            for one in times
        ]


# [test]
VENDOR = answering(
    places=[{"id": "3", "name": "Bergen"}, {"id": "4", "name": "Voss"}],
    kinds=[{"id": "bergen", "name": "Time i Bergen", "place": "3"}, {"id": "everywhere", "name": "Time"}],
    open=[
        {"kind": "bergen", "begins": "2026-12-01T09:00+01:00", "ends": "2026-12-01T09:30+01:00", "place": "3"},
        {"kind": "everywhere", "begins": "2026-12-01T10:00+01:00", "ends": "2026-12-01T10:30+01:00"},
    ],
)
DAY = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1))


def test_a_department_shows_what_is_received_there_and_what_has_no_address() -> None:
    voss = Rehearsal(ManyPlaces, example_connection(ManyPlaces, department_id="4")).session(VENDOR)
    assert {slot.service_id for slot in voss.slots(DAY).found} == {"everywhere"}
    bergen = Rehearsal(ManyPlaces, example_connection(ManyPlaces, department_id="3")).session(VENDOR)
    assert {slot.service_id for slot in bergen.slots(DAY).found} == {"everywhere", "bergen"}


def test_a_department_that_is_not_on_the_vendors_list_is_named() -> None:
    nowhere = Rehearsal(ManyPlaces, example_connection(ManyPlaces, department_id="9")).session(VENDOR)
    with pytest.raises(DepartmentNotFound):
        nowhere.slots(DAY)


# [end]
