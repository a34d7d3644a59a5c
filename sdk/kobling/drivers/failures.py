"""What the network libraries raise, as data.

A failure is a kind (`kobling.exchange.FailureKind`) and a detail word from the tables here. Nothing of the exception
is kept: its text may hold a header, its frames hold the request.

Details by kind:

    dns       timeout, no_address
    address   illegal_url, user_info, port, not_https, and every `kobling.addresses.AddressReason`
    tls       certificate_expired, certificate_not_yet_valid, certificate_revoked, self_signed, unknown_authority,
              wrong_host, certificate, protocol_version, not_tls, handshake
    write     broken
    read      broken, no_reply
    protocol  not_http, truncated, illegal_header, illegal_request
    encoding  stacked, unknown, broken, trailing, unfinished
    too_large raw, decoded
    connect_timeout  tcp, tls
    timeout   sending, waiting, exchange
    connect, busy, expired  none

`illegal_header` and `illegal_request` are found before anything is sent, although their kind alone does not tell.
"""

from __future__ import annotations

import ssl
from typing import Final

import httpx

from kobling.exchange import FailureKind, WireFailure

from .call import Call

EXCEPTIONS: Final[tuple[tuple[type[Exception], FailureKind, str], ...]] = (
    (httpx.PoolTimeout, "busy", ""),
    (httpx.ConnectTimeout, "connect_timeout", "tcp"),
    (httpx.WriteTimeout, "timeout", "sending"),
    (httpx.ReadTimeout, "timeout", "waiting"),
    (httpx.ConnectError, "connect", ""),
    (httpx.WriteError, "write", "broken"),
    (httpx.ReadError, "read", "broken"),
    (httpx.RemoteProtocolError, "protocol", "not_http"),
    (httpx.LocalProtocolError, "protocol", "illegal_request"),
    (httpx.UnsupportedProtocol, "address", "illegal_url"),
)
"""The first that fits counts; a place nearer to the network may have said more (`Call.failure`)."""

REMOTE_PROTOCOL: Final[tuple[tuple[str, FailureKind, str], ...]] = (
    ("Server disconnected without sending a response", "read", "no_reply"),
    ("peer closed connection without sending complete message body", "protocol", "truncated"),
)
"""The two remote protocol errors that mean something else than "this is not HTTP", by how their text begins."""

CERTIFICATE: Final[dict[int, str]] = {
    2: "unknown_authority",
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    18: "self_signed",
    19: "unknown_authority",
    20: "unknown_authority",
    21: "unknown_authority",
    23: "certificate_revoked",
    62: "wrong_host",
    64: "wrong_host",
}
"""OpenSSL's X509_V_ERR numbers (`SSLCertVerificationError.verify_code`); any other is "certificate"."""

HANDSHAKE: Final[dict[str, str]] = {
    "UNSUPPORTED_PROTOCOL": "protocol_version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "protocol_version",
    "NO_PROTOCOLS_AVAILABLE": "protocol_version",
    "WRONG_SSL_VERSION": "protocol_version",
    "WRONG_VERSION_NUMBER": "not_tls",
    "HTTP_REQUEST": "not_tls",
}
"""OpenSSL's reasons (`SSLError.reason`); any other is "handshake"."""


def failure_of(error: Exception, call: Call) -> WireFailure:
    """The failure that an exception of httpx stands for."""
    if call.failure is not None:
        return call.failure
    if isinstance(error, httpx.RemoteProtocolError):
        text = str(error)
        for start, kind, detail in REMOTE_PROTOCOL:
            if text.startswith(start):
                return WireFailure(kind, detail)
    for kind_of_error, kind, detail in EXCEPTIONS:
        if isinstance(error, kind_of_error):
            return WireFailure(kind, detail)
    return WireFailure("protocol", "not_http")


def tls_detail(error: BaseException | None) -> str:
    """What was wrong with the handshake, as a word."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CERTIFICATE.get(error.verify_code, "certificate")
    if isinstance(error, ssl.SSLError):
        return HANDSHAKE.get(error.reason or "", "handshake")
    return "handshake"
