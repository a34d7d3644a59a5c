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
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn

from pydantic import Field

from . import texts
from .errors import InvalidConnection
from .model import Model

FieldName = Literal["external_id", "department_id", "api_key", "booking_url"]
FIELDS: Final[tuple[FieldName, ...]] = ("external_id", "department_id", "api_key", "booking_url")
Use = Literal["required", "optional", "unused"]
FieldProblem = Literal["missing", "unused", "pattern", "masked", "characters", "too_long"]

_BLANKS = dict.fromkeys([*range(0x20), 0x20, 0x7F, 0x85, 0xA0, 0xAD, 0x1680, *range(0x2000, 0x2010), 0x2028, 0x2029,
                         0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF])  # fmt: skip
_MASKED = re.compile(r"[*•·●∙xX]{4,}|.*[*•●]{3,}.*")
_MAX = {"external_id": 200, "department_id": 200, "api_key": 4096, "booking_url": 2000}


class Secret:
    """A key that shows itself to the engine only: not in a repr, a dump, a pickle, a copy or a comparison's message."""

    __slots__ = ("_reveal",)

    def __init__(self, value: str) -> None:
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
    """What was meant by a pasted value: blanks, NBSP, newlines and invisible characters are taken out (from an id or a
    department name only at the ends), and the text is brought to Unicode's composed form."""
    if name in ("api_key", "booking_url"):
        return value.translate(_BLANKS)
    text = unicodedata.normalize("NFC", value).translate(dict.fromkeys(_BLANKS, " "))
    return " ".join(text.split())


class PublicConnection(Model):
    """A connection without its key: what an adapter sees, and what may be logged and stored in the open.

    id: stable for the same vendor, clinic, department and URL, whatever the key. groups: the parts of the fields
    that the form declares public, as `"api_key.shard"`.
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
        key = api_key.reveal() if isinstance(api_key, Secret) else api_key
        secret = Secret(clean("api_key", key or ""))
        del api_key, key
        opened: dict[str, str] = {
            "external_id": clean("external_id", external_id or ""),
            "department_id": clean("department_id", department_id or ""),
            "booking_url": clean("booking_url", booking_url or ""),
        }
        facts = "\x1f".join((vendor, *opened.values()))
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
        return f"<Connection {self.vendor} {self.public.external_id or self.public.booking_url or self.id}>"

    def __setattr__(self, name: str, value: object) -> NoReturn:
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
        """The connection with its normalisers and public groups applied; `InvalidConnection` when it has problems."""
        problems = self.problems(connection)
        if problems:
            raise InvalidConnection(problems=problems, vendor=connection.vendor)
        if all(field.normalise is None and not field.public for field in self.fields().values()):
            return connection
        values: dict[str, str] = {}
        groups: dict[str, str] = {}
        for name, field in self.fields().items():
            if field.use == "unused":
                continue
            plain = connection.secret.reveal() if name == "api_key" else connection.value(name)
            plain = field.normalise(plain) if field.normalise and plain else plain
            values[name] = plain
            groups |= {
                f"{name}.{group}": part for group, part in _groups(field, plain).items() if group in field.public
            }
        accepted = Connection(connection.vendor, **values)
        object.__setattr__(
            accepted, "public", accepted.public.model_copy(update={"groups": groups, "id": connection.id})
        )
        return accepted

    def key_part(self, connection: Connection, group: str) -> str:
        """A named part of the key, by the pattern's group (`KEY.login`)."""
        return _groups(self.api_key, connection.secret.reveal()).get(group, "")

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
    value = connection.secret.reveal() if name == "api_key" else connection.value(name)
    try:
        if field.use == "unused":
            return "unused" if value else None
        if not value:
            return "missing" if field.use == "required" else None
        if _MASKED.fullmatch(value):
            return "masked"
        if len(value) > _MAX[name]:
            return "too_long"
        if name == "api_key" and not (value.isascii() and value.isprintable()):
            return "characters"
        if field.pattern is not None and re.fullmatch(field.pattern, value) is None:
            return "pattern"
        return None
    finally:
        del value


def _groups(field: FormField, value: str) -> dict[str, str]:
    match = re.fullmatch(field.pattern, value) if field.pattern else None
    return {name: part for name, part in match.groupdict().items() if part} if match else {}
