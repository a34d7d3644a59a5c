"""Two written names are one person's when nothing but the writing differs."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobling import normal_name
from kobling.names import LETTERS, TITLES, normal_hpr, same_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kari Prøve", "kari prøve"),
        ("Kari Prøve", "KARI PRØVE"),
        ("Kari Prøve", "  Kari\u00a0 \tPrøve\n"),
        ("Kari Prøve", "Kari Proeve"),
        ("Åse Ærlig", "Aase Aerlig"),
        ("Åse Ærlig", unicodedata.normalize("NFD", "Åse Ærlig")),
        ("Åse Ærlig", unicodedata.normalize("NFKD", "ÅSE ÆRLIG")),
        ("Kari Prøve", "Dr. Kari Prøve"),
        ("Kari Prøve", "Dr.med. Kari Prøve"),
        ("Kari Prøve", "Fysioterapeut Kari Prøve"),
        ("Kari Prøve", "Kiropraktor Kari Prøve, MNKF"),
        ("Kari Prøve", "Kari Prøve (Manuellterapeut)"),
        ("Kari Prøve", "Kari Prøve - psykolog"),
        ("Kari Prøve", "Psykologspesialist Kari Prøve, Ph.D."),
        ("Kari Prøve", "Spesialist i klinisk psykologi Kari Prøve"),
        ("Kari Prøve", "Autorisert naprapat Dr. Kari Prøve"),
        ("Kari Prøve", "Prøve, Kari"),
        ("Kari Prøve", "PRØVE, KARI, fysioterapeut"),
        ("Kari Prøve", "Prøve, fysioterapeut Kari"),
        ("Anne-Marie Prøve-Test", "Anne Marie Prøve Test"),
        ("Anne-Marie Prøve", "Anne\u2010Marie Prøve"),
        ("Anne-Marie Prøve", "Anne – Marie Prøve"),
        ("Anne-Marie Prøve", "Anne\u00ad-Marie\u200b Prøve"),
        ("Jovnna Áhkkánas", "Jovnna Ahkkanas"),
        ("Máret Ŋávdnje Čeŧđáš", "MARET NAVDNJE CETDAS"),
        ("Ájlla Ïjje", "Ajlla Ijje"),
        ("André Léon Müller", "Andre Leon Mueller"),
        ("Björn Äng", "Bjørn Æng"),
        ("Łucja Straße", "Lucja Strasse"),
        ("Siobhán O’Prøve", "Siobhan O'Prove".replace("Prove", "Prøve")),
        ("K. Prøve", "K Prøve"),
        ("Ｋａｒｉ Prøve", "Kari Prøve"),
        ("Ǿyvind Ǽrlig", "Øyvind Ærlig"),
    ],
)
def test_names_that_only_are_written_otherwise_are_the_same(one: str, other: str) -> None:
    assert normal_name(other) == normal_name(one)
    assert same_name(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kari Prøve", "Kari Prove"),
        ("Kari Prøve", "Kari Anne Prøve"),
        ("Kari Prøve", "K. Prøve"),
        ("Kari Prøve", "Prøve Kari"),
        ("Kari Prøve", "Kari"),
        ("Kari Prøve", "Karin Prøve"),
        ("Anne Marie Prøve", "Annemarie Prøve"),
        ("Håkon Prøve", "Hakon Prøve"),
        ("Dr. Kari", "Lege"),
        ("", ""),
        ("Fysioterapeut", "Kiropraktor"),
        ("Fysioterapeut", "Fysioterapeut"),
        ("Даша Прёве", "Паша Прёве"),
    ],
)
def test_names_that_differ_in_more_than_writing_are_not(one: str, other: str) -> None:
    assert not same_name(one, other)


def test_a_title_in_the_middle_is_part_of_the_name_and_one_that_is_all_there_is_leaves_none() -> None:
    assert normal_name("Kari Lege Prøve") == "kari lege proeve"
    assert normal_name("Dr. Fysioterapeut, MNFF") == ""


@pytest.mark.parametrize("title", sorted(TITLES))
def test_every_title_is_taken_off_at_both_ends_and_in_capitals(title: str) -> None:
    for written in (f"{title} Kari Prøve", f"Kari Prøve, {title.upper()}", f"{title.title()}. Kari Prøve ({title})"):
        assert normal_name(written) == "kari proeve"


@pytest.mark.parametrize("letter", sorted(LETTERS))
def test_a_letter_is_spelt_out_composed_decomposed_and_as_a_capital(letter: str) -> None:
    for one in (letter, letter.upper(), unicodedata.normalize("NFD", letter)):
        if one != "I":  # the capital of ı is also the capital of i
            assert normal_name(f"x{one}x") == f"x{LETTERS[letter]}x"


NAMES = st.lists(
    st.one_of(
        st.sampled_from(["Kari", "Åse-Marie", "Jovnna", "Áhkkánas", "Prøve", "Ng", ",", "-", "Dr.", "MNFF", "(lege)"]),
        st.text(max_size=6),
    ),
    max_size=6,
).map(" ".join)


@settings(max_examples=300)
@given(NAMES)
def test_a_normal_form_is_its_own_normal_form(name: str) -> None:
    assert normal_name(normal_name(name)) == normal_name(name)


@settings(max_examples=300)
@given(NAMES)
def test_composed_and_decomposed_text_have_one_normal_form(name: str) -> None:
    forms = {normal_name(unicodedata.normalize(form, name)) for form in ("NFC", "NFD")}
    assert forms == {normal_name(name)}


def test_no_letter_of_an_alphabet_has_a_normal_form_that_is_not_its_own_or_that_depends_on_composition() -> None:
    for code in range(0x3000):
        letter = chr(code)
        if unicodedata.category(letter)[0] in "LMN":
            normal = normal_name(f"a{letter}")
            assert normal_name(normal) == normal, hex(code)
            assert normal_name(unicodedata.normalize("NFD", f"a{letter}")) == normal, hex(code)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("9001234", "9001234"),
        (" 900 12 34 ", "9001234"),
        ("HPR 9001234", "9001234"),
        ("hpr-nr.: 9001234", "9001234"),
        ("HPR-nummer 9001234", "9001234"),
        ("009001234", "9001234"),
        ("９００１２３４", "9001234"),
        ("0000000", None),
        ("", None),
        (None, None),
        ("ukjent", None),
        ("9001234 / 9005678", None),
        ("9001234A", None),
    ],
)
def test_an_hpr_number_is_its_digits_and_anything_else_is_none(written: str | None, number: str | None) -> None:
    assert normal_hpr(written) == number
