"""A certificate as a file: canonical JSON with an Ed25519 signature (RFC 8032), and the keys for it.

    {"schema": "kobling-certificate/1", "vendor": …, "rules": […], "evidence_hash": …,
     "signature": {"algorithm": "Ed25519", "key_id": …, "value": base64}}

The signature is over the canonical JSON of everything else. Signing needs `cryptography` (the extra `sign`); reading a
certificate does not. A private key is PEM (PKCS #8) without a password, in a file that only its owner can read.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from .canonical import canonical
from .certificate import Certificate, suite_version
from .headline import lost_answers, not_booked, sentence, verdict_parts, waived
from .verdicts import Verdict, exit_code

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["BadCertificate", "BadKey", "Sealed", "SealedRule", "new_key", "private_key", "public_key", "seal", "unseal"]

SCHEMA = "kobling-certificate/1"


class BadKey(ValueError):
    """A file that holds no Ed25519 key in PEM, or one with a password. The text never holds what was read."""


class BadCertificate(ValueError):
    """A file that is no certificate. The text says where it is not."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class WaiverRow(_Strict):
    """Why a rule may not hold, and until when (a date)."""

    reason: str
    until: str


class SealedRule(_Strict):
    """What is certified of one rule; `Certificate.rows`."""

    rule: str
    title: str
    safety: bool
    fingerprint: str
    verdict: str
    seed: int
    seeds: dict[str, str]
    mode: str | None
    controls: list[str]
    evidence: list[str]
    facts: dict[str, str]
    waiver: WaiverRow | None
    cause: str | None = None


class Signature(_Strict):
    """Who signed (the first half of SHA-256 of the raw public key), and the signature in base64."""

    algorithm: Literal["Ed25519"]
    key_id: str
    value: str


class Sealed(_Strict):
    """A certificate as it stands in its file."""

    schema_: str
    issued_at: str
    vendor: str
    vendor_version: str
    adapter: str
    adapter_version: str
    suite_version: str
    target: str
    seeds: list[int]
    headline: str
    conformant: bool
    complete: bool
    exit_code: int
    lost_answers: str | None
    counts: dict[str, int]
    evidence_hash: str
    rules: list[SealedRule]
    signature: Signature | None = None

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on every rule by id."""
        return {row.rule: Verdict(row.verdict) for row in self.rules}

    def headline_in(self, words: Mapping[str, str]) -> str:
        """The headline in a language's words, from what is certified."""
        found = Counter(row.verdict for row in self.rules)
        counts = {verdict.value: found[verdict.value] for verdict in Verdict if found[verdict.value]}
        code = exit_code(self.verdicts.values())
        verdict = verdict_parts(code, counts, self.target, None, complete=self.complete)
        more = not_booked(row.facts for row in self.rules), lost_answers(self.lost_answers)
        return sentence(verdict, waived(self.waived), *more, words=words)

    @property
    def waived(self) -> dict[str, str]:
        """The last day (a date) of each rule that does not hold and is waived, by its id, the nearest one first."""
        found = {
            row.rule: row.waiver.until if row.waiver else "-" for row in self.rules if row.verdict == Verdict.XFAIL
        }
        return dict(sorted(found.items(), key=lambda one: one[1]))


def seal(certificate: Certificate, at: datetime, key: Ed25519PrivateKey | None = None) -> bytes:
    """The certificate's file. at: when it is issued, aware. key: who signs; without one it says nothing of who made it.

    The same certificate, moment and key give the same bytes."""
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "issued_at": at.astimezone(UTC).replace(microsecond=0).isoformat(),
        "vendor": certificate.vendor,
        "vendor_version": certificate.vendor_version,
        "adapter": certificate.adapter,
        "adapter_version": certificate.adapter_version,
        "suite_version": suite_version(),
        "target": certificate.target,
        "seeds": list(certificate.seeds),
        "headline": certificate.headline(),
        "conformant": certificate.conformant,
        "complete": certificate.complete,
        "exit_code": certificate.exit_code,
        "lost_answers": certificate.lost_answers,
        "counts": certificate.counts,
        "evidence_hash": certificate.evidence_hash,
        "rules": certificate.rows,
    }
    if key is not None:
        value = base64.b64encode(key.sign(canonical(told))).decode()
        told["signature"] = {"algorithm": "Ed25519", "key_id": key_id(key.public_key()), "value": value}
    return canonical(told) + b"\n"


def unseal(data: bytes) -> tuple[Sealed, Mapping[str, Any]]:
    """A certificate's file as values, and as the JSON that was signed. Raises `BadCertificate`."""
    try:
        found = json.loads(data, object_pairs_hook=_once, parse_float=_no_float, parse_constant=_no_float)
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise BadCertificate(f"the schema is not {SCHEMA}")
        sealed = Sealed.model_validate({"schema_": SCHEMA, **{n: v for n, v in found.items() if n != "schema"}})
        sealed.verdicts  # noqa: B018 - an unknown verdict is a ValueError here
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (ValueError, RecursionError) as error:
        problem = str(error) if isinstance(error, BadCertificate) else f"it can't be read ({type(error).__name__})"
    else:
        return sealed, {name: value for name, value in found.items() if name != "signature"}
    raise BadCertificate(problem)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadCertificate("a name stands twice in it")
    return found


def _no_float(_: str) -> Any:
    raise BadCertificate("a number in it has a fraction")


# ---- keys


def new_key() -> tuple[bytes, bytes]:
    """A new private key and its public key, both PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """The private key in a PEM. Raises `BadKey`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: object = None
    with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(pem, None)
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey("there is no Ed25519 private key in PEM without a password")
    return key


def public_key(pem: bytes) -> Ed25519PublicKey:
    """The public key in a PEM. Raises `BadKey`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key: object = None
    with contextlib.suppress(ValueError, UnsupportedAlgorithm):
        key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey("there is no Ed25519 public key in PEM")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """A short name of a public key: 16 hexadecimal digits of SHA-256 over its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]
