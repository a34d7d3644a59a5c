"""A key and a patient are found nowhere: not in reprs, dumps, pickles, logs, errors, or the locals of their frames."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import pprint
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError, field_validator
from rich.pretty import pretty_repr

from full_vendor import FullVendor, connect
from kobling import (
    Adapter,
    AdapterBug,
    Booking,
    BookingQuery,
    BookingRequest,
    CancelReason,
    Connection,
    ConnectionForm,
    InvalidConnection,
    InvalidRequest,
    Kobling,
    KoblingError,
    OutcomeUnknown,
    Patient,
    SakID,
    Slot,
    SlotQuery,
    WireFailure,
    WireReply,
    WireRequest,
    find_tags,
    optional,
    required,
)
from kobling.connection import Secret, clean
from kobling.plugins import Installed
from kobling.reference import compose_note
from kobling.testing import example_connection, play, reply

KEY = "canary-key-4711"
NAME = "Canarysen"
EMAIL = "canary@example.no"
SECRETS = (KEY, NAME, EMAIL, "6CANARY")
PATIENT = Patient(given_name="Kari", family_name=NAME, email=EMAIL, phone="+4799999999")


def assert_silent(text: str) -> None:
    for secret in SECRETS:
        assert secret not in text


def frames(error: BaseException | None, *, own: bool = False) -> list[str]:
    """The reprs of every local of every frame of an error, of what caused it and of what it came from, this file's own
    frames left out. own: only frames of Kobling, where the test itself called into another library."""
    found: list[str] = []
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        found += [str(one), repr(one), repr(one.args), repr(getattr(one, "errors", str)())]
        trace = one.__traceback__
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if file != __file__ and (not own or f"{os.sep}kobling{os.sep}" in file):
                found += [f"{name}={value!r}" for name, value in trace.tb_frame.f_locals.items()]
                found += [repr(vars(value)) for value in trace.tb_frame.f_locals.values() if hasattr(value, "__dict__")]
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


MOMENT = datetime(2026, 12, 1, 8, tzinfo=UTC)
SLOT = Slot(practitioner_id="p", service_id="s", start=MOMENT, end=MOMENT.replace(hour=9))
REQUEST = BookingRequest(slot=SLOT, patient=PATIENT, sak_id=SakID("6CANARY"), message=f"Fra {NAME}", note_lines=(NAME,))
DAYS = {"first_day": "2026-12-01", "last_day": "2026-12-02"}

NOT_A_PATIENT: dict[str, Any] = {
    "too long": {"email": EMAIL, "given_name": NAME * 99},
    "a line break": {"family_name": f"{NAME}\n{NAME}"},
    "a name for a day": {"birth_date": NAME},
    "a name as a field": {NAME: "x"},
    "a misspelt field": {"familyname": NAME},
    "a name in a list": {"family_name": [NAME]},
    "a name as bytes": {"email": EMAIL.encode() + b"\xff"},
    "half a surrogate pair": {"family_name": f"{NAME}\ud800"},
    "a list": [NAME],
    "a text": NAME,
    "bytes": NAME.encode() + b"\xff",
    "an object": type("Person", (), {"__repr__": lambda self: NAME})(),
    "a name for a name": {1: NAME},
}


class Held(BaseModel):
    """A caller's own model."""

    patient: Patient | None = None
    sak_id: SakID | None = None


class Known(Patient):
    """A caller's own kind of patient."""

    @field_validator("email")
    @classmethod
    def _never(cls, value: str | None) -> str | None:
        raise RuntimeError(f"not {value}")


def as_json(given: Any) -> str:
    return json.dumps(given, default=repr)


def as_whole_json(given: Any) -> str:
    """JSON that another library can read: what it can't, it shows before Kobling is asked."""
    return as_json(given).replace("\\ud800", "")


WAYS: dict[str, Callable[[Any], Any]] = {
    "named": lambda given: Patient(**given),
    "validated": lambda given: Patient.model_validate(given),
    "validated strictly": lambda given: Patient.model_validate(given, strict=True),
    "from attributes": lambda given: Patient.model_validate(given, from_attributes=True),
    "from JSON": lambda given: Patient.model_validate_json(as_json(given)),
    "from broken JSON": lambda given: Patient.model_validate_json(as_json(given)[:-1] + "\x00"),
    "from bytes": lambda given: Patient.model_validate_json(as_json(given).encode() + b"\xff"),
    "from strings": lambda given: Patient.model_validate_strings(given),
    "constructed": lambda given: Patient.model_construct(**given),
    "an old way": lambda given: Patient.parse_obj(given),
    "an old way, raw": lambda given: Patient.parse_raw(as_json(given)),
    "copied with": lambda given: PATIENT.model_copy(update=given),
    "copied the old way": lambda given: PATIENT.copy(update=given),
    "assigned": lambda given: setattr(PATIENT, "family_name", given),
    "in a request": lambda given: BookingRequest(slot=SLOT, patient=given),
    "in a request as a message": lambda given: BookingRequest(slot=SLOT, patient=PATIENT, message=given),
    "in a request as lines": lambda given: BookingRequest(slot=SLOT, patient=PATIENT, note_lines=given),
    "in a request as a SakID": lambda given: BookingRequest(slot=SLOT, patient=PATIENT, sak_id=given),
    "in a request as a SakID's value": lambda given: BookingRequest(
        slot=SLOT, patient=PATIENT, sak_id={"value": given}
    ),
    "in a request with another name": lambda given: BookingRequest(slot=SLOT, patient=PATIENT, person=given),
    "in a validated request": lambda given: BookingRequest.model_validate({"slot": SLOT, "patient": given}),
    "in a request from JSON": lambda given: BookingRequest.model_validate_json(as_json({"patient": given})),
    "in a copied request": lambda given: REQUEST.model_copy(update={"patient": given}),
    "in a copied request, deep": lambda given: REQUEST.model_copy(update={"patient": given}, deep=True),
    "as a SakID": lambda given: SakID(given),
    "as a validated SakID": lambda given: SakID.model_validate(given),
    "as a SakID from JSON": lambda given: SakID.model_validate_json(as_json(given)),
    "in a reason": lambda given: CancelReason(by="patient", message=given),
    "as the why of a reason": lambda given: CancelReason(by="patient", why=given),
    "in a query": lambda given: BookingQuery(**DAYS, practitioner_ids=[[given]]),
    "as the day of a query": lambda given: SlotQuery(first_day=given, last_day=given),
    "in a booking": lambda given: Booking(id="1", status="booked", patient=given),
    "in a validated booking": lambda given: Booking.model_validate({"id": "1", "status": "booked", "patient": given}),
    "in a booking from JSON": lambda given: Booking.model_validate_json(as_json({"id": "1", "patient": given})),
    "as a subclass": lambda given: Known(email=EMAIL),
    "as a text to look for tags in": lambda given: find_tags([given]),  # type: ignore[arg-type]
    "stripped": lambda given: FullVendor.patient_fields.stripped(given),
    "as lines of the note": lambda given: FullVendor.patient_fields.note_lines(given),
    "asked for what is missing": lambda given: FullVendor.patient_fields.missing(given),
    "in a note": lambda given: compose_note(
        reference=REQUEST.reference, sak_id=None, lines=(given,), message=NAME, limit=9
    ),
}
BY_ANOTHER_LIBRARY: dict[str, Callable[[Any], Any]] = {
    "in a caller's model": lambda given: Held(patient=given),
    "in a caller's model, validated": lambda given: Held.model_validate({"patient": given}),
    "in a caller's model from JSON": lambda given: Held.model_validate_json(as_whole_json({"patient": given})),
    "in a caller's model as a SakID": lambda given: Held(sak_id={"value": [given]}),
    "by an adapter of types": lambda given: TypeAdapter(Patient).validate_python(given),
    "by an adapter of types, in a list": lambda given: TypeAdapter(list[Patient]).validate_python([given]),
    "by an adapter of types from JSON": lambda given: TypeAdapter(Patient).validate_json(as_whole_json(given)),
    "by an adapter of types, a subclass": lambda given: TypeAdapter(Known).validate_python({"email": EMAIL}),
}


@pytest.mark.parametrize("way", [*WAYS, *BY_ANOTHER_LIBRARY])
@pytest.mark.parametrize("given", NOT_A_PATIENT)
def test_what_is_wrong_with_a_patient_is_said_without_the_patient(given: str, way: str) -> None:
    raised: BaseException | None = None
    made: Any = None
    try:
        made = {**WAYS, **BY_ANOTHER_LIBRARY}[way](NOT_A_PATIENT[given])
    except Exception as problem:
        raised = problem
    if raised is None:
        assert_shows_nothing(made)
    else:
        assert not isinstance(raised, ValidationError)
        assert_silent("".join(frames(raised, own=way in BY_ANOTHER_LIBRARY)))


def test_which_fields_are_wrong_is_said() -> None:
    wrong = {"email": EMAIL, "family_name": NAME * 99, "birth_date": NAME, "familyname": NAME, NAME: 1}
    with pytest.raises(InvalidRequest) as caught:
        BookingRequest(slot=SLOT, patient=wrong)
    assert caught.value.fields == ("family_name", "birth_date", "unknown_field")


def assert_shows_nothing(value: Any) -> None:
    """Neither it nor anything that is printed of it shows a patient, a SakID or a key."""
    shown = [repr(value), str(value), f"{value}", "%r" % (value,), pprint.pformat(value), pretty_repr(value)]  # noqa: UP031
    shown += [repr(value.__dict__)] if hasattr(value, "__dict__") else []
    shown += [repr(list(getattr(value, name)())) for name in ("__rich_repr__", "__repr_args__") if hasattr(value, name)]
    shown += [repr(list(value.__pretty__(repr)))] if hasattr(value, "__pretty__") else []
    shown += [repr([getattr(value, name, None) for name in getattr(type(value), "__slots__", ())])]
    assert_silent("".join(shown))


SHOWN: dict[str, Any] = {
    "a patient": Patient(given_name=NAME, birth_date=date(1980, 1, 1), phone=NAME, email=EMAIL, national_id=NAME),
    "a SakID": SakID("6CANARY"),
    "a request": REQUEST,
    "a reason": CancelReason(by="patient", message=f"Fra {NAME}"),
    "a booking": Booking(id="1", status="booked", patient=PATIENT),
    "a list of them": [PATIENT, SakID("6CANARY"), REQUEST],
    "a value of one": PATIENT.family_name,
    "a name": PATIENT.name,
    "a note": REQUEST.note(),
    "a reason's note": CancelReason(by="patient", message=f"Fra {NAME}").note(),
    "a connection": Connection("full", external_id="1", api_key=KEY),
    "a secret": Secret(KEY),
    "a played connection": example_connection(FullVendor, api_key=KEY),
}


@pytest.mark.parametrize("name", SHOWN)
def test_nothing_that_prints_shows_a_patient_or_a_key(name: str) -> None:
    value = SHOWN[name]
    if isinstance(value, str):
        assert NAME in value  # as a text it is used as any other; only its repr is silent
        assert_silent(repr(value) + repr([value]))
    else:
        assert_shows_nothing(value)


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, lambda value: value.model_copy(deep=True)])
@pytest.mark.parametrize("name", ["a patient", "a SakID", "a request", "a reason", "a booking"])
def test_a_copy_is_equal_and_as_silent(copier: Callable[[Any], Any], name: str) -> None:
    copied = copier(SHOWN[name])
    assert copied == SHOWN[name]
    assert_shows_nothing(copied)


def test_private_values_are_sent_as_what_they_are() -> None:
    patient = Patient(family_name=NAME, birth_date=date(1980, 1, 31))
    assert (f"{patient.family_name}", str(patient.birth_date)) == (NAME, "1980-01-31")
    assert json.loads(patient.model_dump_json())["birth_date"] == "1980-01-31"
    assert patient == Patient.model_validate(patient.model_dump())
    assert json.dumps([patient.family_name]) == f'["{NAME}"]'


# ---- a key, by every callable that takes one

KEYS = (KEY, f"{KEY}\n{NAME}", f"{KEY}æ", f"{KEY}\ud800", KEY * 200)


def raising(value: str) -> str:
    raise ValueError(f"no such key: {value}")


def leaving(value: str) -> str:
    sys.exit(f"no such key: {value}")


def form(**key: Any) -> ConnectionForm:
    return ConnectionForm(external_id=optional(nb="", en=""), api_key=required(nb="", en="", **key))


class Broken(FullVendor):
    key = "broken"
    contract = 1
    form = form(normalise=raising)


class NotAskedFor(FullVendor):
    key = "not-asked-for"
    contract = 1
    form = ConnectionForm(external_id=required(nb="", en=""))


def offices(adapter: type[Adapter], key: str) -> Any:
    with Kobling(adapters=Installed({adapter.key: adapter})) as kobling:
        session = kobling.session(Connection(adapter.key, external_id="1", api_key=key))
        assert_silent(session.test_connection().model_dump_json() + repr(vars(session)))
        return session.clinic()


def made_up(key: str) -> Connection:
    return Connection("full", external_id="1", api_key=key)


KEY_WAYS: dict[str, Callable[[str], Any]] = {
    "as bytes": lambda key: Connection("full", api_key=key.encode("utf-8", "replace")),  # type: ignore[arg-type]
    "in a list": lambda key: Connection("full", api_key=[key]),  # type: ignore[arg-type]
    "with an id that is no text": lambda key: Connection("full", external_id=5, api_key=key),  # type: ignore[arg-type]
    "with a vendor that is no text": lambda key: Connection(5, external_id="1", api_key=key),  # type: ignore[arg-type]
    "with half a surrogate pair": lambda key: Connection("full", external_id="\ud800", api_key=key),
    "in a secret as bytes": lambda key: Secret(key.encode("utf-8", "replace")),  # type: ignore[arg-type]
    "cleaned": lambda key: clean("api_key", [key]),  # type: ignore[arg-type]
    "copied": lambda key: copy.deepcopy(Secret(key)),
    "copied in a connection": lambda key: copy.copy(made_up(key)),
    "changed": lambda key: setattr(made_up(KEY), "api_key", key),
    "not matching": lambda key: form(pattern="[0-9]").accept(made_up(key)),
    "normalised by what raises": lambda key: form(normalise=raising).accept(made_up(key)),
    "normalised by what exits": lambda key: form(normalise=leaving).accept(made_up(key)),
    "normalised to nothing": lambda key: form(normalise=lambda value: None).accept(made_up(key)),
    "normalised to a list": lambda key: form(normalise=lambda value: [value]).accept(made_up(key)),
    "where none belongs": lambda key: ConnectionForm(external_id=required(nb="", en="")).accept(made_up(key)),
    "asked for its part": lambda key: form(pattern="(?P<a>[0-9])").key_part(made_up(key), "b"),
    "told": lambda key: form(pattern="[0-9]").problems(made_up(key)),
    "in a session": lambda key: offices(FullVendor, f"{key}æ"),
    "in a session whose form breaks": lambda key: offices(Broken, key),
    "in a session that has no key": lambda key: offices(NotAskedFor, key),
    "in a session's connection as a dict": lambda key: Kobling(adapters=Installed({})).session({"api_key": key}),  # type: ignore[arg-type]
    "in an example": lambda key: example_connection(FullVendor, api_key=[key]),  # type: ignore[arg-type]
    "in an example with a misspelt field": lambda key: example_connection(FullVendor, api_key=key, external="1"),
    "played": lambda key: play(FullVendor, "catalogue", replies=[], connection=made_up(KEY)),
    "played with another reply": lambda key: play(
        FullVendor, "catalogue", replies=[reply(500, body=key.encode("utf-8", "replace"))] * 9, connection=made_up(KEY)
    ),
    "played with a reply too many": lambda key: play(
        FullVendor, "catalogue", replies=[reply(body=key.encode("utf-8", "replace"))] * 2, connection=made_up(KEY)
    ),
    "played by what raises": lambda key: play(Broken, "catalogue", replies=[], connection=made_up(key)),
    "played with a booking": lambda key: play(FullVendor, "book", REQUEST, replies=[], connection=made_up(KEY)),
    "in an error's text": lambda key: InvalidConnection(f"{key} "),
    "in an error's field": lambda key: InvalidConnection(problems=((f"{key} ", "missing"),)),
}


@pytest.mark.parametrize("way", KEY_WAYS)
@pytest.mark.parametrize("key", KEYS, ids=["plain", "with a newline", "with æ", "with half a surrogate pair", "long"])
def test_a_key_is_shown_by_nothing_that_takes_one(key: str, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    raised: BaseException | None = None
    made: Any = None
    try:
        made = KEY_WAYS[way](key)
    except Exception as problem:
        raised = problem
    if raised is None:
        assert_shows_nothing(made)
    assert_silent("".join(frames(raised)))
    assert_silent("".join(capsys.readouterr()))


def test_a_normaliser_that_raises_is_the_adapters_bug() -> None:
    with pytest.raises(AdapterBug) as caught:
        form(normalise=raising).accept(made_up(KEY))
    assert (caught.value.because, caught.value.fields) == ("normaliser", ("api_key",))


def test_a_pattern_that_is_none_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        form(pattern="(")


def test_a_booking_request_shows_and_dumps_no_patient() -> None:
    request = BookingRequest(slot=SLOT, patient=PATIENT, sak_id=SakID("6CANARY"), message=f"Fra {NAME}")
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


@pytest.mark.parametrize("echo", [KEY, f"NO_{KEY}_HERE", "4799999999", EMAIL, NAME, f"{NAME.upper()}_EXISTS"])
def test_a_vendor_that_sends_the_key_or_the_patient_back_as_its_code_is_not_quoted(echo: str) -> None:
    request = BookingRequest(slot=SLOT, patient=PATIENT)
    answer = reply(400, json={"code": echo}, headers={"X-Request-Id": echo})
    connection = example_connection(FullVendor, api_key=KEY)
    with pytest.raises(KoblingError) as caught:
        play(FullVendor, "book", request, replies=[answer], connection=connection)
    assert (caught.value.vendor_code, caught.value.vendor_request_id) == ("", "")


class NumbersPatientsByPhone(FullVendor):
    """Puts the patient on file first, under an id that may be their phone number."""

    key = "by-phone"
    contract = 1
    patient_id = "P77"

    async def register_patient(self, http: Any, request: BookingRequest) -> str:
        return self.patient_id


@pytest.mark.parametrize(("patient_id", "residue"), [("P77", "patient:P77"), ("+4799999999", "patient:unknown")])
def test_a_record_that_is_left_behind_is_named_but_not_by_the_patients_own_number(
    patient_id: str, residue: str
) -> None:
    world = connect("sync", type("ByPhone", (NumbersPatientsByPhone,), {"contract": 1, "patient_id": patient_id}))
    world.vendor.interrupt = lambda one: WireFailure("read") if one.method == "POST" else None
    with pytest.raises(OutcomeUnknown) as caught:
        world.run(lambda session: session.book(BookingRequest(slot=world.slot(), patient=PATIENT)))
    assert caught.value.residue == (residue,)


def test_a_vendors_own_code_stays_although_a_short_name_is_in_it() -> None:
    request = BookingRequest(slot=SLOT, patient=Patient(given_name="Kari", family_name="Li", email=EMAIL))
    answer = reply(409, json={"code": "LIMIT"}, headers={"X-Request-Id": "req-4711"})
    with pytest.raises(KoblingError) as caught:
        play(FullVendor, "book", request, replies=[answer])
    assert (caught.value.vendor_code, caught.value.vendor_request_id) == ("LIMIT", "req-4711")


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
