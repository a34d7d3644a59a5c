"""Code of `patient-first.md`, and its tests."""

from __future__ import annotations

from datetime import UTC, date, datetime

from invented import Bookable

from kobling import (
    Booking,
    BookingFacts,
    BookingRequest,
    Http,
    Limits,
    Patient,
    PatientFields,
    SakID,
    Slot,
    given,
)
from kobling.testing import play, reply


class PatientFirst(Bookable):
    contract = 1
    # [class]
    patient_fields = PatientFields(
        required=frozenset({"given_name", "family_name", "phone"}),
        optional=frozenset({"birth_date", "email"}),
        match="new_record",
    )
    limits = Limits(booking=BookingFacts(mode="sync", overlap="refused", reference_in="note", note_length=500))

    async def register_patient(self, http: Http, request: BookingRequest) -> str:
        """A record of its own for each booking."""
        patient = request.patient
        person = {
            "firstName": patient.given_name,
            "lastName": patient.family_name,
            "mobile": patient.phone,
            "born": patient.birth_date,
            "email": patient.email,
        }
        reply = await http.post("patients", json=given(person))
        return str(reply.read(int, at="/id"))

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        reply = await http.post(
            "bookings",
            json={
                "slot": request.slot.token,
                "patient": int(request.patient_on_file),
                "note": request.note(self.limits.booking.note_length),
            },
        )
        accepted = reply.read(str, at="/state") == "confirmed"
        return Booking(id=reply.read(str, at="/id"), status="booked" if accepted else "unknown")

    # [cancel]


# [test]
def test_only_what_is_declared_is_told_of_a_patient() -> None:
    start, end = datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
    slot = Slot(practitioner_id="7", service_id="visit", start=start, end=end, token="t9")
    kari = Patient(
        given_name="Kari", family_name="Prøve", phone="+47 900 00 042", birth_date=date(1980, 1, 2), national_id="1"
    )
    request = BookingRequest(slot=slot, patient=kari, sak_id=SakID("6QPTR"))
    played = play(PatientFirst, "register_patient", request, replies=[reply(201, json={"id": 4711})])
    assert played.result == "4711"
    assert played.requests[0].json == {
        "firstName": "Kari",
        "lastName": "Prøve",
        "mobile": "+47 900 00 042",
        "born": "1980-01-02",
    }

    on_file = request.model_copy(update={"patient_id": "4711"})  # by the SDK, between the two
    played = play(PatientFirst, "book", on_file, replies=[reply(201, json={"id": "b1", "state": "confirmed"})])
    assert played.requests[0].json["patient"] == 4711
    assert "6QPTR" in played.requests[0].json["note"]


# [end]
