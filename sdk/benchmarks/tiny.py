"""A vendor as small as can be: a catalogue of five rows, and as many open times as a benchmark wants."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from kobling import (
    EVERYONE_OFFERS_EVERYTHING,
    Adapter,
    Catalogue,
    Clinic,
    Connection,
    ConnectionForm,
    ErrorMap,
    Http,
    Limits,
    NoAuth,
    PatientFields,
    Practitioner,
    Service,
    Slot,
    SlotLimits,
    SlotQuery,
    WireModel,
    WireReply,
    WireRequest,
    required,
)
from kobling.localtime import parse_offset
from kobling.plugins import Installed

ROWS = [{"id": f"p{number}", "name": f"Behandler {number}", "owner_kind": "person"} for number in range(5)]
CATALOGUE = json.dumps(ROWS).encode()


class SlotRow(WireModel):
    """An open time on the wire, with offsets."""

    who: str
    what: str
    start: str
    end: str


class Tiny(Adapter):
    """Reads the catalogue in one call; `identify` needs none."""

    key = "tiny"
    name = "Tiny"
    contract = 1
    form = ConnectionForm(
        external_id=required(nb="klinikkens nummer", en="the clinic's number", example="1"),
        booking_url=required(nb="adressen", en="the address", example="https://tiny.example"),
    )
    base_url = "{booking_url}"
    auth = NoAuth()
    errors = ErrorMap()
    limits = Limits(slots=SlotLimits(days=366))
    patient_fields = PatientFields()

    async def identify(self, http: Http) -> Clinic:
        """Nothing to ask."""
        return Clinic(name="Tiny")

    async def catalogue(self, http: Http) -> Catalogue:
        """Five practitioners."""
        rows = (await http.get("catalogue", params={"clinic": self.connection.external_id})).read(list[Practitioner])
        services = (Service(id="s", name="Konsultasjon", minutes=30),)
        return Catalogue(practitioners=tuple(rows), services=services, offers=EVERYONE_OFFERS_EVERYTHING)

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        """Every row as a slot."""
        rows = (await http.get("slots")).read(list[SlotRow])
        return [
            Slot(practitioner_id=row.who, service_id=row.what, start=parse_offset(row.start), end=parse_offset(row.end))
            for row in rows
        ]


INSTALLED = Installed({"tiny": Tiny})


def connection(number: int = 1, address: str = "https://tiny.example") -> Connection:
    """A connection to one of many tiny clinics."""
    return Connection("tiny", external_id=str(number), booking_url=address)


def slot_rows(count: int) -> bytes:
    """So many open times as JSON, not in order."""
    first = datetime(2026, 12, 1, tzinfo=UTC)
    rows = [
        {
            "who": f"p{number % 5}",
            "what": "s",
            "start": (first + timedelta(minutes=5 * number)).isoformat(),
            "end": (first + timedelta(minutes=5 * number + 30)).isoformat(),
        }
        for number in (number * 7919 % count for number in range(count))
    ]
    return json.dumps(rows).encode()


def in_memory(bodies: dict[str, bytes]) -> Callable[[WireRequest], WireReply]:
    """An exchange that answers at once with these bodies by path."""

    def exchange(request: WireRequest) -> WireReply:
        return WireReply(200, (("content-type", "application/json"),), bodies[urlsplit(request.url).path])

    exchange.immediate = True  # type: ignore[attr-defined]
    return exchange
