"""A rig without a clinic behind it: recorded answers, or a vendor's sandbox. All that is known is what went over the
wire; a rule that asks for the timebook, the journal or a fault has no business here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NoReturn
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from kobling import Adapter, BookingRequest, CancelReason, Connection, KoblingError, Slot, WireFailure, WireReply
from kobling.commands import Send
from kobling_mocks import Call, World
from kobling_mocks.clinic import Appointment, Clinic
from kobling_mocks.dialect import Account

from .pace import Pace
from .rig import PATIENT, SAK_ID, Mark, Rig, WireCall
from .sides import Escaped, MakeSide, Mode, Office, Side
from .timebook import Shown

__all__ = ["Ground", "NoTimebook", "WireRig", "nowhere"]

ZONE = ZoneInfo("Europe/Oslo")
"""Where every vendor's clinics are; decides only which days are asked for."""


class NoTimebook(RuntimeError):
    """A rule that is marked for this target asked for what only a mock has. A defect of the rule."""


@dataclass(frozen=True)
class Ground:
    """What a wire rig stands on.

    fields: the connection's, the key among them. options: what the clinic told the registry. origin: the address asked
    instead of the vendor's own. pace: time there. reference: gives the next booking's. message: a text for the clinic
    that goes with every booking. side: makes the session's side.
    """

    fields: Mapping[str, str] = field(repr=False)
    options: Mapping[str, Any]
    origin: str | None
    pace: Pace
    reference: Callable[[], UUID]
    message: str | None = None
    side: MakeSide = Side


class WireRig(Rig):
    """A connection of the adapter under test to something whose inside nobody sees."""

    def __init__(self, ground: Ground, adapter: type[Adapter], mode: Mode) -> None:
        self.adapter = adapter
        self.mode = mode
        self.ground = ground
        self.pace = ground.pace
        self.wire: list[WireCall] = []
        self._calls: list[Call] = []
        self._sides: list[Side] = []
        self._writes: set[int] = set()
        self.searched = Mark(0, 0)
        self._wire_lock = threading.Lock()
        self._office = Office(adapter, mode, ground.pace, origin=ground.origin, heard=self._hear, make=ground.side)
        self.session = self.connect()

    def _hear(self, command: Send, outcome: WireReply | WireFailure) -> None:
        request = command.request
        status = outcome.status if isinstance(outcome, WireReply) else None
        done = command.write and status is not None and 200 <= status < 300
        with self._wire_lock:
            number = len(self.wire) + 1
            self.wire.append(WireCall(request, outcome))
            self._calls.append(
                Call(
                    number,
                    self.pace.now(),
                    f"{request.method} {'write' if command.write else 'read'}",
                    None,
                    request.method,
                    urlsplit(request.url).path,
                    status=status,
                    effect="done" if done else "none",
                )
            )
            if command.write:
                self._writes.add(number)

    # ---- connecting

    def fields(self, account: Account | None = None, **fields: str) -> dict[str, str]:
        """The connection's fields, with some replaced; "" leaves one out."""
        if account is not None:
            _no("another clinic's account")
        return {**self.ground.fields, **fields}

    def connect(self, account: Account | None = None, /, **fields: str) -> Side:
        """A session on the connection, with some fields replaced."""
        connection = Connection(self.adapter.key, **self.fields(account, **fields))
        side = self._office.side(connection, options=dict(self.ground.options) or None)
        self._sides.append(side)
        return side

    @property
    def places(self) -> tuple[str, ...]:
        """The connection's own department, where it has one: nobody else says which there are."""
        return tuple(filter(None, [self.ground.fields["department_id"]]))

    async def close(self) -> None:
        """Cancel the bookings that still stand, and close sessions. A recording is played to the same end."""
        for side in self._sides:
            for ref in tuple(side.standing.values()):
                with suppress(KoblingError, Escaped):  # it stays on the ledger
                    await side.cancel(ref, CancelReason(by="registry"))
        await self._office.close()

    # ---- what was left behind

    def mark(self) -> Mark:
        """This moment."""
        return Mark(len(self._calls), len(self.wire))

    @property
    def received(self) -> tuple[Call, ...]:
        """Everything that was sent, as calls."""
        return tuple(self._calls)

    def sent(self, number: int) -> None:
        """Nothing: nobody knows who is named in the answer of a system that isn't ours, so no report shows it."""

    def key_went_elsewhere(self) -> str:
        """Nothing: where such a system reads the key is not known."""
        return ""

    def since(self, mark: Mark) -> tuple[Call, ...]:
        """What was sent since then, as calls."""
        return tuple(self._calls[mark.journal :])

    def writing(self, calls: Iterable[Call]) -> tuple[Call, ...]:
        """Those that were sent as writes."""
        return tuple(call for call in calls if call.number in self._writes)

    def appointments(self) -> tuple[Appointment, ...]:
        """None: nobody sees the timebook."""
        return ()

    def vouches(self, made: tuple[Appointment, ...], writes: list[Call]) -> bool:
        """A booking is vouched for by the answer to its write."""
        return not made and bool(writes)

    def known(self, slots: Iterable[Slot], first: date, last: date) -> list[Slot]:
        """All of them that lie on these days: nobody else can say."""
        return [slot for slot in slots if first <= slot.local_start.date() <= last]

    def switch_settings(self, name: str) -> Iterator[dict[str, Any]]:  # noqa: ARG002 - a real system has one setting
        """One empty setting."""
        yield {}

    @property
    def broken(self) -> tuple[str, ...]:
        """Nothing: a system that isn't ours is never called unsound."""
        return ()

    @property
    def mock_failures(self) -> tuple[str, ...]:
        """None: there is no mock."""
        return ()

    # ---- asking and booking

    def today(self) -> date:
        """The local day."""
        return self.pace.now().astimezone(ZONE).date()

    @property
    def tz(self) -> ZoneInfo:
        """The zone in which days are asked for."""
        return ZONE

    def request(self, slot: Slot, **changes: Any) -> BookingRequest:
        """A booking of a slot for the invented patient, marked as a test where this target wants that."""
        told = {"reference": self.ground.reference(), "message": self.ground.message}
        return BookingRequest(**{"slot": slot, "patient": PATIENT, "sak_id": SAK_ID, **told, **changes})

    def nowhere(self, kind: str) -> str:
        """An id of the same form as the connection's own that stands for nothing."""
        return nowhere(self.fields()["department_id" if kind == "department" else "external_id"])

    @property
    def keys(self) -> tuple[str, ...]:
        """The connection's key, which is the only one here."""
        return (self.key,)

    @property
    def key(self) -> str:
        """The connection's key."""
        return self.ground.fields["api_key"]

    # ---- what only a mock has

    @property
    def clinic(self) -> Clinic:
        """Raises `NoTimebook`."""
        _no("the clinic")

    @property
    def shown(self) -> Shown:
        """Raises `NoTimebook`."""
        _no("the timebook")

    @property
    def world(self) -> World:  # type: ignore[override] # read only here
        """Raises `NoTimebook`."""
        _no("the world")

    def fault(self, *_: Any, **__: Any) -> None:
        """Raises `NoTimebook`."""
        _no("a fault")


def _no(what: str) -> NoReturn:
    raise NoTimebook(f"{what} can't be had here: this rule is provable on a mock only")


def nowhere(like: str) -> str:
    """An invented id of the same form, which no vendor gives away: the same for every id of that form, so that a
    recording and its playing ask for the same."""
    if len(like) == 36 and like.count("-") == 4:
        return "00000000-0000-4000-8000-000000000000"
    if like.isdecimal():
        low = 10 ** (max(len(like), 6) - 1)
        return str(low + (1 - low) % 97)
    return "zq0000000000"
