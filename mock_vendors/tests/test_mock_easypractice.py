"""The dialect modelled on EasyPractice: its pages, tokens and headers, and what it never tells."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from kobling.exchange import WireReply, WireRequest
from kobling_mocks import Mock
from kobling_mocks.clinic import demo_id
from kobling_mocks.dialects.easypractice import dialect

KARI = demo_id("timebook", "kari")


class Caller:
    """Calls the mock with a token and reads JSON."""

    def __init__(self, token: str | None = None) -> None:
        self.mock = Mock("easypractice")
        self.token = token if token is not None else self.mock.world.account.api_key

    def wire(self, own: str) -> str:
        return dialect.ids.wire(self.mock.world.clinic, own)

    def call(self, method: str, path: str, body: Any = None) -> WireReply:
        headers = (("Authorization", f"Bearer {self.token}"), ("Content-Type", "application/json"))
        sent = json.dumps(body).encode() if body is not None else b""
        answer = self.mock.exchange(WireRequest(method, f"{self.mock.origin}/api/v1/{path}", headers, sent))
        assert isinstance(answer, WireReply)
        return answer

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def client(self) -> int:
        made = self.call("POST", "clients", {"name": "Kari Prøve", "notes": "tag"})
        return int(json.loads(made.body)["data"]["id"])

    def book(self, start: str = "2026-12-01T09:00:00+01:00", end: str = "2026-12-01T09:30:00+01:00") -> WireReply:
        body = {"type": "client_booking", "calendar_id": int(self.wire(KARI)), "client_id": self.client(),
                "start": start, "end": end}  # fmt: skip
        return self.call("POST", "bookings", body)


@pytest.fixture
def caller() -> Caller:
    return Caller()


def told(answer: WireReply) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["message"]


def test_links_are_relative_and_the_path_holds_the_query(caller: Caller) -> None:
    page = caller.get("calendars?page_size=2&page=2")
    assert [len(page["data"]), page["meta"]["current_page"], page["meta"]["last_page"], page["meta"]["total"]] == [
        2, 2, 3, 5,
    ]  # fmt: skip
    assert page["meta"]["path"] == "api/v1/calendars?page_size=2"
    assert page["links"] == {
        "first": "api/v1/calendars?page_size=2&page=1",
        "last": "api/v1/calendars?page_size=2&page=3",
        "prev": "api/v1/calendars?page_size=2&page=1",
        "next": "api/v1/calendars?page_size=2&page=3",
    }
    assert len(caller.get("calendars")["data"]) == 5


def test_a_good_answer_has_retry_after_a_user_and_a_cookie(caller: Caller) -> None:
    answer = caller.call("GET", "calendars")
    shown = {name: answer.header(name) for name in ("Retry-After", "X-RateLimit-Remaining", "X-User-Id")}
    assert shown == {
        "Retry-After": "60", "X-RateLimit-Remaining": "59", "X-User-Id": caller.mock.connection["external_id"],
    }  # fmt: skip
    assert answer.header("Set-Cookie")


def test_the_sixty_first_call_of_a_minute_is_refused_and_the_next_minute_begins_anew(caller: Caller) -> None:
    statuses = [caller.call("GET", "services").status for _ in range(61)]
    assert statuses == [200] * 60 + [429]
    caller.mock.world.clock.advance(61)
    assert caller.call("GET", "services").status == 200


def test_opening_times_have_a_key_for_each_day_and_times_left_over_on_closed_ones(caller: Caller) -> None:
    times = caller.get(f"calendars/{caller.wire(KARI)}/opening-times")["data"]["times"]
    assert len(times) == 21
    assert (times["monday_start"], times["monday_end"], times["monday_closed"]) == ("09:00", "16:00", False)
    assert (times["sunday_start"], times["sunday_end"], times["sunday_closed"]) == ("09:00", "16:00", True)


@pytest.mark.parametrize(
    ("start", "minutes", "told"),
    [
        ("2026-12-01T23:00:00+01:00", 90, ["2026-12-01 23:00-24:00", "2026-12-02 00:00-00:30"]),
        ("2026-10-25T02:30:00+02:00", 45, ["2026-10-25 02:30-03:00", "2026-10-25 02:00-02:15"]),  # 02:30 comes twice
        ("2027-03-28T01:30:00+01:00", 60, ["2027-03-28 01:30-02:00", "2027-03-28 03:00-03:30"]),  # 02:30 never comes
    ],
)  # fmt: skip
def test_a_block_is_a_pause_of_all_that_the_clock_shows_meanwhile(
    caller: Caller, start: str, minutes: int, told: list[str]
) -> None:
    begins = datetime.fromisoformat(start)
    caller.mock.world.clinic.block(KARI, begins, begins + timedelta(minutes=minutes), "Møte")
    rows = [one for one in caller.get(f"calendars/{caller.wire(KARI)}/pauses")["data"] if one.get("date")]
    assert [f"{one['date']} {one['start_time'][:5]}-{one['end_time'][:5]}" for one in rows] == told


def test_interval_limits_and_links_are_in_no_answer(caller: Caller) -> None:
    texts = [
        caller.call("GET", path).body.decode()
        for path in ("calendars", "services", f"calendars/{caller.wire(KARI)}/opening-times")
    ]
    assert not any(word in text for text in texts for word in ("interval", "limit", "lead", "linked"))
    options = caller.mock.options
    assert options["intervals"][caller.wire(KARI)] == 30


def test_groups_are_no_services_and_hidden_types_are_not_bookable_online(caller: Caller) -> None:
    flags = {row["name"]: row["online_booking"] for row in caller.get("services?page_size=50")["data"]}
    assert "Ryggskole (gruppe)" not in flags
    assert (flags["Internt møte"], flags["Oppfølging"]) == (False, True)


def test_a_booking_has_nine_fields_and_its_times_an_offset(caller: Caller) -> None:
    answer = caller.book()
    assert answer.status == 201
    made = json.loads(answer.body)["data"]
    assert len(made) == 9
    assert (made["start"], made["status"], made["client_name"]) == ("2026-12-01T09:00:00+01:00", "booked", "Kari Prøve")
    assert made["created_at"] == "2026-11-23T08:00:00+01:00"


def test_overlaps_are_accepted_unless_the_switch_is_on(caller: Caller) -> None:
    assert [caller.book().status for _ in range(2)] == [201, 201]
    caller.mock.world.assert_sound()
    strict = Caller()
    strict.mock.world.switches.set(strict_overlap=True)
    assert [strict.book().status for _ in range(2)] == [201, 422]
    strict.mock.world.switches.set(taken="409")
    assert told(strict.book()) == (409, "The time is not available.")


def test_a_booking_has_its_id_before_it_exists(caller: Caller) -> None:
    caller.mock.world.switches.set(commit_lag_seconds=5)
    made = json.loads(caller.book().body)["data"]["id"]
    assert made not in [row["id"] for row in caller.get("bookings?page_size=200")["data"]]
    caller.mock.world.clock.advance(5)
    assert made in [row["id"] for row in caller.get("bookings?page_size=200")["data"]]


def test_bookings_are_filtered_by_day_calendar_client_and_status(caller: Caller) -> None:
    made = json.loads(caller.book().body)["data"]
    for query in ("start=2026-12-01&end=2026-12-01", f"client_id={made['client_id']}"):
        assert [row["id"] for row in caller.get(f"bookings?{query}")["data"]] == [made["id"]]
    assert caller.get("bookings?start=2026-12-02")["data"] == []
    assert caller.get("bookings?status=absent")["data"] == []


def test_a_booking_is_cancelled_by_its_status_and_stays_listed(caller: Caller) -> None:
    made = json.loads(caller.book().body)["data"]["id"]
    answer = caller.call("PATCH", f"bookings/{made}", {"status": "cancelled"})
    assert json.loads(answer.body)["data"]["status"] == "cancelled"
    assert caller.get(f"bookings/{made}")["data"]["status"] == "cancelled"


def test_a_deleted_booking_is_in_no_list(caller: Caller) -> None:
    made = json.loads(caller.book().body)["data"]["id"]
    assert caller.call("DELETE", f"bookings/{made}").status == 200
    assert caller.call("GET", f"bookings/{made}").status == 404
    assert told(caller.call("DELETE", f"bookings/{made}"))[1].startswith("No query results for model")


def test_errors_are_what_the_framework_answers(caller: Caller) -> None:
    assert told(Caller("nothing").call("GET", "calendars")) == (401, "Unauthenticated.")
    reading = Caller(dialect.reading_token(caller.mock.world.account))
    assert told(reading.call("POST", "clients", {"name": "x"})) == (403, "Invalid scope(s) provided.")
    bad = caller.call("POST", "bookings", {"type": "client_booking"})
    assert bad.status == 422
    assert set(json.loads(bad.body)["errors"]) == {"calendar_id", "client_id", "start", "end"}
    assert told(caller.call("GET", "bookings/77"))[0] == 404
    caller.mock.world.account.activated = False
    assert told(caller.call("GET", "calendars")) == (403, "This action is unauthorized.")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:30:00+14:00"),
        ("2026-12-01T09:00:00+01:00", "9999-12-31T23:59:00-14:00"),
    ],
)
def test_moments_out_of_all_reach_are_refused(caller: Caller, start: str, end: str) -> None:
    assert caller.book(start, end).status == 422
    caller.mock.world.assert_sound()


def test_a_body_that_is_no_object_changes_nothing(caller: Caller) -> None:
    made = json.loads(caller.book().body)["data"]["id"]
    assert caller.call("PATCH", f"bookings/{made}", []).status == 422
    assert caller.call("PATCH", f"bookings/{made}").status == 422


def test_an_employees_token_sees_its_own_calendar_and_no_colleagues_clients(caller: Caller) -> None:
    jovnna = demo_id("timebook", "jovnna")
    own = Caller(dialect.employee_token(caller.mock.world.account, jovnna))
    assert [row["id"] for row in own.get("calendars")["data"]] == [int(own.wire(jovnna))]
    assert own.call("GET", f"calendars/{own.wire(KARI)}/opening-times").status == 404
    assert own.get("bookings")["data"] == []
    assert len(caller.get("bookings")["data"]) == 2
    assert own.call("GET", "calendars").header("X-User-Id") != own.mock.connection["external_id"]


def test_employees_see_new_clients_as_the_clinic_has_set_it(caller: Caller) -> None:
    caller.client()
    own = dialect.employee_token(caller.mock.world.account, demo_id("timebook", "jovnna"))

    def seen() -> list[str]:
        answer = caller.mock.exchange(
            WireRequest("GET", f"{caller.mock.origin}/api/v1/clients", (("Authorization", f"Bearer {own}"),))
        )
        assert isinstance(answer, WireReply)
        return [row["name"] for row in json.loads(answer.body)["data"]]

    assert seen() == ["Kari Prøve"]
    caller.mock.world.switches.set(new_client_access="nothing")
    assert seen() == []


def test_reading_the_clinics_clients_is_a_finding(caller: Caller) -> None:
    caller.get("clients?page_size=100")
    assert [finding.code for _, finding in caller.mock.world.journal.findings] == ["patients_listed"]


def test_keys_and_patients_are_not_in_the_journal(caller: Caller) -> None:
    caller.book()
    kept = repr(caller.mock.world.journal.calls)
    assert caller.token not in kept
    assert "Kari" not in kept


def test_a_world_that_begins_again_has_the_same_ids_and_hours() -> None:
    mock = Mock("easypractice")
    before = mock.options
    mock.world.reset()
    assert mock.options == before


def test_it_is_served_with_a_valid_openapi_document_that_says_what_is_inferred() -> None:
    with Mock("easypractice").serve() as server:
        with urlopen(f"{server.url}/openapi/openapi.json") as answer:
            document = json.load(answer)
        OpenAPIV31SpecValidator(document).validate()
        assert "Inferred" in document["info"]["description"]
        assert document["components"]["securitySchemes"] == {"authorization": {"type": "http", "scheme": "bearer"}}
        assert document["paths"]["/api/v1/calendars"]["get"]["security"] == [{"authorization": []}]
        assert "422" not in document["paths"]["/api/v1/bookings/{bookingId}"]["get"]["responses"], "never answered"
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{server.url}/api/v1/calendars")
        caught.value.close()
        assert caught.value.code == 401
