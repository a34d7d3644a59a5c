"""A caller of EG Pasientsky's partner API, in process, as tests of the mocks need one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kobling.exchange import WireFailure, WireReply, WireRequest
from kobling_mocks import Mock
from kobling_mocks.clinic import demo_id

DAY = "2026-12-01"
KARI = demo_id("timebook", "kari")
FIRST_VISIT = demo_id("type", "forste")
FOLLOW_UP = demo_id("type", "oppfolging")


@dataclass
class Caller:
    """Calls one clinic of a mock. `call` gives the reply or failure, `ok` the JSON of a 200."""

    mock: Mock
    external_id: str
    api_key: str

    def request(
        self,
        path: str,
        body: Mapping[str, Any] | bytes,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        external_id: str | None = None,
    ) -> WireRequest:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **(headers or {})}
        clinic = external_id if external_id is not None else self.external_id
        url = f"https://vendor.example/partner-api/{clinic}{path}{query}"
        return WireRequest("POST", url, tuple(given.items()), data)

    def call(self, path: str, body: Mapping[str, Any], **more: Any) -> WireReply | WireFailure:
        return self.mock.exchange(self.request(path, {"apikey": self.api_key, **body}, **more))

    def reply(self, path: str, body: Mapping[str, Any], **more: Any) -> WireReply:
        answer = self.call(path, body, **more)
        assert isinstance(answer, WireReply), answer
        return answer

    def ok(self, path: str, body: Mapping[str, Any], **more: Any) -> Any:
        answer = self.reply(path, body, **more)
        assert answer.status == 200, (answer.status, answer.body)
        return json.loads(answer.body)["data"]

    def search(self, day: str = DAY, to: str | None = None, **filters: Any) -> Any:
        wanted = {"dateRange": {"from": day, "to": to or day}, "selectedDateForDetails": day, **filters}
        return self.ok("/search", wanted)

    def slot(self, number: int = 0, day: str = DAY, type_id: str = FIRST_VISIT) -> dict[str, Any]:
        """A free time of Kari's, by its place in the day."""
        found: dict[str, Any] = self.search(day, calendarIds=[KARI], timeslotTypeIds=[type_id])["timeslots"][number]
        return found

    def order(self, slot: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        chosen = slot if slot is not None else self.slot()
        return {
            "createFromEmail": True,
            "email": "ola.prove@example.test",
            "phoneNumber": "",
            "calendarId": KARI,
            "timeslotId": chosen["id"],
            "groupAppointmentId": None,
            "medium": "FACE_TO_FACE",
            "note": "SakID: 6QPTR",
            **changes,
        }


def caller_of(mock: Mock) -> Caller:
    """A caller with the right id and key of a mock's first clinic."""
    return Caller(mock, mock.connection["external_id"], mock.connection["api_key"])
