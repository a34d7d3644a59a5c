"""EG Pasientsky for Kobling: its partner API as an adapter.

The wire is in `wire.py`, everything that is guessed about it in `inferred.py`, the operations in `adapter.py`.
"""

from __future__ import annotations

import kobling

from .adapter import EgPasientsky


@kobling.hookimpl
def kobling_adapters() -> list[type[kobling.Adapter]]:
    """The adapters of this distribution."""
    return [EgPasientsky]


__all__ = ["EgPasientsky", "kobling_adapters"]
