"""How what a vendor's answers tell of a clinic is found in them, and catalogues that are another clinic's."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from kobling import Catalogue, Http, Practitioner, WireReply, WireRequest
from kobling_contract.contract import chosen
from kobling_contract.everywhere import one_catalogue
from kobling_contract.rig import WireCall
from kobling_contract.rows import Rows
from kobling_contract.runner import run_rule
from kobling_contract.strange_words import (
    UNKNOWN_WORD,
    codes_of_several,
    codes_since,
    in_place_of,
    unknown_of,
    where_they_stand,
)
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from kobling_extensor import Extensor


def answer(data: Any) -> WireCall:
    request = WireRequest("GET", "https://api.vendor.example/v1/list", (), b"")
    return WireCall(request, WireReply(200, (), json.dumps(data).encode()))


PARTS = {"data": [{"id": 7, "attributes": {"first": "Kari Anne", "last": "Prøve"}}, {"id": 8, "name": "Ola Prøve"}]}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (PARTS, True),
        ({"7": {"name": "Kari Anne Prøve"}}, True),
        ({"rows": [{"id": "7", "name": "Ola Prøve"}, {"id": "8", "name": "Kari Anne Prøve"}]}, False),
        ({"rows": [{"id": "8", "people": ["7"]}], "name": "Kari Anne Prøve"}, False),
    ],
)
def test_a_row_is_known_by_its_id_and_every_word_of_the_name(data: Any, found: bool) -> None:
    assert bool(Rows([answer(data)]).of("7", "Kari Anne Prøve")) is found


def test_an_unknown_word_stands_wherever_a_word_of_the_kind_may_stand() -> None:
    call = answer({"types": [{"kind": "hidden", "name": "Møte"}, {"kind": "open", "name": "hidden place"}]})
    outcome = where_they_stand({"hidden"}, [call])(call.request, call.outcome)
    assert isinstance(outcome, WireReply)
    assert json.loads(outcome.body) == {
        "types": [{"kind": UNKNOWN_WORD, "name": "Møte"}, {"kind": UNKNOWN_WORD, "name": "hidden place"}]
    }


class _Sent:
    """A rig as far as its calls are looked at."""

    def __init__(self, *calls: WireCall) -> None:
        self.calls = calls

    def sent_since(self, _: int) -> tuple[WireCall, ...]:
        return self.calls


def test_a_number_that_stands_for_a_word_is_known_with_its_field() -> None:
    rig: Any = _Sent(answer({"state": 1, "kind": "12", "minutes": 1440, "half": 0.5, "list": [3], "text": "3 rom"}))
    assert codes_since(rig, 0) == {'"state": 1', '"kind": 12'}
    assert codes_of_several(['"state": 1', '"state": 9', '"changes": 2']) == {'"state": 1', '"state": 9'}


def test_an_unknown_number_stands_in_the_place_of_such_a_number() -> None:
    call = answer({"state": 1, "rows": [{"state": 10}, {"state": "1", "kind": 1}, {"state": 1.5}]})
    outcome = in_place_of(['"state": 1'])(call.request, call.outcome)
    assert isinstance(outcome, WireReply)
    assert json.loads(outcome.body) == {
        "state": 97, "rows": [{"state": 10}, {"state": "97", "kind": 1}, {"state": 1.5}]
    }  # fmt: skip
    assert (unknown_of(['"state": 1']), unknown_of(["open"])) == ("97", UNKNOWN_WORD)


class TheFirstClinics(Extensor):
    """Reads one clinic's catalogue, and tells it of every other."""

    contract = 1
    kept: ClassVar[list[Catalogue]] = []

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue that was read first."""
        self.kept.append(await super().catalogue(http))
        return self.kept[0]


def told_at(departments: frozenset[str] | None) -> Catalogue:
    who = Practitioner(id="7", name="Kari Prøve", departments=departments)
    return Catalogue(practitioners=(who,), services=(), offers=())


@pytest.mark.parametrize(
    ("here", "there", "together"),
    [
        (None, None, None),
        (frozenset("1"), frozenset("2"), None),
        (frozenset("1"), frozenset("1"), frozenset("1")),
        (frozenset("13"), None, frozenset("123")),
    ],
)
def test_a_practitioner_of_several_departments_catalogues_is_where_any_of_them_tells(
    here: frozenset[str] | None, there: frozenset[str] | None, together: frozenset[str] | None
) -> None:
    (who,) = one_catalogue({"1": told_at(here), "2": told_at(there)}).practitioners
    assert who.departments == together


OTHERS = [f"CAT-{number:02}" for number in range(1, 13) if number != 11]  # CAT-11 looks at one clinic only


@pytest.mark.parametrize("rule", OTHERS)
def test_a_catalogue_of_another_clinic_is_the_adapters_fault_and_breaks_nothing(rule: str) -> None:
    TheFirstClinics.kept.clear()
    result = run_rule(chosen([rule])[0], find_target("extensor", TheFirstClinics), 1, repeats=0)
    assert result.verdict in (Verdict.FAIL, Verdict.VACUOUS)
