"""A vendor that wants a time held before it is booked: what is held, given back, lost and refused."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from full_vendor import FullVendor, SagaVendor, Vendor, World, connect, request
from kobling import (
    Adapter,
    Booking,
    BookingRequest,
    Http,
    InvalidRequest,
    KoblingError,
    OutcomeUnknown,
    SlotTaken,
    VendorUnavailable,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling.adapter import faults
from kobling.errormap import ErrorMap
from kobling.testing import reply


class Holding(SagaVendor):
    """Has a time held, books it by its hold, and gives the hold back."""

    key = "holding"
    contract = 1
    errors = ErrorMap({**FullVendor.errors.codes, "INVALID": InvalidRequest}, code="/code")

    async def hold_slot(self, http: Http, request: BookingRequest) -> str:
        body = {"start": request.slot.start.isoformat(), "hold": request.hold_id}
        return (await http.post("holds", json=body)).read(str, at="/id")

    async def release_slot(self, http: Http, hold_id: str) -> None:
        await http.delete("holds/{}", hold_id)

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        if request.hold_id is None:
            raise AssertionError("nothing is held")
        return await super().book(http, request)


class NeverReleasing(Holding):
    """Has no call to give a hold back."""

    key = "keeping"
    contract = 1
    release_slot = Adapter.release_slot


class BlockingVendor(Vendor):
    """Is asked from a thread of its own for each request, as one that may take its time."""

    immediate = False


@dataclass
class Holds:
    """The vendor's calls about holds. answers: what is answered instead, by method and path."""

    answers: dict[str, WireReply | WireFailure] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    live: set[str] = field(default_factory=set)

    def __call__(self, request: WireRequest) -> WireReply | WireFailure | None:
        path = request.url.partition("/1/")[2].partition("?")[0]
        answer = self.answers.get(f"{request.method} {path}")
        if not path.startswith("holds") or answer is not None:
            return answer
        if request.method == "POST":
            self.asked.append(json.loads(request.body))
            self.live.add(f"h{len(self.asked)}")
            return reply(201, json={"id": f"h{len(self.asked)}"})
        self.live.discard(path.partition("/")[2])
        return reply(204)


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(mode: str, adapter: type[Adapter] = Holding, **answers: WireReply | WireFailure) -> tuple[World, Holds]:
    world = connect(mode, adapter)
    holds = Holds({name.replace("_", " ", 1): answer for name, answer in answers.items()})
    world.vendor.interrupt = holds
    return world, holds


def writes(world: World) -> list[str]:
    return [f"{method} {path}" for method, path in world.vendor.calls if method != "GET"]


def refused(world: World, kind: type[KoblingError]) -> KoblingError:
    wanted = request(world.slot(0))
    with pytest.raises(kind) as caught:
        world.run(lambda session: session.book(wanted))
    return caught.value


def test_a_time_is_held_and_then_booked(mode: str) -> None:
    world, holds = opened(mode)
    wanted = request(world.slot(0), hold_id="of the caller's")
    assert world.run(lambda session: session.book(wanted)).id == "1"
    assert writes(world) == ["POST holds", "POST bookings"]
    assert holds.asked == [{"start": wanted.slot.start.isoformat(), "hold": None}]


def test_a_hold_that_is_refused_books_nothing_and_leaves_the_reference_free(mode: str) -> None:
    world, holds = opened(mode, POST_holds=reply(409, json={"code": "TAKEN"}))
    wanted = request(world.slot(0))
    with pytest.raises(SlotTaken) as caught:
        world.run(lambda session: session.book(wanted))
    assert (caught.value.effect, caught.value.operation, writes(world)) == ("none", "hold_slot", ["POST holds"])
    holds.answers.clear()
    assert world.run(lambda session: session.book(wanted)).id == "1"


@pytest.mark.parametrize("answer", [WireFailure("read"), reply(500), reply(200, json={"id": 7})])
def test_a_hold_whose_answer_is_lost_books_nothing_and_says_so(mode: str, answer: WireReply | WireFailure) -> None:
    world, _ = opened(mode, POST_holds=answer)
    error = refused(world, VendorUnavailable)
    assert (error.because, error.effect, error.operation) == ("hold_unknown", "none", "hold_slot")
    assert writes(world) == ["POST holds"]
    assert "not booked" in error.explain("en")


def test_a_hold_is_given_back_where_the_booking_is_certainly_refused(mode: str) -> None:
    world, holds = opened(mode, POST_bookings=reply(422, json={"code": "INVALID"}))
    refused(world, InvalidRequest)
    assert writes(world) == ["POST holds", "POST bookings", "DELETE holds/h1"]
    assert holds.live == set()


def test_a_hold_stays_where_it_is_not_known_whether_the_time_is_booked(mode: str) -> None:
    world, holds = opened(mode, POST_bookings=WireFailure("read"))
    refused(world, OutcomeUnknown)
    assert writes(world) == ["POST holds", "POST bookings"]
    assert holds.live == {"h1"}


def test_a_hold_that_can_not_be_given_back_hides_no_refusal(mode: str) -> None:
    world, _ = opened(mode, POST_bookings=reply(422, json={"code": "INVALID"}), **{"DELETE_holds/h1": reply(500)})
    assert refused(world, InvalidRequest).operation == "book"
    world, holds = opened(mode, NeverReleasing, POST_bookings=reply(422, json={"code": "INVALID"}))
    refused(world, InvalidRequest)
    assert writes(world) == ["POST holds", "POST bookings"]
    assert holds.live == {"h1"}


def test_a_vendor_that_hangs_when_a_hold_is_given_back_keeps_no_refusal_waiting(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kobling.flows.holding.SECONDS_TO_RELEASE", 0.5)
    world = connect(mode, Holding, vendor=BlockingVendor())
    holds = Holds({"POST bookings": reply(422, json={"code": "INVALID"})})
    over = threading.Event()
    asked, answered = [], []

    def hangs(call: WireRequest) -> WireReply | WireFailure | None:
        if call.method == "DELETE":
            asked.append(call)
            answered.append(over.wait(10))
        return holds(call)

    world.vendor.interrupt = hangs
    assert refused(world, InvalidRequest).operation == "book"
    assert (len(asked), answered) == (1, []), "the vendor still hangs"
    over.set()


def test_a_move_with_a_gap_holds_the_new_time_once_the_old_one_is_gone(mode: str) -> None:
    world, _ = opened(mode)
    first = request(world.slot(0))
    old = world.run(lambda session: session.book(first))
    again = request(first.slot)  # which the old booking covers itself
    world.run(lambda session: session.reschedule(old.ref, again, allow_gap=True))
    assert writes(world)[2:] == ["DELETE bookings/1", "POST holds", "POST bookings"]


def test_an_operation_that_means_nothing_without_another_is_refused() -> None:
    class Half(FullVendor):
        key = "half"
        contract = 1
        release_slot = Holding.release_slot

    assert [fault.at for fault in faults(Half)] == ["release_slot"]
    assert list(faults(Holding)) == []
