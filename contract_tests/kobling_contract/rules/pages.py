"""PAGE: lists that come in several answers: read to their end, while the clinic goes on working, and never astray."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import count, pairwise
from typing import Any, NoReturn, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from kobling import (
    BookingQuery,
    Bookings,
    Catalogue,
    KoblingError,
    Operation,
    RateLimited,
    SlotQuery,
    Slots,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling_mocks import Call
from kobling_mocks.clinic import Appointment, BookingOrder, Clinic

from ..clinics import CROWDED, ClinicName
from ..onward import LeftOff, Onward, documented, in_pages, left_off, onward, uncertain_lists
from ..outcome import Outcome
from ..rig import Rig, WireCall
from ..rule import RuleBook
from ..sides import Side
from ..timebook import times_of
from ..told_times import Compared
from ..trial import Trial
from ..wording import calls_told, counted, some

BOOK = RuleBook("PAGE", "Lists that come in several answers")
READS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots")
WHOLE = "the contract: http.pages reads a list whole or not at all; a plain list is a promise of completeness"
GONE = ("cancelled", "declined")
LAST_DAY = CROWDED + timedelta(days=6)
WEEK = SlotQuery(first_day=CROWDED, last_day=LAST_DAY)
SHOWN = 3
"""So many calls of a reading are shown."""
LARGE_PAGE, LARGER_PAGE = 100, 150
"""Rows of a page, where the mock's pages can be made smaller: the list is longer, and its calls are few."""
HALF_A_PAGE = LARGE_PAGE // 2
"""Rows of a page of the larger clinic's lists, none of which may be as long as a page and no longer."""
BOOKED_WEEK = BookingQuery(first_day=CROWDED, last_day=LAST_DAY)

Ids: TypeAlias = Counter[str]
"""What a reading tells, each by its id, with how often it is told."""


@dataclass(frozen=True)
class _Reading:
    """Something that may take several answers: how a caller reads it, and in which clinic it is long. larger: a clinic
    where it is longer still, for vendors whose pages hold more. rows: what a page holds at most, where the mock's pages
    can be made smaller. window: the days that are searched."""

    name: str
    world: ClinicName
    read: Callable[[Side], Awaitable[Any]]
    ids: Callable[[Any], Ids]
    larger: ClinicName | None = None
    rows: int = LARGER_PAGE
    window: SlotQuery = WEEK

    def reads(self, other: _Reading) -> bool:
        """Whether it is the same reading, in whichever clinic."""
        return self.name == other.name


def _listed(told: Bookings) -> Ids:
    return Counter(one.id for one in told.found if one.status not in GONE)


def _moment(time: tuple[str, str, datetime]) -> str:
    who, kind, start = time
    return f"{start.isoformat(' ')} (timebook {who}, type {kind})"


_BOOKINGS = _Reading("bookings", "crowded", lambda side: side.bookings(BOOKED_WEEK), _listed)
_SLOTS = _Reading(
    "open times", "crowded", lambda side: side.slots(WEEK), lambda told: Counter(map(_moment, times_of(told.found)))
)
_PAUSED = SlotQuery(first_day=date(2026, 11, 23), last_day=date(2026, 11, 27))
_AROUND_PAUSES = replace(
    _SLOTS, world="particular", read=lambda side: side.slots(_PAUSED), rows=3, window=_PAUSED
)  # a lunch a day, and so more than a page of pauses
_CATALOGUE = _Reading(
    "the catalogue",
    "demo",
    lambda side: side.catalogue(),
    lambda told: Counter([one.id for one in told.practitioners] + [one.id for one in told.services]),
    larger="large",
    rows=3,
)


def _readings(trial: Trial) -> tuple[_Reading, ...]:
    return (_BOOKINGS, _SLOTS) if trial.lists_by_day else (_SLOTS,)


async def _ready(rig: Rig, reading: _Reading) -> Side:
    """A caller who has nothing left to ask but the reading itself."""
    side = rig.whole() if reading.reads(_CATALOGUE) else rig.widest()
    await side.clinic()
    if not reading.reads(_CATALOGUE):
        await side.catalogue()
    return side


def _opened(trial: Trial, reading: _Reading) -> Rig:
    """A world in which the reading is long."""
    rig = trial.rig(reading.world)
    rig.world.rows_a_page = reading.rows
    return rig


async def _control(
    trial: Trial, reading: _Reading, to_the_end: bool = False
) -> tuple[_Reading, Rig, Any, tuple[Call, ...], tuple[WireCall, ...]]:
    """The reading without any fault or change: what is told, and the calls that it took. Where a list of it comes in
    pages that hold all of it, it is read in the larger clinic instead, of which the answer then speaks; where short
    pages are more than one reading may have, by the vendor's limit or Kobling's own, pages are longer. to_the_end: also
    where the vendor does not document any pages."""
    rig = _opened(trial, reading)
    longer = replace(reading, rows=min(reading.rows * 8, LARGE_PAGE)) if reading.rows < LARGE_PAGE else None
    try:
        side = await _ready(rig, reading)
        mark = rig.mark()
        told = await reading.read(side)
    except KoblingError as error:
        if longer is None or not _for_short_pages(error):
            raise
        return await _control(trial, longer, to_the_end)
    if longer is not None and _limited(told):
        return await _control(trial, longer, to_the_end)
    calls, wire = trial.control(rig, mark, f"{reading.name}: read in a quiet clinic"), rig.sent_since(mark)
    at_once = {call.operation for call in calls} - in_pages(rig, calls, wire)
    if reading.larger is not None and (at_once if to_the_end else at_once & documented(rig)):
        return await _control(trial, replace(reading, world=reading.larger, larger=None, rows=HALF_A_PAGE), to_the_end)
    return reading, rig, told, calls, wire


def _for_short_pages(error: KoblingError) -> bool:
    """Whether the pages may be too many because the suite has made them short."""
    return isinstance(error, RateLimited) or error.because in ("endless_pages", "too_many_calls")


def _limited(told: Any) -> bool:
    """Whether a part was left unasked, since a search may take no more of the vendor's calls a minute: with so short
    pages, which says nothing of the adapter."""
    return isinstance(told, Slots) and any(part.because == RateLimited.code for part in told.unknown)


def _comes_at_once(trial: Trial, never: Collection[str]) -> NoReturn:
    """Nothing came in several answers. never: calls that are documented to answer in pages, and never did."""
    told = f"lists that come in several answers (never in two: {', '.join(sorted(never))})" if never else ""
    trial.not_offered(told or "lists that come in several answers", proof=not never)


def _edges(calls: Sequence[Call]) -> list[int]:
    """After how many calls the next one goes on with the same list."""
    return [
        number
        for number, (one, other) in enumerate(pairwise(calls), 1)
        if (one.operation, one.path) == (other.operation, other.path)
        and (one.query, one.body) != (other.query, other.body)
    ]


# ---- to the end


@BOOK.rule(
    1,
    "A long list is read to its end: every booking, open time, practitioner and service is there, each once",
    why="What is on the second page is booked again, or counts as deleted.",
    check="http.pages instead of a loop by hand: where the vendor says that there is more, and that it is asked until "
    "nothing more is said; a page that is smaller than what was asked for.",
    control="Every call is answered without an error, in a clinic where each list is long; of a pass, what has pages "
    "came in several.",
    source=WHOLE,
    needs=READS,
    evidence=("timebook", "journal"),
    causes={
        "missing": "Something that the clinic has is not told.",
        "invented": "Something is told that the clinic does not have.",
        "doubled": "One booking is told twice: pages overlap, or are read twice.",
        "otherwise": "A booking is told otherwise than it stands: its time, its timebook, or that it takes place.",
    },
    look={
        "invented": "The filters of the call, by day and by status, and whether they are applied to every page.",
        "otherwise": "list_bookings: from which fields Booking.start, practitioner_id and status are read.",
    },
)
async def _to_the_end(trial: Trial) -> None:
    unseen: list[str] = []
    for each in (*_readings(trial), _AROUND_PAUSES, _CATALOGUE):
        reading, rig, told, calls, wire = await _control(trial, each, to_the_end=True)
        read = _Read(rig, calls, wire)
        if reading.reads(_CATALOGUE):
            _all_listed(trial, rig, told, read)
            if in_pages(rig, calls, wire):
                await _as_in_long_pages(trial, reading, told, read)
        elif reading.reads(_SLOTS):
            first, last = reading.window.first_day, reading.window.last_day
            want = times_of(rig.shown.times(first, last, rig.scope))
            trial.need(tuple(want), f"the {reading.world} clinic has no open time")
            _all_open(trial, Compared(rig, times_of(told.found), want), read)
        else:
            _all_bookings(trial, rig, told, read)
        unseen += [f"{name} ({rows} rows in one answer)" for name, rows in uncertain_lists(rig, calls, wire).items()]
        paged = ", ".join(sorted(in_pages(rig, calls, wire))) or "none"
        trial.saw(
            f"{reading.name}: {counted(len(calls), 'call')}, {sum(reading.ids(told).values())} told, as the clinic "
            f"has them; "
            f"in several pages: {paged}"
        )
    if unseen:
        trial.need(None, f"no second page of {', '.join(unseen)}; keep the mock's pages to world.rows_on_a_page(...)")


class _Read:
    """The calls of a reading, and where a list of it, or one that was read for it before, was left off."""

    def __init__(self, rig: Rig, calls: Sequence[Call], wire: Sequence[WireCall]) -> None:
        self._rig = rig
        self._calls = calls
        self._wire = wire

    @cached_property
    def _left(self) -> LeftOff | None:
        return left_off(self._wire) or left_off(self._rig.wire)

    @property
    def shown(self) -> Sequence[Call]:
        """The calls to show: those of the list up to where it was left off, or the first of the reading."""
        calls = self._rig.received
        end = next((one for one in calls if self._left and one.number == self._left.number), None)
        if end is None:
            return self._calls[:SHOWN]
        return [one for one in calls if one.path == end.path and one.number <= end.number][-SHOWN:]

    @property
    def made(self) -> str:
        """How far the lists were followed: to where one was left off, or which calls were made."""
        return f"{calls_told(self._calls)}; {self._left}" if self._left else f"after {calls_told(self._calls)}"

    def wrong(self, what: str) -> str:
        """What happened, as far as it is known."""
        return f"{what} {str(self._left).capitalize()}." if self._left else what


def _all_open(trial: Trial, both: Compared, read: _Read) -> None:
    """Every open time, and none that the clinic does not have."""
    if both.missing or both.invented:
        cause = "missing" if both.missing else "invented"
        trial.broken(cause, expected=f"the clinic's {len(both.expected)} open times", got=f"{both.got}\n- {read.made}",
                     calls=read.shown, wrong=read.wrong(both.wrong))  # fmt: skip


def _all_listed(trial: Trial, rig: Rig, told: Catalogue, read: _Read) -> None:
    """Every timebook that is online, and every pair that is offered, as far as the wire tells who offers what."""
    shown = {rig.wire_id(one.id) for one in rig.clinic.timebooks if one.online}
    _each_listed(trial, read, "practitioner", shown, {one.id for one in told.practitioners})
    offered = [
        (rule.timebook_id, kind.id)
        for kind in rig.clinic.types
        for rule in kind.rules
        if rig.shown.offered(rule.timebook_id, kind.id)
    ]
    _each_listed(trial, read, "service", {rig.wire_id(kind) for _, kind in offered}, {one.id for one in told.services})
    if rig.told("rules"):
        pairs = {(rig.wire_id(who), rig.wire_id(kind)) for who, kind in offered}
        lost = [f"service {kind} with practitioner {who}" for who, kind in pairs - told.offer_by_ids.keys()]
        _none_missing(trial, read, "offer", len(pairs), lost)


async def _as_in_long_pages(trial: Trial, reading: _Reading, told: Catalogue, read: _Read) -> None:
    """What the catalogue tells where pages are as long as the vendor makes them is told where they are short, too: also
    what nobody may book, and what came along with another list."""
    rig = trial.rig(reading.world)
    side, mark = await _ready(rig, reading), rig.mark()
    long: Catalogue = await reading.read(side)
    trial.control(rig, mark, f"{reading.name}: read in pages of the vendor's own length")
    _each_listed(trial, read, "practitioner", set(long.practitioner_by_id), set(told.practitioner_by_id))
    _each_listed(trial, read, "service", set(long.service_by_id), set(told.service_by_id))
    lost = [f"service {kind} with practitioner {who}" for who, kind in long.offer_by_ids.keys() - told.offer_by_ids]
    _none_missing(trial, read, "offer", len(long.offer_by_ids), lost)


def _each_listed(trial: Trial, read: _Read, what: str, shown: set[str], told: set[str]) -> None:
    _none_missing(trial, read, what, len(shown), [f"{what} {one}" for one in shown - told])


def _none_missing(trial: Trial, read: _Read, what: str, every: int, missing: Collection[str]) -> None:
    """Claim that nothing is missing of so many things."""
    got = f"{every - len(missing)} of {every} {what}s told; {len(missing)} missing: {some(missing)}\n- {read.made}"
    wrong = read.wrong(f"{every - len(missing)} of the clinic's {every} {what}s were told.")
    trial.claim(not missing, "missing", expected=counted(every, what), got=got, calls=read.shown, wrong=wrong)


def _all_bookings(trial: Trial, rig: Rig, told: Bookings, read: _Read) -> None:
    standing = {rig.wire_id(one.id): one for one in _in_the_week(rig.clinic)}
    ids = Counter(one.id for one in told.found)
    trial.need(standing or None, "the crowded clinic has no booking")
    missing = [one for one in standing if not ids[one]]
    calls = read.shown
    if told.complete:
        _none_missing(trial, read, "booking", len(standing), missing)
    doubled = [one for one, times in ids.items() if times > 1]
    trial.claim(not doubled, "doubled", expected="each booking once",
                got=f"twice: booking {some(doubled)}", calls=calls)  # fmt: skip
    known = {rig.wire_id(one.id) for one in rig.clinic.all_appointments()}
    strange = set(ids) - known
    trial.claim(
        not strange, "invented", expected="the clinic's own bookings", got=f"booking {some(strange)}", calls=calls
    )
    for one in told.found:
        stands = standing.get(one.id)
        if stands is not None:
            for name, said, holds in (
                ("start", one.start, stands.start),
                ("practitioner_id", one.practitioner_id, rig.wire_id(stands.timebook_id)),
                ("status", one.status, "not cancelled" if one.status in GONE else one.status),
            ):
                same = said is None or said == holds
                expected = f"booking {one.id}: {name} {holds}"
                trial.claim(same, "otherwise", expected=expected, got=f"{name} {said}", calls=calls[:1])


def _in_the_week(clinic: Clinic) -> list[Appointment]:
    """The live appointments of the crowded week, in order of time."""
    zone = _zone(clinic)
    found = [
        one
        for one in clinic.all_appointments()
        if one.live and CROWDED <= one.start.astimezone(zone).date() <= LAST_DAY
    ]
    return sorted(found, key=lambda one: (one.start, one.id))


def _zone(clinic: Clinic) -> ZoneInfo:
    return ZoneInfo(clinic.zone)


# ---- while the clinic goes on working


MANY = 20
LATER = 3600.0
"""Seconds between two readings, so that nothing is answered from memory."""


def _early(clinic: Clinic) -> list[tuple[str, datetime]]:
    """Times in the night to Monday at which nothing stands, in both timebooks that are booked that week."""
    timebooks = sorted({one.timebook_id for one in _in_the_week(clinic)})
    midnight = datetime.combine(CROWDED, time(0), _zone(clinic))
    return [(one, midnight + timedelta(minutes=30 * half)) for half in range(MANY // 2) for one in timebooks]


def _take_the_first_away(clinic: Clinic) -> None:
    for one in _in_the_week(clinic)[:MANY]:
        clinic.staff_delete(one.id)


def _book_before_the_first(clinic: Clinic) -> None:
    some = _in_the_week(clinic)[0]
    for timebook_id, start in _early(clinic):
        clinic.staff_book(BookingOrder(timebook_id, some.type_id, start, patient_id=some.patient_id, source="staff"))


def _move_the_last_to_the_front(clinic: Clinic) -> None:
    for one, (timebook_id, start) in zip(_in_the_week(clinic)[-MANY:], _early(clinic), strict=True):
        clinic.staff_move(one.id, start, timebook_id)


def _drop_the_first_timebook(clinic: Clinic) -> None:
    clinic.remove_timebook(clinic.timebooks[0].id)


def _drop_the_first_type(clinic: Clinic) -> None:
    clinic.remove_type(clinic.types[0].id)


Edit: TypeAlias = Callable[[Clinic], None]
_EDITS: dict[str, Edit] = {
    "the first bookings of the week are deleted": _take_the_first_away,
    "bookings are made before the first one": _book_before_the_first,
    "the last bookings are moved to before the first one": _move_the_last_to_the_front,
}
_SET_UP: dict[str, Edit] = {
    "the first practitioner is taken out": _drop_the_first_timebook,
    "the first service is taken out": _drop_the_first_type,
}


@BOOK.rule(
    2,
    "What staff book, delete or move between two answers neither hides nor doubles anything else",
    why="A row that slips over the edge of a page is a booking nobody sees: its time is given to a second patient.",
    check="Loops over pages with http.get: http.pages reads a list of several pages until two readings agree.",
    control="The same list is read without a fault or change in a twin clinic, and the change did happen.",
    source=WHOLE,
    needs=READS,
    evidence=("timebook", "journal"),
    causes={
        "lost": "Something that stood all the time is not told: it slipped over the edge of a page. Read lists with "
        "http.pages, or read again until two readings agree.",
        "doubled": "One booking is told twice.",
        "invented": "A time is told as open that was open neither before nor after: a booking in it was not seen.",
    },
    look={"invented": "What open times are made of: the bookings of the day must be read whole, with http.pages."},
)
async def _while_staff_work(trial: Trial) -> None:
    tried = paged = 0
    never: set[str] = set()
    for each in (*_readings(trial), _CATALOGUE):
        reading, rig, quiet, calls, _ = await _control(trial, each)
        never |= documented(rig) & {call.operation or "" for call in calls}
        edges = _edges(calls)
        positions = {*edges[:1], *trial.random.sample(edges, min(1, len(edges)))}
        for what, edit in (_SET_UP if reading.reads(_CATALOGUE) else _EDITS).items():
            for position in sorted(positions):
                when = f"{what} after {position} of {counted(len(calls), 'call')}"
                await _read_meanwhile(trial, reading, edit, position, when, reading.ids(quiet))
                tried += 1
        paged += bool(edges)
    if not tried:
        _comes_at_once(trial, never)
    trial.saw(
        f"{tried} readings of {counted(paged, 'list')} with a change in the middle, nothing lost, doubled or invented"
    )


async def _read_meanwhile(trial: Trial, reading: _Reading, edit: Edit, position: int, what: str, quiet: Ids) -> None:
    """One reading with a change in the middle. quiet: what the same reading tells where nothing changes."""
    rig = _opened(trial, reading)
    before = await _truth(rig, reading)
    side, revision = await _ready(rig, reading), rig.clinic.revision
    answers = count(1)

    def staff_work(_: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        if next(answers) == position:
            edit(rig.clinic)
        return outcome

    rig.spoil = staff_work
    mark = rig.mark()
    outcome = await trial.outcome(reading.read(side))
    calls, rig.spoil = rig.since(mark), None
    after = await _truth(rig, reading)
    trial.need(rig.clinic.revision != revision or None, f"no change in the middle: {what}")
    if outcome.error is None:
        told = reading.ids(outcome.value)
        around = calls[position - 1 : position + 2]  # on either side of the change
        when = f"{what} (call {around[0].number})"
        _same_but_for_the_change(trial, reading, told, before, after, outcome, when, around, quiet)
    await trial.done_with(rig)


async def _truth(rig: Rig, reading: _Reading) -> frozenset[str]:
    """What is there to be told: the clinic's own bookings and times. Which practitioners and services a vendor shows
    is its own affair, so that the catalogue is read once more while nothing changes."""
    if reading.reads(_BOOKINGS):
        return frozenset(rig.wire_id(one.id) for one in _in_the_week(rig.clinic))
    if reading.reads(_SLOTS):
        return frozenset(map(_moment, times_of(rig.shown.times(WEEK.first_day, WEEK.last_day, rig.scope))))
    rig.pace.pass_time(LATER)
    return frozenset(reading.ids(await reading.read(await _ready(rig, reading))))


def _same_but_for_the_change(
    trial: Trial,
    reading: _Reading,
    told: Ids,
    before: frozenset[str],
    after: frozenset[str],
    outcome: Outcome,
    what: str,
    calls: Sequence[Call],
    quiet: Ids,
) -> None:
    stayed = before & after
    lost = stayed - set(told)
    slipped = lost & set(quiet)
    always = lost - slipped
    got = [f"{len(stayed & set(told))} told; {len(lost)} of {len(stayed)} are missing"]
    got += [f"- {len(slipped)} only by the change: {some(slipped)}"] if slipped else []
    got += [f"- {len(always)} also when nothing changes (PAGE-01 says why): {some(always)}"] if always else []
    owned_up = not reading.reads(_CATALOGUE) and not outcome.value.complete
    trial.claim(
        not lost or owned_up,
        "lost",
        expected=f"{reading.name}: all {len(stayed)} that stood all the time; {what}",
        got="\n".join(got),
        calls=calls,
        wrong=_lost_why(trial, len(slipped), len(always)),
    )
    doubled = [one for one, times in told.items() if times > 1]
    trial.claim(not doubled, "doubled", expected=f"each once, {what}",
                got=f"twice: {some(doubled, most=1)}", calls=calls)  # fmt: skip
    if reading.reads(_SLOTS):
        invented = set(told) - before - after
        trial.claim(
            not invented,
            "invented",
            expected=f"only what was open before or after; {what}",
            got=some(invented, most=1),
            calls=calls,
        )


def _lost_why(trial: Trial, slipped: int, always: int) -> str:
    """What happened to what was lost by the change, beside what the reading never tells."""
    if not always:
        return trial.rule.causes["lost"]
    what = "the change lost nothing more"
    if slipped:
        what = f"{slipped} slipped over the edge of a page, for which http.pages reads until two readings agree"
    return f"{always} of those not told are missing when nothing changes, too: mend PAGE-01 first. Beside that, {what}."


# ---- astray


def leading(goes: Onward, path: str, to: str) -> Callable[[WireRequest, WireReply | WireFailure], Any]:
    """Every answer of the list says that it goes on there, also the last one."""

    def spoil(request: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        if not isinstance(outcome, WireReply) or outcome.status != 200 or urlsplit(request.url).path != path:
            return outcome
        if goes.place is None:
            others = tuple(one for one in outcome.headers if one[0].lower() != "link")
            return WireReply(outcome.status, (*others, ("Link", f'<{to}>; rel="next"')), outcome.body)
        data = json.loads(outcome.body)
        holder = data
        for step in goes.place[:-1]:
            holder = holder[step] if isinstance(step, str) else _next_of(holder)
        holder[goes.place[-1]] = to
        return WireReply(outcome.status, outcome.headers, json.dumps(data, ensure_ascii=False).encode())

    return spoil


def alone(goes: Onward, path: str) -> Callable[[WireRequest, WireReply | WireFailure], Any]:
    """Every answer of the list names no other link than that to the next page, whatever place it has then."""

    def leave(request: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        if not isinstance(outcome, WireReply) or outcome.status != 200 or urlsplit(request.url).path != path:
            return outcome
        data = json.loads(outcome.body)
        links = data
        for step in goes.place or ():
            if isinstance(step, int):
                links[:] = [one for one in links if "next" in (one.get("relation"), one.get("rel"))]
                break
            links = links[step]
        return WireReply(outcome.status, outcome.headers, json.dumps(data, ensure_ascii=False).encode())

    return leave


def _next_of(links: list[Any]) -> dict[str, Any]:
    """The link to the next page in a list of links: where the last page has none, a new one."""
    found = next((one for one in links if "next" in (one.get("relation"), one.get("rel"))), None)
    if found is None:
        found = {"relation": "next", "rel": "next"}
        links.append(found)
    return found


@BOOK.rule(
    3,
    "A list that leads to another host, round in circles or to an answer that does not come is no list at all",
    why="Half a list looks like a whole one; a followed link hands the token over to whoever wrote it.",
    check="Loops over pages by hand: a link that can't be followed, a cursor that comes again, an error on page two.",
    control="The same list is read without a fault in a twin clinic, as far as the adapter follows it (PAGE-01), and "
    "the spoilt answer did arrive.",
    source=WHOLE,
    needs=READS,
    evidence=("wire", "journal"),
    causes={
        "left": "A request went to the host that a link named.",
        "taken_for_whole": "Part of a list was told as the whole. Read lists with http.pages, and let its errors out.",
        "too_many": "A list that goes round in circles was read on and on.",
    },
    look={
        "left": "Where the next page's address is taken from an answer: only http.pages may follow it.",
        "taken_for_whole": "Where the next page is found: http.pages with ByLink finds a link by its relation, "
        "whatever its place; the errors of a later page are not caught.",
    },
    safety=True,
)
async def _astray(trial: Trial) -> None:
    tried = 0
    never: set[str] = set()
    for each in (*_readings(trial), _CATALOGUE):
        reading, rig, told, calls, wire = await _control(trial, each)
        never |= documented(rig) & {call.operation or "" for call in calls}
        whole, hosts = reading.ids(told), {urlsplit(one.request.url).netloc for one in wire}
        for edge in _lists(calls, wire):
            tried += 1
            operation, path = calls[edge - 1].operation or "", urlsplit(wire[edge - 1].request.url).path
            for kind in ("http_503", "html_200", "reset"):
                rig = _opened(trial, reading)
                side = await _ready(rig, reading)
                rig.fault(operation, kind, nth=2, times=0)
                what = f"{kind} on page 2 of {operation}"
                await _told_whole(trial, rig, side, reading, whole, hosts, what, lambda one: bool(one.fault))
            goes = onward(wire[edge - 1], wire[edge])
            if goes is None:
                continue
            targets = {"the second page for ever": goes.value}
            if goes.is_link:
                targets["another host"] = f"https://elsewhere.example.test{path}?page=2"
            for what, to in targets.items():
                rig = _opened(trial, reading)
                side = await _ready(rig, reading)
                rig.spoil = leading(goes, path, to)
                what = f"{operation} leads to {what}"
                await _told_whole(trial, rig, side, reading, whole, hosts, what, _spoilt(rig, to))
            if any(isinstance(step, int) for step in goes.place or ()):
                rig = _opened(trial, reading)
                side = await _ready(rig, reading)
                rig.spoil = alone(goes, path)
                what = f"{operation} names the next page alone"
                await _told_whole(trial, rig, side, reading, whole, hosts, what, _spoilt(rig, "next"))
    if not tried:
        _comes_at_once(trial, never)
    trial.saw(
        f"{counted(tried, 'list')} broken off or led astray, no part of one told as the whole; every request went to "
        f"{some(hosts)}"
    )


def _lists(calls: Sequence[Call], wire: Sequence[WireCall]) -> list[int]:
    """The first edge of each list in a reading."""
    first: dict[str, int] = {}
    for edge in _edges(calls):
        first.setdefault(calls[edge - 1].operation or urlsplit(wire[edge - 1].request.url).path, edge)
    return list(first.values())


def _spoilt(rig: Rig, to: str) -> Callable[[Call], bool]:
    """Whether what reached the adapter in answer to a call leads there."""

    def leads(call: Call) -> bool:
        outcome = rig.arrived(call.number)
        return isinstance(outcome, WireReply) and to in f"{outcome.header('link')} {outcome.body.decode()}"

    return leads


async def _told_whole(
    trial: Trial,
    rig: Rig,
    side: Side,
    reading: _Reading,
    whole: Ids,
    hosts: set[str],
    what: str,
    struck: Callable[[Call], bool],
) -> None:
    mark = rig.mark()
    outcome = await trial.outcome(reading.read(side))
    calls, sent = rig.since(mark), rig.sent_since(mark)
    trial.need(any(map(struck, calls)) or None, f"the spoilt answer did not reach the adapter, {what}")
    left = {urlsplit(one.request.url).netloc for one in sent} - hosts
    trial.claim(not left, "left", expected=f"only {some(hosts)}, {what}", got=some(left), calls=calls[-3:])
    most = 2 * rig.adapter.limits.calls
    trial.claim(len(sent) <= most, "too_many", expected=f"at most {most} calls, {what}",
                got=counted(len(sent), "call"), calls=calls[:3])  # fmt: skip
    honest = outcome.error is not None or reading.ids(outcome.value) == whole
    honest = honest or (not reading.reads(_CATALOGUE) and not outcome.value.complete)
    told = 0 if outcome.error else sum(reading.ids(outcome.value).values())
    trial.claim(
        honest,
        "taken_for_whole",
        expected=f"{reading.name}: an error, an unknown part or all {sum(whole.values())}; {what}",
        got=f"{told} of them told as the whole",
        calls=calls[-3:],
    )
    await trial.done_with(rig)
