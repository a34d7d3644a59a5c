"""The synthetic corpus: invented words that nobody is called, and the words that the suite itself sends."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from kobling import texts

from ..rig import PATIENT, SAK_ID

__all__ = ["ASCII_WORDS", "FIRST", "OTHER_WORDS", "OWN_DATES", "SECOND", "WORDS", "is_synthetic", "own_words", "runs"]

FIRST = (
    "Prøv", "Synt", "Test", "Kunst", "Falsk", "Liksom", "Dikt", "Øving", "Attrapp", "Skinn", "Mønster", "Narre",
    "Påhitt", "Fiktiv", "Låtes", "Utkast", "Kladd", "Modell", "Láhtte", "Čuovga",
)  # fmt: skip
SECOND = (
    "vik", "ås", "eng", "dal", "berg", "haug", "lund", "sund", "tun", "moen", "stad", "bakk", "fjell", "holm", "rud",
    "sjø", "øy", "voll", "grend", "bru", "myr", "foss", "kleiv", "strand", "hage", "váiri", "jávri", "johka", "njárga",
    "várri",
)  # fmt: skip
WORDS = tuple(first + second for second in SECOND for first in FIRST)
"""What a word becomes. Norwegian and Sámi letters are among them, as they are among names."""
ASCII_WORDS = tuple(word.lower() for word in WORDS if word.isascii())
OTHER_WORDS = tuple(word.lower() for word in WORDS if not word.isascii())
"""A word keeps its form: where there was a letter beyond ASCII there is one after."""
OWN_DATES = frozenset({str(PATIENT.birth_date)})
"""Days long ago that the suite itself sends."""

_RUN = re.compile(r"[^\W_]+")


def runs(text: str) -> list[str]:
    """The runs of letters and digits in a text, composed (NFC)."""
    return _RUN.findall(unicodedata.normalize("NFC", text))


@cache
def own_words() -> frozenset[str]:
    """Words, in small letters, of what the suite and the SDK send: the invented patient, the SakID, the reasons for
    cancelling, and what stands around a reference. They are invented or say nothing of anybody."""
    said = [str(value) for value in PATIENT.model_dump().values() if isinstance(value, str)]
    said += [(PATIENT.phone or "")[-8:], SAK_ID.value, "SakID", "wrong", "TEST fra Kobling: kan slettes"]
    said += [str(text) for text in texts.messages("nb")["cancel"].values()]
    said += ["Pasient", "født", "K"]
    return frozenset(run.casefold() for text in said for run in runs(text))


_KNOWN = frozenset(word.casefold() for word in WORDS)


def is_synthetic(word: str) -> bool:
    """True for a word of the corpus, or of the suite's own."""
    folded = word.casefold()
    return folded in _KNOWN or folded in own_words()
