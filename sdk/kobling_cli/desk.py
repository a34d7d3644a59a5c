"""What every vendor command shares: the options of a connection, and the session that they open.

    @connected
    def slots(desk: Desk, *, first_day: Annotated[...] = None) -> int: ...

`connected` puts the options of a connection before a command's own.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Final, TypeVar, get_type_hints

import typer

from kobling import (
    Adapter,
    Catalogue,
    Connection,
    Finding,
    Installed,
    Kobling,
    KoblingError,
    Practitioner,
    Service,
    Session,
    load,
)
from kobling.texts import field_names

from .exit_codes import ExitCode
from .keys import DEFAULT_ENV, read_key
from .output import Output, shown
from .problems import Problem, Told
from .wording import LANGUAGE_VARIABLE, Language

_KEY = re.compile(r"[a-z][a-z0-9-]*")

Vendor = Annotated[str, typer.Argument(help="The vendor's key, as `kobling vendors` lists it.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
Lang = Annotated[
    Language, typer.Option("--lang", envvar=LANGUAGE_VARIABLE, help="The language of texts for administrators.")
]

CONNECTION_OPTIONS: Final[dict[str, tuple[Any, Any]]] = {
    "vendor": (Vendor, inspect.Parameter.empty),
    "external_id": (
        Annotated[
            str | None,
            typer.Option("--external-id", help="Ekstern ID: which clinic.", rich_help_panel="Connection"),
        ],
        None,
    ),
    "department_id": (
        Annotated[
            str | None,
            typer.Option(
                "--department-id", help="Ekstern avdeling ID: which department.", rich_help_panel="Connection"
            ),
        ],
        None,
    ),
    "booking_url": (
        Annotated[
            str | None,
            typer.Option(
                "--booking-url", help="Booking-URL: where the clinic's server is.", rich_help_panel="Connection"
            ),
        ],
        None,
    ),
    "key_env": (
        Annotated[
            str | None,
            typer.Option(
                "--key-env",
                metavar="NAME",
                help=f"The environment variable that holds the key (default {DEFAULT_ENV}).",
                rich_help_panel="Connection",
            ),
        ],
        None,
    ),
    "key_file": (
        Annotated[
            str | None,
            typer.Option(
                "--key-file", metavar="PATH", help="The file that holds the key.", rich_help_panel="Connection"
            ),
        ],
        None,
    ),
    "origin": (
        Annotated[
            str | None,
            typer.Option(
                "--origin",
                metavar="URL",
                help="Ask here instead of at the vendor's own address: a mock or sandbox.",
                rich_help_panel="Connection",
            ),
        ],
        None,
    ),
    "timeout": (
        Annotated[
            float,
            typer.Option(
                "--timeout",
                min=0.1,
                max=600,
                metavar="SECONDS",
                help="The longest one operation may take.",
                rich_help_panel="Connection",
            ),
        ],
        60.0,
    ),
    "as_json": (Json, False),
    "lang": (Lang, "nb"),
}
"""Options of every command that talks to a vendor: name -> (annotation, default)."""

NOBODY_ANSWERS: Final = frozenset({"dns", "dns_timeout", "connect", "connect_timeout"})
"""Reasons of a vendor whose own address is not there, as of one that is invented and has a mock only."""


@dataclass(frozen=True)
class Desk:
    """An open session with its adapter and where to write."""

    session: Session
    adapter: type[Adapter]
    out: Output

    @property
    def vendor(self) -> str:
        """The adapter's key."""
        return self.adapter.key

    def zone(self) -> str:
        """The clinic's time zone (IANA), as the vendor or the adapter tells it."""
        return self.session.clinic().zone

    def connection_facts(self) -> dict[str, Any]:
        """How a JSON document names the connection: its vendor, its id, and the address that was asked instead."""
        return {"vendor": self.vendor, "connection_id": self.session.connection.id, "origin": self.session.origin}

    def mock_hint(self, *failed: KoblingError | Finding) -> str:
        """How a mock is asked, where nothing is at the vendor's own address; else an empty text."""
        nobody = any(one.because in NOBODY_ANSWERS and one.actor == "nobody" for one in failed)
        return self.out.say("line", "try_origin", vendor=self.vendor) if nobody and self.session.origin is None else ""

    def practitioner(self, catalogue: Catalogue, wanted: str) -> Practitioner:
        """The practitioner with this id, or the only one with this name. Raises `Problem`."""
        return _one(catalogue.practitioners, wanted, "no_practitioner")

    def service(self, catalogue: Catalogue, wanted: str) -> Service:
        """The service with this id, or the only one with this name. Raises `Problem`."""
        return _one(catalogue.services, wanted, "no_service")


Named = TypeVar("Named", Practitioner, Service)


def _one(listed: tuple[Named, ...], wanted: str, missing: str) -> Named:
    by_id = [one for one in listed if one.id == wanted]
    named = by_id or [one for one in listed if one.name.casefold() == wanted.strip().casefold()]
    if not named:
        raise Problem(missing)
    if len(named) > 1:
        raise Problem("name_twice")
    return named[0]


def find_adapter(vendor: str) -> tuple[Installed, type[Adapter]]:
    """The installed adapters, and the one of that key. Raises `Problem`, naming what is installed or broken."""
    installed = load()
    if vendor not in installed.adapters:
        raise no_vendor(vendor, installed)
    return installed, installed.adapters[vendor]


def no_vendor(vendor: str, installed: Installed, exit_code: ExitCode = ExitCode.USAGE) -> Problem:
    """There is no such adapter: the nearest name, or how one is installed, and what is installed or broken."""
    broken = "".join(f" {problem.plugin}: {problem.what}" for problem in installed.problems)
    have = ", ".join(sorted(installed.adapters)) or "-"
    near = get_close_matches(vendor.lower(), installed.adapters, n=1)
    code = "no_vendor_but" if near else "no_vendor"
    package = f"kobling-{vendor if _KEY.fullmatch(vendor) else 'NAME'}"
    return Problem(code, exit_code, installed=have, problems=shown(broken), near=", ".join(near), package=package)


def open_desk(
    vendor: str,
    *,
    external_id: str | None,
    department_id: str | None,
    booking_url: str | None,
    key_env: str | None,
    key_file: str | None,
    origin: str | None,
    timeout: float,
    out: Output,
) -> tuple[Kobling, Desk]:
    """A `Kobling`, to be closed by the caller, and the desk with a session of it. Sends nothing."""
    installed, adapter = find_adapter(vendor)
    field = adapter.form.api_key
    key = None
    if field.use != "unused" or key_env is not None or key_file is not None:
        key = read_key(key_env=key_env, key_file=key_file, prompt=field_names(("api_key",), out.lang))
    connection = Connection(
        vendor, external_id=external_id, department_id=department_id, booking_url=booking_url, api_key=key
    )
    del key
    try:
        kobling = Kobling(
            adapters=installed,
            origins={vendor: origin} if origin is not None else None,
            operation_seconds=timeout,
        )
    except ValueError:
        raise Problem("bad_origin") from None
    return kobling, Desk(kobling.session(connection), adapter, out)


def connected(command: Callable[..., int]) -> Callable[..., int]:
    """A command `(desk, *, own options)` as Typer sees it: with the options of a connection before its own.
    Where nobody is at the vendor's own address, its error says how a mock is asked."""
    hints = get_type_hints(command, include_extras=True)
    own = [one for one in inspect.signature(command).parameters.values() if one.name != "desk"]

    def run(**given: Any) -> int:
        shared = {name: given.pop(name) for name in CONNECTION_OPTIONS}
        out = Output(lang=shared.pop("lang"), as_json=shared.pop("as_json"))
        kobling, desk = open_desk(shared.pop("vendor"), out=out, **shared)
        with kobling:
            try:
                return command(desk, **given)
            except Told as told:
                raise Told(told.error, told.facts, desk.mock_hint(told.error)) from None
            except KoblingError as error:
                raise Told(error, {}, desk.mock_hint(error)) from None

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(name, kind, default=default, annotation=annotation)
        for name, (annotation, default) in CONNECTION_OPTIONS.items()
    ]
    parameters[-2:-2] = [one.replace(kind=kind, annotation=hints[one.name]) for one in own]
    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run
