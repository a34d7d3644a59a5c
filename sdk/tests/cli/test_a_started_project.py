"""A project that `kobling new` made, outside of this repository: its README's command runs, and is red in exactly the
places to fill."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from .outside import ROOT, Environment, take_the_tree, with_a_wheel

PAGE = (ROOT / "docs" / "how-to" / "start-an-adapter.md").read_text("utf-8")
RED = ("catalogue", "list_slots", "book", "cancel", "list_bookings")


def started(environment: Environment, folder: Path, *answers: str) -> Path:
    """A new project, by the environment's own `kobling`."""
    given = shlex.join(["new", "my-system", "--defaults", *answers])
    environment.run(f"python -m kobling_cli {given}", folder)
    return folder / "my-system"


def command_of(project: Path) -> str:
    """The one command of the project's README."""
    (command,) = re.findall(r"```sh\n(python .*)\n```", (project / "README.md").read_text("utf-8"))
    assert command in PAGE
    return command


def red_places(told: str) -> list[str]:
    return re.findall(r"^(\w+) is not written yet \(adapter\.py:\d+\); \d+ rules? waits? for it\.", told, re.MULTILINE)


def test_from_a_wheel_and_from_the_tree_it_installs_runs_and_is_red_in_exactly_the_places_to_fill(
    tmp_path: Path,
) -> None:
    environment = with_a_wheel(tmp_path / "environment")
    project = started(environment, tmp_path)
    told = environment.run(command_of(project), project, code=1)
    assert tuple(red_places(told)) == RED
    assert re.search(r"^5 failed, \d+ passed, \d+ skipped", told, re.MULTILINE), told
    assert f"my-system: NOT CONFORMANT; not written yet: {', '.join(RED)}" in told
    assert "Traceback" not in told
    assert "my-system" in environment.run("kobling vendors --lang en", project)
    assert str(ROOT) not in environment.run(WHERE, project)
    assert "Success: no issues found" in environment.run("python -m mypy", project)

    adapter = project / "src" / "kobling_my_system" / "adapter.py"
    written = adapter.read_text("utf-8")
    adapter.write_text(written.replace('key = "my-system"', "key: int = 7"), "utf-8")
    told = environment.run("kobling check . --types --lang en", project, code=1)
    assert re.search(r"adapter\.py:\d+: MySystem\.key is of type int", told), told
    assert re.search(r"adapter\.py:\d+: .*\[misc\]", told), told
    adapter.write_text(written, "utf-8")

    take_the_tree(environment)
    assert str(ROOT) in environment.run(WHERE, project)
    told = environment.run("python -m pytest", project, code=1)
    assert tuple(red_places(told)) == RED


WHERE = "python -c 'import kobling; print(kobling.__file__)'"
