"""The house is in order: locks, names, versions, layers, and nothing of one machine in the files."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
CORE = ROOT / "sdk" / "kobling"


@pytest.mark.parametrize("name", ["requirements.lock", "tools.lock"])
def test_a_lock_pins_every_package_by_hash_and_holds_no_address(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert not re.search(r"https?:|--index|--find-links|--extra", text)
    pins = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert pins
    for pin in pins:
        assert "==" in pin
        assert "--hash=sha256:" in pin, pin.splitlines()[0]


def test_the_readmes_commands_exist() -> None:
    commands = re.findall(r"(?:^|`)make (\w+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert {"demo", "test"} <= set(commands)
    for command in commands:
        assert re.search(rf"^{command}:", MAKEFILE, re.MULTILINE), command


def test_every_declared_package_exists_and_is_typed() -> None:
    for path in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert (ROOT / path / "__init__.py").is_file(), path
    assert (CORE / "py.typed").is_file()


def test_plugins_ask_for_this_version_of_kobling() -> None:
    major_minor = ".".join(PROJECT["project"]["version"].split(".")[:2])
    for path in ROOT.glob("plugins/*/pyproject.toml"):
        plugin = tomllib.loads(path.read_text("utf-8"))["project"]
        assert any(one.startswith(f"kobling>={major_minor}") for one in plugin["dependencies"]), path


def test_every_plugin_holds_itself_to_the_core_and_nobody_to_itself() -> None:
    paths = sorted(ROOT.glob("plugins/*/pyproject.toml"))
    assert paths
    for path in paths:
        (package,) = [one.name for one in path.parent.glob("src/*") if (one / "__init__.py").is_file()]
        only_the_core, unknown_to_all = tomllib.loads(path.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
        assert only_the_core["source_modules"] == [package], path
        assert {"kobling_mocks", "kobling_contract", "kobling_cli", "httpx"} <= set(only_the_core["forbidden_modules"])
        assert unknown_to_all["forbidden_modules"] == [package], path
        assert set(unknown_to_all["source_modules"]) == set(PROJECT["tool"]["importlinter"]["root_packages"])


def test_only_the_drivers_may_know_httpx_and_every_other_module_is_held_to_it() -> None:
    contract = next(
        one for one in PROJECT["tool"]["importlinter"]["contracts"] if one["name"] == "Only the drivers know httpx"
    )
    modules = {f"kobling.{path.stem}" for path in CORE.glob("*.py") if path.stem != "__init__"}
    packages = {f"kobling.{path.parent.name}" for path in CORE.glob("*/__init__.py")} - {"kobling.drivers"}
    assert modules | packages - {"kobling.messages"} <= set(contract["source_modules"]) | {"kobling.messages"}


@pytest.mark.parametrize("path", sorted(CORE.glob("**/*.py")), ids=lambda path: path.relative_to(CORE).as_posix())
def test_every_module_says_what_it_holds(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def test_no_file_names_a_machine_or_a_registrys_host() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: the list of files is not known")
    forbidden = re.compile("|".join(("/ro" + "ot/", "py" + "pi.org", "python" + "hosted", "/wo" + "rk/")))
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if not path.is_file():
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        assert not forbidden.search(text), name
