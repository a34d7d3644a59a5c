"""Our docstrings are plain text with `code` in single backticks; this turns them into what autodoc reads.

Paragraphs stay paragraphs, lines that are set in become code, lists that begin with "- " stay lists, and nothing else
is markup: a lone asterisk or underscore is just that. A model's fields are listed from its own annotations, each with
its default and with what the docstring says of it (`name: …`).
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
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


def _fields(owner: type[Any], about: Mapping[str, str]) -> list[str]:
    """The fields of a model or data class, as they are written in its source. about: what is said of each."""
    written = inspect.get_annotations(owner)
    if issubclass(owner, BaseModel):
        known = owner.model_fields
        rows = [(name, _default(known[name])) for name in written if name in known]
    elif dataclasses.is_dataclass(owner):
        rows = [(field.name, "") for field in dataclasses.fields(owner) if field.name in written]
        rows = [row for row in rows if not row[0].startswith("_")]
    else:
        return []
    spelled = {name: _spelled(str(written[name]), owner) for name, _ in rows}
    return [
        f"- ``{name}``: ``{spelled[name]}``{left}{f' {EM_DASH} {_text(about[name])}' if name in about else ''}"
        for name, left in rows
    ]


EM_DASH = "\N{EM DASH}"


def _default(field: FieldInfo) -> str:
    """What a field is where it is left out; of a model or what is made anew, only that it may be."""
    if field.is_required():
        return ""
    plain = field.default_factory is None and not isinstance(field.default, BaseModel)
    return f" = ``{_json_like(field.default)}``" if plain else " (may be left out)"


def _json_like(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _spelled(annotation: str, owner: type[Any]) -> str:
    """An annotation in which the name of a choice of a few words is the choice itself."""
    known = vars(sys.modules[owner.__module__])
    return _NAME.sub(lambda name: _choice(known.get(name[0]), name[0]), annotation)


MOST_SPELLED = 4


def _choice(meant: object, name: str) -> str:
    if get_origin(meant) is not Literal or len(get_args(meant)) > MOST_SPELLED:
        return name
    return f"Literal[{', '.join(map(repr, get_args(meant)))}]"


_NAME = re.compile(r"(?<![.\w'\"])[A-Z]\w*")


def _split(paragraph: str, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """A paragraph without what it says of single fields, and that, by the field: `name: …` up to the next name."""
    known = set(names)
    starts = [one for one in _ABOUT.finditer(paragraph) if set(one["names"].split(", ")) <= known]
    if not starts:
        return paragraph, {}
    about: dict[str, str] = {}
    for one, end in zip(starts, [*(each.start() for each in starts[1:]), len(paragraph)], strict=True):
        for name in one["names"].split(", "):
            about[name] = paragraph[one.end() : end].strip()
    return paragraph[: starts[0].start()].strip(), about


_ABOUT = re.compile(r"(?:^|(?<=[.)] ))(?P<names>[a-z_]+(?:, [a-z_]+)*): ")


def _described(owner: type[Any], lines: list[str]) -> tuple[list[str], dict[str, str]]:
    """A class's docstring without what it says of single fields, and that, by the field."""
    names = {*getattr(owner, "model_fields", {}), *getattr(owner, "__dataclass_fields__", {})}
    left: list[str] = []
    about: dict[str, str] = {}
    for paragraph in _paragraphs(lines):
        if paragraph[0].startswith((">>>", "    ", "- ")):
            left += [*paragraph, ""]
            continue
        rest, said = _split(" ".join(line.strip() for line in paragraph), names)
        about |= said
        left += [rest, ""] if rest else []
    return left, about


def _docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    if not (isinstance(obj, type) and what in ("class", "exception")):
        lines[:] = _readable(lines)
        return
    rest, about = _described(obj, lines)
    fields = _fields(obj, about)
    lines[:] = _readable(rest if fields else lines)
    if fields:
        lines += ["Fields:", "", *fields, ""]


def _signature(app: Sphinx, what: str, name: str, obj: object, options: object, signature: str, returns: str) -> object:
    """A model's or data class's own signature repeats its fields."""
    if isinstance(obj, type) and (issubclass(obj, BaseModel) or dataclasses.is_dataclass(obj)) and _fields(obj, {}):
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
