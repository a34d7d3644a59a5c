"""A vendor that cancels only what the registry has booked: its refusal is no word about whether a booking is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kobling import BookingNotFound, ErrorMap, Refusal, TooLateToChange
from kobling_contract.contract import chosen
from kobling_contract.runner import Result, run_rule
from kobling_contract.synthetic.adapter import Synthetic
from kobling_contract.synthetic.dialect import SyntheticVendor
from kobling_contract.target import Target
from kobling_contract.verdicts import Verdict
from kobling_mocks import Answer, Operation, Visit


def errors(**more: Any) -> ErrorMap:
    return ErrorMap({**Synthetic.errors.codes, **more}, statuses=Synthetic.errors.statuses, code="/error/code")


class NotOursIsGone(Synthetic):
    """Takes the refusal for a booking that is not there."""

    contract = 1
    errors = errors(not_yours=BookingNotFound)


class NotOursIsNotAllowed(Synthetic):
    """Knows that the booking stands."""

    contract = 1
    errors = errors(not_yours=Refusal(TooLateToChange, "not_allowed"))


class OnlyItsOwn(SyntheticVendor):
    """Refuses to cancel what staff have made."""

    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(replace(one, handle=careful(one.handle)) if one.name == "cancel" else one
                     for one in super().operations)  # fmt: skip


def careful(cancel: Callable[[Visit], Answer]) -> Callable[[Visit], Answer]:
    def handle(visit: Visit) -> Answer:
        (account,) = visit.world.accounts.values()
        own = OnlyItsOwn.ids.own(account.clinic, visit.path["booking_id"])
        if own is not None and account.clinic.appointment(own).source != "online":
            return Answer(403, json={"error": {"code": "not_yours", "fields": []}})
        return cancel(visit)

    return handle


def never_was(adapter: type[Synthetic], dialect: SyntheticVendor) -> Result:
    return run_rule(chosen(["CNCL-03"])[0], Target(adapter, dialect), 1, repeats=0)


def test_a_refusal_for_somebody_elses_booking_is_not_told_as_gone() -> None:
    told = never_was(NotOursIsGone, OnlyItsOwn())
    assert (told.verdict, told.cause) == (Verdict.FAIL, "not_ours")
    good = never_was(NotOursIsNotAllowed, OnlyItsOwn())
    assert good.verdict is Verdict.PASS
    assert "a booking that staff have made stands, and is told as TooLateToChange" in good.evidence[-1]


def test_who_cancels_what_staff_have_made_has_done_what_was_asked() -> None:
    told = never_was(NotOursIsGone, SyntheticVendor())
    assert told.verdict is Verdict.PASS
    assert told.evidence[-1] == "a booking that staff have made: the vendor cancels it, too"
