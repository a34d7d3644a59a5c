"""The command line's own texts for administrators, from `words/nb.toml` and `words/en.toml`.

Help texts are English and stand with the options; texts of errors and findings belong to the SDK (`kobling.texts`).
"""

from __future__ import annotations

import tomllib
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
    """One text with its placeholders filled in. An unknown key is a `KeyError`: a test holds the files complete."""
    return str(words(lang)[table][key]).format(**values)
