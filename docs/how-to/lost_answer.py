"""Code of `lost-answer.md`, and its tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from kobling import (
    Booked,
    BookedDifferently,
    Booking,
    BookingRef,
    BookingRequest,
    Connection,
    Kobling,
    KoblingError,
    NeedsPerson,
    NotBooked,
    OutcomeUnknown,
    Patient,
    Resolution,
    SakID,
    Session,
    Slot,
    SlotQuery,
    SlotTaken,
    StillUnknown,
)
from kobling_mocks import Mock
from kobling_mocks.faults import Fault, When


# [ledger]
class Ledger:
    """A row for each request: what `resolve` needs, and no patient. now: the time in UTC."""

    def __init__(self, path: str, now: Callable[[], datetime]) -> None:
        self.now = now
        self.rows = sqlite3.connect(path, isolation_level=None)  # each statement is on disk when it returns
        self.rows.execute(
            "CREATE TABLE IF NOT EXISTS bookings (reference TEXT PRIMARY KEY, connection TEXT, slot TEXT, "
            "patient_id TEXT, sent_at TEXT, state TEXT, booking TEXT)"
        )

    def new(self, one: BookingRequest) -> None:  # a reference that has a row is an IntegrityError, in any process
        row = (str(one.reference), one.slot.connection_id, one.slot.model_dump_json())
        self.rows.execute("INSERT INTO bookings (reference, connection, slot, state) VALUES (?, ?, ?, 'new')", row)

    def sent(self, one: BookingRequest) -> None:  # for `before_write`: what it raises stops the booking
        row = (one.patient_id, self.now().isoformat(), str(one.reference))
        self.rows.execute("UPDATE bookings SET state = 'sent', patient_id = ?, sent_at = ? WHERE reference = ?", row)

    def end(self, one: BookingRequest, state: str, booking: Booking | None = None) -> None:
        row = (state, booking and booking.ref.model_dump_json(), str(one.reference))
        self.rows.execute("UPDATE bookings SET state = ?, booking = ? WHERE reference = ?", row)

    def unfinished(self, connection: str, before: datetime) -> list[tuple[str, str, str | None, str]]:
        asked = "SELECT reference, slot, patient_id, sent_at FROM bookings WHERE connection = ? AND sent_at < ? "
        return self.rows.execute(
            asked + "AND state IN ('sent', 'unknown')", (connection, before.isoformat())
        ).fetchall()


# [book]
STATES = {"none": "refused", "unknown": "unknown", "done": "person"}


def book(session: Session, ledger: Ledger, request: BookingRequest) -> Booking:
    ledger.new(request)
    try:
        booking = session.book(request, before_write=ledger.sent)
    except KoblingError as error:
        ledger.end(request, STATES[error.effect], error.booking if isinstance(error, BookedDifferently) else None)
        raise
    ledger.end(request, "booked", booking)
    return booking


# [look]
def look(session: Session, ledger: Ledger) -> list[Resolution]:
    """Call it at the start and every few minutes. What was sent just now may still be under way."""
    found = []
    for reference, slot, patient_id, sent_at in ledger.unfinished(
        session.connection.id, ledger.now() - timedelta(minutes=5)
    ):
        request = BookingRequest(
            slot=Slot.model_validate_json(slot), reference=reference, patient_id=patient_id, patient=Patient()
        )
        answer = session.resolve(request, datetime.fromisoformat(sent_at))
        match answer:
            case StillUnknown():
                ledger.end(request, "unknown")
            case NotBooked():
                ledger.end(request, "refused")
            case NeedsPerson():
                ledger.end(request, "person", answer.booking)
            case _:
                ledger.end(request, "booked", answer.booking)
        found.append(answer)
    return found


# [test]
KARI = Patient(
    given_name="Kari", family_name="Prøve", birth_date=date(1980, 1, 2), phone="+47 900 00 042", email="kari@example.no"
)


class Process:
    """A registry's process at a clinic of a vendor's mock, with the ledger of all of them."""

    def __init__(self, mock: Mock, path: Path) -> None:
        self.ledger = Ledger(str(path), mock.clock.now)
        self.kobling = Kobling(exchange=mock.exchange, clock=mock.clock)
        connection = Connection(mock.dialect.key, **mock.connection)
        services = self.kobling.session(connection, options=mock.options).services()
        rates = {one.id: ["B1010"] for one in services}
        self.session = self.kobling.session(connection, options=mock.options, rates=rates)

    def request(self, mock: Mock) -> BookingRequest:
        day = mock.clock.now().date() + timedelta(days=3)
        slots = self.session.slots(SlotQuery(first_day=day, last_day=day + timedelta(days=7), at_most=1))
        return BookingRequest(slot=slots.found[0], patient=KARI, sak_id=SakID("6QPTR"))

    def states(self) -> list[str]:
        return [state for (state,) in self.ledger.rows.execute("SELECT state FROM bookings ORDER BY rowid")]

    def end(self) -> None:
        self.kobling.close()
        self.ledger.rows.close()


CREATES = {"eg-pasientsky": "book", "extensor": "bestill", "easypractice": "create_booking"}


@pytest.mark.parametrize(
    ("vendor", "when", "looked", "outcome"),
    [
        ("eg-pasientsky", "after_commit", "person", NeedsPerson),
        ("extensor", "after_commit", "booked", Booked),
        ("easypractice", "after_commit", "booked", Booked),
        ("extensor", "before_commit", "unknown", StillUnknown),
    ],
)
def test_what_was_lost_is_found_out_by_the_next_process_from_the_ledger_alone(
    vendor: str, when: When, looked: str, outcome: type[Resolution], tmp_path: Path
) -> None:
    mock = Mock(vendor)
    path = tmp_path / "bookings.db"
    first = Process(mock, path)
    request = first.request(mock)
    mock.world.faults.add(Fault(operation=CREATES[vendor], kind="reset", when=when))
    with pytest.raises(OutcomeUnknown):
        book(first.session, first.ledger, request)
    assert first.states() == ["unknown"]
    first.end()
    mock.world.clock.advance(timedelta(minutes=6))
    second = Process(mock, path)
    (answer,) = look(second.session, second.ledger)
    assert isinstance(answer, outcome)
    assert second.states() == [looked]
    if isinstance(answer, Booked):
        ((kept,),) = second.ledger.rows.execute("SELECT booking FROM bookings")
        assert second.session.get(BookingRef.model_validate_json(kept)).start == request.slot.start
    second.end()
    assert not [
        word for word in ("Kari", "Prøve", "900 00 042", "kari@", "6QPTR") if word.encode() in path.read_bytes()
    ]


def test_a_request_that_is_in_the_ledger_is_never_booked_again(tmp_path: Path) -> None:
    mock = Mock("extensor")
    path = tmp_path / "bookings.db"
    first = Process(mock, path)
    request = first.request(mock)
    book(first.session, first.ledger, request)
    assert first.states() == ["booked"]
    second = Process(mock, path)
    with pytest.raises(sqlite3.IntegrityError):
        book(second.session, second.ledger, request)
    mock.world.clock.advance(timedelta(minutes=6))
    assert look(second.session, second.ledger) == []
    assert second.states() == ["booked"]
    first.end()
    second.end()


def test_a_refused_request_is_refused_in_the_ledger_and_a_new_one_is_booked(tmp_path: Path) -> None:
    mock = Mock("extensor")
    process = Process(mock, tmp_path / "bookings.db")
    request = process.request(mock)
    book(process.session, process.ledger, request)
    with pytest.raises(SlotTaken):
        book(process.session, process.ledger, BookingRequest(slot=request.slot, patient=KARI))
    book(process.session, process.ledger, process.request(mock))
    assert process.states() == ["booked", "refused", "booked"]
    process.end()


def test_a_request_leaves_its_patient_out_when_it_is_written_down(tmp_path: Path) -> None:
    process = Process(mock := Mock("extensor"), tmp_path / "bookings.db")
    written = process.request(mock).model_dump_json()
    assert not [word for word in ('patient"', "sak_id", "message", "6QPTR", "Kari") if word in written]
    process.end()
