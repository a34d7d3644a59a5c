"""The live target: a vendor's own sandbox, with manners.

Which sandbox is told by environment variables, so that neither a key nor a clinic stays in a shell's history. For the
vendor `my-system`:

    KOBLING_LIVE_MY_SYSTEM_SANDBOX_HOST   the host that is asked, as the person's word that it is a sandbox: without it,
                                          or when another host would be asked, nothing is sent
    KOBLING_LIVE_MY_SYSTEM_API_KEY        and EXTERNAL_ID, DEPARTMENT_ID, BOOKING_URL: the connection's fields
    KOBLING_LIVE_MY_SYSTEM_ORIGIN         the sandbox's address, where it is not the vendor's own
    KOBLING_LIVE_MY_SYSTEM_OPTIONS        what the clinic told the registry, as JSON

Nothing is booked unless a budget of bookings is given. Each booking is marked as a test, stands in the clean-up ledger
before it is sent, and is cancelled when its rule ends; what a crash leaves behind `clean` cancels later.
"""

from __future__ import annotations

import json
import threading
import time
from asyncio import sleep as asyncio_sleep
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from kobling import (
    Adapter,
    AsyncSession,
    Booked,
    Booking,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    Connection,
    KoblingError,
    NotBooked,
    Session,
)
from kobling.adapter import WRITES
from kobling.engine import line_address
from kobling_mocks.clinic import Clock

from .ledger import Entry, Ledger
from .pace import Pace
from .rig import PATIENT, SAK_ID, Rig
from .rule import Rule, TargetKind
from .sides import BeforeWrite, Mode, Side
from .target import Scene, Target, TargetUnavailable
from .trial import Vacuous
from .wirerig import Ground, WireRig, nowhere

__all__ = ["Budget", "Cleaned", "LiveScene", "LiveTarget", "Sandbox", "TEST_MESSAGE", "clean", "pause_of", "variable"]

TEST_MESSAGE = "TEST fra Kobling: kan slettes"
"""What the clinic reads with every booking of the suite's."""
FIELDS = ("external_id", "department_id", "api_key", "booking_url")


def variable(vendor: str, name: str) -> str:
    """The environment variable of one fact about a vendor's sandbox."""
    return f"KOBLING_LIVE_{vendor.upper().replace('-', '_')}_{name.upper()}"


class _SystemTime(Clock):
    """The machine's clock, as rigs want it."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC)


class RealPace(Pace):
    """Time as it really passes: whoever waits, waits."""

    def __init__(self) -> None:
        super().__init__(_SystemTime())

    def monotonic(self) -> float:
        """`time.monotonic()`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.waits.append(seconds)
        time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """`sleep`, awaited."""
        self.waits.append(seconds)
        await asyncio_sleep(seconds)


@dataclass(frozen=True)
class Sandbox:
    """A vendor's sandbox, and how time passes there."""

    fields: Mapping[str, str] = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    origin: str | None = None
    message: str | None = TEST_MESSAGE
    pace: Callable[[], Pace] = RealPace

    @classmethod
    def from_environment(cls, adapter: type[Adapter], environment: Mapping[str, str]) -> Sandbox:
        """The sandbox that the environment names, once its host is found declared. Raises `TargetUnavailable`, which
        names the variable that is missing or wrong and never a value."""

        def told(name: str) -> str:
            return environment.get(variable(adapter.key, name), "")

        fields = {name: told(name) for name in FIELDS if told(name)}
        problem = ""
        try:
            options = json.loads(told("options") or "{}")
        except ValueError:
            problem = f"{variable(adapter.key, 'options')} is not JSON"
        if problem:
            raise TargetUnavailable(problem)
        sandbox = cls(fields, options, told("origin") or None)
        _consented(adapter, sandbox, told("sandbox_host"))
        return sandbox


def _consented(adapter: type[Adapter], sandbox: Sandbox, declared: str) -> None:
    """Raise `TargetUnavailable` unless the host that would be asked is the one that was declared a sandbox."""
    problem = ""
    try:
        accepted = adapter.form.accept(Connection(adapter.key, **sandbox.fields))
        host = urlsplit(line_address(adapter.base_url, accepted.public, sandbox.origin)).hostname or ""
    except KoblingError as error:
        names = error.fields or ("api_key",)
        problem = "set " + ", ".join(variable(adapter.key, name) for name in names)
    if problem:
        raise TargetUnavailable(f"the sandbox's connection is not complete: {problem}")
    if host.lower() != declared.strip().lower():
        name = variable(adapter.key, "sandbox_host")
        raise TargetUnavailable(
            f"{host} would be asked, and it is not declared a sandbox. Only if no real patient can be booked there: "
            f"set {name}={host}"
        )


class Budget:
    """How many bookings a run may make."""

    def __init__(self, bookings: int) -> None:
        self._left = bookings
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """Bookings that may still be made."""
        return self._left

    def take(self) -> None:
        """One booking. Raises `Vacuous` when none is left."""
        with self._lock:
            if self._left <= 0:
                raise Vacuous("the budget of bookings is used up: give a larger one with --allow-writes")
            self._left -= 1


class GuardedSide(Side):
    """A side whose bookings are counted and on the ledger before they are sent, and which cancels only its own."""

    def __init__(
        self, session: Session | AsyncSession, threads: ThreadPoolExecutor, pace: Pace, target: LiveTarget
    ) -> None:
        super().__init__(session, threads, pace)
        self._budget = target.budget
        self._ledger = target.ledger
        self._nobodys = {nowhere(value) for value in target.sandbox.fields.values()}

    async def book(
        self, request: BookingRequest, *, before_write: BeforeWrite | None = None, not_after: datetime | None = None
    ) -> Booking:
        """`Session.book`, once its place in the ledger is on the disk."""
        self._budget.take()

        def on_the_ledger(ready: BookingRequest) -> None:
            self._ledger.about_to_book(ready, self._pace.now())
            if before_write is not None:
                before_write(ready)

        try:
            booking = await super().book(request, before_write=on_the_ledger, not_after=not_after)
        except KoblingError as error:
            if error.effect == "none" and any(one.reference == request.reference for one in self._ledger.open()):
                self._ledger.gone(request.reference, "not booked")
            raise
        self._ledger.stands(request.reference, booking.ref)
        return booking

    async def cancel(self, ref: BookingRef, reason: CancelReason) -> Cancelled:
        """`Session.cancel`, of a booking on the ledger, or of an id that nobody has."""
        reference = self._ledger.reference_of(ref.id)
        if reference is None and ref.id not in self._nobodys:
            raise RuntimeError("the suite would cancel a booking that it did not make")
        cancelled = await super().cancel(ref, reason)
        if reference is not None:
            self._ledger.gone(reference, "cancelled")
        return cancelled

    async def reschedule(self, *_: Any, **__: Any) -> Booking:
        """Not at a sandbox: what a move leaves behind has no line in the ledger."""
        raise RuntimeError("moving is not tried at a sandbox")


@dataclass(frozen=True)
class LiveTarget(Target):
    """An adapter and its vendor's sandbox. budget: bookings that may be made. ledger: where they are kept."""

    sandbox: Sandbox = Sandbox({})
    budget: Budget = field(default_factory=lambda: Budget(0), compare=False)
    ledger: Ledger = field(default_factory=lambda: Ledger(Path("kobling-live.jsonl")), compare=False)
    kind: TargetKind = "live"
    asked: list[datetime] = field(default_factory=list, compare=False)
    """When rigs were opened on the sandbox."""

    def unprovable(self, rule: Rule) -> str | None:
        """Also what needs a booking, where none may be made."""
        return super().unprovable(rule) or self.refuses_writes(rule)

    def refuses_writes(self, rule: Rule) -> str | None:
        """Why a rule that writes may not run; None when it may."""
        if self.budget.left > 0 or not rule.needs & WRITES:
            return None
        return "it books at the sandbox: allow that with --allow-writes"

    def scene(self, rule: Rule, seed: int, mode: Mode) -> Scene:  # noqa: ARG002 - every rule's scene is the same
        """One run at the sandbox."""
        return LiveScene(self, seed, mode)

    def reproduce(self, rule: Rule, seed: int) -> str:
        """The command line that asks the sandbox again."""
        writes = " --allow-writes 5" if rule.needs & WRITES else ""
        return f"kobling certify {self.vendor} --target live{writes} --rule {rule.id} --seed {seed}"


def pause_of(adapter: type[Adapter]) -> float:
    """Seconds between two rigs of an adapter."""
    rate = adapter.limits.rate
    return rate.per if rate is not None else 0.0


class LiveScene(Scene):
    """One run of a rule at a sandbox."""

    def __init__(self, target: LiveTarget, seed: int, mode: Mode) -> None:
        super().__init__(target, seed, mode)
        self._live = target
        self.pace = target.sandbox.pace()

    def pause(self) -> None:
        """Let the time pass in which a vendor counts calls: each rig counts for itself, the vendor counts them all."""
        if self._live.asked:
            self.pace.sleep(pause_of(self.target.adapter))
        self._live.asked.append(self.pace.now())

    def rig(self, clinic: Any, **options: Any) -> Rig:  # noqa: ARG002 - a sandbox has one clinic
        """A rig on the sandbox, once the vendor can be asked again."""
        self.pause()
        return self._rig(options)

    def _rig(self, options: Mapping[str, Any]) -> Rig:
        sandbox = self._live.sandbox
        ground = Ground(
            fields=sandbox.fields,
            options=sandbox.options,
            origin=sandbox.origin,
            pace=self.pace,
            reference=self.reference,
            message=sandbox.message,
            side=self._side,
        )
        return WireRig(ground, options.get("adapter") or self.target.adapter, self.mode)

    def reference(self) -> UUID:
        """A new booking's reference."""
        return uuid4()

    def _side(self, session: Session | AsyncSession, threads: ThreadPoolExecutor, pace: Pace) -> Side:
        return GuardedSide(session, threads, pace, self._live)


# ---- cleaning up


@dataclass(frozen=True)
class Cleaned:
    """What became of one booking that may have stood: `cancelled`, `not booked`, or `person`, when somebody has to look
    at the clinic."""

    entry: Entry
    outcome: Literal["cancelled", "not booked", "person"]
    because: str = ""


async def clean(target: LiveTarget) -> list[Cleaned]:
    """Cancel what the ledger says may stand. A booking whose answer never came is looked for first, by the vendor's own
    means; what can't be found or cancelled stays on the ledger."""
    scene = LiveScene(target, 0, "async")
    rig = scene.rig("demo")
    try:
        return [await _cleaned(rig, target.ledger, entry) for entry in target.ledger.open()]
    finally:
        await rig.close()


async def _cleaned(rig: Rig, ledger: Ledger, entry: Entry) -> Cleaned:
    try:
        ref = entry.ref or await _found(rig, entry)
        if ref is None:
            ledger.gone(entry.reference, "not booked")
            return Cleaned(entry, "not booked")
        if entry.ref is None:
            ledger.stands(entry.reference, ref)
        await rig.session.cancel(ref, CancelReason(by="registry"))
    except _NobodyKnows as unsure:
        return Cleaned(entry, "person", str(unsure))
    except KoblingError as error:
        return Cleaned(entry, "person", error.code)
    return Cleaned(entry, "cancelled")


class _NobodyKnows(Exception):
    """The vendor offers no way to find out whether a booking stands."""


async def _found(rig: Rig, entry: Entry) -> BookingRef | None:
    request = BookingRequest(
        slot=entry.slot,
        patient=PATIENT,
        sak_id=SAK_ID,
        reference=entry.reference,
        patient_id=entry.patient_id,
        message=entry.message,
    )
    resolution = await rig.session.resolve(request, entry.sent_at)
    if isinstance(resolution, Booked):
        return resolution.booking.ref
    if isinstance(resolution, NotBooked):
        return None
    raise _NobodyKnows(type(resolution).__name__)
