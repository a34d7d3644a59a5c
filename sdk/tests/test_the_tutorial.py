"""The tutorial is true: a reader who does what its pages say sees what they show."""

from __future__ import annotations

import ast
import os
import re
from itertools import pairwise
from pathlib import Path

import pytest
from tutorial_steps import ADAPTER as PLACE
from tutorial_steps import OUTPUT, STEPS, TUTORIAL, WALK, Project, imported, merged, place, walked

PAGES = {path.name: path.read_text("utf-8") for path in TUTORIAL.glob("*.md")}
MAKE_ANEW = "look at the change, mend the pages' words, and keep it: python docs/_ext/tutorial_steps.py"
MOST_LINES = 250
"""Of the adapter, beside its imports, comments and blank lines."""


def test_each_step_ends_as_its_page_shows(tmp_path: Path) -> None:
    """The whole suite on the finished adapter takes a minute, and is left out but for `KOBLING_WHOLE_TUTORIAL=1`."""
    whole = "KOBLING_WHOLE_TUTORIAL" in os.environ
    left_out = set() if whole else {f"{told.name}.txt" for step in WALK for told in step.told if told.long}
    shown = {path.name: path.read_text("utf-8") for path in OUTPUT.iterdir() if path.name not in left_out}
    come = dict(walked(tmp_path, whole=whole))
    assert come.keys() == shown.keys(), MAKE_ANEW
    for name, text in come.items():
        assert text == shown[name], f"{name}: {MAKE_ANEW}"


def test_every_file_of_code_and_of_output_is_on_a_page() -> None:
    told = " ".join(PAGES.values())
    for folder in (STEPS, OUTPUT):
        for path in folder.glob("*.*"):
            assert f"{folder.name}/{path.name}" in told, path.name


@pytest.mark.parametrize("page", PAGES)
def test_the_parts_on_a_page_leave_nothing_of_their_file_out(page: str) -> None:
    """Each part ends where the next one begins, so that who copies them all has the whole file."""
    parts = re.findall(r"\{literalinclude\} (steps/\w+\.py)\n((?::[^\n]+\n)*)```", PAGES[page])
    marks = r":{}: \"# (\[[a-z-]+\])\""
    for name in dict.fromkeys(name for name, _ in parts):
        source = (TUTORIAL / name).read_text("utf-8")
        marked = re.findall(r"^ *# (\[[a-z-]+\])\n", source, re.MULTILINE)
        bounds = [
            (re.findall(marks.format("start-after"), options), re.findall(marks.format("end-before"), options))
            for one, options in parts
            if one == name
        ]
        covered = {one for begin, _ in bounds for one in begin}
        assert covered | {"[class]", "[end]"} >= set(marked), f"{name}: {set(marked) - covered}"


def _shown(source: str) -> list[tuple[str, str]]:
    """Each part of a file that a page shows: the words above it, and its code."""
    shown = []
    for page in PAGES.values():
        for options in re.findall(rf"\{{literalinclude\}} steps/{re.escape(source)}\n((?::[^\n]+\n)*)```", page):
            told = dict(re.findall(r'^:([a-z-]+): "?(.*?)"?$', options, re.MULTILINE))
            text = (STEPS / source).read_text("utf-8")
            text = text.partition(f"{told['start-after']}\n")[2] if "start-after" in told else text
            text = text.partition(f"{told['end-before']}\n")[0].rpartition("\n")[0] if "end-before" in told else text
            shown.append((told.get("caption", ""), text.strip("\n")))
    return shown


def test_each_part_says_where_it_goes_and_imports_what_is_not_there_yet(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.begin()
    adapter = project.folder / PLACE
    for step in (one for one in WALK if one.merged):
        before = adapter.read_text("utf-8")
        for caption, part in _shown(step.merged):
            assert caption == place(before, part), part
            if caption == "To the imports":
                assert not imported(part) & imported(before), f"{step.merged} lists imports that are there"
        project.take(step)
        if step.broken:
            adapter.write_text(before, "utf-8")


def test_the_adapter_is_an_afternoons_work() -> None:
    source = (OUTPUT / "adapter.py").read_text("utf-8")
    code = [node for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom)]
    lines = [line.strip() for node in code for line in (ast.get_source_segment(source, node) or "").splitlines()]
    assert sum(bool(line) and line[0] != "#" for line in lines) <= MOST_LINES


def test_every_step_is_reached_from_the_page_before() -> None:
    order = re.findall(r"^\d\. \[[^\]]+\]\((\S+)\)", PAGES["index.md"], re.MULTILINE)
    assert len(order) == 8
    for page, following in pairwise(order):
        assert re.search(rf"^Next: \[[^\]]+\]\({re.escape(following)}\)", PAGES[page], re.MULTILINE), page
    assert {f"steps/{step.merged}" for step in WALK if step.merged} <= set(
        re.findall(r"\{literalinclude\} (steps/\w+\.py)", " ".join(PAGES[page] for page in order))
    )


ADAPTER = """from kobling import Adapter

ONE = 1


class Mine(Adapter):
    # about key
    key = "mine"

    async def book(self):
        return 1
"""

MORE = """import re

TWO = 2
ONE = 3


class Mine(Adapter):
    key = "yours"

    async def cancel(self):
        return 2
"""


def test_a_part_of_the_class_is_told_from_what_stands_above_it() -> None:
    assert place(ADAPTER, "import re") == "To the imports"
    assert place(ADAPTER, "TWO = 2") == "Above `class Fjellvik`"
    assert place(ADAPTER, "ONE = 3") == "Above `class Fjellvik`, in place of `ONE`"
    assert place(ADAPTER, '    key = "yours"') == "In `class Fjellvik`, in place of `key`"
    assert place(ADAPTER, "    async def cancel(self): ...") == "At the end of `class Fjellvik`"
    with pytest.raises(AssertionError, match="holds more"):
        place(ADAPTER, '    key = "yours"\n    more = 1')


def test_code_of_a_page_takes_the_place_of_what_has_its_name_and_else_joins() -> None:
    text = merged(ADAPTER, MORE)
    assert "ONE = 3" in text
    assert "ONE = 1" not in text
    assert text.index("TWO = 2") < text.index("class Mine")
    assert "# about key" not in text
    assert text.index("async def book") < text.index("async def cancel")
    assert text.startswith("import re\nfrom kobling import Adapter")
