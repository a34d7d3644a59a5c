"""Everything that is guessed about Extensor, in one place, so that it can be corrected as data: the whole wire.

Synthetic, not verified against the vendor. Two things are known: the registry's help article says that Extensor is
the one system whose connection has a booking URL, and the vendor's site says that the programme runs at the clinic.
Paths, names, codes, words and formats below are ours, chosen to be what a programme of that kind would plausibly
speak; the mock speaks the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from kobling import (
    BookingFacts,
    BookingNotFound,
    BookingRequest,
    CatalogueFacts,
    ClinicNotFound,
    CredentialsRejected,
    DepartmentNotFound,
    ErrorMap,
    InvalidRequest,
    Limits,
    Name,
    NotActivated,
    OwnReference,
    PatientFieldRequired,
    PatientFields,
    PatientLimitReached,
    Provenance,
    RateCode,
    Refusal,
    ResolveFirst,
    Slot,
    SlotLimits,
    SlotTaken,
    SlotWithdrawn,
    TooLateToChange,
    WhyNot,
    WireModel,
)

# ---- where and how to ask

BASE: Final = "{booking_url}/api"
KEY_HEADER: Final = "X-Api-Key"
PARAMS: Final[Mapping[str, str]] = {"klinikk": "{external_id}", "avdeling": "{department_id}"}
"""Sent with every call. Without a department the second is left out, and the whole clinic is meant."""
DEPARTMENT: Final = "avdeling"

PING: Final = "ping"
PRACTITIONERS: Final = "behandlere"
SERVICES: Final = "timetyper"
OPEN_TIMES: Final = "ledigetimer"
BOOKINGS: Final = "timer"
BOOKING: Final = "timer/{}"

ZONE: Final = "Europe/Oslo"
"""The zone of all times on the wire, which carry no offset."""

TYPED_NUMBER: Final = r"[1-9][0-9]{0,9}"
"""How the clinic's and the department's number are written."""

INFERRED_REASONS: Final[frozenset[WhyNot]] = frozenset(
    {
        "not_person_owned",
        "offline",
        "restricted_patient_list",
        "no_insurance_rate",
        "no_rule_for_calendar",
        "hidden_type",
        "group_type",
        "service_offline",
        "other_department",
    }
)

LIMITS: Final = Limits(
    slots=SlotLimits(days=31, per=("practitioner",)),
    catalogue=CatalogueFacts(
        names_clinic=True,
        departments="listed",
        rates="offers",
        inferred=frozenset({"names_clinic", "departments", "rates"}),
    ),
    booking=BookingFacts(
        mode="sync",
        overlap="refused",
        reference_in="field",
        live_search=True,
        inferred=frozenset({"mode", "overlap", "reference_in", "live_search"}),
    ),
    timeout_read=30.0,
    timeout_write=45.0,
)
"""A server in a clinic's back room is slow. Nobody says when a write whose answer was lost can no longer take effect,
so an absent booking is never a proof by itself."""

PROVENANCE: Final = Provenance(tried=("mock",))
"""No operation is known, not even in part."""

PATIENT_FIELDS: Final = PatientFields(
    required=frozenset({"given_name", "family_name", "birth_date", "phone"}),
    unsent=frozenset({"email", "national_id"}),
    match="name_and_birth_date",
)

# ---- what the vendor answers

Number = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,17}$")]
"""An id: an integer on the wire, kept as its digits."""


class Klinikk(WireModel):
    """The clinic that the key belongs to."""

    id: Number
    navn: Name
    orgnr: str | None = None


class Avdeling(WireModel):
    """A department with its visiting address."""

    id: Number
    navn: Name = ""
    adresse: Name = ""


class Ping(WireModel):
    """`GET ping`: which clinic answers, and all of its departments."""

    klinikk: Klinikk
    avdelinger: tuple[Avdeling, ...]


class Behandler(WireModel):
    """A timebook: `eier` is a word of `OWNERS`, `nettbestilling` whether it is open for online booking."""

    id: Number
    navn: Name
    eier: str
    nettbestilling: bool
    hpr: str | None = Field(default=None, alias="hprNr")
    yrke: Name | None = None


class Takst(WireModel):
    """A rate."""

    kode: RateCode
    navn: Name = ""


class Regel(WireModel):
    """In which timebook a type is offered, to whom (a word of `PATIENTS`) and at which rates."""

    behandler: Number = Field(alias="behandlerId")
    pasienter: str
    takster: tuple[Takst, ...]


class Timetype(WireModel):
    """A kind of appointment. `avdelingId` null: no visiting address, so every department."""

    id: Number
    navn: Name
    minutter: int = Field(alias="varighetMinutter", ge=1, le=24 * 60)
    type: str
    nettbestilling: bool
    avdeling: Number | None = Field(alias="avdelingId")
    oppmoteformer: tuple[str, ...] = ()
    regler: tuple[Regel, ...]


class LedigTime(WireModel):
    """An open time. `start` is the clinic's wall clock, to the minute and without offset."""

    id: Number
    behandler: Number = Field(alias="behandlerId")
    timetype: Number = Field(alias="timetypeId")
    avdeling: Number | None = Field(alias="avdelingId")
    start: str
    minutter: int = Field(alias="varighetMinutter", ge=1, le=24 * 60)


class Time(WireModel):
    """A booking (time). `status` is a word of `STATUS_WORDS`; `forSent`: given up after the clinic's deadline."""

    id: Number
    behandler: Number = Field(alias="behandlerId")
    timetype: Number = Field(alias="timetypeId")
    avdeling: Number | None = Field(default=None, alias="avdelingId")
    start: str
    minutter: int = Field(alias="varighetMinutter", ge=1, le=24 * 60)
    status: str
    referanse: OwnReference = None
    opprettet: str | None = None
    frist: str | None = Field(default=None, alias="avbestillingsfrist")
    for_sent: bool | None = Field(default=None, alias="forSent")


class Timer(WireModel):
    """A listing of bookings. `fullstendig`: this key sees all of them."""

    timer: tuple[Time, ...]
    fullstendig: bool


# ---- words

OWNERS: Final[Mapping[str, Literal["person", "group", "department", "clinic"]]] = {
    "PERSON": "person",
    "GRUPPE": "group",
    "AVDELING": "department",
    "KLINIKK": "clinic",
}
"""Who owns a timebook; any other word is "unknown", and then it can't be booked."""

KINDS: Final[Mapping[str, Literal["ordinary", "group", "hidden"]]] = {
    "VANLIG": "ordinary",
    "GRUPPE": "group",
    "SKJULT": "hidden",
}

PATIENTS: Final[Mapping[str, Literal["all", "restricted"]]] = {"ALLE": "all", "LISTE": "restricted"}
"""Any other word is taken for a restriction: what may be kept to some patients is not offered to everybody."""

MODES: Final[Mapping[str, Literal["in_person", "video", "telephone"]]] = {
    "OPPMOTE": "in_person",
    "VIDEO": "video",
    "TELEFON": "telephone",
}

STATUS_WORDS: Final[Mapping[str, Literal["pending", "booked", "declined", "cancelled", "attended", "no_show"]]] = {
    "FORESPURT": "pending",
    "BEKREFTET": "booked",
    "AVSLATT": "declined",
    "AVBESTILT": "cancelled",
    "MOTT": "attended",
    "IKKE_MOTT": "no_show",
}
"""A word that is not here is "unknown", never "booked"."""

FIELD_NAMES: Final[Mapping[str, str]] = {
    "fornavn": "given_name",
    "etternavn": "family_name",
    "fodselsdato": "birth_date",
    "telefon": "phone",
    "melding": "message",
    "sakId": "message",
    "referanse": "reference",
    "ledigTimeId": "slot",
    "behandlerId": "practitioner_id",
    "timetypeId": "service_id",
    "avdeling": "department_id",
    "klinikk": "external_id",
}

ERRORS: Final = ErrorMap(
    codes={
        "UGYLDIG_NOKKEL": CredentialsRejected,
        "IKKE_AKTIVERT": NotActivated,
        "KLINIKK_UKJENT": ClinicNotFound,
        "AVDELING_UKJENT": DepartmentNotFound,
        "BEHANDLER_UKJENT": Refusal(SlotWithdrawn, "not_offered"),
        "TIMETYPE_UKJENT": Refusal(SlotWithdrawn, "not_offered"),
        "UGYLDIG_FORESPORSEL": Refusal(InvalidRequest, "refused_by_vendor"),
        "PASIENT_UFULLSTENDIG": PatientFieldRequired,
        "TIME_OPPTATT": SlotTaken,
        "TIME_IKKE_TILBUDT": SlotWithdrawn,
        "FOR_MANGE_TIMER": PatientLimitReached,
        "REFERANSE_I_BRUK": Refusal(ResolveFirst, "already_booked"),
        "TIME_UKJENT": BookingNotFound,
        "ALLEREDE_AVBESTILT": Refusal(BookingNotFound, "already_cancelled"),
        "FRIST_UTLOPT": TooLateToChange,
        "AVBESTILLING_IKKE_TILLATT": Refusal(TooLateToChange, "not_allowed"),
        "TIME_STARTET": Refusal(TooLateToChange, "started"),
    },
    statuses={
        401: Refusal(CredentialsRejected, fields=("booking_url", "api_key")),
        403: Refusal(CredentialsRejected, fields=("booking_url", "api_key")),
    },
    code="/feilkode",
    field="/felt",
    field_names=FIELD_NAMES,
)
"""Every answer of the programme's own has a code. A status without one is another server's word: a 404 then says
nothing about a clinic or a booking, a 409 nothing about a time, and a 401 may be a web server's own log-in, so that the
address may be the wrong one as well as the key."""

# ---- what is sent


def search_params(query_days: tuple[str, str], behandler: str, timetypes: tuple[str, ...]) -> dict[str, Any]:
    """The parameters of a search for open times: whole local days, both included."""
    only = timetypes[0] if len(timetypes) == 1 else None
    return {"fra": query_days[0], "til": query_days[1], "behandlerId": behandler, "timetypeId": only}


def order(request: BookingRequest) -> dict[str, Any]:
    """The body of a booking. The reference, the SakID and the message each have a field of their own."""
    patient = request.patient
    return {
        **place(request.slot),
        "fornavn": patient.given_name,
        "etternavn": patient.family_name,
        "fodselsdato": patient.birth_date.isoformat() if patient.birth_date else None,
        "telefon": patient.phone,
        "referanse": str(request.reference),
        "sakId": request.sak_id.value if request.sak_id else None,
        "melding": request.message,
    }


def place(slot: Slot) -> dict[str, Any]:
    """Which open time is meant: its own number, which tells the two equal wall-clock times of an autumn night apart."""
    return {
        "ledigTimeId": int(slot.token["id"]),
        "behandlerId": int(slot.practitioner_id),
        "timetypeId": int(slot.service_id),
    }
