"""`kobling demo`: the whole story, with every installed vendor that has a mock."""

from __future__ import annotations

from kobling import load

from ..desk import Json, Lang
from ..exit_codes import ExitCode
from ..output import Output
from ..problems import Problem
from .mocks import make_mock, vendors_with_mock


def demo(*, as_json: Json = False, lang: Lang = "nb") -> int:
    """Walk through a clinic's day with each vendor, over real HTTP to its mock, lost answer included.

    Test, search, book, move, cancel. Exit code 0 when every line was true, 1 when one was not.

    JSON: {"true": bool, "problem", "stories": [{"vendor", "origin", "steps": [{"step", "lines"}]}]}
    """
    out = Output(lang=lang, as_json=as_json)
    try:
        from ..demo.story import tell_story
        from ..demo.told import NotTrue, Teller

        vendors = vendors_with_mock()
    except ModuleNotFoundError:
        raise Problem("extra_missing", extra="mocks") from None
    if not vendors:
        raise Problem("no_vendor", installed="-", problems="", package="kobling-eg-pasientsky")
    installed, teller, wrong = load(), Teller(out), ""
    try:
        for vendor in vendors:
            tell_story(make_mock(vendor), installed, teller)
    except NotTrue as problem:
        wrong = str(problem)
    if as_json:
        out.document("demo", {"true": not wrong, "problem": wrong, "stories": teller.stories})
    elif wrong:
        out.note(f"✗ {wrong}", "bold red")
    return ExitCode.NO if wrong else ExitCode.SUCCESS
