"""Nothing of a request may be heard of outside: not in a library's log, not in an exception's frames.

httpcore logs at DEBUG what it sends and receives (addresses, reply headers, the text of protocol errors with the
offending header in it). A filter on its loggers drops those records while one of our calls is under way, and only
then: other users of httpx in the process keep theirs.
"""

from __future__ import annotations

import logging
import traceback
from typing import Final

from .call import CURRENT

LOGGERS: Final = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)
"""Every logger of the two libraries; a filter works only on the very logger that a record is given to."""


class _OursOnly(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - whose record it is, the context tells
        return CURRENT.get() is None


_FILTER: Final = _OursOnly()
_LOGGERS: Final = tuple(logging.getLogger(name) for name in LOGGERS)


def hush() -> None:
    """Make sure that the filter is in place; cheap enough to be called before every request."""
    for logger in _LOGGERS:
        if _FILTER not in logger.filters:
            logger.addFilter(_FILTER)


def forget(error: BaseException, *, keep: BaseException | None = None) -> None:
    """Drop the local variables of every finished frame that `error`, its causes or its contexts lead to.

    Line numbers stay. Frames that are still running keep their variables: each of them must see to its own.
    keep: an exception that the caller was handling already, and which is none of ours.
    """
    seen = {id(keep)}
    queue: list[BaseException | None] = [error]
    while queue:
        each = queue.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        traceback.clear_frames(each.__traceback__)
        queue += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            queue += each.exceptions
