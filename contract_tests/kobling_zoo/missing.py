"""Faults of the list that are neither shown nor tried yet, each with what it waits for."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["MISSING"]

MISSING: Mapping[int, str] = {}
