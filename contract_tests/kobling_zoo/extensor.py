"""Faults planted in Extensor's adapter: wall clocks, whole numbers for ids, bookings that are read and moved."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from kobling import (
    Booking,
    BookingNotFound,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Bookings,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    ClinicNotFound,
    CredentialsRejected,
    ErrorMap,
    Http,
    InvalidRequest,
    Offer,
    Practitioner,
    Rate,
    SakID,
    Slot,
    SlotLimits,
    SlotQuery,
    Slots,
    VendorUnavailable,
    WireModel,
    required,
)
from kobling_extensor import Extensor, inferred

from .alterations import Memory, SharedMemory, kept, told_as, with_offers, with_people, with_services, with_slots
from .exhibit import exhibit

OSLO = ZoneInfo("Europe/Oslo")
ERRORS = inferred.ERRORS


def _errors(**changes: Any) -> ErrorMap:
    """The vendor's errors with some parts replaced."""
    same = {name: getattr(ERRORS, name) for name in ("codes", "statuses", "code", "field", "field_names")}
    return ErrorMap(**{**same, **changes})


def _without(*codes: str) -> dict[Any, Any]:
    return {code: error for code, error in ERRORS.codes.items() if code not in codes}


class _Times(Extensor):
    """Where the faults of open times are: in what is made of a good answer."""

    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times, as this adapter tells them."""
        return self._told(await super().list_slots(http, query), query)

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        raise NotImplementedError


# ---- keys and errors


@exhibit(7, rule="CONN-02", cause="not_seen")
class WrongKeyIsNothing(Extensor):
    """Takes a refused key for a clinic that shows nothing."""

    errors = _errors(codes=_without("UGYLDIG_NOKKEL"), statuses={})

    async def identify(self, http: Http) -> Clinic:
        """Whatever clinic it is."""
        reply = await http.get(inferred.PING, expect={401})
        return Clinic() if reply.status == 401 else await super().identify(http)

    async def catalogue(self, http: Http) -> Catalogue:
        """Nothing, where the key is refused."""
        reply = await http.get(inferred.PING, expect={401})
        if reply.status == 401:
            return Catalogue(practitioners=(), services=(), offers=())
        return await super().catalogue(http)


@exhibit(8, rule="CONN-08", cause="wrong_reason")
class NotActivatedIsAWrongKey(Extensor):
    """Sends the administrator to type a right key again."""

    errors = _errors(codes={**ERRORS.codes, "IKKE_AKTIVERT": CredentialsRejected})


@exhibit(9, rule="CNCL-03", cause="other_error")
class UnknownBookingIsGeneric(Extensor):
    """Tells a booking that the vendor does not know as a request that was refused."""

    errors = _errors(codes={**ERRORS.codes, "TIME_UKJENT": InvalidRequest})


@exhibit(12, rule="SLOT-09", cause="silent_gap")
class OutageIsAnEmptyList(Extensor):
    """Takes a server in trouble for a day without times."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times, or none when there was a 5xx."""
        asked = {"fra": query.first_day.isoformat(), "til": query.last_day.isoformat()}
        reply = await http.get(inferred.OPEN_TIMES, params=asked, expect={500, 502, 503, 504})
        return Slots() if reply.status >= 500 else await super().list_slots(http, query)


@exhibit(14, rule="FAIL-01", cause="other_error")
class ParsesByItself(Extensor):
    """Parses an answer with the standard library, so that a page of HTML is a JSONDecodeError."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic, after a look at the answer."""
        reply = await http.get(inferred.PING)
        _ = json.loads(reply.reply.body)["klinikk"]
        return await super().identify(http)


@exhibit(15, rule="FUZZ-01", cause="crashed")
class SortsByName(Extensor):
    """Sorts rows by a field that may be null, which is a TypeError."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, the names in order."""
        reply = await http.get(inferred.PRACTITIONERS)
        _ = sorted(row["navn"] for row in reply.data["behandlere"])
        return await super().catalogue(http)


@exhibit(17, rule="FAIL-04", cause="dropped")
class OwnErrorForAnOutage(Extensor):
    """Tells an outage with an error of its own making, without the vendor's request id."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic, or an error that says little."""
        reply = await http.get(inferred.PING, expect={500})
        if reply.status == 500:
            raise VendorUnavailable
        return await super().identify(http)


# ---- the process that it runs in


@exhibit(69, rule="FAIL-09", cause="sleep")
class WaitsByItself(Extensor):
    """Gives a slow server a moment, and holds up everybody meanwhile."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, after a moment."""
        time.sleep(0.01)
        return await super().catalogue(http)


@exhibit(70, rule="FAIL-09", cause="connection")
class CallsByItself(Extensor):
    """Opens a connection beside the one that it is given."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic, after a look whether its server is there."""
        with socket.socket() as own:
            own.settimeout(0.01)
        return await super().identify(http)


@exhibit(74, rule="FAIL-10", cause="kept")
class KeepsEveryAnswer(Extensor):
    """Keeps every answer, to look at it some day."""

    history: ClassVar[list[Slots]] = []

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times, and one more entry."""
        self.history.append(await super().list_slots(http, query))
        return self.history[-1]


# ---- who and what is offered


@exhibit(40, rule="CAT-03", cause="offered")
class GroupsArePersons(Extensor):
    """Takes every timebook for a person's own."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, everybody a person."""
        return with_people(await super().catalogue(http), owner_kind=lambda one: "person")


@exhibit(41, rule="CAT-09", cause="offered")
class OnlyTheTypeIsAsked(Extensor):
    """Offers an offline timebook because its types are online."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, every timebook online."""
        return with_people(await super().catalogue(http), online=lambda one: True)


@exhibit(rule="CAT-09", cause="type_offered")
class OnlyTheTimebookIsAsked(Extensor):
    """Offers an offline type because its timebooks are online."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, every type online."""
        told = with_services(await super().catalogue(http), online=lambda one: True)
        return with_offers(told, online=lambda one: None)


@exhibit(42, rule="CAT-04", cause="offered")
class ListsAreForEverybody(Extensor):
    """Offers to everybody what is kept to a list of patients."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue without any list."""
        return with_offers(await super().catalogue(http), patients=lambda offer: "all")


@exhibit(44, rule="CAT-07", cause="bound")
class OneDepartmentForAll(Extensor):
    """Binds a type without an address to one department."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, everything somewhere."""
        told = await super().catalogue(http)
        places = [one.locations for one in told.services if one.locations]
        return with_services(told, locations=lambda one: one.locations or places[0])


@exhibit(45, rule="CAT-05", cause="offered")
class HiddenIsOrdinary(Extensor):
    """Offers hidden types and groups."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, every type ordinary and at a rate."""
        told = with_services(await super().catalogue(http), kind=lambda one: "ordinary")
        told = with_people(told, owner_kind=lambda one: "person")
        rates = next(offer.rates for offer in told.offer_by_ids.values() if offer.rates)
        return with_offers(told, rates=lambda offer: rates)


# ---- open times


@exhibit(20, rule="SLOT-12", cause="invented")
class WinterAllYear(_Times):
    """Reads the clinic's clock as +01:00 in every season."""

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        winter = timezone(timedelta(hours=1))

        def moved(moment: datetime) -> datetime:
            return moment.astimezone(OSLO).replace(tzinfo=winter).astimezone(UTC)

        return with_slots(answer, start=lambda slot: moved(slot.start), end=lambda slot: moved(slot.end))


@exhibit(22, rule="SLOT-13", cause="missing")
class DaysOf24Hours(_Times):
    """Ends a window so many times 24 hours after it began, on a day that has 25."""

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        begin = datetime.combine(query.first_day, datetime.min.time(), OSLO).astimezone(UTC)
        length = timedelta(hours=24) * ((query.last_day - query.first_day).days + 1)
        return kept(answer, lambda slot: slot.start < begin + length)


@exhibit(23, rule="SLOT-10", cause="other_end")
class EndsByTheWallClock(_Times):
    """Adds an appointment's length to what the clock on the wall shows."""

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        def end(slot: Slot) -> datetime:
            wall = slot.start.astimezone(OSLO).replace(tzinfo=None) + (slot.end - slot.start)
            return wall.replace(tzinfo=OSLO).astimezone(UTC)

        return with_slots(answer, end=end)


@exhibit(24, rule="SLOT-05", cause="missing")
class CountsDaysInUtc(_Times):
    """Takes the day of a time from its UTC text."""

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        days = (query.first_day.isoformat(), query.last_day.isoformat())
        return kept(answer, lambda slot: days[0] <= slot.start.astimezone(UTC).isoformat()[:10] <= days[1])


@exhibit(25, rule="SLOT-01", cause="missing")
class DayAndMonthSwapped(_Times):
    """Reads 3 December as 12 March wherever both can be read."""

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        def swapped(moment: datetime) -> datetime:
            wall = moment.astimezone(OSLO)
            return wall.replace(month=wall.day, day=wall.month).astimezone(UTC) if wall.day <= 12 else moment

        return with_slots(answer, start=lambda slot: swapped(slot.start), end=lambda slot: swapped(slot.end))


@exhibit(rule="SLOT-10", cause="no_place")
class TimesWithoutAPlace(_Times):
    """Tells times without the department that they are at, and services as offered everywhere."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue without the places of services."""
        return with_services(await super().catalogue(http), locations=lambda one: None)

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        return with_slots(answer, location_id=lambda slot: None)


@exhibit(rule="SLOT-10", cause="other_end")
class AnHourAtMost(_Times):
    """Takes no appointment for longer than an hour."""

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        return with_slots(answer, end=lambda slot: min(slot.end, slot.start + timedelta(hours=1)))


@exhibit(rule="CAT-01", cause="missing")
class NamesakesAreOne(Extensor):
    """Takes two practitioners of one name for the same."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, each name once."""
        found = await super().catalogue(http)
        people = {one.name: one for one in found.practitioners}
        return found.model_copy(update={"practitioners": tuple(people.values()), "offers": _of(found, people.values())})


@exhibit(rule="CAT-01", cause="left_out")
class OfflineIsNobody(Extensor):
    """Leaves out whoever has taken online booking off."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue of those who are online."""
        found = await super().catalogue(http)
        people = [one for one in found.practitioners if one.online]
        return found.model_copy(update={"practitioners": tuple(people), "offers": _of(found, people)})


@exhibit(rule="CAT-05", cause="left_out")
class OrdinaryTypesOnly(Extensor):
    """Leaves out hidden types and groups."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue of ordinary types."""
        found = await super().catalogue(http)
        kinds = {one.id: one for one in found.services if one.kind == "ordinary"}
        offers = tuple(offer for offer in found.offer_by_ids.values() if offer.service_id in kinds)
        return found.model_copy(update={"services": tuple(kinds.values()), "offers": offers})


def _of(catalogue: Catalogue, people: Iterable[Practitioner]) -> tuple[Offer, ...]:
    known = {one.id for one in people}
    return tuple(offer for offer in catalogue.offer_by_ids.values() if offer.practitioner_id in known)


@exhibit(rule="BOOK-22", cause="past_left_out")
class FromNowOn(Extensor):
    """Lists no booking that has begun."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The bookings to come."""
        listed = await super().list_bookings(http, query)
        found = tuple(one for one in listed.found if one.start is None or one.start > http.now)
        return listed.model_copy(update={"found": found})


@exhibit(rule="BOOK-26", cause="guessed")
class StandsUnlessToldOtherwise(Extensor):
    """Takes a booking for one that stands where it does not know the vendor's word for its status."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """The booking."""
        return _standing(await super().book(http, request))

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """The booking as it is."""
        return _standing(await super().get_booking(http, booking))


def _standing(booking: Booking) -> Booking:
    return booking.model_copy(update={"status": "booked"}) if booking.status == "unknown" else booking


@exhibit(rule="CAT-04", cause="guessed")
class OpenUnlessOneKnowsBetter(Extensor):
    """Takes a type for one that everybody may book where it does not know the vendor's word for who may."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue."""
        told = await super().catalogue(http)
        kinds = (await http.get(inferred.SERVICES)).read(tuple[inferred.Timetype, ...], at="/timetyper")
        kept = {(row.behandler, kind.id) for kind in kinds for row in kind.regler if row.pasienter == "LISTE"}
        return with_offers(
            told, patients=lambda one: "restricted" if (one.practitioner_id, one.service_id) in kept else "all"
        )


@exhibit(rule="BOOK-22", cause="past_left_out")
class WhoIsStillToCome(Extensor):
    """Lists a booking until the patient has come."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The bookings that nobody has come to."""
        listed = await super().list_bookings(http, query)
        return listed.model_copy(update={"found": tuple(one for one in listed.found if one.status != "attended")})


class _ReferredByUuid(WireModel):
    referanse: UUID | None = None


@exhibit(rule="BOOK-22", cause="not_read")
class EveryReferenceIsOurs(Extensor):
    """Reads every reference in a list as a UUID."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The bookings, after a look at their references."""
        listed = await super().list_bookings(http, query)
        asked = {"fra": query.first_day.isoformat(), "til": query.last_day.isoformat()}
        (await http.get(inferred.BOOKINGS, params=asked)).read(list[_ReferredByUuid], at="/timer")
        return listed


class _Cancels(Extensor):
    """Where a cancel is carried out, and something else is told of it."""

    contract = 1
    told: ClassVar[Cancelled]

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Give the booking up, and tell the same in every case."""
        await super().cancel(http, booking, reason)
        return self.told


@exhibit(rule="CNCL-01", cause="told_gone")
class WasNeverThere(_Cancels):
    """Says of every booking that it was gone before."""

    told = Cancelled(already_gone=True)


@exhibit(rule="CNCL-01", cause="told_late")
class AlwaysLate(_Cancels):
    """Says that every cancel came late."""

    told = Cancelled(late=True)


@exhibit(rule="CNCL-01", cause="reason_lost")
class TheSameReasonForAll(Extensor):
    """Tells the clinic the same of every cancel."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Give the booking up, for whatever reason."""
        return await super().cancel(http, booking, CancelReason(by="registry"))


@exhibit(rule="CNCL-04", cause="told_in_time")
class NeverLate(_Cancels):
    """Says that no cancel ever comes late."""

    told = Cancelled(late=False)


@exhibit(rule="CNCL-02", cause="told_anew")
class GivenUpTwice(Extensor):
    """Says of a booking that was gone that it has been given up now."""

    errors = _errors(codes=_without("ALLEREDE_AVBESTILT"))

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Give the booking up; what is gone is given up too."""
        body = {"grunn": reason.note()}
        reply = await http.delete(inferred.BOOKING, booking.id, json=body, expect={404, 409, 410})
        return Cancelled(late=False if reply.status >= 400 else reply.read(inferred.Time, at="/time").for_sent)


@exhibit(26, rule="SLOT-14", cause="invented")
class FormatsWithTheHostsClock(_Times):
    """Turns moments into local time with the zone that the host happens to have."""

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        off = timedelta(seconds=time.timezone)
        return with_slots(answer, start=lambda slot: slot.start - off, end=lambda slot: slot.end - off)


@exhibit(27, rule="SLOT-15", cause="missing")
class NoLeapDay(_Times):
    """Has no 29 February, as a table of days that was made in another year."""

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        return kept(answer, lambda slot: slot.start.astimezone(OSLO).strftime("%m-%d") != "02-29")


@exhibit(34, rule="SLOT-06", cause="missing")
class LongWindowsAreCut(Extensor):
    """Promises a year at once, and asks for a month of it."""

    limits = inferred.LIMITS.model_copy(update={"slots": SlotLimits(days=366, per=("practitioner",))})

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The first 31 days."""
        last = min(query.last_day, query.first_day + timedelta(days=30))
        return await super().list_slots(http, query.model_copy(update={"last_day": last}))


@exhibit(46, rule="SLOT-04", cause="invented")
class EveryDepartmentIsRight(Extensor):
    """Finds the times of all departments, and says of none where it is."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue without addresses."""
        return with_services(await super().catalogue(http), locations=lambda one: None)

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times of the whole clinic."""
        people, days = query.practitioner_ids, (query.first_day.isoformat(), query.last_day.isoformat())
        asked = {**inferred.search_params(days, people[0], query.service_ids), "avdeling": None}
        reply = await http.get(inferred.OPEN_TIMES, params=asked)
        rows = {str(row["id"]): row for row in reply.data["ledigetimer"]}
        told = await super().list_slots(http, query)
        known = {slot.token["id"] for slot in told.found}
        more = [self._elsewhere(row) for key, row in rows.items() if key not in known]
        return with_slots(told.model_copy(update={"found": (*told.found, *more)}), location_id=lambda slot: None)

    def _elsewhere(self, row: dict[str, Any]) -> Slot:
        start = datetime.fromisoformat(row["start"]).replace(tzinfo=OSLO).astimezone(UTC)
        return Slot(
            practitioner_id=str(row["behandlerId"]),
            service_id=str(row["timetypeId"]),
            start=start,
            end=start + timedelta(minutes=row["varighetMinutter"]),
            token={"id": str(row["id"])},
        )


# ---- booking, cancelling, moving


@exhibit(11, rule="BOOK-14", cause="not_named")
class RefusedSomehow(Extensor):
    """Does not read which field the vendor refuses."""

    errors = _errors(field=None)


@exhibit(59, rule="BOOK-10", cause="false_booked")
class RequestIsABooking(Extensor):
    """Tells a booking that waits for the clinic as one that stands."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and call it booked."""
        return told_as(await super().book(http, request), status="booked")

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking, called booked."""
        return told_as(await super().get_booking(http, booking), status="booked")


@exhibit(58, rule="SECR-01", cause="logged")
class LogsTheCase(Extensor):
    """Writes the insurance case in a debug line."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and say for which case."""
        case = request.sak_id.value if request.sak_id else "-"
        logging.getLogger("kobling_extensor").debug("booking in case %s", case)
        return await super().book(http, request)


@exhibit(58, rule="BOOK-02", cause="no_sak_id")
class CaseInTheMessage(Extensor):
    """Writes the insurance case into the message, where the vendor has a field for it."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book with everything in the text."""
        case = f"SakID: {request.sak_id.value}" if request.sak_id else ""
        told = f"{case}\n{request.message or ''}".strip() or None
        return await super().book(http, request.model_copy(update={"sak_id": None, "message": told}))


@exhibit(72, rule="SECR-02", cause="returned")
class PatientInTheToken(Extensor):
    """Notes down for whom it booked in what it returns."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, with the telephone number as the place."""
        return told_as(await super().book(http, request), location_id=request.patient.phone)

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking without its place, so that the one from before is kept."""
        return told_as(await super().get_booking(http, booking), location_id=None)


@exhibit(56, rule="CNCL-04", cause="told_cancelled")
class RefusedIsCancelled(Extensor):
    """Takes every answer to a cancel for a yes."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Cancel, whatever the vendor says."""
        reply = await http.delete(inferred.BOOKING, booking.id, json={"grunn": reason.note()}, expect={409})
        return Cancelled(already_gone=reply.status == 409)

    errors = _errors(codes=_without("FRIST_UTLOPT", "AVBESTILLING_IKKE_TILLATT", "TIME_STARTET"))


@exhibit(60, rule="CNCL-01", cause="touched_another")
class CancelsTheFirstOfTheDay(Extensor):
    """Finds what to cancel by the day instead of by the id."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Cancel what stands first in the same timebooks within a month."""
        today = http.now.astimezone(OSLO).date()
        query = BookingQuery(first_day=today, last_day=today + timedelta(days=30))
        standing = await self.list_bookings(http, query)
        live = [one for one in standing.found if one.status == "booked" and one.start is not None]
        first = min(live, key=lambda one: cast("datetime", one.start), default=None)
        ref = booking if first is None else booking.model_copy(update={"id": first.id})
        return await super().cancel(http, ref, reason)


@exhibit(57, rule="CNCL-06", cause="not_once")
class MovesByCancelling(Extensor):
    """Gives up the old time and books no new one."""

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        """Cancel, and tell the new time."""
        await http.delete(inferred.BOOKING, booking.id, json={"grunn": "flyttes"})
        return Booking(id=booking.id, status="booked", start=slot.start, end=slot.end)


@exhibit(rule="CNCL-06", cause="other_time")
class MovesNothing(Extensor):
    """Says that a booking moved without asking the vendor to move it."""

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        """Read the booking, and tell the new time as if it were there."""
        return told_as(await self.get_booking(http, booking), start=slot.start, end=slot.end)


# ---- what only a whole story shows


@exhibit(rule="MODEL-01", cause="invented")
class KeepsTimesUntilItBooks(Extensor):
    """Keeps open times for ten minutes, and forgets them only when it books itself."""

    memory: ClassVar[Memory] = Memory(600)

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times of a moment ago, else those of now."""
        asked = (query.first_day, query.last_day, query.practitioner_ids, query.service_ids, query.location_id)
        known: Slots | None = self.memory.recall(self.connection, asked, http.now)
        if known is None:
            known = self.memory.keep(self.connection, asked, await super().list_slots(http, query), http.now)
        return known

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and forget the times."""
        self.memory.forget(self.connection)
        return await super().book(http, request)


@exhibit(rule="MODEL-01", cause="told_cancelled")
class WhatWasMovedIsGone(Extensor):
    """Looks for a booking where it was made, and takes one that staff have moved for one that is gone."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Cancel it where it was."""
        now = await self.get_booking(http, booking)
        if now.start != booking.start:
            return Cancelled(already_gone=True)
        return await super().cancel(http, booking, reason)


@exhibit(rule="MODEL-02", cause="false_not_booked")
class SureAfterFiveSeconds(Extensor):
    """Holds that a booking is carried out within five seconds or never, since it was always so."""

    limits = inferred.LIMITS.model_copy(
        update={
            "booking": inferred.LIMITS.booking.model_copy(
                update={"latest_commit": 5.0, "sources": {"latest_commit": "it was always so"}}
            )
        }
    )


@exhibit(rule="MODEL-03", cause="invented")
class OneOffsetForAll(Extensor):
    """Asks once how far the clinic's clock is from UTC, and goes on with that."""

    memory: ClassVar[Memory] = Memory(30 * 86_400)

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times, moved by how the distance has changed since."""
        off = http.now.astimezone(OSLO).utcoffset() or timedelta()
        first = self.memory.recall(self.connection, "offset", http.now) or self.memory.keep(
            self.connection, "offset", off, http.now
        )
        answer = await super().list_slots(http, query)
        return with_slots(answer, start=lambda slot: slot.start + off - first, end=lambda slot: slot.end + off - first)


@exhibit(rule="MODEL-04", cause="no_order")
class TheLastAnswerAgain(Extensor):
    """Answers whoever wants a time that was booked a moment ago with that booking, as if it were a second try; and
    tells no reference, by which the SDK would see that it is another's."""

    memory: ClassVar[Memory] = SharedMemory(10)

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, if nobody has done so a moment ago."""
        known: Booking | None = self.memory.recall(self.connection, request.slot.identity, http.now)
        if known is not None:
            return known
        made = told_as(await super().book(http, request), reference=None)
        return self.memory.keep(self.connection, request.slot.identity, made, http.now)

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking, without its reference."""
        return told_as(await super().get_booking(http, booking), reference=None)


@exhibit(rule="BOOK-09", cause="left_out")
class OneRowOfBookings(Extensor):
    """Reads the first row of a list of bookings only: where another stands before it, a booking can't be found."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The first booking."""
        listed = await super().list_bookings(http, query)
        return listed.model_copy(update={"found": listed.found[:1]})


# ---- what mutants of the adapter showed


@exhibit(rule="CONN-12", cause="lost")
class DepartmentsWithoutAddress(Extensor):
    """Tells the departments by their names only, of which two may be the same."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic, without addresses."""
        clinic = await super().identify(http)
        places = tuple(place.model_copy(update={"address": ""}) for place in clinic.departments or ())
        return clinic.model_copy(update={"departments": places})


@exhibit(rule="CAT-10", cause="lost")
class NumbersLeftOut(Extensor):
    """Tells no number of the register of health personnel, by which people of one name are told apart."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, without numbers."""
        return with_people(await super().catalogue(http), hpr=lambda _: None)


@exhibit(rule="CAT-11", cause="other_modes")
class EverybodyComes(Extensor):
    """Takes every appointment for one in person."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, without video and telephone."""
        return with_services(await super().catalogue(http), modes=lambda _: frozenset({"in_person"}))


@exhibit(rule="BOOK-02", cause="no_message")
class MessageLeftOut(Extensor):
    """Books without what the patient wrote."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, without the message."""
        return await super().book(http, request.model_copy(update={"message": None}))


@exhibit(rule="BOOK-02", cause="cut")
class LongMessagesCut(Extensor):
    """Cuts what the patient wrote after two hundred characters."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, with the beginning of the message."""
        short = (request.message or "")[:200] or None
        return await super().book(http, request.model_copy(update={"message": short}))


@exhibit(rule="BOOK-02", cause="too_long")
class SaysWhereItCameFrom(Extensor):
    """Puts a word of its own before what the patient wrote, so that the longest message does not fit any more."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, with a longer message."""
        longer = f"Fra registeret: {request.message}" if request.message else None
        return await super().book(http, request.model_copy(update={"message": longer}))


@exhibit(rule="BOOK-02", cause="other_details")
class NumbersWithoutTheirPlus(Extensor):
    """Takes the plus off telephone numbers, so that nobody knows of which country they are."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, with the digits of the number."""
        digits = (request.patient.phone or "").lstrip("+")
        patient = request.patient.model_copy(update={"phone": digits})
        return await super().book(http, request.model_copy(update={"patient": patient}))


@exhibit(rule="BOOK-02", cause="other_details")
class NamesTheOtherWayRound(Extensor):
    """Books with the family name where the given name belongs."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, with the names in each other's fields."""
        one = request.patient
        turned = one.model_copy(update={"given_name": one.family_name, "family_name": one.given_name})
        return await super().book(http, request.model_copy(update={"patient": turned}))


@exhibit(rule="BOOK-18", cause="made_up_for")
class CancelUnread(Extensor):
    """Stumbles over every answer to a cancel; the SDK looks whether the booking stands, and nobody notices."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Cancel, and look up who may have cancelled."""
        cancelled = await super().cancel(http, booking, reason)
        return {"clinic": cancelled}[reason.by]


@exhibit(rule="BOOK-19", cause="other_error")
class WithdrawnIsAnotherClinic(Extensor):
    """Takes a time that is not offered any more for a wrong clinic number."""

    errors = _errors(codes={**ERRORS.codes, "TIME_IKKE_TILBUDT": ClinicNotFound})


@exhibit(rule="BOOK-20", cause="lost")
class DeadlineLeftOut(Extensor):
    """Reads bookings without their deadline, so that a change is tried that the clinic refuses."""

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking, without its deadline."""
        return told_as(await super().get_booking(http, booking), change_by=None)


@exhibit(rule="BOOK-21", cause="refused")
class InsuredOnly(Extensor):
    """Can't book for who has no SakID."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, with a SakID as the message's beginning."""
        text = f"{request.sak_id.value} {request.message or ''}"  # type: ignore[union-attr]
        return await super().book(http, request.model_copy(update={"message": text}))


@exhibit(rule="BOOK-22", cause="missing")
class TheLastPractitionerOnly(Extensor):
    """Lists bookings of the practitioner that it was asked for last, also for who asks for all of them."""

    memory: ClassVar[Memory] = Memory(86_400)

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The bookings, kept to the last practitioner."""
        last = self.memory.recall(self.connection, "practitioner", http.now)
        known = query.practitioner_ids or last or ()
        self.memory.keep(self.connection, "practitioner", known, http.now)
        return await super().list_bookings(http, query.model_copy(update={"practitioner_ids": known}))


@exhibit(rule="CAT-06", cause="other_names")
class RatesWithoutNames(Extensor):
    """Tells rates by their codes only."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, without the names of rates."""
        return with_offers(
            await super().catalogue(http), rates=lambda offer: tuple(Rate(code=one.code) for one in offer.rates or ())
        )


@exhibit(rule="CAT-06", cause="unknown_rates")
class NoRatesAreUnknown(Extensor):
    """Takes a type without any rate for one whose rates nobody knows."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, with None for an empty list."""
        return with_offers(await super().catalogue(http), rates=lambda offer: offer.rates or None)


@exhibit(rule="BOOK-01", cause="echoed")
class ReferenceOfTheRequest(Extensor):
    """Tells a booking with the reference that it sent, whatever the vendor answered."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and put the request's reference on the answer."""
        return told_as(await super().book(http, request), reference=request.reference)


@exhibit(rule="CNCL-04", cause="other_error")
class BegunIsGeneric(Extensor):
    """Tells that a time has begun as a request that was refused."""

    errors = _errors(codes={**ERRORS.codes, "TIME_STARTET": InvalidRequest})


@exhibit(rule="BOOK-23", cause="other_status")
class WhoeverBookedCame(Extensor):
    """Reads every booking whose time has begun as attended."""

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking, as it is supposed to have gone."""
        found = await super().get_booking(http, booking)
        begun = found.start is not None and found.start < http.now
        return told_as(found, status="attended") if begun else found


@exhibit(rule="BOOK-24", cause="other_error")
class UnreadIsGeneric(Extensor):
    """Tells a booking that can't be read, because there is none, as a request that was refused."""

    errors = _errors(codes={**ERRORS.codes, ("get_booking", "TIME_UKJENT"): InvalidRequest})


@exhibit(rule="CAT-08", cause="lost")
class LengthsLeftOut(Extensor):
    """Tells types without how long they take."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, without lengths."""
        return with_services(await super().catalogue(http), minutes=lambda _: None)


# ---- what strangers' own breaks of their adapters showed


@exhibit(rule="CAT-03", cause="guessed")
class AnyOtherWordIsAPerson(Extensor):
    """Takes an owner of whom the vendor says an unknown word for a person."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, without doubts."""
        told = await super().catalogue(http)
        return with_people(told, owner_kind=lambda one: "person" if one.owner_kind == "unknown" else one.owner_kind)


@exhibit(rule="CAT-11", cause="guessed")
class AnyOtherWayIsInPerson(Extensor):
    """Tells of patients who are received in a way that it does not know that they are received in person."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, without doubts."""
        return with_services(await super().catalogue(http), modes=lambda one: one.modes or frozenset({"in_person"}))


@exhibit(rule="CNCL-05", cause="not_looked_at")
class AnsweredIsCancelled(Extensor):
    """Takes every answer to a cancel that has a booking in it for a yes, whatever state it shows."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Cancel, and read the answer without its state."""
        reply = await http.delete(inferred.BOOKING, booking.id, json={"grunn": reason.note()})
        return Cancelled(late=reply.read(inferred.Time, at="/time").for_sent)


@exhibit(rule="CNCL-01", cause="told_gone")
class ChangedIsGone(Extensor):
    """Takes a booking that has changed since it was read for one that is not there any more."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Cancel what is still as it was a moment ago."""
        before, now = await self.get_booking(http, booking), await self.get_booking(http, booking)
        if now.start != before.start:
            raise BookingNotFound
        return await super().cancel(http, booking, reason)


@exhibit(rule="BOOK-02", cause="cut")
class CutsTheCase(Extensor):
    """Cuts a SakID to as many characters as the vendor's field is said to take."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, under the beginning of the case."""
        short = SakID(request.sak_id.value[:20]) if request.sak_id else None
        return await super().book(http, request.model_copy(update={"sak_id": short}))


@exhibit(rule="BOOK-22", cause="missing")
class TheFirstOfSeveral(Extensor):
    """Lists bookings of the first practitioner that is named, and of no other."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The first one's bookings."""
        return await super().list_bookings(
            http, query.model_copy(update={"practitioner_ids": query.practitioner_ids[:1]})
        )


@exhibit(rule="BOOK-22", cause="another")
class SeveralAreAll(Extensor):
    """Lists everybody's bookings where more than one practitioner is named."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """One practitioner's bookings, or all."""
        several = len(query.practitioner_ids) > 1
        return await super().list_bookings(
            http, query.model_copy(update={"practitioner_ids": ()}) if several else query
        )


@exhibit(rule="CONN-01", cause="not_taken")
class KeysInSmallLetters(Extensor):
    """Takes a key for mistyped when it has a capital letter in it."""

    form = Extensor.form.model_copy(
        update={"api_key": required(nb="nøkkelen", en="the key", pattern=r"mock-[a-z0-9]{32}")}
    )


@exhibit(rule="CAT-06", cause="others_left_out")
class InsurersRatesOnly(Extensor):
    """Passes the insurers' rates on, and says of a type with others that it has none."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, with what begins with a B."""
        return with_offers(
            await super().catalogue(http),
            rates=lambda offer: offer.rates and tuple(rate for rate in offer.rates if rate.is_insurance),
        )


@exhibit(rule="CAT-08", cause="other_length")
class MinutesOfTheHour(Extensor):
    """Reads of a length its minutes, and the hours only where there are no minutes."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, an hour and a quarter as a quarter."""
        return with_services(await super().catalogue(http), minutes=lambda one: (one.minutes or 0) % 60 or one.minutes)


@exhibit(rule="SLOT-10", cause="other_end")
class HoursOfATimeLost(_Times):
    """Reads of a time's length its minutes, and the hours only where there are no minutes."""

    def _told(self, answer: Slots, query: SlotQuery) -> Slots:
        def end(slot: Slot) -> datetime:
            minutes = (slot.end - slot.start) // timedelta(minutes=1)
            return slot.start + timedelta(minutes=minutes % 60 or minutes)

        return with_slots(answer, end=end)


@exhibit(rule="CAT-05", cause="guessed")
class OrdinaryWhereShort(Extensor):
    """Takes a type of an unknown kind for an ordinary one where it is shorter than an hour."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, with a guess."""
        told = await super().catalogue(http)
        short = {one.id for one in told.services if one.minutes is not None and one.minutes < 60}
        return with_services(
            told, kind=lambda one: "ordinary" if one.kind == "unknown" and one.id in short else one.kind
        )


@exhibit(rule="BOOK-01", cause="not_as_asked")
class AReferenceOfItsOwn(Extensor):
    """Books under a fresh reference in the place of the request's."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, under another name."""
        return await super().book(http, request.model_copy(update={"reference": uuid4()}))


@exhibit(rule="BOOK-09", cause="waiting_left_out")
class ListsWhatIsDecided(Extensor):
    """Lists no booking that waits for the clinic."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The bookings that the clinic has answered."""
        listed = await super().list_bookings(http, query)
        return listed.model_copy(update={"found": tuple(one for one in listed.found if one.status != "pending")})


@exhibit(rule="BOOK-09", cause="not_sent")
class NumbersItsBookings(Extensor):
    """Books under a reference of its own making, and reads none of the vendor's answers for it."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and tell no reference."""
        own = request.model_copy(update={"reference": uuid4()})
        return told_as(await super().book(http, own), reference=None)

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking, without its reference."""
        return told_as(await super().get_booking(http, booking), reference=None)


@exhibit(rule="BOOK-09", cause="days_left_out")
class TheFirstDayOfAWindow(Extensor):
    """Lists the bookings of the first day that is asked for, whatever the last one is."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The bookings of one day."""
        return await super().list_bookings(http, query.model_copy(update={"last_day": query.first_day}))


@exhibit(rule="BOOK-22", cause="own_only")
class ListsItsOwn(Extensor):
    """Lists the bookings that a partner made, and says that it lists all of a day."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The bookings that have a reference."""
        listed = await super().list_bookings(http, query)
        return listed.model_copy(update={"found": tuple(one for one in listed.found if one.reference is not None)})


@exhibit(rule="BOOK-24", cause="invented")
class NotThereIsCancelled(Extensor):
    """Tells a booking that is not there as one that was cancelled."""

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking, or a cancelled one of that id."""
        reply = await http.get(inferred.BOOKING, booking.id, expect={404})
        gone = Booking(id=booking.id, status="cancelled")
        return gone if reply.status == 404 else await super().get_booking(http, booking)

    errors = _errors(codes=_without("TIME_UKJENT"))


@exhibit(rule="CNCL-04", cause="told_gone")
class TooLateIsGone(Extensor):
    """Takes a cancel that is refused after the deadline for one of a booking that is not there."""

    errors = _errors(codes={**ERRORS.codes, "FRIST_UTLOPT": BookingNotFound})


@exhibit(rule="CNCL-08", cause="another")
class StaysWithWhomItWas(Extensor):
    """Moves a booking to its own practitioner's time, where they have one then, whoever was asked for."""

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        """The moved booking, with the practitioner from before."""
        day = slot.start.astimezone(OSLO).date()
        asked = SlotQuery(
            practitioner_ids=(str(booking.practitioner_id),),
            service_ids=(slot.service_id,),
            first_day=day,
            last_day=day,
        )
        theirs = [one for one in (await self.list_slots(http, asked)).found if one.start == slot.start]
        return await super().reschedule(http, booking, theirs[0] if theirs else slot)
