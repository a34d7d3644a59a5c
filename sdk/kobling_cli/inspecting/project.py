"""What is looked at: a project's folder, or one adapter file. It need not be installed."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ..problems import Problem
from .findings import Finding
from .source import remarks

__all__ = ["Looked", "look"]

SECONDS: Final = 20
"""How long loading and asking an adapter may take."""
HARMLESS: Final = frozenset(
    {
        "PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP",
        "SYSTEMROOT",
    }
)  # fmt: skip
"""What of the environment an adapter's code gets to see: nothing else, since a key may stand anywhere."""
MOST_FILES: Final = 500


@dataclass
class Looked:
    """What was found. root: the folder that the findings' files are told from. keys: of the adapters that could be
    loaded."""

    root: Path
    findings: list[Finding] = field(default_factory=list)
    keys: tuple[str, ...] = ()


@dataclass
class _Order:
    """What is to be loaded, and where from. sources: the adapter's own files, to be read."""

    root: Path
    roots: list[Path]
    sources: list[Path] = field(default_factory=list)
    entry_points: list[tuple[str, str, str, int]] = field(default_factory=list)
    modules: list[tuple[str, str]] = field(default_factory=list)
    dialects: list[tuple[str, str, int]] = field(default_factory=list)

    def shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name


def look(path: Path, *, types: bool = False) -> Looked:
    """Look at a project's folder or an adapter's file. types: with mypy too. Raises `Problem` for any other path."""
    path = path.resolve()
    if path.is_file() and path.suffix == ".py":
        order = _of_a_file(path)
        found = Looked(order.root)
    elif (path / "pyproject.toml").is_file():
        found = Looked(path)
        order = _of_a_project(path, found)
    else:
        raise Problem("no_project", path=str(path))
    if types and find_spec("mypy") is None:
        raise Problem("no_mypy")
    readable = [_read(order, source, found) for source in order.sources]
    if all(readable) and (order.entry_points or order.modules):
        _probe(order, found)
        if types:
            found.findings += _types(order)
    found.findings = sorted(set(found.findings))
    return found


def _of_a_file(path: Path) -> _Order:
    top = path.parent
    parts = [path.stem] if path.stem != "__init__" else []
    while (top / "__init__.py").is_file():
        parts.insert(0, top.name)
        top = top.parent
    root = next((one for one in path.parents if (one / "pyproject.toml").is_file()), top)
    order = _Order(root, [top], [path])
    order.modules.append((".".join(parts), order.shown(path)))
    return order


def _of_a_project(root: Path, found: Looked) -> _Order:
    order = _Order(root, [one for one in (root / "src", root) if one.is_dir()])
    text = (root / "pyproject.toml").read_text("utf-8", "replace")
    lines = text.splitlines()
    try:
        groups = tomllib.loads(text).get("project", {}).get("entry-points", {})
    except tomllib.TOMLDecodeError as problem:
        line = re.search(r"line (\d+)", str(problem))
        found.findings.append(
            Finding("pyproject.toml", int(line[1]) if line else 0, "not_toml", {"what": str(problem)})
        )
        return order

    def line_of(value: str) -> int:
        return next((number for number, one in enumerate(lines, 1) if f'"{value}"' in one or f"'{value}'" in one), 0)

    for name, value in _texts(groups, "kobling"):
        order.entry_points.append((name, value, "pyproject.toml", line_of(value)))
        order.sources += _sources(order.roots, value.partition(":")[0])
    order.dialects += [(value, "pyproject.toml", line_of(value)) for _, value in _texts(groups, "kobling_mocks")]
    if not order.entry_points:
        name = re.sub(r"^kobling[-_]", "", root.name).replace("-", "_")
        found.findings.append(Finding("pyproject.toml", 0, "no_entry_point", {"name": name}))
    return order


def _texts(groups: Any, group: str) -> Iterator[tuple[str, str]]:
    """The entry points of a group, as far as they are what they should be."""
    table = groups.get(group, {}) if isinstance(groups, Mapping) else {}
    rows = table.items() if isinstance(table, Mapping) else ()
    yield from ((name, value) for name, value in rows if isinstance(value, str))


def _sources(roots: list[Path], module: str) -> list[Path]:
    """The files of the package, or of the module, that an entry point names."""
    for root in roots:
        place = root.joinpath(*module.split("."))
        if place.is_dir():
            return sorted(place.rglob("*.py"))[:MOST_FILES]
        if place.with_suffix(".py").is_file():
            return [place.with_suffix(".py")]
    return []


def _read(order: _Order, path: Path, found: Looked) -> bool:
    """Read a file for what it says by itself; False when Python can't."""
    shown = order.shown(path)
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError) as problem:
        what = problem.msg if isinstance(problem, SyntaxError) else str(problem)
        line = problem.lineno if isinstance(problem, SyntaxError) else None
        found.findings.append(Finding(shown, line or 0, "syntax", {"what": what}))
        return False
    found.findings += [Finding(shown, line, code, values) for line, code, values in remarks(tree)]
    return True


def _probe(order: _Order, found: Looked) -> None:
    """Load the adapter in a process of its own."""
    told = json.dumps(
        {
            "root": str(order.root),
            "entry_points": order.entry_points,
            "modules": order.modules,
            "dialects": order.dialects,
        }
    )
    ways = [*map(str, order.roots), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {name: value for name, value in os.environ.items() if name.upper() in HARMLESS}
    env["PYTHONPATH"] = os.pathsep.join(ways)
    first = order.entry_points[0][2] if order.entry_points else order.modules[0][1]
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-X", "utf8", "-W", "ignore", "-m", "kobling_cli.inspecting.probe"],
            input=told, env=env, cwd=order.root, capture_output=True, text=True, encoding="utf-8", timeout=SECONDS,
            check=False,
        )  # fmt: skip
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        found.findings.append(Finding(first, 0, "never_ends", {"seconds": str(SECONDS)}))
        return
    except ValueError:  # it ended the process past every `except`
        modules = [value.partition(":")[0] for _, value, _, _ in order.entry_points] + [
            name for name, _ in order.modules
        ]
        found.findings.append(Finding(first, 0, "ends_the_process", {"module": ", ".join(modules)}))
        return
    found.findings += [Finding(file, line, code, values) for file, line, code, values in answer["rows"]]
    found.keys = tuple(answer["keys"])


def _types(order: _Order) -> Iterator[Finding]:
    """What mypy says. Where the project's own settings are strict and list its files, it is asked as `mypy` alone is in
    that folder: the two say the same, and what it remembers of earlier runs serves here too."""
    own = _mypy_settings(order.root)
    strict = own.get("strict") is True
    asked = [] if strict else ["--strict", "--enable-error-code", "unused-awaitable"]
    if not (strict and own.get("files") and order.entry_points):
        mocks = (file for value, _, _ in order.dialects for file in _sources(order.roots, value.partition(":")[0]))
        asked += map(order.shown, dict.fromkeys([*order.sources, *mocks]))
    command = [
        sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", "--show-error-codes",
        "--no-color-output", *asked,
    ]  # fmt: skip
    ways = os.pathsep.join(map(str, order.roots))
    env = {**os.environ, "MYPYPATH": ways}
    done = subprocess.run(command, cwd=order.root, env=env, capture_output=True, text=True, check=False)
    told = [*done.stdout.splitlines(), *done.stderr.splitlines()]  # about its settings it speaks on stderr
    rows = [row for row in (re.fullmatch(r"(.+?):(\d+): error: (.*)", line) for line in told) if row]
    for row in rows:
        path = Path(order.root, row[1]).resolve()
        yield Finding(order.shown(path), int(row[2]), "type", {"what": row[3]})
    if done.returncode > 1 and not rows:  # it looked at nothing
        yield Finding("pyproject.toml", 0, "no_types", {"what": next(filter(None, map(str.strip, told)), "mypy")})


def _mypy_settings(root: Path) -> Mapping[str, Any]:
    try:
        settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("tool", {}).get("mypy", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return settings if isinstance(settings, Mapping) else {}
