"""Overlaps at a vendor that accepts them: what beats our booking, and what is known before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from full_vendor import OverlapVendor, Vendor, World, connect, request
from kobling import (
    BookedDifferently,
    Booking,
    BookingRequest,
    Bookings,
    Patient,
    ResolveFirst,
    ScopeMissing,
    SlotTaken,
    SlotWithdrawn,
)
from kobling.flows.comparing import differences


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest) -> World:
    return connect(str(request.param), OverlapVendor, vendor=Vendor(accepts_overlap=True))


def when_booked(world: World, happens: Callable[[dict[str, Any]], None]) -> None:
    """Something happens at the vendor between our booking and our look at the calendar."""

    def enter(one: Any) -> None:
        if one.method == "POST":
            happens(world.vendor.rows["1"])

    world.vendor.after = enter  # type: ignore[assignment]


def book(world: World) -> Any:
    wanted = request(world.slot())
    return world.run(lambda session: session.book(wanted))


def test_an_older_booking_without_an_end_may_overlap_and_beats_ours(world: World) -> None:
    def older(ours: dict[str, Any]) -> None:
        row = world.vendor.add(who=ours["who"], start="2026-12-01T07:45:00+00:00", end="2026-12-01T08:00:00+00:00")
        row["created_at"] = (world.vendor.clock.now() - timedelta(hours=1)).isoformat()

    class Endless(OverlapVendor):
        key = "endless"
        contract = 1

        async def list_bookings(self, http: Any, query: Any) -> Any:
            rows = await super().list_bookings(http, query)
            return [row if row.id == "1" else row.model_copy(update={"end": None}) for row in rows]

    other = connect("sync", Endless, vendor=world.vendor)
    wanted = request(other.slot())
    when_booked(other, older)
    with pytest.raises(SlotTaken):
        other.run(lambda session: session.book(wanted))
    assert world.vendor.standing() == ["2"]


def test_a_booking_that_the_clinic_cancelled_before_the_look_is_not_booked(world: World) -> None:
    def cancelled_at_the_look(one: Any) -> None:
        if one.method == "GET" and one.url.endswith("bookings") and "1" in world.vendor.rows:
            world.vendor.rows["1"]["status"] = "cancelled"

    world.vendor.interrupt = cancelled_at_the_look  # type: ignore[assignment]
    with pytest.raises(SlotWithdrawn) as caught:
        book(world)
    assert (caught.value.because, caught.value.effect) == ("declined", "none")


def test_a_booking_that_the_clinic_moved_before_the_look_is_not_withdrawn(world: World) -> None:
    when_booked(world, lambda ours: ours.update(start="2026-12-01T12:00:00+00:00", end="2026-12-01T12:30:00+00:00"))
    with pytest.raises(BookedDifferently) as caught:
        book(world)
    assert caught.value.booking.ref.connection_id == world.session.connection.id
    assert world.vendor.standing() == ["1"]


def test_a_time_that_has_a_booking_already_is_taken_without_a_write(world: World) -> None:
    slot = world.slot()
    world.vendor.add(who=slot.practitioner_id, start=slot.start.isoformat(), end=slot.end.isoformat())
    with pytest.raises(SlotTaken) as caught:
        world.run(lambda session: session.book(request(slot)))
    assert caught.value.because == "overlap"
    assert {method for method, _ in world.vendor.calls} == {"GET"}


def test_a_reference_that_stands_on_that_day_is_not_booked_again_by_another_process(world: World) -> None:
    first, second = world.slot(0), world.slot(1)
    wanted = request(first)
    world.run(lambda session: session.book(wanted))
    restarted = connect("sync", OverlapVendor, vendor=world.vendor)
    world.vendor.calls.clear()
    with pytest.raises(ResolveFirst, match="already_booked") as caught:
        restarted.run(lambda session: session.book(wanted.model_copy(update={"slot": second})))
    assert (caught.value.effect, {method for method, _ in world.vendor.calls}) == ("none", {"GET"})
    assert world.vendor.standing() == ["1"]


class Blinkered(OverlapVendor):
    """Its key sees only some of the bookings."""

    key = "blinkered"
    contract = 1

    async def list_bookings(self, http: Any, query: Any) -> Any:
        return Bookings(found=tuple(await super().list_bookings(http, query)), complete=False)


def test_a_calendar_that_is_not_seen_whole_is_never_booked_in(world: World) -> None:
    other = connect("sync", Blinkered, vendor=world.vendor)
    wanted = request(other.slot())
    with pytest.raises(ScopeMissing) as caught:
        other.run(lambda session: session.book(wanted))
    assert caught.value.because == "bookings_hidden"
    assert {method for method, _ in world.vendor.calls} == {"GET"}


PHONES = [
    ("+47 900 08 877", "90008877", True),
    ("0047 90008877", "+4790008877", True),
    ("070-123 45 67", "+46701234567", True),
    ("+47 900 08 877", "90008878", False),
    ("90008877", "8877", False),
]


@pytest.mark.parametrize(("said", "asked", "same"), PHONES)
def test_a_phone_number_is_the_same_in_every_spelling(world: World, said: str, asked: str, same: bool) -> None:
    wanted = BookingRequest(slot=world.slot(), patient=Patient(phone=asked))
    answer = Booking(id="1", status="booked", patient=Patient(phone=said))
    assert differences(answer, wanted) == (() if same else ("patient.phone",))


def test_ids_are_the_same_only_letter_by_letter(world: World) -> None:
    slot = world.slot()
    answer = Booking(id="1", status="booked", practitioner_id=slot.practitioner_id.upper())
    assert differences(answer, request(slot)) == ("practitioner_id",)
