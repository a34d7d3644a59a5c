"""The reference tag, and the note to the clinic that carries it.

A booking's reference is a UUID of the caller. To the vendor it travels as a tag with one fixed form:

    [K:01H2J8QZ4T9VXN5WBC7DPKRM3E]      `[K:`, 26 characters of Crockford's base 32, `]`

26 characters hold 130 bits, so the first is 0 to 7. We write capital letters only. Reading follows Crockford: case does
not matter, O is read as 0, I and L as 1, because a person may have typed the note anew. Nothing else is repaired: a
tag that is cut, split or has another letter is no tag. A tag that is found proves nothing by itself: it counts only
if its reference is ours.

From callers, anything that a person or a careless system could take for a tag is refused (`looks_like_tag`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BeforeValidator

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U."""

TAG_LENGTH: Final = 30

_LENGTH: Final = 26
_VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_TAG = re.compile(r"\[[Kk]:([0-7OoIiLl][0-9A-TV-Za-tv-z]{25})\]")
_TAG_WITH_BLANK = re.compile(rf"[ \t]?{_TAG.pattern}")

_SAME_LOOK: Final = str.maketrans(
    {"\u041a": "k", "\u043a": "k", "\u039a": "k", "\u03ba": "k"}  # Cyrillic and Greek K
    | {"\u3010": "[", "\u3014": "[", "\u27e6": "[", "\ua789": ":", "\u2236": ":"}  # other brackets, colons
    | {"\u115f": "", "\u1160": "", "\u2800": ""}  # letters and patterns that show as nothing
)
"""Signs that look like those of a tag, or like nothing, and that Unicode does not count as the same."""

_LIKE_A_TAG: Final = "[k:"


def tag(reference: UUID) -> str:
    """The tag of a reference: `[K:` + 26 characters + `]`, always `TAG_LENGTH` characters of ASCII."""
    number = reference.int
    letters = "".join(ALPHABET[(number >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
    return f"[K:{letters}]"


def find_tags(text: str) -> list[UUID]:
    """The references of all well-formed tags in a text, in order, each once. Letter case, and O, I and L, do not
    matter; see the module."""
    if not isinstance(text, str):
        del text
        raise TypeError("find_tags() takes text")
    found: dict[UUID, None] = {}
    for match in _TAG.finditer(text):
        number = 0
        for letter in match[1].upper():
            number = number << 5 | _VALUES[letter]
        found[UUID(int=number)] = None
    return list(found)


def find_tag(text: str | None, wanted: UUID | None = None) -> UUID | None:
    """The reference in a note: the wanted one where its tag is among those in the text, else the first; None where
    there is none, or no text. For `Booking.reference`: staff may copy a note with its tag into another booking."""
    tags = find_tags(text or "")
    return wanted if wanted in tags else next(iter(tags), None)


def looks_like_tag(text: str) -> bool:
    """True when a text holds the beginning of a tag, or something that could be taken for one: in small letters,
    with blanks, line breaks or invisible characters inside, in full-width or look-alike signs."""
    plain = unicodedata.normalize("NFKD", text).translate(_SAME_LOOK).casefold()
    kept = (sign for sign in plain if not sign.isspace() and unicodedata.category(sign) not in {"Cf", "Cc", "Mn", "Me"})
    return _LIKE_A_TAG in "".join(kept)


def strip_tags(text: str) -> str:
    """The text without its well-formed tags; a line that held nothing else is left out."""
    kept: list[str] = []
    for line in text.split("\n"):
        bare, removed = _TAG_WITH_BLANK.subn("", line)
        if not removed:
            kept.append(line)
        elif bare.strip():
            kept.append(bare.strip())
    return "\n".join(kept)


NoteCode = Literal["control_character", "tag_like", "empty_line"]


def _ours(told: object) -> object:
    if not isinstance(told, str):
        return told
    try:
        return UUID(told)
    except ValueError:
        return None


OwnReference = Annotated[UUID | None, BeforeValidator(_ours)]
"""What stands in a vendor's own field for a reference, as the type of a row's field: a registry's, or None, since
another system, or the clinic, may have written any text there."""


class NoteTooLong(ValueError):
    """The note does not fit. needed, limit: lengths in characters (Unicode code points)."""

    def __init__(self, needed: int, limit: int) -> None:
        super().__init__(f"the note needs {needed} characters, the vendor takes {limit}")
        self.needed = needed
        self.limit = limit


class NoteRefused(ValueError):
    """A part of the note may not stand in it. code: `control_character`, `tag_like` or `empty_line`."""

    def __init__(self, code: NoteCode) -> None:
        super().__init__(code)
        self.code: NoteCode = code


def compose_note(
    *, reference: UUID, sak_id: str | None, lines: Sequence[str], message: str | None, limit: int | None
) -> str:
    """The whole note for the clinic, a part to a line: tag, `SakID: …`, the lines, the message.

    It is written whole or not at all: nothing is cut or left out, the message included, since the clinic would act on
    half a text and the caller would not know. limit: what the vendor takes, in Unicode code points; None means any.

    sak_id and each line are one line each, without control characters. The message may hold line breaks (CR LF and CR
    are written as LF) and no other control characters. None of them may look like a tag, nor all of them together.

    Raises `NoteTooLong` and `NoteRefused`. Neither holds the text, nor do their traceback's frames from this module.
    """
    texts = [*([] if sak_id is None else [sak_id]), *lines, message or ""]
    if not all(isinstance(one, str) for one in texts):
        del sak_id, lines, message, texts
        raise TypeError("every part of a note is text")
    del texts
    parts = [] if sak_id is None else [f"SakID: {sak_id.strip()}" if sak_id.strip() else ""]
    parts += [line.strip() for line in lines]
    text = (message or "").replace("\r\n", "\n").replace("\r", "\n").strip()
    refused = _refusal(parts, text)
    note = "\n".join([tag(reference), *parts, *([text] if text else [])])
    needed = len(note)
    allowed = needed if limit is None else limit
    if refused is None and needed <= allowed:
        return note
    del sak_id, lines, message, parts, text, note
    if refused is not None:
        raise NoteRefused(refused)
    raise NoteTooLong(needed, allowed)


def _refusal(parts: Sequence[str], message: str) -> NoteCode | None:
    if not all(parts):
        return "empty_line"
    if any(map(_has_control, parts)) or _has_control(message.replace("\n", "")):
        return "control_character"
    return "tag_like" if looks_like_tag("\n".join([*parts, message])) else None


def _has_control(text: str) -> bool:
    """True for control characters, line and paragraph separators, and halves of surrogate pairs."""
    return not text.isprintable() and any(unicodedata.category(sign) in {"Cc", "Zl", "Zp", "Cs"} for sign in text)
