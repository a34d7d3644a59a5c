"""Fixtures of the mocks' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kobling_mocks import Mock
from partner_caller import Caller, caller_of


@pytest.fixture
def caller() -> Iterator[Caller]:
    """The demo clinic, its clock at Monday 23 November 2026, 08:00 in Oslo. Its invariants must hold at the end."""
    made = caller_of(Mock("eg-pasientsky"))
    yield made
    made.mock.world.assert_sound()
