"""Mutants of the adapters: a rule kills what breaks it and nothing else, and what is published is of these adapters."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kobling_contract.contract import RULES
from kobling_contract.target import find_adapter
from kobling_mutants import lines
from kobling_mutants.log import Log, digest
from kobling_mutants.published import KINDS, LEFT, OUTCOMES, changed_since, reasons, source_of, summed, told_of

ROOT = Path(__file__).parents[2]
RESULT: dict[str, Any] = json.loads((ROOT / "docs" / "reference" / "mutants.json").read_text("utf-8"))["vendors"]

LOOK = """
import json, sys
from pathlib import Path
from kobling_contract.contract import chosen
from kobling_contract.verdicts import Verdict
from kobling_mutants import killing
from kobling_mutants.killing import Adapter, Reach, look

killing.LEAST_CPU = 3.0
adapter = Adapter("extensor", Path(sys.argv[1]), "kobling_extensor.adapter:Extensor")
order = [Reach(rule, Verdict.PASS, 0.0, frozenset(), {}) for rule in chosen(["CAT-02", "CAT-08"])]
for was, becomes in json.loads(sys.argv[2]):
    code = (adapter.source / "kobling_extensor" / "adapter.py").read_text("utf-8")
    assert code.count(was) == 1, was
    fate, _ = look(adapter, "kobling_extensor/adapter.py", code.replace(was, becomes), order)
    print(json.dumps(fate.as_dict()))
"""


def looked_at(*changes: tuple[str, str]) -> list[dict[str, Any]]:
    """What became of Extensor's adapter with each of these changes, by two rules about its catalogue."""
    command = [sys.executable, "-c", LOOK, str(ROOT / "plugins" / "extensor" / "src"), json.dumps(changes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True, cwd=ROOT)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_mutant_is_killed_by_the_rule_that_it_breaks_and_one_that_breaks_nothing_is_left() -> None:
    broken, same, dead, endless = looked_at(
        ("name=one.navn,", 'name="Somebody",'),
        ('name = "Extensor"', 'name = "Extensor" * 1'),
        ("    contract = 1", "    contract = None"),
        (
            "async def catalogue(self, http: Http) -> Catalogue:",
            "async def catalogue(self, http):\n        while 1: pass",
        ),
    )
    assert (broken["outcome"], broken["rule"]) == ("killed", "CAT-02")
    assert (same["outcome"], same["tried"], same["odd"]) == ("survived", 2, {})
    assert dead["outcome"] == "stillborn"
    assert (endless["outcome"], endless["cause"]) == ("killed", "did_not_end")


def test_each_statement_of_a_function_tells_that_it_is_run() -> None:
    code, known = lines.probed(
        '"""A module."""\nfrom __future__ import annotations\nONE = 1\ndef f(x):\n    """Doc."""\n    if x:\n'
        "        y = 1\n    else:\n        y = 2\n    return y\n",
        "f.py",
    )
    space: dict[str, Any] = {}
    exec(code, space)  # its own text, from above
    lines.taken()
    assert space["f"](0) == 2
    assert lines.taken() == [("f.py", 6), ("f.py", 9), ("f.py", 10)]
    assert known == {6, 7, 9, 10}


def test_operators_change_tables_and_code_in_one_place_and_say_where(tmp_path: Path) -> None:
    pytest.importorskip("libcst", reason="mutmut is set up by `make mutants`")
    from kobling_mutants.mutation import mutants_of

    path = tmp_path / "one.py"
    path.write_text('WORDS = {"A": 1}\n\n\nclass C:\n    def f(self, x):\n        return x + 1\n', "utf-8")
    found = {(one.where, one.was, one.becomes): one for one in mutants_of(path, tmp_path)}
    table = found["", 'WORDS = {"A": 1}', 'WORDS = {"A": 2}']
    code = found["C.f", "return x + 1", "return x - 1"]
    assert (table.lines, code.lines) == (frozenset(), frozenset({6}))
    assert code.source() == path.read_text("utf-8").replace("x + 1", "x - 1")
    assert len({one.id for one in found.values()}) == len(found)
    assert ("", 'WORDS = {"A": 1}', 'WORDS = {"a": 1}') not in found


def row(**facts: Any) -> dict[str, Any]:
    return {"id": "1", "file": "a.py", "line": 1, "outcome": "killed", "rule": "CAT-01", "digest": "new", **facts}


def test_what_was_seen_of_a_file_as_it_was_before_does_not_count(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl")
    log.add(row(id="1", digest="old"))
    log.add(row(id="2", outcome="survived"))
    log.add(row(id="2"))
    told = told_of({"a.py": {"digest": "new", "mutants": 5}}, log.rows().values())
    assert (told["files"]["a.py"]["killed"], told["killed_by"], told["left"]) == (1, {"CAT-01": 1}, [])


def test_a_file_that_has_changed_since_it_was_measured_is_said_to_have(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("A = 1\n", "utf-8")
    told = {"files": {"a.py": {"digest": digest(tmp_path / "a.py")}, "gone.py": {"digest": "0"}}}
    assert changed_since(told, tmp_path) == ["gone.py"]
    (tmp_path / "a.py").write_text("A = 2\n", "utf-8")
    assert changed_since(told, tmp_path) == ["a.py", "gone.py"]


@pytest.mark.parametrize("vendor", RESULT)
def test_the_published_result_is_of_this_adapter_and_adds_up(vendor: str) -> None:
    told = RESULT[vendor]
    source = source_of(find_adapter(vendor))
    files = {path.relative_to(source).as_posix() for path in source.rglob("*.py") if path.name != "__init__.py"}
    assert set(told["files"]) == files, "run `make mutants MINUTES=20`"
    assert set(told["killed_by"]) <= {rule.id for rule in RULES}
    sums = summed(told)
    assert sum(told["killed_by"].values()) == sums["killed"] > 0
    assert len(told["left"]) == sum(sums[name] for name in LEFT)
    assert sum(sums[name] for name in OUTCOMES) <= sums["mutants"]


def test_each_mutant_that_is_left_has_one_reason() -> None:
    left = {one["id"] for told in RESULT.values() for one in told["left"]}
    given = Counter(one for reason in reasons() for one in reason.mutants)
    assert left == set(given), "say in triage.toml why each is left"
    assert [one for one, times in given.items() if times > 1] == []
    assert {reason.kind for reason in reasons()} <= set(KINDS)
    assert all(reason.why for reason in reasons())
