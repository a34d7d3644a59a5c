"""Code of `no-rates.md`, and its tests."""

from __future__ import annotations

from datetime import UTC, date, datetime

from invented import Invented

from kobling import (
    Catalogue,
    CatalogueFacts,
    Http,
    Limits,
    Offer,
    Practitioner,
    Service,
    Slot,
    SlotQuery,
    WireModel,
)
from kobling.testing import Rehearsal, answering

START, END = datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, 30, tzinfo=UTC)


# [adapter]
class Kind(WireModel):
    id: str
    name: str
    offered_by: list[str]


# [class]
class WithoutRates(Invented):
    contract = 1
    # [body]
    limits = Limits(
        catalogue=CatalogueFacts(rates="nowhere", sources={"rates": "no field of a service or a person is one"})
    )

    async def catalogue(self, http: Http) -> Catalogue:
        kinds = (await http.get("kinds")).read(list[Kind])
        return Catalogue(
            practitioners=(Practitioner(id="7", name="Kari Prøve", owner_kind="person"),),
            services=tuple(Service(id=one.id, name=one.name) for one in kinds),
            offers=tuple(Offer(practitioner_id=who, service_id=one.id) for one in kinds for who in one.offered_by),
        )

    # [slots]
    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        await http.get("open")
        return [Slot(practitioner_id="7", service_id=one, start=START, end=END) for one in query.service_ids]


# [test]
VENDOR = answering(
    clinic={},
    kinds=[{"id": "1", "name": "Førstegang", "offered_by": ["7"]}, {"id": "2", "name": "Kurs", "offered_by": ["7"]}],
    open={},
)
DAY = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1))


def test_the_registrys_own_table_says_what_an_insurance_pays() -> None:
    session = Rehearsal(WithoutRates, rates={"1": ["B1010"]}).session(VENDOR)
    (slot,) = session.slots(DAY).found  # service 2 has no B-rate, and is not offered
    assert [rate.code for rate in slot.insurance_rates] == ["B1010"]
    assert session.catalogue().why_not("7", "2") == ("no_insurance_rate",)


# [end]
