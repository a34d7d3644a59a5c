from kobling import Adapter, Booking, BookingRequest, Http, OutcomeUnknown


class Fjellvik(Adapter):
    # [break]
    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book, and when that goes wrong, book."""
        wanted = {
            "free_time": request.slot.token,
            "patient": {
                "first_name": request.patient.given_name,
                "last_name": request.patient.family_name,
                "born": request.patient.birth_date,
                "mobile": request.patient.phone,
            },
            "comment": request.note(600),
        }
        try:
            answer = await http.post("appointments", json=wanted)
        except OutcomeUnknown:
            answer = await http.post("appointments", json=wanted)
        return told(answer.read(AppointmentRow))

    # [end]
