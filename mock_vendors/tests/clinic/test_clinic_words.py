"""Each word for a time that is not shown has its meaning."""

from __future__ import annotations

from typing import get_args

from kobling_mocks.clinic import HIDDEN_BECAUSE, HiddenCode


def test_each_word_has_a_meaning_of_its_own() -> None:
    assert set(HIDDEN_BECAUSE) == set(get_args(HiddenCode))
    assert len(set(HIDDEN_BECAUSE.values())) == len(HIDDEN_BECAUSE)
