"""The tables in which an adapter keeps the vendor's words: which there are, and which of them the mock never says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import pytest

import kobling_extensor.adapter as extensor
import kobling_extensor.inferred as extensors_words
from kobling import Mode, OwnerKind, Status
from kobling_contract.contract import chosen
from kobling_contract.runner import Result, run_rule
from kobling_contract.synthetic.adapter import Synthetic
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from kobling_contract.word_tables import by_table, listed_words
from made_results import certificate


class WithATable(Synthetic):
    """Has a table of its own in the class, and mappings that are no tables of words."""

    contract = 1
    LETTERS: ClassVar[Mapping[str, Status]] = {"B": "booked", "A": "cancelled"}
    HEADERS: ClassVar[Mapping[str, str]] = {"Accept": "application/json"}
    BY: ClassVar[Mapping[str, str]] = {"patient": "patient", "clinic": "clinic"}
    NUMBERS: ClassVar[Mapping[int, Status]] = {1: "booked"}
    NONE: ClassVar[Mapping[str, Status]] = {}
    SEVERAL: ClassVar[Mapping[str, frozenset[Mode]]] = {"both": frozenset({"in_person", "video"}), "no": frozenset()}
    DEEPER: ClassVar[Mapping[str, object]] = {"one": ({"person"}, {"group"}), "other": [{"person"}], "third": None}


def test_a_table_is_a_mapping_of_texts_to_words_of_one_list_beside_the_adapter_or_in_it() -> None:
    own = listed_words(WithATable)
    names = ("LETTERS", "HEADERS", "BY", "NUMBERS", "NONE", "SEVERAL", "DEEPER")
    assert {one for one in own if one.startswith(names)} == {
        "LETTERS: B", "LETTERS: A", "SEVERAL: both", "SEVERAL: no",
    }  # fmt: skip
    assert own > listed_words(Synthetic) > {"STATUS_WORDS: missed", "OWNERS: clinic", "KINDS: hidden"}
    assert by_table(["B: y", "A: x", "B: x"]) == "A x; B x, y"


def test_words_that_no_answer_had_are_told_where_the_whole_suite_was_run() -> None:
    one = run_rule(chosen(["CAT-09"])[0], find_target("synthetic"), 1, repeats=0)
    assert "KINDS: ordinary" in one.words
    assert "STATUS_WORDS: missed" not in one.words, "no booking was read"
    assert Result.from_dict(one.as_dict(), one.rule).words == one.words
    whole = replace(certificate(one, complete=True), listed_words=frozenset({"KINDS: ordinary", "KINDS: never_said"}))
    assert whole.cannot_know == (
        "whether the adapter reads these words of its tables rightly, since no answer of the mock's had them: "
        "KINDS never_said",
    )
    assert replace(whole, target="live").untried_words == frozenset()


def test_a_word_that_the_suite_has_put_into_an_answer_was_not_said_by_the_mock() -> None:
    class Knows(Synthetic):
        contract = 1
        STRANGE: ClassVar[Mapping[str, OwnerKind]] = {"ukjent_ord": "unknown"}

    told = run_rule(chosen(["CAT-03"])[0], find_target("synthetic", Knows), 1, repeats=0)
    assert told.verdict is Verdict.PASS
    assert "STRANGE: ukjent_ord" in listed_words(Knows)
    assert "STRANGE: ukjent_ord" not in told.words


def test_every_kind_of_owner_is_tried_whichever_the_clinics_have(monkeypatch: pytest.MonkeyPatch) -> None:
    (rule,), target = chosen(["CAT-03"]), find_target("extensor")
    right = run_rule(rule, target, 1, repeats=0)
    assert right.verdict is Verdict.PASS
    assert {one for one in right.words if one.startswith("OWNERS")} == {
        f"OWNERS: {word}" for word in extensors_words.OWNERS
    }
    wrong: dict[str, OwnerKind] = {**extensors_words.OWNERS, "KLINIKK": "person"}
    monkeypatch.setattr(extensors_words, "OWNERS", wrong)
    assert extensor.inferred.OWNERS is wrong
    told = run_rule(rule, target, 1, repeats=0)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "offered")
