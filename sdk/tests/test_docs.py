"""The documentation is true: its code runs, and every public name has its page."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path

import pytest

import kobling
from kobling.errors import all_errors

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("**/*.md"))]
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [(page, number, code) for page in PAGES for number, code in enumerate(PYTHON.findall(page.read_text("utf-8")))]


@pytest.mark.parametrize(
    ("page", "number", "code"), BLOCKS, ids=[f"{page.name}-{number}" for page, number, _ in BLOCKS]
)
def test_every_block_of_python_runs(page: Path, number: int, code: str) -> None:
    exec(compile(code, f"{page.name}, block {number}", "exec"), {"__name__": "documentation"})


def test_there_are_blocks_to_run() -> None:
    assert len(BLOCKS) >= 4


def test_the_tutorials_file_is_a_test_that_passes() -> None:
    path = DOCS / "tutorial" / "first_adapter.py"
    spec = importlib.util.spec_from_file_location("first_adapter", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


def documented_modules() -> set[str]:
    text = "".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md"))
    return set(re.findall(r"automodule:: (\S+)", text))


@pytest.mark.parametrize("name", kobling.__all__)
def test_every_public_name_is_on_a_reference_page(name: str) -> None:
    value = getattr(kobling, name)
    module = inspect.getmodule(value)
    home = getattr(value, "__module__", None) or (module.__name__ if module else "")
    if home.startswith("kobling"):
        assert home in documented_modules(), f"add `.. automodule:: {home}` to a page of docs/reference"


def test_every_page_is_in_a_table_of_contents() -> None:
    listed: set[str] = set()
    for page in PAGES:
        for block in re.findall(r":::\{toctree\}\n(.*?):::", page.read_text("utf-8"), re.DOTALL):
            listed |= {
                (page.parent / line).resolve().as_posix() for line in block.splitlines() if line and line[0] != ":"
            }
    pages = {page.with_suffix("").resolve().as_posix() for page in DOCS.glob("**/*.md")} - {(DOCS / "index").as_posix()}
    assert pages <= listed


def test_every_error_is_described_in_the_tree_at_the_top_of_its_module() -> None:
    from kobling import errors

    for cls in all_errors().values():
        assert cls.__name__ in (errors.__doc__ or "")
