"""`kobling slots`: open times."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from kobling import Catalogue, InvalidRequest, Slot, SlotQuery
from kobling.localtime import zone_of

from ..desk import Desk, connected
from ..exit_codes import ExitCode
from ..moments import machine_moment, parse_day, shown_moment
from ..output import shown
from ..problems import Problem

DAYS = 14
"""How many days are searched unless the command says otherwise."""


@connected
def slots(
    desk: Desk,
    *,
    first_day: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First local day, as 2026-11-24 (default: today).")
    ] = None,
    last_day: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help=f"Last local day, included (default: {DAYS} days in all).")
    ] = None,
    practitioner: Annotated[list[str] | None, typer.Option("--practitioner", help="Id or name; repeatable.")] = None,
    service: Annotated[list[str] | None, typer.Option("--service", help="Id or name; repeatable.")] = None,
    department: Annotated[str | None, typer.Option("--department", help="Only at this department (id).")] = None,
    at_most: Annotated[
        int | None, typer.Option("--at-most", min=1, help="Stop after so many, in order of time.")
    ] = None,
) -> int:
    """List the bookable open times, earliest first.

    Exit code 0 when every part of the question was answered (also when nothing is open), 4 when a part is not known.

    JSON: {"vendor", "connection_id", "origin", "first_day", "last_day", "zone", "complete", "derived", "slots":
    [{"practitioner_id", "practitioner", "service_id", "service", "start" and "end" (UTC), "local_start", "zone",
    "location_id", "rates": [code], "link"}], "unknown": [{"first_day", "last_day", "practitioner_id", "service_id",
    "because"}], "problems": [{"because", "where"}]}
    """
    out, session = desk.out, desk.session
    with out.busy(out.say("line", "searching", vendor=desk.adapter.name)):
        zone = desk.zone()
        first = parse_day(first_day, datetime.now(UTC).astimezone(zone_of(zone)).date())
        last = parse_day(last_day, first + timedelta(days=DAYS - 1))
        catalogue = session.catalogue()
        try:
            query = SlotQuery(
                first_day=first,
                last_day=last,
                practitioner_ids=tuple(desk.practitioner(catalogue, one).id for one in practitioner or ()),
                service_ids=tuple(desk.service(catalogue, one).id for one in service or ()),
                location_id=department,
                at_most=at_most,
            )
        except InvalidRequest:
            raise Problem("days_reversed") from None
        answer = session.slots(query)
    if out.as_json:
        out.document(
            "slots",
            {
                **desk.connection_facts(),
                "first_day": first.isoformat(),
                "last_day": last.isoformat(),
                "zone": zone,
                "complete": answer.complete,
                "derived": answer.derived,
                "slots": [slot_facts(slot, catalogue) for slot in answer.found],
                "unknown": [part.model_dump(mode="json") for part in answer.unknown],
                "problems": [problem.model_dump(mode="json") for problem in answer.problems],
            },
        )
        return ExitCode.SUCCESS if answer.complete else ExitCode.UNAVAILABLE
    if answer.found:
        out.table(
            [out.say("word", key) for key in ("time", "practitioner", "service", "rates")],
            [
                (
                    shown_moment(slot.start, slot.zone, out.lang),
                    _name(catalogue.practitioner_by_id, slot.practitioner_id),
                    _name(catalogue.service_by_id, slot.service_id),
                    ", ".join(rate.code for rate in slot.insurance_rates),
                )
                for slot in answer.found
            ],
            ("bold",),
        )
    said = "slots" if answer.found else "no_slots"
    if answer.found or answer.complete:
        out.note(out.say("line", said, count=len(answer.found), first=first, last=last))
    for part in answer.unknown:
        out.note(
            out.say("line", "unknown_part", first=part.first_day, last=part.last_day, because=part.because), "yellow"
        )
    for because, count in Counter(problem.because for problem in answer.problems).items():
        out.note(out.say("line", "left_out", count=count, because=shown(because)), "yellow")
    return ExitCode.SUCCESS if answer.complete else ExitCode.UNAVAILABLE


def _name(listed: dict[str, Any], vendor_id: str) -> str:
    known = listed.get(vendor_id)
    return str(known.name) if known is not None else vendor_id


def slot_facts(slot: Slot, catalogue: Catalogue) -> dict[str, Any]:
    """A slot for a machine. Its token stays out: `book` finds the slot anew by practitioner, service and start."""
    return {
        "practitioner_id": slot.practitioner_id,
        "practitioner": _name(catalogue.practitioner_by_id, slot.practitioner_id),
        "service_id": slot.service_id,
        "service": _name(catalogue.service_by_id, slot.service_id),
        "start": machine_moment(slot.start),
        "end": machine_moment(slot.end),
        "local_start": slot.local_start.isoformat(),
        "zone": slot.zone,
        "location_id": slot.location_id,
        "rates": [rate.code for rate in slot.rates] if slot.rates is not None else None,
        "derived": slot.derived,
        "link": slot.link,
    }
