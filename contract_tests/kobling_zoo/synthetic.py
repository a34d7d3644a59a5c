"""Faults planted in the synthetic vendor's adapter: tokens, pages, patients on file, requests, moves in one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from kobling import (
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    ByLink,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    ErrorMap,
    Http,
    InvalidRequest,
    KoblingError,
    Slot,
    SlotQuery,
    SlotTaken,
    Token,
    VendorUnavailable,
)
from kobling_contract.synthetic import HoldsFirst, SearchOnly, Synthetic
from kobling_contract.synthetic.adapter import ERRORS, BookingRow, PractitionerRow

from .alterations import SharedMemory, told_as, with_people
from .exhibit import exhibit


def _errors(codes: Mapping[str | tuple[str, str], type[KoblingError]]) -> ErrorMap:
    return replace(ERRORS, codes={**ERRORS.codes, **codes})


# ---- signing in


@exhibit(2, rule="CONN-09", cause="used_past_its_end")
class TokenForADay(Synthetic):
    """Takes every token for one that is good for a day."""

    async def sign_in(self, http: Http) -> Token:
        """The token, and a guess."""
        return Token((await super().sign_in(http)).secret, 86_400.0)


@exhibit(3, rule="CONN-09", cause="not_renewed")
class RefusedTokenIsAnOutage(Synthetic):
    """Does not tell by a 401 that a token is not taken any more."""

    errors = replace(_errors({"expired_token": VendorUnavailable}), statuses={401: VendorUnavailable})


@exhibit(3, rule="CONN-10", cause="not_renewed")
class RefusedTokenIsATakenTime(Synthetic):
    """Takes whatever is refused while it books for a time that is taken."""

    errors = _errors({("book", "expired_token"): SlotTaken})


@exhibit(4, rule="CONN-09", cause="crossed")
class OneTokenForAll(Synthetic):
    """Keeps the first token that it gets, and uses it for every clinic."""

    kept: ClassVar[list[Token]] = []

    async def sign_in(self, http: Http) -> Token:
        """The token from before, where there is one."""
        if not self.kept:
            self.kept.append(await super().sign_in(http))
        return self.kept[0]


@exhibit(5, rule="CONN-09", cause="too_many_sign_ins")
class SignsInForEveryCall(Synthetic):
    """Takes a token for one that is good for a moment, so that everybody signs in again."""

    async def sign_in(self, http: Http) -> Token:
        """The token, for now."""
        return Token((await super().sign_in(http)).secret, 1e-6)


FIRST = SharedMemory(seconds=30 * 86_400.0)


@exhibit(5, rule="CONN-10", cause="renewed_by_each")
class CountsFromTheFirstToken(Synthetic):
    """Counts every token's time from the first one that it got, so that a later one is over at once."""

    async def sign_in(self, http: Http) -> Token:
        """The token, with what is left of the first one's time."""
        token = await super().sign_in(http)
        now, mine = http.now, self.connection
        first = FIRST.recall(mine, "token", now) or FIRST.keep(mine, "token", now, now)
        return Token(token.secret, max(1e-6, token.lifetime - (now - first).total_seconds()))


@exhibit(rule="CONN-11", cause="sent")
class DoesNotReadItsScopes(Synthetic):
    """Does not read what its key may do, and books with one that may only search."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic, and no word of the key's scopes."""
        return (await super().identify(http)).model_copy(update={"can": None})


@exhibit(rule="CONN-05", cause="hidden")
class KeepsItsDepartments(Synthetic):
    """Is told the clinic's departments, and tells of none: any department is right then."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic, without departments."""
        return (await super().identify(http)).model_copy(update={"departments": None})


@exhibit(rule="CONN-12", cause="other_zone")
class EveryClinicIsInOslo(Synthetic):
    """Does not read the clinic's time zone."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic, in the zone that is the default."""
        return (await super().identify(http)).model_copy(update={"zone": "Europe/Oslo"})


@exhibit(rule="CONN-12", cause="other_zone")
class OffsetsThrownAway(Synthetic):
    """Reads every time as one on Oslo's clocks, whatever offset stands beside it."""

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        """The open times, by what the clinic's clocks show."""
        return [
            one.model_copy(update={name: self._in_oslo(getattr(one, name)) for name in ("start", "end")})
            for one in await super().list_slots(http, query)
        ]

    def _in_oslo(self, moment: datetime) -> datetime:
        zone = self.clinic.zone if self.clinic is not None else "UTC"
        return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=ZoneInfo("Europe/Oslo")).astimezone(UTC)


# ---- pages

Asked = Mapping[str, str | None]


async def _by_hand(http: Http, asked: Asked, pages: int = 100) -> list[BookingRow]:
    """Page after page by its cursor, in a loop of its own."""
    found: list[BookingRow] = []
    cursor: str | None = None
    for _ in range(pages):
        reply = await http.get("bookings", params={**asked, "cursor": cursor})
        found += reply.read(list[BookingRow], at="/bookings")
        cursor = reply.data["cursor"]
        if cursor is None:
            break
    return found


@exhibit(29, rule="PAGE-01", cause="missing")
class TwoPagesAtMost(Synthetic):
    """Reads two pages of a list, which was enough when it was written."""

    async def _rows(self, http: Http, asked: Asked) -> list[BookingRow]:
        return await _by_hand(http, asked, pages=2)


@exhibit(rule="PAGE-01", cause="otherwise")
class ListsWhatWasGivenUp(Synthetic):
    """Tells every booking of a list as cancelled."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        """The bookings, none of which takes place."""
        return [told_as(one, status="cancelled") for one in await super().list_bookings(http, query)]


@exhibit(31, rule="PAGE-02", cause="lost")
class PagesByHand(Synthetic):
    """Reads page after page once, whatever happens at the clinic meanwhile."""

    async def _rows(self, http: Http, asked: Asked) -> list[BookingRow]:
        return await _by_hand(http, asked)


@exhibit(31, rule="PAGE-02", cause="doubled")
class LooksForWhatWentAway(Synthetic):
    """Reads a list again when its first row has gone, and not when another one stands before it."""

    async def _rows(self, http: Http, asked: Asked) -> list[BookingRow]:
        while True:
            found = await _by_hand(http, asked)
            again = await _by_hand(http, asked, pages=1)
            if not found or not again or again[0].start <= found[0].start:
                return found


@exhibit(30, rule="PAGE-03", cause="taken_for_whole")
class StopsWhereACursorComesAgain(Synthetic):
    """Takes a cursor that it has seen for the end of the list."""

    async def _rows(self, http: Http, asked: Asked) -> list[BookingRow]:
        found: list[BookingRow] = []
        seen: set[str | None] = set()
        cursor: str | None = None
        while cursor not in seen:
            seen.add(cursor)
            reply = await http.get("bookings", params={**asked, "cursor": cursor})
            found += reply.read(list[BookingRow], at="/bookings")
            cursor = reply.data["cursor"]
            if cursor is None:
                break
        return found


@exhibit(32, rule="PAGE-03", cause="taken_for_whole")
class LinksElsewhereAreTheEnd(Synthetic):
    """Takes a link to another host for the end of the list."""

    async def _people(self, http: Http) -> list[PractitionerRow]:
        found: list[PractitionerRow] = []
        page = "1"
        while page:
            reply = await http.get("practitioners", params={"page": page})
            found += reply.read(list[PractitionerRow], at="/practitioners")
            link = urlsplit(reply.data["next"] or "")
            at_home = link.hostname == "api.synthetic.example"
            page = dict(parse_qsl(link.query)).get("page", "") if at_home else ""
        return found


@exhibit(33, rule="PAGE-03", cause="taken_for_whole")
class KeepsTheFirstPages(Synthetic):
    """Keeps the bookings that it has when a page does not come."""

    async def _rows(self, http: Http, asked: Asked) -> list[BookingRow]:
        found: list[BookingRow] = []
        cursor: str | None = None
        while True:
            reply = await http.get("bookings", params={**asked, "cursor": cursor}, expect={500, 502, 503, 504})
            if reply.status != 200:
                return found
            found += reply.read(list[BookingRow], at="/bookings")
            cursor = reply.data["cursor"]
            if cursor is None:
                return found


# ---- places


@exhibit(rule="CAT-07", cause="practitioner_elsewhere")
class EverybodyEverywhere(Synthetic):
    """Tells every practitioner at every department."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, with everybody's places."""
        places = frozenset(one.id for one in (await self.identify(http)).departments or ())
        return with_people(await super().catalogue(http), departments=lambda _: places)


@exhibit(rule="CAT-07", cause="practitioner_elsewhere")
class WhereTheFirstTypeIs(Synthetic):
    """Tells a practitioner at the department of the first of their types, and at no other."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, everybody at one place."""
        told = await super().catalogue(http)
        at = {who: told.service_by_id[kind].locations for who, kind in reversed(told.offer_by_ids)}
        return with_people(told, departments=lambda one: at.get(one.id))


# ---- patients on file


@exhibit(80, rule="BOOK-16", cause="another_record")
class TheRecordBefore(Synthetic):
    """Counts records from nought, and so books on the one that was made before."""

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """The number of the record, less one."""
        return str(int(await super().register_patient(http, request)) - 1)


@exhibit(rule="BOOK-16", cause="other_details")
class FamilyNameFirst(Synthetic):
    """Puts the family name where the given name belongs."""

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """The record, with its names the other way round."""
        patient = request.patient
        turned = patient.model_copy(update={"given_name": patient.family_name, "family_name": patient.given_name})
        return await super().register_patient(http, request.model_copy(update={"patient": turned}))


@exhibit(rule="BOOK-02", cause="unsent")
class EmailLeftOut(Synthetic):
    """Puts the patient on file without the e-mail address that it declares."""

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """The record, without the address."""
        patient = request.patient.model_copy(update={"email": None})
        return await super().register_patient(http, request.model_copy(update={"patient": patient}))


@exhibit(rule="BOOK-08", cause="same_reference")
class KnownReferenceIsATakenTime(Synthetic):
    """Takes the refusal of a reference that is in use for a time that is taken."""

    errors = _errors({"reference_in_use": SlotTaken})


@exhibit(rule="FAIL-12", cause="refused")
class KnowsEveryMember(Synthetic):
    """Reads the timebooks only as they are described today: a member more is refused."""

    class _Row(PractitionerRow, extra="forbid"):
        pass

    async def _people(self, http: Http) -> list[PractitionerRow]:
        return list(await http.pages("practitioners", items="/practitioners", next=ByLink("/next"), of=self._Row))


# ---- requests


@exhibit(59, rule="BOOK-17", cause="not_pending")
class AskedForIsBooked(Synthetic):
    """Reads a request as a booking that stands."""

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking, called booked while it waits."""
        told = await super().get_booking(http, booking)
        return told_as(told, status="booked") if told.status == "pending" else told


@exhibit(rule="BOOK-17", cause="not_booked")
class WaitsForEver(Synthetic):
    """Does not know the vendor's word for a yes that came later."""

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking, which waits whatever the clinic said."""
        told = await super().get_booking(http, booking)
        return told_as(told, status="pending") if told.status == "booked" else told


@exhibit(rule="BOOK-17", cause="not_declined")
class DeclinedStillWaits(Synthetic):
    """Does not know the vendor's word for a no."""

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking, which waits although the clinic said no."""
        told = await super().get_booking(http, booking)
        return told_as(told, status="pending") if told.status == "declined" else told


# ---- moves, links


@exhibit(rule="CNCL-08", cause="other_error")
class RefusedMoveIsAMistake(Synthetic):
    """Tells a new time that is taken as a mistake in what was asked."""

    errors = _errors({("reschedule", "slot_taken"): InvalidRequest})


@exhibit(rule="CNCL-08", cause="narrower")
class MovesWithinATimebook(Synthetic):
    """Moves a booking within its own practitioner's timebook only, and does not state so in its facts."""

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        """The moved booking, unless another practitioner is asked for."""
        if slot.practitioner_id != booking.practitioner_id:
            raise InvalidRequest("other_practitioner")
        return await super().reschedule(http, booking, slot)


@exhibit(rule="CNCL-08", cause="another")
class MovesByBookingAnew(Synthetic):
    """Moves a booking to the time that was asked for, and tells it under the number of the time."""

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        """The moved booking, with another number."""
        return told_as(await super().reschedule(http, booking, slot), id=str(slot.token).partition("-")[0])


@exhibit(rule="BOOK-21", cause="kept")
class OneDictForAll(Synthetic):
    """Puts what is sent together in a dict of the class, in which the patient before left what they had given."""

    facts: ClassVar[dict[str, Any]] = {}

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """A record with the facts that are there."""
        given = {name: getattr(request.patient, name) for name in type(request.patient).model_fields}
        self.facts.update({name: value for name, value in given.items() if value})
        patient = request.patient.model_copy(update=self.facts)
        return await super().register_patient(http, request.model_copy(update={"patient": patient}))


@exhibit(rule="BOOK-27", cause="not_given_back")
class HoldsToTheEnd(HoldsFirst):
    """Lets every hold end by itself."""

    async def release_slot(self, http: Http, hold_id: str) -> None:
        """Nothing is sent."""


@exhibit(rule="BOOK-27", cause="told_otherwise")
class HeldByAnotherIsAnOutage(HoldsFirst):
    """Sends who wants a time that somebody else holds away, to try again later."""

    errors = _errors({("hold_slot", "slot_taken"): VendorUnavailable})


@exhibit(rule="SLOT-19", cause="same_link")
class OneLinkForAll(SearchOnly):
    """Leads everybody to the clinic's front page."""

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        """The times, each with the same link."""
        found = await super().list_slots(http, query)
        return [one.model_copy(update={"link": "https://book.synthetic.example/"}) for one in found]


# ---- giving up


@exhibit(rule="CNCL-01", cause="refused")
class AsLongAReasonAsThereIs(Synthetic):
    """Gives the reason of a cancel whole, also where it is longer than the vendor takes."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """The booking given up."""
        return await super().cancel(http, booking, _Whole(**dict(reason)))


@exhibit(rule="CNCL-04", cause="late_lost")
class SaysNothingOfLateness(Synthetic):
    """Gives bookings up, and does not tell that one came late, as the vendor's answer does."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """The booking given up, early or late."""
        return (await super().cancel(http, booking, reason)).model_copy(update={"late": None})


class _Whole(CancelReason):
    def note(self, limit: int | None = None) -> str:
        """All of it."""
        return super().note()
