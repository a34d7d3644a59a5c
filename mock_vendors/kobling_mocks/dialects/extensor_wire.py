"""Bodies, parameters and answers of the synthetic Extensor, as pydantic models.

Ours, every one of them: no public description of Extensor's API exists.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AvbestillBody",
    "BehandlereAnswer",
    "BestillBody",
    "ErrorAnswer",
    "FlyttBody",
    "KlinikkQuery",
    "LedigeQuery",
    "LedigetimerAnswer",
    "PingAnswer",
    "ServerPath",
    "TimeAnswer",
    "TimePath",
    "TimerAnswer",
    "TimerQuery",
    "TimetyperAnswer",
]

Number = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Wall = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:00$", description="The clinic's wall clock, no offset, to the minute"),
]


class _Given(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


# ---- what is asked with


class ServerPath(BaseModel):
    """The clinic's own server; in production a host and a path, in the mock the first part of the path."""

    server: str


class TimePath(ServerPath):
    """A booking on that server."""

    timeId: str


class KlinikkQuery(_Parameters):
    """What every call says: for which clinic, and for which of its departments (all where it is left out)."""

    klinikk: Number = Field(description="The clinic's number (Ekstern ID)")
    avdeling: Number | None = Field(None, description="The department's number (Ekstern avdeling ID)")


class LedigeQuery(KlinikkQuery):
    """`GET ledigetimer`: whole local days, both included."""

    fra: date
    til: date
    behandlerId: Number | None = None
    timetypeId: Number | None = None


class TimerQuery(KlinikkQuery):
    """`GET timer`: whole local days, both included."""

    fra: date
    til: date
    behandlerId: Number | None = None


class FlyttBody(_Given):
    """`PUT timer/{id}`"""

    ledigTimeId: Number = Field(description="An open time's id, to be treated as opaque")
    behandlerId: Number
    timetypeId: Number


class BestillBody(FlyttBody):
    """`POST timer`"""

    fornavn: Text
    etternavn: Text
    fodselsdato: date = Field(strict=False)
    telefon: Text
    referanse: Text = Field(description="The registry's reference, unique among standing bookings")
    sakId: Annotated[str, Field(max_length=40)] | None = None
    melding: Annotated[str, Field(max_length=500)] | None = None


class AvbestillBody(_Given):
    """`DELETE timer/{id}`"""

    grunn: Annotated[str, Field(max_length=500)] | None = None


# ---- what is answered


class Klinikk(BaseModel):
    """The clinic that the key belongs to."""

    id: Number
    navn: str
    orgnr: str


class Avdeling(BaseModel):
    """A department; `adresse` is its first visiting address."""

    id: Number
    navn: str
    adresse: str


class PingAnswer(BaseModel):
    """Which clinic answers."""

    klinikk: Klinikk
    avdelinger: list[Avdeling]


class Behandler(BaseModel):
    """A timebook."""

    id: Number
    navn: str
    eier: Literal["PERSON", "GRUPPE", "AVDELING", "KLINIKK"]
    nettbestilling: bool
    hprNr: str | None
    yrke: str | None


class BehandlereAnswer(BaseModel):
    """Every timebook, also those that are offline."""

    behandlere: list[Behandler]


class Takst(BaseModel):
    """A rate: insurers', HELFO's and the clinic's own, in the clinic's order."""

    kode: str
    navn: str


class Regel(BaseModel):
    """A type in one timebook."""

    behandlerId: Number
    pasienter: Literal["ALLE", "LISTE"]
    takster: list[Takst]


class Timetype(BaseModel):
    """A kind of appointment; `avdelingId` is null where it has no visiting address."""

    id: Number
    navn: str
    varighetMinutter: int
    type: Literal["VANLIG", "SKJULT", "GRUPPE"]
    nettbestilling: bool
    avdelingId: Number | None
    oppmoteformer: list[Literal["OPPMOTE", "VIDEO", "TELEFON"]]
    regler: list[Regel]


class TimetyperAnswer(BaseModel):
    """Every type, also hidden ones."""

    timetyper: list[Timetype]


class LedigTime(BaseModel):
    """An open time."""

    id: Number
    behandlerId: Number
    timetypeId: Number
    avdelingId: Number | None
    start: Wall
    varighetMinutter: int


class LedigetimerAnswer(BaseModel):
    """Open times in order. A time in the hour that comes twice is listed once for each of its moments."""

    ledigetimer: list[LedigTime]


class Time(BaseModel):
    """A booking."""

    id: Number
    behandlerId: Number
    timetypeId: Number
    avdelingId: Number | None
    start: Wall
    varighetMinutter: int
    status: Literal["FORESPURT", "BEKREFTET", "AVSLATT", "AVBESTILT", "MOTT", "IKKE_MOTT"]
    referanse: str | None
    opprettet: Wall
    avbestillingsfrist: Wall
    forSent: bool


class TimeAnswer(BaseModel):
    """One booking as it is after the call."""

    time: Time


class TimerAnswer(BaseModel):
    """Bookings by start, cancelled ones and the clinic's own included."""

    timer: list[Time]
    fullstendig: bool


class ErrorAnswer(BaseModel):
    """Every refusal. `felt` names the fields that are wrong."""

    feilkode: str
    melding: str
    felt: list[str] | None = None
