"""`Mock`: the one class to start from.

mock = Mock("eg-pasientsky", seed=7)
mock.connection                       # the four fields to paste
mock.exchange(request)                # in process; with `clock=mock.clock` the caller lives on the same day
with mock.serve() as server:          # on a socket
    server.url
mock.world.faults.add(Fault(operation="book", kind="reset", when="after_commit"))
mock.world.assert_sound()
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kobling.exchange import WireFailure, WireReply, WireRequest

from .app import MockApp
from .clinic import Clinic
from .dialect import Dialect, find_dialect
from .exchange import call_in_process
from .serve import THREADS, Served, serve_app
from .world import DEFAULT, World, Worlds

__all__ = ["Mock", "serving"]


@dataclass(frozen=True)
class ClinicsTime:
    """A `kobling.Clock` that says what the clinic's clock says; deadlines run in real time."""

    world: World

    def now(self) -> datetime:
        """The clinic's present moment, in UTC."""
        return self.world.clock.now()

    def monotonic(self) -> float:
        """`time.monotonic()`."""
        return time.monotonic()


class Mock:
    """A vendor's mock and one world of it; `namespace` gives further worlds that share nothing with this one."""

    def __init__(self, dialect: str | Dialect, clinic: Clinic | None = None, *, seed: int | None = None) -> None:
        """A mock of a dialect (its key, or the object) with one clinic: the one given, else the random clinic of
        `seed`, else the demo clinic.

        Raises `LookupError` for a key that no installed dialect has.
        """
        chosen = find_dialect(dialect) if isinstance(dialect, str) else dialect
        worlds = Worlds(chosen)
        world = worlds.create(DEFAULT, () if clinic is None else (clinic,), seed)
        self._begin(worlds, MockApp(worlds), world)

    def _begin(self, worlds: Worlds, app: MockApp, world: World) -> None:
        self._worlds = worlds
        self._app = app
        self.world = world
        self.patience = 5.0
        """Seconds an in-process caller waits for a slow answer; a slower one is a timeout at once."""

    def namespace(self, name: str, clinic: Clinic | None = None, *, seed: int | None = None) -> Mock:
        """A handle on a world of its own: found by `name` if it exists (then without `clinic`), else made.

        Raises `ValueError` for a name that cannot stand in a path, or a clinic given for a world that exists.
        """
        world = self._worlds.get(name)
        if world is None or clinic is not None:
            world = self._worlds.create(name, () if clinic is None else (clinic,), seed)
        other = object.__new__(Mock)
        other._begin(self._worlds, self._app, world)
        return other

    def forget(self) -> None:
        """Drop this world and release what waits in it; the name is free again. The default world stays."""
        self._worlds.drop(self.world.name)

    @property
    def dialect(self) -> Dialect:
        """The dialect that this mock speaks."""
        return self._worlds.dialect

    @property
    def path(self) -> str:
        """What stands before the vendor's own paths on a socket: `""`, or `"/ns/NAME"`."""
        return "" if self.world.name == DEFAULT else f"/ns/{self.world.name}"

    @property
    def connection(self) -> dict[str, str]:
        """The four fields to paste at the registry for this world's first clinic; unused ones are empty."""
        return self.dialect.connection(self.world.account)

    @property
    def options(self) -> dict[str, Any]:
        """What the registry's staff set for this world's first clinic, since it is not on the wire; `{}` for none."""
        return self.dialect.options(self.world.account, self.world.switches)

    @property
    def origin(self) -> str:
        """The vendor's own scheme and host. In process an adapter may keep using it; nothing is ever sent there."""
        return self.dialect.origin

    @property
    def clock(self) -> ClinicsTime:
        """The clinic's time, for `Kobling(clock=…)`: caller and vendor then live on the same day."""
        return ClinicsTime(self.world)

    def exchange(self, request: WireRequest) -> WireReply | WireFailure:
        """Answer one request in process, in the caller's thread. It is a `kobling.exchange.Exchange`."""
        return call_in_process(self._app, self.world, request, self.patience)

    def serve(self, *, port: int = 0, threads: int = THREADS) -> Served:
        """Serve every world of this mock on 127.0.0.1; `Served.url` is this one's address. Use it in a `with` block."""
        return serve_app(self._app, self.path, port=port, threads=threads)


def serving(mock: Mock | Dialect | str, *, port: int = 0, threads: int = THREADS) -> Served:
    """Serve a mock; a dialect or its key is given a demo clinic first. Use it in a `with` block."""
    return (mock if isinstance(mock, Mock) else Mock(mock)).serve(port=port, threads=threads)
