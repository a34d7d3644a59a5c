from datetime import timedelta

from kobling import Slots
from kobling.wallrows import wall_rows

# [rows]
ZONE: Final = "Europe/Oslo"


class TimeRow(WireModel):
    """A free time: on the clinic's clock, without an offset."""

    id: str
    calendar: str
    visit_type: str
    start: str
    minutes: Minutes


# [class]
class Fjellvik(Adapter):
    # [facts]
    # What is known of how Fjellvik lists, searches and books.
    limits = Limits(
        slots=SlotLimits(days=14, per=("practitioner",)),
        catalogue=CatalogueFacts(names_clinic=True, rates="offers"),
    )

    # [methods]
    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times of one calendar from query.first_day to query.last_day, both included."""
        asked = {"from": query.first_day, "to": query.last_day, "calendar": query.practitioner_id}
        rows = (await http.get("free-times", params=asked)).read(list[TimeRow], at="/free_times")
        timed, left_out = wall_rows(rows, lambda row: row.start, ZONE, key=lambda row: (row.calendar, row.visit_type))
        return Slots(
            found=tuple(
                Slot(
                    practitioner_id=row.calendar,
                    service_id=row.visit_type,
                    start=start,
                    end=start + timedelta(minutes=row.minutes),
                    token=row.id,
                )
                for row, start in timed
                if not query.service_ids or row.visit_type in query.service_ids
            ),
            problems=left_out,
        )

    # [end]
