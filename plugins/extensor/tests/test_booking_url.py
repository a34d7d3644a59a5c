"""The whole story of the booking URL, over TLS: what is typed, what stands there, what the administrator is told."""

from __future__ import annotations

import asyncio
import datetime
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme
from clinic_servers import SITES, ClinicServer, self_signed, serving
from extensor_worlds import INSTALLED, request

from kobling import AsyncKobling, Connection, ConnectionReport, Finding, Kobling, SlotQuery, UrlPolicy
from kobling.drivers.aio import AsyncDriver
from kobling.drivers.sync import SyncDriver
from kobling.testing import ManualClock
from kobling.texts import LANGUAGES
from kobling_mocks.mock import Mock

PAST, FUTURE = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2020, 2099))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A registry's context that knows the tests' authority as its public one."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def certified(authority: trustme.CA, *names: str, **more: datetime.datetime) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or SITES), **more).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def mock() -> Mock:
    return Mock("extensor")


@pytest.fixture(scope="module")
def server(mock: Mock, authority: trustme.CA) -> Iterator[ClinicServer]:
    with serving(mock, certified(authority)) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


VPN = (ip_network("127.0.0.0/8"),)


def report_on(
    url: str, mode: str, mock: Mock, context: ssl.SSLContext, *, allowed: bool = True, address: str = "127.0.0.1"
) -> ConnectionReport:
    """Test a connection with this URL. allowed: the registry states that its clinics are on the loopback range, as
    it would for a VPN. address: what every name that ends in ".example" stands for; other names are unknown."""
    port = re.search(r"\.example:(\d+)", url, re.IGNORECASE)
    policy = UrlPolicy(allowed=VPN if allowed else (), ports=frozenset({443, *([int(port[1])] if port else [])}))
    connection = Connection("extensor", **{**mock.connection, "booking_url": url})

    def resolver(host: str) -> list[str]:
        return [address] if host.endswith(".example") and host not in ("feil.example",) else []

    given = {"policy": policy, "resolver": resolver, "ssl_context": context}
    clock = ManualClock(mock.world.clock.now())
    if mode == "sync":
        driver = SyncDriver(**given, sleep=clock.sleep)
        with Kobling(adapters=INSTALLED, policy=policy, driver=driver, clock=clock) as kobling:
            return kobling.session(connection).test_connection()

    async def run() -> ConnectionReport:
        driver = AsyncDriver(**given, sleep=clock.asleep)
        async with AsyncKobling(adapters=INSTALLED, policy=policy, driver=driver, clock=clock) as kobling:
            return await kobling.session(connection).test_connection()

    return asyncio.run(run())


def at(server: ClinicServer, mock: Mock, host: str = "klinikk.example", path: str | None = None) -> str:
    """The URL of the clinic's server, with its path prefix."""
    prefix = mock.connection["booking_url"].partition("://")[2].partition("/")[2]
    return f"https://{host}:{server.port}/{prefix if path is None else path}"


def failing(report: ConnectionReport) -> Finding:
    (finding,) = [one for one in report.findings if one.severity == "fail"]
    return finding


# ---- spelled otherwise, and right


@pytest.mark.parametrize("spelled", [
    lambda url: url,
    lambda url: url + "/",
    lambda url: f"  {url}\n",
    lambda url: url.replace("klinikk.example", "KLINIKK.Example"),
    lambda url: url.replace("//klinikk.example", "//blåbær.example"),
    lambda url: url.replace("//klinikk.example", "//xn--blbr-roah.example"),
    lambda url: url.replace("//klinikk.example", "//BLÅBÆR.example"),
], ids=["as it is", "slash", "blanks", "capitals", "æøå", "punycode", "ÆØÅ"])  # fmt: skip
def test_a_url_that_is_only_spelled_otherwise_leads_to_the_clinic(
    mode: str, spelled: Callable[[str], str], mock: Mock, server: ClinicServer, trusting: ssl.SSLContext
) -> None:
    report = report_on(spelled(at(server, mock)), mode, mock, trusting)
    assert report.outcome in ("success", "degraded"), report.headline("en")
    assert report.identified_as.clinic == mock.world.clinic.name


def test_a_session_over_the_clinics_own_server_searches_and_books(
    mock: Mock, server: ClinicServer, trusting: ssl.SSLContext
) -> None:
    policy = UrlPolicy(allowed=VPN, ports=frozenset({server.port}))
    connection = Connection("extensor", **{**mock.connection, "booking_url": at(server, mock)})
    clock = ManualClock(mock.world.clock.now())
    driver = SyncDriver(policy=policy, resolver=lambda _: ["127.0.0.1"], ssl_context=trusting, now=clock.now)
    with Kobling(adapters=INSTALLED, policy=policy, driver=driver, clock=clock) as kobling:
        session = kobling.session(connection)
        day = clock.now().date() + datetime.timedelta(days=5)
        slot = session.slots(SlotQuery(first_day=day, last_day=day + datetime.timedelta(days=7), at_most=1)).found[0]
        booking = session.book(request(slot))
    assert booking.verified
    mock.world.assert_sound()


# ---- typed wrongly: nothing is sent


@pytest.mark.parametrize(("typed", "because"), [
    ("http://klinikk.example/klinikk-1", "url_not_https"),
    ("klinikk.example/klinikk-1", "url_not_https"),
    ("https://klinikk.example/klinikk-1?klinikk=1021", "url_query"),
    ("https://klinikk.example/klinikk-1#ledige", "url_fragment"),
    ("https://bruker:hemmelig@klinikk.example", "url_user_info"),
    ("https://klinikk", "url_bad_host"),
    ("https://klinikk.example/a/../b", "url_path"),
    ("ftp://klinikk.example", "url_file_or_other_scheme"),
])  # fmt: skip
def test_a_url_that_can_not_be_one_is_refused_unsent(
    mode: str, typed: str, because: str, mock: Mock, server: ClinicServer, trusting: ssl.SSLContext
) -> None:
    heard = len(server.heard)
    report = report_on(typed, mode, mock, trusting)
    finding = failing(report)
    assert (finding.code, finding.because, finding.fields) == ("url_not_allowed", because, ("booking_url",))
    assert (finding.actor, report.counts_as_attempt) == ("administrator", True)
    assert len(server.heard) == heard


# ---- something else stands there


@pytest.mark.parametrize(("host", "path", "code", "because", "counts"), [
    ("feil.example", None, "url_not_allowed", "dns", True),
    ("klinikk.example", "", "url_not_allowed", "nothing_there", True),
    ("klinikk.example", "feil/sti", "url_not_allowed", "nothing_there", True),
    ("klinikk.example", "klinikk-1", "url_not_allowed", "nothing_there", True),
    ("klinikk.example", "logg-inn", "vendor_protocol_error", "page_at_the_address", False),
    ("www.klinikk.example", "", "vendor_protocol_error", "page_at_the_address", False),
    ("www.klinikk.example", "om-oss/kontakt", "vendor_protocol_error", "page_at_the_address", False),
], ids=["wrong host", "no path", "wrong path", "another clinic's path", "login", "web site", "its page"])  # fmt: skip
def test_what_stands_at_a_wrong_url_is_told_and_the_url_is_named(
    mode: str, host: str, path: str | None, code: str, because: str, counts: bool, mock: Mock, server: ClinicServer,
    trusting: ssl.SSLContext,
) -> None:  # fmt: skip
    report = report_on(at(server, mock, host, path), mode, mock, trusting)
    finding = failing(report)
    assert (finding.code, finding.because, finding.fields) == (code, because, ("booking_url",))
    assert (finding.actor, report.counts_as_attempt) == ("administrator", counts)
    assert report.probe("address").status == "fail"
    assert "Booking-URL" in report.headline("nb")
    assert_told(finding)


def test_a_redirect_within_the_site_is_refused_and_the_address_to_paste_is_told(
    mode: str, mock: Mock, server: ClinicServer, trusting: ssl.SSLContext
) -> None:
    heard = len(server.heard)
    report = report_on(at(server, mock, "gammel.klinikk.example"), mode, mock, trusting)
    finding = failing(report)
    paste = at(server, mock, "booking.klinikk.example").replace(f":{server.port}", "")
    assert (finding.code, finding.because, finding.target) == ("url_not_allowed", "redirect", paste)
    for lang in LANGUAGES:
        assert paste in finding.explain(lang)
    assert [line.split()[1].partition("/")[0] for line in server.heard[heard:]] == ["gammel.klinikk.example"]


@pytest.mark.parametrize(("to", "because", "shown"), [
    ("same_site", "redirect", True), ("other_site", "redirect_elsewhere", False),
])  # fmt: skip
def test_a_server_that_redirects_every_call_is_never_followed(to: str, because: str, shown: bool) -> None:
    moved = Mock("extensor")
    moved.world.switches.set(redirect=to)
    policy = UrlPolicy()
    with Kobling(adapters=INSTALLED, policy=policy, exchange=moved.exchange) as kobling:
        report = kobling.session(Connection("extensor", **moved.connection)).test_connection()
    finding = failing(report)
    assert (finding.because, bool(finding.target)) == (because, shown)
    assert len(moved.world.journal) == 1
    typed = moved.connection["booking_url"]
    assert finding.target == (typed.replace(".example/", ".example/ny/") if shown else "")


# ---- certificates and addresses: the clinic's IT


def broken_certificates(authority: trustme.CA, folder: Path) -> dict[str, ssl.SSLContext]:
    return {
        "self_signed": self_signed(folder),
        "unknown_authority": certified(trustme.CA()),
        "certificate_expired": certified(authority, not_after=PAST),
        "certificate_not_yet_valid": certified(authority, not_before=FUTURE),
        "wrong_host": certified(authority, "annen.example"),
    }


def test_each_fault_of_a_certificate_is_its_own_finding_for_it_and_the_key_is_not_sent(
    mode: str, mock: Mock, authority: trustme.CA, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    told = set()
    for because, context in broken_certificates(authority, tmp_path).items():
        with serving(mock, context) as server:
            report = report_on(at(server, mock), mode, mock, trusting)
        finding = failing(report)
        assert (finding.code, finding.because, finding.actor) == ("url_not_allowed", because, "it")
        assert report.counts_as_attempt is False
        assert (server.heard, server.keys) == ([], 0)
        assert_told(finding)
        told.add(finding.explain("nb"))
    assert len(told) == 5


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.20", "127.0.0.1", "169.254.169.254", "fd00::7"])
def test_a_name_that_stands_for_a_private_address_is_its_own_finding_for_it(
    mode: str, address: str, mock: Mock, server: ClinicServer, trusting: ssl.SSLContext
) -> None:
    heard = len(server.heard)
    report = report_on(at(server, mock), mode, mock, trusting, allowed=False, address=address)
    finding = failing(report)
    assert (finding.code, finding.because, finding.actor) == ("url_not_allowed", "private_address", "it")
    assert (report.counts_as_attempt, len(server.heard)) == (False, heard)
    assert_told(finding)


def test_a_server_that_is_off_is_nobodys_mistake(mode: str, mock: Mock, trusting: ssl.SSLContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    report = report_on(f"https://klinikk.example:{port}/klinikk-1", mode, mock, trusting)
    finding = failing(report)
    assert (finding.code, finding.because, finding.actor) == ("vendor_unavailable", "connect", "nobody")
    assert report.counts_as_attempt is False


def assert_told(finding: Finding) -> None:
    """Both languages say something of their own, and nothing is left unfilled."""
    texts = [finding.explain(lang) for lang in LANGUAGES]
    assert texts[0] != texts[1]
    for text in texts:
        assert len(text) > 60
        assert "{" not in text
