"""What a registry calls: one session for one connection, sync (`Session`) or async (`AsyncSession`).

The two have the same methods and do the same; each runs the same flows. A session is cheap: make one for each piece
of work from the process's `Kobling`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from .booking import (
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Bookings,
    Cancelled,
    CancelReason,
    Resolution,
)
from .catalogue import Catalogue, Practitioner, Service
from .clinic import Clinic
from .commands import Flow
from .connection import PublicConnection
from .errors import KoblingError
from .flows import booking, cancelling, diagnosis, moving, reading, resolving, searching
from .flows import state as known
from .flows.booking import BeforeWrite
from .flows.state import State
from .report import ConnectionReport, Explanation
from .slots import Slot, SlotQuery, Slots

if TYPE_CHECKING:
    from .drivers.aio import AsyncDriver
    from .drivers.sync import SyncDriver

T = TypeVar("T")


class _Opened:
    """What both kinds of session hold: a state, or the reason why there is none."""

    def __init__(
        self,
        public: PublicConnection,
        state: State | KoblingError,
        refused_report: Callable[[], ConnectionReport] | None,
        origin: str | None,
    ) -> None:
        self.connection = public
        self._opened = state
        self._refused_report = refused_report
        self._origin = origin

    @property
    def supports(self) -> frozenset[str]:
        """The operations that the vendor's adapter offers; empty when the connection's form is wrong."""
        return self._opened.line.adapter.supports if isinstance(self._opened, State) else frozenset()

    @property
    def origin(self) -> str | None:
        """The address used instead of the vendor's own, for a mock or sandbox."""
        return self._origin

    def _state(self) -> State:
        if isinstance(self._opened, State):
            return self._opened
        raise self._bare(self._opened)

    def _bare(self, error: KoblingError) -> KoblingError:
        """The error alone: no frames of the engine, no other exception behind it, and so no request within reach. It
        names the vendor as people know it, wherever it was raised."""
        error.__traceback__ = None
        error.__cause__ = None
        error.__context__ = None
        if isinstance(self._opened, State) and not error.vendor_name:
            error.vendor = error.vendor or self._opened.line.adapter.key
            error.vendor_name = self._opened.line.adapter.name
        return error

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.connection.vendor} {self.connection.id}>"


class Session(_Opened):
    """A connection in use, for sync callers. Safe to share between threads. Methods raise only `KoblingError`s."""

    _driver: SyncDriver

    def _run(self, flow: Flow[T]) -> T:
        problem: KoblingError | None = None
        try:
            return self._driver.run(flow)
        except KoblingError as error:
            problem = error
        del flow
        raise self._bare(problem)

    def test_connection(self) -> ConnectionReport:
        """Test the connection ("Test kobling") in seven stages. Never raises for a failure of the vendor or of what
        was typed, and changes nothing."""
        if self._refused_report is not None:
            return self._refused_report()
        return self._run(diagnosis.test_connection(self._state(), self._origin))

    def clinic(self) -> Clinic:
        """Which clinic the connection leads to, at most five minutes old."""
        return self._run(known.clinic(self._state()))

    def catalogue(self) -> Catalogue:
        """Practitioners, services and offers, at most five minutes old; also what can't be booked, with its reasons."""
        return self._run(known.catalogue(self._state()))

    def practitioners(self) -> tuple[Practitioner, ...]:
        """Every practitioner's profile that the vendor shows."""
        return self.catalogue().practitioners

    def services(self) -> tuple[Service, ...]:
        """Every service that the vendor shows."""
        return self.catalogue().services

    def slots(self, query: SlotQuery) -> Slots:
        """The bookable open times, ordered by (start, practitioner, service). Look at `complete`: what could not be
        read is in `unknown`, and is not "no open times"."""
        return self._run(searching.slots(self._state(), query))

    def verify(self, slot: Slot) -> Slot:
        """The slot as the vendor offers it at this moment. Raises `SlotTaken` or `SlotWithdrawn` when it is gone."""
        return self._run(searching.verify(self._state(), slot))

    def book(
        self,
        request: BookingRequest,
        *,
        not_after: datetime | None = None,
        before_write: Callable[[BookingRequest], None] | None = None,
    ) -> Booking:
        """Book the slot. Exactly one write is sent, and never again.

        not_after: an aware moment after which the write is not sent any more (`LeaseExpired`). before_write: called
        once, when everything before the write has succeeded, with the request as `resolve` wants it (it may hold the
        vendor's id of the patient by now); write your ledger there. What it raises stops the booking.
        Raises `SlotTaken` and other `RequestRejected` (nothing was changed), `OutcomeUnknown` (call `resolve`; booking
        again under the same reference is refused), `BookedDifferently` (a booking stands, but not as asked).
        """
        return self._run(booking.book(self._state(), request, not_after=not_after, before_write=before_write))

    def resolve(self, request: BookingRequest, sent_at: datetime) -> Resolution:
        """Find out what became of a booking whose answer was lost, or whose process died.

        request: as `before_write` was given it. sent_at: when `before_write` returned, aware. Returns `Booked`,
        `NotBooked`, `StillUnknown` (look again at `next_at`) or `NeedsPerson`; never resends. Not for a booking that
        `book` returned: where the vendor accepts overlaps, one that was never settled may be withdrawn here.
        """
        return self._run(resolving.resolve(self._state(), request, sent_at))

    def get(self, ref: BookingRef) -> Booking:
        """The booking as the vendor shows it now. Raises `BookingNotFound`, `UnsupportedOperation`."""
        return self._run(reading.get(self._state(), ref))

    def bookings(self, query: BookingQuery) -> Bookings:
        """The vendor's bookings in a window of local days. Raises `UnsupportedOperation`."""
        return self._run(reading.bookings(self._state(), query))

    def cancel(self, ref: BookingRef, reason: CancelReason, *, not_after: datetime | None = None) -> Cancelled:
        """Give a booking up. The goal counts: one that came from a confirmed booking and is not there any more is
        cancelled. A lost answer is `OutcomeUnknown`, and the cancel may be repeated."""
        return self._run(cancelling.cancel(self._state(), ref, reason, not_after))

    def reschedule(
        self,
        ref: BookingRef,
        request: BookingRequest,
        *,
        allow_gap: bool = False,
        not_after: datetime | None = None,
        before_write: Callable[[BookingRequest], None] | None = None,
    ) -> Booking:
        """Move a booking to `request.slot`.

        Where the vendor can, in one step: the booking keeps its id and reference, and after `OutcomeUnknown` (its
        `reference` is None) `get` shows whether it moved. Else the new time is booked under `request.reference` and
        then the old one cancelled; `RescheduleHalfDone` carries both when that ends in the middle. allow_gap: cancel
        first where nothing else works (`RescheduleNeedsGap`), so that for a moment the patient has no time; everything
        that can be refused beforehand is, and what fails afterwards says so (`because="old_cancelled"`).
        """
        flow = moving.reschedule(
            self._state(), ref, request, allow_gap=allow_gap, not_after=not_after, before_write=before_write
        )
        return self._run(flow)

    def explain(self, practitioner_id: str, service_id: str | None = None) -> Explanation:
        """Why a practitioner, or one service of theirs, can or can't be seen by insurance customers."""
        return self._run(diagnosis.explain(self._state(), practitioner_id, service_id))


class AsyncSession(_Opened):
    """A connection in use, for asyncio. The same methods as `Session`, awaited. A cancelled `book` whose write may have
    left is recorded as unknown before the cancellation goes on."""

    _driver: AsyncDriver

    async def _run(self, flow: Flow[T]) -> T:
        problem: KoblingError | None = None
        try:
            return await self._driver.run(flow)
        except KoblingError as error:
            problem = error
        del flow
        raise self._bare(problem)

    async def test_connection(self) -> ConnectionReport:
        """See `Session.test_connection`."""
        if self._refused_report is not None:
            return self._refused_report()
        return await self._run(diagnosis.test_connection(self._state(), self._origin))

    async def clinic(self) -> Clinic:
        """See `Session.clinic`."""
        return await self._run(known.clinic(self._state()))

    async def catalogue(self) -> Catalogue:
        """See `Session.catalogue`."""
        return await self._run(known.catalogue(self._state()))

    async def practitioners(self) -> tuple[Practitioner, ...]:
        """See `Session.practitioners`."""
        return (await self.catalogue()).practitioners

    async def services(self) -> tuple[Service, ...]:
        """See `Session.services`."""
        return (await self.catalogue()).services

    async def slots(self, query: SlotQuery) -> Slots:
        """See `Session.slots`."""
        return await self._run(searching.slots(self._state(), query))

    async def verify(self, slot: Slot) -> Slot:
        """See `Session.verify`."""
        return await self._run(searching.verify(self._state(), slot))

    async def book(
        self, request: BookingRequest, *, not_after: datetime | None = None, before_write: BeforeWrite | None = None
    ) -> Booking:
        """See `Session.book`. `before_write` may be async."""
        return await self._run(booking.book(self._state(), request, not_after=not_after, before_write=before_write))

    async def resolve(self, request: BookingRequest, sent_at: datetime) -> Resolution:
        """See `Session.resolve`."""
        return await self._run(resolving.resolve(self._state(), request, sent_at))

    async def get(self, ref: BookingRef) -> Booking:
        """See `Session.get`."""
        return await self._run(reading.get(self._state(), ref))

    async def bookings(self, query: BookingQuery) -> Bookings:
        """See `Session.bookings`."""
        return await self._run(reading.bookings(self._state(), query))

    async def cancel(self, ref: BookingRef, reason: CancelReason, *, not_after: datetime | None = None) -> Cancelled:
        """See `Session.cancel`."""
        return await self._run(cancelling.cancel(self._state(), ref, reason, not_after))

    async def reschedule(
        self,
        ref: BookingRef,
        request: BookingRequest,
        *,
        allow_gap: bool = False,
        not_after: datetime | None = None,
        before_write: BeforeWrite | None = None,
    ) -> Booking:
        """See `Session.reschedule`."""
        flow = moving.reschedule(
            self._state(), ref, request, allow_gap=allow_gap, not_after=not_after, before_write=before_write
        )
        return await self._run(flow)

    async def explain(self, practitioner_id: str, service_id: str | None = None) -> Explanation:
        """See `Session.explain`."""
        return await self._run(diagnosis.explain(self._state(), practitioner_id, service_id))
