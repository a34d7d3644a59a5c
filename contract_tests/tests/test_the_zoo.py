"""The suite is tested: a planted fault fails its rule for its cause, its twin passes, an empty adapter passes nothing.

The slowest rules are tried on one exhibit each, and empty adapters of one vendor only. `KOBLING_ZOO=all` tries all.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from kobling.adapter import check_adapter
from kobling_contract.certify import certificate_of
from kobling_contract.clinics import open_clinic
from kobling_contract.contract import RULES, chosen
from kobling_contract.leaks import Canaries
from kobling_contract.reports import REPORTS
from kobling_contract.rig import PATIENT, SAK_ID
from kobling_contract.rule import Rule
from kobling_contract.runner import Result, run_rule
from kobling_contract.seal import seal
from kobling_contract.target import Target
from kobling_contract.verdicts import Verdict
from kobling_mocks import Mock
from kobling_zoo.exhibit import Exhibit
from kobling_zoo.faults import FAULTS
from kobling_zoo.forbidden import ATTEMPTS
from kobling_zoo.housing import exhibits, nothings
from kobling_zoo.matrix import SEED, Job, Kept, Kill, Matrix, Seen, examine, look
from kobling_zoo.missing import MISSING
from kobling_zoo.odd import ODD
from kobling_zoo.per_target import Sight, look_from

ALL = os.environ.get("KOBLING_ZOO") == "all"
MODEL = {f"MODEL-0{number}" for number in range(1, 6)}
SLOW = frozenset(
    {
        *MODEL,
        "SECR-01",
        "SECR-02",
        "SECR-03",
        "SLOT-14",
        "PAGE-02",
        "PAGE-03",
        "BOOK-06",
        "BOOK-08",
        "BOOK-10",
        "CNCL-08",
    }
)
RESULT = Path(__file__).parents[2] / "docs" / "reference" / "zoo.json"


def shown() -> list[Exhibit]:
    """Every exhibit, or one for each slow rule."""
    seen: set[str] = set()
    found = []
    for one in exhibits().values():
        if ALL or one.rule not in SLOW or one.rule not in seen:
            found.append(one)
        seen.add(one.rule)
    return found


@cache
def twin(target: Target, rule_id: str) -> Result:
    return run_rule(chosen([rule_id])[0], target, SEED, repeats=0)


def all_of(result: Result) -> str:
    """What a report prints of a result, and the controls and evidence that were there before it ended."""
    had = [f"    {name}: {text}" for name in ("controls", "evidence") for text in getattr(result, name)]
    return "\n".join([*result.lines(), *had, f"    seconds: {result.seconds:.1f} ({result.cpu_seconds:.1f} of work)"])


@pytest.mark.parametrize("exhibit", shown(), ids=lambda one: f"{one.rule}-{one.name}")
def test_a_planted_fault_fails_its_rule_for_its_cause_and_the_twin_passes(exhibit: Exhibit) -> None:
    (rule,) = chosen([exhibit.rule])
    result = run_rule(rule, exhibit.target(exhibit.adapter), SEED, repeats=0)
    told = all_of(result)
    assert (result.verdict, result.cause) == (Verdict.FAIL, exhibit.cause), told
    assert all((result.expected, result.got, result.remedy)), told
    assert f"--rule {exhibit.rule} --seed {SEED}" in result.reproduce, told
    other = twin(exhibit.target(exhibit.twin), exhibit.rule)
    assert other.verdict is Verdict.PASS, f"the twin {exhibit.twin.__name__}: {all_of(other)}"
    assert found_in_reports(result, exhibit.target(exhibit.adapter)) == {}


AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


def found_in_reports(result: Result, target: Target) -> dict[str, list[str]]:
    """By kind of report the canaries in it: the key, the booked patient, and everybody on the clinic's file."""
    world = Mock(target.dialect, open_clinic("demo", SEED, target.dialect)).world
    others = {f"{one.name} {field}": value for one in world.clinic.patients
              for field in ("name", "email", "phone") if (value := getattr(one, field))}  # fmt: skip
    canaries = Canaries.of(world.account.api_key, PATIENT, sak_id=SAK_ID.value, **others)
    certificate = certificate_of(target, [SEED], [result])
    texts = {kind: write(certificate, AT) for kind, write in REPORTS.items()}
    texts |= {"terminal": "\n".join(certificate.summary()), "certificate": seal(certificate, AT).decode()}
    return {kind: found for kind, text in texts.items() if (found := canaries.found_in(unescape(text)))}


EMPTY = [name for name in nothings() if ALL or name.endswith("EgPasientsky")]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@pytest.mark.parametrize("name", EMPTY)
def test_an_adapter_that_does_nothing_passes_no_rule(name: str, rule: Rule) -> None:
    seen = look(Job("nothing", name, rule.id))
    assert seen.verdict in (Verdict.FAIL, Verdict.VACUOUS, Verdict.SKIP), seen


@pytest.mark.parametrize("name", ODD)
def test_an_odd_adapter_that_is_right_passes_what_its_oddity_touches(name: str) -> None:
    for rule in ODD[name].rules if ALL else ODD[name].rules[:2]:
        seen = look(Job("odd", name, rule))
        assert seen.verdict.conformant, seen


@pytest.mark.parametrize("name", [*exhibits(), *ODD])
def test_every_adapter_of_the_zoo_would_be_loaded(name: str) -> None:
    check_adapter(exhibits()[name].adapter if name in exhibits() else ODD[name].adapter)


def test_every_fault_is_shown_or_tried_or_said_to_be_missing() -> None:
    found = {number for one in exhibits().values() for number in one.faults} | {
        one.fault for one in ATTEMPTS.values() if one.fault
    }
    assert found | set(MISSING) == set(FAULTS)
    assert not found & set(MISSING), "what is shown by now is not missing any more"


def test_the_dialects_all_have_faults() -> None:
    count = {
        key: sum(one.vendor == key for one in exhibits().values())
        for key in ("eg-pasientsky", "extensor", "easypractice", "synthetic")
    }
    assert min(count.values()) >= 12, count


def test_a_fault_counts_only_when_rule_cause_and_twin_agree() -> None:
    one = next(one for one in exhibits().values() if one.faults)
    good, passed = Seen(Verdict.FAIL, one.cause), Seen(Verdict.PASS)
    number = one.faults[0]

    def killed(seen: Seen, other: Seen) -> bool:
        return Matrix((number,), (Kill(one, seen, other),), ()).killed(number)

    assert killed(good, passed)
    assert not killed(Seen(Verdict.FAIL, "something_else"), passed)
    assert not killed(Seen(Verdict.ERROR, one.cause), passed)
    assert not killed(Seen(Verdict.FLAKY, one.cause), passed)
    assert not killed(good, Seen(Verdict.VACUOUS))


def test_what_is_impossible_counts_only_when_the_guard_is_needed() -> None:
    one = next(iter(ATTEMPTS.values()))

    def counted(verdict: Verdict) -> bool:
        return Matrix((one.fault,), (), (Kept(one, Seen(verdict)),)).by_construction(one.fault)

    assert counted(Verdict.PASS)
    assert not counted(Verdict.FAIL)
    assert not counted(Verdict.VACUOUS)


def test_one_fault_can_be_looked_at_alone() -> None:
    told = examine([40], workers=1).as_dict()
    assert (told["faults"], told["killed"], told["open"]) == (1, 1, [])
    with pytest.raises(LookupError, match="999"):
        examine([999])


def test_a_fault_is_looked_for_on_recordings_and_at_a_sandbox_too() -> None:
    seen = look_from(("cassette", "live"), [55], rules=["CNCL-02"], workers=1)
    assert {(one.exhibit.name, one.column): one.state for one in seen if one.exhibit.rule == "CNCL-02"} == {
        ("GoneIsAnError", "cassette"): "killed",
        ("GoneIsAnError", "live_reading"): "unprovable",
        ("GoneIsAnError", "live_writing"): "killed",
    }
    assert not [error for one in seen for error in one.errors]


def test_what_a_target_shows_of_a_fault_is_told_no_stronger_than_it_is() -> None:
    one = next(one for one in exhibits().values() if one.rule == "CNCL-02")

    def state(*, provable: bool = True, **failing: str) -> str:
        return Sight(
            one, "cassette", provable, {rule.replace("_", "-"): cause for rule, cause in failing.items()}
        ).state

    assert state(CNCL_02=one.cause, WIRE_04="not_recorded") == "killed"
    assert state(CNCL_02="not_told") == state(WIRE_04="nobody") == "seen"
    assert state(CNCL_02="not_recorded") == "asks_otherwise"
    assert (state(), state(provable=False)) == ("survives", "unprovable")


def names_in(told: dict[str, Any]) -> set[tuple[Any, ...]]:
    rows = [(one["number"], each["adapter"], each["rule"], each["cause"])
            for one in told["faults_detail"] for each in one["exhibits"]]  # fmt: skip
    rows += [(one["number"], each["attempt"], each["guard"], each["test"])
             for one in told["faults_detail"] for each in one["attempts"]]  # fmt: skip
    return set(rows)


def test_the_published_result_is_of_this_zoo() -> None:
    """Its numbers were measured; that it names today's adapters, rules and causes is held here."""
    told = json.loads(RESULT.read_text("utf-8"))
    today = Matrix(
        tuple(sorted(FAULTS)),
        tuple(Kill(one, Seen(Verdict.FAIL, one.cause), Seen(Verdict.PASS)) for one in exhibits().values()),
        tuple(Kept(one, Seen(Verdict.PASS)) for one in ATTEMPTS.values()),
    ).as_dict()
    assert set(told) == set(today)
    assert names_in(told) == names_in(today)
    assert [one["number"] for one in told["faults_detail"]] == sorted(FAULTS)
    assert told["open"] == sorted(MISSING), "run `kobling zoo --json docs/reference/zoo.json`"
    assert (told["false_reds"], told["null_passes"], told["errors"]) == (0, 0, [])
    for row in told["targets"]:
        assert {(one["adapter"], one["rule"], one["cause"]) for one in row["exhibits"]} == {
            (one.name, one.rule, one.cause) for one in exhibits().values()
        }, "run `kobling zoo --target cassette --target live --json docs/reference/zoo.json`"
        assert row["errors"] == []
    assert [row["target"] for row in told["targets"]] == ["cassette", "live_reading", "live_writing"]
