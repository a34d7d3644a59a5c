"""What is tested against what: an adapter and the mock of its vendor."""

from __future__ import annotations

import random
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, version
from operator import attrgetter

import kobling_mocks
from kobling import Adapter, Installed, load
from kobling_mocks import Dialect, find_dialect

from . import synthetic
from .rule import TargetKind

__all__ = ["Target", "TargetUnavailable", "adapter_at", "find_target"]


class TargetUnavailable(LookupError):
    """There is no adapter, or no mock, of that vendor. The text says what is installed and what to do."""


@dataclass(frozen=True)
class Target:
    """An adapter, and the dialect in which a mock speaks as its vendor."""

    adapter: type[Adapter]
    dialect: Dialect
    kind: TargetKind = "mock"

    @property
    def vendor(self) -> str:
        """The adapter's key."""
        return self.adapter.key

    @property
    def adapter_path(self) -> str:
        """`module:Class`, by which another process finds the adapter."""
        return f"{self.adapter.__module__}:{self.adapter.__qualname__}"

    @property
    def installed(self) -> bool:
        """True when this adapter is the one that its vendor's key leads to."""
        return load().adapters.get(self.vendor) is self.adapter

    @property
    def adapter_version(self) -> str:
        """The version of the distribution that the adapter comes from; "source" where it is not installed."""
        return _version_of(self.adapter)

    @property
    def vendor_version(self) -> str:
        """What stands for the vendor: the mock, with the version of the distribution that its dialect comes from."""
        return f"mock {_version_of(type(self.dialect))}"

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
    """The adapter class at `module:Class`. Raises `TargetUnavailable` when there is none."""
    module, _, name = path.partition(":")
    try:
        found = attrgetter(name)(import_module(module))
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        problem = f"there is no adapter at {path}: {error}"
    else:
        if isinstance(found, type) and issubclass(found, Adapter):
            return found
        problem = f"{path} is no class made from kobling.Adapter"
    raise TargetUnavailable(problem)


def find_target(vendor: str, adapter: type[Adapter] | None = None) -> Target:
    """The target for a vendor: an installed one, or the synthetic one that lives with the suite. adapter: instead of
    its own.

    Raises `TargetUnavailable`.
    """
    problem = ""
    installed: Installed = load()
    own, dialect = synthetic.VARIANTS.get(vendor, (None, None))
    found = adapter or installed.adapters.get(vendor, own)
    try:
        if found is None:
            found = installed[vendor]
        if dialect is None or found.key in installed.adapters:
            dialect = find_dialect(vendor)
    except LookupError as error:
        problem = str(error)
    if problem or found is None or dialect is None:
        raise TargetUnavailable(problem)
    return Target(found, dialect)
