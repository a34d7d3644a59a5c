"""What stands in a recording in place of what was there: the same form, invented, and recognisable as invented.

One value gets one pseudonym wherever it stands in a recording, so that an id in a path is still the id of the answer
before it. Two values get two, and ids of one form keep their order: adapters and the SDK sort by id, and a recording
that is played must be asked for the same in the same order. The pseudonym follows from the value and a secret that is
stored nowhere (the connection's key), so that nobody can try names one after the other. A pseudonym is left alone when
it is met again:

- words come from `corpus.py`; single letters stand;
- ids keep their form: UUIDs begin with eight zeros, hexadecimal ids with `bdf0`, other ids of twelve signs and more
  with `zq`, and none of them has a vowel; numbers of six digits and more begin with 1 and leave 1 when divided by 97;
- telephone numbers are such numbers too, of eight digits, which nobody has because none begins with 1; e-mail addresses
  are at example.test;
- a national id has a month that is 80 too high and control digits that are wrong;
- a day long ago may be a day of birth and becomes a first of January; other days and times stand.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from uuid import UUID

from stdnum.no import fodselsnummer

from kobling.reference import find_tags, tag

from .corpus import ASCII_WORDS, OTHER_WORDS, OWN_DATES, is_synthetic, runs

__all__ = ["Exhausted", "Pseudonyms", "marked_uuid"]

LONG_AGO = timedelta(days=400)
PLAIN_DIGITS = 5
"""A number of so many digits or fewer stands: a price, a length, a postal code."""
ORDERED = ("uuid", "number", "hex", "opaque")
"""Forms of ids that are kept in order."""
OPAQUE = 12
"""From this length on an id without a visible form carries a mark."""
LETTERS = "bcdfghjklmnpqrstvwxz"
HEX = "0123456789bcdf"
_VOWELS = frozenset("aeiouyæøåáäöëéèêóòôüíú")

_TOKEN = re.compile(
    r"""
      (?P<tag>\[[Kk]:[0-9A-Za-z]{26}\])
    | (?P<email>[^\s@<>,;:"'()\[\]{}|=&?/]+@[^\W_][\w.-]*\.[^\W\d_]{2,})
    | (?P<uuid>(?<![0-9A-Za-z])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z]))
    | (?P<moment>(?<![0-9A-Za-z])\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d))
    | (?P<day>(?<!\d)\d{1,2}[./]\d{1,2}[./]\d{4}(?!\d))
    | (?P<abroad>(?<![\w+])(?:\+|00)(?:47(?:[ -]?\d){8}|[1-9](?:[ -]?\d){7,13})(?!\d))
    | (?P<spaced>(?<![\d\w])(?:\d{3}\ \d\d\ \d{3}|\d\d(?:\ \d\d){3})(?![\d\w]))
    | (?P<national>(?<!\d)\d{6}[ -]\d{5}(?!\d))
    | (?P<run>[^\W_]+)
    """,
    re.VERBOSE,
)
_RATE = re.compile(r"B\d{4}")
_RESERVED = (".test", ".example", ".invalid", "example.com", "example.org", "example.net")


class Exhausted(ValueError):
    """There are more different values of one form than pseudonyms for it."""


class Pseudonyms:
    """The pseudonyms of one recording. secret: what they follow from besides the value. today: the day of the
    recording, from which "long ago" is counted.

    To keep ids in order all of them must be known first: `collecting` is True while a recording is gone through once
    for that, and `settle` gives them their pseudonyms. Without it each gets its own as it comes.

    own: ids that the suite made up itself, which stand. fresh: nothing else can be invented, so that an id which only
    looks so is replaced as well.
    """

    def __init__(self, secret: str, today: date, *, own: Iterable[str] = (), fresh: bool = False) -> None:
        self.own = set(own)
        self._fresh = fresh
        self._secret = secret.encode("utf-8", "surrogatepass")
        self._long_ago = today - LONG_AGO
        self._given: dict[tuple[str, str], str] = {}
        self._taken: set[tuple[str, str]] = set()
        self.collecting = False
        self._waiting: dict[str, dict[str, Callable[[int], str]]] = defaultdict(dict)

    def settle(self) -> None:
        """Give every id that was met while collecting its pseudonym, in order."""
        self.collecting = False
        for kind, values in self._waiting.items():
            made = sorted(self._pick(kind, value, make) for value, make in values.items())
            self._given.update(((kind, value), found) for value, found in zip(sorted(values), made, strict=True))
        self._waiting.clear()

    def text(self, value: str, keep: frozenset[str] = frozenset()) -> str:
        """A text in which every token that could tell something is replaced, but for the words to keep."""
        return _TOKEN.sub(
            lambda found: found[0] if found[0] in keep else self._token(found), unicodedata.normalize("NFC", value)
        )

    def number(self, digits: str) -> str:
        """A number, as its digits."""
        plain = len(digits) <= PLAIN_DIGITS or (len(digits) == 8 and self._recent(digits))
        if plain or digits in self.own or is_synthetic(digits):
            return digits
        if len(digits) == 10 and digits[:2] == "47":
            return f"47{self.number(digits[2:])}"
        if len(digits) == 11 and _is_national_id(digits):
            return self._national_id(digits)
        if digits[0] == "1" and int(digits) % 97 == 1 and not self._fresh:
            return digits
        return self._pick(f"number {len(digits):02}", digits, lambda seed: _marked_number(len(digits), seed))

    # ---- tokens

    def _token(self, found: re.Match[str]) -> str:
        kind, value = found.lastgroup or "", found[0]
        return str(getattr(self, f"_{kind}")(value))

    def _tag(self, value: str) -> str:
        references = find_tags(value)
        return tag(UUID(self._uuid(str(references[0])))) if references else "".join(map(self._run, runs(value)))

    def _email(self, value: str) -> str:
        local, _, domain = value.rpartition("@")
        if domain.lower().endswith(_RESERVED) and all(map(is_synthetic, runs(local))):
            return value
        return self._pick("email", value.casefold(), lambda seed: f"{_ascii(seed)}.{_ascii(seed >> 16)}@example.test")

    def _uuid(self, value: str) -> str:
        if value.startswith("00000000-"):
            return value
        return self._pick("uuid", value.lower(), lambda seed: marked_uuid(seed))

    def _moment(self, value: str) -> str:
        day = _day(value[:10])
        if day is None or day >= self._long_ago or value[:10] in OWN_DATES or _invented_birthday(day):
            return value
        return f"{self._birth_year(value[:10])}-01-01{value[10:]}"

    def _day(self, value: str) -> str:
        parts = [int(part) for part in re.split(r"[./]", value)]
        day = _day(f"{parts[2]:04}-{parts[1]:02}-{parts[0]:02}") or _day(f"{parts[2]:04}-{parts[0]:02}-{parts[1]:02}")
        if day is None or day >= self._long_ago or _invented_birthday(day):
            return value
        return f"01{value[-5]}01{value[-5]}{self._birth_year(str(day))}"

    def _abroad(self, value: str) -> str:
        digits = re.sub(r"\D", "", value)
        return f"{value[:-8]}{self.number(digits[-8:])}" if value[-8:].isdigit() else f"+47{self.number(digits[-8:])}"

    def _spaced(self, value: str) -> str:
        return self.number(value.replace(" ", ""))

    def _national(self, value: str) -> str:
        digits = re.sub(r"\D", "", value)
        return self._national_id(digits) if _is_national_id(digits) else self.number(digits)

    def _run(self, value: str) -> str:
        if value.isascii() and value.isdigit():
            return self.number(value)
        if value in self.own or len(value) == 1 or is_synthetic(value) or _RATE.fullmatch(value):
            return value
        if value.isalpha():
            return self._word(value)
        return self._opaque(value)

    # ---- forms

    def _word(self, value: str) -> str:
        words = ASCII_WORDS if value.isascii() else OTHER_WORDS
        found = self._pick("word", value.casefold(), lambda seed: words[seed % len(words)], may_repeat=True)
        if value.isupper():
            return found.upper()
        return found.capitalize() if value[0].isupper() else found

    def _opaque(self, value: str) -> str:
        hexadecimal = len(value) >= OPAQUE and re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", value) is not None
        if not _VOWELS & set(value.casefold()) and value.isascii():
            marked = value.startswith("bdf0") if hexadecimal else value.startswith("zq")
            if (len(value) < OPAQUE or (marked and not self._fresh)) and not re.search(r"\d{6}", value):
                return value
        if hexadecimal:
            return self._pick("hex", value.lower(), lambda seed: _marked_hex(len(value), seed))
        return self._pick(f"opaque {len(value)}", value, lambda seed: _opaque_like(value, seed))

    def _national_id(self, digits: str) -> str:
        if 80 < int(digits[2:4]) <= 92 and not _controlled(digits):
            return digits
        return self._pick("national", digits, _invented_national_id)

    def _birth_year(self, of: str) -> int:
        return 1950 + self._seed("birth", of, 0) % 50

    def _recent(self, digits: str) -> bool:
        day = _day(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
        return day is not None and self._long_ago <= day <= self._long_ago + 4 * LONG_AGO

    # ---- one value, one pseudonym

    def _pick(self, kind: str, value: str, make: Callable[[int], str], *, may_repeat: bool = False) -> str:
        known = self._given.get((kind, value))
        if known is not None:
            return known
        if self.collecting and kind.startswith(ORDERED):
            self._waiting[kind][value] = make
            return value
        for attempt in range(20_000):
            found = make(self._seed(kind, value, attempt))
            free = (kind, found) not in self._taken and found.casefold() != value.casefold()
            if free or (may_repeat and attempt > 1000):
                self._given[kind, value] = found
                self._taken.add((kind, found))
                return found
        raise Exhausted(f"no pseudonym is left for another {kind} of {len(value)} signs")

    def _seed(self, kind: str, value: str, attempt: int) -> int:
        message = f"{kind}\x1f{attempt}\x1f{value}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hmac.new(self._secret, message, hashlib.sha256).digest())


def _signs(alphabet: str, count: int, seed: int) -> str:
    found = []
    for _ in range(count):
        seed, place = divmod(seed, len(alphabet))
        found.append(alphabet[place])
    return "".join(found)


def _marked_number(length: int, seed: int) -> str:
    low = 10 ** (length - 1)
    number = low + seed % (low // 2)
    number += (1 - number) % 97
    while _is_national_id(str(number)):
        number += 97
    return str(number)


def _marked_hex(length: int, seed: int) -> str:
    """A letter in every fifth place, so that no long number is made."""
    made = list("bdf0" + _signs(HEX, length - 4, seed))
    made[4::5] = _signs("bcdf", len(made[4::5]), seed >> 128)
    return "".join(made)


def marked_uuid(seed: int) -> str:
    """A UUID that everybody sees is invented."""
    signs = _signs(HEX, 22, seed)
    return f"00000000-{signs[:4]}-4{signs[4:7]}-8{signs[7:10]}-{signs[10:22]}"


def _opaque_like(value: str, seed: int) -> str:
    """Letters for letters and digits for digits, but a letter in every fifth place, so that no long number is made."""
    letters, digits = _signs(LETTERS, len(value), seed), _signs("0123456789", len(value), seed >> 128)
    made = [digits[place] if sign.isdigit() and place % 5 != 4 else letters[place] for place, sign in enumerate(value)]
    if len(value) >= OPAQUE:
        made[:2] = "zq"
    return "".join(sign.upper() if value[place].isupper() and place > 1 else sign for place, sign in enumerate(made))


def _invented_national_id(seed: int) -> str:
    seed, year = divmod(seed, 100)
    seed, month = divmod(seed, 12)
    seed, day = divmod(seed, 28)
    digits = f"{day + 1:02}{month + 81:02}{year:02}{seed % 100_000:05}"
    return digits if not _controlled(digits) else f"{digits[:10]}{(int(digits[10]) + 1) % 10}"


def _is_national_id(digits: str) -> bool:
    """Eleven digits that begin with a day, in any of the ways in which fødselsnummer, D-numbers and numbers of test
    persons write one."""
    if len(digits) != 11:
        return False
    day, month = int(digits[:2]), int(digits[2:4])
    return 1 <= (day - 40 if day > 40 else day) <= 31 and any(1 <= month - more <= 12 for more in (0, 40, 65, 80))


def _controlled(digits: str) -> bool:
    """Whether the control digits are right."""
    first, second = fodselsnummer.calc_check_digit1(digits), fodselsnummer.calc_check_digit2(digits)
    return str(first) == digits[9] and str(second) == digits[10]


def _ascii(seed: int) -> str:
    return ASCII_WORDS[seed % len(ASCII_WORDS)]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _invented_birthday(day: date) -> bool:
    return (day.month, day.day) == (1, 1) and 1950 <= day.year < 2000
