"""From a vendor's answer to an error: data of the adapter, over one table that all vendors share.

    errors = ErrorMap({"TIMESLOT_UNAVAILABLE": SlotTaken}, statuses={404: ClinicNotFound}, code="/error/code")

A code is looked for in every answer: one found in a 2xx is a failure. After a write only a listed refusal is
certain ("nothing was changed"); everything else is `OutcomeUnknown`, and no vendor's table can make a status of
`NEVER_CERTAIN` certain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as _filled
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

from .errors import (
    AdapterBug,
    BookingNotFound,
    CredentialsRejected,
    InvalidRequest,
    KoblingError,
    LeaseExpired,
    OutcomeUnknown,
    RateLimited,
    ScopeMissing,
    Unfinished,
    UrlNotAllowed,
    VendorProtocolError,
    VendorTimeout,
    VendorUnavailable,
    word,
)
from .exchange import UNSENDABLE, WireFailure, WireReply
from .http import Response, checked_pointer, find
from .retryafter import retry_after
from .strictjson import Parsed


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error with what narrows it. fields: every field that may be the wrong one, where the vendor hides which."""

    error: type[KoblingError]
    because: str = ""
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _checked_error(self.error)


_EACH = re.compile(r"/\*(?=/|$)")
MOST_FIELDS = 10
"""So many fields of a refusal are told."""

Listed: TypeAlias = type[KoblingError] | Refusal
CodeReader: TypeAlias = str | tuple[str, ...] | Callable[[Response], str | None] | None


@dataclass(frozen=True, slots=True)
class ErrorMap:
    """A vendor's own errors. Keys of `codes`: `"CODE"` or `("book", "CODE")`; of `statuses`: `403` or `("book", 400)`.

    code: where the vendor's code stands: a JSON pointer, several of which the first that leads to a text or number
    counts, or a function; one that raises has found none. field: a pointer to the name of the wrong field or a list of
    them, in which `*` stands for every entry of a list (`"/errors/*/path"`); mapped to ours by `field_names`.

    Refused when it is made, since it would fail at a vendor's refusal only: a `TypeError` for a value that is no error
    of Kobling's, a `ValueError` for a pointer without its slash.
    """

    codes: Mapping[str | tuple[str, str], Listed] = _filled(default_factory=dict)
    statuses: Mapping[int | tuple[str, int], Listed] = _filled(default_factory=dict)
    code: CodeReader = None
    field: str | None = None
    field_names: Mapping[str, str] = _filled(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("codes", "statuses", "field_names"):
            if not isinstance(getattr(self, name), Mapping):
                raise TypeError(f"ErrorMap.{name} is of type {type(getattr(self, name)).__name__}: it must be a dict")
        for name, table in (("codes", self.codes), ("statuses", self.statuses)):
            for key, listed in table.items():
                if not isinstance(listed, Refusal):
                    _checked_error(listed, f"ErrorMap.{name}[{key!r}]")
        for pointer in (*_pointers(self.code), self.field):
            if pointer is not None:
                checked_pointer(pointer)


def _pointers(code: CodeReader) -> tuple[str, ...]:
    return () if code is None or callable(code) else code if isinstance(code, tuple) else (code,)


def _checked_error(error: object, where: str = "Refusal") -> None:
    """Refuse what `judge` could not make of a word and the vendor's facts."""
    if isinstance(error, type) and issubclass(error, Unfinished):
        raise TypeError(f"{where}: {error.__name__} holds bookings, which only Kobling can tell: choose another error")
    if isinstance(error, type) and issubclass(error, KoblingError):
        return
    if isinstance(error, str):
        raise TypeError(f"{where} is a text: write the class {error} without quotation marks, imported from kobling")
    name = error.__name__ if isinstance(error, type) else f"an object of type {type(error).__name__}"
    raise TypeError(f"{where} is {name}: it must be an error class of Kobling's, as SlotTaken, or a Refusal of one")


NEVER_CERTAIN = frozenset({408, 425, 499, *range(100, 200), *range(300, 400), *range(500, 1000)})
"""Statuses after which a write may have happened, whatever a vendor's table says: 1xx, which is no last answer, 3xx,
408, 425, 499, 5xx and what is above, which nobody has given a meaning."""

_READ: Mapping[int, Listed] = {
    400: Refusal(InvalidRequest, "refused_by_vendor"),
    401: CredentialsRejected,
    403: ScopeMissing,
    408: Refusal(VendorUnavailable, "status_408"),
    422: Refusal(InvalidRequest, "refused_by_vendor"),
    429: RateLimited,
}
_WRITE: Mapping[int, Listed] = {
    400: Refusal(InvalidRequest, "refused_by_vendor"),
    401: CredentialsRejected,
    403: ScopeMissing,
    404: Refusal(VendorProtocolError, "status_404"),
    405: Refusal(VendorProtocolError, "status_405"),
    406: Refusal(VendorProtocolError, "status_406"),
    410: Refusal(VendorProtocolError, "status_410"),
    411: Refusal(VendorProtocolError, "status_411"),
    413: Refusal(VendorProtocolError, "status_413"),
    414: Refusal(VendorProtocolError, "status_414"),
    415: Refusal(VendorProtocolError, "status_415"),
    422: Refusal(InvalidRequest, "refused_by_vendor"),
    429: RateLimited,
    431: Refusal(VendorProtocolError, "status_431"),
}
_NOTHING_THERE = frozenset({404, 405, 410})
"""How a server answers that is there but has no such API. A page of HTML with such a status, or one without a code
where the vendor's refusals have one, is no word of the vendor's about a clinic or a booking: "gone" must not be read
into it."""
_ON_A_BOOKING = frozenset({"cancel", "reschedule", "get_booking"})


def judge(
    response: Response,
    *,
    table: ErrorMap,
    operation: str,
    write: bool,
    expect: frozenset[int | str],
    typed_host: bool,
    url: str,
    typed_url: str,
) -> KoblingError | None:
    """The error that a reply stands for, or None when it is an answer. The reply is read without strict keys: a code
    counts wherever one stands.

    write: the request was the operation's write. typed_host: the host came from the connection's booking URL, so that
    a redirect, or a server that knows nothing of the vendor's API, is the administrator's to mend. typed_url: the
    booking URL in its one spelling, with which `url` then begins; "" where there is none.
    """
    reply = response.reply
    status = reply.status
    code, fields = _vendor_words(response, table)
    if code in expect and _can_be_read(status) and not (write and status in NEVER_CERTAIN):
        return None
    listed: Listed | None = None
    if code:
        listed = table.codes.get((operation, code), table.codes.get(code))
    elif 200 <= status < 300 or (status in expect and not (typed_host and _elsewhere(reply))):
        return None
    if listed is None and not 200 <= status < 300:
        if status in expect and code:
            return None
        listed = table.statuses.get((operation, status), table.statuses.get(status))
    facts: dict[str, Any] = {"vendor_code": code, "vendor_request_id": _request_id(reply), "retry_after": None}
    if status in (429, 503):
        facts["retry_after"] = retry_after(reply)
    if write and (status in NEVER_CERTAIN or (listed is None and status not in _WRITE)):
        return OutcomeUnknown("vendor_code" if 200 <= status < 300 else f"status_{status}", **facts)
    if 300 <= status < 400:
        return _redirect(reply, url, typed_url, typed_host)
    if status >= 500:
        return VendorUnavailable(f"status_{status}", **facts)
    if typed_host and not code and (_elsewhere(reply) or (status in _NOTHING_THERE and listed is None and table.code)):
        return UrlNotAllowed("nothing_there", **facts)
    its_own = not _elsewhere(reply) and (bool(code) or table.code is None)
    if listed is None and status in (404, 410) and operation in _ON_A_BOOKING and its_own:
        listed = BookingNotFound
    if listed is None:
        other = Refusal(VendorProtocolError, "vendor_code" if 200 <= status < 300 else f"status_{status}")
        listed = (_WRITE if write else _READ).get(status, other)
    refusal = listed if isinstance(listed, Refusal) else Refusal(listed)
    named = refusal.fields or fields
    if named:
        facts["fields"] = named
    return refusal.error(refusal.because, **facts)


def _can_be_read(status: int) -> bool:
    """Whether an answer is the vendor's own, with a code that an adapter may handle itself."""
    return 200 <= status < 300 or 400 <= status < 500


def fail(failure: WireFailure, *, write: bool, typed_host: bool) -> KoblingError:
    """The error that a failed exchange stands for."""
    reason = failure.detail if failure.kind == "tls" and failure.detail else failure.kind
    if write and failure.left:
        return OutcomeUnknown(reason)
    if failure.kind == "dns" and failure.detail == "timeout":
        return VendorTimeout("dns_timeout")
    if typed_host and failure.kind in ("dns", "address", "tls"):
        return UrlNotAllowed("private_address" if failure.kind == "address" else reason)
    if failure.detail in UNSENDABLE:
        return AdapterBug(failure.detail)
    if failure.kind == "expired":
        return LeaseExpired()
    if failure.kind in ("timeout", "connect_timeout"):
        return VendorTimeout(reason)
    if failure.kind in ("protocol", "encoding", "too_large"):
        return VendorProtocolError(reason)
    return VendorUnavailable(reason)


def code_in(response: Response, table: ErrorMap) -> str:
    """The vendor's code in an answer, as the table finds it; "" where it finds none. Never raises."""
    return _vendor_words(response, table)[0]


def _vendor_words(response: Response, table: ErrorMap) -> tuple[str, tuple[str, ...]]:
    """The vendor's code as it stands, for the table only, and the fields that it names as words."""
    if table.code is None and table.field is None:
        return "", ()
    code: object = None
    if callable(table.code):
        try:
            code = table.code(response)
        except Exception as problem:  # noqa: BLE001 - a code function that raises finds no code; it decides nothing
            del problem
    pointers = _pointers(table.code)
    outcome = response.parsed() if pointers or table.field else None
    data = outcome.value if isinstance(outcome, Parsed) else None
    for pointer in pointers:
        code = find(data, pointer)
        if isinstance(code, str | int) and not isinstance(code, bool):
            break
    names = _every(data, table.field)[:MOST_FIELDS] if table.field else []
    fields = tuple(word(table.field_names.get(str(name), str(name))) for name in names)
    if isinstance(code, int) and not isinstance(code, bool):
        code = str(code)
    return code if isinstance(code, str) else "", tuple(dict.fromkeys(name for name in fields if name))


def _every(data: Any, pointer: str) -> list[Any]:
    """The texts, or what the lists hold, to which a pointer leads, `*` being every entry of a list."""
    place, *rest = _EACH.split(pointer, maxsplit=1)
    found = find(data, place)
    if rest:
        return [name for one in found for name in _every(one, rest[0])] if isinstance(found, list) else []
    return found if isinstance(found, list) else [found] if isinstance(found, str) else []


def _request_id(reply: WireReply) -> str:
    for name in ("x-request-id", "x-correlation-id", "request-id", "traceparent"):
        if value := reply.header(name):
            return word(value)
    return ""


def _elsewhere(reply: WireReply) -> bool:
    """True for a refusal that a web server writes where it has nothing: HTML or the like, whatever the header says."""
    return reply.status in _NOTHING_THERE and reply.body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def _redirect(reply: WireReply, url: str, typed_url: str, typed_host: bool) -> KoblingError:
    """A redirect is never followed. Within the same site its target is told; where it is the same call at another
    address, that address is what should have been typed."""
    if not typed_host:
        return VendorProtocolError("redirect")
    here, there = urlsplit(url), joined(url, reply.header("location") or "")
    if there is None or "@" in there.netloc or _site(there.hostname) != _site(here.hostname):
        return UrlNotAllowed("redirect_elsewhere")
    host = f"{there.scheme}://{there.netloc.lower()}"
    called = here.path.removeprefix(urlsplit(typed_url).path)
    instead = host + there.path.removesuffix(called)
    same_call = there.path.endswith(called) and instead.startswith("https://") and instead != typed_url
    if typed_url and same_call and _shown(instead):
        return UrlNotAllowed("redirect", target=instead)
    page = host + there.path
    return UrlNotAllowed("redirect_to_page", target=page) if _shown(page) else UrlNotAllowed("redirect_elsewhere")


def _shown(target: str) -> bool:
    return bool(UrlNotAllowed(target=target).target)


def joined(base: str, link: str) -> SplitResult | None:
    """Where a link leads, read against `base`; None when it can't be read."""
    try:
        return urlsplit(urljoin(base, link))
    except ValueError:  # a broken address in brackets
        return None


def _site(host: str | None) -> str:
    """The part of a host name that one owner holds: the last two labels, three where the second is a short word as in
    `co.uk`, and the whole of an address."""
    labels = (host or "").lower().split(".")
    if ":" in labels[-1] or labels[-1].isdecimal():
        return ".".join(labels)
    return ".".join(labels[-3:] if len(labels) > 2 and len(labels[-2]) <= 3 else labels[-2:])
