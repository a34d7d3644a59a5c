"""EasyPractice's answers, as its public reference, recorded answers and public clients show them.

Fields marked [inferred] stand on no page; how they are read is decided in `inferred.py`. A client's name, which comes
with every booking, is not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from kobling import Name, VendorId, WireModel
from kobling.localtime import on_every_clock, parse_offset
from kobling.model import Moment


def _instant(value: object) -> object:
    return parse_offset(value) if isinstance(value, str) else value


def _plausible(moment: datetime) -> datetime:
    if not on_every_clock(moment):
        raise ValueError("not a time of any clinic")
    return moment


def _whole(value: str) -> str:
    if not (value.isascii() and value.isdecimal()):  # `int` reads other scripts' digits too
        raise ValueError("not an integer")
    return value


OffsetTime = Annotated[Moment, BeforeValidator(_instant)]
"""`YYYY-MM-DDTHH:MM:SS+HH:MM`, always with an offset."""

StartOrEnd = Annotated[OffsetTime, AfterValidator(_plausible)]

Number = Annotated[VendorId, AfterValidator(_whole)]
"""An integer id, as text."""


class Calendar(WireModel):
    """A calendar. employee_id [inferred]: the employee whose own calendar it is."""

    id: Number
    name: Name
    employee_id: Number | None = None


class Service(WireModel):
    """A service; the reference calls it a product. Its fields are [inferred]."""

    id: Number
    name: Name
    minutes: int = Field(alias="duration", ge=1, le=24 * 60)
    online: bool | None = Field(default=None, alias="online_booking")


class OpeningTimes(WireModel):
    """`{monday..sunday}_{start,end,closed}`: local times `HH:MM`, which may be left over on a closed day."""

    times: Mapping[str, Any]


class Booking(WireModel):
    """A booking: it has neither a note nor a service."""

    id: Number
    calendar_id: Number
    client_id: Number
    start: StartOrEnd
    end: StartOrEnd
    status: str
    created_at: OffsetTime


class Client(WireModel):
    """A client that was added. Nothing of the person is read back."""

    id: Number
