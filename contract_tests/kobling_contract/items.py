"""The contract's rules in a vendor's own repository: one line makes pytest items of them for an adapter class.

    from kobling_contract.items import contract
    from kobling_mysystem import MySystem

    test_contract = contract(MySystem)

The options of `pytest_plugin.py` hold there too (`--rule`, `--contract-seed`, `--contract-report-html FILE`, …), and so
does `-n`. The mock comes from the dialect that is installed under the adapter's key, or is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from kobling import Adapter, Operation
from kobling.adapter import unwritten
from kobling_mocks import Dialect

from .contract import RULES, chosen
from .headline import rules_wait
from .pytest_plugin import OF_THE_CONTRACT, PROPERTY, WAIVERS
from .rule import NOT_WRITTEN, Rule
from .runner import place_of, run_rule
from .target import Target, find_target
from .verdicts import Verdict

__all__ = ["contract", "fail_as_unwritten", "try_rule", "unwritten_name"]


def contract(adapter: type[Adapter], *, dialect: Dialect | None = None) -> Callable[..., None]:
    """A test with a case for each rule, run on this adapter. dialect: the mock's, instead of the installed one.

    An operation that is not written yet (`NotWritten`) is one failing case of its own, before the rules; those that
    wait for it are skipped with that reason, and are failures in the certificate and the run's exit code.

    Raises `TargetUnavailable` when there is no mock for the adapter's key.
    """
    target = find_target(adapter.key, adapter) if dialect is None else Target(adapter, dialect)

    @pytest.mark.parametrize("case", [*unwritten(adapter), *RULES], ids=_case_name)
    def test_contract(case: Rule | Operation, request: pytest.FixtureRequest) -> None:
        if isinstance(case, Rule):
            try_rule(request.node, case, target)
        else:
            fail_as_unwritten(case, adapter, chosen(request.config.getoption("--rule")))

    setattr(test_contract, OF_THE_CONTRACT, True)
    return test_contract


def _case_name(case: Rule | Operation) -> str:
    return case.id if isinstance(case, Rule) else unwritten_name(case)


def unwritten_name(operation: Operation) -> str:
    """What an item is called that stands for an operation which is not written yet."""
    return f"write {operation}"


def fail_as_unwritten(operation: Operation, adapter: type[Adapter], rules: Iterable[Rule]) -> None:
    """Say once of an operation that it is not written yet: where, how many of these rules wait for it, what to read."""
    waiting = sum(bool(rule.waits_for([operation])) for rule in rules)
    if not waiting:
        pytest.skip("none of the chosen rules waits for it")
    told = f"{operation} is not written yet ({place_of(adapter, operation)}); {rules_wait(waiting)} for it."
    pytest.fail(f"{told} kobling about start-an-adapter says what belongs there.", pytrace=False)


def try_rule(item: pytest.Item, rule: Rule, target: Target) -> None:
    """Run a rule as this item, put the result into its report, and end as pytest ends such items."""
    seed = int(item.config.getoption("--contract-seed"))
    result = run_rule(rule, target, seed, item.config.stash.get(WAIVERS, {}).get(rule.id))
    against = (
        target.vendor, target.vendor_version, target.adapter_path, target.adapter_version, target.kind, str(seed)
    )  # fmt: skip
    item.user_properties.append((PROPERTY, {"target": list(against), "result": result.as_dict()}))
    if result.cause == NOT_WRITTEN:
        pytest.skip(f"fails: waits for {result.facts[NOT_WRITTEN].replace(' ', ', ')}")
    if result.verdict in (Verdict.SKIP, Verdict.NOT_PROVABLE):
        pytest.skip(result.reason)
    if result.verdict is Verdict.XFAIL:
        pytest.xfail(result.reason)
    if not result.verdict.conformant:
        pytest.fail("\n".join(result.lines()), pytrace=False)
