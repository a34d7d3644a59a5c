"""`kobling mock`: which calls a vendor's mock answers, and mocks on loopback, one or all, until Ctrl-C."""

from __future__ import annotations

import os
import re
import shlex
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kobling import load

from ..desk import Json, Lang
from ..exit_codes import ExitCode
from ..keys import reason_of
from ..output import Output, shown
from ..problems import Problem
from ..wording import LANGUAGES

if TYPE_CHECKING:
    from kobling_mocks import Mock, Served

mock_app = typer.Typer(help="Mock vendors for trying things out.", no_args_is_help=True)


def make_mock(vendor: str, *, seed: int | None = None) -> Mock:
    """A mock whose clinic lives today. Raises `Problem` when there is none of that vendor."""
    try:
        from kobling_mocks import Mock
        from kobling_mocks.clinic import demo_clinic, synthetic_clinic

        from ..running_clock import RunningClock
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="mocks") from None
    clock = RunningClock(datetime.now(UTC))
    try:
        return Mock(vendor, demo_clinic(clock) if seed is None else synthetic_clinic(seed, clock))
    except LookupError:
        raise no_mock() from None


def no_mock(code: ExitCode = ExitCode.USAGE) -> Problem:
    """That there is no mock of a vendor: which there are, and which could not be loaded, and why."""
    from kobling_mocks import installed_dialects

    found, problems = installed_dialects()
    have = ", ".join(sorted(found)) or "-"
    if not problems:
        return Problem("no_mock", code, installed=have)
    broken = "; ".join(f"{one.entry_point}: {one.what}" for one in problems)
    return Problem("no_mock_loaded", code, installed=have, broken=broken)


@mock_app.command("calls")
def calls(
    vendor: Annotated[str, typer.Argument(help="The vendor's key.", show_default=False)],
    *,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """List the calls that a vendor's mock answers, without starting it. A fault names a call by its operation.

    JSON: {"vendor", "name", "calls": [{"name", "method", "path", "writes", "summary"}]}
    """
    out = Output(lang=lang, as_json=as_json)
    dialect = make_mock(vendor).dialect
    if as_json:
        rows = [
            {"name": one.name, "method": one.method, "path": one.rule, "writes": one.writes, "summary": one.summary}
            for one in dialect.operations
        ]
        out.document("mock-calls", {"vendor": dialect.key, "name": dialect.name, "calls": rows})
        return ExitCode.SUCCESS
    out.line(dialect.name, "bold")
    out.table(
        [out.say("word", key) for key in ("call", "operation", "writes", "what")],
        [
            (f"{one.method} {one.rule}", one.name, out.say("word", "yes") if one.writes else "", one.summary)
            for one in dialect.operations
        ],
        ("cyan",),
    )
    return ExitCode.SUCCESS


@mock_app.command("serve")
def serve(
    vendor: Annotated[
        str | None, typer.Argument(help="The vendor's key, as `kobling vendors` lists it.", show_default=False)
    ] = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Every vendor's mock, side by side, and a page over all.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 for any free one. With --all the page's; mocks follow.")
    ] = 8901,
    seed: Annotated[
        int | None, typer.Option("--seed", help="A random clinic; without it the small demo clinic.")
    ] = None,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Serve a vendor's mock, or with --all every one, on 127.0.0.1 until Ctrl-C, and say how to reach it.

    JSON, one document at the start: {"vendor", "origin", "connection": the four fields, "pages": {"landing",
    "openapi", "timebooks": {id: url}}}; with --all {"overview": url, "mocks": [such documents]}
    """
    out = Output(lang=lang, as_json=as_json)
    if every == (vendor is not None):
        raise Problem("vendor_or_all")
    with ExitStack() as open_until_stopped:
        if vendor is not None:
            one = _Running.start(open_until_stopped, vendor, port, seed)
            _tell(out, one)
        else:
            _serve_all(out, open_until_stopped, port, seed)
        _wait_until_stopped()
    return ExitCode.SUCCESS


@dataclass(frozen=True)
class _Running:
    """A mock that is being served."""

    mock: Mock
    server: Served

    @classmethod
    def start(cls, until: ExitStack, vendor: str, port: int, seed: int | None) -> _Running:
        mock = make_mock(vendor, seed=seed)
        with _port_needed():
            server = until.enter_context(mock.serve(port=port))
        return cls(mock, server)

    @property
    def timebooks(self) -> dict[str, tuple[str, str]]:
        """Name and address of each timebook's page, by its id."""
        books = self.mock.world.clinic.timebooks
        return {one.id: (one.public_name, f"{self.server.url}/timebok/{one.id}") for one in books}

    @property
    def pages(self) -> dict[str, str]:
        """The other pages' addresses."""
        return {"landing": f"{self.server.url}/", "openapi": f"{self.server.url}/openapi/swagger"}

    def facts(self) -> dict[str, Any]:
        """What `--json` tells of it."""
        timebooks = {key: url for key, (_, url) in self.timebooks.items()}
        return {
            "vendor": self.mock.dialect.key,
            "origin": self.server.url,
            "connection": self.mock.connection,
            "pages": {**self.pages, "timebooks": timebooks},
        }


def _serve_all(out: Output, until: ExitStack, port: int, seed: int | None) -> None:
    from kobling_mocks import serve_overview

    vendors = vendors_with_mock()
    if not vendors:
        raise Problem("no_vendor", installed="-", problems="", package="kobling-eg-pasientsky")
    ports = [port + number if port else 0 for number in range(1, len(vendors) + 1)]
    mocks = [_Running.start(until, vendor, at, seed) for vendor, at in zip(vendors, ports, strict=True)]
    with _port_needed():
        page = until.enter_context(serve_overview([(one.mock, one.server) for one in mocks], port=port))
    if out.as_json:
        out.document("mocks", {"overview": f"{page.url}/", "mocks": [one.facts() for one in mocks]})
        return
    out.line(f"{out.say('page', 'overview')}  {page.url}/", "bold")
    for one in mocks:
        out.line()
        _show(out, one)
    out.line()
    out.line(out.say("line", "stop_with"), "dim")


@contextmanager
def _port_needed() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        # the server says it in a sentence of its own, without the system's words
        number = re.search(r"\[Errno (\d+)\]", str(problem))
        reason = os.strerror(int(number[1])) if number else reason_of(problem)
    else:
        return
    raise Problem("port_in_use", reason=reason)


def _tell(out: Output, one: _Running) -> None:
    if out.as_json:
        out.document("mock", one.facts())
        return
    _show(out, one)
    out.line()
    out.line(out.say("line", "stop_with"), "dim")


def _wait_until_stopped() -> None:
    """Wait for Ctrl-C, or for the signal that service managers send."""
    stopped = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: stopped.set())
    try:
        stopped.wait()
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)


def _show(out: Output, one: _Running) -> None:
    mock, fields = one.mock, one.mock.connection
    given = [
        f"--{name.replace('_', '-')} {shlex.quote(fields[name])}"
        for name in ("external_id", "department_id", "booking_url")
        if fields[name]
    ]
    out.line(f"{mock.world.clinic.name} – {mock.dialect.name}", "bold")
    for name, url in one.pages.items():
        out.line(f"  {out.say('page', name):<32} {url}")
    for name, url in one.timebooks.values():
        out.line(f"  {shown(name):<32} {url}")
    out.line()
    out.line(out.say("line", "paste"), "dim")
    if out.lang != LANGUAGES[0]:
        out.line(f"  export KOBLING_LANG={out.lang}")
    out.line(f"  export KOBLING_API_KEY={shlex.quote(fields['api_key'])}")
    out.line(f"  kobling test {mock.dialect.key} --origin {one.server.url} {' '.join(given)}")


def vendors_with_mock() -> list[str]:
    """Installed adapters that a mock is installed for, in order."""
    from kobling_mocks import installed_dialects

    return sorted(set(load().adapters) & set(installed_dialects()[0]))
