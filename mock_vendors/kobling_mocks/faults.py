"""Faults a test can order: what goes wrong, in which operation, at which call, before or after the commit.

    world.faults.add(Fault(operation="book", nth=1, when="after_commit", kind="reset"))

`before_commit` means that the vendor's system never saw the order. `after_commit` means that it did its work and the
answer was spoilt or lost. A fault on a read differs only in whether the vendor did the reading.

What each kind does stands in `KINDS`. "Reply" kinds are ordinary HTTP replies and look the same in process and on a
socket. "Wire" kinds break the connection or the HTTP framing: on a socket they are done for real (`wire.py`), in
process they become the `WireFailure` that a driver would have reported.
"""

from __future__ import annotations

import gzip
import json
import re
import struct
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from kobling.exchange import FailureKind, WireReply

__all__ = ["KINDS", "Fault", "FaultKind", "Faults", "Kind", "When", "spoilt_reply"]

When = Literal["before_commit", "after_commit"]
FaultKind = Literal[
    "reply",
    "http_503",
    "html_200",
    "html_502",
    "empty",
    "redirect",
    "no_id",
    "set_cookie",
    "slow",
    "wrong_charset",
    "deep_json",
    "gzip_bomb",
    "stacked_gzip",
    "hang",
    "reset",
    "truncated",
    "length_too_long",
    "length_too_short",
    "dribble_headers",
    "dribble_body",
    "dribble_chunks",
    "dribble_1xx",
    "random_bytes",
]


@dataclass(frozen=True)
class Kind:
    """One kind of fault: what it does, what a driver makes of it, and whether the connection itself is broken."""

    what: str
    failure: FailureKind | None = None
    """The `WireFailure` it is in process; None where a driver gets a reply."""
    on_wire: bool = False
    """True where it cannot be said in an HTTP reply and is done on the socket by `wire.py`."""


KINDS: Mapping[FaultKind, Kind] = {
    "reply": Kind("the reply is replaced by `status`, `body` and `headers`"),
    "http_503": Kind("503 with an HTML page; `headers` may add Retry-After"),
    "html_200": Kind("200 with a login page instead of JSON"),
    "html_502": Kind("502 with a gateway's HTML page"),
    "empty": Kind("the real status (or `status`) with an empty body"),
    "redirect": Kind("a redirect (307, or `status`) to `to`"),
    "no_id": Kind("the real reply without the id of what was made"),
    "set_cookie": Kind("the real reply with a cookie that belongs to this clinic; the journal notices it elsewhere"),
    "slow": Kind("the real reply after `seconds`; in process beyond the caller's patience it is a timeout"),
    "wrong_charset": Kind("the real reply in Windows-1252 while the header says UTF-8"),
    "deep_json": Kind("200 with JSON nested 100 000 levels deep"),
    "gzip_bomb": Kind("200 with one gzip layer that unpacks to 400 MiB", "too_large"),
    "stacked_gzip": Kind("200 with two gzip layers around a bomb", "encoding"),
    "hang": Kind("nothing is answered, the connection stays open", "timeout", on_wire=True),
    "reset": Kind("the connection is reset (RST) without an answer", "read", on_wire=True),
    "truncated": Kind("the connection closes in the middle of the body", "protocol", on_wire=True),
    "length_too_long": Kind(
        "Content-Length promises more than is sent, then the connection closes", "protocol", on_wire=True
    ),
    "length_too_short": Kind(
        "Content-Length is half of the body: a whole reply that holds half an answer", on_wire=True
    ),
    "dribble_headers": Kind("the header lines come one byte at a time and never end", "timeout", on_wire=True),
    "dribble_body": Kind("the body comes one byte at a time and never ends", "timeout", on_wire=True),
    "dribble_chunks": Kind("the size line of a chunk comes one byte at a time and never ends", "timeout", on_wire=True),
    "dribble_1xx": Kind("interim replies (103) for ever, never the final one", "timeout", on_wire=True),
    "random_bytes": Kind("bytes that are not HTTP", "protocol", on_wire=True),
}


@dataclass(frozen=True)
class Fault:
    """One ordered fault.

    `operation` is a name from the dialect (`"book"`), or `"*"` for any. The fault strikes the `nth` matching call after
    it was added and the `times - 1` calls after that; `times=0` means for ever. The other fields belong to single
    kinds, see `KINDS`: `status` to reply, empty and redirect, `body` to reply, `to` to redirect, `headers` to all but
    no_id and wrong_charset. `seconds` belongs to slow, and bounds how long a fault on a socket lasts (default 60).

    Raises `ValueError` where the fields do not fit the kind.
    """

    operation: str
    kind: FaultKind
    nth: int = 1
    times: int = 1
    when: When = "before_commit"
    status: int | None = None
    body: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    to: str | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; choose one of {', '.join(KINDS)}")
        if self.when not in ("before_commit", "after_commit"):
            raise ValueError(f"when is 'before_commit' or 'after_commit', not {self.when!r}")
        if self.nth < 1 or self.times < 0:
            raise ValueError("nth counts from 1, and times is 0 (for ever) or more")
        if self.kind == "redirect" and not self.to:
            raise ValueError("a redirect needs `to`, the address in its Location header")
        if self.kind == "slow" and self.seconds is None:
            raise ValueError("a slow answer needs `seconds`")
        given = {name for name in _TAKEN_BY if getattr(self, name) is not None} - (
            set() if self.headers else {"headers"}
        )
        strange = [name for name, kinds in _TAKEN_BY.items() if name in given and self.kind not in kinds]
        if strange:
            takers = ", ".join(sorted(_TAKEN_BY[strange[0]]))
            raise ValueError(f"{self.kind} takes no `{strange[0]}`; these do: {takers}")
        if self.kind in NEEDS_THE_ANSWER and self.when == "before_commit":
            raise ValueError(f"{self.kind} changes the real answer, so it needs when='after_commit'")

    @property
    def breaks_the_wire(self) -> bool:
        """True for the kinds that cannot be said in an HTTP reply."""
        return KINDS[self.kind].on_wire


NEEDS_THE_ANSWER: frozenset[FaultKind] = frozenset({"no_id", "set_cookie", "wrong_charset"})
"""Kinds that spoil the real answer and so make no sense before the commit. `slow` fits both."""
_TAKEN_BY: Mapping[str, frozenset[FaultKind]] = {
    "status": frozenset({"reply", "empty", "redirect"}),
    "body": frozenset({"reply"}),
    "headers": frozenset(KINDS) - {"no_id", "wrong_charset"},
    "to": frozenset({"redirect"}),
    "seconds": frozenset({"slow", *(kind for kind, what in KINDS.items() if what.on_wire)}),
}
"""Which kinds use a field that belongs to some only."""


class _Armed:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.seen = 0

    def matches(self, operation: str) -> bool:
        return self.fault.operation in ("*", operation)

    def strikes_next(self) -> bool:
        self.seen += 1
        last = None if self.fault.times == 0 else self.fault.nth + self.fault.times - 1
        return self.seen >= self.fault.nth and (last is None or self.seen <= last)

    @property
    def spent(self) -> bool:
        return self.fault.times != 0 and self.seen >= self.fault.nth + self.fault.times - 1


class Faults:
    """The faults ordered in one world. Thread safe."""

    def __init__(self, operations: tuple[str, ...]) -> None:
        self._operations = operations
        self._armed: list[_Armed] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Order a fault. Raises `ValueError` for an operation that the dialect does not have."""
        if fault.operation != "*" and fault.operation not in self._operations:
            raise ValueError(f"no operation {fault.operation!r}; the dialect has {', '.join(self._operations)}")
        if fault.kind in _BOMBS:
            _BOMBS[fault.kind]()  # packed now: it takes seconds, which are not the vendor's to answer in
        with self._lock:
            self._armed.append(_Armed(fault))
        return fault

    def strike(self, operation: str) -> Fault | None:
        """Count one call of `operation` and return the fault that strikes it, the earliest ordered one first."""
        struck: Fault | None = None
        with self._lock:
            for armed in self._armed:
                if armed.matches(operation) and armed.strikes_next() and struck is None:
                    struck = armed.fault
            self._armed = [armed for armed in self._armed if not armed.spent]
        return struck

    def clear(self) -> None:
        """Forget every ordered fault."""
        with self._lock:
            self._armed.clear()

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """The faults that can still strike."""
        with self._lock:
            return tuple(armed.fault for armed in self._armed)


_LOGIN_PAGE = (
    "<!doctype html><html><head><title>Logg inn</title></head>"
    "<body><h1>Logg inn</h1><form><input name='user'></form></body></html>"
)
_GATEWAY_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr></body></html>"


def spoilt_reply(fault: Fault, answer: WireReply | None, id_fields: frozenset[str]) -> WireReply:
    """What goes out instead of `answer` (None where the fault strikes before the vendor did anything).

    For a wire kind this is the reply that `wire.py` then breaks. `id_fields` are the names under which the dialect
    returns ids of what was made.
    """
    kind = fault.kind
    extra = tuple(fault.headers.items())
    if kind == "reply":
        return _reply(fault.status or 200, fault.body, extra)
    if kind == "http_503":
        return _html(503, _GATEWAY_PAGE.format("503 Service Temporarily Unavailable"), extra)
    if kind == "html_200":
        return _html(200, _LOGIN_PAGE, extra)
    if kind == "html_502":
        return _html(502, _GATEWAY_PAGE.format("502 Bad Gateway"), extra)
    if kind == "empty":
        status = fault.status or (answer.status if answer is not None else 200)
        return WireReply(status, (("Content-Type", "application/json"), *extra), b"")
    if kind == "redirect":
        return WireReply(fault.status or 307, (("Location", fault.to or ""), *extra), b"")
    if kind == "deep_json":
        return WireReply(200, (("Content-Type", "application/json"), *extra), b"[" * 100_000 + b"]" * 100_000)
    if kind == "gzip_bomb":
        return _packed(_bomb(), "gzip", extra)
    if kind == "stacked_gzip":
        return _packed(_bomb_in_gzip(), "gzip, gzip", extra)
    real = answer if answer is not None else _reply(200, {"data": {"filler": "0123456789" * 20}}, ())
    if kind == "no_id":
        return WireReply(real.status, _without(real.headers, "content-length"), _json_without(real, id_fields))
    if kind == "wrong_charset":
        body = real.body.decode(_charset(real)).encode("cp1252", errors="replace")
        headers = _without(real.headers, "content-length", "content-type")
        return WireReply(real.status, (*headers, ("Content-Type", "application/json; charset=utf-8")), body)
    return WireReply(real.status, (*real.headers, *extra), real.body)


def _reply(status: int, body: Any, headers: tuple[tuple[str, str], ...]) -> WireReply:
    if isinstance(body, bytes):
        data, kind = body, "application/octet-stream"
    elif isinstance(body, str):
        data, kind = body.encode(), "text/plain; charset=utf-8"
    elif body is None:
        data, kind = b"", ""
    else:
        data, kind = json.dumps(body, ensure_ascii=False).encode(), "application/json"
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers = (("Content-Type", kind), *headers)
    return WireReply(status, headers, data)


def _html(status: int, page: str, extra: tuple[tuple[str, str], ...]) -> WireReply:
    return WireReply(status, (("Content-Type", "text/html; charset=utf-8"), *extra), page.encode())


def _packed(body: bytes, encoding: str, extra: tuple[tuple[str, str], ...]) -> WireReply:
    return WireReply(200, (("Content-Type", "application/json"), ("Content-Encoding", encoding), *extra), body)


def _without(headers: tuple[tuple[str, str], ...], *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers if name.lower() not in names)


_CHARSET = re.compile(r"charset=([\w.-]+)")


def _charset(reply: WireReply) -> str:
    found = _CHARSET.search(reply.header("content-type") or "")
    return found[1] if found else "utf-8"


def _json_without(reply: WireReply, names: frozenset[str]) -> bytes:
    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items() if key not in names}
        if isinstance(value, list):
            return [strip(inner) for inner in value]
        return value

    try:
        told = json.loads(reply.body.decode(_charset(reply)))
    except ValueError:
        return reply.body
    return json.dumps(strip(told), ensure_ascii=False).encode(_charset(reply))


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    """One gzip layer of about 400 kB around 400 MiB of blanks. After a full flush each piece packs to the same bytes,
    so one is packed and repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    blanks, pieces = b" " * (1 << 20), 400
    packed = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    check = 0
    for _ in range(pieces):
        check = zlib.crc32(blanks, check)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return head + packed * pieces + packer.flush() + struct.pack("<II", check, len(blanks) * pieces)


@lru_cache(maxsize=1)
def _bomb_in_gzip() -> bytes:
    return gzip.compress(_bomb(), 9)


_BOMBS: Mapping[str, Callable[[], bytes]] = {"gzip_bomb": _bomb, "stacked_gzip": _bomb_in_gzip}
