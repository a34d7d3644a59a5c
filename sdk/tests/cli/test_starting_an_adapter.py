"""`kobling new` and `kobling update`: what a vendor's developer gets, and what a later template brings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from kobling_cli.app import app
from kobling_cli.exit_codes import ExitCode
from kobling_cli.starting.history import REPOSITORY, TEMPLATES, newest, versions, write_history
from kobling_cli.starting.project import ANSWERS, questions, update_project
from kobling_cli.wording import LANGUAGES, words


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the current one, which is the home too: the template's repository is written there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def run(*arguments: str, code: int = ExitCode.SUCCESS) -> Any:
    done = CliRunner().invoke(app, [*arguments, "--lang", "en"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return done


def git(project: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.no", *arguments]
    return subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout


def committed(name: str) -> Path:
    """A project in a git repository, as its developer keeps it."""
    run("new", name, "--defaults")
    project = Path(name).resolve()
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "begun")
    return project


@pytest.fixture
def later(folder: Path) -> Path:
    """Templates with a second version, which has one more line in the README and another adapter docstring."""
    templates = folder / "templates"
    shutil.copytree(TEMPLATES, templates)
    for old in versions(templates)[:-1]:
        shutil.rmtree(old)
    last = newest(templates)
    shutil.copytree(last, templates / "v99")
    project = templates / "v99" / "project"
    for path, old, new in (
        (project / "{{_copier_conf.answers_file}}.jinja", f'"{last.name}"', '"v99"'),
        (project / "README.md.jinja", "How to begin", "Brought by an update.\n\nHow to begin"),
        (
            project / "src" / "kobling_{{module}}" / "adapter.py.jinja",
            "Which clinic the key",
            "To which clinic the key",
        ),
    ):
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
    return templates


def test_a_project_says_what_was_made_and_what_comes_next() -> None:
    told = run("new", "my-system", "--defaults").stdout
    for part in ('pip install -e ".[test]" && python -m pytest', "src/kobling_my_system/adapter.py", "kobling check"):
        assert part in told, part
    answers = yaml.safe_load(Path("my-system", ANSWERS).read_text("utf-8"))
    assert answers["key"] == "my-system"
    assert answers["name"] == "My System"
    assert answers["_src_path"] == REPOSITORY
    assert "words" not in answers


def test_the_readme_has_the_command_that_new_prints() -> None:
    told = run("new", "my-system", "--defaults").stdout
    (command,) = re.findall(r"```sh\n(python .*)\n```", Path("my-system", "README.md").read_text("utf-8"))
    assert command in told


def test_answers_are_given_by_data_and_everything_left_open_has_a_default() -> None:
    made = run("new", "fjord", "other/place", "--defaults", "-d", "name=Fjord Journal", "-d", "books=no", "--json")
    told = json.loads(made.stdout)
    assert told["folder"] == "other/place"
    adapter = Path("other/place/src/kobling_fjord/adapter.py").read_text("utf-8")
    assert 'name = "Fjord Journal"' in adapter
    assert "async def book" not in adapter
    assert "src/fjord_mock/__init__.py" in told["files"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("My_System", "--defaults"), "bad_name"),
        (("x", "--defaults", "-d", "nothing=1"), "no_question"),
        (("x", "--defaults", "-d", "books"), "bad_data"),
        (("x", "--defaults", "-d", "key_in=somewhere"), "bad_answer"),
        (("x", "--defaults", "-d", 'name="; import os'), "bad_answer"),
        (("x",), "no_terminal"),
        (("x", "full", "--defaults"), "folder_not_empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_not_be_made_is_refused_with_the_reason_and_leaves_nothing(
    arguments: tuple[str, ...], code: str
) -> None:
    Path("full").mkdir()
    Path("full", "mine.txt").write_text("mine", "utf-8")
    done = run("new", *arguments, code=ExitCode.USAGE)
    assert f"code {code}" in done.stderr
    assert not Path("x").exists()
    assert [one.name for one in Path("full").iterdir()] == ["mine.txt"]


def test_every_question_has_its_words_in_both_languages() -> None:
    for lang in LANGUAGES:
        assert {"key", *questions()} <= set(words(lang)["new"])


def test_without_git_a_project_is_made_all_the_same(folder: Path) -> None:
    code = "from kobling_cli import main; main()"
    command = [sys.executable, "-c", code, "new", "my-system", "--defaults", "--json"]
    done = subprocess.run(
        command, cwd=folder, env={"PATH": str(folder), "HOME": str(folder)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["files"]) >= 12


def test_each_version_of_the_template_writes_its_own_name_into_the_answers() -> None:
    for version in versions():
        text = (version / "project" / "{{_copier_conf.answers_file}}.jinja").read_text("utf-8")
        assert f'_commit="{version.name}"' in text
        assert REPOSITORY in text


def test_the_templates_repository_is_the_same_wherever_and_whenever_it_is_written(folder: Path) -> None:
    hashes = []
    for name in ("one", "other"):
        write_history(folder / name)
        hashes.append(git(folder / name, "rev-parse", newest().name))
    assert hashes[0] == hashes[1]


def test_an_update_brings_the_later_template_keeps_what_the_developer_wrote_and_marks_what_both_did(
    later: Path,
) -> None:
    project = committed("my-system")
    adapter, readme = project / "src" / "kobling_my_system" / "adapter.py", project / "README.md"
    adapter.write_text(
        adapter.read_text("utf-8").replace("        raise NotWritten\n", "        raise Mine\n"), "utf-8"
    )
    readme.write_text(readme.read_text("utf-8").replace("How to begin", "Mine"), "utf-8")
    git(project, "commit", "--quiet", "--all", "--message", "mine")
    done = update_project(project, templates=later)
    assert (done.before, done.version, done.conflicts) == (newest().name, "v99", ("README.md",))
    assert set(done.changed) == {ANSWERS, "README.md", "src/kobling_my_system/adapter.py"}
    assert "<<<<<<<" in readme.read_text("utf-8")
    assert "To which clinic the key" in adapter.read_text("utf-8")
    assert adapter.read_text("utf-8").count("raise Mine") == 4


def test_copier_itself_can_do_the_same_once_the_templates_repository_is_there(folder: Path, later: Path) -> None:
    project = committed("my-system")
    write_history(folder / "home" / REPOSITORY.removeprefix("~/"), later)
    command = [sys.executable, "-m", "copier", "update", "--defaults", "--quiet"]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    assert "Brought by an update." in (project / "README.md").read_text("utf-8")


def test_an_update_of_what_is_not_committed_or_no_such_project_is_refused(folder: Path) -> None:
    assert "code not_made_by_new" in run("update", str(folder), code=ExitCode.USAGE).stderr
    run("new", "my-system", "--defaults")
    assert "code not_updated" in run("update", "my-system", code=ExitCode.USAGE).stderr
    project = Path("my-system")
    git(project, "init", "--quiet")
    assert "code not_updated" in run("update", "my-system", code=ExitCode.USAGE).stderr
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "begun")
    assert "newest template" in run("update", "my-system").stdout
