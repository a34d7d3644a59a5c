"""Faults of the list that are neither shown nor tried yet, each with what it waits for."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["MISSING"]

MISSING: Mapping[int, str] = {
    28: "a world in which the caller's clock is wrong, and an engine that tells an adapter the vendor's time",
    31: "a vendor that changes between two pages, and lists that are longer than a page",
}
