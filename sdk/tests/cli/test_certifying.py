"""`kobling certify` and what checks its certificate: files, keys, waivers, pipes, and Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kobling_cli.app import app
from kobling_cli.exit_codes import ExitCode
from kobling_cli.wording import LANGUAGES, words
from kobling_contract.checking import DOUBTS, RERUNS
from kobling_contract.contract import RULES
from kobling_contract.headline import ENGLISH
from kobling_contract.target import PLACES
from kobling_contract.waivers import TEXTS

CERTIFY = ("certify", "eg-pasientsky", "--lang", "en", "--jobs", "1")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KOBLING_SIGN_KEY", raising=False)
    return tmp_path


def run(*arguments: str, **env: str) -> Any:
    done = CliRunner().invoke(app, list(arguments), env=env)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_every_file_is_written_and_the_terminal_says_where(folder: Path) -> None:
    files = ("--html", "r.html", "--junit", "r.xml", "--json", "r.json", "--certificate", "c.json")
    done = run(*CERTIFY, "--rule", "CAT-01", "--durations", "1", *files)
    assert done.exit_code == ExitCode.SUCCESS
    assert "eg-pasientsky: CONFORMANT in the one rule that was chosen" in done.stdout
    assert "CPU seconds" in done.stdout
    assert "not signed" in done.stderr
    for name in ("r.html", "r.xml", "r.json", "c.json"):
        assert name in done.stderr
        assert (folder / name).stat().st_size > 200
    assert json.loads((folder / "r.json").read_text("utf-8"))["results"][0]["cpu_seconds"] > 0


def test_the_headline_is_in_the_language_that_was_asked_for() -> None:
    rule = ("--rule", "BOOK-09", "--certificate", "c.json")
    told = run("certify", "eg-pasientsky", "--jobs", "1", "--lang", "nb", *rule).stdout.splitlines()[0]
    assert told.startswith("eg-pasientsky: BESTÅTT for den ene regelen som ble valgt, av ")
    assert told.endswith("; tapte svar må avklares av et menneske: leverandøren kan ikke spørres")
    run("make-signing-key", "k.pem")
    checked = run("verify-certificate", "c.json", "--public-key", "k.pem.pub", "--lang", "nb").stdout
    assert "eg-pasientsky: BESTÅTT for den ene regelen som ble valgt, som ikke var alle; tapte svar" in checked
    assert words("en")["headline"] == ENGLISH


def test_a_waived_rule_stands_in_the_first_line_and_in_what_is_checked(folder: Path) -> None:
    until = date.today() + timedelta(days=30)
    waiver = f'[[waiver]]\nrule = "CAT-02"\nreason = "later"\nuntil = {until}\n'
    (folder / "w.toml").write_text(waiver, "utf-8")
    adapter = ("--adapter", "kobling_zoo.eg_pasientsky:NamesInAscii")
    done = run(*CERTIFY, "--rule", "CAT-02", *adapter, "--waivers", "w.toml", "--certificate", "c.json")
    assert done.exit_code == ExitCode.SUCCESS
    assert done.stdout.splitlines()[0].endswith(f"of {len(RULES)}; waived: 1 rule until {until} (CAT-02)")
    run("make-signing-key", "k.pem")
    check = ("verify-certificate", "c.json", "--public-key", "k.pem.pub")
    assert f"; waived: 1 rule until {until} (CAT-02)" in run(*check, "--lang", "en").stdout
    assert f"; unntatt: 1 regel til og med {until} (CAT-02)" in run(*check, "--lang", "nb").stdout


def test_what_does_not_hold_is_told_in_brief_with_what_to_do() -> None:
    done = run(*CERTIFY, "--rule", "CAT-02", "--adapter", "kobling_zoo.eg_pasientsky:NamesInAscii", "--json", "-")
    assert done.exit_code == ExitCode.NO
    assert json.loads(done.stdout)["exit_code"] == 1
    told = run(*CERTIFY, "--rule", "CAT-02", "--adapter", "kobling_zoo.eg_pasientsky:NamesInAscii").stdout
    for part in ("FAIL CAT-02", "wrong", "expected", "got", "look at", "--adapter kobling_zoo", "--html FILE"):
        assert part in told, part
    assert len(told.splitlines()) < 20


def test_of_a_long_difference_three_lines_are_shown_and_the_rest_counted() -> None:
    vendor = ("certify", "easypractice", "--lang", "en", "--jobs", "1")
    adapter = ("--adapter", "kobling_zoo.easypractice:StepsFromTheFullHour")
    lines = [line.strip() for line in run(*vendor, *adapter, "--rule", "SLOT-17").stdout.splitlines()]
    first = next(place for place, line in enumerate(lines) if line.startswith("got "))
    assert lines[first].endswith("275 times told: 157 of the clinic's 321, and 118 that it does not have; 164 missing")
    assert lines[first + 1].startswith("- timebook 1715000024, type 1715000011 (Oppfølging, 30 min), Thu 2026-11-26: ")
    assert lines[first + 2].startswith("- missing in timebook 1715000005, 28 of 185: Mon 2026-11-23 09:10 +01:00")
    assert lines[first + 3] == "… and 4 more lines: --html FILE shows all."


def test_a_key_pair_signs_a_certificate_that_is_checked_and_any_change_is_found(folder: Path) -> None:
    assert run("make-signing-key", "k.pem").exit_code == ExitCode.SUCCESS
    assert stat.S_IMODE((folder / "k.pem").stat().st_mode) == 0o600
    assert run("make-signing-key", "k.pem").exit_code == ExitCode.USAGE
    signed = run(*CERTIFY, "--rule", "CAT-01", "--certificate", "c.json", KOBLING_SIGN_KEY="k.pem")
    assert signed.exit_code == ExitCode.SUCCESS
    assert "not signed" not in signed.stderr
    check = ("verify-certificate", "c.json", "--public-key", "k.pem.pub", "--lang", "en")
    found = run(*check)
    assert found.exit_code == ExitCode.NO  # one rule is not the whole catalogue
    assert "genuine, but something must be run again" in found.stdout
    assert "SLOT-01" in found.stdout
    told = json.loads(run(*check, "--json").stdout)
    assert (told["genuine"], told["conformant"], told["current"], told["doubts"]) == (True, True, False, {})
    path = folder / "c.json"
    genuine = path.read_text("utf-8")
    assert "timebooks" in genuine
    path.write_text(genuine.replace("timebooks", "timebook", 1), "utf-8")
    forged = run(*check)
    assert forged.exit_code == ExitCode.NO
    assert "changed after it was signed" in forged.stdout
    path.write_text("{}", "utf-8")
    assert run(*check).exit_code == ExitCode.NO
    assert run("verify-certificate", "c.json", "--public-key", "k.pem").exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--sign-key", "none.pem", "--certificate", "c.json"), "none.pem"),
        (("--html", "nowhere/r.html"), "nowhere"),
        (("--waivers", "none.toml"), "none.toml"),
        (("--waivers", "old.toml"), "2020-01-31"),
        (("--waivers", "safe.toml"), "safety rule"),
        (("--waivers", "long.toml"), "12 months at most"),
        (("--rule", "CAT", "--rule", "NONE-99"), "no rule or area NONE-99. Areas are CONN, CAT,"),
    ],
)
def test_what_cannot_be_used_is_told_before_anything_is_run(
    folder: Path, arguments: tuple[str, ...], word: str
) -> None:
    row = '[[waiver]]\nrule = "{}"\nreason = "later"\nuntil = {}\n'
    (folder / "old.toml").write_text(row.format("CAT-01", "2020-01-31"), "utf-8")
    (folder / "long.toml").write_text(row.format("CAT-01", "2099-01-31"), "utf-8")
    (folder / "safe.toml").write_text(row.format("BOOK-08", "2099-01-31"), "utf-8")
    done = run(*CERTIFY, *arguments)
    assert done.exit_code == ExitCode.USAGE
    assert word in done.stderr
    assert done.stdout == ""


def test_an_adapter_may_lie_in_the_working_directory(folder: Path) -> None:
    code = "from kobling_eg_pasientsky import EgPasientsky\n\n\nclass Mine(EgPasientsky):\n    contract = 1\n"
    (folder / "beside_me.py").write_text(code, "utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("kobling"), *CERTIFY, "--rule", "CAT-01", "--rule", "CAT-02", "--jobs", "2",
         "--adapter", "beside_me:Mine"], cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == ExitCode.SUCCESS, done.stderr
    assert "adapter beside_me:Mine" in done.stdout


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("nothing", "--adapter nothing is not written module:Class"),
        ("kobling_zoo.synthetic:", "--adapter kobling_zoo.synthetic: is not written module:Class"),
        (":X", "--adapter :X is not written module:Class"),
        ("kobling_zoo.nowhere:X", "Python finds no module kobling_zoo.nowhere,"),
        ("nowhere.at.all:X", "Python finds no module nowhere.at.all,"),
        ("kobling_zoo.synthetic:Nobody", "The module kobling_zoo.synthetic has no Nobody,"),
        ("json:loads", "--adapter json:loads names no class that is made from kobling.Adapter"),
        ("half:X", "The module half, which --adapter names, can't be loaded: No module named 'none_such'"),
        ("broken:X", "The module broken, which --adapter names, can't be loaded: SyntaxError: "),
    ],
)
@pytest.mark.parametrize("target", ["mock", "cassette"])
def test_of_a_place_without_an_adapter_is_told_what_was_typed_and_what_is_wrong_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str, told: str, target: str
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (folder / "half.py").write_text("import none_such\n", "utf-8")
    (folder / "broken.py").write_text("class X\n", "utf-8")
    done = run(*CERTIFY, "--adapter", place, "--target", target, "--cassettes", str(folder))
    assert done.exit_code == ExitCode.TARGET_UNAVAILABLE
    assert told in done.stderr
    assert done.stdout == ""


def test_the_words_cover_every_doubt_rerun_and_waiver_problem() -> None:
    for lang in LANGUAGES:
        assert set(words(lang)["doubt"]) == set(DOUBTS)
        assert set(words(lang)["rerun"]) == set(RERUNS)
        assert set(TEXTS) | set(PLACES) <= set(words(lang)["problem"])


def command(*more: str) -> list[str]:
    return [sys.executable, "-m", "kobling_cli", *CERTIFY, *more]


class OnTerminal:
    """A command whose stderr is a terminal and whose stdout is a pipe."""

    def __init__(self, *more: str) -> None:
        self._controller, terminal = pty.openpty()
        self._process = subprocess.Popen(
            command(*more), stdout=subprocess.PIPE, stderr=terminal, start_new_session=True, text=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )  # fmt: skip
        os.close(terminal)
        self.seen = ""

    def read_until(self, wanted: str) -> None:
        """Read the terminal until it shows what fits the pattern, or for ever until the command closes it."""
        ends = time.monotonic() + 240
        while not (wanted and re.search(wanted, self.seen)) and time.monotonic() < ends:
            if not select.select([self._controller], [], [], 1)[0]:
                continue
            try:
                self.seen += os.read(self._controller, 65536).decode("utf-8", "replace")
            except OSError:  # Linux says so when the other end is closed
                return

    def interrupt(self) -> None:
        """Ctrl-C: every process of the terminal hears it."""
        os.killpg(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End the first process, and no other one."""
        self._process.kill()

    def end(self) -> tuple[int, str]:
        """The exit code and all of stdout."""
        self.read_until("")
        answer, _ = self._process.communicate(timeout=60)
        os.close(self._controller)
        return self._process.returncode, answer


def test_the_progress_bar_is_a_terminals_and_no_pipe_is_spoilt() -> None:
    code, answer = (ran := OnTerminal("--rule", "CAT-01")).end()
    assert code == ExitCode.SUCCESS
    assert "\x1b[" in ran.seen
    assert "CAT-01" in ran.seen
    assert "\x1b" not in answer
    assert answer.startswith("eg-pasientsky: CONFORMANT")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_the_run_and_the_files_tell_what_was_not_run(folder: Path, jobs: str) -> None:
    areas = ("--rule", "CAT", "--rule", "SLOT")
    ran = OnTerminal(*areas, "--jobs", jobs, "--json", "r.json", "--junit", "r.xml")
    ran.read_until(r"(?:[4-9]|[1-9][0-9])/[0-9]{2,}")  # the first ones may be skipped, and a skip tests nothing
    ran.interrupt()
    code, answer = ran.end()
    assert code == ExitCode.NO, ran.seen
    assert "NO VERDICT: broken off with" in answer
    assert "Traceback" not in ran.seen
    assert json.loads((folder / "r.json").read_text("utf-8"))["counts"]["NOT_RUN"] > 0
    assert "NOT_RUN" in (folder / "r.xml").read_text("utf-8")


def test_the_other_processes_end_with_the_first_one() -> None:
    """They hold the terminal and the pipe, so that neither closes before the last of them has ended."""
    ran = OnTerminal("--rule", "CAT", "--rule", "SLOT", "--jobs", "2")
    ran.read_until(r"(?:[4-9]|[1-9][0-9])/[0-9]{2,}")
    ran.kill()
    began = time.monotonic()
    code, answer = ran.end()
    assert (code, answer) == (-signal.SIGKILL, "")
    assert time.monotonic() - began < 60
