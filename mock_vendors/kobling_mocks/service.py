"""What happens to one call of a vendor operation, from its arrival to the reply that goes out.

journal entry ─ findings ─ barrier ─ fault before the commit? ─ dialect ─ invariants ─ fault after it? ─ reply
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from kobling.exchange import WireReply, reply

from .clinic import Refusal
from .dialect import Answer, Dialect, Operation, Refused, Unread, Visit
from .faults import Fault, spoilt_reply
from .journal import NATIONAL_ID, Finding, describe, personal_in_url
from .world import World

__all__ = ["Arrival", "answer_call", "enter_unknown_call", "meant"]

_KEEP_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}
)
_KEY_NAME = re.compile(r"api[-_]?key|apikey|token|secret|password|authorization", re.I)


@dataclass(frozen=True)
class Arrival:
    """A request as it reached the vendor: decoded path, query in order, header names as sent, raw body."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes
    patience: float | None = None
    """How long an in-process caller would wait; None on a socket, where waiting is real."""
    address: str = ""
    """The whole address that was called, without its query."""


def meant(calls: Sequence[Operation], arrival: Arrival) -> Operation | None:
    """Which of an endpoint's operations a call asks for; None where the body names none of them."""
    if calls[0].told_by is None:  # the only one
        return calls[0]
    read, form = _parsed(arrival)
    body = form if read is None else read
    return next((one for one in calls if one.told_by is None or one.means(body)), None)


def answer_call(
    world: World, operation: Operation, arrival: Arrival, path: Mapping[str, str]
) -> tuple[WireReply, Fault | None]:
    """Let the vendor's system answer. Returns the reply and the fault that must still be done to the connection."""
    dialect = world.dialect
    world.run_due()
    number = world.journal.begin(world.clock.now(), operation.name, arrival.method, "")
    visit = _visit(world, path, arrival, operation.name)
    _enter(world, number, arrival, operation, visit)
    held = world.barriers.arrive(operation.name)
    fault = world.faults.strike(operation.name)
    world.journal.note(number, held=held, fault=fault.kind if fault else None, fault_when=fault.when if fault else None)

    def commit() -> WireReply:
        answer = _ask(world, operation, visit)
        world.journal.note(number, status=answer.status, effect=answer.effect, appointment=answer.appointment)
        return _written(answer)

    if fault is None:
        return commit(), None
    if fault.kind == "slow":
        return _slowly(world, fault, arrival, number, commit)
    if fault.when == "before_commit":
        return spoilt_reply(fault, None, dialect.id_fields), _on_wire(fault)
    answer = spoilt_reply(fault, commit(), dialect.id_fields)
    if fault.kind == "set_cookie":
        account = dialect.account_of(visit)
        cookie = world.issue_cookie(account.external_id if account else "")
        answer = WireReply(answer.status, (*answer.headers, ("Set-Cookie", cookie)), answer.body)
    return answer, _on_wire(fault)


def enter_unknown_call(world: World, arrival: Arrival) -> None:
    """Enter a call that fits no operation of the dialect in the journal."""
    world.run_due()
    number = world.journal.begin(world.clock.now(), None, arrival.method, "")
    visit = _visit(world, {}, arrival)
    _enter(world, number, arrival, None, visit)
    world.journal.note(number, status=404)


def _on_wire(fault: Fault) -> Fault | None:
    return fault if fault.breaks_the_wire or fault.kind in ("gzip_bomb", "stacked_gzip") else None


def _slowly(world: World, fault: Fault, arrival: Arrival, number: int, commit: Any) -> tuple[WireReply, Fault | None]:
    seconds = fault.seconds or 0.0
    gives_up = arrival.patience is not None and seconds > arrival.patience
    if fault.when == "after_commit":
        answer: WireReply = commit()
        if not gives_up:
            world.wait(seconds)
        return answer, (fault if gives_up else None)
    if not gives_up:
        world.wait(seconds)
        return commit(), None
    given_up = world.dialect.gives_up_after
    world.later(seconds if given_up is None else min(seconds, given_up), commit)  # as late as it may be
    world.journal.note(number, effect="later")
    return reply(200), fault


def _ask(world: World, operation: Operation, visit: Visit) -> Answer:
    try:
        answer = _handled(world.dialect, operation, visit)
    except Exception as error:  # noqa: BLE001 - a fault of the mock itself must be seen by the test, not taken for the vendor's
        world.fail_in(operation.name, error)
        answer = Answer(
            500, json={"mock": f"the mock itself failed in {operation.name}; see mock.world.assert_sound()"}
        )
    world.check()
    return answer


def _handled(dialect: Dialect, operation: Operation, visit: Visit) -> Answer:
    """The answer of the call's handler, or of the dialect where that refuses."""
    try:
        try:
            dialect.let_in(visit)
            return operation.handle(visit)
        except Refusal as refusal:
            return dialect.refused(visit, refusal)
        except Unread as unread:
            return dialect.unread(visit, unread.places)
    except Refused as refused:
        return refused.answer


def _written(answer: Answer) -> WireReply:
    """The answer as bytes in its charset. JSON says its charset only where it is not the usual one."""
    if answer.html is not None:
        kind, text = f"text/html; charset={answer.charset}", answer.html
    elif answer.json is not None:
        kind, text = "application/json", json.dumps(answer.json, ensure_ascii=False)
        kind += "" if answer.charset == "utf-8" else f"; charset={answer.charset}"
    else:
        return reply(answer.status, headers=answer.headers)
    body = text.encode(answer.charset, "replace")
    return reply(answer.status, body=body, headers={"Content-Type": kind, **answer.headers})


_CHARSET = re.compile(r"""charset\s*=\s*"?([\w.-]+)""", re.I)


def _visit(world: World, path: Mapping[str, str], arrival: Arrival, name: str = "") -> Visit:
    """The call as a dialect sees it."""
    headers = {name.lower(): value for name, value in arrival.headers}
    return Visit(world, path, dict(arrival.query), headers, *_parsed(arrival), arrival.query, arrival.address, name)


def _parsed(arrival: Arrival) -> tuple[Any, dict[str, str]]:
    """The body as JSON and as the fields of a form, of which one is empty."""
    kind = next((value for name, value in arrival.headers if name.lower() == "content-type"), "")
    found = _CHARSET.search(kind)
    try:
        text = arrival.body.decode(found[1] if found else "utf-8")
        if kind.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            return None, dict(parse_qsl(text, keep_blank_values=True))
        return json.loads(text), {}
    except (ValueError, RecursionError, LookupError):
        return None, {}


def _enter(world: World, number: int, arrival: Arrival, operation: Operation | None, visit: Visit) -> None:
    digest = world.journal.digest
    keys = {key for account in list(world.accounts.values()) for key in world.dialect.keys(account)}
    account = world.dialect.account_of(visit)
    world.journal.note(
        number,
        path=_safe_path(arrival.path, keys, world),
        clinic=account.external_id if account else None,
        query=tuple(
            (name, value if operation is not None and name in operation.plain_parameters else _digested(value, digest))
            for name, value in arrival.query
        ),
        headers=tuple(
            (name, value if name.lower() in _KEEP_HEADERS and value not in keys else _digested(value, digest))
            for name, value in arrival.headers
        ),
        body=None
        if not arrival.body
        else describe(visit.body, operation.plain if operation else frozenset(), digest, keys)
        if visit.body is not None
        else f"{len(arrival.body)} bytes that are neither JSON nor a form",
    )
    world.journal.find(number, *_findings(world, world.dialect, arrival, operation, visit, keys))


def _digested(value: str, digest: Any) -> str:
    return f"{len(value)} characters {digest(value)}" if value else ""


def _safe_path(path: str, keys: set[str], world: World) -> str:
    names = world.patient_names()
    return "/".join(
        world.journal.digest(part) if part in keys or personal_in_url(part, names, in_path=True) else part
        for part in path.split("/")
    )


def _findings(
    world: World, dialect: Dialect, arrival: Arrival, operation: Operation | None, visit: Visit, keys: set[str]
) -> Iterator[Finding]:
    body = visit.body if isinstance(visit.body, dict) else {}
    if operation is None:
        yield Finding("unknown_route", "path")
    named = list(_named(body)) if operation is not None else []
    secrets, names = set(keys), set(world.patient_names())
    for _, way, value in named:
        if operation is not None and value and not isinstance(value, dict | list):
            secrets |= {str(value)} if operation.secret.intersection(way) else set()
            names |= {str(value)} if operation.personal.intersection(way) else set()
    places = [("path", part) for part in arrival.path.split("/")]
    places += [(f"query.{name}", value) for name, value in arrival.query]
    for place, value in places:
        if any(secret in value for secret in secrets) or (place != "path" and value and _KEY_NAME.search(place)):
            yield Finding("secret_in_url", place)
        if personal_in_url(value, names, in_path=place == "path"):
            yield Finding("patient_in_url", place)
    if operation is not None:
        for name, _ in arrival.query:
            if name not in operation.plain_parameters:
                yield Finding("unknown_parameter", f"query.{name}")
        if operation.lists_patients:
            yield Finding("patients_listed", "call")
        if not dialect.credential(visit):
            yield Finding("missing_auth", "call")
    yield from _header_findings(world, dialect, arrival, visit, secrets)
    if operation is not None and operation.body is not None:
        yield from _body_findings(operation, visit, body, named, secrets)


def _header_findings(
    world: World, dialect: Dialect, arrival: Arrival, visit: Visit, secrets: set[str]
) -> Iterator[Finding]:
    account = dialect.account_of(visit)
    for name, value in arrival.headers:
        lower = name.lower()
        if lower == "cookie":
            for cookie in value.split(";"):
                owner = world.cookie_owner(cookie.strip())
                if owner is None:
                    yield Finding("unexpected_cookie", "header.Cookie")
                elif owner != (world.name, account.external_id if account else ""):
                    yield Finding("cookie_of_another_clinic", "header.Cookie")
        elif lower not in dialect.credential_headers and any(secret in value for secret in secrets):
            yield Finding("secret_out_of_place", f"header.{name}")


def _named(value: Any, place: str = "body", way: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Everything in a body that has a name, at any depth: its place, the names on the way to it, and its value."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        here = f"{place}.{name}", (*way, str(name)), inner
        yield here
        yield from _named(inner, *here[:2])
    for inner in value if isinstance(value, list) else ():
        yield from _named(inner, place, way)


def _plain(value: Any) -> str:
    """The texts and numbers in a value that have no name of their own."""
    if isinstance(value, list):
        return " ".join(map(_plain, value))
    return "" if isinstance(value, dict) else str(value)


def _body_findings(
    operation: Operation,
    visit: Visit,
    body: Mapping[str, Any],
    named: Iterable[tuple[str, tuple[str, ...], Any]],
    secrets: set[str],
) -> Iterator[Finding]:
    if not isinstance(visit.body, dict):
        yield Finding("unreadable_body", "body")
    for name in body:
        if name not in operation.known_fields:
            yield Finding("unknown_field", f"body.{name}")
    needless = operation.personal - operation.needed(body)
    for place, way, value in named:
        if way[-1] in needless and value:
            yield Finding("needless_patient_data", place)
        text = _plain(value)
        if any(secret in way[-1] for secret in secrets):  # its place is told without it
            yield Finding("secret_out_of_place", place.removesuffix(f".{way[-1]}"))
        if not operation.secret.intersection(way) and any(secret in text for secret in secrets):
            yield Finding("secret_out_of_place", place)
        if operation.texts.intersection(way) and NATIONAL_ID.search(text):
            yield Finding("national_id_in_text", place)
