from datetime import UTC

from kobling.localtime import parse_local


# [class]
class Fjellvik(Adapter):
    # [break]
    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        """The open times, taken for UTC."""
        asked = {"from": query.first_day, "to": query.last_day, "calendar": query.practitioner_id}
        rows = (await http.get("free-times", params=asked)).read(list[TimeRow], at="/free_times")
        return [
            Slot(
                practitioner_id=row.calendar,
                service_id=row.visit_type,
                start=parse_local(row.start).replace(tzinfo=UTC),
                end=parse_local(row.start).replace(tzinfo=UTC) + timedelta(minutes=row.minutes),
                token=row.id,
            )
            for row in rows
        ]

    # [end]
