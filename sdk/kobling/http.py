"""What an adapter writes its calls with. Nothing here sends: awaiting a call hands a description to the engine.

    async def identify(self, http):
        reply = await http.get("clinic")
        return Clinic(name=reply.read(str, at="/name"))

`get` and `query` read; `post`, `put`, `patch` and `delete` write, and an operation holds at most one of them. State
what a call is by its method: a POST that only searches is a `query`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from .connection import Secret
from .errors import KoblingError, VendorProtocolError, word
from .exchange import WireReply
from .strictjson import JsonProblem, Parsed, loads

T = TypeVar("T")
Json: TypeAlias = Any
Verb = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Call:
    """One described request; `await` it once or more. Its fields share no name with `Response`, so that a type
    checker sees a forgotten `await`."""

    verb: Verb
    template: str
    parts: tuple[object, ...]
    query_values: Mapping[str, Any]
    extra_headers: Mapping[str, Any]
    payload: Json
    form_payload: Mapping[str, Any] | None
    accepts: frozenset[int | str]
    remember: float
    is_write: bool

    def __await__(self) -> Generator[Call, Any, Response]:
        return cast("Response", (yield self))

    def __repr__(self) -> str:
        return f"<{self.verb} {self.template}, not awaited>"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Calls:
    """Independent reads to be sent together."""

    calls: tuple[Call, ...]

    def __await__(self) -> Generator[Calls, Any, list[Response | KoblingError]]:
        return cast("list[Response | KoblingError]", (yield self))


class BadPointer(ValueError):
    """A JSON pointer is "" for the whole, or begins with a slash (RFC 6901): without one it would point at the whole,
    whatever it says."""


def checked_pointer(pointer: object) -> None:
    """Refuse what is no JSON pointer. The adapter's author wrote it, so it may be shown."""
    if not isinstance(pointer, str):
        raise BadPointer(f"a JSON pointer is a text, and not of type {type(pointer).__name__}: write it as '/code'")
    if pointer and not pointer.startswith("/"):
        raise BadPointer(f"{pointer!r} is no JSON pointer: write '/{pointer}'")


@dataclass(frozen=True, slots=True)
class ByNumber:
    """Pages by number: `param` counts from `first`. size: (name, value) of the page size. last: pointer to the number
    of the last page; without it, paging stops at the first page without items.

    Here and in `ByOffset` and `ByCursor`, a name that begins with `/` is a place in the body (`http.pages(json=…)`): a
    JSON pointer. Any other name is a parameter of the query string."""

    param: str = "page"
    first: int = 1
    size: tuple[str, int] | None = None
    last: str | None = None

    def __post_init__(self) -> None:
        if self.last is not None:
            checked_pointer(self.last)


@dataclass(frozen=True, slots=True)
class ByOffset:
    """Pages by offset. size: (name, value). total: pointer to the number of items; without it, paging stops at the
    first page without items."""

    size: tuple[str, int]
    param: str = "offset"
    total: str | None = None

    def __post_init__(self) -> None:
        if self.total is not None:
            checked_pointer(self.total)


@dataclass(frozen=True, slots=True)
class ByCursor:
    """Pages by an opaque cursor: `at` points to the next one; null, "" or absent ends."""

    at: str
    param: str = "cursor"

    def __post_init__(self) -> None:
        checked_pointer(self.at)


@dataclass(frozen=True, slots=True)
class ByLink:
    """Pages by a link in the body (`at`) or in the `Link` header (`at` None). Followed only on the connection's own
    scheme, host and base path. A relative link is read from the host's root. Where a list of links stands at the place,
    as in a FHIR bundle, it is the one whose `relation` (or `rel`) is "next", by its `url` (or `href`)."""

    at: str | None = None

    def __post_init__(self) -> None:
        if self.at is not None:
            checked_pointer(self.at)


Paging: TypeAlias = ByNumber | ByOffset | ByCursor | ByLink
MAX_PAGES = 100


@dataclass(frozen=True, slots=True)
class Lists:
    """How every list of a vendor comes, in the class body (`lists = Lists(items="/rows", next=ByLink("/next"))`): what
    a call of `http.pages` does not say is taken from here. items, next, absent_when_empty: as there. params: the query
    string of every list, as the size of a page; a call's own stand beside them, and win."""

    items: str | tuple[str, ...]
    next: Paging
    params: Mapping[str, Any] = field(default_factory=dict)
    absent_when_empty: bool = False

    def __post_init__(self) -> None:
        _checked_items(self.items)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Pages(Generic[T]):
    """All pages of a list, read by the engine as one: whole or not at all."""

    first_call: Call
    item_pointers: tuple[str, ...]
    item_type: Any
    paging: Paging
    page_limit: int
    row_key: Callable[[T], object] | None
    absent_when_empty: bool

    def __await__(self) -> Generator[Pages[T], Any, list[T]]:
        return cast("list[T]", (yield self))


Step: TypeAlias = Call | Calls | Pages[Any]


class Http:
    """The adapter's way to its vendor, for one operation.

    path: appended to the connection's base address; "" is that address itself. `{}` takes the next of `parts`,
    quoted. A part that is empty, `.`, `..` or holds a control character is refused. params: the query string; None
    values are left out. expect: what the adapter handles itself, and finds in `Response.status` and
    `Response.code`: statuses beside 2xx, where `errors` does not list the answer's code, and codes of the vendor's
    as text, also those that are listed, with status 200 and in the four hundreds. An error that it raises after a
    write of its own is still `OutcomeUnknown`, and one that Kobling has raised for an answer decides the operation,
    even if the adapter catches it. `KEY` may stand anywhere in params, headers, json and form. Days, moments and
    UUIDs are written as text, the first two as ISO 8601 (`2026-12-01`, `2026-12-01T08:00:00+00:00`). A list as a
    value of params is the parameter several times.
    JSON goes out as `application/json`, or as the vendor's own type of it where `Content-Type` in headers names one.
    """

    __slots__ = ("_lists", "_now")

    def __init__(self, now: Callable[[], datetime], lists: Lists | None = None) -> None:
        self._now = now
        self._lists = lists

    @property
    def now(self) -> datetime:
        """When the operation began, in UTC; by the vendor's clock once a `Date` shows that ours differs by minutes: it
        is the vendor that judges what is too near. An adapter reads no other clock."""
        return self._now()

    def get(
        self,
        path: str,
        *parts: object,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        expect: Collection[int | str] = (),
        fresh_for: float = 0,
    ) -> Call:
        """A read. fresh_for: seconds for which this connection's own earlier answer will do, 900 at most, outside
        verify, book, resolve and a test of the connection."""
        return _call("GET", path, parts, params, headers, None, None, expect, write=False, remember=fresh_for)

    def query(
        self,
        path: str,
        *parts: object,
        json: Json = None,
        form: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        expect: Collection[int | str] = (),
        fresh_for: float = 0,
        method: Literal["POST", "PUT"] = "POST",
    ) -> Call:
        """A read that the vendor wants as a POST or PUT. It may be sent again; it must change nothing."""
        return _call(method, path, parts, params, headers, json, form, expect, write=False, remember=fresh_for)

    def post(
        self,
        path: str,
        *parts: object,
        json: Json = None,
        form: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        expect: Collection[int | str] = (),
    ) -> Call:
        """The operation's one write, as a POST. It is never sent again."""
        return _call("POST", path, parts, params, headers, json, form, expect, write=True)

    def put(
        self,
        path: str,
        *parts: object,
        json: Json = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        expect: Collection[int | str] = (),
    ) -> Call:
        """The operation's one write, as a PUT."""
        return _call("PUT", path, parts, params, headers, json, None, expect, write=True)

    def patch(
        self,
        path: str,
        *parts: object,
        json: Json = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        expect: Collection[int | str] = (),
    ) -> Call:
        """The operation's one write, as a PATCH."""
        return _call("PATCH", path, parts, params, headers, json, None, expect, write=True)

    def delete(
        self,
        path: str,
        *parts: object,
        json: Json = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        expect: Collection[int | str] = (),
    ) -> Call:
        """The operation's one write, as a DELETE."""
        return _call("DELETE", path, parts, params, headers, json, None, expect, write=True)

    def all(self, calls: Iterable[Call]) -> Calls:
        """Independent reads together, a few at a time. Awaiting gives a list in order: a `Response` or the error of
        each. An error that the result does not account for (`Slots.unknown`) fails the operation."""
        return Calls(tuple(calls))

    def pages(
        self,
        path: str,
        *parts: object,
        of: type[T],
        items: str | tuple[str, ...] | None = None,
        next: Paging | None = None,
        json: Json = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        fresh_for: float = 0,
        at_most: int = MAX_PAGES,
        key: Callable[[T], object] | None = None,
        absent_when_empty: bool | None = None,
    ) -> Pages[T]:
        """Every item of a paged list, each read as `of`. What all lists of a vendor have in common is stated once, in
        the class: `lists = Lists(…)`. items: pointer to the list in a page ("" for the page itself); where rows of
        another kind stand beside it, as in `included` of JSON:API, pointers to both, and `of` by `rows_by`. What stands
        beside the list may be absent from a page, and is not counted where rows are. More than `at_most` pages, or a
        page seen twice, is a `VendorProtocolError`. json: the body of a list that the vendor gives by POST; each page
        is a `query` then, with its number where `next` says (`ByNumber("/page")`).

        A list of several pages is read until two readings agree, since what changes between two pages hides or doubles
        rows; one that changes every time is `VendorUnavailable`. key: by what a row is known again, where the vendor
        tells something else of it at every reading; without it whole rows are compared, as `of` reads them.
        absent_when_empty: a page without the list is one without rows, where the vendor says that it leaves an empty
        list out; without it such a page is a `VendorProtocolError`."""
        common = self._lists
        if common is not None:
            items, next = common.items if items is None else items, next or common.next
            params = {**common.params, **(params or {})}
        if items is None or next is None:
            raise TypeError("http.pages takes items and next, or the class says for all lists: lists = Lists(…)")
        if absent_when_empty is None:
            absent_when_empty = common is not None and common.absent_when_empty
        verb: Verb = "GET" if json is None else "POST"
        first = _call(verb, path, parts, params, headers, json, None, (), write=False, remember=fresh_for)
        return Pages(first, _checked_items(items), of, next, at_most, key, absent_when_empty)


def _checked_items(items: str | tuple[str, ...]) -> tuple[str, ...]:
    pointers = items if isinstance(items, tuple) else (items,)
    for pointer in pointers or (None,):
        checked_pointer(pointer)
    return pointers


def _call(
    verb: Verb,
    path: str,
    parts: tuple[object, ...],
    params: Mapping[str, Any] | None,
    headers: Mapping[str, Any] | None,
    json: Json,
    form: Mapping[str, Any] | None,
    expect: Collection[int | str],
    *,
    write: bool,
    remember: float = 0,
) -> Call:
    if isinstance(expect, str):
        raise TypeError('expect takes several: write expect=("…",)')
    return Call(
        verb, path, parts, dict(params or {}), dict(headers or {}), json, form, frozenset(expect), remember, write
    )


@dataclass(slots=True, repr=False, eq=False)
class Response:
    """A reply that the engine let through: 2xx, or a status or code named in `expect`.

    code: the vendor's code in an answer to a call with `expect`, as `ErrorMap.code` finds it; "" where there is none.

    Reading it never raises anything but `VendorProtocolError`, which names the place and decides the operation.
    """

    reply: WireReply
    strict_keys: bool = False
    record: Callable[[KoblingError], None] | None = field(default=None)
    code: str = ""
    _outcome: Parsed | JsonProblem | None = None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.reply.status

    def header(self, name: str) -> str | None:
        """A header's value, in any case of the name; None when absent."""
        return self.reply.header(name)

    @property
    def data(self) -> Json:
        """The body as JSON, strictly read."""
        outcome = self.parsed()
        if isinstance(outcome, Parsed):
            if not (self.strict_keys and outcome.findings):
                return outcome.value
            found = outcome.findings[0]
            raise self._problem(found.code, found.place)
        raise self._problem(outcome.code, outcome.place)

    def parsed(self) -> Parsed | JsonProblem:
        """The body as it was read, once for everybody who asks: the engine looks for the vendor's code in it, then the
        adapter reads it. A problem is not raised here."""
        if self._outcome is None:
            try:
                self._outcome = loads(self.reply.body, self.reply.header("content-type"))
            except JsonProblem as problem:
                problem.__traceback__ = None
                self._outcome = problem
        return self._outcome

    @property
    def findings(self) -> tuple[str, ...]:
        """What was odd but readable in the body (`"duplicate_key"`)."""
        return tuple(str(one) for one in self._outcome.findings) if isinstance(self._outcome, Parsed) else ()

    def at(self, pointer: str) -> Json:
        """The value at a JSON pointer; a `VendorProtocolError` when nothing is there."""
        value = find(self.data, pointer, _ABSENT)
        if value is _ABSENT:
            raise self._problem("missing", pointer)
        return value

    def read(self, kind: type[T], at: str = "") -> T:
        """The value at a pointer, checked to be of `kind` (a pydantic model, `list[Row]`, `str`, …)."""
        value = self.at(at) if at else self.data
        place = "wrong"
        try:
            return cast("T", _reader(cast("Any", kind)).validate_python(value))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            place = at + "".join(f"/{_shown(part)}" for part in first["loc"])
        del value
        raise self._problem("wrong_shape", place)

    def secret(self, pointer: str) -> Secret:
        """A token in the body, wrapped at once."""
        return Secret(self.read(str, at=pointer))

    def _problem(self, because: str, place: str) -> VendorProtocolError:
        shown = word(place.strip("/").replace("/", ".").replace("~1", "/")) or ("body" if not place else "")
        error = VendorProtocolError(because, fields=(shown,) if shown else ())
        if self.record is not None:
            self.record(error)
        return error

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


_ABSENT: Any = object()
_FIELD = re.compile(r"[a-z_][A-Za-z0-9_]{0,39}")


def _shown(part: int | str) -> str:
    """A part of a place, unless it may be somebody's name used as a key."""
    return str(part) if isinstance(part, int) or _FIELD.fullmatch(part) else "_key_"


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a body that hold something: those that are None are left out, also of what stands in them. For a
    vendor that takes no null. (`params` leaves None out by itself.)"""
    return {name: _given(value) for name, value in fields.items() if value is not None}


def _given(value: Any) -> Any:
    if isinstance(value, Mapping):
        return given(value)
    return [_given(one) for one in value] if isinstance(value, list | tuple) else value


def find(data: Json, pointer: str, default: Any = None) -> Any:
    """The value at a JSON pointer (RFC 6901) in parsed JSON, or `default`. A `BadPointer` for one without a slash."""
    if not isinstance(pointer, str):
        checked_pointer(pointer)
    here = data
    for part in _steps(pointer):
        if isinstance(here, dict):
            here = here.get(part, _ABSENT)
        elif isinstance(here, list) and part.isdecimal() and int(part) < len(here):
            here = here[int(part)]
        else:
            return default
        if here is _ABSENT:
            return default
    return here


@lru_cache(maxsize=1_000)
def _steps(pointer: str) -> tuple[str, ...]:
    checked_pointer(pointer)
    raw = pointer.split("/")[1:] if pointer else ()
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in raw)


def named_link(links: Iterable[Json], relation: str) -> Json:
    """Of a list of links the target of the one with this relation; None where there is none, or it is null."""
    for one in links:
        if isinstance(one, dict) and relation in (one.get("relation"), one.get("rel")):
            if not one.keys() & {"url", "href"}:
                raise VendorProtocolError("link_without_target")
            return one.get("url", one.get("href"))
    return None


@lru_cache(maxsize=512)
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
