"""`kobling certify`: the contract suite on one adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ..desk import Json, Lang, Vendor
from ..exit_codes import ExitCode
from ..output import Output, shown
from ..problems import Problem

if TYPE_CHECKING:
    from kobling_contract.certify import Certificate


def certify(
    vendor: Vendor,
    *,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="A rule (BOOK-03) or area (BOOK); repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The seed of worlds and order.")] = 1,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Run the contract suite on a vendor's adapter against its mock, and give the verdict.

    Exit code 0 conformant, 1 not, 10 the suite broke, 11 no adapter or mock of that vendor, 12 nothing was tested.

    JSON: the certificate: {"vendor", "adapter", "headline", "conformant", "exit_code", "counts", "results": [{"rule",
    "verdict", "cause", "expected", "got", "exchange", "remedy", "reproduce"}], …}
    """
    out = Output(lang=lang, as_json=as_json)
    certificate = _run(vendor, rule, seed, out)
    if as_json:
        out.document("certify", {name: value for name, value in certificate.as_dict().items() if name != "schema"})
        return int(certificate.exit_code)
    conformant = certificate.exit_code == 0
    for number, line in enumerate(certificate.summary()):
        out.line(line, ("bold green" if conformant else "bold red") if number == 0 else "")
    return int(certificate.exit_code)


def _run(vendor: str, rules: list[str] | None, seed: int, out: Output) -> Certificate:
    try:
        from kobling_contract.certify import TargetUnavailable
        from kobling_contract.certify import certify as run
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="contract") from None
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=out.errors, transient=True,
        disable=out.as_json or not out.errors.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(vendor, total=None)

        def told(step: Any) -> None:
            bar.update(task, completed=step.done, total=step.total, description=step.rule.id)

        try:
            return run(vendor, seed=seed, rules=rules, on_progress=told)
        except TargetUnavailable:
            unavailable = True
        except LookupError:
            unavailable = False
    if unavailable:
        raise no_target(vendor)
    raise Problem("no_rule", names=", ".join(rules or ()))


def no_target(vendor: str) -> Problem:
    """What is missing: the adapter, or the mock that it is tried against."""
    from kobling import load
    from kobling_mocks import installed_dialects

    installed = load()
    if vendor in installed.adapters:
        mocks = ", ".join(sorted(installed_dialects()[0])) or "-"
        return Problem("no_mock", ExitCode.TARGET_UNAVAILABLE, installed=mocks)
    broken = "".join(f" {problem.plugin}: {problem.what}" for problem in installed.problems)
    adapters = ", ".join(sorted(installed.adapters)) or "-"
    return Problem("no_vendor", ExitCode.TARGET_UNAVAILABLE, installed=adapters, problems=shown(broken))
