"""Bookings of more days than the vendor lists at once: read in parts, until two readings agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from full_vendor import FIRST, FullVendor, World, connect
from kobling import Booking, BookingFacts, BookingQuery, Http, Limits, SlotLimits, VendorUnavailable, WireRequest
from kobling.localtime import parse_offset

QUERY = BookingQuery(first_day=FIRST, last_day=FIRST + timedelta(days=2))


class DayByDay(FullVendor):
    """Lists the bookings of one day."""

    key = "day-by-day"
    contract = 1
    limits = Limits(
        slots=SlotLimits(days=3),
        booking=BookingFacts(mode="sync", overlap="refused", reference_in="field", listed_days=1),
    )

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        assert query.first_day == query.last_day
        rows: Any = (await http.get("bookings", params={"day": query.first_day})).read(list[dict[str, Any]])
        found = [Booking(id=row["id"], status="booked", start=parse_offset(row["start"])) for row in rows]
        return [one for one in found if one.start and one.start.date() == query.first_day]


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(mode: str, at: Callable[[int, World], None] = lambda number, world: None) -> tuple[World, list[str]]:
    """at: what happens at the clinic before the reading of that number, from 1."""
    world = connect(mode, DayByDay)
    asked: list[str] = []

    def heard(request: WireRequest) -> None:
        if "/bookings" in request.url:
            asked.append(request.url.rpartition("=")[2])
            at(len(asked), world)

    world.vendor.interrupt = heard
    return world, asked


def put(world: World, day: int, **more: Any) -> dict[str, Any]:
    start = f"{FIRST + timedelta(days=day)}T08:00:00+00:00"
    return world.vendor.add(who="a", start=start, end=start, reference="", **more)


def listed(world: World) -> list[tuple[str, int]]:
    found = world.run(lambda session: session.bookings(QUERY)).found
    return [(one.id, (one.start.date() - FIRST).days) for one in found]


def test_days_are_read_one_by_one_and_all_but_the_last_once_more(mode: str) -> None:
    world, asked = opened(mode)
    put(world, 0)
    put(world, 2)
    assert listed(world) == [("1", 0), ("2", 2)]
    days = [f"{FIRST + timedelta(days=number)}" for number in range(3)]
    assert asked == [*days, *days[:2]]


def test_a_booking_that_is_moved_into_a_day_that_was_read_is_not_missed(mode: str) -> None:
    def move(number: int, world: World) -> None:
        if number == 2:
            world.vendor.rows["1"]["start"] = f"{FIRST}T09:00:00+00:00"

    world, asked = opened(mode, move)
    put(world, 2)
    assert listed(world) == [("1", 0)]
    assert len(asked) == 3 + 3 + 2


def test_a_list_that_changes_at_every_reading_is_no_list(mode: str) -> None:
    world, _ = opened(mode, lambda number, world: put(world, 0) and None)
    with pytest.raises(VendorUnavailable) as caught:
        listed(world)
    assert (caught.value.because, caught.value.effect) == ("list_keeps_changing", "none")
