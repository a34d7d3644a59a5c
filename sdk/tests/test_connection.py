"""A connection's details: what is pasted is cleaned, and what can't be used is told by the form and by a test of it."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from full_vendor import FullVendor
from kobling import (
    Adapter,
    AdapterBug,
    Connection,
    ConnectionForm,
    ConnectionReport,
    InvalidConnection,
    Kobling,
    KoblingError,
    UrlNotAllowed,
    WireFailure,
    WireRequest,
    optional,
    required,
)
from kobling.connection import FIELDS, clean
from kobling.http import Http
from kobling.plugins import Installed

PASTED: dict[str, tuple[str, str, str]] = {
    "a zero-width blank inside": ("47\u200b11", "4711", "4711"),
    "a zero-width joiner inside": ("47\u200d11", "4711", "4711"),
    "a word joiner and a byte-order mark": ("\ufeff47\u206011", "4711", "4711"),
    "a soft hyphen": ("47\u00ad11", "4711", "4711"),
    "direction marks": ("\u200e47\u200f11\u061c", "4711", "4711"),
    "an embedding and an isolate": ("\u202a4711\u202c\u20664711\u2069", "47114711", "47114711"),
    "a right-to-left override": ("\u202e4711", "4711", "4711"),
    "a variation selector": ("4711\ufe0f", "4711", "4711"),
    "a tag character": ("4711\U000e0041", "4711", "4711"),
    "a filler": ("\u31644711\u2800", "4711", "4711"),
    "a null and a bell": ("47\x00\x0711", "4711", "4711"),
    "blanks of several kinds": ("\u00a047\u2009\u300011\n", "47 11", "4711"),
    "a line break and a tab": ("47\r\n\t11", "47 11", "4711"),
    "a next line": ("47\x8511", "47 11", "4711"),
    "an accent apart, a joiner between": ("A\u200d\u030a", "Å", "A\u030a"),
}


@pytest.mark.parametrize("name", PASTED)
def test_what_is_pasted_is_cleaned(name: str) -> None:
    pasted, text, key = PASTED[name]
    assert (clean("external_id", pasted), clean("department_id", pasted)) == (text, text)
    assert (clean("api_key", pasted), clean("booking_url", pasted)) == (key, key)


@given(st.text(max_size=40))
def test_no_cleaned_value_holds_anything_invisible_and_cleaning_it_again_changes_nothing(pasted: str) -> None:
    for name in FIELDS:
        cleaned = clean(name, pasted)
        assert clean(name, cleaned) == cleaned
        assert not any(unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") for sign in cleaned)


@given(st.text(max_size=40, alphabet=st.characters(exclude_categories=())))
def test_no_text_at_all_keeps_a_connection_from_being_made_and_judged(typed: str) -> None:
    connection = Connection("full", external_id=typed, department_id=typed, api_key=typed, booking_url=typed)
    assert len(connection.id) == 24
    for _, reason in FullVendor.form.problems(connection):
        assert reason in ("missing", "unused", "masked", "characters")


@pytest.mark.parametrize("typed", ["47\ud80011", "47\ue00011", "47\U000f000011"])
def test_an_id_with_characters_that_mean_nothing_is_told(typed: str) -> None:
    connection = Connection("full", external_id=typed, api_key="k")
    assert FullVendor.form.problems(connection) == (("external_id", "characters"),)


# ---- a typed value that can't stand in the address


class InHost(FullVendor):
    key = "in-host"
    contract = 1
    form = ConnectionForm(
        external_id=required(nb="", en=""),
        department_id=optional(nb="", en=""),
        booking_url=optional(nb="", en=""),
        api_key=required(nb="", en="", pattern="(?P<shard>[^-]*)-.*", public=frozenset({"shard"})),
    )
    base_url = "https://{external_id}.full.example"


class InPath(InHost):
    key = "in-path"
    contract = 1
    base_url = "https://full.example/{department_id}"


class KeyInHost(InHost):
    key = "key-in-host"
    contract = 1
    base_url = "https://{api_key.shard}.full.example"


class TypedUrl(InHost):
    key = "typed-url"
    contract = 1
    base_url = "{booking_url}/api"


class TypedSignIn(InHost):
    """The booking URL leads to the sign-in only."""

    key = "typed-sign-in"
    contract = 1
    base_url = "https://full.example"
    auth_url = "{booking_url}/token"

    async def sign_in(self, http: Http) -> Any:
        return await http.query("token")


def outcome_of(adapter: type[Adapter], **fields: str) -> tuple[KoblingError, ConnectionReport, list[WireRequest]]:
    """What a session's methods raise, what its test says, and what was sent."""
    sent: list[WireRequest] = []

    def exchange(request: WireRequest) -> WireFailure:
        sent.append(request)
        return WireFailure("connect")

    with Kobling(adapters=Installed({adapter.key: adapter}), exchange=exchange) as kobling:
        session = kobling.session(Connection(adapter.key, **{"external_id": "1", "api_key": "a-b", **fields}))
        report = session.test_connection()
        with pytest.raises(KoblingError) as caught:
            session.catalogue()
    return caught.value, report, sent


ADDRESSES: dict[str, tuple[type[Adapter], dict[str, str], str, str]] = {
    "a blank in a host": (InHost, {"external_id": "klinikk 1"}, "external_id", "pattern"),
    "a dot in a host": (InHost, {"external_id": "a.evil.example"}, "external_id", "pattern"),
    "a slash in a host": (InHost, {"external_id": "evil.example/"}, "external_id", "pattern"),
    "a port in a host": (InHost, {"external_id": "a:80"}, "external_id", "pattern"),
    "a letter of another kind in a host": (InHost, {"external_id": "blåbær"}, "external_id", "pattern"),
    "64 letters in a host": (InHost, {"external_id": "a" * 64}, "external_id", "pattern"),
    "a dot segment in a path": (InPath, {"department_id": ".."}, "department_id", "pattern"),
    "nothing in a path": (InPath, {}, "department_id", "missing"),
    "a part of the key in a host": (KeyInHost, {"api_key": "a_b-c"}, "api_key", "pattern"),
    "no part of the key for a host": (KeyInHost, {"api_key": "æ-c"}, "api_key", "characters"),
    "no URL": (TypedUrl, {}, "booking_url", "missing"),
    "no URL for the sign-in": (TypedSignIn, {}, "booking_url", "missing"),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_value_that_can_not_stand_in_the_address_is_told_by_a_report(name: str) -> None:
    adapter, fields, wrong, because = ADDRESSES[name]
    error, report, sent = outcome_of(adapter, **fields)
    assert isinstance(error, InvalidConnection)
    assert (error.problems, error.vendor, sent) == (((wrong, because),), adapter.key, [])
    (finding,) = [one for one in report.findings if one.severity == "fail"]
    assert (finding.code, finding.because, finding.fields) == ("invalid_connection", because, (wrong,))
    assert (report.outcome, report.counts_as_attempt) == ("failed", True)


@pytest.mark.parametrize("url", ["http://169.254.169.254", "https://10.0.0.1", "https://localhost", "ftp://x.example"])
@pytest.mark.parametrize("adapter", [TypedUrl, TypedSignIn])
def test_a_typed_url_is_checked_wherever_it_leads(adapter: type[Adapter], url: str) -> None:
    error, report, sent = outcome_of(adapter, booking_url=url)
    assert isinstance(error, UrlNotAllowed)
    assert (report.outcome, sent) == ("failed", [])


def test_a_form_whose_normaliser_breaks_is_told_by_a_report_too() -> None:
    class Breaks(InHost):
        key = "breaks"
        contract = 1
        form = ConnectionForm(
            external_id=required(nb="", en="", normalise=lambda value: str(int(value))), api_key=required(nb="", en="")
        )

    error, report, sent = outcome_of(Breaks, external_id="one")
    assert isinstance(error, AdapterBug)
    assert (error.because, error.fields, sent) == ("normaliser", ("external_id",), [])
    assert (report.outcome, report.counts_as_attempt) == ("failed", False)


SAME_SERVER = ["https://klinikk.example/x", "https://Klinikk.example/x/", "HTTPS://klinikk.example:443/x"]


def test_a_connection_is_the_same_however_its_booking_url_is_spelled() -> None:
    ids = {Connection("extensor", booking_url=url).id for url in SAME_SERVER}
    assert len(ids) == 1
    others = ["https://klinikk.example/y", "https://klinikk.example:8443/x", "no url", "http://klinikk.example/x"]
    assert len({Connection("extensor", booking_url=url).id for url in others} | ids) == 5
