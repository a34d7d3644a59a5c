"""When two written names are the same person's name, and two written HPR numbers the same number.

Registries and booking systems write one person in many ways: "Dr. Åse-Marie Høst", "HØST, AASE MARIE", "Åse Marie Høst
(fysioterapeut)". `normal_name` brings each to one form, and names are the same when those forms are equal: nothing is
guessed, no part is left out and no letter is forgiven.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LETTERS: Final[dict[str, str]] = {
    "æ": "ae",
    "ä": "ae",
    "ø": "oe",
    "ö": "oe",
    "å": "aa",
    "ü": "ue",
    "ð": "d",
    "đ": "d",
    "þ": "th",
    "ŋ": "n",
    "ŧ": "t",
    "ł": "l",
    "œ": "oe",
    "ı": "i",
}
"""Letters, in lower case, that systems without them write otherwise, spelt as in passports (ICAO 9303, part 3). Any
other letter loses its accents: á is a, č is c, š is s. Đ, Ŋ and Ŧ are Sámi."""

_WORDS_OF_A_PROFESSION: Final = (
    "akupunktør", "autorisert", "barnefysioterapeut", "barnepsykolog", "chiropractor", "ergoterapeut",
    "ernæringsfysiolog", "fastlege", "fotterapeut", "fysioterapeut", "idrettsfysioterapeut", "idrettsterapeut",
    "kiropraktor", "klinisk", "klinisk ernæringsfysiolog", "klinisk psykolog", "lege", "legespesialist", "logoped",
    "manuellterapeut", "massasjeterapeut", "massør", "naprapat", "nevropsykolog", "osteopat", "overlege",
    "physiotherapist", "psykolog", "psykologspesialist", "psykomotorisk fysioterapeut", "psykoterapeut",
    "psychologist", "spesialfysioterapeut", "spesialist", "spesialist i allmennmedisin",
    "spesialist i klinisk psykologi", "spesialist i manuellterapi", "sykepleier", "terapeut", "turnuskandidat",
    "turnuskiropraktor", "turnusfysioterapeut",
)  # fmt: skip
_WORDS_OF_A_DEGREE: Final = (
    "cand med", "cand psychol", "cand san", "dr", "dr med", "dr philos", "dr psychol", "doktor", "m sc", "msc",
    "mnff", "mnkf", "mnmf", "mnpf", "ph d", "phd", "professor", "prof",
)  # fmt: skip
TITLES: Final = _WORDS_OF_A_PROFESSION + _WORDS_OF_A_DEGREE
"""What may stand before or after a name and is no part of it, without capitals and punctuation. Nothing that is also a
given or family name: a title missing here costs a proposal, a name listed here could join two people."""

_DROPPED: Final = frozenset("'’‘ʼ`´ʹʻ′＇")
"""Apostrophes in their spellings: O’Brien is OBrien."""

_HPR = re.compile(r"(?:hpr(?:\W*n(?:umme)?r)?\W*)?([0-9][0-9 .]*)", re.IGNORECASE)


def normal_name(name: str) -> str:
    """A person's name in the form in which names are compared: lower case, a blank between words, æøå spelt out,
    no accents, hyphens or titles, given name first ("Høst, Åse" is "aase hoest"). "" when no name is left.

    Text in decomposed form (NFD) gives the same as composed text; the result's own normal form is itself.
    """
    parts = [_without_titles(_words(part)) for part in name.split(",")]
    parts = [part for part in parts if part]
    if len(parts) == 2:
        parts.reverse()
    return " ".join(_without_titles([word for part in parts for word in part]))


def same_name(one: str, other: str) -> bool:
    """True when both are names and their normal forms are equal."""
    normal = normal_name(one)
    return bool(normal) and normal == normal_name(other)


def normal_hpr(number: str | None) -> str | None:
    """An HPR number's digits, without zeros at the front or "HPR-nr." before it; None when there is no number."""
    found = _HPR.fullmatch(unicodedata.normalize("NFKC", number or "").strip())
    digits = re.sub(r"[ .]", "", found[1]).lstrip("0") if found else ""
    return digits or None


def _words(text: str) -> list[str]:
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    spelt = "".join(LETTERS.get(letter, letter) for letter in text if letter not in _DROPPED)
    kept = (_letter(LETTERS.get(one, one)) for one in unicodedata.normalize("NFKD", spelt))  # again: ǿ is ø and a mark
    return unicodedata.normalize("NFC", "".join(kept)).split()


def _letter(one: str) -> str:
    """A letter or digit as it is, nothing for an accent or an invisible mark, a blank for anything else."""
    kind = unicodedata.category(one[0])
    if kind[0] == "L" or kind[0] == "N":
        return one
    return "" if kind in ("Mn", "Cf") else " "


_TITLE_WORDS: Final = frozenset(tuple(_words(title)) for title in TITLES)
_LONGEST: Final = max(map(len, _TITLE_WORDS))


def _without_titles(words: list[str]) -> list[str]:
    """The words without the titles at both ends, the longest first, as often as there are any."""
    size = min(_LONGEST, len(words))
    while size:
        if tuple(words[:size]) in _TITLE_WORDS:
            words = words[size:]
        elif tuple(words[-size:]) in _TITLE_WORDS:
            words = words[:-size]
        else:
            size -= 1
            continue
        size = min(_LONGEST, len(words))
    return words
