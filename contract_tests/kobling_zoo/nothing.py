"""Adapters that do nothing useful: one says nothing, one always raises, one echoes. They must pass no rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kobling import (
    EVERYONE_OFFERS_EVERYTHING,
    Adapter,
    Booking,
    Bookings,
    Cancelled,
    Catalogue,
    Clinic,
    Practitioner,
    Service,
    Slot,
    Slots,
    VendorUnavailable,
)
from kobling.adapter import OPERATIONS
from kobling_easypractice import EasyPractice
from kobling_eg_pasientsky import EgPasientsky
from kobling_extensor import Extensor

__all__ = ["NOTHING"]

VENDORS: tuple[type[Adapter], ...] = (EgPasientsky, Extensor, EasyPractice)
OSLO = ZoneInfo("Europe/Oslo")

Body = Callable[..., Any]


def _says(answer: Any) -> Body:
    async def operation(_adapter: Any, _http: Any, *_asked: Any) -> Any:
        return answer

    return operation


async def _raises(_adapter: Any, _http: Any, *_asked: Any) -> Any:
    raise VendorUnavailable


async def _slot_asked_for(_adapter: Any, _http: Any, query: Any) -> Slots:
    start = datetime.combine(query.first_day, time(12), OSLO)
    found = [
        Slot(practitioner_id=who, service_id=what, start=start, end=start + timedelta(minutes=30))
        for who in query.practitioner_ids
        for what in query.service_ids
    ]
    return Slots(found=tuple(found))


async def _booked_as_asked(_adapter: Any, _http: Any, request: Any) -> Booking:
    slot = request.slot
    return Booking(
        id=str(request.reference),
        status="booked",
        start=slot.start,
        end=slot.end,
        practitioner_id=slot.practitioner_id,
        service_id=slot.service_id,
        reference=request.reference,
    )


async def _moved_as_asked(_adapter: Any, _http: Any, booking: Any, slot: Any) -> Booking:
    return Booking(id=booking.id, status="booked", start=slot.start, end=slot.end)


async def _there(_adapter: Any, _http: Any, booking: Any) -> Booking:
    return Booking(id=booking.id, status="booked")


_EMPTY = Catalogue(practitioners=(), services=(), offers=())
_ECHO = Catalogue(
    practitioners=(Practitioner(id="1", name="Ekko", owner_kind="person", online=True),),
    services=(Service(id="1", name="Ekko", minutes=30, online=True),),
    offers=EVERYONE_OFFERS_EVERYTHING,
)
SAYS_NOTHING: Mapping[str, Body] = {
    "identify": _says(Clinic()),
    "catalogue": _says(_EMPTY),
    "list_slots": _says(Slots()),
    "book": _says(Booking(id="1", status="booked")),
    "cancel": _says(Cancelled()),
    "get_booking": _there,
    "list_bookings": _says(Bookings()),
    "reschedule": _moved_as_asked,
    "register_patient": _says("1"),
    "hold_slot": _says("1"),
    "release_slot": _says(None),
}
RAISES_ALWAYS: Mapping[str, Body] = dict.fromkeys(OPERATIONS, _raises)
ECHOES: Mapping[str, Body] = {
    **SAYS_NOTHING,
    "catalogue": _says(_ECHO),
    "list_slots": _slot_asked_for,
    "book": _booked_as_asked,
}
BODIES: Mapping[str, Mapping[str, Body]] = {
    "SaysNothing": SAYS_NOTHING,
    "RaisesAlways": RAISES_ALWAYS,
    "Echoes": ECHOES,
}
"""By the kind of nothing: what each operation does instead."""


def _made(kind: str, vendor: type[Adapter]) -> type[Adapter]:
    body = {name: operation for name, operation in BODIES[kind].items() if name in vendor.supports}
    name = f"{kind}{vendor.__name__}"
    members: dict[str, Any] = {
        "contract": 1,
        "suited": classmethod(lambda cls, _options: cls),
        "__module__": __name__,
        "__doc__": f"{kind}, in the place of {vendor.name}'s adapter.",
    }
    members.update((str(name), operation) for name, operation in body.items())
    made: type[Adapter] = type(name, (vendor,), members)
    return made


NOTHING: tuple[type[Adapter], ...] = tuple(_made(kind, vendor) for kind in BODIES for vendor in VENDORS)
globals().update({one.__name__: one for one in NOTHING})  # a rule may look one up by its path, in another process
