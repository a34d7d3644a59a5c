"""The same scrubbing for an adapter's own tests that are recorded with pytest-recording.

    SANDBOX = RecordedConnection(MySystem, external_id="100012", api_key="zqinvented", booking_url=None)

    @pytest.fixture(scope="module")
    def vcr_config():
        return SANDBOX.vcr_config()

    @pytest.mark.vcr
    def test_the_catalogue(): ...   # a session on Connection("my-system", **SANDBOX.fields)

Played, the invented fields are used. Recorded (`pytest --record-mode=once`), those of the environment, as for
`--target live`; the invented ones stand in their place in the cassette, so that both runs ask for the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from kobling import Adapter

from ..live import FIELDS, variable
from .allowlist import allow_list_of
from .cassettes import Credentials, scrubbing
from .scrubber import Scrubber

__all__ = ["RecordedConnection"]


class RecordedConnection:
    """A connection that is the sandbox's while recording and invented while playing."""

    def __init__(self, adapter: type[Adapter], **invented: str | None) -> None:
        self._adapter = adapter
        self._invented = {name: value for name, value in invented.items() if value is not None}

    @property
    def fields(self) -> dict[str, str]:
        """The connection's fields for this run."""
        told = {name: os.environ.get(variable(self._adapter.key, name), "") for name in FIELDS}
        return {name: told[name] for name in self._invented} if told["api_key"] else dict(self._invented)

    @property
    def origin(self) -> str | None:
        """The sandbox's address, where it is not the vendor's own."""
        return os.environ.get(variable(self._adapter.key, "origin")) or None

    def vcr_config(self, today: date | None = None) -> Mapping[str, Any]:
        """What pytest-recording's fixture of that name returns. today: the day of the recording; by default the
        machine's."""
        fields = self.fields
        stand_ins = {fields[name]: value for name, value in self._invented.items()}
        day = today or datetime.now(UTC).date()
        scrubber = Scrubber(allow_list_of(self._adapter), fields["api_key"], day, stand_ins=stand_ins)
        return scrubbing(scrubber, Credentials(self._adapter.auth, fields["api_key"]))
