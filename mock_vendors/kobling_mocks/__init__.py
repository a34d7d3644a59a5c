"""Mock vendors: one model of a clinic and several vendors' dialects over it, written from the vendor's side.

    mock = Mock("eg-pasientsky")
    with mock.serve() as server:
        print(server.url, mock.connection)

`clinic/` holds what a clinic's timebooks hold, `dialects/` how each vendor says it. `mock.py` is the door; a call goes
through `app.py` and `service.py`; `world.py` is what one test sees; `faults.py`, `barriers.py`, `switches.py` are what
it can order and `journal.py` is what it can look at afterwards.
"""

from .barriers import Barrier
from .dialect import (
    Account,
    Answer,
    Dialect,
    DialectProblem,
    Operation,
    Refused,
    Unread,
    Visit,
    find_dialect,
    installed_dialects,
)
from .facts import FACTS, Fact, FactMeaning, can_hold, silent_about
from .faults import KINDS, Fault
from .journal import FINDINGS, Call, Finding, Journal
from .keys import key_of
from .listpage import ListPage
from .mock import Mock, serving
from .overview import serve_overview
from .serve import Served
from .switches import Switch, Switches
from .wireids import NumberedIds, OwnIds, SpelledIds, WireIds, short_code
from .world import Unsound, World

__all__ = [
    "FACTS",
    "FINDINGS",
    "KINDS",
    "Account",
    "Answer",
    "Barrier",
    "Call",
    "Dialect",
    "DialectProblem",
    "Fact",
    "FactMeaning",
    "Fault",
    "Finding",
    "Journal",
    "ListPage",
    "Mock",
    "NumberedIds",
    "Operation",
    "OwnIds",
    "Refused",
    "Served",
    "SpelledIds",
    "Switch",
    "Switches",
    "Unread",
    "Unsound",
    "Visit",
    "WireIds",
    "World",
    "find_dialect",
    "installed_dialects",
    "key_of",
    "serve_overview",
    "serving",
    "short_code",
    "can_hold",
    "silent_about",
]
