"""Extensor for Kobling. Synthetic, not verified against the vendor: no public description of its API exists.

Everything that is guessed, which is the whole wire, is in `inferred.py`; `adapter.py` holds the operations.
"""

from __future__ import annotations

import kobling

from .adapter import Extensor


@kobling.hookimpl
def kobling_adapters() -> list[type[kobling.Adapter]]:
    """The adapters of this distribution."""
    return [Extensor]


__all__ = ["Extensor", "kobling_adapters"]
