"""Turning the model's records into plain JSON data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """Dictionaries, lists, text, numbers, booleans and None for a record of the model.

    Moments, dates and times become ISO 8601, durations seconds, patterns their text, sets sorted lists.
    Raises `TypeError` for anything the model does not hold.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(plain(item) for item in value)
    raise TypeError(f"{type(value).__name__} has no plain form")
