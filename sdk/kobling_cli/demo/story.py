"""The story itself, the same for every vendor. Every line is true because it came back over HTTP."""

from __future__ import annotations

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
    Installed,
    Kobling,
    KoblingError,
    OutcomeUnknown,
    Patient,
    ResolveFirst,
    SakID,
    Session,
    Slot,
    SlotQuery,
)
from kobling.localtime import zone_of
from kobling.reference import tag

from ..moments import shown_moment
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
MOST_LINES = 5


@dataclass(frozen=True)
class Scene:
    """One vendor's story: its mock, where it is served, and an open session that asks it there."""

    mock: Mock
    url: str
    kobling: Kobling
    session: Session
    tell: Teller

    def state(self) -> dict[str, Any]:
        """The clinic as the vendor's own system knows it, over HTTP."""
        with urllib.request.urlopen(f"{self.url}/__mock__/state", timeout=10) as answer:
            clinic: dict[str, Any] = json.load(answer)["clinics"][0]
        return clinic

    def appointments(self, request: BookingRequest) -> list[dict[str, Any]]:
        """The vendor's live appointments that carry the request's reference."""
        mark = tag(request.reference)
        return [
            one
            for one in self.state()["appointments"]
            if one["state"] in ("booked", "pending") and mark in json.dumps(one, ensure_ascii=False)
        ]

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
    with mock.serve() as server, Kobling(adapters=installed, origins={vendor: server.url}, contact="demo") as kobling:
        session = kobling.session(Connection(vendor, **mock.connection))
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
        _lost_answer(scene, slots[-1])
        mock.world.assert_sound()


def _connection(scene: Scene) -> None:
    scene.tell.step("Test kobling")
    report = scene.session.test_connection()
    scene.tell.check(report.outcome != "failed", report.headline("en"))
    scene.tell.say(report.headline("nb"), "green")
    for one in [one for one in report.findings if one.severity == "warn"][:2]:
        scene.tell.say(f"! {one.explain('nb').partition('. ')[0]}.", "yellow")


def _wrong_key(scene: Scene) -> None:
    scene.tell.step("Test kobling, feil nøkkel")
    typed = {**scene.mock.connection, "api_key": "helt-feil"}
    report = scene.kobling.session(Connection(scene.mock.dialect.key, **typed)).test_connection()
    scene.tell.check(report.outcome == "failed" and report.counts_as_attempt, "a wrong key was not found out")
    scene.tell.say(f"✗ {report.headline('nb')}", "red")


def _practitioners(scene: Scene) -> None:
    scene.tell.step("Behandlere")
    catalogue = scene.session.catalogue()
    scene.tell.check(bool(catalogue.practitioners), "no practitioners")
    for who in catalogue.practitioners[:MOST_LINES]:
        reasons = catalogue.why_not(who.id)
        why = ", ".join(scene.tell.out.say("why", reason) for reason in reasons)
        scene.tell.say(f"✓ {who.name}" if not reasons else f"· {who.name} ({why})", "" if not reasons else "dim")


def _open_times(scene: Scene) -> tuple[Slot, ...]:
    scene.tell.step("Ledige timer")
    zone = zone_of(scene.session.clinic().zone)
    first = scene.mock.world.clock.now().astimezone(zone).date() + timedelta(days=4)
    answer = scene.session.slots(SlotQuery(first_day=first, last_day=first + timedelta(days=9)))
    scene.tell.check(answer.complete and len(answer.found) > 3, "too few open times")
    catalogue = scene.session.catalogue()
    for slot in answer.found[:2]:
        rates = ", ".join(rate.code for rate in slot.insurance_rates)
        who = catalogue.practitioner_by_id[slot.practitioner_id].name
        what = catalogue.service_by_id[slot.service_id].name
        scene.tell.say(f"{scene.when(slot)}  {who}, {what} ({rates})")
    scene.tell.say(f"… og {len(answer.found) - 2} til", "dim")
    return answer.found


def _book(scene: Scene, slot: Slot) -> tuple[BookingRequest, Booking]:
    scene.tell.step(f"Bestill {scene.when(slot)} med SakID {CASE.value}")
    request = BookingRequest(slot=slot, patient=KARI, sak_id=CASE, message="Vond skulder etter fall")
    booking = scene.session.book(request)
    scene.tell.say(f"✓ id {booking.id}, status {booking.status}", "green")
    return request, booking


def _timebook(scene: Scene, request: BookingRequest) -> None:
    scene.tell.step("Slik klinikken ser timen")
    found = scene.appointments(request)
    scene.tell.check(len(found) == 1, f"{len(found)} appointments instead of one")
    (one,) = found
    scene.tell.check(one["sak_id"] == CASE.value, "the SakID did not arrive")
    for line in (one["note"] or one["patient_comment"]).splitlines():
        scene.tell.say(f"│ {line}")
    page = f"{scene.url}/timebok/{one['timebook_id']}"
    with urllib.request.urlopen(f"{page}?uke={_week(request.slot)}", timeout=10) as answer:
        scene.tell.check(f"SakID {CASE.value}" in answer.read().decode(), "the timebook page does not show the SakID")


def _week(slot: Slot) -> str:
    year, week, _ = slot.local_start.isocalendar()
    return f"{year}-W{week:02d}"


def _move(scene: Scene, booking: Booking, slot: Slot) -> Booking:
    scene.tell.step(f"Flytt til {scene.when(slot)}")
    request = BookingRequest(slot=slot, patient=KARI, sak_id=CASE)
    moved = scene.session.reschedule(booking.ref, request)
    live = [one for one in scene.state()["appointments"] if one["id"] in (booking.id, moved.id)]
    standing = [one["id"] for one in live if one["state"] in ("booked", "pending")]
    scene.tell.check(standing == [moved.id], "not exactly the new time stands")
    scene.tell.say("✓ den nye står, den gamle er avlyst", "green")
    return moved


def _cancel(scene: Scene, booking: Booking) -> None:
    scene.tell.step("Avbestill")
    reason = CancelReason(by="patient", why="no_longer_needed")
    scene.session.cancel(booking.ref, reason)
    states = {one["id"]: one["state"] for one in scene.state()["appointments"]}
    scene.tell.check(states[booking.id] == "cancelled", "the appointment still stands")
    again = scene.session.cancel(booking.ref, reason)
    scene.tell.check(again.already_gone, "cancelling twice did not reach the same goal")
    scene.tell.say("✓ avlyst; å avlyse en gang til gir samme svar", "green")


def _lost_answer(scene: Scene, slot: Slot) -> None:
    scene.tell.step("Svaret på en bestilling blir borte")
    scene.order({"operation": "book", "kind": "reset", "when": "after_commit"})
    request = BookingRequest(slot=slot, patient=KARI, sak_id=CASE)
    sent_at = scene.mock.world.clock.now()
    lost = _raised(lambda: scene.session.book(request))
    scene.tell.check(isinstance(lost, OutcomeUnknown), "a lost answer was not called unknown")
    scene.tell.say(f"? {lost.explain('nb') if lost else ''}", "yellow")
    refused = _raised(lambda: scene.session.book(request))
    scene.tell.check(isinstance(refused, ResolveFirst), "a second try was not refused")
    scene.tell.say("✓ å bestille på nytt med samme referanse ble nektet", "green")
    found = scene.session.resolve(request, sent_at)
    readable = "list_bookings" in scene.session.supports
    scene.tell.check(isinstance(found, Booked) is readable, f"resolve ended as {type(found).__name__}")
    seen = ", ".join(f"{one.looked_at}: {one.saw}" for one in found.evidence)
    scene.tell.say(f"resolve: {type(found).__name__} ({seen})")
    count = len(scene.appointments(request))
    scene.tell.check(count == 1, f"{count} appointments instead of one")
    scene.tell.say("✓ klinikken har én time, ikke to", "green")


def _raised(work: Callable[[], object]) -> KoblingError | None:
    try:
        work()
    except KoblingError as error:
        return error
    return None
