"""Worlds for the adapter's tests: a mock clinic, a session on it, and what the clinic itself says is open."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from kobling import (
    BookingRequest,
    Connection,
    Kobling,
    Patient,
    SakID,
    Session,
    Slot,
    SlotQuery,
    UrlPolicy,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling.drivers.sync import SyncDriver
from kobling.plugins import Installed
from kobling.testing import ManualClock
from kobling_extensor import Extensor
from kobling_mocks.clinic import (
    ALL_PATIENTS,
    Appointment,
    BookingOrder,
    Clinic,
    Clock,
    PatientDetails,
    Refusal,
    WeekTemplate,
    grid,
    monday_of,
    synthetic_clinic,
    synthetic_id,
)
from kobling_mocks.mock import Mock

INSTALLED = Installed({"extensor": Extensor})
OSLO = ZoneInfo("Europe/Oslo")
FIRST_DAY = date(2026, 11, 23)
AUTUMN_NIGHT, SPRING_NIGHT = date(2026, 10, 25), date(2027, 3, 28)
DAYS = 9
"""How many days of a random clinic are looked at: from a Monday over the Sunday of the change to a Tuesday."""
Times = set[tuple[str, str, datetime]]
"""(practitioner, service, start in UTC), in the vendor's ids."""


class Immediate:
    """A mock's exchange that is called where the caller is, without a thread for each call: nothing blocks here."""

    immediate = True

    def __init__(self, mock: Mock) -> None:
        self._mock = mock

    def __call__(self, request: WireRequest) -> WireReply | WireFailure:
        return self._mock.exchange(request)


class World(NamedTuple):
    """A mock, a session on it, and the clock they share."""

    mock: Mock
    session: Session
    clock: ManualClock
    kobling: Kobling

    @property
    def clinic(self) -> Clinic:
        return self.mock.world.clinic

    def wire(self, own: str) -> str:
        """The vendor's id for one of the clinic's own."""
        return self.mock.dialect.ids.wire(self.clinic, own)

    def standing(self) -> list[Appointment]:
        """Live appointments that came from the registry."""
        return [one for one in self.clinic.all_appointments() if one.source == "online" and one.live]


def world(mock: Mock | None = None, **fields: str) -> World:
    """A session on a mock's clinic; `fields` replaces connection fields."""
    mock = mock or Mock("extensor")
    clock = ManualClock(mock.world.clock.now())
    policy = UrlPolicy()
    driver = SyncDriver(policy=policy, exchange=Immediate(mock), now=clock.now, sleep=clock.sleep)
    kobling = Kobling(adapters=INSTALLED, policy=policy, driver=driver, clock=clock)
    connection = Connection("extensor", **{**mock.connection, **fields})
    return World(mock, kobling.session(connection), clock, kobling)


PATIENT = Patient(given_name="Kari", family_name="Prøve", birth_date=date(1980, 1, 2), phone="+4790000001")


def request(slot: Slot, **more: Any) -> BookingRequest:
    """A booking for an invented patient."""
    return BookingRequest(**{"slot": slot, "patient": PATIENT, "sak_id": SakID("6QPTR"), **more})


def open_times(place: World, *, after_days: int = 5, days: int = 7) -> tuple[Slot, ...]:
    """Open times some days ahead, in order."""
    first = place.clock.now().date() + timedelta(days=after_days)
    return place.session.slots(SlotQuery(first_day=first, last_day=first + timedelta(days=days))).found


def one_slot(place: World, **more: int) -> Slot:
    """The first of them."""
    return open_times(place, **more)[0]


# ---- random clinics, and what they themselves say


def random_clinic(seed: int) -> Clinic:
    """A clinic that follows from the seed: every third in the autumn week and every third in the spring week, with
    times at night there; days closed for all or for one timebook, blocked hours, and times that are taken."""
    starts = (
        datetime(2026, 11, 23, 7, tzinfo=UTC),
        datetime(2026, 10, 19, 6, tzinfo=UTC),
        datetime(2027, 3, 22, 6, tzinfo=UTC),
    )
    start = starts[seed % 3]
    rng = random.Random(f"extensor {seed}")
    clinic = synthetic_clinic(seed, Clock(start), weeks=2)
    if seed % 3:
        _work_at_night(clinic, start.date(), rng)
    days = [start.date() + timedelta(days=number) for number in range(DAYS)]
    for day in rng.sample(days, 2):
        clinic.close_day(day, rng.choice([None, *(book.id for book in clinic.timebooks)]))
    for slot in rng.sample(shown := clinic.open_slots(None, None, days[0], days[-1]), min(6, len(shown))):
        if rng.random() < 0.5:
            clinic.block(slot.timebook_id, slot.start, slot.end, "Møte")
            continue
        details = PatientDetails("Annen Prøvesen", None, "+4790000009", f"{slot.id}@example.test")
        try:
            clinic.staff_book(BookingOrder(slot.timebook_id, slot.type_id, slot.start, details, source="staff"))
        except Refusal:
            continue  # it overlaps one of the others
    return clinic


def _work_at_night(clinic: Clinic, day: date, rng: random.Random) -> None:
    book = clinic.timebooks[0]
    kinds = [kind.id for kind in clinic.types if kind.rule_for(book.id)]
    halves: tuple[Any, ...] = ("first", "second", "both")
    rows = grid((5, 6), time(0), time(5), 30, kinds[:1], "both")
    rows += grid((6,), time(1), time(4), 20, kinds[1:2], rng.choice(halves))
    template = WeekTemplate(synthetic_id(clinic.seed, "template", "night"), "Natt", rows)
    clinic.put_template(template)
    clinic.lay_plan(book.id, template.id, monday_of(day), 1)


def open_for_insurance(place: World, first: date, last: date, department: str) -> tuple[Times, int]:
    """Every time that the clinic model itself would offer insurance customers, and how many more there are that a wall
    clock cannot tell: in the hour that comes twice, and listed once."""
    clinic = place.clinic
    own = place.mock.dialect.ids.own(clinic, department) if department else None
    shown = clinic.open_slots(None, None, first, last, department_id=own)
    listed = Counter((slot.timebook_id, slot.type_id, slot.wall) for slot in shown)
    found: Times = set()
    undecided = 0
    for slot in shown:
        kind, book = clinic.type(slot.type_id), clinic.timebook(slot.timebook_id)
        assert kind is not None
        assert book is not None
        insured = any(rate.code.startswith("B") for rate in slot.rates)
        if not insured or book.owner_kind != "person" or kind.kind != "ordinary" or slot.patients != ALL_PATIENTS:
            continue
        if comes_twice(slot.wall) and listed[slot.timebook_id, slot.type_id, slot.wall] == 1:
            undecided += 1
            continue
        found.add((place.wire(slot.timebook_id), place.wire(slot.type_id), slot.start))
    return found, undecided


def comes_twice(wall: datetime) -> bool:
    """Whether the clocks in Oslo show this time twice."""
    early, late = (wall.replace(tzinfo=OSLO, fold=fold).astimezone(UTC) for fold in (0, 1))
    return early < late


def departments(place: World) -> list[str]:
    """No department, and each of the clinic's, in the vendor's ids."""
    return ["", *(place.wire(one.id) for one in place.clinic.departments)]
