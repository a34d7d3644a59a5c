"""What a report shows of an exchange: enough to mend an adapter, and no key, token or patient."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import ClassVar

import pytest

from kobling import Adapter, Booking, BookingRequest, HeaderKey, Http, InvalidRequest, WireReply
from kobling_contract.contract import chosen
from kobling_contract.exchanges import Personal, told
from kobling_contract.outcome import Outcome
from kobling_contract.rig import Rig
from kobling_contract.runner import Result, run_rule
from kobling_contract.sides import Mode
from kobling_contract.strange_words import in_place_of
from kobling_contract.target import find_target
from kobling_contract.trial import Trial
from kobling_contract.verdicts import Verdict
from kobling_extensor import Extensor
from kobling_zoo.eg_pasientsky import ConflictOnlyAs409, NoPatientLimit
from kobling_zoo.extensor import PatientInTheToken


async def told_of(vendor: str, *, wired: bool = False, mode: Mode = "async") -> tuple[str, list[str]]:
    """A booking and what a report would tell of every call; and all that was sent where a key goes."""
    trial = Trial(chosen(["BOOK-01"])[0], find_target(vendor), 7, mode)
    rig = trial.rig(wired=wired)
    await trial.booked(rig)
    shown = "\n".join(trial.exchange([call]) for call in rig.received)
    sent = [
        value
        for one in (*rig.wire, *rig.heard)
        for name, value in one.request.headers
        if name.lower() == "authorization"
    ]
    await trial.close()
    return shown, [value.rpartition(" ")[2] for value in sent]


@pytest.mark.parametrize("wired", [False, True])
def test_a_token_that_the_vendor_gave_is_shown_nowhere(wired: bool) -> None:
    shown, tokens = asyncio.run(told_of("synthetic", wired=wired))
    assert len(set(tokens)) >= 1
    assert "answered: 200" in shown
    for token in set(tokens):
        assert len(token) >= 8
        assert token not in shown


def test_of_an_answer_that_gives_a_token_only_the_lengths_are_shown() -> None:
    shown, _ = asyncio.run(told_of("synthetic"))
    (answer,) = {line for line in shown.splitlines() if "answered" in line and "token" in line}
    assert "characters" in answer


@pytest.mark.parametrize("vendor", ["easypractice", "eg-pasientsky"])
def test_a_key_that_was_sent_is_shown_nowhere(vendor: str) -> None:
    shown, keys = asyncio.run(told_of(vendor))
    assert "answered: 20" in shown
    assert not [key for key in keys if key in shown]


def test_an_error_is_told_with_the_fields_it_names() -> None:
    told = str(Outcome(error=InvalidRequest("refused_by_vendor", fields=("mobile",))))
    assert told == "InvalidRequest (refused_by_vendor) at mobile, effect none"


def test_of_a_long_answer_the_part_is_shown_that_the_text_beside_it_speaks_of() -> None:
    async def shown() -> tuple[str, str, str]:
        trial = Trial(chosen(["CAT-04"])[0], find_target("eg-pasientsky"), 7, "async")
        rig = trial.rig(spoil=in_place_of(["Solsiden Brygga"], "Et annet sted"))
        await rig.session.catalogue()
        call = rig.received[0]
        found = trial.exchange([call]), told(trial.rigs, [call], "a place called Et annet sted"), "".join(_names(rig))
        await trial.close()
        return found

    first, fitting, names = asyncio.run(shown())
    assert "annet sted" not in first, "it stands too far back to be seen without being asked for"
    assert "Et annet sted" in fitting
    assert "the suite changed the answer on its way to the adapter" in fitting
    assert "Et annet sted" in names
    assert len(fitting) < len(first) + 200


def _names(rig: Rig) -> list[str]:
    return [one.outcome.body.decode() for one in rig.wire if isinstance(one.outcome, WireReply)]


def test_calls_that_cannot_be_told_apart_are_shown_once() -> None:
    async def shown() -> str:
        trial = Trial(chosen(["BOOK-01"])[0], find_target("extensor"), 7, "async")
        rig = trial.rig()
        made, mark = await trial.booked(rig), rig.mark()
        for _ in range(9):
            await rig.session.get(made.booking.ref)
        found = told(trial.rigs, rig.since(mark))
        await trial.close()
        return found

    text = asyncio.run(shown())
    assert text.count("answered: 200") == 1
    assert re.search(r"\n   the same again: 8 calls, \d+ to \d+$", text)


def test_a_row_is_shown_for_the_mark_that_it_has_and_others_have_not() -> None:
    rig = Rig(find_target("extensor"), "sync", "demo", 7)
    rows = [{"id": number, "state": "open"} for number in range(6)]
    rows[4]["state"] = "shut"
    personal = Personal(rig)
    assert personal.shape(rows, ["state", "shut"]) == ["… 4 more", {"id": 4, "state": "shut"}, "… 1 more"]
    assert personal.shape(rows, ["state"]) == [*rows[:2], "… 4 more"]
    asyncio.run(rig.close())


def test_of_rows_that_have_one_mark_in_common_the_one_is_shown_that_has_another_too() -> None:
    rig = Rig(find_target("extensor"), "sync", "demo", 7)
    rows = [{"id": number, "who": "1715000006" if number else "1715000005", "word": "known"} for number in range(6)]
    rows[4]["word"] = "strange"
    shown = Personal(rig).shape(rows, ["1715000006", "strange"])
    assert shown == ["… 4 more", {"id": 4, "who": "1715000006", "word": "strange"}, "… 1 more"]
    asyncio.run(rig.close())


@pytest.mark.parametrize("mode", ["async", "sync"])
def test_over_a_socket_the_same_is_shown_as_in_process(mode: Mode) -> None:
    def plain(wired: bool) -> list[str]:
        """Every call with its answer; without what is another in each run, and in which order they came."""
        shown, _ = asyncio.run(told_of("extensor", wired=wired, mode=mode))
        uuid = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        same = re.sub(uuid, "reference", re.sub("#[0-9a-f]{10}", "#", shown))
        return sorted(re.split(r"^\d+\. ", same, flags=re.M))

    assert plain(wired=True) == plain(wired=False)


def test_a_call_tells_the_vendors_name_of_it_and_what_of_ours_it_was_made_for() -> None:
    shown, _ = asyncio.run(told_of("extensor"))
    heads = [line for line in shown.splitlines() if line[:1].isdigit()]
    assert [line.rpartition("(")[2] for line in heads][-2:] == ["bestill; your book)", "les_time; in session.book)"]
    assert heads[0].endswith("; in session.slots)")
    for vendor in ("easypractice", "synthetic"):
        others, _ = asyncio.run(told_of(vendor))
        assert ("in session.book)" in others, "your book)" in others) == (True, False), (
            "what it wrote is not certain there"
        )
    signed_in, _ = asyncio.run(told_of("synthetic"))
    assert "; your sign_in)" in signed_in


def found(rule: str, vendor: str, adapter: type[Adapter]) -> Result:
    return run_rule(chosen([rule])[0], find_target(vendor, adapter), 1, repeats=0)


def test_what_is_returned_with_the_patient_in_it_is_named_by_its_attribute_beside_the_call_that_made_it() -> None:
    leak = found("SECR-02", "extensor", PatientInTheToken)
    assert re.fullmatch(
        r"the patient's phone \(11 characters #[0-9a-f]{10}\), in Booking.location_id, returned by session.book",
        leak.got,
    )
    assert "(bestill; your book)" in leak.exchange
    assert "ping" not in leak.exchange
    assert [mark for mark in leak.marks if mark in leak.got] == list(leak.marks)
    assert len(leak.marks) == 1


class _ReadsTheClock(Extensor):
    """Tells the start of a booking on another clock."""

    contract = 1
    apart: ClassVar[timedelta]

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """The booking, at another time."""
        made = await super().book(http, request)
        return made.model_copy(update={"start": request.slot.start - self.apart})


class OnTheClockOfUtc(_ReadsTheClock):
    """Takes the clinic's clock for UTC's."""

    contract = 1
    apart = timedelta(hours=1)


class HalfAnHourEarly(_ReadsTheClock):
    """Tells half an hour earlier."""

    contract = 1
    apart = timedelta(minutes=30)


def test_a_booking_that_is_off_by_the_clinics_offset_is_told_as_a_mistake_of_clocks() -> None:
    assert "as far apart as the clinic's clock and UTC are" in found("BOOK-01", "extensor", OnTheClockOfUtc).got
    assert "clock" not in found("BOOK-01", "extensor", HalfAnHourEarly).got


class AnotherHeader(Extensor):
    """Sends the key in a header that the vendor does not read."""

    contract = 1
    auth = HeaderKey("X-Key")


@pytest.mark.parametrize("rule", ["CONN-01", "SLOT-01"])
def test_a_key_that_went_elsewhere_is_told_with_both_places(rule: str) -> None:
    assert re.search(
        r"\nThe key came in header\.X-Key; the vendor's mock reads it in header\.[a-z-]+\. Where it goes",
        found(rule, "extensor", AnotherHeader).got,
    )


def test_a_rule_that_was_not_judged_shows_what_failed_and_both_values_without_the_patients() -> None:
    vacuous = found("SECR-01", "extensor", PatientInTheToken)
    assert vacuous.verdict is Verdict.VACUOUS
    assert re.search(
        r"\nBooking.location_id is 11 characters #[0-9a-f]{10}; slot.location_id: 1715000001$", vacuous.got
    )
    assert 'answered: 201; something was changed at the vendor, {"time": {"id": ' in vacuous.exchange
    assert "--rule SECR-01" in vacuous.reproduce
    digest = vacuous.got.partition("#")[2][:10]
    assert f'"telefon": "11 characters #{digest}"' in vacuous.exchange


@pytest.mark.parametrize(
    ("rule", "adapter", "told"),
    [
        ("BOOK-05", ConflictOnlyAs409, "ErrorMap.code found “unreadable”, for which ErrorMap.codes has no entry, "
         "though the answer has TIMESLOT_UNAVAILABLE; status 400 alone decided"),
        ("BOOK-07", NoPatientLimit, "ErrorMap.code found “BOOKING_LIMIT_REACHED”, for which ErrorMap.codes has no "
         "entry; status 409 decided, which ErrorMap.statuses has"),
        ("BOOK-07", ConflictOnlyAs409, "ErrorMap.code found no code, though the answer has BOOKING_LIMIT_REACHED, "
         "which ErrorMap.codes lists; status 409 decided, which ErrorMap.statuses has"),
    ],
)  # fmt: skip
def test_a_refusal_that_became_another_error_tells_which_entry_of_the_error_map_decided(
    rule: str, adapter: type[Adapter], told: str
) -> None:
    result = found(rule, "eg-pasientsky", adapter)
    assert result.got.splitlines()[1:] == [told]
    assert f"answered: {told.partition('status ')[2][:3]}" in result.marks
    assert any(mark.isupper() for mark in result.marks)
