"""EG Pasientsky's partner API as far as it is known: search, book and cancel, with the key in every body.

Known from the vendor's pages: the three calls, their bodies, the answers of search and cancel, composite slot ids,
local times without offset, counts per date with the times of one day. Everything else (errors, the answer of a
booking, the fields of a time, where rates are) is inferred and stands behind a switch, see `SWITCHES`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo

from kobling_mocks.clinic import (
    ALL_PATIENTS,
    AlreadyCancelled,
    AlreadyStarted,
    AppointmentType,
    Behaviour,
    BookingOrder,
    CancelNotAllowed,
    Clinic,
    NoSuchAppointment,
    OpenSlot,
    PatientDetails,
    PatientRequired,
    PlannedSlot,
    Rate,
    Refusal,
    Restrictions,
    SlotNotOffered,
    SlotTaken,
    Timebook,
    TooLateToCancel,
    TooManyBookings,
    synthetic_id,
)
from kobling_mocks.dialect import Account, Answer, Dialect, Fact, Operation, Refused, Visit
from kobling_mocks.dialects.eg_pasientsky_wire import (
    Body,
    BookBody,
    BookingPath,
    BookOrError,
    CancelBody,
    CancelOrError,
    ClinicPath,
    ErrorAnswer,
    SearchBody,
    SearchOrError,
)
from kobling_mocks.keys import key_of
from kobling_mocks.switches import Switch, Switches

__all__ = ["SWITCHES", "EgPasientsky", "dialect"]

_MEDIUMS = {"face_to_face": "FACE_TO_FACE", "video": "VIDEO", "telephone": "TELEPHONE"}
_STATUS_WORDS = {"direct_said": "BOOKED", "pending": "PENDING"}
_LONGEST_RANGE = 366
_SLOT_ID = re.compile(
    r"(?P<calendar>[0-9a-fA-F-]{36})_2_(?P<day>\d{4}-\d{2}-\d{2})T\d{2}:\d{2}_(?P<id>[0-9a-fA-F-]{36})"
)
_B = TypeVar("_B", bound=Body)

SWITCHES = (
    Switch(
        "unauthorized",
        "401",
        ("401", "403", "200"),
        "How a missing or wrong key is answered: a status, or 200 with an error body.",
        "No page shows an error; 401 is what most systems answer.",
    ),
    Switch(
        "unknown_clinic",
        "404",
        ("404", "403"),
        "How a clinic id that does not exist is answered.",
        "No page says; 403 is for systems that do not tell which clinics exist.",
    ),
    Switch(
        "validation",
        "400",
        ("400", "422"),
        "How a body with missing or unreadable fields is answered.",
        "No page says; both are common.",
    ),
    Switch(
        "taken",
        "409",
        ("409", "400", "200"),
        "How a booking is refused when its time is taken or no longer offered: a status, or 200 with an error body.",
        "The page calls the answer 'a booking response or an error', so an error with 200 is possible.",
    ),
    Switch(
        "cancel_gone",
        "404/409",
        ("404/409", "404", "200"),
        "How the cancellation of an unknown / an already cancelled booking is answered: two statuses, one and the "
        "same, or 200 with cancelled:false.",
        "Only cancelled:true is documented; that the field exists suggests that it can be false.",
    ),
    Switch(
        "confirmation",
        "direct",
        ("direct", "direct_said", "pending", "pending_unsaid"),
        "Whether a booking stands at once (direct) or waits for staff (pending), and whether the answer says so: a "
        "status BOOKED with direct_said and PENDING with pending, no status otherwise.",
        "The page calls it a booking request; whether that means waiting is not said.",
    ),
    Switch(
        "gateway",
        "commits_first",
        ("commits_first", "answers_first", "gives_up"),
        "Whether the answer comes after the commit, before it (200, then the commit after commit_lag_seconds), or the "
        "gateway gives up with 504 while the commit still happens after commit_lag_seconds.",
        "No page says whether booking is synchronous.",
    ),
    Switch(
        "commit_lag_seconds",
        5,
        (0, 86_400),
        "Seconds of the clinic's clock until a booking is committed, where the gateway does not wait for it.",
        "Not documented.",
        number=True,
    ),
    Switch(
        "search_cache_seconds",
        0,
        (0, 86_400),
        "How many seconds old the timebook is that a search sees.",
        "Not documented; a public planner of the same vendor is read through caches of five minutes.",
        number=True,
    ),
    Switch(
        "max_bookings",
        0,
        (0, 50),
        "At most so many upcoming bookings per patient; 0 leaves it to the clinic's own restrictions.",
        "The restriction is documented, its error is not.",
        number=True,
    ),
    Switch(
        "rates",
        "field",
        ("field", "name", "extra_information", "none"),
        "Where insurance rates are seen: a field insuranceRates on the type, its name, its extraInformation, nowhere.",
        "Help pages say that rates on the rule decide what insurers see; no page shows them on the wire.",
    ),
    Switch(
        "owned_by_department",
        "owner",
        ("owner", "member"),
        "What ownedByDepartment means: null for a person's calendar and an id for any other owner, or the department "
        "in which the calendar stands, whoever owns it.",
        "The field is documented, its meaning is not.",
    ),
    Switch(
        "timeslot_fields",
        True,
        (True, False),
        "Whether a time has calendarId, timeslotTypeId, from, to and groupAppointmentId beside its id.",
        "Only the id is documented.",
    ),
    Switch(
        "locations",
        "shown",
        ("shown", "hidden"),
        "Whether a type's visiting address is shown; hidden means location is always null.",
        "Documented as null or an object; whether partners see it is not said.",
    ),
    Switch(
        "note_goes_to",
        "both",
        ("both", "note", "patient_comment"),
        "Where the note of a booking appears in the timebook: Notat, Pasientbemerkning or both.",
        "The help page says that the insurer's information appears in both; the call has one note.",
    ),
)


class EgPasientsky(Dialect):
    """The dialect of EG Pasientsky's partner API."""

    key = "eg-pasientsky"
    name = "EG Pasientsky"
    origin = "https://psno-portal.svc.pasientsky.no"
    base_path = "/partner-api"
    about = (
        "The partner API of EG Pasientsky (PatientSky).\n\n"
        "**Documented** by the vendor: the three calls and their bodies, the key in the body, the answers of search "
        "and cancel, slot ids of the form `{calendarId}_2_{local time}_{uuid}`, local times without offset.\n\n"
        "**Inferred**, and switchable: every error, the answer of a booking, the fields of a time beside its id, what "
        "`ownedByDepartment` means, where rates are seen, whether a booking is synchronous."
    )
    switches = SWITCHES
    id_fields = frozenset({"bookingId"})
    account_parameter = "clinicId"
    switched_on_by = "vendor"
    untold: ClassVar[frozenset[Fact]] = frozenset({"professions"})

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Search, book, cancel."""
        return _OPERATIONS

    def open_account(self, clinic: Clinic) -> Account:
        """The id is the clinic's own, the key follows from it; of several departments the connection has the first that
        a partner is shown: a type has to be there."""
        places = [_location(kind, clinic) for kind in _Shown(clinic, None, None).types]
        shown = {place["id"] for place in places if place is not None}
        departments = [one.id for one in clinic.departments if one.id in shown]
        return Account(
            external_id=clinic.id,
            api_key=f"mock-{key_of(clinic)}",
            clinic=clinic,
            department_id=departments[0] if departments and len(clinic.departments) > 1 else None,
        )

    def connection(self, account: Account) -> dict[str, str]:
        """Ekstern ID, Ekstern avdeling ID and API-nøkkel; Pasientsky uses no booking URL."""
        return {
            "external_id": account.external_id,
            "department_id": account.department_id or "",
            "api_key": account.api_key,
            "booking_url": "",
        }

    def adjust(
        self, behaviour: Behaviour, restrictions: Restrictions, switches: Switches
    ) -> tuple[Behaviour, Restrictions]:
        """Let the clinic's system behave as the switches say."""
        changed = switches.changed
        lags = behaviour.lags
        if switches["gateway"] != "commits_first":
            lags = replace(lags, commit=float(switches.number("commit_lag_seconds")))
        if "search_cache_seconds" in changed:
            lags = replace(lags, search=float(switches.number("search_cache_seconds")))
        if switches.text("confirmation").startswith("pending"):
            behaviour = replace(behaviour, confirmation="request")
        if "max_bookings" in changed:
            restrictions = replace(restrictions, max_bookings=switches.number("max_bookings"))
        return replace(behaviour, lags=lags), restrictions

    def unread(self, visit: Visit, places: tuple[str, ...]) -> Answer:
        """The fields that are wrong."""
        return _invalid(visit.world.switches, *sorted(places))

    def credential(self, visit: Visit) -> str:
        """The key travels in the body."""
        given = visit.json.get("apikey") if isinstance(visit.json, dict) else None
        return given if isinstance(given, str) else ""


# ---- who is asking, and is the body readable


def _admitted(visit: Visit, model: type[_B]) -> tuple[Account, _B]:
    """The account and the checked body. Raises `Refused` with the vendor's error."""
    switches = visit.world.switches
    given = dialect.credential(visit)
    if given not in {account.api_key for account in visit.world.accounts.values()}:
        raise Refused(_error(switches.text("unauthorized"), "UNAUTHORIZED", "The api key is missing or not valid."))
    account = visit.world.accounts.get(visit.path["clinicId"])
    if account is None:
        status = switches.text("unknown_clinic")
        code = "NOT_FOUND" if status == "404" else "FORBIDDEN"
        raise Refused(_error(status, code, "The clinic was not found."))
    if given != account.api_key:
        raise Refused(
            _error(switches.text("unauthorized"), "UNAUTHORIZED", "The api key is not valid for this clinic.")
        )
    if not account.activated:
        raise Refused(_error("403", "INTEGRATION_NOT_ENABLED", "The integration is not enabled for this clinic."))
    return account, visit.read(model)


def _error(status: str, code: str, message: str, fields: tuple[str, ...] = ()) -> Answer:
    body: dict[str, Any] = {"code": code, "message": message}
    if fields:
        body["fields"] = list(fields)
    return Answer(int(status), json={"error": body})


def _invalid(switches: Switches, *fields: str) -> Answer:
    return _error(switches.text("validation"), "VALIDATION", "The request is not valid.", fields)


# ---- search


def _search(visit: Visit) -> Answer:
    account, body = _admitted(visit, SearchBody)
    switches, clinic = visit.world.switches, account.clinic
    first, last = body.dateRange.first, body.dateRange.last
    if last < first or (last - first).days > _LONGEST_RANGE:
        return _invalid(switches, "dateRange.to")
    shown = _Shown(clinic, body.calendarIds, body.timeslotTypeIds)
    zone = ZoneInfo(clinic.zone)
    day = body.selectedDateForDetails or clinic.clock.now().astimezone(zone).date()
    counted = clinic.open_slots(body.calendarIds, body.timeslotTypeIds, first, last)
    inside = first <= day <= last
    listed = counted if inside else clinic.open_slots(body.calendarIds, body.timeslotTypeIds, day, day)
    per_day = {first + timedelta(days=number): 0 for number in range((last - first).days + 1)}
    for slot in counted:
        per_day[slot.day] += 1
    return Answer(
        200,
        json={
            "data": {
                "calendars": [_calendar(timebook, clinic, shown, switches) for timebook in shown.timebooks],
                "dateSlots": [{"date": d.isoformat(), "availableSlots": count} for d, count in per_day.items()],
                "timeslotTypes": [_timeslot_type(kind, clinic, shown, switches) for kind in shown.types],
                "timeslots": [_timeslot(slot, clinic, switches) for slot in listed if slot.day == day],
            }
        },
    )


class _Shown:
    """What a partner sees of a clinic: online timebooks and types that are not hidden, and which of them are selected.

    What online booking hides is simply absent, without a reason.
    """

    def __init__(self, clinic: Clinic, calendar_ids: Collection[str] | None, type_ids: Collection[str] | None) -> None:
        online = clinic.online
        self.timebooks = tuple(timebook for timebook in clinic.timebooks if online and timebook.online)
        self.types = tuple(kind for kind in clinic.types if online and kind.online and kind.kind != "hidden")
        self.selected_timebooks = frozenset(
            timebook.id for timebook in self.timebooks if calendar_ids is None or timebook.id in calendar_ids
        )
        self.selected_types = tuple(kind for kind in self.types if type_ids is None or kind.id in type_ids)


def _calendar(timebook: Timebook, clinic: Clinic, shown: _Shown, switches: Switches) -> dict[str, Any]:
    return {
        "id": timebook.id,
        "containsSelectedTimeslotTypes": any(kind.rule_for(timebook.id) is not None for kind in shown.selected_types),
        "name": timebook.public_name,
        "sortingPosition": timebook.sorting_position,
        "ownedByDepartment": _owner(timebook, clinic, switches),
    }


def _owner(timebook: Timebook, clinic: Clinic, switches: Switches) -> str | None:
    first_department = clinic.departments[0].id if clinic.departments else clinic.id
    if switches["owned_by_department"] == "member":
        return timebook.owner_department_id or first_department
    if timebook.owner_kind == "person":
        return None
    if timebook.owner_kind == "department":
        return timebook.owner_department_id or first_department
    return synthetic_id(clinic.id, timebook.owner_kind, timebook.owner_name)


def _timeslot_type(kind: AppointmentType, clinic: Clinic, shown: _Shown, switches: Switches) -> dict[str, Any]:
    rules = [rule for rule in kind.rules if rule.timebook_id in shown.selected_timebooks]
    rates = list(dict.fromkeys(rate for rule in rules for rate in rule.rates))
    visible = frozenset(timebook.id for timebook in shown.timebooks)
    where = switches.text("rates")
    row: dict[str, Any] = {
        "id": kind.id,
        "name": _with_codes(kind.name, rates) if where == "name" else kind.name,
        "isContainedInSelectedCalendars": bool(rules),
        "estimatedPrice": "" if kind.price_nok is None else str(kind.price_nok),
        "extraInformation": (
            _with_codes(kind.extra_information, rates) if where == "extra_information" else kind.extra_information
        ),
        "appointmentType": "groupAppointment" if kind.kind == "group" else "appointment",
        "mediums": [_MEDIUMS[medium] for medium in kind.mediums],
        "location": _location(kind, clinic) if switches["locations"] == "shown" else None,
        "calendarsWithClientListIds": [
            rule.timebook_id for rule in kind.rules if rule.patients != ALL_PATIENTS and rule.timebook_id in visible
        ],
        "durationInMinutes": kind.minutes,
    }
    if where == "field":
        row["insuranceRates"] = [{"code": rate.code, "name": rate.name} for rate in rates]
    return row


def _with_codes(text: str, rates: list[Rate]) -> str:
    codes = ", ".join(rate.code for rate in rates)
    return f"{text} ({codes})".strip() if codes else text


def _location(kind: AppointmentType, clinic: Clinic) -> dict[str, str] | None:
    address = clinic.address(kind.address_id) if kind.address_id else None
    return {"id": address.department_id, "name": address.name, "address": address.street} if address else None


def _timeslot(slot: OpenSlot, clinic: Clinic, switches: Switches) -> dict[str, Any]:
    row: dict[str, Any] = {"id": _slot_id(clinic, slot.timebook_id, slot.type_id, slot.start)}
    if switches.on("timeslot_fields"):
        row |= {
            "calendarId": slot.timebook_id,
            "timeslotTypeId": slot.type_id,
            "from": _local(slot.start, clinic),
            "to": _local(slot.end, clinic),
            "groupAppointmentId": slot.group_id,
        }
    return row


def _local(moment: datetime, clinic: Clinic) -> str:
    return moment.astimezone(ZoneInfo(clinic.zone)).replace(tzinfo=None).isoformat(timespec="minutes")


def _slot_id(clinic: Clinic, timebook_id: str, type_id: str, start: datetime) -> str:
    """The composite id. Its last part tells types and the two equal wall-clock times of an autumn night apart."""
    return f"{timebook_id}_2_{_local(start, clinic)}_{_last_part(clinic.id, timebook_id, type_id, start.isoformat())}"


@lru_cache(maxsize=65536)
def _last_part(clinic_id: str, timebook_id: str, type_id: str, start: str) -> uuid.UUID:
    return uuid.uuid5(uuid.UUID(clinic_id), f"{timebook_id}/{type_id}/{start}")


# ---- book


def _book(visit: Visit) -> Answer:
    account, body = _admitted(visit, BookBody)
    order = _order(visit, account.clinic, body)
    switches = visit.world.switches
    try:
        appointment = account.clinic.book(order)
    except (SlotTaken, SlotNotOffered):
        return _unavailable(switches)
    except TooManyBookings:
        return _error(switches.text("taken"), "BOOKING_LIMIT_REACHED", "The patient has too many upcoming bookings.")
    except PatientRequired as refusal:
        return _invalid(switches, *refusal.fields)
    except Refusal as refusal:
        return _error(switches.text("taken"), "BOOKING_REFUSED", f"The booking was refused ({refusal.code}).")
    later = account.clinic.behaviour.lags.commit > 0
    if switches["gateway"] == "gives_up":
        page = "<html><head><title>504 Gateway Time-out</title></head><body><h1>504 Gateway Time-out</h1></body></html>"
        return Answer(504, html=page, effect="later" if later else "done", appointment=appointment.id)
    data: dict[str, Any] = {"bookingId": appointment.id}
    if switches["confirmation"] in _STATUS_WORDS:
        data["status"] = _STATUS_WORDS[switches.text("confirmation")]
    return Answer(200, json={"data": data}, effect="later" if later else "done", appointment=appointment.id)


def _unavailable(switches: Switches) -> Answer:
    return _error(switches.text("taken"), "TIMESLOT_UNAVAILABLE", "The timeslot is not available.")


def _order(visit: Visit, clinic: Clinic, body: BookBody) -> BookingOrder:
    """The booking as the clinic's system understands it. Raises `Refused`."""
    switches = visit.world.switches
    missing: tuple[str, ...]
    if body.createFromEmail:
        missing = ("email",) if not (body.email or "").strip() else ()
    else:
        missing = tuple(name for name in ("personalNumber", "idTerminology") if not (getattr(body, name) or "").strip())
    if missing:
        raise Refused(_invalid(switches, *missing))
    found = _SLOT_ID.fullmatch(body.timeslotId)
    if found is None or found["calendar"] != body.calendarId:
        raise Refused(_invalid(switches, "timeslotId"))
    slot = _planned(clinic, body.calendarId, found["day"], body.timeslotId)
    kind = clinic.type(slot.type_id) if slot is not None else None
    if slot is None or kind is None:
        raise Refused(_unavailable(switches))
    if body.medium not in {_MEDIUMS[medium] for medium in kind.mediums}:
        raise Refused(_invalid(switches, "medium"))
    if kind.kind == "group" and not body.groupAppointmentId:
        raise Refused(_invalid(switches, "groupAppointmentId"))
    note = body.note or ""
    goes_to = switches.text("note_goes_to")
    return BookingOrder(
        timebook_id=slot.timebook_id,
        type_id=slot.type_id,
        start=slot.start,
        patient=PatientDetails(
            phone=body.phoneNumber,
            email=(body.email or "").strip(),
            national_id=None if body.createFromEmail else body.personalNumber,
        ),
        match="email" if body.createFromEmail else "national_id",
        note=note if goes_to != "patient_comment" else "",
        patient_comment=note if goes_to != "note" else "",
    )


def _planned(clinic: Clinic, timebook_id: str, day: str, slot_id: str) -> PlannedSlot | None:
    try:
        at = date.fromisoformat(day)
    except ValueError:
        return None
    for slot in clinic.planned_slots(timebook_id, at, at):
        if _slot_id(clinic, timebook_id, slot.type_id, slot.start) == slot_id:
            return slot
    return None


# ---- cancel

_CANCEL_REFUSALS: Mapping[type[Refusal], tuple[str, str]] = {
    TooLateToCancel: ("CANCELLATION_DEADLINE_PASSED", "The deadline for cancelling has passed."),
    CancelNotAllowed: ("CANCELLATION_NOT_ALLOWED", "This booking cannot be cancelled online."),
    AlreadyStarted: ("BOOKING_STARTED", "The appointment has started."),
}


def _cancel(visit: Visit) -> Answer:
    account, body = _admitted(visit, CancelBody)
    gone = visit.world.switches.text("cancel_gone")
    booking_id = visit.path["bookingId"]
    try:
        account.clinic.cancel(booking_id, by="registry", reason=body.note or "")
    except (NoSuchAppointment, AlreadyCancelled) as refusal:
        if gone == "200":
            return Answer(200, json={"data": {"cancelled": False}})
        if isinstance(refusal, AlreadyCancelled) and gone == "404/409":
            return _error("409", "ALREADY_CANCELLED", "The booking is already cancelled.")
        return _error("404", "BOOKING_NOT_FOUND", "The booking was not found.")
    except Refusal as refusal:
        code, message = _CANCEL_REFUSALS[type(refusal)]
        return _error("409", code, message)
    return Answer(200, json={"data": {"cancelled": True}}, effect="done", appointment=booking_id)


# ---- the calls


def _needed_patient_fields(body: Mapping[str, Any]) -> frozenset[str]:
    """What this body calls for: the e-mail or the national id, never both; the phone number is required."""
    if body.get("createFromEmail") is True:
        return frozenset({"email", "phoneNumber"})
    return frozenset({"personalNumber", "phoneNumber"})


_ERRORS = {400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer, 404: ErrorAnswer, 422: ErrorAnswer}

_OPERATIONS = (
    Operation(
        name="search",
        method="POST",
        rule="/partner-api/<clinicId>/search",
        summary="Calendars, appointment types, free times per date and the times of one date",
        description="Counts for every date of `dateRange`; `timeslots` only for `selectedDateForDetails`.",
        handle=_search,
        writes=False,
        path=ClinicPath,
        body=SearchBody,
        answers={200: SearchOrError, **_ERRORS},
        secret=frozenset({"apikey"}),
    ),
    Operation(
        name="book",
        method="POST",
        rule="/partner-api/<clinicId>/book",
        summary="Book a time for a patient",
        description="What a booking answers is not documented; this answer and every error are inferred.",
        handle=_book,
        writes=True,
        path=ClinicPath,
        body=BookBody,
        answers={200: BookOrError, 409: ErrorAnswer, **_ERRORS},
        pages=frozenset({504}),
        secret=frozenset({"apikey"}),
        personal=frozenset({"personalNumber", "email", "phoneNumber"}),
        texts=frozenset({"note"}),
        needed=_needed_patient_fields,
    ),
    Operation(
        name="cancel",
        method="POST",
        rule="/partner-api/<clinicId>/<bookingId>/cancel",
        summary="Cancel a booking",
        description="`cancelled: true` is documented; what an unknown booking answers is inferred.",
        handle=_cancel,
        writes=True,
        path=BookingPath,
        body=CancelBody,
        answers={200: CancelOrError, 409: ErrorAnswer, **_ERRORS},
        secret=frozenset({"apikey"}),
        texts=frozenset({"note"}),
    ),
)

dialect = EgPasientsky()
"""The dialect, as the entry point names it."""
