"""Going through recordings: every file, every value, every name of a member, everything that hides another text.

A recording declares what was let stand (its metadata, `allowed`). At those places, and only there, declared words are
no finding as words; they are looked through for everything else, and a name among what is declared is a finding.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml

from .decodings import GUESSED, decoded, texts_of
from .shapes import COMMON_NAMES, Kind, bare, shapes_in, strange_words

__all__ = ["Finding", "Scanned", "scan"]

DEPTH = 6
"""How many wrappings deep a text is unwrapped."""
LONGEST_WORD = 12
"""A declared word with a digit in it may have fewer signs; a longer one is taken for a key."""
SURE, SURE_WORD = 6, 3
"""Signs that a finding beneath base64 or hexadecimal must have: any signs are a word of two letters by chance."""
HOST = "vendor.example.test"
HEADERS = {
    "accept": ("application/json", "*/*"),
    "content-type": (
        "application/json",
        "application/x-www-form-urlencoded",
        "text/html",
        "text/plain",
        "charset=utf-8",
    ),
    "x-kobling-credential": ("right", "token", "other"),
    "date": (),
    "retry-after": (),
    "link": (),
}
"""Headers that any recording may hold, and what may stand in them."""
_HTTP_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} [\d:]{8} GMT"
)
_LINK = re.compile(r"<([^<>]*)>([^<>]*)")
_LINK_WORDS = frozenset({"rel", "next", "prev", "first", "last"})
_VERBS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})
_PHRASES = frozenset(status.phrase for status in HTTPStatus)
_RULE = re.compile(r"[A-Z]{2,8}-\d\d")
_VERSION = re.compile(r"\d+(?:\.\d+)*|source")
_METADATA = """
format vendor adapter adapter_version rule seed recorded_at origin connection options message references allowed
"""
METADATA = frozenset(_METADATA.split())
FIELDS = frozenset({"external_id", "department_id", "api_key", "booking_url"})


@dataclass(frozen=True)
class Finding:
    """Something that must not stand in a recording. shown: enough to find it, never the whole of it."""

    file: str
    where: str
    kind: Kind
    shown: str
    through: tuple[str, ...] = ()
    """What it was hidden under, outermost first."""

    def __str__(self) -> str:
        hidden = f", beneath {', '.join(self.through)}" if self.through else ""
        return f"{self.file} {self.where}: {self.kind} {self.shown}{hidden}"


def _masked(value: str) -> str:
    return f"{value[:2]}… ({len(value)} signs)"


@dataclass
class Scanned:
    """What a scan came to. declared: how many words the recordings declare as let stand, at how many places."""

    files: int = 0
    findings: list[Finding] = field(default_factory=list)
    declared_words: int = 0
    declared_places: int = 0

    @property
    def clean(self) -> bool:
        """True when files were looked at and nothing was found."""
        return self.files > 0 and not self.findings


def scan(
    directory: Path,
    *,
    canaries: Iterable[str] = (),
    vendors: Mapping[str, str] | None = None,
    declared: Mapping[str, Any] | None = None,
) -> Scanned:
    """Look through every file of a directory and those below it, or through one file.

    canaries: texts that must be found nowhere, such as the key itself. vendors: adapters by key, as `module:Class`,
    that recordings may name. declared: what may stand in recordings that declare nothing themselves, as those of an
    adapter's own tests, in the words of a `recording.toml`.
    """
    scanned = Scanned()
    paths = [directory] if directory.is_file() else sorted(one for one in directory.rglob("*") if one.is_file())
    wanted = tuple(one for one in canaries if one)
    for path in paths:
        one = _File(
            path,
            path.name if path == directory else str(path.relative_to(directory)),
            wanted,
            vendors or {},
            declared or {},
        )
        scanned.findings += dict.fromkeys(one.findings())
        scanned.files += 1
        words, places = one.declared_counts
        scanned.declared_words, scanned.declared_places = (
            max(scanned.declared_words, words), max(scanned.declared_places, places),
        )  # fmt: skip
    return scanned


@dataclass(frozen=True)
class _Hit:
    kind: Kind
    value: str
    through: tuple[str, ...]


class _Reader:
    """Looks through single texts, and remembers what it found in each."""

    def __init__(self, canaries: tuple[str, ...], today: date | None) -> None:
        self._canaries = tuple(one.casefold() for one in canaries)
        self._today = today
        self._seen: dict[tuple[str, frozenset[str]], tuple[_Hit, ...]] = {}

    def hits(self, text: str, known: frozenset[str] = frozenset()) -> tuple[_Hit, ...]:
        """Everything in a text and beneath it. known: words that may stand in it as it is, not beneath it."""
        key = (text, known)
        if key not in self._seen:
            self._seen[key] = tuple(self._look(text, known, (), DEPTH))
        return self._seen[key]

    def _look(self, text: str, known: frozenset[str], through: tuple[str, ...], depth: int) -> Iterator[_Hit]:
        folded = text.casefold()
        for canary in self._canaries:
            if canary in folded:
                yield _Hit("canary", canary, through)
        guessed = bool(through) and through[-1] in GUESSED
        if text not in known:
            for kind, value in shapes_in(text, self._today):
                if not guessed or len(value) >= SURE:
                    yield _Hit(kind, value, through)
            for word in strange_words(text, known):
                if not guessed or len(word) >= SURE_WORD:
                    yield _Hit("name", word, through)
        if depth <= 0:
            return
        for value in _inside_json(text):
            yield from self._look(value, frozenset(), (*through, "JSON"), depth - 1)
        for how, beneath in decoded(text, bare(text)):
            if beneath != text and len(beneath) >= SURE_WORD:
                still = known if how in ("percent", "escapes") else frozenset()
                yield from self._look(beneath, still, (*through, how), depth - 1)


def _inside_json(text: str) -> list[str]:
    """The texts in a text that is JSON itself."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return []
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [value for value in _leaves(told) if value != text]


def _leaves(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [one for name, inner in value.items() for one in (str(name), *_leaves(inner))]
    if isinstance(value, list):
        return [one for inner in value for one in _leaves(inner)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


class _File:
    """One file of a recording."""

    def __init__(
        self,
        path: Path,
        name: str,
        canaries: tuple[str, ...],
        vendors: Mapping[str, str],
        declared: Mapping[str, Any],
    ) -> None:
        self._name = name
        self._data = path.read_bytes()
        self._vendors = vendors
        told = self._told or {"interactions": []}
        own = told.get("metadata", {}).get("kobling")
        self._reader = _Reader(canaries, _moment_day(own.get("recorded_at")) if own else _answered_on(told))
        self._allowed: Mapping[str, Any] = own.get("allowed", {}) if own else declared
        self._members = frozenset(map(str, self._allowed.get("members", ())))
        self._segments = frozenset(map(str, self._allowed.get("segments", ())))
        self._headers = frozenset(map(str, self._allowed.get("headers", ())))
        self._stand = tuple(map(str, self._allowed.get("stand", ())))
        values = self._allowed.get("values", {})
        self._values = {str(place): frozenset(map(str, words)) for place, words in values.items()}

    @property
    def declared_counts(self) -> tuple[int, int]:
        """Words and places that the file declares."""
        words = self._members | self._segments | self._headers
        return len(words.union(*self._values.values())), len(self._values) + len(self._stand)

    @cached_property
    def _told(self) -> dict[str, Any] | None:
        """The file as a recording; None when it is none."""
        try:
            told = yaml.load(self._data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, ValueError):
            return None
        whole = isinstance(told, dict) and isinstance(told.get("interactions"), list)
        return told if whole and isinstance(told.get("metadata", {}), dict) else None

    # ---- the whole file

    def findings(self) -> Iterator[Finding]:
        """Everything that must not stand here."""
        told = self._told
        if told is None:
            yield Finding(self._name, "whole", "unreadable", "no recording")
            yield from self._text("its name", self._name)
            for text in texts_of(self._data):
                yield from self._text("whole", text)
            return
        own = told.get("metadata", {}).get("kobling")
        words = re.findall(r"[^\W\d_]+", self._name)
        # a test's own recording has the test's name, which may be any words but somebody's name
        plain = (word for word in words if word.casefold() not in COMMON_NAMES) if own is None else ("yaml",)
        yield from self._text("its name", _RULE.sub(" ", self._name) if own else self._name, frozenset(plain))
        yield from self._beside(told)
        for name in sorted(set(map(str, told)) - {"interactions", "metadata", "version"}):
            yield from self._anything(name, {name: told[name]})
        for name, value in told.get("metadata", {}).items():
            if name == "kobling" and isinstance(value, Mapping):
                yield from self._metadata(value)
            else:
                yield from self._anything(f"metadata/{name}", {name: value})
        yield from self._declared(self._allowed)
        for number, one in enumerate(told["interactions"]):
            yield from self._interaction(f"interactions/{number}", one)

    def _beside(self, told: dict[str, Any]) -> Iterator[Finding]:
        """Lines that say nothing to a YAML reader: comments, and values that a later one of the same name replaces."""
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        text = self._data.decode("utf-8", "replace")
        if text == yaml.dump(told, Dumper=dumper):
            return
        written = set(yaml.dump(told, Dumper=dumper).splitlines())
        for number, line in enumerate(text.splitlines(), 1):
            if line not in written:
                yield from self._text(f"line {number}", line.strip(), frozenset({"interactions", "metadata"}))

    def _text(self, where: str, text: str, known: frozenset[str] = frozenset()) -> Iterator[Finding]:
        for hit in self._reader.hits(text, known):
            yield Finding(self._name, where, hit.kind, _masked(hit.value), hit.through)

    def _anything(self, where: str, value: Any) -> Iterator[Finding]:
        """A value of which nothing is known."""
        for leaf in _leaves(value):
            yield from self._text(where, leaf)

    # ---- metadata

    def _metadata(self, told: Mapping[str, Any]) -> Iterator[Finding]:
        for name, value in told.items():
            where = f"metadata/{name}"
            if name not in METADATA:
                yield from self._anything(where, {name: value})
            elif name == "allowed":
                continue
            elif name == "options":
                yield from self._value(where, value, "/options")
            elif name == "connection":
                for each, text in value.items():
                    yield from self._text(f"{where}/{each}", each, FIELDS)
                    yield from self._field(f"{where}/{each}", str(text))
            elif name == "origin":
                yield from self._address(where, str(value))
            elif not (
                (name == "vendor" and value in self._vendors)
                or (name == "adapter" and value == self._vendors.get(str(told.get("vendor"))))
                or (name == "rule" and _RULE.fullmatch(str(value)))
                or (name == "adapter_version" and _VERSION.fullmatch(str(value)))
                or (name in ("seed", "format") and isinstance(value, int) and value < 10**6)
            ):
                yield from self._anything(where, value)

    def _field(self, where: str, text: str) -> Iterator[Finding]:
        yield from self._address(where, text) if text.startswith("http") else self._text(where, text)

    def _declared(self, allowed: Mapping[str, Any]) -> Iterator[Finding]:
        """What is declared may be any word but a name, and nothing that looks like a key or a person."""
        for text in _leaves(allowed):
            shapes = shapes_in(text, None)
            for kind, value in shapes:
                if kind != "key" or len(value) >= LONGEST_WORD:
                    yield Finding(self._name, "metadata/allowed", kind, _masked(value))
            for word in re.findall(r"[^\W\d_]+", text):
                if word.casefold() in COMMON_NAMES and word[0].isupper() and not word.isupper():
                    yield Finding(self._name, "metadata/allowed", "name", _masked(word))

    # ---- interactions

    def _interaction(self, where: str, one: Any) -> Iterator[Finding]:
        if not (isinstance(one, Mapping) and isinstance(one.get("request"), Mapping)
                and isinstance(one.get("response"), Mapping) and len(one) == 2):  # fmt: skip
            yield from self._anything(where, one)
            return
        request, response = one["request"], one["response"]
        for name, value in request.items():
            here = f"{where}/request/{name}"
            if name == "method" and value in _VERBS:
                continue
            if name == "uri":
                yield from self._address(here, str(value))
            elif name == "headers" and isinstance(value, Mapping):
                yield from self._header_lines(here, value)
            elif name == "body":
                yield from self._body(here, value)
            else:
                yield from self._anything(here, {name: value})
        for name, value in response.items():
            here = f"{where}/response/{name}"
            if name == "status" and isinstance(value, Mapping):
                phrase = {
                    k: v for k, v in value.items() if k != "code" and not (k == "message" and v in (None, *_PHRASES))
                }
                yield from self._anything(here, phrase) if phrase else ()
                yield from () if isinstance(value.get("code"), int) else self._anything(here, value.get("code"))
            elif name == "headers" and isinstance(value, Mapping):
                yield from self._header_lines(here, value)
            elif name == "body" and isinstance(value, Mapping) and set(value) == {"string"}:
                yield from self._body(here, value["string"])
            else:
                yield from self._anything(here, {name: value})

    def _header_lines(self, where: str, headers: Mapping[str, Any]) -> Iterator[Finding]:
        for name, values in headers.items():
            here = f"{where}/{name}"
            lower = str(name).lower()
            if lower not in HEADERS and lower not in self._headers:
                yield from self._text(where, str(name))
            for value in _leaves(values):
                words = HEADERS.get(lower, ())
                if lower in HEADERS and all(part.strip() in words for part in value.lower().split(";")):
                    continue
                if lower == "date" and _HTTP_DATE.fullmatch(value):
                    continue
                if lower == "link":
                    yield from self._links(here, value)
                    continue
                yield from self._text(here, value)

    def _links(self, where: str, value: str) -> Iterator[Finding]:
        for address, relation in _LINK.findall(value):
            yield from self._address(where, address)
            yield from self._text(where, relation, _LINK_WORDS)
        yield from self._text(where, _LINK.sub(" ", value))

    def _address(self, where: str, text: str) -> Iterator[Finding]:
        for hit in self._reader.hits(text):
            if hit.through and hit.through[0] in GUESSED:  # a slash is a sign of base64 too
                yield Finding(self._name, where, hit.kind, _masked(hit.value), hit.through)
        parts = urlsplit(text)
        if parts.scheme not in ("", "http", "https") or parts.netloc not in ("", HOST):
            yield Finding(self._name, where, "host", _masked(parts.netloc))
        for segment in parts.path.split("/"):
            known = self._segments if unquote(segment) in self._segments else frozenset()
            yield from self._text(f"{where}, path", segment, known)
        if parts.fragment:
            yield from self._text(f"{where}, fragment", parts.fragment)
        yield from self._pairs(where, parts.query, "?")

    def _pairs(self, where: str, text: str, mark: str) -> Iterator[Finding]:
        for name, value in parse_qsl(text, keep_blank_values=True):
            yield from self._text(f"{where}, {mark}", name, self._members)
            yield from self._at(f"{where}, {mark}{name}", value, f"{mark}{name}")

    def _body(self, where: str, body: Any) -> Iterator[Finding]:
        if isinstance(body, bytes):
            for text in texts_of(body):
                yield from self._text(where, text)
            return
        if body is None or isinstance(body, str):
            try:
                told = json.loads(body or "null", object_pairs_hook=_Pairs)
            except (ValueError, RecursionError):
                if re.fullmatch(r"[^{}\s]+=[^{}\s]*", body or ""):
                    yield from self._pairs(where, str(body), "/")
                else:
                    yield from self._text(where, str(body))
                return
            yield from self._value(where, told, "")
            return
        yield from self._anything(where, body)

    def _value(self, where: str, value: Any, place: str) -> Iterator[Finding]:
        pairs = value.pairs if isinstance(value, _Pairs) else value.items() if isinstance(value, Mapping) else None
        if pairs is not None:
            for name, one in pairs:
                yield from self._text(f"{where}:{place}", str(name), self._members)
                yield from self._value(where, one, f"{place}/{name}")
        elif isinstance(value, list | tuple):
            for number, one in enumerate(value):
                yield from self._value(where, one, f"{place}/{number}")
        elif value is not None and not isinstance(value, bool):
            yield from self._at(f"{where}:{place}", str(value), place)

    def _at(self, where: str, text: str, place: str) -> Iterator[Finding]:
        """A text at a place where some words may stand."""
        if text.startswith(("http://", "https://", "/")) and not text.startswith("//") and "\n" not in text:
            yield from self._address(where, text)
            return
        known = frozenset[str]().union(*(words for pattern, words in self._values.items() if _fits(pattern, place)))
        if any(_fits(pattern, place) for pattern in self._stand):
            known = known | frozenset(re.findall(r"[^\W_]+", text))
        yield from self._text(where, text, known)


class _Pairs:
    """The members of a JSON object in order, a name that stands twice included."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _fits(pattern: str, place: str) -> bool:
    parts = [{"*": "[^/]*", "**": ".*"}.get(part, re.escape(part)) for part in pattern.split("/")]
    return re.fullmatch("/".join(parts), place) is not None


def _answered_on(told: Mapping[str, Any]) -> date | None:
    """The day of the first answer that tells one."""
    for one in told["interactions"]:
        for value in _leaves(one.get("response", {}).get("headers", {}).get("date")):
            with suppress(ValueError, TypeError):
                return parsedate_to_datetime(value).date()
    return None


def _moment_day(text: Any) -> date | None:
    try:
        return datetime.fromisoformat(str(text)).date()
    except ValueError:
        return None
