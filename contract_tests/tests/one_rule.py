"""One rule of the suite, run once on an adapter of a test's own."""

from __future__ import annotations

from kobling import Adapter
from kobling_contract.contract import chosen
from kobling_contract.runner import Result, run_rule
from kobling_contract.target import find_target

__all__ = ["run"]


def run(rule: str, adapter: type[Adapter]) -> Result:
    """What comes of it in the vendor's mock, with the first seed."""
    return run_rule(chosen([rule])[0], find_target(adapter.key, adapter), 1, repeats=0)
