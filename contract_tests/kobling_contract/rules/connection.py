"""CONN: what a test of a connection ("Test kobling") must tell, and what it must leave alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from kobling import (
    ConnectionReport,
    CredentialsRejected,
    DepartmentNotFound,
    Finding,
    NotActivated,
    Operation,
    UnsupportedOperation,
)
from kobling_mocks import Call
from kobling_mocks.clinic import Clinic, synthetic_clinic

from ..decided import decider
from ..outcome import Outcome
from ..rig import Rig
from ..rule import UNTRIED, RuleBook
from ..sides import Side
from ..trial import Trial
from ..wording import calls_told, counted, either, setting_told, slot_told, some
from ..wrong_values import almost
from .booking import take
from .wire import told_in

BOOK = RuleBook("CONN", "Testing a connection")
READS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots")
CONNECTING: tuple[Operation, ...] = ("sign_in", *READS)
FORM_HELP = "the help article on registering online booking: a test says what is wrong and who can mend it"
VENDOR_CODES = frozenset({"vendor_unavailable", "vendor_timeout", "vendor_protocol_error", "rate_limited"})


OUTCOMES = {"success": "succeeds", "degraded": "succeeds with warnings", "failed": "fails"}


def failed(report: ConnectionReport) -> tuple[Finding, ...]:
    """The findings that made a test fail."""
    return tuple(one for one in report.findings if one.severity == "fail")


def told(report: ConnectionReport) -> str:
    """What a report says, in one line."""
    worst = failed(report) or [one for one in report.findings if one.severity == "warn"]
    found = some(f"{one.code}{f' for {either(one.fields)}' if one.fields else ''}" for one in worst)
    counts = "counts" if report.counts_as_attempt else "does not count"
    attempt = f" and {counts} as an attempt" if failed(report) or report.counts_as_attempt else ""
    return f"the test {OUTCOMES[report.outcome]}{f' ({found})' if worst else ''}{attempt}"


async def good_test(trial: Trial, rig: Rig) -> None:
    """The control of every rule here: the right connection is tested without a failure in the same world."""
    mark = rig.mark()
    report = await rig.session.test_connection()
    if failed(report):
        trial.need(None, f"a test of the right connection fails: {told(report)}")
    trial.control(rig, mark, "the right connection is tested")


def blamed_fields(report: ConnectionReport) -> frozenset[str]:
    """The fields that failing findings name."""
    return frozenset(name for finding in failed(report) for name in finding.fields)


async def _named(trial: Trial, rig: Rig, fields: dict[str, str], may_name: Iterable[str], what: str) -> None:
    """A wrong value: the test fails, names one of the fields, counts as an attempt, and a search raises too. The vendor
    itself must have been asked: what the form refuses says nothing of what is made of the vendor's answer."""
    mark = rig.mark()
    wrong = rig.connect(**fields)
    report = await wrong.test_connection()
    calls = rig.since(mark)
    (name, value), *_ = fields.items()
    tried = "" if name == "api_key" else f" “{value}”"
    trial.need(calls or None, f"{what}: the form's pattern of {name} refuses{tried}, so that the vendor was not asked")
    outcome = await trial.outcome(wrong.slots(rig.days()))
    by = decider(rig, outcome, rig.since(mark), CONNECTING, write=False)
    got = f"{told(report)}\n{by}" if by else told(report)
    trial.claim(bool(failed(report)), "not_seen", expected=f"the test fails for {what}", got=got, calls=calls)
    named = blamed_fields(report) & set(may_name)
    expected = f"the test of {what} names {either(may_name)}"
    trial.claim(bool(named), "wrong_field", expected=expected, got=got, calls=calls)
    expected = f"the test of {what} counts as an attempt"
    trial.claim(report.counts_as_attempt, "not_counted", expected=expected, got=got, calls=calls)
    trial.claim(
        outcome.error is not None,
        "looks_like_no_times",
        expected=f"a search with {what} raises an error",
        got=f"{outcome}, with {counted(len(outcome.value.found) if outcome.value else 0, 'open time')}",
        calls=rig.since(mark),
    )
    refused = [call for call in calls if call.status is not None and call.status >= 400] or calls
    trial.saw(f"{what}: the vendor answered {', '.join(str(call.status) for call in refused)}; {told(report)}")


def _nowhere(rig: Rig, kind: str, field: str) -> str:
    """An id of the vendor's form that stands for nothing, or one like the right one, where the form's pattern takes no
    other."""
    strange, pattern = rig.nowhere(kind), getattr(rig.adapter.form, field).pattern
    if not pattern or re.fullmatch(pattern, strange):
        return strange
    return almost(rig.fields()[field], {rig.wire_id(one.id) for one in rig.clinic.departments})


def _under(setting: Mapping[str, object]) -> str:
    return f" ({setting_told(setting)})" if setting else ""


WRONG_VALUE_CAUSES = {
    "not_seen": "The vendor refused what was typed, and the test went on as if it had not. List the refusal's code in "
    "ErrorMap, or its status where it has no code; one with status 200 needs `code=` to point at the vendor's code.",
    "wrong_field": "The vendor refused what was typed, and the error does not name the field that is wrong. Map the "
    "refusal to that field's error; where the vendor hides which of two, name both: Refusal(CredentialsRejected, "
    "fields=(…)).",
    "not_counted": "What was typed is wrong, and the test blames the vendor: map the refusal to a ConnectionProblem.",
    "looks_like_no_times": "list_slots returned an answer for a refused call. Never turn an error into a list.",
}
WRONG_VALUE_LOOK = {
    "looks_like_no_times": "list_slots: an `except`, or a default for a list that is not there, that makes no times of "
    "the vendor's refusal.",
}


@BOOK.rule(
    1,
    "The right connection is tested without a failure",
    why="A clinic that typed everything right must get its success, or nobody can be connected.",
    check="identify and catalogue against a clinic that is set up in the ordinary way.",
    control="Every call of the test is answered without an error, and at least one reached the vendor.",
    source=FORM_HELP,
    needs=READS,
    evidence=("journal",),
    causes={
        "fails": "A right connection was reported as wrong. The failing finding names the probe; read the exchange. "
        "Where the ErrorMap decided, it made that error of what the vendor answered.",
        "not_taken": "The form refuses what the vendor gives to its clinics, before anybody is asked: look at the "
        "pattern of the field that is named, beside the vendor's description. Where that is right, the mock gives its "
        "clinics what the vendor never would: look at `open_account` of the dialect.",
        "asked_nothing": "The test reported a success without asking the vendor: identify must call it.",
    },
    look={"not_taken": "form: the pattern of the field that is named, and how long a text it takes."},
    driver=True,
    targets=("mock", "cassette", "live"),
)
async def _right_connection(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    report = await rig.session.test_connection()
    calls = rig.since(mark)
    if failed(report):
        got = f"{told(report)}{rig.key_went_elsewhere()}{await _what_fails(trial, rig)}"
        refused = not calls and any(one.code == "invalid_connection" for one in failed(report))
        trial.broken("not_taken" if refused else "fails", expected="the test succeeds", got=got, calls=calls)
    trial.claim(bool(calls), "asked_nothing", expected="the vendor is called", got="no call in its journal")
    trial.control(rig, mark, "the right connection is tested")
    trial.saw(f"{counted(len(calls), 'call')} reached the vendor, all answered; {told(report)}")


async def _what_fails(trial: Trial, rig: Rig) -> str:
    """On further lines: the first operation of a test that ends in an error, how, and what of the ErrorMap decided."""
    for what in (rig.session.clinic, rig.session.catalogue, partial(rig.session.slots, rig.days())):
        mark = rig.mark()
        outcome = await trial.outcome(what())
        if outcome.error is not None:
            by = decider(rig, outcome, rig.since(mark), CONNECTING, write=False)
            return "\n" + "\n".join(filter(None, (f"{outcome.error.operation or 'before a call'}: {outcome}", by)))
    return ""


@BOOK.rule(
    2,
    "A wrong key is named as the key, however the vendor refuses it",
    why="An administrator with a wrong key must hear so, and not that there are no open times.",
    check="ErrorMap: the code and every status by which the vendor may refuse a key.",
    control="The right key is tested without a failure in the same clinic, under the same setting of the vendor's.",
    source=FORM_HELP,
    needs=READS,
    evidence=("journal",),
    causes=WRONG_VALUE_CAUSES,
    look=WRONG_VALUE_LOOK,
    targets=("mock", "cassette", "live"),
)
async def _wrong_key(trial: Trial) -> None:
    for setting in trial.rig().switch_settings("unauthorized"):
        rig = trial.rig(switches=setting)
        await good_test(trial, rig)
        await _named(trial, rig, {"api_key": almost(rig.key)}, ("api_key",), f"a wrong key{_under(setting)}")


@BOOK.rule(
    3,
    "An unknown clinic is named, alone or beside the key",
    why="The two fields are typed side by side; the wrong one must be named, or both where the vendor hides which.",
    check="ErrorMap: what the vendor answers for a clinic id that does not exist.",
    control="The right clinic id is tested without a failure in the same clinic, under the same setting of the "
    "vendor's.",
    source=FORM_HELP,
    needs=READS,
    evidence=("journal",),
    causes=WRONG_VALUE_CAUSES,
    look=WRONG_VALUE_LOOK,
    targets=("mock", "cassette"),
)
async def _unknown_clinic(trial: Trial) -> None:
    if trial.adapter.form.external_id.use == "unused":
        trial.not_offered("a clinic id", proof=not trial.rig().fields()["external_id"])
    for setting in trial.rig().switch_settings("unknown_clinic"):
        rig = trial.rig(switches=setting)
        await good_test(trial, rig)
        strange = _nowhere(rig, "clinic", "external_id")
        what = f"an unknown clinic{_under(setting)}"
        await _named(trial, rig, {"external_id": strange}, ("external_id",), what)


@BOOK.rule(
    4,
    "Another clinic's key is refused, and a field is named",
    why="Two clinics' details get mixed up when they are pasted; a wrong pair must never look connected.",
    check="identify must use both the clinic's id and the key in a call that the vendor checks.",
    control="The clinic's own key is tested without a failure in the same world, before the other clinic's is tried.",
    source=FORM_HELP,
    needs=READS,
    evidence=("journal",),
    causes=WRONG_VALUE_CAUSES,
    look={
        **WRONG_VALUE_LOOK,
        "wrong_field": "ErrorMap: what the vendor answers for a key and a clinic id that don't belong together.",
        "not_counted": "ErrorMap: what the vendor answers for a key and a clinic id that don't belong together.",
    },
    safety=True,
)
async def _key_of_another_clinic(trial: Trial) -> None:
    rig = trial.rig()
    await good_test(trial, rig)
    other = rig.world.add_clinic(synthetic_clinic(trial.seed + 1, rig.world.clock))
    fields = {"api_key": rig.fields(other)["api_key"]}
    await _named(trial, rig, fields, ("api_key", "external_id"), "another clinic's key")


@BOOK.rule(
    5,
    "A department that the vendor's list does not hold is named, and never answered with an empty list",
    why="A wrong department id hides every practitioner; the clinic believes that it is connected.",
    check="identify: Clinic.departments must be the vendor's whole list, or None where it has none.",
    control="The clinic is read, and the connection's own department tested without a failure in the same clinic.",
    source=FORM_HELP,
    needs=READS,
    evidence=("timebook", "journal", "wire"),
    causes={
        **WRONG_VALUE_CAUSES,
        "not_seen": "A connection with a department that the clinic does not have passes the test. Clinic.departments "
        "must hold all that the vendor tells; where the vendor refuses the id itself, list that in ErrorMap.",
        "incomplete_list": "identify lists departments, but not all that the clinic has: a right one would be refused.",
        "hidden": "The vendor's answer to identify names departments, CatalogueFacts says that they can be seen, and "
        "Clinic.departments has none: a wrong department id is noticed by nobody.",
    },
    look={
        **WRONG_VALUE_LOOK,
        "wrong_field": "ErrorMap: what the vendor answers for a department that it does not know.",
        "not_counted": "ErrorMap: what the vendor answers for a department that it does not know.",
    },
)
async def _unknown_department(trial: Trial) -> None:
    if trial.adapter.form.department_id.use == "unused":
        trial.not_offered("departments", proof=not trial.rig().fields()["department_id"])
    rig = trial.rig()
    mark = rig.mark()
    outcome = await trial.outcome(rig.widest().clinic())
    calls = trial.control(rig, mark, "the clinic is read")
    refused = isinstance(outcome.error, DepartmentNotFound)
    trial.claim(not refused, "incomplete_list", expected="the clinic's own department is found", got=outcome,
                calls=calls)  # fmt: skip
    told_places = trial.need(outcome.value, f"the clinic is not read: {outcome}").departments
    said = set(told_in(rig.sent_since(mark)).splitlines()) - {rig.clinic.name}
    stated = [place.name for place in rig.clinic.departments if place.name in said]
    promised = trial.adapter.limits.catalogue.departments
    got = f'no departments, though CatalogueFacts.departments is "{promised}"'
    hidden = bool(stated) and not told_places and promised != "nowhere"
    trial.claim(
        not hidden, "hidden", expected=f"listed by identify: {some(stated)}, as in the answer", got=got, calls=calls
    )
    places = {rig.wire_id(place.id): place.name for place in rig.clinic.departments}
    listed = {place.id for place in told_places or ()}
    missing = [f"{name} ({one})" for one, name in places.items() if one not in listed]
    trial.claim(
        told_places is None or not missing,
        "incomplete_list",
        expected=f"listed by identify: {some(missing)}",
        got=f"{len(places) - len(missing)} of {counted(len(places), 'department')} listed",
        calls=calls,
    )
    await good_test(trial, rig)
    if told_places is None:
        trial.not_offered("a list of departments", proof=not rig.told("departments"))
    strange = _nowhere(rig, "department", "department_id")
    await _named(trial, rig, {"department_id": strange}, ("department_id",), "an unknown department")


@BOOK.rule(
    6,
    "Testing, listing and searching change nothing at the clinic",
    why="A test is pressed many times a day on a clinic's real system.",
    check="identify, catalogue and list_slots: calls that the vendor counts as writing.",
    control="Test, catalogue, search and explanation are all answered without an error.",
    source="the contract: reads are `get` and `query`; the clinic's state is compared before and after",
    needs=READS,
    evidence=("timebook", "journal"),
    causes={
        "changed": "Something at the clinic changed during a read. Find the call in the exchange that did it.",
        "wrote": "A call that the vendor describes as a write was sent by a read operation.",
    },
    driver=True,
    safety=True,
)
async def _reads_change_nothing(trial: Trial) -> None:
    rig = trial.rig()
    before, mark = rig.clinic.revision, rig.mark()
    await rig.session.test_connection()
    catalogue = await rig.session.catalogue()
    answer = await rig.session.slots(rig.days())
    for who in catalogue.practitioners[:3]:
        await rig.session.explain(who.id)
    calls = trial.control(rig, mark, "test, catalogue, search and explanation are answered")
    wrote = rig.writing(calls)
    trial.claim(not wrote, "wrote", expected="no call that writes",
                got=calls_told(wrote, "write"), calls=wrote)  # fmt: skip
    trial.claim(
        rig.clinic.revision == before,
        "changed",
        expected="the clinic's state is as before",
        got="something at the clinic changed",
        calls=calls,
    )
    trial.saw(
        f"{counted(len(calls), 'call')}, no write, the clinic's revision unchanged; {len(answer.found)} open times read"
    )


@BOOK.rule(
    7,
    "A vendor that is down is not the administrator's fault",
    why="A press during an outage must not use up the registry's limit, nor send somebody to type a right key again.",
    check="ErrorMap: nothing may turn a 5xx, a page of HTML or a lost connection into a wrong key or clinic.",
    control="The same connection is tested without a failure in the same clinic, before the vendor goes down.",
    source=FORM_HELP,
    needs=READS,
    evidence=("journal",),
    causes={
        "blames_the_clinic": "The outage was reported as something that was typed wrongly. Only what the vendor "
        "itself says of a key, clinic or department may blame it.",
        "not_seen": "The test succeeded although the vendor gave no usable answer.",
    },
    look={"not_seen": "identify and catalogue: an `except`, or a default for what an answer does not hold."},
)
async def _outage(trial: Trial) -> None:
    for kind in ("http_503", "html_200", "html_502", "reset", "hang", "empty"):
        rig = trial.rig()
        await good_test(trial, rig)
        rig.fault("*", kind, times=0)
        mark = rig.mark()
        report = await rig.connect().test_connection()
        calls = rig.since(mark)
        trial.claim(bool(failed(report)), "not_seen", expected=f"the test fails, {kind}", got=told(report), calls=calls)
        codes = {finding.code for finding in failed(report)}
        trial.claim(
            codes <= VENDOR_CODES and not report.counts_as_attempt,
            "blames_the_clinic",
            expected=f"{either(VENDOR_CODES)}, and no attempt, {kind}",
            got=told(report),
            calls=calls,
        )
        trial.saw(f"{kind}: {counted(len(calls), 'call')} spoilt, {told(report)}")


@BOOK.rule(
    8,
    "A clinic for which the vendor has not switched the integration on is told so",
    why="Only the vendor or the clinic can switch it on; a new key does not help.",
    check="ErrorMap: what the vendor answers before the integration is activated.",
    control="The same connection is tested without a failure while the integration is still switched on.",
    source=FORM_HELP,
    needs=READS,
    evidence=("journal",),
    causes={
        "not_seen": "The test succeeded for a clinic for which the integration is not switched on: list in ErrorMap "
        "what the vendor answers then.",
        "wrong_reason": "The integration is not switched on, and the administrator hears another reason. What the "
        "vendor answers then must become NotActivated: nothing that was typed is wrong. Where the clinic itself "
        "switches it on: Refusal(NotActivated, 'switched_off_by_clinic'). ScopeMissing, by which the clinic looks for "
        "a right of its key, will do only where the vendor has no word of its own for it.",
        "wrong_person": "The administrator is sent to the wrong one: the mock says who switches the integration on "
        "(`switched_on_by`). Refusal(NotActivated, 'switched_off_by_clinic') where the clinic does, NotActivated where "
        "the vendor does.",
    },
)
async def _not_activated(trial: Trial) -> None:
    rig = trial.rig()
    await good_test(trial, rig)
    own_word = await _tested_while_off(trial, rig)
    for setting in ({}, *rig.every_setting()):
        if not failed(await trial.rig(switches=setting).connect().test_connection()):
            await _tested_while_off(trial, trial.rig(switches=setting), own_word=own_word)  # no token is there yet


async def _tested_while_off(trial: Trial, rig: Rig, *, own_word: bool = False) -> bool:
    """Whether the vendor has a word of its own for it. own_word: it was told before that it has."""
    rig.world.account.activated = False
    mark = rig.mark()
    side = rig.connect()
    report = await side.test_connection()
    calls = rig.since(mark)
    trial.claim(bool(failed(report)), "not_seen", expected="the test fails", got=told(report), calls=calls)
    error = (await trial.outcome(side.slots(rig.days()))).error
    own_word = own_word or (bool(error and error.vendor_code) and not _keys_do_less(trial, rig))
    wanted = ("not_activated",) if own_word else ("not_activated", "scope_missing")
    trial.claim(
        {finding.code for finding in failed(report)} <= set(wanted) and not report.counts_as_attempt,
        "wrong_reason",
        expected=f"{either(wanted)}, and no attempt",
        got=told(report),
        calls=calls,
    )
    by = rig.mock.dialect.switched_on_by
    if isinstance(error, NotActivated) and by is not None:
        got = "clinic" if error.because == "switched_off_by_clinic" else "vendor"
        trial.claim(got == by, "wrong_person", expected=f"the {by} switches it on", got=f"the {got} does", calls=calls)
    elif isinstance(error, NotActivated):
        trial.facts[UNTRIED] = "who switches the integration on for a clinic: the mock does not say (`switched_on_by`)"
    trial.saw(f"the vendor refused {counted(len(calls), 'call')}; {told(report)}")
    return own_word


def _keys_do_less(trial: Trial, rig: Rig) -> bool:
    """Whether the vendor has keys that may do less than others, for whom its word may be the same."""
    return bool(set(rig.keys) - {rig.key}) or any(trial.rig(switches=one).searches_only for one in rig.every_setting())


TWENTY = 20


@BOOK.rule(
    9,
    "A token is the clinic's own, is fetched once for all who need it, and is given up when its time is over",
    why="A vendor locks a key that signs in without end; another clinic's token shows another clinic's patients.",
    check="sign_in: the lifetime is the vendor's own number, in seconds; the adapter keeps nothing. 401 in ErrorMap.",
    control="A caller signs in and reads the clinic in the same world, each call answered without an error.",
    source="the contract: the SDK keeps tokens by connection, renews them before their end and once on 401",
    needs=("sign_in", *READS),
    evidence=("journal",),
    causes={
        "too_many_sign_ins": "Callers of one connection signed in more than once. Look at Token.lifetime.",
        "crossed": "After one clinic had signed in, another one's call was refused: it came with the wrong token.",
        "used_past_its_end": "A token was used after its end, and refused. Read the lifetime from the answer.",
        "not_renewed": "A token that the vendor did not take any more was not renewed. A 401 is CredentialsRejected.",
    },
    look={
        "crossed": "sign_in and `auth`: a token that is kept in a class, module or cache. The SDK keeps it by "
        "connection.",
        "not_renewed": "ErrorMap: 401 must be CredentialsRejected, and nothing may catch it.",
    },
    driver=True,
    safety=True,
)
async def _tokens(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    await rig.session.clinic()
    signing = trial.control(rig, mark, "a caller signs in and reads the clinic")[0].operation
    other = rig.connect(rig.world.add_clinic(synthetic_clinic(trial.seed + 1, rig.world.clock)))
    for side in (other, rig.session, other):
        await _still_in(trial, rig, side, "crossed", "crossed", "two clinics in turn")
    together = trial.rig()
    for _ in range(2):
        await asyncio.gather(*(together.connect().clinic() for _ in range(TWENTY)))
        together.pace.pass_time(1.0)
    count = len(together.world.journal.of(signing or ""))
    trial.claim(count <= 1, "too_many_sign_ins", expected=f"1 sign-in for twice {TWENTY} callers",
                got=counted(count, "sign-in"))  # fmt: skip
    for seconds in (100.0, 600.0, 7200.0, 86_400.0):
        rig.pace.pass_time(seconds)
        await _still_in(trial, rig, rig.session, "used_past_its_end", "not_renewed", f"{seconds:.0f} s later")
    rig.fault("*", "reply", status=401)
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.slots(rig.days(2, 1)))
    calls, whole = rig.since(mark), outcome.error is None and outcome.value.complete
    trial.claim(whole, "not_renewed", expected="all times, with a new token after a 401", got=outcome, calls=calls,
                wrong=_refused_token_told(outcome, calls, signing))  # fmt: skip
    trial.saw(
        f"{counted(count, 'sign-in')} for twice {TWENTY} callers; two clinics signed in "
        f"{len(rig.world.journal.of(signing or ''))} times in a day"
    )


async def _still_in(trial: Trial, rig: Rig, side: Side, refused: str, failed_by: str, what: str) -> None:
    """A search by a caller who has signed in: the vendor refuses nothing of it."""
    mark = rig.mark()
    outcome = await trial.outcome(side.slots(rig.days(2, 1)))
    calls = rig.since(mark)
    turned_away = [call for call in calls if call.status == 401]
    whole = outcome.error is None and outcome.value.complete
    trial.claim(whole, failed_by, expected=f"open times, {what}", got=outcome, calls=calls)
    trial.claim(not turned_away, refused, expected=f"no call refused for its token, {what}",
                got=f"{counted(len(turned_away), 'call')} refused with 401", calls=turned_away)  # fmt: skip


def _refused_token_told(outcome: Outcome | None, calls: Sequence[Call], signing: str | None) -> str:
    """What is wrong where a refused token became another error than the one for it; "" where that is not what happened.
    signing: the vendor's name of the call that signs in."""
    error = outcome.error if outcome is not None else None
    if error is None or isinstance(error, CredentialsRejected) or any(call.operation == signing for call in calls):
        return ""
    return (
        f"The vendor refused a token with 401, and the adapter told that as {type(error).__name__}. It must be "
        "CredentialsRejected: then the SDK fetches a new token."
    )


BOTH: tuple[Operation, ...] = (*READS, "book", "cancel")


@BOOK.rule(
    10,
    "A token that the vendor has ended is renewed once for all who hold it, and what they asked for is done once",
    why="Twenty sign-ins at the same moment look like an attack; a booking that is refused for its token is lost.",
    check="What becomes of a 401 in each operation: it must be CredentialsRejected, and reach the SDK.",
    control="A caller with a fresh token reads the clinic, and a first booking stands where it can book.",
    source="the contract: a 401 is a certain refusal, also of a write; a token is renewed once on it",
    needs=("sign_in", *READS),
    evidence=("journal", "timebook"),
    causes={
        "renewed_by_each": "Callers who held the same ended token signed in more than once.",
        "not_renewed": "A caller with an ended token was not served: a 401 must be CredentialsRejected everywhere.",
        "not_once": "A booking whose token had ended is not in the timebook exactly once.",
    },
    look={
        "renewed_by_each": "sign_in: Token.lifetime, in the seconds of this very answer; a token that counts as over "
        "at once is fetched by each caller.",
        "not_once": "book: nothing may send the write again by itself; the SDK does so once the token is renewed.",
    },
    driver=True,
    safety=True,
)
async def _ended_tokens(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    await rig.session.clinic()
    first, *asked = trial.control(rig, mark, "a caller signs in and reads the clinic")
    signing, reading = first.operation or "", trial.need(asked, "reading the clinic takes no call")[0].operation or ""
    sides = [rig.connect() for _ in range(TWENTY)]
    _end_tokens(rig)
    rig.world.barriers.add(reading, TWENTY)
    mark = rig.mark()
    outcomes = await asyncio.gather(*(trial.outcome(side.clinic()) for side in sides))
    calls = rig.since(mark)
    refused = [call for call in calls if call.status == 401]
    trial.need(refused, "the vendor took the old token")
    served = [one for one in outcomes if one.error is None]
    other = next((one for one in outcomes if one.error), None)
    trial.claim(
        len(served) == TWENTY,
        "not_renewed",
        expected=f"all {TWENTY} callers served",
        got=f"{len(served)} served; the first of the others got {other or 'nothing'}",
        calls=calls[:3],
        wrong=_refused_token_told(other, calls, signing),
    )
    rig.pace.pass_time(1.0)
    late = await trial.outcome(rig.connect().clinic())
    calls = rig.since(mark)
    trial.claim(late.error is None, "not_renewed", expected="a later caller served", got=late, calls=calls[-3:])
    count = sum(call.operation == signing for call in calls)
    what = f"1 sign-in for {TWENTY} callers, and one more a second later"
    trial.claim(count == 1, "renewed_by_each", expected=what, got=counted(count, "sign-in"), calls=calls[-3:])
    trial.saw(
        f"{counted(len(refused), 'call')} refused for their token, all {TWENTY} callers and a later one served after "
        f"{counted(count, 'sign-in')}"
    )
    if trial.books:
        await _booked_with_an_ended_token(trial)


def _end_tokens(rig: Rig) -> None:
    """Let the vendor's clock pass the end of every token, unseen by the SDK, whose own clock stands still."""
    rig.world.clock.advance(86_400.0)


async def _booked_with_an_ended_token(trial: Trial) -> None:
    rig = trial.rig()
    slots = await trial.open_times(rig, first=3)
    await trial.booked(rig, slots[0])
    slot = next(one for one in slots[1:] if rig.open_time(one) is not None)
    before, mark = rig.appointments(), rig.mark()
    outcome = await trial.outcome(rig.session.book(rig.request(slot), before_write=lambda _: _end_tokens(rig)))
    calls = rig.since(mark)
    trial.need([call for call in calls if call.status == 401], "no call was refused for its token")
    trial.claim(outcome.error is None, "not_renewed", expected="a booking, with a new token", got=outcome, calls=calls)
    made = len(rig.made_since(before))
    trial.claim(made == 1, "not_once", expected="1 new appointment", got=made or "none", calls=calls)
    trial.saw(f"a booking whose token had ended stands once, after {counted(len(calls), 'call')}")


@BOOK.rule(
    11,
    "What a connection may not do is refused before anything is sent",
    why="A patient's details are sent for a booking that can't be made.",
    check="identify: Clinic.can, where the vendor tells what a key may do.",
    control="The same time is booked with a key that may book, and stands in the timebook of a twin clinic.",
    source="the contract: `supports` is narrowed by Clinic.can",
    needs=BOTH,
    evidence=("journal", "timebook"),
    causes={
        "sent": "A write reached the vendor, with a key that may not write. Tell it in Clinic.can.",
        "other_error": "The caller must hear UnsupportedOperation, effect none.",
        "half_blind": "With a key that does not show every booking, the caller was told yes to a time that somebody "
        "else has. Leave list_bookings out of Clinic.can for such a key, and nothing is booked with it.",
    },
    look={"half_blind": "identify: Clinic.can, without list_bookings for a key that does not show every booking."},
)
async def _may_not(trial: Trial) -> None:
    control = trial.rig()
    slot, *_ = await trial.open_times(control)
    settings = [one for one in control.every_setting() if trial.rig(switches=one).searches_only]
    others = sorted(set(control.keys) - {control.key})
    if not settings and not others:
        trial.not_offered("keys that may do less than others", proof=True)
    await trial.booked(control, slot)
    for number, key in enumerate(others, 1):
        await _sees_less(trial, key, f"with key {number} of the clinic's {len(others)} others")
    for setting in settings:
        rig = trial.rig(switches=setting)
        mark = rig.mark()
        outcome = await trial.outcome(rig.session.book(rig.request(slot)))
        what = f"with a key that may only search ({setting_told(setting)})"
        wrote = rig.writing(rig.since(mark))
        trial.claim(not wrote, "sent", expected=f"no write, {what}",
                    got=calls_told(wrote, "write"), calls=wrote)  # fmt: skip
        holds = isinstance(outcome.error, UnsupportedOperation)
        trial.claim(holds, "other_error", expected=f"UnsupportedOperation, {what}", got=outcome)
        trial.saw(f"{what}: booking is refused, no write was sent")


async def _sees_less(trial: Trial, key: str, what: str) -> None:
    """Another of the clinic's keys, which may show less: a time that staff give away is not told as booked with it."""
    rig = trial.rig()
    side = rig.connect(api_key=key)
    query = rig.days(7, first=1)
    told = await trial.outcome(side.slots(query))
    slots = rig.known(told.value.found, query.first_day, query.last_day) if told.error is None else []
    if not slots:
        trial.saw(f"{what} nothing is offered, told as {told}")
        return
    take(rig, slots[0])
    mark = rig.mark()
    outcome = await trial.outcome(side.book(rig.request(slots[0])))
    calls = rig.writing(rig.since(mark))
    trial.claim(outcome.error is not None, "half_blind", expected=f"a time that somebody has is not booked, {what}",
                got=outcome, calls=calls)  # fmt: skip
    trial.saw(f"{what} a time that somebody else has is not booked, told as {outcome}")


ADDED = (
    "A department is shown with more than its address. Is it told twice? In the mock's clinic `street` is the whole "
    "address, with code and town: a mock whose vendor has them apart must take them apart."
)


@BOOK.rule(
    12,
    "A department is shown with the name and address that the vendor tells, and the clinic with its own, in its zone",
    why="By these the administrator sees that it is the right clinic, and which of its departments; a patient of a "
    "clinic in another time zone must not come an hour late.",
    check="identify: from which fields Clinic and Department are read; Clinic.zone, where an answer names the zone.",
    control="The clinic is read without an error, so that there is an answer to compare with.",
    source="the contract: Clinic tells what the vendor told; None means that it does not say",
    needs=READS,
    evidence=("wire", "timebook"),
    causes={
        "lost": "The vendor's answer to identify holds the name or address of a department, and Clinic.departments "
        "does not. Where CONN-05 fails too, mend that first: it may be the same defect.",
        "no_number": "The vendor's answer to identify holds the clinic's organisation number, and "
        "Clinic.organisation_number is None. By it the administrator tells two clinics of one name apart.",
        "another": "The clinic or a department is shown with a name, number or address that is another's.",
        "other_zone": "An answer of the vendor's names the clinic's time zone, and the clinic or its times are told in "
        "another one: read Clinic.zone from it, and local times in self.zone.",
    },
    look={"other_zone": "Clinic.zone: read from the vendor's own field; every local time in self.zone."},
)
async def _clinic_is_shown(trial: Trial) -> None:
    await _in_its_zone(trial)
    rig = trial.rig()
    mark = rig.mark()
    clinic = await rig.session.clinic()
    calls = trial.control(rig, mark, "the clinic is read")
    said = set(told_in(rig.sent_since(mark)).splitlines())
    own, places = rig.clinic, clinic.departments or ()
    unread = clinic.organisation_number is None and own.organisation_number in {"".join(text.split()) for text in said}
    if not places and clinic.name is None and clinic.organisation_number is None and not unread:
        trial.not_offered("names of clinics and departments", proof=own.name not in said)
    alien = clinic.name not in (None, own.name) or clinic.organisation_number not in (None, own.organisation_number)
    trial.claim(not alien, "another", expected=some(filter(None, (own.name, own.organisation_number))),
                got=some(filter(None, (clinic.name, clinic.organisation_number))), calls=calls)  # fmt: skip
    number = f"Clinic.organisation_number {own.organisation_number}, as in the answer"
    trial.claim(not unread, "no_number", expected=number, got="None", calls=calls)
    told = {text for one in own.departments for text in (one.name, *_streets(own, one.id))} & said if places else set()
    lost = told - {text for one in places for text in (one.name, one.address)}
    longer = {one.address for one in places if any(text in one.address for text in lost)}
    trial.claim(not lost, "lost", expected=f"shown: {some(lost)}, as in the answer",
                got=f"departments: {some(', '.join(filter(None, (one.name, one.address))) for one in places)}",
                calls=calls, wrong=ADDED if longer else "")  # fmt: skip
    names = {one.id: one.name for one in own.departments}
    wrong = [
        place
        for place in places
        if rig.own(place.id) in names
        and (
            place.name not in ("", names[rig.own(place.id)])
            or (place.address and place.address not in _streets(own, rig.own(place.id)))
        )
    ]
    expected = some(
        f"department {one.id}: {some((names[rig.own(one.id)], *_streets(own, rig.own(one.id))))}" for one in wrong
    )
    trial.claim(not wrong, "another", expected=expected, calls=calls,
                got=some(f"department {one.id}: {one.name}, {one.address}" for one in wrong))  # fmt: skip
    trial.saw(
        f"{counted(len(places), 'department')}, shown with all {len(told)} names and addresses that the answers hold"
    )


def _streets(clinic: Clinic, department_id: str) -> set[str]:
    return {one.street for one in clinic.addresses if one.department_id == department_id}


async def _in_its_zone(trial: Trial) -> None:
    """A clinic whose clocks are not Oslo's, where an answer of the vendor's names its time zone."""
    rig = trial.rig("faroe")
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.clinic())
    calls = rig.since(mark)
    zone = rig.clinic.zone
    if zone not in told_in(rig.sent_since(mark)).splitlines():
        trial.saw("no answer names the clinic's time zone")
        return
    got = outcome if outcome.error is not None else outcome.value.zone
    trial.claim(got == zone, "other_zone", expected=f"the zone {zone}, as in the answer", got=got, calls=calls)
    query = rig.days(2, first=1)
    mark = rig.mark()
    found = (await rig.whole().slots(query)).found
    trial.need(found, "no open time of a clinic in another time zone")
    known = rig.known(found, query.first_day, query.last_day)
    strange = some((slot_told(slot) for slot in found if slot not in known), most=1)
    other = f"{len(found) - len(known)} of {len(found)} times are not the clinic's: {strange}"
    trial.claim(len(known) == len(found), "other_zone", expected="the clinic's own times", got=other,
                calls=rig.since(mark))  # fmt: skip
    trial.saw(f"a clinic in {zone} is told so, with its own {len(found)} times")
