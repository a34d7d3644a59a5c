"""The keys of a mock's clinics, of all the characters that a vendor makes keys of."""

from __future__ import annotations

import string
from random import Random
from typing import Final

from .clinic import Clinic

__all__ = ["key_of"]

LETTERS_AND_DIGITS: Final = string.ascii_letters + string.digits
_KINDS: Final = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


def key_of(clinic: Clinic, length: int = 32, *, of: str = LETTERS_AND_DIGITS, whose: str = "") -> str:
    """`length` characters that follow from the clinic: its key, without what stands before every key of the vendor's.

    of: the characters that the vendor makes keys of, by its own word. Small letters, capitals and digits, those of the
    three that are among them, all stand in every key: an adapter whose form takes fewer, or that changes a key, is
    noticed by any rule. whose: a word for each further key of the clinic. Raises `ValueError` where they don't fit in.
    """
    kinds = [kind for kind in ({*kind} & {*of} for kind in _KINDS) if kind]
    if length < len(kinds):
        raise ValueError(f"{length} characters can't be of {len(kinds)} kinds")
    chance = Random(f"kobling-mock-key {clinic.id} {whose}")
    while True:
        key = "".join(chance.choices(of, k=length))
        if all(kind & {*key} for kind in kinds):
            return key
