"""Pages for people: the timebook as the clinic would see it, and a landing page with what a developer pastes and the
faults that can be ordered.

The timebook page is in Norwegian, like the screens it stands for. It names invented patients, so it says so.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from .clinic import Appointment, Clinic, Timebook, monday_of
from .faults import KINDS, Fault
from .loopback import is_loopback

if TYPE_CHECKING:
    from .world import World

__all__ = ["blueprint"]

_DAYS = ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag")
_MONTHS = (
    "januar",
    "februar",
    "mars",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "desember",
)
_STATES = {
    "booked": "Avtalt",
    "pending": "Venter",
    "attended": "Møtt",
    "no_show": "Ikke møtt",
    "cancelled": "Avlyst",
    "declined": "Avvist",
}
_OWNERS = {"person": "Behandler", "group": "Gruppe", "department": "Avdeling", "clinic": "Hele klinikken"}
_WEEK = re.compile(r"(\d{4})-W(\d{1,2})")


@dataclass(frozen=True)
class Card:
    """One appointment on the page. Texts as the clinic reads them; times are local."""

    time: str
    type_name: str
    state: str
    state_name: str
    live: bool
    online: bool
    patient: str
    contact: str
    patient_comment: str
    note: str
    sak_id: str
    claim: bool


@dataclass(frozen=True)
class Free:
    """A planned time that nobody has, with the types that may be booked in it."""

    time: str
    types: str


@dataclass(frozen=True)
class Day:
    """A day of the week shown."""

    name: str
    title: str
    today: bool
    entries: tuple[Card | Free, ...]


def blueprint() -> Blueprint:
    """The pages as a blueprint for a dialect's application."""
    pages = Blueprint("pages", __name__)

    @pages.after_request
    def nothing_from_outside(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        response.headers["Cache-Control"] = "no-store"
        return response

    @pages.get("/")
    def landing() -> str:
        world = _world()
        return render_template(
            "landing.html",
            world=world,
            namespaces=request.environ["kobling_mocks.worlds"].names,
            accounts=[(account, world.dialect.connection(account)) for account in world.accounts.values()],
            now=world.clock.now().astimezone(ZoneInfo(world.clinic.zone)).strftime("%Y-%m-%d %H:%M %Z"),
            kinds=KINDS,
            base=request.script_root,
            root=request.url_root.rstrip("/"),
            settings=_another_setting(world),
        )

    @pages.post("/__mock__/pages/fault")
    def order_fault() -> WerkzeugResponse:
        _only_from_our_pages()
        try:
            _world().faults.add(Fault(**{name: request.form[name] for name in ("operation", "kind", "when")}))  # type: ignore[arg-type]
        except ValueError:
            abort(409)
        return _back()

    @pages.post("/__mock__/pages/no-faults")
    def forget_faults() -> WerkzeugResponse:
        _only_from_our_pages()
        _world().faults.clear()
        return _back()

    @pages.get("/timebok/<timebook_id>")
    def timebook(timebook_id: str) -> str:
        books = [(clinic, clinic.timebook(timebook_id)) for clinic in _world().clinics]
        clinic, book = next((pair for pair in books if pair[1] is not None), (None, None))
        if clinic is None or book is None:
            abort(404)
        return _timebook_page(clinic, book)

    return pages


def _another_setting(world: World) -> str:
    """The body that changes a switch of this dialect's, in JSON; "" where it has none."""
    for name, switch in world.switches.known.items():
        others = [choice for choice in switch.choices if choice != world.switches[name]]
        if others:
            return json.dumps({"settings": {name: others[0]}})
    return ""


def _only_from_our_pages() -> None:
    """A form of a page from elsewhere in the browser is refused: the mocks listen on loopback only, and so do those
    who may order."""
    if not is_loopback(urlsplit(request.headers.get("Origin", "")).netloc):
        abort(403)


def _back() -> WerkzeugResponse:
    """To the page that the form stood on, where that is one of ours; else to the landing page."""
    came_from = request.headers.get("Referer", "")
    ours = is_loopback(urlsplit(came_from).netloc)
    return redirect(came_from if ours else f"{request.script_root}/", code=303)


def _world() -> World:
    world: World = request.environ["kobling_mocks.world"]
    return world


def _timebook_page(clinic: Clinic, book: Timebook) -> str:
    today = clinic.clock.now().astimezone(ZoneInfo(clinic.zone)).date()
    monday = _asked_week(today)
    return render_template(
        "timebook.html",
        clinic=clinic,
        book=book,
        owner=_OWNERS[book.owner_kind],
        week=monday.isocalendar(),
        span=f"{_day(monday)} – {_day(monday + timedelta(days=6))} {monday.isocalendar().year}",
        before=_week_name(monday - timedelta(days=7)),
        after=_week_name(monday + timedelta(days=7)),
        this_week=_week_name(monday),
        now=_moment(clinic.clock.now(), clinic),
        days=_days(clinic, book, monday, today),
        dialect=_world().dialect.name,
        base=request.script_root,
    )


def _asked_week(today: date) -> date:
    """The Monday of the week asked for (`?uke=2026-W48`), or of today's."""
    asked = _WEEK.fullmatch(request.args.get("uke", ""))
    if asked is not None:
        try:
            return date.fromisocalendar(int(asked[1]), int(asked[2]), 1)
        except ValueError:
            abort(404)
    return monday_of(today)


def _days(clinic: Clinic, book: Timebook, monday: date, today: date) -> list[Day]:
    sunday = monday + timedelta(days=6)
    entries: dict[date, list[tuple[datetime, Card | Free]]] = defaultdict(list)
    zone = ZoneInfo(clinic.zone)
    claimed = {claim.appointment_id for claim in clinic.claims}
    appointments = [
        appointment
        for appointment in clinic.all_appointments()
        if appointment.timebook_id == book.id and monday <= appointment.start.astimezone(zone).date() <= sunday
    ]
    for appointment in appointments:
        card = _card(clinic, appointment, appointment.id in claimed)
        entries[appointment.start.astimezone(zone).date()].append((appointment.start, card))
    free: dict[datetime, list[str]] = defaultdict(list)
    for slot in clinic.planned_slots(book.id, monday, sunday):
        kind = clinic.type(slot.type_id)
        taken = any(a.live and a.start < slot.end and slot.start < a.end for a in appointments)
        if kind is not None and not taken and kind.name not in free[slot.start]:
            free[slot.start].append(kind.name)
    for start, names in free.items():
        if names:
            row = Free(start.astimezone(zone).strftime("%H:%M"), ", ".join(names))
            entries[start.astimezone(zone).date()].append((start, row))
    days = []
    for number, name in enumerate(_DAYS):
        day = monday + timedelta(days=number)
        if number < 5 or entries[day]:
            rows = sorted(entries[day], key=lambda entry: (entry[0], isinstance(entry[1], Free)))
            days.append(Day(name, _day(day), day == today, tuple(row for _, row in rows)))
    return days


def _card(clinic: Clinic, appointment: Appointment, claim: bool) -> Card:
    zone = ZoneInfo(clinic.zone)
    start, end = appointment.start.astimezone(zone), appointment.end.astimezone(zone)
    patient = clinic.patient(appointment.patient_id)
    contact = [text for text in (patient.email, patient.phone) if text] if patient is not None else []
    name = patient.name if patient is not None else ""
    return Card(
        time=f"{start:%H:%M}–{end:%H:%M}",
        type_name=clinic.any_type(appointment.type_id).name,
        state=appointment.state,
        state_name=_STATES[appointment.state],
        live=appointment.live,
        online=appointment.source == "online",
        patient=name or (contact.pop(0) if contact else "Ukjent pasient"),
        contact=" · ".join(contact),
        patient_comment=appointment.patient_comment,
        note=appointment.note,
        sak_id=appointment.sak_id or "",
        claim=claim,
    )


def _day(day: date) -> str:
    return f"{day.day}. {_MONTHS[day.month - 1]}"


def _week_name(monday: date) -> str:
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02d}"


def _moment(moment: datetime, clinic: Clinic) -> str:
    local = moment.astimezone(ZoneInfo(clinic.zone))
    return f"{_DAYS[local.weekday()]} {_day(local.date())} {local.year} kl. {local:%H:%M}"
