"""A vendor's sandbox is asked with manners: consent, a budget, a ledger that survives a kill, and everything cancelled.

The sandbox here is a mock on loopback; runs are child processes where they are killed, and this process elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kobling import BookingRef, CancelReason
from kobling_cli.app import app
from kobling_contract.contract import chosen
from kobling_contract.ledger import Ledger
from kobling_contract.live import TEST_MESSAGE, Budget, LiveTarget, Sandbox, variable
from kobling_contract.pace import Pace
from kobling_contract.runner import NOT_SUPPORTED, run_rule
from kobling_contract.target import TargetUnavailable, find_target
from kobling_contract.targets import open_live
from kobling_contract.verdicts import Verdict
from kobling_mocks import Fault, Mock
from kobling_mocks.clinic import Clock, demo_clinic

BOOKS, READS = chosen(["WIRE-07"])[0], chosen(["WIRE-04"])[0]
LIVE_STATES = ("booked", "pending")


class Served:
    """A mock that plays the sandbox, and the environment that names it."""

    def __init__(self, vendor: str, *, today: bool = False) -> None:
        self.found = find_target(vendor)
        clinic = demo_clinic(Clock(datetime.now(UTC)), weeks=3) if today else demo_clinic(weeks=2)
        self.mock = Mock(self.found.dialect or vendor, clinic)
        self.vendor = vendor
        self.server = self.mock.serve()

    @property
    def environment(self) -> dict[str, str]:
        facts = {
            **self.mock.connection,
            "origin": self.server.url,
            "options": json.dumps(self.mock.options),
            "sandbox_host": "127.0.0.1",
        }
        return {variable(self.vendor, name): value for name, value in facts.items() if value}

    def target(self, ledger: Path, bookings: int) -> LiveTarget:
        """The target in this process, on the mock's own day."""
        return LiveTarget(
            self.found.adapter,
            sandbox=Sandbox(
                self.mock.connection, self.mock.options, self.server.url, pace=lambda: Pace(self.mock.world.clock)
            ),
            budget=Budget(bookings),
            ledger=Ledger(ledger),
        )

    def standing(self) -> list[str]:
        """Notes of the suite's bookings that stand at the clinic."""
        return [
            f"{one.note} {one.patient_comment}"
            for one in self.mock.world.clinic.all_appointments()
            if one.source != "staff" and one.state in LIVE_STATES
        ]


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    opened: list[Served] = []

    def made(vendor: str = "extensor", *, today: bool = False) -> Served:
        opened.append(Served(vendor, today=today))
        return opened[-1]

    yield made
    for one in opened:
        one.server.stop()


# ---- consent


def test_a_host_that_nobody_declared_a_sandbox_is_not_asked(serve: Callable[..., Served]) -> None:
    sandbox = serve()
    for declared in ("", "sandbox.example.test"):
        environment = {**sandbox.environment, "KOBLING_LIVE_EXTENSOR_SANDBOX_HOST": declared}
        with pytest.raises(TargetUnavailable, match="set KOBLING_LIVE_EXTENSOR_SANDBOX_HOST=127") as refused:
            open_live("extensor", environment)
        assert sandbox.mock.connection["api_key"] not in str(refused.value)
    assert len(sandbox.mock.world.journal) == 0


def test_the_vendors_own_host_is_not_taken_for_a_sandbox_because_an_origin_was_forgotten(
    serve: Callable[..., Served],
) -> None:
    environment = {name: value for name, value in serve("eg-pasientsky").environment.items() if "ORIGIN" not in name}
    with pytest.raises(TargetUnavailable, match=r"psno-portal\.svc\.pasientsky\.no would be asked"):
        open_live("eg-pasientsky", environment)


@pytest.mark.parametrize("missing", ["API_KEY", "EXTERNAL_ID", "BOOKING_URL"])
def test_a_connection_that_is_not_complete_names_the_variable(serve: Callable[..., Served], missing: str) -> None:
    environment = serve().environment
    del environment[f"KOBLING_LIVE_EXTENSOR_{missing}"]
    with pytest.raises(TargetUnavailable, match=f"set KOBLING_LIVE_EXTENSOR_{missing}"):
        open_live("extensor", environment)


# ---- manners


@pytest.mark.parametrize("vendor", ["eg-pasientsky", "extensor", "easypractice", "synthetic"])
def test_rules_hold_at_a_sandbox_and_leave_nothing_standing(
    serve: Callable[..., Served], tmp_path: Path, vendor: str
) -> None:
    sandbox = serve(vendor)
    target = sandbox.target(tmp_path / "ledger.jsonl", bookings=5)
    for rule in (READS, BOOKS):
        result = run_rule(rule, target, 1)
        assert result.verdict is Verdict.PASS, f"{result.reason}{result.got}"
    assert [one.gone for one in target.ledger.entries()] == ["cancelled", "cancelled"]
    assert sandbox.standing() == []
    every = sandbox.mock.world.clinic.all_appointments()
    patients = [sandbox.mock.world.clinic.patient(one.patient_id) for one in every if one.source != "staff"]
    notes = [f"{one.note} {one.patient_comment}" for one in every] + [one.notes for one in patients if one]
    assert sum(TEST_MESSAGE in note for note in notes) >= 2


def test_without_leave_to_write_nothing_is_booked_and_the_rule_is_not_provable(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    sandbox = serve()
    target = sandbox.target(tmp_path / "ledger.jsonl", bookings=0)
    result = run_rule(BOOKS, target, 1)
    assert (result.verdict, "--allow-writes" in result.reason) == (Verdict.NOT_PROVABLE, True)
    assert run_rule(READS, target, 1).verdict is Verdict.PASS
    assert sandbox.mock.world.journal.of("bestill") == ()
    assert not target.ledger.path.exists()


def test_a_vendor_that_can_only_be_searched_is_asked_for_nothing_more(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    target = serve("synthetic-search-only").target(tmp_path / "ledger.jsonl", bookings=5)
    result = run_rule(BOOKS, target, 1)
    assert (result.verdict, result.reason) == (Verdict.SKIP, f"{NOT_SUPPORTED}: book, cancel")
    assert run_rule(READS, target, 1).verdict is Verdict.PASS
    assert not target.ledger.path.exists()


def test_a_budget_that_is_used_up_ends_the_rule_before_the_booking(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    sandbox = serve()
    target = sandbox.target(tmp_path / "ledger.jsonl", bookings=1)
    result = run_rule(BOOKS, target, 1)  # both sides book once
    assert (result.verdict, "budget" in result.reason) == (Verdict.VACUOUS, True)
    assert len(target.ledger.entries()) == 1
    assert sandbox.standing() == []


def test_a_booking_that_the_suite_did_not_make_is_not_cancelled(serve: Callable[..., Served], tmp_path: Path) -> None:
    rig = serve().target(tmp_path / "ledger.jsonl", bookings=1).scene(READS, 1, "async").rig("demo")
    ref = BookingRef(connection_id=rig.session.connection_id, id="1715000042", confirmed=True)

    async def cancel() -> None:
        try:
            await rig.session.cancel(ref, CancelReason(by="registry"))
        finally:
            await rig.close()

    with pytest.raises(RuntimeError, match="did not make"):
        asyncio.run(cancel())


# ---- a run that is killed


def _killed(sandbox: Served, ledger: Path, until: Callable[[], bool]) -> None:
    """Start a run in a process of its own and kill it as soon as `until` says so."""
    command = [sys.executable, "-m", "kobling_cli", "certify", sandbox.vendor, "--target", "live", "--allow-writes",
               "2", "--rule", BOOKS.id, "--ledger", str(ledger)]  # fmt: skip
    child = subprocess.Popen(
        command, env={**os.environ, **sandbox.environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        deadline = time.monotonic() + 60
        while not until():
            assert child.poll() is None, child.stdout.read().decode() if child.stdout else ""
            assert time.monotonic() < deadline, "the run never got so far"
            time.sleep(0.1)
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()


def _clean(sandbox: Served, ledger: Path) -> tuple[int, list[dict[str, str]]]:
    done = CliRunner().invoke(
        app, ["live", "clean", sandbox.vendor, "--ledger", str(ledger), "--json"], env=sandbox.environment
    )
    assert sandbox.mock.connection["api_key"] not in done.output
    return done.exit_code, json.loads(done.stdout)["cleaned"]


def test_after_a_kill_between_booking_and_cancelling_the_ledger_cleans_up(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    sandbox, ledger = serve(today=True), tmp_path / "kobling-live" / "extensor.jsonl"
    sandbox.mock.world.faults.add(Fault(operation="avbestill", kind="slow", seconds=30.0, when="before_commit"))
    _killed(sandbox, ledger, lambda: bool(sandbox.mock.world.journal.of("avbestill")))
    assert len(sandbox.standing()) == 1
    assert sandbox.mock.connection["api_key"] not in ledger.read_text("utf-8")
    sandbox.mock.world.faults.clear()
    code, cleaned = _clean(sandbox, ledger)
    assert (code, [one["outcome"] for one in cleaned]) == (0, ["cancelled"])
    assert sandbox.standing() == []
    assert _clean(sandbox, ledger) == (0, [])


def test_a_booking_whose_answer_never_came_is_found_again_and_cancelled(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    sandbox, ledger = serve(today=True), tmp_path / "extensor.jsonl"
    sandbox.mock.world.faults.add(Fault(operation="bestill", kind="slow", seconds=30.0, when="after_commit"))
    _killed(sandbox, ledger, lambda: bool(sandbox.standing()))
    assert [one.ref for one in Ledger(ledger).open()] == [None]
    sandbox.mock.world.faults.clear()
    code, cleaned = _clean(sandbox, ledger)
    assert (code, [one["outcome"] for one in cleaned]) == (0, ["cancelled"])
    assert sandbox.standing() == []


def test_what_nobody_can_find_out_is_left_to_a_person(serve: Callable[..., Served], tmp_path: Path) -> None:
    sandbox = serve("eg-pasientsky", today=True)
    target = sandbox.target(tmp_path / "ledger.jsonl", bookings=1)
    sandbox.mock.world.faults.add(Fault(operation="book", kind="reset", when="after_commit"))
    assert run_rule(BOOKS, target, 1, repeats=0).verdict is Verdict.VACUOUS
    assert len(target.ledger.open()) == 1
    code, cleaned = _clean(sandbox, target.ledger.path)
    assert (code, [one["outcome"] for one in cleaned]) == (6, ["person"])
    assert len(target.ledger.open()) == 1


def test_a_line_that_a_crash_cut_off_is_no_booking(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"event": "about to bo', "utf-8")
    assert Ledger(path).entries() == ()


# ---- the command line


@pytest.mark.parametrize("vendor", ["extensor", "synthetic"])
def test_certify_record_and_scan_work_from_the_command_line(
    serve: Callable[..., Served], tmp_path: Path, vendor: str
) -> None:
    sandbox, directory = serve(vendor, today=True), tmp_path / "recordings"

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, list(arguments), env=sandbox.environment)
        assert sandbox.mock.connection["api_key"] not in done.output
        return done.exit_code, done.stdout

    ledger = ("--ledger", str(tmp_path / "ledger.jsonl"))
    code, said = run("record", vendor, str(directory), "--rule", "WIRE-04", "--allow-writes", "2", *ledger, "--json")
    told = json.loads(said)
    assert (code, told["leaks"]) == (0, [])
    assert [(one["recorded"], one["played"]) for one in told["recordings"]] == [("PASS", "PASS")]
    assert run("scan-cassettes", str(directory))[0] == 0
    played = ("--target", "cassette", "--cassettes", str(directory), "--rule", "WIRE-04", "--lang", "en")
    code, said = run("certify", vendor, *played)
    assert code == 0
    assert "can't know" in said
    path = directory / "WIRE-04.yaml"
    path.write_text(f"# Gunnhild Marstrander\n{path.read_text('utf-8')}", "utf-8")
    code, said = run("scan-cassettes", str(directory))
    assert code == 1
    assert "Gunnhild" not in said
    assert run("certify", vendor, "--target", "cassette", "--cassettes", str(tmp_path))[0] == 11
    assert run("certify", vendor, "--target", "live", "--rule", "WIRE-04", *ledger)[0] == 0


def test_a_mock_and_its_sandbox_are_compared_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Served("synthetic", today=True)
    alone = CliRunner().invoke(app, ["compare", "synthetic"])
    assert alone.exit_code == 11
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    alike = CliRunner().invoke(app, ["compare", "synthetic", "--json"])
    sandbox.server.stop()
    told = json.loads(alike.stdout)
    assert [one for one in told["differences"] if one["new"]] == []
    assert alike.exit_code == 0
    assert not any(call.effect != "none" for call in sandbox.mock.world.journal.calls), "it only reads"
    gone = CliRunner().invoke(app, ["compare", "synthetic", "--lang", "en"])
    assert gone.exit_code == 1
    assert "identify, what the adapter makes of it: mock read; sandbox vendor_" in gone.stdout
    assert sandbox.mock.connection["api_key"] not in alike.stdout + gone.stdout
