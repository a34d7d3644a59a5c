"""How long a vendor asks us to wait: whatever the header holds, a number of seconds or nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from full_vendor import connect
from kobling.retryafter import http_date, retry_after
from kobling.testing import reply

ODD_DATES = (
    "Fri, 31 Dec 9999 23:59:59 -0100",
    "Mon, 01 Jan 10000 00:00:00 GMT",
    "Mon, 23 Nov 2026 08:00:00 +99999999999999999999",
    "Mon, 23 Nov 2026 08:00:00 -9999",
    "Mon, 23 Nov 99999999999999999999 08:00:00 GMT",
    "Mon, 23 Nov 2026 99:99:99 GMT",
    "0", "-1", ",", " ", "Mon,", "\u0661\u0662", "\ud800", "9" * 5000,
)  # fmt: skip


@pytest.mark.parametrize("text", ODD_DATES)
def test_a_date_that_can_not_be_one_is_none(text: str) -> None:
    assert http_date(text) is None
    seconds = retry_after(reply(503, headers={"Retry-After": text, "Date": text}))
    assert seconds is None or seconds == (3600 if text.startswith("9") else 0)


@pytest.mark.parametrize(("text", "seconds"), [
    ("0", 0), ("120", 120), ("3601", 3600), ("9999999999", 3600), ("9" * 400, 3600), ("-1", None), ("1.5", None),
    ("Mon, 23 Nov 2026 08:01:00 GMT", 60), ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
    ("Mon, 01 Jan 0001 00:00:00 GMT", 0),
])  # fmt: skip
def test_seconds_and_dates_are_read_up_to_an_hour(text: str, seconds: float | None) -> None:
    headers = {"Retry-After": text, "Date": "Mon, 23 Nov 2026 08:00:00 GMT"}
    assert retry_after(reply(503, headers=headers)) == seconds


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    moment = http_date(text)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("date", ODD_DATES[:4])
def test_an_odd_date_in_an_answer_breaks_no_operation(mode: str, date: str) -> None:
    world = connect(mode)
    world.vendor.after = lambda request: reply(
        200, json={} if "catalogue" in request.url else [], headers={"Date": date}
    )
    assert world.run(lambda session: session.catalogue()).bookable("a", "s")
    assert world.run(lambda session: session.test_connection()).outcome != "failed"


def test_a_date_without_a_zone_is_utc() -> None:
    assert http_date("Mon, 23 Nov 2026 08:00:00 -0000") == datetime(2026, 11, 23, 8, tzinfo=UTC)
