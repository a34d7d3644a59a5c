"""How a rule's texts name things: several by the first few and their number, times, calls, settings and losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from kobling import Slot
from kobling_mocks import Call
from kobling_mocks.clinic import Appointment

from .exchanges import Personal
from .rig import Rig

__all__ = [
    "WEEKDAYS",
    "calls_told",
    "clock_told",
    "counted",
    "day_told",
    "either",
    "facts_told",
    "loss_told",
    "setting_told",
    "slot_told",
    "some",
    "starts_told",
    "timebook_told",
    "times_needed",
    "type_told",
]

MOST_NAMED = 3
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def some(things: Iterable[object], none: str = "none", most: int = MOST_NAMED) -> str:
    """The first things by name, in the order of their names, and how many more there are. none: where there is
    nothing."""
    names = sorted({str(one) for one in things})
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}" if names else none


def either(things: Iterable[object]) -> str:
    """Things of which any one is right, at least one."""
    *others, last = sorted(map(str, things))
    return f"{', '.join(others)} or {last}" if others else last


def counted(number: int, what: str) -> str:
    """A number of things, of which one is named without an s."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def setting_told(setting: Mapping[str, object]) -> str:
    """The settings of a mock that a world was opened with."""
    told = ", ".join(f"{name}={value}" for name, value in setting.items())
    return f"mock set to {told}" if setting else "mock as usual"


def slot_told(slot: Slot) -> str:
    """Which time it is, in the vendor's own ids."""
    return f"{slot.start:%Y-%m-%d %H:%M} UTC (timebook {slot.practitioner_id}, type {slot.service_id})"


def day_told(day: date) -> str:
    """`Mon 2026-11-30`."""
    return f"{WEEKDAYS[day.weekday()]} {day}"


def timebook_told(rig: Rig, who: str) -> str:
    """A timebook by its id and its name, where no patient has part of that name too."""
    timebook = rig.clinic.timebook(rig.own(who))
    if timebook is None:
        return f"timebook {who} (none of the clinic's)"
    named = not Personal(rig).stands_in(timebook.public_name)
    return f"timebook {who} ({timebook.public_name})" if named else f"timebook {who}"


def type_told(rig: Rig, kind: str) -> str:
    """An appointment type by its id, its name and its length."""
    known = rig.clinic.type(rig.own(kind))
    return f"type {kind} " + (f"({known.name}, {known.minutes} min)" if known else "(none of the clinic's)")


def calls_told(calls: Sequence[Call], what: str = "call") -> str:
    """How many calls, and the vendor's names of them."""
    names = f" ({some(call.operation or call.path for call in calls)})" if calls else ""
    return f"{counted(len(calls), what)}{names}"


def loss_told(kind: str, when: str) -> str:
    """How an answer was lost, for people."""
    return f"answer lost, {kind} {'after' if when == 'after_commit' else 'before'} the vendor did its part"


def clock_told(rig: Rig, at: datetime) -> str:
    """A moment on the clinic's clock, for people."""
    return f"{at.astimezone(rig.tz):%Y-%m-%d %H:%M %Z}"


def starts_told(rig: Rig, made: Iterable[Appointment]) -> str:
    """How many appointments there are, and when, for people."""
    starts = [clock_told(rig, at) for at in sorted(one.start for one in made)]
    many = "s" if len(starts) > 1 else ""
    return f"{len(starts)} appointment{many} at {' and '.join(starts)}" if starts else "no appointment"


def facts_told(rig: Rig, facts: Mapping[str, object]) -> str:
    """Facts of a booking by their names, for people."""
    return ", ".join(
        f"{name} {clock_told(rig, value) if isinstance(value, datetime) else value}" for name, value in facts.items()
    )


def times_needed(rig: Rig, what: str, slots: Sequence[Slot]) -> str:
    """What a rule needs among open times, and what there was: the clinic, its department, the days, the practitioners.

    what: the missing times, as "two of two practitioners"."""
    there = Counter(one.practitioner_id for one in slots)
    of = ", ".join(f"practitioner {who} ({counted(number, 'time')})" for who, number in sorted(there.items()))
    days = sorted({one.local_start.date() for one in slots})
    when = f" from {days[0]} to {days[-1]}" if days else ""
    where = f"department {rig.department}" if rig.department else "all departments"
    return f"open times are needed, {what}; found at {where} of the connection{when}: {of or 'none'}"
