"""A gateway's 404 in the place of a vendor's answer, and whether the vendor's own looks the same."""

from __future__ import annotations

from typing import Final

from kobling import WireReply

from .answers import parsed
from .rig import Mark, Rig

__all__ = ["NO_PAGE", "answers_without_a_word"]

NO_PAGE: Final = WireReply(404, (("Content-Type", "text/html"),), b"<html><body>404 Not Found</body></html>")


def answers_without_a_word(rig: Rig, mark: Mark) -> bool:
    """Whether the vendor itself has answered 404 without JSON since then."""
    outcomes = [one.outcome for one in rig.sent_since(mark)]
    return any(isinstance(one, WireReply) and one.status == NO_PAGE.status and parsed(one) is None for one in outcomes)
