"""The tables in which an adapter keeps the vendor's words for the contract's, and which of them the mock ever says.

A table is a mapping from texts to words of one of the contract's lists (`Status`, `OwnerKind`, `ServiceKind`, `Mode`,
`PatientList`), in a module beside an adapter's class or in the class. A word that no answer has can be read as
anything, and no rule will notice.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, get_args

from kobling import Adapter, Mode, OwnerKind, PatientList, ServiceKind, Status, WireReply

from .rig import Rig

__all__ = ["answered_words", "by_table", "listed_words"]

_LISTS: Final = tuple(frozenset(get_args(one)) for one in (Status, OwnerKind, ServiceKind, Mode, PatientList))


@cache
def listed_words(adapter: type[Adapter]) -> frozenset[str]:
    """Each word of an adapter's tables, after its table's name: `STATES: seen`."""
    found: dict[int, tuple[str, Mapping[str, Any]]] = {}
    for name, value in _values_beside(adapter):
        if isinstance(value, Mapping) and _is_table(value):
            found.setdefault(id(value), (name, value))
    return frozenset(f"{name}: {word}" for name, table in found.values() for word in table)


def answered_words(rigs: Iterable[Rig]) -> tuple[str, ...]:
    """Those of an adapter's words that the mock said by itself, as a value in an answer."""
    said: set[str] = set()
    for rig in rigs:
        missing = {one: _value(one.partition(": ")[2]) for one in listed_words(rig.adapter) - said}
        struck = {call.number for call in rig.received if call.fault} if missing else ()
        for one in rig.wire:
            if not one.spoiled and one.number not in struck and isinstance(one.outcome, WireReply):
                now = [word for word, value in missing.items() if value.search(one.outcome.body)]
                said.update(now)
                for word in now:
                    del missing[word]
    return tuple(sorted(said))


def by_table(words: Collection[str]) -> str:
    """The words for people, each table's together: `AUDIENCES company, none; STATES missed`."""
    tables: dict[str, list[str]] = {}
    for name, _, word in (one.partition(": ") for one in sorted(words)):
        tables.setdefault(name, []).append(word)
    return "; ".join(f"{name} {', '.join(those)}" for name, those in tables.items())


def _values_beside(adapter: type[Adapter]) -> Iterator[tuple[str, object]]:
    """What stands in an adapter's classes, and in the modules of their packages."""
    for one in adapter.__mro__:
        if one.__module__.partition(".")[0] in ("kobling", "builtins", "abc"):
            continue
        yield from vars(one).items()
        package = one.__module__.rpartition(".")[0]
        for name, module in list(sys.modules.items()):
            if name == one.__module__ or (package and f"{name}.".startswith(f"{package}.")):
                yield from list(vars(module).items())


def _is_table(value: Mapping[Any, Any]) -> bool:
    if not value or not all(isinstance(key, str) and key for key in value):
        return False
    meant = [one if isinstance(one, tuple | frozenset | set) else (one,) for one in value.values()]
    if not any(meant) or not all(isinstance(word, str) for words in meant for word in words):
        return False
    return any(all(words.issuperset(each) for each in meant) for words in _LISTS)


def _value(word: str) -> re.Pattern[bytes]:
    """A word as a text in JSON that is no field's name, in either size of letters: a table may be asked in one."""
    spellings = {word.encode(), word.encode("latin-1", "replace"), word.encode("ascii", "backslashreplace")}
    each = b"|".join(map(re.escape, sorted(spellings)))
    return re.compile(rb'"(?:' + each + rb')"(?!\s*:)', re.IGNORECASE)
