"""The attempt guard: how often "Test kobling" and "Test og lagre" may be pressed, both counted together.

    press ──▶ take ──▶ lease ──▶ the vendor is asked ──▶ settle ──▶ AttemptAnswered (report, blocked_until)
               │
               └─────▶ AttemptRefused (blocked, too_many, under_way): the vendor is not asked

Rules, for one scope (the registry's own name for what is counted together, such as a location):

- A press whose report counts (`ConnectionReport.counts_as_attempt`) is a failure. It counts for one `window` from the
  moment its answer came, that end not included. One failure more than `failures` starts a block of `block`, that end
  not included either. The press that started it still has its report, with the time the block ends.
- In a block every press is refused. A refused press leaves no trace: it neither counts nor prolongs anything. When a
  block starts, the failures that led to it are used up: after it the count begins anew.
- A press takes a lease before the vendor is asked. Leases and failures together never exceed what one more failure
  would block, so presses at the same time can't send more wrong keys than presses in turn.
- Only a report settles a lease. A report that does not count, a success among them, gives the lease back and takes no
  failure away. A lease without a report (a crash, a cancelled request) runs out after `lease` and counts nothing;
  a report that comes after that still counts.
- All presses that reached a vendor, whatever came of them, are limited by `presses` in `presses_window`.
- A stored time later than the clock means that the clock was set back: it is taken for the present. A failure that has
  once ceased to count does not begin again.

Source: the registry's help article on registering online booking ("mer enn 5 ganger", "i en time"); what it leaves
open is decided in `docs/why/attempt-guard.md`. Nothing that is stored holds a key, a field or a person: only the
scope, random ids and times.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, Protocol, Self, TypeAlias, TypeVar
from uuid import uuid4

from pydantic import Field, model_validator

from . import texts
from .clock import Clock, SystemClock
from .errors import Language
from .localtime import Zone
from .model import Model, Moment
from .report import ConnectionReport

T = TypeVar("T")
Span = Annotated[timedelta, Field(gt=timedelta())]
HOUR: Final = timedelta(hours=1)
MAX_SCOPE: Final = 200
SWEEP_FROM: Final = 1000

RefusedBecause = Literal["blocked", "too_many", "under_way"]


class AttemptLimits(Model):
    """How much pressing is allowed in one scope.

    failures: failing presses within `window` that are allowed; one more blocks for `block`. presses: presses of any
    outcome within `presses_window`, so that the button is no port scanner; more than `failures`, or it would never
    be reached. lease: how long a press without a report keeps its place; longer than a test can take (an operation of
    `Kobling` has 60 seconds unless told otherwise).
    """

    failures: int = Field(default=5, ge=0)
    window: Span = HOUR
    block: Span = HOUR
    presses: int = 30
    presses_window: Span = HOUR
    lease: Span = timedelta(minutes=2)

    @model_validator(mode="after")
    def _wider(self) -> Self:
        if self.presses <= self.failures:
            raise ValueError("presses must be more than failures")
        return self


class Press(Model):
    """One press that reached a vendor. failed_at: when its failure was told, while that counts."""

    id: str
    taken_at: Moment
    answered: bool = False
    failed_at: Moment | None = None


class AttemptState(Model):
    """All that is stored of one scope; as JSON it is about 150 bytes for each press of the last hour.

    as_of: the guard's time when it was last changed. keep_until: from then on the state says nothing any more and may
    be deleted; None when it may be deleted at once.
    """

    presses: tuple[Press, ...] = ()
    blocked_at: Moment | None = None
    as_of: Moment | None = None
    keep_until: Moment | None = None


Step: TypeAlias = Callable[[AttemptState], tuple[AttemptState, T]]
"""From a scope's state to its next one, and the answer. It may be called again when a store has to try again."""


class AttemptStore(Protocol):
    """Where the states of all scopes stand, for sync callers: a registry puts it in its database."""

    def change(self, scope: str, step: Step[T]) -> T:
        """Read the scope's state (`AttemptState()` where there is none), call `step`, write the state it returns, and
        return its answer: as one step that no other change of this scope comes between, in any process."""


class AsyncAttemptStore(Protocol):
    """The same for asyncio."""

    async def achange(self, scope: str, step: Step[T]) -> T:
        """See `AttemptStore.change`."""


class AttemptsInMemory:
    """States in this process's memory, for threads and tasks alike. A registry of several processes needs a store
    that they share, or each process allows the limits anew.

    A scope is forgotten when nothing of it counts any more, so that no more scopes are held than were pressed
    lately (and a thousand that have not been swept up yet).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, AttemptState] = {}
        self._sweep_at = SWEEP_FROM

    def change(self, scope: str, step: Step[T]) -> T:
        """See `AttemptStore.change`. Never waits for more than another change."""
        with self._lock:
            state, answer = step(self._states.get(scope, AttemptState()))
            if state.keep_until is None:
                self._states.pop(scope, None)
            else:
                self._states[scope] = state
            if len(self._states) >= self._sweep_at and state.as_of is not None:
                self._sweep(state.as_of)
            return answer

    async def achange(self, scope: str, step: Step[T]) -> T:
        """See `AttemptStore.change`; the event loop is not held up."""
        return self.change(scope, step)

    def _sweep(self, now: datetime) -> None:
        self._states = {
            scope: state
            for scope, state in self._states.items()
            if state.keep_until is not None and now < state.keep_until
        }
        self._sweep_at = max(SWEEP_FROM, 2 * len(self._states))

    @property
    def scopes(self) -> int:
        """How many scopes are held now."""
        return len(self._states)


class AttemptLease(Model):
    """The leave to ask the vendor once. It runs out at `expires_at`."""

    scope: str
    id: str
    expires_at: Moment


class AttemptRefused(Model):
    """The press was refused, and the vendor must not be asked.

    because: `blocked` (too many failures), `too_many` (too many presses of any kind, or more failures than a limit that
    was lowered meanwhile allows), `under_way` (others that are not finished could use up what is left). until: from
    then on a press is taken; for `under_way` at the latest.
    """

    because: RefusedBecause
    at: Moment
    until: Moment

    def explain(self, lang: Language = "nb", *, zone: Zone = "Europe/Oslo") -> str:
        """What happened, when it ends on the clinic's clock, what to do and who can help."""
        return _explain(self.because, lang, self.at, self.until, zone)


class AttemptAnswered(Model):
    """The press was taken and the vendor was asked.

    counted: the report counts as a failure. left: failures that would start a block, this one counted. blocked_until:
    the end of the block that stands now, also when another press has started it; None without one. block: how long a
    block lasts.
    """

    report: ConnectionReport
    at: Moment
    counted: bool
    left: int
    blocked_until: Moment | None = None
    block: timedelta

    def explain(self, lang: Language = "nb", *, zone: Zone = "Europe/Oslo") -> str:
        """The report's headline; after a failure also how many are left, or when the block ends on the clinic's
        clock."""
        told = [self.report.headline(lang)]
        if self.blocked_until is not None:
            told.append(_explain("blocked", lang, self.at, self.blocked_until, zone))
        elif self.counted:
            minutes = texts.whole_minutes(self.block)
            told.append(texts.explain_entry("attempt", "left", lang, left=self.left, minutes=minutes))
        return " ".join(told)


def _explain(word: str, lang: Language, now: datetime, until: datetime, zone: Zone) -> str:
    return texts.explain_entry(
        "attempt",
        word,
        lang,
        until=texts.clock_time(until, now, zone, lang),
        minutes=texts.whole_minutes(until - now),
    )


# ---- the rules: pure, from a state and a time to the next state


def take(
    limits: AttemptLimits, state: AttemptState, now: datetime, lease: AttemptLease
) -> tuple[AttemptState, AttemptLease | AttemptRefused]:
    """A press: the lease that was offered, now held, or why it was not."""
    state = _as_of(limits, state, now)
    refused = _refused(limits, state, now)
    if refused is not None:
        return state, refused
    presses = (*state.presses, Press(id=lease.id, taken_at=now))
    return _kept(limits, state.model_copy(update={"presses": presses})), lease


def settle(
    limits: AttemptLimits, state: AttemptState, now: datetime, lease: AttemptLease, report: ConnectionReport
) -> tuple[AttemptState, AttemptAnswered]:
    """The report of a press has come. A lease that is settled already, or is long forgotten, changes nothing."""
    state = _as_of(limits, state, now)
    counted = False
    presses = []
    for press in state.presses:
        if press.id == lease.id and not press.answered:
            counted = report.counts_as_attempt and state.blocked_at is None
            press = press.model_copy(update={"answered": True, "failed_at": now if counted else None})
        presses.append(press)
    blocked_at = state.blocked_at
    failures = len(_failures(limits, presses, now))
    if blocked_at is None and failures > limits.failures and counted:
        blocked_at = now
        presses = [press.model_copy(update={"failed_at": None}) for press in presses]
    state = _kept(limits, state.model_copy(update={"presses": tuple(presses), "blocked_at": blocked_at}))
    answer = AttemptAnswered(
        report=report,
        at=now,
        counted=counted,
        left=0 if blocked_at else max(1, limits.failures + 1 - failures),
        blocked_until=blocked_at + limits.block if blocked_at else None,
        block=limits.block,
    )
    return state, answer


def _refused(limits: AttemptLimits, state: AttemptState, now: datetime) -> AttemptRefused | None:
    if state.blocked_at is not None:
        return AttemptRefused(because="blocked", at=now, until=state.blocked_at + limits.block)
    ends = sorted(
        press.taken_at + limits.presses_window
        for press in state.presses
        if now < press.taken_at + limits.presses_window
    )
    if len(ends) >= limits.presses:
        return AttemptRefused(because="too_many", at=now, until=ends[-limits.presses])
    failures = _failures(limits, state.presses, now)
    leases = [
        press.taken_at + limits.lease
        for press in state.presses
        if not press.answered and now < press.taken_at + limits.lease
    ]
    places = sorted(failures + leases)
    if len(places) > limits.failures:
        until = places[len(places) - limits.failures - 1]
        alone = len(failures) > limits.failures
        return AttemptRefused(because="too_many" if alone else "under_way", at=now, until=until)
    return None


def _failures(limits: AttemptLimits, presses: list[Press] | tuple[Press, ...], now: datetime) -> list[datetime]:
    """When each failure that counts now will have ceased to."""
    ends = (press.failed_at + limits.window for press in presses if press.failed_at is not None)
    return [end for end in ends if now < end]


def _as_of(limits: AttemptLimits, state: AttemptState, now: datetime) -> AttemptState:
    """The state at this moment: nothing in it is later, and what no longer says anything is gone."""
    presses = (_counting(limits, _not_after(press, now), now) for press in state.presses)
    blocked_at = min(state.blocked_at, now) if state.blocked_at is not None else None
    facts = {
        "presses": tuple(press for press in presses if now < _press_kept_until(limits, press)),
        "blocked_at": blocked_at if blocked_at is not None and now < blocked_at + limits.block else None,
        "as_of": now,
    }
    return _kept(limits, state.model_copy(update=facts))


def _not_after(press: Press, now: datetime) -> Press:
    latest = max(press.taken_at, press.failed_at or press.taken_at)
    if latest <= now:
        return press
    failed_at = min(press.failed_at, now) if press.failed_at is not None else None
    return press.model_copy(update={"taken_at": min(press.taken_at, now), "failed_at": failed_at})


def _counting(limits: AttemptLimits, press: Press, now: datetime) -> Press:
    """The press without a failure that has ceased to count: a clock set back would let it begin again, and failures
    that no rule ever let come together would refuse without a block."""
    if press.failed_at is None or now < press.failed_at + limits.window:
        return press
    return press.model_copy(update={"failed_at": None})


def _press_kept_until(limits: AttemptLimits, press: Press) -> datetime:
    until = press.taken_at + max(limits.lease, limits.presses_window)
    return until if press.failed_at is None else max(until, press.failed_at + limits.window)


def _kept(limits: AttemptLimits, state: AttemptState) -> AttemptState:
    ends = [_press_kept_until(limits, press) for press in state.presses]
    ends += [state.blocked_at + limits.block] if state.blocked_at is not None else []
    return state.model_copy(update={"keep_until": max(ends, default=None)})


# ---- the guards


class _Rules:
    """What both guards hold; their steps read the clock where the store lets nothing come between."""

    def __init__(self, limits: AttemptLimits | None, clock: Clock | None) -> None:
        self.limits = limits if limits is not None else AttemptLimits()
        self._clock: Clock = clock if clock is not None else SystemClock()

    def _taking(self, scope: str) -> Step[AttemptLease | AttemptRefused]:
        if not isinstance(scope, str) or not 0 < len(scope) <= MAX_SCOPE:
            raise ValueError(f"a scope is a text of 1 to {MAX_SCOPE} characters")
        lease_id = uuid4().hex

        def step(state: AttemptState) -> tuple[AttemptState, AttemptLease | AttemptRefused]:
            now = self._clock.now()
            offered = AttemptLease(scope=scope, id=lease_id, expires_at=now + self.limits.lease)
            return take(self.limits, state, now, offered)

        return step

    def _settling(self, lease: AttemptLease, report: ConnectionReport) -> Step[AttemptAnswered]:
        def step(state: AttemptState) -> tuple[AttemptState, AttemptAnswered]:
            return settle(self.limits, state, self._clock.now(), lease, report)

        return step


class AttemptGuard(_Rules):
    """The guard for sync callers; safe to share between threads. One for both buttons.

    store: where the counts stand; memory unless given. A scope is any text of 1 to 200 characters that names what is
    counted together, such as the location's id in the registry: it is stored, so it must not hold a key or a name.
    Another text is a `ValueError`.

    >>> guard = AttemptGuard()
    >>> answer = guard.run("location 17", session.test_connection)
    >>> print(answer.explain("nb"))
    """

    def __init__(
        self, store: AttemptStore | None = None, *, limits: AttemptLimits | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(limits, clock)
        self._store: AttemptStore = store if store is not None else AttemptsInMemory()

    def run(self, scope: str, test: Callable[[], ConnectionReport]) -> AttemptAnswered | AttemptRefused:
        """One press: `test` is called at most once. What it raises is passed on, and its lease runs out by itself."""
        lease = self.take(scope)
        return lease if isinstance(lease, AttemptRefused) else self.settle(lease, test())

    def take(self, scope: str) -> AttemptLease | AttemptRefused:
        """Ask for the leave to ask the vendor once."""
        return self._store.change(scope, self._taking(scope))

    def settle(self, lease: AttemptLease, report: ConnectionReport) -> AttemptAnswered:
        """Hand in the report. A second one for the same lease counts nothing."""
        return self._store.change(lease.scope, self._settling(lease, report))


class AsyncAttemptGuard(_Rules):
    """The same for asyncio. A guard in memory may share its `AttemptsInMemory` with an `AttemptGuard`."""

    def __init__(
        self, store: AsyncAttemptStore | None = None, *, limits: AttemptLimits | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(limits, clock)
        self._store: AsyncAttemptStore = store if store is not None else AttemptsInMemory()

    async def run(
        self, scope: str, test: Callable[[], Awaitable[ConnectionReport]]
    ) -> AttemptAnswered | AttemptRefused:
        """See `AttemptGuard.run`."""
        lease = await self.take(scope)
        return lease if isinstance(lease, AttemptRefused) else await self.settle(lease, await test())

    async def take(self, scope: str) -> AttemptLease | AttemptRefused:
        """See `AttemptGuard.take`."""
        return await self._store.achange(scope, self._taking(scope))

    async def settle(self, lease: AttemptLease, report: ConnectionReport) -> AttemptAnswered:
        """See `AttemptGuard.settle`."""
        return await self._store.achange(lease.scope, self._settling(lease, report))
