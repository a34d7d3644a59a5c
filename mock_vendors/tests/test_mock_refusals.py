"""How a dialect says no: who may not come in, what the clinic refuses, and what can't be read."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, Field

from kobling import WireRequest
from kobling_mocks import Account, Answer, Dialect, Mock, Operation, Refused, Visit
from kobling_mocks.clinic import Clinic, NoSuchAppointment, Refusal


class Path(BaseModel):
    """The clinic in the path."""

    number: str


class Person(BaseModel):
    """Who comes."""

    mobile: str = Field(min_length=3)


class Body(BaseModel):
    """What is asked for."""

    person: Person
    day: date = Field(alias="when")


class Query(BaseModel):
    """A parameter that comes several times, and one that does not."""

    kinds: list[str] = Field(default=[], alias="kind")
    page: int = 1


def _read(visit: Visit) -> Answer:
    body = visit.read(Body)
    return Answer(200, json={"mobile": body.person.mobile, "clinic": visit.clinic.name, "call": visit.operation})


def _list(visit: Visit) -> Answer:
    asked = visit.read_query(Query)
    return Answer(200, json={"kinds": asked.kinds, "page": asked.page})


def _gone(visit: Visit) -> Answer:
    visit.clinic.appointment("nobody's")
    return Answer(200)


class Plain(Dialect):
    """Lets everybody in, and has no answer to what is refused."""

    key = "plain"
    name = "Plain"
    about = "Invented for these tests."
    origin = "https://api.plain.example"
    account_parameter = "number"
    credential_headers = frozenset({"authorization"})

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Three calls."""
        return (
            Operation("read", "POST", "/<number>/read", "Reads a body", _read, writes=False, path=Path, body=Body),
            Operation("list", "GET", "/<number>/list", "Reads a query", _list, writes=False, path=Path, query=Query),
            Operation("gone", "GET", "/<number>/gone", "Asks for what is not there", _gone, writes=False, path=Path),
        )

    def open_account(self, clinic: Clinic) -> Account:
        """Always the same."""
        return Account("1", "key", clinic)

    def connection(self, account: Account) -> dict[str, str]:
        """Number and key."""
        return {"external_id": "1", "department_id": "", "api_key": "key", "booking_url": ""}


class Strict(Plain):
    """Has its own words for each of them."""

    def let_in(self, visit: Visit) -> None:
        """Those with a key, at a clinic that there is."""
        if self.account_of(visit) is None:
            raise Refused(Answer(404, json="no clinic"))
        if self.credential(visit) != visit.account.api_key:
            raise Refused(Answer(401, json="no key"))

    def refused(self, visit: Visit, refusal: Refusal) -> Answer:
        """The clinic's own word."""
        return Answer(409, json=f"{visit.operation}: {refusal.code}")

    def unread(self, visit: Visit, places: tuple[str, ...]) -> Answer:
        """The places."""
        raise Refused(Answer(400, json=list(places)))


def call(mock: Mock, path: str, body: Any = None, key: str = "key") -> tuple[int, Any]:
    method, sent = ("GET", b"") if body is None else ("POST", json.dumps(body).encode())
    headers = (("Authorization", key), ("Content-Type", "application/json"))
    answer: Any = mock.exchange(WireRequest(method, f"https://api.plain.example/{path}", headers, sent))
    return answer.status, json.loads(answer.body)


def test_who_may_not_come_in_is_refused_before_the_call_is_looked_at() -> None:
    mock = Mock(Strict())
    assert call(mock, "1/list", key="other") == (401, "no key")
    assert call(mock, "2/list") == (404, "no clinic")
    assert call(mock, "1/list") == (200, {"kinds": [], "page": 1})


def test_a_body_and_a_query_are_read_through_their_models() -> None:
    mock = Mock(Strict())
    status, told = call(mock, "1/read", {"person": {"mobile": "90000042"}, "when": "2026-12-01"})
    assert (status, told["mobile"], told["call"]) == (200, "90000042", "read")
    assert told["clinic"] == mock.world.account.clinic.name
    assert call(mock, "1/list?kind=a&kind=b&page=3") == (200, {"kinds": ["a", "b"], "page": 3})


@pytest.mark.parametrize(
    ("path", "body", "places"),
    [
        ("1/read", {"person": {"mobile": "1"}, "when": "soon"}, ["person.mobile", "when"]),
        ("1/read", {"when": "2026-12-01"}, ["person"]),
        ("1/read", [], [""]),
        ("1/list?page=x", None, ["page"]),
    ],
)
def test_what_can_not_be_read_is_answered_with_its_places(path: str, body: Any, places: list[str]) -> None:
    assert call(Mock(Strict()), path, body) == (400, places)


def test_what_the_clinic_refuses_is_answered_by_the_dialect() -> None:
    assert call(Mock(Strict()), "1/gone") == (409, f"gone: {NoSuchAppointment.code}")


@pytest.mark.parametrize(("path", "body"), [("1/gone", None), ("1/read", {}), ("2/list", None)])
def test_what_a_dialect_has_no_answer_to_is_a_fault_of_the_mock(path: str, body: Any) -> None:
    mock = Mock(Plain())
    if path.startswith("2"):
        assert call(mock, path)[0] == 200  # nobody asks for the account
        return
    status, told = call(mock, path, body)
    assert (status, "the mock itself failed" in told["mock"]) == (500, True)


def test_a_handler_that_asks_for_an_account_that_there_is_not_is_told_where_to_refuse_it() -> None:
    mock = Mock(Plain())
    assert call(mock, "2/gone")[0] == 500
    (failure,) = mock.world.failures
    assert "NoAccount" in str(failure)
