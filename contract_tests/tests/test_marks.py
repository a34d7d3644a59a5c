"""Marked in an exchange are the values that the text beside it names, and no word that both happen to have."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from kobling_contract.marks import marked_in, spans

OSLO = ZoneInfo("Europe/Oslo")


def marked(exchange: str, said: str) -> list[str]:
    return [exchange[start:end] for start, end in spans(exchange, marked_in(exchange, said, OSLO))]


@pytest.mark.parametrize(
    ("said", "exchange", "values"),
    [
        ("an id: 1715000006", '{"id": 1715000006, "other": 17150000061}', ["1715000006"]),
        ("timebook ee9653d2-f9f6", '{"slot": "ee9653d2-f9f6_2_x", "no": "1ee9653d2-f9f6"}', ["ee9653d2-f9f6"]),
        ("told as booking 29925360", '{"slot_id": "29925360-1715000006", "sum": 29925360.5}', ["29925360"]),
        ("code TIME_TAKEN", '{"code": "TIME_TAKEN", "was": "TIME_TAKEN_AWAY"}', ["TIME_TAKEN"]),
        ("“ukjent” is no status", '{"status": "ukjent", "a": "ukjente"}', ["ukjent"]),
        ("status pending", '{"status": "pending", "text": "it is pending"}', ['"pending"']),
        ("a place called Et annet sted", '{"name": "Et annet sted"}', ["Et annet sted"]),
        ("11 characters #db0fac70ed", '"11 characters #db0fac70ed"', ["#db0fac70ed"]),
        ("status 409 alone decided", "   answered: 409; nothing was changed", ["answered: 409"]),
        ("on 2026-11-24", "GET /times?from=2026-11-24&to=2026-11-25 {2026-11-24T09:00:00}", ["2026-11-24"]),
    ],
)
def test_a_value_is_marked_whole(said: str, exchange: str, values: list[str]) -> None:
    assert marked(exchange, said) == values


@pytest.mark.parametrize(
    ("said", "exchange"),
    [
        ("the first at 08:10 and 232 more", '{"links": {"first": "…"}} "… 23 more" (232)'),
        ("an error, effect none", '{"error": {"message": "There was an error"}}'),
        ("neither key nor patient in what is returned", "   what reached the adapter: nothing (protocol)"),
        ("50 of 285 bookings", '{"bookings": ["… 285 more"], "total": 285}'),
        ("the time of location_id", '{"location_id": 4} GET /times?location_id=4'),
        ("told in UTC by a POST", "9. POST /times (UTC)"),
        ("missing at 2026-10-25 00:00 UTC", '{"start": "2026-10-25T00:00:00", "end": "2026-10-25T01:00:00"}'),
    ],
)
def test_a_word_a_count_a_field_and_a_part_of_a_time_are_not_marked(said: str, exchange: str) -> None:
    assert marked(exchange, said) == []


@pytest.mark.parametrize(
    "spelled",
    ["2026-10-25T02:00:00", "2026-10-25T02:00", "2026-10-25 02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T00:00:00Z",
     "2026-10-25T00:00:00+00:00", "2026-10-25T02:00:00+0200"],
)  # fmt: skip
@pytest.mark.parametrize("said", ["2026-10-25 00:00 UTC", "2026-10-25 02:00 CEST", "2026-10-25T02:00:00+02:00"])
def test_a_time_is_marked_where_the_wire_has_the_same_moment(spelled: str, said: str) -> None:
    exchange = f'{{"start": "{spelled}", "end": "2026-10-25T05:00:00"}}'
    assert marked(exchange, f"missing: {said} (timebook 7)") == [spelled]


def test_the_hour_that_comes_twice_is_told_apart_where_the_wire_does_so() -> None:
    exchange = '["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]'
    assert marked(exchange, "2026-10-25 02:30 CET") == ["2026-10-25T02:30:00+01:00"]
