"""`kobling` in this process against a served mock: quick, and every command is watched for the key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from kobling_cli.app import app
from kobling_mocks import Mock

KARI = {"given_name": "Kari", "family_name": "Hemmelig", "birth_date": "1980-01-02", "email": "hemmelig@example.no"}


@dataclass
class Ran:
    """What one command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """A served mock and commands to ask it. Every command gets the key by the environment."""

    def __init__(self, mock: Mock, url: str) -> None:
        self.mock = mock
        self.url = url

    def run(self, *arguments: str, key: str | None = "", typed: str = "") -> Ran:
        """One command as typed. key: None for no variable at all, "" for the mock's own."""
        own = self.mock.connection["api_key"]
        env = {"KOBLING_API_KEY": own if key == "" else key}
        done = CliRunner().invoke(app, list(arguments), env=env, input=typed)
        assert own not in done.output
        assert not key or key not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)

    def ask(self, command: str, *arguments: str, key: str | None = "", typed: str = "", **fields: str) -> Ran:
        """A vendor command with the mock's own connection, or other fields of it."""
        given = {**self.mock.connection, **fields}
        details = [
            part
            for name in ("external_id", "department_id", "booking_url")
            if given[name]
            for part in (f"--{name.replace('_', '-')}", given[name])
        ]
        return self.run(
            command, self.mock.dialect.key, "--origin", self.url, *details, *arguments, key=key, typed=typed
        )

    def slots(self, count: int = 1) -> list[dict[str, Any]]:
        """Open times more than a day ahead, so that none is past a deadline."""
        ran = self.ask("slots", "--from", "2026-11-27", "--to", "2026-12-04", "--at-most", str(count), "--json")
        assert ran.code == 0, ran.err
        found: list[dict[str, Any]] = ran.json["slots"]
        return found

    def book(self, slot: dict[str, Any], *more: str, patient: dict[str, Any] | None = None) -> Ran:
        """Book a slot with the ticket t.json; the patient comes on standard input."""
        which = ["--practitioner", slot["practitioner_id"], "--service", slot["service_id"], "--start"]
        given = json.dumps(KARI if patient is None else patient)
        words = [*which, slot["local_start"], "--patient-file", "-", "--ticket", "t.json", *more]
        return self.ask("book", *words, typed=given)

    def live(self) -> list[str]:
        """Ids of the appointments that were booked over the wire and stand."""
        return [one.id for one in self.mock.world.clinic.all_appointments() if one.source == "online" and one.live]
