"""Failures that many defects share: the words that tell which of them it is."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from kobling import (
    Adapter,
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    Http,
    InvalidRequest,
    Limits,
)
from kobling_contract.runner import Result
from kobling_contract.synthetic.adapter import Synthetic
from kobling_contract.verdicts import Verdict
from kobling_easypractice.adapter import EasyPractice
from one_rule import run


def failing(rule: str, adapter: type[Adapter]) -> Result:
    told = run(rule, adapter)
    assert told.verdict is Verdict.FAIL, told
    return told


class ADayTooMany(Synthetic):
    """States one day more for a search than the vendor takes."""

    contract = 1
    limits: ClassVar[Limits] = Synthetic.limits.model_copy(
        update={"slots": Synthetic.limits.slots.model_copy(update={"days": 32})}
    )


def test_parts_that_the_vendor_refuses_send_to_what_is_asked() -> None:
    told = failing("SLOT-06", ADayTooMany)
    assert (told.cause, "Look at Limits.slots" in told.remedy) == ("missing", True)


class OfTheFirstClinic(Synthetic):
    """Keeps the first catalogue that was read, whoever's it is."""

    contract = 1
    kept: ClassVar[list[Catalogue]] = []

    async def catalogue(self, http: Http) -> Catalogue:
        self.kept.append(await super().catalogue(http))
        return self.kept[0]


def test_another_clinics_catalogue_is_told_as_that() -> None:
    OfTheFirstClinic.kept.clear()
    told = failing("CAT-01", OfTheFirstClinic)
    assert told.cause == "missing"
    assert "what was read for one clinic is kept" in told.remedy


class WantsTheMessage(Synthetic):
    """Stands for a vendor that takes no null: refuses what has none."""

    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        slot = request.slot.model_copy(update={"token": "x"})
        return await super().book(http, request.model_copy(update={"slot": slot}))


def test_a_booking_that_is_refused_tells_what_was_sent_as_null() -> None:
    assert failing("BOOK-01", WantsTheMessage).got.endswith("; no appointment; sent as null: message")


class TakesShortNumbers(Synthetic):
    """Its form takes fewer digits than the vendor gives."""

    contract = 1
    form = Synthetic.form.model_copy(
        update={"external_id": Synthetic.form.external_id.model_copy(update={"pattern": "[1-9]", "example": "1"})}
    )


def test_a_form_that_takes_less_than_the_vendor_gives_is_told_as_that() -> None:
    told = failing("CONN-01", TakesShortNumbers)
    assert told.cause == "not_taken"
    assert "before a call: InvalidConnection (pattern) at external_id" in told.got


class OnTheFirstDay(Synthetic):
    """Finds one booking by its reference, among those of the first day."""

    contract = 1
    limits: ClassVar[Limits] = Synthetic.limits.model_copy(
        update={"booking": Synthetic.limits.booking.model_copy(update={"listed_by": "reference"})}
    )

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        asked = query.model_copy(update={"last_day": query.first_day, "reference": None})
        return [one for one in await super().list_bookings(http, asked) if one.reference == query.reference]


def test_days_that_are_left_out_are_told_also_where_a_booking_is_found_by_its_reference() -> None:
    told = failing("BOOK-09", OnTheFirstDay)
    assert told.cause == "days_left_out"
    assert "the list of its day has it" in told.got


class AsksForYears(Synthetic):
    """Asks for more days than the vendor lists."""

    contract = 1

    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        last = query.first_day + timedelta(days=500)
        return await super().list_bookings(http, query.model_copy(update={"last_day": last}))


def test_a_list_that_the_vendor_refuses_is_not_told_as_one_that_cant_be_read() -> None:
    told = failing("BOOK-09", AsksForYears)
    assert told.cause == "not_taken"
    assert InvalidRequest.__name__ in told.got


class InUtc(Synthetic):
    """Takes the clinic's clock for Greenwich's."""

    contract = 1

    async def identify(self, http: Http) -> Clinic:
        return (await super().identify(http)).model_copy(update={"zone": "UTC"})


def test_days_of_another_clock_send_to_the_clinics_zone() -> None:
    told = failing("SLOT-05", InUtc)
    assert "The days are those of UTC, and the clinic's clock is Europe/Oslo: look at Clinic.zone." in told.remedy


class InWinterTime(EasyPractice):
    """Writes every time with the offset of the winter."""

    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        summer = (request.slot.local_start.utcoffset() or timedelta()) - timedelta(hours=1)
        slot = request.slot.model_copy(update={"start": request.slot.start + summer, "end": request.slot.end + summer})
        return await super().book(http, request.model_copy(update={"slot": slot}))


def test_a_fixed_offset_is_not_told_as_the_hosts_zone() -> None:
    told = failing("SLOT-14", InWinterTime)
    assert told.cause == "booked_elsewhere"
    assert "at the same one whatever the TZ of the process is" in told.remedy


class OnlyLooks(Synthetic):
    """Reads the booking that is to be cancelled, and is content."""

    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        await self.get_booking(http, booking)
        return Cancelled()


def test_a_cancel_that_was_never_sent_is_not_told_as_too_many_writes() -> None:
    told = failing("WIRE-08", OnlyLooks)
    assert (told.cause, told.got) == ("no_write", "0 writes, and told as Cancelled")
    assert "sent no cancel" in told.remedy
    assert "must send the vendor's own call" in told.look_at
    assert "GET" in told.exchange, "what it read instead is shown"
