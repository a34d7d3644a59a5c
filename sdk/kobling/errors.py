"""Every error of Kobling: one branch per next step of the caller.

    KoblingError                 what every one carries: code, effect, actor, retry, vendor, operation, explain(lang)
    ├─ ConnectionProblem         fix the connection, then test again
    │  ├─ InvalidConnection      ├─ CredentialsRejected   ├─ ClinicNotFound   ├─ DepartmentNotFound
    │  └─ UrlNotAllowed          └─ NotActivated          └─ ScopeMissing
    ├─ RequestRejected           choose something else; nothing was changed
    │  ├─ SlotTaken              ├─ SlotWithdrawn         ├─ BookingNotFound  ├─ TooLateToChange
    │  ├─ PatientFieldRequired   ├─ PatientLimitReached   ├─ InvalidRequest   ├─ RescheduleNeedsGap
    │  └─ ResolveFirst           └─ LeaseExpired
    ├─ VendorUnavailable         nothing was changed, try later
    │  └─ VendorTimeout          └─ RateLimited
    ├─ OutcomeUnknown            look before you try again (`Session.resolve`)
    ├─ Unfinished                something stands that a person or the caller must put right
    │  └─ BookedDifferently      └─ RescheduleHalfDone
    └─ ContractViolation         a defect: report it
       └─ VendorProtocolError    └─ UnsupportedOperation  └─ AdapterBug

`effect` says what is certain about the vendor's side: "none" (nothing was changed), "done" (it was changed) or
"unknown". An error is an `OutcomeUnknown` if and only if its effect is "unknown".

No constructor takes free text: a reason is a word (`because`), a field is a field's name, and what people read comes
from `messages/nb.toml` and `messages/en.toml`. So no key, no patient and no vendor's page can end up in an exception.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self
from uuid import UUID

from . import texts

if TYPE_CHECKING:
    from .booking import Booking, BookingRef

Effect = Literal["none", "done", "unknown"]
Actor = Literal["administrator", "clinic", "vendor", "it", "registry", "nobody"]
Retry = Literal["after_fix", "other_choice", "later", "look_first", "never"]
Language = Literal["nb", "en"]

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:\-/\[\]]{0,79}")
_HOST = re.compile(r"https?://[a-z0-9.\-:\[\]]{1,253}(/[A-Za-z0-9._~\-/]{0,120})?")

ACTOR_BY_REASON: dict[str, Actor] = {
    "private_address": "it",
    "self_signed": "it",
    "unknown_authority": "it",
    "certificate_expired": "it",
    "certificate_not_yet_valid": "it",
    "certificate_revoked": "it",
    "certificate": "it",
    "wrong_host": "it",
    "protocol_version": "it",
    "not_tls": "it",
    "handshake": "it",
    "switched_off_by_clinic": "clinic",
}
"""Reasons that name another person than the error's class does: a server's certificate and address are IT's."""


def word(value: str) -> str:
    """`value` when it is a single word of letters, digits, `_ . : - / [ ]` and at most 80 long; else ""."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _words_only(because: str, *more: tuple[str, ...]) -> bool:
    return all(isinstance(some, tuple) and all(one == "" or word(one) for one in some) for some in ((because,), *more))


class KoblingError(Exception):
    """Base of all errors that Kobling raises on purpose.

    because: a word that narrows the code (`"not_https"`, `"missing_id"`). detail: the word of the failure that led
    here, where `because` tells how far things had come. fields: the connection or request fields
    concerned. vendor_code: the vendor's own error code, when it is a single word. vendor_request_id: the vendor's
    request id from its reply. correlation_id: Kobling's id of the operation, the same in every event of it.
    retry_after: seconds the vendor asked to wait. residue: names of records that were left behind at the vendor,
    as `"patient:<vendor id>"`; `"patient:unknown"` where the id is not known, or is the patient's own (a phone number).
    """

    code: ClassVar[str] = "error"
    actor: Actor = "registry"
    retry: ClassVar[Retry] = "never"
    effect: Effect = "none"

    def __new__(
        cls,
        because: str = "",
        *,
        detail: str = "",
        fields: tuple[str, ...] = (),
        problems: tuple[tuple[str, str], ...] = (),
        differences: tuple[str, ...] = (),
        **facts: Any,
    ) -> Self:
        """Refuses text in place of words: here, so that no `__init__` with the text stands in the traceback."""
        if not _words_only(because, (detail,), fields, differences, *problems):
            del because, detail, fields, problems, differences, facts
            raise TypeError("a Kobling error takes words, not text: say what happened in messages/*.toml")
        return super().__new__(cls, because)

    def __init__(
        self,
        because: str = "",
        *,
        fields: tuple[str, ...] = (),
        vendor: str = "",
        operation: str = "",
        correlation_id: str = "",
        vendor_code: str = "",
        vendor_request_id: str = "",
        retry_after: float | None = None,
        residue: tuple[str, ...] = (),
        target: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(because)
        self.because = because
        self.detail = detail
        self.actor = ACTOR_BY_REASON.get(because, type(self).actor)
        self.fields = fields
        self.vendor = vendor
        self.vendor_name = ""
        self.operation = operation
        self.correlation_id = correlation_id
        self.vendor_code = word(vendor_code)
        self.vendor_request_id = word(vendor_request_id)
        self.retry_after = retry_after
        self.residue = residue
        self.target = target if _HOST.fullmatch(target) else ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross from a process pool or a task queue whole, also those that are made with more than a word."""
        return type(self).__new__, (type(self), self.because), vars(self)

    def explain(self, lang: Language = "nb") -> str:
        """What happened and what to do, for a person, in Norwegian bokmål or English."""
        return texts.explain_error(self, lang)

    def as_dict(self) -> dict[str, Any]:
        """The same facts for a machine: only words, numbers and the texts in both languages."""
        return {
            "code": self.code,
            "because": self.because,
            "detail": self.detail,
            "effect": self.effect,
            "actor": self.actor,
            "retry": self.retry,
            "fields": list(self.fields),
            "vendor": self.vendor,
            "operation": self.operation,
            "correlation_id": self.correlation_id,
            "vendor_code": self.vendor_code,
            "vendor_request_id": self.vendor_request_id,
            "retry_after": self.retry_after,
            "residue": list(self.residue),
            "target": self.target,
            "text": {"nb": self.explain("nb"), "en": self.explain("en")},
        }

    def __str__(self) -> str:
        head = self.code + (f" ({self.because})" if self.because else "")
        where = " ".join(part for part in (self.vendor, self.operation) if part)
        facts = [f"effect {self.effect}"]
        facts += [f"after {self.detail}"] if self.detail else []
        facts += [f"fields {', '.join(self.fields)}"] if self.fields else []
        facts += [f"vendor code {self.vendor_code}"] if self.vendor_code else []
        facts += [f"vendor request {self.vendor_request_id}"] if self.vendor_request_id else []
        facts += [f"id {self.correlation_id}"] if self.correlation_id else []
        return f"{head}{' in ' + where if where else ''} [{'; '.join(facts)}]: {self._told()}"

    def _told(self) -> str:
        """What `str()` tells: whoever reads it writes programs."""
        return self.explain("en")


class ConnectionProblem(KoblingError):
    """The connection itself is wrong: fix it, then test again."""

    code = "connection_problem"
    actor: Actor = "administrator"
    retry: ClassVar[Retry] = "after_fix"


class InvalidConnection(ConnectionProblem):
    """A field is missing, malformed, masked, or filled in although the vendor does not use it."""

    code = "invalid_connection"

    def __init__(self, because: str = "", *, problems: tuple[tuple[str, str], ...] = (), **facts: Any) -> None:
        facts.setdefault("fields", tuple(dict.fromkeys(field for field, _ in problems)))
        super().__init__(because or (problems[0][1] if problems else ""), **facts)
        self.problems = problems
        """Every problem found, as (field, reason word)."""


class CredentialsRejected(ConnectionProblem):
    """The vendor does not accept the key. `fields` names every field that may be the wrong one."""

    code = "credentials_rejected"

    def __init__(self, because: str = "", **facts: Any) -> None:
        facts.setdefault("fields", ("api_key",))
        super().__init__(because, **facts)


class ClinicNotFound(ConnectionProblem):
    """The vendor knows no clinic by this id, or hides it from this key."""

    code = "clinic_not_found"

    def __init__(self, because: str = "", **facts: Any) -> None:
        facts.setdefault("fields", ("external_id",))
        super().__init__(because, **facts)


class DepartmentNotFound(ConnectionProblem):
    """The vendor's own list of departments does not hold this one."""

    code = "department_not_found"

    def __init__(self, because: str = "", **facts: Any) -> None:
        facts.setdefault("fields", ("department_id",))
        super().__init__(because, **facts)


class UrlNotAllowed(ConnectionProblem):
    """The booking URL, or an address its name stands for, may not be called. `target` is where it points instead."""

    code = "url_not_allowed"

    def __init__(self, because: str = "", **facts: Any) -> None:
        facts.setdefault("fields", ("booking_url",))
        super().__init__(because, **facts)


class NotActivated(ConnectionProblem):
    """The vendor has not switched the integration on for this clinic."""

    code = "not_activated"
    actor: Actor = "vendor"


class ScopeMissing(ConnectionProblem):
    """The key is right, but may not do this. The clinic gives it the right, or makes a new key."""

    code = "scope_missing"
    actor: Actor = "clinic"


class RequestRejected(KoblingError):
    """The vendor, or Kobling, refused this one request, and nothing was changed."""

    code = "request_rejected"
    retry: ClassVar[Retry] = "other_choice"


class SlotTaken(RequestRejected):
    """Somebody else has the time now."""

    code = "slot_taken"


class SlotWithdrawn(RequestRejected):
    """The time is no longer offered: it may be blocked, restricted or outside the plan."""

    code = "slot_withdrawn"


class BookingNotFound(RequestRejected):
    """The vendor knows no such booking."""

    code = "booking_not_found"


class TooLateToChange(RequestRejected):
    """The clinic's deadline for cancelling or moving has passed, or it does not allow it at all."""

    code = "too_late_to_change"
    actor: Actor = "clinic"


class PatientFieldRequired(RequestRejected):
    """The vendor needs something about the patient that the request does not hold; `fields` says what."""

    code = "patient_field_required"


class PatientLimitReached(RequestRejected):
    """The clinic allows no more bookings for this patient now."""

    code = "patient_limit_reached"


class InvalidRequest(RequestRejected):
    """The request cannot be carried out as it is; `fields` names what is wrong in it."""

    code = "invalid_request"


class RescheduleNeedsGap(RequestRejected):
    """The booking can only be moved by cancelling it first (`allow_gap=True`): for a moment there is no time."""

    code = "reschedule_needs_gap"


class ResolveFirst(RequestRejected):
    """No further booking is made under this reference. Because `"already_booked"`, it has its booking: use that one,
    and make a new request for another. Else an earlier attempt is `"under_way"` or its outcome is unknown: call
    `resolve` before booking again."""

    code = "resolve_first"
    retry: ClassVar[Retry] = "look_first"


class LeaseExpired(RequestRejected):
    """The caller's `not_after` had passed before the write could be sent; it was not sent."""

    code = "lease_expired"
    retry: ClassVar[Retry] = "later"


class VendorUnavailable(KoblingError):
    """The vendor did not do its part, and nothing was changed. Try later."""

    code = "vendor_unavailable"
    actor: Actor = "nobody"
    retry: ClassVar[Retry] = "later"


class VendorTimeout(VendorUnavailable):
    """The vendor did not answer in time, on a call that changes nothing."""

    code = "vendor_timeout"


class RateLimited(VendorUnavailable):
    """The vendor's limit on calls is reached; `retry_after` says for how many seconds, when it is known."""

    code = "rate_limited"


class OutcomeUnknown(KoblingError):
    """A write may or may not have happened. Never send it again: `Session.resolve` looks.

    because: why it is unknown (`"timeout"`, `"status_503"`, `"missing_id"`, `"cancelled_by_caller"`, …).
    reference: the booking request's reference, or None for an operation that has none.
    """

    code = "outcome_unknown"
    retry: ClassVar[Retry] = "look_first"
    effect: Effect = "unknown"

    def __init__(self, because: str = "", *, reference: UUID | None = None, **facts: Any) -> None:
        super().__init__(because, **facts)
        self.reference = reference


class Unfinished(KoblingError):
    """The vendor's side was changed, but not to what was asked. Each carries every booking involved."""

    code = "unfinished"
    retry: ClassVar[Retry] = "look_first"
    effect: Effect = "done"


class BookedDifferently(Unfinished):
    """A booking stands, but differs from the request. `booking` is what the vendor says; nothing was withdrawn."""

    code = "booked_differently"

    def __init__(self, because: str = "", *, booking: Booking, differences: tuple[str, ...], **facts: Any) -> None:
        facts.setdefault("fields", differences)
        super().__init__(because, **facts)
        self.booking = booking
        self.differences = differences


class RescheduleHalfDone(Unfinished):
    """A move stopped in the middle. because: `"old_unknown"` (the new one stands, and it is not known whether the old
    one does), `"not_confirmed"` (both stand, since the clinic has not said yes to the new one), `"both_stand"` (the old
    one may not be given up, and the new one could not be withdrawn) or `"old_cancelled"` (the old one is gone, and
    nothing was booked).

    new: the new booking, None when there is none. old: the one to be given up.
    """

    code = "reschedule_half_done"

    def __init__(self, because: str = "", *, new: Booking | None, old: BookingRef, **facts: Any) -> None:
        super().__init__(because, **facts)
        self.new = new
        self.old = old


class ContractViolation(KoblingError):
    """Something broke the contract: the vendor's answer, the adapter, or the caller's expectation of it."""

    code = "contract_violation"
    actor: Actor = "vendor"


class VendorProtocolError(ContractViolation):
    """The vendor's answer is not what its description says. `fields` holds the place in it (a JSON pointer's parts)."""

    code = "vendor_protocol_error"
    retry: ClassVar[Retry] = "later"


class UnsupportedOperation(ContractViolation):
    """This vendor, or this connection, does not offer the operation. No request was sent."""

    code = "unsupported_operation"
    actor: Actor = "registry"


class AdapterBug(ContractViolation):
    """The adapter broke a rule of the contract or raised an error of its own. Its author must mend it: `str()` of the
    error tells them how, `explain` tells everybody else."""

    code = "adapter_bug"

    @property
    def topic(self) -> str:
        """The word under which `kobling about` and the site's page of defects tell of it."""
        return texts.defect_topic(self.because)

    def defect(self, lang: Language = "en") -> str:
        """What the adapter did, and how to write it instead."""
        return texts.explain_defect(self.because, lang)

    def _told(self) -> str:
        return f"{self.defect()} (kobling about {self.topic}) To everybody else it says: {self.explain('en')}"


def all_errors() -> dict[str, type[KoblingError]]:
    """Every error class by its code, the base excluded."""
    found: dict[str, type[KoblingError]] = {}
    queue: list[type[KoblingError]] = [KoblingError]
    while queue:
        for cls in queue.pop().__subclasses__():
            if cls.__module__ == __name__:
                found[cls.code] = cls
                queue.append(cls)
    return found
