"""The tutorial's project after each step: what `kobling new` makes, and the pages' code put where the pages say.

    python docs/_ext/tutorial_steps.py    # run all that the pages say, and keep what comes out in docs/tutorial/output

The pages show these files, `sdk/tests/test_the_tutorial.py` holds them against what comes out today.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TUTORIAL: Final = Path(__file__).parents[1] / "tutorial"
STEPS: Final = TUTORIAL / "steps"
OUTPUT: Final = TUTORIAL / "output"
ADAPTER: Final = "src/kobling_fjellvik/adapter.py"
MOCK: Final = "src/fjellvik_mock/__init__.py"
NEW: Final = 'kobling new fjellvik --defaults --data "name=Fjellvik Journal"'
SHOWN: Final = {"KOBLING_LANG": "en", "NO_COLOR": "1", "COLUMNS": "100"}
KOBLING: Final = (sys.executable, "-m", "kobling_cli")
_MARK: Final = re.compile(r"^ *# \[[a-z-]+\]\n", re.MULTILINE)


@dataclass(frozen=True)
class Told:
    """A command of the pages: the file that keeps what it prints, and the exit code that it ends with. long: it takes a
    core as long as all others together."""

    name: str
    command: str
    code: int = 0
    long: bool = False


@dataclass(frozen=True)
class Step:
    """What a page has its reader do. merged: the file whose code goes into the adapter, "" for none. whole: files that
    are put there as they are, by their places. served: at last the mock is served, and what it prints is pasted into
    another terminal, whose output is kept by this name. broken: the adapter is as before when the commands have run."""

    merged: str
    told: tuple[Told, ...]
    whole: Mapping[str, str] = field(default_factory=dict)
    served: str = ""
    broken: bool = False


BOOKING: Final = "kobling certify fjellvik --rule BOOK-01 --rule BOOK-05 --rule BOOK-07 --rule BOOK-14 --rule CNCL-04"
WALK: Final = (
    Step("", (Told("first-green", "python -m pytest tests/test_adapter.py"),)),
    Step(
        "",
        (Told("mock-calls", "kobling mock calls fjellvik"), Told("begin", "kobling check .", 1)),
        {MOCK: "mock.py"},
    ),
    Step(
        "sign_in.py",
        (Told("sign-in", "python -m pytest tests/test_adapter.py"), Told("sign-in-form", "kobling form fjellvik")),
        {"tests/test_adapter.py": "sign_in_test.py"},
    ),
    Step("catalogue.py", (Told("catalogue", "kobling certify fjellvik --rule CAT", 1),)),
    Step(
        "slots.py",
        (
            Told("slots-unit", "python -m pytest tests/test_slots.py"),
            Told("slots", "kobling certify fjellvik --rule SLOT-01 --rule SLOT-05 --rule SLOT-12 --rule SLOT-13"),
        ),
        {"tests/test_slots.py": "slots_test.py"},
        served="slots-test",
    ),
    Step(
        "booking.py",
        (Told("booking-unit", "python -m pytest tests/test_booking.py"), Told("booking", BOOKING, 1)),
        {"tests/test_booking.py": "booking_test.py"},
    ),
    Step(
        "errors.py",
        (
            Told("errors", BOOKING),
            Told("conformant", "kobling certify fjellvik --html report.html", long=True),
        ),
    ),
    Step("break_utc.py", (Told("break-utc", "kobling certify fjellvik --rule SLOT-01", 1),), broken=True),
    Step("break_pages.py", (Told("break-pages", "kobling certify fjellvik --rule PAGE-01", 1),), broken=True),
    Step("break_cancel.py", (Told("break-cancel", "kobling certify fjellvik --rule CNCL-05", 1),), broken=True),
    Step("break_again.py", (Told("break-again", "kobling certify fjellvik --rule BOOK-08"),), broken=True),
)


class Project:
    """The reader's project in a folder of its own, with the environment in which its commands run."""

    def __init__(self, folder: Path) -> None:
        self.above = folder
        self.folder = folder / "fjellvik"

    def begin(self) -> str:
        """What `kobling new` prints. The project is then installed: its sources and entry points are found."""
        told = self._run(Told("new", NEW), NEW, self.above)
        info = self.above / "installed" / "kobling_fjellvik-0.1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kobling-fjellvik\nVersion: 0.1.0\n", "utf-8")
        points = "[kobling]\nfjellvik = kobling_fjellvik\n[kobling_mocks]\nfjellvik = fjellvik_mock:dialect\n"
        (info / "entry_points.txt").write_text(points, "utf-8")
        return told

    def take(self, step: Step) -> None:
        """Do with the files what the step's page says."""
        for place, source in step.whole.items():
            (self.folder / place).write_text(plain((STEPS / source).read_text("utf-8")), "utf-8")
        if step.merged:
            adapter = self.folder / ADAPTER
            more = plain((STEPS / step.merged).read_text("utf-8"))
            adapter.write_text(merged(adapter.read_text("utf-8"), more), "utf-8")
        for command in ("check --quiet --fix .", "format --quiet ."):
            subprocess.run([sys.executable, "-m", "ruff", *command.split()], cwd=self.folder, check=True)

    def run(self, told: Told) -> str:
        """The command and what it prints, without what differs from one run to the next."""
        return self._run(told, told.command)

    def served(self, name: str) -> Iterator[tuple[str, str]]:
        """What `kobling mock serve` prints, and what comes of pasting it into another terminal."""
        command = "kobling mock serve fjellvik"
        words = [*KOBLING, *command.split()[1:], "--port", "0"]
        env = self._env | {"PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(words, cwd=self.folder, env=env, stdout=subprocess.PIPE, text=True) as server:
            try:
                said = _said_at_its_start(server)
                to_paste = [
                    line.strip() for line in said.splitlines() if line.lstrip().startswith(("export ", "kobling "))
                ]
                printed = self._run(Told(name, "\n".join(to_paste)), "\n".join(to_paste))
            finally:
                server.terminate()
        (origin,) = set(re.findall(r"--origin (\S+)", said))
        yield "serve", f"$ {command}\n{said}".replace(origin, "http://127.0.0.1:8901")
        yield name, printed.replace(origin, "http://127.0.0.1:8901")

    @property
    def _env(self) -> dict[str, str]:
        path = os.pathsep.join(str(one) for one in (self.folder / "src", self.above / "installed"))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**inherited, "PYTHONPATH": path, "PATH": scripts, **SHOWN}

    def _run(self, told: Told, command: str, where: Path | None = None) -> str:
        done = subprocess.run(
            command, shell=True, cwd=where or self.folder, env=self._env, capture_output=True, text=True, check=False,
            preexec_fn=_on_one_core,
        )  # fmt: skip
        printed = done.stdout + done.stderr
        assert done.returncode == told.code, f"{command} ended with {done.returncode}:\n{printed}"
        typed = "".join(f"$ {line}\n" for line in command.splitlines())
        return f"{typed}{settled(printed)}"


def _on_one_core() -> None:
    """The same is printed, and no processes are started whose beginning costs more than the few rules."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


def _said_at_its_start(server: subprocess.Popen[str]) -> str:
    """What a server prints before it waits."""
    lines: list[str] = []
    for line in server.stdout or ():
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    return "".join(lines)


def plain(source: str) -> str:
    """A file of `steps` as the reader writes it: without the marks by which the pages show parts of it."""
    return _MARK.sub("", source)


def settled(printed: str) -> str:
    """Times taken are as many signs of a dot."""
    return re.sub(r"in [0-9.]+s( \([0-9:]+\))?", "in … s", printed).rstrip() + "\n"


def merged(text: str, more: str) -> str:
    """An adapter's module with a page's code in it: imports join the imports; a definition takes the place of the one
    with its name, or a new one stands above the adapter's class, or at the end of the class; a value above its
    methods."""
    tree = ast.parse(more)
    for inside, node in _definitions(tree):
        first, last = _span(more, node)
        value = inside and isinstance(node, ast.Assign)
        text = _placed(text, inside, _name(node), more.splitlines()[first:last], value=value)
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    begin = next(node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom) and node.module == "kobling")
    return _with_lines(text, begin.lineno - 1, begin.lineno - 1, imports)


def place(text: str, part: str) -> str:
    """Where a part of a page's code goes in an adapter's module, as its page says above it."""
    inside = part.startswith(" ")
    nodes = ast.parse(f"class Fjellvik(Adapter):\n{part}" if inside else part).body
    if all(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes):
        return "To the imports"
    named = [_name(node) for node in (nodes[0].body if isinstance(nodes[0], ast.ClassDef) and inside else nodes)]
    there = {_name(node) for where, node in _definitions(ast.parse(text)) if where == inside}
    replaced = " and ".join(f"`{name}`" for name in named if name in there)
    if not replaced and inside:
        values = isinstance(nodes[0], ast.ClassDef) and all(isinstance(node, ast.Assign) for node in nodes[0].body)
        return f"{'Above the methods of' if values else 'At the end of'} `class Fjellvik`"
    if not replaced:
        return "Above `class Fjellvik`"
    assert there.issuperset(named), f"a part replaces {replaced}, and holds more"
    return f"{'In' if inside else 'Above'} `class Fjellvik`, in place of {replaced}"


def imported(text: str) -> set[str]:
    """The names that a module imports."""
    nodes = (node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom))
    return {one.name for node in nodes for one in node.names}


def _placed(text: str, inside: bool, name: str, block: list[str], *, value: bool) -> str:
    tree = ast.parse(text)
    for where, node in _definitions(tree):
        if (where, _name(node)) == (inside, name):
            return _with_lines(text, *_span(text, node), block)
    adapter = _adapter_class(tree)
    if value:
        method = next(node for node in adapter.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        at, _ = _span(text, method)
        return _with_lines(text, at, at, [*block, ""])
    at = adapter.end_lineno or 0 if inside else adapter.lineno - 1
    return _with_lines(text, at, at, ["", *block] if inside else [*block, ""])


def _with_lines(text: str, first: int, last: int, block: list[str]) -> str:
    lines = text.splitlines()
    lines[first:last] = block
    return "\n".join(lines) + "\n"


def _adapter_class(tree: ast.Module) -> ast.ClassDef:
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return next(node for node in classes if [ast.unparse(base) for base in node.bases] == ["Adapter"])


def _definitions(tree: ast.Module) -> Iterator[tuple[bool, ast.stmt]]:
    """What has a name in the adapter's class (True) and beside it (False)."""
    adapter = _adapter_class(tree)
    yield from ((False, node) for node in tree.body if _name(node) and node is not adapter)
    yield from ((True, node) for node in adapter.body if _name(node))


def _name(node: ast.stmt) -> str:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""


def _span(source: str, node: ast.stmt) -> tuple[int, int]:
    """Its first line, from 0, and the one after it, with the comment above it and a constant's docstring below."""
    lines = source.splitlines()
    first, last = node.lineno - 1, node.end_lineno or node.lineno
    while first and lines[first - 1].strip().startswith("#"):
        first -= 1
    if isinstance(node, ast.Assign | ast.AnnAssign) and last < len(lines) and lines[last].startswith('"""'):
        last += 1
    return first, last


def walked(folder: Path, *, whole: bool = True) -> Iterator[tuple[str, str]]:
    """Every file of `output` by its name, as walking through all steps in a folder makes it. whole: the long too."""
    project = Project(folder)
    adapter = project.folder / ADAPTER
    yield "new.txt", project.begin()
    for step in WALK:
        before = adapter.read_text("utf-8")
        project.take(step)
        for told in step.told:
            if told.long and not whole:
                continue
            yield f"{told.name}.txt", project.run(told)
        if step.served:
            yield from ((f"{name}.txt", text) for name, text in project.served(step.served))
        if step.broken:
            adapter.write_text(before, "utf-8")
    yield "adapter.py", adapter.read_text("utf-8")
    yield "mock.py", (project.folder / MOCK).read_text("utf-8")


def main() -> None:
    """Write every file of `output` anew, and say what each cost."""
    kept = set()
    OUTPUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        before = 0.0
        for name, text in walked(Path(folder)):
            (OUTPUT / name).write_text(text, "utf-8")
            kept.add(name)
            spent = sum(os.times()[2:4])  # by commands that have ended
            sys.stderr.write(f"{name}: {spent - before:.1f} s of a core\n")
            before = spent
    for path in OUTPUT.iterdir():
        if path.name not in kept:
            path.unlink()


if __name__ == "__main__":
    main()
