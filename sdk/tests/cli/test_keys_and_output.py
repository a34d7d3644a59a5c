"""Where a key may come from, what goes to which stream, and how every error ends."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kobling import Kobling, load
from kobling.errors import all_errors
from kobling_cli import desk
from kobling_cli.app import app
from kobling_cli.exit_codes import BY_ERROR, MEANING, ExitCode, exit_code_of
from kobling_cli.moments import shown_moment
from kobling_cli.output import shown
from kobling_cli.running_clock import RunningClock
from kobling_cli.wording import LANGUAGES
from kobling_mocks import Fault, find_dialect

from .command_line import CommandLine

CANARY = "canary-4711"


def key_of(cli: CommandLine) -> str:
    return cli.mock.connection["api_key"]


def test_a_key_may_come_from_a_file_as_it_was_pasted(cli: CommandLine) -> None:
    Path("key").write_text(f"\n  {key_of(cli)}\r\n", "utf-8")
    assert cli.ask("test", "--key-file", "key", key=None).code == ExitCode.SUCCESS


def test_a_key_may_come_from_a_variable_of_another_name(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_KEY", key_of(cli))
    assert cli.ask("test", "--key-env", "CLINIC_KEY", key=CANARY).code == ExitCode.SUCCESS


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "no_key"),
        (["--key-env", CANARY], "key_env_missing"),
        (["--key-file", CANARY], "key_file_unreadable"),
        (["--key-file", "."], "key_file_unreadable"),
        (["--key-file", "x\0y"], "key_file_unreadable"),
        (["--key-file", "a", "--key-env", "B"], "key_twice"),
    ],
)
def test_a_missing_key_is_told_with_the_ways_to_give_it(cli: CommandLine, words: list[str], code: str) -> None:
    ran = cli.ask("test", "--json", *words, key=None)
    assert (ran.code, ran.json["error"]["code"]) == (ExitCode.USAGE, code)
    assert CANARY not in ran.out + ran.err
    assert len(cli.mock.world.journal.calls) == 0


@pytest.mark.parametrize("words", [["--api-key", CANARY], [f"--api-key={CANARY}"], ["--token", CANARY], [CANARY]])
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_key_on_the_command_line_is_refused_and_not_repeated(
    cli: CommandLine, words: list[str], more: list[str]
) -> None:
    ran = cli.ask("test", *words, *more)
    assert ran.code == ExitCode.USAGE
    assert CANARY not in ran.out + ran.err
    if words != [CANARY]:
        assert "--key-file" in ran.out + ran.err


def test_no_command_has_an_option_for_a_key_or_a_patient(cli: CommandLine) -> None:
    for command in ("test", "practitioners", "services", "slots", "explain", "book", "cancel", "resolve"):
        page = cli.run(command, "--help").out
        assert "--external-id" in page
        for option in ("--api-key", "--email", "--phone", "--birth-date", "--message"):
            assert option not in page


def test_every_error_has_a_documented_exit_code_of_its_branch() -> None:
    assert {code for _, code in BY_ERROR} < set(MEANING)
    expected = {
        "credentials_rejected": 8, "url_not_allowed": 8, "slot_taken": 3, "resolve_first": 3,
        "unsupported_operation": 3,
        "vendor_timeout": 4, "rate_limited": 4, "outcome_unknown": 5, "booked_differently": 6,
        "reschedule_half_done": 6, "vendor_protocol_error": 7, "adapter_bug": 7,
    }  # fmt: skip
    errors = all_errors()
    assert {code: int(exit_code_of(errors[code].__new__(errors[code]))) for code in expected} == expected


@pytest.mark.parametrize(
    ("fault", "code", "exit_code"),
    [
        (Fault("*", "http_503", times=0), "vendor_unavailable", ExitCode.UNAVAILABLE),
        (Fault("*", "slow", times=0, seconds=3), "vendor_timeout", ExitCode.UNAVAILABLE),
        (Fault("*", "html_200", times=0), "vendor_protocol_error", ExitCode.DEFECT),
    ],
)
def test_an_error_is_a_document_for_machines_and_a_sentence_for_people(
    cli: CommandLine, fault: Fault, code: str, exit_code: ExitCode
) -> None:
    cli.mock.world.faults.add(fault)
    machine = cli.ask("practitioners", "--timeout", "0.7", "--json")
    told = machine.json
    assert (machine.code, told["error"]["code"], told["exit_code"]) == (exit_code, code, exit_code)
    assert told["error"]["correlation_id"]
    assert machine.err == ""
    person = cli.ask("practitioners", "--timeout", "0.7", "--lang", "en")
    assert person.code == exit_code
    assert person.out == ""
    assert person.err.startswith(f"Error: {told['error']['text']['en']}")
    assert f"code {code}" in person.err


def test_a_part_that_is_not_known_is_never_shown_as_no_open_times(cli: CommandLine) -> None:
    day = ["--from", "2026-11-27", "--to", "2026-12-04"]
    assert cli.ask("slots", *day).code == ExitCode.SUCCESS
    seen = len(cli.mock.world.journal.of("search"))
    cli.mock.world.faults.add(Fault("search", "http_503", nth=seen // 2, times=0))
    machine = cli.ask("slots", *day, "--json")
    assert (machine.code, machine.json["complete"]) == (ExitCode.UNAVAILABLE, False)
    assert machine.json["unknown"][0]["because"] == "vendor_unavailable"


def test_open_times_are_listed_in_utc_with_the_zone_beside_them(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    assert slot["start"] == "2026-11-27T08:00:00Z"
    assert slot["local_start"] == "2026-11-27T09:00:00+01:00"
    assert slot["zone"] == "Europe/Oslo"
    assert "token" not in slot
    person = cli.ask("slots", "--from", "2026-11-27", "--to", "2026-11-27", "--practitioner", slot["practitioner"])
    assert "fre. 27. nov. 09:00" in person.out
    assert slot["practitioner"] in person.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--from", "i morgen"], "bad_day"),
        (["--from", "2026-12-04", "--to", "2026-12-01"], "days_reversed"),
        (["--practitioner", "Ingen"], "no_practitioner"),
        (["--origin", "ftp://127.0.0.1"], "bad_origin"),
        (["--origin", "http://user:pass@127.0.0.1"], "bad_origin"),
        (["--timeout", "0"], "usage"),
        (["--lang", "se"], "usage"),
        (["--no-such-option"], "usage"),
    ],
)
def test_bad_input_is_a_sentence_and_never_a_traceback(cli: CommandLine, words: list[str], code: str) -> None:
    ran = cli.ask("slots", "--json", *words)
    assert (ran.code, ran.json["error"]["code"]) == (ExitCode.USAGE, code)
    assert set(ran.json["error"]["text"]) == {"nb", "en"}


def test_a_defect_of_the_command_line_shows_where_and_nothing_that_was_typed(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: Any, **_more: Any) -> Kobling:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(desk, "Kobling", broken)
    ran = cli.ask("test", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (ExitCode.DEFECT, "defect")
    assert "RuntimeError, test_keys_and_output.py:" in ran.json["error"]["text"]["en"]
    assert CANARY not in ran.out + ran.err


def test_why_somebody_can_not_be_booked_is_explained_by_name_id_and_for_strangers(cli: CommandLine) -> None:
    seen = cli.ask("explain", "--practitioner", "Fysioterapeut Kari Prøve", "--json")
    assert (seen.code, seen.json["visible"], seen.json["findings"]) == (ExitCode.SUCCESS, True, [])
    group = cli.ask("explain", "--practitioner", "Fysioteamet", "--json")
    assert (group.code, group.json["findings"][0]["code"]) == (ExitCode.NO, "not_person_owned")
    stranger = cli.ask("explain", "--practitioner", "3f0c1d20-0000-11ef-8000-00000000dead")
    assert stranger.code == ExitCode.NO
    assert "(not_shown)" in stranger.out


def test_a_vendors_text_can_not_steer_the_terminal() -> None:
    assert shown("Kari\x1b[31m \x9b31m\u202eevørP\x07") == "Kari[31m 31mevørP"


def test_the_hour_that_comes_twice_is_shown_with_its_offset() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert shown_moment(first, "Europe/Oslo", "nb") == "søn. 25. okt. 02:30 (+0200)"
    assert shown_moment(first + timedelta(hours=1), "Europe/Oslo", "en") == "Sun 25 Oct 02:30 (+0100)"
    assert shown_moment(first + timedelta(hours=2), "Europe/Oslo", "en") == "Sun 25 Oct 03:30"


def test_no_colour_goes_into_a_pipe(cli: CommandLine) -> None:
    words = [sys.executable, "-m", "kobling_cli", "vendors"]
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    piped = subprocess.run(words, capture_output=True, text=True, check=True, env=env)
    assert "\x1b" not in piped.stdout + piped.stderr


def test_a_served_mock_says_how_to_reach_it_before_it_waits_and_stops_when_told(cli: CommandLine) -> None:
    words = [
        sys.executable,
        "-m",
        "kobling_cli",
        "mock",
        "serve",
        "eg-pasientsky",
        "--port",
        "0",
        "--seed",
        "4",
        "--json",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        said = ""
        while not said.endswith("\n}\n"):
            said += served.stdout.readline()
        told = json.loads(said)
        pages = [told["pages"]["landing"], told["pages"]["openapi"], *told["pages"]["timebooks"].values()]
        assert len(pages) > 3
        for url in pages:
            with urllib.request.urlopen(url, timeout=10) as page:
                assert page.status == 200
        details = ["--external-id", told["connection"]["external_id"], "--origin", told["origin"]]
        ran = cli.run("test", "eg-pasientsky", *details, "--json", key=told["connection"]["api_key"])
        assert ran.code == ExitCode.SUCCESS
        served.send_signal(signal.SIGINT)
        _, err = served.communicate(timeout=15)
    assert (served.returncode, err) == (0, "")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_served_mock_prints_lines_that_ask_it_in_the_same_language_when_they_are_pasted(lang: str) -> None:
    words = [sys.executable, "-m", "kobling_cli", "mock", "serve", "eg-pasientsky", "--port", "0", "--lang", lang]
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    env.pop("KOBLING_LANG", None)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as served:
        assert served.stdout is not None
        said = []
        while not said or "Ctrl-C" not in said[-1]:
            said.append(served.stdout.readline())
        pasted = "".join(line for line in said if line.lstrip().startswith(("export ", "kobling ")))
        ran = subprocess.run(pasted, shell=True, capture_output=True, text=True, check=False, env=env, timeout=60)
        served.send_signal(signal.SIGINT)
    assert ran.returncode == ExitCode.SUCCESS, ran.stderr
    assert {"nb": "Adresse", "en": "Address"}[lang] in ran.stdout


def test_the_calls_of_a_mock_are_listed_without_starting_it() -> None:
    ran = CliRunner().invoke(app, ["mock", "calls", "synthetic", "--lang", "en"])
    rows = json.loads(CliRunner().invoke(app, ["mock", "calls", "synthetic", "--json"]).stdout)["calls"]
    assert [row["path"] for row in rows] == [one.rule for one in find_dialect("synthetic").operations]
    assert {row["name"] for row in rows if row["writes"]} == {
        one.name for one in find_dialect("synthetic").operations if one.writes
    }
    for row in rows:
        told = (f"{row['method']} {row['path']}", row["name"], row["summary"])
        assert all(one in ran.stdout for one in told)


def test_all_mocks_are_served_side_by_side_with_a_page_over_them() -> None:
    words = [sys.executable, "-m", "kobling_cli", "mock", "serve", "--all", "--port", "0", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        said = ""
        while not said.endswith("\n}\n"):
            said += served.stdout.readline()
        told = json.loads(said)
        assert [one["vendor"] for one in told["mocks"]] == sorted(load().adapters)
        with urllib.request.urlopen(told["overview"], timeout=10) as page:
            shown = page.read().decode()
        assert all(one["origin"] in shown for one in told["mocks"])
        served.send_signal(signal.SIGTERM)
        _, err = served.communicate(timeout=15)
    assert (served.returncode, err) == (0, "")


@pytest.mark.parametrize("words", [[], ["eg-pasientsky", "--all"]])
def test_serving_needs_a_vendor_or_all_and_not_both(words: list[str]) -> None:
    command = [sys.executable, "-m", "kobling_cli", "mock", "serve", *words, "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode, json.loads(ran.stdout)["error"]["code"]) == (ExitCode.USAGE, "vendor_or_all")


def test_a_port_that_is_taken_and_a_vendor_without_mock_are_told(cli: CommandLine) -> None:
    for words, code in (
        (["eg-pasientsky", "--port", cli.url.rpartition(":")[2]], "port_in_use"),
        (["nobody"], "no_mock"),
    ):
        command = [sys.executable, "-m", "kobling_cli", "mock", "serve", *words, "--json"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (ran.returncode, json.loads(ran.stdout)["error"]["code"]) == (ExitCode.USAGE, code)


def test_a_mock_that_cannot_be_loaded_is_told_with_the_reason(tmp_path: Path) -> None:
    info = tmp_path / "kobling_fjord-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kobling-fjord\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kobling_mocks]\nfjord = fjord_mock:dialect\n")
    (tmp_path / "fjord_mock.py").write_text("1 / 0\n")
    command = [sys.executable, "-m", "kobling_cli", "mock", "calls", "fjord", "--lang", "en"]
    where = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=where)
    assert ran.returncode == ExitCode.USAGE
    assert "fjord: ZeroDivisionError while it was imported; run python -c 'import fjord_mock'" in " ".join(
        ran.stderr.split()
    )


def test_a_served_mocks_clock_runs_and_can_be_set() -> None:
    start = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    clock = RunningClock(start)
    assert start < clock.now() < start + timedelta(seconds=5)
    clock.set(start + timedelta(days=1))
    clock.advance(timedelta(hours=1))
    assert timedelta(0) < clock.now() - (start + timedelta(days=1, hours=1)) < timedelta(seconds=5)


@pytest.mark.parametrize("group", [(), ("mock",)])
def test_a_group_without_a_command_shows_its_help_and_complains_of_nothing(group: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(app, list(group))
    assert ran.exit_code == ExitCode.USAGE
    assert "Usage: kobling" in ran.stdout
    assert ran.stderr == ""


def test_a_port_that_is_taken_is_told_in_the_systems_words(cli: CommandLine) -> None:
    # in a process of its own: cheroot leaves the socket that it could not bind to the garbage collector
    serve = [sys.executable, "-m", "kobling_cli", "mock", "serve", "extensor", "--port", cli.url.rpartition(":")[2]]
    ran = subprocess.run(serve, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == ExitCode.USAGE
    assert os.strerror(errno.EADDRINUSE) in ran.stderr
