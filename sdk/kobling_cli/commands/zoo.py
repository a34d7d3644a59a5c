"""`kobling zoo`: what the contract suite catches, measured on adapters with planted faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ..desk import Lang
from ..exit_codes import ExitCode
from ..output import Output
from ..problems import Problem

if TYPE_CHECKING:
    from kobling_zoo.matrix import Matrix


class From(StrEnum):
    """What else than the mock faults are looked for from. An enumeration, since typer has no lists of literals."""

    CASSETTE = "cassette"
    LIVE = "live"


def zoo(
    *,
    only: Annotated[
        list[int] | None, typer.Option("--only", help="The number of a fault; repeatable. Default: everything.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every rule on every adapter: which others a fault fails. Takes hours.")
    ] = False,
    target: Annotated[
        list[From] | None,
        typer.Option(
            "--target", help="Also look from recordings or a sandbox; repeatable. A quarter of an hour for each."
        ),
    ] = None,
    document: Annotated[
        Path | None, typer.Option("--json", help="Also write the matrix to this file.", dir_okay=False)
    ] = None,
    lang: Lang = "nb",
) -> int:
    """Test the contract suite itself: planted faults must be found, good adapters pass, empty ones pass nothing.

    What a fault looks like is measured on the mocks. --target also measures which faults recordings (cassette) or a
    sandbox (live: a mock on a socket) show. In a FILE that is written again, what was measured there before stands.

    Exit code 0 when every fault is found or impossible, 1 when not, 10 when the suite broke.

    The file: {"faults", "killed", "by_construction", "false_reds", "null_passes", "faults_detail": [{"number", "fault",
    "state", "exhibits": [{"adapter", "vendor", "rule", "cause", "verdict", "twin", "killed"}], "attempts": […]}],
    "targets": [{"target", "killed", "seen", "asks_otherwise", "survives", "unprovable", "errors", "exhibits":
    [{"adapter", "rule", "state", "by"}]}], …}
    """
    out = Output(lang=lang, as_json=False)
    matrix = _examined(tuple(only or ()), full, tuple(target or ()), out)
    for line in matrix.lines()[:-1]:
        out.line(line)
    out.line(matrix.lines()[-1], "bold green" if matrix.good else "bold red")
    if document is not None:
        told = matrix.as_dict()
        told["targets"] = [*_measured_before(document, {one["target"] for one in told["targets"]}), *told["targets"]]
        document.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
    if matrix.errors or any(one["errors"] for one in matrix.targets):
        return int(ExitCode.SUITE_ERROR)
    return int(ExitCode.SUCCESS if matrix.good else ExitCode.NO)


def _measured_before(document: Path, anew: set[str]) -> list[dict[str, Any]]:
    """What a file of an earlier run tells of the targets that were not looked from this time."""
    try:
        rows = json.loads(document.read_text("utf-8")).get("targets", [])
    except (OSError, ValueError, AttributeError):
        return []
    return [one for one in rows if isinstance(one, dict) and one.get("target") not in anew]


def _examined(only: tuple[int, ...], full: bool, targets: tuple[From, ...], out: Output) -> Matrix:
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

        def tell(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what or "zoo")

        try:
            matrix = examine(only, full=full, on_progress=tell)
        except LookupError:
            pass
        else:
            return replace(matrix, targets=_seen_from(targets, only, tell)) if targets else matrix
    raise Problem("no_fault", numbers=", ".join(map(str, only)))


def _seen_from(
    targets: tuple[From, ...], only: tuple[int, ...], tell: Callable[[int, int, str], None]
) -> tuple[dict[str, Any], ...]:
    from kobling_zoo.per_target import look_from, target_rows

    return tuple(target_rows(look_from([one.value for one in targets], only, on_progress=tell)))
