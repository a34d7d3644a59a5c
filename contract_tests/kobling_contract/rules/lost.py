"""BOOK: answers that are lost on the way, and what can be found out of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NoReturn
from uuid import uuid4

from kobling import (
    Booked,
    BookingQuery,
    BookingRequest,
    InvalidRequest,
    NeedsPerson,
    NotBooked,
    Resolution,
    ResolveFirst,
    Slot,
    StillUnknown,
    find_tags,
)
from kobling_mocks import Call
from kobling_mocks.clinic import Appointment, BookingOrder, PatientDetails, Refusal, VisitingAddress

from ..decided import decided
from ..gaps import gap
from ..no_page import NO_PAGE, answers_without_a_word
from ..outcome import unknown
from ..rig import Rig
from ..timebook import apart
from ..trial import Trial
from ..wording import loss_told, setting_told, some, times_needed
from .booking import (
    BOOK,
    CERTAIN,
    LIVE_STATES,
    LOST_AFTER,
    LOST_BEFORE,
    NEEDS,
    let_the_patient_come,
    seen_by,
    settings_where,
    take,
    texts_of,
    unread_afterwards,
)
from .slots import fault_details

LOST_CAUSES = {
    "resent": "The booking was sent again after its answer was lost. Book with one http.post or http.put, and let its "
    "error out.",
    "told_booked": "The caller was told that the booking stands, although the answer does not say so.",
    "told_not_booked": "The caller was told that nothing happened, although a byte of the booking had left. Only a "
    "listed refusal of the vendor's is certain.",
    "two_made": "More than one appointment stands in the timebook.",
    "booked_again": "After a lost answer the same booking, under the same reference, must be refused by ResolveFirst "
    "and not be sent: it is looked for first.",
    "same_reference": "The vendor refuses a reference that it has already, and the caller is told that nothing is "
    "booked and to choose another time: they would be booked twice. List that code in ErrorMap as "
    'Refusal(ResolveFirst, "already_booked").',
}
LOST_LOOKS = {
    "resent": "book: one http.post, in no loop, and no `except` around it.",
    "two_made": "book: one http.post, in no loop, and no `except` around it.",
    "told_booked": "book: the Booking is made of what the answer says; where an id or a status is missing, let the "
    "error out.",
    "told_not_booked": "book: what is caught around http.post; ErrorMap: a status that a gateway may send refuses "
    "nothing.",
    "booked_again": "The SDK refuses it from the reference alone: look at what the adapter changes of a request, and "
    "at what it sends outside of book.",
    "same_reference": "ErrorMap.code and ErrorMap.codes: the vendor's code for a reference that it has already.",
}


@BOOK.rule(
    8,
    "A booking whose answer is lost is unknown: sent once, at most one appointment, and not sent again",
    why='A resend books the patient twice; a false "failed" makes them book elsewhere too.',
    check="book: what is caught, and every default for a missing id or status.",
    control="The same booking without a fault stands in the timebook of a twin clinic.",
    source=CERTAIN,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes=LOST_CAUSES,
    look=LOST_LOOKS,
    driver=True,
    safety=True,
)
async def _lost_answers(trial: Trial) -> None:
    control = trial.rig()
    write = (await trial.booked(control)).write
    unknowns = 0
    for when, kinds in (("before_commit", LOST_BEFORE), ("after_commit", LOST_AFTER)):
        for kind in kinds:
            rig = trial.rig()
            slot, *_ = await trial.open_times(rig)
            more: dict[str, Any] = {"seconds": 60.0} if kind == "slow" else dict(fault_details(kind))
            rig.fault(write, kind, when=when, times=0, **more)
            mark, before, request = rig.mark(), rig.appointments(), rig.request(slot)
            outcome = await trial.outcome(rig.session.book(request))
            calls, what = [call for call in rig.since(mark) if call.operation == write], loss_told(kind, when)
            trial.need(tuple(calls), f"no write reached the vendor, {what}")
            made = rig.made_since(before)
            trial.claim(len(calls) <= 1, "resent", expected=f"1 write ({what})", got=f"{len(calls)} writes",
                        calls=calls)  # fmt: skip
            trial.claim(len(made) <= 1, "two_made", expected=f"at most 1 appointment ({what})",
                        got=f"{len(made)} appointments", calls=calls)  # fmt: skip
            expected = f"OutcomeUnknown ({what})"
            trial.claim(outcome.error is not None, "told_booked", expected=expected, got=outcome, calls=calls)
            trial.claim(unknown(outcome), "told_not_booked", expected=expected, got=outcome, calls=calls)
            unknowns += 1
            rig.world.faults.clear()
            mark = rig.mark()
            again = await trial.outcome(rig.session.book(request))
            trial.claim(
                isinstance(again.error, ResolveFirst) and not rig.writing(rig.since(mark)),
                "booked_again",
                expected=f"ResolveFirst and no write for the same booking again ({what})",
                got=f"{again}; writes: {len(rig.writing(rig.since(mark)))}",
                calls=rig.since(mark),
            )
    trial.saw(f"{unknowns} lost answers, one write each, at most one appointment each, all unknown")
    await _sent_again_by_another(trial)


async def _sent_again_by_another(trial: Trial) -> None:
    """A caller who knows nothing of the first booking, which stands, sends it again under the same reference, for
    another time: a vendor that knows references refuses it for nothing else, since under a new one it is taken."""
    rig = trial.rig()
    slots = await trial.open_times(rig)
    made = await trial.booked(rig, slots[0])
    other = next((one for one in slots[1:] if apart(one, slots[0]) and rig.open_time(one) is not None), None)
    free = trial.need(other, times_needed(rig, "a second one that shares no time with the first", slots))
    another = rig.colleague()
    before, mark = rig.appointments(), rig.mark()
    again = made.request.model_copy(update={"slot": free})
    outcome = await trial.outcome(another.book(again))
    calls = rig.writing(rig.since(mark))
    if rig.made_since(before):
        trial.saw("the vendor itself takes two bookings under one reference")
        return
    fresh = await trial.outcome(another.book(rig.request(free)))
    if fresh.error is not None:
        trial.saw(f"whether the vendor knows a reference again can't be told: under a new one {fresh}")
        return
    certain = outcome.error is not None and outcome.error.effect == "none"
    honest = not certain or isinstance(outcome.error, ResolveFirst)
    expected = "ResolveFirst (or OutcomeUnknown): the first booking stands under this reference"
    trial.claim(honest, "same_reference", expected=expected, got=decided(rig, outcome, calls), calls=calls)
    trial.saw(f"the same reference again, while the first booking stands: told as {outcome}")


@BOOK.rule(
    9,
    "After a lost answer `resolve` says booked or not booked only when that is so, and never writes",
    why='A false "booked" sends a patient to a closed door, a false "not booked" books twice.',
    check="BookingFacts: every fact must be known, and `latest_commit` needs a source; list_bookings must be complete.",
    control="The same booking without a fault stands in the timebook of a twin clinic.",
    source="the contract: resolve gives evidence; a slot that is gone proves nothing",
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "false_booked": "`resolve` says that the booking stands, but it is not in the timebook.",
        "false_not_booked": "`resolve` says that the booking does not stand, but it is in the timebook, or comes "
        "later: BookingFacts.latest_commit says how late it may come, as `gives_up_after` does in the mock.",
        "wrote": "`resolve` sent a write.",
        "not_found": "The booking stands, and `reference_in` says where its reference is, but `list_bookings` does not "
        "give it as `Booking.reference`, so that nobody can find it again.",
        "not_sent": "The booking stands, and its reference does not stand with it at the clinic, although "
        "`reference_in` says so: `book` has not sent it whole, so that nobody can find the booking again.",
        "days_left_out": "`list_bookings` leaves out days of a window: what it lists for one day it does not list for "
        "several, so that `resolve`, which asks for the days around, does not find it.",
        "left_out": "The booking stands, and `list_bookings` leaves it out of the list of its day, so that a lost "
        "answer may be told as not booked, and made twice.",
        "moved_left_out": "Staff have moved the booking since, and `list_bookings` does not find it where it stands "
        "now, so that it is told as not booked, and made twice.",
        "begun_left_out": "The patient has come, and `list_bookings` leaves out what has begun, so that it is told as "
        "not booked.",
        "unreadable": "`list_bookings` fails where other bookings stand on the same day, so that a lost answer is "
        "never found.",
        "not_taken": "The vendor refuses what `list_bookings` asks, so that a lost answer is never found.",
        "waiting_left_out": "The booking waits for the clinic, and `list_bookings` leaves it out, so that a request "
        "whose answer was lost is never found, and may be made twice. List what waits as pending.",
        "no_page": "A gateway's 404 in the place of the list, without a word of the vendor's, is told as a list in "
        "which the booking is not, so that it may be made twice. Only the vendor's own code for "
        "a reference that no booking has says so: expect that code, and let any other error out.",
        "no_evidence": "`resolve` gives no evidence for its answer.",
        "no_end": "`resolve` never ends for a vendor that can't be read: after an hour it must say NeedsPerson.",
    },
    look={
        "false_booked": "list_bookings: which rows are told, Booking.reference and Booking.status; what is cancelled "
        "does not stand.",
        "wrote": "list_bookings, get_booking and list_slots: they read, and send nothing.",
        "no_page": "list_bookings: what its calls expect; name the vendor's own code there, and no status.",
        "not_found": "list_bookings: which rows and pages are read, and Booking.reference, read from where "
        "BookingFacts.reference_in says that it stands.",
        "not_sent": "book: request.reference goes into the vendor's field where BookingFacts.reference_in is "
        '"field"; else request.note() goes unchanged to where it says.',
        "days_left_out": "list_bookings: every day from query.first_day to query.last_day, both included, asked for "
        "in parts where the vendor takes fewer days (BookingFacts.listed_days).",
        "left_out": "list_bookings: which practitioners, days and pages are asked for, and which rows are left out.",
        "moved_left_out": "list_bookings: the days that are asked for; a booking is found by its reference wherever it "
        "is, or in the whole window from query.first_day to query.last_day; and that every page is read.",
        "begun_left_out": "list_bookings: filters on time and status; what has begun or is attended is listed, too.",
        "unreadable": "list_bookings: fields of a row that only bookings of ours have; what the clinic's own lack is "
        "optional.",
        "not_taken": "list_bookings: each value that is sent; BookingFacts.listed_days and listed_per, for how many "
        "days and practitioners go into one call.",
        "waiting_left_out": "list_bookings: filters on the status, the vendor's and your own; what waits is listed, "
        "too.",
    },
    driver=True,
    safety=True,
)
async def _resolving(trial: Trial) -> None:
    bound = trial.adapter.limits.booking.latest_commit
    looks = (1.0, *(() if bound is None else (bound,)), 1200.0, 3 * 3600.0)
    ends: set[str] = set()
    await trial.booked(trial.rig())
    for when, kind in (
        ("before_commit", "reset"),
        ("after_commit", "reset"),
        ("after_commit", "slow"),
        ("before_commit", "slow"),
    ):
        ends.add(await _resolved(trial, {}, when, kind, looks))
    soon = OPERATION + (bound or 0.0) + LATE
    if bound is not None and soon < SLOW:  # once more, soon after the bound of a write that was sent as late as may be
        await _resolved(trial, {}, "before_commit", "slow", (1.0, *OFTEN, *looks), slow=soon)
    sure = "reading" if "list_bookings" in trial.adapter.supports else "slot"
    trial.facts["lost_answers"] = sure if "NeedsPerson" not in ends else "found" if "Booked" in ends else "person"
    if "list_bookings" in trial.adapter.supports:
        await _no_page_is_no_list(trial)
        if trial.adapter.limits.booking.reference_in in ("field", "note"):
            await _moved_by_staff(trial)
            if trial.adapter.form.department_id.use != "unused":
                await _moved_to_another_department(trial)
    waiting = settings_where(trial, waits=True)
    if {} not in waiting:  # as usual nobody has to say yes: once more where somebody has to
        for setting in waiting[:1]:
            await _resolved(trial, setting, "after_commit", "reset", looks)


async def _no_page_is_no_list(trial: Trial) -> None:
    """Where the list is, a gateway says that there is no such page. A vendor whose own answer to "none has this
    reference" looks the same can't be told from it."""
    rig = trial.rig()
    made = await trial.booked(rig)
    mark = rig.mark()
    await trial.outcome(rig.session.bookings(trial.listing(rig.request(made.request.slot))))
    if answers_without_a_word(rig, mark):
        trial.saw("the vendor itself answers 404 without a word to a reference that nothing has")
        return
    rig.spoil = lambda _request, _outcome: NO_PAGE
    mark = rig.mark()
    day = await trial.outcome(rig.session.bookings(trial.listing(made.request)))
    absent = day.value is not None and day.value.complete and all(one.id != made.booking.id for one in day.value.found)
    trial.claim(not absent, "no_page", expected=f"an error, or what is not known: booking {made.booking.id} stands",
                got=f"a list without it, of an answer with status {NO_PAGE.status} that is no JSON",
                calls=rig.since(mark))  # fmt: skip


MOVED = (timedelta(days=5), timedelta(days=-5))
MOVED_FAR = (timedelta(days=33), timedelta(days=-12))
"""How far staff move a lost booking; also far, where it is found by its reference alone, on whatever day."""
WELL_AHEAD = 15
"""Days until a booking that is moved to an earlier day, too."""
FEW_ROWS = 2
"""Rows of a page, where the mock's pages can be made smaller, and so many others of ours stand before the lost one."""


async def _moved_by_staff(trial: Trial) -> None:
    """Staff move a booking whose answer was lost, before anybody looks for it."""
    write = (await trial.booked(trial.rig("many_weeks"))).write
    seen = []
    for step in MOVED if trial.lists_by_day else (*MOVED, *MOVED_FAR):
        rig = trial.rig("many_weeks")
        slot, *_ = await trial.open_times(rig, first=WELL_AHEAD)
        if not trial.lists_by_day:
            rig.world.rows_a_page = FEW_ROWS
            _others_of_ours(rig, await trial.open_times(rig, first=WELL_AHEAD - AROUND + 2, count=4))
        rig.fault(write, "reset", when="after_commit")
        before, request, sent_at = rig.appointments(), rig.request(slot), rig.pace.now()
        outcome = await trial.outcome(rig.session.book(request))
        lost = trial.need(rig.made_since(before), f"nothing was booked: {outcome}")[0]
        rig.clinic.staff_move(lost.id, lost.start + step)
        rig.pace.pass_time(trial.adapter.limits.booking.latest_commit or OPERATION)
        mark = rig.mark()
        resolution = await rig.session.resolve(request, sent_at)
        if step in MOVED_FAR and _names_the_window(rig, rig.since(mark), request):
            trial.saw("a lost booking is looked for on the days around, by day")
            break
        told = type(resolution).__name__
        days = f"{abs(step.days)} days {'later' if step > timedelta() else 'earlier'}"
        trial.claim(not isinstance(resolution, NotBooked), "moved_left_out", expected=f"Booked, or not known: booking "
                    f"{rig.wire_id(lost.id)} stands {days} than was asked for", got=f"{told}, since it saw: "
                    f"{seen_by(resolution)}", calls=rig.since(mark))  # fmt: skip
        seen.append(f"{days}, told as {told}")
    trial.saw(f"a lost booking that staff have moved: {'; '.join(seen)}")
    if not trial.lists_by_day:
        await _begun_meanwhile(trial, write)


async def _moved_to_another_department(trial: Trial) -> None:
    """Staff move a booking whose answer was lost out of the department of the connection that it was made with."""
    write = (await trial.booked(trial.rig())).write
    rig = trial.rig()
    slots = await trial.open_times(rig)
    found = next(((one, place) for one in slots if (place := _place_of(rig, one)) is not None), None)
    if found is None:
        trial.saw("no open time is at one department")
        return
    slot, department = found[0], found[1].department_id
    side = rig.connect(department_id=rig.wire_id(department))
    rig.fault(write, "reset", when="after_commit")
    before, request, sent_at = rig.appointments(), rig.request(slot), rig.pace.now()
    request = request.model_copy(update={"slot": slot.model_copy(update={"connection_id": side.connection_id})})
    outcome = await trial.outcome(side.book(request))
    lost = trial.need(rig.made_since(before), f"nothing was booked: {outcome}")[0]
    if not _dragged(rig, lost, department):
        trial.saw("the clinic has no other department to move a booking to")
        return
    rig.pace.pass_time(trial.adapter.limits.booking.latest_commit or OPERATION)
    mark = rig.mark()
    resolution = await side.resolve(request, sent_at)
    told = type(resolution).__name__
    trial.claim(not isinstance(resolution, NotBooked), "moved_left_out", expected=f"Booked, or not known: booking "
                f"{rig.wire_id(lost.id)} stands in another department", got=f"{told}, since it saw: "
                f"{seen_by(resolution)}", calls=rig.since(mark), wrong=ELSEWHERE)  # fmt: skip
    trial.saw(f"a lost booking that staff have moved to another department, told as {told}")


ELSEWHERE = (
    "Staff have moved the booking to another department since, and `list_bookings` lists only the one of the "
    "connection, so that it is told as not booked, and made twice. List the bookings of the whole clinic."
)


def _place_of(rig: Rig, slot: Slot) -> VisitingAddress | None:
    return rig.clinic.address_of(rig.own(slot.practitioner_id), rig.own(slot.service_id))


def _dragged(rig: Rig, lost: Appointment, department_id: str) -> bool:
    """Move an appointment to a timebook and type of another department, on whatever day it can be."""
    pairs = [(rule.timebook_id, kind.id) for kind in rig.clinic.types for rule in kind.rules]
    for who, kind in pairs:
        place = rig.clinic.address_of(who, kind)
        if place is None or place.department_id == department_id:
            continue
        for step in (timedelta(), *MOVED):
            try:
                rig.clinic.staff_move(lost.id, lost.start + step, who, kind)
            except Refusal:
                continue
            return True
    return False


async def _begun_meanwhile(trial: Trial, write: str) -> None:
    """The patient has come before anybody looks for a booking whose answer was lost."""
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    rig.fault(write, "reset", when="after_commit")
    before, request, sent_at = rig.appointments(), rig.request(slot), rig.pace.now()
    outcome = await trial.outcome(rig.session.book(request))
    lost = trial.need(rig.made_since(before), f"nothing was booked: {outcome}")[0]
    let_the_patient_come(rig, lost)
    mark = rig.mark()
    resolution = await rig.session.resolve(request, sent_at)
    expected = f"Booked, or not known: the patient of booking {rig.wire_id(lost.id)} has come"
    got = f"{type(resolution).__name__}, since it saw: {seen_by(resolution)}"
    holds = not isinstance(resolution, NotBooked)
    trial.claim(holds, "begun_left_out", expected=expected, got=got, calls=rig.since(mark))
    trial.saw(f"a lost booking whose patient has come: told as {type(resolution).__name__}")


def _names_the_window(rig: Rig, calls: Sequence[Call], request: BookingRequest) -> bool:
    """Whether calls name the first of the days around, as those of a vendor do that lists by day: then a booking that
    was moved beyond them can't be found."""
    first = (request.slot.local_start.date() - timedelta(days=AROUND)).isoformat()
    sent = (rig.sent(call.number) for call in calls)
    return any(
        one is not None and first in f"{one.request.url} {one.request.body.decode('utf-8', 'replace')}" for one in sent
    )


AROUND = 7
"""Days on either side of a booking's own on which Kobling looks for it."""


def _others_of_ours(rig: Rig, slots: Sequence[Slot]) -> None:
    """Other bookings of this registry's, each with a reference, on an earlier day."""
    details = PatientDetails("Sjette Prøvesen", None, "+4790000013", "sjette@example.test")
    for _ in range(FEW_ROWS):
        free = next(one for one in slots if rig.open_time(one) is not None)
        who, what = rig.own(free.practitioner_id), rig.own(free.service_id)
        rig.clinic.book(BookingOrder(who, what, free.start, details, reference=str(uuid4()), match="never"))


SLOW, LATE = 600.0, 20.0
"""Seconds that a slow call takes; and how many there are between the bound that the adapter states and a late one."""
OPERATION = 60.0
"""Seconds that a booking may take until it is sent, which whoever resolves adds to the bound."""
OFTEN = (10.0,) * 30
"""Looks until the bound has passed."""


async def _resolved(
    trial: Trial, setting: dict[str, Any], when: Any, kind: str, looks: Sequence[float], *, slow: float = SLOW
) -> str:
    """Lose the answer to a booking under a setting of the vendor's, and resolve it at each of these times, in seconds
    after the one before: the name of the last resolution. slow: seconds that a slow call takes."""
    write = (await trial.booked(trial.rig(switches=setting))).write
    rig = trial.rig(switches=setting)
    slot = _with_one_before_it(rig, await trial.open_times(rig))
    rig.fault(write, kind, when=when, **({"seconds": slow} if kind == "slow" else {}))
    asked, sent_at = rig.request(slot), rig.pace.now()
    told: list[BookingRequest] = []
    outcome = await trial.outcome(rig.session.book(asked, before_write=told.append))
    request = trial.need(told, "the hook before the write was not called")[-1]
    if not unknown(outcome):
        trial.need(None, f"the answer was not lost: {outcome}")
    listed = "list_bookings" in trial.adapter.supports and trial.adapter.limits.booking.reference_in != "nowhere"
    ruled_out, lost = False, loss_told(kind, when) + (f"; {setting_told(setting)}" if setting else "")
    for seconds in looks:
        rig.pace.pass_time(seconds)
        mark = rig.mark()
        resolution = await rig.session.resolve(request, sent_at)
        calls = rig.since(mark)
        wrote = rig.writing(calls)
        trial.claim(not wrote, "wrote", expected="resolve only reads", got=f"writes: {len(wrote)}", calls=wrote)
        what = f"{lost}; {seconds:.0f} s later"
        if listed and isinstance(resolution, NotBooked):
            await _can_be_found(trial, rig, request, resolution, what, calls)
        _true(trial, rig, request, resolution, what, calls)
        came = ruled_out and _standing(rig, request)
        trial.claim(not came, "false_not_booked", expected=f"no appointment, since resolve had said NotBooked "
                    f"({what})", got="an appointment, which came later", calls=calls)  # fmt: skip
        ruled_out = ruled_out or isinstance(resolution, NotBooked)
    settled = not isinstance(resolution, StillUnknown)
    trial.claim(settled, "no_end", expected="Booked, NotBooked or NeedsPerson after three hours",
                got=type(resolution).__name__, calls=calls)  # fmt: skip
    if listed and _standing(rig, request) and getattr(resolution, "booking", None) is None:
        await _why_not_found(trial, rig, request, resolution, lost, calls)
    standing = _standing(rig, request)
    states = f" ({some(one.state for one in standing)})" if standing and setting else ""
    trial.saw(f"{lost}: resolve says {type(resolution).__name__}, in the timebook: {len(standing)}{states}")
    return type(resolution).__name__


async def _can_be_found(
    trial: Trial, rig: Rig, request: BookingRequest, resolution: Resolution, what: str, calls: Sequence[Call]
) -> None:
    """Claim that a booking which stands, and was not found, can be: its reference stands with it, and while it waits
    for the clinic it is in the list of its day."""
    standing = _standing(rig, request)
    if not standing or rig.clinic.accepted_bookings():
        return
    ids = {rig.wire_id(one.id) for one in standing}
    waits = all(one.state == "pending" for one in standing)
    how = "waits for the clinic's answer" if waits else "stands"
    expected = f"Booked, for booking {' and '.join(sorted(ids))}, which {how} ({what})"
    got = f"{type(resolution).__name__}, since it saw: {seen_by(resolution)}"
    sent = any(
        one.reference == str(request.reference) or request.reference in find_tags(texts_of(rig, one))
        for one in standing
    )
    trial.claim(sent, "not_sent", expected=expected, got=f"{got}; the reference does not stand with it", calls=calls)
    mark = rig.mark()
    day = await trial.outcome(rig.session.bookings(trial.listing(request)))
    if day.value is None:
        return
    absent = all(one.id not in ids for one in day.value.found)
    if absent and (waits or trial.lists_by_day):
        why = gap(rig, rig.since(mark), day.value.found, standing[0])
        trial.broken("waiting_left_out" if waits else "left_out", expected=expected,
                     got=f"{got}; the list of its day does not have it{why}", calls=rig.since(mark))  # fmt: skip
    mark = rig.mark()
    day_before = request.slot.local_start.date() - timedelta(days=1)
    query = BookingQuery(first_day=day_before, last_day=day_before + timedelta(days=2), reference=request.reference)
    around = await trial.outcome(rig.session.bookings(query))
    if around.value is not None and all(one.id not in ids for one in around.value.found):
        why = gap(rig, rig.since(mark), around.value.found, standing[0])
        trial.broken("days_left_out", expected=expected, got=f"{got}; the list of its day has it, and the one of "
                     f"{query.first_day} to {query.last_day} does not{why}", calls=rig.since(mark))  # fmt: skip


async def _why_not_found(
    trial: Trial, rig: Rig, request: BookingRequest, resolution: Resolution, what: str, calls: Sequence[Call]
) -> NoReturn:
    """A booking that stands was not found by its reference: what of it was lost on the way."""
    await _can_be_found(trial, rig, request, resolution, what, calls)
    ids = {rig.wire_id(one.id) for one in _standing(rig, request)}
    expected = f"Booked, for booking {' and '.join(sorted(ids))}, which stands ({what})"
    got = f"{type(resolution).__name__}, since it saw: {seen_by(resolution)}"
    day = await trial.outcome(rig.session.bookings(trial.listing(request)))
    if day.error is not None:
        cause = "not_taken" if isinstance(day.error, InvalidRequest) else "unreadable"
        trial.broken(cause, expected=expected, got=f"{got}; the list of its day: {day}", calls=calls)
    if day.value and any(one.id in ids and one.reference == request.reference for one in day.value.found):
        trial.broken("days_left_out", expected=expected, got=f"{got}; the same booking is listed, with its reference, "
                     "where its own day alone is asked for", calls=calls)  # fmt: skip
    trial.broken("not_found", expected=expected, got=got, calls=calls)


def _with_one_before_it(rig: Rig, slots: Sequence[Slot]) -> Slot:
    """An open time in whose timebook another patient's comes first that day, so that a list begins with that one."""
    for slot in slots:
        before = [one for one in slots if one.practitioner_id == slot.practitioner_id and one.end <= slot.start
                  and one.local_start.date() == slot.local_start.date()]  # fmt: skip
        if before:
            take(rig, before[0])
            return slot if rig.open_time(slot) is not None else next(one for one in slots if rig.open_time(one))
    return slots[0]


def _standing(rig: Rig, request: BookingRequest) -> tuple[Any, ...]:
    """Live appointments for the request's time and patient, those on their way included."""
    patients = rig.our_patients()
    return tuple(
        one
        for one in rig.appointments()
        if one.state in LIVE_STATES
        and (one.timebook_id, one.start) == (rig.own(request.slot.practitioner_id), request.slot.start)
        and one.patient_id in patients
    )


def _true(
    trial: Trial, rig: Rig, request: BookingRequest, resolution: Resolution, what: str, calls: Sequence[Call]
) -> None:
    standing = _standing(rig, request)
    told = type(resolution).__name__
    if isinstance(resolution, Booked):
        trial.claim(bool(standing), "false_booked", expected=f"an appointment in the timebook ({what})",
                    got=f"none, and resolve says {told}", calls=calls)  # fmt: skip
    if isinstance(resolution, NotBooked):
        trial.claim(not standing, "false_not_booked", expected=f"no appointment in the timebook ({what})",
                    got=f"{len(standing)}, and resolve says {told}", calls=calls)  # fmt: skip
    if isinstance(resolution, NeedsPerson | NotBooked | Booked):
        trial.claim(bool(resolution.evidence), "no_evidence", expected=f"{told} with evidence ({what})",
                    got="no evidence", calls=calls)  # fmt: skip


@BOOK.rule(
    10,
    'However the vendor may behave, nobody is told "booked" for what the clinic has not accepted',
    why="Pending is not booked; a gateway that answers before the clinic's system has decided is not the clinic.",
    check="book: the table of the vendor's words for a status; a word that is not in it, and an answer without a word, "
    'are "unknown", and never "booked".',
    control="A booking under the usual settings stands in the timebook of a twin clinic.",
    source="the contract: a vendor word that is not in the adapter's table is unknown, never booked",
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "false_booked": 'The booking\'s status is "booked", but the clinic has not accepted it.',
        "two_made": "More than one appointment was made for one request.",
        "told_not_booked": "The caller was told that nothing was changed, but the appointment stands or is on its way.",
    },
    look={
        "two_made": "book: one http.post, in no loop and never sent again.",
        "told_not_booked": "ErrorMap: which status or code is listed as a refusal, though the vendor may book all the "
        "same.",
    },
    driver=True,
    safety=True,
)
async def _every_reading(trial: Trial) -> None:
    """Every setting of every switch of the vendor, one at a time; where it commits late, staff are faster once."""
    await trial.booked(trial.rig())
    settings = [{}, *trial.rig().every_setting()]
    tried = 0
    for setting in settings:
        late = await _told_as_it_stands(trial, setting, staff_first=False)
        tried += late is not None
        if late:
            tried += await _told_as_it_stands(trial, setting, staff_first=True) is not None
    for setting in settings_where(trial, waits=True)[:1]:
        tried += await _told_as_it_stands(trial, setting, staff_first=False, readable=False) is not None
    trial.need(
        tried or None, f"an open time that can be booked in at least one of {len(settings)} settings of the mock"
    )
    trial.saw(f"{tried} bookings under {len(settings)} settings, each told as it stood in the timebook")


async def _told_as_it_stands(
    trial: Trial, setting: dict[str, Any], *, staff_first: bool, readable: bool = True
) -> bool | None:
    """Book under a setting and compare what was told with the timebook, a day later. True when the vendor commits
    late; None when the setting hides every time. readable: whether the booking can be read after it was made."""
    rig = trial.rig(switches=setting)
    query = rig.days(1, 1)
    answer = (await trial.outcome(rig.session.slots(query))).value
    bookable = rig.known(answer.found, query.first_day, query.last_day) if answer else []
    if not bookable:
        return None
    slot, before, mark = trial.random.choice(bookable), rig.appointments(), rig.mark()
    rig.spoil = None if readable else unread_afterwards(rig)
    outcome = await trial.outcome(rig.session.book(rig.request(slot)))
    rig.spoil = None
    late = bool(rig.clinic.accepted_bookings())
    if staff_first:
        take(rig, slot)
    made = [one for one in rig.made_since(before) if one.source != "staff"]
    calls, what = rig.writing(rig.since(mark)), setting_told(setting)
    what += "; staff gave the time away before the booking came" if staff_first else ""
    what += "" if readable else "; and it can't be read afterwards"
    trial.claim(len(made) <= 1, "two_made", expected=f"at most 1 appointment ({what})",
                got=f"{len(made)} appointments", calls=calls)  # fmt: skip
    rig.pace.pass_time(2 * 86_400.0)
    final = [one for one in rig.clinic.all_appointments() if one.id in {each.id for each in made}]
    states = [one.state for one in final]
    if outcome.error is None and outcome.value.status == "booked":
        trial.claim("booked" in states, "false_booked", expected=f"booked at the clinic, as told ({what})",
                    got=f"{', '.join(states) or 'nothing'} at the clinic", calls=calls)  # fmt: skip
    if outcome.error is not None and outcome.error.effect == "none":
        standing = [state for state in states if state in LIVE_STATES]
        trial.claim(not standing, "told_not_booked", expected=f"nothing stands, as told ({what})",
                    got=f"{', '.join(standing)} at the clinic", calls=calls)  # fmt: skip
    return late
