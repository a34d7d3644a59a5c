"""One world: clinics with their accounts at the vendor, a clock, a journal, faults, barriers and switches.

A world is what one caller or one test sees. Worlds share nothing but the vendor's name, so parallel runs never meet.
`Worlds` holds the worlds of one mock by name; over a socket each stands under `/ns/NAME`, the default one at the root.
"""

from __future__ import annotations

import re
import secrets
import threading
import traceback
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

from .barriers import Barriers
from .clinic import Behaviour, Clinic, Clock, Restrictions, Snapshot, check_invariants, demo_clinic, synthetic_clinic
from .dialect import Account, Dialect
from .faults import Faults
from .journal import Journal
from .switches import Switches

__all__ = ["DEFAULT", "Unsound", "World", "Worlds"]

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Unsound(AssertionError):
    """An invariant of the clinic was broken, or the mock itself failed. The text lists what."""


class World:
    """One namespace of a mock. Made by `Mock` or by the control API."""

    def __init__(self, worlds: Worlds, name: str, clinics: Iterable[Clinic]) -> None:
        self.name = name
        self.dialect: Dialect = worlds.dialect
        operations = tuple(operation.name for operation in self.dialect.operations)
        self.journal = Journal()
        self.faults = Faults(operations)
        self.barriers = Barriers(operations)
        self.last_error: Exception | None = None
        self._worlds = worlds
        self._lock = threading.RLock()
        self._first: list[tuple[Clinic, Snapshot]] = []
        self.accounts: dict[str, Account] = {}
        self.switches = Switches(self.dialect.switches, self._adjust)
        self._fill(tuple(clinics))

    def _fill(self, clinics: tuple[Clinic, ...]) -> None:
        with self._lock:
            self.accounts = {}
            self._set_up: dict[str, tuple[Behaviour, Restrictions]] = {}
            self._due: list[tuple[datetime, int, Callable[[], Any]]] = []
            self._jobs = 0
            self._looked_at: dict[str, int] = {}
            self._broken: list[str] = []
            self._failures: list[str] = []
            self.last_error = None
            self.rows_a_page: int | None = None
            self._first = [(clinic, clinic.snapshot()) for clinic in clinics]
            for clinic in clinics:
                self.add_clinic(clinic)

    def _adjust(self) -> None:
        for account in list(self.accounts.values()):
            behaviour, restrictions = self._set_up[account.external_id]
            wanted, limits = self.dialect.adjust(behaviour, restrictions, self.switches)
            if wanted != account.clinic.behaviour:
                account.clinic.behave(**{field.name: getattr(wanted, field.name) for field in fields(wanted)})
            if limits != account.clinic.restrictions:
                account.clinic.set_restrictions(limits)

    @property
    def account(self) -> Account:
        """The first clinic's account."""
        return next(iter(self.accounts.values()))

    @property
    def clinic(self) -> Clinic:
        """The first clinic, with everything done that is due by its clock."""
        self.run_due()
        return self.account.clinic

    @property
    def clinics(self) -> tuple[Clinic, ...]:
        """Every clinic of this world, with everything done that is due by the clock."""
        self.run_due()
        return tuple(account.clinic for account in self.accounts.values())

    @property
    def clock(self) -> Clock:
        """The clock that this world's clinics share."""
        return self.account.clinic.clock

    def rows_on_a_page(self, most: int) -> int:
        """How many rows a page of a list holds here: `most`, as the vendor has it, or fewer where a test has set
        `rows_a_page` to see a short list come in several pages."""
        return most if self.rows_a_page is None else min(most, self.rows_a_page)

    def add_clinic(self, clinic: Clinic) -> Account:
        """Open an account for one more clinic, for instance to try the right key on the wrong clinic."""
        with self._lock:
            self.dialect.fit(clinic)
            account = self.dialect.open_account(clinic)
            self.accounts[account.external_id] = account
            self._set_up[account.external_id] = (clinic.behaviour, clinic.restrictions)
        self._adjust()
        return account

    def reset(self, seed: int | None = None) -> None:
        """Begin again: no journal, faults, barriers, switches or added clinics.

        With a seed the world gets the random clinic of that seed; without one its first clinics and its clock go back
        to how they were when the world was made.
        """
        self.barriers.clear()
        self.faults.clear()
        self.switches.reset()
        if seed is not None:
            self._fill((synthetic_clinic(seed),))
        else:
            for clinic, snapshot in self._first:
                clinic.restore(snapshot)
            self._fill(tuple(clinic for clinic, _ in self._first))
        self.journal.clear()

    # time -----------------------------------------------------------------------------------------------------------

    def later(self, seconds: float, job: Callable[[], Any]) -> None:
        """Do `job` when the world's clock has moved on by `seconds`: at the next call, page or look at the clinic."""
        with self._lock:
            self._jobs += 1
            self._due.append((self.clock.now() + timedelta(seconds=seconds), self._jobs, job))

    def run_due(self) -> None:
        """Do every job whose time has come, in order."""
        while True:
            with self._lock:
                now = self.clock.now()
                ready = sorted((entry for entry in self._due if entry[0] <= now), key=lambda entry: entry[:2])
                if not ready:
                    return
                self._due.remove(ready[0])
            try:
                ready[0][2]()
            except Exception as error:  # noqa: BLE001 - as in a call: the mock's own fault, to be told as such
                self.fail_in("a job of its own", error)
            self.check()

    def wait(self, seconds: float) -> None:
        """Let real time pass, as a slow vendor does; a server that is being stopped ends the wait."""
        self._worlds.stopping.wait(seconds)

    # soundness ------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Look at the invariants of every clinic that changed since the last look, and remember what is broken."""
        for account in list(self.accounts.values()):
            revision = account.clinic.revision
            if self._looked_at.get(account.external_id) != revision:
                for problem in check_invariants(account.clinic):
                    self.break_down(problem)
                self._looked_at[account.external_id] = revision

    def break_down(self, what: str) -> None:
        """Remember that something is wrong that no caller can be blamed for."""
        with self._lock:
            if what not in self._broken:
                self._broken.append(what)

    def fail_in(self, where: str, error: Exception) -> None:
        """Remember that the mock itself failed in an operation: the exception's type and its place in the dialect's
        own code. What the exception says may hold what a caller sent, so it is not kept in words; only a class that a
        table lacks is named, such as a refusal of the clinic's."""
        lacks = f" of {key.__name__}" if isinstance(error, KeyError) and isinstance(key := error.args[0], type) else ""
        place = _place(error, type(self.dialect).__module__)
        what = f"the mock failed in {where}: {type(error).__name__}{lacks} at {place}"
        with self._lock:
            self.last_error = error
            self._failures += [what] if what not in self._failures else []
        self.break_down(what)

    @property
    def failures(self) -> tuple[str, ...]:
        """The failures of the mock itself among what has been broken so far."""
        with self._lock:
            return tuple(self._failures)

    @property
    def broken(self) -> tuple[str, ...]:
        """What has been broken so far."""
        with self._lock:
            return tuple(self._broken)

    def assert_sound(self) -> None:
        """Raise `Unsound` if an invariant of a clinic was ever broken in this world, or the mock itself failed."""
        self.run_due()
        self.check()
        if self.broken:
            raise Unsound(f"world {self.name!r}: " + "; ".join(self.broken)) from self.last_error

    # what callers leave behind --------------------------------------------------------------------------------------

    def patient_names(self) -> set[str]:
        """Names and e-mail addresses of the patients on file, for the journal's search in URLs."""
        return {
            text
            for account in list(self.accounts.values())
            for patient in account.clinic.patients
            for text in (patient.name, patient.email)
            if text
        }

    def issue_cookie(self, external_id: str) -> str:
        """A Set-Cookie value that belongs to one clinic of this world."""
        cookie = f"vendor_session={secrets.token_hex(8)}"
        self._worlds.cookies[cookie] = (self.name, external_id)
        return f"{cookie}; Path=/; HttpOnly"

    def cookie_owner(self, cookie: str) -> tuple[str, str] | None:
        """The world and clinic for which a `name=value` pair was issued, None if nobody issued it."""
        return self._worlds.cookies.get(cookie)


def _place(error: Exception, module: str) -> str:
    """The last line of the dialect's package that an exception came through, as `my_mock/dialect.py:57`; the last line
    of all where it never was there."""
    frames = [(frame.f_globals.get("__name__", ""), frame.f_code.co_filename, line)
              for frame, line in traceback.walk_tb(error.__traceback__)]  # fmt: skip
    own = [one for one in frames if one[0].partition(".")[0] == module.partition(".")[0]]
    if not frames:
        return "an unknown place"
    _, file, line = (own or frames)[-1]
    return f"{'/'.join(PurePath(file).parts[-2:])}:{line}"


class Worlds:
    """The worlds of one mock, by name. Thread safe."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.cookies: dict[str, tuple[str, str]] = {}
        self.threads = 0
        self.stopping = threading.Event()
        self._worlds: dict[str, World] = {}
        self._lock = threading.Lock()

    def create(self, name: str, clinics: Iterable[Clinic] = (), seed: int | None = None) -> World:
        """A new world with the clinics given, else with the random clinic of `seed`, else with the demo clinic.

        Raises `ValueError` for a name that cannot stand in a path or is taken.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"a namespace is 1 to 64 letters, digits, '-', '_' or '.', not {name!r}")
        given = tuple(clinics) or (demo_clinic() if seed is None else synthetic_clinic(seed),)
        world = World(self, name, given)
        world.barriers.threads = self.threads
        with self._lock:
            if name in self._worlds:
                raise ValueError(f"the namespace {name!r} exists already")
            self._worlds[name] = world
        return world

    def get(self, name: str) -> World | None:
        """The world of that name, or None."""
        with self._lock:
            return self._worlds.get(name)

    def drop(self, name: str) -> bool:
        """Forget a world and release what waits in it. The default world stays. True if something was dropped."""
        with self._lock:
            world = None if name == DEFAULT else self._worlds.pop(name, None)
        if world is not None:
            world.barriers.clear()
        return world is not None

    def served_by(self, threads: int) -> None:
        """Tell every world how many calls a server can hold at once (0: in process only)."""
        with self._lock:
            self.threads = threads
            for world in self._worlds.values():
                world.barriers.threads = threads

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all worlds, in the order of their making."""
        with self._lock:
            return tuple(self._worlds)
