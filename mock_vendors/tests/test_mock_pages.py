"""The pages: the timebook as the clinic would see it, and what a developer pastes."""

from __future__ import annotations

import html
import json
import re
import shlex
import urllib.request

import pytest

from kobling.exchange import WireReply, WireRequest
from kobling_mocks import Mock, find_dialect, installed_dialects
from partner_caller import FOLLOW_UP, KARI, Caller, caller_of


def page(mock: Mock, path: str) -> WireReply:
    answer = mock.exchange(WireRequest("GET", f"http://127.0.0.1{path}"))
    assert isinstance(answer, WireReply)
    return answer


def text(mock: Mock, path: str) -> str:
    answer = page(mock, path)
    assert answer.status == 200, answer.status
    return answer.body.decode()


def test_the_timebook_shows_a_booking_with_note_sak_id_and_claim(caller: Caller) -> None:
    caller.ok("/book", caller.order(note="[K:TAG]\nSakID: 6QPTR\nOla Prøve, f. 1984"))
    shown = text(caller.mock, f"/timebok/{KARI}?uke=2026-W49")
    for part in ("Uke 49", "30. november", "SakID 6QPTR", "Krav opprettet", "Bestilt på nett", "Avtalt"):
        assert part in shown, part
    assert "<dt>Pasientbemerkning og Notat</dt><dd>[K:TAG]\nSakID: 6QPTR\nOla Prøve, f. 1984</dd>" in shown
    assert "ola.prove<wbr>@example.test" in shown, "the vendor knows no name"
    assert "09:00–09:45" in shown


def test_remark_and_note_stand_apart_where_they_differ(caller: Caller) -> None:
    caller.mock.world.switches.set(note_goes_to="note")
    caller.ok("/book", caller.order(note="bare notat"))
    shown = text(caller.mock, f"/timebok/{KARI}?uke=2026-W49")
    assert "<dt>Notat</dt><dd>bare notat</dd>" in shown
    assert "<dt>Pasientbemerkning</dt>" not in shown


def test_everything_that_came_over_the_wire_is_escaped(caller: Caller) -> None:
    evil = "<script>alert(1)</script>"
    caller.ok("/book", caller.order(note=f"SakID: 6QPTR\n{evil}", email=f"{evil}@example.test", phoneNumber="\"'<i>"))
    shown = text(caller.mock, f"/timebok/{KARI}?uke=2026-W49")
    assert evil not in shown
    assert "<i>" not in re.sub(r'<i( style="[^"]*")?></i>', "", shown)
    assert html.escape(evil) in shown


def test_pages_load_nothing_from_outside(caller: Caller) -> None:
    for path in ("/", f"/timebok/{KARI}"):
        answer = page(caller.mock, path)
        assert answer.header("Content-Security-Policy") == "default-src 'none'; style-src 'unsafe-inline'"
        assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.body.decode())


def test_staffs_appointments_free_times_and_cancelled_ones_are_told_apart(caller: Caller) -> None:
    booking = caller.ok("/book", caller.order(caller.slot(day="2026-11-24"), note=""))["bookingId"]
    caller.ok(f"/{booking}/cancel", {})
    shown = text(caller.mock, f"/timebok/{KARI}")
    assert "Uke 48" in shown, "today's week by the clinic's clock"
    assert "Prøve Nordmann" in shown
    assert shown.count("Bestilt på nett") == 2, "once on the booking, once in the legend"
    assert 'class="card gone"' in shown
    assert "Avlyst" in shown
    assert re.search(r'class="free"[^>]*><time>09:00</time> <span>Førstegangskonsultasjon', shown)


def test_a_pending_request_waits_on_the_page(caller: Caller) -> None:
    caller.mock.world.switches.set(confirmation="pending")
    caller.ok("/book", caller.order(caller.slot(type_id=FOLLOW_UP)))
    assert 'class="state pending">Venter<' in text(caller.mock, f"/timebok/{KARI}?uke=2026-W49")


def test_a_late_commit_is_on_the_page_once_its_time_has_come(caller: Caller) -> None:
    caller.mock.world.switches.set(gateway="answers_first", commit_lag_seconds=60)
    caller.ok("/book", caller.order())
    path = f"/timebok/{KARI}?uke=2026-W49"
    assert "6QPTR" not in text(caller.mock, path)
    caller.mock.world.clock.advance(60)
    assert "6QPTR" in text(caller.mock, path)


@pytest.mark.parametrize("path", ["/timebok/unknown", f"/timebok/{KARI}?uke=2026-W60"])
def test_a_page_that_is_not_there(caller: Caller, path: str) -> None:
    assert page(caller.mock, path).status == 404
    assert len(caller.mock.world.journal) == 0, "pages are not the vendor's calls"


def test_the_landing_page_has_what_to_paste_and_every_switch(caller: Caller) -> None:
    caller.mock.world.switches.set(taken="400")
    shown = text(caller.mock, "/")
    for value in filter(None, caller.mock.connection.values()):
        assert value in shown
    for switch in caller.mock.dialect.switches:
        assert f"<code>{switch.name}</code>" in shown
    assert 'class="code changed">400<' in shown
    assert "Inferred, and switchable" in shown
    assert "a mock on this machine" in shown.lower()


@pytest.mark.parametrize("name", sorted(installed_dialects()[0]))
def test_the_landing_page_shows_a_line_that_changes_a_switch_when_it_is_pasted(name: str) -> None:
    mock = Mock(find_dialect(name))
    own = mock.namespace("own")
    with mock.serve() as server:
        with urllib.request.urlopen(f"{server.url}/ns/own/", timeout=10) as answer:
            shown = html.unescape(answer.read().decode())
        (line,) = re.findall("<pre.*?>(curl .*?)</pre>", shown)
        curl, option, method, header, kind, data, body, address = shlex.split(line)
        assert (curl, option, header, data) == ("curl", "-X", "-H", "-d")
        headers = dict([kind.split(": ")])
        order = urllib.request.Request(address, data=body.encode(), headers=headers, method=method)
        with urllib.request.urlopen(order, timeout=10) as answer:
            assert answer.status == 200
    assert own.world.switches.changed == json.loads(body)["settings"]
    assert mock.world.switches.changed == {}


def test_links_in_a_namespace_stay_in_it(caller: Caller) -> None:
    other = caller_of(caller.mock.namespace("own"))
    shown = text(other.mock, "/ns/own/")
    assert f'href="/ns/own/timebok/{KARI}"' in shown
    assert f'href="/ns/own/timebok/{KARI}?uke=' in text(other.mock, f"/ns/own/timebok/{KARI}")
