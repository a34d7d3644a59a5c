"""Worlds: separate, settable, reachable over the control API; and what third parties add."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from kobling.exchange import WireReply
from kobling_mocks import Fault, Mock, Served, dialect, dialects, find_dialect, installed_dialects, serving
from kobling_mocks.clinic import demo_clinic, synthetic_clinic
from kobling_mocks.dialects.eg_pasientsky import EgPasientsky
from partner_caller import DAY, KARI, Caller, caller_of


@pytest.fixture
def server(caller: Caller) -> Iterator[Served]:
    with caller.mock.serve() as served:
        yield served


def ask(server: Served, method: str, path: str, body: Any = None, host: str = "127.0.0.1") -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Content-Type": "application/json", "Host": host}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    kind = response.headers.get("Content-Type", "")
    return response.status, json.loads(text) if kind.startswith("application/json") else text


# ---- worlds


def test_two_worlds_never_meet(caller: Caller) -> None:
    other = caller_of(caller.mock.namespace("other", demo_clinic()))
    assert other.external_id == caller.external_id, "the same demo clinic, twice"
    order = caller.order()
    caller.ok("/book", order)
    other.mock.world.clock.advance(3600)
    assert other.ok("/book", order)["bookingId"]
    assert len(other.mock.world.journal) == 1
    assert caller.mock.world.clock.now() != other.mock.world.clock.now()


def test_the_same_name_is_the_same_world_and_a_bad_name_is_refused(caller: Caller) -> None:
    assert caller.mock.namespace("one").world is caller.mock.namespace("one").world
    with pytest.raises(ValueError, match="letters, digits"):
        caller.mock.namespace("a/b")
    with pytest.raises(ValueError, match="exists already"):
        caller.mock.namespace("one", demo_clinic())


def test_a_forgotten_world_frees_its_name(caller: Caller) -> None:
    first = caller.mock.namespace("again")
    first.forget()
    assert caller.mock.namespace("again").world is not first.world
    caller.mock.forget()
    assert caller.search(), "the default world stays"


def test_worlds_run_side_by_side_in_threads() -> None:
    mock = Mock("eg-pasientsky")
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            own = caller_of(mock.namespace(f"w{number}"))
            own.ok("/book", own.order())
            assert len(own.mock.world.journal) == 2
            own.mock.world.assert_sound()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert len(mock.world.journal) == 0


def test_reset_gives_back_the_first_state(caller: Caller) -> None:
    world = caller.mock.world
    before = world.clinic.dump()
    caller.ok("/book", caller.order())
    world.switches.set(taken="400", gateway="answers_first")
    world.clock.advance(86400)
    world.add_clinic(synthetic_clinic(3, world.clock))
    world.reset()
    assert world.clinic.dump() == before
    assert (len(world.journal), world.switches.changed, len(world.accounts)) == (0, {}, 1)


def test_reset_with_a_seed_gives_that_seeds_clinic(caller: Caller) -> None:
    caller.mock.world.reset(seed=11)
    assert caller.mock.connection == Mock("eg-pasientsky", seed=11).connection


def test_a_broken_invariant_is_remembered(caller: Caller) -> None:
    mock = Mock("eg-pasientsky")
    own = caller_of(mock)
    order = own.order()
    mock.world.clinic.behave(overlap="accepted")
    own.ok("/book", order)
    own.ok("/book", {**order, "email": "annen@example.test"})
    mock.world.clinic.behave(overlap="refused")
    own.reply("/search", {})
    with pytest.raises(AssertionError, match="overlap in timebook"):
        mock.world.assert_sound()


def test_the_connection_has_the_four_fields_and_no_world_has_anothers_key(caller: Caller) -> None:
    connection = caller.mock.connection
    assert set(connection) == {"external_id", "department_id", "api_key", "booking_url"}
    assert connection["booking_url"] == ""
    assert connection["api_key"] not in repr(caller.mock.world.account)
    assert Mock("eg-pasientsky", seed=1).connection["api_key"] != connection["api_key"]


# ---- on a socket


def test_a_served_mock_answers_at_once_and_twice_is_no_trouble(caller: Caller, server: Served) -> None:
    body = {"apikey": caller.api_key, "dateRange": {"from": DAY, "to": DAY}}
    assert ask(server, "POST", f"/partner-api/{caller.external_id}/search", body)[0] == 200
    with serving("eg-pasientsky") as second:
        assert second.port != server.port
        assert ask(second, "GET", "/__mock__/clock")[0] == 200
    second.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(second, "GET", "/__mock__/clock")


def test_a_namespace_stands_under_its_prefix(caller: Caller, server: Served) -> None:
    status, made = ask(server, "POST", "/__mock__/namespaces", {"name": "run-7", "seed": 5})
    assert (status, made["path"]) == (201, "/ns/run-7")
    body = {"apikey": made["connection"]["api_key"], "dateRange": {"from": DAY, "to": DAY}}
    path = f"/partner-api/{made['connection']['external_id']}/search"
    assert ask(server, "POST", "/ns/run-7" + path, body)[0] == 200
    assert ask(server, "POST", path, body)[0] == 401, "the default world knows neither that clinic nor that key"
    assert len(caller.mock.namespace("run-7").world.journal) == 1
    assert caller.mock.namespace("run-7").path == "/ns/run-7"
    assert ask(server, "POST", "/__mock__/namespaces", {"name": "run-7"})[0] == 409
    assert ask(server, "DELETE", "/__mock__/namespaces/run-7")[1] == {"dropped": True}
    assert ask(server, "DELETE", "/__mock__/namespaces/default")[1] == {"dropped": False}
    assert ask(server, "POST", "/ns/run-7" + path, body)[0] == 404


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8901", "[::1]:80", "127.9.9.9"])
def test_loopback_names_are_answered(server: Served, host: str) -> None:
    assert ask(server, "GET", "/__mock__/clock", host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil.example:80"])
def test_any_other_host_name_is_refused(server: Served, host: str) -> None:
    assert ask(server, "GET", "/__mock__/state", host=host)[0] == 421


def test_stopping_does_not_wait_for_a_slow_answer(caller: Caller) -> None:
    caller.mock.world.faults.add(Fault(operation="search", kind="slow", seconds=600))
    served = caller.mock.serve()
    answers: list[int] = []

    def search() -> None:
        answers.append(ask(served, "POST", f"/partner-api/{caller.external_id}/search", {"apikey": "x"})[0])

    waiting = threading.Thread(target=search)
    waiting.start()
    while not caller.mock.world.journal.of("search"):
        time.sleep(0.001)
    served.stop()
    waiting.join(timeout=10)
    assert answers == [401], "the call in flight is answered"


# ---- the control API


def test_the_clock_is_set_over_http(caller: Caller, server: Served) -> None:
    assert ask(server, "PUT", "/__mock__/clock", {"now": "2026-12-01T09:00:00+01:00", "advance_seconds": 60}) == (
        200,
        {"now": "2026-12-01T08:01:00+00:00"},
    )
    assert caller.mock.world.clock.now() == datetime(2026, 12, 1, 8, 1, tzinfo=UTC)
    assert ask(server, "PUT", "/__mock__/clock", {"now": "2026-12-01T09:00:00"})[0] == 422, "a time without a zone"
    refused = {"mock": "refused", "why": "a clinic's clock runs from 1970 to 2200"}
    assert ask(server, "PUT", "/__mock__/clock", {"now": "9999-12-31T23:59:59-01:00"}) == (409, refused)
    assert caller.mock.world.clock.now() == datetime(2026, 12, 1, 8, 1, tzinfo=UTC)


def test_orders_are_read_strictly(server: Served) -> None:
    assert ask(server, "POST", "/__mock__/reset", {"seed": "7"})[0] == 422
    assert ask(server, "PUT", "/__mock__/clock", {"now": 1_700_000_000})[0] == 422
    assert ask(server, "POST", "/__mock__/reset", {"seed": 7.0})[0] == 200, "a whole number, as JSON has it"


def test_a_method_that_a_call_does_not_know_is_refused_with_those_it_knows(server: Served) -> None:
    with urllib.request.urlopen(f"{server.url}/__mock__/clock") as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/__mock__/clock", method="DELETE"))
    caught.value.close()
    assert caught.value.code == 405
    assert {"GET", "PUT"} <= set(caught.value.headers["Allow"].split(", "))


def test_faults_switches_and_barriers_are_ordered_over_http(caller: Caller, server: Served) -> None:
    assert ask(server, "POST", "/__mock__/faults", {"operation": "search", "kind": "http_503"})[0] == 201
    assert ask(server, "POST", "/__mock__/faults", {"operation": "pay", "kind": "http_503"})[0] == 409
    assert ask(server, "POST", "/__mock__/faults", {"operation": "search", "kind": "nonsense"})[0] == 422
    status, refused = ask(
        server, "POST", "/__mock__/faults", {"operation": "search", "kind": "http_503", "status": 500}
    )
    assert (status, refused["why"]) == (409, "http_503 takes no `status`; these do: empty, redirect, reply")
    assert len(ask(server, "GET", "/__mock__/faults")[1]["waiting"]) == 1
    assert caller.reply("/search", {}).status == 503
    assert ask(server, "PATCH", "/__mock__/switches", {"settings": {"validation": "422"}})[0] == 200
    assert caller.reply("/search", {}).status == 422
    status, refused = ask(server, "PATCH", "/__mock__/switches", {"settings": {"validation": "500"}})
    assert (status, refused["why"]) == (409, "validation is one of '400', '422', not '500'")
    rows = {row["name"]: row for row in ask(server, "GET", "/__mock__/switches")[1]["switches"]}
    assert (rows["validation"]["setting"], rows["validation"]["default"]) == ("422", "400")
    assert ask(server, "POST", "/__mock__/barriers", {"operation": "book", "parties": 2})[0] == 201
    assert ask(server, "GET", "/__mock__/barriers")[1]["barriers"][0]["arrived"] == 0
    assert ask(server, "DELETE", "/__mock__/barriers")[1] == {"barriers": []}
    assert ask(server, "DELETE", "/__mock__/faults")[1] == {"waiting": []}


def test_journal_state_and_reset_over_http(caller: Caller, server: Served) -> None:
    booking = caller.ok("/book", caller.order())["bookingId"]
    calls = ask(server, "GET", "/__mock__/journal?operation=book")[1]["calls"]
    assert [(call["operation"], call["effect"], call["appointment"]) for call in calls] == [("book", "done", booking)]
    assert ask(server, "GET", "/__mock__/journal?since=2")[1]["calls"] == []
    state = ask(server, "GET", "/__mock__/state")[1]
    assert state["connections"] == [caller.mock.connection]
    assert booking in {row["id"] for row in state["clinics"][0]["appointments"]}
    assert ask(server, "POST", "/__mock__/reset", {})[0] == 200
    assert ask(server, "GET", "/__mock__/journal")[1] == {"calls": []}
    assert caller.ok("/book", caller.order())["bookingId"]


def test_activation_over_http(caller: Caller, server: Served) -> None:
    assert ask(server, "PUT", "/__mock__/activation", {"external_id": caller.external_id, "activated": False})[0] == 200
    assert caller.reply("/search", {}).status == 403
    assert ask(server, "PUT", "/__mock__/activation", {"external_id": "nobody", "activated": False})[0] == 409


# ---- the OpenAPI document


def test_the_openapi_document_is_valid_31_and_says_that_it_is_a_mock(server: Served) -> None:
    status, document = ask(server, "GET", "/openapi/openapi.json")
    assert status == 200
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()
    assert "This is a mock" in document["info"]["description"]
    assert "Inferred" in document["info"]["description"]
    assert {
        "/partner-api/{clinicId}/search",
        "/partner-api/{clinicId}/book",
        "/partner-api/{clinicId}/{bookingId}/cancel",
    } <= set(document["paths"])
    assert "422" in document["paths"]["/partner-api/{clinicId}/book"]["post"]["responses"]
    assert "text/html" in document["paths"]["/partner-api/{clinicId}/book"]["post"]["responses"]["504"]["content"]
    search = document["components"]["schemas"]["SearchBody"]
    assert set(search["required"]) == {"apikey", "dateRange"}
    assert ask(server, "GET", "/openapi/swagger")[0] == 200


# ---- dialects of third parties


@pytest.fixture
def entry_points_are(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Lets the installed distributions name these entry points, until the test ends."""

    def name(*points: EntryPoint) -> None:
        monkeypatch.setattr(dialect, "entry_points", lambda group: [point for point in points if point.group == group])
        installed_dialects.cache_clear()

    yield name
    installed_dialects.cache_clear()


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "kobling_mocks")


class Third(EgPasientsky):
    """A third party's dialect."""

    key = "third"
    name = "Third"


def third_module(**names: object) -> ModuleType:
    module = ModuleType("third_party_mock")
    for name, value in names.items():
        setattr(module, name, value)
    return module


def test_every_module_of_the_dialects_folder_that_holds_a_dialect_is_installed_under_its_own_key(
    entry_points_are: Callable[..., None],
) -> None:
    entry_points_are()
    folder = Path(dialects.__file__ or "").parent
    speaking = {path.stem for path in folder.glob("*.py") if "\ndialect = " in path.read_text("utf-8")}
    assert {key.replace("-", "_") for key in installed_dialects()[0]} == speaking


def test_a_third_partys_dialect_is_found_beside_ours(
    monkeypatch: pytest.MonkeyPatch, entry_points_are: Callable[..., None]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "third_party_mock", third_module(dialect=Third()))
    entry_points_are(point("third", "third_party_mock:dialect"))
    assert caller_of(Mock("third")).ok("/search", {"dateRange": {"from": DAY, "to": DAY}})
    assert {"third", "eg-pasientsky"} <= set(installed_dialects()[0])


def test_a_broken_dialect_is_a_problem_and_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, entry_points_are: Callable[..., None]
) -> None:
    class Twice(Third):
        key = "twice"

        @property
        def operations(self) -> Any:
            one, *others = super().operations
            return (one, replace(one, name="again"), *others)

    class Unmade(Third):
        key = "unmade"

        @property
        def operations(self) -> Any:
            raise KeyError("nothing")

    module = third_module(dialect=Third(), number=5, ours=EgPasientsky(), twice=Twice(), unmade=Unmade())
    monkeypatch.setitem(__import__("sys").modules, "third_party_mock", module)
    entry_points_are(
        point("gone", "no_such_module_anywhere:dialect"),
        point("number", "third_party_mock:number"),
        point("ours", "third_party_mock:ours"),
        point("twice", "third_party_mock:twice"),
        point("unmade", "third_party_mock:unmade"),
        point("third", "third_party_mock:dialect"),
    )
    found, problems = installed_dialects()
    assert {"eg-pasientsky", "third"} <= set(found)
    texts = {problem.entry_point: problem.what for problem in problems}
    assert "ModuleNotFoundError while it was imported" in texts["gone"]
    assert "is a int; it must be an object of a Dialect subclass" in texts["number"]
    assert "the key 'eg-pasientsky' is taken by 'EG Pasientsky'" in texts["ours"]
    assert "'again' cannot be told apart" in texts["twice"]
    assert texts["unmade"] == "KeyError when Unmade was asked for its operations"
    with pytest.raises(
        LookupError, match=r"no mock of 'gone'; installed: [\s\S]*eg-pasientsky[\s\S]*third[\s\S]*gone .* could not"
    ):
        find_dialect("gone")


def test_installed_dialects_are_looked_for_once_in_a_process(
    monkeypatch: pytest.MonkeyPatch, entry_points_are: Callable[..., None]
) -> None:
    entry_points_are()
    first = installed_dialects()
    monkeypatch.setattr(dialect, "entry_points", lambda group: pytest.fail(f"{group} was looked for again"))
    assert installed_dialects() is first
    assert find_dialect("eg-pasientsky") is first[0]["eg-pasientsky"]


def test_the_exchange_serves_the_namespace_that_the_path_names(caller: Caller) -> None:
    other = caller_of(caller.mock.namespace("named", seed=5))
    request = other.request("/search", {"apikey": other.api_key, "dateRange": {"from": DAY, "to": DAY}})
    moved = type(request)(
        request.method, request.url.replace("/partner-api", "/ns/named/partner-api"), (), request.body
    )
    answer = caller.mock.exchange(moved)
    assert isinstance(answer, WireReply)
    assert answer.status == 200
    assert len(other.mock.world.journal) == 1
    assert KARI not in answer.body.decode()


def test_a_test_can_ask_for_smaller_pages_until_the_world_begins_anew() -> None:
    world = Mock(find_dialect("easypractice")).world
    world.rows_a_page = 3
    assert (world.rows_on_a_page(200), world.rows_on_a_page(2)) == (3, 2)
    world.reset()
    assert world.rows_on_a_page(200) == 200
