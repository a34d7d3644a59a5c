"""The command line `kobling`: test a connection, look at practitioners and open times, book, serve mocks, certify.

`main` is the entry point. `exit_codes.py` says what each exit code means; `commands/` holds the commands, `words/` what
they say to administrators, `demo/` the story that `kobling demo` tells.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line with this process's arguments, and exit."""
    try:
        from .app import app
    except ModuleNotFoundError as missing:
        if missing.name not in ("typer", "rich"):
            raise
        sys.exit("The command line needs a part that is not installed: pip install 'kobling[cli]'.")
    app()


__all__ = ["main"]
