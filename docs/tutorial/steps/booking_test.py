"""A booking: what the API is told, and what is read of its answer."""

from datetime import UTC, date, datetime

import pytest

from kobling import BookingRequest, OutcomeUnknown, Patient, SakID, Slot
from kobling.testing import play, reply
from kobling_fjellvik import Fjellvik

TOKEN = reply(200, json={"token": "t1", "seconds": 600})
SLOT = Slot(
    practitioner_id="31",
    service_id="41",
    start=datetime(2026, 12, 1, 8, tzinfo=UTC),
    end=datetime(2026, 12, 1, 8, 45, tzinfo=UTC),
    token="31-41-9",
)
KARI = Patient(given_name="Kari", family_name="Prøve", birth_date=date(1980, 1, 2), phone="+47 900 00 042")
REQUEST = BookingRequest(slot=SLOT, patient=KARI, sak_id=SakID("6QPTR"))
MADE = {
    "id": 77,
    "calendar": 31,
    "visit_type": 41,
    "start": "2026-12-01T09:00",
    "minutes": 45,
    "state": "confirmed",
    "comment": REQUEST.note(),
}


def test_the_note_carries_the_case_and_the_reference_by_which_the_booking_is_found_again() -> None:
    played = play(Fjellvik, "book", REQUEST, replies=[TOKEN, reply(201, json=MADE)])
    sent = played.requests[1].json
    assert sent["free_time"] == "31-41-9"
    assert sent["patient"] == {
        "first_name": "Kari",
        "last_name": "Prøve",
        "born": "1980-01-02",
        "mobile": "+47 900 00 042",
    }
    assert "6QPTR" in sent["comment"]
    assert (played.result.id, played.result.status) == ("77", "booked")
    assert played.result.reference == REQUEST.reference


def test_after_an_error_of_the_server_nobody_says_that_nothing_was_booked() -> None:
    with pytest.raises(OutcomeUnknown):
        play(Fjellvik, "book", REQUEST, replies=[TOKEN, reply(500)])
