"""`kobling book`, `cancel` and `resolve`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import typer

from kobling import (
    Booked,
    BookedDifferently,
    Booking,
    BookingRef,
    BookingRequest,
    CancelReason,
    KoblingError,
    NeedsPerson,
    NotBooked,
    Resolution,
    SakID,
    Slot,
    SlotQuery,
    SlotTaken,
    StillUnknown,
    VendorUnavailable,
)
from kobling.booking import CancelledBy, CancelWhy

from .. import tickets
from ..desk import Desk, connected
from ..exit_codes import ExitCode
from ..moments import is_at, local_day, machine_moment, parse_aware, parse_moment, shown_moment
from ..output import Output, shown
from ..patients import read_patient
from ..problems import Problem, Told
from ..tickets import Ticket, TicketOption


@connected
def book(
    desk: Desk,
    *,
    practitioner: Annotated[str, typer.Option("--practitioner", help="Id or name.", show_default=False)],
    service: Annotated[str, typer.Option("--service", help="Id or name.", show_default=False)],
    start: Annotated[
        str,
        typer.Option("--start", metavar="MOMENT", help="As 2026-11-24T09:00, the clinic's clock.", show_default=False),
    ],
    sakid: Annotated[str | None, typer.Option("--sakid", help="The insurance case's id (SakID).")] = None,
    patient_file: Annotated[
        str | None,
        typer.Option(
            "--patient-file",
            metavar="FILE",
            help="The patient as JSON (given_name, family_name, birth_date, email, phone, national_id, and message: a "
            "text for the clinic); - for standard input. Without it you are asked.",
        ),
    ] = None,
    ticket: Annotated[
        str | None, typer.Option("--ticket", metavar="FILE", help="Where to write the ticket (default: by reference).")
    ] = None,
) -> int:
    """Book one open time. The ticket is written before anything is sent; it names no patient.

    Exit code 0 when it is booked, 3 when it was refused, 5 when the answer was lost: then run `kobling resolve`.

    JSON: {"vendor", "connection_id", "origin", "reference", "ticket", "booking": {"id", "status", "start", "verified",
    "residue", …}}
    """
    out = desk.out
    wanted = parse_moment(start)
    case = SakID(sakid) if sakid is not None else None
    if case is not None and case.unusual:
        out.note(out.say("line", "unusual_sak_id"), "yellow")
    if ticket is not None and Path(ticket).exists():
        raise Problem("ticket_exists")
    patient, message = read_patient(desk.adapter, patient_file, out)
    with out.busy(out.say("line", "searching", vendor=desk.adapter.name)):
        slot = _find(desk, practitioner, service, wanted)
    request = BookingRequest(slot=slot, patient=patient, sak_id=case, message=message, reference=uuid4())
    path = Path(ticket) if ticket is not None else Path(f"kobling-{request.reference}.json")
    written: list[Ticket] = []

    def before_write(one: BookingRequest) -> None:
        made = Ticket(
            vendor=desk.vendor,
            reference=one.reference,
            slot=slot,
            sent_at=datetime.now(UTC),
            patient_id=one.patient_id,
        )
        tickets.write(path, made, new=True)
        written.append(made)

    try:
        with out.busy(out.say("line", "booking", vendor=desk.adapter.name)):
            booking = desk.session.book(request, before_write=before_write)
    except KoblingError as error:
        if isinstance(error, BookedDifferently):
            _keep(path, written[0], error.booking, out)
        if error.effect == "unknown":
            out.note(out.say("line", "ticket_resolve", vendor=desk.vendor, path=path), "bold")
        elif error.effect == "none" and written:
            path.unlink(missing_ok=True)
            raise
        raise Told(error, {"ticket": str(path)} if written else {}) from None
    _keep(path, written[0], booking, out)
    _show_booking(desk, booking, request, path)
    return ExitCode.SUCCESS


def _keep(path: Path, ticket: Ticket, booking: Booking, out: Output) -> None:
    """Put the booking into the ticket. It stands at the vendor, whether or not that succeeds."""
    try:
        tickets.write(path, ticket.model_copy(update={"booking": booking.ref}), new=False)
    except Problem:
        out.note(out.say("line", "ticket_not_updated", booking=shown(booking.id)), "bold yellow")


def _find(desk: Desk, practitioner: str, service: str, wanted: datetime) -> Slot:
    """The open time at that moment, or the reason why there is none."""
    catalogue = desk.session.catalogue()
    day = local_day(wanted, desk.zone())
    query = SlotQuery(
        first_day=day,
        last_day=day,
        practitioner_ids=(desk.practitioner(catalogue, practitioner).id,),
        service_ids=(desk.service(catalogue, service).id,),
    )
    answer = desk.session.slots(query)
    found = [slot for slot in answer.found if is_at(slot.start, slot.zone, wanted)]
    if len(found) > 1:
        raise Problem("clock_goes_back")
    if found:
        return found[0]
    if not answer.complete:
        raise VendorUnavailable(answer.unknown[0].because, vendor=desk.vendor, operation="list_slots")
    raise SlotTaken("not_listed", vendor=desk.vendor, operation="list_slots")


def _show_booking(desk: Desk, booking: Booking, request: BookingRequest, path: Path) -> None:
    out = desk.out
    if out.as_json:
        facts = booking.model_dump(mode="json", exclude={"asked"})
        document = {"reference": str(request.reference), "ticket": str(path), "booking": facts}
        out.document("booking", {**desk.connection_facts(), **document})
        return
    catalogue = desk.session.catalogue()
    slot = request.slot
    who = catalogue.practitioner_by_id[slot.practitioner_id].name
    what = catalogue.service_by_id[slot.service_id].name
    when = shown_moment(slot.start, slot.zone, out.lang)
    out.line(out.say("line", "booked", when=when, who=shown(who), what=shown(what)), "bold green")
    if booking.status in ("pending", "booked", "unknown"):
        out.line(out.say("line", f"status_{booking.status}"))
    if not booking.verified:
        out.line(out.say("line", "unverified"), "dim")
    out.line(out.say("line", "ticket", path=path), "dim")


@connected
def cancel(
    desk: Desk,
    *,
    ticket: TicketOption = None,
    booking: Annotated[
        str | None, typer.Option("--booking", metavar="ID", help="The vendor's id, without ticket.")
    ] = None,
    by: Annotated[CancelledBy, typer.Option("--by", help="Who gives the time up.")] = "patient",
    why: Annotated[CancelWhy, typer.Option("--why", help="Why.")] = "other",
) -> int:
    """Cancel a booking, by its ticket or by the vendor's id.

    Exit code 0 when it does not stand any more, 3 when it was refused, 5 when the answer was lost: it may be repeated.

    JSON: {"vendor", "connection_id", "origin", "cancelled": {"late", "already_gone"}}
    """
    out = desk.out
    if (ticket is None) == (booking is None):
        raise Problem("cancel_what")
    reason = CancelReason(by=by, why=why)
    if ticket is not None:
        ref = tickets.read(ticket, desk.vendor).booking
        if ref is None:
            raise Problem("ticket_without_booking")
    else:
        ref = BookingRef(connection_id=desk.session.connection.id, id=booking or "")
    with out.busy(out.say("line", "cancelling", vendor=desk.adapter.name)):
        done = desk.session.cancel(ref, reason)
    if out.as_json:
        out.document("cancel", {**desk.connection_facts(), "cancelled": done.model_dump(mode="json")})
        return ExitCode.SUCCESS
    said = "already_gone" if done.already_gone else "cancelled_late" if done.late else "cancelled"
    out.line(out.say("line", said), "bold green")
    return ExitCode.SUCCESS


@connected
def resolve(
    desk: Desk,
    *,
    ticket: TicketOption = None,
    reference: Annotated[str | None, typer.Option("--reference", metavar="UUID", help="Without a ticket.")] = None,
    practitioner: Annotated[str | None, typer.Option("--practitioner", help="Id or name, without a ticket.")] = None,
    service: Annotated[str | None, typer.Option("--service", help="Id or name, without a ticket.")] = None,
    start: Annotated[
        str | None, typer.Option("--start", metavar="MOMENT", help="With its offset, without a ticket.")
    ] = None,
    sent_at: Annotated[
        str | None, typer.Option("--sent-at", metavar="MOMENT", help="With its offset, without a ticket.")
    ] = None,
) -> int:
    """Find out what became of a booking whose answer was lost. Looks, and never books again.

    By the ticket that `book` wrote; or, when it is lost, by the reference, the time that was booked, and when.

    Exit code 0 when it is booked, 1 when it is proven not to be, 5 when it is still unknown or a person must ask.

    JSON: {"vendor", "connection_id", "origin", "reference", "resolution": "booked"|"not_booked"|"still_unknown"|
    "needs_person", "only_same_slot", "next_at", "booking", "evidence": [{"looked_at", "saw", "at"}]}
    """
    out = desk.out
    by_hand = (reference, practitioner, service, start, sent_at)
    if ticket is not None and not any(by_hand):
        kept = tickets.read(ticket, desk.vendor)
    elif ticket is None and reference and practitioner and service and start and sent_at:
        kept = _by_hand(desk, reference, practitioner, service, parse_aware(start), parse_aware(sent_at))
    else:
        raise Problem("resolve_what")
    with out.busy(out.say("line", "looking", vendor=desk.adapter.name)):
        found = desk.session.resolve(kept.request(), kept.sent_at)
    if isinstance(found, Booked) and ticket is not None:
        _keep(Path(ticket), kept, found.booking, out)
    if out.as_json:
        out.document("resolution", {**desk.connection_facts(), "reference": str(kept.reference), **_facts(found)})
    else:
        _show_resolution(found, out, kept.slot.zone)
    return OUTCOMES[type(found)][1]


OUTCOMES: Final[Mapping[type[Resolution], tuple[str, ExitCode]]] = {
    Booked: ("booked", ExitCode.SUCCESS),
    NotBooked: ("not_booked", ExitCode.NO),
    StillUnknown: ("still_unknown", ExitCode.UNKNOWN),
    NeedsPerson: ("needs_person", ExitCode.UNKNOWN),
}
"""How each end of `resolve` is called, and its exit code."""


def _by_hand(desk: Desk, reference: str, practitioner: str, service: str, start: datetime, sent_at: datetime) -> Ticket:
    """A ticket from what a person still knows. Raises `Problem`."""
    catalogue = desk.session.catalogue()
    who, what = desk.practitioner(catalogue, practitioner), desk.service(catalogue, service)
    if what.minutes is None:
        raise Problem("no_duration")
    try:
        known = UUID(reference)
    except ValueError:
        raise Problem("bad_reference") from None
    slot = Slot(
        practitioner_id=who.id,
        service_id=what.id,
        start=start,
        end=start + timedelta(minutes=what.minutes),
        connection_id=desk.session.connection.id,
        zone=desk.zone(),
    )
    return Ticket(vendor=desk.vendor, reference=known, slot=slot, sent_at=sent_at)


def _facts(found: Resolution) -> dict[str, Any]:
    return {
        "resolution": OUTCOMES[type(found)][0],
        "only_same_slot": isinstance(found, NotBooked) and found.only_same_slot,
        "booking": found.booking.model_dump(mode="json", exclude={"asked"}) if isinstance(found, Booked) else None,
        "next_at": machine_moment(found.next_at) if isinstance(found, StillUnknown) else None,
        "evidence": [one.model_dump(mode="json") for one in found.evidence],
    }


def _show_resolution(found: Resolution, out: Output, zone: str) -> None:
    word = "not_booked_same_slot" if isinstance(found, NotBooked) and found.only_same_slot else OUTCOMES[type(found)][0]
    next_at = shown_moment(found.next_at, zone, out.lang) if isinstance(found, StillUnknown) else ""
    out.line(out.say("resolution", word, next_at=next_at), "bold")
    seen = ", ".join(f"{one.looked_at}: {one.saw}" for one in found.evidence)
    out.line(out.say("resolution", "evidence", evidence=seen), "dim")
