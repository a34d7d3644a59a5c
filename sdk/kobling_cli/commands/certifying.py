"""`kobling certify`: the contract suite on one adapter, and the files that tell of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..certificates import read_private_key
from ..desk import Lang, Vendor, no_vendor
from ..exit_codes import ExitCode
from ..files import check_writable, read_file, write_file
from ..output import Output, shown
from ..problems import Problem
from ..verdict import tell_verdict
from .mocks import no_mock
from .recordings import AllowWrites, LedgerFile, TargetName, no_adapter_there, open_target

if TYPE_CHECKING:
    from kobling_contract.certify import Certificate, Waiver
    from kobling_contract.target import Target

FILES = "Files"


def certify(
    vendor: Vendor,
    *,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="A rule (BOOK-03) or area (BOOK); repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The seed of worlds and order.")] = 1,
    repeat: Annotated[
        int, typer.Option("--repeat", min=1, help="Run so many times, each with the next seed and another order.")
    ] = 1,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-n", min=1, help="Processes; one on each core when left out.")
    ] = None,
    adapter: Annotated[
        str | None, typer.Option("--adapter", metavar="MODULE:CLASS", help="An adapter instead of the installed one.")
    ] = None,
    waivers: Annotated[
        Path | None,
        typer.Option("--waivers", metavar="FILE", help="TOML: rules that may fail for a while, and why."),
    ] = None,
    durations: Annotated[int, typer.Option("--durations", min=0, help="Show so many of the slowest rules.")] = 0,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="A report to read.", rich_help_panel=FILES)
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="JUnit XML for CI.", rich_help_panel=FILES)
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="JSON for a program; - prints it.", rich_help_panel=FILES),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="The certificate, to archive.", rich_help_panel=FILES),
    ] = None,
    sign_key: Annotated[
        Path | None,
        typer.Option(
            "--sign-key",
            metavar="FILE",
            envvar="KOBLING_SIGN_KEY",
            rich_help_panel=FILES,
            help="The private key (PEM) that signs the certificate; `kobling make-signing-key` makes one.",
        ),
    ] = None,
    target: Annotated[
        TargetName, typer.Option("--target", help="The vendor's mock, recordings, or the vendor's own sandbox.")
    ] = "mock",
    cassettes: Annotated[
        Path | None, typer.Option("--cassettes", metavar="DIR", help="Where the recordings are (--target cassette).")
    ] = None,
    allow_writes: AllowWrites = 0,
    ledger: LedgerFile = None,
    lang: Lang = "nb",
) -> int:
    """Run the contract suite on a vendor's adapter against its mock, and give the verdict.

    Which sandbox --target live asks is said by environment variables (docs: test a live sandbox).

    Exit code 0 conformant, 1 not, 10 the suite broke, 11 no adapter, mock, recordings or sandbox of that vendor, 12
    nothing was tested. Ctrl-C ends the run: what is left counts as not run, and the files are written all the same.

    JSON: {"vendor", "adapter", "headline", "conformant", "exit_code", "counts", "areas", "seeds", "results": [{"rule",
    "verdict", "cause", "expected", "got", "exchange", "remedy", "reproduce", "seconds", …}], …}; the whole shape is in
    kobling_contract/reports/report.schema.json.
    """
    printed = json_file == Path("-")
    out = Output(lang=lang, as_json=printed)
    files = {"html": html, "junit": junit, "json": None if printed else json_file}
    for path in (*files.values(), certificate):
        if path is not None:
            check_writable(path)
    key = read_private_key(sign_key) if certificate is not None and sign_key is not None else None
    opened = None if target == "mock" else open_target(vendor, target, cassettes, allow_writes, ledger, adapter)
    found = _run(vendor, rule, seed, repeat, jobs, adapter, waivers, opened, out)
    from kobling_contract.reports import REPORTS
    from kobling_contract.seal import seal

    at = datetime.now(UTC)
    written = []
    for kind, path in files.items():
        if path is not None:
            write_file(path, REPORTS[kind](found, at).encode())
            written.append(path)
    if certificate is not None:
        write_file(certificate, seal(found, at, key))
        written.append(certificate)
    if printed:
        out.text(REPORTS["json"](found, at))
        return found.exit_code
    tell_verdict(out, found, written, durations)
    if certificate is not None and key is None:
        out.note(out.say("certify", "unsigned"), "yellow")
    return found.exit_code


def _run(
    vendor: str,
    rules: list[str] | None,
    seed: int,
    repeat: int,
    jobs: int | None,
    adapter: str | None,
    waivers: Path | None,
    target: Target | None,
    out: Output,
) -> Certificate:
    try:
        from kobling_contract.certify import BadWaiver, TargetUnavailable
        from kobling_contract.certify import certify as run
        from kobling_contract.contract import NoSuchRule
        from kobling_contract.target import NoAdapterThere, adapter_at
        from kobling_contract.waivers import read_waivers
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="contract") from None

    def excused() -> tuple[Waiver, ...]:
        return () if waivers is None else read_waivers(read_file(waivers).decode("utf-8", "replace"))

    problem: Problem
    try:
        found = adapter_at(adapter) if adapter is not None else None
        given = excused()
        with _Bar(vendor, out) as told:
            return run(
                vendor,
                seed=seed,
                repeat=repeat,
                rules=rules,
                on_progress=told,
                adapter=found,
                waivers=given,
                jobs=jobs,
                target=target,
            )
    except NoAdapterThere as nowhere:
        problem = no_adapter_there(nowhere)
    except TargetUnavailable:
        problem = no_target(vendor, adapter)
    except BadWaiver as bad:
        values: dict[str, Any] = {name: shown(str(value)) for name, value in bad.values.items()}
        problem = Problem(bad.code, **values)
    except NoSuchRule as strange:
        problem = Problem("no_rule", names=shown(strange.names), areas=strange.areas)
    raise problem


class _Bar:
    """A progress bar on a terminal's stderr, gone when it is done; nothing in a pipe, a file or with --json -."""

    def __init__(self, vendor: str, out: Output) -> None:
        quiet = out.as_json or not out.errors.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[found]}", style="red"), console=out.errors, transient=True, disable=quiet,
        )  # fmt: skip
        self._task = self._bar.add_task(vendor, total=None, found="")
        self._failed: list[str] = []

    def __enter__(self) -> Callable[[Any], None]:
        self._bar.start()
        return self._told

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _told(self, step: Any) -> None:
        if step.result is not None and step.result.needs_mending and step.rule.id not in self._failed:
            self._failed.append(step.rule.id)
        self._bar.update(
            self._task, completed=step.done, total=step.total, description=step.rule.id, found=" ".join(self._failed)
        )


def no_target(vendor: str, adapter: str | None = None) -> Problem:
    """What is missing: the adapter, or the mock that it is tried against."""
    from kobling import load
    from kobling_mocks import installed_dialects

    installed = load()
    mocks = installed_dialects()[0]
    if vendor not in mocks and (vendor in installed.adapters or adapter is not None):
        return no_mock(ExitCode.TARGET_UNAVAILABLE)
    return no_vendor(vendor, installed, ExitCode.TARGET_UNAVAILABLE)
