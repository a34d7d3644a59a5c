"""The adapter alone, against canned answers: no server, no HTTP library."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from kobling import (
    BookingNotFound,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    InvalidRequest,
    OutcomeUnknown,
    Patient,
    SakID,
    ScopeMissing,
    Slot,
    SlotQuery,
    SlotTaken,
    VendorProtocolError,
)
from kobling.testing import play, reply
from kobling_easypractice import ClinicSettings, EasyPractice
from kobling_easypractice.adapter import OverlapsRefused

CLOSED = {f"{day}_{what}": value for day in ("monday", "wednesday", "thursday", "friday", "saturday", "sunday")
          for what, value in (("start", "09:00"), ("end", "16:00"), ("closed", True))}  # fmt: skip
TUESDAY = {**CLOSED, "tuesday_start": "09:00", "tuesday_end": "11:00", "tuesday_closed": False}
SERVICES = [{"id": 3, "name": "Konsultasjon", "duration": 60}]
SLOT = Slot(
    practitioner_id="41", service_id="3", start=datetime(2026, 12, 1, 8, tzinfo=UTC),
    end=datetime(2026, 12, 1, 9, tzinfo=UTC),
)  # fmt: skip
REF = BookingRef(connection_id="x", id="7001")


def page(*rows: dict[str, Any], number: int = 1, last: int = 1) -> Any:
    meta = {"current_page": number, "last_page": last, "path": "api/v1/bookings?page_size=200"}
    links = {"next": f"api/v1/bookings?page_size=200&page={number + 1}" if number < last else None}
    return reply(200, json={"data": list(rows), "links": links, "meta": meta}, headers={"Retry-After": "60"})


def booking(**more: Any) -> dict[str, Any]:
    row = {
        "id": 7001, "calendar_id": 41, "client_id": 9001, "client_name": "Kari Prøve", "status": "booked",
        "start": "2026-12-01T09:00:00+01:00", "end": "2026-12-01T10:00:00+01:00",
        "created_at": "2026-11-20T08:00:00+01:00", "updated_at": "2026-11-20T08:00:00+01:00",
    }  # fmt: skip
    return {**row, **more}


def one(**more: Any) -> Any:
    return reply(200, json={"message": "The booking was updated", "data": booking(**more)})


def hours(**times: Any) -> Any:
    return reply(200, json={"data": {"show_in_calendar": True, "times": {**TUESDAY, **times}}})


def request(**more: Any) -> BookingRequest:
    patient = Patient(given_name="Kari", family_name="Prøve", birth_date=date(1980, 1, 2), phone="+4790000001")
    return BookingRequest(**{"slot": SLOT, "patient": patient, "sak_id": SakID("6QPTR"), **more})


def searched(pauses: Any, *bookings: Any, opening: Any = None, options: ClinicSettings | None = None) -> Any:
    query = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1), practitioner_ids=("41",),
                      service_ids=("3",))  # fmt: skip
    replies = [page(*SERVICES), opening or hours(), pauses, *(bookings or (page(),))]
    settings = options or ClinicSettings(intervals={"41": 30})
    return play(EasyPractice, "list_slots", query, replies=replies, options=settings)


def starts(played: Any) -> list[str]:
    return [f"{slot.start:%H:%M}" for slot in played.result.found]


def test_times_are_asked_for_by_page_and_computed() -> None:
    played = searched(page())
    assert starts(played) == ["08:00", "08:30", "09:00"]
    asked = [(sent.path, dict(sent.params)) for sent in played.requests]
    assert asked[-1] == (
        "/api/v1/bookings",
        {
            "start": "2026-11-30", "end": "2026-12-02", "calendar_id": "41", "order_by_date": "asc",
            "page_size": "200", "page": "1",
        },
    )  # fmt: skip
    assert {dict(sent.headers)["Authorization"] for sent in played.requests} == {"Bearer example-key"}


def test_every_page_of_bookings_counts() -> None:
    late = booking(id=7002, start="2026-12-01T10:00:00+01:00", end="2026-12-01T10:30:00+01:00")
    first = page(booking(end="2026-12-01T09:30:00+01:00"), last=2)
    played = searched(page(), first, page(late, number=2, last=2), first)
    assert starts(played) == []
    assert [dict(sent.params)["page"] for sent in played.requests[-3:]] == ["1", "2", "1"]


@pytest.mark.parametrize("word", ["booked", "absent", "completed", "a new word"])
def test_a_booking_with_any_word_but_cancelled_takes_its_time(word: str) -> None:
    assert starts(searched(page(), page(booking(status=word, end="2026-12-01T09:30:00+01:00")))) == ["08:30", "09:00"]


def test_a_cancelled_booking_takes_no_time() -> None:
    assert len(starts(searched(page(), page(booking(status="cancelled"))))) == 3


PAUSES = [
    {"weekday": 2, "start_time": "09:00", "end_time": "09:30"},
    {"weekday": "2", "start": "09:00:00", "end": "09:30:00"},
    {"day_of_week": "Tuesday", "from": "09:00", "to": "09:30"},
    {"date": "2026-12-01", "start_time": "09:00", "end_time": "09:30"},
    {"pause_date": "2026-12-01T00:00:00+01:00", "start": "9:00", "end": "9:30", "weekday": None},
]


@pytest.mark.parametrize("pause", PAUSES)
def test_a_pause_is_read_in_every_spelling_that_clients_have_met(pause: dict[str, Any]) -> None:
    assert starts(searched(page(pause))) == ["08:30", "09:00"]


@pytest.mark.parametrize("pause", [
    {"weekday": 1, "start_time": "09:00", "end_time": "09:30"},
    {"weekday": 0, "start_time": "09:00", "end_time": "09:30"},
    {"date": "2026-12-02", "weekday": 2, "start_time": "09:00", "end_time": "09:30"},
])  # fmt: skip
def test_a_pause_of_another_day_takes_nothing(pause: dict[str, Any]) -> None:
    assert len(starts(searched(page(pause)))) == 3


@pytest.mark.parametrize(("pause", "because"), [
    ({"start_time": "09:00", "end_time": "09:30"}, "pause_without_day"),
    ({"weekday": 8, "start_time": "09:00", "end_time": "09:30"}, "pause_weekday"),
    ({"weekday": 2, "start_time": "nine", "end_time": "09:30"}, "malformed_time"),
    ({"weekday": 2, "start_time": "10:00", "end_time": "09:30"}, "reversed_times"),
    ({"date": "1 December", "start_time": "09:00", "end_time": "09:30"}, "pause_date"),
])  # fmt: skip
def test_a_pause_that_can_not_be_read_is_the_vendors_error_and_never_an_open_time(
    pause: dict[str, Any], because: str
) -> None:
    with pytest.raises(VendorProtocolError) as caught:
        searched(page(pause))
    assert caught.value.because == because


def test_a_closed_day_may_have_times_left_over() -> None:
    assert starts(searched(page(), opening=hours(tuesday_closed=True))) == []
    assert starts(searched(page(), opening=hours(tuesday_closed="true"))) == []
    assert starts(searched(page(), opening=hours(tuesday_start=None, tuesday_end=None))) == []


@pytest.mark.parametrize(("closed", "open_times"), [("TRUE", 0), ("FALSE", 3), (0, 3), (1, 0), (None, 3)])
def test_a_day_is_closed_by_whatever_spells_it(closed: Any, open_times: int) -> None:
    assert len(starts(searched(page(), opening=hours(tuesday_closed=closed)))) == open_times


@pytest.mark.parametrize("closed", ["ja", 2, [], {}, "tru"])
def test_a_word_for_closed_that_says_nothing_opens_no_day(closed: Any) -> None:
    with pytest.raises(VendorProtocolError) as caught:
        searched(page(), opening=hours(tuesday_closed=closed))
    assert caught.value.fields == ("opening_times",)


@pytest.mark.parametrize("ends", [[], {"value": "11:00"}, 11, "١١:٠٠", True])
def test_opening_hours_that_are_no_text_of_a_clock_are_the_vendors_error(ends: Any) -> None:
    with pytest.raises(VendorProtocolError):
        searched(page(), opening=hours(tuesday_end=ends))


def test_an_id_in_the_digits_of_another_script_is_not_taken_for_the_number() -> None:
    rows = [{"id": "٤١", "name": "Kari", "employee_id": None}]
    with pytest.raises(VendorProtocolError):
        play(EasyPractice, "identify", replies=[reply(200, json={"data": rows, "meta": {"last_page": 1}})])


def test_a_booking_of_the_year_9999_is_the_vendors_error_and_no_crash() -> None:
    with pytest.raises(VendorProtocolError) as caught:
        play(EasyPractice, "get_booking", REF, replies=[one(start="9999-06-01T10:00:00+02:00")])
    assert caught.value.fields == ("data.start",)


def test_a_calendar_whose_hours_can_not_be_read_is_unknown() -> None:
    query = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1), practitioner_ids=("41", "42"),
                      service_ids=("3",))  # fmt: skip
    down = reply(500)
    replies = [page(*SERVICES), hours(), down, page(), page(), page()]
    played = play(EasyPractice, "list_slots", query, replies=replies, options=ClinicSettings())
    assert {slot.practitioner_id for slot in played.result.found} == {"41"}
    assert [(part.practitioner_id, part.because) for part in played.result.unknown] == [("42", "vendor_unavailable")]


# ---- whose token


def calendars(user: str | None) -> Any:
    rows = [{"id": 41, "name": "Kari", "employee_id": 77}, {"id": 42, "name": "Rom 1", "employee_id": None}]
    headers = {"X-User-Id": user} if user else {}
    return reply(200, json={"data": rows, "meta": {"last_page": 1}}, headers=headers)


def test_the_main_accounts_token_may_do_everything() -> None:
    assert play(EasyPractice, "identify", replies=[calendars("12345")]).result.can is None


def test_an_employees_token_can_not_list_all_bookings() -> None:
    can = play(EasyPractice, "identify", replies=[calendars("77")]).result.can
    assert can is not None
    assert "list_bookings" not in can
    assert "book" in can


def test_another_accounts_token_is_refused_with_both_fields() -> None:
    with pytest.raises(Exception, match="credentials_rejected") as caught:
        play(EasyPractice, "identify", replies=[calendars("999")])
    assert caught.value.fields == ("external_id", "api_key")  # type: ignore[attr-defined]


# ---- writing


def test_a_client_is_added_with_tag_and_sak_id_in_the_notes() -> None:
    wanted = request()
    made = reply(201, json={"message": "The client was created", "data": {"id": 9001, "name": "Kari Prøve"}})
    played = play(EasyPractice, "register_patient", wanted, replies=[made])
    assert played.result == "9001"
    (sent,) = played.requests
    assert (sent.method, sent.path) == ("POST", "/api/v1/clients")
    assert sent.json == {"name": "Kari Prøve", "phone": "+4790000001", "date_of_birth": "1980-01-02",
                         "notes": wanted.note()}  # fmt: skip
    assert "SakID: 6QPTR" in sent.json["notes"]


def test_a_booking_names_calendar_client_and_times_with_the_clinics_offset() -> None:
    played = play(EasyPractice, "book", request(patient_id="9001"), replies=[one()])
    assert played.requests[0].json == {
        "type": "client_booking", "calendar_id": 41, "client_id": 9001, "product_id": 3,
        "start": "2026-12-01T09:00:00+01:00", "end": "2026-12-01T10:00:00+01:00",
    }  # fmt: skip
    made = played.result
    assert (made.id, made.status, made.start, made.service_id) == ("7001", "booked", SLOT.start, None)


@pytest.mark.parametrize("refusal", [
    reply(409, json={"message": "The time is not available."}),
    reply(422, json={"message": "The given data was invalid.", "errors": {"start": ["Not available."]}}),
])  # fmt: skip
def test_a_refused_time_is_taken(refusal: Any) -> None:
    with pytest.raises(SlotTaken):
        play(EasyPractice, "book", request(patient_id="9001"), replies=[refusal])


def test_a_field_that_is_refused_is_named_as_ours() -> None:
    errors = {"message": "The given data was invalid.", "errors": {"date_of_birth": ["Not a date."]}}
    with pytest.raises(InvalidRequest) as caught:
        play(EasyPractice, "register_patient", request(), replies=[reply(422, json=errors)])
    assert caught.value.fields == ("birth_date",)


def test_a_token_without_the_scope_is_no_wrong_key() -> None:
    refused = reply(403, json={"message": "Invalid scope(s) provided."})
    with pytest.raises(ScopeMissing):
        play(EasyPractice, "book", request(patient_id="9001"), replies=[refused])


# ---- cancelling and moving


def cancelled(answer: Any, by: str = "status") -> Any:
    settings = ClinicSettings(cancel_by=by)  # type: ignore[arg-type]
    return play(EasyPractice, "cancel", REF, CancelReason(by="patient"), replies=[answer], options=settings)


def test_a_booking_is_cancelled_by_its_status_or_by_deleting_it() -> None:
    by_status = cancelled(one(status="cancelled"))
    assert (by_status.requests[0].method, by_status.requests[0].json) == ("PATCH", {"status": "cancelled"})
    deleted = cancelled(reply(200, json={"message": "The booking was deleted"}), "delete")
    assert (deleted.requests[0].method, deleted.requests[0].path) == ("DELETE", "/api/v1/bookings/7001")
    assert by_status.result == deleted.result == Cancelled()


def test_a_status_that_was_not_taken_over_is_not_cancelled() -> None:
    with pytest.raises(OutcomeUnknown):
        cancelled(one())


def test_only_a_missing_record_is_a_booking_that_is_gone() -> None:
    with pytest.raises(BookingNotFound):
        cancelled(reply(404, json={"message": "No query results for model [App\\Models\\Booking] 7001"}), "delete")
    with pytest.raises(VendorProtocolError):
        cancelled(reply(404, json={"message": ""}), "delete")
    with pytest.raises(VendorProtocolError):
        play(EasyPractice, "get_booking", REF, replies=[reply(404, json={"message": ""})])


class Hasty(EasyPractice):
    """A class made from ours, as a test or a registry may."""

    contract = 1
    limits = EasyPractice.limits.model_copy(update={"timeout_read": 1.0})


def test_a_booking_is_moved_in_one_step_only_where_overlaps_are_refused() -> None:
    assert "reschedule" not in EasyPractice.supports
    assert EasyPractice.suited(ClinicSettings()) is EasyPractice
    assert EasyPractice.suited(ClinicSettings(overlap="refused")) is OverlapsRefused
    made = Hasty.suited(ClinicSettings(overlap="refused"))
    assert issubclass(made, Hasty)
    assert made is Hasty.suited(ClinicSettings(overlap="refused"))
    assert (made.limits.booking.overlap, made.limits.timeout_read) == ("refused", 1.0)
    assert "reschedule" in made.supports
    assert Hasty.suited(ClinicSettings()) is Hasty
    moved = play(OverlapsRefused, "reschedule", REF, SLOT, replies=[one()])
    assert (moved.requests[0].method, moved.requests[0].json) == (
        "PATCH", {"start": "2026-12-01T09:00:00+01:00", "end": "2026-12-01T10:00:00+01:00"},
    )  # fmt: skip
