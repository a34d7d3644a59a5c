"""Code of `overlaps-accepted.md`, and its tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from invented import Bookable

from kobling import (
    Booking,
    BookingFacts,
    BookingQuery,
    BookingRequest,
    Http,
    Limits,
    Patient,
    Slot,
    SlotQuery,
    SlotTaken,
    Status,
    WireModel,
    WireReply,
)
from kobling.commands import Send
from kobling.localtime import parse_offset
from kobling.testing import Rehearsal, answering, reply

START, END = datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, 30, tzinfo=UTC)


# [adapter]
STATUS_WORDS: Mapping[str, Status] = {"ok": "booked", "gone": "cancelled"}


class Row(WireModel):
    """A booking of anybody's, the clinic's own ones too."""

    id: str
    practitioner: str
    begins: str
    ends: str
    status: str
    created: str


# [class]
class Overlapping(Bookable):
    contract = 1
    # [body]
    limits = Limits(
        booking=BookingFacts(
            mode="sync",
            overlap="accepted",
            settle=2.0,
            inferred=frozenset({"settle"}),
            sources={"overlap": "the API page: the calendar does not check for conflicts"},
        )
    )

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        slot = request.slot
        reply = await http.post("bookings", json={"who": slot.practitioner_id, "begins": slot.start})
        return _booking(reply.read(Row))

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        """Everything in the calendars on these days: what is missing here would be booked over."""
        rows = await http.get("bookings", params={"from": query.first_day, "to": query.last_day})
        found = [_booking(row) for row in rows.read(list[Row])]
        return [one for one in found if not query.practitioner_ids or one.practitioner_id in query.practitioner_ids]

    # [row]
    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        await http.get("open")
        return [Slot(practitioner_id="7", service_id="visit", start=START, end=END)]


# [booking]
def _booking(row: Row) -> Booking:
    return Booking(
        id=row.id,
        status=STATUS_WORDS.get(row.status, "unknown"),
        start=parse_offset(row.begins),
        end=parse_offset(row.ends),
        practitioner_id=row.practitioner,
        created_at=parse_offset(row.created),
    )


# [test]
def row(number: str, created: str) -> dict[str, str]:
    times = {"begins": START.isoformat(), "ends": END.isoformat(), "created": created}
    return {"id": number, "practitioner": "7", "status": "ok", **times}


def test_of_two_who_book_one_time_the_earlier_keeps_it() -> None:
    ours, theirs = row("12", "2026-11-23T08:00:02Z"), row("11", "2026-11-23T08:00:01Z")
    calendar: list[dict[str, str]] = []

    def bookings(command: Send) -> Any:
        if command.request.method == "POST":  # somebody else's booking gets there first
            calendar.extend([theirs, ours])
            return ours
        return calendar

    def given_up(_: Send) -> WireReply:
        calendar.remove(ours)
        return reply(204)

    vendor = answering(clinic={}, catalogue={}, open={}, bookings=bookings, **{"12": given_up})
    session = Rehearsal(Overlapping).session(vendor)
    day = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1))
    with pytest.raises(SlotTaken) as taken:
        session.book(BookingRequest(slot=session.slots(day).found[0], patient=Patient()))
    assert taken.value.because == "overlap"
    assert calendar == [theirs]


# [end]
