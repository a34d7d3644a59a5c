"""Extensor, synthetic: every clinic has its own server, with Norwegian words, integer ids and naive local times.

No public description of Extensor's API exists, so that nothing here is the vendor's behaviour. It is what a programme
installed at a clinic would plausibly speak, made to be as different from other vendors as the registry must bear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

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
    NoSuchAppointment,
    OpenSlot,
    PatientDetails,
    PatientRequired,
    ReferenceInUse,
    Refusal,
    Restrictions,
    SlotNotOffered,
    SlotTaken,
    TooLateToCancel,
    TooManyBookings,
)
from kobling_mocks.dialect import Account, Answer, Dialect, Operation, Refused, Visit
from kobling_mocks.dialects.extensor_wire import (
    AvbestillBody,
    BehandlereAnswer,
    BestillBody,
    ErrorAnswer,
    FlyttBody,
    KlinikkQuery,
    LedigeQuery,
    LedigetimerAnswer,
    PingAnswer,
    ServerPath,
    TimeAnswer,
    TimePath,
    TimerAnswer,
    TimerQuery,
    TimetyperAnswer,
)
from kobling_mocks.keys import key_of
from kobling_mocks.switches import Switch, Switches
from kobling_mocks.wireids import NumberedIds

__all__ = ["SWITCHES", "Extensor", "dialect"]

_OWNERS = {"person": "PERSON", "group": "GRUPPE", "department": "AVDELING", "clinic": "KLINIKK"}
_KINDS = {"ordinary": "VANLIG", "hidden": "SKJULT", "group": "GRUPPE"}
_MEDIUMS = {"face_to_face": "OPPMOTE", "video": "VIDEO", "telephone": "TELEFON"}
_STATES = {
    "pending": "FORESPURT",
    "booked": "BEKREFTET",
    "declined": "AVSLATT",
    "cancelled": "AVBESTILT",
    "attended": "MOTT",
    "no_show": "IKKE_MOTT",
}
_LONGEST_RANGE = 366
_NIGHT = range(23, 24), range(5)
"""The local hours in which the office machine is off, where `night` says so."""

_OURS = "The whole wire is ours; a product that is installed at a clinic is likely to behave so at times."
SWITCHES = (
    Switch("page", "none", ("none", "200", "502"), "Whether every call gets a page of HTML as IIS writes it.", _OURS),
    Switch("charset", "utf-8", ("utf-8", "iso-8859-1"), "In which charset answers are written.", _OURS),
    Switch(
        "redirect",
        "none",
        ("none", "same_site", "other_site"),
        "Whether every call is redirected: to the same call under another path of the server, or to another site.",
        _OURS,
    ),
    Switch("night", "on", ("on", "off"), "Whether the server is off from 23 to 5 by the clinic's clock.", _OURS),
    Switch(
        "slow_milliseconds",
        0,
        (0, 250),
        "How long an answer takes. For one that takes longer than a caller waits, order the fault `slow`.",
        _OURS,
        number=True,
    ),
    Switch(
        "confirmation",
        "direct",
        ("direct", "request"),
        "Whether a booking stands at once (BEKREFTET) or waits for staff (FORESPURT).",
        _OURS,
    ),
)


class Extensor(Dialect):
    """The dialect of a synthetic Extensor."""

    key = "extensor"
    name = "Extensor (synthetic)"
    origin = "https://booking.klinikken.example"
    about = (
        "**Synthetic, not verified against the vendor.** No public description of Extensor's API exists; paths, names, "
        "codes and formats are ours.\n\n"
        "**Known**: the registry's help article says that Extensor is the one system whose connection has a booking "
        "URL. Each clinic has its own server there; in this mock the first part of the path stands for it.\n\n"
        "Times are the clinic's wall clock without offset; in the hour that comes twice a time is listed once for each "
        "of its moments, and only its id tells them apart."
    )
    switches = SWITCHES
    id_fields = frozenset({"id"})
    credential_headers = frozenset({"x-api-key"})
    switched_on_by = "vendor"
    ids = NumberedIds()
    late_told_by = ("/time/forSent", True)

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Ping, the catalogue's two lists, open times, and bookings: list, read, make, move, cancel."""
        return _OPERATIONS

    def open_account(self, clinic: Clinic) -> Account:
        """The number and the key follow from the clinic; of several departments the connection has the first."""
        departments = clinic.departments
        return Account(
            external_id=self.ids.wire(clinic, clinic.id),
            api_key=f"mock-{key_of(clinic)}",
            clinic=clinic,
            department_id=self.ids.wire(clinic, departments[0].id) if len(departments) > 1 else None,
        )

    def connection(self, account: Account) -> dict[str, str]:
        """All four fields; the booking URL is the clinic's own."""
        return {
            "external_id": account.external_id,
            "department_id": account.department_id or "",
            "api_key": account.api_key,
            "booking_url": f"{self.origin}/{_server(account)}",
        }

    def adjust(
        self, behaviour: Behaviour, restrictions: Restrictions, switches: Switches
    ) -> tuple[Behaviour, Restrictions]:
        """Let the clinic's system behave as the switches say."""
        if switches["confirmation"] == "request":
            behaviour = replace(behaviour, confirmation="request")
        return behaviour, restrictions

    def account_of(self, visit: Visit) -> Account | None:
        """The clinic whose server is called."""
        wanted = visit.path.get("server")
        return next((one for one in list(visit.world.accounts.values()) if _server(one) == wanted), None)


def _server(account: Account) -> str:
    return f"klinikk-{account.external_id}"


# ---- the server in front: who is asking, and is it awake


_Q = TypeVar("_Q", bound=BaseModel)
_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True)
class _Asked(Generic[_Q]):
    """A call that was let in: the clinic's account, the checked parameters, and the own id of the department."""

    visit: Visit
    account: Account
    query: _Q
    department_id: str | None

    @property
    def clinic(self) -> Clinic:
        return self.account.clinic

    def wire(self, own: str) -> int:
        """The integer for one of the clinic's own ids."""
        return int(dialect.ids.wire(self.clinic, own))

    def own(self, number: int | None) -> str | None:
        """The clinic's own id for an integer, None for one that stands for nothing."""
        return None if number is None else dialect.ids.own(self.clinic, str(number))

    def body(self, model: type[_M]) -> _M:
        """The checked body. Raises `Refused` naming the fields that are wrong."""
        return _checked(model, self.visit.json)

    def wall(self, moment: datetime) -> str:
        """A moment on the clinic's wall clock, cut to the minute, without offset."""
        return moment.astimezone(ZoneInfo(self.clinic.zone)).strftime("%Y-%m-%dT%H:%M:00")


def _served(rule: str, query: type[_Q], work: Callable[[_Asked[_Q]], Answer]) -> Callable[[Visit], Answer]:
    """The whole way of a call: the web server's own pages first, then the programme's refusals, then its work."""

    def handle(visit: Visit) -> Answer:
        visit.world.wait(visit.world.switches.number("slow_milliseconds") / 1000)
        account = dialect.account_of(visit)
        before = _in_front(visit, rule, account)
        if before is not None:
            return before
        assert account is not None
        try:
            answer = work(_let_in(visit, account, query))
        except Refused as refused:
            answer = refused.answer
        return replace(answer, charset=visit.world.switches.text("charset"))

    return handle


def _in_front(visit: Visit, rule: str, account: Account | None) -> Answer | None:
    """What the web server answers by itself; None where it hands the call to the programme."""
    switches = visit.world.switches
    if account is None:
        return _page(404, "404 - File or directory not found.")
    hour = visit.world.clock.now().astimezone(ZoneInfo(account.clinic.zone)).hour
    if switches["night"] == "off" and any(hour in hours for hours in _NIGHT):
        return _page(503, "HTTP Error 503. The service is unavailable.")
    if switches["redirect"] == "other_site":
        return Answer(302, html="", headers={"Location": "https://innlogging.example/logg-inn"})
    if switches["redirect"] == "same_site":
        host = visit.headers.get("host", "booking.klinikken.example")
        path = rule.replace("<server>", visit.path["server"]).replace("<timeId>", visit.path.get("timeId", ""))
        return Answer(301, html="", headers={"Location": f"https://{host}/ny{path}"})
    if switches["page"] != "none":
        text = "Velkommen til klinikkens bookingserver på IIS" if switches["page"] == "200" else "502 - Bad Gateway"
        return _page(int(switches.text("page")), text)
    return None


def _page(status: int, title: str) -> Answer:
    html = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"><html><head>'
        f"<title>{title}</title></head><body><div id='header'><h1>Server Error</h1></div>"
        f"<div id='content'><h2>{title}</h2></div></body></html>"
    )
    return Answer(status, html=html, charset="iso-8859-1")


def _let_in(visit: Visit, account: Account, query: type[_Q]) -> _Asked[_Q]:
    """The call, where key, clinic and department are right. Raises `Refused`."""
    if dialect.credential(visit) != account.api_key:
        raise Refused(_error(401, "UGYLDIG_NOKKEL", "Nøkkelen mangler eller er feil."))
    if not account.activated:
        raise Refused(_error(401, "IKKE_AKTIVERT", "Nettbestilling for partnere er ikke slått på."))
    asked = _checked(query, dict(visit.query))
    assert isinstance(asked, KlinikkQuery)
    if str(asked.klinikk) != account.external_id:
        raise Refused(_error(404, "KLINIKK_UKJENT", "Klinikken finnes ikke på denne serveren."))
    department_id = None
    if asked.avdeling is not None:
        department_id = dialect.ids.own(account.clinic, str(asked.avdeling))
        if department_id not in {place.id for place in account.clinic.departments}:
            raise Refused(_error(404, "AVDELING_UKJENT", "Avdelingen finnes ikke."))
    return _Asked(visit, account, asked, department_id)


def _checked(model: type[_M], given: Any) -> _M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        fields = sorted({str(problem["loc"][0]) for problem in problems if problem["loc"]})
    patient = [name for name in fields if name in _PATIENT]
    if patient and patient == fields:
        raise Refused(_error(400, "PASIENT_UFULLSTENDIG", "Opplysninger om pasienten mangler.", *patient))
    raise Refused(_error(400, "UGYLDIG_FORESPORSEL", "Forespørselen kan ikke leses.", *fields))


def _error(status: int, code: str, text: str, *fields: str) -> Answer:
    body: dict[str, Any] = {"feilkode": code, "melding": text}
    if fields:
        body["felt"] = list(fields)
    return Answer(status, json=body)


# ---- the clinic and its catalogue


def _ping(asked: _Asked[KlinikkQuery]) -> Answer:
    clinic = asked.clinic
    streets = {address.department_id: address.street for address in reversed(clinic.addresses)}
    return Answer(
        200,
        json={
            "klinikk": {
                "id": int(asked.account.external_id),
                "navn": clinic.name,
                "orgnr": clinic.organisation_number,
            },
            "avdelinger": [
                {"id": asked.wire(place.id), "navn": place.name, "adresse": streets.get(place.id, "")}
                for place in clinic.departments
            ],
        },
    )


def _behandlere(asked: _Asked[KlinikkQuery]) -> Answer:
    clinic = asked.clinic
    rows = [
        {
            "id": asked.wire(timebook.id),
            "navn": timebook.public_name,
            "eier": _OWNERS[timebook.owner_kind],
            "nettbestilling": clinic.online and timebook.online,
            "hprNr": timebook.hpr,
            "yrke": timebook.profession,
        }
        for timebook in clinic.timebooks
    ]
    return Answer(200, json={"behandlere": rows})


def _timetyper(asked: _Asked[KlinikkQuery]) -> Answer:
    rows = [
        {
            "id": asked.wire(kind.id),
            "navn": kind.name,
            "varighetMinutter": kind.minutes,
            "type": _KINDS[kind.kind],
            "nettbestilling": kind.online,
            "avdelingId": _department(asked, kind),
            "oppmoteformer": [_MEDIUMS[medium] for medium in kind.mediums],
            "regler": [
                {
                    "behandlerId": asked.wire(rule.timebook_id),
                    "pasienter": "ALLE" if rule.patients == ALL_PATIENTS else "LISTE",
                    "takster": [{"kode": rate.code, "navn": rate.name} for rate in rule.rates],
                }
                for rule in kind.rules
            ],
        }
        for kind in asked.clinic.types
    ]
    return Answer(200, json={"timetyper": rows})


def _department(asked: _Asked[Any], kind: AppointmentType) -> int | None:
    address = asked.clinic.address(kind.address_id) if kind.address_id else None
    return asked.wire(address.department_id) if address else None


# ---- open times


def _ledigetimer(asked: _Asked[LedigeQuery]) -> Answer:
    query, clinic = asked.query, asked.clinic
    _check_range(query.fra, query.til)
    timebooks = _known(asked.own(query.behandlerId), clinic.timebook, query.behandlerId, "BEHANDLER_UKJENT")
    types = _known(asked.own(query.timetypeId), clinic.type, query.timetypeId, "TIMETYPE_UKJENT")
    found = clinic.open_slots(timebooks, types, query.fra, query.til, department_id=asked.department_id)
    return Answer(200, json={"ledigetimer": [_ledig_time(asked, slot) for slot in found]})


def _check_range(first: Any, last: Any) -> None:
    if not timedelta(0) <= last - first <= timedelta(days=_LONGEST_RANGE):
        raise Refused(_error(400, "UGYLDIG_FORESPORSEL", "Perioden kan ikke brukes.", "fra", "til"))


def _known(
    own: str | None, find: Callable[[str], object | None], number: int | None, code: str
) -> tuple[str, ...] | None:
    """The filter for a number that was given, None for one that was not. Raises `Refused` for an unknown one."""
    if number is None:
        return None
    if own is None or find(own) is None:
        raise Refused(_error(404, code, "Nummeret er ukjent."))
    return (own,)


def _ledig_time(asked: _Asked[Any], slot: OpenSlot) -> dict[str, Any]:
    return {
        "id": _number_of(asked.clinic, slot.timebook_id, slot.type_id, slot.start),
        "behandlerId": asked.wire(slot.timebook_id),
        "timetypeId": asked.wire(slot.type_id),
        "avdelingId": asked.wire(slot.department_id) if slot.department_id else None,
        "start": asked.wall(slot.start),
        "varighetMinutter": int((slot.end - slot.start).total_seconds()) // 60,
    }


_ROOM = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _number_of(clinic: Clinic, timebook_id: str, type_id: str, start: datetime) -> int:
    """The number of an open time: its moment, and what the clinic counts its timebook and type as. Below 2^53."""
    minute = (start - _EPOCH) // timedelta(minutes=1)
    return (minute * _ROOM + (clinic.number_of(timebook_id) or 0)) * _ROOM + (clinic.number_of(type_id) or 0)


def _open_time(asked: _Asked[Any], body: FlyttBody) -> tuple[str, str, datetime]:
    """Timebook, type (own ids) and moment that an order names. Raises `Refused` where its numbers do not agree."""
    rest, kind = divmod(body.ledigTimeId, _ROOM)
    minute, timebook = divmod(rest, _ROOM)
    own_timebook, own_kind = asked.own(body.behandlerId), asked.own(body.timetypeId)
    agreed = asked.clinic.numbered(timebook), asked.clinic.numbered(kind)
    if own_timebook is None or own_kind is None or agreed != (own_timebook, own_kind) or minute > _ROOM**2:
        raise Refused(_error(400, "UGYLDIG_FORESPORSEL", "Timen passer ikke til behandler og timetype.", "ledigTimeId"))
    return own_timebook, own_kind, _EPOCH + timedelta(minutes=minute)


# ---- bookings

_PATIENT = frozenset({"fornavn", "etternavn", "fodselsdato", "telefon"})
_REFUSALS: Mapping[type[Refusal], tuple[int, str, str]] = {
    SlotTaken: (409, "TIME_OPPTATT", "Timen er opptatt."),
    SlotNotOffered: (409, "TIME_IKKE_TILBUDT", "Timen tilbys ikke."),
    TooManyBookings: (409, "FOR_MANGE_TIMER", "Pasienten kan ikke ha flere timer."),
    ReferenceInUse: (409, "REFERANSE_I_BRUK", "Det finnes en time med denne referansen."),
    NoSuchAppointment: (404, "TIME_UKJENT", "Timen finnes ikke."),
    AlreadyCancelled: (409, "ALLEREDE_AVBESTILT", "Timen er avbestilt."),
    TooLateToCancel: (409, "FRIST_UTLOPT", "Fristen er ute."),
    CancelNotAllowed: (409, "AVBESTILLING_IKKE_TILLATT", "Timen kan ikke endres på nett."),
    AlreadyStarted: (409, "TIME_STARTET", "Timen har begynt."),
}


def _decided(work: Callable[[], Appointment]) -> Appointment:
    """What the clinic's system does. Raises `Refused` with the code of what it refuses."""
    try:
        return work()
    except PatientRequired:
        answer = _error(400, "PASIENT_UFULLSTENDIG", "Opplysninger om pasienten mangler.", *sorted(_PATIENT))
    except Refusal as refusal:
        answer = _error(*_REFUSALS[type(refusal)])
    raise Refused(answer)


def _bestill(asked: _Asked[KlinikkQuery]) -> Answer:
    body = asked.body(BestillBody)
    timebook_id, type_id, start = _open_time(asked, body)
    details = PatientDetails(f"{body.fornavn} {body.etternavn}", body.fodselsdato, body.telefon)
    order = BookingOrder(
        timebook_id=timebook_id,
        type_id=type_id,
        start=start,
        patient=details,
        match="name_and_birth_date",
        patient_comment=body.melding or "",
        reference=body.referanse,
        sak_id=body.sakId,
    )
    made = _decided(lambda: asked.clinic.book(order))
    later = asked.clinic.behaviour.lags.commit > 0
    return _changed(asked, made, 201, later=later)


def _flytt(asked: _Asked[KlinikkQuery]) -> Answer:
    timebook_id, type_id, start = _open_time(asked, asked.body(FlyttBody))
    own = _booking_id(asked)
    return _changed(asked, _decided(lambda: asked.clinic.move(own, start, timebook_id, type_id)))


def _avbestill(asked: _Asked[KlinikkQuery]) -> Answer:
    reason = asked.body(AvbestillBody).grunn or ""
    own = _booking_id(asked)
    return _changed(asked, _decided(lambda: asked.clinic.cancel(own, by="registry", reason=reason)))


def _les_time(asked: _Asked[KlinikkQuery]) -> Answer:
    own = _booking_id(asked)
    return Answer(200, json={"time": _time(asked, _decided(lambda: asked.clinic.appointment(own)))})


def _timer(asked: _Asked[TimerQuery]) -> Answer:
    query, clinic = asked.query, asked.clinic
    _check_range(query.fra, query.til)
    found = clinic.appointments(
        timebook_ids=_known(asked.own(query.behandlerId), clinic.timebook, query.behandlerId, "BEHANDLER_UKJENT"),
        first_day=query.fra,
        last_day=query.til,
    )
    return Answer(200, json={"timer": [_time(asked, one) for one in found], "fullstendig": True})


def _booking_id(asked: _Asked[Any]) -> str:
    """The clinic's own id of the booking in the path; any other text is one that the clinic does not know."""
    return dialect.ids.own(asked.clinic, asked.visit.path["timeId"]) or "unknown"


def _changed(asked: _Asked[Any], one: Appointment, status: int = 200, *, later: bool = False) -> Answer:
    return Answer(status, json={"time": _time(asked, one)}, effect="later" if later else "done", appointment=one.id)


def _time(asked: _Asked[Any], one: Appointment) -> dict[str, Any]:
    clinic = asked.clinic
    hours = clinic.effective_restrictions(one.timebook_id, one.type_id).cancel_deadline_hours
    return {
        "id": asked.wire(one.id),
        "behandlerId": asked.wire(one.timebook_id),
        "timetypeId": asked.wire(one.type_id),
        "avdelingId": _department(asked, clinic.any_type(one.type_id)),
        "start": asked.wall(one.start),
        "varighetMinutter": int((one.end - one.start).total_seconds()) // 60,
        "status": _STATES[one.state],
        "referanse": one.reference,
        "opprettet": asked.wall(one.created_at),
        "avbestillingsfrist": asked.wall(one.start - timedelta(hours=hours)),
        "forSent": one.late,
    }


# ---- the calls

_PAGES = frozenset({200, 301, 302, 404, 502, 503})
"""What the web server in front answers by itself."""


def _operation(
    name: str,
    method: Any,
    path: str,
    summary: str,
    work: Callable[[_Asked[Any]], Answer],
    answer: type[BaseModel],
    query: type[BaseModel] = KlinikkQuery,
    *,
    body: type[BaseModel] | None = None,
    writes: bool = False,
    status: int = 200,
    **more: Any,
) -> Operation:
    rule = f"/<server>/api/{path}"
    refusals: dict[int, type[BaseModel]] = {400: ErrorAnswer, 401: ErrorAnswer, 404: ErrorAnswer}
    if writes:
        refusals[409] = ErrorAnswer
    return Operation(
        name=name,
        method=method,
        rule=rule,
        summary=summary,
        handle=_served(rule, query, work),
        writes=writes,
        path=TimePath if "<timeId>" in path else ServerPath,
        body=body,
        query=query,
        answers={status: answer, **refusals},
        pages=_PAGES,
        **more,
    )


_OPERATIONS = (
    _operation("ping", "GET", "ping", "Which clinic answers, and its departments", _ping, PingAnswer),
    _operation("behandlere", "GET", "behandlere", "Every timebook", _behandlere, BehandlereAnswer),
    _operation("timetyper", "GET", "timetyper", "Every appointment type with its rules", _timetyper, TimetyperAnswer),
    _operation("ledigetimer", "GET", "ledigetimer", "Open times", _ledigetimer, LedigetimerAnswer, LedigeQuery),
    _operation("timer", "GET", "timer", "Bookings", _timer, TimerAnswer, TimerQuery),
    _operation("les_time", "GET", "timer/<timeId>", "One booking", _les_time, TimeAnswer),
    _operation(
        "bestill",
        "POST",
        "timer",
        "Book an open time",
        _bestill,
        TimeAnswer,
        body=BestillBody,
        writes=True,
        status=201,
        personal=_PATIENT,
        texts=frozenset({"melding", "sakId"}),
        needed=lambda _body: _PATIENT,
    ),
    _operation(
        "flytt", "PUT", "timer/<timeId>", "Move a booking to another open time", _flytt, TimeAnswer, body=FlyttBody,
        writes=True,
    ),
    _operation(
        "avbestill",
        "DELETE",
        "timer/<timeId>",
        "Cancel a booking",
        _avbestill,
        TimeAnswer,
        body=AvbestillBody,
        writes=True,
        texts=frozenset({"grunn"}),
    ),
)  # fmt: skip

dialect = Extensor()
"""The dialect, as the kit finds it."""
