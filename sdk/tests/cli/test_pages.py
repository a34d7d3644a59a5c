"""The documentation's pages without the site: by name, whole, and with the code that they show."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kobling.texts import messages
from kobling_cli.app import app
from kobling_cli.inspecting.findings import PAGES
from kobling_cli.pages import find, pages
from kobling_cli.wording import LANGUAGES, words
from kobling_contract.contract import RULES

ROOT = Path(__file__).parents[3]
TITLES = {rule.id: rule.title for rule in RULES}
NAMED = re.compile(r"kobling about ([a-z][\w./#-]*-[\w./#-]*)")


def about(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["about", *arguments])
    return done.exit_code, done.output


def test_every_page_is_found_and_holds_no_directive() -> None:
    assert len(pages()) > 60
    for page in pages():
        text = page.text(TITLES)
        assert [found.name for found in find(page.name)] == [page.name]
        assert not re.search(r"^[`:]{3,}\{", text, re.M), page.name
        assert page.title == text.splitlines()[0].removeprefix("# ")


def test_a_page_shows_its_code_and_the_rules_it_names() -> None:
    _, told = about("how-to/errors-with-200")
    assert "def vendor_code(response: Response)" in told
    assert f"- BOOK-07: {TITLES['BOOK-07']}" in told


def test_code_is_shown_with_its_indentation_under_the_words_that_say_where_it_goes() -> None:
    _, told = about("tutorial/sign-in")
    assert re.search(r"At the end of `class Fjellvik`:\n\n```python\n    async def sign_in\(", told)


def test_a_page_is_written_to_a_file_as_it_would_be_shown(tmp_path: Path) -> None:
    there = tmp_path / "mock.py"
    assert about("tutorial/output/mock.py", "--output", str(there)) == (0, "")
    assert there.read_text("utf-8") == about("tutorial/output/mock.py")[1]
    assert about("sign-in", "--output", str(there))[0] == 2
    assert about("no-such-page", "--output", str(there))[0] == 2
    assert there.read_text("utf-8") == about("tutorial/output/mock.py")[1]


def test_a_section_ends_where_the_next_begins() -> None:
    _, told = about("start-an-adapter#book")
    assert told.startswith("### `book`")
    assert "### `cancel`" not in told
    assert "(cancel)=" not in about("start-an-adapter")[1]


def test_a_name_that_two_pages_have_is_answered_with_both() -> None:
    _, told = about("sign-in")
    assert "tutorial/sign-in: " in told
    assert "how-to/sign-in: " in told


def test_a_file_that_a_page_hands_over_comes_as_it_is_and_nothing_else_of_the_machine_does() -> None:
    assert about("tutorial/output/mock.py") == (0, (ROOT / "docs/tutorial/output/mock.py").read_text("utf-8"))
    for elsewhere in ("tutorial/../conf.py", "../pyproject.toml", "/etc/hostname", "tutorial/../../pyproject.toml"):
        assert about(elsewhere)[0] == 2, elsewhere


def test_machines_get_the_markdown() -> None:
    (page,) = json.loads(about("how-to/read-pages", "--json")[1])["pages"]
    assert page["markdown"].startswith("# Read a list that comes in pages")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_that_a_message_names_is_there(lang: str) -> None:
    said = json.dumps([messages(lang), words(lang)], ensure_ascii=False)
    named = {*NAMED.findall(said), *PAGES.values()}
    assert len(named) > 5
    for name in named:
        assert find(name), name
    assert "docs/" not in said, "a wheel holds no such file"


def test_the_wheel_holds_the_pages_and_nothing_that_was_built(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("kobling_cli/pages/")}
    for page in pages():
        if page.file.parent.name != "reference":
            assert f"kobling_cli/pages/{page.file.relative_to(ROOT / 'docs')}" in held
    assert not [name for name in held if "__pycache__" in name or "/rules/" in name or name.endswith(".json")]
    assert {f"kobling_cli/pages/{name.partition('#')[0]}.md" for name in PAGES.values()} <= held
