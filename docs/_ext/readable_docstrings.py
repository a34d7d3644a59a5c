"""Our docstrings are plain text with `code` in single backticks; this turns them into what autodoc reads.

Paragraphs stay paragraphs, lines that are set in become code, lists that begin with "- " stay lists, and nothing else
is markup: a lone asterisk or underscore is just that. A model's fields are listed from its own annotations.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

from pydantic import BaseModel
from sphinx.application import Sphinx

_CODE = re.compile(r"`([^`]+)`")
_MARKUP = re.compile(r"([\\*|_])")


def _text(line: str) -> str:
    """One line with its code spans as literals and everything else as it stands."""
    out: list[str] = []
    end = 0
    for span in _CODE.finditer(line):
        out.append(_MARKUP.sub(r"\\\1", line[end : span.start()]))
        out.append(f"``{span[1].strip()}``\\ ")
        end = span.end()
    out.append(_MARKUP.sub(r"\\\1", line[end:]))
    return "".join(out)


def _paragraphs(lines: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            found[-1].append(line.rstrip())
        elif found[-1]:
            found.append([])
    return [one for one in found if one]


def _readable(lines: list[str]) -> list[str]:
    out: list[str] = []
    for paragraph in _paragraphs(lines):
        first = paragraph[0]
        if first.startswith((">>>", "    ")):
            body = [line[4:] if first.startswith("    ") else line for line in paragraph]
            out += [".. code-block:: text", "", *("   " + line for line in body), ""]
        elif first.startswith("- "):
            item = ""
            for line in [*paragraph, "- "]:
                if line.startswith("- "):
                    out += [f"- {_text(item)}"] if item else []
                    item = line[2:]
                else:
                    item += " " + line.strip()
            out.append("")
        else:
            out += [_text(" ".join(line.strip() for line in paragraph)), ""]
    return out


def _fields(owner: type[Any]) -> list[str]:
    """The fields of a model or data class, as they are written in its source."""
    written = inspect.get_annotations(owner)
    if issubclass(owner, BaseModel):
        known = owner.model_fields
        rows = [(name, "" if known[name].is_required() else " (may be left out)") for name in written if name in known]
    elif dataclasses.is_dataclass(owner):
        rows = [(field.name, "") for field in dataclasses.fields(owner) if field.name in written]
        rows = [row for row in rows if not row[0].startswith("_")]
    else:
        return []
    return [f"- ``{name}``: ``{written[name]}``{left}" for name, left in rows]


def _docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = _readable(lines)
    if isinstance(obj, type) and what in ("class", "exception") and (fields := _fields(obj)):
        lines += ["Fields:", "", *fields, ""]


def _signature(app: Sphinx, what: str, name: str, obj: object, options: object, signature: str, returns: str) -> object:
    """A model's or data class's own signature repeats its fields."""
    if isinstance(obj, type) and (issubclass(obj, BaseModel) or dataclasses.is_dataclass(obj)) and _fields(obj):
        return "", ""
    return None


def _skip(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """What pydantic puts into every model has no sentence of ours, and autodoc would show pydantic's."""
    if not hasattr(BaseModel, name) or name.startswith("_"):
        return None
    theirs = (getattr(obj, "__module__", None) or "").startswith("pydantic")
    return True if name == "model_config" or theirs or not obj.__doc__ else None


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}
