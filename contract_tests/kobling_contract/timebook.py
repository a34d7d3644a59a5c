"""What the clinic's own timebook says that a registry may be shown: the other side of every claim about slots."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TypeAlias

from kobling import Slot
from kobling_mocks.clinic import ALL_PATIENTS, Clinic, OpenSlot

__all__ = ["Times", "differences", "for_insurance", "offered", "times_of"]

Times: TypeAlias = frozenset[tuple[str, str, datetime]]
"""(timebook, appointment type, start in UTC). The vendor's ids are the clinic's own."""


def offered(clinic: Clinic, timebook_id: str, type_id: str) -> bool:
    """Whether insurance customers may book this type in this timebook: a person's own, online timebook, an ordinary
    online type, open to all patients, with a B-rate."""
    timebook, kind = clinic.timebook(timebook_id), clinic.type(type_id)
    if timebook is None or kind is None:
        return False
    rule = kind.rule_for(timebook_id)
    return (
        clinic.online
        and timebook.online
        and timebook.owner_kind == "person"
        and kind.online
        and kind.kind == "ordinary"
        and rule is not None
        and rule.patients == ALL_PATIENTS
        and bool(rule.insurance_rates)
    )


def for_insurance(clinic: Clinic, first: date, last: date, department: str | None = None) -> tuple[OpenSlot, ...]:
    """Every open time that insurance customers may be shown on these local days, at one department or all."""
    return tuple(
        slot
        for slot in clinic.open_slots(None, None, first, last, department_id=department)
        if offered(clinic, slot.timebook_id, slot.type_id)
    )


def times_of(slots: Iterable[Slot | OpenSlot]) -> Times:
    """Slots of either side as comparable times."""
    return frozenset(
        (slot.practitioner_id, slot.service_id, slot.start.astimezone(UTC))
        if isinstance(slot, Slot)
        else (slot.timebook_id, slot.type_id, slot.start)
        for slot in slots
    )


def differences(found: Times, expected: Times) -> str:
    """The difference in words: how many are missing or too many, and the first of each."""
    parts = []
    for what, times in (("missing", expected - found), ("not in the timebook", found - expected)):
        if times:
            who, kind, start = min(times, key=lambda one: (one[2], one[0], one[1]))
            parts.append(f"{len(times)} {what}, the first at {start:%Y-%m-%d %H:%M} UTC (timebook {who}, type {kind})")
    return f"{len(found)} times: " + ("; ".join(parts) if parts else "the same")
