"""Values at the edges, from callers and vendors: each is taken as it is or refused by its field, and nothing escapes as
an error of another kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from kobling import (
    Booking,
    BookingQuery,
    BookingRef,
    BookingRequest,
    CancelReason,
    Clinic,
    InvalidRequest,
    Patient,
    SakID,
    Slot,
    SlotProblem,
    SlotQuery,
    UnknownPart,
)
from kobling.slots import MAX_TOKEN_BYTES, token_problem

START = datetime(2026, 12, 1, 8, tzinfo=UTC)
DAY = date(2026, 12, 1)
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


def slot(**facts: Any) -> Slot:
    return Slot(**{"practitioner_id": "p", "service_id": "s", "start": START, "end": START, **facts})


def request(**facts: Any) -> BookingRequest:
    return BookingRequest(**{"slot": slot(), "patient": Patient(email="kari@example.no"), **facts})


REFUSED: dict[str, Callable[[], object]] = {
    # ---- of a vendor's
    "an instant before the calendar": lambda: slot(start=datetime(1, 1, 1, tzinfo=EAST)),
    "an instant after the calendar": lambda: slot(end=datetime(9999, 12, 31, 23, tzinfo=WEST)),
    "an instant that not every clock can show": lambda: slot(start=datetime(9999, 12, 31, 23, tzinfo=UTC)),
    "the first instant of all": lambda: slot(start=datetime.min.replace(tzinfo=UTC)),
    "a booking's start that not every clock can show": lambda: Booking(id="1", status="booked", start=datetime.max),
    "a deadline after the calendar": lambda: Booking(
        id="1", status="booked", change_by=datetime(9999, 12, 31, 23, tzinfo=WEST)
    ),
    "an id of 4 000 digits": lambda: slot(practitioner_id=10**4000),
    "an id of 5 000 digits": lambda: slot(practitioner_id=10**5000),
    "an id with half a surrogate pair": lambda: slot(service_id="\ud800"),
    "an id that is true": lambda: slot(service_id=True),
    "an id that is not a number": lambda: slot(service_id=[]),
    "an empty id": lambda: BookingRef(connection_id="c", id=""),
    "a zone that there is not": lambda: slot(zone="Mars/Phobos"),
    "a link that is a script": lambda: slot(link="javascript:alert(1)"),
    "a link with a blank": lambda: slot(link="https://x.example/ onload=1"),
    "text in place of a reason": lambda: UnknownPart(first_day=DAY, last_day=DAY, because="Systemet er nede for Kari"),
    "text in place of a problem": lambda: SlotProblem(because="Timen til Kari"),
    "an empty reason": lambda: SlotProblem(because=""),
    # ---- of a caller's
    "days in reverse": lambda: SlotQuery(first_day=DAY, last_day=date(2026, 11, 30)),
    "days in reverse, of bookings": lambda: BookingQuery(first_day=DAY, last_day=date(2026, 11, 30)),
    "ten thousand years": lambda: SlotQuery(first_day=date.min, last_day=date.max),
    "ten thousand years of bookings": lambda: BookingQuery(first_day=date.min, last_day=date.max),
    "the last day of all": lambda: SlotQuery(first_day=date.max, last_day=date.max),
    "the first day of all": lambda: SlotQuery(first_day=date.min, last_day=date.min),
    "the last day of all, of bookings": lambda: BookingQuery(first_day=date.max, last_day=date.max),
    "a moment as a day": lambda: SlotQuery(first_day=START, last_day=DAY),
    "a moment as a day, of bookings": lambda: BookingQuery(first_day=START, last_day=START),
    "a number as a day": lambda: SlotQuery(first_day=20261201, last_day=20261202),
    "a text of digits as a day": lambda: SlotQuery(first_day="20261201", last_day="20261202"),
    "a number as a date of birth": lambda: Patient(birth_date=19800131),
    "a text of digits as a date of birth": lambda: Patient(birth_date="19800131"),
    "a huge number as a date of birth": lambda: Patient(birth_date=10**5000),
    "a day that there is not": lambda: Patient(birth_date="1981-02-29"),
    "half a surrogate pair in a name": lambda: Patient(family_name="Pr\ud800ve"),
    "a line separator in a name": lambda: Patient(family_name="Prøve\u2028x"),
    "half a surrogate pair in a SakID": lambda: SakID("6ABC\udc00"),
    "a SakID that nobody sees": lambda: SakID("\u200b\ufeff\u2060 "),
    "half a surrogate pair in a message": lambda: request(message="hei \ud83d"),
    "a control character in a message": lambda: request(message="hei \x07"),
    "a tag in a message": lambda: request(message="[K:0000"),
    "half a surrogate pair in a reason": lambda: CancelReason(by="patient", message="\ud800"),
    "a control character in a reason": lambda: CancelReason(by="patient", message="syk\x1b[2J"),
    "a tag in a reason": lambda: CancelReason(by="patient", message="[ｋ: 0000"),
    "a reference of 4 000 digits": lambda: request(reference=10**4000),
    "no times at all to stop at": lambda: SlotQuery(first_day=DAY, last_day=DAY, at_most=0),
    "a number of 5 000 digits to stop at": lambda: SlotQuery(first_day=DAY, last_day=DAY, at_most="9" * 5000),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_is_refused_by_its_field(name: str) -> None:
    with pytest.raises((InvalidRequest, ValueError, TypeError)) as caught:
        REFUSED[name]()
    if isinstance(caught.value, TypeError):
        assert "is malformed: " in str(caught.value)


TAKEN: dict[str, Callable[[], object]] = {
    "the second year": lambda: SlotQuery(first_day=date(2, 1, 1), last_day=date(2, 1, 1)),
    "a whole year and a day": lambda: SlotQuery(first_day=DAY, last_day=DAY + timedelta(days=366)),
    "a day as text": lambda: SlotQuery(first_day="2026-12-01", last_day="2026-12-01"),
    "a deadline that never comes": lambda: Booking(
        id="1", status="booked", change_by=datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    ),
    "a number as an id": lambda: slot(practitioner_id=4711),
    "a link": lambda: slot(link="https://klinikk.example/time?id=1&x=æ"),
    "a message in lines": lambda: request(message="hei\r\ndu"),
    "born on a leap day": lambda: Patient(birth_date="1980-02-29"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_unusual_and_can_be_is_taken(name: str) -> None:
    assert TAKEN[name]() is not None


def test_a_slot_in_the_last_years_shows_its_clock() -> None:
    assert slot(start=datetime(9998, 12, 31, 23, tzinfo=UTC)).local_start.year == 9999


def test_invisible_characters_of_a_pasted_sakid_are_taken_out() -> None:
    assert SakID("\u200e6AB\u00adC1\ufeff\n").value == "6ABC1"


TOKENS: dict[str, tuple[Any, str]] = {
    "nothing": (None, ""),
    "a text": ("abc", ""),
    "a text of the whole size": ("x" * (MAX_TOKEN_BYTES - 2), ""),
    "one sign more": ("x" * (MAX_TOKEN_BYTES - 1), "too_large"),
    "letters of two bytes": ("æ" * (MAX_TOKEN_BYTES // 2), "too_large"),
    "signs of four bytes": ("😀" * 2047, ""),
    "one more of them": ("😀" * 2048, "too_large"),
    "control characters, six bytes of JSON each": ("\0" * 2000, "too_large"),
    "quotation marks, two bytes each": ('"' * 5000, "too_large"),
    "half a surrogate pair": ("\ud800", "not_json"),
    "half a surrogate pair inside": ({"id": ["\udfff"]}, "not_json"),
    "half a surrogate pair as a key": ({"\ud800": 1}, "not_json"),
    "what JSON has": ({"id": 1, "of": [True, None, 1.5, {"a": "b"}]}, ""),
    "a number as a key": ({1: "a"}, "not_json"),
    "true as a key inside": ([{"a": {True: 1}}], "not_json"),
    "bytes": (b"abc", "not_json"),
    "a moment": ({"at": START}, "not_json"),
    "no number": (float("nan"), "not_json"),
    "without an end": (float("inf"), "not_json"),
    "a number of 5 000 digits": (10**5000, "not_json"),
    "a list of 100 000": ([0] * 100_000, "too_large"),
    "a set": ({1, 2}, "not_json"),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_is_small_json_or_named_for_what_it_is(name: str) -> None:
    token, problem = TOKENS[name]
    assert token_problem(token) == problem


def test_a_token_in_itself_is_no_json() -> None:
    inside: list[Any] = []
    inside.append(inside)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert (token_problem(inside), token_problem(deep)) == ("not_json", "not_json")


@pytest.mark.parametrize(
    ("told", "number"), [("912 345 675", "912345675"), ("912345675", "912345675"), ("912\u00a0345 675 ", "912345675"),
                         ("", None), (" ", None), (None, None)]
)  # fmt: skip
def test_an_organisation_number_is_told_without_the_blanks_that_people_write(
    told: str | None, number: str | None
) -> None:
    assert Clinic(organisation_number=told).organisation_number == number


Window = type[SlotQuery] | type[BookingQuery]


@pytest.mark.parametrize("query", [SlotQuery, BookingQuery])
@pytest.mark.parametrize(
    ("days", "because", "en", "nb"),
    [
        (-1, "days_reversed", "The last day is before the first.", "Den siste dagen er før den første."),
        (367, "too_many_days", "at most 366 days after the first", "høyst 366 dager etter den første"),
    ],
)
def test_days_that_do_not_fit_together_are_told_by_both_fields(
    query: Window, days: int, because: str, en: str, nb: str
) -> None:
    given = {"first_day": DAY, "last_day": DAY + timedelta(days=days)}
    longest = query(first_day=DAY, last_day=DAY + timedelta(days=366))
    ways: list[Callable[[], object]] = [
        lambda: query(first_day=given["first_day"], last_day=given["last_day"]),
        lambda: query.model_validate(given),
        lambda: longest.model_copy(update=given),
    ]
    for way in ways:
        with pytest.raises(InvalidRequest) as caught:
            way()
        assert (caught.value.because, caught.value.fields) == (because, ("first_day", "last_day"))
        assert en in caught.value.explain("en")
        assert "(first day and last day)" in caught.value.explain("en")
        assert nb in caught.value.explain("nb")
        assert "(første dag og siste dag)" in caught.value.explain("nb")


def test_a_name_that_no_field_has_is_not_told_as_a_field_that_is_wrong() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Patient(givenname="Kari")
    assert (caught.value.because, caught.value.fields) == ("no_such_field", ("given_name",))
    assert "A field was given that does not exist" in caught.value.explain("en")
    assert "et felt som ikke finnes" in caught.value.explain("nb")
    with pytest.raises(InvalidRequest) as unlike:
        Patient(x="Kari")
    assert (unlike.value.because, unlike.value.fields) == ("malformed", ("unknown_field",))
    with pytest.raises(InvalidRequest) as wrong:
        Patient(given_name="", x="Kari")
    assert (wrong.value.because, wrong.value.fields) == ("malformed", ("given_name", "unknown_field"))
