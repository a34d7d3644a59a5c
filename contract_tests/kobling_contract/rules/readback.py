"""BOOK: what is told of bookings that are made, read or listed, against what the vendor says and the clinic has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from kobling import (
    Booking,
    BookingNotFound,
    BookingQuery,
    BookingRef,
    Patient,
    Slot,
    VendorProtocolError,
    WireFailure,
    WireReply,
)
from kobling.localtime import TimeProblem, parse_local, parse_offset, to_utc
from kobling.reference import tag
from kobling_mocks import Call
from kobling_mocks.clinic import Appointment, BookingOrder, PatientDetails, Restrictions, Timebook

from ..clinics import AUTUMN_NIGHT
from ..gaps import gap
from ..leaks import Canaries
from ..record import NATIONAL
from ..rig import NEXT_PATIENT, PATIENT, SAK_ID, Rig, WireCall
from ..strange_words import codes_of_several, codes_since, in_place_of, unknown_of, words_since
from ..timebook import apart
from ..trial import Booked as Stood
from ..trial import Trial
from ..wording import clock_told, facts_told, some, times_needed
from .booking import BOOK, LISTED_LOOK, MESSAGE, NEEDS, let_the_patient_come, listed_as_read, settings_where, take
from .wire import told_in


@BOOK.rule(
    20,
    "A booking that is read back tells everything that the vendor's answer states, and nothing else",
    why="By the deadline Kobling refuses a late change before it is sent; by reference, time and service it finds a "
    "booking whose answer was lost.",
    check="Booking: from which field each fact is read, and in which zone; None only for what the answer lacks.",
    control="A booking without any fault stands in the timebook before it is read back.",
    source="the contract: a Booking holds what the vendor says, and None where it says nothing",
    needs=("get_booking", *NEEDS),
    evidence=("timebook", "wire"),
    causes={
        "differs": "The booking tells something that is not so at the clinic.",
        "echoed": "The booking tells the reference that it was asked by, whatever the answer has: read it from "
        "the answer.",
        "lost": "The vendor's answer to get_booking states a fact of the booking, and the Booking has None for it.",
    },
    look={"lost": "get_booking: the Booking's field that was expected; read it from the answer."},
)
async def _everything_told(trial: Trial) -> None:
    rig = trial.rig()
    if rig.told("cancel_limits"):  # a deadline that is no other fact's value
        rig.clinic.set_restrictions(Restrictions(cancel_deadline_hours=26))
    slots = await trial.open_times(rig)
    made = await trial.booked(rig, next((one for one in slots if one.location_id is not None), slots[0]))
    known, lost = await _read_back(trial, rig, made, made.request.slot)
    if lost:  # a value may stand there for something else: once all that can change has changed, it does not
        then = (await _read_back(trial, rig, made, await _moved_by_staff(trial, rig, made)))[1]
        lost = {name: holds for name, holds in then.items() if name in lost}
    expected = _facts_told(rig, lost, "the request's")
    trial.claim(not lost, "lost", expected=f"{expected}, as in the answer", got=f"no {', '.join(sorted(lost))}")
    trial.saw(f"told, and so at the clinic: {', '.join(known)}; nothing else of it stands in the answer")
    if trial.adapter.limits.booking.reference_in == "field":
        await _not_as_asked(trial, rig, made.booking.ref)
    if rig.told("cancel_limits"):
        await _without_a_deadline(trial)


async def _not_as_asked(trial: Trial, rig: Rig, ref: BookingRef) -> None:
    """The reference that is told is the vendor's, and not the one that the BookingRef happens to have."""
    other, mark = uuid4(), rig.mark()
    read = await trial.outcome(rig.session.get(ref.model_copy(update={"reference": other})))
    echoed = read.value is not None and read.value.reference == other
    trial.claim(not echoed, "echoed", expected="the reference that stands in the vendor's answer, or none",
                got="that of the BookingRef, which is another one", calls=rig.since(mark))  # fmt: skip


async def _without_a_deadline(trial: Trial) -> None:
    """At a clinic that takes changes until the start no other moment is told as the last one."""
    rig = trial.rig()
    rig.clinic.set_restrictions(Restrictions(cancel_deadline_hours=0))
    slots = await trial.open_times(rig)
    free = next((one for one in slots if _hours(rig, one.practitioner_id, one.service_id) == 0), None)
    if free is None:
        trial.saw("every type that is offered has a deadline of its own")
        return
    made = await trial.booked(rig, free)
    mark = rig.mark()
    told = (await rig.session.get(made.booking.ref)).change_by
    start = made.appointment.start
    holds = told is None or told == start
    expected = f"change_by None, or {clock_told(rig, start)}: the clinic takes changes until the start"
    trial.claim(holds, "differs", expected=expected, got=f"change_by {clock_told(rig, told or start)}",
                calls=rig.since(mark))  # fmt: skip
    trial.saw(f"changes until the start: told as change_by {'None' if told is None else 'the start'}")


def _hours(rig: Rig, who: str, what: str) -> int:
    """How many hours before its start a booking can be changed, of one practitioner and type."""
    return rig.clinic.effective_restrictions(rig.own(who), rig.own(what)).cancel_deadline_hours


async def _read_back(trial: Trial, rig: Rig, made: Stood, slot: Slot) -> tuple[list[str], dict[str, object]]:
    """The facts that a booking is told with when it is read, each as it is at the clinic; and those that it lacks,
    with their values, which no other fact has and which stand in the answer. slot: where it stands now."""
    mark = rig.mark()
    read = await rig.session.get(made.booking.ref)
    stated = _stated(rig, told_in(rig.sent_since(mark)).splitlines())
    one = rig.clinic.appointment(made.appointment.id)
    hours = rig.clinic.effective_restrictions(one.timebook_id, one.type_id).cancel_deadline_hours
    deadline = one.start - timedelta(hours=hours)
    facts: dict[str, tuple[object, object]] = {
        "practitioner_id": (read.practitioner_id, rig.wire_id(one.timebook_id)),
        "service_id": (read.service_id, rig.wire_id(one.type_id)),
        "location_id": (read.location_id, slot.location_id),
        "start": (read.start, one.start),
        "end": (read.end, one.end),
        "change_by": (read.change_by, deadline if rig.told("cancel_limits") else None),
        "created_at": (_seconds(read.created_at), _seconds(one.created_at)),
        "reference": (read.reference, made.request.reference),
    }
    calls = rig.since(mark)
    wrong = [name for name, (told, holds) in facts.items() if told is not None and told != holds]
    expected = _facts_told(rig, {name: facts[name][1] for name in wrong}, "the request's")
    got = _facts_told(rig, {name: facts[name][0] for name in wrong}, "another")
    trial.claim(not wrong, "differs", expected=f"{expected}, as at the clinic", got=got, calls=calls)
    values = [holds for _, holds in facts.values()]
    lost = {
        name: holds
        for name, (told, holds) in facts.items()
        if told is None and holds in stated and values.count(holds) == 1  # a deadline at the start is the start
    }
    return [name for name, (told, _) in facts.items() if told is not None], lost


def _facts_told(rig: Rig, facts: Mapping[str, object], reference: str) -> str:
    """Facts for people. reference: whose it is, which tells more than 32 digits."""
    return facts_told(rig, {name: reference if name == "reference" else value for name, value in facts.items()})


async def _moved_by_staff(trial: Trial, rig: Rig, made: Stood) -> Slot:
    """Some hours later staff give the booking another time, of another practitioner and type where there is one."""
    rig.pace.pass_time(2.5 * 60 * 60)
    stands = made.appointment
    free = await trial.open_times(rig, count=7, first=3)
    now = (rig.wire_id(stands.timebook_id), rig.wire_id(stands.type_id))
    slot = min(free, key=lambda one: (one.practitioner_id == now[0]) + (one.service_id == now[1]))
    who, what = rig.own(slot.practitioner_id), rig.own(slot.service_id)
    rig.clinic.staff_move(stands.id, slot.start, who, what, int((slot.end - slot.start).total_seconds()) // 60)
    return slot


def _seconds(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(microsecond=0)


def _stated(rig: Rig, lines: Iterable[str]) -> set[object]:
    """What stands in an answer: its values as text, and as moments (in whole seconds) and UUIDs where they are such."""
    found: set[object] = set()
    for line in lines:
        found.add(line)
        with suppress(ValueError):
            found.add(UUID(line))
        with suppress(TimeProblem):
            found.add(parse_offset(line).replace(microsecond=0))
        with suppress(TimeProblem):
            found |= set(to_utc(parse_local(line), rig.clinic.zone).instants)
    return found


@BOOK.rule(
    21,
    "What is optional may be left out: without SakID, message and optional facts of the patient the booking stands",
    why="Who pays for themselves has no SakID; a patient without a telephone must not be turned away by a defect.",
    check="book and register_patient: what they make of None; SakID, message and most of a patient may be None.",
    control="A booking with everything stands in a twin clinic, and another patient's before it in the same one; the "
    "one with less is the proof, since it must stand.",
    source="the contract: the SakID is optional; PatientFields.required tells what a booking can't do without",
    needs=NEEDS,
    evidence=("timebook", "journal", "wire"),
    causes={
        "refused": "The booking failed for want of something that the adapter does not declare to need.",
        "invented": "Something stands with the appointment in the place of the SakID, message or fact of the patient "
        "that was left out.",
        "kept": "What one patient had given was sent, or stands, with the booking of the next, who had not given it.",
    },
    look={
        "refused": "book and register_patient: what they make of None; PatientFields.required and one_of, where the "
        "vendor does need what was left out.",
        "kept": "book and register_patient: where what is sent is put together. A dict or list that belongs to the "
        "class, the module or an argument's default keeps what was put into it; make it anew in each call.",
    },
    driver=True,
)
async def _only_what_is_needed(trial: Trial) -> None:
    await trial.booked(trial.rig())  # what can't be booked with everything does not fail for what is left out
    rig = trial.rig()
    declared = trial.adapter.patient_fields
    needed = {*declared.required, *(sorted(names)[0] for names in declared.one_of)}
    fewest = Patient(**{name: getattr(NEXT_PATIENT, name) for name in needed})
    await trial.booked(rig, message=MESSAGE)
    slots, mark, before = await trial.open_times(rig), rig.mark(), rig.appointments()
    outcome = await trial.outcome(rig.session.book(rig.request(slots[0], patient=fewest, sak_id=None)))
    calls, made = rig.writing(rig.since(mark)), rig.made_since(before)
    stands = outcome.error is None and len(made) == 1
    only = f"{', '.join(sorted(needed)) or 'no facts'} of the patient, no SakID and no message"
    trial.claim(stands, "refused", expected=f"booked, with {only}", got=f"{outcome}; appointments: {len(made)}",
                calls=calls)  # fmt: skip
    kept = _of_the_patient_before(rig, made[0], rig.sent_since(mark))
    trial.claim(not kept, "kept", expected="only what this patient has given",
                got=f"of the patient who was booked before: {some(kept)}", calls=calls)  # fmt: skip
    text = f"{made[0].note}\n{made[0].patient_comment}\n{made[0].sak_id or ''}"
    word = re.search(r"\bNone\b|\bnull\b", text)
    got = f"the word {word[0]} with the appointment" if word else "a SakID with the appointment"
    empty = word is None and SAK_ID.value not in text and not made[0].sak_id
    trial.claim(empty, "invented", expected="nothing in the place of what was left out", got=got, calls=calls)
    trial.controls.append(f"a booking without SakID and message reached the vendor, number of writes: {len(calls)}")
    trial.saw(f"1 appointment with {only}, and nothing of the patient who was booked before")


def _of_the_patient_before(rig: Rig, stands: Appointment, sent: Iterable[WireCall]) -> list[str]:
    """What of PATIENT's booking was sent with the next patient's, or stands with it: names of facts."""
    alike = {name: None for name in type(PATIENT).model_fields if getattr(PATIENT, name) == getattr(NEXT_PATIENT, name)}
    first = PATIENT.model_copy(update=alike)
    national = (PATIENT.phone or "")[-NATIONAL:]
    watch = Canaries.of("", first, sak_id=SAK_ID.value, message=MESSAGE.splitlines()[0], national=national)
    record = next((one for one in rig.clinic.patients if one.id == stands.patient_id), None)
    texts = [f"{call.request.url}\n{call.request.body.decode('utf-8', 'replace')}" for call in sent]
    texts += [f"{stands.note}\n{stands.patient_comment}\n{stands.sak_id or ''}"]
    if record is not None:
        texts += [f"{record.name}\n{record.phone}\n{record.email}\n{record.birth_date}\n{record.national_id}"]
    known = {"sak_id": "the SakID", "message": "the message", "national": "phone"}
    return list(dict.fromkeys(known.get(name, name) for name in watch.found_in("\n".join(texts))))


def _with_another(slots: Sequence[Slot]) -> Slot | None:
    """A time with another practitioner than the first one's, that does not overlap it."""
    return next(
        (one for one in slots[1:] if one.practitioner_id != slots[0].practitioner_id and apart(one, slots[0])), None
    )


@BOOK.rule(
    22,
    "Bookings are listed for one practitioner, for several or for all, each with what the booking itself tells",
    why="Where a lost answer is looked for among another practitioner's bookings, the patient gets two times.",
    check="list_bookings: every one of BookingQuery.practitioner_ids, sent to the vendor where it can filter, and "
    "applied again; or BookingQuery.reference, where bookings are listed by that alone.",
    control="Two bookings without any fault, of two practitioners, stand in the timebook before they are listed.",
    source="the contract: a listing is complete for the practitioners asked for, or for the reference",
    needs=("list_bookings", *NEEDS),
    evidence=("timebook",),
    causes={
        "missing": "A booking of a practitioner who was asked for is not listed. Ask for every one of "
        "BookingQuery.practitioner_ids, and for all practitioners where it names none.",
        "not_read": "The list can't be read where another system's booking stands in it, with a reference that is no "
        "UUID; or for more days, or more practitioners, than the vendor lists at once: say so in "
        "BookingFacts.listed_days and listed_per.",
        "edge_left_out": "A booking in the first or last half hour of a local day is not listed on it: the day is "
        "asked for by another clock than the clinic's.",
        "past_left_out": "A booking is not listed any more once it has begun, or the patient has come, so that a lost "
        "answer is never found.",
        "another": "A booking of somebody else is listed for this practitioner, or under this reference.",
        "own_only": 'BookingFacts.listed_by is "days", and a booking that the clinic\'s staff have made is in no list: '
        "what may stand at a time of ours is not seen. Where the vendor lists bookings that came from us alone, "
        'listed_by is "reference"; else list them all.',
        "differs": "The list tells another start, practitioner or status than the booking itself.",
        "other_tag": "Of two tags in a booking's note, another one is told than was asked for, so that a lost booking "
        "is not found. Read it by find_tag(note, query.reference).",
    },
    look={
        "missing": "list_bookings: every one of BookingQuery.practitioner_ids, and every page and day; by reference, "
        "how query.reference is sent and compared, and whether book has sent it.",
        "own_only": "BookingFacts.listed_by, and filters of list_bookings on who has made a booking.",
        "not_read": "list_bookings: how the reference of a row is read (find_tags and not UUID), and for how many days "
        "the vendor is asked at once.",
        "edge_left_out": "list_bookings: how first_day and last_day become the vendor's parameters, by day_bounds(…, "
        "self.zone) where it wants moments.",
        "past_left_out": "list_bookings: filters on time and status; what has begun or is attended is listed, too.",
        "differs": "list_bookings: from which fields start, practitioner_id and status are read.",
    },
)
async def _listed_by_practitioner(trial: Trial) -> None:
    rig = trial.rig()
    slots = await trial.open_times(rig)
    if _with_another(slots) is None:  # the connection may lead to a department with one practitioner
        rig = trial.rig()
        rig.session = rig.widest()
        slots = await trial.open_times(rig)
    other = trial.need(
        _with_another(slots),
        times_needed(rig, "one with each of two practitioners, at two times of which none overlaps the other", slots),
    )
    made = [await trial.booked(rig, slots[0]), await trial.booked(rig, other)]
    if not trial.lists_by_day:
        await _listed_by_reference(trial, rig, made)
        return
    _of_another_system(rig, slots, [one.request.slot for one in made])
    _of_a_third(rig, made)
    first, last = sorted(one.request.slot.local_start.date() for one in made)
    await _ours_among_all(trial, rig, made, first, last)
    await _staffs_too(trial, rig, slots, first, last)
    await _in_every_timebook(trial, rig, made, first, last)
    await _of_two_tags(trial, rig, slots, made[0].booking.ref)
    both = (slots[0].practitioner_id, other.practitioner_id)
    for who in (both, both[:1], both[1:], ()):
        found, calls = await _listed(trial, rig, BookingQuery(first_day=first, last_day=last, practitioner_ids=who))
        only = f"only bookings of practitioner {' or '.join(who)}"
        strays = [each for each in found.values() if who and each.practitioner_id not in (None, *who)]
        got = ", ".join(f"booking {each.id} of practitioner {each.practitioner_id}" for each in strays)
        trial.claim(not strays, "another", expected=only, got=got, calls=calls)
        for each in made:
            slot, listed = each.request.slot, found.get(each.booking.id)
            if who and slot.practitioner_id not in who:
                got = f"booking {each.booking.id} of practitioner {slot.practitioner_id}"
                trial.claim(listed is None, "another", expected=only, got=got, calls=calls)
                continue
            if listed is None:
                asked = f"practitioner {' and '.join(who)}" if who else "all practitioners"
                trial.broken("missing", expected=f"booking {each.booking.id} of practitioner {slot.practitioner_id}, "
                             f"asked for {asked}", got=_listed_told(found), calls=calls)  # fmt: skip
            _as_booked(trial, rig, each, listed, calls)
    rig.pace.pass_time((max(one.appointment.start for one in made) - rig.pace.now()).total_seconds() + 3600)
    if made[0].appointment.state == "booked":
        rig.clinic.mark_attended(made[0].appointment.id)
    found, calls = await _listed(trial, rig, BookingQuery(first_day=first, last_day=last + MANY_DAYS))
    ids = [one.booking.id for one in made]
    trial.claim(found.keys() >= set(ids), "past_left_out", expected=f"bookings {' and '.join(ids)}, which have begun",
                got=_listed_told(found), calls=calls)  # fmt: skip
    trial.saw("2 bookings of two practitioners: for each of them one is listed, for the two both, and for all both, "
              "also when they have begun")  # fmt: skip
    await _listed_over_the_night(trial)
    await _at_the_edges(trial)


async def _at_the_edges(trial: Trial) -> None:
    """A booking in the first or the last half hour of a local day is listed on that day."""
    rig = trial.rig()
    made = await trial.booked(rig)
    day = made.request.slot.local_start.date()
    for wall in (time(0, 0), time(23, 30)):
        at = datetime.combine(day, wall, rig.tz)
        moved = rig.clinic.staff_move(made.appointment.id, at, minutes=30)
        query = BookingQuery(first_day=day, last_day=day)
        found, calls = await _listed(trial, rig, query)
        why = gap(rig, calls, found.values(), moved)
        trial.claim(made.booking.id in found, "edge_left_out", expected=f"booking {made.booking.id}, at "
                    f"{clock_told(rig, moved.start)}, among those of {day}", got=f"{_listed_told(found)}{why}",
                    calls=calls)  # fmt: skip
    trial.saw("bookings in the first and the last half hour of a day are listed on it")


async def _listed_over_the_night(trial: Trial) -> None:
    """As many days as were listed at another time, the day of 25 hours among the first of them."""
    rig = trial.rig("autumn")
    first = AUTUMN_NIGHT - timedelta(days=2)
    await _listed(trial, rig, BookingQuery(first_day=first, last_day=first + MANY_DAYS), wrong=NOT_OVER_THE_NIGHT)
    trial.saw(f"bookings are listed over the night of {AUTUMN_NIGHT}, too")


NOT_OVER_THE_NIGHT = (
    "Bookings can't be listed over the night in which the clock goes back; as many days at another time can. Is the "
    "window an hour longer than the vendor takes? Then BookingFacts.listed_days is a day less."
)


async def _ours_among_all(trial: Trial, rig: Rig, made: Sequence[Stood], first: date, last: date) -> None:
    """Where nobody is named, the bookings of both practitioners are listed."""
    found, calls = await _listed(trial, rig, BookingQuery(first_day=first, last_day=last))
    for each in made:
        why = gap(rig, calls, found.values(), each.appointment)
        when = clock_told(rig, each.appointment.start)
        expected = f"booking {each.booking.id}, at {when}, among all of {first} to {last}"
        trial.claim(each.booking.id in found, "missing", expected=expected, got=f"{_listed_told(found)}{why}",
                    calls=calls)  # fmt: skip


async def _staffs_too(trial: Trial, rig: Rig, slots: Sequence[Slot], first: date, last: date) -> None:
    """What staff have booked, with a practitioner who is shown, is listed where all bookings of a day are."""
    free = next(
        (one for one in slots if rig.open_time(one) is not None and first <= one.local_start.date() <= last), None
    )
    if free is None:
        trial.saw("no time is left for a booking of the clinic's staff")
        return
    before = rig.appointments()
    take(rig, free)
    (staffs,) = rig.made_since(before)
    found, calls = await _listed(trial, rig, BookingQuery(first_day=first, last_day=last))
    own = rig.wire_id(staffs.id)
    expected = f"booking {own}, made by the clinic's staff, among all bookings of {first} to {last}"
    got = f"{_listed_told(found)}{gap(rig, calls, found.values(), staffs)}"
    trial.claim(own in found, "own_only", expected=expected, got=got, calls=calls)


async def _in_every_timebook(trial: Trial, rig: Rig, made: Sequence[Stood], first: date, last: date) -> None:
    """What is listed for a timebook that is asked for by itself is listed where all are, also when it is closed online,
    or no person's: staff may have moved a booking of ours there, or closed it since."""
    ours = made[0].appointment
    types = {rule.timebook_id: kind.id for kind in rig.clinic.types for rule in kind.rules}
    details = PatientDetails("Fjerde Prøvesen", None, "+4790000011", "fjerde@example.test")
    (open_one,) = (one for one in rig.clinic.timebooks if one.id == ours.timebook_id)
    closed = replace(open_one, online=False)
    rig.clinic.put_timebook(closed)
    put: dict[Timebook, Appointment] = {closed: ours}
    for one in rig.clinic.timebooks:
        busy = rig.clinic.appointments(timebook_ids=[one.id], first_day=first, last_day=last)
        if one.owner_kind != "person" and one.id in types and not any(each.live for each in busy):
            order = BookingOrder(one.id, types[one.id], ours.start, details, source="staff")
            put[one] = rig.clinic.staff_book(order)
    every, calls = await _listed(trial, rig, BookingQuery(first_day=first, last_day=last))
    seen = 0
    for one, stands in put.items():
        who, own = rig.wire_id(one.id), rig.wire_id(stands.id)
        alone = BookingQuery(first_day=first, last_day=last, practitioner_ids=(who,))
        outcome = await trial.outcome(rig.session.bookings(alone))
        if outcome.error is None and any(each.id == own for each in outcome.value.found):
            seen += 1
            what = "is closed online" if one == closed else f"is a {one.owner_kind}'s"
            expected = (
                f"booking {own} of timebook {who}, which {what}: it is listed when that timebook alone is asked for"
            )
            trial.claim(own in every, "missing", expected=expected, got=_listed_told(every), calls=calls)
    rig.clinic.put_timebook(open_one)
    trial.saw(f"{seen} bookings in timebooks that are closed online, or no person's, are listed among all")


async def _of_two_tags(trial: Trial, rig: Rig, slots: Sequence[Slot], ref: BookingRef) -> None:
    """A note with its tag was copied into another booking, before or after its own: the reference that is looked for is
    found, in a list and where the booking is read by itself. ref: of any booking of this connection."""
    free = next((one for one in slots if rig.open_time(one) is not None), None)
    if trial.adapter.limits.booking.reference_in != "note" or free is None:
        return
    wanted, other = uuid4(), uuid4()
    who, what, day = rig.own(free.practitioner_id), rig.own(free.service_id), free.local_start.date()
    details = PatientDetails("Femte Prøvesen", None, "+4790000012", "femte@example.test")
    for note in (tag(wanted), f"{tag(wanted)} {tag(other)}", f"{tag(other)} {tag(wanted)}"):
        placed = rig.clinic.book(BookingOrder(who, what, free.start, details, note=note, match="never"))
        found, calls = await _listed(trial, rig, BookingQuery(first_day=day, last_day=day, reference=wanted))
        told = found.get(rig.wire_id(placed.id))
        if note == tag(wanted) and (told is None or told.reference != wanted):
            trial.saw("no list tells the tag in a note that another system has written")
            return
        got = "not listed" if told is None else f"reference {told.reference}"
        holds = told is not None and told.reference == wanted
        expected = f"reference {wanted}, which is asked for, of a note with two tags"
        trial.claim(holds, "other_tag", expected=expected, got=got, calls=calls)
        if "get_booking" in trial.adapter.supports:
            mark = rig.mark()
            itself = ref.model_copy(update={"id": rig.wire_id(placed.id), "reference": wanted})
            read = (await rig.session.get(itself)).reference
            expected = f"reference {wanted}, which the BookingRef has, of a note with two tags, or none"
            trial.claim(read in (wanted, None), "other_tag", expected=expected, got=f"reference {read}",
                        calls=rig.since(mark), wrong=BY_ITS_REF)  # fmt: skip
        rig.clinic.staff_cancel(placed.id)
    trial.saw("of two tags in a note, the one that is asked for is told")


BY_ITS_REF = (
    "A booking whose note has two tags is read with the reference of another one. Read it in get_booking by "
    "find_tag(note, booking.reference)."
)


def _listed_told(found: Iterable[str]) -> str:
    return f"listed: {', '.join(sorted(found)) or 'none'}"


MANY_DAYS = timedelta(days=69)
"""More days than vendors list at once."""


def _of_another_system(rig: Rig, free: Sequence[Slot], ours: Sequence[Slot]) -> None:
    """Another partner of the clinic's has booked, under a reference as it makes them."""
    slot = next((one for one in free if all(apart(one, mine) for mine in ours)), None)
    if slot is not None:
        details = PatientDetails("Annen Prøvesen", None, "+4790000009", "annen@example.test")
        who, what = rig.own(slot.practitioner_id), rig.own(slot.service_id)
        rig.clinic.staff_book(BookingOrder(who, what, slot.start, details, reference="2026/4711-B"))


def _of_a_third(rig: Rig, made: Sequence[Stood]) -> None:
    """Staff have booked at the same time in a third timebook."""
    start, two = made[0].appointment.start, {one.appointment.timebook_id for one in made}
    rules = ((rule.timebook_id, kind.id) for kind in rig.clinic.types for rule in kind.rules)
    third = next((pair for pair in rules if pair[0] not in two), None)
    if third is not None:
        details = PatientDetails("Tredje Prøvesen", None, "+4790000010", "tredje@example.test")
        rig.clinic.staff_book(BookingOrder(*third, start, details, source="staff"))


async def _listed(
    trial: Trial, rig: Rig, query: BookingQuery, wrong: str = ""
) -> tuple[dict[str, Booking], Sequence[Call]]:
    """The bookings by their ids, and the calls that told them. wrong: what is wrong where they can't be read."""
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.bookings(query))
    calls = rig.since(mark)
    if outcome.error is not None:
        days = f"{query.first_day} to {query.last_day}"
        if not wrong and isinstance(outcome.error, VendorProtocolError):
            wrong = NOT_OURS
        trial.broken("not_read", expected=f"the bookings of {days}", got=outcome, calls=calls, wrong=wrong)
    return {one.id: one for one in outcome.value.found}, calls


NOT_OURS = (
    "The list can't be read where bookings of others stand in it: what is named below is missing in a row that is not "
    "ours, or is otherwise there, with a reference that is no UUID, say. What only bookings of ours have is optional."
)

NOT_BY_REFERENCE = (
    "A booking is not listed under its own reference. Send query.reference to the vendor where it can filter, compare "
    "it with the reference of each row, and look whether book has sent it."
)


async def _listed_by_reference(trial: Trial, rig: Rig, made: Sequence[Stood]) -> None:
    """Each booking by its own reference, and nothing under one that nobody has used."""
    for each in made:
        mark = rig.mark()
        found = {one.id: one for one in (await rig.session.bookings(trial.listing(each.request))).found}
        calls = rig.since(mark)
        listed = found.pop(each.booking.id, None)
        if listed is None:
            trial.broken("missing", expected=f"booking {each.booking.id}, asked for by its reference",
                         got=_listed_told(found), calls=calls, wrong=NOT_BY_REFERENCE)  # fmt: skip
        ours = [one.id for one in found.values() if one.reference == each.request.reference]
        trial.claim(not ours, "another", expected=f"booking {each.booking.id} alone under its reference",
                    got=f"also {', '.join(ours)}", calls=calls)  # fmt: skip
        _as_booked(trial, rig, each, listed, calls)
    mark, nobodys = rig.mark(), rig.request(made[0].request.slot)
    told = (await rig.session.bookings(trial.listing(nobodys))).found
    strange, calls = [one.id for one in told if one.reference == nobodys.reference], rig.since(mark)
    trial.claim(not strange, "another", expected="no booking under a reference that was never used",
                got=f"booking {', '.join(strange)}", calls=calls)  # fmt: skip
    trial.saw("2 bookings, each found by its own reference, and none by another")


def _as_booked(trial: Trial, rig: Rig, made: Stood, listed: Booking, calls: Sequence[Call]) -> None:
    slot = made.request.slot
    told = (listed.start or slot.start, listed.practitioner_id or slot.practitioner_id, listed.status)
    same = told == (slot.start, slot.practitioner_id, made.booking.status)
    names = ("start", "practitioner_id", "status")
    itself = dict(zip(names, (slot.start, slot.practitioner_id, made.booking.status), strict=True))
    expected = f"booking {listed.id} as booked: {facts_told(rig, itself)}"
    trial.claim(same, "differs", expected=expected, got=facts_told(rig, dict(zip(names, told, strict=True))),
                calls=calls)  # fmt: skip


@BOOK.rule(
    23,
    "What became of an appointment is read as it is: the patient came, did not come, or the clinic called it off",
    why="A partner pays for who came; a patient whose time the clinic called off must hear of it and get another.",
    check="The vendor's words for a booking's status: a word that is not known is unknown, and never booked.",
    control="A booking without any fault stands in the timebook before the patient comes, stays away or is called off.",
    source="the contract: Booking.status",
    needs=("get_booking", *NEEDS),
    evidence=("timebook",),
    causes={
        "other_status": "The booking is read with a status that it does not have at the clinic.",
        "listed_otherwise": "The list tells another status than the booking itself.",
    },
    look={"listed_otherwise": LISTED_LOOK},
)
async def _what_became_of_it(trial: Trial) -> None:
    for became in ("attended", "no_show", "cancelled"):
        rig = trial.rig()
        made = await trial.booked(rig)
        one = made.appointment
        if one.state == "pending":
            rig.clinic.confirm(one.id)
        if became == "cancelled":
            rig.clinic.staff_cancel(one.id)
        else:
            rig.pace.pass_time((one.start - rig.pace.now()).total_seconds() + 60)
            (rig.clinic.mark_attended if became == "attended" else rig.clinic.mark_no_show)(one.id)
        mark = rig.mark()
        outcome = await trial.outcome(rig.session.get(made.booking.ref))
        read = outcome.value.status if outcome.error is None else "gone"
        shown = any(_shows(one.outcome, made.booking.id) for one in rig.sent_since(mark))
        gone = became == "cancelled" and isinstance(outcome.error, BookingNotFound) and not shown
        got = read if outcome.error is None else outcome
        holds = gone or read in (became, "unknown")
        expected = f"{became} (or unknown), as at the clinic"
        trial.claim(holds, "other_status", expected=expected, got=got, calls=rig.since(mark))
        if not gone:
            await listed_as_read(trial, rig, made.request, made.booking.id, read)
        trial.saw(f"{became} at the clinic: read as {read}")


def _shows(outcome: WireReply | WireFailure, booking_id: str) -> bool:
    """Whether an answer is about a booking, and says more than that there is none."""
    return isinstance(outcome, WireReply) and outcome.status == 200 and f'"{booking_id}"' in _digits_as_texts(outcome)


def _digits_as_texts(outcome: WireReply) -> str:
    return re.sub(r"(?<=[:\[,])\s*(\d+)(?=\s*[,}\]])", r'"\1"', outcome.body.decode("utf-8", "replace"))


@BOOK.rule(
    24,
    "Reading a booking that never was says that it is not found",
    why="Any other error makes a registry try again, or blame the connection, for a booking that does not exist.",
    check="ErrorMap: what get_booking is answered for an unknown booking is BookingNotFound.",
    control="A booking that stands is read without an error in the same world.",
    source="the contract: BookingNotFound, choose something else",
    needs=("get_booking", *NEEDS),
    evidence=("journal",),
    causes={
        "invented": "A booking was told that does not exist.",
        "other_error": "The vendor knows no such booking, and the caller hears something else than BookingNotFound.",
    },
    look={"invented": "get_booking: which answers become a Booking; an empty one, or one without an id, is none."},
)
async def _never_was(trial: Trial) -> None:
    rig = trial.rig()
    made = await trial.booked(rig)
    mark = rig.mark()
    known = await trial.outcome(rig.session.get(made.booking.ref))
    trial.need(known.value, f"a booking that stands can't be read: {known}")
    trial.control(rig, mark, "a booking that stands is read")
    mark = rig.mark()
    ref = made.booking.ref.model_copy(update={"id": rig.nowhere("appointment")})
    outcome = await trial.outcome(rig.session.get(ref))
    calls = rig.since(mark)
    trial.need(calls, "reading a booking sent no call to the vendor")
    trial.claim(
        outcome.error is not None, "invented", expected=f"BookingNotFound for {ref.id}", got=outcome, calls=calls
    )
    holds = isinstance(outcome.error, BookingNotFound)
    trial.claim(holds, "other_error", expected=f"BookingNotFound for {ref.id}", got=outcome, calls=calls)
    trial.saw(f"answered {calls[-1].status}, told as {outcome}")


@BOOK.rule(
    26,
    "A booking whose status is told in a word or number that nobody knows is unknown, never booked",
    why="Vendors add words; a new one for a request or a no would be told to the patient as an appointment.",
    check="book: what becomes of a word that is not in the table of words; the default is unknown.",
    control="The same booking, answered in the vendor's own words, stands in the timebook of a twin clinic.",
    source="the contract: Booking.status; a word that is not known is unknown, never booked",
    needs=NEEDS,
    evidence=("timebook", "wire"),
    causes={
        "guessed": "The vendor's word for the booking's status is one that nobody knows, and it is told as booked. "
        "What is not in the table of words is unknown.",
        "nothing_listed": "A word that nobody knows, in the row of one booking, makes the whole list fail, so that no "
        "lost answer can be found on the day when the vendor adds a word. Read the status as text, and look it up in a "
        "table with unknown for the rest.",
    },
    look={"nothing_listed": "The field of the row that holds the status: its type is text, no Literal and no enum."},
    driver=True,
)
async def _status_as_answered(trial: Trial) -> None:
    """Which of the words in the answers tells the status is shown where the clinic's staff may have to accept a
    booking, or once it is cancelled: it is another one then."""
    waiting, direct = settings_where(trial, waits=True), settings_where(trial, waits=False)
    deciding = {name for one in (direct if {} in waiting else waiting) for name in one}
    waiting, direct = ([one for one in some if one.keys() <= deciding] for some in (waiting, direct))
    if not (waiting and direct):
        known = await _words_until_it_is_cancelled(trial) or await _number_of_one_that_stands(trial)
        if not known:
            trial.not_offered("a word that tells a booking that stands from one that waits or is cancelled", proof=True)
        await _booked_in_another_word(trial, {}, known)
        return
    unsaid = frozenset[str]().union(*[await _words_of_a_booking(trial, one) for one in waiting])
    for switches in direct:
        booked = await _words_of_a_booking(trial, switches) - unsaid
        if booked:
            await _booked_in_another_word(trial, switches, booked)
            return
    trial.not_offered("a word in the answers that tells whether a booking waits", proof=True)


async def _words_until_it_is_cancelled(trial: Trial) -> frozenset[str]:
    """The words of a booking that is read, and of none that is cancelled; nothing where one of them can't be read."""
    rig = trial.rig()
    made = await trial.booked(rig)
    if "get_booking" not in trial.adapter.supports:
        return frozenset()
    words: list[frozenset[str]] = []
    for cancelled in (False, True):
        if cancelled:
            rig.clinic.staff_cancel(made.appointment.id)
        mark = rig.mark()
        outcome = await trial.outcome(rig.session.get(made.booking.ref))
        if outcome.error is not None:
            return frozenset()
        words.append(words_since(rig, mark))
    return words[0] - words[1]


async def _number_of_one_that_stands(trial: Trial) -> frozenset[str]:
    """The number, and its field, that a booking has while it stands, and neither once it is cancelled nor once the
    patient came, which differ too: a count of changes is the same for both. Nothing where one of them can't be read."""
    if "get_booking" not in trial.adapter.supports:
        return frozenset()
    found: list[frozenset[str]] = []
    for became in ("stands", "cancelled", "attended"):
        rig = trial.rig()
        one = (made := await trial.booked(rig)).appointment
        if became == "cancelled":
            rig.clinic.staff_cancel(one.id)
        elif became == "attended":
            let_the_patient_come(rig, one)
        mark = rig.mark()
        if (await trial.outcome(rig.session.get(made.booking.ref))).error is not None:
            return frozenset()
        found.append(codes_since(rig, mark))
    stands, cancelled, attended = found
    later = codes_of_several((cancelled - attended) | (attended - cancelled))
    fields = {code.split(":")[0] for code in later}
    return frozenset(code for code in stands - cancelled - attended if code.split(":")[0] in fields)


async def _words_of_a_booking(trial: Trial, switches: dict[str, Any]) -> frozenset[str]:
    rig = trial.rig(switches=switches)
    slot, *_ = await trial.open_times(rig)
    mark = rig.mark()
    await trial.booked(rig, slot)
    return words_since(rig, mark)


async def _booked_in_another_word(trial: Trial, switches: dict[str, Any], known: frozenset[str]) -> None:
    rig = trial.rig(switches=switches)
    slot, *_ = await trial.open_times(rig)
    mark, rig.spoil = rig.mark(), in_place_of(known)
    outcome = await trial.outcome(rig.session.book(rig.request(slot)))
    rig.spoil = None
    told = "an error" if outcome.error is not None else outcome.value.status
    calls = rig.writing(rig.since(mark))
    instead = f"{unknown_of(known)} in the place of {' and '.join(sorted(known))}"
    trial.claim(told != "booked", "guessed", expected=f"unknown, for {instead}", got=f"told as {told}", calls=calls)
    trial.saw(f"{instead} is told as {told}")
    if "list_bookings" not in trial.adapter.supports or any(one.startswith('"') for one in known):
        return
    rig = trial.rig(switches=switches)
    made = await trial.booked(rig)
    mark, rig.spoil = rig.mark(), in_place_of(known)
    listed = await trial.outcome(rig.session.bookings(trial.listing(made.request)))
    trial.claim(listed.error is None, "nothing_listed", expected=f"a list, with {instead}", got=listed,
                calls=rig.since(mark))  # fmt: skip
    trial.saw("a list is read in which the word stands")
