"""The adapter against its vendor's mock: what a booking leaves, what is refused, and what a lost answer ends in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from extensor_worlds import World, one_slot, open_times, request, world

from kobling import (
    Booked,
    BookingNotFound,
    BookingQuery,
    BookingRef,
    CancelReason,
    NeedsPerson,
    OutcomeUnknown,
    Patient,
    PatientFieldRequired,
    PatientLimitReached,
    SlotQuery,
    SlotTaken,
    SlotWithdrawn,
    StillUnknown,
    TooLateToChange,
)
from kobling_mocks.clinic import BookingOrder, PatientDetails, Restrictions
from kobling_mocks.faults import Fault
from kobling_mocks.mock import Mock

UNWELL = CancelReason(by="patient", why="unwell")


def calls(place: World, operation: str) -> int:
    return len([call for call in place.mock.world.journal.calls if call.operation == operation])


def taken_by_staff(place: World, slot: Any) -> None:
    own = [place.mock.dialect.ids.own(place.clinic, one) or "" for one in (slot.practitioner_id, slot.service_id)]
    details = PatientDetails("Annen Prøvesen", None, "+4790000009", "annen@example.test")
    place.clinic.staff_book(BookingOrder(own[0], own[1], slot.start, details, source="staff"))


# ---- booking


def test_a_booking_carries_reference_sakid_message_and_patient_each_in_its_own_field() -> None:
    place = world()
    wanted = request(one_slot(place), message="Kommer med ledsager (Áilu)")
    booking = place.session.book(wanted)
    (kept,) = place.standing()
    patient = place.clinic.patient(kept.patient_id)
    assert (booking.id, booking.status, booking.verified) == (place.wire(kept.id), "booked", True)
    assert (booking.start, booking.end) == (kept.start, kept.end)
    assert (kept.reference, kept.sak_id) == (str(wanted.reference), "6QPTR")
    assert kept.patient_comment == "Kommer med ledsager (Áilu)"
    assert patient is not None
    assert (patient.name, patient.phone, patient.email) == ("Kari Prøve", "+4790000001", "")
    assert place.mock.world.journal.findings == ()
    place.mock.world.assert_sound()


def test_a_booking_that_waits_for_staff_is_pending() -> None:
    place = world()
    place.mock.world.switches.set(confirmation="request")
    assert place.session.book(request(one_slot(place))).status == "pending"


def test_a_time_taken_between_verify_and_book_is_slot_taken() -> None:
    place = world()
    slot = one_slot(place)
    with pytest.raises(SlotTaken) as caught:
        place.session.book(request(slot), before_write=lambda _: taken_by_staff(place, slot))
    assert (caught.value.vendor_code, caught.value.effect) == ("TIME_OPPTATT", "none")
    assert place.standing() == []


def test_a_time_blocked_between_verify_and_book_is_withdrawn() -> None:
    place = world()
    slot = one_slot(place)
    own = place.mock.dialect.ids.own(place.clinic, slot.practitioner_id) or ""
    with pytest.raises(SlotWithdrawn) as caught:
        place.session.book(request(slot), before_write=lambda _: place.clinic.block(own, slot.start, slot.end) and None)
    assert caught.value.vendor_code == "TIME_IKKE_TILBUDT"


def test_a_patient_with_as_many_bookings_as_are_allowed_is_told_so() -> None:
    place = world()
    first, *_, second = open_times(place)
    place.session.book(request(first))
    place.clinic.set_restrictions(Restrictions(max_bookings=1))
    with pytest.raises(PatientLimitReached):
        place.session.book(request(second))


def test_a_patient_without_a_birth_date_is_refused_unsent() -> None:
    place = world()
    nameless = Patient(given_name="Kari", family_name="Prøve", phone="+4790000001")
    with pytest.raises(PatientFieldRequired) as caught:
        place.session.book(request(one_slot(place), patient=nameless))
    assert caught.value.fields == ("birth_date",)
    assert calls(place, "bestill") == 0


# ---- lost answers


LOST = ("reset", "hang", "http_503", "html_502", "redirect", "empty", "truncated", "html_200")


@pytest.mark.parametrize("kind", LOST)
def test_a_booking_whose_answer_was_lost_is_found_by_its_reference(kind: str) -> None:
    place = world()
    wanted, sent_at = request(one_slot(place)), place.clock.now()
    place.mock.world.faults.add(_fault("bestill", kind, "after_commit"))
    with pytest.raises(OutcomeUnknown):
        place.session.book(wanted)
    answer = place.session.resolve(wanted, sent_at)
    (kept,) = place.standing()
    assert isinstance(answer, Booked)
    assert (answer.booking.id, answer.booking.reference) == (place.wire(kept.id), wanted.reference)
    assert calls(place, "bestill") == 1


@pytest.mark.parametrize("kind", LOST)
def test_a_booking_that_never_came_is_looked_for_an_hour_and_then_a_persons(kind: str) -> None:
    place = world()
    wanted, sent_at = request(one_slot(place)), place.clock.now()
    place.mock.world.faults.add(_fault("bestill", kind, "before_commit"))
    with pytest.raises(OutcomeUnknown):
        place.session.book(wanted)
    assert isinstance(place.session.resolve(wanted, sent_at), StillUnknown)
    place.clock.advance(3 * 3600)
    assert isinstance(place.session.resolve(wanted, sent_at), NeedsPerson)
    assert place.standing() == []
    assert calls(place, "bestill") == 1


def _fault(operation: str, kind: Any, when: Any) -> Fault:
    to = "https://booking.klinikken.example/ny" if kind == "redirect" else None
    return Fault(operation=operation, kind=kind, when=when, to=to)


@pytest.mark.parametrize("status", [404, 405, 409, 410])
def test_another_servers_refusal_of_a_booking_is_no_word_about_the_time(status: int) -> None:
    place = world()
    page = Fault(operation="bestill", kind="reply", status=status, body="<html>Ikke her</html>")
    place.mock.world.faults.add(page)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the next line
        place.session.book(request(one_slot(place)))
    assert caught.value.code == ("outcome_unknown" if status == 409 else "url_not_allowed")


# ---- reading, cancelling, moving


def test_a_listing_holds_the_clinics_own_bookings_too_and_says_that_it_is_whole() -> None:
    place = world()
    booking = place.session.book(request(one_slot(place)))
    first = place.clock.now().date()
    listed = place.session.bookings(BookingQuery(first_day=first, last_day=first + timedelta(days=30)))
    assert listed.complete
    assert {one.id for one in listed.found} == {place.wire(one.id) for one in place.clinic.all_appointments()}
    assert [one.reference for one in listed.found if one.id == booking.id] == [booking.reference]
    assert {one.reference for one in listed.found if one.id != booking.id} == {None}


def test_a_cancelled_booking_is_gone_and_cancelling_again_reaches_the_same_goal() -> None:
    place = world()
    booking = place.session.book(request(one_slot(place)))
    assert place.session.cancel(booking.ref, UNWELL).already_gone is False
    assert place.standing() == []
    assert place.session.get(booking.ref).status == "cancelled"
    assert place.session.cancel(booking.ref, UNWELL).already_gone is True


@pytest.mark.parametrize("number", ["999", "not-a-number", "0"])
def test_a_booking_that_never_was_is_not_found(number: str) -> None:
    place = world()
    ref = BookingRef(connection_id=place.session.connection.id, id=number)
    for call in (lambda: place.session.get(ref), lambda: place.session.cancel(ref, UNWELL)):
        with pytest.raises(BookingNotFound):
            call()


def test_a_servers_404_page_never_means_that_a_confirmed_booking_is_gone() -> None:
    place = world()
    booking = place.session.book(request(one_slot(place)))
    page = Fault(operation="avbestill", kind="reply", status=404, body="<html>404</html>")
    place.mock.world.faults.add(page)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the next line
        place.session.cancel(booking.ref, UNWELL)
    assert (caught.value.code, caught.value.because) == ("url_not_allowed", "nothing_there")
    assert len(place.standing()) == 1


@pytest.mark.parametrize("limits", [Restrictions(cancel_deadline_hours=24 * 30), Restrictions(cancel_allowed=False)])
def test_a_passed_deadline_is_told_as_such_and_the_booking_stands(limits: Restrictions) -> None:
    place = world()
    place.clinic.set_restrictions(limits)
    for kind in place.clinic.types:
        place.clinic.put_type(replace(kind, restrictions=Restrictions()))
    booking = place.session.book(request(one_slot(place)))
    with pytest.raises(TooLateToChange):
        place.session.cancel(booking.ref, UNWELL)
    assert len(place.standing()) == 1


def test_the_deadline_comes_with_the_booking() -> None:
    place = world()
    place.clinic.set_restrictions(Restrictions(cancel_deadline_hours=24))
    for kind in place.clinic.types:
        place.clinic.put_type(replace(kind, restrictions=Restrictions()))
    booking = place.session.book(request(one_slot(place)))
    assert booking.start is not None
    assert booking.change_by == booking.start - timedelta(hours=24)


def test_a_move_is_one_write_and_keeps_number_and_reference() -> None:
    place = world()
    first, *_, last = open_times(place)
    old = place.session.book(request(first))
    new = place.session.reschedule(old.ref, request(last))
    (kept,) = place.standing()
    assert (new.id, new.reference, new.start) == (old.id, old.reference, last.start)
    assert (kept.start, kept.reference) == (last.start, str(old.reference))
    assert (calls(place, "flytt"), calls(place, "bestill"), calls(place, "avbestill")) == (1, 1, 0)


def test_a_move_to_a_time_that_is_taken_meanwhile_leaves_the_booking_where_it_was() -> None:
    place = world()
    first, *_, last = open_times(place)
    old = place.session.book(request(first))
    with pytest.raises(SlotTaken):
        place.session.reschedule(old.ref, request(last), before_write=lambda _: taken_by_staff(place, last))
    (kept,) = place.standing()
    assert kept.start == first.start


# ---- the server's moods


def test_answers_in_latin_letters_are_read_by_what_they_declare() -> None:
    place = world(Mock("extensor"))
    latin = world(Mock("extensor"))
    latin.mock.world.switches.set(charset="iso-8859-1")
    names = [[one.name for one in each.session.practitioners()] for each in (place, latin)]
    assert names[0] == names[1]
    assert any("å" in name.lower() or "ø" in name.lower() for name in names[0])
    booking = latin.session.book(request(one_slot(latin), message="Døråpner på gåstol"))
    assert booking.verified
    assert latin.standing()[0].patient_comment == "Døråpner på gåstol"


@pytest.mark.parametrize(
    ("switch", "code"),
    [({"page": "200"}, "vendor_protocol_error"), ({"page": "502"}, "vendor_unavailable"),
     ({"redirect": "same_site"}, "url_not_allowed"), ({"redirect": "other_site"}, "url_not_allowed")],
)  # fmt: skip
def test_a_search_never_looks_empty_when_the_server_answers_with_something_else(
    switch: dict[str, object], code: str
) -> None:
    place = world()
    place.session.catalogue()
    place.mock.world.switches.set(**switch)
    first = place.clock.now().date()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the next line
        place.session.slots(SlotQuery(first_day=first, last_day=first))
    assert caught.value.code == code


def test_a_practitioner_who_was_deleted_meanwhile_is_unknown_and_the_others_stand() -> None:
    place = world()
    gone = one_slot(place).practitioner_id
    place.clinic.remove_timebook(place.mock.dialect.ids.own(place.clinic, gone) or "")
    first = place.clock.now().date()
    answer = place.session.slots(SlotQuery(first_day=first, last_day=first + timedelta(days=4)))
    assert [(part.because, part.practitioner_id) for part in answer.unknown] == [("slot_withdrawn", gone)]
    assert answer.found
    assert gone not in {slot.practitioner_id for slot in answer.found}
