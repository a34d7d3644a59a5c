"""Recorded answers, changed: planted faults of reading are found and made small, and what is right is left in peace.

`KOBLING_FUZZ=all` measures how long each planted fault takes to be found among all operations, and runs each vendor's
adapter for a minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from kobling import Clinic, Http, Slots, UnknownPart, WireFailure, WireReply
from kobling.testing import reply
from kobling_contract.answers import parsed
from kobling_contract.contract import chosen
from kobling_contract.hostile.fuzz import CLINIC, Fuzzer, Tally, fuzz, prepared
from kobling_contract.hostile.mutations import Case, Change, altered, changed, written
from kobling_contract.hostile.oracle import AREAS, Breach, alike, refused_in_part
from kobling_contract.hostile.recording import NotRecorded, record
from kobling_contract.hostile.replay import Ended
from kobling_contract.hostile.strange import IMPOSSIBLE, Raw
from kobling_contract.rig import PATIENT, Rig
from kobling_contract.rules.hostile import BOOK
from kobling_contract.runner import run_rule
from kobling_contract.target import Target, find_target
from kobling_contract.verdicts import Verdict
from kobling_zoo.housing import nothings
from kobling_zoo.parsing import PLANTED, IsDigitIsANumber, Planted

ALL = os.environ.get("KOBLING_FUZZ") == "all"
VENDORS = ("eg-pasientsky", "extensor", "easypractice")
SEED = 7
CASES = 2_500
SECONDS = 30.0


@cache
def fuzzer(target: Target) -> Fuzzer:
    rig = Rig(target, "sync", CLINIC, SEED)
    made = prepared(rig, SEED)
    asyncio.run(rig.close())
    return made


def real(vendor: str) -> Fuzzer:
    return fuzzer(find_target(vendor))


# ---- what is planted is found


@pytest.mark.parametrize("one", PLANTED, ids=lambda one: one.adapter.__name__)
def test_a_planted_fault_of_reading_is_found_in_its_operation(one: Planted) -> None:
    made = fuzzer(one.target)
    plan = made.plan(one.operation)
    with made.watch.on():
        found = next((n for n in range(CASES) if _cause(made, plan.case(n)) == one.cause), None)
    assert found is not None, f"{CASES} cases of {one.operation} did not show it"


def _cause(made: Fuzzer, case: Case) -> str:
    breach, _ = made.look(case)
    return breach.cause if breach is not None else ""


def test_there_are_ten_of_them_at_least_and_every_vendor_has_some() -> None:
    assert len(PLANTED) >= 10
    assert {one.adapter.key for one in PLANTED} == set(VENDORS)


@pytest.mark.skipif(not ALL, reason="takes minutes: KOBLING_FUZZ=all")
@pytest.mark.parametrize("one", PLANTED, ids=lambda one: one.adapter.__name__)
def test_a_planted_fault_is_found_among_all_operations_in_time(one: Planted) -> None:
    made = fuzzer(one.target)
    begun = time.process_time()
    report = made.run(
        {name: made.plan(name).numbers() for name in made.recording.operations}, seconds=SECONDS,
        causes=frozenset({one.cause}), until_found=True,
    )  # fmt: skip
    print(
        f"{one.adapter.__name__}: {time.process_time() - begun:.1f} s, {report.cases} cases, {report.answers} answers"
    )
    assert report.findings, f"not found in {SECONDS:.0f} s of one core"


# ---- what is right is left in peace


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_adapters_stand_a_short_run_of_everything(vendor: str) -> None:
    made = real(vendor)
    report = made.run({name: range(60) for name in made.recording.operations})
    assert not report.findings, "\n".join(report.lines())
    assert report.cases == 60 * len(made.recording.operations)


@pytest.mark.skipif(not ALL, reason="takes minutes: KOBLING_FUZZ=all")
@pytest.mark.parametrize("vendor", VENDORS)
def test_the_adapters_stand_a_minute_of_it(vendor: str) -> None:
    report = fuzz(find_target(vendor), seed=random.randrange(1_000), seconds=60)
    print("\n".join(report.lines()))
    assert not report.findings, "\n".join(report.lines())


def test_nothing_is_recorded_of_an_adapter_that_asks_nothing() -> None:
    adapter = nothings()["SaysNothingExtensor"]
    with pytest.raises(NotRecorded, match="asks the vendor nothing"):
        record(Rig(find_target(adapter.key, adapter), "sync", CLINIC, SEED))


# ---- cases are found again


def test_a_case_is_the_same_whenever_and_wherever_it_is_played() -> None:
    one, other = real("extensor"), prepared(Rig(find_target("extensor"), "sync", CLINIC, SEED), SEED)
    for number in (0, 3, 400, 4711):
        case = one.plan("list_slots").case(number)
        assert case == other.plan("list_slots").case(number)
        assert str(one.look(case)[1]) == str(other.look(case)[1])


def test_a_plan_changes_every_place_of_every_shape() -> None:
    plan = real("easypractice").plan("list_slots")
    told = [plan.case(number).changes[0] for number in range(len(plan))]
    shapes = {tuple(step for step in change.place if isinstance(step, str)) for change in told if change.act != "wire"}
    assert ("data", "times", "tuesday_closed") in shapes
    assert ("meta", "last_page") in shapes
    assert {change.act for change in told} >= {"set", "remove", "rename", "twice", "wire", "endless"}


def test_every_cause_belongs_to_a_rule_that_lists_it() -> None:
    causes = {rule.id: set(rule.causes) for rule in BOOK.rules}
    assert all(cause in causes[rule] for cause, rule in AREAS.items())


# ---- a finding is small, and says how to see it again


def _planted(name: str) -> Planted:
    return next(one for one in PLANTED if one.adapter.__name__ == name)


def test_a_finding_is_made_small_and_tells_how_to_repeat_it() -> None:
    one = _planted("IdsAreNumbers")
    made = fuzzer(one.target)
    (position,) = made.plan(one.operation).positions
    good = made.plan(one.operation).data[position]
    bad = changed(changed(good, ("avdelinger", 1, "id"), "set", 2**55 + 3), ("klinikk", "navn"), "set", "Et annet navn")
    case = Case(one.operation, 42, (Change(position, "changed", "set", (), bad),))
    breach, _ = made.look(case)
    assert breach is not None
    found = made.finding(case, breach)
    assert found.changes == (f"changed {2**53 + 1} at /avdelinger/1/id",)
    assert found.reproduce == f"kobling fuzz extensor --operation identify --seed {SEED} --case 42"


class CrashesInTwoOperations(IsDigitIsANumber):
    """Takes the first department of a list that may be empty, too."""

    contract = 1

    async def identify(self, http: Http) -> Clinic:
        """The clinic, after a look at its first department."""
        told = await super().identify(http)
        _ = (told.departments or ())[0]
        return told


def test_one_run_of_the_rule_tells_of_several_crashes() -> None:
    result = run_rule(chosen(["FUZZ-01"])[0], find_target("extensor", CrashesInTwoOperations), SEED, repeats=0)
    assert (result.verdict, result.cause) == (Verdict.FAIL, "crashed")
    assert [line[:2] for line in result.got.splitlines()] == ["1.", "2."], result.got
    assert all(part in result.got for part in ("(IndexError)", "identify: ", "(ValueError)", "catalogue: ")), result.got
    assert result.exchange.count("reproduce: kobling fuzz extensor --operation") == 2


def test_hypothesis_finds_one_by_itself_and_makes_it_small() -> None:
    one = _planted("EveryEnvelopeIsAnObject")
    made = fuzzer(one.target)
    tally = Tally()
    found = next(filter(None, (made.generated("identify", position, 800, tally)
                               for position in made.generatable("identify"))), None)  # fmt: skip
    assert found is not None
    assert (found.breach.cause, found.number) == ("crashed", "g0")
    assert found.changes == ("changed False at /meta",)
    assert tally.cases > 0


def test_neither_key_nor_patient_stands_in_a_finding() -> None:
    made = real("extensor")
    key = made.recording.key
    case = Case("identify", 1, (Change(0, "text", "set", ("klinikk", "navn"), f"x{key}y"),))
    assert key not in "\n".join(made.finding(case, Breach("told", "a", "b")).lines())


# ---- the judge


def judged(vendor: str, operation: str, *changes: Change) -> tuple[Breach | None, Ended]:
    return real(vendor).look(Case(operation, 0, changes))


def made_again(_: object) -> Ended:
    raise AssertionError("nothing here needs another replay")


def test_a_refusal_that_is_listed_may_follow_a_write_and_one_that_is_not_may_not() -> None:
    made = real("eg-pasientsky")
    script = made.recording.scripts["book"]
    (position,) = script.positions("book")
    for status in (400, 404, 409):
        breach, ended = judged("eg-pasientsky", "book", Change(position, "status", "wire", (), status))
        assert breach is None
        assert ended.error is not None
        assert ended.error.effect == "none"
    _, ended = judged("eg-pasientsky", "book", Change(position, "status", "wire", (), 418))
    assert ended.error is not None
    assert ended.error.effect == "unknown"
    ended.error.effect = "none"
    breach = made.judge.breach(script, Case("book", 0, ()), ended, made_again)
    assert breach is not None
    assert breach.cause == "told_not_done"


def test_a_booking_whose_id_no_answer_holds_is_told_as_one_that_was_made_up() -> None:
    made = real("extensor")
    script = made.recording.scripts["book"]
    ended = made.unchanged("book")
    ended.value = ended.value.model_copy(update={"id": "4711471147"})
    breach = made.judge.breach(script, Case("book", 0, ()), ended, made_again)
    assert breach is not None
    assert breach.cause == "told_done"


def test_a_move_may_send_what_a_booking_sends_and_a_reading_may_not() -> None:
    made = real("extensor")
    causes = {}
    for operation in ("reschedule", "get_booking"):
        ended = made.unchanged(operation)
        ended.sent[:] = [command for command in made.unchanged("book").sent if command.write]
        breach = made.judge.breach(made.recording.scripts[operation], Case(operation, 0, ()), ended, made_again)
        causes[operation] = breach.cause if breach is not None else ""
    assert causes["get_booking"] == "wrote"
    assert causes["reschedule"] != "wrote"


@pytest.mark.parametrize("whose", ["the key", "something of the patient"])
def test_an_error_that_says_a_secret_again_is_told_with_the_fact_that_holds_it(whose: str) -> None:
    made = real("extensor")
    script = made.recording.scripts["book"]
    (position,) = script.positions("book")
    _, ended = judged("extensor", "book", Change(position, "status", "wire", (), 418))
    assert ended.error is not None
    ended.error.because = made.recording.key if whose == "the key" else PATIENT.family_name
    breach = made.judge.breach(script, Case("book", 0, ()), ended, made_again)
    assert breach is not None
    assert (breach.cause, breach.got) == ("told", f"OutcomeUnknown with {whose} in its because")


@pytest.mark.parametrize("what", ["window", "order", "twice", "end"])
def test_times_that_nobody_asked_for_or_that_are_out_of_order_are_seen(what: str) -> None:
    made = real("extensor")
    script = made.recording.scripts["list_slots"]
    ended = made.unchanged("list_slots")
    slots: Slots = ended.value
    first = slots.found[0]
    found = {
        "window": (
            first.model_copy(update={"start": first.start.replace(year=2031), "end": first.end.replace(year=2031)}),
        ),
        "order": slots.found[::-1],
        "twice": (first, first),
        "end": (first.model_copy(update={"end": first.start}),),
    }[what]
    ended.value = slots.model_copy(update={"found": found})
    breach = made.judge.breach(script, Case("list_slots", 0, ()), ended, made_again)
    assert breach is not None
    assert breach.cause == "outside"


def test_a_failure_that_is_not_told_is_a_gap() -> None:
    made = real("extensor")
    script = made.recording.scripts["list_slots"]
    ended = made.unchanged("list_slots")
    ended.served[-1] = (ended.served[-1][0], WireFailure("read"))
    ended.value = ended.value.model_copy(update={"found": ended.value.found[:1]})
    breach = made.judge.breach(script, Case("list_slots", 0, ()), ended, made_again)
    assert breach is not None
    assert breach.cause == "silent_gap"


def test_a_token_of_the_vendors_may_differ_from_reading_to_reading() -> None:
    slots: Slots = real("extensor").recording.scripts["list_slots"].result
    renewed = tuple(slot.model_copy(update={"token": {"id": "another"}}) for slot in slots.found)
    assert alike(slots, slots.model_copy(update={"found": renewed}))
    assert not alike(slots, slots.model_copy(update={"found": renewed[1:]}))


def test_an_answer_may_be_refused_in_part_if_the_result_says_so() -> None:
    slots: Slots = real("extensor").recording.scripts["list_slots"].result
    silent = slots.model_copy(update={"found": slots.found[1:]})
    day = slots.found[0].local_start.date()
    said = silent.model_copy(update={"unknown": (UnknownPart(first_day=day, last_day=day, because="vendor_refused"),)})
    moved = slots.found[1].model_copy(update={"end": slots.found[1].end + timedelta(minutes=5)})
    other = said.model_copy(update={"found": (moved,)})
    twice = said.model_copy(update={"found": (slots.found[1], slots.found[1])})
    assert [refused_in_part(one, slots) for one in (said, silent, other, twice)] == [True, False, False, False]


def test_the_key_in_an_address_and_a_foreign_host_are_seen() -> None:
    made = real("extensor")
    script, (base,) = made.recording.scripts["identify"], made.recording.bases
    for url, cause in ((f"{base}x?key={made.recording.key}", "key_in_url"), ("https://x.test/", "left")):
        ended = made.unchanged("identify")
        send = ended.sent[0]
        ended.sent[0] = replace(send, request=replace(send.request, url=url))
        breach = made.judge.breach(script, Case("identify", 0, ()), ended, made_again)
        assert breach is not None
        assert breach.cause == cause


# ---- changes


def test_changes_share_what_they_do_not_touch_and_leave_the_recorded_answer_alone() -> None:
    data = {"rows": [{"id": 1}, {"id": 2}], "meta": {"n": 1}}
    made = changed(data, ("rows", 1, "id"), "set", "x")
    assert made == {"rows": [{"id": 1}, {"id": "x"}], "meta": {"n": 1}}
    assert made["meta"] is data["meta"]
    assert data["rows"][1] == {"id": 2}
    assert changed(data, ("rows", 7), "set", None) == data
    assert changed(data, ("rows", 0), "remove", None)["rows"] == [{"id": 2}]


def test_what_no_json_value_stands_for_is_written_as_it_is() -> None:
    assert written({"a": Raw("NaN"), "b": "\ud800"}) == b'{"a": NaN, "b": "\\ud800"}'
    twice = written(changed({"a": 1, "b": [1]}, ("a",), "twice", None))
    assert twice == b'{"a":1,"b":[1],"a":null}'


def test_several_changes_of_one_answer_add_up() -> None:
    answer = reply(200, json={"a": 1, "b": 2})
    changes = (Change(0, "x", "set", ("a",), 9), Change(0, "x", "remove", ("b",)), Change(0, "status", "wire", (), 500))
    made = altered(answer, parsed(answer), changes, 0)
    assert isinstance(made, WireReply)
    assert (made.status, json.loads(made.body)) == (500, {"a": 9})


def test_impossible_times_are_read_by_no_calendar() -> None:
    from datetime import date, datetime, time

    for text in IMPOSSIBLE:
        for reads in (datetime.fromisoformat, date.fromisoformat, time.fromisoformat):
            with pytest.raises(ValueError, match=r".*"):
                reads(text)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_booking_that_is_sent_again_is_found_and_one_that_is_given_up_twice_is_not(vendor: str) -> None:
    made = real(vendor)
    scripts = made.recording.scripts
    (answered,) = {one.answer for one in scripts["cancel"].exchanges if one.write}
    for operation, cause in (("book", "sent_again"), ("cancel", "")):
        ended = made.unchanged("book")
        again = next(one for one in scripts[operation].exchanges if one.write and one.operation == operation)
        command = next(one for one in ended.sent if one.write)
        for _ in range(2):
            ended.sent.append(replace(command, request=again.request))
            ended.served.append((None, answered))
        found = made.judge._sent(scripts["book"], Case("book", 0, ()), ended)
        assert (found.cause if found else "") == cause
