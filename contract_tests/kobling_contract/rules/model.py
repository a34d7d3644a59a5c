"""MODEL: whole stories. After every step, and in every order of calls, what callers were told is so at the clinic."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Protocol

from kobling import KoblingError, Operation, RescheduleHalfDone

from ..clinics import ClinicName
from ..model import bookings
from ..model.causes import CAUSES, LOOKS
from ..model.meeting import CALLERS, Meeting, meeting
from ..model.play import REASON, Play, Words
from ..model.steps import LAST, Loss, Mix, Step, sequence, shortened
from ..rule import RuleBook
from ..sides import Escaped
from ..timebook import apart
from ..trial import Broken, Trial
from .booking import LOST_AFTER, LOST_BEFORE

BOOK = RuleBook("MODEL", "Whole stories: sequences, callers who meet, lost answers")
NEEDS: tuple[Operation, ...] = ("identify", "catalogue", "list_slots", "book", "cancel")
TRUTH = "the contract: what a session says is so at the vendor, at that moment and until somebody changes it"
ORDER = "linearizability (Herlihy and Wing 1990), a lost answer taken to take effect later or never"
TRIES = 40
"""How often a failing sequence is played again to make it short."""
RUNS = "KOBLING_MODEL_RUNS"

LOSSES: tuple[Loss, ...] = (
    *((kind, "before_commit") for kind in LOST_BEFORE),
    *((kind, "after_commit") for kind in LOST_AFTER),
    *(("slow", "before_commit"),) * 10,
)
"""What may become of an answer; late commits more often, since they are what a caller can be wrong about."""
DAILY: Mix = {
    "search": 5, "book": 7, "book_again": 4, "retry": 1, "cancel": 4, "cancel_again": 2, "move": 3, "read": 2,
    "list": 2, "staff_book": 2, "staff_cancel": 1, "staff_move": 3, "staff_delete": 1, "staff_block": 2,
    "staff_unblock": 1, "staff_patient": 1, "wait": 1,
}  # fmt: skip
LOSING: Mix = {
    "search": 1, "book": 6, "book_again": 2, "retry": 1, "resolve": 8, "cancel": 2, "cancel_again": 1, "move": 2,
    "read": 1, "staff_book": 1, "staff_cancel": 1, "staff_move": 2, "staff_patient": 1, "wait": 5,
}  # fmt: skip
BOOK_ONE, SEARCH = Step("book"), Step("search")
LATE = ("slow", "before_commit")
AGAIN, GIVE_UP = Step("resolve", pick=LAST), Step("cancel", pick=LAST)
LATE, DONE, UNDONE = ("slow", "before_commit"), ("reset", "after_commit"), ("reset", "before_commit")
MOTIFS: tuple[tuple[Step, ...], ...] = (
    (SEARCH, BOOK_ONE, Step("staff_move", pick=LAST), GIVE_UP, Step("search", 1)),
    (SEARCH, BOOK_ONE, SEARCH, GIVE_UP, SEARCH, Step("book_again", 1), Step("cancel_again", pick=LAST)),
    (SEARCH, Step("list"), Step("staff_block"), SEARCH, Step("staff_book"), SEARCH, Step("list"), BOOK_ONE),
)
"""Short stories that have gone wrong somewhere: each sequence tells one of them amid its random steps."""
LOST_MOTIFS: tuple[tuple[Step, ...], ...] = (
    (SEARCH, Step("book", loss=LATE), AGAIN, Step("wait", pick=2), AGAIN),
    (SEARCH, Step("book", loss=DONE), Step("resolve", 1, LAST), Step("staff_move", pick=LAST), AGAIN),
    (SEARCH, Step("book", loss=UNDONE), Step("book_again", 1), Step("resolve", 1), GIVE_UP),
    (SEARCH, BOOK_ONE, Step("move", pick=LAST, more=3, loss=DONE), Step("read", pick=LAST), GIVE_UP),
)
NIGHTLY: Mix = {**DAILY, "resolve": 2, "wait": 0}


def times() -> int:
    """How many times as many sequences and meetings as usual the environment asks for."""
    return max(1, int(os.environ.get(RUNS, "1")))


def runs(usual: int) -> int:
    """How many sequences or meetings a rule tries."""
    return usual * times()


def _of(texts: Mapping[str, str], names: Iterable[str]) -> Mapping[str, str]:
    return {name: texts[name] for name in names}


async def words(trial: Trial) -> Words:
    """The vendor's own names of the calls, from a booking that is made, moved and given up: the control."""
    rig = trial.rig()
    slots = await trial.open_times(rig, count=1)
    made = await trial.booked(rig, slots[0])
    new = next(one for one in slots[1:] if apart(one, slots[0]))
    mark = rig.mark()
    moved = await trial.outcome(rig.session.reschedule(made.booking.ref, rig.request(new)))
    trial.need(moved.value or isinstance(moved.error, RescheduleHalfDone) or None, f"a move without a fault: {moved}")
    moving = [call.operation or "" for call in rig.writing(rig.since(mark))]
    mark = rig.mark()
    stands = moved.value or made.booking  # where the new time waits for the clinic, the old one stands
    await rig.session.cancel(stands.ref, REASON)
    ending = [call.operation or "" for call in rig.writing(rig.since(mark))]
    trial.need(moving and ending, "a move or a cancel sent no write")
    return Words(made.write, ending[-1], tuple(moving))


# ---- sequences


class Story(Protocol):
    """What a rule plays: steps in a world of its own, and what there is to tell of it."""

    async def run(self, steps: Sequence[Step]) -> None:
        """Play the steps, and raise `Broken` where the callers' world is not the clinic's."""

    def told(self) -> Iterator[str]:
        """What was done and what came of it, as a numbered list."""


async def _problem(story: Story, steps: Sequence[Step]) -> Broken | None:
    """What is wrong with it, and the story so far as its exchange."""
    try:
        await story.run(steps)
    except Broken as broken:
        found = broken
    except KoblingError as error:
        found = Broken("unexpected_error", "the call succeeds", str(error))
    except Escaped as escaped:
        found = Broken("foreign_error", "only a KoblingError", str(escaped))
    else:
        return None
    return Broken(found.cause, found.expected, found.got, "\n".join(story.told()))


async def _told_short(begin: Callable[[], Story], steps: Sequence[Step], problem: Broken, trial: Trial) -> Broken:
    """The shortest story found that is wrong for the same cause, and how to play the whole again."""
    shortest = problem

    async def fails(candidate: tuple[Step, ...]) -> bool:
        nonlocal shortest
        again = await _problem(begin(), candidate)
        if again is None or again.cause != problem.cause:
            return False
        shortest = again
        return True

    await shortened(steps, fails, tries=TRIES)
    asked = os.environ.get(RUNS)
    line = f"kobling certify {trial.target.vendor} --rule {trial.rule.id} --seed {trial.seed}"
    again = f"play it again: {RUNS}={asked} {line}" if asked else f"play it again: {line}"
    return Broken(shortest.cause, shortest.expected, shortest.got, f"{shortest.exchange}\n{again}")


async def _sequences(
    trial: Trial, worlds: Sequence[ClinicName], steps_of: Callable[[random.Random, int], tuple[Step, ...]]
) -> None:
    """Play random sequences, one after the other in the worlds given; a failing one is told as a short one."""
    names, checks, calls, played_so_far = await words(trial), 0, 0, count(1)
    for number in range(runs(len(worlds))):
        steps = steps_of(trial.target.random(trial.seed, f"{trial.rule.id} {number}"), number)

        world = worlds[number % len(worlds)]

        def begin(world: ClinicName = world) -> Play:
            return Play(trial, world, names, next(played_so_far))

        played = begin()
        problem = await _problem(played, steps)
        if problem is not None:
            raise await _told_short(begin, steps, problem, trial)
        checks += played.checked
        calls += len(played.rig.world.journal)
        trial.need(played.checked >= 4 or None, f"{played.checked} of {len(steps)} steps found something to do")
    trial.saw(f"{runs(len(worlds))} sequences, {checks} steps and {calls} calls: each time the same at the clinic")


SEQUENCE = (
    "missing", "invented", "undecidable_guessed", "not_mentioned", "told_booked", "told_not_booked", "refused_wrongly",
    "touched_another", "two_writes", "two_made", "other_reference", "told_cancelled", "told_moved", "without_any",
    "told_other", "not_listed", "false_booked", "false_not_booked", "wrote", "no_end",
)  # fmt: skip


@BOOK.rule(
    1,
    "In any sequence of searches, bookings, moves and cancels, what callers are told is so at the clinic at every step",
    why="Each call may be right by itself and the story wrong: a time that is shown after it was booked, a reference "
    "that is used twice, a booking that staff have moved and that is told as gone.",
    check="What is kept between two calls: class attributes, caches, counters. The last step before the difference "
    "names the operation.",
    control="A booking is made, moved and given up without a fault in a twin clinic, and the steps found something "
    "to do.",
    source=TRUTH,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    times=times,
    causes=_of(CAUSES, SEQUENCE),
    look=_of(LOOKS, SEQUENCE),
    safety=True,
)
async def _every_step(trial: Trial) -> None:
    def steps(chance: random.Random, number: int) -> tuple[Step, ...]:
        return sequence(chance, DAILY, 22, motif=MOTIFS[number % len(MOTIFS)])

    await _sequences(trial, ("demo",) * 3, steps)


@BOOK.rule(
    2,
    "In any sequence in which answers are lost, `resolve` and the next calls tell the truth, and nothing is sent twice",
    why="After a lost answer somebody looks, waits, moves or gives up, in any order; staff work on meanwhile.",
    check="latest_commit and the other BookingFacts, what list_bookings leaves out, and every `except` around a write.",
    control="A booking is made, moved and given up without a fault in a twin clinic, and the steps found something "
    "to do.",
    source=TRUTH,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    times=times,
    causes=_of(CAUSES, SEQUENCE),
    look=_of(LOOKS, SEQUENCE),
    safety=True,
)
async def _lost_in_sequences(trial: Trial) -> None:
    def steps(chance: random.Random, number: int) -> tuple[Step, ...]:
        return sequence(chance, LOSING, 20, losses=LOSSES, lost=0.6, motif=LOST_MOTIFS[number % len(LOST_MOTIFS)])

    await _sequences(trial, ("demo",) * 4, steps)


@BOOK.rule(
    3,
    "Also while the clock jumps over the two nights, what callers are told is so at the clinic at every step",
    why="Twice a year an hour happens twice or not at all, between a search and the booking that comes of it.",
    check="kobling.localtime for every wall-clock text; nothing computed from the day on which it was kept.",
    control="A booking is made, moved and given up without a fault in a twin clinic, and the steps found something "
    "to do.",
    source="the contract's rule for wall-clock rows; IANA time zone Europe/Oslo",
    needs=NEEDS,
    evidence=("timebook", "journal"),
    times=times,
    causes={
        **_of(CAUSES, SEQUENCE),
        "missing": "Times that the clinic offers on these days are not found: an hour of the night may come twice, or "
        "not at all. Look also at what is kept from earlier answers.",
        "invented": "Times are found that the clinic does not offer on these days: an hour of the night may come "
        "twice, or not at all. Look also at what is kept from earlier answers.",
    },
    look=_of(LOOKS, [one for one in SEQUENCE if one not in ("missing", "invented")]),
)
async def _over_the_nights(trial: Trial) -> None:
    def steps(chance: random.Random, _: int) -> tuple[Step, ...]:
        """Some steps before the night, some shortly before the change, and some after it."""
        parts = [sequence(chance, NIGHTLY, length, losses=LOSSES, lost=0.15) for length in (6, 5, 5)]
        jumps = (Step("wait", pick=chance.choice((1, 2))), Step("wait", pick=chance.choice((3, 4))))
        look = Step("search", chance.randrange(2))
        return (*parts[0], jumps[0], look, *parts[1], jumps[1], look, *parts[2])

    await _sequences(trial, ("autumn", "spring"), steps)


# ---- meetings


class _Judged(Meeting):
    """A meeting that is judged when all have returned."""

    def __init__(self, judge: Callable[[Meeting], None], *given: Any) -> None:
        super().__init__(*given)
        self._judge = judge

    async def run(self, steps: Sequence[Step]) -> None:
        """Let them meet, and judge what came of it."""
        await super().run(steps)
        self._judge(self)


async def _meetings(trial: Trial, length: int, lost: float, usual: int, judge: Callable[[Meeting], None]) -> None:
    """Let callers meet, time and again, the first time without staff and without a lost answer, so that one of them
    gets the time; a meeting that ended badly is told as a short one."""
    names = await words(trial)
    yes = refused = unknown = 0
    met_so_far = count(1)
    for number in range(runs(usual)):
        chance = trial.target.random(trial.seed, f"{trial.rule.id} {number}")
        steps = meeting(chance, length, LOSSES, lost) if number else meeting(chance, 0, (), 0.0)
        focus = chance.randrange(1000)

        def begin(focus: int = focus) -> Meeting:
            return _Judged(judge, trial, "demo", names, focus, next(met_so_far))

        met = begin()
        problem = await _problem(met, steps)
        if problem is not None:
            raise await _told_short(begin, steps, problem, trial)
        yes, refused, unknown = yes + met.told_yes, refused + met.refused, unknown + met.lost
    trial.need(yes or None, "nobody was ever told yes")
    trial.saw(
        f"{runs(usual)} meetings of {CALLERS} callers and staff about the same times: {yes} calls told yes, {refused} "
        f"told that the time is taken, {unknown} answers lost"
    )


def _explained(met: Meeting) -> None:
    for problem in bookings.unexplained(met.history, met.initial, met.final, met.ended):
        stuck = "; ".join(one.name for one in problem.stuck)
        raise Broken(
            "no_order",
            "an order of the calls, each at a moment between its beginning and its end, in which every answer is true",
            f"no such order: calls that could be placed: {len(problem.placed)}; none of these can come next: {stuck}",
        )


def _apart(met: Meeting) -> None:
    for one, other, where in met.overlaps():
        raise Broken(
            "overlap",
            "no two appointments of the registry's at one time of a practitioner, when all have returned",
            f"{one} and {other} both stand at {where.begin:%Y-%m-%d %H:%M} UTC ({where.timebook})",
        )


ENDING = ("false_booked", "false_not_booked", "no_end")


@BOOK.rule(
    4,
    "However callers and staff meet, some order of their calls explains what each of them was told",
    why="Two who were told yes for one time, or one whom the vendor refused for a time that nobody had, are misled.",
    check="Anything that callers share in the adapter; where overlaps are accepted, that list_bookings shows every "
    "booking that can overlap.",
    control="A booking is made, moved and given up without a fault in a twin clinic, and somebody who met others was "
    "told yes.",
    source=ORDER,
    needs=NEEDS,
    evidence=("timebook", "journal"),
    times=times,
    causes={
        **_of(CAUSES, ENDING),
        "no_order": "In no order of the calls all answers are true. Of the calls that can't come next, one caller was "
        "told what was not so: find that call in the story, and what it was told.",
    },
    look=_of(LOOKS, ENDING),
    safety=True,
)
async def _in_some_order(trial: Trial) -> None:
    await _meetings(trial, 3, 0.1, 5, _explained)


@BOOK.rule(
    5,
    "When all have returned and lost answers are found out, no two of the registry's appointments share a time",
    why="Two patients at one door. Also where the vendor accepts double bookings, one of two has to be withdrawn.",
    check="BookingFacts.overlap, and that list_bookings shows every booking that can overlap, with its end.",
    control="A booking is made, moved and given up without a fault in a twin clinic, and somebody who met others was "
    "told yes.",
    source="the contract: the settle rule",
    needs=NEEDS,
    evidence=("timebook", "journal"),
    times=times,
    causes={
        **_of(CAUSES, ENDING),
        "overlap": "Two appointments of the registry's stand at one time of one practitioner, and nobody was told.",
    },
    look=_of(LOOKS, ENDING),
    safety=True,
)
async def _no_overlap(trial: Trial) -> None:
    await _meetings(trial, 2, 0.3, 4, _apart)
