"""The clinic that people read, and the random ones that follow from a seed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from kobling_mocks.clinic import (
    BookingOrder,
    Clinic,
    Clock,
    PatientDetails,
    SlotNotOffered,
    check_invariants,
    demo_clinic,
    demo_id,
    organisation_number_is_valid,
    synthetic_clinic,
)
from kobling_mocks.clinic.demo import DEMO_START

FIRST = date(2026, 11, 23)
LAST = date(2027, 1, 17)


@pytest.fixture(scope="module")
def demo() -> Clinic:
    return demo_clinic()


def shown(clinic: Clinic, book: str, kind: str) -> int:
    return len(clinic.open_slots([demo_id("timebook", book)], [demo_id("type", kind)], FIRST, LAST))


def reasons(clinic: Clinic, book: str, kind: str) -> set[tuple[str, str]]:
    found = clinic.hidden_reasons(demo_id("timebook", book), demo_id("type", kind), FIRST, LAST)
    return {(reason.code, reason.hides_from) for reason in found}


@pytest.mark.parametrize(
    ("book", "kind", "is_shown", "expected"),
    [
        ("kari", "forste", True, {("taken", "everyone")}),
        ("jovnna", "oppfolging", True, {("taken", "everyone")}),
        ("kari", "trening", True, set()),
        ("aase", "forste", False, {("calendar_offline", "everyone")}),
        ("gruppe", "oppfolging", True, {("profile_not_person_owned", "insurance")}),
        ("avdeling", "oppfolging", True, {("profile_not_person_owned", "insurance")}),
        ("jovnna", "helfo", True, {("no_insurance_rate", "insurance"), ("taken", "everyone")}),
        ("jovnna", "bedrift", False, {("restricted_patient_list", "everyone")}),
        ("kari", "intern", False, {("hidden_type", "everyone")}),
        (
            "gruppe",
            "rygg",
            True,
            {
                ("profile_not_person_owned", "insurance"),
                ("group_type", "insurance"),
                ("no_insurance_rate", "insurance"),
            },
        ),
        ("aase", "trening", False, {("calendar_offline", "everyone"), ("no_rule_for_calendar", "everyone")}),
    ],
)
def test_the_demo_clinic_shows_each_case_and_says_why_the_rest_is_hidden(
    demo: Clinic, book: str, kind: str, is_shown: bool, expected: set[tuple[str, str]]
) -> None:
    assert (shown(demo, book, kind) > 0) == is_shown
    found = reasons(demo, book, kind) - {("started", "everyone"), ("no_planned_slots", "everyone")}
    assert found == expected


def test_the_demo_clinic_is_planned_for_eight_weeks_from_this_monday(demo: Clinic) -> None:
    days = {slot.day for slot in demo.open_slots(None, None, FIRST - timedelta(days=30), LAST + timedelta(days=60))}
    assert (min(days), max(days)) == (FIRST, LAST - timedelta(days=2))
    assert demo.clock.now() == DEMO_START


def test_a_type_with_an_address_belongs_to_its_department_and_one_without_to_every_department(demo: Clinic) -> None:
    def kinds(department: str) -> set[str]:
        slots = demo.open_slots(
            [demo_id("timebook", "kari")], None, FIRST, LAST, department_id=demo_id("department", department)
        )
        return {slot.type_id for slot in slots}

    everywhere = {demo_id("type", "oppfolging"), demo_id("type", "helfo")}
    assert kinds("torget") == {*everywhere, demo_id("type", "forste")}
    assert kinds("brygga") == {*everywhere, demo_id("type", "trening")}
    assert kinds("ukjent") == everywhere


def test_what_has_no_address_is_where_the_timebooks_owner_receives_patients() -> None:
    clinic = demo_clinic()
    kari, brygga = demo_id("timebook", "kari"), demo_id("department", "brygga")
    kept, owner = demo_id("type", "forste"), demo_id("type", "oppfolging")
    book = clinic.timebook(kari)
    assert book is not None
    assert clinic.address_of(kari, owner) is None
    with pytest.raises(ValueError, match="put the address first"):
        clinic.put_timebook(replace(book, address_id="nowhere"))
    clinic.put_timebook(replace(book, address_id=demo_id("address", "brygga")))
    at = {slot.type_id: slot.department_id for slot in clinic.open_slots([kari], None, FIRST, LAST)}
    assert (at[kept], at[owner]) == (demo_id("department", "torget"), brygga)
    there = clinic.open_slots([kari], None, FIRST, LAST, department_id=demo_id("department", "torget"))
    assert {slot.type_id for slot in there} == {kept}
    clinic.remove_timebook(kari)
    address = clinic.address_of(kari, owner)
    assert address is not None
    assert address.department_id == brygga


def test_a_restricted_type_is_open_to_the_people_on_its_list_only(demo: Clinic) -> None:
    member = next(patient for patient in demo.patients if patient.email == "bedrift@example.test")
    book, kind = demo_id("timebook", "jovnna"), demo_id("type", "bedrift")
    for_member = demo.open_slots([book], [kind], FIRST, LAST, patient_id=member.id)
    by_name = demo.open_slots([book], [kind], FIRST, LAST, patient_lists=["Bedrift Nord"])
    assert for_member == by_name != ()
    saved = demo.snapshot()
    try:
        with pytest.raises(SlotNotOffered) as refused:
            demo.book(BookingOrder(book, kind, for_member[0].start, PatientDetails(email="fremmed@example.test")))
        assert refused.value.reasons == ("restricted_patient_list",)
        assert demo.book(BookingOrder(book, kind, for_member[0].start, patient_id=member.id)).live
    finally:
        demo.restore(saved)


def test_unknown_timebooks_and_types_find_nothing_and_say_so_in_the_diagnosis(demo: Clinic) -> None:
    assert demo.open_slots(["ukjent"], None, FIRST, LAST) == ()
    codes = [reason.code for reason in demo.hidden_reasons("ukjent", "ukjent", FIRST, LAST)]
    assert codes == ["no_such_timebook", "no_such_type"]


def test_every_slot_of_the_demo_clinic_has_an_id_of_its_own_and_comes_in_order(demo: Clinic) -> None:
    slots = demo.open_slots(None, None, FIRST, LAST)
    assert len({slot.id for slot in slots}) == len(slots)
    assert [slot.start for slot in slots] == sorted(slot.start for slot in slots)


def test_the_dump_is_plain_json_and_equal_for_equal_clinics(demo: Clinic) -> None:
    assert json.loads(json.dumps(demo.dump())) == demo.dump()
    assert demo_clinic().dump() == demo_clinic().dump()


@pytest.mark.parametrize("seed", range(25))
def test_a_synthetic_clinic_follows_from_its_seed_holds_its_invariants_and_can_be_booked(seed: int) -> None:
    clinic = synthetic_clinic(seed)
    assert clinic.dump() == synthetic_clinic(seed).dump()
    assert organisation_number_is_valid(clinic.organisation_number)
    assert 1 <= len(clinic.departments) <= 3
    first = clinic.timebooks[0]
    slots = [
        slot
        for slot in clinic.open_slots([first.id], None, FIRST, FIRST + timedelta(days=27))
        if any(rate.kind == "insurance" for rate in slot.rates)
    ]
    assert slots, "the first timebook must be bookable with a B-rate"
    clinic.book(BookingOrder(first.id, slots[0].type_id, slots[0].start, PatientDetails(email="kari@example.test")))
    assert check_invariants(clinic) == []


def test_different_seeds_give_different_clinics() -> None:
    dumps = {json.dumps(synthetic_clinic(seed).dump(), sort_keys=True) for seed in range(10)}
    assert len(dumps) == 10


def test_synthetic_clinics_cover_the_cases_that_hide_things() -> None:
    found: set[str] = set()
    owners: set[str] = set()
    for seed in range(25):
        clinic = synthetic_clinic(seed, weeks=1)
        owners |= {timebook.owner_kind for timebook in clinic.timebooks}
        for timebook in clinic.timebooks:
            for kind in clinic.types:
                days = (FIRST, FIRST + timedelta(days=6))
                found |= {reason.code for reason in clinic.hidden_reasons(timebook.id, kind.id, *days)}
    assert owners == {"person", "group", "department", "clinic"}
    assert found >= {
        "calendar_offline",
        "type_offline",
        "hidden_type",
        "no_rule_for_calendar",
        "restricted_patient_list",
        "booking_deadline",
        "first_free_slot_only",
        "profile_not_person_owned",
        "group_type",
        "no_insurance_rate",
    }


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("974760673", True),
        ("998234824", True),
        ("974760674", False),
        ("97476067", False),
        ("9747606733", False),
        ("97476067x", False),
        ("٩٧٤٧٦٠٦٧٣", False),
        ("", False),
    ],
)
def test_an_organisation_number_has_nine_digits_and_a_check_digit(number: str, valid: bool) -> None:
    assert organisation_number_is_valid(number) == valid
    if not valid:
        with pytest.raises(ValueError, match="organisation number"):
            Clinic("Feil", number, Clock(DEMO_START))
