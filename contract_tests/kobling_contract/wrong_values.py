"""Wrong values of the same form as right ones, which no pattern of the vendor's refuses before the vendor is asked."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["almost"]


def almost(value: str, but: Collection[str] = ()) -> str:
    """Another value of the same form: its last character that can be, changed into one that stands elsewhere in it and
    is of the same kind. but: values that it must not be, since they are right elsewhere."""
    for place in reversed(range(len(value))):
        one = value[place]
        for other in value:
            alike = other != one and other.isalnum() and one.isalnum() and _kind(other) == _kind(one)
            changed = value[:place] + other + value[place + 1 :]
            if alike and changed not in but:
                return changed
    return f"wrong-{value}"


def _kind(sign: str) -> tuple[bool, bool]:
    return sign.isdigit(), sign.isupper()
