"""What the vendor says of a booking against what was asked. Only what it says is compared."""

from __future__ import annotations

import unicodedata
from typing import Any

from ..booking import LIVE, Booking, BookingRequest, Patient, Status
from ..errors import BookedDifferently
from ..slots import Slot
from .state import State

GONE: frozenset[Status] = frozenset({"declined", "cancelled"})
"""Statuses of a booking that does not stand."""
PHONE_DIGITS = 8
"""A national number has at least so many digits; a country code may stand before them on one side only."""


def moved(booking: Booking, slot: Slot) -> tuple[str, ...]:
    """In what the booking's time and place differ from the slot, by name."""
    pairs = (
        ("start", booking.start, slot.start),
        ("practitioner_id", booking.practitioner_id, slot.practitioner_id),
        ("service_id", booking.service_id, slot.service_id),
        ("location_id", booking.location_id if slot.location_id else None, slot.location_id),
    )
    return tuple(name for name, said, asked in pairs if said is not None and said != asked)


def differences(booking: Booking, request: BookingRequest) -> tuple[str, ...]:
    """What the vendor says otherwise than asked, by name."""
    found = list(moved(booking, request.slot))
    if booking.reference is not None and booking.reference != request.reference:
        found.append("reference")
    if booking.patient is not None:
        found += _of_patient(booking.patient, request.patient)
    if booking.status not in LIVE:
        found.append("status")
    return tuple(found)


def compare(state: State, booking: Booking, request: BookingRequest, operation: str = "book") -> None:
    """Raise `BookedDifferently` when a booking stands, but not as asked."""
    found = differences(booking, request)
    if found:
        raise BookedDifferently(booking=booking, differences=found, vendor=state.line.adapter.key, operation=operation)


def _of_patient(said: Patient, asked: Patient) -> list[str]:
    pairs = ((name, getattr(said, name), getattr(asked, name)) for name in type(asked).model_fields)
    return [
        f"patient.{name}"
        for name, one, other in pairs
        if one is not None and other is not None and not (_same_phone if name == "phone" else _same)(one, other)
    ]


def _same(said: Any, asked: Any) -> bool:
    if isinstance(said, str) and isinstance(asked, str):
        return _plain(said) == _plain(asked)
    return bool(said == asked)


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _same_phone(said: str, asked: str) -> bool:
    """Two spellings of one number: with or without its country code, blanks, and the zero that some countries dial."""
    short, long = sorted((_digits(said), _digits(asked)), key=len)
    return short == long or (len(short) >= PHONE_DIGITS and long.endswith(short))


def _digits(text: str) -> str:
    return "".join(str(unicodedata.digit(sign)) for sign in text if sign.isdigit()).lstrip("0")
