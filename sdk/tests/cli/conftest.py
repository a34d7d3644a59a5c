"""The fixture `cli`: a fresh mock on a socket, and an empty folder as the current one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kobling_mocks import Mock

from .command_line import CommandLine


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """Commands against a fresh mock, which must be sound in the end."""
    monkeypatch.chdir(tmp_path)
    mock = Mock("eg-pasientsky")
    with mock.serve() as server:
        yield CommandLine(mock, server.url)
    mock.world.assert_sound()
