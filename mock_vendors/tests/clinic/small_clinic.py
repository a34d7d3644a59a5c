"""A clinic of one practitioner and one type, small enough to see at a glance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from kobling_mocks.clinic import (
    Appointment,
    AppointmentType,
    Behaviour,
    BookingOrder,
    Clinic,
    Clock,
    OpenSlot,
    PatientDetails,
    Rate,
    Restrictions,
    Rule,
    Timebook,
    WeekTemplate,
    grid,
)

OSLO = ZoneInfo("Europe/Oslo")
MONDAY = date(2026, 11, 23)
TUESDAY = date(2026, 11, 24)


@dataclass
class SmallClinic:
    """Kari's timebook, planned 09:00 to 11:00 every half hour on weekdays for two weeks; it is Monday 08:00 in Oslo."""

    clinic: Clinic
    book: str = "kari"
    kind: str = "konsultasjon"

    def at(self, hour: int, minute: int = 0, day: date = TUESDAY) -> datetime:
        """That wall-clock time in Oslo, in UTC."""
        return datetime.combine(day, time(hour, minute), tzinfo=OSLO).astimezone(UTC)

    def order(self, hour: int = 9, minute: int = 0, day: date = TUESDAY, **more: object) -> BookingOrder:
        """An order by kari@example.test for that time."""
        basic = BookingOrder(
            self.book, self.kind, self.at(hour, minute, day), PatientDetails(email="kari@example.test")
        )
        return replace(basic, **more)  # type: ignore[arg-type]

    def slots(self, first: date = TUESDAY, last: date = TUESDAY) -> tuple[OpenSlot, ...]:
        return self.clinic.open_slots(None, None, first, last)

    def walls(self, first: date = TUESDAY, last: date = TUESDAY) -> list[str]:
        """The shown times as wall-clock text."""
        return [slot.wall.strftime("%H:%M") for slot in self.slots(first, last)]

    def restrict(
        self,
        *,
        clinic: Restrictions | None = None,
        timebook: Restrictions | None = None,
        kind: Restrictions | None = None,
    ) -> None:
        """Set restrictions at the levels given."""
        if clinic is not None:
            self.clinic.set_restrictions(clinic)
        if timebook is not None:
            self.clinic.put_timebook(replace(self.timebook, restrictions=timebook))
        if kind is not None:
            self.clinic.put_type(replace(self.type, restrictions=kind))

    @property
    def timebook(self) -> Timebook:
        found = self.clinic.timebook(self.book)
        assert found is not None
        return found

    @property
    def type(self) -> AppointmentType:
        found = self.clinic.type(self.kind)
        assert found is not None
        return found

    def now(self, appointment: Appointment) -> Appointment:
        """The appointment as it truly is now."""
        return next(each for each in self.clinic.all_appointments() if each.id == appointment.id)


def small_clinic(behaviour: Behaviour | None = None) -> SmallClinic:
    clock = Clock(datetime(2026, 11, 23, 7, 0, tzinfo=UTC))
    clinic = Clinic("Prøveklinikken", "312345676", clock, seed="small", behaviour=behaviour)
    clinic.put_timebook(Timebook("kari", "Fysioterapeut Kari Prøve", "KP", "person", "Kari Prøve"))
    rates = (Rate("B1010", "Fysioterapi"),)
    clinic.put_type(AppointmentType("konsultasjon", "Konsultasjon", 30, rules=(Rule("kari", rates=rates),)))
    clinic.put_template(WeekTemplate("uke", "Uke", grid(range(5), time(9), time(11), 30, ["konsultasjon"])))
    clinic.lay_plan("kari", "uke", MONDAY, 2)
    return SmallClinic(clinic)
