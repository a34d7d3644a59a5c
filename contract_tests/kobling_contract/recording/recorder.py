"""Making recordings: each rule that recordings can prove is run once against a sandbox, and what was said is scrubbed
and kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from kobling import Adapter, Connection
from kobling.engine import line_address

from ..live import LiveScene, LiveTarget
from ..rig import Rig
from ..rule import Rule
from ..runner import Result, run_rule
from ..sides import Mode
from ..target import Scene
from ..wirerig import nowhere
from .allowlist import AllowList, allow_list_of
from .cassettes import Credentials, record
from .played import ORIGIN, CassetteTarget, cassette_of
from .pseudonyms import marked_uuid
from .scrubber import Scrubber

__all__ = ["Recorded", "RecordingTarget", "play_again", "record_rules"]


@dataclass(frozen=True)
class RecordingTarget(LiveTarget):
    """A live target whose every run is recorded. One side is enough: both are played from the one recording."""

    directory: Path = Path()
    allowed: AllowList = field(default_factory=AllowList)

    def unprovable(self, rule: Rule) -> str | None:
        """Only what can be played is recorded."""
        if "cassette" not in rule.targets:
            return f"run it on: {', '.join(sorted(rule.targets))}"
        if "live" not in rule.targets:
            return self.refuses_writes(rule)
        return super().unprovable(rule)

    def modes(self, rule: Rule) -> tuple[Mode, ...]:  # noqa: ARG002
        """The async side."""
        return ("async",)

    def scene(self, rule: Rule, seed: int, mode: Mode) -> Scene:
        """One recorded run."""
        return RecordedScene(self, rule, seed, mode)


class RecordedScene(LiveScene):
    """One run that is recorded from its first rig to its end."""

    def __init__(self, target: RecordingTarget, rule: Rule, seed: int, mode: Mode) -> None:
        super().__init__(target, seed, mode)
        self._target = target
        self._rule = rule
        self._stack = ExitStack()
        self._began: datetime | None = None
        self._references: list[str] = []

    def rig(self, clinic: Any, **options: Any) -> Rig:  # noqa: ARG002 - a sandbox has one clinic
        """A rig; the first one begins the recording."""
        self.pause()
        if self._began is None:
            self._began = self.pace.now()
            key = self._target.sandbox.fields.get("api_key", "")
            form = self._target.adapter.form.api_key
            own = {nowhere(value) for value in self._target.sandbox.fields.values()}
            scrubber = Scrubber(
                self._target.allowed,
                key,
                self._began.date(),
                parts=lambda one: form.groups(one).values(),
                own=own,
                fresh=True,
                home=self._home(),
            )
            credentials, path = (
                Credentials(self._target.adapter.auth, key),
                cassette_of(self._target.directory, self._rule),
            )
            self._stack.enter_context(record(path, scrubber, credentials, self._describe))
        return self._rig(options)

    def _home(self) -> str:
        """The host that is asked, with its port."""
        adapter, sandbox = self._target.adapter, self._target.sandbox
        accepted = adapter.form.accept(Connection(adapter.key, **sandbox.fields))
        return urlsplit(line_address(adapter.base_url, accepted.public, sandbox.origin)).netloc

    def _describe(self, scrubber: Scrubber) -> dict[str, Any]:
        target, sandbox = self._target, self._target.sandbox
        fields = {name: scrubber.text(value) for name, value in sandbox.fields.items() if name != "api_key"}
        began = self._began or self.pace.now()
        return {
            "format": 1,
            "vendor": target.vendor,
            "adapter": target.adapter_path,
            "adapter_version": target.adapter_version,
            "rule": self._rule.id,
            "seed": self.seed,
            "recorded_at": began.isoformat(),
            "origin": ORIGIN + urlsplit(scrubber.url(sandbox.origin or "")).path.rstrip("/"),
            "connection": {**fields, "api_key": scrubber.key},
            "options": scrubber.value(dict(sandbox.options), "/options"),
            "message": sandbox.message,
            "references": list(self._references),
            "allowed": target.allowed.as_dict(),
        }

    def reference(self) -> UUID:
        """A new reference, which the recording keeps."""
        made = marked_uuid(secrets.randbits(256))
        self._references.append(made)
        return UUID(made)

    def close(self) -> None:
        """End the recording, which scrubs and writes it."""
        self._stack.close()


@dataclass(frozen=True)
class Recorded:
    """What became of one rule: its verdict while it was recorded, and the file; None where nothing was kept."""

    result: Result
    path: Path | None


def record_rules(
    target: LiveTarget,
    directory: Path,
    rules: Iterable[Rule],
    *,
    seed: int = 1,
    on_progress: Callable[[Rule], None] | None = None,
) -> list[Recorded]:
    """Run the rules against the target's sandbox and keep what was said in `directory`, scrubbed.

    Recordings of rules that did not hold are kept too: what a vendor answered is worth having. Raises `KeyLeft`
    before anything is written in which the key still stands.
    """
    values = {name: getattr(target, name) for name in LiveTarget.__dataclass_fields__}
    allowed = allow_list_of(target.adapter)
    recording = RecordingTarget(**values, directory=directory, allowed=allowed)
    found = []
    for rule in rules:
        if on_progress is not None:
            on_progress(rule)
        result = run_rule(replace(rule, driver=False), recording, seed, repeats=0)
        path = cassette_of(directory, rule)
        found.append(Recorded(result, path if path.exists() else None))
    return found


def play_again(adapter: type[Adapter], directory: Path, recorded: Iterable[Recorded]) -> dict[str, Result]:
    """Play what was just recorded, by rule: a recording that can't be played proves nothing."""
    kept = [one.result.rule for one in recorded if one.path is not None]
    if not kept:
        return {}
    target = CassetteTarget.open(adapter, directory)
    return {rule.id: run_rule(rule, target, 1, repeats=0) for rule in kept}
