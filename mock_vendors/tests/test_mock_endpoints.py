"""A vendor with one endpoint: the body tells its calls apart, and what cannot be told apart is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel
from schemathesis import GenerationMode

from kobling.exchange import WireReply, WireRequest
from kobling_mocks import Account, Answer, Dialect, Mock, Operation, Visit
from kobling_mocks.app import MockApp
from kobling_mocks.clinic import Clinic
from kobling_mocks.endpoints import endpoints
from kobling_mocks.world import DEFAULT, Worlds


class Path(BaseModel):
    number: str


class Body(BaseModel):
    method: str


class Deep(BaseModel):
    head: dict[str, int]


class Told(BaseModel):
    told: str


class Refused(BaseModel):
    wrong: str


def telling(word: str) -> Callable[[Visit], Answer]:
    return lambda visit: Answer(200, json={"told": word})


def call(name: str, told_by: tuple[str, str | int] | None, **more: Any) -> Operation:
    given: dict[str, Any] = {"method": "POST", "rule": "/rpc/<number>", "body": Body, "answers": {200: Told}} | more
    return Operation(
        name, summary=f"Does {name}", handle=telling(name), writes=False, path=Path, told_by=told_by, **given
    )


PEOPLE, TIMES = call("people", ("/method", "getPeople")), call("times", ("/method", "getTimes"), signs_in=True)
ELSE = call("else", None, body=None, pages=frozenset({503}))


class OneDoor(Dialect):
    key = "one-door"
    name = "One door (invented)"
    about = "Invented."
    origin = "https://api.one-door.example"
    account_parameter = "number"
    credential_headers = frozenset({"authorization"})

    def __init__(self, *calls: Operation) -> None:
        self._calls = calls

    @property
    def operations(self) -> tuple[Operation, ...]:
        return self._calls

    def open_account(self, clinic: Clinic) -> Account:
        return Account("12", "mock-key", clinic)

    def connection(self, account: Account) -> dict[str, str]:
        return {"external_id": "12", "department_id": "", "api_key": account.api_key, "booking_url": ""}


def asked(mock: Mock, body: Any) -> tuple[int, Any]:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = (("Authorization", "Bearer mock-key"), ("Content-Type", "application/json"))
    told = mock.exchange(WireRequest("POST", "https://api.one-door.example/rpc/12", headers, sent))
    assert isinstance(told, WireReply)
    return told.status, json.loads(told.body)


def test_the_body_tells_which_operation_is_meant_in_whatever_order_they_stand() -> None:
    for calls in ((PEOPLE, TIMES, ELSE), (ELSE, TIMES, PEOPLE)):
        mock = Mock(OneDoor(*calls))
        assert asked(mock, {"method": "getPeople"}) == (200, {"told": "people"})
        assert asked(mock, {"method": "getTimes"}) == (200, {"told": "times"})
        for other in ({"method": "gettimes"}, {"method": ["getTimes"]}, ["getTimes"], {}, b"not JSON"):
            assert asked(mock, other) == (200, {"told": "else"})
        assert [one.operation for one in mock.world.journal.calls] == ["people", "times", *["else"] * 5]


def test_every_value_of_a_parameter_that_comes_several_times_is_told_in_order() -> None:
    seen: list[Visit] = []

    def note(visit: Visit) -> Answer:
        seen.append(visit)
        return Answer(200, json={})

    mock = Mock(OneDoor(replace(call("times", None), handle=note, method="GET", body=None)))
    url = "https://api.one-door.example/rpc/12?start=ge1&who=7&start=lt%2B2"
    mock.exchange(WireRequest("GET", url, (("Authorization", "Bearer mock-key"),), b""))
    (visit,) = seen
    assert visit.values("start") == ("ge1", "lt+2")
    assert visit.address == "https://api.one-door.example/rpc/12"
    assert (visit.values("who"), visit.values("nobody"), visit.query["start"]) == (("7",), (), "lt+2")


def test_a_number_deep_in_the_body_tells_as_well_and_true_is_no_number() -> None:
    mock = Mock(OneDoor(call("one", ("/head/kind", 1), body=Deep), call("two", ("/head/kind", 2), body=Deep)))
    assert asked(mock, {"head": {"kind": 2}}) == (200, {"told": "two"})
    assert asked(mock, {"head": {"kind": True}})[0] == 404


def test_a_body_that_no_operation_is_for_is_an_unknown_call_for_the_journal() -> None:
    mock = Mock(OneDoor(PEOPLE, TIMES))
    status, told = asked(mock, {"method": "getRich"})
    assert status == 404
    assert "none of this endpoint's calls" in told["mock"]
    assert [(entry.operation, found.code) for entry, found in mock.world.journal.findings] == [(None, "unknown_route")]


def test_faults_and_the_control_api_know_each_operation_by_its_name() -> None:
    mock = Mock(OneDoor(PEOPLE, TIMES))

    def order(operation: str) -> int:
        body = json.dumps({"operation": operation, "kind": "http_503"}).encode()
        headers = (("Content-Type", "application/json"),)
        told = mock.exchange(WireRequest("POST", "https://api.one-door.example/__mock__/faults", headers, body))
        assert isinstance(told, WireReply)
        return told.status

    assert (order("times"), order("getTimes")) == (201, 409)
    assert asked(mock, {"method": "getPeople"})[0] == 200
    with pytest.raises(ValueError, match="Expecting value"):
        asked(mock, {"method": "getTimes"})  # a page of HTML
    assert [entry.fault for entry in mock.world.journal.calls] == [None, "http_503"]


WRONG = {
    "never told": ((call("one", None), call("two", None)), "'one' and 'two' cannot be told apart.*give each a told_by"),
    "told alike": ((PEOPLE, call("too", ("/method", "getPeople"))), "both are told by .*getPeople"),
    "two places": (
        (call("one", ("/a", "x"), body=None), PEOPLE),
        "is told by '/a', which is no place in its body model",
    ),
    "no pointer": ((call("one", ("method", "x")), PEOPLE), "is no place in its body model"),
    "two names": ((PEOPLE, PEOPLE), "two operations are named 'people'"),
    "one path twice": ((PEOPLE, call("too", ("/method", "x"), rule="/rpc/<clinic>")), "are one path"),
}


@pytest.mark.parametrize(("calls", "told"), WRONG.values(), ids=WRONG)
def test_operations_that_cannot_be_told_apart_are_refused_when_the_mock_is_made(
    calls: tuple[Operation, ...], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        Mock(OneDoor(*calls))


def test_two_operations_must_be_told_by_the_same_place() -> None:
    class Both(BaseModel):
        method: str
        action: str

    calls = (call("one", ("/method", "x"), body=Both), call("two", ("/action", "y"), body=Both))
    with pytest.raises(ValueError, match="look at different places"):
        endpoints(calls)


def test_the_document_is_valid_and_every_answer_of_the_shared_endpoint_fits_it() -> None:
    worlds = Worlds(OneDoor(PEOPLE, TIMES, ELSE))
    worlds.create(DEFAULT)
    document = schemathesis.openapi.from_wsgi("/openapi/openapi.json", MockApp(worlds))
    OpenAPIV31SpecValidator(document.raw_schema).validate()
    (shared,) = [one.ok() for one in document.get_all_operations() if one.ok().path == "/rpc/{number}"]
    told = shared.definition.raw
    assert told["operationId"] == "post_rpc_number"
    people, times, anything = told["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert [one["allOf"][1]["properties"]["method"]["const"] for one in (people, times)] == ["getPeople", "getTimes"]
    assert anything == {}
    assert set(told["responses"]) == {"200", "503"}
    assert {} in told["security"], "signing in needs no key"
    cases = document.iter_coverage_cases(
        shared, generation_modes=list(GenerationMode), generation_config=document.config.generation
    )
    assert [case.call_and_validate(app=MockApp(worlds)).status_code for case in cases]
