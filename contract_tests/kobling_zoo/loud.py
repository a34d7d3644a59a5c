"""A fault that is planted in a module itself: importing it does something."""

from __future__ import annotations

import os
import threading

from kobling_eg_pasientsky import EgPasientsky

from .exhibit import exhibit

os.environ["KOBLING_ZOO_WAS_HERE"] = "1"
threading.Thread(target=lambda: None, daemon=True).start()


@exhibit(75, rule="FAIL-11", cause="changed")
class ChangesTheProcess(EgPasientsky):
    """Sets an environment variable and starts a thread when it is imported."""
