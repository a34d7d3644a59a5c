"""What happens around the callers of a play: staff at work, and time that passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID

from kobling import BookingRef, BookingRequest, Patient, Slot, SlotQuery
from kobling.localtime import comes_once
from kobling_mocks.clinic import Appointment, BookingOrder, OpenSlot, PatientDetails, Refusal

from ..clinics import AUTUMN_NIGHT, SPRING_NIGHT, ClinicName
from ..rules.booking import LIVE_STATES
from .steps import Step
from .world import AtOnce

__all__ = ["LATE", "NIGHTS", "WAITS", "Surroundings", "Wish"]

T = TypeVar("T")
Told = Literal["nothing", "booked", "not booked", "unknown", "leaving", "given up", "unsure"]
NIGHTS = {"autumn": AUTUMN_NIGHT, "spring": SPRING_NIGHT}
LATE = 700.0
"""Seconds after which what was on its way has come about."""
WAITS = (1.0, 45.0, LATE, 3700.0, 3 * 3600.0, 86_400.0)
AROUND_THE_NIGHT = ((-1, 20, 0), (0, 0, 20), (0, 0, 55), (0, 1, 5), (0, 1, 40), (0, 4, 0))
"""Days from the night, hours and minutes in UTC: in both nights Oslo's clock changes at 01:00."""


@dataclass
class Wish:
    """What one patient wants, and what was told of it. told: "leaving" after a cancel without an answer, "unsure" where
    a person has to look. by: the caller who was told. request: as sent last. touched: staff have changed it since.
    references: of every booking that was sent for it."""

    number: int
    patient: Patient
    request: BookingRequest
    told: Told = "nothing"
    by: int = 0
    sent_at: datetime | None = None
    ref: BookingRef | None = None
    touched: bool = False
    references: list[UUID] = field(default_factory=list)

    def __str__(self) -> str:
        return f"patient {self.number}"


class Surroundings:
    """A world with staff in it, the wishes of its callers, and what was done so far, in a person's words."""

    def __init__(self, rig: AtOnce, world: ClinicName) -> None:
        self.rig = rig
        self.world = world
        self.shown: list[tuple[Slot, ...]] = [(), ()]
        self.wishes: list[Wish] = []
        self.lines: list[str] = []
        self._blocks: list[str] = []

    # ---- what is there

    def _of(self, wish: Wish) -> list[Appointment]:
        """The live appointments of a wish, those on their way included."""
        records = self.rig.records(wish.patient)
        return [one for one in self.rig.appointments() if one.patient_id in records and one.state in LIVE_STATES]

    def _owner(self, appointment: Appointment) -> Wish | None:
        return next((one for one in self.wishes if appointment.patient_id in self.rig.records(one.patient)), None)

    def _pick(self, things: Sequence[T], number: int) -> T | None:
        return things[number % len(things)] if things else None

    def _days(self, step: Step) -> SlotQuery:
        today, night = self.rig.today(), NIGHTS.get(self.world)
        if night is not None and today <= night:
            first = max(today, night - timedelta(days=1))
            return SlotQuery(first_day=first, last_day=first + timedelta(days=1))
        day = today + timedelta(days=1 + step.more % 2)
        return SlotQuery(first_day=day, last_day=day)

    def _offered(self, query: SlotQuery) -> tuple[OpenSlot, ...]:
        return self.rig.shown.times(query.first_day, query.last_day)

    # ---- what staff do

    def _ours(self, step: Step) -> tuple[Wish, Appointment] | None:
        found = [(wish, one) for wish in self.wishes for one in self._of(wish)]
        committed = {one.id for one in self.rig.clinic.all_appointments()}
        return self._pick([(wish, one) for wish, one in found if one.id in committed], step.pick)

    def _staff(self, what: str, work: Callable[[], Any]) -> Any:
        try:
            result = work()
        except Refusal:
            return None
        self.lines.append(f"Staff {what}")
        return result if result is not None else True

    def _free(self, step: Step, timebook: str | None = None) -> OpenSlot | None:
        query = self._days(step)
        books = None if timebook is None else [timebook]
        return self._pick(self.rig.clinic.open_slots(books, None, query.first_day, query.last_day), step.pick)

    async def _staff_book(self, step: Step) -> bool | None:
        seen = self._pick(self.shown[step.caller], step.pick)
        free = self.rig.clinic.open_slots(None, None, *_day(seen)) if seen else ()
        slot = next((one for one in free if seen and one.start == seen.start), None)
        if slot is None:
            return None
        details = PatientDetails("Annen Prøvesen", None, "+4790000009", "annen@example.test")
        order = BookingOrder(slot.timebook_id, slot.type_id, slot.start, details, source="staff")
        what = f"book {slot.start.astimezone(self.rig.tz):%Y-%m-%d %H:%M} for somebody else"
        return self._staff(what, lambda: self.rig.clinic.staff_book(order)) and True

    async def _staff_cancel(self, step: Step) -> Wish | None:
        return self._staff_change(step, "cancel", lambda one: self.rig.clinic.staff_cancel(one.id))

    async def _staff_delete(self, step: Step) -> Wish | None:
        return self._staff_change(step, "delete", lambda one: self.rig.clinic.staff_delete(one.id))

    async def _staff_move(self, step: Step) -> Wish | None:
        found = self._ours(step)
        slot = self._free(step, found[1].timebook_id) if found else None
        if slot is None:
            return None
        return self._staff_change(step, "move", lambda one: self.rig.clinic.staff_move(one.id, slot.start))

    def _staff_change(self, step: Step, what: str, work: Callable[[Appointment], Any]) -> Wish | None:
        found = self._ours(step)
        if found is None:
            return None
        wish, one = found
        if self._staff(f"{what} the appointment of {wish}", lambda: work(one)) is None:
            return None
        wish.touched = True
        return wish

    async def _staff_patient(self, step: Step) -> Wish | None:
        found = self._ours(step)
        if found is None:
            return None
        wish, one = found
        changes = {"phone": f"+47901{20000 + wish.number}", "email": f"ny{wish.number}@pasient.example.test"}
        self._staff(
            f"change telephone and e-mail of {wish}", lambda: self.rig.clinic.change_patient(one.patient_id, **changes)
        )
        return wish

    async def _staff_block(self, step: Step) -> bool | None:
        slot = self._free(step)
        if slot is None or not all(comes_once(at, self.rig.tz) for at in (slot.start, slot.end)):
            return None  # a system may keep a pause by the clock, which can't say which half of a repeated hour it is
        event = self._staff(
            f"block {slot.start.astimezone(self.rig.tz):%Y-%m-%d %H:%M}",
            lambda: self.rig.clinic.block(slot.timebook_id, slot.start, slot.end, "Møte"),
        )
        self._blocks.append(event.id)
        return True

    async def _staff_unblock(self, _: Step) -> bool | None:
        if not self._blocks:
            return None
        self.rig.clinic.unblock(self._blocks.pop())
        self.lines.append("Staff take the block away")
        return True

    # ---- time

    async def _wait(self, step: Step) -> bool:
        night = NIGHTS.get(self.world)
        now = self.rig.pace.now()
        moments = [now + timedelta(seconds=WAITS[step.pick % len(WAITS)])]
        if night is not None:
            days, hour, minute = AROUND_THE_NIGHT[step.pick % len(AROUND_THE_NIGHT)]
            moment = datetime.combine(night + timedelta(days=days), time(hour, minute), UTC)
            moments = [moment] if moment > now else [now + timedelta(seconds=WAITS[step.more % 4])]
        self.rig.pace.pass_time((moments[0] - now).total_seconds())
        self.lines.append(f"The clock goes on to {self.rig.pace.now().astimezone(self.rig.tz):%Y-%m-%d %H:%M %Z}")
        return True


def _day(slot: Slot) -> tuple[Any, Any]:
    return slot.local_start.date(), slot.local_start.date()
