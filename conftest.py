"""Tests of every plugin may import what stands beside them; no list names the plugins. The language that the person at
the keyboard has chosen, for the command line or for the whole system, is not the tests'."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path += sorted(str(path) for path in Path(__file__).parent.glob("plugins/*/tests"))
os.environ.pop("KOBLING_LANG", None)
os.environ["LC_ALL"] = "C.UTF-8"
