"""A clinic's connection (kobling) to its booking system: four details at most, one of them secret.

The four fields have a fixed meaning for every vendor, and each vendor uses some of them:

    external_id     Ekstern ID           which clinic
    department_id   Ekstern avdeling ID  which department of it
    api_key         API-nøkkel           the secret
    booking_url     Booking-URL          where the clinic's own server is

Source: the registry's help article on registering online booking.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn

from pydantic import Field, field_validator

from . import texts
from .addresses import one_spelling
from .errors import AdapterBug, InvalidConnection
from .model import Model
from .pasted import single_blanks, without_blanks

FieldName = Literal["external_id", "department_id", "api_key", "booking_url"]
FIELDS: Final[tuple[FieldName, ...]] = ("external_id", "department_id", "api_key", "booking_url")
Use = Literal["required", "optional", "unused"]
FieldProblem = Literal["missing", "unused", "pattern", "masked", "characters", "too_long"]

_MASKED = re.compile(r"[*•·●∙xX]{4,}|.*[*•●]{3,}.*")
_MAX = {"external_id": 200, "department_id": 200, "api_key": 4096, "booking_url": 2000}


class Secret:
    """A key that shows itself to the engine only: not in a repr, a dump, a pickle, a copy or a comparison's message."""

    __slots__ = ("_reveal",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            del value
            raise TypeError("a secret is text")
        self._reveal: Callable[[], str] = lambda: value

    def reveal(self) -> str:
        """The key itself. Only the engine calls this, after the adapter's turn."""
        return self._reveal()

    def __bool__(self) -> bool:
        return bool(self._reveal())

    def __repr__(self) -> str:
        return "<Secret>"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")


def clean(name: FieldName, value: str) -> str:
    """What was meant by a pasted value. Invisible characters are taken out of every field, blanks of every kind out of
    a key and a URL; an id or a department's name keeps single blanks inside, and is brought to Unicode's composed
    form."""
    if isinstance(value, str):
        return without_blanks(value) if name in ("api_key", "booking_url") else single_blanks(value)
    del value
    raise TypeError(f"{name} is text")


class PublicConnection(Model):
    """A connection without its key: what an adapter sees, and what may be logged and stored in the open.

    id: stable for the same vendor, clinic, department and URL (however it is spelled), whatever the key. groups: the
    parts of the fields that the form declares public, as `"api_key.shard"`.
    """

    vendor: str
    external_id: str = ""
    department_id: str = ""
    booking_url: str = ""
    id: str = ""
    groups: Mapping[str, str] = Field(default_factory=dict)


class Connection:
    """The details that an administrator entered, cleaned. Immutable; the key is never shown, dumped or pickled.

    >>> Connection("eg-pasientsky", external_id="3f0c1d20-0000-11ef-8000-000000000001", api_key="k")
    <Connection eg-pasientsky 3f0c1d20-0000-11ef-8000-000000000001>
    """

    __slots__ = ("_secret", "public")
    public: PublicConnection
    _secret: Secret

    def __init__(
        self,
        vendor: str,
        *,
        external_id: str | None = None,
        department_id: str | None = None,
        api_key: str | Secret | None = None,
        booking_url: str | None = None,
    ) -> None:
        texts_only = all(
            one is None or isinstance(one, str) for one in (external_id, department_id, booking_url)
        ) and isinstance(vendor, str)
        if not texts_only or not (api_key is None or isinstance(api_key, str | Secret)):
            del vendor, external_id, department_id, api_key, booking_url
            raise TypeError("every detail of a connection is text")
        key = api_key.reveal() if isinstance(api_key, Secret) else api_key
        secret = Secret(clean("api_key", key or ""))
        del api_key, key
        opened: dict[str, str] = {
            "external_id": clean("external_id", external_id or ""),
            "department_id": clean("department_id", department_id or ""),
            "booking_url": clean("booking_url", booking_url or ""),
        }
        same = {**opened, "booking_url": one_spelling(opened["booking_url"])}
        facts = "\x1f".join((vendor, *same.values()))
        identity = hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        object.__setattr__(self, "_secret", secret)
        object.__setattr__(
            self, "public", PublicConnection.model_validate({"vendor": vendor, "id": identity, **opened})
        )

    @property
    def vendor(self) -> str:
        """The adapter's key, as "eg-pasientsky"."""
        return self.public.vendor

    @property
    def id(self) -> str:
        """A stable name for this connection, the key left out of it; safe to log."""
        return self.public.id

    @property
    def secret(self) -> Secret:
        """The key, wrapped; only the engine unwraps it."""
        return self._secret

    def value(self, name: FieldName) -> str:
        """A field's cleaned value; `"…"` in place of a key, "" for an empty field."""
        if name == "api_key":
            return "…" if self._secret else ""
        return str(getattr(self.public, name))

    def model_dump(self) -> dict[str, str]:
        """The fields without the key."""
        return {"vendor": self.vendor, **{name: self.value(name) for name in FIELDS if name != "api_key"}}

    def __repr__(self) -> str:
        public: PublicConnection | None = getattr(self, "public", None)
        if public is None:  # refused while it was made
            return "<Connection>"
        return f"<Connection {public.vendor} {public.external_id or public.booking_url or public.id}>"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        del value
        raise AttributeError("a Connection does not change; make a new one")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Connection):
            return NotImplemented
        return self.public == other.public and self._secret.reveal() == other._secret.reveal()

    def __hash__(self) -> int:
        return hash(self.public.id)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Connection is not pickled: it holds a key")


class FormField(Model):
    """How one vendor uses one field. `pattern` must match the whole cleaned value; its named groups may be listed in
    `public`, and only those can be used in a URL or be seen by the adapter. nb, en: help for the person typing.
    inferred: no public page says that this vendor uses the field so."""

    use: Use
    pattern: str | None = None
    public: frozenset[str] = frozenset()
    nb: str = ""
    en: str = ""
    example: str = ""
    inferred: bool = False
    normalise: Callable[[str], str] | None = Field(default=None, exclude=True)

    @field_validator("pattern")
    @classmethod
    def _can_be_matched(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                _compiled(value)
            except (re.error, OverflowError, RecursionError) as problem:
                raise ValueError(f"not a regular expression: {problem}") from None
        return value

    def groups(self, value: str) -> dict[str, str]:
        """The named groups of the pattern in a cleaned value, those that hold something."""
        match = _compiled(self.pattern).fullmatch(value) if self.pattern is not None else None
        del value
        return {name: part for name, part in match.groupdict().items() if part} if match else {}


UNUSED: Final = FormField(use="unused")


def required(*, nb: str, en: str, pattern: str | None = None, example: str = "", **more: Any) -> FormField:
    """A field that the vendor needs."""
    return FormField(use="required", nb=nb, en=en, pattern=pattern, example=example, **more)


def optional(*, nb: str, en: str, pattern: str | None = None, example: str = "", **more: Any) -> FormField:
    """A field that the vendor can do without."""
    return FormField(use="optional", nb=nb, en=en, pattern=pattern, example=example, **more)


class ConnectionForm(Model):
    """Which details a vendor's connection needs, in the order of the registration page.

    A field that is not named is unused: a value in it is a named problem, never silently dropped, because a key
    pasted into the wrong box must not be stored.
    """

    external_id: FormField = UNUSED
    department_id: FormField = UNUSED
    api_key: FormField = UNUSED
    booking_url: FormField = UNUSED
    contact: str = ""
    """The vendor's address for such requests, where it is public."""

    def fields(self) -> Mapping[FieldName, FormField]:
        """The four fields by name, in the page's order."""
        return MappingProxyType({name: getattr(self, name) for name in FIELDS})

    def problems(self, connection: Connection) -> tuple[tuple[FieldName, FieldProblem], ...]:
        """Everything wrong with what was typed, as (field, reason): nothing about the values themselves."""
        found: list[tuple[FieldName, FieldProblem]] = []
        for name, field in self.fields().items():
            reason = _problem(name, field, connection)
            if reason is not None:
                found.append((name, reason))
        return tuple(found)

    def accept(self, connection: Connection) -> Connection:
        """The connection with its normalisers and public groups applied; `InvalidConnection` when it has problems, and
        `AdapterBug` when a normaliser raises or returns anything but text: what it says of it may hold the key."""
        problems = self.problems(connection)
        if problems:
            raise InvalidConnection(problems=problems, vendor=connection.vendor)
        if all(field.normalise is None and not field.public for field in self.fields().values()):
            return connection
        values: dict[str, Secret] = {}
        groups: dict[str, str] = {}
        for name, field in self.fields().items():
            if field.use == "unused":
                continue
            given = connection.secret if name == "api_key" else Secret(connection.value(name))
            value = _normalised(field, given)
            if value is None:
                raise AdapterBug("normaliser", fields=(name,), vendor=connection.vendor)
            values[name] = value
            groups |= {
                f"{name}.{group}": part for group, part in field.groups(value.reveal()).items() if group in field.public
            }
        key = values.pop("api_key", None)
        accepted = Connection(
            connection.vendor, api_key=key, **{name: value.reveal() for name, value in values.items()}
        )
        object.__setattr__(
            accepted, "public", accepted.public.model_copy(update={"groups": groups, "id": connection.id})
        )
        return accepted

    def key_part(self, connection: Connection, group: str) -> str:
        """A named part of the key, by the pattern's group (`KEY.login`)."""
        return self.api_key.groups(connection.secret.reveal()).get(group, "")

    def request_details(self, *, vendor: str, clinic: str, contact: str, lang: texts.Language = "nb") -> str:
        """The ready-written request ("Forespør detaljer") that a clinic sends the vendor: exactly its own fields.

        vendor: the vendor's name for people. clinic: the clinic's name. contact: whom the vendor should answer.
        """
        lines = [
            f"- {texts.field_names((name,), lang)}: {getattr(field, lang)}"
            + ("" if field.use == "required" else f" ({texts.text('request', 'optional', lang)})")
            for name, field in self.fields().items()
            if field.use != "unused"
        ]
        return texts.text(
            "request", "details", lang, vendor=vendor, clinic=clinic, contact=contact, fields="\n".join(lines)
        )


def _problem(name: FieldName, field: FormField, connection: Connection) -> FieldProblem | None:
    secret = connection.secret if name == "api_key" else Secret(connection.value(name))
    if field.use == "unused":
        return "unused" if secret else None
    if not secret:
        return "missing" if field.use == "required" else None
    checks: tuple[tuple[FieldProblem, Callable[[str], object]], ...] = (
        ("masked", _MASKED.fullmatch),
        ("too_long", lambda value: len(value) > _MAX[name]),
        ("characters", _not_of_a_key if name == "api_key" else _not_of_a_text),
        ("pattern", lambda value: field.pattern is not None and not _compiled(field.pattern).fullmatch(value)),
    )
    return next((reason for reason, holds in checks if holds(secret.reveal())), None)


def _not_of_a_key(value: str) -> bool:
    return not (value.isascii() and value.isprintable())


def _not_of_a_text(value: str) -> bool:
    """True for halves of surrogate pairs and characters without a meaning of their own: they can't be sent as they
    stand."""
    return any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") for sign in value)


def _normalised(field: FormField, value: Secret) -> Secret | None:
    """The value as the field's normaliser writes it; None when that raises or gives no text."""
    if field.normalise is None or not value:
        return value
    try:
        return Secret(field.normalise(value.reveal()))
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - whatever it raises may hold the value, also when it exits
        return None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
