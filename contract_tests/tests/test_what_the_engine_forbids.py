"""Faults that the engine makes impossible: each is tried by an adapter, and what it wanted does not happen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from kobling import Adapter, AdapterBug, CancelReason, KoblingError, OutcomeUnknown, Slot
from kobling_contract.leaks import told_by_error
from kobling_contract.rig import PATIENT, Rig
from kobling_contract.sides import Mode
from kobling_contract.target import find_target
from planted import (
    BooksDuringASearch,
    CrashesAfterTheWrite,
    LeavesTheHost,
    Resends,
    ReturnsNothingOnErrors,
    SendsUndeclaredFields,
    TellsLostAnswersAsBooked,
    TellsLostCancelsAsDone,
    Twin,
)

Make = Callable[[type[Adapter]], Rig]


@pytest.fixture(params=["async", "sync"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a rig with an adapter, in both modes."""
    mode: Mode = request.param
    rigs: list[Rig] = []

    def one(adapter: type[Adapter]) -> Rig:
        rigs.append(Rig(find_target("eg-pasientsky", adapter), mode, "demo", 1))
        return rigs[-1]

    yield one
    for rig in rigs:
        asyncio.run(rig.close())


def run(call: Awaitable[object]) -> object:
    """Run one call of a session; its KoblingError is the result."""

    async def settle() -> object:
        try:
            return await call
        except KoblingError as error:
            return error

    return asyncio.run(settle())


async def _first(rig: Rig) -> Slot:
    return (await rig.session.slots(rig.days(3, 1))).found[0]


@pytest.mark.parametrize("nth", [2, 5])
def test_an_adapter_that_swallows_errors_of_a_search_can_not_make_it_look_empty(make: Make, nth: int) -> None:
    rig = make(ReturnsNothingOnErrors)
    rig.fault("search", "html_200", nth=nth, times=0)
    assert isinstance(run(rig.connect().slots(rig.days(7))), KoblingError)


@pytest.mark.parametrize("adapter", [Resends, TellsLostAnswersAsBooked])
@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
def test_an_adapter_that_resends_or_hides_a_lost_answer_is_stopped(
    make: Make, adapter: type[Adapter], when: str
) -> None:
    rig = make(adapter)
    standing = rig.appointments()

    async def book() -> object:
        slot = await _first(rig)
        rig.fault("book", "reset", when=when)
        return await rig.session.book(rig.request(slot))

    error = run(book())
    assert isinstance(error, OutcomeUnknown)
    assert error.because == "read"
    assert len(rig.world.journal.of("book")) == 1
    assert len(rig.made_since(standing)) == (when == "after_commit")


def test_an_adapter_that_hides_a_lost_cancel_is_stopped(make: Make) -> None:
    rig = make(TellsLostCancelsAsDone)

    async def cancel() -> object:
        booking = await rig.session.book(rig.request(await _first(rig)))
        rig.fault("cancel", "hang")
        return await rig.session.cancel(booking.ref, CancelReason(by="patient"))

    assert isinstance(run(cancel()), OutcomeUnknown)


def test_an_adapter_that_crashes_after_the_write_leaves_an_unknown_outcome_and_no_trace_of_the_patient(
    make: Make,
) -> None:
    rig = make(CrashesAfterTheWrite)

    async def book() -> object:
        return await rig.session.book(rig.request(await _first(rig)))

    error = run(book())
    assert isinstance(error, OutcomeUnknown)
    assert error.because == "ValueError"
    assert not [text for text in told_by_error(error) if str(PATIENT.email) in text]
    assert [call.effect for call in rig.world.journal.of("book")] == ["done"]


def test_a_write_in_a_search_is_refused_unsent(make: Make) -> None:
    rig = make(BooksDuringASearch)
    before = rig.clinic.revision
    error = run(rig.session.slots(rig.days(3, 1)))
    assert isinstance(error, AdapterBug)
    assert error.because == "write_in_a_read"
    assert not rig.world.journal.of("book")
    assert rig.clinic.revision == before


def test_a_field_of_the_patient_that_is_not_declared_never_reaches_the_adapter(make: Make) -> None:
    rig = make(SendsUndeclaredFields)

    async def book() -> object:
        return await rig.session.book(rig.request(await _first(rig)))

    run(book())
    (sent,) = [one.request for one in rig.wire if one.request.url.endswith("/book")]
    assert str(PATIENT.national_id).encode() not in sent.body
    assert b'"name": null' in sent.body or b'"name":null' in sent.body


def test_an_address_out_of_an_answer_is_only_a_part_of_the_path(make: Make) -> None:
    rig = make(LeavesTheHost)
    own = make(Twin)
    assert isinstance(run(rig.session.clinic()), KoblingError)
    run(own.session.clinic())
    hosts = {one.request.url.split("/")[2] for one in rig.wire}
    assert hosts <= {one.request.url.split("/")[2] for one in own.wire}
