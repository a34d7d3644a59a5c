"""The adapter of Fjellvik Journal: its connection, and how each operation is asked and read.

`await` nothing but the calls of `http`: an adapter describes requests, and Kobling sends them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

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
    ByNumber,
    Cancelled,
    CancelReason,
    Catalogue,
    CatalogueFacts,
    Clinic,
    ClinicNotFound,
    ConnectionForm,
    CredentialsRejected,
    ErrorMap,
    Http,
    InvalidRequest,
    Limits,
    Lists,
    NotActivated,
    Offer,
    PatientFields,
    PatientLimitReached,
    Practitioner,
    Rate,
    Refusal,
    Service,
    ServiceKind,
    Slot,
    SlotLimits,
    SlotQuery,
    Slots,
    SlotTaken,
    SlotWithdrawn,
    Status,
    Token,
    TooLateToChange,
    VendorProtocolError,
    WireModel,
    find_tag,
    required,
)
from kobling.localtime import instant_of
from kobling.wallrows import wall_rows


class ClinicRow(WireModel):
    """What the API tells of a clinic: only the fields that are read."""

    name: str
    org_no: str


Minutes = Annotated[int, Field(ge=5, le=480)]  # as the API description says

KINDS: Final[dict[str, ServiceKind]] = {"single": "ordinary", "group": "group", "internal": "hidden"}


class CalendarRow(WireModel):
    """A calendar and who it belongs to."""

    id: str
    title: str
    personal: bool
    online: bool


class TypeCalendarRow(WireModel):
    """A calendar in which a visit type is offered."""

    id: str
    rates: tuple[str, ...]
    for_everyone: bool


class VisitTypeRow(WireModel):
    """A kind of appointment."""

    id: str
    title: str
    minutes: Minutes
    kind: str
    online: bool
    calendars: tuple[TypeCalendarRow, ...]


ZONE: Final = "Europe/Oslo"


class TimeRow(WireModel):
    """A free time: on the clinic's clock, without an offset."""

    id: str
    calendar: str
    visit_type: str
    start: str
    minutes: Minutes


STATES: Final[dict[str, Status]] = {
    "confirmed": "booked",
    "cancelled": "cancelled",
    "attended": "attended",
    "missed": "no_show",
}


class AppointmentRow(WireModel):
    """An appointment, in the answer to every call that makes, reads or changes one."""

    id: str
    calendar: str
    visit_type: str
    start: str
    minutes: Minutes
    state: str
    comment: str


def booking_of(row: AppointmentRow, wanted: UUID | None = None) -> Booking:
    """What Fjellvik says of an appointment, and nothing else."""
    begins = instant_of(row.start, ZONE)  # None for a 02:30 that comes twice: then it does not say when
    return Booking(
        id=row.id,
        status=STATES.get(row.state, "unknown"),
        start=begins,
        end=begins + timedelta(minutes=row.minutes) if begins else None,
        practitioner_id=row.calendar,
        service_id=row.visit_type,
        reference=find_tag(row.comment, wanted),
    )


class Fjellvik(Adapter):
    """Fjellvik Journal."""

    key = "fjellvik"
    name = "Fjellvik Journal"
    contract = 1

    # What a clinic is given by Fjellvik and states at the registry. The texts are read by clinics.
    form = ConnectionForm(
        external_id=required(
            nb="klinikkens nummer i Fjellvik, under Oppsett og Om klinikken",
            en="the clinic's number in Fjellvik, under Set-up and About the clinic",
            pattern=r"\d+",
            example="1021",
        ),
        api_key=required(nb="nøkkelen som Fjellvik sender klinikken", en="the key that Fjellvik sends the clinic"),
    )
    base_url = "https://api.fjellvik.example/v1/{external_id}"

    # Where Kobling puts the token that `sign_in` got: this code never holds it.
    auth = Bearer()

    # Every word by which the API refuses something, and where that word stands in its answer.
    errors = ErrorMap(
        codes={
            "wrong_key": Refusal(CredentialsRejected, fields=("api_key",)),
            "no_token": CredentialsRejected,
            "token_ended": CredentialsRejected,
            "no_clinic": Refusal(ClinicNotFound, fields=("external_id",)),
            "not_opened": NotActivated,
            "not_understood": Refusal(InvalidRequest, "refused_by_vendor"),
            "time_taken": SlotTaken,
            "time_gone": SlotWithdrawn,
            "too_many": PatientLimitReached,
            "no_appointment": BookingNotFound,
            "already_cancelled": Refusal(BookingNotFound, "already_cancelled"),
            "too_late": TooLateToChange,
            "call_the_clinic": Refusal(TooLateToChange, "not_allowed"),
        },
        code="/problem",
        field="/fields",
        field_names={"first_name": "given_name", "last_name": "family_name", "born": "birth_date", "mobile": "phone"},
    )

    # What is known of how Fjellvik lists, searches and books.
    limits = Limits(
        slots=SlotLimits(days=14, per=("practitioner",)),
        catalogue=CatalogueFacts(names_clinic=True, rates="offers"),
        booking=BookingFacts(
            mode="sync",
            overlap="refused",
            reference_in="note",
            note_length=600,
            live_search=True,
            latest_commit=60,
            sources={
                "overlap": "API description, 'An appointment'",
                "latest_commit": "API description, 'When something goes wrong'",
            },
        ),
    )

    # What Fjellvik is told of a patient. Everything else is taken out before `book` sees it.
    patient_fields = PatientFields(
        required=frozenset({"given_name", "family_name", "birth_date", "phone"}),
        unsent=frozenset({"email", "national_id"}),
        match="name_and_birth_date",
    )

    # How every list of Fjellvik comes.
    lists = Lists(items="/rows", next=ByNumber(param="page", first=1, last="/pages"))

    async def identify(self, http: Http) -> Clinic:
        """Which clinic the key leads to."""
        row = (await http.get("clinic")).read(ClinicRow)
        return Clinic(name=row.name, organisation_number=row.org_no)

    async def catalogue(self, http: Http) -> Catalogue:
        """Everything that the API shows: who can be booked, what for, and who offers what."""
        calendars = await http.pages("calendars", of=CalendarRow)
        types = await http.pages("visit-types", of=VisitTypeRow)
        return Catalogue(
            practitioners=tuple(
                Practitioner(
                    id=row.id,
                    name=row.title,
                    owner_kind="person" if row.personal else "unknown",
                    online=row.online,
                )
                for row in calendars
            ),
            services=tuple(
                Service(
                    id=row.id,
                    name=row.title,
                    minutes=row.minutes,
                    kind=KINDS.get(row.kind, "unknown"),
                    online=row.online,
                )
                for row in types
            ),
            offers=tuple(
                Offer(
                    practitioner_id=place.id,
                    service_id=row.id,
                    rates=tuple(Rate(code=code) for code in place.rates),
                    patients="all" if place.for_everyone else "restricted",
                )
                for row in types
                for place in row.calendars
            ),
        )

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times of one calendar from query.first_day to query.last_day, both included."""
        asked = {"from": query.first_day, "to": query.last_day, "calendar": query.practitioner_id}
        rows = (await http.get("free-times", params=asked)).read(list[TimeRow], at="/free_times")
        timed, left_out = wall_rows(rows, lambda row: row.start, ZONE, key=lambda row: (row.calendar, row.visit_type))
        return Slots(
            found=tuple(
                Slot(
                    practitioner_id=row.calendar,
                    service_id=row.visit_type,
                    start=start,
                    end=start + timedelta(minutes=row.minutes),
                    token=row.id,
                )
                for row, start in timed
                if not query.service_ids or row.visit_type in query.service_ids
            ),
            problems=left_out,
        )

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book request.slot for request.patient with one write."""
        who = request.patient
        patient = {
            "first_name": who.given_name,
            "last_name": who.family_name,
            "born": who.birth_date,
            "mobile": who.phone,
        }
        body = {"free_time": request.slot.token, "patient": patient, "comment": request.note(600)}
        return booking_of((await http.post("appointments", json=body)).read(AppointmentRow), request.reference)

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Give the booking up with one write."""
        row = (await http.delete("appointments/{}", booking.id)).read(AppointmentRow)
        if row.state != "cancelled":
            raise VendorProtocolError("not_cancelled")
        return Cancelled()

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        """Every appointment of the days, the clinic's own too."""
        days = {"from": query.first_day, "to": query.last_day}
        rows = await http.pages("appointments", of=AppointmentRow, params=days)
        people = query.practitioner_ids
        return [booking_of(row, query.reference) for row in rows if not people or row.calendar in people]

    async def sign_in(self, http: Http) -> Token:
        """A token for the key."""
        answer = await http.query("token", json={"key": KEY})  # a POST that changes nothing
        return Token(answer.secret("/token"), lifetime=answer.read(int, at="/seconds"))

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking as it is now."""
        return booking_of((await http.get("appointments/{}", booking.id)).read(AppointmentRow), booking.reference)
