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
from types import MappingProxyType
from typing import Any, TypeVar, cast

import pluggy

from .adapter import Adapter, ContractError, check_adapter

F = TypeVar("F", bound=Callable[..., object])
GROUP = "kobling"
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
        try:
            found = _of(manager, source)
        except Exception as problem:  # noqa: BLE001 - whatever a plugin raises at import is that plugin's problem
            problems.append(Problem(source.name, _told(problem)))
            continue
        for cls in found:
            try:
                check_adapter(cls)
            except ContractError as problem:
                problems.append(Problem(source.name, str(problem)))
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
    before = set(manager.get_plugins())
    manager.register(plugin, source.name)
    try:
        manager.check_pending()
        others = [one for one in before if one is not plugin]
        results = manager.subset_hook_caller("kobling_adapters", others)()
    except Exception:
        manager.unregister(plugin)
        raise
    if not manager.get_hookcallers(plugin):
        raise ContractError(
            f"{source.value} has no hook: write `@kobling.hookimpl` over `def kobling_adapters():` in that module"
        )
    return [cls for result in results for cls in cast("Iterable[Any]", result)]


def _told(problem: Exception) -> str:
    if isinstance(problem, pluggy.PluginValidationError):
        return f"{problem}: the only hook is kobling_adapters()"
    if isinstance(problem, ModuleNotFoundError):
        return f"it needs the module {problem.name!r}, which is not installed: pip install it"
    return f"{type(problem).__name__}: {problem}"
