"""The adapter of EG Pasientsky's partner API: search, book, cancel, with the key in every body."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from kobling import (
    Adapter,
    BodyKey,
    Booking,
    BookingFacts,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    Catalogue,
    CatalogueFacts,
    Clinic,
    ConnectionForm,
    Department,
    Http,
    Limits,
    Offer,
    PatientFields,
    Practitioner,
    Rate,
    Response,
    Service,
    Slot,
    SlotLimits,
    SlotProblem,
    SlotQuery,
    Slots,
    UnknownPart,
    VendorProtocolError,
    optional,
    required,
)
from kobling.localtime import days, local
from kobling.wallrows import wall_rows

from . import inferred
from .wire import KINDS, BookAnswer, Search, Timeslot, TimeslotType, search_body

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"


class EgPasientsky(Adapter):
    """EG Pasientsky (PatientSky). Bookings can't be read back, listed or moved: see `docs/vendors/eg_pasientsky`."""

    key = "eg-pasientsky"
    name = "EG Pasientsky"
    contract = 1
    form = ConnectionForm(
        external_id=required(
            nb="klinikkens id hos EG Pasientsky (36 tegn med bindestreker)",
            en="the clinic's id at EG Pasientsky (36 characters with hyphens)",
            pattern=_UUID,
            example="3f0c1d20-0000-11ef-8000-000000000001",
            inferred=True,
            normalise=str.lower,
        ),
        department_id=optional(
            nb="avdelingens id, når klinikken har flere avdelinger",
            en="the department's id, when the clinic has several departments",
            inferred=True,
        ),
        api_key=required(
            nb="nøkkelen som EG Pasientsky har laget for klinikken",
            en="the key that EG Pasientsky made for the clinic",
            inferred=True,
        ),
    )
    base_url = "https://psno-portal.svc.pasientsky.no/partner-api/{external_id}"
    auth = BodyKey("apikey")
    errors = inferred.ERRORS
    limits = Limits(
        slots=SlotLimits(days=14, per=("service",)),
        catalogue=CatalogueFacts(
            names_clinic=False,
            departments="addresses",
            rates="some",
            inferred=frozenset({"departments", "rates"}),
        ),
        booking=BookingFacts(
            mode="unknown",
            overlap="refused",
            reference_in="note",
            inferred=frozenset({"overlap"}),
            sources={"mode": "the booking page calls it a booking request and shows no answer"},
        ),
    )
    patient_fields = PatientFields(
        required=frozenset({"email"}),
        optional=frozenset({"phone"}),
        unsent=frozenset({"given_name", "family_name", "birth_date"}),
        match="email",
    )
    provenance = inferred.PROVENANCE

    async def identify(self, http: Http) -> Clinic:
        """The API names no clinic. Its departments are the visiting addresses seen on appointment types."""
        today = _today(http)
        found = _search(await http.query("search", json=search_body(today, today, details=today)))
        places = [inferred.department(kind.location) for kind in found.types]
        known: dict[str, Department] = {place.id: place for place in places if place is not None}
        return Clinic(zone=inferred.ZONE, departments=tuple(known.values()) or None)

    async def catalogue(self, http: Http) -> Catalogue:
        """All timebooks and types; one filtered search per timebook tells which types it offers, and at which rates."""
        today = _today(http)
        shown = _search(await http.query("search", json=search_body(today, today, details=today)))
        answers = await http.all(
            http.query("search", json=search_body(today, today, details=today, calendars=(calendar.id,)))
            for calendar in shown.calendars
        )
        offers: list[Offer] = []
        with_rates = inferred.shows_rates(shown.types)
        for calendar, answer in zip(shown.calendars, answers, strict=True):
            if not isinstance(answer, Response):
                raise answer
            offers += [
                _offer(calendar.id, kind, inferred.rates(kind) if with_rates else None)
                for kind in _search(answer).types
                if kind.in_selected_calendars
            ]
        return Catalogue(
            practitioners=tuple(
                Practitioner(id=calendar.id, name=calendar.name, owner_kind=inferred.owner_kind(calendar), online=True)
                for calendar in shown.calendars
            ),
            services=tuple(_service(kind) for kind in shown.types),
            offers=tuple(offers),
            inferred=inferred.INFERRED_REASONS,
        )

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """Counts for the whole window, then the times of each day that has any. The first day's times come with the
        counts; the other days are asked together, and a day that fails is unknown."""
        calendars, types = query.practitioner_ids, (query.service_id,)

        def asked(day: date) -> dict[str, object]:
            return search_body(query.first_day, query.last_day, details=day, calendars=calendars, types=types)

        first = _search(await http.query("search", json=asked(query.first_day)))
        counted = {count.date: count.available for count in first.counts}
        more = [day for day in days(query.first_day, query.last_day)[1:] if counted.get(day, 1) > 0]
        answers = await http.all(http.query("search", json=asked(day)) for day in more)
        pages = [first]
        unknown: list[UnknownPart] = []
        for day, answer in zip(more, answers, strict=True):
            if isinstance(answer, Response):
                pages.append(_search(answer))
            else:
                unknown.append(
                    UnknownPart(first_day=day, last_day=day, because=answer.code, service_id=query.service_id)
                )
        found: list[Slot] = []
        problems: list[SlotProblem] = []
        for page in pages:
            slots, left_out = _slots(page, query.service_id)
            found += slots
            problems += left_out
        return Slots(found=tuple(found), unknown=tuple(unknown), problems=tuple(problems))

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book by e-mail; tag, SakID, name and birth year travel in the note. The answer tells an id, maybe a word."""
        token = request.slot.token
        reply = await http.post(
            "book",
            json={
                "createFromEmail": True,
                "email": request.patient.email,
                "phoneNumber": request.patient.phone or "",
                "calendarId": request.slot.practitioner_id,
                "timeslotId": token["id"],
                "groupAppointmentId": None,
                "medium": token["medium"],
                "note": request.note(self.limits.booking.note_length),
            },
        )
        answer = reply.read(BookAnswer, at="/data")
        return Booking(id=answer.id, status=inferred.STATUS_WORDS.get(answer.status or "", "unknown"))

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Cancel by id. "Not cancelled" comes without a reason, and then nothing is certain."""
        reply = await http.post("{}/cancel", booking.id, json={"note": reason.note()})
        if reply.read(bool, at="/data/cancelled") is not True:
            raise VendorProtocolError("not_cancelled")
        return Cancelled()


def _today(http: Http) -> date:
    return local(http.now, inferred.ZONE).date()


def _search(reply: Response) -> Search:
    return reply.read(Search, at="/data")


def _offer(calendar_id: str, kind: TimeslotType, rates: tuple[Rate, ...] | None) -> Offer:
    return Offer(
        practitioner_id=calendar_id,
        service_id=kind.id,
        rates=rates,
        patients="restricted" if inferred.is_restricted(kind, calendar_id) else "all",
        online=True,
    )


def _service(kind: TimeslotType) -> Service:
    place = inferred.department(kind.location)
    modes = frozenset(inferred.MODES[word] for word in kind.mediums if word in inferred.MODES)
    return Service(
        id=kind.id,
        name=kind.name,
        minutes=kind.minutes,
        kind=KINDS.get(kind.appointment_type, "unknown"),
        modes=modes if kind.mediums else frozenset({"in_person"}),
        locations=frozenset({place.id}) if place else None,
        online=True,
    )


def _slots(page: Search, service_id: str) -> tuple[list[Slot], tuple[SlotProblem, ...]]:
    """The times of one page that belong to the service, by the contract's rule for wall-clock rows."""
    kind = next((kind for kind in page.types if kind.id == service_id), None)
    rows = [row for row in page.times if row.type_id in (None, service_id)]
    if not rows:
        return [], ()
    if kind is None:
        raise VendorProtocolError("type_not_listed")
    timed, left_out = wall_rows(rows, _wall_start, inferred.ZONE, key=lambda row: (_calendar(row), service_id))
    return [_slot(row, start, kind) for row, start in timed], left_out


def _slot(row: Timeslot, start: datetime, kind: TimeslotType) -> Slot:
    minutes = kind.minutes
    if minutes is None:
        raise VendorProtocolError("type_without_duration")
    place = inferred.department(kind.location)
    medium = "FACE_TO_FACE" if "FACE_TO_FACE" in kind.mediums or not kind.mediums else kind.mediums[0]
    return Slot(
        practitioner_id=_calendar(row),
        service_id=kind.id,
        start=start,
        end=start + timedelta(minutes=minutes),
        location_id=place.id if place else None,
        token={"id": row.id, "medium": medium},
    )


def _wall_start(row: Timeslot) -> str:
    start = row.start or inferred.start_in_id(row.id)
    if start is None:
        raise VendorProtocolError("time_without_start")
    return start


def _calendar(row: Timeslot) -> str:
    calendar_id = row.calendar_id or inferred.calendar_in_id(row.id)
    if calendar_id is None:
        raise VendorProtocolError("time_without_calendar")
    return calendar_id
