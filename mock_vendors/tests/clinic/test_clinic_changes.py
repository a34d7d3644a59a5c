"""Cancelling, moving, and everything staff do behind a caller's back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from small_clinic import TUESDAY, SmallClinic, small_clinic

from kobling_mocks.clinic import (
    AlreadyCancelled,
    AlreadyStarted,
    Appointment,
    Behaviour,
    CancelNotAllowed,
    NoSuchAppointment,
    NotConfirmed,
    NotPending,
    NotStarted,
    PatientDetails,
    Restrictions,
    SlotNotOffered,
    SlotTaken,
    TooLateToCancel,
    TooLateToDelete,
    check_invariants,
)


def test_a_cancelled_time_is_free_again_and_says_who_cancelled(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order(9))
    gone = small.clinic.cancel(booked.id, "insurer", "Syk")
    assert (gone.state, gone.cancelled_by, gone.reason, gone.late) == ("cancelled", "insurer", "Syk", False)
    assert "09:00" in small.walls()
    with pytest.raises(AlreadyCancelled):
        small.clinic.cancel(booked.id)
    assert [message.kind for message in small.clinic.messages] == ["confirmation", "cancelled"]


def test_an_unknown_appointment_cannot_be_cancelled(small: SmallClinic) -> None:
    with pytest.raises(NoSuchAppointment):
        small.clinic.cancel("ukjent")


def test_the_deadline_itself_is_in_time_and_a_second_later_is_not(small: SmallClinic) -> None:
    small.restrict(kind=Restrictions(cancel_deadline_hours=24))
    first, second = small.clinic.book(small.order(10)), small.clinic.book(small.order(10, 30))
    small.clinic.clock.set(small.at(10) - timedelta(hours=24))
    assert not small.clinic.cancel(first.id).late
    small.clinic.clock.set(small.at(10, 30) - timedelta(hours=24) + timedelta(seconds=1))
    with pytest.raises(TooLateToCancel) as refused:
        small.clinic.cancel(second.id)
    assert refused.value.deadline == small.at(10, 30) - timedelta(hours=24)


def test_where_late_cancellations_are_accepted_they_are_marked_late() -> None:
    small = small_clinic(Behaviour(late_cancel="accepted"))
    small.restrict(kind=Restrictions(cancel_deadline_hours=48))
    booked = small.clinic.book(small.order())
    assert small.clinic.cancel(booked.id).late
    again = small.clinic.book(small.order())
    with pytest.raises(TooLateToCancel):
        small.clinic.move(again.id, small.at(10))


def test_cancelling_can_be_switched_off_but_not_for_staff(small: SmallClinic) -> None:
    small.restrict(timebook=Restrictions(cancel_allowed=False))
    booked = small.clinic.book(small.order())
    with pytest.raises(CancelNotAllowed):
        small.clinic.cancel(booked.id)
    assert small.clinic.staff_cancel(booked.id).cancelled_by == "clinic"


def test_what_has_started_can_neither_be_cancelled_nor_moved(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order(9))
    small.clinic.clock.set(small.at(9))
    with pytest.raises(AlreadyStarted):
        small.clinic.cancel(booked.id)
    with pytest.raises(AlreadyStarted):
        small.clinic.staff_cancel(booked.id)
    with pytest.raises(AlreadyStarted):
        small.clinic.move(booked.id, small.at(10))


def test_a_patients_late_cancellation_by_telephone_is_marked_late_and_the_clinics_own_is_not(
    small: SmallClinic,
) -> None:
    small.restrict(kind=Restrictions(cancel_deadline_hours=48))
    patients, clinics = small.clinic.book(small.order(9)), small.clinic.book(small.order(10))
    assert small.clinic.staff_cancel(patients.id, "patient").late
    assert not small.clinic.staff_cancel(clinics.id, "clinic").late


def test_a_cancellation_that_is_not_committed_leaves_nothing(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order())
    before = small.clinic.dump()
    change = small.clinic.prepare_cancel(booked.id)
    assert small.clinic.dump() == before
    change.commit()
    assert small.now(booked).state == "cancelled"


def test_a_move_keeps_id_reference_and_sakid_and_frees_the_old_time(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order(9, reference="ref-1", note="SakID: 6QPTR"))
    moved = small.clinic.move(booked.id, small.at(10, 30))
    assert (moved.id, moved.reference, moved.sak_id) == (booked.id, "ref-1", "6QPTR")
    assert (moved.start, moved.end) == (small.at(10, 30), small.at(11))
    assert small.walls() == ["09:00", "09:30", "10:00", "11:00"]


def test_a_move_is_not_in_its_own_way_also_at_the_allowed_number_of_bookings(small: SmallClinic) -> None:
    small.restrict(kind=Restrictions(max_bookings=1))
    booked = small.clinic.book(small.order(9))
    assert small.clinic.move(booked.id, small.at(9)).start == small.at(9)
    assert small.clinic.move(booked.id, small.at(9, 30)).start == small.at(9, 30)


@pytest.mark.parametrize(("hour", "minute", "refusal"), [(10, 0, SlotTaken), (13, 0, SlotNotOffered)])
def test_a_move_to_a_time_that_cannot_be_had_leaves_the_old_one(
    small: SmallClinic, hour: int, minute: int, refusal: type[Exception]
) -> None:
    booked = small.clinic.book(small.order(9))
    small.clinic.book(small.order(10, patient=PatientDetails(email="ola@example.test")))
    before = small.clinic.dump()
    with pytest.raises(refusal):
        small.clinic.move(booked.id, small.at(hour, minute))
    assert small.clinic.dump() == before


def test_a_move_after_the_deadline_of_the_old_time_is_refused(small: SmallClinic) -> None:
    small.restrict(kind=Restrictions(cancel_deadline_hours=48))
    booked = small.clinic.book(small.order(9))
    with pytest.raises(TooLateToCancel):
        small.clinic.move(booked.id, small.at(9, day=TUESDAY + timedelta(days=7)))


def pending(small: SmallClinic) -> Appointment:
    small.clinic.behave(confirmation="request")
    return small.clinic.book(small.order())


def test_a_declined_request_frees_its_time_and_tells_the_patient(small: SmallClinic) -> None:
    request = pending(small)
    assert small.clinic.decline(request.id, "Ferie").state == "declined"
    assert "09:00" in small.walls()
    assert [message.kind for message in small.clinic.messages] == ["request_received", "declined"]
    with pytest.raises(AlreadyCancelled):
        small.clinic.confirm(request.id)


def test_only_a_request_is_confirmed_or_declined(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order())
    for answer in (small.clinic.confirm, small.clinic.decline):
        with pytest.raises(NotPending):
            answer(booked.id)


def test_staff_book_between_the_slots_and_of_any_length_but_not_on_top_of_another(small: SmallClinic) -> None:
    extra = small.clinic.staff_book(small.order(start=small.at(9, 10)), minutes=65)
    assert (extra.source, extra.end) == ("staff", small.at(10, 15))
    assert small.walls() == ["10:30", "11:00"]
    with pytest.raises(SlotTaken):
        small.clinic.staff_book(small.order(start=small.at(10, 10)))
    with pytest.raises(ValueError, match="at least one minute"):
        small.clinic.staff_book(small.order(start=small.at(14)), minutes=0)


def test_staff_drag_an_appointment_to_any_time_and_length(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order(9))
    moved = small.clinic.staff_move(booked.id, small.at(13, 5), minutes=40)
    assert (moved.id, moved.start, moved.end) == (booked.id, small.at(13, 5), small.at(13, 45))
    small.clinic.book(small.order(10))
    with pytest.raises(SlotTaken):
        small.clinic.staff_move(booked.id, small.at(9, 50))
    with pytest.raises(SlotNotOffered):
        small.clinic.staff_move(booked.id, timebook_id="ukjent")


def test_a_new_appointment_can_be_deleted_for_five_minutes_and_leaves_no_message(small: SmallClinic) -> None:
    quick, slow = small.clinic.book(small.order(9)), small.clinic.book(small.order(10))
    small.clinic.clock.advance(300)
    sent = len(small.clinic.messages)
    small.clinic.staff_delete(quick.id)
    assert len(small.clinic.messages) == sent
    with pytest.raises(NoSuchAppointment):
        small.clinic.appointment(quick.id)
    small.clinic.clock.advance(1)
    with pytest.raises(TooLateToDelete):
        small.clinic.staff_delete(slow.id)


def test_no_show_and_attended_are_marked_after_the_start_only(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order(9))
    with pytest.raises(NotStarted):
        small.clinic.mark_no_show(booked.id)
    small.clinic.clock.set(small.at(9))
    assert small.clinic.mark_no_show(booked.id).state == "no_show"
    assert small.clinic.mark_attended(booked.id).state == "attended"
    with pytest.raises(AlreadyStarted):
        small.clinic.cancel(booked.id)


def test_attendance_of_a_request_or_a_cancelled_appointment_cannot_be_marked(small: SmallClinic) -> None:
    request = pending(small)
    small.clinic.clock.set(small.at(10))
    with pytest.raises(NotConfirmed):
        small.clinic.mark_attended(request.id)
    small.clinic.decline(request.id)
    with pytest.raises(AlreadyCancelled):
        small.clinic.mark_attended(request.id)


def test_an_appointment_outlives_its_timebook_and_type(small: SmallClinic) -> None:
    small.restrict(kind=Restrictions(cancel_deadline_hours=2))
    booked = small.clinic.book(small.order())
    small.clinic.remove_timebook(small.book)
    small.clinic.remove_type(small.kind)
    assert small.slots() == ()
    assert small.clinic.cancel(booked.id).state == "cancelled"


def test_a_refused_operation_names_its_reason_in_one_stable_word() -> None:
    small = small_clinic()
    booked = small.clinic.book(small.order())
    with pytest.raises(SlotTaken) as refused:
        small.clinic.book(small.order())
    assert refused.value.code == "slot_taken"
    assert booked.id not in str(refused.value)
    assert check_invariants(small.clinic) == []


def test_staff_change_what_stands_on_a_patients_card_and_nothing_else(small: SmallClinic) -> None:
    booked = small.clinic.book(small.order(9))
    before = small.clinic.patient(booked.patient_id)
    changed = small.clinic.change_patient(booked.patient_id, phone="+4790000077")
    assert before is not None
    assert (changed.phone, changed.email, changed.name) == ("+4790000077", before.email, before.name)
    assert small.clinic.all_appointments() == (booked,)
    with pytest.raises(KeyError):
        small.clinic.change_patient("ukjent", phone="")
