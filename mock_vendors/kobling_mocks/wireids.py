"""How a vendor numbers what a clinic holds: the clinic's own ids as they are, or integers.

The clinic model names everything by ids of its own. A dialect says with `Dialect.ids` what stands on the wire for them,
and whoever compares an answer with the clinic goes through the same object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from hashlib import blake2b

from .clinic import Clinic

__all__ = ["OwnIds", "NumberedIds", "WireIds"]

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


def _first(clinic: Clinic) -> int:
    """Where the clinic's range begins: below 2^31, as many vendors' columns are."""
    return ROOM * (1 + int.from_bytes(blake2b(clinic.id.encode(), digest_size=8).digest()) % 2000)
