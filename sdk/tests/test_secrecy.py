"""A key and a patient are found nowhere: not in reprs, dumps, pickles, logs, errors, or the locals of their frames."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from full_vendor import FullVendor, connect
from kobling import (
    BookingRequest,
    Connection,
    InvalidConnection,
    InvalidRequest,
    KoblingError,
    Patient,
    SakID,
    Slot,
    WireFailure,
    WireReply,
    WireRequest,
)
from kobling.testing import reply

KEY = "canary-key-4711"
NAME = "Canarysen"
EMAIL = "canary@example.no"
SECRETS = (KEY, NAME, EMAIL, "6CANARY")
PATIENT = Patient(given_name="Kari", family_name=NAME, email=EMAIL, phone="+4799999999")


def assert_silent(text: str) -> None:
    for secret in SECRETS:
        assert secret not in text


def frames(error: BaseException | None) -> list[str]:
    """The reprs of every local of every frame of an error, of what caused it and of what it came from."""
    found: list[str] = []
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        found += [str(one), repr(one), repr(one.args)]
        trace = one.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if "kobling/" in code.co_filename and "tests/" not in code.co_filename:
                found += [f"{name}={value!r}" for name, value in trace.tb_frame.f_locals.items()]
            trace = trace.tb_next
        waiting += [one.__cause__, one.__context__]
    return found


def test_a_connection_shows_no_key() -> None:
    connection = Connection("full", external_id="1", api_key=KEY)
    for text in (repr(connection), str(connection), repr(connection.public), str(connection.model_dump()),
                 repr(connection.secret), f"{connection.secret}", connection.public.model_dump_json()):  # fmt: skip
        assert_silent(text)


@pytest.mark.parametrize("value", [Connection("full", api_key=KEY), PATIENT, SakID("6CANARY")])
def test_what_is_secret_is_not_pickled(value: Any) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(value)


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
def test_a_connection_is_not_copied(copier: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        copier(Connection("full", api_key=KEY))


@pytest.mark.parametrize("key", [f"{KEY}\næøå", f"{KEY}\x00é", f"{KEY}é"])
def test_a_key_that_can_not_be_one_is_refused_without_showing_it(key: str) -> None:
    connection = Connection("full", external_id="1", api_key=key)
    with pytest.raises(InvalidConnection) as caught:
        FullVendor.form.accept(connection)
    assert caught.value.problems == (("api_key", "characters"),)
    assert_silent("".join(frames(caught.value)))


def test_pasted_blanks_and_newlines_are_cleaned() -> None:
    connection = Connection("full", external_id="\u00a0 1\n", api_key=f" {KEY[:6]}\n{KEY[6:]}\u200b ")
    assert connection.secret.reveal() == KEY
    assert connection.public.external_id == "1"


@pytest.mark.parametrize("given", [
    {"email": EMAIL + "\n", "given_name": "x" * 500}, {"birth_date": NAME}, {"nickname": NAME},
    {"phone": 5, "email": ""},
])  # fmt: skip
def test_what_is_wrong_with_a_patient_is_said_without_the_patient(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Patient(**given)
    assert caught.value.fields
    assert_silent("".join(frames(caught.value)))


def test_a_booking_request_shows_and_dumps_no_patient() -> None:
    moment = datetime(2026, 12, 1, 8, tzinfo=UTC)
    slot = Slot(practitioner_id="p", service_id="s", start=moment, end=moment.replace(hour=9))
    request = BookingRequest(slot=slot, patient=PATIENT, sak_id=SakID("6CANARY"), message=f"Fra {NAME}")
    assert_silent(repr(request) + str(request) + request.model_dump_json() + repr(request.model_dump()) + repr(PATIENT))


ENDINGS: dict[str, WireReply | WireFailure] = {
    "reset": WireFailure("read"),
    "503": reply(503, text=f"{NAME} {KEY}"),
    "html": reply(200, text=f"<html>{NAME} {EMAIL} {KEY}</html>"),
    "refused": reply(409, json={"error": f"{NAME} {KEY}"}),
    "odd": reply(200, json={"id": None, "echo": {NAME: EMAIL, "key": KEY}}),
    "redirect": reply(302, headers={"Location": f"https://{KEY}.example/{NAME}"}),
    "401": reply(401, json={"message": f"wrong key {KEY}"}),
}


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failed_booking_leaks_nothing(mode: str, ending: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world = connect(mode, key=KEY)
    slot = world.slot()

    def answer(request: WireRequest) -> WireReply | WireFailure | None:
        return ENDINGS[ending] if request.method == "POST" else None

    world.vendor.interrupt = answer
    request = BookingRequest(slot=slot, patient=PATIENT, sak_id=SakID("6CANARY"))
    with pytest.raises(KoblingError) as caught:
        world.run(lambda session: session.book(request))
    assert_silent("".join(frames(caught.value)))
    assert_silent(json.dumps(caught.value.as_dict()))
    assert_silent(caplog.text)
    assert_silent(repr(world.session) + repr(vars(caught.value)))
    assert all(KEY not in url and NAME not in url and EMAIL not in url for url in world.vendor.urls)
