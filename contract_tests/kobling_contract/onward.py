"""How a list goes on from one answer to the next: seen on the wire, and documented by the vendor's mock."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from kobling import WireReply, WireRequest
from kobling_mocks import Call
from kobling_mocks.dialect import Operation

from .answers import parsed
from .asks import fields_of, values_of
from .rig import Rig, WireCall

__all__ = ["LeftOff", "Onward", "documented", "goes_on", "in_pages", "left_off", "onward", "uncertain_lists"]

PAGING = frozenset({"page", "cursor", "offset", "skip", "limit", "side", "continuation"})
"""Words in the names of parameters by which a vendor's call is taken for one that answers in pages."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
LONG = 100
"""So many rows in one answer, where nothing came in two pages, leave open what the vendor does with more."""
NEAR = 20
"""So many earlier requests of a call are looked at: who reads several lists at once mixes them."""


Place: TypeAlias = tuple[str | int, ...]
"""The way to a value in an answer's body: names of members, and numbers of entries."""


@dataclass(frozen=True)
class Onward:
    """Where an answer says how its list goes on: a place in its body, or the `Link` header (None), and what it said."""

    place: Place | None
    value: str
    is_link: bool


def onward(first: WireCall, second: WireCall) -> Onward | None:
    """What of the first answer stands in the second request; None where the caller went on by itself."""
    if not isinstance(first.outcome, WireReply):
        return None
    here, there = urlsplit(first.request.url), urlsplit(second.request.url)
    if _leads_to(first.outcome.header("link") or "", second.request.url):
        return Onward(None, second.request.url, is_link=True)
    new = set(_asked(second.request).values()) - set(_asked(first.request).values())
    relative = urlunsplit(("", "", there.path, there.query, ""))
    for place, value in _texts(parsed(first.outcome), ()):
        if unquote(value) in (unquote(second.request.url), unquote(relative)) and there.path == here.path:
            return Onward(place, value, is_link=True)
        if value in new and len(value) > 5 and there.path == here.path:
            return Onward(place, value, is_link=False)
    return None


def _leads_to(answer: str, url: str) -> bool:
    """Whether an answer holds an address, however it writes what an address has to encode: `page[after]=…`."""
    return unquote(url) in unquote(answer)


def _texts(data: Any, place: Place) -> list[tuple[Place, str]]:
    """The texts of an answer with their places; of a list only the targets of links that are named."""
    if isinstance(data, dict):
        return [one for name, inner in data.items() for one in _texts(inner, (*place, name))]
    if isinstance(data, list):
        return [((*place, number, target), link[target])
                for number, link in enumerate(data) if _relation(link)
                for target in ("url", "href") if isinstance(link.get(target), str)]  # fmt: skip
    return [(place, data)] if isinstance(data, str) else []


def _relation(link: Any) -> str:
    """The relation by which an entry of a list of links is named, as `next`; "" for anything else."""
    named = link.get("relation", link.get("rel")) if isinstance(link, dict) else None
    return named if isinstance(named, str) else ""


def _told(data: Any, place: Place) -> str:
    """A place as people read it, with a link's relation instead of its number: `links.next`."""
    parts = []
    for step in place:
        inner = data[step]
        parts.append(str(step) if isinstance(step, str) else _relation(inner))
        if isinstance(step, int):
            break
        data = inner
    return ".".join(parts)


@dataclass(frozen=True)
class LeftOff:
    """An answer that says how its list goes on, where nobody went. number: its call in the journal. place: the member
    of the answer that says so, or the header."""

    number: int
    place: str

    def __str__(self) -> str:
        return f"answer {self.number} says where the list goes on ({self.place}), and no call went there"


ONWARD = frozenset({"next", "cursor", "continuation"})
BACK = frozenset({"prev", "previous", "first", "last", "self"})
"""Words in the names of members that lead on from an answer, and of those that don't."""
PAGE_OF = (("page", "current_page", "currentPage"), ("pages", "last_page", "lastPage", "total_pages", "totalPages"))
"""Names of members that tell the page that an answer is, and how many there are."""
_NEXT = re.compile(r'<([^>]*)>\s*;[^,<]*\brel="?next\b')


def left_off(wire: Sequence[WireCall]) -> LeftOff | None:
    """The last answer of a reading that says how its list goes on without anybody having gone there: by a link, by a
    value in a member that is named as a way on or was one in another answer, or as page 1 of 2. None where there is
    nothing such."""
    known = {goes.place for one, other in pairwise(wire) if (goes := onward(one, other)) is not None and goes.place}
    requests = [one.request for one in wire]
    found = None
    for one in wire:
        for place, value in _ways_on(one, known):
            if not any(_went(value, one.request, request) for request in requests):
                found = LeftOff(one.number, place)
                break
    return found


def _went(way: str, here: WireRequest, request: WireRequest) -> bool:
    """Whether a request went where an answer to another one leads: it holds the value, or asks for what the link asks
    for, in whatever order and with whatever more."""
    asked = _asked(request)
    if way in (request.url, *asked.values()):
        return True
    link = urlsplit(way)
    path = unquote(link.path or urlsplit(here.url).path).lstrip("/")
    leads = parse_qsl(link.query)
    there = unquote(urlsplit(request.url).path).endswith(path)
    return bool(leads) and there and all(asked.get(name) == to for name, to in leads)


def _ways_on(one: WireCall, known: Collection[Place]) -> Iterator[tuple[str, str]]:
    """Where an answer says how its list goes on, and what it says."""
    if not isinstance(one.outcome, WireReply) or not 200 <= one.outcome.status < 300:
        return
    for url in _NEXT.findall(one.outcome.header("link") or ""):
        yield "Link, rel=next", url
    data = parsed(one.outcome)
    for place, value in _texts(data, ()):
        name = _told(data, place)
        words = set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
        if value and (place in known or (words & ONWARD and not words & BACK)):
            yield name, value
    for holder in (data, *data.values()) if isinstance(data, dict) else ():
        if isinstance(holder, dict):
            here, last = (next((holder[name] for name in names if name in holder), None) for names in PAGE_OF)
            if isinstance(here, int) and isinstance(last, int) and here < last:
                yield f"page {here} of {last}", str(here + 1)


def in_pages(rig: Rig, calls: Iterable[Call], wire: Iterable[WireCall]) -> frozenset[str]:
    """The vendor's calls that were seen to go on with the same list."""
    sent = {one.number: one for one in wire}
    clinic = rig.clinic
    own = [one.id for one in clinic.timebooks] + [one.id for one in clinic.types]
    ids = set(map(rig.wire_id, [*own, *(one.id for one in clinic.departments)]))
    by_name: dict[str, list[WireCall]] = {}
    found = set()
    for call in calls:
        one, name = sent.get(call.number), call.operation or ""
        if one is None or name in found:
            continue
        earlier = by_name.setdefault(name, [])
        if any(goes_on(ids, before, one) for before in earlier[-NEAR:]):
            found.add(name)
        earlier.append(one)
    return frozenset(found)


def goes_on(ids: Collection[str], first: WireCall, second: WireCall) -> bool:
    """Whether the second request asks for the next page of what the first one asked for: by a link that it gave, or by
    one new value that is no day and no id of the clinic's, and was told in the answer or is a number that has grown."""
    if not isinstance(first.outcome, WireReply):
        return False
    before, after = _asked(first.request), _asked(second.request)
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    here, there = urlsplit(first.request.url), urlsplit(second.request.url)
    answer = f"{first.outcome.header('link')} {first.outcome.body.decode('utf-8', 'replace')}".replace("\\/", "/")
    if changed and _leads_to(answer, second.request.url):
        return True
    if here.path != there.path or len(changed) != 1 or not before.keys() <= after.keys():
        return False
    ((name, value),) = changed.items()
    if _DAY.match(value):
        return False
    old = before.get(name, "0")
    grown = value.isdecimal() and old.isdecimal() and int(value) > int(old)
    return (grown and (_pages(name) or value not in ids)) or (f'"{value}"' in answer and value not in ids)


def _asked(request: WireRequest) -> dict[str, str]:
    """What a request asks for, by name: its query, and the plain values of its body."""
    return {name: str(value) for name, value in values_of(request) if isinstance(value, str | int)}


def _pages(name: str) -> bool:
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    return bool(PAGING & set(words))


def _documented(operation: Operation) -> bool:
    """Whether the vendor documents that a call answers in pages."""
    models = [model for model in (operation.query, operation.body) if model is not None]
    return not operation.writes and any(
        _pages(name) for model in models for one in fields_of(model) for name in one.names
    )


def documented(rig: Rig) -> frozenset[str]:
    """The vendor's calls that answer in pages, by their documentation."""
    return frozenset(one.name for one in rig.mock.dialect.operations if _documented(one))


def uncertain_lists(rig: Rig, calls: Iterable[Call], wire: Iterable[WireCall]) -> dict[str, int]:
    """Calls that are documented to answer in pages, answered with a long list at once, and were never seen in two
    pages; each with the rows of its longest answer."""
    calls, wire = tuple(calls), tuple(wire)
    asked = documented(rig) - in_pages(rig, calls, wire)
    sent = {one.number: one for one in wire}
    rows: dict[str, int] = {}
    for call in calls:
        if call.operation in asked and call.number in sent:
            rows[call.operation] = max(rows.get(call.operation, 0), _rows(sent[call.number]))
    return {name: count for name, count in rows.items() if count >= LONG}


def _rows(call: WireCall) -> int:
    """How long the longest list of an answer is."""
    return _longest(parsed(call.outcome))


def _longest(data: Any) -> int:
    if isinstance(data, dict):
        return max((_longest(one) for one in data.values()), default=0)
    return len(data) if isinstance(data, list) else 0
