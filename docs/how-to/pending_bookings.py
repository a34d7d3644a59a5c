"""Code of `pending-bookings.md`, and its tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest
from invented import Invented

from kobling import (
    Booking,
    BookingFacts,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    Http,
    Limits,
    Patient,
    Slot,
    SlotQuery,
    SlotWithdrawn,
    Status,
    VendorProtocolError,
    WireModel,
)
from kobling.testing import Rehearsal, answering

START, END = datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, 30, tzinfo=UTC)


# [adapter]
STATUS_WORDS: Mapping[str, Status] = {
    "NEW": "pending",
    "ACCEPTED": "booked",
    "REJECTED": "declined",
    "CANCELLED": "cancelled",
}


class Row(WireModel):
    id: str
    state: str


# [class]
class ByRequest(Invented):
    contract = 1
    # [body]
    limits = Limits(booking=BookingFacts(mode="request", overlap="refused"))

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        reply = await http.post("requests", json={"time": request.slot.token})
        return _booking(reply.read(Row))

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        return _booking((await http.get("requests/{}", booking.id)).read(Row))

    # [cancel]
    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        row = (await http.post("requests/{}/withdraw", booking.id)).read(Row)
        if _booking(row).status != "cancelled":
            raise VendorProtocolError("not_cancelled")
        return Cancelled()

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        await http.get("open")
        return [Slot(practitioner_id="7", service_id="visit", start=START, end=END, token="t9")]


# [booking]
def _booking(row: Row) -> Booking:
    return Booking(id=row.id, status=STATUS_WORDS.get(row.state, "unknown"))


# [test]
def test_what_waits_for_the_clinic_is_pending_until_the_clinic_has_answered() -> None:
    request = {"id": "r1", "state": "NEW"}
    session = Rehearsal(ByRequest).session(
        answering(clinic={}, catalogue={}, open={}, requests=request, r1=lambda _: request)
    )
    day = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1))
    booking = session.book(BookingRequest(slot=session.slots(day).found[0], patient=Patient()))
    assert booking.status == "pending"
    request["state"] = "ACCEPTED"
    assert session.get(booking.ref).status == "booked"
    request["state"] = "SEEN BY STAFF"  # a word that is new to us
    assert session.get(booking.ref).status == "unknown"


# [end]
def test_a_request_that_is_declined_at_once_is_no_booking() -> None:
    request = {"id": "r1", "state": "REJECTED"}
    session = Rehearsal(ByRequest).session(answering(clinic={}, catalogue={}, open={}, requests=request, r1=request))
    day = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1))
    with pytest.raises(SlotWithdrawn):
        session.book(BookingRequest(slot=session.slots(day).found[0], patient=Patient()))
