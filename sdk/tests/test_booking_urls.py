"""Booking URLs that people type: what is refused before anything is sent, and what only shows when it is dialled."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from kobling import (
    Adapter,
    AsyncKobling,
    BookingFacts,
    BookingNotFound,
    Catalogue,
    Clinic,
    Connection,
    ConnectionForm,
    ConnectionReport,
    ErrorMap,
    HeaderKey,
    Http,
    Kobling,
    Limits,
    PatientFields,
    Response,
    SlotQuery,
    Slots,
    UrlNotAllowed,
    UrlPolicy,
    required,
)
from kobling.addresses import Checked, check_url
from kobling.drivers.aio import AsyncDriver
from kobling.drivers.sync import SyncDriver
from kobling.errormap import judge
from kobling.exchange import reply
from kobling.plugins import Installed
from kobling.texts import LANGUAGES

KEY = "canary-key-4711"


class OwnServer(Adapter):
    """A vendor whose clinics each have their own server."""

    key = "own-server"
    name = "Own Server"
    contract = 1
    form = ConnectionForm(
        api_key=required(nb="nøkkelen", en="the key"), booking_url=required(nb="adressen", en="the address")
    )
    base_url = "{booking_url}/v1"
    auth = HeaderKey("X-Api-Key")
    errors = ErrorMap()
    limits = Limits(booking=BookingFacts(overlap="refused"), timeout_read=3)
    patient_fields = PatientFields()

    async def identify(self, http: Http) -> Clinic:
        return Clinic(name=(await http.get("clinic")).read(str, at="/name"))

    async def catalogue(self, http: Http) -> Catalogue:
        return Catalogue(practitioners=(), services=(), offers=())

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        return Slots()


INSTALLED = Installed({"own-server": OwnServer})


def report_on(url: str, mode: str, policy: UrlPolicy, answers: list[str] | None = None) -> ConnectionReport:
    """Test a connection with this URL. answers: what the name service says, look after look, instead of asking one."""

    def resolver(host: str) -> list[str]:
        assert answers is not None, f"{host} was looked up"
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found] if found else []

    connection = Connection("own-server", api_key=KEY, booking_url=url)
    if mode == "sync":
        driver = SyncDriver(policy=policy, resolver=resolver)
        with Kobling(adapters=INSTALLED, policy=policy, driver=driver, operation_seconds=5) as kobling:
            return kobling.session(connection).test_connection()

    async def run() -> ConnectionReport:
        driver = AsyncDriver(policy=policy, resolver=resolver)
        async with AsyncKobling(adapters=INSTALLED, policy=policy, driver=driver, operation_seconds=5) as kobling:
            return await kobling.session(connection).test_connection()

    return asyncio.run(run())


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Server:
    """A server on loopback that answers everything with one reply, and remembers what it heard."""

    def __init__(self, reply: bytes) -> None:
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._reply = reply
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer:
                self.heard.append(peer.recv(65536))
                peer.sendall(self._reply)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def redirecting() -> Iterator[Server]:
    server = Server(
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\n"
        b"Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
    yield server
    server.close()


@pytest.mark.parametrize(("url", "because"), [
    ("http://klinikk.example", "url_not_https"),
    ("file:///etc/passwd", "url_file_or_other_scheme"),
    ("https://user:secret@klinikk.example", "url_user_info"),
    ("https://klinikk.example:8443", "url_port"),
    ("https://klinikk.example/?token=1", "url_query"),
    ("https://klinikk.example/#del", "url_fragment"),
    ("https://", "url_no_host"),
    ("https://127.0.0.1", "private_address"),
    ("https://127.1", "private_address"),
    ("https://0x7f.1", "private_address"),
    ("https://2130706433", "private_address"),
    ("https://１２７。０。０。１", "private_address"),
    ("https://169.254.169.254/latest/meta-data", "private_address"),
    ("https://10.1.2.3", "private_address"),
    ("https://[::1]", "private_address"),
    ("https://[::ffff:127.0.0.1]", "private_address"),
    ("https://[64:ff9b::7f00:1]", "private_address"),
])  # fmt: skip
def test_a_url_that_may_not_be_called_is_refused_unsent(mode: str, url: str, because: str) -> None:
    report = report_on(url, mode, UrlPolicy())
    (finding,) = report.probe("address").findings
    assert (finding.code, finding.because, finding.fields) == ("url_not_allowed", because, ("booking_url",))
    assert finding.actor == ("it" if because == "private_address" else "administrator")
    assert report.counts_as_attempt is (because != "private_address")
    assert KEY not in report.model_dump_json()


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "64:ff9b::7f00:1", "fd00::1"])
def test_a_name_that_stands_for_a_private_address_is_refused_when_dialled(mode: str, address: str) -> None:
    report = report_on("https://klinikk.example", mode, UrlPolicy(), [address])
    (finding,) = report.probe("address").findings
    assert (finding.code, finding.because, finding.actor) == ("url_not_allowed", "private_address", "it")


def test_a_name_that_turns_private_at_the_second_look_is_refused(mode: str) -> None:
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    allowed = UrlPolicy(allowed=(ip_network("127.0.0.1/32"),), ports=frozenset({server.port}), allow_http=True)
    report = report_on(f"http://klinikk.example:{server.port}", mode, allowed, ["127.0.0.1", "10.0.0.7"])
    server.close()
    assert len(server.heard) == 1
    again = report_on(f"http://klinikk.example:{server.port}", mode, allowed, ["10.0.0.7"])
    assert report.probe("address").status == "fail"
    assert again.probe("address").findings[0].because == "private_address"
    assert len(server.heard) == 1


def test_a_redirect_is_never_followed_and_a_foreign_target_is_not_shown(mode: str, redirecting: Server) -> None:
    policy = UrlPolicy(allowed=(ip_network("127.0.0.0/8"),), ports=frozenset({redirecting.port}), allow_http=True)
    report = report_on(f"http://127.0.0.1:{redirecting.port}/api", mode, policy, ["127.0.0.1"])
    (finding,) = report.probe("address").findings
    assert (finding.code, finding.because, finding.target) == ("url_not_allowed", "redirect_elsewhere", "")
    assert len(redirecting.heard) == 1


def report_from(mode: str, status: str, headers: str, body: bytes) -> ConnectionReport:
    """Test a connection whose server answers everything so."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n"
    server = Server(head.encode() + body)
    policy = UrlPolicy(allowed=(ip_network("127.0.0.0/8"),), ports=frozenset({server.port}), allow_http=True)
    try:
        return report_on(f"http://klinikk.example:{server.port}/api", mode, policy, ["127.0.0.1"])
    finally:
        server.close()


@pytest.mark.parametrize(("location", "because", "target"), [
    ("https://booking.klinikk.example/ny/api/v1/clinic", "redirect", "https://booking.klinikk.example/ny/api"),
    ("https://klinikk.example/v1/clinic", "redirect", "https://klinikk.example"),
    ("https://KLINIKK.example/v2/v1/clinic?token=abc", "redirect", "https://klinikk.example/v2"),
    ("https://www.klinikk.example/logg-inn", "redirect_to_page", "https://www.klinikk.example/logg-inn"),
    ("http://klinikk.example/clinic", "redirect_to_page", "http://klinikk.example/clinic"),
    ("https://user:pass@klinikk.example/clinic", "redirect_elsewhere", ""),
    ("https://klinikk.example.evil.test/clinic", "redirect_elsewhere", ""),
    ("https://[broken/clinic", "redirect_elsewhere", ""),
])  # fmt: skip
def test_the_address_to_paste_is_told_when_the_same_call_is_elsewhere_on_the_same_site(
    mode: str, location: str, because: str, target: str
) -> None:
    report = report_from(mode, "301 Moved Permanently", f"Location: {location}\r\n", b"")
    (finding,) = report.probe("address").findings
    assert (finding.code, finding.because, finding.target) == ("url_not_allowed", because, target)
    assert (finding.fields, finding.actor) == (("booking_url",), "administrator")
    for lang in LANGUAGES:
        assert target in finding.explain(lang)
        assert ("Paste this" in finding.explain(lang) or "Lim inn" in finding.explain(lang)) is (because == "redirect")


LATIN_PAGE = "<!DOCTYPE html><title>Innlogging for behandlere på Ås</title>".encode("iso-8859-1")


@pytest.mark.parametrize("headers", ["Content-Type: text/html\r\n", "Content-Type: application/json\r\n", ""])
def test_a_page_at_a_typed_address_points_to_the_address_and_counts_as_no_attempt(mode: str, headers: str) -> None:
    report = report_from(mode, "200 OK", headers, LATIN_PAGE)
    (finding,) = report.probe("address").findings
    assert (finding.code, finding.because) == ("vendor_protocol_error", "page_at_the_address")
    assert (finding.fields, finding.actor) == (("booking_url",), "administrator")
    assert "Booking-URL" in finding.explain("nb")
    assert report.counts_as_attempt is False


@pytest.mark.parametrize("status", ["404 Not Found", "405 Method Not Allowed", "410 Gone"])
def test_a_server_without_the_api_at_a_typed_address_is_the_addresss_fault(mode: str, status: str) -> None:
    report = report_from(mode, status, "Content-Type: text/html\r\n", LATIN_PAGE)
    (finding,) = report.probe("address").findings
    assert (finding.code, finding.because, finding.fields) == ("url_not_allowed", "nothing_there", ("booking_url",))
    assert report.counts_as_attempt is True


@pytest.mark.parametrize("operation", ["cancel", "get_booking"])
@pytest.mark.parametrize("body", ["\ufeff  <html>Ikke funnet", "Not Found"])
def test_a_servers_own_404_at_a_typed_address_never_says_that_a_booking_is_gone(operation: str, body: str) -> None:
    url, base = "https://klinikk.example/api/bookings/7", "https://klinikk.example/api"
    given = {
        "operation": operation,
        "write": operation == "cancel",
        "expect": frozenset(),
        "url": url,
        "typed_url": base,
    }
    table = ErrorMap(code="/code")
    error = judge(Response(reply(404, text=body)), table=table, typed_host=True, **given)
    assert (type(error), error.effect if error else "") == (UrlNotAllowed, "none")
    said = judge(Response(reply(404, json={"code": "GONE"})), table=table, typed_host=True, **given)
    assert isinstance(said, BookingNotFound)


def test_not_even_an_adapter_that_reads_404_itself_is_given_another_servers_page() -> None:
    given = {"table": ErrorMap(), "operation": "cancel", "write": True, "expect": frozenset({404}), "typed_host": True,
             "url": "https://klinikk.example/bookings/7", "typed_url": "https://klinikk.example"}  # fmt: skip
    assert isinstance(judge(Response(reply(404, text="<html>")), **given), UrlNotAllowed)
    assert judge(Response(reply(404, json={})), **given) is None


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable"])
def test_a_gateways_page_is_nobodys_fault(mode: str, status: str) -> None:
    report = report_from(mode, status, "Content-Type: text/html\r\n", LATIN_PAGE)
    (finding,) = report.probe("address").findings
    assert (finding.code, finding.actor, report.counts_as_attempt) == ("vendor_unavailable", "nobody", False)


def test_a_name_without_a_server_is_the_addresss_fault(mode: str) -> None:
    report = report_on("https://feilskrevet.example", mode, UrlPolicy(), [""])
    (finding,) = report.probe("address").findings
    assert (finding.code, finding.because, finding.actor) == ("url_not_allowed", "dns", "administrator")


def test_a_range_that_the_registry_states_may_be_called(mode: str) -> None:
    body = b'{"name": "Klinikken"}'
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n" + body)
    policy = UrlPolicy(allowed=(ip_network("127.0.0.0/8"),), ports=frozenset({server.port}), allow_http=True)
    report = report_on(f"http://127.0.0.1:{server.port}", mode, policy, ["127.0.0.1"])
    server.close()
    assert report.probe("address").status == "pass"
    assert report.identified_as.clinic == "Klinikken"


def test_a_host_with_letters_of_its_own_is_called_by_its_one_spelling(mode: str) -> None:
    body = b'{"name": "Klinikken"}'
    server = Server(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 21\r\nConnection: close\r\n\r\n" + body
    )
    policy = UrlPolicy(allowed=(ip_network("127.0.0.0/8"),), ports=frozenset({server.port}), allow_http=True)
    report = report_on(f"http://BLÅBÆR.example:{server.port}/", mode, policy, ["127.0.0.1"])
    server.close()
    assert report.probe("address").status == "pass"
    assert f"Host: xn--blbr-roah.example:{server.port}".lower().encode() in server.heard[0].lower()


def test_a_policy_keeps_its_own_copy_of_lists_and_sets() -> None:
    ranges, ports = [ip_network("10.0.0.0/8")], {443, 8443}
    policy = UrlPolicy(allowed=ranges, ports=ports)  # type: ignore[arg-type]
    ranges.clear()
    ports.clear()
    assert isinstance(check_url("https://10.1.2.3:8443", policy), Checked)


@pytest.mark.parametrize("allowed", ["10.0.0.0/8", ["10.0.0.0/8"], [None]])
def test_a_range_that_is_no_network_is_refused_where_it_is_written(allowed: Any) -> None:
    with pytest.raises(TypeError, match="ip_network"):
        UrlPolicy(allowed=allowed)
