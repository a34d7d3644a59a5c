"""EG Pasientsky's dialect: what is documented, and every switch for what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kobling.exchange import WireReply
from kobling_mocks import Mock
from kobling_mocks.clinic import Clinic, Clock, TemplateRow, WeekTemplate, demo_clinic, demo_id, synthetic_clinic
from kobling_mocks.dialects.eg_pasientsky_wire import SearchAnswer
from partner_caller import DAY, FIRST_VISIT, FOLLOW_UP, KARI, Caller, caller_of

JOVNNA, AASE, GROUP, DEPARTMENT = (demo_id("timebook", key) for key in ("jovnna", "aase", "gruppe", "avdeling"))


def code(reply: WireReply) -> str:
    found: str = json.loads(reply.body)["error"]["code"]
    return found


# ---- search


def test_search_counts_every_date_and_lists_the_times_of_the_selected_one(caller: Caller) -> None:
    found = caller.ok(
        "/search", {"dateRange": {"from": DAY, "to": "2026-12-07"}, "selectedDateForDetails": "2026-12-02"}
    )
    counts = {row["date"]: row["availableSlots"] for row in found["dateSlots"]}
    assert list(counts) == [f"2026-12-0{number}" for number in range(1, 8)]
    assert counts["2026-12-05"] == counts["2026-12-06"] == 0, "the weekend has no plan"
    assert len(found["timeslots"]) == counts["2026-12-02"]
    assert {row["from"][:10] for row in found["timeslots"]} == {"2026-12-02"}


def test_without_a_selected_date_the_times_of_today_are_listed(caller: Caller) -> None:
    found = caller.ok("/search", {"dateRange": {"from": DAY, "to": DAY}})
    assert {row["from"][:10] for row in found["timeslots"]} == {"2026-11-23"}


def test_a_search_answers_as_documented(caller: Caller) -> None:
    SearchAnswer.model_validate({"data": caller.search()})


@pytest.mark.parametrize("seed", range(6))
def test_any_synthetic_clinic_can_be_searched_and_what_is_offered_can_be_booked(seed: int) -> None:
    caller = caller_of(Mock("eg-pasientsky", seed=seed))
    today = caller.mock.world.clock.now().date()
    found = caller.search(today.isoformat(), (today + timedelta(days=13)).isoformat())
    SearchAnswer.model_validate({"data": found})
    for row in found["dateSlots"]:
        slots = caller.search(row["date"])["timeslots"]
        assert len(slots) == row["availableSlots"]
    mediums = {row["id"]: row["mediums"][0] for row in found["timeslotTypes"]}
    days = [row["date"] for row in found["dateSlots"] if row["availableSlots"]]
    for day in days[:1]:
        slot = caller.search(day)["timeslots"][0]
        order = caller.order(
            slot,
            calendarId=slot["calendarId"],
            medium=mediums[slot["timeslotTypeId"]],
            groupAppointmentId=slot["groupAppointmentId"],
        )
        assert caller.ok("/book", order)["bookingId"]
    caller.mock.world.assert_sound()


def test_a_slot_id_holds_calendar_local_start_and_an_id(caller: Caller) -> None:
    slot = caller.slot()
    calendar, two, start, last = slot["id"].split("_")
    assert (calendar, two, start, len(last)) == (KARI, "2", f"{DAY}T09:00", 36)


def test_the_hour_that_is_repeated_gives_two_rows_with_the_same_local_start() -> None:
    clinic = demo_clinic(Clock(datetime(2026, 10, 19, 7, tzinfo=UTC)))
    row = TemplateRow(6, datetime(2026, 10, 25, 2, 30).time(), FOLLOW_UP, "both")
    clinic.put_template(WeekTemplate("night", "Natt", (row,)))
    clinic.lay_plan(KARI, "night", date(2026, 10, 19), 1)
    caller = caller_of(Mock("eg-pasientsky", clinic))
    slots = caller.search("2026-10-25")["timeslots"]
    assert [slot["from"] for slot in slots] == ["2026-10-25T02:30"] * 2
    for slot in slots:
        caller.ok("/book", caller.order(slot, email=f"{slot['id'][-8:]}@example.test"))
    starts = [a.start for a in clinic.all_appointments() if a.source == "online"]
    assert starts == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]


def test_what_online_booking_hides_is_absent(caller: Caller) -> None:
    found = caller.search()
    assert AASE not in {row["id"] for row in found["calendars"]}, "an offline timebook"
    assert demo_id("type", "intern") not in {row["id"] for row in found["timeslotTypes"]}, "a hidden type"
    assert demo_id("type", "bedrift") not in {row["timeslotTypeId"] for row in found["timeslots"]}, "a patient list"


def test_filters_choose_the_counts_and_say_who_offers_what(caller: Caller) -> None:
    training = demo_id("type", "trening")
    found = caller.search(timeslotTypeIds=[training])
    offers = {row["id"]: row["containsSelectedTimeslotTypes"] for row in found["calendars"]}
    assert offers == {KARI: True, JOVNNA: False, GROUP: False, DEPARTMENT: False}
    assert {row["timeslotTypeId"] for row in found["timeslots"]} == {training}
    found = caller.search(calendarIds=[JOVNNA])
    contained = {row["id"]: row["isContainedInSelectedCalendars"] for row in found["timeslotTypes"]}
    assert contained[FIRST_VISIT] is True
    assert contained[training] is False
    assert {row["calendarId"] for row in found["timeslots"]} == {JOVNNA}


def test_a_restricted_type_names_the_calendar_of_its_patient_list(caller: Caller) -> None:
    rows = {row["id"]: row for row in caller.search()["timeslotTypes"]}
    assert rows[demo_id("type", "bedrift")]["calendarsWithClientListIds"] == [JOVNNA]
    assert rows[FIRST_VISIT]["calendarsWithClientListIds"] == []


def test_a_type_without_address_has_no_location_and_a_group_type_says_so(caller: Caller) -> None:
    rows = {row["id"]: row for row in caller.search()["timeslotTypes"]}
    assert rows[FOLLOW_UP]["location"] is None
    assert rows[FIRST_VISIT]["location"]["id"] == demo_id("department", "torget")
    assert rows[demo_id("type", "rygg")]["appointmentType"] == "groupAppointment"
    assert rows[FIRST_VISIT]["estimatedPrice"] == "790", "a text, as documented"


# ---- book and cancel


def test_a_booking_stands_in_the_timebook_with_its_note_and_a_claim(caller: Caller) -> None:
    booked = caller.ok("/book", caller.order(note="[K:TAG]\nSakID: 6QPTR\nOla Prøve, f. 1984"))
    clinic = caller.mock.world.clinic
    appointment = clinic.appointment(booked["bookingId"])
    assert (appointment.timebook_id, appointment.type_id) == (KARI, FIRST_VISIT)
    assert appointment.start == datetime(2026, 12, 1, 8, tzinfo=UTC), "09:00 in Oslo"
    assert appointment.note == appointment.patient_comment == "[K:TAG]\nSakID: 6QPTR\nOla Prøve, f. 1984"
    assert [(claim.sak_id, claim.appointment_id) for claim in clinic.claims] == [("6QPTR", appointment.id)]


def test_the_patient_is_found_by_email_else_made_without_a_name(caller: Caller) -> None:
    clinic = caller.mock.world.clinic
    before = {patient.id: patient.name for patient in clinic.patients}
    known = caller.ok("/book", caller.order(email="Prove@Example.test"))["bookingId"]
    assert before[clinic.appointment(known).patient_id] == "Prøve Nordmann"
    new = caller.ok("/book", caller.order(email="ny@example.test"))["bookingId"]
    made = [(p.name, p.email) for p in clinic.patients if p.id not in before]
    assert made == [("", "ny@example.test")], "no name is on the wire"
    assert clinic.appointment(new).patient_id not in before


def test_the_same_case_twice_makes_one_claim(caller: Caller) -> None:
    caller.ok("/book", caller.order())
    caller.ok("/book", caller.order(caller.slot(1)))
    assert len(caller.mock.world.clinic.claims) == 1


def test_a_national_id_finds_the_patient_where_the_email_is_not_used(caller: Caller) -> None:
    order = caller.order(
        createFromEmail=False,
        email="",
        personalNumber="21883649874",
        idTerminology="reference.identificationNumber.norwegian.birthNumber",
    )
    first = caller.ok("/book", order)["bookingId"]
    second = caller.ok("/book", {**order, "timeslotId": caller.slot(1)["id"]})["bookingId"]
    clinic = caller.mock.world.clinic
    assert clinic.appointment(first).patient_id == clinic.appointment(second).patient_id


def test_a_time_is_booked_once(caller: Caller) -> None:
    order = caller.order()
    caller.ok("/book", order)
    refused = caller.reply("/book", {**order, "email": "annen@example.test"})
    assert (refused.status, code(refused)) == (409, "TIMESLOT_UNAVAILABLE")


def test_a_time_that_is_withdrawn_after_the_search_is_not_available(caller: Caller) -> None:
    order = caller.order()
    caller.mock.world.clinic.clear_plan(KARI, date(2026, 12, 1), date(2026, 12, 1))
    assert code(caller.reply("/book", order)) == "TIMESLOT_UNAVAILABLE"


def test_a_cancelled_booking_frees_its_time(caller: Caller) -> None:
    order = caller.order()
    booking = caller.ok("/book", order)["bookingId"]
    assert caller.ok(f"/{booking}/cancel", {"note": "Avlyst av pasienten"}) == {"cancelled": True}
    assert caller.ok("/book", order)["bookingId"] != booking


def test_a_cancellation_after_the_deadline_or_the_start_is_refused(caller: Caller) -> None:
    slot = caller.slot(type_id=FOLLOW_UP)
    booking = caller.ok("/book", caller.order(slot))["bookingId"]
    clock = caller.mock.world.clock
    clock.set(datetime(2026, 12, 1, 1, tzinfo=UTC))
    late = caller.reply(f"/{booking}/cancel", {})
    assert (late.status, code(late)) == (409, "CANCELLATION_DEADLINE_PASSED")
    clock.set(datetime(2026, 12, 1, 12, tzinfo=UTC))
    assert code(caller.reply(f"/{booking}/cancel", {})) == "BOOKING_STARTED"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": ""}, "email"),
        ({"createFromEmail": None}, "idTerminology"),
        ({"phoneNumber": None}, "phoneNumber"),
        ({"calendarId": demo_id("timebook", "jovnna")}, "timeslotId"),
        ({"timeslotId": "anything"}, "timeslotId"),
        ({"medium": "VIDEO"}, "medium"),
        ({"medium": "PIGEON"}, "medium"),
        ({"createFromEmail": "yes"}, "createFromEmail"),
    ],
)
def test_an_order_that_is_not_whole_names_the_field(caller: Caller, changes: dict[str, Any], field: str) -> None:
    revision = caller.mock.world.clinic.revision
    refused = caller.reply("/book", caller.order(**changes))
    error = json.loads(refused.body)["error"]
    assert (refused.status, error["code"]) == (400, "VALIDATION")
    assert field in error["fields"]
    assert caller.mock.world.clinic.revision == revision, "nothing was changed"


@pytest.mark.parametrize("day", [{"from": DAY}, {"from": DAY, "to": "2026-02-30"}, {"from": DAY, "to": "2026-11-30"}])
def test_dates_that_make_no_range_are_refused(caller: Caller, day: dict[str, str]) -> None:
    assert code(caller.reply("/search", {"dateRange": day})) == "VALIDATION"


def test_a_search_changes_nothing(caller: Caller) -> None:
    before = caller.mock.world.clinic.dump()
    caller.search()
    assert caller.mock.world.clinic.dump() == before


# ---- who may ask


def second_clinic(caller: Caller) -> Caller:
    account = caller.mock.world.add_clinic(synthetic_clinic(3, caller.mock.world.clock))
    return Caller(caller.mock, account.external_id, account.api_key)


def test_a_wrong_key_an_unknown_clinic_and_the_key_of_another_clinic_are_told_apart(caller: Caller) -> None:
    other = second_clinic(caller)
    body = {"dateRange": {"from": DAY, "to": DAY}}
    assert caller.reply("/search", {**body, "apikey": "wrong"}).status == 401
    assert caller.reply("/search", {**body, "apikey": None}).status == 401
    unknown = caller.reply("/search", body, external_id="3f0c1d20-0000-11ef-8000-000000000001")
    assert (unknown.status, code(unknown)) == (404, "NOT_FOUND")
    crossed = caller.reply("/search", body, external_id=other.external_id)
    assert (crossed.status, code(crossed)) == (401, "UNAUTHORIZED")
    assert other.reply("/search", body).status == 200


def test_a_clinic_that_the_vendor_has_not_switched_on_is_refused(caller: Caller) -> None:
    caller.mock.world.account.activated = False
    refused = caller.reply("/search", {"dateRange": {"from": DAY, "to": DAY}})
    assert (refused.status, code(refused)) == (403, "INTEGRATION_NOT_ENABLED")


# ---- switches


@pytest.mark.parametrize("setting", ["401", "403", "200"])
def test_switch_unauthorized(caller: Caller, setting: str) -> None:
    caller.mock.world.switches.set(unauthorized=setting)
    refused = caller.reply("/search", {"apikey": "wrong", "dateRange": {"from": DAY, "to": DAY}})
    assert (refused.status, code(refused)) == (int(setting), "UNAUTHORIZED")


@pytest.mark.parametrize("setting", ["404", "403"])
def test_switch_unknown_clinic(caller: Caller, setting: str) -> None:
    caller.mock.world.switches.set(unknown_clinic=setting)
    refused = caller.reply("/search", {"dateRange": {"from": DAY, "to": DAY}}, external_id="nobody")
    assert (refused.status, code(refused)) == (int(setting), {"404": "NOT_FOUND", "403": "FORBIDDEN"}[setting])


@pytest.mark.parametrize("setting", ["400", "422"])
def test_switch_validation(caller: Caller, setting: str) -> None:
    caller.mock.world.switches.set(validation=setting)
    assert caller.reply("/search", {}).status == int(setting)


@pytest.mark.parametrize("setting", ["409", "400", "200"])
def test_switch_taken(caller: Caller, setting: str) -> None:
    caller.mock.world.switches.set(taken=setting)
    order = caller.order()
    caller.ok("/book", order)
    refused = caller.reply("/book", order)
    assert (refused.status, code(refused)) == (int(setting), "TIMESLOT_UNAVAILABLE")


@pytest.mark.parametrize(("setting", "unknown", "again"), [("404/409", 404, 409), ("404", 404, 404), ("200", 200, 200)])
def test_switch_cancel_gone(caller: Caller, setting: str, unknown: int, again: int) -> None:
    caller.mock.world.switches.set(cancel_gone=setting)
    booking = caller.ok("/book", caller.order())["bookingId"]
    caller.ok(f"/{booking}/cancel", {})
    first = caller.reply("/3f0c1d20-0000-11ef-8000-000000000001/cancel", {})
    second = caller.reply(f"/{booking}/cancel", {})
    assert (first.status, second.status) == (unknown, again)
    if setting == "200":
        assert json.loads(first.body) == json.loads(second.body) == {"data": {"cancelled": False}}


@pytest.mark.parametrize(
    ("setting", "state", "word"),
    [
        ("direct", "booked", None),
        ("direct_said", "booked", "BOOKED"),
        ("pending", "pending", "PENDING"),
        ("pending_unsaid", "pending", None),
    ],
)
def test_switch_confirmation(caller: Caller, setting: str, state: str, word: str | None) -> None:
    caller.mock.world.switches.set(confirmation=setting)
    answer = caller.ok("/book", caller.order())
    assert caller.mock.world.clinic.appointment(answer["bookingId"]).state == state
    assert answer.get("status") == word


def test_switch_gateway_answers_before_the_commit(caller: Caller) -> None:
    world = caller.mock.world
    world.switches.set(gateway="answers_first", commit_lag_seconds=30)
    booking = caller.ok("/book", caller.order())["bookingId"]
    assert booking not in {a.id for a in world.clinic.all_appointments()}
    assert world.journal.of("book")[-1].effect == "later"
    world.clock.advance(30)
    assert booking in {a.id for a in world.clinic.all_appointments()}


def test_switch_gateway_gives_up_and_the_booking_stands_later(caller: Caller) -> None:
    world = caller.mock.world
    world.switches.set(gateway="gives_up", commit_lag_seconds=30)
    answer = caller.reply("/book", caller.order())
    assert answer.status == 504
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    world.clock.advance(30)
    assert [a.source for a in world.clinic.all_appointments()].count("online") == 1


def test_a_search_from_a_cache_still_shows_a_time_that_was_just_taken(caller: Caller) -> None:
    world = caller.mock.world
    world.switches.set(search_cache_seconds=300)
    slot = caller.slot()
    caller.ok("/book", caller.order(slot))
    assert caller.slot()["id"] == slot["id"]
    assert code(caller.reply("/book", caller.order(slot))) == "TIMESLOT_UNAVAILABLE"
    world.clock.advance(301)
    assert caller.slot()["id"] != slot["id"]


def test_switch_max_bookings(caller: Caller) -> None:
    caller.mock.world.switches.set(max_bookings=1)
    caller.ok("/book", caller.order())
    refused = caller.reply("/book", caller.order(caller.slot()))
    assert (refused.status, code(refused)) == (409, "BOOKING_LIMIT_REACHED")
    caller.mock.world.switches.set(max_bookings=0)
    caller.ok("/book", caller.order(caller.slot()))


@pytest.mark.parametrize("setting", ["field", "name", "extra_information", "none"])
def test_switch_rates(caller: Caller, setting: str) -> None:
    caller.mock.world.switches.set(rates=setting)
    row = next(row for row in caller.search()["timeslotTypes"] if row["id"] == FOLLOW_UP)
    assert row.get("insuranceRates") == (
        [{"code": "B1010", "name": "Fysioterapi konsultasjon (syntetisk navn)"}] if setting == "field" else None
    )
    assert ("B1010" in row["name"]) is (setting == "name")
    assert ("B1010" in row["extraInformation"]) is (setting == "extra_information")


def test_rates_are_those_of_the_selected_calendars(caller: Caller) -> None:
    world = caller.mock.world
    kind = world.clinic.type(FOLLOW_UP)
    assert kind is not None
    rules = tuple(replace(rule, rates=()) if rule.timebook_id == JOVNNA else rule for rule in kind.rules)
    world.clinic.put_type(replace(kind, rules=rules))

    def codes(calendar_id: str) -> list[str]:
        rows = caller.search(calendarIds=[calendar_id])["timeslotTypes"]
        return [rate["code"] for row in rows if row["id"] == FOLLOW_UP for rate in row["insuranceRates"]]

    assert codes(KARI) == ["B1010"]
    assert codes(JOVNNA) == []


def test_switch_owned_by_department(caller: Caller) -> None:
    owners = {row["id"]: row["ownedByDepartment"] for row in caller.search()["calendars"]}
    assert owners[KARI] is None
    assert owners[DEPARTMENT] == demo_id("department", "brygga")
    assert owners[GROUP] not in (None, owners[DEPARTMENT])
    caller.mock.world.switches.set(owned_by_department="member")
    assert None not in {row["ownedByDepartment"] for row in caller.search()["calendars"]}


def test_switch_timeslot_fields(caller: Caller) -> None:
    with_fields = caller.slot()
    caller.mock.world.switches.set(timeslot_fields=False)
    assert caller.slot() == {"id": with_fields["id"]}


def test_switch_locations(caller: Caller) -> None:
    caller.mock.world.switches.set(locations="hidden")
    assert {row["location"] for row in caller.search()["timeslotTypes"]} == {None}


@pytest.mark.parametrize(
    ("setting", "note", "comment"), [("both", "x", "x"), ("note", "x", ""), ("patient_comment", "", "x")]
)
def test_switch_note_goes_to(caller: Caller, setting: str, note: str, comment: str) -> None:
    caller.mock.world.switches.set(note_goes_to=setting)
    booking = caller.ok("/book", caller.order(note="x"))["bookingId"]
    appointment = caller.mock.world.clinic.appointment(booking)
    assert (appointment.note, appointment.patient_comment) == (note, comment)


def test_every_switch_says_what_it_does_and_why_and_is_tested_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    for switch in Mock("eg-pasientsky").dialect.switches:
        assert switch.what, switch.name
        assert switch.why, switch.name
        assert f"{switch.name}=" in source, f"no test sets {switch.name}"


def test_a_wrong_setting_names_the_right_ones_and_changes_nothing(caller: Caller) -> None:
    switches = caller.mock.world.switches
    with pytest.raises(ValueError, match="taken is one of '409', '400', '200'"):
        switches.set(validation="422", taken="500")
    with pytest.raises(ValueError, match="there is no switch 'token'"):
        switches.set(token="x")
    assert switches.changed == {}


def test_switching_back_gives_the_clinic_its_own_behaviour() -> None:
    clinic: Clinic = demo_clinic()
    clinic.behave(confirmation="request")
    mock = Mock("eg-pasientsky", clinic)
    mock.world.switches.set(gateway="answers_first")
    assert clinic.behaviour.lags.commit == 5
    mock.world.switches.reset()
    assert clinic.behaviour.lags.commit == 0
    assert clinic.behaviour.confirmation == "request"
