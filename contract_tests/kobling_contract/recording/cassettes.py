"""Cassettes: the one module that knows vcrpy. Recording scrubs before anything is written; playing matches strictly.

A cassette is vcrpy's own file with metadata beside its interactions: which rule and adapter it was made with, the
moment at which its clock stands, the references of its bookings, the connection's fields as pseudonyms, and what was
allowed to stand.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import vcr
from vcr.persisters.filesystem import CassetteNotFoundError, FilesystemPersister
from vcr.request import Request
from vcr.serialize import serialize

from kobling.auth import Auth, Basic, BodyKey, HeaderKey, QueryKey

from .scrubber import Scrubber, text_of

__all__ = ["CREDENTIAL", "MATCHED", "METADATA", "Credentials", "Played", "metadata_of", "play", "record", "scrubbing"]

METADATA = "kobling"
CREDENTIAL = "x-kobling-credential"
"""The header that stands in place of a credential: `right` (the key), `token` (one that a recorded answer gave),
`other`, or absent. It is matched: an adapter that would send another credential than the recorded one does not get the
recorded answer."""
SHORTEST_TOKEN = 16
"""Signs of a token; what is shorter could be guessed, and is another word of an answer."""
MATCHED = ("method", "path", "query", "json_body", "credential")
Describe: TypeAlias = "Callable[[Scrubber], dict[str, Any]]"


@dataclass(frozen=True)
class Credentials:
    """Tells whether a request carries a connection's key where the vendor wants it, or a token given for it."""

    auth: Auth
    key: str = field(repr=False)
    given: set[str] = field(default_factory=set, repr=False, compare=False)
    """Texts of answers, among which the tokens are."""

    def of(self, request: Request) -> str:
        """`right`, `token`, `other`, or "" for none."""
        sent = self._sent(request)
        if not sent:
            return ""
        return "right" if sent == self.key else "token" if sent in self.given else "other"

    def learn(self, answer: Mapping[str, Any]) -> None:
        """Remember what an answer gives: what it says may be sent from then on as a token."""
        told = {name.lower(): values for name, values in answer["headers"].items()}
        kind, encoding = (", ".join(told.get(name, ())) for name in ("content-type", "content-encoding"))
        body = answer["body"]["string"]
        said = _texts(_json(text_of(body, kind, encoding) if isinstance(body, bytes) else body))
        self.given.update(text for text in said if len(text) >= SHORTEST_TOKEN)

    def _sent(self, request: Request) -> str:
        match self.auth:
            case HeaderKey(name, scheme):
                return str(request.headers.get(name) or "").removeprefix(f"{scheme} ")
            case QueryKey(name):
                return str(dict(parse_qsl(urlsplit(request.uri).query)).get(name, ""))
            case BodyKey(name):
                told = _json(request.body)
                return str(told.get(name, "")) if isinstance(told, Mapping) else ""
            case Basic(_, _):
                pair = str(request.headers.get("authorization") or "").partition(" ")[2]
                try:
                    decoded = base64.b64decode(pair).decode("utf-8", "replace")
                except ValueError:
                    return "unreadable"
                return self.key if decoded and all(one in self.key for one in decoded.split(":")) else decoded
            case _:
                return str(request.headers.get("authorization") or "").removeprefix("Bearer ")


def _json(body: bytes | str | None) -> Any:
    try:
        return json.loads(body or b"null")
    except ValueError:
        return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)


# ---- writing


def _scrubbed_request(scrubber: Scrubber, credentials: Credentials, request: Request) -> Request:
    body = b""
    if request.body:
        body, _ = scrubber.body(request.body, str(request.headers.get("content-type") or ""))
    headers: dict[str, str] = scrubber.request_headers(request.headers)
    carried = request.headers.get(CREDENTIAL) or credentials.of(request)
    if carried:
        headers[CREDENTIAL] = carried
    return Request(request.method, scrubber.url(request.uri), body, headers)


def _scrubbed_answer(scrubber: Scrubber, answer: Mapping[str, Any]) -> dict[str, Any]:
    told = {name.lower(): values for name, values in answer["headers"].items()}
    kind, encoding = (", ".join(told.get(name, ())) for name in ("content-type", "content-encoding"))
    body, kind = scrubber.body(answer["body"]["string"], kind, encoding)
    headers = scrubber.answer_headers({**told, **({"content-type": [kind]} if kind else {})})
    status = int(answer["status"]["code"])
    return {"status": {"code": status, "message": None}, "headers": headers, "body": {"string": body}}


class _Scrubbing(FilesystemPersister):  # type: ignore[misc]
    """Writes a cassette once everything in it is scrubbed; where that fails, nothing is written."""

    def __init__(self, scrubber: Scrubber, credentials: Credentials, describe: Describe) -> None:
        self._scrubber = scrubber
        self._credentials = credentials
        self._describe = describe

    def save_cassette(self, cassette_path: str, cassette_dict: dict[str, Any], serializer: Any) -> None:
        """Go through everything once to know all ids, then scrub, look for the key once more, write."""
        self._scrubber.pseudonyms.collecting = True
        self._scrubbed(cassette_dict)
        self._scrubber.pseudonyms.settle()
        data = serialize(self._scrubbed(cassette_dict), serializer)
        self._scrubber.check(data)
        Path(cassette_path).parent.mkdir(parents=True, exist_ok=True)
        Path(cassette_path).write_text(data, "utf-8")

    def _scrubbed(self, told: dict[str, Any]) -> dict[str, Any]:
        for one in told["responses"]:
            self._credentials.learn(one)
        return {
            "metadata": {METADATA: self._describe(self._scrubber)},
            "requests": [_scrubbed_request(self._scrubber, self._credentials, one) for one in told["requests"]],
            "responses": [_scrubbed_answer(self._scrubber, one) for one in told["responses"]],
        }


@contextmanager
def _quiet() -> Iterator[None]:
    """vcrpy logs addresses, in which ids stand."""
    logger = logging.getLogger("vcr")
    before, logger.disabled = logger.disabled, True
    children = [
        logging.getLogger(name) for name in ("vcr.cassette", "vcr.stubs.httpx_stubs", "vcr.request", "vcr.matchers")
    ]
    states = [(one, one.disabled) for one in children]
    for one in children:
        one.disabled = True
    try:
        yield
    finally:
        logger.disabled = before
        for one, state in states:
            one.disabled = state


@contextmanager
def record(path: Path, scrubber: Scrubber, credentials: Credentials, describe: Describe) -> Iterator[None]:
    """Record what is sent meanwhile to a new cassette, in place of one that stands at `path`. `describe` gives its
    metadata, scrubbed, at the end. Raises `KeyLeft`, and what goes wrong while writing, at the end too."""
    recorder = vcr.VCR(record_mode="all")
    recorder.register_persister(_Scrubbing(scrubber, credentials, describe))
    path.unlink(missing_ok=True)
    with _quiet(), recorder.use_cassette(str(path)):
        yield


# ---- playing


@dataclass
class Played:
    """What was played of a cassette. misses: requests that are not in it, without their values."""

    cassette: Any
    misses: list[str] = field(default_factory=list)

    def unused(self) -> list[str]:
        """Recorded requests that nobody asked for."""
        return [
            _named(request)
            for number, request in enumerate(self.cassette.requests)
            if not self.cassette.play_counts[number]
        ]

    @property
    def count(self) -> int:
        """How many requests were recorded."""
        return len(self.cassette)


def _named(request: Request) -> str:
    return f"{request.method} {urlsplit(request.uri).path}"


def metadata_of(path: Path) -> dict[str, Any]:
    """The metadata of a cassette. Raises `FileNotFoundError`, and `ValueError` for one that this suite did not make."""
    try:
        _, _, told = FilesystemPersister.load_cassette(str(path), vcr.VCR()._get_serializer("yaml"))
    except CassetteNotFoundError:
        told = None
    except ValueError as error:
        raise ValueError(f"{path.name} was not recorded by this suite") from error
    if told is None:
        raise FileNotFoundError(f"{path.name} is not there, or empty")
    found: dict[str, Any] = told[METADATA]
    return found


def _same_body(one: Request, other: Request) -> None:
    first, second = _json(one.body), _json(other.body)
    assert (first == second) if first is not None or second is not None else (one.body or b"") == (other.body or b"")


def _same_credential(one: Request, other: Request) -> None:
    assert one.headers.get(CREDENTIAL) == other.headers.get(CREDENTIAL)


def _matching(player: vcr.VCR) -> vcr.VCR:
    player.register_matcher("json_body", _same_body)
    player.register_matcher("credential", _same_credential)
    player.match_on = MATCHED
    return player


@contextmanager
def play(path: Path, credentials: Credentials) -> Iterator[Played]:
    """Answer everything that is sent meanwhile from a cassette; nothing reaches the network. A request that is not in
    it is a miss, and is kept as one whatever becomes of the exception that its sender gets."""

    def marked(request: Request) -> Request:
        carried = request.headers.get(CREDENTIAL) or credentials.of(request)
        if carried:
            request.headers[CREDENTIAL] = carried
        return request

    player = _matching(vcr.VCR(record_mode="none", before_record_request=marked))
    with _quiet(), player.use_cassette(str(path)) as cassette:
        for one in cassette.responses:
            credentials.learn(one)
        played = Played(cassette)
        can_play = cassette.can_play_response_for

        def watched(request: Request) -> bool:
            found = bool(can_play(request))
            if not found:
                played.misses.append(_named(request))
            return found

        cassette.can_play_response_for = watched
        yield played


# ---- for pytest-recording


def scrubbing(scrubber: Scrubber, credentials: Credentials) -> dict[str, Any]:
    """What pytest-recording's `vcr_config` fixture returns for an adapter's own tests: the same scrubbing. Requests are
    scrubbed before they are compared too, so that a test may hold its own values."""

    def answered(answer: Mapping[str, Any]) -> dict[str, Any]:
        credentials.learn(answer)
        return _scrubbed_answer(scrubber, answer)

    return {
        "before_record_request": lambda request: _scrubbed_request(scrubber, credentials, request),
        "before_record_response": answered,
        "match_on": ("method", "path", "query", "body", "headers"),
    }
