"""WIRE: what shows on the wire alone, so that a recording or a vendor's sandbox can prove it as well as a mock."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from kobling import (
    Booked,
    BookingNotFound,
    BookingRequest,
    Cancelled,
    CancelReason,
    Clinic,
    NotBooked,
    Operation,
    QueryKey,
    Slot,
    SlotTaken,
    SlotWithdrawn,
    WireReply,
)

from ..leaks import Canaries
from ..outcome import Outcome
from ..rig import PATIENT, SAK_ID, Rig, WireCall
from ..rule import RuleBook, TargetKind
from ..trial import Trial
from ..wording import calls_told, counted, slot_told, some

BOOK = RuleBook("WIRE", "What requests and answers show by themselves")
READS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots")
ALL: tuple[Operation, ...] = (*READS, "book", "cancel")
EVERYWHERE: tuple[TargetKind, ...] = ("mock", "cassette", "live")
REASON = CancelReason(by="patient", why="unwell")
GIVEN_UP = ("cancelled", "declined")


def told_in(calls: Iterable[WireCall]) -> str:
    """Everything that the vendor's answers say, a value to a line: decoded, composed (NFC), blanks collapsed."""
    lines: list[str] = []
    for call in calls:
        if isinstance(call.outcome, WireReply):
            text = call.outcome.body.decode("utf-8", "replace")
            try:
                lines += _scalars(json.loads(text))
            except ValueError:
                lines.append(text)
    return "\n".join(" ".join(unicodedata.normalize("NFC", line).split()) for line in lines)


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _scalars(one)
    elif isinstance(value, list):
        for one in value:
            yield from _scalars(one)
    elif value is not None:
        yield str(value)


def _words(name: str) -> list[str]:
    return unicodedata.normalize("NFC", name).split()


async def _times(trial: Trial, rig: Rig) -> tuple[Slot, ...]:
    """Open times some days ahead, so that no clinic's deadline for cancelling has passed."""
    return await trial.open_times(rig, count=11, first=3)


# ---- requests


MANNERS_CAUSES = {
    "other_host": "Requests went to more than one host. Everything is asked at the connection's one address, but for a "
    "sign-in at `auth_url`.",
    "key_in_url": "The key stands in a URL, where every proxy keeps it. Declare `auth`; `KEY` never goes into a path.",
    "patient_in_url": "Something of the patient stands in a URL. It belongs in a body.",
    "cookie": "A cookie was sent: the contract has none.",
}
MANNERS_LOOK = {
    "other_host": "base_url and auth_url, and every address that is made from an answer.",
    "key_in_url": "`auth`, and every path or query that KEY stands in.",
    "cookie": "Headers that the adapter sets itself.",
}
MANNERS = "the contract: one host per connection, no key and no patient in a URL, no cookies"


def _mannered(trial: Trial, sent: tuple[WireCall, ...]) -> None:
    rig = trial.rigs[0]
    hosts = sorted({urlsplit(call.request.url).netloc for call in sent})
    own = {urlsplit(one).netloc for one in (trial.adapter.base_url, trial.adapter.auth_url) if one}
    trial.claim(len(hosts) <= len(own), "other_host", expected=f"at most {counted(len(own), 'host')}, as declared",
                got=some(hosts))  # fmt: skip
    patient = Canaries.of("", PATIENT, sak_id=SAK_ID.value)
    key = Canaries(key=rig.key)
    for call in sent:
        in_key = [] if isinstance(trial.adapter.auth, QueryKey) else key.found_in(call.request.url)
        trial.claim(not in_key, "key_in_url", expected="no key in a URL", got=f"a {call.request.method} with it")
        found = set(patient.found_in(call.request.url)) - set(trial.adapter.patient_fields.in_url)
        trial.claim(not found, "patient_in_url", expected="no patient in a URL",
                    got=f"{some(found)} in the URL of a {call.request.method}")  # fmt: skip
        trial.claim(call.request.header("cookie") is None, "cookie", expected="no cookie",
                    got=f"one with a {call.request.method}")  # fmt: skip
    trial.saw(
        f"{len(sent)} requests to {counted(len(hosts), 'host')}, as declared; no key, patient or cookie where it "
        "doesn't belong"
    )


@BOOK.rule(
    1,
    "A test and a search ask one host, and keep the key out of every URL",
    why="What stands in a URL is kept by proxies, gateways and access logs on the way.",
    check="`auth`, and every address that is made from an answer.",
    control="Every call of the test and of the search is answered without an error.",
    source=MANNERS,
    needs=READS,
    evidence=("wire",),
    causes=MANNERS_CAUSES,
    look=MANNERS_LOOK,
    driver=True,
    safety=True,
    targets=EVERYWHERE,
)
async def _reading_manners(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    await rig.session.test_connection()
    await rig.session.slots(rig.days(7, 1))
    trial.control(rig, mark, "a test and a search are answered")
    _mannered(trial, rig.sent_since(mark))


@BOOK.rule(
    2,
    "A booking and a cancellation ask one host, and keep key and patient out of every URL",
    why="A patient's name in an access log is a breach, and it stays there for years.",
    check="Paths and queries of book, register_patient, get_booking and cancel.",
    control="The booking is confirmed by a write that the vendor answered well.",
    source=MANNERS,
    needs=ALL,
    evidence=("wire",),
    causes=MANNERS_CAUSES,
    look=MANNERS_LOOK,
    safety=True,
    targets=EVERYWHERE,
)
async def _writing_manners(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    made = await trial.booked(rig, (await _times(trial, rig))[0])
    await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
    _mannered(trial, rig.sent_since(mark))


# ---- what is read


@BOOK.rule(
    3,
    "The clinic that the key leads to is told the same twice, from the vendor's own words",
    why="An administrator compares the name with the clinic's before the connection is saved.",
    check="identify: nothing made up where the vendor says nothing; None means that it does not say.",
    control="Every call of the first reading is answered without an error.",
    source="the contract: Clinic tells what the vendor told",
    needs=READS,
    evidence=("wire",),
    causes={
        "differs": "Two readings of the same connection told two clinics.",
        "invented": "A name, number or department does not stand in any answer of the vendor's.",
        "department_twice": "A department is listed twice.",
        "department_missing": "The connection's department is not in the list that identify gives.",
    },
    look={
        "differs": "identify: what changes from reading to reading, such as a clock, a random number or an order.",
        "department_twice": "identify: departments are gathered once for each id.",
        "department_missing": "identify: Clinic.departments must be the vendor's whole list, under its own ids.",
    },
    targets=EVERYWHERE,
)
async def _same_clinic(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    clinic = await rig.session.clinic()
    calls = trial.control(rig, mark, "the clinic is read")
    said = told_in(rig.sent_since(mark))
    again = await rig.connect().clinic()
    trial.claim(again == clinic, "differs", expected="the same Clinic as at first",
                got=f"other: {some(_apart(clinic, again))}", calls=rig.since(mark))  # fmt: skip
    ids = [place.id for place in clinic.departments or ()]
    trial.claim(len(set(ids)) == len(ids), "department_twice", expected="each department once",
                got=f"twice: {some(_twice(ids))}", calls=calls)  # fmt: skip
    names = [clinic.name, *(place.name for place in clinic.departments or ())]
    words = [word for name in names for word in _words(name or "")] + ids
    number = clinic.organisation_number
    words += [number] if number is not None else []
    if not words:
        trial.not_offered("anything that names the clinic", proof=True)
    close = "".join(said.split())  # a vendor may write the number with blanks
    strange = [word for word in words if word not in (close if word == number else said)]
    trial.claim(not strange, "invented", expected="words that stand in the vendor's answers",
                got=some(strange), calls=calls)  # fmt: skip
    if clinic.departments is not None and rig.department is not None:
        holds = rig.department in ids
        trial.claim(holds, "department_missing", expected=f"department {rig.department} in the list",
                    got=f"only {some(ids)}")  # fmt: skip
    trial.saw(
        f"the same clinic in two readings, with {counted(len(ids), 'department')}; all its {len(words)} words and "
        "ids stand in the answers"
    )


def _apart(one: Clinic, other: Clinic) -> list[str]:
    """The fields in which two readings differ."""
    return [name for name in type(one).model_fields if getattr(one, name) != getattr(other, name)]


def _twice(ids: Iterable[Any]) -> list[str]:
    """What is listed more than once."""
    often = Counter(" with ".join(one) if isinstance(one, tuple) else one for one in ids)
    return [one for one, times in often.items() if times > 1]


@BOOK.rule(
    4,
    "Practitioners and services are listed once, in the vendor's own words and ids, and every offer is of two of them",
    why="An id that the vendor does not know can't be booked; an offer of nobody is a dead end for the patient.",
    check="catalogue: ids unchanged, names unharmed, offers only between what is listed.",
    control="Every call of the catalogue is answered without an error, and practitioners and services are listed.",
    source="the contract: the vendor's ids, as they came",
    needs=READS,
    evidence=("wire",),
    causes={
        "nobody": "The catalogue is empty, so that nothing can be said of it.",
        "twice": "A practitioner, a service or an offer is listed twice.",
        "invented": "An id or a name does not stand in any answer of the vendor's.",
        "dangling": "An offer names a practitioner or service that is not listed.",
    },
    look={
        "nobody": "catalogue: whether it reads the lists of practitioners and services at all.",
        "twice": "catalogue: pages that overlap, and rows that tell of one practitioner or service again.",
    },
    driver=True,
    targets=EVERYWHERE,
)
async def _whole_catalogue(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    found = await rig.whole().catalogue()
    calls = trial.control(rig, mark, "the catalogue is read")
    said = told_in(rig.sent_since(mark))
    people, services = [one.id for one in found.practitioners], [one.id for one in found.services]
    got = f"{counted(len(people), 'practitioner')}, {counted(len(services), 'service')}"
    trial.claim(bool(people and services), "nobody", expected="practitioners and services",
                got=got, calls=calls)  # fmt: skip
    for ids in (people, services, list(found.offer_by_ids)):
        trial.claim(len(set(ids)) == len(ids), "twice", expected="each once", got=f"twice: {some(_twice(ids))}",
                    calls=calls)  # fmt: skip
    names = [one.name for one in found.practitioners] + [one.name for one in found.services]
    told = [*people, *services, *(word for name in names for word in _words(name))]
    strange = [word for word in told if word not in said]
    trial.claim(not strange, "invented", expected="words and ids that stand in the answers",
                got=some(strange), calls=calls)  # fmt: skip
    dangling = [ids for ids in found.offer_by_ids if ids[0] not in people or ids[1] not in services]
    first = some((f"service {what} with practitioner {who}" for who, what in dangling), most=1)
    trial.claim(not dangling, "dangling", expected="offers of what is listed only",
                got=first, calls=calls)  # fmt: skip
    trial.saw(f"{len(people)} practitioners, {len(services)} services, {len(found.offer_by_ids)} offers")


@BOOK.rule(
    5,
    "Rates, places and lengths have a form that a registry can work with, and come from the vendor's answers",
    why="A rate that the insurer does not know can't be claimed; a place that is not listed has no door.",
    check="Offer.rates, Service.locations against Clinic.departments, Service.minutes.",
    control="Every call is answered without an error, and at least one service is listed.",
    source="the contract: an insurance rate is a B and four digits; locations are ids of departments; minutes",
    needs=READS,
    evidence=("wire",),
    causes={
        "invented_rate": "A rate's code does not stand in any answer of the vendor's.",
        "rate_twice": "An offer has the same rate twice.",
        "nowhere": "A service stands at a department that identify does not list.",
        "impossible_length": "A service lasts no time, or longer than a day.",
    },
    targets=EVERYWHERE,
)
async def _sound_details(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    side = rig.whole()
    clinic, found = await side.clinic(), await side.catalogue()
    calls = trial.control(rig, mark, "clinic and catalogue are read")
    said = told_in(rig.sent_since(mark))
    rates = 0
    for offer in found.offer_by_ids.values():
        codes = [rate.code for rate in offer.rates or ()]
        trial.claim(len(set(codes)) == len(codes), "rate_twice", calls=calls,
                    expected=f"each rate once, of service {offer.service_id} with practitioner {offer.practitioner_id}",
                    got=f"twice: {some(_twice(codes))}")  # fmt: skip
        strange = [code for code in codes if code not in said]
        trial.claim(
            not strange, "invented_rate", expected="codes that stand in the answers", got=some(strange), calls=calls
        )
        rates += len(codes)
    known = {place.id for place in clinic.departments} if clinic.departments is not None else None
    for service in found.services:
        lost = sorted((service.locations or frozenset()) - (known or service.locations or frozenset()))
        trial.claim(not lost, "nowhere", expected=f"service {service.id} at {some(known or (), 'no department')}",
                    got=f"at {some(lost)}", calls=calls)  # fmt: skip
        holds = service.minutes is None or 0 < service.minutes <= 24 * 60
        trial.claim(holds, "impossible_length", calls=calls,
                    expected=f"service {service.id}: 1 to {24 * 60} minutes", got=service.minutes)  # fmt: skip
    trial.need(found.services, "no service is listed")
    trial.saw(f"{rates} rates on {len(found.offer_by_ids)} offers, {len(found.services)} services looked at")


@BOOK.rule(
    6,
    "Each open time is a moment within the days asked for, of somebody and something that can be booked",
    why="A time outside the window, or of nobody, is one that a patient clicks in vain.",
    check="list_slots: time zones, the window's edges, ids of practitioner and service, the length.",
    control="Every call is answered without an error, and at least one open time is found.",
    source="the contract: start and end are instants; windows are local dates, both ends included",
    needs=READS,
    evidence=("wire",),
    causes={
        "naive": "A time has no offset: use kobling.localtime.",
        "outside": "A time lies outside the days that were asked for.",
        "nobody": "A time belongs to a practitioner or service that the catalogue does not offer.",
        "wrong_length": "A time ends before it begins, or lasts otherwise than its service.",
        "invented": "The ids of a time do not stand in any answer of the vendor's.",
    },
    look={
        "nobody": "list_slots: the ids of practitioner and service must be the catalogue's, of what can be booked.",
        "wrong_length": "Slot.end: the start plus the service's own minutes, in absolute time.",
        "invented": "list_slots: ids as the vendor writes them.",
    },
    driver=True,
    targets=EVERYWHERE,
)
async def _sound_times(trial: Trial) -> None:
    rig = trial.rig()
    side = rig.whole()
    mark = rig.mark()
    catalogue = await side.catalogue()
    query = rig.days(10, 1)
    answer = await side.slots(query)
    calls = trial.control(rig, mark, "catalogue and open times are read")
    said = told_in(rig.sent_since(mark))
    minutes = {one.id: one.minutes for one in catalogue.services}
    for slot in trial.need(answer.found, "no open time is found"):
        aware = slot.start.utcoffset() is not None and slot.end.utcoffset() is not None
        trial.claim(aware, "naive", expected="a start and an end with their offsets",
                    got=f"{slot.start} to {slot.end}", calls=calls[-3:])  # fmt: skip
        day = slot.local_start.date()
        inside = query.first_day <= day <= query.last_day
        trial.claim(inside, "outside", expected=f"times of {query.first_day} to {query.last_day}",
                    got=slot_told(slot), calls=calls[-3:])  # fmt: skip
        offered = catalogue.bookable(slot.practitioner_id, slot.service_id)
        trial.claim(offered, "nobody", expected="times of what the catalogue offers",
                    got=slot_told(slot), calls=calls[-3:])  # fmt: skip
        lasts = minutes.get(slot.service_id)
        sound = slot.end > slot.start and (lasts is None or slot.end - slot.start == timedelta(minutes=lasts))
        trial.claim(sound, "wrong_length", calls=calls[-3:],
                    expected=f"{slot_told(slot)} lasts {'some' if lasts is None else lasts} minutes",
                    got=slot.end - slot.start)  # fmt: skip
        known = slot.practitioner_id in said and slot.service_id in said
        trial.claim(known, "invented", expected="ids that stand in the answers",
                    got=slot_told(slot), calls=calls[-3:])  # fmt: skip
    trial.saw(f"{len(answer.found)} times within {query.first_day} to {query.last_day}, each of an offer")


# ---- what is booked


def _read_as(outcome: Outcome, made: str) -> str:
    """How a booking was read back. made: the id that it was made under."""
    read = outcome.value
    if read is None:
        return str(outcome)
    which = "it" if read.id == made else "another booking"
    return f"{which}, at {read.start or 'no time'} with practitioner {read.practitioner_id}, status {read.status}"


@BOOK.rule(
    7,
    "A booking has the id that the vendor gave it, and is read back as it was asked",
    why="By that id it is cancelled; whoever reads another one back calls off somebody else's time.",
    check="book: where the id is read from; get_booking: which booking it reads.",
    control="The booking is confirmed by a write that the vendor answered well.",
    source="the contract: a Booking tells what was read in an answer",
    needs=ALL,
    evidence=("wire",),
    causes={
        "invented_id": "The booking's id does not stand in any answer to a write.",
        "not_standing": "The booking was told as cancelled or declined, right after it was made.",
        "other_back": "Reading the booking gave another one, or the same at another time.",
        "still_free": "The time is still found free after it was booked, though BookingFacts.live_search says that "
        "this vendor searches live. State None or False, unless the adapter itself keeps an old answer.",
    },
    look={
        "not_standing": "Booking.status: what the vendor's word right after a booking is read as.",
        "still_free": "BookingFacts.live_search, and any answer that list_slots keeps.",
    },
    driver=True,
    safety=True,
    targets=EVERYWHERE,
)
async def _read_back(trial: Trial) -> None:
    rig = trial.rig()
    slot = (await _times(trial, rig))[0]
    mark = rig.mark()
    made = await trial.booked(rig, slot)
    calls, sent = rig.since(mark), rig.sent_since(mark)
    writes = {call.number for call in rig.writing(calls)}
    answers = told_in(one for call, one in zip(calls, sent, strict=True) if call.number in writes)
    told = made.booking
    trial.claim(told.id in answers, "invented_id", expected="an id that stands in the answer to the write",
                got="another id", calls=calls)  # fmt: skip
    standing = told.status not in GIVEN_UP
    trial.claim(standing, "not_standing", expected="a status that stands, such as booked or pending",
                got=told.status, calls=calls)  # fmt: skip
    back = "it can't be read back at this vendor"
    if "get_booking" in trial.adapter.supports:
        mark = rig.mark()
        outcome = await trial.outcome(rig.session.get(told.ref))
        read = outcome.value
        same = read is not None and read.id == told.id and read.start in (None, slot.start)
        holds = same and read.practitioner_id in (None, slot.practitioner_id) and read.status not in GIVEN_UP
        trial.claim(holds, "other_back", expected=f"the booking that was made: {slot_told(slot)}, standing",
                    got=_read_as(outcome, told.id), calls=rig.since(mark))  # fmt: skip
        back = f"read back as {read.status}"
    again = await trial.outcome(rig.session.verify(slot))
    gone = isinstance(again.error, SlotTaken | SlotWithdrawn)
    live = trial.adapter.limits.booking.live_search is True
    trial.claim(gone or not live, "still_free", expected=f"SlotTaken for {slot_told(slot)}", got=again)
    trial.saw(f"its id stands in the answer to its write; {back}; the time is then told as {again}")
    await trial.outcome(rig.session.cancel(told.ref, REASON))


@BOOK.rule(
    8,
    "A cancelled booking was given up with one write, and is not read back as standing",
    why="A time that still stands costs the patient, and keeps the next one waiting.",
    check="cancel: which id goes to the vendor, and which word of its answer means cancelled.",
    control="The booking that is cancelled was confirmed by a write that the vendor answered well.",
    source="the contract: a cancel aims at a state",
    needs=ALL,
    evidence=("wire",),
    causes={
        "refused": "The cancel of a booking that stands was not carried out.",
        "no_write": "The adapter sent no cancel, and told the caller that the booking is cancelled.",
        "more_writes": "More than one write was sent.",
        "still_stands": "The caller was told that the booking is cancelled, and it is read back as standing.",
    },
    look={
        "refused": "cancel: which id goes to the vendor, and what ErrorMap makes of its answer.",
        "no_write": "cancel: it must send the vendor's own call; a booking that was only read is not given up.",
        "more_writes": "cancel: one write, in no loop and never sent again.",
    },
    driver=True,
    safety=True,
    targets=EVERYWHERE,
)
async def _given_up(trial: Trial) -> None:
    rig = trial.rig()
    made = await trial.booked(rig, (await _times(trial, rig))[0])
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.cancel(made.booking.ref, REASON))
    writes = rig.writing(rig.since(mark))
    trial.claim(isinstance(outcome.value, Cancelled), "refused", expected="Cancelled", got=outcome, calls=writes)
    trial.claim(bool(writes), "no_write", expected="1 write", got="0 writes, and told as Cancelled",
                calls=rig.since(mark))  # fmt: skip
    trial.claim(len(writes) == 1, "more_writes", expected="1 write", got=calls_told(writes, "write"),
                calls=writes)  # fmt: skip
    back = "it can't be read back at this vendor"
    if "get_booking" in trial.adapter.supports:
        mark = rig.mark()
        read = await trial.outcome(rig.session.get(made.booking.ref))
        gone = isinstance(read.error, BookingNotFound) or (read.value is not None and read.value.status in GIVEN_UP)
        trial.claim(gone, "still_stands", expected="the booking cancelled, or not found",
                    got=_read_as(read, made.booking.id), calls=rig.since(mark))  # fmt: skip
        back = "not found" if read.value is None else f"read back as {read.value.status}"
    trial.saw(f"one write, answered {writes[0].status}; {back}")


@BOOK.rule(
    9,
    "A booking that stands is never resolved as not booked, and looking for it changes nothing",
    why='Whoever hears "not booked" books again, and the patient has two times.',
    check="list_bookings and get_booking: how our reference is found; BookingFacts, on which a proof rests.",
    control="The booking is confirmed without a fault, before it is looked for.",
    source="the contract: resolve gives evidence; a slot that is gone proves nothing",
    needs=ALL,
    evidence=("wire",),
    causes={
        "lost": "The booking was confirmed and stands, and `resolve` says that it was not booked.",
        "another": "`resolve` found another booking than the one that was made.",
        "wrote": "`resolve` sent a write.",
    },
    look={"wrote": "list_bookings and get_booking: the method of each call, and whether it is declared as a write."},
    driver=True,
    safety=True,
    targets=EVERYWHERE,
)
async def _found_by_reference(trial: Trial) -> None:
    rig = trial.rig()
    slot = (await _times(trial, rig))[0]
    if trial.adapter.limits.booking.overlap == "accepted":
        trial.not_offered("a booking that is not settled when it is resolved", proof=True)
    ready: list[BookingRequest] = []
    mark, sent_at = rig.mark(), rig.pace.now()
    outcome = await trial.outcome(rig.session.book(rig.request(slot), before_write=ready.append))
    booking = trial.need(outcome.value, f"a booking without a fault failed: {outcome}")
    trial.need(ready, "the hook before the write was not called")
    trial.controls.append(f"a booking without a fault is confirmed after {len(rig.since(mark))} calls")
    mark = rig.mark()
    resolution = await rig.session.resolve(ready[-1], sent_at)
    calls = rig.since(mark)
    wrote = rig.writing(calls)
    trial.claim(not wrote, "wrote", expected="no write by resolve", got=calls_told(wrote, "write"), calls=wrote)
    told = type(resolution).__name__
    trial.claim(not isinstance(resolution, NotBooked), "lost", expected="Booked, StillUnknown or NeedsPerson",
                got=told, calls=calls)  # fmt: skip
    if isinstance(resolution, Booked):
        same = resolution.booking.id == booking.id
        trial.claim(same, "another", expected="the booking that was made", got="another one", calls=calls)
    trial.saw(f"{counted(len(calls), 'call')}, no write: resolved as {told}")
    await trial.outcome(rig.session.cancel(booking.ref, REASON))
