"""TRAN: over real sockets: connections that break, certificates that are wrong, and addresses that lead elsewhere."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from kobling import Operation, UrlPolicy
from kobling_mocks.faults import FaultKind, When

from ..outcome import unknown
from ..rig import Rig
from ..rule import RuleBook
from ..tls import HOST, PERSONAS, Front, Personas
from ..trial import Trial
from ..wording import calls_told, counted, either
from .booking import still_open
from .failures import BRANCHES

BOOK = RuleBook("TRAN", "Broken connections, certificates and addresses")
READS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots")
BOOKS: tuple[Operation, ...] = (*READS, "book")
SLACK = 20.0
"""Seconds more than its limits allow that an operation may take on a busy machine. A dribble goes on for longer."""
DRIBBLES = 120.0

WAITING: tuple[FaultKind, ...] = ("hang", "dribble_headers", "dribble_body", "dribble_chunks", "dribble_1xx")
BREAKING: tuple[FaultKind, ...] = ("reset", "truncated", "length_too_long", "random_bytes")
LOOSE: tuple[FaultKind, ...] = ("random_bytes", "length_too_long")
AT_A_LOSS = ("vendor_unavailable", "vendor_protocol_error")
"""What a caller may hear where nobody can tell a broken line from a broken vendor: the next step is the same."""


def _details(kind: FaultKind) -> dict[str, Any]:
    return {"seconds": DRIBBLES} if kind in WAITING else {}


@BOOK.rule(
    1,
    "A connection that breaks, hangs or drips is an error within the time limit, and is tried again only so often",
    why="A search that never ends holds up every patient behind it; half an answer shows half a clinic.",
    check="Nothing in the adapter may catch what the SDK raises, or repeat a call by itself.",
    control="The catalogue is read over a socket in a twin clinic without a fault.",
    source="the contract: a call has one deadline, for its last byte too; RFC 9112, 6.3 and 8 on incomplete messages",
    needs=READS,
    evidence=("journal",),
    causes={
        "no_error": "The call succeeded although no answer came through whole.",
        "other_error": "The failure became an error of another branch: the caller would do the wrong thing next.",
        "too_late": "The call went on long after its time was over.",
        "too_often": "A call that fails again and again was sent too often.",
    },
    look={
        "no_error": "identify and catalogue: an `except`, or a default for what an answer does not hold.",
        "too_late": "Loops of the adapter's own over calls: each call has its time limit, a loop has none.",
    },
    driver=True,
)
async def _broken_reads(trial: Trial) -> None:
    needed = 0

    async def one(kind: FaultKind) -> None:
        nonlocal needed
        rig = trial.rig(wired=True, adapter=trial.hurried("timeout_read") if kind in WAITING else None)
        if kind == BREAKING[0]:
            mark = rig.mark()
            await rig.connect().catalogue()
            needed = len(trial.control(rig, mark, "the catalogue is read over a socket"))
        rig.fault("*", kind, times=0, **_details(kind))
        mark, begun = rig.mark(), time.monotonic()
        outcome = await trial.outcome(rig.connect().catalogue())
        took, calls = time.monotonic() - begun, rig.since(mark)
        allowed = AT_A_LOSS if kind in LOOSE else BRANCHES.get(kind, ("vendor_timeout",))
        code = outcome.error.code if outcome.error else ""
        trial.claim(outcome.error is not None, "no_error", expected=f"an error, {kind}", got=outcome, calls=calls)
        expected = f"{either(allowed)}, {kind}"
        trial.claim(code in allowed, "other_error", expected=expected, got=f"{code}: {outcome}", calls=calls)
        trial.claim(
            took <= SLACK,
            "too_late",
            expected=f"an end within {SLACK:.0f} s, {kind}",
            got=f"an end after {took:.0f} s",
            calls=calls,
        )
        most = 3 * max(needed, 1)
        trial.claim(len(calls) <= most, "too_often", expected=f"at most {most} calls, {kind}",
                    got=counted(len(calls), "call"))  # fmt: skip
        trial.saw(f"{kind}: {counted(len(calls), 'call')}, told as {code}")

    await one(BREAKING[0])
    await asyncio.gather(*(one(kind) for kind in (*BREAKING[1:], *WAITING)))


@BOOK.rule(
    2,
    "A booking whose connection breaks is unknown, was sent once, and is at most one appointment",
    why="The vendor may have booked before the line went dead; nobody can tell from this side.",
    check="book: what is caught, and every default for an answer that did not come.",
    control="The same booking over a socket, without a fault, stands in the timebook of a twin clinic.",
    source="the contract: after a write only a listed refusal is certain",
    needs=BOOKS,
    evidence=("timebook", "journal"),
    causes={
        "resent": "The booking was sent again.",
        "two_made": "The patient has two appointments.",
        "told_booked": "A booking whose answer never came was told as booked.",
        "told_not_booked": "A booking that may stand was told as not booked.",
    },
    look={
        "resent": "book: a loop or an `except` that sends the write again.",
        "two_made": "book: a loop or an `except` that sends the write again.",
    },
    driver=True,
    safety=True,
)
async def _broken_bookings(trial: Trial) -> None:
    control = trial.rig(wired=True)
    write = (await trial.booked(control)).write
    open_times = await trial.open_times(control)

    async def one(kind: FaultKind, when: When) -> None:
        rig = trial.rig(wired=True, adapter=trial.hurried("timeout_write") if kind in WAITING else None)
        slot = next(one for one in (await rig.session.slots(rig.days(4, 1))).found if one.start == open_times[-1].start)
        rig.fault(write, kind, when=when, times=0, **_details(kind))
        mark, before = rig.mark(), rig.appointments()
        outcome = await trial.outcome(rig.session.book(rig.request(slot)))
        calls = tuple(call for call in rig.since(mark) if call.operation == write)
        what = f"{kind} {'after' if when == 'after_commit' else 'before'} the vendor did its part"
        trial.need(calls, f"no write reached the vendor, {what}")
        made = rig.made_since(before)
        trial.claim(len(calls) <= 1, "resent", expected=f"1 write, {what}", got=calls_told(calls), calls=calls)
        got = counted(len(made), "appointment")
        trial.claim(len(made) <= 1, "two_made", expected=f"1 appointment, {what}", got=got, calls=calls)
        expected = f"OutcomeUnknown, {what}"
        trial.claim(outcome.error is not None, "told_booked", expected=expected, got=outcome, calls=calls)
        trial.claim(unknown(outcome), "told_not_booked", expected=expected, got=outcome, calls=calls)
        trial.saw(f"{what}: one write, {counted(len(made), 'appointment')} made, told as unknown")

    await asyncio.gather(
        *(one(kind, "after_commit") for kind in ("reset", "truncated", "random_bytes", "dribble_1xx")),
        one("reset", "before_commit"),
    )


@BOOK.rule(
    3,
    "To a server that cannot prove who it is, nothing is said: not the key, not a single byte of a request",
    why="Whoever sits between registry and vendor would have the clinic's key and the patient's name.",
    check="base_url and auth_url must be https; nothing may open a connection of its own.",
    control="The catalogue is read over TLS from a server that can prove who it is.",
    source="RFC 9525 on verifying names; RFC 8996: TLS 1.0 and 1.1 are not to be used",
    needs=READS,
    evidence=("wire", "journal"),
    causes={
        "told_everything": "A request was sent to a server whose certificate or protocol is not to be trusted.",
        "no_error": "The call succeeded although the server could not prove who it is.",
        "other_error": "The failure was not told as the vendor's server being out of reach.",
    },
    look={
        "no_error": "What the adapter catches of a call that never came through.",
        "other_error": "What the adapter catches of a call that never came through, and raises in its place.",
    },
    driver=True,
    safety=True,
)
async def _impostors(trial: Trial) -> None:
    rig, personas = trial.rig(wired=True), Personas()
    place = urlsplit(rig.served_at)
    for persona in PERSONAS:
        with Front(personas.context(persona), place.port or 0) as front:
            side = rig.dial(
                f"https://{HOST}:{front.port}{place.path}",
                ssl_context=personas.trusting,
                resolver=_answering(["127.0.0.1"]),
            )
            mark = rig.mark()
            outcome = await trial.outcome(side.catalogue())
            calls = rig.since(mark)
        if persona == "right":
            trial.control(rig, mark, "the catalogue is read over TLS from a server that is who it says")
            trial.need(front.received or None, "nothing went over TLS")
            continue
        trial.need(front.callers or None, f"the server was not called at all, {persona}")
        sent = len(calls) or front.received
        trial.claim(
            not sent,
            "told_everything",
            expected=f"no request, {persona}",
            got="a request of the adapter's",
            calls=calls,
        )
        trial.claim(outcome.error is not None, "no_error", expected=f"an error, {persona}", got=outcome)
        code = outcome.error.code if outcome.error else ""
        trial.claim(code == "vendor_unavailable", "other_error", expected=f"vendor_unavailable, {persona}",
                    got=f"{code}: {outcome}")  # fmt: skip
        trial.saw(f"{persona}: {counted(front.callers, 'connection')}, no byte of a request, told as {code}")


@BOOK.rule(
    4,
    "A redirect leads nowhere: no connection is opened to where it points",
    why="One answer would be enough to send a clinic's key, or a patient, to anybody.",
    check="Nothing may open a connection of its own, or build a call from an address in an answer.",
    control="A booking over a socket stands in the same clinic's timebook, and every redirect reached the adapter.",
    source="the contract: redirects are never followed",
    needs=BOOKS,
    evidence=("wire", "journal"),
    causes={"connected": "A connection was opened to the place that a redirect named."},
    driver=True,
    safety=True,
)
async def _redirects_over_sockets(trial: Trial) -> None:
    with canary() as port:
        rig = trial.rig(wired=True)
        write = (await trial.booked(rig)).write
        slots = await trial.open_times(rig)
        struck = 0
        for status in REDIRECTS:
            for operation in ("*", write):
                fault = {"to": f"http://127.0.0.1:{port.number}/elsewhere", "status": status, "times": 0}
                rig.fault(operation, "redirect", **fault)
                side, mark = rig.connect(), rig.mark()
                call = side.catalogue() if operation == "*" else side.book(rig.request(still_open(trial, rig, slots)))
                await trial.outcome(call)
                struck += any(one.fault == "redirect" for one in rig.since(mark))
                rig.world.faults.clear()
        trial.need(struck == 2 * len(REDIRECTS) or None, "a redirect did not reach the adapter")
        trial.claim(not port.calls, "connected", expected="no connection to where a redirect points",
                    got=counted(port.calls, "connection"))  # fmt: skip
        trial.saw(f"{struck} redirects of reads and bookings to a listening port, no connection there")


REDIRECTS = (301, 302, 307, 308)


PRIVATE = ("10.0.0.7", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.7", "64:ff9b::7f00:1")


@BOOK.rule(
    5,
    "An address that a person typed never leads into a private network, also when its name changes its mind",
    why="A typed address could make the registry call its own internal machines, with a key in the call.",
    check="Only base_url and auth_url may hold what was typed; the SDK checks each address when it is dialled.",
    control="The catalogue is read from a typed address that may be called, in the same world.",
    source="OWASP: server-side request forgery and DNS rebinding",
    needs=READS,
    evidence=("wire",),
    causes={
        "connected": "A connection was opened to a private address.",
        "no_error": "The call succeeded although the address may not be called.",
        "other_error": "The refusal did not say that the address is the trouble.",
    },
    look={
        "no_error": "What the adapter catches of a call that was refused.",
        "other_error": "What the adapter catches of a call that was refused, and raises in its place.",
    },
    driver=True,
    safety=True,
)
async def _private_addresses(trial: Trial) -> None:
    rig = trial.rig(wired=True)
    if trial.adapter.form.booking_url.use == "unused":
        await rig.session.catalogue()
        trial.not_offered("an address that a clinic types", proof=_asks_its_own_host(rig))
    place = urlsplit(rig.served_at)
    typed = f"http://{HOST}:{place.port}{place.path}{_typed_path(rig)}"
    here = UrlPolicy(allowed=(ip_network("127.0.0.1/32"),), ports=frozenset({place.port or 0}), allow_http=True)
    mark = rig.mark()
    await rig.dial(None, booking_url=typed, policy=here, resolver=_answering(["127.0.0.1"])).catalogue()
    trial.control(rig, mark, "the catalogue is read from an address that may be called")
    with canary() as listening:
        tries: Mapping[str, Callable[[str], Sequence[str]]] = {
            **{address: _answering([address]) for address in PRIVATE},
            "a name with an internal address beside a public one": _answering(["203.0.113.9", "10.0.0.7"]),
        }
        for what, resolver in tries.items():
            url = "https://klinikk.example/api"
            outcome = await trial.outcome(rig.dial(None, booking_url=url, resolver=resolver).catalogue())
            _refused(trial, outcome, what)
        changing = _changing("127.0.0.1", "10.0.0.7")
        side = rig.dial(None, booking_url=typed, policy=here, resolver=changing)
        first = await trial.outcome(side.clinic())
        trial.need(first.value, "the first call to a name that changes did not succeed")
        rig.pace.pass_time(3600.0)
        mark = rig.mark()
        fresh = rig.dial(None, booking_url=typed, policy=here, resolver=changing)
        _refused(trial, await trial.outcome(fresh.clinic()), "a name that has turned internal")
        calls = rig.since(mark)
        trial.claim(not calls, "connected", expected="no call", got=calls_told(calls), calls=calls)
        got = counted(listening.calls, "connection")
        trial.claim(not listening.calls, "connected", expected="no connection", got=got)
    trial.saw(f"{len(tries) + 1} addresses that lead into an internal network, all refused when dialled, none called")


def _refused(trial: Trial, outcome: Any, what: str) -> None:
    trial.claim(outcome.error is not None, "no_error", expected=f"a refusal, {what}", got=outcome)
    trial.claim(
        outcome.error.code == "url_not_allowed",
        "other_error",
        expected=f"url_not_allowed, {what}",
        got=f"{outcome.error.code}: {outcome}",
    )


def _answering(addresses: Sequence[str]) -> Callable[[str], Sequence[str]]:
    return lambda _host: addresses


def _changing(first: str, later: str) -> Callable[[str], Sequence[str]]:
    """A name that stands for one address when it is first asked for, and for another one afterwards."""
    answers = [first]
    return lambda _host: [answers.pop() if answers else later]


def _asks_its_own_host(rig: Rig) -> bool:
    return bool(rig.world.journal.calls) and "{booking_url}" not in rig.adapter.base_url


def _typed_path(rig: Rig) -> str:
    """What stands behind the host in the address that this clinic would type."""
    return urlsplit(rig.fields()["booking_url"]).path


class _Canary:
    """A listening port that nobody may call. `calls` counts connections."""

    def __init__(self, listener: socket.socket) -> None:
        self.number: int = listener.getsockname()[1]
        self.calls = 0
        self._listener = listener

    def listen(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.calls += 1
            caller.close()


@contextmanager
def canary() -> Iterator[_Canary]:
    """A port on loopback where every connection is seen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = _Canary(listener)
        thread = threading.Thread(target=seen.listen, daemon=True)
        thread.start()
        yield seen
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)
