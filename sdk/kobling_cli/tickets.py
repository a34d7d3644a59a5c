"""A ticket: what `book` leaves on disk so that `resolve` and `cancel` find the booking again. It names no patient; if
the vendor wanted one on file first, it holds the vendor's number of that record, by which the booking is found."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError

from kobling import BookingRef, BookingRequest, Model, Patient, Slot

from .keys import reason_of
from .problems import Problem

SCHEMA = "kobling-ticket/1"
TicketOption = Annotated[str | None, typer.Option("--ticket", metavar="FILE", help="The ticket that `book` wrote.")]


class Ticket(Model):
    """The slot and reference of one booking, when it was sent, and the booking once there is one."""

    vendor: str
    reference: UUID
    slot: Slot
    sent_at: datetime
    patient_id: str | None = None
    booking: BookingRef | None = None

    def request(self) -> BookingRequest:
        """The request as `resolve` needs it: without the patient, who is not looked at there."""
        return BookingRequest(slot=self.slot, patient=Patient(), reference=self.reference, patient_id=self.patient_id)


def write(path: Path, ticket: Ticket, *, new: bool) -> None:
    """Write a ticket whole, readable by its owner only. Raises `Problem` when it can't be.

    new: the file must not be there yet. An older version is replaced in one step, so that it is never half there.
    """
    text = json.dumps({"schema": SCHEMA, **ticket.model_dump(mode="json")}, ensure_ascii=False, indent=2)
    target = path if new else path.with_name(f"{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | (os.O_EXCL if new else os.O_TRUNC)
    try:
        with os.fdopen(os.open(target, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        if not new:
            target.replace(path)
    except FileExistsError:
        raise Problem("ticket_exists") from None
    except OSError as problem:
        raise Problem("ticket_unwritable", reason=reason_of(problem)) from None


def read(name: str, vendor: str) -> Ticket:
    """A ticket from a file. Raises `Problem` when it can't be read, is none, or is another vendor's."""
    try:
        data: dict[str, Any] = json.loads(Path(name).read_text("utf-8"))
    except OSError as problem:
        raise Problem("ticket_unreadable", reason=reason_of(problem)) from None
    except ValueError:
        raise Problem("ticket_not_one") from None
    if not isinstance(data, dict) or data.pop("schema", None) != SCHEMA:
        raise Problem("ticket_not_one")
    try:
        ticket = Ticket.model_validate(data)
    except ValidationError:
        raise Problem("ticket_not_one") from None
    if ticket.vendor != vendor:
        raise Problem("ticket_other_vendor")
    return ticket
