"""Where a key may come from: an environment variable, a file, or a hidden prompt. Never an argument."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Final

from .output import shown
from .problems import Problem

DEFAULT_ENV: Final = "KOBLING_API_KEY"
MOST_BYTES: Final = 64 * 1024

KEY_OPTIONS: Final = frozenset({"--api-key", "--apikey", "--api_key", "--key", "--secret", "--token", "--password"})
PATIENT_OPTIONS: Final = frozenset(
    {
        "--patient",
        "--name",
        "--given-name",
        "--family-name",
        "--birth-date",
        "--email",
        "--phone",
        "--national-id",
        "--message",
    }
)


def refuse_secret_arguments(arguments: list[str]) -> None:
    """Raise `Problem` for an option that would carry a key or a patient. Its value is neither read nor shown."""
    given = {argument.split("=", 1)[0].lower() for argument in arguments if argument.startswith("--")}
    if given & KEY_OPTIONS:
        raise Problem("key_in_argument")
    if given & PATIENT_OPTIONS:
        raise Problem("patient_in_argument")


def reason_of(problem: OSError) -> str:
    """Why a file can't be used, in the system's words; never its name, which may be a key in the wrong place."""
    return shown(problem.strerror or type(problem).__name__)


def read_key(*, key_env: str | None, key_file: str | None, prompt: str) -> str:
    """The key from the file, else from the named variable, else from `KOBLING_API_KEY`, else typed unseen.

    prompt: what the person at the terminal is asked for. Raises `Problem` when there is none, or no way to ask.
    """
    if key_env is not None and key_file is not None:
        raise Problem("key_twice")
    if key_file is not None:
        return _from_file(key_file)
    if key_env is not None:
        found = os.environ.get(key_env)
        if found is None:
            raise Problem("key_env_missing")
        return found
    if DEFAULT_ENV in os.environ:
        return os.environ[DEFAULT_ENV]
    if sys.stdin.isatty() and sys.stderr.isatty():
        return getpass.getpass(f"{prompt}: ", stream=sys.stderr)
    raise Problem("no_key")


def _from_file(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8")
    except OSError as problem:
        reason = reason_of(problem)
    except (UnicodeDecodeError, ValueError):
        reason = "it is not UTF-8 text"
    raise Problem("key_file_unreadable", reason=reason)
