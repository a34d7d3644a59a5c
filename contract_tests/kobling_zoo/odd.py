"""Odd adapters that are right: whatever they can prove, they must prove."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

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
    Http,
    Limits,
    SlotLimits,
    SlotProblem,
    SlotQuery,
    Slots,
)
from kobling.http import Pages
from kobling.localtime import comes_once
from kobling_contract import synthetic
from kobling_easypractice import EasyPractice
from kobling_eg_pasientsky import EgPasientsky
from kobling_eg_pasientsky.wire import search_body
from kobling_extensor import Extensor, inferred

from .alterations import with_services, with_slots

__all__ = ["ODD", "Odd"]

A = TypeVar("A", bound=type[Adapter])


@dataclass(frozen=True)
class Odd:
    """An odd adapter that is right. rules: those that its oddity touches; a full run asks for all."""

    adapter: type[Adapter]
    rules: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the adapter's class."""
        return self.adapter.__name__

    @property
    def about(self) -> str:
        """What is odd about it, in a sentence."""
        return " ".join((inspect.getdoc(self.adapter) or "").split())


ODD: dict[str, Odd] = {
    one.adapter.__name__: one
    for one in (
        Odd(synthetic.Synthetic, ("CONN-09", "PAGE-02", "CONN-10", "BOOK-16", "BOOK-01", "CNCL-08")),
        Odd(synthetic.ByRequest, ("BOOK-17", "CNCL-06", "BOOK-10", "CNCL-07")),
        Odd(synthetic.SearchOnly, ("SLOT-19", "SECR-06", "FAIL-09", "PAGE-01")),
    )
}


def odd(*rules: str) -> Callable[[A], A]:
    """Put the decorated adapter among the odd ones."""

    def add(adapter: A) -> A:
        adapter.contract = 1
        ODD[adapter.__name__] = Odd(adapter, rules)
        return adapter

    return add


def _limits(adapter: type[Adapter], **changes: Any) -> Limits:
    return adapter.limits.model_copy(update=changes)


# ---- windows, pages and rows


@odd("SLOT-01", "SLOT-06", "SLOT-09")
class DayByDay(EgPasientsky):
    """Can be asked for one day at a time only."""

    limits = _limits(EgPasientsky, slots=SlotLimits(days=1, per=("service",)))


@odd("SLOT-01", "SLOT-06", "SLOT-07")
class AYearAtOnce(Extensor):
    """Answers a year at once."""

    limits = _limits(Extensor, slots=SlotLimits(days=366, per=("practitioner",)))


@odd("SLOT-01", "SLOT-03", "SLOT-09")
class OneOfEach(Extensor):
    """Is asked for one practitioner and one service at a time, one question after the other."""

    limits = _limits(Extensor, slots=SlotLimits(days=14, per=("practitioner", "service"), together=1))


class _SmallPages:
    """An `Http` that asks for two rows a page."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def __getattr__(self, name: str) -> Any:
        return getattr(self._http, name)

    def pages(self, path: str, *parts: object, **more: Any) -> Pages[Any]:
        """The list, in pages of two rows."""
        return self._http.pages(
            path, *parts, **{**more, "next": ByNumber(size=("page_size", 2), last="/meta/last_page")}
        )


class _OwnClass(EasyPractice):
    contract = 1

    @classmethod
    def suited(cls, options: Any) -> type[Adapter]:
        """This class."""
        return cls


@odd("CAT-01", "SLOT-01", "BOOK-01")
class PagesOfTwo(_OwnClass):
    """Reads every list in pages of two rows."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, in small pages."""
        return await super().catalogue(_SmallPages(http))  # type: ignore[arg-type]


@odd("SLOT-01", "SLOT-02", "SLOT-07")
class BackToFront(Extensor):
    """Tells the last time first, as its vendor does."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times, backwards."""
        answer = await super().list_slots(http, query)
        return answer.model_copy(update={"found": answer.found[::-1]})


@odd("CAT-01", "CAT-06", "SLOT-02")
class CatalogueBackToFront(EgPasientsky):
    """Lists practitioners, services and offers in an order of its own."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, backwards."""
        told = await super().catalogue(http)
        offers = told.offers if isinstance(told.offers, tuple) else ()
        return told.model_copy(
            update={"practitioners": told.practitioners[::-1], "services": told.services[::-1], "offers": offers[::-1]}
        )


@odd("SLOT-01", "SLOT-02", "SLOT-03")
class TellsMoreThanAsked(EgPasientsky):
    """Reads a day more on either side, and tells some times twice; the SDK sorts that out."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times of more days than were asked for, the first ones twice."""
        day = timedelta(days=1)
        wider = query.model_copy(update={"first_day": query.first_day - day, "last_day": query.last_day + day})
        told = await super().list_slots(http, wider)
        return told.model_copy(update={"found": (*told.found, *told.found[:3])})


# ---- ids and tokens


@odd("SLOT-11", "BOOK-01", "BOOK-08")
class LongTokens(EgPasientsky):
    """Carries a long token through a slot, with more in it than the booking needs."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times with long tokens."""
        answer = await super().list_slots(http, query)
        more = {"signature": "x" * 4000, "nested": {"rows": [1, 2, 3], "none": None}}
        found = tuple(slot.model_copy(update={"token": {**slot.token, **more}}) for slot in answer.found)
        return answer.model_copy(update={"found": found})


@odd("SLOT-11", "BOOK-01", "BOOK-05")
class TokensThatChange(Extensor):
    """Has a vendor whose tokens are new at every reading."""

    readings: ClassVar[list[int]] = [0]

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times, with the number of the reading."""
        answer = await super().list_slots(http, query)
        self.readings[0] += 1
        number = self.readings[0]
        found = tuple(slot.model_copy(update={"token": {**slot.token, "reading": number}}) for slot in answer.found)
        return answer.model_copy(update={"found": found})


# ---- fewer capabilities


@odd("CONN-01", "SLOT-01", "CAT-01", "BOOK-01")
class ShowsOnly(Extensor):
    """Shows open times and books none."""

    book = Adapter.book
    cancel = Adapter.cancel
    get_booking = Adapter.get_booking
    list_bookings = Adapter.list_bookings  # type: ignore[assignment]
    reschedule = Adapter.reschedule


@odd("BOOK-01", "BOOK-08", "CNCL-02", "CNCL-06")
class BooksAndCancelsOnly(Extensor):
    """Can neither read a booking, nor list any, nor move one."""

    get_booking = Adapter.get_booking
    list_bookings = Adapter.list_bookings  # type: ignore[assignment]
    reschedule = Adapter.reschedule


@odd("BOOK-01", "SLOT-01", "WIRE-01", "CNCL-01", "FUZZ-04", "SECR-01")
class CannotKeepABooking(BooksAndCancelsOnly):
    """Can book at a vendor that is not known to refuse overlaps, and lists no bookings: nobody can book through it."""

    limits = _limits(
        BooksAndCancelsOnly, booking=BooksAndCancelsOnly.limits.booking.model_copy(update={"overlap": "unknown"})
    )


@odd("CNCL-06", "CNCL-07", "CNCL-05")
class MovesInTwoSteps(Extensor):
    """Moves a booking by making a new one and giving up the old one."""

    reschedule = Adapter.reschedule


@odd("CNCL-01", "CNCL-02", "CNCL-03", "CNCL-04", "CNCL-05", "MODEL-01")
class ReadsBeforeItCancels(Extensor):
    """Asks how a booking stands before it cancels it, and sends no cancel for one that is gone."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Look, and cancel what stands."""
        if (await self.get_booking(http, booking)).status == "cancelled":
            return Cancelled(already_gone=True)
        return await super().cancel(http, booking, reason)


@odd("BOOK-09", "BOOK-08")
class ListsWithoutReading(Extensor):
    """Lists bookings, and cannot read one alone."""

    get_booking = Adapter.get_booking


@odd("BOOK-22", "BOOK-09", "BOOK-18", "PAGE-01", "FUZZ-01")
class ListsByReference(Extensor):
    """Finds a booking by its reference, and cannot list a day."""

    limits = Extensor.limits.model_copy(
        update={"booking": Extensor.limits.booking.model_copy(update={"listed_by": "reference"})}
    )

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """The booking with that reference."""
        if query.reference is None:
            raise LookupError("nobody may ask for a day")
        listed = await super().list_bookings(http, query)
        found = tuple(one for one in listed.found if one.reference == query.reference)
        return listed.model_copy(update={"found": found})


# ---- other ways of asking


@odd("CONN-01", "CONN-03", "CONN-07")
class TellsNoDepartments(Extensor):
    """Says nothing of the clinic but its name, and states so."""

    limits = _limits(Extensor, catalogue=Extensor.limits.catalogue.model_copy(update={"departments": "nowhere"}))

    async def identify(self, http: Http) -> Clinic:
        """The clinic's name."""
        told = await super().identify(http)
        return Clinic(name=told.name, zone=told.zone)


@odd("CAT-01", "SLOT-01", "FAIL-01")
class OneAfterTheOther(Extensor):
    """Sends no two calls together."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, its lists read one after the other, and remembered."""
        await http.get(inferred.PRACTITIONERS, fresh_for=60)
        await http.get(inferred.SERVICES, fresh_for=60)
        return await super().catalogue(http)


@odd("BOOK-01", "BOOK-02", "BOOK-08")
class LooksBeforeItBooks(EgPasientsky):
    """Reads once more before its one write."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """A look, then the booking."""
        today = request.slot.start.date()
        await http.query("search", json=search_body(today, today, details=today))
        return await super().book(http, request)


@odd("BOOK-01", "BOOK-10", "CNCL-01")
class SaysLittleOfABooking(Extensor):
    """Tells the id and the status of a booking, and nothing else."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and say little."""
        told = await super().book(http, request)
        return Booking(id=told.id, status=told.status)


@odd("SLOT-01", "SLOT-12", "SLOT-13")
class NamesTheZoneOtherwise(EasyPractice):
    """Has its clinic in a zone of another name with the same clock."""

    @classmethod
    def suited(cls, options: Any) -> type[Adapter]:
        """This class."""
        return cls

    async def identify(self, http: Http) -> Clinic:
        """The clinic, by the zone that the vendor's own clients use."""
        return (await super().identify(http)).model_copy(update={"zone": "Europe/Copenhagen"})


@odd("SLOT-01", "SLOT-13", "SLOT-14", "MODEL-03")
class NamesNoTimeOfTheRepeatedHour(_OwnClass):
    """Has a vendor that is booked by what the clock on the wall shows, so that it can't say which 02:30 is meant, and
    leaves both out."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times that a booking can name."""
        answer = await super().list_slots(http, query)
        zone = self.clinic.zone if self.clinic else "Europe/Oslo"
        named = tuple(slot for slot in answer.found if comes_once(slot.start, zone))
        left_out = (SlotProblem(because="repeated_hour"),) * (len(answer.found) - len(named))
        return answer.model_copy(update={"found": named, "problems": (*answer.problems, *left_out)})


@odd("FAIL-02", "SLOT-01", "BOOK-01")
class SlowAndCareful(EasyPractice):
    """Has a vendor that takes thirty calls a minute."""

    @classmethod
    def suited(cls, options: Any) -> type[Adapter]:
        """This class."""
        return cls

    limits = _limits(EasyPractice, rate=CallRate(calls=30, per=60, scope="key"))


@odd("SLOT-01", "SLOT-06", "SLOT-16", "SLOT-02", "SLOT-03", "SLOT-08")
class ThirtyCallsAMinute(Extensor):
    """Has a vendor that takes thirty calls a minute, and is asked for one practitioner, one type and one day at a
    time, so that a search takes minutes."""

    limits = _limits(
        Extensor,
        slots=SlotLimits(days=1, per=("practitioner", "service"), together=1),
        rate=CallRate(calls=30, per=60, scope="key"),
    )


# ---- a department in every call


@odd("CAT-01", "SLOT-01", "SLOT-04", "BOOK-01", "CAT-07", "SLOT-09", "PAGE-01", "MODEL-01")
class ADepartmentInEveryCall(Extensor):
    """Has a vendor that wants a department in every call: a connection leads to one, and shows what it receives."""

    form = Extensor.form.model_copy(
        update={"department_id": Extensor.form.department_id.model_copy(update={"use": "required"})}
    )

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue of one department: services that are received elsewhere are not in it."""
        told = await super().catalogue(http)
        here = self.connection.department_id
        services = tuple(one for one in told.services if one.locations is None or here in one.locations)
        kept = {one.id for one in services}
        offers = told.offers if isinstance(told.offers, tuple) else ()
        return told.model_copy(
            update={"services": services, "offers": tuple(one for one in offers if one.service_id in kept)}
        )


@odd("CAT-01", "CAT-07", "SLOT-01", "SLOT-04", "SLOT-10", "SLOT-11", "BOOK-01", "MODEL-02")
class ShowsWhatItHasAsItsOwn(ADepartmentInEveryCall):
    """Has a vendor that wants a department in every call, and says of what it is then shown that it is there."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue of one department, all of it received there."""
        return with_services(await super().catalogue(http), locations=lambda _: self._here)

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times of one department, all of them there."""
        return with_slots(await super().list_slots(http, query), location_id=lambda _: self.connection.department_id)

    @property
    def _here(self) -> frozenset[str]:
        return frozenset({self.connection.department_id or ""})


@odd("CAT-01", "SLOT-01", "SLOT-04", "SLOT-10", "SLOT-11", "BOOK-01")
class LeavesThePlaceToTheConnection(ADepartmentInEveryCall):
    """Has a vendor that wants a department in every call, and tells of no time where it is: where the call asked."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue of one department."""
        return with_services(await super().catalogue(http), locations=lambda _: None)

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times of one department."""
        return with_slots(await super().list_slots(http, query), location_id=lambda _: None)
