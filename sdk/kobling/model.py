"""The base of every value in the contract: frozen, strict about unknown names, silent about its input.

A failed validation of what callers fill in never echoes what was given: a patient's name typed into the wrong field
would otherwise stand in an exception, in its `.errors()` and in the locals of pydantic's frames. Where this ends: a
caller's own pydantic model or `TypeAdapter` that holds one of ours is entered by the caller, and its outermost frame
keeps what it was called with.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, Final, NoReturn, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from .errors import InvalidRequest, word

T = TypeVar("T")


class Model(BaseModel):
    """A frozen value. Unknown names are refused; integer ids are taken as text."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, coerce_numbers_to_str=True, arbitrary_types_allowed=True
    )


class WireModel(BaseModel):
    """Base for an adapter's own models of a vendor's answers: fields that it does not name are ignored, since vendors
    add some without notice. What does not fit is a `VendorProtocolError` naming the place (`Response.read`)."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, coerce_numbers_to_str=True)


class Malformed(TypeError):
    """A value of the contract could not be made. places: where ("Booking.id"). misused: the call itself is wrong (a
    field that there is not, one left out, a time without an offset), and not just what was given for a field."""

    def __init__(self, name: str, fields: tuple[str, ...], *, misused: bool) -> None:
        super().__init__(f"{name} is malformed: {', '.join(fields)}")
        self.places = tuple(f"{name}.{field}" for field in fields)
        self.misused = misused


def malformed(problem: ValidationError) -> Malformed | None:
    """What pydantic says of one of the contract's own values, without what was given; None for a model of others."""
    cls = _ours(problem.title)
    return None if cls is None else Malformed(cls.__name__, _places(cls, problem), misused=_misused(problem))


@cache
def _ours(name: str) -> type[BaseModel] | None:
    left: list[type[BaseModel]] = [Model]
    while left:
        left += (found := left.pop().__subclasses__())
        for one in found:
            if one.__name__ == name and one.__module__.startswith(f"{__package__}."):
                return one
    return None


class QuietModel(Model):
    """A value whose failed validation says which fields are wrong and nothing else, whatever way it is made."""

    def __init__(self, /, **data: Any) -> None:
        made = _tried(type(self), super().__init__, **data)
        del data
        self._made(made)

    # Nested dicts go through the schema as they are, instead of through this signature.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def _refusal(cls, fields: tuple[str, ...], *, because: str = "malformed", misused: bool = False) -> Exception:
        del because  # an adapter's author is told by `misused`
        return Malformed(cls.__name__, fields, misused=misused)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """As pydantic's, without an error that shows the input."""
        made = _tried(cls, super().model_validate, obj, **options)
        del obj, options
        return cls._made(made)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """As pydantic's, without an error that shows the input."""
        made = _tried(cls, super().model_validate_json, json_data, **options)
        del json_data, options
        return cls._made(made)

    @classmethod
    def model_validate_strings(cls, obj: Any, **options: Any) -> Self:
        """As pydantic's, without an error that shows the input."""
        made = _tried(cls, super().model_validate_strings, obj, **options)
        del obj, options
        return cls._made(made)

    @classmethod
    def _made(cls, made: T | _Wrong) -> T:
        if isinstance(made, _Wrong):
            raise cls._refusal(made.fields, because=made.because, misused=made.misused)
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        del value
        raise AttributeError(f"a {type(self).__name__} does not change; make a new one")


class CallerModel(QuietModel):
    """A value that callers fill in, perhaps with a patient: what is wrong in it is an `InvalidRequest` that names
    the fields and nothing else, also where it stands inside another model. It is always checked, can't be pickled, and
    its repr shows its type only."""

    @classmethod
    def _refusal(cls, fields: tuple[str, ...], *, because: str = "malformed", misused: bool = False) -> Exception:
        del misused  # the caller's request is wrong either way
        return InvalidRequest(because, fields=fields)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def quietly(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            made = _tried(cls, inner, value)
            del value, inner
            return cls._made(made)

        return core_schema.no_info_wrap_validator_function(quietly, handler(source))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values for some fields, checked as a new one is."""
        if not update:
            return super().model_copy(deep=deep)
        made = _tried(type(self), self._changed, update)
        del update
        return self._made(made)

    def _changed(self, update: Mapping[str, Any]) -> Self:
        kept = {name: getattr(self, name) for name in type(self).model_fields if name not in update}
        return type(self).model_validate({**kept, **update})

    def __repr_args__(self) -> Sequence[tuple[str | None, Any]]:
        return ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled: it may hold a patient")


def _refuse_unchecked(cls: type[BaseModel], *given: Any, **more: Any) -> NoReturn:
    del given, more
    raise TypeError(f"a {cls.__name__} is always checked: use {cls.__name__}(…), model_validate or model_copy")


for _name in ("model_construct", "construct", "copy", "validate", "parse_obj", "parse_raw", "parse_file", "from_orm"):
    # what was never checked could show itself anywhere, and pydantic's old ways show what they were given
    setattr(CallerModel, _name, classmethod(_refuse_unchecked))


class _Wrong:
    """The fields that a failed validation names. because: the reason's word. misused: see `Malformed`."""

    def __init__(self, *fields: str, because: str = "malformed", misused: bool = False) -> None:
        self.fields = fields or ("request",)
        self.because = because
        self.misused = misused


def _tried(cls: type[BaseModel], make: Callable[..., T], /, *given: Any, **more: Any) -> T | _Wrong:
    """What `make` makes, or what is wrong: never an exception, since its frames would hold what was given."""
    try:
        return make(*given, **more)
    except ValidationError as problem:
        because = "no_such_field" if _resembled(cls, problem) else "malformed"
        return _Wrong(*_places(cls, problem), because=because, misused=_misused(problem))
    except InvalidRequest as problem:
        return _Wrong(*problem.fields, because=problem.because)
    except Exception:  # noqa: BLE001 - of whatever kind: only where it is wrong may be told
        return _Wrong()


_MISUSES: Final = frozenset({"extra_forbidden", "invalid_key", "missing", "timezone_aware"})
"""pydantic's words for what a programmer did, whatever the vendor answered."""


_UNNAMED: Final = frozenset({"extra_forbidden", "invalid_key"})
"""pydantic's words for a name that no field has."""


def _misused(problem: ValidationError) -> bool:
    found = problem.errors(include_input=False, include_url=False, include_context=False)
    return any(error["type"] in _MISUSES for error in found)


def _resembled(cls: type[BaseModel], problem: ValidationError) -> bool:
    """A name was given that no field has, and told is the field that it resembles."""
    found = problem.errors(include_input=False, include_url=False, include_context=False)
    names = (_place(cls, error["type"], error["loc"]) for error in found if error["type"] in _UNNAMED)
    return any(name.rpartition(".")[2] != "unknown_field" for name in names)


def _places(cls: type[BaseModel], problem: ValidationError) -> tuple[str, ...]:
    found = problem.errors(include_input=False, include_url=False, include_context=False)
    names = (_place(cls, error["type"], error["loc"]) for error in found)
    return tuple(dict.fromkeys(word(name) or "request" for name in names))


def _place(cls: type[BaseModel], kind: str, loc: tuple[int | str, ...]) -> str:
    """Where something is wrong. A name that no field has may be a patient's: told is the field that it resembles."""
    parts = [str(part) for part in loc]
    if kind in _UNNAMED:
        given = parts.pop()
        meant = [] if parts else difflib.get_close_matches(given, cls.model_fields, n=1)
        parts += meant or ["unknown_field"]
    return ".".join(parts)


# ---- private text and days


class PrivateText(str):
    """Text about a patient. Equal to the same plain text and used as such; only its repr, and with it whatever prints
    locals or `vars()`, does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<private>"


class PrivateDay(date):
    """A day that says something of a patient; see `PrivateText`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<private>"


def _private_text(text: str) -> str:
    return PrivateText(text)


def _private_day(day: date) -> date:
    return PrivateDay(day.year, day.month, day.day)


_DAY_TEXT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _only_a_day(value: object) -> object:
    """pydantic would take a number, or a text of digits, for seconds since 1970: `20261201` is a day in August 1970."""
    plain = _DAY_TEXT.fullmatch(value) if isinstance(value, str) else isinstance(value, date)
    if not plain or isinstance(value, datetime):
        raise ValueError("a day as YYYY-MM-DD")
    return value


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, in a zone where UTC has left it
        pass
    raise ValueError("outside the calendar")


def _on_every_clock(moment: datetime) -> datetime:
    if not 1 < moment.year < 9999:
        raise ValueError("outside the calendar of some time zone")
    return _in_utc(moment)


def _every_clock_has(day: date) -> date:
    if not 1 < day.year < 9999:
        raise ValueError("outside the calendar of some time zone")
    return day


Private = AfterValidator(_private_text)
"""Marks a text field as `PrivateText`."""

Day = Annotated[date, BeforeValidator(_only_a_day)]
"""A day: a date or `YYYY-MM-DD`, no moment and no number."""

PrivateBirthDate = Annotated[Day, AfterValidator(_private_day)]
"""A date of birth, kept as a `PrivateDay`."""

ClinicDay = Annotated[Day, AfterValidator(_every_clock_has)]
"""A day of a clinic's calendar, in the years 2 to 9998: its midnights exist in every time zone."""

Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant. A naive datetime is refused; any offset is accepted and kept as UTC."""

ClinicTime = Annotated[AwareDatetime, AfterValidator(_on_every_clock)]
"""A `Moment` in the years 2 to 9998, so that every time zone's wall clock can show it."""

VendorId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A vendor's id of anything: text, never interpreted. Integers are taken as their digits."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
"""A name as the vendor writes it, blanks at the ends removed."""

ReasonWord = Annotated[str, StringConstraints(pattern=r"^[_A-Za-z0-9][.:\-/\[\]_A-Za-z0-9]{0,79}$")]
"""A word as an error carries it in `because`: a reason or a code, never text."""


LONGEST_WINDOW: Final = 366
"""Days from the first day to the last that a question may span at most."""


class DayWindow(CallerModel):
    """Whole local days of a clinic, both ends included, a year at most."""

    first_day: ClinicDay
    last_day: ClinicDay

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        both = ("first_day", "last_day")
        if self.last_day < self.first_day:
            raise InvalidRequest("days_reversed", fields=both)
        if (self.last_day - self.first_day).days > LONGEST_WINDOW:
            raise InvalidRequest("too_many_days", fields=both)
        return self
