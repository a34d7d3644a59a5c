"""The clean-up ledger: what a run may have booked at a vendor's sandbox, on disk before the booking is sent.

A file of JSON lines, each written through to the disk (fsync) before the run goes on, so that also a run that was
killed leaves word of what it may have left behind. It holds neither the key nor anything of a patient: the patient of
every test booking is the suite's own.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from kobling import BookingRef, BookingRequest, Slot

__all__ = ["Entry", "Ledger"]


@dataclass(frozen=True)
class Entry:
    """One booking that may stand. ref: None until the vendor has named it. sent_at: aware."""

    reference: UUID
    sent_at: datetime
    slot: Slot
    patient_id: str | None
    message: str | None
    ref: BookingRef | None = None
    gone: str = ""
    """Why it does not stand any more: `cancelled`, `not booked`; "" while it may stand."""


class Ledger:
    """A ledger at a path. Thread safe within a process; not shared between two."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def about_to_book(self, request: BookingRequest, now: datetime) -> None:
        """A booking is about to be sent. Returns once that is on the disk."""
        self._write(
            event="about to book",
            reference=str(request.reference),
            at=now.isoformat(),
            slot=request.slot.model_dump(mode="json"),
            patient_id=request.patient_id,
            message=request.message,
        )

    def stands(self, reference: UUID, ref: BookingRef) -> None:
        """The vendor has named the booking."""
        self._write(event="stands", reference=str(reference), ref=ref.model_dump(mode="json"))

    def gone(self, reference: UUID, why: str) -> None:
        """It does not stand any more, or never did."""
        self._write(event="gone", reference=str(reference), why=why)

    def _write(self, **line: Any) -> None:
        with self._lock:
            new = not self.path.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
            if new:
                _sync_directory(self.path.parent)

    def entries(self) -> tuple[Entry, ...]:
        """Every booking that was ever about to be sent, in order. A last line that was cut by a crash is left out: it
        was not on the disk, so its booking was not sent."""
        found: dict[str, Entry] = {}
        for line in self._lines():
            reference = line["reference"]
            if line["event"] == "about to book":
                found[reference] = Entry(
                    UUID(reference),
                    datetime.fromisoformat(line["at"]),
                    Slot.model_validate_json(json.dumps(line["slot"])),
                    line["patient_id"],
                    line["message"],
                )
            elif line["event"] == "stands":
                ref = BookingRef.model_validate_json(json.dumps(line["ref"]))
                found[reference] = replace(found[reference], ref=ref)
            else:
                found[reference] = replace(found[reference], gone=line["why"])
        return tuple(found.values())

    def open(self) -> tuple[Entry, ...]:
        """Bookings that may stand."""
        return tuple(one for one in self.entries() if not one.gone)

    def reference_of(self, booking_id: str) -> UUID | None:
        """The reference of a booking that is in the ledger by the vendor's id."""
        return next((one.reference for one in self.entries() if one.ref and one.ref.id == booking_id), None)

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        lines = self.path.read_text("utf-8").split("\n")
        for number, line in enumerate(lines):
            if not line:
                continue
            try:
                told = json.loads(line)
            except ValueError:
                if number == len(lines) - 1:
                    return
                raise
            yield told


def _sync_directory(path: Path) -> None:
    """So that a new file's name is on the disk too."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
