"""The adapter for EasyPractice: open times computed, patients added for each booking, overlaps settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from types import new_class
from typing import Any

from kobling import (
    Adapter,
    Bearer,
    Booking,
    BookingFacts,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Bookings,
    ByNumber,
    CallRate,
    Cancelled,
    CancelReason,
    Catalogue,
    CatalogueFacts,
    Clinic,
    ConnectionForm,
    CredentialsRejected,
    Http,
    KoblingError,
    Limits,
    Lists,
    Offer,
    PatientFields,
    Practitioner,
    Response,
    ScopeMissing,
    Service,
    Slot,
    SlotLimits,
    SlotQuery,
    Slots,
    UnknownPart,
    VendorProtocolError,
    given,
    required,
)
from kobling.localtime import day_bounds, days, local

from . import inferred, wire
from .opentimes import BookingRules, CalendarDay, open_starts
from .options import ClinicSettings

PAGE = 200
SETTINGS_FRESH_FOR = 300.0
"""Seconds: opening hours and services are read again after that, or at once before a booking. Pauses are never kept:
they are how staff block a time."""
_A_DAY = timedelta(days=1)


class EasyPractice(Adapter):
    """EasyPractice, modelled on its public API. See `docs/vendors/easypractice`."""

    key = "easypractice"
    name = "EasyPractice"
    contract = 1
    form = ConnectionForm(
        external_id=required(
            nb="hovedkontoens brukernummer hos EasyPractice (bare sifre)",
            en="the main account's user number at EasyPractice (digits only)",
            pattern=r"[0-9]{1,12}",
            example="12345",
            inferred=True,
        ),
        api_key=required(
            nb="et «Personal Access Token» fra appen «API» i EasyPractice, laget av hovedkontoen",
            en='a "Personal Access Token" from the app "API" in EasyPractice, made by the main account',
        ),
    )
    base_url = "https://system.easypractice.net/api/v1"
    auth = Bearer()
    lists = Lists(items="/data", next=ByNumber(size=("page_size", PAGE), last="/meta/last_page"))
    errors = inferred.ERRORS
    limits = Limits(
        slots=SlotLimits(days=31, computed=True),
        catalogue=CatalogueFacts(
            names_clinic=False,
            departments="nowhere",
            rates="nowhere",
            sources={
                "rates": "no field of a service or a calendar is one",
                "departments": "no call lists any",
            },
        ),
        booking=BookingFacts(
            mode="sync",
            overlap="unknown",
            reference_in="patient_note",
            settle=inferred.SETTLE_SECONDS,
            inferred=frozenset({"mode", "overlap", "settle"}),
            sources={"reference_in": "the reference lists nine fields of a booking, and notes only on a client"},
        ),
        rate=CallRate(calls=60, per=60, scope="key"),
        scoped_keys=True,
    )
    patient_fields = PatientFields(
        required=frozenset({"given_name", "family_name"}),
        optional=frozenset({"birth_date", "phone", "email"}),
        match="new_record",
    )
    provenance = inferred.PROVENANCE
    Options = ClinicSettings

    options: ClinicSettings

    @classmethod
    def suited(cls, options: ClinicSettings) -> type[Adapter]:
        """Where the clinic's system was seen to refuse overlapping bookings, there is nothing to settle."""
        return _refusing(cls) if options.overlap == "refused" else cls

    async def identify(self, http: Http) -> Clinic:
        """The API names no clinic, but every answer names the token's user: the main account's, or an employee's, whose
        token does not see everything, so that nothing can be booked with it."""
        reply = await http.get("calendars", params={"page_size": PAGE})
        calendars = reply.read(tuple[wire.Calendar, ...], at="/data")
        user = reply.header(inferred.USER_HEADER)
        if inferred.sees_only_its_own(user, calendars):
            return Clinic(zone=inferred.ZONE, can=frozenset(self.supports) - {"list_bookings"})
        if user is not None and user != self.connection.external_id:
            raise CredentialsRejected(fields=("external_id", "api_key"))
        return Clinic(zone=inferred.ZONE)

    async def catalogue(self, http: Http) -> Catalogue:
        """Every calendar and service. Who offers what, and what is open online, is in the options only."""
        if self.clinic is not None and self.clinic.can is not None and "list_bookings" not in self.clinic.can:
            raise ScopeMissing("bookings_hidden", fields=("api_key",))
        calendars = await http.pages("calendars", of=wire.Calendar)
        services = await http.pages("services", of=wire.Service)
        shown = {one.id for one in calendars}
        return Catalogue(
            practitioners=tuple(self._practitioner(one, shown) for one in calendars),
            services=tuple(
                Service(id=one.id, name=one.name, minutes=one.minutes, online=one.online) for one in services
            ),
            offers=tuple(
                Offer(practitioner_id=who.id, service_id=what.id)
                for who in calendars
                for what in services
                if self.options.offers(who.id, what.id)
            ),
            inferred=inferred.INFERRED_REASONS,
        )

    def _practitioner(self, calendar: wire.Calendar, shown: set[str]) -> Practitioner:
        own = inferred.is_persons_own(calendar) or calendar.id in self.options.person_calendars
        hidden = not shown.issuperset(self.options.linked(calendar.id))
        return Practitioner(
            id=calendar.id,
            name=calendar.name,
            owner_kind="person" if own else "unknown",
            online=self.options.is_open(calendar.id),
            why_not=("bookings_hidden",) if hidden else (),
        )

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """Opening times and pauses of each calendar, all bookings of the window, and the rest is arithmetic. A calendar
        whose hours could not be read is unknown."""
        services = await http.pages("services", of=wire.Service, fresh_for=SETTINGS_FRESH_FOR)
        wanted = [one for one in services if one.id in query.service_ids]
        plans, unknown = await self._plans(http, query)
        if not plans:
            return Slots(unknown=tuple(unknown))
        bookings = await _bookings(http, query.first_day, query.last_day, _only_calendar(self.options, plans))
        found = [
            slot
            for calendar_id, plan in plans.items()
            for calendar in self._calendar_days(calendar_id, plan, query, bookings)
            for service in wanted
            if self.options.offers(calendar_id, service.id)
            for slot in self._slots(http.now, calendar_id, calendar, service)
        ]
        return Slots(found=tuple(found), unknown=tuple(unknown))

    async def _plans(self, http: Http, query: SlotQuery) -> tuple[dict[str, _Plan], list[UnknownPart]]:
        ids = query.practitioner_ids
        calls = [http.get("calendars/{}/opening-times", one, fresh_for=SETTINGS_FRESH_FOR) for one in ids]
        calls += [http.get("calendars/{}/pauses", one, params={"page_size": PAGE}) for one in ids]
        answers = await http.all(calls)
        plans: dict[str, _Plan] = {}
        unknown: list[UnknownPart] = []
        for calendar_id, hours, pauses in zip(ids, answers[: len(ids)], answers[len(ids) :], strict=True):
            if isinstance(hours, Response) and isinstance(pauses, Response):
                rows = pauses.read(tuple[dict[str, Any], ...], at="/data")
                if pauses.read(int, at="/meta/last_page") > 1:
                    rows = tuple(await _all_pauses(http, calendar_id))
                plans[calendar_id] = _Plan(hours.read(wire.OpeningTimes, at="/data"), rows)
                continue
            failed = hours if isinstance(hours, KoblingError) else pauses
            because = failed.code if isinstance(failed, KoblingError) else ""
            unknown.append(
                UnknownPart(
                    first_day=query.first_day, last_day=query.last_day, because=because, practitioner_id=calendar_id
                )
            )
        return plans, unknown

    def _calendar_days(
        self, calendar_id: str, plan: _Plan, query: SlotQuery, bookings: list[wire.Booking]
    ) -> Iterable[CalendarDay]:
        counted = {calendar_id, *self.options.linked(calendar_id)}
        takes_time = [one for one in bookings if inferred.STATUS_WORDS.get(one.status) != "cancelled"]
        busy = tuple((one.start, one.end) for one in takes_time if one.calendar_id in counted)
        booked: defaultdict[date, int] = defaultdict(int)
        for one in takes_time:
            if one.calendar_id == calendar_id:
                booked[local(one.start, inferred.ZONE).date()] += 1
        for day in days(query.first_day, query.last_day):
            pauses = [inferred.pause_on(row, day) for row in plan.pauses]
            yield CalendarDay(
                day=day,
                hours=inferred.hours_on(plan.hours, day.weekday()),
                pauses=tuple(one for one in pauses if one is not None),
                busy=busy,
                booked=booked[day],
            )

    def _slots(self, now: datetime, calendar_id: str, calendar: CalendarDay, service: wire.Service) -> Iterable[Slot]:
        rules = BookingRules(
            interval=self.options.interval(calendar_id),
            now=now,
            lead_time=timedelta(hours=self.options.lead_time_hours),
            daily_limit=self.options.daily_limit(calendar_id),
        )
        for start in open_starts(calendar, rules, service.minutes, inferred.ZONE):
            end = start + timedelta(minutes=service.minutes)
            yield Slot(practitioner_id=calendar_id, service_id=service.id, start=start, end=end)

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """A client of its own for every booking, since a booking has no note: tag and SakID stand in the client's."""
        patient = request.patient
        fields = {
            "name": patient.name,
            "email": patient.email,
            "phone": patient.phone,
            "date_of_birth": patient.birth_date,
            "notes": request.note(self.limits.booking.note_length),
        }
        reply = await http.post("clients", json=given(fields))
        return reply.read(wire.Client, at="/data").id

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book the time for the client that was added for it."""
        slot = request.slot
        reply = await http.post(
            "bookings",
            json={
                "type": "client_booking",
                "calendar_id": int(slot.practitioner_id),
                "client_id": int(request.patient_on_file),
                "product_id": int(slot.service_id),
                "start": _text(slot.start),
                "end": _text(slot.end),
            },
        )
        return _booking(reply.read(wire.Booking, at="/data"))

    async def cancel(
        self,
        http: Http,
        booking: BookingRef,
        reason: CancelReason,  # noqa: ARG002 - there is no room for it
    ) -> Cancelled:
        """Cancel by status or by deleting, as the clinic's EasyPractice wants it. There is no room for a reason."""
        if self.options.cancel_by == "delete":
            await http.delete("bookings/{}", booking.id)
            return Cancelled()
        reply = await http.patch("bookings/{}", booking.id, json={"status": inferred.CANCELLED})
        if _booking(reply.read(wire.Booking, at="/data")).status != "cancelled":
            raise VendorProtocolError("not_cancelled")
        return Cancelled()

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking as it is now."""
        return _booking((await http.get("bookings/{}", booking.id)).read(wire.Booking, at="/data"))

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """All bookings of the days. Ours is the one of the client that was added for it; no client is read."""
        ids = query.practitioner_ids
        rows = await _bookings(http, query.first_day, query.last_day, ids[0] if len(ids) == 1 else None)
        begin, end = day_bounds(query.first_day, query.last_day, inferred.ZONE)
        found = [
            _booking(row, query)
            for row in rows
            if row.start < end and begin < row.end and (not ids or row.calendar_id in ids)
        ]
        return Bookings(found=tuple(found))


class OverlapsRefused(EasyPractice):
    """EasyPractice for a clinic whose system refuses a second booking of the same time: moved in one step."""

    contract = 1
    limits = EasyPractice.limits.model_copy(
        update={
            "booking": BookingFacts(
                mode="sync",
                overlap="refused",
                reference_in="patient_note",
                inferred=frozenset({"mode"}),
                sources={"overlap": "seen at this clinic, and set in its options"},
            ),
            "reschedule_within": frozenset({"practitioner", "service"}),
        }
    )

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        """Another time in the same calendar; nothing else of the booking changes."""
        times = {"start": _text(slot.start), "end": _text(slot.end)}
        return _booking((await http.patch("bookings/{}", booking.id, json=times)).read(wire.Booking, at="/data"))


@cache
def _refusing(cls: type[EasyPractice]) -> type[EasyPractice]:
    """The class for a clinic that refuses overlaps: `OverlapsRefused`, or the same of a class made from ours."""
    if issubclass(OverlapsRefused, cls) or issubclass(cls, OverlapsRefused):
        return OverlapsRefused if issubclass(OverlapsRefused, cls) else cls
    known = OverlapsRefused.limits
    limits = cls.limits.model_copy(update={"booking": known.booking, "reschedule_within": known.reschedule_within})
    body = {"contract": cls.contract, "limits": limits, "__module__": cls.__module__}
    return new_class(cls.__name__, (cls, OverlapsRefused), exec_body=lambda space: space.update(body))


class _Plan:
    """What one calendar's settings say: opening times, and pauses as they came."""

    def __init__(self, hours: wire.OpeningTimes, pauses: tuple[Mapping[str, Any], ...]) -> None:
        self.hours = hours
        self.pauses = pauses


async def _all_pauses(http: Http, calendar_id: str) -> list[dict[str, Any]]:
    return await http.pages("calendars/{}/pauses", calendar_id, of=dict[str, Any])


def _only_calendar(options: ClinicSettings, plans: Mapping[str, _Plan]) -> str | None:
    """The one calendar whose bookings are enough; None where several count."""
    only = next(iter(plans))
    return only if len(plans) == 1 and not options.linked(only) else None


async def _bookings(http: Http, first: date, last: date, calendar_id: str | None) -> list[wire.Booking]:
    """Every booking of the days and of the days beside them, whose bookings may reach over midnight."""
    params = {
        "start": (first - _A_DAY).isoformat(),
        "end": (last + _A_DAY).isoformat(),
        "calendar_id": calendar_id,
        "order_by_date": "asc",
    }
    return await http.pages("bookings", of=wire.Booking, params=params)


def _booking(row: wire.Booking, query: BookingQuery | None = None) -> Booking:
    ours = query is not None and query.patient_id is not None and row.client_id == query.patient_id
    return Booking(
        id=row.id,
        status=inferred.STATUS_WORDS.get(row.status, "unknown"),
        start=row.start,
        end=row.end,
        practitioner_id=row.calendar_id,
        reference=query.reference if ours and query is not None else None,
        created_at=row.created_at,
    )


def _text(moment: datetime) -> str:
    return local(moment, inferred.ZONE).isoformat(timespec="seconds")
