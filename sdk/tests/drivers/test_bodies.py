"""Reading bodies within bounds."""

from __future__ import annotations

import gzip
import subprocess
import sys
import textwrap
import tracemalloc
import zlib
from collections.abc import Callable
from functools import cache

import pytest

from kobling.drivers.body import Body
from kobling.exchange import WireFailure

from .world import Server, Side, answers, send

Serve = Callable[..., Server]

GZIP = (("Content-Encoding", "gzip"),)


def read(
    data: bytes, headers: tuple[tuple[str, str], ...] = (), limit: int = 1000, piece: int = 7
) -> bytes | WireFailure:
    body = Body(headers, limit=limit)
    for start in range(0, len(data), piece):
        failure = body.feed(data[start : start + piece])
        if failure is not None:
            return failure
    return body.end()


def test_one_layer_of_gzip_is_taken_off_whatever_the_pieces() -> None:
    packed = gzip.compress(b"lege " * 100)
    for piece in (1, 7, 10_000):
        assert read(packed, GZIP, piece=piece) == b"lege " * 100
    assert read(packed, (("content-encoding", " X-GZip , identity"),)) == b"lege " * 100


@pytest.mark.parametrize(
    ("data", "encoding", "failure"),
    [
        (gzip.compress(gzip.compress(b"a", mtime=0), mtime=0), "gzip, gzip", WireFailure("encoding", "stacked")),
        (gzip.compress(b"a", mtime=0), "deflate, gzip", WireFailure("encoding", "stacked")),
        (b"abc", "br", WireFailure("encoding", "unknown")),
        (zlib.compress(b"a"), "deflate", WireFailure("encoding", "unknown")),
        (gzip.compress(b"abc" * 50, mtime=0)[:-3], "gzip", WireFailure("encoding", "unfinished")),
        (b"not gzip", "gzip", WireFailure("encoding", "broken")),
        (gzip.compress(b"a", mtime=0) + b"more", "gzip", WireFailure("encoding", "trailing")),
        (gzip.compress(b"a", mtime=0) * 2, "gzip", WireFailure("encoding", "trailing")),
        (gzip.compress(b"a" * 1001, mtime=0), "gzip", WireFailure("too_large", "decoded")),
        (b"x" * 1001, "identity", WireFailure("too_large", "raw")),
    ],
)
def test_any_other_encoding_is_refused_with_its_word(data: bytes, encoding: str, failure: WireFailure) -> None:
    assert read(data, (("Content-Encoding", encoding),), piece=10_000) == failure


def test_exactly_the_bound_is_within_it() -> None:
    assert read(b"x" * 1000) == b"x" * 1000
    assert read(gzip.compress(b"x" * 1000), GZIP) == b"x" * 1000


def test_a_body_shorter_than_declared_is_truncated_also_when_a_recording_plays_it() -> None:
    assert read(b"abc", (("Content-Length", "4"),)) == WireFailure("protocol", "truncated")
    assert read(b"abcd", (("Content-Length", "4"),)) == b"abcd"
    assert read(b"abc", (("Content-Length", "four"),)) == b"abc"
    assert read(b"abc", (("Content-Length", "4"), ("Transfer-Encoding", "chunked"))) == b"abc"
    assert Body((("Content-Length", "4"),), limit=9, empty=True).end() == b""


def test_an_empty_body_need_not_be_packed() -> None:
    assert read(b"", GZIP) == b""


def test_only_gzip_is_asked_for(driver: Side, serve: Serve) -> None:
    server = serve(answers(gzip.compress(b"packed"), headers="Content-Encoding: gzip\r\n"))
    assert driver.run(send(server.url, headers={"Accept-Encoding": "br, zstd"})).body == b"packed"
    lines = server.requests[0].lower().split(b"\r\n")
    assert [line for line in lines if line.startswith(b"accept-encoding")] == [b"accept-encoding: gzip"]


@cache
def bomb(megabytes: int) -> bytes:
    """That many MiB of zeros, packed without ever holding them."""
    pack = zlib.compressobj(9, wbits=31)
    piece = b"\0" * (1 << 20)
    return b"".join(pack.compress(piece) for _ in range(megabytes)) + pack.flush()


@pytest.mark.parametrize(
    ("layers", "encoding", "failure"),
    [
        (1, "gzip", WireFailure("too_large", "decoded")),
        (2, "gzip, gzip", WireFailure("encoding", "stacked")),
        (2, "gzip", None),
    ],
)
def test_a_bomb_of_400_mebibytes_costs_less_than_64(
    driver: Side, serve: Serve, layers: int, encoding: str, failure: WireFailure | None
) -> None:
    packed = bomb(400)
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    url = serve(answers(packed, headers=f"Content-Encoding: {encoding}\r\n")).url
    tracemalloc.start()
    try:
        answer = driver.run(send(url, timeout=20))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if failure is None:
        assert answer.body == gzip.decompress(packed), "one layer is taken off and no more"
    else:
        assert answer == failure
    assert peak < 64 << 20


def test_the_whole_process_stays_small_too() -> None:
    """zlib's own memory is outside of tracemalloc's sight: measure a child's."""
    child = textwrap.dedent(
        """
        import resource, sys, zlib
        from kobling.drivers.body import Body
        def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        pack = zlib.compressobj(9, wbits=31)
        packed = b"".join(pack.compress(bytes(1 << 20)) for _ in range(400)) + pack.flush()
        before = peak()
        failure = Body([("Content-Encoding", "gzip")], limit=8 << 20).feed(packed)
        print(failure.kind, peak() - before)
        """
    )
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
    kind, grown = done.stdout.split()
    assert kind == "too_large"
    assert int(grown) < 64
