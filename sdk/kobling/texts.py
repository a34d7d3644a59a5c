"""Texts that people read, from `messages/nb.toml` and `messages/en.toml`; nowhere else is such a text written."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

from .localtime import Zone, local

if TYPE_CHECKING:
    from .errors import KoblingError
    from .report import Finding

Language = Literal["nb", "en"]
LANGUAGES: tuple[Language, ...] = ("nb", "en")


_ANY_ERROR: Final = "contract_violation"
"""What is said of an error that has no text: an adapter made it up."""
_ANY_DEFECT: Final = "exception"


@cache
def messages(lang: Language) -> dict[str, Any]:
    """The whole message file of a language, as nested tables."""
    return tomllib.loads((files(__package__) / "messages" / f"{lang}.toml").read_text("utf-8"))


def text(table: str, key: str, lang: Language, /, **values: object) -> str:
    """One text with its placeholders filled in. An unknown key is a `KeyError`: a test holds the files complete."""
    return str(messages(lang)[table][key]).format(**values)


def field_names(fields: tuple[str, ...], lang: Language, *, quoted: bool = False) -> str:
    """Fields as people know them, joined with "and": `("external_id", "api_key")` → "Ekstern ID og API-nøkkel".

    quoted: for a sentence, where the labels of the form stand in quotation marks: "«Ekstern ID» og «API-nøkkel»".
    """
    tables = messages(lang)
    label = str(tables["word"]["label"]) if quoted else "{name}"
    labels = {field: label.format(name=name) for field, name in tables["label"].items()}
    named = [str(labels.get(field, tables["field"].get(field, field))) for field in fields]
    joiner = " og " if lang == "nb" else " and "
    return joiner.join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def clock_time(moment: datetime, now: datetime, zone: Zone, lang: Language) -> str:
    """A moment on a zone's wall clock in whole minutes, never too early: "kl. 14:05", and with the date when it is not
    the day of `now` there."""
    into_the_minute = timedelta(seconds=moment.second, microseconds=moment.microsecond)
    shown = local(moment + -into_the_minute % timedelta(minutes=1), zone)
    key = "clock_today" if shown.date() == local(now, zone).date() else "clock_on_a_day"
    return text("word", key, lang, time=f"{shown:%H:%M}", day=shown.day, month=shown.month, year=shown.year)


def whole_minutes(span: timedelta) -> int:
    """A span in minutes, rounded up."""
    return max(0, -(-span // timedelta(minutes=1)))


def explain_entry(table: str, key: str, lang: Language, *, actor: str = "", **values: object) -> str:
    """What happened, what to do, and who can: by the entry's own words, or by the name of an actor."""
    tables = messages(lang)
    entry = tables[table][key]
    parts = [entry["what"], entry["do"], entry.get("who", ""), tables["actor"].get(actor, "")]
    return " ".join(part.format(**values) for part in parts if part)


def explain_error(error: KoblingError, lang: Language) -> str:
    """What happened, the reason when it has a text of its own, what to do, and who can do it. For some reasons
    something else has happened, or is to be done, than for the error in general."""
    tables = messages(lang)
    # An adapter's own subclass of an error says what the class that it narrows says.
    codes = (getattr(cls, "code", "") for cls in type(error).__mro__)
    entry = next((tables["error"][code] for code in codes if code in tables["error"]), tables["error"][_ANY_ERROR])
    values = {
        "vendor": error.vendor_name or error.vendor or tables["word"]["vendor"],
        "fields": field_names(error.fields, lang, quoted=True) or tables["word"]["details"],
        "target": error.target,
    }
    because = tables["because"].get(error.because, "")
    what = tables["instead"].get(error.because, entry["what"])
    remedy = _remedy(tables, error.because, entry["do"], error.actor)
    parts = [what, because, remedy, tables["actor"][error.actor]]
    return " ".join(part.format(**values) for part in parts if part)


def _remedy(tables: dict[str, Any], because: str, general: str, actor: str) -> str:
    """What a reason calls for. Where nobody has to correct anything, the vendor's own address failed, and there is
    nothing typed to be checked."""
    return general if actor == "nobody" else str(tables["remedy"].get(because, general))


def explain_defect(because: str, lang: Language) -> str:
    """For the adapter's author: what the adapter did and how to write it instead. Any reason that has no text of its
    own is the class of an exception that the adapter's code raised."""
    entry = messages(lang)["defect"][defect_topic(because)]
    return f"{entry['what']} {entry['do']}"


def defect_topic(because: str) -> str:
    """A reason that has a text of its own, or the one for all others."""
    return because if because in messages("en")["defect"] else _ANY_DEFECT


def explain_finding(finding: Finding, lang: Language) -> str:
    """A finding as a person reads it. A finding that stems from an error has that error's texts."""
    tables = messages(lang)
    values = {
        "vendor": finding.vendor or tables["word"]["vendor"],
        "fields": field_names(finding.fields, lang, quoted=True) or tables["word"]["details"],
        "target": finding.target,
        "subject": finding.subject,
        "evidence": ", ".join(finding.evidence),
    }
    entry = tables["finding"].get(finding.code) or tables["error"].get(finding.code, tables["error"][_ANY_ERROR])
    because = tables["because"].get(finding.because, "")
    remedy = _remedy(tables, finding.because, entry["do"], finding.actor)
    guess = tables["word"]["inferred"] if finding.inferred else ""
    # "Just wait" is said of what is wrong, and not of a remark that somebody may look into.
    who = "" if (finding.severity, finding.actor) == ("info", "nobody") else tables["actor"][finding.actor]
    parts = [entry["what"], because, remedy, who, guess]
    return " ".join(part.format(**values) for part in parts if part)
