"""The adapter alone, against canned answers: no server, no HTTP library."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from kobling import (
    BookingNotFound,
    BookingQuery,
    BookingRef,
    BookingRequest,
    CancelReason,
    CredentialsRejected,
    OutcomeUnknown,
    Patient,
    SakID,
    Slot,
    SlotQuery,
    VendorProtocolError,
)
from kobling.adapter import check_adapter
from kobling.testing import example_connection, play, reply
from kobling_extensor import Extensor

REFERENCE = UUID("0b0e2b0a-1c9f-4b3a-9f4e-6d2c9b7a1e55")


def row(start: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": number, "behandlerId": 12, "timetypeId": 7, "avdelingId": None, "start": start,
            "varighetMinutter": 30, **more}  # fmt: skip


def searched(*rows: dict[str, Any], day: str, **query: Any) -> Any:
    wanted = SlotQuery(first_day=date.fromisoformat(day), last_day=date.fromisoformat(day),
                       practitioner_ids=("12",), **query)  # fmt: skip
    return play(Extensor, "list_slots", wanted, replies=[reply(200, json={"ledigetimer": list(rows)})])


def starts(played: Any) -> list[str]:
    return [f"{slot.start:%H:%M}" for slot in played.result.found]


def kind(**more: Any) -> dict[str, Any]:
    return {"id": 7, "navn": "Konsultasjon", "varighetMinutter": 30, "type": "VANLIG", "nettbestilling": True,
            "avdelingId": None, "oppmoteformer": ["OPPMOTE"],
            "regler": [{"behandlerId": 12, "pasienter": "ALLE", "takster": [{"kode": "B1010", "navn": ""}]}],
            **more}  # fmt: skip


def catalogue(person: dict[str, Any] | None = None, **more: Any) -> Any:
    who = {"id": 12, "navn": "Kari Prøve", "eier": "PERSON", "nettbestilling": True, **(person or {})}
    answers = [reply(200, json={"behandlere": [who]}), reply(200, json={"timetyper": [kind(**more)]})]
    return play(Extensor, "catalogue", replies=answers).result


def booking(**more: Any) -> dict[str, Any]:
    return {**row("2026-12-01T09:00:00", 4711), "status": "BEKREFTET", "referanse": str(REFERENCE), **more}


SLOT = Slot(practitioner_id="12", service_id="7", start=datetime(2026, 12, 1, 8, tzinfo=UTC),
            end=datetime(2026, 12, 1, 8, 30, tzinfo=UTC), token={"id": "99"})  # fmt: skip
REQUEST = BookingRequest(
    slot=SLOT, reference=REFERENCE, sak_id=SakID("6QPTR"),
    patient=Patient(given_name="Kari", family_name="Prøve", birth_date=date(1980, 1, 2), phone="+4790000001"),
)  # fmt: skip
REF = BookingRef(connection_id="c", id="4711", confirmed=True)


def test_the_class_keeps_the_contract() -> None:
    check_adapter(Extensor)
    assert Extensor.supports == {
        "identify", "catalogue", "list_slots", "book", "cancel", "get_booking", "list_bookings", "reschedule"
    }  # fmt: skip


def test_every_call_names_clinic_and_department_and_carries_the_key_in_its_header_only() -> None:
    department = example_connection(Extensor, department_id="3")
    told = {"klinikk": {"id": 1021, "navn": "Prøve"}, "avdelinger": []}
    empty = {"behandlere": [], "timetyper": [], "ledigetimer": [], "timer": [], "fullstendig": True}
    listed = BookingQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1))
    search = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1), practitioner_ids=("12",))
    gone = reply(200, json={"time": booking(status="AVBESTILT")})
    stands = reply(200, json={"time": booking()})
    every: tuple[tuple[Any, ...], ...] = (
        ("identify", (), [reply(200, json=told)]),
        ("catalogue", (), [reply(200, json=empty)] * 2),
        ("list_slots", (search,), [reply(200, json=empty)]),
        ("book", (REQUEST,), [reply(201, json={"time": booking()})]),
        ("cancel", (REF, CancelReason(by="patient")), [gone]),
        ("get_booking", (REF,), [stands]),
        ("list_bookings", (listed,), [reply(200, json=empty)]),
        ("reschedule", (REF, SLOT), [stands]),
    )
    assert {name for name, _, _ in every} == Extensor.supports
    for name, given, answers in every:
        for sent in play(Extensor, name, *given, replies=answers, connection=department).requests:
            assert sent.path.startswith("/extensor/api/"), name
            assert {"klinikk": "1021", "avdeling": "3"}.items() <= dict(sent.params).items(), name
            assert sent.header("X-Api-Key") == "example-key", name
            assert b"example-key" not in sent.body + str((sent.path, sent.params)).encode(), name


def test_a_search_asks_for_one_practitioner_and_for_a_type_only_where_one_is_wanted() -> None:
    one = searched(day="2026-12-01", service_ids=("7",)).requests[0]
    two = searched(day="2026-12-01", service_ids=("7", "8")).requests[0]
    assert dict(one.params)["behandlerId"] == dict(two.params)["behandlerId"] == "12"
    assert dict(one.params)["timetypeId"] == "7"
    assert "timetypeId" not in dict(two.params)
    assert (dict(one.params)["fra"], dict(one.params)["til"]) == ("2026-12-01", "2026-12-01")


# ---- the nights


def test_on_the_longer_night_a_time_listed_twice_is_both_and_one_listed_once_is_left_out() -> None:
    rows = [row("2026-10-25T01:30:00", 1), row("2026-10-25T02:00:00", 2), row("2026-10-25T02:30:00", 3),
            row("2026-10-25T02:00:00", 4), row("2026-10-25T03:00:00", 5)]  # fmt: skip
    played = searched(*rows, day="2026-10-25")
    assert starts(played) == ["23:30", "00:00", "01:00", "02:00"]
    assert [slot.token for slot in played.result.found] == [{"id": "1"}, {"id": "2"}, {"id": "4"}, {"id": "5"}]
    assert [problem.because for problem in played.result.problems] == ["repeated_hour"]


def test_times_of_two_types_do_not_pass_for_one_time_listed_twice() -> None:
    played = searched(row("2026-10-25T02:00:00", 1), row("2026-10-25T02:00:00", 2, timetypeId=8), day="2026-10-25")
    assert starts(played) == []
    assert len(played.result.problems) == 2


def test_on_the_shorter_night_the_missing_hour_is_left_out_and_an_end_is_absolute() -> None:
    rows = [row("2027-03-28T01:45:00", 1), row("2027-03-28T02:30:00", 2), row("2027-03-28T03:30:00", 3)]
    played = searched(*rows, day="2027-03-28")
    assert starts(played) == ["00:45", "01:30"]
    assert f"{played.result.found[0].end:%H:%M}" == "01:15"
    assert [problem.because for problem in played.result.problems] == ["missing_hour"]


@pytest.mark.parametrize("start", ["9999-12-31T23:59", "9998-12-31T23:59", "0001-01-01T00:00"])
def test_a_time_outside_of_every_calendar_is_left_out_and_the_others_stay(start: str) -> None:
    played = searched(row("2026-12-01T09:00:00", 1), row(start, 2), day="2026-12-01")
    assert starts(played) == ["08:00"]
    assert [problem.because for problem in played.result.problems] == ["outside_calendar"]


@pytest.mark.parametrize(("wall", "start"), [
    ("2026-12-01T09:00:00", datetime(2026, 12, 1, 8, tzinfo=UTC)),
    ("2026-10-25T02:30:00", None),
    ("2027-03-28T02:30:00", None),
    ("9999-06-01T10:00:00", None),
    ("0001-01-01T00:00:00", None),
])  # fmt: skip
def test_a_bookings_time_that_names_no_one_moment_is_not_told(wall: str, start: datetime | None) -> None:
    told = play(Extensor, "get_booking", REF, replies=[reply(200, json={"time": booking(start=wall)})]).result
    assert (told.start, told.end is None) == (start, start is None)


@pytest.mark.parametrize("wall", ["2026-12-01 09:00", "09:00", "2026-12-01T09:00:00+01:00", "2026-13-01T09:00:00", ""])
def test_a_time_that_is_not_the_wires_is_the_vendors_error(wall: str) -> None:
    with pytest.raises(VendorProtocolError):
        searched(row(wall), day="2026-12-01")


# ---- words


@pytest.mark.parametrize(("person", "more", "reasons"), [
    ({}, {}, ()),
    ({"eier": "GRUPPE"}, {}, ("not_person_owned",)),
    ({"eier": "NOE_NYTT"}, {}, ("not_person_owned",)),
    ({"nettbestilling": False}, {}, ("offline",)),
    ({}, {"type": "SKJULT"}, ("hidden_type",)),
    ({}, {"type": "GRUPPE"}, ("group_type",)),
    ({}, {"nettbestilling": False}, ("service_offline",)),
    ({}, {"regler": []}, ("no_rule_for_calendar",)),
    ({}, {"regler": [{"behandlerId": 12, "pasienter": "LISTE", "takster": [{"kode": "B1010"}]}]},
     ("restricted_patient_list",)),
    ({}, {"regler": [{"behandlerId": 12, "pasienter": "NOE_NYTT", "takster": [{"kode": "B1010"}]}]},
     ("restricted_patient_list",)),
    ({}, {"regler": [{"behandlerId": 12, "pasienter": "ALLE", "takster": [{"kode": "A3a"}]}]}, ("no_insurance_rate",)),
])  # fmt: skip
def test_what_can_not_be_booked_is_listed_with_its_reason(
    person: dict[str, Any], more: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    found = catalogue(person, **more)
    assert found.why_not("12", "7") == reasons
    assert [one.name for one in found.practitioners] == ["Kari Prøve"]


def test_all_rates_of_a_rule_are_kept_in_any_order() -> None:
    rates = [{"kode": "A3a"}, {"kode": "B1011"}, {"kode": "E100"}, {"kode": "B9001"}]
    (offer,) = catalogue(regler=[{"behandlerId": 12, "pasienter": "ALLE", "takster": rates}]).offers
    assert [rate.code for rate in offer.rates] == ["A3a", "B1011", "E100", "B9001"]


@pytest.mark.parametrize(("word", "status"), [("BEKREFTET", "booked"), ("FORESPURT", "pending"), ("OK", "unknown")])
def test_a_word_that_is_not_known_is_never_booked(word: str, status: str) -> None:
    answer = reply(201, json={"time": booking(status=word)})
    assert play(Extensor, "book", REQUEST, replies=[answer]).result.status == status


@pytest.mark.parametrize("text", [None, "", "ringt inn av Kari", "6QPTR"])
def test_a_reference_that_is_no_registrys_is_none(text: str | None) -> None:
    answer = reply(200, json={"time": booking(referanse=text)})
    assert play(Extensor, "get_booking", REF, replies=[answer]).result.reference is None


# ---- answers to writes


@pytest.mark.parametrize("body", [
    {}, [], None, {"time": None}, {"time": {}}, {"time": booking(id=None)}, {"time": booking(id="")},
    {"time": booking(id=True)}, {"time": booking(start="i morgen")}, {"id": 4711},
])  # fmt: skip
def test_an_answer_to_a_booking_of_another_shape_is_an_unknown_outcome(body: Any) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        play(Extensor, "book", REQUEST, replies=[reply(201, json=body)])
    assert caught.value.reference == REFERENCE


def test_a_cancel_that_leaves_the_booking_standing_is_an_unknown_outcome() -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        play(Extensor, "cancel", REF, CancelReason(by="patient"), replies=[reply(200, json={"time": booking()})])
    assert caught.value.because == "not_cancelled"


def test_a_late_cancel_is_told_as_late() -> None:
    gone = reply(200, json={"time": booking(status="AVBESTILT", forSent=True)})
    assert play(Extensor, "cancel", REF, CancelReason(by="patient"), replies=[gone]).result.late is True


def test_the_programmes_own_code_says_that_a_booking_is_unknown() -> None:
    with pytest.raises(BookingNotFound):
        play(Extensor, "get_booking", REF, replies=[reply(404, json={"feilkode": "TIME_UKJENT", "melding": ""})])


@pytest.mark.parametrize("status", [401, 403])
def test_a_web_servers_own_log_in_may_mean_the_address_or_the_key(status: int) -> None:
    with pytest.raises(CredentialsRejected) as caught:
        play(Extensor, "identify", replies=[reply(status, text="<html>401 - Unauthorized</html>")])
    assert caught.value.fields == ("booking_url", "api_key")


def test_a_conflict_without_the_programmes_code_is_an_unknown_outcome() -> None:
    with pytest.raises(OutcomeUnknown):
        play(Extensor, "book", REQUEST, replies=[reply(409, text="Conflict")])
