"""Code of `read-pages.md`, and its tests."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from invented import Invented

from kobling import (
    EVERYONE_OFFERS_EVERYTHING,
    ByCursor,
    ByLink,
    ByNumber,
    ByOffset,
    Catalogue,
    Http,
    Lists,
    Practitioner,
    Response,
    Service,
    Slot,
    SlotQuery,
    VendorProtocolError,
    WireModel,
    at,
    rows_by,
)
from kobling.localtime import day_bounds, parse_offset
from kobling.testing import play, reply


class FreeTime(WireModel):
    who: str
    start: str
    end: str


class FreeTimes(WireModel):
    free: list[FreeTime]
    truncated: bool


class Person(WireModel):
    id: str
    name: str


# [bundle-row]
class Entry(WireModel):
    id: str = at("/resource/id")
    name: str = at("/resource/name/0/text")


# [bundle-row-end]


def shown(people: list[Person]) -> Catalogue:
    everybody = tuple(Practitioner(id=one.id, name=one.name) for one in people)
    return Catalogue(practitioners=everybody, services=(), offers=EVERYONE_OFFERS_EVERYTHING)


class AllAlike(Invented):
    contract = 1
    # [lists]
    lists = Lists(items="/data", next=ByLink("/links/next"), params={"size": 100})

    async def catalogue(self, http: Http) -> Catalogue:
        people = await http.pages("people", of=Person)
        former = await http.pages("people", of=Person, params={"only": "former"})
        # [lists-end]
        return shown([*people, *former])


class Numbered(Invented):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        # [number]
        people = await http.pages(
            "people",
            items="/data",
            of=Person,
            next=ByNumber(param="page", first=1, size=("per_page", 100), last="/meta/last_page"),
        )
        # [offset]
        return shown(people)


class Counted(Invented):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        # [offset-call]
        people = await http.pages(
            "people",
            items="/items",
            of=Person,
            next=ByOffset(param="skip", size=("take", 100), total="/total"),
        )
        # [cursor]
        return shown(people)


class Cursored(Invented):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        # [cursor-call]
        people = await http.pages("people", items="/items", of=Person, next=ByCursor("/paging/next", param="after"))
        # [link]
        return shown(people)


class Linked(Invented):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        # [link-call]
        people = await http.pages("people", items="/items", of=Person, next=ByLink("/next"))
        # [header]
        return shown(people)


class Bundled(Invented):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        # [bundle-call]
        people = await http.pages(
            "people", items="/entry", of=Entry, next=ByLink("/link"), absent_when_empty=True,
        )  # fmt: skip
        # [bundle-end]
        return shown([Person(id=one.id, name=one.name) for one in people])


class LinkedInHeader(Invented):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        # [header-call]
        people = await http.pages("people", items="", of=Person, next=ByLink())
        # [posted]
        return shown(people)


class Posted(Invented):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        # [posted-call]
        people = await http.pages(
            "call",
            json={"method": "people", "arguments": {"only": "active"}},
            items="/people",
            of=Person,
            next=ByNumber("/arguments/page", last="/pages"),
        )
        # [test]
        return shown(people)


# [beside-rows]
class Named(WireModel):
    name: str


class Doctor(WireModel):
    id: str
    attributes: Named


class Visit(WireModel):
    id: str
    attributes: Named


ROWS = rows_by("type", {"doctor": Doctor, "visit": Visit})


# [beside-call]
class Beside(Invented):
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        # [beside]
        rows = await http.pages("doctors", items=("/data", "/included"), of=ROWS, next=ByLink("/links/next"))
        visits = {row.id: row for row in rows if isinstance(row, Visit)}  # a page may tell again of what another told
        return Catalogue(
            practitioners=tuple(Practitioner(id=x.id, name=x.attributes.name) for x in rows if isinstance(x, Doctor)),
            services=tuple(Service(id=visit.id, name=visit.attributes.name) for visit in visits.values()),
            offers=EVERYONE_OFFERS_EVERYTHING,
        )
        # [onward-class]


class Onward(Invented):
    contract = 1

    # [onward]
    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        begin, until = day_bounds(query.first_day, query.last_day, "Europe/Oslo")
        found: dict[tuple[datetime, str], Slot] = {}
        while True:
            answer = (await http.get("free", params={"from": begin, "to": until})).read(FreeTimes)
            known = len(found)
            for row in answer.free:
                start, end = parse_offset(row.start), parse_offset(row.end)
                found[start, row.who] = Slot(practitioner_id=row.who, service_id="visit", start=start, end=end)
            if not answer.truncated:
                return list(found.values())
            if len(found) == known:  # the same rows again: it would never end
                raise VendorProtocolError("nothing_new")
            begin, _ = max(found)  # what begins then comes again, and is the same

    # [onwards]


KARI, OLA = {"id": "1", "name": "Kari Prøve"}, {"id": "2", "name": "Ola Test"}
NEXT = "/v1/clinics/12/people?page=2"


def entry(person: dict[str, str]) -> dict[str, Any]:
    return {"resource": {"id": person["id"], "name": [{"text": person["name"]}]}}


VENDORS = [
    (Numbered, {"data": [KARI], "meta": {"last_page": 2}}, {"data": [OLA], "meta": {"last_page": 2}}),
    (Counted, {"items": [KARI], "total": 2}, {"items": [OLA], "total": 2}),
    (Cursored, {"items": [KARI], "paging": {"next": "abc"}}, {"items": [OLA], "paging": {"next": None}}),
    (Linked, {"items": [KARI], "next": NEXT}, {"items": [OLA]}),
    (
        Bundled,
        {"entry": [entry(KARI)], "link": [{"relation": "self", "url": "?"}, {"relation": "next", "url": NEXT}]},
        {"entry": [entry(OLA)], "link": [{"relation": "self", "url": "?"}]},
    ),
    (Posted, {"people": [KARI], "pages": 2}, {"people": [OLA], "pages": 2}),
]


@pytest.mark.parametrize(("adapter", "one", "two"), VENDORS, ids=lambda value: getattr(value, "__name__", "page"))
def test_all_pages_are_one_list(adapter: type[Invented], one: object, two: object) -> None:
    first, second = reply(200, json=one), reply(200, json=two)
    played = play(adapter, "catalogue", replies=[first, second, first])
    assert [who.name for who in played.result.practitioners] == ["Kari Prøve", "Ola Test"]


def test_what_all_lists_have_in_common_is_said_once() -> None:
    first, last = {"data": [KARI], "links": {"next": NEXT}}, {"data": [OLA], "links": {}}
    former: dict[str, Any] = {"data": [], "links": {}}
    replies = [reply(200, json=one) for one in (first, last, first, former)]
    played = play(AllAlike, "catalogue", replies=replies)
    assert [who.name for who in played.result.practitioners] == ["Kari Prøve", "Ola Test"]
    assert [one.params for one in played.requests][::3] == [(("size", "100"),), (("size", "100"), ("only", "former"))]


def test_rows_beside_the_list_are_told_apart_by_their_kind() -> None:
    doctors = [{"type": "doctor", "id": number, "attributes": {"name": name}} for number, name in enumerate("AB")]
    visit = {"type": "visit", "id": 7, "attributes": {"name": "Vurdering"}}
    first = {"data": doctors[:1], "included": [visit, {"type": "room", "id": 7}], "links": {"next": NEXT}}
    second = {"data": doctors[1:], "included": [visit], "links": {"next": None}}
    played = play(Beside, "catalogue", replies=[reply(200, json=one) for one in (first, second, first)])
    assert [one.name for one in played.result.practitioners] == ["A", "B"]
    assert [one.name for one in played.result.services] == ["Vurdering"]
    for odd in ({"type": "visit", "id": 8}, {"id": 8}):
        with pytest.raises(VendorProtocolError, match="wrong_shape"):
            play(Beside, "catalogue", replies=[reply(200, json={**second, "included": [odd]})])


def test_a_bundle_without_entries_has_no_rows() -> None:
    assert play(Bundled, "catalogue", replies=[reply(200, json={"link": []})]).result.practitioners == ()
    broken: tuple[dict[str, Any], ...] = ({"entry": {}}, {"link": [{"relation": "next"}]})
    for odd in broken:
        with pytest.raises(VendorProtocolError):
            play(Bundled, "catalogue", replies=[reply(200, json=odd)])


def test_rows_are_told_apart_by_a_word_that_stands_deeper() -> None:
    class One(WireModel):
        id: str = at("/resource/id")

    rows = [{"resource": {"kind": kind, "id": kind}} for kind in ("one", "strange")]
    either: Any = rows_by("/resource/kind", {"one": One})
    read = Response(reply(200, json=rows)).read(list[either])
    assert [type(row).__name__ for row in read] == ["One", "OtherRow"]


def test_a_link_in_a_header_is_followed() -> None:
    first, second = reply(200, json=[KARI], headers={"Link": f'<{NEXT}>; rel="next"'}), reply(200, json=[OLA])
    played = play(LinkedInHeader, "catalogue", replies=[first, second, first])
    assert len(played.result.practitioners) == 2


def test_the_page_is_asked_for_in_the_body() -> None:
    first, second = reply(200, json={"people": [KARI], "pages": 2}), reply(200, json={"people": [OLA], "pages": 2})
    played = play(Posted, "catalogue", replies=[first, second, first])
    asked = [request.json["arguments"] for request in played.requests]
    assert asked == [{"only": "active", "page": number} for number in (1, 2, 1)]


def times(*starts: str, truncated: bool) -> Any:
    rows = [
        {"who": who, "start": f"2026-12-01T{at}:00Z", "end": f"2026-12-01T{at}:30Z"} for at in starts for who in "12"
    ]
    return reply(200, json={"free": rows, "truncated": truncated})


def test_a_list_that_is_cut_off_is_asked_on_from_its_last_row() -> None:
    query = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2026, 12, 1), practitioner_ids=("1",))
    replies = [times("08", "09", truncated=True), times("09", "10", truncated=False)]
    played = play(Onward, "list_slots", query, replies=replies)
    assert [(slot.start.hour, slot.practitioner_id) for slot in played.result.found] == [
        (8, "1"), (8, "2"), (9, "1"), (9, "2"), (10, "1"), (10, "2"),
    ]  # fmt: skip
    asked = [dict(request.params) for request in played.requests]
    assert len({one["to"] for one in asked}) == 1, "each time to the end of the window"
    assert len({one["from"] for one in asked}) == len(asked) > 1
    again = [times("08", "09", truncated=True)] * 2
    with pytest.raises(VendorProtocolError, match="nothing_new"):
        play(Onward, "list_slots", query, replies=again)


# [one]
def test_the_vendor_is_asked_for_page_after_page() -> None:
    first = reply(200, json={"items": [{"id": "1", "name": "Kari Prøve"}], "paging": {"next": "abc"}})
    second = reply(200, json={"items": [{"id": "2", "name": "Ola Test"}], "paging": {"next": None}})
    played = play(Cursored, "catalogue", replies=[first, second, first])
    assert [who.id for who in played.result.practitioners] == ["1", "2"]
    assert played.requests[1].params == (("after", "abc"),)


# [end]
