"""Transport faults done for real: a gateway for cheroot that breaks the connection it serves.

A mock's application leaves the ordered fault in the WSGI environ under `FAULT`. In process that becomes a
`WireFailure` (`exchange.py`); on a socket this gateway takes the finished reply and spoils its framing. It has the
very socket in its hands, so no second server stands in front and every served mock can do every fault.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from cheroot.wsgi import Gateway_10

from .faults import Fault

__all__ = ["FAULT", "BreakingGateway"]

FAULT = "kobling_mocks.fault"
"""Where the environ holds the `Fault` to be done on the wire."""

_PAUSE = 0.02
_LONGEST = 60.0


class BreakingGateway(Gateway_10):
    """cheroot's WSGI gateway; a request whose environ holds a wire fault gets a broken answer and a closed socket."""

    def respond(self) -> None:
        """Run the application, then answer in order or break the connection as ordered."""
        chunks = self.req.server.wsgi_app(self.env, self.start_response)
        try:
            fault = self.env.get(FAULT)
            if fault is None or not fault.breaks_the_wire:
                for chunk in filter(None, chunks):
                    self.write(chunk)
                self.req.ensure_headers_sent()
                return
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        self.req.close_connection = True
        self.req.sent_headers = True
        head = [b"HTTP/1.1 " + self.req.status]
        head += [name + b": " + value for name, value in self.req.outheaders if name.lower() not in _FRAMING]
        stop = _Stop(self.req.conn.socket, fault.seconds or _LONGEST, self.req.server)
        try:
            _break(fault, self.req.conn, head, body, stop)
        except OSError:
            return  # the caller hung up first, which is what many of these faults are for


_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})


class _Stop:
    """When a fault that lasts must end: the caller hung up, its time is over, or the server is being stopped."""

    def __init__(self, connection: socket.socket, seconds: float, server: Any) -> None:
        self._connection = connection
        self._until = time.monotonic() + seconds
        self._server = server

    def after(self, pause: float) -> bool:
        readable, _, _ = select.select([self._connection], [], [], pause)
        if readable:
            return True
        return time.monotonic() >= self._until or not self._server.ready


def _break(fault: Fault, connection: Any, head: list[bytes], body: bytes, stop: _Stop) -> None:
    wire: socket.socket = connection.socket
    whole = str(len(body)).encode()
    if fault.kind == "hang":
        while not stop.after(_PAUSE):
            pass
    elif fault.kind == "reset":
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.linger = True  # cheroot need not close what is closed here: an orderly shutdown would be no reset
        os.close(wire.detach())
    elif fault.kind == "truncated":
        wire.sendall(_head(head, b"Content-Length: " + whole) + body[: len(body) // 2])
    elif fault.kind == "length_too_long":
        wire.sendall(_head(head, b"Content-Length: " + str(len(body) + 64).encode()) + body)
    elif fault.kind == "length_too_short":
        wire.sendall(_head(head, b"Content-Length: " + str(len(body) // 2).encode()) + body)
    elif fault.kind == "dribble_headers":
        wire.sendall(head[0] + b"\r\nX-Filler: ")
        _dribble(wire, iter(lambda: b"a", b""), stop)
    elif fault.kind == "dribble_body":
        wire.sendall(_head(head, b"Content-Length: 1000000"))
        _dribble(wire, iter(lambda: b" ", b""), stop)
    elif fault.kind == "dribble_chunks":
        wire.sendall(_head(head, b"Transfer-Encoding: chunked") + b"1;")
        _dribble(wire, iter(lambda: b"a", b""), stop)
    elif fault.kind == "dribble_1xx":
        _dribble(wire, iter(lambda: b"HTTP/1.1 103 Early Hints\r\n\r\n", b""), stop)
    else:
        wire.sendall(b"".join(sha256(bytes([n])).digest() for n in range(16)))


def _head(lines: list[bytes], framing: bytes) -> bytes:
    return b"\r\n".join([*lines, framing, b"Connection: close", b"", b""])


def _dribble(wire: socket.socket, pieces: Iterable[bytes], stop: _Stop) -> None:
    for piece in pieces:
        wire.sendall(piece)
        if stop.after(_PAUSE):
            return
