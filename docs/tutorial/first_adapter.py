"""The tutorial's adapter: a small, invented vendor with one list of open times. `sdk/tests/test_docs.py` runs it."""

from __future__ import annotations

from datetime import date

# [imports]
from kobling import (
    EVERYONE_OFFERS_EVERYTHING,
    Adapter,
    Bearer,
    Catalogue,
    Clinic,
    ConnectionForm,
    ErrorMap,
    Http,
    Limits,
    OwnerKind,
    PatientFields,
    Practitioner,
    Service,
    Slot,
    SlotLimits,
    SlotQuery,
    WireModel,
    hookimpl,
    required,
)
from kobling.localtime import parse_offset

# [test-imports]
from kobling.testing import play, reply


# [adapter]
class Row(WireModel):
    """One open time, as this vendor writes it."""

    practitioner: str
    begins: str
    ends: str


class PersonRow(WireModel):
    """Somebody, or something, with a calendar."""

    id: str
    name: str
    owner_kind: str


OWNERS: dict[str, OwnerKind] = {"person": "person", "group": "group"}


class Fjordklinikk(Adapter):
    """An invented vendor that is read only: it has no `book`, and is therefore search only."""

    key = "fjordklinikk"
    name = "Fjordklinikk (invented)"
    contract = 1
    form = ConnectionForm(
        external_id=required(nb="klinikkens nummer", en="the clinic's number", pattern=r"\d+", example="12"),
        api_key=required(nb="nøkkelen", en="the key"),
    )
    base_url = "https://api.fjordklinikk.example/v1/clinics/{external_id}"
    auth = Bearer()
    errors = ErrorMap()
    limits = Limits(slots=SlotLimits(days=7))
    patient_fields = PatientFields()

    async def identify(self, http: Http) -> Clinic:
        """Which clinic the key belongs to."""
        return Clinic(name=(await http.get("")).read(str, at="/name"))

    async def catalogue(self, http: Http) -> Catalogue:
        """Everybody offers the one service there is."""
        people = (await http.get("people")).read(list[PersonRow])
        shown = tuple(
            Practitioner(id=one.id, name=one.name, owner_kind=OWNERS.get(one.owner_kind, "unknown")) for one in people
        )
        services = (Service(id="visit", name="Konsultasjon", minutes=30),)
        return Catalogue(practitioners=shown, services=services, offers=EVERYONE_OFFERS_EVERYTHING)

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        """Open times of at most a week: Kobling asks week by week."""
        answer = await http.get("open", params={"from": query.first_day, "to": query.last_day})
        return [
            Slot(
                practitioner_id=row.practitioner,
                service_id="visit",
                start=parse_offset(row.begins),
                end=parse_offset(row.ends),
            )
            for row in answer.read(list[Row], at="/times")
        ]


# [hook]
@hookimpl
def kobling_adapters() -> list[type[Adapter]]:
    """The adapters of this package."""
    return [Fjordklinikk]


# [test]
def test_open_times_are_read_with_their_offset() -> None:
    """No server and no HTTP library: the engine is the real one, only the sending is played."""
    week = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 7))
    times = [{"practitioner": "7", "begins": "2026-12-01T09:00+01:00", "ends": "2026-12-01T09:30+01:00"}]
    played = play(Fjordklinikk, "list_slots", week, replies=[reply(200, json={"times": times})])
    assert played.requests[0].path == "/v1/clinics/12/open"
    assert played.requests[0].params == (("from", "2026-12-01"), ("to", "2026-12-07"))
    assert played.result.found[0].start.isoformat() == "2026-12-01T08:00:00+00:00"


# [end]
