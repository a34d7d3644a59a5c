"""A vendor that can everything, in memory, with an adapter for it: for tests of what sessions do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from kobling import (
    Adapter,
    AsyncKobling,
    AsyncSession,
    Bearer,
    Booking,
    BookingFacts,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    Connection,
    ConnectionForm,
    ErrorMap,
    Http,
    Kobling,
    Limits,
    Offer,
    Patient,
    PatientFields,
    Practitioner,
    Rate,
    Service,
    Session,
    Slot,
    SlotLimits,
    SlotQuery,
    SlotTaken,
    TooLateToChange,
    UrlPolicy,
    WireFailure,
    WireReply,
    WireRequest,
    required,
)
from kobling.drivers.aio import AsyncDriver
from kobling.drivers.sync import SyncDriver
from kobling.localtime import parse_offset
from kobling.plugins import Installed
from kobling.testing import ManualClock, reply

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
FIRST = date(2026, 12, 1)
B1010 = (Rate(code="B1010"),)


class FullVendor(Adapter):
    """Every operation but `sign_in` and `register_patient`; subclasses change the facts."""

    key = "full"
    name = "Full Vendor"
    contract = 1
    form = ConnectionForm(external_id=required(nb="nr", en="no", example="1"), api_key=required(nb="nøkkel", en="key"))
    base_url = "https://full.example/{external_id}"
    auth = Bearer()
    errors = ErrorMap({"TAKEN": SlotTaken, "LATE": TooLateToChange}, code="/code")
    limits = Limits(
        slots=SlotLimits(days=3),
        booking=BookingFacts(
            mode="sync", overlap="refused", reference_in="field", latest_commit=60, sources={"latest_commit": "a test"}
        ),
        reschedule_within=frozenset({"practitioner", "service"}),
    )
    patient_fields = PatientFields(required=frozenset({"email"}), optional=frozenset({"given_name", "family_name"}))

    async def identify(self, http: Http) -> Clinic:
        return Clinic(name="Full")

    async def catalogue(self, http: Http) -> Catalogue:
        await http.get("catalogue")
        people = tuple(Practitioner(id=name, name=name, owner_kind="person") for name in ("a", "b"))
        offers = tuple(Offer(practitioner_id=one.id, service_id="s", rates=B1010) for one in people)
        return Catalogue(practitioners=people, services=(Service(id="s", name="S", minutes=30),), offers=offers)

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        rows = (await http.get("slots", params={"from": query.first_day, "to": query.last_day})).data
        return [
            Slot(
                practitioner_id=row["who"],
                service_id="s",
                start=parse_offset(row["start"]),
                end=parse_offset(row["end"]),
            )
            for row in rows
        ]

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        body = {
            "who": request.slot.practitioner_id, "start": request.slot.start.isoformat(),
            "end": request.slot.end.isoformat(), "reference": str(request.reference), "email": request.patient.email,
            "name": request.patient.family_name, "sak": request.sak_id.value if request.sak_id else None,
        }  # fmt: skip
        return _booking((await http.post("bookings", json=body)).read(dict))

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        await http.delete("bookings/{}", booking.id)
        return Cancelled()

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        return _booking((await http.get("bookings/{}", booking.id)).read(dict))

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        return [_booking(row) for row in (await http.get("bookings")).read(list)]

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        body = {"start": slot.start.isoformat(), "end": slot.end.isoformat()}
        return _booking((await http.patch("bookings/{}", booking.id, json=body)).read(dict))


def _booking(row: dict[str, Any]) -> Booking:
    return Booking(
        id=row["id"], status=row["status"], start=parse_offset(row["start"]), end=parse_offset(row["end"]),
        practitioner_id=row["who"], service_id="s", reference=UUID(row["reference"]) if row.get("reference") else None,
        created_at=parse_offset(row["created_at"]),
    )  # fmt: skip


class SagaVendor(FullVendor):
    """Moves by booking and cancelling."""

    key = "saga"
    contract = 1
    reschedule = Adapter.reschedule


class OverlapVendor(SagaVendor):
    """Accepts overlapping bookings."""

    key = "overlap"
    contract = 1
    limits = Limits(
        slots=SlotLimits(days=3),
        booking=BookingFacts(
            mode="sync", overlap="accepted", reference_in="field", settle=5, latest_commit=60,
            sources={"latest_commit": "a test"},
        ),
    )  # fmt: skip


@dataclass
class Vendor:
    """The vendor's side: bookings by id, and a journal."""

    accepts_overlap: bool = False
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    interrupt: Callable[[WireRequest], WireReply | WireFailure | None] = lambda request: None
    after: Callable[[WireRequest], WireReply | WireFailure | None] = lambda request: None
    immediate: ClassVar[bool] = True

    def __call__(self, request: WireRequest) -> WireReply | WireFailure:
        parts = urlsplit(request.url)
        path = parts.path.split("/")[2:]
        self.calls.append((request.method, "/".join(path)))
        self.urls.append(request.url)
        stopped = self.interrupt(request)
        if stopped is not None:
            return stopped
        answer = self._answer(request.method, path, parse_qs(parts.query), json.loads(request.body or b"null"))
        return self.after(request) or answer

    def _answer(self, method: str, path: list[str], query: dict[str, list[str]], body: Any) -> WireReply:
        if path == ["catalogue"]:
            return reply(200, json={})
        if path == ["slots"]:
            return reply(
                200, json=self._slots(date.fromisoformat(query["from"][0]), date.fromisoformat(query["to"][0]))
            )
        if path == ["bookings"] and method == "GET":
            return reply(200, json=list(self.rows.values()))
        if path == ["bookings"]:
            return self._book(body)
        row = self.rows.get(path[1])
        if row is None:
            return reply(404, json={"code": "UNKNOWN"})
        if method == "DELETE":
            row["status"] = "cancelled"
            return reply(204)
        if method == "PATCH":
            row |= body
        return reply(200, json=row)

    def _live(self) -> list[dict[str, Any]]:
        return [row for row in self.rows.values() if row["status"] == "booked"]

    def _slots(self, first: date, last: date) -> list[dict[str, str]]:
        taken = set() if self.accepts_overlap else {(row["who"], row["start"]) for row in self._live()}
        found = []
        for number in range((last - first).days + 1):
            for hour in (8, 9):
                day = first + timedelta(days=number)
                start = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
                for who in ("a", "b"):
                    if (who, start.isoformat()) not in taken:
                        end = (start + timedelta(minutes=30)).isoformat()
                        found.append({"who": who, "start": start.isoformat(), "end": end})
        return found

    def _book(self, body: dict[str, Any]) -> WireReply:
        clash = any((row["who"], row["start"]) == (body["who"], body["start"]) for row in self._live())
        if clash and not self.accepts_overlap:
            return reply(409, json={"code": "TAKEN"})
        return reply(201, json=self.add(**body))

    def add(self, **body: Any) -> dict[str, Any]:
        """A booking as the vendor keeps it."""
        row = {
            "id": str(len(self.rows) + 1), "status": "booked", "created_at": self.clock.now().isoformat(),
            **{name: value for name, value in body.items() if name in ("who", "start", "end", "reference")},
        }  # fmt: skip
        self.rows[row["id"]] = row
        return row

    def standing(self) -> list[str]:
        """The ids of live bookings."""
        return [row["id"] for row in self._live()]


@dataclass
class World:
    """A vendor and a session on it, in one mode."""

    vendor: Vendor
    session: Session | AsyncSession
    loop: asyncio.AbstractEventLoop | None

    def run(self, work: Callable[[Any], Any]) -> Any:
        """The result of a session's method, in either mode."""
        made = work(self.session)
        return self.loop.run_until_complete(made) if self.loop is not None else made

    def slot(self, number: int = 0) -> Slot:
        """The nth open time."""
        found = self.run(lambda session: session.slots(SlotQuery(first_day=FIRST, last_day=FIRST + timedelta(days=2))))
        slot: Slot = found.found[number]
        return slot


_LOOP: list[asyncio.AbstractEventLoop] = []


def connect(mode: str, adapter: type[Adapter] = FullVendor, *, key: str = "k", vendor: Vendor | None = None) -> World:
    """A world of its own."""
    vendor = vendor or Vendor()
    installed = Installed({adapter.key: adapter})
    connection = Connection(adapter.key, external_id="1", api_key=key)
    clock = vendor.clock
    if mode == "sync":
        driver = SyncDriver(policy=UrlPolicy(), exchange=vendor, sleep=clock.sleep, now=clock.now)
        return World(vendor, Kobling(adapters=installed, clock=clock, driver=driver).session(connection), None)
    if not _LOOP:
        _LOOP.append(asyncio.new_event_loop())
    aio = AsyncDriver(policy=UrlPolicy(), exchange=vendor, sleep=clock.asleep, now=clock.now)
    return World(vendor, AsyncKobling(adapters=installed, clock=clock, driver=aio).session(connection), _LOOP[0])


def request(slot: Slot, **more: Any) -> BookingRequest:
    """A booking for an invented patient."""
    return BookingRequest(slot=slot, patient=Patient(email="kari@example.no", family_name="Prøve"), **more)
