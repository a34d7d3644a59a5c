"""Recording and mocking tools see the transports, and the private names that ours rest on are where they were."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
import respx
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

from kobling.addresses import UrlPolicy
from kobling.drivers.lookup import Lookups, system_resolver
from kobling.drivers.silence import LOGGERS
from kobling.drivers.transport import AsyncBackend, AsyncTransport, Backend, Transport

from .world import Server, Side, answers, send

Serve = Callable[..., Server]


def test_respx_answers_in_place_of_the_network(driver: Side) -> None:
    with respx.mock() as router:
        route = router.post("https://klinikk.example/api", json={"a": 1}).respond(201, json={"id": "7"})
        answer = driver.run(send("https://klinikk.example/api", write=True, body=b'{"a": 1}'))
    assert (answer.status, answer.body) == (201, b'{"id":"7"}')
    assert route.call_count == 1


def test_vcrpy_records_and_replays_and_never_goes_live_on_a_miss(driver: Side, serve: Serve, tmp_path: Path) -> None:
    server = serve(answers(b"recorded"))
    cassette = str(tmp_path / "cassette.yaml")
    with vcr.use_cassette(cassette, record_mode="once"):
        assert driver.run(send(server.url)).body == b"recorded"
    with vcr.use_cassette(cassette, record_mode="none") as played:
        assert driver.run(send(server.url)).body == b"recorded"
        assert played.all_played
        with pytest.raises(CannotOverwriteExistingCassetteException):
            driver.run(send(f"{server.url}/never-recorded"))
    assert len(server.requests) == 1


def test_httpx_still_keeps_its_pool_where_ours_is_put() -> None:
    for plain in (httpx.HTTPTransport(), httpx.AsyncHTTPTransport()):
        assert isinstance(plain._pool, httpcore.ConnectionPool | httpcore.AsyncConnectionPool), (
            "httpx moved its pool: Transport in drivers/transport.py replaces `_pool` and would be without effect"
        )
    context = ssl.create_default_context()
    backend = Backend(UrlPolicy(), Lookups(system_resolver))
    assert Transport(write=False, ssl_context=context, backend=backend)._pool._network_backend is backend
    assert Transport(write=True, ssl_context=context, backend=backend)._pool._max_keepalive_connections == 0
    other = AsyncBackend(UrlPolicy(), Lookups(system_resolver))
    assert AsyncTransport(write=False, ssl_context=context, backend=other)._pool._network_backend is other


def test_httpcore_and_h11_still_tell_what_came_after_a_reply() -> None:
    connection = httpcore.ConnectionPool().create_connection(httpcore.Origin(b"http", b"a", 80))
    assert vars(connection)["_connection"] is None, "httpcore moved `_connection`, see _excess in drivers/transport.py"
    stream = httpcore.MockStream([])
    inner = vars(httpcore.HTTP11Connection(httpcore.Origin(b"http", b"a", 80), stream))
    assert inner["_network_stream"] is stream, "httpcore moved `_network_stream`, see _excess in drivers/transport.py"
    assert inner["_h11_state"].trailing_data == (b"", False)


def test_every_logger_of_the_two_libraries_is_known() -> None:
    def told(module: Any) -> set[str]:
        return {
            line.partition('getLogger("')[2].partition('"')[0]
            for file in Path(module.__file__).parent.rglob("*.py")
            for line in file.read_text(encoding="utf-8").splitlines()
            if "getLogger(" in line
        }

    unknown = (told(httpx) | told(httpcore)) - set(LOGGERS)
    assert not unknown, f"loggers that drivers/silence.py does not hush: {unknown}"
    assert logging.getLogger("httpcore.http11").name in LOGGERS
