"""What the clinic's own timebook says that a registry may be shown: the other side of every claim about slots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from typing import TypeAlias

from kobling import Slot
from kobling_mocks import Dialect, silent_about
from kobling_mocks.clinic import ALL_PATIENTS, Clinic, OpenSlot

__all__ = ["Shown", "Times", "apart", "times_of"]

Times: TypeAlias = frozenset[tuple[str, str, datetime]]
"""(timebook, appointment type, start in UTC), in the vendor's ids."""


class Shown:
    """A clinic as a registry may see it through one vendor: computed from the clinic itself and from what the vendor's
    wire conveys, as its dialect says. Everything that comes out has the vendor's ids."""

    def __init__(self, clinic: Clinic, dialect: Dialect) -> None:
        self.clinic = clinic
        self.dialect = dialect

    def wire(self, own: str) -> str:
        """The vendor's id for one of the clinic's."""
        return self.dialect.ids.wire(self.clinic, own)

    def own(self, wire: str) -> str:
        """The clinic's id for one of the vendor's; "" for an id that stands for nothing."""
        return self.dialect.ids.own(self.clinic, wire) or ""

    def offered(self, timebook_id: str, type_id: str) -> bool:
        """Whether insurance customers may book this type in this timebook (the clinic's own ids): a person's own,
        online timebook, an ordinary online type, open to all patients, with a B-rate, as far as the wire tells."""
        timebook, kind = self.clinic.timebook(timebook_id), self.clinic.type(type_id)
        if timebook is None or kind is None:
            return False
        rule, untold = kind.rule_for(timebook_id), silent_about(self.dialect)
        return (
            rule is not None
            and ("online" in untold or (self.clinic.online and timebook.online and kind.online))
            and ("owner_kinds" in untold or timebook.owner_kind == "person")
            and ("type_kinds" in untold or kind.kind == "ordinary")
            and ("patient_lists" in untold or rule.patients == ALL_PATIENTS)
            and ("rates" in untold or bool(rule.insurance_rates))
        )

    def times(self, first: date, last: date, department: str | None = None) -> tuple[OpenSlot, ...]:
        """Every open time that insurance customers may be shown on these local days, at one department (the vendor's
        id) or all."""
        own = self.own(department) if department else None
        found = self.clinic.open_slots(None, None, first, last, department_id=own)
        if "second_halves" in silent_about(self.dialect):
            found = tuple(slot for slot in found if not slot.fold)
        return tuple(self._on_the_wire(slot) for slot in found if self.offered(slot.timebook_id, slot.type_id))

    def time(self, slot: Slot) -> OpenSlot | None:
        """The clinic's own record of a slot, None when it shows no such time, or shows one that somebody has since."""
        day = slot.local_start.date()
        found = self._free(
            self.clinic.open_slots([self.own(slot.practitioner_id)], [self.own(slot.service_id)], day, day)
        )
        return next((self._on_the_wire(one) for one in found if one.start == slot.start), None)

    def known(self, slots: Iterable[Slot], first: date, last: date) -> list[Slot]:
        """Those of the slots on these local days that the clinic has open too."""
        wire = cache(self.wire)
        found = self._free(self.clinic.open_slots(None, None, first, last))
        open_now = {(wire(one.timebook_id), wire(one.type_id), one.start) for one in found}
        return [slot for slot in slots if times_of([slot]) <= open_now]

    def _free(self, slots: Sequence[OpenSlot]) -> Sequence[OpenSlot]:
        """Those that are free at this moment, where a search is behind."""
        late = self.clinic.behaviour.lags.search
        return [one for one in slots if self.clinic.is_free(one)] if late else slots

    def _on_the_wire(self, slot: OpenSlot) -> OpenSlot:
        told = slot.department_id is not None and "departments" not in silent_about(self.dialect)
        return replace(
            slot,
            timebook_id=self.wire(slot.timebook_id),
            type_id=self.wire(slot.type_id),
            department_id=self.wire(slot.department_id) if told and slot.department_id else None,
        )


def apart(one: Slot, other: Slot) -> bool:
    """True when two slots share no time, whosever they are."""
    return one.start >= other.end or one.end <= other.start


def times_of(slots: Iterable[Slot | OpenSlot]) -> Times:
    """Slots of either side as comparable times."""
    return frozenset(
        (slot.practitioner_id, slot.service_id, slot.start.astimezone(UTC))
        if isinstance(slot, Slot)
        else (slot.timebook_id, slot.type_id, slot.start)
        for slot in slots
    )
