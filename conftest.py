"""Tests of every plugin may import what stands beside them; no list names the plugins."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path += sorted(str(path) for path in Path(__file__).parent.glob("plugins/*/tests"))
