"""Recordings: made against a served mock, scrubbed, and played to the same verdicts when nobody answers any more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from kobling import KEY, Adapter, Http, KoblingError, SlotQuery, Slots, Token
from kobling_contract.cassette_scan.scan import scan
from kobling_contract.certify import certify
from kobling_contract.contract import RULES, chosen
from kobling_contract.ledger import Ledger
from kobling_contract.live import Budget, LiveTarget, Sandbox
from kobling_contract.pace import Pace
from kobling_contract.recording.allowlist import AllowList, allow_list_of
from kobling_contract.recording.cassettes import metadata_of
from kobling_contract.recording.corpus import WORDS, own_words
from kobling_contract.recording.played import CassetteTarget
from kobling_contract.recording.pseudonyms import Pseudonyms
from kobling_contract.recording.recorder import record_rules
from kobling_contract.recording.scrubber import KeyLeft, Scrubber
from kobling_contract.rule import Rule
from kobling_contract.runner import run_rule
from kobling_contract.synthetic import Synthetic
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from kobling_extensor import Extensor
from kobling_mocks import Mock
from kobling_mocks.clinic import demo_clinic

VENDORS = ("eg-pasientsky", "extensor", "easypractice", "synthetic")
EVERYTHING = os.environ.get("KOBLING_RECORD") == "all"
"""Record all that can be, from every vendor: takes minutes."""
FEW, MORE = ["CONN-02", "WIRE-04", "WIRE-07"], ["CNCL-02", "CNCL-03", "WIRE-06", "WIRE-09"]


def recorded_of(vendor: str) -> tuple[Rule, ...]:
    """The rules that are recorded here."""
    some = chosen([*FEW, *(MORE if vendor == "extensor" else [])])
    return tuple(rule for rule in (RULES if EVERYTHING else some) if "cassette" in rule.targets)


TODAY = date(2026, 11, 23)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The recordings of a vendor's served mock, which is gone when they are handed out."""

    @cache
    def of(vendor: str) -> Path:
        directory = tmp_path_factory.mktemp(vendor)
        found = find_target(vendor)
        mock = Mock(found.dialect or vendor, demo_clinic(weeks=1))
        with mock.serve() as served:
            target = LiveTarget(
                found.adapter,
                sandbox=Sandbox(mock.connection, mock.options, served.url, pace=lambda: Pace(mock.world.clock)),
                budget=Budget(40),
                ledger=Ledger(tmp_path_factory.mktemp("ledger") / "ledger.jsonl"),
            )
            recorded = record_rules(target, directory, recorded_of(vendor))
        broken = [f"{one.result.verdict} {one.result.rule.id} {one.result.reason}{one.result.got}" for one in recorded
                  if one.result.verdict is not Verdict.PASS]  # fmt: skip
        assert not broken, broken
        assert not target.ledger.open()
        return directory

    return of


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_recording_plays_to_the_verdict_of_the_mock_on_both_sides_with_the_server_down(
    recordings: Callable[[str], Path], vendor: str
) -> None:
    target = CassetteTarget.open(find_target(vendor).adapter, recordings(vendor))
    for rule in recorded_of(vendor):
        played = run_rule(rule, target, seed=99)
        assert target.modes(rule) == ("async", "sync")
        assert (played.verdict, played.facts) == (Verdict.PASS, {}), f"{rule.id}: {played.reason}{played.got}"
    sample = chosen(["WIRE-07"])[0]
    assert run_rule(sample, find_target(vendor), 1).verdict is run_rule(sample, target, 1).verdict


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_recording_leaks_nothing_and_holds_nobody_of_the_clinic(
    recordings: Callable[[str], Path], vendor: str
) -> None:
    known, directory = find_target(vendor), recordings(vendor)
    mock, adapter = Mock(known.dialect or vendor, demo_clinic(weeks=1)), known.adapter
    scanned = scan(
        directory,
        canaries=[mock.connection["api_key"]],
        vendors={vendor: f"{adapter.__module__}:{adapter.__qualname__}"},
    )
    assert scanned.files == len(recorded_of(vendor))
    assert scanned.findings == []
    whole = "\n".join(path.read_text("utf-8") for path in directory.glob("*.yaml"))
    ours = [mock.connection["external_id"], "Solsiden", "Fysio", "Kari", "Jovnna", "Nordmann", "312345676", "910000011"]
    assert [text for text in ours if text in whole] == []


def test_a_request_that_was_not_recorded_fails_the_rule_though_the_adapter_swallows_it(
    recordings: Callable[[str], Path],
) -> None:
    class Curious(Extensor):
        contract = 1

        async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
            with contextlib.suppress(Exception):
                await http.get("nyheter")
            return await super().list_slots(http, query)

    result = run_rule(chosen(["WIRE-06"])[0], CassetteTarget.open(Curious, recordings("extensor")), 1)
    assert (result.verdict, result.cause) == (Verdict.FAIL, "not_recorded")
    assert "/nyheter" in result.got


def test_a_recorded_request_that_nobody_sends_is_told(recordings: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copy(recordings("extensor") / "WIRE-04.yaml", tmp_path / "WIRE-03.yaml")
    result = run_rule(chosen(["WIRE-03"])[0], CassetteTarget.open(Extensor, tmp_path), 1)
    assert re.match(r"\d+ of \d+: GET /.*behandlere", result.facts["not_asked_for"])


def test_the_recorded_answer_is_not_given_for_another_key(recordings: Callable[[str], Path]) -> None:
    target = CassetteTarget.open(Extensor, recordings("extensor"))
    rule = chosen(["WIRE-04"])[0]
    told = target.told[rule.id]
    scene = target.scene(rule, 1, "sync")
    try:
        rig = scene.rig("demo")
        side = rig.connect(api_key=f"{told['connection']['api_key']}x")
        with pytest.raises(KoblingError):
            asyncio.run(side.clinic())
        objection = scene.objection()
        assert objection is not None
        assert objection[0] == "not_recorded"
        asyncio.run(rig.close())
    finally:
        scene.close()


def test_the_recorded_answer_is_not_given_for_another_token_than_the_recorded_one(
    recordings: Callable[[str], Path],
) -> None:
    class Forged(Synthetic):
        contract = 1

        async def sign_in(self, http: Http) -> Token:
            reply = await http.query("token", json={"client_id": KEY.client, "client_secret": KEY.secret})
            return Token(reply.secret("/token_type"), 60.0)

    rule, directory = chosen(["WIRE-04"])[0], recordings("synthetic")
    result = run_rule(rule, CassetteTarget.open(Forged, directory), 1)
    assert (result.verdict, result.cause) == (Verdict.FAIL, "not_recorded")


def test_clock_and_references_are_the_recordings(recordings: Callable[[str], Path]) -> None:
    told = metadata_of(recordings("extensor") / "WIRE-07.yaml")
    assert told["recorded_at"].startswith("2026-11-23T")
    body = (recordings("extensor") / "WIRE-07.yaml").read_text("utf-8")
    assert len(told["references"]) == 1
    assert told["references"][0] in body.partition("metadata:")[0]


def test_a_certificate_from_recordings_says_what_it_can_not_know(recordings: Callable[[str], Path]) -> None:
    target = CassetteTarget.open(Extensor, recordings("extensor"))
    certificate = certify("extensor", target=target, rules=["WIRE-04", "WIRE-05", "SLOT-01"])
    assert certificate.counts == {"NOT_PROVABLE": 2, "PASS": 1}
    said = "\n".join(certificate.summary())
    assert "timebook" in said
    assert "(run it on: mock): SLOT-01" in said
    assert "not recorded" in said
    assert certificate.as_dict()["cannot_know"]


def test_rules_that_recordings_prove_ask_for_nothing_that_only_a_mock_has() -> None:
    assert all("mock" in rule.targets for rule in RULES)
    assert all("cassette" in rule.targets for rule in RULES if "live" in rule.targets)
    assert len([rule for rule in RULES if "cassette" in rule.targets]) >= 15


# ---- scrubbing


def scrubber(allowed: AllowList | None = None, key: str = "k-Hemmelig-1234567") -> Scrubber:
    return Scrubber(allowed or AllowList(), key, TODAY)


def test_an_adapter_without_a_list_has_everything_replaced() -> None:
    class Unknown(Adapter):
        pass

    Unknown.__module__ = __name__
    assert allow_list_of(Unknown).empty
    body = {"navn": "Gunnhild", "timer": [{"id": "a7Xk9", "merknad": "ring 41234567", "pris": 790}], "ok": True}
    cleaned, _ = scrubber().body(json.dumps(body).encode(), "application/json")
    assert not re.search(r"navn|Gunnhild|a7Xk9|merknad|ring|4123", cleaned.decode())
    assert json.loads(cleaned) == scrubber().value(body)
    assert "790" in cleaned.decode()


@pytest.mark.parametrize(
    "text",
    [
        "Fysioterapeut Åse Øverbø-Lærdal", "ÁHKKÁNAS", "5f9d1b2c3a4e5f6071829304", "tok_live_A1b2C3d4E5f6G7", "1234567",
        "98765432109876", "41234567", "+47 41 23 45 67", "+46701234567", "412 34 567", "15108695088", "151086 95088",
        "05915399713", "ola@firma.no", "1944-03-12", "12.03.1944", "[K:01H2J8QZ4T9VXN5WBC7DPKRM3E]", "A3a",
        "a2b95b63-660e-53cc-8a6b-1e9f5b624b83_2_2026-11-24T09:00_cf2d27e7-952e-593c-924c-dc05ddf671ba",
    ],
)  # fmt: skip
def test_a_pseudonym_has_the_form_of_what_was_there_and_is_left_alone_when_met_again(text: str) -> None:
    names = Pseudonyms("secret", TODAY)
    made = names.text(text)
    assert made != text
    assert names.text(text) == made
    assert names.text(made) == made
    assert Pseudonyms("other", TODAY).text(made) == made
    assert Pseudonyms("other", TODAY).text(text) != made or text.startswith(("19", "12"))
    assert re.sub(r"\w", "", made) == re.sub(r"\w", "", text) or text.startswith(("+", "41", "151086 ", "ola"))


@pytest.mark.parametrize(
    "text",
    ["", "790", "B1010", "2026-11-24T09:00:00+01:00", "09:00", "0001", "20261124", WORDS[0], *sorted(own_words())],
)
def test_what_tells_nothing_of_anybody_stands(text: str) -> None:
    assert Pseudonyms("secret", TODAY).text(text) == text


def test_ids_of_one_form_keep_their_order_and_stay_different() -> None:
    names = Pseudonyms("secret", TODAY, fresh=True)
    ids = [str(1_715_000_000 + number * 7) for number in range(200)]
    names.collecting = True
    for one in ids:
        names.text(one)
    names.settle()
    made = [names.text(one) for one in ids]
    assert made == sorted(made)
    assert len(set(made)) == len(ids)


def test_the_same_value_is_the_same_in_a_path_a_query_a_body_and_another_charset() -> None:
    one = scrubber(AllowList(members=frozenset({"id", "navn"}), segments=frozenset({"timer"})))
    number = json.loads(one.body(b'{"id": 1715000005, "navn": "\\u00c5se"}', "application/json")[0])
    latin = json.loads(
        one.body('{"id": 1715000005, "navn": "Åse"}'.encode("cp1252"), "application/json; charset=cp1252")[0]
    )
    assert number == latin
    assert one.url("https://klinikk.example/timer/1715000005?id=1715000005") == (
        f"https://vendor.example.test/timer/{number['id']}?id={number['id']}"
    )


@pytest.mark.parametrize("where", ["body", "path", "query", "form"])
def test_the_key_is_replaced_wherever_it_stands(where: str) -> None:
    one, key = scrubber(), "k-Hemmelig-1234567"
    scrubbed = {
        "body": lambda: one.body(json.dumps({"a": f"x {key} y"}).encode(), "application/json")[0].decode(),
        "path": lambda: one.url(f"https://klinikk.example/{key}/x"),
        "query": lambda: one.url(f"https://klinikk.example/?k={key}"),
        "form": lambda: one.body(f"k={key}".encode(), "application/x-www-form-urlencoded")[0].decode(),
    }[where]()
    assert key not in scrubbed
    assert one.key in scrubbed
    one.check(scrubbed)
    with pytest.raises(KeyLeft):
        one.check(f"left: {key}")


def test_the_address_of_a_next_page_leads_to_where_a_recording_is_played() -> None:
    one = Scrubber(AllowList(members=frozenset({"page"}), segments=frozenset({"v1", "times"})), "k-Hemmelig-1234567",
                   TODAY, home="api.klinikk.example")  # fmt: skip
    told = '<https://api.klinikk.example/v1/times?page=2>; rel="next", <https://pay.example/7>; rel="Gunnhild"'
    first, last = one.answer_headers({"Link": told})["link"][0].split(", ")
    assert first == '<http://vendor.example.test/v1/times?page=2>; rel="next"'
    assert last.startswith("<https://vendor.example.test/7>; rel=")
    assert "Gunnhild" not in last


def test_every_list_of_an_installed_adapter_is_read() -> None:
    for vendor in VENDORS:
        assert not allow_list_of(find_target(vendor).adapter).empty


@pytest.mark.parametrize("text", ["member = []", "members = [1]", '[values]\nstatus = ["a"]', '[values]\n"/a" = "b"'])
def test_a_list_that_is_not_understood_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"recording\.toml"):
        AllowList.read(text)
