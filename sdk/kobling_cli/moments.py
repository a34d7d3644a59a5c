"""Moments as people write and read them on the clinic's clock, and as machines do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from kobling.localtime import zone_of

from .problems import Problem
from .wording import Language, words


def parse_moment(text: str) -> datetime:
    """`2026-11-24T09:00` (also with a blank for the T): naive, the clinic's wall clock. With an offset or Z: aware.

    Raises `Problem` for anything else.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Problem("bad_moment") from None
    if len(text.strip()) <= len("2026-11-24"):
        raise Problem("bad_moment")
    return moment


def parse_aware(text: str) -> datetime:
    """As `parse_moment`, but the offset must be there."""
    moment = parse_moment(text)
    if moment.utcoffset() is None:
        raise Problem("needs_offset")
    return moment


def parse_day(text: str | None, default: date) -> date:
    """`2026-11-24`, or `default` when nothing was given. Raises `Problem`."""
    if text is None:
        return default
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Problem("bad_day") from None


def is_at(start: datetime, zone: str, wanted: datetime) -> bool:
    """True when an instant is the wanted one: compared as instants, or on the clinic's clock when `wanted` is naive."""
    if wanted.utcoffset() is not None:
        return start == wanted
    return start.astimezone(zone_of(zone)).replace(tzinfo=None) == wanted


def local_day(wanted: datetime, zone: str) -> date:
    """The clinic's local day of a moment from `parse_moment`."""
    return (wanted if wanted.utcoffset() is None else wanted.astimezone(zone_of(zone))).date()


def shown_moment(moment: datetime, zone: str, lang: Language) -> str:
    """`tir. 24. nov. 09:00` or `Tue 24 Nov 09:00`, on the clinic's clock; with its offset in the repeated hour."""
    local = moment.astimezone(zone_of(zone))
    table = words(lang)["calendar"]
    dot = "." if lang == "nb" else ""
    text = f"{table['days'][local.weekday()]} {local.day}{dot} {table['months'][local.month - 1]} {local:%H:%M}"
    before, after = moment - timedelta(hours=1), moment + timedelta(hours=1)
    twice = any(other.astimezone(zone_of(zone)).replace(tzinfo=None) == local.replace(tzinfo=None)
                for other in (before, after))  # fmt: skip
    return f"{text} ({local:%z})" if twice else text


def machine_moment(moment: datetime) -> str:
    """ISO 8601 in UTC, ending in Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
