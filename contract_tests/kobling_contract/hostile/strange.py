"""Strange values: what may stand in the place of a good one. Tables, by the kind of the good one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

__all__ = [
    "FLOATS",
    "IMPOSSIBLE",
    "NUMBERS",
    "TEXTS",
    "TIMES",
    "TOKENS",
    "Kind",
    "Raw",
    "kind_of",
    "other_digits",
]

Kind: TypeAlias = Literal["null", "bool", "number", "text", "time", "list", "object"]


class Raw:
    """A piece of JSON text that no value stands for: `NaN`, or an object with a key that comes twice. Of no kind that
    anything writes as JSON by itself, as a dataclass would be."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


TOKENS: Final = tuple(map(Raw, ("NaN", "Infinity", "-Infinity", "1e999", "-0", "1E+2", "00", "0x1F", "undefined")))
NUMBERS: Final[tuple[int, ...]] = (
    0, -1, 1, 7, 24, 61, 1440, 1441, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 + 1, -(2**63) - 1, 10**18 + 1,
    10**30, 10**400,
)  # fmt: skip
FLOATS: Final[tuple[float, ...]] = (0.0, -0.0, 0.5, 1.5, 1e-320, 1e16, 1e22, 1e308, -1e308, 9007199254740993.0)
TEXTS: Final[tuple[str, ...]] = (
    "",
    " ",
    "\t\n",
    "x",
    "0",
    "-1",
    "null",
    "true",
    "None",
    "NaN",
    "9007199254740993",
    "1e3",
    "²",
    "٣",
    "Ⅻ",
    "½",
    "4_5",
    "a\u0000b",
    "\u0000",
    "\ud800",
    "\udfff\ud800",
    "\u202etxet",
    "\u200b\u2060\ufeff",
    "\u2028\u2029",
    "\x1b[31m",
    "\r\nX-Injected: 1",
    "Ávdnos Čáhppes Đulot Ŋuolla Šaddu Ŧáhkku Žállat",
    unicodedata.normalize("NFD", "Åse Øverbø-Lærdal Áhkkánas"),
    "𝕏😀👩\u200d⚕️",
    "ß" * 300,
    "å" * 5_000,
    "9" * 5_000,
    "{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
    "' OR '1'='1'; DROP TABLE timer; --",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "..",
    "../../etc/passwd",
    "a/b",
    "%2e%2e%2f%00",
    "https://elsewhere.example.test/x",
    "//elsewhere.example.test/x",
    "http://[::1",
    "[]",
    "{}",
    "*",
    "@",
    "=1+1",
)  # fmt: skip
IMPOSSIBLE: Final[tuple[str, ...]] = (
    "2026-02-30T10:00:00+01:00",
    "2026-13-01T10:00:00+01:00",
    "2026-11-24T25:00:00+01:00",
    "2026-11-24T10:61:00+01:00",
    "2026-11-24T10:00:00+99:00",
    "2026-11-24T10:00:00-99:99",
    "2026-02-30T10:00",
    "2026-13-01T10:00",
    "2026-11-24T25:61",
    "2026-11-24T10:61",
    "0000-00-00T00:00",
    "0000-00-00 00:00:00",
    "2026-11-31",
    "2026-00-10",
    "2027-02-29",
    "25:61",
    "09:60",
    "-1:00",
)
"""Times that no clock and no calendar shows. Nothing can be open, booked or closed then."""
TIMES: Final[tuple[str, ...]] = (
    *IMPOSSIBLE,
    "2026-11-24T24:00:00+01:00",
    "2026-11-24T24:00",
    "24:00",
    "2027-03-28T02:30",
    "2027-03-28T02:30:00",
    "2026-10-25T02:30",
    "2026-10-25T02:30:00+01:00",
    "2026-10-25T02:30:00+02:00",
    "2026-11-24T09:00:60",
    "2026-11-24T09:00:00.123456789123Z",
    "2026-11-24 09:00",
    "2026-11-24t09:00z",
    "2026-11-24T09:00",
    "2026-11-24T09:00:00Z",
    "2026-11-24T09:00:00+23:59",
    "2026-11-24T09:00:00+01:00[Europe/Oslo]",
    "2026-W48-2T09:00",
    "20261124T090000Z",
    "24.11.2026 09:00",
    "11/24/2026 9:00 AM",
    "0001-01-01T00:00:00+01:00",
    "0001-01-01T00:00",
    "9999-12-31T23:59:59-01:00",
    "9999-12-31T23:59",
    "9999-06-01T10:00:00+02:00",
    "9999-06-01T10:00",
    "9998-12-31T23:59",
    "9997-12-31T23:59:00+01:00",
    "0001-06-01T10:00:00+01:00",
    "0001-06-01T10:00",
    "10000-01-01T00:00",
    "1764000000",
    "٢٠٢٦-١١-٢٤T٠٩:٠٠",
    "2026-11-2４T09:00",
    "٠٩:٠٠",
    "9:00",
    "",
)

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}")
_ARABIC: Final[Mapping[int, int]] = {ord("0") + digit: 0x660 + digit for digit in range(10)}


def kind_of(value: Any) -> Kind:
    """What kind of JSON value it is; a text that looks like a time or a day is a time."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "time" if _TIME.search(value) else "text"
    return "list" if isinstance(value, list) else "object"


def other_digits(text: str) -> str:
    """The text with its digits in another script, in which `int()` reads them too."""
    return text.translate(_ARABIC)
