"""Playing one operation against canned replies: the adapter author's first tool must say what went wrong itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from full_vendor import NOW, FullVendor
from kobling import (
    Adapter,
    AdapterBug,
    BookingRequest,
    Catalogue,
    Clinic,
    Http,
    Patient,
    Service,
    Slot,
    SlotQuery,
    VendorProtocolError,
    VendorTimeout,
    VendorUnavailable,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling.auth import KEY
from kobling.commands import Send
from kobling.limits import PatientFields
from kobling.testing import Rehearsal, play, reply

REQUEST = BookingRequest(
    slot=Slot(practitioner_id="a", service_id="s", start=NOW, end=NOW), patient=Patient(email="kari@example.no")
)


class ManyCalls(FullVendor):
    """Reads its catalogue in two calls at once, and tries again when one fails."""

    key = "many-calls"
    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        try:
            await http.all([http.get("catalogue"), http.get("catalogue/more")])
        except Exception:
            await http.get("catalogue")
        return await super().catalogue(http)


class InUrl(FullVendor):
    """Puts the patient into a path."""

    key = "in-url"
    contract = 1
    patient_fields = PatientFields(required=frozenset({"email"}), in_url=frozenset({"email"}))

    async def book(self, http: Http, request: BookingRequest) -> object:  # type: ignore[override]
        return await http.post("bookings/{}", request.patient.email, json={})


@pytest.mark.parametrize(("adapter", "replies"), [(FullVendor, 0), (ManyCalls, 0), (ManyCalls, 1), (ManyCalls, 2)])
def test_a_call_without_a_reply_left_is_the_tests_own_failure(adapter: type[Adapter], replies: int) -> None:
    with pytest.raises(AssertionError, match="catalogue made one call more than there are replies: GET /1/catalogue"):
        play(adapter, "catalogue", replies=[reply(json={})] * replies)


def test_a_write_without_a_reply_left_is_the_tests_own_failure() -> None:
    with pytest.raises(AssertionError, match=r"book made one call more .*: POST /1/bookings"):
        play(FullVendor, "book", REQUEST, replies=[])


def test_a_call_with_a_patient_in_its_path_is_told_without_the_path() -> None:
    with pytest.raises(AssertionError, match=r"there are replies: POST$"):
        play(InUrl, "book", REQUEST, replies=[])


def test_an_assertion_of_the_tests_own_exchange_reaches_the_test() -> None:
    def exchange(request: WireRequest) -> WireReply:
        raise AssertionError("not this one")

    with pytest.raises(AssertionError, match="not this one"):
        play(ManyCalls, "catalogue", replies=exchange)


def test_a_reply_that_was_not_asked_for_is_the_tests_own_failure() -> None:
    with pytest.raises(AssertionError, match="left 1 replies unasked for, after 1 calls"):
        play(FullVendor, "catalogue", replies=[reply(json={})] * 2)


def test_an_error_of_the_vendors_is_raised_as_a_session_would() -> None:
    with pytest.raises(VendorUnavailable):
        play(FullVendor, "catalogue", replies=[reply(503)] * 3)


def test_what_was_played_shows_neither_key_nor_patient_by_itself() -> None:
    class Signs(FullVendor):
        key = "signs"
        contract = 1
        headers: ClassVar[Any] = {"X-Key": KEY}

    played = play(Signs, "catalogue", replies=[reply(json={})])
    assert played.requests[0].header("x-key") == "example-key"
    assert "example-key" not in repr(played) + repr(played.requests)
    assert repr(played.requests[0]) == "<PlayedRequest GET, 0 bytes>"


# ---- rehearsals

WEEK = SlotQuery(first_day=NOW.date(), last_day=NOW.date())
ROW = {"who": "a", "start": "2026-11-23T10:00:00Z", "end": "2026-11-23T10:30:00Z"}


def _known() -> tuple[Clinic, Catalogue]:
    session = Rehearsal(FullVendor, now=NOW).session(lambda _: reply(200, json={}))
    return session.clinic(), session.catalogue()


def test_a_rehearsed_session_remembers_what_it_was_told_and_asks_only_for_the_rest() -> None:
    clinic, catalogue = _known()
    sent: list[Send] = []

    def answer(command: Send) -> WireReply:
        sent.append(command)
        return reply(200, json=[ROW])

    rehearsal = Rehearsal(FullVendor, clinic=clinic, catalogue=catalogue, now=NOW)
    first, second = (rehearsal.session(answer).slots(WEEK) for _ in range(2))
    assert [slot.practitioner_id for slot in first.found] == ["a"]
    assert first == second
    assert [(command.request.method, command.write) for command in sent] == [("GET", False)] * 2


def test_every_rehearsed_session_begins_at_the_same_moment_whatever_the_one_before_waited() -> None:
    clinic, catalogue = _known()
    rehearsal = Rehearsal(FullVendor, clinic=clinic, catalogue=catalogue, now=NOW)
    with pytest.raises(VendorUnavailable):
        rehearsal.session(lambda _: reply(503, headers={"Retry-After": "9"})).slots(WEEK)
    (slot,) = rehearsal.session(lambda _: reply(200, json=[ROW])).slots(WEEK).found
    assert slot.observed_at == NOW


def test_a_rehearsal_passes_errors_of_the_contract_and_the_tests_own_on() -> None:
    rehearsal = Rehearsal(FullVendor)
    with pytest.raises(VendorTimeout):
        rehearsal.session(lambda _: WireFailure("timeout")).catalogue()

    def forbidden(_: Send) -> WireReply:
        raise AssertionError("nothing may be asked here")

    with pytest.raises(AssertionError, match="nothing may be asked"):
        rehearsal.session(forbidden).catalogue()


class ShortNote(FullVendor):
    """Gives the note less room than its tag needs."""

    key = "short-note"
    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> object:  # type: ignore[override]
        return await http.post("bookings", json={"note": request.note(20)})


def test_a_note_without_room_is_told_with_its_length_its_limit_and_its_line() -> None:
    with pytest.raises(AdapterBug) as caught:
        play(ShortNote, "book", REQUEST, replies=[])
    length = len(REQUEST.note())
    assert caught.value.because == "note_over_limit"
    assert caught.value.fields[0].startswith("test_play.py:")
    assert caught.value.fields[1:] == (f"note:{length}", "limit:20")


def test_what_the_author_can_do_stands_before_what_everybody_else_reads() -> None:
    told = str(AdapterBug("second_write", vendor="mysystem", operation="book"))
    assert told.index("One operation makes one write") < told.index("Tell whoever made it")
    told = str(VendorProtocolError("wrong_shape", fields=("rows.0.id",)))
    assert told.index("rows.0.id") < told.index("tell the vendor")


FAILING = """
from full_vendor import FullVendor
from kobling.testing import play, reply

class Careless(FullVendor):
    key = "careless"
    contract = 1

    async def identify(self, http):
        return (await http.get("clinic")).data["name"]

def test_a_name_that_is_missing():
    play(Careless, "identify", replies=[reply(200, json={})])
"""


def test_pytest_shows_a_failing_play_without_the_engines_source(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(FAILING, "utf-8")
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    said = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False).stdout
    assert "1 failed" in said
    assert "adapter_bug (KeyError) in careless identify" in said
    assert "_drive" not in said
    assert "engine.py" not in said
    assert len(said.splitlines()) < 25, said


class ToldByTheClock(FullVendor):
    """Names its one service by the zone of the clinic's clock."""

    key = "told-by-the-clock"
    contract = 1

    async def identify(self, http: Http) -> Clinic:
        await http.get("clinic")
        return Clinic(name=self.zone)

    async def catalogue(self, http: Http) -> Catalogue:
        await http.get("catalogue")
        return Catalogue(practitioners=(), services=(Service(id="s", name=self.zone),), offers=())


def test_the_zone_of_the_clinics_clock_is_what_identify_has_told_and_else_oslos() -> None:
    answers = [reply(200, json={})]
    there = play(ToldByTheClock, "catalogue", replies=answers, clinic=Clinic(zone="Atlantic/Azores"))
    assert there.result.services[0].name == "Atlantic/Azores"
    assert play(ToldByTheClock, "catalogue", replies=answers).result.services[0].name == "Europe/Oslo"
    assert play(ToldByTheClock, "identify", replies=answers).result.name == "Europe/Oslo"


def test_what_a_tests_own_answer_raises_is_no_bug_of_the_adapters() -> None:
    def answer(_: object) -> WireReply:
        raise AttributeError("no such thing")

    session = Rehearsal(FullVendor).session(answer)
    with pytest.raises(AttributeError, match="no such thing"):
        session.catalogue()
