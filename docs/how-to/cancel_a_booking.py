"""Code of `cancel-a-booking.md`, and its tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from invented import Invented

from kobling import (
    Booking,
    BookingFacts,
    BookingNotFound,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    ErrorMap,
    Http,
    Limits,
    Status,
    TooLateToChange,
    VendorProtocolError,
    VendorUnavailable,
    WireModel,
    WireReply,
)
from kobling.localtime import parse_offset
from kobling.testing import example_connection, play, reply

# [rows]
STATUS_WORDS: Mapping[str, Status] = {"standing": "booked", "cancelled": "cancelled"}


class Row(WireModel):
    id: str
    state: str
    cancel_until: str | None = None
    fee: bool | None = None


# [class]
class Cancels(Invented):
    contract = 1
    # [body]
    errors = ErrorMap(
        {"DEADLINE": TooLateToChange, "UNKNOWN_BOOKING": BookingNotFound, "CANCELLED_BEFORE": BookingNotFound},
        code="/error",
    )

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        reply = await http.post("bookings/{}/cancel", booking.id, json={"comment": reason.note()})
        row = reply.read(Row)
        if row.state != "cancelled":
            raise VendorProtocolError("not_cancelled")
        return Cancelled(late=row.fee)

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        row = (await http.get("bookings/{}", booking.id)).read(Row)
        return Booking(
            id=row.id,
            status=STATUS_WORDS.get(row.state, "unknown"),
            change_by=parse_offset(row.cancel_until) if row.cancel_until else None,
        )

    # [book]
    limits = Limits(booking=BookingFacts(mode="sync", overlap="refused"))

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        return Booking(id=(await http.post("bookings", json={})).read(str, at="/id"), status="unknown")


# [one code]
class OneCode(Cancels):
    contract = 1
    # [look]
    errors = ErrorMap({("cancel", "NOT_POSSIBLE"): TooLateToChange}, code="/error")

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        row = (await http.get("bookings/{}", booking.id)).read(Row)
        if row.state == "cancelled":
            raise BookingNotFound("already_cancelled")
        answer = await http.post("bookings/{}/cancel", booking.id, json={"comment": reason.note()})
        if answer.status != 204:
            raise VendorProtocolError("not_cancelled")
        return Cancelled()

    # [looked]


class VersionRow(WireModel):
    version: int


class Versioned(Cancels):
    contract = 1
    # [version]
    errors = ErrorMap(statuses={412: VendorUnavailable})

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        row = (await http.get("bookings/{}", booking.id)).read(VersionRow)
        answer = await http.delete("bookings/{}", booking.id, headers={"If-Match": f'"{row.version}"'})
        if answer.status != 204:
            raise VendorProtocolError("not_cancelled")
        return Cancelled()

    # [versioned]


# [test]
OURS = BookingRef(connection_id=example_connection(Cancels).id, id="b1", confirmed=True)
REASON = CancelReason(by="patient", why="unwell")


def cancelled(status: int, answer: Any) -> Cancelled:
    done: Cancelled = play(Cancels, "cancel", OURS, REASON, replies=[reply(status, json=answer)]).result
    return done


def test_a_booking_is_cancelled_when_the_answer_says_so() -> None:
    assert cancelled(200, {"id": "b1", "state": "cancelled", "fee": True}).late
    with pytest.raises(TooLateToChange):
        cancelled(409, {"error": "DEADLINE"})
    with pytest.raises(BookingNotFound):
        cancelled(409, {"error": "CANCELLED_BEFORE"})


# [test of one code]
def test_what_one_code_leaves_open_is_seen_before_the_cancel() -> None:
    def looked(state: str, *more: WireReply) -> Any:
        shown = reply(200, json={"id": "b1", "state": state})
        return play(OneCode, "cancel", OURS, REASON, replies=[shown, *more]).result

    refused = reply(409, json={"error": "NOT_POSSIBLE"})
    with pytest.raises(BookingNotFound):
        looked("cancelled")
    with pytest.raises(TooLateToChange):
        looked("standing", refused)
    assert looked("standing", reply(204)) == Cancelled()


# [test of versions]
def test_a_booking_that_has_changed_meanwhile_stands_and_a_new_cancel_may_be_tried() -> None:
    shown = reply(200, json={"version": 3})
    played = play(Versioned, "cancel", OURS, REASON, replies=[shown, reply(204)])
    assert played.requests[1].header("If-Match") == '"3"'
    with pytest.raises(VendorUnavailable) as refused:
        play(Versioned, "cancel", OURS, REASON, replies=[shown, reply(412)])
    assert (refused.value.effect, refused.value.retry) == ("none", "later")


# [end]
