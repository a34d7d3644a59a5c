"""A mock of Fjellvik Journal, written from its API description: how it answers, over the model of a clinic."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, ValidationError

from kobling_mocks import Account, Answer, Dialect, NumberedIds, Operation, Visit, key_of
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
_Asked = TypeVar("_Asked", bound=BaseModel)


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


# ---- who is asking, and the refusals


class Refused(Exception):
    """The call is answered with a problem."""

    def __init__(self, status: int, problem: str, *fields: str) -> None:
        super().__init__(problem)
        self.answer = Answer(status, json={"problem": problem, "fields": list(fields)})


def let_in(work: Callable[[Visit, Account], Answer]) -> Callable[[Visit], Answer]:
    """The way of every call: is there such a clinic, is it switched on, is the token its own? Then the work."""

    def handle(visit: Visit) -> Answer:
        try:
            account = dialect.account_of(visit)
            if account is None:
                raise Refused(404, "no_clinic")
            if not account.activated:
                raise Refused(403, "not_opened")
            if visit.json is None or "key" not in visit.json:
                check_token(visit, account)
            return work(visit, account)
        except Refused as refused:
            return refused.answer

    return handle


def check_token(visit: Visit, account: Account) -> None:
    until, _, seal = dialect.credential(visit).partition(".")
    if seal != sealed(account, until):
        raise Refused(401, "no_token")
    if float(until) <= visit.world.clock.now().timestamp():
        raise Refused(401, "token_ended")


def sealed(account: Account, until: str) -> str:
    """A token holds its end and this seal, so that the mock need not remember any."""
    return hashlib.blake2b(f"{account.api_key} {until}".encode(), digest_size=12).hexdigest()


def checked(model: type[_Asked], given: Any) -> _Asked:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        fields = {str(one["loc"][-1]) for one in error.errors(include_input=False, include_context=False) if one["loc"]}
    raise Refused(422, "not_understood", *sorted(fields))


# ---- the calls


def token(visit: Visit, account: Account) -> Answer:
    if checked(KeyBody, visit.json).key != account.api_key:
        raise Refused(401, "wrong_key")
    until = str(int(visit.world.clock.now().timestamp()) + TOKEN_SECONDS)
    return Answer(200, json={"token": f"{until}.{sealed(account, until)}", "seconds": TOKEN_SECONDS})


def clinic_(visit: Visit, account: Account) -> Answer:
    clinic = account.clinic
    return Answer(200, json={"name": clinic.name, "org_no": clinic.organisation_number})


def paged(visit: Visit, rows: Sequence[Any]) -> dict[str, Any]:
    page = checked(PageQuery, dict(visit.query)).page
    return {"rows": rows[(page - 1) * PAGE : page * PAGE], "page": page, "pages": max(1, -(-len(rows) // PAGE))}


def calendars(visit: Visit, account: Account) -> Answer:
    clinic = account.clinic
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


def visit_types(visit: Visit, account: Account) -> Answer:
    clinic = account.clinic
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


def wire(clinic: Clinic, own: str) -> int:
    """Fjellvik counts: the number for one of the model's own ids."""
    return int(IDS.wire(clinic, own))


def own(clinic: Clinic, number: int | str) -> str:
    """The model's own id; a word that it knows nothing by, for a number that was never given."""
    return IDS.own(clinic, str(number)) or "unknown"


def wall(clinic: Clinic, moment: datetime) -> str:
    """The clinic's clock, without an offset."""
    return moment.astimezone(ZoneInfo(clinic.zone)).strftime("%Y-%m-%dT%H:%M")


def free_times(visit: Visit, account: Account) -> Answer:
    clinic, query = account.clinic, checked(TimesQuery, dict(visit.query))
    if not timedelta(0) <= query.last - query.first < timedelta(days=14):
        raise Refused(422, "not_understood", "from", "to")
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


def decided(work: Callable[[], Appointment]) -> Appointment:
    """What the clinic's model does, or the vendor's word for why not."""
    try:
        return work()
    except Refusal as refusal:
        status, problem = PROBLEMS[type(refusal)]
    raise Refused(status, problem)


def book(visit: Visit, account: Account) -> Answer:
    clinic, body = account.clinic, checked(AppointmentBody, visit.json)
    parts = body.free_time.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 11 for part in parts):
        raise Refused(422, "not_understood", "free_time")
    calendar, kind, minute = parts
    who = PatientDetails(f"{body.patient.first_name} {body.patient.last_name}", body.patient.born, body.patient.mobile)
    start = EPOCH + timedelta(minutes=min(int(minute), 10**8))
    order = BookingOrder(
        own(clinic, calendar), own(clinic, kind), start, patient=who, match="name_and_birth_date", note=body.comment
    )
    made = decided(lambda: clinic.book(order))
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


def cancel(visit: Visit, account: Account) -> Answer:
    clinic = account.clinic
    gone = decided(lambda: clinic.cancel(own(clinic, visit.path["appointment"]), by="registry"))
    return Answer(200, json=told(clinic, gone), effect="done", appointment=gone.id)


def appointment(visit: Visit, account: Account) -> Answer:
    clinic = account.clinic
    return Answer(200, json=told(clinic, decided(lambda: clinic.appointment(own(clinic, visit.path["appointment"])))))


def appointments(visit: Visit, account: Account) -> Answer:
    clinic, query = account.clinic, checked(AppointmentsQuery, dict(visit.query))
    found = clinic.appointments(first_day=query.first, last_day=query.last)
    return Answer(200, json=paged(visit, [told(clinic, one) for one in found]))


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

    def credential(self, visit: Visit) -> str:
        """The token; at sign-in, the key in the body."""
        return super().credential(visit) or (visit.json or {}).get("key", "")


def call(name: str, method: Any, path: str, summary: str, work: Callable[[Visit, Account], Answer], **more: Any) -> Any:
    """One call of the table below."""
    at = AppointmentPath if "<appointment>" in path else ClinicPath
    more = {"writes": False, **more}
    return Operation(name, method, f"/v1/<number>/{path}", summary, let_in(work), path=at, **more)


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
