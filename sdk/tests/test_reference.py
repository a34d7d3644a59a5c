"""A reference travels as one tag of a fixed form, in a note that is written whole or not at all."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.reference import (
    ALPHABET,
    TAG_LENGTH,
    NoteRefused,
    NoteTooLong,
    compose_note,
    find_tags,
    looks_like_tag,
    strip_tags,
    tag,
)

ONE = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
TWO = UUID("ffffffff-ffff-ffff-ffff-ffffffffffff")
NAME = "Prøve Testesen, 1980"


# ---- the tag


def test_the_tag_of_a_known_reference_is_known() -> None:
    assert tag(UUID(int=0)) == "[K:" + "0" * 26 + "]"
    assert tag(UUID(int=1)) == "[K:" + "0" * 25 + "1]"
    assert tag(UUID(int=32)) == "[K:" + "0" * 24 + "10]"
    assert tag(TWO) == "[K:7" + "Z" * 25 + "]"
    assert tag(ONE) == "[K:01H455VB4PEX5VSKNK084SN02Q]"


@given(st.uuids())
def test_a_tag_has_the_fixed_form_and_is_read_back(reference: UUID) -> None:
    written = tag(reference)
    assert re.fullmatch(rf"\[K:[0-7][{ALPHABET}]{{25}}\]", written)
    assert len(written) == TAG_LENGTH
    assert find_tags(written) == [reference]
    assert find_tags(f"før{written.lower()}etter") == [reference]
    assert looks_like_tag(written)


def test_tags_are_found_in_order_and_each_once() -> None:
    text = f"{tag(TWO)} SakID: TEST1234\n{tag(ONE)}{tag(TWO)}"
    assert find_tags(text) == [TWO, ONE]


def test_letters_that_look_like_digits_are_read_as_crockford_says() -> None:
    by_hand = tag(ONE).replace("0", "O").replace("1", "l")
    assert by_hand != tag(ONE)
    assert find_tags(by_hand) == [ONE]
    assert find_tags(by_hand.replace("l", "I").replace("O", "o")) == [ONE]


@pytest.mark.parametrize(
    "broken",
    [
        "[K:8" + "0" * 25 + "]",  # more than 128 bits
        "[K:" + "0" * 25 + "]",
        "[K:" + "0" * 27 + "]",
        "[K:" + "0" * 26,
        "K:" + "0" * 26,
        "[X:" + "0" * 26 + "]",
        "[K: " + "0" * 26 + "]",
        "[K:" + "0" * 13 + "\n" + "0" * 13 + "]",
        "[K:" + "0" * 25 + "U]",
        "[K:" + "0" * 25 + "\u017f]",  # a long s is an S only to a careless reader
        "[\u212a:" + "0" * 26 + "]",  # the sign for kelvin
        "[K:" + "\u0660" * 26 + "]",  # Arabic digits
        "\uff3bK:" + "0" * 26 + "\uff3d",
        "",
    ],
)
def test_a_tag_that_is_not_well_formed_is_no_tag(broken: str) -> None:
    assert find_tags(broken) == []
    assert strip_tags(broken) == broken


@pytest.mark.parametrize(
    "text",
    [
        "[K:",
        "se [k:abc]",
        "[ K : 01H4",
        "[\u200bK\u200d:\u2060x",
        "\uff3bK\uff1a",
        "\uff3b\uff2b\uff1ax",
        "[\u041a:x",
        "[\u03ba:x",
        "\u3010K:x",
        "[\nK\n:",
        "[K\u0332:",
        "[\u2800K:",
        "[\u3164K:",
        "[\u212a\u2236",
    ],
)
def test_what_could_be_taken_for_a_tag_looks_like_one(text: str) -> None:
    assert looks_like_tag(text)


@pytest.mark.parametrize(
    "text", ["", "Ring meg kl. 12", "[kneplager] begge sider", "K: ja", "OK: fint [se vedlegg]", "[1] K", "blåbær"]
)
def test_ordinary_text_does_not_look_like_a_tag(text: str) -> None:
    assert not looks_like_tag(text)


def test_tags_are_taken_out_and_the_rest_is_left() -> None:
    assert strip_tags(f"{tag(ONE)}\nSakID: TEST1234\n\nHei {tag(TWO)} der") == "SakID: TEST1234\n\nHei der"
    assert strip_tags(tag(ONE)) == ""
    assert strip_tags("  innrykk\n\nog luft ") == "  innrykk\n\nog luft "


@given(st.text(), st.uuids(), st.text())
def test_no_tag_is_left_after_taking_tags_out(before: str, reference: UUID, after: str) -> None:
    assert reference not in find_tags(strip_tags(before + tag(reference) + after))


# ---- the note


def test_a_note_has_the_tag_the_sakid_the_lines_and_the_message_in_this_order() -> None:
    note = compose_note(
        reference=ONE, sak_id="TEST1234", lines=(NAME, "Tlf. 40000000"), message="Ring ved\r\nankomst.", limit=None
    )
    assert note == f"{tag(ONE)}\nSakID: TEST1234\n{NAME}\nTlf. 40000000\nRing ved\nankomst."
    assert find_tags(note) == [ONE]


def test_a_note_without_sakid_lines_or_message_is_the_tag_alone() -> None:
    assert compose_note(reference=ONE, sak_id=None, lines=(), message=None, limit=30) == tag(ONE)
    assert compose_note(reference=ONE, sak_id=None, lines=(), message=" \n", limit=30) == tag(ONE)


@pytest.mark.parametrize("message", [None, "Hei"])
def test_a_note_that_just_fits_is_written_and_one_character_less_is_refused(message: str | None) -> None:
    def compose(limit: int | None) -> str:
        return compose_note(reference=ONE, sak_id="TEST1234", lines=(NAME,), message=message, limit=limit)

    whole = compose(None)
    assert compose(len(whole)) == whole
    with pytest.raises(NoteTooLong) as caught:
        compose(len(whole) - 1)
    assert (caught.value.needed, caught.value.limit) == (len(whole), len(whole) - 1)


def test_a_limit_of_nothing_refuses_every_note() -> None:
    with pytest.raises(NoteTooLong):
        compose_note(reference=ONE, sak_id=None, lines=(), message=None, limit=0)


@pytest.mark.parametrize(
    ("sak_id", "lines", "message", "code"),
    [
        ("TEST\n1234", (), None, "control_character"),
        (None, ("a\tb",), None, "control_character"),
        (None, ("a\nSakID: TEST9999",), None, "control_character"),
        (None, (), "a\x00b", "control_character"),
        (None, (), "a\u2028b", "control_character"),
        (None, (), "a\x85b", "control_character"),
        (None, (), "a\ud800b", "control_character"),
        ("", (), None, "empty_line"),
        (" ", (), None, "empty_line"),
        (None, ("a", ""), None, "empty_line"),
        (None, (), tag(TWO), "tag_like"),
        (None, (), "[ k : x", "tag_like"),
        (tag(TWO), (), None, "tag_like"),
        (None, ("navn [",), "K:0000", "tag_like"),
    ],
)
def test_what_may_not_stand_in_a_note_is_refused(
    sak_id: str | None, lines: tuple[str, ...], message: str | None, code: str
) -> None:
    with pytest.raises(NoteRefused) as caught:
        compose_note(reference=ONE, sak_id=sak_id, lines=lines, message=message, limit=None)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("message", "limit"), [("Testesen kommer", 40), ("Testesen\x00", None), ("Testesen [K:", None)]
)
def test_a_refusal_holds_nothing_of_the_note(message: str, limit: int | None) -> None:
    with pytest.raises((NoteTooLong, NoteRefused)) as caught:
        compose_note(reference=ONE, sak_id="TEST1234", lines=(NAME,), message=message, limit=limit)
    error = caught.value
    held = []
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_globals["__name__"] == "kobling.reference":
            held.append(dict(traceback.tb_frame.f_locals))
        traceback = traceback.tb_next
    assert held, "the frame of `compose_note` should be in the traceback"
    shown = repr([str(error), vars(error), error.__context__, error.__cause__, held])
    for content in ("Testesen", "TEST1234", "1980"):
        assert content not in shown


_line = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20).filter(
    lambda text: text.strip()
)


@given(st.uuids(), st.none() | _line, st.lists(_line, max_size=3), st.none() | _line, st.none() | st.integers(0, 120))
def test_a_note_is_whole_or_refused(
    reference: UUID, sak_id: str | None, lines: list[str], message: str | None, limit: int | None
) -> None:
    try:
        note = compose_note(reference=reference, sak_id=sak_id, lines=lines, message=message, limit=limit)
    except NoteTooLong as refused:
        assert limit is not None
        assert refused.limit == limit < refused.needed
    except NoteRefused as refused:
        assert refused.code == "tag_like"
    else:
        assert limit is None or len(note) <= limit
        assert find_tags(note) == [reference]
        for part in (sak_id, *lines, message):
            assert part is None or part.strip() in note
