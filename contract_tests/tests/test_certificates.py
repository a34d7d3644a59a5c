"""A certificate in a file: the same bytes for the same run, any change of it is found, and a newer suite asks again."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kobling_cli.wording import words
from kobling_contract.canonical import canonical
from kobling_contract.certify import certify
from kobling_contract.checking import Checked, check
from kobling_contract.contract import RULES
from kobling_contract.rule import Rule
from kobling_contract.seal import BadCertificate, BadKey, new_key, private_key, public_key, seal
from kobling_contract.trial import Trial
from kobling_contract.verdicts import Verdict
from kobling_contract.waivers import Waiver
from kobling_eg_pasientsky import EgPasientsky
from made_results import AT, certificate, result

KEY = Ed25519PrivateKey.from_private_bytes(b"kobling test key, not a secret!!")
TODAY = date(2026, 12, 1)
WHOLE = certificate(complete=True)
WAIVED = result("CAT-01", Verdict.XFAIL, waiver=Waiver("CAT-01", "mended in March", date(2026, 12, 31)))


def checked(data: bytes, today: date = TODAY, rules: tuple[Rule, ...] = RULES) -> Checked:
    return check(data, KEY.public_key(), today, rules)


def signed_anew(changed: dict[str, Any]) -> bytes:
    """The certificate as a signer who lies would write it."""
    told = {name: value for name, value in changed.items() if name != "signature"}
    value = base64.b64encode(KEY.sign(canonical(told))).decode()
    return canonical(told | {"signature": {**changed["signature"], "value": value}})


def test_a_whole_and_conformant_run_is_good_today() -> None:
    found = checked(seal(WHOLE, AT, KEY))
    assert found.good
    assert (found.doubts, found.rerun, found.removed) == ((), {}, ())


def test_the_same_run_has_the_same_bytes_and_other_evidence_another_hash() -> None:
    assert seal(WHOLE, AT, KEY) == seal(certificate(complete=True), AT, KEY)
    assert seal(WHOLE, AT, KEY) == canonical(json.loads(seal(WHOLE, AT, KEY))) + b"\n"
    slower = replace(WHOLE, results=tuple(replace(one, seconds=9.0) for one in WHOLE.results))
    assert seal(slower, AT) == seal(WHOLE, AT)
    other = certificate(result("CAT-01", evidence=("4 times",)), complete=True)
    assert other.evidence_hash != WHOLE.evidence_hash


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a certificate; of the rules the first one stands for all."""
    found = [place] if place else []
    if isinstance(value, dict):
        return found + [one for name, inner in value.items() for one in places(inner, (*place, name))]
    if isinstance(value, list) and value:
        return found + places(value[0], (*place, 0))
    return found


SEALED = json.loads(seal(certificate(result("CAT-02", seeds={1: Verdict.PASS, 2: Verdict.PASS}), WAIVED), AT, KEY))


@pytest.mark.parametrize("place", places(SEALED), ids=lambda place: ".".join(map(str, place)))
def test_a_change_of_any_field_is_found(place: tuple[Any, ...]) -> None:
    for how in ("changed", "removed"):
        told = json.loads(json.dumps(SEALED))
        holder = told
        for step in place[:-1]:
            holder = holder[step]
        value = holder[place[-1]]
        if how == "removed":
            del holder[place[-1]]
        else:
            changed = {str: f"{value}x", int: 7, bool: not value, list: [], dict: {}, type(None): "x"}[type(value)]
            holder[place[-1]] = changed
            if changed == value:
                continue
        with suppress(BadCertificate):
            assert not checked(json.dumps(told).encode()).genuine, how


def test_every_bit_of_the_signature_counts() -> None:
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    value = SEALED["signature"]["value"]
    last = value[-3]
    other = f"{value[:-3]}{signs[signs.index(last) ^ 1]}=="
    told = SEALED | {"signature": {**SEALED["signature"], "value": other}}
    assert checked(json.dumps(told).encode()).doubts == ("changed",)


def test_a_signer_who_lies_is_found_by_what_does_not_follow() -> None:
    failing = json.loads(seal(certificate(result("CAT-01", Verdict.FAIL), complete=True), AT, KEY))
    assert checked(signed_anew(failing)).doubts == ()
    assert checked(signed_anew(failing | {"exit_code": 0, "conformant": True})).doubts == ("verdicts",)
    at = next(number for number, row in enumerate(failing["rules"]) if row["rule"] == "CAT-01")
    failing["rules"][at]["verdict"] = "PASS"
    assert "evidence" in checked(signed_anew(failing)).doubts
    failing["rules"][at] = failing["rules"][at + 1]
    assert "twice" in checked(signed_anew(failing)).doubts


def test_without_a_signature_or_with_another_key_nobody_knows_who_made_it() -> None:
    assert checked(seal(WHOLE, AT)).doubts == ("unsigned",)
    other = private_key(new_key()[0])
    assert checked(seal(WHOLE, AT, other)).doubts == ("other_key",)


def test_a_newer_suite_asks_again_what_is_new_and_what_it_sharpened() -> None:
    async def sharper(trial: Trial) -> None:
        trial.saw("something else")

    first, second, *rest = RULES
    newer = (replace(first, run=sharper), replace(second, id="CAT-99"), *rest)
    found = checked(seal(WHOLE, AT, KEY), rules=newer)
    assert found.rerun == {"new": ("CAT-99",), "sharpened": (first.id,)}
    assert found.removed == (second.id,)
    assert found.genuine
    assert not found.good


def test_a_waiver_that_ran_out_and_a_rule_that_was_not_run_must_be_run_again() -> None:
    sealed = seal(certificate(WAIVED, result("CAT-02", Verdict.NOT_RUN), complete=True), AT, KEY)
    assert checked(sealed, date(2026, 12, 31)).rerun == {"not_run": ("CAT-02",)}
    assert checked(sealed, date(2027, 1, 1)).rerun == {"waiver_over": ("CAT-01",), "not_run": ("CAT-02",)}


def test_a_certificate_says_in_every_language_which_rules_are_waived_until_when() -> None:
    found = checked(seal(certificate(WAIVED, complete=True), AT, KEY))
    assert found.good
    assert found.as_dict()["headline"] == "CONFORMANT; waived: 1 rule until 2026-12-31 (CAT-01)"
    assert found.as_dict()["waived"] == {"CAT-01": "2026-12-31"}
    assert found.sealed.headline_in(words("en")["headline"]) == found.sealed.headline
    assert (
        found.sealed.headline_in(words("nb")["headline"]) == "BESTÅTT; unntatt: 1 regel til og med 2026-12-31 (CAT-01)"
    )


def test_a_genuine_certificate_of_a_faulty_adapter_is_not_good() -> None:
    found = checked(seal(certificate(result("CAT-01", Verdict.FAIL), complete=True), AT, KEY))
    assert found.genuine
    assert found.current
    assert not found.good


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"\xff", b'{"schema": "kobling-report/1"}', b'{"a": 1, "a": 2}', b'{"a": 1.5}', b"[" * 100_000]
)
def test_what_is_no_certificate_is_told_so(data: bytes) -> None:
    with pytest.raises(BadCertificate):
        checked(data)


def test_a_key_is_read_from_what_was_made_and_from_nothing_else() -> None:
    private, public = new_key()
    assert private_key(private).public_key() == public_key(public)
    for read, wrong in ((private_key, public), (public_key, private), (private_key, b"secret"), (public_key, b"")):
        with pytest.raises(BadKey) as caught:
            read(wrong)
        assert "secret" not in str(caught.value)
        assert caught.value.__context__ is None


def test_a_fingerprint_is_the_same_in_every_process_and_moves_with_what_is_asked() -> None:
    first = RULES[0]
    assert len({rule.fingerprint for rule in RULES}) == len(RULES)
    same = replace(
        first, why="another reason", check="look elsewhere", causes=dict.fromkeys(first.causes, "Other words.")
    )
    assert same.fingerprint == first.fingerprint
    for other in (
        replace(first, title="Another sentence"),
        replace(first, causes={**first.causes, "more": "Mend it."}),
        replace(first, targets=frozenset({"live"})),
        replace(first, safety=not first.safety),
    ):
        assert other.fingerprint != first.fingerprint


def test_a_sharpened_helper_of_a_check_moves_its_fingerprint_and_a_comment_does_not(tmp_path: Any) -> None:
    def fingerprint(helper: str) -> str:
        from kobling_contract.rule import code_of

        space: dict[str, Any] = {"__name__": f"made{abs(hash(helper))}"}
        path = tmp_path / f"{space['__name__']}.py"
        text = f"LIMIT = {{'a': 1}}\n{helper}\nasync def check(trial):\n    helper(LIMIT)\n"
        path.write_text(text, "utf-8")
        exec(compile(text, str(path), "exec"), space)
        return str([row.partition(".")[2] for row in code_of(space["check"])])

    plain = fingerprint("def helper(x):\n    return x\n")
    assert fingerprint("def helper(x):\n    # why\n    return  x\n") == plain
    assert fingerprint("def helper(x):\n    return not x\n") != plain


def test_a_certificate_of_a_real_run_is_genuine_and_asks_for_the_rest() -> None:
    run = certify("eg-pasientsky", adapter=EgPasientsky, rules=["CAT-01", "CAT-02"])
    found = checked(seal(run, AT, KEY))
    assert found.genuine
    assert set(found.rerun["new"]) == {rule.id for rule in RULES} - {"CAT-01", "CAT-02"}
    assert [row.evidence for row in found.sealed.rules] == [list(one.evidence) for one in run.results]
