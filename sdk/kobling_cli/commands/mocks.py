"""`kobling mock serve`: a vendor's mock on loopback, until Ctrl-C."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from kobling import Connection, load

from ..desk import Json, Lang, Vendor
from ..exit_codes import ExitCode
from ..keys import reason_of
from ..output import Output
from ..problems import Problem

if TYPE_CHECKING:
    from kobling_mocks import Mock

mock_app = typer.Typer(help="Mock vendors for trying things out.", no_args_is_help=True)


def make_mock(vendor: str, *, seed: int | None = None) -> Mock:
    """A mock whose clinic lives today. Raises `Problem` when there is none of that vendor."""
    try:
        from kobling_mocks import Mock, installed_dialects
        from kobling_mocks.clinic import Clock, demo_clinic, synthetic_clinic
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="mocks") from None
    clock = Clock(datetime.now(UTC))
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
        timebooks = {one.id: f"{server.url}/timebok/{one.id}" for one in mock.world.clinic.timebooks}
        pages = {"landing": f"{server.url}/", "openapi": f"{server.url}/openapi/swagger", "timebooks": timebooks}
        if as_json:
            out.document(
                "mock", {"vendor": vendor, "origin": server.url, "connection": mock.connection, "pages": pages}
            )
        else:
            _show(out, vendor, server.url, mock, pages["landing"])
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            out.note("")
    return ExitCode.SUCCESS


def _show(out: Output, vendor: str, origin: str, mock: Mock, landing: object) -> None:
    fields = mock.connection
    given = [f"--{name.replace('_', '-')} {fields[name]}" for name in ("external_id", "department_id") if fields[name]]
    out.line(f"{mock.world.clinic.name} – {mock.dialect.name}", "bold")
    out.line(f"  {landing}")
    out.line("")
    out.line(f"  export KOBLING_API_KEY={fields['api_key']}")
    out.line(f"  kobling test {vendor} --origin {origin} {' '.join(given)}")
    out.line("")
    out.line("Ctrl-C stops it.", "dim")


def connection_of(mock: Mock) -> Connection:
    """The connection that this mock's first clinic pastes."""
    return Connection(mock.dialect.key, **mock.connection)


def vendors_with_mock() -> list[str]:
    """Installed adapters that a mock is installed for, in order."""
    from kobling_mocks import installed_dialects

    return sorted(set(load().adapters) & set(installed_dialects()[0]))
