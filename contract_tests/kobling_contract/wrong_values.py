"""Wrong values of the same form as right ones, which no pattern of the vendor's refuses before the vendor is asked."""

from __future__ import annotations

__all__ = ["almost"]


def almost(value: str) -> str:
    """Another value of the same form: its last character that can be, changed into one that stands elsewhere in it and
    is of the same kind."""
    for place in reversed(range(len(value))):
        one = value[place]
        for other in value:
            if other != one and other.isalnum() and one.isalnum() and _kind(other) == _kind(one):
                return value[:place] + other + value[place + 1 :]
    return f"wrong-{value}"


def _kind(sign: str) -> tuple[bool, bool]:
    return sign.isdigit(), sign.isupper()
