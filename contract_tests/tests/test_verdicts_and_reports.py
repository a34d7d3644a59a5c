"""From rules to verdicts, exit codes and certificates; and a pytest plugin that leaves other runs alone."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from typing import Any

import pytest

from kobling import BookingRef, Cancelled, CancelReason, Http
from kobling_contract.certify import Progress, TargetUnavailable, Waiver, certify
from kobling_contract.contract import RULES, chosen
from kobling_contract.rule import Check, Rule
from kobling_contract.runner import run_rule
from kobling_contract.target import find_target
from kobling_contract.trial import Trial
from kobling_contract.verdicts import Verdict, exit_code
from kobling_eg_pasientsky import EgPasientsky
from kobling_zoo.housing import nothings

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


class TestCertify:
    def test_it_tells_its_progress_and_gives_a_certificate_that_is_plain_json(self) -> None:
        steps: list[Progress] = []
        certificate = certify("eg-pasientsky", adapter=EgPasientsky, rules=["CAT"], on_progress=steps.append)
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
        waiver = Waiver("CAT-01", "the vendor mends it in March", date(2027, 3, 31))
        kept = certify("eg-pasientsky", adapter=nothings()["SaysNothingEgPasientsky"], rules=["CAT-02"], waivers=[])
        assert kept.exit_code == 1
        stale = certify("eg-pasientsky", adapter=EgPasientsky, rules=["CAT-01"], waivers=[waiver])
        assert stale.of("CAT-01").verdict is Verdict.XPASS
        assert stale.exit_code == 1

    def test_a_safety_rule_is_never_waived(self) -> None:
        with pytest.raises(ValueError, match="safety rule"):
            certify("eg-pasientsky", adapter=EgPasientsky, waivers=[Waiver("BOOK-08", "later", date(2027, 1, 1))])

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


def _pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd="/")


class TestPytestPlugin:
    def test_without_a_vendor_it_imports_nothing_of_ours(self) -> None:
        code = (
            "import sys, kobling_contract.pytest_plugin\n"
            "print([name for name in sys.modules if name.split('.')[0] in ('kobling', 'httpx', 'flask')])"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        assert told.stdout.strip() == "[]"

    def test_without_a_vendor_the_catalogue_is_not_collected(self) -> None:
        assert "no tests ran" in _pytest("--pyargs", "kobling_contract").stdout

    def test_with_a_vendor_the_rules_are_items_and_the_header_says_what_was_chosen(self) -> None:
        done = _pytest("-v", "--pyargs", "kobling_contract", "--vendor", "eg-pasientsky", "--rule", "CAT-01")
        assert done.returncode == 0, done.stdout
        assert "vendor eg-pasientsky" in done.stdout
        assert "CAT-01" in done.stdout
        assert "CONFORMANT" in done.stdout

    def test_an_unknown_vendor_is_a_target_that_is_unavailable(self) -> None:
        done = _pytest("--pyargs", "kobling_contract", "--vendor", "nobody")
        assert done.returncode == 11
        assert "installed" in done.stdout + done.stderr
