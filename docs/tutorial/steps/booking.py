from uuid import UUID

from kobling import BookingFacts, Status, VendorProtocolError, find_tag
from kobling.localtime import instant_of

# [rows]
STATES: Final[dict[str, Status]] = {
    "confirmed": "booked",
    "cancelled": "cancelled",
    "attended": "attended",
    "missed": "no_show",
}


class AppointmentRow(WireModel):
    """An appointment, in the answer to every call that makes, reads or changes one."""

    id: str
    calendar: str
    visit_type: str
    start: str
    minutes: Minutes
    state: str
    comment: str


# [booking-of]
def booking_of(row: AppointmentRow, wanted: UUID | None = None) -> Booking:
    """What Fjellvik says of an appointment, and nothing else."""
    begins = instant_of(row.start, ZONE)  # None for a 02:30 that comes twice: then it does not say when
    return Booking(
        id=row.id,
        status=STATES.get(row.state, "unknown"),
        start=begins,
        end=begins + timedelta(minutes=row.minutes) if begins else None,
        practitioner_id=row.calendar,
        service_id=row.visit_type,
        reference=find_tag(row.comment, wanted),
    )


# [class]
class Fjellvik(Adapter):
    # [facts]
    # What is known of how Fjellvik lists, searches and books.
    limits = Limits(
        slots=SlotLimits(days=14, per=("practitioner",)),
        catalogue=CatalogueFacts(names_clinic=True, rates="offers"),
        booking=BookingFacts(
            mode="sync",
            overlap="refused",
            reference_in="note",
            note_length=600,
            live_search=True,
            latest_commit=60,
            sources={
                "overlap": "API description, 'An appointment'",
                "latest_commit": "API description, 'When something goes wrong'",
            },
        ),
    )

    # [patient]
    # What Fjellvik is told of a patient. Everything else is taken out before `book` sees it.
    patient_fields = PatientFields(
        required=frozenset({"given_name", "family_name", "birth_date", "phone"}),
        unsent=frozenset({"email", "national_id"}),
        match="name_and_birth_date",
    )

    # [book]
    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book request.slot for request.patient with one write."""
        who = request.patient
        patient = {
            "first_name": who.given_name,
            "last_name": who.family_name,
            "born": who.birth_date,
            "mobile": who.phone,
        }
        body = {"free_time": request.slot.token, "patient": patient, "comment": request.note(600)}
        return booking_of((await http.post("appointments", json=body)).read(AppointmentRow), request.reference)

    # [cancel]
    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Give the booking up with one write."""
        row = (await http.delete("appointments/{}", booking.id)).read(AppointmentRow)
        if row.state != "cancelled":
            raise VendorProtocolError("not_cancelled")
        return Cancelled()

    # [listing]
    async def list_bookings(self, http: Http, query: BookingQuery) -> list[Booking]:
        """Every appointment of the days, the clinic's own too."""
        days = {"from": query.first_day, "to": query.last_day}
        rows = await http.pages("appointments", of=AppointmentRow, params=days)
        people = query.practitioner_ids
        return [booking_of(row, query.reference) for row in rows if not people or row.calendar in people]

    # [reading]
    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking as it is now."""
        return booking_of((await http.get("appointments/{}", booking.id)).read(AppointmentRow), booking.reference)

    # [end]
