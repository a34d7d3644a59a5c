"""What keys and people look like in a text, and what an invented one looks like.

The scanner's own rules, written without the scrubber: a mistake there must not be repeated here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal

from stdnum.no import fodselsnummer

__all__ = ["COMMON_NAMES", "Kind", "bare", "shapes_in", "strange_words"]

Kind = Literal["key", "national id", "phone", "e-mail", "name", "number", "birth date", "host", "canary", "unreadable"]

_BEGINNINGS = (
    "prøv|synt|test|kunst|falsk|liksom|dikt|øving|attrapp|skinn|mønster|narre|påhitt|fiktiv|låtes|utkast|kladd|modell|"
    "láhtte|čuovga"
)
_ENDINGS = (
    "vik|ås|eng|dal|berg|haug|lund|sund|tun|moen|stad|bakk|fjell|holm|rud|sjø|øy|voll|grend|bru|myr|foss|kleiv|strand|"
    "hage|váiri|jávri|johka|njárga|várri"
)
_INVENTED = re.compile(f"(?:{_BEGINNINGS})(?:{_ENDINGS})")
_OWN_WORDS = """
ávdnos kanaritest fjellprøve østhåg avdnos kanari pasient example test 90008877 kanari42 sakid født wrong k
fra kobling kan slettes avbestilling avbestilt avlyst av pasienten klinikken behandleren forsikringsselskapet
behandlernettverk grunn sykdom ikke er lenger borte by trengs en annen time valgt feil bestilling timen why
"""
_SUITE = frozenset(_OWN_WORDS.split())
"""Words that the suite sends itself: its patient, and the line about a cancellation."""
_OWN_BIRTH_DATE = "1987-03-14"
_NAMES = """
anne inger kari marit ingrid liv eva anna maria ida hilde astrid bjørg berit nina kristin tone wenche silje camilla
nora emma sofie ella jan per bjørn ole lars kjell knut svein thomas arne geir hans morten tor martin andreas
rune trond odd harald eirik øyvind håkon åse gunnhild ragnhild solveig sigrid jakob lukas oliver hansen johansen
olsen larsen andersen pedersen nilsen kristiansen jensen karlsen johnsen pettersen eriksen berg haugen hagen
johannessen andreassen jacobsen dahl jørgensen halvorsen henriksen lund sørensen jakobsen moen gundersen iversen
strand solberg svendsen eide knutsen martinsen nordmann somby utsi sara eira gaup hætta
"""
COMMON_NAMES = frozenset(_NAMES.split())
"""Names that nobody may declare to be a fixed word of a vendor's."""

_VOWEL = re.compile(r"[aeiouyæøœıаеиоуыэюя]")
_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z])")
_TAG = re.compile(r"\[[Kk]:([0-9A-Za-z]{26})\]")
_MOMENT = re.compile(r"(?<!\d)(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)")
_DAY = re.compile(r"(?<!\d)(\d{1,2})[./](\d{1,2})[./](\d{4})(?!\d)")
_EMAIL = re.compile(r"[^\s@<>,;:\"'()\[\]{}|=&?/]+@[^\W_][\w.-]*\.[^\W\d_]{2,}")
_RESERVED = re.compile(r"@(?:[\w-]+\.)*(?:test|example|invalid|example\.(?:com|org|net))$", re.IGNORECASE)
_ABROAD = re.compile(r"(?<![\w+])(?:\+|00)[1-9](?:[ ().-]?\d){6,13}(?!\d)")
_GROUPED = re.compile(r"(?<![\d\w])(?:\d{3}[ .-]\d\d[ .-]\d{3}|\d\d(?:[ .-]\d\d){3})(?![\d\w])")
_NATIONAL = re.compile(r"(?<!\d)\d\d[ .-]?\d\d[ .-]?\d\d[ .-]?\d{3}[ ]?\d\d(?!\d)")
_DIGITS = re.compile(r"(?<!\d)\d{6,}(?!\d)")
_RUN = re.compile(r"[^\W_]+")
_RATE = re.compile(r"B\d{4}")
_MARKED = re.compile(r"(?<![0-9A-Za-z])(?:zq|bdf0)[0-9A-Za-z]{8,}(?![0-9A-Za-z])")
LONG = 12


def bare(text: str) -> str:
    """A text without the invented ids and the moments in it."""
    for pattern in (_UUID, _TAG):
        text = pattern.sub(lambda found: " " if found[found.lastindex or 0].startswith("000000") else found[0], text)
    return _MARKED.sub(lambda found: found[0] if _VOWEL.search(found[0].casefold()) else " ", _MOMENT.sub(" ", text))


def shapes_in(text: str, today: date | None) -> Iterator[tuple[Kind, str]]:
    """What looks like a key or a person in a text, and is not of an invented form. today: the day of the recording,
    from which a day long ago is told; None leaves days alone."""
    rest = unicodedata.normalize("NFC", text)
    for found in _UUID.finditer(rest):
        if not found[0].startswith("00000000-"):
            yield "key", found[0]
    rest = _UUID.sub(" ", rest)
    for found in _TAG.finditer(rest):
        if not found[1].startswith("000000"):
            yield "key", found[0]
    rest = _TAG.sub(" ", rest)
    for found in _MOMENT.finditer(rest):
        if today is not None and _long_ago(found[1], today):
            yield "birth date", found[1]
    rest = _MOMENT.sub(" ", rest)
    for found in _DAY.finditer(rest):
        if today is not None and _long_ago(f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}", today):
            yield "birth date", found[0]
    rest = _DAY.sub(" ", rest)
    for found in _EMAIL.finditer(rest):
        if _RESERVED.search(found[0]) is None or any(map(_strange, _RUN.findall(found[0].partition("@")[0]))):
            yield "e-mail", found[0]
    rest = _EMAIL.sub(" ", rest)
    for pattern in (_ABROAD, _GROUPED):
        for found in pattern.finditer(rest):
            if not _invented(_digits(found[0])[-8:]):
                yield "phone", found[0]
        rest = pattern.sub(" ", rest)
    for found in _NATIONAL.finditer(rest):
        if _is_somebodys(_digits(found[0])):
            yield "national id", found[0]
    for found in _DIGITS.finditer(rest):
        kind = _number(found[0], today)
        if kind is not None:
            yield kind, found[0]
    for run in _RUN.findall(rest):
        if not run.isalpha() and not run.isdigit() and _opaque(run):
            yield "key", run


def strange_words(text: str, known: frozenset[str] = frozenset()) -> Iterator[str]:
    """Words of a text that are neither known nor invented: each may be a name. A word is two letters or more, with a
    vowel among them: there is no name without one."""
    rest = unicodedata.normalize("NFC", text)
    for pattern in (_UUID, _TAG, _MOMENT):
        rest = pattern.sub(" ", rest)
    for run in _RUN.findall(rest):
        if run in known:
            continue
        for word in re.findall(r"[^\W\d_]{2,}", run) if not run.isalpha() else [run]:
            if run.casefold() not in _SUITE and _strange(word):
                yield word


def _strange(word: str) -> bool:
    folded = word.casefold()
    bare = "".join(sign for sign in unicodedata.normalize("NFD", folded) if not unicodedata.combining(sign))
    if len(word) < 2 or not word.isalpha() or not _VOWEL.search(bare):
        return False
    return folded not in _SUITE and _INVENTED.fullmatch(folded) is None


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


def _number(digits: str, today: date | None) -> Kind | None:
    if len(digits) == 8 and today is not None:
        day = _day(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
        if day is not None and abs(day - today) < timedelta(days=1600):
            return None
    if len(digits) == 11 and _is_day(digits):
        return None  # told above, or an invented one
    if len(digits) == 10 and digits[:2] == "47":
        return None if _invented(digits[2:]) else "phone"
    if _invented(digits):
        return None
    return "phone" if len(digits) == 8 and digits[0] in "23456789" else "number"


def _invented(digits: str) -> bool:
    """A number that begins with 1, as no telephone's does, and leaves 1 when divided by 97; or the suite's own."""
    return digits in _SUITE or (digits[0] == "1" and int(digits) % 97 == 1)


def _is_day(digits: str) -> bool:
    """Whether eleven digits begin with a day as fødselsnummer (as it is), D-numbers (day + 40), help numbers and
    synthetic persons (month + 40, + 65 or + 80) write it."""
    day, month = int(digits[:2]), int(digits[2:4])
    return 1 <= day % 40 <= 31 and day <= 71 and any(1 <= month - more <= 12 for more in (0, 40, 65, 80))


def _is_somebodys(digits: str) -> bool:
    """A national id, one of a test person included. Wrong control digits don't make it nobody's, since people mistype;
    only where the month is 80 too high as well was it invented."""
    if len(digits) != 11 or not _is_day(digits):
        return False
    right = (
        fodselsnummer.calc_check_digit1(digits) == digits[9] and fodselsnummer.calc_check_digit2(digits) == digits[10]
    )
    return right or not 80 < int(digits[2:4]) <= 92


def _opaque(run: str) -> bool:
    """Letters and digits mixed that were not invented: with a vowel, or long and without the mark."""
    if _RATE.fullmatch(run) or run.casefold() in _SUITE:
        return False
    return bool(_VOWEL.search(run.casefold())) or (len(run) >= LONG and not run.startswith(("zq", "bdf0")))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _long_ago(text: str, today: date) -> bool:
    day = _day(text)
    if day is None or text == _OWN_BIRTH_DATE or ((day.month, day.day) == (1, 1) and 1950 <= day.year < 2000):
        return False
    return today - day > timedelta(days=400)
