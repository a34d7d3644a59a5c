"""Code of `keep-to-the-limits.md`, and its tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from invented import Invented

from kobling import (
    Booking,
    BookingFacts,
    BookingQuery,
    CallRate,
    Http,
    Kobling,
    Limits,
    Response,
    Slot,
    SlotLimits,
    SlotQuery,
    Slots,
    Status,
    UnknownPart,
    WireModel,
    WireReply,
    WireRequest,
)
from kobling.localtime import days, parse_offset
from kobling.plugins import Installed
from kobling.testing import ManualClock, example_connection, play, reply


class Row(WireModel):
    who: str
    begins: str
    ends: str


STATUS_WORDS: Mapping[str, Status] = {"confirmed": "booked", "cancelled": "cancelled"}


class Made(WireModel):
    id: str
    state: str
    begins: str


class Limited(Invented):
    contract = 1
    # [limits]
    limits = Limits(
        slots=SlotLimits(days=7, per=("practitioner",), together=2),  # asked so, whatever the registry asks
        booking=BookingFacts(listed_days=31),
        rate=CallRate(calls=60, per=60, scope="key", for_bookings=0.2),
        timeout_read=10,
    )
    # [all]

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The vendor answers one day at a time: they are asked together, and one that fails is unknown."""
        every = days(query.first_day, query.last_day)
        answers = await http.all(
            http.get("people/{}/open", query.practitioner_id, params={"day": day}) for day in every
        )
        found: list[Slot] = []
        unknown: list[UnknownPart] = []
        for day, answer in zip(every, answers, strict=True):
            if isinstance(answer, Response):
                found += [_slot(row) for row in answer.read(list[Row])]
            else:
                unknown.append(UnknownPart(first_day=day, last_day=day, because=answer.code))
        return Slots(found=tuple(found), unknown=tuple(unknown))

    # [listing]
    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        """The vendor lists 31 days at once: it is never asked for more."""
        asked = {"from": query.first_day, "to": query.last_day}
        rows = (await http.get("bookings", params=asked)).read(list[Made])
        return [
            Booking(
                id=row.id,
                status=STATUS_WORDS.get(row.state, "unknown"),
                start=parse_offset(row.begins),
            )
            for row in rows
        ]

    # [row]


def _slot(row: Row) -> Slot:
    start, end = parse_offset(row.begins), parse_offset(row.ends)
    return Slot(practitioner_id=row.who, service_id="visit", start=start, end=end)


# [test]
def test_a_day_that_fails_is_unknown_and_not_without_times() -> None:
    query = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 2), practitioner_ids=("7",))
    open_time = {"who": "7", "begins": "2026-12-01T09:00+01:00", "ends": "2026-12-01T09:30+01:00"}

    def vendor(request: WireRequest) -> WireReply:
        return reply(200, json=[open_time]) if "2026-12-01" in request.url else reply(503)

    answer = play(Limited, "list_slots", query, replies=vendor).result
    assert len(answer.found) == 1
    assert [(one.first_day.day, one.because) for one in answer.unknown] == [(2, "vendor_unavailable")]


# [end]
def test_a_listing_of_two_months_is_asked_in_pieces_that_the_vendor_takes() -> None:
    asked: list[str] = []

    def vendor(request: WireRequest) -> WireReply:
        if "/bookings" not in request.url:
            return reply(200, json=[])
        asked.append(request.url.partition("?")[2])
        return reply(200, json=[{"id": "b1", "state": "confirmed", "begins": "2026-12-31T23:45+01:00"}])

    query = BookingQuery(first_day=date(2026, 12, 1), last_day=date(2027, 1, 31))
    with Kobling(adapters=Installed({"invented": Limited}), exchange=vendor, clock=ManualClock()) as kobling:
        answer = kobling.session(example_connection(Limited)).bookings(query)
    december, january = "from=2026-12-01&to=2026-12-31", "from=2027-01-01&to=2027-01-31"
    assert asked == [december, january, december]
    assert [one.id for one in answer.found] == ["b1"]


def test_a_month_is_asked_in_pieces_that_the_vendor_takes() -> None:
    asked: list[str] = []

    def vendor(request: WireRequest) -> WireReply:
        asked.append(request.url)
        return reply(200, json=[])

    month = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 31))
    clock = ManualClock()
    with Kobling(adapters=Installed({"invented": Limited}), exchange=vendor, clock=clock) as kobling:
        assert kobling.session(example_connection(Limited)).slots(month).complete
    assert sum("/open" in url for url in asked) == 31
