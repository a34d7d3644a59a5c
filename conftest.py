"""What every test finds: the modules beside a plugin's tests, no language that its caller has chosen, and a Ctrl-C that
works also where a shell runs the tests in the background."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path += sorted(str(path) for path in Path(__file__).parent.glob("plugins/*/tests"))
os.environ.pop("KOBLING_LANG", None)
os.environ["LC_ALL"] = "C.UTF-8"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # inherited by the servers that tests end with Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
