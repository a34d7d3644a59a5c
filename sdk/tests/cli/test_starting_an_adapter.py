"""`kobling new` and `kobling update`: what a vendor's developer gets, and what a later template brings."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import runpy
import select
import shutil
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from kobling import Connection, Installed, Kobling
from kobling_cli.app import app
from kobling_cli.commands.starting import OURS
from kobling_cli.exit_codes import ExitCode
from kobling_cli.inspecting.findings import Finding
from kobling_cli.inspecting.probe import Probe
from kobling_cli.inspecting.source import remarks
from kobling_cli.starting.history import REPOSITORY, TEMPLATES, newest, versions, write_history
from kobling_cli.starting.project import ANSWERS, open_questions, questions, update_project
from kobling_cli.wording import LANGUAGES, words
from kobling_mocks import Mock
from kobling_mocks.clinic import BookingOrder, Clinic, PatientDetails, SlotTaken


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


@pytest.mark.parametrize("no", ["no", "False", "0"])
def test_how_it_books_is_no_open_question_where_it_can_only_be_searched(no: str) -> None:
    given = {"name": "Fjord", "address": "one", "departments": "no", "key_in": "body", "books": no}
    assert open_questions(given) == ()
    assert open_questions(given | {"books": "yes"}) == ("overlap",)
    run("new", "fjord", *given_by(given))
    assert "overlap" not in yaml.safe_load(Path("fjord", ANSWERS).read_text("utf-8"))


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
    assert adapter.read_text("utf-8").count("raise Mine") == 5


def test_a_project_from_before_a_question_is_updated_with_its_default(later: Path) -> None:
    project = committed("my-system")
    answers = project / ANSWERS
    answers.write_text(answers.read_text("utf-8").replace("overlap: unknown\n", ""), "utf-8")
    git(project, "commit", "--quiet", "--all", "--message", "as it was before")
    done = update_project(project, templates=later)
    assert (done.version, done.conflicts) == ("v99", ())
    assert yaml.safe_load(answers.read_text("utf-8"))["overlap"] == "unknown"


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


def test_at_a_terminal_each_question_is_asked_in_the_language_of_the_command(folder: Path) -> None:
    told = at_a_terminal("new", "fjord", "--lang", "nb")
    texts = words("nb")["new"]
    for question in questions():
        assert texts[question] in told, told
    assert texts["own"] in told
    assert yaml.safe_load((folder / "fjord" / ANSWERS).read_text("utf-8"))["address"] == "one"


def at_a_terminal(*arguments: str, seconds: float = 60.0) -> str:
    """What a command shows at a terminal at which somebody presses Enter when something has been shown and nothing more
    comes."""
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - the other process
        os.execv(sys.executable, [sys.executable, "-m", "kobling_cli", *arguments])
    termios.tcsetwinsize(terminal, (50, 120))
    shown, asked, ends = b"", False, time.monotonic() + seconds
    while time.monotonic() < ends:
        if not select.select([terminal], [], [], 1.0)[0]:
            if asked:
                os.write(terminal, b"\r")
            asked = False
            continue
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the command has ended
            break
        if b"\x1b[6n" in part:
            os.write(terminal, b"\x1b[1;1R")  # where the cursor is
        shown, asked = shown + part, True
    os.close(terminal)
    os.waitpid(child, 0)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode("utf-8", "replace"))


SHAPES = {
    f"{address}-{key_in}": {
        "address": address,
        "key_in": key_in,
        "departments": str(number % 2 == 1),
        "books": str(number % 3 != 0),
        "overlap": ("refused", "accepted", "unknown")[number // 2 % 3],
    }
    for number, (address, key_in) in enumerate(product(("one", "own"), ("bearer", "header", "basic", "body")))
}
"""Every place of the API with every place of the key; departments, bookings and overlapping ones in turn."""


def given_by(answers: Mapping[str, str]) -> list[str]:
    return [part for name, answer in answers.items() for part in ("--data", f"{name}={answer}")]


def to_be_written(answers: Mapping[str, str]) -> list[str]:
    """What is red in a new project: operations, and a promise of which nobody has said where it stands."""
    if answers["books"] == "False":
        return ["catalogue", "list_slots"]
    last = "no_source" if answers["overlap"] == "refused" else "list_bookings"
    return sorted(["catalogue", "list_slots", "book", "cancel", last])


@pytest.mark.parametrize(("shape", "answers"), SHAPES.items(), ids=SHAPES)
def test_whatever_is_answered_the_operation_that_is_written_is_right(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shape: str, answers: dict[str, str]
) -> None:
    module = f"shape_{shape.replace('-', '_')}"
    run("new", f"shape-{shape}", "project", "--defaults", *given_by(answers))
    monkeypatch.syspath_prepend(str(folder / "project" / "src"))
    own = runpy.run_path(str(folder / "project" / "tests" / "test_adapter.py"))
    tests = [value for name, value in own.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()
    (adapter,) = import_module(f"kobling_{module}").kobling_adapters()
    mock = Mock(import_module(f"{module}_mock").dialect)
    with Kobling(adapters=Installed({adapter.key: adapter}), exchange=mock.exchange, clock=mock.clock) as registry:
        session = registry.session(Connection(adapter.key, **mock.connection))
        assert session.clinic().name == mock.world.clinic.name
        wrong = {**mock.connection, "api_key": "another:key"}
        (finding,) = registry.session(Connection(adapter.key, **wrong)).test_connection().findings
        assert finding.code == "credentials_rejected"
    mock.world.assert_sound()
    assert not mock.world.journal.findings


@pytest.mark.parametrize(("shape", "answers"), SHAPES.items(), ids=SHAPES)
def test_whatever_is_answered_the_check_finds_what_is_to_be_written_and_each_finding_has_its_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shape: str, answers: dict[str, str]
) -> None:
    module = f"checked_{shape.replace('-', '_')}"
    run("new", f"checked-{shape}", "project", "--defaults", *given_by(answers))
    monkeypatch.syspath_prepend(str(folder / "project" / "src"))
    probe = Probe(folder / "project")
    declared = ("pyproject.toml", 0, "", {})
    rows = [
        *probe.entry_point(module, f"kobling_{module}", declared),
        *probe.dialect(f"{module}_mock:dialect", declared),
    ]
    findings = [Finding(file, line, code, values) for file, line, code, values in rows]
    assert sorted(one.values.get("operation", one.code) for one in findings) == to_be_written(answers)
    for one in findings:
        assert run("about", one.page).stdout
    for path in (folder / "project").rglob("*.py"):
        assert list(remarks(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize("answer", ["refused", "accepted", "unknown"])
def test_what_is_answered_about_overlaps_is_what_the_adapter_states_and_what_the_mock_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    run("new", f"overlaps-{answer}", "project", "--defaults", "--data", f"overlap={answer}")
    monkeypatch.syspath_prepend(str(folder / "project" / "src"))
    (adapter,) = import_module(f"kobling_overlaps_{answer}").kobling_adapters()
    clinic = Mock(import_module(f"overlaps_{answer}_mock").dialect).world.clinic
    assert adapter.limits.booking.overlap == answer
    assert booked_twice(clinic) == (answer != "refused")
    written = Path("project", "src", f"kobling_overlaps_{answer}", "adapter.py").read_text("utf-8")
    assert "kobling about overlaps-accepted" in written


def booked_twice(clinic: Clinic) -> bool:
    """Whether a clinic takes two bookings of one open time."""
    today = clinic.clock.now().date()
    one = next(kind for kind in clinic.types if kind.online and kind.places == 1 and kind.rules)
    who = one.rules[0].timebook_id
    slot, *_ = clinic.open_slots([who], [one.id], today, today + timedelta(days=30))
    clinic.book(BookingOrder(who, one.id, slot.start, PatientDetails(name="Kari Prøve"), match="never"))
    try:
        clinic.book(BookingOrder(who, one.id, slot.start, PatientDetails(name="Ola Test"), match="never"))
    except SlotTaken:
        return False
    return True


def test_whatever_is_answered_the_style_is_right(folder: Path) -> None:
    for shape, answers in SHAPES.items():
        name = "name=A System With Quite A Long Name AS"
        run("new", f"shape-{shape}", "--defaults", *given_by(answers), "--data", name)
    run("new", "aspen", "--defaults")  # its imports stand above those of the contract suite
    for command in (("check",), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_a_project_may_not_hide_a_package_of_koblings_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ours = {
        path.parent.name.removeprefix("kobling_") for path in Path(__file__).parents[3].glob("*/kobling_*/__init__.py")
    }
    assert ours <= OURS, "a package of Kobling's that a project could hide"
    for name in sorted(OURS):
        done = CliRunner().invoke(app, ["new", name, "--defaults", "--lang", "en"])
        assert "code name_of_ours" in done.stderr
    assert list(tmp_path.iterdir()) == []
