"""The vendor that lives with the suite: openly synthetic and small, so that every optional part of the contract has
somebody to be tried on.

No system of that kind exists. No entry point names its adapters, so that no registry finds them among the vendors that
are installed; the suite knows them by their keys. `wire.py` holds what is said, `dialect.py` the vendor's side,
`adapter.py` the registry's.
"""

from __future__ import annotations

from collections.abc import Mapping

from kobling import Adapter
from kobling_mocks import Dialect

from .adapter import ByRequest, HoldsFirst, SearchOnly, Synthetic
from .dialect import by_request, dialect, holds_first, search_only

__all__ = ["VARIANTS", "HoldsFirst", "SearchOnly", "Synthetic", "ByRequest", "dialect"]

VARIANTS: Mapping[str, tuple[type[Adapter], Dialect]] = {
    Synthetic.key: (Synthetic, dialect),
    ByRequest.key: (ByRequest, by_request),
    HoldsFirst.key: (HoldsFirst, holds_first),
    SearchOnly.key: (SearchOnly, search_only),
}
"""The adapters by their keys, each with the dialect of its vendor."""
