"""How long a vendor asks us to wait: the `Retry-After` header, in seconds or as a date (RFC 9110, 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from .exchange import WireReply

LONGEST = 3600.0
LONGEST_DATE = 64
"""Signs in a date; the longest form has 35."""


def http_date(text: str | None) -> datetime | None:
    """An HTTP date in UTC; None when there is none, or it can't be read."""
    return _http_date(text) if text and len(text) <= LONGEST_DATE else None


@lru_cache(maxsize=64)  # every reply of a second has the same date
def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError, LookupError):  # the parser's ways of not understanding a text
        return None


def retry_after(reply: WireReply) -> float | None:
    """Seconds to wait, at most an hour; None when the vendor does not say. A date is measured against the reply's own
    `Date`, so that a vendor's wrong clock does no harm."""
    text = (reply.header("retry-after") or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST) if len(text) < 10 else LONGEST
    until, now = http_date(text), http_date(reply.header("date"))
    if until is None or now is None:
        return None
    return min(max((until - now).total_seconds(), 0.0), LONGEST)
