"""What the engine makes impossible: an adapter tries it, and nothing comes of it; with the guard off, something does.

A story takes the adapter and says what happened that must not, "" for nothing. Most stories are a rule of the suite,
which holds with the guard and is broken without it.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import randrange
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4
from zoneinfo import ZoneInfo

from kobling import (
    Adapter,
    Booking,
    BookingRef,
    BookingRequest,
    ByLink,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    Http,
    KoblingError,
    Limits,
    OutcomeUnknown,
    Slot,
    SlotQuery,
    Slots,
    SlotTaken,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling.adapter import ContractError, check_adapter
from kobling.commands import Sleep
from kobling_contract.contract import chosen
from kobling_contract.leaks import told_by_error
from kobling_contract.rig import PATIENT, Rig
from kobling_contract.runner import run_rule
from kobling_contract.sides import Escaped, Mode
from kobling_contract.target import find_target
from kobling_contract.verdicts import Verdict
from kobling_easypractice import EasyPractice, wire
from kobling_eg_pasientsky import EgPasientsky
from kobling_extensor import Extensor, inferred
from kobling_mocks.clinic import synthetic_clinic

from . import guards
from .guards import Guard

__all__ = ["ATTEMPTS", "Attempt", "Unclear", "examined"]

OSLO = ZoneInfo("Europe/Oslo")
SEED = 7
TEST = "contract_tests/tests/test_what_the_engine_forbids.py::test_what_an_adapter_tries_comes_to_nothing"
A = TypeVar("A", bound=type[Adapter])
Story = Callable[[type[Adapter]], str]
Work = Callable[[Rig], Awaitable[str]]
MODES: tuple[Mode, ...] = ("async", "sync")


class Unclear(Exception):
    """A story came to an end that shows neither that the guard holds nor that it does not."""


@dataclass(frozen=True)
class Attempt:
    """An adapter that tries one fault, the guard that it meets, and the story in which it tries. fault: its number in
    `faults.py`, 0 for one beyond that list."""

    fault: int
    adapter: type[Adapter]
    guard: Guard
    story: Story

    @property
    def name(self) -> str:
        """The name of the adapter's class."""
        return self.adapter.__name__

    @property
    def about(self) -> str:
        """What it tries, in a sentence."""
        return " ".join((inspect.getdoc(self.adapter) or "").split())

    @property
    def test(self) -> str:
        """The test in which it tries."""
        return f"{TEST}[{self.fault or 'beyond'}-{self.name}]"


ATTEMPTS: dict[str, Attempt] = {}


def attempt(fault: int, guard: Guard, story: Story) -> Callable[[A], A]:
    """Put the decorated adapter among those that try what the engine forbids."""

    def add(adapter: A) -> A:
        adapter.contract = 1
        ATTEMPTS[adapter.__name__] = Attempt(fault, adapter, guard, story)
        return adapter

    return add


def examined(one: Attempt) -> tuple[str, str]:
    """What happened with the guard, which must be nothing, and without it, which must not."""
    held = one.story(one.adapter)
    with one.guard.off():
        return held, one.story(one.adapter)


# ---- kinds of stories


def by_rule(rule_id: str, cause: str) -> Story:
    """The rule holds; when the fault happens it is broken for this cause."""

    def story(adapter: type[Adapter]) -> str:
        (rule,) = chosen([rule_id])
        result = run_rule(rule, find_target(adapter.key, adapter), SEED, repeats=0)
        if result.verdict is Verdict.PASS:
            return ""
        if (result.verdict, result.cause) == (Verdict.FAIL, cause):
            return f"{rule_id} {cause}: {result.got}"
        raise Unclear("\n".join(result.lines()))

    return story


def in_a_rig(work: Work, *, wired: bool = False, modes: tuple[Mode, ...] = MODES) -> Story:
    """A piece of work in a world of its own, in both modes."""

    def story(adapter: type[Adapter]) -> str:
        for mode in modes:
            told = asyncio.run(_worked(adapter, mode, work, wired=wired))
            if told:
                return told
        return ""

    return story


async def _worked(adapter: type[Adapter], mode: Mode, work: Work, *, wired: bool) -> str:
    rig = Rig(find_target(adapter.key, adapter), mode, "demo", SEED, wired=wired)
    try:
        return await work(rig)
    finally:
        await rig.close()


async def _ended(call: Awaitable[object]) -> object:
    """What a call returned, or the error that it raised."""
    try:
        return await call
    except (KoblingError, Escaped) as error:
        return error


def _elsewhere(rig: Rig) -> str:
    own = urlsplit(rig.mock.dialect.origin).netloc
    hosts = {urlsplit(one.request.url).netloc for one in rig.wire} - {own}
    return f"a request went to {', '.join(sorted(hosts))}" if hosts else ""


def spoilt(rig: Rig, change: Callable[[WireReply], WireReply]) -> None:
    """Change every reply on its way to the caller."""

    def spoil(_: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        return change(outcome) if isinstance(outcome, WireReply) else outcome

    rig.spoil = spoil


# ---- keys


async def _every_call_has_the_key(rig: Rig) -> str:
    await _ended(rig.session.clinic())
    bare = [one for one in rig.wire if rig.key not in dict(one.request.headers).values()]
    return f"{len(bare)} of {len(rig.wire)} calls went out without the key" if bare else ""


@attempt(1, guards.KEY_LAST, in_a_rig(_every_call_has_the_key))
class SendsNoKey(Extensor):
    """Leaves the key's header empty, since somebody said that the list is public."""

    async def identify(self, http: Http) -> Any:
        """The clinic, asked without a key."""
        await http.get(inferred.PING, headers={inferred.KEY_HEADER: ""})
        return await super().identify(http)


# ---- errors


@attempt(13, guards.STICKY, by_rule("SLOT-09", "silent_gap"))
class ReturnsNothingOnErrors(Extensor):
    """Answers every exception of a search with an empty list."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times, or nothing."""
        try:
            return await super().list_slots(http, query)
        except Exception:  # noqa: BLE001 - this is the fault
            return Slots()


async def _cancelled(rig: Rig) -> str:
    rig.world.barriers.add("ping", 50)
    task = asyncio.ensure_future(rig.session.clinic())
    await asyncio.sleep(0.3)
    task.cancel()
    try:
        told = await _ended(task)
    except asyncio.CancelledError:
        return ""
    finally:
        rig.world.barriers.clear()
    return f"a cancelled call ended with {type(told).__name__}"


@attempt(18, guards.CANCELLED, in_a_rig(_cancelled, modes=("async",)))
class SwallowsTheCancellation(Extensor):
    """Catches whatever ends a call, the caller's cancellation too."""

    async def identify(self, http: Http) -> Clinic:
        """The clinic, or one without a name, whatever happens."""
        try:
            return await super().identify(http)
        except GeneratorExit:
            raise
        except BaseException:  # noqa: BLE001 - this is the fault
            return Clinic()


# ---- time


@attempt(28, guards.THEIR_CLOCK, by_rule("SLOT-18", "invented"))
class CountsFromTheMomentItIsTold(EasyPractice):
    """Counts the lead time from a clock that is not the vendor's."""


# ---- completeness


async def _ends_after_few_calls(rig: Rig) -> str:
    most = rig.adapter.limits.calls
    rig.pace.pass_time(3600.0)
    await _ended(rig.session.catalogue())
    sent = len(rig.wire)
    return f"{sent} calls in one operation" if sent > 2 * most else ""


@attempt(30, guards.COUNTED, in_a_rig(_ends_after_few_calls, modes=("async",)))
class FollowsACursorForEver(Extensor):
    """Reads on as long as there is a next page, and there always is."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, one day."""
        for _ in range(3 * self.limits.calls):
            await http.get(inferred.PRACTITIONERS, params={"avdeling": None})
        return await super().catalogue(http)


async def _links_elsewhere(rig: Rig) -> str:
    def change(reply: WireReply) -> WireReply:
        body = reply.body.replace(b'"next":null', b'"next":"https://elsewhere.example.test/api/v1/calendars?page=2"')
        body = body.replace(b'"next": null', b'"next":"https://elsewhere.example.test/api/v1/calendars?page=2"')
        return WireReply(reply.status, reply.headers, body)

    spoilt(rig, change)
    await _ended(rig.session.catalogue())
    return _elsewhere(rig)


@attempt(32, guards.ONE_HOST, in_a_rig(_links_elsewhere))
class FollowsTheLink(EasyPractice):
    """Reads pages by the link that an answer gives, wherever it leads."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, by links."""
        await http.pages("calendars", items="/data", next=ByLink("/links/next"), of=wire.Calendar)
        return await super().catalogue(http)

    @classmethod
    def suited(cls, options: Any) -> type[Adapter]:
        """This class."""
        return cls


@attempt(35, guards.ASKED_FOR, by_rule("SLOT-03", "invented"))
class AsksForEverything(Extensor):
    """Asks for the times of everybody and tells them all, whoever was asked for."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """All times of the clinic."""
        days = query.first_day.isoformat(), query.last_day.isoformat()
        reply = await http.get(inferred.OPEN_TIMES, params={"fra": days[0], "til": days[1]})
        found = []
        for row in reply.data["ledigetimer"]:
            start = datetime.fromisoformat(row["start"]).replace(tzinfo=OSLO)
            found.append(
                Slot(
                    practitioner_id=str(row["behandlerId"]),
                    service_id=str(row["timetypeId"]),
                    start=start,
                    end=start + timedelta(minutes=row["varighetMinutter"]),
                    location_id=str(row["avdelingId"]) if row["avdelingId"] else None,
                    token={"id": str(row["id"])},
                )
            )
        return Slots(found=tuple(found))


@attempt(36, guards.ONCE, by_rule("SLOT-02", "doubled"))
class ReadsOverlappingWindows(EgPasientsky):
    """Reads the last day of a window twice."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times, some of them again."""
        answer = await super().list_slots(http, query)
        again = tuple(slot for slot in answer.found if slot.start.astimezone(OSLO).date() == query.last_day)
        return answer.model_copy(update={"found": (*answer.found, *again, *answer.found[:1])})


@attempt(38, guards.ORDERED, by_rule("SLOT-02", "unstable"))
class TellsInAnyOrder(Extensor):
    """Turns the order round at every second reading."""

    readings: ClassVar[dict[Any, int]] = {}

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times, forwards or backwards."""
        answer = await super().list_slots(http, query)
        number = self.readings[query] = self.readings.get(query, 0) + 1
        return answer if number % 2 else answer.model_copy(update={"found": answer.found[::-1]})


# ---- booking

LOST = (("reset", "after_commit"), ("reset", "before_commit"), ("html_200", "after_commit"), ("no_id", "after_commit"))


async def _lost_answers(rig: Rig) -> str:
    slots = (await rig.session.slots(rig.days(3, 1))).found
    await rig.session.book(rig.request(slots[0]))
    writes = [call for call in rig.writing(rig.world.journal.calls) if call.effect != "none"]
    write, others = writes[-1].operation or "", [slot for slot in slots if slot.start > slots[0].end]
    for number, (kind, when) in enumerate(LOST):
        slot = others[12 * number]
        mark = rig.mark()
        rig.fault(write, kind, when=when)
        told = await _ended(rig.session.book(rig.request(slot)))
        sent = [call for call in rig.since(mark) if call.operation == write]
        if len(sent) > 1:
            return f"a booking was sent {len(sent)} times after {kind} {when}"
        if not isinstance(told, KoblingError):
            return f"a lost answer ({kind} {when}) was told as {type(told).__name__}"
        if told.effect != "unknown":
            return f"a lost answer ({kind} {when}) was told as {type(told).__name__}, effect {told.effect}"
    return ""


@attempt(49, guards.ONE_WRITE, in_a_rig(_lost_answers))
class SendsAgain(Extensor):
    """Sends the booking a second time when the first answer was lost."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and again."""
        try:
            return await super().book(http, request)
        except KoblingError:
            return await super().book(http, request)


@attempt(50, guards.ONE_WRITE, in_a_rig(_lost_answers))
class NewReferenceForEachTry(Extensor):
    """Gives every try a reference of its own, so that the vendor cannot see that they are one."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and under another reference again."""
        try:
            return await super().book(http, request)
        except KoblingError:
            return await super().book(http, request.model_copy(update={"reference": uuid4()}))


@attempt(51, guards.CERTAIN, in_a_rig(_lost_answers))
class LostIsAFailure(Extensor):
    """Tells a lost answer as a time that is taken."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, or say that it is taken."""
        lost = False
        try:
            return await super().book(http, request)
        except KoblingError:
            lost = True
        if lost:
            raise SlotTaken
        raise AssertionError


@attempt(52, guards.STICKY, in_a_rig(_lost_answers))
class LostIsBooked(EgPasientsky):
    """Tells a lost answer as a booking."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, or say so."""
        try:
            return await super().book(http, request)
        except KoblingError:
            return Booking(id="made-up", status="booked")


@attempt(77, guards.CERTAIN, in_a_rig(_lost_answers))
class UnreadableIsNothing(EgPasientsky):
    """Tells an answer without an id as a booking that did not come about."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book; without an id nothing happened."""
        token = request.slot.token
        reply = await http.post(
            "book",
            json={
                "createFromEmail": True, "email": request.patient.email, "phoneNumber": request.patient.phone or "",
                "calendarId": request.slot.practitioner_id, "timeslotId": token["id"], "groupAppointmentId": None,
                "medium": token["medium"], "note": request.note(),
            },
        )  # fmt: skip
        unreadable = False
        try:
            return Booking(id=reply.read(str, at="/data/bookingId"), status="unknown")
        except KoblingError:
            unreadable = True
        if unreadable:
            raise SlotTaken
        raise AssertionError


@attempt(78, guards.FENCE, by_rule("BOOK-12", "sent"))
class TakesItsTime(Extensor):
    """Looks at the clinic again before it books, while the booking's last moment passes."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Look, then book."""
        await http.get(inferred.PING)
        return await super().book(http, request)


async def _stands_after_a_look(rig: Rig) -> str:
    slots = await rig.session.slots(rig.days(3, 1))
    booking = await rig.session.book(rig.request(slots.found[0]))
    await _ended(rig.session.get(booking.ref))
    live = rig.ours()
    return "" if live else "a booking that the patient was told of was withdrawn by a look at it"


@attempt(79, guards.READS_ONLY, in_a_rig(_stands_after_a_look))
class WithdrawsWhenItLooks(Extensor):
    """Gives a booking up when it is looked at, since somebody else may have the time."""

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """The booking; and it is gone."""
        told = await super().get_booking(http, booking)
        try:
            await http.delete(inferred.BOOKING, booking.id, json={"grunn": "dobbelt"})
        except KoblingError:
            return told
        return told


async def _cancel_is_lost(rig: Rig) -> str:
    slots = (await rig.session.slots(rig.days(3, 1))).found
    booking = await rig.session.book(rig.request(slots[0]))
    rig.fault("cancel", "hang")
    told = await _ended(rig.session.cancel(booking.ref, CancelReason(by="patient")))
    return "" if isinstance(told, OutcomeUnknown) else f"a lost cancel was told as {type(told).__name__}"


@attempt(0, guards.STICKY, in_a_rig(_cancel_is_lost))
class LostIsCancelled(EgPasientsky):
    """Tells a cancel whose answer was lost as done."""

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Cancel, or say so."""
        try:
            return await super().cancel(http, booking, reason)
        except KoblingError:
            return Cancelled()


async def _search_changes_nothing(rig: Rig) -> str:
    before = rig.clinic.revision
    await _ended(rig.session.slots(rig.days(3, 1)))
    return "a search made a booking" if rig.clinic.revision != before else ""


@attempt(0, guards.READS_ONLY, in_a_rig(_search_changes_nothing))
class BooksDuringASearch(EgPasientsky):
    """Books a time when it is looked for, to keep it."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times, one of them booked."""
        answer = await super().list_slots(http, query)
        if answer.found:
            slot = answer.found[0]
            order = {
                "createFromEmail": True, "email": "holder.av@example.test", "phoneNumber": "+4790000009",
                "calendarId": slot.practitioner_id, "timeslotId": slot.token["id"], "groupAppointmentId": None,
                "medium": slot.token["medium"], "note": "",
            }  # fmt: skip
            await http.post("book", json=order)
        return answer


async def _undeclared_stays(rig: Rig) -> str:
    slots = (await rig.session.slots(rig.days(3, 1))).found
    await _ended(rig.session.book(rig.request(slots[0])))
    sent = [one for one in rig.wire if str(PATIENT.national_id).encode() in one.request.body]
    return "the patient's national id was sent" if sent else ""


@attempt(0, guards.DECLARED, in_a_rig(_undeclared_stays))
class SendsTheNationalId(EgPasientsky):
    """Puts a field of the patient that it does not declare into a call."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and look the patient up."""
        today = http.now.date().isoformat()
        body = {"dateRange": {"from": today, "to": today}, "personalNumber": request.patient.national_id}
        await http.query("search", json=body, expect={400, 422})
        return await super().book(http, request)


# ---- transport


class _Wait:
    """An awaitable that hands the engine a wait."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __await__(self) -> Generator[Any, Any, None]:
        yield Sleep(self._seconds)


async def _waits_for_nothing(rig: Rig) -> str:
    spoilt(rig, lambda reply: WireReply(reply.status, (*reply.headers, ("Retry-After", "30")), reply.body))
    await _ended(rig.session.catalogue())
    return f"{sum(rig.pace.waits)} s were waited after good answers" if rig.pace.waits else ""


@attempt(61, guards.ONLY_CALLS, in_a_rig(_waits_for_nothing))
class ObeysEveryRetryAfter(Extensor):
    """Waits as long as an answer says, though it was a good one."""

    async def catalogue(self, http: Http) -> Catalogue:
        """The catalogue, after a wait."""
        reply = await http.get(inferred.PING)
        await _Wait(float(reply.header("retry-after") or 0))
        return await super().catalogue(http)


async def _waits_until_the_date(rig: Rig) -> str:
    now = rig.pace.now()
    until = {
        "Date": format_datetime(now, usegmt=True),
        "Retry-After": format_datetime(now + timedelta(seconds=7), usegmt=True),
    }
    rig.fault("*", "reply", status=503, headers=until)
    await _ended(rig.session.catalogue())
    return "" if sum(rig.pace.waits) >= 6 else f"{sum(rig.pace.waits)} s were waited instead of 7"


@attempt(62, guards.DATES, in_a_rig(_waits_until_the_date))
class TooBusyUntilADate(Extensor):
    """Has a vendor that names the moment until which it is busy."""


@attempt(63, guards.BOUNDED, in_a_rig(_ends_after_few_calls, modes=("async",)))
class TriesForEver(Extensor):
    """Repeats a call until it succeeds."""

    async def identify(self, http: Http) -> Any:
        """The clinic, some day."""
        for _ in range(3 * self.limits.calls):
            try:
                await http.get("finnes-ikke")
            except KoblingError:
                continue
        return await super().identify(http)


SHORT = 0.5


async def _ends_in_time(rig: Rig) -> str:
    rig.fault("*", "dribble_body", times=0, seconds=4.0)
    begun = time.monotonic()
    await _ended(rig.session.clinic())
    spent = time.monotonic() - begun
    return "" if spent < 5 * SHORT * 1.2 else f"an answer that dripped was waited for {spent:.0f} s"


@attempt(64, guards.DEADLINE, in_a_rig(_ends_in_time, wired=True))
class WaitsForTheLastByte(Extensor):
    """Has a vendor whose answer comes byte by byte, and never whole."""

    limits = Limits(**{**dict(inferred.LIMITS), "timeout_read": SHORT})


async def _half_is_no_answer(rig: Rig) -> str:
    whole = await rig.session.slots(rig.days(5, 1))
    query = rig.days(5, 1).model_copy(update={"practitioner_ids": (whole.found[0].practitioner_id,)})
    whole = await rig.session.slots(query)
    rig.fault("ledigetimer", "length_too_short", when="after_commit", times=0)
    told = await _ended(rig.session.slots(query))
    if isinstance(told, Slots) and told.complete:
        return f"{len(told.found)} of {len(whole.found)} times were taken for the whole"
    return ""


@attempt(65, guards.WHOLE, in_a_rig(_half_is_no_answer, wired=True))
class TakesWhatThereIs(Extensor):
    """Catches what is wrong with an answer, and goes on."""

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The times, as far as they came."""
        try:
            return await super().list_slots(http, query)
        except KoblingError:
            return Slots()


async def _redirected(rig: Rig) -> str:
    rig.fault("*", "redirect", status=302, to="https://elsewhere.example.test/")
    await _ended(rig.session.clinic())
    return _elsewhere(rig)


@attempt(66, guards.ONE_HOST, in_a_rig(_redirected))
class FollowsTheRedirect(Extensor):
    """Lets a redirect through and calls its target by itself."""

    async def identify(self, http: Http) -> Any:
        """The clinic, wherever it has gone."""
        reply = await http.get(inferred.PING, expect={302})
        if reply.status == 302:
            await http.get("{}", reply.header("location"))
        return await super().identify(http)


def _accepted(adapter: type[Adapter]) -> str:
    try:
        check_adapter(adapter)
    except ContractError:
        return ""
    return f"an adapter was accepted that calls {adapter.base_url}"


@attempt(67, guards.HTTPS, _accepted)
class PlainHttp(EgPasientsky):
    """Calls the vendor without encryption."""

    base_url = EgPasientsky.base_url.replace("https://", "http://")


@attempt(67, guards.VERIFIED, by_rule("TRAN-03", "told_everything"))
class AnsweredForBySomebodyElse(Extensor):
    """Has a vendor for whose server somebody else answers."""


async def _private(rig: Rig) -> str:
    address = f"10.{randrange(256)}.{randrange(256)}.{randrange(1, 255)}"  # what is known of an address is remembered
    try:
        side = rig.connect(booking_url=f"https://{address}/klinikk")
        await side.test_connection()
    except KoblingError:
        return ""
    return f"{len(rig.wire)} calls went to {address}" if rig.wire else ""


@attempt(68, guards.PUBLIC, in_a_rig(_private))
class BehindTheClinicsWall(Extensor):
    """Takes a booking URL that leads to an address inside somebody's network."""


# ---- privacy


async def _tells_nobody(rig: Rig) -> str:
    slots = await rig.session.slots(rig.days(3, 1))
    error = await _ended(rig.session.book(rig.request(slots.found[0])))
    raised = rig.session.said[-1].error
    texts = told_by_error(raised) if raised is not None else ()
    leaked = any(str(PATIENT.phone) in text for text in texts)
    if not isinstance(error, KoblingError | Escaped):
        raise Unclear(f"the booking did not fail: {error!r}")
    return "the patient's telephone number is in what was raised" if leaked else ""


@attempt(73, guards.BARE, in_a_rig(_tells_nobody))
class CrashesWithThePatient(Extensor):
    """Raises an exception with the patient in its text, after the booking."""

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and crash."""
        await super().book(http, request)
        raise ValueError(f"odd answer for {request.patient.phone}")


# ---- one clinic and another


async def _cookies_cross(rig: Rig) -> str:
    other = rig.connect(rig.world.add_clinic(synthetic_clinic(SEED, rig.world.clock)))
    rig.fault("*", "set_cookie", times=0, when="after_commit")
    for side in (rig.session, other, rig.session):
        await _ended(side.slots(rig.days(2, 1)))
    crossed = [
        call for call in rig.world.journal.calls for one in call.findings if one.code == "cookie_of_another_clinic"
    ]
    return f"{len(crossed)} calls carried another clinic's cookie" if crossed else ""


@attempt(82, guards.NO_COOKIES, in_a_rig(_cookies_cross))
class KeepsTheCookie(Extensor):
    """Keeps a cookie that some clinic's answer set, and sends it with every call."""

    cookie: ClassVar[list[str]] = []

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times, after a call with the cookie."""
        reply = await http.get(inferred.PING, headers={"Cookie": self.cookie[0]} if self.cookie else None)
        if (given := reply.header("set-cookie")) is not None:
            self.cookie[:] = [given.partition(";")[0]]
        return await super().list_slots(http, query)
