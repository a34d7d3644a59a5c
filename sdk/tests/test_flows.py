"""What a session does, sync and async alike, with a vendor that can everything and with ones that can less."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from full_vendor import FIRST, FullVendor, OverlapVendor, SagaVendor, Vendor, World, connect, request
from kobling import (
    Adapter,
    Booked,
    BookedDifferently,
    BookingNotFound,
    BookingQuery,
    BookingRequest,
    CancelReason,
    InvalidRequest,
    KoblingError,
    LeaseExpired,
    NotBooked,
    OutcomeUnknown,
    Patient,
    PatientFieldRequired,
    RateLimited,
    RescheduleHalfDone,
    RescheduleNeedsGap,
    ResolveFirst,
    SlotQuery,
    SlotTaken,
    SlotWithdrawn,
    StillUnknown,
    TooLateToChange,
    UnsupportedOperation,
    VendorUnavailable,
    WireFailure,
    WireRequest,
)
from kobling.capability import capabilities
from kobling.limits import BookingFacts, Rate
from kobling.testing import reply
from kobling.texts import messages

REASON = CancelReason(by="patient")


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(mode: str) -> World:
    return connect(mode)


def slots(world: World, days: int, **more: Any) -> Any:
    query = SlotQuery(first_day=FIRST, last_day=FIRST + timedelta(days=days - 1), **more)
    return world.run(lambda session: session.slots(query))


def book(world: World, wanted: BookingRequest, **more: Any) -> Any:
    return world.run(lambda session: session.book(wanted, **more))


def writes(world: World) -> list[tuple[str, str]]:
    return [call for call in world.vendor.calls if call[0] != "GET"]


# ---- search


def test_a_long_window_is_asked_in_the_vendors_own_portions_and_comes_back_in_order(world: World) -> None:
    answer = slots(world, 8)
    assert len([call for call in world.vendor.calls if call[1] == "slots"]) == 3
    assert len(answer.found) == 8 * 4
    keys = [(slot.start, slot.practitioner_id, slot.service_id) for slot in answer.found]
    assert keys == sorted(keys)
    assert all(slot.observed_at is not None and slot.insurance_rates for slot in answer.found)


def test_a_search_stops_when_enough_is_found(world: World) -> None:
    assert len(slots(world, 30, at_most=2).found) == 2
    assert len([call for call in world.vendor.calls if call[1] == "slots"]) == 1


def test_a_portion_that_fails_is_unknown_and_the_others_stand(world: World) -> None:
    def fail(request: WireRequest) -> Any:
        return reply(500) if "2026-12-04" in request.url else None

    world.vendor.interrupt = fail
    answer = slots(world, 8)
    assert not answer.complete
    (part,) = answer.unknown
    assert (part.first_day.isoformat(), part.last_day.isoformat()) == ("2026-12-04", "2026-12-06")
    assert len(answer.found) == 5 * 4


def test_a_search_of_which_nothing_could_be_read_is_an_error_and_not_empty(world: World) -> None:
    world.vendor.interrupt = lambda request: reply(500) if "slots" in request.url else None
    with pytest.raises(VendorUnavailable):
        slots(world, 3)


def test_what_was_not_asked_for_is_left_out(world: World) -> None:
    answer = slots(world, 3, practitioner_ids=("a",))
    assert {slot.practitioner_id for slot in answer.found} == {"a"}
    assert {problem.because for problem in answer.problems} == {"not_asked_for"}


@pytest.mark.parametrize("year", [1, 9999])
def test_a_moment_that_no_calendar_reaches_is_refused_unsent(world: World, year: int) -> None:
    wanted = request(world.slot())
    moment = datetime(year, 12, 31, 23, tzinfo=UTC)
    world.vendor.calls.clear()
    for call in (
        lambda session: session.resolve(wanted, moment),
        lambda session: session.book(wanted, not_after=moment),
    ):
        with pytest.raises(InvalidRequest, match="odd_time"):
            world.run(call)
    assert world.vendor.calls == []


# ---- booking


def test_the_hook_is_called_once_before_the_write_and_its_error_stops_the_booking(world: World) -> None:
    wanted = request(world.slot())

    def refuse(one: BookingRequest) -> None:
        assert one.reference == wanted.reference
        assert writes(world) == []
        raise RuntimeError("the ledger is full")

    with pytest.raises(RuntimeError, match="ledger"):
        book(world, wanted, before_write=refuse)
    assert writes(world) == []
    assert book(world, wanted).verified is True


def test_a_missing_patient_field_is_refused_unsent(world: World) -> None:
    with pytest.raises(PatientFieldRequired) as caught:
        book(world, BookingRequest(slot=world.slot(), patient=Patient(given_name="Kari")))
    assert caught.value.fields == ("email",)
    assert caught.value.explain("en").startswith("Full Vendor needs e-mail address")
    assert writes(world) == []


def test_another_connections_slot_is_refused(world: World) -> None:
    with pytest.raises(InvalidRequest):
        book(world, request(world.slot().model_copy(update={"connection_id": "other"})))


def test_a_time_that_somebody_took_is_taken(world: World) -> None:
    slot = world.slot()
    book(world, request(slot))
    with pytest.raises(SlotTaken):
        book(world, request(slot))
    assert len(world.vendor.standing()) == 1


def test_a_booking_that_differs_from_the_request_stands_and_is_shown(world: World) -> None:
    def other_time(request: WireRequest) -> Any:
        if request.method == "POST":
            world.vendor.rows["1"]["start"] = "2026-12-01T12:00:00+00:00"
            return reply(201, json=world.vendor.rows["1"])
        return None

    wanted = request(world.slot())
    world.vendor.after = other_time
    with pytest.raises(BookedDifferently) as caught:
        book(world, wanted)
    assert caught.value.differences == ("start",)
    assert caught.value.effect == "done"
    assert world.vendor.standing() == ["1"]
    with pytest.raises(ResolveFirst, match="already_booked"):
        book(world, wanted)


def test_a_second_booking_of_a_request_that_is_booked_is_sent_to_the_one_that_there_is(world: World) -> None:
    wanted = request(world.slot())
    book(world, wanted)
    with pytest.raises(ResolveFirst) as caught:
        book(world, wanted)
    assert caught.value.because == "already_booked"
    assert "Use the booking that you have" in caught.value.explain("en")
    assert "not known" not in caught.value.explain("en")
    assert len(writes(world)) == 1


@pytest.mark.parametrize(
    ("lang", "own", "look"), [("en", "your own booking", "Look at your own"), ("nb", "din egen bestilling", "Se på")]
)
def test_another_process_that_books_the_request_again_is_told_that_it_may_have_the_time_itself(
    mode: str, world: World, lang: Any, own: str, look: str
) -> None:
    wanted = request(world.slot())
    book(world, wanted)
    restarted = connect(mode, vendor=world.vendor)
    with pytest.raises(SlotTaken, match="not_listed") as caught:
        book(restarted, wanted)
    text = caught.value.explain(lang)
    assert own in text
    assert look in text
    assert messages(lang)["error"]["slot_taken"]["do"] not in text, "the patient would be booked twice"
    assert world.vendor.standing() == ["1"]


def test_a_read_back_that_fails_leaves_the_booking_unverified(world: World) -> None:
    slot = world.slot()
    world.vendor.interrupt = lambda request: reply(500) if "bookings/" in request.url else None
    assert book(world, request(slot)).verified is False


def test_a_lease_that_is_over_sends_nothing(world: World) -> None:
    wanted = request(world.slot())
    with pytest.raises(LeaseExpired):
        book(world, wanted, not_after=world.vendor.clock.now() - timedelta(seconds=1))
    assert writes(world) == []


@pytest.mark.parametrize("status", ["declined", "cancelled"])
def test_a_booking_that_reads_back_as_gone_is_not_booked_and_frees_its_reference(world: World, status: str) -> None:
    def answered_at_once(one: WireRequest) -> Any:
        if one.method == "GET" and one.url.endswith("bookings/1"):
            world.vendor.rows["1"]["status"] = status
        return None

    wanted = request(world.slot())
    world.vendor.interrupt = answered_at_once
    with pytest.raises(SlotWithdrawn) as caught:
        book(world, wanted)
    assert (caught.value.because, caught.value.effect) == ("declined", "none")
    assert book(world, wanted).id == "2"


def test_a_search_that_uses_up_the_budget_does_not_keep_a_patient_from_booking(mode: str) -> None:
    class Metered(FullVendor):
        key = "metered"
        contract = 1
        limits = FullVendor.limits.model_copy(update={"rate": Rate(calls=20, per=3600, for_bookings=0.5)})

    world = connect(mode, Metered)
    slot = world.slot()
    for _ in range(8):
        slots(world, 3)
    with pytest.raises(RateLimited):
        slots(world, 3)
    assert book(world, request(slot)).verified


LOST = {
    "reset": WireFailure("read"), "timeout": WireFailure("timeout"), "503": reply(503), "redirect": reply(307),
    "html": reply(200, text="<html>"), "no id": reply(201, json={}), "null": reply(200, json=None),
}  # fmt: skip


@pytest.mark.parametrize("ending", LOST)
@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_answer_is_never_sent_again_and_resolve_proves_what_became_of_it(
    world: World, ending: str, committed: bool
) -> None:
    wanted = request(world.slot())
    stop = {"after" if committed else "interrupt": lambda one: LOST[ending] if one.method == "POST" else None}
    for name, answer in stop.items():
        setattr(world.vendor, name, answer)
    sent_at = world.vendor.clock.now()
    with pytest.raises(OutcomeUnknown) as caught:
        book(world, wanted)
    assert caught.value.reference == wanted.reference
    with pytest.raises(ResolveFirst):
        book(world, wanted)
    assert len(writes(world)) == 1
    found = world.run(lambda session: session.resolve(wanted, sent_at))
    if committed:
        assert isinstance(found, Booked)
        assert found.booking.id == "1"
        return
    assert isinstance(found, StillUnknown)
    world.vendor.clock.advance(61)
    assert isinstance(world.run(lambda session: session.resolve(wanted, sent_at)), NotBooked)
    world.vendor.interrupt = lambda one: None
    assert book(world, wanted).id == "1"


# ---- overlaps


def overlap_world(mode: str) -> World:
    return connect(mode, OverlapVendor, vendor=Vendor(accepts_overlap=True))


def rival(world: World, *, age: float) -> Any:
    """Another booking of the same time: created so many seconds before ours (negative: after)."""

    def enter(request: WireRequest) -> Any:
        if request.method == "POST":
            ours = next(iter(world.vendor.rows.values()))
            row = world.vendor.add(who=ours["who"], start=ours["start"], end=ours["end"])
            row["created_at"] = (world.vendor.clock.now() - timedelta(seconds=age)).isoformat()
        return None

    return enter


class FoundByReference(FullVendor):
    """Finds a booking by its reference only."""

    key = "by_reference"
    contract = 1
    limits = FullVendor.limits.model_copy(
        update={"booking": FullVendor.limits.booking.model_copy(update={"listed_by": "reference"})}
    )


class OverlapsByReference(OverlapVendor):
    """The same, of a vendor that accepts overlaps."""

    key = "overlaps_by_reference"
    contract = 1
    limits = OverlapVendor.limits.model_copy(
        update={"booking": OverlapVendor.limits.booking.model_copy(update={"listed_by": "reference"})}
    )


def test_where_a_booking_is_found_by_its_reference_only_nobody_asks_for_a_day(mode: str) -> None:
    world = connect(mode, FoundByReference)
    day = BookingQuery(first_day=FIRST, last_day=FIRST)
    with pytest.raises(UnsupportedOperation, match="only_by_reference"):
        world.run(lambda session: session.bookings(day))
    assert not world.vendor.calls
    wanted = request(world.slot())
    booked = book(world, wanted)
    ours = day.model_copy(update={"reference": wanted.reference})
    assert [one.id for one in world.run(lambda session: session.bookings(ours)).found] == [booked.id]
    resolved = world.run(lambda session: session.resolve(wanted, world.vendor.clock.now()))
    assert isinstance(resolved, Booked)


def test_what_overlaps_and_is_found_by_its_reference_only_is_not_booked(mode: str) -> None:
    world = connect(mode, OverlapsByReference)
    wanted = request(world.slot())
    with pytest.raises(UnsupportedOperation, match="overlaps_need_a_listing"):
        book(world, wanted)
    assert not writes(world)


def test_a_lookup_by_reference_needs_a_field_that_holds_it() -> None:
    with pytest.raises(ValidationError, match="reference_in='field'"):
        BookingFacts(listed_by="reference", reference_in="note")


def test_a_message_that_the_vendors_field_does_not_hold_is_refused_before_anything_is_sent(mode: str) -> None:
    class ShortField(FullVendor):
        key = "short_field"
        contract = 1
        limits = FullVendor.limits.model_copy(
            update={"booking": FullVendor.limits.booking.model_copy(update={"note_length": 20})}
        )

    world = connect(mode, ShortField)
    with pytest.raises(InvalidRequest, match="note_too_long"):
        book(world, request(world.slot(), message="Kommer med ledsager og hund"))
    assert not writes(world)
    assert book(world, request(world.slot(), message="Kommer med ledsager")).status == "booked"


def test_a_note_that_holds_the_sak_id_is_checked_whole_where_the_reference_has_a_field(mode: str) -> None:
    class FieldAndNote(FullVendor):
        key = "field_and_note"
        contract = 1
        limits = FullVendor.limits.model_copy(
            update={
                "booking": FullVendor.limits.booking.model_copy(update={"note_length": 45, "sak_id_in": "note"}),
            }
        )

    world = connect(mode, FieldAndNote)
    with pytest.raises(InvalidRequest, match="note_too_long"):
        book(world, request(world.slot(), message="Kommer med ledsager og hund"))
    assert not writes(world)
    assert book(world, request(world.slot(), message="Hund")).status == "booked"
    (row,) = [one for one in capabilities(FieldAndNote) if one.name == "sak_id"]
    assert row.how == "sak_id_note"


@pytest.mark.parametrize(("age", "kept"), [(10.0, False), (0.5, False), (-0.5, True), (-30.0, False)])
def test_an_overlap_is_kept_only_against_later_ones_inside_the_settling_time(mode: str, age: float, kept: bool) -> None:
    world = overlap_world(mode)
    wanted = request(world.slot())
    world.vendor.after = rival(world, age=age)
    if kept:
        assert book(world, wanted).id == "1"
        assert world.vendor.standing() == ["1", "2"]
        return
    with pytest.raises(SlotTaken) as caught:
        book(world, wanted)
    assert caught.value.because == "overlap"
    assert world.vendor.standing() == ["2"]


def test_a_withdrawal_that_is_not_confirmed_is_unknown(mode: str) -> None:
    world = overlap_world(mode)
    wanted = request(world.slot())
    world.vendor.after = rival(world, age=10.0)
    world.vendor.interrupt = lambda one: WireFailure("read") if one.method == "DELETE" else None
    with pytest.raises(OutcomeUnknown) as caught:
        book(world, wanted)
    assert caught.value.because == "withdrawal_unconfirmed"
    world.vendor.interrupt = lambda one: None
    found = world.run(lambda session: session.resolve(wanted, world.vendor.clock.now()))
    assert isinstance(found, NotBooked)
    assert world.vendor.standing() == ["2"]


def test_a_calendar_that_can_not_be_listed_after_the_write_is_unknown_and_resolve_settles(mode: str) -> None:
    world = overlap_world(mode)
    wanted = request(world.slot())
    world.vendor.interrupt = lambda one: (
        reply(500) if world.vendor.rows and one.method == "GET" and one.url.endswith("bookings") else None
    )
    with pytest.raises(OutcomeUnknown):
        book(world, wanted)
    world.vendor.interrupt = lambda one: None
    assert isinstance(world.run(lambda session: session.resolve(wanted, world.vendor.clock.now())), Booked)


# ---- cancel and move


def test_cancelling_twice_reaches_the_same_goal_and_an_unknown_booking_is_not_found(world: World) -> None:
    booking = book(world, request(world.slot()))
    assert world.run(lambda session: session.cancel(booking.ref, REASON)).already_gone is False
    world.vendor.rows.clear()
    assert world.run(lambda session: session.cancel(booking.ref, REASON)).already_gone is True
    stranger = booking.ref.model_copy(update={"confirmed": False})
    with pytest.raises(BookingNotFound):
        world.run(lambda session: session.cancel(stranger, REASON))


def test_a_lost_cancel_is_looked_at_and_is_done_when_the_vendor_shows_it(world: World) -> None:
    booking = book(world, request(world.slot()))
    world.vendor.after = lambda one: WireFailure("read") if one.method == "DELETE" else None
    assert world.run(lambda session: session.cancel(booking.ref, REASON)).already_gone is False


def test_a_booking_is_moved_in_one_step_where_the_vendor_can(world: World) -> None:
    booking = book(world, request(world.slot(0)))
    moved = world.run(lambda session: session.reschedule(booking.ref, request(world.slot(1))))
    assert moved.id == booking.id
    assert [call[0] for call in writes(world)] == ["POST", "PATCH"]


@pytest.fixture
def moving(mode: str) -> tuple[World, Any, BookingRequest]:
    world = connect(mode, SagaVendor)
    booking = book(world, request(world.slot(0)))
    return world, booking, request(world.slot(4))


def move(moving: tuple[World, Any, BookingRequest], **more: Any) -> Any:
    world, booking, wanted = moving
    return world.run(lambda session: session.reschedule(booking.ref, wanted, **more))


def test_a_move_in_two_steps_books_first_and_cancels_then(moving: tuple[World, Any, BookingRequest]) -> None:
    world = moving[0]
    new = move(moving)
    assert world.vendor.standing() == [new.id]
    assert [call[0] for call in writes(world)] == ["POST", "POST", "DELETE"]


def test_when_the_old_one_may_not_be_cancelled_the_new_one_is_withdrawn(moving: Any) -> None:
    world = moving[0]
    late = reply(409, json={"code": "LATE"})
    world.vendor.interrupt = lambda one: late if one.method == "DELETE" and one.url.endswith("/1") else None
    with pytest.raises(TooLateToChange):
        move(moving)
    assert world.vendor.standing() == ["1"]


def test_when_neither_can_be_cancelled_both_are_shown(moving: Any) -> None:
    world = moving[0]
    late = reply(409, json={"code": "LATE"})
    world.vendor.interrupt = lambda one: (
        None if one.method != "DELETE" else late if one.url.endswith("/1") else reply(503)
    )
    with pytest.raises(RescheduleHalfDone) as caught:
        move(moving)
    assert caught.value.new is not None
    assert (caught.value.new.id, caught.value.old.id) == ("2", "1")


def test_when_it_is_unknown_whether_the_old_one_is_cancelled_both_are_shown(moving: Any) -> None:
    world = moving[0]
    world.vendor.interrupt = lambda one: WireFailure("read") if one.method == "DELETE" else None
    with pytest.raises(RescheduleHalfDone):
        move(moving)
    assert len([call for call in writes(world) if call[0] == "DELETE"]) == 2


def test_the_new_time_that_is_taken_leaves_the_old_one(moving: Any) -> None:
    world = moving[0]
    world.vendor.interrupt = lambda one: reply(409, json={"code": "TAKEN"}) if one.method == "POST" else None
    with pytest.raises(SlotTaken):
        move(moving)
    assert world.vendor.standing() == ["1"]


def test_a_move_onto_itself_needs_a_gap_that_the_caller_allows(mode: str) -> None:
    world = connect(mode, SagaVendor)
    slot = world.slot(0)
    booking = book(world, request(slot))
    again = request(slot, reference=uuid4())
    with pytest.raises(RescheduleNeedsGap):
        world.run(lambda session: session.reschedule(booking.ref, again))
    assert world.vendor.standing() == ["1"]
    moved = world.run(lambda session: session.reschedule(booking.ref, again, allow_gap=True))
    assert world.vendor.standing() == [moved.id] == ["2"]


# ---- adapters that crash after a write


class Crashing(FullVendor):
    key = "crashing"
    contract = 1

    async def book(self, http: Any, request: BookingRequest) -> Any:
        await http.post(
            "bookings", json={"who": "a", "start": "2026-12-01T08:00:00+00:00", "end": "x", "reference": None}
        )
        return {}["missing"]


class Swallowing(FullVendor):
    key = "swallowing"
    contract = 1

    async def list_slots(self, http: Any, query: SlotQuery) -> list[Any]:
        try:
            return await super().list_slots(http, query)  # type: ignore[return-value]
        except Exception:
            return []


def test_an_adapter_that_crashes_after_the_write_leaves_an_unknown_outcome(mode: str) -> None:
    world = connect(mode, Crashing)
    with pytest.raises(OutcomeUnknown) as caught:
        book(world, request(world.slot()))
    assert caught.value.because == "KeyError"
    assert len(writes(world)) == 1


def test_an_adapter_that_swallows_an_error_does_not_change_it(mode: str) -> None:
    world = connect(mode, Swallowing)
    world.vendor.interrupt = lambda one: reply(500) if "slots" in one.url else None
    with pytest.raises(KoblingError):
        slots(world, 3)


@pytest.mark.parametrize("adapter", [FullVendor, SagaVendor, OverlapVendor])
def test_the_test_adapters_keep_the_contract(adapter: type[Adapter]) -> None:
    from kobling.adapter import check_adapter

    check_adapter(adapter)


# ---- callers that go away


class Gone:
    """Breaks a driver off at its nth command: before the command is carried out, or when it has been."""

    def __init__(self, world: World, number: int, *, done: bool) -> None:
        self.left, self.done, self.fired = number, done, False
        self.kind: type[BaseException] = KeyboardInterrupt if world.loop is None else asyncio.CancelledError
        driver: Any = world.session._driver
        carry_out = driver._perform

        def perform(command: Any, stop: Any) -> Any:
            self._step(done=False)
            result = carry_out(command, stop)
            self._step(done=True)
            return result

        async def aperform(command: Any) -> Any:
            self._step(done=False)
            result = await carry_out(command)
            self._step(done=True)
            return result

        driver._perform = perform if world.loop is None else aperform

    def _step(self, *, done: bool) -> None:
        if done is not self.done:
            return
        self.left -= 1
        if self.left == 0:
            self.fired = True
            raise self.kind


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("overlap", ["refused", "accepted"])
def test_a_booking_that_its_caller_leaves_at_any_step_is_never_sent_again(mode: str, overlap: str, done: bool) -> None:
    steps = 1
    while left_at(steps, overlap_world(mode) if overlap == "accepted" else connect(mode), done=done):
        steps += 1
    assert 3 < steps < 20


def left_at(number: int, world: World, *, done: bool) -> bool:
    """Leave a booking at its nth step, and hold what is said of it against the vendor; False when it has fewer."""
    wanted = request(world.slot())
    gone = Gone(world, number, done=done)
    try:
        book(world, wanted)
    except BaseException as error:
        assert type(error) is gone.kind
    sent = len(writes(world))
    if gone.fired and sent:
        with pytest.raises(ResolveFirst):
            book(world, wanted)
        found = world.run(lambda session: session.resolve(wanted, world.vendor.clock.now()))
        assert isinstance(found, Booked | StillUnknown)
        assert len(writes(world)) == sent
    return gone.fired
