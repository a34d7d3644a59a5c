"""How the bytes of an answer become text: one rule for every vendor, and no guessing.

1. A UTF-8 byte-order mark means UTF-8, whatever the header says; it is taken off.
2. A charset in `Content-Type` that is in `CODECS` is used as declared. Bytes that do not fit it are a problem.
   `utf-16` needs its byte-order mark.
3. No charset, or one that is not in the table: strict UTF-8, which is what JSON is by its own rule (RFC 8259, 8.1).

An answer that does not fit is refused rather than mended: a replaced letter in a name or an id is a wrong name or id.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

CODECS: Final[dict[str, str]] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "iso-8859-1",
    "iso8859-1": "iso-8859-1",
    "iso_8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "windows-1252": "windows-1252",
    "cp1252": "windows-1252",
    "utf-16": "utf-16",
}
"""Charset names that are honoured in a header, in lower case, and the codec of each."""

_CHARSET = re.compile(r"""; *charset *= *["']?([A-Za-z0-9_.:\-]+)""", re.IGNORECASE | re.ASCII)
_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def declared(content_type: str | None) -> str | None:
    """The charset that a `Content-Type` header names, in lower case; None when it names none. The first one counts."""
    found = _CHARSET.search(content_type) if content_type else None
    return found.group(1).lower() if found else None


def codec_of(data: bytes, content_type: str | None) -> str | None:
    """The codec that the rule chooses: "utf-8", "utf-8-sig", "iso-8859-1", "windows-1252" or "utf-16".

    None when the header says UTF-16 and the bytes have no byte-order mark.
    """
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    codec = CODECS.get(declared(content_type) or "", "utf-8")
    return None if codec == "utf-16" and not data.startswith(_UTF16_MARKS) else codec


def decode(data: bytes, content_type: str | None) -> str | None:
    """The text of an answer by the module's rule, or None when its bytes do not fit the charset.

    data: the body after any content encoding has been undone. Nothing is raised: a `UnicodeDecodeError` would carry
    the whole body with it.
    """
    return decoded(data, codec_of(data, content_type))


def decoded(data: bytes, codec: str | None) -> str | None:
    """The text of bytes in the codec that `codec_of` chose; None without one, or when the bytes do not fit it."""
    if codec is None:
        return None
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None
