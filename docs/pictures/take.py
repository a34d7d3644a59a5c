"""The site's pictures of programs, taken from the programs: `make pictures`, which needs Chromium.

`timebook.png` is a mock's timebook with a booking in it, `report.png` what the suite says of an adapter with a planted
fault, `diagnosis.svg` the test of a connection with a wrong key on a terminal.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from kobling import BookingRequest, Connection, Kobling, Patient, SakID, SlotQuery
from kobling_cli.commands.testing import show_report
from kobling_cli.output import Output
from kobling_contract.certify import certify
from kobling_contract.reports import html_page
from kobling_mocks import Mock
from kobling_zoo.housing import exhibits

HERE = Path(__file__).parent
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
         "--hide-scrollbars", "--no-first-run", "--virtual-time-budget=3000")  # fmt: skip
FAULT, RULES = "BookingAsARead", ("CONN-01", "CAT-01", "SLOT-01", "SLOT-05", "BOOK-01", "BOOK-08", "CNCL-01")
WRITTEN = datetime(2026, 11, 24, 9, tzinfo=UTC)


class Wrapping(Console):
    """A console that breaks long lines itself, as a terminal would do for it."""

    def print(self, *what: Any, **how: Any) -> None:
        """Print, whatever was asked about wrapping."""
        super().print(*what, **{**how, "soft_wrap": False})


def photograph(url: str, name: str, size: str) -> None:
    """Save a page as a browser shows it. size: width,height in pixels."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("No chromium is on the path (Debian: apt install chromium).")
    with tempfile.TemporaryDirectory() as profile:
        where = (f"--user-data-dir={profile}", f"--window-size={size}", f"--screenshot={HERE / name}")
        subprocess.run([browser, *FLAGS, *where, url], check=True, capture_output=True, timeout=120)


def timebook() -> None:
    """A booking with its note, as the clinic sees it."""
    mock = Mock("eg-pasientsky")
    with Kobling(exchange=mock.exchange, clock=mock.clock) as kobling:
        session = kobling.session(Connection("eg-pasientsky", **mock.connection))
        day = mock.clock.now().date() + timedelta(days=1)
        slot = session.slots(SlotQuery(first_day=day, last_day=day, at_most=1)).found[0]
        patient = Patient(given_name="Kari", family_name="Prøve", email="kari@example.no")
        session.book(BookingRequest(slot=slot, patient=patient, sak_id=SakID("6QPTR"), message="Vondt i ryggen"))
    with mock.serve() as server:
        photograph(f"{server.url}/timebok/{slot.practitioner_id}", "timebook.png", "1200,760")


def report() -> None:
    """What the suite says of a planted fault."""
    exhibit = exhibits()[FAULT]
    target = exhibit.target(exhibit.adapter)
    certificate = certify(target.vendor, rules=RULES, jobs=1, target=target)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(html_page(certificate, WRITTEN), "utf-8")
        photograph(page.as_uri(), "report.png", "1000,1400")


def diagnosis() -> None:
    """A wrong key, on a terminal; without the fonts that such a picture would fetch from elsewhere."""
    mock = Mock("eg-pasientsky")
    console = Wrapping(record=True, width=104, highlight=False, markup=False, emoji=False, file=StringIO())
    with Kobling(exchange=mock.exchange, clock=mock.clock) as kobling:
        connection = Connection("eg-pasientsky", **{**mock.connection, "api_key": "a-key-that-was-withdrawn"})
        show_report(kobling.session(connection).test_connection(), Output(lang="nb", console=console))
    drawn = console.export_svg(title="kobling test eg-pasientsky")
    drawn = re.sub(r"@font-face\s*\{[^}]*\}", "", re.sub(r"<!--.*?-->", "", drawn, flags=re.DOTALL))
    (HERE / "diagnosis.svg").write_text(drawn.replace("Fira Code, monospace", "monospace"), "utf-8")


if __name__ == "__main__":
    timebook()
    report()
    diagnosis()
