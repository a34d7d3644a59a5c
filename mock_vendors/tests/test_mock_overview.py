"""The page over several mocks, and the forms by which a person orders a fault."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from kobling_mocks import Mock, Served, installed_dialects, serve_overview
from kobling_mocks.serve import Listening

FAULT = {"operation": "book", "kind": "reset", "when": "after_commit"}


class Side:
    """Every dialect served, and the page over them."""

    def __init__(self, mocks: list[tuple[Mock, Served]], page: Listening) -> None:
        self.mocks = mocks
        self.page = page


@pytest.fixture
def side() -> Iterator[Side]:
    mocks = [Mock(key) for key in installed_dialects()[0]]
    served = [(mock, mock.serve()) for mock in mocks]
    page = serve_overview(served)
    yield Side(served, page)
    page.stop()
    for _, server in served:
        server.stop()


def get(url: str, **headers: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return str(answer.read().decode())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def post(url: str, form: dict[str, str], **headers: str) -> tuple[int, str]:
    """Status and Location."""
    request = urllib.request.Request(url, data=urllib.parse.urlencode(form).encode(), headers=headers)
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=10) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Location") or ""


def test_the_page_lists_every_clinic_what_to_paste_its_faults_and_each_timebook(side: Side) -> None:
    shown = get(f"{side.page.url}/")
    for mock, server in side.mocks:
        assert mock.world.clinic.name in shown
        for field in mock.connection.values():
            assert field in shown
        for book in mock.world.clinic.timebooks:
            assert f"{server.url}/timebok/{book.id}" in shown
        for operation in mock.dialect.operations:
            assert f"<option>{operation.name}</option>" in shown


def test_a_fault_ordered_on_the_page_strikes_the_next_call_and_can_be_forgotten(side: Side) -> None:
    mock, server = side.mocks[0]
    fault = {**FAULT, "operation": mock.dialect.operations[0].name}
    ours = {"Origin": side.page.url, "Referer": f"{side.page.url}/"}
    assert post(f"{server.url}/__mock__/pages/fault", fault, **ours) == (303, f"{side.page.url}/")
    assert [one.kind for one in mock.world.faults.waiting] == ["reset"]
    assert "reset, after commit" in get(f"{side.page.url}/")
    assert post(f"{server.url}/__mock__/pages/no-faults", {}, **ours)[0] == 303
    assert mock.world.faults.waiting == ()


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", ""])
def test_a_form_on_somebody_elses_page_orders_nothing(side: Side, origin: str) -> None:
    mock, server = side.mocks[0]
    assert post(f"{server.url}/__mock__/pages/fault", FAULT, Origin=origin)[0] == 403
    assert not mock.world.faults.waiting


def test_a_referer_from_elsewhere_is_not_followed_back(side: Side) -> None:
    _, server = side.mocks[0]
    foreign = {"Origin": side.page.url, "Referer": "https://elsewhere.example/x"}
    assert post(f"{server.url}/__mock__/pages/no-faults", {}, **foreign) == (303, "/")


def test_an_unknown_fault_is_refused(side: Side) -> None:
    _, server = side.mocks[0]
    for wrong in ({"kind": "no_such"}, {"operation": ""}):
        status, _ = post(f"{server.url}/__mock__/pages/fault", {**FAULT, **wrong}, Origin=side.page.url)
        assert 400 <= status < 500, wrong


def test_the_page_answers_to_loopback_names_only_and_loads_nothing(side: Side) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{side.page.url}/", Host="elsewhere.example")
    caught.value.close()
    assert caught.value.code == 421
    with urllib.request.urlopen(f"{side.page.url}/", timeout=10) as answer:
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
