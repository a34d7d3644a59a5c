"""What a certificate is worth today: is it genuine, does it agree with itself, and what must be run again.

Offline: it needs the file, the signer's public key and the installed suite, whose catalogue may be newer.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from .canonical import canonical
from .certificate import evidence_hash, suite_version
from .contract import RULES
from .rule import Rule
from .seal import Sealed, key_id, unseal
from .verdicts import CONFORMANT, Verdict, exit_code

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["DOUBTS", "RERUNS", "Checked", "check"]

DOUBTS: Mapping[str, str] = {
    "unsigned": "it is not signed",
    "other_key": "it was signed with another key than this one",
    "changed": "it was changed after it was signed",
    "evidence": "its evidence hash is not that of its rules",
    "verdicts": "its exit code, counts or conformity do not follow from its verdicts",
    "twice": "a rule stands in it twice",
}
"""Why a certificate can't be believed."""
RERUNS: Mapping[str, str] = {
    "new": "new in this suite, or left out of the run",
    "sharpened": "asked otherwise in this suite than it was then",
    "waiver_over": "its waiver has run out",
    "not_run": "it was not run",
}
"""Why a rule must be run again."""


@dataclass(frozen=True)
class Checked:
    """What was found. doubts: keys of `DOUBTS`. rerun: by key of `RERUNS` the ids of rules. removed: rules that this
    suite no longer has."""

    sealed: Sealed
    doubts: tuple[str, ...]
    rerun: Mapping[str, tuple[str, ...]]
    removed: tuple[str, ...]

    @property
    def genuine(self) -> bool:
        """True when it is signed with the given key, was not changed, and agrees with itself."""
        return not self.doubts

    @property
    def current(self) -> bool:
        """True when nothing must be run again."""
        return not self.rerun

    @property
    def good(self) -> bool:
        """True when a release may rest on it today: genuine, conformant, and current."""
        return self.genuine and self.current and self.sealed.conformant

    def as_dict(self) -> dict[str, Any]:
        """For a machine."""
        one = self.sealed
        return {
            "good": self.good,
            "genuine": self.genuine,
            "conformant": one.conformant,
            "current": self.current,
            "doubts": {code: DOUBTS[code] for code in self.doubts},
            "rerun": {code: list(rules) for code, rules in self.rerun.items()},
            "removed": list(self.removed),
            "vendor": one.vendor,
            "adapter": one.adapter,
            "adapter_version": one.adapter_version,
            "suite_version": one.suite_version,
            "installed_suite_version": suite_version(),
            "target": one.target,
            "issued_at": one.issued_at,
            "headline": one.headline,
            "waived": one.waived,
            "key_id": one.signature.key_id if one.signature else None,
        }


def check(data: bytes, key: Ed25519PublicKey, today: date, rules: Iterable[Rule] = RULES) -> Checked:
    """Check a certificate's file. rules: the installed catalogue. Raises `BadCertificate` for a file that is none."""
    sealed, signed = unseal(data)
    known = {rule.id: rule for rule in rules}
    return Checked(
        sealed,
        tuple(_doubts(sealed, signed, key)),
        {code: found for code, found in _reruns(sealed, known, today).items() if found},
        tuple(row.rule for row in sealed.rules if row.rule not in known),
    )


def _doubts(sealed: Sealed, signed: Mapping[str, Any], key: Ed25519PublicKey) -> Iterable[str]:
    if sealed.signature is None:
        yield "unsigned"
    elif sealed.signature.key_id != key_id(key):
        yield "other_key"
    elif not _right(sealed.signature.value, canonical(signed), key):
        yield "changed"
    if len({row.rule for row in sealed.rules}) < len(sealed.rules):
        yield "twice"
    if sealed.evidence_hash != evidence_hash(list(signed["rules"])):
        yield "evidence"
    code = exit_code(sealed.verdicts.values())
    counts = {verdict.value: number for verdict in Verdict
              if (number := sum(row.verdict == verdict for row in sealed.rules))}  # fmt: skip
    if (sealed.exit_code, sealed.conformant, sealed.counts) != (code, code == CONFORMANT, counts):
        yield "verdicts"


def _right(value: str, told: bytes, key: Ed25519PublicKey) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        signature = base64.b64decode(value, validate=True)
        key.verify(signature, told)
    except (InvalidSignature, ValueError):
        return False
    return base64.b64encode(signature).decode() == value  # the last sign of base64 has bits that decode to nothing


def _reruns(sealed: Sealed, known: Mapping[str, Rule], today: date) -> dict[str, tuple[str, ...]]:
    rows = {row.rule: row for row in sealed.rules}
    waived = [row for row in sealed.rules if row.verdict == Verdict.XFAIL]
    asked = {one: rule.fingerprint for one, rule in known.items()}
    return {
        "new": tuple(one for one in known if one not in rows),
        "sharpened": tuple(one for one, row in rows.items() if asked.get(one, row.fingerprint) != row.fingerprint),
        "waiver_over": tuple(row.rule for row in waived if row.waiver is None or _day(row.waiver.until) < today),
        "not_run": tuple(one for one, row in rows.items() if row.verdict == Verdict.NOT_RUN),
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.min
