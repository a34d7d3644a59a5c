"""Everything about EasyPractice's API that no page says for certain, in one place, so that it can be corrected as data.

Each name below is a reading: it fits the reference, the recorded answers and the public clients that are known, and it
may be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from kobling import (
    BookingNotFound,
    ErrorMap,
    InvalidRequest,
    Provenance,
    Refusal,
    Response,
    SlotTaken,
    TooLateToChange,
    VendorProtocolError,
    WhyNot,
)
from kobling.booking import Status

from .opentimes import ClockSpan
from .wire import Calendar, OpeningTimes

ZONE: Final = "Europe/Oslo"
"""The zone of opening times and pauses, which carry no offset. Public clients use Copenhagen's, which is the same."""

INFERRED_REASONS: Final[frozenset[WhyNot]] = frozenset({"not_person_owned", "service_offline"})

PROVENANCE: Final = Provenance(
    known=frozenset({"register_patient", "list_bookings"}),
    partly=frozenset({"identify", "catalogue", "list_slots", "book", "reschedule"}),
    tried=("mock",),
)
"""Opening times, pauses, and how a booking is made and moved: as public clients do it. Such clients also call calendars
and services, whose fields are guesses. How one booking is read or cancelled stands nowhere."""

STATUS_WORDS: Final[Mapping[str, Status]] = {
    "booked": "booked",
    "cancelled": "cancelled",
    "completed": "attended",
    "absent": "no_show",
}
"""Only `absent` is documented. Any other word is "unknown", and a booking with it takes its time."""

CANCELLED: Final = "cancelled"
SETTLE_SECONDS: Final = 5.0
"""How long after a booking every other one is seen that was made at the same time. Nobody says; created_at has whole
seconds."""

USER_HEADER: Final = "X-User-Id"
"""Whose token it is. Recorded; that an employee's token has the employee's id, as on their calendar, is a guess."""

_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?")
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_END_OF_DAY: Final = frozenset({"00:00", "24:00", "23:59"})
_WEEKDAY: Final = ("weekday", "day_of_week")
_DATE: Final = ("date", "pause_date")
_BEGINS: Final = ("start_time", "start", "from")
_ENDS: Final = ("end_time", "end", "to")


def is_persons_own(calendar: Calendar) -> bool:
    """A calendar with an employee is that employee's own."""
    return calendar.employee_id is not None


def sees_only_its_own(user_id: str | None, calendars: tuple[Calendar, ...]) -> bool:
    """An employee's token may hide colleagues' bookings; only the main account's shows all for certain."""
    return user_id is not None and user_id in {one.employee_id for one in calendars}


# ---- opening times and pauses


def hours_on(answer: OpeningTimes, weekday: int) -> ClockSpan | None:
    """The hours of a weekday (0 is Monday); None when it is closed."""
    name = _DAYS[weekday]
    if _closed(answer.times.get(f"{name}_closed")):
        return None
    begins, ends = answer.times.get(f"{name}_start"), answer.times.get(f"{name}_end")
    if begins in (None, "") and ends in (None, ""):
        return None
    return _span(begins, ends, "opening_times")


def pause_on(fields: Mapping[str, Any], day: date) -> ClockSpan | None:
    """The part of a day that a pause takes; None when it is of another day."""
    dated, weekly = _first(fields, _DATE), _first(fields, _WEEKDAY)
    if dated is not None:
        if not isinstance(dated, str) or not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", dated):
            raise VendorProtocolError("pause_date", fields=("pauses",))
        if dated[:10] != day.isoformat():
            return None
    elif weekly is None:
        raise VendorProtocolError("pause_without_day", fields=("pauses",))
    elif _weekday(weekly) != day.weekday():
        return None
    return _span(_first(fields, _BEGINS), _first(fields, _ENDS), "pauses")


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((fields[name] for name in names if fields.get(name) not in (None, "")), None)


def _weekday(value: Any) -> int:
    """0 is Monday. The vendor's 0 is Sunday in a public client; 7 can only be Sunday as well."""
    if isinstance(value, str) and value.lower() in _DAYS:
        return _DAYS.index(value.lower())
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 1:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 7:
        return (value - 1) % 7
    raise VendorProtocolError("pause_weekday", fields=("pauses",))


def _span(begins: Any, ends: Any, where: str) -> ClockSpan:
    """From one time of the clock to another. Midnight at the end is the end of the day."""
    first = _minutes(begins, where)
    last = 24 * 60 if isinstance(ends, str) and ends[:5] in _END_OF_DAY else _minutes(ends, where)
    if last < first:
        raise VendorProtocolError("reversed_times", fields=(where,))
    return ClockSpan(first, last)


def _minutes(value: Any, where: str) -> int:
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise VendorProtocolError("malformed_time", fields=(where,))
    return int(found[1]) * 60 + int(found[2])


_CLOSED: Final[Mapping[str, bool]] = {
    "true": True, "1": True, "false": False, "0": False, "none": False, "": False,
}  # fmt: skip
"""How "closed" may be written, in small letters. Anything else says nothing, and no day is opened by it."""


def _closed(value: Any) -> bool:
    found = _CLOSED.get(str(value).lower()) if value is None or isinstance(value, bool | int | str) else None
    if found is None:
        raise VendorProtocolError("opening_times", fields=("opening_times",))
    return found


# ---- errors


def code_of(reply: Response) -> str | None:
    """A word for what the framework says in a sentence: a missing record, or the first field that is not valid."""
    if reply.status not in (404, 422):
        return None
    data = reply.data
    if not isinstance(data, Mapping):
        return None
    if reply.status == 404:
        said = data.get("message")
        return "NO_RECORD" if isinstance(said, str) and said.startswith("No query results") else None
    errors = data.get("errors")
    named = sorted(errors) if isinstance(errors, Mapping) else []
    return f"INVALID_{named[0]}".upper() if named else None


_NO_SUCH_CALL: Final = Refusal(VendorProtocolError, "status_404")
_REFUSED: Final = "refused_by_vendor"

ERRORS: Final = ErrorMap(
    codes={
        ("cancel", "NO_RECORD"): BookingNotFound,
        ("get_booking", "NO_RECORD"): BookingNotFound,
        ("reschedule", "NO_RECORD"): BookingNotFound,
        ("book", "INVALID_START"): SlotTaken,
        ("reschedule", "INVALID_START"): SlotTaken,
        ("cancel", "INVALID_STATUS"): TooLateToChange,
        ("cancel", "INVALID_ID"): TooLateToChange,
        ("register_patient", "INVALID_NAME"): Refusal(InvalidRequest, _REFUSED, ("family_name",)),
        ("register_patient", "INVALID_EMAIL"): Refusal(InvalidRequest, _REFUSED, ("email",)),
        ("register_patient", "INVALID_PHONE"): Refusal(InvalidRequest, _REFUSED, ("phone",)),
        ("register_patient", "INVALID_DATE_OF_BIRTH"): Refusal(InvalidRequest, _REFUSED, ("birth_date",)),
        ("register_patient", "INVALID_NOTES"): Refusal(InvalidRequest, _REFUSED, ("message",)),
    },
    statuses={
        ("book", 409): SlotTaken,
        ("reschedule", 409): SlotTaken,
        ("cancel", 404): _NO_SUCH_CALL,
        ("get_booking", 404): _NO_SUCH_CALL,
        ("reschedule", 404): _NO_SUCH_CALL,
    },
    code=code_of,
)
"""No error is documented. A 404 says that a booking is gone only where it names a missing record: one for a call that
does not exist looks nearly the same."""
