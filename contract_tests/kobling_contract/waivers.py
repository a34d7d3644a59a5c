"""Waivers: rules that are known not to hold for a while, each with its reason and last day, read from a file.

    [[waiver]]
    rule = "SLOT-07"
    reason = "the vendor mends it in March, ticket 4711"
    until = 2027-03-31

A safety rule can't be waived. A waiver is for 12 months ahead at most, and one that has run out is an error: it says
that somebody must look.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .rule import Rule

__all__ = ["BadWaiver", "Waiver", "checked", "read_waivers"]

FIELDS = frozenset({"rule", "reason", "until"})
TEXTS: Mapping[str, str] = {
    "waivers_not_toml": "the waivers are not TOML: {what}",
    "waivers_shape": "a waiver is a table [[waiver]] with rule, reason and until (a date): {what}",
    "waiver_no_rule": "there is no rule {rule}",
    "waiver_twice": "{rule} is waived twice",
    "waiver_of_safety": "{rule} is a safety rule and can't be waived: {title}",
    "waiver_without_reason": "the waiver of {rule} has no reason",
    "waiver_too_long": "the waiver of {rule} runs until {until}, and a waiver may run for 12 months at most, so today "
    "until {latest}: name an earlier day; what must wait longer is decided anew then",
    "waiver_over": "the waiver of {rule} ran out on {until}: mend the adapter, or decide anew until when it may wait",
}
"""What may be wrong with waivers; the command line has the same codes in its own words."""


@dataclass(frozen=True)
class Waiver:
    """A rule that is known not to hold for a while: which, why, and until which day (the last one)."""

    rule: str
    reason: str
    until: date


class BadWaiver(ValueError):
    """A waiver that can't be used. code: a key of `TEXTS`; values: what stands in its text."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(TEXTS[code].format(**values))
        self.code = code
        self.values = values


def read_waivers(text: str) -> tuple[Waiver, ...]:
    """The waivers of a file's text. Raises `BadWaiver` for what is no list of waivers."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = str(error)
    else:
        strange = sorted(set(found) - {"waiver"})
        if strange:
            raise BadWaiver("waivers_shape", what=f"unknown: {', '.join(strange)}")
        rows = found.get("waiver", [])
        if not isinstance(rows, list):
            raise BadWaiver("waivers_shape", what="write [[waiver]], with two brackets")
        return tuple(_waiver(row) for row in rows)
    raise BadWaiver("waivers_not_toml", what=what)


def _waiver(row: Any) -> Waiver:
    found = sorted(row) if isinstance(row, Mapping) else []
    if set(found) != FIELDS:
        raise BadWaiver("waivers_shape", what=f"found {', '.join(found) or 'no table'}")
    rule, reason, until = row["rule"], row["reason"], row["until"]
    if not isinstance(rule, str) or not isinstance(reason, str):
        raise BadWaiver("waivers_shape", what="rule and reason are texts")
    if not isinstance(until, date) or isinstance(until, datetime):
        raise BadWaiver("waivers_shape", what="until is a date without quotes, as 2027-03-31")
    return Waiver(rule.upper(), reason, until)


def checked(waivers: Iterable[Waiver], rules: Iterable[Rule], today: date) -> dict[str, Waiver]:
    """The waivers by rule. rules: all of the catalogue. Raises `BadWaiver` for one that can't be used today."""
    known = {rule.id: rule for rule in rules}
    found: dict[str, Waiver] = {}
    latest = _a_year_after(today)
    for waiver in waivers:
        rule = known.get(waiver.rule)
        if rule is None:
            raise BadWaiver("waiver_no_rule", rule=waiver.rule)
        if rule.safety:
            raise BadWaiver("waiver_of_safety", rule=rule.id, title=rule.title)
        if rule.id in found:
            raise BadWaiver("waiver_twice", rule=rule.id)
        if not waiver.reason.strip():
            raise BadWaiver("waiver_without_reason", rule=rule.id)
        if waiver.until < today:
            raise BadWaiver("waiver_over", rule=rule.id, until=waiver.until)
        if waiver.until > latest:
            raise BadWaiver("waiver_too_long", rule=rule.id, until=waiver.until, latest=latest)
        found[rule.id] = waiver
    return found


def _a_year_after(day: date) -> date:
    """The same day of the next year; of 29 February, 28 February."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, day=28)
