"""The story itself, the same for every vendor. Every line is true because it came back over HTTP."""

from __future__ import annotations

import html
import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from kobling import (
    Booked,
    Booking,
    BookingRequest,
    CancelReason,
    Connection,
    Finding,
    Installed,
    Kobling,
    KoblingError,
    NeedsPerson,
    OutcomeUnknown,
    Patient,
    ResolveFirst,
    SakID,
    Session,
    Slot,
    SlotQuery,
    StillUnknown,
)
from kobling.localtime import zone_of
from kobling.reference import tag

from ..moments import shown_moment
from ..wording import Language, words
from .told import Teller

if TYPE_CHECKING:
    from kobling_mocks import Mock

KARI = Patient(
    given_name="Kari",
    family_name="Prøvesen",
    birth_date=date(1980, 1, 2),
    email="kari.provesen@example.no",
    phone="+4790000042",
)
CASE = SakID("6QPTR")
MESSAGE = "Vond skulder etter fall"
LIVE = ("booked", "pending")
MOST_LINES = 5
MOST_REMARKS = 1
MOST_SLOTS = MOST_EVIDENCE = 2
"""How much of each list is told, so that a vendor's story fits a screen."""


@dataclass(frozen=True)
class Scene:
    """One vendor's story: its mock, where it is served, and an open session that asks it there."""

    mock: Mock
    url: str
    kobling: Kobling
    session: Session
    tell: Teller

    @property
    def lang(self) -> Language:
        """The language of the story."""
        return self.tell.out.lang

    def step(self, key: str, **values: object) -> None:
        """A step begins; its name stands in `words/*.toml`."""
        self.tell.step(self.tell.out.say("step", key, **values))

    def say(self, key: str, style: str = "", **values: object) -> None:
        """A line of the story from `words/*.toml`."""
        self.tell.say(self.tell.out.say("story", key, **values), style)

    def read(self, path: str) -> bytes:
        """What the mock answers at a path, over HTTP."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def state(self) -> dict[str, Any]:
        """The clinic as the vendor's own system knows it, over HTTP."""
        clinic: dict[str, Any] = json.loads(self.read("/__mock__/state"))["clinics"][0]
        return clinic

    def states(self) -> dict[str, str]:
        """The state of every appointment at the vendor, by the vendor's id."""
        return {self.wire(one["id"]): one["state"] for one in self.state()["appointments"]}

    def wire(self, own: str) -> str:
        """The vendor's id for one of the clinic's own."""
        return self.mock.dialect.ids.wire(self.mock.world.clinic, own)

    def appointments(self, request: BookingRequest) -> list[dict[str, Any]]:
        """The vendor's live appointments that carry the request's reference, wherever this vendor keeps it: in a
        field, in a note, or in the record of the patient."""
        marks, state = (tag(request.reference), str(request.reference)), self.state()
        patients = {one["id"]: one for one in state["patients"]}
        found = []
        for one in state["appointments"]:
            told = json.dumps([one, patients[one["patient_id"]]], ensure_ascii=False)
            if one["state"] in LIVE and any(mark in told for mark in marks):
                found.append(one)
        return found

    def order(self, fault: dict[str, Any]) -> None:
        """Order a fault over the control API."""
        request = urllib.request.Request(
            f"{self.url}/__mock__/faults",
            data=json.dumps(fault).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

    def when(self, slot: Slot) -> str:
        """A slot's start on the clinic's clock."""
        return shown_moment(slot.start, slot.zone, self.tell.out.lang)


def tell_story(mock: Mock, installed: Installed, tell: Teller) -> None:
    """Serve the mock, walk through the story, and stop with `NotTrue` where it does not hold."""
    vendor = mock.dialect.key
    with (
        mock.serve() as server,
        Kobling(adapters=installed, origins={vendor: server.url}, contact="demo", clock=mock.clock) as kobling,
    ):
        settings = mock.options
        session = kobling.session(Connection(vendor, **mock.connection), options=settings or None)
        scene = Scene(mock, server.url, kobling, session, tell)
        tell.vendor(mock.dialect.name, server.url)
        _connection(scene)
        _wrong_key(scene)
        _practitioners(scene)
        slots = _open_times(scene)
        request, booking = _book(scene, slots[0])
        _timebook(scene, request)
        moved = _move(scene, booking, slots[len(slots) // 2])
        _cancel(scene, moved)
        _lost_answer(scene, slots[-1], booking)
        mock.world.assert_sound()


def _connection(scene: Scene) -> None:
    scene.step("connection")
    report = scene.session.test_connection()
    scene.tell.check(report.outcome != "failed", report.headline("en"))
    scene.tell.check(not report.counts_as_attempt, "a right connection counted as an attempt")
    scene.tell.say(report.headline(scene.lang), "green")
    for one in [one for one in report.findings if one.severity == "warn"][:MOST_REMARKS]:
        scene.tell.say(f"! {_remark(scene, one)}", "yellow")


def _remark(scene: Scene, finding: Finding) -> str:
    """A finding in a few words, where it has such; else its first sentence."""
    if finding.code in words(scene.lang)["why"]:
        return f"{finding.subject}: {scene.tell.out.say('why', finding.code)}"
    return finding.explain(scene.lang).partition(". ")[0]


def _wrong_key(scene: Scene) -> None:
    scene.step("wrong_key")
    typed = {**scene.mock.connection, "api_key": "helt-feil"}
    report = scene.kobling.session(Connection(scene.mock.dialect.key, **typed)).test_connection()
    scene.tell.check(report.outcome == "failed" and report.counts_as_attempt, "a wrong key was not found out")
    blamed = {field for one in report.findings if one.severity == "fail" for field in one.fields}
    scene.tell.check("api_key" in blamed, f"not the key but {sorted(blamed)} was blamed")
    scene.tell.say(f"✗ {report.headline(scene.lang)}", "red")


def _practitioners(scene: Scene) -> None:
    scene.step("practitioners")
    catalogue = scene.session.catalogue()
    scene.tell.check(any(not catalogue.why_not(who.id) for who in catalogue.practitioners), "nobody can be booked")
    for who in catalogue.practitioners[:MOST_LINES]:
        reasons = catalogue.why_not(who.id)
        why = ", ".join(scene.tell.out.say("why", reason) for reason in reasons)
        scene.tell.say(f"✓ {who.name}" if not reasons else f"· {who.name} ({why})", "" if not reasons else "dim")


def _open_times(scene: Scene) -> tuple[Slot, ...]:
    scene.step("open_times")
    zone = zone_of(scene.session.clinic().zone)
    first = scene.mock.world.clock.now().astimezone(zone).date() + timedelta(days=4)
    answer = scene.session.slots(SlotQuery(first_day=first, last_day=first + timedelta(days=9)))
    scene.tell.check(answer.complete and len(answer.found) > MOST_SLOTS + 1, "too few open times")
    catalogue = scene.session.catalogue()
    for slot in answer.found[:MOST_SLOTS]:
        rates = ", ".join(rate.code for rate in slot.insurance_rates)
        rated = f" ({rates})" if rates else ""
        who = catalogue.practitioner_by_id[slot.practitioner_id].name
        what = catalogue.service_by_id[slot.service_id].name
        scene.tell.say(f"{scene.when(slot)}  {who}, {what}{rated}")
    scene.say("more_times", "dim", count=len(answer.found) - MOST_SLOTS)
    return answer.found


def _book(scene: Scene, slot: Slot) -> tuple[BookingRequest, Booking]:
    scene.step("book", when=scene.when(slot), case=CASE.value)
    request = BookingRequest(slot=slot, patient=KARI, sak_id=CASE, message=MESSAGE)
    booking = scene.session.book(request)
    scene.tell.check(booking.status in ("booked", "pending", "unknown"), f"the status is {booking.status}")
    scene.say(f"booked_{booking.status}", "green", id=booking.id)
    return request, booking


def _timebook(scene: Scene, request: BookingRequest) -> None:
    scene.step("timebook")
    found = scene.appointments(request)
    scene.tell.check(len(found) == 1, f"{len(found)} appointments instead of one")
    (one,) = found
    text = one["note"] or one["patient_comment"]
    page = scene.read(f"/timebok/{one['timebook_id']}?uke={_week(request.slot)}").decode()
    for line in text.splitlines():
        scene.tell.check(html.escape(line) in page, "the timebook page does not show the note")
    if "claims" in scene.mock.dialect.untold:  # the case is in the patient's record, and on no appointment
        text = next(who["notes"] for who in scene.state()["patients"] if who["id"] == one["patient_id"])
        scene.tell.check(CASE.value in text, "the SakID did not arrive")
    else:
        scene.tell.check(one["sak_id"] == CASE.value, "the SakID did not arrive")
        scene.tell.check(f"SakID {CASE.value}" in page, "the timebook page does not show the SakID")
    for line in [*text.splitlines(), *([] if CASE.value in text else [f"SakID {CASE.value}"])]:
        scene.tell.say(f"│ {line}")


def _week(slot: Slot) -> str:
    year, week, _ = slot.local_start.isocalendar()
    return f"{year}-W{week:02d}"


def _move(scene: Scene, booking: Booking, slot: Slot) -> Booking:
    scene.step("move", when=scene.when(slot))
    request = BookingRequest(slot=slot, patient=KARI, sak_id=CASE)
    moved = scene.session.reschedule(booking.ref, request)
    states = scene.states()
    standing = {key for key in (booking.id, moved.id) if states.get(key) in LIVE}
    scene.tell.check(standing == {moved.id}, "not exactly the new time stands")
    scene.say("moved", "green")
    return moved


def _cancel(scene: Scene, booking: Booking) -> None:
    scene.step("cancel")
    reason = CancelReason(by="patient", why="no_longer_needed")
    scene.session.cancel(booking.ref, reason)
    scene.tell.check(scene.states().get(booking.id) not in LIVE, "the appointment still stands")
    again = _raised(lambda: scene.session.cancel(booking.ref, reason))
    same = again is None and scene.states().get(booking.id) not in LIVE
    scene.tell.check(same, "cancelling twice did not reach the same goal")
    scene.say("cancelled", "green")


def _lost_answer(scene: Scene, slot: Slot, earlier: Booking) -> None:
    scene.step("lost_answer")
    scene.order({"operation": _call_that_made(scene, earlier), "kind": "reset", "when": "after_commit"})
    request = BookingRequest(slot=slot, patient=KARI, sak_id=CASE)
    sent_at = scene.mock.world.clock.now()
    told: list[BookingRequest] = []  # what a registry's ledger would hold
    lost = _raised(lambda: scene.session.book(request, before_write=told.append))
    scene.tell.check(isinstance(lost, OutcomeUnknown), "a lost answer was not called unknown")
    scene.tell.say(f"? {lost.explain(scene.lang) if lost else ''}", "yellow")
    refused = _raised(lambda: scene.session.book(request))
    scene.tell.check(isinstance(refused, ResolveFirst), "a second try was not refused")
    scene.say("refused", "green")
    found = scene.session.resolve(told[0], sent_at)
    if isinstance(found, StillUnknown):  # some vendors show a booking a little late
        clock = scene.mock.world.clock
        clock.advance(max(0.0, (found.next_at - clock.now()).total_seconds()))
        found = scene.session.resolve(told[0], sent_at)
    readable = "list_bookings" in scene.session.supports
    scene.tell.check(isinstance(found, Booked if readable else NeedsPerson), f"resolve ended as {type(found).__name__}")
    seen = ", ".join(f"{one.looked_at}: {one.saw}" for one in found.evidence[:MOST_EVIDENCE])
    scene.tell.say(f"resolve → {type(found).__name__} ({seen}{' …' if len(found.evidence) > MOST_EVIDENCE else ''})")
    scene.tell.say(scene.tell.out.say("resolution", "booked" if readable else "needs_person"))
    count = len(scene.appointments(request))
    scene.tell.check(count == 1, f"{count} appointments instead of one")
    scene.say("one_appointment", "green")


def _call_that_made(scene: Scene, booking: Booking) -> str:
    """The vendor's own name of the call that books, from its journal."""
    calls = json.loads(scene.read("/__mock__/journal"))["calls"]
    names = [one["operation"] for one in calls if one["appointment"] and scene.wire(one["appointment"]) == booking.id]
    return str(names[0])


def _raised(work: Callable[[], object]) -> KoblingError | None:
    try:
        work()
    except KoblingError as error:
        return error
    return None
