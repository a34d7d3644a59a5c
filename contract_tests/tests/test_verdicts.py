"""From rules to verdicts, exit codes and certificates; and a pytest plugin that leaves other runs alone."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from kobling import Adapter, BookingRef, Cancelled, CancelReason, Http, SlotQuery, Slots
from kobling_cli.wording import words
from kobling_contract.certify import Progress, TargetUnavailable, Waiver, certify
from kobling_contract.contract import RULES, chosen
from kobling_contract.reports import html_page, junit_xml
from kobling_contract.rig import PATIENT
from kobling_contract.rule import Check, Rule, RuleBook
from kobling_contract.runner import Result, run_rule, strongest
from kobling_contract.seal import seal, unseal
from kobling_contract.target import Target, find_target
from kobling_contract.trial import Trial
from kobling_contract.verdicts import Verdict, exit_code
from kobling_contract.workers import _begin, _parcel, _Told
from kobling_eg_pasientsky import EgPasientsky
from kobling_mocks import Account, Visit, find_dialect
from kobling_mocks.clinic import Clinic, Restrictions
from kobling_zoo.housing import nothings
from kobling_zoo.odd import CannotKeepABooking
from made_results import AT

SAMPLE = chosen(["CAT-01"])[0]


def rule(run: Check, **changes: Any) -> Rule:
    """A rule of its own for one check."""
    facts = {name: getattr(SAMPLE, name) for name in Rule.__dataclass_fields__}
    return Rule(**{**facts, "id": "TEST-01", "causes": {"wrong": "Mend it."}, "run": run, **changes})


async def _with_control(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    await rig.session.clinic()
    trial.control(rig, mark, "the clinic is read")


def verdict(run: Check, **changes: Any) -> Verdict:
    return run_rule(rule(run, **changes), find_target("eg-pasientsky", EgPasientsky), 1).verdict


def test_a_rule_without_evidence_or_without_a_control_is_vacuous() -> None:
    async def no_control(trial: Trial) -> None:
        trial.saw("something")

    async def both(trial: Trial) -> None:
        await _with_control(trial)
        trial.saw("something")

    assert verdict(_with_control) is Verdict.VACUOUS
    assert verdict(no_control) is Verdict.VACUOUS
    assert verdict(both) is Verdict.PASS


def test_a_control_that_the_vendor_refused_is_vacuous_too() -> None:
    async def refused(trial: Trial) -> None:
        rig = trial.rig()
        mark = rig.mark()
        await trial.outcome(rig.connect(api_key="wrong").clinic())
        trial.control(rig, mark, "the clinic is read")

    assert verdict(refused) is Verdict.VACUOUS


def test_a_claim_that_changes_from_run_to_run_is_flaky() -> None:
    runs: list[int] = []

    async def now_and_then(trial: Trial) -> None:
        await _with_control(trial)
        runs.append(1)
        trial.claim(len(runs) != 1, "wrong", expected="a second run", got=len(runs))
        trial.saw("something")

    assert verdict(now_and_then) is Verdict.FLAKY
    assert len(runs) == 2


def test_a_crash_while_a_failure_is_tried_again_is_an_error_and_hides_behind_nothing() -> None:
    runs: list[int] = []

    async def crashes_later(trial: Trial) -> None:
        await _with_control(trial)
        runs.append(1)
        if len(runs) > 1:
            raise ZeroDivisionError
        trial.claim(False, "wrong", expected=1, got=2)

    result = run_rule(rule(crashes_later), find_target("eg-pasientsky", EgPasientsky), 1)
    assert result.verdict is Verdict.ERROR
    assert "ZeroDivisionError" in result.reason


def test_a_waiver_excuses_a_failure_and_nothing_else() -> None:
    runs: list[int] = []

    async def fails(trial: Trial) -> None:
        await _with_control(trial)
        trial.claim(False, "wrong", expected=1, got=2)

    async def now_and_then(trial: Trial) -> None:
        await _with_control(trial)
        runs.append(1)
        trial.claim(len(runs) != 1, "wrong", expected=1, got=2)
        trial.saw("something")

    waiver = Waiver("TEST-01", "the vendor mends it", date(2099, 1, 1))
    target = find_target("eg-pasientsky", EgPasientsky)
    found = [run_rule(rule(one), target, 1, waiver).verdict for one in (fails, now_and_then, _with_control)]
    assert found == [Verdict.XFAIL, Verdict.FLAKY, Verdict.VACUOUS]


def test_a_failure_shows_the_exchange_also_where_the_rule_names_none() -> None:
    async def fails(trial: Trial) -> None:
        await _with_control(trial)
        trial.claim(False, "wrong", expected=1, got=f"{trial.rigs[0].key} of {PATIENT.email}")

    result = run_rule(rule(fails), find_target("eg-pasientsky", EgPasientsky), 1, repeats=0)
    for part in ("1. POST /partner-api/", "sent: {", "answered: 200, {", "characters #"):
        assert part in result.exchange, result.exchange
    assert result.got == "‹key› of ‹email›"


def test_a_result_is_the_same_after_a_journey_as_json() -> None:
    waiver = Waiver("CAT-01", "later", date(2099, 1, 1))
    (catalogue,) = chosen(["CAT-01"])
    result = run_rule(catalogue, find_target("eg-pasientsky", EgPasientsky), 1, waiver)
    there = Result.from_dict(json.loads(json.dumps(result.as_dict())), catalogue)
    assert there == replace(result, seconds=there.seconds, cpu_seconds=there.cpu_seconds)


def test_a_crash_of_the_suite_and_a_broken_mock_are_errors_and_no_failure_of_the_adapter() -> None:
    async def crashes(trial: Trial) -> None:
        raise ZeroDivisionError

    async def unsound(trial: Trial) -> None:
        await _with_control(trial)
        trial.saw("something")
        trial.rigs[0].world.break_down("two appointments overlap")

    async def unknown_cause(trial: Trial) -> None:
        trial.claim(False, "never_listed", expected=1, got=2)

    assert [verdict(one) for one in (crashes, unsound, unknown_cause)] == [Verdict.ERROR] * 3


@pytest.mark.parametrize("rule_id", ["BOOK-01", "BOOK-05", "MODEL-01"])
def test_a_rule_during_which_the_mock_crashed_says_nothing_of_the_adapter(
    monkeypatch: pytest.MonkeyPatch, rule_id: str
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise KeyError(PATIENT.email)

    monkeypatch.setattr(Clinic, "book", crash)
    result = run_rule(chosen([rule_id])[0], find_target("eg-pasientsky", EgPasientsky), 1)
    told = "\n".join(result.lines())
    assert (result.verdict, result.cause) == (Verdict.ERROR, ""), told
    assert re.search(r"the mock failed in book: KeyError at \w+/\w+\.py:\d+", result.reason), told
    assert PATIENT.email not in told
    assert "look at" not in told
    assert f"--rule {rule_id}" in result.reproduce


class TestABookingThatNobodyCouldKeep:
    """The vendor may accept two bookings of one time, and lists none."""

    def test_rules_about_bookings_are_skipped_and_the_headline_and_the_certificate_say_why(self) -> None:
        done = certify("extensor", adapter=CannotKeepABooking, rules=["BOOK-01", "SLOT-19", "CAT-01"])
        assert {one.rule.id: one.verdict for one in done.results}["BOOK-01"] is Verdict.SKIP
        assert "without list_bookings" in done.of("BOOK-01").reason
        assert "can be searched and not booked" in done.headline()
        sealed, _ = unseal(seal(done, AT))
        assert "can be searched and not booked" in sealed.headline
        assert "kan søkes i og ikke bestilles i" in sealed.headline_in(words("nb")["headline"])

    def test_one_that_is_not_refused_is_not_skipped(self) -> None:
        done = certify("extensor", rules=["BOOK-01"])
        assert (done.of("BOOK-01").verdict, "searched" in done.headline()) == (Verdict.PASS, False)


def test_an_operation_that_is_declared_absent_is_skipped_once_its_absence_is_proven() -> None:
    assert verdict(_with_control, needs=frozenset({"get_booking"})) is Verdict.SKIP


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.PASS, Verdict.SKIP, Verdict.XFAIL], 0),
        ([Verdict.PASS, Verdict.FAIL], 1),
        ([Verdict.PASS, Verdict.VACUOUS], 1),
        ([Verdict.PASS, Verdict.FLAKY], 1),
        ([Verdict.PASS, Verdict.XPASS], 1),
        ([Verdict.PASS, Verdict.NOT_RUN], 1),
        ([Verdict.FAIL, Verdict.ERROR], 10),
        ([Verdict.SKIP, Verdict.NOT_RUN], 12),
        ([], 12),
    ],
)
def test_exit_codes(verdicts: list[Verdict], code: int) -> None:
    assert exit_code(verdicts) == code


class CancelsNothing(EgPasientsky):
    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        return Cancelled()


NINE = [f"CAT-0{number}" for number in range(1, 10)]
"""Rules that hold for EG Pasientsky's adapter, and are soon run."""


class TestCertify:
    def test_it_tells_its_progress_and_gives_a_certificate_that_is_plain_json(self) -> None:
        steps: list[Progress] = []
        certificate = certify("eg-pasientsky", adapter=EgPasientsky, rules=NINE, on_progress=steps.append)
        assert certificate.conformant
        assert (steps[0].done, steps[-1].done, steps[-1].total) == (0, 9, 9)
        told = json.loads(json.dumps(certificate.as_dict()))
        assert told["counts"] == {"PASS": 9}
        assert all(row["controls"] and row["evidence"] for row in told["results"])
        assert "CONFORMANT" in certificate.summary()[0]

    def test_the_same_seed_gives_the_same_evidence(self) -> None:
        first, again = (
            certify("eg-pasientsky", adapter=EgPasientsky, rules=["CAT", "SLOT-03"], seed=3) for _ in range(2)
        )
        assert first.as_dict()["evidence_hash"] == again.as_dict()["evidence_hash"]

    def test_the_headline_says_how_sure_lost_answers_are(self) -> None:
        certificate = certify("eg-pasientsky", adapter=EgPasientsky, rules=["BOOK-09"])
        assert certificate.lost_answers == "person"
        assert "a person only" in certificate.headline()

    def test_a_failing_rule_tells_what_to_do(self) -> None:
        certificate = certify("eg-pasientsky", adapter=CancelsNothing, rules=["CNCL-01"])
        text = "\n".join(certificate.summary())
        assert certificate.exit_code == 1
        assert certificate.of("CNCL-01").cause == "still_stands"
        assert all(part in text for part in ("expected", "got", "remedy", "why it matters", "look at", "reproduce"))

    def test_a_waiver_is_an_expected_failure_and_goes_stale_loudly(self) -> None:
        waiver = Waiver("CAT-01", "the vendor mends it in March", date(2099, 3, 31))
        kept = certify("eg-pasientsky", adapter=nothings()["SaysNothingEgPasientsky"], rules=["CAT-02"], waivers=[])
        assert kept.exit_code == 1
        today = date(2098, 12, 1)
        stale = certify("eg-pasientsky", adapter=EgPasientsky, rules=["CAT-01"], waivers=[waiver], today=today)
        assert stale.of("CAT-01").verdict is Verdict.XPASS
        assert stale.exit_code == 1

    def test_with_several_seeds_the_strongest_verdict_counts_and_names_its_seed(self) -> None:
        (one,) = chosen(["CAT-01"])
        rows = [Result(one, verdict, seed, reproduce=f"--seed {seed}")
                for seed, verdict in ((3, Verdict.SKIP), (4, Verdict.PASS), (5, Verdict.FAIL))]  # fmt: skip
        found = strongest(rows)
        assert (found.verdict, found.seed, found.reproduce) == (Verdict.FAIL, 5, "--seed 5")
        assert found.differing == "FAIL with seed 5; SKIP with seed 3; PASS with seed 4"
        assert strongest(rows[:2]).verdict is Verdict.SKIP
        assert strongest([rows[1], rows[1]]).differing == ""

    def test_repeated_runs_have_other_seeds_and_another_order(self) -> None:
        steps: list[Progress] = []
        certificate = certify(
            "eg-pasientsky", adapter=EgPasientsky, rules=NINE, seed=5, repeat=2, on_progress=steps.append
        )
        assert certificate.seeds == (5, 6)
        assert certificate.counts == {"PASS": 9}
        assert all(one.seeds == {5: Verdict.PASS, 6: Verdict.PASS} for one in certificate.results)
        done = [step.rule.id for step in steps if step.result is not None]
        assert done[:9] != done[9:]
        assert sorted(done[:9]) == sorted(done[9:]) == [one.rule.id for one in certificate.results]

    def test_two_processes_give_what_one_gives(self) -> None:
        one, two = (
            certify("eg-pasientsky", adapter=EgPasientsky, rules=["CAT", "SLOT-03"], jobs=jobs) for jobs in (1, 2)
        )
        assert two.rows == one.rows
        assert two.evidence_hash == one.evidence_hash

    def test_an_adapter_that_no_other_process_can_find_is_run_here(self) -> None:
        class Local(EgPasientsky):
            contract = 1

        assert certify("eg-pasientsky", adapter=Local, rules=["CAT"], jobs=2).conformant

    def test_a_dialect_that_no_other_process_can_find_is_run_here_and_never_as_a_copy(self) -> None:
        class Counted(type(find_dialect("eg-pasientsky"))):  # type: ignore[misc]
            calls = 0

            def account_of(self, visit: Visit) -> Account | None:
                Counted.calls += 1
                found: Account | None = super().account_of(visit)
                return found

        assert certify("", rules=["CAT"], jobs=2, target=Target(EgPasientsky, Counted())).conformant
        assert Counted.calls

    def test_the_headline_says_that_nothing_can_be_booked(self) -> None:
        told = certify("synthetic-search-only", rules=["SLOT-02", "BOOK-01"]).headline()
        assert told == f"CONFORMANT in the 2 rules that were chosen, of {len(RULES)}; can be searched and not booked"

    def test_why_a_rule_is_skipped_is_said_in_whole_words_wherever_it_is_shown(self) -> None:
        done = certify("extensor", rules=["CONN-11", "CONN-01"])
        reason = (
            "the vendor does not have this or does not tell it, as the adapter or its mock says: keys that may do less"
        )
        (skipped,) = (one for one in done.results if one.verdict is Verdict.SKIP)
        assert skipped.reason.startswith(reason)
        assert reason in html_page(done, AT)
        assert f'<skipped message="{reason}' in junit_xml(done, AT)
        absent = certify("synthetic-search-only", rules=["SLOT-02", "BOOK-01"]).of("BOOK-01").reason
        assert absent.startswith("the vendor does not support this, as the adapter says, which was tried: book")

    def test_what_a_vendor_cannot_limit_is_skipped_and_what_it_shows_is_judged(self) -> None:
        class Unlimited(type(find_dialect("eg-pasientsky"))):  # type: ignore[misc]
            def fit(self, clinic: Clinic) -> None:
                super().fit(clinic)
                clinic.set_restrictions(Restrictions())
                for kind in clinic.types:
                    clinic.put_type(replace(kind, restrictions=Restrictions()))

        class HidesToday(EgPasientsky):
            contract = 1

            async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
                told = await super().list_slots(http, query)
                return told.model_copy(update={"found": told.found[1:]})

        def verdicts(adapter: type[Adapter]) -> list[str]:
            rules = ["SLOT-16", "SLOT-18", "CNCL-04"]
            return [one.verdict for one in certify("", rules=rules, target=Target(adapter, Unlimited())).results]

        assert verdicts(EgPasientsky) == ["SKIP", "PASS", "PASS"]  # what has begun can't be cancelled there
        assert verdicts(HidesToday)[0] == "FAIL"

    def test_another_process_takes_the_dialect_from_its_module(self) -> None:
        dialect = find_dialect("eg-pasientsky")
        parcel = _parcel(Target(EgPasientsky, dialect), {})
        assert parcel is not None
        _begin(parcel)
        assert _Told.target.dialect is dialect

    def test_a_safety_rule_is_never_waived(self) -> None:
        with pytest.raises(ValueError, match="safety rule"):
            certify("eg-pasientsky", adapter=EgPasientsky, waivers=[Waiver("BOOK-08", "later", date(2099, 1, 1))])

    def test_an_interrupt_in_the_last_moment_of_a_rule_is_heard_all_the_same(self) -> None:
        async def interrupted(trial: Trial) -> None:
            await _with_control(trial)
            signal.raise_signal(signal.SIGINT)

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                run_rule(rule(interrupted), find_target("eg-pasientsky"), 1)
        finally:
            signal.signal(signal.SIGINT, before)

    def test_an_interrupt_leaves_the_rest_not_run(self) -> None:
        def stop(step: Progress) -> None:
            if step.result is not None:
                raise KeyboardInterrupt

        certificate = certify("eg-pasientsky", adapter=EgPasientsky, rules=["CAT-01", "CAT-02"], on_progress=stop)
        assert certificate.counts == {"NOT_RUN": 1, "PASS": 1}
        assert certificate.exit_code == 1

    def test_an_unknown_vendor_or_rule_is_told_with_what_there_is(self) -> None:
        with pytest.raises(TargetUnavailable, match="installed"):
            certify("nobody", rules=["CAT-01"])
        with pytest.raises(LookupError, match="areas are CONN"):
            certify("eg-pasientsky", adapter=EgPasientsky, rules=["NOPE-01"])


def test_every_rule_can_be_read_without_running_it() -> None:
    assert len({one.id for one in RULES}) == len(RULES) >= 55
    for one in RULES:
        assert one.title[0].isupper(), one.id
        assert one.evidence, one.id
        assert one.causes, one.id
        assert all((one.why, one.check, one.source)), one.id


def test_a_place_to_look_at_belongs_to_a_cause_of_the_rule() -> None:
    words = dict.fromkeys(("why", "check", "control", "source"), "said")
    facts: dict[str, Any] = {"needs": (), "evidence": (), "causes": {"lost": "It is lost."}, **words}
    with pytest.raises(ValueError, match="TEST-01 has no cause gone to look at something for"):
        RuleBook("TEST", "Tests").rule(1, "Something holds", look={"gone": "There."}, **facts)
    book = RuleBook("TEST", "Tests")
    book.rule(1, "Something holds", look={"lost": "There."}, **facts)(lambda trial: asyncio.sleep(0))
    assert (book.rules[0].look_at("lost"), book.rules[0].look_at("other")) == ("There.", "said")
