"""How a vendor wants its key: declared, so that no adapter ever holds it.

`KEY` stands for the secret anywhere in a call; `KEY.login` for a named group of the key field's pattern. The engine
puts the value in after the adapter's turn, or the token's, where the adapter has a `sign_in`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A place for the secret, or for a named part of it."""

    group: str = ""

    def __repr__(self) -> str:
        return f"KEY.{self.group}" if self.group else "KEY"

    def __str__(self) -> str:
        raise TypeError("KEY stands alone as a value, never inside a text: the engine puts the secret in its place")


class _Key(KeyPart):
    __slots__ = ()

    def __getattr__(self, name: str) -> KeyPart:
        if name.startswith("_"):
            raise AttributeError(name)
        return KeyPart(name)


KEY: Final = _Key()


@dataclass(frozen=True, slots=True)
class NoAuth:
    """No credential goes with a call; `KEY` may still stand in one (in a sign-in)."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer <key or token>`."""


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """The key in a header of this name, as `X-Api-Key`. scheme: a word that stands before it, as in
    `Authorization: Token <key>`; "" where the key stands alone."""

    name: str
    scheme: str = ""


@dataclass(frozen=True, slots=True)
class BodyKey:
    """The key as a member of this name in every JSON body."""

    name: str


@dataclass(frozen=True, slots=True)
class Basic:
    """`Authorization: Basic`: user and password are `KEY` parts or texts, in which `{external_id}` and its like are
    filled in. A user with a colon can't be told from the password, and is the connection's mistake."""

    user: str | KeyPart = KEY
    password: str | KeyPart = ""


@dataclass(frozen=True, slots=True)
class QueryKey:
    """The key in the query string. Only where a vendor forces it: query strings end up in other people's logs."""

    name: str


Auth: TypeAlias = NoAuth | Bearer | HeaderKey | BodyKey | Basic | QueryKey
