"""Bookings of more days or practitioners than the vendor lists at once: read in parts, until two readings agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from full_vendor import FIRST, FullVendor, World, connect
from kobling import (
    Booking,
    BookingFacts,
    BookingQuery,
    Catalogue,
    Http,
    Limits,
    SlotLimits,
    VendorUnavailable,
    WireRequest,
)
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


class OneCalendar(FullVendor):
    """Lists the bookings of one practitioner."""

    key = "one-calendar"
    contract = 1
    nobody = False
    limits = Limits(
        slots=SlotLimits(days=3),
        booking=BookingFacts(mode="sync", overlap="refused", reference_in="field", listed_per="practitioner"),
    )

    async def catalogue(self, http: Http) -> Catalogue:
        every = await super().catalogue(http)
        return every.model_copy(update={"practitioners": (), "offers": ()}) if self.nobody else every

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        every = (await http.get("bookings", params={"calendar": query.practitioner_id})).read(list[dict[str, Any]])
        found = [Booking(id=row["id"], status="booked", practitioner_id=row["who"]) for row in every]
        return [one for one in found if one.practitioner_id == query.practitioner_id]


class OfNobody(OneCalendar):
    key = "of-nobody"
    contract = 1
    nobody = True


def calendars(world: World) -> list[str]:
    asked: list[str] = []

    def heard(request: WireRequest) -> None:
        if "/bookings" in request.url:
            asked.append(request.url.rpartition("=")[2])

    world.vendor.interrupt = heard
    return asked


def test_everybodys_bookings_are_read_calendar_by_calendar_and_all_but_the_last_once_more(mode: str) -> None:
    world = connect(mode, OneCalendar)
    asked = calendars(world)
    put(world, 0)
    world.vendor.add(who="b", start=f"{FIRST}T09:00:00+00:00", end=f"{FIRST}T09:30:00+00:00", reference="")
    found = world.run(lambda session: session.bookings(QUERY))
    assert ([one.practitioner_id for one in found.found], found.complete) == (["a", "b"], True)
    assert asked == ["a", "b", "a"]


def test_the_calendars_that_are_asked_for_are_asked_and_no_other(mode: str) -> None:
    world = connect(mode, OneCalendar)
    asked = calendars(world)
    assert world.run(lambda session: session.bookings(QUERY.model_copy(update={"practitioner_ids": ("b",)}))).complete
    assert asked == ["b"]


def test_where_there_is_no_calendar_nothing_is_known_of_bookings(mode: str) -> None:
    found = connect(mode, OfNobody).run(lambda session: session.bookings(QUERY))
    assert (found.found, found.complete) == ((), False)


def test_a_query_names_its_only_practitioner_or_none() -> None:
    assert QUERY.model_copy(update={"practitioner_ids": ("b",)}).practitioner_id == "b"
    for several in ((), ("a", "b")):
        with pytest.raises(ValueError, match="unpack"):
            _ = QUERY.model_copy(update={"practitioner_ids": several}).practitioner_id
