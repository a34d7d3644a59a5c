"""How a rule's texts name several things: the first few by name, the rest by number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kobling import Slot
from kobling_mocks import Call

__all__ = ["calls_told", "counted", "either", "setting_told", "slot_told", "some"]

MOST_NAMED = 3


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
    return ", ".join(f"{name} = {value}" for name, value in setting.items()) or "as the mock stands"


def slot_told(slot: Slot) -> str:
    """Which time it is, in the vendor's own ids."""
    return f"{slot.start:%Y-%m-%d %H:%M} UTC (timebook {slot.practitioner_id}, type {slot.service_id})"


def calls_told(calls: Sequence[Call], what: str = "call") -> str:
    """How many calls, and the vendor's names of them."""
    names = f" ({some(call.operation or call.path for call in calls)})" if calls else ""
    return f"{counted(len(calls), what)}{names}"
