"""FUZZ: thousands of answers that no vendor should give, and what must hold after every one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kobling import Operation

from ..hostile.fuzz import CLINIC, Finding, Fuzzer, Report, prepared
from ..hostile.mutations import ENDLESS
from ..hostile.oracle import AREAS
from ..hostile.recording import NotRecorded
from ..hostile.wire import ANOTHER, PLANTED
from ..importing import changes, state
from ..rule import RuleBook
from ..trial import Broken, Trial, Vacuous
from ..wording import some

BOOK = RuleBook("FUZZ", "Hostile answers")
READS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots")
WRITING: tuple[Operation, ...] = (*READS, "book", "cancel")
CONTRACT: Final = "the contract: whatever a vendor answers, a session ends in a value of the contract or a KoblingError"
CHECK: Final = (
    "The change that is named, at that place of that answer. Read answers with models (reply.read), never by indexing; "
    "run the case alone under a debugger."
)

MOST_TOLD: Final = 5
"""Findings of one cause that a rule tells at once."""


def _about(cause: str) -> frozenset[str]:
    """Every cause of the rule that this one belongs to."""
    return frozenset(one for one, rule in AREAS.items() if rule == AREAS[cause])


def _told(findings: Sequence[Finding]) -> Broken:
    """What is wrong, one line for each finding, which are of different places and operations: so that one run tells
    of several. The first decides the cause."""
    first = findings[0]
    alike = [one for one in findings if one.breach.cause == first.breach.cause][:MOST_TOLD]
    said = [f"{one.breach.got}; {one.operation}: {'; '.join(one.changes)}" for one in alike]
    got = said if len(said) == 1 else [f"{number}. {line}" for number, line in enumerate(said, 1)]
    exchange = [line for one in alike for line in one.lines()]
    return Broken(first.breach.cause, first.breach.expected, "\n".join(got), "\n".join(exchange))


async def _fuzzed(
    trial: Trial,
    causes: frozenset[str],
    answers: int,
    *kinds: frozenset[str],
    operations: tuple[Operation, ...] = (),
) -> Report:
    """Record, replay unchanged, then with changes, as `_fed`."""
    return _fed(trial, _recorded(trial), causes, answers, *kinds, operations=operations)


def _recorded(trial: Trial) -> Fuzzer:
    """Every operation recorded, and replayed once without changes."""
    rig = trial.rig(CLINIC)
    mark = rig.mark()
    fuzzer: Fuzzer | None = None
    nothing = ""
    try:
        fuzzer = prepared(rig, trial.seed, lambda: trial.control(rig, mark, "every operation is answered"))
    except NotRecorded as problem:
        nothing = str(problem)
    if fuzzer is None:
        raise Vacuous(nothing)
    return fuzzer


def _fed(
    trial: Trial,
    fuzzer: Fuzzer,
    causes: frozenset[str],
    answers: int,
    *kinds: frozenset[str],
    operations: tuple[Operation, ...] = (),
) -> Report:
    """Replays with changes; the first finding of these causes breaks the rule. answers: for each operation. kinds: of
    changes, in groups one after the other; all when there are none."""
    chosen = tuple(one for one in fuzzer.recording.operations if not operations or one in operations)
    trial.controls.append(f"{len(chosen)} operations replayed without changes return what was recorded")
    report = fuzzer.run({one: fuzzer.plan(one).numbers(*kinds) for one in chosen}, answers=answers, causes=causes)
    if report.findings:
        raise _told(report.findings)
    for name, tally in report.tallies.items():
        trial.saw(
            f"{name}: {tally.cases} changed answers, {tally.answers} read in all, {tally.returned} calls returned, "
            f"{sum(tally.refused.values())} raised an error of the contract"
        )
    return report


@BOOK.rule(
    1,
    "Whatever a vendor answers, the adapter reads it or refuses it, and never crashes",
    why='Vendors change fields without a word; one odd row must not become "a defect of ours" without a place.',
    check=CHECK,
    control="Every operation is answered without a fault, and returns the same when its recorded answers are replayed.",
    source=CONTRACT,
    needs=READS,
    evidence=("wire",),
    causes={
        "crashed": "The adapter raised an exception of its own. The place is named; read that value with a model. An "
        "error of the contract takes one word of small letters, and no text.",
        "foreign_error": "An exception that is no KoblingError reached the caller of a session. That is a defect of "
        "the SDK: report it with the reproduction line.",
    },
)
async def _no_crash(trial: Trial) -> None:
    await _fuzzed(trial, _about("crashed"), 250)


@BOOK.rule(
    2,
    "Whatever a vendor answers, a call ends: no page without end, no loop, no depth",
    why="One clinic's broken server must not hold a registry's workers until somebody restarts them.",
    check="Loops over pages that the adapter writes itself: let http.pages do it. Recursion over an answer.",
    control="Every operation is answered without a fault, and returns the same when its recorded answers are replayed.",
    source=CONTRACT,
    needs=READS,
    evidence=("wire",),
    causes={
        "did_not_end": "The call went on and on, or thought without an end. The change that made it do so is named."
    },
)
async def _an_end(trial: Trial) -> None:
    kinds = frozenset(
        {ENDLESS, ANOTHER, "number", "huge", "negative", "deep", "many rows", "body", "asks to wait", "link", "failure",
         "text", "a row twice", "twice in a list"}
    )  # fmt: skip
    await _fuzzed(trial, _about("did_not_end"), 150, kinds)


@BOOK.rule(
    3,
    "Whatever a vendor answers, no request leaves the contract",
    why="An answer is written by whoever holds the vendor's server; it must not decide where the key goes.",
    check="Addresses, path parts and parameters that are made from an answer.",
    control="Every operation is answered without a fault, and returns the same when its recorded answers are replayed.",
    source="the contract: one host per connection, reads that only read, one write, never sent again",
    needs=READS,
    evidence=("wire",),
    causes={
        "left": "A request went to another address.",
        "key_in_url": "The key stood in an address.",
        "patient_in_url": "Something of the patient stood in an address.",
        "wrote": "A call was sent by a method that the operation does not have.",
        "sent_again": "A write was sent a second time, although the first may have arrived.",
    },
    look={
        "key_in_url": "`auth`, and every path or parameter that KEY stands in, also on a second page.",
        "patient_in_url": "Paths and queries of register_patient, book and get_booking: a patient belongs in a body.",
        "wrote": "The calls of the operation that is named: their method, and whether each is declared as a write.",
        "sent_again": "book and register_patient: a loop or an `except` that sends the write again.",
    },
    safety=True,
)
async def _inside_the_contract(trial: Trial) -> None:
    kinds = frozenset({"text", "and more", "link", "sent away", "status", "failure", "asks to wait", ENDLESS, ANOTHER})
    await _fuzzed(trial, _about("left"), 100, kinds)


@BOOK.rule(
    4,
    'After a write no answer makes it "not done", and none makes a booking of nothing',
    why="The patient has a time; whoever says otherwise books another.",
    check="book, cancel: no default and no branch may turn an odd answer into a refusal, or a refusal into a booking.",
    control="Booking and cancelling succeed without a fault, and return the same when replayed.",
    source="the contract: after a write only a refusal that the adapter lists is certain",
    needs=WRITING,
    evidence=("wire", "journal"),
    causes={
        "told_not_done": "The caller was told that nothing was changed, after an answer that does not say so.",
        "told_done": "The caller was told that it was done, after an answer that does not say so.",
    },
    look={
        "told_not_done": "ErrorMap, and every place in book and cancel that raises a refusal: only what the vendor's "
        "own answer to the write says.",
        "told_done": "book and cancel: what becomes of an answer to the write that lacks its id or its status.",
    },
    safety=True,
)
async def _after_a_write(trial: Trial) -> None:
    await _fuzzed(trial, _about("told_done"), 250, operations=("book", "cancel", "reschedule"))


@BOOK.rule(
    5,
    "Where a vendor says the key or the patient, no error says it again",
    why="Errors are logged, mailed and shown; a vendor that echoes what it was sent must not decide what stands there.",
    check="Errors that the adapter raises with words out of an answer.",
    control="Every operation is answered without a fault, and returns the same when its recorded answers are replayed.",
    source="the contract: an error holds words and numbers only, never a key or a patient",
    needs=READS,
    evidence=("wire", "logs"),
    causes={"told": "An error holds the key, or something of the patient, because the vendor's answer held it."},
    safety=True,
)
async def _nothing_told(trial: Trial) -> None:
    with trial.logs() as lines:
        await _fuzzed(trial, _about("told"), 120, frozenset({PLANTED}))
    key = trial.rigs[0].key
    told = [line.place for line in lines if key in line.text]
    got = f"the key in {len(told)} of {len(lines)} lines of the log: {some(told)}"
    trial.claim(not told, "told", expected="no line of the log with the key", got=got)


@BOOK.rule(
    6,
    "What is returned after an odd answer is valid, was asked for, and says what the answer says",
    why='A "false" that counts as true opens a closed calendar; an id that loses its last digit is somebody else\'s.',
    check="bool(), int() and float() on what the vendor wrote; times that are mended; rows that are skipped silently.",
    control="Every operation is answered without a fault, and returns the same when its recorded answers are replayed.",
    source="the contract: values of the models, times with a zone, ids as the vendor writes them",
    needs=READS,
    evidence=("wire",),
    causes={
        "invalid": "A value was returned that the contract's own class refuses.",
        "misread": "A value was taken for another one. Read it with a model, and refuse what is none of its spellings.",
        "outside": "Times were returned that were not asked for, or not in order.",
        "digits_lost": "An id lost digits on the way. Keep ids as text; never let one become a float.",
        "silent_gap": "A part of the answer was missing, and the result did not say so.",
    },
    look={
        "invalid": "How the result is made: model_construct and model_copy check nothing.",
        "outside": "list_slots: rows of other days, or of what is not offered, and the order of the times.",
        "digits_lost": "int() and float() on an id, and a model's field for one: ids are kept as text.",
        "silent_gap": "What is caught around one of several calls: let it out, or return Slots with an UnknownPart.",
    },
)
async def _valid(trial: Trial) -> None:
    spelled = frozenset({"in words", "in digits", "in odd digits", "and a half", "impossible", "huge"})
    others = frozenset(
        {"number", "fraction", "a time", "odd digits", "another time", "a row twice", "reversed", "as text", "null",
         "remove", "flipped", "failure", "status"}
    )  # fmt: skip
    await _fuzzed(trial, _about("misread"), 200, spelled, others)


@BOOK.rule(
    7,
    "Reading odd answers leaves the process as it was, and the same call is written the same twice",
    why="One adapter's locale, recursion limit or warning filter is every adapter's; a key that is new each time stops "
    "no second booking.",
    check="setrecursionlimit, setlocale, logging, os.environ: also inside a try. random, uuid4, time in what a write "
    "sends.",
    control="Every operation is answered without a fault, and returns the same when its recorded answers are replayed.",
    source="the contract: an adapter has no state and changes none",
    needs=READS,
    evidence=("process", "wire"),
    causes={
        "changed": "Something of the process is not as it was before: what it is, is named.",
        "written_otherwise": "The same call, at the same moment and after the same answers, wrote something else the "
        "second time. Make it of what was asked for: a vendor's key against second bookings of request.reference.",
    },
    look={"written_otherwise": "What is sent with each write: a header or a field made by uuid4, random or a counter."},
)
async def _process_unchanged(trial: Trial) -> None:
    before = state()
    fuzzer = _recorded(trial)
    _fed(trial, fuzzer, frozenset(), 60)
    for operation in fuzzer.recording.operations:
        other = fuzzer.written_otherwise(operation)
        trial.claim(not other, "written_otherwise", expected=f"{operation}: the same request twice",
                    got=f"{operation}: another {', another '.join(other)}")  # fmt: skip
    changed = changes(before, state())
    trial.claim(not changed, "changed", expected="nothing", got=", ".join(changed))
