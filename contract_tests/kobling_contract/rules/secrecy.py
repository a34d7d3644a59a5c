"""SECR: the key, the patient and one clinic's matters stay where they belong."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterable
from typing import Any

from kobling import Adapter, CancelReason, Connection, InvalidRequest, Operation
from kobling_mocks import Call
from kobling_mocks.clinic import synthetic_clinic

from ..leaks import Canaries, Place, places_in_error, places_in_value, told_by_error, told_by_value
from ..rig import PATIENT, SAK_ID, Rig
from ..rule import RuleBook
from ..sides import Said, Side
from ..trial import Trial
from ..wording import calls_told, counted, some

BOOK = RuleBook("SECR", "Keys, patients and other clinics")
READS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots")
SECRET = "the contract: api_key is never in a repr, dump, error, frame, log or URL; GDPR articles 9 and 32"


def canaries(rig: Rig) -> Canaries:
    """What must be found nowhere: the key, every field of the patient, the SakID."""
    return Canaries.of(rig.key, PATIENT, sak_id=SAK_ID.value)


async def journey(trial: Trial, rig: Rig, hurried: type[Adapter] | None = None) -> list[Said]:
    """Everything that a caller does, with and without faults: what was returned and raised on the way. hurried: the
    adapter for a vendor who never answers, where that is waited for in real time; how long the other calls take must
    not decide about them."""
    await rig.session.test_connection()
    write = await _first_booking(trial, rig) if trial.books else ""
    await trial.open_times(rig)
    sides = [rig.session]
    for kind in ("reset", "html_200", "http_503", "no_id", "hang", "truncated"):
        hurry = hurried if kind == "hang" else None
        asks, other = (rig.colleague(hurry), rig.colleague(hurry)) if hurry else (rig.session, rig.connect())
        if write:
            await _lost_booking(trial, rig, write, kind, asks)
        rig.fault("*", kind, nth=1, times=3, when="after_commit" if kind == "no_id" else "before_commit")
        sides += [asks, other]
        await trial.outcome(other.catalogue())
        await trial.outcome(other.test_connection())
        rig.world.faults.clear()
    wrong = rig.connect(api_key=f"{rig.key}x")
    sides.append(wrong)
    await trial.outcome(wrong.slots(rig.days(2)))
    return [said for side in dict.fromkeys(sides) for said in side.said]


async def _first_booking(trial: Trial, rig: Rig) -> str:
    """A booking that is given up again; the vendor's name of the call that booked."""
    made = await trial.booked(rig)
    await trial.outcome(rig.session.cancel(made.booking.ref, CancelReason(by="patient", message="Kommer ikke.")))
    return made.write


async def _lost_booking(trial: Trial, rig: Rig, write: str, kind: str, side: Side) -> None:
    slots = await trial.open_times(rig)
    rig.fault(write, kind, when="after_commit")
    request = rig.request(slots[0])
    await trial.outcome(side.book(request))
    await trial.outcome(side.resolve(request, rig.pace.now()))


def _called(rig: Rig, name: str) -> str:
    """What was found, for people, with the digest that stands for it in the exchange."""
    others = {"key": ("the key", rig.key), "sak_id": ("the SakID", SAK_ID.value)}
    what, private = others[name] if name in others else (f"the patient's {name}", _spelled(getattr(PATIENT, name)))
    return f"{what} ({len(private)} characters {rig.world.journal.digest(private)})"


def _spelled(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _made_for(rig: Rig, numbers: Collection[int]) -> list[Call]:
    return [call for call in rig.received if call.number in numbers]


@BOOK.rule(
    1,
    "Neither key nor patient is in any log line, at any level, nor in what is printed",
    why="Logs are read by many, kept for long and sent to other companies.",
    check="Every logging call and every print of the adapter: never a request, an answer or a request object's fields.",
    control="A booking stands, or open times are found, in the same journey, and something was logged on the way.",
    source=SECRET,
    needs=READS,
    evidence=("logs", "journal"),
    causes={
        "logged": "A log line, or something printed, holds what Got names. Log words and numbers only, never what was "
        "sent or answered."
    },
    driver=True,
    safety=True,
)
async def _logs(trial: Trial) -> None:
    for wired in (False, True):
        rig = trial.rig(wired=wired)
        with trial.logs() as lines:
            await journey(trial, rig, trial.hurried("timeout_read", "timeout_write") if wired else None)
        leaking = [(name, line) for line in lines for name in canaries(rig).found_in(line.text)]
        calls = _made_for(rig, leaking[0][1].numbers) if leaking else []
        got = some(f"{_called(rig, name)}, in a line that is logged at {line.place}" for name, line in leaking)
        trial.claim(not leaking, "logged", expected="neither key nor patient in any log line", got=got, calls=calls)
        trial.need(lines, "nothing was logged at all")
        trial.saw(
            f"{len(lines)} log lines of a journey {'over a socket' if wired else 'in process'}, none with a secret"
        )


@BOOK.rule(
    2,
    "Neither key nor patient is in anything that is returned or raised, nor in what lies behind it",
    why="Error trackers send exceptions with the locals of every frame to other companies.",
    check="Exceptions that the adapter raises or chains, texts in tokens, ids and problems.",
    control="A booking stands, or open times are found, in the same journey.",
    source=SECRET,
    needs=READS,
    evidence=("logs", "journal"),
    causes={
        "returned": "What a call returned has the key or something of the patient in the attribute that Got names. "
        "Put there what the vendor's answer says, or None; to hide it in a repr would leave it in what is kept and "
        "passed on.",
        "raised": "An exception, what lies behind it, or a local of one of its frames has the key or something of the "
        "patient, where Got says.",
        "pickled": "A connection with a key in it can be pickled. That is a defect of the SDK: report it with the "
        "reproduction line.",
    },
    look={
        "returned": "The operation that Got names: from what it makes the attribute that Got names. Nothing of the "
        "request goes into a result.",
        "raised": "By what Got names. An attribute, a note or a text: what the exception is made from; raise one of "
        "Kobling's with a word for the reason. One that lies behind another: raise it `from None`, outside of the "
        "`except`. A local of a frame: a variable of yours that is alive when the call fails; delete it before, or do "
        "not make it.",
        "pickled": "Nothing in the adapter: the SDK's own Connection must refuse it.",
    },
    driver=True,
    safety=True,
)
async def _values_and_errors(trial: Trial) -> None:
    rig = trial.rig()
    said = await journey(trial, rig)
    errors = [one for one in said if one.error is not None]
    for cause, ended in (("returned", [one for one in said if one.error is None]), ("raised", errors)):
        found, numbers = _told_by(rig, ended)
        expected = f"neither key nor patient in what is {cause}"
        trial.claim(not found, cause, expected=expected, got=some(found), calls=_made_for(rig, numbers))
    trial.claim(not _pickles(rig), "pickled", expected="TypeError", got="bytes with the key")
    trial.saw(f"{len(said) - len(errors)} returned values and {len(errors)} errors, none with a secret")


def _told_by(rig: Rig, said: Iterable[Said]) -> tuple[list[str], Collection[int]]:
    """What is found in what calls returned or raised, each with its place; and the numbers of the calls that the vendor
    received for the first of those calls."""
    watch = canaries(rig)
    found: list[str] = []
    numbers: Collection[int] = ()
    for one in said:
        how = "returned" if one.error is None else "raised"
        places = _places(one, watch)
        numbers = numbers or (one.numbers if places else ())
        found += [f"{_called(rig, name)}, in {place}, {how} by session.{one.operation}" for name, place in places]
    return found, numbers


def _places(said: Said, watch: Canaries) -> list[Place]:
    return places_in_value(said.result, watch) if said.error is None else places_in_error(said.error, watch)


def _pickles(rig: Rig) -> bool:
    connection = Connection(rig.adapter.key, **rig.fields())
    try:
        pickle.dumps(connection)
    except TypeError:
        return False
    return True


FORBIDDEN = {
    "secret_in_url": "key_in_url",
    "secret_out_of_place": "key_out_of_place",
    "patient_in_url": "patient_in_url",
    "national_id_in_text": "patient_out_of_place",
    "missing_auth": "no_credential",
    "unexpected_cookie": "cookie",
    "patients_listed": "register_read",
    "unknown_route": "unknown_call",
    "unknown_parameter": "unknown_call",
    "unknown_field": "unknown_call",
    "unreadable_body": "unknown_call",
}
"""Findings of the mock's journal, and the cause each stands for."""


@BOOK.rule(
    3,
    "On the wire the key stands where the vendor wants it and nowhere else, and no patient stands in a URL",
    why="URLs are kept by every proxy, gateway and access log on the way.",
    check="`auth`, and every KEY or patient's field in a path, query or header.",
    control="A booking stands, or open times are found, in the same journey.",
    source=SECRET,
    needs=READS,
    evidence=("journal", "wire"),
    causes={
        "key_in_url": "The key stands in a URL.",
        "key_out_of_place": "The key stands in a field or header where the vendor does not expect it.",
        "patient_in_url": "Something about the patient stands in a URL.",
        "patient_out_of_place": "Something that looks like a national id stands in a free text.",
        "no_credential": "A call came without the key: the vendor's list may be public, the next one is not.",
        "cookie": "A cookie was sent that the vendor never set.",
        "register_read": "The clinic's list of patients was read, to find one. Add a record instead.",
        "unknown_call": "The vendor received a call, parameter or field that it does not know.",
    },
    look={
        "patient_out_of_place": "book: what goes into the vendor's free texts, such as a message or a note.",
        "cookie": "Headers that the adapter sets itself.",
        "register_read": "register_patient and book: a search for the patient before a record is added.",
        "unknown_call": "The call that is shown: its path, parameters and body, against the vendor's own description.",
    },
    safety=True,
)
async def _on_the_wire(trial: Trial) -> None:
    rig = trial.rig()
    await journey(trial, rig)
    fields = trial.adapter.patient_fields
    for call, finding in rig.world.journal.findings:
        cause = FORBIDDEN.get(finding.code)
        if cause is None or (finding.code == "patient_in_url" and fields.in_url):
            continue
        where = call.operation or call.path, *([] if finding.where == "call" else [finding.where])
        got = f"{finding.text.rstrip('.')} ({', '.join(where)})"
        trial.broken(cause, expected="a call in which the vendor finds nothing wrong", got=got, calls=[call])
    watch = canaries(rig)
    for sent in rig.wire:
        found = watch.found_in(sent.request.url)
        excused = set(fields.in_url)
        bad = [name for name in found if name not in excused]
        got = f"{some(bad)} in the URL of a {sent.request.method}"
        trial.claim("key" not in bad, "key_in_url", expected="no key in a URL", got=got)
        trial.claim(not bad, "patient_in_url", expected="no patient in a URL", got=got)
    trial.saw(f"{len(rig.wire)} requests; the vendor found no key and no patient where neither belongs")


@BOOK.rule(
    4,
    "A cookie that one clinic's answer set is never sent for another clinic",
    why="A vendor's session cookie decides whose timebook is shown.",
    check="Nothing in the adapter may keep or send cookies.",
    control="The catalogue is read over a socket, and a cookie was set while two clinics were called in turn.",
    source="the contract: no cookies at all",
    needs=READS,
    evidence=("journal",),
    causes={"crossed": "A cookie of one clinic came back with a call for another one."},
    driver=True,
    safety=True,
)
async def _cookies(trial: Trial) -> None:
    rig = trial.rig(wired=True)
    other = rig.connect(rig.world.add_clinic(synthetic_clinic(trial.seed + 1, rig.world.clock)))
    mark = rig.mark()
    await rig.session.catalogue()
    trial.control(rig, mark, "the catalogue is read over a socket")
    rig.fault("*", "set_cookie", times=0, when="after_commit")
    mark = rig.mark()
    for _ in range(2):
        for side in (rig.session, other):
            await side.slots(rig.days(2, 1))
    calls = rig.since(mark)
    crossed = [call for call in calls for one in call.findings if one.code == "cookie_of_another_clinic"]
    trial.claim(not crossed, "crossed", expected="no cookie of another clinic's",
                got=f"one in {calls_told(crossed)}", calls=crossed[:3])  # fmt: skip
    clinics = {call.clinic for call in calls}
    set_by = [call for call in calls if call.fault == "set_cookie"]
    if len(clinics) < 2 or not set_by:
        trial.need(None, "only one clinic was called, or no cookie was set")
    trial.saw(f"{len(set_by)} answers set a cookie, {len(clinics)} clinics were called in turn, none crossed over")


ODD_KEYS = ("nøkkel-æøå-{}", "line\nbreak-{}", "tab\tand blank {}", 'quote"back\\slash-{}', "%41%2F-{}", "﻿bom-{}")


@BOOK.rule(
    5,
    "A key with odd characters leaks no more than another, and ends in an error of the contract",
    why="Keys are pasted from letters and PDFs; libraries quote what they cannot encode.",
    check="Headers and query strings that are made from the key by hand.",
    control="The right key reads the catalogue in the same clinic.",
    source=SECRET,
    needs=READS,
    evidence=("logs",),
    causes={
        "leaked": "The odd key is found in a log, a value or an exception.",
        "crashed": "The adapter raised an exception of its own at the odd key.",
    },
    driver=True,
)
async def _odd_keys(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    await rig.session.catalogue()
    trial.control(rig, mark, "the right key reads the catalogue")
    count = 0
    for odd in ODD_KEYS:
        key = odd.format("kanari-7f3a9c")
        watch = Canaries(key="kanari-7f3a9c")
        side = rig.connect(api_key=key)
        with trial.logs() as lines:
            await trial.outcome(side.test_connection())
            outcome = await trial.outcome(side.slots(rig.days(2)))
        whole = outcome.error is None or outcome.error.code != "adapter_bug"
        trial.claim(whole, "crashed", expected="an error of the contract, such as CredentialsRejected",
                    got=outcome)  # fmt: skip
        texts = [line.text for line in lines]
        places = [f"a line that is logged at {line.place}" for line in lines if watch.found_in(line.text)]
        for said in side.said:
            texts += told_by_value(said.result) if said.error is None else told_by_error(said.error)
            places += [f"{place}, of session.{said.operation}" for _, place in _places(said, watch)]
        found = [text for text in texts if watch.found_in(text)]
        trial.claim(not found, "leaked", expected="no text with the key",
                    got=f"the key in {counted(len(found), 'text')}: {some(places)}")  # fmt: skip
        count += len(texts)
    trial.saw(f"{len(ODD_KEYS)} odd keys, {count} texts, none with the key")


@BOOK.rule(
    6,
    "One clinic's slots and bookings are refused by another clinic's connection, unsent",
    why="A slot of the wrong clinic books a patient where nobody expects them.",
    check="Nothing in the adapter: the SDK does this. An adapter that keeps state of its own would break it.",
    control="The clinic's own connection finds times in the same world, and books one where it can book.",
    source="the contract: a session refuses another connection's slot",
    needs=READS,
    evidence=("journal",),
    causes={
        "sent": "Something was written at the wrong clinic.",
        "other_error": "The caller, who brought another clinic's slot or booking, must hear InvalidRequest.",
    },
    driver=True,
    safety=True,
)
async def _other_clinics(trial: Trial) -> None:
    rig = trial.rig()
    other = rig.connect(rig.world.add_clinic(synthetic_clinic(trial.seed + 1, rig.world.clock)))
    ref = (await trial.booked(rig)).booking.ref if trial.books else None
    slots = await trial.open_times(rig)
    mark = rig.mark()
    calls: list[tuple[str, Any]] = [("verify", other.verify(slots[0]))]
    if ref is not None:
        calls += [
            ("book", other.book(rig.request(slots[0]))),
            ("cancel", other.cancel(ref, CancelReason(by="patient"))),
            ("reschedule", other.reschedule(ref, rig.request(slots[0]))),
        ]
    for name, call in calls:
        outcome = await trial.outcome(call)
        wrote = rig.writing(rig.since(mark))
        trial.claim(not wrote, "sent", expected=f"no write by {name}", got=calls_told(wrote, "write"),
                    calls=wrote)  # fmt: skip
        refused = isinstance(outcome.error, InvalidRequest)
        trial.claim(refused, "other_error", expected=f"InvalidRequest by {name}", got=outcome)
    trial.saw(f"{counted(len(calls), 'call')} with another clinic's slot or booking, 0 writes")
