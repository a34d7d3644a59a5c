"""Code of `sign-in.md`, and its tests."""

from __future__ import annotations

import pytest
from invented import Invented

from kobling import (
    KEY,
    Basic,
    Bearer,
    ConnectionForm,
    CredentialsRejected,
    ErrorMap,
    Http,
    Token,
    required,
)
from kobling.testing import example_connection, play, reply


class SignsIn(Invented):
    contract = 1
    # [class]
    form = ConnectionForm(
        external_id=required(nb="klinikkens nummer", en="the clinic's number", example="12"),
        api_key=required(
            nb="klient-ID og hemmelighet med kolon mellom",
            en="client id and secret with a colon between",
            pattern=r"(?P<client>[^:]+):(?P<secret>.+)",
        ),
    )
    auth_url = "https://login.vendor.example/oauth"  # leave it out where base_url has the call too
    auth = Bearer()  # where the token goes
    errors = ErrorMap({"invalid_client": CredentialsRejected}, code="/error")

    async def sign_in(self, http: Http) -> Token:
        """OAuth 2, client credentials. It is a `query`: asking twice does no harm."""
        wanted = {"grant_type": "client_credentials", "client_id": KEY.client, "client_secret": KEY.secret}
        reply = await http.query("token", form=wanted)
        return Token(reply.secret("/access_token"), lifetime=reply.read(int, at="/expires_in"))

    # [basic]


class SignsInByBasic(SignsIn):
    contract = 1
    # [basic-class]
    sign_in_auth = Basic(KEY.client, KEY.secret)

    async def sign_in(self, http: Http) -> Token:
        reply = await http.query("token", form={"grant_type": "client_credentials"})
        return Token(reply.secret("/access_token"), lifetime=reply.read(int, at="/expires_in"))

    # [test]


PASTED = example_connection(SignsIn, api_key="ola:hemmelig")


def test_the_client_may_be_told_by_basic() -> None:
    token = reply(200, json={"access_token": "t1", "expires_in": 600})
    played = play(SignsInByBasic, "identify", replies=[token, reply(200)], connection=PASTED)
    assert [one.header("Authorization") for one in played.requests] == ["Basic b2xhOmhlbW1lbGln", "Bearer t1"]


# [tests]
def test_a_token_that_the_vendor_ended_is_fetched_anew() -> None:
    pasted = example_connection(SignsIn, api_key="ola:hemmelig")
    first = reply(200, json={"access_token": "t1", "expires_in": 600})
    second = reply(200, json={"access_token": "t2", "expires_in": 600})
    played = play(SignsIn, "identify", replies=[first, reply(401), second, reply(200)], connection=pasted)
    assert [one.path for one in played.requests][:2] == ["/oauth/token", "/v1/clinics/12/clinic"]
    assert played.requests[3].header("Authorization") == "Bearer t2"


def test_a_refused_client_is_the_administrators_to_mend() -> None:
    pasted = example_connection(SignsIn, api_key="ola:hemmelig")
    with pytest.raises(CredentialsRejected):
        play(SignsIn, "identify", replies=[reply(401, json={"error": "invalid_client"})], connection=pasted)


# [end]
