"""Finding adapters: one pluggy hook, each entry point loaded on its own.

An adapter's distribution has an entry point in the group `kobling`, which names a module with the hook:

    [project.entry-points.kobling]
    mysystem = "kobling_mysystem"

    @kobling.hookimpl
    def kobling_adapters():
        return [MySystem]

A broken plugin is a listed problem, never a crash of the others. This module is the only one that touches pluggy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import islice
from textwrap import shorten
from types import MappingProxyType
from typing import Any, TypeVar

import pluggy

from .adapter import Adapter, ContractError, check_adapter

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")
GROUP = "kobling"
MOST_ADAPTERS = 100
"""More classes than this from one plugin are a mistake, perhaps a generator without an end."""

_spec = pluggy.HookspecMarker(GROUP)
_impl = pluggy.HookimplMarker(GROUP)


def hookimpl(function: F) -> F:
    """Marks a plugin module's `kobling_adapters`."""
    return _impl(function)


class Hooks:
    """The hooks that a plugin may implement."""

    @_spec
    def kobling_adapters(self) -> Sequence[type[Adapter]]:
        """The adapter classes of this plugin."""
        return ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a plugin, or one adapter of it, is not available, and what to do: a sentence for its developer."""

    plugin: str
    what: str


@dataclass(frozen=True, slots=True)
class Installed:
    """The adapters that can be used, by key, and the problems of those that can't."""

    adapters: Mapping[str, type[Adapter]]
    problems: tuple[Problem, ...] = ()

    def __getitem__(self, key: str) -> type[Adapter]:
        """The adapter of that key; a `LookupError` that says what is installed, and what is broken."""
        if key in self.adapters:
            return self.adapters[key]
        broken = "".join(f" Problem in {problem.plugin}: {problem.what}" for problem in self.problems)
        have = ", ".join(sorted(self.adapters)) or "none"
        raise LookupError(
            f"No adapter {key!r} is installed (installed: {have}). Install its distribution, usually kobling-{key}."
            f"{broken}"
        )


def load(sources: Iterable[EntryPoint] | None = None) -> Installed:
    """Load every installed plugin. `sources` replaces the entry points of this environment (tests)."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    adapters: dict[str, type[Adapter]] = {}
    origin: dict[str, str] = {}
    problems: list[Problem] = []
    for source in sorted(entry_points(group=GROUP) if sources is None else sources, key=lambda one: one.name):
        found, wrong = _tried(_of, manager, source)
        if wrong:
            problems.append(Problem(source.name, wrong))
        for cls in found or ():
            _, wrong = _tried(check_adapter, cls)
            if wrong:
                problems.append(Problem(source.name, wrong))
                continue
            if cls.key in adapters:
                problems.append(
                    Problem(
                        source.name,
                        f"the key {cls.key!r} is taken by plugin {origin[cls.key]!r}: give the adapter another key, or "
                        "uninstall one of the two",
                    )
                )
                continue
            adapters[cls.key] = cls
            origin[cls.key] = source.name
    return Installed(MappingProxyType(adapters), tuple(problems))


def _of(manager: pluggy.PluginManager, source: EntryPoint) -> list[type[Adapter]]:
    plugin = source.load()
    if manager.has_plugin(source.name):
        raise ContractError(f"another distribution has an entry point {source.name!r} too: uninstall or rename one")
    if manager.is_registered(plugin):
        raise ContractError(f"{source.value} is named by two entry points: take one of them out")
    before = set(manager.get_plugins())
    manager.register(plugin, source.name)
    try:
        manager.check_pending()
        others = [one for one in before if one is not plugin]
        results = manager.subset_hook_caller("kobling_adapters", others)()
    except BaseException:
        manager.unregister(plugin)
        raise
    if not manager.get_hookcallers(plugin):
        raise ContractError(
            f"{source.value} has no hook: write `@kobling.hookimpl` over `def kobling_adapters():` in that module"
        )
    if not results:
        raise ContractError("kobling_adapters() returned nothing: return a list of adapter classes")
    found = [cls for result in results for cls in _listed(result)]
    if not found:
        raise ContractError(
            "kobling_adapters() returned an empty list: return a list of adapter classes, as [MySystem]"
        )
    return found


def _listed(result: object) -> list[Any]:
    if isinstance(result, str | bytes | Mapping) or not isinstance(result, Iterable):
        kind = "one class" if isinstance(result, type) else f"an object of type {type(result).__name__}"
        raise ContractError(f"kobling_adapters() returned {kind}: return a list of adapter classes, as [MySystem]")
    found = list(islice(result, MOST_ADAPTERS + 1))
    if len(found) > MOST_ADAPTERS:
        raise ContractError(f"kobling_adapters() returned more than {MOST_ADAPTERS} classes: return a short list")
    return found


def _tried(call: Callable[..., T], *given: Any) -> tuple[T | None, str]:
    """What a plugin's code gives, or what is told of whatever it raised. Only the person at the keyboard may stop
    the loading; a plugin that exits may not."""
    try:
        return call(*given), ""
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # noqa: BLE001 - also `sys.exit()` in a plugin is that plugin's problem
        return None, _told(problem)


def _told(problem: BaseException) -> str:
    try:
        text = shorten(str(problem), 500, placeholder=" …")
    except Exception:  # noqa: BLE001 - an exception whose own text raises
        text = "its text can't be shown"
    if isinstance(problem, ContractError):
        return text
    if isinstance(problem, pluggy.PluginValidationError):
        return f"{text}: the only hook is kobling_adapters(), without arguments"
    if isinstance(problem, ModuleNotFoundError) and problem.name:
        return f"it needs the module {problem.name!r}, which is not installed: pip install it"
    if isinstance(problem, SystemExit):
        return "it ends the process when it is loaded: take the sys.exit() out of the plugin, or uninstall it"
    return f"{type(problem).__name__}: {text or 'no reason given'}. Mend the plugin, or uninstall its distribution"
