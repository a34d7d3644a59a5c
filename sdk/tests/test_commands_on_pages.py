"""The command lines on the pages are true: each is one that `kobling` takes, and those of the how-to pages are run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click import Context
from typer.main import get_command
from typer.testing import CliRunner

from kobling_cli.app import app
from kobling_contract.live import variable
from kobling_mocks import Mock
from kobling_mocks.clinic import Clock, demo_clinic

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
PAGES = [ROOT / "README.md", *(one for one in sorted((ROOT / "docs").glob("**/*.md")) if one.parent.name != "rules")]
_BLOCK = re.compile(r"^```(?:text|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^(?: *reproduce: )?(?:\.venv/bin/)?((?:kobling|pytest) .+)$", re.MULTILINE)

THEIR_OWN = {"mysystem": "extensor", "my-system": "extensor"}
"""A page's reader has a system; here it is one that is installed."""
SHORTER = {
    "certify": ("--rule", "WIRE-04"),
    "record": ("--rule", "WIRE-04"),
    "fuzz": ("--cases", "20"),
}
"""What keeps a command short."""
ENDS = {"verify-certificate": 1}
"""Exit codes other than 0, with one rule instead of all: such a certificate is genuine, and not complete."""
FOR_EVER = ("mock", "serve")
"""Runs until somebody stops it; `mock_vendors/tests` try it."""


WALKED = "start-an-adapter"
"""Makes and installs a project; `test_a_started_project.py` walks this page in an environment of its own."""


def commands(page: Path) -> list[list[str]]:
    """The words of each command line in a page's blocks."""
    blocks = _BLOCK.findall(page.read_text("utf-8"))
    return [shlex.split(line, comments=True) for block in blocks for line in _COMMAND.findall(block)]


@pytest.mark.parametrize(
    ("page", "words"),
    [(page, words) for page in PAGES for words in commands(page)],
    ids=lambda one: getattr(one, "stem", None) or " ".join(one),
)
def test_every_command_line_on_a_page_is_one_that_kobling_takes(page: Path, words: list[str]) -> None:
    """Placeholders stand in capitals, or are files that nobody opens here."""
    program, *words = words
    if program == "pytest":
        return  # run below
    command = get_command(app)
    while hasattr(command, "commands"):
        assert words, f"{page.name} names a group without a command"
        assert words[0] in command.commands, f"{page.name}: there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    command.make_parser(Context(command)).parse_args(words)  # raises for an option or argument that is not there


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """A mock that plays the reader's sandbox, named in the environment as the page says."""
    mock = Mock("extensor", demo_clinic(Clock(datetime.now(UTC)), weeks=3))
    with mock.serve() as server:
        facts = {
            **mock.connection,
            "origin": server.url,
            "options": json.dumps(mock.options),
            "sandbox_host": "127.0.0.1",
        }
        for name, value in facts.items():
            if value:
                monkeypatch.setenv(variable("extensor", name), value)
        yield mock


def _briefly(words: list[str]) -> list[str]:
    """A command's words without the seconds that it is to take."""
    where = words.index("--seconds") if "--seconds" in words else len(words)
    return words[:where] + words[where + 2 :]


RUN_HERE = [one for one in sorted(HOW_TO.glob("*.md")) if commands(one) and one.stem != WALKED]


@pytest.mark.parametrize("page", RUN_HERE, ids=lambda page: page.stem)
def test_the_commands_of_a_how_to_page_run_one_after_the_other(
    page: Path, sandbox: Mock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secrets.txt").write_text(f"{sandbox.connection['api_key']}\n", "utf-8")
    for program, *words in commands(page):
        told = [THEIR_OWN.get(word, word) for word in words]
        if program == "pytest":
            line = [sys.executable, "-m", "pytest", "-q", "-k", "WIRE-04", *told]
            by_pytest = subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)
            assert by_pytest.returncode == 0, by_pytest.stdout
            continue
        if tuple(told[:2]) == FOR_EVER:
            continue
        narrowed = () if "--case" in told else SHORTER.get(told[0], ())
        ended = CliRunner().invoke(app, [*_briefly(told), *narrowed, "--lang", "en"])
        assert ended.exit_code == ENDS.get(told[0], 0), f"kobling {shlex.join(told)}\n{ended.output}"
