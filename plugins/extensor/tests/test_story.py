"""`kobling demo` tells this vendor's story too, in both languages and around a change of the clock."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from kobling import load
from kobling_cli.demo.story import tell_story
from kobling_cli.demo.told import Teller
from kobling_cli.output import Output
from kobling_cli.wording import Language
from kobling_mocks.clinic import Clock, demo_clinic
from kobling_mocks.mock import Mock


def told(mock: Mock, lang: Language = "nb") -> str:
    screen = io.StringIO()
    out = Output(lang=lang, console=Console(file=screen, width=80, highlight=False, markup=False))
    tell_story(mock, load(), Teller(out))
    return screen.getvalue()


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_the_story_fits_a_screen_and_a_lost_booking_is_found_again(lang: Language) -> None:
    text = told(Mock("extensor", demo_clinic(Clock(datetime.now(UTC)))), lang)
    assert len(text.splitlines()) <= 40
    assert "resolve → Booked (reference: found)" in text
    assert "SakID 6QPTR" in text
    assert "synthetic" in text


@pytest.mark.parametrize("now", [datetime(2026, 10, 23, 21, 59, tzinfo=UTC), datetime(2027, 3, 26, 12, tzinfo=UTC)])
def test_the_story_is_true_around_a_change_of_the_clock(now: datetime) -> None:
    assert told(Mock("extensor", demo_clinic(Clock(now))))
