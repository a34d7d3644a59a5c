"""The application: its commands, and the one place where an error becomes a text and an exit code."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kobling import AdapterBug, KoblingError
from kobling.app import sdk_version

from .commands.about import about
from .commands.booking import book, cancel, resolve
from .commands.catalogues import explain, practitioners, services
from .commands.certificates import make_signing_key, verify_certificate
from .commands.certifying import certify
from .commands.checking import check
from .commands.comparing import compare
from .commands.demo import demo
from .commands.forms import form
from .commands.fuzzing import fuzz
from .commands.mocks import mock_app
from .commands.recordings import live_app, record, scan_cassettes
from .commands.searching import slots
from .commands.starting import new, update
from .commands.testing import test
from .commands.vendors import vendors
from .commands.zoo import zoo
from .exit_codes import MEANING, ExitCode, exit_code_of
from .keys import refuse_secret_arguments
from .output import Output, shown
from .problems import Problem, Told
from .wording import LANGUAGE_VARIABLE, LANGUAGES, Language, locale_language

EPILOG = "\n\n".join(
    [
        "\n".join(["[bold]Exit codes[/bold]", *(f"{code.value:>3}  {meaning}" for code, meaning in MEANING.items())]),
        "With --json a command prints one JSON document on stdout, also for an error:\n"
        '{"error": {"code", "effect", "text": {"nb", "en"}, …}, "exit_code"}.\n'
        "Moments are ISO 8601 in UTC, with the clinic's zone beside them.",
        "A key comes from KOBLING_API_KEY, --key-env, --key-file or a hidden prompt,\nnever from an argument.",
    ]
)


class Commands(TyperGroup):
    """The group of all commands. Every way out of it is an exit code of `exit_codes.py`, without a traceback."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run one command line; exits with its code, or returns it when not `standalone_mode`."""
        arguments = list(sys.argv[1:] if args is None else args)
        out = _output_for(arguments)
        try:
            try:
                refuse_secret_arguments(arguments)
                extra.setdefault("default_map", self._languages(locale_language(os.environ)))
                code = super().main(
                    arguments, prog_name or "kobling", complete_var, False, windows_expand_args, **extra
                )
            except Exception as error:  # noqa: BLE001 - the last stop: nothing may show more than it must
                code = tell(error, out)
        except BrokenPipeError:
            code = _reader_gone()
        code = int(code or 0)
        if standalone_mode:
            sys.exit(code)
        return code

    def _languages(self, lang: Language) -> dict[str, Any]:
        """The language as a default of every command, after `--lang` and the variable."""
        groups = {name: list(getattr(command, "commands", ())) for name, command in self.commands.items()}
        return {name: {"lang": lang, **{one: {"lang": lang} for one in below}} for name, below in groups.items()}


def _reader_gone() -> ExitCode:
    """Whoever read the output, as `head`, has seen enough. What is left in the buffer goes nowhere, and the exit code
    is the one that the parser gives for the same."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.NO


def tell(error: Exception, out: Output) -> ExitCode:
    """Say what went wrong, to a person or a machine, and return the exit code."""
    if _help_was_shown(error):
        return ExitCode.USAGE
    facts, hint = (dict(error.facts), error.hint) if isinstance(error, Told) else ({}, "")
    error = error.error if isinstance(error, Told) else error
    if isinstance(error, KoblingError):
        code = _tell(out, error.as_dict(), error.explain(out.lang), exit_code_of(error), {**_facts(error), **facts})
        if isinstance(error, AdapterBug) and not out.as_json:
            out.note(out.say("line", "to_the_author", what=error.defect(out.lang), topic=error.topic), "yellow")
        if hint and not out.as_json:
            out.note(hint)
        return code
    problem = error if isinstance(error, Problem) else _problem(error)
    return _tell(out, problem.as_dict(), problem.explain(out.lang), problem.exit_code, {})


def _help_was_shown(error: Exception) -> bool:
    """True for a group without a command: the parser has shown the help, and its complaint has no text."""
    message = getattr(error, "format_message", None)
    return callable(message) and not message()


def _facts(error: KoblingError) -> dict[str, Any]:
    """What an error carries beside its words: the reference, and the bookings involved (never the patient)."""
    facts: dict[str, Any] = {}
    if isinstance(error, AdapterBug):
        facts["to_the_author"] = {lang: error.defect(lang) for lang in LANGUAGES}
    for name in ("reference", "booking", "new", "old"):
        value = getattr(error, name, None)
        if value is not None:
            facts[name] = value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)
    return facts


def _tell(out: Output, error: dict[str, Any], text: str, code: ExitCode, facts: dict[str, Any]) -> ExitCode:
    if out.as_json:
        out.document("error", {"error": error, **facts, "exit_code": int(code)})
        return code
    out.note(f"{out.say('word', 'error')}: {shown(text)}", "bold red")
    known = [f"{out.say('word', 'code')} {error['code']}"]
    known += [f"{out.say('word', 'id')} {error['correlation_id']}"] if error.get("correlation_id") else []
    known += [f"{name} {value}" for name, value in facts.items() if isinstance(value, str)]
    out.note(f"({', '.join(known)})")
    for left in error.get("residue", ()):
        out.note(out.say("line", "residue", what=shown(left)), "yellow")
    return code


def _problem(error: Exception) -> Problem:
    """A problem for whatever is neither Kobling's nor ours: the parser's complaints, Ctrl-C, and defects."""
    if isinstance(error, typer.Abort):
        return Problem("interrupted", ExitCode.INTERRUPTED)
    message = getattr(error, "format_message", None)
    if callable(message):
        said = str(message())
        if "unexpected extra argument" in said:
            return Problem("too_many_arguments")  # the parser would repeat it, and it may be a key
        return Problem("usage", message=shown(said))
    # neither the text of the error nor its frames' values: both may hold what was typed
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return Problem(
        "defect", ExitCode.DEFECT, what=f"{type(error).__name__}, {Path(frame.filename).name}:{frame.lineno}"
    )


def _output_for(arguments: list[str]) -> Output:
    """How to tell an error, also one of the parser: by what stands in the arguments."""
    found = re.search(r"(?:^|\0)--lang(?:=|\0)(\w+)", "\0".join(arguments))
    wanted = found[1] if found else os.environ.get(LANGUAGE_VARIABLE)
    lang: Language = next((one for one in LANGUAGES if one == wanted), locale_language(os.environ))
    return Output(lang=lang, as_json="--json" in arguments)


app = typer.Typer(
    cls=Commands,
    name="kobling",
    help="Connect a clinic's booking system: test the connection, find open times, book, cancel.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _whole(
    version: Annotated[bool, typer.Option("--version", help="Show the installed version.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"kobling {sdk_version()}")
        raise typer.Exit


for command in (
    new, check, update, vendors, form, test, practitioners, services, slots, explain, book, cancel, resolve, about,
    certify, fuzz, verify_certificate, make_signing_key, record, compare, scan_cassettes, zoo, demo,
):  # fmt: skip
    app.command()(command)
app.add_typer(mock_app, name="mock")
app.add_typer(live_app, name="live")
