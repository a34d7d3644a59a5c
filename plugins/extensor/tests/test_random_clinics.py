"""What the adapter says is open is what the clinic model says is open, for clinic after random clinic.

Each has several departments at times, types with several rates, closed days, blocks and bookings; two thirds live in
the week of a change of the clock. `KOBLING_CLINICS=500` runs 500 of them.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from extensor_worlds import DAYS, departments, open_for_insurance, random_clinic, world

from kobling import SlotQuery
from kobling_mocks.mock import Mock

CLINICS = int(os.environ.get("KOBLING_CLINICS", "40"))
PER_TEST = 10


@pytest.mark.parametrize("first_seed", range(0, CLINICS, PER_TEST))
def test_open_times_equal_the_clinic_models(first_seed: int) -> None:
    for seed in range(first_seed, min(first_seed + PER_TEST, CLINICS)):
        mock = Mock("extensor", random_clinic(seed))
        for department in departments(world(mock)):
            place = world(mock, department_id=department)
            first = place.clock.now().date()
            last = first + timedelta(days=DAYS - 1)
            answer = place.session.slots(SlotQuery(first_day=first, last_day=last))
            expected, undecided = open_for_insurance(place, first, last, department)
            found = {(slot.practitioner_id, slot.service_id, slot.start) for slot in answer.found}
            assert answer.complete, (seed, department)
            assert found == expected, (seed, department)
            assert {problem.because for problem in answer.problems} <= {"repeated_hour"}, (seed, department)
            assert bool(answer.problems) >= bool(undecided), (seed, department)
        mock.world.assert_sound()


def test_the_random_clinics_hold_what_they_are_meant_to_hold() -> None:
    clinics = [random_clinic(seed) for seed in range(24)]
    rates = [[rule.insurance_rates for kind in clinic.types for rule in kind.rules] for clinic in clinics]
    for what, count in {
        "several departments": sum(len(clinic.departments) > 1 for clinic in clinics),
        "several rates": sum(any(len(one) > 1 for one in each) for each in rates),
        "blocked hours": sum(bool(clinic.events) for clinic in clinics),
        "taken times": sum(bool(clinic.all_appointments()) for clinic in clinics),
    }.items():
        assert count >= 5, what
    autumn = [world(Mock("extensor", clinic)) for clinic in clinics if clinic.clock.now().month == 10]
    first = autumn[0].clock.now().date()
    left_out = [open_for_insurance(place, first, first + timedelta(days=DAYS - 1), "")[1] for place in autumn]
    assert len([one for one in left_out if one]) >= 2, "times that a wall clock cannot tell"
