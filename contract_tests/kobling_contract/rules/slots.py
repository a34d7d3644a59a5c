"""SLOT: open times, against the clinic's own timebook, on ordinary days and when the clock changes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import urlsplit

from kobling import (
    InvalidRequest,
    Operation,
    Slot,
    SlotQuery,
    Slots,
    SlotTaken,
    SlotWithdrawn,
    WireReply,
)
from kobling_mocks import Call
from kobling_mocks.clinic import OpenSlot, Restrictions

from ..clinics import AUTUMN_NIGHT, SPRING_NIGHT, ClinicName
from ..decided import said_no
from ..outcome import Outcome
from ..rig import Rig
from ..rule import RuleBook
from ..set_up import settings_told
from ..sides import Side
from ..timebook import Times, times_of
from ..told_times import Compared, times_told
from ..trial import Trial
from ..wording import counted, slot_told, some
from .catalogue import take_long

BOOK = RuleBook("SLOT", "Open times")
NEEDS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots")
COMPLETE = "the contract: a plain list, or Slots without unknown parts, is a promise of completeness"
WALL_CLOCK = "the contract's rule for wall-clock rows; IANA time zone Europe/Oslo"

TIME_CAUSES = {
    "missing": "Times that the clinic offers are not found.",
    "invented": "Times are found that the clinic does not offer.",
}


async def read(trial: Trial, rig: Rig, query: SlotQuery, what: str, *, department: str | None = "") -> Slots:
    """Open times without any fault: the control. department: "" for all departments, None for the connection's own.
    What a caller who had to wait could not find out is `missing`."""
    mark = rig.searched = rig.mark()
    side = rig.session if department is None else rig.connect(department_id=department) if department else rig.whole()
    answer = await searched(rig, side, query)
    if "missing" in trial.rule.causes:
        whole(trial, answer)
    trial.control(rig, mark, what)
    return answer


def whole(trial: Trial, answer: Slots, calls: Iterable[Call] = ()) -> None:
    """Claim that no part of an answer is unknown."""
    if not answer.complete:
        wrong = "The answer has parts that are unknown, though nothing kept the adapter from reading them."
        if any(part.because == "rate_limited" for part in answer.unknown):
            wrong += " As rate_limited: look at Limits.rate, and at how many calls one search takes."
        if any(part.because == "invalid_request" for part in answer.unknown):
            wrong += (
                " As invalid_request: the vendor refuses what it is asked. Look at Limits.slots, for how many days, "
                "practitioners and services go into one call, and at each value that list_slots sends."
            )
        trial.broken("missing", expected="a complete answer", got=unread(answer), calls=calls, wrong=wrong)


async def searched(rig: Rig, side: Side, query: SlotQuery) -> Slots:
    """A search, without the times that the clinic closed by itself while an adapter with a limit on calls waited."""
    if rig.adapter.limits.rate is None:
        return await side.slots(query)
    before = times_of(rig.shown.times(query.first_day, query.last_day))
    answer = await side.slots(query)
    passed = before - times_of(rig.shown.times(query.first_day, query.last_day))
    return answer.model_copy(update={"found": tuple(one for one in answer.found if not times_of([one]) & passed)})


def unread(answer: Slots) -> str:
    """How many parts of an answer are unknown, and why."""
    why = Counter(part.because for part in answer.unknown)
    return f"{len(answer.unknown)} unknown parts ({', '.join(f'{count} {code}' for code, count in why.items())})"


def same_times(
    trial: Trial, rig: Rig, found: Iterable[Slot], expected: Iterable[OpenSlot], what: str, *, set_up: bool = False
) -> None:
    """Claim that two sets of times are the same, and keep the count as evidence. set_up: where they differ, the
    clinic's settings are told too."""
    slots = tuple(found)
    have, want = times_of(slots), times_of(expected)
    trial.need(tuple(want), f"{what}: the clinic has no open time")
    both = Compared(rig, have, want)
    if have != want:
        told = f"{len(want)} times, {what}"
        expected_told = f"{told}\n{settings_told(rig, both.timebooks)}" if set_up else told
        zones = {slot.zone for slot in slots} - {rig.clinic.zone}
        differ(trial, both, expected_told, wrong=f"{both.wrong}{_other_clock(rig, zones)}")
    trial.saw(f"{what}: {len(want)} times, the same as in the timebook")


def _other_clock(rig: Rig, zones: Collection[str]) -> str:
    if not zones:
        return ""
    return f" The days are those of {some(zones)}, and the clinic's clock is {rig.clinic.zone}: look at Clinic.zone."


def differ(trial: Trial, both: Compared, expected: str, cause: str = "", wrong: str = "") -> NoReturn:
    """A claim that times are the same, and does not hold. cause: `missing` or `invented` without one. wrong: what
    happened, instead of what the times say."""
    trial.broken(cause or ("missing" if both.missing else "invented"), expected=expected, got=both.got,
                 calls=both.calls(), wrong=wrong or both.wrong, about=both.about)  # fmt: skip


@BOOK.rule(
    1,
    "The open times are exactly those of the clinic's timebook",
    why="A missing time is a patient turned away, an invented one is a patient at a closed door.",
    check="list_slots: every page and day of the window, whose clock a time is on, and the ids that stand with it.",
    control="The whole search is answered without an error, in a clinic whose own timebook has open times.",
    source=COMPLETE,
    needs=NEEDS,
    evidence=("timebook",),
    causes=TIME_CAUSES,
    look={
        "invented": "list_slots: whose clock a time is on, and the ids that stand with it; where the adapter computes "
        "open times, all that takes time: bookings, blocks, pauses.",
    },
    driver=True,
)
async def _exactly_the_timebook(trial: Trial) -> None:
    for world in ("demo", "random"):
        rig = trial.rig(world)
        query, mark = rig.days(), rig.mark()
        answer = await searched(rig, rig.whole(), query)
        calls = [one for one in rig.since(mark) if one.status is None or said_no(rig, one)]
        whole(trial, answer, calls)
        trial.control(rig, mark, f"two weeks of the {world} clinic are read")
        same_times(trial, rig, answer.found, rig.shown.times(query.first_day, query.last_day), f"{world} clinic")


@BOOK.rule(
    2,
    "Two readings give the same times in the same order, each once, sorted by start, practitioner and service",
    why="A list that jumps makes people book the wrong line; paging in a registry relies on the order.",
    check="list_slots must not depend on the order of a set or of concurrent answers.",
    control="Both readings are answered without an error, and find open times.",
    source="the contract: (start, practitioner, service)",
    needs=NEEDS,
    evidence=("journal",),
    causes={
        "unstable": "Two readings of an unchanged clinic differ.",
        "unsorted": "The times are not in order.",
        "doubled": "One time is told twice: look at windows and pages that overlap.",
    },
    look={"doubled": "list_slots: calls whose days overlap, and pages that are read twice."},
    targets=("mock", "cassette", "live"),
)
async def _stable_order(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    first = await read(trial, rig, rig.days(), "first reading")
    again = await read(trial, rig, rig.days(), "second reading")
    trial.need(first.found, "no open time is found")
    ids = [slot.identity for slot in first.found]
    twice = [slot for slot in first.found if ids.count(slot.identity) > 1] if len(set(ids)) < len(ids) else []
    trial.claim(not twice, "doubled", expected="each time once", got=f"twice: {some(map(slot_told, twice))}")
    same = ids == [slot.identity for slot in again.found]
    got = "" if same else _first_apart(again.found, first.found)
    trial.claim(same, "unstable", expected=f"{len(ids)} times, as in the first reading", got=got)
    ordered = sorted(first.found, key=lambda slot: (slot.start, slot.practitioner_id, slot.service_id))
    sorted_so = list(first.found) == ordered
    got = "" if sorted_so else _first_apart(first.found, ordered)
    trial.claim(sorted_so, "unsorted", expected="times by start, practitioner and service", got=got)
    trial.saw(f"two readings with the same {len(ids)} times in the same order, after {len(rig.since(mark))} calls")


def _first_apart(found: Sequence[Slot], other: Sequence[Slot]) -> str:
    """Where one list of times first differs from another one."""
    place = next((n for n, (one, two) in enumerate(zip(found, other, strict=False)) if one.identity != two.identity),
                 min(len(found), len(other)))  # fmt: skip
    one, two = (slot_told(each[place]) if place < len(each) else "no more" for each in (found, other))
    return f"{counted(len(found), 'time')}; as number {place + 1} {one}, where {two} should stand"


@BOOK.rule(
    3,
    "One practitioner and one service are found alone, and together make up the whole",
    why="A search for one practitioner that shows another's times books the wrong person.",
    check="SlotQuery.practitioner_ids and service_ids: sent to the vendor, and applied again to its answer.",
    control="Each narrowed search is answered without an error, for somebody whose timebook has open times.",
    source="the contract: what was not asked for is not an answer",
    needs=NEEDS,
    evidence=("timebook",),
    causes=TIME_CAUSES,
)
async def _filters(trial: Trial) -> None:
    rig = trial.rig()
    query = rig.days(7)

    def whole() -> tuple[OpenSlot, ...]:
        return rig.shown.times(query.first_day, query.last_day)

    pairs = sorted({(slot.timebook_id, slot.type_id) for slot in whole()})
    trial.need(pairs, "no open time")
    for who, what in trial.random.sample(pairs, min(3, len(pairs))):
        one = query.model_copy(update={"practitioner_ids": (who,), "service_ids": (what,)})
        answer = await read(trial, rig, one, "one practitioner and service are read")
        expected = [slot for slot in whole() if (slot.timebook_id, slot.type_id) == (who, what)]
        same_times(trial, rig, answer.found, expected, "one practitioner and service")
    who = trial.random.choice(pairs)[0]
    answer = await read(trial, rig, query.model_copy(update={"practitioner_ids": (who,)}), "one practitioner is read")
    same_times(trial, rig, answer.found, [slot for slot in whole() if slot.timebook_id == who], "one practitioner")


@BOOK.rule(
    4,
    "A department shows what is received there, and what has no address",
    why="A department that is ignored sends patients to the other end of town.",
    check="The department of the connection or query: which field of the vendor's is the visiting address? Where it "
    "may be the practitioner's own place: `kobling about at-the-practitioners`.",
    control="The search in each department is answered without an error, where the timebook has open times.",
    source="the help article on departments",
    needs=NEEDS,
    evidence=("timebook",),
    causes=TIME_CAUSES,
)
async def _departments(trial: Trial) -> None:
    rig = trial.rig()
    if trial.adapter.form.department_id.use == "unused":
        trial.not_offered("departments", proof=not rig.department)
    query = rig.days(7)
    for place in rig.clinic.departments:
        wire_id = rig.wire_id(place.id)
        answer = await read(trial, rig, query, "one department is read", department=wire_id)
        expected = rig.shown.times(query.first_day, query.last_day, wire_id)
        same_times(trial, rig, answer.found, expected, f"department {place.name}")


@BOOK.rule(
    5,
    "A window holds whole local days: the first and the last minute of each are in it, and nothing else",
    why="Times between midnight and two are lost or doubled when days are counted in UTC or by +24 h.",
    check="How the bounds of a day become the vendor's parameters, and how its times become days again.",
    control="The search of whole days is answered without an error, in a clinic that is open around the clock.",
    source="the contract: windows are local dates, both ends included",
    needs=NEEDS,
    evidence=("timebook",),
    causes=TIME_CAUSES,
)
async def _window_edges(trial: Trial) -> None:
    rig = trial.rig("round_the_clock")
    first = rig.today() + timedelta(days=8)  # a Tuesday, on which what began on Monday is not over yet
    for length in (1, 2):
        query = SlotQuery(first_day=first, last_day=first + timedelta(days=length - 1))
        answer = await read(trial, rig, query, f"{length} days around the clock are read")
        same_times(
            trial, rig, answer.found, rig.shown.times(query.first_day, query.last_day), counted(length, "whole day")
        )


@BOOK.rule(
    6,
    "A window longer than the vendor answers at once is whole all the same",
    why="A search that is silently cut makes a clinic look fully booked.",
    check="Limits.slots.days: the longest window of one call, and every page of an answer.",
    control="The search of ten weeks is answered without an error, in a clinic that is open in all of them.",
    source=COMPLETE,
    needs=NEEDS,
    evidence=("timebook",),
    causes=TIME_CAUSES,
)
async def _long_window(trial: Trial) -> None:
    rig = trial.rig("many_weeks")
    query = rig.days(70)
    answer = await read(trial, rig, query, "ten weeks are read")
    same_times(trial, rig, answer.found, rig.shown.times(query.first_day, query.last_day), "ten weeks")


@BOOK.rule(
    7,
    "A limited search gives the earliest times",
    why='"The next free time" must be the next free time.',
    check="SlotQuery.at_most: stopping early is allowed only in order of time.",
    control="The search is answered without an error, and the timebook has more open times than were asked for.",
    source="the contract: at_most counts in order of time",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "later": "A later time came instead of one of the earliest.",
        "other_count": "The search gave more or fewer times than were asked for.",
    },
)
async def _earliest(trial: Trial) -> None:
    rig = trial.rig()
    query = rig.days(30).model_copy(update={"at_most": 5})
    answer = await read(trial, rig, query, "the five earliest times are read")
    starts = sorted(slot.start for slot in rig.shown.times(query.first_day, query.last_day))
    trial.need(starts[5:], "no more than five open times, so that nothing is left out")
    found = [slot.start for slot in answer.found]
    trial.claim(len(found) == min(5, len(starts)), "other_count", expected="5 times, as asked for",
                got=counted(len(found), "time"))  # fmt: skip
    trial.claim(found == starts[:5], "later", expected=f"UTC: {', '.join(f'{one:%m-%d %H:%M}' for one in starts[:5])}",
                got=", ".join(f"{one:%m-%d %H:%M}" for one in found))  # fmt: skip
    trial.saw(f"the five earliest of {len(starts)} times")


@BOOK.rule(
    8,
    "What was just booked, blocked or closed at the clinic is no longer open",
    why="Staff book by telephone all day; a stale list sends two patients to one time.",
    check="No answer may be kept in the adapter, and `fresh_for` is for what changes seldom: never for open times, "
    "bookings or dated hours.",
    control="The same search found the time before it was blocked, and is answered without an error afterwards.",
    source="the contract: a search is fresh",
    needs=NEEDS,
    evidence=("timebook",),
    causes=TIME_CAUSES,
)
async def _fresh(trial: Trial) -> None:
    rig = trial.rig()
    query = rig.days(7)
    before = await read(trial, rig, query, "times are read before")
    trial.need(before.found, "no open time is found")
    chosen = trial.random.choice(before.found)
    rig.clinic.block(rig.own(chosen.practitioner_id), chosen.start, chosen.end, "Møte")
    day = trial.random.choice(sorted({slot.local_start.date() for slot in before.found}))
    rig.clinic.close_day(day)
    after = await read(trial, rig, query, "times are read after")
    same_times(
        trial, rig, after.found, rig.shown.times(query.first_day, query.last_day), "after one block and one closed day"
    )
    gone = times_of(before.found) - times_of(after.found)
    trial.saw(f"{len(gone)} times are gone after one block and one closed day")


def fault_details(kind: str) -> dict[str, str]:
    """What a kind of fault needs beside its name."""
    return {"to": "https://elsewhere.example.test/"} if kind == "redirect" else {}


SPOILT = ("http_503", "html_200", "html_502", "empty", "reset", "hang", "truncated", "deep_json", "redirect")


@BOOK.rule(
    9,
    "A part that could not be read is unknown; it never looks like a day without times",
    why='"No times" and "do not know" are different answers: the first sends the patient away.',
    check="Every `except`, every default for a missing value, and what becomes of an error in one of several calls.",
    control="The same week is read whole without a fault in a twin clinic, and the faults did strike.",
    source="the contract: Slots.unknown; an error of the engine decides, even if the adapter catches it",
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "silent_gap": "Times are missing, and neither an error nor an unknown part says so. Do not swallow errors: let "
        "them out, or return Slots with an UnknownPart for the days concerned.",
        "invented": "Times are found that the clinic does not offer.",
    },
    look={
        "invented": "list_slots: what is made of an answer that can't be read, such as a default or an older answer."
    },
    safety=True,
)
async def _never_silently_empty(trial: Trial) -> None:
    control = trial.rig()
    query = control.days(7, first=1)
    mark = control.mark()
    whole = await control.whole().slots(query)
    calls = trial.control(control, mark, "a week is read")
    trial.need(whole.found if whole.complete else None, "the week is not read whole without a fault either")
    struck = 0
    for kind in SPOILT:
        inner = trial.random.sample(range(2, len(calls)), min(2, max(0, len(calls) - 2)))
        for nth in sorted({1, *inner, len(calls)}):
            rig = trial.rig()
            rig.fault("*", kind, nth=nth, times=0, **fault_details(kind))
            outcome = await trial.outcome(rig.whole().slots(query))
            spoilt = [call for call in rig.world.journal.calls if call.fault]
            struck += bool(spoilt)
            if outcome.error is None:
                _owned_up(trial, rig, outcome.value, query, f"{kind} from call {nth} on", spoilt[:1])
    trial.need(struck or None, "no fault reached the adapter")
    trial.saw(f"{struck} searches with spoilt answers, each with an error or with what is missing told as unknown")


def _owned_up(trial: Trial, rig: Rig, answer: Slots, query: SlotQuery, what: str, calls: Iterable[Call]) -> None:
    want: Times = times_of(rig.shown.times(query.first_day, query.last_day))
    have = times_of(answer.found)
    if have - want:
        both = Compared(rig, have, want, want)
        trial.broken(
            "invented", expected="only the clinic's times", got=f"{what}: {both.got}", calls=calls, wrong=both.wrong
        )
    gaps = [
        (who, kind, start)
        for who, kind, start in want - have
        if not any(
            part.first_day <= start.astimezone(rig.tz).date() <= part.last_day
            and part.practitioner_id in (None, who)
            and part.service_id in (None, kind)
            for part in answer.unknown
        )
    ]
    which = f", the first {times_told(rig, gaps)}" if gaps else ""
    got = f"{what}: {len(gaps)} of {len(want)} times are missing without a word{which}"
    trial.claim(not gaps, "silent_gap", expected="an error, or the gap in Slots.unknown", got=got, calls=calls)


@BOOK.rule(
    10,
    "A time's end is its start plus the type's length, and its place is the type's",
    why="Calendars and reminders are made from both.",
    check="Slot.end in absolute time, not by the wall clock; Slot.location_id from the visiting address. Where open "
    "times name none, it follows from the catalogue: `kobling about at-the-practitioners`.",
    control="The searches are answered without an error, and find times that the timebook has too.",
    source="the contract: start and end are instants",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "other_end": "A time ends otherwise than in the timebook.",
        "other_place": "A time is told at another department than the timebook has it.",
        "no_place": "The vendor tells where a time is, and the slot does not: patients go to another department.",
    },
    look={
        "other_end": "Slot.end: the start plus the type's own minutes, in absolute time and not by the wall clock.",
        "no_place": "Slot.location_id: from the field that names the place in the same answer. Where none does, "
        "Practitioner.departments and Service.locations: the SDK fills in the only place that they leave.",
    },
)
async def _ends_and_places(trial: Trial) -> None:
    compared = 0
    worlds: tuple[ClinicName, ...] = ("demo", "particular", "autumn", "spring")
    rigs = [(f"the {world} clinic", trial.rig(world)) for world in worlds]
    if rigs[0][1].told("lengths"):
        rigs.append(("the particular clinic with longer types", trial.rig("particular")))
        take_long(rigs[-1][1])
    for which, rig in rigs:
        query = rig.days(7)
        answer = await read(trial, rig, query, f"a week of {which} is read")
        known = {
            (own.timebook_id, own.type_id, own.start): own for own in rig.shown.times(query.first_day, query.last_day)
        }
        for slot in answer.found:
            own = known.get((slot.practitioner_id, slot.service_id, slot.start))
            if own is None:
                continue
            trial.claim(slot.end == own.end, "other_end", expected=f"{slot_told(slot)} ends at {own.end:%H:%M}",
                        got=f"at {slot.end:%H:%M}")  # fmt: skip
            place = own.department_id
            if place is None and rig.needs_department and slot.location_id in rig.places:
                place = slot.location_id  # it is received everywhere, and was told by the department that was asked
            holds = slot.location_id in (None, place)
            expected = f"{slot_told(slot)} at department {place or 'None, as it is received everywhere'}"
            trial.claim(holds, "other_place", expected=expected, got=f"location_id {slot.location_id}")
            lost = slot.location_id is None and not rig.needs_department  # there the connection says where
            trial.claim(not lost or place is None, "no_place", expected=expected, got="location_id None")
            compared += 1
    trial.need(compared or None, "no open time is found")
    trial.saw(f"{compared} times end when, and are received where, the clinic has them")


@BOOK.rule(
    11,
    "A slot is found again by what it is, and one that is gone is said to be gone",
    why='Before every booking the time is looked at again; a wrong "still free" makes two patients meet.',
    check="The slot's token may change between readings; practitioner, service, place and start may not.",
    control="The same time is found again before it is blocked.",
    source="the contract: a slot is (connection, practitioner, service, location, start)",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "not_found_again": "An open time could not be found again.",
        "still_free": "A time that the clinic has blocked is still reported as free.",
    },
    look={"still_free": "list_slots: an answer that is kept from one search to the next, or blocks that are not read."},
    driver=True,
)
async def _found_again(trial: Trial) -> None:
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.verify(slot))
    trial.claim(
        outcome.error is None and outcome.value.identity == slot.identity,
        "not_found_again",
        expected=slot_told(slot),
        got=outcome if outcome.error is not None else slot_told(outcome.value),
        calls=rig.since(mark),
    )
    rig.clinic.block(rig.own(slot.practitioner_id), slot.start, slot.end, "Møte")
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.verify(slot))
    trial.claim(
        isinstance(outcome.error, SlotTaken | SlotWithdrawn),
        "still_free",
        expected=f"SlotTaken or SlotWithdrawn for {slot_told(slot)}",
        got=outcome,
        calls=rig.since(mark),
    )
    trial.saw("the timebook shows the time before, and not after it was blocked")


# ---- days and set-ups that are not the usual ones


@BOOK.rule(
    15,
    "The 29th of February, week 53 and the turn of the year are days like others",
    why="A calendar that leaves a day out loses its patients once in four years, when nobody looks.",
    check="Dates that are made by hand: weeks by number, years of 365 days, the same day of another year.",
    control="The search of these days is answered without an error, in a clinic that is open on them.",
    source=COMPLETE,
    needs=NEEDS,
    evidence=("timebook",),
    causes=TIME_CAUSES,
)
async def _rare_days(trial: Trial) -> None:
    for world, first, count in (("leap", 0, 14), ("many_weeks", 28, 21)):
        rig = trial.rig("leap" if world == "leap" else "many_weeks")
        query = rig.days(count, first)
        answer = await read(trial, rig, query, f"{query.first_day} to {query.last_day} is read")
        what = f"{query.first_day} to {query.last_day}"
        same_times(trial, rig, answer.found, rig.shown.times(query.first_day, query.last_day), what)


@BOOK.rule(
    16,
    "A time nearer than the clinic's deadline for booking is not offered",
    why="The practitioner has gone home when the patient comes.",
    check="Where open times are computed: the lead time, from the clinic's own settings.",
    control="The search is answered without an error, and times beyond the deadline are found in it.",
    source="the help article on restrictions: how long before its start a time can be booked",
    needs=NEEDS,
    evidence=("timebook",),
    causes=TIME_CAUSES,
)
async def _deadlines(trial: Trial) -> None:
    rig = trial.rig()
    query = rig.days(7)
    before = rig.shown.times(query.first_day, query.last_day)
    if not rig.told("booking_limits"):
        answer = await read(trial, rig, query, "a week of a clinic without a deadline is read")
        same_times(trial, rig, answer.found, before, "without a deadline")
        trial.not_offered("a deadline for booking (no time is hidden)", proof=True)
    rig.clinic.set_restrictions(Restrictions(booking_deadline_hours=30))
    answer = await read(trial, rig, query, "a week of a clinic with a deadline is read")
    expected = rig.shown.times(query.first_day, query.last_day)
    trial.need(len(before) - len(expected) or None, "the deadline hides no time")
    same_times(trial, rig, answer.found, expected, "thirty hours before the start at the latest")
    trial.saw(f"the deadline hides {len(before) - len(expected)} of {len(before)} times")


@BOOK.rule(
    17,
    "What a clinic has set up for its online booking holds: hours, steps, pauses, limits and linked timebooks",
    why="Each of them keeps a practitioner's day whole; the clinic believes that they hold everywhere.",
    check="Where open times are computed: where steps begin, what takes time, how many bookings a day has.",
    control="The search is answered without an error, in a clinic that has open times under these settings.",
    source="the vendors' help pages on available times",
    needs=NEEDS,
    evidence=("timebook",),
    causes=TIME_CAUSES,
)
async def _set_up(trial: Trial) -> None:
    rig = trial.rig("particular")
    query = rig.days(7)
    answer = await read(trial, rig, query, "a week of a clinic with particular settings is read")
    same_times(
        trial,
        rig,
        answer.found,
        rig.shown.times(query.first_day, query.last_day),
        "as the clinic has set it up",
        set_up=True,
    )
    await _taken_by_others(trial, rig, query)


async def _taken_by_others(trial: Trial, rig: Rig, query: SlotQuery) -> None:
    """Search for one alone whose time is taken by a colleague's bookings too, such as a shared room's."""
    for who in [rig.wire_id(one.id) for one in rig.clinic.timebooks if one.blocked_by]:
        one = query.model_copy(update={"practitioner_ids": (who,)})
        answer = await read(trial, rig, one, "one whose time a colleague takes is read")
        expected = [slot for slot in rig.shown.times(query.first_day, query.last_day) if slot.timebook_id == who]
        same_times(trial, rig, answer.found, expected, "one whose time a colleague's bookings take too", set_up=True)


@BOOK.rule(
    18,
    "Which times are too near is judged by the vendor's clock, also where the registry's own is wrong",
    why="A registry an hour behind offers a time that the clinic has just closed; one ahead hides times that are open.",
    check="Every comparison with the present: take it from `http.now`, and no clock else.",
    control="The search is answered without an error although the clock is wrong, and times are found.",
    source="the contract: `Http.now` is the vendor's time once its answers tell it",
    needs=NEEDS,
    evidence=("timebook",),
    causes=TIME_CAUSES,
)
async def _the_vendors_clock(trial: Trial) -> None:
    for hours in (-5, 5):
        rig = trial.rig(ahead=timedelta(hours=hours))
        if rig.told("booking_limits"):
            rig.clinic.set_restrictions(Restrictions(booking_deadline_hours=30))
        query = rig.days(7)
        answer = await read(trial, rig, query, f"a week is read by a registry whose clock is {hours:+} h wrong")
        expected = rig.shown.times(query.first_day, query.last_day)
        same_times(trial, rig, answer.found, expected, f"with a clock {hours:+} h wrong")


@BOOK.rule(
    19,
    "A link to book a time leads to a page for that time alone, and says nothing of the key",
    why="A patient who follows it must not end at another time, nor see what only the registry may hold.",
    check="list_slots: Slot.link, the vendor's own address for this very time.",
    control="Both readings are answered without an error, and find times with a link.",
    source="the contract: Slot.link is where a person can book it, for vendors that let nobody else do so",
    needs=NEEDS,
    evidence=("journal", "wire"),
    causes={
        "same_link": "Two times have the same link.",
        "changes": "The same time has another link when it is read again.",
        "not_the_vendors": "The link is not one that the vendor's answer holds.",
        "secret": "A link holds the key, which then lies in the patient's hands.",
    },
    look={"secret": "Slot.link: an address that is made from the call's own, key and all."},
)
async def _links(trial: Trial) -> None:
    rig = trial.rig()
    first = await read(trial, rig, rig.days(7), "a week is read")
    trial.need(first.found, "no open time is found")
    links = {slot.identity: slot.link for slot in first.found if slot.link}
    if not links:
        trial.not_offered("links to book a time", proof=few_own_links(rig, first))
    again = await read(trial, rig, rig.days(7), "the week is read again")
    often = Counter(links.values())
    shared = [slot for slot in first.found if slot.link and often[slot.link] > 1]
    trial.claim(not shared, "same_link", expected=f"{len(links)} times, each with its own link",
                got=f"one link for {some(map(slot_told, shared), most=2)}")  # fmt: skip
    later = {slot.identity: slot.link for slot in again.found if slot.link}
    other = [slot for slot in first.found if slot.link and later.get(slot.identity) != slot.link]
    trial.claim(links == later, "changes", expected="each time with the same link again",
                got=f"another link, or none, for {some(map(slot_told, other), 'more times', 1)}")  # fmt: skip
    said = b"".join(_bodies(rig, first)).replace(b"\\/", b"/").decode(errors="replace")
    strange = [slot for slot in first.found if slot.link and slot.link not in said]
    trial.claim(not strange, "not_the_vendors", expected="a link that stands in the vendor's answer",
                got=f"another one for {some(map(slot_told, strange), most=1)}")  # fmt: skip
    told = [slot for slot in first.found if rig.key in str(slot.link)]
    trial.claim(not told, "secret", expected="a link without the key",
                got=f"the key in the link of {some(map(slot_told, told), most=1)}")  # fmt: skip
    trial.saw(f"{len(links)} times, each with its own link, which is the same when it is read again")


_LINK = re.compile(r"https?://[^\s\"<>\\]+")


def few_own_links(rig: Rig, answer: Slots) -> bool:
    """Whether the vendor's answers hold too few addresses that may each be one time's: no answer has them twice, and
    they lead to no call of the API, as the address of a next page does. A word of a vocabulary may be an address, too.
    """
    asked = {urlsplit(one.request.url).path for one in rig.wire}
    said = [body.replace(b"\\/", b"/").decode(errors="replace") for body in _bodies(rig, answer)]
    often = [Counter(_LINK.findall(one)) for one in said]
    shared = {link for counts in often for link, count in counts.items() if count > 1}
    own = {link for counts in often for link in counts if urlsplit(link).path not in asked} - shared
    return 2 * len(own) < len({(slot.practitioner_id, slot.start) for slot in answer.found})


def _bodies(rig: Rig, answer: Slots) -> list[bytes]:
    """The vendor's answers in which one of these times was told: those that hold its service's id."""
    ids = {slot.service_id.encode() for slot in answer.found}
    replies = [one.outcome for one in rig.wire if isinstance(one.outcome, WireReply)]
    return [one.body for one in replies if any(known in one.body for known in ids)]


# ---- the two nights


NIGHT_CAUSES = {
    **TIME_CAUSES,
    "undecidable_guessed": "A wall-clock time of the repeated hour that is listed once was given a moment. Nobody can "
    "know which it is: leave it out with a problem (kobling.wallrows.wall_rows does).",
    "not_mentioned": 'A time was left out without a SlotProblem: say why ("repeated_hour").',
    "an_hour_too_long": "The vendor refuses a window over this night. Does it count hours, of which a day of these has "
    "25? Then SlotLimits.days is a day less.",
}
NIGHT_LOOK = {
    "undecidable_guessed": "list_slots: wall_rows of kobling.wallrows, and its key, which holds all that makes two "
    "rows the same offer: timebook, type and, where it varies, place. Two types of one timebook at one time are no "
    "time that is listed twice.",
    "an_hour_too_long": "SlotLimits.days, and whether the vendor counts days or hours.",
    "not_mentioned": "Slots.problems: what kobling.wallrows.wall_rows gives beside the times must be passed on.",
}


MOST_DAYS = 31
"""So many are asked for at once, where the vendor takes more."""


def night_days(night: date) -> SlotQuery:
    """The night's day and the days around it."""
    return SlotQuery(first_day=night - timedelta(days=1), last_day=night + timedelta(days=1))


def judge_night(
    trial: Trial,
    rig: Rig,
    found: Times,
    problems: Iterable[str],
    expected: Iterable[OpenSlot],
    what: str,
    held: str = "",
) -> None:
    """The contract's rule: unambiguous times are all there; of a repeated hour, times listed twice are both there, or
    both left out with a problem (a vendor that is booked by the wall clock can't be told which of them is meant), and
    one listed once is either right (the vendor tells which) or left out with a problem; nothing else is there. held:
    what has been judged before, and was right."""
    want = tuple(expected)
    truth = times_of(want)
    walls: dict[tuple[str, str, datetime], list[OpenSlot]] = {}
    for slot in want:
        walls.setdefault((slot.timebook_id, slot.type_id, slot.wall), []).append(slot)
    doubtful = [(len(same), times_of(same)) for same in walls.values() if may_be_left_out(same[0])]
    lonely = {one for count, same in doubtful if count == 1 for one in same}
    unnamed = {one for count, same in doubtful if count == 2 and not same & found for one in same}
    extra = found - truth
    guessed = {one for one in extra if _other_occurrence(one, lonely)}
    said = sum(problem == "repeated_hour" for problem in problems)
    both = Compared(rig, found, truth, excused=frozenset(lonely | unnamed))
    most = (
        f", of which {len(lonely | unnamed)} may be left out: a wall clock can't decide them"
        if lonely | unnamed
        else ""
    )
    all_of = f"{what}: {len(truth)} times{most}"
    if extra - guessed:
        differ(trial, both, all_of, "invented")
    if guessed:
        differ(trial, replace(both, excused=truth), f"{all_of}, and none of those at another moment",
               "undecidable_guessed", trial.rule.causes["undecidable_guessed"])  # fmt: skip
    if both.missing:
        before = f" {held} held." if held else ""
        differ(trial, both, all_of, wrong=f"{both.wrong}{before}")
    left_out = both.left_out
    trial.claim(
        not left_out or said >= 1,
        "not_mentioned",
        expected=f"{what}: a problem repeated_hour for {counted(len(left_out), 'time')} left out",
        got="no such problem",
    )
    doubts = f"{len(lonely)} that a wall clock can't decide, {len(unnamed)} listed twice and left out"
    trial.saw(f"{what}: {len(found)} of {len(truth)} times told ({doubts}), {counted(said, 'problem')} named")


def may_be_left_out(slot: OpenSlot) -> bool:
    """True for a wall-clock time that occurs twice that night."""
    return slot.wall.date() == AUTUMN_NIGHT and slot.wall.hour == 2


def _other_occurrence(time: tuple[str, str, datetime], lonely: Iterable[tuple[str, str, datetime]]) -> bool:
    who, kind, start = time
    hour = timedelta(hours=1)
    return any((who, kind, start + step) in set(lonely) for step in (hour, -hour))


async def _night(trial: Trial, world: ClinicName, night: date) -> None:
    eve = night - timedelta(days=1)
    longest = timedelta(days=min(trial.adapter.limits.slots.days, MOST_DAYS) - 1)
    as_much = SlotQuery(first_day=eve, last_day=eve + longest)  # whose days are an hour more, or less, than it seems
    held: list[str] = []
    for query in (night_days(night), SlotQuery(first_day=night, last_day=night), as_much):
        rig = trial.rig(world)
        days = (query.last_day - query.first_day).days + 1
        what = f"night of {night}, {counted(days, 'day')}"
        try:
            answer = await read(trial, rig, query, f"the night of {night}: read in a window of {counted(days, 'day')}")
        except InvalidRequest as error:
            trial.broken("an_hour_too_long", expected=f"the open times: {what} from {query.first_day}",
                         got=Outcome(error=error), calls=rig.since(rig.searched)[-3:])  # fmt: skip
        expected = rig.shown.times(query.first_day, query.last_day)
        trial.need(expected, "the clinic has no open time that night")
        problems = [problem.because for problem in answer.problems]
        before = f"The window{'s' if held[1:] else ''} of {' and '.join(held)}" if held else ""
        judge_night(trial, rig, times_of(answer.found), problems, expected, what, before)
        held.append(counted(days, "day"))


@BOOK.rule(
    12,
    "In the night of 28 March 2027 no time of the missing hour is found, and every other time is at its moment",
    why="At 02:00 the clock goes to 03:00. A time at 02:30 does not exist, and a day has 23 hours.",
    check="Use kobling.localtime for every wall-clock text; never add hours to a local time.",
    control="The night is read without an error, in a clinic that has open times in it.",
    source=WALL_CLOCK,
    needs=NEEDS,
    evidence=("timebook",),
    causes=NIGHT_CAUSES,
    look=NIGHT_LOOK,
    driver=True,
)
async def _spring_night(trial: Trial) -> None:
    await _night(trial, "spring", SPRING_NIGHT)


@BOOK.rule(
    13,
    "In the night of 25 October 2026 both halves of the repeated hour are told apart, or left out with a problem",
    why="At 03:00 the clock goes back to 02:00. Two patients at 02:30 are an hour apart, or at one door.",
    check="Use kobling.wallrows.wall_rows; Python's == calls both 02:30s equal, compare in UTC. Where a booking names "
    "its time by the wall clock, leave both out with a problem (kobling.localtime.comes_once).",
    control="The night is read without an error, in a clinic that has open times in it.",
    source=WALL_CLOCK,
    needs=NEEDS,
    evidence=("timebook",),
    causes=NIGHT_CAUSES,
    look={
        **NIGHT_LOOK,
        "missing": "How the bounds of a day of 25 hours are computed (never as a start + 24 h), for the vendor's "
        "parameters and for what is kept of its answer; and whether of a time that is listed twice both are told.",
    },
    driver=True,
)
async def _autumn_night(trial: Trial) -> None:
    await _night(trial, "autumn", AUTUMN_NIGHT)


HOST_ZONES = ("Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu")
"""14 hours ahead, three and a half behind with other nights of its own, and off by three quarters of an hour."""


@BOOK.rule(
    14,
    "The host's own time zone changes nothing: neither open times, nor what is booked, nor what is read back",
    why="A registry's servers stand in UTC or abroad; the clinic's clock hangs in Norway.",
    check="datetime.now() without a zone, datetime.fromtimestamp, time.localtime and astimezone() without an argument.",
    control="The search is answered in the other process too, and a time of the night is booked there.",
    source=WALL_CLOCK,
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        **NIGHT_CAUSES,
        "fails_abroad": "The search that works here fails in a process with another TZ.",
        "booked_elsewhere": "In a process with another TZ the appointment stands at another moment than the slot.",
        "told_elsewhere": "In a process with another TZ the booking is refused, or told at another moment.",
    },
    look={
        **NIGHT_LOOK,
        "booked_elsewhere": "book: how the slot's start becomes the vendor's text, in the clinic's zone and no other.",
        "told_elsewhere": "book and get_booking: how the vendor's text becomes Booking.start, in the clinic's zone.",
    },
)
async def _host_zone(trial: Trial) -> None:
    everywhere = await _elsewhere(trial, HOST_ZONES)
    for zone, told in everywhere.items():
        trial.claim("error" not in told, "fails_abroad", expected=f"times with TZ={zone}", got=told.get("error", ""))
        for world, night in (("autumn", AUTUMN_NIGHT), ("spring", SPRING_NIGHT)):
            rig = trial.rig("autumn" if world == "autumn" else "spring")
            query = night_days(night)
            found = frozenset((who, kind, datetime.fromisoformat(start)) for who, kind, start in told[world]["times"])
            trial.need(told[world]["calls"] or None, "the child process asked the vendor nothing")
            trial.controls.append(f"TZ={zone}: {told[world]['calls']} calls answered")
            expected = rig.shown.times(query.first_day, query.last_day)
            judge_night(trial, rig, found, told[world]["problems"], expected, f"TZ={zone}, night of {night}")
            all_alike = all(
                one.get(world, {}).get("bookings") == told[world]["bookings"] for one in everywhere.values()
            )
            _booked_abroad(
                trial, told[world]["bookings"], f"TZ={zone}, night of {night}", WHATEVER if all_alike else ""
            )


WHATEVER = (
    "The appointment stands at another moment than the slot, and at the same one whatever the TZ of the process is: is "
    "an offset fixed, where it is +01:00 in winter and +02:00 in summer?"
)


def _booked_abroad(trial: Trial, booked: Sequence[Mapping[str, Any]], what: str, wrong: str) -> None:
    """Each booking stands where its slot is, and was told there. wrong: what happened, where no TZ made it so."""
    if trial.books:
        trial.need(tuple(booked), f"no time of the night was booked, {what}")
    for row in booked:
        slot = row["slot"]
        elsewhere = [start for start in row["stands"] if start != slot]
        trial.claim(not elsewhere, "booked_elsewhere", expected=f"an appointment at {slot}, {what}",
                    got=f"at {some(elsewhere)}", wrong=wrong)  # fmt: skip
        holds = not row["error"] and row["stands"] == [slot] and all(start == slot for start in row["told"])
        told = row["error"] or f"told at {some(row['told'])}, standing at {some(row['stands'])}"
        trial.claim(holds, "told_elsewhere", expected=f"booked and told at {slot}, {what}", got=told)
    trial.saw(f"{what}: {len(booked)} bookings stand, and are read back, at the moments of their slots")


async def _elsewhere(trial: Trial, zones: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the adapter finds and books on both nights, in a process for each zone."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "kobling_contract.elsewhere",
        trial.target.adapter_path,
        str(trial.seed),
        *zones,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    told: dict[str, dict[str, Any]] = json.loads(out) if child.returncode == 0 else {}
    broken = [f"{zone}: {one['broke']}" for zone, one in told.items() if "broke" in one]
    if child.returncode != 0 or broken:
        raise RuntimeError(f"a child process broke: {'; '.join(broken) or err.decode(errors='replace')[-400:]}")
    return told
