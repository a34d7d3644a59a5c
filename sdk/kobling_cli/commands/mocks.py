"""`kobling mock serve`: a vendor's mock on loopback, until Ctrl-C."""

from __future__ import annotations

import shlex
import signal
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from kobling import load

from ..desk import Json, Lang, Vendor
from ..exit_codes import ExitCode
from ..keys import reason_of
from ..output import Output, shown
from ..problems import Problem

if TYPE_CHECKING:
    from kobling_mocks import Mock

mock_app = typer.Typer(help="Mock vendors for trying things out.", no_args_is_help=True)


def make_mock(vendor: str, *, seed: int | None = None) -> Mock:
    """A mock whose clinic lives today. Raises `Problem` when there is none of that vendor."""
    try:
        from kobling_mocks import Mock, installed_dialects
        from kobling_mocks.clinic import demo_clinic, synthetic_clinic

        from ..running_clock import RunningClock
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="mocks") from None
    clock = RunningClock(datetime.now(UTC))
    try:
        return Mock(vendor, demo_clinic(clock) if seed is None else synthetic_clinic(seed, clock))
    except LookupError:
        have = ", ".join(sorted(installed_dialects()[0])) or "-"
        raise Problem("no_mock", installed=have) from None


@mock_app.command("serve")
def serve(
    vendor: Vendor,
    *,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any free one.")] = 8901,
    seed: Annotated[
        int | None, typer.Option("--seed", help="A random clinic; without it the small demo clinic.")
    ] = None,
    as_json: Json = False,
    lang: Lang = "nb",
) -> int:
    """Serve a vendor's mock on 127.0.0.1 until Ctrl-C, and say how to reach it.

    JSON, one document at the start: {"vendor", "origin", "connection": the four fields, "pages": {"landing",
    "openapi", "timebooks": {id: url}}}
    """
    out = Output(lang=lang, as_json=as_json)
    mock = make_mock(vendor, seed=seed)
    try:
        server = mock.serve(port=port)
    except OSError as problem:
        raise Problem("port_in_use", reason=reason_of(problem)) from None
    with server:
        books = {one.id: (one.public_name, f"{server.url}/timebok/{one.id}") for one in mock.world.clinic.timebooks}
        pages = {"landing": f"{server.url}/", "openapi": f"{server.url}/openapi/swagger"}
        if as_json:
            addresses = {**pages, "timebooks": {key: url for key, (_, url) in books.items()}}
            out.document(
                "mock", {"vendor": vendor, "origin": server.url, "connection": mock.connection, "pages": addresses}
            )
        else:
            _show(out, vendor, server.url, mock, [*pages.items(), *books.values()])
        _wait_until_stopped()
    return ExitCode.SUCCESS


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


def _show(out: Output, vendor: str, origin: str, mock: Mock, pages: list[tuple[str, str]]) -> None:
    fields = mock.connection
    given = [
        f"--{name.replace('_', '-')} {shlex.quote(fields[name])}"
        for name in ("external_id", "department_id", "booking_url")
        if fields[name]
    ]
    out.line(f"{mock.world.clinic.name} – {mock.dialect.name}", "bold")
    for name, url in pages:
        label = out.say("page", name) if name in ("landing", "openapi") else name
        out.line(f"  {shown(label):<32} {url}")
    out.line()
    out.line(out.say("line", "paste"), "dim")
    out.line(f"  export KOBLING_API_KEY={shlex.quote(fields['api_key'])}")
    out.line(f"  kobling test {vendor} --origin {origin} {' '.join(given)}")
    out.line()
    out.line(out.say("line", "stop_with"), "dim")


def vendors_with_mock() -> list[str]:
    """Installed adapters that a mock is installed for, in order."""
    from kobling_mocks import installed_dialects

    return sorted(set(load().adapters) & set(installed_dialects()[0]))
