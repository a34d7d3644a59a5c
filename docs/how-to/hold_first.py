"""Code of `hold-first.md`, and its tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from invented import Bookable

from kobling import (
    Booking,
    BookingRequest,
    Http,
    Patient,
    Slot,
)
from kobling.testing import play, reply
from kobling_mocks.clinic import BookingOrder, PatientDetails, demo_clinic


class HoldFirst(Bookable):
    contract = 1

    # [class]
    async def hold_slot(self, http: Http, request: BookingRequest) -> str:
        """Keep the time for three minutes."""
        slot = request.slot
        wanted = {"therapist": slot.practitioner_id, "treatment": slot.service_id, "start": slot.start}
        return (await http.post("holds", json=wanted)).read(str, at="/hold")

    async def release_slot(self, http: Http, hold_id: str) -> None:
        """Let others have the time at once."""
        await http.delete("holds/{}", hold_id)

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Confirm what is held."""
        person = {"name": request.patient.name, "mobile": request.patient.phone}
        reply = await http.post("holds/{}/confirm", request.hold_id, json={"patient": person})
        confirmed = reply.read(str, at="/state") == "confirmed"
        return Booking(id=reply.read(str, at="/id"), status="booked" if confirmed else "unknown")

    # [cancel]


# [test]
def test_what_is_held_is_confirmed() -> None:
    start = datetime(2026, 12, 1, 8, tzinfo=UTC)
    slot = Slot(practitioner_id="7", service_id="31", start=start, end=start + timedelta(minutes=30))
    request = BookingRequest(slot=slot, patient=Patient(given_name="Kari", family_name="Prøve", phone="90000042"))
    played = play(HoldFirst, "hold_slot", request, replies=[reply(201, json={"hold": "h-7c1e44"})])
    assert played.result == "h-7c1e44"
    assert played.requests[0].json["start"] == "2026-12-01T08:00:00+00:00"

    held = request.model_copy(update={"hold_id": "h-7c1e44"})  # by the SDK, between the two
    played = play(HoldFirst, "book", held, replies=[reply(201, json={"id": "b1", "state": "confirmed"})])
    assert played.result.status == "booked"
    assert played.requests[0].path.endswith("/holds/h-7c1e44/confirm")
    play(HoldFirst, "release_slot", "h-7c1e44", replies=[reply(204)])


# [end]


def test_a_mocks_clinic_keeps_holds() -> None:
    clinic = demo_clinic()
    today = clinic.clock.now().date()
    slot = next(
        slot
        for slot in clinic.open_slots(None, None, today, today + timedelta(days=7))
        if slot.places_left == 1 and slot.group_id is None
    )
    timebook_id, type_id, start, patient = slot.timebook_id, slot.type_id, slot.start, PatientDetails("Kari Prøve")
    # [mock]
    first = clinic.hold(timebook_id, type_id, start, seconds=180)  # raises SlotTaken, SlotNotOffered
    clinic.release(first.id)  # raises HoldOver
    held = clinic.hold(timebook_id, type_id, start, seconds=180)
    order = BookingOrder(timebook_id, type_id, start, patient=patient, match="never", hold_id=held.id)
    made = clinic.book(order)  # uses the hold up
    # [mock-end]
    assert (made.start, clinic.holds) == (start, ())
