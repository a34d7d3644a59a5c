"""What stands at the clinic is compared by what a vendor may reasonably make of it, and pages by what went over the
wire."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from kobling import WireReply, WireRequest
from kobling_contract.onward import goes_on
from kobling_contract.record import on_record, said_in
from kobling_contract.rig import PATIENT, WireCall
from kobling_mocks.clinic import Patient as Record

DECLARED = frozenset({"given_name", "family_name", "birth_date", "phone", "email"})
AS_GIVEN = {
    "name": PATIENT.name,
    "birth_date": PATIENT.birth_date,
    "phone": PATIENT.phone,
    "email": PATIENT.email,
}


def on_file(**changes: Any) -> Record:
    return Record("p1", **{**AS_GIVEN, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "Fjellprøve-Østhåg, Ávdnos Kanaritest"},
        {"name": "  Ávdnos  Kanaritest Fjellprøve-Østhåg"},
        {"phone": "0047 90 00 88 77"},
        {"email": "AVDNOS.kanari@pasient.example.test"},
    ],
)
def test_another_spelling_of_what_was_given_stands_as_given(changes: dict[str, Any]) -> None:
    seen = on_record(on_file(**changes), PATIENT, DECLARED, "")
    assert (seen.same, seen.other) == (("name", "birth_date", "phone", "email"), ())


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"name": "Fjellprøve-Østhåg Ávdnos Kanaritest"}, "name"),
        ({"name": "Fjellprøve-Østhåg"}, "name"),
        ({"phone": "4790008877"}, "phone"),
        ({"phone": "90008877"}, "phone"),
        ({"birth_date": date(1987, 4, 14)}, "birth_date"),
        ({"email": "avdnos.kanari@pasient.example.te"}, "email"),
    ],
)
def test_what_is_swapped_cut_or_without_its_country_does_not(changes: dict[str, Any], name: str) -> None:
    assert on_record(on_file(**changes), PATIENT, DECLARED, "").other == (name,)


def test_what_was_sent_and_is_not_on_record_is_the_mocks_and_what_was_not_sent_the_adapters() -> None:
    body = json.dumps({"e": PATIENT.email, "tlf": "90 00 88 77"}).encode()
    said = said_in([WireCall(WireRequest("POST", "https://vendor.example/p", (), body), WireReply(200, (), b""))])
    seen = on_record(on_file(phone="", email="", name=""), PATIENT, DECLARED, said)
    assert (seen.unkept, seen.unsent) == (("phone", "email"), ("name",))


def asked(query: str, answer: Any = None) -> WireCall:
    url = f"https://vendor.example/list?{query}"
    return WireCall(WireRequest("GET", url), WireReply(200, (), json.dumps(answer).encode()))


FIRST = {
    "rows": [{"id": "8"}],
    "next": "YXQ6NTA=",
    "until": "2027-01-02",
    "more": "https://vendor.example/list?p=2&who=7",
    "links": {"next": "https://vendor.example/list?page[after]=50&who=7"},
}


@pytest.mark.parametrize(
    ("query", "goes"),
    [
        ("who=7&page=2", True),
        ("who=7&after=YXQ6NTA%3D", True),
        ("p=2&who=7", True),
        ("who=7&offset=50", True),
        ("who=8", False),
        ("who=7&from=2027-01-02", False),
        ("who=7", False),
        ("who=9&page=2", False),
        ("page%5Bafter%5D=50&who=7", True),
    ],
)
def test_a_next_page_is_told_from_the_same_question_about_somebody_else(query: str, *, goes: bool) -> None:
    assert goes_on({"7", "8", "9"}, asked("who=7", FIRST), asked(query)) is goes


@pytest.mark.parametrize(
    ("body", "goes"),
    [
        ({"call": "free", "args": {"who": 7, "page": 2}}, True),
        ({"call": "free", "args": {"who": 8, "page": 1}}, False),
        ({"call": "free", "args": {"who": 8, "page": 2}}, False),
    ],
)
def test_the_number_of_a_page_may_stand_in_a_body_of_one_endpoint(body: dict[str, object], *, goes: bool) -> None:
    first = posted({"call": "free", "args": {"who": 7, "page": 1}})
    assert goes_on({"7", "8", "9"}, first, posted(body)) is goes


def posted(body: dict[str, object]) -> WireCall:
    reply = WireReply(200, (), json.dumps({"rows": [], "page": 1, "pages": 3}).encode())
    return WireCall(WireRequest("POST", "https://vendor.example/rpc", (), json.dumps(body).encode()), reply)
