"""`kobling check`: what is found in an adapter before any server runs, with its place and its fix."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import textwrap
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kobling.adapter import OPERATIONS
from kobling_cli.app import app
from kobling_cli.exit_codes import ExitCode
from kobling_cli.inspecting import project as inspected
from kobling_cli.inspecting.findings import PAGES, Finding
from kobling_cli.inspecting.probe import Probe
from kobling_cli.inspecting.project import look
from kobling_cli.inspecting.source import remarks
from kobling_cli.pages import find
from kobling_cli.wording import LANGUAGES, words

ROOT = Path(__file__).parents[3]
NAMES = count()


def run(*arguments: str, code: int) -> Any:
    done = CliRunner().invoke(app, [*arguments, "--lang", "en"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project as `kobling new` makes it."""
    monkeypatch.chdir(tmp_path)
    run("new", "my-system", "--defaults", code=ExitCode.SUCCESS)
    return tmp_path / "my-system"


def changed(path: Path, old: str, new: str) -> int:
    """Change a file; the line in which the change begins."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return text[: text.index(old)].count("\n") + 1


# ---- reading

READ = {
    "http.get('clinic')": "not_awaited",
    "row = http.get('clinic').read(Row)": "not_awaited",
    "answer = http.get('clinic')\nreturn answer.read(Row)": "not_awaited",
    "rows = http.pages('c', items='', next=ByNumber(), of=Row)\nreturn [one.id for one in rows]": "not_awaited",
    "rows: list[Row] = http.pages('c', items='', next=ByNumber(), of=Row)\nreturn len(rows)": "not_awaited",
    "one, two = http.all([http.get('a'), http.get('b')])": "not_awaited",
    "for row in http.pages('c', items='', next=ByNumber(), of=Row):\n    pass": "not_awaited",
    "return sorted(http.pages('c', items='', next=ByNumber(), of=Row))": "not_awaited",
    "if (answer := http.get('clinic')).status == 404:\n    pass": "not_awaited",
    "await http.get(f'bookings/{query}')": "text_in_path",
    "await http.get('bookings/' + query)": "text_in_path",
    "await http.get('bookings/{}'.format(query))": "text_in_path",
    "await http.get('https://api.example/clinic')": "whole_address",
    "await http.post('search', json={})": "write_in_read",
    "import httpx": "does_io",
    "from asyncio import gather": "does_io",
    "time.sleep(1)": "does_io",
    "print(query)": "prints",
    "key = os.environ['KEY']": "reads_environment",
    "key = os.getenv('KEY')": "reads_environment",
    "now = datetime.now()": "own_clock",
    "start = datetime.fromisoformat(text)": "reads_time",
    "self.known = query": "keeps_state",
    "try:\n    await http.get('x')\nexcept Exception:\n    pass": "catches_all",
    "try:\n    await http.get('x')\nexcept:\n    pass": "catches_all",
    "try:\n    pass\nfinally:\n    await http.get('x')": "awaits_in_finally",
}
GOOD = (
    "await http.get('bookings/{}', query)",
    "await http.query('search', json={})",
    "row = (await http.get('clinic')).read(Row)",
    "one, two = await http.all([http.get('a'), http.get('b')])",
    "call = http.get('a')\nanswer = await call\nreturn answer.read(Row)",
    "answer = http.get('a')\nanswer = await answer\nreturn answer.read(Row)",
    "one = http.get('a')\nreturn await http.all([one])",
    "calls = [http.get('a'), http.get('b')]\nreturn await http.all(calls)",
    "calls = []\ncall = http.get('a')\ncalls.append(call)\nreturn await http.all(calls)",
    "answer = http.get('a') if query else None\nreturn answer and await answer",
    "call = http.get('a')\nreturn call",
    "try:\n    int(text)\nexcept ValueError:\n    pass",
    "start = parse_offset(text)",
    "now = http.now",
    "known = self.connection.external_id",
)


def read(body: str, above: str = "") -> list[tuple[int, str]]:
    """What is remarked of a search with this body; lines from the first one of the body."""
    code = f"class A:\n    {above}\n    async def list_slots(self, http, query):\n" + textwrap.indent(body, "        ")
    return [(line - 3, found) for line, found, _ in remarks(ast.parse(code))]


@pytest.mark.parametrize(("body", "code"), READ.items(), ids=READ)
def test_what_code_says_by_itself_is_found_at_its_line(body: str, code: str) -> None:
    places = read(f"pass\n{body}")
    assert {found for _, found in places} == {code}
    assert all(2 <= line <= 5 for line, _ in places)


@pytest.mark.parametrize("body", GOOD, ids=GOOD)
def test_what_an_adapter_should_write_is_left_alone(body: str) -> None:
    assert read(body) == []


def test_a_cache_on_a_method_is_state() -> None:
    assert read("pass", above="@functools.cache") == [(-1, "keeps_state")]


ADAPTER = "class Fjellvik(Adapter):\n    key = 'fjellvik'\n"
METHOD = "async def sign_in(self, http):\n    return Token()\n"


def test_a_method_at_the_margin_is_named_with_the_class_that_it_belongs_to() -> None:
    ((line, code, values),) = remarks(ast.parse(f"{ADAPTER}\n{METHOD}"))
    assert (line, code, values) == (4, "outside_class", {"name": "sign_in", "line": "4", "owner": "Fjellvik"})
    assert "`sign_in(self, …)` at line 4 stands outside class Fjellvik" in words("en")["finding"][code].format(**values)


def test_a_method_pasted_unindented_into_a_class_is_named_with_those_it_swallowed() -> None:
    swallowed = textwrap.indent(METHOD.replace("sign_in", "identify"), "    ")
    found = list(remarks(ast.parse(f"{ADAPTER}{METHOD}{swallowed}")))
    assert [(line, code) for line, code, _ in found] == [(3, "outside_class"), (5, "inside_function")]
    assert found[1][2]["above"] == "sign_in"


def test_functions_that_need_no_class_are_left_alone() -> None:
    assert list(remarks(ast.parse(f"{ADAPTER}\ndef row(raw):\n    return raw\n"))) == []
    assert list(remarks(ast.parse(METHOD))) == [], "there is no adapter in the file"


# ---- loading

HEAD = """
from kobling import *
from kobling import CallRate
"""
BODY = {
    "key": '"my-system"',
    "name": '"My System"',
    "contract": "1",
    "form": 'ConnectionForm(external_id=required(nb="nummeret", en="the number", example="1"))',
    "base_url": '"https://api.example/{external_id}"',
    "auth": "Bearer()",
    "errors": 'ErrorMap(codes={"taken": SlotTaken}, code="/code")',
    "limits": "Limits()",
    "patient_fields": 'PatientFields(required=frozenset({"phone"}))',
}
METHODS = {
    "identify": "Clinic(name=(await http.get('clinic')).read(str, at='/name'))",
    "catalogue": "(await http.get('everything')).read(Catalogue)",
    "list_slots": "(await http.get('slots')).read(list[Slot])",
}
ARGUMENTS = {"list_slots": "http, query", "book": "http, request", "cancel": "http, booking, reason"}


def asked(tmp_path: Path, more: str = "", **changes: str | None) -> list[tuple[int, str, dict[str, str]]]:
    """What the probe says of an adapter with these class values and methods; None leaves one out."""
    name = f"adapter_under_check_{next(NAMES)}"
    values = {**BODY, **METHODS, **changes}
    lines = [HEAD, "class MySystem(Adapter):"]
    for one, value in values.items():
        if value is None:
            continue
        if one in OPERATIONS:
            lines += [f"    async def {one}(self, {ARGUMENTS.get(one, 'http')}):", f"        return {value}"]
        else:
            lines.append(f"    {one} = {value}")
    (tmp_path / f"{name}.py").write_text("\n".join(lines) + f"\n{more}\n", "utf-8")
    sys.path.insert(0, str(tmp_path))
    try:
        rows = list(Probe(tmp_path).module(name, (f"{name}.py", 0, "", {})))
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop(name, None)
    source = (tmp_path / f"{name}.py").read_text("utf-8").splitlines()
    assert {file for file, *_ in rows} <= {f"{name}.py"}
    return [(line, f"{code} | {source[line - 1].strip()}", dict(values)) for _, line, code, values in rows]


def test_a_good_adapter_is_left_alone(tmp_path: Path) -> None:
    assert asked(tmp_path) == []


BOOKS: dict[str, str | None] = {"book": "await http.post('b')", "cancel": "await http.post('c')"}


def refusing(*more: str) -> str:
    """Limits that promise that overlapping bookings are refused."""
    facts = ", ".join(("overlap='refused'", *more))
    return f"Limits(booking=BookingFacts({facts}))"


@pytest.mark.parametrize("ground", ["sources={'overlap': 'their page'}", "inferred=frozenset({'overlap'})"])
def test_a_promise_about_overlaps_that_says_what_it_rests_on_is_left_alone(tmp_path: Path, ground: str) -> None:
    assert asked(tmp_path, limits=refusing(ground), **BOOKS) == []


LOADED: dict[str, tuple[dict[str, str | None], str]] = {
    "a value of the wrong type": ({"limits": "31"}, "contract | limits = 31"),
    "a value that is missing": ({"auth": None}, "contract | class MySystem(Adapter):"),
    "another contract": ({"contract": "7"}, "contract | contract = 7"),
    "an operation that is missing": ({"catalogue": None}, "contract | class MySystem(Adapter):"),
    "half of booking": ({"book": "None"}, "contract | async def book(self, http, request):"),
    "a place that nothing fills in": ({"base_url": '"https://a.example/{clinic}"'}, "contract | base_url ="),
    "no example": ({"form": 'ConnectionForm(external_id=required(nb="n", en="n"))'}, "no_example | form ="),
    "an example beside its pattern": (
        {"form": r'ConnectionForm(external_id=required(nb="n", en="n", example="x", pattern=r"\d+"))'},
        "example_refused | form =",
    ),
    "help in one language": ({"form": 'ConnectionForm(external_id=required(nb="n", en="", example="1"))'}, "no_help"),
    "codes that nobody reads": ({"errors": 'ErrorMap(codes={"taken": SlotTaken})'}, "codes_not_read | errors ="),
    "a status that is not its own": ({"errors": "ErrorMap(statuses={503: SlotTaken})"}, "status_not_yours | errors ="),
    "an error in quotation marks": (
        {"errors": "ErrorMap({'not_opened': 'NotActivated'}, code='/code')"},
        "does_not_load | errors =",
    ),
    "a pointer without its slash": (
        {"errors": "ErrorMap({'not_opened': NotActivated}, code='problem')"},
        "does_not_load | errors =",
    ),
    "bookings without refusals": (
        {"errors": "ErrorMap()", **BOOKS},
        "no_refusals | errors =",
    ),
    "bookings without patients": (
        {"patient_fields": "PatientFields()", **BOOKS},
        "no_patient_fields | patient_fields =",
    ),
    "bookings that none could keep": (BOOKS, "unkept | limits ="),
    "a promise about overlaps without a source": ({**BOOKS, "limits": refusing()}, "no_source | limits ="),
    "a promise about overlaps with an empty source": (
        {**BOOKS, "limits": refusing("sources={'overlap': ' '}")},
        "no_source | limits =",
    ),
    "an exception of its own": (
        {"identify": "Clinic(name=(await http.get('clinic')).json()['name'])"},
        "raises_on | return Clinic(name=",
    ),
    "something else than it should return": ({"catalogue": "await http.get('x')"}, "breaks_on | async def catalogue"),
    "data that can't be": ({"limits": "Limits(slots=SlotLimits(days=0))"}, "does_not_load | limits ="),
    "a name that is not there": ({"auth": "Berer()"}, "does_not_load | auth = Berer()"),
    "a module that is not there": ({"auth": "__import__('no_such_package').x"}, "needs_module | auth ="),
}


@pytest.mark.parametrize(("changes", "expected"), LOADED.values(), ids=LOADED)
def test_what_shows_when_it_is_loaded_is_found_at_its_line(
    tmp_path: Path, changes: dict[str, str | None], expected: str
) -> None:
    found = asked(tmp_path, **changes)
    assert [text for _, text, _ in found if text.startswith(expected)], found


def test_a_page_pointer_without_its_slash_is_told_with_its_line_and_its_mending(tmp_path: Path) -> None:
    catalogue = "await http.pages('c', items='/rows', next=ByNumber(last='pages'), of=dict)"
    ((_, text, values),) = [one for one in asked(tmp_path, catalogue=catalogue) if "breaks_on" in one[1]]
    assert text.startswith("breaks_on | return await http.pages(")
    assert values["error"] == "bad_pointer"
    told = Finding("adapter.py", 1, "breaks_on", values).text("en")
    assert 'Write `"/last_page"`' in told


def test_a_class_whose_methods_stand_at_the_margin_is_told_that_they_are_there(tmp_path: Path) -> None:
    more = "\nasync def identify(self, http):\n    pass"
    ((_, _, values),) = [one for one in asked(tmp_path, more, identify=None) if one[1].startswith("contract")]
    assert "does not write identify: every adapter needs them; identify at line 20 stands in the file" in values["what"]


def test_a_misspelt_operation_is_named_with_the_right_spelling(tmp_path: Path) -> None:
    more = "    async def get_bookings(self, http):\n        pass"
    ((_, text, values),) = asked(tmp_path, more)
    assert text == "contract | async def get_bookings(self, http):"
    assert "did you mean `get_booking`?" in values["what"]


def test_a_method_that_can_not_be_called_as_the_contract_does_is_refused_by_the_loader_too(tmp_path: Path) -> None:
    more = "    async def get_booking(self, http):\n        pass"
    ((_, text, values),) = asked(tmp_path, more)
    assert text == "contract | async def get_booking(self, http):"
    assert "async def get_booking(self, http, booking)" in values["what"]


# ---- the command


def test_a_new_project_lacks_exactly_what_is_to_be_written(project: Path) -> None:
    done = run("check", "my-system", code=ExitCode.NO)
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    source = (project / "src" / "kobling_my_system" / "adapter.py").read_text("utf-8").splitlines()
    for line, operation in zip(lines, ("catalogue", "list_slots", "book", "cancel", "list_bookings"), strict=True):
        place, number, told = line.split(":", 2)
        assert place == "my-system/src/kobling_my_system/adapter.py"
        assert f"async def {operation}(" in source[int(number) - 1]
        assert told.endswith(f"[kobling about how-to/start-an-adapter#{operation}]")
    assert "5 findings in my-system, of which 5 still to be written." in done.stderr


def test_a_project_is_named_also_where_the_path_is_this_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert "5 findings in my-system, of" in run("check", ".", code=ExitCode.NO).stderr


def test_types_are_looked_at_where_mypy_alone_looks(project: Path) -> None:
    wrong = "number: int = 'text'\n"
    for file in ("src/kobling_my_system/adapter.py", "src/my_system_mock/__init__.py", "tests/test_adapter.py"):
        with (project / file).open("a", encoding="utf-8") as source:
            source.write(wrong)
    mypy = [sys.executable, "-m", "mypy", "--no-error-summary"]
    alone = subprocess.run(mypy, cwd=project, capture_output=True, text=True, check=False).stdout.splitlines()
    found = [one for one in look(project, types=True).findings if one.code == "type"]
    assert sorted(f"{one.file}:{one.line}: error: {one.values['what']}" for one in found) == sorted(alone)
    assert len(found) == 3
    changed(project / "pyproject.toml", "strict = true", "strict = false")
    files = [one.file for one in look(project, types=True).findings if one.code == "type"]
    assert files == ["src/kobling_my_system/adapter.py", "src/my_system_mock/__init__.py"]


@pytest.mark.parametrize(
    ("old", "new"),
    [('files = ["src", "tests"]', 'files = ["nowhere"]'), ("pydantic.mypy", "nowhere.mypy")],
)
def test_where_mypy_does_not_look_nothing_is_called_right(project: Path, old: str, new: str) -> None:
    changed(project / "pyproject.toml", old, new)
    (one,) = [one for one in look(project, types=True).findings if one.code != "not_written"]
    assert one.file == "pyproject.toml"
    assert "nowhere" in one.values["what"]


def test_the_same_is_told_to_a_machine_and_of_the_file_alone(project: Path) -> None:
    adapter = project / "src" / "kobling_my_system" / "adapter.py"
    told = json.loads(run("check", str(adapter), "--json", code=ExitCode.NO).stdout)
    assert told["adapters"] == ["my-system"]
    assert [one["code"] for one in told["findings"]] == ["not_written"] * 5
    assert set(told["findings"][0]["text"]) == {"nb", "en"}


def test_a_file_that_python_can_not_read_is_one_finding_and_nothing_is_loaded(project: Path) -> None:
    line = changed(project / "src" / "kobling_my_system" / "adapter.py", "auth = Bearer()", "auth = = Bearer()")
    (one,) = look(project).findings
    assert (one.code, one.line) == ("syntax", line)
    (project / "pyproject.toml").write_text("[project\n", "utf-8")
    (one,) = look(project).findings
    assert (one.code, one.file, one.line) == ("not_toml", "pyproject.toml", 1)


def test_what_ends_or_holds_up_the_process_is_told_without_a_traceback(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = project / "src" / "kobling_my_system" / "__init__.py"
    package.write_text("import os\nos._exit(3)\n", "utf-8")
    assert [one.code for one in look(project).findings] == ["ends_the_process"]
    package.write_text("while True:\n    pass\n", "utf-8")
    monkeypatch.setattr(inspected, "SECONDS", 3)
    assert "never_ends" in [one.code for one in look(project).findings]


def test_the_code_sees_no_secret_of_the_environment_and_writes_nothing_between_the_lines(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOBLING_API_KEY", "hemmelig-nøkkel")
    package = project / "src" / "kobling_my_system" / "__init__.py"
    spy = 'import os, sys\nsys.stdout.write("noise")\nraise RuntimeError(sorted(os.environ))\n'
    package.write_text(f"{package.read_text('utf-8')}\n{spy}", "utf-8")
    findings = look(project).findings
    (what,) = [one.values["what"] for one in findings if one.code == "does_not_load"]
    assert "PATH" in what
    assert "KOBLING" not in what
    assert "USER" not in what


def test_a_mock_under_another_key_and_a_project_without_an_entry_point_are_found(project: Path) -> None:
    changed(project / "src" / "my_system_mock" / "__init__.py", 'key = "my-system"', 'key = "other"')
    (one,) = [one for one in look(project).findings if one.code != "not_written"]
    assert (one.code, one.file, one.values["key"]) == ("mock_without_key", "src/my_system_mock/__init__.py", "other")
    line = changed(project / "pyproject.toml", '"my_system_mock:dialect"', '"my_system_mock:nothing"')
    (one,) = [one for one in look(project).findings if one.code != "not_written"]
    assert (one.code, one.line) == ("mock_does_not_load", line)
    changed(project / "pyproject.toml", "[project.entry-points.kobling]", "[project.entry-points.koblings]")
    (one,) = look(project).findings
    assert one.code == "no_entry_point"
    assert 'my_system = "kobling_my_system"' in one.text("en")


def test_an_adapter_without_a_mock_is_told_its_key(project: Path) -> None:
    changed(project / "src" / "kobling_my_system" / "adapter.py", 'key = "my-system"', 'key = "zz"')
    told = run("check", "my-system", code=ExitCode.NO).stdout
    assert "The mock's key is my-system, and the project's adapters are zz" in told
    changed(project / "pyproject.toml", "[project.entry-points.kobling_mocks]", "[project.entry-points.other]")
    assert "There is no mock of zz" in run("check", "my-system", code=ExitCode.NO).stdout


def test_a_hook_that_returns_no_adapter_is_found_at_its_entry_point(project: Path) -> None:
    changed(project / "src" / "kobling_my_system" / "__init__.py", "return [", "return []  # [")
    told = [one.text("en") for one in look(project).findings]
    assert "kobling_adapters() returned an empty list: return a list of adapter classes, as [MySystem]." in told


def test_another_path_is_a_wrong_command_line(tmp_path: Path) -> None:
    assert "code no_project" in run("check", str(tmp_path), code=ExitCode.USAGE).stderr


def test_where_the_mock_kit_is_not_installed_nothing_is_said_of_mocks(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = Probe(ROOT)
    probe.keys["nobody"] = ("adapter.py", 1, "", {})
    assert [code for _, _, code, _ in probe.without_dialect()] == ["no_mock"]
    monkeypatch.setitem(sys.modules, "kobling_mocks", None)
    assert list(probe.without_dialect()) == []
    assert list(probe.dialect("nowhere:dialect", ("pyproject.toml", 1, "", {}))) == []


@pytest.mark.parametrize("name", ["eg_pasientsky", "extensor", "easypractice"])
def test_nothing_is_wrong_with_our_own_adapters(name: str) -> None:
    root = ROOT / "plugins" / name
    probe = Probe(root)
    assert list(probe.entry_point(name, f"kobling_{name}", ("pyproject.toml", 0, "", {}))) == []
    assert list(probe.keys) == [name.replace("_", "-")]
    sources = list(root.glob("src/**/*.py"))
    assert sources
    for path in sources:
        assert list(remarks(ast.parse(path.read_text("utf-8")))) == [], path


def test_every_finding_has_its_words_and_a_page_that_exists() -> None:
    for lang in LANGUAGES:
        assert set(words(lang)["finding"]) == set(PAGES)
    for page in PAGES.values():
        assert find(page), page
    start = (ROOT / "docs" / "how-to" / "start-an-adapter.md").read_text("utf-8")
    for operation in ("catalogue", "list_slots", "book", "cancel", "list_bookings"):
        assert f"\n### `{operation}`\n" in start
