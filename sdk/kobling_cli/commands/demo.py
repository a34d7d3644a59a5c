"""`kobling demo`: the whole story, with every installed vendor that has a mock."""

from __future__ import annotations

from kobling import load

from ..desk import Lang
from ..exit_codes import ExitCode
from ..output import Output
from ..problems import Problem
from .mocks import make_mock, vendors_with_mock


def demo(*, lang: Lang = "nb") -> int:
    """Walk through a clinic's day with each vendor, over real HTTP to its mock: test, search, book, move, cancel, and a
    lost answer. Exit code 0 when every line was true, 1 when one was not."""
    out = Output(lang=lang)
    try:
        from ..demo.story import tell_story
        from ..demo.told import NotTrue, Teller

        vendors = vendors_with_mock()
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="mocks") from None
    if not vendors:
        raise Problem("no_vendor", installed="-", problems="")
    installed = load()
    for vendor in vendors:
        try:
            tell_story(make_mock(vendor), installed, Teller(out))
        except NotTrue as problem:
            out.note(f"✗ {problem}", "bold red")
            return ExitCode.NO
    return ExitCode.SUCCESS
