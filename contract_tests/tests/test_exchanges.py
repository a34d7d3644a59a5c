"""What a report shows of an exchange: enough to mend an adapter, and no key, token or patient."""

from __future__ import annotations

import asyncio

import pytest

from kobling import InvalidRequest
from kobling_contract.contract import chosen
from kobling_contract.target import find_target
from kobling_contract.trial import Outcome, Trial


async def told_of(vendor: str) -> tuple[str, list[str]]:
    """A booking and what a report would tell of every call; and all that was sent where a key goes."""
    trial = Trial(chosen(["BOOK-01"])[0], find_target(vendor), 7, "async")
    rig = trial.rig()
    await trial.booked(rig)
    shown = "\n".join(trial.exchange([call]) for call in rig.received)
    sent = [value for one in rig.wire for name, value in one.request.headers if name.lower() == "authorization"]
    await trial.close()
    return shown, [value.rpartition(" ")[2] for value in sent]


def test_a_token_that_the_vendor_gave_is_shown_nowhere() -> None:
    shown, tokens = asyncio.run(told_of("synthetic"))
    assert len(set(tokens)) >= 1
    assert "answered: 200" in shown
    for token in set(tokens):
        assert len(token) >= 8
        assert token not in shown


def test_of_an_answer_that_gives_a_token_only_the_lengths_are_shown() -> None:
    shown, _ = asyncio.run(told_of("synthetic"))
    (answer,) = {line for line in shown.splitlines() if "answered" in line and "token" in line}
    assert "characters" in answer


@pytest.mark.parametrize("vendor", ["easypractice", "eg-pasientsky"])
def test_a_key_that_was_sent_is_shown_nowhere(vendor: str) -> None:
    shown, keys = asyncio.run(told_of(vendor))
    assert "answered: 20" in shown
    assert not [key for key in keys if key in shown]


def test_an_error_is_told_with_the_fields_it_names() -> None:
    told = str(Outcome(error=InvalidRequest("refused_by_vendor", fields=("mobile",))))
    assert told == "InvalidRequest (refused_by_vendor) at mobile, effect none"
