class Fjellvik(Adapter):
    # [break]
    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Give the booking up with one write."""
        await http.delete("appointments/{}", booking.id)
        return Cancelled()

    # [end]
