"""Reading a reply's body within bounds: so many bytes raw, so many decoded, one plain layer of gzip at most.

The decoder is asked for as much as still fits and never for more, so that a reply of a few hundred kilobytes which
unpacks to hundreds of megabytes costs no more memory than the bound.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from kobling.exchange import WireFailure

ACCEPT_ENCODING = "gzip"
"""What the drivers ask for, so that nothing else need be understood."""

_PLAIN = frozenset({"", "identity"})
_GZIP = frozenset({"gzip", "x-gzip"})
_WITH_HEADER = 31  # zlib's window bits for "gzip format, header and checksum included"


class Body:
    """One body being read.

    headers: the reply's, any case. limit: bytes, raw and decoded alike. empty: True where the method or the status
    says that there is no body (HEAD, 204, 304), so that a declared length proves nothing.
    """

    def __init__(self, headers: Iterable[tuple[str, str]], *, limit: int, empty: bool = False) -> None:
        given = [(name.lower(), value) for name, value in headers]
        self._limit = limit
        self._raw = 0
        self._decoded = bytearray()
        self._declared = None if empty else _declared(given)
        self._refused = self._choose(given)

    def _choose(self, given: list[tuple[str, str]]) -> WireFailure | None:
        named = [value for name, value in given if name == "content-encoding"]
        layers = [word.strip().lower() for value in named for word in value.split(",")]
        layers = [word for word in layers if word not in _PLAIN]
        self._unzip = None
        if not layers:
            return None
        if len(layers) > 1:
            return WireFailure("encoding", "stacked")
        if layers[0] not in _GZIP:
            return WireFailure("encoding", "unknown")
        self._unzip = zlib.decompressobj(_WITH_HEADER)
        return None

    def feed(self, chunk: bytes) -> WireFailure | None:
        """Take the next raw bytes; a failure ends the reading."""
        if not chunk:
            return None
        if self._refused is not None:
            return self._refused
        self._raw += len(chunk)
        if self._raw > self._limit:
            return WireFailure("too_large", "raw")
        if self._unzip is None:
            self._decoded += chunk
            return None
        return self._unpack(chunk)

    def _unpack(self, data: bytes) -> WireFailure | None:
        assert self._unzip is not None
        while data:
            if self._unzip.eof:
                return WireFailure("encoding", "trailing")
            try:
                self._decoded += self._unzip.decompress(data, self._limit + 1 - len(self._decoded))
            except zlib.error:
                return WireFailure("encoding", "broken")
            if len(self._decoded) > self._limit:
                return WireFailure("too_large", "decoded")
            data = self._unzip.unused_data if self._unzip.eof else self._unzip.unconsumed_tail
        return None

    def end(self) -> bytes | WireFailure:
        """The whole decoded body, or why there is none."""
        if self._declared is not None and self._raw < self._declared:
            return WireFailure("protocol", "truncated")
        if self._raw and self._unzip is not None and not self._unzip.eof:
            return WireFailure("encoding", "unfinished")
        return bytes(self._decoded)


def _declared(given: list[tuple[str, str]]) -> int | None:
    if any(name == "transfer-encoding" for name, _ in given):
        return None
    value = next((value.strip() for name, value in given if name == "content-length"), "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None
