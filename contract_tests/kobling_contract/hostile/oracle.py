"""What must hold of every replay, whatever the vendor answered. Each claim is a function that finds what breaks it.

The claims lean on the contract alone: on what came out, on what was sent, and on the answers themselves. None knows
how an adapter reads, or how any fault looks.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, quote_plus, urlsplit

from pydantic import BaseModel, ValidationError

from kobling import (
    AdapterBug,
    Booking,
    Bookings,
    Cancelled,
    Catalogue,
    ErrorMap,
    KoblingError,
    Operation,
    Response,
    Slot,
    SlotQuery,
    Slots,
    WireReply,
    WireRequest,
)
from kobling.errormap import NEVER_CERTAIN
from kobling.http import find
from kobling.localtime import day_bounds

from ..leaks import Canaries, told_by_error
from ..rig import PATIENT, SAK_ID
from .mutations import Case
from .recording import Recording, Script
from .replay import Ended, may_have_left

__all__ = ["AREAS", "Breach", "Judge", "alike", "refused_in_part"]

AREAS: Final[Mapping[str, str]] = {
    "crashed": "FUZZ-01",
    "foreign_error": "FUZZ-01",
    "did_not_end": "FUZZ-02",
    "left": "FUZZ-03",
    "key_in_url": "FUZZ-03",
    "patient_in_url": "FUZZ-03",
    "wrote": "FUZZ-03",
    "sent_again": "FUZZ-03",
    "told_not_done": "FUZZ-04",
    "told_done": "FUZZ-04",
    "told": "FUZZ-05",
    "invalid": "FUZZ-06",
    "misread": "FUZZ-06",
    "outside": "FUZZ-06",
    "digits_lost": "FUZZ-06",
    "silent_gap": "FUZZ-06",
}
"""By cause: the rule that it breaks."""
IN_TWO_STEPS: Final[tuple[Operation, ...]] = ("register_patient", "hold_slot", "release_slot", "book", "cancel")
"""What the SDK calls for a move that can't be made in one step."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A claim that does not hold. Neither `expected` nor `got` holds a value of the vendor's."""

    cause: str
    expected: str
    got: str


class Judge:
    """Holds replays of one recording against every claim."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._adapter = recording.adapter
        fields = self._adapter.patient_fields
        texts = {name: str(getattr(PATIENT, name)) for name in type(PATIENT).model_fields if getattr(PATIENT, name)}
        hidden = [text for name, text in texts.items() if name not in fields.in_url]
        self._key = _any_of([recording.key])
        self._patient = _any_of([*hidden, SAK_ID.value])
        self._canaries = Canaries.of(recording.key, PATIENT, sak_id=SAK_ID.value)
        self._private = tuple(texts.values())
        self._may_send: dict[str, frozenset[tuple[str, bool]]] = {}
        self._secret = {told: _any_of(list(self._known(told))) for told in (True, False)}

    def planted(self, operation: str) -> tuple[str, ...]:
        """What no error of an operation may hold, also where the vendor says it: what the SDK was given itself."""
        return self._known(operation in TELLS_OF_THE_PATIENT)

    def hushed(self, change: object) -> str:
        """A change as a text that anybody may read."""
        return self._secret[True].sub("…", str(change))

    def _known(self, patient: bool) -> tuple[str, ...]:
        return (self._recording.key, *self._private, SAK_ID.value) if patient else (self._recording.key,)

    def breach(self, script: Script, case: Case, ended: Ended, again: Callable[[Any], Ended]) -> Breach | None:
        """The first claim that a replay breaks; None when all hold. again: replays with other changes."""
        for claim in (self._ends, self._contract_error, self._sent, self._outcome, self._told):
            found: Breach | None = claim(script, case, ended)
            if found is not None:
                return found
        if not ended.accepted:
            return None
        same = alike(ended.value, script.result)
        if not same:
            found = self._value(script, ended) or self._silent_gap(ended)
            if found is not None:
                return found
        if any(command.write for command in ended.sent):  # after a write an unread answer may be made good by reading
            return None
        return self._reading(script, case, ended, again, same=same)

    # ---- FUZZ-01, FUZZ-02

    def _ends(self, _script: Script, _case: Case, ended: Ended) -> Breach | None:
        return Breach("did_not_end", "an end, after a bounded number of calls", str(ended)) if ended.stuck else None

    def _contract_error(self, _script: Script, _case: Case, ended: Ended) -> Breach | None:
        if ended.escaped:
            return Breach("foreign_error", "an error of the contract", str(ended))
        error = ended.error
        if error is not None and (isinstance(error, AdapterBug) or _is_pythons(error.because)):
            return Breach("crashed", "the answer is read, or refused as the vendor's error", str(ended))
        return None

    # ---- FUZZ-03

    def _sent(self, script: Script, case: Case, ended: Ended) -> Breach | None:
        planted = any(one.name == "planted" for one in case.changes)
        methods = self._methods(script, case.operation)
        writes: dict[tuple[str, str, bytes], int] = {}
        for number, command in enumerate(ended.sent):
            request = command.request
            if not request.url.startswith(self._recording.bases):
                return Breach(
                    "left", f"requests to {' and '.join(self._recording.bases)}", "a request to another address"
                )
            if (request.method, command.write) not in methods and not _follows_a_write(ended, number):
                kind = "write" if command.write else "read"
                return Breach("wrote", _told_methods(methods), f"{request.method} as a {kind}")
            if not planted and self._key.search(request.url):
                return Breach("key_in_url", "no key in an address", f"the key in the address of a {request.method}")
            if not planted and self._patient.search(request.url):
                return Breach(
                    "patient_in_url", "no patient in an address", f"the patient in the address of a {request.method}"
                )
            if command.write and not self._takes_back(script, request):
                key = (request.method, request.url, request.body)
                before = writes.get(key)
                if before is not None and case.operation in ("book", "register_patient") and _left(ended, before):
                    return Breach(
                        "sent_again",
                        "the write is sent once",
                        f"the same {request.method} as call {before + 1} and {number + 1}",
                    )
                writes[key] = number
        return None

    def _takes_back(self, script: Script, request: WireRequest) -> bool:
        """Whether a write gives a booking up that was made before, as the SDK may do twice: it is none of the calls
        that make one, and of a method that the recorded cancel has."""
        cancel = self._recording.scripts.get("cancel")
        made = {urlsplit(one.request.url).path for one in script.exchanges if one.write}
        methods = {one.request.method for one in cancel.exchanges if one.write} if cancel is not None else set()
        return request.method in methods and urlsplit(request.url).path not in made

    def _methods(self, script: Script, operation: str) -> frozenset[tuple[str, bool]]:
        """The methods that an operation may send, and as a write or not."""
        found = self._may_send.get(operation)
        if found is None:
            scripts = self._recording.scripts
            steps = IN_TWO_STEPS if operation == "reschedule" else ()
            ways = [script, *(scripts[name] for name in steps if name in scripts)]
            known = {(one.request.method, one.write) for way in ways for one in way.exchanges}
            found = self._may_send[operation] = frozenset(known | {("GET", False)})
        return found

    # ---- FUZZ-04

    def _outcome(self, script: Script, _case: Case, ended: Ended) -> Breach | None:
        """After the write: what is told agrees with what the answer to it can mean."""
        made = [number for number, command in enumerate(ended.sent) if command.write]
        own = [number for number in made if _is_main(script, ended.served[number][0])]
        if not own or len(made) > len(own):  # nothing was written, or something was taken back afterwards
            return None
        number = own[-1]
        answer = ended.served[number][1]
        if ended.error is not None:
            if ended.error.effect == "none" and not self._refused(answer) and not _says_declined(ended, number):
                said = f"status {answer.status}" if isinstance(answer, WireReply) else answer.kind
                return Breach(
                    "told_not_done", f"OutcomeUnknown, or done, after {said} in answer to the write", str(ended)
                )
            return None
        if ended.accepted and len(ended.sent) == number + 1:
            good = isinstance(answer, WireReply) and 200 <= answer.status < 300
            gone = isinstance(ended.value, Cancelled) and self._refused(answer)  # what is not there is cancelled
            if not good and not gone:
                return Breach(
                    "told_done", "OutcomeUnknown: the answer to the write does not say that it was done", str(ended)
                )
        if isinstance(ended.value, Booking) and not self._stands_in(ended.value.id, ended):
            return Breach(
                "told_done",
                "a booking with an id out of the vendor's answer",
                "a booking with an id that no answer holds",
            )
        return None

    def _refused(self, answer: Any) -> bool:
        """Whether an answer to a write can be a refusal of the vendor's that the adapter lists, so that it is certain
        that nothing was changed."""
        if not isinstance(answer, WireReply):
            return not may_have_left(answer)
        table = self._adapter.errors
        if answer.status in NEVER_CERTAIN:
            return False
        listed = {key[1] if isinstance(key, tuple) else key for key in table.codes}
        if _code(table, answer) in listed:
            return True
        statuses = {key[1] if isinstance(key, tuple) else key for key in table.statuses}
        return answer.status in statuses or answer.status in CERTAIN

    def _stands_in(self, text: str, ended: Ended) -> bool:
        runs = [run for run in re.findall(r"[A-Za-z0-9]+", text) if len(run) > 3] or [text]
        if not text.isascii():
            return True
        answers = [answer for _, answer in ended.served if isinstance(answer, WireReply)]
        return any(all(run.encode() in one.body for run in runs) for one in answers) or any(
            all(run in str(_data(one)) for run in runs) for one in answers
        )

    # ---- FUZZ-05

    def _told(self, _script: Script, case: Case, ended: Ended) -> Breach | None:
        error = ended.error
        if error is None:
            return None
        tells = case.operation in TELLS_OF_THE_PATIENT
        facts = {name: str(fact) for name, fact in vars(error).items() if fact and name not in BOOKINGS}
        secret = self._secret[tells]
        anywhere = secret.search("\n".join(facts.values())) is not None
        held = [name for name, text in facts.items() if anywhere and secret.search(text)]
        if held:
            whose = "the key" if self._key.search(" ".join(facts.values())) else "something of the patient"
            where = f"{whose} in its {' and '.join(held)}"
        elif tells and any(one.name == "planted" for one in case.changes):
            found = [name for text in told_by_error(error) for name in self._canaries.found_in(text)]
            where = f"{' and '.join(dict.fromkeys(found))} in what it was raised from" if found else ""
        else:
            where = ""
        if not where:
            return None
        return Breach("told", "an error that holds neither key nor patient", f"{type(error).__name__} with {where}")

    # ---- FUZZ-06

    def _value(self, script: Script, ended: Ended) -> Breach | None:
        problem = _invalid(ended.value, script.result)
        if problem:
            return Breach("invalid", "values as the contract has them", problem)
        if isinstance(ended.value, Slots) and isinstance(script.asked, SlotQuery):
            outside = _outside(ended.value, script.asked, script.catalogue)
            if outside:
                return Breach("outside", "only times that were asked for, in order, each once", outside)
        lost = self._lost_digits(script, ended)
        return Breach("digits_lost", "ids with every digit that the vendor wrote", lost) if lost else None

    def _lost_digits(self, script: Script, ended: Ended) -> str:
        told = _DIGITS.findall(_dumped(ended.value))
        if not told:
            return ""
        known = b" ".join(
            [answer.body for _, answer in ended.served if isinstance(answer, WireReply)]
            + [command.request.url.encode() + command.request.body for command in ended.sent]
        ).decode("utf-8", "replace")
        known += _dumped(script.result)
        known += "".join(known.split())  # the SDK takes out the blanks that people write between digits
        return "a long number that stands in no answer" if any(run not in known for run in told) else ""

    def _silent_gap(self, ended: Ended) -> Breach | None:
        """An answer that can't be read, and a result that is less for it without a word."""
        if getattr(ended.value, "complete", True) is False or any(command.write for command in ended.sent):
            return None
        for position, answer in ended.served:
            gone = not isinstance(answer, WireReply) or answer.status >= 500
            if gone and not _answered_later(ended, position):
                return Breach(
                    "silent_gap",
                    "an error, or a result that says what is missing",
                    f"{ended}, although a server's failure was among the answers",
                )
        return None

    def _reading(
        self, script: Script, case: Case, ended: Ended, again: Callable[[Any], Ended], *, same: bool
    ) -> Breach | None:
        change = case.changes[0]
        if case.claim == "same" and (case.twin is not None or not same):
            value = script.result
            if case.twin is not None:
                twin = again(case.twin)
                if not twin.accepted:
                    return None
                value = twin.value
            if not alike(ended.value, value) and not refused_in_part(ended.value, value):
                return Breach(
                    "misread", f"{change}: refused, or read as the value that it spells", "read as another value"
                )
        if case.claim == "other" and same and case.probe is not None:
            probe = again(case.probe)
            if probe.accepted and not alike(probe.value, script.result):
                return Breach(
                    "misread", f"{change}: refused, or kept as it is", "read as the value that was there before"
                )
        if case.claim == "no_new_times" and not same:
            new = _starts(ended.value) - _starts(script.result)
            if new:
                return Breach(
                    "misread",
                    f"{change}: refused, or no time because of it",
                    f"{len(new)} times that were not there before",
                )
        return None


# ---- what the claims are made of


def alike(one: Any, other: Any) -> bool:
    """Whether two results say the same. Tokens may differ from reading to reading."""
    if one == other:
        return True
    if isinstance(one, Slots) and isinstance(other, Slots):
        bare = [value.model_copy(update={"found": ()}) for value in (one, other)]
        same = len(one.found) == len(other.found) and bare[0] == bare[1]
        return same and all(map(alike, one.found, other.found))
    return bool(_without_token(one) == _without_token(other))


def refused_in_part(one: Any, whole: Any) -> bool:
    """Whether a result says that it lacks something, and has nothing that is not in the whole one: where several calls
    make one result, the answer to one of them may be refused alone."""
    if not isinstance(one, Slots) or not isinstance(whole, Slots) or one.complete:
        return False
    left = list(map(_without_token, whole.found))
    for found in map(_without_token, one.found):
        if found not in left:
            return False
        left.remove(found)
    return True


def _without_token(value: Any) -> Any:
    if isinstance(value, Booking):
        return value.model_copy(update={"asked": _without_token(value.asked)})
    return value.model_copy(update={"token": None}) if isinstance(value, Slot) else value


CERTAIN: Final = frozenset({400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422, 429, 431})
"""Statuses that are a certain refusal of any write, of the HTTP server's making or by their meaning."""
TELLS_OF_THE_PATIENT: Final = frozenset({"book", "register_patient", "hold_slot"})
"""The operations in which the SDK is given the patient: what a vendor says in others, it can't know for one."""
BOOKINGS: Final = frozenset({"booking", "new", "old"})
"""What an error carries of the vendor's own values."""
_DIGITS = re.compile(r"\d{16,}")


def _is_pythons(word: str) -> bool:
    kind = getattr(builtins, word, None)
    return isinstance(kind, type) and issubclass(kind, Exception)


def _any_of(texts: list[str]) -> re.Pattern[str]:
    spelled = {form for text in texts if len(text) > 3 for form in (text, quote(text, safe=""), quote_plus(text))}
    return re.compile("|".join(map(re.escape, sorted(spelled, key=len, reverse=True))))


def _is_main(script: Script, position: int | None) -> bool:
    """Whether an exchange is the write that the call is made for."""
    if position is None:
        return False
    one = script.exchanges[position]
    return one.write and one.operation in ("book", "cancel", "reschedule")


def _left(ended: Ended, number: int) -> bool:
    answer = ended.served[number][1]
    return may_have_left(answer) and not (isinstance(answer, WireReply) and answer.status == 401)


def _told_methods(methods: frozenset[tuple[str, bool]]) -> str:
    told = sorted(f"{method} as a {'write' if write else 'read'}" for method, write in methods)
    return f"the methods of the recorded calls: {', '.join(told)}"


def _follows_a_write(ended: Ended, number: int) -> bool:
    """After a write the SDK may take it back by another of the adapter's operations."""
    return any(command.write for command in ended.sent[:number])


def _data(answer: Any) -> Any:
    """An answer's JSON as the SDK reads it; None where it can't."""
    try:
        return Response(answer).data if isinstance(answer, WireReply) else None
    except KoblingError:
        return None


def _code(table: ErrorMap, answer: WireReply) -> str:
    if table.code is None:
        return ""
    if isinstance(table.code, str | tuple):
        places = [table.code] if isinstance(table.code, str) else table.code
        codes = [find(_data(answer), place) for place in places]
        return next((str(one) for one in codes if isinstance(one, str | int) and not isinstance(one, bool)), "")
    try:
        return table.code(Response(answer)) or ""
    except Exception:  # noqa: BLE001 - a code that can't be found is none
        return ""


def _says_declined(ended: Ended, number: int) -> bool:
    """Whether the vendor's words, in the answer to the write or to a look at it afterwards, can be that the booking
    does not stand: there must be words."""
    assert ended.error is not None
    declined = ended.error.code == "slot_withdrawn" and ended.error.because == "declined"
    return declined and any(_data(answer) for _, answer in ended.served[number:])


def _answered_later(ended: Ended, position: int | None) -> bool:
    last = [answer for where, answer in ended.served if where == position][-1]
    return isinstance(last, WireReply) and last.status < 500


def _dumped(value: Any) -> str:
    return value.model_dump_json() if isinstance(value, BaseModel) else str(value)


def _starts(value: Any) -> set[datetime]:
    if isinstance(value, Slots | Bookings):
        return {one.start for one in value.found if one.start is not None}
    return {value.start} if isinstance(value, Booking) and value.start is not None else set()


def _invalid(value: Any, good: Any) -> str:
    """Why a value is none of the contract's; "" when it is."""
    if type(value) is not type(good):
        return f"a {type(value).__name__}"
    try:
        if isinstance(value, Slots):
            for slot in value.found:
                if slot not in good.found:
                    Slot.model_validate(slot.model_dump())
            value = value.model_copy(update={"found": ()})
        if isinstance(value, BaseModel):
            type(value).model_validate(value.model_dump())
    except (ValidationError, KoblingError, TypeError, ValueError) as problem:
        return f"a {type(value).__name__} that its own class refuses: {type(problem).__name__}"
    if isinstance(value, Catalogue):
        for ids in value.offer_by_ids:
            value.bookable(*ids)
    return ""


def _outside(value: Slots, asked: SlotQuery, catalogue: Catalogue | None) -> str:
    """What in an answer about open times was not asked for, or is not in the order that is promised."""
    if not value.found:
        return ""
    begin, end = day_bounds(asked.first_day, asked.last_day, value.found[0].zone)
    before: tuple[Any, ...] = ()
    seen = set()
    for slot in value.found:
        if slot.start.tzinfo is not UTC or slot.end.tzinfo is not UTC or slot.end <= slot.start:
            return "a time whose ends are not two moments in order"
        if not begin <= slot.start < end:
            return "a time outside the window"
        if catalogue is not None and not catalogue.bookable(slot.practitioner_id, slot.service_id):
            return "a time of what is not offered"
        order = (slot.start, slot.practitioner_id, slot.service_id, slot.location_id or "")
        if order < before or slot.identity in seen:
            return "times that are doubled, or out of order"
        seen.add(slot.identity)
        before = order
    return ""
