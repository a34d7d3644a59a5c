"""What the command line itself refuses: a word, an exit code, and a text in both languages. Never what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kobling import KoblingError

from .exit_codes import ExitCode
from .wording import LANGUAGES, Language, say


class Problem(Exception):
    """Something the person at the keyboard can put right. `code` names its text in `words/*.toml`, table `problem`.

    values: what the text's placeholders stand for; never a key, never a patient.
    """

    def __init__(self, code: str, exit_code: ExitCode = ExitCode.USAGE, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.exit_code = exit_code
        self.values = values

    def explain(self, lang: Language) -> str:
        """What is wrong and what to do."""
        return say("problem", self.code, lang, **self.values)

    def as_dict(self) -> dict[str, Any]:
        """The same for a machine, with the keys that `KoblingError.as_dict` also has."""
        return {"code": self.code, "effect": "none", "text": {lang: self.explain(lang) for lang in LANGUAGES}}


class Told(Exception):
    """An error of Kobling, with what the command adds: facts for a machine to read, such as the ticket's path, and a
    hint for the person who typed it."""

    def __init__(self, error: KoblingError, facts: Mapping[str, str], hint: str = "") -> None:
        super().__init__(error.code)
        self.error = error
        self.facts = facts
        self.hint = hint
