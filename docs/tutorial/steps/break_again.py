from kobling import OutcomeUnknown


# [class]
class Fjellvik(Adapter):
    # [break]
    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and when that goes wrong, book."""
        who = request.patient
        patient = {
            "first_name": who.given_name,
            "last_name": who.family_name,
            "born": who.birth_date,
            "mobile": who.phone,
        }
        body = {"free_time": request.slot.token, "patient": patient, "comment": request.note(600)}
        try:
            answer = await http.post("appointments", json=body)
        except OutcomeUnknown:
            answer = await http.post("appointments", json=body)
        return booking_of(answer.read(AppointmentRow), request.reference)

    # [end]
