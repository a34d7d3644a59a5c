"""Code of `times-without-offset.md`, and its tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from invented import Invented
from pydantic import Field

from kobling import Http, Slot, SlotProblem, SlotQuery, Slots, VendorProtocolError, WireModel
from kobling.localtime import comes_once, instant_of, local
from kobling.testing import play, reply
from kobling.wallrows import wall_ranges, wall_rows

# [slots]
ZONE = "Europe/Oslo"


class Row(WireModel):
    """An open time, as `{"id": "t9", "practitioner": "7", "start": "2026-10-26T09:00", "minutes": 30}`."""

    id: str
    practitioner: str
    start: str
    minutes: int = Field(ge=5, le=480)  # as the vendor's page says


# [class]
class WallClock(Invented):
    contract = 1
    # [body]

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        reply = await http.get("open", params={"from": query.first_day, "to": query.last_day})
        rows = reply.read(list[Row], at="/times")
        timed, left_out = wall_rows(rows, lambda row: row.start, ZONE, key=lambda row: row.practitioner)
        return Slots(
            found=tuple(
                Slot(
                    practitioner_id=row.practitioner,
                    service_id="visit",
                    start=start,
                    end=start + timedelta(minutes=row.minutes),  # in UTC, never on the wall
                    token=row.id,
                )
                for row, start in timed
            ),
            problems=left_out,
        )


# [instant]
def told_start(text: str) -> datetime | None:
    """A booking's start as the vendor tells it; None where it may be either of two."""
    return instant_of(text, ZONE)


def wall_text(start: datetime) -> str:
    """A moment as this vendor wants it."""
    return local(start, ZONE).strftime("%Y-%m-%dT%H:%M")


# [ended]
class Range(WireModel):
    """An open time, as `{"practitioner": "7", "from": "2026-10-26T09:00", "to": "2026-10-26T09:30"}`."""

    practitioner: str
    start: str = Field(alias="from")
    end: str = Field(alias="to")


def ranges(rows: list[Range], minutes: int | None) -> Slots:
    """The times of a service that takes `minutes`, where the rows tell the end by the clock."""
    timed, left_out = wall_ranges(
        rows,
        lambda row: (row.start, row.end),
        ZONE,
        key=lambda row: row.practitioner,
        minutes=lambda _: minutes,
    )
    found = [
        Slot(practitioner_id=row.practitioner, service_id="visit", start=start, end=end) for row, start, end in timed
    ]
    return Slots(found=tuple(found), problems=left_out)


# [nameable]
def bookable(found: list[Slot]) -> Slots:
    """The times that a booking can name by what the clock on the wall shows; the others are told as left out."""
    return Slots(
        found=tuple(slot for slot in found if comes_once(slot.start, ZONE)),
        problems=tuple(SlotProblem(because="repeated_hour") for slot in found if not comes_once(slot.start, ZONE)),
    )


# [test]
def times(*starts: str) -> Any:
    rows = [{"id": f"t{n}", "practitioner": "7", "start": one, "minutes": 30} for n, one in enumerate(starts)]
    return reply(200, json={"times": rows})


def found(night: date, *starts: str) -> Slots:
    query = SlotQuery(first_day=night, last_day=night)
    answer: Slots = play(WallClock, "list_slots", query, replies=[times(*starts)]).result
    return answer


def test_an_hour_that_comes_twice_is_read_only_where_it_is_listed_twice() -> None:
    night = date(2026, 10, 25)
    both = found(night, "2026-10-25T02:30", "2026-10-25T02:30", "2026-10-25T03:00")
    assert [slot.start.hour for slot in both.found] == [0, 1, 2]  # in UTC
    once = found(night, "2026-10-25T02:30", "2026-10-25T03:00")
    assert [problem.because for problem in once.problems] == ["repeated_hour"]
    assert len(once.found) == 1


def test_an_hour_that_is_jumped_over_has_no_times() -> None:
    assert found(date(2027, 3, 28), "2027-03-28T02:30").problems[0].because == "missing_hour"


# [end]
def test_what_a_booking_cant_name_is_left_out_in_both_halves_of_the_hour() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    starts = [first + timedelta(hours=n) for n in range(3)]
    times = [Slot(practitioner_id="7", service_id="visit", start=at, end=at + timedelta(minutes=30)) for at in starts]
    answer = bookable(times)
    assert [slot.start for slot in answer.found] == starts[2:]
    assert len(answer.problems) == 2


def test_an_end_on_the_wall_is_read_where_the_length_decides_it() -> None:
    rows = [Range(practitioner="7", **{"from": "2026-10-25T01:45", "to": "2026-10-25T02:30"})]
    assert [problem.because for problem in ranges(rows, None).problems] == ["repeated_hour"]
    (slot,) = ranges(rows, 45).found
    assert slot.end == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 for the first time


def test_a_text_that_is_no_time_is_the_vendors_error() -> None:
    with pytest.raises(VendorProtocolError):
        found(date(2026, 10, 25), "half past two")


def test_a_moment_goes_to_the_wall_and_back() -> None:
    moment = told_start("2026-12-01T09:00")
    assert moment is not None
    assert wall_text(moment) == "2026-12-01T09:00"
    assert told_start("2026-10-25T02:30") is None
