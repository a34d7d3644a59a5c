"""The rules as pytest items: inert without a vendor, the same with and without -n, four lines in a vendor's own
repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from kobling_contract.seal import new_key, unseal

VENDOR = ("--pyargs", "kobling_contract", "--vendor", "eg-pasientsky")
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "run-the-suite.md"
OWN = re.findall(r"^```python\n(.*?)^```", HOW_TO.read_text("utf-8"), re.MULTILINE | re.DOTALL)[0]


def run(*arguments: str, cwd: Path | str = "/", alone: bool = True) -> subprocess.CompletedProcess[str]:
    """pytest in a process of its own. alone: without the other plugins of this environment, which take long to load."""
    only = ("-p", "xdist", "-p", "kobling_contract.pytest_plugin") if alone else ()
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if alone else None
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *only, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=cwd, env=env)


def test_without_a_vendor_it_imports_nothing_of_ours() -> None:
    code = (
        "import sys, kobling_contract.pytest_plugin\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('kobling', 'httpx', 'flask')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.strip() == "[]"


def test_a_run_of_others_is_left_alone(tmp_path: Path) -> None:
    look = "[n for n in sys.modules if n.split('.')[0] in ('kobling', 'kobling_mocks', 'flask')]"
    (tmp_path / "test_other.py").write_text(f"import sys\ndef test_one():\n    assert {look} == []\n", "utf-8")
    done = run("--pyargs", "kobling_contract", str(tmp_path), cwd=tmp_path, alone=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "kobling contract" not in done.stdout


def test_with_a_vendor_the_rules_are_items_and_every_file_is_written_also_with_workers(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(new_key()[0])
    files = {name: tmp_path / f"report.{name}" for name in ("html", "json", "junit")}
    done = run(
        "-v", "-n", "2", *VENDOR, "--rule", "CAT-01", "--rule", "CAT-02",
        *(f"--contract-report-{name}={path}" for name, path in files.items()),
        f"--contract-certificate={tmp_path / 'c.json'}", f"--contract-sign-key={key}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "vendor eg-pasientsky" in done.stdout
    assert "eg-pasientsky: CONFORMANT" in done.stdout
    assert "2 PASS" in done.stdout
    told = json.loads(files["json"].read_text("utf-8"))
    assert [row["rule"] for row in told["results"]] == ["CAT-01", "CAT-02"]
    assert ElementTree.parse(files["junit"]).getroot().get("tests") == "2"
    assert "CONFORMANT" in files["html"].read_text("utf-8")
    sealed, _ = unseal((tmp_path / "c.json").read_bytes())
    assert sealed.signature is not None


def test_a_failing_rule_is_told_without_a_traceback_and_fails_the_run(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = run(
        *VENDOR, "--rule", "CAT-02",
        "--adapter", "kobling_zoo.eg_pasientsky:NamesInAscii", f"--contract-report-json={report}",
    )  # fmt: skip
    assert done.returncode == 1
    for part in ("cause: changed", "expected:", "got:", "remedy:", "exchange:", "NOT CONFORMANT"):
        assert part in done.stdout, part
    assert "Traceback" not in done.stdout
    assert "runner.py" not in done.stdout
    assert json.loads(report.read_text("utf-8"))["counts"] == {"FAIL": 1}


def test_four_lines_in_a_vendors_own_repository_are_the_whole_contract(tmp_path: Path) -> None:
    assert len(OWN.splitlines()) == 4
    (tmp_path / "test_contract.py").write_text(OWN, "utf-8")
    listed = run("--collect-only", cwd=tmp_path).stdout
    assert "test_contract.py::test_contract[SLOT-07]" in listed
    done = run("-k", "CAT-01 or SLOT-03", "--contract-report-html=report.html", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "eg-pasientsky: CONFORMANT in the 2 rules that were chosen" in done.stdout
    assert (tmp_path / "report.html").exists()
    chosen = run("--rule", "CAT-01", cwd=tmp_path)
    assert re.search(r"1 passed, \d+ deselected", chosen.stdout), chosen.stdout
    unknown = run("--rule", "CAT-99", cwd=tmp_path)
    assert unknown.returncode == 4
    assert "there is no rule or area CAT-99" in unknown.stdout + unknown.stderr


def test_nothing_tested_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text('[[waiver]]\nrule = "CAT-99"\nreason = "x"\nuntil = 2099-01-01\n', "utf-8")
    assert run(*VENDOR, "--rule", "CAT-01", "-k", "nothing").returncode == 12
    wrong = run(*VENDOR, "--contract-waivers", str(tmp_path / "w.toml"))
    assert wrong.returncode == 4
    assert "there is no rule CAT-99" in wrong.stderr + wrong.stdout


def test_an_unknown_vendor_is_a_target_that_is_unavailable() -> None:
    done = run("--pyargs", "kobling_contract", "--vendor", "nobody")
    assert done.returncode == 11
    assert "installed" in done.stdout + done.stderr
