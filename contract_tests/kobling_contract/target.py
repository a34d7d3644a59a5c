"""What is tested against what: an adapter and the mock of its vendor, or a target that another module makes."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, version
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import kobling_mocks
from kobling import Adapter, Installed, load
from kobling_mocks import Dialect, find_dialect

from . import synthetic
from .rig import Rig
from .rule import Rule, TargetKind
from .sides import Mode

if TYPE_CHECKING:
    from .clinics import ClinicName

__all__ = ["NoAdapterThere", "Scene", "Target", "TargetUnavailable", "adapter_at", "find_adapter", "find_target"]


class TargetUnavailable(LookupError):
    """There is no adapter, or no mock, of that vendor. The text says what is installed and what to do."""


PLACES: Mapping[str, str] = {
    "adapter_no_colon": "{place} has no colon: write --adapter module:Class",
    "adapter_no_module": "Python finds no module {module}: look at how it is spelled, and run this where it lies",
    "adapter_not_loaded": "the module {module} can't be loaded: {what}",
    "adapter_no_class": "the module {module} has no {name}: look at how the class is spelled",
    "adapter_of_nothing": "{place} is no class made from kobling.Adapter",
}
"""What may be wrong with `module:Class`; the command line has the same codes in its own words."""


class NoAdapterThere(TargetUnavailable):
    """There is no adapter where one was said to be. code: a key of `PLACES`; values: what stands in its text."""

    def __init__(self, code: str, **values: str) -> None:
        super().__init__(PLACES[code].format(**values))
        self.code = code
        self.values = values


@dataclass(frozen=True)
class Target:
    """An adapter, and the dialect in which a mock speaks as its vendor; None where there is no mock in play.

    What it says of what is installed is looked up once: every rule's result tells it.
    """

    adapter: type[Adapter]
    dialect: Dialect | None = None
    kind: TargetKind = "mock"

    def unprovable(self, rule: Rule) -> str | None:
        """Why this target can't show whether a rule holds; None when it can."""
        return None if self.kind in rule.targets else f"run it on: {', '.join(sorted(rule.targets))}"

    def modes(self, rule: Rule) -> tuple[Mode, ...]:
        """The sides that a rule is run on."""
        return ("async", "sync") if rule.driver else ("async",)

    def scene(self, rule: Rule, seed: int, mode: Mode) -> Scene:  # noqa: ARG002 - other targets have one for each rule
        """Where one run of a rule takes place."""
        return Scene(self, seed, mode)

    def reproduce(self, rule: Rule, seed: int) -> str:
        """The command line that runs a rule again."""
        other = "" if self.installed else f" --adapter {self.adapter_path}"
        return f"kobling certify {self.vendor}{other} --rule {rule.id} --seed {seed}"

    @property
    def vendor(self) -> str:
        """The adapter's key."""
        return self.adapter.key

    @property
    def adapter_path(self) -> str:
        """`module:Class`, by which another process finds the adapter."""
        return f"{self.adapter.__module__}:{self.adapter.__qualname__}"

    @cached_property
    def installed(self) -> bool:
        """True when this adapter is the one that its vendor's key leads to."""
        return load().adapters.get(self.vendor) is self.adapter

    @cached_property
    def adapter_version(self) -> str:
        """The version of the distribution that the adapter comes from; "source" where it is not installed."""
        return _version_of(self.adapter)

    @cached_property
    def vendor_version(self) -> str:
        """What stands for the vendor: the mock, with the version of the distribution that its dialect comes from, or
        else the kind of target."""
        return self.kind if self.dialect is None else f"mock {_version_of(type(self.dialect))}"

    def random(self, seed: int, rule: str) -> random.Random:
        """The random choices of one rule in one run."""
        return random.Random(f"{seed} {rule}")


def _version_of(one: type[object]) -> str:
    """The version of the distribution that a class comes from. One that is installed from its sources is found by its
    entry points only."""
    package = one.__module__.partition(".")[0]
    names = list(packages_distributions().get(package, ()))
    points = [*entry_points(group="kobling"), *entry_points(group="kobling_mocks")]
    names += [point.dist.name for point in points if point.dist and point.module.partition(".")[0] == package]
    names += ["kobling"] if package == kobling_mocks.__name__ else []
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "source"


def adapter_at(path: str) -> type[Adapter]:
    """The adapter class at `module:Class`; the module may lie in the working directory. Raises `NoAdapterThere` when
    there is none."""
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise NoAdapterThere("adapter_no_colon", place=path)
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    loaded, problem = _loaded(module)
    if problem is not None:
        raise problem
    try:
        found = attrgetter(name)(loaded)
    except AttributeError:
        problem = NoAdapterThere("adapter_no_class", module=module, name=name)
    else:
        if isinstance(found, type) and issubclass(found, Adapter):
            return found
        problem = NoAdapterThere("adapter_of_nothing", place=path)
    raise problem


def _loaded(name: str) -> tuple[ModuleType | None, NoAdapterThere | None]:
    """A module, or why there is none: it is not found, or what it does when it is loaded fails."""
    try:
        return import_module(name), None
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return None, NoAdapterThere("adapter_no_module", module=name)
        return None, NoAdapterThere("adapter_not_loaded", module=name, what=str(error))
    except Exception as error:  # noqa: BLE001 - it is somebody else's module, whatever it does
        return None, NoAdapterThere("adapter_not_loaded", module=name, what=f"{type(error).__name__}: {error}")


class Scene:
    """Where one run of a rule takes place: it opens rigs, and has a word at the end."""

    def __init__(self, target: Target, seed: int, mode: Mode) -> None:
        self.target = target
        self.seed = seed
        self.mode: Mode = mode

    def rig(self, clinic: ClinicName, **options: Any) -> Rig:
        """A new rig; the options are `Rig`'s."""
        return Rig(self.target, self.mode, clinic, self.seed, **options)

    def objection(self) -> tuple[str, str, str] | None:
        """What holds against the whole run, whatever the rule made of it: cause, expected, got."""
        return None

    def facts(self) -> dict[str, str]:
        """What is worth telling of the run, whether the rule holds or not."""
        return {}

    def close(self) -> None:
        """The run is over."""


def find_adapter(vendor: str) -> type[Adapter]:
    """The installed adapter of a vendor, or the synthetic vendor's. Raises `TargetUnavailable`."""
    installed: Installed = load()
    own, _ = synthetic.VARIANTS.get(vendor, (None, None))
    problem = ""
    found = installed.adapters.get(vendor, own)
    if found is not None:
        return found
    try:
        return installed[vendor]
    except LookupError as error:
        problem = str(error)
    raise TargetUnavailable(problem)


def find_target(vendor: str, adapter: type[Adapter] | None = None) -> Target:
    """The target for a vendor: an installed one, or the synthetic one that lives with the suite. adapter: instead of
    its own.

    Raises `TargetUnavailable`.
    """
    found = adapter or find_adapter(vendor)
    problem = ""
    _, dialect = synthetic.VARIANTS.get(vendor, (None, None))
    try:
        if dialect is None or found.key in load().adapters:
            dialect = find_dialect(vendor)
        return Target(found, dialect)
    except LookupError as error:
        problem = str(error)
    raise TargetUnavailable(problem)
