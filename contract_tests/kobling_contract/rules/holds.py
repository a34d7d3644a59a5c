"""BOOK: times that are held before they are booked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from kobling import (
    BookingNotFound,
    BookingRequest,
    SlotTaken,
    SlotWithdrawn,
    VendorProtocolError,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling_mocks import Call
from kobling_mocks.clinic import Appointment

from ..decided import decided, said_no
from ..outcome import Outcome
from ..rig import Rig
from ..rule import UNTRIED
from ..trial import Trial
from ..wording import counted, loss_told
from .booking import BOOK, NEEDS

LOST = (
    ("before_commit", "reset"),
    ("after_commit", "reset"),
    ("after_commit", "html_200"),
    ("after_commit", "http_503"),
)
A_WHILE = 60.0
"""Seconds for which somebody else holds a time."""


@BOOK.rule(
    27,
    "A time that is held first is held once, is given back where it is not booked, and a hold alone books nothing",
    why="A hold that stays keeps the time from everybody, and from the same patient, whose telephone number was wrong.",
    check="hold_slot, release_slot and book: what each of them sends, and which id of the hold goes with the booking.",
    control="A booking without a fault stands in the timebook, made of one hold that is used up.",
    source="the contract: hold_slot keeps request.slot, book uses the hold, release_slot gives it back",
    needs=("hold_slot", *NEEDS),
    evidence=("timebook", "journal"),
    causes={
        "left": "The booking stands, and its hold is still there: book has not used it.",
        "not_one": "For one booking, another number of holds than one was asked for.",
        "other_time": "Another time is held than the one that was asked for.",
        "not_given_back": "The vendor refused the booking, and the time is still held, although the adapter has "
        "release_slot.",
        "told_otherwise": "The time could not be held, or the answer to that was lost, and the caller did not hear "
        "that nothing was booked.",
        "changed": "Something stands in the timebook although the answer to the hold was lost, or the vendor refused "
        "to hold that time.",
        "not_listed": "The vendor refuses a booking whose hold is over, and the caller hears of a defect of the "
        "vendor's, instead of taking another time.",
        "not_again": "The hold is over, and the same booking can't be made any more.",
    },
    look={
        "not_one": "hold_slot: one http.post, in no loop; with http.query it may be sent again.",
        "other_time": "hold_slot: which of request.slot's ids and times go to the vendor.",
        "not_given_back": "release_slot: the address, and the id that hold_slot returned.",
        "told_otherwise": "hold_slot: let the errors of http.post out as they are; ErrorMap: what the vendor's code "
        "for a time that somebody has means.",
        "not_listed": "ErrorMap.codes: the vendor's code for a hold that has ended is SlotWithdrawn.",
        "changed": "hold_slot: it keeps a time, and books nothing. Is it sent again by itself (http.query, a loop), or "
        "is another time held than the one that was asked for?",
    },
    driver=True,
    safety=True,
)
async def _held_first(trial: Trial) -> None:
    rig = trial.rig()
    control = await trial.booked(rig)
    hold = trial.need(control.deciding if control.deciding != control.write else None, "one write before the booking")
    left = rig.clinic.holds
    trial.claim(not left, "left", expected="no hold once the time is booked", got=counted(len(left), "hold"),
                calls=control.calls)  # fmt: skip
    asked = [call for call in control.calls if call.operation == hold]
    trial.claim(len(asked) == 1, "not_one", expected="1 hold", got=counted(len(asked), "hold"), calls=asked)
    await _refused_after_it_was_held(trial)
    await _held_by_another(trial, hold)
    await _hold_runs_out(trial)
    for when, kind in LOST:
        await _hold_is_lost(trial, hold, when, kind)
    trial.saw(f"{len(LOST)} holds with a lost answer: nothing booked, told so, and booked once the hold was over")


async def _refused_after_it_was_held(trial: Trial) -> None:
    """The time is closed between the hold and the booking, so that the vendor refuses what it has held."""
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    held: list[tuple[str, str, object]] = []

    def close(_: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        for one in () if held else rig.clinic.holds:
            held.append((rig.wire_id(one.timebook_id), rig.wire_id(one.type_id), one.start))
            rig.clinic.block(one.timebook_id, one.start, one.end, "Møte")
        return outcome

    rig.spoil = close
    mark, before = rig.mark(), rig.appointments()
    outcome = await trial.outcome(rig.session.book(rig.request(slot)))
    rig.spoil = None
    calls = rig.writing(rig.since(mark))
    trial.need(held, "the mock's hold is none of its clinic's: Clinic.hold keeps one, BookingOrder.hold_id books it")
    expected = (slot.practitioner_id, slot.service_id, slot.start)
    trial.claim(held[0] == expected, "other_time", expected=f"held: {_told(*expected)}", got=_told(*held[0]),
                calls=calls)  # fmt: skip
    _nothing_booked(trial, rig, outcome, before, "the vendor refused the held time", calls)
    left = rig.clinic.holds
    if "release_slot" in trial.adapter.supports:
        trial.claim(not left, "not_given_back", expected="no hold once the booking was refused",
                    got=counted(len(left), "hold"), calls=calls)  # fmt: skip
    elif left:
        trial.facts[UNTRIED] = (
            "whether the vendor has a call that gives a hold back: the adapter has no release_slot, and a time whose "
            "booking was refused stays held, for the same patient too"
        )
    what = "given back" if not left else "left to end by itself"
    trial.saw(f"a held time that could not be booked any more: told as {outcome}, and {what}")


def _told(who: object, what: object, start: object) -> str:
    return f"practitioner {who}, service {what}, {start}"


async def _held_by_another(trial: Trial, hold: str) -> None:
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)

    def meanwhile(_: BookingRequest) -> None:
        rig.clinic.hold(rig.own(slot.practitioner_id), rig.own(slot.service_id), slot.start, A_WHILE)

    mark, before = rig.mark(), rig.appointments()
    outcome = await trial.outcome(rig.session.book(rig.request(slot), before_write=meanwhile))
    calls = rig.writing(rig.since(mark))
    trial.need([call for call in calls if call.operation == hold], "no hold was asked for")
    _nothing_booked(trial, rig, outcome, before, "somebody else holds the time", calls)
    told = isinstance(outcome.error, SlotTaken | SlotWithdrawn)
    trial.claim(told, "told_otherwise", expected="SlotTaken or SlotWithdrawn: somebody else holds the time",
                got=outcome, calls=calls)  # fmt: skip
    trial.saw(f"a time that somebody else holds: told as {outcome}")


async def _hold_runs_out(trial: Trial) -> None:
    """The hold ends before the booking that was to use it arrives."""
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    ended: list[str] = []

    def end(_: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        for one in () if ended else rig.clinic.holds:
            ended.append(one.id)
            rig.clinic.release(one.id)
        return outcome

    rig.spoil = end
    mark, before = rig.mark(), rig.appointments()
    outcome = await trial.outcome(rig.session.book(rig.request(slot)))
    rig.spoil = None
    if outcome.error is None:
        trial.saw("the hold was over when the booking came, and the vendor booked the time all the same")
        return
    calls = rig.writing(rig.since(mark))
    _nothing_booked(trial, rig, outcome, before, "the hold was over when the booking came", calls)
    of_a_booking = isinstance(outcome.error, BookingNotFound)
    expected, got = "SlotWithdrawn, or another error about the time: the hold was over", decided(rig, outcome, calls)
    trial.claim(not of_a_booking, "told_otherwise", expected=expected, got=got, calls=calls)
    defect = isinstance(outcome.error, VendorProtocolError) and bool(calls) and said_no(rig, calls[-1])
    trial.claim(not defect, "not_listed", expected=expected, got=got, calls=calls)
    trial.saw(f"the hold was over when the booking came: told as {outcome}")


async def _hold_is_lost(trial: Trial, hold: str, when: Any, kind: str) -> None:
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    rig.fault(hold, kind, when=when)
    mark, before, request = rig.mark(), rig.appointments(), rig.request(slot)
    outcome = await trial.outcome(rig.session.book(request))
    calls = rig.writing(rig.since(mark))
    what = loss_told(kind, when)
    _nothing_booked(trial, rig, outcome, before, what, calls)
    asked = [call for call in calls if call.operation == hold]
    trial.claim(len(asked) == 1, "not_one", expected=f"1 hold: {what}", got=counted(len(asked), "hold"), calls=calls)
    rig.world.faults.clear()
    rig.pace.pass_time(_until_over(rig))
    again = await trial.outcome(rig.session.book(request))
    trial.claim(again.error is None, "not_again", expected=f"booked once the hold was over: {what}", got=again,
                calls=rig.writing(rig.since(mark)))  # fmt: skip


def _until_over(rig: Rig) -> float:
    """Seconds until every hold has ended, and one more."""
    now = rig.pace.now()
    return max([(one.until - now) / timedelta(seconds=1) for one in rig.clinic.holds], default=0.0) + 1.0


def _nothing_booked(
    trial: Trial, rig: Rig, outcome: Outcome, before: tuple[Appointment, ...], what: str, calls: Sequence[Call]
) -> None:
    made = rig.made_since(before)
    trial.claim(not made, "changed", expected=f"nothing booked: {what}", got=counted(len(made), "new appointment"),
                calls=calls)  # fmt: skip
    told = outcome.error is not None and outcome.error.effect == "none"
    got = decided(rig, outcome, calls)
    trial.claim(told, "told_otherwise", expected=f"an error with effect none: {what}", got=got, calls=calls)
