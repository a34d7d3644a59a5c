"""A clinic's own server on loopback: TLS, several sites behind one address, and the mock behind the right one."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kobling import WireReply, WireRequest
from kobling_mocks.mock import Mock

SITES = ("klinikk.example", "www.klinikk.example", "booking.klinikk.example", "gammel.klinikk.example",
         "xn--blbr-roah.example")  # fmt: skip
"""One owner's names. `www.` is the clinic's web site, `gammel.` redirects to `booking.`, the others are the mock."""

WEB_SITE = "<!doctype html><title>Velkommen til oss på Blåbærhaugen</title><h1>Åpent hver dag</h1>"
LOGIN = "<!doctype html><title>Logg inn</title><form method=post><input name=bruker></form>"


class ClinicServer:
    """A running server. `heard` is every request line with its host, and `keys` how many carried a key."""

    def __init__(self, mock: Mock, context: ssl.SSLContext) -> None:
        self.heard: list[str] = []
        self.keys = 0
        self._mock = mock
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                owner.answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        """What stands at this host and path."""
        site = (call.headers.get("Host") or "").partition(":")[0]
        body = call.rfile.read(int(call.headers.get("Content-Length") or 0))
        with self._lock:
            self.heard.append(f"{call.command} {site}{call.path}")
            self.keys += "X-Api-Key" in call.headers
        if site.startswith("www."):
            reply = _page(200, WEB_SITE)
        elif site.startswith("gammel."):
            reply = WireReply(301, (("Location", f"https://booking.klinikk.example{call.path}"),), b"")
        elif call.path.startswith("/logg-inn"):
            reply = _page(200, LOGIN)
        elif not call.path.startswith("/klinikk-"):
            reply = _page(404, "<html><title>404 - Finner ikke siden på Ås</title></html>")
        else:
            asked = WireRequest(call.command, f"https://{site}{call.path}", tuple(call.headers.items()), body)
            found = self._mock.exchange(asked)
            reply = found if isinstance(found, WireReply) else _page(502, "<html>502</html>")
        call.send_response(reply.status)
        for name, value in reply.headers:
            call.send_header(name, value)
        call.send_header("Content-Length", str(len(reply.body)))
        call.end_headers()
        call.wfile.write(reply.body)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class QuietServer(ThreadingHTTPServer):
    """Says nothing of handshakes that failed: that is what the tests are about."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing."""

    def shutdown_request(self, request: Any) -> None:
        """Close; a peer that went away first is no trouble."""
        with suppress(OSError):
            super().shutdown_request(request)


def _page(status: int, text: str) -> WireReply:
    """As an old server writes it: Latin letters, and the charset not told."""
    return WireReply(status, (("Content-Type", "text/html"),), text.encode("iso-8859-1"))


@contextmanager
def serving(mock: Mock, context: ssl.SSLContext) -> Iterator[ClinicServer]:
    """A server that is stopped afterwards."""
    server = ClinicServer(mock, context)
    try:
        yield server
    finally:
        server.close()


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody but itself has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "klinikk.example")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(
        datetime.datetime(2099, 1, 1)
    )  # fmt: skip
    names = x509.SubjectAlternativeName([x509.DNSName(site) for site in SITES])
    signed = built.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    path = folder / "own.pem"
    path.write_bytes(
        signed.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
