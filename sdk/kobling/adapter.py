"""The contract: what a vendor's adapter declares, and the operations it writes: three to be searched, two more to be
booked, seven more where the vendor can.

An adapter is spelled async and executed without I/O: awaiting a call of `http` hands a description to the engine, and
nothing else may be awaited. One adapter therefore serves sync and async callers and unit tests without a network.
One adapter object stands for one connection and is frozen: state lives in the session.
"""

from __future__ import annotations

import difflib
import dis
import inspect
import re
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, NoReturn, Self, get_args

from pydantic import BaseModel, model_validator

from .auth import Auth, Basic, NoAuth
from .booking import (
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Bookings,
    Cancelled,
    CancelReason,
)
from .catalogue import Catalogue
from .clinic import Clinic
from .connection import ConnectionForm, PublicConnection, Secret
from .errormap import ErrorMap
from .errors import UnsupportedOperation
from .http import Http, Lists
from .limits import Limits, PatientFields, Source
from .model import Model
from .slots import Slot, SlotQuery, Slots

CONTRACT: Final = 1
"""The contract's version. An adapter states the one it was written for."""

Operation = Literal[
    "identify",
    "catalogue",
    "list_slots",
    "book",
    "cancel",
    "sign_in",
    "register_patient",
    "hold_slot",
    "release_slot",
    "get_booking",
    "list_bookings",
    "reschedule",
]
REQUIRED: Final[tuple[Operation, ...]] = ("identify", "catalogue", "list_slots")
TOGETHER: Final[tuple[Operation, ...]] = ("book", "cancel")
NEEDS_ANOTHER: Final[tuple[tuple[Operation, Operation], ...]] = (("hold_slot", "book"), ("release_slot", "hold_slot"))
"""An operation that means nothing without another one."""
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)
WRITES: Final[frozenset[Operation]] = frozenset(
    {"book", "cancel", "register_patient", "hold_slot", "release_slot", "reschedule"}
)

_PLACE = re.compile(r"\{([^{}]*)\}")
_WORD_IN_BRACES = re.compile(r"\{([a-z_.]+)\}")
"""What is filled in where braces may also be the vendor's own, as in a header's JSON."""


@dataclass(frozen=True, slots=True)
class Token:
    """What `sign_in` got: a short-lived secret, placed by `auth` from then on. lifetime: seconds."""

    secret: Secret
    lifetime: float


Tried = Literal["mock", "recorded", "live"]


class Provenance(Model):
    """What an adapter's wire rests on. An operation that is not named here is a guess.

    known: the vendor's own pages or recorded answers show the call and what is read of its answer. partly: they show
    some of it, or only other people's public clients do. tried: what the adapter has been run against: a "mock" of
    ours, "recorded" answers, or the vendor's "live" system.
    """

    known: frozenset[Operation] = frozenset()
    partly: frozenset[Operation] = frozenset()
    tried: tuple[Tried, ...] = ()

    @model_validator(mode="after")
    def _one_source_each(self) -> Self:
        twice = self.known & self.partly
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))} can't be both known and partly known")
        return self

    def source(self, operation: Operation) -> Source:
        """How well the wire of an operation is known."""
        return "known" if operation in self.known else "partly" if operation in self.partly else "inferred"


class NoOptions(Model):
    """This adapter needs nothing that the wire does not tell."""


_CLASS_VALUES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "key": ((str,), "a text, as 'eg-pasientsky'"),
    "name": ((str,), "a text, as 'EG Pasientsky'"),
    "contract": ((int,), f"the number {CONTRACT}"),
    "form": ((ConnectionForm,), "a ConnectionForm(…)"),
    "base_url": ((str,), "a text that starts with https:// or {booking_url}"),
    "auth": (get_args(Auth), "an object such as Bearer() or HeaderKey('X-Api-Key')"),
    "errors": ((ErrorMap,), "an ErrorMap(…)"),
    "limits": ((Limits,), "a Limits(…)"),
    "patient_fields": ((PatientFields,), "a PatientFields(…)"),
    "provenance": ((Provenance,), "a Provenance(…)"),
    "headers": ((Mapping,), "a mapping of names to values, as {'X-Version': '2'}"),
    "params": ((Mapping,), "a mapping of names to values, as {'lang': 'nb'}"),
    "lists": ((Lists, type(None)), "None, or as Lists(items='/rows', next=ByLink('/next'))"),
    "auth_url": ((str, type(None)), "None, or a text that starts with https:// or {booking_url}"),
    "sign_in_auth": (get_args(Auth), "an object such as Basic(KEY.client, KEY.secret), or NoAuth()"),
}
"""What each class value of an adapter must be, and how to say so."""


class ContractError(TypeError):
    """An adapter class breaks a rule of the contract. The text says which, and how to mend it."""


class NotWritten(Exception):
    """Stands where the author of an adapter has yet to write: `raise NotWritten` as the whole body of an operation.

    The operation counts as offered. A caller hears `AdapterBug` (`not_written`, with the place), the contract suite
    names it once and fails every rule that waits for it, and `kobling check` lists it.
    """


class Adapter(ABC):
    """Base of every vendor's adapter. State every class value in the class body.

    key: the vendor's name in registries and commands, as "eg-pasientsky". name: for people. contract: the version it
    was written for. base_url: https, with `{external_id}`, `{department_id}`, `{booking_url}` and public groups filled
    in. headers, params: sent with every call, empty ones left out. lists: how every list that comes in pages does, for
    `http.pages`. auth_url: the one other host, for `sign_in` only.
    sign_in_auth: how the key goes with the calls of `sign_in`, where it does not stand in their bodies as `KEY`.
    provenance: what is known of the wire, for the matrix of vendors.
    options, clinic: set by the session; `clinic` is None in `identify` and `sign_in`, and where `play` is given none.
    """

    key: ClassVar[str]
    name: ClassVar[str]
    contract: ClassVar[int]
    form: ClassVar[ConnectionForm]
    base_url: ClassVar[str]
    auth: ClassVar[Auth]
    errors: ClassVar[ErrorMap]
    limits: ClassVar[Limits]
    patient_fields: ClassVar[PatientFields]
    provenance: ClassVar[Provenance] = Provenance()
    headers: ClassVar[Mapping[str, Any]] = {}
    params: ClassVar[Mapping[str, Any]] = {}
    lists: ClassVar[Lists | None] = None
    auth_url: ClassVar[str | None] = None
    sign_in_auth: ClassVar[Auth] = NoAuth()
    Options: ClassVar[type[BaseModel]] = NoOptions
    supports: ClassVar[frozenset[Operation]] = frozenset()

    connection: PublicConnection
    options: Any
    clinic: Clinic | None

    def __init__(self, connection: PublicConnection, options: BaseModel, clinic: Clinic | None = None) -> None:
        for name, value in (("connection", connection), ("options", options), ("clinic", clinic)):
            object.__setattr__(self, name, value)

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        cls.supports = frozenset(
            name for name in OPERATIONS if name in REQUIRED or getattr(cls, name) is not getattr(Adapter, name)
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise ContractError(
            f"{type(self).__name__}.{name} can't be assigned: an adapter is frozen, since one object serves many "
            "calls at once. Keep what belongs to a booking in the slot's token, and what belongs to a connection in "
            "Options."
        )

    @property
    def zone(self) -> str:
        """The zone of the clinic's clock, as `identify` told it; Oslo's where it tells none, and before it has told."""
        return (self.clinic or Clinic()).zone

    @classmethod
    def suited(cls, options: Any) -> type[Adapter]:  # noqa: ARG003 - for adapters whose options state a fact
        """The class for a connection with these options: this one, or a subclass that differs in what an option states
        as known of this clinic, as that its system refuses overlapping bookings."""
        return cls

    @abstractmethod
    async def identify(self, http: Http) -> Clinic:
        """Which clinic the connection leads to: name, organisation number, zone, departments; None where the vendor
        does not say. Must change nothing."""

    @abstractmethod
    async def catalogue(self, http: Http) -> Catalogue:
        """Everything the vendor shows: practitioners, services and offers, also what can't be booked."""

    @abstractmethod
    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot] | Slots:
        """The open times in the window. A plain list promises that it is complete; `Slots` can say what is unknown."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book the slot with one write, and tell what the vendor's answer says: nothing that was only asked for."""
        raise UnsupportedOperation

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Give the booking up with one write."""
        raise UnsupportedOperation

    async def sign_in(self, http: Http) -> Token:
        """Exchange the key for a token, with `http.query`. Called when there is none, near its end, and once
        when a call is refused with `CredentialsRejected`: a 401, or what `errors` lists as that."""
        raise UnsupportedOperation

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """Put `request.patient` on file with one write, and return the vendor's id. Never reads the clinic's patients.
        Where the reference stands in the patient's record (`reference_in="patient_note"`), `request.note()` goes
        there."""
        raise UnsupportedOperation

    async def hold_slot(self, http: Http, request: BookingRequest) -> str:
        """Have the vendor keep `request.slot` for some minutes with one write, and return the vendor's id of the hold:
        `book` finds it as `request.hold_id`. Nothing is booked yet, so that a hold ends by itself."""
        raise UnsupportedOperation

    async def release_slot(self, http: Http, hold_id: str) -> None:
        """Give a hold back with one write, where it was certainly not booked. A hold that can't be given back keeps the
        time from the same patient too, until it ends."""
        raise UnsupportedOperation

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """Read one booking as it is now. An unknown id is a 404 of the vendor's, never a made-up booking."""
        raise UnsupportedOperation

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking] | Bookings:
        """The bookings in the window. A plain list promises that the token sees all of them.

        Where `limits.booking.listed_by` is "reference" it is asked for one `query.reference` only: that booking, or
        nothing."""
        raise UnsupportedOperation

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        """Move the booking in one write that either happens whole or not at all."""
        raise UnsupportedOperation


def unwritten(cls: type[Adapter]) -> tuple[Operation, ...]:
    """The operations whose whole body is `raise NotWritten`, in the contract's order: seen without calling them."""
    return tuple(name for name in OPERATIONS if name in cls.supports and _only_raises_not_written(getattr(cls, name)))


def lists_by_day(cls: type[Adapter]) -> bool:
    """Whether the adapter shows all bookings of a window, and not only the one whose reference it is given."""
    return "list_bookings" in cls.supports and cls.limits.booking.listed_by == "days"


def unkept(cls: type[Adapter]) -> bool:
    """Whether every booking is refused before it is sent, although the adapter can make one: the vendor may accept two
    at one time, and can't be asked which there are, so that none could ever be kept."""
    return "book" in cls.supports and cls.limits.booking.overlap != "refused" and not lists_by_day(cls)


def _only_raises_not_written(method: Any) -> bool:
    """True for code that uses no other name and has no return: it neither asks the vendor nor gives an answer."""
    code = getattr(inspect.unwrap(method), "__code__", None)
    if code is None or code.co_names not in ((NotWritten.__name__,), ("kobling", NotWritten.__name__)):
        return False
    return not any(step.opname in ("RETURN_VALUE", "RETURN_CONST") for step in dis.get_instructions(code))


def check_adapter(cls: type[Adapter]) -> None:
    """Refuse a class that breaks the contract, with the fix in the text. Raises `ContractError`."""
    for fault in faults(cls):
        raise ContractError(fault.what)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a class, and the fix, in a sentence. at: the class value or method that it is about; "" for
    the class as a whole."""

    at: str
    what: str


def faults(cls: type[Adapter]) -> Iterator[Fault]:
    """Everything by which a class breaks the contract. What rests on a class value that is wrong is left out."""
    if not (inspect.isclass(cls) and issubclass(cls, Adapter)):
        yield Fault(
            "",
            f"{reprlib.repr(cls)} is not a subclass of kobling.Adapter: return the class itself from "
            "kobling_adapters()",
        )
        return
    where = f"{cls.__module__}.{cls.__qualname__}"
    wrong = list(_value_faults(cls, where))
    yield from wrong
    right = frozenset(_CLASS_VALUES) - {name for fault in wrong for name in fault.at.split(", ")}
    yield from _method_faults(cls, where)
    if "form" in right and not any(
        getattr(cls.form, name).use == "required" for name in ("external_id", "booking_url")
    ):
        yield Fault(
            "form",
            f"{where}.form requires neither external_id nor booking_url: the id of a connection leaves the key out, so "
            "that two clinics would be taken for one",
        )
    halves = [name for name in TOGETHER if name in cls.supports]
    if len(halves) == 1:
        other = next(name for name in TOGETHER if name not in halves)
        what = f"{where} has {halves[0]} without {other}: write both, or neither for a search-only vendor"
        yield Fault(halves[0], what)
    if "form" in right:
        for part in right & {"base_url", "auth_url"}:
            yield from _address_faults(cls, getattr(cls, part), part, f"{where}.{part}")
        for part, told in _told_values(cls, right):
            yield from _place_faults(cls, _WORD_IN_BRACES.findall(told), part, f"{where}.{part}")
    for name, needs in NEEDS_ANOTHER:
        if name in cls.supports and needs not in cls.supports:
            yield Fault(name, f"{where} has {name} without {needs}: write both, or leave {name} out")
    if "reschedule" in cls.supports and "limits" in right and cls.limits.booking.overlap != "refused":
        yield Fault(
            "reschedule",
            f"{where} offers reschedule although the vendor may accept overlapping bookings: leave reschedule out, and "
            "Kobling books the new time, settles, and cancels the old one",
        )


def _value_faults(cls: type[Adapter], where: str) -> Iterator[Fault]:
    missing = [name for name in _CLASS_VALUES if not hasattr(cls, name)]
    if missing:
        yield Fault(
            ", ".join(missing), f"{where} does not state {', '.join(missing)}: add the class value(s) to its body"
        )
    for name, (kinds, wanted) in _CLASS_VALUES.items():
        value = getattr(cls, name, None)
        if name not in missing and (not isinstance(value, kinds) or isinstance(value, bool)):
            yield Fault(name, f"{where}.{name} is of type {type(value).__name__}: it must be {wanted}")
    if not (inspect.isclass(cls.Options) and issubclass(cls.Options, BaseModel)):
        what = f"{where}.Options must be a class: `class Options(Model):` with a default for each field"
        yield Fault("Options", what)
    contract, key = getattr(cls, "contract", None), getattr(cls, "key", None)
    if contract is not None and "contract" not in vars(cls):
        yield Fault(
            "contract",
            f"{where} inherits its contract version: write `contract = {CONTRACT}` in its own body, so that it keeps "
            "claiming the version it was written for",
        )
    elif isinstance(contract, int) and not isinstance(contract, bool) and contract != CONTRACT:
        yield Fault(
            "contract",
            f"{where} is written for contract {contract}, this Kobling speaks {CONTRACT}: install matching versions",
        )
    if isinstance(key, str) and not (key and key == key.lower() and key.replace("-", "").isalnum() and key.isascii()):
        yield Fault("key", f"{where}.key must be small letters, digits and hyphens, as 'eg-pasientsky'")


def _address_faults(cls: type[Adapter], address: str | None, part: str, where: str) -> Iterator[Fault]:
    if address is None:
        return
    if not address.startswith(("https://", "{booking_url}")):
        yield Fault(part, f"{where} must start with https:// or be {{booking_url}}")
    yield from _place_faults(cls, _PLACE.findall(address), part, where)


def _told_values(cls: type[Adapter], right: Set[str]) -> Iterator[tuple[str, str]]:
    """The texts of class values in which fields of the form are filled in, beside the addresses."""
    for part in sorted(right & {"headers", "params"}):
        yield from ((part, text) for text in getattr(cls, part).values() if isinstance(text, str))
    for part in sorted(right & {"auth", "sign_in_auth"}):
        auth = getattr(cls, part)
        pair = (auth.user, auth.password) if isinstance(auth, Basic) else ()
        yield from ((part, text) for text in pair if isinstance(text, str))


def _place_faults(cls: type[Adapter], places: Iterable[str], part: str, where: str) -> Iterator[Fault]:
    """Places in a class value that no field of the form fills in."""
    public = {f"{name}.{group}" for name, field in cls.form.fields().items() for group in field.public}
    known = {"external_id", "department_id", "booking_url"} | public
    unknown = [place for place in places if place not in known]
    if unknown:
        yield Fault(
            part,
            f"{where} has {{{unknown[0]}}}, which nothing fills in: it can hold {', '.join(sorted(known))}; a part of "
            "a field is listed in `public` of that field",
        )


def _method_faults(cls: type[Adapter], where: str) -> Iterator[Fault]:
    if cls.__abstractmethods__:
        missing = ", ".join(sorted(cls.__abstractmethods__))
        yield Fault("", f"{where} does not write {missing}: every adapter needs them")
    known = {name for name in dir(Adapter) if not name.startswith("_")}
    for owner in cls.__mro__:
        if owner is Adapter or not issubclass(owner, Adapter):
            continue
        for name, value in vars(owner).items():
            if name.startswith("_") or name in known or not inspect.isfunction(value):
                continue
            close = difflib.get_close_matches(name, OPERATIONS, n=1)
            hint = f"did you mean `{close[0]}`?" if close else "start the name of a helper with an underscore"
            yield Fault(name, f"{where} has a public method `{name}` that the contract does not know: {hint}")
    for name in OPERATIONS:
        yield from _operation_faults(cls, name, where)


def _operation_faults(cls: type[Adapter], name: Operation, where: str) -> Iterator[Fault]:
    method = inspect.getattr_static(cls, name)
    if name in cls.supports and name not in cls.__abstractmethods__:
        taken = list(inspect.signature(getattr(Adapter, name)).parameters)
        if not (inspect.iscoroutinefunction(method) and _can_be_called_with(method, len(taken))):
            yield Fault(name, f"{where}.{name} must be written `async def {name}({', '.join(taken)})`")
    owner = next(base for base in cls.__mro__ if name in vars(base))
    if not issubclass(owner, Adapter):
        yield Fault(
            name,
            f"{where} gets {name} from {owner.__name__}, which is not an Adapter: put the mixin's code behind a "
            "name with an underscore and call it from the method",
        )
    if owner is Adapter and any(name in vars(base) for base in cls.__mro__[cls.__mro__.index(Adapter) + 1 :]):
        yield Fault(name, f"{where}: Adapter stands before the mixin that writes {name}; put the mixin first")


def _can_be_called_with(method: Any, count: int) -> bool:
    try:
        inspect.signature(method).bind(*range(count))
    except TypeError:
        return False
    return True
