"""What a vendor can and can't do, as data: how it may be asked, and what is known of how it books."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from .booking import Patient, PatientField
from .model import Model

Per = Literal["practitioner", "service"]
"""What a call for open times may be bound to."""
Kept = Literal["practitioner", "service", "location"]
"""What a move may have to keep. The location is where the patient comes: a Slot's and a Booking's `location_id`."""
Carried = Literal["field", "note", "patient_note", "nowhere"]
"""Where what we send with a booking stands at the vendor: in a field of its own, in the booking's note, in the note of
the patient's record, or nowhere."""
Source = Literal["known", "partly", "inferred", "nobody"]
"""How well something about a vendor is known, best first. "nobody": no page says, and the adapter assumes nothing."""


class SlotLimits(Model):
    """How open times may be asked for. days: the longest window of one call, in local days. per: the adapter is asked
    with exactly one of each kind named here. together: how many chunks may be asked at the same time. computed: the
    vendor has no call for open times, and the adapter works them out from opening hours and bookings; the SDK then
    marks each slot as derived."""

    days: int = Field(default=31, ge=1, le=366)
    per: tuple[Per, ...] = ()
    together: int = Field(default=4, ge=1, le=16)
    computed: bool = False


class Rate(Model):
    """The vendor's limit on calls: `calls` per `per` seconds. scope: what the vendor counts by. for_bookings: the
    share of the budget that reads leave alone, so that a search never keeps a patient from booking."""

    calls: int = Field(ge=1)
    per: float = Field(gt=0)
    scope: Literal["key", "host", "egress"] = "key"
    for_bookings: float = Field(default=0.1, ge=0, le=0.9)


class Facts(Model):
    """Facts about a vendor, each known or inferred: `inferred` names the guessed ones, `sources` says where a fact is
    from."""

    inferred: frozenset[str] = frozenset()
    sources: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_facts_that_exist(self) -> Self:
        unknown = (self.inferred | set(self.sources)) - (set(type(self).model_fields) - set(Facts.model_fields))
        if unknown:
            raise ValueError(f"inferred and sources name facts that do not exist: {', '.join(sorted(unknown))}")
        return self

    def source(self, fact: str) -> Source:
        """ "known", "inferred", or "nobody" for a fact that is not stated."""
        if fact not in self.model_fields_set or getattr(self, fact) in (None, "unknown"):
            return "nobody"
        return "inferred" if fact in self.inferred else "known"


class CatalogueFacts(Facts):
    """What the vendor shows of a clinic before anybody books.

    names_clinic: a test of the connection can show the clinic's name. departments: "listed" by the vendor, seen as
    visiting "addresses" on its services, or "nowhere". rates: on every offer, on the offers of "some" clinics, or
    "nowhere"; where there are none, the registry's own table counts.
    """

    names_clinic: bool = False
    departments: Literal["listed", "addresses", "nowhere"] = "nowhere"
    rates: Literal["offers", "some", "nowhere"] = "nowhere"


class BookingFacts(Facts):
    """How the vendor books.

    mode: "sync" when the answer is the booking, "request" when the clinic accepts later, "unknown".
    overlap: what the vendor does with a second booking of the same time.
    reference_in: where the reference tag stands at the vendor. sak_id_in: where the SakID stands; None for the same
    place. Wherever one of them stands in a note, the note is `request.note()`, which holds both. note_length:
    characters that fit in its note, where the caller's message stands as well.
    listed_by: what `list_bookings` can be asked by: the "days" of a window, or one booking's "reference" alone, which
    then has a field of its own. listed_days: the longest window of one call, in local days; Kobling asks for a longer
    one in parts. None for any. listed_per: "practitioner" where one call lists one practitioner's bookings; Kobling
    then asks for each, which the adapter finds in `query.practitioner_id`. None where one call can list all.
    latest_commit: seconds after which a write whose answer was lost can no longer take effect, and what took effect is
    seen by a reading; None when nobody says, and never without a source in `sources`. settle: seconds to wait before
    looking for overlapping bookings (the vendor's commit and visibility delay and its clock's resolution).
    live_search: True when a search is answered from the live state, not from a cache.
    """

    mode: Literal["sync", "request", "unknown"] = "unknown"
    overlap: Literal["refused", "accepted", "unknown"] = "unknown"
    reference_in: Carried = "nowhere"
    sak_id_in: Carried | None = None
    listed_by: Literal["days", "reference"] = "days"
    listed_days: int | None = Field(default=None, ge=1, le=366)
    listed_per: Literal["practitioner"] | None = None
    note_length: int | None = None
    latest_commit: float | None = None
    settle: float = Field(default=0.0, ge=0)
    live_search: bool | None = None

    @model_validator(mode="after")
    def _a_commit_bound_has_a_source(self) -> Self:
        if self.latest_commit is not None and not self.sources.get("latest_commit"):
            raise ValueError("latest_commit needs a source: name it in sources={'latest_commit': '…'}")
        return self

    @model_validator(mode="after")
    def _what_is_looked_up_has_a_field(self) -> Self:
        if self.listed_by == "reference" and self.reference_in != "field":
            raise ValueError("listed_by='reference' needs reference_in='field'")
        return self

    @property
    def sak_id_place(self) -> Carried:
        """Where the SakID stands: `sak_id_in`, or where the reference does."""
        return self.sak_id_in or self.reference_in

    @property
    def note_is_composed(self) -> bool:
        """Whether reference or SakID stands in a note, which then is the whole of `request.note()`."""
        return bool({self.reference_in, self.sak_id_place} & {"note", "patient_note"})

    def unproven(self) -> tuple[str, ...]:
        """What would have to be known for a slot that is still free to prove that nothing was booked."""
        table = (
            ("not_known_to_be_sync", self.mode != "sync" or "mode" in self.inferred),
            ("not_known_to_refuse_overlaps", self.overlap != "refused" or "overlap" in self.inferred),
            ("not_known_to_search_live", self.live_search is not True or "live_search" in self.inferred),
            ("no_bound_on_a_late_commit", self.latest_commit is None),
        )
        return tuple(word for word, missing in table if missing)


class Limits(Model):
    """All limits and facts of a vendor. reschedule_within: what must stay the same for the vendor to move a booking
    in one step, as `frozenset({"practitioner", "location"})`; any other move is booked anew and the old one cancelled.
    timeout_read, timeout_write: seconds for a whole call. calls: requests in one operation at most. reply_bytes: of one
    answer, unpacked; a longer one is the vendor's error. scoped_keys: a key may be allowed to read and not to write,
    which nobody can tell without writing."""

    slots: SlotLimits = SlotLimits()
    catalogue: CatalogueFacts = CatalogueFacts()
    booking: BookingFacts = BookingFacts()
    rate: Rate | None = None
    scoped_keys: bool = False
    reschedule_within: frozenset[Kept] = frozenset()
    timeout_read: float = Field(default=15.0, gt=0, le=120)
    timeout_write: float = Field(default=30.0, gt=0, le=120)
    calls: int = Field(default=200, ge=1, le=2000)
    reply_bytes: int = Field(default=8 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)


class PatientFields(Model):
    """What the vendor is told of a patient. Anything not declared is taken out before the adapter sees the patient.

    required: without these a booking is refused unsent. one_of: of each set at least one. optional: sent when known.
    in_url: fields that the vendor's API forces into a path or query. unsent: fields that the vendor has no room for.
    match: how the vendor finds the patient in its own records; "email" makes the SDK write name and birth year in the
    note, so that the clinic sees a mismatch.
    """

    required: frozenset[PatientField] = frozenset()
    one_of: tuple[frozenset[PatientField], ...] = ()
    optional: frozenset[PatientField] = frozenset()
    in_url: frozenset[PatientField] = frozenset()
    unsent: frozenset[PatientField] = frozenset()
    match: Literal["email", "phone", "national_id", "name_and_birth_date", "new_record", "unknown"] = "unknown"

    @property
    def declared(self) -> frozenset[PatientField]:
        """Every field that may be sent."""
        return self.required.union(self.optional, *self.one_of)

    def missing(self, patient: Patient) -> tuple[str, ...]:
        """Fields that must be filled in before this vendor can book; of a one-of set, all of its names."""
        if not isinstance(patient, Patient):
            del patient
            raise TypeError("missing() takes a Patient")
        gone = [name for name in sorted(self.required) if getattr(patient, name) is None]
        for choice in self.one_of:
            if all(getattr(patient, name) is None for name in choice):
                gone += sorted(choice)
        return tuple(dict.fromkeys(gone))

    def stripped(self, patient: Patient) -> Patient:
        """The patient with declared fields only."""
        if not isinstance(patient, Patient):
            del patient
            raise TypeError("stripped() takes a Patient")
        return Patient(**{name: getattr(patient, name) for name in self.declared})

    def note_lines(self, patient: Patient) -> tuple[str, ...]:
        """What the note says of the patient for this vendor: name and birth year where it matches by e-mail."""
        if not isinstance(patient, Patient):
            del patient
            raise TypeError("note_lines() takes a Patient")
        if self.match != "email":
            return ()
        year = f" ({patient.birth_date.year})" if patient.birth_date else ""
        return (f"{patient.name}{year}",) if patient.name else ()
