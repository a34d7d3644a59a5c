"""FAIL: what a caller hears when the vendor does not do its part, and what the vendor must not be made to suffer."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections import Counter
from datetime import timedelta
from itertools import count
from math import ceil
from urllib.parse import urlsplit

from kobling import (
    Adapter,
    CancelReason,
    Catalogue,
    Operation,
    Response,
    Slot,
    Slots,
    WireFailure,
    WireReply,
    WireRequest,
)

from ..no_page import NO_PAGE, answers_without_a_word
from ..rig import Rig, Spoil
from ..rule import RuleBook
from ..strange_words import UNKNOWN_MEMBER, with_a_member_more
from ..trial import Trial
from ..turns import Turns, watched
from ..wording import counted, either, some
from .slots import fault_details

BOOK = RuleBook("FAIL", "When the vendor fails")
READS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots")
ALL: tuple[Operation, ...] = (*READS, "book", "cancel")
NEXT_STEP = "the contract: one branch of errors for each next step of the caller"

BRANCHES: dict[str, tuple[str, ...]] = {
    "http_503": ("vendor_unavailable",),
    "html_502": ("vendor_unavailable",),
    "reset": ("vendor_unavailable",),
    "hang": ("vendor_timeout",),
    "html_200": ("vendor_protocol_error",),
    "empty": ("vendor_protocol_error",),
    "truncated": ("vendor_protocol_error",),
    "random_bytes": ("vendor_protocol_error",),
    "deep_json": ("vendor_protocol_error",),
    "gzip_bomb": ("vendor_protocol_error",),
    "stacked_gzip": ("vendor_protocol_error",),
    "redirect": ("vendor_protocol_error", "url_not_allowed"),
}
"""A fault of the vendor, and the codes that a caller may hear for it."""


@BOOK.rule(
    1,
    "Every failure of the vendor's becomes the error that says what to do next",
    why="The registry decides by the branch: try later, ask the clinic, or report a defect.",
    check="What the adapter catches, what ErrorMap makes of statuses, and answers that it parses by itself.",
    control="The catalogue is read without a fault in the same clinic, before the vendor fails.",
    source=NEXT_STEP,
    needs=READS,
    evidence=("journal",),
    causes={
        "no_error": "The call succeeded although the vendor gave no usable answer.",
        "other_error": "The failure became an error of another branch: the caller would do the wrong thing next.",
    },
    look={"no_error": "identify and catalogue: an `except`, or a default for what an answer does not hold."},
    driver=True,
)
async def _branches(trial: Trial) -> None:
    for kind, codes in BRANCHES.items():
        rig = trial.rig()
        mark = rig.mark()
        await rig.session.catalogue()
        trial.control(rig, mark, "the catalogue is read")
        rig.fault("*", kind, times=0, **fault_details(kind))
        mark = rig.mark()
        outcome = await trial.outcome(rig.connect().catalogue())
        calls = rig.since(mark)
        expected = f"{either(codes)}, {kind}"
        trial.claim(outcome.error is not None, "no_error", expected=expected, got=outcome, calls=calls)
        code = outcome.error.code if outcome.error else ""
        trial.claim(code in codes, "other_error", expected=expected, got=f"{code}: {outcome}", calls=calls)
        trial.saw(f"{kind}: {counted(len(calls), 'call')}, told as {code}")


@BOOK.rule(
    2,
    "A vendor that asks for time gets it, and nobody is called without end",
    why="Hammering a vendor that is in trouble gets every clinic's key locked.",
    check="Nothing may be repeated by the adapter itself: the SDK repeats reads, a bounded number of times.",
    control="The catalogue is read without a fault in a twin clinic.",
    source="RFC 9110, 10.2.3 Retry-After; the contract: reads are tried three times at most",
    needs=READS,
    evidence=("journal", "wire"),
    causes={
        "not_waited": "The Retry-After of a 503 or 429 was not waited for before the next call.",
        "waited_for_nothing": "A Retry-After on a good answer was waited for.",
        "too_often": "A call that fails again and again was sent too often.",
        "not_recovered": "The vendor answered again, and the call failed all the same.",
        "too_fast": "The adapter's Limits.rate lets through more calls than the vendor takes, or the adapter states "
        "none: state the vendor's number. The mock has it as `call_limit`.",
    },
    look={
        "too_fast": "Limits.rate: how many calls in how many seconds, as the vendor states it.",
        "not_recovered": "What the adapter catches: an error of a call must reach the SDK, which sends a read again.",
    },
)
async def _politeness(trial: Trial) -> None:
    control = trial.rig()
    _within_the_limit(trial, control)
    mark = control.mark()
    await control.session.catalogue()
    needed = len(trial.control(control, mark, "the catalogue is read"))
    for status in (503, 429):
        rig = trial.rig()
        rig.fault("*", "reply", status=status, headers={"Retry-After": "7"})
        outcome = await trial.outcome(rig.session.catalogue())
        waited = sum(rig.pace.waits)
        calls = rig.world.journal.calls
        trial.claim(
            outcome.error is None,
            "not_recovered",
            expected=f"the catalogue, after one {status}",
            got=outcome,
            calls=calls,
        )
        expected = f"7 s of waiting after a {status} with Retry-After 7"
        trial.claim(7 <= waited <= 60, "not_waited", expected=expected, got=f"{waited:.2f} s", calls=calls)
        trial.saw(f"{status} with Retry-After 7: waited {waited:.1f} s, {counted(len(calls), 'call')}")

    def hurry(_: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        if isinstance(outcome, WireReply):
            return WireReply(outcome.status, (*outcome.headers, ("Retry-After", "30")), outcome.body)
        return outcome

    rig = trial.rig(spoil=hurry)
    await rig.session.catalogue()
    trial.claim(not rig.pace.waits, "waited_for_nothing", expected="no wait after good answers",
                got=f"{sum(rig.pace.waits):.1f} s of waiting")  # fmt: skip
    for kind in ("http_503", "reset", "hang"):
        rig = trial.rig()
        rig.fault("*", kind, times=0)
        await trial.outcome(rig.session.catalogue())
        sent = len(rig.world.journal)
        trial.claim(sent <= 3 * needed, "too_often", expected=f"at most {3 * needed} calls, {kind} for ever",
                    got=counted(sent, "call"))  # fmt: skip
        trial.saw(f"{kind} for ever: {counted(sent, 'call')}, {sum(rig.pace.waits):.1f} s waited")


def _within_the_limit(trial: Trial, rig: Rig) -> None:
    """The most calls that the SDK sends in the vendor's time, by what the adapter states, are no more than it takes."""
    limit, rate = rig.mock.dialect.call_limit, trial.adapter.limits.rate
    if limit is None:
        return
    most, seconds = limit
    sent = None if rate is None else rate.calls * ceil(seconds / rate.per)
    got = "any number: no Limits.rate" if rate is None else f"up to {sent}, by {rate.calls} in {rate.per:g} s"
    trial.claim(sent is not None and sent <= most, "too_fast", expected=f"{most} calls in {seconds:g} s", got=got)
    trial.saw(f"up to {sent} calls in {seconds:g} s, of {most} that the vendor takes")


@BOOK.rule(
    3,
    "No redirect is followed: neither key, cookie nor body goes anywhere else",
    why="A redirect to another host would hand over the key, and one of a booking would book twice.",
    check="Nothing in the adapter may build a call from an address in an answer.",
    control="The same booking, or the catalogue where nothing can be booked, succeeds in a twin clinic.",
    source="the contract: one host per connection, redirects are never followed",
    needs=READS,
    evidence=("wire", "journal"),
    causes={
        "left": "A request went to another host.",
        "followed": "A redirect was followed on the vendor's own host.",
        "unexpected_redirect_result": "A redirect was taken for an answer.",
    },
    look={"unexpected_redirect_result": "What the adapter reads of an answer that is no 2xx, and what it catches."},
    safety=True,
)
async def _redirects(trial: Trial) -> None:
    control = trial.rig()
    write = await _write_or_none(trial, control)
    own = {urlsplit(one.request.url).netloc for one in control.wire}
    targets = (
        *(f"https://{host}/elsewhere" for host in sorted(own)),
        "https://elsewhere.example.test/",
        "//elsewhere.example.test/x",
    )
    count = 0
    for status in (301, 302, 303, 307, 308):
        for to in targets:
            for operation in ("*", write) if write else ("*",):
                rig = trial.rig()
                slots = await trial.open_times(rig) if operation == write else ()
                rig.fault(operation, "redirect", to=to, status=status, times=0)
                mark = rig.mark()
                side = rig.connect()
                call = rig.session.book(rig.request(slots[0])) if slots else side.catalogue()
                outcome = await trial.outcome(call)
                hosts = {urlsplit(one.request.url).netloc for one in rig.sent_since(mark)}
                paths = [one for one in rig.sent_since(mark) if urlsplit(one.request.url).path == "/elsewhere"]
                calls = rig.since(mark)
                expected = f"requests to {some(own)} only, after a {status} to {to}"
                trial.claim(hosts <= own, "left", expected=expected, got=f"to {some(hosts - own)}", calls=calls)
                expected = f"no call of /elsewhere, after a {status} to it"
                trial.claim(not paths, "followed", expected=expected, got=counted(len(paths), "call"), calls=calls)
                told = outcome.error is not None
                trial.claim(
                    told, "unexpected_redirect_result", expected=f"an error at {status}", got=outcome, calls=calls
                )
                count += 1
    trial.saw(f"{count} redirects, none followed; every request went to {', '.join(sorted(own))}")


async def _write_or_none(trial: Trial, rig: Rig) -> str:
    """The control: a booking, and the vendor's name of the call that booked; or, where only reading is possible, the
    catalogue, and ""."""
    if trial.books:
        return (await trial.booked(rig)).write
    mark = rig.mark()
    await rig.session.catalogue()
    trial.control(rig, mark, "the catalogue is read")
    return ""


@BOOK.rule(
    4,
    "The vendor's own request id reaches whoever must ask the vendor",
    why='"It did not work at ten past nine" finds nothing in a vendor\'s logs.',
    check="Nothing may catch the SDK's errors and raise others in their place.",
    control="The same booking, or the catalogue where nothing can be booked, succeeds in a twin clinic.",
    source="the contract: errors carry vendor_request_id and correlation_id",
    needs=READS,
    evidence=("journal",),
    causes={"dropped": "The request id of the vendor's answer is not on the error."},
)
async def _request_ids(trial: Trial) -> None:
    write = await _write_or_none(trial, trial.rig())
    for operation in ("*", write) if write else ("*",):
        rig = trial.rig()
        slots = await trial.open_times(rig) if operation == write else ()
        rig.fault(operation, "reply", status=500, headers={"X-Request-Id": "req-4711"}, times=0)
        mark = rig.mark()
        outcome = await trial.outcome(rig.session.book(rig.request(slots[0])) if slots else rig.connect().catalogue())
        told = outcome.error.vendor_request_id if outcome.error else ""
        trial.claim(told == "req-4711", "dropped", expected="an error with vendor_request_id req-4711",
                    got=f"{outcome}, with vendor_request_id {told or 'None'}", calls=rig.since(mark))  # fmt: skip
        of = "a read" if operation == "*" else operation
        trial.saw(f"{of}: the error carries the id of the vendor's answer")


BETWEEN = 3600.0
"""Seconds between two readings, so that nothing is answered from memory."""


# 5 and 6, odd answers before and after a write, are FUZZ-01 and FUZZ-04 now: their numbers are not used again.


@BOOK.rule(
    7,
    "A clinic that shows nothing is an empty answer, and no error; a page that is not there is an error",
    why="A clinic that has just begun is connected all the same, and its test says that nothing is bookable; one whose "
    "calendar can't be read must not look full.",
    check="Places that expect at least one row; `expect`, which takes an error for an answer.",
    control="The catalogue of the same clinic, before everything was hidden, lists practitioners.",
    source="the contract: nothing is an answer too",
    needs=READS,
    evidence=("timebook",),
    causes={
        "error": "An empty clinic ended in an error.",
        "invented": "Something was found at a clinic that shows nothing.",
        "no_page": "A gateway's 404, without a word of the vendor's, is told as an answer in which there is nothing, "
        "so that a clinic looks full, or without anything to book. Only the vendor's own code says that: expect "
        "that code, and let any other error out.",
    },
    look={
        "no_page": "catalogue and list_slots: what their calls expect; name the vendor's own code, and no status.",
        "invented": "Practitioner.online and Service.online, and what is kept from one search to the next.",
    },
)
async def _nothing(trial: Trial) -> None:
    control = trial.rig()
    mark = control.mark()
    full = await control.session.catalogue()
    trial.control(control, mark, "a clinic with timebooks is read")
    trial.need(full.practitioners, "nothing is listed for a full clinic either")
    rig = trial.rig()
    if rig.told("online"):
        rig.clinic.set_online(False)
    else:
        for one in rig.clinic.timebooks:
            rig.clinic.remove_timebook(one.id)
    mark = rig.mark()
    outcome = await trial.outcome(_everything(rig))
    calls = rig.since(mark)
    trial.claim(outcome.error is None, "error", expected="empty answers", got=outcome, calls=calls)
    catalogue, answer = outcome.value
    offers = [ids for ids in catalogue.offer_by_ids if catalogue.bookable(*ids)]
    found = f"{counted(len(offers), 'offer')} and {counted(len(answer.found), 'open time')}"
    trial.claim(
        not offers and not answer.found, "invented", expected="no offer and no open time", got=found, calls=calls
    )
    trial.saw(f"{counted(len(calls), 'call')} to a clinic that shows nothing: no offers, no times, no error")
    if answers_without_a_word(rig, mark):
        trial.saw("the vendor itself answers 404 without a word where there is nothing")
    elif trial.target.kind == "mock":
        await _no_page(trial)


async def _no_page(trial: Trial) -> None:
    """In the place of one answer after the other there is a gateway's 404: what is less for it has to say so."""
    full = trial.rig()
    mark = full.mark()
    catalogue, answer = await _everything(full)
    whole, calls = _size(catalogue, answer), full.since(mark)
    for number, call in enumerate(calls):
        rig = trial.rig(spoil=_instead(number))
        mark = rig.mark()
        outcome = await trial.outcome(_everything(rig))
        if outcome.error is None and outcome.value[1].complete:
            told = _size(*outcome.value)
            trial.claim(told == whole, "no_page", expected=f"an error, or what is not known: {whole}",
                        got=f"{told}, of a 404 that is no JSON, in the place of the answer to {call.operation}",
                        calls=rig.since(mark))  # fmt: skip
        await trial.done_with(rig)
    trial.saw(f"a gateway's 404 in the place of each of {counted(len(calls), 'answer')}: nothing was missing unsaid")


def _size(catalogue: Catalogue, answer: Slots) -> str:
    rows = {"practitioner": catalogue.practitioners, "service": catalogue.services, "open time": answer.found}
    return ", ".join(counted(len(those), name) for name, those in rows.items())


def _instead(number: int) -> Spoil:
    """Puts a gateway's 404 in the place of the answer with this number, from 0 on."""
    numbers = count()

    def spoil(_: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        return NO_PAGE if next(numbers) == number else outcome

    return spoil


async def _everything(rig: Rig) -> tuple[Catalogue, Slots]:
    side = rig.whole()
    return await side.catalogue(), await side.slots(rig.days(7))


@BOOK.rule(
    8,
    "A day is read in few calls: their number grows with the days and practitioners asked for, not faster",
    why="A registry searches thousands of clinics; a vendor stops a caller that asks a hundred times for a week.",
    check="Calls in a loop over rows; filters that could be sent with one call.",
    control="The week is read without an error, and open times are found in it.",
    source="the contract: Limits.calls bounds an operation; vendors' rate limits",
    needs=READS,
    evidence=("journal",),
    causes={"too_many": "Reading a week takes more calls than days, practitioners and types can explain."},
)
async def _few_calls(trial: Trial) -> None:
    rig = trial.rig()
    await rig.session.catalogue()
    mark = rig.mark()
    query = rig.days(7)
    answer = await rig.session.slots(query)
    calls = trial.control(rig, mark, "a week is read")
    trial.need(answer.found, "no open time is found")
    days = (query.last_day - query.first_day + timedelta(days=1)).days
    bound = (days + 1) * (len(rig.clinic.timebooks) + len(rig.clinic.types)) + 5
    trial.claim(len(calls) <= bound, "too_many", expected=f"at most {bound} calls for {days} days",
                got=counted(len(calls), "call"), calls=calls[:5])  # fmt: skip
    trial.saw(
        f"{counted(len(calls), 'call')} for {days} days, {len(rig.clinic.timebooks)} timebooks, "
        f"{len(rig.clinic.types)} types"
    )


# ---- the process that it runs in

IO_CAUSES = {
    "connection": "The adapter opened a socket or looked up a name by itself. Describe the call with `http`.",
    "sleep": "The adapter slept in its turn, and with it every other caller. The SDK waits; an adapter never does.",
    "thread": "The adapter started a thread. Send independent reads together with http.all.",
    "file": "The adapter wrote to a file. What belongs to a booking goes into the slot's token.",
    "program": "The adapter started another program.",
    "thinks_too_long": "One turn of the adapter took so long that other callers had to wait. Look for loops in loops.",
}
IO_LOOK = {"thinks_too_long": "Loops in loops over the rows of answers: find a row by its id in a dict."}
LONGEST_TURN = 1.0
"""Seconds of CPU between two calls: far above anything that reading an answer takes, also on a busy machine."""


@BOOK.rule(
    9,
    "Between its calls the adapter only thinks: no connection, file, thread or sleep of its own",
    why="One adapter that waits by itself holds up every clinic of a registry, and goes where no guard is.",
    check="Imports of the adapter: requests, urllib, socket, time, threading, subprocess, open.",
    control="A booking stands in the same clinic's timebook, or open times are found where nothing can be booked.",
    source="the contract: awaiting is describing a call; the SDK sends it",
    needs=READS,
    evidence=("process", "journal"),
    causes=IO_CAUSES,
    look=IO_LOOK,
    targets=("mock", "cassette"),
)
async def _only_thinks(trial: Trial) -> None:
    turns = Turns()
    rig = trial.rig(adapter=watched(trial.adapter, turns))
    if trial.books:
        made = await trial.booked(rig)
        await trial.outcome(rig.session.cancel(made.booking.ref, CancelReason(by="patient")))
    else:
        await trial.open_times(rig)
    rig.pace.pass_time(BETWEEN)
    await trial.outcome(rig.connect().test_connection())
    for act, times in sorted(turns.acts.items()):
        trial.broken(act, expected=f"no {act} of the adapter's own",
                     got=f"{counted(times, act)} in the adapter's {counted(turns.count, 'turn')}")  # fmt: skip
    trial.claim(
        turns.longest < LONGEST_TURN,
        "thinks_too_long",
        expected=f"less than {LONGEST_TURN} s of CPU in a turn",
        got=f"{turns.longest:.1f} s",
    )
    trial.need(turns.count or None, "the adapter had no turn")
    trial.saw(f"{turns.count} turns of the adapter, no connection, file, thread or sleep in any of them")


ROUNDS = 6


@BOOK.rule(
    10,
    "Nothing of a call is left in memory after it",
    why="A registry's process runs for months; what each search leaves behind ends it one night.",
    check="Class variables, module globals and caches without an end: lists and dicts that calls add to.",
    control="The first of the searches is answered without an error, and finds open times.",
    source="the contract: an adapter has no state",
    needs=READS,
    evidence=("process", "journal"),
    causes={"kept": "After the same searches again there are more slots, answers or adapters in memory than before."},
)
async def _nothing_kept(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    trial.need((await rig.session.slots(rig.days(3, 1))).found, "no open time is found")
    trial.control(rig, mark, "open times are read")
    gc.collect()
    gc.freeze()  # what is there already is not looked at: a process may hold millions of other things
    try:
        before = await _left_after_a_round(rig)
        for _ in range(ROUNDS):
            after = await _left_after_a_round(rig)
    finally:
        gc.unfreeze()
    grown = {name: after[name] - before[name] for name in after if after[name] >= before[name] + ROUNDS}
    more = some(f"{number} more {name}" for name, number in grown.items())
    trial.claim(not grown, "kept", expected=f"as many objects in memory as before {ROUNDS} more searches", got=more)
    trial.saw(
        f"{sum(after.values())} objects of the contract in memory after {ROUNDS} more searches, "
        f"{sum(before.values())} before"
    )


async def _left_after_a_round(rig: Rig) -> Counter[str]:
    """What is in memory of the contract's own kinds after a search whose answer was let go."""
    rig.pace.pass_time(BETWEEN)
    await rig.session.slots(rig.days(3, 1))
    await rig.session.catalogue()
    rig.session.said.clear()
    rig.wire.clear()
    gc.collect()
    kept = Counter(map(type, gc.get_objects()))
    return sum((Counter({kind.__name__: n}) for kind, n in kept.items() if issubclass(kind, KINDS)), Counter())


KINDS = (Slot, Response, Adapter, Catalogue)


def _untouched() -> dict[str, str]:
    """Of this process's environment, into which the adapter was imported, what it came with."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT") if name in os.environ}


@BOOK.rule(
    11,
    "Importing the adapter does nothing but define it",
    why="A registry loads every vendor's adapter at its start; what one of them changes then holds for all.",
    check="Statements at the top of its modules: settings of logging, locale and environment, files, connections.",
    control="The same adapter reads the clinic in this process, each call answered without an error.",
    source="the contract: a plugin is inert until it is asked",
    needs=READS,
    evidence=("process", "journal"),
    causes={"changed": "Importing the adapter's package changed the process, or reached out of it: what did is named."},
)
async def _inert_import(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    await rig.session.clinic()
    trial.control(rig, mark, "the adapter reads the clinic")
    module = trial.adapter.__module__
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-B", "-m", "kobling_contract.importing", module,
        env={**_untouched(), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await child.communicate()
    if child.returncode != 0:
        raise RuntimeError(f"importing {module} broke: {err.decode(errors='replace')[-400:]}")
    told = json.loads(out)
    trial.claim(not told["changed"], "changed", expected="nothing", got=", ".join(told["changed"]))
    trial.saw(f"{module} was imported with {told['loaded']} modules; nothing else is different")


@BOOK.rule(
    12,
    "What a vendor adds to its answers changes nothing: a member that nobody knows is passed over",
    why="Vendors add members without a new version; on that day no clinic could be searched, and each booking would be "
    "unknown.",
    check='WireModel with extra="forbid"; rows that are read by the order or the number of their members.',
    control="The same calls are answered in a twin clinic without the member.",
    source="the contract: an adapter reads the members that it knows",
    needs=READS,
    evidence=("wire",),
    causes={
        "refused": "An answer has one member more than the vendor's pages name, and the call ends in an error.",
        "other": "An answer has one member more than the vendor's pages name, and something else is told.",
    },
)
async def _a_member_more(trial: Trial) -> None:
    told: list[dict[str, str]] = []
    changed = 0
    for spoil in (None, with_a_member_more):
        rig = trial.rig(spoil=spoil)
        mark = rig.mark()
        told.append(await _each_call(trial, rig))
        changed = sum(one.spoiled for one in rig.sent_since(mark))
        if spoil is None:
            trial.control(rig, mark, f"without a member more: {', '.join(told[0])}")
    usual, more = told
    failing = next((f"{call} ends in an {what}" for call, what in usual.items() if what.startswith("error")), "")
    trial.need(not failing or None, f"without a member more {failing}")
    trial.need(changed or None, "no answer is JSON with named members")
    for call, without in usual.items():
        cause = "refused" if more[call].startswith("error") else "other"
        trial.claim(more[call] == without, cause, expected=f"{call}: {without}, with a member {UNKNOWN_MEMBER} more",
                    got=more[call], calls=rig.since(mark))  # fmt: skip
    trial.saw(f"{counted(changed, 'answer')} with a member more: {', '.join(usual)} as without it")


async def _each_call(trial: Trial, rig: Rig) -> dict[str, str]:
    """What each call of a session comes to, in a few words. Nothing more is tried after an error."""
    found: dict[str, str] = {}
    outcome = await trial.outcome(_everything(rig))
    found["a search"] = f"error: {outcome}" if outcome.error else _size(*outcome.value)
    if outcome.error or not trial.books:
        return found
    slots = await trial.outcome(trial.open_times(rig))
    if slots.error:
        return {**found, "open times": f"error: {slots}"}
    booked = await trial.outcome(rig.session.book(request := rig.request(slots.value[0])))
    found["book"] = f"error: {booked}" if booked.error else booked.value.status
    if booked.error:
        return found
    if "get_booking" in trial.adapter.supports:
        read = await trial.outcome(rig.session.get(booked.value.ref))
        found["get"] = f"error: {read}" if read.error else read.value.status
    if "list_bookings" in trial.adapter.supports:
        listed = await trial.outcome(rig.session.bookings(trial.listing(request)))
        found["bookings"] = f"error: {listed}" if listed.error else counted(len(listed.value.found), "booking")
    gone = await trial.outcome(rig.session.cancel(booked.value.ref, CancelReason(by="patient")))
    found["cancel"] = f"error: {gone}" if gone.error else "cancelled"
    return found
