"""`kobling book`, `cancel` and `resolve`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from kobling import (
    Booked,
    Booking,
    BookingRef,
    BookingRequest,
    CancelReason,
    KoblingError,
    NotBooked,
    Resolution,
    SakID,
    Slot,
    SlotQuery,
    SlotTaken,
    StillUnknown,
)

from .. import tickets
from ..desk import Desk, connected
from ..exit_codes import ExitCode
from ..moments import is_at, local_day, machine_moment, parse_moment, shown_moment
from ..output import Output, shown
from ..patients import read_patient
from ..problems import Problem
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
    message: Annotated[str | None, typer.Option("--message", help="A text for the clinic.")] = None,
    patient_file: Annotated[
        str | None, typer.Option("--patient-file", metavar="FILE", help="The patient as JSON; - for standard input.")
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
    patient = read_patient(desk.adapter, patient_file, out)
    wanted = parse_moment(start)
    case = SakID(sakid) if sakid is not None else None
    if case is not None and case.unusual:
        out.note(out.say("line", "unusual_sak_id"), "yellow")
    with out.busy(out.say("line", "searching", vendor=desk.adapter.name)):
        slot = _find(desk, practitioner, service, wanted)
    request = BookingRequest(slot=slot, patient=patient, sak_id=case, message=message, reference=uuid4())
    path = Path(ticket) if ticket is not None else Path(f"kobling-{request.reference}.json")

    def before_write(one: BookingRequest) -> None:
        made = Ticket(vendor=desk.vendor, reference=one.reference, slot=slot, sent_at=datetime.now(UTC))
        tickets.write(path, made, new=True)

    try:
        with out.busy(out.say("line", "booking", vendor=desk.adapter.name)):
            booking = desk.session.book(request, before_write=before_write)
    except KoblingError as error:
        if error.effect == "unknown":
            out.note(out.say("line", "ticket_resolve", vendor=desk.vendor, path=path), "bold")
        elif error.effect == "none":
            path.unlink(missing_ok=True)
        raise
    kept = tickets.read(str(path), desk.vendor).model_copy(update={"booking": booking.ref})
    tickets.write(path, kept, new=False)
    _show_booking(desk, booking, request, path)
    return ExitCode.SUCCESS


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
    found = [slot for slot in desk.session.slots(query).found if is_at(slot.start, slot.zone, wanted)]
    if len(found) > 1:
        raise Problem("clock_goes_back")
    if not found:
        raise SlotTaken("not_listed", vendor=desk.vendor, operation="verify")
    return found[0]


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
    by: Annotated[str, typer.Option("--by", help="patient, clinic, insurer or registry.")] = "patient",
    why: Annotated[
        str,
        typer.Option("--why", help="unwell, no_longer_needed, other_time, practitioner_away, mistake or other."),
    ] = "other",
) -> int:
    """Cancel a booking, by its ticket or by the vendor's id.

    Exit code 0 when it does not stand any more, 3 when it was refused, 5 when the answer was lost: it may be repeated.

    JSON: {"vendor", "connection_id", "origin", "cancelled": {"late", "already_gone"}}
    """
    out = desk.out
    if (ticket is None) == (booking is None):
        raise Problem("cancel_what")
    reason = CancelReason.model_validate({"by": by, "why": why})
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
def resolve(desk: Desk, *, ticket: TicketOption = None) -> int:
    """Find out what became of a booking whose answer was lost. Looks, and never books again.

    Exit code 0 when it is booked, 1 when it is proven not to be, 5 when it is still unknown or a person must ask.

    JSON: {"vendor", "connection_id", "origin", "reference", "resolution": "booked"|"not_booked"|"still_unknown"|
    "needs_person", "only_same_slot", "next_at", "evidence": [{"looked_at", "saw", "at"}]}
    """
    out = desk.out
    if ticket is None:
        raise Problem("resolve_what")
    kept = tickets.read(ticket, desk.vendor)
    with out.busy(out.say("line", "looking", vendor=desk.adapter.name)):
        found = desk.session.resolve(kept.request(), kept.sent_at)
    if isinstance(found, Booked):
        tickets.write(Path(ticket), kept.model_copy(update={"booking": found.booking.ref}), new=False)
    if out.as_json:
        out.document("resolution", {**desk.connection_facts(), "reference": str(kept.reference), **_facts(found)})
    else:
        _show_resolution(found, out, kept.slot.zone)
    return ExitCode.SUCCESS if isinstance(found, Booked) else (
        ExitCode.NO if isinstance(found, NotBooked) else ExitCode.UNKNOWN
    )  # fmt: skip


def _word(found: Resolution) -> str:
    return {
        "Booked": "booked",
        "NotBooked": "not_booked",
        "StillUnknown": "still_unknown",
        "NeedsPerson": "needs_person",
    }[type(found).__name__]


def _facts(found: Resolution) -> dict[str, Any]:
    return {
        "resolution": _word(found),
        "only_same_slot": isinstance(found, NotBooked) and found.only_same_slot,
        "next_at": machine_moment(found.next_at) if isinstance(found, StillUnknown) else None,
        "evidence": [one.model_dump(mode="json") for one in found.evidence],
    }


def _show_resolution(found: Resolution, out: Output, zone: str) -> None:
    word = "not_booked_same_slot" if isinstance(found, NotBooked) and found.only_same_slot else _word(found)
    next_at = shown_moment(found.next_at, zone, out.lang) if isinstance(found, StillUnknown) else ""
    out.line(out.say("resolution", word, next_at=next_at), "bold")
    seen = ", ".join(f"{one.looked_at}: {one.saw}" for one in found.evidence)
    out.line(out.say("resolution", "evidence", evidence=seen), "dim")
