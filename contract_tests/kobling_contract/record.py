"""What stands of a patient in the clinic's record, field by field against what a booking gave."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from kobling import Patient
from kobling_mocks.clinic import Patient as Record

from .rig import WireCall

__all__ = ["Compared", "on_record", "said_in"]


NATIONAL = 8
"""Digits of a telephone number without its country."""


@dataclass(frozen=True)
class Compared:
    """Names of fields: those that stand as given, those that stand otherwise, those that the mock keeps nowhere though
    they were sent, and those that were never sent."""

    same: tuple[str, ...]
    other: tuple[str, ...]
    unkept: tuple[str, ...]
    unsent: tuple[str, ...]


@dataclass(frozen=True)
class _Field:
    """What the record has of a field, and whether that is what was given. of: the names of the patient's fields."""

    of: tuple[str, ...]
    kept: Callable[[Record], object]
    same: Callable[[Any, Patient], bool]


def on_record(record: Record, patient: Patient, declared: Iterable[str], said: str) -> Compared:
    """Compare what the adapter declares to send of the patient. said: everything that the requests said."""
    found: dict[str, list[str]] = {"same": [], "other": [], "unkept": [], "unsent": []}
    for name, field in _FIELDS.items():
        if not set(field.of) <= set(declared):
            continue
        kept = field.kept(record)
        if kept:
            found["same" if field.same(kept, patient) else "other"].append(name)
        else:
            found["unkept" if _was_sent(name, field, patient, said) else "unsent"].append(name)
    return Compared(**{kind: tuple(names) for kind, names in found.items()})


def _was_sent(name: str, field: _Field, patient: Patient, said: str) -> bool:
    """Whether requests said it, in whichever spelling. A day is written in many ways: any text with its year is one."""
    digits = re.sub(r"\D", "", said)
    if name == "phone":
        return re.sub(r"\D", "", patient.phone or "")[-NATIONAL:] in digits
    if name == "birth_date":
        return patient.birth_date is None or any(patient.birth_date.strftime(form) in digits for form in _DAYS)
    return all(_plain(str(getattr(patient, one))) in _plain(said) for one in field.of)


_DAYS = ("%Y", "%d%m%y", "%y%m%d")


def said_in(calls: Iterable[WireCall]) -> str:
    """Everything that requests say, as they are written and decoded."""
    texts = []
    for call in calls:
        raw = f"{call.request.url}\n{call.request.body.decode('utf-8', 'replace')}"
        texts += [raw, unquote_plus(raw)]
        try:
            texts.append(json.dumps(json.loads(call.request.body), ensure_ascii=False))
        except ValueError:
            continue
    return "\n".join(texts)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def _same_name(kept: str, patient: Patient) -> bool:
    """One field for the whole name: given name first, or the family name with a comma after it."""
    given, family = patient.given_name or "", patient.family_name or ""
    return _plain(kept) in (_plain(f"{given} {family}"), _plain(f"{family}, {given}"))


def _same_phone(kept: str, patient: Patient) -> bool:
    """The same digits with their country: a number without + or 00 is read as one of the clinic's own country."""
    held, given = (re.sub(r"^00", "+", re.sub(r"[\s().-]", "", one)) for one in (kept, patient.phone or ""))
    return held == given


_FIELDS: Mapping[str, _Field] = {
    "name": _Field(("given_name", "family_name"), lambda record: record.name, _same_name),
    "birth_date": _Field(
        ("birth_date",), lambda record: record.birth_date, lambda kept, patient: kept == patient.birth_date
    ),
    "phone": _Field(("phone",), lambda record: record.phone, _same_phone),
    "email": _Field(
        ("email",), lambda record: record.email, lambda kept, patient: _plain(kept) == _plain(patient.email or "")
    ),
    "national_id": _Field(
        ("national_id",), lambda record: record.national_id, lambda kept, patient: kept == patient.national_id
    ),
}
