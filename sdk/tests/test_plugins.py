"""Finding adapters: each plugin on its own, every refusal with its mending."""

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint
from typing import Any

import pytest

import kobling
from full_vendor import FullVendor
from kobling import Adapter, ContractError, Http, load
from kobling.adapter import check_adapter
from kobling.limits import BookingFacts, Limits


def plugin(name: str, monkeypatch: pytest.MonkeyPatch, **contents: Any) -> EntryPoint:
    module = types.ModuleType(name)
    for key, value in contents.items():
        setattr(module, key, value)
    monkeypatch.setitem(sys.modules, name, module)
    return EntryPoint(name, name, "kobling")


def hook(*classes: type[Adapter]) -> Any:
    @kobling.hookimpl
    def kobling_adapters() -> list[type[Adapter]]:
        return list(classes)

    return kobling_adapters


def made(name: str = "made", **facts: Any) -> type[Adapter]:
    cls: type[Adapter] = type("Made", (FullVendor,), {"key": name, "contract": 1, **facts})
    return cls


def test_a_form_in_which_only_a_key_tells_clinics_apart_is_refused() -> None:
    form = kobling.ConnectionForm(api_key=kobling.required(nb="nøkkel", en="key"))
    with pytest.raises(ContractError, match="neither external_id nor booking_url"):
        check_adapter(made(form=form))


def test_the_adapters_of_this_environment_are_found() -> None:
    found = load()
    assert {"eg-pasientsky", "easypractice"} <= set(found.adapters)
    assert found.problems == ()


def test_a_broken_plugin_is_a_listed_problem_and_the_others_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[type[Adapter]]:
        raise RuntimeError("boom")

    found = load(
        [
            EntryPoint("absent", "kobling_no_such_module", "kobling"),
            plugin("raising", monkeypatch, kobling_adapters=kobling.hookimpl(broken)),
            plugin("hookless", monkeypatch),
            plugin("good", monkeypatch, kobling_adapters=hook(made("good"))),
        ]
    )
    assert set(found.adapters) == {"good"}
    told = {problem.plugin: problem.what for problem in found.problems}
    assert "pip install" in told["absent"]
    assert "boom" in told["raising"]
    assert "@kobling.hookimpl" in told["hookless"]


def test_a_misspelt_hook_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    @kobling.hookimpl
    def kobling_adaptors() -> list[type[Adapter]]:
        return []

    found = load([plugin("misspelt", monkeypatch, kobling_adaptors=kobling_adaptors)])
    assert "kobling_adapters" in found.problems[0].what


def test_two_adapters_of_one_key_are_a_problem_that_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(
        [
            plugin("aa", monkeypatch, kobling_adapters=hook(made("same"))),
            plugin("bb", monkeypatch, kobling_adapters=hook(made("same"))),
        ]
    )
    assert set(found.adapters) == {"same"}
    assert (found.problems[0].plugin, "'aa'" in found.problems[0].what) == ("bb", True)


def test_an_unknown_vendor_is_answered_with_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load([plugin("good", monkeypatch, kobling_adapters=hook(made("good")))])
    with pytest.raises(LookupError, match="installed: good"):
        _ = found["other"]


async def get_bookings(self: Adapter, http: Http) -> None:
    """A misspelt operation."""


def list_slots(self: Adapter, http: Http, query: Any) -> list[Any]:
    """Not async."""
    return []


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown public method": ({"get_bookings": get_bookings}, "did you mean `get_booking`"),
    "a method that is not async": ({"list_slots": list_slots}, "async def list_slots"),
    "another version": ({"contract": 2}, "this Kobling speaks 1"),
    "book without cancel": ({"cancel": Adapter.cancel}, "write both"),
    "an address without https": ({"base_url": "http://x.example"}, "https://"),
    "moving where overlaps are accepted": ({"limits": Limits(booking=BookingFacts(overlap="accepted"))}, "leave resch"),
    "a bad key": ({"key": "Full Vendor"}, "small letters"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_class_that_breaks_the_contract_is_refused_with_the_mending(name: str) -> None:
    facts, says = REFUSALS[name]
    with pytest.raises(ContractError, match=says.replace("(", r"\(")):
        check_adapter(made(**facts))


def test_an_inherited_contract_version_is_refused() -> None:
    class Child(FullVendor):
        key = "child"

    with pytest.raises(ContractError, match="inherits its contract version"):
        check_adapter(Child)


def test_what_an_adapter_supports_is_what_it_overrides() -> None:
    assert "reschedule" in FullVendor.supports
    assert "reschedule" not in made(reschedule=Adapter.reschedule).supports
    assert "sign_in" not in FullVendor.supports


def test_a_commit_bound_without_a_source_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a source"):
        BookingFacts(latest_commit=30)
