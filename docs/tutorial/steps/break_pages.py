class Fjellvik(Adapter):
    # [break]
    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        """The first page of the appointments."""
        days = {"from": query.first_day, "to": query.last_day}
        rows = (await http.get("appointments", params=days)).read(list[AppointmentRow], at="/rows")
        people = query.practitioner_ids
        return [booking_of(row, query.reference) for row in rows if not people or row.calendar in people]

    # [end]
