"""What the rule on importing sees: what an adapter's module does, and not what Python does for any module."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

from kobling_contract.contract import chosen
from kobling_contract.runner import Result, run_rule
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict

ADAPTER = """
from kobling_eg_pasientsky import EgPasientsky

class Fresh(EgPasientsky):
    contract = 1
"""


def imported(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> Result:
    """The rule's verdict on a module that was never imported or compiled before."""
    (folder / f"{name}.py").write_text(source, "utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    target = find_target("eg-pasientsky", import_module(name).Fresh)
    return run_rule(chosen(["FAIL-11"])[0], target, 1, repeats=0)


def test_compiling_a_module_for_the_first_time_is_not_the_adapters_doing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = imported(tmp_path, monkeypatch, "fresh_and_quiet", ADAPTER)
    assert result.verdict is Verdict.PASS, result.lines()


def test_a_file_that_the_module_writes_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = f"\nopen({str(tmp_path / 'left.txt')!r}, 'w').close()\n"
    result = imported(tmp_path, monkeypatch, "fresh_and_writing", ADAPTER + writes)
    assert (result.verdict, result.cause, result.got) == (Verdict.FAIL, "changed", "file")
