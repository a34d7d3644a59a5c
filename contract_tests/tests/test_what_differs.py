"""What a report tells of times and lists that differ: the times themselves, numbers that add up, and how the clinic is
set up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from kobling import Clinic, Http, WireReply, WireRequest
from kobling_contract.contract import RULES, chosen
from kobling_contract.onward import Onward, left_off, onward
from kobling_contract.rig import Rig, WireCall
from kobling_contract.rules.pages import alone, leading
from kobling_contract.runner import Result, run_rule
from kobling_contract.set_up import settings_told
from kobling_contract.synthetic.adapter import Synthetic
from kobling_contract.target import find_target
from kobling_contract.timebook import times_of
from kobling_contract.told_times import Compared, times_told
from kobling_zoo.housing import exhibits

HOUR = timedelta(hours=1)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """The clinic with particular settings, behind a vendor that lists its open times."""
    one = Rig(find_target("extensor"), "async", "particular", 1)
    yield one
    asyncio.run(one.close())


@pytest.fixture
def compared(rig: Rig) -> Compared:
    """A week's times beside themselves."""
    times = times_of(rig.shown.times(*_week(rig)))
    return Compared(rig, times, times)


def _week(rig: Rig) -> tuple[date, date]:
    query = rig.days(7)
    return query.first_day, query.last_day


def failed(name: str) -> Result:
    """How an exhibit's own rule ends."""
    one = exhibits()[name]
    rule = next(each for each in RULES if each.id == one.rule)
    return run_rule(rule, one.target(one.adapter), 1, repeats=0)


def test_the_numbers_of_times_add_up(rig: Rig, compared: Compared) -> None:
    times = sorted(compared.expected, key=lambda one: one[2])
    strange = {(who, kind, start - timedelta(days=400)) for who, kind, start in times[:3]}
    told = Compared(rig, frozenset(times[10:]) | strange, compared.expected, frozenset(times[:2]))
    right = len(times) - 10
    assert told.counts == (
        f"{right + 3} times told: {right} of the clinic's {len(times)}, and 3 that it does not have; 8 missing, "
        "2 left out as they may be"
    )


def test_times_that_moved_are_called_shifted_and_shown_beside_the_right_ones(rig: Rig, compared: Compared) -> None:
    moved = frozenset((who, kind, start + timedelta(minutes=7)) for who, kind, start in compared.expected)
    told = Compared(rig, moved, compared.expected)
    assert told.wrong.startswith("Times are shifted: 235 that the clinic has are not found, and 235 are offered that")
    assert told.got.splitlines()[1].endswith(
        "Tue 2026-11-24: expected 09:10, 09:35, 10:00, 10:25, 10:50, 12:05 …; "
        "got 09:17, 09:42, 10:07, 10:32, 10:57, 12:12 … (+01:00)"
    )


def test_times_of_different_timebooks_are_not_called_shifted(rig: Rig, compared: Compared) -> None:
    kari, jovnna, *_ = sorted({who for who, _, _ in compared.expected})
    without = frozenset(one for one in compared.expected if one[0] != kari)
    strange = frozenset((who, kind, start + 400 * 24 * HOUR) for who, kind, start in without if who == jovnna)
    told = Compared(rig, without | strange, compared.expected)
    assert told.wrong.startswith("Times are missing, and others are invented")
    assert f"missing in timebook {kari}, all " in told.got


def test_what_may_be_left_out_is_no_sample_of_what_is_missing(rig: Rig, compared: Compared) -> None:
    first, second, *rest = sorted(compared.expected, key=lambda one: (one[2], one))
    told = Compared(rig, frozenset(rest), compared.expected, frozenset([first]))
    assert told.missing == {second}
    assert told.got.splitlines()[-1].startswith(f"- may be left out in timebook {first[0]}")


def test_times_are_told_on_the_clinics_clock_with_its_offset_and_in_utc(rig: Rig) -> None:
    start = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    who, kind = (rig.wire_id(one[0].id) for one in (rig.clinic.timebooks, rig.clinic.types))
    told = times_told(rig, [(who, kind, start), (who, kind, start + HOUR), (who, kind, start + 30 * HOUR)], most=2)
    assert told.startswith("Sun 2026-10-25 02:30 +02:00 (00:30 UTC); Sun 2026-10-25 02:30 +01:00 (01:30 UTC), type ")
    assert told.endswith("; and 1 later start")


def test_settings_are_told_in_words_and_options_for_the_timebooks_in_question() -> None:
    rig = Rig(find_target("easypractice"), "async", "particular", 1)
    own = next(one for one in rig.clinic.timebooks if one.daily_limit)
    linked = next(one for one in rig.clinic.timebooks if one.blocked_by)
    first, second, options = settings_told(rig, [rig.wire_id(own.id), rig.wire_id(linked.id)]).splitlines()
    asyncio.run(rig.close())
    assert "Mon–Fri 09:10–15:35, a start every 25 min" in first
    assert first.endswith("pause Mon–Fri 11:20–12:05, at most 2 bookings a day")
    assert second.endswith(f"also taken by the bookings of timebook {rig.wire_id(own.id)}")
    assert f'intervals={{"{rig.wire_id(own.id)}": 25, "{rig.wire_id(linked.id)}": 40}}' in options


def test_a_lost_hour_is_named_with_what_the_answers_held() -> None:
    told = failed("DaysOf24Hours")
    assert told.cause == "missing"
    assert told.remedy.startswith("4 of the clinic's 98 times are not found. They all stand")
    assert told.remedy.endswith(" The window of 3 days held.")
    lines = told.got.splitlines()
    assert lines[0] == "92 times told: 92 of the clinic's 98; 4 missing, 2 left out as they may be"
    assert all("Sun 2026-10-25 23:00, 23:30 +01:00 (22:00, 22:30 UTC)" in line for line in lines[1:3])
    assert '"2026-10-25T23:30:00"' in told.exchange


def test_a_day_that_is_missing_whole_is_shown_with_every_appointment_of_it() -> None:
    told = failed("CountsWhatIsCancelled")
    assert told.remedy.startswith("No time is found of a day that has some at the clinic: Thu 2026-11-26")
    assert told.got.splitlines()[-1].endswith(
        "on Thu 2026-11-26: 09:10–09:40 (status cancelled), 13:10–13:40 (status booked)"
    )
    bookings = told.exchange.splitlines()[-1]
    assert (bookings.count('"status": "cancelled"'), bookings.count('"status": "booked"')) == (1, 1)
    assert bookings.endswith('"links": "…", "meta": "…"}'), "what holds nothing of that day gives it the room"


class TellsTheTownTwice(Synthetic):
    """Puts code and town after an address that has them."""

    contract = 1

    async def identify(self, http: Http) -> Clinic:
        told = await super().identify(http)
        longer = [one.model_copy(update={"address": f"{one.address}, 0001 Oslo"}) for one in told.departments or ()]
        return told.model_copy(update={"departments": tuple(longer)})


def test_an_address_with_more_than_its_own_is_not_called_lost() -> None:
    (rule,) = chosen(["CONN-12"])
    told = run_rule(rule, find_target("synthetic", TellsTheTownTwice), 1, repeats=0)
    assert told.remedy.startswith("A department is shown with more than its address.")


def test_what_is_another_after_a_move_is_named() -> None:
    told = failed("MovesByBookingAnew")
    assert told.remedy == "The Booking that reschedule returned has another id than the booking that was moved."


def test_a_list_that_was_left_off_is_said_to_be() -> None:
    told = failed("TwoPagesAtMost")
    assert told.expected == "285 bookings"
    assert told.got.startswith("50 of 285 bookings told; 235 missing: ")
    assert told.remedy.endswith("says where the list goes on (cursor), and no call went there.")


def _called(number: int, url: str, body: str, link: str = "") -> WireCall:
    headers = (("Link", link),) if link else ()
    return WireCall(WireRequest("GET", url), WireReply(200, headers, body.encode()), number)


@pytest.mark.parametrize(
    ("calls", "left"),
    [
        ([("/list", '{"next": "/list?page=2"}', "")], (1, "next")),
        (
            [("/list", '{"links": {"next": "api/list?page=2&size=9", "last": "api/list?page=4"}}', "")],
            (1, "links.next"),
        ),
        ([("/list", '{"links": {"next": "api/list?page=2&size=9"}}', ""), ("/list?size=9&page=2&x=1", "{}", "")], None),
        ([("/list", "{}", '<https://v.example/api/list?page=2>; rel="next"')], (1, "Link, rel=next")),
        ([("/list", '{"cursor": "abc"}', ""), ("/list?cursor=abc", '{"cursor": "def"}', "")], (2, "cursor")),
        ([("/list", '{"cursor": "abc"}', ""), ("/list?cursor=abc", '{"cursor": null}', "")], None),
        ([("/list", '{"onwards": "abcdef"}', ""), ("/list?from=abcdef", '{"onwards": "ghijkl"}', "")], (2, "onwards")),
        ([("/list", '{"prev": "/list?page=0", "name": "next"}', "")], None),
        ([("/list", '{"rows": [], "page": 1, "pages": 3}', "")], (1, "page 1 of 3")),
        ([("/list", '{"meta": {"current_page": 2, "last_page": 2}}', "")], None),
        ([("/list", '{"page": 1, "pages": 2}', ""), ("/list?page=2", '{"page": 2, "pages": 2}', "")], None),
        ([("/list", '{"link": [{"relation": "next", "url": "/list?page=2"}]}', "")], (1, "link.next")),
        ([("/list", '{"link": [{"rel": "self", "href": "/list?page=1"}], "next": [{"url": "/x"}]}', "")], None),
        ([("/list", "<html>next</html>", "")], None),
        ([("/list", '{"links": {"next": "/list?page[after]=Mg"}}', ""), ("/list?page%5Bafter%5D=Mg", "{}", "")], None),
    ],
)
def test_where_a_list_goes_on_is_seen_in_links_and_cursors(
    calls: list[tuple[str, str, str]], left: tuple[int, str] | None
) -> None:
    wire = [
        _called(number, f"https://v.example/api{url}", body, link) for number, (url, body, link) in enumerate(calls, 1)
    ]
    found = left_off(wire)
    assert (found and (found.number, found.place)) == left


def test_an_address_leads_on_however_it_writes_what_has_to_be_encoded() -> None:
    link = "https://v.example/api/list?page[after]=Mg"
    first = _called(1, "https://v.example/api/list", json.dumps({"links": {"next": link}}))
    second = _called(2, "https://v.example/api/list?page%5Bafter%5D=Mg", "{}")
    assert onward(first, second) == Onward(("links", "next"), link, is_link=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([{"relation": "next", "url": "/list?page=2"}], [{"relation": "next", "url": "ELSEWHERE"}]),
        (
            [{"rel": "self", "href": "/list"}],
            [{"rel": "self", "href": "/list"}, {"relation": "next", "rel": "next", "url": "ELSEWHERE"}],
        ),
    ],
)
def test_a_list_of_links_is_led_astray_by_its_next_one_also_on_the_last_page(
    before: list[dict[str, str]], after: list[dict[str, str]]
) -> None:
    first = _called(1, "https://v.example/api/list", '{"link": [{"relation": "next", "url": "/api/list?page=2"}]}')
    second = _called(2, "https://v.example/api/list?page=2", "{}")
    goes = onward(first, second)
    assert goes == Onward(("link", 0, "url"), "/api/list?page=2", is_link=True)
    reply = WireReply(200, (), json.dumps({"link": before}).encode())
    told = leading(goes, "/api/list", "ELSEWHERE")(second.request, reply)
    assert json.loads(told.body) == {"link": after}
    left = alone(goes, "/api/list")(second.request, told)
    assert json.loads(left.body) == {"link": after[-1:]}
    assert alone(goes, "/api/other")(second.request, told) is told, "another list stays as it is"
