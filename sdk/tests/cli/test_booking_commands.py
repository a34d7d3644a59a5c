"""`kobling book`, `cancel` and `resolve`: one write, a ticket that is never lost, and no patient in any of it."""

from __future__ import annotations

import json
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kobling_cli.commands.mocks import make_mock
from kobling_cli.exit_codes import ExitCode
from kobling_mocks import Fault

from .command_line import KARI, CommandLine

TICKET = Path("t.json")


def test_a_refusal_never_touches_the_ticket_of_an_earlier_booking(cli: CommandLine) -> None:
    first, second = cli.slots(2)
    assert cli.book(first).code == ExitCode.SUCCESS
    kept = TICKET.read_text("utf-8")
    for slot in (first, second):
        again = cli.book(slot, "--json")
        assert (again.code, again.json["error"]["code"]) == (ExitCode.USAGE, "ticket_exists")
    assert TICKET.read_text("utf-8") == kept
    assert len(cli.live()) == 1


def test_a_ticket_that_can_not_be_written_keeps_the_booking_from_being_sent(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    ran = cli.book(slot, "--ticket", "no/such/folder/t.json", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (ExitCode.USAGE, "ticket_unwritable")
    assert len(cli.mock.world.journal.of("book")) == 0


def test_a_ticket_is_for_its_owners_eyes_and_names_no_patient(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    ran = cli.book(slot, "--sakid", "6QPTR", patient={**KARI, "phone": "+4790000077", "message": "Vond skulder"})
    assert ran.code == ExitCode.SUCCESS
    assert stat.S_IMODE(TICKET.stat().st_mode) == 0o600
    (booked,) = [one for one in cli.mock.world.clinic.all_appointments() if one.source == "online"]
    assert "Vond skulder" in booked.note
    for word in ("Hemmelig", "hemmelig@", "1980", "90000077", "skulder", "6QPTR"):
        assert word not in TICKET.read_text("utf-8") + ran.out + ran.err


def test_without_ticket_option_the_ticket_is_named_by_the_reference(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    which = ["--practitioner", slot["practitioner"], "--service", slot["service"], "--start", slot["start"]]
    ran = cli.ask("book", *which, "--patient-file", "-", "--json", typed=json.dumps(KARI))
    assert ran.code == ExitCode.SUCCESS
    assert ran.json["ticket"] == f"kobling-{ran.json['reference']}.json"
    assert json.loads(Path(ran.json["ticket"]).read_text("utf-8"))["booking"]["id"] == ran.json["booking"]["id"]


def test_the_start_is_the_clinics_clock_unless_it_has_an_offset(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    wall = slot["local_start"][:16]
    assert wall != slot["start"][:16]
    for typed, meant in (
        (wall, datetime.fromisoformat(slot["start"])),
        (f"{wall}Z", datetime.fromisoformat(f"{wall}Z")),
    ):
        assert cli.book({**slot, "local_start": typed}).code == ExitCode.SUCCESS
        (booked,) = cli.live()
        assert cli.mock.world.clinic.appointment(booked).start == meant
        assert cli.ask("cancel", "--ticket", "t.json").code == ExitCode.SUCCESS
        TICKET.unlink()


def test_a_day_that_can_not_be_read_is_not_told_as_taken(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    assert cli.mock.world.journal.of("search")
    cli.mock.world.faults.add(Fault("search", "http_503", nth=6, times=0))
    ran = cli.book(slot, "--json")
    assert ran.code == ExitCode.UNAVAILABLE
    assert ran.json["error"]["effect"] == "none"
    assert not TICKET.exists()


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
def test_a_lost_answer_names_reference_and_ticket_and_nothing_is_sent_again(cli: CommandLine, when: str) -> None:
    (slot,) = cli.slots()
    cli.mock.world.faults.add(Fault("book", "reset", when=when))  # type: ignore[arg-type]
    lost = cli.book(slot, "--json")
    assert lost.code == ExitCode.UNKNOWN
    told = lost.json
    assert (told["error"]["code"], told["error"]["effect"]) == ("outcome_unknown", "unknown")
    assert set(told["error"]["text"]) == {"nb", "en"}
    assert (told["ticket"], told["exit_code"]) == ("t.json", 5)
    assert json.loads(TICKET.read_text("utf-8"))["reference"] == told["reference"]
    assert "kobling resolve eg-pasientsky --ticket t.json" in lost.err
    found = cli.ask("resolve", "--ticket", "t.json", "--json")
    assert found.code == ExitCode.UNKNOWN
    assert found.json["resolution"] == "needs_person"
    assert found.json["reference"] == told["reference"]
    refused = cli.ask("cancel", "--ticket", "t.json", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (ExitCode.USAGE, "ticket_without_booking")
    assert len(cli.mock.world.journal.of("book")) == 1


def test_resolve_works_without_the_ticket_from_what_a_person_knows(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    cli.mock.world.faults.add(Fault("book", "reset", when="after_commit"))
    reference = cli.book(slot, "--json").json["reference"]
    TICKET.unlink()
    which = ["--practitioner", slot["practitioner_id"], "--service", slot["service_id"], "--start", slot["start"]]
    found = cli.ask("resolve", "--reference", reference, *which, "--sent-at", "2026-11-23T07:00Z", "--json")
    assert found.code == ExitCode.UNKNOWN
    assert (found.json["resolution"], found.json["evidence"][0]["saw"]) == ("needs_person", "gone")
    half = cli.ask("resolve", "--reference", reference, "--json")
    assert (half.code, half.json["error"]["code"]) == (ExitCode.USAGE, "resolve_what")
    naive = cli.ask("resolve", "--reference", reference, *which, "--sent-at", "2026-11-23T07:00", "--json")
    assert naive.json["error"]["code"] == "needs_offset"


def test_resolve_while_the_vendor_is_down_says_when_to_look_again(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    cli.mock.world.faults.add(Fault("book", "reset", when="after_commit"))
    cli.book(slot)
    cli.mock.world.faults.add(Fault("search", "http_503", times=0))
    found = cli.ask("resolve", "--ticket", "t.json", "--json")
    assert (found.code, found.json["resolution"]) == (ExitCode.UNKNOWN, "still_unknown")
    assert found.json["next_at"].endswith("Z")


def test_a_ticket_belongs_to_its_connection(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    assert cli.book(slot).code == ExitCode.SUCCESS
    other = next(d.id for d in cli.mock.world.clinic.departments if d.id != cli.mock.connection["department_id"])
    ran = cli.ask("cancel", "--ticket", "t.json", "--json", department_id=other)
    assert (ran.code, ran.json["error"]["because"]) == (ExitCode.REJECTED, "other_connection")
    assert len(cli.live()) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "ticket_unreadable"),
        ("", "ticket_not_one"),
        ("[1]", "ticket_not_one"),
        ('{"schema": "kobling-ticket/1"}', "ticket_not_one"),
        ('{"schema": "kobling-ticket/1", "vendor": "eg-pasientsky", "reference": 7}', "ticket_not_one"),
    ],
)
def test_what_is_no_ticket_is_told_without_showing_it(cli: CommandLine, text: str | None, code: str) -> None:
    if text is not None:
        TICKET.write_text(text, "utf-8")
    for command in ("cancel", "resolve"):
        ran = cli.ask(command, "--ticket", "t.json", "--json")
        assert (ran.code, ran.json["error"]["code"]) == (ExitCode.USAGE, code)


def test_cancelling_twice_reaches_the_same_goal(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    cli.book(slot)
    first = cli.ask("cancel", "--ticket", "t.json", "--by", "clinic", "--why", "practitioner_away", "--json")
    assert (first.code, first.json["cancelled"]["already_gone"]) == (ExitCode.SUCCESS, False)
    again = cli.ask("cancel", "--ticket", "t.json", "--json")
    assert (again.code, again.json["cancelled"]["already_gone"]) == (ExitCode.SUCCESS, True)
    assert cli.live() == []


def test_an_id_that_the_vendor_does_not_know_is_not_called_cancelled(cli: CommandLine) -> None:
    ran = cli.ask("cancel", "--booking", "3f0c1d20-0000-11ef-8000-00000000dead", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (ExitCode.REJECTED, "booking_not_found")


def test_cancel_wants_one_thing_to_cancel_and_known_words(cli: CommandLine) -> None:
    for words in ([], ["--ticket", "t.json", "--booking", "1"]):
        assert cli.ask("cancel", *words, "--json").json["error"]["code"] == "cancel_what"
    assert cli.ask("cancel", "--booking", "1", "--by", "nobody").code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("patient", "code", "exit_code"),
    [
        ("not json", "patient_file_not_json", ExitCode.USAGE),
        ("[]", "patient_file_not_json", ExitCode.USAGE),
        ('{"given_name": "Canary", "shoe_size": 43}', "patient_file_unknown", ExitCode.USAGE),
        ('{"given_name": "Canary", "birth_date": "canary"}', "bad_day", ExitCode.USAGE),
        ('{"given_name": "Canary"}', "patient_field_required", ExitCode.REJECTED),
        ('{"given_name": ["Canary"], "email": "canary@example.no"}', "invalid_request", ExitCode.REJECTED),
    ],
)
def test_a_patient_that_can_not_be_used_is_told_without_repeating_it(
    cli: CommandLine, patient: str, code: str, exit_code: ExitCode
) -> None:
    (slot,) = cli.slots()
    which = ["--practitioner", slot["practitioner_id"], "--service", slot["service_id"], "--start", slot["start"]]
    ran = cli.ask("book", *which, "--patient-file", "-", "--json", typed=patient)
    assert (ran.code, ran.json["error"]["code"]) == (exit_code, code)
    assert "canary" not in (ran.out + ran.err).casefold()
    assert len(cli.mock.world.journal.of("book")) == 0


def test_without_terminal_or_file_there_is_no_patient(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    which = ["--practitioner", slot["practitioner_id"], "--service", slot["service_id"], "--start", slot["start"]]
    assert cli.ask("book", *which, "--json").json["error"]["code"] == "no_patient"


def test_a_practitioner_is_found_by_id_or_by_a_name_that_only_one_has(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    nobody = cli.book({**slot, "practitioner_id": "Ingen"}, "--json")
    assert (nobody.code, nobody.json["error"]["code"]) == (ExitCode.USAGE, "no_practitioner")
    assert cli.book({**slot, "service_id": "Ingenting"}, "--json").json["error"]["code"] == "no_service"
    assert cli.book({**slot, "practitioner_id": slot["practitioner"].upper()}).code == ExitCode.SUCCESS


def test_an_unusual_sakid_is_remarked_and_sent(cli: CommandLine) -> None:
    (slot,) = cli.slots()
    ran = cli.book(slot, "--sakid", "6qptr")
    assert ran.code == ExitCode.SUCCESS
    assert "SakID" in ran.err
    assert "6qptr" not in ran.err
    (booked,) = [one for one in cli.mock.world.clinic.all_appointments() if one.source == "online"]
    assert "SakID: 6qptr" in booked.note


def test_a_ticket_finds_the_booking_again_where_the_reference_stands_in_the_patients_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mock = make_mock("easypractice", seed=None)
    with mock.serve() as server:
        cli = CommandLine(mock, server.url)
        first = mock.world.clock.now().date() + timedelta(days=3)
        days = ("--from", first.isoformat(), "--to", (first + timedelta(days=7)).isoformat())
        (slot,) = cli.ask("slots", *days, "--at-most", "1", "--json").json["slots"]
        assert cli.book(slot).code == ExitCode.SUCCESS
        found = cli.ask("resolve", "--ticket", "t.json", "--json")
    assert found.json["resolution"] in ("booked", "still_unknown")  # it is not settled yet for another process
    assert {"looked_at": "reference", "saw": "found"}.items() <= found.json["evidence"][0].items()
