"""The base of every value in the contract: frozen, strict about unknown names, silent about its input.

A failed validation never echoes what was given: a patient's name typed into the wrong field would otherwise stand in
an exception, in its `.errors()` and in the locals of pydantic's frames.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

from .errors import InvalidRequest, word


class Model(BaseModel):
    """A frozen value. Unknown names are refused; integer ids are taken as text."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, coerce_numbers_to_str=True, arbitrary_types_allowed=True
    )


class WireModel(BaseModel):
    """Base for an adapter's own models of a vendor's answers: fields that it does not name are ignored, since vendors
    add some without notice. What does not fit is a `VendorProtocolError` naming the place (`Response.read`)."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, coerce_numbers_to_str=True)


class CallerModel(Model):
    """A value that callers fill in, perhaps with a patient: what is wrong in it is an `InvalidRequest` that names
    the fields and nothing else. It can't be pickled, and its repr shows its type only."""

    def __init__(self, /, **data: Any) -> None:
        wrong: tuple[str, ...] = ()
        try:
            super().__init__(**data)
        except ValidationError as problem:
            wrong = _places(problem)
        del data
        if wrong:
            raise InvalidRequest("malformed", fields=wrong)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled: it may hold a patient")

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """As pydantic's, with `InvalidRequest` instead of an error that shows the input."""
        wrong: tuple[str, ...] = ()
        made: Self | None = None
        try:
            made = super().model_validate(obj, **options)
        except ValidationError as problem:
            wrong = _places(problem)
        except InvalidRequest as problem:
            wrong = problem.fields
        del obj, options
        if made is None:
            raise InvalidRequest("malformed", fields=wrong)
        return made


def _places(problem: ValidationError) -> tuple[str, ...]:
    found = problem.errors(include_input=False, include_url=False, include_context=False)
    names = (".".join(str(part) for part in error["loc"]) or "request" for error in found)
    return tuple(dict.fromkeys(word(name) or "request" for name in names))


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant. A naive datetime is refused; any offset is accepted and kept as UTC."""

VendorId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A vendor's id of anything: text, never interpreted. Integers are taken as their digits."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
"""A name as the vendor writes it, blanks at the ends removed."""
