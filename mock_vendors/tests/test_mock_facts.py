"""What a vendor's wire is silent about: as its dialect says, and as follows from what it takes out of a clinic."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from kobling_mocks import FACTS, Dialect, Fact, find_dialect, installed_dialects, silent_about
from kobling_mocks.clinic import Clinic, Restrictions, demo_clinic


def without(**changes: object) -> Dialect:
    made: Dialect = type("Less", (type(find_dialect("eg-pasientsky")),), {"untold": frozenset({"claims"}), **changes})()
    return made


def test_every_word_of_untold_has_its_meaning() -> None:
    assert set(FACTS) == set(get_args(Fact))


def test_what_fit_takes_out_of_a_clinic_need_not_be_named() -> None:
    def people_only(self: Dialect, clinic: Clinic) -> None:
        for book in clinic.timebooks:
            if book.owner_kind != "person":
                clinic.remove_timebook(book.id)

    def open_to_all(self: Dialect, clinic: Clinic) -> None:
        clinic.set_restrictions(Restrictions())
        for kind in clinic.types:
            rules = tuple(replace(rule, patients="all") for rule in kind.rules)
            clinic.put_type(replace(kind, kind="ordinary", rules=rules, restrictions=Restrictions()))

    assert silent_about(without()) == {"claims"}
    assert silent_about(without(fit=people_only)) == {"claims", "owner_kinds"}
    assert silent_about(without(fit=open_to_all)) == {
        "claims", "patient_lists", "type_kinds", "booking_limits", "patient_limits", "cancel_limits",
    }  # fmt: skip


def test_each_thing_that_fit_may_take_out_is_in_the_demo_clinic_or_put_there() -> None:
    clinic = demo_clinic()
    clinic.set_restrictions(Restrictions(booking_deadline_hours=1, max_bookings=1, cancel_allowed=False))
    assert all(one.held(clinic) for one in FACTS.values() if one.held is not None)


def test_the_vendors_here_say_themselves_what_they_are_silent_about() -> None:
    for dialect in installed_dialects()[0].values():
        assert silent_about(dialect) == dialect.untold
