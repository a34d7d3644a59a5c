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

__all__ = ["BOOKS", "RULES", "chosen"]

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
ADD_TO_BOOKING = (lost, readback)
"""Modules whose rules stand in the same book as those of `booking`."""
RULES: tuple[Rule, ...] = tuple(rule for book in BOOKS for rule in book.rules)


def chosen(names: Iterable[str] | None) -> tuple[Rule, ...]:
    """The rules named by id (`"SLOT-07"`) or area (`"SLOT"`); None means all. A `LookupError` for a name of neither."""
    if names is None:
        return RULES
    wanted = [name.upper() for name in names]
    known = {rule.id for rule in RULES} | {book.area for book in BOOKS}
    strange = [name for name in wanted if name not in known]
    if strange:
        areas = ", ".join(book.area for book in BOOKS)
        raise LookupError(f"there is no rule or area {', '.join(strange)}; areas are {areas}, rules as SLOT-01")
    return tuple(rule for rule in RULES if rule.id in wanted or rule.area in wanted)
