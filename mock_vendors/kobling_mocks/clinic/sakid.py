"""Reading a SakID from the text of a booking, as the clinic's system does.

The grammar of a SakID is unpublished; `6QPTR` is the public example. The form of the mark is data, so that another
system's habit is another pattern: its first group is the SakID.
"""

from __future__ import annotations

import re

__all__ = ["SAK_ID_LINE", "read_sak_id"]

SAK_ID_LINE = re.compile(r"(?:^|(?<=\s))sak[ -]?id[ \t]*[:=][ \t]*([A-Za-z0-9][A-Za-z0-9-]{0,39})(?!\S)", re.I | re.M)
"""`SakID: 6QPTR` in any case, at the start of a line or after a blank."""


def read_sak_id(text: str, pattern: re.Pattern[str] = SAK_ID_LINE) -> str | None:
    """The first SakID in `text`, in upper case, or None."""
    found = pattern.search(text)
    return found.group(1).upper() if found else None
