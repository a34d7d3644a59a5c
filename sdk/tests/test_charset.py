"""Bytes become text by the declared charset or as UTF-8, and are never mended."""

from __future__ import annotations

import pytest

from kobling import charset

NAME = "Bjørn Æsøy"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("application/json; charset=utf-8", "utf-8"),
        ("application/json;charset=UTF-8", "utf-8"),
        ('application/json; charset="ISO-8859-1"', "iso-8859-1"),
        ("application/json; charset='windows-1252'", "windows-1252"),
        ("application/json; profile=x; Charset = Latin1 ; q=1", "latin1"),
        ("application/json; charset=utf-8; charset=latin1", "utf-8"),
        ("application/json", None),
        ("application/json; charset=", None),
        ("", None),
        (None, None),
    ],
)
def test_the_charset_is_read_from_a_header_however_it_is_spelled(header: str | None, name: str | None) -> None:
    assert charset.declared(header) == name


@pytest.mark.parametrize("name", sorted(charset.CODECS))
def test_every_listed_charset_is_decoded_as_declared(name: str) -> None:
    text = "Kari" if name in {"us-ascii", "ascii"} else NAME
    assert charset.decode(text.encode(charset.CODECS[name]), f"application/json; charset={name}") == text


def test_latin_1_and_windows_1252_are_told_apart_by_the_header_alone() -> None:
    dash = b"\x96"
    assert charset.decode(dash, "text/plain; charset=windows-1252") == "\u2013"
    assert charset.decode(dash, "text/plain; charset=iso-8859-1") == "\x96"


@pytest.mark.parametrize("header", [None, "application/json", "application/json; charset=utf8mb4"])
def test_without_a_known_charset_the_text_is_utf_8_and_nothing_else(header: str | None) -> None:
    assert charset.decode(NAME.encode(), header) == NAME
    assert charset.decode(NAME.encode("windows-1252"), header) is None


def test_bytes_that_do_not_fit_the_declared_charset_are_refused() -> None:
    assert charset.decode(NAME.encode("windows-1252"), "application/json; charset=utf-8") is None
    assert charset.decode(b"\x81", "application/json; charset=windows-1252") is None


def test_a_utf_8_mark_is_taken_off_and_outweighs_the_header() -> None:
    marked = b"\xef\xbb\xbf" + NAME.encode()
    for header in (None, "application/json; charset=utf-8", "application/json; charset=iso-8859-1"):
        assert charset.decode(marked, header) == NAME


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_with_its_mark_only(codec: str) -> None:
    header = "application/json; charset=utf-16"
    assert charset.decode(("\ufeff" + NAME).encode(codec), header) == NAME
    assert charset.decode(NAME.encode(codec), header) is None
    assert charset.decode(("\ufeff" + NAME).encode(codec), None) is None


def test_half_of_a_surrogate_pair_is_no_text_in_any_charset() -> None:
    assert charset.decode(b"\xed\xa0\x80", None) is None
    assert charset.decode(b"\xff\xfe\x00\xd8", "text/plain; charset=utf-16") is None
