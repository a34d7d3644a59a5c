"""After a lost answer: what can be proven, rung by rung, and what only a person can find out. Nothing is sent again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..adapter import lists_by_day
from ..booking import (
    Booked,
    Booking,
    BookingRequest,
    Bookings,
    Evidence,
    NeedsPerson,
    NotBooked,
    Resolution,
    StillUnknown,
    live,
)
from ..clinic import Clinic
from ..commands import Flow
from ..engine import NO_CLOCK
from ..errors import BookedDifferently, KoblingError, OutcomeUnknown, SlotTaken, SlotWithdrawn
from ..shared import UnknownWrite
from .booking import BOOKED
from .comparing import GONE, differences
from .reading import by_reference, day_of, listing
from .searching import verify
from .settling import decide, none_at_the_time, rivals
from .state import State, clinic

PATIENCE = timedelta(hours=1)
"""How long it is worth looking again by itself: where the vendor states no bound on a late commit, or can't be read."""
NEXT_LOOK = timedelta(minutes=5)
WHOLE_SECOND = timedelta(seconds=1)
"""Vendors tell their clock in whole seconds, so that the next look may find it so much further behind ours."""
CLOCKS_APART = timedelta(minutes=2)
"""How far the vendor's clock may be from ours: a booking made longer before our write is not ours."""


@dataclass(slots=True, repr=False)
class _Case:
    """One write to find out about. last_sent: the last moment at which it may have been sent. finished: this process
    saw it through and said so to its caller, so that nothing may be withdrawn any more. began: when this look began;
    what it sees may be as old, since a listing is read in pages and waits for the vendor's budget."""

    state: State
    request: BookingRequest
    sent_at: datetime
    last_sent: datetime
    finished: bool
    began: datetime
    evidence: list[Evidence] = field(default_factory=list)

    def saw(self, looked_at: str, saw: str) -> None:
        facts = {"looked_at": looked_at, "saw": saw, "at": self.state.line.clock.now()}
        self.evidence.append(Evidence.model_validate(facts))

    def person(self, booking: Booking | None = None) -> NeedsPerson:
        return NeedsPerson(evidence=tuple(self.evidence), booking=booking)

    def later(self, moment: datetime | None = None) -> StillUnknown:
        """Look again at that moment, or at once where it passed during this look."""
        now = self.state.line.clock.now()
        return StillUnknown(next_at=max(moment, now) if moment else now + NEXT_LOOK, evidence=tuple(self.evidence))

    def for_a_while(self, moment: datetime | None = None, booking: Booking | None = None) -> Resolution:
        """Worth looking again until patience ends, then a person must."""
        end = self.sent_at + PATIENCE
        if self.state.line.clock.now() >= end:
            return self.person(booking)
        return self.later(min(moment, end) if moment is not None else None)

    def not_booked(self, *, only_same_slot: bool = False) -> NotBooked:
        return NotBooked(evidence=tuple(self.evidence), only_same_slot=only_same_slot)

    def unreadable(self, looked_at: str, error: KoblingError) -> Resolution:
        """The vendor could not be asked: worth trying again for a while, then a person must."""
        self.saw(looked_at, error.code)
        wait = timedelta(seconds=error.retry_after or 0)
        return self.for_a_while(self.state.line.clock.now() + wait if wait else None)


def resolve(state: State, request: BookingRequest, sent_at: datetime) -> Flow[Resolution]:
    """What became of a write that was sent at `sent_at`. Looks, never sleeps, never raises for what it finds, and
    never writes but for the withdrawal that the settle rule owes."""
    state.need("book")
    state.own(request.slot.connection_id, "slot")
    state.aware(sent_at, "sent_at")
    shared, connection_id = state.line.shared, state.connection.id
    case = _case(state, request, sent_at)
    if not shared.begin(connection_id, request.reference):
        case.saw("facts", "under_way")
        return case.later()
    try:
        answer = yield from _answer(case)
        if isinstance(answer, NotBooked):
            shared.clear_unknown(connection_id, request.reference)
        if isinstance(answer, Booked):
            spent = UnknownWrite(BOOKED, case.last_sent)
            shared.mark_unknown(connection_id, request.reference, spent)
        return answer
    finally:
        shared.end(connection_id, request.reference)


def _case(state: State, request: BookingRequest, sent_at: datetime) -> _Case:
    known = state.line.shared.unknown_write(state.connection.id, request.reference)
    began = state.line.clock.now()
    if known is None:
        # Another process sent it: after its hook it may have waited for as long as an operation lasts.
        last_sent = sent_at + timedelta(seconds=state.line.longest("book"))
        return _Case(state, request, sent_at, last_sent, finished=False, began=began)
    finished = known.because == BOOKED
    return _Case(state, request, min(sent_at, known.sent_at), known.sent_at, finished=finished, began=began)


def _answer(case: _Case) -> Flow[Resolution]:
    state = case.state
    try:
        place = yield from clinic(state, urgent=True)
    except KoblingError as error:
        return case.unreadable("facts", error)
    can_list = state.offers("list_bookings") and (place.can is None or "list_bookings" in place.can)
    if can_list and state.line.adapter.limits.booking.reference_in != "nowhere":
        return (yield from _by_reference(case, place))
    if case.finished:
        case.saw("facts", BOOKED)
        return case.person()
    if can_list:
        return (yield from _by_time(case, place))
    return (yield from _by_slot(case))


# ---- by reference


def _by_reference(case: _Case, place: Clinic) -> Flow[Resolution]:
    """The reference, in a complete listing of the days around. Where it stands in the patient's record, the listing can
    only be searched for it by the vendor's id of the patient."""
    state, request = case.state, case.request
    facts = state.line.adapter.limits.booking
    try:
        listed = yield from listing(state, by_reference(request, place), place)
    except KoblingError as error:
        return case.unreadable("listing", error)
    ours = [one for one in listed.found if one.reference == request.reference]
    standing = [one for one in ours if one.status not in GONE]
    if len(standing) > 1:
        case.saw("reference", "several")
        return case.person()
    if standing:
        return (yield from _standing(case, standing[0], place))
    if ours:
        case.saw("reference", ours[0].status)
        return case.not_booked()
    nameless = facts.reference_in == "patient_note" and request.patient_id is None
    case.saw("listing", "patient_not_known" if nameless else "absent" if listed.complete else "incomplete")
    if case.finished:
        case.saw("facts", BOOKED)
        return case.person()
    if _may_be_ours(case, listed):
        case.saw("listing", "unmarked_booking")
        return case.person()
    return _absent(case, proof=listed.complete and not nameless)


def _standing(case: _Case, found: Booking, place: Clinic) -> Flow[Resolution]:
    """A booking with our reference that was neither declined nor cancelled."""
    state, request = case.state, case.request
    fields = state.line.adapter.patient_fields
    wrong = differences(found, request.model_copy(update={"patient": fields.stripped(request.patient)}))
    booking = found.model_copy(update={"asked": request.slot, "verified": wrong in ((), ("status",))})
    if [name for name in wrong if name != "status"]:
        case.saw("reference", "found_elsewhere" if "start" in wrong else "found_changed")
        return case.person(booking)
    if found.status == "unknown":
        case.saw("reference", "found_status_unknown")
        return case.person(booking)
    case.saw("reference", "found")
    if live(found) and state.line.adapter.limits.booking.overlap != "refused":
        unsettled = yield from _settled(case, booking, place)
        if unsettled is not None:
            return unsettled
    return Booked(booking=booking, evidence=tuple(case.evidence))


def _settled(case: _Case, found: Booking, place: Clinic) -> Flow[Resolution | None]:
    """Finish what a crash between booking and settling left open. None when the booking may be kept."""
    state, request = case.state, case.request
    if not lists_by_day(state.line.adapter):
        case.saw("listing", "not_settled")
        return case.person(found)
    try:
        listed = yield from listing(state, day_of(request.slot, place), place)
    except KoblingError as error:
        return case.unreadable("listing", error)
    if case.finished:
        if rivals(found, listed, state.longest_service()):
            case.saw("listing", "overlapped_later")
        return None
    due = _settles_at(case, found)
    if case.began < due:
        case.saw("listing", "not_settled")
        return case.for_a_while(due + WHOLE_SECOND, found)
    if none_at_the_time(state, found.id, listed, case.sent_at - CLOCKS_APART):
        case.saw("listing", "overlapped_later")
        return case.person(found)
    try:
        yield from decide(state, found.id, request, place, listed)
    except SlotTaken:
        case.saw("listing", "withdrawn")
        return case.not_booked()
    except SlotWithdrawn:
        case.saw("listing", "cancelled")
        return case.not_booked()
    except BookedDifferently as error:
        case.saw("listing", "found_changed")
        return case.person(error.booking)
    except OutcomeUnknown as error:
        case.saw("listing", error.because)
        return case.for_a_while(booking=found)
    return None


def _settles_at(case: _Case, found: Booking) -> datetime:
    """When the listing is old enough for the rule: counted from the last moment at which the write may have been sent,
    and by the vendor's own clock where it is known, since the write may have been carried out late."""
    seconds = timedelta(seconds=case.state.line.adapter.limits.booking.settle)
    clocks = case.state.line.vendor_clock
    due = case.last_sent + seconds
    if found.created_at is None or clocks is None or abs(clocks[1] - clocks[0]) > NO_CLOCK:
        return due
    theirs, ours = clocks
    return max(due, found.created_at + (ours - theirs) + seconds + WHOLE_SECOND)


def _may_be_ours(case: _Case, listed: Bookings) -> bool:
    """True for a booking that stands at our time, or may, carries no reference at all and was not made before ours was
    sent: staff may have written its note anew."""
    return any(
        one.status not in GONE
        and one.reference is None
        and one.start in (None, case.request.slot.start)
        and one.practitioner_id in (None, case.request.slot.practitioner_id)
        and (one.created_at is None or one.created_at >= case.sent_at - CLOCKS_APART)
        for one in listed.found
    )


# ---- by the time itself


def _by_time(case: _Case, place: Clinic) -> Flow[Resolution]:
    """Where the vendor keeps no reference: what stands at the time can't be told from another's booking."""
    try:
        listed = yield from listing(case.state, day_of(case.request.slot, place), place)
    except KoblingError as error:
        return case.unreadable("listing", error)
    if _may_be_ours(case, listed):
        case.saw("listing", "unmarked_booking")
        return case.person()
    case.saw("listing", "no_booking_at_the_time" if listed.complete else "incomplete")
    return (yield from _by_slot(case))


def _by_slot(case: _Case) -> Flow[Resolution]:
    """The slot itself. A slot that is gone proves nothing; one that is free proves something only with four facts, and
    not for long: the clinic may have moved the booking meanwhile."""
    try:
        yield from verify(case.state, case.request.slot)
        case.saw("slot", "free")
        free = True
    except (SlotTaken, SlotWithdrawn):
        case.saw("slot", "gone")
        free = False
    except KoblingError as error:
        return case.unreadable("slot", error)
    missing = case.state.line.adapter.limits.booking.unproven()
    for fact in missing:
        case.saw("facts", fact)
    if not free or missing:
        return case.person()
    bound = timedelta(seconds=case.state.line.adapter.limits.booking.latest_commit or 0)
    if case.state.line.clock.now() > case.last_sent + bound + PATIENCE:
        case.saw("facts", "long_ago")
        return case.person()
    return _absent(case, proof=True, only_same_slot=True)


def _absent(case: _Case, *, proof: bool, only_same_slot: bool = False) -> Resolution:
    """Nothing was seen: proven only when the last moment for a late commit had passed before the look began."""
    bound = case.state.line.adapter.limits.booking.latest_commit
    if bound is not None and proof:
        last = case.last_sent + timedelta(seconds=bound)
        return case.not_booked(only_same_slot=only_same_slot) if case.began >= last else case.later(last)
    return case.for_a_while()
