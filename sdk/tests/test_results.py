"""What an adapter returns is checked again: nothing that it made around its checks reaches a session's caller."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from full_vendor import FIRST, NOW, FullVendor, OverlapVendor, Vendor, World, connect, request
from kobling import (
    Adapter,
    AdapterBug,
    Booking,
    BookingRef,
    Bookings,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    KoblingError,
    Offer,
    OutcomeUnknown,
    Practitioner,
    Service,
    Slot,
    SlotQuery,
    Slots,
    VendorProtocolError,
)
from kobling.flows.results import checked_slots
from kobling.localtime import parse_offset

NAIVE = datetime(2026, 12, 1, 8)
NEVER, ALWAYS = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)


class Own(Booking):
    """An adapter's own kind of booking."""

    @property
    def ref(self) -> BookingRef:
        raise ValueError


def around(kind: Any, **fields: Any) -> Any:
    return kind.model_construct(**fields)


def booking(**fields: Any) -> Any:
    return around(Booking, **{**Booking(id="1", status="booked").__dict__, **fields})


def slot(**fields: Any) -> Any:
    moment = datetime(2026, 12, 1, 8, tzinfo=UTC)
    given = {"practitioner_id": "a", "service_id": "s", "start": moment, "end": moment, "location_id": None}
    return around(Slot, **{**given, "token": None, **fields})


class Endless(list[Any]):
    """A list that can't be read."""

    def __iter__(self) -> Any:
        raise KeyError


BOOKINGS: dict[str, Any] = {
    "nothing": None, "no fields": around(Booking), "no id": booking(id=None), "id that is a number": booking(id=7),
    "naive start": booking(start=NAIVE), "odd status": booking(status="perhaps"),
    "text as a time": booking(end="08:30"), "odd patient": booking(patient=5),
}  # fmt: skip
SLOTS: dict[str, Any] = {
    "nothing": None, "unreadable list": Endless(), "list of nothing": [None], "no fields": [around(Slot)],
    "naive time": [slot(start=NAIVE, end=NAIVE)], "no practitioner": [slot(practitioner_id=None)],
    "odd service": [slot(service_id=[])], "odd place": [slot(location_id=5)], "odd token": [slot(token=object())],
    "endless slot": [slot(end=ALWAYS)], "odd answer": around(Slots, found=None, unknown=None, problems=None, derived=0),
    "odd unknown part": around(Slots, found=(), unknown=(None,), problems=(), derived=False),
}  # fmt: skip
CLINICS: dict[str, Any] = {
    "nothing": None, "odd zone": around(Clinic, name=None, zone="Nowhere", departments=None, can=None),
    "odd department": around(Clinic, name=None, zone="Europe/Oslo", departments=(None,), can=None),
}  # fmt: skip
WHO = around(Practitioner, id="a", name="a", owner_kind="person", online=None, departments=None, why_not=("odd",))
CATALOGUES: dict[str, Any] = {
    "nothing": None, "no fields": around(Catalogue),
    "odd reason": around(Catalogue, practitioners=(WHO,), services=(Service(id="s", name="S"),),
                         offers=(Offer(practitioner_id="a", service_id="s"),)),
}  # fmt: skip

TABLE = {
    **{f"book: {name}": ("book", value) for name, value in BOOKINGS.items() if name != "id that is a number"},
    **{f"list_bookings: {name}": ("list_bookings", [value]) for name, value in BOOKINGS.items() if name != "nothing"},
    **{f"list_slots: {name}": ("list_slots", value) for name, value in SLOTS.items()},
    **{f"identify: {name}": ("identify", value) for name, value in CLINICS.items()},
    **{f"catalogue: {name}": ("catalogue", value) for name, value in CATALOGUES.items()},
    "cancel: nothing": ("cancel", None),
    "cancel: odd": ("cancel", around(Cancelled, late="perhaps", already_gone=False)),
    "list_bookings: odd": ("list_bookings", around(Bookings, found=(None,), complete="perhaps")),
}


def test_a_slot_of_more_than_a_day_is_the_vendors_error_with_its_field() -> None:
    moment = datetime(2026, 12, 1, 8, tzinfo=UTC)
    for end, refused in ((moment + timedelta(days=1), False), (moment + timedelta(days=1, seconds=1), True)):
        if refused:
            with pytest.raises(VendorProtocolError) as caught:
                checked_slots([slot(end=end)])
            assert (caught.value.because, caught.value.fields) == ("unfit_value", ("Slot.end",))
        else:
            assert len(checked_slots([slot(end=end)]).found) == 1


def returning(base: type[Adapter], operation: str, value: Any) -> type[Adapter]:
    """An adapter whose operation ends so, a booking with its write sent."""

    async def work(self: Any, http: Any, *arguments: Any) -> Any:
        if operation == "book":
            await getattr(base, operation)(self, http, *arguments)
        return value

    return type("Returning", (base,), {"key": "returning", "contract": 1, operation: work})


def test_a_text_that_is_too_long_for_a_token_is_the_vendors_and_anything_else_the_adapters() -> None:
    """Rows need not repeat how long an id may be."""
    long = "x" * 9000
    for token, kind in ((long, VendorProtocolError), ({"id": long}, AdapterBug)):
        world = connect("sync", returning(FullVendor, "list_slots", [slot(token=token)]))
        with pytest.raises(kind):
            world.run(lambda session: session.slots(SlotQuery(first_day=FIRST, last_day=FIRST)))


def calls(world: World) -> list[Callable[[Any], Any]]:
    connection_id = world.session.connection.id
    moment = datetime(2026, 12, 1, 8, tzinfo=UTC)
    wanted = request(
        Slot(
            practitioner_id="a",
            service_id="s",
            start=moment,
            end=moment.replace(minute=30),
            connection_id=connection_id,
        )
    )
    ref = BookingRef(connection_id=connection_id, id="1", confirmed=True, practitioner_id="a", service_id="s")
    return [
        lambda session: session.slots(SlotQuery(first_day=FIRST, last_day=FIRST)),
        lambda session: session.explain("a"),
        lambda session: session.test_connection(),
        lambda session: session.book(wanted),
        lambda session: session.resolve(wanted, NOW),
        lambda session: session.reschedule(ref, request(wanted.slot)),
        lambda session: session.cancel(ref, CancelReason(by="patient")),
    ]


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("base", [FullVendor, OverlapVendor], ids=["refused", "accepted"])
@pytest.mark.parametrize("odd", TABLE)
def test_whatever_an_operation_returns_a_session_raises_kobling_errors_only(
    mode: str, base: type[Adapter], odd: str
) -> None:
    made = returning(base, *TABLE[odd])
    world = connect(mode, made, vendor=Vendor(accepts_overlap=base is OverlapVendor))
    failed = 0
    for call in calls(world):
        try:
            world.run(call)
        except KoblingError as error:
            failed += 1
            assert (error.effect == "unknown") is isinstance(error, OutcomeUnknown)
    if not odd.startswith("list_bookings"):
        assert failed


@pytest.mark.parametrize("odd", [name for name in BOOKINGS if name != "id that is a number"])
def test_a_booking_whose_answer_is_odd_is_unknown_and_its_reference_is_kept(odd: str) -> None:
    world = connect("sync", returning(FullVendor, "book", BOOKINGS[odd]))
    wanted = request(world.slot())
    with pytest.raises(OutcomeUnknown) as caught:
        world.run(lambda session: session.book(wanted))
    assert caught.value.reference == wanted.reference
    assert world.vendor.standing() == ["1"]


def test_an_adapters_own_class_becomes_the_contracts() -> None:
    class Mine(FullVendor):
        key = "mine"
        contract = 1

        async def book(self, http: Any, request: Any) -> Booking:
            return Own(**(await super().book(http, request)).__dict__)

    world = connect("sync", Mine)
    made = world.run(lambda session: session.book(request(world.slot())))
    assert (type(made), made.ref.id) == (Booking, "1")


def test_what_only_the_sdk_may_say_of_a_booking_is_not_taken_from_the_adapter() -> None:
    class Sure(FullVendor):
        key = "sure"
        contract = 1
        get_booking = Adapter.get_booking

        async def book(self, http: Any, request: Any) -> Booking:
            answer = await super().book(http, request)
            return answer.model_copy(update={"verified": True, "residue": ("patient:1",), "connection_id": "other"})

    world = connect("sync", Sure)
    made = world.run(lambda session: session.book(request(world.slot())))
    assert (made.verified, made.residue, made.connection_id) == (False, (), world.session.connection.id)


@pytest.mark.parametrize("moment", [NEVER, ALWAYS])
def test_a_vendors_never_and_always_do_not_leave_the_calendar(moment: datetime) -> None:
    class Timeless(OverlapVendor):
        key = "timeless"
        contract = 1

        async def list_bookings(self, http: Any, query: Any) -> Any:
            rows = await super().list_bookings(http, query)
            other = rows[0].model_copy(update={"id": "9", "created_at": moment, "change_by": moment})
            return [*rows, other]

    world = connect("sync", Timeless, vendor=Vendor(accepts_overlap=True))
    world.vendor.add(who="b", start="2026-12-02T08:00:00+00:00", end="2026-12-02T08:30:00+00:00")
    made = world.run(lambda session: session.book(request(world.slot())))
    assert made.start == parse_offset("2026-12-01T08:00:00Z")
