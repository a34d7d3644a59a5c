"""Worlds for the adapter's tests: a mock clinic, a session on it, and what the clinic itself says is open."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

from kobling import Connection, Kobling, Patient, SakID, Session
from kobling.booking import BookingRequest
from kobling.plugins import Installed
from kobling.slots import Slot
from kobling.testing import ManualClock
from kobling_eg_pasientsky import EgPasientsky
from kobling_mocks.clinic import ALL_PATIENTS, Clinic
from kobling_mocks.mock import Mock

INSTALLED = Installed({"eg-pasientsky": EgPasientsky})


class World(NamedTuple):
    """A mock, a session on it, and the clock they share."""

    mock: Mock
    session: Session
    clock: ManualClock
    kobling: Kobling


def world(mock: Mock | None = None, *, now: datetime | None = None, **fields: str) -> World:
    """A session on a mock's clinic; `fields` replaces connection fields."""
    mock = mock or Mock("eg-pasientsky")
    moment = now or mock.world.clock.now()
    mock.world.clock.set(moment)
    clock = ManualClock(moment)
    kobling = Kobling(adapters=INSTALLED, exchange=mock.exchange, clock=clock)
    connection = Connection("eg-pasientsky", **{**mock.connection, **fields})
    return World(mock, kobling.session(connection), clock, kobling)


def request(slot: Slot) -> BookingRequest:
    """A booking for an invented patient."""
    patient = Patient(
        given_name="Kari",
        family_name="Prøve",
        birth_date=date(1980, 1, 2),
        email="kari@example.no",
        phone="+4790000001",
    )
    return BookingRequest(slot=slot, patient=patient, sak_id=SakID("6QPTR"))


def open_for_insurance(
    clinic: Clinic, first: date, last: date, department_id: str | None
) -> set[tuple[str, str, datetime]]:
    """(timebook, type, start) of every time that the clinic model itself would offer insurance customers."""
    persons = [book.id for book in clinic.timebooks if book.owner_kind == "person"]
    found = set()
    for slot in clinic.open_slots(persons, None, first, last):
        kind = clinic.type(slot.type_id)
        assert kind is not None
        rule = kind.rule_for(slot.timebook_id)
        if kind.kind != "ordinary" or rule is None or rule.patients != ALL_PATIENTS:
            continue
        if not any(rate.code.startswith("B") for rate in rule.rates):
            continue
        if department_id and slot.department_id not in (None, department_id):
            continue
        found.add((slot.timebook_id, slot.type_id, slot.start.astimezone(UTC)))
    return found
