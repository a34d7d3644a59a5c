"""Scrubbing whole messages: what an allow-list names stands, the key is nowhere, everything else is a pseudonym."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from ..leaks import Canaries
from ..wrong_values import almost
from .allowlist import AllowList
from .corpus import runs
from .pseudonyms import PLAIN_DIGITS, Pseudonyms

__all__ = ["HOST", "KeyLeft", "Scrubber", "text_of"]

HOST = "vendor.example.test"
"""Whose host stands in a recording."""
REQUEST_HEADERS = frozenset({"accept", "content-type"})
SHORTEST_SECRET = 4
ANSWER_HEADERS = frozenset({"content-type", "date", "retry-after"})
LINK_WORDS = frozenset({"rel", "next", "prev", "first", "last"})
"""Words of a `Link` header that say which page an address is of (RFC 8288)."""


class KeyLeft(RuntimeError):
    """The key still stood in a scrubbed recording, which was therefore not written. A defect: report it."""


class Scrubber:
    """Scrubs one connection's messages.

    key: the connection's key, which also is the secret that pseudonyms follow from. today: the day of the recording.
    parts: of a key, what it consists of, where parts of it are sent by themselves. own, fresh: see `Pseudonyms`.
    stand_ins: what stands for certain values, instead of a pseudonym. home: the host that is recorded. An address there
    is played without TLS, as everything is; of any other address the scheme stands.
    """

    def __init__(
        self,
        allowed: AllowList,
        key: str,
        today: date,
        *,
        parts: Callable[[str], Iterable[str]] = lambda _: (),
        own: Iterable[str] = (),
        fresh: bool = False,
        stand_ins: Mapping[str, str] | None = None,
        home: str = "",
    ) -> None:
        self.allowed = allowed
        self._home = home.lower()
        self.pseudonyms = Pseudonyms(key, today, own=own, fresh=fresh)
        given = dict(stand_ins or {})
        self.key = given.get(key) or self.pseudonyms.text(key)
        """What stands for the key."""
        secrets = sorted({one for one in (key, *parts(key)) if len(one) >= SHORTEST_SECRET}, key=len, reverse=True)
        found = {one: given.get(one) or self.pseudonyms.text(one) for one in secrets} | given
        wrong, played = almost(key), almost(self.key)  # a rule's wrong key, now and when the recording is played
        pairs = zip((wrong, *parts(wrong)), (played, *parts(played)), strict=False)
        found = {one: stand_in for one, stand_in in pairs if len(one) >= SHORTEST_SECRET} | found
        self._secrets = sorted(found.items(), key=lambda pair: len(pair[0]), reverse=True)
        self._stand_ins = frozenset(found.values())
        self.pseudonyms.own.update(run for _, stand_in in self._secrets for run in runs(stand_in))
        self._canaries = Canaries(**{f"part {number}": one for number, one in enumerate(secrets) if found[one] != one})

    # ---- parts

    def text(self, value: str, place: str = "") -> str:
        """One text at one place."""
        value = self._without_key(value)
        if value in self._stand_ins or (place and self.allowed.stands(place, value)):
            return value
        if value.startswith(("http://", "https://")) or (value.startswith("/") and "\n" not in value):
            return self.url(value)
        return self.pseudonyms.text(value, self.allowed.words(place) if place else frozenset())

    def url(self, value: str) -> str:
        """An address: fixed segments and names of parameters stand, the host is nobody's."""
        value = self._without_key(value)
        parts = urlsplit(value)
        path = "/".join(self._segment(one) for one in parts.path.split("/"))
        query = self._pairs(parts.query, "?")
        scheme = "http" if self._home and parts.netloc.lower() == self._home else parts.scheme
        origin = f"{scheme}://{HOST}" if parts.scheme else ""
        return f"{origin}{path}{'?' + query if query else ''}"

    def _segment(self, segment: str) -> str:
        plain = unquote(segment)
        return segment if plain in self.allowed.segments else quote(self.pseudonyms.text(plain), safe="")

    def _pairs(self, text: str, mark: str) -> str:
        pairs = parse_qsl(text, keep_blank_values=True)
        return urlencode([(self._member(name), self.text(value, f"{mark}{name}")) for name, value in pairs])

    def _member(self, name: str) -> str:
        return name if name in self.allowed.members else self.pseudonyms.text(name)

    def value(self, value: Any, place: str = "") -> Any:
        """A JSON value with all that is in it."""
        if isinstance(value, Mapping):
            return {self._member(name): self.value(one, f"{place}/{name}") for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one, f"{place}/{number}") for number, one in enumerate(value)]
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return self._number(value)
        if isinstance(value, float):
            return float(self._number(int(value))) if value.is_integer() and abs(value) < 1e18 else value
        return self.text(str(value), place)

    def _number(self, value: int) -> int:
        digits = str(abs(value))
        if len(digits) <= PLAIN_DIGITS:
            return value
        return int(self.pseudonyms.number(digits)) * (-1 if value < 0 else 1)

    # ---- messages

    def request_headers(self, headers: Mapping[str, Any]) -> dict[str, str]:
        """Headers of a request that may stand."""
        told = {name.lower(): str(value) for name, value in headers.items()}
        return {name: self._without_key(value) for name, value in told.items() if name in REQUEST_HEADERS}

    def answer_headers(self, headers: Mapping[str, Any]) -> dict[str, list[str]]:
        """Headers of an answer that may stand."""
        kept: dict[str, list[str]] = {}
        for name, value in headers.items():
            lower = name.lower()
            values = value if isinstance(value, list) else [value]
            if lower in ANSWER_HEADERS:
                kept[lower] = [self._without_key(str(one)) for one in values]
            elif lower == "link":
                kept[lower] = [self._links(str(one)) for one in values]
            elif lower in self.allowed.headers:
                kept[lower] = [self.text(str(one)) for one in values]
        return kept

    def _links(self, value: str) -> str:
        """A `Link` header: addresses in pointed brackets, and what each of them is."""
        parts = re.split(r"<([^<>]*)>", self._without_key(value))
        return "".join(
            f"<{self.url(part)}>" if number % 2 else self.pseudonyms.text(part, LINK_WORDS)
            for number, part in enumerate(parts)
        )

    def body(self, body: bytes, content_type: str, encoding: str = "") -> tuple[bytes, str]:
        """A body, decoded and in UTF-8, with the content type that it then has."""
        text = text_of(body, content_type, encoding)
        if not text:
            return b"", content_type
        try:
            told = json.loads(text)
        except ValueError:
            told = None
        if told is not None:
            return json.dumps(self.value(told), ensure_ascii=False).encode(), "application/json"
        if content_type.startswith("application/x-www-form-urlencoded"):
            return self._pairs(text, "/").encode(), content_type
        return self.pseudonyms.text(
            self._without_key(text)
        ).encode(), f"{content_type.partition(';')[0]}; charset=utf-8"

    # ---- the key

    def _without_key(self, text: str) -> str:
        for secret, stand_in in self._secrets:
            text = text.replace(secret, stand_in)
        return text

    def check(self, text: str) -> None:
        """Raise `KeyLeft` when the key still stands in a text, in any spelling."""
        if self._canaries.found_in(text):
            raise KeyLeft("the key still stood in a scrubbed recording; nothing was written")


def text_of(body: bytes, content_type: str, encoding: str) -> str:
    """A body as text; "" for what is neither text nor compressed text."""
    if encoding.lower() in ("gzip", "deflate"):
        try:
            body = zlib.decompress(body, 47 if encoding.lower() == "gzip" else 15)
        except zlib.error:
            return ""
    charset = content_type.lower().partition("charset=")[2].partition(";")[0].strip(' "') or "utf-8"
    for name in (charset, "utf-8"):
        try:
            return body.decode(name).removeprefix("\ufeff")
        except (UnicodeDecodeError, LookupError):
            continue
    return ""
