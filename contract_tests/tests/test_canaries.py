"""What counts as a key or a patient in a text: every spelling of it, and no word that only stands for it."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from kobling import Booking, SlotTaken
from kobling_contract.leaks import Canaries, places_in_error, places_in_value
from kobling_contract.rig import PATIENT, SAK_ID

SPELLINGS = (str, quote, lambda text: json.dumps(text)[1:-1], lambda text: base64.b64encode(text.encode()).decode())


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_a_key_and_a_patient_are_found_in_every_spelling(spelled: object) -> None:
    assert callable(spelled)
    canaries = Canaries.of("nøkkel-4711", PATIENT, sak_id=SAK_ID.value)
    for name, text in (("key", "nøkkel-4711"), ("sak_id", SAK_ID.value), ("family_name", str(PATIENT.family_name))):
        assert canaries.found_in(f"a line with {spelled(text)} in it") == [name]


def test_the_word_that_stands_for_what_is_private_is_no_leak() -> None:
    canaries = Canaries.of("nøkkel-4711", PATIENT, sak_id=SAK_ID.value)
    assert canaries.found_in(f"a private address, {PATIENT!r}, {SAK_ID!r}") == []


WATCH = Canaries.of("nøkkel-4711", PATIENT, sak_id=SAK_ID.value)


def test_the_attribute_of_a_returned_value_is_named() -> None:
    booking = Booking(id="4711", status="booked", location_id=str(PATIENT.phone), patient=PATIENT)
    assert places_in_value([booking, {"who": (booking,)}], WATCH) == [
        ("phone", "list[0].location_id"), ("phone", "list[1][…][0].location_id")
    ]  # fmt: skip
    assert places_in_value(Booking(id="4711", status="booked", patient=PATIENT), WATCH) == []


def test_what_only_a_repr_shows_is_found_too() -> None:
    class Talks:
        def __repr__(self) -> str:
            return "key nøkkel-4711"

        def __str__(self) -> str:
            return "nothing"

    assert places_in_value(Talks(), WATCH) == [("key", "the repr, str or dump of the Talks")]


def test_an_exception_tells_whether_a_text_an_attribute_a_local_or_what_lies_behind_it_holds_it() -> None:
    def fails(email: str) -> None:
        try:
            raise KeyError(email)
        except KeyError as problem:
            raised = SlotTaken()
            raised.add_note("nøkkel-4711")
            raised.vendor = str(SAK_ID.value)
            raise raised from problem

    try:
        fails(str(PATIENT.email))
    except SlotTaken as error:
        found = {(name, place.partition(":")[0]) for name, place in places_in_error(error, WATCH)}
    assert found >= {
        ("key", "a note of the SlotTaken"), ("sak_id", "the attribute vendor of the SlotTaken"),
        ("email", "the text of the KeyError, which lies behind the SlotTaken"),
        ("email", "the local email of fails (test_canaries.py"),
    }  # fmt: skip
