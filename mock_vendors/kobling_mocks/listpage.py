"""One page of a list, as a vendor cuts it: by a number, by an offset, or by a cursor that only the vendor reads."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["BadCursor", "ListPage", "page_of"]

R = TypeVar("R")


class BadCursor(ValueError):
    """A cursor that no page has named."""


@dataclass(frozen=True)
class ListPage(Generic[R]):
    """The rows of one page. begins, ends: which of all rows these are, counted from 0, the last not included. size:
    rows on a full page. total: rows in the whole list."""

    rows: Sequence[R]
    begins: int
    ends: int
    size: int
    total: int

    @property
    def more(self) -> bool:
        """Whether a page comes after this one."""
        return self.ends < self.total

    @property
    def number(self) -> int:
        """Which page it is; 1 is the first."""
        return self.begins // self.size + 1

    @property
    def pages(self) -> int:
        """How many pages there are; an empty list has one."""
        return max(1, -(-self.total // self.size))

    @property
    def cursor(self) -> str | None:
        """What asks for the next page; None on the last."""
        return urlsafe_b64encode(f"row {self.ends}".encode()).decode("ascii") if self.more else None


def page_of(
    rows: Sequence[R], size: int, *, number: int | None = None, skip: int | None = None, cursor: str | None = None
) -> ListPage[R]:
    """The page that is asked for in one of three ways; the first one where none is said, or the cursor is "". number:
    1 is the first page. skip: so many rows come before it. cursor: what the page before has named.

    Raises `BadCursor`, and `ValueError` for a size or a number below one, a negative offset, and two ways at once."""
    if sum(one is not None for one in (number, skip, cursor)) > 1:
        raise ValueError("a page is asked for by its number, by an offset, or by a cursor")
    if size < 1 or (number is not None and number < 1) or (skip or 0) < 0:
        raise ValueError("pages are counted from 1, and rows from 0")
    begins = (number - 1) * size if number is not None else _place(cursor) if cursor else skip or 0
    shown = rows[begins : begins + size]
    return ListPage(shown, begins, begins + len(shown), size, len(rows))


def _place(cursor: str) -> int:
    try:
        word, _, place = urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").partition(" ")
    except (ValueError, binascii.Error):
        raise BadCursor from None
    if word != "row" or not place.isdecimal():
        raise BadCursor
    return int(place)
