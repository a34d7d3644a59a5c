"""`kobling fuzz`: hostile answers to one adapter, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn

from kobling import KoblingError

from ..desk import Json, Lang, Vendor
from ..exit_codes import ExitCode
from ..output import Output
from ..problems import Problem
from .certifying import no_target

if TYPE_CHECKING:
    from kobling_contract.hostile.fuzz import Report

SECONDS = 15.0


def fuzz(
    vendor: Vendor,
    *,
    operation: Annotated[
        list[str] | None, typer.Option("--operation", help="An operation, as list_slots; repeatable. Default: all.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.1, help=f"Of one core; {SECONDS:g} unless --cases is given.")
    ] = None,
    cases: Annotated[int | None, typer.Option("--cases", min=1, help="At most so many for each operation.")] = None,
    case: Annotated[
        str | None, typer.Option("--case", help="This one case of one operation, as a finding names it.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The seed of worlds and changes.")] = 1,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Feed a vendor's adapter with changed answers, thousands a second, and tell what breaks.

    Exit code 0 when nothing was found, 1 when something was, 11 no adapter or mock of that vendor, 12 nothing was
    tested.

    JSON: {"vendor", "seed", "cases", "answers", "seconds", "answers_per_second", "made": {"answers", "seconds"},
    "operations": {name: {"cases", "answers", "returned", "refused"}}, "findings": [{"rule", "cause", "operation",
    "case", "changes", "exchange", "expected", "got", "reproduce"}], "exit_code"}. `made` counts what Hypothesis made;
    `answers_per_second` leaves it out.
    """
    out = Output(lang=lang, as_json=as_json)
    if case is not None and len(operation or ()) != 1:
        raise Problem("case_of_one_operation")
    limit = seconds if seconds is not None or cases is not None else SECONDS
    report = _run(vendor, operation or [], limit, cases, case, seed, out)
    code = ExitCode.NO if report.findings else ExitCode.SUCCESS if report.cases else ExitCode.NOTHING_TESTED
    if as_json:
        out.document("fuzz", {**report.as_dict(), "exit_code": int(code)})
        return int(code)
    *lines, headline = report.lines()
    for line in lines:
        out.line(line)
    out.line(headline, "bold green" if code is ExitCode.SUCCESS else "bold red")
    return int(code)


def _run(
    vendor: str,
    operations: list[str],
    seconds: float | None,
    cases: int | None,
    case: str | None,
    seed: int,
    out: Output,
) -> Report:
    try:
        from kobling_contract.hostile.fuzz import fuzz as run
        from kobling_contract.hostile.recording import NotRecorded
        from kobling_contract.target import TargetUnavailable, find_target
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="contract") from None
    problem: Problem | None = None
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), console=out.errors, transient=True,
        disable=out.as_json or not out.errors.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(vendor, total=seconds)

        def told(done: int, spent: float) -> None:
            rate = done / spent if spent else 0.0
            bar.update(task, completed=spent, description=out.say("line", "fuzzed", cases=done, rate=f"{rate:.0f}"))

        try:
            return run(
                find_target(vendor), seed=seed, operations=operations, seconds=seconds, cases=cases, case=case,
                on_progress=told,
            )  # fmt: skip
        except TargetUnavailable:
            problem = None
        except NotRecorded as nothing:
            problem = Problem("nothing_recorded", ExitCode.NOTHING_TESTED, what=str(nothing))
        except KoblingError as error:
            problem = Problem("nothing_recorded", ExitCode.NOTHING_TESTED, what=str(error))
        except LookupError as error:
            problem = Problem("no_case", what=str(error.args[0]))
    raise problem or no_target(vendor)
