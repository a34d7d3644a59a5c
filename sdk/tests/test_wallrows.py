"""Lists of open times by the wall clock: which instants they are, and what has to be left out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.localtime import Repeated, TimeProblem, day_bounds, local, parse_local, to_utc
from kobling.slots import SlotProblem
from kobling.wallrows import wall_ranges, wall_rows

OSLO = ZoneInfo("Europe/Oslo")
AUTUMN, SPRING = date(2026, 10, 25), date(2027, 3, 28)


def rows_on(day: date, *times: str) -> list[tuple[str, str]]:
    """Rows as (timebook, wall time), from "a 02:00"; a time alone is of timebook a."""
    split = [time.rpartition(" ") for time in times]
    return [(book or "a", f"{day}T{time}") for book, _, time in split]


def read(rows: list[tuple[str, str]]) -> tuple[list[str], list[tuple[str, int]]]:
    """The instants as "timebook HH:MM" in UTC, and the problems as (word, index)."""
    found, problems = wall_rows(rows, lambda row: row[1], OSLO, key=lambda row: row[0])
    return [f"{row[0]} {at:%H:%M}" for row, at in found], [
        (problem.because, int(problem.where)) for problem in problems
    ]


def test_rows_of_an_ordinary_day_keep_their_order_and_their_doubles() -> None:
    assert read(rows_on(date(2026, 7, 1), "12:00", "b 09:00", "12:00")) == (["a 10:00", "b 07:00", "a 10:00"], [])


def test_a_row_in_the_missing_hour_is_left_out_with_a_problem() -> None:
    assert read(rows_on(SPRING, "01:30", "02:00", "02:30", "03:00")) == (
        ["a 00:30", "a 01:00"],
        [("missing_hour", 1), ("missing_hour", 2)],
    )


@pytest.mark.parametrize("text", ["9999-12-31T23:59", "9998-01-01T00:00", "0001-12-31T23:59"])
def test_a_row_that_not_every_clock_can_show_is_left_out_with_a_problem(text: str) -> None:
    assert read([("a", "2026-07-01T12:00"), ("a", text)]) == (["a 10:00"], [("outside_calendar", 1)])


def test_rows_listed_twice_in_order_of_instants_are_both_hours() -> None:
    assert read(rows_on(AUTUMN, "01:30", "02:00", "02:30", "02:00", "02:30", "03:00")) == (
        ["a 23:30", "a 00:00", "a 00:30", "a 01:00", "a 01:30", "a 02:00"],
        [],
    )


def test_a_row_listed_once_is_the_first_hour_where_the_vendor_says_so() -> None:
    rows = rows_on(AUTUMN, "02:00", "02:30", "b 02:00", "b 02:00", "c 02:30", "c 02:00", "c 02:30", "c 02:30", "03:00")
    found, problems = wall_rows(rows, lambda row: row[1], OSLO, key=lambda row: row[0], once="first")
    assert [f"{row[0]} {at:%H:%M}" for row, at in found] == [
        "a 00:00", "a 00:30", "b 00:00", "b 01:00", "c 00:00", "a 02:00",
    ]  # fmt: skip
    assert [problem.where for problem in problems] == ["4", "6", "7"], "three times is nothing that anybody has said"
    span = (f"{AUTUMN}T02:00", f"{AUTUMN}T02:30")
    ended, left_out = wall_ranges([span], lambda row: row, OSLO, key=lambda _: "", minutes=lambda _: 30, once="first")
    assert ([f"{start:%H:%M}-{end:%H:%M}" for _, start, end in ended], left_out) == (["00:00-00:30"], ())


def test_rows_listed_twice_in_order_of_wall_times_are_both_hours() -> None:
    assert read(rows_on(AUTUMN, "01:30", "02:00", "02:00", "02:30", "02:30", "03:00")) == (
        ["a 23:30", "a 00:00", "a 01:00", "a 00:30", "a 01:30", "a 02:00"],
        [],
    )


def test_a_row_listed_once_in_the_repeated_hour_is_left_out_with_a_problem() -> None:
    assert read(rows_on(AUTUMN, "01:30", "02:30", "03:00")) == (["a 23:30", "a 02:00"], [("repeated_hour", 1)])


def test_a_row_listed_once_does_not_spoil_one_listed_twice() -> None:
    assert read(rows_on(AUTUMN, "02:00", "02:30", "02:30")) == (["a 00:30", "a 01:30"], [("repeated_hour", 0)])


def test_a_row_listed_three_times_is_undecidable() -> None:
    assert read(rows_on(AUTUMN, "02:30", "02:30", "02:30")) == ([], [("repeated_hour", n) for n in range(3)])


@pytest.mark.parametrize("times", [["03:00", "02:30", "02:30"], ["02:30", "02:00", "02:30", "02:00"]])
def test_rows_that_are_not_in_order_do_not_tell_which_hour_they_are(times: list[str]) -> None:
    _, problems = read(rows_on(AUTUMN, *times))
    assert problems == [("repeated_hour", n) for n, time in enumerate(times) if time < "03:00"]


def test_two_timebooks_with_the_same_time_do_not_look_like_one_listed_twice() -> None:
    rows = rows_on(AUTUMN, "a 02:30", "b 02:30")
    assert read(rows) == ([], [("repeated_hour", 0), ("repeated_hour", 1)])
    without_their_timebook, problems = wall_rows(rows, lambda row: row[1], OSLO, key=lambda _: "")
    assert len(without_their_timebook) == 2, "the key is what keeps them apart"
    assert problems == ()


def test_two_timebooks_that_each_list_a_time_twice_get_both_hours_each() -> None:
    mixed = rows_on(AUTUMN, "b 09:00", "a 02:30", "b 02:30", "a 02:30", "b 10:00")
    assert read(mixed) == (["b 08:00", "a 00:30", "a 01:30", "b 09:00"], [("repeated_hour", 2)])
    both = rows_on(AUTUMN, "a 02:30", "a 02:30", "b 02:30", "b 02:30")
    assert read(both) == (["a 00:30", "a 01:30", "b 00:30", "b 01:30"], [])


def test_problems_stand_in_the_order_of_the_rows() -> None:
    rows = rows_on(AUTUMN, "02:30") + rows_on(SPRING, "02:30") + rows_on(date(2027, 10, 31), "02:30")
    found, problems = wall_rows(rows, lambda row: row[1], OSLO, key=lambda row: row[0])
    assert found == []
    assert problems == (
        SlotProblem(because="repeated_hour", where="0"),
        SlotProblem(because="missing_hour", where="1"),
        SlotProblem(because="repeated_hour", where="2"),
    )


@given(
    st.sampled_from([AUTUMN, SPRING, date(2026, 7, 1)]),
    st.integers(0, 20),
    st.integers(1, 40),
    st.sampled_from([10, 15, 20, 30, 60]),
)
def test_a_listing_in_order_that_is_read_gives_only_instants_that_were_written(
    day: date, skip: int, many: int, step: int
) -> None:
    start, _ = day_bounds(day, day, OSLO)
    written = [start + timedelta(minutes=step * n) for n in range(skip, skip + many)]
    rows = [local(moment, OSLO).strftime("%Y-%m-%dT%H:%M") for moment in written]
    found, problems = wall_rows(rows, str, OSLO, key=lambda _: "")
    assert {moment for _, moment in found} <= set(written)
    assert len(found) + len(problems) == len(rows)
    listed_once = {row for row in rows if rows.count(row) == 1 and isinstance(to_utc(parse_local(row), OSLO), Repeated)}
    assert {rows[int(problem.where)] for problem in problems} == listed_once


@pytest.mark.parametrize("given", [None, 5, "half past two"])
def test_a_row_whose_time_is_none_is_the_vendors_error(given: Any) -> None:
    with pytest.raises(TimeProblem) as caught:
        wall_rows([given], lambda row: row, OSLO, key=str)
    assert caught.value.code == "malformed"


# ---- rows that tell their end by the wall clock too


def ended(day: date, *spans: str, minutes: int | None = None) -> tuple[list[str], list[tuple[str, str]]]:
    """What is read of rows such as "01:30-02:30": "HH:MM for minutes" in UTC, and the problems as (word, place)."""
    rows = [tuple(span.split("-")) for span in spans]
    found, problems = wall_ranges(
        rows, lambda row: (f"{day}T{row[0]}", f"{day}T{row[1]}"), OSLO, key=lambda _: "", minutes=lambda _: minutes
    )
    told = [f"{start:%H:%M} for {(end - start) // timedelta(minutes=1)}" for _, start, end in found]
    return told, [(problem.because, problem.where) for problem in problems]


def test_an_end_of_an_ordinary_day_is_read_by_the_clock() -> None:
    assert ended(date(2026, 7, 1), "09:00-09:30", "09:30-11:00") == (["07:00 for 30", "07:30 for 90"], [])


def test_a_time_over_a_change_of_the_clock_is_as_long_as_it_lasts() -> None:
    assert ended(AUTUMN, "01:30-03:00") == (["23:30 for 150"], [])
    assert ended(SPRING, "01:30-03:00") == (["00:30 for 30"], [])


def test_an_end_that_comes_twice_is_decided_by_the_length_or_left_out() -> None:
    assert ended(AUTUMN, "01:30-02:30", minutes=60) == (["23:30 for 60"], [])
    assert ended(AUTUMN, "01:30-02:30", minutes=120) == (["23:30 for 120"], [])
    assert ended(AUTUMN, "01:30-02:30", minutes=45) == ([], [("repeated_hour", "0")])
    assert ended(AUTUMN, "01:00-01:30", "01:30-02:30") == (["23:00 for 30"], [("repeated_hour", "1")])


def test_an_end_that_comes_twice_is_plain_after_the_first_time_has_passed() -> None:
    both = ended(AUTUMN, "02:00-02:30", "02:30-02:45", "02:00-02:30", "02:30-02:45", minutes=30)
    assert both == (["00:00 for 30", "01:00 for 30", "01:30 for 15"], [("repeated_hour", "1")])


def test_an_end_in_the_missing_hour_is_left_out() -> None:
    assert ended(SPRING, "01:30-02:30", "03:00-03:30") == (["01:00 for 30"], [("missing_hour", "0")])


def test_problems_of_starts_and_of_ends_stand_in_the_order_of_the_rows() -> None:
    assert ended(AUTUMN, "01:30-02:30", "02:30-03:30", "01:45-02:15")[1] == [
        ("repeated_hour", "0"),
        ("repeated_hour", "1"),
        ("repeated_hour", "2"),
    ]


@pytest.mark.parametrize(
    ("span", "code"), [("10:00-09:30", "reversed"), ("10:00-10:00", "reversed"), ("10:00-x", "malformed")]
)
def test_an_end_that_can_be_none_is_the_vendors_error(span: str, code: str) -> None:
    with pytest.raises(TimeProblem) as caught:
        ended(date(2026, 7, 1), span)
    assert caught.value.code == code
