"""What a whole answer may become on its way: another status, other headers, other bytes, or no answer."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from kobling import WireFailure, WireReply

__all__ = ["ANOTHER", "PLANTED", "WIRE", "Answer"]

Answer: TypeAlias = WireReply | WireFailure
ANOTHER: Final = "another answer"
PLANTED: Final = "planted"

STATUSES: Final = (
    100, 101, 103, 201, 202, 203, 204, 205, 206, 207, 226, 299, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403,
    404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 418, 421, 422, 423, 425, 426, 429, 431, 451, 499, 500, 501,
    502, 503, 504, 507, 511, 520, 599, 600, 999,
)  # fmt: skip
RETRY_AFTER: Final = (
    "0", "1", "-1", "1.5", "9" * 400, "soon", "", "٣", "Wed, 21 Oct 2026 07:28:00 GMT",
    "Thu, 99 Foo 9999 99:99:99 GMT",
    "Mon, 01 Jan 0001 00:00:00 +9999", "1, 2", "3600", "NaN", "1e9",
)  # fmt: skip
TARGETS: Final = (
    "https://elsewhere.example.test/x", "//elsewhere.example.test/x", "/", "", "http://[::1", "javascript:alert(1)",
    "https://user:pass@elsewhere.example.test/", "\x00", "https://127.0.0.1:1/", "?" * 5_000,
)  # fmt: skip
FAILURES: Final = (
    WireFailure("timeout"),
    WireFailure("read"),
    WireFailure("write"),
    WireFailure("protocol", "truncated"),
    WireFailure("encoding", "broken"),
    WireFailure("encoding", "unfinished"),
    WireFailure("too_large", "decoded"),
    WireFailure("connect"),
    WireFailure("connect_timeout"),
    WireFailure("dns"),
    WireFailure("tls", "certificate_expired"),
    WireFailure("busy"),
)
BODIES: Final = (
    b"", b" \n", b"null", b"true", b"0", b'""', b"[]", b"{}", b'"ok"', b"OK", b"{", b"]", b"\x00", b"\xff\xfe",
    b"\x1f\x8b\x08", b"{}{}", b"[1,]", b"{'a':1}", b"\xef\xbb\xbf", b"[" * 100_000, b" " * 100_000, b'{"a":' * 5_000,
)  # fmt: skip
CHARSETS: Final = (
    ("latin-1", None), ("cp1252", None), ("latin-1", "iso-8859-1"), ("cp1252", "windows-1252"), ("utf-8", "latin1"),
    ("utf-16", None), ("utf-16", "utf-16"), ("utf-16-le", "utf-16"), ("utf-32", "utf-32"), ("utf-8-sig", None),
    ("utf-8", "klingon"), ("utf-8", "utf-16"), ("utf-8", "\x00"), ("latin-1", "utf-8"),
)  # fmt: skip
"""How a body is written, and what its header says of that."""
LINKS: Final = (
    *(f'<{text}>; rel="next"' for text in TARGETS), "<", '<>; rel="next"', ";" * 5_000, '<x>;rel=next,<y>;rel="next',
)  # fmt: skip
HTML: Final = (
    b"<!DOCTYPE html><html><head><title>Logg inn</title></head><body><form><input name=user></form></body></html>"
)


def _with(
    reply: WireReply, *headers: tuple[str, str], status: int | None = None, body: bytes | None = None
) -> WireReply:
    names = {name.lower() for name, _ in headers}
    kept = tuple((name, value) for name, value in reply.headers if name.lower() not in names)
    return WireReply(reply.status if status is None else status, kept + headers, reply.body if body is None else body)


def _recoded(reply: WireReply, how: tuple[str, str | None]) -> WireReply:
    """The body in another charset, said or not said."""
    codec, said = how
    body = reply.body.decode("utf-8", "replace").encode(codec, "replace")
    return _with(
        reply, ("Content-Type", f"application/json; charset={said}" if said else "application/json"), body=body
    )


def _packed(reply: WireReply, said: tuple[tuple[str, str], ...]) -> WireReply:
    return _with(reply, *said, body=gzip.compress(reply.body, 1))


def _cut(reply: WireReply, share: float) -> WireReply:
    return _with(reply, body=reply.body[: int(len(reply.body) * share)])


def _around(reply: WireReply, pair: tuple[bytes, bytes]) -> WireReply:
    return _with(reply, body=pair[0] + reply.body + pair[1])


def _flipped(reply: WireReply, share: float) -> WireReply:
    if not reply.body:
        return reply
    where = int(share * (len(reply.body) - 1))
    return _with(reply, body=reply.body[:where] + bytes([reply.body[where] ^ 0x20]) + reply.body[where + 1 :])


WireAct: TypeAlias = "tuple[Callable[[WireReply, Any], Answer], tuple[Any, ...]]"
WIRE: Final[Mapping[str, WireAct]] = {
    "status": (lambda reply, status: _with(reply, status=status), STATUSES),
    "status alone": (lambda reply, status: WireReply(status), STATUSES),
    "page": (
        lambda reply, status: _with(reply, ("Content-Type", "text/html"), status=status, body=HTML),
        (200, 200, 200, 403, 404, 500, 502, 503),
    ),
    "page as JSON": (lambda reply, _: _with(reply, body=HTML), (None,)),
    "body": (
        lambda reply, body: _with(reply, body=body),
        BODIES,
    ),
    "cut": (_cut, tuple(step / 16 for step in range(1, 16))),
    "one letter changed": (_flipped, tuple(step / 40 for step in range(41))),
    "around": (
        _around,
        ((b")]}',\n", b""), (b"callback(", b");"), (b"\xef\xbb\xbf", b""), (b"", b"\n<!-- 0.03 s -->"), (b"", b"\x00"),
         (b"\n\n  ", b"\n"), (b"Warning: mysql_connect()\n", b""), (b"[", b"]"), (b'{"data":', b"}"), (b"{", b"}")),
    ),
    "charset": (
        _recoded,
        CHARSETS,
    ),
    "content type": (
        lambda reply, kind: _with(reply, ("Content-Type", kind)),
        ("", "text/html", "text/plain", "application/xml", "image/png", "application/json;;charset", "x" * 5_000,
         "multipart/mixed; boundary=x", "application/json; charset=utf-8; charset=latin1"),
    ),
    "packed": (_packed, ((), (("Content-Encoding", "gzip"),))),
    "said to be packed": (
        lambda reply, said: _with(reply, ("Content-Encoding", said)),
        ("gzip", "br", "gzip, gzip", ""),
    ),
    "asks to wait": (
        lambda reply, asked: _with(reply, ("Retry-After", asked[1]), status=asked[0]),
        tuple((status, text) for status in (429, 503, 200) for text in RETRY_AFTER),
    ),
    "sent away": (
        lambda reply, away: _with(reply, ("Location", away[1]), status=away[0]),
        tuple((status, text) for status in (301, 302, 303, 307, 308, 201, 200) for text in TARGETS),
    ),
    "link": (
        lambda reply, link: _with(reply, ("Link", link)),
        LINKS,
    ),
    "date": (
        lambda reply, text: _with(reply, ("Date", text)),
        ("", "now", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2359", "٣", "0" * 5_000),
    ),
    "request id": (
        lambda reply, text: _with(reply, ("X-Request-Id", text)),
        ("", "a b", "<script>", "x" * 5_000, "æ", "\x00", "req-1"),
    ),
    "failure": (lambda _, failure: failure, FAILURES),
    ANOTHER: (lambda _, other: other, ()),
    PLANTED: (lambda reply, planted: _with(reply, planted[1:], status=planted[0]), ()),
}  # fmt: skip
"""By name: what it does to an answer, and the parameters that it is tried with."""
