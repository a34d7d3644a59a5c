"""CNCL: giving a booking up, and moving it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, get_args

from kobling import (
    Booking,
    BookingNotFound,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    KoblingError,
    Operation,
    OutcomeUnknown,
    RescheduleHalfDone,
    Slot,
    SlotTaken,
    SlotWithdrawn,
    TooLateToChange,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling.booking import CancelledBy
from kobling.http import find
from kobling_mocks import Call
from kobling_mocks.clinic import Appointment, Restrictions

from ..answers import parsed
from ..asks import values_of
from ..clinics import ClinicName
from ..decided import decided, said_no
from ..marks import spelled
from ..no_page import NO_PAGE, answers_without_a_word
from ..outcome import Outcome, unknown
from ..rig import Rig
from ..rule import UNTRIED, RuleBook
from ..strange_words import UNKNOWN_WORD, answered_otherwise, in_place_of, words_since
from ..timebook import apart
from ..trial import Booked, Trial
from ..wording import clock_told, counted, facts_told, loss_told, setting_told, some, starts_told, times_needed
from .booking import (
    LIVE_STATES,
    LOST_AFTER,
    LOST_BEFORE,
    let_the_patient_come,
    second,
    settings_where,
    take,
    unread_afterwards,
)
from .slots import fault_details

BOOK = RuleBook("CNCL", "Cancelling and moving")
NEEDS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots", "book", "cancel")
GOAL = 'the contract: a cancel aims at a state, so "not there" counts as reached for a confirmed booking'
A_MONTH = timedelta(days=28)
REASON = CancelReason(by="patient", why="unwell")
DEADLINE = Restrictions(cancel_deadline_hours=24 * 30)
FORBIDDEN = Restrictions(cancel_allowed=False)
CLINICS_REASON = CancelReason(by="clinic", why="practitioner_away", message="Ring oss om ny time (Áilu).")
LONG_REASON = CancelReason(by="clinic", why="practitioner_away", message="Ring oss om ny time. " * 9 + "Hilsen Áilu")
"""As long as a reason can be."""


def state_of(rig: Rig, appointment: Appointment) -> Appointment | None:
    """The appointment as it is now; None when it is gone."""
    return next((one for one in rig.clinic.all_appointments() if one.id == appointment.id), None)


def _told(outcome: Outcome) -> str:
    """How a cancel or a move ended, for people."""
    if isinstance(outcome.value, Cancelled):
        return f"Cancelled(already_gone={outcome.value.already_gone})"
    return type(outcome.value).__name__ if outcome.error is None else str(outcome)


def others(rig: Rig, *but: Appointment) -> list[Appointment]:
    """Every other appointment of the clinic."""
    left_out = {one.id for one in but}
    return [one for one in rig.clinic.all_appointments() if one.id not in left_out]


@BOOK.rule(
    1,
    "A cancelled booking no longer stands, its time is open again, and nothing else was touched",
    why="A time that is given up helps the next patient; somebody else's must not vanish with it.",
    check="cancel: which id goes to the vendor.",
    control="The booking that is cancelled stood in the same clinic's timebook before.",
    source=GOAL,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "still_stands": "The caller was told that the booking is cancelled, but it still stands.",
        "touched_another": "Another appointment than the cancelled one was changed.",
        "not_open": "The time of the cancelled booking is not found any more, although the clinic shows it again.",
        "more_writes": "More than one write was sent for one cancel.",
        "refused": "The cancel of a booking that stands was not carried out.",
        "told_gone": "A booking that stood was told as gone already: already_gone is for what was not there before.",
        "told_late": "A cancel in good time was told as late, so that the patient believes that it costs something.",
        "by_another": "The clinic keeps on whose behalf a booking was given up, and another is said to have done it: a "
        "patient pays for what the clinic called off, or the clinic stands as having done it.",
        "reason_lost": "The clinic keeps a reason, and who gave the booking up, why, or the message is not in it: "
        "send reason.note(), or as much as the vendor takes; without the message where it would stand in an address.",
    },
    look={
        "still_stands": "cancel: which answers become Cancelled; and which id goes to the vendor.",
        "not_open": "What the adapter keeps of an earlier search: a cancel opens a time again.",
        "more_writes": "cancel: one write, in no loop and never sent again.",
        "refused": "cancel: what the vendor wants beside the booking's id (a version, a reason and how long it may "
        "be), and what ErrorMap makes of the answer.",
        "told_gone": "cancel: already_gone is True, and BookingNotFound raised, only for what was not there before.",
        "told_late": "cancel: from which word of the answer Cancelled.late is made; None where there is none.",
        "by_another": "cancel: the vendor's word for each reason.by; who has none of their own stands as the registry.",
        "reason_lost": "cancel: where reason.note() goes.",
    },
    driver=True,
    safety=True,
)
async def _cancelled(trial: Trial) -> None:
    rig = trial.rig()
    made = await trial.booked(rig)
    rest, mark = others(rig, made.appointment), rig.mark()
    outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
    calls = rig.writing(rig.since(mark))
    now = state_of(rig, made.appointment)
    told = outcome.value
    if not isinstance(told, Cancelled):
        trial.broken("refused", expected=f"Cancelled, for booking {made.booking.id}",
                     got=decided(rig, outcome, calls, "cancel"), calls=calls)  # fmt: skip
    trial.claim(not told.already_gone, "told_gone", expected="Cancelled(already_gone=False): the booking stood",
                got="already_gone=True", calls=calls)  # fmt: skip
    trial.claim(not told.late, "told_late", expected="late=False, or None", got="late=True", calls=calls)
    before, after = {one.id: one for one in rest}, {one.id: one for one in others(rig, made.appointment)}
    changed = sorted(rig.wire_id(one) for one in before.keys() | after.keys() if before.get(one) != after.get(one))
    trial.claim(not changed, "touched_another", expected=f"only {made.booking.id} is changed",
                got=f"{', '.join(changed)} is changed", calls=calls)  # fmt: skip
    stands = now is not None and now.state in LIVE_STATES
    state = now.state if now else "gone"
    trial.claim(not stands, "still_stands", expected=f"{made.booking.id} cancelled in the timebook, as told",
                got=f"{state} in the timebook", calls=calls)  # fmt: skip
    trial.claim(len(calls) == 1, "more_writes", expected="1 write", got=f"{len(calls)} writes", calls=calls)
    shown = rig.open_time(made.request.slot) is not None
    again = await trial.outcome(rig.session.verify(made.request.slot))
    slot = made.request.slot
    found = f"{clock_told(rig, slot.start)} with practitioner {slot.practitioner_id} is found again"
    trial.claim(not shown or again.error is None, "not_open", expected=found, got=again)
    trial.saw(f"the appointment is {state}, {len(rest)} others are as before")
    if now is not None:
        _on_whose_behalf(trial, now, "patient", calls)
        await _reason_stands(trial, now, _words_sent(rig, calls))
    await _by_everybody_else(trial)
    await _changed_before_the_write(trial)


async def _by_everybody_else(trial: Trial) -> None:
    """Who else may give a booking up, and has perhaps no word of their own at the vendor."""
    for by in (one for one in get_args(CancelledBy) if one not in ("patient", "clinic")):
        rig = trial.rig()
        made = await trial.booked(rig)
        mark = rig.mark()
        outcome = await trial.outcome(rig.session.cancel(made.booking.ref, CancelReason(by=by)))
        calls = rig.writing(rig.since(mark))
        wrong = (
            f"A cancel on behalf of the {by} was not carried out, and the patient's was: who has no word of their own "
            "at the vendor stands as the registry."
        )
        got = decided(rig, outcome, calls, "cancel")
        expected = f"Cancelled, on behalf of the {by}"
        trial.claim(outcome.error is None, "refused", expected=expected, got=got, calls=calls, wrong=wrong)
        now = state_of(rig, made.appointment)
        if now is not None and now.cancelled_by in ("patient", "clinic"):
            trial.facts[UNTRIED] = (
                f"on whose behalf a booking is cancelled: the {by}'s cancel stands as the {now.cancelled_by}'s, which "
                "is right only where the vendor has no word for a partner"
            )


def _on_whose_behalf(trial: Trial, now: Appointment, by: str, calls: Sequence[Call]) -> None:
    """Claim that the clinic has no other than who gave the booking up, or the one who called: the registry."""
    holds = now.cancelled_by in (None, by, "registry")
    expected = f"cancelled on behalf of the {by}, or of the registry where the vendor does not ask"
    trial.claim(holds, "by_another", expected=expected, got=f"on behalf of the {now.cancelled_by}", calls=calls)


async def _changed_before_the_write(trial: Trial) -> None:
    """Staff move the booking after the adapter has looked at it: whether the cancel is carried out all the same, or
    refused because the booking has changed, what is told of it is so."""
    rig = trial.rig()
    made, mark = await trial.booked(rig), rig.mark()
    moved: list[Appointment] = []

    def behind_its_back(_: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        if not moved and not rig.writing(rig.received[-1:]):
            moved.append(rig.clinic.staff_move(made.appointment.id, made.appointment.start + A_MONTH))
        return outcome

    rig.spoil = behind_its_back
    outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
    rig.spoil = None
    if not moved:
        trial.saw("nothing is looked at before a cancel, so that nothing can change meanwhile")
        return
    now, calls = state_of(rig, made.appointment), rig.since(mark)
    stands = now is not None and now.state in LIVE_STATES
    gone = isinstance(outcome.value, Cancelled) or isinstance(outcome.error, BookingNotFound)
    cause = "still_stands" if isinstance(outcome.value, Cancelled) and not outcome.value.already_gone else "told_gone"
    expected = f"cancelled, or an error that does not say that {made.booking.id} is gone: staff only moved it"
    trial.claim(not (gone and stands), cause, expected=expected, got=f"{_told(outcome)}, and it stands", calls=calls)
    trial.saw(f"a booking that staff moved before the cancel was sent {'stands' if stands else 'is gone'}: {outcome}")


_WORD = re.compile(r"[A-Za-z_]{2,20}")


def _words_sent(rig: Rig, calls: Iterable[Call]) -> frozenset[str]:
    """The values of these calls that are a single word, as one of a vendor's list is."""
    sent = [one.request for call in calls if (one := rig.sent(call.number)) is not None]
    values = [value for one in sent for _, value in values_of(one)]
    return frozenset(value for value in values if isinstance(value, str) and _WORD.fullmatch(value))


async def _reason_stands(trial: Trial, patients_own: Appointment, said: frozenset[str]) -> None:
    """The clinic gives another booking up. patients_own: what stands where a patient did. said: the words that were
    sent then."""
    patients = patients_own.reason
    rig = trial.rig()
    made = await trial.booked(rig)
    mark = rig.mark()
    await rig.session.cancel(made.booking.ref, CLINICS_REASON)
    calls, now = rig.writing(rig.since(mark)), state_of(rig, made.appointment)
    if now is not None:
        _on_whose_behalf(trial, now, "clinic", calls)
        alike = said & _words_sent(rig, calls)
        if alike and patients_own.cancelled_by == now.cancelled_by == "registry":
            trial.facts[UNTRIED] = (
                f"on whose behalf a booking is cancelled: {some(alike)} is sent for the patient and for the clinic, "
                "and both stand as the registry's; where the vendor has a word for each, send reason.by in it"
            )
        if (patients_own.cancelled_by, now.cancelled_by) == ("patient", "registry"):
            trial.facts[UNTRIED] = (
                "on whose behalf a booking is cancelled: the clinic's cancel stands as the registry's, which is right "
                "only where the vendor has no word for the clinic"
            )
    told, message = now.reason if now else "", CLINICS_REASON.message or ""
    if not told and not patients:
        trial.saw("the clinic keeps no reason")
        return
    if any(told and told == value for call in calls for _, value in call.query):
        trial.saw("the reason stands in the address, where no message belongs")
    else:
        trial.claim(message in told, "reason_lost", expected=f"a reason with the clinic's message, {len(message)} "
                    "characters", got=f"a reason of {len(told)} characters without it", calls=calls)  # fmt: skip
    differs = told.replace(message, "").strip() != patients.strip()
    trial.claim(differs, "reason_lost", expected="another reason where the clinic cancels than where the patient does",
                got="the same", calls=calls)  # fmt: skip
    trial.saw("who gave a booking up, and why, stands with it")
    long = await trial.booked(rig)
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.cancel(long.booking.ref, LONG_REASON))
    calls = rig.writing(rig.since(mark))
    trial.claim(outcome.error is None, "refused", expected=f"Cancelled, with a reason of {len(LONG_REASON.note())} "
                "characters", got=outcome, calls=calls, wrong="A cancel with a long reason was not carried out, and "
                "one with a short reason was: cut it to what the vendor takes, reason.note(200).")  # fmt: skip
    trial.saw(f"a reason of {len(LONG_REASON.note())} characters is no hindrance")


@BOOK.rule(
    2,
    "Cancelling twice is no error, and is never told as done before it is",
    why="A patient presses twice, a queue repeats: the goal is reached.",
    check="ErrorMap: what the vendor answers for a booking that is cancelled already is BookingNotFound.",
    control="The first cancel of the same booking succeeded.",
    source=GOAL,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "error": "The second cancel of a confirmed booking must be Cancelled(already_gone=True), or unknown where the "
        "vendor's answer does not tell.",
        "not_told": "The vendor says plainly that the booking is gone, and the caller did not hear Cancelled.",
        "told_anew": "The vendor says plainly that the booking was gone, and the caller hears that it was cancelled "
        "now: tell already_gone=True, or raise BookingNotFound, of which the SDK makes that.",
        "declined_stands": "The clinic has declined the booking, and who gives it up hears TooLateToChange: that it "
        "stands, and may cost something. What the clinic has declined is gone, as what is cancelled is.",
    },
    look={
        "declined_stands": "cancel: the vendor's refusal for a declined booking is BookingNotFound; where it does not "
        "tell that from others, look at the booking first: `kobling about cancel-a-booking`.",
        "error": "ErrorMap: the vendor's code for a booking that is cancelled already is BookingNotFound. Where the "
        "same code also says that a booking has begun, or can't be cancelled, look at the booking first: `kobling "
        "about cancel-a-booking`.",
        "told_anew": "cancel: Cancelled(already_gone=True), or BookingNotFound, for what is cancelled already.",
    },
    targets=("mock", "cassette", "live"),
)
async def _twice(trial: Trial) -> None:
    for setting in trial.rig().switch_settings("cancel_gone"):
        rig = trial.rig(switches=setting)
        made = await trial.booked(rig)
        first = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
        trial.need(first.value, f"the first cancel failed: {first}")
        mark = rig.mark()
        second = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
        calls = rig.writing(rig.since(mark))
        asked = trial.need(calls or rig.since(mark), "the vendor was not asked the second time")
        plain = not calls or said_no(rig, calls[-1])  # who reads first, and sends nothing, knows it
        good = isinstance(second.value, Cancelled)
        what = setting_told(setting)
        expected = f"Cancelled(already_gone=True) for the second cancel ({what})"
        got = decided(rig, second, calls, "cancel")
        trial.claim(good or unknown(second), "error", expected=expected, got=got, calls=calls)
        trial.claim(good or not plain, "not_told", expected=expected, got=got, calls=calls)
        anew = isinstance(second.value, Cancelled) and plain and not second.value.already_gone
        trial.claim(not anew, "told_anew", expected=expected, got=_told(second), calls=calls)
        trial.saw(f"{what}: the second cancel was answered {asked[-1].status}, told as {_told(second)}")
    if trial.target.kind == "mock":
        await _declined(trial)


async def _declined(trial: Trial) -> None:
    """Giving up what the clinic has declined meanwhile."""
    for setting in settings_where(trial, waits=True)[:1]:
        rig = trial.rig(switches=setting)
        made = await trial.booked(rig)
        rig.clinic.decline(made.appointment.id)
        mark = rig.mark()
        outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
        calls = rig.writing(rig.since(mark))
        holds = not isinstance(outcome.error, TooLateToChange)
        trial.claim(holds, "declined_stands", expected="Cancelled(already_gone=True): the clinic has declined it",
                    got=decided(rig, outcome, calls, "cancel"), calls=calls)  # fmt: skip
        trial.saw(f"a booking that the clinic has declined is given up: told as {_told(outcome)}")


@BOOK.rule(
    3,
    'A booking that never was is not found; it is not "cancelled"',
    why="A typing error in an id would be reported to the patient as a cancelled appointment.",
    check="ErrorMap: an unknown booking is BookingNotFound; `cancelled: false` is never Cancelled.",
    control="A booking that stands is cancelled in the same clinic, under the same setting of the vendor's.",
    source=GOAL,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "told_cancelled": "The caller was told that something was cancelled that does not exist.",
        "other_error": "The cancel of a booking that does not exist must be BookingNotFound, or OutcomeUnknown where "
        "the vendor's answer does not tell.",
        "not_ours": "The vendor refuses to cancel a booking that it made for somebody else, and the caller hears that "
        "it is gone, while it stands. That refusal is no BookingNotFound: Refusal(TooLateToChange, 'not_allowed').",
    },
    look={
        "told_cancelled": "cancel: which answers become Cancelled; `cancelled: false` in a 200 never does.",
        "not_ours": "ErrorMap: the vendor's code or status for a booking that another one has made.",
    },
    targets=("mock", "cassette"),
)
async def _never_was(trial: Trial) -> None:
    for setting in trial.rig().switch_settings("cancel_gone"):
        rig = trial.rig(switches=setting)
        made = await trial.booked(rig)
        ref = BookingRef(connection_id=rig.session.connection_id, id=rig.nowhere("appointment"))
        mark, before = rig.mark(), rig.appointments()
        outcome = await trial.outcome(rig.session.cancel(ref, REASON))
        calls = trial.need(rig.writing(rig.since(mark)) or rig.since(mark), "the vendor was not asked")
        what = setting_told(setting)
        expected = f"BookingNotFound for {ref.id} ({what})"
        trial.claim(outcome.error is not None, "told_cancelled", expected=expected, got=_told(outcome), calls=calls)
        holds = isinstance(outcome.error, BookingNotFound | OutcomeUnknown)
        got = decided(rig, outcome, rig.writing(calls), "cancel")
        trial.claim(holds, "other_error", expected=expected, got=got, calls=calls)
        same = before == rig.appointments()
        trial.claim(same, "told_cancelled", expected=f"no change at the clinic ({what})", got="a change", calls=calls)
        real = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
        trial.need(real.value, f"a booking that stands can't be cancelled either: {real}")
        trial.saw(f"{what}: answered {calls[-1].status}, told as {outcome}; one that stands was cancelled then")
    if trial.target.kind == "mock":
        await _somebody_elses(trial)


async def _somebody_elses(trial: Trial) -> None:
    """A booking that the clinic's staff have made. A vendor that answers as for one that never was leaves nothing to
    tell by; one that cancels it has done what it was asked."""
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    take(rig, slot)
    theirs = rig.appointments()[-1]
    answers: list[tuple[int | None, ...]] = []
    for number in (rig.nowhere("appointment"), rig.wire_id(theirs.id)):
        mark = rig.mark()
        ref = BookingRef(connection_id=rig.session.connection_id, id=number, confirmed=True)
        outcome = await trial.outcome(rig.session.cancel(ref, REASON))
        calls = rig.since(mark)
        answers.append(tuple(call.status for call in calls))
    now = state_of(rig, theirs)
    if now is None or now.state not in LIVE_STATES:
        trial.saw("a booking that staff have made: the vendor cancels it, too")
        return
    if answers[0] == answers[1]:
        trial.saw("a booking that staff have made: answered as one that never was")
        return
    gone = outcome.error is None or isinstance(outcome.error, BookingNotFound)
    trial.claim(not gone, "not_ours", expected=f"an error for booking {rig.wire_id(theirs.id)}, which stands",
                got=_told(outcome), calls=calls)  # fmt: skip
    trial.saw(f"a booking that staff have made stands, and is told as {outcome}")


@BOOK.rule(
    4,
    "After the clinic's deadline, or its start, a refused cancel is TooLateToChange, and the booking stands",
    why="The patient must know that the time stands and may cost something, and call the clinic.",
    check="ErrorMap.code and ErrorMap.codes: the vendor's refusals for late, not allowed and started.",
    control="Another booking is cancelled in the same clinic, in time.",
    source="the help article on cancelling: the deadline is the clinic's",
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "told_cancelled": "The caller was told that the booking is cancelled, but it stands.",
        "told_gone": "The vendor refused the cancel because it is too late, and the adapter says BookingNotFound, of "
        "which the SDK makes Cancelled(already_gone=True): the patient believes that the time is given up, and it "
        "stands. The vendor's refusal must become TooLateToChange.",
        "other_error": "The vendor's refusal must become TooLateToChange.",
        "told_in_time": "A cancel that the clinic took after its deadline was told as in time: late=True where the "
        "vendor says so, None where it does not.",
        "unasked": "A cancel is refused without asking the vendor, by the deadline that was told when the time was "
        "booked, and the clinic has taken that deadline back. Let the vendor decide.",
        "late_lost": "The vendor's answer says that the cancel came late (the mock's `late_told_by`), and the caller "
        "is not told: the patient pays, and does not know it.",
    },
    look={
        "told_cancelled": "cancel: which answers become Cancelled; a refusal may come with status 200.",
        "told_gone": "ErrorMap.codes and ErrorMap.statuses: the vendor's refusals for late, not allowed and started "
        "are TooLateToChange; BookingNotFound is for what is not there, or is cancelled already.",
        "told_in_time": "cancel: from which word of the answer Cancelled.late is made; None where there is none.",
        "unasked": "cancel: a look at BookingRef.change_by, or at the clock, before the call.",
        "late_lost": "cancel: Cancelled.late, made from the word of the answer that was expected.",
    },
)
async def _too_late(trial: Trial) -> None:
    rig = trial.rig()
    limited, takes_late = rig.told("cancel_limits"), rig.clinic.behaviour.late_cancel == "accepted"
    for restriction in (DEADLINE, FORBIDDEN):
        if not limited or not rig.holds(restriction) or await _refused_from_then_on(trial, restriction):
            continue
        if restriction is not DEADLINE or not takes_late:
            trial.need(None, "the mock cancels after the clinic's deadline. Let it refuse, at least where no switch is "
                       'set. Where the system takes every late cancel, let `fit` say clinic.behave(late_cancel='
                       '"accepted"); where it knows no deadline, put "cancel_limits" into `untold`')  # fmt: skip
    if limited:
        await _taken_late(trial)
        await _deadline_taken_back(trial)
    await _after_it_was_held(trial)
    if not await _refused_from_then_on(trial) and not limited:
        trial.not_offered("a deadline for cancelling (it was cancelled all the same)", proof=True)


UNSENT = (
    "The adapter itself takes a booking to which the patient has come for one that is gone, and sends no cancel: the "
    "caller hears Cancelled. Only what is cancelled or declined is gone; leave the rest to the vendor, or raise "
    "TooLateToChange."
)


async def _after_it_was_held(trial: Trial) -> None:
    """A cancel of an appointment to which the patient came."""
    rig = trial.rig()
    made = await trial.booked(rig)
    let_the_patient_come(rig, made.appointment)
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
    calls, now = rig.since(mark), state_of(rig, made.appointment)
    if now is None or now.state != "attended":
        trial.saw(f"a cancel of what was held is carried out, told as {_told(outcome)}")
        return
    told = outcome.value
    cause = "told_gone" if isinstance(told, Cancelled) and told.already_gone else "told_cancelled"
    trial.claim(not isinstance(told, Cancelled), cause, expected="TooLateToChange: the patient has come", calls=calls,
                got=_told(outcome), wrong="" if rig.writing(calls) else UNSENT)  # fmt: skip
    trial.saw(f"the patient has come: a cancel is told as {_told(outcome)}")


def _until_too_late(rig: Rig, appointment: Appointment, restriction: Restrictions) -> None:
    """Restrict the clinic, whose type may have a later deadline of its own, and let the time pass until it is over."""
    rig.clinic.set_restrictions(restriction)
    limits = rig.clinic.effective_restrictions(appointment.timebook_id, appointment.type_id)
    if limits.cancel_allowed and limits.cancel_deadline_hours:
        left = appointment.start - rig.pace.now() - timedelta(hours=limits.cancel_deadline_hours)
        rig.pace.pass_time(max(0.0, left.total_seconds() + 60))


async def _deadline_taken_back(trial: Trial) -> None:
    """A cancel that was too late when the time was booked, and that the clinic takes now."""
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    kind = rig.clinic.any_type(rig.own(slot.service_id))
    takes = replace(kind.restrictions, cancel_allowed=True, cancel_deadline_hours=0)
    late = replace(takes, cancel_deadline_hours=DEADLINE.cancel_deadline_hours)
    rig.clinic.put_type(replace(kind, restrictions=late))
    made = await trial.booked(rig, slot)
    rig.clinic.put_type(replace(kind, restrictions=takes))
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
    wrote = rig.writing(rig.since(mark))
    holds = bool(wrote) or not isinstance(outcome.error, TooLateToChange)
    trial.claim(holds, "unasked", expected="the vendor is asked: the clinic has taken its deadline back",
                got=f"{outcome}, and no call that cancels", calls=rig.since(mark))  # fmt: skip
    trial.saw(f"the clinic has taken its deadline back: a cancel is told as {_told(outcome)}")


async def _taken_late(trial: Trial) -> None:
    """A cancel after the deadline, at a clinic that takes it and may charge for it, beside one in good time."""
    rig = trial.rig()
    rig.clinic.behave(late_cancel="accepted")
    mark = rig.mark()
    await trial.outcome(rig.session.cancel((await trial.booked(rig)).booking.ref, REASON))
    early = _says_late(rig, rig.writing(rig.since(mark)))
    made = await trial.booked(rig)
    _until_too_late(rig, made.appointment, DEADLINE)
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
    calls, now = rig.writing(rig.since(mark)), state_of(rig, made.appointment)
    if not isinstance(outcome.value, Cancelled) or now is None or not now.late:
        trial.saw(f"a late cancel is not taken, told as {outcome}")
        return
    late, said = outcome.value.late, _says_late(rig, calls)
    trial.claim(late is not False, "told_in_time", expected="late=True or None, for a cancel after the deadline",
                got="late=False", calls=calls)  # fmt: skip
    if said is not None:
        sound = said and not early
        trial.need(sound or None, "the answers to a cancel do not tell one that came late from one in time, as the "
                   "mock's `late_told_by` says")  # fmt: skip
        pointer, word = rig.mock.dialect.late_told_by or ("", "")
        expected = f"late=True: the answer says {json.dumps(word)} at {pointer}"
        trial.claim(late is not None, "late_lost", expected=expected, got="late=None", calls=calls)
    where = "is in the answer" if said else "is in no answer, as far as the mock says"
    trial.saw(f"a late cancel was taken, told with late={late}; that it came late {where}")


def _says_late(rig: Rig, calls: Sequence[Call]) -> bool | None:
    """Whether one of these answers says that a cancel came late, by the vendor's own word; None where it has none."""
    if rig.mock.dialect.late_told_by is None:
        return None
    pointer, word = rig.mock.dialect.late_told_by
    replies = [one for one in (rig.arrived(call.number) for call in calls) if isinstance(one, WireReply)]
    found = [find(parsed(one), pointer) for one in replies]
    return any(type(one) is type(word) and one == word for one in found)


def _as_not_found(rig: Rig, calls: Sequence[Call]) -> str:
    """What the adapter's ErrorMap makes of the answer to a cancel, where that is BookingNotFound; "" otherwise."""
    for because in (None, "already_cancelled"):
        error = BookingNotFound(because) if because else BookingNotFound()
        told = decided(rig, Outcome(error=error), rig.writing(calls), "cancel")
        if "\n" in told:
            return told
    return ""


async def _refused_from_then_on(trial: Trial, restriction: Restrictions | None = None) -> bool:
    """Judge a cancel that comes after the clinic's deadline, or after the start where no restriction is given. False
    when it was carried out all the same, and told so."""
    rig = trial.rig()
    in_time = await trial.outcome(rig.session.cancel((await trial.booked(rig)).booking.ref, REASON))
    trial.need(in_time.value, f"a cancel in time: {in_time}")
    made = await trial.booked(rig)
    if restriction is None:
        what = "the appointment has begun"
        rig.pace.pass_time((made.appointment.start - rig.pace.now()).total_seconds() + 60)
    else:
        what = "the clinic does not let it be cancelled now"
        _until_too_late(rig, made.appointment, restriction)
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
    calls = trial.need(rig.writing(rig.since(mark)) or rig.since(mark), "the vendor was not asked")
    now = state_of(rig, made.appointment)
    if now is None or now.state not in LIVE_STATES:
        trial.saw(
            f"{what}, and the vendor does not refuse a cancel: answered {calls[-1].status}, told as {_told(outcome)}"
        )
        return False
    expected = f"TooLateToChange: {what}"
    gone = _as_not_found(rig, calls) if isinstance(outcome.value, Cancelled) else ""
    trial.claim(not gone, "told_gone", expected=expected, got=f"{_told(outcome)}: {gone}", calls=calls)
    trial.claim(outcome.error is not None, "told_cancelled", expected=expected, got=_told(outcome), calls=calls)
    holds = isinstance(outcome.error, TooLateToChange)
    got = decided(rig, outcome, rig.writing(calls), "cancel")
    trial.claim(holds, "other_error", expected=expected, got=got, calls=calls)
    trial.saw(f"{what}: the cancel was refused, answered {calls[-1].status}, and the appointment still stands")
    return True


@BOOK.rule(
    5,
    "A cancel whose answer is lost, or says that the booking stands, is unknown; a lost one may be repeated",
    why="The patient must not be told that a time is given up that still costs them.",
    check="cancel: what is caught around the write, and which answers become Cancelled: only the vendor's own word.",
    control="The same cancel without a fault is carried out in a twin clinic, and sends a write.",
    source="the contract: once a byte of a write may have left, only a listed refusal is certain; a cancel is done "
    "when the vendor says so",
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "told_cancelled": "The caller was told that the booking is cancelled, but it stands.",
        "told_certain": "A lost answer must be OutcomeUnknown: nobody knows whether the cancel was carried out.",
        "not_repeatable": "The same cancel, once more after its answer was lost, must end in Cancelled.",
        "not_looked_at": "The vendor's answer does not say in its own word that the booking is cancelled, and the "
        "caller heard that it is: read the booking's state in the answer.",
        "resent": "The adapter sent one cancel more than once, though its caller had asked once.",
        "no_page": "A gateway's 404 in the place of the answer, without a word of the vendor's, is told as a booking "
        "that is gone, and it stands. Only the vendor's own word for an unknown booking says so: list its code.",
    },
    look={
        "no_page": "ErrorMap.statuses and what cancel expects: name the vendor's code, and no status.",
        "told_cancelled": "cancel: which answers become Cancelled. Where they have no content, only the vendor's own "
        "status (204), and no other of 2xx.",
        "told_certain": "cancel: let the errors of the write out as they are; ErrorMap: a status that a gateway may "
        "send refuses nothing.",
        "not_repeatable": "ErrorMap: the vendor's answer for a booking that is cancelled already is BookingNotFound.",
        "not_looked_at": "cancel: the word for the booking's state in the answer; Cancelled only where it is the "
        "vendor's word for a cancelled booking.",
        "resent": "cancel: one write, in no loop and never sent again.",
    },
    driver=True,
)
async def _lost_cancel(trial: Trial) -> None:
    control = trial.rig()
    made = await trial.booked(control)
    mark = control.mark()
    await control.session.cancel(made.booking.ref, REASON)
    write = trial.need(control.writing(control.since(mark)), "a cancel sent no write")[-1].operation or ""
    reads_back = "get_booking" in trial.adapter.supports
    count = 0
    for when, kinds in (("before_commit", LOST_BEFORE), ("after_commit", LOST_AFTER)):
        for kind in kinds:
            if kind == "no_id":
                continue
            rig = trial.rig()
            made = await trial.booked(rig)
            more: dict[str, Any] = {"seconds": 60.0} if kind == "slow" else dict(fault_details(kind))
            rig.fault(write, kind, when=when, **more)
            mark = rig.mark()
            outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
            calls, what = rig.writing(rig.since(mark)), loss_told(kind, when)
            trial.need(calls, f"the cancel was not sent, {what}")
            expected = f"OutcomeUnknown ({what})"
            now = state_of(rig, made.appointment)
            stands = now is not None and now.state in LIVE_STATES
            trial.claim(outcome.error is not None or not stands, "told_cancelled", expected=expected,
                        got=f"{outcome}, and the booking stands", calls=calls)  # fmt: skip
            certain = reads_back and not stands and outcome.error is None
            trial.claim(certain or unknown(outcome), "told_certain", expected=expected, got=outcome, calls=calls)
            trial.claim(len(calls) == 1, "resent", expected=f"1 write ({what})", got=f"{len(calls)} writes",
                        calls=calls)  # fmt: skip
            again = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
            trial.claim(isinstance(again.value, Cancelled), "not_repeatable", expected=f"Cancelled, when "
                        f"asked again ({what})", got=again,
                        calls=rig.writing(rig.since(mark)))  # fmt: skip
            count += 1
    trial.saw(f"{count} lost cancels, each told as unknown or as it turned out, and as Cancelled when asked again")
    await _answered_as_standing(trial)
    await _no_page_is_no_cancel(trial, write)


async def _no_page_is_no_cancel(trial: Trial, write: str) -> None:
    """In the place of the answer to a cancel a gateway says that there is no such page. A vendor whose own answer to an
    unknown booking looks the same can't be told from it. write: the vendor's name of the call that cancels."""
    rig = trial.rig()
    made, mark = await trial.booked(rig), rig.mark()
    nobodys = made.booking.ref.model_copy(update={"id": rig.nowhere("appointment")})
    await trial.outcome(rig.session.cancel(nobodys, REASON))
    if answers_without_a_word(rig, mark):
        trial.saw("the vendor itself answers 404 without a word to the cancel of a booking that never was")
        return
    for struck in (write, "*"):  # the cancel itself, and whatever is read before it
        rig = trial.rig()
        made = await trial.booked(rig)
        rig.fault(struck, "empty", status=NO_PAGE.status)
        mark = rig.mark()
        outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
        now, calls = state_of(rig, made.appointment), rig.since(mark)
        stands = now is not None and now.state in LIVE_STATES
        gone = isinstance(outcome.value, Cancelled) or isinstance(outcome.error, BookingNotFound)
        expected = f"an error that does not say that booking {made.booking.id} is gone: it stands"
        got = f"{_told(outcome)}, after an answer with status {NO_PAGE.status} that has no body"
        trial.claim(not (gone and stands), "no_page", expected=expected, got=got, calls=calls)
        trial.saw(f"a gateway's {NO_PAGE.status} in the place of an answer to a cancel is told as {outcome}")


async def _answered_as_standing(trial: Trial) -> None:
    """A cancel whose answer has the vendor's word for a booking that stands, where it has one for either."""
    rig = trial.rig()
    slot = (await trial.open_times(rig))[0]
    mark = rig.mark()
    made = await trial.booked(rig, slot)
    both = (
        False,
        True,
    )  # who reads before it cancels meets both words: then only the answers to writes tell them apart
    standing = [words_since(rig, mark, to_writes=only) for only in both]
    mark = rig.mark()
    await rig.session.cancel(made.booking.ref, REASON)
    gone = [words_since(rig, mark, to_writes=only) for only in both]
    pairs = [(one - other, other - one) for one, other in zip(standing, gone, strict=True)]
    told = next((pair for pair in pairs if all(len(words) == 1 for words in pair)), None)
    if told is None:
        trial.saw("no one word in the answers tells whether a booking stands")
        return
    (stand,), (cancel,) = told
    for word, as_what in ((stand, "as before the cancel"), (UNKNOWN_WORD, "which nobody knows")):
        rig = trial.rig()
        made, mark = await trial.booked(rig), rig.mark()
        rig.spoil = in_place_of([cancel], word)
        outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
        rig.spoil = None
        calls = rig.writing(rig.since(mark))
        trial.claim(not isinstance(outcome.value, Cancelled), "not_looked_at", expected=f"OutcomeUnknown: the answer "
                    f"says {word}, {as_what}; for a cancelled booking it says {cancel}", got=_told(outcome),
                    calls=calls)  # fmt: skip
        trial.saw(f"an answer to a cancel that says {word}, {as_what}, is told as {_told(outcome)}")


@BOOK.rule(
    6,
    "A moved booking stands once, at the new time",
    why="Two times hold up another patient and may cost both; none leaves the patient without care.",
    check="reschedule, or book and cancel, which the SDK uses where the vendor has no step of its own.",
    control="The booking that is moved stood in the same clinic's timebook before.",
    source="the contract: book new, then cancel old",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "not_once": "After the move the patient has not exactly one appointment that stands.",
        "other_time": "The moved booking does not stand at the new time.",
        "two_untold": "The new time waits for the clinic, the old one stands, and the caller was not told of both.",
    },
    look={"other_time": "reschedule: which ids, time and token of the new slot go to the vendor."},
    driver=True,
)
async def _moved(trial: Trial) -> None:
    rig = trial.rig()
    slots = await trial.open_times(rig)
    made = await trial.booked(rig, slots[0])
    new = second(trial, rig, slots)
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.reschedule(made.booking.ref, rig.request(new)))
    calls = rig.writing(rig.since(mark))
    live = rig.ours()
    if len(live) == 2 and any((one.start, one.state) == (new.start, "pending") for one in live):
        told = isinstance(outcome.error, RescheduleHalfDone)
        trial.claim(told, "two_untold", expected="RescheduleHalfDone with both bookings", got=outcome, calls=calls)
        trial.saw("the new time waits for the clinic's yes, the old one stands, and the caller is told of both")
        return
    at = f"1 appointment at {clock_told(rig, new.start)}"
    trial.claim(len(live) == 1, "not_once", expected=at, got=f"{starts_told(rig, live)}, told as {_told(outcome)}",
                calls=calls)  # fmt: skip
    trial.claim(live[0].start == new.start, "other_time", expected=at, got=starts_told(rig, live), calls=calls)
    trial.claim(outcome.error is None, "unexpected_error", expected="the moved booking", got=outcome, calls=calls)
    trial.saw(f"1 appointment that stands, at the new time; number of writes: {len(calls)}")


FAILED_MOVES: Mapping[str, str] = {
    "new_is_taken": "the new time is taken",
    "old_is_refused": "the clinic does not let the old one be cancelled",
    "old_is_lost": "each answer to the last write is lost",
    "new_is_lost": "the answer to the first write is lost",
}


@BOOK.rule(
    7,
    "A move that cannot be carried out leaves the old booking, and says truly what stands",
    why="A patient who wanted another time must not end with none, and must not be told of a time that is not there.",
    check="What the vendor answers in the middle of a move, and its entry in ErrorMap.",
    control="The same move without a fault is carried out in a twin clinic.",
    source="the contract: RescheduleHalfDone carries both bookings",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "without_any": "The move failed, and the patient has no appointment left.",
        "two_untold": "The old and the new appointment stand, and the caller was not told of both.",
        "told_moved": "The caller was told that the booking moved, but the old one still stands.",
    },
    look={
        "without_any": "reschedule: the old time is given up last, when the new one is certain.",
        "told_moved": "reschedule and cancel: which answers become a moved Booking, or Cancelled; ErrorMap: a refused "
        "cancel is BookingNotFound only where the booking is not there.",
    },
    safety=True,
)
async def _half_moved(trial: Trial) -> None:
    control = trial.rig()
    slots = await trial.open_times(control)
    made = await trial.booked(control, slots[0])
    new = second(trial, control, slots)
    mark = control.mark()
    done = await trial.outcome(control.session.reschedule(made.booking.ref, control.request(new)))
    trial.need(done.value or isinstance(done.error, RescheduleHalfDone) or None, f"a move without a fault: {done}")
    # Two writes, or one and the same where the vendor moves in one step.
    writes = [call.operation or "" for call in control.writing(control.since(mark))]
    trial.need(writes, "the move sent no write")
    making, ending = writes[0], writes[-1]
    for story, what in FAILED_MOVES.items():
        rig = trial.rig()
        slots = await trial.open_times(rig)
        made = await trial.booked(rig, slots[0])
        new = second(trial, rig, slots)
        if story == "new_is_taken":
            take(rig, new)
        elif story == "old_is_refused":
            if not rig.holds(FORBIDDEN):
                trial.saw("no clinic of this vendor's forbids to cancel")
                continue
            rig.clinic.set_restrictions(FORBIDDEN)
        elif story == "old_is_lost":
            rig.fault(ending, "reset", times=0)
        else:
            rig.fault(making, "reset", when="after_commit")
        mark = rig.mark()
        outcome = await trial.outcome(rig.session.reschedule(made.booking.ref, rig.request(new)))
        calls = rig.writing(rig.since(mark))
        live = rig.ours()
        old_stands = any((one.id, one.start) == (made.appointment.id, made.appointment.start) for one in live)
        trial.claim(bool(live), "without_any", expected=f"at least 1 appointment that stands: {what}",
                    got=f"none, told as {_told(outcome)}", calls=calls)  # fmt: skip
        trial.claim(outcome.error is not None or not old_stands, "told_moved", expected=f"an error: {what}, and the "
                    "old booking stands", got=outcome, calls=calls)  # fmt: skip
        aware = isinstance(outcome.error, RescheduleHalfDone | OutcomeUnknown)
        trial.claim(len(live) == 1 or aware, "two_untold", expected=f"RescheduleHalfDone: {what}",
                    got=f"{outcome}; {starts_told(rig, live)}", calls=calls)  # fmt: skip
        trial.saw(f"{what}: told as {_told(outcome)}; appointments that stand: {len(live)}")


@BOOK.rule(
    8,
    "A move in one step keeps the booking and its reference, and one that is refused or lost is told for what it is",
    why="A patient who is told of a new time that was refused comes to a closed door; the old one waits in vain.",
    check="reschedule: the vendor's refusals in ErrorMap, and what becomes of an answer that does not come.",
    control="The same move without a fault is carried out in a twin clinic, each call answered.",
    source="the contract: a move in one step happens whole or not at all; after a lost answer the booking is read",
    needs=("reschedule", *NEEDS),
    evidence=("timebook", "journal"),
    causes={
        "another": "The moved booking has another id or reference than before, is another appointment, or stands with "
        "another practitioner, for another type or at another time than it was to be moved to.",
        "echoed": "The moved booking is told at the time that was asked for, though the vendor's answer has another: "
        "read the booking from the answer.",
        "other_error": "The vendor's refusal was told as another error than the one that fits it, effect none. Where "
        "one code says two of them, read the booking first, as `kobling about cancel-a-booking` shows.",
        "changed": "A refused move has changed the booking.",
        "told_moved": "The caller was told that the booking moved, but it stands as before.",
        "told_not_moved": "The caller was told that nothing was changed, but the booking has moved.",
        "resent": "The move was sent again after its answer was lost.",
        "narrower": "The vendor refuses a move that Limits.reschedule_within lets through: name there what must stay "
        "the same for a move in one step.",
    },
    look={
        "another": "reschedule: which of the new slot's ids go to the vendor, the practitioner's among them; which id "
        "and reference the Booking has.",
        "echoed": "The Booking that reschedule returns: start and end come from the answer, never from the slot.",
        "told_moved": "reschedule: which answers become a Booking.",
        "told_not_moved": "reschedule: let the errors of the write out as they are; ErrorMap: a status that a gateway "
        "may send refuses nothing.",
        "resent": "reschedule: one write, in no loop and never sent again.",
        "narrower": "Limits.reschedule_within.",
    },
)
async def _in_one_step(trial: Trial) -> None:
    write = await _moved_whole(trial)
    await _moved_as_far_as_stated(trial)
    refusals: tuple[tuple[str, tuple[type[KoblingError], ...]], ...] = (
        ("the new time is taken", (SlotTaken, SlotWithdrawn)),
        ("the booking is gone", (BookingNotFound,)),
    )
    if trial.rig().holds(FORBIDDEN):
        refusals += (("no change is allowed any more", (TooLateToChange,)),)
    for what, errors in refusals:
        rig, made, new = await _to_be_moved(trial)

        def meanwhile(
            _: BookingRequest, rig: Rig = rig, new: Slot = new, what: str = what, booked: Booked = made
        ) -> None:
            if what == "the new time is taken":
                take(rig, new)
            elif what == "the booking is gone":
                rig.clinic.staff_cancel(booked.appointment.id)
            else:
                rig.clinic.set_restrictions(FORBIDDEN)

        mark = rig.mark()
        call = rig.session.reschedule(made.booking.ref, rig.request(new), before_write=meanwhile)
        outcome = await trial.outcome(call)
        calls = rig.writing(rig.since(mark))
        trial.need(rig.since(mark), f"the vendor was not asked, {what}")
        now = state_of(rig, made.appointment)
        stays = now is not None and now.start == made.appointment.start
        expected = f"the booking at its old time, {clock_told(rig, made.appointment.start)}: {what}"
        trial.claim(stays, "changed", expected=expected, got=starts_told(rig, [now] if now else []), calls=calls)
        told = isinstance(outcome.error, errors) and outcome.error.effect == "none"
        names = " or ".join(one.__name__ for one in errors)
        got = decided(rig, outcome, calls, "reschedule")
        trial.claim(told, "other_error", expected=f"{names}, effect none: {what}", got=got, calls=calls)
        answered = f"answered {calls[-1].status}" if calls else "read, and not sent"
        trial.saw(f"{what}: {answered}, told as {outcome}")
    for when, kinds in (("before_commit", LOST_BEFORE), ("after_commit", LOST_AFTER)):
        for kind in kinds:
            await _lost_move(trial, write, when, kind)
    trial.saw(f"{len(LOST_BEFORE) + len(LOST_AFTER)} moves with a lost answer, each told as it stands, or as unknown")


async def _to_be_moved(trial: Trial) -> tuple[Rig, Booked, Slot]:
    """A booking, and another time that is open and does not touch it."""
    rig = trial.rig()
    slots = await trial.open_times(rig)
    made = await trial.booked(rig, slots[0])
    within = trial.adapter.limits.reschedule_within
    others = [
        one
        for one in slots[1:]
        if apart(one, slots[0])
        and rig.open_time(one) is not None
        and all(_id(one, kind) == _id(slots[0], kind) for kind in within)
    ]
    others.sort(key=lambda one: _in_what_it_differs(one, slots[0]))  # what every vendor moves comes first
    same = "".join(f", of the same {kind}" for kind in sorted(within))
    return rig, made, trial.need(others, times_needed(rig, f"a second one apart from the first{same}", slots))[0]


def _in_what_it_differs(one: Slot, other: Slot) -> tuple[str, ...]:
    return tuple(kind for kind in ("practitioner", "service") if _id(one, kind) != _id(other, kind))


def _id(one: Slot, kind: str) -> str | None:
    """Of the slot's practitioner, service or location."""
    found: str | None = getattr(one, f"{kind}_id")
    return found


CLINICS_FOR_A_MOVE: tuple[ClinicName, ...] = ("demo", "particular", "few", "random")
"""Where times are looked for to which a booking can be moved, one clinic after the other until there are some."""


async def _moved_as_far_as_stated(trial: Trial) -> None:
    """Moves to another practitioner, and another service, where the facts say that it need not stay the same; what no
    clinic has times for is told with what the run can't know."""
    within = trial.adapter.limits.reschedule_within
    free = [kind for kind in ("practitioner", "service") if kind not in within]
    moved = {kind: await _moved_across(trial, kind) for kind in free}
    untried = [f"another {kind}" for kind, to in moved.items() if to is None]
    rig = trial.rig()
    anywhere = "location" not in within and rig.told("departments") and len(rig.places) > 1
    if anywhere and True not in moved.values():
        untried.append("another department")
    if untried:
        trial.facts[UNTRIED] = (
            f"what becomes of a move in one step to {' or '.join(untried)}, all else the same: the mock's clinics have "
            "no times for it"
        )
        trial.saw(f"not tried, for want of times in any of the mock's clinics: a move to {' or '.join(untried)}")


async def _moved_across(trial: Trial, kind: str) -> bool | None:
    """A move to another practitioner, or another service, and all else the same where it can be: whether it also led to
    another department. None where no clinic has times for it."""
    for clinic in CLINICS_FOR_A_MOVE:
        rig = trial.rig(clinic)
        query = rig.days(7, 1)
        found = await trial.outcome(rig.session.slots(query))
        slots = rig.known(found.value.found, query.first_day, query.last_day) if found.value else []
        trial.random.shuffle(slots)
        pairs = [(old, new) for old in slots for new in slots if apart(old, new)
                 and _in_what_it_differs(new, old) == (kind,)
                 and all(_id(old, kept) == _id(new, kept) for kept in trial.adapter.limits.reschedule_within)
                 ]  # fmt: skip
        if pairs:
            open_there = {(one.practitioner_id, one.start) for one in slots}
            # At the same department, and at a time at which a move that forgets with whom can be carried out, too.
            old, new = min(pairs, key=lambda pair: (pair[0].location_id != pair[1].location_id,
                           (pair[0].practitioner_id, pair[1].start) not in open_there))  # fmt: skip
            made = await trial.booked(rig, old)
            if rig.open_time(new) is not None:
                await _moved_to(trial, rig, made, new, kind)
                return old.location_id != new.location_id
    return None


async def _moved_to(trial: Trial, rig: Rig, made: Booked, new: Slot, kind: str) -> None:
    before, mark = made.appointment, rig.mark()
    outcome = await trial.outcome(rig.session.reschedule(made.booking.ref, rig.request(new)))
    calls, now = rig.writing(rig.since(mark)), state_of(rig, before)
    stays = now is not None and _stands_at(now) == _stands_at(before)
    trial.claim(outcome.error is None or not stays, "narrower", expected=f"moved to another {kind}, which "
                "reschedule_within does not name", got=outcome, calls=calls)  # fmt: skip
    place = now and (rig.wire_id(now.timebook_id), rig.wire_id(now.type_id), now.start)
    asked, names = (new.practitioner_id, new.service_id, new.start), ("practitioner", "type", "start")
    got = facts_told(rig, dict(zip(names, place, strict=True))) if place else "no such appointment any more"
    trial.claim(place == asked, "another", expected=facts_told(rig, dict(zip(names, asked, strict=True))), got=got,
                calls=calls)  # fmt: skip
    trial.claim(outcome.error is None, "unexpected_error", expected=f"the Booking, moved to another {kind}",
                got=outcome, calls=calls)  # fmt: skip
    trial.saw(f"moved to another {kind} in one step, as the facts say")


def _stands_at(one: Appointment) -> tuple[Any, ...]:
    return one.timebook_id, one.type_id, one.start


async def _moved_whole(trial: Trial) -> str:
    """The control: a move without a fault; the vendor's name of the call that moved."""
    rig, made, new = await _to_be_moved(trial)
    before, mark = rig.appointments(), rig.mark()
    outcome = await trial.outcome(rig.session.reschedule(made.booking.ref, rig.request(new)))
    calls = trial.control(rig, mark, "a booking is moved")
    writes = rig.writing(calls)
    trial.need(outcome.value, f"a move without a fault: {outcome}")
    now = state_of(rig, made.appointment)
    same = now is not None and now.start == new.start and not rig.made_since(before)
    same = same and outcome.value.id == made.booking.id and outcome.value.reference in (None, made.booking.reference)
    told, known = outcome.value, made.booking.reference
    expected = f"booking {made.booking.id} at {clock_told(rig, new.start)}, its reference as before"
    got = f"told as booking {told.id}, its reference {'as before' if told.reference in (None, known) else 'another'}; "
    got += f"{made.booking.id} stands at {clock_told(rig, now.start)}" if now else f"{made.booking.id} is gone"
    wrong = _what_is_another(told, made.booking, now, new, bool(rig.made_since(before)))
    trial.claim(same, "another", expected=expected, got=got, calls=writes, wrong=wrong)
    await _told_as_answered(trial)
    return writes[-1].operation or ""


async def _told_as_answered(trial: Trial) -> None:
    """The same move at a vendor whose answers about the booking have its old time, also where it can't be read
    afterwards: that is told, or an error."""
    for readable in (True, False):
        await _told_the_old_time(trial, readable=readable)


async def _told_the_old_time(trial: Trial, *, readable: bool) -> None:
    rig, made, new = await _to_be_moved(trial)
    old = made.request.slot
    answered = {**_in_the_place_of(new.start, old.start, rig.tz), **_in_the_place_of(new.end, old.end, rig.tz)}
    mark = rig.mark()
    otherwise = answered_otherwise((made.booking.id, str(made.booking.reference)), answered)
    rig.spoil = otherwise if readable else unread_afterwards(rig, otherwise)
    outcome = await trial.outcome(rig.session.reschedule(made.booking.ref, rig.request(new)))
    rig.spoil = None
    calls = rig.writing(rig.since(mark))
    if not any(rig.spoiled(call.number) for call in calls):
        trial.saw("no answer to a move spells its time")
        return
    honest = outcome.error is not None or outcome.value.start != new.start
    trial.claim(honest, "echoed", got=f"told at {clock_told(rig, new.start)}, as asked", calls=calls,
                expected=f"an error, or the booking at {clock_told(rig, old.start)}, as in the answer")  # fmt: skip
    when = "" if readable else ", and no reading afterwards"
    trial.saw(f"an answer with the old time{when}: told as {outcome if outcome.error is not None else 'it says'}")


def _in_the_place_of(new: datetime, old: datetime, zone: tzinfo) -> dict[str, str]:
    """Each spelling of a moment with that of another: whole, in seconds, or its day and its clock in fields of their
    own."""
    pairs = dict(zip(spelled(new, zone), spelled(old, zone), strict=True))
    local = new.astimezone(zone), old.astimezone(zone)
    for form in ('"%Y-%m-%d"', '"%H:%M"', '"%H:%M:%S"'):
        one, other = (each.strftime(form) for each in local)
        pairs |= {one: other} if one != other else {}
    for a_second in (1, 1000):
        pairs[str(int(new.timestamp()) * a_second)] = str(int(old.timestamp()) * a_second)
    return pairs


def _what_is_another(told: Booking, before: Booking, now: Appointment | None, new: Slot, added: bool) -> str:
    """In a sentence for each, what is not as it should be after a move."""
    parts = []
    if told.id != before.id:
        parts.append("The Booking that reschedule returned has another id than the booking that was moved.")
    if told.reference not in (None, before.reference):
        parts.append("The Booking that reschedule returned has another reference than before.")
    if now is None:
        parts.append("The booking that was to be moved is not there any more.")
    elif now.start != new.start:
        parts.append("The booking stands at another time than it was to be moved to.")
    return " ".join([*parts, *(["The clinic has a new appointment, though one was to be moved."] if added else [])])


async def _lost_move(trial: Trial, write: str, when: Any, kind: str) -> None:
    if kind == "no_id":
        return
    rig, made, new = await _to_be_moved(trial)
    more: dict[str, Any] = {"seconds": 60.0} if kind == "slow" else dict(fault_details(kind))
    rig.fault(write, kind, when=when, times=0, **more)
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.reschedule(made.booking.ref, rig.request(new)))
    calls, what = rig.writing(rig.since(mark)), loss_told(kind, when)
    trial.need(calls, f"the move was not sent, {what}")
    now = state_of(rig, made.appointment)
    moved = now is not None and now.start == new.start
    trial.claim(len(calls) == 1, "resent", expected=f"1 write ({what})", got=f"{len(calls)} writes", calls=calls)
    trial.claim(outcome.error is not None or moved, "told_moved", expected=f"an error: the booking has not moved "
                f"({what})", got=outcome, calls=calls)  # fmt: skip
    certain = outcome.error is not None and outcome.error.effect == "none"
    trial.claim(not (certain and moved), "told_not_moved", expected=f"OutcomeUnknown, or the Booking: it has "
                f"moved ({what})", got=outcome, calls=calls)  # fmt: skip
    await trial.done_with(rig)


@BOOK.rule(
    9,
    "However a vendor is set up, a booking can be given up and moved, and what is told of it is so",
    why="A clinic whose system cancels in the other way must not find out on the day that a patient calls in sick.",
    check="Branches of cancel and reschedule for what a clinic's options say; each needs a path and a body of its own.",
    control="In one setting at least a booking is confirmed, and stands, before it is moved and given up.",
    source="the contract: options tell the adapter how a clinic's system is set up",
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "refused": "The cancel of a booking that stands was not carried out.",
        "still_stands": "The caller was told that the booking is cancelled, but it still stands.",
        "not_moved": "The booking was not moved, though nothing forbids it.",
        "not_once": "After the move the patient has not exactly one appointment, at the time that was told.",
    },
)
async def _however_set_up(trial: Trial) -> None:
    tried, first = 0, trial.rig()
    known = first.world.switches.known
    others = [one for one in first.every_setting() if all(known[name].choices[0] != one[name] for name in one)]
    for setting in ({}, *others):
        rig = trial.rig(switches=setting)
        what = setting_told(setting)
        query = rig.days(1, 1)
        found = await trial.outcome(rig.session.slots(query))
        slots = rig.known(found.value.found, query.first_day, query.last_day) if found.value else []
        after = [one for one in slots[1:] if one.start >= slots[0].end]
        same = [
            one for one in after if one.identity[1:-1] == slots[0].identity[1:-1]
        ]  # what a vendor moves in one step
        if after and await _given_up_and_moved(trial, rig, slots[0], (same or after)[-1], what):
            tried += 1
        await trial.done_with(rig)
    trial.need(
        tried or None,
        f"a booking that is confirmed, and a later open time on its day, in at least one of "
        f"{len(others) + 1} settings of the mock",
    )
    trial.controls.append(f"bookings are confirmed in {tried} settings")


async def _given_up_and_moved(trial: Trial, rig: Rig, slot: Slot, later: Slot, what: str) -> bool:
    """Book and give up, then book, move and give up. False where nothing is booked for certain."""
    made = await trial.outcome(rig.session.book(rig.request(slot)))
    if made.value is None or len(rig.ours()) != 1:
        return False
    first = await _given_up(trial, rig, made.value.ref, what)
    made = await trial.outcome(rig.session.book(rig.request(slot)))
    if made.value is None or len(rig.ours()) != 1:
        trial.saw(f"{what}: {first}; the same time is not booked again for certain, told as {_told(made)}")
        return True
    mark = rig.mark()
    moved = await trial.outcome(rig.session.reschedule(made.value.ref, rig.request(later)))
    calls, live = rig.writing(rig.since(mark)), rig.ours()
    unread = [one for one in rig.since(mark) if one not in calls and (one.status is None or said_no(rig, one))]
    honest = isinstance(moved.error, OutcomeUnknown | RescheduleHalfDone) or bool(unread)
    trial.claim(moved.error is None or honest, "not_moved", expected=f"moved to {clock_told(rig, later.start)} "
                f"({what})", got=moved, calls=calls)  # fmt: skip
    if moved.value is not None:
        once = len(live) == 1 and live[0].start == later.start
        trial.claim(once, "not_once", expected=f"1 appointment at {clock_told(rig, later.start)} ({what})",
                    got=starts_told(rig, live), calls=calls)  # fmt: skip
        await _given_up(trial, rig, moved.value.ref, what, "reschedule", calls)
    trial.saw(f"{what}: {first}; a move is told as {_told(moved)}")
    return True


async def _given_up(
    trial: Trial, rig: Rig, ref: BookingRef, what: str, by: str = "book", before: Sequence[Call] = ()
) -> str:
    """Cancel. by, before: the operation of the adapter's that told of the booking, and its calls."""
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.cancel(ref, REASON))
    calls, left = rig.writing(rig.since(mark)), len(rig.ours())
    done = isinstance(outcome.value, Cancelled)
    trial.claim(done or unknown(outcome), "refused", expected=f"Cancelled ({what})", got=outcome, calls=calls)
    ids = [rig.wire_id(one.id) for one in rig.ours()]
    stands = f"{outcome}; {counted(left, 'appointment')} that {'stands' if left == 1 else 'stand'}: {', '.join(ids)}"
    wrong = ""
    if ids and ref.id not in ids:
        wrong = (
            f"No booking {ref.id} stood at the clinic, and the one that was to be cancelled still does: the Booking "
            f"that {by} returned has a wrong id."
        )
    trial.claim(not (done and left), "still_stands", expected=f"no appointment that stands, as told ({what})",
                got=stands, calls=[*before, *calls], wrong=wrong)  # fmt: skip
    return f"a cancel is told as {_told(outcome)}" + (f"; appointments that stand: {left}" if left else "")
