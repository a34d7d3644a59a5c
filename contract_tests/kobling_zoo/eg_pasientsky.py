"""Faults planted in EG Pasientsky's adapter."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from kobling import (
    KEY,
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
    Offer,
    Rate,
    ScopeMissing,
    Slot,
    SlotQuery,
    Slots,
    VendorUnavailable,
)
from kobling.reference import strip_tags
from kobling_eg_pasientsky import EgPasientsky
from kobling_eg_pasientsky.inferred import ERRORS

from .alterations import Memory, SharedMemory, data_of, kept, with_offers, with_people, with_services, with_slots
from .exhibit import exhibit

OSLO = ZoneInfo("Europe/Oslo")


class _Told(EgPasientsky):
    """Where the faults of this file are: what is told of a good answer, and what goes into the booking."""

    contract = 1

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times, as this adapter tells them."""
        return self._slots(await super().list_slots(http, query), query)

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, as this adapter tells it."""
        return self._catalogue(await super().catalogue(http))

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return answer

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return catalogue


def _errors(**changes: Any) -> ErrorMap:
    """The vendor's errors with some parts replaced."""
    return ErrorMap(**{"codes": ERRORS.codes, "statuses": ERRORS.statuses, "code": ERRORS.code, **changes})


def _without(*codes: Any) -> dict[Any, Any]:
    return {code: error for code, error in ERRORS.codes.items() if code not in codes}


# ---- keys and errors


@exhibit(6, rule="SECR-03", cause="key_in_url")
class KeyInTheQuery(EgPasientsky):
    """Sends the key in the query string too, to be on the safe side."""

    params: ClassVar[Mapping[str, Any]] = {"apikey": KEY}


@exhibit(rule="CONN-02", cause="wrong_field")
class WrongKeyIsAnOutage(EgPasientsky):
    """Tells a wrong key as an outage."""

    errors = _errors(codes={**ERRORS.codes, "UNAUTHORIZED": VendorUnavailable})


@exhibit(16, rule="CONN-07", cause="blames_the_clinic")
class OutageIsAWrongKey(EgPasientsky):
    """Reads an answer without a code, as a 503 is, as one that refuses the key."""

    errors = _errors(
        codes={**ERRORS.codes, "unreadable": CredentialsRejected},
        code=lambda reply: "unreadable" if data_of(reply) is None else None,
    )


@exhibit(rule="CONN-05", cause="incomplete_list")
class OnlyTheFirstDepartment(EgPasientsky):
    """Lists one department of several."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic with its first department."""
        clinic = await super().identify(http)
        return clinic.model_copy(update={"departments": (clinic.departments or ())[:1]})


@exhibit(rule="CONN-08", cause="wrong_reason")
class NotActivatedIsAScope(EgPasientsky):
    """Lets the clinic look for a right that its key has, when the vendor has not switched the integration on."""

    errors = _errors(codes={**ERRORS.codes, "INTEGRATION_NOT_ENABLED": ScopeMissing})


@exhibit(10, rule="BOOK-05", cause="not_slot_taken")
class TakenIsGeneric(EgPasientsky):
    """Has no entry for the vendor's word that a time is taken."""

    errors = _errors(
        codes=_without("TIMESLOT_UNAVAILABLE"),
        statuses={status: error for status, error in ERRORS.statuses.items() if status != ("book", 409)},
    )


@exhibit(10, rule="BOOK-06", cause="others_not_taken")
class ConflictOnlyAs409(EgPasientsky):
    """Knows the status 409, not the code: a refusal with another status is something else."""

    errors = _errors(
        codes=_without("TIMESLOT_UNAVAILABLE"),
        code=lambda reply: None if reply.status == 409 else "unreadable" if "error" in (data_of(reply) or {}) else None,
    )


@exhibit(rule="BOOK-07", cause="other_error")
class NoPatientLimit(EgPasientsky):
    """Has no entry for a patient who may have no more bookings."""

    errors = _errors(codes=_without("BOOKING_LIMIT_REACHED"))


@exhibit(55, rule="CNCL-02", cause="error")
class GoneIsAnError(EgPasientsky):
    """Tells a booking that is cancelled already as a fault of the connection."""

    errors = _errors(
        codes={**ERRORS.codes, "ALREADY_CANCELLED": CredentialsRejected, "BOOKING_NOT_FOUND": CredentialsRejected}
    )


@exhibit(rule="CNCL-04", cause="other_error")
class NoDeadlines(EgPasientsky):
    """Has no entry for what is too late."""

    errors = _errors(codes=_without("CANCELLATION_DEADLINE_PASSED", "CANCELLATION_NOT_ALLOWED"))


@exhibit(15, rule="FUZZ-01", cause="crashed")
class TrustsTheShape(EgPasientsky):
    """Reads an answer by indexing, so that a missing field is a KeyError."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, after a look at the names."""
        today = http.now.astimezone(OSLO).date().isoformat()
        body = {"dateRange": {"from": today, "to": today}, "calendarIds": None, "timeslotTypeIds": None}
        reply = await http.query("search", json=body)
        _ = sorted(row["name"].casefold() for row in reply.data["data"]["calendars"])
        return await super().catalogue(http)


# ---- who and what is offered


@exhibit(rule="CAT-01", cause="missing")
class ListsOnlyWhatCanBeBooked(_Told):
    """Leaves out the timebooks that nobody can book."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        people = tuple(one for one in catalogue.practitioners if one.owner_kind == "person")
        return catalogue.model_copy(update={"practitioners": people})


@exhibit(37, rule="CAT-01", cause="missing")
class NumbersThePractitioners(_Told):
    """Gives practitioners numbers of its own, which begin anew wherever it is asked."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        ids = {one.id: str(number) for number, one in enumerate(catalogue.practitioners, 1)}
        told = with_people(catalogue, id=lambda one: ids[one.id])
        return with_offers(told, practitioner_id=lambda offer: ids[offer.practitioner_id])


@exhibit(rule="CAT-02", cause="changed")
class NamesInAscii(_Told):
    """Takes the Norwegian and Sámi letters out of names."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return with_people(catalogue, name=lambda one: one.name.encode("ascii", "ignore").decode())


@exhibit(40, rule="CAT-03", cause="offered")
class EveryTimebookIsAPersons(_Told):
    """Takes every timebook for a person's own."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return with_people(catalogue, owner_kind=lambda one: "person")


@exhibit(42, rule="CAT-04", cause="offered")
class IgnoresPatientLists(_Told):
    """Offers to everybody what is kept to a list of patients."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return with_offers(catalogue, patients=lambda offer: "all")


@exhibit(45, rule="CAT-05", cause="offered")
class OffersGroupTypes(_Told):
    """Takes a place in a group for an ordinary appointment."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        told = with_services(with_people(catalogue, owner_kind=lambda one: "person"), kind=lambda one: "ordinary")
        return with_offers(told, rates=lambda offer: (Rate(code="B1010"),))


@exhibit(43, rule="CAT-06", cause="without_rate")
class InventsRates(_Told):
    """Offers what has no B-rate."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        def rated(offer: Offer) -> tuple[Rate, ...]:
            rates = offer.rates or ()
            return rates if any(rate.is_insurance for rate in rates) else (Rate(code="B9009"),)

        return with_offers(catalogue, rates=rated)


@exhibit(43, rule="CAT-06", cause="lost")
class LooksAtTheFirstRateOnly(_Told):
    """Loses a B-rate that stands behind a HELFO rate."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        def first(offer: Offer) -> tuple[Rate, ...]:
            return tuple(sorted(offer.rates or (), key=lambda rate: rate.code))[:1]

        return with_offers(catalogue, rates=first)


@exhibit(rule="CAT-05", cause="guessed")
class OrdinaryUnlessAGroup(_Told):
    """Takes every type for an ordinary one that is not called a group's in so many words."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return with_services(catalogue, kind=lambda one: "ordinary" if one.kind == "unknown" else one.kind)


@exhibit(44, rule="CAT-07", cause="elsewhere")
class ForgetsAddresses(_Told):
    """Shows every type at every department."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return with_services(catalogue, locations=lambda one: None)


@exhibit(rule="CAT-08", cause="other_length")
class LengthsInQuarters(_Told):
    """Takes minutes for quarters of an hour."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return with_services(catalogue, minutes=lambda one: (one.minutes or 0) // 15)


# ---- open times


@exhibit(rule="SLOT-01", cause="missing")
class FirstDayOnly(EgPasientsky):
    """Reads one day of the window."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The first day."""
        return await super().list_slots(http, query.model_copy(update={"last_day": query.first_day}))


@exhibit(19, rule="SLOT-01", cause="unexpected_error")
class NaiveTimes(_Told):
    """Gives times without a zone."""

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return answer.model_copy(update={"found": tuple(self._naive(slot) for slot in answer.found)})

    def _naive(self, slot: Slot) -> Slot:
        told = slot.model_dump(include={"practitioner_id", "service_id", "location_id", "token"})
        wall = slot.start.astimezone(OSLO).replace(tzinfo=None)
        return Slot(**told, start=wall, end=wall + (slot.end - slot.start))


@exhibit(rule="SLOT-02", cause="unstable")
class EverySecondReadingIsShort(_Told):
    """Loses a time at every second reading."""

    readings: ClassVar[dict[Any, int]] = {}

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        number = self.readings[query] = self.readings.get(query, 0) + 1
        return answer if number % 2 else answer.model_copy(update={"found": answer.found[1:]})


@exhibit(46, rule="SLOT-04", cause="invented")
class IgnoresTheDepartment(_Told):
    """Finds the times of all departments whichever is asked for."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        return with_services(catalogue, locations=lambda one: None)

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return with_slots(answer, location_id=lambda slot: None)


@exhibit(24, rule="SLOT-05", cause="missing")
class DaysInUtc(_Told):
    """Counts days in UTC, so that the first hours of a day fall on the day before."""

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return kept(answer, lambda slot: query.first_day <= slot.start.astimezone(UTC).date() <= query.last_day)


@exhibit(rule="SLOT-08", cause="invented")
class KeepsAnswers(_Told):
    """Answers a search from the last one."""

    memory: ClassVar[dict[Any, Slots]] = {}

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return self.memory.setdefault((query.first_day, query.last_day, query.service_ids), answer)


@exhibit(rule="SLOT-10", cause="other_end")
class AlwaysHalfAnHour(_Told):
    """Takes every appointment for half an hour."""

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return with_slots(answer, end=lambda slot: slot.start + timedelta(minutes=30))


@exhibit(rule="SLOT-13", cause="not_mentioned")
class ForgetsProblems(_Told):
    """Leaves times of the repeated hour out without a word."""

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return answer.model_copy(update={"problems": ()})


class _GuessesTheRepeatedHour(_Told):
    contract = 1
    fold = 0

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        if not any(problem.because == "repeated_hour" for problem in answer.problems):
            return answer
        known = {slot.identity for slot in answer.found}
        guessed = [self._at(slot, minute) for slot in answer.found for minute in (0, 30) if self._hour(slot) == 3]
        return answer.model_copy(
            update={"found": (*answer.found, *(slot for slot in guessed if slot.identity not in known))}
        )

    def _hour(self, slot: Slot) -> int:
        return slot.start.astimezone(OSLO).hour

    def _at(self, slot: Slot, minute: int) -> Slot:
        start = slot.start.astimezone(OSLO).replace(hour=2, minute=minute, fold=self.fold).astimezone(UTC)
        return slot.model_copy(update={"start": start, "end": start + timedelta(minutes=30)})


@exhibit(rule="SLOT-13", cause="undecidable_guessed")
class GuessesTheFirst(_GuessesTheRepeatedHour):
    """Takes a time of the repeated hour for the first of the two."""


@exhibit(rule="SLOT-13", cause="undecidable_guessed")
class GuessesTheSecond(_GuessesTheRepeatedHour):
    """Takes a time of the repeated hour for the second of the two."""

    fold = 1


@exhibit(26, rule="SLOT-14", cause="invented")
class AsksTheHostForTheZone(_Told):
    """Adds the host's own distance from UTC."""

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        off = timedelta(seconds=-time.timezone)
        return with_slots(answer, start=lambda slot: slot.start + off, end=lambda slot: slot.end + off)


# ---- booking and cancelling


@exhibit(rule="BOOK-25", cause="refused")
class EverybodyComesInPerson(_Told):
    """Books every time as one in person, also where the patient is met by video or telephone only."""

    def _slots(self, answer: Slots, query: SlotQuery) -> Slots:
        return with_slots(answer, token=lambda slot: {**slot.token, "medium": "FACE_TO_FACE"})


@exhibit(rule="BOOK-01", cause="other_id")
class MadeUpId(EgPasientsky):
    """Tells another id than the vendor's."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and turn the id round."""
        booking = await super().book(http, request)
        return booking.model_copy(update={"id": booking.id[::-1]})


@exhibit(58, rule="BOOK-02", cause="no_sak_id")
class ForgetsTheSakId(EgPasientsky):
    """Books without the insurance case."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book for a patient who pays."""
        return await super().book(http, request.model_copy(update={"sak_id": None}))


class _Note(EgPasientsky):
    """Books with a note, more fields and a way of sending of its own."""

    contract = 1
    status: Any = "unknown"

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book by e-mail."""
        token = request.slot.token
        reply = await self._send(
            http,
            {
                "createFromEmail": True, "email": request.patient.email, "phoneNumber": request.patient.phone or "",
                "calendarId": request.slot.practitioner_id, "timeslotId": token["id"], "groupAppointmentId": None,
                "medium": token["medium"], "note": self._note(request), **self._more(request),
            },
        )  # fmt: skip
        return Booking(id=reply.data["data"]["bookingId"], status=self.status)

    async def _send(self, http: Http, body: dict[str, Any]) -> Any:
        return await http.post("book", json=body)

    def _note(self, request: BookingRequest) -> str:
        return request.note()

    def _more(self, request: BookingRequest) -> dict[str, Any]:
        return {}


@exhibit(rule="BOOK-02", cause="no_reference")
class NoTag(_Note):
    """Sends the note without the reference."""

    def _note(self, request: BookingRequest) -> str:
        return strip_tags(request.note())


@exhibit(rule="BOOK-02", cause="cut")
class CutsTheNote(_Note):
    """Cuts the note."""

    def _note(self, request: BookingRequest) -> str:
        return request.note()[:80]


@exhibit(rule="BOOK-03", cause="not_seen")
class LeavesTheNameOut(_Note):
    """Finds the patient by e-mail and does not say who is meant."""

    def _note(self, request: BookingRequest) -> str:
        return request.model_copy(update={"note_lines": ()}).note()


@exhibit(76, rule="BOOK-08", cause="resent")
class BookingAsARead(_Note):
    """Marks the booking as a read, so that it is repeated."""

    async def _send(self, http: Http, body: dict[str, Any]) -> Any:
        return await http.query("book", json=body)


@exhibit(52, 59, rule="BOOK-10", cause="false_booked")
class SilenceIsBooked(_Note):
    """Takes an answer without a word, or a request that waits for staff, for a booking."""

    status = "booked"


@exhibit(53, rule="CNCL-03", cause="told_cancelled")
class NotCancelledIsCancelled(EgPasientsky):
    """Takes any good status for a cancelled booking."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Cancel without reading the answer."""
        await http.post("{}/cancel", booking.id, json={"note": reason.note()})
        return Cancelled()


# ---- secrecy


@exhibit(71, rule="SECR-01", cause="logged")
class LogsThePatient(EgPasientsky):
    """Writes the patient's address in a debug line."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and say for whom."""
        logging.getLogger("kobling_eg_pasientsky").debug("booking for %s", request.patient.email)
        return await super().book(http, request)


@exhibit(rule="SECR-01", cause="logged")
class PrintsThePatient(EgPasientsky):
    """Prints what it books, which stands in the log of whatever runs it."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and print for whom."""
        print("booking for", request.patient.email, file=sys.stderr)  # noqa: T201 - the fault
        return await super().book(http, request)


@exhibit(rule="SECR-03", cause="unknown_call")
class SendsMoreThanAsked(_Note):
    """Sends a field that the vendor does not know."""

    def _more(self, request: BookingRequest) -> dict[str, Any]:
        return {"internalReference": str(request.reference)}


# ---- what only a whole story shows


@exhibit(rule="MODEL-01", cause="other_reference")
class OneReferencePerTime(EgPasientsky):
    """Names a booking by its time, so that whoever books a time that was given up comes under the earlier name."""

    memory: ClassVar[Memory] = SharedMemory(86_400)

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book under the first reference that this time ever had."""
        first = self.memory.recall(self.connection, request.slot.identity, http.now)
        first = first or self.memory.keep(self.connection, request.slot.identity, request.reference, http.now)
        return await super().book(http, request.model_copy(update={"reference": first}))


@exhibit(rule="MODEL-03", cause="invented")
class TheDistanceOfTheFirstDay(_Told):
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


@exhibit(54, rule="MODEL-04", cause="no_order")
class TheSameAnswerForBoth(EgPasientsky):
    """Answers whoever wants a time that was booked a moment ago with that booking, as if it were a second try."""

    memory: ClassVar[Memory] = SharedMemory(10)

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, if nobody has done so a moment ago."""
        known: Booking | None = self.memory.recall(self.connection, request.slot.identity, http.now)
        if known is not None:
            return known
        made = await super().book(http, request)
        return self.memory.keep(self.connection, request.slot.identity, made, http.now)


@exhibit(rule="CAT-12", cause="without_rule")
class EverybodyDoesEverything(_Told):
    """Offers with each practitioner what any of them offers, as a search without a filter shows it."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        known = {one.service_id: one for one in catalogue.offers if isinstance(one, Offer)}
        offers = tuple(
            offer.model_copy(update={"practitioner_id": who.id})
            for who in catalogue.practitioners
            for offer in known.values()
        )
        return catalogue.model_copy(update={"offers": offers})


# ---- what a tester's breaks showed


@exhibit(rule="CAT-04", cause="kept_from_all")
class OneListForAll(_Told):
    """Takes a type that one calendar keeps to a list for kept to it in every calendar."""

    def _catalogue(self, catalogue: Catalogue) -> Catalogue:
        offers = catalogue.offers if isinstance(catalogue.offers, tuple) else ()
        listed = {offer.service_id for offer in offers if offer.patients == "restricted"}
        return with_offers(
            catalogue, patients=lambda offer: "restricted" if offer.service_id in listed else offer.patients
        )
