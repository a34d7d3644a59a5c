"""What is tested against what: an adapter and the mock of its vendor, or a target that another module makes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import TYPE_CHECKING, Any

from kobling import Adapter, Installed, load
from kobling_mocks import Dialect, find_dialect

from .rig import Rig
from .rule import Rule, TargetKind
from .sides import Mode

if TYPE_CHECKING:
    from .clinics import ClinicName

__all__ = ["Scene", "Target", "TargetUnavailable", "find_adapter", "find_target"]


class TargetUnavailable(LookupError):
    """There is no adapter, or no mock, of that vendor. The text says what is installed and what to do."""


@dataclass(frozen=True)
class Target:
    """An adapter, and the dialect in which a mock speaks as its vendor; None where there is no mock in play."""

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
        return f"kobling certify {self.vendor} --rule {rule.id} --seed {seed}"

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
    """The installed adapter of a vendor. Raises `TargetUnavailable`."""
    problem = ""
    installed: Installed = load()
    try:
        return installed[vendor]
    except LookupError as error:
        problem = str(error)
    raise TargetUnavailable(problem)


def find_target(vendor: str, adapter: type[Adapter] | None = None) -> Target:
    """The target for a vendor. adapter: instead of the installed one.

    Raises `TargetUnavailable`.
    """
    found = adapter or find_adapter(vendor)
    problem = ""
    try:
        return Target(found, find_dialect(vendor))
    except LookupError as error:
        problem = str(error)
    raise TargetUnavailable(problem)
