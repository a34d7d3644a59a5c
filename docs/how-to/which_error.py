"""Code of `which-error.md`, and its tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from invented import Bookable

from kobling import (
    Booking,
    BookingNotFound,
    BookingRef,
    BookingRequest,
    CancelReason,
    ClinicNotFound,
    CredentialsRejected,
    ErrorMap,
    Http,
    InvalidRequest,
    KoblingError,
    NotActivated,
    Operation,
    OutcomeUnknown,
    Patient,
    PatientFieldRequired,
    PatientFields,
    RateLimited,
    Refusal,
    ResolveFirst,
    ScopeMissing,
    Slot,
    SlotTaken,
    SlotWithdrawn,
    TooLateToChange,
    VendorProtocolError,
    VendorUnavailable,
)
from kobling.testing import example_connection, play, reply


class WithBookings(Bookable):
    contract = 1
    patient_fields = PatientFields(required=frozenset({"given_name"}), optional=frozenset({"phone"}))
    # [map]
    errors = ErrorMap(
        codes={
            "WRONG_KEY": CredentialsRejected,
            "KEY_OF_ANOTHER_CLINIC": Refusal(CredentialsRejected, fields=("external_id", "api_key")),
            "NO_SUCH_CLINIC": ClinicNotFound,
            "INTEGRATION_OFF": NotActivated,
            "TAKEN": SlotTaken,
            ("book", "NOT_FOUND"): SlotWithdrawn,  # what a booking did not find is the time
            ("cancel", "NOT_FOUND"): BookingNotFound,
            "HAS_BEGUN": TooLateToChange,
            "REFERENCE_IN_USE": Refusal(ResolveFirst, "already_booked"),
            "PHONE_MISSING": Refusal(PatientFieldRequired, fields=("phone",)),
            "WINDOW_TOO_LONG": Refusal(InvalidRequest, "refused_by_vendor"),
        },
        code="/error/code",
        statuses={423: NotActivated},
    )
    # [map-end]

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        return Booking(id=(await http.get("bookings/{}", booking.id)).read(str, at="/id"), status="unknown")


START, END = datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
SLOT = Slot(practitioner_id="7", service_id="visit", start=START, end=END, token="t9")
REQUEST = BookingRequest(slot=SLOT, patient=Patient(given_name="Kari"))
BOOKING = BookingRef(connection_id=example_connection(WithBookings).id, id="b1", confirmed=True)


# [test]
def refused(operation: Operation, *given: Any, status: int, code: str) -> KoblingError:
    answer = reply(status, json={"error": {"code": code}})
    with pytest.raises(KoblingError) as error:
        play(WithBookings, operation, *given, replies=lambda _: answer)
    return error.value


def test_one_code_means_the_time_in_a_booking_and_the_booking_in_a_cancel() -> None:
    assert isinstance(refused("book", REQUEST, status=404, code="NOT_FOUND"), SlotWithdrawn)
    reason = CancelReason(by="patient")
    assert isinstance(refused("cancel", BOOKING, reason, status=404, code="NOT_FOUND"), BookingNotFound)


def test_whoever_can_mend_it_is_told() -> None:
    wrong = refused("identify", status=403, code="KEY_OF_ANOTHER_CLINIC")
    assert (wrong.actor, wrong.fields) == ("administrator", ("external_id", "api_key"))
    assert refused("identify", status=403, code="INTEGRATION_OFF").actor == "vendor"
    assert isinstance(refused("identify", status=423, code="LOCKED"), NotActivated)
    assert refused("book", REQUEST, status=422, code="PHONE_MISSING").fields == ("phone",)


# [end]
UNLISTED = {  # in a read, in a read of one booking, in a booking, in a cancel
    400: (InvalidRequest, InvalidRequest, InvalidRequest, InvalidRequest),
    422: (InvalidRequest, InvalidRequest, InvalidRequest, InvalidRequest),
    401: (CredentialsRejected, CredentialsRejected, CredentialsRejected, CredentialsRejected),
    403: (ScopeMissing, ScopeMissing, ScopeMissing, ScopeMissing),
    429: (RateLimited, RateLimited, RateLimited, RateLimited),
    404: (VendorProtocolError, BookingNotFound, VendorProtocolError, BookingNotFound),
    410: (VendorProtocolError, BookingNotFound, VendorProtocolError, BookingNotFound),
    409: (VendorProtocolError, VendorProtocolError, OutcomeUnknown, OutcomeUnknown),
    408: (VendorUnavailable, VendorUnavailable, OutcomeUnknown, OutcomeUnknown),
    503: (VendorUnavailable, VendorUnavailable, OutcomeUnknown, OutcomeUnknown),
}


@pytest.mark.parametrize("status", UNLISTED)
def test_where_only_the_status_speaks_it_says_what_the_page_says(status: int) -> None:
    asked: tuple[tuple[Operation, tuple[Any, ...]], ...] = (
        ("identify", ()),
        ("get_booking", (BOOKING,)),
        ("book", (REQUEST,)),
        ("cancel", (BOOKING, CancelReason(by="patient"))),
    )
    answer = reply(status, json={"error": {"code": "NOT_LISTED"}})
    for (operation, given), error in zip(asked, UNLISTED[status], strict=True):
        with pytest.raises(KoblingError) as refused:
            play(WithBookings, operation, *given, replies=lambda _: answer)
        assert type(refused.value) is error
