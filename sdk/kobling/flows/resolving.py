"""After a lost answer: what can be proven, rung by rung, and what only a person can find out. Nothing is sent again."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..booking import (
    Booked,
    BookingRequest,
    Evidence,
    NeedsPerson,
    NotBooked,
    Resolution,
    StillUnknown,
    live,
)
from ..clinic import Clinic
from ..commands import Flow
from ..errors import KoblingError, OutcomeUnknown, SlotTaken, SlotWithdrawn
from ..shared import UnknownWrite
from .booking import BOOKED, listing, settle
from .searching import verify
from .state import State, clinic

PATIENCE = timedelta(hours=1)
"""How long an absent booking is worth another look where the vendor states no bound on a late commit."""
NEXT_LOOK = timedelta(minutes=5)


def resolve(state: State, request: BookingRequest, sent_at: datetime) -> Flow[Resolution]:
    """What became of a write that was sent at `sent_at`. Looks, never writes (but for the withdrawal that the settle
    rule owes), never sleeps longer than that rule, never raises for what it finds."""
    state.own(request.slot.connection_id, "slot")
    state.aware(sent_at, "sent_at")
    evidence: list[Evidence] = []
    try:
        place = yield from clinic(state)
    except KoblingError as error:
        return _unreachable(state, error, evidence, "facts")
    if state.offers("list_bookings"):
        answer = yield from _by_listing(state, request, sent_at, place, evidence)
    else:
        answer = yield from _by_slot(state, request, sent_at, evidence)
    if isinstance(answer, NotBooked):
        state.line.shared.clear_unknown(state.connection.id, request.reference)
    if isinstance(answer, Booked):
        spent = UnknownWrite(BOOKED, state.line.clock.now())
        state.line.shared.mark_unknown(state.connection.id, request.reference, spent)
    return answer


def _by_listing(
    state: State, request: BookingRequest, sent_at: datetime, place: Clinic, evidence: list[Evidence]
) -> Flow[Resolution]:
    """The reference, in a complete listing of the practitioner's day."""
    facts = state.line.adapter.limits.booking
    try:
        listed = yield from listing(state, request.slot, place, request)
    except KoblingError as error:
        return _unreachable(state, error, evidence, "listing")
    ours = [one for one in listed.found if one.reference == request.reference]
    standing = [one for one in ours if live(one)]
    if len(standing) > 1:
        _saw(state, evidence, "reference", "several")
        return NeedsPerson(evidence=tuple(evidence))
    if standing:
        _saw(state, evidence, "reference", "found")
        booking = standing[0].model_copy(update={"asked": request.slot, "verified": True})
        if facts.overlap != "refused":
            settled = yield from _settled(state, booking.ref.id, request, place, evidence)
            if settled is not None:
                return settled
        return Booked(booking=booking, evidence=tuple(evidence))
    if ours:
        _saw(state, evidence, "reference", ours[0].status)
        return NotBooked(evidence=tuple(evidence))
    _saw(state, evidence, "listing", "absent" if listed.complete else "incomplete")
    return _absent(state, sent_at, evidence, proof=listed.complete)


def _settled(
    state: State, booking_id: str, request: BookingRequest, place: Clinic, evidence: list[Evidence]
) -> Flow[Resolution | None]:
    """Finish what a crash between booking and settling left open. None when the booking may be kept."""
    try:
        listed = yield from listing(state, request.slot, place)
    except KoblingError as error:
        return _unreachable(state, error, evidence, "listing")
    ours = next((one for one in listed.found if one.id == booking_id), None)
    if ours is None:
        _saw(state, evidence, "listing", "not_visible_yet")
        return StillUnknown(next_at=state.line.clock.now() + NEXT_LOOK, evidence=tuple(evidence))
    try:
        yield from settle(state, ours, request, place)
    except SlotTaken:
        _saw(state, evidence, "listing", "withdrawn")
        return NotBooked(evidence=tuple(evidence))
    except OutcomeUnknown as error:
        _saw(state, evidence, "listing", error.because)
        return StillUnknown(next_at=state.line.clock.now() + NEXT_LOOK, evidence=tuple(evidence))
    return None


def _by_slot(state: State, request: BookingRequest, sent_at: datetime, evidence: list[Evidence]) -> Flow[Resolution]:
    """The slot itself. A slot that is gone proves nothing; one that is free proves something only with four facts."""
    try:
        yield from verify(state, request.slot)
        _saw(state, evidence, "slot", "free")
        free = True
    except (SlotTaken, SlotWithdrawn):
        _saw(state, evidence, "slot", "gone")
        free = False
    except KoblingError as error:
        return _unreachable(state, error, evidence, "slot")
    missing = _missing_facts(state)
    for fact in missing:
        _saw(state, evidence, "facts", fact)
    if not free or missing:
        return NeedsPerson(evidence=tuple(evidence))
    return _absent(state, sent_at, evidence, proof=True, only_same_slot=True)


def _missing_facts(state: State) -> tuple[str, ...]:
    """What would have to be known for a free slot to be a proof."""
    facts = state.line.adapter.limits.booking
    table = (
        ("not_known_to_be_sync", facts.mode != "sync" or "mode" in facts.inferred),
        ("not_known_to_refuse_overlaps", facts.overlap != "refused" or "overlap" in facts.inferred),
        ("not_known_to_search_live", facts.live_search is not True or "live_search" in facts.inferred),
        ("no_bound_on_a_late_commit", facts.latest_commit is None),
    )
    return tuple(word for word, missing in table if missing)


def _absent(
    state: State, sent_at: datetime, evidence: list[Evidence], *, proof: bool, only_same_slot: bool = False
) -> Resolution:
    """Nothing was seen: proven only when the last moment for a late commit has passed."""
    bound = state.line.adapter.limits.booking.latest_commit
    now = state.line.clock.now()
    if bound is not None and proof:
        last = sent_at + timedelta(seconds=bound)
        if now >= last:
            return NotBooked(evidence=tuple(evidence), only_same_slot=only_same_slot)
        return StillUnknown(next_at=last, evidence=tuple(evidence))
    if now < sent_at + PATIENCE:
        return StillUnknown(next_at=now + NEXT_LOOK, evidence=tuple(evidence))
    return NeedsPerson(evidence=tuple(evidence))


def _unreachable(state: State, error: KoblingError, evidence: list[Evidence], looked_at: str) -> StillUnknown:
    _saw(state, evidence, looked_at, error.code)
    wait = timedelta(seconds=error.retry_after) if error.retry_after else NEXT_LOOK
    return StillUnknown(next_at=state.line.clock.now() + wait, evidence=tuple(evidence))


def _saw(state: State, evidence: list[Evidence], looked_at: str, saw: str) -> None:
    evidence.append(Evidence.model_validate({"looked_at": looked_at, "saw": saw, "at": state.line.clock.now()}))
