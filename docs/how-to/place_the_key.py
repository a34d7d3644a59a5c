"""Code of `place-the-key.md`, and its tests."""

from __future__ import annotations

from typing import Any

import pytest
from invented import Invented

from kobling import (
    KEY,
    Basic,
    Bearer,
    BodyKey,
    Clinic,
    ConnectionForm,
    CredentialsRejected,
    HeaderKey,
    Http,
    NoAuth,
    QueryKey,
    required,
)
from kobling.testing import example_connection, play, reply


class Asking(Invented):
    """Asks with a body, so that a key may stand there."""

    contract = 1

    async def identify(self, http: Http) -> Clinic:
        await http.query("whoami", json={})
        return Clinic()


# [table]
PLACES = {
    "Authorization: Bearer my-key": Bearer(),
    "Authorization: Token my-key": HeaderKey("Authorization", scheme="Token"),
    "X-Api-Key: my-key": HeaderKey("X-Api-Key"),
    "Authorization: Basic bXkta2V5Og==": Basic(KEY),  # the key as user, no password
    '{"apikey":"my-key"}': BodyKey("apikey"),
    "token=my-key": QueryKey("token"),  # only where the vendor forces it: addresses end up in logs
}
# [parts]


@pytest.mark.parametrize("where", PLACES)
def test_each_kind_puts_the_key_where_the_table_says(where: str) -> None:
    adapter: type[Invented] = type("Placed", (Asking,), {"auth": PLACES[where], "contract": 1})
    key = example_connection(adapter, api_key="my-key")
    (sent,) = play(adapter, "identify", replies=[reply(200)], connection=key).requests
    lines = [f"{name}: {value}" for name, value in sent.headers]
    asked = [f"{name}={value}" for name, value in sent.params]
    assert where in [*lines, *asked, sent.body.decode()]


class TwoParts(Invented):
    contract = 1
    # [two]
    form = ConnectionForm(
        external_id=required(nb="klinikkens nummer", en="the clinic's number", example="12"),
        api_key=required(
            nb="bruker og passord med kolon mellom",
            en="user and password with a colon between",
            pattern=r"(?P<user>[^:]+):(?P<password>.+)",
        ),
    )
    auth = Basic(KEY.user, KEY.password)
    # [half]


class HalfPublic(Invented):
    contract = 1
    form = ConnectionForm(
        external_id=required(nb="klinikkens kortnavn", en="the clinic's short name", example="fjord"),
        api_key=required(nb="partnernøkkelen", en="the partner key"),
    )
    # [short-name]
    auth = Basic("{external_id}", KEY)
    # [shard]


class Sharded(Invented):
    contract = 1
    # [shard-class]
    form = ConnectionForm(
        external_id=required(nb="klinikkens nummer", en="the clinic's number", example="12"),
        api_key=required(
            nb="nøkkelen, som «eu1-…»",
            en='the key, as "eu1-…"',
            pattern=r"(?P<shard>[a-z]+[0-9])-.+",
            public=frozenset({"shard"}),
        ),
    )
    base_url = "https://{api_key.shard}.vendor.example/v1"
    headers = {"Clinic": "{external_id}"}
    # [odd]


class OneCall(Asking):
    contract = 1
    auth = NoAuth()

    # [odd-call]
    async def identify(self, http: Http) -> Clinic:
        """Only this call takes the key, deep in its body."""
        reply = await http.query("whoami", json={"login": {"secret": KEY}})
        return Clinic(name=reply.read(str, at="/name"))

    # [end]


def test_two_parts_of_one_box_are_user_and_password() -> None:
    pasted = example_connection(TwoParts, api_key="ola:hemmelig")
    (sent,) = play(TwoParts, "identify", replies=[reply(200)], connection=pasted).requests
    assert sent.header("Authorization") == "Basic b2xhOmhlbW1lbGln"


def test_the_user_may_be_a_field_that_is_no_secret() -> None:
    pasted = example_connection(HalfPublic, api_key="hemmelig")
    (sent,) = play(HalfPublic, "identify", replies=[reply(200)], connection=pasted).requests
    assert sent.header("Authorization") == "Basic ZmpvcmQ6aGVtbWVsaWc="


def test_a_public_part_of_the_key_leads_to_its_server() -> None:
    seen = []

    def answer(request: Any) -> Any:
        seen.append(request.url)
        return reply(200)

    pasted = example_connection(Sharded, api_key="eu1-hemmelig")
    (sent,) = play(Sharded, "identify", replies=answer, connection=pasted).requests
    assert seen == ["https://eu1.vendor.example/v1/clinic"]
    assert sent.header("Clinic") == "12"


# [test]
def test_the_key_stands_where_the_vendor_wants_it() -> None:
    pasted = example_connection(OneCall, api_key="my-key")
    played = play(OneCall, "identify", replies=[reply(200, json={"name": "Fjord"})], connection=pasted)
    assert played.requests[0].json == {"login": {"secret": "my-key"}}
    assert played.requests[0].header("Authorization") is None


def test_a_refused_key_is_the_administrators_to_mend() -> None:
    with pytest.raises(CredentialsRejected):
        play(OneCall, "identify", replies=[reply(401)])


# [finis]
