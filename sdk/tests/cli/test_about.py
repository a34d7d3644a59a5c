"""`kobling about`: what a word means, from what is installed."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from kobling import AdapterBug
from kobling.errors import all_errors
from kobling.texts import messages
from kobling_cli.app import app, tell
from kobling_cli.commands.about import articles, topics
from kobling_cli.exit_codes import ExitCode
from kobling_cli.output import Output
from kobling_cli.wording import LANGUAGES, Language
from kobling_contract.contract import BOOKS, RULES
from kobling_contract.verdicts import Verdict


def about(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["about", *arguments])
    return done.exit_code, done.output


@pytest.mark.parametrize("lang", LANGUAGES)
def test_whatever_has_a_name_is_told_without_a_gap(lang: Language) -> None:
    tables = messages("en")
    suite = [*(one.id for one in RULES), *(book.area for book in BOOKS), *Verdict]
    every = [*suite, *all_errors(), *tables["defect"], *tables["finding"], *tables["because"]]
    assert sorted(every) == sorted(name for names in topics().values() for name in names)
    for topic in every:
        for article in articles(topic, lang):
            told = [article.title, *(text for _, text in article.sections)]
            assert len(told) > 1 or article.kind in ("verdict", "reason"), topic
            assert all(told), topic
            assert not any("{vendor}" in text for text in told), topic


def test_a_rule_is_told_with_every_way_to_fail_and_its_page() -> None:
    rule = RULES[0]
    _, said = about(rule.id.lower(), "--lang", "en")
    text = " ".join(said.split())
    assert all(" ".join(part.split()) in text for part in (rule.why, rule.check, rule.control, *rule.causes))
    assert f"reference/rules/{rule.id}" in said


def test_a_rule_is_told_in_english_throughout_since_it_is_written_in_english_only() -> None:
    rule = next(one for one in RULES if len(one.causes) > 1)
    norwegian, english = about(rule.id, "--lang", "nb"), about(rule.id, "--lang", "en")
    assert norwegian == english
    assert english[1].count("Ways to fail") == 1


def test_machines_get_both_languages() -> None:
    _, said = about("second_write", "--json")
    (article,) = json.loads(said)["articles"]
    assert article["page"] == "reference/adapter-defects"
    assert article["text"]["nb"]["title"] == messages("nb")["defect"]["second_write"]["what"]
    assert article["text"]["en"]["sections"] == [["do", messages("en")["defect"]["second_write"]["do"]]]


def test_an_unknown_word_is_answered_with_similar_ones_and_without_a_word_all_are_listed() -> None:
    code, said = about("secnd_write", "--lang", "en")
    assert code == 2
    assert "second_write" in said
    assert "secnd" not in said, "what was typed may be anything, also a key"
    code, said = about()
    assert code == 0
    assert all(name in said for name in ("SLOT-05", "slot_taken", "second_write", "offline"))


def test_whoever_makes_an_adapter_is_told_how_to_mend_it_where_it_goes_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    defect = AdapterBug("second_write", vendor="mysystem", operation="book")
    code = tell(defect, Output(lang="en"))
    said = capsys.readouterr().err
    assert code == ExitCode.DEFECT
    assert messages("en")["defect"]["second_write"]["do"] in " ".join(said.split())
    assert "kobling about second_write" in said
    tell(defect, Output(as_json=True))
    assert json.loads(capsys.readouterr().out)["to_the_author"]["nb"] == defect.defect("nb")


def test_the_words_of_a_report_are_told_in_any_case() -> None:
    assert "not judged" in about("vacuous", "--lang", "en")[1]
    code, said = about("slot", "--lang", "en")
    assert code == 0
    assert all(rule.id in said for rule in RULES if rule.area == "SLOT")
    assert "The server made its certificate itself." in about("self_signed", "--lang", "en")[1]
