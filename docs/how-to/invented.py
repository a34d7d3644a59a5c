"""What the how-to pages' adapters have in common: a whole adapter of an invented vendor that shows nothing."""

from __future__ import annotations

from typing import ClassVar

from kobling import (
    EVERYONE_OFFERS_EVERYTHING,
    Adapter,
    Auth,
    Bearer,
    Booking,
    BookingFacts,
    BookingRef,
    BookingRequest,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    ConnectionForm,
    ErrorMap,
    Http,
    Limits,
    PatientFields,
    Practitioner,
    Service,
    Slot,
    SlotQuery,
    Slots,
    VendorProtocolError,
    required,
)


# [invented]
class Invented(Adapter):
    """An adapter that is whole: each page's class overrides what its page is about."""

    key = "invented"
    name = "Invented vendor"
    contract = 1
    form = ConnectionForm(
        external_id=required(nb="klinikkens nummer", en="the clinic's number", pattern=r"\d+", example="12"),
        api_key=required(nb="nøkkelen", en="the key"),
    )
    base_url = "https://api.vendor.example/v1/clinics/{external_id}"
    auth: ClassVar[Auth] = Bearer()
    errors = ErrorMap()
    limits = Limits()
    patient_fields = PatientFields()

    async def identify(self, http: Http) -> Clinic:
        """A clinic of which the vendor says nothing."""
        await http.get("clinic")
        return Clinic()

    async def catalogue(self, http: Http) -> Catalogue:
        """One practitioner, who offers one service."""
        await http.get("catalogue")
        who = Practitioner(id="7", name="Kari Prøve", owner_kind="person")
        what = Service(id="visit", name="Konsultasjon", minutes=30)
        return Catalogue(practitioners=(who,), services=(what,), offers=EVERYONE_OFFERS_EVERYTHING)

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot] | Slots:
        """Nothing is open."""
        await http.get("open", params={"from": query.first_day, "to": query.last_day})
        return []


class Bookable(Invented):
    """The same, and it books: for pages about that."""

    contract = 1
    limits = Limits(booking=BookingFacts(mode="sync", overlap="refused"))

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """The vendor tells an id, and nothing of what became of it."""
        reply = await http.post("bookings", json={"slot": request.slot.token})
        return Booking(id=reply.read(str, at="/id"), status="unknown")

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Only 204 says that it is cancelled."""
        answer = await http.delete("bookings/{}", booking.id)
        if answer.status != 204:
            raise VendorProtocolError("not_cancelled")
        return Cancelled()
