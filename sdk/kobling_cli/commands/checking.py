"""`kobling check`: what is wrong with an adapter before any server runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..desk import Json, Lang
from ..exit_codes import ExitCode
from ..inspecting.project import look
from ..output import Output, shown


def check(
    path: Annotated[Path, typer.Argument(help="A project's folder, or an adapter's file.")] = Path(),
    *,
    types: Annotated[
        bool, typer.Option("--types", help="Ask mypy too, with the project's own settings where they are strict.")
    ] = False,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Say in seconds what is wrong with an adapter, which need not be installed: a line for each, with the fix.

    The code is read, then loaded in a process of its own, with an environment that holds no secrets. Exit code 1 when
    something was found, also what is not written yet.

    JSON: {"path", "adapters": ["my-system"], "findings": [{"file", "line", "code", "text": {"nb", "en"}, "page"}]}
    """
    out = Output(lang=lang, as_json=as_json)
    found = look(path, types=types)
    code = ExitCode.NO if found.findings else ExitCode.SUCCESS
    if as_json:
        rows = [one.as_dict() for one in found.findings]
        out.document("check", {"path": str(path), "adapters": list(found.keys), "findings": rows})
        return code
    for one in found.findings:
        file = _from_here(found.root / one.file)
        where = f"{file}:{one.line}" if one.line else file
        out.line(f"{shown(where)}: {shown(one.text(lang))} [kobling about {one.page}]")
    place = shown(str(path) if path.name not in ("", "..") else found.root.name)
    if not found.findings:
        key = "clean" if len(found.keys) == 1 and path.is_dir() else "clean_file"
        out.line(out.say("check", key, path=place, keys=", ".join(found.keys)), "bold green")
        return code
    left = sum(one.code == "not_written" for one in found.findings)
    key = "found_and_left" if left else "found"
    told = out.say("check", key, count=len(found.findings), path=place, left=left)
    out.note(told, "bold red" if left < len(found.findings) else "bold yellow")
    return code


def _from_here(file: Path) -> str:
    """The file as an editor or a terminal opens it from this folder."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
