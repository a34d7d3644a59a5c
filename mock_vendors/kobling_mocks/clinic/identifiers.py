"""Identifiers of a synthetic clinic: ids that follow from a seed, and organisation numbers with a right check digit."""

from __future__ import annotations

import random
import uuid
from functools import lru_cache

__all__ = ["organisation_number_is_valid", "synthetic_id", "synthetic_organisation_number"]

_SYNTHETIC = uuid.UUID("6b6f626c-696e-5067-8d6f-636b636c696e")
_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)


@lru_cache(maxsize=65536, typed=True)
def synthetic_id(seed: object, kind: str, key: object) -> str:
    """The UUID (version 5, as text) of the thing `key` of a kind in the clinic with this seed: always the same one."""
    return str(uuid.uuid5(_SYNTHETIC, f"{seed}/{kind}/{key}"))


def _check_digit(first_eight: str) -> int | None:
    rest = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first_eight, strict=True)) % 11
    return None if rest == 1 else (11 - rest) % 11


def organisation_number_is_valid(number: str) -> bool:
    """True for nine digits with a right mod-11 check digit (brreg.no: weights 3 2 7 6 5 4 3 2)."""
    return len(number) == 9 and number.isascii() and number.isdigit() and _check_digit(number[:8]) == int(number[8])


def synthetic_organisation_number(rng: random.Random) -> str:
    """A valid number that starts with 3, which the register gives to no real company."""
    while True:
        first_eight = f"3{rng.randrange(10**7):07d}"
        check = _check_digit(first_eight)
        if check is not None:
            return f"{first_eight}{check}"
