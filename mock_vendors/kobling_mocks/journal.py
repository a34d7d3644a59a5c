"""The journal: every call a mock received, without keys and without patients, with what was wrong about it.

An entry is safe to print, to archive and to put in a report: secrets and what belongs to a patient are replaced by
`#` and a digest that is salted per journal. The same value gives the same digest within one journal, so a test can say
"the same key came twice" with `journal.digest(key)`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

__all__ = ["FINDINGS", "Call", "Effect", "Finding", "Journal", "describe", "personal_in_url"]

Effect = Literal["none", "done", "later"]
"""What a call changed at the vendor: nothing, something, or something that is committed later."""

FINDINGS: Mapping[str, str] = {
    "secret_in_url": "A key stood in the URL, where proxies and logs keep it.",
    "secret_out_of_place": "A key stood in a header or field where this vendor does not expect it.",
    "patient_in_url": "A patient's name, e-mail, phone number or national id stood in the URL.",
    "unknown_parameter": "A query parameter that this operation does not know.",
    "unknown_field": "A body field that this operation does not know.",
    "needless_patient_data": "More about the patient than this operation needs.",
    "patients_listed": "The clinic's list of patients was read: nobody needs it to book.",
    "national_id_in_text": "Something that looks like a national id stood in a free text.",
    "missing_auth": "No credential came with the call.",
    "cookie_of_another_clinic": "A cookie that was set for another clinic or another caller came back here.",
    "unexpected_cookie": "A cookie that this vendor never set.",
    "unreadable_body": "The body was not the JSON object that this operation expects.",
    "unknown_route": "There is no such operation at this vendor.",
}


@dataclass(frozen=True)
class Finding:
    """One thing wrong about a call: a code from `FINDINGS` and where (`"query.apikey"`, `"body.email"`)."""

    code: str
    where: str

    @property
    def text(self) -> str:
        """The sentence for the code."""
        return FINDINGS[self.code]


@dataclass(frozen=True)
class Call:
    """One received call.

    `at` is the clinic's clock, aware UTC. `operation` is the dialect's name for it, None for an unknown route; `clinic`
    is the external id in the call. `path`, `query`, `headers` and `body` hold digests instead of secrets and patients.
    `status` is what the vendor's system answered, also where a `fault` kept that answer from arriving; None while the
    call is under way or where a fault struck before the vendor did anything. `held` says that a barrier held the call
    together with all its others.
    """

    number: int
    at: datetime
    operation: str | None
    clinic: str | None
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = None
    status: int | None = None
    effect: Effect = "none"
    appointment: str | None = None
    fault: str | None = None
    fault_when: str | None = None
    held: bool = False
    findings: tuple[Finding, ...] = ()


class _Here(threading.local):
    number: int = 0


class Journal:
    """The calls of one world in the order in which they came. Thread safe."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)
        self._calls: list[Call] = []
        self._lock = threading.Lock()
        self.begun_here = _Here()
        """`number` of the call that the running thread began last: an in-process caller's way to its own entry."""

    def digest(self, value: str) -> str:
        """`#` and ten hexadecimal digits for a value that is not to be kept."""
        return "#" + hashlib.blake2b(value.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=5).hexdigest()

    def begin(self, at: datetime, operation: str | None, method: str, path: str) -> int:
        """Enter a call as it arrives and return its number."""
        with self._lock:
            number = len(self._calls) + 1
            self._calls.append(Call(number, at, operation, None, method, path))
        self.begun_here.number = number
        return number

    def note(self, number: int, **changes: Any) -> None:
        """Complete an entry. An entry that has been forgotten meanwhile is left alone."""
        with self._lock:
            if 0 < number <= len(self._calls):
                self._calls[number - 1] = replace(self._calls[number - 1], **changes)

    def find(self, number: int, *findings: Finding) -> None:
        """Add findings to an entry."""
        with self._lock:
            if 0 < number <= len(self._calls):
                call = self._calls[number - 1]
                self._calls[number - 1] = replace(call, findings=call.findings + findings)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call so far, oldest first."""
        with self._lock:
            return tuple(self._calls)

    def of(self, operation: str) -> tuple[Call, ...]:
        """The calls of one operation, oldest first."""
        return tuple(call for call in self.calls if call.operation == operation)

    @property
    def findings(self) -> tuple[tuple[Call, Finding], ...]:
        """Every finding with its call."""
        return tuple((call, finding) for call in self.calls for finding in call.findings)

    def clear(self) -> None:
        """Forget every call. The salt stays, so digests stay comparable."""
        with self._lock:
            self._calls.clear()

    def __len__(self) -> int:
        with self._lock:
            return len(self._calls)


def describe(body: Any, plain: frozenset[str], digest: Any, keys: Collection[str] = ()) -> Any:
    """The shape of a body: names and plain values stay, every other text becomes its length and digest.

    `plain` are the field names whose values are neither secret nor a patient's. Numbers, truth values and null stay.
    One of `keys` stands nowhere, not in a plain value and not in a name either.
    """

    def hidden(text: str) -> str:
        return f"{len(text)} characters {digest(text)}" if text else ""

    def clean(text: str) -> str:
        return hidden(text) if any(key in text for key in keys) else text

    def shape(value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {clean(str(key)): shape(inner, str(key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [shape(inner, name) for inner in value]
        if value is None or isinstance(value, bool):
            return value
        if name in plain:
            return clean(value) if isinstance(value, str) else value
        return hidden(str(value))

    return shape(body, "")


_NOT_PERSONAL = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # UUIDs
    r"|\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?(?:Z|[+-]\d{2}:?\d{2})?"  # dates and times
)
_EMAIL = re.compile(r"[^\s/?&=@]+@[^\s/?&=@]+\.[^\s/?&=@]+")
NATIONAL_ID = re.compile(r"(?<!\d)[0-7]\d[0-9]\d{3} ?\d{5}(?!\d)")
"""Eleven digits that may be a fødselsnummer or D-number, test persons included."""
_OWN_NUMBER = re.compile(r"[235-8]\d{7}")
"""Eight bare digits that are no mobile number. As a whole part of a path they are an id rather than anybody's."""
_PHONE = re.compile(r"(?:\+|00)?(?:47)? ?(?<!\d)[2-9]\d(?: ?\d{2}){3}(?!\d)|\+\d{8,}")


def personal_in_url(text: str, names: Iterable[str], *, in_path: bool = False) -> bool:
    """True where decoded text of a URL holds an e-mail, a phone number, a national id or one of `names`. in_path: the
    text is a whole part of the path."""
    shaped, folded = _read(text)
    an_id = in_path and _OWN_NUMBER.fullmatch(text) is not None
    return (shaped and not an_id) or any(len(name) > 3 and _folded(name) in folded for name in names)


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[bool, str]:
    """Whether a part of a URL has the shape of something personal, and the part as names are looked for in it."""
    rest = _NOT_PERSONAL.sub(" ", text)
    shaped = any(shape.search(rest) for shape in (_EMAIL, NATIONAL_ID, _PHONE))
    return shaped, " ".join(rest.replace("+", " ").replace("-", " ").split()).casefold()


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
