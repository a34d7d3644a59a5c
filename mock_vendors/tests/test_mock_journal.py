"""The journal: what it finds, and that it keeps neither keys nor patients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from kobling.exchange import WireReply, WireRequest
from kobling_mocks import FINDINGS, Account, Answer, Dialect, Fault, Mock, Operation, Visit
from kobling_mocks.clinic import Clinic, synthetic_clinic
from partner_caller import DAY, Caller, caller_of

SEARCH = {"dateRange": {"from": DAY, "to": DAY}}


def found(caller: Caller) -> set[tuple[str, str]]:
    return {(finding.code, finding.where) for finding in caller.mock.world.journal.calls[-1].findings}


def test_a_clean_run_has_no_findings(caller: Caller) -> None:
    booking = caller.ok("/book", caller.order())["bookingId"]
    caller.ok(f"/{booking}/cancel", {"note": "Avlyst"})
    assert caller.mock.world.journal.findings == ()


def test_an_entry_tells_what_happened_by_the_clinics_clock(caller: Caller) -> None:
    booking = caller.ok("/book", caller.order())["bookingId"]
    search, book = caller.mock.world.journal.calls
    assert (search.number, search.operation, search.status, search.effect) == (1, "search", 200, "none")
    assert (book.operation, book.method, book.status, book.effect, book.appointment) == (
        "book", "POST", 200, "done", booking,
    )  # fmt: skip
    assert book.clinic == caller.external_id
    assert book.at == caller.mock.world.clock.now()


def test_neither_key_nor_patient_is_kept_but_the_same_value_gives_the_same_digest(caller: Caller) -> None:
    journal = caller.mock.world.journal
    order = caller.order(phoneNumber="+4790000042", note="Ola Prøve, f. 1984\nSakID: 6QPTR")
    caller.call("/book", order, headers={"X-Trace": "ola.prove@example.test"}, query="?email=ola.prove@example.test")
    caller.call("/ola.prove@example.test/cancel", {})
    kept = repr(journal.calls) + json.dumps([call.body for call in journal.calls])
    for secret in (caller.api_key, "ola.prove@example.test", "+4790000042", "Ola Prøve", "6QPTR"):
        assert secret not in kept
    assert journal.digest(caller.api_key) in journal.of("book")[0].body["apikey"]
    assert journal.of("book")[0].body["timeslotId"] == order["timeslotId"], "plain values stay readable"
    assert Mock("eg-pasientsky").world.journal.digest(caller.api_key) != journal.digest(caller.api_key)


@pytest.mark.parametrize(
    "query",
    [
        "?email=ola%40example.test",
        "?q=21883649874",
        "?tlf=%2B4790000001",
        "?tlf=90000001",
        "?who=Pr%C3%B8ve+Nordmann",
        "?who=pr%C3%B8ve%20nordmann",
    ],
)
def test_a_patient_in_the_url_is_found(caller: Caller, query: str) -> None:
    caller.call("/search", SEARCH, query=query)
    assert "patient_in_url" in {code for code, _ in found(caller)}


def test_uuids_dates_and_numbers_are_no_patients(caller: Caller) -> None:
    caller.call("/search", SEARCH, query="?day=2026-12-01T09:00&id=12345678-1234-1234-1234-123456789012&page=100")
    assert {code for code, _ in found(caller)} == {"unknown_parameter"}


def test_a_key_in_the_url_is_found_by_value_and_by_name(caller: Caller) -> None:
    caller.call("/search", SEARCH, query=f"?x={caller.api_key}")
    assert ("secret_in_url", "query.x") in found(caller)
    caller.call("/search", SEARCH, query="?api_key=other")
    assert ("secret_in_url", "query.api_key") in found(caller)
    caller.call(f"/{caller.api_key}/cancel", {})
    assert ("secret_in_url", "path") in found(caller)


def test_a_key_in_a_header_or_a_note_is_out_of_place(caller: Caller) -> None:
    caller.call("/search", SEARCH, headers={"Authorization": f"Bearer {caller.api_key}"})
    assert found(caller) == {("secret_out_of_place", "header.Authorization")}
    caller.call("/book", caller.order(note=f"key {caller.api_key}"))
    assert found(caller) == {("secret_out_of_place", "body.note")}


def test_unknown_fields_and_parameters_are_found(caller: Caller) -> None:
    caller.call("/search", {**SEARCH, "patientName": "x"}, query="?page=1")
    assert found(caller) == {("unknown_field", "body.patientName"), ("unknown_parameter", "query.page")}


def test_more_about_the_patient_than_the_booking_needs_is_found(caller: Caller) -> None:
    caller.call("/book", caller.order(personalNumber="21883649874"))
    assert found(caller) == {("needless_patient_data", "body.personalNumber")}
    caller.call("/book", caller.order(note="født 21883649874"))
    assert found(caller) == {("national_id_in_text", "body.note")}


def test_a_call_without_a_key_is_found(caller: Caller) -> None:
    caller.mock.exchange(caller.request("/search", SEARCH))
    assert found(caller) == {("missing_auth", "call")}


def test_a_body_that_is_no_json_object_is_found_and_refused(caller: Caller) -> None:
    for body in (b"<xml/>", b'"text"', b"\xff", b"[" * 100_000):
        answer = caller.mock.exchange(caller.request("/search", body))
        assert isinstance(answer, WireReply)
        assert answer.status == 401, "no key could be read"
        assert ("unreadable_body", "body") in found(caller)


def test_an_unknown_route_is_found_and_answered_with_404(caller: Caller) -> None:
    for method, path in (("POST", "/partner-api/nothing"), ("GET", f"/partner-api/{caller.external_id}/search")):
        answer = caller.mock.exchange(WireRequest(method, f"https://vendor.example{path}"))
        assert isinstance(answer, WireReply)
        assert answer.status in (404, 405)
        assert ("unknown_route", "path") in found(caller)
        assert caller.mock.world.journal.calls[-1].operation is None


def cookie_from(caller: Caller) -> str:
    caller.mock.world.faults.add(Fault(operation="search", kind="set_cookie", when="after_commit"))
    header = caller.reply("/search", SEARCH).header("Set-Cookie")
    assert header is not None
    return header.partition(";")[0]


def test_a_cookie_is_harmless_at_its_own_clinic_and_found_at_any_other(caller: Caller) -> None:
    cookie = {"Cookie": cookie_from(caller)}
    caller.call("/search", SEARCH, headers=cookie)
    assert found(caller) == set()
    account = caller.mock.world.add_clinic(synthetic_clinic(3, caller.mock.world.clock))
    neighbour = Caller(caller.mock, account.external_id, account.api_key)
    neighbour.call("/search", SEARCH, headers=cookie)
    assert found(neighbour) == {("cookie_of_another_clinic", "header.Cookie")}
    elsewhere = caller_of(caller.mock.namespace("elsewhere"))
    elsewhere.call("/search", SEARCH, headers=cookie)
    assert found(elsewhere) == {("cookie_of_another_clinic", "header.Cookie")}


def test_a_cookie_that_nobody_set_is_found(caller: Caller) -> None:
    caller.call("/search", SEARCH, headers={"Cookie": "a=b"})
    assert found(caller) == {("unexpected_cookie", "header.Cookie")}


def test_every_finding_has_a_sentence_and_a_test() -> None:
    source = "".join(each.read_text(encoding="utf-8") for each in Path(__file__).parent.glob("test_mock_*.py"))
    for code, text in FINDINGS.items():
        assert text.endswith(".")
        assert f'"{code}"' in source, f"no test finds {code}"


def test_clearing_forgets_the_calls(caller: Caller) -> None:
    caller.call("/search", SEARCH)
    caller.mock.world.journal.clear()
    assert len(caller.mock.world.journal) == 0


def test_the_body_of_an_unknown_route_is_kept_as_digests_only(caller: Caller) -> None:
    body: Any = json.dumps({"name": "Ola Prøve", "list": [{"phone": 90000001}]}).encode()
    caller.mock.exchange(WireRequest("POST", "https://vendor.example/x", (), body))
    kept = json.dumps(caller.mock.world.journal.calls[-1].body)
    assert "Ola" not in kept
    assert "90000001" not in kept


class _Who(BaseModel):
    given: str
    born: str = ""


class _Door(BaseModel):
    key: str


class _Nested(BaseModel):
    door: _Door
    who: list[_Who]
    note: str = ""


class _Path(BaseModel):
    number: str


class Nests(Dialect):
    key, name, about = "nests", "Nests (invented)", "Invented."
    origin = "https://api.nests.example"
    account_parameter = "number"
    operations = (
        Operation(
            "book", "POST", "/<number>/book", "Books", lambda _: Answer(200, json={}), writes=True, path=_Path,
            body=_Nested, secret=frozenset({"key"}), personal=frozenset({"given", "born"}), texts=frozenset({"note"}),
            needed=lambda _: frozenset({"given"}),
        ),
    )  # fmt: skip

    def open_account(self, clinic: Clinic) -> Account:
        return Account("12", "a-key-of-nests", clinic)

    def connection(self, account: Account) -> dict[str, str]:
        return {"external_id": "12", "department_id": "", "api_key": account.api_key, "booking_url": ""}

    def credential(self, visit: Visit) -> str:
        return str(visit.json["door"]["key"])


@pytest.mark.parametrize(
    ("changed", "query", "findings"),
    [
        ({}, "", set()),
        (
            {"who": [{"given": "Ada"}, {"given": "Bo", "born": "1984"}]},
            "",
            {("needless_patient_data", "body.who.born")},
        ),
        ({"who": [{"given": "a-key-of-nests"}]}, "", {("secret_out_of_place", "body.who.given")}),
        ({"more": ["a-key-of-nests"]}, "", {("unknown_field", "body.more"), ("secret_out_of_place", "body.more")}),
        ({"more": [["a-key-of-nests"]]}, "", {("unknown_field", "body.more"), ("secret_out_of_place", "body.more")}),
        ({"note": "21883649874"}, "", {("national_id_in_text", "body.note")}),
        ({}, "?q=Ada+Testesen", {("patient_in_url", "query.q"), ("unknown_parameter", "query.q")}),
    ],
)
def test_what_stands_deep_in_a_body_is_looked_at_as_what_stands_on_top(
    changed: dict[str, Any], query: str, findings: set[tuple[str, str]]
) -> None:
    mock = Mock(Nests())
    body = {"door": {"key": "a-key-of-nests"}, "who": [{"given": "Ada Testesen"}], **changed}
    url = f"https://api.nests.example/12/book{query}"
    mock.exchange(WireRequest("POST", url, (("Content-Type", "application/json"),), json.dumps(body).encode()))
    (call,) = mock.world.journal.calls
    assert {(one.code, one.where) for one in call.findings} == findings
    assert "a-key-of-nests" not in repr(call)


def test_a_key_that_is_used_as_a_name_is_found_and_its_place_does_not_repeat_it() -> None:
    mock = Mock(Nests())
    body = {"door": {"key": "a-key-of-nests"}, "who": [{"given": "Ada", "a-key-of-nests": None}]}
    headers = (("Content-Type", "application/json"),)
    mock.exchange(WireRequest("POST", "https://api.nests.example/12/book", headers, json.dumps(body).encode()))
    (call,) = mock.world.journal.calls
    assert [(one.code, one.where) for one in call.findings] == [("secret_out_of_place", "body.who")]
    assert "a-key-of-nests" not in repr(call)


class _Grant(BaseModel):
    client_id: str
    client_secret: str


class SignsInByForm(Nests):
    """As OAuth 2 wants it."""

    operations = (
        Operation(
            "token", "POST", "/<number>/token", "Signs in",
            lambda visit: Answer(200, json={"told": visit.form["client_id"] + visit.body["client_secret"]}),
            writes=False, path=_Path, body=_Grant, secret=frozenset({"client_secret"}), signs_in=True,
        ),
    )  # fmt: skip

    def credential(self, visit: Visit) -> str:
        return visit.form.get("client_secret", "")


def test_the_fields_of_a_form_are_read_and_looked_at_as_those_of_json() -> None:
    mock = Mock(SignsInByForm())
    headers = (("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"),)

    def asked(form: bytes) -> WireReply:
        answer = mock.exchange(WireRequest("POST", "https://api.nests.example/12/token", headers, form))
        assert isinstance(answer, WireReply)
        return answer

    assert json.loads(asked(b"client_id=%C3%A5&client_secret=a-key-of-nests").body) == {"told": "åa-key-of-nests"}
    asked(b"client_id=a-key-of-nests&client_secret=&scope=all")
    right, odd = mock.world.journal.calls
    assert right.findings == ()
    assert right.body["client_id"] == "å"
    assert "a-key-of-nests" not in repr(mock.world.journal.calls)
    assert {(one.code, one.where) for one in odd.findings} == {
        ("secret_out_of_place", "body.client_id"), ("unknown_field", "body.scope"), ("missing_auth", "call"),
    }  # fmt: skip


def test_a_form_that_says_that_it_is_json_is_no_body() -> None:
    mock = Mock(SignsInByForm())
    headers = (("Content-Type", "application/json"),)
    mock.exchange(WireRequest("POST", "https://api.nests.example/12/token", headers, b"client_id=1&client_secret=2"))
    (call,) = mock.world.journal.calls
    assert ("unreadable_body", "body") in {(one.code, one.where) for one in call.findings}
    assert call.body == "27 bytes that are neither JSON nor a form"
