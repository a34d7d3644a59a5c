"""`kobling compare`: where a vendor's mock and its sandbox differ."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from ..desk import Json, Lang, Vendor
from ..exit_codes import ExitCode
from ..output import Output, shown
from ..problems import Problem
from .recordings import sandbox_of


def compare(
    vendor: Vendor,
    *,
    adapter: Annotated[
        str | None, typer.Option("--adapter", metavar="MODULE:CLASS", help="Another class than the installed one.")
    ] = None,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Ask a vendor's mock and its sandbox the same, and tell where their answers differ in form.

    Only reading questions are asked. Names of fields and kinds of value are told, never what stands in an answer. Which
    sandbox is said by environment variables, as for --target live.

    Exit code 0 when the sandbox shows nothing that the mock does not, 1 when it does, 11 no sandbox or no mock.

    JSON: {"vendor", "differences": [{"question", "call", "place", "mock", "sandbox", "new"}]}
    """
    out = Output(lang=lang, as_json=as_json)
    target = sandbox_of(vendor, 0, None, adapter)
    from kobling_contract.compare import compare_with_sandbox
    from kobling_contract.target import TargetUnavailable

    missing = ""
    try:
        with out.busy(vendor):
            found = asyncio.run(compare_with_sandbox(target))
    except TargetUnavailable as error:
        missing = str(error)
    if missing:
        raise Problem("target_unavailable", ExitCode.TARGET_UNAVAILABLE, what=shown(missing))
    new = [one for one in found if one.new]
    code = ExitCode.NO if new else ExitCode.SUCCESS
    if as_json:
        rows = [
            {
                "question": one.question,
                "call": one.call,
                "place": one.place,
                "mock": sorted(one.mock),
                "sandbox": sorted(one.sandbox),
                "new": one.new,
            }
            for one in found
        ]
        out.document("compare", {"vendor": vendor, "differences": rows})
        return int(code)
    rest = [one for one in found if not one.new]
    for key, some in (("only_sandbox", new), ("only_mock", rest)):
        if some:
            out.line(out.say("line", key), "bold")
            for one in some:
                out.line(shown(f"  {one}"))
    out.line(out.say("line", "compared", new=len(new), rest=len(rest)), "bold red" if new else "bold green")
    return int(code)
