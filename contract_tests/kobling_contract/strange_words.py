"""Words of a vendor's that nobody knows, in the place of those that its mock has for something."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from kobling import WireFailure, WireReply, WireRequest

from .rig import Mark, Rig, Spoil

__all__ = ["UNKNOWN_WORD", "in_place_of", "words_since"]

UNKNOWN_WORD = "ukjent_ord"
_WORD = re.compile(r'[:\[,]\s*"([A-Za-z_ -]{2,40})"(?!\s*:)')
"""A word of letters that stands as a value in JSON, and is no field's name."""


def words_since(rig: Rig, mark: Mark) -> frozenset[str]:
    """The words that the answers since then hold as values. What differs between two worlds that differ in one thing
    is the vendor's word for it."""
    bodies = [one.outcome.body for one in rig.sent_since(mark) if isinstance(one.outcome, WireReply)]
    return frozenset(word for body in bodies for word in _WORD.findall(body.decode("utf-8", "replace")))


def in_place_of(known: Iterable[str], word: str = UNKNOWN_WORD) -> Spoil:
    """Puts a word, by default one that nobody knows, in the place of these, in every answer."""
    return partial(_strange, frozenset(known), word)


def _strange(
    known: frozenset[str], other: str, _: WireRequest, outcome: WireReply | WireFailure
) -> WireReply | WireFailure:
    if not isinstance(outcome, WireReply):
        return outcome
    body = outcome.body
    for word in known:
        body = body.replace(f'"{word}"'.encode(), f'"{other}"'.encode())
    return WireReply(outcome.status, outcome.headers, body)
