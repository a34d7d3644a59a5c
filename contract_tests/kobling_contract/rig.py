"""The rig: one world of a mock vendor with sessions of the adapter under test on it, and everything it left behind.

A rig looks at a vendor only through what all dialects share: the clinic's timebook, the journal, faults, switches and
barriers. Which of the vendor's calls an operation uses is read from the journal of the positive control.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from kobling import (
    Adapter,
    BookingRequest,
    Connection,
    Exchange,
    Patient,
    SakID,
    Slot,
    SlotQuery,
    UrlPolicy,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling.commands import Send
from kobling.drivers.lookup import Resolver
from kobling.http import Response
from kobling_mocks import Call, Fact, Fault, Mock, Served, World, can_hold, silent_about
from kobling_mocks.clinic import Appointment, Clinic, OpenSlot, Restrictions, synthetic_id
from kobling_mocks.dialect import Account

from .clinics import ClinicName, open_clinic
from .everywhere import Everywhere
from .pace import Pace
from .patience import Patience, refuses
from .sides import ASKED, Mode, Office, Side
from .timebook import Shown

if TYPE_CHECKING:
    from .target import Target

__all__ = ["NEXT_PATIENT", "PATIENT", "SAK_ID", "Mark", "Rig", "Spoil", "WireCall"]

Spoil: TypeAlias = "Callable[[WireRequest, WireReply | WireFailure], WireReply | WireFailure]"
"""Changes an answer on its way from the vendor."""

PATIENT = Patient(
    given_name="Ávdnos Kanaritest",
    family_name="Fjellprøve-Østhåg",
    birth_date=date(1987, 3, 14),
    phone="+4790008877",
    email="avdnos.kanari@pasient.example.test",
    national_id="14838799997",
)
"""The invented patient of every booking: each field is found nowhere else, so that a leak is seen."""
NEXT_PATIENT = Patient(
    given_name="Birger",
    family_name=PATIENT.family_name,
    birth_date=date(1971, 11, 2),
    phone="+4790006655",
    email="birger@sparprove.example.test",
    national_id="02917130089",
)
"""Whom a booking is for after PATIENT's: of the same family name, and no other field of the two is alike."""
SAK_ID = SakID("KANARI42")


@dataclass(frozen=True, slots=True)
class WireCall:
    """One raw request and what it was answered with; the suite's own, never shown. number: its call in the journal.
    spoiled: the suite changed the answer on its way. asked: the call of a session that it was sent for, "" where that
    isn't known."""

    request: WireRequest
    outcome: WireReply | WireFailure
    number: int = 0
    spoiled: bool = False
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment in a rig's history: calls in the journal, requests on the wire."""

    journal: int
    wire: int


def _asked_for(number: int) -> str:
    """The call of a session that the running code belongs to, which learns which call of the journal it made."""
    asked = ASKED.get()
    if asked is None:
        return ""
    asked.numbers.extend([number] if number else [])
    return asked.operation


def _is_of(call: Call, request: WireRequest) -> bool:
    """Whether a call of the journal is to a request's address, as far as no digest stands in the place of a value."""
    address = urlsplit(request.url)
    query = parse_qsl(address.query, keep_blank_values=True)
    return (
        (call.method, call.path, len(call.query)) == (request.method, address.path, len(query))
        and all(name == other and (value == told or "#" in told)
                for (name, value), (other, told) in zip(query, call.query, strict=True))
    )  # fmt: skip


class Rig:
    """A world with the adapter under test connected to it. Made by `Trial.rig`; closed by the trial.

    wired: over a socket on loopback instead of in process; then `wire` stays empty. ahead: of the clinic's clock, the
    caller's.
    """

    def __init__(
        self,
        target: Target,
        mode: Mode,
        clinic: ClinicName,
        seed: int,
        *,
        adapter: type[Adapter] | None = None,
        switches: Mapping[str, object] | None = None,
        spoil: Spoil | None = None,
        wired: bool = False,
        ahead: timedelta = timedelta(),
    ) -> None:
        self.adapter = adapter or target.adapter
        self.mode: Mode = mode
        if target.dialect is None:
            raise TypeError("a rig of a mock needs its dialect")
        self.mock = Mock(target.dialect, open_clinic(clinic, seed, target.dialect))
        self.mock.patience = 0.0
        self.world: World = self.mock.world
        if switches:
            self.world.switches.set(**switches)
        self.pace = Pace(self.world.clock, ahead)
        self.wire: list[WireCall] = []
        self.heard: list[WireCall] = []
        """What went over a socket, as far as its call in the journal is known."""
        self._wire_lock = threading.Lock()
        self.spoil = spoil
        self._served: Served | None = self.mock.serve() if wired else None
        self._office = (
            Office(self.adapter, mode, self.pace, self._exchange)
            if self._served is None
            else Office(self.adapter, mode, self.pace, origin=self._served.url, heard=self._hear)
        )
        self._further: list[Office] = []
        self.searched = Mark(0, 0)
        """Where the last search of a rule began."""
        self.session: Side = self.connect()

    # ---- connecting

    def fields(self, account: Account | None = None, **fields: str) -> dict[str, str]:
        """The connection's fields for an account (the world's first), with some replaced; "" leaves one out."""
        told = dict(self.mock.dialect.connection(account or self.world.account))
        if self.needs_department and account is None and not told["department_id"]:
            told["department_id"] = next(iter(self.places), "")
        return {**told, **fields}

    def connect(self, account: Account | None = None, /, **fields: str) -> Side:
        """A session on an account of this world, with the options that its clinic told the registry; `fields` replaces
        connection fields."""
        return self._on(self._office, account, fields)

    def colleague(self, adapter: type[Adapter] | None = None) -> Side:
        """A session on the same connection in another process: it knows nothing of what the others have done. adapter:
        a wrapped one."""
        origin = None if self._served is None else self._served.url
        office = Office(
            adapter or self.adapter,
            self.mode,
            self.pace,
            None if origin else self._exchange,
            origin=origin,
            heard=self._hear if origin else None,
        )
        self._further.append(office)
        return self._on(office, None, {})

    def _on(self, office: Office, account: Account | None, fields: Mapping[str, str]) -> Side:
        connection = Connection(self.adapter.key, **self.fields(account, **fields))
        options = self.mock.dialect.options(account or self.world.account, self.world.switches)
        side = office.side(connection, options=options or None)
        rate = self.adapter.limits.rate
        side.patience = Patience(rate.per, self._rest, self._watch) if rate is not None else None
        return side

    @property
    def needs_department(self) -> bool:
        """Whether the adapter's form demands a department on each connection."""
        return self.adapter.form.department_id.use == "required"

    @property
    def places(self) -> tuple[str, ...]:
        """The vendor's ids of the clinic's departments."""
        return tuple(self.wire_id(one.id) for one in self.world.account.clinic.departments)

    @property
    def scope(self) -> str | None:
        """The one department that a session sees, where it can't be asked for all of them; None where it can."""
        return self.department if self.needs_department else None

    def widest(self) -> Side:
        """One session that sees as much of the clinic as one can: all departments, or `scope`."""
        return self.connect(department_id=self.scope or "")

    def whole(self) -> Side:
        """The whole clinic: one session on all departments, or one in each of them, told as one."""
        if not self.needs_department or len(self.places) < 2:
            return self.widest()
        return Everywhere({place: self.connect(department_id=place) for place in self.places})

    async def _rest(self, seconds: float) -> None:
        with self.pace.caller():
            await self.pace.asleep(seconds)

    def _watch(self) -> Callable[[], bool]:
        """Begin to look whether the vendor itself refuses a call, or a fault strikes one."""
        mark = self.mark()

        def refused() -> bool:
            struck = any(call.fault or call.status in (429, 503) for call in self.since(mark))
            return struck or any(
                refuses(self.adapter, one.outcome.status, Response(one.outcome), one.request.url)
                for one in self.sent_since(mark)
                if isinstance(one.outcome, WireReply)
            )

        return refused

    def dial(
        self,
        origin: str | None,
        *,
        resolver: Resolver,
        ssl_context: ssl.SSLContext | None = None,
        policy: UrlPolicy | None = None,
        **fields: str,
    ) -> Side:
        """A session that leaves for the network by itself: to `origin`, or where `fields` lead."""
        office = Office(
            self.adapter,
            self.mode,
            self.pace,
            origin=origin,
            ssl_context=ssl_context,
            resolver=resolver,
            policy=policy or UrlPolicy(),
        )
        self._further.append(office)
        options = self.mock.dialect.options(self.world.account, self.world.switches)
        return office.side(Connection(self.adapter.key, **self.fields(None, **fields)), options=options or None)

    @property
    def served_at(self) -> str:
        """Where a wired rig's mock listens: scheme, host, port and path."""
        if self._served is None:
            raise LookupError("this rig has no socket: open it with wired=True")
        return self._served.url

    def _exchange(self, request: WireRequest) -> WireReply | WireFailure:
        exchange: Exchange = self.mock.exchange
        self.world.journal.begun_here.number = 0
        outcome = exchange(request)
        number = self.world.journal.begun_here.number
        arrived = outcome if self.spoil is None else self.spoil(request, outcome)
        with self._wire_lock:
            self.wire.append(WireCall(request, arrived, number, spoiled=arrived != outcome, asked=_asked_for(number)))
        return arrived

    def _hear(self, command: Send, outcome: WireReply | WireFailure) -> None:
        """Keep what came over the socket with its call: the one to this address that has no answer yet. Where there are
        several, nobody can tell which one it was."""
        request, status = command.request, outcome.status if isinstance(outcome, WireReply) else None
        with self._wire_lock:
            known = {one.number for one in self.heard}
            fitting = [
                call.number
                for call in self.received
                if call.number not in known
                and (status is None or call.fault is not None or call.status == status)
                and _is_of(call, request)
            ]
            if len(fitting) == 1:
                self.heard.append(WireCall(request, outcome, fitting[0], asked=_asked_for(fitting[0])))

    async def close(self) -> None:
        """Close sessions and release what is held."""
        self.world.barriers.clear()
        for office in (self._office, *self._further):
            await office.close()
        if self._served is not None:
            self._served.stop()

    # ---- what was left behind

    @property
    def clinic(self) -> Clinic:
        """The clinic's own state, with everything done that is due."""
        return self.world.clinic

    @property
    def shown(self) -> Shown:
        """The clinic as a registry may see it through this vendor."""
        return Shown(self.clinic, self.mock.dialect)

    @property
    def department(self) -> str | None:
        """The department on the connection."""
        return self.fields()["department_id"] or None

    def mark(self) -> Mark:
        """This moment, for `since` and `sent_since`."""
        return Mark(len(self.world.journal), len(self.wire))

    def since(self, mark: Mark) -> tuple[Call, ...]:
        """Calls that the vendor received since then."""
        return self.world.journal.calls[mark.journal :]

    def sent_since(self, mark: Mark) -> tuple[WireCall, ...]:
        """Raw requests since then."""
        return tuple(self.wire[mark.wire :])

    @property
    def received(self) -> tuple[Call, ...]:
        """Every call that the vendor received."""
        return self.world.journal.calls

    def arrived(self, number: int) -> WireReply | WireFailure | None:
        """What reached the adapter in answer to a call of the journal; None where that isn't known."""
        sent = self.sent(number)
        return None if sent is None else sent.outcome

    def sent(self, number: int) -> WireCall | None:
        """The request that a call of the journal was, with what reached the adapter; None where that isn't known."""
        return next((one for one in chain(reversed(self.wire), self.heard) if one.number == number), None)

    def key_went_elsewhere(self) -> str:
        """In a line of its own, where the key came in the calls so far, and where the mock reads it; "" where no call
        was without a key in its place, and where nobody knows."""
        found = self.world.journal.findings
        if not any(one.code == "missing_auth" for _, one in found):
            return ""
        came = sorted({one.where for _, one in found if one.code in ("secret_out_of_place", "secret_in_url")})
        reads = sorted(f"header.{name}" for name in self.mock.dialect.credential_headers)
        return (
            f"\nThe key came in {' and '.join(came) or 'no place of the call'}; the vendor's mock reads it in "
            f"{' or '.join(reads) or 'another'}. Where it goes is said in `auth` (kobling about place-the-key)"
        )

    def asked(self, number: int) -> str:
        """The call of a session that a call of the journal was made for; "" where that isn't known."""
        sent = self.sent(number)
        return "" if sent is None else sent.asked

    def spoiled(self, number: int) -> bool:
        """Whether the suite changed the answer to a call of the journal."""
        return any(one.spoiled for one in self.wire if one.number == number)

    def writing(self, calls: Iterable[Call]) -> tuple[Call, ...]:
        """Those of the calls that can change something, by the vendor's own description."""
        names = {operation.name for operation in self.mock.dialect.operations if operation.writes}
        return tuple(call for call in calls if call.operation in names)

    def appointments(self) -> tuple[Appointment, ...]:
        """Every appointment of the clinic, and those that are accepted and not committed yet."""
        return self.clinic.all_appointments() + self.clinic.accepted_bookings()

    def made_since(self, before: Iterable[Appointment]) -> tuple[Appointment, ...]:
        """Appointments that were not there before, live or not."""
        known = {appointment.id for appointment in before}
        return tuple(appointment for appointment in self.appointments() if appointment.id not in known)

    def vouches(self, made: tuple[Appointment, ...], writes: list[Call]) -> bool:
        """Whether a booking stands: one appointment was made, by a write that the vendor knows."""
        return len(made) == 1 and bool(writes) and writes[-1].operation is not None

    def known(self, slots: Iterable[Slot], first: date, last: date) -> list[Slot]:
        """Those of the slots on these local days that the clinic has open too."""
        return self.shown.known(slots, first, last)

    @property
    def broken(self) -> tuple[str, ...]:
        """What broke in the mock itself, which no adapter may be blamed for."""
        return tuple(self.world.broken)

    @property
    def mock_failures(self) -> tuple[str, ...]:
        """Where the mock itself crashed: nothing that followed says anything of the adapter."""
        return self.world.failures

    def switch_settings(self, name: str) -> Iterator[dict[str, Any]]:
        """Every setting of a switch, as `switches=` takes it; one empty setting where there is no such switch."""
        known = self.world.switches.known
        if name not in known or known[name].number:
            yield {}
            return
        for choice in known[name].choices:
            yield {name: choice}

    def every_setting(self) -> list[dict[str, Any]]:
        """Every setting of every switch, numbers at their highest; delays also with a gateway that does not wait."""
        found: list[dict[str, Any]] = []
        for name, switch in self.world.switches.known.items():
            found += [{name: value} for value in (switch.choices[1:] if switch.number else switch.choices)]
        return found

    @property
    def searches_only(self) -> bool:
        """Whether the vendor tells the first account's key that it may search and not book."""
        return self.mock.dialect.searches_only(self.world.account, self.world.switches)

    def fault(self, operation: str, kind: Any, **more: Any) -> None:
        """Order a fault."""
        self.world.faults.add(Fault(operation=operation, kind=kind, **more))

    # ---- asking and booking

    def today(self) -> date:
        """The clinic's local day."""
        return self.world.clock.now().astimezone(self.tz).date()

    @property
    def tz(self) -> ZoneInfo:
        """The clinic's zone."""
        return ZoneInfo(self.clinic.zone)

    def days(self, count: int = 14, first: int = 0) -> SlotQuery:
        """Everything in `count` days, beginning `first` days from today."""
        start = self.today() + timedelta(days=first)
        return SlotQuery(first_day=start, last_day=start + timedelta(days=count - 1))

    def request(self, slot: Slot, **changes: Any) -> BookingRequest:
        """A booking of a slot for the invented patient."""
        return BookingRequest(**{"slot": slot, "patient": PATIENT, "sak_id": SAK_ID, **changes})

    def open_time(self, slot: Slot) -> OpenSlot | None:
        """The clinic's own record of a slot, None when it shows no such time."""
        return self.shown.time(slot)

    def own(self, wire_id: str) -> str:
        """The clinic's own id of what the vendor calls so; "" where it has nothing of that name."""
        return self.shown.own(wire_id)

    def wire_id(self, own_id: str) -> str:
        """The vendor's id for one of the clinic's, or for one that it never made."""
        return self.shown.wire(own_id)

    def nowhere(self, kind: str) -> str:
        """An id of the vendor's form that stands for nothing."""
        return self.wire_id(synthetic_id("nowhere", kind, "unknown"))

    def our_patients(self) -> frozenset[str]:
        """Everybody on the clinic's file who is the invented patient; some vendors get a new record per booking."""
        return frozenset(
            one.id for one in self.clinic.patients if PATIENT.email == one.email or PATIENT.name == one.name
        )

    def ours(self) -> tuple[Appointment, ...]:
        """The invented patient's live appointments."""
        patients = self.our_patients()
        return tuple(one for one in self.clinic.all_appointments() if one.live and one.patient_id in patients)

    def holds(self, restrictions: Restrictions) -> bool:
        """Whether this vendor's system knows such a restriction of a clinic's."""
        return can_hold(self.mock.dialect, restrictions)

    def told(self, fact: Fact) -> bool:
        """Whether the vendor's wire tells this about a clinic."""
        return fact not in silent_about(self.mock.dialect)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key of every account: none of them may be told."""
        return tuple(key for account in self.world.accounts.values() for key in self.mock.dialect.keys(account))

    @property
    def key(self) -> str:
        """The first account's key."""
        return self.world.account.api_key
