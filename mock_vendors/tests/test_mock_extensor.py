"""Extensor's synthetic dialect: each clinic's own server, the wire as it is described, and every switch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from kobling.exchange import WireReply, WireRequest
from kobling_mocks import Fault, Mock, Operation
from kobling_mocks.clinic import (
    Clock,
    Restrictions,
    TemplateRow,
    WeekTemplate,
    demo_clinic,
    demo_id,
    synthetic_clinic,
)

KARI, FOLLOW_UP = demo_id("timebook", "kari"), demo_id("type", "oppfolging")
DAY = "2026-12-01"


@dataclass
class Caller:
    """Calls one clinic's server in process."""

    mock: Mock

    def wire(self, own: str) -> int:
        return int(self.mock.dialect.ids.wire(self.mock.world.clinic, own))

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None, base: str | None = None,
             host: str | None = None, **query: Any) -> WireReply:  # fmt: skip
        fields = self.mock.connection
        given = {"klinikk": fields["external_id"], **query}
        asked = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
        url = f"{base or fields['booking_url']}/api/{path}?{asked}"
        headers = {"X-Api-Key": fields["api_key"] if key is None else key, "Content-Type": "application/json"}
        headers |= {"Host": host} if host else {}
        data = b"" if body is None else json.dumps(body).encode()
        answer = self.mock.exchange(WireRequest(method, url, tuple(headers.items()), data))
        assert isinstance(answer, WireReply)
        return answer

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.call(method, path, body, **more)
        assert answer.status in (200, 201), (answer.status, answer.body)
        return json.loads(answer.body)

    def open_times(self, day: str = DAY, type_id: str = FOLLOW_UP) -> list[dict[str, Any]]:
        found = self.ok("GET", "ledigetimer", fra=day, til=day, behandlerId=self.wire(KARI),
                        timetypeId=self.wire(type_id))  # fmt: skip
        return list(found["ledigetimer"])

    def order(self, slot: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        chosen = slot if slot is not None else self.open_times()[0]
        return {
            "ledigTimeId": chosen["id"], "behandlerId": chosen["behandlerId"], "timetypeId": chosen["timetypeId"],
            "fornavn": "Ola", "etternavn": "Prøve", "fodselsdato": "1984-05-06", "telefon": "+4790000001",
            "referanse": "ref-1", "sakId": "6QPTR", "melding": "", **changes,
        }  # fmt: skip


@pytest.fixture
def caller() -> Iterator[Caller]:
    """The demo clinic, its clock at Monday 23 November 2026, 08:00 in Oslo. Its invariants must hold at the end."""
    made = Caller(Mock("extensor"))
    yield made
    made.mock.world.assert_sound()


def code(reply: WireReply) -> tuple[int, str]:
    return reply.status, json.loads(reply.body)["feilkode"]


# ---- what it says of itself


def test_its_pages_say_that_it_is_synthetic_and_not_verified_against_the_vendor(caller: Caller) -> None:
    for path in ("/", "/openapi/openapi.json"):
        answer = caller.mock.exchange(WireRequest("GET", f"https://mock.example{path}"))
        assert isinstance(answer, WireReply)
        assert b"not verified against the vendor" in answer.body, path
    assert "synthetic" in caller.mock.dialect.name


def test_the_openapi_document_is_valid(caller: Caller) -> None:
    answer = caller.mock.exchange(WireRequest("GET", "https://mock.example/openapi/openapi.json"))
    assert isinstance(answer, WireReply)
    OpenAPIV31SpecValidator(json.loads(answer.body)).validate()


def operation(caller: Caller, name: str) -> Operation:
    return next(one for one in caller.mock.dialect.operations if one.name == name)


@pytest.mark.parametrize("seed", range(6))
def test_every_answer_is_as_described_and_what_is_offered_can_be_booked_moved_and_cancelled(seed: int) -> None:
    caller = Caller(Mock("extensor", synthetic_clinic(seed)))

    def described(name: str, method: str, path: str, body: Any = None, status: int = 200, **query: Any) -> Any:
        answer = caller.call(method, path, body, **query)
        assert answer.status == status, answer.body
        told = json.loads(answer.body)
        operation(caller, name).answers[status].model_validate(told)
        return told

    described("ping", "GET", "ping")
    described("behandlere", "GET", "behandlere")
    described("timetyper", "GET", "timetyper")
    window = {"fra": "2026-11-23", "til": "2026-12-13"}
    first, *_, last = described("ledigetimer", "GET", "ledigetimer", **window)["ledigetimer"]
    made = described("bestill", "POST", "timer", caller.order(first), 201)["time"]
    path = f"timer/{made['id']}"
    assert described("les_time", "GET", path)["time"] == made
    assert made in described("timer", "GET", "timer", **window)["timer"]
    order = {name: caller.order(last)[name] for name in ("ledigTimeId", "behandlerId", "timetypeId")}
    answer = caller.call("PUT", path, order)
    if answer.status == 200:  # a random clinic may allow no change so late
        assert json.loads(answer.body)["time"]["start"] == last["start"]
    gone = caller.call("DELETE", path, {"grunn": "Avbestilt av pasienten"})
    assert gone.status in (200, 409)
    caller.mock.world.assert_sound()


# ---- who may ask


def test_each_clinic_has_its_own_server_number_and_key(caller: Caller) -> None:
    other = caller.mock.world.add_clinic(synthetic_clinic(3, caller.mock.world.clock))
    fields, theirs = caller.mock.connection, caller.mock.dialect.connection(other)
    assert all(fields[name] != theirs[name] for name in ("booking_url", "external_id", "api_key"))
    assert code(caller.call("GET", "ping", key=theirs["api_key"])) == (401, "UGYLDIG_NOKKEL")
    assert code(caller.call("GET", "ping", klinikk=theirs["external_id"])) == (404, "KLINIKK_UKJENT")
    found = caller.ok("GET", "ping", base=theirs["booking_url"], key=theirs["api_key"], klinikk=theirs["external_id"])
    assert found["klinikk"]["navn"] == other.clinic.name


def test_an_unknown_server_is_a_page_of_the_web_servers(caller: Caller) -> None:
    answer = caller.call("GET", "ping", base="https://booking.klinikken.example/klinikk-1")
    assert (answer.status, answer.header("Content-Type")) == (404, "text/html; charset=iso-8859-1")


@pytest.mark.parametrize(("query", "told"), [
    ({"klinikk": None}, (400, "UGYLDIG_FORESPORSEL")),
    ({"klinikk": "abc"}, (400, "UGYLDIG_FORESPORSEL")),
    ({"klinikk": 1}, (404, "KLINIKK_UKJENT")),
    ({"avdeling": 1}, (404, "AVDELING_UKJENT")),
    ({"avdeling": "x"}, (400, "UGYLDIG_FORESPORSEL")),
])  # fmt: skip
def test_a_call_for_no_clinic_or_an_unknown_one_is_refused(
    caller: Caller, query: dict[str, Any], told: tuple[int, str]
) -> None:
    assert code(caller.call("GET", "behandlere", **query)) == told


def test_a_timebooks_number_is_no_department(caller: Caller) -> None:
    assert code(caller.call("GET", "ping", avdeling=caller.wire(KARI))) == (404, "AVDELING_UKJENT")


def test_a_clinic_that_is_not_switched_on_is_refused(caller: Caller) -> None:
    caller.mock.world.account.activated = False
    assert code(caller.call("GET", "ping")) == (401, "IKKE_AKTIVERT")


# ---- open times


def test_a_department_shows_what_is_received_there_and_what_has_no_address(caller: Caller) -> None:
    for place in caller.mock.world.clinic.departments:
        number = caller.wire(place.id)
        rows = caller.ok("GET", "ledigetimer", fra=DAY, til=DAY, avdeling=number)["ledigetimer"]
        assert {row["avdelingId"] for row in rows} <= {number, None}
        own = caller.mock.world.clinic.open_slots(
            None, None, date(2026, 12, 1), date(2026, 12, 1), department_id=place.id
        )
        assert len(rows) == len(own)


def test_the_hour_that_comes_twice_gives_two_rows_with_one_start_and_two_numbers() -> None:
    clinic = demo_clinic(Clock(datetime(2026, 10, 19, 7, tzinfo=UTC)))
    row = TemplateRow(6, datetime(2026, 10, 25, 2, 30).time(), FOLLOW_UP, "both")
    clinic.put_template(WeekTemplate("night", "Natt", (row,)))
    clinic.lay_plan(KARI, "night", date(2026, 10, 19), 1)
    caller = Caller(Mock("extensor", clinic))
    rows = caller.open_times("2026-10-25")
    assert [one["start"] for one in rows] == ["2026-10-25T02:30:00"] * 2
    for number, one in enumerate(rows):
        caller.ok("POST", "timer", caller.order(one, referanse=f"ref-{number}"))
    starts = [a.start for a in clinic.all_appointments() if a.source == "online"]
    assert starts == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]


@pytest.mark.parametrize("query", [
    {"fra": DAY}, {"fra": DAY, "til": "2026-02-30"}, {"fra": DAY, "til": "2026-11-30"},
    {"fra": DAY, "til": "2028-12-01"},
])  # fmt: skip
def test_dates_that_make_no_range_are_refused(caller: Caller, query: dict[str, str]) -> None:
    assert code(caller.call("GET", "ledigetimer", **query)) == (400, "UGYLDIG_FORESPORSEL")


def test_an_unknown_practitioner_or_type_is_refused(caller: Caller) -> None:
    days = {"fra": DAY, "til": DAY}
    assert code(caller.call("GET", "ledigetimer", **days, behandlerId=7)) == (404, "BEHANDLER_UKJENT")
    assert code(caller.call("GET", "ledigetimer", **days, timetypeId=caller.wire(KARI))) == (404, "TIMETYPE_UKJENT")
    assert code(caller.call("GET", "timer", **days, behandlerId=7)) == (404, "BEHANDLER_UKJENT")


# ---- bookings


def test_a_booking_stands_in_the_timebook_with_its_reference_and_a_claim(caller: Caller) -> None:
    made = caller.ok("POST", "timer", caller.order(melding="Kommer med ledsager"))["time"]
    clinic = caller.mock.world.clinic
    (kept,) = [one for one in clinic.all_appointments() if one.source == "online"]
    assert (made["id"], made["status"], made["referanse"]) == (caller.wire(kept.id), "BEKREFTET", "ref-1")
    assert (kept.patient_comment, kept.sak_id) == ("Kommer med ledsager", "6QPTR")
    assert [claim.appointment_id for claim in clinic.claims] == [kept.id]


def test_the_same_person_is_found_by_name_and_birth_date(caller: Caller) -> None:
    rows = caller.open_times()
    for number, changes in enumerate(({}, {"fornavn": "OLA"}, {"fodselsdato": "1984-05-07"})):
        caller.ok("POST", "timer", caller.order(rows[number], referanse=f"ref-{number}", **changes))
    patients = [one.patient_id for one in caller.mock.world.clinic.all_appointments() if one.source == "online"]
    assert len(set(patients)) == 2


def test_refusals_have_their_codes(caller: Caller) -> None:
    clinic, order = caller.mock.world.clinic, caller.order()
    number = caller.ok("POST", "timer", order)["time"]["id"]
    free = caller.open_times()[0]
    assert code(caller.call("POST", "timer", {**order, "referanse": "ref-2"})) == (409, "TIME_OPPTATT")
    assert code(caller.call("POST", "timer", caller.order(free))) == (409, "REFERANSE_I_BRUK")
    clinic.set_restrictions(Restrictions(max_bookings=1))
    assert code(caller.call("POST", "timer", caller.order(free, referanse="ref-2"))) == (409, "FOR_MANGE_TIMER")
    clinic.set_restrictions(Restrictions(cancel_allowed=False))
    assert code(caller.call("DELETE", f"timer/{number}", {})) == (409, "AVBESTILLING_IKKE_TILLATT")
    clinic.set_restrictions(Restrictions(cancel_deadline_hours=24 * 60))
    kind = clinic.any_type(FOLLOW_UP)
    clinic.put_type(replace(kind, restrictions=Restrictions()))
    assert code(caller.call("DELETE", f"timer/{number}", {})) == (409, "FRIST_UTLOPT")
    clinic.set_restrictions(Restrictions())
    clinic.clear_plan(KARI, date(2026, 12, 1), date(2026, 12, 1))
    assert code(caller.call("POST", "timer", caller.order(free, referanse="ref-2"))) == (409, "TIME_IKKE_TILBUDT")
    caller.ok("DELETE", f"timer/{number}", {"grunn": "Syk"})
    assert code(caller.call("DELETE", f"timer/{number}", {})) == (409, "ALLEREDE_AVBESTILT")
    for unknown in ("1", "x", str(caller.wire(KARI))):
        assert code(caller.call("GET", f"timer/{unknown}")) == (404, "TIME_UKJENT")


def test_a_booking_that_has_begun_can_not_be_changed(caller: Caller) -> None:
    number = caller.ok("POST", "timer", caller.order())["time"]["id"]
    caller.mock.world.clock.set(datetime(2026, 12, 1, 22, tzinfo=UTC))
    assert code(caller.call("DELETE", f"timer/{number}", {})) == (409, "TIME_STARTET")


@pytest.mark.parametrize(("changes", "told", "field"), [
    ({"fornavn": ""}, "PASIENT_UFULLSTENDIG", "fornavn"),
    ({"fodselsdato": None}, "PASIENT_UFULLSTENDIG", "fodselsdato"),
    ({"fodselsdato": "i går"}, "PASIENT_UFULLSTENDIG", "fodselsdato"),
    ({"ledigTimeId": "1"}, "UGYLDIG_FORESPORSEL", "ledigTimeId"),
    ({"ledigTimeId": 10**30}, "UGYLDIG_FORESPORSEL", "ledigTimeId"),
    ({"ledigTimeId": 1}, "UGYLDIG_FORESPORSEL", "ledigTimeId"),
    ({"behandlerId": 1}, "UGYLDIG_FORESPORSEL", "ledigTimeId"),
    ({"referanse": None}, "UGYLDIG_FORESPORSEL", "referanse"),
])  # fmt: skip
def test_an_order_that_is_not_whole_names_the_field(
    caller: Caller, changes: dict[str, Any], told: str, field: str
) -> None:
    revision = caller.mock.world.clinic.revision
    refused = caller.call("POST", "timer", caller.order(**changes))
    assert code(refused) == (400, told)
    assert field in json.loads(refused.body)["felt"]
    assert caller.mock.world.clinic.revision == revision


def test_a_move_keeps_the_booking_and_frees_its_old_time(caller: Caller) -> None:
    rows = caller.open_times()
    made = caller.ok("POST", "timer", caller.order(rows[0]))["time"]
    order = {name: caller.order(rows[2])[name] for name in ("ledigTimeId", "behandlerId", "timetypeId")}
    moved = caller.ok("PUT", f"timer/{made['id']}", order)["time"]
    assert (moved["id"], moved["referanse"], moved["start"]) == (made["id"], "ref-1", rows[2]["start"])
    free = {row["start"] for row in caller.open_times()}
    assert rows[0]["start"] in free
    assert rows[2]["start"] not in free


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_body_and_no_parameter_breaks_the_server(caller: Caller, data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(caller.mock.dialect.operations))
    body = data.draw(JUNK) if one.body is not None else None
    if isinstance(body, dict) and data.draw(st.booleans()):
        body = {**caller.order(), **body}
    text = st.text(st.characters(min_codepoint=48, max_codepoint=122), min_size=1, max_size=12)
    query = {name: data.draw(text | st.just(DAY)) for name in ("fra", "til", "avdeling") if data.draw(st.booleans())}
    path = one.rule.partition("/api/")[2].replace("<timeId>", data.draw(text).replace("/", "").replace("?", "") or "1")
    answer = caller.call(one.method, path, body, **query)
    assert answer.status in {*one.answers, 404, 405}, (one.name, answer.status, answer.body)
    caller.mock.world.assert_sound()


# ---- every switch


@pytest.mark.parametrize("setting", ["200", "502"])
def test_switch_page(caller: Caller, setting: str) -> None:
    caller.mock.world.switches.set(page=setting)
    answer = caller.call("GET", "behandlere")
    assert (answer.status, answer.header("Content-Type")) == (int(setting), "text/html; charset=iso-8859-1")
    assert b"<title>" in answer.body


def test_switch_charset(caller: Caller) -> None:
    caller.mock.world.switches.set(charset="iso-8859-1")
    answer = caller.call("GET", "behandlere")
    assert answer.header("Content-Type") == "application/json; charset=iso-8859-1"
    assert "Prøve" in answer.body.decode("iso-8859-1")
    with pytest.raises(UnicodeDecodeError):
        answer.body.decode()


def test_faults_that_spoil_the_answer_know_its_charset(caller: Caller) -> None:
    caller.mock.world.switches.set(charset="iso-8859-1")
    caller.mock.world.faults.add(Fault("behandlere", "no_id", when="after_commit"))
    without_id = caller.call("GET", "behandlere")
    assert all("id" not in row for row in json.loads(without_id.body.decode("iso-8859-1"))["behandlere"])
    caller.mock.world.faults.add(Fault("timetyper", "wrong_charset", when="after_commit"))
    mislabelled = caller.call("GET", "timetyper")
    assert mislabelled.header("Content-Type") == "application/json; charset=utf-8"
    assert "Førstegangskonsultasjon" in mislabelled.body.decode("cp1252")


@pytest.mark.parametrize(("setting", "host"), [("same_site", "booking.klinikken.example"), ("other_site", None)])
def test_switch_redirect(caller: Caller, setting: str, host: str | None) -> None:
    caller.mock.world.switches.set(redirect=setting)
    answer = caller.call("DELETE", "timer/7", {})
    location = answer.header("Location") or ""
    assert 300 <= answer.status < 400
    assert (host is not None) is location.startswith(f"https://{host}/ny/klinikk-")
    assert location.endswith("/api/timer/7" if host else "/logg-inn")


@pytest.mark.parametrize(("hour", "status"), [(22, 200), (23, 503), (3, 503), (5, 200)])
def test_switch_night(caller: Caller, hour: int, status: int) -> None:
    caller.mock.world.switches.set(night="off")
    caller.mock.world.clock.set(datetime(2026, 11, 24, (hour - 1) % 24, 30, tzinfo=UTC))
    assert caller.call("GET", "ping").status == status


def test_switch_slow(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(caller.mock.world, "wait", waited.append)
    caller.mock.world.switches.set(slow_milliseconds=120)
    caller.ok("GET", "ping")
    assert waited == [0.12]


def test_switch_confirmation(caller: Caller) -> None:
    caller.mock.world.switches.set(confirmation="request")
    assert caller.ok("POST", "timer", caller.order())["time"]["status"] == "FORESPURT"


def test_every_switch_says_what_it_does_and_why_and_is_tested_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    for switch in Mock("extensor").dialect.switches:
        assert switch.what, switch.name
        assert switch.why, switch.name
        assert f"{switch.name}=" in source, f"no test sets {switch.name}"
