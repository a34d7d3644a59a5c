"""Finding adapters: each plugin on its own, every refusal with its mending."""

from __future__ import annotations

import asyncio
import itertools
import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest

import kobling
from full_vendor import FullVendor
from kobling import Adapter, ContractError, Http, load
from kobling.adapter import check_adapter
from kobling.limits import BookingFacts, Limits
from kobling.plugins import MOST_ADAPTERS


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


def made(key: str = "made", /, **facts: Any) -> type[Adapter]:
    cls: type[Adapter] = type("Made", (FullVendor,), {"key": key, "contract": 1, **facts})
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


def test_a_hook_that_returns_no_adapter_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    @kobling.hookimpl
    def kobling_adapters() -> list[type[Adapter]]:
        return []

    found = load([plugin("empty", monkeypatch, kobling_adapters=kobling_adapters)])
    assert "empty list" in found.problems[0].what


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


# ---- whatever a plugin does, it is listed with its mending, and the others load

WRONG_VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "a number as the key": ({"key": 7}, "key is of type int: it must be a text"),
    "no key": ({"key": None}, "key is of type NoneType"),
    "an empty key": ({"key": ""}, "small letters"),
    "a key of other digits": ({"key": "vendor-\u0661"}, "small letters"),
    "a list as the name": ({"name": ["Full"]}, "name is of type list"),
    "a text as the contract": ({"contract": "1"}, "contract is of type str: it must be the number 1"),
    "true as the contract": ({"contract": True}, "contract is of type bool"),
    "no form": ({"form": None}, "form is of type NoneType: it must be a ConnectionForm"),
    "a form's class": ({"form": dict}, "form is of type type"),
    "a number as the address": ({"base_url": 3}, "base_url is of type int: it must be a text that starts with https"),
    "a list as the sign-in's address": ({"auth_url": []}, "auth_url is of type list: it must be None, or"),
    "a class as the way to sign in": ({"auth": kobling.Bearer}, "auth is of type type: it must be an object"),
    "a text as the way to sign in": ({"auth": "Bearer"}, "auth is of type str"),
    "a dict as the errors": (
        {"errors": {"TAKEN": kobling.SlotTaken}},
        "errors is of type dict: it must be an ErrorMap",
    ),
    "no limits": ({"limits": None}, "limits is of type NoneType: it must be a Limits"),
    "a set as the patient's fields": ({"patient_fields": {"email"}}, "patient_fields is of type set"),
    "a list as the headers": ({"headers": [("a", "b")]}, "headers is of type list: it must be a mapping"),
    "a text as the parameters": ({"params": "a=b"}, "params is of type str: it must be a mapping"),
    "a dict as the options": ({"Options": {}}, "Options must be a class"),
    "an object as the options": ({"Options": 5}, "Options must be a class"),
    "a place that nothing fills": ({"base_url": "https://x.example/{clinic}"}, "{clinic}, which nothing fills in"),
    "a part that is not public": ({"base_url": "https://{api_key.shard}.example"}, "listed in `public`"),
}


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_a_class_value_of_the_wrong_kind_is_a_problem_with_its_mending(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts, says = WRONG_VALUES[name]
    found = load(
        [
            plugin("aa", monkeypatch, kobling_adapters=hook(made(**facts), made("beside"))),
            plugin("bb", monkeypatch, kobling_adapters=hook(made("good"))),
        ]
    )
    assert set(found.adapters) == {"beside", "good"}
    (problem,) = found.problems
    assert (problem.plugin, says in problem.what) == ("aa", True), problem.what


class NoText(Exception):
    """An exception that can't be shown."""

    def __str__(self) -> str:
        raise ValueError

    __repr__ = __str__


class NoRepr:
    def __repr__(self) -> str:
        raise ValueError


def half_way() -> Iterator[type[Adapter]]:
    yield made("half")
    raise RuntimeError("half-way")


def raising(problem: BaseException) -> Any:
    def kobling_adapters() -> Any:
        raise problem

    return kobling_adapters


def nested() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def endless(depth: int = 0) -> Any:
    return endless(depth + 1)


HOOKS: dict[str, tuple[Any, str]] = {
    "nothing": (lambda: None, "returned nothing: return a list"),
    "a number": (lambda: 5, "an object of type int: return a list of adapter classes, as [MySystem]"),
    "one class": (lambda: made("one"), "one class: return a list"),
    "a text": (lambda: "FullVendor", "an object of type str: return a list"),
    "a dict": (lambda: {"full": made("full")}, "an object of type dict: return a list"),
    "no classes": (lambda: ["FullVendor"], "'FullVendor' is not a subclass of kobling.Adapter: return the class"),
    "an object without a repr": (lambda: [NoRepr()], "is not a subclass of kobling.Adapter"),
    "a huge text": (lambda: ["x" * 10_000_000], "is not a subclass of kobling.Adapter"),
    "a list in itself": (nested, "is not a subclass of kobling.Adapter"),
    "a generator that breaks off": (half_way, "RuntimeError: half-way. Mend the plugin, or uninstall"),
    "a list without an end": (lambda: itertools.repeat(made()), f"more than {MOST_ADAPTERS} classes"),
    "a call without an end": (endless, "RecursionError"),
    "an exit": (raising(SystemExit(3)), "ends the process when it is loaded: take the sys.exit() out"),
    "a cancellation": (raising(asyncio.CancelledError()), "CancelledError: no reason given. Mend the plugin"),
    "a generator's end": (raising(GeneratorExit()), "GeneratorExit"),
    "an error without a text": (raising(NoText()), "NoText: its text can't be shown. Mend the plugin"),
    "a huge error": (raising(ValueError("x y " * 1_000_000)), "ValueError: x y"),
    "a module that is nameless": (raising(ModuleNotFoundError("gone")), "ModuleNotFoundError: gone. Mend"),
    "a hook with arguments": (lambda manager: [], "the only hook is kobling_adapters(), without arguments"),
}


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_that_goes_wrong_is_a_problem_with_its_mending(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, says = HOOKS[name]
    function.__name__ = "kobling_adapters"
    found = load(
        [
            plugin("aa", monkeypatch, kobling_adapters=kobling.hookimpl(function)),
            plugin("bb", monkeypatch, kobling_adapters=hook(made("good"))),
        ]
    )
    assert set(found.adapters) == {"good"}
    (problem,) = found.problems
    assert (problem.plugin, says in problem.what) == ("aa", True), problem.what
    assert len(problem.what) < 700


@pytest.mark.parametrize("statement", ["sys.exit(1)", "raise GeneratorExit", "raise asyncio.CancelledError", "1 / 0",
                                       "import kobling_no_such", "from kobling import Nothing", "(", "\0"])  # fmt: skip
def test_a_plugin_that_goes_wrong_at_import_is_a_problem(
    statement: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "kobling_goes_wrong.py").write_text(f"import asyncio, sys\n{statement}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "kobling_goes_wrong", raising=False)
    good = plugin("zz", monkeypatch, kobling_adapters=hook(made("good")))
    found = load([EntryPoint("aa", "kobling_goes_wrong", "kobling"), good])
    assert (set(found.adapters), [problem.plugin for problem in found.problems]) == ({"good"}, ["aa"])


def test_the_person_at_the_keyboard_may_stop_the_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = plugin("aa", monkeypatch, kobling_adapters=kobling.hookimpl(raising(KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        load([stopped])


def test_entry_points_that_clash_are_problems_with_their_mending(monkeypatch: pytest.MonkeyPatch) -> None:
    first = plugin("aa", monkeypatch, kobling_adapters=hook(made("first")))
    found = load([first, first, EntryPoint("bb", "aa", "kobling"), EntryPoint("cc", "not a name !", "kobling")])
    assert set(found.adapters) == {"first"}
    told = [problem.what for problem in found.problems]
    assert "uninstall or rename one" in told[0]
    assert "named by two entry points" in told[1]
    assert "Mend the plugin" in told[2]
