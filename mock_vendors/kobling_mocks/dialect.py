"""What a dialect is: one vendor's paths, credentials, words, ids, times and errors over the one model of a clinic.

A dialect of this package is a module in `dialects/` that holds an object named `dialect`; no list names it. Third
parties add a dialect by pointing an entry point of the group `kobling_mocks` at a `Dialect` object:

    [project.entry-points.kobling_mocks]
    mysystem = "mysystem_mock:dialect"

Every entry point is loaded by itself; one that cannot be loaded becomes a `DialectProblem` and hides no other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, get_origin
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from kobling.http import find

from . import dialects
from .clinic import Behaviour, Clinic, Medium, Refusal, Restrictions
from .endpoints import endpoints
from .facts import Fact
from .journal import Effect
from .listpage import BadCursor, ListPage, page_of
from .switches import Switch, Switches
from .wireids import OwnIds, WireIds

if TYPE_CHECKING:
    from .world import World

__all__ = [
    "Account",
    "Answer",
    "Dialect",
    "DialectProblem",
    "Fact",
    "Operation",
    "Refused",
    "Unread",
    "Visit",
    "find_dialect",
    "installed_dialects",
]

GROUP = "kobling_mocks"
M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")


@dataclass
class Account:
    """A clinic as the vendor knows it: its id at the vendor, its key, and what has been switched on for it.

    `department_id` is the one written on the connection that a test pastes; None leaves the field empty.
    """

    external_id: str
    api_key: str = field(repr=False)
    clinic: Clinic
    department_id: str | None = None
    activated: bool = True


@dataclass(frozen=True)
class Answer:
    """What a dialect's operation answers, and what it changed: `appointment` is the id of what was made or changed.

    The body is `json`, or `html` for a page that a gateway sends, in `charset`; what that charset lacks becomes "?".
    """

    status: int
    json: Any = None
    html: str | None = None
    charset: str = "utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: Effect = "none"
    appointment: str | None = None


class Refused(Exception):
    """Raised by a dialect in the place of an answer: the vendor says no, in its own words."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class NoAccount(Exception):
    """A handler asked for the account of a call that is addressed to none. `Dialect.let_in` refuses such a call."""


class Unread(Exception):
    """What came with a call does not fit its model. places: where, as `"customer.mobile"`, in the vendor's names."""

    def __init__(self, places: tuple[str, ...]) -> None:
        super().__init__(", ".join(places))
        self.places = places


@dataclass(frozen=True)
class Visit:
    """One call of an operation as the dialect sees it. `json` is the parsed body, None where it was not JSON. `form` is
    what the fields of a body in `application/x-www-form-urlencoded` hold, as OAuth 2 wants a token asked for, else
    nothing; of a name that comes twice it is the last, as in `query`, all of whose values `values` tells. Header names
    are in small letters. `address` is what was called, from its scheme on and without the query: for a link to the next
    page. `operation` is the name of the call."""

    world: World
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    json: Any
    form: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[tuple[str, str], ...] = ()
    address: str = ""
    operation: str = ""

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter that may come several times, in the order in which they came."""
        return tuple(value for one, value in self.asked if one == name)

    @property
    def body(self) -> Any:
        """The body, however it was written: `json`, or else the fields of `form`; None where it was neither."""
        return self.json if self.json is not None else dict(self.form) or None

    @property
    def account(self) -> Account:
        """The account that the call is addressed to. `NoAccount` where there is none: `Dialect.let_in` refuses such a
        call before."""
        found = self.world.dialect.account_of(self)
        if found is None:
            raise NoAccount
        return found

    @property
    def clinic(self) -> Clinic:
        """The clinic of `account`."""
        return self.account.clinic

    def read(self, model: type[M]) -> M:
        """The body, through its model; `Dialect.unread` answers one that does not fit."""
        return _fitted(model, self.body)

    def read_query(self, model: type[M]) -> M:
        """The query string, through its model, as `read`. A field of the model that is a list has every value of its
        parameter; any other has the last."""
        lists = {info.alias or name for name, info in model.model_fields.items() if get_origin(info.annotation) is list}
        return _fitted(model, {name: list(self.values(name)) if name in lists else self.query[name]
                               for name in self.query})  # fmt: skip

    def page(
        self,
        rows: Sequence[R],
        most: int,
        *,
        number: int | None = None,
        skip: int | None = None,
        cursor: str | None = None,
    ) -> ListPage[R]:
        """One page of a list, by its number (1 is the first), by an offset, or by the cursor that the page before has
        named ("" for the first page). most: rows on it, as the vendor or the caller has it; a test may have set fewer.
        `Dialect.unread` answers a cursor that no page has named."""
        size = self.world.rows_on_a_page(most)
        try:
            return page_of(rows, size, number=number, skip=skip, cursor=cursor)
        except BadCursor:
            raise Unread(("cursor",)) from None

    def address_of(self, parameter: str, value: object) -> str:
        """What was called, with another value of one parameter: for a link to the next page."""
        kept = [(name, told) for name, told in self.asked if name != parameter]
        return f"{self.address}?{urlencode([*kept, (parameter, str(value))])}"

    @property
    def login(self) -> tuple[str, str]:
        """The name and the password of HTTP's Basic scheme (RFC 7617), right or wrong; two empty texts where the call
        has none that can be read."""
        scheme, _, packed = self.headers.get("authorization", "").partition(" ")
        try:
            told = b64decode(packed.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
        except ValueError:
            told = ""
        name, _, password = told.partition(":")
        return name, password


def _fitted(model: type[M], given: Any) -> M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = [one["loc"] for one in error.errors(include_input=False, include_context=False, include_url=False)]
    raise Unread(tuple(dict.fromkeys(".".join(map(str, place)) for place in found)))


@dataclass(frozen=True)
class Operation:
    """One of the vendor's calls.

    `rule` is a Flask rule whose path parameters are the fields of `path`. `body` and `query` are the pydantic models
    that document it (a dialect checks bodies itself, since how a vendor complains is the vendor's). `answers` maps a
    status to its model, and `pages` are the statuses that may come with a page of HTML: both under every setting of the
    switches. `secret`, `personal` and `texts` name the body fields that hold a key, something about the patient, and
    free text; every other documented field is plain and kept in the journal as it came. `needed` tells which of the
    personal fields the vendor has a use for in this very body: those that it requires, and those that it stores.
    `lists_patients`: it shows who is on the clinic's file. `signs_in`: it gives a token for a key, and so is the one
    call that comes without a token.

    `told_by` is for vendors who have one endpoint for many calls: a JSON pointer into the body, and what stands there
    when this call is meant, such as `("/method", "getClinic")`. Operations of one method and rule have the same pointer
    and each a text or number of its own; one of them may leave `told_by` out and answers what none of the others does.
    """

    name: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    rule: str
    summary: str
    handle: Callable[[Visit], Answer]
    writes: bool
    path: type[BaseModel]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    pages: frozenset[int] = frozenset()
    description: str = ""
    secret: frozenset[str] = frozenset()
    personal: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    lists_patients: bool = False
    signs_in: bool = False
    needed: Callable[[Mapping[str, Any]], frozenset[str]] = lambda _body: frozenset()
    told_by: tuple[str, str | int] | None = None

    def means(self, body: Any) -> bool:
        """Whether a body, as parsed JSON, asks for this call by what stands at the pointer of `told_by`."""
        if self.told_by is None:
            return False
        pointer, wanted = self.told_by
        told = find(body, pointer)
        return type(told) is type(wanted) and bool(told == wanted)

    @property
    def plain(self) -> frozenset[str]:
        """Names of body fields that may be kept as they came, nested ones included."""
        return _field_names(self.body) - self.secret - self.personal - self.texts

    @property
    def known_fields(self) -> frozenset[str]:
        """Names of the body's own documented fields, as they are on the wire."""
        return frozenset(_wire_names(self.body)) if self.body is not None else frozenset()

    @property
    def plain_parameters(self) -> frozenset[str]:
        """Names of the documented query parameters; the personal ones are not plain."""
        return _field_names(self.query) - self.personal - self.secret


def _wire_names(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


@cache
def _field_names(model: type[BaseModel] | None) -> frozenset[str]:
    if model is None:
        return frozenset()
    found = set(_wire_names(model))
    for info in model.model_fields.values():
        for inner in (info.annotation, *getattr(info.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found |= _field_names(inner)
    return frozenset(found)


class Dialect(ABC):
    """One vendor's way of speaking. An object of it serves every world at once, so it holds no state of its own; it
    stands in a module, from which other processes take it."""

    key: ClassVar[str]
    """The adapter's key at the registry, such as `"eg-pasientsky"`."""
    name: ClassVar[str]
    about: ClassVar[str]
    """What is known and what was inferred, in Markdown; shown on the OpenAPI page and the landing page."""
    origin: ClassVar[str]
    """Scheme and host of the vendor's production system. Never contacted; in-process requests may name it."""
    base_path: ClassVar[str] = ""
    switches: ClassVar[tuple[Switch, ...]] = ()
    id_fields: ClassVar[frozenset[str]] = frozenset()
    """Names under which answers return the id of what was made (the fault `no_id` takes them away)."""
    credential_headers: ClassVar[frozenset[str]] = frozenset()
    """Lower-case names of headers in which this vendor expects a key."""
    account_parameter: ClassVar[str | None] = None
    """The path parameter that holds the clinic's external id; None where only the key tells the clinic."""
    ids: ClassVar[WireIds] = OwnIds()
    """What stands on the wire for the clinic's own ids."""
    untold: ClassVar[frozenset[Fact]] = frozenset()
    """What this vendor's wire does not tell, so that nobody can be expected to know it from there; `FACTS` says what
    each word means. What `fit` takes out of every clinic need not be named."""
    mediums: ClassVar[tuple[tuple[Medium, ...], ...]] = (
        ("video",), ("telephone",), ("face_to_face", "video"), ("face_to_face",),
    )  # fmt: skip
    """How patients of one type may be received at this vendor's; the suite makes types of each. Where the wire has a
    yes or no for video and nothing else, `(("face_to_face",), ("video",))`."""
    gives_up_after: ClassVar[float | None] = None
    """Seconds after which the vendor gives a call up: what it had not changed by then it never changes. None where
    nobody says so. `BookingFacts.latest_commit` is held against it."""
    call_limit: ClassVar[tuple[int, float] | None] = None
    """How many calls the vendor takes, and within how many seconds, such as `(120, 60.0)`; None where nobody says so.
    `Limits.rate` is held against it, whether the mock itself counts calls or not."""
    switched_on_by: ClassVar[Literal["vendor", "clinic"] | None] = None
    """Who switches the integration on and off for a clinic, by the vendor's word; None where nobody says. What the
    administrator is told to do about `NotActivated` is held against it."""
    late_told_by: ClassVar[tuple[str, str | int | bool] | None] = None
    """How the answer to a cancel says that it came after the clinic's deadline and was taken all the same: a JSON
    pointer into the body, and what stands there then, such as `("/booking/late", True)`. None where no answer says so,
    and nobody can be expected to know."""

    @property
    @abstractmethod
    def operations(self) -> tuple[Operation, ...]:
        """The vendor's calls."""

    def fit(self, clinic: Clinic) -> None:  # noqa: B027 - most systems hold everything that the model has
        """Change a clinic's set-up to what this vendor's system can hold. Called before its account is opened,
        again when its world begins anew, and after the suite has changed types: a clinic that fits stays as it is.
        What the system holds and the wire does not tell stays, too: it is `untold`."""

    @abstractmethod
    def open_account(self, clinic: Clinic) -> Account:
        """The vendor's account for a clinic. The same clinic gets the same ids and key."""

    @abstractmethod
    def connection(self, account: Account) -> dict[str, str]:
        """The four fields to paste at the registry: external_id, department_id, api_key, booking_url; "" if unused."""

    def let_in(self, visit: Visit) -> None:  # noqa: B027 - handlers may ask for themselves
        """Who may call: raises `Refused` for a call that may not come in. Asked before each call's handler, which then
        finds `visit.account` and `visit.clinic`."""

    def refused(self, visit: Visit, refusal: Refusal) -> Answer:  # noqa: ARG002 - for dialects that answer it
        """The answer to a call whose handler let a `Refusal` of the clinic's pass: the vendor's word for it. What is
        not answered here or there is a fault of the mock itself."""
        raise refusal

    def unread(self, visit: Visit, places: tuple[str, ...]) -> Answer:  # noqa: ARG002 - as above
        """The answer to a call whose handler let `Unread` pass: `places` did not fit (`visit.read`)."""
        raise Unread(places)

    def adjust(
        self,
        behaviour: Behaviour,
        restrictions: Restrictions,
        switches: Switches,  # noqa: ARG002 - for dialects that have any
    ) -> tuple[Behaviour, Restrictions]:
        """How a clinic's system behaves under these switches, from how it was set up. Called when a switch changes."""
        return behaviour, restrictions

    def options(
        self,
        account: Account,  # noqa: ARG002 - for vendors that have any
        switches: Switches,  # noqa: ARG002
    ) -> dict[str, Any]:
        """What the registry's staff must be told beside the connection, since it is not on the wire: the adapter's
        options by name, in the vendor's ids. The clinic sees them in its own settings."""
        return {}

    def searches_only(
        self,
        account: Account,  # noqa: ARG002 - for vendors that tell
        switches: Switches,  # noqa: ARG002
    ) -> bool:
        """Whether the vendor tells an account's key that it may search and not book."""
        return False

    def keys(self, account: Account) -> frozenset[str]:
        """Every key that leads to the account. Dialects with several for one clinic add them."""
        return frozenset({account.api_key})

    def credential(self, visit: Visit) -> str:
        """The key that came with the call, right or wrong; "" for none. By default a header's value, without the
        word `Bearer` before it; in the Basic scheme the password, or the name where there is no password."""
        for name in self.credential_headers:
            value = visit.headers.get(name, "")
            scheme, blank, rest = value.partition(" ")
            if blank and name == "authorization" and scheme.lower() == "basic":
                user, password = visit.login
                return password or user
            if value:
                return rest.strip() if blank and scheme.lower() == "bearer" else value
        return ""

    def account_of(self, visit: Visit) -> Account | None:
        """The account that a call is addressed to; None where there is none. Where the path names the clinic, the key
        may be wrong; where only the key tells the clinic, it is the key's."""
        if self.account_parameter is not None:
            return visit.world.accounts.get(visit.path.get(self.account_parameter, ""))
        given = self.credential(visit)
        return next((one for one in list(visit.world.accounts.values()) if given in self.keys(one)), None)


@dataclass(frozen=True)
class DialectProblem:
    """An entry point that gave no dialect, and what to do about it."""

    entry_point: str
    distribution: str
    what: str


@cache
def installed_dialects() -> tuple[Mapping[str, Dialect], tuple[DialectProblem, ...]]:
    """Every dialect of this package and of installed ones, by key, and the entry points that gave none.

    Looked for once in a process, since every `Mock` asks; `installed_dialects.cache_clear()` has it looked for anew.
    """
    found: dict[str, Dialect] = {}
    problems: list[DialectProblem] = []
    for module in iter_modules(dialects.__path__, f"{dialects.__name__}."):
        ours = getattr(import_module(module.name), "dialect", None)
        if isinstance(ours, Dialect):
            found[ours.key] = ours
    for point in entry_points(group=GROUP):
        loaded = _load(point)
        if isinstance(loaded, DialectProblem):
            problems.append(loaded)
        elif loaded.key in found:
            problems.append(
                _problem(point, f"the key {loaded.key!r} is taken by {found[loaded.key].name!r}; choose another key")
            )
        else:
            found[loaded.key] = loaded
    return MappingProxyType(found), tuple(problems)


def find_dialect(key: str) -> Dialect:
    """The installed dialect with that key. Raises `LookupError` that lists the others and what could not be loaded."""
    found, problems = installed_dialects()
    if key in found:
        return found[key]
    lines = [f"there is no mock of {key!r}; installed: {', '.join(sorted(found))}"]
    lines += [
        f"{problem.entry_point} ({problem.distribution}) could not be loaded: {problem.what}" for problem in problems
    ]
    raise LookupError("\n".join(lines))


def _load(point: EntryPoint) -> Dialect | DialectProblem:
    try:
        loaded = point.load()
    except Exception as error:  # noqa: BLE001 - a third party's module may raise anything; it must not hide the others
        return _problem(point, f"{type(error).__name__} while it was imported; run python -c 'import {point.module}'")
    if not isinstance(loaded, Dialect):
        return _problem(
            point, f"{point.value} is a {type(loaded).__name__}; it must be an object of a Dialect subclass"
        )
    missing = [name for name in ("key", "name", "about", "origin") if not isinstance(getattr(loaded, name, None), str)]
    if missing:
        return _problem(point, f"{type(loaded).__name__} does not set {', '.join(missing)}")
    try:
        endpoints(loaded.operations)
    except ValueError as error:
        return _problem(point, str(error))
    except Exception as error:  # noqa: BLE001 - as above
        return _problem(point, f"{type(error).__name__} when {type(loaded).__name__} was asked for its operations")
    return loaded


def _problem(point: EntryPoint, what: str) -> DialectProblem:
    distribution = point.dist.name if point.dist is not None else "unknown distribution"
    return DialectProblem(point.name, distribution, what)
