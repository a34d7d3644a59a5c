"""Faults, before and after the commit, in process and on a real socket."""

from __future__ import annotations

import http.client
import json
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kobling.exchange import WireFailure, WireReply
from kobling_mocks import KINDS, Fault, Mock, Served
from kobling_mocks.clinic import TooLateToCancel
from partner_caller import Caller, caller_of

BEFORE_AND_AFTER = ["before_commit", "after_commit"]
NEEDS_THE_ANSWER = {"no_id", "set_cookie", "wrong_charset"}
OPTIONS: dict[str, dict[str, Any]] = {
    "reply": {"status": 418, "body": {"a": 1}},
    "redirect": {"to": "http://127.0.0.1:1/elsewhere"},
    "slow": {"seconds": 60},
}
FAILURES = [kind for kind in KINDS if KINDS[kind].failure]


def online_bookings(caller: Caller) -> int:
    return sum(a.source == "online" and a.live for a in caller.mock.world.clinic.all_appointments())


def order_a_fault(caller: Caller, kind: str, when: str = "after_commit", operation: str = "book", **more: Any) -> None:
    options = {**OPTIONS.get(kind, {}), **more}
    caller.mock.world.faults.add(Fault(operation=operation, kind=kind, when=when, **options))  # type: ignore[arg-type]


# ---- in process


@pytest.mark.parametrize("when", BEFORE_AND_AFTER)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in NEEDS_THE_ANSWER])
def test_a_fault_before_the_commit_leaves_no_booking_and_one_after_it_leaves_one(
    caller: Caller, kind: str, when: str
) -> None:
    order = caller.order()
    order_a_fault(caller, kind, when)
    answer = caller.call("/book", order)
    assert online_bookings(caller) == (when == "after_commit")
    if kind == "slow":
        assert answer == WireFailure("timeout")
    elif KINDS[kind].failure:  # type: ignore[index]
        assert answer == WireFailure(KINDS[kind].failure)  # type: ignore[index,arg-type]
    else:
        assert isinstance(answer, WireReply)
        assert b"bookingId" not in answer.body or kind == "length_too_short"
    entry = caller.mock.world.journal.of("book")[-1]
    assert (entry.fault, entry.fault_when) == (kind, when)
    assert entry.effect == ("done" if when == "after_commit" else "later" if kind == "slow" else "none")


def test_a_slow_vendor_commits_after_the_caller_has_given_up(caller: Caller) -> None:
    order = caller.order()
    order_a_fault(caller, "slow", "before_commit", seconds=60)
    assert caller.call("/book", order) == WireFailure("timeout")
    caller.mock.world.clock.advance(59)
    assert online_bookings(caller) == 0
    caller.mock.world.clock.advance(1)
    assert online_bookings(caller) == 1


def test_a_vendor_that_gives_calls_up_commits_no_later_than_then(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(caller.mock.world.dialect), "gives_up_after", 60.0)
    order = caller.order()
    order_a_fault(caller, "slow", "before_commit", seconds=600)
    assert caller.call("/book", order) == WireFailure("timeout")
    caller.mock.world.clock.advance(60)
    assert online_bookings(caller) == 1


def test_a_slow_answer_within_the_callers_patience_arrives(caller: Caller) -> None:
    order = caller.order()
    order_a_fault(caller, "slow", seconds=0.01)
    assert caller.ok("/book", order)["bookingId"]


def test_a_booking_without_an_id_in_the_answer_stands_all_the_same(caller: Caller) -> None:
    order = caller.order()
    order_a_fault(caller, "no_id")
    assert caller.ok("/book", order) == {}
    assert online_bookings(caller) == 1


def test_a_wrong_charset_is_windows_1252_under_a_utf_8_label(caller: Caller) -> None:
    order_a_fault(caller, "wrong_charset", operation="search")
    answer = caller.reply("/search", {"dateRange": {"from": "2026-12-01", "to": "2026-12-01"}})
    assert answer.header("Content-Type") == "application/json; charset=utf-8"
    with pytest.raises(UnicodeDecodeError):
        answer.body.decode("utf-8")
    assert "Førstegangskonsultasjon" in answer.body.decode("cp1252")


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [("http_503", 503, "text/html"), ("html_200", 200, "text/html"), ("html_502", 502, "text/html")],
)
def test_pages_instead_of_json(caller: Caller, kind: str, status: int, content_type: str) -> None:
    order_a_fault(caller, kind, "before_commit", "search", headers={"Retry-After": "7"})
    answer = caller.reply("/search", {})
    assert answer.status == status
    assert (answer.header("Content-Type") or "").startswith(content_type)
    assert answer.header("Retry-After") == "7"


def test_a_redirect_says_where(caller: Caller) -> None:
    order_a_fault(caller, "redirect", "before_commit", "search")
    answer = caller.reply("/search", {})
    assert (answer.status, answer.header("Location")) == (307, "http://127.0.0.1:1/elsewhere")


def test_a_fault_strikes_the_nth_call_and_only_that(caller: Caller) -> None:
    caller.mock.world.faults.add(Fault(operation="search", kind="http_503", nth=2))
    caller.mock.world.faults.add(Fault(operation="book", kind="http_503"))
    statuses = [
        caller.reply("/search", {"dateRange": {"from": "2026-12-01", "to": "2026-12-01"}}).status for _ in "123"
    ]
    assert statuses == [200, 503, 200]
    assert [fault.operation for fault in caller.mock.world.faults.waiting] == ["book"]


def test_a_fault_for_ever_strikes_until_it_is_cleared(caller: Caller) -> None:
    caller.mock.world.faults.add(Fault(operation="*", kind="http_503", nth=2, times=0))
    body = {"dateRange": {"from": "2026-12-01", "to": "2026-12-01"}}
    assert [caller.reply("/search", body).status for _ in "1234"] == [200, 503, 503, 503]
    caller.mock.world.faults.clear()
    assert caller.reply("/search", body).status == 200


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"kind": "nonsense"}, "there is no fault 'nonsense'"),
        ({"kind": "redirect"}, "a redirect needs `to`"),
        ({"kind": "slow"}, "needs `seconds`"),
        ({"kind": "http_503", "status": 500}, "http_503 takes no `status`; these do: empty, redirect, reply"),
        ({"kind": "html_200", "body": {}}, "html_200 takes no `body`; these do: reply"),
        ({"kind": "reset", "to": "https://elsewhere.example/"}, "reset takes no `to`"),
        ({"kind": "wrong_charset", "when": "after_commit", "headers": {"X": "1"}}, "wrong_charset takes no `headers`"),
        ({"kind": "empty", "seconds": 0.0}, "empty takes no `seconds`"),
        ({"kind": "no_id"}, "needs when='after_commit'"),
        ({"kind": "reset", "nth": 0}, "nth counts from 1"),
        ({"kind": "reset", "when": "sometime"}, "'before_commit' or 'after_commit'"),
        ({"kind": "reset", "operation": "pay"}, "the dialect has search, book, cancel"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_the_reason(caller: Caller, fault: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        caller.mock.world.faults.add(Fault(**{"operation": "book", **fault}))


def test_a_dialect_that_fails_is_the_mocks_fault_and_is_not_taken_for_the_vendors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caller = caller_of(Mock("eg-pasientsky"))

    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError

    order = caller.order()
    monkeypatch.setattr(caller.mock.world.clinic, "book", broken)
    assert caller.reply("/book", order).status == 500
    with pytest.raises(AssertionError, match=r"the mock failed in book: ZeroDivisionError at \w+/\w+\.py:\d+$"):
        caller.mock.world.assert_sound()
    assert len(caller.mock.world.failures) == 1


def test_a_refusal_that_a_dialects_table_lacks_is_named_and_a_callers_word_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caller = caller_of(Mock("eg-pasientsky"))
    order = caller.order()
    for key, told in ((TooLateToCancel, "KeyError of TooLateToCancel at"), ("Kari Prøve", "KeyError at")):

        def lacks(*args: object, key: object = key, **kwargs: object) -> None:
            raise KeyError(key)

        monkeypatch.setattr(caller.mock.world.clinic, "book", lacks)
        caller.reply("/book", order)
        assert told in caller.mock.world.failures[-1]


# ---- on a socket


@pytest.fixture
def server(caller: Caller) -> Iterator[Served]:
    with caller.mock.serve() as served:
        yield served


@contextmanager
def raw(server: Served, caller: Caller, path: str, body: dict[str, Any], seconds: float) -> Iterator[socket.socket]:
    """A connection over which one call has been sent."""
    data = json.dumps({"apikey": caller.api_key, **body}).encode()
    lines = [
        f"POST /partner-api/{caller.external_id}{path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(data)}",
    ]
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + data)
        yield connection


@contextmanager
def post(server: Served, caller: Caller, path: str, body: dict[str, Any]) -> Iterator[http.client.HTTPResponse]:
    """The answer to one call over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        data = json.dumps({"apikey": caller.api_key, **body})
        connection.request("POST", f"/partner-api/{caller.external_id}{path}", data)
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def read(server: Served, caller: Caller, path: str, body: dict[str, Any]) -> bytes:
    """The body of the answer to one call."""
    with post(server, caller, path, body) as response:
        return response.read()


def received(connection: socket.socket, at_most: int) -> bytes:
    """What comes until the connection is silent for its timeout, or `at_most` bytes."""
    got = b""
    while len(got) < at_most:
        try:
            piece = connection.recv(65536)
        except TimeoutError:
            return got
        assert piece, "the mock closed the connection by itself"
        got += piece
    return got


@pytest.mark.parametrize("when", BEFORE_AND_AFTER)
def test_a_reset_is_a_reset_on_the_socket(caller: Caller, server: Served, when: str) -> None:
    order = caller.order()
    order_a_fault(caller, "reset", when)
    with pytest.raises(ConnectionResetError):
        read(server, caller, "/book", order)
    assert online_bookings(caller) == (when == "after_commit")


@pytest.mark.parametrize("kind", ["hang", "dribble_headers", "dribble_body", "dribble_chunks", "dribble_1xx"])
def test_a_fault_that_lasts_ends_when_the_caller_hangs_up(caller: Caller, server: Served, kind: str) -> None:
    order = caller.order()
    order_a_fault(caller, kind)
    with raw(server, caller, "/book", order, seconds=0.3) as connection:
        got = received(connection, 150)
    starts = {
        "hang": b"",
        "dribble_headers": b"HTTP/1.1 200 OK\r\nX-Filler: a",
        "dribble_body": b"HTTP/1.1 200 OK\r\n",
        "dribble_chunks": b"HTTP/1.1 200 OK\r\n",
        "dribble_1xx": b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103",
    }
    assert got.startswith(starts[kind])
    assert b"bookingId" not in got
    assert online_bookings(caller) == 1


def test_a_truncated_body_is_cut(caller: Caller, server: Served) -> None:
    order = caller.order()
    order_a_fault(caller, "truncated")
    with pytest.raises(http.client.IncompleteRead):
        read(server, caller, "/book", order)


def test_wrong_lengths_promise_too_much_or_too_little(caller: Caller, server: Served) -> None:
    order_a_fault(caller, "length_too_long", operation="search")
    order_a_fault(caller, "length_too_short", operation="search", nth=2)
    body = {"dateRange": {"from": "2026-12-01", "to": "2026-12-01"}}
    with pytest.raises(http.client.IncompleteRead):
        read(server, caller, "/search", body)
    half = read(server, caller, "/search", body)
    with pytest.raises(json.JSONDecodeError):
        json.loads(half)


def test_random_bytes_are_not_http(caller: Caller, server: Served) -> None:
    order_a_fault(caller, "random_bytes", operation="search")
    with pytest.raises(http.client.BadStatusLine):
        read(server, caller, "/search", {})


def test_a_gzip_bomb_unpacks_to_more_than_anyone_should_take(caller: Caller, server: Served) -> None:
    order_a_fault(caller, "gzip_bomb", operation="search")
    with post(server, caller, "/search", {}) as answer:
        packed = answer.read()
        assert answer.getheader("Content-Encoding") == "gzip"
    assert len(packed) < 1_000_000
    unpacker = zlib.decompressobj(31)
    size, rest = 0, packed
    while rest and size <= 64 << 20:
        size += len(unpacker.decompress(rest, 1 << 20))
        rest = unpacker.unconsumed_tail
    assert size > 64 << 20


def test_stacked_gzip_says_so(caller: Caller, server: Served) -> None:
    order_a_fault(caller, "stacked_gzip", operation="search")
    with post(server, caller, "/search", {}) as answer:
        assert answer.getheader("Content-Encoding") == "gzip, gzip"
        assert zlib.decompressobj(31).decompress(answer.read())[:2] == b"\x1f\x8b", "a second layer inside the first"


def test_a_slow_answer_is_slow_and_then_the_connection_lives_on(caller: Caller, server: Served) -> None:
    order_a_fault(caller, "slow", operation="search", seconds=0.05)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    body = json.dumps({"apikey": caller.api_key, "dateRange": {"from": "2026-12-01", "to": "2026-12-01"}})
    for _ in range(2):
        connection.request("POST", f"/partner-api/{caller.external_id}/search", body)
        assert connection.getresponse().read().startswith(b'{"data"')
    connection.close()


def test_every_wire_kind_is_done_on_the_socket() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    for name, kind in KINDS.items():
        assert not kind.on_wire or source.count(f'"{name}"') >= 1, f"no socket test for {name}"
