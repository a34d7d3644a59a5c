"""A vendor's body is read exactly, or refused with a word and a place that hold none of it."""

from __future__ import annotations

import json
import sys
from types import FrameType, TracebackType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kobling.strictjson import CODES, MAX_FINDINGS, MAX_PLACE, Finding, JsonProblem, Parsed, loads

PATIENT = "Prøve Testesen"
HEADER = "application/json"


def problem_of(data: bytes, content_type: str | None = HEADER, *, strict_keys: bool = False) -> tuple[str, str]:
    with pytest.raises(JsonProblem) as caught:
        loads(data, content_type, strict_keys=strict_keys)
    return caught.value.code, caught.value.place


REFUSED: list[tuple[bytes, str, str]] = [
    (b"", "empty", ""),
    (b" \r\n\t", "empty", ""),
    (b"\xef\xbb\xbf", "empty", ""),
    (b"<!DOCTYPE html><title>Logg inn</title>", "html", ""),
    (b"\r\n  <html>", "html", ""),
    ("<html><title>Prøv på nytt</title>".encode("iso-8859-1"), "html", ""),
    (b"[1,]", "not_json", "offset:3"),
    (b'{"a":1', "not_json", "offset:5"),
    (b'{"a":1} {"b":2}', "not_json", "offset:8"),
    (b'\n\n{"a":}', "not_json", "offset:7"),
    (b"{'a':1}", "not_json", "offset:1"),
    (b"[01]", "not_json", "offset:2"),
    (b'["a\x00b"]', "not_json", "offset:3"),
    (b"Service Unavailable", "not_json", "offset:0"),
    (b"NaN", "nan", ""),
    (b'{"data":[1,{"price":NaN}]}', "nan", "/data/1/price"),
    (b"[0,Infinity]", "nan", "/1"),
    (b"[-Infinity]", "nan", "/0"),
    (b'{"price":1e400}', "number_out_of_range", "/price"),
    (b'{"price":-1E+9999}', "number_out_of_range", "/price"),
    (b'{"id":' + b"9" * 4301 + b"}", "number_out_of_range", "offset:4307"),
    (b'{"name":"a\\ud800b"}', "surrogate", "/name"),
    (b'["\\udc00"]', "surrogate", "/0"),
    (b'{"a":"\\ud83d\\ude00","b":"\\ud83d"}', "surrogate", "/b"),
    (b'{"b\\udfff":1}', "surrogate", "/_key_"),
    (b'{"note":"a\\u0000b"}', "nul", "/note"),
    (b'{"\\u0000":1}', "nul", "/_key_"),
    (b'{"name":"\xf8"}', "bad_charset", ""),
    (b"[" * 100_000, "too_deep", "offset:201"),
    (b"[" * 100_000 + b"]" * 100_000, "too_deep", "offset:201"),
    (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep", "offset:1005"),
    (b'["\\ud800",' + b"[" * 100_000, "too_deep", "offset:210"),
]


@pytest.mark.parametrize(("data", "code", "place"), REFUSED, ids=lambda value: str(value)[:30])
def test_what_is_not_strict_json_is_refused_with_its_code_and_place(data: bytes, code: str, place: str) -> None:
    assert problem_of(data) == (code, place)


def test_a_syntax_error_outweighs_what_else_is_wrong() -> None:
    assert problem_of(b'[NaN,"\\ud800",x]') == ("not_json", "offset:14")


def test_of_two_oddities_the_first_in_the_text_is_named() -> None:
    assert problem_of(b'{"a":"\\u0000","b":1e999}') == ("nul", "/a")
    assert problem_of(b'{"a":1e999,"b":"\\u0000"}') == ("number_out_of_range", "/a")


def test_every_code_is_reached_by_some_body() -> None:
    strict = problem_of(b'{"a":1,"a":2}', strict_keys=True)
    assert {code for _, code, _ in REFUSED} | {strict[0]} == CODES


# ---- what is read


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"18446744073709551617", 2**64 + 1),
        (b"-123456789012345678901234567890", -123456789012345678901234567890),
        (b"[1.5,1e3,-0.0,2]", [1.5, 1000.0, -0.0, 2]),
        (b'"\\u00f8\\ud83d\\ude00"', "ø\U0001f600"),
        (b'"\\\\u0000"', "\\u0000"),
        (b'"\\\\ud800"', "\\ud800"),
        (b"\xef\xbb\xbf[1]", [1]),
        (b" null ", None),
        (b"[" * 200 + b"]" * 200, None),
    ],
)
def test_valid_json_is_read_exactly(data: bytes, value: Any) -> None:
    parsed = loads(data, HEADER)
    expected = json.loads(data.removeprefix(b"\xef\xbb\xbf")) if data.startswith(b"[[") else value
    assert (parsed.value, parsed.findings) == (expected, ())
    assert type(parsed.value) is type(expected)


def test_four_thousand_three_hundred_digits_are_still_exact() -> None:
    assert loads(b"9" * 4300).value == 10**4300 - 1


@pytest.mark.parametrize("codec", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
def test_a_body_is_read_in_its_declared_charset(codec: str) -> None:
    body = json.dumps({"name": PATIENT}, ensure_ascii=False).encode(codec)
    assert loads(body, f"application/json; charset={codec}").value == {"name": PATIENT}


def test_one_letter_in_latin_1_is_read_although_it_has_the_length_of_its_bytes() -> None:
    assert loads(b'"\xf8"', "application/json; charset=iso-8859-1").value == "ø"


def test_a_body_in_windows_1252_that_says_utf_8_is_a_problem() -> None:
    body = json.dumps({"name": PATIENT}, ensure_ascii=False).encode("windows-1252")
    assert problem_of(body, "application/json; charset=utf-8") == ("bad_charset", "")


def test_a_page_is_a_page_whatever_its_header_says_and_json_is_json() -> None:
    assert problem_of(b"<html>", "application/json") == ("html", "")
    assert loads(b'{"a":1}', "text/html").value == {"a": 1}


# ---- duplicate keys


def test_a_duplicate_key_is_a_finding_on_a_read_and_the_last_value_counts() -> None:
    parsed = loads(b'{"data":[{"id":1},{"id":1,"id":2}]}')
    assert parsed.value == {"data": [{"id": 1}, {"id": 2}]}
    assert parsed.findings == (Finding("duplicate_key", "/data/1/id"),)
    assert str(parsed.findings[0]) == "duplicate_key"


def test_a_duplicate_key_is_an_error_in_the_answer_to_a_write() -> None:
    assert problem_of(b'{"data":{"id":1,"id":2}}', strict_keys=True) == ("duplicate_key", "/data/id")


def test_a_key_written_with_an_escape_is_the_same_key() -> None:
    assert problem_of(b'{"id":1,"\\u0069d":2}', strict_keys=True) == ("duplicate_key", "/id")


def test_findings_do_not_grow_with_the_body_and_hide_no_problem_behind_them() -> None:
    many = b",".join([b'{"a":1,"a":2}'] * 500)
    assert len(loads(b"[" + many + b"]").findings) == MAX_FINDINGS
    assert problem_of(b"[" + many + b",1e999]") == ("number_out_of_range", "/500")


# ---- nothing of the body gets out


def locals_of_module(traceback: TracebackType | None, module: str) -> list[object]:
    held: list[object] = []
    while traceback is not None:
        frame: FrameType = traceback.tb_frame
        if frame.f_globals["__name__"] == module:
            held.extend(frame.f_locals.values())
        traceback = traceback.tb_next
    return held


@pytest.mark.parametrize(
    "body",
    [
        f'{{"name":"{PATIENT}"'.encode(),
        f'{{"name":"{PATIENT}","price":NaN}}'.encode(),
        f'{{"name":"{PATIENT}","x":"\\ud800"}}'.encode(),
        f'{{"name":"{PATIENT}","x":"\\u0000"}}'.encode(),
        f'{{"{PATIENT}":{{"{PATIENT}":1e999}}}}'.encode(),
        f'{{"{PATIENT}":1,"{PATIENT}":2}}'.encode(),
        f"<p>{PATIENT}</p>".encode(),
        f'["{PATIENT}"]'.encode("windows-1252"),
        f'["{PATIENT}",'.encode() + b"[" * 500,
    ],
)
def test_a_problem_holds_nothing_of_the_body(body: bytes) -> None:
    with pytest.raises(JsonProblem) as caught:
        loads(body, f"application/json; charset=utf-8; note={PATIENT}", strict_keys=True)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    held = locals_of_module(error.__traceback__, "kobling.strictjson")
    assert held, "the frame of `loads` should be in the traceback"
    shown = repr([str(error), repr(error), error.args, vars(error), held])
    assert "Testesen" not in shown
    assert repr(body[:8])[2:-1] not in shown


@pytest.mark.parametrize("key", ["Ola", "01017012345", "test@example.no", "ola nordmann", "a/b", "", "x" * 33])
def test_a_key_that_may_be_content_is_not_shown_in_a_place(key: str) -> None:
    assert problem_of(json.dumps({"data": {key: {"price": float("nan")}}}).encode()) == ("nan", "/data/_key_/price")


def test_a_long_place_is_cut_at_a_whole_part() -> None:
    body = b'{"someLongFieldName":' * 30 + b"NaN" + b"}" * 30
    _, place = problem_of(body)
    assert place == "/someLongFieldName" * 4
    assert len(place) <= MAX_PLACE


def test_what_was_read_is_not_shown_in_a_repr() -> None:
    assert PATIENT not in repr(loads(json.dumps({"name": PATIENT}).encode()))


# ---- the caller's surroundings make no difference


def test_a_deep_caller_gets_the_value_or_a_clear_problem() -> None:
    body = b"[" * 150 + b"]" * 150

    def from_deep_down(levels: int) -> Parsed | str:
        if levels:
            return from_deep_down(levels - 1)
        try:
            return loads(body)
        except JsonProblem as problem:
            return problem.code

    room = sys.getrecursionlimit() - len_of_stack()
    outcome = from_deep_down(room - 100)
    assert outcome == "too_deep" or (isinstance(outcome, Parsed) and outcome.value == json.loads(body))


def len_of_stack() -> int:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def test_a_process_that_allows_fewer_digits_gets_a_clear_problem() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        found = problem_of(b"[" + b"9" * 641 + b"]")
        odd_too = problem_of(b'["\\u0000",' + b"9" * 641 + b"]")
    finally:
        sys.set_int_max_str_digits(before)
    assert found == odd_too == ("number_out_of_range", "")


# ---- any body

_words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_values = st.recursive(
    st.none() | st.booleans() | _numbers | _words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=4),
    max_leaves=20,
)


@given(_values, st.booleans())
def test_whatever_was_written_is_read_back(value: Any, ascii_only: bool) -> None:
    parsed = loads(json.dumps(value, ensure_ascii=ascii_only).encode(), strict_keys=True)
    assert parsed.value == value
    assert parsed.findings == ()


@given(
    st.lists(
        st.sampled_from(
            [b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b'"a":', b"\\ud800", b"\\u0000", b"NaN", b"-", b"1e999"]
            + [b"1", b"\xf8", b"\xef\xbb\xbf", b"\n", b"<", b"\\", b"true", b"-Infinity"]
        )
        | st.binary(max_size=3),
        max_size=12,
    ).map(b"".join),
    st.sampled_from([None, "a/b; charset=iso-8859-1", "a/b; charset=utf-16", "a/b; charset=windows-1252"]),
    st.booleans(),
)
@example(b'{"a":NaN,"a":1}', None, True)
def test_any_body_is_read_or_refused_by_one_of_the_codes(data: bytes, header: str | None, strict: bool) -> None:
    try:
        parsed = loads(data, header, strict_keys=strict)
    except JsonProblem as problem:
        assert problem.code in CODES
        assert len(problem.place) <= MAX_PLACE
    else:
        assert not (strict and parsed.findings)
        json.dumps(parsed.value, allow_nan=False).encode("ascii")
