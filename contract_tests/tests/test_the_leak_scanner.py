"""The leak scanner finds keys and people wherever they hide, finds nothing in what is clean, and knows no scrubber."""

from __future__ import annotations

import ast
import base64
import gzip
import html
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

import kobling_contract.cassette_scan as scanner
from kobling_contract.cassette_scan.scan import Finding, scan
from kobling_contract.cassette_scan.shapes import strange_words
from kobling_contract.recording.corpus import WORDS, own_words

KEY = "sk-live-9f3KqW7eZtRb2LmX"
LEAKS = {
    "key": (KEY, {"key", "canary", "name"}),
    "fødselsnummer": ("15108695088", {"national id"}),
    "D-number": ("41010112360", {"national id"}),
    "test person (Tenor)": ("05915399713", {"national id"}),
    "phone": ("+47 412 34 567", {"phone"}),
    "name": ("Gunnhild Marstrander", {"name"}),
}
"""What is planted, and as what it may be found."""


def cassette(**changes: Any) -> dict[str, Any]:
    """A clean recording with one interaction."""
    return {
        "interactions": [
            {
                "request": {
                    "method": "POST",
                    "uri": "http://vendor.example.test/api/bookings?page=1",
                    "headers": {"accept": ["application/json"], "x-kobling-credential": ["right"]},
                    "body": json.dumps({"note": "[K:0000001MG997FRE8K0GJRV6E5S] SakID: KANARI42"}),
                },
                "response": {
                    "status": {"code": 200, "message": None},
                    "headers": {"content-type": ["application/json"]},
                    "body": {"string": json.dumps({"id": "00000000-2924-439f-85f6-428b48040750", "name": "Prøvvik"})},
                },
            }
        ],
        "metadata": {
            "kobling": {
                "rule": "WIRE-07",
                "vendor": "mysystem",
                "recorded_at": "2026-11-23T07:00:00+00:00",
                "allowed": {"members": ["id", "name", "note", "page"], "segments": ["api", "bookings"]},
            }
        },
        "version": 1,
        **changes,
    }


def written(path: Path, told: dict[str, Any]) -> Path:
    path.write_text(yaml.dump(told), "utf-8")
    return path


def found(path: Path, *, canaries: tuple[str, ...] = ()) -> list[Finding]:
    return scan(path, canaries=canaries, vendors={"mysystem": "mysystem:MySystem"}).findings


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def token(value: str) -> str:
    """A JSON web token whose claims hold the value."""
    parts = ({"alg": "HS256"}, {"sub": value})
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts), "c2ln"]
    )


def answer(told: Any) -> Callable[[dict[str, Any]], None]:
    def plant(cassette: dict[str, Any]) -> None:
        cassette["interactions"][0]["response"]["body"]["string"] = told

    return plant


def noted(text: str) -> Callable[[dict[str, Any]], None]:
    return answer(json.dumps({"note": text}, ensure_ascii=False))


def escaped(value: str) -> str:
    return "".join(f"\\u{ord(sign):04x}" for sign in value)


def _header(value: str) -> Callable[[dict[str, Any]], None]:
    return lambda told: told["interactions"][0]["response"]["headers"].update({"x-trace": [value]})


def _link(value: str) -> Callable[[dict[str, Any]], None]:
    link = f'<http://vendor.example.test/api/bookings?page=2>; rel="next {value}"'
    return lambda told: told["interactions"][0]["response"]["headers"].update({"link": [link]})


def _uri(tail: str) -> Callable[[dict[str, Any]], None]:
    return lambda told: told["interactions"][0]["request"].update(uri=f"http://vendor.example.test/api/{tail}")


PLACES: dict[str, Callable[[str], Callable[[dict[str, Any]], None]]] = {
    "a value": noted,
    "a sentence": lambda value: noted(f"prøvvik: {value}, falskdal"),
    "a member's name": lambda value: answer(json.dumps({value: 1})),
    "escapes of JSON": lambda value: answer('{"note": "' + escaped(value) + '"}'),
    "JSON in JSON": lambda value: noted(json.dumps({"note": json.dumps([value])})),
    "a header": _header,
    "a link's relation": _link,
    "a link's address": lambda value: _link(f'>; <http://vendor.example.test/{quote(value)}>; rel="last'),
    "a path": lambda value: _uri(quote(value)),
    "a query": lambda value: _uri(f"bookings?page={quote(value)}"),
    "percent twice": lambda value: _uri(f"bookings?page={quote(quote(value))}"),
    "base64": lambda value: noted(b64(f"{value} prøvvik".encode())),
    "base64 for addresses": lambda value: noted(base64.urlsafe_b64encode(f"??>{value}".encode()).decode().rstrip("=")),
    "binary with gzip": lambda value: answer(gzip.compress(value.encode())),
    "binary with deflate": lambda value: answer(zlib.compress(value.encode())),
    "gzip in base64": lambda value: noted(b64(gzip.compress(json.dumps({"a": value}).encode()))),
    "raw deflate in base64": lambda value: noted(b64(zlib.compress(value.encode())[2:-4])),
    "a web token": lambda value: noted(token(value)),
    "hexadecimal": lambda value: noted(value.encode().hex()),
    "entities": lambda value: noted("".join(f"&#{ord(sign)};" for sign in value)),
    "entities in base64": lambda value: noted(b64(html.escape(f"<b title='{value}'>{value}</b>").encode())),
    "UTF-16 in base64": lambda value: noted(b64(value.encode("utf-16"))),
    "metadata": lambda value: lambda told: told["metadata"]["kobling"].update(message=value),
    "a reason phrase": lambda value: lambda told: told["interactions"][0]["response"]["status"].update(message=value),
    "another interaction's field": lambda value: lambda told: told["interactions"][0].update(comment=value),
    "another document's field": lambda value: lambda told: told.update(remark=[{"a": value}]),
}


def test_a_clean_recording_has_no_finding(tmp_path: Path) -> None:
    told = cassette()
    link = '<http://vendor.example.test/api/bookings?page=2>; rel="next"'
    told["interactions"][0]["response"]["headers"]["link"] = [link]
    assert found(written(tmp_path / "WIRE-07.yaml", told)) == []


@pytest.mark.parametrize("leak", ["key", "fødselsnummer", "phone", "name"])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_planted_is_found_wherever_it_hides(tmp_path: Path, place: str, leak: str) -> None:
    value, kinds = LEAKS[leak]
    told = cassette()
    PLACES[place](value)(told)
    findings = found(written(tmp_path / "WIRE-07.yaml", told), canaries=(KEY,))
    assert {one.kind for one in findings} & kinds, f"{leak} in {place}: {findings}"
    assert not any(value in str(one) for one in findings), "a finding shows what it found"


@pytest.mark.parametrize("leak", LEAKS)
def test_what_yaml_itself_does_not_read_is_looked_at_too(tmp_path: Path, leak: str) -> None:
    value, kinds = LEAKS[leak]
    path = written(tmp_path / "WIRE-07.yaml", cassette())
    clean = path.read_text("utf-8")
    for planted in (f"# {value}\n{clean}", clean.replace("version: 1", f"version: '{value}'\nversion: 1")):
        path.write_text(planted, "utf-8")
        assert {one.kind for one in found(path, canaries=(KEY,))} & kinds, planted[:80]


def test_a_name_in_yaml_escapes_or_a_file_name_is_found(tmp_path: Path) -> None:
    told = cassette()
    noted("Åse Marstrander")(told)
    path = written(tmp_path / "Marstrander.yaml", told)
    assert "\\xC5se" in path.read_text("utf-8")
    assert {one.where for one in found(path)} >= {"its name", "interactions/0/response/body:/note"}


@pytest.mark.parametrize(
    ("place", "value"),
    [("members", "Kari"), ("segments", "12345678901234"), ("members", "+4741234567"), ("members", KEY)],
)
def test_what_is_declared_may_be_no_name_and_no_number(tmp_path: Path, place: str, value: str) -> None:
    told = cassette()
    told["metadata"]["kobling"]["allowed"][place].append(value)
    assert found(written(tmp_path / "WIRE-07.yaml", told), canaries=(KEY,))


def test_a_declared_word_stands_at_its_place_only(tmp_path: Path) -> None:
    told = cassette()
    told["metadata"]["kobling"]["allowed"] |= {"members": ["status", "note"], "values": {"/status": ["BEKREFTET"]}}
    told["interactions"][0]["request"]["uri"] = "http://vendor.example.test/"
    answer(json.dumps({"status": "BEKREFTET"}))(told)
    assert found(written(tmp_path / "WIRE-07.yaml", told)) == []
    answer(json.dumps({"note": "BEKREFTET"}))(told)
    assert [one.kind for one in found(written(tmp_path / "WIRE-07.yaml", told))] == ["name"]


def test_another_file_beside_recordings_is_looked_through_and_no_recording(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(gzip.compress("ring Gunnhild på 412 34 567".encode()))
    assert {one.kind for one in found(tmp_path)} >= {"unreadable", "name", "phone"}


def test_it_imports_nothing_of_the_suite() -> None:
    folder = Path(scanner.__file__).parent
    own = {"decodings", "shapes", "scan"}
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(one.name.startswith("kobling") for one in node.names), file.name
            elif isinstance(node, ast.ImportFrom):
                inside = node.level == 1 and node.module in own
                assert inside or (node.level == 0 and not str(node.module).startswith("kobling")), (
                    f"{file.name}: {node.module}"
                )


def test_its_own_corpus_knows_every_invented_word_and_no_other() -> None:
    assert list(strange_words(" ".join((*WORDS, *(word.upper() for word in WORDS), *own_words())))) == []
    assert list(strange_words("Kari Nordmann Lund Åse Prøve Østhaug Bo")) == [
        "Kari", "Nordmann", "Lund", "Åse", "Prøve", "Østhaug", "Bo",
    ]  # fmt: skip
