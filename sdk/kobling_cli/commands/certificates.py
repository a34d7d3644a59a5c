"""`kobling verify-certificate` and `kobling make-signing-key`: what a certificate is worth, and who may sign one."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..certificates import needs_signing, read_public_key
from ..desk import Json, Lang
from ..exit_codes import ExitCode
from ..files import check_writable, read_file, write_file
from ..output import Output, shown
from ..problems import Problem
from ..wording import words

if TYPE_CHECKING:
    from kobling_contract.checking import Checked


def verify_certificate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The certificate.", show_default=False)],
    *,
    public_key: Annotated[
        Path,
        typer.Option("--public-key", metavar="FILE", help="The public key (PEM) of who signed.", show_default=False),
    ],
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Check a certificate offline: is it genuine, does it agree with itself, and what must be run again today.

    Exit code 0 when it is genuine, conformant and current, 1 when not. Rules that the installed suite has and the
    certificate lacks, and rules that ask otherwise than they did then, must be run again.

    JSON: {"good", "genuine", "conformant", "current", "doubts": {code: text}, "rerun": {"new", "sharpened",
    "waiver_over", "not_run": [rules]}, "removed", "waived": {rule: last day}, "vendor", "adapter", "suite_version",
    "key_id", …}
    """
    out = Output(lang=lang, as_json=as_json)
    key = read_public_key(public_key)
    from kobling_contract.checking import check
    from kobling_contract.seal import BadCertificate

    problem = ""
    data = read_file(file)
    try:
        checked = check(data, key, date.today())
    except BadCertificate as error:
        problem = str(error)
    if problem:
        raise Problem("not_a_certificate", ExitCode.NO, what=shown(problem))
    if as_json:
        out.document("verify-certificate", checked.as_dict())
    else:
        _tell(out, checked)
    return int(ExitCode.SUCCESS if checked.good else ExitCode.NO)


def _tell(out: Output, checked: Checked) -> None:
    one = checked.sealed
    state = (
        "good" if checked.good else "forged" if not checked.genuine else "stale" if one.conformant else "not_conformant"
    )
    out.line(out.say("certificate", state), "bold green" if checked.good else "bold red")
    for code in checked.doubts:
        out.line(f"  {out.say('doubt', code)}", "red")
    out.line(f"{shown(one.vendor)}: {shown(one.headline_in(words(out.lang)['headline']))}")
    out.line(
        out.say("certificate", "about", adapter=shown(f"{one.adapter} {one.adapter_version}"), target=shown(one.target),
                suite=shown(one.suite_version), at=shown(one.issued_at), seeds=", ".join(map(str, one.seeds))), "dim",
    )  # fmt: skip
    for code, rules in checked.rerun.items():
        out.line(out.say("rerun", code, count=len(rules), rules=" ".join(map(shown, rules))), "yellow")
    if checked.removed:
        out.line(out.say("certificate", "removed", rules=" ".join(map(shown, checked.removed))), "dim")


def make_signing_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes.", show_default=False)],
    *,
    lang: Lang = "nb",
) -> int:
    """Make a key pair for certificates: the private key in FILE, the public one in FILE.pub.

    Whoever has the private key can sign certificates in your name: keep it where your other keys are. The public key
    goes to everybody who is to check a certificate.
    """
    out = Output(lang=lang)
    needs_signing()
    from kobling_contract.seal import key_id, new_key, public_key

    public_file = file.with_name(f"{file.name}.pub")
    for path in (file, public_file):
        check_writable(path)
        if path.exists():
            raise Problem("key_exists", path=shown(str(path)))
    private, public = new_key()
    _write_private(file, private)
    write_file(public_file, public)
    told = {"private": shown(str(file)), "public": shown(str(public_file)), "key_id": key_id(public_key(public))}
    out.line(out.say("certificate", "key_made", **told))
    return int(ExitCode.SUCCESS)


def _write_private(path: Path, content: bytes) -> None:
    """A new file that nobody else can read, not even for a moment."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError:
        pass
    else:
        return
    raise Problem("file_unwritable", path=shown(str(path)))
