"""What can be found in an adapter before any server runs, and which page tells of it. The sentences stand in
`words/*.toml`, table `finding`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from kobling.texts import explain_defect

from ..wording import LANGUAGES, Language, say

__all__ = ["PAGES", "Finding"]

START: Final = "how-to/start-an-adapter"
CONTRACT: Final = "reference/contract"
HTTP: Final = "reference/http"
NO_IO: Final = "why/one-adapter-two-callers"
CLOCKS: Final = "why/wall-clocks"
MOCK: Final = "how-to/write-a-dialect"

PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # ---- the project
        "syntax": START,
        "not_toml": START,
        "no_entry_point": START,
        "entry_point_elsewhere": START,
        "no_adapter": START,
        "does_not_load": START,
        "never_ends": START,
        "ends_the_process": START,
        "needs_module": START,
        "mock_without_key": MOCK,
        "mock_does_not_load": MOCK,
        "no_mock": MOCK,
        # ---- what the loader says, and the data
        "contract": CONTRACT,
        "not_written": START,
        "no_example": CONTRACT,
        "example_refused": CONTRACT,
        "no_help": CONTRACT,
        "codes_not_read": "reference/errors",
        "no_refusals": "reference/errors",
        "status_not_yours": "why/lost-answers",
        "no_patient_fields": CONTRACT,
        "unkept": "how-to/overlaps-accepted",
        "no_source": "how-to/overlaps-accepted",
        # ---- the code
        "outside_class": START,
        "inside_function": START,
        "not_awaited": NO_IO,
        "awaits_in_finally": NO_IO,
        "does_io": NO_IO,
        "prints": "why/the-key-is-not-yours",
        "reads_environment": "why/the-key-is-not-yours",
        "own_clock": "why/now",
        "reads_time": CLOCKS,
        "text_in_path": HTTP,
        "whole_address": HTTP,
        "write_in_read": HTTP,
        "catches_all": "why/lost-answers",
        "keeps_state": CONTRACT,
        # ---- what it does with strange answers
        "raises_on": "how-to/feed-hostile-answers",
        "breaks_on": CONTRACT,
        # ---- types
        "type": START,
        "no_types": START,
    }
)
"""Each finding's page."""


@dataclass(frozen=True, order=True)
class Finding:
    """One finding. file: from where the check was begun. line: from 1, 0 for a whole file. values: what the sentence's
    placeholders stand for."""

    file: str
    line: int
    code: str
    values: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def page(self) -> str:
        """What to read, with the section about the operation, where there is one."""
        anchor = f"#{self.values['operation']}" if self.code == "not_written" else ""
        return PAGES[self.code] + anchor

    def text(self, lang: Language) -> str:
        """What is wrong, and what to do."""
        values = dict(self.values)
        if self.code == "breaks_on":
            values["mend"] = explain_defect(values["error"], lang)
        return say("finding", self.code, lang, **values)

    def as_dict(self) -> dict[str, Any]:
        """For a machine."""
        texts = {lang: self.text(lang) for lang in LANGUAGES}
        return {"file": self.file, "line": self.line, "code": self.code, "text": texts, "page": self.page}
