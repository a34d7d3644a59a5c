"""Where a patient may come from: a JSON file, standard input, or prompts. Never an argument."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import typer

from kobling import Adapter, Patient

from .keys import reason_of
from .output import Output
from .problems import Problem

MESSAGE = "message"
FIELDS = (*Patient.model_fields, MESSAGE)
"""What a patient file may hold: the patient, and the text for the clinic, which is about them."""


def read_patient(adapter: type[Adapter], file: str | None, out: Output) -> tuple[Patient, str | None]:
    """The patient and the text for the clinic: from the file (`-` for standard input), else typed field by field.

    Asked for is what the vendor needs or takes, and name and birth date, which the clinic knows the patient by.
    """
    if file is not None:
        return _from_text(_text_of(file))
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Problem("no_patient")
    wanted = adapter.patient_fields.declared | {"given_name", "family_name", "birth_date", MESSAGE}
    given: dict[str, Any] = {}
    for name in FIELDS:
        if name in wanted:
            typed = typer.prompt(out.say("patient", name), default="", show_default=False, err=True).strip()
            given[name] = typed or None
    return _made(given)


def _text_of(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text("utf-8")
    except OSError as problem:
        raise Problem("patient_file_unreadable", reason=reason_of(problem)) from None
    except ValueError:
        raise Problem("patient_file_not_json", fields=", ".join(FIELDS)) from None


def _from_text(text: str) -> tuple[Patient, str | None]:
    try:
        data = json.loads(text)
    except ValueError:
        raise Problem("patient_file_not_json", fields=", ".join(FIELDS)) from None
    if not isinstance(data, dict):
        raise Problem("patient_file_not_json", fields=", ".join(FIELDS))
    if set(data) - set(FIELDS):
        raise Problem("patient_file_unknown", fields=", ".join(FIELDS))
    return _made(data)


def _made(given: dict[str, Any]) -> tuple[Patient, str | None]:
    """Raises `Problem` for a day that can't be read, and `InvalidRequest` naming other fields that are wrong."""
    born = given.get("birth_date")
    if isinstance(born, str):
        try:
            given = {**given, "birth_date": date.fromisoformat(born)}
        except ValueError:
            raise Problem("bad_day") from None
    message = given.get(MESSAGE) or None
    return Patient(**{name: value for name, value in given.items() if name != MESSAGE}), message
