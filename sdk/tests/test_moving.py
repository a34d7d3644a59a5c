"""Moves: in one step, in two, and with a gap; each way of ending in the middle is told as it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from full_vendor import FullVendor, SagaVendor, World, connect, request
from kobling import (
    Adapter,
    BookedDifferently,
    Booking,
    BookingNotFound,
    BookingRef,
    BookingRequest,
    Http,
    InvalidRequest,
    KoblingError,
    LeaseExpired,
    OutcomeUnknown,
    Patient,
    PatientFieldRequired,
    PatientLimitReached,
    RescheduleHalfDone,
    RescheduleNeedsGap,
    ResolveFirst,
    Slot,
    SlotQuery,
    TooLateToChange,
    VendorTimeout,
    WireFailure,
)
from kobling.errormap import ErrorMap
from kobling.testing import reply


class Limited(SagaVendor):
    """Lets a patient have one booking at a time."""

    key = "limited"
    contract = 1
    errors = ErrorMap({**FullVendor.errors.codes, "LIMIT": PatientLimitReached}, code="/code")


class TwoPlaces(FullVendor):
    """Receives patients in one place at eight and in another at nine, and moves nobody from one to the other."""

    key = "places"
    contract = 1
    limits = FullVendor.limits.model_copy(update={"reschedule_within": frozenset({"location"})})

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        return [placed(slot) for slot in await super().list_slots(http, query)]

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        return placed(await super().book(http, request))

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        return placed(await super().get_booking(http, booking))

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        return placed(await super().reschedule(http, booking, slot))


Placed = TypeVar("Placed", Slot, Booking)


def placed(one: Placed) -> Placed:
    assert one.start is not None
    return one.model_copy(update={"location_id": f"at {one.start.hour}"})


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def booked(mode: str, adapter: type[Adapter] = FullVendor) -> tuple[World, Any]:
    world = connect(mode, adapter)
    return world, world.run(lambda session: session.book(request(world.slot(0))))


def move(world: World, old: Any, wanted: BookingRequest, **more: Any) -> Any:
    return world.run(lambda session: session.reschedule(old.ref, wanted, **more))


def writes(world: World) -> list[str]:
    return [f"{method} {path}" for method, path in world.vendor.calls if method != "GET"][1:]


# ---- in one step


def test_a_lost_answer_of_a_move_in_one_step_is_read_back_by_the_bookings_id(mode: str) -> None:
    world, old = booked(mode)
    slot = world.slot(3)
    world.vendor.after = lambda one: WireFailure("read") if one.method == "PATCH" else None
    moved = move(world, old, request(slot))
    assert (moved.id, moved.start, moved.verified) == (old.id, slot.start, True)


def test_a_move_in_one_step_that_can_not_be_seen_is_unknown_and_marks_no_reference(mode: str) -> None:
    world, old = booked(mode)
    wanted = request(world.slot(3))
    world.vendor.interrupt = lambda one: WireFailure("read") if one.method == "PATCH" else None
    with pytest.raises(OutcomeUnknown) as caught:
        move(world, old, wanted)
    assert caught.value.reference is None
    assert caught.value.operation == "reschedule"
    world.vendor.interrupt = lambda one: None
    assert world.run(lambda session: session.get(old.ref)).start == old.start
    assert move(world, old, wanted).id == old.id


def test_a_move_that_may_not_leave_the_place_is_made_anew_at_another_one(mode: str) -> None:
    world, old = booked(mode, TwoPlaces)
    slots = [slot for slot in map(world.slot, range(1, 8)) if slot.practitioner_id == old.practitioner_id]
    here, there = (next(one for one in slots if one.location_id == place) for place in (old.location_id, "at 9"))
    assert move(world, old, request(here)).id == old.id
    assert writes(world) == ["PATCH bookings/1"]
    moved = move(world, old, request(there))
    assert (moved.id, moved.location_id) == ("2", "at 9")
    assert writes(world) == ["PATCH bookings/1", "POST bookings", "DELETE bookings/1"]


def test_a_moved_booking_is_read_back(mode: str) -> None:
    world, old = booked(mode)
    slot = world.slot(3)

    def elsewhere(one: Any) -> Any:
        if one.method == "PATCH":
            answer = reply(200, json=dict(world.vendor.rows["1"]))
            world.vendor.rows["1"]["start"] = "2026-12-01T12:00:00+00:00"
            return answer
        return None

    world.vendor.after = elsewhere
    with pytest.raises(BookedDifferently) as caught:
        move(world, old, request(slot))
    assert caught.value.booking.ref.connection_id == old.connection_id


@pytest.mark.parametrize(("status", "error"), [("cancelled", BookingNotFound), ("attended", TooLateToChange)])
def test_a_booking_that_no_longer_stands_is_not_moved(mode: str, status: str, error: type[Exception]) -> None:
    world, old = booked(mode)
    wanted = request(world.slot(3))
    world.vendor.rows["1"]["status"] = status
    with pytest.raises(error):
        move(world, old, wanted)
    assert writes(world) == []


# ---- with a gap


def again(world: World, old: Any, **changes: Any) -> BookingRequest:
    """The old time once more, under a reference of its own: it can only be moved with a gap."""
    return request(old.asked, reference=uuid4(), **changes)


def test_with_a_gap_everything_that_can_be_refused_is_refused_before_the_old_time_is_given_up(mode: str) -> None:
    world, old = booked(mode, SagaVendor)

    def full(one: BookingRequest) -> None:
        raise RuntimeError("the ledger is full")

    nameless = BookingRequest(slot=old.asked, patient=Patient(given_name="Kari"))
    past = world.vendor.clock.now() - timedelta(seconds=1)
    refused: list[tuple[type[Exception], BookingRequest, dict[str, Any]]] = [
        (RuntimeError, again(world, old), {"before_write": full}),
        (PatientFieldRequired, nameless, {}),
        (LeaseExpired, again(world, old), {"not_after": past}),
        (InvalidRequest, again(world, old), {"not_after": datetime(2026, 12, 1)}),
    ]
    for error, wanted, more in refused:
        with pytest.raises(error):
            move(world, old, wanted, allow_gap=True, **more)
        assert world.vendor.standing() == ["1"]
    assert writes(world) == []


def test_with_a_gap_a_spent_reference_is_refused_before_the_old_time_is_given_up(mode: str) -> None:
    world = connect(mode, SagaVendor)
    wanted = request(world.slot(0))
    old = world.run(lambda session: session.book(wanted))
    with pytest.raises(ResolveFirst):
        move(world, old, wanted, allow_gap=True)
    assert world.vendor.standing() == ["1"]


@pytest.mark.parametrize("committed", [True, False])
def test_with_a_gap_a_lost_new_booking_says_that_the_old_one_is_gone(mode: str, committed: bool) -> None:
    world, old = booked(mode, SagaVendor)
    wanted = again(world, old)
    lost = {"after" if committed else "interrupt": lambda one: WireFailure("read") if one.method == "POST" else None}
    for name, answer in lost.items():
        setattr(world.vendor, name, answer)
    with pytest.raises(OutcomeUnknown) as caught:
        move(world, old, wanted, allow_gap=True)
    assert (caught.value.because, caught.value.detail) == ("old_cancelled", "read")
    assert caught.value.reference == wanted.reference
    for lang, told in (("nb", "gamle timen"), ("en", "old time")):
        assert told in caught.value.explain(lang)  # type: ignore[arg-type]
    with pytest.raises(ResolveFirst):
        world.run(lambda session: session.book(wanted))


def test_with_a_gap_a_refused_new_booking_is_half_done_and_frees_the_reference(mode: str) -> None:
    world, old = booked(mode, SagaVendor)
    wanted = again(world, old)
    world.vendor.interrupt = lambda one: reply(409, json={"code": "TAKEN"}) if one.method == "POST" else None
    with pytest.raises(RescheduleHalfDone) as caught:
        move(world, old, wanted, allow_gap=True)
    assert (caught.value.because, caught.value.new, caught.value.old.id) == ("old_cancelled", None, "1")
    world.vendor.interrupt = lambda one: None
    assert world.run(lambda session: session.book(wanted)).id == "2"


def test_a_limit_for_each_patient_needs_a_gap_and_calls_the_hook_once(mode: str) -> None:
    world, old = booked(mode, Limited)
    wanted = request(world.slot(4))
    limit = reply(409, json={"code": "LIMIT"})
    world.vendor.interrupt = lambda one: limit if one.method == "POST" and world.vendor.standing() else None
    with pytest.raises(RescheduleNeedsGap):
        move(world, old, wanted)
    assert world.vendor.standing() == ["1"]
    told: list[BookingRequest] = []
    new = move(world, old, wanted, allow_gap=True, before_write=told.append) if mode == "sync" else None
    if new is None:

        async def tell(one: BookingRequest) -> None:
            told.append(one)

        new = move(world, old, wanted, allow_gap=True, before_write=tell)
    assert world.vendor.standing() == [new.id]
    assert len(told) == 1


# ---- in two steps


def test_a_new_time_that_was_withdrawn_again_frees_its_reference(mode: str) -> None:
    world, old = booked(mode, SagaVendor)
    wanted = request(world.slot(4))
    late = reply(409, json={"code": "LATE"})
    world.vendor.interrupt = lambda one: late if one.method == "DELETE" and one.url.endswith("/1") else None
    for _ in range(2):
        with pytest.raises(TooLateToChange):
            move(world, old, wanted)
    assert world.vendor.standing() == ["1"]


@pytest.mark.parametrize(
    ("old_answer", "new_answer", "because"),
    [
        (WireFailure("read"), None, "old_unknown"),
        (reply(409, json={"code": "LATE"}), reply(503), "both_stand"),
    ],
)
def test_a_move_that_stops_in_the_middle_says_where(mode: str, old_answer: Any, new_answer: Any, because: str) -> None:
    world, old = booked(mode, SagaVendor)
    wanted = request(world.slot(4))
    world.vendor.interrupt = lambda one: (
        None if one.method != "DELETE" else old_answer if one.url.endswith("/1") else new_answer
    )
    with pytest.raises(RescheduleHalfDone) as caught:
        move(world, old, wanted)
    assert caught.value.because == because
    assert caught.value.new is not None
    assert caught.value.detail


def test_a_deadline_that_the_vendor_tells_is_kept_before_anything_is_sent(mode: str) -> None:
    world, old = booked(mode, SagaVendor)
    wanted = request(world.slot(4))
    ref = old.ref.model_copy(update={"change_by": world.vendor.clock.now() - timedelta(seconds=1)})
    with pytest.raises(TooLateToChange):
        world.run(lambda session: session.reschedule(ref, wanted))
    assert writes(world) == []


def test_a_vendor_that_does_not_answer_before_the_move_changes_nothing(mode: str) -> None:
    world, old = booked(mode, SagaVendor)
    wanted = request(world.slot(4))
    world.vendor.interrupt = lambda one: WireFailure("timeout") if one.url.endswith("bookings/1") else None
    with pytest.raises(VendorTimeout):
        move(world, old, wanted)
    assert writes(world) == []


class Blind(SagaVendor):
    """A booking of its can't be read by its id."""

    key = "blind"
    contract = 1
    get_booking = Adapter.get_booking


def refuse_the_second_cancel(world: World) -> None:
    """The first cancel takes effect and its answer is lost; the vendor refuses to cancel what is cancelled."""
    gone: list[str] = []

    def cancel(one: Any) -> Any:
        if one.method != "DELETE" or not one.url.endswith("/1"):
            return None
        if gone:
            return reply(400, json={})
        gone.append("1")
        world.vendor.rows["1"]["status"] = "cancelled"
        return WireFailure("read")

    world.vendor.interrupt = cancel


@pytest.mark.parametrize("same_time", [True, False])
def test_a_cancel_that_is_refused_after_a_lost_answer_is_looked_at(mode: str, same_time: bool) -> None:
    world, old = booked(mode, SagaVendor)
    wanted = again(world, old) if same_time else request(world.slot(4))
    refuse_the_second_cancel(world)
    new = move(world, old, wanted, allow_gap=same_time)
    assert world.vendor.standing() == [new.id]


def test_a_cancel_that_is_refused_after_a_lost_answer_does_not_withdraw_the_new_time(mode: str) -> None:
    world, old = booked(mode, Blind)
    wanted = request(world.slot(4))
    refuse_the_second_cancel(world)
    with pytest.raises(RescheduleHalfDone) as caught:
        move(world, old, wanted)
    assert caught.value.because == "old_unknown"
    assert world.vendor.standing() == ["2"]


def test_with_a_gap_a_cancel_that_is_refused_after_a_lost_answer_is_unknown(mode: str) -> None:
    world, old = booked(mode, Blind)
    refuse_the_second_cancel(world)
    with pytest.raises(OutcomeUnknown):
        move(world, old, again(world, old), allow_gap=True)
    assert world.vendor.standing() == []


@pytest.mark.parametrize("answer", [reply(403), reply(405), WireFailure("connect")])
def test_an_old_time_that_certainly_stands_keeps_its_patient_and_the_new_one_is_withdrawn(
    mode: str, answer: Any
) -> None:
    world, old = booked(mode, SagaVendor)
    wanted = request(world.slot(4))
    world.vendor.interrupt = lambda one: answer if one.method == "DELETE" and one.url.endswith("/1") else None
    with pytest.raises(KoblingError) as caught:
        move(world, old, wanted)
    assert caught.value.effect == "none"
    assert world.vendor.standing() == ["1"]


def test_a_new_time_that_was_never_read_back_is_not_withdrawn_because_it_is_not_there(mode: str) -> None:
    world, old = booked(mode, Blind)
    wanted = request(world.slot(4))
    late = reply(409, json={"code": "LATE"})
    world.vendor.interrupt = lambda one: (
        None if one.method != "DELETE" else late if one.url.endswith("/1") else reply(404)
    )
    with pytest.raises(RescheduleHalfDone) as caught:
        move(world, old, wanted)
    assert caught.value.because == "both_stand"
    assert world.vendor.standing() == ["1", "2"]


def test_an_old_time_is_not_given_up_for_one_that_the_clinic_has_not_confirmed(mode: str) -> None:
    class Asking(SagaVendor):
        key = "asking"
        contract = 1

        async def book(self, http: Any, request: BookingRequest) -> Any:
            return (await super().book(http, request)).model_copy(update={"status": "pending"})

        async def get_booking(self, http: Any, booking: Any) -> Any:
            read = await super().get_booking(http, booking)
            return read if read.id == "1" else read.model_copy(update={"status": "pending"})

    world, old = booked(mode, Asking)
    with pytest.raises(RescheduleHalfDone) as caught:
        move(world, old, request(world.slot(4)))
    assert (caught.value.because, caught.value.detail) == ("not_confirmed", "pending")
    assert caught.value.new is not None
    assert world.vendor.standing() == ["1", "2"]
    move(world, old, request(world.slot(5)), allow_gap=True)
    assert world.vendor.standing() == ["2", "3"]


def test_a_hooks_own_error_never_gives_the_old_time_up(mode: str) -> None:
    world, old = booked(mode, SagaVendor)

    def full(one: BookingRequest) -> None:
        raise PatientLimitReached

    with pytest.raises(PatientLimitReached):
        move(world, old, request(world.slot(4)), allow_gap=True, before_write=full)
    assert world.vendor.standing() == ["1"]


def test_after_the_hook_the_write_has_the_time_of_one_operation_also_when_the_old_time_goes_first(mode: str) -> None:
    """Another process that resolves meanwhile counts from the hook."""
    world, old = booked(mode, SagaVendor)
    wanted = again(world, old)

    def slow(one: Any) -> Any:
        if one.method == "DELETE":
            world.vendor.clock.advance(61)
        return None

    world.vendor.interrupt = slow
    with pytest.raises(RescheduleHalfDone) as caught:
        move(world, old, wanted, allow_gap=True)
    assert (caught.value.because, caught.value.detail) == ("old_cancelled", "lease_expired")
    assert world.vendor.standing() == []
