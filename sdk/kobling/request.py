"""From an adapter's described call to a complete request: address, query, headers, body, and the secret in its place.

The one module that puts a key into a request; it runs after the adapter's turn.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from .auth import Auth, Basic, Bearer, BodyKey, HeaderKey, KeyPart, QueryKey
from .connection import PublicConnection
from .errors import AdapterBug, InvalidConnection, InvalidRequest
from .exchange import WireRequest
from .http import Call

OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "cookie"})
"""Headers that only a driver sets: another `Host` would lead past the one address of a connection."""

Reveal = Callable[[KeyPart], str]
"""Gives the text for `KEY` or `KEY.group`: the key, a part of it, or the token."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLACE = re.compile(r"\{([a-z_.]+)\}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_NOT_IN_A_PATH = re.compile(r"[?#\\{}%\x01-\x1f\x7f-\x9f]|\.\.|//|(?:^|/)\.(?:/|$)|^/")
"""What an adapter's own part of a path may not hold; "\\0" stands where the parts go."""
_JSON_TYPE = re.compile(r"[\w.-]+/(?:[\w.-]+\+)?json(?:\s*;.*)?", re.IGNORECASE)
"""A type that the vendor may want JSON to be sent as: `application/vnd.api+json`."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


def filled(template: str, connection: PublicConnection, escape: Callable[[str], str]) -> str:
    """A class value of the adapter's with `{external_id}` and its like filled in, each escaped."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in ("external_id", "department_id", "booking_url"):
            given = str(getattr(connection, name))
        elif name in connection.groups:
            given = connection.groups[name]
        else:
            raise AdapterBug("unknown_placeholder", fields=(name,))
        try:
            return escape(given)
        except InvalidRequest:
            pass
        field = name.partition(".")[0]
        raise InvalidConnection(problems=((field, "pattern" if given else "missing"),))

    return _PLACE.sub(value, template)


def quoted(part: object) -> str:
    """A path part, quoted; refused when it is empty, a dot segment, or holds a control character."""
    if isinstance(part, KeyPart):
        raise AdapterBug("key_in_path")
    text = str(part)
    if part is None or text in ("", ".", "..") or _CONTROL.search(text):
        raise InvalidRequest("bad_path_part")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        pass
    raise InvalidRequest("bad_path_part")


def host_label(value: str) -> str:
    """A typed value as one label of a host name; refused when it is anything more."""
    if _LABEL.fullmatch(value) is None:
        raise InvalidRequest("bad_host_part")
    return value.lower()


def without_colon(value: str) -> str:
    """A typed value as a user of `Basic`; refused when the password would begin in it."""
    if ":" in value:
        raise InvalidRequest("bad_user")
    return value


def base_address(template: str, connection: PublicConnection) -> str:
    """An adapter's base address with the connection's values in it: one label each in the host, quoted in the path.

    Raises `InvalidConnection` for a value that can't stand there, `AdapterBug` for a place that no field fills."""
    if template.startswith("{booking_url}"):
        if not connection.booking_url:
            raise InvalidConnection(problems=(("booking_url", "missing"),))
        return connection.booking_url.rstrip("/") + filled(template[len("{booking_url}") :], connection, quoted).rstrip(
            "/"
        )
    scheme, _, rest = template.partition("://")
    host, slash, path = rest.partition("/")
    address = f"{scheme}://{filled(host, connection, host_label)}{slash}{filled(path, connection, quoted)}"
    return address.rstrip("/")


def build(
    call: Call,
    *,
    base: str,
    auth: Auth,
    connection: PublicConnection,
    headers: Mapping[str, Any],
    params: Mapping[str, Any],
    user_agent: str,
    reveal: Reveal,
) -> WireRequest:
    """The complete request."""
    query = _query({**_class_values(params, connection), **call.query_values}, reveal)
    sent = _Headers({"Accept": "application/json", "User-Agent": user_agent})
    for name, value in {**_class_values(headers, connection), **call.extra_headers}.items():
        if name.lower() in OURS:
            raise AdapterBug("header_not_allowed")
        if value is not None and value != "":
            sent.put(name, reveal(value) if isinstance(value, KeyPart) else str(value))
    payload, form = call.payload, call.form_payload
    key = reveal(KeyPart())
    match auth:
        case Bearer() if key:
            sent.put("Authorization", f"Bearer {key}")
        case HeaderKey(name, scheme) if key:
            sent.put(name, f"{scheme} {key}" if scheme else key)
        case Basic(user, password):
            who = reveal(user) if isinstance(user, KeyPart) else filled(user, connection, without_colon)
            word = reveal(password) if isinstance(password, KeyPart) else filled(password, connection, str)
            pair = f"{who}:{word}"
            sent.put("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
        case QueryKey(name) if key:
            query = [*((other, value) for other, value in query if other != name), (name, key)]
        case BodyKey(name) if key and form is not None:
            form = {**form, name: KeyPart()}
        case BodyKey(name) if key and call.verb != "GET":
            if payload is not None and not isinstance(payload, Mapping):
                raise AdapterBug("body_key_needs_an_object")
            payload = {**(payload or {}), name: KeyPart()}
    body = b""
    if form is not None:
        body = _encoded(_query(form, reveal)).encode()
        sent.put("Content-Type", "application/x-www-form-urlencoded")
    elif payload is not None:
        body = _json(payload, reveal)
        if _JSON_TYPE.fullmatch(sent.value("Content-Type")) is None:
            sent.put("Content-Type", "application/json")
    else:
        sent.drop("Content-Type")
    url = base + _path(call) + ("?" + _encoded(query) if query else "")
    return WireRequest(call.verb, url, sent.checked(), body)


class _Headers:
    """Headers by name in any case: the last one put wins, in the place of the first."""

    def __init__(self, first: Mapping[str, str]) -> None:
        self._by_name = {name.lower(): (name, value) for name, value in first.items()}

    def put(self, name: str, value: str) -> None:
        self._by_name[name.lower()] = (name, value)

    def value(self, name: str) -> str:
        """A header's value, "" where there is none."""
        return self._by_name.get(name.lower(), ("", ""))[1]

    def drop(self, name: str) -> None:
        self._by_name.pop(name.lower(), None)

    def checked(self) -> tuple[tuple[str, str], ...]:
        """All of them; refused when a name or value could not stand in a request, or could begin another line."""
        found = tuple(self._by_name.values())
        for name, value in found:
            plain = value.isascii() and value.isprintable() and value == value.strip()
            if not plain or not _is_header_name(name):
                break
        else:
            return found
        del found, name, value
        raise AdapterBug("header_characters")


@lru_cache(maxsize=1_000)
def _is_header_name(name: str) -> bool:
    return _HEADER_NAME.fullmatch(name) is not None


def _encoded(pairs: list[tuple[str, str]]) -> str:
    """A query string or form; text that is not Unicode (half a surrogate pair) is refused."""
    try:
        return urlencode(pairs)
    except UnicodeEncodeError:
        pass
    raise InvalidRequest("bad_characters")


def _path(call: Call) -> str:
    pieces = call.template.lstrip("/").split("{}")
    literal = "\0".join(pieces)
    if "\0" in call.template or _NOT_IN_A_PATH.search(literal):
        raise AdapterBug("bad_path")
    if len(pieces) != len(call.parts) + 1:
        raise AdapterBug("path_parts")
    path = "".join(piece + quoted(part) for piece, part in zip(pieces, call.parts, strict=False)) + pieces[-1]
    return f"/{path}" if path else ""


def _class_values(values: Mapping[str, Any], connection: PublicConnection) -> dict[str, Any]:
    if not values:
        return {}
    made = {
        name: filled(value, connection, lambda text: text) if isinstance(value, str) else value
        for name, value in values.items()
    }
    return {name: value for name, value in made.items() if value not in ("", None)}


def _query(values: Mapping[str, Any], reveal: Reveal) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        for one in value if isinstance(value, list | tuple | set | frozenset) else (value,):
            if one is None:
                continue
            if isinstance(one, KeyPart):
                pairs.append((name, reveal(one)))
            elif isinstance(one, bool):
                pairs.append((name, "true" if one else "false"))
            elif isinstance(one, date):
                pairs.append((name, one.isoformat()))
            else:
                pairs.append((name, str(one)))
    return pairs


def _as_text(value: object) -> str:
    """What JSON has no kind for and everybody writes as text. Anything else is refused: it might show a patient."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_text)
_PLAIN = frozenset({str, int, bool, float, type(None)})


def _json(payload: Any, reveal: Reveal) -> bytes:
    def placed(value: Any) -> Any:
        if type(value) in _PLAIN:
            return value
        if isinstance(value, dict | Mapping):  # `dict` first: asking an abstract class is slow
            return {str(name): placed(one) for name, one in value.items()}
        if isinstance(value, KeyPart):
            return reveal(value)
        if isinstance(value, list | tuple):
            return [placed(one) for one in value]
        return value

    try:
        return _ENCODER.encode(placed(payload)).encode()
    except (TypeError, ValueError, RecursionError):
        pass
    raise AdapterBug("body_is_not_json")
