"""Code of `compute-open-times.md`, and its tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from invented import Invented

from kobling import Http, Limits, Model, Slot, SlotLimits, SlotQuery, WireModel
from kobling.localtime import days, parse_offset, wall_spans
from kobling.testing import ManualClock, play, reply

ZONE = "Europe/Oslo"


# [arithmetic]
def open_starts(
    spans: list[tuple[datetime, datetime]],
    busy: list[tuple[datetime, datetime]],
    length: timedelta,
    step: timedelta,
    earliest: datetime,
) -> list[datetime]:
    """The starts at which something of this length fits: inside a span, beside everything busy, and not too near.
    Everything in UTC; a period holds its first moment and not its last."""
    found = []
    for first, last in spans:
        start = first
        while start + length <= last:
            taken = any(begin < start + length and start < end for begin, end in busy)
            if start >= earliest and not taken:
                found.append(start)
            start += step
    return found


# [adapter]
class Settings(Model):
    """What the clinic has set up and the vendor's API does not tell."""

    step_minutes: int = 30
    lead_time_hours: int = 2


class Hours(WireModel):
    """Opening hours of a weekday (0 is Monday), in minutes since midnight on the clinic's clock."""

    weekday: int
    begin: int
    end: int


class Busy(WireModel):
    begins: str
    ends: str


# [class]
class Computed(Invented):
    contract = 1
    # [body]
    Options = Settings
    limits = Limits(slots=SlotLimits(days=31, per=("practitioner",), computed=True))

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        who = query.practitioner_id
        hours = (await http.get("people/{}/hours", who, fresh_for=300)).read(list[Hours])
        window = {"from": query.first_day, "to": query.last_day}
        rows = (await http.get("people/{}/bookings", who, params=window)).read(list[Busy])
        busy = [(parse_offset(row.begins), parse_offset(row.ends)) for row in rows]
        length, step = timedelta(minutes=30), timedelta(minutes=self.options.step_minutes)
        earliest = http.now + timedelta(hours=self.options.lead_time_hours)
        spans = [
            span
            for day in days(query.first_day, query.last_day)
            for one in hours
            if one.weekday == day.weekday()
            for span in wall_spans(day, one.begin, one.end, ZONE)
        ]
        return [
            Slot(practitioner_id=who, service_id="visit", start=start, end=start + length)
            for start in open_starts(spans, busy, length, step, earliest)
        ]


# [test]
def test_open_is_what_the_hours_leave_beside_the_bookings() -> None:
    monday = date(2026, 12, 7)
    query = SlotQuery(first_day=monday, last_day=monday, practitioner_ids=("7",))
    hours = [{"weekday": 0, "begin": 9 * 60, "end": 11 * 60}]
    booked = [{"begins": "2026-12-07T09:30+01:00", "ends": "2026-12-07T10:00+01:00"}]
    early = ManualClock(datetime(2026, 12, 7, 7, 30, tzinfo=UTC))  # 08:30 at the clinic
    played = play(
        Computed,
        "list_slots",
        query,
        replies=[reply(200, json=hours), reply(200, json=booked)],
        options={"lead_time_hours": 1},
        clock=early,
    )
    assert [slot.start.strftime("%H:%M") for slot in played.result.found] == ["09:00", "09:30"]  # in UTC


def test_the_night_in_which_the_clock_goes_back_has_an_hour_more() -> None:
    spans = wall_spans(date(2026, 10, 25), 0, 4 * 60, ZONE)
    half_an_hour = timedelta(minutes=30)
    starts = open_starts(spans, [], half_an_hour, half_an_hour, datetime(2026, 1, 1, tzinfo=UTC))
    assert len(starts) == 10  # five hours between 00:00 and 04:00


# [end]
