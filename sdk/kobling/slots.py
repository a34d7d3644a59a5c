"""Open times: what is asked for, what was found, and what could not be found out."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import Field, StringConstraints

from .catalogue import Rate
from .clinic import ZoneName
from .localtime import zone_of
from .model import ClinicTime, Day, DayWindow, Model, ReasonWord, VendorId

MAX_TOKEN_BYTES = 8 * 1024
MOST_SMALL = 10
"""Entries of a small token, and signs of their keys. With texts of a hundred signs it stays below the limit, even where
each sign is written as six bytes."""

Link = Annotated[str, StringConstraints(max_length=2000, pattern=r'^https?://[^\x00-\x20\x7f<>"\\^`{|}]+$')]
"""A web address that may stand in a page for patients: never a script."""


class SlotId(NamedTuple):
    """What a slot is: two readings of the same time have equal ids, whatever their tokens."""

    connection_id: str
    practitioner_id: str
    service_id: str
    location_id: str | None
    start: datetime


class Slot(Model):
    """One open time of one practitioner for one service.

    An adapter fills in practitioner, service, start, end, location and token; everything below the line is stamped
    by the SDK. `start` and `end` are instants, kept in UTC; `local_start` is the clinic's wall clock.
    location_id: the department at which the time is. Where the vendor's open times name none, leave it out: the SDK
    fills in the only one that the catalogue leaves (`Catalogue.place_of`); None then means every department.
    token: JSON that `book` needs, at most 8 KiB, without patient or secret; it may differ between two readings of the
    same slot. link: where a person can book it, for search-only vendors.
    """

    practitioner_id: VendorId
    service_id: VendorId
    start: ClinicTime
    end: ClinicTime
    location_id: VendorId | None = None
    token: Any = None
    link: Link | None = None
    # ---- stamped by the SDK
    connection_id: str = ""
    zone: ZoneName = "Europe/Oslo"
    rates: tuple[Rate, ...] | None = None
    derived: bool = False
    observed_at: datetime | None = None

    @property
    def identity(self) -> SlotId:
        """(connection, practitioner, service, location, start)."""
        return SlotId(self.connection_id, self.practitioner_id, self.service_id, self.location_id, self.start)

    @property
    def local_start(self) -> datetime:
        """`start` on the clinic's clock, aware."""
        return self.start.astimezone(zone_of(self.zone))

    @property
    def insurance_rates(self) -> tuple[Rate, ...]:
        """The B-rates among `rates`. Booking the slot takes all of them."""
        return tuple(rate for rate in self.rates or () if rate.is_insurance)


def token_problem(token: Any) -> str:
    """Why `token` may not be a slot's token: "not_json" or "too_large"; "" when it may."""
    if token is None or (type(token) is str and token.isascii() and len(token) < MAX_TOKEN_BYTES // 8):
        return ""  # each sign is one byte of JSON, or six as \u0000
    if type(token) is dict and len(token) <= MOST_SMALL and all(map(_is_small, token.items())):
        return ""
    try:
        size = len(json.dumps(token, allow_nan=False, ensure_ascii=False).encode())
        plain = _keys_are_text(token)
    except (TypeError, ValueError, RecursionError):  # also half a surrogate pair, which no JSON in UTF-8 can hold
        return "not_json"
    if not plain:
        return "not_json"
    return "too_large" if size > MAX_TOKEN_BYTES else ""


def _is_small(pair: tuple[Any, Any]) -> bool:
    """A short key with a short text, as most tokens have: no doubt about it, and no need to write it down."""
    key, value = pair
    return (
        type(key) is str
        and key.isascii()
        and len(key) <= MOST_SMALL
        and (value is None or (type(value) is str and value.isascii() and len(value) <= 100))
    )


def _keys_are_text(token: Any) -> bool:
    """JSON has no other keys: a number would be written as text, and the adapter would not find it again."""
    if isinstance(token, dict):
        return all(type(key) is str for key in token) and all(map(_keys_are_text, token.values()))
    return not isinstance(token, list | tuple) or all(map(_keys_are_text, token))


class SlotQuery(DayWindow):
    """Which open times are wanted: whole local days of the clinic, both ends included, a year at most.

    practitioner_ids, service_ids: empty means all. location_id: only what is offered at that department.
    at_most: stop when so many have been found, in order of time. An adapter that declares `per` is asked with exactly
    one of each kind named there, which `practitioner_id` and `service_id` then give.
    """

    practitioner_ids: tuple[VendorId, ...] = ()
    service_ids: tuple[VendorId, ...] = ()
    location_id: VendorId | None = None
    at_most: int | None = Field(default=None, ge=1)

    @property
    def practitioner_id(self) -> str:
        """The only practitioner asked for; a ValueError when there are none or several."""
        (only,) = self.practitioner_ids
        return only

    @property
    def service_id(self) -> str:
        """The only service asked for; a ValueError when there are none or several."""
        (only,) = self.service_ids
        return only


class UnknownPart(Model):
    """A part of a question that was not answered. It must never look like "no open times".

    because: an error's code (`"vendor_timeout"`). None for practitioner or service means all that were asked for.
    """

    first_day: Day
    last_day: Day
    because: ReasonWord
    practitioner_id: str | None = None
    service_id: str | None = None


class SlotProblem(Model):
    """Something in the vendor's answer that was left out of `found`, and why (`"missing_hour"`, `"repeated_hour"`,
    `"outside_calendar"`,
    `"outside_window"`, `"not_asked_for"`, `"doubled"`): a word, a place, and never the text itself."""

    because: ReasonWord
    where: str = ""


class Slots(Model):
    """An answer about open times. `complete` is False when some of it is unknown."""

    found: tuple[Slot, ...] = ()
    unknown: tuple[UnknownPart, ...] = ()
    problems: tuple[SlotProblem, ...] = ()
    derived: bool = False
    """The times were computed from opening hours and bookings; the vendor did not list them. Stamped by the SDK."""

    @property
    def complete(self) -> bool:
        """True when every part of the question was answered."""
        return not self.unknown


def stamped(
    slot: Slot,
    *,
    connection_id: str,
    zone: str,
    location_id: str | None,
    rates: tuple[Rate, ...] | None,
    derived: bool,
    observed_at: datetime,
) -> Slot:
    """The slot with what only the SDK knows. The values are the SDK's own, so they are not checked again."""
    return slot.model_copy(
        update={
            "connection_id": connection_id,
            "zone": zone,
            "location_id": location_id,
            "rates": rates,
            "derived": derived,
            "observed_at": observed_at,
        }
    )
