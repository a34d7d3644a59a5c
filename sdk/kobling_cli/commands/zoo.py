"""`kobling zoo`: what the contract suite catches, measured on adapters with planted faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ..desk import Lang
from ..exit_codes import ExitCode
from ..output import Output
from ..problems import Problem

if TYPE_CHECKING:
    from kobling_zoo.matrix import Matrix


def zoo(
    *,
    only: Annotated[
        list[int] | None, typer.Option("--only", help="The number of a fault; repeatable. Default: everything.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every rule on every adapter: which others a fault fails. Takes hours.")
    ] = False,
    document: Annotated[
        Path | None, typer.Option("--json", help="Also write the matrix to this file.", dir_okay=False)
    ] = None,
    lang: Lang = "nb",
) -> int:
    """Test the contract suite itself: planted faults must be found, good adapters pass, empty ones pass nothing.

    Exit code 0 when every fault is found or impossible, 1 when not, 10 when the suite broke.

    The file: {"faults", "killed", "by_construction", "false_reds", "null_passes", "faults_detail": [{"number", "fault",
    "state", "exhibits": [{"adapter", "vendor", "rule", "cause", "verdict", "twin", "killed"}], "attempts": […]}], …}
    """
    out = Output(lang=lang, as_json=False)
    matrix = _examined(tuple(only or ()), full, out)
    for line in matrix.lines()[:-1]:
        out.line(line)
    out.line(matrix.lines()[-1], "bold green" if matrix.good else "bold red")
    if document is not None:
        document.write_text(json.dumps(matrix.as_dict(), ensure_ascii=False, indent=1) + "\n", "utf-8")
    if matrix.errors:
        return int(ExitCode.SUITE_ERROR)
    return int(ExitCode.SUCCESS if matrix.good else ExitCode.NO)


def _examined(only: tuple[int, ...], full: bool, out: Output) -> Matrix:
    try:
        import kobling_contract  # noqa: F401 - tells the two parts apart that may be missing
        from kobling_mocks import Mock  # noqa: F401
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="contract") from None
    try:
        from kobling_zoo.matrix import examine
    except ModuleNotFoundError:
        raise Problem("adapters_missing") from None
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=out.errors, transient=True,
        disable=not out.errors.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("zoo", total=None)
        try:
            return examine(only, full=full, on_progress=lambda done, total, what: bar.update(
                task, completed=done, total=total, description=what or "zoo"))  # fmt: skip
        except LookupError:
            pass
    raise Problem("no_fault", numbers=", ".join(map(str, only)))
