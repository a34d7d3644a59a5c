"""The suite is tested: a planted fault fails its rule for its cause, its twin passes, a null adapter passes nothing."""

from __future__ import annotations

from functools import cache

import pytest

from kobling import Adapter
from kobling_contract.contract import RULES, chosen
from kobling_contract.rule import Rule
from kobling_contract.runner import Result, run_rule
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from planted import NULL, PLANTED, Planted, Twin

SEED = 7


def run(adapter: type[Adapter], rule_id: str) -> Result:
    return run_rule(chosen([rule_id])[0], find_target("eg-pasientsky", adapter), SEED)


@cache
def twin(rule_id: str) -> Result:
    return run(Twin, rule_id)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: f"{plant.rule}-{plant.adapter.__name__}")
def test_a_planted_fault_fails_its_rule_for_its_cause_and_the_twin_passes(plant: Planted) -> None:
    result = run(plant.adapter, plant.rule)
    told = "\n".join(result.lines())
    assert (result.verdict, result.cause) == (Verdict.FAIL, plant.cause), told
    assert all((result.expected, result.got, result.remedy)), told
    assert f"--rule {plant.rule} --seed {SEED}" in result.reproduce, told
    assert twin(plant.rule).verdict is Verdict.PASS, "\n".join(twin(plant.rule).lines())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@pytest.mark.parametrize("adapter", NULL, ids=lambda adapter: adapter.__name__)
def test_an_adapter_that_does_nothing_passes_no_rule(adapter: type[Adapter], rule: Rule) -> None:
    result = run(adapter, rule.id)
    assert result.verdict in (Verdict.FAIL, Verdict.VACUOUS), "\n".join(result.lines())
