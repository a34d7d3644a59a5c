"""Switches: what a vendor's documentation leaves open, as data, so that an adapter can be tried against every reading.

A switch has a default (our best guess), its alternatives, and why the default was chosen. `known` says whether a vendor
page states it (`"documented"`) or whether it was inferred.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Setting", "Switch", "Switches"]

Setting = str | int | bool


@dataclass(frozen=True)
class Switch:
    """One switch. `choices` are the allowed settings; for a number it is `(lowest, highest)` and `number` is true."""

    name: str
    default: Setting
    choices: tuple[Setting, ...]
    what: str
    why: str
    known: Literal["documented", "inferred"] = "inferred"
    number: bool = False

    def check(self, value: object) -> Setting:
        """The setting, or `ValueError` naming the allowed ones."""
        if self.number:
            low, high = self.choices
            if isinstance(value, int) and not isinstance(value, bool) and int(low) <= value <= int(high):
                return value
            raise ValueError(f"{self.name} is a number from {low} to {high}, not {value!r}")
        for choice in self.choices:
            if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                return choice
        raise ValueError(f"{self.name} is one of {', '.join(repr(choice) for choice in self.choices)}, not {value!r}")


class Switches(Mapping[str, Setting]):
    """The settings of one world. Reading is like a dict; `set(taken="400")` changes. Thread safe."""

    def __init__(self, switches: tuple[Switch, ...], changed: Callable[[], None] = lambda: None) -> None:
        """`changed` is called after every change."""
        self._tell = changed
        self.known = {switch.name: switch for switch in switches}
        self._values = {switch.name: switch.default for switch in switches}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Setting:
        with self._lock:
            if name not in self._values:
                raise KeyError(self._unknown(name))
            return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)

    def text(self, name: str) -> str:
        """The setting of a switch between words."""
        return str(self[name])

    def on(self, name: str) -> bool:
        """The setting of a switch that is on or off."""
        return bool(self[name])

    def number(self, name: str) -> int:
        """The setting of a switch that holds a number."""
        return int(self[name])

    def set(self, **settings: object) -> None:
        """Change switches, all or none. Raises `ValueError` for an unknown switch or setting, naming the right ones."""
        checked: dict[str, Setting] = {}
        for name, value in settings.items():
            if name not in self.known:
                raise ValueError(self._unknown(name))
            checked[name] = self.known[name].check(value)
        with self._lock:
            self._values.update(checked)
        self._tell()

    def reset(self) -> None:
        """Put every switch back to its default."""
        with self._lock:
            self._values = {switch.name: switch.default for switch in self.known.values()}
        self._tell()

    @property
    def changed(self) -> dict[str, Setting]:
        """The switches that are not at their default."""
        with self._lock:
            return {name: value for name, value in self._values.items() if value != self.known[name].default}

    def _unknown(self, name: str) -> str:
        return f"there is no switch {name!r}; this dialect has {', '.join(self.known)}"
