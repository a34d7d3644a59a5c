"""Taking off what a text may be hidden under: escapes, percent signs, entities, base64, hexadecimal, compression."""

from __future__ import annotations

import base64
import binascii
import html
import quopri
import re
import zlib
from collections.abc import Iterator
from urllib.parse import unquote_plus

__all__ = ["GUESSED", "decoded", "texts_of"]

_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPE = re.compile(r"\\(?:u\{?([0-9A-Fa-f]{4,6})\}?|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|([/\"'\\ntr0]))")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}:?){4,}(?![0-9A-Za-z])")
_QUOTED = re.compile(r"=[89A-F][0-9A-F]")
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
MOST = 16 * 1024 * 1024
"""Bytes that are unpacked at most."""
READABLE = 0.85
"""The share of letters, digits and blanks from which on bytes without a charset are taken for a text."""


GUESSED = frozenset({"base64", "hexadecimal"})
"""Wrappings that ordinary signs may seem to be by chance."""


def decoded(text: str, bare: str) -> Iterator[tuple[str, str]]:
    """What a text may also mean: how, and the text beneath. bare: the text without the invented ids in it, which are
    no wrapping."""
    if _PERCENT.search(text):
        yield "percent", unquote_plus(text)
    if "&" in text and html.unescape(text) != text:
        yield "entities", html.unescape(text)
    if _ESCAPE.search(text):
        yield "escapes", _unescaped(text)
    if _QUOTED.search(text):
        for one in texts_of(quopri.decodestring(text.encode("utf-8", "surrogatepass"))):
            yield "quoted printable", one
    for found in _HEX.finditer(bare):
        digits = found[0].replace(":", "")
        if len(digits) % 2 == 0:
            for one in texts_of(bytes.fromhex(digits)):
                yield "hexadecimal", one
    joined = re.sub(r"\s*\n\s*", "", bare) if "\n" in bare else bare
    for token in dict.fromkeys(found[0] for part in (bare, joined) for found in _BASE64.finditer(part)):
        for one in _from_base64(token):
            yield "base64", one


def texts_of(data: bytes) -> list[str]:
    """The texts that some bytes may be: in a charset, or compressed, or neither."""
    found = []
    for unpacked in _unpacked(data):
        found += texts_of(unpacked)
    text = _text(data)
    return [*found, text] if text is not None else found


def _unescaped(text: str) -> str:
    def sign(found: re.Match[str]) -> str:
        number = found[1] or found[2] or found[3]
        if number is None:
            return _NAMED.get(found[4], found[4])
        value = int(number, 16)
        return chr(value) if value < 0x110000 else found[0]

    plain = _ESCAPE.sub(sign, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _from_base64(token: str) -> list[str]:
    bare = token.rstrip("=")
    if bare == token and token.isalpha() and (token.islower() or token.isupper() or token.istitle()):
        return []  # a word, and nothing that base64 would look like
    found = []
    for start in range(2 if len(bare) % 4 == 1 else 1):
        part = bare[start:]
        padded = part.translate(str.maketrans("-_", "+/")) + "=" * (-len(part) % 4)
        try:
            found += texts_of(base64.b64decode(padded, validate=True))
        except (binascii.Error, ValueError):
            continue
    return found


def _unpacked(data: bytes) -> Iterator[bytes]:
    """What is compressed: gzip, zlib, or raw deflate."""
    if len(data) < 8:
        return
    if data[:2] == b"\x1f\x8b":
        windows = (31,)
    elif data[0] == 0x78 and int.from_bytes(data[:2]) % 31 == 0:
        windows = (15,)
    else:
        windows = (-15,)
    for window in windows:
        try:
            unpacker = zlib.decompressobj(window)
            found = unpacker.decompress(data, MOST)
        except zlib.error:
            continue
        if len(found) >= 4 and (window > 0 or (unpacker.eof and _text(found) is not None)):
            yield found


def _text(data: bytes) -> str | None:
    if len(data) < 3:
        return None
    if (
        data[:2] in (b"\xff\xfe", b"\xfe\xff")
        or data[1::2].count(0) > len(data) // 3
        or data[::2].count(0) > len(data) // 3
    ):
        name = "utf-16-be" if data[::2].count(0) > data[1::2].count(0) else "utf-16-le"
        found = data.decode("utf-16" if data[:1] in b"\xff\xfe" else name, "replace")
        return found if _printable(found) else None
    try:
        found = data.decode("utf-8")
        return found if _printable(found) else None
    except UnicodeDecodeError:
        found = data.decode("cp1252", "replace")
    plain = sum(sign.isascii() and (sign.isalnum() or sign.isspace()) for sign in found)
    return found if _printable(found) and len(found) >= 8 and plain >= READABLE * len(found) else None


def _printable(text: str) -> bool:
    return all(sign.isprintable() or sign.isspace() for sign in text)
