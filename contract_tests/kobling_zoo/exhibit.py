"""An exhibit: a faulty adapter, the faults that it has, and the rule and cause by which the suite must find it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from kobling import Adapter
from kobling_contract.target import Target, find_target

__all__ = ["EXHIBITS", "Exhibit", "exhibit"]

A = TypeVar("A", bound=type[Adapter])
CONTRACT = 1


@dataclass(frozen=True)
class Exhibit:
    """A faulty adapter. faults: its numbers in `faults.py`; none for a fault beyond that list. rule, cause: what the
    suite must say. twin: the same adapter without the fault, which passes that rule."""

    adapter: type[Adapter]
    faults: tuple[int, ...]
    rule: str
    cause: str
    twin: type[Adapter]

    @property
    def name(self) -> str:
        """The name of the adapter's class."""
        return self.adapter.__name__

    @property
    def vendor(self) -> str:
        """The key of the vendor whose dialect it speaks."""
        return self.adapter.key

    def target(self, adapter: type[Adapter]) -> Target:
        """The exhibit's vendor, spoken to by this adapter."""
        return find_target(adapter.key, adapter)

    @property
    def about(self) -> str:
        """What it does wrong, in a sentence."""
        return " ".join((inspect.getdoc(self.adapter) or "").split())


EXHIBITS: list[Exhibit] = []


def exhibit(*faults: int, rule: str, cause: str) -> Callable[[A], A]:
    """Put the decorated adapter in the zoo. Its twin is the class that it is made from."""

    def add(adapter: A) -> A:
        adapter.contract = CONTRACT  # a class must state it itself, and here each is written for the same one
        (twin, *_) = (base for base in adapter.__mro__[1:] if not base.__name__.startswith("_"))
        EXHIBITS.append(Exhibit(adapter, faults, rule, cause, twin))
        return adapter

    return add
