"""Why a booking may be missing in a list: whom the calls did not ask for, and which day nothing of it is of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from kobling import Booking
from kobling_mocks import Call
from kobling_mocks.clinic import Appointment

from .rig import Rig

__all__ = ["gap"]


def gap(rig: Rig, calls: Sequence[Call], found: Iterable[Booking], missing: Appointment) -> str:
    """What the calls of a list, or the bookings that they gave, have in common and the missing one has not: a part of a
    sentence that begins with "; ", or nothing where that can't be told."""
    told = list(found)
    sent = [one for call in calls if (one := rig.sent(call.number)) is not None]
    texts = "\n".join(f"{unquote(one.request.url)}\n{one.request.body.decode('utf-8', 'replace')}" for one in sent)
    asked = [who for one in rig.clinic.timebooks if _stands_in(who := rig.wire_id(one.id), texts)]
    own = rig.wire_id(missing.timebook_id)
    if asked and own not in asked:
        return f"; the calls ask for timebook {' and '.join(asked)}, and never for {own}, in which it stands"
    day = missing.start.astimezone(rig.tz).date()
    days = {None if one.start is None else one.start.astimezone(rig.tz).date() for one in told}
    lacks = [f"of its day, {day}"] if told and not days & {day, None} else []
    if told and not asked and all(one.practitioner_id not in (None, own) for one in told):
        lacks.append(f"of timebook {own}, in which it stands")
    return f"; nothing {' or '.join(lacks)}" if lacks else ""


def _stands_in(wire_id: str, texts: str) -> bool:
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(wire_id)}(?![0-9A-Za-z])", texts) is not None
