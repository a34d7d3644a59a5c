"""A synthetic vendor with sign-in and short tokens: Extensor's server behind a gateway, and adapters for it.

The gateway takes the clinic's key once, answers with a token that is good for two minutes, and lets nobody in without
one. None of the three vendors does so; the contract has it, and so it must have somebody to be tried on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from kobling import KEY, Bearer, Http, Token, VendorUnavailable
from kobling_contract.target import Target
from kobling_extensor import Extensor, inferred
from kobling_mocks.dialect import Account, Answer, Operation, Visit
from kobling_mocks.dialects import extensor as server
from kobling_mocks.dialects.extensor_wire import ErrorAnswer, KlinikkQuery, PingAnswer, ServerPath

from .exhibit import exhibit

LIFE = timedelta(minutes=2)


def token_of(account: Account, until: datetime) -> str:
    """The token of an account that is good until then."""
    seconds = str(int(until.timestamp()))
    seal = hashlib.blake2b(f"{account.api_key} {seconds}".encode(), digest_size=16, person=b"gateway-token")
    return f"{seconds}-{seal.hexdigest()}"


def _good(account: Account, token: str, now: datetime) -> bool:
    seconds, _, _ = token.partition("-")
    if not seconds.isdecimal() or float(seconds) <= now.timestamp():
        return False
    return token == token_of(account, datetime.fromtimestamp(int(seconds), now.tzinfo))


def _sign_in(visit: Visit) -> Answer:
    account = dialect.account_of(visit)
    if account is None or visit.headers.get("x-api-key") != account.api_key:
        return Answer(401, json={"feilkode": "UGYLDIG_NOKKEL", "melding": "Nøkkelen mangler eller er feil."})
    token = token_of(account, visit.world.clock.now() + LIFE)
    return Answer(200, json={"token": token, "gyldigSekunder": int(LIFE.total_seconds())})


def _behind(handle: Callable[[Visit], Answer]) -> Callable[[Visit], Answer]:
    """The server's own way of a call, with the key for whoever comes with a good token, and without for the others."""

    def served(visit: Visit) -> Answer:
        account = dialect.account_of(visit)
        token = visit.headers.get("authorization", "").removeprefix("Bearer ")
        headers: Mapping[str, str] = {name: value for name, value in visit.headers.items() if name != "x-api-key"}
        if account is not None and _good(account, token, visit.world.clock.now()):
            headers = {**headers, "x-api-key": account.api_key}
        return handle(replace(visit, headers=headers))

    return served


_OPERATIONS = (
    Operation(
        name="token",
        method="POST",
        rule="/<server>/api/token",
        summary="Sign in: a token for a key",
        handle=_sign_in,
        writes=False,
        path=ServerPath,
        query=KlinikkQuery,
        answers={200: PingAnswer, 401: ErrorAnswer},
    ),
    *(replace(one, handle=_behind(one.handle)) for one in server.dialect.operations),
)


class Gateway(server.Extensor):
    """Extensor's server behind the gateway."""

    name = "Extensor behind a gateway (synthetic)"
    credential_headers = frozenset({"x-api-key", "authorization"})

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Signing in, and everything that the server has."""
        return _OPERATIONS


dialect = Gateway()


class SignsIn(Extensor):
    """Signs in for a token that is good for two minutes."""

    contract = 1
    auth: ClassVar[Any] = Bearer()

    async def sign_in(self, http: Http) -> Token:
        """The token, and how long the vendor says that it is good."""
        reply = await http.query("token", headers={inferred.KEY_HEADER: KEY})
        return Token(reply.secret("/token"), reply.read(int, at="/gyldigSekunder"))


TARGET = Target(SignsIn, dialect)


@exhibit(2, rule="CONN-09", cause="used_past_its_end", dialect=dialect)
class TokenForADay(SignsIn):
    """Takes every token for one that is good for a day."""

    async def sign_in(self, http: Http) -> Token:
        """The token, and a guess."""
        return Token((await super().sign_in(http)).secret, 86_400.0)


@exhibit(3, rule="CONN-09", cause="not_renewed", dialect=dialect)
class RefusedTokenIsAnOutage(SignsIn):
    """Does not tell by a 401 that a token is not taken any more."""

    errors = replace(
        inferred.ERRORS,
        codes={**inferred.ERRORS.codes, "UGYLDIG_NOKKEL": VendorUnavailable},
        statuses={401: VendorUnavailable},
    )


@exhibit(4, rule="CONN-09", cause="crossed", dialect=dialect)
class OneTokenForAll(SignsIn):
    """Keeps the first token that it gets, and uses it for every clinic."""

    kept: ClassVar[list[Token]] = []

    async def sign_in(self, http: Http) -> Token:
        """The token from before, where there is one."""
        if not self.kept:
            self.kept.append(await super().sign_in(http))
        return self.kept[0]


@exhibit(5, rule="CONN-09", cause="too_many_sign_ins", dialect=dialect)
class SignsInForEveryCall(SignsIn):
    """Takes a token for one that is good for a moment, so that everybody signs in again."""

    async def sign_in(self, http: Http) -> Token:
        """The token, for now."""
        return Token((await super().sign_in(http)).secret, 1e-6)
