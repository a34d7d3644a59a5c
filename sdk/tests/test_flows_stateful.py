"""Whatever happens in whatever order, to vendors of every kind: one appointment for a booking, and nobody misled.

Each example is one vendor with facts of its own, and a sequence of bookings, moves, cancels, lost answers, late
commits, staff at work, time passing, and processes that end. What the vendor then holds is compared with what the
caller was told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from full_vendor import FIRST, FullVendor, SagaVendor, Vendor, World, connect, request
from kobling import (
    Adapter,
    Booked,
    Booking,
    BookingFacts,
    BookingQuery,
    BookingRequest,
    CancelReason,
    ErrorMap,
    KoblingError,
    Limits,
    NotBooked,
    OutcomeUnknown,
    PatientLimitReached,
    RescheduleHalfDone,
    ResolveFirst,
    Slot,
    SlotLimits,
    SlotQuery,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling.testing import reply

LATEST_COMMIT = 60
LOST = WireFailure("read")
FATES = st.builds(
    lambda number, fate: ["answered"] * number + [fate],
    st.integers(0, 2),
    st.sampled_from(("answered", "lost after", "lost before", "lost and late", "503 after", "refused", "never left")),
)
"""What becomes of an operation's writes: one of the first three meets a fate of its own."""
MOST = 8
"""Attempts of one example: the vendor's twelve times do not run out."""
NUMBER = st.integers(0, 11)
BLIND = st.sampled_from((0, 0, 0, 0, 0, 1, 2))


@dataclass
class Clinic(Vendor):
    """A vendor whose next writes meet their fates, with staff that works in its timebooks."""

    limit: bool = False
    fates: list[str] = field(default_factory=list)
    blind_reads: int = 0
    late: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    posts: dict[str, int] = field(default_factory=dict)

    def commit_what_is_due(self) -> None:
        for due, body in list(self.late):
            if due <= self.clock.now():
                self.late.remove((due, body))
                super()._book(body)

    def __call__(self, one: WireRequest) -> WireReply | WireFailure:
        self.commit_what_is_due()
        if one.method == "GET" and self.blind_reads and "bookings" in one.url:
            self.blind_reads -= 1
            return reply(500)
        return super().__call__(one)

    def _answer(self, method: str, path: list[str], query: dict[str, list[str]], body: Any) -> Any:
        if method == "GET":
            return super()._answer(method, path, query, body)
        fate = self.fates.pop(0) if self.fates else "answered"
        if fate == "never left":
            return WireFailure("tls")
        if method == "POST":
            self.posts[body["reference"]] = self.posts.get(body["reference"], 0) + 1
        if fate == "refused":
            return reply(400, json={})
        if fate == "lost before":
            return LOST
        if fate == "lost and late" and method == "POST":
            self.late.append((self.clock.now() + timedelta(seconds=LATEST_COMMIT - 10), body))
            return LOST
        done = self._carried_out(method, path, query, body)
        return done if fate == "answered" else reply(503) if fate == "503 after" else LOST

    def _carried_out(self, method: str, path: list[str], query: dict[str, list[str]], body: Any) -> WireReply:
        if method == "POST" and self.limit and self.standing():
            return reply(409, json={"code": "LIMIT"})
        row = self.rows.get(path[1]) if method == "DELETE" else None
        if row is not None:
            if row["status"] == "cancelled":
                return reply(400, json={})
            self.deleted.append(row["id"])
        return super()._answer(method, path, query, body)

    def of(self, reference: UUID) -> list[dict[str, Any]]:
        """The rows that were made under a reference, whatever their note says now."""
        return [row for row in self.rows.values() if row.get("made_under", row.get("reference")) == str(reference)]


def kind(*, overlap: str, listing: bool, reading: bool, marked: bool, in_one_step: bool) -> type[Adapter]:
    """An adapter for a vendor with these abilities."""
    base = FullVendor if in_one_step and overlap == "refused" else SagaVendor
    facts = BookingFacts(
        mode="sync", overlap=overlap, reference_in="field" if marked else "nowhere", live_search=True,  # type: ignore[arg-type]
        settle=5 if overlap == "accepted" else 0, latest_commit=LATEST_COMMIT, sources={"latest_commit": "a test"},
    )  # fmt: skip
    limits = Limits(slots=SlotLimits(days=3), booking=facts, reschedule_within=frozenset({"practitioner", "service"}))
    more: dict[str, Any] = {} if listing else {"list_bookings": Adapter.list_bookings}
    if not marked and listing:

        async def list_bookings(self: Any, http: Any, query: BookingQuery) -> Any:
            return [row.model_copy(update={"reference": None}) for row in await base.list_bookings(self, http, query)]

        more["list_bookings"] = list_bookings
    if not reading:
        more["get_booking"] = Adapter.get_booking
    errors = ErrorMap({**base.errors.codes, "LIMIT": PatientLimitReached}, code="/code")
    return type("Kind", (base,), {"key": "kind", "contract": 1, "limits": limits, "errors": errors, **more})


@dataclass
class Attempt:
    """One request, and what its caller knows of it."""

    wanted: BookingRequest
    sent_at: datetime | None = None
    writes_allowed: int = 1
    told: str = "nothing"
    booking: Booking | None = None


class Registry(RuleBasedStateMachine):
    """A registry, a vendor, its staff, and the time."""

    @initialize(
        overlap=st.sampled_from(["refused", "accepted"]), listing=st.booleans(), reading=st.booleans(),
        marked=st.booleans(), in_one_step=st.booleans(), limit=st.booleans(),
    )  # fmt: skip
    def open(self, overlap: str, listing: bool, reading: bool, marked: bool, in_one_step: bool, limit: bool) -> None:
        accepted = overlap == "accepted"
        self.marked = marked or accepted
        self.found_wherever_it_stands = self.marked and (listing or accepted)
        self.kind = kind(
            overlap=overlap, listing=listing or accepted, reading=reading, marked=self.marked, in_one_step=in_one_step
        )
        self.vendor = Clinic(accepts_overlap=accepted, limit=limit)
        self.world: World = connect("sync", self.kind, vendor=self.vendor)
        self.returned: set[str] = set()
        self.given_up: set[str] = set()
        self.all: list[Attempt] = []

    def call(self, work: Callable[[Any], Any], world: World | None = None) -> Any:
        """The result of a session's method, or its error, whose effect is its kind's; nothing else may come out."""
        try:
            return (world or self.world).run(work)
        except KoblingError as error:
            assert (error.effect == "unknown") is isinstance(error, OutcomeUnknown)
            return error
        finally:
            self.vendor.fates.clear()
            self.vendor.blind_reads = 0

    def hook(self, attempt: Attempt) -> Callable[[BookingRequest], None]:
        def note(one: BookingRequest) -> None:
            attempt.sent_at = self.vendor.clock.now()

        return note

    def some(self, wanted: Callable[[Attempt], Any]) -> list[Attempt]:
        return [one for one in self.all if wanted(one)]

    def pick(self, number: int, wanted: Callable[[Attempt], Any]) -> Attempt:
        found = self.some(wanted)
        return found[number % len(found)]

    def slot(self, number: int) -> Slot:
        query = SlotQuery(first_day=FIRST, last_day=FIRST + timedelta(days=2))
        found = self.world.run(lambda session: session.slots(query)).found
        slot: Slot = found[number % len(found)]
        return slot

    def live(self, reference: UUID) -> list[str]:
        return [row["id"] for row in self.vendor.of(reference) if row["status"] == "booked"]

    # ---- what the caller does

    @precondition(lambda self: len(self.all) < MOST)
    @rule(number=NUMBER, fates=FATES, blind=BLIND)
    def book(self, number: int, fates: list[str], blind: int) -> None:
        attempt = Attempt(request(self.slot(number)))
        self.all.append(attempt)
        self._book(attempt, fates, blind)

    @precondition(lambda self: self.some(lambda one: one.told == "none"))
    @rule(number=NUMBER, fates=FATES)
    def book_what_was_not_booked(self, number: int, fates: list[str]) -> None:
        self._book(self.pick(number, lambda one: one.told == "none"), fates, 0)

    @precondition(lambda self: self.some(lambda one: one.told not in ("none", "nothing")))
    @rule(number=NUMBER)
    def book_what_is_spent(self, number: int) -> None:
        self._book(self.pick(number, lambda one: one.told not in ("none", "nothing")), [], 0)

    def _book(self, attempt: Attempt, fates: list[str], blind: int) -> None:
        reference, known = attempt.wanted.reference, attempt.told
        posts = self.vendor.posts.get(str(reference), 0)
        self.vendor.fates, self.vendor.blind_reads = list(fates), blind
        found = self.call(lambda s: s.book(attempt.wanted, before_write=self.hook(attempt)))
        sent = self.vendor.posts.get(str(reference), 0) - posts
        if isinstance(found, ResolveFirst):
            assert known in ("booked", "unknown", "differs"), f"blocked although told {known}"
            assert sent == 0
            return
        assert known in ("nothing", "none"), f"sent again although told {known}"
        assert sent <= 1
        self._learn(attempt, found)

    def _learn(self, attempt: Attempt, found: Any) -> None:
        reference = attempt.wanted.reference
        if isinstance(found, Booking):
            attempt.told, attempt.booking = "booked", found
            assert self.live(reference) == [found.id]
            self.returned.add(found.id)
        elif found.effect == "none":
            attempt.told = "none"
            assert not self.live(reference)
            assert not self._may_come(reference)
        else:
            attempt.told = "unknown" if found.effect == "unknown" else "differs"

    def _may_come(self, reference: UUID) -> bool:
        return any(body["reference"] == str(reference) for _, body in self.vendor.late)

    @precondition(lambda self: self.some(lambda one: one.told == "unknown"))
    @rule(number=NUMBER, elsewhere=st.booleans(), blind=BLIND, fates=FATES)
    def resolve(self, number: int, elsewhere: bool, blind: int, fates: list[str]) -> None:
        self._resolve(self.pick(number, lambda one: one.told == "unknown"), elsewhere, blind, fates)

    @precondition(lambda self: self.some(lambda one: one.told in ("booked", "differs")))
    @rule(number=NUMBER, fates=FATES)
    def resolve_what_was_told(self, number: int, fates: list[str]) -> None:
        self._resolve(self.pick(number, lambda one: one.told in ("booked", "differs")), False, 0, fates)

    def _resolve(self, attempt: Attempt, elsewhere: bool, blind: int, fates: list[str]) -> None:
        if attempt.sent_at is None:
            return
        sent_at = attempt.sent_at
        self.vendor.fates, self.vendor.blind_reads = fates, blind
        other = connect("sync", self.kind, vendor=self.vendor) if elsewhere else None
        found = self.call(lambda s: s.resolve(attempt.wanted, sent_at), other)
        assert not isinstance(found, KoblingError)
        reference = attempt.wanted.reference
        if isinstance(found, Booked):
            row = self.vendor.rows[found.booking.id]
            assert row["status"] in ("booked", "attended")
            assert row["start"] == attempt.wanted.slot.start.isoformat()
            self.returned.add(found.booking.id)
            if not elsewhere:
                attempt.told, attempt.booking = "booked", found.booking
        if isinstance(found, NotBooked):
            assert not [row for row in self.vendor.of(reference) if row["status"] != "cancelled"]
            assert not self._may_come(reference)
            if not elsewhere:
                attempt.told = "none"

    @precondition(lambda self: self.some(lambda one: one.booking))
    @rule(number=NUMBER, fates=FATES)
    def cancel(self, number: int, fates: list[str]) -> None:
        booking = self.pick(number, lambda one: one.booking).booking
        assert booking is not None
        ref = booking.ref
        self.given_up.add(ref.id)
        self.vendor.fates = list(fates)
        found = self.call(lambda s: s.cancel(ref, CancelReason(by="patient")))
        if not isinstance(found, KoblingError):
            assert self.vendor.rows[ref.id]["status"] != "booked"

    @precondition(lambda self: len(self.all) < MOST and self.some(lambda one: one.booking))
    @rule(number=NUMBER, to=NUMBER, same_time=st.booleans(), gap=st.booleans(), fates=FATES,
          blind=BLIND)  # fmt: skip
    def reschedule(self, number: int, to: int, same_time: bool, gap: bool, fates: list[str], blind: int) -> None:
        attempt = self.pick(number, lambda one: one.booking)
        old = attempt.booking
        assert old is not None
        stood = self.vendor.rows[old.id]["status"] == "booked"
        moved = Attempt(request(attempt.wanted.slot if same_time else self.slot(to)))
        self.all.append(moved)
        self.given_up.add(old.id)
        self.vendor.fates, self.vendor.blind_reads = list(fates), blind
        found = self.call(lambda s: s.reschedule(old.ref, moved.wanted, allow_gap=gap, before_write=self.hook(moved)))
        stands = self.vendor.rows[old.id]["status"] == "booked"
        new = self.live(moved.wanted.reference)
        if isinstance(found, Booking):
            assert [found.id] == (new or [old.id])
            assert stands is (found.id == old.id)
            self.returned.add(found.id)
            if found.id == old.id:
                attempt.booking, moved.sent_at = found, None
            else:
                moved.told, moved.booking = "booked", found
            return
        if stood and not stands and not new:
            assert isinstance(found, OutcomeUnknown) or (
                isinstance(found, RescheduleHalfDone) and found.because in ("old_cancelled", "old_unknown")
            ), "the patient lost the time and was not told"
        if found.effect == "none":
            assert stands is stood
            assert not new
            assert not self._may_come(moved.wanted.reference)
            moved.told = "none"
        elif isinstance(found, OutcomeUnknown):
            moved.told = "unknown" if found.reference is not None else "none"
        elif isinstance(found, RescheduleHalfDone):
            moved.told, moved.booking = ("booked", found.new) if found.new is not None else ("none", None)
        else:  # the vendor's own move leaves the new reference unused
            moved.told = "differs" if str(moved.wanted.reference) in self.vendor.posts else "none"

    # ---- what staff and time do

    @precondition(lambda self: self.all)
    @rule(number=NUMBER, act=st.sampled_from(["cancel", "move", "other day", "other book", "came", "new note"]))
    def staff(self, number: int, act: str) -> None:
        attempt = self.all[number % len(self.all)]
        for row in self.vendor.of(attempt.wanted.reference):
            untouched = "made_under" not in row and row["start"] == attempt.wanted.slot.start.isoformat()
            # Where a reference can't be looked for, the slot is all there is to see; see docs/why/lost-answers.md.
            if row["status"] != "booked" or not untouched:
                continue
            if act != "cancel" and not self.found_wherever_it_stands:
                continue
            if act == "cancel":
                row["status"] = "cancelled"
                self.given_up.add(row["id"])
            elif act == "came":
                row["status"] = "attended"
            elif act == "new note":
                row |= {"made_under": row["reference"], "reference": None}
            elif act == "other book":
                row["who"] = "b" if row["who"] == "a" else "a"
            else:
                shift = timedelta(hours=3) if act == "move" else timedelta(days=4)
                for name in ("start", "end"):
                    row[name] = (datetime.fromisoformat(row[name]) + shift).isoformat()

    @precondition(lambda self: self.all)
    @rule(number=NUMBER)
    def double_book(self, number: int) -> None:
        if len(self.vendor.standing()) > MOST:
            return
        slot = self.all[number % len(self.all)].wanted.slot
        self.vendor.add(who=slot.practitioner_id, start=slot.start.isoformat(), end=slot.end.isoformat())

    @rule(seconds=st.sampled_from([1, 30, 90, 3500, 7200]))
    def time_passes(self, seconds: int) -> None:
        self.vendor.clock.advance(seconds)
        self.vendor.commit_what_is_due()

    # ---- what always holds

    @invariant()
    def one_booking_has_one_appointment(self) -> None:
        for attempt in getattr(self, "all", ()):
            assert len(self.live(attempt.wanted.reference)) <= 1

    @invariant()
    def what_was_returned_is_withdrawn_by_nobody_but_its_caller(self) -> None:
        if hasattr(self, "vendor"):
            assert not (self.returned & set(self.vendor.deleted)) - self.given_up


Registry.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=20,
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestWhateverHappens = Registry.TestCase
