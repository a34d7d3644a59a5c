"""Which values of an exchange the text beside it speaks of: ids, codes, times, digests, statuses and names.

A word of the sentence is never one, however often it stands in the exchange, and neither is a part of a value, the name
of a field or of a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo

__all__ = ["marked_in", "marks_in", "spans", "spelled", "words_in"]

SHORTEST_NUMBER = 5
"""Digits of a number that may be an id; a shorter one is how many there are."""
ABBREVIATIONS = frozenset({"CEST", "CET", "DELETE", "GET", "HTML", "HTTP", "JSON", "PATCH", "POST", "PUT", "SDK", "URL",
                           "UTC"})  # fmt: skip
_TOKEN = re.compile(r"[^\W_](?:[\w.:+-]*[^\W_])?")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::\d\d)? ?(Z\b|[A-Z]{3,4}\b|[+-]\d\d:?\d\d\b)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_DIGEST = re.compile(r"#[0-9a-f]{10}\b")
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{2,80})[\"”]")
_STATUS = re.compile(r"\b(?:answered|status):? (\d{3})\b")
_STATE = re.compile(r"\b(?:status|state) ([a-z_]{3,})\b")
_TEXT = re.compile(r'"((?:[^"\\\n]|\\.){3,80})"(?!\s*:)')


def marks_in(said: str, zone: tzinfo | None = None) -> tuple[str, ...]:
    """The values that a text for people names, in every spelling that a vendor may have for them. zone: the clinic's,
    in which a time without an offset is meant."""
    return tuple(dict.fromkeys(_values(said, zone)))


def spelled(moment: datetime, zone: tzinfo) -> tuple[str, ...]:
    """A moment in every spelling that a vendor may have for it, always in the same order."""
    return tuple(_spellings(moment.astimezone(UTC).replace(tzinfo=None), "UTC", zone))


def words_in(said: str) -> tuple[str, ...]:
    """Every word of four letters or more, for an answer that has none of the values."""
    return tuple(dict.fromkeys(one for one in _TOKEN.findall(said) if len(one) > 3))


def marked_in(exchange: str, said: str, zone: tzinfo | None = None) -> tuple[str, ...]:
    """The values of an exchange that a text beside it names, names of people and places among them."""
    named = (text for text in _TEXT.findall(exchange) if _is_name(text) and _stands_in(text, said))
    return tuple(one for one in dict.fromkeys([*marks_in(said, zone), *named]) if next(spans(exchange, [one]), None))


def spans(text: str, marks: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where the marks stand in a text, each as a whole value."""
    if marks:
        each = "|".join(map(_bounded, sorted(marks, key=len, reverse=True)))
        for found in re.finditer(rf'(?:{each})(?!=|"\s*:|(?<=")\s*:)', text):
            yield found.span()


def _bounded(mark: str) -> str:
    """A mark as a pattern: a word is no part of another, an id or a time may be joined to one by an underscore, and an
    id of digits to others by a hyphen."""
    beside = r"[^\W_]" if any(sign.isdecimal() for sign in mark) else r"\w"
    joined = ":.+" if mark.isdecimal() else ":.+-"
    return rf"(?<!{beside}){re.escape(mark)}(?!{beside}|[{joined}]\d)"


def _values(said: str, zone: tzinfo | None) -> Iterator[str]:
    for day, clock, offset in _MOMENT.findall(said):
        yield from _spellings(datetime.fromisoformat(f"{day}T{clock}"), offset, zone)
    rest = _MOMENT.sub(" ", said)
    yield from _DAY.findall(rest)
    yield from _DIGEST.findall(rest)
    yield from _QUOTED.findall(rest)
    rest = _DIGEST.sub(" ", rest)
    for status in _STATUS.findall(rest):
        yield from (f"answered: {status}", f"answered {status}", f"adapter: {status}")
    yield from (f'"{state}"' for state in _STATE.findall(rest))
    yield from filter(_is_value, _TOKEN.findall(rest))


def _is_value(token: str) -> bool:
    """Whether a word can only be a value: it has a digit or an underscore, or is all in capitals."""
    if token.isdecimal():
        return len(token) >= SHORTEST_NUMBER
    if len(token) < 4 or not any(sign.isalpha() for sign in token):
        return False
    if any(sign.isdecimal() for sign in token) or "_" in token:
        return True
    return token.isupper() and token not in ABBREVIATIONS


def _is_name(text: str) -> bool:
    """Whether a value is the name of somebody or something, and no word that a sentence may have too."""
    return text[0].isupper() or (" " in text and not text.islower())


def _stands_in(text: str, said: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", said) is not None


def _spellings(clock: datetime, offset: str, zone: tzinfo | None) -> Iterator[str]:
    """A moment as wires spell it: on the clinic's clock with its offset or without, and in UTC."""
    moment = _moment(clock, offset, zone)
    local = moment.astimezone(zone) if moment is not None and zone is not None else moment or clock
    ahead = f"{local:%z}"
    told: list[tuple[datetime, tuple[str, ...]]] = [
        (local, ("", ahead, f"{ahead[:3]}:{ahead[3:]}") if ahead else ("",))
    ]
    if moment is not None:
        told.append((moment.astimezone(UTC), ("Z", "+00:00", "+0000")))
    for at, offsets in told:
        for form in ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"):
            yield from (f"{at:{form}}{one}" for one in offsets)


def _moment(clock: datetime, offset: str, zone: tzinfo | None) -> datetime | None:
    """The moment that is told; None where nobody knows in which zone."""
    if offset in ("UTC", "Z"):
        return clock.replace(tzinfo=UTC)
    if offset[:1] in ("+", "-"):
        hours, minutes = int(offset[1:3]), int(offset[-2:])
        ahead = timedelta(hours=hours, minutes=minutes)
        return clock.replace(tzinfo=timezone(ahead if offset[0] == "+" else -ahead))
    if zone is None:
        return None
    both = [clock.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    return next((one for one in both if one.tzname() == offset), both[0])
