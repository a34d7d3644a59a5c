"""Faults planted in EasyPractice's adapter: pages, computed times, patients' records, overlaps that must be settled."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from types import GenericAlias
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from kobling import (
    Adapter,
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Bookings,
    ByNumber,
    CallRate,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    CredentialsRejected,
    ErrorMap,
    Http,
    PublicConnection,
    SakID,
    Slot,
    SlotProblem,
    SlotQuery,
    Slots,
)
from kobling.http import Pages
from kobling.localtime import comes_once, day_bounds
from kobling_easypractice import EasyPractice, inferred, wire
from kobling_easypractice.adapter import OverlapsRefused
from kobling_easypractice.opentimes import CalendarDay, ClockSpan
from kobling_easypractice.options import ClinicSettings

from .alterations import Memory, kept, told_as
from .exhibit import exhibit

OSLO = ZoneInfo("Europe/Oslo")
ERRORS = inferred.ERRORS


class _Whatever(EasyPractice):
    """The adapter, whatever the options say of its clinic: a fault must not go away with an option."""

    contract = 1

    @classmethod
    def suited(cls, options: Any) -> type[Adapter]:
        """This class."""
        return cls


# ---- keys


@exhibit(8, rule="CONN-08", cause="wrong_reason")
class ForbiddenIsAWrongKey(_Whatever):
    """Tells what a key may not do as a key that is wrong."""

    errors = ErrorMap(codes=ERRORS.codes, statuses={**ERRORS.statuses, 403: CredentialsRejected}, code=ERRORS.code)


# ---- pages


class _FirstPages:
    """An `Http` whose lists end after the first page."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def __getattr__(self, name: str) -> Any:
        return getattr(self._http, name)

    def pages(self, path: str, *parts: object, **more: Any) -> Pages[Any]:
        """One page of ten rows, as the vendor gives when nobody says how many."""
        return self._http.pages(path, *parts, **{**more, "next": ByNumber(size=("page_size", 2), last="/meta/from")})


@exhibit(29, rule="CAT-01", cause="missing")
class FirstPageOnly(_Whatever):
    """Reads the first page of a list."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, as far as the first pages show it."""
        return await super().catalogue(_FirstPages(http))  # type: ignore[arg-type]


class _AsMuchAsFits(_FirstPages):
    """An `Http` whose lists are one page, the largest that the vendor gives."""

    async def pages(self, path: str, *parts: object, **more: Any) -> list[Any]:  # type: ignore[override]
        """The first two hundred rows."""
        reply = await self._http.get(path, *parts, params={**(more.get("params") or {}), "page_size": 200})
        rows: Any = GenericAlias(list, (more["of"],))
        return list(reply.read(rows, at="/data"))


@exhibit(29, rule="PAGE-01", cause="missing")
class TheLargestPage(_Whatever):
    """Asks for the largest page that there is, and takes it for the whole list."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, as far as it fits on a page each."""
        return await super().catalogue(_AsMuchAsFits(http))  # type: ignore[arg-type]


@exhibit(rule="PAGE-01", cause="missing")
class LaterPagesIfOffered(_Whatever):
    """Keeps every service of a list's first page, and of later ones only what can be booked."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, with some of its services."""
        told = await super().catalogue(http)
        page = await http.get("services", params={"page_size": 200})
        first = {one.id for one in page.read(tuple[wire.Service, ...], at="/data")}
        kept = first | {kind for who, kind in told.offer_by_ids if told.bookable(who, kind)}
        return told.model_copy(
            update={
                "services": tuple(one for one in told.services if one.id in kept),
                "offers": tuple(offer for ids, offer in told.offer_by_ids.items() if ids[1] in kept),
            }
        )


class _FirstPauses(_FirstPages):
    """An `Http` that shows the first page of a calendar's pauses, and every other list whole."""

    def pages(self, path: str, *parts: object, **more: Any) -> Pages[Any]:
        """A list, or its beginning."""
        if path.endswith("pauses"):
            return super().pages(path, *parts, **more)
        return self._http.pages(path, *parts, **more)


@exhibit(rule="PAGE-01", cause="invented")
class FewPauses(_Whatever):
    """Takes it that nobody has more pauses than fit on a page."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times around the first pauses."""
        return await super().list_slots(_FirstPauses(http), query)  # type: ignore[arg-type]


class _Alone(_FirstPages):
    """An `Http` that asks for one calendar's bookings."""

    def __init__(self, http: Http, calendar_id: str) -> None:
        super().__init__(http)
        self._calendar_id = calendar_id

    def pages(self, path: str, *parts: object, **more: Any) -> Pages[Any]:
        """A list, of bookings that calendar's."""
        if path == "bookings":
            more["params"] = {**more["params"], "calendar_id": self._calendar_id}
        return self._http.pages(path, *parts, **more)


@exhibit(rule="SLOT-17", cause="invented")
class ForgetsWhatIsLinked(_Whatever):
    """Reads the bookings of one calendar only where one is asked for, also where another's take its time."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times."""
        only = query.practitioner_ids
        asked: Any = _Alone(http, only[0]) if len(only) == 1 else http
        return await super().list_slots(asked, query)


@exhibit(rule="SLOT-17", cause="missing")
class CountsWhatIsCancelled(_Whatever):
    """Counts cancelled bookings, too, where a calendar takes so many a day."""

    def _calendar_days(self, calendar_id: str, plan: Any, query: SlotQuery, bookings: Any) -> Any:
        days = Counter(one.start.astimezone(OSLO).date() for one in bookings if one.calendar_id == calendar_id)
        for day in super()._calendar_days(calendar_id, plan, query, bookings):
            yield replace(day, booked=days[day.day])


@exhibit(33, rule="SLOT-09", cause="silent_gap")
class PartOfAList(_Whatever):
    """Reads pages by itself, and keeps what it has when one of them fails."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times of the calendars on the pages that could be read."""
        answer = await super().list_slots(http, query)
        shown: set[str] = set()
        for page in range(1, 6):
            asked = {"page": page, "page_size": 1}
            reply = await http.get("calendars", params=asked, expect={500, 502, 503, 504})
            if reply.status >= 500:
                break
            shown |= {str(row["id"]) for row in reply.data["data"]}
        return kept(answer, lambda slot: slot.practitioner_id in shown)


class _PageAfterPage:
    """An `Http` whose lists are read once, page after page."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def __getattr__(self, name: str) -> Any:
        return getattr(self._http, name)

    async def pages(self, path: str, *parts: object, **more: Any) -> list[Any]:
        """Every page as it is when its turn comes."""
        found: list[Any] = []
        page, last = 1, 1
        while page <= last:
            asked = {**(more.get("params") or {}), "page_size": 200, "page": page}
            reply = await self._http.get(path, *parts, params=asked)
            rows: Any = GenericAlias(list, (more["of"],))
            found += reply.read(rows, at="/data")
            page, last = page + 1, reply.read(int, at="/meta/last_page")
        return found


@exhibit(31, rule="PAGE-02", cause="invented")
class BookingsWhileTheyMove(_Whatever):
    """Counts on bookings that it read page after page, whatever was moved meanwhile."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times that no booking on any page takes."""
        return await super().list_slots(_PageAfterPage(http), query)  # type: ignore[arg-type]


# ---- computed times


class _Days(_Whatever):
    """Where the faults of computed times are: in the days that they are computed from."""

    contract = 1

    def _calendar_days(self, *given: Any) -> Iterable[CalendarDay]:
        return (self._seen(day) for day in super()._calendar_days(*given))

    def _seen(self, day: CalendarDay) -> CalendarDay:
        raise NotImplementedError


@exhibit(21, rule="SLOT-12", cause="invented")
class InventsTheMissingHour(_Whatever):
    """Counts on from midnight, so that there is a 02:30 in the night when the clock goes forward."""

    def _slots(self, now: datetime, calendar_id: str, calendar: CalendarDay, service: wire.Service) -> Iterable[Slot]:
        yield from super()._slots(now, calendar_id, calendar, service)
        hours, minutes = calendar.hours, timedelta(minutes=service.minutes)
        for minute in range(hours.begins, hours.ends, 30) if hours else ():
            wall = datetime.combine(calendar.day, clock_time(minute // 60, minute % 60), OSLO)
            start = wall.astimezone(UTC)
            if start.astimezone(OSLO).replace(tzinfo=None) != wall.replace(tzinfo=None):
                yield Slot(practitioner_id=calendar_id, service_id=service.id, start=start, end=start + minutes)


@exhibit(rule="SLOT-13", cause="not_mentioned")
class SilentAboutTheRepeatedHour(_Whatever):
    """Leaves out what the clock on the wall shows twice, and tells nobody."""

    def _slots(self, *given: Any) -> Iterable[Slot]:
        return (slot for slot in super()._slots(*given) if comes_once(slot.start, OSLO))


@exhibit(rule="SLOT-13", cause="missing")
class OneHalfOfTheRepeatedHour(_Whatever):
    """Leaves the second half of the repeated hour out, and says so, although the first names the same clock time."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times, without the second half."""
        answer = await super().list_slots(http, query)
        first = kept(answer, lambda slot: not slot.start.astimezone(OSLO).fold)
        return first.model_copy(update={"problems": (SlotProblem(because="repeated_hour"),)})


@exhibit(27, rule="SLOT-15", cause="missing")
class YearsOf52Weeks(_Days):
    """Knows 52 weeks in a year: what is in the 53rd is not there."""

    def _seen(self, day: CalendarDay) -> CalendarDay:
        return replace(day, hours=None) if day.day.isocalendar().week > 52 else day


@exhibit(48, rule="SLOT-08", cause="invented")
class IgnoresPauses(_Days):
    """Computes open times without the clinic's pauses."""

    def _seen(self, day: CalendarDay) -> CalendarDay:
        return replace(day, pauses=())


@exhibit(rule="SLOT-01", cause="invented")
class IgnoresBookings(_Days):
    """Computes open times without the bookings that stand."""

    def _seen(self, day: CalendarDay) -> CalendarDay:
        return replace(day, busy=())


@exhibit(rule="CONN-11", cause="half_blind")
class TrustsEveryToken(_Whatever):
    """Takes an employee's token for one that shows every booking."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic, of which everything can be seen."""
        return (await super().identify(http)).model_copy(update={"can": None})


@exhibit(rule="SLOT-05", cause="invented")
class ForgetsTheEveningBefore(_Whatever):
    """Knows no booking that began before the window."""

    def _calendar_days(
        self, calendar_id: str, plan: Any, query: SlotQuery, bookings: list[wire.Booking]
    ) -> Iterable[CalendarDay]:
        begin, _ = day_bounds(query.first_day, query.last_day, OSLO)
        known = [one for one in bookings if one.start >= begin]
        return super()._calendar_days(calendar_id, plan, query, known)


@exhibit(26, rule="SLOT-14", cause="booked_elsewhere")
class BooksByTheHostsClock(_Whatever):
    """Writes the time that it books as the host's clock shows it, and the host need not stand in the clinic's zone."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, as late or early as the host's clock is."""
        off = timedelta(seconds=-time.timezone)
        slot = request.slot.model_copy(update={"start": request.slot.start + off, "end": request.slot.end + off})
        return await super().book(http, request.model_copy(update={"slot": slot}))


# ---- booking


class _TrustsTheVendor(_Whatever):
    """The adapter for a clinic whose system refuses overlaps, at a clinic whose system does not."""

    contract = 1
    limits = OverlapsRefused.limits
    reschedule = OverlapsRefused.reschedule


@exhibit(54, rule="BOOK-06", cause="two_told_yes")
class TrustsTheVendor(_TrustsTheVendor):
    """Believes that this vendor refuses a second booking of a time, and looks for none."""


@exhibit(54, rule="BOOK-05", cause="told_booked")
class TrustsItAgain(_TrustsTheVendor):
    """Believes it also where somebody had the time a moment ago."""


@exhibit(81, rule="SECR-03", cause="register_read")
class SearchesTheClinicsClients(_Whatever):
    """Reads the clinic's register to find a patient."""

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """Look through everybody, then add a record."""
        await http.get("clients", params={"page_size": 200})
        return await super().register_patient(http, request)


@exhibit(58, rule="BOOK-02", cause="no_sak_id")
class WritesNoNote(_Whatever):
    """Adds the patient without the note that carries reference and SakID."""

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """Only the name."""
        reply = await http.post("clients", json={"name": request.patient.name})
        return reply.read(wire.Client, at="/data").id


@exhibit(rule="BOOK-02", cause="no_sak_id")
class WritesItLarge(_Whatever):
    """Writes the SakID in capitals, so that one with small letters becomes another case."""

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """The record, with the SakID in capitals in its note."""
        large = SakID(request.sak_id.value.upper()) if request.sak_id else None
        return await super().register_patient(http, request.model_copy(update={"sak_id": large}))


@exhibit(39, rule="CNCL-06", cause="not_once")
class CancelsNothing(_Whatever):
    """Tells a booking as given up without giving it up, so that one that is moved stands twice."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Look at it, and be content."""
        await self.get_booking(http, booking)
        return Cancelled()


# ---- what only the clinic's own settings tell


class _Settings(_Whatever):
    """Where the faults of settings are: in what becomes of the clinic's options."""

    contract = 1
    forgotten: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, connection: PublicConnection, options: ClinicSettings, clinic: Clinic | None = None) -> None:
        super().__init__(connection, options.model_copy(update=self.forgotten), clinic)


@exhibit(47, rule="SLOT-16", cause="invented")
class NoLeadTime(_Settings):
    """Offers times until they begin, whatever the clinic's deadline."""

    forgotten: ClassVar[Mapping[str, Any]] = {"lead_time_hours": 0}


@exhibit(48, rule="SLOT-17", cause="invented")
class NoLinkedCalendars(_Settings):
    """Computes a calendar's times without the bookings of those that share its room."""

    forgotten: ClassVar[Mapping[str, Any]] = {"linked_calendars": {}}


@exhibit(48, rule="SLOT-17", cause="invented")
class NoDailyLimit(_Settings):
    """Offers more times on a day than the clinic takes."""

    forgotten: ClassVar[Mapping[str, Any]] = {"daily_limits": {}}


@exhibit(48, rule="SLOT-17", cause="missing")
class StepsOfHalfAnHour(_Settings):
    """Counts steps of half an hour, whatever the clinic's are."""

    forgotten: ClassVar[Mapping[str, Any]] = {"intervals": {"*": 30}}


@exhibit(48, rule="SLOT-17", cause="missing")
class StepsFromTheFullHour(_Days):
    """Counts the steps from the full hour instead of from when the day begins."""

    def _seen(self, day: CalendarDay) -> CalendarDay:
        if day.hours is None:
            return day
        return replace(day, hours=ClockSpan(-(-day.hours.begins // 60) * 60, day.hours.ends))


# ---- whose record


@exhibit(80, rule="BOOK-15", cause="another_record")
class FindsThePatientByTelephone(_Whatever):
    """Takes the record of whoever has the patient's telephone number."""

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """The record that is there, else a new one."""
        reply = await http.get("clients", params={"page_size": 200})
        known = {row["phone"]: str(row["id"]) for row in reply.data["data"]}
        return known.get(request.patient.phone) or await super().register_patient(http, request)


# ---- what only a whole story shows


@exhibit(rule="MODEL-01", cause="refused_wrongly")
class KeepsTheList(_Whatever):
    """Keeps the list of bookings for ten minutes, and forgets it only when it books itself."""

    memory: ClassVar[Memory] = Memory(600)

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The bookings of a moment ago, else those of now."""
        asked = (query.first_day, query.last_day, query.practitioner_ids, query.reference)
        known: Bookings | None = self.memory.recall(self.connection, asked, http.now)
        if known is None:
            known = self.memory.keep(self.connection, asked, await super().list_bookings(http, query), http.now)
        return known

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and forget the list."""
        self.memory.forget(self.connection)
        return await super().book(http, request)


@exhibit(rule="MODEL-02", cause="false_not_booked")
class SureAtOnce(_Whatever):
    """Holds that a booking is carried out within five seconds or never, since it was always so."""

    limits = EasyPractice.limits.model_copy(
        update={
            "booking": EasyPractice.limits.booking.model_copy(
                update={
                    "latest_commit": 5.0,
                    "sources": {**EasyPractice.limits.booking.sources, "latest_commit": "it was always so"},
                }
            )
        }
    )


@exhibit(rule="BOOK-09", cause="not_found")
class DoesNotKnowItsOwn(_Whatever):
    """Lists every booking without the reference that it was made for."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The bookings as they are for somebody who looks for no reference."""
        return await super().list_bookings(http, query.model_copy(update={"patient_id": None}))


@exhibit(54, rule="MODEL-04", cause="no_order")
class BookingsAreAMinuteLong(_Whatever):
    """Reads of each booking only when it begins, so that it meets no other that begins later."""

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The bookings, each a minute long."""
        listed = await super().list_bookings(http, query)
        short = tuple(told_as(one, end=one.start + timedelta(minutes=1)) for one in listed.found if one.start)
        return listed.model_copy(update={"found": short})


@exhibit(54, rule="MODEL-05", cause="overlap")
class TrustsItToTheEnd(_TrustsTheVendor):
    """Believes that this vendor refuses a second booking of a time, also of one that is a little later."""


@exhibit(rule="CNCL-09", cause="still_stands")
class CancelsInOneWay(_Whatever):
    """Cancels by setting the status, also where the clinic's options say that bookings are deleted."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Cancel by status."""
        await http.patch("bookings/{}", booking.id, json={"status": inferred.CANCELLED})
        return Cancelled()


@exhibit(rule="BOOK-06", cause="too_fast")
class TenTimesAsFast(_Whatever):
    """Takes six hundred calls a minute for allowed, of which the vendor takes sixty."""

    limits = EasyPractice.limits.model_copy(update={"rate": CallRate(calls=600, per=60, scope="key")})


@exhibit(rule="FAIL-02", cause="too_fast")
class HalfAsFastAgain(_Whatever):
    """Takes ninety calls a minute for allowed."""

    limits = EasyPractice.limits.model_copy(update={"rate": CallRate(calls=45, per=30, scope="key")})


@exhibit(rule="FAIL-02", cause="too_fast")
class NoLimitStated(_Whatever):
    """States no limit on calls, though the vendor has one."""

    limits = EasyPractice.limits.model_copy(update={"rate": None})
