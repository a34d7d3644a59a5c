"""Code of `one-endpoint.md`, and its tests."""

from __future__ import annotations

from typing import Any

import pytest
from invented import Invented
from pydantic import BaseModel

from kobling import (
    EVERYONE_OFFERS_EVERYTHING,
    Booking,
    BookingFacts,
    BookingNotFound,
    BookingRef,
    BookingRequest,
    ByNumber,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    Connection,
    ErrorMap,
    Http,
    Installed,
    Kobling,
    Limits,
    NotActivated,
    Practitioner,
    VendorId,
    VendorProtocolError,
    WireModel,
)
from kobling.testing import example_connection, play, reply
from kobling_mocks import Account, Answer, Dialect, Fault, Mock, Operation, Refused, Visit, key_of
from kobling_mocks.clinic import Clinic as ModelClinic


# [adapter]
class Person(WireModel):
    id: VendorId
    name: str


class OneEndpoint(Invented):
    contract = 1
    base_url = "https://api.vendor.example/call/{external_id}"
    limits = Limits(booking=BookingFacts(mode="sync", overlap="refused"))
    errors = ErrorMap({"NO_SUCH_APPOINTMENT": BookingNotFound, "CLOSED": NotActivated}, code="/error")

    async def identify(self, http: Http) -> Clinic:
        reply = await http.query("", json={"method": "getClinic"})
        return Clinic(name=reply.read(str, at="/name"))

    async def catalogue(self, http: Http) -> Catalogue:
        people = await http.pages(
            "",
            json={"method": "getPeople"},
            items="/people",
            of=Person,
            next=ByNumber("/arguments/page", last="/pages"),
        )
        shown = tuple(Practitioner(id=one.id, name=one.name) for one in people)
        return Catalogue(practitioners=shown, services=(), offers=EVERYONE_OFFERS_EVERYTHING)

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        reply = await http.post("", json={"method": "book", "arguments": {"time": request.slot.token}})
        booked = reply.read(str, at="/state") == "booked"
        return Booking(id=reply.read(str, at="/id"), status="booked" if booked else "unknown")

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        reply = await http.post("", json={"method": "cancel", "arguments": {"id": booking.id}})
        if reply.read(str, at="/state") != "cancelled":
            raise VendorProtocolError("not_cancelled")
        return Cancelled()


# [bodies]
class ClinicPath(BaseModel):
    """The clinic in the path."""

    number: str


class PageArguments(BaseModel):
    """Which page; 1 is the first."""

    page: int = 1


class AskClinic(BaseModel):
    """No arguments."""

    method: str


class AskPeople(BaseModel):
    """One page of people."""

    method: str
    arguments: PageArguments = PageArguments()


# [calls]
PAGE = 2


def _clinic(visit: Visit) -> Answer:
    return Answer(200, json={"name": visit.clinic.name})


def _people(visit: Visit) -> Answer:
    page = visit.page(visit.clinic.timebooks, PAGE, number=visit.read(AskPeople).arguments.page)
    rows = [{"id": book.id, "name": book.public_name} for book in page.rows]
    return Answer(200, json={"people": rows, "pages": page.pages})


def _no_such_method(_: Visit) -> Answer:
    return Answer(200, json={"error": "NO_SUCH_METHOD"})


def _call(name: str, handle: Any, **more: Any) -> Operation:
    return Operation(name, "POST", "/call/<number>", name, handle, writes=False, path=ClinicPath, **more)


OPERATIONS = (
    _call("clinic", _clinic, body=AskClinic, told_by=("/method", "getClinic")),
    _call("people", _people, body=AskPeople, told_by=("/method", "getPeople")),
    _call("no_such_method", _no_such_method),
)


# [dialect]
class OneEndpointMock(Dialect):
    """An invented vendor with one endpoint."""

    key = "invented"
    name = "Invented vendor"
    about = "Invented for the documentation."
    origin = "https://api.vendor.example"
    account_parameter = "number"
    credential_headers = frozenset({"authorization"})

    def let_in(self, visit: Visit) -> None:
        """Says with 200 that there is no such clinic, as it says everything."""
        if self.account_of(visit) is None:
            raise Refused(Answer(200, json={"error": "CLOSED"}))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Two reads, and what is answered to anything else."""
        return OPERATIONS

    def open_account(self, clinic: ModelClinic) -> Account:
        """The number and the key follow from the clinic's id."""
        return Account(external_id=str(int(clinic.id[:8], 16)), api_key=f"mock-{key_of(clinic)}", clinic=clinic)

    def connection(self, account: Account) -> dict[str, str]:
        """What an administrator pastes: a number and a key."""
        return {
            "external_id": account.external_id, "department_id": "", "api_key": account.api_key, "booking_url": "",
        }  # fmt: skip


dialect = OneEndpointMock()


# [test]
def test_the_adapter_reads_the_clinic_and_all_pages_of_people_at_the_mock() -> None:
    mock = Mock(dialect)
    with Kobling(adapters=Installed({"invented": OneEndpoint}), exchange=mock.exchange, clock=mock.clock) as registry:
        catalogue = registry.session(Connection("invented", **mock.connection)).catalogue()
    assert [one.id for one in catalogue.practitioners] == [book.id for book in mock.world.clinic.timebooks]
    assert {call.operation for call in mock.world.journal.calls} == {"clinic", "people"}
    assert not mock.world.journal.findings


def test_a_fault_strikes_the_operation_that_the_body_means() -> None:
    mock = Mock(dialect)
    mock.world.faults.add(Fault(operation="people", kind="http_503", times=0))
    played = play(OneEndpoint, "identify", replies=mock.exchange, connection=Connection("invented", **mock.connection))
    assert played.result.name == mock.world.clinic.name


# [end]
def test_a_cancellation_is_the_operations_one_write() -> None:
    ours = BookingRef(connection_id=example_connection(OneEndpoint).id, id="b1", confirmed=True)
    gone = reply(200, json={"error": "NO_SUCH_APPOINTMENT"})
    with pytest.raises(BookingNotFound):
        play(OneEndpoint, "cancel", ours, CancelReason(by="patient"), replies=[gone])
