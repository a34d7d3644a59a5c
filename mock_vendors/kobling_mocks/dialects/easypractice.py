"""A dialect modelled on EasyPractice's public API: bearer tokens with scopes, integer ids, pages, and no open times.

Known from public pages: the calls, their parameters and scopes, the shapes of bookings, clients and pages, 60 requests
a minute, `Retry-After: 60` on good answers. How a booking is cancelled, whether overlapping ones are refused, every
error, and the fields of calendars, services and pauses are inferred; see `SWITCHES`.

What a clinic sets up for its online booking (interval, nearest time, limit to a day, linked and open calendars, which
services a calendar offers) is in none of the answers. `EasyPractice.options` is what its staff would tell a registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from kobling_mocks.clinic import (
    ALL_PATIENTS,
    DAY_MINUTES,
    EARLIEST,
    LATEST,
    AlreadyCancelled,
    Appointment,
    Behaviour,
    BookingOrder,
    Clinic,
    NoSuchAppointment,
    OpeningHours,
    Patient,
    PatientDetails,
    Refusal,
    Restrictions,
    SlotTaken,
    Timebook,
    hours_of_plan,
    synthetic_id,
)
from kobling_mocks.dialect import Account, Answer, Dialect, Fact, Operation, Refused, Visit
from kobling_mocks.dialects import easypractice_wire as wire
from kobling_mocks.keys import key_of
from kobling_mocks.switches import Switch, Switches
from kobling_mocks.wireids import NumberedIds

__all__ = ["ALL_SCOPES", "READING", "SWITCHES", "EasyPractice", "Token", "dialect"]

_B = TypeVar("_B", bound=BaseModel)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WORDS = {"booked": "booked", "pending": "booked", "cancelled": "cancelled", "declined": "cancelled",
          "attended": "completed", "no_show": "absent"}  # fmt: skip
_DELETED = "deleted"
"""The reason on an appointment that was deleted through the API: it is in no list any more."""
_LARGEST_PAGE = 200
CALLS_A_MINUTE = 60
_INTERVAL = 30
"""The interval of a clinic that was planned slot by slot, when it is moved into this system."""

READING = frozenset({"calendars-read", "clients-read"})
ALL_SCOPES = frozenset({"calendars-read", "calendars-readwrite", "clients-read", "clients-readwrite"})
_COVERED_BY = {"calendars-read": "calendars-readwrite", "clients-read": "clients-readwrite"}

SWITCHES = (
    Switch(
        "strict_overlap",
        False,
        (False, True),
        "Whether a booking is refused whose time is taken. Off is the dangerous case: it is made all the same.",
        "No page says; a caller has to be right in both cases.",
    ),
    Switch(
        "taken",
        "422",
        ("422", "409"),
        "How a booking is refused whose time is taken, where strict_overlap is on.",
        "No page shows it; 422 is how this framework refuses a field.",
    ),
    Switch(
        "commit_lag_seconds",
        0,
        (0, 86_400),
        "Seconds until a booking exists. It has its id before.",
        "Not documented.",
        number=True,
    ),
    Switch(
        "visible_lag_seconds",
        0,
        (0, 86_400),
        "How many seconds old the bookings are that a list or a reading shows.",
        "Not documented.",
        number=True,
    ),
    Switch(
        "cancel",
        "both",
        ("both", "delete", "status"),
        "How a booking is cancelled: by DELETE, by PATCH of its status, or both. Where the status can't be set it is "
        "ignored, with 200.",
        "No page shows how a booking is cancelled.",
    ),
    Switch(
        "single_booking",
        True,
        (True, False),
        "Whether GET /bookings/{id} exists.",
        "Not on the pages that could be read; PATCH of that path is.",
    ),
    Switch(
        "pause_fields",
        "long",
        ("long", "short", "from_to"),
        "How a pause is spelled: weekday/date with start_time and end_time, day_of_week/pause_date with start and end, "
        "or weekday/date with from and to.",
        "A public client defends against all of them.",
    ),
    Switch(
        "weekday_form",
        "number",
        ("number", "name"),
        "A pause's weekday as 0 (Sunday) to 6, or as an English name.",
        "0 is Sunday in a public client.",
    ),
    Switch(
        "midnight",
        "24:00",
        ("24:00", "00:00", "23:59"),
        "How the end of the day is written in opening times and pauses.",
        "Not documented.",
    ),
    Switch(
        "service_flags",
        True,
        (True, False),
        "Whether a service says that it can be booked online.",
        "The fields of a service are on no page.",
    ),
    Switch(
        "new_client_access",
        "view",
        ("view", "view_edit", "nothing"),
        "Whether employees see clients that came by themselves: see, see and edit, or nothing.",
        "A setting of the clinic, which the vendor's help page describes.",
        known="documented",
    ),
    Switch(
        "requests_per_minute",
        CALLS_A_MINUTE,
        (1, 100_000),
        "How many calls a clinic's tokens may make in a minute.",
        "Stated by the vendor.",
        known="documented",
        number=True,
    ),
)


@dataclass(frozen=True)
class Token:
    """A personal access token: what it may do, and whose it is. `employee` is the timebook of the employee to whom a
    limited token belongs; None is the main account's."""

    text: str
    scopes: frozenset[str]
    employee: str | None = None


class EasyPractice(Dialect):
    """The dialect modelled on EasyPractice's public API."""

    key = "easypractice"
    name = "EasyPractice"
    origin = "https://system.easypractice.net"
    base_path = "/api/v1"
    about = (
        "Modelled on the public API of EasyPractice. No public page connects EasyPractice to an insurance network.\n\n"
        "**Documented or recorded**: the calls and their parameters, scopes, bookings and clients, pages with relative "
        "links, 60 requests a minute, `Retry-After: 60` on good answers.\n\n"
        "**Taken from public clients**: opening times, pauses, how a booking is made and moved.\n\n"
        "**Inferred**, and switchable: how a booking is cancelled, whether overlaps are refused, every error, the "
        "fields of calendars and services.\n\n"
        "There is no call for open times. Interval, nearest time, limit to a day, linked and open calendars and the "
        "services of a calendar are the clinic's settings and in no answer."
    )
    switches = SWITCHES
    id_fields = frozenset({"id"})
    credential_headers = frozenset({"authorization"})
    ids = NumberedIds()
    call_limit = (CALLS_A_MINUTE, 60.0)
    untold: ClassVar[frozenset[Fact]] = frozenset(
        {"rates", "departments", "professions", "mediums", "patient_limits", "cancel_limits", "claims"}
    )

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Calendars, services, bookings, clients."""
        return _OPERATIONS

    def fit(self, clinic: Clinic) -> None:
        """Opening hours instead of planned times, one nearest time for the whole clinic, and no other restriction."""
        zone = ZoneInfo(clinic.zone)
        for timebook in clinic.timebooks:
            if clinic.hours(timebook.id) is None:
                planned = tuple(slot for slot in clinic.plan if slot.timebook_id == timebook.id)
                clinic.keep_hours(timebook.id, hours_of_plan(planned, zone, _INTERVAL))
            if timebook.restrictions != Restrictions():
                clinic.put_timebook(replace(timebook, restrictions=Restrictions()))
        for kind in clinic.types:
            if kind.restrictions != Restrictions():
                clinic.put_type(replace(kind, restrictions=Restrictions()))
        clinic.set_restrictions(Restrictions(booking_deadline_hours=clinic.restrictions.booking_deadline_hours))

    def open_account(self, clinic: Clinic) -> Account:
        """The main account's user id stands for the clinic; the token follows from it."""
        return Account(external_id=_user(clinic), api_key=_token(clinic, "main"), clinic=clinic)

    def connection(self, account: Account) -> dict[str, str]:
        """The user number that every answer names, and the token, which alone tells the clinic."""
        return {
            "external_id": account.external_id,
            "department_id": "",
            "api_key": account.api_key,
            "booking_url": "",
        }

    def options(self, account: Account, switches: Switches) -> dict[str, Any]:
        """The clinic's settings for online booking, as its staff would read them out."""
        clinic = account.clinic
        hours = {book.id: clinic.hours(book.id) for book in clinic.timebooks}
        return {
            "intervals": {_wire(clinic, book): kept.every_minutes for book, kept in hours.items() if kept is not None},
            "lead_time_hours": clinic.restrictions.booking_deadline_hours or 0,
            "daily_limits": {
                _wire(clinic, book.id): book.daily_limit for book in clinic.timebooks if book.daily_limit is not None
            },
            "linked_calendars": {
                _wire(clinic, book.id): tuple(_wire(clinic, other) for other in book.blocked_by)
                for book in clinic.timebooks
                if book.blocked_by
            },
            "open_calendars": tuple(
                _wire(clinic, book.id) for book in clinic.timebooks if clinic.online and book.online
            ),
            "services": {
                _wire(clinic, book.id): tuple(_wire(clinic, kind.id) for kind in clinic.types if _bookable(kind, book))
                for book in clinic.timebooks
            },
            "person_calendars": (),
            "cancel_by": "delete" if switches.text("cancel") == "delete" else "status",
            "overlap": clinic.behaviour.overlap,
        }

    def adjust(
        self, behaviour: Behaviour, restrictions: Restrictions, switches: Switches
    ) -> tuple[Behaviour, Restrictions]:
        """Let the clinic's system behave as the switches say."""
        lags = replace(
            behaviour.lags,
            commit=float(switches.number("commit_lag_seconds")),
            listing=float(switches.number("visible_lag_seconds")),
        )
        changed = replace(
            behaviour,
            overlap="refused" if switches.on("strict_overlap") else "accepted",
            created_at_resolution=timedelta(seconds=1),
            tells_account=True,
            lags=lags,
        )
        return changed, restrictions

    def keys(self, account: Account) -> frozenset[str]:
        """Every token of the clinic's."""
        return frozenset(self.tokens(account))

    def tokens(self, account: Account) -> dict[str, Token]:
        """The tokens that the clinic has made: the main account's, one that may only read, and one for each employee
        with a calendar, who sees only what is theirs."""
        made = [Token(account.api_key, ALL_SCOPES), Token(_token(account.clinic, "reading"), READING)]
        made += [
            Token(_token(account.clinic, f"employee {book.id}"), ALL_SCOPES, book.id)
            for book in account.clinic.timebooks
            if book.owner_kind == "person"
        ]
        return {token.text: token for token in made}

    def reading_token(self, account: Account) -> str:
        """The token that may only read."""
        return next(one.text for one in self.tokens(account).values() if one.scopes == READING)

    def employee_token(self, account: Account, timebook_id: str) -> str:
        """The limited token of the employee with this calendar (the clinic's own id)."""
        return next(one.text for one in self.tokens(account).values() if one.employee == timebook_id)


def _token(clinic: Clinic, whose: str) -> str:
    return f"mock-{key_of(clinic, whose=whose)}"


def _wire(clinic: Clinic, own: str) -> str:
    return dialect.ids.wire(clinic, own)


def _number(clinic: Clinic, own: str) -> int:
    return int(_wire(clinic, own))


def _user(clinic: Clinic, employee: str | None = None) -> str:
    """The user id of the main account, or of the employee with a calendar."""
    return _wire(clinic, synthetic_id(clinic.id, "user", employee or "main"))


def _bookable(kind: Any, book: Timebook) -> bool:
    rule = kind.rule_for(book.id)
    return rule is not None and rule.patients == ALL_PATIENTS


# ---- who is asking


@dataclass(frozen=True)
class _Caller:
    """A call that was let in."""

    visit: Visit
    account: Account
    token: Token

    @property
    def clinic(self) -> Clinic:
        return self.account.clinic

    @property
    def switches(self) -> Switches:
        return self.visit.world.switches

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.clinic.zone)

    def sees_calendar(self, timebook_id: str) -> bool:
        return self.token.employee in (None, timebook_id)

    def timebook(self, wire_id: str) -> Timebook:
        """The calendar with that id, as far as this token sees it. Raises `Refused`."""
        own = dialect.ids.own(self.clinic, wire_id)
        found = self.clinic.timebook(own) if own else None
        if found is None or not self.sees_calendar(found.id):
            raise Refused(_not_found("Calendar", wire_id))
        return found

    def bookings(self) -> list[Appointment]:
        """The bookings that this token sees: an employee's are those in their own calendar for their own clients, and
        whoever staff booked there for a colleague stays hidden."""
        found = self.clinic.appointments()
        return [
            one
            for one in found
            if one.reason != _DELETED
            and self.sees_calendar(one.timebook_id)
            and (self.token.employee is None or one.source != "staff")
        ]

    def clients(self) -> list[Patient]:
        """The clients that this token sees."""
        everybody = self.clinic.patients
        if self.token.employee is None:
            return list(everybody)
        own = {one.patient_id for one in self.bookings()}
        by_themselves = self.switches["new_client_access"] != "nothing"
        return [one for one in everybody if one.id in own or (by_themselves and one.notes)]


def _operation(scope: str, work: Callable[[_Caller], Answer]) -> Callable[[Visit], Answer]:
    """A call that needs a scope: let in or refused, and answered with the headers that every answer has."""

    def handle(visit: Visit) -> Answer:
        account = dialect.account_of(visit)
        if account is None:
            return Answer(401, json={"message": "Unauthenticated."})
        token = dialect.tokens(account)[dialect.credential(visit)]
        left = visit.world.switches.number("requests_per_minute") - _calls_in_a_minute(visit, account)
        if left <= 0:
            headers = {"X-RateLimit-Remaining": "0", "Retry-After": "60"}
            return Answer(429, json={"message": "Too Many Attempts."}, headers=headers)
        usual = {
            "Server": "Apache",
            "Cache-Control": "max-age=0, must-revalidate, no-store, nocache, private",
            "X-RateLimit-Limit": str(visit.world.switches.number("requests_per_minute")),
            "X-RateLimit-Remaining": str(left - 1),
            "Retry-After": "60",
            "X-User-Id": _user(account.clinic, token.employee),
            "Set-Cookie": "laravel_session=mock; Path=/; HttpOnly",
        }
        try:
            if not account.activated:
                raise Refused(Answer(403, json={"message": "This action is unauthorized."}))
            if not token.scopes & {scope, _COVERED_BY.get(scope, scope)}:
                raise Refused(Answer(403, json={"message": "Invalid scope(s) provided."}))
            answer = work(_Caller(visit, account, token))
        except Refused as refused:
            answer = refused.answer
        return replace(answer, headers={**usual, **answer.headers})

    return handle


def _calls_in_a_minute(visit: Visit, account: Account) -> int:
    since = visit.world.clock.now() - timedelta(seconds=60)
    count = 0
    for call in reversed(visit.world.journal.calls):
        if call.at <= since:
            break
        count += call.clinic == account.external_id and call.status not in (None, 429)
    return count


def _not_found(model: str, wire_id: str) -> Answer:
    return Answer(404, json={"message": f"No query results for model [App\\Models\\{model}] {wire_id}"})


def _invalid(**errors: str) -> Answer:
    fields = {name: [sentence] for name, sentence in errors.items()}
    return Answer(422, json={"message": "The given data was invalid.", "errors": fields})


def _body(caller: _Caller, model: type[_B]) -> _B:
    try:
        return model.model_validate(caller.visit.json)
    except ValidationError as problem:
        names = {str(error["loc"][0]) for error in problem.errors(include_input=False) if error["loc"]}
    raise Refused(_invalid(**{name: f"The {name.replace('_', ' ')} field is not valid." for name in sorted(names)}))


def _query(caller: _Caller, model: type[_B]) -> _B:
    try:
        return model.model_validate({name: value for name, value in caller.visit.query.items() if value != ""})
    except ValidationError as problem:
        names = {str(error["loc"][0]) for error in problem.errors(include_input=False) if error["loc"]}
    raise Refused(_invalid(**{name: f"The {name.replace('_', ' ')} is not valid." for name in sorted(names)}))


# ---- pages


def _page(caller: _Caller, path: str, query: wire.PageQuery, rows: Sequence[Any]) -> Answer:
    """One page of a list, with links that are relative and hold the query without its page."""
    most = min(max(query.page_size or 10, 1), _LARGEST_PAGE)
    shown = caller.visit.page(rows, most, number=max(query.page or 1, 1))
    number, last = shown.number, shown.pages
    kept = urlencode([(name, value) for name, value in caller.visit.query.items() if name != "page"])
    base = f"api/v1/{path}" + (f"?{kept}" if kept else "")

    def link(page: int) -> str | None:
        return f"{base}{'&' if kept else '?'}page={page}" if 1 <= page <= last else None

    numbered = [{"url": link(page), "label": str(page), "active": page == number} for page in range(1, last + 1)]
    meta = {
        "current_page": number,
        "from": shown.begins + 1 if shown.rows else None,
        "last_page": last,
        "links": [
            {"url": link(number - 1), "label": "pagination.previous", "active": False},
            *numbered,
            {"url": link(number + 1), "label": "pagination.next", "active": False},
        ],
        "path": base,
        "per_page": shown.size,
        "to": shown.ends if shown.rows else None,
        "total": shown.total,
    }
    links = {"first": link(1), "last": link(last), "prev": link(number - 1), "next": link(number + 1)}
    return Answer(200, json={"data": list(shown.rows), "links": links, "meta": meta})


# ---- calendars and services


def _calendars(caller: _Caller) -> Answer:
    clinic = caller.clinic
    rows = [
        {
            "id": _number(clinic, book.id),
            "name": book.public_name,
            "employee_id": int(_user(clinic, book.id)) if book.owner_kind == "person" else None,
        }
        for book in clinic.timebooks
        if caller.sees_calendar(book.id)
    ]
    return _page(caller, "calendars", _query(caller, wire.PageQuery), rows)


def _opening_times(caller: _Caller) -> Answer:
    book = caller.timebook(caller.visit.path["calendarId"])
    hours = caller.clinic.hours(book.id) or OpeningHours((), _INTERVAL)
    times: dict[str, str | bool] = {}
    for weekday, name in enumerate(_DAYS):
        day = hours.on(weekday)
        times |= {
            f"{name}_start": _clock(caller, day.opens if day else 540),
            f"{name}_end": _clock(caller, day.closes if day else 960),
            f"{name}_closed": day is None,
        }
    return Answer(200, json={"data": {"show_in_calendar": True, "times": times}})


def _clock(caller: _Caller, minutes: int) -> str:
    if minutes >= DAY_MINUTES:
        return caller.switches.text("midnight")
    return f"{minutes // 60:02}:{minutes % 60:02}"


_PAUSE_NAMES: Mapping[str, tuple[str, str, str, str]] = {
    "long": ("weekday", "date", "start_time", "end_time"),
    "short": ("day_of_week", "pause_date", "start", "end"),
    "from_to": ("weekday", "date", "from", "to"),
}


def _pauses(caller: _Caller) -> Answer:
    book, clinic = caller.timebook(caller.visit.path["calendarId"]), caller.clinic
    weekly, dated, begins, ends = _PAUSE_NAMES[caller.switches.text("pause_fields")]
    rows: list[dict[str, Any]] = []
    hours = clinic.hours(book.id)
    for pause in hours.pauses if hours else ():
        day: int | str = (pause.weekday + 1) % 7
        if caller.switches["weekday_form"] == "name":
            day = _DAYS[pause.weekday]
        rows.append({weekly: day, begins: _clock(caller, pause.begins), ends: _clock(caller, pause.ends)})
    spans = [
        span
        for event in clinic.events
        if event.timebook_id == book.id
        for span in _local_spans(event.start, event.end, caller.zone)
    ]
    spans += [(day, 0, DAY_MINUTES) for whose, day in clinic.closed_days if whose in (None, book.id)]
    for on, first, last in spans:
        rows.append({dated: on.isoformat(), begins: _clock(caller, first), ends: _clock(caller, last)})
    numbered = [{"id": number, **row} for number, row in enumerate(rows, 1)]
    return _page(caller, f"calendars/{_wire(clinic, book.id)}/pauses", _query(caller, wire.PageQuery), numbered)


def _local_spans(start: datetime, end: datetime, zone: ZoneInfo) -> Iterable[tuple[date, int, int]]:
    """A period as whole minutes of the clock on each of its days, half-open. What the clock shows twice is told
    as if both were meant: nobody can say which."""
    for since, until in _between_changes(start, end, zone):
        offset = timezone(since.astimezone(zone).utcoffset() or timedelta())
        first, last = since.astimezone(offset), until.astimezone(offset)
        day = first.date()
        while day <= last.date():
            begins = first.hour * 60 + first.minute if day == first.date() else 0
            ends = last.hour * 60 + last.minute if day == last.date() else DAY_MINUTES
            if begins < ends:
                yield day, begins, ends
            day += timedelta(days=1)


def _between_changes(start: datetime, end: datetime, zone: ZoneInfo) -> Iterable[tuple[datetime, datetime]]:
    """A period in parts (UTC) in which the clock is not put forward or back; it is at full hours only."""
    since = start = start.astimezone(UTC)
    hour = start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while hour < end:
        if hour.astimezone(zone).utcoffset() != since.astimezone(zone).utcoffset():
            yield since, hour
            since = hour
        hour += timedelta(hours=1)
    yield since, end.astimezone(UTC)


def _services(caller: _Caller) -> Answer:
    query = _query(caller, wire.ServicesQuery)
    rows: list[dict[str, Any]] = [
        {
            "id": _number(caller.clinic, kind.id),
            "name": kind.name,
            "duration": kind.minutes,
            "price": None if kind.price_nok is None else f"{kind.price_nok:.2f}",
            "online_booking": kind.online and kind.kind == "ordinary",
        }
        for kind in caller.clinic.types
        if kind.kind != "group"  # courses are kept elsewhere in this system
    ]
    if not caller.switches.on("service_flags"):
        for row in rows:
            del row["online_booking"]
    if query.order_by_name:
        rows.sort(key=lambda row: str(row["name"]), reverse=query.order_by_name == "desc")
    return _page(caller, "services", query, rows)


# ---- clients


def _clients(caller: _Caller) -> Answer:
    query = _query(caller, wire.ClientsQuery)
    people = caller.clients()
    if query.has_email:
        people = [one for one in people if one.email]
    if query.has_phone:
        people = [one for one in people if one.phone]
    if query.order_by_name:
        people.sort(key=lambda one: one.name, reverse=query.order_by_name == "desc")
    return _page(caller, "clients", query, [_client(caller, one) for one in people])


def _client(caller: _Caller, one: Patient) -> dict[str, Any]:
    now = _local(caller, caller.clinic.clock.now())
    return {
        "id": _number(caller.clinic, one.id),
        "name": one.name,
        "email": one.email,
        "phone": one.phone,
        "address": None,
        "address_line_2": None,
        "zip": None,
        "city": None,
        "zone": None,
        "country": None,
        "alpha2": None,
        "cpr": "",
        "date_of_birth": one.birth_date.isoformat() if one.birth_date else None,
        "notes": one.notes,
        "profile_image_url": None,
        "status": "active",
        "created_at": now,
        "updated_at": now,
        "tags": [],
    }


def _create_client(caller: _Caller) -> Answer:
    body = _body(caller, wire.NewClient)
    born: date | None = None
    if body.date_of_birth:
        try:
            born = date.fromisoformat(body.date_of_birth)
        except ValueError:
            return _invalid(date_of_birth="The date of birth is not a valid date.")
    made = caller.clinic.put_patient(
        PatientDetails(body.name, born, body.phone or "", body.email or "", notes=body.notes or "")
    )
    answer = {"message": f"The client {made.name} was created", "data": _client(caller, made)}
    return Answer(201, json=answer, effect="done")


# ---- bookings


def _local(caller: _Caller, moment: datetime) -> str:
    return moment.astimezone(caller.zone).isoformat(timespec="seconds")


def _booking(caller: _Caller, one: Appointment) -> dict[str, Any]:
    clinic = caller.clinic
    client = clinic.patient(one.patient_id)
    return {
        "id": _number(clinic, one.id),
        "calendar_id": _number(clinic, one.timebook_id),
        "client_id": _number(clinic, one.patient_id),
        "client_name": client.name if client else "",
        "start": _local(caller, one.start),
        "end": _local(caller, one.end),
        "status": _WORDS[one.state],
        "created_at": _local(caller, one.created_at),
        "updated_at": _local(caller, one.changed_at or one.created_at),
    }


def _bookings(caller: _Caller) -> Answer:
    query, clinic = _query(caller, wire.BookingsQuery), caller.clinic
    try:
        first = date.fromisoformat(query.start) if query.start else date.min
        last = date.fromisoformat(query.end) if query.end else date.max
    except ValueError:
        return _invalid(start="The start is not a valid date.")
    found = [
        one
        for one in caller.bookings()
        if first <= one.start.astimezone(caller.zone).date() <= last
        and query.client_id in (None, _number(clinic, one.patient_id))
        and query.calendar_id in (None, _number(clinic, one.timebook_id))
        and query.product_id in (None, _number(clinic, one.type_id))
        and query.employee_id in (None, int(_user(clinic, one.timebook_id)))
        and query.status in (None, _WORDS[one.state])
    ]
    if query.order_by_date == "desc":
        found.reverse()
    return _page(caller, "bookings", query, [_booking(caller, one) for one in found])


def _one(caller: _Caller) -> Appointment:
    """The booking in the path, as it really is. Raises `Refused`."""
    wire_id = caller.visit.path["bookingId"]
    own = dialect.ids.own(caller.clinic, wire_id)
    known = {one.id: one for one in caller.clinic.all_appointments()}
    found = known.get(own or "")
    if found is None or found.reason == _DELETED or not caller.sees_calendar(found.timebook_id):
        raise Refused(_not_found("Booking", wire_id))
    return found


def _read_booking(caller: _Caller) -> Answer:
    if not caller.switches.on("single_booking"):
        return Answer(404, json={"message": ""})
    wire_id = caller.visit.path["bookingId"]
    own = dialect.ids.own(caller.clinic, wire_id)
    found = next((one for one in caller.bookings() if one.id == own), None)
    return Answer(200, json={"data": _booking(caller, found)}) if found else _not_found("Booking", wire_id)


def _moment(text: str, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        moment = found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not EARLIEST <= moment <= LATEST:
        raise Refused(_invalid(**{name: f"The {name} is not a valid date."}))
    return moment


def _create_booking(caller: _Caller) -> Answer:
    body, clinic = _body(caller, wire.NewBooking), caller.clinic
    start, end = _moment(body.start, "start"), _moment(body.end, "end")
    minutes = int((end - start) / timedelta(minutes=1))
    if minutes < 1:
        return _invalid(end="The end must be a date after start.")
    book = clinic.timebook(dialect.ids.own(clinic, str(body.calendar_id)) or "")
    if book is None or not caller.sees_calendar(book.id):
        return _invalid(calendar_id="The selected calendar id is invalid.")
    client = clinic.patient(dialect.ids.own(clinic, str(body.client_id)) or "")
    if client is None:
        return _invalid(client_id="The selected client id is invalid.")
    type_id = dialect.ids.own(clinic, str(body.product_id)) if body.product_id is not None else None
    kinds = [kind for kind in clinic.types if (kind.id == type_id if body.product_id is not None else True)]
    if not kinds:
        return _invalid(product_id="The selected product id is invalid.")
    kind = next((one for one in kinds if one.minutes == minutes and one.rule_for(book.id)), kinds[0])
    order = BookingOrder(book.id, kind.id, start, patient_id=client.id, minutes=minutes)
    try:
        made = clinic.book(order)
    except SlotTaken:
        return _taken(caller)
    except Refusal as refusal:
        return _invalid(start=f"The booking could not be made ({refusal.code}).")
    later = clinic.behaviour.lags.commit > 0
    answer = {"message": "The booking was created", "data": _booking(caller, made)}
    return Answer(201, json=answer, effect="later" if later else "done", appointment=made.id)


def _taken(caller: _Caller) -> Answer:
    if caller.switches["taken"] == "409":
        return Answer(409, json={"message": "The time is not available."})
    return _invalid(start="The time is not available.")


def _change_booking(caller: _Caller) -> Answer:
    body, clinic, found = _body(caller, wire.BookingChange), caller.clinic, _one(caller)
    effect = False
    try:
        if body.status is not None and caller.switches["cancel"] != "delete":
            if body.status != "cancelled":
                return _invalid(status="The selected status is invalid.")
            if found.live:
                found, effect = clinic.staff_cancel(found.id, by="registry"), True
        if body.start is not None or body.end is not None:
            start = _moment(body.start, "start") if body.start is not None else found.start
            end = _moment(body.end, "end") if body.end is not None else found.end
            minutes = int((end - start) / timedelta(minutes=1))
            if minutes < 1:
                return _invalid(end="The end must be a date after start.")
            found, effect = clinic.staff_move(found.id, start, minutes=minutes), True
    except SlotTaken:
        return _taken(caller)
    except (NoSuchAppointment, AlreadyCancelled) as refusal:
        return _invalid(start=f"The booking can not be changed ({refusal.code}).")
    except Refusal as refusal:
        return _invalid(status=f"The booking can not be changed ({refusal.code}).")
    answer = {"message": "The booking was updated", "data": _booking(caller, found)}
    return Answer(200, json=answer, effect="done" if effect else "none", appointment=found.id)


def _delete_booking(caller: _Caller) -> Answer:
    if caller.switches["cancel"] == "status":
        return Answer(405, json={"message": "The DELETE method is not supported for this route."})
    found = _one(caller)
    try:
        if found.live:
            caller.clinic.staff_cancel(found.id, by="registry", reason=_DELETED)
        else:
            return _not_found("Booking", caller.visit.path["bookingId"])
    except Refusal as refusal:
        return _invalid(id=f"The booking can not be deleted ({refusal.code}).")
    return Answer(200, json={"message": "The booking was deleted"}, effect="done", appointment=found.id)


# ---- the calls

_ERRORS = {401: wire.ErrorAnswer, 403: wire.ErrorAnswer, 404: wire.ErrorAnswer, 429: wire.ErrorAnswer}
_CHECKED = {**_ERRORS, 422: wire.ErrorAnswer}
_OF_A_CLIENT = frozenset({"name", "email", "phone", "date_of_birth"})

_OPERATIONS = (
    Operation(
        name="calendars",
        method="GET",
        rule="/api/v1/calendars",
        summary="The calendars that this token sees",
        handle=_operation("calendars-read", _calendars),
        writes=False,
        path=wire.NoPath,
        query=wire.PageQuery,
        answers={200: wire.CalendarsAnswer, **_CHECKED},
    ),
    Operation(
        name="opening_times",
        method="GET",
        rule="/api/v1/calendars/<calendarId>/opening-times",
        summary="When a calendar is open, by weekday",
        handle=_operation("calendars-read", _opening_times),
        writes=False,
        path=wire.CalendarPath,
        answers={200: wire.OpeningTimesAnswer, **_ERRORS},
    ),
    Operation(
        name="pauses",
        method="GET",
        rule="/api/v1/calendars/<calendarId>/pauses",
        summary="A calendar's pauses, weekly and dated",
        handle=_operation("calendars-read", _pauses),
        writes=False,
        path=wire.CalendarPath,
        query=wire.PageQuery,
        answers={200: wire.PausesAnswer, **_CHECKED},
    ),
    Operation(
        name="services",
        method="GET",
        rule="/api/v1/services",
        summary="The services",
        handle=_operation("calendars-read", _services),
        writes=False,
        path=wire.NoPath,
        query=wire.ServicesQuery,
        answers={200: wire.ServicesAnswer, **_CHECKED},
    ),
    Operation(
        name="clients",
        method="GET",
        rule="/api/v1/clients",
        summary="The clients that this token sees",
        description="There is no filter by name or phone number: nobody is found here without reading everybody.",
        handle=_operation("clients-read", _clients),
        writes=False,
        path=wire.NoPath,
        query=wire.ClientsQuery,
        answers={200: wire.ClientsAnswer, **_CHECKED},
        personal=frozenset({"cpr"}),
        lists_patients=True,
    ),
    Operation(
        name="create_client",
        method="POST",
        rule="/api/v1/clients",
        summary="Add a client",
        handle=_operation("clients-readwrite", _create_client),
        writes=True,
        path=wire.NoPath,
        body=wire.NewClient,
        answers={201: wire.ClientAnswer, **_CHECKED},
        personal=_OF_A_CLIENT,
        texts=frozenset({"notes"}),
        needed=lambda _body: _OF_A_CLIENT,
    ),
    Operation(
        name="bookings",
        method="GET",
        rule="/api/v1/bookings",
        summary="The bookings that this token sees",
        handle=_operation("calendars-read", _bookings),
        writes=False,
        path=wire.NoPath,
        query=wire.BookingsQuery,
        answers={200: wire.BookingsAnswer, **_CHECKED},
    ),
    Operation(
        name="create_booking",
        method="POST",
        rule="/api/v1/bookings",
        summary="Book any time in a calendar for a client",
        description="Neither the grid nor the opening times are looked at.",
        handle=_operation("calendars-readwrite", _create_booking),
        writes=True,
        path=wire.NoPath,
        body=wire.NewBooking,
        answers={201: wire.BookingAnswer, 409: wire.ErrorAnswer, **_CHECKED},
    ),
    Operation(
        name="read_booking",
        method="GET",
        rule="/api/v1/bookings/<bookingId>",
        summary="One booking",
        description="Inferred.",
        handle=_operation("calendars-read", _read_booking),
        writes=False,
        path=wire.BookingPath,
        answers={200: wire.BookingAnswer, **_ERRORS},
    ),
    Operation(
        name="change_booking",
        method="PATCH",
        rule="/api/v1/bookings/<bookingId>",
        summary="Move a booking, or cancel it by its status",
        description="That the status may be set is inferred.",
        handle=_operation("calendars-readwrite", _change_booking),
        writes=True,
        path=wire.BookingPath,
        body=wire.BookingChange,
        answers={200: wire.BookingAnswer, 409: wire.ErrorAnswer, **_CHECKED},
    ),
    Operation(
        name="delete_booking",
        method="DELETE",
        rule="/api/v1/bookings/<bookingId>",
        summary="Delete a booking",
        description="Inferred.",
        handle=_operation("calendars-readwrite", _delete_booking),
        writes=True,
        path=wire.BookingPath,
        answers={200: wire.MessageAnswer, 405: wire.ErrorAnswer, **_CHECKED},
    ),
)

dialect = EasyPractice()
"""The dialect, as the entry point names it."""
