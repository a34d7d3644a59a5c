"""What is told of a run: JUnit that a CI server reads, JSON by its schema, one HTML file that needs no other."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from kobling_cli.output import Output
from kobling_cli.verdict import tell_verdict
from kobling_cli.wording import LANGUAGES, Language
from kobling_contract.contract import RULES
from kobling_contract.reports import html_page, json_text, junit_xml
from kobling_contract.reports.page import WORDS
from kobling_contract.runner import Result
from kobling_contract.verdicts import Verdict
from kobling_contract.waivers import Waiver
from made_results import AT, certificate, result

EVERY = certificate(
    *(result(f"SLOT-{number:02}", verdict, reason="because") for number, verdict in enumerate(Verdict, 1))
)

# Jenkins' junit-10.xsd, the strictest of those that CI servers use: children in order, and attributes
SHAPES: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "testsuites": (("testsuite",), frozenset({"name", "time", "tests", "failures", "errors", "skipped"})),
    "testsuite": (
        ("properties", "testcase"),
        frozenset({"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname"}),
    ),
    "properties": (("property",), frozenset()),
    "property": ((), frozenset({"name", "value"})),
    "testcase": (("skipped", "error", "failure"), frozenset({"name", "classname", "time"})),
    "skipped": ((), frozenset({"message"})),
    "error": ((), frozenset({"message", "type"})),
    "failure": ((), frozenset({"message", "type"})),
}


def test_junit_has_the_shape_that_ci_servers_read() -> None:
    root = ElementTree.fromstring(junit_xml(EVERY, AT))
    assert root.tag == "testsuites"
    for element in root.iter():
        children, attributes = SHAPES[element.tag]
        order = [children.index(child.tag) for child in element]
        assert order == sorted(order), element.tag
        assert set(element.attrib) <= attributes, element.tag
    for suite in root:
        assert suite.get("timestamp") == "2026-11-27T09:30:00"
        for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.get(attribute, "")) == len(suite.findall(f"testcase/{tag}"))
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))


@pytest.mark.parametrize(
    ("verdict", "tag"),
    [("FAIL", "failure"), ("XPASS", "failure"), ("FLAKY", "failure"), ("VACUOUS", "failure"), ("ERROR", "error"),
     ("NOT_RUN", "error"), ("SKIP", "skipped"), ("XFAIL", "skipped"), ("NOT_PROVABLE", "skipped"), ("PASS", None)],
)  # fmt: skip
def test_junit_shows_no_verdict_greener_than_it_is(verdict: str, tag: str | None) -> None:
    (case,) = ElementTree.fromstring(junit_xml(certificate(result("CAT-01", Verdict(verdict))), AT)).iter("testcase")
    assert [child.tag for child in case] == ([tag] if tag else [])


def test_junit_survives_what_xml_cannot_hold() -> None:
    odd = result("CAT-01", Verdict.FAIL, got="nul \x00, bell \x07, half \ud800, <&>\"'")
    (failure,) = ElementTree.fromstring(junit_xml(certificate(odd), AT).encode()).iter("failure")
    assert "bell \ufffd" in (failure.text or "")


def schema() -> Any:
    return json.loads((files("kobling_contract.reports") / "report.schema.json").read_text("utf-8"))


def test_json_is_as_its_published_schema_says() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    told = json.loads(json_text(EVERY, AT))
    jsonschema.validate(told, schema(), jsonschema.Draft202012Validator)
    assert told["areas"]["SLOT"] == told["counts"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told | {"verdict": "PASS"}, schema(), jsonschema.Draft202012Validator)


class Page(HTMLParser):
    """A page's links to elsewhere, its ids and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.addresses += [str(given[name]) for name in ("href", "src", "action", "srcset") if name in given]
        self.ids += [str(given["id"])] if "id" in given else []
        self._open += [tag] if tag not in ("meta", "link", "br") else []

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data


@pytest.fixture(scope="module")
def page() -> str:
    return html_page(EVERY, AT)


def test_html_needs_no_other_file_and_every_mark_leads_somewhere(page: str) -> None:
    read = Page(page)
    assert not read.tags & {"script", "link", "img", "iframe"}
    assert "url(" not in page
    assert "@import" not in page
    assert all(address.startswith("#") for address in read.addresses)
    assert {address[1:] for address in read.addresses} <= set(read.ids)
    assert len(read.ids) == len(set(read.ids))
    assert {f"SLOT-{number:02}" for number in range(1, len(Verdict) + 1)} <= set(read.ids)


def test_html_tells_of_a_failure_all_that_is_needed_to_mend_it() -> None:
    failing = result("SLOT-05", Verdict.FAIL)
    text = Page(html_page(certificate(failing), AT)).text
    rule = failing.rule
    for part in (
        "NOT CONFORMANT", rule.id, rule.title, rule.why, rule.check, rule.control, rule.source, failing.remedy,
        "4 times <b>", "3 & none", "GET /api/times?day=2026-11-27", failing.reproduce,
        "kobling_mysystem:MySystem", "mock 0.4",
    ):  # fmt: skip
        assert part in text, part


def test_html_marks_in_the_exchange_what_the_text_beside_it_speaks_of_and_nothing_in_it_becomes_markup() -> None:
    failing = replace(
        result("SLOT-05", Verdict.FAIL), expected="status BEKREFTET", got="a <b> of 7",
        exchange='1. GET /api\n   answered: 200, {"status": "BEKREFTET", "other": "BEKREFTETE <b> & more"}',
        marks=("BEKREFTET",),
    )  # fmt: skip
    page = html_page(certificate(failing), AT)
    assert "<mark>BEKREFTET</mark>" in page
    assert page.count("<mark>") == 1
    assert "BEKREFTETE &lt;b&gt; &amp; more" in page
    assert "<strong>1. GET /api</strong>" in page


def test_html_is_made_for_dark_screens_phones_and_paper(page: str) -> None:
    for part in ("prefers-color-scheme: dark", "@media (max-width", "@media print", "width=device-width"):
        assert part in page


def test_a_conformant_run_says_so_first_and_what_it_does_not_cover() -> None:
    whole = Page(html_page(certificate(complete=True), AT)).text
    assert "CONFORMANT" in whole
    assert "Nothing needs mending" in whole
    part = certificate(result("CAT-01"), result("CAT-02"))
    assert "in the 2 rules that were chosen, of" in Page(html_page(part, AT)).text
    hidden = certificate(result("CAT-01", Verdict.NOT_PROVABLE), complete=True)
    assert "1 rule needs another one" in hidden.headline()


def waived(rule_id: str, month: int) -> Result:
    rule = result(rule_id).rule
    waiver = Waiver(rule_id, "ticket 4711", date(2027, month, 31))
    return result(rule_id, Verdict.XFAIL, waiver=waiver, remedy=rule.remedy(next(iter(rule.causes))))


def test_a_waived_failure_is_told_beside_the_verdict_and_by_when_it_must_be_mended() -> None:
    one = certificate(waived("SLOT-06", 3), complete=True)
    told = "CONFORMANT; waived: 1 rule until 2027-03-31 (SLOT-06)"
    assert (one.exit_code, one.headline(), one.summary()[0]) == (0, told, f"mysystem: {told}")
    assert f'name="headline" value="{told}"' in junit_xml(one, AT)
    assert json.loads(json_text(one, AT))["waived"] == {"SLOT-06": "2027-03-31"}
    text = " ".join(Page(html_page(one, AT)).text.split())
    assert (
        f"{told} To be mended, since it does not hold and is only waived for a while: SLOT-06 by 2027-03-31: " in text
    )
    assert "Nothing needs mending" not in text
    assert "ticket 4711" in text
    failing = certificate(waived("SLOT-06", 3), result("CAT-01", Verdict.FAIL), complete=True)
    assert failing.headline() == told.replace("CONFORMANT", "NOT CONFORMANT")
    assert "SLOT-06 by 2027-03-31: " in " ".join(Page(html_page(failing, AT)).text.split())


def test_few_waived_rules_are_named_and_many_are_counted_with_the_nearest_day() -> None:
    def told(*rows: Result) -> str:
        return certificate(*rows, complete=True).headline().partition("; ")[2]

    assert told(waived("SLOT-06", 3), waived("SLOT-07", 3)) == "waived: 2 rules until 2027-03-31 (SLOT-06, SLOT-07)"
    assert told(waived("SLOT-06", 5), waived("SLOT-07", 3)) == (
        "waived: 2 rules, each until its day (SLOT-07 2027-03-31, SLOT-06 2027-05-31)"
    )
    many = [waived(f"SLOT-{number:02}", 3 if number == 7 else 5) for number in range(5, 10)]
    assert told(*many) == "waived: 5 rules, the first until 2027-03-31"


def test_what_is_told_of_bookings_has_a_name_of_its_own() -> None:
    facts = {"lost_answers": "person"}
    page = html_page(certificate(result("BOOK-09", facts=facts)), AT)
    assert "<dt>If an answer is lost</dt><dd>lost answers are resolved by a person only" in page
    assert "<dt>Bookings</dt>" not in page
    searched = result("BOOK-09", Verdict.SKIP, facts={"search_only": "not_supported"})
    assert "<dt>Bookings</dt><dd>can be searched and not booked</dd>" in html_page(certificate(searched), AT)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_terminal_names_every_rule_that_does_not_hold(capsys: pytest.CaptureFixture[str], lang: Language) -> None:
    failing = certificate(*(result(rule.id, Verdict.FAIL) for rule in RULES[:20]))
    tell_verdict(Output(lang=lang), failing, [], 0)
    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if line.strip().startswith("FAIL ")]
    assert [line.split()[1] for line in heads] == [one.rule.id for one in failing.broken]
    assert all(f"{one.rule.title} ({one.cause})" in line for one, line in zip(failing.broken, heads, strict=True))
    first = lines.index(heads[12])
    assert lines[first : first + 8] == heads[12:]
    assert lines[first - 1].startswith(("And 8 more rules", "Og 8 regler til"))


def test_a_run_that_was_broken_off_is_no_verdict_and_names_what_is_left() -> None:
    broken_off = certificate(result("CAT-01"), result("CAT-02", Verdict.NOT_RUN))
    assert broken_off.headline() == "NO VERDICT: broken off with 1 of 2 rules left"
    assert broken_off.exit_code == 1
    assert "CAT-02" in Page(html_page(broken_off, AT)).text


NOT_JUDGED = {
    "expected": "a booking that stands",
    "got": "none: 0 made",
    "reason": "an ordinary booking failed first",
    "reproduce": "kobling certify mysystem --rule SECR-01 --seed 1",
}


def test_a_rule_that_was_not_judged_says_so_first_and_gives_no_advice_about_what_it_asks() -> None:
    vacuous = result("SECR-01", Verdict.VACUOUS, **NOT_JUDGED)
    text = " ".join(Page(html_page(certificate(vacuous), AT)).text.split())
    assert "Not judged. An ordinary booking failed first. Mend that first: the rule itself can be tried then." in text
    for part in ("a booking that stands", "none: 0 made", "See it again", vacuous.reproduce):
        assert part in text, part
    for part in ("What is wrong", "Where to look", "The same call without the fault", vacuous.rule.check):
        assert part not in text, part
    lines = "\n".join(vacuous.lines())
    assert "not judged: An ordinary booking failed first." in lines
    assert "look at" not in lines


def test_a_suite_that_broke_is_not_judged_either_and_one_that_comes_and_goes_says_when_it_failed() -> None:
    broke = Page(html_page(certificate(result("SECR-01", Verdict.ERROR, reason="KeyError at here.py:7")), AT)).text
    assert "Not judged. The suite or the mock broke" in broke
    assert "KeyError at here.py:7." in broke
    flaky = result("SECR-01", Verdict.FLAKY, reason="the same seed gave PASS the next time")
    text = " ".join(Page(html_page(certificate(flaky), AT)).text.split())
    assert f"when it was run again with the same seed. When it failed: {flaky.remedy} ({flaky.reason})" in text
    assert flaky.rule.look_at(flaky.cause) in text


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        (["FAIL", "VACUOUS", "PASS", "SKIP"], "1 of the 3 rules that were run does not hold, 1 could not be judged"),
        (["FAIL", "FLAKY", "PASS", "SKIP", "NOT_PROVABLE", "NOT_RUN"], "2 of the 3 rules that were run do not hold"),
        (["ERROR", "PASS"], "1 of the 2 rules that were run could not be judged"),
        (["FAIL", "SKIP"], "the one rule that was run does not hold"),
        (["VACUOUS"], "the one rule that was run could not be judged"),
        (["PASS", "SKIP"], ""),
    ],
)
def test_the_tally_counts_what_was_run_and_tells_what_fails_from_what_was_not_judged(
    verdicts: list[str], told: str
) -> None:
    rows = [result(f"SLOT-{number:02}", Verdict(one)) for number, one in enumerate(verdicts, 1)]
    assert certificate(*rows).tally == told


def test_what_the_other_side_gave_is_told() -> None:
    def sides(**modes: str) -> str:
        return result(
            "SECR-01", Verdict.FAIL, mode="sync", modes={one: Verdict(two) for one, two in modes.items()}
        ).sides

    assert sides(**{"async": "PASS", "sync": "FAIL"}) == "in sync calls; async: PASS"
    assert sides(**{"async": "FAIL", "sync": "FAIL"}) == "the same in async and sync calls"
    assert sides(sync="FAIL") == "in sync calls"
    assert result("SECR-01", Verdict.FAIL).sides == ""


def test_a_word_that_a_report_uses_in_its_own_way_is_explained_and_led_to() -> None:
    failing = Page(html_page(certificate(result("SLOT-05", Verdict.FAIL, got="told as SlotTaken")), AT))
    assert "#words" in failing.addresses
    told = [word for word in WORDS if WORDS[word] in failing.text]
    assert told == ["told"], "what the report does not say needs no explanation"


def test_rules_that_fail_for_one_reason_are_named_together() -> None:
    failures = [replace(result(rule, Verdict.FAIL), cause="not_renewed") for rule in ("CONN-09", "CONN-10")]
    page = Page(html_page(certificate(*failures), AT))
    assert "CONN-09, CONN-10 fail with the same reason, not_renewed" in page.text
    assert "the same reason" not in Page(html_page(certificate(failures[0]), AT)).text
