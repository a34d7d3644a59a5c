"""What is told of a booking is what the vendor answered, and not what was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from kobling import (
    Adapter,
    Booking,
    BookingNotFound,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    Http,
    Slot,
    VendorProtocolError,
)
from kobling_contract.contract import chosen
from kobling_contract.runner import Result, run_rule
from kobling_contract.synthetic.adapter import Synthetic
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from kobling_mocks.clinic import Clinic


class Unread(Synthetic):
    """Reads no booking back by its id."""

    contract = 1
    get_booking = Adapter.get_booking


class Echoes(Unread):
    """Tells a fact of the request as one of the booking."""

    contract = 1
    facts: tuple[str, ...] = ()

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        made = await super().book(http, request)
        said: dict[str, Any] = {name: getattr(request.slot, name) for name in self.facts}
        return made.model_copy(update=said)


class EchoesTheTime(Echoes):
    contract = 1
    facts = ("start", "end")


class EchoesThePractitioner(Echoes):
    contract = 1
    facts = ("practitioner_id",)


def booked(adapter: type[Adapter]) -> Result:
    return run_rule(chosen(["BOOK-01"])[0], find_target("synthetic", adapter), 1, repeats=0)


@pytest.mark.parametrize(("adapter", "fact"), [(EchoesTheTime, "start"), (EchoesThePractitioner, "practitioner_id")])
def test_what_the_request_said_is_not_told_in_the_place_of_the_answer(adapter: type[Adapter], fact: str) -> None:
    told = booked(adapter)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "echoed")
    assert told.expected == f"another {fact} than was asked for, as in the answer, or an error"


def test_what_was_read_from_the_answer_is_told_as_it_says() -> None:
    told = booked(Unread)
    assert told.verdict is Verdict.PASS
    assert [one.partition(":")[0] for one in told.evidence[-4:]] == [
        f"an answer with another {fact}{when}"
        for fact in ("start", "practitioner_id") for when in ("", ", and no reading afterwards")
    ]  # fmt: skip


class MovesAsAsked(Unread):
    """Tells of a moved booking what was asked for."""

    contract = 1

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        moved = await super().reschedule(http, booking, slot)
        return moved.model_copy(update={"start": slot.start, "end": slot.end})


class MovesAsAskedAndReads(MovesAsAsked):
    """Does so, and reads bookings by their ids: the SDK sees it wherever that reading comes."""

    contract = 1
    get_booking = Synthetic.get_booking


def test_a_moved_booking_is_told_where_the_answer_has_it() -> None:
    (rule,) = chosen(["CNCL-08"])
    for adapter in (MovesAsAsked, MovesAsAskedAndReads):
        told = run_rule(rule, find_target("synthetic", adapter), 1, repeats=0)
        assert (told.verdict, told.cause) == (Verdict.FAIL, "echoed")
    for good in (Unread, Synthetic):
        evidence = run_rule(rule, find_target("synthetic", good), 1, repeats=0).evidence
        assert [one for one in evidence if one.startswith("an answer with the old time: told as")]


class LooksBeforeItCancels(Synthetic):
    """Reads the booking first, so that the answers hold both words for its state."""

    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        await http.get("bookings/{}", booking.id)
        return await super().cancel(http, booking, reason)


class LooksOnlyBefore(LooksBeforeItCancels):
    """Reads the answer to the cancel itself, and does not look at what it says."""

    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        await http.get("bookings/{}", booking.id)
        answer = await http.delete("bookings/{}", booking.id, json={"reason": ""})
        answer.read(str, at="/booking/status")
        return Cancelled()


def test_an_answer_that_says_that_the_booking_stands_is_looked_at_by_who_reads_first_too() -> None:
    (rule,) = chosen(["CNCL-05"])
    told = run_rule(rule, find_target("synthetic", LooksOnlyBefore), 1, repeats=0)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "not_looked_at")
    good = run_rule(rule, find_target("synthetic", LooksBeforeItCancels), 1, repeats=0)
    assert good.verdict is Verdict.PASS
    said = "an answer to a cancel that says confirmed, as before the cancel, is told as"
    assert any(one.startswith(said) for one in good.evidence)


class AnythingElseIsCancelled(Synthetic):
    """Takes every word but that for a booking that stands for a yes."""

    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        answer = await http.delete("bookings/{}", booking.id, json={"reason": ""})
        if answer.read(str, at="/booking/status") == "confirmed":
            raise VendorProtocolError("not_cancelled")
        return Cancelled()


def test_a_word_that_nobody_knows_is_no_yes_to_a_cancel() -> None:
    told = run_rule(chosen(["CNCL-05"])[0], find_target("synthetic", AnythingElseIsCancelled), 1, repeats=0)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "not_looked_at")
    assert "says ukjent_ord, which nobody knows" in told.expected


class AnyAnswerIsBooked(Synthetic):
    """Takes every good answer to a booking for a booking that is accepted."""

    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        return (await super().book(http, request)).model_copy(update={"status": "booked"})


def test_what_waits_is_not_told_as_booked_where_it_can_not_be_read_afterwards() -> None:
    (rule,) = chosen(["BOOK-10"])
    told = run_rule(rule, find_target("synthetic", AnyAnswerIsBooked), 1, repeats=0)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "false_booked")
    assert "it can't be read afterwards" in told.expected


class DeclinedIsCancelled(Synthetic):
    """Tells a booking that the clinic has declined as one that it called off."""

    contract = 1

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        found = await super().get_booking(http, booking)
        return found.model_copy(update={"status": "cancelled"}) if found.status == "declined" else found


def test_a_vendors_own_word_for_declined_is_read_as_it_is() -> None:
    (rule,) = chosen(["BOOK-17"])
    told = run_rule(rule, find_target("synthetic", DeclinedIsCancelled), 1, repeats=0)
    assert (told.verdict, told.cause, told.got) == (Verdict.FAIL, "not_declined", "cancelled")


class HeldIsGone(Synthetic):
    """Looks at a booking before it cancels, and takes whatever does not stand for given up."""

    contract = 1

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        if (await self.get_booking(http, booking)).status == "attended":
            raise BookingNotFound
        return await super().cancel(http, booking, reason)


def test_what_was_held_is_not_told_as_given_up() -> None:
    (rule,) = chosen(["CNCL-04"])
    told = run_rule(rule, find_target("synthetic", HeldIsGone), 1, repeats=0)
    assert (told.verdict, told.cause) == (Verdict.FAIL, "told_gone")
    assert told.expected == "TooLateToChange: the patient has come"


@pytest.mark.parametrize(
    ("said", "verdict"), [("patient", Verdict.FAIL), ("clinic", Verdict.FAIL), ("registry", Verdict.PASS)]
)
def test_on_whose_behalf_a_booking_is_cancelled_stands_as_it_was(
    said: str, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gives it up, the vendor is told the same."""
    cancel = Clinic.cancel

    def told_to_the_vendor(clinic: Clinic, appointment_id: str, *, by: Any, reason: str = "") -> Any:
        assert by == "registry"
        return cancel(clinic, appointment_id, by=said, reason=reason)

    monkeypatch.setattr(Clinic, "cancel", told_to_the_vendor)
    told = run_rule(chosen(["CNCL-01"])[0], find_target("synthetic"), 1, repeats=0)
    assert (told.verdict, told.cause) == (verdict, "by_another" if verdict is Verdict.FAIL else "")
