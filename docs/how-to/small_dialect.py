"""Code of `write-a-dialect.md`: the tutorial's invented vendor, from its own side, and the same with less."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from kobling_mocks import Account, Answer, Dialect, Mock, Operation, Refused, Switch, Switches, Visit, key_of
from kobling_mocks.clinic import Behaviour, Clinic, Restrictions


# [wire]
class ClinicPath(BaseModel):
    """The clinic in the path."""

    number: str


class OpenQuery(BaseModel):
    """Both days included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")


def _clinic(visit: Visit) -> Answer:
    return Answer(200, json={"name": visit.clinic.name})


def _people(visit: Visit) -> Answer:
    books = [book for book in visit.clinic.timebooks if book.online and book.owner_kind == "person"]
    return Answer(200, json=[{"id": book.id, "name": book.public_name, "owner_kind": "person"} for book in books])


def _open(visit: Visit) -> Answer:
    clinic, asked = visit.clinic, visit.read_query(OpenQuery)
    visits = [kind.id for kind in clinic.types if kind.kind == "ordinary"][:1]
    books = [book.id for book in clinic.timebooks if book.owner_kind == "person"]
    zone = ZoneInfo(clinic.zone)
    rows = [
        {
            "practitioner": slot.timebook_id,
            "begins": slot.start.astimezone(zone).isoformat(),
            "ends": slot.end.astimezone(zone).isoformat(),
        }
        for slot in clinic.open_slots(books, visits, asked.first, asked.last)
    ]
    return Answer(200, json={"times": rows})


# [dialect]
class Fjordklinikk(Dialect):
    """An invented vendor's read-only API."""

    key = "fjordklinikk"
    name = "Fjordklinikk (invented)"
    about = "Invented for the documentation. Nothing here is documented by anybody; all of it is **inferred**."
    origin = "https://api.fjordklinikk.example"
    base_path = "/v1/clinics"
    account_parameter = "number"
    credential_headers = frozenset({"authorization"})
    switches: ClassVar[tuple[Switch, ...]] = (
        Switch(
            "unknown_clinic",
            "404",
            ("404", "403"),
            "How a clinic's number that does not exist is answered.",
            "An example of a question that a vendor's pages leave open.",
        ),
    )

    def let_in(self, visit: Visit) -> None:
        """The vendor's own words for a number and for a key that are wrong."""
        account = self.account_of(visit)
        if account is None:
            raise Refused(Answer(int(visit.world.switches.text("unknown_clinic")), json={"error": "NO_SUCH_CLINIC"}))
        if self.credential(visit) != account.api_key:
            raise Refused(Answer(401, json={"error": "BAD_KEY"}))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Three reads."""
        return OPERATIONS

    def open_account(self, clinic: Clinic) -> Account:
        """The number and the key follow from the clinic's id."""
        return Account(external_id=str(int(clinic.id[:8], 16)), api_key=f"mock-{key_of(clinic)}", clinic=clinic)

    def connection(self, account: Account) -> dict[str, str]:
        """What an administrator pastes: a number and a key."""
        return {
            "external_id": account.external_id, "department_id": "", "api_key": account.api_key, "booking_url": "",
        }  # fmt: skip


OPERATIONS = (
    Operation(
        name="clinic", method="GET", rule="/v1/clinics/<number>", summary="The clinic",
        handle=_clinic, writes=False, path=ClinicPath,
    ),
    Operation(
        name="people", method="GET", rule="/v1/clinics/<number>/people", summary="Who works there",
        handle=_people, writes=False, path=ClinicPath,
    ),
    Operation(
        name="open", method="GET", rule="/v1/clinics/<number>/open", summary="Open times",
        handle=_open, writes=False, path=ClinicPath, query=OpenQuery,
    ),
)  # fmt: skip
dialect = Fjordklinikk()


# [end]
class OfSmallClinics(Fjordklinikk):
    """The same vendor, had its system no rule about cancelling, and were it open whether staff accept each booking."""

    switches = (
        *Fjordklinikk.switches,
        Switch("confirmation", "direct", ("direct", "request"), "Whether staff accept each booking.", "Nobody says."),
    )

    # [fit]
    def fit(self, clinic: Clinic) -> None:
        """This system has no rule about cancelling."""
        clinic.set_restrictions(replace(clinic.restrictions, cancel_allowed=None))

    def adjust(
        self, behaviour: Behaviour, restrictions: Restrictions, switches: Switches
    ) -> tuple[Behaviour, Restrictions]:
        """Whether staff accept each booking is a switch."""
        if switches["confirmation"] == "request":
            behaviour = replace(behaviour, confirmation="request")
        return behaviour, restrictions

    # [fit-end]


def test_a_clinic_is_what_the_system_can_hold_and_behaves_as_the_switches_say() -> None:
    world = Mock(OfSmallClinics()).world
    assert world.clinic.restrictions.cancel_allowed is None
    told = [world.clinic.behaviour.confirmation]
    world.switches.set(confirmation="request")
    assert [*told, world.clinic.behaviour.confirmation] == ["direct", "request"]
