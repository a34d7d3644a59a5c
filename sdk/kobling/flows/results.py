"""What an adapter's operation may return: each result checked again, and copied into the contract's own class.

An adapter can build a value around its checks (`model_construct`) or return a subclass of its own. What reaches a
session is therefore made anew from the plain fields, so that nothing below needs to doubt an id or a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..booking import Booking, Bookings, Cancelled
from ..catalogue import Catalogue, Everyone
from ..clinic import Clinic
from ..errors import AdapterBug, KoblingError, VendorProtocolError
from ..localtime import TimeProblem
from ..slots import Slot, SlotProblem, Slots, UnknownPart, token_problem

M = TypeVar("M", bound=BaseModel)
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""A moment outside of these is a vendor's way of not saying, and reckoning with it would leave the calendar."""
OURS = frozenset({"connection_id", "zone", "verified", "asked", "residue"})
"""What only the SDK says of a booking."""
LONGEST_SLOT = timedelta(days=1)


def checked_clinic(result: Any) -> Clinic:
    """What `identify` says."""
    return _copied(Clinic, result, "identify_returns_a_clinic")


def checked_catalogue(result: Any) -> Catalogue:
    """What `catalogue` says; an id that comes twice is the vendor's error."""
    read = _copied(Catalogue, result, "catalogue_returns_a_catalogue")
    pairs = [] if isinstance(read.offers, Everyone) else [(one.practitioner_id, one.service_id) for one in read.offers]
    for kind, ids in (
        ("practitioners", [one.id for one in read.practitioners]),
        ("services", [one.id for one in read.services]),
        ("offers", pairs),
    ):
        if len(set(ids)) != len(ids):
            raise VendorProtocolError("doubled_id", fields=(kind,))
    return read


def checked_slots(result: Any) -> Slots:
    """What `list_slots` says. A list is a promise of completeness; every token is small JSON.

    The slots themselves are not copied, since there are many: an adapter that made one around its checks is refused.
    """
    if not isinstance(result, list | Slots):
        raise AdapterBug("list_slots_returns_slots")
    found, unknown, problems = (
        (result, (), ()) if isinstance(result, list) else (result.found, result.unknown, result.problems)
    )
    for slot in found:
        if not isinstance(slot, Slot) or not _is_whole(slot):
            raise AdapterBug("list_slots_returns_slots")
        if slot.end - slot.start > LONGEST_SLOT:
            raise VendorProtocolError("unfit_value", fields=("Slot.end",))
        if slot.token is not None and (problem := token_problem(slot.token)):
            if type(slot.token) is str and problem == "too_large":  # the vendor's own word for the time, as its ids
                raise VendorProtocolError("unfit_value", fields=("token",))
            raise AdapterBug(f"token_{problem}")
    return Slots.model_construct(
        found=tuple(found),
        unknown=tuple(_copied(UnknownPart, one, "list_slots_returns_slots") for one in unknown),
        problems=tuple(_copied(SlotProblem, one, "list_slots_returns_slots") for one in problems),
    )


def _is_whole(slot: Slot) -> bool:
    """What merging and sorting lean on: ids that are text and moments in UTC."""
    start, end = slot.start, slot.end
    return (
        isinstance(slot.practitioner_id, str)
        and isinstance(slot.service_id, str)
        and (slot.location_id is None or isinstance(slot.location_id, str))
        and isinstance(start, datetime)
        and isinstance(end, datetime)
        and start.tzinfo is UTC
        and end.tzinfo is UTC
    )


def checked_booking(result: Any) -> Booking:
    """What an adapter says of one booking, without what only the SDK may say."""
    booking = _copied(Booking, result, "returns_a_booking")
    odd = [name for name in ("created_at", "change_by") if not _in_reach(getattr(booking, name))]
    return booking.model_copy(update=dict.fromkeys(odd)) if odd else booking


def _in_reach(moment: datetime | None) -> bool:
    return moment is None or FIRST <= moment <= LAST


def checked_bookings(result: Any) -> Bookings:
    """What `list_bookings` says. A list is a promise that the token sees all of them."""
    if not isinstance(result, list | Bookings):
        raise AdapterBug("list_bookings_returns_bookings")
    found = result if isinstance(result, list) else result.found
    return Bookings(
        found=tuple(checked_booking(one) for one in found),
        complete=isinstance(result, list) or result.complete is True,
    )


def checked_cancel(result: Any) -> Cancelled:
    """What an adapter says of a cancel."""
    return _copied(Cancelled, result, "cancel_returns_cancelled")


def checked_patient_id(result: Any) -> str:
    """What an adapter returns for a patient that it put on file."""
    return _checked_id(result, "register_patient_returns_an_id")


def checked_hold_id(result: Any) -> str:
    """What an adapter returns for a time that the vendor keeps."""
    return _checked_id(result, "hold_slot_returns_an_id")


def checked_release(result: Any) -> None:
    """What an adapter returns for a hold that it gave back: nothing, whatever it says."""
    del result


def _checked_id(result: Any, because: str) -> str:
    if not isinstance(result, str) or not result.isprintable() or not 0 < len(result) <= 200:
        raise AdapterBug(because)
    return result


def _copied(kind: type[M], result: object, because: str) -> M:
    """`result` made anew as `kind`; an `AdapterBug` when it is none, or one that was made around its checks."""
    if isinstance(result, kind):
        try:
            return kind.model_validate(_plain(result))
        except (ValidationError, KoblingError, TimeProblem, TypeError, OverflowError):
            pass
    raise AdapterBug(because)


def _plain(value: Any) -> Any:
    """A value as dicts and sequences, with the fields of the contract's own classes only."""
    if value is None or type(value) in _LEAVES:
        return value
    if isinstance(value, BaseModel):
        names = _facts(type(value))
        return {name: _plain(one) for name, one in vars(value).items() if name in names}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    return value


_LEAVES = frozenset({str, int, bool, datetime})


@lru_cache(maxsize=256)
def _facts(kind: type[BaseModel]) -> frozenset[str]:
    """The fields of the contract's own class that an adapter may fill in, also of a class made from it."""
    package = __package__.partition(".")[0]
    ours: type[BaseModel] = next(one for one in kind.__mro__ if one.__module__.partition(".")[0] == package)
    return frozenset(ours.model_fields) - (OURS if issubclass(ours, Booking) else frozenset())
