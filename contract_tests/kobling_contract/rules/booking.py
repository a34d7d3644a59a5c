"""BOOK: bookings, and what stands at the clinic afterwards."""

from __future__ import annotations

import asyncio
import re
import types
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import product
from typing import Any
from uuid import UUID

from kobling import (
    Adapter,
    Booked,
    BookedDifferently,
    BookingNotFound,
    BookingRequest,
    CancelReason,
    LeaseExpired,
    Operation,
    Patient,
    PatientFieldRequired,
    PatientLimitReached,
    RequestRejected,
    Resolution,
    SakID,
    Slot,
    SlotTaken,
    SlotWithdrawn,
    TooLateToChange,
    WireFailure,
    WireReply,
    WireRequest,
    find_tags,
)
from kobling.booking import PatientField
from kobling.reference import tag
from kobling_mocks import Call
from kobling_mocks.clinic import Appointment, Clinic, Medium, PatientDetails, Restrictions
from kobling_mocks.clinic import BookingOrder as Order

from ..asks import body_of, filled, values_of
from ..decided import decided, said_no
from ..exchanges import Personal
from ..outcome import Outcome
from ..record import Compared, on_record, said_in
from ..rig import PATIENT, SAK_ID, Rig, Spoil
from ..rule import UNTRIED, RuleBook
from ..strange_words import answered_otherwise, words_since
from ..timebook import apart
from ..trial import Trial, differing
from ..wording import clock_told, facts_told, loss_told, setting_told, starts_told, times_needed
from .wire import told_in

BOOK = RuleBook("BOOK", "Booking, lost answers and races")
NEEDS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots", "book", "cancel")
ONE_WRITE = "the contract: one operation, at most one write, never sent again"
CERTAIN = "the contract: once a byte of a write may have left, only a listed refusal is certain"
LIVE_STATES = ("booked", "pending")
YEAR_OF_HOURS = 366 * 24
LOST_BEFORE = ("http_503", "html_502", "reset", "hang", "truncated", "redirect", "empty", "html_200", "random_bytes")
LOST_AFTER = (*LOST_BEFORE, "no_id", "slow")


@BOOK.rule(
    1,
    "A booking stands in the timebook once, as asked: practitioner, type, start and end",
    why="It is what the patient was promised.",
    check="book: which ids and which token go to the vendor.",
    control="The booking is confirmed without a fault, and one appointment stands for it in the timebook.",
    source=ONE_WRITE,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "differs": "The appointment in the timebook is not the one that was asked for.",
        "not_one": "After one booking there is not exactly one new appointment.",
        "more_writes": "More than one writing call reached the vendor.",
        "other_id": "Booking.id is not the id of the vendor's appointment, so that the booking could never be "
        "cancelled.",
        "invented": "The booking tells something that is not so at the clinic: tell only what was read.",
        "not_as_asked": "The booking, as the vendor answered or as the adapter tells it, is another than was asked "
        "for, so that "
        "nobody is told that it stands, and no other rule can book: send what the request holds, and nothing of your "
        "own in its place.",
        "failed": "An ordinary booking, with nothing wrong at the vendor, ends in an error and stands nowhere, so that "
        "no other rule can book: what the adapter sends is not what the vendor wants.",
        "echoed": "The booking tells what the request said, its reference, start or practitioner, though the vendor's "
        "answer has another one, or none: read it from the answer.",
    },
    look={
        "more_writes": "book: one http.post and nothing that is sent after it.",
        "other_id": "book: from which field of the answer Booking.id is read.",
        "not_as_asked": "book: what is sent in the place of the request's value that is named here; the reference is "
        "request.reference, never a fresh one.",
        "failed": "book, and what it calls first: each value of the call that was refused, beside the vendor's "
        "description of that call. Slot.token holds what the vendor wants to have back of an open time. What has no "
        "value may have to be left out, and not sent as null: given({…}) does that.",
        "invented": "The Booking that book returns: start, end, practitioner_id and service_id come from the answer, "
        "or are None.",
        "echoed": "The Booking that book returns: everything in it comes from the answer, never from the request; what "
        "the answer does not have is None.",
    },
    driver=True,
)
async def _stands_as_asked(trial: Trial) -> None:
    await _answered_as_asked(trial)
    for world in ("demo", "random"):
        rig = trial.rig(world)
        rig.session = rig.whole()  # the first department of a random clinic may offer nothing
        slot, *_ = await trial.open_times(rig, count=14)  # a random clinic may be full for days
        before = rig.appointments()
        made = await trial.booked(rig, slot)
        new, stands, writes = rig.made_since(before), made.appointment, rig.writing(made.calls)
        trial.claim(len(new) == 1, "not_one", expected="1 new appointment", got=starts_told(rig, new), calls=writes)
        asked = {"practitioner": slot.practitioner_id, "type": slot.service_id, "start": slot.start, "end": slot.end}
        timebook_id, type_id = rig.wire_id(stands.timebook_id), rig.wire_id(stands.type_id)
        got = {"practitioner": timebook_id, "type": type_id, "start": stands.start, "end": stands.end}
        trial.claim(asked == got, "differs", expected=facts_told(rig, asked), got=facts_told(rig, got),
                    calls=writes)  # fmt: skip
        wrote = [call for call in writes if call.appointment == stands.id]
        trial.claim(
            len(wrote) == 1, "more_writes", expected="1 write that books", got=f"{len(wrote)} writes", calls=writes
        )
        own, told = rig.wire_id(stands.id), made.booking
        trial.claim(told.id == own, "other_id", expected=f"Booking.id {own}", got=f"Booking.id {told.id}", calls=writes)
        wrong = {
            name: (holds, said)
            for name, said, holds in (
                ("start", told.start, stands.start),
                ("end", told.end, stands.end),
                ("practitioner_id", told.practitioner_id, timebook_id),
                ("service_id", told.service_id, type_id),
            )
            if said is not None and said != holds
        }
        expected = f"{facts_told(rig, {name: holds for name, (holds, _) in wrong.items()})}, as in the timebook"
        told_so = facts_told(rig, {name: said for name, (_, said) in wrong.items()})
        trial.claim(not wrong, "invented", expected=expected, got=told_so, calls=writes)
        trial.saw(f"{world} clinic: 1 appointment, {stands.state}, as asked; number of writes: {len(writes)}")
    await _reference_as_answered(trial)
    await _facts_as_answered(trial)


async def _answered_as_asked(trial: Trial) -> None:
    """Without a fault, what the vendor answers to a booking, and what stands at the clinic, are what was asked for."""
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    before, mark, request = rig.appointments(), rig.mark(), rig.request(slot)
    outcome = await trial.outcome(rig.session.book(request))
    error, made = outcome.error, rig.made_since(before)
    if error is not None and not made and trial.target.kind == "mock":
        calls = rig.since(mark)
        got = f"{decided(rig, outcome, calls)}; no appointment{_nulls(rig, calls)}"
        trial.broken("failed", expected="a Booking, and one new appointment in the timebook", got=got, calls=calls)
    if isinstance(error, BookedDifferently) and len(made) == 1:
        expected = "a Booking as the request asked"
        got = f"{outcome}{differing(Personal(rig), request, error)}"
        trial.broken("not_as_asked", expected=expected, got=got, calls=rig.writing(rig.since(mark)))


def _nulls(rig: Rig, calls: Sequence[Call]) -> str:
    """What the last write told the vendor as null, which many vendors refuse."""
    wire = rig.sent(calls[-1].number) if calls else None
    empty = sorted(place for place, value in values_of(wire.request) if value is None) if wire else []
    return f"; sent as null: {', '.join(empty)}" if empty else ""


async def _reference_as_answered(trial: Trial) -> None:
    """The same booking at a vendor whose answers hold another reference than the one that was sent, and none at all."""
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    mark = rig.mark()
    made = await trial.booked(rig, slot)
    stated = any(_spelled_in(one.outcome, made.request.reference) for one in rig.sent_since(mark))
    claimed = made.booking.reference is not None
    trial.claim(stated or not claimed, "echoed", expected="Booking.reference None: no answer has one",
                got="the request's reference", calls=made.calls)  # fmt: skip
    if not stated:
        trial.saw("no answer to a booking has its reference, and none is claimed")
        return
    others = UUID(int=trial.random.getrandbits(128), version=4)
    for what, other in (("another reference", others), ("no reference", None)):
        rig = trial.rig()
        slot, *_ = await trial.open_times(rig)
        request = rig.request(slot)
        rig.spoil = partial(_with_reference, request.reference, other)
        outcome = await trial.outcome(rig.session.book(request))
        rig.spoil = None
        honest = outcome.error is not None or outcome.value.reference != request.reference
        expected = f"Booking.reference as in the answer, which has {what}"
        trial.claim(honest, "echoed", expected=expected, got="the request's reference")
        told = outcome if outcome.error is not None else "a booking that does not claim ours"
        trial.saw(f"an answer with {what}: told as {told}")


async def _facts_as_answered(trial: Trial) -> None:
    """The same booking at a vendor whose answers about it name another day, or another practitioner: that is told, or
    an error, and never that all is as asked."""
    first = trial.rig()
    made = await trial.booked(first)
    for fact, readable in product(("start", "practitioner_id"), (True, False)):
        rig = trial.rig()
        slot, *others = await trial.open_times(rig)
        day = slot.local_start.date()
        asked, answered = day.isoformat(), (day + timedelta(days=1)).isoformat()
        if fact == "practitioner_id":
            asked = slot.practitioner_id
            answered = next((one.practitioner_id for one in others if one.practitioner_id != asked), asked)
        mark, request = rig.mark(), rig.request(slot)
        otherwise = answered_otherwise((made.booking.id, *_spellings(request.reference)), {asked: answered})
        rig.spoil = otherwise if readable else unread_afterwards(rig, otherwise)
        outcome = await trial.outcome(rig.session.book(request))
        rig.spoil = None
        calls = rig.writing(rig.since(mark))
        if not any(rig.spoiled(call.number) for call in calls):
            continue
        told = getattr(outcome.value, fact, None)
        honest = outcome.error is not None or told != getattr(slot, fact)
        trial.claim(honest, "echoed", expected=f"another {fact} than was asked for, as in the answer, or an error",
                    got=f"{fact} {told}, as asked", calls=calls)  # fmt: skip
        when = "" if readable else ", and no reading afterwards"
        trial.saw(f"an answer with another {fact}{when}: told as {outcome if outcome.error is not None else 'it says'}")


def _spellings(reference: UUID) -> tuple[str, ...]:
    return (str(reference), reference.hex, tag(reference))


def _spelled_in(outcome: WireReply | WireFailure, reference: UUID) -> bool:
    return isinstance(outcome, WireReply) and any(one.encode() in outcome.body for one in _spellings(reference))


def _with_reference(
    ours: UUID, other: UUID | None, _: WireRequest, outcome: WireReply | WireFailure
) -> WireReply | WireFailure:
    """An answer with another reference in the place of ours; None takes it out, and leaves null where it was alone."""
    if not isinstance(outcome, WireReply):
        return outcome
    body = outcome.body
    for number, spelled in enumerate(_spellings(ours)):
        if other is None:
            body = body.replace(f'"{spelled}"'.encode(), b"null").replace(spelled.encode(), b"")
        else:
            body = body.replace(spelled.encode(), _spellings(other)[number].encode())
    return WireReply(outcome.status, outcome.headers, body)


OTHER = Patient(
    given_name="Pér Odd",
    family_name="Vårprøve",
    birth_date=date(1994, 11, 7),
    phone="+46700001122",
    email="per.odd+fysio@pasient.example.test",
    national_id="07919499894",
)
"""A second invented patient: no field is the first one's. The telephone is of another country, the day of birth can be
taken for a month, and the address has a plus in it."""
MESSAGE = "Ønsker rom på gateplan.\nKommer med ledsager (Áilu)."
LONGEST_MESSAGE = 500
"""Characters of the contract's longest message."""


@BOOK.rule(
    2,
    "The clinic sees the booking whole: SakID, reference, message, and the patient as they were given",
    why="Without the SakID the insurer does not pay; without the reference a lost answer can't be found again; with "
    "another name or number the clinic calls the wrong person.",
    check="book and register_patient: which field goes where; request.note() goes whole into the field that "
    "reaches the clinic, or each part into its own field.",
    control="The bookings are confirmed without a fault, and one appointment stands for each in the timebook.",
    source="the help article on SakID; the contract: the tag stands first, then the SakID; what is declared is sent",
    needs=NEEDS,
    evidence=("timebook", "wire"),
    causes={
        "no_sak_id": "The SakID is not with the appointment: not in the vendor's own field for it, or, where there is "
        "no such field, not in a text that the clinic sees.",
        "no_claim": "The clinic's system made no claim from the SakID, which stands where that system does not look.",
        "no_reference": "The request's reference is not with the appointment, where BookingFacts.reference_in says "
        "that it is: send request.reference in the vendor's own field for it, or request.note() unchanged where the "
        "text goes.",
        "cut": "The note, the message or the SakID at the clinic is not whole: something cuts it. What the vendor has "
        "no room for is refused, by the vendor or as InvalidRequest.",
        "no_message": "The patient's message is not with the appointment.",
        "too_long": "The vendor refuses a message that is as long as the adapter lets it be. Set note_length, and add "
        "nothing to what the caller wrote.",
        "other_details": "The clinic's record of the patient is not what was given: fields are swapped, cut or "
        "changed. A number keeps its country, with + or 00: where the API takes bare digits, the mock puts the plus "
        "back.",
        "unsent": "The adapter declares a field of the patient and does not send it.",
    },
    look={
        "no_claim": "book: in which field the SakID goes, so that the clinic's system makes its claim from it.",
        "no_reference": "book: what is sent as the note, or in the vendor's field for a reference, and of which "
        "request it is.",
        "too_long": "BookingFacts.note_length, and what book adds to request.note().",
        "other_details": "book and register_patient: from which field of request.patient each of the vendor's is made.",
        "unsent": "patient_fields, and where book or register_patient sends each field that is declared there.",
    },
)
async def _whole_at_the_clinic(trial: Trial) -> None:
    """Two patients who differ in everything, with a message and without one, and the longest message there may be."""
    rig = trial.rig()
    slots = await trial.open_times(rig)
    await _seen_whole(trial, rig, slots[0], PATIENT, MESSAGE, SAK_ID)
    await _seen_whole(trial, rig, second(trial, rig, slots), OTHER, None, ODD_SAK_ID)
    await _as_typed(trial)
    where = trial.adapter.limits.booking.reference_in
    if where != "nowhere":
        await _longest_message(trial)
    await _longest_case(trial)


AS_TYPED = Patient(
    given_name="Bieđđá-åse",
    family_name="van der McČáŋppe",
    birth_date=date(1921, 2, 28),
    phone="0046700003344",
    email="ann.aase@pasient.example.test",
    national_id="28822110090",
)
"""A third invented patient, an old one: Sámi names that no rule for capitals makes, and a number with its country as
00."""


async def _as_typed(trial: Trial) -> None:
    """Names are sent as somebody has typed them, and a number keeps its country."""
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    mark = rig.mark()
    await _seen_whole(trial, rig, slot, AS_TYPED, None, SAK_ID)
    sent, calls = said_in(rig.sent_since(mark)), rig.writing(rig.since(mark))
    declared = trial.adapter.patient_fields.declared & {"given_name", "family_name"}
    otherwise = sorted(name for name in declared if str(getattr(AS_TYPED, name)) not in sent)
    trial.claim(not otherwise, "other_details", expected=f"{', '.join(otherwise)} as typed, in every letter",
                got="spelled otherwise", calls=calls)  # fmt: skip
    trial.saw("names with small letters at their beginning are sent as they are, and a number that begins with 00")


ODD_SAK_ID = SakID("6qbTr")
"""What no published example looks like: letters of both sizes."""
LONG_SAK_ID = SakID("Lang" * 10)
"""As long as one can be."""


NO_REFERENCE: Mapping[str, str] = {
    "field": "The request's reference is not with the appointment. Send request.reference in the vendor's own field "
    'for it, since BookingFacts.reference_in is "field".',
    "note": "The request's reference tag is not with the appointment. Send request.note() unchanged.",
    "patient_note": "The request's reference tag is not in the patient's record. Send request.note() unchanged.",
}
"""What is wrong where a reference is missing, by BookingFacts.reference_in."""


def _references_told(in_field: str | None, text: str) -> str:
    """Which references are with an appointment: what its field holds, and the tags in the text that the clinic sees."""
    tags = ", ".join(map(tag, find_tags(text)))
    seen = f"another, {tags}" if tags else "no tag"
    told = f"in the {len(text.strip())} characters of text that the clinic sees: {seen}"
    return f"in the vendor's field: {in_field}; {told}" if in_field else told


async def _seen_whole(trial: Trial, rig: Rig, slot: Slot, patient: Patient, message: str | None, sak_id: SakID) -> None:
    mark = rig.mark()
    made = await trial.booked(rig, slot, patient=patient, message=message, sak_id=sak_id)
    stands, calls = made.appointment, rig.writing(made.calls)
    text = texts_of(rig, stands)
    what = f"a booking {'with' if message else 'without'} a message"
    if stands.sak_id_field:
        holds = stands.sak_id == sak_id.value
        got = f"another text in that field, or none{', and the SakID in the free text' if sak_id.value in text else ''}"
        expected = f"{what}: the SakID in the vendor's own field for it"
    else:
        holds = sak_id.value in text
        got = f"not in the {len(text.strip())} characters of text that the clinic sees"
        expected = f"{what}: the SakID with the appointment"
    trial.claim(holds, "no_sak_id", expected=expected, got=got, calls=calls)
    claims = [claim for claim in rig.clinic.claims if claim.appointment_id == stands.id]
    if rig.told("claims"):
        trial.claim(len(claims) == 1, "no_claim", expected=f"{what}: 1 claim from its SakID",
                    got=f"{len(claims)} claims", calls=calls)  # fmt: skip
    where = trial.adapter.limits.booking.reference_in
    if where != "nowhere":
        found = made.request.reference in find_tags(text) or stands.reference == str(made.request.reference)
        expected = f"{what}: the request's reference with the appointment, as reference_in={where!r} says: "
        expected += str(made.request.reference) if where == "field" else tag(made.request.reference)
        got = _references_told(stands.reference, text)
        another = "The appointment has another request's reference. " if find_tags(text) or stands.reference else ""
        trial.claim(found, "no_reference", expected=expected, got=got, calls=calls, wrong=another + NO_REFERENCE[where])
    if message is not None:
        _message_stands(trial, message, text, calls)
    claimed = "; a claim was made from it" if claims else ""
    place = where.replace("_", "'s ")
    referred = f"; the reference stands in the {place}" if where != "nowhere" else ""
    trial.saw(f"{what}: the SakID stands with the appointment{claimed}{referred}")
    record, declared = rig.clinic.patient(stands.patient_id), trial.adapter.patient_fields.declared
    if record is not None:
        seen = on_record(record, patient, declared, said_in(rig.sent_since(mark)))
        _as_given(trial, seen, calls)


def texts_of(rig: Rig, stands: Appointment) -> str:
    """Every free text that the clinic sees with an appointment."""
    record = rig.clinic.patient(stands.patient_id)
    return f"{stands.note}\n{stands.patient_comment}\n{record.notes if record else ''}"


def _message_stands(trial: Trial, message: str, text: str, calls: Sequence[Call]) -> None:
    """The whole message, where there is a place for it at all."""
    facts = trial.adapter.limits.booking
    if facts.reference_in == "nowhere" and not facts.note_is_composed:
        return
    lines, plain, message = message.splitlines(), " ".join(text.split()), " ".join(message.split())
    begun = facts.note_is_composed or message[:20] in plain
    expected = f"the message of {len(message)} characters with the appointment"
    seen = f"in the {len(plain)} characters of text that the clinic sees"
    trial.claim(begun, "no_message", expected=expected, got=f"no word of it {seen}", calls=calls)
    trial.claim(message in plain, "cut", expected=expected, got=f"not the whole {seen}", calls=calls)
    if "\n".join(lines) not in "\n".join(text.splitlines()):
        trial.facts[UNTRIED] = "whether the vendor's field takes no line breaks: those of a message are made blanks"


def _as_given(trial: Trial, seen: Compared, calls: Sequence[Call]) -> None:
    trial.claim(not seen.other, "other_details", expected=f"{', '.join(seen.other)} on the clinic's record as given",
                got="something else", calls=calls)  # fmt: skip
    trial.claim(not seen.unsent, "unsent", expected=f"{', '.join(seen.unsent)}, as declared in patient_fields",
                got="sent in no request", calls=calls)  # fmt: skip
    kept = f"as given on the clinic's record: {', '.join(seen.same)}" if seen.same else "sent as declared"
    trial.saw(kept + (f"; the mock keeps no {', '.join(seen.unkept)}" if seen.unkept else ""))


async def _longest_message(trial: Trial) -> None:
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    request = _with_the_longest(trial, rig.request(slot, patient=OTHER))
    if not request.message:
        trial.saw("the note has no room for a message")
        return
    before, mark = rig.appointments(), rig.mark()
    outcome = await trial.outcome(rig.session.book(request))
    made, calls, message = rig.made_since(before), rig.writing(rig.since(mark)), request.message
    expected = f"booked with a message of {len(message)} characters"
    trial.claim(outcome.error is None and len(made) == 1, "too_long", expected=expected, got=outcome, calls=calls)
    _message_stands(trial, message, texts_of(rig, made[0]), calls)
    trial.saw(f"a message of {len(message)} characters, the longest that the adapter lets through, stands whole")


async def _longest_case(trial: Trial) -> None:
    """A SakID as long as one can be stands whole, or nothing is booked: half of one is another case."""
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    before, mark = rig.appointments(), rig.mark()
    outcome = await trial.outcome(rig.session.book(rig.request(slot, patient=OTHER, message=None, sak_id=LONG_SAK_ID)))
    calls = rig.writing(rig.since(mark))
    for stands in rig.made_since(before):
        seen = stands.sak_id if stands.sak_id_field else texts_of(rig, stands)
        whole = LONG_SAK_ID.value in (seen or "")
        trial.claim(whole, "cut", expected=f"a SakID of {len(LONG_SAK_ID.value)} characters whole, or no booking",
                    got="booked, and it is not there whole", calls=calls)  # fmt: skip
    became = "stands whole" if outcome.error is None else "is refused"
    trial.saw(f"a SakID of {len(LONG_SAK_ID.value)} characters {became}")


def _with_the_longest(trial: Trial, request: BookingRequest) -> BookingRequest:
    """The request with as long a message as the adapter's facts let through."""
    facts, fields = trial.adapter.limits.booking, trial.adapter.patient_fields
    most = LONGEST_MESSAGE
    if not facts.note_is_composed:
        most = min(most, facts.note_length or most)
    elif facts.note_length is not None:
        lines = fields.note_lines(request.patient)
        bare = request.model_copy(update={"note_lines": lines, "message": "x"})
        most = min(most, facts.note_length - len(bare.note()) + 1)
    words = "Ønsker rom på gateplan, med Áilu. " * LONGEST_MESSAGE
    return request.model_copy(update={"message": words[: max(0, most)].rstrip().ljust(most, ".")})


@BOOK.rule(
    3,
    "Where the vendor finds the patient by e-mail, the clinic can see who is meant",
    why="Families share an address: the time would stand on the wrong record.",
    check="PatientFields.match, and request.note(), which then carries name and year of birth.",
    control="The booking is confirmed without a fault, and one appointment stands for it in the timebook.",
    source='the contract: patient_fields.match == "email"',
    needs=NEEDS,
    evidence=("timebook",),
    causes={"not_seen": "Neither the appointment's note nor its patient shows the name that was given."},
)
async def _who_is_meant(trial: Trial) -> None:
    rig = trial.rig()
    made = await trial.booked(rig)
    patient = rig.clinic.patient(made.appointment.patient_id)
    text = f"{made.appointment.note}\n{made.appointment.patient_comment}\n{patient.name if patient else ''}"
    name = PATIENT.family_name or ""
    trial.claim(name in text, "not_seen", expected="the patient's name in the note or on the record",
                got=f"in neither, of {len(text.strip())} characters together",
                calls=rig.writing(made.calls))  # fmt: skip
    match = trial.adapter.patient_fields.match.replace("_", " ")
    trial.saw(f"the name stands with the appointment; how the vendor finds a patient, as declared: {match}")


@BOOK.rule(
    4,
    "The vendor is told nothing of the patient that the adapter does not declare",
    why="Data minimisation: a national id that nobody asked for is a breach.",
    check="PatientFields, and everything in book that is not taken from `request`.",
    control="The booking is confirmed and stands in the timebook, so that what was sent was enough.",
    source="the contract: fields that are not declared are stripped; GDPR article 5 (1) c",
    needs=NEEDS,
    evidence=("wire", "journal"),
    causes={
        "undeclared": "A field of the patient that is not declared went over the wire.",
        "needless": "The mock's `needed` does not name a field of the patient that was sent. Take it out of "
        "PatientFields; or put it into `needed`, where the vendor has a use for it.",
    },
    look={"needless": "PatientFields, against `needed` in the vendor's mock."},
    safety=True,
)
async def _minimal_data(trial: Trial) -> None:
    rig = trial.rig()
    made = await trial.booked(rig)
    fields = trial.adapter.patient_fields
    spoken = {"given_name", "family_name", "birth_date"} if fields.match == "email" else set()
    sent = b"\n".join(call.request.url.encode() + call.request.body for call in rig.wire)
    for name in type(PATIENT).model_fields:
        if name in fields.declared or name in spoken:
            continue
        value = getattr(PATIENT, name)
        text = value.isoformat() if hasattr(value, "isoformat") else str(value)
        holds = text.encode() not in sent and text.encode("unicode_escape") not in sent
        trial.claim(holds, "undeclared", expected=f"{name} is not sent", got=f"{name} was sent",
                    calls=rig.writing(made.calls))  # fmt: skip
    found = [finding.where for _, finding in rig.world.journal.findings if finding.code == "needless_patient_data"]
    trial.claim(not found, "needless", expected="only what the vendor needs of the patient",
                got=f"also {', '.join(found)}", calls=made.calls)  # fmt: skip
    trial.saw(f"{len(rig.wire)} requests hold only {', '.join(sorted(fields.declared))}")
    stored = _stored_and_never_sent(rig, made.calls)
    if stored:
        trial.facts[UNTRIED] = (
            f"whether the vendor is rightly never told {', '.join(stored)} of a patient: its mock's bookings store it "
            f"(`needed`), and PatientFields declares only {', '.join(sorted(fields.declared)) or 'nothing'}"
        )


def _stored_and_never_sent(rig: Rig, calls: Iterable[Call]) -> list[str]:
    """Fields of the patient that the vendor's bookings store, by the mock, and that went with none of the calls."""
    operations = {one.name: one for one in rig.mock.dialect.operations}
    stored: set[str] = set()
    sent: set[str] = set()
    for call in calls:
        operation, wire = operations.get(call.operation or ""), rig.sent(call.number)
        if operation is None or wire is None or not operation.writes:
            continue
        body = body_of(wire.request)
        stored |= operation.personal & operation.needed(body if isinstance(body, dict) else {})
        sent |= {name for place in filled(wire.request) for name in place.split(".")}
    return sorted(stored - sent)


# ---- somebody else is first


def take(rig: Rig, slot: Slot) -> None:
    """Staff give the time to somebody else."""
    details = PatientDetails("Annen Prøvesen", None, "+4790000009", "annen@example.test")
    order = Order(rig.own(slot.practitioner_id), rig.own(slot.service_id), slot.start, details, source="staff")
    rig.clinic.staff_book(order)


def still_open(trial: Trial, rig: Rig, slots: Sequence[Slot]) -> Slot:
    """An open time that is still there once the first of them has been booked."""
    other = next((one for one in slots[1:] if rig.open_time(one) is not None), None)
    return trial.need(other, times_needed(rig, "a second one that is still open once the first is booked", slots))


def second(trial: Trial, rig: Rig, slots: Sequence[Slot]) -> Slot:
    """An open time that shares no time with the first one."""
    other = next((one for one in slots[1:] if apart(one, slots[0])), None)
    return trial.need(other, times_needed(rig, "a second one that shares no time with the first", slots))


def _live(rig: Rig) -> int:
    """How many appointments take a time; what was made and withdrawn again does not."""
    return sum(one.state in LIVE_STATES for one in rig.appointments())


@BOOK.rule(
    5,
    "A time that was taken a moment ago is SlotTaken, however the vendor says so, and nothing was changed",
    why="The patient chooses another time at once; any other error leaves them waiting, or booked twice.",
    check="ErrorMap.code: whether it finds the vendor's code in this answer; ErrorMap.codes: whether that code is "
    "SlotTaken.",
    control="Another time is booked without a fault in the same clinic, and stands in the timebook.",
    source=CERTAIN,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "not_slot_taken": "The vendor's refusal must become SlotTaken. Where the answer has a code, let ErrorMap.code "
        "find it and list that code in ErrorMap.codes; list a status only where the vendor answers nothing else so.",
        "told_booked": "The caller was told that the booking stands, although the time is another patient's.",
        "changed": "The caller was told that nothing was changed, but something new stands in the timebook.",
    },
    look={
        "told_booked": "book: which answers become a Booking; ErrorMap.code finds a refusal in an answer with status "
        "200 too. Where the vendor lets two stand at one time, say so in BookingFacts.overlap.",
        "changed": "book: what is sent after the vendor has refused; nothing may be.",
    },
    driver=True,
    safety=True,
)
async def _taken_meanwhile(trial: Trial) -> None:
    for setting in trial.rig().switch_settings("taken"):
        rig = trial.rig(switches=setting)
        slots = await trial.open_times(rig)
        await trial.booked(rig, slots[0])
        slot = still_open(trial, rig, slots)
        mark = rig.mark()
        taken: list[int] = []

        def staff_are_faster(_: BookingRequest, rig: Rig = rig, slot: Slot = slot, taken: list[int] = taken) -> None:
            take(rig, slot)
            taken.append(_live(rig))

        outcome = await trial.outcome(rig.session.book(rig.request(slot), before_write=staff_are_faster))
        calls = rig.writing(rig.since(mark))
        trial.need(taken, "the hook before the write was not called")
        trial.need(calls, "no write reached the vendor")
        what = setting_told(setting)
        trial.claim(outcome.error is not None, "told_booked", expected=f"SlotTaken ({what})", got=outcome, calls=calls)
        holds = isinstance(outcome.error, SlotTaken) and outcome.error.effect == "none"
        got = decided(rig, outcome, calls)
        trial.claim(holds, "not_slot_taken", expected=f"SlotTaken, effect none ({what})", got=got, calls=calls)
        added = _live(rig) - taken[0]
        trial.claim(added == 0, "changed", expected=f"no appointment more or fewer in the timebook ({what})",
                    got=f"{added:+d}", calls=calls)  # fmt: skip
        answers = ", ".join(str(call.status) for call in calls)
        trial.saw(f"{what}: told as SlotTaken, answers to what was sent: {answers}; the other patient kept the time")


TOO_MANY = 429
CALLERS = 50
"""So many ask for one time at once, or as many as the vendor's limit on calls lets through together."""


def callers(rig: Rig, calls: int) -> int:
    """How many can be heard at once, when a booking takes so many calls."""
    rate = rig.adapter.limits.rate
    return CALLERS if rate is None else max(2, min(CALLERS, int(rate.calls * (1 - rate.for_bookings)) // (calls + 1)))


@BOOK.rule(
    6,
    "Of fifty callers for one time, one is booked and forty-nine are told that it is taken",
    why="A popular time is clicked by many at once; two patients at one door is the worst that can happen.",
    check="ErrorMap.code and ErrorMap.codes: what the vendor's answer to those who came too late becomes.",
    control="One caller alone books another time in the same clinic, and it stands in the timebook.",
    source=CERTAIN,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "two_told_yes": "More than one caller was told that the time is theirs.",
        "nobody": "The time was free, and yet not exactly one caller was told that it is theirs and has it.",
        "others_not_taken": "Those who came too late must hear SlotTaken, nothing else. Where the answer has a code, "
        "let ErrorMap.code find it and list that code in ErrorMap.codes; list a status only where the vendor answers "
        "nothing else so.",
        "more_writes": "Some caller sent more than one write.",
        "too_fast": "The vendor's mock answered 429, too many calls, although the SDK keeps to the adapter's "
        "Limits.rate: state there what the vendor allows. Correct your mock instead where it allows less than the "
        "vendor.",
    },
    look={
        "two_told_yes": "book: which answers become a Booking; BookingFacts.overlap, where the vendor lets two stand "
        "at one time.",
        "nobody": "book: which answers become a Booking, and what ErrorMap makes of the one who was first.",
        "more_writes": "book: one http.post, in no loop and never sent again.",
        "too_fast": "Limits.rate: how many calls in how many seconds. Leave ErrorMap alone: 429 is no conflict, and "
        "never SlotTaken.",
    },
    driver=True,
    safety=True,
)
async def _fifty_callers(trial: Trial) -> None:
    for setting in trial.rig().switch_settings("taken"):
        rig = trial.rig(switches=setting)
        slots = await trial.open_times(rig)
        control = await trial.booked(rig, slots[0])
        write, count = control.deciding, callers(rig, len(control.calls))
        slot = still_open(trial, rig, slots)
        rig.pace.pass_time(rig.adapter.limits.rate.per if rig.adapter.limits.rate else 0.0)
        barrier = rig.world.barriers.add(write, count)
        mark, before = rig.mark(), rig.appointments()
        outcomes = await asyncio.gather(*(trial.outcome(rig.session.book(rig.request(slot))) for _ in range(count)))
        calls = [call for call in rig.since(mark) if call.operation == write]
        _within_the_rate(trial, rig.since(mark))
        if not barrier.passed:
            raise RuntimeError(f"the barrier held {barrier.arrived} of {count} callers")
        operation: Operation = "book" if write == control.write else "hold_slot"
        _one_winner(trial, rig, outcomes, before, calls, setting_told(setting), operation)


def _within_the_rate(trial: Trial, calls: Sequence[Call]) -> None:
    """Nobody is told to wait; shown are the calls before the first who was, and some of those who were."""
    told_to_wait = [call for call in calls if call.status == TOO_MANY]
    first = calls.index(told_to_wait[0]) if told_to_wait else 0
    rate = trial.adapter.limits.rate
    took = (told_to_wait[0].at - calls[0].at).total_seconds() if told_to_wait else 0.0
    stated = "Limits.rate is not stated" if rate is None else f"Limits.rate says {rate.calls} in {rate.per:g} s"
    trial.claim(
        not told_to_wait,
        "too_fast",
        expected=f"no call answered {TOO_MANY}: {stated}, and the SDK keeps to it",
        got=f"{len(told_to_wait)} of {len(calls)} calls answered {TOO_MANY}, the first after {first} in {took:.0f} s",
        calls=[*calls[max(0, first - 3) : first], *told_to_wait[:3]],
    )


def _one_winner(
    trial: Trial,
    rig: Rig,
    outcomes: Sequence[Outcome],
    before: Any,
    calls: Sequence[Call],
    what: str,
    operation: Operation,
) -> None:
    won = [one for one in outcomes if one.error is None]
    live = [one for one in rig.made_since(before) if one.state in LIVE_STATES]
    shown = calls[:3]
    one = f"1 of {len(outcomes)} callers is told that the time is theirs, and has it ({what})"
    trial.claim(len(won) <= 1, "two_told_yes", expected=one, got=f"{len(won)} are told so", calls=shown)
    trial.claim(len(won) == 1 and len(live) == 1, "nobody", expected=one, got=f"{len(won)} told so, appointments in "
                f"the timebook: {len(live)}", calls=shown)  # fmt: skip
    late = [one for one in outcomes if isinstance(one.error, SlotTaken)]
    others = Counter(decided(rig, one, calls, operation) for one in outcomes if one not in won and one not in late)
    count = len(outcomes)
    heard = [f"{many} heard {one}" for one, many in sorted(others.items())]
    got = "; ".join([f"SlotTaken for {len(late)} of {count - 1} callers", *heard])
    trial.claim(len(late) == count - 1, "others_not_taken", expected=f"SlotTaken for {count - 1} callers ({what})",
                got=got, calls=shown)  # fmt: skip
    trial.claim(len(calls) == count, "more_writes", expected=f"{count} writes, one for each caller",
                got=f"{len(calls)} writes", calls=shown)  # fmt: skip
    trial.saw(f"{what}: {len(calls)} writes held together, 1 appointment, {len(late)} told that it is taken")


@BOOK.rule(
    7,
    "A patient who may have no more bookings is told so, and nothing was changed",
    why="Another time does not help; the patient has to give one up first.",
    check="ErrorMap.code: whether it finds the vendor's code in this answer; ErrorMap.codes: whether that code is "
    "PatientLimitReached.",
    control="A first booking of the same patient stands in the timebook, before the limit is set.",
    source=CERTAIN,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "other_error": "The vendor's refusal must become PatientLimitReached, effect none. No other refusal will do: "
        "SlotTaken sends the patient to another time, which does not help. Where the answer has a code, list that code "
        "in ErrorMap.codes, and not the status, with which the vendor may refuse for other reasons.",
        "told_booked": "The caller was told that the booking stands, but the clinic has refused it.",
    },
    look={"told_booked": "book: which answers become a Booking, also among those with status 200."},
)
async def _too_many(trial: Trial) -> None:
    if not trial.rig().told("patient_limits"):
        trial.not_offered("a limit on a patient's bookings", proof=True)
    for setting in trial.rig().switch_settings("taken"):
        rig = trial.rig(switches=setting)
        slots = await trial.open_times(rig)
        await trial.booked(rig, slots[0])
        rig.clinic.set_restrictions(Restrictions(max_bookings=1))
        slot = still_open(trial, rig, slots)
        mark, before = rig.mark(), rig.appointments()
        outcome = await trial.outcome(rig.session.book(rig.request(slot)))
        calls = rig.writing(rig.since(mark))
        trial.need(calls, "no write reached the vendor")
        made = rig.made_since(before)
        if made:
            trial.need(None, "the mock let a patient have more bookings than the clinic allows; put \"patient_limits\" "
                       "into its `untold` where the system has no limit, or can't know a patient again")  # fmt: skip
        what = setting_told(setting)
        expected = f"PatientLimitReached, effect none ({what})"
        trial.claim(outcome.error is not None, "told_booked", expected=expected, got=outcome, calls=calls)
        holds = isinstance(outcome.error, PatientLimitReached) and outcome.error.effect == "none"
        trial.claim(holds, "other_error", expected=expected, got=decided(rig, outcome, calls), calls=calls)
        trial.saw(f"{what}: told as PatientLimitReached, answered {calls[-1].status}, no new appointment")


@BOOK.rule(
    11,
    "Without a field that the vendor needs, the booking is refused and nothing is sent; no other field is demanded",
    why="A refusal at the vendor, after the patient has left the page, helps nobody; nobody must be turned away for "
    "want of a number that the vendor can do without.",
    check="PatientFields.required and one_of, against what the vendor really demands.",
    control="A booking with all fields stands in the timebook of the same clinic.",
    source="the contract: PatientFieldRequired names the fields",
    needs=NEEDS,
    evidence=("journal",),
    causes={
        "sent": "A write was sent for a patient without a required field.",
        "other_error": "The missing field must be named by PatientFieldRequired.",
        "demanded": "PatientFields.required names a field without which the vendor's mock books as well. Put it into "
        "optional; or, where the vendor does need it, let the mock refuse a booking without it.",
    },
    look={"demanded": "PatientFields.required, against what the API says is required."},
    targets=("mock", "cassette", "live"),
)
async def _required_fields(trial: Trial) -> None:
    rig = trial.rig()
    fields = trial.adapter.patient_fields
    if not fields.required and not fields.one_of:
        trial.not_offered("required fields of the patient", proof=True)
    made = await trial.booked(rig)
    slots = await trial.open_times(rig)
    for name in sorted(fields.required):
        mark = rig.mark()
        request = rig.request(slots[0], patient=PATIENT.model_copy(update={name: None}))
        outcome = await trial.outcome(rig.session.book(request))
        wrote = rig.writing(rig.since(mark))
        trial.claim(not wrote, "sent", expected=f"no write without {name}",
                    got=f"number of writes: {len(wrote)}", calls=wrote)  # fmt: skip
        holds = isinstance(outcome.error, PatientFieldRequired) and name in outcome.error.fields
        trial.claim(holds, "other_error", expected=f"PatientFieldRequired at {name}", got=outcome)
        trial.saw(f"without {name}: refused, no write; with it booked after {len(made.calls)} calls")
    if trial.target.kind == "mock":
        for name in sorted(fields.required - {"given_name", "family_name"}):
            await _is_needed(trial, name)


async def _is_needed(trial: Trial, name: PatientField) -> None:
    """The vendor, too, refuses a booking without it: seen where the adapter does not demand it."""
    rig = trial.rig(adapter=trial.undemanding(name))
    slots, before, mark = await trial.open_times(rig), rig.appointments(), rig.mark()
    request = rig.request(slots[0], patient=PATIENT.model_copy(update={name: None}))
    outcome = await trial.outcome(rig.session.book(request))
    made, calls = rig.made_since(before), rig.writing(rig.since(mark))
    trial.claim(not made, "demanded", expected=f"no appointment without {name}, which PatientFields.required demands",
                got=f"{outcome}; appointments: {len(made)}", calls=calls)  # fmt: skip
    trial.saw(f"without {name}, were it not demanded: {outcome}, no appointment")


@BOOK.rule(
    12,
    "After its last moment a booking is not sent any more",
    why="A registry's queue that wakes up late must not book a time that was given to somebody else.",
    check="The SDK does this for every write; a booking that is asked for as a read (http.query) is sent again.",
    control="A booking within its last moment stands in the timebook of the same clinic.",
    source="the contract: not_after",
    needs=NEEDS,
    evidence=("journal",),
    causes={
        "sent": "A write was sent after the last moment that the caller had given (not_after).",
        "other_error": "After the last moment that was given (not_after) the caller must hear LeaseExpired.",
    },
    driver=True,
    targets=("mock", "cassette", "live"),
)
async def _lease(trial: Trial) -> None:
    rig = trial.rig()
    made = await trial.booked(rig)
    slots = await trial.open_times(rig)
    mark = rig.mark()
    ended = rig.pace.now() - timedelta(seconds=1)
    outcome = await trial.outcome(rig.session.book(rig.request(slots[0]), not_after=ended))
    wrote = rig.writing(rig.since(mark))
    trial.claim(not wrote, "sent", expected="no write after not_after", got=f"number of writes: {len(wrote)}",
                calls=wrote)  # fmt: skip
    trial.claim(isinstance(outcome.error, LeaseExpired), "other_error", expected="LeaseExpired", got=outcome)
    within = len(rig.writing(made.calls))
    trial.saw(f"after the last moment (not_after) nothing was sent; number of writes before it: {within}")


@BOOK.rule(
    13,
    "A time of the night when the clock goes back is booked at its own moment",
    why="An hour too early or too late is a missed appointment.",
    check="book sends the slot's token, not a wall-clock text made anew.",
    control="The night is read without an error, and at least one of its times is booked and stands.",
    source="the contract: start is an instant; IANA time zone Europe/Oslo",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "other_moment": "The appointment stands at another moment than the slot.",
        "refused": "A time of that night that is open could not be booked.",
    },
    driver=True,
)
async def _booked_at_night(trial: Trial) -> None:
    await trial.booked(trial.rig())  # what can't be booked on any day is no matter of the night
    rig = trial.rig("autumn")
    mark = rig.mark()
    answer = await rig.session.slots(rig.days(3, 4))
    trial.control(rig, mark, "the night is read")
    repeated = [
        slot for slot in answer.found if slot.local_start.hour in (1, 2, 3) and slot.local_start.date().day == 25
    ]
    trial.need(
        repeated,
        f"no time from 01:00 to 03:59 of the night of 25 October is among the {len(answer.found)} open times that "
        "were found in its three days",
    )
    ordered, stands = sorted(repeated, key=lambda slot: slot.start), 0
    for slot in (ordered[0], *[one for one in ordered if one.local_start.fold == 1][:2], ordered[-1]):
        if rig.open_time(slot) is None:
            continue
        before, mark = rig.appointments(), rig.mark()
        outcome = await trial.outcome(rig.session.book(rig.request(slot)))
        calls, made = rig.writing(rig.since(mark)), rig.made_since(before)
        asked = f"1 appointment at {clock_told(rig, slot.start)}"
        trial.claim(outcome.error is None, "refused", expected=asked, got=outcome, calls=calls)
        starts = [one.start for one in made]
        holds = starts == [slot.start]
        trial.claim(holds, "other_moment", expected=asked, got=starts_told(rig, made), calls=calls)
        stands += 1
    trial.need(
        stands or None, f"the clinic's timebook has none of the {len(repeated)} open times of the night that were found"
    )
    trial.saw(f"{stands} bookings of that night stand at the moments of their slots")


@BOOK.rule(
    25,
    "A time by video or telephone that is offered can be booked",
    why="Who lives far away chooses it, and is refused after they have given their name.",
    check="book: whether it asks for the way of meeting that the type has, where the vendor wants it named.",
    control="A time is booked without a fault in a twin clinic, where the types are as they were set up.",
    source="the contract: what list_slots offers can be booked; Service.modes",
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "refused": "A time by video or telephone is offered and can't be booked: ask for the way of meeting that the "
        "vendor offers.",
    },
    driver=True,
)
async def _by_video_or_telephone(trial: Trial) -> None:
    control = trial.rig()
    if not control.told("mediums"):
        trial.not_offered("video and telephone", proof=True)
    await trial.booked(control)
    has = control.mock.dialect.mediums
    ways: list[Medium] = [way for way in ("video", "telephone") if any(way in one for one in has)]
    stand: list[Medium] = []
    for way in ways:
        rig = trial.rig()
        for kind in rig.clinic.types:
            if kind.kind == "ordinary":
                rig.clinic.put_type(replace(kind, mediums=next(one for one in has if way in one)))
        query = rig.days(3, 1)
        offered = rig.known((await rig.session.slots(query)).found, query.first_day, query.last_day)
        if not offered:
            trial.saw(f"times by {way} are not offered")
            continue
        mark, before = rig.mark(), rig.appointments()
        outcome = await trial.outcome(rig.session.book(rig.request(offered[0])))
        made, calls = rig.made_since(before), rig.writing(rig.since(mark))
        stands = outcome.error is None and len(made) == 1
        got = f"{outcome}; new appointments: {len(made)}"
        trial.claim(stands, "refused", expected=f"1 appointment by {way}", got=got, calls=calls)
        stand.append(way)
        trial.saw(f"a time by {way} is booked")
    if not stand:
        trial.not_offered("times by video or telephone", proof=True)


def _unchecked(trial: Trial) -> type[Adapter]:
    """The adapter with no field required, so that the vendor itself is asked."""
    made = trial.adapter
    fields = made.patient_fields
    free = fields.model_copy(update={"required": frozenset(), "one_of": (), "optional": fields.declared})

    def body(space: dict[str, Any]) -> None:
        space.update(
            patient_fields=free,
            contract=made.contract,
            suited=classmethod(lambda cls, options: cls),  # noqa: ARG005 - the contract's signature
            __module__=made.__module__,
        )

    return types.new_class(made.__name__, (made,), exec_body=body)


@BOOK.rule(
    14,
    "When the vendor refuses a booking for what it lacks of the patient, the error names the field",
    why='A person can fill in what is named; "refused" sends them to the telephone.',
    check="ErrorMap.field: where the answer names the field, and field_names, what it is called in the contract; "
    "where the answer names none, a Refusal with fields for the vendor's code.",
    control="A booking with all fields stands in the timebook of the same clinic, under the same setting.",
    source="the contract: PatientFieldRequired and InvalidRequest carry the fields",
    needs=NEEDS,
    evidence=("journal", "timebook"),
    causes={
        "not_named": "The vendor refused, and the error names none of the fields that were left out.",
        "one_of_several": "The vendor named several fields in one answer, and the error does not name them all, so "
        "that a person mends one and is refused for the next.",
        "not_refused": "The vendor refused, and the caller heard no refusal with effect none.",
        "changed": "The vendor refused, and something new stands in the timebook.",
        "as_the_time": "The vendor refused for what the patient lacks, and that is told as a time that can't be had: "
        "other times are offered, and refused alike.",
    },
    look={
        "as_the_time": "ErrorMap.codes: what this code became; InvalidRequest, or PatientFieldRequired.",
        "not_refused": "ErrorMap.code and ErrorMap.codes: that refusal's code, or its status where it has none; what "
        "is not listed stays unknown.",
        "changed": "book: what is sent after the vendor has refused; nothing may be.",
        "one_of_several": "ErrorMap.field: `*` in a pointer stands for each row of a list.",
    },
)
async def _refused_field(trial: Trial) -> None:
    fields = trial.adapter.patient_fields
    left_out = [*((name,) for name in sorted(fields.required)), tuple(sorted(fields.required))]
    left_out += [tuple(sorted(choice)) for choice in fields.one_of]
    refusals = 0
    for setting in trial.rig().switch_settings("validation"):
        rig = trial.rig(switches=setting, adapter=_unchecked(trial))
        slots = await trial.open_times(rig)
        await trial.booked(rig, slots[0])
        slot = still_open(trial, rig, slots)
        said: dict[tuple[str, ...], set[str]] = {}
        for names in filter(None, dict.fromkeys(left_out)):
            mark, before = rig.mark(), _live(rig)
            without = PATIENT.model_copy(update=dict.fromkeys(names))
            outcome = await trial.outcome(rig.session.book(rig.request(slot, patient=without)))
            calls = rig.writing(rig.since(mark))
            if not any(said_no(rig, call) for call in calls):
                slot = next((one for one in slots if rig.open_time(one) is not None), slot)
                continue
            what = f"without {', '.join(names)} ({setting_told(setting)})"
            refused = outcome.error is not None and outcome.error.effect == "none"
            expected = f"an error, effect none, that names {' or '.join(names)}: booked {what}"
            got = decided(rig, outcome, calls)
            trial.claim(refused, "not_refused", expected=expected, got=got, calls=calls)
            of_the_time = isinstance(outcome.error, SlotTaken | SlotWithdrawn)
            trial.claim(not of_the_time, "as_the_time", expected=expected, got=got, calls=calls)
            named = set(outcome.error.fields if outcome.error else ()) & set(names)
            trial.claim(bool(named), "not_named", expected=expected, got=got, calls=calls)
            said[names] = set(told_in(rig.sent_since(mark)).splitlines())
            also = _named_alone(said, names) - named
            expected = f"an error that names {' and '.join(sorted(also | named))}, as the answer does: booked {what}"
            trial.claim(not also, "one_of_several", expected=expected, got=got, calls=calls)
            added = _live(rig) - before
            trial.claim(
                added == 0, "changed", expected=f"no new appointment: booked {what}", got=f"{added:+d}", calls=calls
            )
            refusals += 1
            trial.saw(f"booked {what}: refused, and the error names {', '.join(sorted(named))}")
    if not refusals:
        trial.not_offered("a refusal for what is missing of the patient", proof=True)


def _named_alone(said: Mapping[tuple[str, ...], set[str]], names: Sequence[str]) -> set[str]:
    """Which of several fields an answer names: what only the refusal for that field alone has said stands in it too.
    said: the texts of the answers, by what was left out."""
    alone = {fields[0]: texts for fields, texts in said.items() if len(fields) == 1 and fields != names}
    own = {
        name: texts.difference(*(others for other, others in alone.items() if other != name))
        for name, texts in alone.items()
    }
    return {name for name in names if own.get(name, set()) & said[tuple(names)]}


@BOOK.rule(
    15,
    "A booking stands on the record of the person it is for, also where somebody shares their address or telephone",
    why="The other person's record would show a treatment that they never had, to everybody who reads it.",
    check="register_patient, where the adapter has it, adds a record; it never takes one that was found by an address, "
    "a number or a name alone. Else the vendor decides, in the mock BookingOrder(match=…): where the API is silent, "
    '"never" (a new record for each booking) or "name_and_birth_date".',
    control="The booking is confirmed without a fault, and one appointment stands for it in the timebook.",
    source="the contract: two matches mean a new record; GDPR article 5 (1) d",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "another_record": "The appointment stands on another person's record, and nothing there says who is meant. "
        "Mend match in the mock where the API does not say that it finds patients so; where it does, ask the vendor.",
        "otherwise_matched": "PatientFields.match says how the vendor finds a patient among its own, and it does not: "
        "registries tell clinics to look for double records, or for wrong ones, where none are.",
    },
    look={"otherwise_matched": "PatientFields.match, and match of BookingOrder in the mock: what the API says."},
    safety=True,
)
async def _own_record(trial: Trial) -> None:
    rig = trial.rig()
    family = [
        rig.clinic.put_patient(PatientDetails(name, born, PATIENT.phone or "", PATIENT.email or ""))
        for name, born in (("Åge Fjellprøve-Østhåg", date(1951, 5, 17)), (PATIENT.name, date(2016, 2, 29)))
    ]
    made = await trial.booked(rig)
    stands = made.appointment
    on_theirs = stands.patient_id in {one.id for one in family}
    seen = trial.adapter.patient_fields.match == "email" and PATIENT.name in f"{stands.note} {stands.patient_comment}"
    or_named = ", or the patient's name in the note" if trial.adapter.patient_fields.match == "email" else ""
    looked = [call for call in made.calls if any(one.code == "patients_listed" for one in call.findings)]
    wrong = ""
    if looked:
        wrong = "The adapter has read the clinic's patients, and booked on the record of somebody whom it found there: "
        wrong += "a record must be added for each booking, and nobody be looked for."
    elif "register_patient" in trial.adapter.supports:
        wrong = "The booking stands on the record of somebody else, although register_patient was asked for a new one."
    trial.claim(
        not on_theirs or seen,
        "another_record",
        expected=f"a record of their own{or_named}",
        got=f"record {rig.wire_id(stands.patient_id)}, of somebody with the same telephone and e-mail",
        calls=[*looked, *rig.writing(made.calls)],
        wrong=wrong,
    )
    where = "one of their records, with the name in its note" if on_theirs else "a record of its own"
    trial.saw(f"{len(family)} others share telephone and e-mail; the appointment stands on {where}")
    await _matched_as_stated(trial)


async def _matched_as_stated(trial: Trial) -> None:
    """The same patient is on file already: a vendor that finds patients books on that record, and one that makes a
    record for each booking does not."""
    stated = trial.adapter.patient_fields.match
    if stated == "unknown":
        return
    rig = trial.rig()
    details = PatientDetails(PATIENT.name, PATIENT.birth_date, PATIENT.phone or "", PATIENT.email or "",
                             PATIENT.national_id)  # fmt: skip
    there = rig.clinic.put_patient(details)
    made = await trial.booked(rig)
    found = made.appointment.patient_id == there.id
    holds = found == (stated != "new_record")
    what = "the record that was there" if found else "a new record"
    trial.claim(holds, "otherwise_matched", expected=f'what PatientFields.match says: "{stated}"',
                got=f"the appointment stands on {what}", calls=rig.writing(made.calls))  # fmt: skip
    trial.saw(f"a patient who is on file: the appointment stands on {what}, as PatientFields.match says")


@BOOK.rule(
    16,
    "A patient who is put on file first gets one record, with what was given, and the booking stands on it",
    why="A second record splits a history; a wrong birth date or telephone number reaches the wrong person.",
    check="register_patient: which field goes where, and which id of the answer is returned.",
    control="Patient and booking are taken without a fault in the same clinic, each call answered.",
    source="the contract: register_patient puts request.patient on file with one write",
    needs=("register_patient", *NEEDS),
    evidence=("timebook", "journal"),
    causes={
        "not_one": "A booking left another number of new records than one.",
        "other_details": "The record does not hold what was given of the patient.",
        "another_record": "The appointment does not stand on the record that was made for its patient.",
        "not_told": "The caller's hook (before_write) was told another id of the patient than the record's.",
        "told_otherwise": "The answer to register_patient was lost, and the caller did not hear that nothing was "
        "booked, or could not book when they tried again.",
        "changed": "Something stands in the timebook although the patient's record could not be made.",
    },
    look={
        "told_otherwise": "register_patient: let the errors of http.post out as they are.",
        "changed": "register_patient: it puts a patient on file, and books nothing.",
    },
    driver=True,
    safety=True,
)
async def _put_on_file(trial: Trial) -> None:
    rig = trial.rig()
    before, told = rig.clinic.patients, list[BookingRequest]()
    slots, mark = await trial.open_times(rig), rig.mark()
    outcome = await trial.outcome(rig.session.book(rig.request(slots[0]), before_write=told.append))
    calls, stands = rig.writing(rig.since(mark)), rig.appointments()[-1]
    trial.need(outcome.value, f"a booking without a fault: {outcome}")
    trial.control(rig, mark, "a patient is put on file, and a time is booked")
    new = [one for one in rig.clinic.patients if one not in before]
    trial.claim(len(new) == 1, "not_one", expected="1 new record", got=f"new records: {len(new)}", calls=calls)
    record, declared = new[0], trial.adapter.patient_fields.declared
    wrong = [
        name
        for name, holds, given in (
            ("name", record.name, PATIENT.name if {"given_name", "family_name"} <= declared else record.name),
            ("birth_date", record.birth_date, PATIENT.birth_date),
            ("phone", record.phone, PATIENT.phone),
            ("email", record.email, PATIENT.email),
        )
        if (name == "name" or name in declared) and holds != given
    ]
    trial.claim(not wrong, "other_details", expected=f"{', '.join(wrong)} on the record as given",
                got="something else", calls=calls)  # fmt: skip
    on_it = stands.patient_id == record.id
    trial.claim(on_it, "another_record", expected="the appointment on the new record", got="on another one",
                calls=calls)  # fmt: skip
    ids = [one.patient_id for one in told]
    got = "before_write was told another id" if ids else "before_write was not called"
    trial.claim(ids == [rig.wire_id(record.id)], "not_told", expected="the new record's id", got=got, calls=calls)
    trial.saw("1 new record with what was given, and the appointment on it; before_write was told the record's id")
    write = calls[0].operation or ""
    for when, kind in (("before_commit", "reset"), ("after_commit", "reset"), ("after_commit", "html_200")):
        await _record_is_lost(trial, write, when, kind)


async def _record_is_lost(trial: Trial, write: str, when: Any, kind: str) -> None:
    rig = trial.rig()
    slot, *_ = await trial.open_times(rig)
    rig.fault(write, kind, when=when)
    mark, before, request = rig.mark(), rig.appointments(), rig.request(slot)
    outcome = await trial.outcome(rig.session.book(request))
    calls, what = rig.writing(rig.since(mark)), loss_told(kind, when)
    trial.need(calls, f"no record was asked for, {what}")
    made = rig.made_since(before)
    trial.claim(not made, "changed", expected=f"no appointment ({what})", got=f"appointments: {len(made)}", calls=calls)
    honest = outcome.error is not None and outcome.error.effect == "none"
    trial.claim(honest, "told_otherwise", expected=f"an error, effect none ({what})", got=outcome, calls=calls)
    again = await trial.outcome(rig.session.book(request))
    stands = len(rig.made_since(before))
    trial.claim(stands == 1, "told_otherwise", expected=f"booked once when tried again ({what})",
                got=f"{again}; appointments: {stands}", calls=calls)  # fmt: skip
    trial.saw(f"register_patient, {what}: nothing was booked, and one appointment stands after a second try")


LISTED_LOOK = "list_bookings: the same table of the vendor's words for a status as in get_booking."


@BOOK.rule(
    17,
    "What waits for the clinic is pending until it has decided, and is then read as it has decided",
    why='"Asked for" is no appointment; a declined one must be found another time, and an accepted one kept.',
    check="The vendor's words for a request, a yes and a no: in the answer to a booking, in one booking and in lists.",
    control="The booking is taken without a fault, and waits for the clinic in the timebook.",
    source="the contract: Booking.status; a word that is not known is unknown, never booked",
    needs=("get_booking", *NEEDS),
    evidence=("timebook",),
    causes={
        "not_pending": "A booking that waits for the clinic is told otherwise than pending (or unknown).",
        "not_booked": "A booking that the clinic has accepted is not read as booked.",
        "not_declined": "A booking that the clinic has declined is read as one that stands, or as called off where the "
        "vendor has a word of its own for each.",
        "listed_otherwise": "The list tells another status than the booking itself.",
        "resolved_otherwise": "`resolve` does not say what the clinic has decided.",
        "said_sync": "BookingFacts.mode says that a booking stands as soon as it is answered, and at this vendor every "
        'booking waits for the clinic: registries would not look again. State mode="request".',
        "said_request": "BookingFacts.mode says that the clinic accepts bookings later, and at this vendor every one "
        'stands as soon as it is answered: registries would tell patients to wait. State mode="sync", or let the mock '
        "have a setting in which bookings wait.",
    },
    look={
        "said_request": "BookingFacts.mode, and the vendor's description of when a booking stands.",
        "listed_otherwise": LISTED_LOOK,
        "resolved_otherwise": "list_bookings, in which `resolve` looks for the reference, on the days around too: "
        "which rows are told, Booking.reference and Booking.status; and whether book has sent the reference.",
    },
)
async def _waits(trial: Trial) -> None:
    settings, mode = settings_where(trial, waits=True), trial.adapter.limits.booking.mode
    if not settings:
        stands = (await trial.booked(trial.rig())).appointment
        says_so = mode == "request" and stands.state == "booked"
        trial.claim(not says_so, "said_request", expected='BookingFacts.mode "sync"', got='"request"')
        trial.not_offered("bookings that wait for the clinic", proof=True)
    setting = settings[0]
    sync = mode == "sync"
    trial.claim(bool(setting) or not sync, "said_sync", expected='BookingFacts.mode "request"', got='"sync"')
    if sync:
        trial.facts[UNTRIED] = (
            f"whether a booking stands at every clinic as soon as it is answered, as BookingFacts.mode says: at the "
            f"mock it may wait for the clinic ({setting_told(setting)})"
        )
    declined = ("declined",) if await _has_a_word_for_declined(trial, setting) else ("declined", "cancelled")
    for answer, expected in (("confirm", ("booked",)), ("decline", declined)):
        rig = trial.rig(switches=setting)
        slots = await trial.open_times(rig)
        sent_at = rig.pace.now()
        made = await trial.booked(rig, slots[0])
        ref = made.booking.ref
        mark = rig.mark()
        said = (made.booking.status, (await rig.session.get(ref)).status)
        calls = [*rig.writing(made.calls), *rig.since(mark)]
        trial.need(
            made.appointment.state == "pending" or None,
            f"a booking that waits for the clinic; this one is "
            f"{made.appointment.state} in the timebook ({setting_told(setting)})",
        )
        trial.claim(set(said) <= {"pending", "unknown"}, "not_pending", expected="pending, while the clinic has not "
                    "answered", got=f"booked as {said[0]}, read as {said[1]}", calls=calls)  # fmt: skip
        getattr(rig.clinic, answer)(made.appointment.id)
        mark = rig.mark()
        read = (await rig.session.get(ref)).status
        cause = "not_booked" if answer == "confirm" else "not_declined"
        decided = f"the clinic has {'accepted' if answer == 'confirm' else 'declined'} the booking"
        trial.claim(read in expected, cause, expected=f"{' or '.join(expected)}: {decided}", got=read,
                    calls=rig.since(mark))  # fmt: skip
        await listed_as_read(trial, rig, made.request, made.booking.id, read)
        mark = rig.mark()
        resolution = await rig.session.resolve(made.request, sent_at)
        holds = isinstance(resolution, Booked) if answer == "confirm" else not isinstance(resolution, Booked)
        got = f"{type(resolution).__name__}, since it saw: {seen_by(resolution)}"
        sure = "list_bookings" in trial.adapter.supports and trial.adapter.limits.booking.reference_in == "field"
        wanted = f"{'Booked' if answer == 'confirm' else 'not Booked'}: {decided}"
        trial.claim(holds or not sure, "resolved_otherwise", expected=wanted, got=got, calls=rig.since(mark))
        trial.saw(f"told as {said[0]}; once {decided}, read as {read}, and resolve says {type(resolution).__name__}")


async def _has_a_word_for_declined(trial: Trial, setting: dict[str, Any]) -> bool:
    """Whether a booking that the clinic has declined is read in another word than one that it has called off."""
    found = []
    for answer in ("decline", "staff_cancel"):
        rig = trial.rig(switches=setting)
        made = await trial.booked(rig)
        mark = rig.mark()
        await trial.outcome(rig.session.get(made.booking.ref))
        before = words_since(rig, mark)
        getattr(rig.clinic, answer)(made.appointment.id)
        mark = rig.mark()
        await trial.outcome(rig.session.get(made.booking.ref))
        found.append(words_since(rig, mark) - before)
    return bool(found[0]) and bool(found[1]) and found[0] != found[1]


def let_the_patient_come(rig: Rig, appointment: Appointment) -> None:
    """The clinic has said yes, the appointment has begun, and the patient is there."""
    if appointment.state == "pending":
        rig.clinic.confirm(appointment.id)
    rig.pace.pass_time((appointment.start - rig.pace.now()).total_seconds() + 60)
    rig.clinic.mark_attended(appointment.id)


def unread_afterwards(rig: Rig, otherwise: Spoil | None = None) -> Spoil:
    """Every reading after a write ends in the vendor's own failure. otherwise: what becomes of the write's answer."""
    wrote: list[bool] = []

    def spoil(request: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        if rig.writing(rig.received[-1:]):
            wrote.append(True)
            return outcome if otherwise is None else otherwise(request, outcome)
        return WireReply(503) if wrote else outcome

    return spoil


def seen_by(resolution: Resolution) -> str:
    """What `resolve` looked at, and saw there, for people."""
    return ", ".join(f"{one.looked_at} {one.saw}" for one in resolution.evidence) or "nothing"


def settings_where(trial: Trial, *, waits: bool) -> list[dict[str, Any]]:
    """The vendor's settings in which staff answer every booking, or in which they answer none."""
    return [one for one in ({}, *trial.rig().every_setting()) if _waiting(trial.rig(switches=one)) is waits]


def _waiting(rig: Rig) -> bool:
    """Whether this clinic's staff answer every booking."""
    return rig.clinic.behaviour.confirmation == "request"


async def listed_as_read(trial: Trial, rig: Rig, request: BookingRequest, booking_id: str, read: str) -> None:
    """Claim that a list of the booking's day tells it with the status that it is read with."""
    if "list_bookings" not in trial.adapter.supports:
        return
    mark = rig.mark()
    listed = await rig.session.bookings(trial.listing(request))
    words = [one.status for one in listed.found if one.id == booking_id]
    trial.claim(words in ([read], []), "listed_otherwise", expected=f"booking {booking_id} listed once, as {read}",
                got=f"listed as {', '.join(words)}", calls=rig.since(mark))  # fmt: skip


_ENDED = re.compile(r"^kobling\S* \S+ (\w+) (?:ok )?in [0-9.]+ s, [^:]*(?:: (\w+), because (\S+), effect \w+)?")
"""How the engine logs the end of an operation: its name and, where it failed, the error and the word for it."""


@BOOK.rule(
    18,
    "On an ordinary day no call of the adapter fails, also none that the SDK makes up for",
    why="What the SDK finds out by asking again costs a call each time, and stays unknown when it can't ask.",
    check="How the adapter reads the vendor's ordinary answers to book, get_booking, reschedule and cancel.",
    control="A booking stands, is listed, moved and read where that can be done, and cancelled; the log tells so.",
    source="the contract: an operation tells what it read in the answer; looking again is for answers that are lost",
    needs=NEEDS,
    evidence=("logs", "journal"),
    causes={
        "made_up_for": "An operation failed although the vendor had answered without a fault, and the caller did not "
        "notice: the SDK looked again. Read that answer as the vendor gives it.",
    },
)
async def _nothing_made_up_for(trial: Trial) -> None:
    rig = trial.rig()
    supports = trial.adapter.supports
    with trial.logs() as lines:
        slots = await trial.open_times(rig)
        made = await trial.booked(rig, slots[0])
        mark, ref = rig.mark(), made.booking.ref
        if "list_bookings" in supports:
            await rig.session.bookings(trial.listing(made.request))
        others = [one for one in slots[1:] if apart(one, slots[0])]
        if "reschedule" in supports and others:
            ref = (await rig.session.reschedule(ref, rig.request(others[0]))).ref
        if "get_booking" in supports:
            await rig.session.get(ref)
        await rig.session.cancel(ref, CancelReason(by="patient", why="unwell"))
        calls = trial.control(rig, mark, "the booking is listed, moved and read, where that can be done, and cancelled")
    ended = [found.groups() for line in lines if (found := _ENDED.match(line.text))]
    names = {name for name, *_ in ended}
    trial.need({"book", "cancel"} <= names or None, "the engine logs no end of the operations that were seen")
    failed = [f"{name} ended as {code} ({because})" for name, code, because in ended if code]
    trial.claim(not failed, "made_up_for", expected="every operation succeeds", got="; ".join(failed), calls=calls)
    trial.saw(f"{len(ended)} calls of the adapter ({', '.join(sorted(names))}), none of which failed")


@BOOK.rule(
    19,
    "What is taken away in the last moment is refused as such: its type or its timebook is gone, or it is too late",
    why="The patient can choose another time at once, where a fault of the connection would send them to support.",
    check="ErrorMap.code and ErrorMap.codes: what the vendor answers to book when the practitioner or the type does "
    "not exist any more, or the clinic wants more notice.",
    control="Open times are found, the write reaches the vendor, and at least one of the four is refused.",
    source="the contract: RequestRejected, choose something else",
    needs=NEEDS,
    evidence=("timebook", "journal"),
    causes={
        "other_error": "The vendor refused the booking, and the caller does not hear that something else must be "
        "chosen, or not that nothing was changed.",
        "of_a_booking": "The caller hears of a booking that can't be changed, or is not there, and has none yet. List "
        "the code by itself for the call that was refused, ('book', code) or ('hold_slot', code), as SlotWithdrawn.",
        "told_booked": "The caller was told that the booking stands, and nothing stands in the timebook.",
    },
    look={"told_booked": "book: which answers become a Booking, also among those with status 200."},
)
async def _taken_away(trial: Trial) -> None:
    refusals = 0
    for what, take_away in TAKEN_AWAY.items():
        rig = trial.rig()
        slots = await trial.open_times(rig)
        hook = partial(_taken_by, take_away, rig, slots[-1])
        before, mark = _live(rig), rig.mark()
        outcome = await trial.outcome(rig.session.book(rig.request(slots[-1]), before_write=hook))
        calls, stands = rig.writing(rig.since(mark)), _live(rig) - before
        trial.need(calls, "no write reached the vendor")
        trial.claim(bool(stands) or outcome.error is not None, "told_booked", expected=f"a refusal: {what}",
                    got=outcome, calls=calls)  # fmt: skip
        if not stands:
            refusals += 1
            rejected = isinstance(outcome.error, RequestRejected) and outcome.error.effect == "none"
            trial.claim(rejected, "other_error", expected=f"RequestRejected (or one of its kinds), effect none: "
                        f"{what}", got=decided(rig, outcome, calls), calls=calls)  # fmt: skip
            of_a_booking = isinstance(outcome.error, TooLateToChange | BookingNotFound)
            trial.claim(not of_a_booking, "of_a_booking", expected=f"SlotWithdrawn, or another kind of RequestRejected "
                        f"that is about the time: {what}", got=decided(rig, outcome, calls), calls=calls)  # fmt: skip
        told = "the vendor books it all the same" if stands else f"refused, told as {outcome}"
        trial.saw(f"{what}: answered {calls[-1].status}, {told}")
    trial.need(
        refusals or None, f"a refusal: the vendor books all the same in each of these cases: {'; '.join(TAKEN_AWAY)}"
    )


def _taken_by(take_away: Callable[[Clinic, str, str], None], rig: Rig, slot: Slot, _: BookingRequest) -> None:
    take_away(rig.clinic, rig.own(slot.practitioner_id), rig.own(slot.service_id))


def _without_type(clinic: Clinic, _: str, type_id: str) -> None:
    clinic.remove_type(type_id)


def _without_timebook(clinic: Clinic, timebook_id: str, _: str) -> None:
    clinic.remove_timebook(timebook_id)


def _offline(clinic: Clinic, timebook_id: str, _: str) -> None:
    (timebook,) = (one for one in clinic.timebooks if one.id == timebook_id)
    clinic.put_timebook(replace(timebook, online=False))


def _too_late(clinic: Clinic, _: str, __: str) -> None:
    clinic.set_restrictions(replace(clinic.restrictions, booking_deadline_hours=YEAR_OF_HOURS))


TAKEN_AWAY: Mapping[str, Callable[[Clinic, str, str], None]] = {
    "the type is deleted": _without_type,
    "the timebook is deleted": _without_timebook,
    "the timebook is offline": _offline,
    "the clinic wants more notice": _too_late,
}
