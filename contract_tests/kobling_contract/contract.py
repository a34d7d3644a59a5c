"""Every rule, in order: the one catalogue behind `kobling certify`, the pytest items, the reports and the docs."""

from __future__ import annotations

from collections.abc import Iterable

from .rule import Rule, RuleBook
from .rules import (
    booking,
    cancel,
    catalogue,
    connection,
    failures,
    holds,
    hostile,
    lost,
    model,
    pages,
    readback,
    secrecy,
    slots,
    transport,
    wire,
)

__all__ = ["BOOKS", "RULES", "NoSuchRule", "chosen"]

BOOKS: tuple[RuleBook, ...] = (
    connection.BOOK,
    catalogue.BOOK,
    slots.BOOK,
    pages.BOOK,
    booking.BOOK,
    cancel.BOOK,
    failures.BOOK,
    hostile.BOOK,
    secrecy.BOOK,
    model.BOOK,
    transport.BOOK,
    wire.BOOK,
)
ADD_TO_BOOKING = (lost, readback, holds)
"""Modules whose rules stand in the same book as those of `booking`."""
RULES: tuple[Rule, ...] = tuple(rule for book in BOOKS for rule in book.rules)


class NoSuchRule(LookupError):
    """Names that are of no rule and no area.

    names: as they were given. areas: those that there are.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = ", ".join(names)
        self.areas = ", ".join(book.area for book in BOOKS)
        super().__init__(f"there is no rule or area {self.names}; areas are {self.areas}, rules as SLOT-01")


def chosen(names: Iterable[str] | None) -> tuple[Rule, ...]:
    """The rules named by id (`"SLOT-07"`) or area (`"SLOT"`); None means all. `NoSuchRule` for a name of neither."""
    if names is None:
        return RULES
    wanted = [name.upper() for name in names]
    known = {rule.id for rule in RULES} | {book.area for book in BOOKS}
    strange = [name for name in wanted if name not in known]
    if strange:
        raise NoSuchRule(strange)
    return tuple(rule for rule in RULES if rule.id in wanted or rule.area in wanted)
