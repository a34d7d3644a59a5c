"""A mock of Fjellvik Journal, written from its API description: how it answers, over the model of a clinic."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from kobling_mocks import Account, Answer, Dialect, NumberedIds, Operation, Refused, Visit, key_of
from kobling_mocks.clinic import (
    ALL_PATIENTS,
    AlreadyCancelled,
    AlreadyStarted,
    Appointment,
    BookingOrder,
    CancelNotAllowed,
    Clinic,
    NoSuchAppointment,
    PatientDetails,
    Refusal,
    SlotNotOffered,
    SlotTaken,
    TooLateToCancel,
    TooManyBookings,
)

TOKEN_SECONDS = 600
PAGE = 20
IDS = NumberedIds()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# [asked]
# ---- what a call is asked with; the mock's OpenAPI page shows it


class ClinicPath(BaseModel):
    """The clinic in the path."""

    number: str


class AppointmentPath(ClinicPath):
    """An appointment of the clinic."""

    appointment: str


class KeyBody(BaseModel):
    """Sign-in: the clinic's key."""

    key: str


class PageQuery(BaseModel):
    """Which page of a list."""

    page: int = Field(default=1, ge=1, le=1000)


class TimesQuery(BaseModel):
    """Both days included, a fortnight at most, one calendar."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    calendar: int


class AppointmentsQuery(PageQuery):
    """Both days included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")


class PatientBody(BaseModel):
    """Who comes."""

    first_name: str
    last_name: str
    born: date
    mobile: str


class AppointmentBody(BaseModel):
    """A new appointment."""

    free_time: str
    patient: PatientBody
    comment: str = Field(default="", max_length=600)


# [let-in]
# ---- who is asking, and the refusals


def refused(status: int, problem: str, *fields: str) -> Refused:
    """The API's way to say no."""
    return Refused(Answer(status, json={"problem": problem, "fields": list(fields)}))


def check_token(visit: Visit) -> None:
    until, _, seal = dialect.credential(visit).partition(".")
    if seal != sealed(visit.account, until):
        raise refused(401, "no_token")
    if float(until) <= visit.world.clock.now().timestamp():
        raise refused(401, "token_ended")


def sealed(account: Account, until: str) -> str:
    """A token holds its end and this seal, so that the mock need not remember any."""
    return hashlib.blake2b(f"{account.api_key} {until}".encode(), digest_size=12).hexdigest()


# [token]
# ---- the calls


def token(visit: Visit) -> Answer:
    if visit.read(KeyBody).key != visit.account.api_key:
        raise refused(401, "wrong_key")
    until = str(int(visit.world.clock.now().timestamp()) + TOKEN_SECONDS)
    return Answer(200, json={"token": f"{until}.{sealed(visit.account, until)}", "seconds": TOKEN_SECONDS})


def clinic_(visit: Visit) -> Answer:
    return Answer(200, json={"name": visit.clinic.name, "org_no": visit.clinic.organisation_number})


# [lists]
def paged(visit: Visit, rows: Sequence[Any]) -> dict[str, Any]:
    page = visit.page(rows, PAGE, number=visit.read_query(PageQuery).page)
    return {"rows": page.rows, "page": page.number, "pages": page.pages}


def calendars(visit: Visit) -> Answer:
    clinic = visit.clinic
    rows = [
        {
            "id": wire(clinic, book.id),
            "title": book.public_name,
            "personal": book.owner_kind == "person",
            "online": clinic.online and book.online,
        }
        for book in clinic.timebooks
    ]
    return Answer(200, json=paged(visit, rows))


def visit_types(visit: Visit) -> Answer:
    clinic = visit.clinic
    words = {"ordinary": "single", "group": "group", "hidden": "internal"}
    rows = [
        {
            "id": wire(clinic, kind.id),
            "title": kind.name,
            "minutes": kind.minutes,
            "kind": words[kind.kind],
            "online": kind.online,
            "calendars": [
                {
                    "id": wire(clinic, rule.timebook_id),
                    "rates": [rate.code for rate in rule.rates],
                    "for_everyone": rule.patients == ALL_PATIENTS,
                }
                for rule in kind.rules
            ],
        }
        for kind in clinic.types
    ]
    return Answer(200, json=paged(visit, rows))


# [times]
def wire(clinic: Clinic, own: str) -> int:
    """Fjellvik counts: the number for one of the model's own ids."""
    return int(IDS.wire(clinic, own))


def own(clinic: Clinic, number: int | str) -> str:
    """The model's own id; a word that it knows nothing by, for a number that was never given."""
    return IDS.own(clinic, str(number)) or "unknown"


def wall(clinic: Clinic, moment: datetime) -> str:
    """The clinic's clock, without an offset."""
    return moment.astimezone(ZoneInfo(clinic.zone)).strftime("%Y-%m-%dT%H:%M")


def free_times(visit: Visit) -> Answer:
    clinic, query = visit.clinic, visit.read_query(TimesQuery)
    if not timedelta(0) <= query.last - query.first < timedelta(days=14):
        raise refused(422, "not_understood", "from", "to")
    rows = [
        {
            "id": f"{query.calendar}-{wire(clinic, slot.type_id)}-{(slot.start - EPOCH) // timedelta(minutes=1)}",
            "calendar": query.calendar,
            "visit_type": wire(clinic, slot.type_id),
            "start": wall(clinic, slot.start),
            "minutes": (slot.end - slot.start) // timedelta(minutes=1),
        }
        for slot in clinic.open_slots([own(clinic, query.calendar)], None, query.first, query.last)
    ]
    return Answer(200, json={"free_times": rows})


# [book]
PROBLEMS: dict[type[Refusal], tuple[int, str]] = {
    SlotTaken: (409, "time_taken"),
    SlotNotOffered: (409, "time_gone"),
    TooManyBookings: (409, "too_many"),
    NoSuchAppointment: (404, "no_appointment"),
    AlreadyCancelled: (409, "already_cancelled"),
    TooLateToCancel: (409, "too_late"),
    CancelNotAllowed: (409, "call_the_clinic"),
    AlreadyStarted: (409, "too_late"),
}
STATES = {"booked": "confirmed", "cancelled": "cancelled", "attended": "attended", "no_show": "missed"}


def book(visit: Visit) -> Answer:
    clinic, body = visit.clinic, visit.read(AppointmentBody)
    parts = body.free_time.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 11 for part in parts):
        raise refused(422, "not_understood", "free_time")
    calendar, kind, minute = parts
    who = PatientDetails(f"{body.patient.first_name} {body.patient.last_name}", body.patient.born, body.patient.mobile)
    start = EPOCH + timedelta(minutes=min(int(minute), 10**8))
    order = BookingOrder(
        own(clinic, calendar), own(clinic, kind), start, patient=who, match="name_and_birth_date", note=body.comment
    )
    made = clinic.book(order)
    return Answer(201, json=told(clinic, made), effect="done", appointment=made.id)


def told(clinic: Clinic, one: Appointment) -> dict[str, Any]:
    return {
        "id": wire(clinic, one.id),
        "calendar": wire(clinic, one.timebook_id),
        "visit_type": wire(clinic, one.type_id),
        "start": wall(clinic, one.start),
        "minutes": (one.end - one.start) // timedelta(minutes=1),
        "state": STATES[one.state],
        "comment": one.note,
    }


def cancel(visit: Visit) -> Answer:
    clinic = visit.clinic
    gone = clinic.cancel(own(clinic, visit.path["appointment"]), by="registry")
    return Answer(200, json=told(clinic, gone), effect="done", appointment=gone.id)


def appointment(visit: Visit) -> Answer:
    clinic = visit.clinic
    return Answer(200, json=told(clinic, clinic.appointment(own(clinic, visit.path["appointment"]))))


def appointments(visit: Visit) -> Answer:
    clinic, query = visit.clinic, visit.read_query(AppointmentsQuery)
    found = clinic.appointments(first_day=query.first, last_day=query.last)
    return Answer(200, json=paged(visit, [told(clinic, one) for one in found]))


# [dialect]
class FjellvikMock(Dialect):
    """The API of Fjellvik Journal."""

    key = "fjellvik"
    name = "Fjellvik Journal (invented)"
    about = "Invented for the tutorial; all of it is as its API description says."
    origin = "https://api.fjellvik.example"
    account_parameter = "number"
    credential_headers = frozenset({"authorization"})
    id_fields = frozenset({"id"})
    ids = IDS
    untold = frozenset({"departments", "mediums", "professions"})  # no field of Fjellvik's is about these
    switched_on_by = "vendor"
    gives_up_after = 60  # "A call that has not been answered after a minute is given up"

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The calls below."""
        return OPERATIONS

    def open_account(self, clinic: Clinic) -> Account:
        """Number and key follow from the clinic."""
        return Account(str(int(clinic.id[:8], 16)), f"mock-{key_of(clinic)}", clinic)

    def connection(self, account: Account) -> dict[str, str]:
        """What the clinic states at the registry."""
        return {
            "external_id": account.external_id, "department_id": "", "api_key": account.api_key, "booking_url": "",
        }  # fmt: skip

    def let_in(self, visit: Visit) -> None:
        """The way of every call: is there such a clinic, is it switched on, is the token its own?"""
        account = self.account_of(visit)
        if account is None:
            raise refused(404, "no_clinic")
        if not account.activated:
            raise refused(403, "not_opened")
        if visit.operation != "token":
            check_token(visit)

    def refused(self, visit: Visit, refusal: Refusal) -> Answer:
        """Fjellvik's word for what the clinic does not do."""
        raise refused(*PROBLEMS[type(refusal)])

    def unread(self, visit: Visit, places: tuple[str, ...]) -> Answer:
        """The fields that Fjellvik can't read, by their last names."""
        raise refused(422, "not_understood", *sorted({place.rpartition(".")[2] for place in places}))

    def credential(self, visit: Visit) -> str:
        """The token; at sign-in, the key in the body."""
        return super().credential(visit) or (visit.json or {}).get("key", "")


def call(name: str, method: Any, path: str, summary: str, work: Callable[[Visit], Answer], **more: Any) -> Operation:
    """One call of the table below."""
    at = AppointmentPath if "<appointment>" in path else ClinicPath
    more = {"writes": False, **more}
    return Operation(name, method, f"/v1/<number>/{path}", summary, work, path=at, **more)


PATIENT = frozenset({"first_name", "last_name", "born", "mobile"})
OPERATIONS: tuple[Operation, ...] = (
    call("token", "POST", "token", "Sign in", token, body=KeyBody, secret=frozenset({"key"}), signs_in=True),
    call("clinic", "GET", "clinic", "Whose token it is", clinic_),
    call("calendars", "GET", "calendars", "A page of calendars", calendars, query=PageQuery),
    call("visit_types", "GET", "visit-types", "A page of visit types", visit_types, query=PageQuery),
    call("free_times", "GET", "free-times", "Free times of a calendar", free_times, query=TimesQuery),
    call(
        "book", "POST", "appointments", "A new appointment", book, body=AppointmentBody, writes=True,
        personal=PATIENT, texts=frozenset({"comment"}), needed=lambda _: PATIENT,
    ),
    call("appointments", "GET", "appointments", "A page of appointments", appointments, query=AppointmentsQuery),
    call("appointment", "GET", "appointments/<appointment>", "One appointment", appointment),
    call("cancel", "DELETE", "appointments/<appointment>", "Give a time up", cancel, writes=True),
)  # fmt: skip
dialect = FjellvikMock()
