"""Giving a booking up. The goal is a state, not an act: a lost answer is looked at, and a cancel may be repeated."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from ..booking import BookingRef, Cancelled, CancelReason
from ..clinic import Clinic
from ..commands import Flow
from ..engine import Task, operate
from ..errors import BookingNotFound, KoblingError, OutcomeUnknown, VendorUnavailable
from .comparing import GONE
from .reading import one
from .results import checked_cancel
from .state import State, clinic

MOVED = CancelReason(by="patient", why="other_time")
UNWANTED = CancelReason(by="registry", why="mistake")


def cancel(state: State, ref: BookingRef, reason: CancelReason, not_after: datetime | None) -> Flow[Cancelled]:
    """Reach the state in which the booking does not stand; see `Session.cancel`."""
    state.need("cancel")
    state.own(ref.connection_id, "booking")
    state.aware(not_after, "not_after")
    place = yield from clinic(state, urgent=True)
    state.need("cancel", place)
    lost: OutcomeUnknown | None = None
    try:
        return (yield from cancel_once(state, ref, reason, place, not_after))
    except BookingNotFound as error:
        if not _reached(ref, error):
            raise
        return Cancelled(already_gone=True)
    except OutcomeUnknown as error:
        lost = error
    if (yield from _is_gone(state, ref, place)):
        return Cancelled()
    raise lost


def cancel_once(
    state: State, ref: BookingRef, reason: CancelReason, place: Clinic, not_after: datetime | None = None
) -> Flow[Cancelled]:
    """One cancel, as the vendor answers it."""
    task = Task(
        "cancel",
        lambda adapter, http: adapter.cancel(http, ref, reason),
        checked_cancel,
        clinic=place,
        not_after=not_after,
        fresh=True,
        urgent=True,
    )
    return operate(state.line, task)


def cancel_twice(
    state: State, ref: BookingRef, place: Clinic, reason: CancelReason, not_after: datetime | None = None
) -> Flow[None]:
    """A cancel that is repeated once when its answer was lost or the vendor was away.

    After a lost answer a refusal proves nothing: the vendor may refuse the second because the first took effect."""
    lost: OutcomeUnknown | None = None
    failed: KoblingError | None = None
    for _ in range(2):
        try:
            yield from cancel_once(state, ref, reason, place, not_after)
            return
        except OutcomeUnknown as error:
            lost = error
        except VendorUnavailable as error:
            failed = error
        except KoblingError as error:
            failed = error
            break
    if isinstance(failed, BookingNotFound) and _reached(ref, failed):
        return
    if lost is not None and (yield from _is_gone(state, ref, place)):
        return
    raise lost or cast("KoblingError", failed)


def _reached(ref: BookingRef, error: BookingNotFound) -> bool:
    """The goal of a cancel: what was confirmed once and is not there now, or what the vendor calls cancelled."""
    return ref.confirmed or error.because == "already_cancelled"


def _is_gone(state: State, ref: BookingRef, place: Clinic) -> Flow[bool]:
    """True when the vendor itself shows, after a lost answer, that the booking no longer stands."""
    if not state.offers("get_booking"):
        return False
    try:
        return (yield from one(state, ref, place)).status in GONE
    except BookingNotFound:
        return ref.confirmed
    except KoblingError:
        return False
