"""`kobling record`, `kobling scan-cassettes`, `kobling live clean`: recordings of a sandbox, and what is left there."""

from __future__ import annotations

import asyncio
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from kobling import load

from ..desk import Json, Lang, Vendor
from ..exit_codes import ExitCode
from ..output import Output, shown
from ..problems import Problem

if TYPE_CHECKING:
    from kobling_contract.live import LiveTarget
    from kobling_contract.target import NoAdapterThere, Target

TargetName: TypeAlias = Literal["mock", "cassette", "live"]
AllowWrites = Annotated[
    int,
    typer.Option(
        "--allow-writes", metavar="N", min=0, help="Book at the sandbox, N times at most. Default: only read."
    ),
]
LedgerFile = Annotated[
    Path | None,
    typer.Option("--ledger", metavar="FILE", help="The clean-up ledger (default kobling-live/VENDOR.jsonl).",
                 dir_okay=False),
]  # fmt: skip
live_app = typer.Typer(help="A vendor's own sandbox.", no_args_is_help=True)


def open_target(
    vendor: str,
    kind: TargetName,
    cassettes: Path | None,
    allow_writes: int,
    ledger: Path | None,
    adapter: str | None = None,
) -> Target:
    """The target of a run. adapter: `module:Class`, instead of the installed one. Raises `Problem`; nothing has been
    sent."""
    try:
        from kobling_contract import targets
        from kobling_contract.target import NoAdapterThere, TargetUnavailable, adapter_at
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="contract") from None
    try:
        return targets.open_target(
            vendor,
            kind,
            os.environ,
            adapter=adapter_at(adapter) if adapter is not None else None,
            cassettes=cassettes,
            bookings=allow_writes,
            ledger=ledger,
        )
    except NoAdapterThere as nowhere:
        problem = no_adapter_there(nowhere)
    except TargetUnavailable as error:
        problem = Problem("target_unavailable", ExitCode.TARGET_UNAVAILABLE, what=shown(str(error)))
    raise problem


def no_adapter_there(nowhere: NoAdapterThere) -> Problem:
    """What is wrong with the place that --adapter names."""
    values: dict[str, object] = {name: shown(value) for name, value in nowhere.values.items()}
    return Problem(nowhere.code, ExitCode.TARGET_UNAVAILABLE, **values)


def sandbox_of(vendor: str, allow_writes: int, ledger: Path | None, adapter: str | None = None) -> LiveTarget:
    """The sandbox that the environment names. Raises `Problem`; nothing has been sent."""
    from kobling_contract.live import LiveTarget

    found = open_target(vendor, "live", None, allow_writes, ledger, adapter)
    assert isinstance(found, LiveTarget)
    return found


def record(
    vendor: Vendor,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the recordings go.", file_okay=False)],
    *,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="A rule (BOOK-03) or area (BOOK); repeatable.")
    ] = None,
    allow_writes: AllowWrites = 0,
    ledger: LedgerFile = None,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Record the rules that recordings can prove, from a vendor's sandbox, scrubbed.

    Which sandbox is said by environment variables, as for --target live. Recordings are played and looked through for
    leaks at once.

    Exit code 0 when all was recorded, plays as it was recorded and leaks nothing, 1 when not, 11 no sandbox.

    JSON: {"vendor", "recordings": [{"rule", "recorded", "played", "file"}], "leaks": […], "budget_left"}
    """
    out = Output(lang=lang, as_json=as_json)
    target = sandbox_of(vendor, allow_writes, ledger)
    from kobling_contract.cassette_scan.scan import scan
    from kobling_contract.contract import NoSuchRule, chosen
    from kobling_contract.recording.allowlist import allow_list_of
    from kobling_contract.recording.recorder import play_again, record_rules

    try:
        rules = [one for one in chosen(rule) if "cassette" in one.targets]
    except NoSuchRule as strange:
        raise Problem("no_rule", names=shown(strange.names), areas=strange.areas) from None
    if allow_list_of(target.adapter).empty:
        out.note(out.say("line", "no_allow_list"), "yellow")
    with out.busy(vendor):
        recorded = record_rules(target, directory, rules)
        played = play_again(target.adapter, directory, recorded)
    key = target.sandbox.fields.get("api_key", "")
    scanned = scan(directory, canaries=[key], vendors=_adapters(target))
    rows: list[dict[str, Any]] = [
        {
            "rule": one.result.rule.id,
            "recorded": one.result.verdict.value,
            "played": played[one.result.rule.id].verdict.value if one.result.rule.id in played else None,
            "file": one.path.name if one.path else None,
            "reason": one.result.reason or one.result.got,
        }
        for one in recorded
    ]
    good = scanned.clean and all(row["recorded"] == row["played"] for row in rows)
    if as_json:
        leaks = [str(one) for one in scanned.findings]
        out.document(
            "record", {"vendor": vendor, "recordings": rows, "leaks": leaks, "budget_left": target.budget.left}
        )
        return int(ExitCode.SUCCESS if good else ExitCode.NO)
    out.table(
        ("rule", "recorded", "played", "file", ""),
        [tuple(str(row[name] or "-") for name in ("rule", "recorded", "played", "file", "reason")) for row in rows],
    )
    _told(out, scanned.findings)
    out.line(out.say("line", "recorded" if good else "not_recorded", count=sum(bool(row["file"]) for row in rows)),
             "bold green" if good else "bold red")  # fmt: skip
    return int(ExitCode.SUCCESS if good else ExitCode.NO)


def scan_cassettes(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory of recordings, or one.", exists=True)],
    *,
    canaries: Annotated[
        Path | None,
        typer.Option(
            "--canaries", metavar="FILE", help="Texts that must stand nowhere, one a line.", dir_okay=False, exists=True
        ),
    ] = None,
    declared: Annotated[
        Path | None,
        typer.Option(
            "--declared",
            metavar="FILE",
            help="A recording.toml, for recordings of an adapter's own tests, which declare nothing themselves.",
            dir_okay=False,
            exists=True,
        ),
    ] = None,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Look through recordings for keys and people, also where they are hidden.

    Exit code 0 nothing was found, 1 something was, 12 there is no file.

    JSON: {"files", "declared_words", "declared_places", "findings": [{"file", "where", "kind", "shown", "through"}]}
    """  # fmt: skip
    out = Output(lang=lang, as_json=as_json)
    try:
        from kobling_contract.cassette_scan.scan import scan
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="contract") from None
    wanted = canaries.read_text("utf-8").splitlines() if canaries is not None else []
    allowed = tomllib.loads(declared.read_text("utf-8")) if declared is not None else None
    scanned = scan(directory, canaries=wanted, vendors=_adapters(None), declared=allowed)
    code = ExitCode.SUCCESS if scanned.clean else ExitCode.NO if scanned.findings else ExitCode.NOTHING_TESTED
    if as_json:
        findings = [
            {name: getattr(one, name) for name in ("file", "where", "kind", "shown", "through")}
            for one in scanned.findings
        ]
        facts = {name: getattr(scanned, name) for name in ("files", "declared_words", "declared_places")}
        out.document("scan-cassettes", {**facts, "findings": findings})
        return int(code)
    _told(out, scanned.findings)
    out.line(
        out.say("line", "scanned", files=scanned.files, count=len(scanned.findings), words=scanned.declared_words,
                places=scanned.declared_places),
        "bold green" if scanned.clean else "bold red",
    )  # fmt: skip
    return int(code)


@live_app.command("clean")
def clean(
    vendor: Vendor,
    *,
    ledger: LedgerFile = None,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Cancel what runs at a vendor's sandbox may have left standing, as the clean-up ledger says.

    Exit code 0 nothing stands any more, 6 somebody must look at the clinic, 11 no sandbox.

    JSON: {"vendor", "cleaned": [{"reference", "booking", "start", "outcome", "because"}]}
    """
    out = Output(lang=lang, as_json=as_json)
    target = sandbox_of(vendor, 0, ledger)
    from kobling_contract.live import clean as run

    cleaned = asyncio.run(run(target))
    left = [one for one in cleaned if one.outcome == "person"]
    code = ExitCode.UNFINISHED if left else ExitCode.SUCCESS
    rows = [
        {
            "reference": str(one.entry.reference),
            "booking": one.entry.ref.id if one.entry.ref else None,
            "start": one.entry.slot.start.isoformat(),
            "outcome": one.outcome,
            "because": one.because,
        }
        for one in cleaned
    ]
    if as_json:
        out.document("live-clean", {"vendor": vendor, "cleaned": rows})
        return int(code)
    for row in rows:
        out.line(
            f"{row['start']}  {row['reference']}  {row['booking'] or '-'}  {row['outcome']} {row['because']}".rstrip()
        )
    out.line(out.say("line", "left_standing" if left else "cleaned", count=len(left or rows)),
             "bold red" if left else "bold green")  # fmt: skip
    return int(code)


def _told(out: Output, findings: list[Any]) -> None:
    for one in findings:
        out.line(shown(str(one)), "red")


def _adapters(target: LiveTarget | None) -> dict[str, str]:
    """Adapters that recordings may name: the installed ones, the synthetic vendor's, and the one that was recorded."""
    from kobling_contract.synthetic import VARIANTS

    every = {**{key: adapter for key, (adapter, _) in VARIANTS.items()}, **load().adapters}
    known = {key: f"{one.__module__}:{one.__qualname__}" for key, one in every.items()}
    return known if target is None else {**known, target.vendor: target.adapter_path}
