"""The invariants see what is broken: each is broken once on purpose, and once nothing is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from small_clinic import SmallClinic, small_clinic

from kobling_mocks.clinic import Appointment, Claim, PatientDetails, check_invariants

Break = Callable[[Appointment], Appointment]


def overwrite(small: SmallClinic, broken: Appointment) -> None:
    """Write an appointment past every check."""
    small.clinic._write(small.clinic._state, broken, small.clinic.clock.now())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a: replace(a, end=a.start), "does not end after it starts"),
        (lambda a: replace(a, start=a.start.astimezone(ZoneInfo("Europe/Oslo"))), "start is not in UTC"),
        (lambda a: replace(a, created_at=a.created_at.replace(tzinfo=None)), "created_at is not in UTC"),
        (lambda a: replace(a, patient_id="ingen"), "belongs to nobody on file"),
        (lambda a: replace(a, state="cancelled"), "cancelled but cancelled by None"),
        (lambda a: replace(a, cancelled_by="clinic"), "booked but cancelled by clinic"),
        (lambda a: replace(a, late=True), "marked late but booked"),
        (lambda a: replace(a, end=a.end + timedelta(minutes=1)), "overlap in timebook kari"),
        (lambda a: replace(a, reference="ref-2"), "reference ref-2 stands on 2 live appointments"),
    ],
)
def test_a_broken_appointment_is_named(change: Break, sentence: str) -> None:
    small = small_clinic()
    first = small.clinic.book(small.order(9, reference="ref-1"))
    small.clinic.book(small.order(9, 30, reference="ref-2"))
    assert check_invariants(small.clinic) == []
    overwrite(small, change(first))
    assert any(sentence in broken for broken in check_invariants(small.clinic))


def test_an_overlap_hidden_behind_a_longer_appointment_is_found() -> None:
    small = small_clinic()
    long = small.clinic.staff_book(small.order(9), minutes=120)
    short = small.clinic.staff_book(small.order(11), minutes=15)
    last = small.clinic.staff_book(small.order(start=small.at(11, 15)), minutes=15)
    overwrite(small, replace(short, start=small.at(9, 30), end=small.at(9, 45)))
    overwrite(small, replace(last, start=small.at(10), end=small.at(10, 15)))
    assert len(check_invariants(small.clinic)) == 2
    assert all(long.id in broken for broken in check_invariants(small.clinic))


def test_a_group_with_more_people_than_places_is_found() -> None:
    small = small_clinic()
    small.clinic.put_type(replace(small.type, kind="group", places=2))
    for number in range(2):
        small.clinic.book(small.order(patient=PatientDetails(email=f"{number}@example.test")))
    assert check_invariants(small.clinic) == []
    small.clinic.put_type(replace(small.type, places=1))
    assert check_invariants(small.clinic) == [f"group at {small.at(9).isoformat()} in timebook kari holds 2"]


def test_broken_claims_and_messages_are_named() -> None:
    small = small_clinic()
    booked = small.clinic.book(small.order(note="SakID: 6QPTR"))
    state, now = small.clinic._state, small.clinic.clock.now()
    state.claims["twice"] = Claim("twice", booked.patient_id, "6QPTR", booked.id, now)
    state.claims["stray"] = Claim("stray", "ingen", "7ABCD", "ingen", now)
    state.messages += (replace(state.messages[0], id="lost", appointment_id="ingen"),)
    assert check_invariants(small.clinic) == [
        f"patient {booked.patient_id} has 2 claims for one SakID",
        "claim stray belongs to nobody on file",
        "claim stray comes from no appointment",
        "message lost is about no appointment",
    ]
