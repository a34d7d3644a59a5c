"""The command line as its users meet it: what it prints, for people and for machines, and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from click.testing import Result
from typer.testing import CliRunner

from kobling import Kobling, UrlNotAllowed, VendorUnavailable, WireFailure
from kobling.exchange import FailureKind
from kobling_cli.app import app
from kobling_cli.commands.mocks import vendors_with_mock
from kobling_cli.exit_codes import MEANING, ExitCode
from kobling_cli.wording import locale_language, say, words
from kobling_mocks import Mock
from kobling_mocks.faults import Fault

PATIENT = {"given_name": "Kari", "family_name": "Hemmelig", "birth_date": "1980-01-02", "email": "hemmelig@example.no"}


class Ran(NamedTuple):
    """What one command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs `kobling` against a served mock, in a process of its own, as a user does."""

    def __init__(self, mock: Mock, url: str, folder: Path) -> None:
        self.mock = mock
        self.url = url
        self.folder = folder

    def __call__(self, *arguments: str, key: str | None = None, typed: str = "") -> Ran:
        env = {**os.environ, "NO_COLOR": "1", "KOBLING_API_KEY": key or self.mock.connection["api_key"]}
        done = subprocess.run(
            [sys.executable, "-m", "kobling_cli", *arguments],
            env=env, cwd=self.folder, input=typed, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert self.mock.connection["api_key"] not in done.stdout + done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def vendor(self, command: str, *arguments: str, key: str | None = None, typed: str = "", **fields: str) -> Ran:
        details = {**self.mock.connection, **fields}
        given = ["--external-id", details["external_id"], "--department-id", details["department_id"]]
        return self(command, "eg-pasientsky", "--origin", self.url, *given, *arguments, key=key, typed=typed)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    mock = Mock("eg-pasientsky")
    with mock.serve() as server:
        yield Shell(mock, server.url, tmp_path)


def a_slot(shell: Shell) -> dict[str, Any]:
    found = shell.vendor("slots", "--from", "2026-11-27", "--to", "2026-12-04", "--at-most", "1", "--json")
    assert found.code == ExitCode.SUCCESS
    slot: dict[str, Any] = found.json["slots"][0]
    return slot


def book(shell: Shell, slot: dict[str, Any], *more: str) -> Ran:
    which = ["--practitioner", slot["practitioner_id"], "--service", slot["service_id"], "--start", slot["local_start"]]
    patient = ["--sakid", "6QPTR", "--patient-file", "-", "--ticket", "t.json"]
    return shell.vendor("book", *which, *patient, *more, typed=json.dumps(PATIENT))


def test_the_vendors_are_listed_with_the_fields_they_use(shell: Shell) -> None:
    ran = shell("vendors", "--json")
    assert ran.code == ExitCode.SUCCESS
    assert "eg-pasientsky" in ran.out


def test_a_right_connection_is_success(shell: Shell) -> None:
    ran = shell.vendor("test", "--json")
    assert ran.code == ExitCode.SUCCESS
    assert ran.json["outcome"] == "degraded"
    assert ran.json["counts_as_attempt"] is False
    assert shell.vendor("test").out.startswith("Suksess")


def test_a_wrong_key_is_told_with_its_field_and_who_must_act(shell: Shell) -> None:
    ran = shell.vendor("test", "--json", key="feil-nøkkel-4711"[:4] + "-4711")
    assert ran.code == ExitCode.NO
    assert ran.json["counts_as_attempt"] is True
    probe = next(one for one in ran.json["probes"] if one["status"] == "fail")
    (finding,) = probe["findings"]
    assert (probe["name"], finding["code"], finding["fields"]) == ("auth", "credentials_rejected", ["api_key"])
    assert finding["actor"] == "administrator"
    assert set(finding["text"]) == {"nb", "en"}


def test_an_unknown_department_is_told_and_not_called_no_open_times(shell: Shell) -> None:
    ran = shell.vendor("slots", "--json", department_id="3f0c1d20-0000-11ef-8000-00000000dead")
    assert ran.code == ExitCode.CONNECTION
    assert ran.json["error"]["code"] == "department_not_found"


def test_a_vendor_that_is_down_is_no_attempt(shell: Shell) -> None:
    shell.mock.world.faults.add(Fault(operation="search", times=0, when="before_commit", kind="http_503"))
    ran = shell.vendor("test", "--json")
    assert ran.code == ExitCode.NO
    assert ran.json["counts_as_attempt"] is False


def test_practitioners_and_services_are_listed_with_their_reasons(shell: Shell) -> None:
    people = shell.vendor("practitioners", "--json")
    assert people.code == ExitCode.SUCCESS
    assert "not_person_owned" in people.out
    services = shell.vendor("services", "--json")
    assert services.code == ExitCode.SUCCESS
    assert "B1010" in services.out + people.out


def test_a_booking_is_made_leaves_a_ticket_without_the_patient_and_is_cancelled(shell: Shell) -> None:
    booked = book(shell, a_slot(shell), "--json")
    assert booked.code == ExitCode.SUCCESS
    ticket = (shell.folder / "t.json").read_text("utf-8")
    for secret in ("Hemmelig", "hemmelig@example.no", "1980"):
        assert secret not in ticket + booked.out + booked.err
    (one,) = [one for one in shell.mock.world.clinic.all_appointments() if "SakID: 6QPTR" in one.note]
    assert one.id == booked.json["booking"]["id"]
    cancelled = shell.vendor("cancel", "--ticket", "t.json")
    assert cancelled.code == ExitCode.SUCCESS
    assert shell.mock.world.clinic.appointment(one.id).state == "cancelled"


def test_a_lost_answer_keeps_its_ticket_and_resolve_says_that_a_person_must_ask(shell: Shell) -> None:
    slot = a_slot(shell)
    shell.mock.world.faults.add(Fault(operation="book", when="after_commit", kind="reset"))
    lost = book(shell, slot)
    assert lost.code == ExitCode.UNKNOWN
    assert "kobling resolve" in lost.err
    found = shell.vendor("resolve", "--ticket", "t.json", "--json")
    assert found.code == ExitCode.UNKNOWN
    assert found.json["resolution"] == "needs_person"
    assert {"looked_at": "slot", "saw": "gone"}.items() <= found.json["evidence"][0].items()
    assert len(shell.mock.world.journal.of("book")) == 1


def test_a_time_that_is_taken_is_refused_and_leaves_no_ticket(shell: Shell) -> None:
    slot = a_slot(shell)
    assert book(shell, slot).code == ExitCode.SUCCESS
    (shell.folder / "t.json").rename(shell.folder / "first.json")
    refused = book(shell, slot)
    assert refused.code == ExitCode.REJECTED
    assert not (shell.folder / "t.json").exists()


@pytest.mark.parametrize(("arguments", "hidden"), [
    (("test", "eg-pasientsky", "--api-key", "canary-4711"), "canary-4711"),
    (("book", "eg-pasientsky", "--email", "canary@example.no"), "canary@example.no"),
])  # fmt: skip
def test_neither_key_nor_patient_is_taken_as_an_argument_or_repeated(
    shell: Shell, arguments: tuple[str, ...], hidden: str
) -> None:
    ran = shell(*arguments)
    assert ran.code == ExitCode.USAGE
    assert hidden not in ran.out + ran.err


def test_an_unknown_vendor_is_told_what_is_installed(shell: Shell) -> None:
    ran = shell("test", "nobody", "--external-id", "1")
    assert ran.code == ExitCode.USAGE
    assert "eg-pasientsky" in ran.err


def test_certify_runs_the_named_rules_and_exits_with_the_verdict(shell: Shell) -> None:
    ran = shell("certify", "eg-pasientsky", "--rule", "CONN-01", "--json", "-")
    assert ran.code == ExitCode.SUCCESS
    assert ran.json["conformant"] is True
    assert shell("certify", "nobody", "--json", "-").code == ExitCode.TARGET_UNAVAILABLE
    assert shell("certify", "eg-pasientsky", "--rule", "NONE-99").code == ExitCode.USAGE


def test_fuzz_tells_what_it_did_and_exits_with_what_it_found(shell: Shell) -> None:
    ran = shell("fuzz", "eg-pasientsky", "--operation", "identify", "--cases", "40", "--json")
    assert ran.code == ExitCode.SUCCESS, ran.out + ran.err
    assert (ran.json["cases"], ran.json["findings"], list(ran.json["operations"])) == (40, [], ["identify"])
    assert shell("fuzz", "eg-pasientsky", "--operation", "identify", "--case", "7").code == ExitCode.SUCCESS
    assert shell("fuzz", "eg-pasientsky", "--case", "7").code == ExitCode.USAGE
    assert shell("fuzz", "eg-pasientsky", "--operation", "get_booking").code == ExitCode.USAGE
    assert shell("fuzz", "nobody").code == ExitCode.TARGET_UNAVAILABLE


def test_the_zoo_shows_one_fault_and_writes_the_matrix(shell: Shell, tmp_path: Path) -> None:
    written = tmp_path / "zoo.json"
    written.write_text('{"targets": [{"target": "cassette", "killed": 7}]}', "utf-8")
    ran = shell("zoo", "--only", "40", "--json", str(written))
    assert ran.code == ExitCode.SUCCESS, ran.out + ran.err
    told = json.loads(written.read_text("utf-8"))
    assert (told["faults"], told["killed"], told["by_construction"]) == (1, 1, 0)
    assert {one["state"] for one in told["faults_detail"]} == {"killed"}
    assert "1 of 1 faults killed" in ran.out
    assert told["targets"] == [{"target": "cassette", "killed": 7}], "what was measured there before"
    assert shell("zoo", "--only", "999").code == ExitCode.USAGE


def test_the_demo_tells_people_and_machines_the_same_true_story(shell: Shell) -> None:
    with ThreadPoolExecutor() as pool:  # most of the story is waiting
        told, written = pool.map(lambda arguments: shell(*arguments), [("demo",), ("demo", "--json")])
    assert (told.code, written.code) == (ExitCode.SUCCESS, ExitCode.SUCCESS)
    assert told.err == ""
    assert len(told.out.splitlines()) <= 40 * len(vendors_with_mock())
    for line in ("Suksess", "SakID: 6QPTR", "NeedsPerson", "klinikken har én time, ikke to"):
        assert line in told.out
    assert written.json["true"] is True
    assert [len(story["steps"]) for story in written.json["stories"]] == [9] * len(vendors_with_mock())


def test_the_version_is_told(shell: Shell) -> None:
    ran = shell("--version")
    assert (ran.code, ran.out) == (ExitCode.SUCCESS, f"kobling {version('kobling')}\n")


def test_the_help_lists_every_exit_code() -> None:
    done = subprocess.run([sys.executable, "-m", "kobling_cli", "--help"], capture_output=True, text=True, check=True)
    for code in MEANING:
        assert str(code.value) in done.stdout


def test_both_languages_have_the_same_words_and_placeholders() -> None:
    def shape(table: Any, path: str = "") -> dict[str, tuple[str, ...]]:
        if isinstance(table, dict):
            return {key: value for name, one in table.items() for key, value in shape(one, f"{path}.{name}").items()}
        return {path: tuple(sorted(part.split("}")[0] for part in str(table).split("{")[1:]))}

    assert shape(words("nb")) == shape(words("en"))


# ---- how it speaks


@pytest.mark.parametrize(
    ("told", "lang"),
    [
        ({}, "nb"), ({"LANG": "C.UTF-8"}, "nb"), ({"LANG": "POSIX"}, "nb"), ({"LANG": "nb_NO.UTF-8"}, "nb"),
        ({"LANG": "nn_NO"}, "nb"), ({"LANG": "no"}, "nb"), ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE@euro"}, "en"),
        ({"LC_ALL": "en_GB", "LANG": "nb_NO"}, "en"), ({"LC_ALL": "", "LC_MESSAGES": "nb_NO", "LANG": "en_US"}, "nb"),
    ],
)  # fmt: skip
def test_where_nobody_says_a_language_the_locale_does(told: dict[str, str], lang: str) -> None:
    assert locale_language(told) == lang


@pytest.mark.parametrize("command", [("vendors",), ("mock", "serve"), ("about", "secnd_write")], ids=" ".join)
def test_the_locale_counts_for_every_command_and_less_than_what_is_said(command: tuple[str, ...]) -> None:
    def said(*more: str, **env: str) -> str:
        return str(CliRunner().invoke(app, [*command, *more], env={"LC_ALL": "en_US.UTF-8", **env}).output)

    english, norwegian = said("--lang", "en", LC_ALL="nb_NO"), said("--lang", "nb")
    assert english != norwegian
    assert said() == english
    assert said(KOBLING_LANG="nb") == said(LC_ALL="nb_NO") == said(LC_ALL="C") == norwegian


def test_each_command_is_told_in_one_line_of_the_list() -> None:
    for command in app.registered_commands:
        first = (command.callback.__doc__ or "").strip().split("\n\n")[0] if command.callback else ""
        assert first, command
        assert "\n" not in first, f"a line break in the list of commands: {first}"


@pytest.mark.parametrize("command", [("about", "--json"), ("about",), ("about", "secnd_write", "--json")], ids=" ".join)
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(command: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "kobling_cli", *command], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert done.stderr == ""
    assert done.returncode == ExitCode.NO


def test_a_count_of_one_is_told_in_the_singular() -> None:
    assert say("check", "found", "en", count=1, path="here") == "1 finding in here."
    assert say("check", "found", "en", count=2, path="here") == "2 findings in here."
    assert say("check", "found", "nb", count=1, path="her") == "1 funn i her."


def test_a_vendor_that_is_not_there_is_told_with_the_nearest_name_or_how_to_install_one() -> None:
    def said(name: str) -> str:
        return str(CliRunner().invoke(app, ["certify", name, "--lang", "en"]).output)

    assert "Did you mean easypractice?" in said("easy-practice")
    assert "Not installed yet? python -m pip install kobling-nosuch; who writes it runs" in said("nosuch")
    assert "python -m pip install kobling-NAME; who writes it runs python -m pip install -e . in its folder" in said(
        "."
    )


def test_an_address_that_nobody_typed_is_not_to_be_spelled_right() -> None:
    for error in (VendorUnavailable("dns"), VendorUnavailable("dns", vendor="fjellvik")):
        assert "spelled" not in error.explain("en")
        assert "just wait" in error.explain("en")
    assert "spelled" in UrlNotAllowed("dns").explain("en")


@pytest.mark.parametrize(("failure", "hinted"), [("dns", True), ("connect", True), ("timeout", False)])
def test_where_nothing_is_at_the_vendors_address_a_mock_is_hinted_at_and_nothing_contradicts(
    failure: FailureKind, hinted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = without_a_vendor(failure, monkeypatch, "test")
    assert ("--origin: kobling mock serve easypractice" in ran.stderr) == hinted
    assert "The test failed" in ran.stdout
    assert "spelled" not in ran.stdout


WHEN = ["--practitioner", "7", "--service", "1", "--start", "2026-12-01T09:00+01:00"]


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("practitioners", []),
        ("services", []),
        ("slots", []),
        ("explain", ["--practitioner", "7"]),
        ("book", [*WHEN, "--patient-file", "-"]),
        ("cancel", ["--booking", "12"]),
        ("resolve", ["--reference", str(UUID(int=7)), *WHEN, "--sent-at", "2026-11-27T09:00Z"]),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_every_command_that_finds_nobody_at_the_vendors_address_hints_at_a_mock_after_its_error(
    command: str, more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = without_a_vendor("dns", monkeypatch, command, *more)
    assert ran.exit_code == ExitCode.UNAVAILABLE
    error, *_, hint = ran.stderr.splitlines()
    assert error.startswith("Error: ")
    assert "--origin: kobling mock serve easypractice" in hint
    for asked in (["--json"], ["--origin", "http://127.0.0.1:9"]):
        told = without_a_vendor("dns", monkeypatch, command, *more, *asked)
        assert told.exit_code == ExitCode.UNAVAILABLE
        assert "kobling mock serve" not in told.output
    assert "kobling mock serve" not in without_a_vendor("timeout", monkeypatch, command, *more).output


def without_a_vendor(failure: FailureKind, monkeypatch: pytest.MonkeyPatch, command: str, *more: str) -> Result:
    """A command at an exchange that reaches nobody."""
    monkeypatch.setattr("kobling_cli.desk.Kobling", partial(Kobling, exchange=lambda *_: WireFailure(failure)))
    words = [command, "easypractice", "--lang", "en", "--external-id", "12345", *more]
    return CliRunner().invoke(app, words, env={"KOBLING_API_KEY": "example-key-of-nobody"}, input=json.dumps(PATIENT))
