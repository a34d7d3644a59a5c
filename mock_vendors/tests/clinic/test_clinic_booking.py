"""Booking: what is refused, what is made, and what a commit means."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from small_clinic import MONDAY, TUESDAY, SmallClinic, small_clinic

from kobling_mocks.clinic import (
    Appointment,
    AppointmentType,
    Behaviour,
    BookingOrder,
    HoldOver,
    NoSuchPatient,
    PatientDetails,
    PatientRequired,
    ReferenceInUse,
    Refusal,
    Rule,
    SlotNotOffered,
    SlotTaken,
    TemplateRow,
    WeekTemplate,
    check_invariants,
    grid,
    read_sak_id,
)


def test_a_booked_time_is_gone_from_the_search_and_stands_in_the_timebook(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order(9, 30, note="SakID: 6QPTR", patient_comment="Vond rygg"))
    assert small.walls() == ["09:00", "10:00", "10:30", "11:00"]
    assert small.clinic.appointments() == (booked,)
    assert (booked.state, booked.start, booked.end) == ("booked", small.at(9, 30), small.at(10))
    assert (booked.note, booked.patient_comment, booked.source) == ("SakID: 6QPTR", "Vond rygg", "online")


def test_a_taken_time_is_refused_and_leaves_nothing(small: SmallClinic) -> None:
    small.clinic.book(small.order(9))
    before = small.clinic.dump()
    with pytest.raises(SlotTaken):
        small.clinic.book(small.order(9, patient=PatientDetails(email="ola@example.test")))
    assert small.clinic.dump() == before


def test_a_held_time_is_nobody_elses_until_it_is_booked_given_back_or_over(small: SmallClinic) -> None:
    clinic = small.clinic
    held = clinic.hold(small.book, small.kind, small.at(9, 30), seconds=120)
    assert (held.start, held.end, clinic.holds) == (small.at(9, 30), small.at(10), (held,))
    assert small.walls() == ["09:00", "10:00", "10:30", "11:00"]
    for taken in (
        lambda: clinic.book(small.order(9, 30)),
        lambda: clinic.hold(small.book, small.kind, held.start, 60),
    ):
        with pytest.raises(SlotTaken):
            taken()
    booked = clinic.book(small.order(9, 30, hold_id=held.id))
    assert (clinic.appointments(), clinic.holds) == ((booked,), ())

    second = clinic.hold(small.book, small.kind, small.at(10), seconds=120)
    clinic.release(second.id)
    third = clinic.hold(small.book, small.kind, small.at(10), seconds=120)
    clinic.clock.advance(121)
    for over in (
        lambda: clinic.release(second.id),
        lambda: clinic.held(third.id),
        lambda: clinic.book(small.order(10, hold_id=third.id)),
    ):
        with pytest.raises(HoldOver):
            over()
    assert small.walls() == ["09:00", "10:00", "10:30", "11:00"]


def test_a_clinic_remembers_every_hold_and_when_it_ended(small: SmallClinic) -> None:
    clinic, begun = small.clinic, small.clinic.clock.now()

    def made(wall: tuple[int, int]) -> str:
        return clinic.hold(small.book, small.kind, small.at(*wall), seconds=120).id

    booked, given_back, lapsed = made((9, 30)), made((10, 0)), made((10, 30))
    clinic.clock.advance(10)
    clinic.book(small.order(9, 30, hold_id=booked))
    clinic.clock.advance(10)
    clinic.release(given_back)
    clinic.clock.advance(200)
    live = made((10, 30))
    seconds = {one.id: ((one.made_at - begun).seconds, (one.until - begun).seconds) for one in clinic.all_holds()}
    assert seconds == {booked: (0, 10), given_back: (0, 20), lapsed: (0, 120), live: (220, 340)}
    assert [one.id for one in clinic.holds] == [live]


def test_a_booking_that_is_refused_leaves_its_hold(small: SmallClinic) -> None:
    held = small.clinic.hold(small.book, small.kind, small.at(9), seconds=120)
    small.clinic.block(small.book, held.start, held.end, "Møte")
    with pytest.raises(SlotNotOffered):
        small.clinic.book(small.order(9, hold_id=held.id))
    assert small.clinic.holds == (held,)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timebook_id": "ukjent"}, "no_such_timebook"),
        ({"type_id": "ukjent"}, "no_such_type"),
        ({"hour": 9, "minute": 10}, "no_planned_slots"),
        ({"day": MONDAY - timedelta(days=7)}, "no_planned_slots"),
    ],
)
def test_a_time_that_was_never_planned_is_not_offered(
    small: SmallClinic, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(SlotNotOffered) as refused:
        small.clinic.book(small.order(**changes))  # type: ignore[arg-type]
    assert refused.value.reasons == (reason,)


def test_a_time_that_has_started_is_not_offered(small: SmallClinic) -> None:
    small.clinic.clock.set(small.at(9, 0))
    with pytest.raises(SlotNotOffered) as refused:
        small.clinic.book(small.order(9))
    assert refused.value.reasons == ("started",)


@pytest.mark.parametrize(("minutes", "hidden"), [((9, 15), ["09:00", "09:30"]), ((9, 30), ["09:30"])])
def test_overlap_is_by_interval_and_half_open(small: SmallClinic, minutes: tuple[int, int], hidden: list[str]) -> None:
    small.clinic.staff_book(small.order(start=small.at(*minutes)))
    assert small.walls() == [wall for wall in ["09:00", "09:30", "10:00", "10:30", "11:00"] if wall not in hidden]


def test_booking_one_type_takes_the_other_types_at_that_time(small: SmallClinic) -> None:
    small.clinic.put_type(AppointmentType("lang", "Lang", 60, rules=(Rule("kari"),)))
    rows = grid(range(5), time(9), time(11), 30, ["konsultasjon", "lang"])
    small.clinic.put_template(WeekTemplate("begge", "Begge", rows))
    small.clinic.lay_plan("kari", "begge", MONDAY, 1)
    small.clinic.book(small.order(9, type_id="lang"))
    assert [(s.wall.strftime("%H:%M"), s.type_id) for s in small.slots()][:2] == [
        ("10:00", "konsultasjon"),
        ("10:00", "lang"),
    ]


def test_where_overlaps_are_accepted_the_second_booking_stands_too() -> None:
    small = small_clinic(Behaviour(overlap="accepted"))
    first, second = small.clinic.book(small.order()), small.clinic.book(small.order())
    assert first.id != second.id
    assert len(small.clinic.appointments(states=["booked"])) == 2
    assert check_invariants(small.clinic) == []
    small.clinic.behave(overlap="refused")
    assert len(check_invariants(small.clinic)) == 1


def test_where_requests_are_confirmed_by_staff_a_booking_waits_and_holds_its_time() -> None:
    small = small_clinic(Behaviour(confirmation="request"))
    request = small.clinic.book(small.order())
    assert request.state == "pending"
    assert "09:00" not in small.walls()
    assert small.clinic.confirm(request.id).state == "booked"


@pytest.mark.parametrize(
    ("match", "patient", "missing"),
    [
        ("email", PatientDetails(phone="+4790000001"), ("email",)),
        ("national_id", PatientDetails(email="kari@example.test"), ("national_id",)),
        ("name_and_birth_date", PatientDetails(name="Kari Prøve"), ("birth_date",)),
        ("email", None, ("email",)),
        ("never", None, ()),
    ],
)
def test_a_booking_without_the_field_that_identifies_the_patient_is_refused(
    small: SmallClinic, match: str, patient: PatientDetails | None, missing: tuple[str, ...]
) -> None:
    with pytest.raises(PatientRequired) as refused:
        small.clinic.book(small.order(match=match, patient=patient))
    assert refused.value.fields == missing
    assert small.clinic.patients == ()


def test_a_known_patient_is_found_again_and_an_unknown_one_is_put_on_file(small: SmallClinic) -> None:
    one = small.clinic.book(small.order(9))
    same = small.clinic.book(small.order(9, 30, patient=PatientDetails(email=" KARI@example.test ")))
    other = small.clinic.book(small.order(10, patient=PatientDetails(email="ola@example.test")))
    new = small.clinic.book(small.order(10, 30, match="never"))
    assert one.patient_id == same.patient_id
    assert len({one.patient_id, other.patient_id, new.patient_id}) == 3
    assert len(small.clinic.patients) == 3


def test_an_unknown_patient_id_is_refused(small: SmallClinic) -> None:
    with pytest.raises(NoSuchPatient):
        small.clinic.book(small.order(patient_id="ukjent"))


def test_a_reference_stands_on_one_live_appointment_and_is_free_again_after_a_cancellation(small: SmallClinic) -> None:
    first = small.clinic.book(small.order(9, reference="ref-1"))
    with pytest.raises(ReferenceInUse) as refused:
        small.clinic.book(small.order(10, reference="ref-1"))
    assert refused.value.appointment_id == first.id
    small.clinic.cancel(first.id)
    assert small.clinic.book(small.order(10, reference="ref-1")).live


def test_where_references_are_free_one_stands_on_several_appointments(small: SmallClinic) -> None:
    small.clinic.behave(references="free")
    for hour in (9, 10):
        small.clinic.book(small.order(hour, reference="ref-1"))
    assert len(small.clinic.appointments(reference="ref-1")) == 2
    assert check_invariants(small.clinic) == []


def test_a_claim_is_made_from_the_sakid_in_the_note_unless_the_patient_has_it(small: SmallClinic) -> None:
    first = small.clinic.book(small.order(9, note="[K:ABC]\nSakID: 6QPTR\nHei"))
    small.clinic.book(small.order(9, 30, note="sak-id: 6qptr"))
    small.clinic.book(small.order(10, note="SakID: 7ABCD"))
    small.clinic.book(small.order(10, 30, patient=PatientDetails(email="ola@example.test"), sak_id="6QPTR"))
    assert [claim.sak_id for claim in small.clinic.claims] == ["6QPTR", "7ABCD", "6QPTR"]
    assert small.clinic.claims[0].appointment_id == first.id


def test_self_pay_makes_no_claim(small: SmallClinic) -> None:
    assert small.clinic.book(small.order(note="Betaler selv")).sak_id is None
    assert small.clinic.claims == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SakID: 6QPTR", "6QPTR"),
        ("[K:0123] SakID: 6QPTR", "6QPTR"),
        ("Hei\r\nSAKID=6qptr\r\nHa det", "6QPTR"),
        ("sak id: AB-12", "AB-12"),
        ("Ingen SakID her", None),
        ("minsakID: 6QPTR", None),
        ("SakID:", None),
        ("SakID:\n6QPTR", None),
        ("SakID: 6QPTR, forsikring", None),
        ("", None),
    ],
)
def test_a_sakid_is_read_from_a_line_of_its_form_only(text: str, found: str | None) -> None:
    assert read_sak_id(text) == found


def test_the_patient_gets_a_message_unless_the_type_sends_none(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order(9))
    assert [(m.kind, m.appointment_id) for m in small.clinic.messages] == [("confirmation", booked.id)]
    small.clinic.put_type(replace(small.type, notify_patient=False))
    small.clinic.book(small.order(10))
    assert len(small.clinic.messages) == 1


def test_a_prepared_booking_that_is_never_committed_leaves_nothing(small: SmallClinic) -> None:
    before = small.clinic.dump()
    change = small.clinic.prepare_book(small.order())
    assert small.clinic.dump() == before
    booked = change.commit()
    assert small.now(booked) == booked
    with pytest.raises(RuntimeError):
        change.commit()


def test_a_prepared_booking_is_checked_again_when_it_is_committed(small: SmallClinic) -> None:
    slow = small.clinic.prepare_book(small.order())
    small.clinic.staff_book(small.order(start=small.at(9, 15)))
    with pytest.raises(SlotTaken):
        slow.commit()


def test_created_at_is_cut_to_the_systems_resolution() -> None:
    small = small_clinic(Behaviour(created_at_resolution=timedelta(seconds=60)))
    small.clinic.clock.advance(119.5)
    booked = small.clinic.book(small.order())
    assert (booked.created_at - small.at(8, day=MONDAY)).total_seconds() == 60


def test_created_at_is_exact_where_the_system_cuts_nothing(small: SmallClinic) -> None:
    small.clinic.clock.advance(1.123456)
    assert small.clinic.book(small.order()).created_at == small.clinic.clock.now()


def race(small: SmallClinic, orders: list[BookingOrder]) -> Counter[str]:
    """Commit all orders at the same moment, each in its own thread, after all of them were found bookable."""
    changes = [small.clinic.prepare_book(order) for order in orders]
    gate = threading.Barrier(len(changes))
    outcomes: Counter[str] = Counter()
    counting = threading.Lock()

    def book(number: int) -> None:
        gate.wait(timeout=20)
        try:
            changes[number].commit()
            outcome = "booked"
        except Refusal as refusal:
            outcome = refusal.code
        with counting:
            outcomes[outcome] += 1

    threads = [threading.Thread(target=book, args=(number,)) for number in range(len(changes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    return outcomes


def test_fifty_callers_for_one_time_give_one_appointment_and_49_refusals(small: SmallClinic) -> None:
    orders = [small.order(patient=PatientDetails(email=f"person{number}@example.test")) for number in range(50)]
    assert race(small, orders) == {"booked": 1, "slot_taken": 49}
    assert len(small.clinic.all_appointments()) == 1
    assert len(small.clinic.patients) == 1


def test_fifty_callers_where_overlaps_are_accepted_give_fifty_appointments_with_ids_of_their_own() -> None:
    small = small_clinic(Behaviour(overlap="accepted"))
    assert race(small, [small.order() for _ in range(50)]) == {"booked": 50}
    assert len({appointment.id for appointment in small.clinic.all_appointments()}) == 50
    assert len(small.clinic.patients) == 1


def test_a_group_has_places_for_several_and_no_more() -> None:
    small = small_clinic()
    small.clinic.put_type(replace(small.type, kind="group", places=3))
    left = []
    for number in range(3):
        left.append(small.slots()[0].places_left)
        small.clinic.book(small.order(patient=PatientDetails(email=f"person{number}@example.test")))
    assert left == [3, 2, 1]
    with pytest.raises(SlotTaken):
        small.clinic.book(small.order(patient=PatientDetails(email="fire@example.test")))
    assert "09:00" not in small.walls()
    assert check_invariants(small.clinic) == []


def test_places_mean_nothing_for_a_type_that_is_no_group(small: SmallClinic) -> None:
    small.clinic.put_type(replace(small.type, places=3))
    small.clinic.book(small.order())
    with pytest.raises(SlotTaken):
        small.clinic.book(small.order(patient=PatientDetails(email="ola@example.test")))


def test_a_time_after_midnight_belongs_to_its_local_day(small: SmallClinic) -> None:
    small.clinic.put_template(WeekTemplate("natt", "Natt", (TemplateRow(1, time(0, 30), small.kind),)))
    small.clinic.lay_plan(small.book, "natt", MONDAY, 1)
    assert small.at(0, 30).date() == MONDAY, "it is still Monday in UTC"
    assert small.walls() == ["00:30"]
    booked = small.clinic.book(small.order(0, 30))
    assert small.clinic.appointments(first_day=TUESDAY, last_day=TUESDAY) == (booked,)
    assert small.clinic.appointments(first_day=MONDAY, last_day=MONDAY) == ()


def test_the_same_calls_give_the_same_ids() -> None:
    def run() -> list[Appointment]:
        small = small_clinic()
        return [small.clinic.book(small.order(9)), small.clinic.book(small.order(10))]

    assert run() == run()


def test_no_repr_and_no_refusal_names_a_patient_or_a_sakid(small: SmallClinic) -> None:
    details = PatientDetails("Kari Hemmelig", date(1990, 1, 2), "+4799999999", "hemmelig@example.test", "02019012345")
    order = small.order(patient=details, note="SakID: 6QPTR", patient_comment="hemmelig", sak_id="6QPTR")
    booked = small.clinic.book(order)
    with pytest.raises(SlotTaken) as refused:
        small.clinic.book(order)
    texts = [repr(thing) for thing in (details, order, booked, *small.clinic.patients, *small.clinic.claims)]
    texts += [repr(small.clinic), repr(small.clinic.snapshot()), str(refused.value), repr(refused.value)]
    for text in texts:
        for secret in ("emmelig", "99999999", "1990", "6QPTR", "020190"):
            assert secret not in text
    assert TUESDAY.isoformat() in str(refused.value)
