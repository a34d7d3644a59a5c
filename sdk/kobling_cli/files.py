"""Files that a command reads or writes as named by a person; what can't be done is told before anything long begins."""

from __future__ import annotations

import os
from pathlib import Path

from .keys import reason_of
from .output import shown
from .problems import Problem

__all__ = ["check_writable", "read_file", "write_file"]

MOST_BYTES = 64 * 1024 * 1024


def read_file(path: Path) -> bytes:
    """What the file holds. Raises `Problem`."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        reason = reason_of(error)
    raise Problem("file_unreadable", path=shown(str(path)), reason=reason)


def check_writable(path: Path) -> None:
    """Raise `Problem` for a file that can't be written, as far as that can be seen without writing."""
    place = path.parent
    if path.is_dir() or not place.is_dir() or not os.access(path if path.exists() else place, os.W_OK):
        raise Problem("file_unwritable", path=shown(str(path)))


def write_file(path: Path, content: bytes) -> None:
    """Write the file, or replace it. Raises `Problem`."""
    try:
        path.write_bytes(content)
    except OSError:
        pass
    else:
        return
    raise Problem("file_unwritable", path=shown(str(path)))
