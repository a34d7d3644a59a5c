"""A list that comes in pages: the three ways to ask for one, and the name and password of a call."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from kobling_mocks import ListPage, Mock, Unread, Visit
from kobling_mocks.listpage import BadCursor, page_of

ROWS = list("abcdefg")


def read_to_the_end(step: str) -> tuple[list[str], list[ListPage[str]]]:
    """All pages of three rows, each asked for with what the one before says."""
    pages = [page_of(ROWS, 3)]
    while pages[-1].more:
        asked: dict[str, Any] = {
            "number": {"number": pages[-1].number + 1},
            "skip": {"skip": pages[-1].ends},
            "cursor": {"cursor": pages[-1].cursor},
        }[step]
        pages.append(page_of(ROWS, 3, **asked))
    return [row for page in pages for row in page.rows], pages


@pytest.mark.parametrize("step", ["number", "skip", "cursor"])
def test_each_way_to_ask_leads_through_all_rows(step: str) -> None:
    rows, pages = read_to_the_end(step)
    assert rows == ROWS
    assert [(page.number, page.pages, page.total, page.begins, page.ends) for page in pages] == [
        (1, 3, 7, 0, 3), (2, 3, 7, 3, 6), (3, 3, 7, 6, 7),
    ]  # fmt: skip
    assert pages[-1].cursor is None


def test_an_empty_list_has_one_page_and_beyond_the_last_there_is_nothing() -> None:
    empty = page_of([], 3)
    assert (list(empty.rows), empty.pages, empty.more, empty.cursor) == ([], 1, False, None)
    beyond = page_of(ROWS, 3, number=9)
    assert (list(beyond.rows), beyond.more) == ([], False)


@pytest.mark.parametrize("cursor", ["2", "bm9uZQ==", "cm93IHg=", "ø", "====="])
def test_a_cursor_that_no_page_has_named_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        page_of(ROWS, 3, cursor=cursor)
    with pytest.raises(Unread) as refused:
        _visit().page(ROWS, 3, cursor=cursor)
    assert refused.value.places == ("cursor",)


def test_what_can_be_no_page_is_a_mistake_of_the_dialects() -> None:
    for asked in ({"number": 1, "skip": 0}, {"number": 0}, {"skip": -1}):
        with pytest.raises(ValueError, match=r"."):
            page_of(ROWS, 3, **asked)
    with pytest.raises(ValueError, match="counted from 1"):
        page_of(ROWS, 0)


def test_a_test_may_have_set_shorter_pages() -> None:
    visit = _visit()
    visit.world.rows_a_page = 2
    assert list(visit.page(ROWS, 50, cursor="").rows) == ["a", "b"]


def _visit(**headers: str) -> Visit:
    return Visit(Mock("extensor").world, {}, {}, headers, None)


def test_the_next_page_has_the_address_that_was_called_with_one_parameter_changed() -> None:
    asked = (("size", "25"), ("page[after]", "Mg=="), ("kind", "a b"), ("kind", "c"))
    visit = replace(_visit(), asked=asked, address="https://v.example/list")
    assert visit.address_of("page[after]", "NA==") == (
        "https://v.example/list?size=25&kind=a+b&kind=c&page%5Bafter%5D=NA%3D%3D"
    )
    assert replace(visit, asked=()).address_of("page", 2) == "https://v.example/list?page=2"


def _basic(told: bytes) -> str:
    return f"Basic {base64.b64encode(told).decode()}"


@pytest.mark.parametrize(
    ("header", "login", "key"),
    [
        (_basic(b"HAVN07:hemmelig:nr"), ("HAVN07", "hemmelig:nr"), "hemmelig:nr"),
        (_basic(b"key:"), ("key", ""), "key"),
        (_basic("på:nøkkel".encode()), ("på", "nøkkel"), "nøkkel"),
        ("Basic %%%", ("", ""), ""),
        ("Basic /w==", ("", ""), ""),
        ("Bearer abc", ("", ""), "abc"),
        ("", ("", ""), ""),
    ],
)
def test_the_name_and_the_password_of_a_call(header: str, login: tuple[str, str], key: str) -> None:
    visit = _visit(authorization=header) if header else _visit()
    assert visit.login == login
    assert Mock("easypractice").world.dialect.credential(visit) == key
