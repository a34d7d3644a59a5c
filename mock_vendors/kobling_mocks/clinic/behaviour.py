"""How this clinic's system behaves where systems differ: switches, as data.

What a vendor documents and what is inferred is said by its dialect; here are only the possible behaviours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from .sakid import SAK_ID_LINE

__all__ = ["Behaviour", "Lags"]


@dataclass(frozen=True)
class Lags:
    """Delays in seconds of the clinic's clock; 0 means at once.

    commit: between "accepted" and the appointment's existence; until then nobody sees it and nothing is held. What can
        no longer be booked at that moment becomes a declined appointment.
    search: how old the timebook is that a search for open slots sees (a cache).
    listing: how old the appointments are that are listed or read.
    """

    commit: float = 0.0
    search: float = 0.0
    listing: float = 0.0


@dataclass(frozen=True)
class Behaviour:
    """The switches.

    overlap: "refused" checks every booking against the timebook; "accepted" takes it anyway.
    confirmation: "direct" books at once; "request" makes a pending request that staff confirm or decline.
    references: a live appointment's reference is refused for another one ("unique"), or stands on both ("free").
    late_cancel: after the deadline a patient's cancellation is "refused", or "accepted" and marked late.
    tells_account: a new booking that staff did not make is told to the clinic's main account by e-mail.
    created_at_resolution: `created_at` is cut down to a multiple of this.
    sak_id_line: the pattern by which a SakID is read from the note.
    """

    overlap: Literal["refused", "accepted"] = "refused"
    confirmation: Literal["direct", "request"] = "direct"
    references: Literal["unique", "free"] = "unique"
    late_cancel: Literal["refused", "accepted"] = "refused"
    tells_account: bool = False
    lags: Lags = field(default_factory=Lags)
    created_at_resolution: timedelta = timedelta(microseconds=1)
    sak_id_line: re.Pattern[str] = SAK_ID_LINE
