"""Code of `at-the-practitioners.md`: both ends, and their tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, ClassVar

from invented import Invented
from pydantic import BaseModel, Field

from kobling import (
    Catalogue,
    CatalogueFacts,
    ConnectionForm,
    Department,
    Http,
    Limits,
    Offer,
    Practitioner,
    Service,
    Slot,
    SlotQuery,
    WireModel,
    optional,
    required,
)
from kobling import Clinic as ShownClinic
from kobling.localtime import parse_offset
from kobling_contract.certify import certify
from kobling_contract.target import Target
from kobling_mocks import Account, Answer, Dialect, Fact, Operation, Visit
from kobling_mocks.clinic import Clinic


class Place(WireModel):
    id: str
    name: str


class Time(WireModel):
    who: str
    kind: str
    begins: str
    ends: str
    place: str


# [who]
class Who(WireModel):
    id: str
    name: str
    place: str


# [rows]
class Kind(WireModel):
    id: str
    name: str
    people: tuple[str, ...]
    place: str | None  # None: at the practitioner's


# [class]
class AtThePractitioners(Invented):
    contract = 1
    form = ConnectionForm(
        external_id=required(nb="klinikkens nummer", en="the clinic's number", example="12"),
        department_id=optional(nb="stedets nummer", en="the number of the place", example="3"),
        api_key=required(nb="nøkkelen", en="the key"),
    )
    limits = Limits(catalogue=CatalogueFacts(departments="listed"))

    async def identify(self, http: Http) -> ShownClinic:
        places = (await http.get("places")).read(list[Place])
        return ShownClinic(departments=tuple(Department(id=one.id, name=one.name) for one in places))

    # [body]
    async def catalogue(self, http: Http) -> Catalogue:
        people = (await http.get("people")).read(list[Who])
        kinds = (await http.get("kinds")).read(list[Kind])
        at = {
            kind.id: {kind.place} if kind.place else {one.place for one in people if one.id in kind.people}
            for kind in kinds
        }
        elsewhere = {one.id: {kind.place for kind in kinds if kind.place and one.id in kind.people} for one in people}
        return Catalogue(
            practitioners=tuple(
                Practitioner(
                    id=one.id,
                    name=one.name,
                    owner_kind="person",
                    departments=frozenset({one.place, *elsewhere[one.id]}),
                )
                for one in people
            ),
            services=tuple(Service(id=kind.id, name=kind.name, locations=frozenset(at[kind.id])) for kind in kinds),
            offers=tuple(Offer(practitioner_id=who, service_id=kind.id) for kind in kinds for who in kind.people),
        )

    # [slots]
    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        times = (await http.get("open", params={"from": query.first_day, "to": query.last_day})).read(list[Time])
        return [
            Slot(
                practitioner_id=one.who,
                service_id=one.kind,
                start=parse_offset(one.begins),
                end=parse_offset(one.ends),
                location_id=one.place,
            )
            for one in times
        ]


class ClinicPath(BaseModel):
    """The clinic in the path."""

    number: str


class OpenQuery(BaseModel):
    """Both days included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")


def _places(clinic: Clinic, _: Visit) -> Any:
    return [{"id": one.id, "name": one.name} for one in clinic.departments]


# [calls]
def _people(clinic: Clinic, _: Visit) -> Any:
    at = {one.id: one.department_id for one in clinic.addresses}
    return [{"id": one.id, "name": one.public_name, "place": at[one.address_id or ""]} for one in clinic.timebooks]


def _kinds(clinic: Clinic, _: Visit) -> Any:
    at = {one.id: one.department_id for one in clinic.addresses}
    return [
        {
            "id": kind.id,
            "name": kind.name,
            "people": [rule.timebook_id for rule in kind.rules],
            "place": at.get(kind.address_id or ""),
        }
        for kind in clinic.types
    ]


# [open]
def _open(clinic: Clinic, visit: Visit) -> Any:
    asked = OpenQuery.model_validate(visit.query)
    return [
        {
            "who": slot.timebook_id,
            "kind": slot.type_id,
            "begins": slot.start.isoformat(),
            "ends": slot.end.isoformat(),
            "place": slot.department_id,
        }
        for slot in clinic.open_slots(None, None, asked.first, asked.last)
    ]


def _call(name: str, told: Any, query: type[BaseModel] | None = None) -> Operation:
    def handle(visit: Visit) -> Answer:
        account = dialect.account_of(visit)
        if account is None or dialect.credential(visit) != account.api_key:
            return Answer(401, json={})
        return Answer(200, json=told(account.clinic, visit))

    rule = f"/v1/clinics/<number>/{name}"
    return Operation(name, "GET", rule, name, handle, writes=False, path=ClinicPath, query=query)


class AtThePractitionersMock(Dialect):
    """An invented vendor where a practitioner has a place, and a service may have another."""

    key = "invented"
    name = "Invented vendor"
    about = "Invented for the documentation."
    origin = "https://api.vendor.example"
    account_parameter = "number"
    credential_headers = frozenset({"authorization"})
    untold: ClassVar[frozenset[Fact]] = frozenset(
        {"rates", "patient_lists", "owner_kinds", "type_kinds", "online", "lengths", "mediums", "professions"}
    )

    # [fit]
    def fit(self, clinic: Clinic) -> None:
        """Every practitioner has a place, at each of the clinic's in turn."""
        for number, one in enumerate(clinic.timebooks):
            clinic.put_timebook(replace(one, address_id=clinic.addresses[number % len(clinic.addresses)].id))

    # [fit-end]
    @property
    def operations(self) -> tuple[Operation, ...]:
        """Four reads."""
        return OPERATIONS

    def open_account(self, clinic: Clinic) -> Account:
        """The number and the key follow from the clinic's id."""
        return Account(external_id=str(int(clinic.id[:8], 16)), api_key=f"mock-{clinic.id[:8]}", clinic=clinic)

    def connection(self, account: Account) -> dict[str, str]:
        """A number and a key, for all places."""
        return {
            "external_id": account.external_id, "department_id": "", "api_key": account.api_key, "booking_url": "",
        }  # fmt: skip


OPERATIONS = (
    _call("places", _places),
    _call("people", _people),
    _call("kinds", _kinds),
    _call("open", _open, OpenQuery),
)
dialect = AtThePractitionersMock()


class Everywhere(AtThePractitioners):
    """Reads "no place of its own" as "wherever its practitioners receive anybody"."""

    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        found = await super().catalogue(http)
        services = tuple(one.model_copy(update={"locations": None}) for one in found.services)
        return found.model_copy(update={"services": services})


class AtHomeOnly(AtThePractitioners):
    """Forgets that a practitioner may have a service at another place."""

    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        found = await super().catalogue(http)
        home = {one.id: frozenset({one.place}) for one in (await http.get("people")).read(list[Who])}
        people = tuple(one.model_copy(update={"departments": home[one.id]}) for one in found.practitioners)
        return found.model_copy(update={"practitioners": people})


class AnybodyAnywhere(AtThePractitioners):
    """Tells nobody's place."""

    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        found = await super().catalogue(http)
        people = tuple(one.model_copy(update={"departments": None}) for one in found.practitioners)
        return found.model_copy(update={"practitioners": people})


# [test]
RULES = ("CONN-05", "CAT-07", "SLOT-04", "SLOT-10")


def failed(adapter: type[Invented]) -> list[str]:
    certificate = certify("invented", rules=RULES, target=Target(adapter, dialect))
    return [one.rule.id for one in certificate.results if one.verdict.value != "PASS"]


def test_the_suite_finds_each_service_and_each_time_where_it_is() -> None:
    assert failed(AtThePractitioners) == []


# [end]
class OnlyPeople(AtThePractitioners):
    """Leaves it to the SDK where services and times are: no service of this vendor has a place of its own."""

    contract = 1

    # [people]
    async def catalogue(self, http: Http) -> Catalogue:
        people = (await http.get("people")).read(list[Who])
        kinds = (await http.get("kinds")).read(list[Kind])
        return Catalogue(
            practitioners=tuple(
                Practitioner(id=one.id, name=one.name, owner_kind="person", departments=frozenset({one.place}))
                for one in people
            ),
            services=tuple(Service(id=kind.id, name=kind.name) for kind in kinds),
            offers=tuple(Offer(practitioner_id=who, service_id=kind.id) for kind in kinds for who in kind.people),
        )

    # [people-end]
    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        return [one.model_copy(update={"location_id": None}) for one in await super().list_slots(http, query)]


class PeopleOnly(AtThePractitionersMock):
    """No service has a place of its own."""

    def fit(self, clinic: Clinic) -> None:
        super().fit(clinic)
        for kind in clinic.types:
            clinic.put_type(replace(kind, address_id=None))


def test_it_does_so_where_only_practitioners_have_a_place() -> None:
    for adapter in (AtThePractitioners, OnlyPeople):
        certificate = certify("invented", rules=RULES, target=Target(adapter, PeopleOnly()))
        assert [one.rule.id for one in certificate.results if one.verdict.value != "PASS"] == []


def test_with_such_a_mock_it_is_seen_when_no_place_is_read_as_every_place() -> None:
    assert failed(Everywhere) == ["CAT-07"]


def test_a_practitioner_is_also_where_one_of_their_services_is() -> None:
    assert failed(AtHomeOnly) == ["CAT-07", "SLOT-04"]


def test_whose_place_is_not_told_is_offered_where_they_receive_nobody() -> None:
    assert "CAT-07" in failed(AnybodyAnywhere)
