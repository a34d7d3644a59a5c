"""`kobling demo`: true on any day, in both languages, and on one screen."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from kobling import load
from kobling_cli.demo.story import tell_story
from kobling_cli.demo.told import NotTrue, Teller
from kobling_cli.output import Output
from kobling_cli.wording import Language
from kobling_mocks import Fault, Mock
from kobling_mocks.clinic import Clock, demo_clinic

SCREEN = (80, 40)
DAYS = (
    datetime(2026, 10, 23, 21, 59, tzinfo=UTC),
    datetime(2026, 11, 28, 22, 59, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
    datetime(2027, 3, 26, 12, 0, tzinfo=UTC),
)
"""Before and around: the night that is longer, a weekend, a new year, the night that is shorter."""


def told(mock: Mock, lang: Language = "nb") -> list[str]:
    """The story's lines on a screen of 80 columns."""
    screen = Console(file=io.StringIO(), width=SCREEN[0], highlight=False, markup=False)
    out = Output(lang=lang, console=screen)
    tell_story(mock, load(), Teller(out))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_a_vendors_story_fits_a_screen_in_both_languages(lang: Language) -> None:
    lines = told(Mock("eg-pasientsky", demo_clinic(Clock(datetime.now(UTC)))), lang)
    assert len(lines) <= SCREEN[1]
    assert max(map(len, lines)) <= SCREEN[0]


@pytest.mark.parametrize("now", DAYS)
def test_the_story_is_true_on_any_day(now: datetime) -> None:
    assert told(Mock("eg-pasientsky", demo_clinic(Clock(now))))


NOBODY = "3f0c1d20-0000-11ef-8000-00000000dead"
LIES = {
    "a booking that was not made": (
        Fault("book", "reply", status=200, body={"data": {"bookingId": NOBODY}}),
        "0 appointments instead of one",
    ),
    "a cancellation that was not made, while moving": (
        Fault("cancel", "reply", status=200, body={"data": {"cancelled": True}}),
        "not exactly the new time stands",
    ),
    "a cancellation that was not made": (
        Fault("cancel", "reply", nth=2, status=200, body={"data": {"cancelled": True}}),
        "the appointment still stands",
    ),
    "a vendor that is down": (Fault("search", "http_503", times=0), "does not work"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_story_that_is_not_true_is_not_told_to_its_end(lie: str) -> None:
    fault, found_out = LIES[lie]
    mock = Mock("eg-pasientsky", demo_clinic(Clock(datetime.now(UTC))))
    mock.world.faults.add(fault)
    with pytest.raises(NotTrue, match=found_out):
        told(mock)
