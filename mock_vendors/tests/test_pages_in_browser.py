"""The timebook as a browser shows it: what the clinic would see of a booking, and nothing that runs.

Skips where there is no Chromium, and says so; with KOBLING_REQUIRE_BROWSER=1 (CI) a missing browser is a failure.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kobling import WireRequest
from kobling_mocks.mock import Mock
from kobling_mocks.serve import Served

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
         "--disable-component-update", "--no-first-run", "--virtual-time-budget=3000")  # fmt: skip
HOSTILE = "<img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script> Vondt i ryggen æøå"

Render = Callable[[str], str]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """The DOM of a page after its scripts have run."""
    browser = shutil.which("chromium")
    if browser is None:
        if os.environ.get("KOBLING_REQUIRE_BROWSER") == "1":
            pytest.fail("KOBLING_REQUIRE_BROWSER=1, but no chromium is on the path (Debian: apt install chromium)")
        pytest.skip("no chromium on this machine (Debian: apt install chromium)")

    def dom(url: str) -> str:
        done = subprocess.run(
            [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", url],
            capture_output=True,
            timeout=120,
            check=True,
        )
        return done.stdout.decode()

    return dom


def book(mock: Mock, note: str) -> str:
    """Book the first open time by a partner's call, and give the timebook's id."""
    clinic = mock.world.clinic
    day = mock.world.clock.now().date()
    person = next(one for one in clinic.timebooks if one.owner_kind == "person" and one.online)
    search = {"dateRange": {"from": day.isoformat(), "to": day.isoformat()}, "calendarIds": [person.id]}
    times = call(mock, "search", search)["data"]["timeslots"]
    body = {
        "createFromEmail": True, "email": "ny.pasient@example.test", "phoneNumber": "", "calendarId": person.id,
        "timeslotId": times[0]["id"], "medium": "FACE_TO_FACE", "note": note,
    }  # fmt: skip
    assert call(mock, "book", body)["data"]["bookingId"]
    return person.id


def call(mock: Mock, operation: str, body: dict[str, object]) -> dict[str, dict[str, list[dict[str, str]]]]:
    account = mock.world.account
    sent = json.dumps({**body, "apikey": account.api_key}).encode()
    url = f"{mock.origin}/partner-api/{account.external_id}/{operation}"
    reply = mock.exchange(WireRequest("POST", url, (("Content-Type", "application/json"),), sent))
    return json.loads(reply.body)  # type: ignore[union-attr, no-any-return]


@pytest.fixture
def served() -> Iterator[tuple[Mock, Served]]:
    mock = Mock("eg-pasientsky")
    with mock.serve() as server:
        yield mock, server


def test_the_clinic_sees_the_booking_with_its_note_and_sakid(render: Render, served: tuple[Mock, Served]) -> None:
    mock, server = served
    timebook = book(mock, "SakID: 6QPTR\nKari Prøve (1980)\nVondt i ryggen")
    page = render(f"{server.url}/timebok/{timebook}")
    for text in ("ny.pasient", "SakID 6QPTR", "Kari Prøve (1980)", "Vondt i ryggen", "Bestilt på nett"):
        assert text in page


def test_a_note_is_text_and_never_runs(render: Render, served: tuple[Mock, Served]) -> None:
    mock, server = served
    page = render(f"{server.url}/timebok/{book(mock, HOSTILE)}")
    assert "Vondt i ryggen æøå" in page
    assert "&lt;script&gt;" in page
    assert "<title>ran</title>" not in page


def test_the_landing_page_lists_what_to_paste_and_each_timebook(render: Render, served: tuple[Mock, Served]) -> None:
    mock, server = served
    page = render(f"{server.url}/")
    assert mock.connection["external_id"] in page
    for timebook in mock.world.clinic.timebooks:
        assert f"/timebok/{timebook.id}" in page
