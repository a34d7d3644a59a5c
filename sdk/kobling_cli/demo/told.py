"""How the demo speaks: a numbered step, what came back, and a check that what is said is true."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any

from ..output import Output, shown

INDENT = "   "
WIDEST = 100
"""Columns that a line of the story takes at most, also where there are more."""


class NotTrue(Exception):
    """Something came back otherwise than the story says. The text names the step."""


@dataclass
class Teller:
    """Prints the story's lines."""

    out: Output
    step_name: str = ""
    number: int = 0
    stories: list[dict[str, Any]] = field(default_factory=list)
    """What was told so far, for `--json`: a vendor each, with its steps and their lines."""

    def vendor(self, name: str, url: str) -> None:
        """A vendor's story begins."""
        self.number = 0
        self.stories.append({"vendor": name, "origin": url, "steps": []})
        if not self.out.as_json:
            self.out.line(f"{name}  ({url})", "bold underline")

    def step(self, name: str) -> None:
        """A step begins."""
        self.number += 1
        self.step_name = name
        self.stories[-1]["steps"].append({"step": name, "lines": []})
        if not self.out.as_json:
            self.out.line(f"{self.number}. {name}", "bold cyan")

    def say(self, text: str, style: str = "") -> None:
        """What came back."""
        self.stories[-1]["steps"][-1]["lines"].append(shown(text))
        if not self.out.as_json:
            width = min(self.out.console.width, WIDEST) - len(INDENT)
            for row in textwrap.wrap(shown(text), width, subsequent_indent="  ", break_on_hyphens=False):
                self.out.line(f"{INDENT}{row}", style)

    def check(self, holds: bool, what: str) -> None:
        """Stop the story when it is not true."""
        if not holds:
            raise NotTrue(f"{self.step_name}: {what}")
