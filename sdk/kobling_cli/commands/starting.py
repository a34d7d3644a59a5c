"""`kobling new` and `kobling update`: a project for a vendor's adapter, and what the template has changed since."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..desk import Json, Lang
from ..exit_codes import ExitCode
from ..output import Output, shown
from ..problems import Problem
from ..wording import words

KEY = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
OURS = frozenset({"cli", "contract", "kobling", "mocks", "mutants", "zoo"})
"""Names whose package, `kobling_NAME`, would hide one of Kobling's own."""
QUESTIONS = (
    "name, address (one, own), departments (yes, no: places or sites where patients are received), "
    "key_in (bearer, header, basic, body), books (yes, no), overlap (refused, accepted, unknown)"
)


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The system's key, as my-system.", show_default=False)],
    directory: Annotated[
        Path | None, typer.Argument(help="Where to write it; NAME in this folder when left out.", show_default=False)
    ] = None,
    *,
    defaults: Annotated[bool, typer.Option("--defaults", help="Ask nothing: take each question's default.")] = False,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", metavar="QUESTION=ANSWER", help=f"An answer; repeatable. Questions: {QUESTIONS}."),
    ] = None,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Start an adapter: write a project with its mock, tests and contract test, red in exactly the places to fill.

    Needs neither a network nor git. Without --defaults the questions that --data leaves open are asked.

    JSON: {"name", "folder", "files": [..]}
    """
    out = Output(lang=lang, as_json=as_json)
    if not KEY.fullmatch(name):
        raise Problem("bad_name")
    if name in OURS:
        raise Problem("name_of_ours", name=name)
    given = _answers(data or ())
    folder = directory or Path(name)
    open_ones = () if defaults else _carried_out("open_questions", given)
    if open_ones and not sys.stdin.isatty():
        raise Problem("no_terminal", questions=", ".join(open_ones))
    made = _carried_out("make_project", name, folder, given, ask=bool(open_ones), words=words(lang)["new"])
    if as_json:
        out.document("new", {"name": name, "folder": str(folder), "files": list(made)})
        return ExitCode.SUCCESS
    module = name.replace("-", "_")
    out.line(out.say("new", "made", folder=shown(str(folder)), count=len(made)), "bold green")
    out.line(out.say("new", "next"))
    steps = (
        (f'cd {folder} && python -m pip install -e ".[test]" && python -m pytest', "run"),
        (f"{folder}/src/kobling_{module}/adapter.py", "write"),
        (f"{folder}/src/{module}_mock/__init__.py", "mock"),
        (f"kobling check {folder}", "look"),
    )
    for command, why in steps:
        out.line(f"  {shown(command)}")
        out.line(f"      {out.say('new', why)}", "dim")
    out.line(out.say("new", "page", folder=shown(str(folder))))
    return ExitCode.SUCCESS


def update(
    directory: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    *,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Bring into a project what the template of the installed Kobling has changed since. Your own changes stay.

    Exit code 1 when both sides changed the same lines: git's markers stand there. Needs git, and everything committed.

    JSON: {"folder", "before", "version", "changed": [file], "conflicts": [file]}
    """
    out = Output(lang=lang, as_json=as_json)
    done = _carried_out("update_project", directory)
    code = ExitCode.NO if done.conflicts else ExitCode.SUCCESS
    if as_json:
        told = {"before": done.before, "version": done.version}
        files = {"changed": list(done.changed), "conflicts": list(done.conflicts)}
        out.document("update", {"folder": str(directory), **told, **files})
        return code
    if not done.changed:
        out.line(out.say("new", "up_to_date", version=done.version))
        return code
    out.line(out.say("new", "updated", before=done.before, version=done.version, count=len(done.changed)))
    for path in done.changed:
        out.line(f"  {shown(path)}")
    for path in done.conflicts:
        out.line(out.say("new", "conflict", path=shown(path)), "bold red")
    return code


def _answers(data: Iterable[str]) -> dict[str, str]:
    given = {}
    for one in data:
        question, sign, answer = one.partition("=")
        if not sign:
            raise Problem("bad_data")
        given[question.strip()] = answer
    return given


def _carried_out(what: str, *arguments: Any, **named: Any) -> Any:
    """What `starting.project` does, with copier, which only these two commands need."""
    try:
        from ..starting import project
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="new") from None
    problem: Problem
    try:
        return getattr(project, what)(*arguments, **named)
    except project.Refused as refused:
        values: dict[str, Any] = {name: shown(value) for name, value in refused.values.items()}
        problem = Problem(refused.code, **values)
    raise problem
