"""Where a mock and a sandbox differ is told in forms and names, never in what stands in an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from kobling import WireFailure, WireReply, WireRequest
from kobling_contract.compare import Difference, compare, listen
from kobling_contract.leaks import Canaries
from kobling_contract.rig import PATIENT, Rig, Spoil
from kobling_contract.target import find_target


def spoilt(path: str, change: Callable[[Any], Any]) -> Spoil:
    """A sandbox whose answers to one path are otherwise."""

    def spoil(request: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        if path not in request.url or isinstance(outcome, WireFailure):
            return outcome
        told = json.loads(outcome.body)
        return replace(outcome, body=json.dumps(change(told) or told).encode())

    return spoil


def found(vendor: str, spoil: Spoil | None = None, **more: Any) -> list[Difference]:
    target = find_target(vendor)

    async def run() -> list[Difference]:
        mock, sandbox = Rig(target, "sync", "demo", 1), Rig(target, "sync", "demo", 2, spoil=spoil, **more)
        try:
            return await compare(mock, sandbox)
        finally:
            await mock.close()
            await sandbox.close()

    return asyncio.run(run())


def seen(differences: list[Difference]) -> dict[str, tuple[set[str], set[str]]]:
    return {f"{one.call} {one.place}": (set(one.mock), set(one.sandbox)) for one in differences}


def test_two_ends_that_speak_alike_do_not_differ() -> None:
    assert found("synthetic") == []
    assert found("extensor") == []


def test_a_field_that_only_one_end_has_is_named() -> None:
    def change(told: Any) -> None:
        for one in told["practitioners"]:
            one["colour"] = "#ff0000"
            del one["hpr_number"]

    told = seen(found("synthetic", spoilt("/practitioners", change)))
    assert told["GET practitioners /practitioners/*/colour"] == ({"absent"}, {"text"})
    assert told["GET practitioners /practitioners/*/hpr_number"][1] == {"absent"}
    assert told[" /practitioners/*/hpr"][1] == {"null"}, "and what the adapter makes of it"


def test_a_value_of_another_kind_is_told_as_its_kind() -> None:
    def change(told: Any) -> None:
        for one in told["slots"]:
            one["start"], one["practitioner_id"] = one["start"][:16], str(one["practitioner_id"])

    told = found("synthetic", spoilt("/slots/search", change))
    form = seen(told)
    assert form["POST slots/search /slots/*/start"] == ({"time with offset"}, {"time without offset"})
    assert form["POST slots/search /slots/*/practitioner_id"] == ({"whole number"}, {"digits as text"})
    assert form[" "] == ({"read"}, {"vendor_protocol_error: wrong_shape: slots.0.start"})
    assert all(one.new for one in told)


def test_a_word_that_nobody_declared_is_counted_and_not_told() -> None:
    def change(told: Any) -> None:
        for one in told["data"]:
            one["status"] = "Kari Prøve kommer senere"

    told = found("easypractice", spoilt("/bookings", change))
    words = [one.sandbox for one in told if one.place.endswith("(words)")]
    assert frozenset({"1 that recording.toml does not list"}) in words
    assert "Kari" not in "".join(map(str, told))


def test_neither_a_key_nor_a_patient_is_told_also_where_a_vendor_uses_them_as_names() -> None:
    key = "canary-key-of-a-clinic"
    canaries = Canaries.of(key, PATIENT)

    def change(told: Any) -> None:
        told[PATIENT.name] = {PATIENT.email: key, PATIENT.phone: [PATIENT.birth_date.isoformat()]}
        told["by_patient"] = {PATIENT.family_name: 1, PATIENT.given_name.replace(" ", ""): {"x": key}}
        for one in told["practitioners"]:
            one["name"] = PATIENT.name

    told = found("synthetic", spoilt("/practitioners", change))
    lines = [str(one) for one in told]
    assert canaries.found_in("\n".join(lines)) == []
    assert "Kanaritest" not in "\n".join(lines)
    assert any("/by_patient" in one for one in lines)


def test_a_page_instead_of_json_and_an_error_are_told() -> None:
    def spoil(request: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        if "/behandlere" not in request.url:
            return outcome
        return WireReply(404, (("Content-Type", "text/html"),), b"<html>Kari ringer</html>")

    told = found("extensor", spoil)
    outside = {one.place: one.sandbox for one in told if one.question == "catalogue" and one.call}
    assert outside["(status)"] == {"404"}
    assert outside["(content type)"] == {"text/html"}
    assert outside["(body)"] == {"not JSON"}
    assert any(one.mock == {"read"} for one in told if not one.call)


def test_what_only_the_mock_shows_is_not_new() -> None:
    def change(told: Any) -> None:
        for one in told["practitioners"]:
            one["hpr_number"] = None

    told = found("synthetic", spoilt("/practitioners", change))
    assert told
    assert not any(one.new for one in told)


def test_of_a_path_only_its_fixed_parts_are_told() -> None:
    async def forms() -> set[str]:
        rig = Rig(find_target("easypractice"), "sync", "demo", 1)
        try:
            return set((await listen(rig, {"calendars", "opening-times"})).calls["list_slots"])
        finally:
            await rig.close()

    told = asyncio.run(forms())
    assert "GET calendars/{}/opening-times" in told
    assert not any(sign.isdigit() for one in told for sign in one)


def test_the_pages_example_is_what_is_told() -> None:
    def change(told: Any) -> None:
        for number, one in enumerate(told["practitioners"]):
            one["colour"] = "#ff0000"
            one["owner"] = one["owner"] if number else "proprietor"

    page = (Path(__file__).parents[2] / "docs/how-to/compare-with-your-staging.md").read_text("utf-8")
    told = found("synthetic", spoilt("/practitioners", change))
    assert len(told) == 3
    assert all(f"\n  {one}\n" in page for one in told)
