"""Adapters with one planted fault each, made from EG Pasientsky's: the tests of the suite."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

from kobling import (
    KEY,
    Adapter,
    Booking,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    CredentialsRejected,
    ErrorMap,
    Http,
    KoblingError,
    Offer,
    Rate,
    Response,
    Slot,
    SlotQuery,
    Slots,
    VendorUnavailable,
)
from kobling.reference import strip_tags
from kobling_eg_pasientsky import EgPasientsky
from kobling_eg_pasientsky.inferred import ERRORS

OSLO = ZoneInfo("Europe/Oslo")


class Planted(NamedTuple):
    """A faulty adapter, the rule that must find it, and the cause it must name."""

    adapter: type[Adapter]
    rule: str
    cause: str


PLANTED: list[Planted] = []


def planted(rule: str, cause: str) -> Any:
    def add(adapter: type[Adapter]) -> type[Adapter]:
        PLANTED.append(Planted(adapter, rule, cause))
        return adapter

    return add


class Twin(EgPasientsky):
    """The adapter without a fault; `slots_of` and `catalogue_of` are where the others differ."""

    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        return self._slots(await super().list_slots(http, query), query)

    async def catalogue(self, http: Http) -> Catalogue:
        return self._catalogue(await super().catalogue(http))

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return answer

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return catalogue


def changed(slots: Slots, **changes: Any) -> Slots:
    """Every slot with some fields computed anew."""
    found = tuple(slot.model_copy(update={name: make(slot) for name, make in changes.items()}) for slot in slots.found)
    return slots.model_copy(update={"found": found})


def data_of(reply: Response) -> Any:
    """The parsed answer, None when it is no JSON."""
    try:
        return reply.data
    except KoblingError:
        return None


# ---- connection


@planted("CONN-02", "wrong_field")
class WrongKeyIsAnOutage(Twin):
    contract = 1
    errors = ErrorMap(
        codes={**ERRORS.codes, "UNAUTHORIZED": VendorUnavailable}, statuses=ERRORS.statuses, code=ERRORS.code
    )


@planted("CONN-07", "blames_the_clinic")
class OutageIsAWrongKey(Twin):
    """A page without a code is read as one that refuses the key."""

    contract = 1
    errors = ErrorMap(
        codes={**ERRORS.codes, "unreadable": CredentialsRejected},
        statuses=ERRORS.statuses,
        code=lambda reply: "unreadable" if data_of(reply) is None else None,
    )


@planted("CONN-05", "incomplete_list")
class OnlyTheFirstDepartment(Twin):
    contract = 1

    async def identify(self, http: Http) -> Clinic:
        clinic = await super().identify(http)
        return clinic.model_copy(update={"departments": (clinic.departments or ())[:1]})


# ---- catalogue


@planted("CAT-01", "missing")
class ListsOnlyWhatCanBeBooked(Twin):
    contract = 1

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        kept = tuple(one for one in catalogue.practitioners if one.owner_kind == "person")
        return catalogue.model_copy(update={"practitioners": kept})


@planted("CAT-02", "changed")
class NamesInAscii(Twin):
    contract = 1

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        kept = tuple(
            one.model_copy(update={"name": one.name.encode("ascii", "ignore").decode()})
            for one in catalogue.practitioners
        )
        return catalogue.model_copy(update={"practitioners": kept})


@planted("CAT-03", "offered")
class EveryTimebookIsAPersons(Twin):
    contract = 1

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        kept = tuple(one.model_copy(update={"owner_kind": "person"}) for one in catalogue.practitioners)
        return catalogue.model_copy(update={"practitioners": kept})


def with_offers(catalogue: Catalogue, **changes: Any) -> Catalogue:
    offers = catalogue.offers
    assert isinstance(offers, tuple)
    kept = tuple(offer.model_copy(update={name: make(offer) for name, make in changes.items()}) for offer in offers)
    return catalogue.model_copy(update={"offers": kept})


@planted("CAT-04", "offered")
class IgnoresPatientLists(Twin):
    contract = 1

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return with_offers(catalogue, patients=lambda offer: "all")


@planted("CAT-05", "offered")
class OffersGroupTypes(Twin):
    contract = 1

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        services = tuple(one.model_copy(update={"kind": "ordinary"}) for one in catalogue.services)
        people = tuple(one.model_copy(update={"owner_kind": "person"}) for one in catalogue.practitioners)
        rate = (Rate(code="B1010"),)
        catalogue = catalogue.model_copy(update={"services": services, "practitioners": people})
        return with_offers(catalogue, rates=lambda offer: rate)


@planted("CAT-06", "without_rate")
class InventsRates(Twin):
    contract = 1

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return with_offers(
            catalogue,
            rates=lambda offer: (
                offer.rates if any(rate.is_insurance for rate in offer.rates) else (Rate(code="B9009"),)
            ),
        )


@planted("CAT-06", "lost")
class LooksAtTheFirstRateOnly(Twin):
    contract = 1

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        def first(offer: Offer) -> tuple[Rate, ...]:
            return tuple(sorted(offer.rates or (), key=lambda rate: rate.code))[:1]

        return with_offers(catalogue, rates=first)


@planted("CAT-07", "elsewhere")
class ForgetsAddresses(Twin):
    contract = 1

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        services = tuple(one.model_copy(update={"locations": None}) for one in catalogue.services)
        return catalogue.model_copy(update={"services": services})


@planted("CAT-08", "other_length")
class LengthsInQuarters(Twin):
    contract = 1

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        services = tuple(one.model_copy(update={"minutes": (one.minutes or 0) // 15}) for one in catalogue.services)
        return catalogue.model_copy(update={"services": services})


# ---- open times


@planted("SLOT-01", "missing")
class FirstDayOnly(Twin):
    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        return await super().list_slots(http, query.model_copy(update={"last_day": query.first_day}))


@planted("SLOT-01", "unexpected_error")
class NaiveTimes(Twin):
    contract = 1

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        found = tuple(
            Slot(**{**slot.model_dump(include={"practitioner_id", "service_id", "location_id", "token"}),
                    "start": slot.local_start.replace(tzinfo=None), "end": slot.local_start.replace(tzinfo=None)})
            for slot in answer.found
        )  # fmt: skip
        return answer.model_copy(update={"found": found})


@planted("SLOT-02", "unstable")
class EverySecondReadingIsShort(Twin):
    contract = 1
    readings: ClassVar[dict[Any, int]] = {}

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        number = self.readings[query] = self.readings.get(query, 0) + 1
        return answer if number % 2 else answer.model_copy(update={"found": answer.found[1:]})


@planted("SLOT-04", "invented")
class IgnoresTheDepartment(Twin):
    contract = 1

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        services = tuple(one.model_copy(update={"locations": None}) for one in catalogue.services)
        return catalogue.model_copy(update={"services": services})

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return changed(answer, location_id=lambda slot: None)


@planted("SLOT-05", "missing")
class DaysInUtc(Twin):
    contract = 1

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        kept = tuple(s for s in answer.found if query.first_day <= s.start.astimezone(UTC).date() <= query.last_day)
        return answer.model_copy(update={"found": kept})


@planted("SLOT-06", "missing")
class AtMostAMonth(Twin):
    contract = 1

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        limit = date(2026, 12, 20)
        return answer.model_copy(update={"found": tuple(s for s in answer.found if s.local_start.date() < limit)})


@planted("SLOT-08", "invented")
class KeepsAnswers(Twin):
    contract = 1
    kept: ClassVar[dict[Any, Slots]] = {}

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return self.kept.setdefault((query.first_day, query.last_day, query.service_ids), answer)


@planted("SLOT-10", "other_end")
class AlwaysHalfAnHour(Twin):
    contract = 1

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return changed(answer, end=lambda slot: slot.start + timedelta(minutes=30))


@planted("SLOT-12", "invented")
class WinterAllYear(Twin):
    """+01:00, whatever the season."""

    contract = 1

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        winter = timezone(timedelta(hours=1))

        def moved(moment: datetime) -> datetime:
            return moment.astimezone(OSLO).replace(tzinfo=winter).astimezone(UTC)

        return changed(answer, start=lambda slot: moved(slot.start), end=lambda slot: moved(slot.end))


@planted("SLOT-13", "not_mentioned")
class ForgetsProblems(Twin):
    contract = 1

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return answer.model_copy(update={"problems": ()})


class _GuessesTheRepeatedHour(Twin):
    contract = 1
    fold = 0

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        answer = await super().list_slots(http, query)
        guessed = []
        for slot in answer.found:
            if slot.local_start.hour == 3 and any(problem.because == "repeated_hour" for problem in answer.problems):
                for minute in (0, 30):
                    wall = slot.local_start.replace(hour=2, minute=minute, fold=self.fold).astimezone(UTC)
                    guessed.append(slot.model_copy(update={"start": wall, "end": wall + timedelta(minutes=30)}))
        known = {slot.identity for slot in answer.found}
        return answer.model_copy(update={"found": (*answer.found, *(s for s in guessed if s.identity not in known))})


@planted("SLOT-13", "undecidable_guessed")
class GuessesTheFirst(_GuessesTheRepeatedHour):
    contract = 1


@planted("SLOT-13", "undecidable_guessed")
class GuessesTheSecond(_GuessesTheRepeatedHour):
    contract = 1
    fold = 1


@planted("SLOT-14", "invented")
class AsksTheHostForTheZone(Twin):
    contract = 1

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        off = timedelta(seconds=-time.timezone)
        return changed(answer, start=lambda slot: slot.start + off, end=lambda slot: slot.end + off)


# ---- booking


@planted("BOOK-01", "other_id")
class MadeUpId(Twin):
    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        booking = await super().book(http, request)
        return booking.model_copy(update={"id": booking.id[::-1]})


@planted("BOOK-02", "no_sak_id")
class ForgetsTheSakId(Twin):
    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        return await super().book(http, request.model_copy(update={"sak_id": None}))


class _Note(Twin):
    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        token = request.slot.token
        reply = await self._send(
            http,
            {
                "createFromEmail": True, "email": request.patient.email, "phoneNumber": request.patient.phone or "",
                "calendarId": request.slot.practitioner_id, "timeslotId": token["id"], "groupAppointmentId": None,
                "medium": token["medium"], "note": self._note(request), **self._more(request),
            },
        )  # fmt: skip
        return Booking(id=reply.data["data"]["bookingId"], status=self._status)

    _status: Any = "unknown"

    async def _send(self, http: Http, body: dict[str, Any]) -> Any:
        return await http.post("book", json=body)

    def _note(self, request: BookingRequest) -> str:
        return request.note()

    def _more(self, request: BookingRequest) -> dict[str, Any]:
        return {}


@planted("BOOK-02", "no_reference")
class NoTag(_Note):
    contract = 1

    def _note(self, request: BookingRequest) -> str:
        return strip_tags(request.note())


@planted("BOOK-02", "cut")
class CutsTheNote(_Note):
    contract = 1

    def _note(self, request: BookingRequest) -> str:
        return request.note()[:80]


@planted("BOOK-03", "not_seen")
class LeavesTheNameOut(_Note):
    contract = 1

    def _note(self, request: BookingRequest) -> str:
        return request.model_copy(update={"note_lines": ()}).note()


@planted("BOOK-05", "not_slot_taken")
class TakenIsGeneric(Twin):
    contract = 1
    errors = ErrorMap(
        codes={code: error for code, error in ERRORS.codes.items() if code != "TIMESLOT_UNAVAILABLE"},
        statuses={status: error for status, error in ERRORS.statuses.items() if status != ("book", 409)},
        code=ERRORS.code,
    )


@planted("BOOK-06", "others_not_taken")
class ConflictOnlyAs409(Twin):
    """Knows the status, not the code: a refusal with 400 or 200 is something else."""

    contract = 1
    errors = ErrorMap(
        codes={code: error for code, error in ERRORS.codes.items() if code != "TIMESLOT_UNAVAILABLE"},
        statuses=ERRORS.statuses,
        code=lambda reply: None if reply.status == 409 else "unreadable" if "error" in (data_of(reply) or {}) else None,
    )


@planted("BOOK-07", "other_error")
class NoPatientLimit(Twin):
    contract = 1
    errors = ErrorMap(
        codes={code: error for code, error in ERRORS.codes.items() if code != "BOOKING_LIMIT_REACHED"},
        statuses=ERRORS.statuses,
        code=ERRORS.code,
    )


@planted("BOOK-08", "resent")
class BookingAsARead(_Note):
    """The write is marked as a read, and so it is repeated."""

    contract = 1

    async def _send(self, http: Http, body: dict[str, Any]) -> Any:
        return await http.query("book", json=body)


@planted("BOOK-10", "false_booked")
class SilenceIsBooked(_Note):
    contract = 1
    _status = "booked"


# ---- cancelling


@planted("CNCL-03", "told_cancelled")
class NotCancelledIsCancelled(Twin):
    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        await http.post("{}/cancel", booking.id, json={"note": reason.note()})
        return Cancelled()


@planted("CNCL-02", "error")
class GoneIsAnError(Twin):
    contract = 1
    errors = ErrorMap(
        codes={**ERRORS.codes, "ALREADY_CANCELLED": CredentialsRejected, "BOOKING_NOT_FOUND": CredentialsRejected},
        statuses=ERRORS.statuses,
        code=ERRORS.code,
    )


@planted("CNCL-04", "other_error")
class NoDeadlines(Twin):
    contract = 1
    errors = ErrorMap(
        codes={
            code: error
            for code, error in ERRORS.codes.items()
            if code not in ("CANCELLATION_DEADLINE_PASSED", "CANCELLATION_NOT_ALLOWED")
        },
        statuses=ERRORS.statuses,
        code=ERRORS.code,
    )


# ---- failures and secrecy


@planted("FAIL-05", "crashed")
class TrustsTheShape(Twin):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        today = datetime.now(OSLO).date().isoformat()
        body = {"dateRange": {"from": today, "to": today}, "calendarIds": None, "timeslotTypeIds": None}
        reply = await http.query("search", json=body)
        _ = sorted(row["name"].casefold() for row in reply.data["data"]["calendars"])
        return await super().catalogue(http)


@planted("SECR-01", "logged")
class LogsThePatient(Twin):
    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        logging.getLogger("kobling_eg_pasientsky").debug("booking for %s", request.patient.email)
        return await super().book(http, request)


@planted("SECR-03", "key_in_url")
class KeyInTheQuery(Twin):
    contract = 1
    params: ClassVar[Mapping[str, Any]] = {"apikey": KEY}


@planted("SECR-03", "unknown_call")
class SendsMoreThanAsked(_Note):
    contract = 1

    def _more(self, request: BookingRequest) -> dict[str, Any]:
        return {"internalReference": str(request.reference)}


# ---- what the engine makes impossible, each tried by an adapter


class ReturnsNothingOnErrors(Twin):
    """`except Exception: return []`, and errors of calls sent together thrown away."""

    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> Any:
        try:
            answer = await super().list_slots(http, query)
        except Exception:
            return []
        return list(answer.found)


class Resends(Twin):
    """Sends the booking a second time when the first answer was lost."""

    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        try:
            return await super().book(http, request)
        except KoblingError:
            return await super().book(http, request)


class TellsLostAnswersAsBooked(Twin):
    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        try:
            return await super().book(http, request)
        except KoblingError:
            return Booking(id="made-up", status="booked")


class TellsLostCancelsAsDone(Twin):
    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        try:
            return await super().cancel(http, booking, reason)
        except KoblingError:
            return Cancelled()


class CrashesAfterTheWrite(Twin):
    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        await super().book(http, request)
        raise ValueError(f"odd answer for {request.patient.email}")


class BooksDuringASearch(Twin):
    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        answer = await super().list_slots(http, query)
        if answer.found:
            slot = answer.found[0]
            await http.post("book", json={"timeslotId": slot.token["id"], "calendarId": slot.practitioner_id})
        return answer


class SendsUndeclaredFields(_Note):
    contract = 1

    def _more(self, request: BookingRequest) -> dict[str, Any]:
        return {"personalNumber": request.patient.national_id, "name": request.patient.family_name}


class LeavesTheHost(Twin):
    """Follows an address out of an answer."""

    contract = 1

    async def identify(self, http: Http) -> Clinic:
        await http.get("{}", "https://elsewhere.example.test/partner-api")
        return await super().identify(http)


# ---- null adapters


class SaysNothing(EgPasientsky):
    """Every operation returns an empty answer without a call."""

    contract = 1

    async def identify(self, http: Http) -> Clinic:
        return Clinic()

    async def catalogue(self, http: Http) -> Catalogue:
        return Catalogue(practitioners=(), services=(), offers=())

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        return Slots()

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        return Booking(id="nothing", status="booked")

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        return Cancelled()


class RaisesAlways(EgPasientsky):
    contract = 1

    async def identify(self, http: Http) -> Clinic:
        raise VendorUnavailable

    async def catalogue(self, http: Http) -> Catalogue:
        raise VendorUnavailable

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        raise VendorUnavailable

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        raise VendorUnavailable

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        raise VendorUnavailable


NULL = (SaysNothing, RaisesAlways)
