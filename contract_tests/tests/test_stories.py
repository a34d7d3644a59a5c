"""Random stories: one seed tells one, a failing one is made short, and it is told so that a person can read it."""

from __future__ import annotations

import asyncio
import random
from time import monotonic
from typing import Any, ClassVar

import pytest

from kobling import BookingRequest, Http, SlotTaken
from kobling_contract.clinics import AUTUMN_NIGHT
from kobling_contract.contract import chosen
from kobling_contract.model.meeting import CALLERS, meeting
from kobling_contract.model.play import Play
from kobling_contract.model.steps import Step, sequence, shortened
from kobling_contract.model.world import person
from kobling_contract.pace import STUCK, Pace
from kobling_contract.rules.model import DAILY, LOSING, LOSSES, RUNS, runs, words
from kobling_contract.runner import Result, run_rule
from kobling_contract.synthetic.adapter import HoldsFirst
from kobling_contract.target import find_target
from kobling_contract.trial import Trial
from kobling_contract.verdicts import Verdict
from kobling_mocks.clinic import demo_clinic
from kobling_zoo.alterations import Memory, SharedMemory
from kobling_zoo.housing import exhibits

SEED = 1


def shown(name: str) -> Result:
    one = exhibits()[name]
    return run_rule(chosen([one.rule])[0], one.target(one.adapter), SEED, repeats=0)


# ---- sequences


def test_one_seed_gives_one_sequence_and_another_seed_another() -> None:
    def drawn(seed: int) -> tuple[Step, ...]:
        return sequence(random.Random(seed), LOSING, 30, losses=LOSSES, lost=0.5)

    assert drawn(1) == drawn(1) != drawn(2)
    assert {step.loss is None for step in drawn(1)} == {True, False}


def test_every_act_of_a_mix_is_drawn_and_the_motif_stands_whole_in_the_midst() -> None:
    motif = (Step("wait", 1, 77), Step("wait", 0, 78))
    steps = sequence(random.Random(3), DAILY, 400, motif=motif)
    assert {step.act for step in steps} == set(DAILY)
    begin = steps.index(motif[0])
    assert steps[begin : begin + 2] == motif


def test_callers_who_meet_all_book_at_once() -> None:
    steps = meeting(random.Random(1), 4, LOSSES, 0.2)
    assert [(one.act, one.caller) for one in steps[:CALLERS]] == [("book", caller) for caller in range(CALLERS)]


# ---- making short


@pytest.mark.parametrize("needed", [(3,), (0, 19), (4, 5, 6), (1, 8, 15)])
def test_a_failing_sequence_is_reduced_to_the_steps_that_it_needs(needed: tuple[int, ...]) -> None:
    steps = tuple(Step("wait", pick=number) for number in range(20))

    async def fails(candidate: tuple[Step, ...]) -> bool:
        return set(needed) <= {step.pick for step in candidate}

    shortest = asyncio.run(shortened(steps, fails, tries=200))
    assert tuple(step.pick for step in shortest) == needed


def test_it_is_played_no_more_often_than_allowed_and_stays_one_that_fails() -> None:
    played: list[tuple[Step, ...]] = []

    async def fails(candidate: tuple[Step, ...]) -> bool:
        played.append(candidate)
        return Step("wait", pick=7) in candidate

    shortest = asyncio.run(shortened([Step("wait", pick=n) for n in range(50)], fails, tries=5))
    assert len(played) <= 5
    assert Step("wait", pick=7) in shortest


# ---- what is told


def test_a_failing_story_is_told_in_numbered_steps_with_a_line_to_play_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = shown("WhatWasMovedIsGone")
    assert (told.verdict, told.cause) == (Verdict.FAIL, "told_cancelled")
    *story, again = told.exchange.splitlines()
    assert [line.partition(".")[0] for line in story] == [str(number) for number in range(1, len(story) + 1)]
    assert len(story) <= 7, told.exchange
    assert "Staff move the appointment of patient" in told.exchange
    assert again == f"play it again: kobling certify extensor --rule MODEL-01 --seed {SEED}"
    monkeypatch.setenv(RUNS, "1")
    assert shown("WhatWasMovedIsGone").exchange == told.exchange.replace(": kobling", f": {RUNS}=1 kobling")


def test_no_patient_stands_in_a_story() -> None:
    told = "\n".join(shown("TheLastAnswerAgain").lines())
    for number in range(1, 20):
        patient = person(number)
        assert not [text for text in (patient.name, patient.email, patient.phone) if text and text in told]


@pytest.mark.parametrize(("asked", "played"), [(None, 3), ("1", 3), ("20", 60), ("0", 3)])
def test_more_runs_play_more_sequences(asked: str | None, played: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUNS, raising=False)
    if asked is not None:
        monkeypatch.setenv(RUNS, asked)
    assert runs(3) == played


# ---- worlds


def test_a_step_that_finds_nothing_to_choose_from_does_nothing() -> None:
    async def played() -> Play:
        trial = Trial(chosen(["MODEL-01"])[0], find_target("extensor"), SEED, "async")
        play = Play(trial, "demo", await words(trial))
        await play.run([Step("cancel"), Step("move"), Step("resolve"), Step("staff_move"), Step("book_again")])
        await trial.close()
        return play

    play = asyncio.run(played())
    assert [line.split(" ")[2] for line in play.lines] == ["searches", "searches", "goes"]


def test_a_listed_booking_of_the_repeated_hour_may_have_no_start() -> None:
    """Extensor tells times by the wall clock, and its adapter does not guess which half of the hour is meant."""

    class OfTheRepeatedHour(Play):
        def _pick(self, options: Any, pick: int) -> Any:
            both = [one for one in options if (one.local_start.date(), one.local_start.hour) == (AUTUMN_NIGHT, 2)]
            return super()._pick(both, pick)

    async def played() -> tuple[Play, list[Any]]:
        trial = Trial(chosen(["MODEL-03"])[0], find_target("extensor"), SEED, "async")
        play = OfTheRepeatedHour(trial, "autumn", await words(trial))
        listed: list[Any] = []
        bookings = play.callers[0].bookings

        async def heard(query: Any) -> Any:
            listed.append(await bookings(query))
            return listed[-1]

        play.callers[0].bookings = heard  # type: ignore[method-assign]
        await play.run([Step("book"), Step("list")])
        await trial.close()
        return play, listed

    play, listed = asyncio.run(played())
    assert [line.split(" ")[2] for line in play.lines][2:4] == ["books", "lists"]
    assert None in [one.start for one in listed[0].found]


class RefusedForAWhile(HoldsFirst):
    """Who was refused a hold is refused again for a minute, whether or not the time has been given up."""

    memory: ClassVar[Memory] = SharedMemory(60)

    async def hold_slot(self, http: Http, request: BookingRequest) -> str:
        if self.memory.recall(self.connection, request.slot.identity, http.now):
            raise SlotTaken("vendor_refused")
        try:
            return await super().hold_slot(http, request)
        except SlotTaken:
            self.memory.keep(self.connection, request.slot.identity, True, http.now)
            raise


def test_a_time_that_is_held_after_a_lost_answer_is_taken_until_the_hold_ends() -> None:
    """With this seed a booking is lost before it is made, and its hold keeps the others from the time."""
    (rule,) = chosen(["MODEL-04"])
    result = run_rule(rule, find_target("synthetic-holds"), 611, repeats=0)
    assert result.verdict is Verdict.PASS, result.got
    result = run_rule(rule, find_target("synthetic-holds", RefusedForAWhile), 611, repeats=0)
    assert (result.verdict, result.cause) == (Verdict.FAIL, "no_order")


def test_time_waits_for_an_actor_between_two_calls_and_counts_their_call_no_second_time() -> None:
    pace = Pace(demo_clinic().clock)
    with pace.actor(), pace.caller():
        began = monotonic()
        pace.sleep(5.0)
    assert pace.monotonic() == 5.0
    assert monotonic() - began < STUCK
