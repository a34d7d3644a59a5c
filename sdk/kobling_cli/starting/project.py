"""Making a project from the template, and bringing a later template into it. copier does the work."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from copier import Settings, run_copy, run_update
from copier.errors import CopierError

from .history import REPOSITORY, TEMPLATES, newest, write_history

__all__ = ["ANSWERS", "Refused", "Updated", "make_project", "open_questions", "questions", "update_project"]

ANSWERS = ".copier-answers.yml"
"""What a project was made with: the answers, the template's repository, and its version."""

_NO = frozenset({"n", "no", "f", "false", "off", "0"})
"""How a question of yes or no is answered with no."""


class Refused(Exception):
    """It can't be done. `code` is the text's key among the command line's problems; `values` fill it in."""

    def __init__(self, code: str, **values: str) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(frozen=True)
class Updated:
    """What an update did. version: now. changed: files that it wrote, from the project's root. conflicts: those in
    which both sides changed the same lines; git's markers stand there."""

    before: str
    version: str
    changed: tuple[str, ...]
    conflicts: tuple[str, ...]


def questions(templates: Path = TEMPLATES) -> tuple[str, ...]:
    """The names of the questions that a person is asked, beside the key."""
    asked = yaml.safe_load((newest(templates) / "copier.yml").read_text("utf-8"))
    return tuple(
        name for name, one in asked.items() if name[0] != "_" and name != "key" and one.get("when") is not False
    )


def open_questions(given: Mapping[str, str], templates: Path = TEMPLATES) -> tuple[str, ...]:
    """The questions that a person is asked who has given these answers: without those that an answer makes needless, as
    how a system books that can only be searched."""
    asked = yaml.safe_load((newest(templates) / "copier.yml").read_text("utf-8"))
    no = {f"{{{{ {name} }}}}" for name, answer in given.items() if answer.strip().lower() in _NO}
    return tuple(name for name in questions(templates) if name not in given and asked[name].get("when") not in no)


def make_project(
    key: str,
    folder: Path,
    given: Mapping[str, Any],
    *,
    ask: bool,
    words: Mapping[str, str],
    templates: Path = TEMPLATES,
) -> tuple[str, ...]:
    """Write the project of a vendor into a folder that is empty or not there; the files' names, from its root.

    given: answers by question; ask: the others are asked at the terminal, instead of taking their defaults. words: what
    is asked, by question. Needs neither a network nor git. Raises `Refused`.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused("folder_not_empty", path=str(folder))
    unknown = sorted(set(given) - set(questions(templates)))
    if unknown:
        raise Refused("no_question", names=", ".join(unknown), questions=", ".join(questions(templates)))
    data = {**given, "key": key, "words": dict(words)}
    problem = Refused("bad_answer", what="")
    try:
        run_copy(str(newest(templates)), folder, data, defaults=not ask, quiet=True, settings=Settings())
    except (CopierError, ValueError, TypeError) as error:
        problem = Refused("bad_answer", what=str(error))
    else:
        files = (path for path in folder.rglob("*") if path.is_file())
        return tuple(sorted(path.relative_to(folder).as_posix() for path in files))
    raise problem


def update_project(folder: Path, *, templates: Path = TEMPLATES) -> Updated:
    """Merge what the template has changed since the project was made or last updated. The project must be a git
    repository without changes that are not committed, so that what the update did can be seen and undone. What its
    developer changed stays; where both changed the same lines, git's conflict markers say so. Raises `Refused`.
    """
    before = _version(folder)
    if shutil.which("git") is None:
        raise Refused("no_git")
    problem = ""
    repository = Path(REPOSITORY).expanduser()
    try:
        write_history(repository, templates)
    except (OSError, subprocess.CalledProcessError):
        problem = "template_unwritable"
    if problem:
        raise Refused(problem, path=str(repository))
    try:
        run_update(folder, defaults=True, overwrite=True, quiet=True, settings=Settings())
    except (CopierError, ValueError, TypeError) as error:
        problem = str(error)
    if problem:
        raise Refused("not_updated", what=problem)
    status = subprocess.run(
        ["git", "status", "--porcelain", "--no-renames", "-z", "--", "."],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    rows = [row for row in status.split("\0") if row]
    conflicts = tuple(row[3:] for row in rows if "U" in row[:2] or row[:2] in ("AA", "DD"))
    return Updated(before, _version(folder), tuple(row[3:] for row in rows), conflicts)


def _version(folder: Path) -> str:
    """The template's version that a project is at. Raises `Refused` for a folder that `kobling new` did not make."""
    told: Any = None
    with suppress(OSError, ValueError, yaml.YAMLError):
        told = yaml.safe_load((folder / ANSWERS).read_text("utf-8"))
    if not isinstance(told, dict) or told.get("_src_path") != REPOSITORY or not isinstance(told.get("_commit"), str):
        raise Refused("not_made_by_new", path=str(folder))
    return str(told["_commit"])
