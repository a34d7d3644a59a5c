"""A vendor's server over TLS, as it should be and as it should not: each persona has another certificate or protocol.

The front ends TLS and passes every byte on to a served mock, so that with the right certificate everything works, and
with a wrong one it is seen whether a single byte of a request came through.
"""

from __future__ import annotations

import socket
import ssl
import threading
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, Self, get_args

import trustme

__all__ = ["HOST", "PERSONAS", "Front", "Persona", "Personas"]

HOST = "localhost"
"""The name by which the adapter knows the server; a mock answers to no other, since it is for this machine only."""
Persona = Literal["right", "expired", "not_yet_valid", "wrong_host", "unknown_authority", "old_protocol", "plain"]
PERSONAS: tuple[Persona, ...] = get_args(Persona)
PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
CHUNK = 65536


class Personas:
    """An authority of its own, the certificates that it gave, and the context of a client that trusts only it."""

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self.trusting = ssl.create_default_context()
        self.trusting.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._authority.configure_trust(self.trusting)

    def context(self, persona: Persona) -> ssl.SSLContext | None:
        """The server's context; None for one that speaks no TLS."""
        if persona == "plain":
            return None
        authority = trustme.CA() if persona == "unknown_authority" else self._authority
        name = "another.vendor.example" if persona == "wrong_host" else HOST
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(
            name,
            not_before=FUTURE if persona == "not_yet_valid" else None,
            not_after=PAST if persona == "expired" else None,
        ).configure_cert(context)
        if persona == "old_protocol":
            _age(context)
        return context


def _age(context: ssl.SSLContext) -> None:
    """Let a server speak only what nobody should speak any more, of which Python itself warns."""
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


class Front:
    """A listening socket on loopback that ends TLS and passes bytes on to `port`. `received` counts a caller's bytes;
    leaving the `with` block stops it."""

    def __init__(self, context: ssl.SSLContext | None, port: int) -> None:
        self._context = context
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.callers = 0
        self.received = 0
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, name=f"TLS on port {self.port}", daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.callers += 1
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with suppress(OSError), caller:
            caller.settimeout(5.0)
            if self._context is None:
                self._answer_plainly(caller)
                return
            with (
                self._context.wrap_socket(caller, server_side=True) as secure,
                socket.create_connection(("127.0.0.1", self._to)) as vendor,
            ):
                self._open += [secure, vendor]
                back = threading.Thread(target=_copy, args=(vendor, secure), daemon=True)
                back.start()
                while data := secure.recv(CHUNK):
                    self.received += len(data)
                    vendor.sendall(data)

    def _answer_plainly(self, caller: socket.socket) -> None:
        heard = caller.recv(CHUNK)
        if heard.startswith((b"GET", b"POST", b"PUT", b"PATCH", b"DELETE")):
            self.received += len(heard)
        caller.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def stop(self) -> None:
        """Stop listening and hang up."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _copy(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
