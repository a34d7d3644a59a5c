"""The small clinic as a fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_clinic import SmallClinic, small_clinic

from kobling_mocks.clinic import check_invariants


@pytest.fixture
def small() -> Iterator[SmallClinic]:
    """The small clinic; when the test ends, its invariants must hold."""
    world = small_clinic()
    yield world
    assert check_invariants(world.clinic) == []
