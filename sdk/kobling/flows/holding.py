"""Keeping a time for the moments until it is booked, at a vendor that wants it held first."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from ..booking import BookingRequest, private_texts
from ..clinic import Clinic
from ..commands import Flow
from ..engine import Task, operate
from ..errors import KoblingError, OutcomeUnknown, VendorUnavailable
from .results import checked_hold_id, checked_release
from .state import State

SECONDS_TO_RELEASE = 5.0
"""A caller who is to hear of a refusal waits no longer for what a hold's own end does too."""


def hold(state: State, request: BookingRequest, place: Clinic, not_after: datetime | None) -> Flow[BookingRequest]:
    """The request with the id of its hold; as it is where the vendor wants none. A lost answer means that nothing is
    booked, and that the time may be kept until the hold ends."""
    if not state.offers("hold_slot"):
        return request
    task = Task(
        "hold_slot",
        lambda adapter, http: adapter.hold_slot(http, request),
        checked_hold_id,
        clinic=place,
        not_after=not_after,
        fresh=True,
        urgent=True,
        private=private_texts(request),
    )
    lost: OutcomeUnknown | None = None
    try:
        return request.model_copy(update={"hold_id": (yield from operate(state.line, task))})
    except OutcomeUnknown as error:
        lost = error
    raise VendorUnavailable(
        "hold_unknown", vendor=lost.vendor, operation=lost.operation, correlation_id=lost.correlation_id
    )


def release(state: State, request: BookingRequest, place: Clinic) -> Flow[None]:
    """Give the hold back, once it is certain that nothing was booked. What goes wrong with that, or takes long, is in
    the log only: the hold ends by itself."""
    if request.hold_id is None or not state.offers("release_slot"):
        return
    hold_id = request.hold_id
    task = Task(
        "release_slot",
        lambda adapter, http: adapter.release_slot(http, hold_id),
        checked_release,
        clinic=place,
        urgent=True,
        private=private_texts(request),
        within=SECONDS_TO_RELEASE,
    )
    with suppress(KoblingError):
        yield from operate(state.line, task)
