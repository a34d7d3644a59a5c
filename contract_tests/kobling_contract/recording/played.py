"""The target that needs nobody: rules run on recorded answers, with the clock and the references of the recording."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from kobling import Adapter
from kobling_mocks.clinic import Clock

from ..live import pause_of
from ..pace import Pace
from ..rig import Rig
from ..rule import Rule, TargetKind
from ..sides import Mode
from ..target import Scene, Target, TargetUnavailable
from ..wirerig import Ground, WireRig
from .cassettes import Credentials, Played, metadata_of, play
from .scrubber import HOST

__all__ = ["ORIGIN", "CassetteTarget", "cassette_of"]

ORIGIN = f"http://{HOST}"
"""What a recording is played at. Nothing is ever sent there, so that no certificates need to be read for it."""
MOST_NAMED = 5


def cassette_of(directory: Path, rule: Rule) -> Path:
    """Where the recording of a rule stands in a directory of recordings."""
    return directory / f"{rule.id}.yaml"


@dataclass(frozen=True)
class CassetteTarget(Target):
    """An adapter and a directory of recordings, one for each rule. Every rule runs on both sides: it costs nothing."""

    directory: Path = Path()
    kind: TargetKind = "cassette"
    told: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def open(cls, adapter: type[Adapter], directory: Path) -> CassetteTarget:
        """The recordings of an adapter. Raises `TargetUnavailable` when there are none, or some of another vendor."""
        told = {}
        for path in sorted(directory.glob("*.yaml")):
            problem = ""
            try:
                told[path.stem] = metadata_of(path)
            except (ValueError, KeyError, FileNotFoundError) as error:
                problem = str(error)
            if problem or told[path.stem]["vendor"] != adapter.key:
                raise TargetUnavailable(problem or f"{path.name} is a recording of {told[path.stem]['vendor']}")
        if not told:
            raise TargetUnavailable(f"there are no recordings of {adapter.key} here: make them with `kobling record`")
        return cls(adapter, directory=directory, told=told)

    def unprovable(self, rule: Rule) -> str | None:
        """Also where the rule was not recorded."""
        other = super().unprovable(rule)
        if other is None and rule.id not in self.told:
            return "this rule was not recorded: run `kobling record` again"
        return other

    def modes(self, rule: Rule) -> tuple[Mode, ...]:  # noqa: ARG002 - whatever the rule says
        """Both sides."""
        return ("async", "sync")

    def scene(self, rule: Rule, seed: int, mode: Mode) -> Scene:  # noqa: ARG002 - the recording has its own seed
        """One playing of a rule's recording."""
        return Playing(self, rule, mode)

    def random(self, seed: int, rule: str) -> Random:
        """The random choices of the recording."""
        return super().random(self.told[rule]["seed"] if rule in self.told else seed, rule)

    def reproduce(self, rule: Rule, seed: int) -> str:  # noqa: ARG002
        """The command line that plays the recording again."""
        return f"kobling certify {self.vendor} --target cassette --cassettes {self.directory} --rule {rule.id}"


class Playing(Scene):
    """One playing of a recording."""

    def __init__(self, target: CassetteTarget, rule: Rule, mode: Mode) -> None:
        told = target.told[rule.id]
        super().__init__(target, int(told["seed"]), mode)
        self._told = told
        self._stack = ExitStack()
        credentials = Credentials(target.adapter.auth, str(told["connection"]["api_key"]))
        self._played: Played = self._stack.enter_context(play(cassette_of(target.directory, rule), credentials))
        self._references = iter(told["references"])
        self._pace = Pace(Clock(datetime.fromisoformat(told["recorded_at"])))
        self._rigs = 0

    def rig(self, clinic: str, **options: Any) -> Rig:  # noqa: ARG002 - a recording has one clinic
        """A rig on the recording. What only a mock can have (a clinic, switches, spoilt answers) it has not."""
        if self._rigs:
            self._pace.pass_time(pause_of(self.target.adapter))  # as when it was recorded
        self._rigs += 1
        ground = Ground(
            fields=self._told["connection"],
            options=self._told["options"],
            origin=self._told["origin"],
            pace=self._pace,
            reference=self._next_reference,
            message=self._told["message"],
        )
        return WireRig(ground, options.get("adapter") or self.target.adapter, self.mode)

    def _next_reference(self) -> UUID:
        """The recording's next one; when it has no more, one that it does not know, so that its use is a miss."""
        return UUID(next(self._references, "00000000-0000-4000-8000-0000000000ff"))

    def objection(self) -> tuple[str, str, str] | None:
        """A request that was not recorded fails the run, whatever the adapter made of it."""
        misses = self._played.misses
        if not misses:
            return None
        return "not_recorded", f"only the {self._played.count} recorded requests", _some(misses)

    def facts(self) -> dict[str, str]:
        """Recorded requests that nobody sent."""
        unused = self._played.unused()
        return {"not_asked_for": f"{len(unused)} of {self._played.count}: {_some(unused)}"} if unused else {}

    def close(self) -> None:
        """End the playing."""
        self._stack.close()


def _some(requests: list[str]) -> str:
    more = f" and {len(requests) - MOST_NAMED} more" if len(requests) > MOST_NAMED else ""
    return "; ".join(requests[:MOST_NAMED]) + more
