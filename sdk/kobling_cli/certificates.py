"""Keys and certificates in files, for the commands that sign and check; every problem with them in words."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from .files import read_file
from .output import shown
from .problems import Problem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["needs_signing", "read_private_key", "read_public_key"]


def needs_signing() -> None:
    """Raise `Problem` where signing is not installed."""
    for extra, part in (("contract", "kobling_contract.seal"), ("sign", "cryptography")):
        try:
            import_module(part)
        except ModuleNotFoundError:
            raise Problem("extra_missing", extra=extra) from None


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a PEM file. Raises `Problem`, which never tells what was read."""
    needs_signing()
    from kobling_contract.seal import BadKey, private_key

    try:
        return private_key(read_file(path))
    except BadKey:
        pass
    raise Problem("bad_private_key", path=shown(str(path)))


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The public key in a PEM file. Raises `Problem`."""
    needs_signing()
    from kobling_contract.seal import BadKey, public_key

    try:
        return public_key(read_file(path))
    except BadKey:
        pass
    raise Problem("bad_public_key", path=shown(str(path)))
