"""What importing an adapter does to a process; started by a rule in a process of its own.

    python -m kobling_contract.importing module

Prints JSON: {"loaded": how many modules came with it, "changed": what else is not as it was before}.
"""

from __future__ import annotations

import json
import locale
import logging
import os
import sys
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import kobling
import kobling.localtime  # noqa: F401

from .turns import Turns

MOST = 20


def state() -> dict[str, Any]:
    """What an import must leave as it is."""
    root = logging.getLogger()
    return {
        "environment": dict(os.environ),
        "working directory": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL),
        "handlers of the root logger": len(root.handlers),
        "level of the root logger": root.level,
        "threads": frozenset(threading.enumerate()),
        "recursion limit": sys.getrecursionlimit(),
        "exception hook": id(sys.excepthook),
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of what differs; no value is told, since one may be a secret. A thread that ended meanwhile is none of
    the adapter's: others were at work before it."""
    same = {name for name in before if before[name] == after[name]}
    if after["threads"] <= before["threads"]:
        same.add("threads")
    return [name for name in before if name not in same]


def main(module: str) -> None:
    """Import the module and print what it did."""
    sys.dont_write_bytecode = True  # Python's own cache of a module is no file of the adapter's
    turns = Turns()
    before, loaded = state(), len(sys.modules)
    with turns.one():
        import_module(module)
    changed = changes(before, state()) + sorted(turns.acts)
    sys.stdout.write(json.dumps({"loaded": len(sys.modules) - loaded, "changed": changed[:MOST]}))


if __name__ == "__main__":
    main(sys.argv[1])
