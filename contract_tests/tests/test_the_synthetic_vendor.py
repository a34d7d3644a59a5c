"""The vendor that lives with the suite: found by name, unseen by a registry, and its adapters hold every rule.

By default a few rules beside those that the zoo's twins pass; `KOBLING_ZOO=all` runs every rule on every variant.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from kobling import Installed, WireReply, WireRequest, load
from kobling.adapter import OPERATIONS, REQUIRED, check_adapter
from kobling_contract.contract import RULES, chosen
from kobling_contract.runner import run_rule
from kobling_contract.synthetic import VARIANTS, ByRequest, HoldsFirst, SearchOnly, Synthetic
from kobling_contract.synthetic.dialect import BOOKINGS_PAGE, LIFE, STAFF_ANSWER_AFTER, token_of
from kobling_contract.target import TargetUnavailable, find_target
from kobling_contract.verdicts import Verdict
from kobling_mocks import Mock
from kobling_mocks.clinic import BookingOrder, PatientDetails, demo_id

ALL = os.environ.get("KOBLING_ZOO") == "all"
PARTS: Mapping[str, tuple[str, ...]] = {
    Synthetic.key: ("CONN-03", "CAT-06", "SLOT-13", "SLOT-19", "BOOK-02", "BOOK-07"),
    ByRequest.key: ("BOOK-01", "BOOK-17", "CNCL-06", "CNCL-07", "MODEL-01"),
    HoldsFirst.key: ("BOOK-06", "BOOK-08", "BOOK-16", "BOOK-19", "BOOK-27", "CNCL-09", "FUZZ-04", "MODEL-02"),
    SearchOnly.key: ("CONN-01", "SLOT-19", "SECR-06", "FAIL-09", "PAGE-03"),
}
SKIPPED = {
    Synthetic.key: {"BOOK-07", "BOOK-27", "SLOT-19"},
    ByRequest.key: {"BOOK-07", "BOOK-27", "SLOT-19", "CNCL-08"},
    HoldsFirst.key: {"BOOK-07", "SLOT-19"},
}
"""What these variants can't be asked: a limit that no record reaches, pages of the vendor's own, a native move."""


@pytest.mark.parametrize(
    ("key", "rule_id"), [(key, one.id) for key in VARIANTS for one in RULES if ALL or one.id in PARTS[key]]
)
def test_a_variant_holds_every_rule_that_it_can_be_asked(key: str, rule_id: str) -> None:
    (rule,) = chosen([rule_id])
    result = run_rule(rule, find_target(key), 3, repeats=0)
    skipped = rule_id in SKIPPED[key] if key in SKIPPED else bool(rule.needs - SearchOnly.supports)
    assert result.verdict is (Verdict.SKIP if skipped else Verdict.PASS), "\n".join(result.lines())


def test_together_the_variants_have_and_lack_every_optional_part() -> None:
    adapters = [one for one, _ in VARIANTS.values()]
    others = [name for name in OPERATIONS if name not in REQUIRED]
    for name in others:
        assert any(name in one.supports for one in adapters)
    assert [name for name in others if name in SearchOnly.supports] == ["sign_in"]
    for one in adapters:
        check_adapter(one)


def test_no_registry_finds_it_among_the_vendors_that_are_installed() -> None:
    assert not set(VARIANTS) & set(load().adapters)
    assert {key: find_target(key).adapter.key for key in VARIANTS} == {key: key for key in VARIANTS}
    with pytest.raises(TargetUnavailable, match="No adapter 'synthetic-vendor' is installed"):
        find_target("synthetic-vendor")


def test_an_installed_adapter_of_that_key_is_tried_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    other = type("Other", (Synthetic,), {"contract": 1})
    monkeypatch.setattr("kobling_contract.target.load", lambda: Installed({"synthetic": other}))
    assert find_target("synthetic").adapter is other


# ---- the vendor's side


class Caller:
    """Somebody with the clinic's key and a token of this moment."""

    def __init__(self) -> None:
        self.mock = Mock("synthetic")
        self.token = self.sign_in()

    def sign_in(self) -> str:
        account = self.mock.world.account
        return token_of(account, self.mock.world.clock.now() + LIFE)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, WireReply]:
        given = {"Authorization": f"Bearer {self.token}", "Clinic": self.mock.world.account.external_id, **headers}
        data = b"" if body is None else json.dumps(body).encode()
        names = ((name.replace("_", "-"), value) for name, value in given.items())
        url = f"{self.mock.origin}/v1/{path}"
        reply = self.mock.exchange(WireRequest(method, url, (*names, ("Content-Type", "application/json")), data))
        assert isinstance(reply, WireReply)
        return reply.status, json.loads(reply.body), reply

    def code(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        status, told, _ = self.ask(method, path, body, **headers)
        return status, told["error"]["code"]

    def order(self) -> dict[str, Any]:
        """The first open time of tomorrow, for a patient who was put on file."""
        day = "2026-11-24"
        ids = {kind: int(self.mock.dialect.ids.wire(self.mock.world.clinic, demo_id(*of)))
               for kind, of in (("who", ("timebook", "kari")), ("what", ("type", "oppfolging")))}  # fmt: skip
        asked = {"practitioner_ids": [ids["who"]], "service_ids": [ids["what"]], "first_day": day, "last_day": day}
        slots = self.ask("POST", "slots/search", asked)[1]["slots"]
        person = {"given_name": "Ola", "family_name": "Prøve", "birth_date": "1984-05-06", "phone": "+4790000001"}
        patient = self.ask("POST", "patients", person)[1]["patient"]["id"]
        return {"slot_id": slots[0]["id"], "patient_id": patient, "reference": "ref-1"}


def test_a_token_is_good_for_a_minute_and_for_its_own_clinic() -> None:
    caller = Caller()
    assert caller.ask("GET", "clinic")[0] == 200
    assert caller.code("GET", "clinic", Clinic="1") == (403, "other_clinic")
    caller.mock.world.clock.advance(LIFE)
    assert caller.code("GET", "clinic") == (401, "expired_token")
    caller.token = f"{caller.token}x"
    assert caller.code("GET", "clinic") == (401, "invalid_token")


def test_a_list_names_the_address_of_its_next_page_as_the_caller_reached_it() -> None:
    caller = Caller()
    assert caller.ask("GET", "practitioners")[1]["next"] == "https://api.synthetic.example/v1/practitioners?page=2"
    header = caller.ask("GET", "services?page=2")[2].header("link")
    assert header == '<https://api.synthetic.example/v1/services?page=3>; rel="next"'
    assert caller.ask("GET", "services?page=3")[2].header("link") is None


def test_a_cursor_is_good_for_a_minute_and_for_its_own_question() -> None:
    caller = Caller()
    clinic = caller.mock.world.clinic
    clinic.behave(overlap="accepted")
    for number in range(BOOKINGS_PAGE):
        start = clinic.clock.now() + timedelta(days=3, minutes=number)
        person = PatientDetails("Ola Prøve", None, "", "ola.prove@example.test")
        clinic.staff_book(BookingOrder(demo_id("timebook", "kari"), demo_id("type", "oppfolging"), start, person))
    days = "first_day=2026-11-23&last_day=2026-12-31"
    cursor = caller.ask("GET", f"bookings?{days}")[1]["cursor"]
    assert len(caller.ask("GET", f"bookings?{days}&cursor={cursor}")[1]["bookings"]) == 2
    assert caller.code("GET", f"bookings?first_day=2026-11-24&last_day=2026-12-31&cursor={cursor}")[1] == "bad_cursor"
    assert caller.code("GET", f"bookings?{days}&cursor=made-up") == (400, "bad_cursor")
    caller.mock.world.clock.advance(61)
    caller.token = caller.sign_in()
    assert caller.code("GET", f"bookings?{days}&cursor={cursor}") == (410, "expired_cursor")


def test_an_order_that_comes_again_with_its_key_is_carried_out_once() -> None:
    caller = Caller()
    order = caller.order()
    first = caller.ask("POST", "bookings", order, Idempotency_Key="ref-1")
    again = caller.ask("POST", "bookings", order, Idempotency_Key="ref-1")
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    assert caller.code("POST", "bookings", order) == (409, "reference_in_use")
    assert caller.mock.world.journal.calls[-2].effect == "none"


@pytest.mark.parametrize(
    ("staff", "status"), [("wait", "requested"), ("confirm", "confirmed"), ("decline", "declined")]
)
def test_a_request_waits_until_staff_answer_it(staff: str, status: str) -> None:
    caller = Caller()
    caller.mock.world.switches.set(confirmation="request", staff=staff)
    made = caller.ask("POST", "bookings", caller.order())[1]["booking"]
    assert made["status"] == "requested"
    caller.mock.world.clock.advance(STAFF_ANSWER_AFTER)
    caller.token = caller.sign_in()
    assert caller.ask("GET", f"bookings/{made['id']}")[1]["booking"]["status"] == status
    caller.mock.world.assert_sound()


def test_a_key_for_searching_may_search_only() -> None:
    caller = Caller()
    order = caller.order()
    caller.mock.world.switches.set(scopes="search")
    assert caller.ask("GET", "clinic")[1]["scopes"] == ["search"]
    assert caller.code("POST", "bookings", order) == (403, "out_of_scope")
