"""Open times as the API tells them: on the clinic's clock, without an offset."""

from datetime import date

from kobling import SlotQuery
from kobling.testing import play, reply
from kobling_fjellvik import Fjellvik

TOKEN = reply(200, json={"token": "t1", "seconds": 600})
ROW = {"id": "31-41-9", "calendar": 31, "visit_type": 41, "start": "2026-12-01T09:00", "minutes": 45}


def test_nine_o_clock_at_the_clinic_is_eight_in_utc() -> None:
    day = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1), practitioner_ids=("31",))
    played = play(Fjellvik, "list_slots", day, replies=[TOKEN, reply(200, json={"free_times": [ROW]})])
    (slot,) = played.result.found
    assert slot.start.isoformat() == "2026-12-01T08:00:00+00:00"
    assert played.requests[1].params == (("from", "2026-12-01"), ("to", "2026-12-01"), ("calendar", "31"))
