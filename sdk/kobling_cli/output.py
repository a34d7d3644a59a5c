"""Where a command writes: one JSON document on stdout for machines, or coloured lines for people.

Answers go to stdout, progress and errors to stderr. Colour is rich's affair: none in a pipe or with NO_COLOR.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from .wording import Language, say

PIPE_WIDTH = 200
"""Columns of a table that goes into a pipe or a file, where there is no terminal to ask."""


def shown(text: str) -> str:
    """A vendor's text as a terminal may show it: control and direction characters are taken out."""
    return "".join(sign for sign in text if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


@dataclass
class Output:
    """How one command speaks: in which language, and to whom."""

    lang: Language = "nb"
    as_json: bool = False
    console: Console = field(default_factory=_console)
    errors: Console = field(default_factory=lambda: _console(stderr=True))

    def document(self, schema: str, content: dict[str, Any]) -> None:
        """The one JSON document of a command; `schema` names its shape and version."""
        print(json.dumps({"schema": f"kobling-{schema}/1", **content}, ensure_ascii=False, indent=2), flush=True)

    def text(self, content: str) -> None:
        """A document that is already written, as it is."""
        print(content, end="", flush=True)

    def markdown(self, content: str) -> None:
        """A page, laid out where a person reads it, and as it is written in a pipe."""
        if self.console.is_terminal:
            self.console.print(Markdown(content, hyperlinks=False))
        else:
            self.text(content)

    def say(self, table: str, key: str, /, **values: object) -> str:
        """A text of the command line in this command's language."""
        return say(table, key, self.lang, **values)

    def line(self, text: str = "", style: str = "") -> None:
        """A line of the answer."""
        self.console.print(Text(text, style=style), soft_wrap=True)

    def note(self, text: str, style: str = "dim") -> None:
        """A line beside the answer, on stderr."""
        self.errors.print(Text(text, style=style), soft_wrap=True)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], styles: Sequence[str] = ()) -> None:
        """A table. Texts are shown as they are, ids are never cut."""
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for number, head in enumerate(heads):
            table.add_column(head, style=styles[number] if number < len(styles) else "", overflow="fold")
        for row in rows:
            table.add_row(*(Text(shown(cell)) for cell in row))
        self.console.print(table)

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """A spinner on stderr while something takes long; nothing in a pipe or with --json."""
        if self.as_json or not self.errors.is_terminal:
            yield
            return
        with self.errors.status(Text(text)):
            yield
