"""An exchange as a report shows it: what was sent and what came back, without a key and without a patient.

What was sent is the journal's: there a digest stands for everything that an operation does not list as harmless. What
came back is the answer as it reached the adapter. There a text stays when it holds nothing of anybody's: no key, no
part of a patient's name, no e-mail, phone number, birth date or national id in any usual spelling. Everybody in a
mock's clinic is known, so that this can be decided; a digest is the same for the same text throughout one exchange.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any, cast

from kobling import WireFailure, WireReply
from kobling_mocks import Call
from kobling_mocks.faults import KINDS, FaultKind
from kobling_mocks.journal import Effect

from .marks import marks_in, spans, words_in
from .rig import NEXT_PATIENT, PATIENT, SAK_ID, Rig

__all__ = ["Personal", "told"]

MOST_CALLS = 6
LAST_CALLS = 4
MOST_ROWS = 2
MOST_MARKED_ROWS = 6
MOST_TEXT = 120
MOST_ANSWER = 1200
SHORTEST_TOKEN = 8
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EFFECTS: Mapping[Effect, str] = {
    "none": "nothing was changed at the vendor",
    "done": "something was changed at the vendor",
    "later": "something is changed at the vendor later",
}
_WORD = re.compile(r"[^\W\d_]{3,}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_BIRTH_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%Y%m%d", "%d%m%Y", "%d%m%y")


class Personal:
    """What belongs to somebody in a rig's world: words of names, and other texts that no report may hold."""

    def __init__(self, rig: Rig) -> None:
        self._digest = rig.world.journal.digest
        accounts = list(rig.world.accounts.values())
        self._tokens = _tokens(rig)
        self._texts = {key.casefold() for account in accounts for key in rig.mock.dialect.keys(account)}
        self._texts.add(SAK_ID.value.casefold())
        self._words: set[str] = set()
        for ours in (PATIENT, NEXT_PATIENT):
            self._add(ours.name, ours.email, ours.phone, ours.national_id, ours.birth_date)
        for account in accounts:
            for one in account.clinic.patients:
                self._add(one.name, one.email, one.phone, one.national_id, one.birth_date)

    def _add(
        self, name: str | None, email: str | None, phone: str | None, national_id: str | None, born: date | None
    ) -> None:
        own_part = (email or "").partition("@")[0]
        self._words |= {word.casefold() for word in _WORD.findall(f"{name or ''} {own_part}")}
        self._texts |= {text.casefold() for text in (email, national_id, (phone or "")[-8:]) if text}
        if born is not None:
            self._texts |= {born.strftime(form) for form in _BIRTH_DATES}

    def stands_in(self, text: str) -> bool:
        """Whether a text holds anything of anybody's."""
        folded = text.casefold()
        close = re.sub(r"[\s+().-]", "", folded)
        return bool(self._words & set(_WORD.findall(folded))) or any(
            one in folded or one in close for one in self._texts | self._tokens
        )

    def without(self, text: str) -> str:
        """The text, or its length and digest."""
        if self.stands_in(text):
            return f"{len(text)} characters {self._digest(text)}"
        return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]} … ({len(text)} characters)"

    def shape(self, value: Any, marks: Sequence[str] = (), depth: int = 0) -> Any:
        """Parsed JSON with harmless texts in it; of a list the rows in which a mark stands, or the first; of what is
        too deep nothing."""
        if isinstance(value, str):
            return self.without(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value if not self.stands_in(repr(value)) and abs(value) < 10**12 else self.without(repr(value))
        if isinstance(value, dict | list) and depth > 8:
            return "…"
        if isinstance(value, dict):
            return {self.without(str(name)): self.shape(inner, marks, depth + 1) for name, inner in value.items()}
        if isinstance(value, list):
            rows: list[Any] = []
            after = 0
            for number in _telling(value, marks):
                rows += [f"… {number - after} more"] if number > after else []
                rows.append(self.shape(value[number], marks, depth + 1))
                after = number + 1
            return rows + ([f"… {len(value) - after} more"] if after < len(value) else [])
        return value


def _telling(rows: Sequence[Any], marks: Sequence[str]) -> Sequence[int]:
    """The numbers of the rows that are shown: those that hold most of the marks which not all of them hold, or the
    first."""
    if len(rows) > MOST_ROWS and marks:
        texts = [json.dumps(row, ensure_ascii=False) for row in rows]
        rare = [mark for mark in marks if 0 < sum(_holds(text, mark) for text in texts) < len(rows)]
        held = [sum(_holds(text, mark) for mark in rare) for text in texts]
        if rare:
            return [number for number, count in enumerate(held) if count == max(held)][:MOST_MARKED_ROWS]
    return range(min(len(rows), MOST_ROWS))


def _holds(text: str, mark: str) -> bool:
    """Whether a mark stands in a row: as a whole value, or as the day of a time."""
    return mark in text if _DAY.fullmatch(mark) else next(spans(text, [mark]), None) is not None


def _rows_only(value: Any, marks: Sequence[str]) -> Any:
    """An answer that is too long, without what stands beside its longest list of rows and holds no mark: the links and
    the counts of a page."""
    if not isinstance(value, dict):
        return value
    lists = [
        name for name, inner in value.items() if isinstance(inner, list) and any(isinstance(row, dict) for row in inner)
    ]
    if not lists:
        return value
    rows = max(lists, key=lambda name: len(json.dumps(value[name])))
    return {
        name: "…" if name != rows and isinstance(inner, dict | list) and not _marked(inner, marks) else inner
        for name, inner in value.items()
    }


def _marked(value: Any, marks: Sequence[str]) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    return any(_holds(text, mark) for mark in marks)


def _tokens(rig: Rig) -> set[str]:
    """What was sent where a key goes, be it a key or a token that the vendor gave for one."""
    places = rig.mock.dialect.credential_headers | {"authorization"}
    sent = {
        value.rpartition(" ")[2]
        for one in (*rig.wire, *rig.heard)
        for name, value in one.request.headers
        if name.lower() in places
    }
    return {text.casefold() for text in sent if len(text) >= SHORTEST_TOKEN}


def _lengths(value: Any) -> Any:
    """The shape of an answer that holds a secret: how long each text in it is."""
    if isinstance(value, dict):
        return {name: _lengths(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_lengths(inner) for inner in value[:MOST_ROWS]]
    return f"{len(value)} characters" if isinstance(value, str) else value


def told(rigs: Sequence[Rig], calls: Iterable[Call], said: str = "") -> str:
    """The calls with their answers. Without calls: the last ones of the world that was used last. said: what is told
    beside them; of a long answer the part is shown in which a value of it stands, or else a word."""
    chosen = list(calls)
    lines: list[str] = []
    if not chosen:
        chosen = _last(rigs)
        lines = ["the last calls before the judgement:" if chosen else "no call was made"]
    runs = list(_runs(chosen, rigs))
    left_out = len(runs) - MOST_CALLS
    for number, (run, rig) in enumerate(runs):
        if left_out > 0 and 0 < number <= left_out:
            omitted = sum(len(other) for other, _ in runs[1 : left_out + 1])
            lines += [f"… {omitted} calls left out"] if number == 1 else []
            continue
        lines += _call(run[0], rig, said)
        lines += [f"   the same again: {_numbers(run[1:])}"] if run[1:] else []
    return "\n".join(lines)


def _last(rigs: Sequence[Rig]) -> list[Call]:
    used = [rig.received for rig in rigs if rig.received]
    return list(used[-1][-LAST_CALLS:]) if used else []


def _runs(calls: Iterable[Call], rigs: Sequence[Rig]) -> Iterator[tuple[list[Call], Rig | None]]:
    """The calls with their worlds; those that follow one another and can't be told apart together."""
    run: list[Call] = []
    before: tuple[Rig | None, object] | None = None
    for call in calls:
        rig = next((one for one in rigs if call in one.received), None)
        arrived = rig.arrived(call.number) if rig is not None else None
        same = (rig, (replace(call, number=0, at=EPOCH), arrived))
        if run and same != before and before is not None:
            yield run, before[0]
            run = []
        run.append(call)
        before = same
    if run and before is not None:
        yield run, before[0]


def _numbers(calls: Sequence[Call]) -> str:
    return str(calls[0].number) if len(calls) == 1 else f"{len(calls)} calls, {calls[0].number} to {calls[-1].number}"


def _call(call: Call, rig: Rig | None, said: str) -> Iterator[str]:
    query = "?" + "&".join(f"{name}={value}" for name, value in call.query) if call.query else ""
    yield f"{call.number}. {call.method} {call.path}{query} ({_named(call, rig)})"
    if call.body is not None:
        yield f"   sent: {_json(call.body)}"
    if call.fault:
        kind = KINDS[cast(FaultKind, call.fault)]
        where = "after" if call.fault_when == "after_commit" else "before"
        yield f"   the suite struck this call {where} the vendor did its part ({call.fault}): {kind.what}"
    did = f"; {EFFECTS[call.effect]}" if rig is None or rig.writing([call]) else ""
    outcome = rig.arrived(call.number) if rig is not None else None
    if rig is not None and rig.spoiled(call.number):
        yield "   the suite changed the answer on its way to the adapter"
    status = None if outcome is None or isinstance(outcome, WireFailure) else outcome.status
    answered = status is not None and status == call.status and not call.fault
    zone = rig.tz if rig is not None else None
    if not answered:
        yield f"   the vendor {f'answered {call.status}' if call.status is not None else 'did not see it'}{did}"
    if isinstance(outcome, WireFailure):
        yield f"   what reached the adapter: nothing ({outcome.kind})"
    elif outcome is not None and rig is not None:
        body = _token_answer(outcome) if _signs_in(rig, call) else _body(outcome, Personal(rig), said, zone)
        yield f"   answered: {status}{did}, {body}" if answered else f"   what reached the adapter: {status} {body}"
    for finding in call.findings:
        yield f"   finding: {finding.text} ({finding.code} at {finding.where})"


def _named(call: Call, rig: Rig | None) -> str:
    """The vendor's name of a call, and whose it is: the adapter's operation where that is certain, else the call of a
    session on whose behalf it was made."""
    name = call.operation or "no operation of this vendor"
    asked = rig.asked(call.number) if rig is not None else ""
    if rig is None or not asked:
        return name
    if _signs_in(rig, call):
        return f"{name}; your sign_in"
    # within a booking a patient may be put on file, a time be held, and a booking that overlaps be withdrawn
    others = rig.adapter.supports & {"register_patient", "hold_slot"}
    plain = not others and rig.adapter.limits.booking.overlap == "refused"
    alone = asked == "cancel" or (asked == "book" and plain)
    return f"{name}; {f'your {asked}' if alone and rig.writing([call]) else f'in session.{asked}'}"


def _signs_in(rig: Rig, call: Call) -> bool:
    return any(one.name == call.operation and one.signs_in for one in rig.mock.dialect.operations)


def _token_answer(reply: WireReply) -> str:
    """A token is shown nowhere, also where nobody has used it yet."""
    try:
        return _json(_lengths(json.loads(reply.body)))
    except (ValueError, RecursionError):
        return f"{len(reply.body)} bytes that are not JSON"


def _body(reply: WireReply, personal: Personal, said: str, zone: tzinfo | None) -> str:
    if not reply.body:
        return "without a body"
    try:
        values = marks_in(said, zone)
        answer = json.dumps(json.loads(reply.body), ensure_ascii=False)
        marks = values if next(spans(answer, values), None) else words_in(said)
        shaped = personal.shape(json.loads(reply.body), marks)
        long = len(json.dumps(shaped, ensure_ascii=False)) > MOST_ANSWER
        return _json(_rows_only(shaped, marks) if long else shaped, marks)
    except (ValueError, RecursionError):
        text = " ".join(reply.body.decode("utf-8", "replace").split())
        if personal.stands_in(text):
            return f"{len(reply.body)} bytes that are not JSON and hold something of a patient's"
        return f"{len(reply.body)} bytes that are not JSON: {personal.without(text)}"


def _json(value: Any, marks: Sequence[str] = ()) -> str:
    """JSON as text; of a long one the beginning, or what stands around the mark that it has least often."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= MOST_ANSWER:
        return text
    found = [places for mark in marks if (places := [start for start, _ in spans(text, [mark])])]
    place = min(found, key=len)[0] if found else 0
    start = max(0, min(place - MOST_ANSWER // 2, len(text) - MOST_ANSWER))
    end = start + MOST_ANSWER
    shown = f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"
    return f"{shown} ({MOST_ANSWER} of {len(text)} characters)"
