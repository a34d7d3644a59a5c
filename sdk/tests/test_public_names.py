"""The public surface is a list that somebody decided on."""

from __future__ import annotations

import inspect
from pathlib import Path

import kobling

LIST = Path(__file__).with_name("public_names.txt")


def test_the_public_names_are_those_that_were_decided_on() -> None:
    decided = LIST.read_text("utf-8").split()
    assert sorted(kobling.__all__) == decided, (
        "the public names changed: if that is meant, bring public_names.txt in line, give a new name its docstring and "
        "reference page, and tell in CHANGELOG.md what was added or taken away"
    )


def test_every_public_name_exists_and_says_what_it_is() -> None:
    for name in kobling.__all__:
        value = getattr(kobling, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name
