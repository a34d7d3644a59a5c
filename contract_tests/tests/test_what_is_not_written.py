"""An adapter that is not written to its end: said once of each operation, and never conformant."""

from __future__ import annotations

import textwrap
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from kobling import AdapterBug, Booking, BookingRequest, Catalogue, Connection, Http, NotWritten, Slot, SlotQuery
from kobling.adapter import unwritten
from kobling.testing import play
from kobling_contract.certify import Waiver, certify
from kobling_contract.contract import RULES
from kobling_contract.headline import rules_wait
from kobling_contract.reports import REPORTS
from kobling_contract.synthetic import Synthetic
from kobling_contract.verdicts import Verdict

from .test_pytest_items import run


class NoBookingYet(Synthetic):
    """Everything but `book`."""

    contract = 1

    async def book(self, http: Http, request: BookingRequest) -> Booking:
        """To come."""
        # what belongs here
        raise NotWritten


class HalfWritten(Synthetic):
    """`list_slots` is written for some clinics, `catalogue` looks like something unwritten and is none."""

    contract = 1

    async def catalogue(self, http: Http) -> Catalogue:
        """Reads, and raises afterwards."""
        await http.get("clinic")
        raise NotWritten

    async def list_slots(self, http: Http, query: SlotQuery) -> list[Slot]:
        """Only without practitioners."""
        if query.practitioner_ids:
            raise NotWritten
        return []


def test_only_an_operation_that_does_nothing_else_counts_as_not_written() -> None:
    assert unwritten(NoBookingYet) == ("book",)
    assert unwritten(HalfWritten) == ()
    assert unwritten(Synthetic) == ()


def test_a_caller_hears_where_it_is_to_be_written_and_what_to_read() -> None:
    day = date(2026, 12, 1)
    query = SlotQuery(first_day=day, last_day=day, practitioner_ids=("1",))
    connection = Connection("synthetic", external_id="1021", api_key="client.secret")
    with pytest.raises(AdapterBug) as caught:
        play(HalfWritten, "list_slots", query, replies=[], connection=connection)
    assert caught.value.because == "not_written"
    assert caught.value.fields[0].startswith("test_what_is_not_written.py:")
    assert "kobling about start-an-adapter" in caught.value.explain("en")


def test_the_verdict_names_it_once_and_every_rule_that_waits_for_it_fails() -> None:
    found = certify("synthetic", adapter=NoBookingYet, rules=["BOOK", "CAT-01"])
    assert not found.conformant
    assert found.exit_code == 1
    assert found.headline() == "NOT CONFORMANT; not written yet: book"
    assert found.of("CAT-01").verdict is Verdict.PASS
    assert {one.verdict for one in found.results if one.rule.area == "BOOK"} == {Verdict.FAIL}
    assert {one.cause for one in found.waiting} == {"not_written"}
    assert found.broken == ()
    assert sum("not written" in line for line in found.summary()) == 2  # the headline, and once below
    page = REPORTS["html"](found, datetime(2026, 11, 27, tzinfo=UTC))
    assert page.count("<article") == 1
    assert f"{rules_wait(len(found.waiting))} for it" in page


def test_a_rule_that_books_on_the_way_says_the_same() -> None:
    found = certify("synthetic", adapter=NoBookingYet, rules=["CONN-10"])
    assert found.of("CONN-10").cause == "not_written"
    assert found.unwritten == ("book",)


def test_an_operation_that_is_written_in_part_is_found_when_it_is_run() -> None:
    found = certify("synthetic", adapter=HalfWritten, rules=["CAT-01"])
    assert found.of("CAT-01").cause == "not_written"
    assert found.unwritten == ("catalogue",)


def test_no_waiver_makes_it_conformant() -> None:
    waiver = Waiver("BOOK-14", "to come", date(2099, 1, 1))
    today = date(2098, 12, 1)
    found = certify("synthetic", adapter=NoBookingYet, rules=["BOOK-14"], waivers=[waiver], today=today)
    assert found.of("BOOK-14").verdict is Verdict.FAIL
    assert found.exit_code == 1


OWN = """
    from kobling_contract.items import contract
    from kobling_contract.synthetic import dialect
    from {module} import NoBookingYet
    test_contract = contract(NoBookingYet, dialect=dialect)
"""


def test_in_pytest_it_is_one_failing_item_and_the_rest_is_skipped_but_the_run_is_red(tmp_path: Path) -> None:
    adapter = Path(__file__).read_text("utf-8").partition("class HalfWritten")[0].replace("from .test_", "# ")
    (tmp_path / "unfinished.py").write_text(adapter, "utf-8")
    own = textwrap.dedent(OWN).format(module="unfinished")
    (tmp_path / "test_own.py").write_text(f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{own}", "utf-8")
    done = run("-k", "write or BOOK", cwd=tmp_path)
    assert done.returncode == 1
    waiting = sum(rule.area == "BOOK" for rule in RULES)
    assert f"1 failed, {waiting} skipped" in done.stdout, done.stdout
    assert "book is not written yet (unfinished.py:" in done.stdout
    assert "synthetic: NOT CONFORMANT; not written yet: book" in done.stdout
    only_waiting = run("-k", "BOOK-01", cwd=tmp_path)
    assert "1 skipped" in only_waiting.stdout
    assert only_waiting.returncode == 1


def test_the_installed_adapters_items_do_the_same() -> None:
    path = f"{NoBookingYet.__module__}:NoBookingYet"
    done = run(
        "--pyargs", "kobling_contract", "--vendor", "synthetic", "--adapter", path, "--rule", "BOOK-01",
        "--rule", "CAT-01", cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "1 failed, 1 passed, 1 skipped" in done.stdout, done.stdout
