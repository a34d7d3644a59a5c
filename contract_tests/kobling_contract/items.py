"""The contract's rules in a vendor's own repository: one line makes pytest items of them for an adapter class.

    from kobling_contract.items import contract
    from kobling_mysystem import MySystem

    test_contract = contract(MySystem)

The options of `pytest_plugin.py` hold there too (`--rule`, `--contract-seed`, `--contract-report-html FILE`, …), and so
does `-n`. The mock comes from the dialect that is installed under the adapter's key, or is given.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kobling import Adapter
from kobling_mocks import Dialect

from .contract import RULES
from .pytest_plugin import OF_THE_CONTRACT, PROPERTY, WAIVERS
from .rule import Rule
from .runner import run_rule
from .target import Target, find_target
from .verdicts import Verdict

__all__ = ["contract", "try_rule"]


def contract(adapter: type[Adapter], *, dialect: Dialect | None = None) -> Callable[..., None]:
    """A test with a case for each rule, run on this adapter. dialect: the mock's, instead of the installed one.

    Raises `TargetUnavailable` when there is no mock for the adapter's key.
    """
    target = find_target(adapter.key, adapter) if dialect is None else Target(adapter, dialect)

    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
    def test_contract(rule: Rule, request: pytest.FixtureRequest) -> None:
        try_rule(request.node, rule, target)

    setattr(test_contract, OF_THE_CONTRACT, True)
    return test_contract


def try_rule(item: pytest.Item, rule: Rule, target: Target) -> None:
    """Run a rule as this item, put the result into its report, and end as pytest ends such items."""
    seed = int(item.config.getoption("--contract-seed"))
    result = run_rule(rule, target, seed, item.config.stash.get(WAIVERS, {}).get(rule.id))
    against = (
        target.vendor, target.vendor_version, target.adapter_path, target.adapter_version, target.kind, str(seed)
    )  # fmt: skip
    item.user_properties.append((PROPERTY, {"target": list(against), "result": result.as_dict()}))
    if result.verdict in (Verdict.SKIP, Verdict.NOT_PROVABLE):
        pytest.skip(result.reason)
    if result.verdict is Verdict.XFAIL:
        pytest.xfail(result.reason)
    if not result.verdict.conformant:
        pytest.fail("\n".join(result.lines()), pytrace=False)
