"""The adapter alone, against canned answers: no server, no HTTP library."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from kobling import BookingRequest, OutcomeUnknown, Patient, SakID, Slot, SlotQuery, VendorProtocolError
from kobling.testing import play, reply
from kobling_eg_pasientsky import EgPasientsky

CALENDAR = "a1000000-0000-11ef-8000-000000000001"
TYPE = "b1000000-0000-11ef-8000-000000000001"
PLACE = "d1000000-0000-11ef-8000-000000000001"


def kind(**more: Any) -> dict[str, Any]:
    row = {
        "id": TYPE, "name": "Konsultasjon", "isContainedInSelectedCalendars": True, "estimatedPrice": "400",
        "extraInformation": "", "appointmentType": "appointment", "mediums": ["FACE_TO_FACE"], "location": None,
        "calendarsWithClientListIds": [], "durationInMinutes": 30, "insuranceRates": [{"code": "B1010", "name": ""}],
    }  # fmt: skip
    return {**row, **more}


def answer(times: list[dict[str, Any]] | None = None, counts: dict[str, int] | None = None, **more: Any) -> Any:
    data = {
        "calendars": [{"id": CALENDAR, "containsSelectedTimeslotTypes": True, "name": "Kari Prøve",
                       "sortingPosition": 1000, "ownedByDepartment": more.pop("owner", None)}],
        "dateSlots": [{"date": day, "availableSlots": count} for day, count in (counts or {}).items()],
        "timeslotTypes": [kind(**more)],
        "timeslots": times or [],
    }  # fmt: skip
    return reply(200, json={"data": data})


def time(local: str, end: str = "x") -> dict[str, Any]:
    return {"id": f"{CALENDAR}_2_{local}_{end}"}


def query(first: str, last: str) -> SlotQuery:
    return SlotQuery(
        first_day=date.fromisoformat(first), last_day=date.fromisoformat(last), practitioner_ids=(CALENDAR,),
        service_ids=(TYPE,),
    )  # fmt: skip


def test_the_key_goes_into_the_body_and_nowhere_else() -> None:
    played = play(EgPasientsky, "identify", replies=[answer()])
    (sent,) = played.requests
    assert sent.json["apikey"] == "example-key"
    assert sent.path == "/partner-api/3f0c1d20-0000-11ef-8000-000000000001/search"
    assert "example-key" not in sent.path + str(sent.params) + str(sent.headers)


def test_counts_come_first_then_one_call_for_each_day_that_has_times() -> None:
    counts = {"2026-12-01": 1, "2026-12-02": 0, "2026-12-03": 2}
    played = play(
        EgPasientsky, "list_slots", query("2026-12-01", "2026-12-03"),
        replies=[
            answer([time("2026-12-01T09:00")], counts),
            answer([time("2026-12-03T09:00"), time("2026-12-03T10:00")], counts),
        ],
    )  # fmt: skip
    assert [sent.json["selectedDateForDetails"] for sent in played.requests] == ["2026-12-01", "2026-12-03"]
    assert [slot.start for slot in played.result.found] == [
        datetime(2026, 12, 1, 8, 0, tzinfo=UTC), datetime(2026, 12, 3, 8, 0, tzinfo=UTC),
        datetime(2026, 12, 3, 9, 0, tzinfo=UTC),
    ]  # fmt: skip


def test_a_day_that_the_vendor_left_out_of_its_counts_is_asked_for_all_the_same() -> None:
    played = play(
        EgPasientsky, "list_slots", query("2026-12-01", "2026-12-02"),
        replies=[answer([], {"2026-12-01": 0}), answer([time("2026-12-02T09:00")], {"2026-12-01": 0})],
    )  # fmt: skip
    assert len(played.result.found) == 1


def test_the_repeated_hour_listed_once_is_left_out_and_listed_twice_is_both() -> None:
    rows = [time("2026-10-25T02:30", "x"), time("2026-10-25T02:30", "y"), time("2026-10-25T02:45", "z")]
    played = play(
        EgPasientsky, "list_slots", query("2026-10-25", "2026-10-25"), replies=[answer(rows, {"2026-10-25": 3})]
    )
    assert [slot.start for slot in played.result.found] == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    ]  # fmt: skip
    assert [problem.because for problem in played.result.problems] == ["repeated_hour"]


def test_the_missing_hour_is_left_out() -> None:
    rows = [time("2027-03-28T02:30"), time("2027-03-28T03:30")]
    played = play(
        EgPasientsky, "list_slots", query("2027-03-28", "2027-03-28"), replies=[answer(rows, {"2027-03-28": 2})]
    )
    assert [slot.start for slot in played.result.found] == [datetime(2027, 3, 28, 1, 30, tzinfo=UTC)]
    assert [problem.because for problem in played.result.problems] == ["missing_hour"]


@pytest.mark.parametrize(("more", "codes"), [
    ({}, ("B1010",)),
    ({"insuranceRates": None, "name": "Konsultasjon (B1011, B1020)"}, ("B1011", "B1020")),
    ({"insuranceRates": None, "extraInformation": "B9001"}, ("B9001",)),
    ({"insuranceRates": []}, ()),
])  # fmt: skip
def test_rates_are_read_wherever_they_may_stand(more: dict[str, Any], codes: tuple[str, ...]) -> None:
    played = play(EgPasientsky, "catalogue", replies=[answer(**more), answer(**more)])
    (offer,) = played.result.offers
    assert tuple(rate.code for rate in offer.rates) == codes


def test_no_rate_anywhere_means_that_this_vendor_shows_none() -> None:
    played = play(EgPasientsky, "catalogue", replies=[answer(insuranceRates=None), answer(insuranceRates=None)])
    assert played.result.offers[0].rates is None


def test_a_timebook_owned_by_a_department_is_listed_and_not_bookable() -> None:
    owner = {"owner": PLACE}
    played = play(EgPasientsky, "catalogue", replies=[answer(**owner), answer(**owner)])
    assert played.result.why_not(CALENDAR) == ("not_person_owned",)


def test_a_type_kept_to_a_list_of_patients_is_not_bookable() -> None:
    more = {"calendarsWithClientListIds": [CALENDAR]}
    played = play(EgPasientsky, "catalogue", replies=[answer(**more), answer(**more)])
    assert played.result.why_not(CALENDAR, TYPE) == ("restricted_patient_list",)


@pytest.mark.parametrize("body", [
    {"data": {}}, {"data": {"bookingId": ""}}, {"data": {"bookingId": None}}, {"data": None}, {}, [],
    {"bookingId": "1"},
])  # fmt: skip
def test_a_booking_answer_without_an_id_is_an_unknown_outcome(body: Any) -> None:
    slot = Slot(
        practitioner_id=CALENDAR, service_id=TYPE, start=datetime(2026, 12, 1, 8, tzinfo=UTC),
        end=datetime(2026, 12, 1, 8, 30, tzinfo=UTC), token={"id": "x", "medium": "FACE_TO_FACE"},
    )  # fmt: skip
    wanted = BookingRequest(slot=slot, patient=Patient(email="kari@example.no"), sak_id=SakID("6QPTR"))
    with pytest.raises(OutcomeUnknown) as caught:
        play(EgPasientsky, "book", wanted, replies=[reply(200, json=body)])
    assert caught.value.reference == wanted.reference


def test_a_medium_that_is_no_word_is_the_vendors_error_with_its_place() -> None:
    with pytest.raises(VendorProtocolError) as caught:
        play(EgPasientsky, "identify", replies=[answer(mediums=["FACE_TO_FACE" * 50])])
    assert caught.value.fields == ("data.timeslotTypes.0.mediums.0",)


@pytest.mark.parametrize("body", [{"data": []}, {"data": {"calendars": 1}}, [], {}])
def test_a_search_of_another_shape_names_the_place(body: Any) -> None:
    with pytest.raises(VendorProtocolError) as caught:
        play(EgPasientsky, "identify", replies=[reply(200, json=body)])
    assert caught.value.fields
