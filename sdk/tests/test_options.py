"""What a vendor does not put on the wire: options that state a fact, and options that nobody has set."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pytest

from full_vendor import FullVendor, Vendor
from kobling import Adapter, Catalogue, Clinic, Connection, ContractError, Http, Installed, Kobling, Session
from kobling.model import Model


class Settings(Model):
    """Two settings of a clinic."""

    named: Literal["yes", "no"] = "no"
    interval: int = 30


class Named(FullVendor):
    key = "named"
    contract = 1
    Options = Settings

    @classmethod
    def suited(cls, options: Any) -> type[Adapter]:
        return Renamed if options.named == "yes" else Named


class Renamed(Named):
    contract = 1

    async def identify(self, http: Http) -> Clinic:
        return Clinic(name="Renamed")


def session(adapter: type[Adapter], **options: Any) -> Session:
    connection = Connection(adapter.key, external_id="1", api_key="k")
    return Kobling(adapters=Installed({adapter.key: adapter}), exchange=Vendor()).session(connection, options=options)


def test_an_option_may_state_a_fact_and_so_choose_the_class() -> None:
    assert session(Named).clinic().name == "Full"
    assert session(Named, named="yes").clinic().name == "Renamed"


def test_the_class_that_an_option_chooses_must_keep_the_contract() -> None:
    class Chooses(Named):
        contract = 1

        @classmethod
        def suited(cls, options: Any) -> type[Adapter]:
            return Broken

    class Broken(Chooses):
        key = "broken"

    with pytest.raises(ContractError, match="inherits its contract version"):
        session(Chooses)


def guesses(place: Session) -> list[str]:
    return [one.subject for one in place.test_connection().findings if one.code == "option_is_a_guess"]


def test_a_test_names_every_option_that_nobody_has_set() -> None:
    assert guesses(session(Named)) == ["named", "interval"]
    assert guesses(session(Named, named="no")) == ["interval"]


def test_a_test_names_them_also_where_nothing_can_be_booked_yet() -> None:
    class Empty(Named):
        key = "empty"
        contract = 1

        @classmethod
        def suited(cls, options: Any) -> type[Adapter]:
            return cls

        async def catalogue(self, http: Http) -> Catalogue:
            return Catalogue(practitioners=(), services=(), offers=())

    assert guesses(session(Empty)) == ["named", "interval"]


def test_a_test_says_where_it_can_not_know_whether_a_key_may_write() -> None:
    class Scoped(FullVendor):
        key = "scoped"
        contract = 1
        limits: ClassVar[Any] = FullVendor.limits.model_copy(update={"scoped_keys": True})

    def told(adapter: type[Adapter]) -> list[tuple[str, tuple[str, ...]]]:
        report = session(adapter).test_connection()
        return [(one.severity, one.fields) for one in report.findings if one.code == "writing_not_tested"]

    assert told(Scoped) == [("info", ("api_key",))]
    (said,) = [one for one in session(Scoped).test_connection().findings if one.code == "writing_not_tested"]
    assert "vente" not in said.explain("nb")
    assert told(FullVendor) == []


def test_an_option_may_choose_only_a_class_that_is_made_from_the_adapter() -> None:
    class Strays(Named):
        contract = 1

        @classmethod
        def suited(cls, options: Any) -> type[Adapter]:
            return Renamed

    with pytest.raises(ContractError, match="return `cls` or a subclass of it"):
        session(Strays)
