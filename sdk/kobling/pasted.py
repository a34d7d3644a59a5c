"""What was meant by a text that was pasted: characters that nobody sees come along from mails and pages."""

from __future__ import annotations

import unicodedata
from typing import Final

_SHOW_NOTHING: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0")
"""Letters, marks and patterns that show as nothing: joiners, fillers, Mongolian selectors, the empty Braille cell."""

_BLANK: Final = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85")
"""Control characters that stand between words."""


def without_invisible(text: str) -> str:
    """The text without what has no width: zero-width and direction marks, soft hyphens, byte-order marks, fillers,
    variation selectors and control characters. Blanks of any kind stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign for sign in text if not _invisible(sign))


def without_blanks(text: str) -> str:
    """The text without anything invisible and without blanks of any kind."""
    return "".join(without_invisible(text).split())


def single_blanks(text: str) -> str:
    """The text in Unicode's composed form, nothing invisible in it, one plain blank where there are blanks of any
    kind, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", without_invisible(text)).split())


def _invisible(sign: str) -> bool:
    if sign in _BLANK:
        return False
    selector = "\ufe00" <= sign <= "\ufe0f" or "\U000e0000" <= sign <= "\U000e0fff"
    return selector or sign in _SHOW_NOTHING or unicodedata.category(sign) in ("Cc", "Cf")
