"""Code of `carry-the-sak-id.md`, and its tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from invented import Bookable

from kobling import (
    Booking,
    BookingFacts,
    BookingNotFound,
    BookingQuery,
    BookingRequest,
    ErrorMap,
    Http,
    InvalidRequest,
    KoblingError,
    Limits,
    OwnReference,
    Patient,
    SakID,
    Slot,
    Status,
    WireModel,
    find_tag,
    given,
)
from kobling.testing import Rehearsal, answering, example_connection, play, reply

# [words]
STATUS_WORDS: Mapping[str, Status] = {"confirmed": "booked", "cancelled": "cancelled"}


# [words-end]
class Row(WireModel):
    id: str
    state: str
    note: str | None = None


# [referred]
class ReferredRow(WireModel):
    id: str
    state: str
    externalReference: OwnReference = None


# [referred-end]


class WithNote(Bookable):
    contract = 1
    # [note]
    limits = Limits(booking=BookingFacts(mode="sync", overlap="refused", reference_in="note", note_length=250))

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        note = request.note(self.limits.booking.note_length)
        reply = await http.post("bookings", json={"slot": request.slot.token, "comment": note})
        return _booking(reply.read(Row), request.reference)

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        asked = {"from": query.first_day, "to": query.last_day}
        rows = (await http.get("bookings", params=asked)).read(list[Row])
        return [_booking(row, query.reference) for row in rows]

    # [note-end]


# [read]
def _booking(row: Row, wanted: UUID | None) -> Booking:
    status = STATUS_WORDS.get(row.state, "unknown")
    # and start, end, practitioner, where the row has them
    return Booking(id=row.id, status=status, reference=find_tag(row.note, wanted))


# [field]
class WithFields(WithNote):
    contract = 1
    # [fields]
    limits = Limits(booking=BookingFacts(mode="sync", overlap="refused", reference_in="field"))

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        sent = {
            "slot": request.slot.token,
            "externalReference": request.reference,
            "insuranceCase": request.sak_id.value if request.sak_id else None,
            "comment": request.message,
        }
        return _referred((await http.post("bookings", json=given(sent))).read(ReferredRow))

    # [test]


# [read a field]
def _referred(row: ReferredRow) -> Booking:
    status = STATUS_WORDS.get(row.state, "unknown")
    return Booking(id=row.id, status=status, reference=row.externalReference)


# [read a field: end]


class FieldAndNote(WithNote):
    contract = 1
    # [both]
    limits = Limits(
        booking=BookingFacts(mode="sync", overlap="refused", reference_in="field", sak_id_in="note", note_length=250),
    )

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        sent = {
            "slot": request.slot.token,
            "externalReference": request.reference,
            "comment": request.note(self.limits.booking.note_length),
        }
        return _referred((await http.post("bookings", json=sent)).read(ReferredRow))

    # [both-end]


class FoundByReference(WithFields):
    contract = 1
    # [by reference]
    limits = Limits(
        booking=BookingFacts(mode="sync", overlap="refused", reference_in="field", listed_by="reference"),
    )
    errors = ErrorMap({"NO_SUCH_REFERENCE": BookingNotFound}, code="/error/code")

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        reply = await http.get("bookings/by-reference/{}", query.reference, expect=("NO_SUCH_REFERENCE",))
        return [] if reply.code else [_referred(reply.read(ReferredRow))]

    # [times]


START, END = datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
SLOT = Slot(practitioner_id="7", service_id="visit", start=START, end=END, token="t9")


def test_fields_of_their_own_hold_reference_sak_id_and_message() -> None:
    request = BookingRequest(slot=SLOT, patient=Patient(), sak_id=SakID("6QPTR"), message="Kommer med tog")
    answer = reply(201, json={"id": "b1", "state": "confirmed", "externalReference": str(request.reference)})
    played = play(WithFields, "book", request, replies=[answer])
    assert played.result.reference == request.reference
    assert played.requests[0].json["insuranceCase"] == "6QPTR"
    assert played.requests[0].json["comment"] == "Kommer med tog"


def test_the_reference_has_its_field_and_the_sak_id_the_note() -> None:
    request = BookingRequest(slot=SLOT, patient=Patient(), sak_id=SakID("6QPTR"))
    answer = reply(201, json={"id": "b1", "state": "confirmed", "externalReference": str(request.reference)})
    played = play(FieldAndNote, "book", request, replies=[answer])
    assert played.result.reference == request.reference
    assert played.requests[0].json["externalReference"] == str(request.reference)
    assert "SakID: 6QPTR" in played.requests[0].json["comment"].splitlines()


def test_a_message_that_leaves_no_room_for_the_sak_id_is_refused_before_anything_is_sent() -> None:
    session = Rehearsal(FieldAndNote).session(answering(clinic={}))
    slot = SLOT.model_copy(update={"connection_id": example_connection(FieldAndNote).id})
    with pytest.raises(InvalidRequest) as refused:
        session.book(BookingRequest(slot=slot, patient=Patient(), sak_id=SakID("6QPTR"), message="x" * 240))
    assert refused.value.because == "note_too_long"


def test_one_booking_is_asked_for_by_its_reference() -> None:
    day = date(2026, 12, 1)
    query = BookingQuery(first_day=day, last_day=day, reference=UUID(int=7))
    row = {"id": 12, "state": "confirmed", "externalReference": str(UUID(int=7))}
    played = play(FoundByReference, "list_bookings", query, replies=[reply(200, json=row)])
    assert played.requests[0].path.endswith(f"/bookings/by-reference/{UUID(int=7)}")
    assert [(one.id, one.reference) for one in played.result.found] == [("12", UUID(int=7))]


@pytest.mark.parametrize("status", [200, 404])
def test_the_vendors_own_word_says_that_none_has_the_reference(status: int) -> None:
    day = date(2026, 12, 1)
    query = BookingQuery(first_day=day, last_day=day, reference=UUID(int=7))
    none = reply(status, json={"error": {"code": "NO_SUCH_REFERENCE"}})
    assert play(FoundByReference, "list_bookings", query, replies=[none]).result.found == ()
    with pytest.raises(KoblingError):
        play(FoundByReference, "list_bookings", query, replies=[reply(404, body=b"<html>")] * 3)


# [tests]
def test_a_booking_is_found_again_by_the_tag_in_its_note() -> None:
    request = BookingRequest(slot=SLOT, patient=Patient(), sak_id=SakID("6QPTR"), message="Kommer med tog")
    vendor: dict[str, Any] = {"id": "b1", "state": "confirmed"}
    played = play(WithNote, "book", request, replies=[reply(201, json=vendor)])
    note = played.requests[0].json["comment"]
    assert note.splitlines()[1:] == ["SakID: 6QPTR", "Kommer med tog"]  # the tag stands in the first line

    day = BookingQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1), reference=request.reference)
    rows = reply(200, json=[vendor | {"note": f"Ringt tirsdag. {note}"}, {"id": "b2", "state": "confirmed"}])
    found = play(WithNote, "list_bookings", day, replies=[rows]).result.found
    assert [one.reference for one in found] == [request.reference, None]


# [end]
