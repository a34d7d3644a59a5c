"""A session as rules use it: the same words for the sync and the async one.

A rule is written once, with `await`. On the async side its calls are a real `AsyncSession`'s; on the sync side each
call of a real `Session` runs in a thread of its own, so that fifty callers are fifty threads.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from kobling import (
    Adapter,
    AsyncKobling,
    AsyncSession,
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Bookings,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    Connection,
    ConnectionReport,
    Exchange,
    Explanation,
    Installed,
    Kobling,
    KoblingError,
    Resolution,
    Session,
    Slot,
    SlotQuery,
    Slots,
    UrlPolicy,
)
from kobling.drivers.aio import AsyncDriver
from kobling.drivers.lookup import Resolver
from kobling.drivers.sync import SyncDriver

from .heard import Heard, HearingAsyncDriver, HearingSyncDriver
from .pace import Pace

if TYPE_CHECKING:
    from .patience import Patience

__all__ = ["ASKED", "Asked", "Escaped", "MakeSide", "Mode", "Office", "Said", "Side"]

Mode = Literal["async", "sync"]
THREADS = 64
BeforeWrite: TypeAlias = "Callable[[BookingRequest], None]"


class Escaped(Exception):
    """An exception that is no `KoblingError` came out of a session."""

    def __init__(self, operation: str, kind: str) -> None:
        super().__init__(f"{operation}: {kind}")
        self.operation = operation
        self.kind = kind


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A call of a session that is under way: `Session`'s name of it, and the numbers of the calls that the vendor
    received for it."""

    operation: str
    numbers: list[int] = field(default_factory=list)


ASKED: ContextVar[Asked | None] = ContextVar("ASKED", default=None)
"""The call of a session that the running code belongs to."""


@dataclass(frozen=True, slots=True, repr=False)
class Said:
    """What one call of a session returned or raised. numbers: of the calls that the vendor received for it."""

    operation: str
    result: Any = None
    error: BaseException | None = None
    numbers: tuple[int, ...] = ()


class Side:
    """One session. Every method is `Session`'s of that name; what it returns or raises is kept in `said`."""

    def __init__(self, session: Session | AsyncSession, threads: ThreadPoolExecutor, pace: Pace) -> None:
        self._session = session
        self._threads = threads
        self._pace = pace
        self.patience: Patience | None = None
        """How the adapter's own limit on calls is waited for; None where it states none."""
        self.said: list[Said] = []
        self.standing: dict[str, BookingRef] = {}
        """Bookings that were made here and not cancelled, by the vendor's id."""

    @property
    def connection_id(self) -> str:
        """The stable id of the connection."""
        return self._session.connection.id

    async def _call(self, operation: str, *arguments: Any, **options: Any) -> Any:
        if self.patience is not None:
            return await self.patience.asked(self._once, operation, *arguments, **options)
        return await self._once(operation, *arguments, **options)

    async def _once(self, operation: str, *arguments: Any, **options: Any) -> Any:
        method = getattr(self._session, operation)
        asked = Asked(operation)
        before = ASKED.set(asked)
        try:
            with self._pace.caller():
                if isinstance(self._session, AsyncSession):
                    result = await method(*arguments, **options)
                else:
                    here, loop = copy_context(), asyncio.get_running_loop()
                    result = await loop.run_in_executor(self._threads, lambda: here.run(method, *arguments, **options))
        except KoblingError as error:
            self.said.append(Said(operation, error=error, numbers=tuple(asked.numbers)))
            raise
        except Exception as error:  # noqa: BLE001 - whatever escapes is a finding of the rule
            self.said.append(Said(operation, error=error, numbers=tuple(asked.numbers)))
            raise Escaped(operation, type(error).__name__) from None
        finally:
            ASKED.reset(before)
        self.said.append(Said(operation, result, numbers=tuple(asked.numbers)))
        return result

    async def test_connection(self) -> ConnectionReport:
        """`Session.test_connection`."""
        report: ConnectionReport = await self._call("test_connection")
        return report

    async def clinic(self) -> Clinic:
        """`Session.clinic`."""
        clinic: Clinic = await self._call("clinic")
        return clinic

    async def catalogue(self) -> Catalogue:
        """`Session.catalogue`."""
        catalogue: Catalogue = await self._call("catalogue")
        return catalogue

    async def slots(self, query: SlotQuery) -> Slots:
        """`Session.slots`."""
        slots: Slots = await self._call("slots", query)
        return slots

    async def verify(self, slot: Slot) -> Slot:
        """`Session.verify`."""
        found: Slot = await self._call("verify", slot)
        return found

    async def book(
        self, request: BookingRequest, *, before_write: BeforeWrite | None = None, not_after: datetime | None = None
    ) -> Booking:
        """`Session.book`."""
        booking: Booking = await self._call("book", request, before_write=before_write, not_after=not_after)
        self.standing[booking.id] = booking.ref
        return booking

    async def resolve(self, request: BookingRequest, sent_at: datetime) -> Resolution:
        """`Session.resolve`."""
        resolution: Resolution = await self._call("resolve", request, sent_at)
        return resolution

    async def get(self, ref: BookingRef) -> Booking:
        """`Session.get`."""
        booking: Booking = await self._call("get", ref)
        return booking

    async def bookings(self, query: BookingQuery) -> Bookings:
        """`Session.bookings`."""
        bookings: Bookings = await self._call("bookings", query)
        return bookings

    async def cancel(self, ref: BookingRef, reason: CancelReason) -> Cancelled:
        """`Session.cancel`."""
        cancelled: Cancelled = await self._call("cancel", ref, reason)
        self.standing.pop(ref.id, None)
        return cancelled

    async def reschedule(
        self,
        ref: BookingRef,
        request: BookingRequest,
        *,
        allow_gap: bool = False,
        before_write: BeforeWrite | None = None,
    ) -> Booking:
        """`Session.reschedule`."""
        options = {"allow_gap": allow_gap, "before_write": before_write}
        booking: Booking = await self._call("reschedule", ref, request, **options)
        return booking

    async def explain(self, practitioner_id: str, service_id: str | None = None) -> Explanation:
        """`Session.explain`."""
        explanation: Explanation = await self._call("explain", practitioner_id, service_id)
        return explanation

    def movable(self, connection_id: str, slot: Slot) -> bool:  # noqa: ARG002 - where departments are no connections
        """Whether a booking of a connection can be moved to this time."""
        return True


MakeSide: TypeAlias = "Callable[[Session | AsyncSession, ThreadPoolExecutor, Pace], Side]"


@dataclass
class Office:
    """A `Kobling` or `AsyncKobling` with the adapter under test, the clinic's time and an exchange, or a socket.

    origin: replaces the host of the adapter's own addresses. ssl_context, policy: as the drivers take them. resolver:
    answers for the name service. heard: told of everything that goes over the socket. make: makes a session's side.
    """

    adapter: type[Adapter]
    mode: Mode
    pace: Pace
    exchange: Exchange | None = None
    origin: str | None = None
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    resolver: Resolver | None = None
    policy: UrlPolicy = field(default_factory=UrlPolicy)
    heard: Heard | None = None
    make: MakeSide = Side
    _opened: Kobling | AsyncKobling | None = None
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="caller"), repr=False
    )

    def side(self, connection: Connection, **options: Any) -> Side:
        """A session on a connection."""
        if self._opened is None:
            self._opened = self._open()
        return self.make(self._opened.session(connection, **options), self._threads, self.pace)

    def _open(self) -> Kobling | AsyncKobling:
        facts: dict[str, Any] = {
            "adapters": Installed(MappingProxyType({self.adapter.key: self.adapter})),
            "clock": self.pace,
            "policy": self.policy,
            "origins": {self.adapter.key: self.origin} if self.origin is not None else None,
        }
        given: dict[str, Any] = {"policy": self.policy, "exchange": self.exchange, "now": self.pace.now}
        given |= {"ssl_context": self.ssl_context} | ({"resolver": self.resolver} if self.resolver else {})
        if self.mode == "sync":
            given["sleep"] = self.pace.sleep
            driver = SyncDriver(**given) if self.heard is None else HearingSyncDriver(self.heard, **given)
            return Kobling(driver=driver, **facts)
        given["sleep"] = self.pace.asleep
        waiting = AsyncDriver(**given) if self.heard is None else HearingAsyncDriver(self.heard, **given)
        return AsyncKobling(driver=waiting, **facts)

    async def close(self) -> None:
        """Close every connection and thread."""
        if isinstance(self._opened, AsyncKobling):
            await self._opened.aclose()
        elif self._opened is not None:
            self._opened.close()
        self._threads.shutdown(wait=False)
