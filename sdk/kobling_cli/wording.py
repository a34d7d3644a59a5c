"""The command line's own texts for administrators, from `words/nb.toml` and `words/en.toml`.

Help texts are English and stand with the options; texts of errors and findings belong to the SDK (`kobling.texts`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Language = Literal["nb", "en"]
LANGUAGES: tuple[Language, ...] = ("nb", "en")
LANGUAGE_VARIABLE = "KOBLING_LANG"
"""Says which of them a person reads, where `--lang` does not."""


@cache
def words(lang: Language) -> dict[str, Any]:
    """The whole file of a language, as nested tables."""
    return tomllib.loads((files(__package__) / "words" / f"{lang}.toml").read_text("utf-8"))


def say(table: str, key: str, lang: Language, /, **values: object) -> str:
    """One text with its placeholders filled in, in the singular where `count` is 1 and the table has one (`KEY_one`).
    An unknown key is a `KeyError`: a test holds the files complete."""
    texts = words(lang)[table]
    one = f"{key}_one"
    return str(texts[one if values.get("count") == 1 and one in texts else key]).format(**values)


def locale_language(environment: Mapping[str, str]) -> Language:
    """The language where nobody has said one: English for a person whose system speaks something else than Norwegian.
    One that speaks nothing (no locale, C, POSIX) is a server's, and administrators' texts are Norwegian first."""
    told = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    language = re.split(r"[_.@-]", told)[0].lower()
    return "nb" if language in ("", "c", "posix", "nb", "nn", "no") else "en"
