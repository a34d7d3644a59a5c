"""The synthetic vendor: tokens that live a minute, pages by link and by cursor, a patient who is put on file first.

Nothing here is any real system's behaviour. It is what the contract has room for and no real vendor of ours does: kept
small, and each part as a vendor would do it.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from kobling_mocks.clinic import (
    ALL_PATIENTS,
    AlreadyCancelled,
    AlreadyStarted,
    Appointment,
    AppointmentType,
    Behaviour,
    BookingOrder,
    CancelNotAllowed,
    Clinic,
    HoldOver,
    NoSuchAppointment,
    NoSuchPatient,
    OpenSlot,
    PatientDetails,
    ReferenceInUse,
    Refusal,
    Restrictions,
    SlotNotOffered,
    SlotTaken,
    TooLateToCancel,
    TooManyBookings,
)
from kobling_mocks.dialect import Account, Answer, Dialect, Fact, Operation, Refused, Visit
from kobling_mocks.keys import key_of
from kobling_mocks.switches import Switch, Switches
from kobling_mocks.wireids import NumberedIds
from kobling_mocks.world import World

from . import wire

__all__ = [
    "HOLD",
    "HoldVendor",
    "LIFE",
    "RequestVendor",
    "SearchOnlyVendor",
    "SyntheticVendor",
    "by_request",
    "dialect",
    "holds_first",
    "search_only",
    "token_of",
]

LIFE = timedelta(seconds=60)
"""How long a token is good."""
HOLD = timedelta(seconds=120)
"""For how long a time is held."""
CURSOR_LIFE = timedelta(seconds=60)
STAFF_ANSWER_AFTER = 600.0
"""Seconds after which staff answer a request by themselves, where the switch says that they do."""
LONGEST_SEARCH = timedelta(days=31)
LONGEST_LISTING = timedelta(days=366)
PRACTITIONERS_PAGE, SERVICES_PAGE, BOOKINGS_PAGE = 2, 3, 25

_STATES = {
    "pending": "requested",
    "booked": "confirmed",
    "declined": "declined",
    "cancelled": "cancelled",
    "attended": "attended",
    "no_show": "missed",
}
_OURS = "The vendor is invented: its clinics may do either."
SWITCHES = (
    Switch(
        "confirmation",
        "direct",
        ("direct", "request"),
        "Whether a booking stands at once (confirmed) or waits for staff (requested).",
        _OURS,
        "documented",
    ),
    Switch(
        "staff",
        "wait",
        ("wait", "confirm", "decline"),
        "What staff do with a request, ten minutes after it came.",
        _OURS,
        "documented",
    ),
    Switch(
        "scopes",
        "bookings",
        ("bookings", "search"),
        "What a token may do: everything, or search only.",
        "A key may be made for either; the token's owner is told which.",
        "documented",
    ),
)


def token_of(account: Account, until: datetime) -> str:
    """The token of an account that is good until then."""
    seconds = str(int(until.timestamp()))
    return f"{account.external_id}.{seconds}.{_seal(account, seconds)}"


def _seal(account: Account, seconds: str) -> str:
    return hashlib.blake2b(
        f"{account.api_key} {seconds}".encode(), digest_size=16, person=b"synthetic-token"
    ).hexdigest()


class SyntheticVendor(Dialect):
    """The dialect of the synthetic vendor."""

    key = "synthetic"
    name = "Synthetic vendor (invented)"
    origin = "https://api.synthetic.example"
    about = (
        "**Invented, all of it.** No system speaks like this. The vendor lives with the contract suite, so that every "
        "optional part of the contract has somebody to be tried on.\n\n"
        "`POST /oauth/token` gives a token for the two parts of a key; it is good for a minute. Every other call has "
        "it in `Authorization`, and the clinic's number in the header `Clinic`. Practitioners come in pages with the "
        "address of the next one, services with a `Link` header, bookings with a cursor that is good for a minute.\n\n"
        "A patient is put on file before anything is booked. An order that comes again with the same `Idempotency-Key` "
        "is carried out once, and answered each time."
    )
    switches: ClassVar[tuple[Switch, ...]] = SWITCHES
    id_fields = frozenset({"id"})
    credential_headers = frozenset({"authorization"})
    switched_on_by = "vendor"
    ids = NumberedIds()
    untold: ClassVar[frozenset[Fact]] = frozenset({"mediums", "patient_limits"})
    """Each booking is for a record of its own, so that no limit of a patient's is ever reached."""
    late_told_by = ("/booking/late", True)

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Sign-in, the clinic, two lists, open times, patients, and bookings: list, read, make, move, cancel."""
        return _OPERATIONS

    def open_account(self, clinic: Clinic) -> Account:
        """The number and the key follow from the clinic; of several departments the connection has the first."""
        departments = clinic.departments
        return Account(
            external_id=self.ids.wire(clinic, clinic.id),
            api_key=f"mock-{key_of(clinic, 8, whose='client')}.{key_of(clinic, 24, whose='secret')}",
            clinic=clinic,
            department_id=self.ids.wire(clinic, departments[0].id) if len(departments) > 1 else None,
        )

    def connection(self, account: Account) -> dict[str, str]:
        """The clinic's number, its department and its key."""
        return {
            "external_id": account.external_id,
            "department_id": account.department_id or "",
            "api_key": account.api_key,
            "booking_url": "",
        }

    def adjust(
        self, behaviour: Behaviour, restrictions: Restrictions, switches: Switches
    ) -> tuple[Behaviour, Restrictions]:
        """Let the clinic's system behave as the switches say."""
        if switches["confirmation"] == "request":
            behaviour = replace(behaviour, confirmation="request")
        return behaviour, restrictions

    def searches_only(self, account: Account, switches: Switches) -> bool:  # noqa: ARG002 - the same for every account
        """Where the switch says so; the clinic's own answer lists the scopes."""
        return switches["scopes"] == "search"

    def keys(self, account: Account) -> frozenset[str]:
        """The key, and its secret part."""
        return frozenset({account.api_key, account.api_key.partition(".")[2]})

    def refused(self, visit: Visit, refusal: Refusal) -> Answer:  # noqa: ARG002 - the same in every call
        """The code of what the clinic's system refuses."""
        raise _refused(*_REFUSALS[type(refusal)])

    def unread(self, visit: Visit, places: tuple[str, ...]) -> Answer:  # noqa: ARG002 - the same in every call
        """The fields that are wrong."""
        fields = sorted({place.partition(".")[0] for place in places if place})
        raise _refused(422, "patient_incomplete" if fields and set(fields) <= _PATIENT else "invalid", *fields)

    def credential(self, visit: Visit) -> str:
        """The token; at sign-in, the secret part of the key."""
        given = super().credential(visit)
        return given or (str(visit.json.get("client_secret") or "") if isinstance(visit.json, dict) else "")

    def account_of(self, visit: Visit) -> Account | None:
        """The account of the token, also of one that is too old; at sign-in, of the key."""
        accounts = list(visit.world.accounts.values())
        if isinstance(visit.json, dict) and "client_id" in visit.json:
            key = f"{visit.json['client_id']}.{visit.json.get('client_secret')}"
            return next((one for one in accounts if one.api_key == key), None)
        _, _, rest = self.credential(visit).partition(".")
        seconds, _, seal = rest.partition(".")
        return next((one for one in accounts if seal == _seal(one, seconds)), None)


class SearchOnlyVendor(SyntheticVendor):
    """The same vendor for clinics that let people book on its own pages only."""

    name = "Synthetic vendor, search only (invented)"
    key = "synthetic-search-only"

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What can be read about open times."""
        return tuple(one for one in _OPERATIONS if one.name in _SEARCHING)


class RequestVendor(SyntheticVendor):
    """The same vendor for clinics whose staff answer each booking."""

    name = "Synthetic vendor, by request (invented)"
    key = "synthetic-requests"
    switches = tuple(
        replace(one, default="request", choices=("request", "direct")) if one.name == "confirmation" else one
        for one in SWITCHES
    )


class HoldVendor(SyntheticVendor):
    """The same vendor for clinics whose times are held before they are booked."""

    name = "Synthetic vendor, holds first (invented)"
    key = "synthetic-holds"
    about = (
        "**Invented, all of it.** As the synthetic vendor, and a time is held before it is booked: `POST /v1/holds` "
        "keeps it for two minutes, `POST /v1/bookings` names the hold, and `DELETE /v1/holds/{id}` gives it back."
    )

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Those of the synthetic vendor, with holds; what is booked has one."""
        return (*(one for one in _OPERATIONS if one.name != "book"), *_HOLDING)


_SEARCHING = frozenset({"token", "clinic", "practitioners", "services", "slots"})


# ---- who is asking


def _refused(status: int, code: str, *fields: str) -> Refused:
    return Refused(Answer(status, json={"error": {"code": code, "fields": list(fields)}}))


@dataclass(frozen=True)
class _Asked:
    """A call that was let in, with the account of its token."""

    visit: Visit
    account: Account

    @property
    def clinic(self) -> Clinic:
        return self.account.clinic

    @property
    def now(self) -> datetime:
        return self.visit.world.clock.now()

    def wire(self, own: str) -> int:
        """The integer for one of the clinic's own ids."""
        return int(dialect.ids.wire(self.clinic, own))

    def own(self, number: int) -> str:
        """The clinic's own id for an integer; a word that it knows nothing by, for any other."""
        return dialect.ids.own(self.clinic, str(number)) or "unknown"

    def moment(self, moment: datetime) -> str:
        """A moment on the clinic's clock, with its offset."""
        return moment.astimezone(ZoneInfo(self.clinic.zone)).isoformat(timespec="seconds")


def _sign_in(visit: Visit) -> Answer:
    body = visit.read(wire.TokenBody)
    account = dialect.account_of(visit)
    if account is None:
        raise _refused(401, "invalid_client", *type(body).model_fields)
    if not account.activated:
        raise _refused(403, "not_enabled")
    token = token_of(account, visit.world.clock.now() + LIFE)
    seconds = int(LIFE.total_seconds())
    return Answer(200, json={"access_token": token, "token_type": "bearer", "expires_in": seconds})


def _signed_in(work: Callable[[_Asked], Answer], *, books: bool) -> Callable[[Visit], Answer]:
    """The whole way of a call: is the token good, is the clinic its own, may it do this; then the work."""

    return lambda visit: work(_let_in(visit, books=books))


def _let_in(visit: Visit, *, books: bool) -> _Asked:
    account = dialect.account_of(visit)
    if account is None or not visit.headers.get("authorization"):
        raise _refused(401, "invalid_token")
    asked = _Asked(visit, account)
    if float(dialect.credential(visit).split(".")[1]) <= asked.now.timestamp():
        raise _refused(401, "expired_token")
    if not account.activated:
        raise _refused(403, "not_enabled")
    if visit.headers.get("clinic") != account.external_id:
        raise _refused(403, "other_clinic")
    if books and visit.world.switches["scopes"] == "search":
        raise _refused(403, "out_of_scope")
    return asked


# ---- the clinic and its lists


def _clinic(asked: _Asked) -> Answer:
    clinic, switches = asked.clinic, asked.visit.world.switches
    streets = {address.department_id: address.street for address in reversed(clinic.addresses)}
    return Answer(
        200,
        json={
            "id": int(asked.account.external_id),
            "name": clinic.name,
            "organisation_number": clinic.organisation_number,
            "time_zone": clinic.zone,
            "departments": [
                {"id": asked.wire(place.id), "name": place.name, "address": streets.get(place.id, "")}
                for place in clinic.departments
            ],
            "scopes": ["search"] if switches["scopes"] == "search" else ["search", "bookings"],
        },
    )


def _page(asked: _Asked, rows: Sequence[Any], size: int) -> tuple[Sequence[Any], str | None]:
    """The rows of the page that is asked for, and the whole address of the next one."""
    page = asked.visit.read_query(wire.PageQuery).page
    end = page * size
    return rows[end - size : end], asked.visit.address_of("page", page + 1) if end < len(rows) else None


def _practitioners(asked: _Asked) -> Answer:
    clinic = asked.clinic
    rows, more = _page(asked, clinic.timebooks, PRACTITIONERS_PAGE)
    found = [
        {
            "id": asked.wire(timebook.id),
            "name": timebook.public_name,
            "owner": timebook.owner_kind,
            "online": clinic.online and timebook.online,
            "hpr_number": timebook.hpr,
            "profession": timebook.profession,
        }
        for timebook in rows
    ]
    return Answer(200, json={"practitioners": found, "next": more})


def _services(asked: _Asked) -> Answer:
    rows, more = _page(asked, asked.clinic.types, SERVICES_PAGE)
    found = [
        {
            "id": asked.wire(kind.id),
            "name": kind.name,
            "minutes": kind.minutes,
            "kind": kind.kind,
            "online": kind.online,
            "department_id": _department(asked, kind),
            "offers": [
                {
                    "practitioner_id": asked.wire(rule.timebook_id),
                    "patients": "everybody" if rule.patients == ALL_PATIENTS else "listed",
                    "rates": [{"code": rate.code, "name": rate.name} for rate in rule.rates],
                }
                for rule in kind.rules
            ],
        }
        for kind in rows
    ]
    links = {"Link": f'<{more}>; rel="next"'} if more else {}
    return Answer(200, json={"services": found}, headers=links)


def _department(asked: _Asked, kind: AppointmentType) -> int | None:
    address = asked.clinic.address(kind.address_id) if kind.address_id else None
    return asked.wire(address.department_id) if address else None


# ---- open times

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _slots(asked: _Asked) -> Answer:
    body, clinic = asked.visit.read(wire.SlotsBody), asked.clinic
    _in_order(body.first_day, body.last_day, LONGEST_SEARCH)
    timebooks, types = map(asked.own, body.practitioner_ids), map(asked.own, body.service_ids)
    found = clinic.open_slots(tuple(timebooks), tuple(types), body.first_day, body.last_day)
    return Answer(200, json={"slots": [_slot(asked, slot) for slot in found]})


def _in_order(first: date, last: date, longest: timedelta) -> None:
    if not timedelta(0) <= last - first < longest:
        raise _refused(422, "invalid", "first_day", "last_day")


def _slot(asked: _Asked, slot: OpenSlot) -> dict[str, Any]:
    name = f"{(slot.start - _EPOCH) // timedelta(minutes=1)}-{asked.wire(slot.timebook_id)}-{asked.wire(slot.type_id)}"
    pages = isinstance(asked.visit.world.dialect, SearchOnlyVendor)
    return {
        "id": name,
        "practitioner_id": asked.wire(slot.timebook_id),
        "service_id": asked.wire(slot.type_id),
        "department_id": asked.wire(slot.department_id) if slot.department_id else None,
        "start": asked.moment(slot.start),
        "end": asked.moment(slot.end),
        "link": f"https://book.synthetic.example/{asked.account.external_id}/{name}" if pages else None,
    }


def _open_time(asked: _Asked, slot_id: str) -> tuple[str, str, datetime]:
    """Timebook, type (own ids) and moment of an open time's id."""
    parts = slot_id.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 12 for part in parts):
        raise _refused(422, "invalid", "slot_id")
    minute, timebook, kind = map(int, parts)
    if minute >= _LAST_MINUTE:
        raise _refused(422, "invalid", "slot_id")
    return asked.own(timebook), asked.own(kind), _EPOCH + timedelta(minutes=minute)


_LAST_MINUTE = (datetime(2200, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(minutes=1)

# ---- patients and bookings

_PATIENT = frozenset({"given_name", "family_name", "birth_date", "phone", "email"})
_REFUSALS: Mapping[type[Refusal], tuple[int, str]] = {
    SlotTaken: (409, "slot_taken"),
    HoldOver: (410, "hold_over"),
    SlotNotOffered: (409, "slot_not_offered"),
    TooManyBookings: (409, "too_many_bookings"),
    ReferenceInUse: (409, "reference_in_use"),
    NoSuchPatient: (422, "unknown_patient"),
    NoSuchAppointment: (404, "unknown_booking"),
    AlreadyCancelled: (409, "already_cancelled"),
    TooLateToCancel: (409, "too_late"),
    CancelNotAllowed: (409, "not_allowed"),
    AlreadyStarted: (409, "started"),
}


def _put_on_file(asked: _Asked) -> Answer:
    body = asked.visit.read(wire.PatientBody)
    name = f"{body.given_name} {body.family_name}"
    made = asked.clinic.put_patient(PatientDetails(name, body.birth_date, body.phone, body.email or ""))
    return Answer(201, json={"patient": {"id": asked.wire(made.id)}}, effect="done")


def _hold(asked: _Asked) -> Answer:
    place = _open_time(asked, asked.visit.read(wire.MoveBody).slot_id)
    made = asked.clinic.hold(*place, HOLD.total_seconds())
    return Answer(201, json={"hold": {"id": made.id, "until": asked.moment(made.until)}}, effect="done")


def _release(asked: _Asked) -> Answer:
    asked.clinic.release(asked.visit.path["hold_id"])
    return Answer(204, effect="done")


def _book_held(asked: _Asked) -> Answer:
    return _book(asked, asked.visit.read(wire.HeldBookingBody).hold_id)


def _book(asked: _Asked, hold_id: str | None = None) -> Answer:
    """hold_id: of the hold that the booking uses up."""
    body, clinic = asked.visit.read(wire.BookingBody if hold_id is None else wire.HeldBookingBody), asked.clinic
    timebook_id, type_id, start = _open_time(asked, body.slot_id)
    patient_id = asked.own(body.patient_id)
    if asked.visit.headers.get("idempotency-key") == body.reference:
        for one in clinic.appointments(reference=body.reference):
            same = (one.timebook_id, one.type_id, one.start, one.patient_id) == (
                timebook_id,
                type_id,
                start,
                patient_id,
            )
            if one.live and same:
                return Answer(200, json={"booking": _booking(asked, one)}, appointment=one.id)
    if hold_id is not None:
        held = clinic.held(hold_id)
        if (held.timebook_id, held.type_id, held.start) != (timebook_id, type_id, start):
            raise _refused(422, "invalid", "slot_id", "hold_id")
    order = BookingOrder(
        timebook_id,
        type_id,
        start,
        hold_id=hold_id,
        patient_id=patient_id,
        patient_comment=body.message or "",
        reference=body.reference,
        sak_id=body.insurance_case,
    )
    made = clinic.book(order)
    if made.state == "pending":
        _staff_answer(asked.visit.world, clinic, made.id)
    return _changed(asked, made, 201)


def _staff_answer(world: World, clinic: Clinic, appointment_id: str) -> None:
    """Let staff answer a request as the switch says, unless somebody has done so before."""
    answers: Mapping[Any, Callable[[str], Appointment]] = {"confirm": clinic.confirm, "decline": clinic.decline}
    answer = answers.get(world.switches["staff"])

    def job() -> None:
        try:
            if answer is not None:
                answer(appointment_id)
        except Refusal:
            return

    world.later(STAFF_ANSWER_AFTER, job)


def _move(asked: _Asked) -> Answer:
    timebook_id, type_id, start = _open_time(asked, asked.visit.read(wire.MoveBody).slot_id)
    own = _booking_id(asked)
    return _changed(asked, asked.clinic.move(own, start, timebook_id, type_id))


def _cancel(asked: _Asked) -> Answer:
    reason = asked.visit.read(wire.CancelBody).reason or ""
    own = _booking_id(asked)
    return _changed(asked, asked.clinic.cancel(own, by="registry", reason=reason))


def _read(asked: _Asked) -> Answer:
    own = _booking_id(asked)
    return Answer(200, json={"booking": _booking(asked, asked.clinic.appointment(own))})


def _list(asked: _Asked) -> Answer:
    query = asked.visit.read_query(wire.BookingsQuery)
    _in_order(query.first_day, query.last_day, LONGEST_LISTING)
    question = f"{query.first_day} {query.last_day} {query.practitioner_id}"
    begin = 0 if query.cursor is None else _place(asked, query.cursor, question)
    found = asked.clinic.appointments(
        timebook_ids=None if query.practitioner_id is None else (asked.own(query.practitioner_id),),
        first_day=query.first_day,
        last_day=query.last_day,
    )
    end = begin + BOOKINGS_PAGE
    rows = [_booking(asked, one) for one in found[begin:end]]
    return Answer(200, json={"bookings": rows, "cursor": _cursor(asked, end, question) if end < len(found) else None})


def _cursor(asked: _Asked, place: int, question: str) -> str:
    """An opaque text for a place in the answer to a question, good for a while."""
    until = int((asked.now + CURSOR_LIFE).timestamp())
    return urlsafe_b64encode(f"{place} {until} {_mark(question)}".encode()).decode()


def _place(asked: _Asked, cursor: str, question: str) -> int:
    try:
        place, until, mark = urlsafe_b64decode(cursor).decode("ascii").split(" ")
        found, last = int(place), int(until)
    except ValueError:
        raise _refused(400, "bad_cursor") from None
    if mark != _mark(question) or found < 1:
        raise _refused(400, "bad_cursor")
    if last < asked.now.timestamp():
        raise _refused(410, "expired_cursor")
    return found


def _mark(question: str) -> str:
    return hashlib.blake2b(question.encode(), digest_size=6).hexdigest()


def _booking_id(asked: _Asked) -> str:
    """The clinic's own id of the booking in the path; any other text is one that the clinic does not know."""
    return dialect.ids.own(asked.clinic, asked.visit.path["booking_id"]) or "unknown"


def _changed(asked: _Asked, one: Appointment, status: int = 200) -> Answer:
    return Answer(status, json={"booking": _booking(asked, one)}, effect="done", appointment=one.id)


def _booking(asked: _Asked, one: Appointment) -> dict[str, Any]:
    clinic = asked.clinic
    hours = clinic.effective_restrictions(one.timebook_id, one.type_id).cancel_deadline_hours
    return {
        "id": asked.wire(one.id),
        "practitioner_id": asked.wire(one.timebook_id),
        "service_id": asked.wire(one.type_id),
        "department_id": _department(asked, clinic.any_type(one.type_id)),
        "patient_id": asked.wire(one.patient_id),
        "start": asked.moment(one.start),
        "end": asked.moment(one.end),
        "status": _STATES[one.state],
        "reference": one.reference,
        "created_at": asked.moment(one.created_at),
        "change_by": asked.moment(one.start - timedelta(hours=hours)),
        "late": one.late,
    }


# ---- the calls


_PATHS: Mapping[str, type[BaseModel]] = {"<booking_id>": wire.BookingPath, "<hold_id>": wire.HoldPath}


def _operation(
    name: str,
    method: Any,
    rule: str,
    summary: str,
    work: Callable[[_Asked], Answer],
    answers: Mapping[int, type[BaseModel]],
    *,
    books: bool = False,
    **more: Any,
) -> Operation:
    """One call. books: a token for searching may not make it."""
    writes = more.get("writes", False)
    statuses = (401, 403, *((422,) if more.keys() & {"body", "query"} else ()), *((404, 409) if writes else ()))
    return Operation(
        name=name,
        method=method,
        rule=rule,
        summary=summary,
        handle=_signed_in(work, books=books),
        path=next((model for part, model in _PATHS.items() if part in rule), wire.NoPath),
        answers={**answers, **dict.fromkeys((*statuses, *more.pop("refusals", ())), wire.ErrorAnswer)},
        **{"writes": False, **more},
    )


_OPERATIONS = (
    Operation(
        name="token",
        method="POST",
        rule="/oauth/token",
        summary="Sign in: a token for a key",
        handle=_sign_in,
        writes=False,
        path=wire.NoPath,
        body=wire.TokenBody,
        answers={200: wire.TokenAnswer, **dict.fromkeys((401, 403, 422), wire.ErrorAnswer)},
        secret=frozenset({"client_secret"}),
        signs_in=True,
    ),
    _operation("clinic", "GET", "/v1/clinic", "Whose token it is", _clinic, {200: wire.ClinicAnswer}),
    _operation(
        "practitioners", "GET", "/v1/practitioners", "A page of timebooks", _practitioners,
        {200: wire.PractitionersAnswer}, query=wire.PageQuery,
    ),
    _operation(
        "services", "GET", "/v1/services", "A page of services with their offers", _services,
        {200: wire.ServicesAnswer}, query=wire.PageQuery,
    ),
    _operation(
        "slots", "POST", "/v1/slots/search", "Open times of many at once", _slots, {200: wire.SlotsAnswer},
        body=wire.SlotsBody,
    ),
    _operation(
        "put_on_file", "POST", "/v1/patients", "Put a patient on file", _put_on_file, {201: wire.PatientAnswer},
        body=wire.PatientBody, writes=True, books=True, personal=_PATIENT, needed=lambda _body: _PATIENT,
    ),
    _operation(
        "list", "GET", "/v1/bookings", "A page of bookings", _list, {200: wire.BookingsAnswer},
        query=wire.BookingsQuery, books=True, refusals=(400, 410),
    ),
    _operation(
        "read", "GET", "/v1/bookings/<booking_id>", "One booking", _read, {200: wire.BookingAnswer}, books=True,
        refusals=(404,),
    ),
    _operation(
        "book", "POST", "/v1/bookings", "Book an open time for a patient on file", _book,
        {200: wire.BookingAnswer, 201: wire.BookingAnswer}, body=wire.BookingBody, writes=True, books=True,
        texts=frozenset({"message", "insurance_case"}),
    ),
    _operation(
        "move", "PATCH", "/v1/bookings/<booking_id>", "Move a booking to another open time", _move,
        {200: wire.BookingAnswer}, body=wire.MoveBody, writes=True, books=True,
    ),
    _operation(
        "cancel", "DELETE", "/v1/bookings/<booking_id>", "Give a booking up", _cancel, {200: wire.BookingAnswer},
        body=wire.CancelBody, writes=True, books=True, texts=frozenset({"reason"}),
    ),
)  # fmt: skip

_HOLDING = (
    _operation(
        "hold", "POST", "/v1/holds", "Keep an open time for two minutes", _hold, {201: wire.HoldAnswer},
        body=wire.MoveBody, writes=True, books=True,
    ),
    _operation(
        "release", "DELETE", "/v1/holds/<hold_id>", "Give a hold back", _release, {}, writes=True, books=True,
        refusals=(410,),
    ),
    _operation(
        "book", "POST", "/v1/bookings", "Book a held time for a patient on file", _book_held,
        {200: wire.BookingAnswer, 201: wire.BookingAnswer}, body=wire.HeldBookingBody, writes=True, books=True,
        texts=frozenset({"message", "insurance_case"}), refusals=(410,),
    ),
)  # fmt: skip

dialect = SyntheticVendor()
"""The dialect, as the kit finds it."""
search_only = SearchOnlyVendor()
by_request = RequestVendor()
holds_first = HoldVendor()
