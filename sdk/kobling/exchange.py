"""What crosses the wire: one request out, one reply or one failure back.

The engine describes a request, something sends it, and these three values are all that either side knows of the
other. A driver sends over TCP, a mock vendor answers in process, `kobling.testing.play` answers from a list; an
`Exchange` is any of them. Failures are data, not exceptions, so that no traceback can hold a header or a body.
"""

from __future__ import annotations

import json as _json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

FailureKind = Literal[
    "dns",  # the host name has no address
    "address",  # an address of the host is not allowed by the URL policy
    "connect",  # nothing answered at the address
    "connect_timeout",
    "tls",  # the certificate or the handshake was refused; see `detail`
    "busy",  # no free connection before the deadline (a pool limit of ours)
    "expired",  # the write's `not_after` had passed: it was not sent
    "timeout",  # the deadline passed while writing or reading
    "write",  # the connection broke while the request was being sent
    "read",  # the connection broke while the reply was being read
    "protocol",  # what came back is not HTTP, or is cut short
    "encoding",  # the content encoding is not one plain layer of gzip, or is broken
    "too_large",  # the reply is larger than allowed, raw or decoded
]

NEVER_LEFT: frozenset[FailureKind] = frozenset(
    {"dns", "address", "connect", "connect_timeout", "tls", "busy", "expired"}
)
"""Failures that prove that no byte of the request left this machine for the vendor's application."""

UNSENDABLE: frozenset[str] = frozenset({"illegal_header", "illegal_request"})
"""Details of "protocol" failures of our own request: it could not be written down, so nothing of it was sent."""


@dataclass(frozen=True, slots=True, repr=False)
class WireRequest:
    """One HTTP request, complete: the URL is absolute and the secrets are in place.

    Its repr shows the method and the host only, because path, query, headers and body may hold a key or a patient.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<WireRequest {self.method} {urlsplit(self.url).hostname or '?'}>"

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case; None when it is absent."""
        return _find(self.headers, name)


@dataclass(frozen=True, slots=True, repr=False)
class WireReply:
    """One HTTP reply. `body` has had its content encoding taken off and is within the size the engine asked for."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<WireReply {self.status}, {len(self.body)} bytes>"

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case; None when it is absent."""
        return _find(self.headers, name)


@dataclass(frozen=True, slots=True)
class WireFailure:
    """No usable reply. `detail` is a word from a fixed list of the driver's (`"certificate_expired"`), never text."""

    kind: FailureKind
    detail: str = ""

    @property
    def left(self) -> bool:
        """True when a byte of the request may have reached the vendor."""
        return self.kind not in NEVER_LEFT and self.detail not in UNSENDABLE


Exchange: TypeAlias = Callable[[WireRequest], "WireReply | WireFailure"]
"""Anything that answers a request. It must be safe to call from several threads at once."""


def reply(
    status: int = 200,
    *,
    json: Any = None,
    text: str | None = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> WireReply:
    """A reply as a vendor would send it, for tests and mocks: `json`, `text` or `body`, or none for an empty one."""
    given = dict(headers or {})
    if body is not None:
        data, kind = body, None
    elif text is not None:
        data, kind = text.encode(), "text/plain; charset=utf-8"
    elif json is not None:
        data, kind = _json.dumps(json, ensure_ascii=False).encode(), "application/json"
    else:
        data, kind = b"", None
    if kind is not None and not any(name.lower() == "content-type" for name in given):
        given["Content-Type"] = kind
    return WireReply(status, tuple(given.items()), data)


def _find(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)
