"""The nights when the clock changes, on hosts in other zones: each in a process that starts with another TZ."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland"])
def test_the_changes_of_the_clock_do_not_depend_on_the_hosts_zone(zone: str) -> None:
    chosen = ["test_wire.py", "test_against_mock.py::test_open_times_equal_the_models_around_a_change_of_the_clock"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / name) for name in chosen)],
        env={**os.environ, "TZ": zone},
        cwd=HERE.parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
