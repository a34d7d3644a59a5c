"""The adapters of the synthetic vendor: one that does most of what the contract has room for, one that holds times
first, and two that do less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from kobling import (
    KEY,
    Adapter,
    Bearer,
    Booking,
    BookingFacts,
    BookingNotFound,
    BookingQuery,
    BookingRef,
    BookingRequest,
    ByCursor,
    ByLink,
    Cancelled,
    CancelReason,
    Catalogue,
    CatalogueFacts,
    Clinic,
    ClinicNotFound,
    ConnectionForm,
    CredentialsRejected,
    Department,
    ErrorMap,
    Http,
    InvalidRequest,
    Limits,
    Name,
    NotActivated,
    Offer,
    OwnReference,
    PatientFieldRequired,
    PatientFields,
    PatientLimitReached,
    Practitioner,
    Provenance,
    Rate,
    RateCode,
    Refusal,
    ResolveFirst,
    ScopeMissing,
    Service,
    Slot,
    SlotLimits,
    SlotQuery,
    SlotTaken,
    SlotWithdrawn,
    Token,
    TooLateToChange,
    VendorProtocolError,
    VendorUnavailable,
    WireModel,
    given,
    optional,
    required,
)
from kobling.clinic import ZoneName
from kobling.model import ClinicTime, Moment

__all__ = ["ERRORS", "BookingRow", "ByRequest", "HoldsFirst", "PractitionerRow", "SearchOnly", "Synthetic"]

Number = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,17}$")]
"""An id: an integer on the wire, kept as its digits."""

OWNERS: Final[Mapping[str, Literal["person", "group", "department", "clinic"]]] = {
    "person": "person",
    "group": "group",
    "department": "department",
    "clinic": "clinic",
}
KINDS: Final[Mapping[str, Literal["ordinary", "group", "hidden"]]] = {
    "ordinary": "ordinary",
    "group": "group",
    "hidden": "hidden",
}
STATUS_WORDS: Final[Mapping[str, Literal["pending", "booked", "declined", "cancelled", "attended", "no_show"]]] = {
    "requested": "pending",
    "confirmed": "booked",
    "declined": "declined",
    "cancelled": "cancelled",
    "attended": "attended",
    "missed": "no_show",
}
"""A word that is not here is "unknown", never "booked"."""

ERRORS: Final = ErrorMap(
    codes={
        "invalid_client": Refusal(CredentialsRejected, fields=("api_key",)),
        "invalid_token": CredentialsRejected,
        "expired_token": CredentialsRejected,
        "not_enabled": NotActivated,
        "other_clinic": Refusal(ClinicNotFound, fields=("external_id", "api_key")),
        "out_of_scope": ScopeMissing,
        "invalid": Refusal(InvalidRequest, "refused_by_vendor"),
        "patient_incomplete": PatientFieldRequired,
        "unknown_patient": Refusal(InvalidRequest, "refused_by_vendor", fields=("patient_id",)),
        "expired_cursor": VendorUnavailable,
        "slot_taken": SlotTaken,
        "slot_not_offered": SlotWithdrawn,
        "hold_over": SlotWithdrawn,
        "too_many_bookings": PatientLimitReached,
        "reference_in_use": Refusal(ResolveFirst, "already_booked"),
        "unknown_booking": BookingNotFound,
        "already_cancelled": Refusal(BookingNotFound, "already_cancelled"),
        "too_late": TooLateToChange,
        "not_allowed": Refusal(TooLateToChange, "not_allowed"),
        "started": Refusal(TooLateToChange, "started"),
    },
    code="/error/code",
    field="/error/fields",
)

BOOKING: Final = BookingFacts(
    mode="sync",
    overlap="refused",
    reference_in="field",
    live_search=True,
    latest_commit=60.0,
    sources={
        "overlap": "its clinic keeps two appointments from one time",
        "latest_commit": "a call is judged by its token when it is carried out, and no token lives for longer",
    },
)


# ---- what the vendor answers


def _written_out(value: object) -> object:
    """A number is no time here, though it could be read as seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


Time = Annotated[ClinicTime, BeforeValidator(_written_out)]
Instant = Annotated[Moment, BeforeValidator(_written_out)]


class _Department(WireModel):
    id: Number
    name: Name = ""
    address: Name = ""


class _Clinic(WireModel):
    id: Number
    name: Name
    organisation_number: str | None = None
    time_zone: ZoneName
    departments: tuple[_Department, ...]
    scopes: frozenset[str]


class PractitionerRow(WireModel):
    """A timebook as the vendor tells it."""

    id: Number
    name: Name
    owner: str
    online: bool
    hpr_number: str | None = None
    profession: Name | None = None


class _Rate(WireModel):
    code: RateCode
    name: Name = ""


class _Offer(WireModel):
    practitioner_id: Number
    patients: str
    rates: tuple[_Rate, ...]


class _Service(WireModel):
    id: Number
    name: Name
    minutes: int = Field(ge=1, le=24 * 60)
    kind: str
    online: bool
    department_id: Number | None
    offers: tuple[_Offer, ...]


class _Slot(WireModel):
    id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    practitioner_id: Number
    service_id: Number
    department_id: Number | None
    start: Time
    end: Time
    link: Annotated[str, StringConstraints(max_length=2000, pattern=r"^https://[A-Za-z0-9./-]+$")] | None = None


class BookingRow(WireModel):
    """A booking as the vendor tells it."""

    id: Number
    practitioner_id: Number
    service_id: Number
    department_id: Number | None = None
    start: Time
    end: Time
    status: str
    reference: OwnReference = None
    created_at: Instant | None = None
    change_by: Instant | None = None
    late: bool | None = None


# ---- the adapters


class Synthetic(Adapter):
    """The synthetic vendor: signs in, puts patients on file, reads pages by link and by cursor, moves in one step."""

    key = "synthetic"
    name = "Synthetic vendor (invented)"
    contract = 1
    form = ConnectionForm(
        external_id=required(
            nb="klinikkens nummer hos den oppdiktede leverandøren",
            en="the clinic's number at the invented vendor",
            pattern=r"[1-9][0-9]{0,17}",
            example="1021",
        ),
        department_id=optional(
            nb="avdelingens nummer, når klinikken har flere avdelinger",
            en="the department's number, when the clinic has several departments",
            pattern=r"[1-9][0-9]{0,17}",
            example="3",
        ),
        api_key=required(
            nb="nøkkelen, i to deler med punktum mellom",
            en="the key, two parts with a full stop between",
            pattern=r"(?P<client>[^.]+)\.(?P<secret>.+)",
        ),
    )
    base_url = "https://api.synthetic.example/v1"
    auth_url = "https://login.synthetic.example/oauth"
    auth = Bearer()
    headers: ClassVar[Mapping[str, Any]] = {"Clinic": "{external_id}"}
    errors = ERRORS
    limits = Limits(
        slots=SlotLimits(days=31),
        catalogue=CatalogueFacts(names_clinic=True, departments="listed", rates="offers"),
        booking=BOOKING,
    )
    patient_fields = PatientFields(
        required=frozenset({"given_name", "family_name", "birth_date", "phone"}),
        optional=frozenset({"email"}),
        unsent=frozenset({"national_id"}),
        match="new_record",
    )
    provenance = Provenance(tried=("mock",))

    async def sign_in(self, http: Http) -> Token:
        """A token for the key; it lives for as long as the vendor says."""
        reply = await http.query("token", json={"client_id": KEY.client, "client_secret": KEY.secret})
        return Token(reply.secret("/access_token"), reply.read(int, at="/expires_in"))

    async def identify(self, http: Http) -> Clinic:
        """The clinic, its departments, and whether this key may book."""
        told = (await http.get("clinic")).read(_Clinic)
        reads = frozenset({"identify", "catalogue", "list_slots", "sign_in"})
        return Clinic(
            name=told.name,
            organisation_number=told.organisation_number,
            zone=told.time_zone,
            departments=tuple(
                Department(id=place.id, name=place.name, address=place.address) for place in told.departments
            ),
            can=None if "bookings" in told.scopes else reads,
        )

    async def catalogue(self, http: Http) -> Catalogue:
        """All timebooks, by the link in each page, and all services, by the `Link` header."""
        people = await self._people(http)
        services = await http.pages("services", items="/services", next=ByLink(), of=_Service)
        return Catalogue(
            practitioners=tuple(map(_practitioner, people)),
            services=tuple(map(_service, services)),
            offers=tuple(offer for one in services for offer in _offers(one)),
        )

    async def _people(self, http: Http) -> list[PractitionerRow]:
        return await http.pages("practitioners", items="/practitioners", next=ByLink("/next"), of=PractitionerRow)

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        """The open times of everybody who is asked for, in one call."""
        asked = {
            "practitioner_ids": [int(one) for one in query.practitioner_ids],
            "service_ids": [int(one) for one in query.service_ids],
            "first_day": query.first_day.isoformat(),
            "last_day": query.last_day.isoformat(),
        }
        reply = await http.query("slots/search", json=asked)
        return [
            Slot(
                practitioner_id=row.practitioner_id,
                service_id=row.service_id,
                start=row.start,
                end=row.end,
                location_id=row.department_id,
                token=row.id,
                link=row.link,
            )
            for row in reply.read(list[_Slot], at="/slots")
        ]

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """A record of its own for each booking: nobody else's is looked for."""
        patient = request.patient
        fields = {
            "given_name": patient.given_name,
            "family_name": patient.family_name,
            "birth_date": patient.birth_date,
            "phone": patient.phone,
            "email": patient.email,
        }
        reply = await http.post("patients", json=given(fields))
        return str(reply.read(int, at="/patient/id"))

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book the open time for the patient who was put on file."""
        reply = await http.post(
            "bookings",
            headers={"Idempotency-Key": request.reference},
            json=self._order(request),
        )
        return _booking(reply.read(BookingRow, at="/booking"))

    def _order(self, request: BookingRequest) -> dict[str, Any]:
        return {
            "slot_id": request.slot.token,
            "patient_id": int(request.patient_on_file),
            "reference": str(request.reference),
            "insurance_case": request.sak_id.value if request.sak_id else None,
            "message": request.message,
        }

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Give the booking up; the answer shows it as it is then."""
        reply = await http.delete("bookings/{}", booking.id, json={"reason": reason.note(200)})
        gone = reply.read(BookingRow, at="/booking")
        if STATUS_WORDS.get(gone.status) != "cancelled":
            raise VendorProtocolError("not_cancelled")
        return Cancelled(late=gone.late)

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking as it is now."""
        return _booking((await http.get("bookings/{}", booking.id)).read(BookingRow, at="/booking"))

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        """Every booking of the days, the clinic's own too, page by page."""
        people = query.practitioner_ids
        asked = {
            "first_day": query.first_day.isoformat(),
            "last_day": query.last_day.isoformat(),
            "practitioner_id": people[0] if len(people) == 1 else None,
        }
        rows = await self._rows(http, asked)
        return [_booking(row) for row in rows if not people or row.practitioner_id in people]

    async def _rows(self, http: Http, asked: Mapping[str, str | None]) -> list[BookingRow]:
        return await http.pages("bookings", items="/bookings", next=ByCursor("/cursor"), of=BookingRow, params=asked)

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        """Move the booking, whole or not at all; its number and reference stay."""
        reply = await http.patch("bookings/{}", booking.id, json={"slot_id": slot.token})
        return _booking(reply.read(BookingRow, at="/booking"))


class ByRequest(Synthetic):
    """The same vendor for clinics whose staff answer each booking, and move none: it is booked anew."""

    key = "synthetic-requests"
    name = "Synthetic vendor, by request (invented)"
    contract = 1
    limits = Synthetic.limits.model_copy(update={"booking": BOOKING.model_copy(update={"mode": "request"})})
    reschedule = Adapter.reschedule


class HoldsFirst(Synthetic):
    """The same vendor for clinics whose times are held before they are booked."""

    key = "synthetic-holds"
    name = "Synthetic vendor, holds first (invented)"
    contract = 1

    async def hold_slot(self, http: Http, request: BookingRequest) -> str:
        """Keep the open time for two minutes."""
        reply = await http.post("holds", json={"slot_id": request.slot.token})
        return reply.read(str, at="/hold/id")

    async def release_slot(self, http: Http, hold_id: str) -> None:
        """Let others have the time at once."""
        await http.delete("holds/{}", hold_id)

    def _order(self, request: BookingRequest) -> dict[str, Any]:
        return {**super()._order(request), "hold_id": request.hold_id}


class SearchOnly(Synthetic):
    """The same vendor for clinics that let people book on its own pages only."""

    key = "synthetic-search-only"
    name = "Synthetic vendor, search only (invented)"
    contract = 1
    register_patient = Adapter.register_patient
    book = Adapter.book
    cancel = Adapter.cancel
    get_booking = Adapter.get_booking
    list_bookings = Adapter.list_bookings  # type: ignore[assignment]
    reschedule = Adapter.reschedule


# ---- from the vendor's rows to the contract's


def _practitioner(one: PractitionerRow) -> Practitioner:
    return Practitioner(
        id=one.id,
        name=one.name,
        owner_kind=OWNERS.get(one.owner, "unknown"),
        online=one.online,
        hpr=one.hpr_number,
        profession=one.profession,
    )


def _service(one: _Service) -> Service:
    return Service(
        id=one.id,
        name=one.name,
        minutes=one.minutes,
        kind=KINDS.get(one.kind, "unknown"),
        locations=frozenset({one.department_id}) if one.department_id is not None else None,
        online=one.online,
    )


def _offers(one: _Service) -> list[Offer]:
    return [
        Offer(
            practitioner_id=offer.practitioner_id,
            service_id=one.id,
            rates=tuple(Rate(code=rate.code, name=rate.name) for rate in offer.rates),
            patients="all" if offer.patients == "everybody" else "restricted",
            online=one.online,
        )
        for offer in one.offers
    ]


def _booking(one: BookingRow) -> Booking:
    return Booking(
        id=one.id,
        status=STATUS_WORDS.get(one.status, "unknown"),
        start=one.start,
        end=one.end,
        practitioner_id=one.practitioner_id,
        service_id=one.service_id,
        location_id=one.department_id,
        reference=one.reference,
        created_at=one.created_at,
        change_by=one.change_by,
    )
