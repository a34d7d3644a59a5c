"""What a clinic has set up for its online booking and the API does not tell: the registry's staff ask for it.

A value that is left at its default is a guess, and a test of the connection names it. What goes wrong then is said at
each field. Ids are EasyPractice's own. `"*"` stands for every calendar that is not named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from kobling import VendorId
from kobling.model import Model

T = TypeVar("T")

EVERY = "*"
Minutes = Annotated[int, Field(ge=5, le=24 * 60)]


class ClinicSettings(Model):
    """The settings of one clinic. None of them is secret."""

    intervals: Mapping[str, Minutes] = Field(default={EVERY: 30})
    """Minutes between two starts, by calendar. Too small: times that the clinic does not offer. Too large: times are
    missing. Known to exist (help page on available times); the default is a guess."""

    lead_time_hours: Annotated[int, Field(ge=0, le=24 * 365)] = 0
    """How long before its start a time can be booked at the latest. Too small: patients come unannounced."""

    daily_limits: Mapping[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """How many bookings a calendar takes on a day, counted by their start. Left out: full days are still offered."""

    linked_calendars: Mapping[str, tuple[VendorId, ...]] = Field(default_factory=dict)
    """Calendars whose bookings take the time in this one too, such as a shared room. Left out: double bookings."""

    open_calendars: tuple[VendorId, ...] | None = None
    """The calendars that are open for online booking; None for all. Left out: times of closed calendars are offered."""

    services: Mapping[str, tuple[VendorId, ...]] = Field(default_factory=dict)
    """The services that a calendar offers; one that is not named offers all. Left out: services that a practitioner
    does not have."""

    person_calendars: tuple[VendorId, ...] = ()
    """Calendars that are a person's own although no employee belongs to them, as the account owner's. Left out: the
    owner's calendar can't be linked to a practitioner."""

    cancel_by: Literal["status", "delete"] = "status"
    """How a booking is cancelled: by setting its status, or by deleting it. Wrong: cancelling fails, and says so."""

    overlap: Literal["accepted", "refused"] = "accepted"
    """What EasyPractice does with a second booking of the same time. "refused" only where that was seen: then nothing
    looks for overlapping bookings any more, and a booking can be moved in one step."""

    def interval(self, calendar_id: str) -> int:
        """Minutes between two starts in a calendar."""
        return _of(self.intervals, calendar_id) or 30

    def daily_limit(self, calendar_id: str) -> int | None:
        """Bookings on a day at most, None for no limit."""
        return _of(self.daily_limits, calendar_id)

    def linked(self, calendar_id: str) -> tuple[str, ...]:
        """Calendars whose bookings count in this one too."""
        return _of(self.linked_calendars, calendar_id) or ()

    def offers(self, calendar_id: str, service_id: str) -> bool:
        """Whether a calendar offers a service."""
        named = _of(self.services, calendar_id)
        return named is None or service_id in named

    def is_open(self, calendar_id: str) -> bool | None:
        """Whether a calendar is open for online booking; None when nobody said."""
        return None if self.open_calendars is None else calendar_id in self.open_calendars


def _of(table: Mapping[str, T], calendar_id: str) -> T | None:
    return table.get(calendar_id, table.get(EVERY))
