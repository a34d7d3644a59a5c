"""The adapter of Extensor: the only vendor whose clinics each have their own server, at the connection's booking URL.

Synthetic, not verified against the vendor. What it says on the wire is in `inferred.py`.
"""

from __future__ import annotations

from datetime import timedelta

from kobling import (
    Adapter,
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    Bookings,
    Cancelled,
    CancelReason,
    Catalogue,
    Clinic,
    ConnectionForm,
    Department,
    HeaderKey,
    Http,
    Offer,
    Practitioner,
    Rate,
    Response,
    Service,
    Slot,
    SlotQuery,
    Slots,
    VendorProtocolError,
    optional,
    required,
)
from kobling.localtime import instant_of
from kobling.wallrows import wall_rows

from . import inferred
from .inferred import Behandler, LedigTime, Ping, Time, Timer, Timetype


class Extensor(Adapter):
    """Extensor. Synthetic, not verified against the vendor: see `docs/vendors/extensor`."""

    key = "extensor"
    name = "Extensor"
    contract = 1
    form = ConnectionForm(
        external_id=required(
            nb="klinikkens nummer i Extensor",
            en="the clinic's number in Extensor",
            pattern=inferred.TYPED_NUMBER,
            example="1021",
            inferred=True,
        ),
        department_id=optional(
            nb="avdelingens nummer, når klinikken har flere avdelinger",
            en="the department's number, when the clinic has several departments",
            pattern=inferred.TYPED_NUMBER,
            example="3",
            inferred=True,
        ),
        api_key=required(
            nb="nøkkelen som er laget for klinikken",
            en="the key that was made for the clinic",
            inferred=True,
        ),
        booking_url=required(
            nb="adressen til klinikkens egen bookingserver, ikke til hjemmesiden",
            en="the address of the clinic's own booking server, not of its web site",
            example="https://booking.klinikken.example/extensor",
        ),
    )
    base_url = inferred.BASE
    auth = HeaderKey(inferred.KEY_HEADER)
    params = inferred.PARAMS
    errors = inferred.ERRORS
    limits = inferred.LIMITS
    patient_fields = inferred.PATIENT_FIELDS
    provenance = inferred.PROVENANCE

    async def identify(self, http: Http) -> Clinic:
        """The clinic's name and number, and all of its departments."""
        told = (await http.get(inferred.PING)).read(Ping)
        return Clinic(
            name=told.klinikk.navn,
            organisation_number=told.klinikk.orgnr,
            zone=inferred.ZONE,
            departments=tuple(
                Department(id=place.id, name=place.navn, address=place.adresse) for place in told.avdelinger
            ),
        )

    async def catalogue(self, http: Http) -> Catalogue:
        """All timebooks and types, also what is offline, hidden or kept to a list; the rules are on the types."""
        people, kinds = await http.all([http.get(inferred.PRACTITIONERS), http.get(inferred.SERVICES)])
        if not isinstance(people, Response):
            raise people
        if not isinstance(kinds, Response):
            raise kinds
        services = kinds.read(tuple[Timetype, ...], at="/timetyper")
        return Catalogue(
            practitioners=tuple(_practitioner(one) for one in people.read(tuple[Behandler, ...], at="/behandlere")),
            services=tuple(_service(kind) for kind in services),
            offers=tuple(offer for kind in services for offer in _offers(kind)),
            inferred=inferred.INFERRED_REASONS,
        )

    async def list_slots(self, http: Http, query: SlotQuery) -> Slots:
        """The open times of one practitioner, by the contract's rule for wall-clock rows."""
        days = query.first_day.isoformat(), query.last_day.isoformat()
        asked = inferred.search_params(days, query.practitioner_id, query.service_ids)
        if query.location_id is not None:
            asked[inferred.DEPARTMENT] = query.location_id
        reply = await http.get(inferred.OPEN_TIMES, params=asked)
        rows = reply.read(list[LedigTime], at="/ledigetimer")
        timed, left_out = wall_rows(
            rows, lambda row: row.start, inferred.ZONE, key=lambda row: (row.behandler, row.timetype, row.avdeling)
        )
        return Slots(
            found=tuple(
                Slot(
                    practitioner_id=row.behandler,
                    service_id=row.timetype,
                    start=start,
                    end=start + timedelta(minutes=row.minutter),
                    location_id=row.avdeling,
                    token={"id": row.id},
                )
                for row, start in timed
            ),
            problems=left_out,
        )

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """Book the open time by its number; reference, SakID and message travel in fields of their own."""
        reply = await http.post(inferred.BOOKINGS, json=inferred.order(request))
        return _booking(reply.read(Time, at="/time"))

    async def cancel(self, http: Http, booking: BookingRef, reason: CancelReason) -> Cancelled:
        """Give the booking up; the answer shows it as it is then."""
        reply = await http.delete(inferred.BOOKING, booking.id, json={"grunn": reason.note()})
        gone = reply.read(Time, at="/time")
        if inferred.STATUS_WORDS.get(gone.status) != "cancelled":
            raise VendorProtocolError("not_cancelled")
        return Cancelled(late=gone.for_sent)

    async def get_booking(self, http: Http, booking: BookingRef) -> Booking:
        """One booking as it is now."""
        return _booking((await http.get(inferred.BOOKING, booking.id)).read(Time, at="/time"))

    async def list_bookings(self, http: Http, query: BookingQuery) -> Bookings:
        """Everything that stands or stood in the timebooks on these days, the clinic's own bookings included, also
        when one reference is looked for: a booking whose field was emptied at the clinic must not be missed."""
        people = query.practitioner_ids
        asked = {
            "fra": query.first_day.isoformat(),
            "til": query.last_day.isoformat(),
            "behandlerId": people[0] if len(people) == 1 else None,
        }
        told = (await http.get(inferred.BOOKINGS, params=asked)).read(Timer)
        found = tuple(_booking(one) for one in told.timer if not people or one.behandler in people)
        return Bookings(found=found, complete=told.fullstendig)

    async def reschedule(self, http: Http, booking: BookingRef, slot: Slot) -> Booking:
        """Move the booking, whole or not at all; its number and reference stay."""
        reply = await http.put(inferred.BOOKING, booking.id, json=inferred.place(slot))
        return _booking(reply.read(Time, at="/time"))


def _practitioner(one: Behandler) -> Practitioner:
    return Practitioner(
        id=one.id,
        name=one.navn,
        owner_kind=inferred.OWNERS.get(one.eier, "unknown"),
        online=one.nettbestilling,
        hpr=one.hpr,
        profession=one.yrke,
    )


def _service(kind: Timetype) -> Service:
    modes = frozenset(inferred.MODES[word] for word in kind.oppmoteformer if word in inferred.MODES)
    return Service(
        id=kind.id,
        name=kind.navn,
        minutes=kind.minutter,
        kind=inferred.KINDS.get(kind.type, "unknown"),
        modes=modes if kind.oppmoteformer else frozenset({"in_person"}),
        locations=frozenset({kind.avdeling}) if kind.avdeling is not None else None,
        online=kind.nettbestilling,
    )


def _offers(kind: Timetype) -> list[Offer]:
    return [
        Offer(
            practitioner_id=rule.behandler,
            service_id=kind.id,
            rates=tuple(Rate(code=rate.kode, name=rate.navn) for rate in rule.takster),
            patients=inferred.PATIENTS.get(rule.pasienter, "restricted"),
            online=kind.nettbestilling,
        )
        for rule in kind.regler
    ]


def _booking(one: Time) -> Booking:
    start = instant_of(one.start, inferred.ZONE)
    return Booking(
        id=one.id,
        status=inferred.STATUS_WORDS.get(one.status, "unknown"),
        start=start,
        end=start + timedelta(minutes=one.minutter) if start else None,
        practitioner_id=one.behandler,
        service_id=one.timetype,
        location_id=one.avdeling,
        reference=one.referanse,
        created_at=instant_of(one.opprettet, inferred.ZONE),
        change_by=instant_of(one.frist, inferred.ZONE),
    )
