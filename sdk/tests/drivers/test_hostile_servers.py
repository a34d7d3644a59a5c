"""Servers that dribble, hang, lie or break off: each ends as a failure with its word, within the deadline."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from kobling.addresses import UrlPolicy
from kobling.exchange import WireFailure, WireReply

from .world import Script, Server, Side, answers, dribbles, raw, send

Serve = Callable[..., Server]
Make = Callable[..., Side]

DEADLINE = 0.4
SLACK = 1.0

HEAD = b"HTTP/1.1 200 OK\r\n"


def hangs(conn: socket.socket) -> None:
    """Says nothing at all."""
    threading.Event().wait(3)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(hangs, id="silence"),
        pytest.param(dribbles(b"HTTP/1.1 200", b" "), id="status line"),
        pytest.param(dribbles(HEAD, b"X-A: 1\r\n"), id="headers"),
        pytest.param(dribbles(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), id="1xx replies"),
        pytest.param(dribbles(b"", b"HTTP/1.1 100 Continue\r\n\r\n", every=0.0, pieces=10**6), id="1xx flood"),
        pytest.param(dribbles(HEAD + b"Content-Length: 9999\r\n\r\n", b"x"), id="body"),
        pytest.param(dribbles(HEAD + b"\r\n", b"x"), id="body without length"),
        pytest.param(dribbles(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), id="chunks"),
        pytest.param(dribbles(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"), id="chunk size line"),
        pytest.param(dribbles(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-T: 1\r\n"), id="trailers"),
    ],
)
def test_a_reply_that_never_ends_ends_at_the_deadline(driver: Side, serve: Serve, script: Script) -> None:
    started = time.monotonic()
    answer = driver.run(send(serve(script).url, timeout=DEADLINE))
    took = time.monotonic() - started
    assert answer == WireFailure("timeout", "waiting")
    assert answer.left
    assert DEADLINE - 0.05 <= took < DEADLINE + SLACK


def test_a_server_that_takes_the_request_a_byte_at_a_time_ends_at_the_deadline(driver: Side, serve: Serve) -> None:
    def sips(conn: socket.socket) -> None:
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(60):
            conn.recv(1024)
            time.sleep(0.05)

    started = time.monotonic()
    answer = driver.run(send(serve(sips, greet=False).url, write=True, body=b"x" * 20_000_000, timeout=DEADLINE))
    assert answer == WireFailure("timeout", "sending")
    assert time.monotonic() - started < DEADLINE + SLACK


def test_a_handshake_that_hangs_ends_at_the_deadline_and_nothing_has_left(driver: Side, serve: Serve) -> None:
    url = serve(hangs, greet=False).url.replace("http:", "https:")
    started = time.monotonic()
    answer = driver.run(send(url, write=True, timeout=DEADLINE))
    assert answer == WireFailure("connect_timeout", "tls")
    assert not answer.left
    assert time.monotonic() - started < DEADLINE + SLACK


def test_a_name_service_that_hangs_ends_at_the_deadline(make: Make) -> None:
    release = threading.Event()

    def hanging(host: str) -> list[str]:
        release.wait(5)
        return ["127.0.0.1"]

    driver = make(resolver=hanging)
    started = time.monotonic()
    answers = driver.run_together([send("http://klinikk.example/", timeout=DEADLINE) for _ in range(5)])
    assert answers == [WireFailure("dns", "timeout")] * 5
    assert time.monotonic() - started < DEADLINE + SLACK
    looking = [thread for thread in threading.enumerate() if thread.name == "kobling-lookup"]
    assert len(looking) == 1, "callers who ask for the same name share one look-up"
    release.set()
    looking[0].join()


def test_a_name_without_addresses_is_said_so(make: Make) -> None:
    def unknown(host: str) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert make(resolver=unknown).run(send("http://klinikk.example/")) == WireFailure("dns", "no_address")


def test_a_closed_port_is_a_connect_failure(driver: Side) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    answer = driver.run(send(f"http://127.0.0.1:{port}/", write=True))
    assert answer.kind == "connect"
    assert not answer.left


def test_the_next_address_is_tried_when_the_first_does_not_answer(make: Make, serve: Serve) -> None:
    server = serve(answers(b"here"))
    driver = make(resolver=lambda host: ["127.0.0.9", "127.0.0.1"])
    assert driver.run(send(f"http://klinikk.example:{server.port}/")).body == b"here"


def resets(conn: socket.socket) -> None:
    """Closes with RST in place of an answer."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        pytest.param(resets, WireFailure("read", "broken"), id="reset"),
        pytest.param(raw(b""), WireFailure("read", "no_reply"), id="empty"),
        pytest.param(raw(b"\x00\x01\x02\xff" * 10), WireFailure("protocol", "not_http"), id="random bytes"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nX: \r\nBad Header\r\n\r\n"), WireFailure("protocol", "not_http"), id="bad header"
        ),
        pytest.param(
            raw(HEAD + b"Content-Length: 10\r\n\r\nfive."), WireFailure("protocol", "truncated"), id="cut by length"
        ),
        pytest.param(
            raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"),
            WireFailure("protocol", "truncated"),
            id="cut in a chunk",
        ),
        pytest.param(
            raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab"),
            WireFailure("protocol", "not_http"),
            id="bad chunk",
        ),
        pytest.param(raw(HEAD + b"X: " + b"x" * 200_000), WireFailure("protocol", "not_http"), id="endless header"),
        pytest.param(
            raw(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
            WireFailure("protocol", "not_http"),
            id="two lengths",
        ),
    ],
)
def test_a_broken_reply_is_a_failure_that_may_have_been_read(
    driver: Side, serve: Serve, script: Script, failure: WireFailure
) -> None:
    answer = driver.run(send(serve(script).url, write=True, body=b"{}"))
    assert answer == failure
    assert answer.left


def test_a_reply_beyond_the_bound_is_given_up_raw(driver: Side, serve: Serve) -> None:
    url = serve(answers(b"x" * 5000)).url
    assert driver.run(send(url, max_bytes=4999)) == WireFailure("too_large", "raw")
    assert driver.run(send(url, max_bytes=5000)) == WireReply(200, (("Content-Length", "5000"),), b"x" * 5000)


def test_what_comes_after_a_reply_is_never_taken_for_the_next_one(driver: Side, serve: Serve) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    server = serve(lambda conn: conn.sendall(reply + b"first" + reply + b"wrong"))
    for _ in range(3):
        assert driver.run(send(server.url)).body == b"first"
    assert server.connections == 3


def test_closing_the_driver_ends_a_call_that_waits(make: Make, serve: Serve) -> None:
    waiting = threading.Event()

    def waits(conn: socket.socket) -> None:
        waiting.set()
        conn.recv(1)

    driver, url, ended = make(), serve(waits).url, []
    thread = threading.Thread(target=lambda: ended.append(driver.run(send(url, timeout=5))))
    thread.start()
    assert waiting.wait(5)
    started = time.monotonic()
    driver.end()
    thread.join(5)
    assert [answer.kind for answer in ended] == ["read"]
    assert time.monotonic() - started < 2


def test_a_redirect_is_answered_as_it_is(driver: Side, serve: Serve) -> None:
    target = serve(answers(b"never"))
    server = serve(answers(status="307 Temporary Redirect", headers=f"Location: {target.url}/x\r\n"))
    answer = driver.run(send(server.url, write=True, body=b"secret", headers={"X-Api-Key": "k"}))
    assert (answer.status, answer.header("location")) == (307, f"{target.url}/x")
    assert target.requests == []


def test_a_cookie_comes_back_to_nobody(driver: Side, serve: Serve) -> None:
    server = serve(answers(headers="Set-Cookie: laravel_session=clinic-a\r\n"))
    for channel in ("clinic-a", "clinic-a", "clinic-b"):
        assert driver.run(send(server.url, channel=channel)).status == 200
    assert len(server.requests) == 3
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_the_environment_is_not_asked(
    make: Make, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    server = serve(answers())
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="utf-8") as file:
        file.write("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", netrc)
    assert make().run(send(server.url)).status == 200
    assert b"authorization" not in server.requests[0].lower()


class TestFence:
    """A write is never sent after its `not_after`."""

    noon = datetime(2026, 10, 25, 11, tzinfo=UTC)

    def test_it_is_not_even_dialled_when_the_time_has_passed(self, make: Make, serve: Serve) -> None:
        server = serve(answers())
        driver = make(now=lambda: self.noon)
        late = driver.run(send(server.url, write=True, not_after=self.noon - timedelta(microseconds=1)))
        assert late == WireFailure("expired")
        assert not late.left
        assert server.connections == 0
        assert driver.run(send(server.url, write=True, not_after=self.noon)).status == 200

    def test_it_is_not_sent_when_the_time_passed_while_connecting(self, make: Make, serve: Serve) -> None:
        clock = [self.noon]
        server = serve(answers())

        def slow(host: str) -> list[str]:
            clock[0] += timedelta(seconds=9)
            return ["127.0.0.1"]

        driver = make(now=lambda: clock[0], resolver=slow)
        url = f"http://klinikk.example:{server.port}/"
        assert driver.run(send(url, write=True, not_after=self.noon + timedelta(seconds=5))) == WireFailure("expired")
        assert server.requests == []


class TestTypedHosts:
    """Hosts that a person typed: what a name stands for is checked at the address that is dialled."""

    def test_a_name_that_moves_to_a_private_address_is_refused_at_the_second_look(
        self, make: Make, serve: Serve
    ) -> None:
        server = serve(answers(headers="Connection: close\r\n"))
        looks = iter([["127.0.0.1"], ["127.0.0.2"]])
        policy = UrlPolicy((ip_network("127.0.0.1/32"),), frozenset({server.port}), allow_http=True)
        driver = make(policy=policy, resolver=lambda host: next(looks))
        url = f"http://klinikk.example:{server.port}/"
        assert driver.run(send(url, public_only=True)).status == 200
        assert driver.run(send(url, public_only=True)) == WireFailure("address", "loopback")
        assert server.connections == 1

    def test_one_bad_address_refuses_all(self, make: Make, serve: Serve) -> None:
        server = serve(answers())
        policy = UrlPolicy((ip_network("127.0.0.1/32"),), frozenset({server.port}), allow_http=True)
        driver = make(policy=policy, resolver=lambda host: ["127.0.0.1", "10.0.0.1"])
        answer = driver.run(send(f"http://klinikk.example:{server.port}/", public_only=True))
        assert answer == WireFailure("address", "private")
        assert server.connections == 0

    @pytest.mark.parametrize(
        ("url", "detail"),
        [
            ("https://127.1/", "loopback"),
            ("https://2130706433/", "loopback"),
            ("https://0x7f.1/", "loopback"),
            ("https://127.0.0.1/", "loopback"),
            ("https://[::ffff:127.0.0.1]/", "loopback"),
            ("https://[64:ff9b::7f00:1]/", "loopback"),
            ("https://169.254.169.254/latest", "link_local"),
            ("https://localhost/", "loopback"),
            ("http://8.8.8.8/", "not_https"),
            ("https://8.8.8.8:8443/", "port"),
            ("https://user@8.8.8.8/", "user_info"),
            ("file:///etc/passwd", "illegal_url"),
        ],
    )
    def test_every_spelling_of_a_forbidden_target_is_refused_before_anything_left(
        self, driver: Side, url: str, detail: str
    ) -> None:
        answer = driver.run(send(url, public_only=True))
        assert answer == WireFailure("address", detail)
        assert not answer.left

    def test_what_an_adapter_or_an_application_states_itself_may_be_anywhere(self, driver: Side, serve: Serve) -> None:
        assert driver.run(send(serve(answers()).url)).status == 200
