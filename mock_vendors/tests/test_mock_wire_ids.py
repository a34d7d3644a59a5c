"""Ids on the wire: the clinic's own or integers, and the account that only a key tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from kobling.exchange import WireRequest
from kobling_mocks import Account, Answer, Dialect, Mock, NumberedIds, Operation, OwnIds, SpelledIds, Visit, short_code
from kobling_mocks.clinic import BookingOrder, Clinic, PatientDetails, demo_clinic, synthetic_clinic, synthetic_id

NUMBERS = NumberedIds()


def everything(clinic: Clinic) -> list[str]:
    """Every id that a vendor of this clinic may have to name."""
    groups: tuple[Any, ...] = (clinic.departments, clinic.addresses, clinic.timebooks, clinic.types, clinic.patients)
    return [one.id for group in (*groups, clinic.all_appointments()) for one in group]


@pytest.mark.parametrize("make", [demo_clinic, lambda: synthetic_clinic(7)])
def test_everything_in_a_clinic_has_an_integer_of_its_own_that_leads_back(make: Callable[[], Clinic]) -> None:
    clinic = make()
    numbers = {NUMBERS.wire(clinic, own): own for own in everything(clinic)}
    assert len(numbers) == len(everything(clinic))
    assert {wire: NUMBERS.own(clinic, wire) for wire in numbers} == numbers
    assert all(0 < int(wire) < 2**31 for wire in numbers)


def test_the_same_clinic_has_the_same_integers_and_another_one_has_others() -> None:
    def integers(seed: int) -> set[str]:
        clinic = synthetic_clinic(seed)
        return {NUMBERS.wire(clinic, own) for own in everything(clinic)}

    assert integers(1) == integers(1)
    assert not integers(1) & integers(2)


def test_integers_are_counted_up_and_kept_when_the_clinic_begins_again() -> None:
    clinic = demo_clinic()
    before = clinic.snapshot()
    first, second = (NUMBERS.wire(clinic, patient.id) for patient in clinic.patients[:2])
    assert int(first) < int(second)
    clinic.remove_timebook(clinic.timebooks[0].id)
    clinic.restore(before)
    assert [NUMBERS.wire(clinic, patient.id) for patient in clinic.patients[:2]] == [first, second]


def test_what_the_clinic_never_made_has_an_integer_that_stands_for_nothing() -> None:
    clinic = demo_clinic()
    strange = NUMBERS.wire(clinic, synthetic_id("nowhere", "appointment", 1))
    assert strange.isdecimal()
    assert NUMBERS.own(clinic, strange) is None
    assert [NUMBERS.own(clinic, text) for text in ("", "0", "-1", "1.0", "٣", "kari", "0" + strange)] == [None] * 7


def test_a_vendor_may_use_the_clinics_own_ids() -> None:
    clinic = demo_clinic()
    own = clinic.timebooks[0].id
    assert OwnIds().own(clinic, OwnIds().wire(clinic, own)) == own


@pytest.mark.parametrize("make", [demo_clinic, lambda: synthetic_clinic(7)])
def test_departments_may_have_codes_and_bookings_the_reference_that_they_were_made_with(
    make: Callable[[], Clinic],
) -> None:
    ids, clinic = SpelledIds(departments=short_code, by_reference=True), make()
    free = clinic.open_slots(None, None, date(2026, 11, 24), date(2026, 12, 4))[0]
    order = BookingOrder(
        free.timebook_id, free.type_id, free.start, PatientDetails("Kari Prøve"), reference="ours-1", match="never"
    )
    ours = clinic.staff_book(order)
    names = {ids.wire(clinic, own): own for own in everything(clinic)}
    assert len(names) == len(everything(clinic))
    assert {wire: ids.own(clinic, wire) for wire in names} == names
    codes = [ids.wire(clinic, one.id) for one in clinic.departments]
    assert all(code.isascii() and code.isalpha() and code.isupper() and len(code) <= 8 for code in codes)
    assert ids.wire(clinic, ours.id) == "ours-1"
    for own in (ours.id, clinic.departments[0].id):
        assert ids.own(clinic, NUMBERS.wire(clinic, own)) is None, "it has no number beside its name"


def test_of_two_departments_with_one_name_each_has_a_code_of_its_own() -> None:
    ids, clinic = SpelledIds(departments=lambda name: short_code(name).lower()), demo_clinic()
    first, *_ = clinic.departments
    clinic.put_department(replace(first, id=synthetic_id("test", "department", "twin")))
    codes = [ids.wire(clinic, one.id) for one in clinic.departments]
    assert len(set(codes)) == len(codes)


def test_a_code_has_no_other_letters_than_a_to_z() -> None:
    assert short_code("Ålesund Øst & Áhkká") == "ALESUNDO"
    assert short_code("Sentrum vest", 4) == "SENT"


class _NoPath(BaseModel):
    pass


def _hello(visit: Visit) -> Answer:
    account = visit.world.dialect.account_of(visit)
    if account is None:
        return Answer(401, json={"feil": "ukjent nøkkel"}, charset="iso-8859-1")
    if visit.json is not None:
        return Answer(200, html=f"<h1>{visit.json['navn']}</h1>", charset="iso-8859-1")
    return Answer(200, json={"klinikk": account.clinic.name})


class _KeyOnly(Dialect):
    key, name, about, origin = "key-only", "Key Only", "A test's own.", "https://key-only.example.test"
    credential_headers: ClassVar[frozenset[str]] = frozenset({"authorization"})

    @property
    def operations(self) -> tuple[Operation, ...]:
        return (Operation("hello", "POST", "/hello", "Say hello", _hello, writes=False, path=_NoPath),)

    def open_account(self, clinic: Clinic) -> Account:
        return Account(clinic.id, f"key-of-{clinic.id}", clinic)

    def connection(self, account: Account) -> dict[str, str]:
        return {"external_id": "", "department_id": "", "api_key": account.api_key, "booking_url": ""}


def _call(mock: Mock, key: str = "", body: bytes = b"", kind: str = "application/json") -> Any:
    headers = (("Authorization", f"Bearer {key}"),) if key else ()
    return mock.exchange(WireRequest("POST", f"{mock.origin}/hello", (*headers, ("Content-Type", kind)), body))


def test_where_only_the_key_tells_the_clinic_the_account_is_the_keys() -> None:
    mock = Mock(_KeyOnly())
    other = mock.world.add_clinic(synthetic_clinic(3, mock.world.clock))
    assert other.clinic.name.encode() in _call(mock, other.api_key).body
    assert [call.clinic for call in mock.world.journal.calls] == [other.external_id]
    assert _call(mock, "another").status == _call(mock).status == 401
    findings = [[finding.code for finding in call.findings] for call in mock.world.journal.calls]
    assert findings == [[], [], ["missing_auth"]]


def test_answers_and_bodies_may_have_another_charset() -> None:
    mock = Mock(_KeyOnly())
    refused = _call(mock)
    assert refused.header("content-type") == "application/json; charset=iso-8859-1"
    assert "ukjent nøkkel" in refused.body.decode("iso-8859-1")
    sent = '{"navn": "Åse"}'.encode("iso-8859-1")
    page = _call(mock, mock.world.account.api_key, sent, "application/json; charset=ISO-8859-1")
    assert page.body.decode("iso-8859-1") == "<h1>Åse</h1>"
