"""What counts as a key or a patient in a text: every spelling of it, and no word that only stands for it."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from kobling_contract.leaks import Canaries
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
