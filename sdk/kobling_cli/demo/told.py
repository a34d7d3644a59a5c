"""How the demo speaks: a numbered step, what came back, and a check that what is said is true."""

from __future__ import annotations

from dataclasses import dataclass

from ..output import Output, shown


class NotTrue(Exception):
    """Something came back otherwise than the story says. The text names the step."""


@dataclass
class Teller:
    """Prints the story's lines."""

    out: Output
    step_name: str = ""
    number: int = 0

    def vendor(self, name: str, url: str) -> None:
        """A vendor's story begins."""
        self.number = 0
        self.out.line(f"{name}  ({url})", "bold underline")

    def step(self, name: str) -> None:
        """A step begins."""
        self.number += 1
        self.step_name = name
        self.out.line(f"{self.number}. {name}", "bold cyan")

    def say(self, text: str, style: str = "") -> None:
        """What came back."""
        self.out.line(f"   {shown(text)}", style)

    def check(self, holds: bool, what: str) -> None:
        """Stop the story when it is not true."""
        if not holds:
            raise NotTrue(f"{self.step_name}: {what}")
