"""A catalogue answers from what it holds."""

from __future__ import annotations

from kobling import Catalogue, Offer, Practitioner, Rate, Service


def test_a_copy_with_other_values_answers_from_those_whatever_the_original_was_asked() -> None:
    kari = Practitioner(id="1", name="Kari Prøve", owner_kind="person")
    visit = Service(id="v", name="Time", locations=frozenset({"x"}))
    unrated = Offer(practitioner_id="1", service_id="v")
    original = Catalogue(practitioners=(kari,), services=(visit,), offers=(unrated,))
    assert original.bookable("1", "v")
    assert original.practitioner_by_id["1"] is kari

    stamped = original.model_copy(update={"rate_table": {"v": ("B1010",)}, "department_id": "y"})
    assert stamped.offer_by_ids["1", "v"].rates == (Rate(code="B1010"),)
    assert not stamped.bookable("1", "v")
    renamed = original.model_copy(update={"practitioners": (kari.model_copy(update={"name": "Ola Test"}),)})
    assert renamed.practitioner_by_id["1"].name == "Ola Test"
    assert original.bookable("1", "v")
