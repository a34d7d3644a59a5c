"""httpx is needed to send over the network, and for nothing else."""

from __future__ import annotations

import subprocess
import sys
import textwrap

NO_HTTPX = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("httpx", "httpcore"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


def child(code: str) -> str:
    """What a Python without httpx prints."""
    program = NO_HTTPX + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_drivers_needs_no_httpx() -> None:
    assert child("import kobling, kobling.drivers, kobling.addresses; print('imported')") == "imported"


def test_making_a_driver_for_the_network_says_what_to_install() -> None:
    said = child(
        """
        from kobling.addresses import UrlPolicy
        from kobling.drivers import AsyncDriver, HttpxMissing, SyncDriver
        for driver in (SyncDriver, AsyncDriver):
            try:
                driver(policy=UrlPolicy())
            except ImportError as error:
                assert isinstance(error, HttpxMissing) and error.__cause__ is None
                print(error)
        """
    )
    assert said.count("pip install kobling") == 2


def test_a_driver_with_an_exchange_runs_without_httpx() -> None:
    said = child(
        """
        from kobling.addresses import UrlPolicy
        from kobling.commands import Send
        from kobling.drivers import SyncDriver
        from kobling.exchange import WireRequest, reply
        def flow():
            return (yield Send(WireRequest("GET", "https://klinikk.example/"), "a", 5.0, False))
        with SyncDriver(policy=UrlPolicy(), exchange=lambda request: reply(text="hei")) as driver:
            print(driver.run(flow()).body.decode())
        """
    )
    assert said == "hei"


def test_the_contract_its_values_and_play_need_no_httpx() -> None:
    code = """
import kobling
from kobling.testing import play, reply
from kobling import Adapter, ConnectionForm, Clinic, NoAuth, ErrorMap, Limits, PatientFields, required

class Tiny(Adapter):
    key = "tiny"; name = "Tiny"; contract = 1
    form = ConnectionForm(external_id=required(nb="n", en="n", example="1"))
    base_url = "https://tiny.example"; auth = NoAuth(); errors = ErrorMap(); limits = Limits()
    patient_fields = PatientFields()
    async def identify(self, http): return Clinic(name=(await http.get("x")).read(str, at="/name"))
    async def catalogue(self, http): ...
    async def list_slots(self, http, query): ...

assert play(Tiny, "identify", replies=[reply(200, json={"name": "T"})]).result.name == "T"
try:
    kobling.Kobling()
except ImportError as error:
    assert "pip install" in str(error), error
else:
    raise SystemExit("a Kobling was made without httpx")
"""
    child(code)
