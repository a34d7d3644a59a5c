"""Words and numbers of a vendor's that nobody knows, in the place of those that its mock has for something."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from kobling import WireFailure, WireReply, WireRequest

from .answers import parsed
from .rig import Mark, Rig, Spoil, WireCall

__all__ = [
    "UNKNOWN_MEMBER", "UNKNOWN_WORD", "answered_otherwise", "codes_of_several", "codes_since", "in_place_of",
    "unknown_of", "where_they_stand", "with_a_member_more", "words_since",
]  # fmt: skip

UNKNOWN_WORD = "ukjent_ord"
UNKNOWN_NUMBER = "97"
UNKNOWN_MEMBER = "ny_i_2027"
_WORD = re.compile(r'[:\[,]\s*"([A-Za-z_ -]{2,40})"(?!\s*:)')
"""A word of letters that stands as a value in JSON, and is no field's name."""
_CODE = re.compile(r'"(\w{1,40})"\s*:\s*"?([0-9]{1,3})"?(?=\s*[,}\]])')
"""A field's name with a small number as its value: where vendors have numbers for words."""


def words_since(rig: Rig, mark: Mark, *, to_writes: bool = False) -> frozenset[str]:
    """The words that the answers since then hold as values. What differs between two worlds that differ in one thing
    is the vendor's word for it. to_writes: only answers to calls that can change something."""
    writes = {call.number for call in rig.writing(rig.since(mark))}
    sent = [one for one in rig.sent_since(mark) if not to_writes or one.number in writes]
    bodies = [one.outcome.body for one in sent if isinstance(one.outcome, WireReply)]
    return frozenset(word for body in bodies for word in _WORD.findall(body.decode("utf-8", "replace")))


def codes_since(rig: Rig, mark: Mark) -> frozenset[str]:
    """As `words_since`, but fields with a small number: each as the text `"state": 3`."""
    bodies = [one.outcome.body for one in rig.sent_since(mark) if isinstance(one.outcome, WireReply)]
    found = [pair for body in bodies for pair in _CODE.findall(body.decode("utf-8", "replace"))]
    return frozenset(f'"{name}": {number}' for name, number in found)


def codes_of_several(codes: Iterable[str]) -> frozenset[str]:
    """Those whose field has several numbers among them: a flag, or a count of changes, has one."""
    by_name: dict[str, set[str]] = {}
    for code in codes:
        by_name.setdefault(code.split(":")[0], set()).add(code)
    return frozenset[str]().union(*(those for those in by_name.values() if len(those) > 1))


def in_place_of(known: Iterable[str], word: str = UNKNOWN_WORD) -> Spoil:
    """Puts a word, by default one that nobody knows, in the place of these, in every answer; in the place of codes
    (`"state": 3`) a number that nobody knows."""
    known = frozenset(known)
    codes = [code.split(": ") for code in known if code.startswith('"')]
    each = "|".join(rf'{re.escape(name)}\s*:\s*"?{number}(?![0-9.])' for name, number in codes)
    words = frozenset(one for one in known if not one.startswith('"'))
    return partial(_strange, words, word, re.compile(each.encode()) if each else None)


def unknown_of(known: Collection[str]) -> str:
    """What `in_place_of` puts in the place of these."""
    return UNKNOWN_NUMBER if known and all(one.startswith('"') for one in known) else UNKNOWN_WORD


def _strange(
    known: frozenset[str], other: str, codes: re.Pattern[bytes] | None, _: WireRequest, outcome: WireReply | WireFailure
) -> WireReply | WireFailure:
    if not isinstance(outcome, WireReply):
        return outcome
    body = outcome.body
    for word in known:
        body = body.replace(f'"{word}"'.encode(), f'"{other}"'.encode())
    if codes is not None:
        body = codes.sub(lambda found: re.sub(rb"[0-9]+$", UNKNOWN_NUMBER.encode(), found[0]), body)
    return WireReply(outcome.status, outcome.headers, body)


def answered_otherwise(names: Collection[str], instead: Mapping[str, str]) -> Spoil:
    """Puts a value in the place of each of these, in every answer to or about what one of the names stands for: a
    booking by its id or reference."""
    each = "|".join(re.escape(one) for one in sorted(instead, key=len, reverse=True))
    return partial(_otherwise, frozenset(names), re.compile(rf"(?<![0-9A-Za-z])(?:{each})(?![0-9a-z])"), instead)


def _otherwise(
    names: frozenset[str],
    known: re.Pattern[str],
    instead: Mapping[str, str],
    request: WireRequest,
    outcome: WireReply | WireFailure,
) -> WireReply | WireFailure:
    if not isinstance(outcome, WireReply):
        return outcome
    body = outcome.body.decode("latin-1")  # whatever its charset is: ids and times are ASCII, and the rest stays
    if not any(name in f"{request.url} {body}" for name in names):
        return outcome
    changed = known.sub(lambda found: instead[found[0]], body)
    return WireReply(outcome.status, outcome.headers, changed.encode("latin-1"))


Place = tuple[str, ...]
"""The names of members that lead to a value in JSON, lists left out."""


def where_they_stand(known: Collection[str], calls: Iterable[WireCall]) -> Spoil:
    """Puts a word that nobody knows in the place of every text, in every answer, that stands where one of these stands
    in the answers to the calls."""
    places: set[Place] = set()
    for call in calls:
        places |= {place for place, text in _texts(parsed(call.outcome), ()) if text in known}
    return partial(_strange_at, frozenset(places))


def _texts(data: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(data, dict):
        for name, one in data.items():
            yield from _texts(one, (*place, name))
    elif isinstance(data, list):
        for one in data:
            yield from _texts(one, place)
    elif isinstance(data, str):
        yield place, data


def _strange_at(places: Collection[Place], _: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
    if not isinstance(outcome, WireReply):
        return outcome
    try:
        data = _renamed(json.loads(outcome.body), (), places)
    except ValueError:
        return outcome
    return WireReply(outcome.status, outcome.headers, json.dumps(data, ensure_ascii=False).encode())


def _renamed(data: Any, place: Place, places: Collection[Place]) -> Any:
    if isinstance(data, dict):
        return {name: _renamed(one, (*place, name), places) for name, one in data.items()}
    if isinstance(data, list):
        return [_renamed(one, place, places) for one in data]
    return UNKNOWN_WORD if isinstance(data, str) and place in places else data


def with_a_member_more(_: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
    """Puts a member that nobody knows into every object of a JSON answer that has named fields."""
    data = parsed(outcome)
    if not isinstance(outcome, WireReply) or data is None:
        return outcome
    return WireReply(outcome.status, outcome.headers, json.dumps(_with_more(data), ensure_ascii=False).encode())


def _with_more(data: Any) -> Any:
    if isinstance(data, list):
        return [_with_more(one) for one in data]
    if not isinstance(data, dict):
        return data
    more = {name: _with_more(one) for name, one in data.items()}
    return more if _is_a_table(data) else {**more, UNKNOWN_MEMBER: UNKNOWN_WORD}


def _is_a_table(data: Mapping[str, Any]) -> bool:
    """Whether an object's names may be data, such as ids or weekdays: names with digits, or several values of one kind
    that are no plain ones."""
    kinds = {type(one) for one in data.values()}
    alike = len(data) > 1 and len(kinds) == 1 and kinds <= {dict, list}
    return alike or any(re.search(r"[0-9]", name) for name in data)
