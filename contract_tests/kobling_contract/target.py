"""What is tested against what: an adapter and the mock of its vendor."""

from __future__ import annotations

import random
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version

from kobling import Adapter, Installed, load
from kobling_mocks import Dialect, find_dialect

from . import synthetic
from .rule import TargetKind

__all__ = ["Target", "TargetUnavailable", "find_target"]


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
    def adapter_version(self) -> str:
        """The version of the distribution that the adapter comes from; "source" where it is not installed."""
        module = self.adapter.__module__.partition(".")[0]
        for name in packages_distributions().get(module, ()):
            try:
                return version(name)
            except PackageNotFoundError:
                continue
        return "source"

    def random(self, seed: int, rule: str) -> random.Random:
        """The random choices of one rule in one run."""
        return random.Random(f"{seed} {rule}")


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
