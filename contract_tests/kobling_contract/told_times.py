"""Two sets of times beside one another, in words, by the clinic's clock and with its offset from UTC."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import groupby

from kobling import WireReply
from kobling_mocks import Call

from .answers import Starts, Time
from .rig import Rig
from .set_up import MOST_TIMEBOOKS
from .timebook import Times
from .wording import counted, day_told, some, timebook_told, type_told

__all__ = ["Compared", "times_told"]

MOST_TIMES = 8
"""So many times are told of those that differ, shared between the timebooks."""
IN_A_ROW = 6
"""So many times that follow one another show a grid."""
MOST_CALLS = 6


@dataclass(frozen=True)
class Compared:
    """Times that were found beside those that the clinic has. excused: those that may be left out."""

    rig: Rig
    found: Times
    expected: Times
    excused: Times = frozenset()

    @cached_property
    def missing(self) -> Times:
        """What had to be found and was not."""
        return self.expected - self.found - self.excused

    @cached_property
    def invented(self) -> Times:
        """What was found and is not the clinic's."""
        return self.found - self.expected

    @cached_property
    def left_out(self) -> Times:
        """What was not found, and may be left out."""
        return (self.expected & self.excused) - self.found

    # ---- what is wrong

    @property
    def wrong(self) -> str:
        """What happened, in a sentence or two."""
        if self.missing and self.invented:
            what = "Times are shifted" if self._shifted else "Times are missing, and others are invented"
            return (
                f"{what}: {len(self.missing)} that the clinic has are not found, and {len(self.invented)} are offered "
                "that it does not have, so that a patient comes to a closed door."
            )
        if self.invented:
            has = "is found that the clinic does not have" if len(self.invented) == 1 else (
                "are found that the clinic does not have")  # fmt: skip
            return f"{counted(len(self.invented), 'time')} {has}, so that a patient comes to a closed door."
        if self._whole_days:
            days = "; ".join(f"{day_told(day)} in {timebook_told(self.rig, who)}" for who, day in self._whole_days)
            return f"No time is found of a day that has some at the clinic: {days}.{self._in_the_answers}"
        are = "is" if len(self.missing) == 1 else "are"
        of = f"{len(self.missing)} of the clinic's {counted(len(self.expected), 'time')}"
        return f"{of} {are} not found.{self._in_the_answers}"

    @cached_property
    def _whole_days(self) -> list[tuple[str, date]]:
        """Timebooks and days of which nothing was found, where that is all that is missing, and few."""
        lost = Counter((who, self._day(start)) for who, _, start in self.missing)
        found = {(who, self._day(start)) for who, _, start in self.found}
        few = len(lost) <= MOST_TIMEBOOKS and not found & lost.keys() and {who for who, _ in lost} <= self._found_for
        return sorted(lost) if few else []

    @cached_property
    def _found_for(self) -> frozenset[str]:
        return frozenset(who for who, _, _ in self.found)

    @property
    def _shifted(self) -> bool:
        """Whether most of what is missing has an invented time beside it: on that day, in that timebook, of that
        type."""
        beside = {self._group(one) for one in self.invented}
        return 2 * sum(self._group(one) in beside for one in self.missing) > len(self.missing)

    @cached_property
    def _answers(self) -> Starts:
        return Starts(self.rig.sent_since(self.rig.searched), self.rig.tz)

    @property
    def _in_the_answers(self) -> str:
        held = self._answers.held(self.found & self.expected, self.missing)
        if held is None:
            return ""
        if not held:
            return " None of them stands in an answer that was read: what was not asked for, or not read to its end?"
        if held < self.missing:
            return f" {len(held)} of them stand in the vendor's answers, and were lost after these had come."
        they = "They all stand" if len(held) > 1 else "It stands"
        return f" {they} in the vendor's answers: lost after these had come, and not by what was asked for."

    # ---- what was got

    @property
    def counts(self) -> str:
        """How many, so that the numbers add up."""
        right = len(self.found & self.expected)
        strange = f", and {len(self.invented)} that it does not have" if self.invented else ""
        told = f"{counted(len(self.found), 'time')} told: {right} of the clinic's {len(self.expected)}{strange}"
        out = f", {len(self.left_out)} left out as they may be" if self.left_out else ""
        return f"{told}; {len(self.missing) or 'none'} missing{out}"

    @property
    def got(self) -> str:
        """The counts, a day on which times are both missing and invented, and the first times that differ."""
        parts = [*self._grid(), *self._listed("missing", self.missing, self.expected)]
        parts += self._listed("not the clinic's", self.invented, self.found)
        parts += self._listed("may be left out", self.left_out, self.expected)
        parts += self._appointments()
        return "\n".join([self.counts, *(f"- {part}" for part in parts)])

    @property
    def timebooks(self) -> tuple[str, ...]:
        """Those with times that differ, by the first one; without what is missing nowhere else."""
        return tuple(dict.fromkeys(who for who, _, _ in sorted(self.missing | self.invented, key=_in_time)))

    def _grid(self) -> Iterator[str]:
        """Times that follow one another as they should be and as they came: on the day that has most of them."""
        both = {self._group(one) for one in self.missing} & {self._group(one) for one in self.invented}
        if not both:
            return
        longest = Counter(map(self._group, self.expected))
        who, kind, day = min(both, key=lambda one: (-longest[one], one[2], one[0], one[1]))
        ours, theirs = (
            sorted(start for one_who, one_kind, start in times
                   if (one_who, one_kind) == (who, kind) and self._day(start) == day)
            for times in (self.expected, self.found)
        )  # fmt: skip
        differ = min(set(ours) ^ set(theirs))
        begin = max([start for start in ours if start < differ], default=differ)  # one that both have, for the eye
        rows = [[start for start in each if start >= begin] for each in (ours, theirs)]
        expected, got = (
            f"{', '.join(map(self._clock, row[:IN_A_ROW]))}{' …' if len(row) > IN_A_ROW else ''}" or "none"
            for row in rows
        )
        offsets = dict.fromkeys(_offset(one.astimezone(self.rig.tz)) for one in sorted({*rows[0], *rows[1]}))
        what = f"{timebook_told(self.rig, who)}, {type_told(self.rig, kind)}, {day_told(day)}"
        yield f"{what}: expected {expected}; got {got} ({' then '.join(offsets)})"

    def _listed(self, what: str, times: Times, among: Times) -> Iterator[str]:
        """The first times by timebook, with how many of its times they are."""
        by_timebook: dict[str, list[Time]] = defaultdict(list)
        for one in sorted(times, key=_in_time):
            by_timebook[one[0]].append(one)
        shown = list(by_timebook.items())[:MOST_TIMEBOOKS]
        for who, rows in shown:
            every = sum(one[0] == who for one in among)
            many = f"all {every}" if len(rows) == every > 1 else f"{len(rows)} of {every}"
            told = times_told(self.rig, rows, MOST_TIMES // len(shown))
            yield f"{what} in {timebook_told(self.rig, who)}, {many}: {told}"
        if others := list(by_timebook.items())[MOST_TIMEBOOKS:]:
            count = sum(len(rows) for _, rows in others)
            yield f"{what} in {counted(len(others), 'more timebook')}: {counted(count, 'time')}"

    def _appointments(self) -> Iterator[str]:
        """What the clinic has in the days of which nothing was found."""
        for who, day in self._whole_days:
            own = self.rig.own(who)
            rows = [one for one in self.rig.appointments()
                    if one.timebook_id == own and self._day(one.start) == day]  # fmt: skip
            if rows:
                told = ", ".join(f"{self._clock(one.start)}–{self._clock(one.end)} (status {one.state})"
                                 for one in sorted(rows, key=lambda one: one.start)[:MOST_TIMES])  # fmt: skip
                yield f"appointments in {timebook_told(self.rig, who)} on {day_told(day)}: {told}"

    def _group(self, one: Time) -> tuple[str, str, date]:
        return one[0], one[1], self._day(one[2])

    def _day(self, start: datetime) -> date:
        return start.astimezone(self.rig.tz).date()

    def _clock(self, start: datetime) -> str:
        return f"{start.astimezone(self.rig.tz):%H:%M}"

    # ---- on which exchange

    def calls(self) -> tuple[Call, ...]:
        """What the vendor was asked and answered about what differs. Where its answers list starts, the call for each
        timebook that says most; else one of each of its calls, since open times are computed from all of them."""
        texts = {one.number: _text(one.request.url, one.request.body, one.outcome) for one in self.rig.wire}
        listed = bool(self._answers.spellings(self.found & self.expected))
        signs_in = {one.name for one in self.rig.mock.dialect.operations if one.signs_in}
        kinds: dict[str, list[Call]] = defaultdict(list)
        for call in self.rig.since(self.rig.searched) if listed else self.rig.received:
            if call.operation not in signs_in:
                kinds["" if listed else call.operation or call.path].append(call)
        chosen: dict[int, Call] = {}
        for who in self.timebooks[: max(1, MOST_CALLS // max(1, len(kinds)))]:
            first = min((one for one in self.missing | self.invented if one[0] == who), key=_in_time)
            day = self._day(first[2]).isoformat()
            marks = (who, first[1], day, self._answers.spelt(first) or day)
            for calls in kinds.values():
                count, number, best = max(((_count(marks, texts, one), one.number, one) for one in calls), key=_two)
                if count:
                    chosen[number] = best
        return tuple(chosen[number] for number in sorted(chosen))[-MOST_CALLS:]

    @property
    def about(self) -> str:
        """Whom and when it is about, as the vendor's answers may spell it."""
        first = sorted(self.missing | self.invented, key=_in_time)[:MOST_TIMES]
        spelt = [self._answers.spelt(one) or self._day(one[2]).isoformat() for one in first]
        return " ".join(dict.fromkeys([*(one for who, kind, _ in first for one in (who, kind)), *spelt]))


def _count(marks: Iterable[str], texts: Mapping[int, str], call: Call) -> int:
    """How many of the marks stand in a call or its answer."""
    return sum(mark in texts.get(call.number, "") for mark in marks)


def _two(one: tuple[int, int, Call]) -> tuple[int, int]:
    return one[:2]


def _in_time(one: Time) -> tuple[datetime, str, str]:
    return one[2], one[0], one[1]


def _starts(times: Iterable[Time]) -> set[datetime]:
    return {start for _, _, start in times}


def _text(url: str, body: bytes | None, outcome: object) -> str:
    """A call and its answer as one text, in which ids and days are looked for."""
    answer = outcome.body if isinstance(outcome, WireReply) else b""
    return f"{url} {(body or b'').decode('utf-8', 'replace')} {answer.decode('utf-8', 'replace')}"


def times_told(rig: Rig, times: Iterable[Time], most: int = MOST_TIMES) -> str:
    """Times by day: `Sun 2026-10-25 23:00, 23:30 +0100 (22:00, 22:30 UTC)`, and how many more there are."""
    rows = sorted(times, key=_in_time)
    starts = sorted(_starts(rows))
    local = [start.astimezone(rig.tz) for start in starts[:most]]
    told = []
    for (day, offset), group in groupby(local, key=lambda one: (one.date(), _offset(one))):
        same = list(group)
        clock, utc = (", ".join(f"{one:%H:%M}" for one in each) for each in (same, [o.astimezone(UTC) for o in same]))
        told.append(f"{day_told(day)} {clock} {offset} ({utc} UTC)")
    kinds = {kind for _, kind, start in rows if start in starts[:most]}
    of = f", {type_told(rig, next(iter(kinds)))}" if len(kinds) == 1 else f", types {some(kinds)}"
    more = f"; and {counted(len(starts) - most, 'later start')}" if len(starts) > most else ""
    return f"{'; '.join(told)}{of}{more}"


def _offset(local: datetime) -> str:
    """`+01:00`."""
    return local.isoformat()[-6:]
