"""Code of `errors-with-200.md`, and its tests."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from invented import Bookable

from kobling import (
    Booking,
    BookingFacts,
    BookingRequest,
    CredentialsRejected,
    ErrorMap,
    Http,
    InvalidRequest,
    Limits,
    NotActivated,
    OutcomeUnknown,
    Patient,
    PatientFieldRequired,
    PatientFields,
    Refusal,
    Response,
    Slot,
    SlotTaken,
    SlotWithdrawn,
    TooLateToChange,
)
from kobling.testing import play, reply


# [map]
def vendor_code(response: Response) -> str | None:
    """This vendor's code stands in every answer, and "OK" is one of them."""
    code = response.at("/status/code")
    return None if code == "OK" else code


ERRORS = ErrorMap(
    codes={
        "BAD_KEY": CredentialsRejected,
        "INTEGRATION_OFF": NotActivated,
        "TIME_NOT_FREE": SlotTaken,
        "PHONE_MISSING": Refusal(PatientFieldRequired, fields=("phone",)),
        "TOO_LATE": TooLateToChange,
        ("book", "NOT_FOUND"): SlotWithdrawn,  # in other calls it stays what the status makes of it
    },
    code=vendor_code,
)


# [adapter]
class ErrorsWith200(Bookable):
    contract = 1
    errors = ERRORS
    limits = Limits(booking=BookingFacts(mode="sync", overlap="refused"))
    patient_fields = PatientFields(required=frozenset({"given_name"}))

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        reply = await http.post("bookings", json={"slot": request.slot.token})
        return Booking(id=reply.read(str, at="/booking/id"), status="unknown")


START, END = datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
SLOT = Slot(practitioner_id="7", service_id="visit", start=START, end=END, token="t9")


# [test]
def booked(answer: object) -> Booking:
    request = BookingRequest(slot=SLOT, patient=Patient(given_name="Kari"))
    booking: Booking = play(ErrorsWith200, "book", request, replies=[reply(200, json=answer)]).result
    return booking


def test_ok_is_an_answer_and_a_listed_code_a_certain_refusal() -> None:
    assert booked({"status": {"code": "OK"}, "booking": {"id": "b1"}}).id == "b1"
    with pytest.raises(SlotTaken) as refused:
        booked({"status": {"code": "TIME_NOT_FREE"}})
    assert refused.value.effect == "none"


def test_a_code_that_nobody_listed_is_neither_yes_nor_no() -> None:
    with pytest.raises(OutcomeUnknown):
        booked({"status": {"code": "TRY_LATER"}})


def test_an_integration_that_is_off_is_for_the_vendor_to_switch_on() -> None:
    answer = reply(403, json={"status": {"code": "INTEGRATION_OFF"}})
    with pytest.raises(NotActivated) as refused:
        play(ErrorsWith200, "identify", replies=[answer])
    assert refused.value.actor == "vendor"


# [end]
class ByPointer(ErrorsWith200):
    contract = 1
    # [pointer]
    errors = ErrorMap(
        codes={"TIME_NOT_FREE": SlotTaken, "INVALID": Refusal(InvalidRequest, "refused_by_vendor")},
        code="/error/code",
        field="/error/fields",
        field_names={"mobile": "phone"},
    )
    # [pointer-end]


class EachNamesItsOwn(ErrorsWith200):
    contract = 1
    errors = ErrorMap(
        codes={"INVALID": Refusal(InvalidRequest, "refused_by_vendor")},
        code="/errors/0/code",
        field="/errors/*/path",
        field_names={"mobile": "phone", "born": "birth_date"},
    )


def test_of_several_errors_each_names_its_field() -> None:
    request = BookingRequest(slot=SLOT, patient=Patient(given_name="Kari"))
    errors: list[object] = [{"code": "INVALID", "path": "mobile"}, {"code": "INVALID"}, "odd", {"path": "born"}]
    with pytest.raises(InvalidRequest) as refused:
        play(EachNamesItsOwn, "book", request, replies=[reply(422, json={"errors": errors})])
    assert refused.value.fields == ("phone", "birth_date")


def test_a_code_at_a_pointer_names_the_field_too() -> None:
    request = BookingRequest(slot=SLOT, patient=Patient(given_name="Kari"))
    answer = {"error": {"code": "INVALID", "fields": ["mobile"]}}
    with pytest.raises(InvalidRequest) as refused:
        play(ByPointer, "book", request, replies=[reply(200, json=answer)])
    assert refused.value.fields == ("phone",)
