"""How a vendor names what a clinic holds: by the clinic's own ids as they are, by integers, by words or references.

The clinic model names everything by ids of its own. A dialect says with `Dialect.ids` what stands on the wire for them,
and whoever compares an answer with the clinic goes through the same object.
"""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable
from hashlib import blake2b

from .clinic import Clinic

__all__ = ["OwnIds", "NumberedIds", "SpelledIds", "WireIds", "short_code"]

ROOM = 1_000_000
"""So many integers belong to one clinic; the upper half is for ids that the clinic never made."""


class WireIds(ABC):
    """From the clinic's own ids to the vendor's and back. Two ids of one clinic never meet; the same clinic, made in
    the same way, gets the same ids."""

    @abstractmethod
    def wire(self, clinic: Clinic, own: str) -> str:
        """What the vendor calls the thing with this id, as text."""

    @abstractmethod
    def own(self, clinic: Clinic, wire: str) -> str | None:
        """The clinic's own id of what the vendor calls so; None where it has nothing of that name."""


class OwnIds(WireIds):
    """The vendor's ids are the clinic's own."""

    def wire(self, clinic: Clinic, own: str) -> str:  # noqa: ARG002 - the same for every clinic
        """The id itself."""
        return own

    def own(self, clinic: Clinic, wire: str) -> str | None:  # noqa: ARG002 - the same for every clinic
        """The id itself."""
        return wire


class NumberedIds(WireIds):
    """Integers, counted up in the order in which the clinic got its things, as a database does it.

    Each clinic has a range of its own. An id that the clinic never made gets an integer that it never gives away, so
    that a test can ask for something that does not exist.
    """

    def wire(self, clinic: Clinic, own: str) -> str:
        """The integer, as decimal text."""
        number = clinic.number_of(own)
        if number is None:
            number = ROOM // 2 + int.from_bytes(blake2b(own.encode(), digest_size=8).digest()) % (ROOM // 2)
        return str(_first(clinic) + number)

    def own(self, clinic: Clinic, wire: str) -> str | None:
        """The id with that number; None for a text that is no plain integer, or one that was given to nothing."""
        if not (wire.isascii() and wire.isdecimal()) or wire != str(int(wire)):
            return None
        return clinic.numbered(int(wire) - _first(clinic))


class SpelledIds(NumberedIds):
    """Integers, but for what the vendor names otherwise.

    departments: makes a department's code of its name (`short_code`, which gives `SENTRUM`). by_reference: a booking
    has no number but the reference that its caller gave it; one that staff have made keeps its integer.
    """

    def __init__(self, *, departments: Callable[[str], str] | None = None, by_reference: bool = False) -> None:
        self._code = departments
        self._by_reference = by_reference

    def wire(self, clinic: Clinic, own: str) -> str:
        """The code, the reference or the integer."""
        if (code := self._codes(clinic).get(own)) is not None:
            return code
        if self._by_reference:
            named = (one.reference for one in clinic.all_appointments() if one.id == own)
            if (reference := next(named, None)) is not None:
                return reference
        return super().wire(clinic, own)

    def own(self, clinic: Clinic, wire: str) -> str | None:
        """What has that code, reference or integer."""
        for own, code in self._codes(clinic).items():
            if code == wire:
                return own
        if self._by_reference:
            named = (one.id for one in clinic.all_appointments() if one.reference == wire)
            if (own_id := next(named, None)) is not None:
                return own_id
        found = super().own(clinic, wire)
        return found if found is not None and super().wire(clinic, found) == self.wire(clinic, found) else None

    def _codes(self, clinic: Clinic) -> dict[str, str]:
        """The code of each department; of two with one name the later gets another last letter."""
        codes: dict[str, str] = {}
        if self._code is None:
            return codes
        for one in clinic.departments:
            code = plain = self._code(one.name)
            letters = iter("BCDFGHJKLMNP")
            while code in codes.values():
                code = plain[:-1] + next(letters)
            codes[one.id] = code
        return codes


def short_code(name: str, longest: int = 8) -> str:
    """A code such as people are given for a department: the capital letters A to Z of its name, `longest` at most."""
    spelled = name.upper().translate(_NORWEGIAN)
    plain = unicodedata.normalize("NFD", spelled)
    return "".join(one for one in plain if "A" <= one <= "Z")[:longest]


_NORWEGIAN = str.maketrans({"Æ": "AE", "Ø": "O", "Å": "A", "Đ": "D", "Ŋ": "N", "Ŧ": "T"})


def _first(clinic: Clinic) -> int:
    """Where the clinic's range begins: below 2^31, as many vendors' columns are."""
    return ROOM * (1 + int.from_bytes(blake2b(clinic.id.encode(), digest_size=8).digest()) % 2000)
