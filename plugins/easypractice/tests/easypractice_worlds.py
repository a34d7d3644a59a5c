"""Worlds for the adapter's tests: a mock clinic with odd settings, a session on it, and what the clinic shows."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from kobling import Connection, Kobling, Patient, SakID, Session, SlotQuery, UrlPolicy
from kobling.booking import BookingRequest
from kobling.drivers.sync import SyncDriver
from kobling.plugins import Installed
from kobling.slots import Slot
from kobling_contract.pace import Pace
from kobling_contract.timebook import Shown, Times, times_of
from kobling_easypractice import EasyPractice
from kobling_mocks.clinic import (
    BookingOrder,
    Clinic,
    Clock,
    DayHours,
    OpeningHours,
    PatientDetails,
    Restrictions,
    WeeklyPause,
    synthetic_clinic,
)
from kobling_mocks.mock import Mock

INSTALLED = Installed({"easypractice": EasyPractice})
OSLO = ZoneInfo("Europe/Oslo")
MOMENTS = (
    datetime(2026, 11, 23, 7, 0, tzinfo=UTC),
    datetime(2026, 10, 19, 6, 0, tzinfo=UTC),
    datetime(2027, 3, 22, 12, 17, tzinfo=UTC),
)
"""When the clinics are looked at: an ordinary week, and the weeks in which the clock changes."""


class World(NamedTuple):
    """A mock, a session on it, and the clock they share."""

    mock: Mock
    session: Session
    clock: Pace
    kobling: Kobling

    @property
    def clinic(self) -> Clinic:
        return self.mock.world.clinic

    def wire(self, own: str) -> str:
        return self.mock.dialect.ids.wire(self.clinic, own)

    def found(self, first: date, days: int) -> Times:
        answer = self.session.slots(SlotQuery(first_day=first, last_day=first + timedelta(days=days - 1)))
        assert answer.complete
        assert not answer.problems
        assert answer.derived == bool(answer.found)
        return times_of(answer.found)

    def expected(self, first: date, days: int) -> Times:
        """What the clinic itself would show a registry."""
        return times_of(Shown(self.clinic, self.mock.dialect).times(first, first + timedelta(days=days - 1)))


def world(mock: Mock | None = None, *, options: dict[str, Any] | None = None, token: str | None = None) -> World:
    """A session on a mock's clinic, with the options that the clinic tells; `options` replaces some of them (None: all
    are left at their defaults, where it is given as an empty dictionary)."""
    mock = mock or Mock("easypractice")
    clock = Pace(mock.world.clock)
    driver = SyncDriver(policy=UrlPolicy(), exchange=mock.exchange, sleep=clock.sleep, now=clock.now)
    kobling = Kobling(adapters=INSTALLED, driver=driver, clock=clock)
    told = mock.options
    given = told if options is None else options
    fields = {**mock.connection, "api_key": token or mock.connection["api_key"]}
    connection = Connection("easypractice", **fields)
    return World(mock, kobling.session(connection, options=given), clock, kobling)


def request(slot: Slot, **more: Any) -> BookingRequest:
    """A booking for an invented patient."""
    patient = Patient(
        given_name="Kari", family_name="Prøve", birth_date=date(1980, 1, 2), email="kari@example.test",
        phone="+4790000001",
    )  # fmt: skip
    return BookingRequest(**{"slot": slot, "patient": patient, "sak_id": SakID("6QPTR"), **more})


def lively_mock(seed: int) -> Mock:
    """A random clinic with odd hours, intervals, pauses, limits, links, blocks, closed days and bookings."""
    rng = random.Random(f"easypractice {seed}")
    clock = Clock(MOMENTS[seed % len(MOMENTS)] + timedelta(minutes=rng.randrange(0, 600)))
    mock = Mock("easypractice", synthetic_clinic(seed, clock))
    clinic = mock.world.clinic
    books = clinic.timebooks
    for book in books:
        clinic.keep_hours(book.id, _hours(rng))
        others = [other.id for other in books if other.id != book.id]
        linked = tuple(rng.sample(others, 1)) if others and rng.random() < 0.4 else ()
        limit = rng.randint(0, 4) if rng.random() < 0.4 else None
        clinic.put_timebook(replace(book, blocked_by=linked, daily_limit=limit))
    lead = rng.choice((None, 0, 1, 5, 24, 60))
    clinic.set_restrictions(Restrictions(booking_deadline_hours=lead))
    today = clock.now().astimezone(OSLO).date()
    for _ in range(rng.randint(0, 3)):
        clinic.close_day(today + timedelta(days=rng.randrange(21)), rng.choice((None, rng.choice(books).id)))
    for _ in range(rng.randint(0, 6)):
        start = _moment(rng, today, time(rng.randint(6, 18), rng.choice((0, 5, 30))))
        clinic.block(rng.choice(books).id, start, start + timedelta(minutes=rng.choice((10, 60, 600))), "Møte")
    for number in range(rng.randint(3, 25)):
        _staff_books(rng, clinic, today, number)
    return mock


def _hours(rng: random.Random) -> OpeningHours:
    days = []
    for weekday in sorted(rng.sample(range(7), rng.randint(2, 7))):
        opens = 5 * rng.randint(84, 120)
        closes = opens + 5 * rng.randint(6, 120)
        if rng.random() < 0.2:
            opens, closes = 0, 24 * 60
        days.append(DayHours(weekday, opens, closes))
    pauses = []
    for _ in range(rng.randint(0, 3)):
        begins = 5 * rng.randint(0, 280)
        pauses.append(WeeklyPause(rng.randrange(7), begins, begins + rng.choice((5, 30, 40))))
    return OpeningHours(tuple(days), rng.choice((10, 15, 20, 30, 45, 60, 75)), tuple(pauses))


def _moment(rng: random.Random, today: date, at: time) -> datetime:
    day = today + timedelta(days=rng.randrange(21))
    return datetime.combine(day, at, tzinfo=OSLO).astimezone(UTC)


def _staff_books(rng: random.Random, clinic: Clinic, today: date, number: int) -> None:
    book = rng.choice(clinic.timebooks)
    kinds = [kind for kind in clinic.types if kind.rule_for(book.id) and kind.kind != "group"]
    if not kinds:
        return
    start = _moment(rng, today, time(rng.choice((0, 1, 2, 3, *range(7, 20), 23)), rng.choice((0, 7, 30, 55))))
    details = PatientDetails(f"Prøve {number}", email=f"prove{number}@example.test")
    order = BookingOrder(book.id, rng.choice(kinds).id, start, details, source="staff")
    made = clinic.staff_book(order, minutes=rng.choice((10, 30, 45, 90)))
    if rng.random() < 0.2 and made.start > clinic.clock.now():
        clinic.staff_cancel(made.id)
