"""Calling a mock in process: a `WireRequest` in, a `WireReply` or `WireFailure` out, no socket, the caller's thread.

The request's host is not looked at, so an adapter may go on using the vendor's own address. Faults that would break a
connection come back as the `WireFailure` that a driver reports for them.
"""

from __future__ import annotations

import io
import sys
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from kobling.exchange import WireFailure, WireReply, WireRequest

from .app import PATIENCE, WORLD, MockApp
from .faults import KINDS, Fault
from .wire import FAULT
from .world import World

__all__ = ["call_in_process"]


def call_in_process(app: MockApp, world: World, request: WireRequest, patience: float) -> WireReply | WireFailure:
    """One call to `world`, or to the world that the path names (`/ns/NAME/…`).

    `patience` is in seconds: an answer that is slower than that is a timeout at once, without waiting. Safe to call
    from several threads at the same time.
    """
    environ = _environ(request)
    environ[WORLD] = world
    environ[PATIENCE] = patience
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
        started[:] = [(status, headers)]

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = started[0]
    answer = WireReply(int(status.split(" ", 1)[0]), tuple(headers), body)
    fault: Fault | None = environ.get(FAULT)
    if fault is None:
        return answer
    if fault.kind == "slow":
        return WireFailure("timeout")
    failure = KINDS[fault.kind].failure
    if failure is not None:
        return WireFailure(failure)
    return WireReply(answer.status, answer.headers, body[: len(body) // 2])


def _environ(request: WireRequest) -> dict[str, Any]:
    parts = urlsplit(request.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "mock",
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": parts.netloc.rpartition("@")[2],
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme or "https",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        lower = name.lower()
        if lower == "content-type":
            environ["CONTENT_TYPE"] = value
        elif lower not in ("content-length", "host"):
            key = "HTTP_" + name.upper().replace("-", "_")
            environ[key] = f"{environ[key]}, {value}" if key in environ else value
    return environ
