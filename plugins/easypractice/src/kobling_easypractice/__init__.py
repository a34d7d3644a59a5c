"""EasyPractice for Kobling, modelled on its public API.

The operations are in `adapter.py`, how open times are computed in `opentimes.py`, what a clinic must tell beside its
token in `options.py`, the answers in `wire.py`, and everything that is guessed about them in `inferred.py`.
"""

from __future__ import annotations

import kobling

from .adapter import EasyPractice
from .options import ClinicSettings


@kobling.hookimpl
def kobling_adapters() -> list[type[kobling.Adapter]]:
    """The adapters of this distribution."""
    return [EasyPractice]


__all__ = ["EasyPractice", "ClinicSettings", "kobling_adapters"]
