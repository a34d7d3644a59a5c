"""A key and a patient in the header, the URL, the body and the reply are found nowhere afterwards."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import threading
import time
import types
from collections.abc import Callable, Generator
from typing import Any

import httpx
import pytest

from kobling.addresses import UrlPolicy
from kobling.commands import All, Hook
from kobling.drivers import AsyncDriver
from kobling.exchange import WireFailure, WireReply, WireRequest

from .world import Server, Side, SyncSide, answers, dribbles, raw, send

Serve = Callable[..., Server]
Make = Callable[..., Side]

CANARY = "kanarifugl4711"
SECRETS: dict[str, Any] = {"headers": {"X-Api-Key": CANARY}, "body": CANARY.encode(), "write": True}


def found_in(error: BaseException) -> list[str]:
    """Where in the frames, causes and contexts of an exception the canary can be reached."""
    places: list[str] = []
    errors, seen = [error], {id(error)}
    while errors:
        each = errors.pop()
        if CANARY in repr(each) or CANARY in repr(each.args) or CANARY in repr(vars(each)):
            places.append(f"text of {type(each).__name__}")
        trace = each.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if not code.co_name.startswith("test_") and _reaches(list(trace.tb_frame.f_locals.values())):
                places.append(f"locals of {code.co_qualname} ({code.co_filename})")
            trace = trace.tb_next
        for linked in (each.__cause__, each.__context__):
            if linked is not None and id(linked) not in seen:
                seen.add(id(linked))
                errors.append(linked)
    return places


_TOO_WIDE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, threading.Thread)


def _reaches(roots: list[Any]) -> bool:
    """True when the canary is within six steps of any of the objects."""
    level, seen = roots, set()
    for _ in range(6):
        below: list[Any] = []
        for each in level:
            if id(each) in seen or isinstance(each, _TOO_WIDE) or each is globals():
                continue
            seen.add(id(each))
            if isinstance(each, str | bytes | bytearray | memoryview):
                text = bytes(each).decode("latin-1") if not isinstance(each, str) else each
                if CANARY in text:
                    return True
                continue
            below += gc.get_referents(each)
        level = below
    return False


class Held:
    def __init__(self) -> None:
        self.request = {"headers": [("X-Api-Key", CANARY)]}


def test_the_search_itself_finds_a_canary_in_a_frame() -> None:
    def leaks(held: Held) -> None:
        raise ValueError

    code = leaks.__code__.replace(co_filename="adapter.py")
    with pytest.raises(ValueError, match=r"^$") as caught:
        types.FunctionType(code, globals())(Held())
    assert found_in(caught.value) == [
        "locals of test_the_search_itself_finds_a_canary_in_a_frame.<locals>.leaks (adapter.py)"
    ]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(answers(CANARY.encode(), headers=f"Set-Cookie: s={CANARY}\r\n"), id="answered"),
        pytest.param(raw(b""), id="no reply"),
        pytest.param(raw(f"HTTP/1.1 200 OK\r\n{CANARY}\r\n\r\n".encode()), id="bad header"),
        pytest.param(dribbles(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="deadline"),
    ],
)
def test_no_log_at_debug_holds_it(driver: Side, serve: Serve, caplog: pytest.LogCaptureFixture, script: Any) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    url = f"{serve(script).url}/patients/{CANARY}?key={CANARY}"
    driver.run(send(url, timeout=0.3, **SECRETS))
    driver.run(send(url, timeout=0.3, headers={"X-Api-Key": f"{CANARY}\nX: y"}))
    driver.run(send(url.replace("http:", "https:"), timeout=0.3, **SECRETS))
    assert CANARY not in caplog.text
    assert not [record.name for record in caplog.records if record.name.startswith(("httpx", "httpcore"))]


def test_other_users_of_httpx_keep_their_logs(driver: Side, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="httpcore")
    server = serve(answers())
    driver.run(send(server.url))
    assert caplog.records == []
    with httpx.Client(trust_env=False) as client:
        client.get(server.url)
    assert any("receive_response_headers.complete" in record.message for record in caplog.records)


@pytest.mark.parametrize(
    ("headers", "url", "failure"),
    [
        ({"X-Api-Key": f"{CANARY}\n"}, "", WireFailure("protocol", "illegal_header")),
        ({"X-Api-Key": f"{CANARY}\r\nX-Other: 1"}, "", WireFailure("protocol", "illegal_header")),
        ({"X-Api-Key": f"{CANARY}æ"}, "", WireFailure("protocol", "illegal_header")),
        ({"X-Api-Key": f"\u00a0{CANARY}"}, "", WireFailure("protocol", "illegal_header")),
        ({f"{CANARY} key": "x"}, "", WireFailure("protocol", "illegal_header")),
        ({}, f"http://127.0.0.1:1/{CANARY}\n", WireFailure("address", "illegal_url")),
        ({}, f"http://{CANARY}:99999999/", WireFailure("address", "illegal_url")),
        ({}, f"http://{'a' * 70}ø.{CANARY}/", WireFailure("address", "illegal_url")),
        ({}, f"http://user:{CANARY}@127.0.0.1/", WireFailure("address", "user_info")),
    ],
)
def test_a_request_that_cannot_be_written_is_a_failure_and_not_an_exception_with_the_key(
    driver: Side, serve: Serve, headers: dict[str, str], url: str, failure: WireFailure
) -> None:
    server = serve(answers())
    assert driver.run(send(url or server.url, headers=headers, write=True)) == failure
    assert server.connections == 0


def test_headers_that_would_move_the_end_of_a_message_are_the_drivers_own(driver: Side, serve: Serve) -> None:
    server = serve(answers())
    given = {"Host": "other.example", "Content-Length": "1", "Transfer-Encoding": "chunked", "Connection": "upgrade"}
    assert driver.run(send(server.url, write=True, body=b"abc", headers=given)).status == 200
    head, _, body = server.requests[0].lower().partition(b"\r\n\r\n")
    assert body == b"abc"
    lines = set(head.split(b"\r\n"))
    assert {b"content-length: 3", b"connection: close", f"host: 127.0.0.1:{server.port}".encode()} <= lines
    assert not any(word in head for word in (b"other.example", b"chunked", b"upgrade"))


def test_what_a_hook_raises_leads_to_no_request(driver: Side, serve: Serve) -> None:
    url = serve(answers(CANARY.encode())).url

    def fails() -> None:
        raise OSError("disk full")

    def flow() -> Generator[Any, Any, Any]:
        reply = yield from send(url, **SECRETS)
        assert reply.status == 200
        yield Hook(fails)

    with pytest.raises(OSError, match="disk full") as caught:
        driver.run(flow())
    assert found_in(caught.value) == []


@pytest.mark.parametrize("immediate", [False, True])
def test_what_an_exchange_raises_leads_to_no_request(make: Make, immediate: bool) -> None:
    class Broken:
        def __init__(self) -> None:
            self.immediate = immediate

        def __call__(self, request: WireRequest) -> WireReply:
            copied = bytes(request.body)
            raise LookupError(len(copied))

    with pytest.raises(LookupError) as caught:
        make(exchange=Broken()).run(send("https://klinikk.example/", **SECRETS))
    assert found_in(caught.value) == []


def test_what_a_flow_raises_beside_others_leads_to_no_request(driver: Side, serve: Serve) -> None:
    url = serve(dribbles(b"", b"HTTP/1.1 100 Continue\r\n\r\n")).url

    def fails() -> Generator[Any, Any, Any]:
        reply = yield from send(url, **{**SECRETS, "timeout": 0.2})
        raise ZeroDivisionError(reply.kind)

    def flow() -> Generator[Any, Any, Any]:
        yield All([send(url, **SECRETS), fails(), send(url, **SECRETS)])

    with pytest.raises(ZeroDivisionError, match="timeout") as caught:
        driver.run(flow())
    assert found_in(caught.value) == []


def test_a_task_cancelled_in_mid_air_leads_to_no_request_and_closes_its_socket(serve: Serve) -> None:
    closed = threading.Event()
    arrived = threading.Event()

    def waits(conn: socket.socket) -> None:
        arrived.set()
        conn.settimeout(5)
        if conn.recv(1) == b"":
            closed.set()

    url = serve(waits).url
    recorded: list[str] = []

    def flow() -> Generator[Any, Any, Any]:
        try:
            return (yield from send(url, **SECRETS))
        except BaseException as error:
            recorded.append(type(error).__name__)
            raise

    async def main() -> BaseException:
        async with AsyncDriver(policy=UrlPolicy()) as driver:
            task = asyncio.create_task(driver.run(flow()))
            await asyncio.to_thread(arrived.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            return caught.value

    error = asyncio.run(main())
    assert recorded == ["CancelledError"]
    assert closed.wait(5)
    assert found_in(error) == []


def test_ctrl_c_in_mid_air_leads_to_no_request(serve: Serve) -> None:
    def interrupts(conn: socket.socket) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        threading.Event().wait(1)

    url = serve(interrupts).url
    recorded: list[str] = []

    def flow() -> Generator[Any, Any, Any]:
        try:
            return (yield from send(url, **SECRETS))
        except BaseException as error:
            recorded.append(type(error).__name__)
            raise

    side = SyncSide(policy=UrlPolicy())
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        side.run(flow())
    assert time.monotonic() - started < 2
    side.close()
    assert recorded == ["KeyboardInterrupt"]
    assert found_in(caught.value) == []
