"""What `resolve` may say after a lost answer: never "booked" and never "not booked" without proof."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from full_vendor import FullVendor, OverlapVendor, SagaVendor, Vendor, World, connect, request
from kobling import (
    Adapter,
    Booked,
    BookingFacts,
    BookingQuery,
    BookingRef,
    BookingRequest,
    CancelReason,
    Limits,
    NeedsPerson,
    NotBooked,
    OutcomeUnknown,
    ResolveFirst,
    Slot,
    SlotLimits,
    SlotTaken,
    StillUnknown,
    UnsupportedOperation,
    WireFailure,
    WireRequest,
)
from kobling.localtime import parse_offset
from kobling.testing import reply

KNOWN = {"mode": "sync", "overlap": "refused", "latest_commit": 60, "sources": {"latest_commit": "a test"}}


class Unmarked(FullVendor):
    """Keeps no reference anywhere."""

    key = "unmarked"
    contract = 1
    limits = Limits(slots=SlotLimits(days=3), booking=BookingFacts(**KNOWN, reference_in="nowhere", live_search=True))

    async def list_bookings(self, http: Any, query: BookingQuery) -> Any:
        return [row.model_copy(update={"reference": None}) for row in await super().list_bookings(http, query)]


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def lose(world: World, *, committed: bool) -> BookingRequest:
    """A booking whose answer is lost, after or before the vendor committed."""
    wanted = request(world.slot())
    name = "after" if committed else "interrupt"
    setattr(world.vendor, name, lambda one: WireFailure("read") if one.method == "POST" else None)
    with pytest.raises(OutcomeUnknown):
        world.run(lambda session: session.book(wanted))
    setattr(world.vendor, name, lambda one: None)
    return wanted


def resolve(world: World, wanted: BookingRequest, *, hours: float = 0) -> Any:
    sent_at = world.vendor.clock.now()
    world.vendor.clock.advance(hours * 3600)
    return world.run(lambda session: session.resolve(wanted, sent_at))


def saw(found: Any) -> list[str]:
    return [one.saw for one in found.evidence]


def test_without_a_reference_a_booking_at_the_time_is_never_called_not_booked(mode: str) -> None:
    world = connect(mode, Unmarked)
    wanted = lose(world, committed=True)
    found = resolve(world, wanted, hours=2)
    assert isinstance(found, NeedsPerson)
    assert saw(found) == ["unmarked_booking"]
    assert len(world.vendor.standing()) == 1


def test_without_a_reference_a_free_slot_proves_it_where_all_four_facts_are_known(mode: str) -> None:
    world = connect(mode, Unmarked)
    found = resolve(world, lose(world, committed=False), hours=1)
    assert isinstance(found, NotBooked)
    assert found.only_same_slot
    assert saw(found) == ["no_booking_at_the_time", "free"]


def test_a_booking_that_was_returned_is_never_withdrawn_for_a_later_overlap(mode: str) -> None:
    world = connect(mode, OverlapVendor, vendor=Vendor(accepts_overlap=True))
    wanted = request(world.slot())
    world.run(lambda session: session.book(wanted))
    ours = world.vendor.rows["1"]
    world.vendor.clock.advance(3600)
    world.vendor.add(who=ours["who"], start=ours["start"], end=ours["end"])
    found = resolve(world, wanted)
    assert isinstance(found, Booked)
    assert saw(found) == ["found", "overlapped_later"]
    assert world.vendor.standing() == ["1", "2"]


def test_a_booking_that_was_returned_and_is_gone_now_is_a_persons_matter(mode: str) -> None:
    world = connect(mode)
    wanted = request(world.slot())
    world.run(lambda session: session.book(wanted))
    world.vendor.rows.clear()
    found = resolve(world, wanted, hours=2)
    assert isinstance(found, NeedsPerson)
    assert saw(found) == ["absent", "already_booked"]
    with pytest.raises(ResolveFirst):
        world.run(lambda session: session.book(wanted))


MOVES: dict[str, Callable[[dict[str, Any]], None]] = {
    "another time": lambda row: row.update(start="2026-12-01T12:00:00+00:00", end="2026-12-01T12:30:00+00:00"),
    "another day": lambda row: row.update(start="2026-12-04T08:00:00+00:00", end="2026-12-04T08:30:00+00:00"),
    "another timebook": lambda row: row.update(who="b" if row["who"] == "a" else "a"),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_booking_that_staff_moved_is_shown_to_a_person_and_not_called_booked(mode: str, move: str) -> None:
    world = connect(mode)
    wanted = lose(world, committed=True)
    MOVES[move](world.vendor.rows["1"])
    found = resolve(world, wanted)
    assert isinstance(found, NeedsPerson)
    assert found.booking is not None
    assert found.booking.id == "1"
    assert not found.booking.verified
    assert found.booking.ref.connection_id == wanted.slot.connection_id


@pytest.mark.parametrize("status", ["attended", "no_show"])
def test_a_booking_that_took_place_was_booked(mode: str, status: str) -> None:
    world = connect(mode)
    wanted = lose(world, committed=True)
    world.vendor.rows["1"]["status"] = status
    found = resolve(world, wanted)
    assert isinstance(found, Booked)
    assert found.booking.status == status


def test_a_booking_whose_note_was_written_anew_is_a_persons_matter(mode: str) -> None:
    world = connect(mode)
    wanted = lose(world, committed=True)
    world.vendor.rows["1"]["reference"] = None
    found = resolve(world, wanted, hours=2)
    assert isinstance(found, NeedsPerson)
    assert saw(found) == ["absent", "unmarked_booking"]


def test_somebody_elses_older_booking_at_the_time_is_not_taken_for_ours(mode: str) -> None:
    world = connect(mode)
    wanted = lose(world, committed=False)
    slot = wanted.slot
    row = world.vendor.add(who=slot.practitioner_id, start=slot.start.isoformat(), end=slot.end.isoformat())
    row["created_at"] = (world.vendor.clock.now() - timedelta(hours=1)).isoformat()
    assert isinstance(resolve(world, wanted, hours=1), NotBooked)


def commits_while_it_is_listed(world: World, wanted: BookingRequest, *, seconds: float) -> None:
    """The listing's answer is on its way for so many seconds; meanwhile the lost write is carried out."""

    def late(one: WireRequest) -> None:
        if one.method == "GET" and one.url.endswith("/bookings") and not world.vendor.rows:
            world.vendor.clock.advance(seconds)
            slot = wanted.slot
            times = {"start": slot.start.isoformat(), "end": slot.end.isoformat()}
            world.vendor.add(who=slot.practitioner_id, reference=str(wanted.reference), **times)

    world.vendor.after = late


def test_a_list_that_was_read_before_the_last_moment_of_a_commit_proves_nothing_after_it(mode: str) -> None:
    world = connect(mode)
    wanted = lose(world, committed=False)
    sent_at = world.vendor.clock.now()
    commits_while_it_is_listed(world, wanted, seconds=2)
    world.vendor.clock.advance(59)
    found = world.run(lambda session: session.resolve(wanted, sent_at))
    assert isinstance(found, StillUnknown)
    assert found.next_at == world.vendor.clock.now()
    assert isinstance(world.run(lambda session: session.resolve(wanted, sent_at)), Booked)


def test_another_process_waits_until_the_write_can_have_been_sent_and_committed(mode: str) -> None:
    """The hook's moment is not the write's: after it the write may wait for its place in the vendor's budget."""
    world = connect(mode)
    wanted = request(world.slot())
    sent_at = world.vendor.clock.now()
    world.vendor.clock.advance(61)
    found = world.run(lambda session: session.resolve(wanted, sent_at))
    assert isinstance(found, StillUnknown)
    assert found.next_at == sent_at + timedelta(seconds=60 + 60)
    world.vendor.clock.advance(59)
    assert isinstance(world.run(lambda session: session.resolve(wanted, sent_at)), NotBooked)


def test_what_can_not_be_read_for_long_is_a_persons_matter(mode: str) -> None:
    world = connect(mode)
    wanted = lose(world, committed=True)
    world.vendor.interrupt = lambda one: reply(500) if "bookings" in one.url else None
    assert isinstance(resolve(world, wanted), StillUnknown)
    assert isinstance(resolve(world, wanted, hours=2), NeedsPerson)


def test_a_crash_before_settling_is_finished_when_the_listing_is_old_enough(mode: str) -> None:
    first = connect(mode, OverlapVendor, vendor=Vendor(accepts_overlap=True))
    wanted = request(first.slot())
    sent_at = first.vendor.clock.now()

    def crash(one: WireRequest) -> Any:
        if one.method == "POST":
            raise KeyboardInterrupt
        return None

    first.vendor.after = crash
    with pytest.raises(KeyboardInterrupt):
        first.run(lambda session: session.book(wanted))
    first.vendor.after = lambda one: None
    other = connect(mode, OverlapVendor, vendor=first.vendor)
    found = other.run(lambda session: session.resolve(wanted, sent_at))
    assert isinstance(found, StillUnknown)
    assert saw(found) == ["found", "not_settled"]
    first.vendor.clock.advance((found.next_at - first.vendor.clock.now()).total_seconds())
    assert isinstance(other.run(lambda session: session.resolve(wanted, sent_at)), Booked)


def test_resolve_does_not_look_while_the_booking_is_under_way(mode: str) -> None:
    world = connect(mode)
    wanted = request(world.slot())
    seen: list[Any] = []

    def look(one: BookingRequest) -> None:
        seen.append(world.session.resolve(wanted, world.vendor.clock.now()))

    async def look_too(one: BookingRequest) -> None:
        seen.append(await world.session.resolve(wanted, world.vendor.clock.now()))  # type: ignore[misc]

    world.run(lambda session: session.book(wanted, before_write=look if mode == "sync" else look_too))
    assert isinstance(seen[0], StillUnknown)
    assert saw(seen[0]) == ["under_way"]


def search_only() -> type[FullVendor]:
    """A vendor that can neither book nor cancel."""
    names = ("book", "cancel", "get_booking", "list_bookings", "reschedule")
    absent = {name: getattr(Adapter, name) for name in names}
    return type("SearchOnly", (FullVendor,), {"key": "search-only", "contract": 1, **absent})


def test_what_the_vendor_does_not_offer_is_refused_before_any_request(mode: str) -> None:
    world = connect(mode, search_only())
    slot = Slot(
        practitioner_id="a", service_id="s", start=world.vendor.clock.now(),
        end=world.vendor.clock.now() + timedelta(minutes=30), connection_id=world.session.connection.id,
    )  # fmt: skip
    wanted, ref = request(slot), BookingRef(connection_id=world.session.connection.id, id="1")
    day = world.vendor.clock.now().date()
    for call in (
        lambda session: session.book(wanted),
        lambda session: session.resolve(wanted, world.vendor.clock.now()),
        lambda session: session.get(ref),
        lambda session: session.bookings(BookingQuery(first_day=day, last_day=day)),
        lambda session: session.cancel(ref, CancelReason(by="patient")),
        lambda session: session.reschedule(ref, wanted),
    ):
        with pytest.raises(UnsupportedOperation):
            world.run(call)
    assert world.vendor.calls == []


def test_a_taken_time_frees_the_reference(mode: str) -> None:
    world = connect(mode)
    slot = world.slot()
    world.run(lambda session: session.book(request(slot)))
    wanted = request(slot)
    for _ in range(2):
        with pytest.raises(SlotTaken):
            world.run(lambda session: session.book(wanted))


def test_a_status_that_nobody_knows_is_never_called_booked(mode: str) -> None:
    world = connect(mode)
    wanted = lose(world, committed=True)
    world.vendor.rows["1"]["status"] = "unknown"
    found = resolve(world, wanted)
    assert isinstance(found, NeedsPerson)
    assert found.booking is not None
    assert saw(found) == ["found_status_unknown"]


@pytest.mark.parametrize("adapter", [FullVendor, Unmarked])
@pytest.mark.parametrize("changes", [{"status": "attended"}, {"status": "no_show"}, {"status": "unknown"}])
def test_an_unmarked_booking_at_the_time_counts_whatever_became_of_it(
    mode: str, adapter: type[Adapter], changes: dict[str, str]
) -> None:
    world = connect(mode, adapter)
    wanted = lose(world, committed=True)
    world.vendor.rows["1"].update(changes, reference=None)
    assert isinstance(resolve(world, wanted, hours=1), NeedsPerson)


def test_an_unmarked_booking_whose_time_the_vendor_does_not_say_may_be_ours(mode: str) -> None:
    class Timeless(FullVendor):
        key = "timeless"
        contract = 1

        async def list_bookings(self, http: Any, query: BookingQuery) -> Any:
            silent = {"start": None, "reference": None}
            return [row.model_copy(update=silent) for row in await super().list_bookings(http, query)]

    world = connect(mode, Timeless)
    assert isinstance(resolve(world, lose(world, committed=True), hours=1), NeedsPerson)


def test_a_moment_that_is_later_than_the_write_does_not_make_our_booking_somebody_elses(mode: str) -> None:
    world = connect(mode)
    wanted = lose(world, committed=True)
    world.vendor.rows["1"]["reference"] = None
    world.vendor.clock.advance(3600)
    assert isinstance(resolve(world, wanted), NeedsPerson)


def test_a_slot_that_is_free_long_afterwards_proves_nothing(mode: str) -> None:
    """The clinic may have moved the booking meanwhile."""
    world = connect(mode, Unmarked)
    wanted = lose(world, committed=True)
    world.vendor.rows["1"].update(start="2026-12-01T12:00:00+00:00", end="2026-12-01T12:30:00+00:00")
    found = resolve(world, wanted, hours=24)
    assert isinstance(found, NeedsPerson)
    assert saw(found)[-1] == "long_ago"


class InRecord(SagaVendor):
    """Keeps the reference in the patient's own record."""

    key = "in-record"
    contract = 1
    limits = Limits(slots=SlotLimits(days=3), booking=BookingFacts(**KNOWN, reference_in="patient_note"))

    async def register_patient(self, http: Any, request: BookingRequest) -> str:
        await http.post("bookings", json={"who": "record", "start": FAR, "end": FAR})
        return "P1"

    async def list_bookings(self, http: Any, query: BookingQuery) -> Any:
        return await super().list_bookings(http, query) if query.patient_id == "P1" else []


FAR = "2027-06-01T08:00:00+00:00"


def test_a_reference_in_the_patients_record_is_not_absent_while_the_patient_is_not_known(mode: str) -> None:
    world = connect(mode, InRecord)
    wanted = request(world.slot())
    told: list[BookingRequest] = []
    world.vendor.after = lambda one: WireFailure("read") if one.method == "POST" and told else None

    async def tell(one: BookingRequest) -> None:
        told.append(one)

    with pytest.raises(OutcomeUnknown):
        world.run(lambda session: session.book(wanted, before_write=told.append if mode == "sync" else tell))
    found = resolve(world, wanted, hours=1)
    assert isinstance(found, NeedsPerson)
    assert saw(found) == ["patient_not_known"]
    assert isinstance(resolve(world, told[0]), Booked)


def crashed(mode: str, adapter: type[Adapter] = OverlapVendor) -> tuple[World, BookingRequest]:
    """A booking that stands, at a vendor that accepts overlaps, and a process that knows nothing of it."""
    first = connect(mode, adapter, vendor=Vendor(accepts_overlap=True))
    wanted = request(first.slot())
    first.run(lambda session: session.book(wanted))
    return connect(mode, adapter, vendor=first.vendor), wanted


@pytest.mark.parametrize("age", [timedelta(hours=-2), timedelta(days=3)], ids=["made afterwards", "moved there"])
def test_another_process_never_withdraws_for_a_booking_that_was_not_there_at_the_time(
    mode: str, age: timedelta
) -> None:
    world, wanted = crashed(mode)
    ours = world.vendor.rows["1"]
    row = world.vendor.add(who=ours["who"], start=ours["start"], end=ours["end"])
    row["created_at"] = (world.vendor.clock.now() - age).isoformat()
    world.vendor.clock.advance(3 * 3600)
    found = world.run(lambda session: session.resolve(wanted, parse_offset(ours["created_at"])))
    assert isinstance(found, NeedsPerson)
    assert saw(found) == ["found", "overlapped_later"]
    assert world.vendor.standing() == ["1", "2"]


def test_a_look_at_the_moment_that_was_named_settles_also_by_a_clock_of_whole_seconds(mode: str) -> None:
    world = connect(mode, OverlapVendor, vendor=Vendor(accepts_overlap=True))
    wanted, clock = lose(world, committed=True), world.vendor.clock
    sent_at = clock.now()
    clock.advance(0.3)

    def listed(one: WireRequest) -> Any:
        if "bookings" not in one.url:
            return None
        clock.advance(0.01)
        told = format_datetime(clock.now().replace(microsecond=0), usegmt=True)
        return reply(200, json=list(world.vendor.rows.values()), headers={"Date": told})

    world.vendor.after = listed
    found = world.run(lambda session: session.resolve(wanted, sent_at))
    assert isinstance(found, StillUnknown)
    clock.advance((found.next_at - clock.now()).total_seconds())
    assert isinstance(world.run(lambda session: session.resolve(wanted, sent_at)), Booked)


class Undated(OverlapVendor):
    """Does not say when a booking was made."""

    key = "undated"
    contract = 1

    async def list_bookings(self, http: Any, query: BookingQuery) -> Any:
        return [row.model_copy(update={"created_at": None}) for row in await super().list_bookings(http, query)]


def test_what_can_never_be_settled_is_a_persons_matter_in_the_end(mode: str) -> None:
    first = connect(mode, Undated, vendor=Vendor(accepts_overlap=True))
    wanted = request(first.slot())
    with pytest.raises(OutcomeUnknown):
        first.run(lambda session: session.book(wanted))
    assert isinstance(resolve(first, wanted), StillUnknown)
    assert isinstance(resolve(first, wanted, hours=2), NeedsPerson)


@pytest.mark.parametrize("date", ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 00:00:00 GMT"])
def test_a_vendors_mad_clock_does_not_put_the_next_look_off_for_ever(mode: str, date: str) -> None:
    world, wanted = crashed(mode)
    sent_at = world.vendor.clock.now()
    world.vendor.after = lambda one: (
        reply(200, json=list(world.vendor.rows.values()), headers={"Date": date}) if "bookings" in one.url else None
    )
    found = world.run(lambda session: session.resolve(wanted, sent_at))
    if isinstance(found, StillUnknown):
        assert found.next_at <= sent_at + timedelta(hours=1)
        found = resolve(world, wanted, hours=2)
    assert isinstance(found, Booked | NeedsPerson)
