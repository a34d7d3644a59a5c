"""TLS: what is wrong with a certificate is said by its word, the name is always verified, one context serves all."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kobling.exchange import WireFailure

from .world import Script, Server, Side, answers, read_request, send

Serve = Callable[..., Server]
Make = Callable[..., Side]

SAFE = answers(b"safe")
PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
FUTURE = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context that knows the test authority and no other."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def over_tls(context: ssl.SSLContext, seen: list[str | None], script: Script = SAFE) -> Script:
    """A script that shakes hands, notes the name that was asked for, and answers requests."""

    def asked_for(_sock: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        seen.append(name)

    context.sni_callback = asked_for

    def talk(conn: socket.socket) -> None:
        with suppress(ssl.SSLError), context.wrap_socket(conn, server_side=True) as secure:
            while read_request(secure):
                script(secure)

    return talk


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def self_signed(tmp_path: object) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "klinikk.example")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(PAST).not_valid_after(FUTURE)
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName("klinikk.example")]), critical=False)
    path = f"{tmp_path}/self.pem"
    pem = serialization.Encoding.PEM
    with open(path, "wb") as file:
        file.write(built.sign(key, hashes.SHA256()).public_bytes(pem))
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_the_name_is_asked_for_and_verified_while_the_checked_address_is_dialled(
    make: Make, serve: Serve, authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    seen: list[str | None] = []
    server = serve(over_tls(server_context(authority.issue_cert("klinikk.example")), seen), greet=False)
    driver = make(ssl_context=trusting, resolver=lambda host: ["127.0.0.1"])
    assert driver.run(send(f"https://klinikk.example:{server.port}/")).body == b"safe"
    assert driver.run(send(f"https://klinikk.example:{server.port}/")).body == b"safe"
    assert driver.run(send(f"https://klinikk.example:{server.port}/", write=True)).body == b"safe"
    assert seen == ["klinikk.example"] * 2, "two reads share a connection, a write has its own"


def test_each_fault_of_a_certificate_has_its_word(
    make: Make, serve: Serve, authority: trustme.CA, trusting: ssl.SSLContext, tmp_path: object
) -> None:
    good = partial(authority.issue_cert, "klinikk.example")
    old = server_context(good())
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    newest_only = trusting
    newest_only.minimum_version = ssl.TLSVersion.TLSv1_3
    faults = {
        "certificate_expired": server_context(good(not_after=PAST)),
        "certificate_not_yet_valid": server_context(good(not_before=FUTURE)),
        "wrong_host": server_context(authority.issue_cert("other.example")),
        "unknown_authority": server_context(trustme.CA().issue_cert("klinikk.example")),
        "self_signed": self_signed(tmp_path),
        "protocol_version": old,
    }
    driver = make(ssl_context=newest_only, resolver=lambda host: ["127.0.0.1"])
    for word, context in faults.items():
        server = serve(over_tls(context, []), greet=False)
        answer = driver.run(send(f"https://klinikk.example:{server.port}/", write=True, timeout=2))
        assert answer == WireFailure("tls", word)
        assert not answer.left


def test_a_server_that_speaks_plain_http_is_not_tls(driver: Side, serve: Serve) -> None:
    def plain(conn: socket.socket) -> None:
        conn.recv(100)
        conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    url = serve(plain, greet=False).url.replace("http:", "https:")
    assert driver.run(send(url)) == WireFailure("tls", "not_tls")


def test_a_server_that_hangs_up_in_the_handshake_is_a_handshake_failure(driver: Side, serve: Serve) -> None:
    url = serve(lambda conn: None, greet=False).url.replace("http:", "https:")
    assert driver.run(send(url)) == WireFailure("tls", "handshake")


def test_a_body_that_dribbles_over_tls_ends_at_the_deadline(
    make: Make, serve: Serve, authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    def dribble(conn: socket.socket) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(40):
            threading.Event().wait(0.05)
            conn.sendall(b"x")

    server = serve(over_tls(server_context(authority.issue_cert("klinikk.example")), [], dribble), greet=False)
    driver = make(ssl_context=trusting, resolver=lambda host: ["127.0.0.1"])
    answer = driver.run(send(f"https://klinikk.example:{server.port}/", timeout=0.4))
    assert answer == WireFailure("timeout", "waiting")
