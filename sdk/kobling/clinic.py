"""The clinic that a connection leads to, as the vendor tells it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from .localtime import zone_of
from .model import Model, Name, VendorId


def _known_zone(name: str) -> str:
    zone_of(name)
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""An IANA time zone, as "Europe/Oslo"."""


def _unspaced(number: str | None) -> str | None:
    """Clinics write it in groups of three, or leave it empty."""
    return "".join(number.split()) or None if number is not None else None


class Department(Model):
    """A department (avdeling): where patients are received. `id` is what "Ekstern avdeling ID" holds. address: in one
    line (`address_line` makes it of its parts)."""

    id: VendorId
    name: Name = ""
    address: Name = ""


def address_line(street: str | None, code: str | None = None, town: str | None = None) -> str:
    """A visiting address in one line, "Storgata 1, 0155 Oslo", of the parts that the vendor tells."""
    parts = (street, " ".join(part.strip() for part in (code, town) if part))
    return ", ".join(part.strip() for part in parts if part and part.strip())


class Clinic(Model):
    """What `identify` found. None means that the vendor does not say, which is not the same as "there is none".

    organisation_number: as the vendor tells it, without the blanks that people write between its digits; None for an
    empty text.
    departments: every department the vendor's own list holds; None where the vendor has no list.
    can: the operations this connection may do, where the vendor tells; None where it does not.
    """

    name: Name | None = None
    organisation_number: Annotated[str | None, AfterValidator(_unspaced)] = None
    zone: ZoneName = "Europe/Oslo"
    departments: tuple[Department, ...] | None = None
    can: frozenset[str] | None = None
