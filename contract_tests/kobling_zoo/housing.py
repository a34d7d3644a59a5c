"""Everybody who lives in the zoo, loaded and looked up by name: a run in another process knows them by it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from kobling import Adapter

from . import easypractice, eg_pasientsky, extensor, loud, parsing, synthetic
from .exhibit import EXHIBITS, Exhibit
from .nothing import NOTHING

__all__ = ["VENDOR_FILES", "exhibits", "nothings"]

VENDOR_FILES = (eg_pasientsky, extensor, easypractice, loud, parsing, synthetic)
"""Importing a file of exhibits puts them in the zoo."""


@cache
def exhibits() -> Mapping[str, Exhibit]:
    """Every exhibit by its name."""
    return {one.name: one for one in EXHIBITS}


@cache
def nothings() -> Mapping[str, type[Adapter]]:
    """Every adapter that does nothing by its name."""
    return {one.__name__: one for one in NOTHING}
