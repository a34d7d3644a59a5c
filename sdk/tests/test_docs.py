"""The documentation is true: its code runs, and every public name has its page."""

from __future__ import annotations

import html
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
import time
import tomllib
import zlib
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
import typer

import kobling
import kobling_mocks
from kobling import Adapter, Connection, Installed, Kobling, SlotQuery
from kobling.adapter import check_adapter
from kobling.errors import all_errors
from kobling.plugins import Hooks
from kobling.texts import messages
from kobling_cli.app import app
from kobling_contract.contract import RULES
from kobling_contract.recording.allowlist import AllowList
from kobling_contract.waivers import read_waivers
from kobling_mocks import Mock, clinic

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN_WHEN_BUILT = DOCS / "reference" / "rules"
SITE = [page for page in sorted(DOCS.glob("**/*.md")) if not page.is_relative_to(WRITTEN_WHEN_BUILT)]
PAGES = [ROOT / "README.md", *SITE]
CODE = sorted([*DOCS.glob("how-to/*.py"), *DOCS.glob("tutorial/*.py")])
BUILDING = 600
"""Seconds after which a site that is built beside the tests should stand."""
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [(page, number, code) for page in PAGES for number, code in enumerate(PYTHON.findall(page.read_text("utf-8")))]


@pytest.mark.parametrize(
    ("page", "number", "code"), BLOCKS, ids=[f"{page.name}-{number}" for page, number, _ in BLOCKS]
)
def test_every_block_of_python_runs(page: Path, number: int, code: str) -> None:
    exec(compile(code, f"{page.name}, block {number}", "exec"), {"__name__": "documentation"})


def test_there_are_blocks_to_run() -> None:
    assert len(BLOCKS) >= 4


def module_of(page: str) -> ModuleType:
    path = DOCS / page
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # pydantic looks a model's annotations up in its module by name
    spec.loader.exec_module(module)
    return module


def test_the_code_beside_the_pages_is_shown_on_one_and_holds_tests_that_pytest_collects() -> None:
    """pytest takes `docs/how-to/*.py` and `docs/tutorial/*.py` for files of tests (`python_files`)."""
    shown = {name for page in SITE for name in re.findall(r"\{literalinclude\} (\w+\.py)", page.read_text("utf-8"))}
    assert {path.name for path in CODE} == shown
    without_tests = {path.name for path in CODE if "\ndef test_" not in path.read_text("utf-8")}
    assert without_tests == {"invented.py"}, "it serves the others"


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.stem)
def test_every_adapter_beside_a_page_obeys_the_contract(path: Path) -> None:
    module = module_of(str(path.relative_to(DOCS)))
    own = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == path.stem]
    for one in own:
        if issubclass(one, Adapter):
            check_adapter(one)


TOML = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
TABLES = [(page, text) for page in PAGES for text in TOML.findall(page.read_text("utf-8"))]


@pytest.mark.parametrize(("page", "text"), TABLES, ids=[f"{page.name}-{len(text)}" for page, text in TABLES])
def test_every_block_of_toml_is_read_by_whoever_it_is_for(page: Path, text: str) -> None:
    told = tomllib.loads(text)
    if "waiver" in told:
        assert read_waivers(text)
    elif "members" in told:
        assert not AllowList.read(text).empty
    else:
        assert set(told) <= {"build-system", "project", "tool"}


def test_the_tutorials_adapter_finds_at_the_how_tos_mock_exactly_what_its_clinic_has_open() -> None:
    adapter = module_of("tutorial/first_adapter.py").Fjordklinikk
    mock = Mock(module_of("how-to/small_dialect.py").dialect)
    first, last = date(2026, 11, 23), date(2026, 12, 20)
    installed = Installed({"fjordklinikk": adapter})
    with Kobling(adapters=installed, exchange=mock.exchange, clock=mock.clock) as registry:
        session = registry.session(Connection("fjordklinikk", **mock.connection), rates={"visit": ["B1010"]})
        assert session.test_connection().outcome == "success"
        answer = session.slots(SlotQuery(first_day=first, last_day=last))
        wrong = registry.session(Connection("fjordklinikk", **{**mock.connection, "api_key": "another-key"}))
        assert [one.code for one in wrong.test_connection().findings] == ["credentials_rejected"]
    clinic = mock.world.clinic
    persons = [book.id for book in clinic.timebooks if book.owner_kind == "person"]
    visit = next(kind.id for kind in clinic.types if kind.kind == "ordinary")
    open_there = {(slot.timebook_id, slot.start) for slot in clinic.open_slots(persons, [visit], first, last)}
    assert open_there
    assert answer.complete
    assert {(slot.practitioner_id, slot.start) for slot in answer.found} == open_there
    mock.world.assert_sound()


def test_the_site_builds_without_a_warning_and_describes_every_public_name_error_and_rule(tmp_path: Path) -> None:
    site = built_site(tmp_path)
    described = {name.rpartition(".")[2] for name in inventory(site / "objects.inv")}
    public = {*kobling.__all__, *kobling_mocks.__all__, "certify", "Certificate", "Verdict", "Rule"}
    public |= {
        name for name in clinic.__all__ if inspect.isroutine(one := getattr(clinic, name)) or inspect.isclass(one)
    }
    assert public - {"FINDINGS", "KINDS"} <= described, "add what is missing to a page of docs/reference"

    assert "model_config" not in described, "pydantic's own members have no sentence of ours"
    contract_page = (site / "reference" / "contract.html").read_text("utf-8")
    assert "NEVER_CERTAIN" in described
    assert not re.search(r'class="pre">599\b', contract_page), "a hundred statuses are told as 5xx"
    errors_page = (site / "reference" / "errors.html").read_text("utf-8")
    assert {code for code in all_errors() if f">{code}</span>" not in errors_page} == set()
    defects_page = (site / "reference" / "adapter-defects.html").read_text("utf-8")
    assert {name for name in messages("en")["defect"] if f">{name}</span>" not in defects_page} == set()
    assert {name for name in vars(Hooks) if name.startswith("kobling_")} <= described
    commands_page = html.unescape((site / "reference" / "command-line.html").read_text("utf-8"))
    commands = {name for name, one in typer.main.get_command(app).commands.items() if not one.hidden}
    assert {name for name in commands if f"kobling {name}" not in re.sub(r"<[^>]+>", "", commands_page)} == set()
    suite_page = (site / "reference" / "suite.html").read_text("utf-8")
    assert {rule.id for rule in RULES if f">{rule.id}</span>" not in suite_page} == set()
    pages = {path.stem: path.read_text("utf-8") for path in (site / "reference" / "rules").glob("*-*.html")}
    assert {rule.id for rule in RULES if f"kobling certify VENDOR --rule {rule.id}" not in pages[rule.id]} == set()


def built_site(folder: Path) -> Path:
    """The site that is built beside the tests, where the environment says so, and else a new one in `folder`."""
    if "KOBLING_BUILT_SITE" in os.environ:
        site = ROOT / os.environ["KOBLING_BUILT_SITE"]
        for _ in range(BUILDING):
            if (site / ".built").exists():
                return site
            time.sleep(1)
        raise AssertionError(f"{site} was not built in {BUILDING} s")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(folder)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_rule_was_measured_when_its_page_was_last_made() -> None:
    seen = json.loads((DOCS / "reference" / "rules.json").read_text("utf-8"))
    assert list(seen) == [rule.id for rule in RULES], "measure again: python docs/_ext/rule_pages.py"
    assert {told["verdict"] for rule in seen.values() for told in rule.values()} <= {"PASS", "SKIP"}


def inventory(path: Path) -> list[str]:
    """The full names of what the site describes: the first word of each line after the four of the head."""
    packed = path.read_bytes().split(b"\n", 4)[4]
    return [line.split(" ")[0] for line in zlib.decompress(packed).decode().splitlines()]


def test_every_page_is_in_a_table_of_contents() -> None:
    listed: set[str] = set()
    for page in PAGES:
        for block in re.findall(r":::\{toctree\}\n(.*?):::", page.read_text("utf-8"), re.DOTALL):
            named = {line for line in block.splitlines() if line and line[0] != ":"}
            if ":glob:" in block:
                named = {one.stem for pattern in named for one in page.parent.glob(f"{pattern}.md")} - {page.stem}
            listed |= {(page.parent / line).resolve().as_posix() for line in named}
    pages = {page.with_suffix("").resolve().as_posix() for page in SITE} - {(DOCS / "index").as_posix()}
    assert pages <= listed


def test_every_error_is_described_in_the_tree_at_the_top_of_its_module() -> None:
    from kobling import errors

    for cls in all_errors().values():
        assert cls.__name__ in (errors.__doc__ or "")
