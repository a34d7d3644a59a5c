"""The suite waits for an adapter's own stated limit as a patient caller does, and never for a vendor's refusal; and it
sees the whole clinic also where each connection leads to one department."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from kobling import (
    AdapterBug,
    KoblingError,
    RateLimited,
    Slots,
    UnknownPart,
    VendorProtocolError,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling.testing import reply
from kobling_contract.contract import chosen
from kobling_contract.everywhere import one_catalogue
from kobling_contract.patience import MOST_WAITS, Patience
from kobling_contract.rig import Rig
from kobling_contract.rules import pages
from kobling_contract.sides import Side
from kobling_contract.synthetic.adapter import Synthetic
from kobling_contract.synthetic.dialect import SyntheticVendor
from kobling_contract.target import Target, find_target
from kobling_contract.trial import PATIENCE, Trial
from kobling_mocks import find_dialect
from kobling_mocks.dialect import Account, Visit
from kobling_zoo.odd import ADepartmentInEveryCall, ThirtyCallsAMinute


class SaysSoInTheBody(ThirtyCallsAMinute):
    """Has a vendor with a code for too many calls, in an answer with status 200."""

    contract = 1
    errors = replace(ThirtyCallsAMinute.errors, codes={**ThirtyCallsAMinute.errors.codes, "FOR_MANGE": RateLimited})


def searched(days: int, **options: Any) -> tuple[Slots | RateLimited, Rig]:
    """What a caller hears who searches so many days, and the rig in which they did."""

    async def search() -> tuple[Slots | RateLimited, Rig]:
        target = Target(SaysSoInTheBody, find_dialect("extensor"))
        rig = Rig(target, "async", "many_weeks", 1, **options)
        try:
            return await rig.session.slots(rig.days(days, 1)), rig
        except RateLimited as limit:
            return limit, rig
        finally:
            await rig.close()

    return asyncio.run(search())


def test_a_search_that_takes_more_calls_than_a_minute_has_is_answered_whole_in_some_minutes() -> None:
    answer, rig = searched(60)
    assert isinstance(answer, Slots)
    assert answer.complete
    moments = [call.at.timestamp() for call in rig.received]
    assert len(moments) > 60
    assert all(later - earlier >= 60 for earlier, later in zip(moments, moments[30:], strict=False))


@pytest.mark.parametrize("refusal", [reply(429), reply(200, json={"feilkode": "FOR_MANGE"})], ids=["429", "200"])
def test_a_vendor_that_refuses_by_itself_is_never_waited_away(refusal: WireReply) -> None:
    seen: list[int] = []

    def spoil(_: WireRequest, outcome: WireReply | WireFailure) -> WireReply | WireFailure:
        seen.append(1)
        return refusal if 10 <= len(seen) < 14 else outcome

    answer, _ = searched(60, spoil=spoil)
    assert isinstance(answer, RateLimited) or not answer.complete


@pytest.mark.parametrize("because", ["own_budget", "status_429"])
def test_patience_has_an_end_and_is_for_the_own_limit_only(because: str) -> None:
    waits: list[float] = []

    async def asked(*_: Any) -> Any:
        raise RateLimited(because, retry_after=7.0)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    patience = Patience(60.0, sleep, lambda: lambda: False)
    with pytest.raises(RateLimited):
        asyncio.run(patience.asked(asked, "catalogue"))
    assert waits == ([7.0] * MOST_WAITS if because == "own_budget" else [])


# ---- a busy machine


class Stalls(SyntheticVendor):
    """A mock that gets no turn, at every twentieth call over a socket, for longer than a hurried adapter waits."""

    calls: ClassVar[list[str]] = []

    def account_of(self, visit: Visit) -> Account | None:
        if threading.current_thread().name.startswith("CP Server"):
            self.calls.append(threading.current_thread().name)
            if len(self.calls) % 20 == 0:
                time.sleep(PATIENCE + 0.2)
        return super().account_of(visit)


def test_a_machine_that_is_busy_for_a_moment_does_not_decide_whether_a_control_succeeds() -> None:
    (rule,) = chosen(["SECR-01"])

    async def look() -> list[str]:
        trial = Trial(rule, Target(Synthetic, Stalls()), 1, "async")
        try:
            await rule.run(trial)
            return trial.evidence
        finally:
            await trial.close()

    assert len(asyncio.run(look())) == 2, "in process, and over a socket"
    assert len(Stalls.calls) > 40, "it was busy more than once"


# ---- departments


def test_where_a_department_is_demanded_the_whole_clinic_is_its_departments_together() -> None:
    async def read() -> None:
        rig = Rig(find_target("extensor", ADepartmentInEveryCall), "async", "demo", 1)
        try:
            parts = {place: await rig.connect(department_id=place).catalogue() for place in rig.places}
            whole = await rig.whole().catalogue()
            assert whole == one_catalogue(parts)
            assert any(one.locations is not None for one in whole.services)
            assert all(len(part.services) < len(whole.services) for part in parts.values())
            found = (await rig.whole().slots(rig.days(7))).found
            assert len({one.identity for one in found}) == len(found)
            slot = next(one for one in found if one.connection_id != rig.session.connection_id)
            assert (await rig.whole().book(rig.request(slot))).start == slot.start
        finally:
            await rig.close()

    asyncio.run(read())


TOO_MANY = [RateLimited("own_budget"), VendorProtocolError("endless_pages"), AdapterBug("too_many_calls"), None]


@pytest.mark.parametrize("raises", TOO_MANY)
def test_pages_are_made_no_shorter_than_a_reading_has_calls_for(
    raises: KoblingError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    opened = pages._opened

    def tried(trial: Trial, reading: Any) -> Rig:
        rows.append(reading.rows)
        return opened(trial, reading)

    monkeypatch.setattr(pages, "_opened", tried)

    async def read(side: Side) -> Slots:
        if rows[-1] != pages.LARGE_PAGE and raises is not None:
            raise raises
        told = await side.slots(pages.WEEK)
        limited = UnknownPart(first_day=pages.WEEK.first_day, last_day=pages.WEEK.last_day, because="rate_limited")
        return told if rows[-1] == pages.LARGE_PAGE else told.model_copy(update={"unknown": (limited,)})

    trial = Trial(chosen(["PAGE-01"])[0], find_target("easypractice"), 1, "sync")
    reading = replace(pages._AROUND_PAUSES, read=read)
    reached, *_ = asyncio.run(pages._control(trial, reading))
    assert rows == [3, 24, 100]
    assert reached.rows == pages.LARGE_PAGE


def test_an_error_that_short_pages_do_not_explain_is_told() -> None:
    async def read(_: Side) -> Slots:
        raise VendorProtocolError("page_twice")

    trial = Trial(chosen(["PAGE-01"])[0], find_target("easypractice"), 1, "sync")
    with pytest.raises(VendorProtocolError, match="page_twice"):
        asyncio.run(pages._control(trial, replace(pages._AROUND_PAUSES, read=read)))
