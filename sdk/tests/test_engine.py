"""The engine's rules, one operation at a time, played without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from full_vendor import FIRST, FullVendor, Vendor, connect, request
from kobling import (
    KEY,
    Adapter,
    AdapterBug,
    Basic,
    Bearer,
    BodyKey,
    BookedDifferently,
    Booking,
    BookingNotFound,
    BookingRef,
    BookingRequest,
    ByCursor,
    ByLink,
    ByNumber,
    ByOffset,
    CancelReason,
    Clinic,
    ConnectionForm,
    CredentialsRejected,
    ErrorMap,
    HeaderKey,
    Http,
    InvalidConnection,
    InvalidRequest,
    KoblingError,
    NotActivated,
    OutcomeUnknown,
    OwnReference,
    Practitioner,
    QueryKey,
    RateLimited,
    ResolveFirst,
    Slot,
    SlotQuery,
    Slots,
    SlotTaken,
    Token,
    TooLateToChange,
    VendorProtocolError,
    VendorTimeout,
    VendorUnavailable,
    WireFailure,
    WireModel,
    at,
    given,
    required,
)
from kobling.adapter import ContractError, check_adapter
from kobling.limits import Limits, Rate
from kobling.testing import ManualClock, Played, example_connection, play, reply

OK = reply(200, json={"name": "Full"})
QUERY = SlotQuery(first_day=FIRST, last_day=FIRST)
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def adapter(work: Callable[[Http], Any], **facts: Any) -> type[Adapter]:
    """An adapter whose `identify` does this."""

    async def identify(self: Adapter, http: Http) -> Clinic:
        await work(http)
        return Clinic()

    made: type[Adapter] = type("Made", (FullVendor,), {"key": "made", "contract": 1, "identify": identify, **facts})
    return made


def identify(work: Callable[[Http], Any], *replies: Any, **facts: Any) -> Played:
    return play(adapter(work, **facts), "identify", replies=list(replies))


async def one_get(http: Http) -> None:
    await http.get("x")


# ---- reads and writes


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_write_in_a_read_is_refused_unsent(method: str) -> None:
    async def work(http: Http) -> None:
        await getattr(http, method)("x")

    with pytest.raises(AdapterBug, match="write_in_a_read"):
        identify(work)


def test_a_post_that_reads_is_a_query_and_may_be_sent_again() -> None:
    async def work(http: Http) -> None:
        await http.query("x", json={"a": 1})

    played = identify(work, reply(503), OK)
    assert [sent.method for sent in played.requests] == ["POST", "POST"]


@pytest.mark.parametrize(
    "first", [reply(502), reply(503), reply(504), reply(429), WireFailure("connect"), WireFailure("read")]
)
def test_a_read_is_tried_again(first: Any) -> None:
    assert len(identify(one_get, first, OK).requests) == 2


@pytest.mark.parametrize(
    "only", [reply(500), reply(400), reply(401), reply(404), WireFailure("timeout"), WireFailure("tls")]
)
def test_what_trying_again_can_not_mend_is_not_tried_again(only: Any) -> None:
    with pytest.raises(KoblingError):
        identify(one_get, only)


def test_retry_after_is_honoured_on_429_and_ignored_on_200() -> None:
    asked = identify(one_get, reply(429, headers={"Retry-After": "7"}), OK)
    assert asked.waited == 7
    assert identify(one_get, reply(200, json={}, headers={"Retry-After": "60"})).waited == 0


def test_retry_after_as_a_date_is_measured_by_the_replys_own_clock() -> None:
    headers = {"Date": "Mon, 01 Jan 2024 10:00:00 GMT", "Retry-After": "Mon, 01 Jan 2024 10:00:05 GMT"}
    assert identify(one_get, reply(503, headers=headers), OK).waited == 5


@pytest.mark.parametrize(("failure", "sent"), [("connect", 3), ("connect_timeout", 3), ("tls", 1), ("dns", 1)])
def test_a_write_that_never_left_is_sent_again_or_has_no_effect(failure: Any, sent: int) -> None:
    ref = BookingRef(connection_id="c", id="1")
    calls: list[Any] = []

    def answer(request: Any) -> WireFailure:
        calls.append(request)
        return WireFailure(failure)

    with pytest.raises(KoblingError) as caught:
        play(FullVendor, "cancel", ref, None, replies=answer)
    assert caught.value.effect == "none"
    assert len(calls) == sent


# ---- what decides


def test_an_error_that_the_adapter_swallows_still_decides_and_nothing_more_is_sent() -> None:
    async def work(http: Http) -> None:
        for _ in range(3):
            try:
                await http.get("x")
            except Exception:
                continue

    calls: list[Any] = []

    def answer(request: Any) -> Any:
        calls.append(request)
        return reply(500)

    with pytest.raises(VendorUnavailable):
        play(adapter(work), "identify", replies=answer)
    assert len(calls) == 1


def test_a_status_that_is_expected_is_the_adapters_to_handle() -> None:
    async def work(http: Http) -> None:
        assert (await http.get("x", expect={404})).status == 404

    identify(work, reply(404))


CODED = ErrorMap({"NOTHING": BookingNotFound, "SHUT": NotActivated}, code="/fault")


@pytest.mark.parametrize("status", [200, 404, 409])
def test_a_code_that_is_expected_is_the_adapters_to_handle_whether_it_is_listed_or_not(status: int) -> None:
    seen: list[str] = []

    async def work(http: Http) -> None:
        for _ in range(2):
            seen.append((await http.get("x", expect=("NOTHING", "NEW"))).code)

    identify(work, *(reply(status, json={"fault": one}) for one in ("NOTHING", "NEW")), errors=CODED)
    assert seen == ["NOTHING", "NEW"]


@pytest.mark.parametrize(("status", "code", "error"), [
    (200, "SHUT", NotActivated), (502, "NOTHING", VendorUnavailable), (307, "NOTHING", VendorProtocolError),
])  # fmt: skip
def test_neither_another_code_nor_one_of_a_gateway_is_expected(status: int, code: str, error: type[Exception]) -> None:
    async def work(http: Http) -> None:
        await http.get("x", expect=("NOTHING",))

    with pytest.raises(error):
        identify(work, *[reply(status, json={"fault": code})] * 3, errors=CODED)


@pytest.mark.parametrize(("body", "code", "gone"), [
    (b'{"fault": "NEW"}', "/fault", True), (b'{"detail": "Not found."}', "/fault", False), (b"", "/fault", False),
    (b"<html>404", "/fault", False), (b"<html>404", None, False), (b"{}", None, True), (b"", None, True),
])  # fmt: skip
def test_a_booking_is_gone_by_the_vendors_own_word(body: bytes, code: str | None, gone: bool) -> None:
    class Coded(FullVendor):
        key = "coded"
        contract = 1
        errors = ErrorMap({"LATE": TooLateToChange}, code=code)

    ref = BookingRef(connection_id=example_connection(Coded).id, id="12", confirmed=True)
    for operation in ("get_booking", "cancel"):
        asked = (ref,) if operation == "get_booking" else (ref, CancelReason(by="patient"))
        with pytest.raises(BookingNotFound if gone else VendorProtocolError):
            play(Coded, operation, *asked, replies=[reply(404, body=body)])


def test_one_text_is_not_taken_for_several_codes() -> None:
    async def work(http: Http) -> None:
        await http.get("x", expect="NOTHING")

    with pytest.raises(AdapterBug):
        identify(work, OK, errors=CODED)


def test_an_error_among_calls_sent_together_fails_an_operation_that_does_not_own_up_to_it() -> None:
    async def work(http: Http) -> None:
        await http.all([http.get("a"), http.get("b")])

    with pytest.raises(VendorUnavailable):
        identify(work, OK, reply(500))


@pytest.mark.parametrize("waiting", [
    lambda: asyncio.sleep(0.1), lambda: asyncio.get_running_loop().create_future(), lambda: asyncio.to_thread(print),
])  # fmt: skip
def test_an_adapter_that_waits_for_anything_else_gets_one_clear_error(waiting: Callable[[], Any]) -> None:
    async def work(http: Http) -> None:
        await waiting()

    def run() -> None:
        with pytest.raises(AdapterBug, match="awaits_something_else"):
            identify(work)

    run()

    async def inside() -> None:
        run()

    asyncio.run(inside())


def test_an_adapters_own_exception_is_named_with_its_place() -> None:
    async def work(http: Http) -> None:
        raise LookupError("Kari Nordmann")

    with pytest.raises(AdapterBug) as caught:
        identify(work)
    assert caught.value.because == "LookupError"
    assert caught.value.fields[0].startswith("test_engine.py:")
    assert "Kari" not in str(caught.value)


@pytest.mark.parametrize(("make", "place"), [
    (lambda: Clinic(zone="Nowhere/Land"), "Clinic.zone"),
    (lambda: Practitioner(id="7", name="x" * 5000), "Practitioner.name"),
    (lambda: Booking(id="", status="booked"), "Booking.id"),
    (lambda: Slots(found=(Slot(practitioner_id="7", service_id="1" * 900, start=NOON, end=LATER),)), "Slot.service_id"),
])  # fmt: skip
def test_what_the_vendor_answered_and_no_value_takes_is_the_vendors_error(
    make: Callable[[], object], place: str
) -> None:
    async def work(http: Http) -> Any:
        return make()

    with pytest.raises(VendorProtocolError, match="unfit_value") as caught:
        identify(work)
    assert caught.value.fields == (place,)


@pytest.mark.parametrize(("make", "place"), [
    (lambda: Clinic(tz="Europe/Oslo"), "Clinic.unknown_field"),
    (lambda: Practitioner(name="Åse"), "Practitioner.id"),
    (lambda: Booking(id="7", status="booked", start=NOON.replace(tzinfo=None)), "Booking.start"),
])  # fmt: skip
def test_a_value_that_is_made_wrongly_is_the_adapters_bug_whatever_was_answered(
    make: Callable[[], object], place: str
) -> None:
    async def work(http: Http) -> Any:
        return make()

    with pytest.raises(AdapterBug, match="misused_value") as caught:
        identify(work)
    assert caught.value.fields[0].startswith("test_engine.py:"), "the adapter's line, not that of a library"
    assert caught.value.fields[1] == place


def test_a_value_that_no_answer_to_a_write_fits_leaves_the_write_unknown() -> None:
    class NamesNothing(FullVendor):
        key = "names_nothing"
        contract = 1

        async def book(self, http: Http, request: BookingRequest) -> Booking:
            await http.post("x", json={})
            return Booking(id="", status="booked")

    with pytest.raises(OutcomeUnknown, match="unfit_value"):
        play(
            NamesNothing,
            "book",
            request(Slot(practitioner_id="7", service_id="1", start=NOON, end=LATER)),
            replies=[OK],
        )


@pytest.mark.parametrize("status", [100, 199, 301, 408, 425, 499, 500, 599, 600, 999])
def test_after_a_status_that_promises_nothing_no_word_of_the_vendors_makes_a_write_certain(status: int) -> None:
    class Lists(FullVendor):
        key = "lists"
        contract = 1
        errors = ErrorMap(codes={"taken": SlotTaken}, statuses={status: SlotTaken}, code="/error")

        async def book(self, http: Http, request: BookingRequest) -> Booking:
            await http.post("x", json={})
            raise AssertionError("the engine decides")

    slot = Slot(practitioner_id="7", service_id="1", start=NOON, end=LATER)
    with pytest.raises(OutcomeUnknown, match=f"status_{status}"):
        play(Lists, "book", request(slot), replies=[reply(status, json={"error": "taken"})])


def test_an_adapter_that_asks_for_ever_is_ended() -> None:
    async def work(http: Http) -> None:
        while True:
            try:
                await http.get("x")
            except Exception:
                continue

    with pytest.raises(AdapterBug, match="too_many_calls"):
        play(adapter(work), "identify", replies=lambda request: OK)


def test_an_adapter_object_does_not_change() -> None:
    class Remembering(FullVendor):
        key = "remembering"
        contract = 1

        async def identify(self, http: Http) -> Clinic:
            self.seen = 1
            return Clinic()

    with pytest.raises(AdapterBug, match="ContractError"):
        play(Remembering, "identify", replies=[])


# ---- where and with what


@pytest.mark.parametrize("part", ["", ".", "..", "a\nb", None])
def test_a_path_part_that_leads_elsewhere_is_refused_unsent(part: Any) -> None:
    async def work(http: Http) -> None:
        await http.get("x/{}", part)

    with pytest.raises(InvalidRequest, match="bad_path_part"):
        identify(work)


def test_a_path_part_is_quoted_and_stays_one_part() -> None:
    async def work(http: Http) -> None:
        await http.get("x/{}/y", "a/b?c#d%2e")

    (sent,) = identify(work, OK).requests
    assert sent.path == "/1/x/a/b?c#d%2e/y"


@pytest.mark.parametrize("path", ["../x", "x?y=1", "x#y", "a//b", "x\\y", "x%2e"])
def test_a_path_that_holds_more_than_a_path_is_the_adapters_bug(path: str) -> None:
    async def work(http: Http) -> None:
        await http.get(path)

    with pytest.raises(AdapterBug, match="bad_path"):
        identify(work)


@pytest.mark.parametrize(("auth", "where"), [
    (Bearer(), ("Authorization", "Bearer example-key")),
    (HeaderKey("X-Api-Key"), ("X-Api-Key", "example-key")),
    (HeaderKey("Authorization", scheme="Token"), ("Authorization", "Token example-key")),
    (Basic(user=KEY), ("Authorization", "Basic ZXhhbXBsZS1rZXk6")),
])  # fmt: skip
def test_the_key_goes_into_the_declared_header(auth: Any, where: tuple[str, str]) -> None:
    (sent,) = identify(one_get, OK, auth=auth).requests
    assert sent.header(where[0]) == where[1]


def test_the_key_goes_into_the_body_or_the_query_where_declared() -> None:
    async def work(http: Http) -> None:
        await http.query("x", json={"a": 1})

    (sent,) = identify(work, OK, auth=BodyKey("apikey")).requests
    assert sent.json == {"a": 1, "apikey": "example-key"}
    (sent,) = identify(one_get, OK, auth=QueryKey("token")).requests
    assert sent.params == (("token", "example-key"),)


def content_type(method: str, body: dict[str, Any], own: str) -> str | None:
    async def work(http: Http) -> None:
        await getattr(http, method)("x", headers={"content-type": own}, **body)

    (sent,) = identify(work, OK).requests
    return sent.header("Content-Type")


def test_json_goes_out_as_the_vendors_own_type_of_it() -> None:
    for own in ("application/vnd.api+json", "application/fhir+json; charset=utf-8", "text/json"):
        assert content_type("query", {"json": {}}, own) == own
    for own in ("text/plain", "application/jsonp", "", "application/fhir+json, text/html"):
        assert content_type("query", {"json": {}}, own) == "application/json"
    assert content_type("query", {"form": {"a": 1}}, "application/vnd.api+json") == "application/x-www-form-urlencoded"
    assert content_type("get", {}, "application/vnd.api+json") is None


def test_what_is_none_is_left_out_of_a_body_also_within() -> None:
    body = {
        "a": None,
        "b": 0,
        "c": "",
        "d": {"e": None, "f": False},
        "g": [{"h": None}, None, 1],
        "i": (),
        "j": {"k": None},
    }
    assert given(body) == {"b": 0, "c": "", "d": {"f": False}, "g": [{}, None, 1], "i": [], "j": {}}


def test_days_moments_and_references_are_written_as_everybody_writes_them() -> None:
    day, moment, reference = date(2026, 12, 1), datetime(2026, 12, 1, 8, tzinfo=UTC), UUID(int=7)

    async def work(http: Http) -> None:
        await http.query("x", json={"day": day, "deep": [{"at": moment}], "ref": reference}, params={"at": moment})

    (sent,) = identify(work, OK).requests
    assert sent.json == {"day": "2026-12-01", "deep": [{"at": "2026-12-01T08:00:00+00:00"}], "ref": str(reference)}
    assert sent.params == (("at", "2026-12-01T08:00:00+00:00"),)


def test_named_parts_of_the_key_can_stand_anywhere() -> None:
    form = ConnectionForm(
        external_id=required(nb="n", en="n", example="1"),
        api_key=required(nb="k", en="k", pattern=r"(?P<login>\w+):(?P<word>\w+)", example="ola:hemmelig"),
    )

    async def work(http: Http) -> None:
        await http.query("x", json={"user": KEY.login, "deep": [{"password": KEY.word}]})

    (sent,) = identify(work, OK, form=form).requests
    assert sent.json == {"user": "ola", "deep": [{"password": "hemmelig"}]}


# ---- tokens


def signing_in(lifetime: float = 3600) -> type[Adapter]:
    async def sign_in(self: Adapter, http: Http) -> Token:
        return Token((await http.query("token", json={"key": KEY})).secret("/token"), lifetime)

    made: type[Adapter] = type("Signing", (adapter(one_get),), {"key": "signing", "contract": 1, "sign_in": sign_in})
    return made


def test_a_token_is_fetched_placed_and_renewed_once_on_401() -> None:
    first, second = reply(200, json={"token": "t1"}), reply(200, json={"token": "t2"})
    played = play(signing_in(), "identify", replies=[first, reply(401), second, OK])
    assert [sent.header("Authorization") for sent in played.requests] == [None, "Bearer t1", None, "Bearer t2"]
    with pytest.raises(CredentialsRejected):
        play(signing_in(), "identify", replies=[first, reply(401), second, reply(401)])


def test_a_sign_in_sends_the_key_as_its_own_declaration_says_and_later_calls_as_theirs() -> None:
    form = ConnectionForm(
        external_id=required(nb="n", en="n", example="1"),
        api_key=required(nb="k", en="k", pattern=r"(?P<client>\w+):(?P<secret>\w+)", example="ola:hemmelig"),
    )
    body = {"form": form, "sign_in_auth": Basic(KEY.client, KEY.secret), "key": "by-basic", "contract": 1}
    made: type[Adapter] = type("ByBasic", (signing_in(),), body)
    played = play(made, "identify", replies=[reply(200, json={"token": "t1"}), OK])
    assert [one.header("Authorization") for one in played.requests] == ["Basic b2xhOmhlbW1lbGln", "Bearer t1"]


def test_basic_fills_fields_in_and_refuses_a_user_in_whom_the_password_would_begin() -> None:
    form = ConnectionForm(external_id=required(nb="n", en="n", example="1"), api_key=required(nb="k", en="k"))
    body = {"form": form, "auth": Basic("at-{external_id}", KEY), "key": "by-user", "contract": 1}
    made: type[Adapter] = type("ByUser", (adapter(one_get),), body)
    (sent,) = play(made, "identify", replies=[OK]).requests
    assert sent.header("Authorization") == "Basic YXQtMTpleGFtcGxlLWtleQ=="
    with pytest.raises(InvalidConnection):
        play(made, "identify", replies=[], connection=example_connection(made, external_id="1:2"))
    odd: type[Adapter] = type("Odd", (made,), {"auth": Basic("{clinic}", KEY), "key": "odd", "contract": 1})
    with pytest.raises(ContractError, match=r"Odd.auth has \{clinic\}, which nothing fills in"):
        check_adapter(odd)
    fine = {"headers": {"X": '{"a": 1}'}, "key": "fine", "contract": 1}
    check_adapter(type("Fine", (made,), fine))


@pytest.mark.parametrize("refusal", [reply(200, json={"code": "ended"}), reply(403, json={"code": "ended"})])
def test_a_token_is_renewed_once_too_where_the_vendor_has_its_own_word_for_an_ended_one(refusal: Any) -> None:
    table = ErrorMap({"ended": CredentialsRejected}, code="/code")
    made: type[Adapter] = type("Worded", (signing_in(),), {"errors": table, "key": "worded", "contract": 1})
    first, second = reply(200, json={"token": "t1"}), reply(200, json={"token": "t2"})
    played = play(made, "identify", replies=[first, refusal, second, OK])
    assert played.requests[3].header("Authorization") == "Bearer t2"
    with pytest.raises(CredentialsRejected):
        play(made, "identify", replies=[first, refusal, second, refusal])


@pytest.mark.parametrize(
    ("token", "lifetime"), [("", 60), ("nøkkel", 60), ("a\nb", 60), (" t", 60), ("t", 0), ("t", -1)]
)
def test_a_token_that_can_not_be_used_is_the_vendors_error(token: str, lifetime: float) -> None:
    with pytest.raises(VendorProtocolError, match="token_is_no_good"):
        play(signing_in(lifetime), "identify", replies=[reply(200, json={"token": token})])


def test_a_token_for_ever_is_kept_for_a_year() -> None:
    played = play(signing_in(10**400), "identify", replies=[reply(200, json={"token": "t"}), OK])
    assert len(played.requests) == 2


class Waiting(Vendor):
    """Answers in a thread for each call."""

    immediate = False


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_calls_that_are_sent_together_each_find_out_that_the_token_has_ended(mode: str) -> None:
    tokens = iter(["t1", "t2"])
    all_sent = Barrier(4)

    def answer(request: Any) -> Any:
        if request.url.endswith("token"):
            return reply(200, json={"token": next(tokens)})
        if request.header("Authorization") == "Bearer t2":
            return OK
        all_sent.wait(5)
        return reply(401)

    async def identify(self: Adapter, http: Http) -> Clinic:
        for one in await http.all(http.get(f"x{number}") for number in range(4)):
            assert not isinstance(one, KoblingError)
        return Clinic()

    made: type[Adapter] = type("Together", (signing_in(),), {"key": "together", "contract": 1, "identify": identify})
    world = connect(mode, made, vendor=Waiting(interrupt=answer))
    assert world.run(lambda session: session.clinic()) == Clinic()


# ---- limits


@pytest.mark.parametrize(("reads", "refused"), [(8, False), (9, True)])
def test_reads_leave_the_bookings_share_of_the_vendors_budget_alone(reads: int, refused: bool) -> None:
    async def work(http: Http) -> None:
        for _ in range(reads):
            await http.get("x")

    made = adapter(work, limits=Limits(rate=Rate(calls=10, per=60, for_bookings=0.2)))
    if not refused:
        assert play(made, "identify", replies=lambda request: OK).waited == 0
        return
    with pytest.raises(RateLimited) as caught:
        play(made, "identify", replies=lambda request: OK)
    assert caught.value.retry_after == 60


def test_a_call_that_takes_the_rest_of_the_time_ends_the_operation() -> None:
    clock = ManualClock()

    def slow(request: Any) -> Any:
        clock.advance(61)
        return reply(503)

    with pytest.raises((VendorTimeout, VendorUnavailable)):
        play(adapter(one_get), "identify", replies=slow, clock=clock)


# ---- pages


def pages(paging: Any, *replies: Any, **more: Any) -> Any:
    """What is found in these answers, and what was asked. The last answers are the second look at the list."""
    found: list[Any] = []

    async def work(http: Http) -> None:
        found.extend(await http.pages("x", items="/rows", next=paging, of=more.pop("of", int), **more))

    played = identify(work, *replies)
    return found, [(sent.path, sent.params) for sent in played.requests]


def page(rows: list[Any], **more: Any) -> Any:
    return reply(200, json={"rows": rows, **more})


def test_pages_by_number_go_on_over_an_empty_page_that_has_a_next() -> None:
    one, none, two = page([1], last=3), page([], last=3), page([2], last=3)
    found, asked = pages(ByNumber(last="/last"), one, none, two, one, none)
    assert found == [1, 2]
    assert [dict(params)["page"] for _, params in asked] == ["1", "2", "3", "1", "2"]


@pytest.mark.parametrize("pointer", ["", "/", "name", None])
def test_a_field_stands_somewhere_in_its_row(pointer: Any) -> None:
    with pytest.raises(ValueError, match="write"):
        at(pointer)


def test_a_field_is_found_in_a_list_and_under_a_name_with_a_slash() -> None:
    class Row(WireModel):
        first: str = at("/rows/0/a~1b")
        left_out: int = at("/rows/1", default=7)

    assert Row.model_validate({"rows": [{"a/b": "x"}]}) == Row.model_construct(first="x", left_out=7)


def test_a_reference_of_another_system_is_none_and_ours_is_read() -> None:
    class Row(WireModel):
        reference: OwnReference = None

    for told in (None, "", "2026/4711-B", "null"):
        assert Row.model_validate({"reference": told}).reference is None
    ours = UUID(int=7)
    assert Row.model_validate({"reference": str(ours).upper()}).reference == ours
    with pytest.raises(ValidationError):
        Row.model_validate({"reference": ["7"]})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": "taken"}, "taken"),
        ({"errors": [{"code": "taken"}]}, "taken"),
        ({"error": None, "errors": [{"code": "taken"}]}, "taken"),
        ({"error": {"code": "x"}, "errors": [{"code": 7}]}, "7"),
        ({"errors": []}, ""),
    ],
)
def test_a_code_may_stand_in_one_of_several_places(body: Any, code: str) -> None:
    errors = ErrorMap(codes={"taken": SlotTaken, "7": SlotTaken}, code=("/error", "/errors/0/code"))
    with pytest.raises(KoblingError) as refused:
        identify(one_get, reply(400, json=body), errors=errors)
    assert (refused.value.vendor_code, isinstance(refused.value, SlotTaken)) == (code, bool(code))
    with pytest.raises(ValueError, match="no JSON pointer"):
        ErrorMap(code=("/error", "code"))


def test_rows_that_stand_beside_a_list_are_read_along_and_not_counted() -> None:
    async def work(http: Http) -> None:
        paging = ByOffset(("limit", 2), total="/total")
        found.append(await http.pages("x", items=("/rows", "/beside"), of=int, next=paging))

    found: list[list[int]] = []
    first, second = page([1, 2], total=3, beside=[10, 20]), page([3], total=3)
    played = identify(work, first, second, first)
    assert found == [[1, 2, 10, 20, 3]]
    assert dict(played.requests[1].params)["offset"] == "2"
    with pytest.raises(VendorProtocolError, match="wrong_shape"):
        identify(work, page([1], total=1, beside=["?"]))
    with pytest.raises(VendorProtocolError, match="missing"):
        identify(work, reply(200, json={"beside": [10], "total": 0}))


@pytest.mark.parametrize("items", [(), "rows", ("/rows", "beside"), 1])
def test_a_list_that_stands_nowhere_is_the_adapters_bug(items: Any) -> None:
    async def work(http: Http) -> None:
        await http.pages("x", items=items, of=int, next=ByLink())

    with pytest.raises(AdapterBug, match="bad_pointer"):
        identify(work)


def test_pages_by_offset_cursor_and_link() -> None:
    first = page([1, 2], total=3)
    found, _ = pages(ByOffset(("limit", 2), total="/total"), first, page([3], total=3), first)
    assert found == [1, 2, 3]
    first = page([1], next="c")
    found, asked = pages(ByCursor("/next"), first, page([2], next=None), first)
    assert (found, asked[1][1]) == ([1, 2], (("cursor", "c"),))
    first = page([1], next="/1/x?page=2")
    found, asked = pages(ByLink("/next"), first, page([2], next=None), first)
    assert (found, asked[1]) == ([1, 2], ("/1/x", (("page", "2"),)))


def posted(paging: Any, body: Any, *replies: Any) -> tuple[list[Any], list[Any]]:
    """What is found in these answers to a list that is read by POST, and the bodies that were sent."""
    found: list[Any] = []

    async def work(http: Http) -> None:
        found.extend(await http.pages("x", items="/rows", next=paging, of=int, json=body))

    sent = identify(work, *replies).requests
    assert {one.method for one in sent} == {"POST"}
    assert not any(one.params for one in sent)
    return found, [one.json for one in sent]


def test_pages_of_a_list_that_is_read_by_post_are_asked_for_in_the_body() -> None:
    body = {"method": "people", "arguments": {"with": "all"}}
    first, second = page([1], last=2), page([2], last=2)
    found, sent = posted(ByNumber("/arguments/page", size=("/size", 1), last="/last"), body, first, second, first)
    asked = [{"method": "people", "size": 1, "arguments": {"with": "all", "page": number}} for number in (1, 2, 1)]
    assert (found, sent) == ([1, 2], asked)
    assert body == {"method": "people", "arguments": {"with": "all"}}
    first = page([1, 2], total=3)
    found, sent = posted(ByOffset(("/limit", 2), param="/offset", total="/total"), {}, first, page([3], total=3), first)
    assert (found, sent[1]) == ([1, 2, 3], {"limit": 2, "offset": 2})
    first = page([1], next="c")
    found, sent = posted(ByCursor("/next", param="/variables/a~1b"), {"query": "…"}, first, page([2], next=None), first)
    assert (found, sent[:2]) == ([1, 2], [{"query": "…"}, {"query": "…", "variables": {"a/b": "c"}}])
    first = page([1], next="/1/y")
    found, sent = posted(ByLink("/next"), {"method": "people"}, first, page([2]), first)
    assert (found, sent) == ([1, 2], [{"method": "people"}] * 3)


@pytest.mark.parametrize("body", [None, [1], {"arguments": "all"}])
def test_a_page_that_has_no_place_in_the_body_is_the_adapters_bug(body: Any) -> None:
    with pytest.raises(AdapterBug, match="page_has_no_place"):
        posted(ByNumber("/arguments/page"), body, page([1]))


def test_a_list_that_changes_between_two_pages_is_read_until_two_readings_agree() -> None:
    """Row 1 goes away once the first page is read: 3 moves up to that page, and is not on the second one."""
    found, asked = pages(
        ByCursor("/next"),
        *(page([1, 2], next="b"), page([4], next=None)),
        *(page([2, 3], next="b"), page([4], next=None)),
        page([2, 3], next="b"),
    )
    assert found == [2, 3, 4]
    assert len(asked) == 5


def test_a_list_that_has_become_one_page_needs_no_second_look() -> None:
    assert pages(ByCursor("/next"), page([1], next="b"), page([2]), page([2]))[0] == [2]


def test_a_list_that_changes_at_every_reading_is_no_answer() -> None:
    numbers = iter(range(1000))

    def answer(request: Any) -> Any:
        return page([next(numbers)], next=None if "cursor=" in request.url else "b")

    with pytest.raises(VendorUnavailable, match="list_keeps_changing"):
        async_pages(answer)


def test_rows_that_say_something_else_at_every_reading_are_known_again_by_their_key() -> None:
    numbers = iter(range(1000))

    def row(number: int) -> dict[str, int]:
        return {"id": number, "token": next(numbers)}

    def answers() -> Any:
        return page([row(1)], next="b"), page([row(2)]), page([row(1)], next="b")

    found, _ = pages(ByCursor("/next"), *answers(), of=dict[str, int], key=lambda one: one["id"])
    assert [one["id"] for one in found] == [1, 2]
    with pytest.raises(AssertionError):
        pages(ByCursor("/next"), *answers(), of=dict[str, int])


def test_what_is_remembered_of_a_list_was_read_twice_and_is_not_read_again() -> None:
    async def twice(http: Http) -> None:
        for _ in range(2):
            assert await http.pages("x", items="/rows", next=ByCursor("/next"), of=int, fresh_for=60) == [1, 2]

    first = page([1], next="b")
    assert len(identify(twice, first, page([2]), first).requests) == 3


@pytest.mark.parametrize("seconds", [901, 86_400, -1, float("nan"), float("inf")])
def test_an_answer_is_remembered_for_a_quarter_of_an_hour_at_most(seconds: float) -> None:
    async def work(http: Http) -> None:
        await http.get("x", fresh_for=seconds)

    with pytest.raises(AdapterBug, match="fresh_too_long"):
        identify(work)
    assert identify(lambda http: http.get("x", fresh_for=900), OK).requests


@pytest.mark.parametrize("link", [
    "https://other.example/1/x", "http://full.example/1/x", "//other.example/1/x", "/2/x", "/1/../2/x", "/1/%2e%2e/2/x",
    "https://full.example:8443/1/x", "https://full.example@other.example/1/x",
])  # fmt: skip
def test_a_link_that_leaves_the_connection_is_not_followed(link: str) -> None:
    with pytest.raises(VendorProtocolError, match="link_leaves_the_connection"):
        pages(ByLink("/next"), page([1], next=link))


def test_a_page_that_comes_twice_or_never_ends_is_an_error() -> None:
    with pytest.raises(VendorProtocolError, match="page_twice"):
        pages(ByCursor("/next"), page([1], next="c"), page([1], next="c"))
    numbers = iter(range(1000))
    with pytest.raises(VendorProtocolError, match="endless_pages"):
        async_pages(lambda request: page([next(numbers)], next=f"c{next(numbers)}"))


def async_pages(answer: Callable[[Any], Any]) -> None:
    async def work(http: Http) -> None:
        await http.pages("x", items="/rows", next=ByCursor("/next"), of=int)

    play(adapter(work), "identify", replies=answer)


# ---- what adapters raise


class Odd(OutcomeUnknown):
    """An adapter's own error, which claims that nothing was changed."""

    effect = "none"


def tampered(error: KoblingError, **facts: Any) -> KoblingError:
    vars(error).update(facts)
    return error


RAISED: dict[str, Callable[[], BaseException]] = {
    "own kind of error": Odd,
    "unknown that claims to be none": lambda: tampered(OutcomeUnknown(), effect="none"),
    "refusal with a patient in it": lambda: tampered(SlotTaken(), because="Kari Prøve", fields=5, residue=("Kari P",)),
    "refusal that claims to be unknown": lambda: tampered(SlotTaken(), effect="unknown"),
    "base of all": lambda: KoblingError("odd"),
    "half done": lambda: tampered(BookedDifferently.__new__(BookedDifferently)),
    "exit": SystemExit,
    "generator's exit": GeneratorExit,
    "cancellation": asyncio.CancelledError,
    "group": lambda: BaseExceptionGroup("", [SystemExit()]),
}


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("raised", RAISED)
@pytest.mark.parametrize("after_write", [True, False])
def test_whatever_an_adapter_raises_the_effect_is_the_engines_to_say(mode: str, raised: str, after_write: bool) -> None:
    class Raising(FullVendor):
        key = "raising"
        contract = 1

        async def book(self, http: Http, request: Any) -> Any:
            if after_write:
                await super().book(http, request)
            raise RAISED[raised]()

    world = connect(mode, Raising)
    wanted = request(world.slot())
    with pytest.raises(KoblingError) as caught:
        world.run(lambda session: session.book(wanted))
    assert caught.value.effect == ("unknown" if after_write else "none")
    assert isinstance(caught.value, OutcomeUnknown) is after_write
    assert "Kari" not in str(caught.value) + repr(caught.value.as_dict()) + repr(vars(caught.value))
    if after_write:
        with pytest.raises(ResolveFirst):
            world.run(lambda session: session.book(wanted))


def test_an_exit_in_an_adapters_clean_up_ends_nothing_but_the_adapter() -> None:
    async def work(http: Http) -> None:
        while True:
            try:
                await http.get("x")
            except GeneratorExit:
                raise SystemExit from None
            except KoblingError:
                continue

    with pytest.raises(VendorUnavailable):
        identify(work, reply(500))


# ---- answers


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -1200", f"Mon, 01 Jan {'9' * 30} 00:00:00 GMT", "x"])
def test_a_date_that_no_calendar_holds_is_no_date(date: str) -> None:
    assert identify(one_get, reply(200, json={}, headers={"Date": date})).result == Clinic()


@pytest.mark.parametrize(("seconds", "told"), [(-18000, -18000), (0, 0), (119, 0), (121, 121), (90_000, 0)])
def test_an_adapter_is_told_the_vendors_time_where_the_clocks_differ_by_minutes(seconds: int, told: int) -> None:
    clock, seen = ManualClock(), []

    async def work(http: Http) -> None:
        seen.append(http.now - clock.now())
        await http.get("x")
        seen.append(http.now - clock.now())

    date = format_datetime(clock.now() + timedelta(seconds=seconds), usegmt=True)
    play(adapter(work), "identify", replies=[reply(200, json={}, headers={"Date": date})], clock=clock)
    assert seen == [timedelta(), timedelta(seconds=told)]


def test_a_date_that_a_cache_has_kept_tells_no_time() -> None:
    clock, seen = ManualClock(), []

    async def work(http: Http) -> None:
        await http.get("x")
        seen.append(http.now)

    old = format_datetime(clock.now() - timedelta(hours=2), usegmt=True)
    play(adapter(work), "identify", replies=[reply(200, json={}, headers={"Date": old, "Age": "7200"})], clock=clock)
    assert seen == [clock.now()]


@pytest.mark.parametrize("answer", [
    reply(200, text="<html>"), reply(200), reply(200, body=b"{", headers={"Content-Type": "application/json"}),
    reply(200, body=b"[" * 100_000, headers={"Content-Type": "application/json"}),
    reply(200, body=b'{"name": NaN}', headers={"Content-Type": "application/json"}),
    reply(200, json={"name": 5}), reply(200, json=[]), reply(200, json={"name": None}),
])  # fmt: skip
def test_an_answer_of_another_shape_is_the_vendors_error(answer: Any) -> None:
    async def work(http: Http) -> None:
        (await http.get("x")).read(str, at="/name")

    with pytest.raises(VendorProtocolError):
        identify(work, answer)
